//! `Selection` and `Selected`: what belongs to a match, by listings that come from Python.

use std::sync::{Mutex, PoisonError};

use pathvein_core::{Name, Selected as CoreSelected, Selection as CoreSelection};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::convert::NameArg;
use crate::pattern::FileStructurePattern;

/// What belongs to one match, asked of a tree whose listings come from Python.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct Selection {
    /// `None` once it is finished.
    selection: Mutex<Option<CoreSelection>>,
}

impl Selection {
    fn with<R>(&self, act: impl FnOnce(&mut Option<CoreSelection>) -> Option<R>) -> PyResult<R> {
        let mut selection = self.selection.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut selection)
            .ok_or_else(|| PyRuntimeError::new_err("this selection is finished: make another"))
    }
}

#[pymethods]
impl Selection {
    #[new]
    fn new(pattern: &Bound<'_, FileStructurePattern>) -> Self {
        let selection = CoreSelection::new(pattern.get().selection_program());
        Selection { selection: Mutex::new(Some(selection)) }
    }

    /// Gives the listing of a directory: its sub-directories, each with whether it may be
    /// entered, and its files. Returns the sub-directories that are to be listed next, each
    /// as index and number.
    fn listed(
        &self,
        directory: usize,
        directories: Vec<(Bound<'_, PyAny>, bool)>,
        files: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<Vec<(usize, usize)>> {
        let names: Vec<(NameArg, bool)> = directories
            .iter()
            .map(|(name, enterable)| Ok((NameArg::new(name)?, *enterable)))
            .collect::<PyResult<_>>()?;
        let directories: Vec<(Name<'_>, bool)> =
            names.iter().map(|(name, enterable)| (name.as_name(), *enterable)).collect();
        let files: Vec<NameArg> = files.iter().map(NameArg::new).collect::<PyResult<_>>()?;
        let files = files.iter().map(NameArg::as_name);
        self.with(|selection| Some(selection.as_mut()?.listed(directory, &directories, files)))
    }

    /// Tells that a directory cannot be listed.
    fn not_listed(&self, directory: usize) -> PyResult<()> {
        self.with(|selection| selection.as_mut().map(|selection| selection.not_listed(directory)))
    }

    /// Tells that a directory does not exist any more.
    fn absent(&self, directory: usize) -> PyResult<()> {
        self.with(|selection| selection.as_mut().map(|selection| selection.absent(directory)))
    }

    /// What belongs. The selection takes no more listings.
    fn finish(&self) -> PyResult<Selected> {
        self.with(|selection| Some(Selected { selected: selection.take()?.finish() }))
    }
}

/// What belongs to a match.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct Selected {
    selected: CoreSelected,
}

#[pymethods]
impl Selected {
    /// Whether a directory belongs.
    fn has_directory(&self, directory: usize) -> bool {
        self.selected.has_directory(directory)
    }

    /// The indices of those names whose files, in a directory, belong.
    fn files(&self, directory: usize, names: Vec<Bound<'_, PyAny>>) -> PyResult<Vec<usize>> {
        let mut indices = Vec::new();
        for (index, name) in names.iter().enumerate() {
            if self.selected.has_file(directory, NameArg::new(name)?.as_name()) {
                indices.push(index);
            }
        }
        Ok(indices)
    }

    /// Whether a sub-directory of this name would belong if it matched.
    fn names_directory(&self, directory: usize, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.selected.names_directory(directory, NameArg::new(name)?.as_name()))
    }
}
