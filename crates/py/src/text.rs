//! Pattern text: reading it, and its errors.

use pathvein_core::{Error, ErrorKind, FileStructurePattern as CorePattern};
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::{code_points, raise, raise_json, wrong_type};

create_exception!(
    pathvein_core,
    PatternTextError,
    PyValueError,
    "Text that is no pattern text, with the place of the error."
);

/// The exception for an error in pattern text.
pub(crate) fn text_error(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let raised = PatternTextError::new_err(error.to_string());
    let value = raised.value(py);
    value.setattr("line", error.line())?;
    value.setattr("column", error.column())?;
    value.setattr("offset", error.offset())?;
    Ok(raised)
}

fn text_of(argument: &Bound<'_, PyAny>) -> PyResult<Vec<u32>> {
    let text = argument.cast::<PyString>().map_err(|_| wrong_type("text", "str", argument))?;
    code_points(text)
}

/// The pattern of a text that holds one.
pub(crate) fn pattern_from_text(text: &Bound<'_, PyAny>) -> PyResult<CorePattern> {
    CorePattern::from_text_code_points(&text_of(text)?).map_err(|error| raise(text.py(), error))
}

/// The pattern of a string at `place`, which stands for a nested one.
pub(crate) fn pattern_from_string(
    place: &str,
    text: &Bound<'_, PyString>,
) -> PyResult<CorePattern> {
    CorePattern::from_string(&code_points(text)?, place).map_err(|error| match error.kind() {
        // The error has the text itself.
        ErrorKind::JsonSyntax => raise_json(text.py(), error, &[]),
        _ => raise(text.py(), error),
    })
}

/// The patterns of a text, at least one.
pub(crate) fn patterns_from_text(text: &Bound<'_, PyAny>) -> PyResult<Vec<CorePattern>> {
    CorePattern::several_from_text_code_points(&text_of(text)?)
        .map_err(|error| raise(text.py(), error))
}

/// Where the parts of the patterns of a text stand, of each pattern as places and offsets.
pub(crate) fn places_in_text(text: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<(String, usize)>>> {
    CorePattern::places_in_text(&text_of(text)?).map_err(|error| raise(text.py(), error))
}
