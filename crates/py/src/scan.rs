//! `Scan` and `Walk`: running traversals of local trees.

use std::ffi::OsString;
use std::path::PathBuf;

use pathvein_core::{
    FileStructurePattern as CorePattern, Listing, Match, PatternSet, Scan as CoreScan,
    Walk as CoreWalk,
};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::encoding::{decoder, os_text};
use crate::matcher::{ExcludeRules, rules};
use crate::pattern::FileStructurePattern;
use crate::running::{PyBatch, Running};
use crate::stats::Stats;

/// A running scan of a local tree.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct Scan {
    running: Running<Match>,
}

#[pymethods]
impl Scan {
    #[new]
    #[pyo3(signature = (
        source,
        patterns,
        *,
        exclude = None,
        max_depth = None,
        follow_links = false,
        one_file_system = false,
        outermost = false,
        threads = None,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        source: PathBuf,
        patterns: Vec<Bound<'_, FileStructurePattern>>,
        exclude: Option<&Bound<'_, ExcludeRules>>,
        max_depth: Option<usize>,
        follow_links: bool,
        one_file_system: bool,
        outermost: bool,
        threads: Option<usize>,
    ) -> PyResult<Scan> {
        let patterns: Vec<CorePattern> = patterns.iter().map(|p| p.get().core()).collect();
        let patterns = py.detach(|| PatternSet::new(&patterns));
        let scan = CoreScan::new(source, patterns)
            .exclude(rules(exclude))
            .decode_names(decoder(py)?.cloned())
            .max_depth(max_depth)
            .follow_links(follow_links)
            .one_file_system(one_file_system)
            .outermost(outermost)
            .threads(threads);
        Ok(Scan { running: Running::start(py, move || scan.start())? })
    }

    /// Waits at most so many seconds for results. Returns the matches, each as path and
    /// position of the pattern; the errors; and whether the scan has ended.
    fn next_batch<'py>(&self, py: Python<'py>, seconds: f64) -> PyResult<PyBatch<'py>> {
        let batch = self.running.next_batch(py, seconds)?;
        batch.into_python(py, |found| {
            let pattern = found.pattern();
            (os_text(py, found.path().as_os_str())?, pattern).into_pyobject(py)
        })
    }

    /// How far it has come.
    fn stats(&self) -> Stats {
        self.running.stats()
    }

    /// Stops the workers and waits for them.
    fn close(&self, py: Python<'_>) {
        self.running.close(py);
    }
}

/// A running walk of a local tree.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct Walk {
    running: Running<Listing>,
}

#[pymethods]
impl Walk {
    #[new]
    #[pyo3(signature = (
        source,
        *,
        exclude = None,
        max_depth = None,
        follow_links = false,
        one_file_system = false,
        threads = None,
    ))]
    fn new(
        py: Python<'_>,
        source: PathBuf,
        exclude: Option<&Bound<'_, ExcludeRules>>,
        max_depth: Option<usize>,
        follow_links: bool,
        one_file_system: bool,
        threads: Option<usize>,
    ) -> PyResult<Walk> {
        let walk = CoreWalk::new(source)
            .exclude(rules(exclude))
            .decode_names(decoder(py)?.cloned())
            .max_depth(max_depth)
            .follow_links(follow_links)
            .one_file_system(one_file_system)
            .threads(threads);
        Ok(Walk { running: Running::start(py, move || walk.start())? })
    }

    /// Waits at most so many seconds for listings. Returns the listings, each as path,
    /// directory names and file names; the errors; and whether the walk has ended.
    fn next_batch<'py>(&self, py: Python<'py>, seconds: f64) -> PyResult<PyBatch<'py>> {
        let batch = self.running.next_batch(py, seconds)?;
        let names = |names: Vec<OsString>| {
            let texts = names.iter().map(|name| os_text(py, name));
            PyList::new(py, texts.collect::<PyResult<Vec<_>>>()?)
        };
        batch.into_python(py, |listing| {
            let path = os_text(py, listing.path.as_os_str())?;
            (path, names(listing.directories)?, names(listing.files)?).into_pyobject(py)
        })
    }

    /// How far it has come.
    fn stats(&self) -> Stats {
        self.running.stats()
    }

    /// Stops the workers and waits for them.
    fn close(&self, py: Python<'_>) {
        self.running.close(py);
    }
}
