//! Sub-directories of one directory that are not begun, packed: there may be millions.

use std::fmt;
use std::sync::Arc;

use super::packing::{PackedName, is_code_points, push_name, take_name};
use crate::{Name, NameBuf};

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sibling<'a> {
    flags: u8,
    name: PackedName<'a>,
}

/// What is known of one from its parent's listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SiblingKind {
    /// Whether it is a link to a directory.
    pub(crate) link: bool,
    /// Whether it is a link that was not looked at: it may lead to anything.
    pub(crate) unseen: bool,
    /// Whether its parent's answer depends on it, or waits until it is listed.
    pub(crate) feeds_parent: bool,
}

const LINK: u8 = 1;
const FEEDS_PARENT: u8 = 2;
const UNSEEN: u8 = 4;
/// The bytes are code points, four bytes each.
const CODE_POINTS: u8 = 8;
#[cfg(feature = "serde")]
const ALL_FLAGS: u8 = LINK | FEEDS_PARENT | UNSEEN | CODE_POINTS;

impl Sibling<'_> {
    pub(crate) fn kind(self) -> SiblingKind {
        SiblingKind {
            link: self.flags & LINK != 0,
            unseen: self.flags & UNSEEN != 0,
            feeds_parent: self.flags & FEEDS_PARENT != 0,
        }
    }

    /// Whether its parent's answer depends on it, or waits until it is listed.
    pub(crate) fn feeds_parent(self) -> bool {
        self.flags & FEEDS_PARENT != 0
    }

    /// Calls `take` with the name.
    pub(crate) fn with_name<R>(self, take: impl FnOnce(Name<'_>) -> R) -> R {
        self.name.with(take)
    }

    pub(crate) fn name(self) -> NameBuf {
        self.with_name(|name| name.into())
    }
}

/// Siblings that are gathered.
#[derive(Clone, Debug, Default)]
pub(crate) struct SiblingsBuilder {
    packed: Vec<u8>,
    len: usize,
}

impl SiblingsBuilder {
    pub(crate) fn push(&mut self, name: Name<'_>, kind: SiblingKind) {
        let SiblingKind { link, unseen, feeds_parent } = kind;
        let flags = u8::from(link) * LINK
            + u8::from(unseen) * UNSEEN
            + u8::from(feeds_parent) * FEEDS_PARENT;
        let code_points = if is_code_points(name) { CODE_POINTS } else { 0 };
        self.packed.push(flags | code_points);
        push_name(&mut self.packed, name);
        self.len += 1;
    }

    pub(crate) fn push_sibling(&mut self, sibling: Sibling<'_>) {
        sibling.with_name(|name| self.push(name, sibling.kind()));
    }

    pub(crate) fn finish(self) -> Siblings {
        let end = self.packed.len();
        Siblings { packed: self.packed.into(), start: 0, end, len: self.len }
    }
}

/// Sub-directories of one directory. Parts of a list share its memory.
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(try_from = "Packed"))]
pub(crate) struct Siblings {
    /// For each its flags, the length of its name, and its name.
    packed: Arc<[u8]>,
    start: usize,
    end: usize,
    len: usize,
}

impl Default for Siblings {
    fn default() -> Siblings {
        SiblingsBuilder::default().finish()
    }
}

impl fmt::Debug for Siblings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Sibling::name)).finish()
    }
}

impl Siblings {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Sibling<'_>> + Clone {
        let mut rest = &self.packed[self.start..self.end];
        std::iter::from_fn(move || unpack(&mut rest))
    }

    /// How many of them feed their parent.
    pub(crate) fn feeding(&self) -> usize {
        self.iter().filter(|sibling| sibling.feeds_parent()).count()
    }

    /// Cuts off all but the first, so many, and returns them.
    pub(crate) fn split_off(&mut self, kept: usize) -> Siblings {
        let kept = kept.min(self.len);
        let mut rest = &self.packed[self.start..self.end];
        for _ in 0..kept {
            unpack(&mut rest);
        }
        let middle = self.end - rest.len();
        let packed = Arc::clone(&self.packed);
        let cut_off = Siblings { packed, start: middle, end: self.end, len: self.len - kept };
        (self.end, self.len) = (middle, kept);
        cut_off
    }
}

/// The next one, taken off the start. `None` at the end, or where there is none.
fn unpack<'a>(packed: &mut &'a [u8]) -> Option<Sibling<'a>> {
    let (&flags, mut rest) = packed.split_first()?;
    let name = take_name(&mut rest, flags & CODE_POINTS != 0)?;
    *packed = rest;
    Some(Sibling { flags, name })
}

/// How siblings are written.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct Packed(#[serde(with = "crate::bytes")] Vec<u8>);

#[cfg(feature = "serde")]
impl serde::Serialize for Siblings {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.packed[self.start..self.end])
    }
}

#[cfg(feature = "serde")]
impl TryFrom<Packed> for Siblings {
    type Error = &'static str;

    fn try_from(Packed(packed): Packed) -> Result<Siblings, &'static str> {
        let (mut rest, mut len) = (&packed[..], 0);
        while !rest.is_empty() {
            if unpack(&mut rest).is_none_or(|sibling| sibling.flags & !ALL_FLAGS != 0) {
                return Err("names that are not packed as they should be");
            }
            len += 1;
        }
        let end = packed.len();
        Ok(Siblings { packed: packed.into(), start: 0, end, len })
    }
}
