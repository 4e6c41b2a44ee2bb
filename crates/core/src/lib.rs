//! Find directories by their structure.
//!
//! (overview to come)

mod error;
mod glob;
mod name;
mod name_set;
mod pattern;

pub use error::{Error, ErrorKind, Operation};
pub use glob::NameGlob;
pub use name::Name;
pub use name_set::NameSet;
pub use pattern::{FileStructurePattern, FileStructurePatternBuilder, MAX_LEVELS};
