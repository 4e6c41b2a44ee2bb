//! Checking: what is missing of a pattern, and what came close.

mod checklist;
mod directory;
mod near;
mod notes;
mod record;
mod travel;

pub(crate) use checklist::{Builder, Checklists, Checks, Known, ListId, Listed, Purpose};
pub(crate) use directory::{Below, PackedBelow, PackedNotes, PackedOpened};
pub(crate) use directory::{Checking, Facts, Notes, Opened, Told};
pub(crate) use near::{Near, Nearness};
pub(crate) use notes::{Gathering, PackedGathering, decoded};
pub use record::{Answer, Closest, Finding, Findings, Inside, Place, Reason};
pub(crate) use travel::{FindingsTable, Packer, Unpacked};
