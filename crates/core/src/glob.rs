//! One name glob: its text, what can be told from it, and matching one name.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::{Error, Name};

mod program;
mod token;

pub(crate) use program::{Program, Shape};
pub(crate) use token::Token;

/// A name glob with exactly the meaning of Python's `fnmatch.fnmatchcase`.
///
/// Every text is a glob; the crate's overview lists the syntax. A glob is code
/// points, lone surrogates included, and matches the whole of a [`Name`]. Upper
/// and lower case differ on every platform.
///
/// Equality, order and hash are those of the text: `a` and `[a]` match the same
/// name and are two globs. Clones share what was made of the text.
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
    program: Program,
}

/// The text, as a string whenever it can be one.
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
    /// A surrogate followed by another stays two code points. The only error is
    /// a number beyond 0x10FFFF.
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
        NameGlob(Arc::new(Inner { text, program: Program::new(code_points) }))
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
    /// Such a text can be read with [`code_points`](NameGlob::code_points), and
    /// written for people with `Display`.
    pub fn as_str(&self) -> Option<&str> {
        match &self.0.text {
            Text::Str(text) => Some(text),
            Text::CodePoints(_) => None,
        }
    }

    /// Whether the glob matches the whole of `name`.
    ///
    /// Takes no memory. The time grows with the length of the name, times the
    /// length of the longest piece between two stars at worst.
    pub fn is_match<'n>(&self, name: impl Into<Name<'n>>) -> bool {
        self.0.program.is_match(name.into())
    }

    /// Whether every name matches: the glob is stars and nothing else.
    pub fn matches_everything(&self) -> bool {
        self.0.program.shape == Shape::Everything
    }

    /// Whether no string at all matches, because the glob holds a class without
    /// members such as `[z-a]`.
    pub fn never_matches(&self) -> bool {
        self.0.program.shape == Shape::Never
    }

    /// Whether only strings with a `/` in them match, so no file or directory
    /// of any tree.
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
        self.0.program.tokens.contains(&Token::Char('/'.into()))
    }

    pub(crate) fn program(&self) -> &Program {
        &self.0.program
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

/// The code points are those that [`Name`] gives the string.
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

/// By code points, as Python orders strings.
impl Ord for NameGlob {
    fn cmp(&self, other: &NameGlob) -> Ordering {
        self.code_points().cmp(other.code_points())
    }
}

/// The text, each lone surrogate as `\udcXX`.
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

/// The text in quotes, with escapes as in a string literal; a lone surrogate is
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
