//! What need not be read: directories that need not be opened, and the rest of large ones.
//!
//! On some file systems the link count of a directory is 2 and the number of directories in
//! it. Where nothing in a directory matters but the directories, a count of 2 says that there
//! is nothing to be seen: one question takes the place of opening, reading twice and closing.
//! And a large directory is read no further once all of its directories were seen.
//!
//! Which file systems these are, they tell themselves ([`Lister::counts_links`]). A directory
//! takes over what is known of its parent's; that the answer for a sub-directory names another
//! device than that says that it is no longer true. What is known is used only while a directory
//! of that file system is open, since the number of a device may get to be another's.
//!
//! The question costs about a fifth of what it may save, which matters where it is often in
//! vain. So each worker learns where it pays: most trees repeat a few names, which say whether
//! there are directories in a directory (`__pycache__`, `src`). A name that says nothing yet is
//! taken for one of its depth. A depth-first way comes by the directories of a depth parent by
//! parent, so that this is as good as to learn it of each parent.

use std::ffi::OsStr;
use std::io;

use super::lister::{Identity, Lister, Outside};

/// At so many depths it is learnt whether to ask; what lies deeper counts as the last.
const DEPTHS: usize = 64;

/// So many names are known at a time.
const NAMES: usize = 256;

/// The share of leaves is learnt as a number up to this.
const ALL: u16 = 1024;

/// From which share of leaves on it is asked: what a question costs, of what it may save.
const SOME: u16 = ALL * 3 / 16;

/// One more directory counts as one in so many: of those with one name, which are much alike, and
/// of those at one depth.
const OF_A_NAME: u16 = 4;
const OF_A_DEPTH: u16 = 8;

/// So many directories whose links might matter are listed before one is left out for being a
/// leaf, and one in so many from then on.
const LISTED_FOR_LINKS: u8 = 16;

/// In a file system without link counts, another is looked for in every directory down to this
/// depth, where most mounts are, and in one of so many below.
const DEPTH_OF_MOUNTS: usize = 3;
const LOOKED_AT_FOR_MOUNTS: u8 = 16;

/// How many seconds before the traversal a directory must have been changed for the last time
/// to be known not to change: there are file systems that note seconds, and a clock that they
/// go by may be late by a moment.
const SECONDS_UNCHANGED: i64 = 2;

/// What is known of the file system that a directory lies on.
#[derive(Clone, Debug)]
pub(super) struct FileSystem {
    /// That of one of its directories.
    identity: Identity,
    counts_links: bool,
    /// Whether there is no need to look whether it is still the same.
    is_certain: bool,
}

/// What a worker has learnt of leaves: directories without directories.
#[derive(Debug)]
pub(super) struct Leaves {
    /// The share of leaves among the directories of each depth that had new names.
    depths: [u16; DEPTHS],
    /// That among those of a name, by its hash, in the place that the hash leads to. The last
    /// name takes the place of the one before.
    names: [(u32, u16); NAMES],
    /// Whether the question cannot be asked at all.
    is_refused: bool,
    /// Whether links were seen that hide matches.
    has_seen_links: bool,
    /// How many directories were listed in which they might have been.
    listed_for_links: u8,
    /// How many directories have come by that might have been left out, or have been.
    turn: u8,
    mount_turn: u8,
    /// The last file system without link counts that a large directory was on.
    without_counts: Option<Identity>,
}

impl Leaves {
    pub(super) fn new() -> Leaves {
        Leaves {
            depths: [ALL / 2; DEPTHS],
            // What has this hash is not asked for before it was seen.
            names: [(0, 0); NAMES],
            is_refused: false,
            has_seen_links: false,
            listed_for_links: 0,
            turn: 0,
            mount_turn: 0,
            without_counts: None,
        }
    }

    /// Whether the question can be asked.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// Notes that the question was not answered for a directory that could be opened. Where the
    /// system does not know it, or a sandbox forbids it, it is not asked again.
    pub(super) fn note_refusal(&mut self, error: &io::Error) {
        use io::ErrorKind::{PermissionDenied, Unsupported};
        self.is_refused |= matches!(error.kind(), PermissionDenied | Unsupported);
    }

    /// Whether it pays to ask for a directory of this name at this depth.
    pub(super) fn pays(&self, depth: usize, name: &OsStr) -> bool {
        let hash = hash(depth, name);
        let share = match self.names[place(hash)] {
            (known, share) if known == hash => share,
            _ => self.depths[depth.min(DEPTHS - 1)],
        };
        share >= SOME
    }

    /// Notes what a directory of which nothing but its directories mattered turned out to be.
    pub(super) fn learn(&mut self, depth: usize, name: &OsStr, is_leaf: bool) {
        let hash = hash(depth, name);
        let (known, of_name) = &mut self.names[place(hash)];
        if *known != hash {
            let of_depth = &mut self.depths[depth.min(DEPTHS - 1)];
            (*known, *of_name) = (hash, *of_depth);
            count_in(of_depth, is_leaf, OF_A_DEPTH);
        }
        count_in(of_name, is_leaf, OF_A_NAME);
    }

    /// Notes that a directory was listed in which links to directories might hide matches, and
    /// whether there were any.
    pub(super) fn learn_of_links(&mut self, has_links: bool) {
        self.has_seen_links |= has_links;
        self.listed_for_links = self.listed_for_links.saturating_add(1);
    }

    /// Whether links that hide matches were looked for and not seen.
    pub(super) fn knows_of_no_links(&self) -> bool {
        !self.has_seen_links && self.listed_for_links >= LISTED_FOR_LINKS
    }

    /// Whether the next leaf may go unlisted although links in it might hide matches.
    pub(super) fn overlooks_links(&mut self) -> bool {
        self.turn = (self.turn + 1) % LISTED_FOR_LINKS;
        self.knows_of_no_links() && self.turn != 0
    }

    /// What is known of a directory's file system by that of its parent.
    pub(super) fn inherited(&mut self, parent: &FileSystem, depth: usize) -> FileSystem {
        self.mount_turn = (self.mount_turn + 1) % LOOKED_AT_FOR_MOUNTS;
        let is_looked_at = depth <= DEPTH_OF_MOUNTS || self.mount_turn == 0;
        let is_certain = parent.counts_links || !is_looked_at;
        FileSystem { is_certain, ..parent.clone() }
    }

    /// Whether all that is in a directory was seen of which only the directories matter. `began`
    /// is when the traversal began, in seconds since the epoch.
    ///
    /// A directory that changes meanwhile may get the right number by one that came and one that
    /// was not seen. So it must not have been changed since before the traversal.
    pub(super) fn all_seen<L: Lister>(
        &mut self,
        handle: &L::Handle,
        rest: &mut Rest,
        began: i64,
    ) -> bool {
        if rest.is_needed || self.is_refused {
            return false;
        }
        if rest.directories.is_some_and(|directories| directories != rest.seen) {
            return false;
        }
        let known = L::look(handle, None).ok().filter(|outside| {
            let has_counts = |other: &Identity| !other.same_device(&outside.identity);
            self.without_counts.as_ref().is_none_or(has_counts)
                && outside.changed.is_some_and(|changed| changed + SECONDS_UNCHANGED <= began)
        });
        rest.directories = known.as_ref().and_then(Outside::directories);
        rest.is_needed = rest.directories.is_none();
        if rest.directories != Some(rest.seen) {
            return false;
        }
        let counts_links = L::counts_links(handle).unwrap_or(false);
        if !counts_links {
            self.without_counts = known.map(|outside| outside.identity);
            rest.is_needed = true;
        }
        counts_links
    }
}

/// Moves a share of leaves towards what one more directory is.
fn count_in(share: &mut u16, is_leaf: bool, one_of: u16) {
    *share = if is_leaf { *share + (ALL - *share) / one_of } else { *share - *share / one_of };
}

/// The hash (FNV-1a) of a name at a depth. Digits count for nothing: what is numbered is alike,
/// and is one name of those that are known.
fn hash(depth: usize, name: &OsStr) -> u32 {
    let add = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let letters = name.as_encoded_bytes().iter().filter(|byte| !byte.is_ascii_digit());
    letters.fold(add(0x811c_9dc5, depth.min(DEPTHS - 1) as u8), |hash, byte| add(hash, *byte))
}

/// By its upper bits, which depend on all of the name's.
fn place(hash: u32) -> usize {
    (hash >> 16) as usize % NAMES
}

/// What was read of a directory that is being listed.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// The directories among what was read, excluded ones too.
    pub(super) seen: u64,
    /// How many there are, by the link count; `None`: nobody has asked.
    directories: Option<u64>,
    /// Whether it has to be read to its end, whatever it holds.
    is_needed: bool,
}

impl FileSystem {
    /// That of an open directory, by what is `known` of it. `trusts_all`: whether all link counts
    /// are trusted.
    pub(super) fn of<'k, L: Lister>(
        known: &'k mut Option<FileSystem>,
        directory: &L::Handle,
        trusts_all: bool,
    ) -> Option<&'k FileSystem> {
        if let Some(known) = known.as_mut().filter(|known| !known.is_certain) {
            let outside = L::look(directory, None).ok();
            known.is_certain = outside.is_some_and(|outside| known.has(&outside));
        }
        if !known.as_ref().is_some_and(|known| known.is_certain) {
            *known = FileSystem::ask::<L>(directory, trusts_all).ok();
        }
        known.as_ref()
    }

    fn ask<L: Lister>(directory: &L::Handle, trusts_all: bool) -> io::Result<FileSystem> {
        let identity = L::look(directory, None)?.identity;
        let counts_links = match trusts_all {
            true => !L::mounts_on_demand(directory)?,
            false => L::counts_links(directory)?,
        };
        Ok(FileSystem { identity, counts_links, is_certain: true })
    }

    /// Whether this is the file system of a directory that was looked at from outside.
    fn has(&self, outside: &Outside) -> bool {
        self.identity.same_device(&outside.identity)
    }

    /// Whether the links of the directories in the open directory `parent` are counted, as far as
    /// is `known`.
    pub(super) fn counts_links<L: Lister>(
        known: &mut Option<FileSystem>,
        parent: &L::Handle,
        trusts_all: bool,
    ) -> bool {
        FileSystem::of::<L>(known, parent, trusts_all).is_some_and(|known| known.counts_links)
    }

    /// Whether the link count of a directory in `parent` is to be trusted.
    pub(super) fn counts_links_of<L: Lister>(
        known: &mut Option<FileSystem>,
        parent: &L::Handle,
        outside: &Outside,
        trusts_all: bool,
    ) -> bool {
        if !known.as_ref().is_some_and(|known| known.has(outside)) {
            *known = FileSystem::ask::<L>(parent, trusts_all).ok();
        }
        // If it is still another, something is mounted there.
        known.as_ref().is_some_and(|known| known.has(outside) && known.counts_links)
    }
}
