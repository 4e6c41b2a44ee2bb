//! Requirements: what is asked of the entries of a directory, and how many are to be there.

use super::{FileStructurePattern, NameTest};
use crate::{Error, NameGlob};

/// How many entries a requirement asks for: at least `min`, at most `max`.
///
/// The default is at least one, with no limit.
///
/// # Example
///
/// ```
/// use pathvein_core::Count;
///
/// assert!(Count::default().holds(1000) && !Count::default().holds(0));
/// let few = Count::new(2, Some(4))?;
/// assert!(few.holds(3) && !few.holds(5));
/// assert!(Count::new(3, Some(2)).is_err());
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Count {
    min: u32,
    max: Option<u32>,
}

impl Count {
    /// None at all: what is forbidden.
    pub(crate) const NONE: Count = Count { min: 0, max: Some(0) };

    /// A count of at least `min` and at most `max`; `None` is no limit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Requirement`](crate::ErrorKind::Requirement) if `min` is above `max`.
    pub fn new(min: u32, max: impl Into<Option<u32>>) -> Result<Count, Error> {
        match max.into() {
            // Where only the max is said.
            Some(0) if min == 1 => Err(Error::requirement(
                "min 1 is above max 0: let min be 0, or name it among what is forbidden",
            )),
            Some(max) if min > max => {
                Err(Error::requirement(format!("min {min} is above max {max}: exchange them")))
            }
            max => Ok(Count { min, max }),
        }
    }

    /// The least number.
    pub fn min(self) -> u32 {
        self.min
    }

    /// The greatest number; `None` if there is no limit.
    pub fn max(self) -> Option<u32> {
        self.max
    }

    /// Whether a number is neither too small nor too large.
    pub fn holds(self, number: u64) -> bool {
        number >= u64::from(self.min) && self.max.is_none_or(|max| number <= u64::from(max))
    }

    /// Whether it is what is meant where no number is said: at least one.
    pub fn is_default(self) -> bool {
        self == Count::default()
    }

    /// Whether any number holds.
    pub(crate) fn asks_for_nothing(self) -> bool {
        self.min == 0 && self.max.is_none()
    }
}

impl Default for Count {
    fn default() -> Count {
        Count { min: 1, max: None }
    }
}

/// A requirement of files: a name test, and how many files of the directory must pass it.
///
/// # Example
///
/// ```
/// use pathvein_core::{Count, FileRequirement};
///
/// let tables = FileRequirement::new("*.csv", Count::new(3, None)?);
/// assert_eq!(tables.count().min(), 3);
/// assert_eq!(FileRequirement::new("*.csv", Count::default()), "*.csv".into());
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileRequirement {
    test: NameTest,
    count: Count,
}

impl FileRequirement {
    /// A requirement of so many files that pass a test.
    pub fn new(test: impl Into<NameTest>, count: Count) -> FileRequirement {
        FileRequirement { test: test.into(), count }
    }

    /// The test of their names.
    pub fn test(&self) -> &NameTest {
        &self.test
    }

    /// How many must pass it.
    pub fn count(&self) -> Count {
        self.count
    }

    /// The glob, if at least one file must match one glob and nothing else is asked.
    pub fn as_glob(&self) -> Option<&NameGlob> {
        self.test.as_glob().filter(|_| self.count.is_default())
    }
}

impl<T: Into<NameTest>> From<T> for FileRequirement {
    fn from(test: T) -> FileRequirement {
        FileRequirement::new(test, Count::default())
    }
}

/// A requirement of sub-directories: one pattern or several, and how many sub-directories must
/// match. For each of these, one of the patterns is enough.
///
/// # Example
///
/// ```
/// use pathvein_core::{Count, DirectoryRequirement, FileStructurePattern};
///
/// let scan = FileStructurePattern::builder("scan_*").file("*.nii").build()?;
/// let scans = DirectoryRequirement::new([scan.clone()], Count::new(2, None)?)?;
/// assert_eq!(scans.alternatives(), [scan.clone()]);
/// assert_eq!(DirectoryRequirement::from(scan.clone()), scan);
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DirectoryRequirement {
    alternatives: Box<[FileStructurePattern]>,
    count: Count,
}

impl DirectoryRequirement {
    /// A requirement of so many sub-directories that match one of the patterns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Requirement`](crate::ErrorKind::Requirement) if there are no patterns.
    pub fn new(
        alternatives: impl IntoIterator<Item = FileStructurePattern>,
        count: Count,
    ) -> Result<DirectoryRequirement, Error> {
        let alternatives: Box<[_]> = alternatives.into_iter().collect();
        match alternatives.is_empty() {
            true => Err(Error::requirement("no alternatives: give at least one")),
            false => Ok(DirectoryRequirement { alternatives, count }),
        }
    }

    /// The patterns, at least one.
    pub fn alternatives(&self) -> &[FileStructurePattern] {
        &self.alternatives
    }

    /// How many sub-directories must match.
    pub fn count(&self) -> Count {
        self.count
    }

    /// The pattern, if at least one sub-directory must match one pattern and nothing else is
    /// asked.
    pub fn as_pattern(&self) -> Option<&FileStructurePattern> {
        match &*self.alternatives {
            [pattern] if self.count.is_default() => Some(pattern),
            _ => None,
        }
    }
}

impl From<FileStructurePattern> for DirectoryRequirement {
    fn from(pattern: FileStructurePattern) -> DirectoryRequirement {
        DirectoryRequirement { alternatives: [pattern].into(), count: Count::default() }
    }
}

impl PartialEq<FileStructurePattern> for DirectoryRequirement {
    fn eq(&self, pattern: &FileStructurePattern) -> bool {
        self.as_pattern() == Some(pattern)
    }
}
