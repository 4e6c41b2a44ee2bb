//! Conversion of names, globs and errors between Python and Rust.

use pathvein_core::{Error, ErrorKind, Name, NameGlob};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBool, PyBytes, PyInt, PyString};

use crate::encoding::os_text;
use crate::text::text_error;

/// A name from Python, kept alive while it is matched.
pub(crate) enum NameArg {
    Text(PyBackedStr),
    /// A `str` with lone surrogates.
    CodePoints(Vec<u32>),
}

impl NameArg {
    /// From a `str`, `bytes` or `os.PathLike`.
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> PyResult<NameArg> {
        if let Ok(text) = object.cast::<PyString>() {
            return NameArg::from_str(text);
        }
        NameArg::from_path(object)
    }

    /// As [`NameArg::new`], for a name that follows another. If the last name had lone
    /// surrogates this one is likely to have some, and asking such a name for UTF-8 takes an
    /// exception.
    pub(crate) fn after(last: Option<&NameArg>, object: &Bound<'_, PyAny>) -> PyResult<NameArg> {
        if let (Some(NameArg::CodePoints(_)), Ok(text)) = (last, object.cast::<PyString>()) {
            let code_points = code_points(text)?;
            if code_points.iter().any(|&c| char::from_u32(c).is_none()) {
                return Ok(NameArg::CodePoints(code_points));
            }
        }
        NameArg::new(object)
    }

    fn from_path(object: &Bound<'_, PyAny>) -> PyResult<NameArg> {
        let path = if object.is_instance_of::<PyBytes>() {
            object.clone()
        } else if object.hasattr("__fspath__")? {
            object.py().import("os")?.call_method1("fspath", (object,))?
        } else {
            return Err(wrong_type("a name", "str, bytes or os.PathLike", object));
        };
        if let Ok(text) = path.cast::<PyString>() {
            return NameArg::from_str(text);
        }
        let decoded = object.py().import("os")?.call_method1("fsdecode", (path,))?;
        NameArg::from_str(decoded.cast::<PyString>()?)
    }

    fn from_str(text: &Bound<'_, PyString>) -> PyResult<NameArg> {
        match PyBackedStr::try_from(text.clone()) {
            Ok(text) => Ok(NameArg::Text(text)),
            Err(_) => Ok(NameArg::CodePoints(code_points(text)?)),
        }
    }

    pub(crate) fn as_name(&self) -> Name<'_> {
        match self {
            NameArg::Text(text) => Name::from(&**text),
            NameArg::CodePoints(code_points) => Name::from(&code_points[..]),
        }
    }
}

/// The code points of a `str`, lone surrogates included.
#[allow(unsafe_code)] // encoding and decoding takes five times as long
pub(crate) fn code_points(text: &Bound<'_, PyString>) -> PyResult<Vec<u32>> {
    let mut code_points = vec![0; text.len()?];
    let (begin, count) = (code_points.as_mut_ptr(), code_points.len() as ffi::Py_ssize_t);
    // SAFETY: it is a `str`, and at most `count` numbers are written, with no zero at the end.
    let written = unsafe { ffi::PyUnicode_AsUCS4(text.as_ptr(), begin, count, 0) };
    if written.is_null() { Err(PyErr::fetch(text.py())) } else { Ok(code_points) }
}

/// The glob of a `str`.
pub(crate) fn glob(text: &Bound<'_, PyString>) -> PyResult<NameGlob> {
    match PyBackedStr::try_from(text.clone()) {
        Ok(text) => Ok(NameGlob::new(&text)),
        Err(_) => NameGlob::from_code_points(code_points(text)?).map_err(|e| raise(text.py(), e)),
    }
}

/// The `str` of a glob.
pub(crate) fn glob_text<'py>(py: Python<'py>, glob: &NameGlob) -> PyResult<Bound<'py, PyAny>> {
    match glob.as_str() {
        Some(text) => Ok(PyString::new(py, text).into_any()),
        None => Ok(text_of_code_points(py, glob.code_points())?.into_any()),
    }
}

/// The `str` of code points, lone surrogates included.
pub(crate) fn text_of_code_points(
    py: Python<'_>,
    code_points: impl Iterator<Item = u32>,
) -> PyResult<Bound<'_, PyString>> {
    let mut bytes = Vec::new();
    for code_point in code_points {
        match char::from_u32(code_point) {
            Some(character) => bytes.extend(character.encode_utf8(&mut [0; 4]).bytes()),
            // A lone surrogate, as `surrogatepass` has it.
            None => bytes.extend([
                0xE0 | (code_point >> 12) as u8,
                0x80 | (code_point >> 6 & 0x3F) as u8,
                0x80 | (code_point & 0x3F) as u8,
            ]),
        }
    }
    let text = PyBytes::new(py, &bytes).call_method1("decode", ("utf-8", "surrogatepass"))?;
    Ok(text.cast_into()?)
}

/// The words of a mask as a Python `int`.
pub(crate) fn bits<'py>(py: Python<'py>, words: &[u64]) -> PyResult<Bound<'py, PyAny>> {
    match *words {
        [] => Ok(0_u64.into_pyobject(py)?.into_any()),
        [word] => Ok(word.into_pyobject(py)?.into_any()),
        ref words => {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let int = py.get_type::<PyInt>();
            int.call_method1(
                intern!(py, "from_bytes"),
                (PyBytes::new(py, &bytes), intern!(py, "little")),
            )
        }
    }
}

/// The `TypeError` for an argument, or an item of one, that is of another type than expected.
pub(crate) fn wrong_type(place: &str, expected: &str, found: &Bound<'_, PyAny>) -> PyErr {
    let found = found.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
    PyTypeError::new_err(format!("{place} must be {expected}, not {found}"))
}

/// An argument that may be left out, and may not be `None`.
pub(crate) struct Given<'py>(pub(crate) Option<Bound<'py, PyAny>>);

impl<'py> FromPyObject<'_, 'py> for Given<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Given<'py>> {
        Ok(Given(Some(object.to_owned())))
    }
}

/// Calls `take` with each item of an iterable argument and its index. `expected` is what the
/// argument should be, in words.
pub(crate) fn each_item<'py>(
    argument: &str,
    expected: &str,
    object: &Bound<'py, PyAny>,
    mut take: impl FnMut(usize, &Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    let py = object.py();
    if object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>() {
        return Err(wrong_type(argument, expected, object));
    }
    let iterator = object.try_iter().map_err(|error| {
        if !error.is_instance_of::<PyTypeError>(py) {
            return error;
        }
        let raised = wrong_type(argument, expected, object);
        raised.set_cause(py, Some(error));
        raised
    })?;
    iterator.enumerate().try_for_each(|(index, item)| take(index, &item?))
}

/// The converted items of an iterable argument. `convert` gets the place of each item, in
/// words. To write that takes longer than to match a name, so names use [`each_item`].
pub(crate) fn items<'py, T>(
    argument: &str,
    expected: &str,
    object: &Bound<'py, PyAny>,
    convert: impl Fn(&str, &Bound<'py, PyAny>) -> PyResult<T>,
) -> PyResult<Vec<T>> {
    let mut items = Vec::new();
    each_item(argument, expected, object, |index, item| {
        items.push(convert(&format!("{argument}[{index}]"), item)?);
        Ok(())
    })?;
    Ok(items)
}

/// The result of `__eq__`. `None` stands for another type than expected.
pub(crate) fn compared(py: Python<'_>, equal: Option<bool>) -> PyResult<Bound<'_, PyAny>> {
    Ok(match equal {
        Some(equal) => PyBool::new(py, equal).to_owned().into_any(),
        None => py.NotImplemented().into_bound(py),
    })
}

/// The Python exception for an error of the core.
///
/// An I/O error becomes the `OSError` subclass of its number, with `strerror` in Python's
/// words and the path as `filename`. A note tells what was being done.
pub(crate) fn raise(py: Python<'_>, error: Error) -> PyErr {
    exception(py, &error).unwrap_or_else(|failure| failure)
}

fn exception(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    Ok(match error.kind() {
        ErrorKind::Io => io_exception(py, error)?,
        ErrorKind::Loop => {
            let errno = py.import("errno")?.getattr("ELOOP")?.extract()?;
            let raised = os_error(py, errno, error)?;
            let ancestor = error.loop_ancestor().map(|path| os_text(py, path.as_os_str()));
            let note = PyString::new(py, "the link leads back to ").add(ancestor.transpose()?)?;
            raised.value(py).call_method1("add_note", (note,))?;
            raised
        }
        ErrorKind::Refused => {
            let errno: i32 = py.import("errno")?.getattr("EINVAL")?.extract()?;
            let arguments = (errno, error.message(), filename(py, error)?);
            PyErr::from_value(py.get_type::<PyOSError>().call1(arguments)?)
        }
        ErrorKind::TextSyntax => text_error(py, error)?,
        ErrorKind::Internal | ErrorKind::OtherProcess => PyRuntimeError::new_err(error.to_string()),
        _ => PyValueError::new_err(error.to_string()),
    })
}

fn io_exception(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let Some(io) = error.io_error() else {
        return Ok(PyRuntimeError::new_err(error.to_string()));
    };
    let raised = match io.raw_os_error() {
        Some(errno) => os_error(py, errno, error)?,
        None if io.kind() == std::io::ErrorKind::InvalidInput => {
            // A NUL in the path: the operating system was not asked.
            return Ok(PyValueError::new_err(error.to_string()));
        }
        None => {
            // What the core says itself, in its own words.
            let name = match io.kind() {
                std::io::ErrorKind::ResourceBusy => "EBUSY",
                std::io::ErrorKind::FileTooLarge => "EFBIG",
                _ => "EIO",
            };
            let errno: i32 = py.import("errno")?.getattr(name)?.extract()?;
            let arguments = (errno, io.to_string(), filename(py, error)?);
            PyErr::from_value(py.get_type::<PyOSError>().call1(arguments)?)
        }
    };
    if let Some(operation) = error.operation() {
        raised.add_note(py, format!("while {}", operation.description()))?;
    }
    Ok(raised)
}

fn os_error(py: Python<'_>, errno: i32, error: &Error) -> PyResult<PyErr> {
    let strerror = py.import("os")?.call_method1("strerror", (errno,))?.unbind();
    // OSError picks the subclass when it is called, but not when it is raised with lazy
    // arguments.
    let class = py.get_type::<PyOSError>();
    let filename = filename(py, error)?;
    let value = if cfg!(windows) {
        // The number is one of Windows. Python finds the errno that belongs to it.
        let message = error.io_error().map_or_else(|| error.message(), |io| io.to_string());
        class.call1((0, message, filename, errno))?
    } else {
        class.call1((errno, strerror, filename))?
    };
    Ok(PyErr::from_value(value))
}

fn filename(py: Python<'_>, error: &Error) -> PyResult<Py<PyAny>> {
    Ok(match error.path() {
        Some(path) => os_text(py, path.as_os_str())?.into_any().unbind(),
        None => py.None(),
    })
}

/// The exception for broken JSON `text`.
fn json_decode_error(py: Python<'_>, error: &Error, text: &[u8]) -> PyResult<PyErr> {
    let class = py.import("json")?.getattr("JSONDecodeError")?;
    let place = error.place().unwrap_or_default();
    let message =
        if place.is_empty() { error.message() } else { format!("{place}: {}", error.message()) };
    // The position counts in the text that was read, or in a text nested in it.
    let text = PyBytes::new(py, error.nested_text().unwrap_or(text));
    let text = text.call_method1("decode", ("utf-8", "surrogatepass"))?;
    Ok(PyErr::from_value(class.call1((message, text, error.offset().unwrap_or(0)))?))
}

/// The exception for an error in a pattern's JSON `text`.
pub(crate) fn raise_json(py: Python<'_>, error: Error, text: &[u8]) -> PyErr {
    match error.kind() {
        ErrorKind::JsonSyntax => json_decode_error(py, &error, text).unwrap_or_else(|e| e),
        _ => raise(py, error),
    }
}
