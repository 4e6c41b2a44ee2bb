//! `FileStructurePattern`: data, JSON, equality and hash.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pathvein_core::{Error, FileStructurePattern as CorePattern, NameGlob, SelectionProgram};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple, PyType};

use crate::convert::{Given, compared, glob, glob_text, items, raise, raise_json, wrong_type};

/// A directory's structure: its name, and the files and directories it holds.
#[pyclass(frozen, subclass, module = "pathvein_core")]
pub(crate) struct FileStructurePattern {
    state: Mutex<State>,
}

struct State {
    pattern: CorePattern,
    /// The hash of the pattern, once it was asked for. Dropped when the pattern changes.
    hash: Option<u64>,
    /// The pattern compiled for copies, once it was asked for. Dropped likewise.
    selection_program: Option<SelectionProgram>,
    /// Whether this is a part that was read back from a pattern. To change it would not
    /// change that pattern, so it is not allowed.
    frozen: bool,
}

/// The fields of a pattern, from which a changed pattern is built.
struct Fields {
    directory_name: Option<NameGlob>,
    files: Vec<NameGlob>,
    directories: Vec<CorePattern>,
    optional_files: Vec<NameGlob>,
    optional_directories: Vec<CorePattern>,
}

impl Fields {
    fn of(pattern: &CorePattern) -> Fields {
        Fields {
            directory_name: pattern.directory_name().cloned(),
            files: pattern.files().to_vec(),
            directories: pattern.directories().to_vec(),
            optional_files: pattern.optional_files().to_vec(),
            optional_directories: pattern.optional_directories().to_vec(),
        }
    }

    fn build(self) -> Result<CorePattern, Error> {
        CorePattern::builder("")
            .directory_name(self.directory_name)
            .files(self.files)
            .directories(self.directories)
            .optional_files(self.optional_files)
            .optional_directories(self.optional_directories)
            .build()
    }
}

fn glob_from(place: &str, expected: &str, object: &Bound<'_, PyAny>) -> PyResult<NameGlob> {
    let text = object.cast::<PyString>().map_err(|_| wrong_type(place, expected, object))?;
    glob(text)
}

fn pattern_from(place: &str, object: &Bound<'_, PyAny>) -> PyResult<CorePattern> {
    let pattern = object
        .cast::<FileStructurePattern>()
        .map_err(|_| wrong_type(place, "a FileStructurePattern", object))?;
    Ok(pattern.get().core())
}

fn globs_from(argument: &str, object: &Bound<'_, PyAny>) -> PyResult<Vec<NameGlob>> {
    items(argument, "an iterable of str", object, |place, item| glob_from(place, "str", item))
}

fn patterns_from(argument: &str, object: &Bound<'_, PyAny>) -> PyResult<Vec<CorePattern>> {
    items(argument, "an iterable of FileStructurePattern", object, pattern_from)
}

impl FileStructurePattern {
    /// The pattern as it is now.
    pub(crate) fn core(&self) -> CorePattern {
        self.lock().pattern.clone()
    }

    /// The pattern as it is now, compiled for copies. It is compiled once for many.
    pub(crate) fn selection_program(&self) -> SelectionProgram {
        let mut state = self.lock();
        let State { pattern, selection_program, .. } = &mut *state;
        selection_program.get_or_insert_with(|| SelectionProgram::new(pattern)).clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic happens while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, py: Python<'_>, edit: impl FnOnce(&mut Fields)) -> PyResult<()> {
        // Locked throughout, so that no change by another thread is lost.
        let mut state = self.lock();
        if state.frozen {
            return Err(PyTypeError::new_err(
                "this pattern is part of another and cannot be changed: change a copy \
                 (copy.copy) and put that in its place",
            ));
        }
        let mut fields = Fields::of(&state.pattern);
        edit(&mut fields);
        let pattern = match fields.build() {
            Ok(pattern) => pattern,
            Err(error) => {
                drop(state);
                return Err(raise(py, error));
            }
        };
        state.pattern = pattern;
        state.hash = None;
        state.selection_program = None;
        Ok(())
    }
}

/// An instance of `class`, which is `FileStructurePattern` or a subclass, with this pattern.
fn instance<'py>(
    class: &Bound<'py, PyType>,
    pattern: CorePattern,
    frozen: bool,
) -> PyResult<Bound<'py, FileStructurePattern>> {
    // Not the `__new__` of `class`: a subclass may want other arguments.
    let new = class.py().get_type::<FileStructurePattern>().getattr("__new__")?;
    let object = new.call1((class,))?.cast_into::<FileStructurePattern>()?;
    {
        let mut state = object.get().lock();
        state.pattern = pattern;
        state.hash = None;
        state.selection_program = None;
        state.frozen = frozen;
    }
    Ok(object)
}

fn texts<'py>(py: Python<'py>, globs: &[NameGlob]) -> PyResult<Vec<Bound<'py, PyAny>>> {
    globs.iter().map(|glob| glob_text(py, glob)).collect()
}

fn unique<T: Clone + Eq + Hash>(first: &[T], second: &[T]) -> Vec<T> {
    let mut seen = std::collections::HashSet::new();
    first.iter().chain(second).filter(|item| seen.insert(*item)).cloned().collect()
}

/// Parts that are read back from a pattern, as instances of the pattern's class.
fn parts<'py>(
    slf: &Bound<'py, FileStructurePattern>,
    patterns: Vec<CorePattern>,
) -> PyResult<Vec<Bound<'py, FileStructurePattern>>> {
    let class = slf.get_type();
    patterns.into_iter().map(|pattern| instance(&class, pattern, true)).collect()
}

fn repr(py: Python<'_>, class: &str, pattern: &CorePattern) -> PyResult<String> {
    let mut arguments = Vec::new();
    match pattern.directory_name() {
        Some(name) if name.as_str() == Some("*") => {}
        Some(name) => arguments.push(glob_text(py, name)?.repr()?.to_string()),
        None => arguments.push("None".to_owned()),
    }
    let list = |globs: &[NameGlob]| PyResult::Ok(PyList::new(py, texts(py, globs)?)?.to_string());
    let nested = |patterns: &[CorePattern]| {
        let patterns: Vec<_> =
            patterns.iter().map(|pattern| repr(py, class, pattern)).collect::<PyResult<_>>()?;
        PyResult::Ok(format!("[{}]", patterns.join(", ")))
    };
    for (keyword, globs) in
        [("files", pattern.files()), ("optional_files", pattern.optional_files())]
    {
        if !globs.is_empty() {
            arguments.push(format!("{keyword}={}", list(globs)?));
        }
    }
    for (keyword, patterns) in [
        ("directories", pattern.directories()),
        ("optional_directories", pattern.optional_directories()),
    ] {
        if !patterns.is_empty() {
            arguments.push(format!("{keyword}={}", nested(patterns)?));
        }
    }
    Ok(format!("{class}({})", arguments.join(", ")))
}

/// A `directory_name` argument: `None` is null.
struct DirectoryName(Option<NameGlob>);

impl DirectoryName {
    fn any() -> DirectoryName {
        DirectoryName(Some(NameGlob::new("*")))
    }
}

impl<'py> FromPyObject<'_, 'py> for DirectoryName {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<DirectoryName> {
        if object.is_none() {
            return Ok(DirectoryName(None));
        }
        glob_from("directory_name", "str or None", &object).map(|glob| DirectoryName(Some(glob)))
    }
}

/// An `is_optional` argument.
struct Flag(bool);

impl<'py> FromPyObject<'_, 'py> for Flag {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Flag> {
        object.extract().map(Flag).map_err(|_| wrong_type("is_optional", "bool", &object))
    }
}

#[pymethods]
impl FileStructurePattern {
    #[new]
    #[pyo3(
        signature = (
            directory_name = DirectoryName::any(),
            files = Given(None),
            directories = Given(None),
            optional_files = Given(None),
            optional_directories = Given(None),
        ),
        text_signature = "(directory_name='*', files=(), directories=(), optional_files=(), optional_directories=())"
    )]
    fn new(
        py: Python<'_>,
        directory_name: DirectoryName,
        files: Given<'_>,
        directories: Given<'_>,
        optional_files: Given<'_>,
        optional_directories: Given<'_>,
    ) -> PyResult<FileStructurePattern> {
        let globs = |argument, given: Given<'_>| {
            given.0.map_or_else(|| Ok(Vec::new()), |object| globs_from(argument, &object))
        };
        let patterns = |argument, given: Given<'_>| {
            given.0.map_or_else(|| Ok(Vec::new()), |object| patterns_from(argument, &object))
        };
        let fields = Fields {
            directory_name: directory_name.0,
            files: globs("files", files)?,
            directories: patterns("directories", directories)?,
            optional_files: globs("optional_files", optional_files)?,
            optional_directories: patterns("optional_directories", optional_directories)?,
        };
        let pattern = fields.build().map_err(|error| raise(py, error))?;
        let state = State { pattern, hash: None, selection_program: None, frozen: false };
        Ok(FileStructurePattern { state: Mutex::new(state) })
    }

    /// The glob for the directory's name; None, "" and "*" mean any name.
    #[getter]
    fn directory_name<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.core().directory_name().map(|name| glob_text(py, name)).transpose()
    }

    #[setter(directory_name)]
    fn assign_directory_name(&self, py: Python<'_>, name: DirectoryName) -> PyResult<()> {
        self.change(py, |fields| fields.directory_name = name.0)
    }

    /// The globs of which each must match a file.
    #[getter]
    fn files<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, texts(py, self.core().files())?)
    }

    #[setter(files)]
    fn assign_files(&self, py: Python<'_>, files: &Bound<'_, PyAny>) -> PyResult<()> {
        let files = globs_from("files", files)?;
        self.change(py, |fields| fields.files = files)
    }

    /// The patterns of which each must match a sub-directory.
    #[getter]
    fn directories<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(slf.py(), parts(slf, slf.get().core().directories().to_vec())?)
    }

    #[setter(directories)]
    fn assign_directories(&self, py: Python<'_>, directories: &Bound<'_, PyAny>) -> PyResult<()> {
        let directories = patterns_from("directories", directories)?;
        self.change(py, |fields| fields.directories = directories)
    }

    /// The globs of further files that belong to the directory.
    #[getter]
    fn optional_files<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, texts(py, self.core().optional_files())?)
    }

    #[setter(optional_files)]
    fn assign_optional_files(&self, py: Python<'_>, files: &Bound<'_, PyAny>) -> PyResult<()> {
        let files = globs_from("optional_files", files)?;
        self.change(py, |fields| fields.optional_files = files)
    }

    /// The patterns of further directories that belong to the directory.
    #[getter]
    fn optional_directories<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(slf.py(), parts(slf, slf.get().core().optional_directories().to_vec())?)
    }

    #[setter(optional_directories)]
    fn assign_optional_directories(
        &self,
        py: Python<'_>,
        directories: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let directories = patterns_from("optional_directories", directories)?;
        self.change(py, |fields| fields.optional_directories = directories)
    }

    /// The globs of required and optional files, each once.
    #[getter]
    fn all_files<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let pattern = self.core();
        PyList::new(py, texts(py, &unique(pattern.files(), pattern.optional_files()))?)
    }

    /// The required and optional directories' patterns, each once.
    #[getter]
    fn all_directories<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let pattern = slf.get().core();
        let patterns = unique(pattern.directories(), pattern.optional_directories());
        PyList::new(slf.py(), parts(slf, patterns)?)
    }

    /// Sets the directory name and returns the pattern.
    fn set_directory_name<'py>(
        slf: Bound<'py, Self>,
        name: DirectoryName,
    ) -> PyResult<Bound<'py, Self>> {
        slf.get().assign_directory_name(slf.py(), name)?;
        Ok(slf)
    }

    /// Adds a file glob and returns the pattern.
    #[pyo3(signature = (file, is_optional = Flag(false)), text_signature = "($self, file, is_optional=False)")]
    fn add_file<'py>(
        slf: Bound<'py, Self>,
        file: &Bound<'_, PyAny>,
        is_optional: Flag,
    ) -> PyResult<Bound<'py, Self>> {
        let file = glob_from("file", "str", file)?;
        slf.get().add_globs(slf.py(), vec![file], is_optional.0)?;
        Ok(slf)
    }

    /// Adds file globs and returns the pattern.
    #[pyo3(signature = (files, is_optional = Flag(false)), text_signature = "($self, files, is_optional=False)")]
    fn add_files<'py>(
        slf: Bound<'py, Self>,
        files: &Bound<'_, PyAny>,
        is_optional: Flag,
    ) -> PyResult<Bound<'py, Self>> {
        let files = globs_from("files", files)?;
        slf.get().add_globs(slf.py(), files, is_optional.0)?;
        Ok(slf)
    }

    /// Adds a copy of a directory's pattern and returns the pattern.
    #[pyo3(signature = (directory, is_optional = Flag(false)), text_signature = "($self, directory, is_optional=False)")]
    fn add_directory<'py>(
        slf: Bound<'py, Self>,
        directory: &Bound<'_, PyAny>,
        is_optional: Flag,
    ) -> PyResult<Bound<'py, Self>> {
        let directory = pattern_from("directory", directory)?;
        slf.get().add_patterns(slf.py(), vec![directory], is_optional.0)?;
        Ok(slf)
    }

    /// Adds copies of directories' patterns and returns the pattern.
    #[pyo3(signature = (directories, is_optional = Flag(false)), text_signature = "($self, directories, is_optional=False)")]
    fn add_directories<'py>(
        slf: Bound<'py, Self>,
        directories: &Bound<'_, PyAny>,
        is_optional: Flag,
    ) -> PyResult<Bound<'py, Self>> {
        let directories = patterns_from("directories", directories)?;
        slf.get().add_patterns(slf.py(), directories, is_optional.0)?;
        Ok(slf)
    }

    /// The pattern as JSON.
    fn to_json(&self) -> String {
        self.core().to_json()
    }

    /// A pattern from its JSON.
    #[classmethod]
    fn from_json<'py>(
        cls: &Bound<'py, PyType>,
        spec_str: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = cls.py();
        let text =
            spec_str.cast::<PyString>().map_err(|_| wrong_type("spec_str", "str", spec_str))?;
        let text = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
        let text = text.cast::<PyBytes>()?.as_bytes();
        let pattern =
            CorePattern::from_json_slice(text).map_err(|error| raise_json(py, error, text))?;
        instance(cls, pattern, false)
    }

    /// The problems of the pattern, each as place, message and severity.
    fn validate(&self) -> Vec<(String, String, String)> {
        let problems = self.core().validate();
        problems
            .iter()
            .map(|problem| {
                let (place, message) = (problem.place().to_string(), problem.message().to_string());
                (place, message, problem.severity().to_string())
            })
            .collect()
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let other_pattern = other.cast::<FileStructurePattern>().map(|other| other.get().core());
        compared(other.py(), other_pattern.ok().map(|pattern| pattern == self.core()))
    }

    fn __hash__(&self) -> u64 {
        let mut state = self.lock();
        if let Some(hash) = state.hash {
            return hash;
        }
        let mut hasher = DefaultHasher::new();
        state.pattern.hash(&mut hasher);
        let hash = hasher.finish();
        state.hash = Some(hash);
        hash
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let class = slf.get_type().name()?;
        repr(slf.py(), class.to_str()?, &slf.get().core())
    }

    fn __copy__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let copy = instance(&slf.get_type(), slf.get().core(), false)?;
        // The attributes that a subclass may have.
        if let Ok(attributes) = slf.getattr("__dict__") {
            copy.getattr("__dict__")?.call_method1("update", (attributes,))?;
        }
        Ok(copy)
    }

    fn __deepcopy__<'py>(
        slf: &Bound<'py, Self>,
        memo: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        let copy = instance(&slf.get_type(), slf.get().core(), false)?;
        if let Ok(attributes) = slf.getattr("__dict__") {
            // Attributes may refer to the pattern itself.
            let id = slf.py().import("builtins")?.call_method1("id", (slf,))?;
            memo.set_item(id, &copy)?;
            let deepcopy = slf.py().import("copy")?.getattr("deepcopy")?;
            let attributes = deepcopy.call1((attributes, memo))?;
            copy.getattr("__dict__")?.call_method1("update", (attributes,))?;
        }
        Ok(copy)
    }

    /// For pickling. JSON would not do: it cannot tell two lone surrogates from the pair
    /// that they make.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let mut table = Table { rows: PyList::empty(py), places: HashMap::new() };
        table.add(&slf.get().core())?;
        let rebuild = slf.get_type().getattr("_rebuild")?;
        let attributes = slf.getattr("__dict__").unwrap_or_else(|_| py.None().into_bound(py));
        PyTuple::new(py, [rebuild, (table.rows,).into_pyobject(py)?.into_any(), attributes])
    }

    /// The pattern that `__reduce__` took apart.
    #[classmethod]
    fn _rebuild<'py>(
        cls: &Bound<'py, PyType>,
        rows: Vec<Row<'py, DirectoryName>>,
    ) -> PyResult<Bound<'py, Self>> {
        let mut patterns: Vec<CorePattern> = Vec::new();
        for (directory_name, files, directories, optional_files, optional_directories) in rows {
            let at = |places: Vec<usize>| {
                let pattern = |place: usize| patterns.get(place).cloned();
                let wrong = || PyValueError::new_err("a row names one that does not precede it");
                places.into_iter().map(pattern).collect::<Option<Vec<_>>>().ok_or_else(wrong)
            };
            let fields = Fields {
                directory_name: directory_name.0,
                files: globs_from("files", &files)?,
                directories: at(directories)?,
                optional_files: globs_from("optional_files", &optional_files)?,
                optional_directories: at(optional_directories)?,
            };
            patterns.push(fields.build().map_err(|error| raise(cls.py(), error))?);
        }
        let last = patterns.pop().ok_or_else(|| PyValueError::new_err("no rows"))?;
        instance(cls, last, false)
    }
}

/// A pattern taken apart: its parts, with the rows of nested patterns in their place.
type Row<'py, N> = (N, Bound<'py, PyAny>, Vec<usize>, Bound<'py, PyAny>, Vec<usize>);

/// Patterns taken apart, nested ones before those that hold them. A pattern may hold another
/// in many places, which hold another in many places: each has one row.
struct Table<'py> {
    rows: Bound<'py, PyList>,
    places: HashMap<CorePattern, usize>,
}

impl Table<'_> {
    /// The row of a pattern. The recursion is as deep as patterns may nest.
    fn add(&mut self, pattern: &CorePattern) -> PyResult<usize> {
        if let Some(&place) = self.places.get(pattern) {
            return Ok(place);
        }
        let py = self.rows.py();
        let mut rows_of = |patterns: &[CorePattern]| {
            patterns.iter().map(|sub| self.add(sub)).collect::<PyResult<Vec<usize>>>()
        };
        let directories = rows_of(pattern.directories())?;
        let optional_directories = rows_of(pattern.optional_directories())?;
        let name = pattern.directory_name().map(|name| glob_text(py, name)).transpose()?;
        self.rows.append((
            name,
            PyTuple::new(py, texts(py, pattern.files())?)?,
            PyTuple::new(py, directories)?,
            PyTuple::new(py, texts(py, pattern.optional_files())?)?,
            PyTuple::new(py, optional_directories)?,
        ))?;
        self.places.insert(pattern.clone(), self.rows.len() - 1);
        Ok(self.rows.len() - 1)
    }
}

impl FileStructurePattern {
    fn add_globs(&self, py: Python<'_>, globs: Vec<NameGlob>, optional: bool) -> PyResult<()> {
        self.change(py, |fields| {
            let list = if optional { &mut fields.optional_files } else { &mut fields.files };
            list.extend(globs);
        })
    }

    fn add_patterns(
        &self,
        py: Python<'_>,
        patterns: Vec<CorePattern>,
        optional: bool,
    ) -> PyResult<()> {
        self.change(py, |fields| {
            let list =
                if optional { &mut fields.optional_directories } else { &mut fields.directories };
            list.extend(patterns);
        })
    }
}
