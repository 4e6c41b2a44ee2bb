//! The parts that the tests of scans and the fuzz targets share: a naive reference that
//! follows docs/semantics.md to the letter, and trees and patterns made from choices.

// No test file uses all of this module.
#![allow(dead_code)]

pub(crate) mod check;
pub(crate) mod check_cases;
pub(crate) mod check_reference;
#[cfg(unix)]
pub(crate) mod disk;
pub(crate) mod faults;
pub(crate) mod generate;
pub(crate) mod keys;
pub(crate) mod long;
pub(crate) mod reference;
pub(crate) mod shown;
pub(crate) mod tasks;
