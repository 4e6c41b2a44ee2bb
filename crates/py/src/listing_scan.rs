//! `ListingScan`: a scan whose listings come from Python.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pathvein_core::{DirectoryId, ListingScan as CoreListingScan, Name};
use pyo3::prelude::*;

use crate::convert::NameArg;
use crate::pattern::FileStructurePattern;

/// The object that a directory carries. Behind an `Arc`, since a Python
/// reference is cloned only with the interpreter at hand.
type Tag = Arc<Py<PyAny>>;

/// A scan that is told what each directory lists.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct ListingScan {
    scan: Mutex<CoreListingScan<Tag>>,
}

impl ListingScan {
    fn lock(&self) -> MutexGuard<'_, CoreListingScan<Tag>> {
        self.scan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl ListingScan {
    #[new]
    #[pyo3(signature = (patterns, max_depth = None))]
    fn new(patterns: Vec<Bound<'_, FileStructurePattern>>, max_depth: Option<usize>) -> Self {
        let patterns: Vec<_> = patterns.iter().map(|p| p.get().core()).collect();
        ListingScan { scan: Mutex::new(CoreListingScan::new(&patterns, max_depth)) }
    }

    /// Begins with a source of this name; gives the id to list it under.
    fn source(&self, name: &Bound<'_, PyAny>) -> PyResult<u64> {
        let name = NameArg::new(name)?;
        Ok(self.lock().source(name.as_name()).to_raw())
    }

    /// Tells what a directory lists: its directories, each with whether it may
    /// be entered, and its files. Gives those directories that are wanted, as
    /// index and id.
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
        let wanted = self.lock().listed(id, Arc::new(tag), &directories, files);
        Ok(wanted.into_iter().map(|(index, id)| (index, id.to_raw())).collect())
    }

    /// Tells that a directory cannot be listed.
    fn not_listed(&self, directory: u64) {
        self.lock().not_listed(DirectoryId::from_raw(directory));
    }

    /// Tells that a directory is no longer there.
    fn absent(&self, directory: u64) {
        self.lock().absent(DirectoryId::from_raw(directory));
    }

    /// Takes a directory to hold whatever may be asked for.
    fn assumed(&self, directory: u64) {
        self.lock().assumed(DirectoryId::from_raw(directory));
    }

    /// The matches since the last call, as tag and position of the pattern.
    fn take_matches(&self, py: Python<'_>) -> Vec<(Py<PyAny>, usize)> {
        let matches = self.lock().take_matches();
        matches.into_iter().map(|(tag, pattern)| (tag.clone_ref(py), pattern)).collect()
    }
}
