//! `ListingScan`: a scan whose listings come from Python.

use std::sync::{Arc, Mutex, PoisonError};

use pathvein_core::{DirectoryId, ListingScan as CoreListingScan, Name};
use pyo3::prelude::*;

use crate::convert::NameArg;
use crate::pattern::FileStructurePattern;

/// Objects that are not needed any more. They are dropped when nothing is locked, since
/// dropping an object may run any code.
type Dropped = Arc<Mutex<Vec<Py<PyAny>>>>;

/// The object that a directory carries. It is behind an `Arc`, since a Python reference can
/// be cloned only while the thread is attached to the interpreter.
type Tag = Arc<TagObject>;

struct TagObject {
    object: Option<Py<PyAny>>,
    dropped: Dropped,
}

impl Drop for TagObject {
    fn drop(&mut self) {
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        dropped.extend(self.object.take());
    }
}

/// A scan whose listings come from Python.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct ListingScan {
    scan: Mutex<CoreListingScan<Tag>>,
    dropped: Dropped,
}

impl ListingScan {
    fn with<R>(&self, act: impl FnOnce(&mut CoreListingScan<Tag>) -> R) -> R {
        let result = act(&mut self.scan.lock().unwrap_or_else(PoisonError::into_inner));
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped_now = std::mem::take(&mut *dropped);
        drop(dropped);
        drop(dropped_now);
        result
    }
}

#[pymethods]
impl ListingScan {
    #[new]
    #[pyo3(signature = (patterns, max_depth = None))]
    fn new(patterns: Vec<Bound<'_, FileStructurePattern>>, max_depth: Option<usize>) -> Self {
        let patterns: Vec<_> = patterns.iter().map(|p| p.get().core()).collect();
        let scan = Mutex::new(CoreListingScan::new(&patterns, max_depth));
        ListingScan { scan, dropped: Dropped::default() }
    }

    /// Adds a source of this name, and returns its id.
    fn source(&self, name: &Bound<'_, PyAny>) -> PyResult<u64> {
        let name = NameArg::new(name)?;
        Ok(self.with(|scan| scan.source(name.as_name())).to_raw())
    }

    /// Gives the listing of a directory: its sub-directories, each with whether it may be
    /// entered, and its files. Returns the sub-directories that are wanted, each as index
    /// and id.
    fn listed(
        &self,
        directory: u64,
        tag: Py<PyAny>,
        directories: Vec<(Bound<'_, PyAny>, bool)>,
        files: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<Vec<(usize, u64)>> {
        let names: Vec<(NameArg, bool)> = directories
            .iter()
            .map(|(name, enterable)| Ok((NameArg::new(name)?, *enterable)))
            .collect::<PyResult<_>>()?;
        let directories: Vec<(Name<'_>, bool)> =
            names.iter().map(|(name, enterable)| (name.as_name(), *enterable)).collect();
        let files: Vec<NameArg> = files.iter().map(NameArg::new).collect::<PyResult<_>>()?;
        let files = files.iter().map(NameArg::as_name);
        let id = DirectoryId::from_raw(directory);
        let tag = Arc::new(TagObject { object: Some(tag), dropped: Arc::clone(&self.dropped) });
        let wanted = self.with(|scan| scan.listed(id, tag, &directories, files));
        Ok(wanted.into_iter().map(|(index, id)| (index, id.to_raw())).collect())
    }

    /// Tells that a directory cannot be listed.
    fn not_listed(&self, directory: u64) {
        self.with(|scan| scan.not_listed(DirectoryId::from_raw(directory)));
    }

    /// Tells that a directory does not exist any more.
    fn absent(&self, directory: u64) {
        self.with(|scan| scan.absent(DirectoryId::from_raw(directory)));
    }

    /// Assumes that a directory satisfies whatever is asked of it.
    fn assumed(&self, directory: u64) {
        self.with(|scan| scan.assumed(DirectoryId::from_raw(directory)));
    }

    /// How many matches failed so far for nothing but directories that may not be entered.
    fn hidden_by_links(&self) -> usize {
        self.with(|scan| scan.hidden_by_links())
    }

    /// The matches since the last call, each as tag and position of the pattern.
    fn take_matches(&self, py: Python<'_>) -> Vec<(Py<PyAny>, usize)> {
        let matches = self.with(CoreListingScan::take_matches);
        let found =
            |(tag, pattern): (Tag, usize)| Some((tag.object.as_ref()?.clone_ref(py), pattern));
        matches.into_iter().filter_map(found).collect()
    }
}
