//! What stands in front of keys and is no part of them.

use crate::Error;

/// What may stand in front of keys and is no part of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeyFront {
    /// Nothing: a key is what it is.
    #[default]
    Nothing,
    /// `./`, as often as it stands there. `.` alone is the source.
    Dots,
    /// That, or one `/`, which says that the source is the root. Either all keys have one, or
    /// none has. Several slashes at the end of a key are one, as where `find lab/` is told to
    /// end directories with a slash.
    DotsOrRoot,
}

/// What stood in front of keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stripped {
    front: KeyFront,
    /// Whether keys begin with a slash.
    root: Option<bool>,
    /// Whether the first key begins with `./`.
    dots: Option<bool>,
}

impl Stripped {
    pub(crate) fn new(front: KeyFront) -> Stripped {
        Stripped { front, ..Stripped::default() }
    }

    /// The source as the keys have it: `/`, `.` or nothing.
    pub(crate) fn source(&self) -> &'static str {
        match self {
            Stripped { root: Some(true), .. } => "/",
            Stripped { dots: Some(true), .. } => ".",
            _ => "",
        }
    }

    /// The key without what stands in front of it. `number` counts the keys.
    #[inline]
    pub(crate) fn strip<'k>(&mut self, key: &'k [u8], number: u64) -> Result<&'k [u8], Error> {
        if self.front == KeyFront::Nothing {
            return Ok(key);
        }
        let is_plain = !matches!(key, [b'.' | b'/', ..] | [] | [.., b'/', b'/']);
        if is_plain && self.root == Some(false) {
            return Ok(key);
        }
        self.strip_front(key, number)
    }

    fn strip_front<'k>(&mut self, key: &'k [u8], number: u64) -> Result<&'k [u8], Error> {
        if key.is_empty() {
            return Ok(key);
        }
        let key = if self.front == KeyFront::DotsOrRoot { with_one_slash(key) } else { key };
        let mut rest = without_dots(key);
        if self.front == KeyFront::DotsOrRoot {
            let below_root = key.strip_prefix(b"/");
            rest = below_root.map_or(rest, without_dots);
            let is_root = below_root.is_some();
            if *self.root.get_or_insert(is_root) != is_root {
                let (has, others) = if is_root { ("a", "none") } else { ("no", "one") };
                let message = format!(
                    "number {number} has {has} / in front, and those before it have {others}"
                );
                return Err(Error::bad_key(key, message));
            }
        }
        self.root.get_or_insert(false);
        self.dots.get_or_insert(key == b"." || key.starts_with(b"./"));
        Ok(rest)
    }
}

/// The key with one slash where several are at its end.
fn with_one_slash(mut key: &[u8]) -> &[u8] {
    while let [rest @ .., b'/'] = key
        && rest.ends_with(b"/")
    {
        key = rest;
    }
    key
}

fn without_dots(mut key: &[u8]) -> &[u8] {
    while let Some(rest) = key.strip_prefix(b"./") {
        key = rest;
    }
    if key == b"." { b"" } else { key }
}
