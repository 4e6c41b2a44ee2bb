//! The outermost matches: those above which, up to the source, nothing matches.
//!
//! Whether a directory matches may be known later than what matches below it. So a
//! directory that is listed and still may match *holds* the matches from below. When it is
//! known to match they are dropped; when it is known not to, they go up to the next one
//! that still may, and from the topmost to the caller. What comes from below later finds
//! the directory decided, so a directory need not wait for all of its tree to be visited.
//!
//! Only directories that may yet match when they are listed are in these chains, which are
//! mostly empty. But where each directory of a tree asks something of the next, a chain is as
//! long as the tree is deep. So nobody walks up a chain twice to find that nothing matches, as
//! long as nothing in it was found to match since.
//!
//! # Invariant
//!
//! A match is in one place: with the one that found it, held by one directory, or sent. It
//! leaves a directory only when this is decided, under its lock; so whoever comes first, the
//! decision or the match, each match is dropped or sent, once.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::subtree::StandIn;

/// What is told of a directory, and belongs to the outcome if nothing above it matches.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Report<T> {
    Match(T),
    /// A directory that was checked and does not match.
    Incomplete(T),
    /// So many matches that links hide.
    HiddenByLinks(usize),
}

/// A directory that may match, as far as was known when it was listed.
#[derive(Debug)]
struct Undecided<T> {
    /// The next one above.
    above: Option<Arc<Undecided<T>>>,
    /// One of the constants below. It is set under the lock, once, and may be looked at
    /// without.
    answer: AtomicU8,
    /// How many directories were found to match, of this one's chain and those that share its
    /// topmost.
    matches: Arc<AtomicUsize>,
    /// How many these were when neither this directory nor one above it in the chain did.
    /// [`NEVER`] if that was not looked at.
    none_matched_at: AtomicUsize,
    held: Mutex<Held<T>>,
}

const UNKNOWN: u8 = 0;
const MATCHES: u8 = 1;
const MATCHES_NOT: u8 = 2;

const NEVER: usize = usize::MAX;

/// What a directory holds until it is decided.
#[derive(Debug)]
struct Held<T> {
    /// Matches, and what else was checked.
    reports: Vec<T>,
    hidden_by_links: usize,
}

/// How a listed directory stands to the matches at it and above it.
#[derive(Debug)]
pub(crate) struct Standing<T> {
    /// Whether it, or a directory above it, was known to match when it was listed.
    is_covered: bool,
    /// Whether the nearest undecided directory is this one itself.
    is_own: bool,
    /// Whether the directory is open in another process, and this stands for it.
    is_stand_in: bool,
    /// The nearest directory, of this one and those above it, that was undecided when it was
    /// listed.
    nearest: Option<Arc<Undecided<T>>>,
}

impl<T> Default for Standing<T> {
    fn default() -> Self {
        Standing { is_covered: false, is_own: false, is_stand_in: false, nearest: None }
    }
}

impl<T> Undecided<T> {
    fn answer(&self) -> u8 {
        self.answer.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Held<T>> {
        // Nothing panics while it is locked.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Undecided<T> {
    fn drop(&mut self) {
        // A loop, since recursion as deep as the tree would overflow the stack.
        let mut above = self.above.take();
        while let Some(mut undecided) = above.and_then(Arc::into_inner) {
            above = undecided.above.take();
        }
    }
}

impl<T> Standing<T> {
    /// The standing of a directory that was listed below another. `matches` tells whether it
    /// is known to match, `may_match` whether it may yet match.
    pub(crate) fn new(parent: Option<&Standing<T>>, matches: bool, may_match: bool) -> Standing<T> {
        let is_covered = matches || parent.is_some_and(Standing::is_covered);
        let mut nearest = parent.and_then(|parent| parent.nearest.clone());
        // Those that are known not to match have no say any more.
        while let Some(undecided) = &nearest
            && undecided.answer() == MATCHES_NOT
        {
            nearest = undecided.above.clone();
        }
        let is_own = may_match && !is_covered;
        if is_own {
            let held = Mutex::new(Held { reports: Vec::new(), hidden_by_links: 0 });
            nearest = Some(Arc::new(Undecided {
                answer: AtomicU8::new(UNKNOWN),
                matches: nearest
                    .as_ref()
                    .map(|above| Arc::clone(&above.matches))
                    .unwrap_or_default(),
                none_matched_at: AtomicUsize::new(NEVER),
                above: nearest,
                held,
            }));
        }
        Standing { is_covered, is_own, is_stand_in: false, nearest }
    }

    /// The stand-in of a directory that is open in another process. What nothing here drops is
    /// held until [`leave`](Self::leave) gives it.
    pub(crate) fn stand_in(stand_in: StandIn) -> Standing<T> {
        let undecided = || {
            Arc::new(Undecided {
                answer: AtomicU8::new(UNKNOWN),
                matches: Arc::default(),
                none_matched_at: AtomicUsize::new(NEVER),
                above: None,
                held: Mutex::new(Held { reports: Vec::new(), hidden_by_links: 0 }),
            })
        };
        let is_undecided = matches!(stand_in, StandIn::Undecided | StandIn::UndecidedAbove);
        Standing {
            is_covered: stand_in == StandIn::Covered,
            is_own: stand_in == StandIn::Undecided,
            is_stand_in: true,
            nearest: is_undecided.then(undecided),
        }
    }

    /// What a stand-in of this directory has to know.
    pub(crate) fn asking(&self) -> StandIn {
        let is_unknown = |undecided: &Undecided<T>| undecided.answer() == UNKNOWN;
        if self.is_covered() {
            StandIn::Covered
        } else if self.is_own && self.nearest.as_deref().is_some_and(is_unknown) {
            StandIn::Undecided
        } else if self.is_undecided() {
            StandIn::UndecidedAbove
        } else {
            StandIn::Free
        }
    }

    /// What this directory holds: what is told below it, and how many matches links hide there.
    /// `None` if it is decided or is none that holds anything. Nobody may work below it any more.
    pub(crate) fn leave(&self) -> Option<(Vec<T>, usize)> {
        let is_holding = self.is_own || self.is_stand_in;
        let undecided = self.nearest.as_ref().filter(|_| is_holding)?;
        let mut held = undecided.lock();
        let is_unknown = undecided.answer() == UNKNOWN;
        is_unknown.then(|| {
            let hidden_by_links = std::mem::take(&mut held.hidden_by_links);
            (std::mem::take(&mut held.reports), hidden_by_links)
        })
    }

    /// The standing of a directory that was listed in another process, below another. `held` is
    /// what [`leave`](Self::leave) gave, `None` if that was nothing.
    pub(crate) fn restored(
        parent: Option<&Standing<T>>,
        is_covered: bool,
        held: Option<(Vec<T>, usize)>,
    ) -> Standing<T> {
        let standing = Standing::new(parent, is_covered, held.is_some());
        if let (Some(undecided), Some((reports, hidden_by_links))) =
            (standing.nearest.as_ref().filter(|_| standing.is_own), held)
        {
            *undecided.lock() = Held { reports, hidden_by_links };
        }
        standing
    }

    /// The directories that were undecided when this one was listed, from it up.
    fn chain(&self) -> impl Iterator<Item = &Undecided<T>> {
        std::iter::successors(self.nearest.as_deref(), |undecided| undecided.above.as_deref())
    }

    /// Whether the directory or one above it is known to match: then no match below it is
    /// wanted.
    pub(crate) fn is_covered(&self) -> bool {
        self.is_covered || self.nearest.as_ref().is_some_and(|nearest| self.is_any_matched(nearest))
    }

    fn is_any_matched(&self, nearest: &Undecided<T>) -> bool {
        // Whoever is found to match is so before the number rises.
        let matches = nearest.matches.load(Ordering::Acquire);
        let is_known =
            |undecided: &Undecided<T>| undecided.none_matched_at.load(Ordering::Relaxed) == matches;
        let unknown = || self.chain().take_while(|undecided| !is_known(undecided));
        if unknown().any(|undecided| undecided.answer() == MATCHES) {
            return true;
        }
        for undecided in unknown() {
            undecided.none_matched_at.store(matches, Ordering::Relaxed);
        }
        false
    }

    /// Whether this directory or one above it may yet match.
    pub(crate) fn is_undecided(&self) -> bool {
        self.chain().any(|undecided| undecided.answer() == UNKNOWN)
    }

    /// Takes what is told of a directory right below this one. It is sent if nothing above
    /// it may match any more.
    pub(crate) fn take(&self, report: Report<T>, send: &mut impl FnMut(Report<T>)) {
        if !self.is_covered {
            pass_up(self.nearest.as_ref(), report, send);
        }
    }

    /// Takes what is told of this directory itself.
    pub(crate) fn take_own(
        &self,
        parent: Option<&Standing<T>>,
        report: Report<T>,
        send: &mut impl FnMut(Report<T>),
    ) {
        if self.is_own && matches!(report, Report::Match(_)) {
            self.decide(true, send);
        }
        // Who has the directory itself finds the same.
        if self.is_stand_in {
            return;
        }
        match parent {
            Some(parent) => parent.take(report, send),
            None => send(report),
        }
    }

    /// Tells that the directory does not match, if it is not known to.
    pub(crate) fn closed(&self, send: &mut impl FnMut(Report<T>)) {
        if self.is_own {
            self.decide(false, send);
        }
    }

    fn decide(&self, matches: bool, send: &mut impl FnMut(Report<T>)) {
        let Some(undecided) = &self.nearest else { return };
        let mut held = undecided.lock();
        if undecided.answer() != UNKNOWN {
            return;
        }
        undecided.answer.store(if matches { MATCHES } else { MATCHES_NOT }, Ordering::Release);
        if matches {
            undecided.matches.fetch_add(1, Ordering::Release);
        }
        let (found, hidden) = (std::mem::take(&mut held.reports), held.hidden_by_links);
        drop(held);
        if matches {
            return;
        }
        for found in found {
            pass_up(undecided.above.as_ref(), Report::Match(found), send);
        }
        if hidden > 0 {
            pass_up(undecided.above.as_ref(), Report::HiddenByLinks(hidden), send);
        }
    }
}

/// Gives a report to the first of these directories that is undecided; drops it if one
/// before that matches; sends it if there is none.
fn pass_up<T>(
    mut next: Option<&Arc<Undecided<T>>>,
    mut report: Report<T>,
    send: &mut impl FnMut(Report<T>),
) {
    while let Some(undecided) = next {
        let mut held = undecided.lock();
        match (undecided.answer(), report) {
            (UNKNOWN, Report::Match(found) | Report::Incomplete(found)) => {
                return held.reports.push(found);
            }
            (UNKNOWN, Report::HiddenByLinks(count)) => return held.hidden_by_links += count,
            (MATCHES, _) => return,
            (_, up) => report = up,
        }
        next = undecided.above.as_ref();
    }
    send(report);
}
