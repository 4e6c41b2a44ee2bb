//! How a tree is traversed.

use std::num::NonZeroUsize;

use crate::ExcludeRules;

/// The options that [`Scan`](crate::Scan) and [`Walk`](crate::Walk) share.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) exclude: ExcludeRules,
    pub(crate) max_depth: Option<usize>,
    pub(crate) follow_links: bool,
    pub(crate) one_file_system: bool,
    /// Whether directories need not be opened of which their link count tells enough.
    pub(crate) leaf_skip: bool,
    /// Whether that count is trusted on every file system.
    pub(crate) trust_link_counts: bool,
    pub(crate) threads: Option<NonZeroUsize>,
    /// Use the portable lister: for the tests that compare the listers.
    #[cfg(feature = "test-hooks")]
    pub(crate) portable: bool,
    /// Take no entry's type from the listing, as on a file system that does not tell
    /// types: for tests.
    #[cfg(feature = "test-hooks")]
    pub(crate) untyped: bool,
    /// Traverse a tree that is made up.
    #[cfg(feature = "test-hooks")]
    pub(crate) made_up: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            exclude: ExcludeRules::default(),
            max_depth: None,
            follow_links: false,
            one_file_system: false,
            leaf_skip: true,
            trust_link_counts: false,
            threads: None,
            #[cfg(feature = "test-hooks")]
            portable: false,
            #[cfg(feature = "test-hooks")]
            untyped: false,
            #[cfg(feature = "test-hooks")]
            made_up: false,
        }
    }
}
