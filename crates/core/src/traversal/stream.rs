//! The results of a traversal, as they are found.

use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use super::channel::{Receiver, bounded};
use super::engine::{Traversal, Worker};
use super::lister::{Lister, Untyped};
use super::outlet::{Counters, Outlet, PARCELS, Parcel, Shelf, Stats};
use super::portable::Portable;
use super::{Options, Visitor};
use crate::{Error, Operation};

/// How many threads a traversal uses at the most, however many it is told to.
const MAX_THREADS: usize = 1024;

/// A worker's stack: room for the buffer of a listing and for the regular
/// expressions of exclude rules, whatever the default is. Nothing recurses on the
/// depth of the tree.
const STACK: usize = 512 * 1024;

/// How long a stream that is closed waits for its workers: so long that none is
/// left behind for want of a processor.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long nothing is received before what the workers have not sent is taken
/// from them.
const SHELF_TIME: Duration = Duration::from_millis(20);

/// How far a traversal has come, to be asked while another thread waits for its
/// next result.
#[derive(Clone, Debug)]
pub struct Progress {
    counters: Arc<Counters>,
}

impl Progress {
    /// The counts so far. They can be asked for at any time, also after the end.
    pub fn stats(&self) -> Stats {
        self.counters.stats()
    }
}

/// A running traversal. Dropping it stops and joins the workers.
pub(crate) struct Stream<T> {
    /// What went wrong before there was anything to run.
    failure: Option<Error>,
    /// Results that have been received and not taken.
    received: std::vec::IntoIter<Result<T, Error>>,
    /// When some were received last.
    received_at: Instant,
    shelves: Vec<Arc<Shelf<T>>>,
    /// `None` once it has ended.
    receiver: Option<Receiver<Parcel<T>>>,
    stop: Arc<AtomicBool>,
    panicked: Arc<AtomicBool>,
    counters: Arc<Counters>,
    /// Threads of its own: a pool of others' may be waiting for this.
    workers: Vec<JoinHandle<()>>,
    /// The process that has the workers: a fork of it has none.
    process: u32,
}

/// The source's path, absolute and without links.
pub(crate) fn resolve(source: &Path) -> Result<PathBuf, Error> {
    source.canonicalize().map_err(|e| Error::io(source, Operation::ResolveSource, e))
}

impl<T: Send + 'static> Stream<T> {
    /// Opens the source at `path` and starts to traverse it. `name` is the
    /// source's name for the visitor.
    pub(crate) fn start<V: Visitor<Item = T>>(
        visitor: V,
        options: Options,
        path: &Path,
        name: &OsStr,
    ) -> Result<Stream<T>, Error> {
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
        start(visitor, options, path, name)
    }

    pub(super) fn start_with<V: Visitor<Item = T>, L: Lister>(
        visitor: V,
        options: Options,
        path: &Path,
        name: &OsStr,
    ) -> Result<Stream<T>, Error> {
        let threads = options.threads.map_or_else(
            || std::thread::available_parallelism().map_or(1, usize::from),
            |threads| usize::from(threads).min(MAX_THREADS),
        );
        let traversal = Arc::new(Traversal::<V, L>::open(options, path, name, threads)?);
        let (sender, receiver) = bounded(PARCELS);
        let mut stream = Stream::idle();
        stream.receiver = Some(receiver);
        let out =
            Outlet::new(sender.clone(), Arc::clone(&stream.stop), Arc::clone(&stream.counters));
        for _ in 0..threads {
            let out = out.another();
            let shelf = Arc::clone(out.shelf());
            let mut worker = Worker::new(Arc::clone(&traversal), visitor.clone(), out);
            let shared = Arc::clone(&traversal);
            let (stop, panicked) = (Arc::clone(&stream.stop), Arc::clone(&stream.panicked));
            let sender = sender.clone();
            let thread = std::thread::Builder::new().name("pathvein".into()).stack_size(STACK);
            let started = thread.spawn(move || {
                if catch_unwind(AssertUnwindSafe(|| worker.work())).is_err() {
                    panicked.store(true, Ordering::Relaxed);
                    stop.store(true, Ordering::Relaxed);
                    shared.abandon();
                }
                // Dropped last: the receiver takes this thread to have ended then.
                drop((worker, shared, panicked, stop));
                drop(sender);
            });
            match started {
                Ok(thread) => {
                    stream.workers.push(thread);
                    stream.shelves.push(shelf);
                }
                Err(error) if stream.workers.is_empty() => {
                    return Err(Error::io(path, Operation::StartThreads, error));
                }
                // Those that there are do it all.
                Err(_) => {
                    traversal.reduce_workers(stream.workers.len());
                    break;
                }
            }
        }
        Ok(stream)
    }

    /// A stream that has ended.
    fn idle() -> Stream<T> {
        Stream {
            failure: None,
            received: Vec::new().into_iter(),
            received_at: Instant::now(),
            shelves: Vec::new(),
            receiver: None,
            stop: Arc::default(),
            panicked: Arc::default(),
            counters: Arc::default(),
            workers: Vec::new(),
            process: std::process::id(),
        }
    }

    /// A stream of nothing but a failure.
    pub(crate) fn failed(failure: Error) -> Stream<T> {
        let mut stream = Stream::idle();
        stream.failure = Some(failure);
        stream
    }

    /// The next result, waiting for it no longer than until `deadline`.
    pub(crate) fn next_before(&mut self, deadline: Option<Instant>) -> Next<T> {
        if let Some(failure) = self.failure.take() {
            return Next::Item(Err(failure));
        }
        if let Some(result) = self.received.next() {
            return Next::Item(result);
        }
        let Some(receiver) = &self.receiver else { return Next::End };
        if self.is_inherited() {
            self.close();
            return Next::Item(Err(Error::other_process()));
        }
        let received = loop {
            let look = Instant::now() + SHELF_TIME;
            let until = deadline.map_or(look, |deadline| deadline.min(look));
            match receiver.receive(Some(until)) {
                Err(RecvTimeoutError::Timeout) => {}
                received => break received,
            }
            if self.received_at.elapsed() >= SHELF_TIME {
                let parcel: Parcel<T> = self.shelves.iter().flat_map(|s| s.take()).collect();
                if !parcel.is_empty() {
                    break Ok(parcel);
                }
            }
            if deadline == Some(until) {
                break Err(RecvTimeoutError::Timeout);
            }
        };
        match received {
            Ok(parcel) => {
                self.received_at = Instant::now();
                self.received = parcel.into_iter();
                // (No parcel is empty.)
                self.next_before(deadline)
            }
            Err(RecvTimeoutError::Timeout) => Next::Timeout,
            Err(RecvTimeoutError::Disconnected) => {
                self.close();
                if self.panicked.swap(false, Ordering::Relaxed) {
                    return Next::Item(Err(Error::internal("a worker thread panicked")));
                }
                Next::End
            }
        }
    }
}

impl<T> Stream<T> {
    pub(crate) fn progress(&self) -> Progress {
        Progress { counters: Arc::clone(&self.counters) }
    }

    /// Stops the workers, waits for them and drops what they found.
    ///
    /// One that the operating system does not let go, as on a file system whose
    /// server does not answer, is not waited for any longer than a moment: it
    /// ends by itself when it can.
    pub(crate) fn close(&mut self) {
        self.received = Vec::new().into_iter();
        if self.is_inherited() {
            // There are no workers here to be stopped, and what they had locked
            // stays locked for ever.
            std::mem::forget(self.receiver.take());
            std::mem::forget(std::mem::take(&mut self.shelves));
            std::mem::forget(std::mem::take(&mut self.workers));
            return;
        }
        self.stop.store(true, Ordering::Relaxed);
        self.shelves.clear();
        if let Some(receiver) = self.receiver.take() {
            // What the workers still send makes room for those that wait to send, and
            // is dropped. The channel ends with the last of them.
            let deadline = Instant::now() + PATIENCE;
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
            // (A panic has been noted.)
            let _ = worker.join();
        }
    }

    /// Whether this is a copy that a fork made.
    fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }
}

impl<T> Drop for Stream<T> {
    fn drop(&mut self) {
        self.close();
    }
}

/// What waiting for a result, with a deadline, comes to.
#[derive(Debug)]
pub enum Next<T> {
    /// A result, or an error in its place.
    Item(Result<T, Error>),
    /// There was none in time; there may be more.
    Timeout,
    /// There are no more.
    End,
}
