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
use crate::program::{FileSearch, NodeId, Program, Wanted};

/// A directory as seen from above: what its name leaves possible.
#[derive(Debug)]
pub(crate) struct Candidates {
    nodes: Vec<NodeId>,
    /// Whether the parent awaits its answer.
    reports: bool,
}

/// What is kept of a listed directory while answers from below are awaited.
#[derive(Debug)]
pub(crate) struct MatchState {
    reports: bool,
    /// The candidates whose files are there and whose sub-directories are not
    /// known yet.
    waiting: Box<[NodeId]>,
    /// The nodes that some sub-directory satisfies.
    satisfied: Box<[AtomicU64]>,
    /// How many sub-directories may still contribute.
    pending: AtomicUsize,
    /// What to look for in the sub-directories; `None` where no pattern is
    /// under way.
    wanted: Option<Box<Wanted>>,
}

/// A directory that is linked to its parent.
pub(crate) trait Linked: Sized {
    fn parent(&self) -> Option<&Arc<Self>>;
    fn depth(&self) -> usize;
    fn state(&self) -> &MatchState;
}

/// A program and how deep its matches may start.
#[derive(Debug)]
pub(crate) struct Matching {
    pub(crate) program: Program,
    pub(crate) max_depth: usize,
}

impl Matching {
    /// The candidates of the source.
    pub(crate) fn source(&self, name: Name<'_>) -> Candidates {
        let nodes = self.program.candidates(self.program.wanted_afresh(true), name);
        Candidates { nodes, reports: false }
    }

    fn wanted<'a>(&'a self, parent: &'a MatchState, depth: usize) -> &'a Wanted {
        match &parent.wanted {
            Some(wanted) => wanted,
            None => self.program.wanted_afresh(depth <= self.max_depth),
        }
    }

    /// Whether a directory of this name may contribute to an answer that its
    /// parent awaits for `awaited`.
    pub(crate) fn may_report(&self, awaited: &Wanted, name: Name<'_>) -> bool {
        !self.program.candidates(awaited, name).is_empty()
    }

    /// The candidates of a sub-directory at `depth`.
    pub(crate) fn candidates(
        &self,
        parent: &MatchState,
        depth: usize,
        name: Name<'_>,
        reports: bool,
    ) -> Candidates {
        Candidates { nodes: self.program.candidates(self.wanted(parent, depth), name), reports }
    }

    /// Whether a candidate asks for something inside the directory.
    pub(crate) fn look_inside(&self, candidates: &Candidates) -> bool {
        candidates.nodes.iter().any(|&id| self.program.looks_inside(id))
    }

    /// A search for the files that the candidates ask for.
    pub(crate) fn file_search(&self, candidates: &Candidates) -> FileSearch {
        self.program.file_search(&candidates.nodes)
    }

    /// Takes the end of a directory's listing into account: tells the patterns
    /// that are matched already, and what to look for in the sub-directories
    /// on behalf of the directory itself.
    pub(crate) fn listed<D: Linked>(
        &self,
        parent: Option<&Arc<D>>,
        depth: usize,
        candidates: Candidates,
        files: &FileSearch,
        matched: &mut Vec<usize>,
    ) -> (MatchState, Option<Wanted>) {
        let mut waiting = Vec::new();
        for id in candidates.nodes {
            if !self.program.has_files(id, &files.hits) {
                continue;
            }
            if self.program.has_directories(id) {
                waiting.push(id);
                continue;
            }
            if depth <= self.max_depth {
                matched.extend_from_slice(self.program.patterns(id));
            }
            if let Some(parent) = parent.filter(|_| candidates.reports) {
                parent.state().satisfy(id);
            }
        }
        let mut state = MatchState {
            reports: candidates.reports,
            waiting: [].into(),
            satisfied: [].into(),
            pending: AtomicUsize::new(0),
            wanted: None,
        };
        if waiting.is_empty() {
            return (state, None);
        }
        let awaited = self.program.wanted_below(&waiting, false);
        state.wanted = Some(Box::new(self.program.wanted_below(&waiting, depth < self.max_depth)));
        state.satisfied = (0..self.program.node_words()).map(|_| AtomicU64::new(0)).collect();
        state.waiting = waiting.into();
        (state, Some(awaited))
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
        for id in candidates.nodes.into_iter().filter(|&id| satisfies(id)) {
            parent.state().satisfy(id);
        }
        self.answered(parent, matched);
    }

    /// The listed directory `directory` awaits `pending` answers from below.
    /// To be called once, before any of them can come.
    pub(crate) fn awaits<D: Linked>(
        &self,
        directory: &Arc<D>,
        pending: usize,
        matched: impl FnMut(&Arc<D>, &[usize]),
    ) {
        let state = directory.state();
        if pending > 0 {
            state.pending.store(pending, Ordering::Release);
        } else if !state.waiting.is_empty() || state.reports {
            state.pending.store(1, Ordering::Release);
            self.answered(directory, matched);
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
            for &id in &state.waiting {
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

impl MatchState {
    fn satisfy(&self, id: NodeId) {
        // Whoever reads it has seen the countdown, which orders it.
        self.satisfied[id as usize / 64].fetch_or(1 << (id % 64), Ordering::Relaxed);
    }

    fn is_satisfied(&self, id: NodeId) -> bool {
        self.satisfied[id as usize / 64].load(Ordering::Relaxed) >> (id % 64) & 1 != 0
    }
}
