//! The state of a directory whose answer is awaited, and how answers come up.
//!
//! Going down, the candidates of a directory are the nodes that its name leaves
//! possible; once it is listed, those whose files are there either are
//! satisfied or wait for sub-directories. Coming up, satisfied nodes are OR-ed
//! into the parent. The countdown of sub-directories that may still contribute
//! is all the synchronisation there is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::Name;
use crate::memo::Memo;
use crate::program::{Below, CandidateSet, FileSearch, NodeId, Outcome, Program, Wanted};

/// A directory as seen from above: what its name leaves possible.
#[derive(Debug)]
pub(crate) struct Candidates {
    /// `None`: nothing.
    set: Option<Arc<CandidateSet>>,
    /// Whether the parent awaits its answer.
    reports: bool,
}

/// What has come of a directory once it is listed.
#[derive(Debug)]
pub(crate) struct Progress {
    reports: bool,
    /// What is under way: the candidates whose files are there and whose
    /// sub-directories are not known yet. `None`: nothing.
    below: Option<Arc<Below>>,
}

/// What is kept of a listed directory while answers from below are awaited.
#[derive(Debug)]
pub(crate) struct MatchState {
    reports: bool,
    /// `None` if no answer is awaited.
    below: Option<Arc<Below>>,
    /// The nodes, by their place among those asked for, that some sub-directory
    /// satisfies; the first 64 of them.
    satisfied: AtomicU64,
    /// The others.
    more_satisfied: Box<[AtomicU64]>,
    /// How many sub-directories may still contribute.
    pending: AtomicUsize,
}

/// A directory that is linked to its parent.
pub(crate) trait Linked: Sized {
    fn parent(&self) -> Option<&Arc<Self>>;
    fn depth(&self) -> usize;
    fn state(&self) -> &MatchState;
}

/// A program and how deep its matches may start; and what has been worked out
/// so far. Most trees ask the same questions again and again, and even with
/// thousands of patterns the answer is then a matter of looking it up. A clone
/// begins without.
#[derive(Debug)]
pub(crate) struct Matching {
    pub(crate) program: Arc<Program>,
    pub(crate) max_depth: usize,
    candidates: Memo<Wanted, Arc<CandidateSet>>,
    outcomes: Memo<CandidateSet, Arc<Outcome>>,
    /// What is asked, for as long as it takes.
    words: Vec<u64>,
}

impl Clone for Matching {
    fn clone(&self) -> Matching {
        Matching::new(Arc::clone(&self.program), self.max_depth)
    }
}

impl Matching {
    pub(crate) fn new(program: Arc<Program>, max_depth: usize) -> Matching {
        Matching {
            program,
            max_depth,
            candidates: Memo::default(),
            outcomes: Memo::default(),
            words: Vec::new(),
        }
    }

    /// The candidates of the source.
    pub(crate) fn source(&mut self, name: Name<'_>) -> Candidates {
        self.out_of(None, true, name, false)
    }

    /// The candidates of a sub-directory at `depth`. It reports if its parent
    /// awaits its answer, going by [`may_report`](Self::may_report).
    pub(crate) fn candidates(
        &mut self,
        parent: &MatchState,
        depth: usize,
        name: Name<'_>,
        reports: bool,
    ) -> Candidates {
        // (One that does not report has a name that nothing under way asks for.)
        let wanted = parent.below.as_ref().filter(|_| reports).map(|below| &below.wanted);
        self.out_of(wanted, depth <= self.max_depth, name, reports)
    }

    fn out_of(
        &mut self,
        wanted: Option<&Arc<Wanted>>,
        roots: bool,
        name: Name<'_>,
        reports: bool,
    ) -> Candidates {
        let Matching { program, candidates, words, .. } = self;
        let wanted = wanted.unwrap_or(program.wanted_afresh(roots));
        let set = program
            .hit_directories(wanted, name, words)
            .then(|| candidates.get(wanted, words, || Arc::new(program.candidates(wanted, words))));
        Candidates { set, reports }
    }

    /// Whether a directory of this name may contribute to an answer that its
    /// parent awaits for `awaited`.
    pub(crate) fn may_report(&mut self, awaited: &Wanted, name: Name<'_>) -> bool {
        self.program.hit_directories(awaited, name, &mut self.words)
    }

    /// Whether a candidate asks for something inside the directory.
    pub(crate) fn look_inside(&self, candidates: &Candidates) -> bool {
        candidates.set.as_ref().is_some_and(|set| set.looks_inside)
    }

    /// A search for the files that the candidates ask for.
    pub(crate) fn file_search(&self, candidates: &Candidates) -> FileSearch {
        self.program.file_search(candidates.set.as_ref())
    }

    /// Takes the end of a directory's listing into account: tells the patterns
    /// that are matched already, and what is under way.
    pub(crate) fn listed<D: Linked>(
        &mut self,
        parent: Option<&Arc<D>>,
        depth: usize,
        candidates: Candidates,
        files: &FileSearch,
        matched: &mut Vec<usize>,
    ) -> Progress {
        let Candidates { set, reports } = candidates;
        let Some(set) = set else { return Progress { reports, below: None } };
        let Matching { program, max_depth, outcomes, words, .. } = self;
        let (here, below) = (depth <= *max_depth, depth < *max_depth);
        words.clear();
        words.push(u64::from(here) | u64::from(below) << 1);
        words.extend_from_slice(files.words());
        let outcome =
            outcomes.get(&set, words, || Arc::new(program.outcome(&set, files, here, below)));
        matched.extend_from_slice(&outcome.matched);
        if let Some(parent) = parent.filter(|_| reports) {
            outcome.satisfied.iter().for_each(|&id| parent.state().satisfy(id));
        }
        Progress { reports, below: outcome.below.clone() }
    }

    /// A sub-directory that is present by name, with nothing in it to be seen.
    pub(crate) fn not_entered<D: Linked>(
        &self,
        parent: &Arc<D>,
        candidates: Candidates,
        matched: impl FnMut(&Arc<D>, &[usize]),
    ) {
        self.unlisted(parent, candidates, |id| !self.program.looks_inside(id), matched);
    }

    /// A sub-directory that turned out not to be there.
    pub(crate) fn absent<D: Linked>(
        &self,
        parent: &Arc<D>,
        candidates: Candidates,
        matched: impl FnMut(&Arc<D>, &[usize]),
    ) {
        self.unlisted(parent, candidates, |_| false, matched);
    }

    /// A sub-directory that is taken to satisfy whatever may be asked of it.
    pub(crate) fn assumed<D: Linked>(
        &self,
        parent: &Arc<D>,
        candidates: Candidates,
        matched: impl FnMut(&Arc<D>, &[usize]),
    ) {
        self.unlisted(parent, candidates, |_| true, matched);
    }

    /// The answer, if the parent awaits one, of a sub-directory that is not
    /// listed: it satisfies those of its candidates that `satisfies` says.
    fn unlisted<D: Linked>(
        &self,
        parent: &Arc<D>,
        candidates: Candidates,
        satisfies: impl Fn(NodeId) -> bool,
        matched: impl FnMut(&Arc<D>, &[usize]),
    ) {
        if !candidates.reports {
            return;
        }
        let nodes = candidates.set.iter().flat_map(|set| &set.nodes).copied();
        nodes.filter(|&id| satisfies(id)).for_each(|id| parent.state().satisfy(id));
        self.answered(parent, matched);
    }

    /// What to keep of a directory that awaits so many answers from below; where
    /// it is none, it also [has ended](Self::ended).
    pub(crate) fn state(&self, progress: Progress, awaited: usize) -> MatchState {
        // What it awaits in vain it does not need to know of.
        let below = progress.below.filter(|_| awaited > 0);
        let children = below.as_ref().map_or(0, |below| below.children.len());
        MatchState {
            reports: progress.reports && awaited > 0,
            below,
            satisfied: AtomicU64::new(0),
            more_satisfied: (1..children.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            pending: AtomicUsize::new(awaited),
        }
    }

    /// The end of a directory that awaits no answer from below: what is still
    /// under way in it has come to nothing, and its own answer is in.
    pub(crate) fn ended<D: Linked>(
        &self,
        parent: Option<&Arc<D>>,
        progress: &Progress,
        matched: impl FnMut(&Arc<D>, &[usize]),
    ) {
        if let Some(parent) = parent.filter(|_| progress.reports) {
            self.answered(parent, matched);
        }
    }

    /// One answer that `directory` awaited is in. The last one closes it, and
    /// with it perhaps its parent, and so on up.
    fn answered<D: Linked>(&self, directory: &Arc<D>, mut matched: impl FnMut(&Arc<D>, &[usize])) {
        let mut directory = directory;
        loop {
            let state = directory.state();
            if state.pending.fetch_sub(1, Ordering::AcqRel) != 1 {
                return;
            }
            let parent = directory.parent().filter(|_| state.reports);
            for &id in state.below.iter().flat_map(|below| &below.waiting) {
                if !self.program.directories(id).iter().all(|&child| state.is_satisfied(child)) {
                    continue;
                }
                let patterns = self.program.patterns(id);
                if !patterns.is_empty() && directory.depth() <= self.max_depth {
                    matched(directory, patterns);
                }
                if let Some(parent) = parent {
                    parent.state().satisfy(id);
                }
            }
            match parent {
                Some(parent) => directory = parent,
                None => return,
            }
        }
    }
}

impl Progress {
    /// What is awaited of the sub-directories, if anything.
    pub(crate) fn awaited(&self) -> Option<&Wanted> {
        self.below.as_ref().map(|below| &below.awaited)
    }
}

impl MatchState {
    /// The word and the bit of a node, if it is one that is asked for.
    fn bit(&self, id: NodeId) -> Option<(&AtomicU64, u64)> {
        let index = self.below.as_ref()?.place(id)?;
        let word = match index / 64 {
            0 => &self.satisfied,
            word => &self.more_satisfied[word - 1],
        };
        Some((word, 1 << (index % 64)))
    }

    fn satisfy(&self, id: NodeId) {
        if let Some((word, bit)) = self.bit(id) {
            // Whoever reads it has seen the countdown, which orders it.
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    fn is_satisfied(&self, id: NodeId) -> bool {
        self.bit(id).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }
}
