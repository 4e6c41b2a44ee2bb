//! Patterns in other formats, through serde.
//!
//! These tests are not part of the crate, since `serde_json` adds comparisons to every
//! number type, and the crate should be compiled without them.

use pathvein_core::{FileStructurePattern, MAX_LEVELS, NameGlob};
use serde_json::{from_str, from_value, json, to_string, to_value};

fn pattern() -> FileStructurePattern {
    let raw = FileStructurePattern::builder("raw").file("*.csv").build().unwrap();
    FileStructurePattern::builder("run_*")
        .any_name()
        .files(["a", "é\u{1F600}\0"])
        .optional_file("b")
        .directory(raw)
        .optional_directory(FileStructurePattern::default())
        .build()
        .unwrap()
}

#[test]
fn goes_there_and_back() {
    let value = to_value(pattern()).unwrap();
    assert_eq!(value, from_str::<serde_json::Value>(&pattern().to_json()).unwrap());
    assert_eq!(from_value::<FileStructurePattern>(value).unwrap(), pattern());
    assert_eq!(
        from_str::<FileStructurePattern>(&to_string(&pattern()).unwrap()).unwrap(),
        pattern()
    );
    assert_eq!(from_str::<FileStructurePattern>(&pattern().to_json()).unwrap(), pattern());
}

#[test]
fn reads_by_the_rules_of_from_json() {
    let read = from_value::<FileStructurePattern>;
    assert_eq!(read(json!({"$schema": [1]})).unwrap(), FileStructurePattern::default());
    let nested = json!({"directories": [pattern().to_json(), pattern()]});
    assert_eq!(read(nested).unwrap().directories(), [pattern(), pattern()]);

    let cases = [
        (json!(5), "expected an object, found a number"),
        (json!({"files": 1.5}), "files: expected a list of strings, found a number"),
        (
            json!({"files": [true]}),
            "files[0]: expected a string, a regex, a list of these, or an object with \"name\", \
             found a boolean",
        ),
        (
            json!({"files": [{"name": "a", "min": -1}]}),
            "files[0].min: expected a whole number from 0 to 4294967295, found a negative number",
        ),
        (
            json!({"files": [{"name": "a", "max": 3.0}]}),
            "files[0].max: expected a whole number from 0 to 4294967295, found a number with a \
             fraction or an exponent",
        ),
        (
            json!({"files": [{"name": "a", "max": u64::MAX}]}),
            "files[0].max: expected a whole number from 0 to 4294967295, found a larger number",
        ),
        (
            json!({"files": ["a", {"name": "a", "min": 3, "max": 2}]}),
            "files[1].min: min 3 is above max 2: exchange them",
        ),
        (
            json!({"directories": [[{}, {"files": [{"regex": "("}]}]]}),
            "directories[0][1].files[0].regex: regular expression \"(\": unclosed group",
        ),
        (json!({"closed": 1}), "closed: expected true or false, found a number"),
        (json!({"directories": [null]}), "directories[0]: expected an object, found null"),
        (json!({"file": []}), r#"unknown key "file": did you mean "files"?"#),
    ];
    for (value, message) in cases {
        assert_eq!(read(value).unwrap_err().to_string(), message);
    }
    let twice = from_str::<FileStructurePattern>(r#"{"files": [], "files": []}"#);
    assert!(twice.unwrap_err().to_string().starts_with("files: the key stands twice"));
}

#[test]
fn every_form_goes_there_and_back() {
    let value = json!({
        "directory_name": ["a", {"regex": "b"}],
        "files": ["a", ["b", {"regex": "c"}], {"name": ["d", "e"], "min": 0, "max": u32::MAX}, {"regex": "f"}],
        "directories": ["data/*.csv", [{}, {}], {"directory": [{}, {}], "min": 2}, {"directory": {}, "max": 3}],
        "optional_files": [{"regex": "a"}],
        "forbidden_files": [["a", "b"]],
        "forbidden_directories": [{}],
        "closed": true,
    });
    let pattern: FileStructurePattern = from_value(value.clone()).unwrap();
    assert_eq!(pattern, FileStructurePattern::from_json(&value.to_string()).unwrap());
    let written = to_string(&pattern).unwrap();
    assert_eq!(written, pattern.to_json().replace(", ", ",").replace(": ", ":"));
    assert_eq!(from_str::<FileStructurePattern>(&written).unwrap(), pattern);
}

#[test]
fn a_lone_surrogate_cannot_be_written() {
    let glob = NameGlob::from_code_points([0x61, 0xDC80]).unwrap();
    let pattern = FileStructurePattern::builder("*").file(glob).build().unwrap();
    let message = to_value(&pattern).unwrap_err().to_string();
    assert_eq!(message, r"the glob 'a\udc80' holds a lone surrogate, which only to_json can write");
}

#[test]
fn counts_levels_whatever_the_format_allows() {
    let mut value = json!({});
    for _ in 1..MAX_LEVELS {
        value = json!({"directories": [value]});
    }
    let pattern = from_value::<FileStructurePattern>(value.clone()).unwrap();
    assert_eq!(pattern.levels(), MAX_LEVELS);
    assert_eq!(to_value(&pattern).unwrap()["files"], json!([]));

    value = json!({"directories": [value]});
    let error = from_value::<FileStructurePattern>(value.clone()).unwrap_err();
    assert!(error.to_string().ends_with("patterns nest at most 128 levels deep"), "{error}");
    for _ in 0..300 {
        value = json!([value]);
    }
    from_value::<FileStructurePattern>(value.clone()).unwrap_err();
    let schema = json!({"$schema": value});
    assert_eq!(from_value::<FileStructurePattern>(schema).unwrap(), Default::default());
}
