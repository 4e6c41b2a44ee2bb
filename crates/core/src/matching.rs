//! Matching directories one by one: what is kept of each, and how answers come up.
//!
//! Going down, the candidates of a directory are the nodes that its name leaves possible.
//! Once it is listed, a candidate whose files are not there is out; the others either are
//! satisfied or wait for sub-directories. Coming up, satisfied nodes are set in the
//! parent's bits.
//!
//! Each answer is one of three: yes, no, and *cannot be told*, where something could not be
//! read. (`docs/semantics.md` says when.)
//!
//! # Invariant of the countdown
//!
//! A directory's `open_children` is set once, before any of the sub-directories that feed
//! it is looked at. Each of these counts it down exactly once, after it has set its bits
//! in the parent and added to its counters. The count is an acquire-release operation, so
//! whoever brings it to zero sees all of that, and it alone closes the directory. No lock is
//! needed, and the sub-directories may answer in any order and from any thread. A directory waits only for
//! directories below it, so each is closed some time, unless the scan is stopped.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::checking::{Findings, Reason, Told};
use crate::memo::Memo;
use crate::program::{CandidateSet, CountedAnswer, Evaluation, FileSearch, Listing};
use crate::program::{NodeId, Program, SearchSet, Verdict};
use crate::{Name, NameBuf, NameDecoder};

mod checks;
mod early;
mod state;
mod travel;

pub(crate) use checks::Noted;
pub(crate) use state::MatchState;
pub(crate) use travel::{Answers, Asking, OpenState};

/// What a directory's name leaves possible.
#[derive(Debug)]
pub(crate) struct Candidates {
    /// `None`: nothing.
    set: Option<Arc<CandidateSet>>,
    /// Whether the parent's answer depends on this directory.
    feeds_parent: bool,
    /// Whether the parent waits for this directory to be listed, whatever its answer.
    is_watched: bool,
    /// The directory's name, if it is to be told what is missing.
    name: Option<NameBuf>,
}

impl Candidates {
    /// Whether the directory's name leaves anything possible.
    pub(crate) fn are_any(&self) -> bool {
        self.set.is_some()
    }

    /// Whether the parent's answer depends on the directory.
    pub(crate) fn feeds_parent(&self) -> bool {
        self.feeds_parent
    }

    /// Whether the parent waits for the directory to be listed, whatever its answer.
    pub(crate) fn is_watched(&self) -> bool {
        self.is_watched
    }
}

/// What is known of some patterns when a directory is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Matched,
    /// They are not, and the directory is one that is told of. Also if it is explained.
    Checked(Findings),
    /// They are not matched, for nothing but required sub-directories that are there as
    /// links which are not followed.
    HiddenByLinks,
    /// They are not matched as far as could be read, and might be.
    CannotBeTold,
    /// Nothing more will be known of any pattern. Told only if the outermost matches are
    /// looked for.
    Closed,
}

/// What is known of the patterns of a directory as soon as it is listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settled {
    /// The patterns that are matched.
    pub(crate) matched: Vec<usize>,
    /// Those of which it cannot be told.
    pub(crate) cannot_be_told: Vec<usize>,
    /// Those that are not, with what is missing.
    pub(crate) checked: Told,
    /// What was known when the directory was listed, if it is to be told what is missing.
    evaluation: Option<Arc<Evaluation>>,
}

impl Settled {
    pub(crate) fn clear(&mut self) {
        self.matched.clear();
        self.cannot_be_told.clear();
        self.checked.clear();
        self.evaluation = None;
    }
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
    /// Whether it is asked of what it cannot be told whether it matches.
    pub(crate) tells_unknown: bool,
    /// How names on disk are read, for those who ask what is missing.
    pub(crate) decoder: Option<NameDecoder>,
    candidates: Memo<SearchSet, CandidateSet>,
    evaluations: Memo<CandidateSet, Evaluation>,
    asked: travel::Asked,
    /// A buffer for the words of a question.
    words: Vec<u64>,
}

impl Clone for Matching {
    fn clone(&self) -> Matching {
        let matching = Matching::new(Arc::clone(&self.program), self.max_depth, self.outermost);
        let (decoder, tells_unknown) = (self.decoder.clone(), self.tells_unknown);
        Matching { decoder, tells_unknown, ..matching }
    }
}

impl Matching {
    pub(crate) fn new(program: Arc<Program>, max_depth: usize, outermost: bool) -> Matching {
        Matching {
            program,
            max_depth,
            outermost,
            tells_unknown: false,
            decoder: None,
            candidates: Memo::default(),
            evaluations: Memo::default(),
            asked: travel::Asked::default(),
            words: Vec::new(),
        }
    }

    /// Whether all directories at `depth` are visited.
    pub(crate) fn visits_depth(&self, depth: usize) -> bool {
        depth <= self.max_depth && !self.program.is_empty()
    }

    /// The candidates of a directory, by its name. The source has no parent. `may_start`
    /// tells whether a match may start there. `feeds_parent` is what
    /// [`depends_on`](Self::depends_on) said.
    pub(crate) fn candidates(
        &mut self,
        parent: Option<&MatchState>,
        may_start: bool,
        name: Name<'_>,
        feeds_parent: bool,
    ) -> Candidates {
        let is_watched = feeds_parent && parent.is_some_and(|parent| parent.is_watching());
        let feeds_parent = match parent.filter(|_| is_watched) {
            Some(parent) => self.is_required(parent, name),
            None => feeds_parent,
        };
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
        let is_noted = program.checklists().is_some() && (set.is_some() || is_watched);
        let name = is_noted.then(|| name.into());
        Candidates { set, feeds_parent, is_watched, name }
    }

    /// Whether a listed directory's answer depends on a sub-directory of this name.
    pub(crate) fn depends_on(&mut self, state: &MatchState, name: Name<'_>) -> bool {
        state.is_watching() || self.is_required(state, name)
    }

    /// Whether a listed directory asks for a sub-directory of this name.
    fn is_required(&mut self, state: &MatchState, name: Name<'_>) -> bool {
        let Some(requirements) = &state.requirements else { return false };
        self.program.match_name(&requirements.required, name, &mut self.words)
    }

    /// Whether a listed directory's answer depends on each of these sub-directories. Of those
    /// that have one name, it depends on the first.
    pub(crate) fn feeding(&mut self, state: &MatchState, names: &[(Name<'_>, bool)]) -> Vec<bool> {
        let mut feeding: Vec<bool> =
            names.iter().map(|&(name, _)| self.depends_on(state, name)).collect();
        if state.counts() {
            let mut seen = HashSet::new();
            for (feeds, (name, _)) in feeding.iter_mut().zip(names) {
                let code_points = || name.code_points().collect::<Box<[u32]>>();
                *feeds = *feeds && seen.insert(code_points());
            }
        }
        feeding
    }

    /// Whether a candidate asks for something inside the directory.
    pub(crate) fn looks_inside(&self, candidates: &Candidates) -> bool {
        candidates.set.as_ref().is_some_and(|set| set.looks_inside)
    }

    /// Whether a candidate asks for sub-directories.
    pub(crate) fn asks_for_directories(&self, candidates: &Candidates) -> bool {
        candidates.set.as_ref().is_some_and(|set| set.asks_for_directories)
    }

    /// Whether more than sub-directories matters to the candidates: a link to one, too, may
    /// change an answer, or that the directory can be read.
    pub(crate) fn asks_for_listing(&self, candidates: &Candidates) -> bool {
        candidates.set.as_ref().is_some_and(|set| set.asks_for_listing)
    }

    /// Whether a candidate asks for a sub-directory of a name and nothing in it, as which a link
    /// that is not followed will do.
    pub(crate) fn asks_for_names(&self, candidates: &Candidates) -> bool {
        candidates.set.as_ref().is_some_and(|set| set.asks_for_names)
    }

    /// Whether it is asked what is missing.
    pub(crate) fn tells_missing(&self) -> bool {
        self.program.checklists().is_some()
    }

    /// A search for the files that the candidates ask for.
    pub(crate) fn file_search(&self, candidates: &Candidates) -> FileSearch {
        self.program.file_search(candidates.set.as_ref())
    }

    /// The state of a directory whose listing has ended, be it that it was read to its end
    /// (`is_whole`) or not. What is known of its patterns is added to `settled`.
    /// [`wait_for`](Self::wait_for) must follow.
    pub(crate) fn listed<N: TreeNode>(
        &mut self,
        parent: Option<&Arc<N>>,
        depth: usize,
        candidates: Candidates,
        files: &FileSearch,
        is_whole: bool,
        settled: &mut Settled,
    ) -> MatchState {
        let Candidates { set, feeds_parent, is_watched, .. } = candidates;
        let mut state = MatchState::new(feeds_parent);
        state.is_watched = is_watched;
        let Some(set) = set else { return state };
        let evaluation = self.evaluate(&set, depth, files, is_whole);
        if set.checks.is_some() {
            settled.evaluation = Some(Arc::clone(&evaluation));
        }
        self.settle(parent.filter(|_| feeds_parent), depth, &evaluation, settled);
        state.requirements.clone_from(&evaluation.requirements);
        if let Some(parent) = parent.filter(|_| feeds_parent)
            && parent.state().counts()
        {
            state.keep(evaluation);
        }
        state
    }

    #[inline]
    fn evaluate(
        &mut self,
        set: &Arc<CandidateSet>,
        depth: usize,
        files: &FileSearch,
        is_whole: bool,
    ) -> Arc<Evaluation> {
        let Matching { program, max_depth, tells_unknown, evaluations, words, .. } = self;
        let (match_here, match_below) = (depth <= *max_depth, depth < *max_depth);
        let is_precise = *tells_unknown || program.checklists().is_some();
        let listing = Listing { match_here, match_below, is_whole, is_precise };
        let evaluate = || program.evaluate(set, files, listing);
        // In these cases the answer depends on more than the words tell.
        if files.has_untold() || is_precise && !is_whole {
            return Arc::new(evaluate());
        }
        words.clear();
        words.push(listing.word());
        files.add_words(words);
        evaluations.get_or_compute(set, words, evaluate)
    }

    /// Takes what is known of a directory that feeds `parent`, if any.
    #[inline]
    fn settle<N: TreeNode>(
        &self,
        parent: Option<&Arc<N>>,
        depth: usize,
        evaluation: &Evaluation,
        settled: &mut Settled,
    ) {
        settled.matched.extend_from_slice(&evaluation.matched);
        let parent = parent.map(|parent| parent.state());
        if let Some(parent) = parent {
            evaluation.satisfied.iter().for_each(|&id| parent.set(id, Verdict::YES));
        }
        if !evaluation.cannot_be_told.is_empty() {
            self.settle_untold(parent, depth, &evaluation.cannot_be_told, settled);
        }
    }

    #[cold]
    fn settle_untold(
        &self,
        parent: Option<&MatchState>,
        depth: usize,
        untold: &[(NodeId, bool)],
        settled: &mut Settled,
    ) {
        if depth <= self.max_depth {
            let may_be = untold.iter().filter(|(_, may_be)| *may_be);
            let patterns = may_be.flat_map(|&(id, _)| self.program.patterns(id));
            settled.cannot_be_told.extend(patterns);
        }
        if let Some(parent) = parent {
            untold.iter().for_each(|&(id, may_be)| parent.set(id, Verdict::untold(may_be)));
        }
    }

    /// Makes a listed directory wait for the answers of so many sub-directories. If there
    /// are none it is closed. Returns what is known of its patterns by that, if anything.
    #[inline]
    pub(crate) fn wait_for<N: TreeNode>(
        &self,
        parent: Option<&Arc<N>>,
        depth: usize,
        state: &mut MatchState,
        count: usize,
        mut closed: impl FnMut(&Arc<N>, &[usize], Outcome),
    ) -> Option<Settled> {
        if count > 0 {
            if let Some(parent) = parent.filter(|_| self.outermost && state.feeds_parent) {
                self.decide_early(parent, &mut closed);
            }
            state.await_answers(count, self.outermost);
            if let Some(parent) = parent.filter(|_| state.is_watched && !state.feeds_parent) {
                self.answer(parent, 1, closed);
            }
            return None;
        }
        let above = parent;
        let parent = parent.filter(|_| std::mem::take(&mut state.feeds_parent));
        let requirements = state.requirements.take();
        let alone = requirements.as_ref().and_then(|requirements| requirements.alone.as_deref());
        let mut settled = alone.map(|alone| {
            let mut settled = Settled::default();
            self.settle(parent, depth, alone, &mut settled);
            settled
        });
        // Sub-directories may ask for the names in them.
        if let Some(notes) = &state.notes {
            let above = above.map(|above| (above.state(), parent.is_some()));
            let told = self.close_alone(notes, above, state.own(), requirements.as_deref());
            settled.get_or_insert_default().checked = told;
        }
        let Some(parent) = parent else {
            if let Some(above) = above.filter(|_| state.is_watched) {
                self.answer(above, 1, closed);
            }
            return settled;
        };
        if let Some(mut answer) = parent.state().counted_answer() {
            state.own().iter().for_each(|own| add_evaluation(&mut answer, own));
            alone.iter().for_each(|alone| add_evaluation(&mut answer, alone));
            parent.state().count(&answer);
        }
        self.answer(parent, 1, closed);
        settled
    }

    /// A sub-directory exists, and it is certain that its inside is not looked at: it is taken
    /// for an empty one.
    pub(crate) fn not_entered<N: TreeNode>(
        &self,
        parent: &Arc<N>,
        candidates: Candidates,
        closed: impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        let verdict = |id| match self.program.holds_of_nothing(id) {
            true => Verdict::YES,
            false => Verdict::default(),
        };
        self.not_listed(parent, candidates, Some(Reason::NotEntered), verdict, closed);
    }

    /// A sub-directory exists as a link that is not followed.
    pub(crate) fn link_not_followed<N: TreeNode>(
        &self,
        parent: &Arc<N>,
        candidates: Candidates,
        closed: impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        let verdict = |id| match self.program.holds_of_nothing(id) {
            true => Verdict::YES,
            false => Verdict::BEHIND_LINKS,
        };
        self.not_listed(parent, candidates, Some(Reason::Link), verdict, closed);
    }

    /// A sub-directory exists, and its inside could not be read.
    pub(crate) fn not_read<N: TreeNode>(
        &self,
        parent: &Arc<N>,
        candidates: Candidates,
        closed: impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        let verdict = |id| match self.program.looks_inside(id) {
            true => Verdict::CANNOT_BE_TOLD,
            false => Verdict::YES,
        };
        self.not_listed(parent, candidates, Some(Reason::Unreadable), verdict, closed);
    }

    /// A sub-directory does not exist any more.
    pub(crate) fn absent<N: TreeNode>(
        &self,
        parent: &Arc<N>,
        candidates: Candidates,
        closed: impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        self.not_listed(parent, candidates, None, |_| Verdict::default(), closed);
    }

    /// The answer of a sub-directory that is not listed. `reason` is what it is called if it
    /// exists and does not match.
    fn not_listed<N: TreeNode>(
        &self,
        parent: &Arc<N>,
        candidates: Candidates,
        reason: Option<Reason>,
        verdict: impl Fn(NodeId) -> Verdict,
        closed: impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        if !candidates.feeds_parent {
            if candidates.is_watched {
                self.answer(parent, 1, closed);
            }
            return;
        }
        let state = parent.state();
        if let (Some(notes), Some(reason)) = (&state.notes, reason) {
            self.note_not_listed(notes, &candidates, reason, &verdict);
        }
        let mut answer = state.counted_answer();
        for &id in candidates.set.iter().flat_map(|set| &set.nodes) {
            let verdict = verdict(id);
            state.set(id, verdict);
            answer.iter_mut().for_each(|answer| answer.add(id, verdict));
        }
        answer.iter().for_each(|answer| state.count(answer));
        self.answer(parent, 1, closed);
    }

    /// Counts so many answers that `directory` waits for. The last one closes it, which may
    /// close its parent, and so on up.
    fn answer<N: TreeNode>(
        &self,
        mut directory: &Arc<N>,
        mut count: usize,
        mut closed: impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        loop {
            let state = directory.state();
            if self.outermost {
                self.decide_early(directory, &mut closed);
            }
            if state.open_children.fetch_sub(count, Ordering::AcqRel) != count {
                return;
            }
            count = 1;
            let parent = directory.parent().filter(|_| state.feeds_parent);
            let parent_state = parent.map(|parent| parent.state());
            let mut answer = parent_state.and_then(|parent| parent.counted_answer());
            if let (Some(answer), Some(own)) = (&mut answer, state.own()) {
                add_evaluation(answer, own);
            }
            let may_match = directory.depth() <= self.max_depth;
            let mut counter = 0;
            let mut verdicts = Vec::new();
            let requirements = state.requirements.as_ref();
            let undecided = requirements.iter().flat_map(|requirements| &requirements.undecided);
            for (index, &id) in undecided.enumerate() {
                let Some(requirements) = requirements else { break };
                let verdict = self.program.decide(id, requirements, state, &mut counter);
                if state.notes.is_some() {
                    verdicts.push(verdict);
                }
                if verdict == Verdict::default() {
                    continue;
                }
                let patterns = self.program.patterns(id);
                if !patterns.is_empty() && may_match && !state.is_told(index) {
                    outcomes(verdict).for_each(|outcome| closed(directory, patterns, outcome));
                }
                if let Some(parent) = parent_state {
                    parent.set(id, verdict);
                    answer.iter_mut().for_each(|answer| answer.add(id, verdict));
                }
            }
            if let Some(notes) = &state.notes {
                for (pattern, findings) in self.close_noted(notes, directory, &verdicts) {
                    closed(directory, &[pattern], Outcome::Checked(findings));
                }
            }
            if self.outermost {
                closed(directory, &[], Outcome::Closed);
            }
            let Some(parent) = parent else { return };
            answer.iter().for_each(|answer| parent.state().count(answer));
            directory = parent;
        }
    }
}

/// Adds to a directory's answer what is known of it since it was listed.
fn add_evaluation(answer: &mut CountedAnswer<'_>, evaluation: &Evaluation) {
    evaluation.satisfied.iter().for_each(|&id| answer.add(id, Verdict::YES));
    let untold = evaluation.cannot_be_told.iter();
    untold.for_each(|&(id, may_be)| answer.add(id, Verdict::untold(may_be)));
}

fn outcomes(verdict: Verdict) -> impl Iterator<Item = Outcome> {
    let outcomes = [
        (verdict.yes, Outcome::Matched),
        (verdict.behind_links, Outcome::HiddenByLinks),
        (verdict.may_be, Outcome::CannotBeTold),
    ];
    outcomes.into_iter().filter_map(|(is, outcome)| is.then_some(outcome))
}
