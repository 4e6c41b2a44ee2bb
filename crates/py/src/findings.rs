//! The findings of checks as plain Python objects. What is made of them is in the Python package.

use std::collections::HashMap;

use pathvein_core::{Answer, Finding, Findings, Inside, NameBuf};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::convert::text_of_code_points;
use crate::encoding::os_text;

/// Converts the findings of one result.
pub(crate) struct Converter<'py> {
    py: Python<'py>,
    /// Whether names are those of a disk, and not such as Python gave.
    on_disk: bool,
    /// What was made of what became of sub-directories, by address: it may be shared many times
    /// over. The result that is converted keeps all of it.
    seen: HashMap<*const Inside, Bound<'py, PyTuple>>,
}

impl<'py> Converter<'py> {
    pub(crate) fn new(py: Python<'py>, on_disk: bool) -> Converter<'py> {
        Converter { py, on_disk, seen: HashMap::new() }
    }

    /// A tuple of findings.
    pub(crate) fn findings(&mut self, findings: &Findings) -> PyResult<Bound<'py, PyTuple>> {
        if findings.is_empty() {
            return Ok(PyTuple::empty(self.py));
        }
        let made: Vec<_> =
            findings.iter().map(|finding| self.finding(finding)).collect::<PyResult<_>>()?;
        PyTuple::new(self.py, made)
    }

    fn finding(&mut self, finding: &Finding) -> PyResult<Bound<'py, PyTuple>> {
        let found: Vec<_> =
            finding.found.iter().map(|name| self.text(name)).collect::<PyResult<_>>()?;
        let found = PyTuple::new(self.py, found)?;
        let answer: u8 = match finding.answer {
            Answer::Met => 0,
            Answer::Missing => 1,
            Answer::Unknown => 2,
            Answer::Absent => 3,
        };
        let (mut reason, mut path, mut inside) = (None, None, None);
        if let Some(closest) = &finding.closest {
            reason = Some(PyString::intern(self.py, closest.reason.as_str()));
            path = Some(self.text(&closest.path)?);
            inside = closest.inside.as_deref().map(|inside| self.inside(inside)).transpose()?;
        }
        (finding.item, answer, found, finding.count, reason, path, inside).into_pyobject(self.py)
    }

    /// Goes down by recursion, at most as deep as patterns nest.
    fn inside(&mut self, inside: &Inside) -> PyResult<Bound<'py, PyTuple>> {
        if let Some(made) = self.seen.get(&std::ptr::from_ref(inside)) {
            return Ok(made.clone());
        }
        let findings = self.findings(&inside.findings)?;
        let made = (inside.alternative, inside.is_empty, findings).into_pyobject(self.py)?;
        self.seen.insert(inside, made.clone());
        Ok(made)
    }

    fn text(&self, name: &NameBuf) -> PyResult<Bound<'py, PyString>> {
        name_text(self.py, name, self.on_disk)
    }
}

/// The `str` of a name or of a path: one of a disk, or such as Python gave.
pub(crate) fn name_text<'py>(
    py: Python<'py>,
    name: &NameBuf,
    on_disk: bool,
) -> PyResult<Bound<'py, PyString>> {
    match name.as_bytes().map(std::str::from_utf8) {
        Some(Ok(text)) if !on_disk || text.is_ascii() => Ok(PyString::new(py, text)),
        Some(_) => os_text(py, &name.to_os_string()),
        None => text_of_code_points(py, name.as_name().code_points()),
    }
}
