//! `Scan` and `Walk`: running traversals of local trees.

use std::ffi::OsString;
use std::path::PathBuf;

use pathvein_core::{
    Check, Checked, Explain, FileStructurePattern as CorePattern, Listing, Match, PatternSet,
    Scan as CoreScan, Walk as CoreWalk,
};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::encoding::{decoder, os_text};
use crate::findings::Converter;
use crate::matcher::{ExcludeRules, rules};
use crate::pattern::FileStructurePattern;
use crate::running::{PyBatch, Running};
use crate::stats::Stats;

/// A running scan of a local tree.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct Scan {
    running: Found,
}

/// What is looked for.
enum Found {
    Matches(Running<Match>),
    Checked(Running<Checked>),
}

/// A builder of the core with the options that all have.
macro_rules! with_options {
    ($builder:expr, $options:expr, $decoder:expr) => {{
        let (exclude, follow_links, one_file_system, threads) = $options;
        $builder
            .exclude(rules(exclude))
            .decode_names($decoder)
            .follow_links(follow_links)
            .one_file_system(one_file_system)
            .threads(threads)
    }};
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
        check = false,
        explain = false,
        leaf_skip = true,
        trust_link_counts = false,
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
        check: bool,
        explain: bool,
        leaf_skip: bool,
        trust_link_counts: bool,
    ) -> PyResult<Scan> {
        let patterns: Vec<CorePattern> = patterns.iter().map(|p| p.get().core()).collect();
        let options = (exclude, follow_links, one_file_system, threads);
        let decoder = decoder(py)?.cloned();
        if let ([pattern], true) = (&patterns[..], explain) {
            let explain = with_options!(Explain::new(source, pattern), options, decoder);
            let running = Found::Checked(Running::start(py, move || explain.start())?);
            return Ok(Scan { running });
        }
        let patterns = py.detach(|| PatternSet::new(&patterns));
        let running = if check {
            let check = with_options!(Check::new(source, patterns), options, decoder)
                .max_depth(max_depth)
                .outermost(outermost)
                .leaf_skip(leaf_skip)
                .trust_link_counts(trust_link_counts);
            Found::Checked(Running::start(py, move || check.start())?)
        } else {
            let scan = with_options!(CoreScan::new(source, patterns), options, decoder)
                .max_depth(max_depth)
                .outermost(outermost)
                .leaf_skip(leaf_skip)
                .trust_link_counts(trust_link_counts);
            Found::Matches(Running::start(py, move || scan.start())?)
        };
        Ok(Scan { running })
    }

    /// Waits at most so many seconds for results. Returns the matches, each as path and
    /// position of the pattern, and of a check its findings; the errors; and whether the scan
    /// has ended.
    fn next_batch<'py>(&self, py: Python<'py>, seconds: f64) -> PyResult<PyBatch<'py>> {
        match &self.running {
            Found::Matches(running) => running.next_batch(py, seconds)?.into_python(py, |found| {
                let pattern = found.pattern();
                (os_text(py, found.path().as_os_str())?, pattern).into_pyobject(py)
            }),
            Found::Checked(running) => running.next_batch(py, seconds)?.into_python(py, |found| {
                let path = os_text(py, found.path().as_os_str())?;
                let findings = Converter::new(py, true).findings(found.findings())?;
                (path, found.pattern(), findings).into_pyobject(py)
            }),
        }
    }

    /// How far it has come.
    fn stats(&self) -> Stats {
        match &self.running {
            Found::Matches(running) => running.stats(),
            Found::Checked(running) => running.stats(),
        }
    }

    /// Stops the workers and waits for them.
    fn close(&self, py: Python<'_>) {
        match &self.running {
            Found::Matches(running) => running.close(py),
            Found::Checked(running) => running.close(py),
        }
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
