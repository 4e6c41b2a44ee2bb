//! Pattern text: patterns as a person would draw them.
//!
//! - `names`: the words and names, one at a time
//! - `reader`: from text to patterns, by recursive descent over code points
//! - `places`: where the parts of patterns stand in a text
//! - `advice`: what to say of the likelier mistakes
//! - `writer`: from patterns to text

mod advice;
mod names;
mod places;
mod reader;
mod writer;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod tests;

use self::reader::Reader;
use super::FileStructurePattern;
use super::regex_budget::RegexBudget;
use crate::Error;

/// The columns of a line that [`FileStructurePattern::to_text_line`] fills at most, and that an
/// entry with alternatives has to fit in to stay on one line.
const COLUMNS: usize = 80;

/// How much of a line an error shows: with dots on both sides, and the indentation that the
/// command line adds, as much as 80 columns hold. In a line that wraps the caret points nowhere.
const SHOWN_LINE: usize = 70;

/// How much of a name a message shows.
const SHOWN_NAME: usize = 60;

type Read<T> = Result<T, Failure>;

/// What is wrong with a text, and where: an offset in code points, at most the text's length.
#[derive(Debug)]
struct Failure {
    at: usize,
    message: String,
}

impl Failure {
    fn new(at: usize, message: impl Into<String>) -> Failure {
        Failure { at, message: message.into() }
    }

    /// The error of a text that stands at a place of a pattern.
    fn into_error(self, text: &[u32], place: &str) -> Error {
        let at = self.at.min(text.len());
        let is_end = |&i: &usize| names::peek(text, i).is_some_and(names::is_line_end);
        // A carriage return with a line feed behind it ends no line of its own.
        let ends_line = |&i: &usize| is_end(&i) && !(names::starts_with(text, i, "\r\n"));
        let line = 1 + (0..at).filter(ends_line).count();
        let mut start = (0..at).rev().find(ends_line).map_or(0, |end| end + 1);
        if start == 0 && at > 0 && text[0] == BYTE_ORDER_MARK {
            start = 1;
        }
        let end = (at..text.len()).find(is_end).unwrap_or(text.len());
        let (source_line, caret) = excerpt(&text[start..end.max(start)], at - start);
        let position = (line, 1 + at - start, at);
        Error::text_syntax(place, self.message, position, source_line, caret)
    }
}

const BYTE_ORDER_MARK: u32 = 0xFEFF;

/// The part of a line around a column, and where in it the column is, both as they are shown.
fn excerpt(line: &[u32], column: usize) -> (String, usize) {
    const DOTS: &str = "...";
    let start = match line.len() > SHOWN_LINE {
        true => column.saturating_sub(SHOWN_LINE / 2).min(line.len() - SHOWN_LINE),
        false => 0,
    };
    let end = line.len().min(start + SHOWN_LINE);
    let before = if start > 0 { DOTS } else { "" };
    let after = if end < line.len() { DOTS } else { "" };
    let part: String = line[start..end].iter().map(|&c| visible(c)).collect();
    (format!("{before}{part}{after}"), before.len() + column - start)
}

/// A character that can be shown in the place of this one.
fn visible(code_point: u32) -> char {
    match char::from_u32(code_point) {
        Some(c) if c == '\t' || !(c.is_control() || names::is_separator(c)) => c,
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// A part of a text, for a message.
fn shown(text: &[u32]) -> String {
    let cut = text.len() > SHOWN_NAME;
    let part: String = text.iter().take(SHOWN_NAME).map(|&c| visible(c)).collect();
    part + if cut { "..." } else { "" }
}

impl FileStructurePattern {
    /// Reads a pattern from pattern text: one line an entry, indentation nests, a `/` at the end
    /// makes a directory. See [Pattern text](crate::semantics#pattern-text).
    ///
    /// # Errors
    ///
    /// [`TextSyntax`](crate::ErrorKind::TextSyntax), with line, column, offset and the line
    /// itself, for a text that is none, or that holds no pattern or several. The message says
    /// what would be right.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{ErrorKind, FileStructurePattern};
    ///
    /// let run = FileStructurePattern::from_text(
    ///     "run_*/
    ///         config.json
    ///         3+ *.csv        # at least three
    ///         no FAILED
    ///         data/
    ///             *.parquet",
    /// )?;
    /// let line = "run_*/{config.json, 3+ *.csv, no FAILED, data/*.parquet}";
    /// assert_eq!(FileStructurePattern::from_text(line)?, run);
    ///
    /// let error = FileStructurePattern::from_text("run_*/\n  data\n    *.csv").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::TextSyntax);
    /// assert_eq!((error.line(), error.column()), (Some(2), Some(3)));
    /// assert_eq!(
    ///     error.message(),
    ///     "this \"data\" has something indented below it: write \"data/\""
    /// );
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn from_text(text: &str) -> Result<FileStructurePattern, Error> {
        FileStructurePattern::from_text_code_points(&code_points(text))
    }

    /// Reads a pattern from the code points of pattern text, lone surrogates included.
    ///
    /// # Errors
    ///
    /// Those of [`from_text`](Self::from_text), and [`CodePoint`](crate::ErrorKind::CodePoint)
    /// for a number that is no code point.
    pub fn from_text_code_points(text: &[u32]) -> Result<FileStructurePattern, Error> {
        check_code_points(text)?;
        one(Reader::new(text, &mut RegexBudget::default()))
            .map_err(|failure| failure.into_error(text, ""))
    }

    /// Reads one or several patterns from pattern text. Each stands at the top, with as much in
    /// front as the first.
    ///
    /// # Errors
    ///
    /// Those of [`from_text`](Self::from_text), but that there may be several.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::FileStructurePattern;
    ///
    /// let text = "sub-*/\n    anat/\nses-*/{*.json}";
    /// let patterns = FileStructurePattern::several_from_text(text)?;
    /// assert_eq!(patterns.len(), 2);
    /// assert_eq!(patterns[1], FileStructurePattern::from_text("ses-*/*.json")?);
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn several_from_text(text: &str) -> Result<Vec<FileStructurePattern>, Error> {
        FileStructurePattern::several_from_text_code_points(&code_points(text))
    }

    /// Reads one or several patterns from the code points of pattern text, lone surrogates
    /// included.
    ///
    /// # Errors
    ///
    /// Those of [`from_text_code_points`](Self::from_text_code_points), but that there may be
    /// several.
    pub fn several_from_text_code_points(text: &[u32]) -> Result<Vec<FileStructurePattern>, Error> {
        check_code_points(text)?;
        match Reader::new(text, &mut RegexBudget::default()).patterns() {
            Ok(patterns) => Ok(patterns.into_iter().map(|(_, pattern)| pattern).collect()),
            Err(failure) => Err(failure.into_error(text, "")),
        }
    }

    /// Tells where the parts of patterns stand in pattern text: of each pattern the places, as
    /// [`validate`](Self::validate) has them, and the offsets in code points. The place of the
    /// pattern itself is empty.
    ///
    /// # Errors
    ///
    /// Those of [`several_from_text_code_points`](Self::several_from_text_code_points).
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::FileStructurePattern;
    ///
    /// let text: Vec<u32> = "run_*/{*.csv, data/{no *.tmp}}".chars().map(u32::from).collect();
    /// let places = FileStructurePattern::places_in_text(&text)?;
    /// assert_eq!(places[0][1], ("files[0]".to_owned(), 7));
    /// assert_eq!(places[0][3], ("directories[0].forbidden_files[0]".to_owned(), 20));
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn places_in_text(text: &[u32]) -> Result<Vec<Vec<(String, usize)>>, Error> {
        check_code_points(text)?;
        let reader = Reader::new(text, &mut RegexBudget::default()).places();
        reader.map_err(|failure| failure.into_error(text, ""))
    }

    /// Writes the pattern as pattern text: one line an entry, indented by four blanks, without a
    /// line break at the end.
    ///
    /// Names are quoted only where they have to be. [`from_text`](Self::from_text) reads an equal
    /// pattern back, but that a directory name that is null or empty becomes `*`.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::FileStructurePattern;
    ///
    /// let run = FileStructurePattern::from_text("run_*/{'a, b', data/*.csv, nothing else}")?;
    /// assert_eq!(
    ///     run.to_text(),
    ///     "run_*/\n    \"a, b\"\n    data/\n        *.csv\n    nothing else"
    /// );
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn to_text(&self) -> String {
        writer::indented(self)
    }

    /// Writes the pattern as pattern text on one line, if it fits in 80 columns, else as
    /// [`to_text`](Self::to_text).
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::FileStructurePattern;
    ///
    /// let run = FileStructurePattern::from_text("run_*/\n  no FAILED\n  data/\n    *.csv")?;
    /// assert_eq!(run.to_text_line(), "run_*/{no FAILED, data/{*.csv}}");
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn to_text_line(&self) -> String {
        writer::on_one_line(self).unwrap_or_else(|| self.to_text())
    }

    /// Reads a pattern from a string that stands in the place of a nested pattern: JSON if it
    /// begins with `{`, else pattern text, whose last `/` may be left out: `data`,
    /// `data/{*.parquet}`.
    ///
    /// `place` is where the string stands, for instance `directories[2]`. Errors name it.
    ///
    /// # Errors
    ///
    /// Those of [`from_json`](Self::from_json), or those of
    /// [`from_text_code_points`](Self::from_text_code_points). As it is nested, the pattern may
    /// have one level less than [`MAX_LEVELS`](crate::MAX_LEVELS).
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::FileStructurePattern;
    ///
    /// let read = |text: &str| {
    ///     let code_points: Vec<u32> = text.chars().map(u32::from).collect();
    ///     FileStructurePattern::from_string(&code_points, "directories[0]")
    /// };
    /// let data = FileStructurePattern::builder("data").build()?;
    /// assert_eq!(read("data")?, data);
    /// assert_eq!(read(r#"{"directory_name": "data"}"#)?, data);
    /// assert_eq!(read("").unwrap_err().place(), Some("directories[0]"));
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn from_string(text: &[u32], place: &str) -> Result<FileStructurePattern, Error> {
        check_code_points(text)?;
        super::json_reader::read_string(text, place)
    }
}

/// Whether a string in the place of a nested pattern is JSON text, and not pattern text.
pub(super) fn is_json(text: &[u32]) -> bool {
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
    let first = (0..).map_while(|i| names::peek(text, i)).find(|&c| !is_space(c));
    first == Some('{')
}

/// Reads a nested pattern from pattern text, which stands at a place of a pattern and is to be
/// of a level.
pub(super) fn nested(
    text: &[u32],
    place: &str,
    level: usize,
    regexes: &mut RegexBudget,
) -> Result<FileStructurePattern, Error> {
    one(Reader::nested(text, level, regexes)).map_err(|failure| failure.into_error(text, place))
}

fn one(reader: Reader<'_>) -> Read<FileStructurePattern> {
    let mut patterns = reader.patterns()?;
    match &patterns[..] {
        [_] => Ok(patterns.remove(0).1),
        [_, (second, _), ..] => Err(Failure::new(*second, advice::SECOND_PATTERN)),
        [] => Err(Failure::new(0, advice::NO_PATTERN)),
    }
}

fn code_points(text: &str) -> Vec<u32> {
    text.chars().map(u32::from).collect()
}

fn check_code_points(text: &[u32]) -> Result<(), Error> {
    match text.iter().find(|&&c| c > 0x10_FFFF) {
        Some(&c) => Err(Error::code_point(c)),
        None => Ok(()),
    }
}
