//! Regular expressions for names.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str;
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

use crate::name::Repr;
use crate::{Error, Name};

/// How many bytes a compiled expression may take. A counted repetition of a large class, such
/// as `\w{5000}`, is too large.
const SIZE_LIMIT: usize = 1024 * 1024;

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
}

impl NameRegex {
    /// Compiles an expression.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Regex`](crate::ErrorKind::Regex) if it is no regular expression, or one
    /// that takes more than 1 MiB when it is compiled.
    pub fn new(regex: &str) -> Result<NameRegex, Error> {
        let failed = |error: regex::Error| {
            let message = match error {
                regex::Error::CompiledTooBig(_) => {
                    "too large: use smaller counts, or [0-9] in place of \\d".to_owned()
                }
                // The last line tells what is wrong, those before show where.
                error => {
                    let text = error.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    last.trim_start_matches("error: ").to_owned()
                }
            };
            Error::bad_regex(regex, message)
        };
        // By itself first: the anchors must not make one of what is none, such as `a)|(b`.
        compile(regex).map_err(failed)?;
        let anchored = format!(r"\A(?:{regex})\z");
        // In verbose mode a comment may swallow the end of the line.
        let anchored = match compile(&anchored) {
            Err(regex::Error::Syntax(_)) => format!("\\A(?:{regex}\n)\\z"),
            _ => anchored,
        };
        let compiled = compile(&anchored).map_err(failed)?;
        let (text, anchored) = (regex.into(), anchored.into());
        Ok(NameRegex(Arc::new(Inner { text, anchored, regex: compiled })))
    }

    /// The expression's text.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The expression from the beginning of a name to its end, for a set of several.
    pub(crate) fn anchored(&self) -> &str {
        &self.0.anchored
    }

    /// Whether the whole of `name` matches. A name that is not UTF-8 does not.
    pub fn is_match<'n>(&self, name: impl Into<Name<'n>>) -> bool {
        with_text(name.into(), |text| self.0.regex.is_match(text.as_bytes())).unwrap_or(false)
    }
}

fn compile(regex: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(regex).size_limit(SIZE_LIMIT).dfa_size_limit(CACHE_LIMIT).build()
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
    }
}
