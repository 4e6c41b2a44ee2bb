//! A walk of keys in sorted order.

use crate::key_tree::{KeyCounts, KeyTree, KeyVisitor, RangeId};
use crate::{Error, ExcludeRules};

/// The directories that the keys of an object store, an archive or an inventory
/// make up, told in sorted order as for [`KeyScan`](crate::KeyScan).
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
    tree: KeyTree<Collector>,
}

/// A directory that keys make up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyListing {
    /// Its path relative to the source, empty for the source itself.
    pub path: String,
    /// The names of its sub-directories.
    pub directories: Vec<String>,
    /// The names of its files. One may be among the directories, too.
    pub files: Vec<String>,
}

#[derive(Debug)]
struct Collector {
    max_depth: usize,
}

impl KeyVisitor for Collector {
    type State = KeyListing;
    type Found = KeyListing;

    fn source(&self) -> KeyListing {
        KeyListing::default()
    }

    fn opened(&self, _: &mut KeyListing, depth: usize, _: &str) -> (KeyListing, bool) {
        (KeyListing::default(), depth <= self.max_depth)
    }

    fn directory(&self, listing: &mut KeyListing, name: &str) {
        listing.directories.push(name.into());
    }

    fn file(&self, listing: &mut KeyListing, name: &str) {
        listing.files.push(name.into());
    }

    fn closed(
        &self,
        listing: KeyListing,
        _: usize,
        wanted: bool,
        _: Option<&mut KeyListing>,
    ) -> Option<KeyListing> {
        wanted.then_some(listing)
    }
}

impl KeyWalk {
    /// A walk down to `max_depth` (0: the source alone; `None`: no limit), and
    /// the range of all keys.
    pub fn new(max_depth: Option<usize>, exclude: ExcludeRules) -> (KeyWalk, RangeId) {
        let collector = Collector { max_depth: max_depth.unwrap_or(usize::MAX) };
        let (tree, range) = KeyTree::new(collector, exclude);
        (KeyWalk { tree }, range)
    }

    crate::key_tree::key_methods!();

    /// The directories that have been told wholly since the last call, in no
    /// particular order.
    pub fn take_directories(&mut self) -> Vec<KeyListing> {
        let found = self.tree.take_found().into_iter();
        found.map(|(path, listing)| KeyListing { path, ..listing }).collect()
    }
}
