//! What the tests of scans share, with the fuzz targets too: a naive reference
//! that follows docs/semantics.md to the letter, and trees and patterns made
//! from choices.

// No test uses all of it.
#![allow(dead_code)]

pub(crate) mod check;
#[cfg(unix)]
pub(crate) mod disk;
pub(crate) mod generate;
pub(crate) mod reference;
