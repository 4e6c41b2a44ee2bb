//! What undecided candidates ask of sub-directories, and how these decide them.

use std::sync::Arc;

use super::special::Special;
use super::{Evaluation, NodeId, Program, SearchSet, Tally, Verdict};
use crate::memo::Kept;
use crate::pattern::Count;

/// Candidates that are undecided until sub-directories are known, and what they ask of
/// these.
#[derive(Debug)]
pub(crate) struct ChildRequirements {
    pub(crate) undecided: Box<[NodeId]>,
    /// Those of them of which not all of the listing is known that they ask for.
    pub(crate) not_whole: Box<[(NodeId, NotWhole)]>,
    /// The nodes that the candidates ask for, in rising order.
    pub(crate) nodes: Box<[NodeId]>,
    /// The same nodes as a search.
    pub(crate) required: Arc<SearchSet>,
    /// The search of the sub-directories: the same nodes, and the roots where a match may
    /// start.
    pub(crate) sought: Arc<SearchSet>,
    /// Whether a pattern's top is among the candidates.
    pub(crate) may_match: bool,
    /// How many counters there are: one for each requirement that asks how many
    /// sub-directories there are.
    pub(crate) counters: usize,
    /// Pairs of a node's index and a counter that counts what satisfies it, in rising order.
    counted: Box<[(u32, u32)]>,
    /// What the undecided candidates are if no sub-directory is asked for; `None`: they are
    /// not satisfied.
    pub(crate) alone: Option<Box<Evaluation>>,
}

/// What the sub-directories may tell of a candidate although not all of the listing is known
/// that it asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct NotWhole {
    /// Whether it cannot be told even if they are as is asked, but only that they are not.
    pub(crate) is_untold: bool,
    /// How many more there may be for each of the requirements; `None`: any number.
    pub(crate) more: Option<Box<[usize]>>,
}

impl ChildRequirements {
    /// The index of a node among those that are asked for, if it is one of them.
    pub(crate) fn index_of(&self, id: NodeId) -> Option<usize> {
        self.nodes.binary_search(&id).ok()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.undecided)
            + size_of_val(&*self.not_whole)
            + size_of_val(&*self.nodes)
            + self.required.bytes()
            + self.sought.bytes()
            + size_of_val(&*self.counted)
            + self.alone.as_ref().map_or(0, |alone| alone.bytes())
    }
}

/// One sub-directory's answer to what is counted: it counts once for each counter, however
/// many of the alternatives it satisfies.
#[derive(Debug)]
pub(crate) struct CountedAnswer<'r> {
    requirements: &'r ChildRequirements,
    verdicts: Vec<Verdict>,
}

impl<'r> CountedAnswer<'r> {
    /// An answer; `None` if nothing is counted.
    #[inline]
    pub(crate) fn new(requirements: Option<&'r ChildRequirements>) -> Option<CountedAnswer<'r>> {
        let requirements = requirements.filter(|requirements| requirements.counters > 0)?;
        let verdicts = vec![Verdict::default(); requirements.counters];
        Some(CountedAnswer { requirements, verdicts })
    }

    /// Adds what the sub-directory is to a node.
    pub(crate) fn add(&mut self, id: NodeId, verdict: Verdict) {
        let Some(index) = self.requirements.index_of(id) else { return };
        let counted = &self.requirements.counted;
        let from = counted.partition_point(|&(node, _)| (node as usize) < index);
        for &(_, counter) in counted[from..].iter().take_while(|&&(node, _)| node as usize == index)
        {
            let counted = &mut self.verdicts[counter as usize];
            *counted = counted.or(verdict);
        }
    }

    /// The answer for each counter.
    pub(crate) fn verdicts(&self) -> impl Iterator<Item = (usize, Verdict)> {
        let verdicts = self.verdicts.iter().copied().enumerate();
        verdicts.filter(|&(_, verdict)| verdict != Verdict::default())
    }
}

/// What is known of the sub-directories of a directory, when all of them have answered.
pub(crate) trait Below {
    /// Whether one of them satisfies a node that is asked of them.
    fn is_satisfied(&self, id: NodeId) -> bool;
    /// The same, and if not, whether one of them may.
    fn verdict(&self, id: NodeId) -> Verdict;
    /// What was counted for a requirement.
    fn tally(&self, counter: usize) -> Tally;
    /// Whether any is a link that is not followed, or has one in it that matters.
    fn has_links(&self) -> bool;
    /// Whether there is anything that cannot be told.
    fn has_untold(&self) -> bool;
}

/// No sub-directory that is asked for.
struct NoneBelow;

impl Below for NoneBelow {
    fn is_satisfied(&self, _: NodeId) -> bool {
        false
    }

    fn verdict(&self, _: NodeId) -> Verdict {
        Verdict::default()
    }

    fn tally(&self, _: usize) -> Tally {
        Tally::default()
    }

    fn has_links(&self) -> bool {
        false
    }

    fn has_untold(&self) -> bool {
        false
    }
}

/// How many sub-directories satisfy what is asked of them. All of it has to be taken.
fn tallies(
    special: &Special,
    below: &impl Below,
    counter: &mut usize,
) -> impl Iterator<Item = (Count, Tally)> {
    special.directories.iter().map(|required| {
        let tally = if required.is_counted() {
            *counter += 1;
            below.tally(*counter - 1)
        } else {
            // Whether there is one at all.
            let verdicts = required.alternatives.iter().map(|&id| below.verdict(id));
            Tally::of(verdicts.fold(Verdict::default(), Verdict::or))
        };
        (required.count, tally)
    })
}

impl Program {
    /// What these nodes ask of sub-directories; `None` if none of them asks for any.
    /// `not_whole` are those among them of which not all of the listing is known that they
    /// ask for. `match_below` tells whether a match may start in the sub-directories.
    pub(crate) fn child_requirements(
        &self,
        undecided: &[NodeId],
        not_whole: &[(NodeId, NotWhole)],
        match_below: bool,
    ) -> Option<ChildRequirements> {
        let nodes = undecided.iter().flat_map(|&id| self.directories(id));
        let mut nodes: Vec<NodeId> = nodes.copied().collect();
        nodes.sort_unstable();
        nodes.dedup();
        if nodes.is_empty() {
            return None;
        }
        let sought_for = self.sought_for(&nodes);
        let required = Arc::new(self.search_set(&sought_for));
        let sought = if match_below {
            Arc::new(self.with_roots(&sought_for))
        } else {
            Arc::clone(&required)
        };
        drop(sought_for);
        let mut requirements = ChildRequirements {
            required,
            sought,
            may_match: undecided.iter().any(|&id| !self.patterns(id).is_empty()),
            undecided: undecided.into(),
            not_whole: not_whole.into(),
            nodes: nodes.into(),
            counters: 0,
            counted: [].into(),
            alone: None,
        };
        if self.has_special {
            self.add_counters(&mut requirements);
        }
        Some(requirements)
    }

    /// Gives a counter to each requirement that needs one, in the order in which
    /// [`decide`](Self::decide) comes by them.
    fn add_counters(&self, requirements: &mut ChildRequirements) {
        let special = requirements.undecided.iter().filter_map(|&id| self.special(id));
        let counts = special.flat_map(|special| &special.directories);
        let counts = counts.filter(|count| count.is_counted());
        let mut counted = Vec::new();
        for (counter, count) in (0..).zip(counts) {
            requirements.counters = counter + 1;
            for &id in &count.alternatives {
                let index = requirements.index_of(id).expect("it is asked for");
                counted.push((index as u32, counter as u32));
            }
        }
        counted.sort_unstable();
        requirements.counted = counted.into();
    }

    /// What the undecided candidates are if no sub-directory is asked for; `None`: they are
    /// not satisfied.
    pub(super) fn alone(
        &self,
        requirements: &ChildRequirements,
        match_here: bool,
    ) -> Option<Box<Evaluation>> {
        let (mut satisfied, mut cannot_be_told) = (Vec::new(), Vec::new());
        let mut counter = 0;
        for &id in &requirements.undecided {
            match self.decide(id, requirements, &NoneBelow, &mut counter) {
                Verdict { yes: true, .. } => satisfied.push(id),
                Verdict { cannot_be_told: true, may_be, .. } => cannot_be_told.push((id, may_be)),
                _ => {}
            }
        }
        if satisfied.is_empty() && cannot_be_told.is_empty() {
            return None;
        }
        let matched = self.patterns_of(&satisfied, match_here);
        let (satisfied, cannot_be_told) = (satisfied.into(), cannot_be_told.into());
        Some(Box::new(Evaluation {
            satisfied,
            cannot_be_told,
            matched,
            requirements: None,
            listed: None,
        }))
    }

    /// Decides an undecided node, by what is known of the sub-directories. `counter` is the
    /// number of the next counter. The nodes must be decided in their order.
    #[inline]
    pub(crate) fn decide(
        &self,
        id: NodeId,
        requirements: &ChildRequirements,
        below: &impl Below,
        counter: &mut usize,
    ) -> Verdict {
        if !requirements.not_whole.is_empty() {
            let not_whole = requirements.not_whole.iter().find(|(not_whole, _)| *not_whole == id);
            return self.decide_part(id, not_whole.map(|(_, part)| part), below, counter);
        }
        self.decide_whole(id, below, counter)
    }

    #[inline]
    fn decide_whole(&self, id: NodeId, below: &impl Below, counter: &mut usize) -> Verdict {
        let node = &self.nodes[id as usize];
        match &node.special {
            None => {
                let mut asked = node.directories.iter();
                if asked.all(|&child| below.is_satisfied(child)) {
                    return Verdict::YES;
                }
                self.decide_plain(&node.directories, below)
            }
            Some(special) => Verdict::of_all(tallies(special, below, counter)),
        }
    }

    /// Decides an undecided node of which not all of the listing is known; `None`: it is.
    pub(crate) fn decide_part(
        &self,
        id: NodeId,
        not_whole: Option<&NotWhole>,
        below: &impl Below,
        counter: &mut usize,
    ) -> Verdict {
        let Some(NotWhole { is_untold, more }) = not_whole else {
            return self.decide_whole(id, below, counter);
        };
        let tallies: Vec<(Count, Tally)> = match self.special(id) {
            Some(special) => tallies(special, below, counter).collect(),
            None => {
                let tally = |&child| (Count::default(), Tally::of(below.verdict(child)));
                self.directories(id).iter().map(tally).collect()
            }
        };
        let part = Verdict::of_part(&tallies, more.as_deref());
        match is_untold {
            true => part,
            false => Verdict::of_all(tallies.into_iter()).or(part),
        }
    }

    /// Passes over the counters of a node that is not decided.
    pub(crate) fn pass_over(&self, id: NodeId, counter: &mut usize) {
        if let Some(special) = self.special(id) {
            *counter += special.directories.iter().filter(|count| count.is_counted()).count();
        }
    }

    /// Whether a node, once it is satisfied by some sub-directories, is so whatever others
    /// there are.
    pub(crate) fn stays_satisfied(&self, id: NodeId) -> bool {
        self.special(id).is_none_or(|special| !special.limits_directories())
    }

    /// Whether a node that is not decided waits for a sub-directory that satisfies another.
    pub(crate) fn awaits(&self, id: NodeId, child: NodeId, below: &impl Below) -> bool {
        let Some(special) = self.special(id) else {
            return self.directories(id).contains(&child) && !below.is_satisfied(child);
        };
        special.directories.iter().any(|required| {
            required.alternatives.contains(&child)
                && (required.is_counted()
                    || !required.alternatives.iter().any(|&id| below.is_satisfied(id)))
        })
    }

    /// The verdict on a node that asks for each of some nodes, of which one is not satisfied.
    fn decide_plain(&self, asked: &[NodeId], below: &impl Below) -> Verdict {
        // In most directories there are none, and the undecided nodes may be many.
        if !(below.has_links() || below.has_untold()) {
            return Verdict::default();
        }
        let holds = |holds: fn(Verdict) -> bool| {
            asked.iter().all(|&child| {
                let verdict = below.verdict(child);
                verdict.yes || holds(verdict)
            })
        };
        let has_untold = below.has_untold();
        Verdict {
            yes: false,
            behind_links: below.has_links() && holds(|verdict| verdict.behind_links),
            cannot_be_told: has_untold && holds(|verdict| verdict.cannot_be_told),
            may_be: has_untold && holds(|verdict| verdict.may_be),
            is_sure: has_untold && holds(|verdict| verdict.is_sure),
        }
    }
}
