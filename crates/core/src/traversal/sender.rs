//! A worker's sending side: its outbox, its counts, and the sign to stop.
//!
//! # Invariant
//!
//! A result is in exactly one place: in the outbox of the worker that found it, in the
//! hand of that worker while it sends, in the channel, or with the receiver. Results leave
//! the outbox all together and under its lock, taken either by its worker, which sends them,
//! or by the receiver, which keeps them. So none is lost and none comes twice, whoever is
//! first. What a worker leaves in its outbox when it waits for work, or ends, the receiver
//! takes: it looks there now and then, and once more when all workers have ended. (Each of
//! many workers waits many times, and would wake the receiver for a result or two.)

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::channel::Sender;
use super::stop::Stop;
use crate::stats::{Counters, Stats};
use crate::{Error, Operation};

/// Results that are sent together: to wake the receiver costs more than to list a
/// directory.
pub(super) type Batch<T> = Vec<Result<T, Error>>;

/// The weight at which a batch is full: so many results that weigh one.
const BATCH_WEIGHT: usize = 256;

/// How many batches the channel holds before the workers wait.
pub(super) const MAX_BATCHES: usize = 8;

/// How long a result may stay in the outbox is a sixteenth of the time that the traversal has
/// run, within these bounds. Of many workers each waits for longer, so that all together wake
/// the receiver no more often than two would. (It comes by itself, every few milliseconds.)
const MIN_DELAY: Duration = Duration::from_millis(1);
const MAX_DELAY: Duration = Duration::from_millis(20);

/// How many directories are visited between two looks at the clock, and between two
/// updates of the counters.
const DIRECTORIES_PER_CHECK: usize = 8;

/// The results that a worker has found and not sent yet.
///
/// The receiver takes them from here now and then, since the operating system may hold the
/// worker up, and what others send must not be in the way.
#[derive(Debug)]
// Its worker looks into it every few directories, so it shares no cache line with another.
#[repr(align(128))]
pub(super) struct Outbox<T> {
    unsent: Mutex<Unsent<T>>,
    counters: Arc<Counters>,
    /// The number of its worker among those of the counters.
    worker: usize,
}

#[derive(Debug)]
struct Unsent<T> {
    batch: Batch<T>,
    weight: usize,
    /// What was counted until the last result was put in: whoever takes results is told of at
    /// least as many.
    stats: Stats,
    /// When it was first seen not to be empty, since it was last emptied.
    waiting_since: Option<Instant>,
}

impl<T> Outbox<T> {
    fn new(counters: Arc<Counters>) -> Outbox<T> {
        let (batch, stats) = (Vec::new(), Stats::default());
        let unsent = Mutex::new(Unsent { batch, weight: 0, stats, waiting_since: None });
        Outbox { unsent, worker: counters.next_worker(), counters }
    }

    fn lock(&self) -> MutexGuard<'_, Unsent<T>> {
        // Nothing panics while it is locked.
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the workers that there are now.
    pub(super) fn note_threads(&self, threads: usize) {
        self.counters.add(self.worker, Stats { threads, ..Stats::default() });
    }

    /// Takes everything out.
    pub(super) fn take(&self) -> Batch<T> {
        let mut unsent = self.lock();
        self.counters.add(self.worker, std::mem::take(&mut unsent.stats));
        (unsent.weight, unsent.waiting_since) = (0, None);
        std::mem::take(&mut unsent.batch)
    }
}

/// The end of the results' channel that a worker has.
#[derive(Debug)]
pub(crate) struct ResultSender<T> {
    channel: Sender<Batch<T>>,
    stop: Arc<Stop>,
    outbox: Arc<Outbox<T>>,
    /// When the traversal started.
    started: Instant,
    /// The counts that neither the outbox nor the counters have yet.
    pub(crate) stats: Stats,
    directories_done: usize,
    /// How long this worker has waited for the receiver.
    held_up: Duration,
}

impl<T> ResultSender<T> {
    pub(super) fn new(
        channel: Sender<Batch<T>>,
        stop: Arc<Stop>,
        counters: Arc<Counters>,
    ) -> ResultSender<T> {
        ResultSender {
            channel,
            stop,
            outbox: Arc::new(Outbox::new(counters)),
            started: Instant::now(),
            stats: Stats::default(),
            directories_done: 0,
            held_up: Duration::ZERO,
        }
    }

    /// A sender for another worker.
    pub(super) fn another(&self) -> ResultSender<T> {
        let (stop, counters) = (Arc::clone(&self.stop), Arc::clone(&self.outbox.counters));
        let mut sender = ResultSender::new(self.channel(), stop, counters);
        sender.started = self.started;
        sender
    }

    /// The channel's end.
    pub(super) fn channel(&self) -> Sender<Batch<T>> {
        self.channel.clone()
    }

    /// The outbox, for the receiver to look into.
    pub(super) fn outbox(&self) -> &Arc<Outbox<T>> {
        &self.outbox
    }

    /// Sends a result. It weighs one, and more if it takes so much memory that few of
    /// its kind should wait to be received.
    pub(crate) fn send(&mut self, item: T, weight: usize) {
        self.put(Ok(item), weight);
    }

    /// Sends an error in the place of a result.
    pub(super) fn send_error(&mut self, error: Error) {
        self.stats.errors += 1;
        self.put(Err(error), 1);
    }

    /// Sends what the operating system said of a path.
    pub(super) fn send_io_error(&mut self, path: PathBuf, operation: Operation, error: io::Error) {
        self.send_error(Error::io(path, operation, error));
    }

    fn put(&mut self, result: Result<T, Error>, weight: usize) {
        let mut unsent = self.outbox.lock();
        unsent.stats.add(std::mem::take(&mut self.stats));
        unsent.batch.push(result);
        unsent.weight = unsent.weight.saturating_add(weight);
        let is_full = unsent.weight >= BATCH_WEIGHT;
        drop(unsent);
        // The first result of all does not wait.
        if is_full || !self.outbox.counters.has_sent() {
            self.flush();
        }
    }

    /// Notes that a directory was visited. Called for each, so that no result waits for
    /// long.
    #[inline]
    pub(super) fn directory_done(&mut self) {
        self.directories_done += 1;
        if self.directories_done.is_multiple_of(DIRECTORIES_PER_CHECK) {
            self.flush_if_due();
        }
    }

    /// Empties the outbox if its results have waited for long enough.
    #[cold]
    pub(super) fn flush_if_due(&mut self) {
        self.update_counters();
        let mut unsent = self.outbox.lock();
        if unsent.batch.is_empty() {
            return;
        }
        let now = Instant::now();
        let waited = now.duration_since(*unsent.waiting_since.get_or_insert(now));
        drop(unsent);
        if waited >= self.delay(now) {
            self.flush();
        }
    }

    /// How long a result may stay in the outbox.
    fn delay(&self, now: Instant) -> Duration {
        let delay = (now.duration_since(self.started) / 16).clamp(MIN_DELAY, MAX_DELAY);
        // One is the number of what senders are made after.
        let pairs = self.outbox.counters.workers().saturating_sub(1) / 2;
        delay.saturating_mul(u32::try_from(pairs.max(1)).unwrap_or(u32::MAX))
    }

    /// Empties the outbox.
    pub(super) fn flush(&mut self) {
        self.update_counters();
        let batch = self.outbox.take();
        if batch.is_empty() || self.is_stopped() {
            return;
        }
        self.outbox.counters.note_sent();
        let begun = Instant::now();
        if self.channel.send(batch, &self.stop).is_err() {
            // The receiver is gone.
            self.stop.set();
        }
        self.held_up += begun.elapsed();
    }

    /// How long this worker has waited for the receiver, since it was last asked.
    pub(super) fn take_held_up(&mut self) -> Duration {
        std::mem::take(&mut self.held_up)
    }

    fn update_counters(&mut self) {
        self.outbox.counters.add(self.outbox.worker, std::mem::take(&mut self.stats));
    }

    /// The sign to stop.
    pub(super) fn stop(&self) -> &Arc<Stop> {
        &self.stop
    }

    /// Whether the traversal is to stop.
    #[inline]
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_set()
    }
}

impl<T> Drop for ResultSender<T> {
    fn drop(&mut self) {
        self.update_counters();
        // If the results are no longer wanted, or if the worker panicked.
        let unsent = std::mem::take(&mut self.outbox.lock().stats);
        self.outbox.counters.add(self.outbox.worker, unsent);
    }
}

#[cfg(test)]
mod tests {
    use super::super::channel::bounded;
    use super::*;

    #[test]
    fn what_is_taken_out_of_the_outbox_was_counted() {
        let (channel, receiver) = bounded(MAX_BATCHES);
        let counters = Arc::new(Counters::default());
        let mut results = ResultSender::new(channel, Arc::new(Stop::new()), Arc::clone(&counters));
        for (matches, outbox) in [(1, 0), (2, 1), (3, 2)] {
            results.stats.directories += 1;
            results.stats.matches += 1;
            results.send((), 1);
            assert_eq!(results.outbox.lock().batch.len(), outbox);
            assert_eq!(counters.stats().matches, 1, "the first was sent, {matches} were counted");
        }
        assert_eq!(results.outbox.take().len(), 2);
        let stats = counters.stats();
        assert_eq!((stats.matches, stats.directories), (3, 3));

        // Nor is a count lost when nobody takes them.
        results.stats.matches += 1;
        results.send((), 1);
        results.stats.entries += 1;
        drop((results, receiver));
        let stats = counters.stats();
        assert_eq!((stats.matches, stats.entries), (4, 1));
    }
}
