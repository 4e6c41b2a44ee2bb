//! The sub-directories of a directory: as they are listed, and as they wait to be
//! visited.

use std::ffi::OsStr;
use std::sync::Arc;

/// A sub-directory, by the entry in its parent's listing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subdir<'a> {
    pub(crate) name: &'a OsStr,
    /// Whether it is a link to a directory.
    pub(crate) link: bool,
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

impl Subdirs {
    pub(crate) fn push(&mut self, subdir: Subdir<'_>) {
        let flags = u8::from(subdir.link) * LINK + u8::from(subdir.feeds_parent) * FEEDS_PARENT;
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
    }

    pub(crate) fn has_links(&self) -> bool {
        self.has_links
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Subdir<'_>> {
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
    let name = OsStr::from_bytes(&packed[name..end]);
    Subdir { name, link: flags & LINK != 0, feeds_parent: flags & FEEDS_PARENT != 0 }
}

#[cfg(not(unix))]
fn unpack<'a>(packed: &'a [(u8, Box<OsStr>)], position: &mut usize) -> Subdir<'a> {
    let (flags, name) = &packed[*position];
    *position += 1;
    Subdir { name, link: flags & LINK != 0, feeds_parent: flags & FEEDS_PARENT != 0 }
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

    /// The next sub-directory, if there is one.
    pub(crate) fn peek(&self) -> Option<Subdir<'_>> {
        let mut position = self.position;
        (self.len > 0).then(|| unpack(&self.packed, &mut position))
    }

    /// Removes the next sub-directory.
    pub(crate) fn skip(&mut self) {
        unpack(&self.packed, &mut self.position);
        self.len -= 1;
    }

    /// Removes the second half, and returns it.
    pub(crate) fn split(&mut self) -> SubdirQueue {
        let kept = self.len.div_ceil(2);
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
