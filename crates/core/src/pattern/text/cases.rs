//! The table of cases that the tests of Rust and Python share: `tests/data/pattern_text.jsonl`,
//! with one case on each line. Blank lines separate sections.
//!
//! - `text`, pattern text; or `string`, which stands in the place of a nested pattern
//! - `patterns`, in pattern JSON, which it holds; or `error`, as `line:column: message`
//! - `one`: whether one pattern is asked for, and not any number
//! - `written`, `one_line`: what the first pattern is written as
//!
//! A lone surrogate is written as a JSON escape.

use super::super::json_reader::read_value;
use super::super::json_text::{self, Value};
use super::*;
use crate::ErrorKind;

struct Case {
    what: String,
    fields: Vec<(String, Value)>,
}

impl Case {
    fn text(&self, key: &str) -> Option<&[u32]> {
        match self.fields.iter().find(|(name, _)| name == key)? {
            (_, Value::String(text)) => Some(text),
            (_, other) => panic!("{}: {key}: {}", self.what, other.description()),
        }
    }

    fn string(&self, key: &str) -> Option<String> {
        self.text(key).map(string)
    }
}

fn string(text: &[u32]) -> String {
    text.iter().map(|&c| char::from_u32(c).unwrap()).collect()
}

fn table() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/pattern_text.jsonl");
    let lines = std::fs::read_to_string(path).unwrap();
    let case = |line: &str| {
        let Ok(Value::Object(fields)) = json_text::parse(&code_points(line)) else {
            panic!("{line}");
        };
        let fields = fields.into_iter().map(|(key, value)| (string(&key), value)).collect();
        let mut case = Case { what: line.to_owned(), fields };
        case.what = case.string("case").unwrap();
        case
    };
    lines.lines().filter(|line| !line.is_empty()).map(case).collect()
}

fn read(case: &Case) -> Result<Vec<FileStructurePattern>, Error> {
    if let Some(text) = case.text("string") {
        return FileStructurePattern::from_string(text, "directories[0]").map(|one| vec![one]);
    }
    let text = case.text("text").unwrap();
    if case.fields.iter().any(|(key, _)| key == "one") {
        return FileStructurePattern::from_text_code_points(text).map(|one| vec![one]);
    }
    let read = FileStructurePattern::several_from_text_code_points(text);
    // Where there is one, it may be asked for.
    if let Ok([pattern]) = read.as_deref() {
        assert_eq!(FileStructurePattern::from_text_code_points(text).unwrap(), *pattern);
    }
    read
}

#[test]
fn each_case_of_the_table() {
    let mut counts = (0, 0);
    for mut case in table() {
        let expected = case.fields.iter().position(|(key, _)| key == "patterns");
        let expected = expected.map(|at| case.fields.swap_remove(at).1);
        let what = &case.what;
        let read = read(&case);
        if let Some(error) = case.string("error") {
            let found = read.expect_err(what);
            assert_eq!(found.kind(), ErrorKind::TextSyntax, "{what}");
            let (line, column) = (found.line().unwrap(), found.column().unwrap());
            assert_eq!(format!("{line}:{column}: {}", found.message()), error, "{what}");
            counts.1 += 1;
            continue;
        }
        let read = read.unwrap_or_else(|error| panic!("{what}: {error}"));
        let Some(Value::List(expected)) = expected else { panic!("{what}") };
        assert_eq!(read.len(), expected.len(), "{what}");
        for (pattern, expected) in read.iter().zip(expected) {
            let expected = read_value(expected).unwrap();
            assert_eq!(*pattern, expected, "{what}");
        }
        if let Some(written) = case.string("written") {
            assert_eq!(read[0].to_text(), written, "{what}");
        }
        if let Some(written) = case.string("one_line") {
            assert_eq!(read[0].to_text_line(), written, "{what}");
        }
        counts.0 += 1;
    }
    assert!(counts.0 > 70 && counts.1 > 120, "{counts:?}");
}

/// What an error shows is the line, with the caret below the character.
#[test]
fn errors_show_the_line_and_a_caret() {
    let shown = |text: &str| FileStructurePattern::from_text(text).unwrap_err().to_string();
    let below = |text: &str| shown(text).split_once('\n').unwrap().1.to_owned();
    assert_eq!(
        shown("a/\n    b c\n        d"),
        "this \"b c\" has something indented below it: write \"b c/\": line 2 column 5\n    b c\n    ^"
    );
    assert_eq!(below("a/\r\n\tb\r\n\t\tc\r\n"), "\tb\n\t^");
    assert_eq!(below("\u{feff}a"), "a\n^");
    assert_eq!(below("é/{\"😀\\x\"}"), "é/{\"😀\\x\"}\n     ^");
    assert_eq!(below("a/{b\u{1b}[0m"), "a/{b\u{fffd}[0m\n    ^");
    assert_eq!(below(""), "\n^");
    let long = below(&format!("a/{{{}, , {}}}", "b".repeat(200), "c".repeat(200)));
    let lines: Vec<_> = long.lines().collect();
    assert_eq!(lines[0], format!("...{}, , {}...", "b".repeat(33), "c".repeat(33)));
    assert_eq!(lines[1].len(), lines[0].find(", ,").unwrap() + 3);

    let surrogate = FileStructurePattern::from_text_code_points(&[0xDC80, 0x2C]).unwrap_err();
    assert_eq!(surrogate.source_line(), Some("\u{fffd},"));
    let place = FileStructurePattern::from_string(&code_points("a, b"), "directories[3]");
    let place = place.unwrap_err();
    assert_eq!(place.place(), Some("directories[3]"));
    assert!(place.to_string().starts_with("directories[3]: here begins a second"), "{place}");
}
