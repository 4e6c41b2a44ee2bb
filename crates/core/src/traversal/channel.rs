//! The way of the results from the workers to whoever takes them.
//!
//! A bounded queue behind a mutex: what goes through it is batches, some hundreds
//! a second, and who waits sleeps at once. crossbeam's channels, and those of the
//! standard library, yield a few times before they sleep; beside workers that keep
//! every processor busy, each `sched_yield` lets one of them finish its time slice.
//! With those, the first result of a scan came after 19 ms instead of less than 1.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The end that is given things; they can be told apart from none being left only
/// when all copies of it are gone.
#[derive(Debug)]
pub(super) struct Sender<T>(Arc<Queue<T>>);

/// The end that they are taken from. Without it, nothing more is sent.
#[derive(Debug)]
pub(super) struct Receiver<T>(Arc<Queue<T>>);

/// Why there is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nothing {
    /// Not before the deadline.
    Yet,
    /// All senders are gone.
    More,
}

#[derive(Debug)]
struct Queue<T> {
    capacity: usize,
    state: Mutex<State<T>>,
    /// Something was sent, or the last sender is gone.
    sent: Condvar,
    /// Something was taken, or the receiver is gone.
    taken: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    senders: usize,
    receiver: bool,
    /// Whether the receiver sleeps.
    awaited: bool,
}

/// A channel in which at most `capacity` things wait to be taken.
pub(super) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let state = State { items: VecDeque::new(), senders: 1, receiver: true, awaited: false };
    let queue = Arc::new(Queue {
        capacity,
        state: Mutex::new(state),
        sent: Condvar::new(),
        taken: Condvar::new(),
    });
    (Sender(Arc::clone(&queue)), Receiver(queue))
}

impl<T> Queue<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing panics while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Sender<T> {
    /// Waits until there is room. `Err` if there is no receiver any more.
    pub(super) fn send(&self, item: T) -> Result<(), T> {
        let queue = &*self.0;
        let mut state = queue.state();
        while state.receiver && state.items.len() >= queue.capacity {
            state = queue.taken.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !state.receiver {
            return Err(item);
        }
        state.items.push_back(item);
        let awaited = std::mem::take(&mut state.awaited);
        drop(state);
        if awaited {
            queue.sent.notify_one();
        }
        Ok(())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.state().senders += 1;
        Sender(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.senders -= 1;
        let last = state.senders == 0;
        drop(state);
        if last {
            self.0.sent.notify_one();
        }
    }
}

impl<T> Receiver<T> {
    /// The next thing, waited for until `deadline`; without one, for ever. A
    /// deadline that has passed does not wait.
    pub(super) fn receive(&self, deadline: Option<Instant>) -> Result<T, Nothing> {
        let queue = &*self.0;
        let mut state = queue.state();
        loop {
            if let Some(item) = state.items.pop_front() {
                let was_full = state.items.len() + 1 == queue.capacity;
                drop(state);
                if was_full {
                    queue.taken.notify_all();
                }
                return Ok(item);
            }
            if state.senders == 0 {
                return Err(Nothing::More);
            }
            state.awaited = true;
            state =
                match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                    None => queue.sent.wait(state).unwrap_or_else(PoisonError::into_inner),
                    Some(left) if left.is_zero() => {
                        state.awaited = false;
                        return Err(Nothing::Yet);
                    }
                    Some(left) => {
                        let waited = queue.sent.wait_timeout(state, left);
                        waited.unwrap_or_else(PoisonError::into_inner).0
                    }
                };
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.receiver = false;
        let left = std::mem::take(&mut state.items);
        drop(state);
        self.0.taken.notify_all();
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn everything_arrives_once_and_in_order_of_each_sender() {
        let (sender, receiver) = bounded(3);
        let each = if cfg!(miri) { 20 } else { 1000 };
        let senders: Vec<_> = (0..4)
            .map(|number| {
                let sender = sender.clone();
                thread::spawn(move || (0..each).for_each(|i| sender.send((number, i)).unwrap()))
            })
            .collect();
        drop(sender);
        let mut next = [0; 4];
        while let Ok((number, i)) = receiver.receive(None) {
            assert_eq!(i, next[number]);
            next[number] += 1;
            assert!(receiver.0.state().items.len() <= 3);
        }
        assert_eq!(next, [each; 4]);
        assert_eq!(receiver.receive(None), Err(Nothing::More));
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    }

    #[test]
    fn who_waits_learns_that_the_other_end_is_gone() {
        let (sender, receiver) = bounded(1);
        sender.send(1).unwrap();
        let waiting = thread::spawn(move || sender.send(2));
        // (It may not have come so far; it must not matter.)
        thread::sleep(Duration::from_millis(20));
        drop(receiver);
        assert_eq!(waiting.join().unwrap(), Err(2));

        let (sender, receiver) = bounded::<i32>(1);
        let waiting = thread::spawn(move || receiver.receive(None));
        thread::sleep(Duration::from_millis(20));
        drop(sender);
        assert_eq!(waiting.join().unwrap(), Err(Nothing::More));
    }

    #[test]
    fn a_deadline_ends_the_wait_and_loses_nothing() {
        let (sender, receiver) = bounded(1);
        let soon = || Some(Instant::now() + Duration::from_millis(5));
        assert_eq!(receiver.receive(soon()), Err(Nothing::Yet));
        assert_eq!(receiver.receive(Some(Instant::now())), Err(Nothing::Yet));
        sender.send(1).unwrap();
        assert_eq!(receiver.receive(Some(Instant::now())), Ok(1));
        drop(sender);
        assert_eq!(receiver.receive(soon()), Err(Nothing::More));
    }
}
