//! Name tests: what a name has to pass.

use std::ffi::OsStr;

use super::NameRegex;
use crate::{Error, Name, NameGlob};

/// One of the alternatives of a [`NameTest`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NameAlternative {
    /// A glob.
    Glob(NameGlob),
    /// A regular expression.
    Regex(NameRegex),
}

impl NameAlternative {
    /// Whether a name passes.
    pub fn is_match<'n>(&self, name: impl Into<Name<'n>>) -> bool {
        match self {
            NameAlternative::Glob(glob) => glob.is_match(name),
            NameAlternative::Regex(regex) => regex.is_match(name),
        }
    }

    /// The glob, if it is one.
    pub fn as_glob(&self) -> Option<&NameGlob> {
        match self {
            NameAlternative::Glob(glob) => Some(glob),
            NameAlternative::Regex(_) => None,
        }
    }
}

/// A test that a name passes or not: a glob, a regular expression, or several of these, of
/// which one is enough.
///
/// Two are equal if their alternatives are, in the same order.
///
/// # Example
///
/// ```
/// use pathvein_core::{NameRegex, NameTest};
///
/// let image = NameTest::any_of(["*.nii", "*.nii.gz"])?;
/// assert!(image.is_match("brain.nii.gz"));
/// assert_eq!(NameTest::any_of(["*.nii"])?, NameTest::from("*.nii"));
/// assert!(NameTest::from(NameRegex::new(r"v\d+")?).is_match("v12"));
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NameTest {
    alternatives: Box<[NameAlternative]>,
}

impl NameTest {
    /// A test that is passed by what passes one of these.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Requirement`](crate::ErrorKind::Requirement) if there are none.
    pub fn any_of<I>(alternatives: I) -> Result<NameTest, Error>
    where
        I: IntoIterator,
        I::Item: Into<NameAlternative>,
    {
        let alternatives: Box<[_]> = alternatives.into_iter().map(Into::into).collect();
        match alternatives.is_empty() {
            true => Err(Error::requirement("no alternatives: give at least one")),
            false => Ok(NameTest { alternatives }),
        }
    }

    /// The alternatives, at least one.
    pub fn alternatives(&self) -> &[NameAlternative] {
        &self.alternatives
    }

    /// The glob, if the test is one glob and nothing else.
    pub fn as_glob(&self) -> Option<&NameGlob> {
        match &*self.alternatives {
            [NameAlternative::Glob(glob)] => Some(glob),
            _ => None,
        }
    }

    /// Whether a name passes.
    pub fn is_match<'n>(&self, name: impl Into<Name<'n>>) -> bool {
        let name = name.into();
        self.alternatives.iter().any(|alternative| alternative.is_match(name))
    }

    /// Whether every name passes that is tested as a directory's: there, an empty glob means
    /// the same as `*`.
    pub(crate) fn takes_every_directory(&self) -> bool {
        self.alternatives.iter().any(|alternative| {
            let glob = alternative.as_glob();
            glob.is_some_and(|glob| glob.as_str() == Some("") || glob.matches_everything())
        })
    }
}

macro_rules! alternative_from {
    ($($glob:ty),*) => {$(
        impl From<$glob> for NameAlternative {
            fn from(glob: $glob) -> NameAlternative {
                NameAlternative::Glob(glob.into())
            }
        }

        impl From<$glob> for NameTest {
            fn from(glob: $glob) -> NameTest {
                NameAlternative::from(glob).into()
            }
        }
    )*};
}

alternative_from!(&str, String, &String, &OsStr, NameGlob, &NameGlob);

impl From<NameRegex> for NameAlternative {
    fn from(regex: NameRegex) -> NameAlternative {
        NameAlternative::Regex(regex)
    }
}

impl From<NameRegex> for NameTest {
    fn from(regex: NameRegex) -> NameTest {
        NameAlternative::Regex(regex).into()
    }
}

impl From<NameAlternative> for NameTest {
    fn from(alternative: NameAlternative) -> NameTest {
        NameTest { alternatives: [alternative].into() }
    }
}

impl From<&NameTest> for NameTest {
    fn from(test: &NameTest) -> NameTest {
        test.clone()
    }
}
