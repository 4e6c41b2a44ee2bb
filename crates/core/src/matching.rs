//! Matching directories one by one: what is kept of each, and how answers come up.
//!
//! Going down, the candidates of a directory are the nodes that its name leaves possible.
//! Once it is listed, a candidate whose files are not there is out; the others either are
//! satisfied or wait for sub-directories. Coming up, satisfied nodes are set in the
//! parent's bits.
//!
//! # Invariant of the countdown
//!
//! A directory's `open_children` is set once, before any of the sub-directories that feed
//! it is looked at. Each of these counts it down exactly once, after it has set its bits
//! in the parent. The count is an acquire-release operation, so whoever brings it to zero
//! sees all the bits, and it alone closes the directory. No lock is needed, and the
//! sub-directories may answer in any order and from any thread. A directory waits only for
//! directories below it, so each is closed some time, unless the scan is stopped.

mod early;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use self::early::Early;
use crate::Name;
use crate::memo::Memo;
use crate::program::{CandidateSet, ChildRequirements, Evaluation, FileSearch};
use crate::program::{NodeId, Program, SearchSet};

/// What a directory's name leaves possible.
#[derive(Debug)]
pub(crate) struct Candidates {
    /// `None`: nothing.
    set: Option<Arc<CandidateSet>>,
    /// Whether the parent's answer depends on this directory.
    feeds_parent: bool,
}

impl Candidates {
    /// Whether the parent's answer depends on the directory.
    pub(crate) fn feeds_parent(&self) -> bool {
        self.feeds_parent
    }
}

/// What is kept of a listed directory.
#[derive(Debug)]
pub(crate) struct MatchState {
    /// Whether the parent waits for this directory's answer.
    feeds_parent: bool,
    /// What the undecided candidates ask of the sub-directories; `None`: no candidate is
    /// undecided.
    requirements: Option<Arc<ChildRequirements>>,
    /// Which of the required nodes some sub-directory satisfies.
    satisfied: NodeBits,
    /// Which of them some sub-directory would satisfy if each link that is not followed led
    /// to what is asked of it.
    behind_links: NodeBits,
    /// How many sub-directories have not answered yet.
    open_children: AtomicUsize,
    /// What was decided before all have answered. `None` unless the outermost matches are
    /// looked for.
    early: Option<Box<Early>>,
}

/// A bit for each of the nodes that a directory requires, by their index there.
#[derive(Debug, Default)]
struct NodeBits {
    /// The first 64.
    first: AtomicU64,
    more: Box<[AtomicU64]>,
}

/// What is known of some patterns when a directory is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Matched,
    /// They are not matched, for nothing but required sub-directories that are there as
    /// links which are not followed.
    HiddenByLinks,
    /// Nothing more will be known of any pattern.
    Closed,
}

/// A listed directory that knows its parent.
pub(crate) trait TreeNode: Sized {
    fn parent(&self) -> Option<&Arc<Self>>;
    fn depth(&self) -> usize;
    fn state(&self) -> &MatchState;
    /// Whether it or a directory above it is known to match, where only the outermost
    /// matches are looked for.
    fn is_covered(&self) -> bool;
}

/// A program, the depth of the deepest matches, and answers that were computed before.
///
/// Most directories of a tree ask the same questions, so even with thousands of patterns
/// the answer is a matter of looking it up. A clone begins without answers.
#[derive(Debug)]
pub(crate) struct Matching {
    pub(crate) program: Arc<Program>,
    pub(crate) max_depth: usize,
    /// Whether only the outermost matches are looked for.
    pub(crate) outermost: bool,
    candidates: Memo<SearchSet, CandidateSet>,
    evaluations: Memo<CandidateSet, Evaluation>,
    /// A buffer for the words of a question.
    words: Vec<u64>,
}

impl Clone for Matching {
    fn clone(&self) -> Matching {
        Matching::new(Arc::clone(&self.program), self.max_depth, self.outermost)
    }
}

impl Matching {
    pub(crate) fn new(program: Arc<Program>, max_depth: usize, outermost: bool) -> Matching {
        Matching {
            program,
            max_depth,
            outermost,
            candidates: Memo::default(),
            evaluations: Memo::default(),
            words: Vec::new(),
        }
    }

    /// Whether all directories at `depth` are visited.
    pub(crate) fn visits_depth(&self, depth: usize) -> bool {
        depth <= self.max_depth && !self.program.is_empty()
    }

    /// The candidates of a directory at `depth`, by its name. The source has no parent.
    /// `feeds_parent` is what [`depends_on`](Self::depends_on) said. `may_start` tells
    /// whether a match may start there.
    pub(crate) fn candidates(
        &mut self,
        parent: Option<&MatchState>,
        may_start: bool,
        name: Name<'_>,
        feeds_parent: bool,
    ) -> Candidates {
        let Matching { program, candidates, words, .. } = self;
        // A directory that does not feed its parent has a name that none of the parent's
        // requirements asks for.
        let requirements = parent.filter(|_| feeds_parent).and_then(|p| p.requirements.as_ref());
        let sought = match requirements {
            Some(requirements) if may_start => &requirements.sought,
            Some(requirements) => &requirements.required,
            None => program.sought_for_roots(may_start),
        };
        let set = program.match_name(sought, name, words).then(|| {
            candidates.get_or_compute(sought, words, || program.candidates(sought, words))
        });
        Candidates { set, feeds_parent }
    }

    /// Whether a listed directory's answer depends on a sub-directory of this name.
    pub(crate) fn depends_on(&mut self, state: &MatchState, name: Name<'_>) -> bool {
        let Some(requirements) = &state.requirements else { return false };
        self.program.match_name(&requirements.required, name, &mut self.words)
    }

    /// Whether a candidate asks for something inside the directory.
    pub(crate) fn looks_inside(&self, candidates: &Candidates) -> bool {
        candidates.set.as_ref().is_some_and(|set| set.looks_inside)
    }

    /// Whether a candidate asks for sub-directories.
    pub(crate) fn asks_for_directories(&self, candidates: &Candidates) -> bool {
        candidates.set.as_ref().is_some_and(|set| set.asks_for_directories)
    }

    /// A search for the files that the candidates ask for.
    pub(crate) fn file_search(&self, candidates: &Candidates) -> FileSearch {
        self.program.file_search(candidates.set.as_ref())
    }

    /// The state of a directory whose listing has ended. The patterns that it is known to
    /// match are added to `matched`. [`wait_for`](Self::wait_for) must follow.
    pub(crate) fn listed<N: TreeNode>(
        &mut self,
        parent: Option<&Arc<N>>,
        depth: usize,
        candidates: Candidates,
        files: &FileSearch,
        matched: &mut Vec<usize>,
    ) -> MatchState {
        let Candidates { set, feeds_parent } = candidates;
        let mut state = MatchState {
            feeds_parent,
            requirements: None,
            satisfied: NodeBits::default(),
            behind_links: NodeBits::default(),
            open_children: AtomicUsize::new(0),
            early: None,
        };
        let Some(set) = set else { return state };
        let Matching { program, max_depth, evaluations, words, .. } = self;
        let (match_here, match_below) = (depth <= *max_depth, depth < *max_depth);
        words.clear();
        words.push(u64::from(match_here) | u64::from(match_below) << 1);
        words.extend_from_slice(files.words());
        let evaluation = evaluations
            .get_or_compute(&set, words, || program.evaluate(&set, files, match_here, match_below));
        matched.extend_from_slice(&evaluation.matched);
        if let Some(parent) = parent.filter(|_| feeds_parent) {
            evaluation.satisfied.iter().for_each(|&id| parent.state().satisfy(id));
        }
        state.requirements.clone_from(&evaluation.requirements);
        state
    }

    /// Makes a listed directory wait for the answers of so many sub-directories. If there
    /// are none it is closed: its undecided candidates are not satisfied.
    pub(crate) fn wait_for<N: TreeNode>(
        &self,
        parent: Option<&Arc<N>>,
        state: &mut MatchState,
        count: usize,
        mut closed: impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        let feeds_parent = parent.filter(|_| state.feeds_parent);
        if let Some(parent) = feeds_parent.filter(|_| self.outermost) {
            self.decide_early(parent, &mut closed);
        }
        if count > 0 {
            let required = state.requirements.as_ref().map_or(0, |r| r.nodes.len());
            state.satisfied = NodeBits::new(required);
            state.behind_links = NodeBits::new(required);
            *state.open_children.get_mut() = count;
            if self.outermost {
                let undecided = state.requirements.as_ref().map_or(0, |r| r.undecided.len());
                state.early = Some(Box::new(Early::new(undecided)));
            }
            return;
        }
        state.requirements = None;
        if let Some(parent) = parent.filter(|_| std::mem::take(&mut state.feeds_parent)) {
            self.answer(parent, closed);
        }
    }

    /// A sub-directory exists, and its inside is not looked at.
    pub(crate) fn not_entered<N: TreeNode>(
        &self,
        parent: &Arc<N>,
        candidates: Candidates,
        closed: impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        self.not_listed(parent, candidates, |id| !self.program.looks_inside(id), closed);
    }

    /// A sub-directory exists as a link that is not followed.
    pub(crate) fn link_not_followed<N: TreeNode>(
        &self,
        parent: &Arc<N>,
        candidates: Candidates,
        closed: impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        if candidates.feeds_parent {
            let nodes = candidates.set.iter().flat_map(|set| &set.nodes);
            nodes.for_each(|&id| parent.state().set_behind_link(id));
        }
        self.not_entered(parent, candidates, closed);
    }

    /// A sub-directory does not exist any more.
    pub(crate) fn absent<N: TreeNode>(
        &self,
        parent: &Arc<N>,
        candidates: Candidates,
        closed: impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        self.not_listed(parent, candidates, |_| false, closed);
    }

    /// A sub-directory is assumed to satisfy whatever is asked of it.
    pub(crate) fn assumed<N: TreeNode>(
        &self,
        parent: &Arc<N>,
        candidates: Candidates,
        closed: impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        self.not_listed(parent, candidates, |_| true, closed);
    }

    /// The answer of a sub-directory that is not listed: it satisfies those of its
    /// candidates that `satisfies` names.
    fn not_listed<N: TreeNode>(
        &self,
        parent: &Arc<N>,
        candidates: Candidates,
        satisfies: impl Fn(NodeId) -> bool,
        closed: impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        if !candidates.feeds_parent {
            return;
        }
        let nodes = candidates.set.iter().flat_map(|set| &set.nodes).copied();
        nodes.filter(|&id| satisfies(id)).for_each(|id| parent.state().satisfy(id));
        self.answer(parent, closed);
    }

    /// Counts one answer that `directory` waits for. The last one closes it, which may
    /// close its parent, and so on up.
    fn answer<N: TreeNode>(
        &self,
        mut directory: &Arc<N>,
        mut closed: impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        loop {
            let state = directory.state();
            if state.early.is_some() {
                self.decide_early(directory, &mut closed);
            }
            if state.open_children.fetch_sub(1, Ordering::AcqRel) != 1 {
                return;
            }
            let parent = directory.parent().filter(|_| state.feeds_parent);
            // In most directories there are none, and the undecided nodes may be many.
            let has_links = !state.behind_links.is_empty();
            let undecided = state.requirements.iter().flat_map(|r| &r.undecided);
            for (index, &id) in undecided.enumerate() {
                if state.is_told(index) {
                    continue;
                }
                let required = self.program.directories(id);
                let outcome = if required.iter().all(|&child| state.is_satisfied(child)) {
                    Outcome::Matched
                } else if has_links && required.iter().all(|&id| state.may_be_satisfied(id)) {
                    Outcome::HiddenByLinks
                } else {
                    continue;
                };
                self.decided(directory, parent, id, outcome, &mut closed);
            }
            if self.outermost {
                closed(directory, &[], Outcome::Closed);
            }
            match parent {
                Some(parent) => directory = parent,
                None => return,
            }
        }
    }

    /// What is known of a candidate of a directory is told, and set in its parent.
    fn decided<N: TreeNode>(
        &self,
        directory: &Arc<N>,
        parent: Option<&Arc<N>>,
        id: NodeId,
        outcome: Outcome,
        closed: &mut impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        let patterns = self.program.patterns(id);
        if !patterns.is_empty() && directory.depth() <= self.max_depth {
            closed(directory, patterns, outcome);
        }
        let Some(parent) = parent.map(|parent| parent.state()) else { return };
        match outcome {
            Outcome::Matched => parent.satisfy(id),
            Outcome::HiddenByLinks => parent.set_behind_link(id),
            Outcome::Closed => {}
        }
    }
}

impl MatchState {
    /// Whether the directory's answer depends on any sub-directory at all.
    pub(crate) fn depends_on_any(&self) -> bool {
        self.requirements.is_some()
    }

    /// Whether the answer of the directory's parent depends on this one.
    pub(crate) fn feeds_parent(&self) -> bool {
        self.feeds_parent
    }

    /// Whether a pattern's top is among the undecided candidates.
    pub(crate) fn may_match(&self) -> bool {
        self.requirements.as_ref().is_some_and(|requirements| requirements.may_match)
    }

    fn satisfy(&self, id: NodeId) {
        if let Some(index) = self.index_of(id)
            && self.satisfied.set(index)
            && let Some(early) = &self.early
        {
            early.note_news();
        }
    }

    fn set_behind_link(&self, id: NodeId) {
        if let Some(index) = self.index_of(id) {
            self.behind_links.set(index);
        }
    }

    fn is_satisfied(&self, id: NodeId) -> bool {
        self.index_of(id).is_some_and(|index| self.satisfied.get(index))
    }

    /// Whether a node is satisfied, or would be by what a link may lead to.
    fn may_be_satisfied(&self, id: NodeId) -> bool {
        self.index_of(id)
            .is_some_and(|index| self.satisfied.get(index) || self.behind_links.get(index))
    }

    /// The index of a node among the required ones, if it is one of them.
    fn index_of(&self, id: NodeId) -> Option<usize> {
        self.requirements.as_ref()?.index_of(id)
    }
}

// The countdown orders all setting of bits before any reading.
impl NodeBits {
    fn new(count: usize) -> NodeBits {
        let more = (1..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        NodeBits { first: AtomicU64::new(0), more }
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        match index / 64 {
            0 => &self.first,
            word => &self.more[word - 1],
        }
    }

    /// Sets a bit. Returns whether it was not set before.
    fn set(&self, index: usize) -> bool {
        let bit = 1 << (index % 64);
        self.word(index).fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    fn get(&self, index: usize) -> bool {
        self.word(index).load(Ordering::Relaxed) >> (index % 64) & 1 != 0
    }

    fn is_empty(&self) -> bool {
        let mut words = std::iter::once(&self.first).chain(&self.more);
        words.all(|word| word.load(Ordering::Relaxed) == 0)
    }
}
