//! One name glob. (Placeholder: the text is kept, matching is to come.)

use std::fmt;

use crate::{Error, Name};

/// A name glob with exactly the meaning of Python's `fnmatch.fnmatchcase`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NameGlob {
    code_points: Box<[u32]>,
}

impl NameGlob {
    /// A glob from its text. Every text is a glob.
    pub fn new(glob: &str) -> NameGlob {
        NameGlob { code_points: glob.chars().map(u32::from).collect() }
    }

    /// A glob from code points, lone surrogates included.
    pub fn from_code_points(code_points: impl IntoIterator<Item = u32>) -> Result<NameGlob, Error> {
        let code_points: Box<[u32]> = code_points.into_iter().collect();
        match code_points.iter().find(|&&c| c > 0x10FFFF) {
            Some(&c) => Err(Error::code_point(c)),
            None => Ok(NameGlob { code_points }),
        }
    }

    /// The glob's text as code points.
    pub fn code_points(&self) -> impl Iterator<Item = u32> + '_ {
        self.code_points.iter().copied()
    }

    /// Whether the glob matches the whole of `name`.
    pub fn is_match<'n>(&self, name: impl Into<Name<'n>>) -> bool {
        let _ = name.into();
        unimplemented!()
    }
}

impl From<&str> for NameGlob {
    fn from(glob: &str) -> NameGlob {
        NameGlob::new(glob)
    }
}

impl fmt::Debug for NameGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String =
            self.code_points().map(|c| char::from_u32(c).unwrap_or('\u{FFFD}')).collect();
        write!(f, "NameGlob({text:?})")
    }
}
