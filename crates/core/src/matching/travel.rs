//! The state of a directory on its way to another process.
//!
//! A node, a counter and a pattern have the same numbers wherever the same patterns are compiled.
//! So of what candidates ask only their numbers travel, and the rest is made anew there.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{MatchState, Matching, Outcome, TreeNode};
use crate::Error;
use crate::checking::{Below, Notes, PackedBelow, PackedNotes, Unpacked};
use crate::program::{ChildRequirements, Evaluation, NodeId, NotWhole, Tally};

/// What undecided candidates of a directory ask of sub-directories that another process visits.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Asking {
    candidates: Undecided,
    /// Which of the nodes that they ask for are satisfied, and which of them are told to be.
    satisfied: Box<[u64]>,
    told: Box<[u64]>,
    /// On which of the candidates an answer still depends. None unless the outermost matches are
    /// looked for.
    asked: Box<[NodeId]>,
}

/// The undecided candidates of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Undecided {
    nodes: Box<[NodeId]>,
    not_whole: Box<[(NodeId, NotWhole)]>,
}

/// What sub-directories have answered.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Answers {
    /// A bit for each of the nodes that are asked for. The last words may be left out if they are
    /// zero.
    satisfied: Box<[u64]>,
    behind_links: Box<[u64]>,
    /// As the fields of [`Verdict`](crate::program::Verdict) have it: `cannot_be_told`, `may_be`
    /// and `is_sure`. `None`: there is nothing of the kind.
    untold: Option<[Box<[u64]>; 3]>,
    counters: Box<[Tally]>,
}

/// The state of a directory that waits for sub-directories.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct OpenState {
    feeds_parent: bool,
    candidates: Undecided,
    answers: Answers,
    /// Which of the candidates are told to be satisfied.
    told: Box<[u64]>,
    /// What was known when it was listed, if that is kept.
    own: Option<Own>,
}

/// What was known of a directory when it was listed, as [`Evaluation`] has it.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Own {
    satisfied: Box<[NodeId]>,
    cannot_be_told: Box<[(NodeId, bool)]>,
}

impl OpenState {
    /// Whether the answer of the directory's parent depends on this one.
    pub(crate) fn feeds_parent(&self) -> bool {
        self.feeds_parent
    }
}

impl MatchState {
    /// The state of a directory that waits for nothing, and that nobody waits for.
    pub(crate) fn answered() -> MatchState {
        MatchState::new(false)
    }

    /// What is kept to tell what is missing.
    pub(crate) fn notes(&self) -> Option<&Notes> {
        self.notes.as_deref()
    }

    /// For how many sub-directories it waits.
    pub(crate) fn awaits(&self) -> usize {
        self.open_children.load(Ordering::Acquire)
    }

    /// The state of a directory that waits for sub-directories; `None` if it does not. Nobody may
    /// work on it any more.
    pub(crate) fn leave(&self) -> Option<OpenState> {
        if self.awaits() == 0 {
            return None;
        }
        let own = self.own().map(|Evaluation { satisfied, cannot_be_told, .. }| Own {
            satisfied: satisfied.clone(),
            cannot_be_told: cannot_be_told.clone(),
        });
        Some(OpenState {
            feeds_parent: self.feeds_parent,
            candidates: self.undecided(),
            answers: self.answers(),
            told: self.told(),
            own,
        })
    }

    fn undecided(&self) -> Undecided {
        let requirements = self.requirements.as_ref();
        let copy = |requirements: &Arc<ChildRequirements>| Undecided {
            nodes: requirements.undecided.clone(),
            not_whole: requirements.not_whole.clone(),
        };
        requirements.map_or_else(Undecided::default, copy)
    }

    fn told(&self) -> Box<[u64]> {
        self.early.as_ref().map_or_else(Box::default, |early| early.told().words())
    }

    /// What the sub-directories have answered. Nobody may work on it any more.
    pub(crate) fn answers(&self) -> Answers {
        Answers {
            satisfied: self.satisfied.words(),
            behind_links: self.behind_links.words(),
            untold: self.untold_words(),
            counters: self.tallies().collect(),
        }
    }
}

impl MatchState {
    /// Adds what other sub-directories have answered.
    fn add(&self, answers: &Answers) {
        if self.satisfied.add(&answers.satisfied) {
            self.note_news();
        }
        self.behind_links.add(&answers.behind_links);
        answers.untold.iter().for_each(|untold| self.add_untold(untold));
        self.add_tallies(&answers.counters);
    }
}

impl Answers {
    /// Whether these may be the answers of so many sub-directories to a directory.
    fn fit(&self, state: &MatchState, most: usize) -> bool {
        let required = state.requirements.as_ref().map_or(0, |r| r.nodes.len());
        let counters = state.requirements.as_ref().map_or(0, |r| r.counters);
        let is_possible = |tally: &Tally| {
            let Tally { yes, behind_links, cannot_be_told, may_be, is_sure } = *tally;
            [yes, behind_links, cannot_be_told, may_be, is_sure].iter().all(|&count| count <= most)
        };
        let bits = [&self.satisfied, &self.behind_links];
        bits.into_iter().chain(self.untold.iter().flatten()).all(|words| fit(words, required))
            // Of those that answer nothing, nothing was asked.
            && (self.counters.is_empty() || self.counters.len() == counters)
            && self.counters.iter().all(is_possible)
    }
}

/// Whether words have no bit but for so many.
fn fit(words: &[u64], count: usize) -> bool {
    let stray = (words.len() * 64).saturating_sub(count);
    stray < 64 && words.last().is_none_or(|last| last.leading_zeros() as usize >= stray)
}

fn misfit(message: &'static str) -> Error {
    Error::subtree(message)
}

impl Matching {
    /// What a directory asks of sub-directories that another process visits.
    pub(crate) fn asking<N: TreeNode>(&self, directory: &Arc<N>) -> Asking {
        let state = directory.state();
        let asked = if self.outermost { self.asked_of(directory).into() } else { Box::default() };
        let satisfied = state.satisfied.words();
        Asking { candidates: state.undecided(), satisfied, told: state.told(), asked }
    }

    /// The stand-in of a directory at `depth` that is open in another process. `feeding` tells
    /// how many of its sub-directories that are visited here answer it. It waits for one more, so
    /// that it is never closed here.
    pub(crate) fn stand_in(
        &mut self,
        asking: &Asking,
        depth: usize,
        feeding: usize,
    ) -> Result<MatchState, Error> {
        let mut state = MatchState::new(false);
        state.requirements = self.requirements_of(&asking.candidates, depth)?;
        state.await_answers(feeding + 1, self.outermost);
        let required = state.requirements.as_ref().map_or(0, |r| r.nodes.len());
        if !fit(&asking.satisfied, required) {
            return Err(misfit("bits that no candidate asks for"));
        }
        state.satisfied.add(&asking.satisfied);
        set_told(&mut state, &asking.told)?;
        state.set_asked_elsewhere(asking.asked.clone());
        Ok(state)
    }

    /// The state of a directory at `depth` that another process left open, and that waits for so
    /// many sub-directories.
    pub(crate) fn restore(
        &mut self,
        open: &OpenState,
        depth: usize,
        feeding: usize,
    ) -> Result<MatchState, Error> {
        let mut state = MatchState::new(open.feeds_parent);
        state.requirements = self.requirements_of(&open.candidates, depth)?;
        state.await_answers(feeding, self.outermost);
        if !open.answers.fit(&state, u32::MAX as usize) {
            return Err(misfit("answers to what was not asked"));
        }
        state.add(&open.answers);
        set_told(&mut state, &open.told)?;
        if let Some(Own { satisfied, cannot_be_told }) = &open.own {
            let nodes = satisfied.iter().chain(cannot_be_told.iter().map(|(id, _)| id));
            self.check_nodes(nodes.copied())?;
            let (satisfied, cannot_be_told) = (satisfied.clone(), cannot_be_told.clone());
            let own = Evaluation { satisfied, cannot_be_told, ..Evaluation::default() };
            state.keep(Arc::new(own));
        }
        Ok(state)
    }

    /// Adds the notes of a directory that another process made. `closes` tells whether it is
    /// closed here: only then undecided candidates are looked at.
    pub(crate) fn restore_notes(
        &self,
        state: &mut MatchState,
        notes: Option<&PackedNotes>,
        findings: &Unpacked,
        closes: bool,
    ) -> Result<(), Error> {
        state.notes = match (notes, self.checking()) {
            (None, _) => None,
            (Some(notes), Some(checking)) => {
                let undecided = state.requirements.as_ref().map_or(0, |r| r.undecided.len());
                let undecided = if closes { undecided } else { usize::MAX };
                let notes = Notes::unpack(notes, checking, findings, undecided);
                Some(Box::new(notes.ok_or(misfit("notes on what is not looked for"))?))
            }
            (Some(_), None) => return Err(misfit("notes that nobody asks for")),
        };
        Ok(())
    }

    /// What sub-directories told that may be missing, if it fits; `None`: nobody asks.
    pub(crate) fn check_below(
        &self,
        state: &MatchState,
        below: Option<&PackedBelow>,
        findings: &Unpacked,
    ) -> Result<Option<Below>, Error> {
        match (state.notes(), below, self.checking()) {
            (None, None, _) => Ok(None),
            (Some(notes), Some(below), Some(checking)) => {
                let below = notes.unpack_below(below, checking, findings);
                below.map(Some).ok_or(misfit("findings on what is not looked for"))
            }
            _ => Err(misfit("not the findings that were asked for")),
        }
    }

    fn check_nodes(&self, mut nodes: impl Iterator<Item = NodeId>) -> Result<(), Error> {
        match nodes.all(|id| (id as usize) < self.program.node_count()) {
            true => Ok(()),
            false => Err(misfit("nodes that the patterns do not have")),
        }
    }

    /// What undecided candidates of a directory at `depth` ask of sub-directories.
    fn requirements_of(
        &mut self,
        candidates: &Undecided,
        depth: usize,
    ) -> Result<Option<Arc<ChildRequirements>>, Error> {
        let match_below = depth < self.max_depth;
        let known = &self.asked[usize::from(match_below)];
        if candidates.nodes.is_empty() {
            return Ok(None);
        }
        if let Some(known) = known.get(candidates) {
            return Ok(Some(Arc::clone(known)));
        }
        let Undecided { nodes, not_whole } = candidates;
        self.check_nodes(nodes.iter().chain(not_whole.iter().map(|(id, _)| id)).copied())?;
        let is_possible = |(id, not_whole): &(NodeId, NotWhole)| {
            let count = self.program.directory_requirements(*id);
            let is_possible = |more: &[usize]| {
                more.len() == count && more.iter().all(|&more| more <= u32::MAX as usize)
            };
            not_whole.more.as_deref().is_none_or(is_possible)
        };
        if !not_whole.iter().all(is_possible) || nodes.len() > self.program.node_count() {
            return Err(misfit("candidates that the patterns do not have"));
        }
        let requirements = self.program.child_requirements(nodes, not_whole, match_below);
        let requirements = Arc::new(requirements.ok_or(misfit("candidates that ask for nothing"))?);
        let known = &mut self.asked[usize::from(match_below)];
        if known.len() >= MOST_ASKED {
            known.clear();
        }
        known.insert(candidates.clone(), Arc::clone(&requirements));
        Ok(Some(requirements))
    }

    /// Whether these may be the answers of so many sub-directories of a directory.
    pub(crate) fn check_answers(
        &self,
        state: &MatchState,
        answers: &Answers,
        answered: usize,
    ) -> Result<(), Error> {
        match answers.fit(state, answered) {
            true => Ok(()),
            false => Err(misfit("answers to what was not asked")),
        }
    }

    /// Takes the answers of so many sub-directories, which were
    /// [checked](Self::check_answers).
    pub(crate) fn take_answers<N: TreeNode>(
        &self,
        directory: &Arc<N>,
        answers: &Answers,
        answered: usize,
        mut closed: impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        directory.state().add(answers);
        if answered > 0 {
            self.answer(directory, answered, closed);
        } else if self.outermost {
            self.decide_early(directory, &mut closed);
        }
    }
}

/// How many different sets of candidates are kept with what they ask for.
const MOST_ASKED: usize = 256;

/// What was asked for in directories that other processes opened, by their undecided candidates,
/// where a match may not and where it may start below.
pub(super) type Asked = [HashMap<Undecided, Arc<ChildRequirements>>; 2];

fn set_told(state: &mut MatchState, told: &[u64]) -> Result<(), Error> {
    let undecided = state.requirements.as_ref().map_or(0, |r| r.undecided.len());
    let Some(early) = &mut state.early else { return Ok(()) };
    if !fit(told, undecided) {
        return Err(misfit("decisions on candidates that there are not"));
    }
    early.told().add(told);
    Ok(())
}
