//! `Copy`: a running copy of local matches; `Staging`: one whose contents come from Python.

use std::ffi::OsString;
use std::os::fd::IntoRawFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pathvein_core::{
    Copied, Copies, Copy as CoreCopy, CopyProgress, Error, Links, Next, Outcome, StagedCopy,
    Stopper,
};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::convert::raise;
use crate::encoding::{check_not_ending, decoder, os_text};
use crate::matcher::{ExcludeRules, rules};
use crate::pattern::FileStructurePattern;
use crate::running::{NO_GATHERING, SIGNAL_INTERVAL, time_after};

/// How long results gather before a batch is taken, so that the waiting thread takes no processor
/// from those that copy.
const GATHER_TIME: Duration = Duration::from_millis(5);

/// So many results make a batch full.
const BATCH: usize = 512;

/// A copy of local matches.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct Copy {
    /// What is to be copied, until it is started.
    waiting: Mutex<Option<CoreCopy>>,
    running: Mutex<Option<Arc<Running>>>,
    conflicts: Vec<(usize, usize)>,
    process: u32,
}

/// Groups of matches by their indices, and outcomes.
type Divided<'py> = (Vec<Vec<usize>>, Vec<Bound<'py, PyTuple>>);

struct Running {
    copies: Mutex<Copies>,
    /// Apart from the results, which are locked by the thread that waits for them.
    progress: CopyProgress,
    stopper: Stopper,
    started: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while it was locked was raised where it happened.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[pymethods]
impl Copy {
    #[new]
    #[pyo3(signature = (
        matches,
        *,
        overwrite = false,
        dryrun = false,
        threads = None,
        fsync = false,
        links = "follow",
        exclude = None,
        exclude_base = None,
        one_file_system = false,
        totals = false,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        matches: Vec<(PathBuf, PathBuf, Bound<'_, FileStructurePattern>)>,
        overwrite: bool,
        dryrun: bool,
        threads: Option<usize>,
        fsync: bool,
        links: &str,
        exclude: Option<&Bound<'_, ExcludeRules>>,
        exclude_base: Option<PathBuf>,
        one_file_system: bool,
        totals: bool,
    ) -> PyResult<Copy> {
        let mut copy = CoreCopy::of_none()
            .overwrite(overwrite)
            .dry_run(dryrun)
            .threads(threads)
            .fsync(fsync)
            .links(links_from(links)?)
            .one_file_system(one_file_system)
            .decode_names(decoder(py)?.cloned())
            .totals(totals);
        if exclude.is_some() {
            copy = copy.exclude(rules(exclude), exclude_base);
        }
        for (source, destination, pattern) in matches {
            copy = copy.add(source, destination, &pattern.get().core());
        }
        let conflicts = py.detach(|| copy.conflicts());
        Ok(Copy {
            waiting: Mutex::new(Some(copy)),
            running: Mutex::new(None),
            conflicts,
            process: std::process::id(),
        })
    }

    /// The matches that are not copied since another has the same destination, each with that
    /// other.
    fn conflicts(&self) -> Vec<(usize, usize)> {
        self.conflicts.clone()
    }

    /// Groups of matches that can be copied apart, each in its order, and what became of those
    /// that are in none. Empty once it is started.
    fn divide<'py>(&self, py: Python<'py>) -> PyResult<Divided<'py>> {
        let divided = py.detach(|| lock(&self.waiting).as_ref().map(CoreCopy::divide));
        let (groups, left_out) = divided.unwrap_or_default();
        let left_out: PyResult<_> = left_out.into_iter().map(|one| outcome(py, one)).collect();
        Ok((groups, left_out?))
    }

    /// Starts to copy, unless that has been done.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        self.running(py).map(drop)
    }

    /// Waits at most so many seconds for matches. Returns what became of them, and whether
    /// that were all.
    fn next_batch<'py>(
        &self,
        py: Python<'py>,
        seconds: f64,
    ) -> PyResult<(Bound<'py, PyList>, bool)> {
        let end = time_after(seconds)?;
        let Some(running) = self.running(py)? else { return Ok((PyList::empty(py), true)) };
        loop {
            let deadline = end.min(Instant::now() + SIGNAL_INTERVAL);
            let batch = py.detach(|| running.fill(deadline));
            check_not_ending()?;
            py.check_signals()?;
            let (batch, has_ended) = batch.map_err(|error| raise(py, error))?;
            if !batch.is_empty() || has_ended || Instant::now() >= end {
                let batch: Vec<_> =
                    batch.into_iter().map(|copied| outcome(py, copied)).collect::<PyResult<_>>()?;
                return Ok((PyList::new(py, batch)?, has_ended));
            }
        }
    }

    /// Files and bytes that were copied, and that are known to be copied in all.
    fn progress(&self) -> (u64, u64, u64, u64) {
        if self.is_inherited() {
            return (0, 0, 0, 0);
        }
        let Some(running) = lock(&self.running).clone() else { return (0, 0, 0, 0) };
        let stats = running.progress.stats();
        (stats.files, stats.bytes, stats.files_planned, stats.bytes_planned)
    }

    /// Stops, and waits until what is not whole is removed.
    fn close(&self, py: Python<'_>) {
        if self.is_inherited() {
            return;
        }
        lock(&self.waiting).take();
        let running = lock(&self.running).clone();
        if let Some(running) = running {
            py.detach(|| {
                running.stopper.stop();
                lock(&running.copies).close();
            });
        }
    }
}

impl Copy {
    /// The running copy, which is started if it was not. `None` if it was closed before that.
    fn running(&self, py: Python<'_>) -> PyResult<Option<Arc<Running>>> {
        if self.is_inherited() {
            return Err(raise(py, Error::other_process()));
        }
        let started: Result<_, Error> = py.detach(|| {
            let mut running = lock(&self.running);
            if running.is_none()
                && let Some(copy) = lock(&self.waiting).take()
            {
                let copies = copy.start()?;
                let (progress, stopper) = (copies.progress(), copies.stopper());
                let (copies, started) = (Mutex::new(copies), Instant::now());
                *running = Some(Arc::new(Running { copies, progress, stopper, started }));
            }
            Ok(running.clone())
        });
        started.map_err(|error| raise(py, error))
    }

    /// Whether this is a copy that a fork made.
    fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }
}

impl Drop for Copy {
    /// Closes a copy that is dropped without being closed. Other threads go on meanwhile; while
    /// the interpreter ends there are none.
    fn drop(&mut self) {
        if self.is_inherited() {
            // Whoever had locked it may have left it half-way, so nothing is dropped.
            let running = self.running.get_mut().unwrap_or_else(PoisonError::into_inner);
            std::mem::forget(running.take());
            return;
        }
        Python::try_attach(|py| self.close(py));
    }
}

impl Running {
    /// Waits for a match until the deadline, lets others gather, and takes all that are there.
    fn fill(&self, deadline: Instant) -> Result<(Vec<Copied>, bool), Error> {
        let mut copies = lock(&self.copies);
        let mut batch = Vec::new();
        let mut has_ended = take(&mut copies, &mut batch, deadline)?;
        if !has_ended && !batch.is_empty() && self.started.elapsed() >= NO_GATHERING {
            thread::sleep(GATHER_TIME);
            has_ended = take(&mut copies, &mut batch, Instant::now())?;
        }
        Ok((batch, has_ended))
    }
}

/// Takes a match, which it waits for until the deadline, and all that are there by then. Whether
/// that were all.
fn take(
    copies: &mut Copies,
    batch: &mut Vec<Copied>,
    mut deadline: Instant,
) -> Result<bool, Error> {
    let started = Instant::now();
    while batch.len() < BATCH {
        match copies.next_before(deadline) {
            Next::Item(copied) => batch.push(copied?),
            Next::Timeout => break,
            Next::End => return Ok(true),
        }
        // A deadline that has passed does not wait.
        deadline = started;
    }
    Ok(false)
}

/// What becomes of links to files, by the word for it.
pub(crate) fn links_from(text: &str) -> PyResult<Links> {
    match text {
        "follow" => Ok(Links::Follow),
        "keep" => Ok(Links::Keep),
        _ => Err(PyValueError::new_err(format!(
            "links must be 'follow' or 'keep', not {}",
            Python::attach(|py| PyString::new(py, text).repr().map(|r| r.to_string()))?
        ))),
    }
}

/// What became of a match, as a tuple.
fn outcome(py: Python<'_>, copied: Copied) -> PyResult<Bound<'_, PyTuple>> {
    let skipped: Vec<_> = copied
        .skipped
        .iter()
        .map(|skipped| Ok((os_text(py, skipped.path.as_os_str())?, skipped.reason.to_string())))
        .collect::<PyResult<_>>()?;
    let (word, errors, replaced) = match copied.outcome {
        Outcome::Copied => ("copied", Vec::new(), Vec::new()),
        Outcome::Exists => ("exists", Vec::new(), Vec::new()),
        Outcome::SameDestination { .. } => ("conflict", Vec::new(), Vec::new()),
        Outcome::Failed { errors, replaced } => ("failed", errors, replaced),
        other => {
            let message = format!("an outcome that the binding does not know: {other:?}");
            return Err(PyValueError::new_err(message));
        }
    };
    let errors: Vec<_> = errors.into_iter().map(|e| match_error(py, e)).collect::<PyResult<_>>()?;
    let replaced: Vec<_> =
        replaced.iter().map(|path| os_text(py, path.as_os_str())).collect::<PyResult<_>>()?;
    let fields = (copied.index, word, copied.files, copied.bytes, skipped, errors, replaced);
    fields.into_pyobject(py)
}

/// The exception for a match that failed, which is an `OSError` whatever it was.
fn match_error(py: Python<'_>, error: Error) -> PyResult<Py<PyAny>> {
    let raised = raise(py, error);
    if raised.is_instance_of::<PyOSError>(py) {
        return Ok(raised.into_value(py).into_any());
    }
    let errno: i32 = py.import("errno")?.getattr("EIO")?.extract()?;
    let wrapped = py.get_type::<PyOSError>().call1((errno, raised.value(py).str()?))?;
    let wrapped = PyErr::from_value(wrapped);
    wrapped.set_cause(py, Some(raised));
    Ok(wrapped.into_value(py).into_any())
}

/// A directory that is built from what Python puts into it.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct Staging {
    staged: Mutex<StagedCopy>,
    process: u32,
}

impl Staging {
    /// Calls `act` without the interpreter.
    fn with<R: Send>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&mut StagedCopy) -> Result<R, Error> + Send,
    ) -> PyResult<R> {
        if self.process != std::process::id() {
            return Err(raise(py, Error::other_process()));
        }
        py.detach(|| act(&mut lock(&self.staged))).map_err(|error| raise(py, error))
    }
}

#[pymethods]
impl Staging {
    #[new]
    #[pyo3(signature = (destination, *, overwrite = false, fsync = false))]
    fn new(
        py: Python<'_>,
        destination: PathBuf,
        overwrite: bool,
        fsync: bool,
    ) -> PyResult<Staging> {
        let staged = py.detach(|| StagedCopy::begin(destination, overwrite, fsync));
        let staged = Mutex::new(staged.map_err(|error| raise(py, error))?);
        Ok(Staging { staged, process: std::process::id() })
    }

    /// Makes a directory, and those above it.
    fn make_directory(&self, py: Python<'_>, path: OsString) -> PyResult<()> {
        self.with(py, |staged| staged.make_directory(path))
    }

    /// Makes a file, and returns a descriptor that is open for writing.
    fn create(&self, py: Python<'_>, path: OsString) -> PyResult<i32> {
        self.with(py, |staged| staged.create(path).map(IntoRawFd::into_raw_fd))
    }

    /// Tells that a file is written.
    fn finish(&self, py: Python<'_>, path: OsString, mtime_ns: Option<i128>) -> PyResult<()> {
        self.with(py, move |staged| staged.finish(path, mtime_ns))
    }

    /// Gives the directory its final name.
    fn commit(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, StagedCopy::commit)
    }

    /// Removes what was built so far.
    fn abandon(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |staged| {
            staged.abandon();
            Ok(())
        })
    }

    /// The files of the destination that were replaced so far.
    #[getter]
    fn replaced(&self, py: Python<'_>) -> PyResult<Vec<Py<PyString>>> {
        let paths = self.with(py, |staged| Ok(staged.replaced().to_vec()))?;
        paths.iter().map(|path| Ok(os_text(py, path.as_os_str())?.unbind())).collect()
    }
}
