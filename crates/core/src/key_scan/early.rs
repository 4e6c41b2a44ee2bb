//! Decisions while more keys of a directory may come, for those who look for the
//! [outermost](crate::outermost) matches: what is decided is not asked for any more, and the
//! keys that nobody asks for are skipped.

use super::{Found, KeyScanState, KeyScanVisitor};
use crate::bits;
use crate::key_tree::Advance;
use crate::outermost::{Report, Standing};
use crate::program::{ByFiles, ChildRequirements, NodeId, Verdict};

/// What is decided of an open directory.
#[derive(Debug)]
pub(super) struct Early {
    /// A bit for each candidate: whether it was told to be satisfied.
    told: Box<[u64]>,
    /// The other candidates, as far as an answer depends on them: a pattern's top that
    /// nothing above covers, or what one of these asks for in the directory above.
    asked: Vec<NodeId>,
}

impl KeyScanState {
    /// A bit for each candidate: whether it was told to be satisfied. `None` if nothing is told
    /// early.
    pub(super) fn told(&self) -> Option<&[u64]> {
        self.early.as_ref().map(|early| &*early.told)
    }

    /// Whether a candidate, by its index, was told to be satisfied.
    pub(super) fn is_told(&self, index: usize) -> bool {
        self.early.as_ref().is_some_and(|early| bits::get(&early.told, index))
    }
}

impl KeyScanVisitor {
    /// Makes a directory that is opened one that is decided as keys come.
    pub(super) fn begin_early(
        &self,
        state: &mut KeyScanState,
        may_start: bool,
        above: Option<&Standing<(Vec<u8>, Found)>>,
    ) {
        let nodes = || state.candidates.iter().flat_map(|set| &set.nodes);
        let may_match = may_start && nodes().any(|&id| !self.program.patterns(id).is_empty());
        let told = bits::zeroed(nodes().count());
        state.standing = Standing::new(above, false, may_match);
        state.early = Some(Box::new(Early { told, asked: Vec::new() }));
    }

    /// Notes which candidates were told elsewhere to be satisfied.
    pub(super) fn take_told(&self, state: &mut KeyScanState, told: &[u64]) {
        let Some(early) = &mut state.early else { return };
        early.told.iter_mut().zip(told).for_each(|(ours, theirs)| *ours |= theirs);
        let mut nodes = state.candidates.iter().flat_map(|set| &set.nodes).enumerate();
        if nodes.any(|(index, &id)| state.is_told(index) && !self.program.patterns(id).is_empty()) {
            let found = (Vec::new(), Found::default());
            state.standing.take_own(None, Report::Match(found), &mut |_| {});
        }
    }

    /// Tells of the candidates that are satisfied by the keys so far.
    pub(super) fn decide_early(
        &self,
        state: &mut KeyScanState,
        depth: usize,
        parent: Option<&mut KeyScanState>,
    ) -> Advance<Found> {
        let (mut told, mut matched) = (Vec::new(), Vec::new());
        let mut counter = 0;
        for (index, &id) in state.candidates.iter().flat_map(|set| &set.nodes).enumerate() {
            let below = match &state.requirements {
                Some(requirements) => self.program.decide(id, requirements, state, &mut counter),
                None => Verdict::YES,
            };
            // Nothing that is asked not to be there is certain while keys may come.
            let by_files = || self.program.by_files(id, &state.files, false);
            if !state.is_told(index)
                && below.yes
                && self.program.stays_satisfied(id)
                && matches!(by_files(), ByFiles::Open { .. })
            {
                told.push((index, id));
            }
        }
        let mut feeds_parent = false;
        let mut parent = parent.and_then(|KeyScanState { requirements, satisfied, .. }| {
            requirements.as_ref().map(|requirements| (requirements, satisfied))
        });
        for &(index, id) in &told {
            if let Some(early) = &mut state.early {
                bits::set(&mut early.told, index);
            }
            if depth <= self.max_depth {
                matched.extend_from_slice(self.program.patterns(id));
            }
            if let Some((requirements, satisfied)) = &mut parent
                && let Some(index) = requirements.index_of(id)
            {
                bits::set(satisfied, index);
                feeds_parent = true;
            }
        }
        let found = Found { matched, ..Found::default() };
        let found = (!found.is_empty()).then_some(found);
        Advance { found, is_changed: !told.is_empty(), feeds_parent }
    }

    /// Whether anything inside a directory is wanted still.
    pub(super) fn is_wanted_still(
        &self,
        state: &mut KeyScanState,
        depth: usize,
        parent: Option<&KeyScanState>,
    ) -> bool {
        let may_match =
            depth <= self.max_depth && !parent.is_some_and(|parent| parent.standing.is_covered());
        let checks = self.program.checklists().is_some();
        let is_asked = |id: NodeId| {
            may_match && (checks || !self.program.patterns(id).is_empty())
                || parent.is_some_and(|parent| self.is_asked(parent, id))
        };
        let nodes = state.candidates.iter().flat_map(|set| &set.nodes).enumerate();
        let asked = nodes.filter(|&(index, &id)| !state.is_told(index) && is_asked(id));
        let asked: Vec<NodeId> = asked.map(|(_, &id)| id).collect();
        let looks_inside = asked.iter().any(|&id| self.program.looks_inside(id));
        if let Some(early) = &mut state.early {
            early.asked = asked;
        }
        let visits_all = may_match && !self.program.is_empty() && !state.standing.is_covered();
        visits_all || looks_inside
    }

    /// Whether an answer depends on a sub-directory that satisfies a node.
    fn is_asked(&self, parent: &KeyScanState, id: NodeId) -> bool {
        let mut asked = parent.early.iter().flat_map(|early| &early.asked);
        if self.program.checklists().is_some() {
            // What is missing, and how much is there, is told by all sub-directories.
            let is_required = |required: &ChildRequirements| required.required.contains(id);
            return asked.next().is_some() && parent.requirements.as_ref().is_some_and(is_required);
        }
        asked.any(|&asking| self.program.awaits(asking, id, parent))
    }
}
