//! A name, one path component, seen as the code points that globs match.

use std::ffi::OsStr;

/// A borrowed name: one path component, or any other string to be matched.
///
/// A glob matches code points. A `&str` is its characters; an `&OsStr` is what
/// Python's `os.fsdecode` makes of it: a byte that is not UTF-8 is one lone
/// surrogate, `0xDC00 + byte`; a `&[u32]` is code points as they are, lone
/// surrogates included.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a>(pub(crate) Repr<'a>);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Repr<'a> {
    /// UTF-8 in which any other byte stands for `0xDC00 + byte`.
    Bytes(&'a [u8]),
    /// Code points; not every surrogate in them stands for a byte.
    CodePoints(&'a [u32]),
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(name: &'a str) -> Self {
        Name(Repr::Bytes(name.as_bytes()))
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
