//! The running traversal as its caller sees it: an iterator over the results.

use std::fmt;
use std::iter::FusedIterator;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use super::channel::{Receiver, bounded};
use super::lister::{Lister, Untyped};
use super::portable::Portable;
use super::sender::{Batch, MAX_BATCHES, Outbox, ResultSender};
use super::worker::{Traversal, Worker};
use super::{Naming, Options, Visitor};
use crate::stats::{Counters, Progress, Stats};
use crate::{Error, Operation};

/// How many threads a traversal uses at most, whatever it is asked for.
const MAX_THREADS: usize = 1024;

/// The size of a worker's stack, whatever the default is: room for the buffer of a
/// listing and for the regular expressions of exclude rules. Nothing recurses on the
/// depth of the tree.
const STACK_SIZE: usize = 512 * 1024;

/// How long closing waits for the workers: so long that none is left behind only because
/// it got no processor.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the receiver waits for a batch before it looks into the outboxes.
const OUTBOX_TIMEOUT: Duration = Duration::from_millis(20);

/// A running [`Scan`](crate::Scan) or [`Walk`](crate::Walk): an iterator over what it
/// finds. Dropping it stops the workers.
pub struct Results<T> {
    /// An error that kept the traversal from starting.
    start_error: Option<Error>,
    /// Results that were received and not taken yet.
    received: std::vec::IntoIter<Result<T, Error>>,
    /// When the last batch was received.
    received_at: Instant,
    outboxes: Vec<Arc<Outbox<T>>>,
    /// `None` once the traversal has ended.
    receiver: Option<Receiver<Batch<T>>>,
    stop: Arc<AtomicBool>,
    has_panicked: Arc<AtomicBool>,
    counters: Arc<Counters>,
    /// The traversal's own threads: those of a shared pool might wait for these results.
    workers: Vec<JoinHandle<()>>,
    /// The process that the workers run in. A fork of it has no workers.
    process: u32,
}

/// The outcome of waiting for a result with a deadline.
#[derive(Debug)]
pub enum Next<T> {
    /// A result, or an error in its place.
    Item(Result<T, Error>),
    /// No result came in time. More may come.
    Timeout,
    /// No more results will come.
    End,
}

impl<T: Send + 'static> Results<T> {
    /// Opens the source at `path`, as it is given, and starts to traverse it.
    pub(crate) fn start<V: Visitor<Item = T>>(
        visitor: V,
        options: Options,
        path: &Path,
        naming: Naming,
    ) -> Result<Results<T>, Error> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        type Native = super::getdents::Getdents;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        type Native = Portable;
        let start = match (options.portable, options.untyped) {
            (false, false) => Self::start_with::<V, Native>,
            (true, false) => Self::start_with::<V, Portable>,
            (false, true) => Self::start_with::<V, Untyped<Native>>,
            (true, true) => Self::start_with::<V, Untyped<Portable>>,
        };
        start(visitor, options, path, naming)
    }

    pub(super) fn start_with<V: Visitor<Item = T>, L: Lister>(
        visitor: V,
        options: Options,
        path: &Path,
        naming: Naming,
    ) -> Result<Results<T>, Error> {
        let threads = options.threads.map_or_else(
            || std::thread::available_parallelism().map_or(1, usize::from),
            |threads| usize::from(threads).min(MAX_THREADS),
        );
        let traversal = Arc::new(Traversal::<V, L>::open(options, path, naming, threads)?);
        let (channel, receiver) = bounded(MAX_BATCHES);
        let mut running = Results::ended();
        for _ in 0..threads {
            let (stop, counters) = (Arc::clone(&running.stop), Arc::clone(&running.counters));
            let results = ResultSender::new(channel.clone(), stop, counters);
            let outbox = Arc::clone(results.outbox());
            let mut worker = Worker::new(Arc::clone(&traversal), visitor.clone(), results);
            let shared = Arc::clone(&traversal);
            let stop = Arc::clone(&running.stop);
            let has_panicked = Arc::clone(&running.has_panicked);
            let channel = channel.clone();
            let thread = std::thread::Builder::new().name("pathvein".into()).stack_size(STACK_SIZE);
            let started = thread.spawn(move || {
                if catch_unwind(AssertUnwindSafe(|| worker.work())).is_err() {
                    has_panicked.store(true, Ordering::Relaxed);
                    stop.store(true, Ordering::Relaxed);
                    shared.abandon();
                }
                drop((worker, shared, has_panicked, stop));
                // Dropped last: the end of the channel tells that all workers have ended.
                drop(channel);
            });
            match started {
                Ok(thread) => {
                    running.workers.push(thread);
                    running.outboxes.push(outbox);
                }
                Err(error) if running.workers.is_empty() => {
                    return Err(Error::io(path, Operation::StartThreads, error));
                }
                // The threads that were started do all the work.
                Err(_) => {
                    traversal.set_workers(running.workers.len());
                    break;
                }
            }
        }
        running.receiver = Some(receiver);
        Ok(running)
    }
}

impl<T> Results<T> {
    /// Results that have ended.
    fn ended() -> Results<T> {
        Results {
            start_error: None,
            received: Vec::new().into_iter(),
            received_at: Instant::now(),
            outboxes: Vec::new(),
            receiver: None,
            stop: Arc::default(),
            has_panicked: Arc::default(),
            counters: Arc::default(),
            workers: Vec::new(),
            process: std::process::id(),
        }
    }

    /// Results that are nothing but an error.
    pub(crate) fn only_error(error: Error) -> Results<T> {
        let mut results = Results::ended();
        results.start_error = Some(error);
        results
    }

    /// Waits for the next result, or an error in its place, no longer than until
    /// `deadline`. A deadline that has passed does not wait.
    pub fn next_before(&mut self, deadline: Instant) -> Next<T> {
        self.next_until(Some(deadline))
    }

    /// How far the traversal has come. May be asked at any time, also after the end.
    pub fn stats(&self) -> Stats {
        self.progress().stats()
    }

    /// A handle that tells other threads how far the traversal has come.
    pub fn progress(&self) -> Progress {
        Progress::new(Arc::clone(&self.counters))
    }

    /// The next result. Waits for it until `deadline`; without one, for ever.
    fn next_until(&mut self, deadline: Option<Instant>) -> Next<T> {
        if let Some(error) = self.start_error.take() {
            return Next::Item(Err(error));
        }
        if let Some(result) = self.received.next() {
            return Next::Item(result);
        }
        if self.receiver.is_none() {
            return Next::End;
        }
        if self.is_inherited() {
            self.close();
            return Next::Item(Err(Error::other_process()));
        }
        match self.receive(deadline) {
            Ok(batch) => {
                self.received_at = Instant::now();
                self.received = batch.into_iter();
                // No batch is empty.
                self.next_until(deadline)
            }
            Err(RecvTimeoutError::Timeout) => Next::Timeout,
            Err(RecvTimeoutError::Disconnected) => {
                self.close();
                if self.has_panicked.swap(false, Ordering::Relaxed) {
                    return Next::Item(Err(Error::internal("a worker thread panicked")));
                }
                Next::End
            }
        }
    }

    /// The next batch. It comes from the channel, or from the outboxes if nothing came
    /// through the channel for a while.
    fn receive(&self, deadline: Option<Instant>) -> Result<Batch<T>, RecvTimeoutError> {
        let receiver = self.receiver.as_ref().ok_or(RecvTimeoutError::Disconnected)?;
        loop {
            let look = Instant::now() + OUTBOX_TIMEOUT;
            let until = deadline.map_or(look, |deadline| deadline.min(look));
            match receiver.receive(Some(until)) {
                Err(RecvTimeoutError::Timeout) => {}
                received => return received,
            }
            if self.received_at.elapsed() >= OUTBOX_TIMEOUT {
                let batch: Batch<T> = self.outboxes.iter().flat_map(|o| o.take()).collect();
                if !batch.is_empty() {
                    return Ok(batch);
                }
            }
            if deadline == Some(until) {
                return Err(RecvTimeoutError::Timeout);
            }
        }
    }

    /// Stops the workers, waits for them and ends the iteration. Results that were found
    /// and not taken are lost. Dropping does the same.
    ///
    /// A worker that the operating system does not let go, as on a file system whose
    /// server does not answer, is waited for no longer than two seconds. It ends by
    /// itself when it can.
    pub fn close(&mut self) {
        self.received = Vec::new().into_iter();
        if self.is_inherited() {
            // A fork has no workers to stop. What they had locked when it was made stays
            // locked for ever, so nothing here may be touched, nor dropped.
            std::mem::forget(self.receiver.take());
            std::mem::forget(std::mem::take(&mut self.outboxes));
            std::mem::forget(std::mem::take(&mut self.workers));
            return;
        }
        self.stop.store(true, Ordering::Relaxed);
        self.outboxes.clear();
        if let Some(receiver) = self.receiver.take() {
            // Receiving makes room for workers that wait to send. The channel ends with
            // the last worker.
            let deadline = Instant::now() + CLOSE_TIMEOUT;
            let end = loop {
                if let Err(end) = receiver.receive(Some(deadline)) {
                    break end;
                }
            };
            if end == RecvTimeoutError::Timeout {
                self.workers.retain(JoinHandle::is_finished);
            }
        }
        for worker in self.workers.drain(..) {
            // A panic of the worker was noted already.
            let _ = worker.join();
        }
    }

    /// Whether this is a copy that a fork made.
    fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }
}

impl<T> Iterator for Results<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_until(None) {
            Next::Item(result) => Some(result),
            Next::Timeout | Next::End => None,
        }
    }
}

impl<T> FusedIterator for Results<T> {}

impl<T> fmt::Debug for Results<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").field("stats", &self.stats()).finish()
    }
}

impl<T> Drop for Results<T> {
    fn drop(&mut self) {
        self.close();
    }
}
