//! What a check tells of a directory.

use std::fmt;
use std::sync::Arc;

use crate::NameBuf;

/// The place of a requirement in its pattern. The numbers are those in the lists there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Place {
    /// The test of the directory's own name.
    DirectoryName,
    /// One of [`files`](crate::FileStructurePattern::files).
    File(usize),
    /// One of [`directories`](crate::FileStructurePattern::directories).
    Directory(usize),
    /// One of [`optional_files`](crate::FileStructurePattern::optional_files).
    OptionalFile(usize),
    /// One of [`optional_directories`](crate::FileStructurePattern::optional_directories).
    OptionalDirectory(usize),
    /// One of [`forbidden_files`](crate::FileStructurePattern::forbidden_files).
    ForbiddenFile(usize),
    /// One of [`forbidden_directories`](crate::FileStructurePattern::forbidden_directories).
    ForbiddenDirectory(usize),
    /// That nothing else may be there.
    Closed,
}

/// As in pattern JSON: `files[1]`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, index) = match self {
            Place::DirectoryName => return f.write_str("directory_name"),
            Place::Closed => return f.write_str("closed"),
            Place::File(index) => ("files", index),
            Place::Directory(index) => ("directories", index),
            Place::OptionalFile(index) => ("optional_files", index),
            Place::OptionalDirectory(index) => ("optional_directories", index),
            Place::ForbiddenFile(index) => ("forbidden_files", index),
            Place::ForbiddenDirectory(index) => ("forbidden_directories", index),
        };
        write!(f, "{key}[{index}]")
    }
}

/// What became of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Answer {
    /// It holds.
    Met,
    /// It does not hold.
    Missing,
    /// It could be either, if everything had been read.
    Unknown,
    /// It is optional, and not there.
    Absent,
}

/// In which way an entry comes close to what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Reason {
    /// The name passes in another case.
    Case,
    /// The name passes in another Unicode normal form.
    NormalForm,
    /// The name passes after one edit.
    Edit,
    /// It is in a sub-directory.
    Below,
    /// It is in the directory above.
    Above,
    /// It is there, and is a directory.
    Directory,
    /// It is there, and is no directory.
    File,
    /// A sub-directory passes the name, and is a link that is not followed.
    Link,
    /// A sub-directory passes the name, and is not entered: a mount point or a loop.
    NotEntered,
    /// A sub-directory passes the name, and could not be read; or the directory itself could
    /// not be read to its end, then the path is `.`.
    Unreadable,
    /// A sub-directory passes the name.
    Name,
}

impl Reason {
    /// The word for it: `case`, `normal form`, `edit`, `below`, `above`, `directory`, `file`,
    /// `link`, `not entered`, `unreadable`, `name`.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Case => "case",
            Reason::NormalForm => "normal form",
            Reason::Edit => "edit",
            Reason::Below => "below",
            Reason::Above => "above",
            Reason::Directory => "directory",
            Reason::File => "file",
            Reason::Link => "link",
            Reason::NotEntered => "not entered",
            Reason::Unreadable => "unreadable",
            Reason::Name => "name",
        }
    }
}

/// What came closest to what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closest {
    /// In which way.
    pub reason: Reason,
    /// The entry, relative to the directory that was checked: `old/a.csv`, `../a.csv`.
    pub path: NameBuf,
    /// What became of a sub-directory that passes the name.
    pub inside: Option<Arc<Inside>>,
}

/// What became of a sub-directory, held against one of the alternatives of a requirement.
///
/// A pattern may hold another in many places, which holds another in many places: what is told
/// of them is shared. Who goes through all of it keeps in mind what it has seen, by address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// Which of the alternatives it was held against, by the position in
    /// [`alternatives`](crate::DirectoryRequirement::alternatives).
    pub alternative: usize,
    /// Whether it was read, and has no entries.
    pub is_empty: bool,
    /// What became of the requirements of that alternative.
    pub findings: Findings,
}

/// What became of one requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its place in the pattern.
    pub place: Place,
    /// Its number among the requirements of the pattern's top level, in the order of the keys
    /// of pattern JSON: the name is 0, then come the files, directories, optional files, and
    /// so on.
    pub item: usize,
    /// What became of it.
    pub answer: Answer,
    /// The names that count, sorted, the first ten: of files that pass, of sub-directories that
    /// match; for what is forbidden and for `closed`, of what should not be there.
    pub found: Box<[NameBuf]>,
    /// How many there are in all.
    pub count: usize,
    /// What came closest, if anything did. `None` where enough is there, or too much.
    pub closest: Option<Closest>,
}

/// What became of the requirements of a pattern's top level, in their order. Of a check, only
/// those that do not hold are here; [`Explain`](crate::Explain) tells of all.
///
/// It dereferences to a slice. Clones share the contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Arc<[Finding]>);

impl Findings {
    /// Whether the directory matches: nothing is missing or unknown.
    pub fn is_complete(&self) -> bool {
        !self.iter().any(|found| matches!(found.answer, Answer::Missing | Answer::Unknown))
    }

    /// A number that those have in common that share their contents.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Those that do not hold.
    pub fn missing(&self) -> impl Iterator<Item = &Finding> {
        self.iter().filter(|found| found.answer == Answer::Missing)
    }

    /// Those of which it cannot be told.
    pub fn unknown(&self) -> impl Iterator<Item = &Finding> {
        self.iter().filter(|found| found.answer == Answer::Unknown)
    }
}

impl FromIterator<Finding> for Findings {
    fn from_iter<I: IntoIterator<Item = Finding>>(findings: I) -> Findings {
        Findings(findings.into_iter().collect())
    }
}

impl std::ops::Deref for Findings {
    type Target = [Finding];

    fn deref(&self) -> &[Finding] {
        &self.0
    }
}
