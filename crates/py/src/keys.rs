//! `KeyScan` and `KeyWalk`: a scan and a walk of keys in sorted order; and pages of keys.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use pathvein_core::FileStructurePattern as CorePattern;
use pathvein_core::{Error, KeyCounts, KeyOutcome, KeyScan as CoreScan, KeyWalk as CoreWalk};
use pathvein_core::{ListPage, RangeId};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyList, PyString};

use crate::convert::raise;
use crate::findings::Converter;
use crate::matcher::{ExcludeRules, rules};
use crate::pattern::FileStructurePattern;
use crate::subtrees::{from_bytes, to_bytes};

/// The keys from one on, and up to another if there is an end.
type Span<'py> = (Bound<'py, PyBytes>, Option<Bound<'py, PyBytes>>);

/// A directory: its path, its directories' names and its files' names.
type Directory = (String, Vec<String>, Vec<String>);

/// A scan or a walk, locked for each call.
struct Keyed<T> {
    core: Mutex<T>,
    /// The range of all keys.
    whole: RangeId,
}

impl<T> Keyed<T> {
    fn new((core, whole): (T, RangeId)) -> Keyed<T> {
        Keyed { core: Mutex::new(core), whole }
    }

    fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        // A panic while it was locked was raised where it happened.
        act(&mut self.core.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn try_with<R>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&mut T) -> Result<R, Error>,
    ) -> PyResult<R> {
        self.with(act).map_err(|error| raise(py, error))
    }
}

/// Counts as a tuple: directories, entries and keys.
pub(crate) fn as_tuple(
    KeyCounts { directories, entries, keys, .. }: KeyCounts,
) -> (usize, usize, usize) {
    (directories, entries, keys)
}

/// A scan of keys that come in sorted order.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct KeyScan {
    keyed: Keyed<CoreScan>,
    checks: bool,
}

#[pymethods]
impl KeyScan {
    #[new]
    #[pyo3(signature = (
        patterns,
        source_name,
        max_depth = None,
        exclude = None,
        *,
        outermost = false,
        check = false,
    ))]
    fn new(
        patterns: Vec<Bound<'_, FileStructurePattern>>,
        source_name: &str,
        max_depth: Option<usize>,
        exclude: Option<&Bound<'_, ExcludeRules>>,
        outermost: bool,
        check: bool,
    ) -> KeyScan {
        let patterns: Vec<_> = patterns.iter().map(|p| p.get().core()).collect();
        let (scan, whole) = CoreScan::new(&patterns, source_name, max_depth, rules(exclude));
        let scan = scan.outermost(outermost);
        let scan = if check { scan.checking() } else { scan };
        KeyScan { keyed: Keyed::new((scan, whole)), checks: check }
    }

    /// A scan of a part of the keys: the range that it begins with is [`whole`](Self::whole).
    #[staticmethod]
    #[pyo3(signature = (
        patterns,
        source_name,
        max_depth,
        exclude,
        start,
        end,
        *,
        outermost = false,
        check = false,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn part(
        patterns: Vec<Bound<'_, FileStructurePattern>>,
        source_name: &str,
        max_depth: Option<usize>,
        exclude: Option<&Bound<'_, ExcludeRules>>,
        start: &[u8],
        end: Option<&[u8]>,
        outermost: bool,
        check: bool,
    ) -> KeyScan {
        let patterns: Vec<_> = patterns.iter().map(|p| p.get().core()).collect();
        let exclude = rules(exclude);
        let (scan, whole) = CoreScan::part(&patterns, source_name, max_depth, exclude, start, end);
        let scan = scan.outermost(outermost);
        let scan = if check { scan.checking() } else { scan };
        KeyScan { keyed: Keyed::new((scan, whole)), checks: check }
    }

    /// The first key that may come in a range, and the first beyond; `None` if it has ended.
    fn left<'py>(&self, py: Python<'py>, range_id: u64) -> Option<Span<'py>> {
        let (start, end) = self.keyed.with(|scan| scan.left(RangeId::from_raw(range_id)))?;
        Some((PyBytes::new(py, &start), end.map(|end| PyBytes::new(py, &end))))
    }

    /// Ends a part. Returns what became of it; it is empty then.
    fn hand_back<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let none: &[CorePattern] = &[];
        let (empty, _) = CoreScan::new(none, "", None, rules(None));
        let ended = self.keyed.with(|scan| std::mem::replace(scan, empty));
        to_bytes(py, &ended.hand_back())
    }

    /// Takes what became of a part in place of the keys that a range has left. Returns the
    /// ranges of what was not read.
    fn take_part(&self, py: Python<'_>, range_id: u64, outcome: &[u8]) -> PyResult<Vec<u64>> {
        let outcome: KeyOutcome = from_bytes("outcome of a part of the keys", outcome)?;
        let range = RangeId::from_raw(range_id);
        let left = self.keyed.try_with(py, |scan| scan.take_part(range, &outcome))?;
        Ok(left.into_iter().map(RangeId::to_raw).collect())
    }

    /// The range of all keys.
    fn whole(&self) -> u64 {
        self.keyed.whole.to_raw()
    }

    /// Splits a range at a key. Returns the range of the rest, `at` included.
    fn split(&self, py: Python<'_>, range_id: u64, at: &str) -> PyResult<u64> {
        let range = RangeId::from_raw(range_id);
        self.keyed.try_with(py, |scan| scan.split(range, at)).map(RangeId::to_raw)
    }

    /// Takes the next keys of a range, in sorted order.
    fn keys(&self, py: Python<'_>, range_id: u64, keys: Vec<PyBackedStr>) -> PyResult<()> {
        let keys = keys.iter().map(|key| &**key);
        self.keyed.try_with(py, |scan| scan.keys(RangeId::from_raw(range_id), keys))
    }

    /// Takes the next directory of a range. Returns whether anything inside is wanted.
    fn prefix(&self, py: Python<'_>, range_id: u64, prefix: &str) -> PyResult<bool> {
        self.keyed.try_with(py, |scan| scan.prefix(RangeId::from_raw(range_id), prefix))
    }

    /// The prefix of the directory at the range's position inside which nothing more is
    /// wanted.
    fn skip(&self, range_id: u64) -> Option<String> {
        self.keyed.with(|scan| scan.skip(RangeId::from_raw(range_id)).map(str::to_owned))
    }

    /// Tells that no more keys of a range come.
    fn end(&self, range_id: u64) {
        self.keyed.with(|scan| scan.end(RangeId::from_raw(range_id)));
    }

    /// Tells that the keys that are left of a range could not be read.
    fn break_off(&self, range_id: u64) {
        self.keyed.with(|scan| scan.break_off(RangeId::from_raw(range_id)));
    }

    /// Tells that keys may be missing anywhere.
    fn distrust(&self) {
        self.keyed.with(|scan| scan.distrust());
    }

    /// Directories, entries and keys so far.
    fn counts(&self) -> (usize, usize, usize) {
        as_tuple(self.keyed.with(|scan| scan.counts()))
    }

    /// The matches since the last call, each as path and position of the pattern, and of a
    /// check its findings; and the keys that are no path.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Vec<String>)> {
        let bad = self.keyed.with(|scan| scan.take_bad());
        if !self.checks {
            let matches = self.keyed.with(|scan| scan.take_matches());
            return Ok((matches.into_pyobject(py)?, bad));
        }
        let checked = self.keyed.with(|scan| scan.take_checked()).into_iter();
        let checked: Vec<_> = checked
            .map(|(path, pattern, findings)| {
                Ok((path, pattern, Converter::new(py, false).findings(&findings)?))
            })
            .collect::<PyResult<_>>()?;
        Ok((checked.into_pyobject(py)?, bad))
    }
}

/// A walk of keys that come in sorted order.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct KeyWalk {
    keyed: Keyed<CoreWalk>,
}

#[pymethods]
impl KeyWalk {
    #[new]
    #[pyo3(signature = (max_depth = None, exclude = None))]
    fn new(max_depth: Option<usize>, exclude: Option<&Bound<'_, ExcludeRules>>) -> KeyWalk {
        KeyWalk { keyed: Keyed::new(CoreWalk::new(max_depth, rules(exclude))) }
    }

    /// The range of all keys.
    fn whole(&self) -> u64 {
        self.keyed.whole.to_raw()
    }

    /// Splits a range at a key. Returns the range of the rest, `at` included.
    fn split(&self, py: Python<'_>, range_id: u64, at: &str) -> PyResult<u64> {
        let range = RangeId::from_raw(range_id);
        self.keyed.try_with(py, |walk| walk.split(range, at)).map(RangeId::to_raw)
    }

    /// Takes the next keys of a range, in sorted order.
    fn keys(&self, py: Python<'_>, range_id: u64, keys: Vec<PyBackedStr>) -> PyResult<()> {
        let keys = keys.iter().map(|key| &**key);
        self.keyed.try_with(py, |walk| walk.keys(RangeId::from_raw(range_id), keys))
    }

    /// Takes the next directory of a range. Returns whether anything inside is wanted.
    fn prefix(&self, py: Python<'_>, range_id: u64, prefix: &str) -> PyResult<bool> {
        self.keyed.try_with(py, |walk| walk.prefix(RangeId::from_raw(range_id), prefix))
    }

    /// The prefix of the directory at the range's position inside which nothing more is
    /// wanted.
    fn skip(&self, range_id: u64) -> Option<String> {
        self.keyed.with(|walk| walk.skip(RangeId::from_raw(range_id)).map(str::to_owned))
    }

    /// Tells that no more keys of a range come.
    fn end(&self, range_id: u64) {
        self.keyed.with(|walk| walk.end(RangeId::from_raw(range_id)));
    }

    /// The same: a walk tells what there is, and not what there is not.
    fn break_off(&self, range_id: u64) {
        self.end(range_id);
    }

    /// Makes no difference to a walk.
    fn distrust(&self) {}

    /// Directories, entries and keys so far.
    fn counts(&self) -> (usize, usize, usize) {
        as_tuple(self.keyed.with(|walk| walk.counts()))
    }

    /// The directories whose keys were all given since the last call; and the keys that are
    /// no path.
    fn take(&self) -> (Vec<Directory>, Vec<String>) {
        let (directories, bad) = self.keyed.with(|walk| (walk.take_directories(), walk.take_bad()));
        (directories.into_iter().map(|d| (d.path, d.directories, d.files)).collect(), bad)
    }
}

/// The keys, the common prefixes and the continuation token of a page.
type Page<'py> = (Bound<'py, PyList>, Bound<'py, PyList>, Option<Bound<'py, PyString>>);

/// Reads a page of keys as S3 sends it. `None` if it is not in the usual form.
#[pyfunction]
#[pyo3(signature = (body, /))]
pub(crate) fn read_list_page<'py>(py: Python<'py>, body: &[u8]) -> PyResult<Option<Page<'py>>> {
    let Some(page) = ListPage::read(body) else {
        return Ok(None);
    };
    let names = |found: Vec<Cow<'_, [u8]>>| {
        let found: Vec<_> = found.iter().map(|name| text(py, name)).collect::<PyResult<_>>()?;
        PyList::new(py, found)
    };
    let token = page.token.map(|token| text(py, &token)).transpose()?;
    Ok(Some((names(page.keys)?, names(page.prefixes)?, token)))
}

/// The `str` of a name, in which each byte that is not UTF-8 is a lone surrogate.
pub(crate) fn text<'py>(py: Python<'py>, name: &[u8]) -> PyResult<Bound<'py, PyString>> {
    match str::from_utf8(name) {
        Ok(text) => Ok(PyString::new(py, text)),
        Err(_) => {
            let how = ("utf-8", "surrogateescape");
            Ok(PyBytes::new(py, name).call_method1("decode", how)?.cast_into()?)
        }
    }
}
