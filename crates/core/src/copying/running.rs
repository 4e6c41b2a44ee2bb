//! The running copy as its caller sees it: an iterator over what became of each match.

use std::fmt;
use std::iter::FusedIterator;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use super::plan::{MatchPlan, Skipped};
use crate::traversal::Stop;
use crate::traversal::channel::Receiver;
use crate::{Error, Next, Stopper};

/// How many results wait to be received before the tasks do.
pub(super) const MAX_RESULTS: usize = 64;

/// How long closing waits for tasks that do not get ahead.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// What became of a match.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It was copied; in a dry run, it would be.
    Copied,
    /// Something is at the destination, and was not to be changed.
    Exists,
    /// Another match, the first by its source, is copied to the same destination.
    SameDestination {
        /// The index of that match.
        first: usize,
    },
    /// It was not copied, or not wholly.
    Failed {
        /// What went wrong. There is at least one.
        errors: Vec<Error>,
        /// With [`overwrite`](crate::Copy::overwrite), the files of the destination that
        /// were replaced before that. Empty otherwise: nothing was changed.
        replaced: Vec<PathBuf>,
    },
}

impl Outcome {
    pub(super) fn failed(error: Error) -> Outcome {
        Outcome::Failed { errors: vec![error], replaced: Vec::new() }
    }
}

/// A match, and what became of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Copied {
    /// The match: its place among those given.
    pub index: usize,
    /// The source, as it was given.
    pub source: PathBuf,
    /// The destination: absolute, and without links above it.
    pub destination: PathBuf,
    /// How many files were copied; 0 unless the outcome is [`Outcome::Copied`].
    pub files: u64,
    /// How many bytes are in these files.
    pub bytes: u64,
    /// What belongs to the match and cannot be copied.
    pub skipped: Vec<Skipped>,
    /// What became of it.
    pub outcome: Outcome,
}

impl Copied {
    pub(super) fn new(index: usize, source: &Path, destination: &Path, outcome: Outcome) -> Copied {
        let (source, destination) = (source.into(), destination.into());
        Copied { index, source, destination, files: 0, bytes: 0, skipped: Vec::new(), outcome }
    }
}

/// A match that is not copied yet, and what would become of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct PlannedMatch {
    /// The match: its place among those given.
    pub index: usize,
    /// The source, as it was given.
    pub source: PathBuf,
    /// The destination: absolute, and without links above it.
    pub destination: PathBuf,
    /// Its directories and files, and what is skipped; `None` unless the outcome is
    /// [`Outcome::Copied`].
    pub plan: Option<MatchPlan>,
    /// What would become of it.
    pub outcome: Outcome,
}

/// How far a copy has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyStats {
    /// Files copied, those of matches that failed later included.
    pub files: u64,
    /// Bytes copied, likewise. Holes count as if they had been.
    pub bytes: u64,
    /// Files that are known to be copied in all. With [`totals`](crate::Copy::totals) it is
    /// complete before the first is copied; else it grows with each match that is begun.
    pub files_planned: u64,
    /// The bytes of these files; 0 without [`totals`](crate::Copy::totals), since nobody has
    /// asked for their sizes.
    pub bytes_planned: u64,
}

/// What the tasks count.
#[derive(Debug, Default)]
pub(super) struct Counters {
    files: AtomicU64,
    bytes: AtomicU64,
    files_planned: AtomicU64,
    bytes_planned: AtomicU64,
    /// What is neither, and shows that a task gets ahead.
    others: AtomicU64,
}

impl Counters {
    pub(super) fn add_file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn add_planned(&self, files: u64, bytes: u64) {
        self.files_planned.fetch_add(files, Ordering::Relaxed);
        self.bytes_planned.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn advance(&self) {
        self.others.fetch_add(1, Ordering::Relaxed);
    }

    fn stats(&self) -> CopyStats {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CopyStats {
            files: of(&self.files),
            bytes: of(&self.bytes),
            files_planned: of(&self.files_planned),
            bytes_planned: of(&self.bytes_planned),
        }
    }

    /// A number that changes as long as any task gets ahead.
    fn advances(&self) -> u64 {
        let stats = self.stats();
        [stats.files, stats.bytes, stats.files_planned, self.others.load(Ordering::Relaxed)]
            .into_iter()
            .fold(0, u64::wrapping_add)
    }
}

/// A handle that tells how far a copy has come, also to other threads. Clones tell the same.
#[derive(Clone, Debug)]
pub struct CopyProgress {
    counters: Arc<Counters>,
}

impl CopyProgress {
    /// How far the copy has come.
    pub fn stats(&self) -> CopyStats {
        self.counters.stats()
    }
}

/// A running [`Copy`](crate::Copy): an iterator over what became of the matches, in the order
/// in which that is known. Each comes exactly once.
///
/// Dropping it stops the copy: what is not whole is removed. An error in the place of a match is
/// about all that were to follow: there was a defect, or this process is a fork of the one in
/// which the copy was started, and has none of its workers.
pub struct Copies {
    /// An error that kept the copy from starting.
    start_error: Option<Error>,
    /// `None` once it has ended.
    receiver: Option<Receiver<Result<Copied, Error>>>,
    /// Its threads end with their last task, once this is dropped.
    pool: Option<rayon::ThreadPool>,
    /// How many matches have not been received.
    left: usize,
    stop: Arc<Stop>,
    counters: Arc<Counters>,
}

impl Copies {
    pub(super) fn new(
        receiver: Receiver<Result<Copied, Error>>,
        pool: rayon::ThreadPool,
        left: usize,
        stop: Arc<Stop>,
        counters: Arc<Counters>,
    ) -> Copies {
        let sleep = Arc::clone(receiver.sleep());
        stop.wake_by(move || sleep.end());
        let (receiver, pool) = (Some(receiver), Some(pool));
        Copies { start_error: None, receiver, pool, left, stop, counters }
    }

    /// Copies that are nothing but an error.
    pub(super) fn only_error(error: Error) -> Copies {
        Copies {
            start_error: Some(error),
            receiver: None,
            pool: None,
            left: 0,
            stop: Arc::new(Stop::new()),
            counters: Arc::default(),
        }
    }

    /// Waits for the next match, no longer than until `deadline`. A deadline that has passed
    /// does not wait.
    pub fn next_before(&mut self, deadline: Instant) -> Next<Copied> {
        self.next_until(Some(deadline))
    }

    /// A handle that tells other threads how far the copy has come.
    pub fn progress(&self) -> CopyProgress {
        CopyProgress { counters: Arc::clone(&self.counters) }
    }

    /// A handle that stops this from other threads.
    pub fn stopper(&self) -> Stopper {
        Stopper::new(Arc::clone(&self.stop))
    }

    fn next_until(&mut self, deadline: Option<Instant>) -> Next<Copied> {
        if let Some(error) = self.start_error.take() {
            return Next::Item(Err(error));
        }
        let Some(receiver) = &self.receiver else { return Next::End };
        if self.stop.is_set() {
            self.close();
            return Next::End;
        }
        if self.stop.is_inherited() {
            self.close();
            return Next::Item(Err(Error::other_process()));
        }
        match receiver.receive(deadline, Some(&self.stop)) {
            Ok(item) => {
                self.left -= usize::from(item.is_ok());
                Next::Item(item)
            }
            Err(RecvTimeoutError::Timeout) if !self.stop.is_set() => Next::Timeout,
            Err(_) => {
                let is_short = self.left > 0 && !self.stop.is_set();
                self.close();
                if is_short {
                    return Next::Item(Err(Error::internal("a match was lost")));
                }
                Next::End
            }
        }
    }

    /// Stops the copy, waits for it, and ends the iteration. Dropping does the same.
    ///
    /// What is being copied and not whole is removed, which is waited for as long as it gets
    /// ahead. If nothing moves for two seconds, as on a file system whose server does not
    /// answer, the threads are left behind. A later copy to the same place removes what they
    /// leave.
    pub fn close(&mut self) {
        if self.stop.is_inherited() {
            // A fork has no workers to stop. What they had locked when it was made stays
            // locked for ever, so nothing here may be touched, nor dropped.
            std::mem::forget((self.receiver.take(), self.pool.take()));
            return;
        }
        let Some(receiver) = self.receiver.take() else { return };
        self.stop.set();
        let mut advances = self.counters.advances();
        let mut since = Instant::now();
        // The channel ends with the last task.
        loop {
            let slice = Instant::now() + Duration::from_millis(20);
            match receiver.receive(Some(slice), None) {
                Ok(_) => since = Instant::now(),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = self.counters.advances();
            if now != advances {
                (advances, since) = (now, Instant::now());
            } else if since.elapsed() > CLOSE_TIMEOUT {
                break;
            }
        }
        self.pool = None;
    }
}

impl Iterator for Copies {
    type Item = Result<Copied, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_until(None) {
            Next::Item(result) => Some(result),
            Next::Timeout | Next::End => None,
        }
    }
}

impl FusedIterator for Copies {}

impl fmt::Debug for Copies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copies").field("stats", &self.counters.stats()).finish()
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        self.close();
    }
}
