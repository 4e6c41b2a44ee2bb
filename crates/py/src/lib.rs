//! The Python module `pathvein_core`: conversion and errors, no logic.

mod convert;
#[cfg(unix)]
mod copy;
mod encoding;
mod findings;
mod key_stream;
mod keys;
mod listing_scan;
mod matcher;
mod pattern;
mod pickling;
#[cfg(unix)]
mod plan;
mod requirement;
mod running;
mod scan;
mod selection;
mod stats;
mod subtrees;
mod text;

use pyo3::prelude::*;

/// The Rust core of pathvein.
#[pymodule(gil_used = false)]
mod pathvein_core {
    #[cfg(unix)]
    #[pymodule_export]
    use crate::copy::{Copy, Staging};
    #[pymodule_export]
    use crate::key_stream::{KeySorter, KeyStream};
    #[pymodule_export]
    use crate::keys::{KeyScan, KeyWalk, read_list_page};
    #[pymodule_export]
    use crate::listing_scan::ListingScan;
    #[pymodule_export]
    use crate::matcher::{ExcludeRules, PatternMatcher};
    #[pymodule_export]
    use crate::pattern::FileStructurePattern;
    #[cfg(unix)]
    #[pymodule_export]
    use crate::plan::Plan;
    #[pymodule_export]
    use crate::requirement::{Directories, Files, Regex};
    #[pymodule_export]
    use crate::scan::{Scan, Walk};
    #[pymodule_export]
    use crate::selection::{Selected, Selection};
    #[pymodule_export]
    use crate::stats::Stats;
    #[pymodule_export]
    use crate::subtrees::{DividedScan, SubtreeScan, read_subtree};
    #[pymodule_export]
    use crate::text::PatternTextError;

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
