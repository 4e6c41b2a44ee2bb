//! The sub-directories of a directory: as they are listed, and as they wait to be
//! visited.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::ffi::OsStr;
use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::Arc;

/// A sub-directory, by the entry in its parent's listing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subdir<'a> {
    pub(crate) name: &'a OsStr,
    /// Whether it is a link to a directory.
    pub(crate) link: bool,
    /// Whether it is a link that was not looked at: it may lead to anything.
    pub(crate) unseen: bool,
    /// Whether its parent's answer depends on it.
    pub(crate) feeds_parent: bool,
}

/// A list that grows while a directory is listed.
///
/// There may be millions of them, so they are packed: one byte of flags, two bytes of
/// the name's length, the name.
#[derive(Debug, Default)]
pub(crate) struct Subdirs {
    packed: Packed,
    len: usize,
    has_links: bool,
    has_unseen: bool,
}

#[cfg(unix)]
type Packed = Vec<u8>;
#[cfg(not(unix))]
type Packed = Vec<(u8, Box<OsStr>)>;

#[cfg(unix)]
type Shared = Arc<[u8]>;
#[cfg(not(unix))]
type Shared = Arc<[(u8, Box<OsStr>)]>;

const LINK: u8 = 1;
const FEEDS_PARENT: u8 = 2;
const UNSEEN: u8 = 4;

/// So many names are compared with each other.
const FEW: usize = 4;

/// Names that were made to have one hash cost a second look, and no more.
const BUILD_HASHER: BuildHasherDefault<DefaultHasher> = BuildHasherDefault::new();

impl Subdir<'_> {
    fn flags(&self) -> u8 {
        u8::from(self.link) * LINK
            + u8::from(self.feeds_parent) * FEEDS_PARENT
            + u8::from(self.unseen) * UNSEEN
    }
}

/// The sub-directory of a name and flags.
fn subdir(name: &OsStr, flags: u8) -> Subdir<'_> {
    Subdir {
        name,
        link: flags & LINK != 0,
        unseen: flags & UNSEEN != 0,
        feeds_parent: flags & FEEDS_PARENT != 0,
    }
}

impl Subdirs {
    pub(crate) fn push(&mut self, subdir: Subdir<'_>) {
        let flags = subdir.flags();
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            let name = subdir.name.as_bytes();
            // The length of an entry's whole record is two bytes in getdents, too.
            let length = u16::try_from(name.len()).expect("a name");
            self.packed.reserve(3 + name.len());
            self.packed.push(flags);
            self.packed.extend_from_slice(&length.to_ne_bytes());
            self.packed.extend_from_slice(name);
        }
        #[cfg(not(unix))]
        self.packed.push((flags, subdir.name.into()));
        self.len += 1;
        self.has_links |= subdir.link;
        self.has_unseen |= subdir.unseen;
    }

    /// Whether there are links that were not looked at.
    pub(crate) fn has_unseen(&self) -> bool {
        self.has_unseen
    }

    pub(crate) fn has_links(&self) -> bool {
        self.has_links
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Subdir<'_>> + Clone {
        let mut position = 0;
        std::iter::from_fn(move || {
            (position < self.packed.len()).then(|| unpack(&self.packed, &mut position))
        })
    }

    /// Empties the list. It keeps a moderate amount of memory for the next directory.
    pub(crate) fn clear(&mut self) {
        self.packed.clear();
        self.packed.shrink_to(64 * 1024);
        self.len = 0;
        self.has_links = false;
        self.has_unseen = false;
    }

    /// Removes all but the first of those that have one name: there are file systems that
    /// list an entry twice.
    ///
    /// Of many, only hashes are compared, unless two of these are equal.
    pub(crate) fn remove_duplicates(&mut self, hashes: &mut Vec<u64>) {
        if self.len < 2 || !self.has_duplicates(hashes) {
            return;
        }
        let mut seen = HashSet::new();
        *self = self.filter_map(|subdir| seen.insert(subdir.name).then_some(subdir));
    }

    /// Whether two may have one name. `hashes` is a buffer.
    fn has_duplicates(&self, hashes: &mut Vec<u64>) -> bool {
        if self.len <= FEW {
            let mut others = self.iter();
            while let Some(subdir) = others.next() {
                if others.clone().any(|other| other.name == subdir.name) {
                    return true;
                }
            }
            return false;
        }
        hashes.clear();
        hashes.shrink_to(8 * 1024);
        let hash = |subdir: Subdir<'_>| BUILD_HASHER.hash_one(subdir.name);
        hashes.extend(self.iter().map(hash));
        hashes.sort_unstable();
        hashes.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// Adds those of another list.
    pub(crate) fn append(&mut self, mut others: Subdirs) {
        self.packed.append(&mut others.packed);
        self.len += others.len;
        self.has_links |= others.has_links;
        self.has_unseen |= others.has_unseen;
    }

    /// Keeps those of which `keep` makes something.
    pub(crate) fn filter_map<'s>(
        &'s self,
        keep: impl FnMut(Subdir<'s>) -> Option<Subdir<'s>>,
    ) -> Subdirs {
        let mut kept = Subdirs::default();
        self.iter().filter_map(keep).for_each(|subdir| kept.push(subdir));
        kept
    }

    /// A queue of all of them, in no more memory than they need.
    pub(crate) fn to_queue(&self) -> SubdirQueue {
        #[cfg(unix)]
        let packed = Shared::from(&self.packed[..]);
        #[cfg(not(unix))]
        let packed = self.packed.iter().cloned().collect();
        SubdirQueue { packed, position: 0, len: self.len }
    }
}

/// Unpacks the sub-directory at `position`, and advances to the next.
#[cfg(unix)]
fn unpack<'a>(packed: &'a [u8], position: &mut usize) -> Subdir<'a> {
    use std::os::unix::ffi::OsStrExt;
    let at = *position;
    let (flags, name) = (packed[at], at + 3);
    let end = name + usize::from(u16::from_ne_bytes([packed[at + 1], packed[at + 2]]));
    *position = end;
    subdir(OsStr::from_bytes(&packed[name..end]), flags)
}

#[cfg(not(unix))]
fn unpack<'a>(packed: &'a [(u8, Box<OsStr>)], position: &mut usize) -> Subdir<'a> {
    let (flags, name) = &packed[*position];
    *position += 1;
    subdir(name, *flags)
}

/// Sub-directories that wait to be visited. The two queues that a split makes share the
/// memory.
#[derive(Debug)]
pub(crate) struct SubdirQueue {
    packed: Shared,
    /// Where the next one begins.
    position: usize,
    len: usize,
}

impl SubdirQueue {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many there were before the next one, in the list that this was made of.
    pub(crate) fn index(&self) -> usize {
        let (mut position, mut index) = (0, 0);
        while position < self.position {
            unpack(&self.packed, &mut position);
            index += 1;
        }
        index
    }

    /// Those that wait, from the next one on.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Subdir<'_>> {
        let mut position = self.position;
        (0..self.len).map(move |_| unpack(&self.packed, &mut position))
    }

    /// The next sub-directory, if there is one.
    pub(crate) fn peek(&self) -> Option<Subdir<'_>> {
        let mut position = self.position;
        (self.len > 0).then(|| unpack(&self.packed, &mut position))
    }

    /// How many of the next sub-directories feed their parent, one after the other.
    pub(crate) fn count_feeding(&self) -> usize {
        let mut position = self.position;
        let next = |_: &usize| unpack(&self.packed, &mut position).feeds_parent;
        (0..self.len).take_while(next).count()
    }

    /// Removes all.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Removes the next sub-directory.
    pub(crate) fn skip(&mut self) {
        unpack(&self.packed, &mut self.position);
        self.len -= 1;
    }

    /// Removes the second half, and returns it.
    pub(crate) fn split(&mut self) -> SubdirQueue {
        self.split_at(self.len.div_ceil(2))
    }

    /// Removes all but the first, so many, and returns them.
    pub(crate) fn split_at(&mut self, kept: usize) -> SubdirQueue {
        let mut position = self.position;
        for _ in 0..kept {
            unpack(&self.packed, &mut position);
        }
        let packed = Arc::clone(&self.packed);
        let half = SubdirQueue { packed, position, len: self.len - kept };
        self.len = kept;
        half
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_found_wherever_they_are() {
        for count in 2..20 {
            let names: Vec<String> = (0..count).map(|number| number.to_string()).collect();
            for twice in &names {
                let mut subdirs = Subdirs::default();
                for name in names.iter().chain([twice]) {
                    subdirs.push(subdir(OsStr::new(name), 0));
                }
                subdirs.remove_duplicates(&mut Vec::new());
                assert!(
                    subdirs.iter().map(|subdir| subdir.name).eq(names.iter().map(OsStr::new)),
                    "{twice}: {subdirs:?}"
                );
            }
        }
    }
}
