//! The pool through which the workers of a traversal share their work.
//!
//! Each worker has a stack of its own, which no other looks at. A worker without work
//! waits here, and a busy one that sees that hands over a part of its stack. As long as
//! all are busy, sharing costs one load of a number that seldom changes.
//!
//! Where nobody waits and another worker may be started, a part of the stack is put here
//! all the same. The worker that put it here takes it back when it has done the rest,
//! unless it has worked for so long that another is started for it. It may hang instead;
//! then the receiver starts another.
//!
//! # Invariant
//!
//! Work is created only by a worker that has some. So when all workers wait here and the
//! queue is empty, no work is left and none can come: the last worker to arrive sees
//! that under the lock, and ends the traversal for all. A worker counts, and counts as one
//! that waits, from the moment that it is to be started: it may find the traversal ended
//! when it arrives. If it cannot be started, those that wait are woken, as one of them may
//! now be the last.
//!
//! Of the workers, only so many may be at work as the width says, which may change at any
//! time. Where more are, some put back what they have and wait; that is work that nobody
//! waits for, until another worker has done with its own, or the width allows more. Who
//! comes to wait takes what is queued if the width allows it, and whoever raises the width
//! wakes all, so no work is left while fewer are at work than may be. The width is at least
//! one: when all wait, nothing is queued.
//!
//! `demand` is written only under the lock, and read without it: a reader that sees an
//! old one hands over a little too early or too late, which is no error. A worker that is
//! lost can never arrive, so it must abandon the pool instead.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Another worker may be started.
const MAY_START: usize = 1;
/// There is work that nobody waits for.
const QUEUED: usize = 2;
/// More workers are at work than the width allows.
const SURPLUS: usize = 4;
const IDLE: usize = 8;

/// How many workers wait for work that was not handed over yet, times [`IDLE`]; with
/// [`MAY_START`], [`QUEUED`] and [`SURPLUS`]. All workers read it before each directory, so nothing
/// that is written more often lies in its cache lines, which are fetched in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Demand(AtomicUsize);

/// A pool of workers that share work of type `W`.
#[derive(Debug)]
pub(super) struct Pool<W> {
    demand: Demand,
    state: Mutex<PoolState<W>>,
    wake: Condvar,
}

#[derive(Debug)]
struct PoolState<W> {
    /// Work that was handed over and not taken yet.
    queue: Vec<W>,
    workers: usize,
    max_workers: usize,
    /// How many of them may be at work: the *width*.
    width: usize,
    waiting: usize,
    /// How many of those that wait sleep, and were not told to wake; at times a few more, never
    /// fewer. To tell nobody costs a system call as well.
    asleep: usize,
    is_done: bool,
}

impl<W> PoolState<W> {
    /// How many workers are at work.
    fn active(&self) -> usize {
        self.workers - self.waiting
    }

    /// How many of those that wait may get work.
    fn idle(&self) -> usize {
        self.waiting.min(self.width.saturating_sub(self.active()))
    }

    fn may_start(&self) -> bool {
        self.workers < self.max_workers.min(self.width)
    }
}

impl<W> Pool<W> {
    /// A pool for at most so many workers, of which `width` may be at work. The first of
    /// them, which is to be started, will take the `first` work.
    pub(super) fn new(max_workers: usize, width: usize, first: W) -> Pool<W> {
        let (queue, is_done) = (vec![first], false);
        let (workers, waiting, asleep) = (1, 1, 0);
        let state = PoolState { queue, workers, max_workers, width, waiting, asleep, is_done };
        let demand = Demand(AtomicUsize::new(0));
        let pool = Pool { demand, state: Mutex::new(state), wake: Condvar::new() };
        pool.update_demand(&pool.lock());
        pool
    }

    fn lock(&self) -> MutexGuard<'_, PoolState<W>> {
        // Nothing panics while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update_demand(&self, state: &PoolState<W>) {
        let (idle, queued) = (state.idle(), state.queue.len());
        let demand = usize::from(state.may_start()) * MAY_START
            + usize::from(queued > idle) * QUEUED
            + usize::from(state.active() > state.width) * SURPLUS
            + idle.saturating_sub(queued) * IDLE;
        self.demand.0.store(demand, Ordering::Relaxed);
    }

    /// Whether a worker waits for work or may be started for it, or one is too many.
    #[inline]
    pub(super) fn wants_work(&self) -> bool {
        self.demand.0.load(Ordering::Relaxed) & !QUEUED != 0
    }

    /// Whether more workers are at work than may be: whoever sees it puts back what it has,
    /// and waits.
    pub(super) fn has_too_many(&self) -> bool {
        self.demand.0.load(Ordering::Relaxed) & SURPLUS != 0
    }

    /// Sets how many workers may be at work.
    pub(super) fn set_width(&self, width: usize) {
        let mut state = self.lock();
        state.width = width;
        state.asleep = 0;
        self.update_demand(&state);
        drop(state);
        self.wake.notify_all();
    }

    /// Puts back what a worker has that is one too many. It has to wait for work then.
    pub(super) fn put_back(&self, work: W) {
        let mut state = self.lock();
        state.queue.push(work);
        self.update_demand(&state);
    }

    /// Changes what is queued, without holding up the others: they do not see it meanwhile. For
    /// a worker that is at work, so that those that wait do not take it for the end.
    pub(super) fn change_queued(&self, change: impl FnMut(&mut W)) {
        let mut queue = std::mem::take(&mut self.lock().queue);
        if queue.is_empty() {
            return;
        }
        queue.iter_mut().for_each(change);
        let mut state = self.lock();
        if state.is_done {
            // Abandoned. It is dropped without the lock.
            return drop((state, queue));
        }
        queue.append(&mut state.queue);
        (state.queue, state.asleep) = (queue, 0);
        self.update_demand(&state);
        drop(state);
        self.wake.notify_all();
    }

    /// Whether a worker waits for work that it may get.
    pub(super) fn has_idle_worker(&self) -> bool {
        self.demand.0.load(Ordering::Relaxed) >= IDLE
    }

    /// Whether there is work that nobody waits for.
    pub(super) fn has_queued(&self) -> bool {
        self.demand.0.load(Ordering::Relaxed) & QUEUED != 0
    }

    /// Hands work over to a worker that waits, if there is one.
    pub(super) fn hand_over(&self, work: W) {
        let mut state = self.lock();
        state.queue.push(work);
        self.update_demand(&state);
        let wakes = state.asleep > 0 && state.idle() > 0;
        state.asleep -= usize::from(wakes);
        drop(state);
        if wakes {
            self.wake.notify_one();
        }
    }

    /// Whether another worker is to be started, since there is work that nobody waits for.
    /// It is counted already, and the caller has to start it.
    pub(super) fn wants_worker(&self) -> bool {
        let mut state = self.lock();
        let start = state.idle() < state.queue.len() && state.may_start();
        if start {
            state.workers += 1;
            state.waiting += 1;
            self.update_demand(&state);
        }
        start
    }

    /// A worker that was to be started could not be. `for_ever`: none is to be started any
    /// more. The work is done by those that there are; their number is returned.
    pub(super) fn not_started(&self, for_ever: bool) -> usize {
        let mut state = self.lock();
        state.workers -= 1;
        state.waiting -= 1;
        if for_ever {
            state.max_workers = state.workers;
        }
        self.update_demand(&state);
        let workers = state.workers;
        drop(state);
        self.wake.notify_all();
        workers
    }

    /// The first work of a worker that was started; `None` if none is left.
    pub(super) fn take_first(&self) -> Option<W> {
        self.wait(self.lock())
    }

    /// Work that is here. Does not wait for any.
    pub(super) fn try_take(&self) -> Option<W> {
        if !self.has_queued() {
            return None;
        }
        let mut state = self.lock();
        if state.active() > state.width {
            return None;
        }
        let work = state.queue.pop();
        self.update_demand(&state);
        work
    }

    /// Waits for work; `None` once no worker has any.
    pub(super) fn take(&self) -> Option<W> {
        let mut state = self.lock();
        state.waiting += 1;
        self.wait(state)
    }

    fn wait(&self, mut state: MutexGuard<'_, PoolState<W>>) -> Option<W> {
        loop {
            let may_work = state.active() < state.width;
            let work = if may_work { state.queue.pop() } else { None };
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
            state.asleep += 1;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_at_work_than_the_width_says_and_all_work_is_done() {
        let pool = Pool::new(8, 2, 0);
        let take_all = || std::iter::from_fn(|| pool.take()).count();
        assert_eq!(pool.take_first(), Some(0));
        pool.hand_over(1);
        assert!(pool.wants_worker());
        assert_eq!(pool.take_first(), Some(1));
        pool.hand_over(2);
        assert!(!pool.wants_work() && !pool.wants_worker() && !pool.has_too_many());
        pool.set_width(3);
        assert!(pool.wants_work() && pool.wants_worker());
        assert_eq!(pool.take_first(), Some(2));

        // Two of the three are too many, and put back what they have.
        pool.set_width(1);
        let waiting = |count| {
            while pool.lock().waiting < count {
                std::thread::yield_now();
            }
        };
        let done = std::thread::scope(|scope| {
            let others: Vec<_> = (1..3)
                .map(|number| {
                    assert!(pool.has_too_many());
                    pool.put_back(number);
                    assert_eq!(pool.try_take(), None);
                    let other = scope.spawn(take_all);
                    waiting(number);
                    other
                })
                .collect();
            assert!(!pool.wants_work() && !pool.has_too_many() && pool.has_queued());
            // Who has done with its own goes on with theirs.
            assert_eq!(pool.try_take(), Some(2));
            pool.set_width(2);
            waiting(1);
            let mine = take_all();
            mine + others.into_iter().map(|other| other.join().unwrap()).sum::<usize>()
        });
        assert_eq!(done, 1);
    }
}
