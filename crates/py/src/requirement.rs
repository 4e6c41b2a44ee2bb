//! `Files`, `Directories` and `Regex`, and what stands for a requirement in Python.

use std::hash::{DefaultHasher, Hash, Hasher};

use pathvein_core::{
    Count, DirectoryRequirement, Error, FileRequirement, FileStructurePattern as CorePattern,
    NameAlternative, NameRegex, NameTest,
};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList, PyString, PyTuple, PyType};

use crate::convert::{Given, compared, glob, glob_text, raise, wrong_type};
use crate::pattern::{FileStructurePattern, core_pattern, instance};

/// What a name test is in Python, in words.
const NAME_TEST: &str = "str, Regex or a tuple of these";

/// What a directory's pattern is in Python, in words.
const PATTERN: &str = "a FileStructurePattern or str";

fn hash(item: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    item.hash(&mut hasher);
    hasher.finish()
}

/// The exception for an error of the core in the part of a pattern at `place`.
fn raise_at(place: &str, error: &Error) -> PyErr {
    PyValueError::new_err(format!("{place}: {error}"))
}

/// The items of a tuple or list, each with its place, converted.
fn alternatives<'py, T>(
    place: &str,
    object: &Bound<'py, PyAny>,
    convert: impl Fn(&str, &Bound<'py, PyAny>) -> PyResult<T>,
) -> Option<PyResult<Vec<T>>> {
    if !object.is_instance_of::<PyTuple>() && !object.is_instance_of::<PyList>() {
        return None;
    }
    let items = object.try_iter().and_then(|items| {
        let convert =
            |(index, item): (usize, PyResult<_>)| convert(&format!("{place}[{index}]"), &item?);
        items.enumerate().map(convert).collect()
    });
    Some(items)
}

/// A glob or a regular expression, if the object is one.
fn one_alternative(object: &Bound<'_, PyAny>) -> PyResult<Option<NameAlternative>> {
    if let Ok(text) = object.cast::<PyString>() {
        return glob(text).map(|glob| Some(glob.into()));
    }
    Ok(object.cast::<Regex>().ok().map(|regex| regex.get().0.clone().into()))
}

/// The glob or regular expression at `place`.
pub(crate) fn name_alternative(
    place: &str,
    object: &Bound<'_, PyAny>,
) -> PyResult<NameAlternative> {
    one_alternative(object)?.ok_or_else(|| wrong_type(place, "str or Regex", object))
}

/// The name test at `place`, where `expected` may stand.
fn test_or(place: &str, expected: &str, object: &Bound<'_, PyAny>) -> PyResult<NameTest> {
    if let Some(alternative) = one_alternative(object)? {
        return Ok(alternative.into());
    }
    match alternatives(place, object, name_alternative) {
        Some(list) => NameTest::any_of(list?).map_err(|error| raise_at(place, &error)),
        None => Err(wrong_type(place, expected, object)),
    }
}

/// The name test at `place`.
pub(crate) fn name_test(place: &str, object: &Bound<'_, PyAny>) -> PyResult<NameTest> {
    test_or(place, NAME_TEST, object)
}

/// The name test at `place`, or `None`.
pub(crate) fn directory_name(place: &str, object: &Bound<'_, PyAny>) -> PyResult<Option<NameTest>> {
    match object.is_none() {
        true => Ok(None),
        false => test_or(place, "str, Regex, a tuple of these, or None", object).map(Some),
    }
}

/// The file requirement at `place`.
pub(crate) fn file_requirement(
    place: &str,
    object: &Bound<'_, PyAny>,
) -> PyResult<FileRequirement> {
    match object.cast::<Files>() {
        Ok(files) => Ok(files.get().0.clone()),
        Err(_) => Ok(test_or(place, "str, Regex, a tuple of these, or Files", object)?.into()),
    }
}

/// The directory's pattern at `place`.
pub(crate) fn pattern(place: &str, object: &Bound<'_, PyAny>) -> PyResult<CorePattern> {
    core_pattern(place, PATTERN, object)
}

/// The directory requirement at `place`.
pub(crate) fn directory_requirement(
    place: &str,
    object: &Bound<'_, PyAny>,
) -> PyResult<DirectoryRequirement> {
    if let Ok(directories) = object.cast::<Directories>() {
        return Ok(directories.get().requirement.clone());
    }
    let expected = "a FileStructurePattern, str, a tuple of these, or Directories";
    match alternatives(place, object, pattern) {
        Some(list) => DirectoryRequirement::new(list?, Count::default())
            .map_err(|error| raise_at(place, &error)),
        None => Ok(core_pattern(place, expected, object)?.into()),
    }
}

/// A name test as it is read back: one alternative as itself, several as a tuple.
pub(crate) fn test_object<'py>(py: Python<'py>, test: &NameTest) -> PyResult<Bound<'py, PyAny>> {
    match test.alternatives() {
        [one] => alternative_object(py, one),
        several => {
            let several = several.iter().map(|alternative| alternative_object(py, alternative));
            Ok(PyTuple::new(py, several.collect::<PyResult<Vec<_>>>()?)?.into_any())
        }
    }
}

/// An alternative of a name test as it is read back.
pub(crate) fn alternative_object<'py>(
    py: Python<'py>,
    alternative: &NameAlternative,
) -> PyResult<Bound<'py, PyAny>> {
    match alternative {
        NameAlternative::Glob(glob) => glob_text(py, glob),
        NameAlternative::Regex(regex) => Ok(Bound::new(py, Regex(regex.clone()))?.into_any()),
    }
}

/// A file requirement as it is read back, in its shortest form.
pub(crate) fn file_object<'py>(
    py: Python<'py>,
    file: &FileRequirement,
) -> PyResult<Bound<'py, PyAny>> {
    match file.count().is_default() {
        true => test_object(py, file.test()),
        false => Ok(Bound::new(py, Files(file.clone()))?.into_any()),
    }
}

/// A directory requirement as it is read back, in its shortest form, with patterns of `class`.
pub(crate) fn directory_object<'py>(
    class: &Bound<'py, PyType>,
    directory: &DirectoryRequirement,
) -> PyResult<Bound<'py, PyAny>> {
    if directory.count().is_default() {
        return pattern_objects(class, directory.alternatives());
    }
    let requirement = directory.clone();
    let directories = Directories { requirement, class: class.clone().unbind() };
    Ok(Bound::new(class.py(), directories)?.into_any())
}

/// One pattern as itself, several as a tuple.
fn pattern_objects<'py>(
    class: &Bound<'py, PyType>,
    patterns: &[CorePattern],
) -> PyResult<Bound<'py, PyAny>> {
    let object = |pattern: &CorePattern| instance(class, pattern.clone(), true);
    match patterns {
        [one] => Ok(object(one)?.into_any()),
        several => {
            let several: Vec<_> = several.iter().map(object).collect::<PyResult<_>>()?;
            Ok(PyTuple::new(class.py(), several)?.into_any())
        }
    }
}

/// The number that is an argument.
fn number(argument: &str, expected: &str, object: &Bound<'_, PyAny>) -> PyResult<u32> {
    if object.is_instance_of::<PyBool>() {
        return Err(wrong_type(argument, expected, object));
    }
    object.extract().map_err(|error: PyErr| {
        if error.is_instance_of::<PyOverflowError>(object.py()) {
            let shown = object.str().map_or_else(|_| "the number".into(), |text| text.to_string());
            PyValueError::new_err(format!("{argument}: {shown} is not from 0 to {}", u32::MAX))
        } else if error.is_instance_of::<PyTypeError>(object.py()) {
            wrong_type(argument, expected, object)
        } else {
            error
        }
    })
}

/// The count of the arguments `min` and `max`.
fn count(min: Given<'_>, max: Option<Bound<'_, PyAny>>) -> PyResult<Count> {
    let min = min.0.map_or(Ok(1), |min| number("min", "int", &min))?;
    let max = max.map(|max| number("max", "int or None", &max)).transpose()?;
    Count::new(min, max).map_err(|error| raise_at("min", &error))
}

/// The arguments of a count, as they are written in a call.
fn count_arguments(count: Count) -> String {
    let mut text = String::new();
    if count.min() != 1 {
        text += &format!(", min={}", count.min());
    }
    if let Some(max) = count.max() {
        text += &format!(", max={max}");
    }
    text
}

/// A regular expression that is held against a whole name.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct Regex(NameRegex);

#[pymethods]
impl Regex {
    #[new]
    fn new(py: Python<'_>, pattern: &Bound<'_, PyAny>) -> PyResult<Regex> {
        let text = pattern.cast::<PyString>().map_err(|_| wrong_type("pattern", "str", pattern))?;
        let text = text.to_str().map_err(|_| {
            PyValueError::new_err("pattern: a regular expression holds no lone surrogates")
        })?;
        NameRegex::new(text).map(Regex).map_err(|error| raise(py, error))
    }

    /// The expression's text.
    #[getter]
    fn pattern(&self) -> &str {
        self.0.as_str()
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let regex = other.cast::<Regex>().ok();
        compared(other.py(), regex.map(|regex| regex.get().0 == self.0))
    }

    fn __hash__(&self) -> u64 {
        hash(&self.0)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Regex({})", PyString::new(py, self.0.as_str()).repr()?))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyType>, (String,)) {
        (slf.get_type(), (slf.get().0.as_str().to_owned(),))
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }
}

/// How many files must pass a name test.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct Files(FileRequirement);

#[pymethods]
impl Files {
    #[new]
    #[pyo3(signature = (name, min = Given(None), max = None), text_signature = "(name, min=1, max=None)")]
    fn new(
        name: &Bound<'_, PyAny>,
        min: Given<'_>,
        max: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Files> {
        Ok(Files(FileRequirement::new(name_test("name", name)?, count(min, max)?)))
    }

    /// The test of the files' names.
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        test_object(py, self.0.test())
    }

    /// How many files must pass it at least.
    #[getter]
    fn min(&self) -> u32 {
        self.0.count().min()
    }

    /// How many may pass it; None if there is no limit.
    #[getter]
    fn max(&self) -> Option<u32> {
        self.0.count().max()
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let files = other.cast::<Files>().ok();
        compared(other.py(), files.map(|files| files.get().0 == self.0))
    }

    fn __hash__(&self) -> u64 {
        hash(&self.0)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Files({}{})", self.name(py)?.repr()?, count_arguments(self.0.count())))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyType>, Arguments<'py>)> {
        let files = slf.get();
        Ok((slf.get_type(), (files.name(slf.py())?, files.min(), files.max())))
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }
}

/// What `Files` and `Directories` are made of.
type Arguments<'py> = (Bound<'py, PyAny>, u32, Option<u32>);

/// How many sub-directories must match a pattern.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct Directories {
    requirement: DirectoryRequirement,
    /// The class of the patterns that are read back.
    class: Py<PyType>,
}

#[pymethods]
impl Directories {
    #[new]
    #[pyo3(signature = (directory, min = Given(None), max = None), text_signature = "(directory, min=1, max=None)")]
    fn new(
        directory: &Bound<'_, PyAny>,
        min: Given<'_>,
        max: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Directories> {
        let list = alternatives("directory", directory, pattern).unwrap_or_else(|| {
            let expected = "a FileStructurePattern, str or a tuple of these";
            Ok(vec![core_pattern("directory", expected, directory)?])
        })?;
        let requirement = DirectoryRequirement::new(list, count(min, max)?)
            .map_err(|error| raise_at("directory", &error))?;
        Ok(Directories { requirement, class: class_of(directory)?.unbind() })
    }

    /// The pattern, or several of which one is enough.
    #[getter]
    fn directory<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pattern_objects(self.class.bind(py), self.requirement.alternatives())
    }

    /// How many sub-directories must match at least.
    #[getter]
    fn min(&self) -> u32 {
        self.requirement.count().min()
    }

    /// How many may match; None if there is no limit.
    #[getter]
    fn max(&self) -> Option<u32> {
        self.requirement.count().max()
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let other_directories = other.cast::<Directories>().ok();
        let equal = other_directories.map(|other| other.get().requirement == self.requirement);
        compared(other.py(), equal)
    }

    fn __hash__(&self) -> u64 {
        hash(&self.requirement)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        directory_repr(py, self.class.bind(py).name()?.to_str()?, &self.requirement, true)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyType>, Arguments<'py>)> {
        let directories = slf.get();
        let arguments = (directories.directory(slf.py())?, directories.min(), directories.max());
        Ok((slf.get_type(), arguments))
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }
}

/// The class of the first pattern among alternatives. Where all are text, it is that of the
/// Python package, if that is there.
fn class_of<'py>(directory: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyType>> {
    let py = directory.py();
    if directory.is_instance_of::<FileStructurePattern>() {
        return Ok(directory.get_type());
    }
    if !directory.is_instance_of::<PyString>() {
        for item in directory.try_iter()? {
            let item = item?;
            if item.is_instance_of::<FileStructurePattern>() {
                return Ok(item.get_type());
            }
        }
    }
    let modules = py.import("sys")?.getattr("modules")?;
    let package = modules.call_method1("get", ("pathvein.pattern",))?;
    match package.getattr("FileStructurePattern") {
        Ok(class) => Ok(class.cast_into()?),
        Err(_) => Ok(py.get_type::<FileStructurePattern>()),
    }
}

/// A pattern as it is written in Python, in its shortest form.
pub(crate) fn pattern_repr(py: Python<'_>, class: &str, pattern: &CorePattern) -> PyResult<String> {
    let mut arguments = Vec::new();
    match pattern.directory_name() {
        Some(name) if *name == NameTest::from("*") => {}
        Some(name) => arguments.push(test_object(py, name)?.repr()?.to_string()),
        None => arguments.push("None".to_owned()),
    }
    let mut add = |keyword: &str, items: Vec<String>| {
        if !items.is_empty() {
            arguments.push(format!("{keyword}=[{}]", items.join(", ")));
        }
    };
    let repr = |object: PyResult<Bound<'_, PyAny>>| PyResult::Ok(object?.repr()?.to_string());
    let tests = |tests: &[NameTest]| {
        tests.iter().map(|test| repr(test_object(py, test))).collect::<PyResult<Vec<_>>>()
    };
    let nested = |patterns: &[CorePattern]| {
        patterns.iter().map(|sub| pattern_repr(py, class, sub)).collect::<PyResult<Vec<_>>>()
    };
    let files = pattern.files().iter().map(|file| repr(file_object(py, file)));
    add("files", files.collect::<PyResult<_>>()?);
    add("optional_files", tests(pattern.optional_files())?);
    add("forbidden_files", tests(pattern.forbidden_files())?);
    let directories = pattern.directories().iter();
    let directories = directories.map(|directory| directory_repr(py, class, directory, false));
    add("directories", directories.collect::<PyResult<_>>()?);
    add("optional_directories", nested(pattern.optional_directories())?);
    add("forbidden_directories", nested(pattern.forbidden_directories())?);
    if pattern.closed() {
        arguments.push("closed=True".to_owned());
    }
    Ok(format!("{class}({})", arguments.join(", ")))
}

/// A directory requirement as it is written in Python: in the shortest form, or by all means
/// with the class.
pub(crate) fn directory_repr(
    py: Python<'_>,
    class: &str,
    directory: &DirectoryRequirement,
    with_class: bool,
) -> PyResult<String> {
    let patterns: Vec<_> = directory
        .alternatives()
        .iter()
        .map(|pattern| pattern_repr(py, class, pattern))
        .collect::<PyResult<_>>()?;
    let patterns = match &patterns[..] {
        [one] => one.clone(),
        several => format!("({})", several.join(", ")),
    };
    let count = directory.count();
    Ok(match with_class || !count.is_default() {
        true => format!("Directories({patterns}{})", count_arguments(count)),
        false => patterns,
    })
}
