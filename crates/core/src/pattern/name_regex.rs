//! Regular expressions for names.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str;
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;

use crate::name::Repr;
use crate::{Error, Name};

/// How many bytes a compiled expression may take. A counted repetition of a large class, such
/// as `\w{5000}`, is too large.
const SIZE_LIMIT: usize = 1024 * 1024;

/// The sizes that are tried before: the first that is enough tells what an expression takes.
/// Even the smallest expression takes some 6 KiB.
const SMALLER_SIZES: [usize; 3] = [16 * 1024, 64 * 1024, 256 * 1024];

/// How many bytes the text may have: a class of two characters becomes 6 KiB before its size
/// is looked at.
const TEXT_LIMIT: usize = 8 * 1024;

/// What a byte of text counts, since it takes time to parse.
const COST_OF_TEXT: usize = 64;

/// How many bytes a search may keep for itself, besides.
const CACHE_LIMIT: usize = 1024 * 1024;

/// A regular expression that is held against a whole name.
///
/// The syntax is that of the [`regex`](https://docs.rs/regex) crate. `.` and classes stand for
/// characters, so a name that is not UTF-8 passes no expression.
///
/// Two are equal if their texts are. Clones share the compiled expression.
///
/// # Example
///
/// ```
/// use pathvein_core::NameRegex;
///
/// let run = NameRegex::new(r"run_\d+")?;
/// assert!(run.is_match("run_12"));
/// assert!(!run.is_match("run_12_old"));
/// assert!(NameRegex::new("run_(").is_err());
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Clone)]
pub struct NameRegex(Arc<Inner>);

struct Inner {
    text: Box<str>,
    /// What is compiled: the expression, from the beginning of a name to its end.
    anchored: Box<str>,
    regex: Regex,
    cost: usize,
}

impl NameRegex {
    /// Compiles an expression.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Regex`](crate::ErrorKind::Regex) if it is no regular expression, or one
    /// whose text has more than 8 KiB, or that takes more than 1 MiB when it is compiled.
    pub fn new(regex: &str) -> Result<NameRegex, Error> {
        let failed = |error: &dyn fmt::Display| {
            // The last line tells what is wrong, those before show where.
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            Error::bad_regex(regex, last.trim_start_matches("error: "))
        };
        if regex.len() > TEXT_LIMIT {
            return Err(Error::bad_regex(regex, "too long: it may have 8 KiB"));
        }
        // By itself first: the anchors must not make one of what is none, such as `a)|(b`.
        parse(regex).map_err(|error| failed(&error))?;
        let anchored = format!(r"\A(?:{regex})\z");
        // In verbose mode a comment may swallow the end of the line.
        let anchored = match parse(&anchored) {
            Err(_) => format!("\\A(?:{regex}\n)\\z"),
            Ok(_) => anchored,
        };
        for limit in SMALLER_SIZES.into_iter().chain([SIZE_LIMIT]) {
            match compile(&anchored, limit) {
                Ok(compiled) => {
                    let cost = limit + COST_OF_TEXT * regex.len();
                    let (text, anchored) = (regex.into(), anchored.into());
                    return Ok(NameRegex(Arc::new(Inner {
                        text,
                        anchored,
                        regex: compiled,
                        cost,
                    })));
                }
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(error) => return Err(failed(&error)),
            }
        }
        let message = "too large: use smaller counts, or [0-9] in place of \\d";
        Err(Error::bad_regex(regex, message))
    }

    /// The expression's text.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The expression from the beginning of a name to its end, for a set of several.
    pub(crate) fn anchored(&self) -> &str {
        &self.0.anchored
    }

    /// What it takes of the memory that a pattern's expressions may take, in bytes. An
    /// estimate.
    pub(super) fn cost(&self) -> usize {
        self.0.cost
    }

    /// The parsed expression, to tell what it can match.
    pub(crate) fn hir(&self) -> Option<Hir> {
        parse(&self.0.text).ok()
    }

    /// The same expression in any case; `None` if it would be much larger.
    pub(crate) fn in_any_case(&self) -> Option<NameRegex> {
        // It must not undo what the expressions of a pattern are allowed together.
        let limit = SIZE_LIMIT.min(2 * self.0.cost);
        let mut builder = RegexBuilder::new(self.anchored());
        builder.case_insensitive(true).size_limit(limit).dfa_size_limit(CACHE_LIMIT);
        let regex = builder.build().ok()?;
        let (text, anchored) = (self.0.text.clone(), self.0.anchored.clone());
        Some(NameRegex(Arc::new(Inner { text, anchored, regex, cost: self.0.cost })))
    }

    /// Whether the whole of `name` matches. A name that is not UTF-8 does not.
    pub fn is_match<'n>(&self, name: impl Into<Name<'n>>) -> bool {
        with_text(name.into(), |text| self.0.regex.is_match(text.as_bytes())).unwrap_or(false)
    }
}

/// Parses an expression as the engine does.
fn parse(regex: &str) -> Result<Hir, Box<regex_syntax::Error>> {
    ParserBuilder::new().utf8(false).build().parse(regex).map_err(Box::new)
}

fn compile(regex: &str, size_limit: usize) -> Result<Regex, regex::Error> {
    RegexBuilder::new(regex).size_limit(size_limit).dfa_size_limit(CACHE_LIMIT).build()
}

/// Calls `act` with a name's text; `None` if it has none, since it is not UTF-8.
pub(crate) fn with_text<R>(name: Name<'_>, act: impl FnOnce(&str) -> R) -> Option<R> {
    match name.0 {
        Repr::Bytes(bytes) => str::from_utf8(bytes).ok().map(act),
        Repr::CodePoints(code_points) => {
            let text: Option<String> = code_points.iter().map(|&c| char::from_u32(c)).collect();
            text.map(|text| act(&text))
        }
    }
}

impl PartialEq for NameRegex {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for NameRegex {}

impl Hash for NameRegex {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

/// Equal and hashed as its text is.
impl Borrow<str> for NameRegex {
    fn borrow(&self) -> &str {
        &self.0.text
    }
}

impl fmt::Debug for NameRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NameRegex").field(&self.0.text).finish()
    }
}

impl fmt::Display for NameRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_match(regex: &str, name: &str) -> bool {
        NameRegex::new(regex).unwrap().is_match(name)
    }

    #[test]
    fn it_is_held_against_the_whole_name() {
        assert!(is_match("a|b+", "bb"));
        for name in ["ab", "ba", "a\n", "\na", ""] {
            assert!(!is_match("a|b+", name), "{name:?}");
        }
        assert!(is_match("", ""));
        assert!(!is_match("(?m)^a$", "a\nb"));
    }

    #[test]
    fn the_anchors_change_nothing_about_the_expression() {
        assert!(NameRegex::new("a)|(b").is_err());
        assert!(is_match("(?x) a b # two letters", "ab"));
        assert!(!is_match("(?x) a b # two letters", "a b"));
        assert!(is_match("(?i)readme", "README"));
    }

    #[test]
    fn characters_are_matched_and_not_bytes() {
        assert!(is_match("caf.", "café"));
        assert!(is_match(r"\p{Greek}+", "δ"));
        let latin_1: &[u32] = &[0x63, 0xDCE9];
        assert!(!NameRegex::new("c.*").unwrap().is_match(latin_1));
        assert!(NameRegex::new("c.").unwrap().is_match(&[0x63, 0xE9][..]));
        #[cfg(unix)]
        {
            use std::ffi::OsStr;
            use std::os::unix::ffi::OsStrExt;
            let name = OsStr::from_bytes(b"c\xE9");
            for regex in ["c.*", r"(?s-u)c.*", r"(?-u:c\xE9)"] {
                assert!(!NameRegex::new(regex).unwrap().is_match(name), "{regex}");
            }
        }
    }

    #[test]
    fn what_is_too_large_is_an_error_and_takes_no_time() {
        for regex in [r"\w{5000}", r"(((\w{100}){100}){100}){100}", "(a{1000}){1000}"] {
            let error = NameRegex::new(regex).unwrap_err();
            assert!(error.to_string().contains("too large"), "{error}");
        }
        let error = NameRegex::new(&"\\w".repeat(5 << 20)).unwrap_err();
        assert!(error.to_string().ends_with("...\": too long: it may have 8 KiB"), "{error}");
        assert!(error.to_string().len() < 200);
    }

    #[test]
    fn the_cost_grows_with_the_size() {
        let cost = |regex: &str| NameRegex::new(regex).unwrap().cost();
        assert!(cost("a") < 17 * 1024);
        assert!((64 * 1024..128 * 1024).contains(&cost(r"\w+")));
        assert!(cost(r"(?i)\w{20}") > 1024 * 1024);
        assert!(cost(&"a".repeat(8 * 1024)) > 512 * 1024);
    }
}
