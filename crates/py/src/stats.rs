//! `Stats`: how far a scan or a walk has come.

use std::time::SystemTime;

use pathvein_core::Stats as CoreStats;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

/// How far a scan or a walk has come.
#[pyclass(frozen, get_all, eq, module = "pathvein_core")]
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Stats {
    /// Directories listed.
    directories: usize,
    /// Entries listed. Directories are included, excluded entries are left out.
    entries: usize,
    /// Matches found; 0 for a walk.
    matches: usize,
    /// Things that went wrong.
    errors: usize,
    /// Links to directories that were not entered because follow_links was not set.
    links_not_followed: usize,
    /// Requests sent to a remote store.
    requests: usize,
    /// Keys listed by a remote store that is listed flat.
    keys: usize,
    /// Requests that were sent again. They are part of the requests.
    retries: usize,
    /// Matches that failed for nothing but links to directories that were not followed.
    hidden_by_links: usize,
    /// Directories that were not opened, as their link count told enough.
    skipped: usize,
    /// The most threads that were at work at a time.
    threads: usize,
    /// When the inventory was made that stands for the source.
    inventory_date: Option<SystemTime>,
}

#[pymethods]
impl Stats {
    #[new]
    #[pyo3(signature = (
        directories = 0,
        entries = 0,
        matches = 0,
        errors = 0,
        links_not_followed = 0,
        requests = 0,
        keys = 0,
        retries = 0,
        hidden_by_links = 0,
        skipped = 0,
        threads = 0,
        inventory_date = None,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        directories: usize,
        entries: usize,
        matches: usize,
        errors: usize,
        links_not_followed: usize,
        requests: usize,
        keys: usize,
        retries: usize,
        hidden_by_links: usize,
        skipped: usize,
        threads: usize,
        inventory_date: Option<SystemTime>,
    ) -> Stats {
        Stats {
            directories,
            entries,
            matches,
            errors,
            links_not_followed,
            requests,
            keys,
            retries,
            hidden_by_links,
            skipped,
            threads,
            inventory_date,
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let Stats { directories, entries, matches, errors, links_not_followed, .. } = self;
        let mut text = format!(
            "Stats(directories={directories}, entries={entries}, matches={matches}, \
             errors={errors}, links_not_followed={links_not_followed}"
        );
        // Only remote stores have requests.
        if self.requests > 0 {
            let Stats { requests, keys, retries, .. } = self;
            text += &format!(", requests={requests}, keys={keys}, retries={retries}");
        }
        if self.hidden_by_links > 0 {
            text += &format!(", hidden_by_links={}", self.hidden_by_links);
        }
        // Those of a local scan.
        if self.skipped > 0 {
            text += &format!(", skipped={}", self.skipped);
        }
        if self.threads > 0 {
            text += &format!(", threads={}", self.threads);
        }
        if let Some(date) = self.inventory_date {
            text += &format!(", inventory_date={}", date.into_pyobject(py)?.repr()?);
        }
        Ok(text + ")")
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        (self.counts(), self.inventory_date).hash(&mut hasher);
        hasher.finish()
    }

    /// The date is among the arguments only where there is one: whoever sums counts takes them
    /// from here.
    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        let mut arguments = PyTuple::new(slf.py(), slf.get().counts())?;
        if let Some(date) = slf.get().inventory_date {
            arguments = arguments.add((date,))?.cast_into()?;
        }
        Ok((slf.get_type(), arguments))
    }
}

impl Stats {
    /// In the order of the constructor's arguments.
    fn counts(&self) -> [usize; 11] {
        [
            self.directories,
            self.entries,
            self.matches,
            self.errors,
            self.links_not_followed,
            self.requests,
            self.keys,
            self.retries,
            self.hidden_by_links,
            self.skipped,
            self.threads,
        ]
    }
}

impl From<CoreStats> for Stats {
    fn from(stats: CoreStats) -> Stats {
        Stats {
            directories: stats.directories,
            entries: stats.entries,
            matches: stats.matches,
            errors: stats.errors,
            links_not_followed: stats.links_not_followed,
            requests: 0,
            keys: 0,
            retries: 0,
            hidden_by_links: stats.hidden_by_links,
            skipped: stats.skipped,
            threads: stats.threads,
            inventory_date: None,
        }
    }
}
