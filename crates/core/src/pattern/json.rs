//! Reading and writing patterns as JSON text.

use std::fmt::Write;

use super::FileStructurePattern;
use super::json_reader::read_value;
use super::json_text;
use super::{Count, DirectoryRequirement, FileRequirement, NameAlternative, NameTest};
use crate::{Error, NameGlob};

/// The keys of a pattern, in the order in which they are written.
pub(super) const KEYS: [&str; 8] = [
    "directory_name",
    "files",
    "directories",
    "optional_files",
    "optional_directories",
    "forbidden_files",
    "forbidden_directories",
    "closed",
];

impl FileStructurePattern {
    /// Reads a pattern from JSON text.
    ///
    /// The text is an object, and every key may be missing:
    /// - `directory_name`: a name test or null; if missing, `"*"`;
    /// - `files`: a list of name tests, and of `{"name": test, "min": 3, "max": 9}`, of which
    ///   both numbers may be missing;
    /// - `directories`: a list of patterns, which are such objects, of lists of them, of which
    ///   one is enough, and of `{"directory": pattern or list, "min": 2}`;
    /// - `optional_files`, `forbidden_files`: lists of name tests;
    /// - `optional_directories`, `forbidden_directories`: lists of patterns;
    /// - `closed`: true or false.
    ///
    /// A name test is a string, which is a glob; `{"regex": "run_\\d+"}`; or a list of these,
    /// of which one is enough. A nested pattern may also be a string: its JSON text, as older
    /// versions wrote it, or pattern text. The top object may have the key `$schema`, which is
    /// ignored.
    ///
    /// # Errors
    ///
    /// - [`JsonSyntax`](crate::ErrorKind::JsonSyntax) if the text is no JSON, whatever else
    ///   is wrong with it. The error has line, column and offset. In JSON text inside a
    ///   string, these count from that text's start: see [`Error::nested_text`].
    /// - [`JsonPattern`](crate::ErrorKind::JsonPattern), with the place, for an unknown key,
    ///   a duplicate key, or a value of the wrong type.
    /// - [`Regex`](crate::ErrorKind::Regex), with the place, for a regular expression that
    ///   cannot be compiled, or is too large, by itself or together with the others.
    /// - [`Requirement`](crate::ErrorKind::Requirement), with the place, for a list of no
    ///   alternatives, or a `min` above the `max`.
    /// - [`TextSyntax`](crate::ErrorKind::TextSyntax), with the place, for a string that is no
    ///   pattern text.
    /// - [`TooDeep`](crate::ErrorKind::TooDeep) for more than [`MAX_LEVELS`](crate::MAX_LEVELS) levels.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{ErrorKind, FileStructurePattern};
    ///
    /// let pattern = FileStructurePattern::from_json(
    ///     r#"{"directory_name": "run_*", "directories": [{"files": ["*.csv"]}]}"#,
    /// )?;
    /// assert_eq!(pattern.directories()[0].alternatives()[0].files(), ["*.csv".into()]);
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

    /// Reads a pattern from JSON text in UTF-8. A lone surrogate may be encoded as three
    /// bytes, as by Python's `surrogatepass`.
    ///
    /// # Errors
    ///
    /// Those of [`from_json`](Self::from_json). Any other byte that is not UTF-8 is
    /// [`JsonSyntax`](crate::ErrorKind::JsonSyntax).
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::FileStructurePattern;
    ///
    /// let pattern = FileStructurePattern::from_json_slice(b"{\"files\": [\"caf\xed\xb3\xa9\"]}")?;
    /// let glob = pattern.files()[0].as_glob().unwrap();
    /// assert_eq!(glob.code_points().last(), Some(0xDCE9));
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn from_json_slice(json: &[u8]) -> Result<FileStructurePattern, Error> {
        read_text(&decode(json)?)
    }

    /// Writes the pattern as JSON text on one line, exactly as Python's `json.dumps` would.
    ///
    /// Five keys are always written, and each of `forbidden_files`, `forbidden_directories` and
    /// `closed` where it says something. Code points outside of ASCII are escapes, lone surrogates
    /// included. [`from_json`](Self::from_json) reads an equal pattern back, with one
    /// exception: a high surrogate directly before a low one comes back as the one character
    /// that the two make, as in Python.
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
    let [name, files, directories, optional_files, optional_directories, more @ ..] = KEYS;
    let [forbidden_files, forbidden_directories, closed] = more;
    write_key(out, '{', name);
    match pattern.directory_name() {
        Some(test) => write_test(out, test),
        None => out.push_str("null"),
    }
    write_key(out, ',', files);
    write_list(out, pattern.files(), write_file);
    write_key(out, ',', directories);
    write_list(out, pattern.directories(), write_directory);
    write_key(out, ',', optional_files);
    write_list(out, pattern.optional_files(), write_test);
    write_key(out, ',', optional_directories);
    write_list(out, pattern.optional_directories(), write_pattern);
    if !pattern.forbidden_files().is_empty() {
        write_key(out, ',', forbidden_files);
        write_list(out, pattern.forbidden_files(), write_test);
    }
    if !pattern.forbidden_directories().is_empty() {
        write_key(out, ',', forbidden_directories);
        write_list(out, pattern.forbidden_directories(), write_pattern);
    }
    if pattern.closed() {
        write_key(out, ',', closed);
        out.push_str("true");
    }
    out.push('}');
}

fn write_file(out: &mut String, file: &FileRequirement) {
    write_counted(out, "name", file.count(), |out| write_test(out, file.test()));
}

fn write_directory(out: &mut String, directory: &DirectoryRequirement) {
    write_counted(out, "directory", directory.count(), |out| {
        write_one_or_list(out, directory.alternatives(), write_pattern);
    });
}

fn write_test(out: &mut String, test: &NameTest) {
    write_one_or_list(out, test.alternatives(), |out, alternative| match alternative {
        NameAlternative::Glob(glob) => write_string(out, glob),
        NameAlternative::Regex(regex) => {
            write_key(out, '{', "regex");
            write_string(out, &NameGlob::new(regex.as_str()));
            out.push('}');
        }
    });
}

/// Writes an item as it is where nothing is said of numbers, else an object with these.
fn write_counted(out: &mut String, key: &str, count: Count, write_item: impl Fn(&mut String)) {
    if count.is_default() {
        return write_item(out);
    }
    write_key(out, '{', key);
    write_item(out);
    // Writing to a String cannot fail.
    if count.min() != 1 {
        let _ = write!(out, ", \"min\": {}", count.min());
    }
    if let Some(max) = count.max() {
        let _ = write!(out, ", \"max\": {max}");
    }
    out.push('}');
}

/// Writes several items as a list, and one as itself.
fn write_one_or_list<T>(out: &mut String, items: &[T], write_item: fn(&mut String, &T)) {
    match items {
        [one] => write_item(out, one),
        several => write_list(out, several, write_item),
    }
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

pub(super) fn write_escaped(out: &mut String, code_points: impl Iterator<Item = u32>) {
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

/// Decodes UTF-8 in which lone surrogates are encoded, too.
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
pub(super) fn encode(text: &[u32]) -> Box<[u8]> {
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

pub(super) fn broken_at(
    place: &str,
    message: String,
    text: &[u32],
    offset: usize,
    nested_text: Option<Box<[u8]>>,
) -> Error {
    let (line, column) = json_text::line_and_column(text, offset);
    Error::json_syntax(place, message, line, column, offset, nested_text)
}

fn read_text(text: &[u32]) -> Result<FileStructurePattern, Error> {
    let value = json_text::parse(text)
        .map_err(|broken| broken_at("", broken.message, text, broken.offset, None))?;
    read_value(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::MAX_LEVELS;

    fn read(json: &str) -> FileStructurePattern {
        FileStructurePattern::from_json(json).unwrap()
    }

    fn named(name: &str) -> FileStructurePattern {
        FileStructurePattern::builder(name).build().unwrap()
    }

    fn one_file(code_points: &[u32]) -> FileStructurePattern {
        let glob = NameGlob::from_code_points(code_points.iter().copied()).unwrap();
        FileStructurePattern::builder("*").file(glob).build().unwrap()
    }

    /// The JSON text of the first file.
    fn written_file(pattern: &FileStructurePattern) -> String {
        let json = pattern.to_json();
        let start = "{\"directory_name\": \"*\", \"files\": [";
        let end = "], \"directories\": [], \"optional_files\": [], \"optional_directories\": []}";
        json.strip_prefix(start).unwrap().strip_suffix(end).unwrap().to_owned()
    }

    #[test]
    fn missing_keys_have_their_defaults() {
        assert_eq!(read("{}"), FileStructurePattern::default());
        assert_eq!(read(r#"{"directory_name": ""}"#), named(""));
        let null = read(r#"{"directory_name": null}"#);
        assert_eq!(null, named("x").into_builder().any_name().build().unwrap());
        assert_eq!(read(r#" {"$schema" : [[{"files": 5}]]} "#), FileStructurePattern::default());
    }

    /// As CPython 3.11's `json.dumps` wrote it.
    #[test]
    fn writes_what_json_dumps_writes() {
        let inner = named("").into_builder().optional_file("x").build().unwrap();
        let pattern = FileStructurePattern::builder("d")
            .any_name()
            .files(["*.csv", "é"])
            .directory(inner)
            .directory(named("b").into_builder().file("c").build().unwrap())
            .build()
            .unwrap();
        let json = r#"{"directory_name": null, "files": ["*.csv", "\u00e9"], "directories": [{"directory_name": "", "files": [], "directories": [], "optional_files": ["x"], "optional_directories": []}, {"directory_name": "b", "files": ["c"], "directories": [], "optional_files": [], "optional_directories": []}], "optional_files": [], "optional_directories": []}"#;
        assert_eq!(pattern.to_json(), json);
        assert_eq!(read(json), pattern);
    }

    /// As CPython 3.11's `json.dumps` wrote them.
    #[test]
    fn escapes_what_json_dumps_escapes() {
        #[rustfmt::skip]
        let cases = [
            ("", r#""""#),
            ("*", r#""*""#),
            ("a\"b\\c/d", r#""a\"b\\c/d""#),
            ("\u{8}\u{c}\n\r\u{9}", r#""\b\f\n\r\t""#),
            ("\0\u{1}\u{1f}", r#""\u0000\u0001\u001f""#),
            ("~\u{7f}\u{80}\u{a0}", r#""~\u007f\u0080\u00a0""#),
            ("\u{e9}", r#""\u00e9""#),
            ("\u{2028}\u{2029}", r#""\u2028\u2029""#),
            ("\u{d7ff}\u{e000}\u{ffff}", r#""\ud7ff\ue000\uffff""#),
            ("\u{10000}\u{1f600}\u{10ffff}", r#""\ud800\udc00\ud83d\ude00\udbff\udfff""#),
            ("<script>&", r#""<script>&""#),
            ("'", r#""'""#),
        ];
        for (text, json) in cases {
            let pattern = FileStructurePattern::builder("*").file(text).build().unwrap();
            assert_eq!(written_file(&pattern), json);
            assert_eq!(read(&pattern.to_json()), pattern);
        }
        #[rustfmt::skip]
        let cases: [(&[u32], &str); 8] = [
            (&[0xd800], r#""\ud800""#),
            (&[0xdbff], r#""\udbff""#),
            (&[0xdc00], r#""\udc00""#),
            (&[0xdfff], r#""\udfff""#),
            (&[0xdc80, 0x61], r#""\udc80a""#),
            (&[0xd83d, 0xd83d], r#""\ud83d\ud83d""#),
            (&[0xde00, 0xd83d], r#""\ude00\ud83d""#),
            (&[0xd83d, 0x41, 0xde00], r#""\ud83dA\ude00""#),
        ];
        for (code_points, json) in cases {
            let pattern = one_file(code_points);
            assert_eq!(written_file(&pattern), json);
            assert_eq!(read(&pattern.to_json()), pattern);
        }
        let pair = one_file(&[0xD83D, 0xDE00]);
        assert_eq!(written_file(&pair), r#""\ud83d\ude00""#);
        assert_eq!(read(&pair.to_json()), one_file(&[0x1F600]));
    }

    /// As CPython 3.11's `json.loads` read them.
    #[test]
    fn reads_surrogates_as_json_loads_reads_them() {
        #[rustfmt::skip]
        let cases: [(&[u8], &[u32]); 14] = [
            (b"\"\\ud83d\\ude00\"", &[0x1f600]),
            (b"\"\\uD83D\\uDE00\"", &[0x1f600]),
            (b"\"\\ud83d\"", &[0xd83d]),
            (b"\"\\ude00\"", &[0xde00]),
            (b"\"\\ude00\\ud83d\"", &[0xde00, 0xd83d]),
            (b"\"\\ud83d\\ud83d\\ude00\"", &[0xd83d, 0x1f600]),
            (b"\"\\ud83d\\u0041\"", &[0xd83d, 0x41]),
            (b"\"\\ud83d\\n\"", &[0xd83d, 0xa]),
            (b"\"\\ud83da\"", &[0xd83d, 0x61]),
            (b"\"\\ud83d\\\\ude00\"", &[0xd83d, 0x5c, 0x75, 0x64, 0x65, 0x30, 0x30]),
            (b"\"\xed\xa0\xbd\xed\xb8\x80\"", &[0xd83d, 0xde00]),
            (b"\"\xed\xa0\xbd\\ude00\"", &[0xd83d, 0xde00]),
            (b"\"\\ud83d\xed\xb8\x80\"", &[0xd83d, 0xde00]),
            (b"\"\\u00e9\\/\\b\\f\\n\\r\\t\\\"\\\\\"", &[0xe9, 0x2f, 0x8, 0xc, 0xa, 0xd, 0x9, 0x22, 0x5c]),
        ];
        for (json, code_points) in cases {
            let text = [br#"{"files": ["#, json, b"]}"].concat();
            let pattern = FileStructurePattern::from_json_slice(&text).unwrap();
            assert_eq!(pattern, one_file(code_points), "{}", json.escape_ascii());
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_reported() {
        let cases: [(&[u8], usize, usize, usize); 7] = [
            (b"\xff", 0, 1, 1),
            (b"{}\n\xc3\xa9\xed\xb2\x80\x80", 5, 2, 3),
            (b"{\"files\": [\"caf\xe9\"]}", 15, 1, 16),
            (b"\xed\xa0", 0, 1, 1),
            (b"\"\xc0\x80\"", 1, 1, 2),
            (b"\"\xf4\x90\x80\x80\"", 1, 1, 2),
            (b"{\x00}\xe2\x82", 3, 1, 4),
        ];
        for (bytes, offset, line, column) in cases {
            let error = FileStructurePattern::from_json_slice(bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::JsonSyntax);
            assert!(error.message().contains("is not UTF-8"), "{error}");
            assert_eq!(error.offset(), Some(offset), "{}", bytes.escape_ascii());
            assert_eq!((error.line(), error.column()), (Some(line), Some(column)));
        }
    }

    #[test]
    fn generalised_utf8_goes_both_ways() {
        let all: Vec<u32> = (0..=0x10FFFF).collect();
        assert_eq!(decode(&encode(&all)).unwrap(), all);
    }

    #[test]
    fn nested_patterns_may_be_text_in_strings() {
        let leaf = FileStructurePattern::builder("l").file("a\"b\\").optional_file("é").build();
        let mut expected = leaf.unwrap();
        let mut old = expected.to_json();
        for _ in 0..5 {
            let text = old.chars().map(u32::from);
            let mut nested = String::from("{\"optional_directories\": [{}, \"");
            write_escaped(&mut nested, text);
            old = nested + "\"]}";
            let children = [FileStructurePattern::default(), expected];
            expected =
                FileStructurePattern::builder("*").optional_directories(children).build().unwrap();
            assert_eq!(read(&old), expected);
        }
    }

    #[test]
    fn surrogates_in_text_in_strings_survive() {
        let texts: [&[u8]; 3] = [
            br#"{"directories": ["{\"files\": [\"\\udc80\"]}"]}"#,
            br#"{"directories": ["{\"files\": [\"\udc80\"]}"]}"#,
            b"{\"directories\": [\"{\\\"files\\\": [\\\"\xed\xb2\x80\\\"]}\"]}",
        ];
        for text in texts {
            let pattern = FileStructurePattern::from_json_slice(text).unwrap();
            assert_eq!(pattern.directories(), [one_file(&[0xDC80])]);
        }
    }

    #[test]
    fn broken_text_comes_before_all_else() {
        let error = FileStructurePattern::from_json("{\"fiels\": 5,\n \"é\": x}").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::JsonSyntax);
        assert_eq!(error.place(), Some(""));
        assert_eq!((error.line(), error.column(), error.offset()), (Some(2), Some(7), Some(19)));
        assert_eq!(error.nested_text(), None);
        assert_eq!(error.to_string(), "expected a value: line 2 column 7");
    }

    #[test]
    fn broken_text_in_a_string_counts_from_its_own_start() {
        let json = br#"{"directories": [{}, "{\"directories\": [\"{\\n\\\"\\udc80\\\" 1}\"]}"]}"#;
        let error = FileStructurePattern::from_json_slice(json).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::JsonSyntax);
        assert_eq!(error.place(), Some("directories[1].directories[0]"));
        assert_eq!((error.line(), error.column(), error.offset()), (Some(2), Some(5), Some(6)));
        assert_eq!(error.nested_text(), Some(&b"{\n\"\xed\xb2\x80\" 1}"[..]));
    }

    /// `levels` of objects, in strings from level `strings_from` on.
    fn nested(levels: usize, key: &str, strings_from: usize) -> String {
        let mut json = String::from("{}");
        for level in (1..levels).rev() {
            let child = match level >= strings_from {
                true => format!("\"{}\"", json.replace('\\', r"\\").replace('"', "\\\"")),
                false => json,
            };
            json = format!("{{\"{key}\": [{{}}, {child}]}}");
        }
        json
    }

    #[test]
    fn level_128_is_the_last() {
        for key in ["directories", "optional_directories"] {
            // Each string doubles the backslashes, so text can be in strings
            // only so deep.
            for strings_from in [MAX_LEVELS, MAX_LEVELS - 1, MAX_LEVELS - 8, 1000] {
                let pattern = read(&nested(MAX_LEVELS, key, strings_from));
                assert_eq!(pattern.levels(), MAX_LEVELS);
                assert_eq!(read(&pattern.to_json()), pattern);
                let json = nested(MAX_LEVELS + 1, key, strings_from);
                let error = FileStructurePattern::from_json(&json).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::TooDeep);
                assert_eq!(error.place(), Some(format!("{key}[1].{key}[1]...{key}[0]").as_str()));
            }
        }
        assert_eq!(read(&nested(12, "directories", 1)).levels(), 12);
    }

    #[test]
    fn alternatives_and_numbers_take_no_level() {
        let nested = |levels: usize| {
            (1..levels).fold(
                String::from(r#"{"files": [{"name": ["a", {"regex": "b"}], "min": 2}]}"#),
                |json, _| {
                    format!(r#"{{"directories": [{{"directory": [{{}}, {json}], "min": 2}}]}}"#)
                },
            )
        };
        let pattern = read(&nested(MAX_LEVELS));
        assert_eq!(pattern.levels(), MAX_LEVELS);
        assert_eq!(read(&pattern.to_json()), pattern);
        let error = FileStructurePattern::from_json(&nested(MAX_LEVELS + 1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooDeep);
    }

    #[test]
    fn every_form_is_written_in_its_shortest_and_read_back() {
        let tests = [
            (r#""a""#, r#""a""#),
            (r#"["a"]"#, r#""a""#),
            (r#"["a", "a"]"#, r#"["a", "a"]"#),
            (r#"{"regex": "\u00e9\\d\""}"#, r#"{"regex": "\u00e9\\d\""}"#),
            (r#"["*.nii", {"regex": "x"}, "\ud800"]"#, r#"["*.nii", {"regex": "x"}, "\ud800"]"#),
        ];
        for (given, shortest) in tests {
            let json = format!(
                r#"{{"closed": true, "directory_name": {given}, "forbidden_directories": [{{"directory_name": {given}}}],
                    "directories": [{{}}, [{{}}, {{}}], {{"max": 9, "directory": {{}}, "min": 1}},
                        {{"directory": [{{}}, "{{}}"], "min": 0}}],
                    "files": [{given}, {{"min": 0, "name": {given}}}, {{"name": {given}, "max": 4294967295}},
                        {{"min": 2, "max": 2, "name": {given}}}],
                    "forbidden_files": [{given}], "optional_files": [{given}]}}"#
            );
            let any = r#"{"directory_name": "*", "files": [], "directories": [], "optional_files": [], "optional_directories": []}"#;
            let named = any.replacen(r#""*""#, shortest, 1);
            let written = format!(
                r#"{{"directory_name": {shortest}, "files": [{shortest}, {{"name": {shortest}, "min": 0}}, {{"name": {shortest}, "max": 4294967295}}, {{"name": {shortest}, "min": 2, "max": 2}}], "directories": [{any}, [{any}, {any}], {{"directory": {any}, "max": 9}}, {{"directory": [{any}, {any}], "min": 0}}], "optional_files": [{shortest}], "optional_directories": [], "forbidden_files": [{shortest}], "forbidden_directories": [{named}], "closed": true}}"#
            );
            let pattern = read(&json);
            assert_eq!(pattern.to_json(), written);
            assert_eq!(read(&written), pattern);
        }
    }

    #[test]
    fn hostile_depth_is_an_error_and_no_crash() {
        let many = 100_000;
        let deep = |opener: &str, closer: &str| opener.repeat(many) + "1" + &closer.repeat(many);
        let kind = |json: &str| FileStructurePattern::from_json(json).unwrap_err().kind();
        for (opener, closer) in [("[", "]"), ("{\"directories\":[", "]}"), ("{\"files\":", "}")] {
            assert_eq!(kind(&opener.repeat(many)), ErrorKind::JsonSyntax);
            let schema = format!("{{\"$schema\": {}}}", deep(opener, closer));
            assert_eq!(read(&schema), FileStructurePattern::default());
            let files = format!("{{\"files\": [{}]}}", deep(opener, closer));
            assert_eq!(kind(&files), ErrorKind::JsonPattern);
        }
        assert_eq!(kind(&deep("[", "]")), ErrorKind::JsonPattern);
        assert_eq!(kind(&deep("{\"directories\":[", "]}")), ErrorKind::TooDeep);
        assert_eq!(kind(&deep("{\"directories\":[\"", "\"]}")), ErrorKind::JsonSyntax);
        assert_eq!(kind(&"\"".repeat(many)), ErrorKind::JsonSyntax);
        assert_eq!(kind(&"\\".repeat(many)), ErrorKind::JsonSyntax);
    }

    #[test]
    fn the_deepest_pattern_fits_into_a_small_stack() {
        let json = nested(MAX_LEVELS, "directories", MAX_LEVELS - 8);
        let check = move || {
            let pattern = read(&json);
            assert_eq!(read(&pattern.to_json()), pattern);
            assert!(!format!("{pattern:?}").is_empty());
        };
        std::thread::Builder::new().stack_size(1 << 20).spawn(check).unwrap().join().unwrap();
    }

    #[test]
    fn no_cut_or_changed_byte_makes_it_panic() {
        let json = br#"{"$schema": {"a": [1]}, "files": ["\ud83d\ude00", "\xed"], "directories":
            [{"directory_name": null}, "{\"files\": [\"\\u00e9\"]}"], "optional_files": []}"#;
        for at in 0..json.len() {
            let _ = FileStructurePattern::from_json_slice(&json[..at]);
            for byte in [b'"', b'\\', b'[', b'}', b',', b'0', b'u', 0, 0x80, 0xED, 0xFF] {
                let mut changed = json.to_vec();
                changed[at] = byte;
                if let Err(error) = FileStructurePattern::from_json_slice(&changed) {
                    let length = error.nested_text().map_or(changed.len(), <[u8]>::len);
                    assert!(error.offset().is_none_or(|offset| offset <= length), "{error}");
                }
            }
        }
    }
}
