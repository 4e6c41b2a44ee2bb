//! A scan of keys in sorted order.

use std::sync::Arc;

use crate::bits;
use crate::key_tree::{KeyCounts, KeyTree, KeyVisitor, RangeId};
use crate::program::{Below, CandidateSet, FileSearch, Program};
use crate::{Error, ExcludeRules, FileStructurePattern, Name};

/// A scan of the keys of an object store, an archive or an inventory, told in
/// sorted order.
///
/// Keys are paths relative to the source, with `/` between components, in the
/// order of their UTF-8 bytes, each once. A key that ends in `/` is a directory's
/// marker: the directory exists, and no file. Its answers are those of
/// [`Scan`](crate::Scan) on the same tree.
///
/// The keys may be cut into ranges that are told side by side, in any order: each
/// in sorted order within itself. Matches are there as soon as no range has keys
/// of their directory any more. What is kept is the ways down to where the ranges
/// are, not the tree.
///
/// A key with a component that is empty, `.` or `..` is no path. The components
/// before that one exist; the key is among those that [`take_bad`](Self::take_bad)
/// gives.
///
/// # Example
///
/// ```
/// use pathvein_core::{ExcludeRules, FileStructurePattern, KeyScan};
///
/// let data = FileStructurePattern::builder("data").file("*.parquet").build()?;
/// let run = FileStructurePattern::builder("run_*").directory(data).build()?;
///
/// let (mut scan, range) = KeyScan::new(&[run], "lab", None, ExcludeRules::default());
/// let rest = scan.split(range, "run_2/")?;
/// scan.keys(rest, ["run_2/notes.txt"])?;
/// scan.keys(range, ["run_1/config.json", "run_1/data/a.parquet"])?;
/// scan.end(range);
/// assert_eq!(scan.take_matches(), [("run_1".to_string(), 0)]);
/// scan.end(rest);
/// assert!(scan.is_done());
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Debug)]
pub struct KeyScan {
    tree: KeyTree<Matcher>,
}

#[derive(Debug)]
struct Matcher {
    program: Program,
    max_depth: usize,
    source: Box<str>,
}

#[derive(Debug)]
struct State {
    /// What the directory's name leaves possible; `None`: nothing.
    candidates: Option<Arc<CandidateSet>>,
    files: FileSearch,
    /// What they ask of the sub-directories, if anything.
    below: Option<Below>,
    /// What of that some sub-directory satisfies, by its place there.
    satisfied: Box<[u64]>,
}

impl Matcher {
    fn state(&self, parent: Option<&State>, depth: usize, name: Name<'_>) -> State {
        let wanted = match parent.and_then(|parent| parent.below.as_ref()) {
            Some(below) => &below.wanted,
            None => self.program.wanted_afresh(depth <= self.max_depth),
        };
        let mut hits = Vec::new();
        let candidates = self.program.hit_directories(wanted, name, &mut hits);
        let candidates = candidates.then(|| Arc::new(self.program.candidates(wanted, &hits)));
        let files = self.program.file_search(candidates.as_ref());
        let roots = depth < self.max_depth;
        let below = candidates.as_ref().and_then(|set| self.program.below(&set.nodes, roots));
        let satisfied = bits::zeroed(below.as_ref().map_or(0, |below| below.children.len()));
        State { candidates, files, below, satisfied }
    }
}

impl KeyVisitor for Matcher {
    type State = State;
    type Found = Vec<usize>;

    fn source(&self) -> State {
        self.state(None, 0, Name::from(&*self.source))
    }

    fn opened(&self, parent: &mut State, depth: usize, name: &str) -> (State, bool) {
        let state = self.state(Some(parent), depth, Name::from(name));
        let reaches = depth <= self.max_depth && !self.program.is_empty();
        let inside = reaches || state.candidates.as_ref().is_some_and(|set| set.looks_inside);
        (state, inside)
    }

    fn directory(&self, _: &mut State, _: &str) {}

    fn file(&self, state: &mut State, name: &str) {
        self.program.search_file(&mut state.files, name);
    }

    fn closed(
        &self,
        state: State,
        depth: usize,
        _: bool,
        parent: Option<&mut State>,
    ) -> Option<Vec<usize>> {
        let State { candidates, files, below, satisfied } = state;
        let is_satisfied = |&child: &_| {
            let place = below.as_ref().and_then(|below| below.place(child));
            place.is_some_and(|place| bits::get(&satisfied, place))
        };
        let mut matched = Vec::new();
        let mut parent = parent.and_then(|State { below, satisfied, .. }| {
            below.as_ref().map(|below| (below, satisfied))
        });
        for &id in candidates.iter().flat_map(|set| &set.nodes) {
            if !self.program.has_files(id, &files)
                || !self.program.directories(id).iter().all(is_satisfied)
            {
                continue;
            }
            if depth <= self.max_depth {
                matched.extend_from_slice(self.program.patterns(id));
            }
            if let Some((below, satisfied)) = &mut parent
                && let Some(place) = below.place(id)
            {
                bits::set(satisfied, place);
            }
        }
        (!matched.is_empty()).then_some(matched)
    }
}

impl KeyScan {
    /// A scan for `patterns`, and the range of all keys. `source` is the source's
    /// name, empty for the root of a store; `max_depth` is as in
    /// [`Scan::max_depth`](crate::Scan::max_depth).
    ///
    /// Matches name a pattern by its position. Patterns that are equal are not
    /// made one here: each is reported.
    pub fn new(
        patterns: &[FileStructurePattern],
        source: &str,
        max_depth: Option<usize>,
        exclude: ExcludeRules,
    ) -> (KeyScan, RangeId) {
        let matcher = Matcher {
            program: Program::new(patterns),
            max_depth: max_depth.unwrap_or(usize::MAX),
            source: source.into(),
        };
        let (tree, range) = KeyTree::new(matcher, exclude);
        (KeyScan { tree }, range)
    }

    crate::key_tree::key_methods!();

    /// The matches since the last call: the directory's path relative to the
    /// source, empty for the source itself, and the position of the pattern.
    pub fn take_matches(&mut self) -> Vec<(String, usize)> {
        let mut matches = Vec::new();
        for (path, patterns) in self.tree.take_found() {
            matches.extend(patterns.into_iter().map(|pattern| (path.clone(), pattern)));
        }
        matches
    }
}
