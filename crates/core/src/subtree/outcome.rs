//! What became of a sub-tree that was scanned elsewhere.

use std::ops::Range;

use super::reports::Reports;
use super::{Siblings, Subtree};
use crate::checking::{Checking, FindingsTable, PackedBelow, PackedNotes, Packer};
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
    /// What they answer, and what they tell of what may be missing there; `None` for the source,
    /// and where nobody asks.
    pub(crate) answers: Option<Answers>,
    pub(crate) below: Option<PackedBelow>,
    /// The directories that are open, each after its parent.
    pub(crate) open: Vec<OpenDirectory>,
    pub(crate) reports: Reports,
    /// Of which it cannot be told whether they match.
    pub(crate) unknown: Reports,
    pub(crate) hidden_by_links: u64,
    /// What was found missing, wherever it is told.
    pub(crate) findings: FindingsTable,
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
    pub(crate) seen: Option<Seen>,
    /// `None`: it has answered, and only the directories below are left to visit.
    pub(crate) state: Option<OpenState>,
    /// What is kept to tell what is missing; `None` unless somebody asks.
    pub(crate) notes: Option<PackedNotes>,
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
#[derive(Clone, Debug)]
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
    pub(crate) seen: Option<Seen>,
    pub(crate) state: &'a MatchState,
    pub(crate) standing: &'a Standing<R>,
    pub(crate) left: Siblings,
}

/// An outcome that is put together while a sub-tree is scanned.
#[derive(Debug)]
pub(crate) struct OutcomeBuilder {
    outcome: SubtreeOutcome,
    /// What was checked and does not match.
    checked: Vec<(NameBuf, usize, Findings)>,
    /// How many answers the directory in which the roots are waited for, and the hold on it.
    awaited: usize,
}

/// The outcome of a scan that has ended: nobody may work on it any more.
#[derive(Debug)]
pub(crate) struct OutcomeEnd<'c> {
    outcome: SubtreeOutcome,
    awaited: usize,
    packer: FindingsPacker<'c>,
}

/// Packs findings, if anybody asks what is missing.
#[derive(Debug)]
struct FindingsPacker<'c>(Option<(Checking<'c>, Packer<'c>)>);

impl OutcomeBuilder {
    /// Begins the outcome of a sub-tree of which all was begun, and nothing was found.
    pub(crate) fn new(subtree: &Subtree) -> OutcomeBuilder {
        let outcome = SubtreeOutcome {
            id: subtree.id,
            roots: subtree.len() as u32,
            ..SubtreeOutcome::default()
        };
        let awaited = subtree.roots().map_or(0, |roots| roots.feeding() + 1);
        OutcomeBuilder { outcome, checked: Vec::new(), awaited }
    }

    /// Adds what was told of a directory.
    pub(crate) fn report(&mut self, (path, pattern, findings): Reported) {
        match findings {
            None => self.outcome.reports.push(path.as_name(), pattern, None),
            Some(findings) => self.checked.push((path, pattern, findings)),
        }
    }

    /// Adds a directory and a pattern of which it cannot be told whether it matches.
    pub(crate) fn unknown(&mut self, path: Name<'_>, pattern: usize) {
        self.outcome.unknown.push(path, pattern, None);
    }

    /// The scan has ended. `checking` is that of those who ask what is missing.
    pub(crate) fn end(self, checking: Option<Checking<'_>>) -> OutcomeEnd<'_> {
        let OutcomeBuilder { mut outcome, checked, awaited } = self;
        let packer = checking.map(|checking| (checking, Packer::new(checking.checklists)));
        let mut packer = FindingsPacker(packer);
        for (path, pattern, findings) in checked {
            packer.push(&mut outcome.reports, (path, pattern, Some(findings)));
        }
        OutcomeEnd { outcome, awaited, packer }
    }
}

impl FindingsPacker<'_> {
    fn push(&mut self, to: &mut Reports, (path, pattern, findings): Reported) {
        let findings = findings.and_then(|findings| {
            let (checking, packer) = self.0.as_mut()?;
            let list = checking.checklists.of_pattern(pattern)?;
            Some(packer.findings(list, &findings) as usize)
        });
        to.push(path.as_name(), pattern, findings);
    }
}

impl OutcomeEnd<'_> {
    /// Roots that were not begun, by their indices among those of the sub-tree.
    pub(crate) fn left(&mut self, roots: Range<usize>) {
        if !roots.is_empty() {
            self.outcome.left.push((roots.start as u32, roots.len() as u32));
        }
    }

    /// Adds matches that links hide.
    pub(crate) fn hidden_by_links(&mut self, count: usize) {
        self.outcome.hidden_by_links += count as u64;
    }

    /// Adds an open directory, after its parent. `reported` tells what its standing holds.
    pub(crate) fn open<R>(
        &mut self,
        directory: HandedBack<'_, R>,
        mut reported: impl FnMut(R) -> Reported,
    ) -> OpenIndex {
        let HandedBack { parent, name, by_link, seen, state, standing, left } = directory;
        let standing = match standing.leave() {
            _ if standing.is_covered() => OpenStanding::Covered,
            None => OpenStanding::Free,
            Some((reports, hidden_by_links)) => {
                let hidden_by_links = hidden_by_links as u64;
                let mut held = Held { reports: Reports::default(), hidden_by_links };
                for report in reports {
                    self.packer.push(&mut held.reports, reported(report));
                }
                OpenStanding::Undecided(held)
            }
        };
        let notes = state.notes().zip(self.packer.0.as_mut());
        let waits = state.awaits() > 0;
        let notes = notes.map(|(notes, (checking, packer))| match waits {
            true => notes.pack(*checking, packer),
            false => notes.pack_for_below(*checking),
        });
        self.outcome.open.push(OpenDirectory {
            parent: parent.map_or(0, |OpenIndex(parent)| parent + 1),
            name: name.into(),
            by_link,
            seen,
            state: state.leave(),
            notes,
            standing,
            left,
        });
        OpenIndex(self.outcome.open.len() as u32 - 1)
    }

    /// The outcome. `above` is the stand-in of the directory in which the roots are; `None` for
    /// the source.
    pub(crate) fn finish<R>(
        mut self,
        above: Option<(&MatchState, &Standing<R>)>,
        mut reported: impl FnMut(R) -> Reported,
    ) -> SubtreeOutcome {
        if let Some((state, standing)) = above {
            self.outcome.answered = (self.awaited - state.awaits()) as u32;
            self.outcome.answers = Some(state.answers());
            let notes = state.notes().zip(self.packer.0.as_mut());
            self.outcome.below =
                notes.map(|(notes, (checking, packer))| notes.pack_below(*checking, packer));
            let (reports, hidden_by_links) = standing.leave().unwrap_or_default();
            for report in reports {
                self.packer.push(&mut self.outcome.reports, reported(report));
            }
            self.hidden_by_links(hidden_by_links);
        }
        if let Some((_, packer)) = self.packer.0 {
            self.outcome.findings = packer.finish();
        }
        self.outcome
    }
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
