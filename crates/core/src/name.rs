//! A name, which is one path component, as the code points that globs match.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::sync::Arc;

use crate::os_name;

/// A borrowed name: one path component, or any other string to be matched.
///
/// A glob matches code points. The code points of a `&str` are its characters. Those of an
/// `&OsStr` are what Python's `os.fsdecode` makes of it: a byte that is not UTF-8 is one
/// lone surrogate, `0xDC00 + byte`. A `&[u32]` gives the code points as they are, lone
/// surrogates included. On Windows a file name can hold lone surrogates, which are then
/// code points of the name.
///
/// Nothing is copied: bytes are decoded while they are matched.
///
/// # Example
///
/// ```
/// use pathvein_core::Name;
///
/// let name = Name::from("é!");
/// assert_eq!(name.code_points().collect::<Vec<_>>(), [0xE9, 0x21]);
///
/// # #[cfg(unix)] {
/// use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
///
/// // Latin-1, not UTF-8: the byte E9 is one code point of its own.
/// let name = Name::from(OsStr::from_bytes(b"\xE9!"));
/// assert_eq!(name.code_points().collect::<Vec<_>>(), [0xDCE9, 0x21]);
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Name<'a>(pub(crate) Repr<'a>);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Repr<'a> {
    /// As [`Encoded`] reads them.
    Bytes(&'a [u8]),
    /// Code points. A surrogate among them need not stand for a byte.
    CodePoints(&'a [u32]),
}

impl<'a> Name<'a> {
    /// The name's code points, as a glob sees them.
    pub fn code_points(self) -> impl Iterator<Item = u32> + 'a {
        let (mut bytes, mut code_points) = match self.0 {
            Repr::Bytes(bytes) => (encoded(bytes), [].as_slice()),
            Repr::CodePoints(code_points) => (encoded(&[]), code_points),
        };
        // One of the two is empty, so the order does not matter.
        std::iter::from_fn(move || bytes.next().or_else(|| code_points.next()))
    }
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(name: &'a str) -> Self {
        Name(Repr::Bytes(name.as_bytes()))
    }
}

impl<'a> From<&'a String> for Name<'a> {
    fn from(name: &'a String) -> Self {
        Name::from(name.as_str())
    }
}

impl<'a> From<&'a OsStr> for Name<'a> {
    fn from(name: &'a OsStr) -> Self {
        Name(Repr::Bytes(name.as_encoded_bytes()))
    }
}

impl<'a> From<&'a [u32]> for Name<'a> {
    fn from(name: &'a [u32]) -> Self {
        Name(Repr::CodePoints(name))
    }
}

/// How names on disk are read whose bytes are not UTF-8, but text in another encoding.
///
/// [`Scan::decode_names`](crate::Scan::decode_names) takes one. It is not asked about names
/// that are ASCII.
#[derive(Clone)]
pub struct NameDecoder(Arc<Decode>);

type Decode = dyn Fn(&OsStr) -> Vec<u32> + Send + Sync;

impl NameDecoder {
    /// A decoder by a function that gives the code points of a name, lone surrogates for what
    /// is no text. Any thread may call it, and on Unix it is given paths, too.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{FileStructurePattern, NameDecoder, Scan};
    ///
    /// let latin_1 = NameDecoder::new(|name| {
    ///     name.as_encoded_bytes().iter().map(|&byte| u32::from(byte)).collect()
    /// });
    /// let cafe = FileStructurePattern::builder("café").build()?;
    /// // Finds directories called b"caf\xE9".
    /// let scan = Scan::new(".", &[cafe]).decode_names(latin_1);
    /// # assert_eq!(scan.into_iter().count(), 0);
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn new(decode: impl Fn(&OsStr) -> Vec<u32> + Send + Sync + 'static) -> NameDecoder {
        NameDecoder(Arc::new(decode))
    }

    /// Calls `take` with a name on disk as globs see it.
    #[inline]
    pub(crate) fn with<R>(
        decoder: Option<&NameDecoder>,
        name: &OsStr,
        take: impl FnOnce(Name<'_>) -> R,
    ) -> R {
        match decoder {
            Some(NameDecoder(decode)) if !name.is_ascii() => take(Name::from(&decode(name)[..])),
            _ => take(Name::from(name)),
        }
    }

    /// A name or a path as text, for exclude rules.
    pub(crate) fn text<'a>(decoder: Option<&NameDecoder>, name: &'a OsStr) -> Cow<'a, OsStr> {
        match decoder {
            Some(NameDecoder(decode)) if !name.is_ascii() => {
                Cow::Owned(os_name::of_text(decode(name)))
            }
            _ => Cow::Borrowed(name),
        }
    }
}

impl fmt::Debug for NameDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameDecoder(..)")
    }
}

/// A run of code points that can be taken from either end.
pub(crate) trait CodePoints: Copy {
    /// Takes the first code point off.
    fn next(&mut self) -> Option<u32>;
    /// Takes the last code point off.
    fn next_back(&mut self) -> Option<u32>;
    /// The rest of the name as bytes, if the name is given as [`Repr::Bytes`].
    fn as_bytes(&self) -> Option<&[u8]>;
    /// Takes so many bytes off the start. They must be whole code points.
    fn skip_bytes(&mut self, count: usize);
}

impl CodePoints for &[u32] {
    fn next(&mut self) -> Option<u32> {
        let (&first, rest) = self.split_first()?;
        *self = rest;
        Some(first)
    }

    fn next_back(&mut self) -> Option<u32> {
        let (&last, rest) = self.split_last()?;
        *self = rest;
        Some(last)
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        None
    }

    fn skip_bytes(&mut self, _: usize) {}
}

/// UTF-8 in which any other byte stands for `0xDC00 + byte`. With `WTF8`, a surrogate may be
/// encoded like any other code point, as Rust has the names of Windows, where they can hold lone
/// ones.
///
/// Both directions give the same code points: no sequence of more than one byte holds the
/// first byte of another, so the position of a sequence does not depend on what comes
/// before or after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoded<'a, const WTF8: bool>(pub(crate) &'a [u8]);

/// The bytes of a name on this system. (Elsewhere than on Windows such bytes are not UTF-8.)
#[inline]
pub(crate) fn encoded(bytes: &[u8]) -> Encoded<'_, { cfg!(windows) }> {
    Encoded(bytes)
}

impl<const WTF8: bool> CodePoints for Encoded<'_, WTF8> {
    #[inline]
    fn next(&mut self) -> Option<u32> {
        let &first = self.0.first()?;
        let (code_point, width) =
            if first.is_ascii() { (u32::from(first), 1) } else { decode_wide::<WTF8>(self.0) };
        self.0 = &self.0[width..];
        Some(code_point)
    }

    #[inline]
    fn next_back(&mut self) -> Option<u32> {
        let &last = self.0.last()?;
        let (code_point, width) =
            if last.is_ascii() { (u32::from(last), 1) } else { decode_wide_back::<WTF8>(self.0) };
        self.0 = &self.0[..self.0.len() - width];
        Some(code_point)
    }

    #[inline]
    fn as_bytes(&self) -> Option<&[u8]> {
        Some(self.0)
    }

    #[inline]
    fn skip_bytes(&mut self, count: usize) {
        self.0 = &self.0[count..];
    }
}

/// The code point at the start of `bytes`, and its width. The first byte must exist and not
/// be ASCII.
fn decode_wide<const WTF8: bool>(bytes: &[u8]) -> (u32, usize) {
    let first = bytes[0];
    let escaped = (0xDC00 + u32::from(first), 1);
    let (width, least) = match first {
        0xC2..=0xDF => (2, 0x80),
        0xE0..=0xEF => (3, 0x800),
        0xF0..=0xF4 => (4, 0x1_0000),
        _ => return escaped,
    };
    let Some(others) = bytes.get(1..width) else { return escaped };
    let mut code_point = u32::from(first) & (0x7F >> width);
    for &byte in others {
        if byte & 0xC0 != 0x80 {
            return escaped;
        }
        code_point = code_point << 6 | u32::from(byte & 0x3F);
    }
    let valid = match code_point {
        0xD800..=0xDFFF => WTF8,
        _ => code_point >= least && code_point <= 0x10_FFFF,
    };
    if valid { (code_point, width) } else { escaped }
}

/// The code point at the end of `bytes`, and its width. The last byte must exist and not be
/// ASCII.
fn decode_wide_back<const WTF8: bool>(bytes: &[u8]) -> (u32, usize) {
    for width in 2..=bytes.len().min(4) {
        let sequence = &bytes[bytes.len() - width..];
        // The last byte that is no continuation byte decides.
        if sequence[0] & 0xC0 != 0x80 {
            if !sequence[0].is_ascii() {
                let (code_point, decoded) = decode_wide::<WTF8>(sequence);
                if decoded == width {
                    return (code_point, width);
                }
            }
            break;
        }
    }
    (0xDC00 + u32::from(bytes[bytes.len() - 1]), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward<const WTF8: bool>(bytes: &[u8]) -> Vec<u32> {
        let mut rest = Encoded::<WTF8>(bytes);
        std::iter::from_fn(|| rest.next()).collect()
    }

    fn backward<const WTF8: bool>(bytes: &[u8]) -> Vec<u32> {
        let mut rest = Encoded::<WTF8>(bytes);
        let mut code_points: Vec<u32> = std::iter::from_fn(|| rest.next_back()).collect();
        code_points.reverse();
        code_points
    }

    /// The code points by the standard library: what it calls valid is characters, and all
    /// else is bytes, or with `WTF8` a surrogate.
    fn reference<const WTF8: bool>(bytes: &[u8]) -> Vec<u32> {
        let mut code_points = Vec::new();
        for chunk in bytes.utf8_chunks() {
            code_points.extend(chunk.valid().chars().map(u32::from));
            code_points.extend(chunk.invalid().iter().map(|&b| 0xDC00 + u32::from(b)));
        }
        // The three bytes of a surrogate are three chunks.
        let is_surrogate =
            |three: &[u32]| matches!(three, [0xDCED, 0xDCA0..=0xDCBF, 0xDC80..=0xDCBF]) && WTF8;
        let mut at = 0;
        while let Some(three) = code_points.get(at..at + 3) {
            if is_surrogate(three) {
                let surrogate = 0xD000 | (three[1] & 0x3F) << 6 | three[2] & 0x3F;
                code_points.splice(at..at + 3, [surrogate]);
            }
            at += 1;
        }
        code_points
    }

    #[test]
    fn every_scalar() {
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            assert_eq!(forward::<false>(text.as_bytes()), [u32::from(c)]);
            assert_eq!(backward::<false>(text.as_bytes()), [u32::from(c)]);
            assert_eq!(forward::<true>(text.as_bytes()), [u32::from(c)]);
            assert_eq!(backward::<true>(text.as_bytes()), [u32::from(c)]);
        }
    }

    #[test]
    fn every_short_string_of_boundary_bytes() {
        // The bounds of every class of bytes in the definition of UTF-8.
        let boundary = [
            0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0,
            0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
        ];
        for length in 0..=4 {
            for number in 0..boundary.len().pow(length) {
                let bytes: Vec<u8> =
                    (0..length).map(|i| boundary[number / boundary.len().pow(i) % 25]).collect();
                // Four bytes are read together only after these.
                if length == 4 && !(0xF0..=0xF4).contains(&bytes[0]) {
                    continue;
                }
                let expected = reference::<false>(&bytes);
                assert_eq!(forward::<false>(&bytes), expected, "{bytes:x?}");
                assert_eq!(backward::<false>(&bytes), expected, "{bytes:x?}");
                let expected = reference::<true>(&bytes);
                assert_eq!(forward::<true>(&bytes), expected, "{bytes:x?}");
                assert_eq!(backward::<true>(&bytes), expected, "{bytes:x?}");
            }
        }
    }

    #[test]
    fn code_points_are_taken_as_they_are() {
        let code_points = [0x61, 0xD800, 0xDCC3, 0xDCA9, 0x1F600];
        assert!(Name::from(&code_points[..]).code_points().eq(code_points));
    }

    #[test]
    fn surrogates_of_windows() {
        // What Rust makes of these names, by their UTF-16.
        for (wide, bytes) in [
            (&[0x61_u16, 0xD800, 0x62, 0xDC80][..], &b"a\xED\xA0\x80b\xED\xB2\x80"[..]),
            (&[0xDFFF, 0xD800][..], &b"\xED\xBF\xBF\xED\xA0\x80"[..]),
            (&[0xD7FF, 0xE000][..], &b"\xED\x9F\xBF\xEE\x80\x80"[..]),
        ] {
            let code_points: Vec<u32> = wide.iter().map(|&unit| u32::from(unit)).collect();
            assert_eq!(forward::<true>(bytes), code_points);
            assert_eq!(backward::<true>(bytes), code_points);
            #[cfg(windows)]
            {
                use std::os::windows::ffi::OsStringExt;
                let name = std::ffi::OsString::from_wide(wide);
                assert_eq!(name.as_encoded_bytes(), bytes);
                assert!(Name::from(name.as_os_str()).code_points().eq(code_points));
            }
        }
        // A pair is one character, and is encoded as one.
        assert_eq!(forward::<true>("\u{1F600}".as_bytes()), [0x1_F600]);
        // Elsewhere these are three bytes that are not UTF-8.
        assert_eq!(forward::<false>(b"\xED\xA0\x80"), [0xDCED, 0xDCA0, 0xDC80]);
    }
}
