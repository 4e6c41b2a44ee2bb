//! How far a scan or a walk has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How far a scan or a walk has come.
///
/// The counts grow while it runs. They are exact once it has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Directories listed.
    pub directories: usize,
    /// Directories of which it was told from outside, by their link count, that nothing in
    /// them matters ([`Scan::leaf_skip`](crate::Scan::leaf_skip)). They were not opened, and
    /// are not among `directories`, nor are their entries counted. 0 for a walk.
    pub skipped: usize,
    /// Entries listed. Directories are included, excluded entries are left out, unless
    /// they are links that were not looked at.
    pub entries: usize,
    /// Matches found; 0 for a walk.
    pub matches: usize,
    /// Things that went wrong.
    pub errors: usize,
    /// Links to directories that were not followed because the options do not allow
    /// it. Only those that were looked at: a scan that follows no links does not ask what
    /// a link leads to, unless a pattern asks for its name.
    pub links_not_followed: usize,
    /// Matches that failed for nothing but links to directories that were not followed: the
    /// directory matches its pattern in everything but required directories, at whatever
    /// level, that are there as such links. What is behind them, nobody has looked at. 0 for
    /// a walk.
    pub hidden_by_links: usize,
    /// The most threads that were at work at a time; 0 before any was.
    pub threads: usize,
}

impl Stats {
    /// Adds other counts to these.
    pub(crate) fn add(&mut self, counted: Stats) {
        let Stats { directories, skipped, entries, matches, errors, .. } = counted;
        let Stats { links_not_followed, hidden_by_links, threads, .. } = counted;
        self.hidden_by_links += hidden_by_links;
        self.directories += directories;
        self.skipped += skipped;
        self.entries += entries;
        self.matches += matches;
        self.errors += errors;
        self.links_not_followed += links_not_followed;
        self.threads = self.threads.max(threads);
    }
}

/// A handle that tells how far a scan or a walk has come, also to other threads while
/// one waits for the next result. Clones tell the same.
///
/// # Example
///
/// ```
/// use pathvein_core::Walk;
///
/// # let dir = tempfile::tempdir()?;
/// let mut listings = Walk::new(dir.path()).start()?;
/// let progress = listings.progress();
/// let watching = std::thread::spawn(move || progress.stats().directories);
/// assert_eq!(listings.by_ref().count(), 1);
/// assert!(watching.join().unwrap() <= 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Progress {
    counters: Arc<Counters>,
}

impl Progress {
    pub(crate) fn new(counters: Arc<Counters>) -> Progress {
        Progress { counters }
    }

    /// The counts so far. They can be asked for at any time, also after the end.
    pub fn stats(&self) -> Stats {
        self.counters.stats()
    }
}

/// The counts of all the workers together. Each adds to counters of its own, in cache lines that
/// no other writes to.
#[derive(Debug)]
pub(crate) struct Counters {
    /// At least one. If there are more workers, some share theirs.
    of_workers: Box<[WorkerCounters]>,
    /// How many workers there were so far.
    workers: AtomicUsize,
    /// Whether any result was sent.
    has_sent: AtomicBool,
}

/// How many workers have counters of their own.
const MAX_COUNTERS: usize = 64;

/// The counts of a worker. Two cache lines, as they are fetched in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct WorkerCounters {
    directories: AtomicUsize,
    skipped: AtomicUsize,
    entries: AtomicUsize,
    matches: AtomicUsize,
    errors: AtomicUsize,
    links_not_followed: AtomicUsize,
    hidden_by_links: AtomicUsize,
    threads: AtomicUsize,
}

impl Default for Counters {
    fn default() -> Counters {
        Counters::new(1)
    }
}

impl Counters {
    /// The counters of so many workers.
    pub(crate) fn new(workers: usize) -> Counters {
        let counters = (0..workers.clamp(1, MAX_COUNTERS)).map(|_| WorkerCounters::default());
        let (workers, has_sent) = (AtomicUsize::new(0), AtomicBool::new(false));
        Counters { of_workers: counters.collect(), workers, has_sent }
    }

    /// The number of one more worker.
    pub(crate) fn next_worker(&self) -> usize {
        self.workers.fetch_add(1, Ordering::Relaxed)
    }

    /// How many workers there were so far.
    pub(crate) fn workers(&self) -> usize {
        self.workers.load(Ordering::Relaxed)
    }

    /// Whether any result was sent.
    pub(crate) fn has_sent(&self) -> bool {
        self.has_sent.load(Ordering::Relaxed)
    }

    /// Notes that a result was sent.
    pub(crate) fn note_sent(&self) {
        if !self.has_sent() {
            self.has_sent.store(true, Ordering::Relaxed);
        }
    }

    /// Adds what a worker has counted.
    pub(crate) fn add(&self, worker: usize, stats: Stats) {
        let counters = &self.of_workers[worker % self.of_workers.len()];
        let add = |counter: &AtomicUsize, count| {
            if count > 0 {
                counter.fetch_add(count, Ordering::Relaxed);
            }
        };
        add(&counters.directories, stats.directories);
        add(&counters.skipped, stats.skipped);
        add(&counters.entries, stats.entries);
        add(&counters.matches, stats.matches);
        add(&counters.errors, stats.errors);
        add(&counters.links_not_followed, stats.links_not_followed);
        add(&counters.hidden_by_links, stats.hidden_by_links);
        if stats.threads > 0 {
            counters.threads.fetch_max(stats.threads, Ordering::Relaxed);
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let get = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        let mut stats = Stats::default();
        for counters in &self.of_workers {
            stats.add(Stats {
                directories: get(&counters.directories),
                skipped: get(&counters.skipped),
                entries: get(&counters.entries),
                matches: get(&counters.matches),
                errors: get(&counters.errors),
                links_not_followed: get(&counters.links_not_followed),
                hidden_by_links: get(&counters.hidden_by_links),
                threads: get(&counters.threads),
            });
        }
        stats
    }
}
