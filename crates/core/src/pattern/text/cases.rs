//! The cases of tests/data.
