//! What is missing, for those who ask: what is kept of a directory when it is listed, and told
//! when it is closed.

use std::sync::Arc;

use super::{Candidates, MatchState, Matching, Settled, TreeNode};
use crate::NameBuf;
use crate::checking::{Checking, Facts, Gathering, ListId, Notes, Reason, Told};
use crate::program::{ChildRequirements, Evaluation, NodeId, Verdict};

impl Candidates {
    /// The lists of what may be missing, which are asked of the entries.
    pub(crate) fn lists(&self) -> &[ListId] {
        let checks = self.set.as_ref().and_then(|set| set.checks.as_ref());
        checks.map_or(&[], |checks| &checks.lists)
    }

    /// The directory's name, if it is to be told what is missing.
    pub(crate) fn take_name(&mut self) -> Option<NameBuf> {
        self.name.take()
    }
}

/// What was listed of a directory, for those who ask what is missing.
pub(crate) struct Noted<'a> {
    /// What [`Candidates::take_name`] gave.
    pub(crate) name: Option<NameBuf>,
    pub(crate) gathering: &'a mut Gathering,
    pub(crate) is_whole: bool,
    /// Whether sub-directories that nobody asks for are listed.
    pub(crate) visits_below: bool,
}

impl Matching {
    pub(crate) fn checking(&self) -> Option<Checking<'_>> {
        let checklists = self.program.checklists()?;
        Some(Checking { checklists, decoder: self.decoder.as_ref() })
    }

    /// Makes notes of a directory that was [listed](Matching::listed). It comes before the
    /// sub-directories are looked at.
    pub(crate) fn note<N: TreeNode>(
        &self,
        parent: Option<&Arc<N>>,
        depth: usize,
        state: &mut MatchState,
        settled: &mut Settled,
        noted: Noted<'_>,
    ) {
        let Some(checking) = self.checking() else { return };
        let Noted { name, gathering, is_whole, visits_below } = noted;
        let evaluation = settled.evaluation.take();
        let above = parent.and_then(|parent| parent.state().notes.as_deref());
        let name = name.unwrap_or_else(|| crate::Name::from("").into());
        if let Some(above) = above.filter(|_| state.is_watched) {
            above.take_listing(checking, &name, gathering);
        }
        let requirements = state.requirements.is_some();
        let explains = checking.checklists.explains();
        state.notes = checking.note(Facts {
            name,
            listed: evaluation.as_ref().and_then(|evaluation| evaluation.listed.clone()),
            gathering,
            is_whole,
            match_here: if explains { depth == 0 } else { depth <= self.max_depth },
            visits_below: visits_below || explains && depth == 0,
            seeks_below: requirements || self.visits_depth(depth + 1),
            above,
            feeds_parent: state.feeds_parent,
            may_count: evaluation.as_ref().is_some_and(|evaluation| {
                evaluation.requirements.is_some() || !evaluation.satisfied.is_empty()
            }),
        });
        if let (Some(_), Some(evaluation)) = (&state.notes, evaluation) {
            state.keep(evaluation);
        }
    }

    /// Tells the directory above of one that is not listed.
    pub(super) fn note_not_listed(
        &self,
        above: &Notes,
        candidates: &Candidates,
        reason: Reason,
        verdict: impl Fn(NodeId) -> Verdict,
    ) {
        let (Some(checking), Some(name)) = (self.checking(), &candidates.name) else { return };
        let nodes = candidates.set.as_ref().map_or(&[][..], |set| &set.nodes);
        checking.not_listed(above, name, reason, (candidates.lists(), nodes), verdict);
    }

    /// What is told of a directory that no sub-directory answers. `above` is the directory
    /// above, and whether it asks for this one.
    pub(super) fn close_alone(
        &self,
        notes: &Notes,
        above: Option<(&MatchState, bool)>,
        own: Option<&Evaluation>,
        requirements: Option<&ChildRequirements>,
    ) -> Told {
        let Some(checking) = self.checking() else { return Told::new() };
        let undecided = requirements.map_or(&[][..], |requirements| &requirements.undecided);
        let alone = requirements.and_then(|requirements| requirements.alone.as_deref());
        let verdict = |index: u32| {
            let id = undecided[index as usize];
            alone.map_or(Verdict::default(), |alone| alone.verdict(id))
        };
        let satisfied = |id| {
            let mut known = own.into_iter().chain(alone);
            known.any(|known| known.satisfied.contains(&id))
        };
        notes.close(checking, with_notes(above), verdict, satisfied)
    }

    /// What is told of a directory whose sub-directories have answered, with the verdicts on
    /// the undecided nodes.
    pub(super) fn close_noted<N: TreeNode>(
        &self,
        notes: &Notes,
        directory: &Arc<N>,
        verdicts: &[Verdict],
    ) -> Told {
        let Some(checking) = self.checking() else { return Told::new() };
        let state = directory.state();
        let undecided = state.requirements.as_ref().map_or(&[][..], |r| &r.undecided);
        let satisfied = |id| {
            let index = undecided.iter().position(|&undecided| undecided == id);
            index.is_some_and(|index| verdicts[index].yes)
                || state.own().is_some_and(|own| own.satisfied.contains(&id))
        };
        let above = directory.parent().map(|parent| (parent.state(), state.feeds_parent));
        let verdict = |index: u32| verdicts[index as usize];
        notes.close(checking, with_notes(above), verdict, satisfied)
    }
}

fn with_notes(above: Option<(&MatchState, bool)>) -> Option<(&Notes, bool)> {
    above.and_then(|(state, feeds)| Some((state.notes.as_deref()?, feeds)))
}
