//! `PatternMatcher` and `ExcludeRules`.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use pathvein_core::{AlternativeSet, Bitmask, ExcludeRules as CoreRules, NameAlternative};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyType};

use crate::convert::{Given, NameArg, bits, compared, each_item, items, raise, wrong_type};
use crate::encoding::utf8_path;
use crate::requirement::{Regex, alternative_object, name_alternative};

/// The strings of an argument that is one string or an iterable of strings.
fn strings<'py>(argument: &str, object: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyString>>> {
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(vec![text.clone()]);
    }
    items(argument, "str or an iterable of str", object, |place, item| {
        item.cast::<PyString>().cloned().map_err(|_| wrong_type(place, "str", item))
    })
}

/// The globs and regular expressions of an argument that is one or an iterable of them.
fn alternatives(object: &Bound<'_, PyAny>) -> PyResult<Vec<NameAlternative>> {
    if object.is_instance_of::<PyString>() || object.is_instance_of::<Regex>() {
        return Ok(vec![name_alternative("patterns", object)?]);
    }
    items("patterns", "str, Regex or an iterable of these", object, name_alternative)
}

/// Globs and regular expressions compiled into one set.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct PatternMatcher {
    set: AlternativeSet,
}

#[pymethods]
impl PatternMatcher {
    #[new]
    fn new(patterns: &Bound<'_, PyAny>) -> PyResult<PatternMatcher> {
        Ok(PatternMatcher { set: AlternativeSet::new(alternatives(patterns)?) })
    }

    /// Whether the name passes any.
    fn matches(&self, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.set.is_match(NameArg::new(name)?.as_name()))
    }

    /// Whether the name passes all.
    fn matches_all(&self, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.set.matching(NameArg::new(name)?.as_name()).len() == self.__len__())
    }

    /// Those that the name passes, in the order given.
    fn matching_patterns<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        let name = NameArg::new(name)?;
        let matching = self.set.matching(name.as_name());
        objects(py, matching.into_iter().map(|index| &self.set.items()[index]))
    }

    /// An int whose bit i says whether names[i] passes any.
    fn match_many<'py>(
        &self,
        py: Python<'py>,
        names: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut mask = Bitmask::new();
        each_chunk(names, |chunk| {
            chunk.iter().for_each(|name| mask.push(self.set.is_match(name.as_name())));
        })?;
        bits(py, mask.as_words())
    }

    /// An int whose bit j says whether any of the names passes the pattern j.
    fn matched_patterns<'py>(
        &self,
        py: Python<'py>,
        names: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut hits = vec![0; self.__len__().div_ceil(64)];
        each_chunk(names, |chunk| {
            chunk.iter().for_each(|name| self.set.hit(name.as_name(), &mut hits));
        })?;
        bits(py, &hits)
    }

    fn __len__(&self) -> usize {
        self.set.items().len()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("PatternMatcher({})", objects(py, self.set.items())?.repr()?))
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyType>, (Bound<'py, PyList>,))> {
        Ok((slf.get_type(), (objects(slf.py(), slf.get().set.items())?,)))
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let other_set = other.cast::<PatternMatcher>().map(|other| &other.get().set);
        compared(other.py(), other_set.ok().map(|set| set.items() == self.set.items()))
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.set.items().hash(&mut hasher);
        hasher.finish()
    }
}

fn objects<'py, 'p>(
    py: Python<'py>,
    items: impl IntoIterator<Item = &'p NameAlternative>,
) -> PyResult<Bound<'py, PyList>> {
    let objects = items.into_iter().map(|item| alternative_object(py, item));
    PyList::new(py, objects.collect::<PyResult<Vec<_>>>()?)
}

/// How many names are converted before they are matched.
const CHUNK: usize = 4096;
/// So few names are matched as `matches` does it: to let go of the interpreter takes longer.
const FEW: usize = 4;

/// Calls `take` with the names, a chunk at a time and without the interpreter. There may be
/// millions.
fn each_chunk(names: &Bound<'_, PyAny>, mut take: impl FnMut(&[NameArg]) + Send) -> PyResult<()> {
    let py = names.py();
    let mut chunk: Vec<NameArg> = Vec::new();
    each_item("names", "an iterable of names", names, |_, name| {
        if chunk.len() == CHUNK {
            py.detach(|| take(&chunk));
            py.check_signals()?;
            chunk.clear();
        }
        chunk.push(NameArg::after(chunk.last(), name)?);
        Ok(())
    })?;
    if chunk.len() > FEW {
        py.detach(|| take(&chunk));
    } else {
        take(&chunk);
    }
    Ok(())
}

/// The rules of an argument that may be left out.
pub(crate) fn rules(exclude: Option<&Bound<'_, ExcludeRules>>) -> CoreRules {
    exclude.map(|exclude| exclude.get().rules()).unwrap_or_default()
}

/// Path globs of entries that a scan leaves out.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct ExcludeRules {
    rules: CoreRules,
    texts: Vec<String>,
}

impl ExcludeRules {
    pub(crate) fn rules(&self) -> CoreRules {
        self.rules.clone()
    }
}

#[pymethods]
impl ExcludeRules {
    #[new]
    #[pyo3(signature = (rules = Given(None)), text_signature = "(rules=())")]
    fn new(py: Python<'_>, rules: Given<'_>) -> PyResult<ExcludeRules> {
        let mut texts = Vec::new();
        for rule in rules.0.map_or_else(|| Ok(Vec::new()), |rules| strings("exclude", &rules))? {
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
    fn is_excluded(&self, path: &Bound<'_, PyString>, is_directory: bool) -> PyResult<bool> {
        Ok(match path.to_str() {
            Ok(text) => self.rules.is_excluded(text, is_directory),
            Err(_) => self.rules.is_excluded(utf8_path(path)?, is_directory),
        })
    }

    /// Raises a `ValueError` for a rule that begins with the source's own path and so can match
    /// nothing. `holds` is asked what a source that is not on a disk holds.
    #[pyo3(signature = (source, holds = None))]
    fn check_source(
        &self,
        py: Python<'_>,
        source: PathBuf,
        holds: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let Some(holds) = holds else {
            let checked = py.detach(|| self.rules.check_source(&source));
            return checked.map_err(|error| raise(py, error));
        };
        let raised = RefCell::new(None);
        let asked = |path: &Path| match holds.call1((path.as_os_str(),)).and_then(|a| a.is_truthy())
        {
            Ok(answer) => answer,
            Err(error) => {
                raised.replace(Some(error));
                true
            }
        };
        let checked = self.rules.check_remote_source(&source, asked);
        match raised.take() {
            Some(error) => Err(error),
            None => checked.map_err(|error| raise(py, error)),
        }
    }

    fn __bool__(&self) -> bool {
        !self.texts.is_empty()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("ExcludeRules({})", PyList::new(py, &self.texts)?.repr()?))
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let other_rules = other.cast::<ExcludeRules>().map(|other| &other.get().texts);
        compared(other.py(), other_rules.ok().map(|texts| *texts == self.texts))
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.texts.hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyType>, (Vec<String>,)) {
        (slf.get_type(), (slf.get().texts.clone(),))
    }
}
