//! A scan of keys that come one after another, as programs print them.

use crate::key_front::Stripped;
use crate::key_tree::{Cursor, KeyCounts, RangeId};
use crate::{Error, ExcludeRules, Findings, KeyFront, KeyScan, PatternSet};

/// A scan of keys that come in sorted order, one after another: a list of paths that another
/// program made, or an inventory.
///
/// The keys are as for a [`KeyScan`], and besides:
///
/// - Keys may come several times, if one follows the other.
/// - With [`implied`](Self::implied), a key in which others lie is a directory and no file.
/// - What [stands in front](Self::front) is taken off.
///
/// All keys are one range. They are compared once, so that this takes less time than a `KeyScan`.
///
/// # Example
///
/// ```
/// use pathvein_core::{ExcludeRules, FileStructurePattern, KeyFront, KeyStream};
///
/// let data = FileStructurePattern::builder("data").build()?;
/// let run = FileStructurePattern::builder("run_*").directory(data).build()?;
/// let mut stream = KeyStream::new(&[run], "", None, ExcludeRules::default())
///     .implied(true)
///     .front(KeyFront::DotsOrRoot);
/// // In the order of bytes, `-` comes before `/`.
/// let printed = [".", "./run_1", "./run_1-old", "./run_1/data", "./run_1/data/a.csv"];
/// stream.keys(printed.map(str::as_bytes))?;
/// stream.end();
/// assert_eq!(stream.take_matches(), [(b"run_1".to_vec(), 0)]);
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Debug)]
pub struct KeyStream {
    scan: KeyScan,
    range: RangeId,
    cursor: Cursor,
    stripped: Stripped,
}

impl KeyStream {
    /// A scan for `patterns`. The arguments are those of [`KeyScan::new`].
    pub fn new(
        patterns: impl Into<PatternSet>,
        source: impl AsRef<[u8]>,
        max_depth: impl Into<Option<usize>>,
        exclude: ExcludeRules,
    ) -> KeyStream {
        let (scan, range) = KeyScan::new(patterns, source, max_depth, exclude);
        let (cursor, stripped) = (Cursor::default(), Stripped::default());
        KeyStream { scan, range, cursor, stripped }
    }

    /// Whether a key in which others lie is a directory, and no file as well. Default: no, as
    /// in object stores, where a name may be both.
    pub fn implied(mut self, yes: bool) -> Self {
        self.cursor.implied = yes;
        self
    }

    /// What is taken off the front of keys. Default: nothing.
    pub fn front(mut self, front: KeyFront) -> Self {
        self.stripped = Stripped::new(front);
        self
    }

    /// Makes it a check, as [`KeyScan::checking`] does. Set before the first key.
    pub fn checking(mut self) -> Self {
        self.scan = self.scan.checking();
        self
    }

    /// Whether to find only the outermost matches, as [`KeyScan::outermost`] tells. Set before
    /// the first key. Default: no.
    pub fn outermost(mut self, yes: bool) -> Self {
        self.scan = self.scan.outermost(yes);
        self
    }

    /// Takes the next keys.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) for the first key that is less than the one
    /// before it; the message has both, and the number of each, counted from 1. So for one that
    /// has a slash in front where others have none. The keys before it have been taken. Or if
    /// the keys have ended.
    pub fn keys<'k>(&mut self, keys: impl IntoIterator<Item = &'k [u8]>) -> Result<(), Error> {
        let KeyStream { scan, range, cursor, stripped } = self;
        let (mut number, mut failure) = (cursor.number(), Ok(()));
        let stripped = keys.into_iter().map_while(|key| {
            number += 1;
            stripped.strip(key, number).map_err(|error| failure = Err(error)).ok()
        });
        scan.successive(*range, cursor, stripped)?;
        failure
    }

    /// Tells that all keys were given. No keys can come then.
    pub fn end(&mut self) {
        self.scan.end_successive(self.range, &mut self.cursor);
    }

    /// Tells that the keys that are left could not be read, as [`KeyScan::break_off`] does. Of
    /// the last keys it is not known then whether they are directories: they do not count.
    pub fn break_off(&mut self) {
        self.scan.break_off(self.range);
    }

    /// The source as the keys so far have it: `/` if they begin with that, `.` if the first one
    /// begins with `./`, else nothing.
    pub fn source(&self) -> &'static str {
        self.stripped.source()
    }

    /// The matches since the last call, as [`KeyScan::take_matches_bytes`] has them.
    pub fn take_matches(&mut self) -> Vec<(Vec<u8>, usize)> {
        self.scan.take_matches_bytes()
    }

    /// What was checked since the last call, as [`KeyScan::take_checked_bytes`] has it.
    pub fn take_checked(&mut self) -> Vec<(Vec<u8>, usize, Findings)> {
        self.scan.take_checked_bytes()
    }

    /// The keys since the last call that are no path, as [`KeyScan::take_bad`] tells.
    pub fn take_bad(&mut self) -> Vec<Vec<u8>> {
        self.scan.take_bad_bytes()
    }

    /// What the keys so far amount to.
    pub fn counts(&self) -> KeyCounts {
        self.scan.counts()
    }
}
