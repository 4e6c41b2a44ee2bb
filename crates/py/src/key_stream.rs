//! `KeyStream` and `KeySorter`: keys that come one after another, as objects or in Arrow's
//! memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pathvein_core::{KeyFront, KeySorter as CoreSorter, KeyStream as CoreStream};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::convert::{raise, wrong_type};
use crate::encoding::{decoder, fsdecode};
use crate::findings::Converter;
use crate::keys::{as_tuple, text};
use crate::matcher::{ExcludeRules, rules};
use crate::pattern::FileStructurePattern;

/// Results, and keys that are no path.
type Taken<'py> = (Vec<Bound<'py, PyAny>>, Vec<Bound<'py, PyString>>);

/// Keys in one piece, copied from Python's objects: other threads of Python may change these
/// while the core reads.
struct Batch {
    values: Vec<u8>,
    /// Where each key ends.
    ends: Vec<usize>,
}

impl Batch {
    fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let mut begin = 0;
        self.ends.iter().map(move |&end| {
            let key = &self.values[begin..end];
            begin = end;
            key
        })
    }

    /// From `str` and `bytes`.
    fn of_objects(py: Python<'_>, keys: &[Bound<'_, PyAny>]) -> PyResult<Batch> {
        let mut batch = Batch { values: Vec::new(), ends: Vec::with_capacity(keys.len()) };
        for key in keys {
            if let Ok(key) = key.cast::<PyString>() {
                batch.add_text(key)?;
            } else if let Ok(key) = key.cast::<PyBytes>() {
                // What is no UTF-8 by itself is text in Python's encoding of names on disk.
                match decoder(py)? {
                    Some(_) if !key.as_bytes().is_ascii() => {
                        batch.add_text(&fsdecode(py, key.as_bytes())?)?;
                    }
                    _ => batch.values.extend_from_slice(key.as_bytes()),
                }
            } else {
                return Err(wrong_type("a key", "str or bytes", key));
            }
            batch.ends.push(batch.values.len());
        }
        Ok(batch)
    }

    fn add_text(&mut self, key: &Bound<'_, PyString>) -> PyResult<()> {
        match key.to_str() {
            Ok(text) => self.values.extend_from_slice(text.as_bytes()),
            Err(_) => {
                let encoded = key.call_method1("encode", ("utf-8", "surrogateescape"))?;
                self.values.extend_from_slice(encoded.cast::<PyBytes>()?.as_bytes());
            }
        }
        Ok(())
    }

    /// From the values of an Arrow array, and where these begin and end in a larger piece.
    fn of_arrow(
        py: Python<'_>,
        offsets: &PyBuffer<u8>,
        values: &PyBuffer<u8>,
        wide: bool,
    ) -> PyResult<Batch> {
        let (offsets, values) = (offsets.to_vec(py)?, values.to_vec(py)?);
        let offsets: Vec<i64> = if wide {
            offsets.as_chunks().0.iter().map(|&bytes| i64::from_ne_bytes(bytes)).collect()
        } else {
            let offsets = offsets.as_chunks().0.iter();
            offsets.map(|&bytes| i32::from_ne_bytes(bytes).into()).collect()
        };
        let begin = offsets.first().copied().unwrap_or(0);
        let mut ends = Vec::with_capacity(offsets.len());
        let mut last = 0;
        for &offset in offsets.iter().skip(1) {
            let end = offset.checked_sub(begin).and_then(|end| usize::try_from(end).ok());
            let Some(end) = end.filter(|&end| end >= last && end <= values.len()) else {
                return Err(PyValueError::new_err("the offsets of the array are wrong"));
            };
            ends.push(end);
            last = end;
        }
        Ok(Batch { values, ends })
    }
}

fn front_of(front: &str) -> PyResult<KeyFront> {
    match front {
        "" => Ok(KeyFront::Nothing),
        "./" => Ok(KeyFront::Dots),
        "/" => Ok(KeyFront::DotsOrRoot),
        _ => Err(PyValueError::new_err(format!("front must be '', './' or '/', not {front:?}"))),
    }
}

fn lock<T>(core: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while it was locked was raised where it happened.
    core.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A scan of keys that come in sorted order, one after another.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct KeyStream {
    core: Mutex<CoreStream>,
    checks: bool,
}

impl KeyStream {
    fn take_batch(&self, py: Python<'_>, batch: &Batch) -> PyResult<()> {
        let taken = py.detach(|| lock(&self.core).keys(batch.keys()));
        taken.map_err(|error| raise(py, error))
    }
}

#[pymethods]
impl KeyStream {
    #[new]
    #[pyo3(signature = (
        patterns,
        source_name,
        max_depth = None,
        exclude = None,
        *,
        front = "",
        implied = false,
        outermost = false,
        check = false,
    ))]
    #[allow(clippy::too_many_arguments)] // the caller gives them by name
    fn new(
        py: Python<'_>,
        patterns: Vec<Bound<'_, FileStructurePattern>>,
        source_name: Bound<'_, PyAny>,
        max_depth: Option<usize>,
        exclude: Option<&Bound<'_, ExcludeRules>>,
        front: &str,
        implied: bool,
        outermost: bool,
        check: bool,
    ) -> PyResult<KeyStream> {
        let patterns: Vec<_> = patterns.iter().map(|p| p.get().core()).collect();
        let name = Batch::of_objects(py, std::slice::from_ref(&source_name))?.values;
        let stream = CoreStream::new(&patterns, name, max_depth, rules(exclude))
            .front(front_of(front)?)
            .implied(implied)
            .outermost(outermost);
        let stream = if check { stream.checking() } else { stream };
        Ok(KeyStream { core: Mutex::new(stream), checks: check })
    }

    /// Takes the next keys.
    fn keys(&self, py: Python<'_>, keys: Vec<Bound<'_, PyAny>>) -> PyResult<()> {
        self.take_batch(py, &Batch::of_objects(py, &keys)?)
    }

    /// Takes the next keys from Arrow's memory.
    #[pyo3(signature = (offsets, values, *, wide))]
    fn arrow(
        &self,
        py: Python<'_>,
        offsets: PyBuffer<u8>,
        values: PyBuffer<u8>,
        wide: bool,
    ) -> PyResult<()> {
        self.take_batch(py, &Batch::of_arrow(py, &offsets, &values, wide)?)
    }

    /// Takes the keys of a sorter at some places.
    fn sorted(
        &self,
        py: Python<'_>,
        sorter: &KeySorter,
        first: usize,
        count: usize,
    ) -> PyResult<()> {
        let places = first..first.saturating_add(count);
        let taken = py.detach(|| lock(&self.core).keys(lock(&sorter.core).range(places)));
        taken.map_err(|error| raise(py, error))
    }

    /// Tells that all keys were given.
    fn end(&self, py: Python<'_>) {
        py.detach(|| lock(&self.core).end());
    }

    /// The source as the keys so far have it: `"/"`, `"."` or nothing.
    fn source(&self) -> &'static str {
        lock(&self.core).source()
    }

    /// Directories, entries and keys so far.
    fn counts(&self) -> (usize, usize, usize) {
        as_tuple(lock(&self.core).counts())
    }

    /// The matches since the last call, each as path and position of the pattern, and of a
    /// check its findings; and the keys that are no path.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Taken<'py>> {
        let bad = lock(&self.core).take_bad();
        let bad = bad.iter().map(|key| text(py, key)).collect::<PyResult<_>>()?;
        if !self.checks {
            let matches = lock(&self.core).take_matches().into_iter();
            let matches = matches.map(|(path, pattern)| {
                Ok((text(py, &path)?, pattern).into_pyobject(py)?.into_any())
            });
            return Ok((matches.collect::<PyResult<_>>()?, bad));
        }
        let checked = lock(&self.core).take_checked().into_iter();
        let checked = checked.map(|(path, pattern, findings)| {
            let findings = Converter::new(py, false).findings(&findings)?;
            Ok((text(py, &path)?, pattern, findings).into_pyobject(py)?.into_any())
        });
        Ok((checked.collect::<PyResult<_>>()?, bad))
    }
}

/// Sorts keys in memory.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct KeySorter {
    core: Mutex<CoreSorter>,
}

impl KeySorter {
    fn take_batch(&self, py: Python<'_>, batch: &Batch) -> PyResult<()> {
        let taken = py.detach(|| lock(&self.core).keys(batch.keys()));
        taken.map_err(|error| raise(py, error))
    }
}

#[pymethods]
impl KeySorter {
    #[new]
    #[pyo3(signature = (front = ""))]
    fn new(front: &str) -> PyResult<KeySorter> {
        Ok(KeySorter { core: Mutex::new(CoreSorter::new(front_of(front)?)) })
    }

    /// Adds keys.
    fn keys(&self, py: Python<'_>, keys: Vec<Bound<'_, PyAny>>) -> PyResult<()> {
        self.take_batch(py, &Batch::of_objects(py, &keys)?)
    }

    /// Adds keys from Arrow's memory.
    #[pyo3(signature = (offsets, values, *, wide))]
    fn arrow(
        &self,
        py: Python<'_>,
        offsets: PyBuffer<u8>,
        values: PyBuffer<u8>,
        wide: bool,
    ) -> PyResult<()> {
        self.take_batch(py, &Batch::of_arrow(py, &offsets, &values, wide)?)
    }

    fn __len__(&self) -> usize {
        lock(&self.core).len()
    }

    /// How many bytes the keys take.
    fn size(&self) -> usize {
        lock(&self.core).size()
    }

    /// Puts the keys in order.
    fn sort(&self, py: Python<'_>) {
        py.detach(|| lock(&self.core).sort());
    }

    /// The keys at some places as Arrow's `large_binary` has them: offsets and values.
    fn copy<'py>(
        &self,
        py: Python<'py>,
        first: usize,
        count: usize,
    ) -> (Bound<'py, PyBytes>, Bound<'py, PyBytes>) {
        let (mut offsets, mut values) = (0_i64.to_ne_bytes().to_vec(), Vec::new());
        for key in lock(&self.core).range(first..first.saturating_add(count)) {
            values.extend_from_slice(key);
            offsets.extend((values.len() as i64).to_ne_bytes());
        }
        (PyBytes::new(py, &offsets), PyBytes::new(py, &values))
    }

    /// Removes all keys.
    fn clear(&self) {
        lock(&self.core).clear();
    }

    /// The source as the keys have it, as that of `KeyStream`.
    fn source(&self) -> &'static str {
        lock(&self.core).source()
    }
}
