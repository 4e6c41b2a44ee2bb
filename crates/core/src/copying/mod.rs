//! Copying what belongs to a match.
//!
//! [`selection`] says what belongs to a match, by names alone, so that it serves trees of
//! any kind. [`plan`] finds out what is copied of a match on a local disk, and [`tree`] opens
//! its files.

#[cfg(unix)]
mod plan;
mod selection;
#[cfg(unix)]
mod tree;

#[cfg(unix)]
pub use plan::{Links, MatchPlan, Plan, SkipReason, Skipped};
pub use selection::{Selected, Selection, SelectionProgram};
#[cfg(unix)]
pub use tree::SourceTree;
