//! A name, or a path of names, that is kept.

use std::cmp::Ordering;
use std::ffi::OsString;
use std::fmt;

use crate::Name;
use crate::name::Repr;
use crate::os_name::{self, shown};

/// An owned [`Name`], or a path of names with `/` between them.
///
/// It is what the name was made of: the bytes of a name on disk, or code points. Two are equal
/// if their code points are, and they are in the order of their code points.
///
/// # Example
///
/// ```
/// use pathvein_core::{Name, NameBuf};
///
/// let name = NameBuf::from(Name::from("é.csv"));
/// assert_eq!(name.to_string(), "é.csv");
/// assert_eq!(name, NameBuf::from(Name::from(&[0xE9, 0x2E, 0x63, 0x73, 0x76][..])));
/// ```
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NameBuf(Kept);

#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Kept {
    Bytes(#[cfg_attr(feature = "serde", serde(with = "crate::bytes"))] Box<[u8]>),
    CodePoints(Box<[u32]>),
}

impl NameBuf {
    /// The name, borrowed.
    pub fn as_name(&self) -> Name<'_> {
        match &self.0 {
            Kept::Bytes(bytes) => Name(Repr::Bytes(bytes)),
            Kept::CodePoints(code_points) => Name(Repr::CodePoints(code_points)),
        }
    }

    /// The name as bytes, if it was made of bytes or of text: UTF-8 in which any other byte is
    /// one of a name on disk.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Kept::Bytes(bytes) => Some(bytes),
            Kept::CodePoints(_) => None,
        }
    }

    /// The name as the system has it. A lone surrogate that stands for a byte is that byte;
    /// any other becomes U+FFFD. On Windows each is itself.
    pub fn to_os_string(&self) -> OsString {
        match &self.0 {
            Kept::Bytes(bytes) => os_name::of_bytes(bytes).into_owned(),
            Kept::CodePoints(code_points) => os_name::of_code_points(code_points.iter().copied()),
        }
    }

    /// The path of an entry of a directory that is called by this: of an empty path, the name.
    pub fn join(&self, name: Name<'_>) -> NameBuf {
        match (&self.0, name.0) {
            (Kept::Bytes(start), _) if start.is_empty() => name.into(),
            (Kept::Bytes(start), Repr::Bytes(end)) => {
                NameBuf(Kept::Bytes([start, &b"/"[..], end].concat().into()))
            }
            _ => {
                let path = self.as_name().code_points().chain([u32::from('/')]);
                NameBuf(Kept::CodePoints(path.chain(name.code_points()).collect()))
            }
        }
    }
}

/// The order of two names by their code points.
pub(crate) fn compare(one: Name<'_>, other: Name<'_>) -> Ordering {
    match (one.0, other.0) {
        // In ASCII, and in UTF-8, it is that of the bytes.
        (Repr::Bytes(one), Repr::Bytes(other)) if one.is_ascii() && other.is_ascii() => {
            one.cmp(other)
        }
        _ => one.code_points().cmp(other.code_points()),
    }
}

impl From<Name<'_>> for NameBuf {
    fn from(name: Name<'_>) -> NameBuf {
        NameBuf(match name.0 {
            Repr::Bytes(bytes) => Kept::Bytes(bytes.into()),
            Repr::CodePoints(code_points) => Kept::CodePoints(code_points.into()),
        })
    }
}

impl<'a> From<&'a NameBuf> for Name<'a> {
    fn from(name: &'a NameBuf) -> Name<'a> {
        name.as_name()
    }
}

impl PartialEq for NameBuf {
    fn eq(&self, other: &NameBuf) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for NameBuf {}

impl PartialOrd for NameBuf {
    fn partial_cmp(&self, other: &NameBuf) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for NameBuf {
    fn cmp(&self, other: &NameBuf) -> Ordering {
        compare(self.as_name(), other.as_name())
    }
}

/// The text, with U+FFFD for what is none.
impl fmt::Display for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.as_name().code_points().map(shown);
        characters.try_for_each(|character| fmt::Write::write_char(f, character))
    }
}

impl fmt::Debug for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(bytes: &[u8]) -> NameBuf {
        Name(Repr::Bytes(bytes)).into()
    }

    fn code_points(code_points: &[u32]) -> NameBuf {
        Name(Repr::CodePoints(code_points)).into()
    }

    #[test]
    fn are_in_the_order_of_their_code_points() {
        // A byte that is not UTF-8 is a surrogate, which comes before U+FFFF.
        let sorted = [&b"a"[..], b"a/b", b"b", "é".as_bytes(), b"\xE9", "\u{FFFF}".as_bytes()];
        let sorted = sorted.map(bytes);
        assert!(sorted.is_sorted_by(|one, other| one < other));
        for name in &sorted {
            let same: Vec<u32> = name.as_name().code_points().collect();
            assert_eq!(*name, code_points(&same));
        }
    }

    #[test]
    fn paths_are_joined_whatever_they_are_made_of() {
        let expected = bytes(b"a/\xE9");
        for start in [bytes(b"a"), code_points(&[0x61])] {
            for end in [bytes(b"\xE9"), code_points(&[0xDCE9])] {
                let path = start.join(end.as_name());
                assert_eq!(path, expected);
                assert_eq!(path.to_string(), "a/\u{FFFD}");
                assert_eq!(path.to_os_string(), expected.to_os_string());
            }
        }
    }
}
