//! Copying what belongs to a match.
//!
//! [`selection`] says what belongs to a match, by names alone, so that it serves trees of
//! any kind. [`plan`] finds out what is copied of a match on a local disk, and [`tree`] opens
//! its files.
//!
//! Of a copy on local disks, [`destinations`] says what is in whose way; [`engine`] does the work,
//! match by match, and [`running`] is what its caller sees of it. [`staging`] is where a match is
//! built; [`entries`] makes and opens what is in it, [`file`] copies contents, and [`metadata`]
//! the rest. [`spelling`] finds names that are one there. [`staged`] builds a match of what the
//! caller has.

#[cfg(unix)]
mod builder;
#[cfg(unix)]
mod destinations;
#[cfg(unix)]
mod engine;
#[cfg(unix)]
mod entries;
#[cfg(unix)]
mod file;
#[cfg(unix)]
mod metadata;
mod name_tests;
#[cfg(unix)]
mod names;
#[cfg(unix)]
mod plan;
#[cfg(unix)]
mod running;
#[cfg_attr(not(unix), allow(dead_code))] // what `plan` asks for
mod selection;
#[cfg(unix)]
mod spelling;
#[cfg(unix)]
mod staged;
#[cfg(unix)]
mod staging;
#[cfg(unix)]
mod tree;

#[cfg(unix)]
pub use builder::{Copy, PlannedCopy};
#[cfg(unix)]
pub use plan::{Links, MatchPlan, Plan, SkipReason, Skipped};
#[cfg(unix)]
pub use running::{Copied, Copies, CopyProgress, CopyStats, Outcome};
pub use selection::{Selected, Selection, SelectionProgram};
#[cfg(unix)]
pub use staged::StagedCopy;
#[cfg(unix)]
pub use tree::SourceTree;
