//! A running traversal: its results are taken in batches, while signals are looked for.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pathvein_core::{Checked, Error, ErrorKind, Listing, Match, Next, Progress, Results, Stopper};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::convert::raise;
use crate::encoding::check_not_ending;
use crate::stats::Stats;

/// How long the waiting caller sleeps between two looks for signals.
pub(crate) const SIGNAL_INTERVAL: Duration = Duration::from_millis(10);

/// The weight at which a batch is full: so many results that weigh one.
const BATCH_WEIGHT: usize = 512;

/// How long results gather before a batch is taken.
///
/// To wake up for each result would take a processor away from a worker each time. While
/// results gather, nobody waits for the channel, so the workers wake nobody.
const GATHER_TIME: Duration = Duration::from_millis(1);

/// How long after the start results do not gather: the first result is waited for, and a
/// thread that sleeps beside busy workers may get its processor back much later.
pub(crate) const NO_GATHERING: Duration = Duration::from_millis(20);

/// A result that knows how much of a batch it fills.
pub(crate) trait Weighted: Send + 'static {
    /// One, and more for a result that takes much memory.
    fn weight(&self) -> usize;
}

impl Weighted for Match {
    fn weight(&self) -> usize {
        1
    }
}

impl Weighted for Checked {
    fn weight(&self) -> usize {
        1 + self.findings().len() / 4
    }
}

impl Weighted for Listing {
    fn weight(&self) -> usize {
        1 + (self.directories.len() + self.files.len()) / 16
    }
}

/// A running traversal, which several threads may ask for results.
pub(crate) struct Running<T: Weighted> {
    results: Arc<Mutex<Results<T>>>,
    /// Apart from the results, which are locked by the thread that waits for them.
    progress: Progress,
    stopper: Stopper,
    started: Instant,
    /// The process that it was started in. A fork of that has no workers, and perhaps not
    /// the thread that had locked the results.
    process: u32,
}

/// Calls `open` in a thread of its own, and meanwhile looks for signals: a source on a mount
/// whose server does not answer would keep this thread from them. The other is left behind
/// then. Gives `open` back if no thread can be started.
pub(crate) fn opened_aside<R: Send + 'static, F: FnOnce() -> R + Send + 'static>(
    py: Python<'_>,
    open: F,
) -> PyResult<Result<R, F>> {
    let (give, given) = mpsc::sync_channel::<F>(1);
    let (answer, mut answers) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name("pathvein".into()).spawn(move || {
        if let Ok(open) = given.recv() {
            // If nobody waits for it any more, it is dropped, which ends it.
            let _ = answer.send(open());
        }
    });
    let Ok(thread) = thread else { return Ok(Err(open)) };
    let _ = give.send(open);
    let opened = loop {
        // By mutable reference, since it is not to be shared.
        let answers = &mut answers;
        match py.detach(move || answers.recv_timeout(SIGNAL_INTERVAL)) {
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            answer => break answer,
        }
    };
    // It has nothing more to do, and is not to be seen once this returns.
    match (py.detach(|| thread.join()), opened) {
        (Ok(()), Ok(opened)) => Ok(Ok(opened)),
        (Err(panic), _) => std::panic::resume_unwind(panic),
        (Ok(()), Err(_)) => unreachable!("it sends an answer, or panics"),
    }
}

/// The time so many seconds from now.
pub(crate) fn time_after(seconds: f64) -> PyResult<Instant> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|timeout| Instant::now().checked_add(timeout))
        .ok_or_else(|| {
            let message = format!("seconds must be a possible time to wait, not {seconds}");
            PyValueError::new_err(message)
        })
}

/// A batch in Python: results, exceptions, and whether the traversal has ended.
pub(crate) type PyBatch<'py> = (Bound<'py, PyList>, Vec<Py<PyAny>>, bool);

/// Results, errors in the place of results, and whether the traversal has ended.
pub(crate) struct Batch<T> {
    items: Vec<T>,
    errors: Vec<Error>,
    weight: usize,
    has_ended: bool,
}

impl<T: Weighted> Running<T> {
    /// Starts a traversal, without the interpreter.
    pub(crate) fn start(
        py: Python<'_>,
        start: impl FnOnce() -> Result<Results<T>, Error> + Send + 'static,
    ) -> PyResult<Running<T>> {
        let results = match opened_aside(py, start)? {
            Ok(results) => results,
            // This thread, then.
            Err(start) => py.detach(start),
        };
        let results = results.map_err(|error| raise(py, error))?;
        let (progress, stopper) = (results.progress(), results.stopper());
        let (results, started) = (Arc::new(Mutex::new(results)), Instant::now());
        Ok(Running { results, progress, stopper, started, process: std::process::id() })
    }

    fn lock(&self) -> MutexGuard<'_, Results<T>> {
        // A panic while it was locked was raised where it happened.
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits at most so many seconds for results, and takes those that are there.
    pub(crate) fn next_batch(&self, py: Python<'_>, seconds: f64) -> PyResult<Batch<T>> {
        let end = time_after(seconds)?;
        if self.is_inherited() {
            return Err(raise(py, Error::other_process()));
        }
        loop {
            let deadline = end.min(Instant::now() + SIGNAL_INTERVAL);
            let mut batch = py.detach(|| self.fill(deadline));
            check_not_ending()?;
            py.check_signals()?;
            if let Some(defect) = batch
                .errors
                .iter()
                .position(|e| matches!(e.kind(), ErrorKind::Internal | ErrorKind::OtherProcess))
            {
                // Such an error is about the whole traversal. It is raised, since the
                // results so far must not pass for all there are.
                return Err(raise(py, batch.errors.swap_remove(defect)));
            }
            if !batch.is_empty() || batch.has_ended || Instant::now() >= end {
                return Ok(batch);
            }
        }
    }

    /// Waits for a result until the deadline, lets others gather, and takes all that are
    /// there.
    fn fill(&self, deadline: Instant) -> Batch<T> {
        let mut batch =
            Batch { items: Vec::new(), errors: Vec::new(), weight: 0, has_ended: false };
        let mut results = self.lock();
        batch.take_from(&mut results, deadline);
        if !batch.is_full() && !batch.is_empty() && self.started.elapsed() >= NO_GATHERING {
            thread::sleep(GATHER_TIME);
            batch.take_from(&mut results, Instant::now());
        }
        batch
    }

    /// How far the traversal has come.
    pub(crate) fn stats(&self) -> Stats {
        self.progress.stats().into()
    }

    /// Stops the workers and waits for them. A thread that waits for results is told that
    /// they have ended. A fork has nothing to stop.
    pub(crate) fn close(&self, py: Python<'_>) {
        if self.is_inherited() {
            return;
        }
        py.detach(|| {
            self.stopper.stop();
            self.lock().close();
        });
    }

    /// Whether this is a copy that a fork made.
    fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }
}

impl<T: Weighted> Drop for Running<T> {
    /// Closes a traversal that is dropped without being closed. Other threads go on
    /// meanwhile; while the interpreter ends there are none.
    fn drop(&mut self) {
        if self.is_inherited() {
            // Whoever had locked them may have left them half-way, so nothing is dropped.
            std::mem::forget(Arc::clone(&self.results));
            return;
        }
        Python::try_attach(|py| self.close(py));
    }
}

impl<T> Batch<T> {
    /// Takes a result, which it waits for until the deadline, and all that are there by
    /// then.
    fn take_from(&mut self, results: &mut Results<T>, mut deadline: Instant)
    where
        T: Weighted,
    {
        let started = Instant::now();
        while !self.is_full() {
            match results.next_before(deadline) {
                Next::Item(Ok(item)) => {
                    self.weight += item.weight();
                    self.items.push(item);
                }
                Next::Item(Err(error)) => {
                    self.weight += 1;
                    self.errors.push(error);
                }
                Next::Timeout => break,
                Next::End => {
                    self.has_ended = true;
                    break;
                }
            }
            // A deadline that has passed does not wait.
            deadline = started;
        }
    }

    fn is_empty(&self) -> bool {
        self.items.is_empty() && self.errors.is_empty()
    }

    fn is_full(&self) -> bool {
        self.has_ended || self.weight >= BATCH_WEIGHT
    }

    /// The batch as Python objects.
    pub(crate) fn into_python<'py>(
        self,
        py: Python<'py>,
        convert: impl Fn(T) -> PyResult<Bound<'py, PyTuple>>,
    ) -> PyResult<PyBatch<'py>> {
        let items: Vec<_> = self.items.into_iter().map(convert).collect::<PyResult<_>>()?;
        let errors = self.errors.into_iter();
        let errors = errors.map(|e| raise(py, e).into_value(py).into_any()).collect();
        Ok((PyList::new(py, items)?, errors, self.has_ended))
    }
}
