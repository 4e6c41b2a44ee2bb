//! The program: a set of patterns, compiled for matching.
//!
//! Every pattern, nested ones included, is a *node*, which is known by its number. Nodes
//! that require the same are one node, whatever they say about optional entries. The
//! distinct globs of all nodes go into one set for directory names and one for file names.
//! Every way to feed a program, be it a local walk, listings or keys, uses it as it is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::bits;
use crate::memo::Kept;
use crate::{FileStructurePattern, Name, NameGlob, NameSet};

/// The number of a node. The nodes that a node asks for have smaller numbers.
pub(crate) type NodeId = u32;

/// What a directory is required to be and to hold.
#[derive(Debug)]
struct Node {
    /// The number of the glob for its name; `None`: any name will do.
    name: Option<u32>,
    /// The numbers of the file globs. Each must match a file.
    files: Box<[u32]>,
    /// Nodes. Each must be satisfied by a sub-directory.
    directories: Box<[NodeId]>,
    /// The positions of the patterns that have this node at their top: of equal ones, that
    /// of the first. Empty for a node that occurs only nested.
    patterns: Box<[usize]>,
}

/// A set of patterns, ready for matching.
#[derive(Debug)]
pub(crate) struct Program {
    nodes: Vec<Node>,
    directory_globs: NameSet,
    file_globs: NameSet,
    /// For each directory glob, the nodes whose name it is.
    named: Vec<Vec<NodeId>>,
    /// The roots: the nodes at the top of a pattern.
    roots: Arc<SearchSet>,
    nothing: Arc<SearchSet>,
}

/// A set of nodes that directories are searched for.
#[derive(Clone, Debug)]
pub(crate) struct SearchSet {
    /// A bit for each node of the program: whether it is in the set.
    nodes: Box<[u64]>,
    /// A bit for each directory glob: whether one of the nodes has it as its name.
    globs: Box<[u64]>,
    /// The nodes among them that take any name.
    unnamed: Box<[NodeId]>,
}

impl Program {
    pub(crate) fn new(patterns: &[FileStructurePattern]) -> Program {
        let mut compiler = Compiler::default();
        let mut seen = HashSet::new();
        let distinct = patterns.iter().enumerate().filter(|(_, pattern)| seen.insert(*pattern));
        let roots: Vec<(usize, NodeId)> =
            distinct.map(|(position, pattern)| (position, compiler.node(pattern))).collect();
        let Compiler { keys, directory_globs, file_globs, .. } = compiler;
        let mut named = vec![Vec::new(); directory_globs.list.len()];
        let mut patterns_of = vec![Vec::new(); keys.len()];
        for &(position, root) in &roots {
            patterns_of[root as usize].push(position);
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
        program.nothing = Arc::new(program.search_set(&[]));
        let roots: Vec<NodeId> = roots.into_iter().map(|(_, root)| root).collect();
        program.roots = Arc::new(program.search_set(&roots));
        program
    }

    /// Whether there are no patterns.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    fn search_set(&self, ids: &[NodeId]) -> SearchSet {
        let (nodes, globs) = (bits::zeroed(self.nodes.len()), bits::zeroed(self.named.len()));
        let mut set = SearchSet { nodes, globs, unnamed: Box::default() };
        self.add_to(&mut set, ids);
        set
    }

    fn add_to(&self, set: &mut SearchSet, ids: &[NodeId]) {
        let mut unnamed = Vec::new();
        for &id in ids {
            if bits::get(&set.nodes, id as usize) {
                continue;
            }
            bits::set(&mut set.nodes, id as usize);
            match self.nodes[id as usize].name {
                Some(glob) => bits::set(&mut set.globs, glob as usize),
                None => unnamed.push(id),
            }
        }
        if !unnamed.is_empty() {
            set.unnamed = [&set.unnamed, &unnamed[..]].concat().into();
        }
    }

    /// What a directory is searched for that no directory above asks for: the roots if a
    /// match may start there, else nothing.
    pub(crate) fn sought_for_roots(&self, may_start: bool) -> &Arc<SearchSet> {
        if may_start { &self.roots } else { &self.nothing }
    }

    /// Sets in `hits` the bits of those directory globs of a search that match the name.
    /// False if the name rules out all of its nodes.
    #[inline]
    pub(crate) fn match_name(
        &self,
        sought: &SearchSet,
        name: Name<'_>,
        hits: &mut Vec<u64>,
    ) -> bool {
        hits.clear();
        hits.resize(sought.globs.len(), 0);
        self.directory_globs.hit(name, &sought.globs, hits);
        !sought.unnamed.is_empty() || hits.iter().any(|&word| word != 0)
    }

    /// The nodes of a search that a directory may satisfy, by the directory globs that
    /// match its name.
    pub(crate) fn candidates(&self, sought: &SearchSet, hits: &[u64]) -> CandidateSet {
        let mut nodes = sought.unnamed.to_vec();
        for glob in bits::ones(hits.iter().copied()) {
            let named = self.named[glob].iter();
            nodes.extend(named.filter(|&&id| bits::get(&sought.nodes, id as usize)));
        }
        let files = nodes.iter().flat_map(|&id| &self.nodes[id as usize].files).copied();
        let mut files: Vec<u32> = files.collect();
        files.sort_unstable();
        files.dedup();
        let looks_inside = nodes.iter().any(|&id| self.looks_inside(id));
        let asks_for_directories =
            nodes.iter().any(|&id| !self.nodes[id as usize].directories.is_empty());
        let (nodes, files) = (nodes.into(), files.into());
        CandidateSet { nodes, files, looks_inside, asks_for_directories }
    }

    /// Evaluates the candidates of a directory whose files are known. `match_here` and
    /// `match_below` tell whether a match may start in it, and in its sub-directories.
    pub(crate) fn evaluate(
        &self,
        candidates: &CandidateSet,
        files: &FileSearch,
        match_here: bool,
        match_below: bool,
    ) -> Evaluation {
        let (mut satisfied, mut matched, mut undecided) = (Vec::new(), Vec::new(), Vec::new());
        for &id in &candidates.nodes {
            let node = &self.nodes[id as usize];
            if !self.has_files(id, files) {
                continue;
            }
            if !node.directories.is_empty() {
                undecided.push(id);
                continue;
            }
            satisfied.push(id);
            if match_here {
                matched.extend_from_slice(&node.patterns);
            }
        }
        let requirements = self.child_requirements(&undecided, match_below).map(Arc::new);
        Evaluation { satisfied: satisfied.into(), matched: matched.into(), requirements }
    }

    /// Whether all files that a node asks for were found.
    pub(crate) fn has_files(&self, id: NodeId, files: &FileSearch) -> bool {
        !self.nodes[id as usize].files.iter().any(|&glob| files.is_missing(glob))
    }

    /// What these nodes ask of sub-directories; `None` if none of them asks for any.
    /// `match_below` tells whether a match may start in the sub-directories.
    pub(crate) fn child_requirements(
        &self,
        undecided: &[NodeId],
        match_below: bool,
    ) -> Option<ChildRequirements> {
        let nodes = undecided.iter().flat_map(|&id| &self.nodes[id as usize].directories);
        let mut nodes: Vec<NodeId> = nodes.copied().collect();
        nodes.sort_unstable();
        nodes.dedup();
        if nodes.is_empty() {
            return None;
        }
        let required = self.search_set(&nodes);
        let required = Arc::new(required);
        let sought =
            if match_below { Arc::new(self.with_roots(&nodes)) } else { Arc::clone(&required) };
        let may_match = undecided.iter().any(|&id| !self.patterns(id).is_empty());
        Some(ChildRequirements {
            required,
            sought,
            may_match,
            undecided: undecided.into(),
            nodes: nodes.into(),
        })
    }

    /// The roots and these nodes. The roots may be many, and are the same for every
    /// directory, so they are copied and not added one by one.
    fn with_roots(&self, ids: &[NodeId]) -> SearchSet {
        let mut set = SearchSet::clone(&self.roots);
        self.add_to(&mut set, ids);
        set
    }

    /// Whether a node asks for something inside its directory.
    pub(crate) fn looks_inside(&self, id: NodeId) -> bool {
        let node = &self.nodes[id as usize];
        !(node.files.is_empty() && node.directories.is_empty())
    }

    /// The nodes that a node asks of sub-directories.
    pub(crate) fn directories(&self, id: NodeId) -> &[NodeId] {
        &self.nodes[id as usize].directories
    }

    /// The positions of the patterns that have this node at their top.
    pub(crate) fn patterns(&self, id: NodeId) -> &[usize] {
        &self.nodes[id as usize].patterns
    }

    /// A search for the files that the candidates ask for.
    pub(crate) fn file_search(&self, candidates: Option<&Arc<CandidateSet>>) -> FileSearch {
        let Some(set) = candidates.filter(|set| !set.files.is_empty()) else {
            return FileSearch::default();
        };
        let mut search =
            FileSearch { is_active: true, set: Some(Arc::clone(set)), ..Default::default() };
        if set.files.len() <= FEW {
            search.missing_few = (1 << set.files.len()) - 1;
        } else {
            search.missing = bits::zeroed(self.file_globs.len());
            search.hits = search.missing.clone();
            set.files.iter().for_each(|&glob| bits::set(&mut search.missing, glob as usize));
        }
        search
    }

    /// Holds a file of the directory against the globs that no file has matched yet.
    #[inline]
    pub(crate) fn search_file<'n>(&self, search: &mut FileSearch, name: impl Into<Name<'n>>) {
        if search.is_active {
            self.search_missing(search, name.into());
        }
    }

    /// Whether a file of this name would match a glob that no file has matched yet.
    pub(crate) fn asks_for_file(&self, search: &FileSearch, name: Name<'_>) -> bool {
        if !search.is_active {
            return false;
        }
        if let (1.., Some(set)) = (search.missing_few, &search.set) {
            let files = set.files.iter().enumerate();
            let mut missing = files.filter(|(index, _)| search.missing_few >> index & 1 != 0);
            return missing.any(|(_, &glob)| self.file_globs.globs()[glob as usize].is_match(name));
        }
        let mut hits = search.missing.clone();
        hits.fill(0);
        self.file_globs.hit(name, &search.missing, &mut hits);
        hits.iter().any(|&word| word != 0)
    }

    fn search_missing(&self, search: &mut FileSearch, name: Name<'_>) {
        if let (1.., Some(set)) = (search.missing_few, &search.set) {
            let mut left = search.missing_few;
            while left != 0 {
                let index = left.trailing_zeros() as usize;
                left &= left - 1;
                if self.file_globs.globs()[set.files[index] as usize].is_match(name) {
                    search.missing_few &= !(1 << index);
                }
            }
            search.is_active = search.missing_few != 0;
            return;
        }
        self.file_globs.hit(name, &search.missing, &mut search.hits);
        search.is_active = false;
        for (missing, hit) in search.missing.iter_mut().zip(&search.hits) {
            *missing &= !hit;
            search.is_active |= *missing != 0;
        }
    }
}

impl Kept for SearchSet {
    fn bytes(&self) -> usize {
        size_of_val(&*self.nodes) + size_of_val(&*self.globs) + size_of_val(&*self.unnamed)
    }
}

impl Default for SearchSet {
    fn default() -> SearchSet {
        SearchSet { nodes: [].into(), globs: [].into(), unnamed: [].into() }
    }
}

/// The nodes that a directory's name leaves possible.
#[derive(Debug)]
pub(crate) struct CandidateSet {
    pub(crate) nodes: Box<[NodeId]>,
    /// The file globs that the nodes ask for, in rising order.
    files: Box<[u32]>,
    /// Whether any of the nodes asks for something inside the directory.
    pub(crate) looks_inside: bool,
    /// Whether any of the nodes asks for sub-directories.
    pub(crate) asks_for_directories: bool,
}

impl Kept for CandidateSet {
    fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.nodes) + size_of_val(&*self.files)
    }
}

/// What is known of a directory's candidates once its files are known.
#[derive(Debug)]
pub(crate) struct Evaluation {
    /// The nodes that are satisfied.
    pub(crate) satisfied: Box<[NodeId]>,
    /// The patterns that are matched.
    pub(crate) matched: Box<[usize]>,
    /// What the undecided candidates ask of the sub-directories; `None`: no candidate is
    /// undecided.
    pub(crate) requirements: Option<Arc<ChildRequirements>>,
}

impl Kept for Evaluation {
    fn bytes(&self) -> usize {
        let requirements =
            self.requirements.as_ref().map_or(0, |requirements| requirements.bytes());
        size_of::<Self>()
            + size_of_val(&*self.satisfied)
            + size_of_val(&*self.matched)
            + requirements
    }
}

/// Candidates that are undecided until sub-directories are known, and what they ask of
/// these.
#[derive(Debug)]
pub(crate) struct ChildRequirements {
    pub(crate) undecided: Box<[NodeId]>,
    /// The nodes that the candidates ask for, in rising order.
    pub(crate) nodes: Box<[NodeId]>,
    /// The same nodes as a search.
    pub(crate) required: Arc<SearchSet>,
    /// The search of the sub-directories: the same nodes, and the roots where a match may
    /// start.
    pub(crate) sought: Arc<SearchSet>,
    /// Whether a pattern's top is among the candidates.
    pub(crate) may_match: bool,
}

impl ChildRequirements {
    /// The index of a node among those that are asked for, if it is one of them.
    pub(crate) fn index_of(&self, id: NodeId) -> Option<usize> {
        self.nodes.binary_search(&id).ok()
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.undecided)
            + size_of_val(&*self.nodes)
            + self.required.bytes()
            + self.sought.bytes()
    }
}

/// Up to this many globs are matched one by one, and not as part of the whole set.
const FEW: usize = 8;

/// Which of the file globs that a directory's candidates ask for no file has matched yet.
#[derive(Debug, Default)]
pub(crate) struct FileSearch {
    /// Whether any glob is missing.
    is_active: bool,
    /// `None` if no file is asked for.
    set: Option<Arc<CandidateSet>>,
    /// If few globs are asked for: a bit for each file glob of the candidates.
    missing_few: u64,
    /// If many globs are asked for: a bit for each file glob of the program.
    missing: Box<[u64]>,
    hits: Box<[u64]>,
}

impl FileSearch {
    fn is_missing(&self, glob: u32) -> bool {
        if !self.missing.is_empty() {
            return bits::get(&self.missing, glob as usize);
        }
        let index = self.set.as_ref().and_then(|set| set.files.binary_search(&glob).ok());
        index.is_some_and(|index| self.missing_few >> index & 1 != 0)
    }

    /// How many globs no file has matched yet.
    pub(crate) fn missing(&self) -> u32 {
        self.words().iter().map(|word| word.count_ones()).sum()
    }

    /// All that [`evaluate`](Program::evaluate) depends on.
    pub(crate) fn words(&self) -> &[u64] {
        if self.missing.is_empty() {
            std::slice::from_ref(&self.missing_few)
        } else {
            &self.missing
        }
    }
}

/// What two nodes have in common that are one node.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    /// `None`: any name will do.
    name: Option<u32>,
    files: Box<[u32]>,
    directories: Box<[NodeId]>,
}

#[derive(Default)]
struct Compiler {
    /// The nodes of the patterns that were compiled. A pattern may hold another in many
    /// places, which hold another in many places: each is compiled once.
    compiled: HashMap<FileStructurePattern, NodeId>,
    ids: HashMap<Key, NodeId>,
    keys: Vec<Key>,
    directory_globs: Interner,
    file_globs: Interner,
}

/// Gives each distinct glob a number.
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
    /// The node of a pattern. The recursion is as deep as patterns may nest.
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
