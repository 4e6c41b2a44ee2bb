//! How many directories are kept open, and what happens when no more can be opened.
//!
//! The limit of open files is the process's, not a traversal's, and most of it is the
//! caller's. All traversals together keep a share of it: the *handle budget*.
//!
//! # Invariant
//!
//! [`KEPT_OPEN`] is the number of [`CountedHandle`]s of this process. It stays within
//! the budget, but for a few that each worker may always have: two on its stack, the
//! parent that it works in, and the directory that it has just listed. (A handle whose
//! identity cannot be had is kept in any case, and so are those in frames that are handed
//! over.) Not counted are the source, and at most two directories for each worker: those
//! that it lists, or passes on its way to another.
//!
//! A worker that cannot open anything (EMFILE, ENFILE) first closes what it keeps open,
//! then tries again. One at a time holds [`TURN`] while it tries: if all tried at once,
//! each might open one of the two directories that it needs, and none the second. Who
//! waits goes on only as long as others advance ([`ADVANCES`]), so the wait ends.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

/// How many counted handles there are.
static KEPT_OPEN: AtomicUsize = AtomicUsize::new(0);

/// The process that [`KEPT_OPEN`] counts for.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// Whether one of the workers that can open nothing has its turn to try.
static TURN: AtomicBool = AtomicBool::new(false);

/// How often a worker that could open nothing has closed something, or has got through.
static ADVANCES: AtomicUsize = AtomicUsize::new(0);

/// Called before a traversal starts. A fork begins to count afresh, since it has none of
/// the workers whose handles were counted.
pub(super) fn begin() {
    let process = std::process::id();
    if PROCESS.swap(process, Ordering::Relaxed) != process {
        KEPT_OPEN.store(0, Ordering::Relaxed);
        TURN.store(false, Ordering::Relaxed);
    }
}

/// A directory that is kept open, and counted until it is closed.
pub(super) struct CountedHandle<H> {
    handle: H,
}

impl<H> CountedHandle<H> {
    /// Counts a handle, or gives it back if the budget is spent.
    pub(super) fn within(budget: usize, handle: H) -> Result<CountedHandle<H>, H> {
        if KEPT_OPEN.fetch_add(1, Ordering::Relaxed) < budget {
            return Ok(CountedHandle { handle });
        }
        KEPT_OPEN.fetch_sub(1, Ordering::Relaxed);
        Err(handle)
    }

    /// Counts a handle, whether or not the budget is spent.
    pub(super) fn beyond_budget(handle: H) -> CountedHandle<H> {
        KEPT_OPEN.fetch_add(1, Ordering::Relaxed);
        CountedHandle { handle }
    }

    pub(super) fn handle(&self) -> &H {
        &self.handle
    }
}

impl<H> Drop for CountedHandle<H> {
    fn drop(&mut self) {
        // Never below zero: in a fork, the handle may be one that is not counted.
        let minus_one = |count: usize| count.checked_sub(1);
        let _ = KEPT_OPEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, minus_one);
    }
}

/// Whether an error says that no more files can be opened at present: EMFILE or
/// ENFILE.
pub(super) fn is_out_of_handles(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let number = error.raw_os_error();
        [Errno::MFILE, Errno::NFILE].iter().any(|errno| number == Some(errno.raw_os_error()))
    }
    #[cfg(not(unix))]
    return error.raw_os_error() == Some(4); // ERROR_TOO_MANY_OPEN_FILES
}

/// Tells the workers that wait that another has advanced.
pub(super) fn note_advance() {
    ADVANCES.fetch_add(1, Ordering::Relaxed);
}

/// The exponential backoff of a worker that cannot open anything.
///
/// Each wait is twice as long as the one before, up to 64 ms. It gives up after half a second
/// in which no other worker advanced. (An eighth was once too short for a busy machine, where
/// the others may have to wait for a processor.)
pub(super) struct FdBackoff {
    waits: u32,
    max_waits: u32,
    /// The number of advances that was seen last.
    advances: usize,
    has_turn: bool,
}

impl FdBackoff {
    /// `is_brief`: a wait of this traversal was in vain before, so this one gives up
    /// sooner.
    pub(super) fn new(is_brief: bool) -> FdBackoff {
        let max_waits = if is_brief { 2 } else { 13 };
        let advances = ADVANCES.load(Ordering::Relaxed);
        FdBackoff { waits: 0, max_waits, advances, has_turn: false }
    }

    /// Waits once; false if it is time to give up.
    pub(super) fn wait(&mut self) -> bool {
        let advances = ADVANCES.load(Ordering::Relaxed);
        if advances != self.advances {
            (self.advances, self.waits) = (advances, 0);
        }
        if self.waits == self.max_waits {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1 << self.waits.min(6)));
        self.waits += 1;
        true
    }

    /// Waits for this worker's turn to try, which it has until this is dropped; false if
    /// it is time to give up.
    pub(super) fn take_turn(&mut self) -> bool {
        while TURN.swap(true, Ordering::Acquire) {
            if !self.wait() {
                return false;
            }
        }
        self.has_turn = true;
        true
    }
}

impl Drop for FdBackoff {
    fn drop(&mut self) {
        if self.has_turn {
            TURN.store(false, Ordering::Release);
        }
    }
}
