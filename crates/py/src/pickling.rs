//! Patterns taken apart for pickling, and put together again.

use std::collections::HashMap;

use pathvein_core::{Count, DirectoryRequirement, FileStructurePattern as CorePattern};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::convert::{items, raise};
use crate::pattern::Fields;
use crate::requirement::{directory_name, file_object, file_requirement, name_test, test_object};

/// A directory requirement taken apart: the rows of its patterns, `min` and `max`.
type Counted = (Vec<usize>, u32, Option<u32>);

/// A pattern taken apart: its parts in the order of the constructor's arguments, with the
/// numbers of rows in place of nested patterns.
pub(crate) type Row<'py> = (
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Vec<Counted>,
    Bound<'py, PyAny>,
    Vec<usize>,
    (Bound<'py, PyAny>, Vec<usize>, bool),
);

/// A pattern taken apart, nested ones before those that hold them. A pattern may hold another
/// in many places, which hold another in many places: each has one row.
pub(crate) fn rows<'py>(py: Python<'py>, pattern: &CorePattern) -> PyResult<Bound<'py, PyList>> {
    let mut table = Table { rows: PyList::empty(py), places: HashMap::new() };
    table.add(pattern)?;
    Ok(table.rows)
}

struct Table<'py> {
    rows: Bound<'py, PyList>,
    places: HashMap<CorePattern, usize>,
}

impl<'py> Table<'py> {
    /// The row of a pattern. The recursion is as deep as patterns may nest.
    fn add(&mut self, pattern: &CorePattern) -> PyResult<usize> {
        if let Some(&place) = self.places.get(pattern) {
            return Ok(place);
        }
        let py = self.rows.py();
        let mut directories = Vec::new();
        for required in pattern.directories() {
            let count = required.count();
            let patterns = self.add_all(required.alternatives())?;
            directories.push((patterns, count.min(), count.max()));
        }
        let optional_directories = self.add_all(pattern.optional_directories())?;
        let forbidden_directories = self.add_all(pattern.forbidden_directories())?;
        let name = pattern.directory_name().map(|test| test_object(py, test)).transpose()?;
        let objects = |objects: PyResult<Vec<Bound<'py, PyAny>>>| PyTuple::new(py, objects?);
        let forbidden_files = pattern.forbidden_files().iter().map(|test| test_object(py, test));
        let forbidden_files = objects(forbidden_files.collect())?;
        self.rows.append((
            name,
            objects(pattern.files().iter().map(|file| file_object(py, file)).collect())?,
            PyTuple::new(py, directories)?,
            objects(pattern.optional_files().iter().map(|test| test_object(py, test)).collect())?,
            PyTuple::new(py, optional_directories)?,
            (forbidden_files, PyTuple::new(py, forbidden_directories)?, pattern.closed()),
        ))?;
        self.places.insert(pattern.clone(), self.rows.len() - 1);
        Ok(self.rows.len() - 1)
    }

    fn add_all(&mut self, patterns: &[CorePattern]) -> PyResult<Vec<usize>> {
        patterns.iter().map(|pattern| self.add(pattern)).collect()
    }
}

/// The pattern that was taken apart.
pub(crate) fn pattern(py: Python<'_>, rows: Vec<Row<'_>>) -> PyResult<CorePattern> {
    let mut patterns: Vec<CorePattern> = Vec::new();
    for row in rows {
        let at = |places: Vec<usize>| {
            let pattern = |place: usize| patterns.get(place).cloned();
            let wrong = || PyValueError::new_err("a row names one that does not precede it");
            places.into_iter().map(pattern).collect::<Option<Vec<_>>>().ok_or_else(wrong)
        };
        let counted = |(places, min, max): Counted| {
            let count = Count::new(min, max).map_err(|error| raise(py, error))?;
            DirectoryRequirement::new(at(places)?, count).map_err(|error| raise(py, error))
        };
        let (name, files, directories, optional_files, optional_directories, row) = row;
        let (forbidden_files, forbidden_directories, closed) = row;
        let fields = Fields {
            directory_name: directory_name("directory_name", &name)?,
            files: items("files", "a tuple", &files, file_requirement)?,
            directories: directories.into_iter().map(counted).collect::<PyResult<_>>()?,
            optional_files: items("optional_files", "a tuple", &optional_files, name_test)?,
            optional_directories: at(optional_directories)?,
            forbidden_files: items("forbidden_files", "a tuple", &forbidden_files, name_test)?,
            forbidden_directories: at(forbidden_directories)?,
            closed,
        };
        patterns.push(fields.build().map_err(|error| raise(py, error))?);
    }
    patterns.pop().ok_or_else(|| PyValueError::new_err("no rows"))
}
