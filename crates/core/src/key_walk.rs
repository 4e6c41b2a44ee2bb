//! A walk of a tree that is given as keys in sorted order.

use crate::key_tree::{Closed, KeyCounts, KeyTree, KeyVisitor, RangeId, into_text};
use crate::{Error, ExcludeRules};

/// A walk of the directories that the keys of an object store, an archive or an inventory
/// make up.
///
/// The keys come in sorted order and in ranges, as for a [`KeyScan`](crate::KeyScan).
///
/// # Example
///
/// ```
/// use pathvein_core::{ExcludeRules, KeyWalk};
///
/// let (mut walk, range) = KeyWalk::new(None, ExcludeRules::default());
/// walk.keys(range, ["a/x.txt", "notes.txt"])?;
/// walk.end(range);
/// let found = walk.take_directories();
/// assert_eq!(found[0].path, "a");
/// assert_eq!(found[1].directories, ["a"]);
/// assert_eq!(found[1].files, ["notes.txt"]);
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Debug)]
pub struct KeyWalk {
    tree: KeyTree<KeyWalkVisitor>,
}

/// A directory that keys make up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyListing {
    /// The directory's path relative to the source, empty for the source itself.
    pub path: String,
    /// The names of its sub-directories.
    pub directories: Vec<String>,
    /// The names of its files. A name may be among the directories, too.
    pub files: Vec<String>,
}

#[derive(Debug)]
struct KeyWalkVisitor {
    max_depth: usize,
}

impl KeyVisitor for KeyWalkVisitor {
    type State = KeyListing;
    type Found = KeyListing;

    fn source(&self) -> KeyListing {
        KeyListing::default()
    }

    fn opened(&self, _: &mut KeyListing, depth: usize, _: &[u8]) -> (KeyListing, bool) {
        (KeyListing::default(), depth <= self.max_depth)
    }

    fn directory(&self, listing: &mut KeyListing, name: &[u8]) {
        listing.directories.push(into_text(name.to_vec()));
    }

    fn file(&self, listing: &mut KeyListing, name: &[u8]) -> bool {
        listing.files.push(into_text(name.to_vec()));
        false
    }

    fn closed(
        &self,
        listing: &mut KeyListing,
        directory: Closed,
        _: Option<&mut KeyListing>,
    ) -> Option<KeyListing> {
        directory.wanted.then(|| std::mem::take(listing))
    }
}

impl KeyWalk {
    /// A walk, and the range of all keys. `max_depth` is the depth of the deepest
    /// directories to list: 0 is the source alone, `None` is no limit.
    pub fn new(max_depth: impl Into<Option<usize>>, exclude: ExcludeRules) -> (KeyWalk, RangeId) {
        let visitor = KeyWalkVisitor { max_depth: max_depth.into().unwrap_or(usize::MAX) };
        let (tree, range) = KeyTree::new(visitor, exclude);
        (KeyWalk { tree }, range)
    }

    /// Takes the next keys of a range, as [`KeyScan::keys`](crate::KeyScan::keys) does.
    ///
    /// # Errors
    ///
    /// Those of [`KeyScan::keys`](crate::KeyScan::keys).
    pub fn keys<'k, K>(&mut self, range: RangeId, keys: K) -> Result<(), Error>
    where
        K: IntoIterator<Item = &'k str>,
        K::IntoIter: Clone,
    {
        self.tree.keys(range, keys.into_iter().map(str::as_bytes))
    }

    /// Takes a directory that a store lists in the place of the keys in it, as
    /// [`KeyScan::prefix`](crate::KeyScan::prefix) does.
    ///
    /// # Errors
    ///
    /// Those of [`KeyScan::prefix`](crate::KeyScan::prefix).
    pub fn prefix(&mut self, range: RangeId, prefix: &str) -> Result<bool, Error> {
        self.tree.prefix(range, prefix.as_bytes())
    }

    /// Splits a range at a key, as [`KeyScan::split`](crate::KeyScan::split) does.
    ///
    /// # Errors
    ///
    /// Those of [`KeyScan::split`](crate::KeyScan::split).
    pub fn split(&mut self, range: RangeId, at: &str) -> Result<RangeId, Error> {
        self.tree.split(range, at.as_bytes())
    }

    /// The prefix of the keys that may be left out next, as for
    /// [`KeyScan::skip`](crate::KeyScan::skip).
    pub fn skip(&self, range: RangeId) -> Option<&str> {
        self.tree.skip(range).and_then(|prefix| str::from_utf8(prefix).ok())
    }

    /// Tells that no more keys of a range come, as [`KeyScan::end`](crate::KeyScan::end) does.
    pub fn end(&mut self, range: RangeId) {
        self.tree.end(range);
    }

    /// The keys since the last call that are no path, as for
    /// [`KeyScan::take_bad`](crate::KeyScan::take_bad).
    pub fn take_bad(&mut self) -> Vec<String> {
        self.tree.take_bad().into_iter().map(into_text).collect()
    }

    /// What the keys so far amount to.
    pub fn counts(&self) -> KeyCounts {
        self.tree.counts()
    }

    /// Whether all ranges have ended.
    pub fn is_done(&self) -> bool {
        self.tree.is_done()
    }

    /// The directories whose keys were all given since the last call, in no particular
    /// order.
    pub fn take_directories(&mut self) -> Vec<KeyListing> {
        let found = self.tree.take_found().into_iter();
        found.map(|(path, listing)| KeyListing { path: into_text(path), ..listing }).collect()
    }
}
