//! The sub-directories of a listed directory that are still to be visited.

use std::ffi::OsStr;
use std::sync::Arc;

/// A sub-directory as it was listed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subdir<'a> {
    pub(crate) name: &'a OsStr,
    /// A link to a directory.
    pub(crate) link: bool,
    /// The directory awaits its answer.
    pub(crate) awaited: bool,
}

/// A list that grows while a directory is listed. There may be millions, so they
/// are packed: a byte of flags, two of the name's length, the name.
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
const AWAITED: u8 = 2;

impl Subdirs {
    pub(crate) fn push(&mut self, subdir: Subdir<'_>) {
        let flags = u8::from(subdir.link) * LINK + u8::from(subdir.awaited) * AWAITED;
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            let name = subdir.name.as_bytes();
            // (An entry's whole record has a length of two bytes.)
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
        let mut at = 0;
        std::iter::from_fn(move || (at < self.packed.len()).then(|| read(&self.packed, &mut at)))
    }

    /// Forgets them all, and keeps a moderate amount of memory for the next.
    pub(crate) fn clear(&mut self) {
        self.packed.clear();
        self.packed.shrink_to(64 * 1024);
        self.len = 0;
        self.has_links = false;
    }

    /// All of them, to be visited, in as much memory as they need.
    pub(crate) fn to_visit(&self) -> ToVisit {
        #[cfg(unix)]
        let packed = Shared::from(&self.packed[..]);
        #[cfg(not(unix))]
        let packed = self.packed.iter().cloned().collect();
        ToVisit { packed, at: 0, left: self.len }
    }
}

/// The one at `at`, which moves on to the next.
#[cfg(unix)]
fn read<'a>(packed: &'a [u8], at: &mut usize) -> Subdir<'a> {
    use std::os::unix::ffi::OsStrExt;
    let (flags, name) = (packed[*at], *at + 3);
    let end = name + usize::from(u16::from_ne_bytes([packed[*at + 1], packed[*at + 2]]));
    *at = end;
    let name = OsStr::from_bytes(&packed[name..end]);
    Subdir { name, link: flags & LINK != 0, awaited: flags & AWAITED != 0 }
}

#[cfg(not(unix))]
fn read<'a>(packed: &'a [(u8, Box<OsStr>)], at: &mut usize) -> Subdir<'a> {
    let (flags, name) = &packed[*at];
    *at += 1;
    Subdir { name, link: flags & LINK != 0, awaited: flags & AWAITED != 0 }
}

/// Some of a directory's sub-directories. Parts share the memory.
#[derive(Debug)]
pub(crate) struct ToVisit {
    packed: Shared,
    at: usize,
    left: usize,
}

impl ToVisit {
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// The next one, if any is left.
    pub(crate) fn peek(&self) -> Option<Subdir<'_>> {
        let mut at = self.at;
        (self.left > 0).then(|| read(&self.packed, &mut at))
    }

    /// Goes on to the one after the next.
    pub(crate) fn skip(&mut self) {
        read(&self.packed, &mut self.at);
        self.left -= 1;
    }

    /// Takes the second half away.
    pub(crate) fn split(&mut self) -> ToVisit {
        let kept = self.left.div_ceil(2);
        let mut at = self.at;
        for _ in 0..kept {
            read(&self.packed, &mut at);
        }
        let half = ToVisit { packed: Arc::clone(&self.packed), at, left: self.left - kept };
        self.left = kept;
        half
    }
}
