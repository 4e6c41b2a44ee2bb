//! CPython's own `fnmatch`, embedded: a literal matches itself.
//! (Placeholder that shows how Python is reached; the name set is to come.)

#![no_main]

use libfuzzer_sys::fuzz_target;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

static FNMATCHCASE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

fuzz_target!(|name: &str| {
    if name.contains(['*', '?', '[']) {
        return;
    }
    Python::attach(|py| {
        let fnmatchcase = FNMATCHCASE
            .get_or_try_init(py, || {
                Ok::<_, PyErr>(py.import("fnmatch")?.getattr("fnmatchcase")?.unbind())
            })
            .unwrap();
        let matched: bool = fnmatchcase.call1(py, (name, name)).unwrap().extract(py).unwrap();
        assert!(matched, "{name:?}");
    });
});
