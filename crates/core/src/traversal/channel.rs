//! The channel that carries batches of results from the workers to the receiver.
//!
//! A `crossbeam_channel` is the bounded queue. Only the receiver's sleep is written
//! here: crossbeam's own `recv` yields a few times before it sleeps, and beside
//! workers that keep every processor busy, each `sched_yield` lets one of them finish
//! its time slice. The first result of a scan then came after 19 ms instead of
//! less than 1.
//!
//! # Invariant
//!
//! The receiver sleeps only with the flag set, after it found the queue empty while it
//! held the flag's mutex. A sender takes that mutex after each send, and after the end
//! of its own half of the queue. So one of the two sees the other: either the receiver
//! finds the item, or the sender finds the flag and wakes it. A sender that finds the
//! flag clears it, so a sleep costs one notification, and a receiver that is awake
//! costs none. (crossbeam's receiver may spin for as long as a sender takes from claiming
//! a slot of the queue to filling it.)

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, SendError, SendTimeoutError, TryRecvError};

use super::stop::Stop;

/// How long a sender waits between two looks for the sign to stop.
const SEND_SLICE: Duration = Duration::from_millis(10);

/// The sending half. The receiver is told that nothing more comes once all clones of
/// it are dropped.
#[derive(Debug)]
pub(crate) struct Sender<T> {
    // Dropped first: when the receiver is woken, the queue has one sender less.
    queue: crossbeam_channel::Sender<T>,
    sleep: WakeOnDrop,
}

/// The receiving half. Without it, every send fails.
#[derive(Debug)]
pub(crate) struct Receiver<T> {
    queue: crossbeam_channel::Receiver<T>,
    sleep: Arc<Sleep>,
}

/// The receiver's sleep.
#[derive(Debug, Default)]
pub(crate) struct Sleep {
    /// Whether the receiver sleeps, or is about to.
    is_asleep: Mutex<bool>,
    wake: Condvar,
}

/// A sender's access to the receiver's sleep.
#[derive(Clone, Debug)]
struct WakeOnDrop(Arc<Sleep>);

/// A channel that holds at most `capacity` items.
pub(crate) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = crossbeam_channel::bounded(capacity);
    let sleep = Arc::new(Sleep::default());
    let sender = Sender { queue: sender, sleep: WakeOnDrop(Arc::clone(&sleep)) };
    (sender, Receiver { queue: receiver, sleep })
}

impl Sleep {
    fn lock(&self) -> MutexGuard<'_, bool> {
        // Nothing panics while it is locked.
        self.is_asleep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the receiver if it sleeps.
    pub(crate) fn end(&self) {
        if std::mem::take(&mut *self.lock()) {
            self.wake.notify_one();
        }
    }
}

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender { queue: self.queue.clone(), sleep: self.sleep.clone() }
    }
}

impl<T> Sender<T> {
    /// Sends an item, and waits until there is room for it. Fails if the receiver was
    /// dropped, or if the sign to stop was given meanwhile.
    pub(crate) fn send(&self, mut item: T, stop: &Stop) -> Result<(), SendError<T>> {
        loop {
            match self.queue.send_timeout(item, SEND_SLICE) {
                Ok(()) => break,
                Err(SendTimeoutError::Timeout(back)) if !stop.is_set() => item = back,
                Err(error) => return Err(SendError(error.into_inner())),
            }
        }
        self.sleep.0.end();
        Ok(())
    }
}

impl<T> Receiver<T> {
    /// The receiver's sleep, for the sign to stop.
    pub(crate) fn sleep(&self) -> &Arc<Sleep> {
        &self.sleep
    }

    /// The next item. Waits for it until `deadline`; without one, for ever. A deadline
    /// that has passed does not wait, nor does one that is still to come once the sign to
    /// stop was given.
    pub(crate) fn receive(
        &self,
        deadline: Option<Instant>,
        stop: Option<&Stop>,
    ) -> Result<T, RecvTimeoutError> {
        if let Some(received) = self.try_receive() {
            return received;
        }
        let mut is_asleep = self.sleep.lock();
        loop {
            // Again, now that no sender can pass by unnoticed.
            if let Some(received) = self.try_receive() {
                *is_asleep = false;
                return received;
            }
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) || stop.is_some_and(Stop::is_set) {
                *is_asleep = false;
                return Err(RecvTimeoutError::Timeout);
            }
            *is_asleep = true;
            let wake = &self.sleep.wake;
            is_asleep = match left {
                None => wake.wait(is_asleep).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    wake.wait_timeout(is_asleep, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// The next item, or that none will come; `None` if there is none yet.
    fn try_receive(&self) -> Option<Result<T, RecvTimeoutError>> {
        match self.queue.try_recv() {
            Ok(item) => Some(Ok(item)),
            Err(TryRecvError::Disconnected) => Some(Err(RecvTimeoutError::Disconnected)),
            Err(TryRecvError::Empty) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn everything_arrives_once_and_in_order_of_each_sender() {
        let (sender, receiver) = bounded(3);
        let each = if cfg!(miri) { 20 } else { 1000 };
        let senders: Vec<_> = (0..4)
            .map(|number| {
                let sender = sender.clone();
                thread::spawn(move || {
                    (0..each).for_each(|i| sender.send((number, i), &Stop::new()).unwrap())
                })
            })
            .collect();
        drop(sender);
        let mut next = [0; 4];
        while let Ok((number, i)) = receiver.receive(None, None) {
            assert_eq!(i, next[number]);
            next[number] += 1;
            assert!(receiver.queue.len() <= 3);
        }
        assert_eq!(next, [each; 4]);
        assert_eq!(receiver.receive(None, None), Err(RecvTimeoutError::Disconnected));
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    }

    #[test]
    fn each_half_learns_that_the_other_is_gone() {
        let (sender, receiver) = bounded(1);
        sender.send(1, &Stop::new()).unwrap();
        let waiting = thread::spawn(move || sender.send(2, &Stop::new()));
        // The thread may not wait yet, which must not matter.
        thread::sleep(Duration::from_millis(20));
        drop(receiver);
        assert_eq!(waiting.join().unwrap(), Err(SendError(2)));

        let (sender, receiver) = bounded::<i32>(1);
        let waiting = thread::spawn(move || receiver.receive(None, None));
        thread::sleep(Duration::from_millis(20));
        drop(sender);
        assert_eq!(waiting.join().unwrap(), Err(RecvTimeoutError::Disconnected));
    }

    #[test]
    fn a_deadline_ends_the_wait_and_loses_nothing() {
        let (sender, receiver) = bounded(1);
        let soon = || Some(Instant::now() + Duration::from_millis(5));
        assert_eq!(receiver.receive(soon(), None), Err(RecvTimeoutError::Timeout));
        assert_eq!(receiver.receive(Some(Instant::now()), None), Err(RecvTimeoutError::Timeout));
        sender.send(1, &Stop::new()).unwrap();
        assert_eq!(receiver.receive(Some(Instant::now()), None), Ok(1));
        drop(sender);
        assert_eq!(receiver.receive(soon(), None), Err(RecvTimeoutError::Disconnected));
    }

    /// Sends that meet a receiver about to fall asleep: none of the wakes is lost.
    #[test]
    fn no_wake_is_lost() {
        let (sender, receiver) = bounded(1);
        let (answer, answered) = bounded(1);
        let rounds = if cfg!(miri) { 20 } else { 10_000 };
        let echo = thread::spawn(move || {
            while let Ok(item) = receiver.receive(None, None) {
                answer.send(item, &Stop::new()).unwrap();
            }
        });
        for round in 0..rounds {
            sender.send(round, &Stop::new()).unwrap();
            let deadline = Some(Instant::now() + Duration::from_secs(60));
            assert_eq!(answered.receive(deadline, None), Ok(round));
        }
        drop(sender);
        echo.join().unwrap();
    }

    #[test]
    fn the_sign_to_stop_ends_every_wait() {
        let (sender, receiver) = bounded(1);
        let (stop, sleep) = (Arc::new(Stop::new()), Arc::clone(receiver.sleep()));
        stop.wake_by(move || sleep.end());
        let waiting = {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let received = receiver.receive(None, Some(&stop));
                (received, receiver)
            })
        };
        thread::sleep(Duration::from_millis(20));
        stop.set();
        let (received, receiver) = waiting.join().unwrap();
        assert_eq!(received, Err(RecvTimeoutError::Timeout));
        // What is there is sent and received all the same.
        assert_eq!(sender.send(1, &stop), Ok(()));
        assert_eq!(sender.send(2, &stop), Err(SendError(2)));
        assert_eq!(receiver.receive(None, Some(&stop)), Ok(1));
    }
}
