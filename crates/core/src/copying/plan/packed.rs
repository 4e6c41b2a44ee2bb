//! The entries of a directory in one piece of memory: a match may have millions.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What a planned entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum EntryKind {
    File,
    /// A link to a file, whose content is copied.
    LinkToFile,
    /// A link to a file that is copied as a link.
    KeptLink,
    LinkToDirectory,
    BrokenLink,
    Fifo,
    Socket,
    Device,
    MountPoint,
    /// A directory that does not belong, and decides by its name what does.
    NotEntered,
}

impl EntryKind {
    const ALL: [EntryKind; 10] = [
        EntryKind::File,
        EntryKind::LinkToFile,
        EntryKind::KeptLink,
        EntryKind::LinkToDirectory,
        EntryKind::BrokenLink,
        EntryKind::Fifo,
        EntryKind::Socket,
        EntryKind::Device,
        EntryKind::MountPoint,
        EntryKind::NotEntered,
    ];

    /// Whether it is one of its parent's directories by name, and not entered.
    pub(super) fn is_closed_directory(self) -> bool {
        use EntryKind::{LinkToDirectory, MountPoint, NotEntered};
        matches!(self, LinkToDirectory | MountPoint | NotEntered)
    }
}

/// An entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a OsStr,
    pub(crate) kind: EntryKind,
    /// The size of a file, if it was asked for.
    pub(crate) size: Option<u64>,
    /// What the link says, if it is a [`KeptLink`](EntryKind::KeptLink); else it is empty.
    pub(crate) text: &'a OsStr,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(name: &'a OsStr, kind: EntryKind) -> Entry<'a> {
        Entry { name, kind, size: None, text: OsStr::new("") }
    }
}

/// Entries, each as its name with a NUL behind it. In front of the name of one that is more
/// than a file without a size are a `/`, which no name holds, a byte for its kind, and its size
/// if it has one; behind that of a kept link is its text, likewise with a NUL.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entries {
    bytes: Vec<u8>,
}

/// What stands in front of a kind.
const MARK: u8 = b'/';

/// The bit of the kind that tells that there is a size.
const HAS_SIZE: u8 = 0x80;

impl Entries {
    pub(crate) fn push(&mut self, entry: Entry<'_>) {
        let Entry { name, kind, size, text } = entry;
        if kind != EntryKind::File || size.is_some() {
            self.bytes.extend([MARK, kind as u8 | if size.is_some() { HAS_SIZE } else { 0 }]);
        }
        if let Some(mut size) = size {
            // Seven bits a byte, the lowest first.
            while size >= 0x80 {
                self.bytes.push(size as u8 | 0x80);
                size >>= 7;
            }
            self.bytes.push(size as u8);
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        if kind == EntryKind::KeptLink {
            self.bytes.extend_from_slice(text.as_bytes());
            self.bytes.push(0);
        }
    }

    /// The entries from an offset on, which [`end_of`](Self::end_of) gave.
    pub(crate) fn iter_from(&self, offset: usize) -> EntryIter<'_> {
        EntryIter { rest: self.bytes.get(offset..).unwrap_or_default() }
    }

    /// The offset at which an iterator of these entries is.
    pub(crate) fn end_of(&self, entries: &EntryIter<'_>) -> usize {
        self.bytes.len() - entries.rest.len()
    }

    pub(crate) fn iter(&self) -> EntryIter<'_> {
        EntryIter { rest: &self.bytes }
    }

    /// Keeps the entries that are wanted, in their order and in the same memory.
    pub(crate) fn retain(&mut self, mut is_wanted: impl FnMut(Entry<'_>) -> bool) {
        let (mut read, mut written) = (0, 0);
        while read < self.bytes.len() {
            let mut entries = EntryIter { rest: &self.bytes[read..] };
            let Some(entry) = entries.next() else { break };
            let end = self.bytes.len() - entries.rest.len();
            if is_wanted(entry) {
                if written != read {
                    self.bytes.copy_within(read..end, written);
                }
                written += end - read;
            }
            read = end;
        }
        self.bytes.truncate(written);
        self.shrink();
    }

    /// Gives back the memory that no entry needs.
    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }
}

/// An iterator over entries. A clone goes on from the same place.
#[derive(Clone, Debug)]
pub(crate) struct EntryIter<'a> {
    rest: &'a [u8],
}

impl<'a> EntryIter<'a> {
    fn text(&mut self) -> &'a OsStr {
        let end = self.rest.iter().position(|&byte| byte == 0).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        OsStr::from_bytes(text)
    }

    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }
}

impl<'a> Iterator for EntryIter<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let marked = match *self.rest.first()? {
            MARK => {
                self.byte();
                self.byte()?
            }
            _ => EntryKind::File as u8,
        };
        let kind = EntryKind::ALL[usize::from(marked & !HAS_SIZE)];
        let size = (marked & HAS_SIZE != 0).then(|| {
            let (mut size, mut shift) = (0, 0);
            while let Some(byte) = self.byte() {
                size |= u64::from(byte & 0x7F) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            size
        });
        let name = self.text();
        let text = if kind == EntryKind::KeptLink { self.text() } else { OsStr::new("") };
        Some(Entry { name, kind, size, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let names = ["a", "é", "long name".repeat(28).leak()].map(OsStr::new);
        let names = names.into_iter().chain([OsStr::from_bytes(b"\xFF\x01")]);
        let sizes = [None, Some(0), Some(127), Some(128), Some(1 << 40), Some(u64::MAX)];
        let mut expected = Vec::new();
        for name in names {
            for (number, kind) in EntryKind::ALL.into_iter().enumerate() {
                assert_eq!(kind as usize, number);
                let text = OsStr::new(if kind == EntryKind::KeptLink { "../b" } else { "" });
                expected.extend(sizes.map(|size| Entry { name, kind, size, text }));
            }
        }
        let mut entries = Entries::default();
        assert_eq!(entries.iter().count(), 0);
        expected.iter().for_each(|&entry| entries.push(entry));
        assert!(entries.iter().eq(expected.iter().copied()));

        let mut count = 0;
        entries.retain(|_| {
            count += 1;
            count % 3 != 1
        });
        let kept = expected.iter().enumerate().filter(|(index, _)| index % 3 != 0);
        assert!(entries.iter().eq(kept.map(|(_, &entry)| entry)));
        entries.retain(|_| false);
        assert_eq!(entries.iter().count(), 0);
    }
}
