//! The pool through which the workers of a traversal share their work.
//!
//! Each worker has a stack of its own, which no other looks at. A worker without work
//! waits here, and a busy one that sees that hands over a part of its stack. As long as
//! all are busy, sharing costs one load of a number that seldom changes.
//!
//! # Invariant
//!
//! Work is created only by a worker that has some. So when all workers wait here and the
//! queue is empty, no work is left and none can come: the last worker to arrive sees
//! that under the lock, and ends the traversal for all. `idle` is written only under the
//! lock, and read without it: a reader that sees an old number hands over a little too
//! early or too late, which is no error. A worker that is lost can never arrive, so it
//! must abandon the pool instead.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A pool of workers that share work of type `W`.
#[derive(Debug)]
pub(super) struct Pool<W> {
    /// How many workers wait for work that was not handed over yet.
    idle: AtomicUsize,
    state: Mutex<PoolState<W>>,
    wake: Condvar,
}

#[derive(Debug)]
struct PoolState<W> {
    /// Work that was handed over and not taken yet.
    queue: Vec<W>,
    workers: usize,
    waiting: usize,
    is_done: bool,
}

impl<W> Pool<W> {
    /// A pool for so many workers. One of them will take the `first` work.
    pub(super) fn new(workers: usize, first: W) -> Pool<W> {
        let state = PoolState { queue: vec![first], workers, waiting: 0, is_done: false };
        Pool { idle: AtomicUsize::new(0), state: Mutex::new(state), wake: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, PoolState<W>> {
        // Nothing panics while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update_idle(&self, state: &PoolState<W>) {
        self.idle.store(state.waiting.saturating_sub(state.queue.len()), Ordering::Relaxed);
    }

    /// Whether a worker waits for work.
    #[inline]
    pub(super) fn has_idle_worker(&self) -> bool {
        self.idle.load(Ordering::Relaxed) > 0
    }

    /// Hands work over to a worker that waits.
    pub(super) fn hand_over(&self, work: W) {
        let mut state = self.lock();
        state.queue.push(work);
        self.update_idle(&state);
        drop(state);
        self.wake.notify_one();
    }

    /// Waits for work; `None` once no worker has any.
    pub(super) fn take(&self) -> Option<W> {
        let mut state = self.lock();
        state.waiting += 1;
        loop {
            let work = state.queue.pop();
            if work.is_some() || state.is_done {
                state.waiting -= 1;
                self.update_idle(&state);
                return work;
            }
            if state.waiting == state.workers {
                state.is_done = true;
                self.wake.notify_all();
                continue;
            }
            self.update_idle(&state);
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Corrects the number of workers, where fewer could be started.
    pub(super) fn set_workers(&self, workers: usize) {
        self.lock().workers = workers;
        // All of them may wait already: one has to see that they are all.
        self.wake.notify_all();
    }

    /// Ends the traversal: a worker was lost, and its work with it.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.queue.clear();
        state.is_done = true;
        drop(state);
        self.wake.notify_all();
    }
}
