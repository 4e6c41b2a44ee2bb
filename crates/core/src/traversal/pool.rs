//! The workers of a traversal: how they share what there is to do.
//!
//! Each worker has a stack of its own, which nobody else looks at. One that has
//! nothing to do says so, and another gives it a part of its stack: so as long as
//! all are busy, sharing costs nothing but to look at a number that seldom
//! changes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What the workers of a traversal share; a gift is a `G`.
#[derive(Debug)]
pub(super) struct Pool<G> {
    /// How many workers wait for a gift that has not been made yet.
    hungry: AtomicUsize,
    state: Mutex<State<G>>,
    wake: Condvar,
}

#[derive(Debug)]
struct State<G> {
    gifts: Vec<G>,
    workers: usize,
    waiting: usize,
    done: bool,
}

impl<G> Pool<G> {
    /// A pool of so many workers, the first thing to do at hand.
    pub(super) fn new(workers: usize, first: G) -> Pool<G> {
        let state = State { gifts: vec![first], workers, waiting: 0, done: false };
        Pool { hungry: AtomicUsize::new(0), state: Mutex::new(state), wake: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<G>> {
        // Nothing panics while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_hunger(&self, state: &State<G>) {
        self.hungry.store(state.waiting.saturating_sub(state.gifts.len()), Ordering::Relaxed);
    }

    /// Whether a gift would be welcome.
    #[inline]
    pub(super) fn is_hungry(&self) -> bool {
        self.hungry.load(Ordering::Relaxed) > 0
    }

    /// Gives away some of what there is to do.
    pub(super) fn give(&self, gift: G) {
        let mut state = self.state();
        state.gifts.push(gift);
        self.note_hunger(&state);
        drop(state);
        self.wake.notify_one();
    }

    /// Something to do; `None` once nobody has anything.
    pub(super) fn take(&self) -> Option<G> {
        let mut state = self.state();
        state.waiting += 1;
        loop {
            let gift = state.gifts.pop();
            if gift.is_some() || state.done {
                state.waiting -= 1;
                self.note_hunger(&state);
                return gift;
            }
            if state.waiting == state.workers {
                state.done = true;
                self.wake.notify_all();
                continue;
            }
            self.note_hunger(&state);
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// There are fewer workers than was thought.
    pub(super) fn reduce(&self, workers: usize) {
        self.state().workers = workers;
        // If all of them wait, somebody has to see that.
        self.wake.notify_all();
    }

    /// Ends it all: a worker is lost, and what it had to do with it.
    pub(super) fn abandon(&self) {
        let mut state = self.state();
        state.gifts.clear();
        state.done = true;
        drop(state);
        self.wake.notify_all();
    }
}
