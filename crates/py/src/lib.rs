//! The Python module `pathvein_core`.

use pyo3::prelude::*;

/// The Rust core of pathvein.
#[pymodule(gil_used = false)]
mod pathvein_core {}
