//! The results of a traversal, as they are found.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::engine::{Outlet, Traversal, Visitor};
use super::lister::Lister;
use super::options::Options;
use super::portable::Portable;
use crate::{Error, Operation};

/// How many threads a traversal uses at the most, however many it is told to.
const MAX_THREADS: usize = 1024;

/// How many results may wait to be taken before the workers wait, too.
const CAPACITY: usize = 1024;

/// How far a scan or a walk has come.
///
/// The counts grow while it runs; they are exact once it has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Directories listed.
    pub directories: usize,
    /// Entries listed, directories included, excluded ones left out.
    pub entries: usize,
    /// Matches found.
    pub matches: usize,
    /// Things that went wrong.
    pub errors: usize,
    /// Links to directories that were not followed, because they were not to
    /// be.
    pub links_not_followed: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    directories: AtomicUsize,
    entries: AtomicUsize,
    pub(crate) matches: AtomicUsize,
    pub(crate) errors: AtomicUsize,
    links_not_followed: AtomicUsize,
}

impl Counters {
    pub(crate) fn listed(&self, entries: usize, links_not_followed: usize) {
        self.directories.fetch_add(1, Ordering::Relaxed);
        self.entries.fetch_add(entries, Ordering::Relaxed);
        if links_not_followed > 0 {
            self.links_not_followed.fetch_add(links_not_followed, Ordering::Relaxed);
        }
    }

    fn stats(&self) -> Stats {
        let get = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        Stats {
            directories: get(&self.directories),
            entries: get(&self.entries),
            matches: get(&self.matches),
            errors: get(&self.errors),
            links_not_followed: get(&self.links_not_followed),
        }
    }
}

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
    /// `None` once it has ended.
    receiver: Option<Receiver<Result<T, Error>>>,
    stop: Arc<AtomicBool>,
    panicked: Arc<AtomicBool>,
    counters: Arc<Counters>,
    /// The workers of the private pool: the global one belongs to the caller,
    /// and waiting for it from inside it would be a deadlock.
    workers: Vec<JoinHandle<()>>,
    /// The process that has the workers: a fork of it has none.
    process: u32,
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
        if !options.portable {
            return Self::start_with::<V, super::getdents::Getdents>(visitor, options, path, name);
        }
        Self::start_with::<V, Portable>(visitor, options, path, name)
    }

    fn start_with<V: Visitor<Item = T>, L: Lister>(
        visitor: V,
        options: Options,
        path: &Path,
        name: &OsStr,
    ) -> Result<Stream<T>, Error> {
        let (sender, receiver) = bounded(CAPACITY);
        let stop = Arc::new(AtomicBool::new(false));
        let panicked = Arc::new(AtomicBool::new(false));
        let counters = Arc::new(Counters::default());
        let threads = options.threads;
        let out = Outlet::new(sender, Arc::clone(&stop), Arc::clone(&counters));
        let traversal = Traversal::<V, L>::open(visitor, options, path, out)?;

        let mut stream = Stream {
            failure: None,
            receiver: Some(receiver),
            stop,
            panicked,
            counters,
            workers: Vec::new(),
            process: std::process::id(),
        };
        let threads = threads.map_or_else(
            || std::thread::available_parallelism().map_or(1, usize::from),
            |threads| usize::from(threads).min(MAX_THREADS),
        );
        let panicked = Arc::clone(&stream.panicked);
        let stop = Arc::clone(&stream.stop);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .panic_handler(move |_| {
                panicked.store(true, Ordering::Relaxed);
                stop.store(true, Ordering::Relaxed);
            })
            .spawn_handler(|worker| {
                let thread = std::thread::Builder::new().name("pathvein".into());
                stream.workers.push(thread.spawn(|| worker.run())?);
                Ok(())
            })
            .build()
            .map_err(|e| Error::io(path, Operation::StartThreads, start_error(e)))?;
        let path = path.to_path_buf();
        let name = name.to_os_string();
        pool.spawn(move || traversal.run(&path, &name));
        // The workers of a dropped pool end when there is nothing left to do.
        drop(pool);
        Ok(stream)
    }

    /// A stream of nothing but a failure.
    pub(crate) fn failed(failure: Error) -> Stream<T> {
        Stream {
            failure: Some(failure),
            receiver: None,
            stop: Arc::default(),
            panicked: Arc::default(),
            counters: Arc::default(),
            workers: Vec::new(),
            process: std::process::id(),
        }
    }

    /// The next result, waiting for it no longer than until `deadline`.
    pub(crate) fn next_before(&mut self, deadline: Option<Instant>) -> Next<T> {
        if let Some(failure) = self.failure.take() {
            return Next::Item(Err(failure));
        }
        let Some(receiver) = &self.receiver else { return Next::End };
        if self.is_inherited() {
            self.close();
            return Next::Item(Err(Error::other_process()));
        }
        let received = match deadline {
            Some(deadline) => receiver.recv_deadline(deadline),
            None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(result) => Next::Item(result),
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
    pub(crate) fn close(&mut self) {
        if self.is_inherited() {
            // There are no workers here to be stopped, and what they had locked
            // stays locked for ever.
            std::mem::forget(self.receiver.take());
            std::mem::forget(std::mem::take(&mut self.workers));
            return;
        }
        self.stop.store(true, Ordering::Relaxed);
        self.receiver = None;
        for worker in self.workers.drain(..) {
            // A panic has been noted by the pool.
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

/// The operating system's error, where that is why a pool could not be built.
fn start_error(error: rayon::ThreadPoolBuildError) -> io::Error {
    let cause = std::error::Error::source(&error).and_then(|e| e.downcast_ref::<io::Error>());
    match cause.and_then(io::Error::raw_os_error) {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::other(error),
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
