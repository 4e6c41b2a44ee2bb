//! Placeholder.

/// A set of name globs (to come).
#[derive(Clone, Debug, Default)]
pub struct NameSet {}
