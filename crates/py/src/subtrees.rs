//! Sub-trees as tasks: `SubtreeScan` in a worker, `DividedScan` in the caller.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pathvein_core::{
    Check, DirectoryId, FileStructurePattern as CorePattern, ListingScan, Name, NameBuf,
    PatternSet, Scan as CoreScan, Subtree, SubtreeOutcome, SubtreeScan as CoreSubtreeScan,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBytes, PyString, PyTuple};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::convert::{NameArg, raise};
use crate::encoding::{check_not_ending, decoder, os_text};
use crate::findings::{Converter, name_text};
use crate::matcher::{ExcludeRules, rules};
use crate::pattern::FileStructurePattern;
use crate::running::{SIGNAL_INTERVAL, opened_aside};
use crate::stats::Stats;

/// What travels, as bytes.
pub(crate) fn to_bytes<'py>(
    py: Python<'py>,
    value: &impl Serialize,
) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = postcard::to_stdvec(value).map_err(|error| {
        PyValueError::new_err(format!("what was to be sent cannot be written: {error}"))
    })?;
    Ok(PyBytes::new(py, &bytes))
}

/// What travelled. `what` it is stands in the error.
pub(crate) fn from_bytes<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> PyResult<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(PyValueError::new_err(format!("the bytes are no {what}: there are more"))),
        Err(error) => Err(PyValueError::new_err(format!("the bytes are no {what}: {error}"))),
    }
}

/// Scans sub-trees of a local tree, one after the other.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct SubtreeScan {
    scan: Kind,
}

/// What is looked for.
enum Kind {
    Matches(Box<CoreScan>),
    Checked(Box<Check>),
}

impl SubtreeScan {
    fn of(&self, subtree: Subtree) -> CoreSubtreeScan {
        match &self.scan {
            Kind::Matches(scan) => CoreScan::clone(scan).subtree(subtree),
            Kind::Checked(check) => Check::clone(check).subtree(subtree),
        }
    }
}

#[pymethods]
impl SubtreeScan {
    #[new]
    #[pyo3(signature = (
        source,
        patterns,
        *,
        exclude = None,
        max_depth = None,
        follow_links = false,
        one_file_system = false,
        outermost = false,
        threads = None,
        check = false,
        leaf_skip = true,
        trust_link_counts = false,
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
        outermost: bool,
        threads: Option<usize>,
        check: bool,
        leaf_skip: bool,
        trust_link_counts: bool,
    ) -> PyResult<SubtreeScan> {
        let patterns: Vec<CorePattern> = patterns.iter().map(|p| p.get().core()).collect();
        let decoder = decoder(py)?.cloned();
        let patterns = py.detach(|| PatternSet::new(&patterns));
        macro_rules! with_options {
            ($builder:expr) => {
                Box::new(
                    $builder
                        .exclude(rules(exclude))
                        .decode_names(decoder)
                        .follow_links(follow_links)
                        .one_file_system(one_file_system)
                        .threads(threads)
                        .max_depth(max_depth)
                        .outermost(outermost)
                        .leaf_skip(leaf_skip)
                        .trust_link_counts(trust_link_counts),
                )
            };
        }
        let scan = match check {
            true => Kind::Checked(with_options!(Check::new(source, patterns))),
            false => Kind::Matches(with_options!(CoreScan::new(source, patterns))),
        };
        Ok(SubtreeScan { scan })
    }

    /// Opens the source, and returns its path as results have it.
    fn source<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let scan = self.of(Subtree::source()).budget(None, Some(1));
        let base = opened_aside(py, move || scan.start().map(|running| running.base().to_owned()));
        let base = match base? {
            Ok(base) => base,
            Err(open) => py.detach(open),
        };
        os_text(py, base.map_err(|error| raise(py, error))?.as_os_str())
    }

    /// Scans a sub-tree to its end, or to that of its budget. Returns the outcome, the errors,
    /// and what was counted.
    #[pyo3(signature = (subtree, *, seconds = None, directories = None))]
    fn run<'py>(
        &self,
        py: Python<'py>,
        subtree: &[u8],
        seconds: Option<f64>,
        directories: Option<usize>,
    ) -> PyResult<(Bound<'py, PyBytes>, Vec<Py<PyAny>>, Stats)> {
        let subtree: Subtree = from_bytes("sub-tree", subtree)?;
        let time = seconds.map(Duration::try_from_secs_f64).transpose();
        let time = time.map_err(|error| PyValueError::new_err(format!("seconds: {error}")))?;
        let scan = self.of(subtree).budget(time, directories);
        let mut running = py.detach(|| scan.start()).map_err(|error| raise(py, error))?;
        let mut errors = Vec::new();
        let ended = loop {
            let wait = || {
                let deadline = Instant::now() + SIGNAL_INTERVAL;
                running.outcome_before(deadline, |error| errors.push(error))
            };
            let ended = py.detach(wait);
            check_not_ending()?;
            py.check_signals()?;
            if let Some(ended) = ended.map_err(|error| raise(py, error))? {
                break ended;
            }
        };
        let (outcome, stats) = ended;
        let errors = errors.into_iter().map(|e| raise(py, e).into_value(py).into_any()).collect();
        Ok((to_bytes(py, &outcome)?, errors, stats.into()))
    }
}

/// The path of a directory relative to the source.
type Tag = Arc<NameBuf>;

fn tag(above: Option<&Tag>, path: Name<'_>) -> Tag {
    Arc::new(match above {
        Some(above) => above.join(path),
        None => path.into(),
    })
}

/// What is told of a directory that was checked: its path, the position of the pattern, and the
/// findings.
type Checked<'py> = (Bound<'py, PyString>, usize, Bound<'py, PyTuple>);

/// A scan whose sub-trees others scan.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct DividedScan {
    scan: Mutex<ListingScan<Tag>>,
    source: DirectoryId,
    /// What the paths of local results begin with, without a separator at its end.
    base: Option<PathBuf>,
}

impl DividedScan {
    fn with<R>(&self, py: Python<'_>, act: impl FnOnce(&mut ListingScan<Tag>) -> R) -> R {
        // Whoever holds the lock may wait for the interpreter, to read a name.
        let scan = self.scan.lock_py_attached(py);
        act(&mut scan.unwrap_or_else(PoisonError::into_inner))
    }

    /// The path of a directory, as results have it.
    fn text<'py>(&self, py: Python<'py>, path: &NameBuf) -> PyResult<Bound<'py, PyString>> {
        let Some(base) = &self.base else { return name_text(py, path, false) };
        let path = path.to_os_string();
        if path.is_empty() {
            return os_text(py, base.as_os_str());
        }
        // With the separators that the system has.
        let below: PathBuf = Path::new(&path).components().collect();
        os_text(py, base.join(below).as_os_str())
    }
}

#[pymethods]
impl DividedScan {
    #[new]
    #[pyo3(signature = (
        patterns,
        name,
        max_depth = None,
        *,
        base = None,
        outermost = false,
        check = false,
    ))]
    fn new(
        py: Python<'_>,
        patterns: Vec<Bound<'_, FileStructurePattern>>,
        name: &Bound<'_, PyAny>,
        max_depth: Option<usize>,
        base: Option<PathBuf>,
        outermost: bool,
        check: bool,
    ) -> PyResult<DividedScan> {
        let patterns: Vec<_> = patterns.iter().map(|p| p.get().core()).collect();
        let name = NameArg::new(name)?;
        // Where the tree is on a disk, so that names come as they are there.
        let decoder = if base.is_some() { decoder(py)?.cloned() } else { None };
        let scan = ListingScan::new(&patterns, max_depth).decode_names(decoder);
        let mut scan = scan.outermost(outermost);
        if check {
            scan = scan.checking();
        }
        let source = scan.source(name.as_name());
        Ok(DividedScan { scan: Mutex::new(scan), source, base })
    }

    /// The number of the source.
    fn source(&self) -> u64 {
        self.source.to_raw()
    }

    /// Whether what a number stands for is wanted still.
    fn is_wanted(&self, py: Python<'_>, number: u64) -> bool {
        self.with(py, |scan| scan.is_wanted(DirectoryId::from_raw(number)))
    }

    /// Cuts off all but so many of the directories that a number stands for. Returns the number of
    /// the others.
    fn split(&self, py: Python<'_>, number: u64, count: usize) -> Option<u64> {
        self.with(py, |scan| scan.split(DirectoryId::from_raw(number), count))
            .map(DirectoryId::to_raw)
    }

    /// What a number stands for, as a sub-tree to be scanned elsewhere. `None` if it is not wanted.
    fn subtree<'py>(&self, py: Python<'py>, number: u64) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let subtree = self.with(py, |scan| scan.subtree(DirectoryId::from_raw(number)));
        subtree.map(|subtree| to_bytes(py, &subtree)).transpose()
    }

    /// Takes what came of a sub-tree. Returns the numbers of what is left, each with how many
    /// directories it stands for.
    fn scanned(&self, py: Python<'_>, number: u64, outcome: &[u8]) -> PyResult<Vec<(u64, usize)>> {
        let outcome: SubtreeOutcome = from_bytes("outcome", outcome)?;
        let left = self.with(py, |scan| scan.scanned(DirectoryId::from_raw(number), &outcome, tag));
        let left = left.map_err(|error| raise(py, error))?;
        Ok(left.into_iter().map(|(id, count)| (id.to_raw(), count)).collect())
    }

    /// Tells that what a number stands for could not be scanned. Returns the paths of these
    /// directories.
    fn not_scanned<'py>(
        &self,
        py: Python<'py>,
        number: u64,
    ) -> PyResult<Vec<Bound<'py, PyString>>> {
        let subtree = self.with(py, |scan| {
            let id = DirectoryId::from_raw(number);
            let subtree = scan.subtree(id);
            scan.not_listed(id);
            subtree
        });
        let Some(subtree) = subtree else { return Ok(Vec::new()) };
        let above = subtree.path();
        let mut paths: Vec<_> = subtree.names().map(|name| above.join(name.as_name())).collect();
        if paths.is_empty() {
            // It is the source.
            paths.push(above);
        }
        paths.iter().map(|path| self.text(py, path)).collect()
    }

    /// How many matches failed so far for nothing but directories that may not be entered.
    fn hidden_by_links(&self, py: Python<'_>) -> usize {
        self.with(py, |scan| scan.hidden_by_links())
    }

    /// The matches since the last call, each as path and position of the pattern.
    fn take_matches<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyString>, usize)>> {
        let found = self.with(py, ListingScan::take_matches).into_iter();
        found.map(|(path, pattern)| Ok((self.text(py, &path)?, pattern))).collect()
    }

    /// What was checked since the last call, each as path, position of the pattern and findings.
    fn take_checked<'py>(&self, py: Python<'py>) -> PyResult<Vec<Checked<'py>>> {
        let on_disk = self.base.is_some();
        let found = self.with(py, ListingScan::take_checked).into_iter();
        found
            .map(|(path, pattern, findings)| {
                let findings = Converter::new(py, on_disk).findings(&findings)?;
                Ok((self.text(py, &path)?, pattern, findings))
            })
            .collect()
    }
}

/// What a sub-tree is: the path of the directory in which its roots are, relative to the source,
/// and their names. Without names it is the source.
#[pyfunction]
#[pyo3(signature = (subtree, /))]
pub(crate) fn read_subtree<'py>(
    py: Python<'py>,
    subtree: &[u8],
) -> PyResult<(Bound<'py, PyString>, Vec<Bound<'py, PyString>>)> {
    let subtree: Subtree = from_bytes("sub-tree", subtree)?;
    let names = subtree.names().map(|name| name_text(py, &name, false));
    Ok((name_text(py, &subtree.path(), false)?, names.collect::<PyResult<_>>()?))
}
