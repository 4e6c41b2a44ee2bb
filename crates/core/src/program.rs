//! The program: a set of patterns, compiled for matching.
//!
//! Every pattern, nested ones included, is a *node*, which is known by its number. Nodes
//! that require the same are one node, whatever they say about optional entries. The
//! distinct globs and regular expressions of all nodes, the *atoms*, go into one set for
//! directory names and one for file names. Every way to feed a program, be it a local walk,
//! listings or keys, uses it as it is.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::bits;
use crate::checking::{Answer, Builder, Checklists, Checks, Known, Listed, Place, Purpose};
use crate::memo::Kept;
use crate::{FileStructurePattern, Name};

mod atoms;
mod compiler;
mod file_search;
mod requirements;
mod special;

use atoms::{AtomId, Atoms};
use compiler::{Compiled, Key};
pub(crate) use compiler::{Compiler, Interner};
use file_search::Questions;
pub(crate) use file_search::{FileSearch, PackedFiles};
pub(crate) use requirements::{Below, ChildRequirements, CountedAnswer, NotWhole};
use special::Special;
pub(crate) use special::{Tally, Verdict};

/// The number of a node. The nodes that a node asks for have smaller numbers.
pub(crate) type NodeId = u32;

/// What a directory is required to be and to hold.
#[derive(Debug)]
struct Node {
    name: NodeName,
    /// File atoms. Each must be passed by a file.
    files: Box<[AtomId]>,
    /// The nodes that sub-directories are held against. Each must be satisfied by one, unless
    /// there is something special.
    directories: Box<[NodeId]>,
    /// What is asked for besides, or in another way. Most nodes have nothing of the kind.
    special: Option<Box<Special>>,
    /// Whether a limit depends on this node: its own, or one of a node that asks for it.
    decides_limit: bool,
    /// The positions of the patterns that have this node at their top: of equal ones, that
    /// of the first. Empty for a node that occurs only nested.
    patterns: Box<[usize]>,
}

/// The atoms for a node's name, of which one is enough.
#[derive(Debug)]
enum NodeName {
    /// Any name will do.
    Any,
    One(AtomId),
    Several(Box<[AtomId]>),
}

impl NodeName {
    fn new(atoms: Box<[AtomId]>) -> NodeName {
        match *atoms {
            [] => NodeName::Any,
            [atom] => NodeName::One(atom),
            _ => NodeName::Several(atoms),
        }
    }

    fn atoms(&self) -> &[AtomId] {
        match self {
            NodeName::Any => &[],
            NodeName::One(atom) => std::slice::from_ref(atom),
            NodeName::Several(atoms) => atoms,
        }
    }
}

/// A set of patterns, ready for matching.
#[derive(Debug)]
pub(crate) struct Program {
    nodes: Vec<Node>,
    directory_atoms: Atoms,
    file_atoms: Atoms,
    /// For each directory atom, the nodes whose name it is.
    named: Vec<Vec<NodeId>>,
    /// Whether any node has several atoms for its name.
    has_alternatives: bool,
    /// Whether any node asks for something special.
    has_special: bool,
    /// The roots: the nodes at the top of a pattern.
    roots: Arc<SearchSet>,
    nothing: Arc<SearchSet>,
    /// `None` if nobody asks what is missing.
    checklists: Option<Box<Checklists>>,
}

/// A set of nodes that directories are searched for.
#[derive(Clone, Debug)]
pub(crate) struct SearchSet {
    /// A bit for each node of the program: whether it is in the set.
    nodes: Box<[u64]>,
    /// A bit for each directory atom: whether one of the nodes has it as its name.
    atoms: Box<[u64]>,
    /// The nodes among them that take any name.
    unnamed: Box<[NodeId]>,
}

/// What a directory's listing is like, and which matches are sought around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listing {
    /// Whether a match may start in the directory.
    pub(crate) match_here: bool,
    /// Whether a match may start in its sub-directories.
    pub(crate) match_below: bool,
    /// Whether it was read to its end.
    pub(crate) is_whole: bool,
    /// Whether it is asked of what cannot be told if it might be.
    pub(crate) is_precise: bool,
}

impl Listing {
    /// All this as a number.
    pub(crate) fn word(self) -> u64 {
        u64::from(self.match_here)
            | u64::from(self.match_below) << 1
            | u64::from(self.is_whole) << 2
            | u64::from(self.is_precise) << 3
    }
}

/// What is known of one candidate once the files of its directory are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByFiles {
    /// It is not satisfied.
    No,
    /// It cannot be satisfied as far as was read, and might be.
    CannotBeTold,
    /// Its files are there, so it depends on the sub-directories.
    Open {
        /// Whether all of the listing is known that it asks for.
        is_whole: bool,
    },
}

impl SearchSet {
    pub(crate) fn contains(&self, id: NodeId) -> bool {
        bits::get(&self.nodes, id as usize)
    }
}

impl Program {
    pub(crate) fn new(patterns: &[FileStructurePattern]) -> Program {
        Program::compile(patterns, None)
    }

    /// A program that tells what is missing.
    pub(crate) fn checking(patterns: &[FileStructurePattern], purpose: Purpose) -> Program {
        Program::compile(patterns, Some(purpose))
    }

    fn compile(patterns: &[FileStructurePattern], purpose: Option<Purpose>) -> Program {
        let mut compiler = Compiler::default();
        let mut seen = HashSet::new();
        let distinct = patterns.iter().enumerate().filter(|(_, pattern)| seen.insert(*pattern));
        let (roots, checklists): (Vec<(usize, NodeId)>, _) = match purpose {
            None => {
                let roots = distinct.map(|(position, pattern)| (position, compiler.node(pattern)));
                (roots.collect(), None)
            }
            Some(purpose) => {
                let mut lists = Builder::new(purpose, &mut compiler);
                let roots = distinct
                    .map(|(position, pattern)| (position, lists.add_sought(position, pattern)));
                (roots.collect(), Some(Box::new(lists.finish())))
            }
        };
        let Compiled { keys, directory_atoms, file_atoms } = compiler.finish();
        let mut named = vec![Vec::new(); directory_atoms.len()];
        let mut patterns_of = vec![Vec::new(); keys.len()];
        for &(position, root) in &roots {
            patterns_of[root as usize].push(position);
        }
        let mut nodes = Vec::with_capacity(keys.len());
        for (key, patterns) in keys.into_iter().zip(patterns_of) {
            let Key { names, files, directories, special } = key;
            names.iter().for_each(|&atom| named[atom as usize].push(nodes.len() as NodeId));
            let (name, decides_limit) = (NodeName::new(names), false);
            let patterns = patterns.into();
            nodes.push(Node { name, files, directories, special, decides_limit, patterns });
        }
        mark_deciding(&mut nodes);
        let has_alternatives = nodes.iter().any(|node| node.name.atoms().len() > 1);
        let has_special = nodes.iter().any(|node| node.special.is_some());
        let mut program = Program {
            nodes,
            directory_atoms,
            file_atoms,
            named,
            has_alternatives,
            has_special,
            roots: Arc::default(),
            nothing: Arc::default(),
            checklists,
        };
        program.nothing = Arc::new(program.search_set(&[]));
        let roots: Vec<NodeId> = roots.into_iter().map(|(_, root)| root).collect();
        program.roots = Arc::new(program.search_set(&program.sought_for(&roots)));
        program
    }

    /// Whether there are no patterns.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many nodes there are.
    pub(crate) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// How many requirements of sub-directories a node has.
    pub(crate) fn directory_requirements(&self, id: NodeId) -> usize {
        self.special(id).map_or(self.directories(id).len(), |special| special.directories.len())
    }

    fn search_set(&self, ids: &[NodeId]) -> SearchSet {
        let (nodes, atoms) = (bits::zeroed(self.nodes.len()), bits::zeroed(self.named.len()));
        let mut set = SearchSet { nodes, atoms, unnamed: Box::default() };
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
            match &self.nodes[id as usize].name {
                NodeName::Any => unnamed.push(id),
                NodeName::One(atom) => bits::set(&mut set.atoms, *atom as usize),
                NodeName::Several(atoms) => {
                    atoms.iter().for_each(|&atom| bits::set(&mut set.atoms, atom as usize));
                }
            }
        }
        if !unnamed.is_empty() {
            set.unnamed = [&set.unnamed, &unnamed[..]].concat().into();
        }
    }

    pub(crate) fn checklists(&self) -> Option<&Checklists> {
        self.checklists.as_deref()
    }

    /// What is sought where these nodes are asked for: they, and if it is asked what is missing
    /// their items.
    fn sought_for<'n>(&self, nodes: &'n [NodeId]) -> Cow<'n, [NodeId]> {
        match &self.checklists {
            None => Cow::Borrowed(nodes),
            Some(checklists) => Cow::Owned(checklists.with_items(nodes)),
        }
    }

    /// What a directory is searched for that no directory above asks for: the roots if a
    /// match may start there, else nothing.
    pub(crate) fn sought_for_roots(&self, may_start: bool) -> &Arc<SearchSet> {
        if may_start { &self.roots } else { &self.nothing }
    }

    /// Sets in `hits` the bits of those directory atoms of a search that the name passes.
    /// False if the name rules out all of its nodes.
    #[inline]
    pub(crate) fn match_name(
        &self,
        sought: &SearchSet,
        name: Name<'_>,
        hits: &mut Vec<u64>,
    ) -> bool {
        hits.clear();
        hits.resize(sought.atoms.len(), 0);
        self.directory_atoms.hit(name, &sought.atoms, hits);
        !sought.unnamed.is_empty() || hits.iter().any(|&word| word != 0)
    }

    /// The nodes of a search that a directory may satisfy, by the directory atoms that its
    /// name passes.
    pub(crate) fn candidates(&self, sought: &SearchSet, hits: &[u64]) -> CandidateSet {
        let mut nodes = sought.unnamed.to_vec();
        for atom in bits::ones(hits.iter().copied()) {
            let named = self.named[atom].iter();
            nodes.extend(named.filter(|&&id| bits::get(&sought.nodes, id as usize)));
        }
        if self.has_alternatives {
            // A name may pass several of a node's atoms.
            nodes.sort_unstable();
            nodes.dedup();
        }
        let files = nodes.iter().flat_map(|&id| &self.nodes[id as usize].files).copied();
        let mut files: Vec<AtomId> = files.collect();
        files.sort_unstable();
        files.dedup();
        let looks_inside = nodes.iter().any(|&id| self.looks_inside(id));
        let asks_for_directories =
            nodes.iter().any(|&id| !self.nodes[id as usize].directories.is_empty());
        let asks_for_listing = nodes.iter().any(|&id| self.asks_for_listing(id));
        let asks_for_names = nodes.iter().any(|&id| self.asks_for_names(id));
        let questions = if self.has_special { Questions::new(self, &nodes) } else { None };
        let asks_for_entries = !files.is_empty() || questions.is_some();
        let checks = self.checklists().and_then(|checklists| Checks::new(checklists, &nodes));
        let (nodes, files) = (nodes.into(), files.into());
        CandidateSet {
            checks,
            nodes,
            files,
            questions,
            asks_for_entries,
            looks_inside,
            asks_for_directories,
            asks_for_listing,
            asks_for_names,
        }
    }

    /// Evaluates the candidates of a directory whose files are known.
    pub(crate) fn evaluate(
        &self,
        candidates: &CandidateSet,
        files: &FileSearch,
        listing: Listing,
    ) -> Evaluation {
        let (mut satisfied, mut cannot_be_told) = (Vec::new(), Vec::new());
        let (mut undecided, mut not_whole) = (Vec::new(), Vec::new());
        for &id in &candidates.nodes {
            match self.by_files(id, files, listing.is_whole) {
                ByFiles::No => {}
                ByFiles::CannotBeTold if !listing.is_precise => cannot_be_told.push((id, true)),
                ByFiles::CannotBeTold => match self.by_part(id, files, listing.is_whole) {
                    Some(part) => {
                        undecided.push(id);
                        not_whole.push((id, part));
                    }
                    None => {
                        let may_be = !self.is_denied(id, files, listing.is_whole);
                        cannot_be_told.push((id, may_be));
                    }
                },
                ByFiles::Open { .. } if self.directories(id).is_empty() => satisfied.push(id),
                ByFiles::Open { is_whole } => {
                    undecided.push(id);
                    if !is_whole {
                        let more = || files.more(self, id, listing.is_whole);
                        let more = if listing.is_precise { more() } else { None };
                        not_whole.push((id, NotWhole { is_untold: false, more }));
                    }
                }
            }
        }
        let mut requirements = self.child_requirements(&undecided, &not_whole, listing.match_below);
        if let Some(requirements) = &mut requirements {
            requirements.alone = self.alone(requirements, listing.match_here);
        }
        let matched = self.patterns_of(&satisfied, listing.match_here);
        let mut evaluation = Evaluation {
            satisfied: satisfied.into(),
            cannot_be_told: cannot_be_told.into(),
            matched,
            requirements: requirements.map(Arc::new),
            listed: None,
        };
        evaluation.listed = self.listed(candidates, &evaluation, files, listing.is_whole);
        evaluation
    }

    /// What is known of the items of a directory's candidates; `None`: nobody asks, or nothing
    /// is missing.
    pub(crate) fn listed(
        &self,
        candidates: &CandidateSet,
        evaluation: &Evaluation,
        files: &FileSearch,
        was_read: bool,
    ) -> Option<Arc<Listed>> {
        let (checklists, checks) = (self.checklists()?, candidates.checks.as_ref()?);
        let is_whole = |id| was_read && files.knows_kinds(self, id);
        known_items(checklists, checks, evaluation, is_whole)
    }

    /// What a directory's files tell of a candidate.
    ///
    /// Only a listing that is whole tells that something is not there. So of one that is not,
    /// no limit holds, and nothing with the name can be denied.
    #[inline]
    pub(crate) fn by_files(&self, id: NodeId, files: &FileSearch, was_read: bool) -> ByFiles {
        let has_plain = !self.nodes[id as usize].files.iter().any(|&atom| files.is_missing(atom));
        match (was_read && !files.has_questions(), has_plain) {
            (true, false) => ByFiles::No,
            (true, true) => ByFiles::Open { is_whole: true },
            _ => self.by_entries(id, files, was_read, has_plain),
        }
    }

    fn by_entries(
        &self,
        id: NodeId,
        files: &FileSearch,
        was_read: bool,
        has_plain: bool,
    ) -> ByFiles {
        let node = &self.nodes[id as usize];
        let is_whole = was_read && files.knows_kinds(self, id);
        let has_files = has_plain && (node.special.is_none() || files.answers(id));
        let has_limit = || node.special.as_ref().is_some_and(|special| special.has_limit());
        match (is_whole, has_files) {
            (true, false) => ByFiles::No,
            (false, has_files) if !has_files || has_limit() => ByFiles::CannotBeTold,
            _ => ByFiles::Open { is_whole },
        }
    }

    /// What the sub-directories may tell of a node of which it cannot be told by the files;
    /// `None`: nothing.
    pub(crate) fn by_part(
        &self,
        id: NodeId,
        files: &FileSearch,
        was_read: bool,
    ) -> Option<NotWhole> {
        let limits = self.special(id).is_some_and(|special| special.limits_directories());
        let asks = limits || was_read && !self.directories(id).is_empty();
        let more = || files.more(self, id, was_read);
        let is_open = asks && !self.is_denied(id, files, was_read);
        is_open.then(|| NotWhole { is_untold: true, more: more() })
    }

    /// Whether a node of which it cannot be told by the files is certainly not satisfied, by
    /// what was read of them.
    pub(crate) fn is_denied(&self, id: NodeId, files: &FileSearch, was_read: bool) -> bool {
        let lacks = |&atom: &AtomId| files.is_missing(atom);
        // An entry whose kind could not be told counts as a file, and no other file is missing.
        was_read && self.nodes[id as usize].files.iter().any(lacks) || files.denies(id, was_read)
    }

    /// The patterns of these nodes, if a match may start here.
    fn patterns_of(&self, ids: &[NodeId], match_here: bool) -> Box<[usize]> {
        let ids = if match_here { ids } else { &[] };
        ids.iter().flat_map(|&id| self.patterns(id)).copied().collect()
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
        !(node.files.is_empty() && node.directories.is_empty() && node.special.is_none())
    }

    /// Whether more matters to a node than which sub-directories there are that can be entered.
    ///
    /// A link that is not followed may satisfy a node that asks for nothing inside. What a limit
    /// depends on has to be certain, and so has that a match can be read.
    fn asks_for_listing(&self, id: NodeId) -> bool {
        let node = &self.nodes[id as usize];
        let special = node.special.as_ref();
        let asks_for_entries = special.is_some_and(|special| special.asks_for_entries());
        match self.looks_inside(id) {
            false => !node.patterns.is_empty(),
            true => {
                node.decides_limit
                    || !node.files.is_empty()
                    || asks_for_entries
                    || self.asks_for_names(id)
            }
        }
    }

    /// Whether a node asks for a sub-directory with nothing in it.
    fn asks_for_names(&self, id: NodeId) -> bool {
        self.directories(id).iter().any(|&below| self.holds_of_nothing(below))
    }

    /// Whether a node is satisfied by a directory of its name with nothing in it.
    pub(crate) fn holds_of_nothing(&self, id: NodeId) -> bool {
        let node = &self.nodes[id as usize];
        node.files.is_empty()
            && match &node.special {
                None => node.directories.is_empty(),
                Some(special) => special.holds_of_nothing(),
            }
    }

    /// The nodes that a node asks of sub-directories.
    pub(crate) fn directories(&self, id: NodeId) -> &[NodeId] {
        &self.nodes[id as usize].directories
    }

    /// The positions of the patterns that have this node at their top.
    pub(crate) fn patterns(&self, id: NodeId) -> &[usize] {
        &self.nodes[id as usize].patterns
    }

    fn special(&self, id: NodeId) -> Option<&Special> {
        self.nodes[id as usize].special.as_deref()
    }

    fn decides_limit(&self, id: NodeId) -> bool {
        self.nodes[id as usize].decides_limit
    }

    /// All atoms that a node holds files against, but those that `closed` allows.
    fn file_atoms_of(&self, id: NodeId) -> impl Iterator<Item = AtomId> {
        let counted = self.special(id).into_iter().flat_map(|special| &special.files);
        let counted = counted.flat_map(|file| &file.atoms);
        self.nodes[id as usize].files.iter().chain(counted).copied()
    }

    /// Whether it matters to a node what an entry of this name is.
    fn asks_for(&self, id: NodeId, name: Name<'_>) -> bool {
        let is_closed = self.special(id).is_some_and(|special| special.closed.is_some());
        is_closed
            || self.file_atoms_of(id).any(|atom| self.file_atoms.is_match(atom, name))
            || self.has_name(self.directories(id), name)
    }

    /// Whether a name is that of one of these nodes.
    fn has_name(&self, ids: &[NodeId], name: Name<'_>) -> bool {
        ids.iter().any(|&id| {
            let names = self.nodes[id as usize].name.atoms();
            names.is_empty() || names.iter().any(|&atom| self.directory_atoms.is_match(atom, name))
        })
    }
}

/// What is known of the items of a directory's candidates by their nodes. `is_whole` tells
/// whether all of the listing is known that a node asks for. `None`: nothing is missing.
fn known_items(
    checklists: &Checklists,
    checks: &Arc<Checks>,
    evaluation: &Evaluation,
    is_whole: impl Fn(NodeId) -> bool,
) -> Option<Arc<Listed>> {
    let mut by_node: HashMap<NodeId, Known> = HashMap::new();
    let untold = evaluation.cannot_be_told.iter().filter(|(_, may_be)| *may_be);
    let untold = untold.map(|&(id, _)| (id, Known::Is(Answer::Unknown)));
    by_node.extend(evaluation.satisfied.iter().map(|&id| (id, Known::Is(Answer::Met))));
    by_node.extend(untold);
    let requirements = evaluation.requirements.iter();
    let undecided = (0..).zip(requirements.flat_map(|requirements| &requirements.undecided));
    by_node.extend(
        undecided.map(|(undecided, &id)| (id, Known::Open { undecided, is_unsure: false })),
    );
    let known = checks.lists.iter().map(|&list| {
        let list = checklists.list(list);
        let all_is_known = is_whole(list.node);
        let known = list.items.iter().map(|item| {
            // The directory has the name, as it is looked for.
            if item.place == Place::DirectoryName {
                return Known::Is(Answer::Met);
            }
            let is_unsure = !all_is_known && item.has_limit();
            match by_node.get(&item.node) {
                Some(Known::Open { undecided, .. }) => {
                    Known::Open { undecided: *undecided, is_unsure }
                }
                Some(Known::Is(Answer::Met)) if !is_unsure => Known::Is(Answer::Met),
                Some(Known::Is(_)) => Known::Is(item.doubt()),
                None => Known::Is(item.lack()),
            }
        });
        known.collect::<Box<[Known]>>()
    });
    let known: Box<[Box<[Known]>]> = known.collect();
    let is_met = |known: &Known| *known == Known::Is(Answer::Met);
    let is_complete = known.iter().all(|list| list.iter().all(is_met));
    let checks = Arc::clone(checks);
    (checklists.explains() || !is_complete).then(|| Arc::new(Listed { checks, known }))
}

/// Marks the nodes that a limit depends on: those that have one, and all that is asked for
/// below a limit of directories.
fn mark_deciding(nodes: &mut [Node]) {
    // Whoever asks for a node comes after it.
    for index in (0..nodes.len()).rev() {
        let mut below = Vec::new();
        if nodes[index].decides_limit {
            below.extend_from_slice(&nodes[index].directories);
        }
        if let Some(special) = &nodes[index].special {
            let limited = special.directories.iter().filter(|count| count.count.max().is_some());
            below.extend(limited.flat_map(|count| &count.alternatives));
            nodes[index].decides_limit |= special.has_limit();
        }
        below.into_iter().for_each(|id| nodes[id as usize].decides_limit = true);
    }
}

impl Kept for SearchSet {
    fn bytes(&self) -> usize {
        size_of_val(&*self.nodes) + size_of_val(&*self.atoms) + size_of_val(&*self.unnamed)
    }
}

impl Default for SearchSet {
    fn default() -> SearchSet {
        SearchSet { nodes: [].into(), atoms: [].into(), unnamed: [].into() }
    }
}

/// The nodes that a directory's name leaves possible.
#[derive(Debug)]
pub(crate) struct CandidateSet {
    pub(crate) nodes: Box<[NodeId]>,
    /// What is looked for to tell what is missing; `None`: nothing.
    pub(crate) checks: Option<Arc<Checks>>,
    /// The file atoms that the nodes ask for one file for each of, in rising order.
    files: Box<[AtomId]>,
    /// What they ask of entries besides; `None`: nothing.
    questions: Option<Box<Questions>>,
    /// Whether any of the nodes asks for files, or for none.
    asks_for_entries: bool,
    /// Whether any of the nodes asks for something inside the directory.
    pub(crate) looks_inside: bool,
    /// Whether any of the nodes asks for sub-directories.
    pub(crate) asks_for_directories: bool,
    /// Whether any of the nodes asks for more than sub-directories that were entered.
    pub(crate) asks_for_listing: bool,
    /// Whether any of the nodes asks for sub-directories that hold nothing.
    pub(crate) asks_for_names: bool,
}

impl Kept for CandidateSet {
    fn bytes(&self) -> usize {
        let questions = self.questions.as_ref().map_or(0, |questions| questions.bytes());
        let checks = self.checks.as_ref().map_or(0, |checks| checks.bytes());
        size_of::<Self>()
            + size_of_val(&*self.nodes)
            + size_of_val(&*self.files)
            + questions
            + checks
    }
}

/// What is known of a directory's candidates once its files are known.
#[derive(Debug, Default)]
pub(crate) struct Evaluation {
    /// The nodes that are satisfied.
    pub(crate) satisfied: Box<[NodeId]>,
    /// The nodes of which it cannot be told, whatever the sub-directories are, and whether
    /// each may be satisfied.
    pub(crate) cannot_be_told: Box<[(NodeId, bool)]>,
    /// The patterns that are matched.
    pub(crate) matched: Box<[usize]>,
    /// What the undecided candidates ask of the sub-directories; `None`: no candidate is
    /// undecided.
    pub(crate) requirements: Option<Arc<ChildRequirements>>,
    /// What is known of each requirement of the candidates; `None`: nobody asks, or all of
    /// them hold.
    pub(crate) listed: Option<Arc<Listed>>,
}

impl Evaluation {
    /// What is known of a node that is not undecided.
    pub(crate) fn verdict(&self, id: NodeId) -> Verdict {
        let untold = || self.cannot_be_told.iter().find(|(untold, _)| *untold == id);
        match self.satisfied.contains(&id) {
            true => Verdict::YES,
            false => untold().map_or(Verdict::default(), |&(_, may_be)| Verdict::untold(may_be)),
        }
    }
}

impl Kept for Evaluation {
    fn bytes(&self) -> usize {
        let listed = self.listed.as_ref().map_or(0, |listed| listed.bytes());
        let requirements =
            self.requirements.as_ref().map_or(0, |requirements| requirements.bytes());
        size_of::<Self>()
            + size_of_val(&*self.satisfied)
            + size_of_val(&*self.cannot_be_told)
            + size_of_val(&*self.matched)
            + requirements
            + listed
    }
}
