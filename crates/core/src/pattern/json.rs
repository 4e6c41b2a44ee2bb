//! Patterns as JSON text, read and written.

use std::fmt::Write;

use super::text::{self, Value};
use super::{FileStructurePattern, MAX_LEVELS, Parts, Place};
use crate::{Error, NameGlob};

/// The keys of a pattern, in the order in which they are written.
pub(super) const KEYS: [&str; 5] =
    ["directory_name", "files", "directories", "optional_files", "optional_directories"];

/// The key that is allowed in the top object, and ignored.
const SCHEMA_KEY: &str = "$schema";

impl FileStructurePattern {
    /// Reads a pattern from JSON text.
    ///
    /// The text is an object with the keys `directory_name` (a string or null;
    /// missing, it is `"*"`), `files` and `optional_files` (lists of strings),
    /// `directories` and `optional_directories` (lists of such objects). Every
    /// key may be missing. A nested pattern may also be a string that holds its
    /// JSON text, as older versions wrote it. The top object may have the key
    /// `$schema`, which is ignored.
    ///
    /// # Errors
    ///
    /// - [`JsonSyntax`](crate::ErrorKind::JsonSyntax) if the text is no JSON,
    ///   whatever else is wrong with it, with line, column and offset of what
    ///   is wrong. In JSON text inside a string they count from that text's
    ///   start: see [`Error::nested_text`].
    /// - [`JsonPattern`](crate::ErrorKind::JsonPattern), with the place, for
    ///   another key, a key that stands twice, a value of the wrong type.
    /// - [`TooDeep`](crate::ErrorKind::TooDeep) for more than [`MAX_LEVELS`]
    ///   levels.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{ErrorKind, FileStructurePattern};
    ///
    /// let pattern = FileStructurePattern::from_json(
    ///     r#"{"directory_name": "run_*", "directories": [{"files": ["*.csv"]}]}"#,
    /// )?;
    /// assert_eq!(pattern.directories()[0].files(), ["*.csv".into()]);
    ///
    /// let error = FileStructurePattern::from_json(r#"{"directories": [{"files": 5}]}"#).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::JsonPattern);
    /// assert_eq!(error.place(), Some("directories[0].files"));
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn from_json(json: &str) -> Result<FileStructurePattern, Error> {
        let text: Vec<u32> = json.chars().map(u32::from).collect();
        read_text(&text)
    }

    /// Reads a pattern from JSON text in UTF-8 in which lone surrogates may
    /// stand as three bytes each, as Python's `surrogatepass` writes them.
    ///
    /// # Errors
    ///
    /// Those of [`from_json`](Self::from_json); any other byte that is not
    /// UTF-8 is [`JsonSyntax`](crate::ErrorKind::JsonSyntax).
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::FileStructurePattern;
    ///
    /// let pattern = FileStructurePattern::from_json_slice(b"{\"files\": [\"caf\xed\xb3\xa9\"]}")?;
    /// assert_eq!(pattern.files()[0].code_points().last(), Some(0xDCE9));
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn from_json_slice(json: &[u8]) -> Result<FileStructurePattern, Error> {
        read_text(&decode(json)?)
    }

    /// Writes the pattern as JSON text on one line, exactly as Python's
    /// `json.dumps` would.
    ///
    /// All five keys are written, in ASCII: any other code point is an escape,
    /// lone surrogates included. [`from_json`](Self::from_json) reads back an
    /// equal pattern.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::FileStructurePattern;
    ///
    /// let pattern = FileStructurePattern::builder("*").file("café").build()?;
    /// assert_eq!(
    ///     pattern.to_json(),
    ///     r#"{"directory_name": "*", "files": ["caf\u00e9"], "directories": [], "#.to_owned()
    ///         + r#""optional_files": [], "optional_directories": []}"#
    /// );
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        write_pattern(&mut out, self);
        out
    }
}

fn write_pattern(out: &mut String, pattern: &FileStructurePattern) {
    let [directory_name, files, directories, optional_files, optional_directories] = KEYS;
    write_key(out, '{', directory_name);
    match pattern.directory_name() {
        Some(glob) => write_string(out, glob),
        None => out.push_str("null"),
    }
    write_key(out, ',', files);
    write_list(out, pattern.files(), write_string);
    write_key(out, ',', directories);
    write_list(out, pattern.directories(), write_pattern);
    write_key(out, ',', optional_files);
    write_list(out, pattern.optional_files(), write_string);
    write_key(out, ',', optional_directories);
    write_list(out, pattern.optional_directories(), write_pattern);
    out.push('}');
}

fn write_key(out: &mut String, before: char, key: &str) {
    out.push(before);
    if before == ',' {
        out.push(' ');
    }
    out.push('"');
    out.push_str(key);
    out.push_str("\": ");
}

fn write_list<T>(out: &mut String, items: &[T], write_item: fn(&mut String, &T)) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_item(out, item);
    }
    out.push(']');
}

fn write_string(out: &mut String, glob: &NameGlob) {
    out.push('"');
    write_escaped(out, glob.code_points());
    out.push('"');
}

fn write_escaped(out: &mut String, code_points: impl Iterator<Item = u32>) {
    for code_point in code_points {
        match char::from_u32(code_point) {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\x08') => out.push_str("\\b"),
            Some('\x0C') => out.push_str("\\f"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(c @ ' '..='~') => out.push(c),
            Some(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write_unit(out, u32::from(*unit));
                }
            }
            None => write_unit(out, code_point),
        }
    }
}

fn write_unit(out: &mut String, unit: u32) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\\u{unit:04x}");
}

/// Generalised UTF-8 as code points.
fn decode(bytes: &[u8]) -> Result<Vec<u32>, Error> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(chunk) = rest.utf8_chunks().next() {
        text.extend(chunk.valid().chars().map(u32::from));
        rest = match &rest[chunk.valid().len()..] {
            [0xED, b @ 0xA0..=0xBF, c @ 0x80..=0xBF, rest @ ..] => {
                text.push(0xD000 | u32::from(b & 0x3F) << 6 | u32::from(c & 0x3F));
                rest
            }
            [first, ..] => {
                let message = format!("the text is not UTF-8: byte {first:#04x}");
                return Err(broken_at("", message, &text, text.len(), None));
            }
            [] => break,
        }
    }
    Ok(text)
}

/// The inverse of [`decode`].
fn encode(text: &[u32]) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(text.len());
    for &code_point in text {
        match char::from_u32(code_point) {
            Some(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None => {
                let six_bits = |shift: u32| 0x80 | (code_point >> shift & 0x3F) as u8;
                bytes.extend_from_slice(&[0xED, six_bits(6), six_bits(0)]);
            }
        }
    }
    bytes.into_boxed_slice()
}

fn broken_at(
    place: &str,
    message: String,
    text: &[u32],
    offset: usize,
    nested_text: Option<Box<[u8]>>,
) -> Error {
    let (line, column) = text::line_and_column(text, offset);
    Error::json_syntax(place, message, line, column, offset, nested_text)
}

fn read_text(text: &[u32]) -> Result<FileStructurePattern, Error> {
    let value = text::parse(text)
        .map_err(|broken| broken_at("", broken.message, text, broken.offset, None))?;
    read_value(value)
}

/// Makes a pattern of a value, and checks all that JSON itself leaves open.
pub(super) fn read_value(value: Value) -> Result<FileStructurePattern, Error> {
    let mut reader = Reader { place: Place::default() };
    match value {
        Value::Object(entries) => reader.object(entries, 1),
        other => Err(reader.mismatch("an object", &other)),
    }
}

struct Reader {
    place: Place,
}

impl Reader {
    fn error(&self, message: impl Into<String>) -> Error {
        Error::json_pattern(self.place.as_str(), message)
    }

    fn mismatch(&self, expected: &str, found: &Value) -> Error {
        self.error(format!("expected {expected}, found {}", found.description()))
    }

    fn object(
        &mut self,
        entries: Vec<(Vec<u32>, Value)>,
        level: usize,
    ) -> Result<FileStructurePattern, Error> {
        if level > MAX_LEVELS {
            return Err(Error::too_deep(self.place.shortened()));
        }
        let mut parts = Parts { directory_name: Some("*".into()), ..Parts::default() };
        let mut seen = Vec::new();
        for (key, value) in entries {
            let known = KEYS.into_iter().chain((level == 1).then_some(SCHEMA_KEY));
            let Some(key) = known.into_iter().find(|known| equal(known, &key)) else {
                return Err(self.error(unknown_key(&key)));
            };
            self.place.enter_key(key);
            if seen.contains(&key) {
                return Err(self.error("the key stands twice in its object: keep one"));
            }
            seen.push(key);
            match key {
                "directory_name" => parts.directory_name = self.directory_name(value)?,
                "files" => parts.files = self.globs(value)?,
                "optional_files" => parts.optional_files = self.globs(value)?,
                "directories" => parts.directories = self.patterns(value, level)?,
                "optional_directories" => {
                    parts.optional_directories = self.patterns(value, level)?
                }
                _ => {} // $schema
            }
            self.place.leave();
        }
        Ok(FileStructurePattern::from_parts(parts))
    }

    fn directory_name(&self, value: Value) -> Result<Option<NameGlob>, Error> {
        match value {
            Value::Null => Ok(None),
            Value::String(glob) => NameGlob::from_code_points(glob).map(Some),
            other => Err(self.mismatch("a string or null", &other)),
        }
    }

    fn globs(&mut self, value: Value) -> Result<Vec<NameGlob>, Error> {
        self.list(value, "a list of strings", |reader, item| match item {
            Value::String(glob) => NameGlob::from_code_points(glob),
            other => Err(reader.mismatch("a string", &other)),
        })
    }

    fn patterns(&mut self, value: Value, level: usize) -> Result<Vec<FileStructurePattern>, Error> {
        self.list(value, "a list of patterns", |reader, item| match item {
            Value::Object(entries) => reader.object(entries, level + 1),
            Value::String(text) => reader.pattern_in_string(&text, level + 1),
            other => Err(reader.mismatch("an object", &other)),
        })
    }

    fn list<T>(
        &mut self,
        value: Value,
        expected: &str,
        mut read_item: impl FnMut(&mut Reader, Value) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let Value::List(items) = value else { return Err(self.mismatch(expected, &value)) };
        let mut read = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            self.place.enter_index(index);
            read.push(read_item(self, item)?);
            self.place.leave();
        }
        Ok(read)
    }

    /// A nested pattern as older versions wrote it: JSON text inside a string.
    fn pattern_in_string(
        &mut self,
        text: &[u32],
        level: usize,
    ) -> Result<FileStructurePattern, Error> {
        if level > MAX_LEVELS {
            return Err(Error::too_deep(self.place.shortened()));
        }
        let value = text::parse(text).map_err(|broken| {
            let message = format!("in the JSON text of this string, {}", broken.message);
            broken_at(self.place.as_str(), message, text, broken.offset, Some(encode(text)))
        })?;
        match value {
            Value::Object(entries) => self.object(entries, level),
            other => Err(self.error(format!(
                "expected the JSON text of an object in this string, found that of {}",
                other.description()
            ))),
        }
    }
}

fn equal(known: &str, key: &[u32]) -> bool {
    known.chars().map(u32::from).eq(key.iter().copied())
}

fn unknown_key(key: &[u32]) -> String {
    const SHOWN: usize = 40;
    let mut message = String::from("unknown key \"");
    write_escaped(&mut message, key.iter().copied().take(SHOWN));
    message.push_str(if key.len() > SHOWN { "...\"" } else { "\"" });
    if equal(SCHEMA_KEY, key) {
        message.push_str(": it may stand in the top object only");
    } else if let Some(near) = nearest_key(key) {
        message.push_str(&format!(": did you mean \"{near}\"?"));
    } else {
        message.push_str(&format!(": the keys are {}", KEYS.join(", ")));
    }
    message
}

/// The known key that is at most two edits away; case, `_`, `-` and spaces do
/// not count.
fn nearest_key(key: &[u32]) -> Option<&'static str> {
    const FARTHEST: usize = 2;
    let simplified = |text: &mut dyn Iterator<Item = char>| -> Vec<char> {
        text.filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_lowercase()).collect()
    };
    if key.len() > 40 {
        return None;
    }
    let key = simplified(&mut key.iter().filter_map(|&c| char::from_u32(c)));
    KEYS.into_iter()
        .map(|known| (edits(&simplified(&mut known.chars()), &key), known))
        .filter(|&(edits, _)| edits <= FARTHEST)
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, known)| known)
}

/// How many characters have to be put in, left out or replaced.
fn edits(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
