//! How a tree is traversed.

use std::num::NonZeroUsize;

use crate::ExcludeRules;

#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) exclude: ExcludeRules,
    pub(crate) max_depth: Option<usize>,
    pub(crate) follow_links: bool,
    pub(crate) one_file_system: bool,
    pub(crate) threads: Option<NonZeroUsize>,
    /// Use the portable lister, for the tests that compare the listers.
    pub(crate) portable: bool,
    /// Take no entry's type from the listing, as where the file system does not
    /// tell them.
    pub(crate) untyped: bool,
}

/// The builder methods that set `self.options`, for [`Scan`](crate::Scan) and
/// [`Walk`](crate::Walk) alike.
macro_rules! option_methods {
    () => {
        /// Leaves out what the rules exclude; earlier rules are replaced.
        /// Default: nothing.
        pub fn exclude(mut self, rules: crate::ExcludeRules) -> Self {
            self.options.exclude = rules;
            self
        }

        /// Whether to enter links to directories. Default: no.
        ///
        /// A link that leads back to a directory on the way to it is not
        /// entered; it gives a [`Loop`](crate::ErrorKind::Loop) error. Two
        /// links to one directory are two visits, with two paths. Links that are
        /// not entered are still listed, among the directories.
        pub fn follow_links(mut self, yes: bool) -> Self {
            self.options.follow_links = yes;
            self
        }

        /// Whether to stay on the file system of the source: mount points are
        /// listed but not entered. Default: no.
        pub fn one_file_system(mut self, yes: bool) -> Self {
            self.options.one_file_system = yes;
            self
        }

        /// How many threads to use. Default, and with `None`: as many as there
        /// are processors; at most 1,024. They are started for this one traversal, and end
        /// with it.
        pub fn threads(mut self, threads: Option<std::num::NonZeroUsize>) -> Self {
            self.options.threads = threads;
            self
        }

        #[doc(hidden)]
        pub fn portable_lister(mut self, yes: bool) -> Self {
            self.options.portable = yes;
            self
        }

        #[doc(hidden)]
        pub fn untyped_lister(mut self, yes: bool) -> Self {
            self.options.untyped = yes;
            self
        }
    };
}
pub(crate) use option_methods;

/// A running [`Scan`](crate::Scan) or [`Walk`](crate::Walk) as an iterator over
/// what it finds, and what can be asked of it meanwhile.
macro_rules! stream_iterator {
    ($name:ident, $item:ty) => {
        impl $name {
            /// The next result, or an error in its place, waiting for it no
            /// longer than until `deadline`. One that has passed does not wait.
            pub fn next_before(&mut self, deadline: std::time::Instant) -> crate::Next<$item> {
                self.stream.next_before(Some(deadline))
            }

            /// How far it has come. May be asked at any time, also after the end.
            pub fn stats(&self) -> crate::Stats {
                self.progress().stats()
            }

            /// A handle that tells how far it has come to other threads.
            pub fn progress(&self) -> crate::Progress {
                self.stream.progress()
            }

            /// Stops the workers, waits for them and ends the iteration. What
            /// they found and nobody took is lost. Dropping does the same.
            pub fn close(&mut self) {
                self.stream.close();
            }
        }

        impl Iterator for $name {
            type Item = Result<$item, crate::Error>;

            fn next(&mut self) -> Option<Self::Item> {
                match self.stream.next_before(None) {
                    crate::Next::Item(result) => Some(result),
                    crate::Next::Timeout | crate::Next::End => None,
                }
            }
        }

        impl std::iter::FusedIterator for $name {}

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).field("stats", &self.stats()).finish()
            }
        }
    };
}
pub(crate) use stream_iterator;
