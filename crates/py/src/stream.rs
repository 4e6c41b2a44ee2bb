//! `Scan` and `Walk`: running traversals, taken in batches.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pathvein_core::{
    Error, ErrorKind, FileStructurePattern as CorePattern, Listing, Listings, Match, Matches, Next,
    Progress, Scan as CoreScan, Stats as CoreStats, Walk as CoreWalk,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple, PyType};

use crate::convert::raise;
use crate::matcher::ExcludeRules;
use crate::pattern::FileStructurePattern;

/// How long the waiting caller sleeps before it looks for signals.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(20);

/// How much is handed over at once, at most: so many results that weigh little.
const BATCH: usize = 512;

/// How long results gather before they are handed over.
///
/// Waking up for each of them would take a processor away from a worker each
/// time. Meanwhile nobody waits for the channel, so the workers wake nobody.
const GATHERING: Duration = Duration::from_millis(1);

/// They do not for so long from the start: the first result is waited for, and a
/// thread that sleeps beside busy workers may get its processor back much later.
const AT_ONCE: Duration = Duration::from_millis(20);

/// How far a scan or a walk has come.
#[pyclass(frozen, get_all, eq, module = "pathvein_core")]
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Stats {
    /// Directories listed.
    directories: usize,
    /// Entries listed, directories included, excluded ones left out.
    entries: usize,
    /// Matches found; 0 for a walk.
    matches: usize,
    /// Things that went wrong.
    errors: usize,
    /// Links to directories that were not entered for want of follow_links.
    links_not_followed: usize,
    /// Requests sent to a remote store.
    requests: usize,
    /// Keys listed by a remote store that is listed flat.
    keys: usize,
    /// Those of the requests that were sent again.
    retries: usize,
}

/// All of them, for `pickle`.
type StatsArguments = (usize, usize, usize, usize, usize, usize, usize, usize);

#[pymethods]
impl Stats {
    #[new]
    #[pyo3(signature = (
        directories = 0,
        entries = 0,
        matches = 0,
        errors = 0,
        links_not_followed = 0,
        requests = 0,
        keys = 0,
        retries = 0,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        directories: usize,
        entries: usize,
        matches: usize,
        errors: usize,
        links_not_followed: usize,
        requests: usize,
        keys: usize,
        retries: usize,
    ) -> Stats {
        Stats { directories, entries, matches, errors, links_not_followed, requests, keys, retries }
    }

    fn __repr__(&self) -> String {
        let Stats { directories, entries, matches, errors, links_not_followed, .. } = self;
        let mut text = format!(
            "Stats(directories={directories}, entries={entries}, matches={matches}, \
             errors={errors}, links_not_followed={links_not_followed}"
        );
        // Nothing local has any.
        if self.requests > 0 {
            let Stats { requests, keys, retries, .. } = self;
            text += &format!(", requests={requests}, keys={keys}, retries={retries}");
        }
        text + ")"
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.arguments().hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyType>, StatsArguments) {
        (slf.get_type(), slf.get().arguments())
    }
}

impl Stats {
    fn arguments(&self) -> StatsArguments {
        (
            self.directories,
            self.entries,
            self.matches,
            self.errors,
            self.links_not_followed,
            self.requests,
            self.keys,
            self.retries,
        )
    }
}

impl From<CoreStats> for Stats {
    fn from(stats: CoreStats) -> Stats {
        Stats {
            directories: stats.directories,
            entries: stats.entries,
            matches: stats.matches,
            errors: stats.errors,
            links_not_followed: stats.links_not_followed,
            requests: 0,
            keys: 0,
            retries: 0,
        }
    }
}

/// What both kinds of running traversal offer.
trait Stream: Send {
    type Item: Send;
    /// One, and more for what takes much memory.
    fn weight(item: &Self::Item) -> usize;
    fn next_before(&mut self, deadline: Instant) -> Next<Self::Item>;
    fn progress(&self) -> Progress;
    fn close(&mut self);
}

macro_rules! stream {
    ($stream:ty, $item:ty, $weight:expr) => {
        impl Stream for $stream {
            type Item = $item;

            fn weight(item: &$item) -> usize {
                $weight(item)
            }

            fn next_before(&mut self, deadline: Instant) -> Next<$item> {
                <$stream>::next_before(self, deadline)
            }

            fn progress(&self) -> Progress {
                <$stream>::progress(self)
            }

            fn close(&mut self) {
                <$stream>::close(self);
            }
        }
    };
}

stream!(Matches, Match, |_| 1);
stream!(Listings, Listing, |listing: &Listing| {
    1 + (listing.directories.len() + listing.files.len()) / 16
});

/// Results, errors in their place, and whether there are no more.
struct Batch<T> {
    items: Vec<T>,
    errors: Vec<Error>,
    weight: usize,
    ended: bool,
}

/// A running traversal, shared by the threads that ask it for something.
struct Running<S: Stream> {
    stream: Mutex<S>,
    /// Apart from the stream, which is locked by whoever waits for its results.
    progress: Progress,
    started: Instant,
}

impl<S: Stream> Running<S> {
    fn new(stream: S) -> Running<S> {
        let progress = stream.progress();
        Running { stream: Mutex::new(stream), progress, started: Instant::now() }
    }

    fn lock(&self) -> MutexGuard<'_, S> {
        // A panic while it was locked was raised where it happened.
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_batch(&self, py: Python<'_>, seconds: f64) -> PyResult<Batch<S::Item>> {
        let end = Duration::try_from_secs_f64(seconds)
            .ok()
            .and_then(|timeout| Instant::now().checked_add(timeout))
            .ok_or_else(|| {
                let message = format!("seconds must be a possible time to wait, not {seconds}");
                PyValueError::new_err(message)
            })?;
        loop {
            let deadline = end.min(Instant::now() + SIGNAL_INTERVAL);
            let mut batch = py.detach(|| self.fill(deadline));
            py.check_signals()?;
            if let Some(defect) = batch
                .errors
                .iter()
                .position(|e| matches!(e.kind(), ErrorKind::Internal | ErrorKind::OtherProcess))
            {
                // No part of the tree is at fault: what was found must not pass for all there is.
                return Err(raise(py, batch.errors.swap_remove(defect)));
            }
            let nothing = batch.items.is_empty() && batch.errors.is_empty() && !batch.ended;
            if !nothing || Instant::now() >= end {
                return Ok(batch);
            }
        }
    }

    /// Waits for a result until the deadline, lets a few more gather, and takes
    /// all that are there.
    fn fill(&self, deadline: Instant) -> Batch<S::Item> {
        let mut batch = Batch { items: Vec::new(), errors: Vec::new(), weight: 0, ended: false };
        let mut stream = self.lock();
        batch.take(&mut *stream, deadline);
        if !batch.is_full() && !batch.is_empty() && self.started.elapsed() >= AT_ONCE {
            thread::sleep(GATHERING);
            batch.take(&mut *stream, Instant::now());
        }
        batch
    }

    fn stats(&self) -> Stats {
        self.progress.stats().into()
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.lock().close());
    }
}

impl<S: Stream> Drop for Running<S> {
    /// For a stream that is dropped without being closed: others need not wait
    /// for its workers. While the interpreter ends there are no others.
    fn drop(&mut self) {
        Python::try_attach(|py| self.close(py));
    }
}

impl<T> Batch<T> {
    /// Takes a result, waiting for it until the deadline, and all that are there
    /// by then.
    fn take<S: Stream<Item = T>>(&mut self, stream: &mut S, mut deadline: Instant) {
        let started = Instant::now();
        while !self.is_full() {
            match stream.next_before(deadline) {
                Next::Item(Ok(item)) => {
                    self.weight += S::weight(&item);
                    self.items.push(item);
                }
                Next::Item(Err(error)) => {
                    self.weight += 1;
                    self.errors.push(error);
                }
                Next::Timeout => break,
                Next::End => {
                    self.ended = true;
                    break;
                }
            }
            // One that has passed does not wait.
            deadline = started;
        }
    }

    fn is_empty(&self) -> bool {
        self.items.is_empty() && self.errors.is_empty()
    }

    fn is_full(&self) -> bool {
        self.ended || self.weight >= BATCH
    }
}

/// What a batch is in Python: results, exceptions, whether there are no more.
fn hand_over<'py, T>(
    py: Python<'py>,
    batch: Batch<T>,
    convert: impl Fn(T) -> PyResult<Bound<'py, PyTuple>>,
) -> PyResult<(Bound<'py, PyList>, Vec<Py<PyAny>>, bool)> {
    let items: Vec<_> = batch.items.into_iter().map(convert).collect::<PyResult<_>>()?;
    let errors = batch.errors.into_iter().map(|e| raise(py, e).into_value(py).into_any()).collect();
    Ok((PyList::new(py, items)?, errors, batch.ended))
}

/// Sets the options that scans and walks share, and starts.
macro_rules! start {
    ($py:ident, $traversal:expr, $exclude:ident, $max_depth:ident, $follow_links:ident,
     $one_file_system:ident, $threads:ident $(,)?) => {{
        let mut traversal = $traversal
            .max_depth($max_depth)
            .follow_links($follow_links)
            .one_file_system($one_file_system)
            .threads($threads);
        if let Some(rules) = $exclude {
            traversal = traversal.exclude(rules.get().rules.clone());
        }
        $py.detach(|| traversal.start()).map(Running::new).map_err(|error| raise($py, error))
    }};
}

/// A running scan of a local tree.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct Scan {
    running: Running<Matches>,
}

#[pymethods]
impl Scan {
    #[new]
    #[pyo3(signature = (
        source,
        patterns,
        *,
        exclude = None,
        max_depth = None,
        follow_links = false,
        one_file_system = false,
        threads = None,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        source: PathBuf,
        patterns: Vec<Bound<'_, FileStructurePattern>>,
        exclude: Option<&Bound<'_, ExcludeRules>>,
        max_depth: Option<usize>,
        follow_links: bool,
        one_file_system: bool,
        threads: Option<NonZeroUsize>,
    ) -> PyResult<Scan> {
        let patterns: Vec<CorePattern> = patterns.iter().map(|p| p.get().core()).collect();
        let scan = CoreScan::new(source, &patterns);
        let running = start!(py, scan, exclude, max_depth, follow_links, one_file_system, threads)?;
        Ok(Scan { running })
    }

    /// Waits at most so many seconds for results; gives those there are, as
    /// path and position of the pattern, the errors, and whether it has ended.
    fn next_batch<'py>(
        &self,
        py: Python<'py>,
        seconds: f64,
    ) -> PyResult<(Bound<'py, PyList>, Vec<Py<PyAny>>, bool)> {
        let batch = self.running.next_batch(py, seconds)?;
        hand_over(py, batch, |found| {
            let pattern = found.pattern();
            (found.into_path().into_os_string(), pattern).into_pyobject(py)
        })
    }

    /// How far it has come.
    fn stats(&self) -> Stats {
        self.running.stats()
    }

    /// Stops the workers and waits for them.
    fn close(&self, py: Python<'_>) {
        self.running.close(py);
    }
}

/// A running walk of a local tree.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct Walk {
    running: Running<Listings>,
}

#[pymethods]
impl Walk {
    #[new]
    #[pyo3(signature = (
        source,
        *,
        exclude = None,
        max_depth = None,
        follow_links = false,
        one_file_system = false,
        threads = None,
    ))]
    fn new(
        py: Python<'_>,
        source: PathBuf,
        exclude: Option<&Bound<'_, ExcludeRules>>,
        max_depth: Option<usize>,
        follow_links: bool,
        one_file_system: bool,
        threads: Option<NonZeroUsize>,
    ) -> PyResult<Walk> {
        let walk = CoreWalk::new(source);
        let running = start!(py, walk, exclude, max_depth, follow_links, one_file_system, threads)?;
        Ok(Walk { running })
    }

    /// Waits at most so many seconds for listings; gives those there are, as
    /// path, directory names and file names, the errors, and whether it has
    /// ended.
    fn next_batch<'py>(
        &self,
        py: Python<'py>,
        seconds: f64,
    ) -> PyResult<(Bound<'py, PyList>, Vec<Py<PyAny>>, bool)> {
        let batch = self.running.next_batch(py, seconds)?;
        let names = |names: Vec<OsString>| PyList::new(py, names);
        hand_over(py, batch, |listing| {
            let path = listing.path.into_os_string();
            (path, names(listing.directories)?, names(listing.files)?).into_pyobject(py)
        })
    }

    /// How far it has come.
    fn stats(&self) -> Stats {
        self.running.stats()
    }

    /// Stops the workers and waits for them.
    fn close(&self, py: Python<'_>) {
        self.running.close(py);
    }
}
