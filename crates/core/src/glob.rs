//! One name glob: its text, its properties, and matching one name.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::{Error, Name};

#[cfg(test)]
pub(crate) mod cases;
mod compiled;
mod token;

pub(crate) use compiled::{CompiledGlob, Shape, Word};
pub(crate) use token::Token;

/// A name glob with exactly the meaning of Python's `fnmatch.fnmatchcase`.
///
/// Every text is a glob; the crate's overview lists the syntax. A glob consists of code
/// points, lone surrogates included, and matches the whole of a [`Name`]. Upper and lower
/// case differ on every platform.
///
/// Equality, order and hash are those of the text: `a` and `[a]` match the same name and
/// are two globs. Clones share the compiled glob.
///
/// # Example
///
/// ```
/// use pathvein_core::NameGlob;
///
/// let glob = NameGlob::new("scan_[0-9]*.csv");
/// assert!(glob.is_match("scan_7.csv"));
/// assert!(glob.is_match("scan_2024 (copy).csv"));
/// assert!(!glob.is_match("scan_x.csv"));
///
/// // Braces, backslashes and `**` have no meaning of their own.
/// assert!(!NameGlob::new("*.{csv,txt}").is_match("a.csv"));
/// ```
#[derive(Clone)]
pub struct NameGlob(Arc<Inner>);

struct Inner {
    text: Text,
    compiled: CompiledGlob,
}

/// The text: a string if it can be one.
#[derive(PartialEq, Eq, Hash)]
enum Text {
    Str(Box<str>),
    CodePoints(Box<[u32]>),
}

impl NameGlob {
    /// A glob from its text. Every text is a glob.
    pub fn new(glob: &str) -> NameGlob {
        let code_points: Vec<u32> = glob.chars().map(u32::from).collect();
        NameGlob::build(Text::Str(glob.into()), &code_points)
    }

    /// A glob from code points, lone surrogates included.
    ///
    /// Two surrogates in a row stay two code points. The only error is a number beyond
    /// 0x10FFFF.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::NameGlob;
    ///
    /// // What Python's `os.fsdecode` makes of the file name b"caf\xe9.txt".
    /// let caf = "caf".chars().map(u32::from);
    /// let txt = ".txt".chars().map(u32::from);
    /// let glob = NameGlob::from_code_points(caf.chain([0xDCE9]).chain(txt)).unwrap();
    /// assert_eq!(glob.as_str(), None);
    /// assert_eq!(glob.to_string(), r"caf\udce9.txt");
    ///
    /// assert!(NameGlob::from_code_points([0x110000]).is_err());
    /// ```
    pub fn from_code_points(code_points: impl IntoIterator<Item = u32>) -> Result<NameGlob, Error> {
        let code_points: Vec<u32> = code_points.into_iter().collect();
        if let Some(&c) = code_points.iter().find(|&&c| c > 0x10_FFFF) {
            return Err(Error::code_point(c));
        }
        Ok(NameGlob::from_valid(code_points))
    }

    /// A glob from numbers that are all code points.
    fn from_valid(code_points: Vec<u32>) -> NameGlob {
        let text: Option<String> = code_points.iter().map(|&c| char::from_u32(c)).collect();
        let text = match text {
            Some(text) => Text::Str(text.into()),
            None => Text::CodePoints(code_points.as_slice().into()),
        };
        NameGlob::build(text, &code_points)
    }

    fn build(text: Text, code_points: &[u32]) -> NameGlob {
        NameGlob(Arc::new(Inner { text, compiled: CompiledGlob::new(code_points) }))
    }

    /// The glob's text as code points.
    pub fn code_points(&self) -> impl Iterator<Item = u32> + '_ {
        match &self.0.text {
            Text::Str(text) => Name::from(&**text),
            Text::CodePoints(code_points) => Name::from(&**code_points),
        }
        .code_points()
    }

    /// The glob's text, or `None` if it holds a lone surrogate.
    ///
    /// Text with lone surrogates can be read with [`code_points`](NameGlob::code_points),
    /// and shown with `Display`.
    pub fn as_str(&self) -> Option<&str> {
        match &self.0.text {
            Text::Str(text) => Some(text),
            Text::CodePoints(_) => None,
        }
    }

    /// Whether the glob matches the whole of `name`.
    ///
    /// Allocates nothing. The time is at worst the length of the name times the length of
    /// the longest piece between two stars.
    pub fn is_match<'n>(&self, name: impl Into<Name<'n>>) -> bool {
        self.0.compiled.is_match(name.into())
    }

    /// Whether every name matches: the glob is stars and nothing else.
    pub fn matches_everything(&self) -> bool {
        self.0.compiled.shape == Shape::Everything
    }

    /// Whether no string at all matches: the glob holds a class without members, such as
    /// `[z-a]`.
    pub fn never_matches(&self) -> bool {
        self.0.compiled.shape == Shape::Never
    }

    /// Whether only strings with a `/` in them match, and so no entry of any tree.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::NameGlob;
    ///
    /// assert!(NameGlob::new("raw/*.csv").needs_slash());
    /// assert!(NameGlob::new("raw[/]*").needs_slash());
    /// assert!(!NameGlob::new("raw[/_]*").needs_slash());
    /// ```
    pub fn needs_slash(&self) -> bool {
        self.0.compiled.tokens.contains(&Token::Char('/'.into()))
    }

    pub(crate) fn compiled(&self) -> &CompiledGlob {
        &self.0.compiled
    }
}

impl From<&str> for NameGlob {
    fn from(glob: &str) -> NameGlob {
        NameGlob::new(glob)
    }
}

impl From<String> for NameGlob {
    fn from(glob: String) -> NameGlob {
        NameGlob::new(&glob)
    }
}

impl From<&String> for NameGlob {
    fn from(glob: &String) -> NameGlob {
        NameGlob::new(glob)
    }
}

/// The code points are those of the string as a [`Name`].
impl From<&OsStr> for NameGlob {
    fn from(glob: &OsStr) -> NameGlob {
        match glob.to_str() {
            Some(glob) => NameGlob::new(glob),
            None => NameGlob::from_valid(Name::from(glob).code_points().collect()),
        }
    }
}

impl From<&NameGlob> for NameGlob {
    fn from(glob: &NameGlob) -> NameGlob {
        glob.clone()
    }
}

impl PartialEq for NameGlob {
    fn eq(&self, other: &NameGlob) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.text == other.0.text
    }
}

impl Eq for NameGlob {}

impl Hash for NameGlob {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

impl PartialOrd for NameGlob {
    fn partial_cmp(&self, other: &NameGlob) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The order is that of the code points, as Python orders strings.
impl Ord for NameGlob {
    fn cmp(&self, other: &NameGlob) -> Ordering {
        self.code_points().cmp(other.code_points())
    }
}

/// Shows the text, with each lone surrogate as `\udcXX`.
impl fmt::Display for NameGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = self.as_str() {
            return f.pad(text);
        }
        for code_point in self.code_points() {
            match char::from_u32(code_point) {
                Some(c) => f.write_char(c)?,
                None => write!(f, "\\u{code_point:04x}")?,
            }
        }
        Ok(())
    }
}

/// Shows the text in quotes, with escapes as in a string literal. A lone surrogate is
/// `\udcXX`.
impl fmt::Debug for NameGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameGlob(\"")?;
        for code_point in self.code_points() {
            match char::from_u32(code_point) {
                Some('\'') => f.write_char('\'')?,
                Some(c) => write!(f, "{}", c.escape_debug())?,
                None => write!(f, "\\u{code_point:04x}")?,
            }
        }
        f.write_str("\")")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn glob(text: &[u32]) -> NameGlob {
        NameGlob::from_code_points(text.iter().copied()).unwrap()
    }

    #[test]
    fn shared_table() {
        let table = cases::table();
        assert!(table.len() > 100);
        for case in &table {
            let glob = glob(&case.glob);
            for (texts, expected) in [(&case.matches, true), (&case.rejects, false)] {
                for text in texts {
                    assert_eq!(cases::reference(&case.glob, text), expected, "reference");
                    for name in cases::names(text, &cases::encode(text)) {
                        let what = &case.what;
                        assert_eq!(glob.is_match(name), expected, "{what}: {glob:?}, {name:x?}");
                    }
                }
            }
        }
    }

    /// All globs of up to four special characters, each with all such names.
    #[test]
    fn every_short_glob() {
        fn all(letters: &str, longest: u32) -> Vec<Vec<u32>> {
            let letters: Vec<u32> = letters.chars().map(u32::from).collect();
            let mut texts = vec![vec![]];
            let mut begin = 0;
            for _ in 0..longest {
                let end = texts.len();
                for i in begin..end {
                    for &letter in &letters {
                        texts.push([&texts[i][..], &[letter]].concat());
                    }
                }
                begin = end;
            }
            texts
        }
        let names = all("[]!-ab", 2);
        for text in all("*?[]!-ab", 4) {
            let glob = glob(&text);
            for name in &names {
                let expected = cases::reference(&text, name);
                assert_eq!(glob.is_match(&name[..]), expected, "{glob:?} {name:x?}");
            }
        }
        let names = all("!-az", 1);
        for body in all("!-az", 6).split_off(1) {
            let text = [&['['.into()], &body[..], &[']'.into()]].concat();
            let glob = glob(&text);
            for name in &names {
                let expected = cases::reference(&text, name);
                assert_eq!(glob.is_match(&name[..]), expected, "{glob:?} {name:x?}");
            }
        }
    }

    /// Pieces between stars, shorter and longer than eight bytes, in names that
    /// hold them or all but.
    #[test]
    fn pieces() {
        let text = |parts: &[&str]| parts.concat().chars().map(u32::from).collect::<Vec<_>>();
        let parts = ["a", "ab", "ba", "é", "\0", "12345678", "x12345678", "é2345678é", "12345é78"];
        let ends = ["", "a", "é"];
        for first in parts {
            for second in ["", "a", "ba", "12345678"] {
                for end in ends {
                    let pattern = text(&[end, "*", first, "*", second, "*", end]);
                    let glob = glob(&pattern);
                    for (before, between, after) in
                        [("", "", ""), ("a", "", "b"), ("", "1234567", ""), ("12345678", "a", "é")]
                    {
                        let whole = text(&[end, before, first, between, second, after, end]);
                        for left_out in 0..=whole.len() {
                            let mut name = whole.clone();
                            if left_out < name.len() {
                                name.remove(left_out);
                            }
                            let expected = cases::reference(&pattern, &name);
                            for name in cases::names(&name, &cases::encode(&name)) {
                                assert_eq!(glob.is_match(name), expected, "{glob:?} {name:x?}");
                            }
                        }
                    }
                }
            }
        }
        // No byte of UTF-8 that was cut off is taken for part of a piece.
        assert!(!glob(&text(&["*é*"])).is_match(&[0xDCC3, 0xDCA9][..]));
        assert!(!glob(&text(&["*a*\0*b*"])).is_match("ab"));
    }

    #[test]
    fn facts() {
        let everything = |g: &str| NameGlob::new(g).matches_everything();
        assert!(everything("*") && everything("***"));
        assert!(!everything("") && !everything("*?") && !everything("**[b-a]"));
        let never = |g: &str| NameGlob::new(g).never_matches();
        assert!(never("[z-a]") && never("a*[z-a]*") && never("[!\0-\u{10FFFF}]"));
        assert!(!never("[!z-a]") && !never("[z-a") && !never("") && !never("a/b"));
        let slash = |g: &str| NameGlob::new(g).needs_slash();
        assert!(slash("/") && slash("*/") && slash("a[/]b") && slash("[/-/]"));
        assert!(!slash("*") && !slash("?") && !slash("[/a]") && !slash("[!/]") && !slash("[.-0]"));
    }

    #[test]
    fn texts_and_traits() {
        let surrogate = glob(&[0x61, 0x27, 0x5C, 0xDC80, 0xD83D]);
        assert_eq!(surrogate.as_str(), None);
        assert_eq!(surrogate.to_string(), r"a'\\udc80\ud83d");
        assert_eq!(format!("{surrogate:?}"), r#"NameGlob("a'\\\udc80\ud83d")"#);
        assert!(surrogate.code_points().eq([0x61, 0x27, 0x5C, 0xDC80, 0xD83D]));
        // Two halves of a pair stay two code points.
        assert_eq!(glob(&[0xD83D, 0xDE00]).as_str(), None);
        assert_ne!(glob(&[0xD83D, 0xDE00]), NameGlob::new("\u{1F600}"));

        let text = glob(&[0x22, 0xE9, 0x0A]);
        assert_eq!(text.as_str(), Some("\"é\n"));
        assert_eq!(text, NameGlob::from(String::from("\"é\n")));
        assert_eq!(text.to_string(), "\"é\n");
        assert_eq!(format!("{text:?}"), r#"NameGlob("\"é\n")"#);
        assert_eq!(format!("{:>4}", NameGlob::new("*a")), "  *a");

        let globs: HashSet<NameGlob> = ["a", "[a]", "a"].map(NameGlob::new).into();
        assert_eq!(globs.len(), 2);
        // By code points: a surrogate comes before an astral character.
        assert!(glob(&[0xDC80]) < NameGlob::new("\u{1F600}"));
        assert!(glob(&[0xDC80]) > NameGlob::new("é"));
        assert!(NameGlob::new("a") < NameGlob::new("ab"));
    }

    #[test]
    fn code_points_are_checked() {
        let error = NameGlob::from_code_points([0x61, 0x11_0000]).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::CodePoint);
        assert!(NameGlob::from_code_points([0x10_FFFF]).is_ok());
    }

    #[test]
    #[cfg(unix)]
    fn from_bytes_of_the_system() {
        use std::os::unix::ffi::OsStrExt;
        let name = OsStr::from_bytes(b"caf\xE9.\xC3\xA9");
        let own = NameGlob::from(name);
        assert_eq!(own.to_string(), r"caf\udce9.é");
        assert!(own.is_match(name));
        assert_eq!(NameGlob::from(OsStr::new("é")), NameGlob::new("é"));
    }

    #[test]
    fn long_and_hostile() {
        let a = "a".repeat(100_000);
        assert!(NameGlob::new(&a).is_match(&a));
        assert!(!NameGlob::new(&format!("{a}b")).is_match(&a));
        assert!(!NameGlob::new(&format!("*{a}b")).is_match(&a));
        assert!(NameGlob::new(&"?".repeat(100_000)).is_match(&a));
        assert!(!NameGlob::new(&"?*".repeat(100_001)).is_match(&a));
        assert!(!NameGlob::new(&format!("{}b", "*a".repeat(1000))).is_match(&a));
        assert!(!NameGlob::new(&format!("{}b*", "*a".repeat(1000))).is_match(&a));
        assert!(!NameGlob::new("*a?a[ab]a*b*").is_match(&a));
        assert!(NameGlob::new(&"[!b]*".repeat(30_000)).is_match(&a));
    }
}
