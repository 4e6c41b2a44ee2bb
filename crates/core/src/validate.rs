//! Validation: parts of a pattern that are legal but cannot be meant.

mod implied;
mod names;
#[cfg(test)]
mod tests;
mod walk;

use std::fmt;

use crate::FileStructurePattern;

/// How a [`Problem`] affects what a pattern matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// The part is required, and nothing on disk can satisfy it. The pattern matches no
    /// directory. Shown as `never`.
    Never,
    /// The part changes nothing: the pattern matches the same without it. Shown as `idle`.
    Idle,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Never => "never",
            Severity::Idle => "idle",
        })
    }
}

/// One finding of [`FileStructurePattern::validate`].
///
/// Shown as `never: directories[2].files[0]: ...`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    place: String,
    message: String,
    severity: Severity,
}

impl Problem {
    /// The place of the part, such as `directories[2].files[0]`. Never empty.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is wrong with the part, and what to do about it.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How the problem affects what the pattern matches.
    pub fn severity(&self) -> Severity {
        self.severity
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.severity, self.place, self.message)
    }
}

impl FileStructurePattern {
    /// Finds parts that cannot be meant: they are legal, but can never match, or change
    /// nothing. Only certain problems are reported, so the list is empty for most patterns.
    ///
    /// A name test *can never match* an entry on disk if each of its alternatives
    /// - is a glob that holds an empty class, such as `[z-a]`,
    /// - needs a literal `/` or a literal NUL, which no name holds,
    /// - matches `.` or `..` alone, which no listing holds,
    /// - is an empty glob and is a file's. As a directory's name, an empty glob matches every
    ///   directory,
    /// - is a regular expression that matches nothing, such as `[a&&b]` or `a^`.
    ///
    /// [`Severity::Never`]: the part is required, in the pattern itself or in a sub-pattern that
    /// is required at all levels, and
    /// - its name test can never match,
    /// - its `min` can never be, since fewer names pass: `README` with `min` 2,
    /// - what is forbidden forbids all that passes it, or another requirement has a `max` below
    ///   its `min` for all that passes it.
    ///
    /// It is reported once, at its own place.
    ///
    /// [`Severity::Idle`]:
    /// - such a part is optional or forbidden, or inside of a pattern that is: it never belongs
    ///   to a match, or forbids nothing;
    /// - an alternative can never match, or another one matches all that it does;
    /// - a test or a sub-pattern is in one list twice: the second one is reported. Among what
    ///   is forbidden, that holds for what another one forbids as well;
    /// - an optional test or sub-pattern is required, too, or is forbidden;
    /// - a glob of stars alone is among `files`, next to another: the file that the other
    ///   one asks for satisfies both;
    /// - `min` is 0 and there is no `max`: nothing is asked for;
    /// - a directory is `closed`, and has a name test for every file and for every directory,
    ///   or forbids a name that it does not allow anyway;
    /// - a glob has a `{` and a `,` behind it, outside of brackets: braces are literal;
    /// - a regular expression is a plain name, or begins with `^` or ends with `$`.
    ///
    /// Problems come in the order in which [`to_json`](Self::to_json) writes the parts, at
    /// most one for each glob, and 1,000 altogether. The inside of a sub-pattern that is
    /// reported itself is not looked at. Which of two tests passes more is found out for what
    /// is plain to see: `data_*.csv` passes less than `*.csv`. In patterns of thousands of
    /// tests it is not found out for all.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{FileStructurePattern, Severity};
    ///
    /// let pattern = FileStructurePattern::builder("*")
    ///     .files(["data/*.csv", "*.txt"])
    ///     .optional_file("*.txt")
    ///     .build()?;
    /// let problems = pattern.validate();
    /// assert_eq!(problems[0].place(), "files[0]");
    /// assert_eq!(problems[0].severity(), Severity::Never);
    /// assert_eq!(
    ///     problems[1].to_string(),
    ///     "idle: optional_files[0]: the same as files[1], which is required: remove one of them"
    /// );
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn validate(&self) -> Vec<Problem> {
        walk::problems(self)
    }
}
