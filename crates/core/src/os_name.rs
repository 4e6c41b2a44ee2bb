//! Names as the system has them, made of the bytes of a name or of code points.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};

#[cfg(not(unix))]
use crate::name::{CodePoints, encoded};

/// The name on disk of code points. A lone surrogate that stands for a byte is that byte, and any
/// other becomes U+FFFD; on Windows, each is itself.
pub(crate) fn of_code_points(code_points: impl IntoIterator<Item = u32>) -> OsString {
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(to_bytes(code_points));
    #[cfg(windows)]
    return std::os::windows::ffi::OsStringExt::from_wide(&to_wide(code_points));
    #[cfg(not(any(unix, windows)))]
    return code_points.into_iter().map(shown).collect::<String>().into();
}

/// Code points as the text that exclude rules see. A lone surrogate is no text, whatever it stands
/// for: the bytes of several could together be text.
pub(crate) fn of_text(code_points: impl IntoIterator<Item = u32>) -> OsString {
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(to_wtf8(code_points));
    #[cfg(not(unix))]
    return of_code_points(code_points);
}

/// The bytes of a name, or of a path of names, as the system has them.
pub(crate) fn of_bytes(bytes: &[u8]) -> Cow<'_, OsStr> {
    #[cfg(unix)]
    return Cow::Borrowed(std::os::unix::ffi::OsStrExt::from_bytes(bytes));
    #[cfg(not(unix))]
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text.as_ref()),
        Err(_) => {
            let mut rest = encoded(bytes);
            Cow::Owned(of_code_points(std::iter::from_fn(|| rest.next())))
        }
    }
}

/// The character of a code point, as it is shown.
pub(crate) fn shown(code_point: u32) -> char {
    char::from_u32(code_point).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The bytes of a name on Unix.
#[cfg(any(unix, test))]
fn to_bytes(code_points: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for code_point in code_points {
        match code_point {
            0xDC80..=0xDCFF => bytes.push((code_point - 0xDC00) as u8),
            _ => bytes.extend(shown(code_point).encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    bytes
}

/// UTF-8 in which a lone surrogate is encoded like any other code point.
#[cfg(any(unix, test))]
fn to_wtf8(code_points: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for code_point in code_points {
        match char::from_u32(code_point) {
            Some(character) => bytes.extend(character.encode_utf8(&mut [0; 4]).bytes()),
            None => bytes.extend([
                0xE0 | (code_point >> 12) as u8,
                0x80 | (code_point >> 6 & 0x3F) as u8,
                0x80 | (code_point & 0x3F) as u8,
            ]),
        }
    }
    bytes
}

/// The UTF-16 of a name on Windows.
#[cfg(any(windows, test))]
fn to_wide(code_points: impl IntoIterator<Item = u32>) -> Vec<u16> {
    let mut wide = Vec::new();
    for code_point in code_points {
        match char::from_u32(code_point) {
            Some(character) => wide.extend_from_slice(character.encode_utf16(&mut [0; 2])),
            None => wide.push(code_point as u16),
        }
    }
    wide
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{CodePoints, Encoded};

    #[test]
    fn code_points_become_names() {
        for (code_points, bytes, wide) in [
            (&[0x61, 0xE9][..], "aé".as_bytes(), &[0x61, 0xE9][..]),
            // A byte that is not UTF-8 is that byte, or a surrogate like all others.
            (&[0x61, 0xDCE9], b"a\xE9", &[0x61, 0xDCE9]),
            (&[0xD800, 0x62], "\u{FFFD}b".as_bytes(), &[0xD800, 0x62]),
            (&[0x1_F600], "\u{1F600}".as_bytes(), &[0xD83D, 0xDE00]),
            // Where two surrogates are side by side, they are a pair.
            (&[0xD83D, 0xDE00], "\u{FFFD}\u{FFFD}".as_bytes(), &[0xD83D, 0xDE00]),
        ] {
            assert_eq!(to_bytes(code_points.iter().copied()), bytes, "{code_points:x?}");
            assert_eq!(to_wide(code_points.iter().copied()), wide, "{code_points:x?}");
        }
    }

    #[test]
    fn code_points_are_read_back() {
        // Around each bound between encodings, and some of all.
        let bounds = [0x80, 0x800, 0xD800, 0xDC00, 0xE000, 0x1_0000, 0x4_0000, 0x11_0000];
        let near = bounds.iter().flat_map(|bound| bound - 70..(bound + 70).min(0x11_0000));
        for code_point in near.chain((0..=0x10_FFFF).step_by(251)) {
            let bytes = to_wtf8([code_point]);
            assert_eq!(Encoded::<true>(&bytes).next(), Some(code_point));
            let wide = to_wide([code_point]);
            let mut read = char::decode_utf16(wide).map(|unit| match unit {
                Ok(character) => u32::from(character),
                Err(lone) => lone.unpaired_surrogate().into(),
            });
            assert_eq!((read.next(), read.next()), (Some(code_point), None));
        }
    }

    #[test]
    fn bytes_become_names() {
        for bytes in ["é/b".as_bytes(), b"\xE9/b", b"\xED\xA0\x80"] {
            let expected = crate::Name(crate::name::Repr::Bytes(bytes));
            let name = of_bytes(bytes);
            assert!(crate::Name::from(&*name).code_points().eq(expected.code_points()));
            assert_eq!(of_code_points(expected.code_points()), *name);
        }
    }
}
