//! `FileStructurePattern`: data, JSON, equality and hash.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pathvein_core::{
    DirectoryRequirement, Error, FileRequirement, FileStructurePattern as CorePattern, NameTest,
    SelectionProgram,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple, PyType};

use crate::convert::{Given, compared, items, raise, raise_json, wrong_type};
use crate::pickling;
use crate::requirement::{
    Directories, Files, alternative_object, directory_name, directory_object,
    directory_requirement, file_object, file_requirement, name_test, pattern, pattern_repr,
    test_object,
};
use crate::text::{pattern_from_string, pattern_from_text, patterns_from_text, places_in_text};

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
pub(crate) struct Fields {
    pub(crate) directory_name: Option<NameTest>,
    pub(crate) files: Vec<FileRequirement>,
    pub(crate) directories: Vec<DirectoryRequirement>,
    pub(crate) optional_files: Vec<NameTest>,
    pub(crate) optional_directories: Vec<CorePattern>,
    pub(crate) forbidden_files: Vec<NameTest>,
    pub(crate) forbidden_directories: Vec<CorePattern>,
    pub(crate) closed: bool,
}

impl Fields {
    fn of(pattern: &CorePattern) -> Fields {
        Fields {
            directory_name: pattern.directory_name().cloned(),
            files: pattern.files().to_vec(),
            directories: pattern.directories().to_vec(),
            optional_files: pattern.optional_files().to_vec(),
            optional_directories: pattern.optional_directories().to_vec(),
            forbidden_files: pattern.forbidden_files().to_vec(),
            forbidden_directories: pattern.forbidden_directories().to_vec(),
            closed: pattern.closed(),
        }
    }

    pub(crate) fn build(self) -> Result<CorePattern, Error> {
        CorePattern::builder("")
            .directory_name(self.directory_name)
            .files(self.files)
            .directories(self.directories)
            .optional_files(self.optional_files)
            .optional_directories(self.optional_directories)
            .forbidden_files(self.forbidden_files)
            .forbidden_directories(self.forbidden_directories)
            .closed(self.closed)
            .build()
    }
}

/// The directory's pattern at `place`, where `expected` may stand. A `str` is a pattern's text.
pub(crate) fn core_pattern(
    place: &str,
    expected: &str,
    object: &Bound<'_, PyAny>,
) -> PyResult<CorePattern> {
    if let Ok(text) = object.cast::<PyString>() {
        return pattern_from_string(place, text);
    }
    let pattern =
        object.cast::<FileStructurePattern>().map_err(|_| wrong_type(place, expected, object))?;
    Ok(pattern.get().core())
}

/// A list of requirements, each converted with its place.
fn list<T>(
    argument: &str,
    what: &str,
    object: &Bound<'_, PyAny>,
    convert: fn(&str, &Bound<'_, PyAny>) -> PyResult<T>,
) -> PyResult<Vec<T>> {
    items(argument, &format!("an iterable of {what}"), object, convert)
}

/// What lists of name tests, and of patterns, hold, in words.
const TESTS: &str = "str, Regex and tuples of these";
const PATTERNS: &str = "FileStructurePattern and str";

fn files_from(argument: &str, object: &Bound<'_, PyAny>) -> PyResult<Vec<FileRequirement>> {
    list(argument, "str, Regex, tuples of these, and Files", object, file_requirement)
}

fn tests_from(argument: &str, object: &Bound<'_, PyAny>) -> PyResult<Vec<NameTest>> {
    list(argument, TESTS, object, name_test)
}

fn directories_from(
    argument: &str,
    object: &Bound<'_, PyAny>,
) -> PyResult<Vec<DirectoryRequirement>> {
    let what = "FileStructurePattern, str, tuples of these, and Directories";
    list(argument, what, object, directory_requirement)
}

fn patterns_from(argument: &str, object: &Bound<'_, PyAny>) -> PyResult<Vec<CorePattern>> {
    list(argument, PATTERNS, object, pattern)
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
pub(crate) fn instance<'py>(
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

/// The items, each once.
fn unique<'p, T: Eq + Hash + 'p>(items: impl Iterator<Item = &'p T>) -> Vec<&'p T> {
    let mut seen = HashSet::new();
    items.filter(|&item| seen.insert(item)).collect()
}

/// A tuple of converted items.
fn tuple<'py, T, O: IntoPyObject<'py>>(
    py: Python<'py>,
    items: &[T],
    convert: impl Fn(&T) -> PyResult<O>,
) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, items.iter().map(convert).collect::<PyResult<Vec<_>>>()?)
}

/// Nested patterns that are read back, as instances of the pattern's class.
fn parts<'py>(
    slf: &Bound<'py, FileStructurePattern>,
    patterns: &[CorePattern],
) -> PyResult<Bound<'py, PyTuple>> {
    let class = slf.get_type();
    tuple(slf.py(), patterns, |pattern| instance(&class, pattern.clone(), true))
}

/// A `directory_name` argument: `None` is null.
struct DirectoryName(Option<NameTest>);

impl DirectoryName {
    fn any() -> DirectoryName {
        DirectoryName(Some("*".into()))
    }
}

impl<'py> FromPyObject<'_, 'py> for DirectoryName {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<DirectoryName> {
        directory_name("directory_name", &object).map(DirectoryName)
    }
}

fn flag(argument: &str, object: &Bound<'_, PyAny>) -> PyResult<bool> {
    object.extract().map_err(|_| wrong_type(argument, "bool", object))
}

/// An `is_optional` argument.
struct Flag(bool);

impl<'py> FromPyObject<'_, 'py> for Flag {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Flag> {
        flag("is_optional", &object).map(Flag)
    }
}

/// The name test at `place` of a list of optional ones that a requirement is added to.
fn optional_test(place: &str, object: &Bound<'_, PyAny>) -> PyResult<NameTest> {
    match object.is_instance_of::<Files>() {
        true => Err(only_required(place, "Files", "names")),
        false => name_test(place, object),
    }
}

/// The pattern at `place` of a list of optional ones that a requirement is added to.
fn optional_pattern(place: &str, object: &Bound<'_, PyAny>) -> PyResult<CorePattern> {
    match object.is_instance_of::<Directories>() {
        true => Err(only_required(place, "Directories", "patterns")),
        false => pattern(place, object),
    }
}

fn only_required(place: &str, class: &str, what: &str) -> PyErr {
    PyValueError::new_err(format!("{place}: {class} cannot be optional: give its {what}"))
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
            forbidden_files = Given(None),
            forbidden_directories = Given(None),
            closed = Given(None),
        ),
        text_signature = "(directory_name='*', files=(), directories=(), optional_files=(), optional_directories=(), forbidden_files=(), forbidden_directories=(), closed=False)"
    )]
    #[allow(clippy::too_many_arguments)] // they are those of the Python signature
    fn new(
        py: Python<'_>,
        directory_name: DirectoryName,
        files: Given<'_>,
        directories: Given<'_>,
        optional_files: Given<'_>,
        optional_directories: Given<'_>,
        forbidden_files: Given<'_>,
        forbidden_directories: Given<'_>,
        closed: Given<'_>,
    ) -> PyResult<FileStructurePattern> {
        fn given<T: Default>(
            argument: &str,
            given: Given<'_>,
            convert: fn(&str, &Bound<'_, PyAny>) -> PyResult<T>,
        ) -> PyResult<T> {
            given.0.map_or_else(|| Ok(T::default()), |object| convert(argument, &object))
        }
        let fields = Fields {
            directory_name: directory_name.0,
            files: given("files", files, files_from)?,
            directories: given("directories", directories, directories_from)?,
            optional_files: given("optional_files", optional_files, tests_from)?,
            optional_directories: given(
                "optional_directories",
                optional_directories,
                patterns_from,
            )?,
            forbidden_files: given("forbidden_files", forbidden_files, tests_from)?,
            forbidden_directories: given(
                "forbidden_directories",
                forbidden_directories,
                patterns_from,
            )?,
            closed: given("closed", closed, flag)?,
        };
        let pattern = fields.build().map_err(|error| raise(py, error))?;
        let state = State { pattern, hash: None, selection_program: None, frozen: false };
        Ok(FileStructurePattern { state: Mutex::new(state) })
    }

    /// The test of the directory's name; None, "" and "*" mean any name.
    #[getter]
    fn directory_name<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.core().directory_name().map(|test| test_object(py, test)).transpose()
    }

    #[setter(directory_name)]
    fn assign_directory_name(&self, py: Python<'_>, name: DirectoryName) -> PyResult<()> {
        self.change(py, |fields| fields.directory_name = name.0)
    }

    /// What is required of the files.
    #[getter]
    fn files<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        tuple(py, self.core().files(), |file| file_object(py, file))
    }

    #[setter(files)]
    fn assign_files(&self, py: Python<'_>, files: &Bound<'_, PyAny>) -> PyResult<()> {
        let files = files_from("files", files)?;
        self.change(py, |fields| fields.files = files)
    }

    /// What is required of the sub-directories.
    #[getter]
    fn directories<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let class = slf.get_type();
        let object = |directory: &DirectoryRequirement| directory_object(&class, directory);
        tuple(slf.py(), slf.get().core().directories(), object)
    }

    #[setter(directories)]
    fn assign_directories(&self, py: Python<'_>, directories: &Bound<'_, PyAny>) -> PyResult<()> {
        let directories = directories_from("directories", directories)?;
        self.change(py, |fields| fields.directories = directories)
    }

    /// The tests of further files that belong to the directory.
    #[getter]
    fn optional_files<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        tuple(py, self.core().optional_files(), |test| test_object(py, test))
    }

    #[setter(optional_files)]
    fn assign_optional_files(&self, py: Python<'_>, files: &Bound<'_, PyAny>) -> PyResult<()> {
        let files = tests_from("optional_files", files)?;
        self.change(py, |fields| fields.optional_files = files)
    }

    /// The patterns of further directories that belong to the directory.
    #[getter]
    fn optional_directories<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        parts(slf, slf.get().core().optional_directories())
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

    /// The tests of files that may not be there.
    #[getter]
    fn forbidden_files<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        tuple(py, self.core().forbidden_files(), |test| test_object(py, test))
    }

    #[setter(forbidden_files)]
    fn assign_forbidden_files(&self, py: Python<'_>, files: &Bound<'_, PyAny>) -> PyResult<()> {
        let files = tests_from("forbidden_files", files)?;
        self.change(py, |fields| fields.forbidden_files = files)
    }

    /// The patterns of directories that may not be there.
    #[getter]
    fn forbidden_directories<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        parts(slf, slf.get().core().forbidden_directories())
    }

    #[setter(forbidden_directories)]
    fn assign_forbidden_directories(
        &self,
        py: Python<'_>,
        directories: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let directories = patterns_from("forbidden_directories", directories)?;
        self.change(py, |fields| fields.forbidden_directories = directories)
    }

    /// Whether nothing else may be there.
    #[getter]
    fn closed(&self) -> bool {
        self.core().closed()
    }

    #[setter(closed)]
    fn assign_closed(&self, py: Python<'_>, closed: &Bound<'_, PyAny>) -> PyResult<()> {
        let closed = flag("closed", closed)?;
        self.change(py, |fields| fields.closed = closed)
    }

    /// The globs and regular expressions of required and optional files, each once.
    #[getter]
    fn all_files<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let pattern = self.core();
        let tests = pattern.files().iter().map(|file| file.test()).chain(pattern.optional_files());
        let all = unique(tests.flat_map(|test| test.alternatives()));
        let all = all.into_iter().map(|alternative| alternative_object(py, alternative));
        PyList::new(py, all.collect::<PyResult<Vec<_>>>()?)
    }

    /// The required and optional directories' patterns, each once.
    #[getter]
    fn all_directories<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let (class, pattern) = (slf.get_type(), slf.get().core());
        let required = pattern.directories().iter().flat_map(|required| required.alternatives());
        let all = unique(required.chain(pattern.optional_directories()));
        let all = all.into_iter().map(|sub| instance(&class, sub.clone(), true));
        PyList::new(slf.py(), all.collect::<PyResult<Vec<_>>>()?)
    }

    /// Sets the directory name and returns the pattern.
    fn set_directory_name<'py>(
        slf: Bound<'py, Self>,
        name: DirectoryName,
    ) -> PyResult<Bound<'py, Self>> {
        slf.get().assign_directory_name(slf.py(), name)?;
        Ok(slf)
    }

    /// Adds a requirement of files and returns the pattern.
    #[pyo3(signature = (file, is_optional = Flag(false)), text_signature = "($self, file, is_optional=False)")]
    fn add_file<'py>(
        slf: Bound<'py, Self>,
        file: &Bound<'_, PyAny>,
        is_optional: Flag,
    ) -> PyResult<Bound<'py, Self>> {
        if is_optional.0 {
            let test = optional_test("file", file)?;
            slf.get().change(slf.py(), |fields| fields.optional_files.push(test))?;
        } else {
            let file = file_requirement("file", file)?;
            slf.get().change(slf.py(), |fields| fields.files.push(file))?;
        }
        Ok(slf)
    }

    /// Adds requirements of files and returns the pattern.
    #[pyo3(signature = (files, is_optional = Flag(false)), text_signature = "($self, files, is_optional=False)")]
    fn add_files<'py>(
        slf: Bound<'py, Self>,
        files: &Bound<'_, PyAny>,
        is_optional: Flag,
    ) -> PyResult<Bound<'py, Self>> {
        if is_optional.0 {
            let tests = list("files", TESTS, files, optional_test)?;
            slf.get().change(slf.py(), |fields| fields.optional_files.extend(tests))?;
        } else {
            let files = files_from("files", files)?;
            slf.get().change(slf.py(), |fields| fields.files.extend(files))?;
        }
        Ok(slf)
    }

    /// Adds a requirement of directories, with copies of its patterns, and returns the pattern.
    #[pyo3(signature = (directory, is_optional = Flag(false)), text_signature = "($self, directory, is_optional=False)")]
    fn add_directory<'py>(
        slf: Bound<'py, Self>,
        directory: &Bound<'_, PyAny>,
        is_optional: Flag,
    ) -> PyResult<Bound<'py, Self>> {
        if is_optional.0 {
            let sub = optional_pattern("directory", directory)?;
            slf.get().change(slf.py(), |fields| fields.optional_directories.push(sub))?;
        } else {
            let directory = directory_requirement("directory", directory)?;
            slf.get().change(slf.py(), |fields| fields.directories.push(directory))?;
        }
        Ok(slf)
    }

    /// Adds requirements of directories, with copies of their patterns, and returns the pattern.
    #[pyo3(signature = (directories, is_optional = Flag(false)), text_signature = "($self, directories, is_optional=False)")]
    fn add_directories<'py>(
        slf: Bound<'py, Self>,
        directories: &Bound<'_, PyAny>,
        is_optional: Flag,
    ) -> PyResult<Bound<'py, Self>> {
        if is_optional.0 {
            let subs = list("directories", PATTERNS, directories, optional_pattern)?;
            slf.get().change(slf.py(), |fields| fields.optional_directories.extend(subs))?;
        } else {
            let directories = directories_from("directories", directories)?;
            slf.get().change(slf.py(), |fields| fields.directories.extend(directories))?;
        }
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

    /// The pattern as text.
    #[pyo3(signature = (*, one_line = false))]
    fn to_text(&self, one_line: bool) -> String {
        if one_line { self.core().to_text_line() } else { self.core().to_text() }
    }

    /// A pattern from its text.
    #[classmethod]
    fn from_text<'py>(
        cls: &Bound<'py, PyType>,
        text: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        instance(cls, pattern_from_text(text)?, false)
    }

    /// The patterns of a text that holds one or several.
    #[classmethod]
    fn _all_from_text<'py>(
        cls: &Bound<'py, PyType>,
        text: &Bound<'py, PyAny>,
    ) -> PyResult<Vec<Bound<'py, Self>>> {
        let patterns = patterns_from_text(text)?;
        patterns.into_iter().map(|pattern| instance(cls, pattern, false)).collect()
    }

    /// Where the parts of the patterns of a text stand.
    #[staticmethod]
    #[pyo3(name = "_places_in_text")]
    fn places_in(text: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<(String, usize)>>> {
        places_in_text(text)
    }

    fn __str__(&self) -> String {
        self.core().to_text()
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
        pattern_repr(slf.py(), class.to_str()?, &slf.get().core())
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
        let rows = pickling::rows(py, &slf.get().core())?;
        let rebuild = slf.get_type().getattr("_rebuild")?;
        let attributes = slf.getattr("__dict__").unwrap_or_else(|_| py.None().into_bound(py));
        PyTuple::new(py, [rebuild, (rows,).into_pyobject(py)?.into_any(), attributes])
    }

    /// The pattern that `__reduce__` took apart.
    #[classmethod]
    fn _rebuild<'py>(
        cls: &Bound<'py, PyType>,
        rows: Vec<pickling::Row<'py>>,
    ) -> PyResult<Bound<'py, Self>> {
        instance(cls, pickling::pattern(cls.py(), rows)?, false)
    }
}
