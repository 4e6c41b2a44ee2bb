//! Find directories by their structure.
//!
//! (overview to come)

mod bits;
mod error;
mod exclude;
mod glob;
mod listing_scan;
mod matching;
mod name;
mod name_set;
mod pattern;
mod program;
mod scan;
mod traversal;
mod validate;
mod walk;

pub use bits::Bitmask;
pub use error::{Error, ErrorKind, Operation};
pub use exclude::ExcludeRules;
pub use glob::NameGlob;
pub use listing_scan::{DirectoryId, ListingScan};
pub use name::Name;
pub use name_set::NameSet;
pub use pattern::{FileStructurePattern, FileStructurePatternBuilder, MAX_LEVELS};
pub use scan::{Match, Matches, Scan};
pub use traversal::{Next, Stats};
pub use validate::{Problem, Severity};
pub use walk::{Listing, Listings, Walk};
