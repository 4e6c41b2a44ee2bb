//! Placeholder.

/// How many levels a pattern may nest; the root is level 1.
pub const MAX_LEVELS: usize = 128;

/// A pattern (to come).
#[derive(Clone, Debug)]
pub struct FileStructurePattern {}

/// Its builder (to come).
#[derive(Clone, Debug)]
pub struct FileStructurePatternBuilder {}
