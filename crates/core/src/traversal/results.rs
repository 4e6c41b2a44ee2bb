//! The running traversal as its caller sees it: an iterator over the results.

use std::fmt;
use std::iter::FusedIterator;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use super::channel::{Receiver, bounded};
use super::crew::Roster;
use super::lister::Lister;
#[cfg(feature = "test-hooks")]
use super::lister::Untyped;
use super::part::Part;
#[cfg(any(feature = "test-hooks", not(any(target_os = "linux", target_os = "android"))))]
use super::portable::Portable;
use super::sender::{Batch, MAX_BATCHES, ResultSender};
use super::stop::{Stop, Stopper};
use super::width::MAX_WIDTH;
use super::worker::{Shared, Traversal};
use super::{Naming, Options, Visitor};
use crate::stats::{Counters, Progress, Stats};
use crate::{Error, Operation};

/// How many threads a traversal uses at most, whatever it is asked for.
const MAX_THREADS: usize = 1024;

/// How long closing waits for the workers: so long that hardly one is left behind only
/// because it got no processor, and so short that who has pressed Ctrl-C need not wait.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(150);

/// The time between two looks of the receiver into the outboxes. Nothing that was found
/// waits longer for a worker that is held up, or for what others send.
const OUTBOX_INTERVAL: Duration = Duration::from_millis(15);

/// A running [`Scan`](crate::Scan) or [`Walk`](crate::Walk): an iterator over what it
/// finds. Dropping it stops the workers.
///
/// A fork of the process has no workers. There, after the rest of the batch that had been
/// received before, comes an [`OtherProcess`](crate::ErrorKind::OtherProcess) error.
pub struct Results<T> {
    /// An error that kept the traversal from starting.
    start_error: Option<Error>,
    /// Results that were received and not taken yet.
    received: std::vec::IntoIter<Result<T, Error>>,
    /// When the outboxes are to be looked into next.
    next_look: Instant,
    roster: Arc<Roster<T>>,
    /// Starts another worker, or lets one to work, if there is work that nobody waits for: all
    /// that could may hang.
    look_after: Box<dyn Fn() + Send + Sync>,
    /// `None` once the traversal has ended.
    receiver: Option<Receiver<Batch<T>>>,
    stop: Arc<Stop>,
    has_panicked: Arc<AtomicBool>,
    counters: Arc<Counters>,
    /// Sets how many workers may be at work.
    #[cfg(test)]
    pub(super) set_width: Arc<dyn Fn(usize) + Send + Sync>,
}

/// The outcome of waiting for a result with a deadline. There are no others.
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
    /// Opens the source at `path`, as it is given, and starts to traverse it, or a part of it.
    pub(crate) fn start<V: Visitor<Item = T>>(
        visitor: V,
        options: Options,
        path: &Path,
        naming: Naming,
        part: Option<Part<V::State>>,
    ) -> Result<Results<T>, Error> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        type Native = super::getdents::Getdents;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        type Native = Portable;
        #[cfg(feature = "test-hooks")]
        let start = match (options.portable, options.untyped) {
            (false, false) => Self::start_with::<V, Native>,
            (true, false) => Self::start_with::<V, Portable>,
            (false, true) => Self::start_with::<V, Untyped<Native>>,
            (true, true) => Self::start_with::<V, Untyped<Portable>>,
        };
        #[cfg(feature = "test-hooks")]
        let start = match options.made_up {
            true => Self::start_with::<V, super::made_up::MadeUpLister>,
            false => start,
        };
        #[cfg(not(feature = "test-hooks"))]
        let start = Self::start_with::<V, Native>;
        start(visitor, options, path, naming, part)
    }

    pub(super) fn start_with<V: Visitor<Item = T>, L: Lister>(
        visitor: V,
        options: Options,
        path: &Path,
        naming: Naming,
        part: Option<Part<V::State>>,
    ) -> Result<Results<T>, Error> {
        let threads = options.threads.map(|threads| usize::from(threads).min(MAX_THREADS));
        let mut running = Results::ended();
        running.counters = Arc::new(Counters::new(threads.unwrap_or(MAX_WIDTH)));
        let (channel, receiver) = bounded(MAX_BATCHES);
        let (stop, counters) = (Arc::clone(&running.stop), Arc::clone(&running.counters));
        let shared = Shared {
            results: ResultSender::new(channel, stop, counters),
            roster: Arc::clone(&running.roster),
            has_panicked: Arc::clone(&running.has_panicked),
        };
        let source = (path, naming);
        let traversal = Traversal::<V, L>::open(options, source, threads, visitor, shared, part)?;
        let traversal = Arc::new(traversal);
        let (workers, sleep) = (Arc::downgrade(&traversal), Arc::clone(receiver.sleep()));
        running.stop.wake_by(move || {
            if let Some(traversal) = workers.upgrade() {
                traversal.abandon();
            }
            sleep.end();
        });
        traversal.start().map_err(|error| Error::io(path, Operation::StartThreads, error))?;
        let workers = Arc::downgrade(&traversal);
        running.look_after = Box::new(move || {
            if let Some(traversal) = workers.upgrade() {
                traversal.look_after();
            }
        });
        #[cfg(test)]
        {
            let workers = Arc::downgrade(&traversal);
            running.set_width = Arc::new(move |width| {
                if let Some(traversal) = workers.upgrade() {
                    traversal.set_width(width);
                }
            });
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
            next_look: Instant::now() + OUTBOX_INTERVAL,
            roster: Arc::new(Roster::new()),
            look_after: Box::new(|| {}),
            receiver: None,
            stop: Arc::new(Stop::new()),
            has_panicked: Arc::default(),
            counters: Arc::default(),
            #[cfg(test)]
            set_width: Arc::new(|_| {}),
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

    /// A handle that stops this from other threads.
    pub fn stopper(&self) -> Stopper {
        Stopper::new(Arc::clone(&self.stop))
    }

    /// The next result. Waits for it until `deadline`; without one, for ever.
    fn next_until(&mut self, deadline: Option<Instant>) -> Next<T> {
        if let Some(error) = self.start_error.take() {
            return Next::Item(Err(error));
        }
        if self.stop.is_set() {
            return self.end();
        }
        if let Some(result) = self.received.next() {
            return Next::Item(result);
        }
        if self.receiver.is_none() {
            return Next::End;
        }
        if self.stop.is_inherited() {
            self.close();
            return Next::Item(Err(Error::other_process()));
        }
        match self.receive(deadline) {
            Ok(batch) => {
                self.received = batch.into_iter();
                // No batch is empty.
                self.next_until(deadline)
            }
            Err(RecvTimeoutError::Timeout) if !self.stop.is_set() => Next::Timeout,
            Err(_) => self.end(),
        }
    }

    /// The end of the iteration.
    fn end(&mut self) -> Next<T> {
        self.close();
        if self.has_panicked.swap(false, Ordering::Relaxed) {
            return Next::Item(Err(Error::internal("a worker thread panicked")));
        }
        Next::End
    }

    /// The next batch. It comes from the channel, or now and then from the outboxes.
    fn receive(&mut self, deadline: Option<Instant>) -> Result<Batch<T>, RecvTimeoutError> {
        let receiver = self.receiver.as_ref().ok_or(RecvTimeoutError::Disconnected)?;
        loop {
            let now = Instant::now();
            if now >= self.next_look {
                self.next_look = now + OUTBOX_INTERVAL;
                (self.look_after)();
                let batch = self.roster.take_results();
                if !batch.is_empty() {
                    return Ok(batch);
                }
            }
            let until = deadline.map_or(self.next_look, |deadline| deadline.min(self.next_look));
            match receiver.receive(Some(until), Some(&self.stop)) {
                Err(RecvTimeoutError::Timeout) => {}
                // All workers have ended. What they have left is the rest.
                Err(RecvTimeoutError::Disconnected) => {
                    let rest = self.roster.take_results();
                    let has_rest = !rest.is_empty();
                    return has_rest.then_some(rest).ok_or(RecvTimeoutError::Disconnected);
                }
                received => return received,
            }
            if deadline == Some(until) || self.stop.is_set() {
                return Err(RecvTimeoutError::Timeout);
            }
        }
    }

    /// Stops the workers, waits for them and ends the iteration. Results that were found
    /// and not taken are lost. Dropping does the same.
    ///
    /// That takes a few milliseconds. A worker that the operating system does not let go, as
    /// on a file system whose server does not answer, is waited for no longer than 0.15
    /// seconds. Its thread is left behind, and ends by itself when it can.
    ///
    /// A [`Stopper`] stops the workers from another thread.
    pub fn close(&mut self) {
        self.received = Vec::new().into_iter();
        if self.stop.is_inherited() {
            // A fork has no workers to stop. What they had locked when it was made stays
            // locked for ever, so nothing here may be touched, nor dropped.
            std::mem::forget(self.receiver.take());
            std::mem::forget(Arc::clone(&self.roster));
            return;
        }
        let Some(receiver) = self.receiver.take() else { return };
        self.stop.set();
        // Receiving makes room for workers that wait to send. The channel ends with the last
        // worker.
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        let end = loop {
            if let Err(end) = receiver.receive(Some(deadline), None) {
                break end;
            }
        };
        let mut threads = self.roster.take_threads();
        if end == RecvTimeoutError::Timeout {
            threads.retain(JoinHandle::is_finished);
        }
        for thread in threads {
            // A panic of the worker was noted already.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
impl<T> Results<T> {
    /// How many workers were started, before this is closed.
    pub(super) fn started(&self) -> usize {
        self.roster.count()
    }

    /// How many workers have not ended; with what they begin with, if there are any.
    pub(super) fn running(&self) -> usize {
        Arc::strong_count(&self.counters) - 1
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
