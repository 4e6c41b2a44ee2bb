//! The sign to stop, and the handle that gives it.
//!
//! # Invariant
//!
//! The flag is set first. Then whoever may wait is woken: the workers that wait for work,
//! by the end of the pool, and the receiver, which looks at the flag each time before it
//! sleeps. A worker that waits to send looks at it now and then. So nobody that can run
//! waits for one that cannot.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// A handle that stops a scan, a walk or a copy from any thread, also while another thread waits
/// for its next result. Clones stop the same one.
///
/// # Example
///
/// ```
/// use pathvein_core::Walk;
///
/// # let dir = tempfile::tempdir()?;
/// let mut listings = Walk::new(dir.path()).start()?;
/// let stopper = listings.stopper();
/// std::thread::spawn(move || stopper.stop()).join().unwrap();
/// assert!(listings.next().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stopper {
    stop: Arc<Stop>,
}

impl Stopper {
    pub(crate) fn new(stop: Arc<Stop>) -> Stopper {
        Stopper { stop }
    }

    /// Stops the workers and ends the iteration. Results that were found and not taken are
    /// lost. Does not wait: a thread that waits for a result gets the end of the iteration,
    /// as soon as [`close`](crate::Results::close) would return.
    pub fn stop(&self) {
        self.stop.set();
    }
}

/// The sign to stop, which workers and receiver share.
pub(crate) struct Stop {
    is_set: AtomicBool,
    /// The process of the traversal. In a fork of it nobody is left to be woken.
    process: u32,
    /// Wakes all that wait.
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Stop {
    pub(crate) fn new() -> Stop {
        let process = std::process::id();
        Stop { is_set: AtomicBool::new(false), process, wake: OnceLock::new() }
    }

    /// Sets what wakes all that wait, once.
    pub(crate) fn wake_by(&self, wake: impl Fn() + Send + Sync + 'static) {
        let _ = self.wake.set(Box::new(wake));
    }

    /// Gives the sign.
    pub(crate) fn set(&self) {
        self.is_set.store(true, Ordering::Release);
        if !self.is_inherited()
            && let Some(wake) = self.wake.get()
        {
            wake();
        }
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }

    /// Whether this is a copy that a fork made.
    pub(crate) fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").field("is_set", &self.is_set()).finish_non_exhaustive()
    }
}
