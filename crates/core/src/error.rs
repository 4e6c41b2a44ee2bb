//! The error type of the crate.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What was being done when an I/O error happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Resolving the source to an absolute path without links.
    ResolveSource,
    /// Opening a directory in order to list it.
    OpenDirectory,
    /// Reading the entries of an opened directory.
    ReadDirectory,
    /// Asking what an entry is (`stat`).
    ReadMetadata,
    /// Asking what a symbolic link leads to.
    FollowLink,
    /// Starting the worker threads.
    StartThreads,
    /// Opening a file that is to be copied.
    OpenFile,
    /// Reading a file that is to be copied.
    ReadFile,
    /// Making a directory of a copy.
    CreateDirectory,
    /// Making a file of a copy.
    CreateFile,
    /// Writing a file of a copy.
    WriteFile,
    /// Making a link of a copy.
    CreateLink,
    /// Giving a copy its owner, mode, times and extended attributes.
    SetMetadata,
    /// Flushing a copy to the disk.
    Sync,
    /// Giving what was copied its final name.
    Rename,
}

impl Operation {
    /// The operation in words that follow "while", for instance `"reading the directory"`.
    pub fn description(self) -> &'static str {
        match self {
            Operation::ResolveSource => "resolving the source",
            Operation::OpenDirectory => "opening the directory",
            Operation::ReadDirectory => "reading the directory",
            Operation::ReadMetadata => "reading the metadata",
            Operation::FollowLink => "following the link",
            Operation::StartThreads => "starting the worker threads",
            Operation::OpenFile => "opening the file",
            Operation::ReadFile => "reading the file",
            Operation::CreateDirectory => "making the directory",
            Operation::CreateFile => "making the file",
            Operation::WriteFile => "writing the file",
            Operation::CreateLink => "making the link",
            Operation::SetMetadata => "setting owner, mode and times",
            Operation::Sync => "flushing to the disk",
            Operation::Rename => "giving it its final name",
        }
    }
}

/// What kind of error an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system reported an error: see [`Error::io_error`], [`Error::path`] and
    /// [`Error::operation`].
    Io,
    /// A link to a directory leads back to one of its ancestors: see [`Error::path`] and
    /// [`Error::loop_ancestor`].
    Loop,
    /// A match is not copied, since its destination is in the way of a source, or cannot be
    /// used: see [`Error::path`]. The message says what to do.
    Refused,
    /// An exclude rule is no valid path glob: see [`Error::glob`].
    ExcludeRule,
    /// A number in a name glob is no Unicode code point.
    CodePoint,
    /// A regular expression cannot be compiled, or is too large: see [`Error::regex`].
    Regex,
    /// A requirement that cannot be: without alternatives, or with a `min` above its `max`.
    Requirement,
    /// A pattern nests deeper than [`MAX_LEVELS`](crate::MAX_LEVELS).
    TooDeep,
    /// A pattern's JSON is no valid JSON text: see [`Error::line`],
    /// [`Error::column`] and [`Error::offset`].
    JsonSyntax,
    /// A pattern's JSON is valid JSON but no pattern: see [`Error::place`].
    JsonPattern,
    /// A text is no pattern text: see [`Error::line`], [`Error::column`], [`Error::offset`] and
    /// [`Error::source_line`].
    TextSyntax,
    /// A key is out of order, or outside its range: see [`Error::key`].
    Key,
    /// A sub-tree or its outcome, which another process made, does not fit: see
    /// [`Subtree`](crate::Subtree).
    Subtree,
    /// The iterator was started in another process, of which this one is a fork. The fork
    /// has no workers.
    OtherProcess,
    /// A defect of this crate. The traversal has ended.
    Internal,
}

/// An error of this crate, with its context and its cause.
///
/// `Display` shows all of it on one line; below an error in pattern text stand the line that is
/// wrong and a caret. Each accessor tells for which [kinds](ErrorKind) it has a value, and is
/// `None` for the others.
///
/// An error converts into a [`std::io::Error`] of the kind of its cause. That keeps the
/// context, as it holds the whole error.
///
/// # Example
///
/// ```
/// use pathvein_core::{ErrorKind, Operation, Walk};
/// use std::{io, path::Path};
///
/// let error = Walk::new("no/such/place").start().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Io);
/// assert_eq!(error.operation(), Some(Operation::OpenDirectory));
/// assert_eq!(error.path(), Some(Path::new("no/such/place")));
/// assert_eq!(io::Error::from(error).kind(), io::ErrorKind::NotFound);
/// ```
#[derive(Debug)]
pub struct Error {
    repr: Box<Repr>,
}

#[derive(Debug)]
enum Repr {
    Io {
        path: PathBuf,
        operation: Operation,
        source: io::Error,
    },
    Loop {
        path: PathBuf,
        ancestor: PathBuf,
    },
    #[cfg_attr(not(unix), allow(dead_code))] // what copying refuses
    Refused {
        path: PathBuf,
        message: Cow<'static, str>,
    },
    ExcludeRule {
        glob: String,
        message: String,
    },
    CodePoint {
        value: u32,
    },
    Regex {
        place: String,
        regex: String,
        message: String,
    },
    Requirement {
        place: String,
        message: String,
    },
    TooDeep {
        place: String,
    },
    JsonSyntax {
        place: String,
        message: String,
        line: usize,
        column: usize,
        offset: usize,
        nested_text: Option<Box<[u8]>>,
    },
    JsonPattern {
        place: String,
        message: String,
    },
    TextSyntax {
        place: String,
        message: String,
        line: usize,
        column: usize,
        offset: usize,
        source_line: String,
        /// How many characters of the line stand in front of the caret.
        caret: usize,
    },
    Key {
        key: String,
        message: Cow<'static, str>,
    },
    Subtree {
        message: &'static str,
    },
    OtherProcess,
    Internal {
        message: &'static str,
    },
}

impl Error {
    pub(crate) fn io(path: impl Into<PathBuf>, operation: Operation, source: io::Error) -> Error {
        Repr::Io { path: path.into(), operation, source }.into()
    }

    /// The same error of the same place below another directory, if it is one of a path below
    /// `from`.
    #[cfg(unix)]
    pub(crate) fn moved(mut self, from: &Path, to: &Path) -> Error {
        if let Repr::Io { path, .. } = &mut *self.repr
            && let Ok(below) = path.strip_prefix(from)
        {
            *path = if below.as_os_str().is_empty() { to.into() } else { to.join(below) };
        }
        self
    }

    pub(crate) fn link_loop(path: impl Into<PathBuf>, ancestor: impl Into<PathBuf>) -> Error {
        Repr::Loop { path: path.into(), ancestor: ancestor.into() }.into()
    }

    #[cfg(unix)]
    pub(crate) fn refused(
        path: impl Into<PathBuf>,
        message: impl Into<Cow<'static, str>>,
    ) -> Error {
        Repr::Refused { path: path.into(), message: message.into() }.into()
    }

    pub(crate) fn exclude_rule(glob: impl Into<String>, message: impl Into<String>) -> Error {
        Repr::ExcludeRule { glob: glob.into(), message: message.into() }.into()
    }

    pub(crate) fn code_point(value: u32) -> Error {
        Repr::CodePoint { value }.into()
    }

    pub(crate) fn bad_regex(regex: impl Into<String>, message: impl Into<String>) -> Error {
        let (regex, message) = (regex.into(), message.into());
        Repr::Regex { place: String::new(), regex, message }.into()
    }

    pub(crate) fn requirement(message: impl Into<String>) -> Error {
        Repr::Requirement { place: String::new(), message: message.into() }.into()
    }

    /// The same error of the part of a pattern at `place`, if it is one of a part.
    pub(crate) fn at(mut self, place: impl Into<String>) -> Error {
        if let Repr::Regex { place: part, .. } | Repr::Requirement { place: part, .. } =
            &mut *self.repr
        {
            *part = place.into();
        }
        self
    }

    pub(crate) fn too_deep(place: impl Into<String>) -> Error {
        Repr::TooDeep { place: place.into() }.into()
    }

    pub(crate) fn json_syntax(
        place: impl Into<String>,
        message: impl Into<String>,
        line: usize,
        column: usize,
        offset: usize,
        nested_text: Option<Box<[u8]>>,
    ) -> Error {
        let (place, message) = (place.into(), message.into());
        Repr::JsonSyntax { place, message, line, column, offset, nested_text }.into()
    }

    pub(crate) fn json_pattern(place: impl Into<String>, message: impl Into<String>) -> Error {
        Repr::JsonPattern { place: place.into(), message: message.into() }.into()
    }

    pub(crate) fn text_syntax(
        place: impl Into<String>,
        message: impl Into<String>,
        (line, column, offset): (usize, usize, usize),
        source_line: String,
        caret: usize,
    ) -> Error {
        let (place, message) = (place.into(), message.into());
        Repr::TextSyntax { place, message, line, column, offset, source_line, caret }.into()
    }

    pub(crate) fn bad_key(key: &[u8], message: impl Into<Cow<'static, str>>) -> Error {
        let key = String::from_utf8_lossy(key).into_owned();
        Repr::Key { key, message: message.into() }.into()
    }

    /// The error of what was started in another process: for those who hold it behind a lock
    /// of their own, which no thread of a fork may ever give back.
    pub fn other_process() -> Error {
        Repr::OtherProcess.into()
    }

    pub(crate) fn subtree(message: &'static str) -> Error {
        Repr::Subtree { message }.into()
    }

    pub(crate) fn internal(message: &'static str) -> Error {
        Repr::Internal { message }.into()
    }

    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        match *self.repr {
            Repr::Io { .. } => ErrorKind::Io,
            Repr::Loop { .. } => ErrorKind::Loop,
            Repr::Refused { .. } => ErrorKind::Refused,
            Repr::ExcludeRule { .. } => ErrorKind::ExcludeRule,
            Repr::CodePoint { .. } => ErrorKind::CodePoint,
            Repr::Regex { .. } => ErrorKind::Regex,
            Repr::Requirement { .. } => ErrorKind::Requirement,
            Repr::TooDeep { .. } => ErrorKind::TooDeep,
            Repr::JsonSyntax { .. } => ErrorKind::JsonSyntax,
            Repr::JsonPattern { .. } => ErrorKind::JsonPattern,
            Repr::TextSyntax { .. } => ErrorKind::TextSyntax,
            Repr::Key { .. } => ErrorKind::Key,
            Repr::Subtree { .. } => ErrorKind::Subtree,
            Repr::OtherProcess => ErrorKind::OtherProcess,
            Repr::Internal { .. } => ErrorKind::Internal,
        }
    }

    /// The path of an [`Io`](ErrorKind::Io), [`Loop`](ErrorKind::Loop) or
    /// [`Refused`](ErrorKind::Refused) error.
    pub fn path(&self) -> Option<&Path> {
        match &*self.repr {
            Repr::Io { path, .. } | Repr::Loop { path, .. } | Repr::Refused { path, .. } => {
                Some(path)
            }
            _ => None,
        }
    }

    /// What was being done when an [`Io`](ErrorKind::Io) error happened. For a
    /// [`Loop`](ErrorKind::Loop), it is following a link.
    pub fn operation(&self) -> Option<Operation> {
        match &*self.repr {
            Repr::Io { operation, .. } => Some(*operation),
            Repr::Loop { .. } => Some(Operation::FollowLink),
            _ => None,
        }
    }

    /// The operating system's error of an [`Io`](ErrorKind::Io) error.
    pub fn io_error(&self) -> Option<&io::Error> {
        match &*self.repr {
            Repr::Io { source, .. } => Some(source),
            _ => None,
        }
    }

    /// The directory that the link of a [`Loop`](ErrorKind::Loop) leads back to.
    pub fn loop_ancestor(&self) -> Option<&Path> {
        match &*self.repr {
            Repr::Loop { ancestor, .. } => Some(ancestor),
            _ => None,
        }
    }

    /// The rule, as given, of an [`ExcludeRule`](ErrorKind::ExcludeRule) error.
    pub fn glob(&self) -> Option<&str> {
        match &*self.repr {
            Repr::ExcludeRule { glob, .. } => Some(glob),
            _ => None,
        }
    }

    /// The expression of a [`Regex`](ErrorKind::Regex) error.
    pub fn regex(&self) -> Option<&str> {
        match &*self.repr {
            Repr::Regex { regex, .. } => Some(regex),
            _ => None,
        }
    }

    /// The key of a [`Key`](ErrorKind::Key) error. Empty if the error is about a whole range.
    pub fn key(&self) -> Option<&str> {
        match &*self.repr {
            Repr::Key { key, .. } => Some(key),
            _ => None,
        }
    }

    /// The place in a pattern, such as `directories[2].files`, of a
    /// [`TooDeep`](ErrorKind::TooDeep), [`JsonSyntax`](ErrorKind::JsonSyntax),
    /// [`JsonPattern`](ErrorKind::JsonPattern), [`TextSyntax`](ErrorKind::TextSyntax),
    /// [`Regex`](ErrorKind::Regex) or [`Requirement`](ErrorKind::Requirement) error. Empty for
    /// the pattern itself, and for what is not part of one yet.
    pub fn place(&self) -> Option<&str> {
        match &*self.repr {
            Repr::TooDeep { place }
            | Repr::Regex { place, .. }
            | Repr::Requirement { place, .. }
            | Repr::JsonSyntax { place, .. }
            | Repr::JsonPattern { place, .. }
            | Repr::TextSyntax { place, .. } => Some(place),
            _ => None,
        }
    }

    /// The line, from 1, of a [`JsonSyntax`](ErrorKind::JsonSyntax) or
    /// [`TextSyntax`](ErrorKind::TextSyntax) error.
    pub fn line(&self) -> Option<usize> {
        match &*self.repr {
            Repr::JsonSyntax { line, .. } | Repr::TextSyntax { line, .. } => Some(*line),
            _ => None,
        }
    }

    /// The column, in code points from 1, of a [`JsonSyntax`](ErrorKind::JsonSyntax) or
    /// [`TextSyntax`](ErrorKind::TextSyntax) error.
    pub fn column(&self) -> Option<usize> {
        match &*self.repr {
            Repr::JsonSyntax { column, .. } | Repr::TextSyntax { column, .. } => Some(*column),
            _ => None,
        }
    }

    /// The offset, in code points from 0, of a [`JsonSyntax`](ErrorKind::JsonSyntax) or
    /// [`TextSyntax`](ErrorKind::TextSyntax) error.
    pub fn offset(&self) -> Option<usize> {
        match &*self.repr {
            Repr::JsonSyntax { offset, .. } | Repr::TextSyntax { offset, .. } => Some(*offset),
            _ => None,
        }
    }

    /// The line of a [`TextSyntax`](ErrorKind::TextSyntax) error, as it is shown: 70
    /// characters of a longer line, and U+FFFD for what cannot be shown.
    pub fn source_line(&self) -> Option<&str> {
        match &*self.repr {
            Repr::TextSyntax { source_line, .. } => Some(source_line),
            _ => None,
        }
    }

    /// The nested text of a [`JsonSyntax`](ErrorKind::JsonSyntax) error, if the error is in
    /// JSON text inside a string of the text that was read. The string is at
    /// [`place`](Error::place); [`line`](Error::line), [`column`](Error::column) and
    /// [`offset`](Error::offset) count in the nested text.
    ///
    /// It is UTF-8, with lone surrogates as three bytes each, as Python's `surrogatepass`
    /// writes them.
    pub fn nested_text(&self) -> Option<&[u8]> {
        match &*self.repr {
            Repr::JsonSyntax { nested_text, .. } => nested_text.as_deref(),
            _ => None,
        }
    }

    /// The message without the place: what is wrong, and for some errors what would be
    /// right.
    pub fn message(&self) -> String {
        match &*self.repr {
            Repr::Io { source, .. } => source.to_string(),
            Repr::Loop { ancestor, .. } => {
                format!("the link leads back to {}", ancestor.display())
            }
            Repr::ExcludeRule { message, .. }
            | Repr::Regex { message, .. }
            | Repr::Requirement { message, .. }
            | Repr::TextSyntax { message, .. }
            | Repr::JsonSyntax { message, .. }
            | Repr::JsonPattern { message, .. } => message.clone(),
            Repr::Key { message, .. } | Repr::Refused { message, .. } => {
                message.clone().into_owned()
            }
            Repr::Subtree { message } => {
                format!("what another process sent does not fit: {message}")
            }
            Repr::OtherProcess => {
                "this iterator was started in another process: start one here".to_owned()
            }
            Repr::Internal { message } => {
                format!("internal error, please report it: {message}")
            }
            Repr::CodePoint { value } => format!("{value:#x} is no Unicode code point"),
            Repr::TooDeep { .. } => {
                format!("patterns nest at most {} levels deep", crate::MAX_LEVELS)
            }
        }
    }
}

impl From<Repr> for Error {
    fn from(repr: Repr) -> Error {
        Error { repr: Box::new(repr) }
    }
}

/// How many characters of a regular expression a message shows.
const SHOWN: usize = 80;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message();
        match &*self.repr {
            Repr::TextSyntax { place, line, column, source_line, caret, .. } => {
                if !place.is_empty() {
                    write!(f, "{place}: ")?;
                }
                // The caret stands below its character only if tabs stay tabs.
                let before = source_line.chars().take(*caret);
                let before: String = before.map(|c| if c == '\t' { c } else { ' ' }).collect();
                write!(f, "{message}: line {line} column {column}\n{source_line}\n{before}^")
            }
            Repr::Io { path, operation, .. } => {
                write!(f, "{}: {message} (while {})", path.display(), operation.description())
            }
            Repr::Loop { path, .. } | Repr::Refused { path, .. } => {
                write!(f, "{}: {message}", path.display())
            }
            Repr::ExcludeRule { glob, .. } => write!(f, "exclude rule {glob:?}: {message}"),
            Repr::Regex { place, regex, .. } => {
                let place = if place.is_empty() { "" } else { &format!("{place}: ") };
                let mut shown: String = regex.chars().take(SHOWN).collect();
                shown.push_str(if shown.len() < regex.len() { "..." } else { "" });
                write!(f, "{place}regular expression {shown:?}: {message}")
            }
            Repr::Key { key, .. } => write!(f, "key {key:?}: {message}"),
            Repr::JsonSyntax { place, line, column, .. } if place.is_empty() => {
                write!(f, "{message}: line {line} column {column}")
            }
            Repr::JsonSyntax { place, line, column, .. } => {
                write!(f, "{place}: {message}: line {line} column {column}")
            }
            Repr::TooDeep { place }
            | Repr::JsonPattern { place, .. }
            | Repr::Requirement { place, .. }
                if !place.is_empty() =>
            {
                write!(f, "{place}: {message}")
            }
            _ => f.write_str(&message),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.repr {
            Repr::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        let kind = match &*error.repr {
            Repr::Io { source, .. } => source.kind(),
            Repr::Loop { .. } | Repr::OtherProcess | Repr::Internal { .. } => io::ErrorKind::Other,
            _ => io::ErrorKind::InvalidInput,
        };
        io::Error::new(kind, error)
    }
}
