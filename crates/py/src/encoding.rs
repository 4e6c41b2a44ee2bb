//! Names on disk in Python: `os.fsdecode`, by the interpreter's own encoding.
//!
//! That is UTF-8 almost everywhere, and then the core decodes names itself, while it
//! matches them. Where it is not, the core is given a decoder. An encoding of single bytes
//! is a table. For any other a worker must attach to the interpreter, for each name that is
//! not ASCII.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use pathvein_core::{Name, NameDecoder};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyCFunction, PyString};

use crate::convert::code_points;

/// The decoder of names on disk. `None` if the core needs none.
pub(crate) fn decoder(py: Python<'_>) -> PyResult<Option<&NameDecoder>> {
    static DECODER: PyOnceLock<Option<NameDecoder>> = PyOnceLock::new();
    DECODER.get_or_try_init(py, || make_decoder(py)).map(Option::as_ref)
}

fn make_decoder(py: Python<'_>) -> PyResult<Option<NameDecoder>> {
    let encoding = py.import("sys")?.call_method0("getfilesystemencoding")?;
    if cfg!(windows) || encoding.extract::<&str>()? == "utf-8" {
        return Ok(None);
    }
    let decode = |bytes: &[u8]| code_points(&fsdecode(py, bytes)?);
    let upper: Vec<u8> = (0x80..=0xFF).collect();
    let single: Vec<Vec<u32>> =
        upper.iter().map(|byte| decode(&[*byte])).collect::<PyResult<_>>()?;
    let table = single.concat();
    if single.iter().all(|one| one.len() == 1) && decode(&upper)? == table {
        return Ok(Some(NameDecoder::new(move |name| {
            let bytes = name.as_encoded_bytes().iter();
            bytes.map(|&b| if b < 0x80 { b.into() } else { table[usize::from(b) - 0x80] }).collect()
        })));
    }
    stop_before_exit(py)?;
    Ok(Some(NameDecoder::new(|name| {
        attached(|py| code_points(&fsdecode(py, name.as_encoded_bytes())?))
            // What it then finds is refused.
            .unwrap_or_else(|| Name::from(name).code_points().collect())
    })))
}

/// `os.fsdecode` of bytes.
pub(crate) fn fsdecode<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
    let text = py.import("os")?.call_method1("fsdecode", (PyBytes::new(py, bytes),))?;
    Ok(text.cast_into()?)
}

/// The `str` of a name or path on disk.
pub(crate) fn os_text<'py>(py: Python<'py>, name: &OsStr) -> PyResult<Bound<'py, PyString>> {
    if name.is_ascii() || decoder(py)?.is_none() {
        return Ok(name.into_pyobject(py)?);
    }
    fsdecode(py, name.as_encoded_bytes())
}

/// A `str` as the path that exclude rules see.
#[cfg(unix)]
pub(crate) fn utf8_path(text: &Bound<'_, PyString>) -> PyResult<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    // As the core has it for names on disk, with a decoder and without.
    let errors = if decoder(text.py())?.is_some() { "surrogatepass" } else { "surrogateescape" };
    let bytes = text.call_method1("encode", ("utf-8", errors))?.extract()?;
    Ok(std::ffi::OsString::from_vec(bytes).into())
}

/// A `str` as a path.
#[cfg(not(unix))]
pub(crate) fn utf8_path(text: &Bound<'_, PyString>) -> PyResult<PathBuf> {
    text.extract()
}

/// Whether the interpreter is about to end, and how many threads attach to it.
static ENDING: AtomicBool = AtomicBool::new(false);
static ATTACHING: AtomicUsize = AtomicUsize::new(0);

/// Calls `act` attached to the interpreter. `None` if that fails, or the interpreter ends: a
/// thread that attaches to it then is killed, or never returns.
fn attached<R>(act: impl for<'py> FnOnce(Python<'py>) -> PyResult<R>) -> Option<R> {
    ATTACHING.fetch_add(1, Ordering::SeqCst);
    let result = match ENDING.load(Ordering::SeqCst) {
        true => None,
        false => Python::try_attach(|py| act(py).ok()).flatten(),
    };
    ATTACHING.fetch_sub(1, Ordering::SeqCst);
    result
}

/// Raises a `RuntimeError` if the interpreter ends and names cannot be read any more, so that
/// nobody takes what is found for all that there is.
pub(crate) fn check_not_ending() -> PyResult<()> {
    if ENDING.load(Ordering::SeqCst) {
        let message = "a scan that reads names by Python's encoding cannot go on while Python ends";
        return Err(PyRuntimeError::new_err(message));
    }
    Ok(())
}

fn stop_before_exit(py: Python<'_>) -> PyResult<()> {
    let stop = PyCFunction::new_closure(py, None, None, |arguments, _| {
        ENDING.store(true, Ordering::SeqCst);
        arguments.py().detach(|| {
            // In a fork, the threads that attached when it was made are none of its own.
            let mut left = 200;
            while ATTACHING.load(Ordering::SeqCst) > 0 && left > 0 {
                thread::sleep(Duration::from_millis(1));
                left -= 1;
            }
        });
    })?;
    py.import("atexit")?.call_method1("register", (stop,))?;
    Ok(())
}
