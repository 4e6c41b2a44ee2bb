//! How many directories are held open, and what to do when none can be.
//!
//! What may be open is limited for the process, not for a traversal, and most of
//! it is the caller's: all traversals together hold a share of it.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

/// How many are held now.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// The process that [`HELD`] counts for.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// Whether a worker that can open nothing is trying, while the others that
/// cannot wait.
static TURN: AtomicBool = AtomicBool::new(false);

/// How often somebody in need gave something back, or got what it wanted.
static PROGRESS: AtomicUsize = AtomicUsize::new(0);

/// To be called before a traversal starts: in a fork, there is nobody to give
/// back what the process it is a copy of has counted.
pub(super) fn begin() {
    let process = std::process::id();
    if PROCESS.swap(process, Ordering::Relaxed) != process {
        HELD.store(0, Ordering::Relaxed);
        TURN.store(false, Ordering::Relaxed);
    }
}

/// A directory held open, and counted while it is.
pub(super) struct Held<H> {
    handle: H,
}

impl<H> Held<H> {
    /// `Err` if as many as may be are held already.
    pub(super) fn new(handle: H, at_most: usize) -> Result<Held<H>, H> {
        if HELD.fetch_add(1, Ordering::Relaxed) < at_most {
            return Ok(Held { handle });
        }
        HELD.fetch_sub(1, Ordering::Relaxed);
        Err(handle)
    }

    /// However many are held.
    pub(super) fn anyway(handle: H) -> Held<H> {
        HELD.fetch_add(1, Ordering::Relaxed);
        Held { handle }
    }

    pub(super) fn handle(&self) -> &H {
        &self.handle
    }
}

impl<H> Drop for Held<H> {
    fn drop(&mut self) {
        // (In a fork, the count began afresh.)
        let _ = HELD.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| held.checked_sub(1));
    }
}

/// Whether an error says that no more files can be opened at present: EMFILE or
/// ENFILE.
pub(super) fn is_scarce(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let number = error.raw_os_error();
        [Errno::MFILE, Errno::NFILE].iter().any(|errno| number == Some(errno.raw_os_error()))
    }
    #[cfg(not(unix))]
    return error.raw_os_error() == Some(4); // ERROR_TOO_MANY_OPEN_FILES
}

/// Tells those who wait that it is not in vain.
pub(super) fn note_progress() {
    PROGRESS.fetch_add(1, Ordering::Relaxed);
}

/// The wait for others to close something, longer each time, and not for ever:
/// an eighth of a second in which nobody gets on.
pub(super) struct Patience {
    waits: u32,
    at_most: u32,
    progress: usize,
    has_turn: bool,
}

impl Patience {
    /// `hopeless`: such waits have been in vain before, so there will be few.
    pub(super) fn new(hopeless: bool) -> Patience {
        let at_most = if hopeless { 2 } else { 7 };
        let progress = PROGRESS.load(Ordering::Relaxed);
        Patience { waits: 0, at_most, progress, has_turn: false }
    }

    /// Waits a little; false if that has been done often enough.
    pub(super) fn wait(&mut self) -> bool {
        let progress = PROGRESS.load(Ordering::Relaxed);
        if progress != self.progress {
            (self.progress, self.waits) = (progress, 0);
        }
        if self.waits == self.at_most {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1 << self.waits));
        self.waits += 1;
        true
    }

    /// Waits until it is this worker's turn: if all that can open nothing tried
    /// at once, each with a directory in its hand, none would get the second.
    /// False if patience has run out before that.
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

impl Drop for Patience {
    fn drop(&mut self) {
        if self.has_turn {
            TURN.store(false, Ordering::Release);
        }
    }
}
