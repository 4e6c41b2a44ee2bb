//! Pattern JSON from any bytes. Reading never panics; a pattern is written and read back
//! equal, here and by serde; and a text is JSON if `serde_json` takes it for JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pathvein_core::{DirectoryRequirement, ErrorKind, FileRequirement, FileStructurePattern};
use pathvein_core::{NameAlternative, NameGlob, NameTest};
use serde::Deserialize;
use serde::de::IgnoredAny;

fuzz_target!(|input: &[u8]| {
    let read = FileStructurePattern::from_json_slice(input);
    let text = str::from_utf8(input).ok();
    if let Some(text) = text {
        let again = FileStructurePattern::from_json(text);
        assert_eq!(format!("{read:?}"), format!("{again:?}"));
        compare_syntax(text, &read);
    }
    match read {
        Ok(pattern) => there_and_back(&pattern),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            match error.kind() {
                ErrorKind::JsonSyntax => {
                    assert!(error.line() >= Some(1) && error.column() >= Some(1));
                    let counted = error.nested_text().map_or(input.len(), <[u8]>::len);
                    assert!(error.offset().unwrap() <= counted);
                }
                ErrorKind::JsonPattern
                | ErrorKind::TooDeep
                | ErrorKind::Regex
                | ErrorKind::Requirement
                | ErrorKind::TextSyntax => assert!(error.place().is_some(), "{error}"),
                kind => panic!("{kind:?}: {error}"),
            }
        }
    }
});

/// Checks that both readers take the text for JSON, or neither does.
fn compare_syntax(text: &str, read: &Result<FileStructurePattern, pathvein_core::Error>) {
    // Python's JSON has these numbers, too.
    if ["NaN", "Infinity"].iter().any(|word| text.contains(word)) {
        return;
    }
    let ours = match read {
        Ok(_) => true,
        // Broken JSON text inside a string of valid JSON is not compared.
        Err(error) => error.kind() != ErrorKind::JsonSyntax || error.nested_text().is_some(),
    };
    let theirs = serde_json::from_str::<IgnoredAny>(text);
    assert_eq!(ours, theirs.is_ok(), "{text:?}: {read:?}, {theirs:?}");
}

fn there_and_back(pattern: &FileStructurePattern) {
    let json = pattern.to_json();
    assert!(json.bytes().all(|b| (b' '..=b'~').contains(&b)));
    let again = FileStructurePattern::from_json(&json).expect(&json);
    let (mut pairs, mut lone) = (false, false);
    for glob in globs(pattern) {
        let code_points: Vec<u32> = glob.code_points().collect();
        lone |= glob.as_str().is_none();
        pairs |= code_points.windows(2).any(|w| matches!(w, [0xD800..=0xDBFF, 0xDC00..=0xDFFF]));
    }
    // A high surrogate before a low one is read back as one character.
    if !pairs {
        assert_eq!(again, *pattern);
        assert_eq!(again.to_json(), json);
    }
    pattern.validate();
    if lone {
        assert!(serde_json::to_string(pattern).is_err());
        return;
    }
    let by_serde = serde_json::to_string(pattern).unwrap();
    assert_eq!(read_by_serde(&by_serde), *pattern);
    assert_eq!(read_by_serde(&json), *pattern);
    assert_eq!(FileStructurePattern::from_json(&by_serde).unwrap(), *pattern);
}

fn read_by_serde(json: &str) -> FileStructurePattern {
    let mut reader = serde_json::Deserializer::from_str(json);
    reader.disable_recursion_limit();
    FileStructurePattern::deserialize(&mut reader).expect(json)
}

fn globs(pattern: &FileStructurePattern) -> Vec<&NameGlob> {
    let files = pattern.files().iter().map(FileRequirement::test);
    let tests = files.chain(pattern.directory_name());
    let tests = tests.chain(pattern.optional_files()).chain(pattern.forbidden_files());
    let alternatives = tests.flat_map(NameTest::alternatives);
    let mut globs: Vec<_> = alternatives.filter_map(NameAlternative::as_glob).collect();
    let required = pattern.directories().iter().flat_map(DirectoryRequirement::alternatives);
    let others = pattern.optional_directories().iter().chain(pattern.forbidden_directories());
    for below in required.chain(others) {
        globs.append(&mut self::globs(below));
    }
    globs
}
