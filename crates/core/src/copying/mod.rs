//! Copying what belongs to a match.
//!
//! [`selection`] says what belongs to a match, by names alone, so that it serves trees of
//! any kind.

mod selection;

pub use selection::{Selected, Selection, SelectionProgram};
