//! Patterns compiled into one program, shared by every way of feeding it.
//!
//! Every pattern node, nested ones included, is a number; equal nodes are one,
//! whatever they say about optional entries. The distinct globs go into one set
//! for directory names and one for file names.

use std::collections::HashMap;

use crate::bits;
use crate::{FileStructurePattern, Name, NameGlob, NameSet};

/// The number of a node; a node's children have smaller numbers.
pub(crate) type NodeId = u32;

/// What a directory must be and hold.
#[derive(Debug)]
struct Node {
    /// The directory glob, by its number in the set; `None`: any name will do.
    name: Option<u32>,
    /// The globs, by their number in the set, of which each must hit a file.
    files: Box<[u32]>,
    /// The nodes of which each must be satisfied by a sub-directory.
    directories: Box<[NodeId]>,
    /// The patterns, by their position in what was compiled, that are this
    /// node at their top. Empty: it only stands nested.
    patterns: Box<[usize]>,
}

/// A set of patterns, ready to be matched.
#[derive(Debug)]
pub(crate) struct Program {
    nodes: Vec<Node>,
    directory_globs: NameSet,
    file_globs: NameSet,
    /// Per directory glob, the nodes that it names.
    named: Vec<Vec<NodeId>>,
    /// What is wanted where only whole patterns are looked for.
    roots: Wanted,
    nothing: Wanted,
}

/// The nodes looked for in the sub-directories of some directory.
#[derive(Debug)]
pub(crate) struct Wanted {
    nodes: Box<[u64]>,
    /// The directory globs of these nodes.
    globs: Box<[u64]>,
    /// Those of these nodes that any name will do for.
    unnamed: Box<[NodeId]>,
}

impl Program {
    pub(crate) fn new(patterns: &[FileStructurePattern]) -> Program {
        let mut compiler = Compiler::default();
        let mut pattern_roots = Vec::new();
        for pattern in patterns {
            pattern_roots.push(compiler.node(pattern));
        }
        let Compiler { keys, directory_globs, file_globs, .. } = compiler;
        let mut named = vec![Vec::new(); directory_globs.list.len()];
        let mut patterns_of = vec![Vec::new(); keys.len()];
        for (pattern, &root) in pattern_roots.iter().enumerate() {
            patterns_of[root as usize].push(pattern);
        }
        let mut nodes = Vec::with_capacity(keys.len());
        for (Key { name, files, directories }, patterns) in keys.into_iter().zip(patterns_of) {
            if let Some(glob) = name {
                named[glob as usize].push(nodes.len() as NodeId);
            }
            nodes.push(Node { name, files, directories, patterns: patterns.into() });
        }
        let mut program = Program {
            nodes,
            directory_globs: NameSet::new(directory_globs.list),
            file_globs: NameSet::new(file_globs.list),
            named,
            roots: Wanted::default(),
            nothing: Wanted::default(),
        };
        program.nothing = program.wanted(&[]);
        program.roots = program.wanted(&pattern_roots);
        program
    }

    /// Whether no directory can match.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many words hold a bit for every node.
    pub(crate) fn node_words(&self) -> usize {
        self.nodes.len().div_ceil(64)
    }

    fn wanted(&self, ids: &[NodeId]) -> Wanted {
        let mut nodes = bits::zeroed(self.nodes.len());
        let mut globs = bits::zeroed(self.named.len());
        let mut unnamed = Vec::new();
        for &id in ids {
            if bits::get(&nodes, id as usize) {
                continue;
            }
            bits::set(&mut nodes, id as usize);
            match self.nodes[id as usize].name {
                Some(glob) => bits::set(&mut globs, glob as usize),
                None => unnamed.push(id),
            }
        }
        Wanted { nodes, globs, unnamed: unnamed.into() }
    }

    /// What to look for where a match may start (`roots`) or not, and no
    /// pattern is under way.
    pub(crate) fn wanted_afresh(&self, roots: bool) -> &Wanted {
        if roots { &self.roots } else { &self.nothing }
    }

    /// What to look for below a directory in which `under_way` are.
    pub(crate) fn wanted_below(&self, under_way: &[NodeId], roots: bool) -> Wanted {
        let mut wanted: Vec<NodeId> = under_way
            .iter()
            .flat_map(|&id| self.nodes[id as usize].directories.iter().copied())
            .collect();
        if roots {
            wanted.extend(bits::ones(self.roots.nodes.iter().copied()).map(|id| id as NodeId));
        }
        self.wanted(&wanted)
    }

    /// The nodes out of `wanted` that a directory of this name may satisfy.
    pub(crate) fn candidates(&self, wanted: &Wanted, name: Name<'_>) -> Vec<NodeId> {
        let mut candidates = wanted.unnamed.to_vec();
        // On the stack: most programs have few globs.
        let mut few = [0; 4];
        let mut many;
        let hits: &mut [u64] = if wanted.globs.len() <= few.len() {
            &mut few[..wanted.globs.len()]
        } else {
            many = vec![0; wanted.globs.len()];
            &mut many
        };
        self.directory_globs.hit(name, &wanted.globs, hits);
        for glob in bits::ones(hits.iter().copied()) {
            let named = self.named[glob].iter();
            candidates.extend(named.filter(|&&id| bits::get(&wanted.nodes, id as usize)));
        }
        candidates
    }

    /// Whether a node asks for something inside its directory.
    pub(crate) fn looks_inside(&self, id: NodeId) -> bool {
        let node = &self.nodes[id as usize];
        !(node.files.is_empty() && node.directories.is_empty())
    }

    /// Whether all files that a node asks for are among the globs hit.
    pub(crate) fn has_files(&self, id: NodeId, hits: &[u64]) -> bool {
        self.nodes[id as usize].files.iter().all(|&glob| bits::get(hits, glob as usize))
    }

    /// Whether a node asks for sub-directories.
    pub(crate) fn has_directories(&self, id: NodeId) -> bool {
        !self.nodes[id as usize].directories.is_empty()
    }

    /// The sub-directories' nodes that a node asks for.
    pub(crate) fn directories(&self, id: NodeId) -> &[NodeId] {
        &self.nodes[id as usize].directories
    }

    /// The patterns that are this node at their top.
    pub(crate) fn patterns(&self, id: NodeId) -> &[usize] {
        &self.nodes[id as usize].patterns
    }

    /// The file globs that the candidates ask for.
    pub(crate) fn file_search(&self, candidates: &[NodeId]) -> FileSearch {
        let mut open: Box<[u64]> = [].into();
        for &id in candidates {
            for &glob in &self.nodes[id as usize].files {
                if open.is_empty() {
                    open = bits::zeroed(self.file_globs.len());
                }
                bits::set(&mut open, glob as usize);
            }
        }
        FileSearch { hits: vec![0; open.len()].into(), unmet: !open.is_empty(), open }
    }

    /// Takes a file of the directory into account.
    pub(crate) fn search_file<'n>(&self, search: &mut FileSearch, name: impl Into<Name<'n>>) {
        if !search.unmet {
            return;
        }
        self.file_globs.hit(name, &search.open, &mut search.hits);
        search.unmet = false;
        for (open, hit) in search.open.iter_mut().zip(&search.hits) {
            *open &= !hit;
            search.unmet |= *open != 0;
        }
    }
}

impl Default for Wanted {
    fn default() -> Wanted {
        Wanted { nodes: [].into(), globs: [].into(), unnamed: [].into() }
    }
}

/// Which of the file globs that were asked for have been hit.
#[derive(Debug)]
pub(crate) struct FileSearch {
    open: Box<[u64]>,
    pub(crate) hits: Box<[u64]>,
    unmet: bool,
}

/// What makes a node what it is.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    /// `None`: any name will do.
    name: Option<u32>,
    files: Box<[u32]>,
    directories: Box<[NodeId]>,
}

#[derive(Default)]
struct Compiler {
    /// The patterns that have been compiled: a pattern may hold another in many
    /// places, and those hold another in many.
    compiled: HashMap<FileStructurePattern, NodeId>,
    ids: HashMap<Key, NodeId>,
    keys: Vec<Key>,
    directory_globs: Interner,
    file_globs: Interner,
}

#[derive(Default)]
struct Interner {
    numbers: HashMap<NameGlob, u32>,
    list: Vec<NameGlob>,
}

impl Interner {
    fn number(&mut self, glob: &NameGlob) -> u32 {
        *self.numbers.entry(glob.clone()).or_insert_with(|| {
            self.list.push(glob.clone());
            self.list.len() as u32 - 1
        })
    }
}

impl Compiler {
    /// The number of a pattern's node. Recursion is bounded by the levels of a
    /// pattern.
    fn node(&mut self, pattern: &FileStructurePattern) -> NodeId {
        if let Some(&id) = self.compiled.get(pattern) {
            return id;
        }
        let key = self.key(pattern);
        let id = *self.ids.entry(key).or_insert_with_key(|key| {
            self.keys.push(key.clone());
            self.keys.len() as NodeId - 1
        });
        self.compiled.insert(pattern.clone(), id);
        id
    }

    fn key(&mut self, pattern: &FileStructurePattern) -> Key {
        let mut directories: Vec<NodeId> =
            pattern.directories().iter().map(|child| self.node(child)).collect();
        directories.sort_unstable();
        directories.dedup();
        let name = pattern
            .directory_name()
            .filter(|glob| glob.as_str() != Some("") && !glob.matches_everything())
            .map(|glob| self.directory_globs.number(glob));
        let mut files: Vec<u32> =
            pattern.files().iter().map(|glob| self.file_globs.number(glob)).collect();
        files.sort_unstable();
        files.dedup();
        Key { name, files: files.into(), directories: directories.into() }
    }
}
