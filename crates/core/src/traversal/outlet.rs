//! Where a worker's results and errors go, and the sign to stop.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::channel::Sender;
use crate::{Error, Operation};

/// Results leave in batches: to wake who waits for them costs more than to list
/// a directory.
pub(super) type Parcel<T> = Vec<Result<T, Error>>;

/// What a worker has found and not sent yet. Whoever waits for results may take
/// them from here, for the operating system may hold the worker up.
#[derive(Debug)]
pub(super) struct Shelf<T>(Mutex<Waiting<T>>);

#[derive(Debug)]
struct Waiting<T> {
    parcel: Parcel<T>,
    weight: usize,
}

impl<T> Shelf<T> {
    fn new() -> Shelf<T> {
        Shelf(Mutex::new(Waiting { parcel: Vec::new(), weight: 0 }))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        // Nothing panics while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_empty(&self) -> bool {
        self.lock().parcel.is_empty()
    }

    /// Takes all that is there.
    pub(super) fn take(&self) -> Parcel<T> {
        let mut waiting = self.lock();
        waiting.weight = 0;
        std::mem::take(&mut waiting.parcel)
    }
}

/// How much makes a batch: so many results that [weigh](Outlet::found) little.
const BATCH: usize = 256;

/// How many batches may wait to be taken before the workers wait, too.
pub(super) const PARCELS: usize = 8;

/// How long a result may wait for others to go with, at first and at the most: a
/// sixteenth of the time that its worker has been at it.
const DELAY: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(20)];

/// How many directories are visited between two looks at the clock and two
/// updates of what can be asked from outside.
const INTERVAL: usize = 8;

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
pub(super) struct Counters {
    directories: AtomicUsize,
    entries: AtomicUsize,
    matches: AtomicUsize,
    errors: AtomicUsize,
    links_not_followed: AtomicUsize,
}

impl Counters {
    fn add(&self, stats: &Stats) {
        let add = |counter: &AtomicUsize, count| {
            if count > 0 {
                counter.fetch_add(count, Ordering::Relaxed);
            }
        };
        add(&self.directories, stats.directories);
        add(&self.entries, stats.entries);
        add(&self.matches, stats.matches);
        add(&self.errors, stats.errors);
        add(&self.links_not_followed, stats.links_not_followed);
    }

    pub(super) fn stats(&self) -> Stats {
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

/// A worker's way out.
#[derive(Debug)]
pub(crate) struct Outlet<T> {
    sender: Sender<Parcel<T>>,
    stop: Arc<AtomicBool>,
    counters: Arc<Counters>,
    shelf: Arc<Shelf<T>>,
    begun: Instant,
    /// When the first on the shelf was found.
    since: Option<Instant>,
    /// Nothing has been sent yet: the first result does not wait.
    first: bool,
    /// What has not been added to the counters yet.
    pub(crate) stats: Stats,
    visits: usize,
}

impl<T> Outlet<T> {
    pub(super) fn new(
        sender: Sender<Parcel<T>>,
        stop: Arc<AtomicBool>,
        counters: Arc<Counters>,
    ) -> Outlet<T> {
        Outlet {
            sender,
            stop,
            counters,
            shelf: Arc::new(Shelf::new()),
            begun: Instant::now(),
            since: None,
            first: true,
            stats: Stats::default(),
            visits: 0,
        }
    }

    /// The same way out for another worker.
    pub(super) fn another(&self) -> Outlet<T> {
        Outlet::new(self.sender.clone(), Arc::clone(&self.stop), Arc::clone(&self.counters))
    }

    /// Where whoever waits for results finds those that have not been sent.
    pub(super) fn shelf(&self) -> &Arc<Shelf<T>> {
        &self.shelf
    }

    /// Sends what was found. It weighs one, and more if it takes so much memory
    /// that few of it should wait to be taken.
    pub(crate) fn found(&mut self, item: T, weight: usize) {
        self.send(Ok(item), weight);
    }

    pub(super) fn failed(&mut self, path: PathBuf, operation: Operation, error: io::Error) {
        self.send_error(Error::io(path, operation, error));
    }

    pub(super) fn send_error(&mut self, error: Error) {
        self.stats.errors += 1;
        self.send(Err(error), 1);
    }

    fn send(&mut self, result: Result<T, Error>, weight: usize) {
        let mut waiting = self.shelf.lock();
        waiting.parcel.push(result);
        waiting.weight = waiting.weight.saturating_add(weight);
        let is_full = waiting.weight >= BATCH;
        drop(waiting);
        if is_full || self.first {
            self.flush();
        }
    }

    /// To be called for each directory that is visited: nothing waits for long.
    #[inline]
    pub(super) fn tick(&mut self) {
        self.visits += 1;
        if self.visits.is_multiple_of(INTERVAL) {
            self.tock();
        }
    }

    /// Lets go of what has waited long enough.
    #[cold]
    pub(super) fn tock(&mut self) {
        if self.shelf.is_empty() {
            self.since = None;
            self.count();
        } else {
            let now = Instant::now();
            let delay = (now.duration_since(self.begun) / 16).clamp(DELAY[0], DELAY[1]);
            if now.duration_since(*self.since.get_or_insert(now)) >= delay {
                self.flush();
            }
        }
    }

    fn count(&mut self) {
        self.counters.add(&std::mem::take(&mut self.stats));
    }

    /// Lets go of all that there is.
    pub(super) fn flush(&mut self) {
        self.count();
        let parcel = self.shelf.take();
        if parcel.is_empty() {
            return;
        }
        (self.first, self.since) = (false, None);
        if self.sender.send(parcel).is_err() {
            // Nobody listens any more.
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        self.count();
    }
}
