//! Decisions on directories that are not closed yet, for those who look for the
//! [outermost](crate::outermost) matches: what is satisfied already is not asked for any more.
//!
//! A candidate is satisfied as soon as all that it asks for is there. Who sets the bit that
//! was missing tells so before it counts down, so nobody does after the directory is closed.
//! What is missed, since two bits were set at the same time, is told when it is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::state::NodeBits;
use super::{Candidates, MatchState, Matching, Outcome, TreeNode};
use crate::pattern::MAX_LEVELS;
use crate::program::{NodeId, Verdict};

/// The decisions on a directory that is not closed yet.
#[derive(Debug)]
pub(super) struct Early {
    /// Whether a bit was set since the undecided candidates were looked at.
    has_news: AtomicBool,
    /// Which of the undecided candidates are satisfied, by their index there.
    told: NodeBits,
}

impl Early {
    /// Nothing is decided of so many undecided candidates.
    pub(super) fn new(undecided: usize) -> Early {
        Early { has_news: AtomicBool::new(false), told: NodeBits::new(undecided) }
    }

    /// Which of the undecided candidates are satisfied, by their index there.
    pub(super) fn told(&self) -> &NodeBits {
        &self.told
    }
}

impl MatchState {
    /// Whether a pattern's top is among the undecided candidates.
    pub(crate) fn may_match(&self) -> bool {
        self.requirements.as_ref().is_some_and(|requirements| requirements.may_match)
    }

    /// A sub-directory has set a bit, or was counted.
    #[inline]
    pub(super) fn note_news(&self) {
        if let Some(early) = &self.early {
            early.has_news.store(true, Ordering::Relaxed);
        }
    }

    /// Whether an undecided candidate, by its index, was told to be satisfied.
    pub(super) fn is_told(&self, index: usize) -> bool {
        self.early.as_ref().is_some_and(|early| early.told.get(index))
    }

    /// The candidates that are not satisfied so far.
    fn undecided_nodes(&self) -> impl Iterator<Item = NodeId> {
        let undecided = self.requirements.iter().flat_map(|r| &r.undecided).copied();
        undecided.enumerate().filter(move |&(index, _)| !self.is_told(index)).map(|(_, id)| id)
    }
}

impl Matching {
    /// Tells of the undecided candidates of a directory that are satisfied by now, which may
    /// satisfy those of its parent, and so on up.
    pub(super) fn decide_early<N: TreeNode>(
        &self,
        mut directory: &Arc<N>,
        closed: &mut impl FnMut(&Arc<N>, &[usize], Outcome),
    ) {
        loop {
            let state = directory.state();
            let Some(early) = &state.early else { return };
            let has_news = &early.has_news;
            if !has_news.load(Ordering::Relaxed) || !has_news.swap(false, Ordering::Relaxed) {
                return;
            }
            let parent = directory.parent().filter(|_| state.feeds_parent);
            let Some(requirements) = &state.requirements else { return };
            let mut counter = 0;
            for (index, &id) in requirements.undecided.iter().enumerate() {
                let verdict = self.program.decide(id, requirements, state, &mut counter);
                let is_decided = verdict.yes && self.program.stays_satisfied(id);
                if !is_decided || early.told.get(index) || !early.told.set(index) {
                    continue;
                }
                let patterns = self.program.patterns(id);
                if !patterns.is_empty() && directory.depth() <= self.max_depth {
                    closed(directory, patterns, Outcome::Matched);
                }
                // What the parent counts is told when the directory is closed, as one answer.
                if let Some(parent) = parent {
                    parent.state().set(id, Verdict::YES);
                }
            }
            let Some(parent) = parent else { return };
            directory = parent;
        }
    }

    /// Whether an answer still depends on a sub-directory that feeds `parent`: a candidate of
    /// it is asked for by one that is undecided and asked for in turn, or may be a match that
    /// nothing above covers.
    pub(crate) fn is_asked_for<N: TreeNode>(
        &self,
        parent: &Arc<N>,
        candidates: &Candidates,
    ) -> bool {
        if !candidates.feeds_parent {
            return false;
        }
        if self.program.checklists().is_some() {
            return self.is_checked_above(parent);
        }
        let asked = self.asked_of(parent);
        let mut nodes = candidates.set.iter().flat_map(|set| &set.nodes);
        nodes.any(|&id| self.awaits(parent.state(), &asked, id))
    }

    /// The undecided candidates of a directory on which an answer still depends.
    pub(super) fn asked_of<N: TreeNode>(&self, directory: &Arc<N>) -> Vec<NodeId> {
        if self.program.checklists().is_some() {
            let undecided = directory.state().requirements.iter().flat_map(|r| &r.undecided);
            let is_checked = self.is_checked_above(directory);
            return undecided.copied().filter(|_| is_checked).collect();
        }
        // Further up than patterns are deep, nobody asks for anything here, though each
        // directory of a deep tree may feed the one above.
        let mut way = vec![directory];
        while way.len() < MAX_LEVELS
            && let Some(&last) = way.last()
            && let Some(above) = last.parent().filter(|_| last.state().feeds_parent)
        {
            way.push(above);
        }
        let mut asked_above: Option<(&MatchState, Vec<NodeId>)> = None;
        for directory in way.into_iter().rev() {
            let state = directory.state();
            let may_match = directory.depth() <= self.max_depth
                && !directory.parent().is_some_and(|parent| parent.is_covered());
            let is_asked = |id: &NodeId| match state.asked_elsewhere() {
                Some(asked) => asked.contains(id),
                None => {
                    may_match && !self.program.patterns(*id).is_empty()
                        || asked_above
                            .as_ref()
                            .is_some_and(|(above, asked)| self.awaits(above, asked, *id))
                }
            };
            let asked = state.undecided_nodes().filter(is_asked).collect();
            asked_above = Some((state, asked));
        }
        asked_above.map_or(Vec::new(), |(_, asked)| asked)
    }

    /// Whether something may be told of a directory, or of those above it that it feeds, which
    /// is to tell what is missing: that asks for all that it feeds on.
    fn is_checked_above<N: TreeNode>(&self, mut directory: &Arc<N>) -> bool {
        for _ in 0..MAX_LEVELS {
            if let Some(asked) = directory.state().asked_elsewhere() {
                return !asked.is_empty();
            }
            let above = directory.parent();
            if directory.depth() <= self.max_depth && !above.is_some_and(|above| above.is_covered())
            {
                return true;
            }
            let Some(above) = above.filter(|_| directory.state().feeds_parent) else { break };
            directory = above;
        }
        false
    }

    /// Whether one of some nodes of a directory waits for a sub-directory that satisfies
    /// another.
    fn awaits(&self, state: &MatchState, nodes: &[NodeId], child: NodeId) -> bool {
        nodes.iter().any(|&id| self.program.awaits(id, child, state))
    }
}
