//! `PatternMatcher` and `ExcludeRules`.

use pathvein_core::{ExcludeRules as CoreRules, NameSet};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use crate::convert::{NameArg, bits, compared, glob, glob_text, raise, wrong_type};

/// The strings that an argument is: one, or an iterable of them.
fn strings<'py>(argument: &str, object: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyString>>> {
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(vec![text.clone()]);
    }
    let Ok(iterator) = object.try_iter() else {
        return Err(wrong_type(argument, "str or an iterable of str", object));
    };
    iterator
        .enumerate()
        .map(|(index, item)| {
            let item = item?;
            item.cast_into::<PyString>()
                .map_err(|e| wrong_type(&format!("{argument}[{index}]"), "str", &e.into_inner()))
        })
        .collect()
}

/// Name globs compiled into one set.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct PatternMatcher {
    set: NameSet,
}

#[pymethods]
impl PatternMatcher {
    #[new]
    fn new(patterns: &Bound<'_, PyAny>) -> PyResult<PatternMatcher> {
        let globs = strings("patterns", patterns)?;
        let globs = globs.iter().map(glob).collect::<PyResult<Vec<_>>>()?;
        Ok(PatternMatcher { set: NameSet::new(globs) })
    }

    /// Whether any glob matches the name.
    fn matches(&self, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.set.is_match(NameArg::new(name)?.as_name()))
    }

    /// Whether every glob matches the name.
    fn matches_all(&self, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.set.matching(NameArg::new(name)?.as_name()).len() == self.set.len())
    }

    /// The globs that match the name, in the order given.
    fn matching_patterns<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        let name = NameArg::new(name)?;
        let globs = self.set.globs();
        let matching = self.set.matching(name.as_name());
        let texts: Vec<_> = matching
            .into_iter()
            .map(|index| glob_text(py, &globs[index]))
            .collect::<PyResult<_>>()?;
        PyList::new(py, texts)
    }

    /// An int whose bit i says whether any glob matches names[i].
    fn match_many<'py>(
        &self,
        py: Python<'py>,
        names: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let names = self.names(names)?;
        bits(py, &py.detach(|| self.set.match_many(names.iter().map(NameArg::as_name))))
    }

    /// An int whose bit j says whether any of the names matches glob j.
    fn matched_patterns<'py>(
        &self,
        py: Python<'py>,
        names: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let names = self.names(names)?;
        bits(py, &py.detach(|| self.set.matched_globs(names.iter().map(NameArg::as_name))))
    }

    fn __len__(&self) -> usize {
        self.set.len()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("PatternMatcher({})", self.texts(py)?.repr()?))
    }

    fn __getnewargs__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, [self.texts(py)?])
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let other_set = other.cast::<PatternMatcher>().map(|other| &other.get().set);
        compared(other.py(), other_set.ok().map(|set| set.globs() == self.set.globs()))
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.set.globs().hash(&mut hasher);
        hasher.finish()
    }
}

impl PatternMatcher {
    fn texts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let texts: Vec<_> =
            self.set.globs().iter().map(|g| glob_text(py, g)).collect::<PyResult<_>>()?;
        PyList::new(py, texts)
    }

    fn names(&self, names: &Bound<'_, PyAny>) -> PyResult<Vec<NameArg>> {
        let one = names.is_instance_of::<PyString>() || names.is_instance_of::<PyBytes>();
        let Some(iterator) = (if one { None } else { names.try_iter().ok() }) else {
            return Err(PyTypeError::new_err(format!(
                "names must be an iterable of names, not {}",
                names.get_type().name()?
            )));
        };
        iterator.map(|name| NameArg::new(&name?)).collect()
    }
}

/// Path globs that say what a scan leaves out.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct ExcludeRules {
    pub(crate) rules: CoreRules,
    texts: Vec<String>,
}

#[pymethods]
impl ExcludeRules {
    #[new]
    #[pyo3(signature = (rules = None))]
    fn new(py: Python<'_>, rules: Option<&Bound<'_, PyAny>>) -> PyResult<ExcludeRules> {
        let mut texts = Vec::new();
        for rule in rules.map_or_else(|| Ok(Vec::new()), |rules| strings("exclude", rules))? {
            match rule.to_str() {
                Ok(text) => texts.push(text.to_owned()),
                Err(_) => {
                    let shown = rule.repr()?;
                    return Err(pyo3::exceptions::PyValueError::new_err(format!(
                        "exclude rule {shown}: it holds lone surrogates; use ? or * instead"
                    )));
                }
            }
        }
        let rules = CoreRules::new(&texts).map_err(|error| raise(py, error))?;
        Ok(ExcludeRules { rules, texts })
    }

    /// Whether the entry at a path relative to the source is excluded.
    fn is_excluded(&self, path: std::path::PathBuf, is_directory: bool) -> bool {
        self.rules.is_excluded(path, is_directory)
    }

    fn __bool__(&self) -> bool {
        !self.texts.is_empty()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("ExcludeRules({})", PyList::new(py, &self.texts)?.repr()?))
    }

    fn __getnewargs__(&self) -> (Vec<String>,) {
        (self.texts.clone(),)
    }
}
