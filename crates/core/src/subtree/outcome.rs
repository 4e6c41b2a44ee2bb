//! What became of a sub-tree that was scanned elsewhere.

use std::ops::Range;

use super::reports::Reports;
use super::{Siblings, Subtree};
use crate::matching::{Answers, MatchState, OpenState};
use crate::outermost::Standing;
use crate::traversal::Seen;
use crate::{Findings, Name, NameBuf};

/// What became of a [`Subtree`] that was scanned elsewhere: what was found, what its roots answer
/// to the directory that they are in, and the directories that were left open.
///
/// [`ListingScan::scanned`](crate::ListingScan::scanned) takes it in place of a listing. With the
/// feature `serde` it can be written in any format of [serde](https://serde.rs). It is meaningful
/// to the same version of this crate, with the same patterns.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SubtreeOutcome {
    /// What is left, by the index of the first root and how many.
    pub(crate) left: Vec<(u32, u32)>,
    /// Which sub-tree it was, and how many roots that had.
    pub(crate) id: u64,
    pub(crate) roots: u32,
    /// How many roots have answered that the directory above waits for.
    pub(crate) answered: u32,
    /// What they answer; `None` for the source.
    pub(crate) answers: Option<Answers>,
    /// The directories that are open, each after its parent.
    pub(crate) open: Vec<OpenDirectory>,
    pub(crate) reports: Reports,
    /// Of which it cannot be told whether they match.
    pub(crate) unknown: Reports,
    pub(crate) hidden_by_links: u64,
}

/// A directory that was listed, in which something is left to do.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct OpenDirectory {
    /// One more than the index of its parent among those that are open; 0: the roots are in its
    /// parent, or it is the source.
    pub(crate) parent: u32,
    /// Empty for the source.
    pub(crate) name: NameBuf,
    pub(crate) by_link: bool,
    pub(crate) inode: Option<Seen>,
    /// `None`: it has answered, and only the directories below are left to visit.
    pub(crate) state: Option<OpenState>,
    pub(crate) standing: OpenStanding,
    /// Its sub-directories that are not begun.
    pub(crate) left: Siblings,
}

/// How an open directory stands to the outermost matches.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum OpenStanding {
    /// It is not known whether it matches, and it holds back what is found below.
    Undecided(Held),
    /// It or a directory above it matches.
    Covered,
    /// Neither.
    Free,
}

/// What a directory holds back until it is decided.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Held {
    pub(crate) reports: Reports,
    pub(crate) hidden_by_links: u64,
}

/// What is told of a directory: its path relative to that in which the roots are, or to the
/// source, with `/` between the names, the position of the pattern, and if it was checked what is
/// missing.
pub(crate) type Reported = (NameBuf, usize, Option<Findings>);

/// The place of an open directory in an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenIndex(u32);

/// An open directory that is handed back.
pub(crate) struct HandedBack<'a, R> {
    /// `None`: the directory in which the roots are, or it is the source.
    pub(crate) parent: Option<OpenIndex>,
    pub(crate) name: Name<'a>,
    pub(crate) by_link: bool,
    pub(crate) inode: Option<Seen>,
    pub(crate) state: &'a MatchState,
    pub(crate) standing: &'a Standing<R>,
    pub(crate) left: Siblings,
}

/// An outcome that is put together when a scan of a sub-tree has ended: nobody may work on it any
/// more.
#[derive(Debug)]
pub(crate) struct OutcomeBuilder {
    outcome: SubtreeOutcome,
    /// How many answers the directory in which the roots are waited for, and the hold on it.
    awaited: usize,
}

impl OutcomeBuilder {
    /// Begins the outcome of a sub-tree of which all was begun, and nothing was found.
    pub(crate) fn new(subtree: &Subtree) -> OutcomeBuilder {
        let outcome = SubtreeOutcome {
            id: subtree.id,
            roots: subtree.len() as u32,
            ..SubtreeOutcome::default()
        };
        let awaited = subtree.roots().map_or(0, |roots| roots.feeding() + 1);
        OutcomeBuilder { outcome, awaited }
    }

    /// Roots that were not begun, by their indices among those of the sub-tree.
    pub(crate) fn left(&mut self, roots: Range<usize>) {
        if !roots.is_empty() {
            self.outcome.left.push((roots.start as u32, roots.len() as u32));
        }
    }

    /// Adds an open directory, after its parent. `reported` tells what its standing holds.
    pub(crate) fn open<R>(
        &mut self,
        directory: HandedBack<'_, R>,
        reported: impl FnMut(R) -> Reported,
    ) -> OpenIndex {
        let HandedBack { parent, name, by_link, inode, state, standing, left } = directory;
        let standing = match standing.leave() {
            _ if standing.is_covered() => OpenStanding::Covered,
            None => OpenStanding::Free,
            Some((reports, hidden_by_links)) => {
                OpenStanding::Undecided(held(reports, hidden_by_links, reported))
            }
        };
        self.outcome.open.push(OpenDirectory {
            parent: parent.map_or(0, |OpenIndex(parent)| parent + 1),
            name: name.into(),
            by_link,
            inode,
            state: state.leave(),
            standing,
            left,
        });
        OpenIndex(self.outcome.open.len() as u32 - 1)
    }

    /// Adds what was told of a directory.
    pub(crate) fn report(&mut self, (path, pattern, findings): Reported) {
        self.outcome.reports.push(path.as_name(), pattern, None);
    }

    /// Adds a directory and a pattern of which it cannot be told whether it matches.
    pub(crate) fn unknown(&mut self, path: Name<'_>, pattern: usize) {
        self.outcome.unknown.push(path, pattern, None);
    }

    /// Adds matches that links hide.
    pub(crate) fn hidden_by_links(&mut self, count: usize) {
        self.outcome.hidden_by_links += count as u64;
    }

    /// The outcome. `above` is the directory in which the roots are, as
    /// [`Matching::asking`](crate::matching::Matching::asking) made it; `None` for the source.
    pub(crate) fn finish<R>(
        mut self,
        above: Option<(&MatchState, &Standing<R>)>,
        mut reported: impl FnMut(R) -> Reported,
    ) -> SubtreeOutcome {
        if let Some((state, standing)) = above {
            self.outcome.answered = (self.awaited - state.awaits()) as u32;
            self.outcome.answers = Some(state.answers());
            let (reports, hidden_by_links) = standing.leave().unwrap_or_default();
            reports.into_iter().for_each(|report| self.report(reported(report)));
            self.hidden_by_links(hidden_by_links);
        }
        self.outcome
    }
}

fn held<R>(
    reports: Vec<R>,
    hidden_by_links: usize,
    mut reported: impl FnMut(R) -> Reported,
) -> Held {
    let mut held = Held { reports: Reports::default(), hidden_by_links: hidden_by_links as u64 };
    for (path, pattern, findings) in reports.into_iter().map(&mut reported) {
        held.reports.push(path.as_name(), pattern, None);
    }
    held
}

impl SubtreeOutcome {
    /// How many of the sub-tree's roots were not begun.
    pub fn left(&self) -> usize {
        self.left.iter().map(|&(_, count)| count as usize).sum()
    }

    /// How many directories were listed and have something left to do.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// How many matches, and other directories that were checked, it tells of. Some may turn out
    /// not to be outermost.
    pub fn found(&self) -> usize {
        self.reports.len()
    }
}
