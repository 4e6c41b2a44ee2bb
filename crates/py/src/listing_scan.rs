//! `ListingScan`: a scan whose listings come from Python.

use std::sync::{Arc, Mutex, PoisonError};

use pathvein_core::{
    DirectoryId, FileStructurePattern as CorePattern, Findings, ListingScan as CoreListingScan,
    Name, Subtree,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::convert::{NameArg, raise};
use crate::findings::Converter;
use crate::pattern::FileStructurePattern;
use crate::subtrees::{from_bytes, to_bytes};

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

/// What is told of a directory that was checked: its tag, the position of the pattern, and the
/// findings.
type Checked<'py> = (Py<PyAny>, usize, Bound<'py, PyTuple>);

/// A scan whose listings come from Python.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct ListingScan {
    scan: Mutex<CoreListingScan<Tag>>,
    dropped: Dropped,
}

impl ListingScan {
    fn tag(&self, object: Py<PyAny>) -> Tag {
        Arc::new(TagObject { object: Some(object), dropped: Arc::clone(&self.dropped) })
    }

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
    #[pyo3(signature = (
        patterns,
        max_depth = None,
        *,
        telling_unknown = false,
        outermost = false,
        check = false,
        explain = false,
    ))]
    fn new(
        patterns: Vec<Bound<'_, FileStructurePattern>>,
        max_depth: Option<usize>,
        telling_unknown: bool,
        outermost: bool,
        check: bool,
        explain: bool,
    ) -> Self {
        let patterns: Vec<_> = patterns.iter().map(|p| p.get().core()).collect();
        let mut scan = CoreListingScan::new(&patterns, max_depth).outermost(outermost);
        if telling_unknown {
            scan = scan.telling_unknown();
        }
        if check {
            scan = scan.checking();
        }
        if explain {
            scan = scan.explaining();
        }
        ListingScan { scan: Mutex::new(scan), dropped: Dropped::default() }
    }

    /// Adds a source of this name, and returns its id.
    fn source(&self, name: &Bound<'_, PyAny>) -> PyResult<u64> {
        let name = NameArg::new(name)?;
        Ok(self.with(|scan| scan.source(name.as_name())).to_raw())
    }

    /// Begins with a sub-tree in place of a source. `name` is that of the source, `tag` that of
    /// the directory in which the roots are. Returns those that are wanted, each as index and id.
    fn at(
        &self,
        py: Python<'_>,
        subtree: &[u8],
        name: &Bound<'_, PyAny>,
        tag: Py<PyAny>,
    ) -> PyResult<Vec<(usize, u64)>> {
        let subtree: Subtree = from_bytes("sub-tree", subtree)?;
        let (name, tag) = (NameArg::new(name)?, self.tag(tag));
        let roots = self.with(|scan| scan.at(&subtree, name.as_name(), tag));
        let roots = roots.map_err(|error| raise(py, error))?;
        Ok(roots.into_iter().map(|(index, id)| (index, id.to_raw())).collect())
    }

    /// Ends a scan that began with a sub-tree. Returns what became of it. The tags are paths.
    fn hand_back<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let none: &[CorePattern] = &[];
        let ended = self.with(|scan| std::mem::replace(scan, CoreListingScan::new(none, None)));
        let mut wrong = None;
        let outcome = ended.hand_back(|tag| {
            let object = tag.object.as_ref().map(|object| object.bind(py));
            match object.map(NameArg::new) {
                Some(Ok(path)) => path.as_name().into(),
                Some(Err(error)) => {
                    wrong = Some(error);
                    Name::from("").into()
                }
                None => Name::from("").into(),
            }
        });
        wrong.map_or_else(|| to_bytes(py, &outcome), Err)
    }

    /// Whether a directory is wanted still.
    fn is_wanted(&self, directory: u64) -> bool {
        self.with(|scan| scan.is_wanted(DirectoryId::from_raw(directory)))
    }

    /// Whether the answer of a directory above depends on this one.
    fn feeds_another(&self, directory: u64) -> bool {
        self.with(|scan| scan.feeds_another(DirectoryId::from_raw(directory)))
    }

    /// Gives the listing of a directory: its sub-directories, each with whether it may be
    /// entered, and its files. `whole` tells whether it was read to its end, and the kind of
    /// each entry could be told. Returns the sub-directories that are wanted, each as index
    /// and id.
    #[pyo3(signature = (directory, tag, directories, files, *, whole = true))]
    fn listed(
        &self,
        directory: u64,
        tag: Py<PyAny>,
        directories: Vec<(Bound<'_, PyAny>, bool)>,
        files: Vec<Bound<'_, PyAny>>,
        whole: bool,
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
        let tag = self.tag(tag);
        let wanted = self.with(|scan| match whole {
            true => scan.listed(id, tag, &directories, files),
            false => scan.listed_in_part(id, tag, &directories, files),
        });
        Ok(wanted.into_iter().map(|(index, id)| (index, id.to_raw())).collect())
    }

    /// Tells that a directory could not be listed.
    fn not_listed(&self, directory: u64) {
        self.with(|scan| scan.not_listed(DirectoryId::from_raw(directory)));
    }

    /// Tells that a directory may not be entered.
    fn not_entered(&self, directory: u64) {
        self.with(|scan| scan.not_entered(DirectoryId::from_raw(directory)));
    }

    /// Tells that a directory does not exist any more.
    fn absent(&self, directory: u64) {
        self.with(|scan| scan.absent(DirectoryId::from_raw(directory)));
    }

    /// How many matches failed so far for nothing but directories that may not be entered.
    fn hidden_by_links(&self) -> usize {
        self.with(|scan| scan.hidden_by_links())
    }

    /// The matches since the last call, each as tag and position of the pattern.
    fn take_matches(&self, py: Python<'_>) -> Vec<(Py<PyAny>, usize)> {
        untagged(py, self.with(CoreListingScan::take_matches))
    }

    /// What was checked since the last call, each as tag, position of the pattern and findings.
    fn take_checked<'py>(&self, py: Python<'py>) -> PyResult<Vec<Checked<'py>>> {
        let checked = self.with(CoreListingScan::take_checked);
        let findings = |found: &Findings| Converter::new(py, false).findings(found);
        checked
            .into_iter()
            .filter_map(|(tag, pattern, found)| {
                let object = tag.object.as_ref()?.clone_ref(py);
                Some(findings(&found).map(|findings| (object, pattern, findings)))
            })
            .collect()
    }

    /// What cannot be told since the last call, each as tag and position of the pattern.
    fn take_unknown(&self, py: Python<'_>) -> Vec<(Py<PyAny>, usize)> {
        untagged(py, self.with(CoreListingScan::take_unknown))
    }
}

fn untagged(py: Python<'_>, found: Vec<(Tag, usize)>) -> Vec<(Py<PyAny>, usize)> {
    let object = |tag: Tag| Some(tag.object.as_ref()?.clone_ref(py));
    found.into_iter().filter_map(|(tag, pattern)| Some((object(tag)?, pattern))).collect()
}
