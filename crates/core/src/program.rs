//! Patterns compiled into one program, shared by every way of feeding it.
//!
//! Every pattern node, nested ones included, is a number; equal nodes are one,
//! whatever they say about optional entries. The distinct globs go into one set
//! for directory names and one for file names.

use std::collections::HashMap;
use std::sync::Arc;

use crate::bits;
use crate::memo::Answer;
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
    roots: Arc<Wanted>,
    nothing: Arc<Wanted>,
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
            roots: Arc::default(),
            nothing: Arc::default(),
        };
        program.nothing = Arc::new(program.wanted(&[]));
        program.roots = Arc::new(program.wanted(&pattern_roots));
        program
    }

    /// Whether no directory can match.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
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
    pub(crate) fn wanted_afresh(&self, roots: bool) -> &Arc<Wanted> {
        if roots { &self.roots } else { &self.nothing }
    }

    /// Sets the bits of those directory globs of `wanted` that match the name;
    /// false if there is no node for it at all.
    #[inline]
    pub(crate) fn hit_directories(
        &self,
        wanted: &Wanted,
        name: Name<'_>,
        hits: &mut Vec<u64>,
    ) -> bool {
        hits.clear();
        hits.resize(wanted.globs.len(), 0);
        self.directory_globs.hit(name, &wanted.globs, hits);
        !wanted.unnamed.is_empty() || hits.iter().any(|&word| word != 0)
    }

    /// The nodes out of `wanted` that a directory of such a name may satisfy.
    pub(crate) fn candidates(&self, wanted: &Wanted, hits: &[u64]) -> CandidateSet {
        let mut nodes = wanted.unnamed.to_vec();
        for glob in bits::ones(hits.iter().copied()) {
            let named = self.named[glob].iter();
            nodes.extend(named.filter(|&&id| bits::get(&wanted.nodes, id as usize)));
        }
        let files = nodes.iter().flat_map(|&id| &self.nodes[id as usize].files).copied();
        let mut files: Vec<u32> = files.collect();
        files.sort_unstable();
        files.dedup();
        let looks_inside = nodes.iter().any(|&id| self.looks_inside(id));
        CandidateSet { nodes: nodes.into(), files: files.into(), looks_inside }
    }

    /// What comes of a directory with these candidates once its files are known.
    /// Whether a match may start in it, and in its sub-directories, is `here` and
    /// `below`.
    pub(crate) fn outcome(
        &self,
        candidates: &CandidateSet,
        files: &FileSearch,
        here: bool,
        below: bool,
    ) -> Outcome {
        let (mut satisfied, mut matched, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        for &id in &candidates.nodes {
            let node = &self.nodes[id as usize];
            if !self.has_files(id, files) {
                continue;
            }
            if !node.directories.is_empty() {
                waiting.push(id);
                continue;
            }
            satisfied.push(id);
            if here {
                matched.extend_from_slice(&node.patterns);
            }
        }
        let below = self.below(&waiting, below).map(Arc::new);
        Outcome { satisfied: satisfied.into(), matched: matched.into(), below }
    }

    /// Whether all files that a node asks for were found.
    pub(crate) fn has_files(&self, id: NodeId, files: &FileSearch) -> bool {
        !self.nodes[id as usize].files.iter().any(|&glob| files.lacks(glob))
    }

    /// What these nodes ask of sub-directories, if any of them does; `roots`: a
    /// match may start there.
    pub(crate) fn below(&self, waiting: &[NodeId], roots: bool) -> Option<Below> {
        let children = waiting.iter().flat_map(|&id| &self.nodes[id as usize].directories);
        let mut children: Vec<NodeId> = children.copied().collect();
        children.sort_unstable();
        children.dedup();
        if children.is_empty() {
            return None;
        }
        let mut wanted = children.clone();
        if roots {
            wanted.extend(bits::ones(self.roots.nodes.iter().copied()).map(|id| id as NodeId));
        }
        Some(Below {
            awaited: self.wanted(&children),
            wanted: Arc::new(self.wanted(&wanted)),
            waiting: waiting.into(),
            children: children.into(),
        })
    }

    /// Whether a node asks for something inside its directory.
    pub(crate) fn looks_inside(&self, id: NodeId) -> bool {
        let node = &self.nodes[id as usize];
        !(node.files.is_empty() && node.directories.is_empty())
    }

    /// The sub-directories' nodes that a node asks for.
    pub(crate) fn directories(&self, id: NodeId) -> &[NodeId] {
        &self.nodes[id as usize].directories
    }

    /// The patterns that are this node at their top.
    pub(crate) fn patterns(&self, id: NodeId) -> &[usize] {
        &self.nodes[id as usize].patterns
    }

    /// A search for the files that the candidates ask for.
    pub(crate) fn file_search(&self, candidates: Option<&Arc<CandidateSet>>) -> FileSearch {
        let Some(set) = candidates.filter(|set| !set.files.is_empty()) else {
            return FileSearch::default();
        };
        let mut search =
            FileSearch { unmet: true, set: Some(Arc::clone(set)), ..Default::default() };
        if set.files.len() <= FEW {
            search.few = (1 << set.files.len()) - 1;
        } else {
            search.open = bits::zeroed(self.file_globs.len());
            search.hits = search.open.clone();
            set.files.iter().for_each(|&glob| bits::set(&mut search.open, glob as usize));
        }
        search
    }

    /// Takes a file of the directory into account.
    #[inline]
    pub(crate) fn search_file<'n>(&self, search: &mut FileSearch, name: impl Into<Name<'n>>) {
        if search.unmet {
            self.search_unmet(search, name.into());
        }
    }

    fn search_unmet(&self, search: &mut FileSearch, name: Name<'_>) {
        if let (1.., Some(set)) = (search.few, &search.set) {
            let mut open = search.few;
            while open != 0 {
                let index = open.trailing_zeros() as usize;
                open &= open - 1;
                if self.file_globs.globs()[set.files[index] as usize].is_match(name) {
                    search.few &= !(1 << index);
                }
            }
            search.unmet = search.few != 0;
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

/// What a directory's name leaves possible.
#[derive(Debug)]
pub(crate) struct CandidateSet {
    pub(crate) nodes: Box<[NodeId]>,
    /// The file globs that they ask for, in rising order.
    files: Box<[u32]>,
    /// Whether any of them asks for something inside the directory.
    pub(crate) looks_inside: bool,
}

/// What has come of a directory's candidates.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The nodes that are satisfied already.
    pub(crate) satisfied: Box<[NodeId]>,
    /// The patterns that are matched already.
    pub(crate) matched: Box<[usize]>,
    /// What is under way, if anything.
    pub(crate) below: Option<Arc<Below>>,
}

impl Answer for Arc<CandidateSet> {
    fn words(&self) -> usize {
        (self.nodes.len() + self.files.len()) / 2
    }
}

impl Answer for Arc<Outcome> {
    fn words(&self) -> usize {
        let below = self.below.as_ref().map_or(0, |below| {
            let sets = below.awaited.words() + below.wanted.words();
            (below.waiting.len() + below.children.len()) / 2 + sets
        });
        self.satisfied.len() / 2 + self.matched.len() + below
    }
}

impl Wanted {
    fn words(&self) -> usize {
        self.nodes.len() + self.globs.len() + self.unnamed.len() / 2
    }
}

/// Candidates that wait for sub-directories, and what for.
#[derive(Debug)]
pub(crate) struct Below {
    pub(crate) waiting: Box<[NodeId]>,
    /// The nodes that they ask for, in rising order.
    pub(crate) children: Box<[NodeId]>,
    /// These again.
    pub(crate) awaited: Wanted,
    /// These, and the roots where a match may start.
    pub(crate) wanted: Arc<Wanted>,
}

impl Below {
    /// The place of a node among those asked for, if it is one of them.
    pub(crate) fn place(&self, id: NodeId) -> Option<usize> {
        self.children.binary_search(&id).ok()
    }
}

/// Up to this many globs are asked one by one, without looking at the others.
const FEW: usize = 8;

/// Which of the file globs that were asked for have not been hit yet.
#[derive(Debug, Default)]
pub(crate) struct FileSearch {
    unmet: bool,
    /// If nothing is asked for, none.
    set: Option<Arc<CandidateSet>>,
    /// Of a few: a bit for each file glob of the set.
    few: u64,
    /// Of many: a bit for each file glob of the program.
    open: Box<[u64]>,
    hits: Box<[u64]>,
}

impl FileSearch {
    fn lacks(&self, glob: u32) -> bool {
        if !self.open.is_empty() {
            return bits::get(&self.open, glob as usize);
        }
        let index = self.set.as_ref().and_then(|set| set.files.binary_search(&glob).ok());
        index.is_some_and(|index| self.few >> index & 1 != 0)
    }

    /// What [`outcome`](Program::outcome) depends on.
    pub(crate) fn words(&self) -> &[u64] {
        if self.open.is_empty() { std::slice::from_ref(&self.few) } else { &self.open }
    }
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
