//! What a scan of listings has found.

use std::sync::Arc;

use super::directory::ListedDirectory;
use crate::checking::Findings;
use crate::matching::{Outcome, Settled};
use crate::outermost::{Report, Standing};

/// What is told of a directory: its tag, the position of the pattern, and if it was checked
/// what is missing.
pub(super) type Reported<T> = (T, usize, Option<Findings>);

/// What was found.
#[derive(Debug)]
pub(super) struct Found<T> {
    /// Not taken yet.
    pub(super) matches: Vec<(T, usize)>,
    /// What was checked, not taken yet.
    pub(super) checked: Vec<(T, usize, Findings)>,
    /// Whether matches are told as what is checked and complete.
    pub(super) checks: bool,
    /// Whether only what is checked is told.
    pub(super) explains: bool,
    /// What cannot be told, not taken yet.
    pub(super) unknown: Vec<(T, usize)>,
    pub(super) tells_unknown: bool,
    pub(super) hidden_by_links: usize,
}

impl<T> Default for Found<T> {
    fn default() -> Found<T> {
        Found {
            matches: Vec::new(),
            checked: Vec::new(),
            checks: false,
            explains: false,
            unknown: Vec::new(),
            tells_unknown: false,
            hidden_by_links: 0,
        }
    }
}

impl<T: Clone> Found<T> {
    /// A function that adds what is known of directories that are not just listed.
    pub(super) fn adding(&mut self) -> impl FnMut(&Arc<ListedDirectory<T>>, &[usize], Outcome) {
        |listed, patterns, outcome| {
            let parent = listed.parent.as_ref().map(|parent| &parent.standing);
            match outcome {
                Outcome::Matched => {
                    for &pattern in patterns {
                        let found = (listed.tag.clone(), pattern, None);
                        self.tell(&listed.standing, parent, Report::Match(found));
                    }
                }
                Outcome::Checked(findings) => {
                    for &pattern in patterns {
                        let found = (listed.tag.clone(), pattern, Some(findings.clone()));
                        self.tell(&listed.standing, parent, Report::Incomplete(found));
                    }
                }
                Outcome::HiddenByLinks => {
                    let report = Report::HiddenByLinks(patterns.len());
                    self.tell(&listed.standing, parent, report);
                }
                Outcome::CannotBeTold if self.tells_unknown => {
                    let untold = patterns.iter().map(|&pattern| (listed.tag.clone(), pattern));
                    self.unknown.extend(untold);
                }
                Outcome::CannotBeTold => {}
                Outcome::Closed => listed.standing.closed(&mut |report| self.add(report)),
            }
        }
    }

    /// Tells of a directory what belongs to the outcome if nothing above it matches.
    fn tell(
        &mut self,
        standing: &Standing<Reported<T>>,
        parent: Option<&Standing<Reported<T>>>,
        report: Report<Reported<T>>,
    ) {
        standing.take_own(parent, report, &mut |report| self.add(report));
    }

    #[inline]
    pub(super) fn add_settled(
        &mut self,
        tag: &T,
        settled: Settled,
        standing: &Standing<Reported<T>>,
        parent: Option<&Standing<Reported<T>>>,
    ) {
        let tagged = |pattern| (tag.clone(), pattern);
        for pattern in settled.matched {
            self.tell(standing, parent, Report::Match((tag.clone(), pattern, None)));
        }
        for (pattern, findings) in settled.checked {
            let found = (tag.clone(), pattern, Some(findings));
            self.tell(standing, parent, Report::Incomplete(found));
        }
        if self.tells_unknown {
            self.unknown.extend(settled.cannot_be_told.into_iter().map(tagged));
        }
    }

    pub(super) fn add(&mut self, report: Report<Reported<T>>) {
        match report {
            Report::Match(_) if self.explains => {}
            Report::Match((tag, pattern, _)) if !self.checks => self.matches.push((tag, pattern)),
            Report::Match((tag, pattern, findings))
            | Report::Incomplete((tag, pattern, findings)) => {
                self.checked.push((tag, pattern, findings.unwrap_or_default()));
            }
            Report::HiddenByLinks(count) => self.hidden_by_links += count,
        }
    }
}
