//! The pool through which the workers of a traversal share their work.
//!
//! Each worker has a stack of its own, which no other looks at. A worker without work
//! waits here, and a busy one that sees that hands over a part of its stack. Where nobody
//! waits and another worker may be started, it hands over work and starts one. As long as
//! all are busy, sharing costs one load of a number that seldom changes.
//!
//! # Invariant
//!
//! Work is created only by a worker that has some. So when all workers wait here and the
//! queue is empty, no work is left and none can come: the last worker to arrive sees
//! that under the lock, and ends the traversal for all. A worker counts, and counts as one
//! that waits, from the moment that it is to be started: it may find the traversal ended
//! when it arrives. The one that starts it is busy meanwhile, so if that fails nobody has
//! taken it for the last one that waits.
//!
//! `demand` is written only under the lock, and read without it: a reader that sees an
//! old one hands over a little too early or too late, which is no error. A worker that is
//! lost can never arrive, so it must abandon the pool instead.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A pool of workers that share work of type `W`.
#[derive(Debug)]
pub(super) struct Pool<W> {
    /// Twice the number of workers that wait for work that was not handed over yet; and
    /// one, if another worker may be started.
    demand: AtomicUsize,
    state: Mutex<PoolState<W>>,
    wake: Condvar,
}

#[derive(Debug)]
struct PoolState<W> {
    /// Work that was handed over and not taken yet.
    queue: Vec<W>,
    workers: usize,
    max_workers: usize,
    waiting: usize,
    is_done: bool,
}

impl<W> Pool<W> {
    /// A pool for at most so many workers. The first of them, which is to be started, will
    /// take the `first` work.
    pub(super) fn new(max_workers: usize, first: W) -> Pool<W> {
        let state =
            PoolState { queue: vec![first], workers: 1, max_workers, waiting: 1, is_done: false };
        let may_start = usize::from(max_workers > 1);
        let (demand, wake) = (AtomicUsize::new(may_start), Condvar::new());
        Pool { demand, state: Mutex::new(state), wake }
    }

    fn lock(&self) -> MutexGuard<'_, PoolState<W>> {
        // Nothing panics while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update_demand(&self, state: &PoolState<W>) {
        let idle = state.waiting.saturating_sub(state.queue.len());
        let may_start = state.workers < state.max_workers;
        self.demand.store(2 * idle + usize::from(may_start), Ordering::Relaxed);
    }

    /// Whether a worker waits for work, or may be started for it.
    #[inline]
    pub(super) fn wants_work(&self) -> bool {
        self.demand.load(Ordering::Relaxed) > 0
    }

    /// Whether a worker waits for work.
    pub(super) fn has_idle_worker(&self) -> bool {
        self.demand.load(Ordering::Relaxed) > 1
    }

    /// Hands work over to a worker that waits. If there is none, and another may be
    /// started, the answer is true, and the caller has to start it.
    pub(super) fn hand_over(&self, work: W) -> bool {
        let mut state = self.lock();
        state.queue.push(work);
        let start = state.waiting < state.queue.len() && state.workers < state.max_workers;
        if start {
            state.workers += 1;
            state.waiting += 1;
        }
        self.update_demand(&state);
        drop(state);
        if !start {
            self.wake.notify_one();
        }
        start
    }

    /// A worker that was to be started could not be. `for_ever`: none is to be started any
    /// more. The work is done by those that there are.
    pub(super) fn not_started(&self, for_ever: bool) {
        let mut state = self.lock();
        state.workers -= 1;
        state.waiting -= 1;
        if for_ever {
            state.max_workers = state.workers;
        }
        self.update_demand(&state);
    }

    /// The first work of a worker that was started; `None` if none is left.
    pub(super) fn take_first(&self) -> Option<W> {
        self.wait(self.lock())
    }

    /// Waits for work; `None` once no worker has any.
    pub(super) fn take(&self) -> Option<W> {
        let mut state = self.lock();
        state.waiting += 1;
        self.wait(state)
    }

    fn wait(&self, mut state: MutexGuard<'_, PoolState<W>>) -> Option<W> {
        loop {
            let work = state.queue.pop();
            if work.is_some() || state.is_done {
                state.waiting -= 1;
                self.update_demand(&state);
                return work;
            }
            if state.waiting == state.workers {
                state.is_done = true;
                self.wake.notify_all();
                continue;
            }
            self.update_demand(&state);
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the traversal: it is stopped, or a worker was lost, and its work with it.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        let dropped = std::mem::take(&mut state.queue);
        state.is_done = true;
        state.max_workers = 0;
        self.update_demand(&state);
        drop(state);
        self.wake.notify_all();
        // Without the lock: it closes directories.
        drop(dropped);
    }
}
