//! `KeyScan` and `KeyWalk`: keys in sorted order, told from Python.

use std::sync::{Mutex, PoisonError};

use pathvein_core::{
    Error, ExcludeRules as CoreRules, KeyCounts, KeyScan as CoreScan, KeyWalk as CoreWalk, RangeId,
};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use crate::convert::raise;
use crate::matcher::ExcludeRules;
use crate::pattern::FileStructurePattern;

/// A directory: its path, its directories' names and its files' names.
type Directory = (String, Vec<String>, Vec<String>);

fn rules(exclude: Option<&Bound<'_, ExcludeRules>>) -> CoreRules {
    exclude.map(|exclude| exclude.get().rules.clone()).unwrap_or_default()
}

/// Works on what is behind the mutex. (A panic while it was locked was raised
/// where it happened.)
fn with<T, R>(keyed: &Mutex<T>, act: impl FnOnce(&mut T) -> R) -> R {
    act(&mut keyed.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The methods that both kinds share; the rest of the class follows.
macro_rules! keyed {
    ($class:ident, $core:ty, { $($rest:tt)* }) => {
        #[pymethods]
        impl $class {
            /// The range of all keys.
            fn whole(&self) -> u64 {
                self.whole.to_raw()
            }

            /// Cuts a range at a key; gives the range of the rest, `at` included.
            fn split(&self, py: Python<'_>, range_id: u64, at: &str) -> PyResult<u64> {
                let split = |keyed: &mut $core| keyed.split(RangeId::from_raw(range_id), at);
                let rest = with(&self.keyed, split).map_err(|error: Error| raise(py, error))?;
                Ok(rest.to_raw())
            }

            /// Takes the next keys of a range, in sorted order.
            fn keys(&self, py: Python<'_>, range_id: u64, keys: Vec<PyBackedStr>) -> PyResult<()> {
                let keys = keys.iter().map(|key| &**key);
                let take = |keyed: &mut $core| keyed.keys(RangeId::from_raw(range_id), keys);
                with(&self.keyed, take).map_err(|error| raise(py, error))
            }

            /// Takes the next directory of a range; tells whether anything inside is
            /// wanted.
            fn prefix(&self, py: Python<'_>, range_id: u64, prefix: &str) -> PyResult<bool> {
                let take = |keyed: &mut $core| keyed.prefix(RangeId::from_raw(range_id), prefix);
                with(&self.keyed, take).map_err(|error| raise(py, error))
            }

            /// The prefix of the directory at the range's place inside which nothing more
            /// is wanted.
            fn skip(&self, range_id: u64) -> Option<String> {
                with(&self.keyed, |keyed| keyed.skip(RangeId::from_raw(range_id)).map(str::to_owned))
            }

            /// Tells that a range has no more keys.
            fn end(&self, range_id: u64) {
                with(&self.keyed, |keyed| keyed.end(RangeId::from_raw(range_id)));
            }

            /// Directories, entries and keys so far.
            fn counts(&self) -> (usize, usize, usize) {
                let KeyCounts { directories, entries, keys, .. } =
                    with(&self.keyed, |keyed| keyed.counts());
                (directories, entries, keys)
            }

            $($rest)*
        }
    };
}

/// A scan that is told keys in sorted order.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct KeyScan {
    keyed: Mutex<CoreScan>,
    whole: RangeId,
}

keyed!(KeyScan, CoreScan, {
    #[new]
    #[pyo3(signature = (patterns, source_name, max_depth = None, exclude = None))]
    fn new(
        patterns: Vec<Bound<'_, FileStructurePattern>>,
        source_name: &str,
        max_depth: Option<usize>,
        exclude: Option<&Bound<'_, ExcludeRules>>,
    ) -> Self {
        let patterns: Vec<_> = patterns.iter().map(|p| p.get().core()).collect();
        let (scan, whole) = CoreScan::new(&patterns, source_name, max_depth, rules(exclude));
        KeyScan { keyed: Mutex::new(scan), whole }
    }

    /// Since the last call: the matches, as path and position of the pattern, and
    /// keys that are no path.
    fn take(&self) -> (Vec<(String, usize)>, Vec<String>) {
        with(&self.keyed, |scan| (scan.take_matches(), scan.take_bad()))
    }
});

/// A walk that is told keys in sorted order.
#[pyclass(frozen, module = "pathvein_core")]
pub(crate) struct KeyWalk {
    keyed: Mutex<CoreWalk>,
    whole: RangeId,
}

keyed!(KeyWalk, CoreWalk, {
    #[new]
    #[pyo3(signature = (max_depth = None, exclude = None))]
    fn new(max_depth: Option<usize>, exclude: Option<&Bound<'_, ExcludeRules>>) -> Self {
        let (walk, whole) = CoreWalk::new(max_depth, rules(exclude));
        KeyWalk { keyed: Mutex::new(walk), whole }
    }

    /// Since the last call: the directories told wholly, and keys that are no path.
    fn take(&self) -> (Vec<Directory>, Vec<String>) {
        let (directories, bad) =
            with(&self.keyed, |walk| (walk.take_directories(), walk.take_bad()));
        (directories.into_iter().map(|d| (d.path, d.directories, d.files)).collect(), bad)
    }
});
