//! Making patterns of JSON values, and telling what is wrong with them.

use super::json::{KEYS, broken_at, encode, write_escaped};
use super::json_text::{self, Number, Value};
use super::regex_budget::RegexBudget;
use super::text;
use super::{Count, DirectoryRequirement, FileRequirement, NameAlternative, NameTest};
use super::{FileStructurePattern, MAX_LEVELS, Parts, Place};
use crate::{Error, NameGlob};

/// The key that is allowed in the top object and ignored.
const SCHEMA_KEY: &str = "$schema";

/// The keys of a requirement of files, and of one of directories.
const FILES_KEYS: [&str; 3] = ["name", "min", "max"];
const DIRECTORIES_KEYS: [&str; 3] = ["directory", "min", "max"];

/// An object's entries: keys and values.
type Entries = Vec<(Vec<u32>, Value)>;

/// Makes a pattern of a JSON value, and checks keys and types.
pub(super) fn read_value(value: Value) -> Result<FileStructurePattern, Error> {
    let mut reader = Reader { place: Place::default(), regexes: RegexBudget::default() };
    match value {
        Value::Object(entries) => reader.pattern_object(entries, 1),
        other => Err(reader.mismatch("an object", &other)),
    }
}

/// Reads a nested pattern from a string that stands at a place of the pattern.
pub(super) fn read_string(text: &[u32], place: &str) -> Result<FileStructurePattern, Error> {
    let mut reader = Reader { place: Place::default(), regexes: RegexBudget::default() };
    reader.place.enter_key(place);
    reader.pattern_in_string(text, 2)
}

struct Reader {
    place: Place,
    regexes: RegexBudget,
}

impl Reader {
    fn error(&self, message: impl Into<String>) -> Error {
        Error::json_pattern(self.place.as_str(), message)
    }

    fn mismatch(&self, expected: &str, found: &Value) -> Error {
        self.error(format!("expected {expected}, found {}", found.description()))
    }

    /// Reads an object with these keys, each with its place entered. `hint` says what would be
    /// right in place of an unknown key.
    fn object(
        &mut self,
        entries: Entries,
        keys: &[&'static str],
        hint: impl Fn(&[u32]) -> Option<String>,
        mut read: impl FnMut(&mut Reader, &'static str, Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut seen = Vec::new();
        for (key, value) in entries {
            let Some(key) = keys.iter().copied().find(|known| equal(known, &key)) else {
                return Err(self.error(unknown_key(&key, keys, hint(&key))));
            };
            self.place.enter_key(key);
            if seen.contains(&key) {
                return Err(self.error("the key stands twice in its object: keep one"));
            }
            seen.push(key);
            read(self, key, value)?;
            self.place.leave();
        }
        Ok(())
    }

    fn pattern_object(
        &mut self,
        entries: Entries,
        level: usize,
    ) -> Result<FileStructurePattern, Error> {
        if level > MAX_LEVELS {
            return Err(Error::too_deep(self.place.shortened()));
        }
        let mut keys = KEYS.to_vec();
        keys.extend((level == 1).then_some(SCHEMA_KEY));
        let mut parts = Parts { directory_name: Some("*".into()), ..Parts::default() };
        self.object(entries, &keys, pattern_hint, |reader, key, value| {
            match key {
                "directory_name" => parts.directory_name = reader.directory_name(value)?,
                "files" => parts.files = reader.names(value, Reader::file)?,
                "optional_files" => parts.optional_files = reader.names(value, Reader::listed)?,
                "forbidden_files" => parts.forbidden_files = reader.names(value, Reader::listed)?,
                "directories" => {
                    parts.directories = reader.patterns(value, level, Reader::directory)?;
                }
                "optional_directories" => {
                    parts.optional_directories = reader.patterns(value, level, Reader::pattern)?;
                }
                "forbidden_directories" => {
                    parts.forbidden_directories = reader.patterns(value, level, Reader::pattern)?;
                }
                "closed" => match value {
                    Value::Boolean(closed) => parts.closed = closed,
                    other => return Err(reader.mismatch("true or false", &other)),
                },
                _ => {} // $schema
            }
            Ok(())
        })?;
        FileStructurePattern::from_parts(parts)
    }

    fn directory_name(&mut self, value: Value) -> Result<Option<NameTest>, Error> {
        match value {
            Value::Null => Ok(None),
            other => self.test("a string, a regex, a list of these, or null", other).map(Some),
        }
    }

    /// A list of what names have to pass.
    fn names<T>(
        &mut self,
        value: Value,
        read_item: fn(&mut Reader, Value) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        self.list(value, "a list of strings", read_item)
    }

    /// A list of patterns, or of requirements of directories.
    fn patterns<T>(
        &mut self,
        value: Value,
        level: usize,
        read_item: fn(&mut Reader, Value, usize) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        self.list(value, "a list of patterns", |reader, item| read_item(reader, item, level + 1))
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

    /// A name test in a list.
    fn listed(&mut self, value: Value) -> Result<NameTest, Error> {
        self.test("a string, a regex, or a list of these", value)
    }

    fn test(&mut self, expected: &str, value: Value) -> Result<NameTest, Error> {
        match value {
            Value::List(_) => {
                let alternatives = self.list(value, "", |reader, item| match item {
                    Value::List(_) => {
                        Err(reader.error("alternatives do not nest: name them all in one list"))
                    }
                    item => reader.alternative("a string or a regex", item),
                })?;
                NameTest::any_of(alternatives).map_err(|error| error.at(self.place.as_str()))
            }
            value => self.alternative(expected, value).map(Into::into),
        }
    }

    fn alternative(&mut self, expected: &str, value: Value) -> Result<NameAlternative, Error> {
        match value {
            Value::String(glob) => NameGlob::from_code_points(glob).map(Into::into),
            Value::Object(entries) => self.regex(entries),
            other => Err(self.mismatch(expected, &other)),
        }
    }

    fn regex(&mut self, entries: Entries) -> Result<NameAlternative, Error> {
        let mut regex = None;
        self.object(entries, &["regex"], regex_hint, |reader, _, value| match value {
            Value::String(text) => {
                let text: Option<String> = text.into_iter().map(char::from_u32).collect();
                let text = text
                    .ok_or_else(|| reader.error("a regular expression holds no lone surrogates"))?;
                let compiled = reader.regexes.compile(&text);
                regex = Some(compiled.map_err(|error| error.at(reader.place.as_str()))?);
                Ok(())
            }
            other => Err(reader.mismatch("a string", &other)),
        })?;
        regex.map(Into::into).ok_or_else(|| self.missing("regex"))
    }

    fn missing(&self, key: &str) -> Error {
        self.error(format!("expected an object with the key \"{key}\", found one without it"))
    }

    fn file(&mut self, value: Value) -> Result<FileRequirement, Error> {
        match value {
            Value::Object(entries) if !has_key(&entries, "regex") => {
                let mut test = None;
                let count = self.counted(entries, &FILES_KEYS, |reader, value| {
                    test = Some(reader.listed(value)?);
                    Ok(())
                })?;
                let test = test.ok_or_else(|| self.missing("name"))?;
                Ok(FileRequirement::new(test, count))
            }
            value => {
                let expected = "a string, a regex, a list of these, or an object with \"name\"";
                self.test(expected, value).map(Into::into)
            }
        }
    }

    fn directory(&mut self, value: Value, level: usize) -> Result<DirectoryRequirement, Error> {
        match value {
            Value::Object(entries) if has_key(&entries, "directory") => {
                let mut alternatives = Vec::new();
                let count = self.counted(entries, &DIRECTORIES_KEYS, |reader, value| {
                    alternatives = reader.alternatives(value, level)?;
                    Ok(())
                })?;
                self.place.enter_key("directory");
                let required = self.requirement(alternatives, count);
                self.place.leave();
                required
            }
            value => {
                let alternatives = self.alternatives(value, level)?;
                self.requirement(alternatives, Count::default())
            }
        }
    }

    fn requirement(
        &self,
        alternatives: Vec<FileStructurePattern>,
        count: Count,
    ) -> Result<DirectoryRequirement, Error> {
        let required = DirectoryRequirement::new(alternatives, count);
        required.map_err(|error| error.at(self.place.as_str()))
    }

    /// One pattern, or a list of them.
    fn alternatives(
        &mut self,
        value: Value,
        level: usize,
    ) -> Result<Vec<FileStructurePattern>, Error> {
        match value {
            Value::List(_) => self.list(value, "", |reader, item| match item {
                Value::List(_) => {
                    Err(reader.error("alternatives do not nest: name them all in one list"))
                }
                item => reader.pattern(item, level),
            }),
            value => Ok(vec![self.pattern(value, level)?]),
        }
    }

    fn pattern(&mut self, value: Value, level: usize) -> Result<FileStructurePattern, Error> {
        match value {
            Value::Object(entries) => self.pattern_object(entries, level),
            Value::String(text) => self.pattern_in_string(&text, level),
            other => Err(self.mismatch("an object", &other)),
        }
    }

    /// Reads an object with numbers. The first of the keys is that of the item, which
    /// `read_item` reads.
    fn counted(
        &mut self,
        entries: Entries,
        keys: &[&'static str; 3],
        mut read_item: impl FnMut(&mut Reader, Value) -> Result<(), Error>,
    ) -> Result<Count, Error> {
        let (mut min, mut max) = (1, None);
        self.object(
            entries,
            keys,
            |_| None,
            |reader, key, value| {
                match key {
                    "min" => min = reader.number(&value)?,
                    "max" => max = Some(reader.number(&value)?),
                    _ => read_item(reader, value)?,
                }
                Ok(())
            },
        )?;
        Count::new(min, max).map_err(|error| {
            self.place.enter_key("min");
            error.at(self.place.as_str())
        })
    }

    fn number(&self, value: &Value) -> Result<u32, Error> {
        let found = match value {
            Value::Number(Number::Whole(number)) => return Ok(*number),
            Value::Number(number) => number.description(),
            other => other.description(),
        };
        Err(self.error(format!("expected a whole number from 0 to {}, found {found}", u32::MAX)))
    }

    /// Reads a nested pattern from a string: JSON text, as older versions wrote it, or pattern
    /// text.
    fn pattern_in_string(
        &mut self,
        text: &[u32],
        level: usize,
    ) -> Result<FileStructurePattern, Error> {
        if level > MAX_LEVELS {
            return Err(Error::too_deep(self.place.shortened()));
        }
        if !text::is_json(text) {
            return text::nested(text, self.place.as_str(), level, &mut self.regexes);
        }
        let value = json_text::parse(text).map_err(|broken| {
            let message = format!("in the JSON text of this string, {}", broken.message);
            broken_at(self.place.as_str(), message, text, broken.offset, Some(encode(text)))
        })?;
        match value {
            Value::Object(entries) => self.pattern_object(entries, level),
            other => Err(self.mismatch("an object", &other)),
        }
    }
}

fn equal(known: &str, key: &[u32]) -> bool {
    known.chars().map(u32::from).eq(key.iter().copied())
}

fn has_key(entries: &Entries, known: &str) -> bool {
    entries.iter().any(|(key, _)| equal(known, key))
}

/// How much of a text a message shows.
const SHOWN: usize = 40;

/// A text as JSON has it, cut if it is long.
fn quoted(text: &[u32]) -> String {
    let mut quoted = String::from('"');
    write_escaped(&mut quoted, text.iter().copied().take(SHOWN));
    quoted.push_str(if text.len() > SHOWN { "...\"" } else { "\"" });
    quoted
}

fn unknown_key(key: &[u32], keys: &[&'static str], hint: Option<String>) -> String {
    let keys: Vec<_> = keys.iter().copied().filter(|&known| known != SCHEMA_KEY).collect();
    let hint = hint.or_else(|| Some(format!("did you mean \"{}\"?", nearest_key(key, &keys)?)));
    let hint = hint.unwrap_or_else(|| match keys[..] {
        [one] => format!("the key is {one}"),
        _ => format!("the keys are {}", keys.join(", ")),
    });
    format!("unknown key {}: {hint}", quoted(key))
}

/// What would be right in place of an unknown key of a pattern.
fn pattern_hint(key: &[u32]) -> Option<String> {
    if equal(SCHEMA_KEY, key) {
        return Some("it may stand in the top object only".into());
    }
    ["min", "max", "directory"]
        .into_iter()
        .any(|known| equal(known, key))
        .then(|| "it belongs to an item of directories: {\"directory\": {...}, \"min\": 2}".into())
}

/// What would be right in place of an unknown key beside `regex`.
fn regex_hint(key: &[u32]) -> Option<String> {
    FILES_KEYS.into_iter().any(|known| equal(known, key)).then(|| {
        "it belongs to an item of files: {\"name\": {\"regex\": \"...\"}, \"min\": 2}".into()
    })
}

/// The known key that is at most two edits away, and fewer than it has letters. Case, `_`, `-`
/// and spaces do not count.
fn nearest_key(key: &[u32], keys: &[&'static str]) -> Option<&'static str> {
    const FARTHEST: usize = 2;
    let simplified = |text: &mut dyn Iterator<Item = char>| -> Vec<char> {
        text.filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_lowercase()).collect()
    };
    if key.len() > 40 {
        return None;
    }
    let key = simplified(&mut key.iter().filter_map(|&c| char::from_u32(c)));
    keys.iter()
        .map(|&known| (edits(&simplified(&mut known.chars()), &key), known))
        .filter(|&(edits, _)| edits <= FARTHEST.min(key.len().saturating_sub(1)))
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, known)| known)
}

/// How many characters have to be inserted, deleted or replaced.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn what_is_no_pattern_is_reported_with_its_place() {
        let list = "expected a list of strings, found";
        let file = "expected a string, a regex, a list of these, or an object with \"name\", found";
        let number = "expected a whole number from 0 to 4294967295, found";
        let nested = "alternatives do not nest: name them all in one list";
        let patterns = "expected a list of patterns, found";
        let cases = [
            ("[]", "", "expected an object, found a list"),
            ("null", "", "expected an object, found null"),
            (r#""{}""#, "", "expected an object, found a string"),
            ("1e999", "", "expected an object, found a number"),
            (
                r#"{"directory_name": 5}"#,
                "directory_name",
                "expected a string, a regex, a list of these, or null, found a number",
            ),
            (
                r#"{"directory_name": true}"#,
                "directory_name",
                "expected a string, a regex, a list of these, or null, found a boolean",
            ),
            (r#"{"files": "a"}"#, "files", &format!("{list} a string")),
            (r#"{"files": null}"#, "files", &format!("{list} null")),
            (r#"{"optional_files": {}}"#, "optional_files", &format!("{list} an object")),
            (r#"{"files": ["a", true]}"#, "files[1]", &format!("{file} a boolean")),
            (r#"{"files": [["a", ["b"]]]}"#, "files[0][1]", nested),
            (r#"{"forbidden_files": [[[[]]]]}"#, "forbidden_files[0][0]", nested),
            (r#"{"directory_name": ["a", []]}"#, "directory_name[1]", nested),
            (r#"{"directories": [[{}, [{}]]]}"#, "directories[0][1]", nested),
            (
                r#"{"files": [{"name": ["a", {"name": "b"}]}]}"#,
                "files[0].name[1]",
                r#"unknown key "name": it belongs to an item of files: {"name": {"regex": "..."}, "min": 2}"#,
            ),
            (
                r#"{"files": [{"name": [null]}]}"#,
                "files[0].name[0]",
                "expected a string or a regex, found null",
            ),
            (
                r#"{"optional_files": [5]}"#,
                "optional_files[0]",
                "expected a string, a regex, or a list of these, found a number",
            ),
            (
                r#"{"files": [{"regex": ["a"]}]}"#,
                "files[0].regex",
                "expected a string, found a list",
            ),
            (
                r#"{"files": [{"regex": "\ud800"}]}"#,
                "files[0].regex",
                "a regular expression holds no lone surrogates",
            ),
            (
                r#"{"files": [{"regex": "a", "min": 2}]}"#,
                "files[0]",
                r#"unknown key "min": it belongs to an item of files: {"name": {"regex": "..."}, "min": 2}"#,
            ),
            (
                r#"{"files": [{"regexp": "a"}]}"#,
                "files[0]",
                r#"unknown key "regexp": the keys are name, min, max"#,
            ),
            (
                r#"{"optional_files": [{"regexp": "a"}]}"#,
                "optional_files[0]",
                r#"unknown key "regexp": did you mean "regex"?"#,
            ),
            (
                r#"{"optional_files": [{}]}"#,
                "optional_files[0]",
                r#"expected an object with the key "regex", found one without it"#,
            ),
            (
                r#"{"files": [{}]}"#,
                "files[0]",
                r#"expected an object with the key "name", found one without it"#,
            ),
            (
                r#"{"files": [{"min": 2}]}"#,
                "files[0]",
                r#"expected an object with the key "name", found one without it"#,
            ),
            (
                r#"{"files": [{"name": "a", "mim": 2}]}"#,
                "files[0]",
                r#"unknown key "mim": did you mean "min"?"#,
            ),
            (
                r#"{"files": [{"name": "a", "min": 2, "min": 2}]}"#,
                "files[0].min",
                "the key stands twice in its object: keep one",
            ),
            (
                r#"{"files": [{"name": "a", "min": -1}]}"#,
                "files[0].min",
                &format!("{number} a negative number"),
            ),
            (
                r#"{"files": [{"name": "a", "max": 3.0}]}"#,
                "files[0].max",
                &format!("{number} a number with a fraction or an exponent"),
            ),
            (
                r#"{"files": [{"name": "a", "max": 4294967296}]}"#,
                "files[0].max",
                &format!("{number} a larger number"),
            ),
            (
                r#"{"files": [{"name": "a", "max": true}]}"#,
                "files[0].max",
                &format!("{number} a boolean"),
            ),
            (
                r#"{"files": [{"name": "a", "max": null}]}"#,
                "files[0].max",
                &format!("{number} null"),
            ),
            (
                r#"{"directories": [{}, {"directory": {}, "min": "2"}]}"#,
                "directories[1].min",
                &format!("{number} a string"),
            ),
            (
                r#"{"directories": [{"directory": [{}, {"files": 5}]}]}"#,
                "directories[0].directory[1].files",
                &format!("{list} a number"),
            ),
            (
                r#"{"directories": [[{}, 5]]}"#,
                "directories[0][1]",
                "expected an object, found a number",
            ),
            (
                r#"{"directories": [{"directory": {}, "files": []}]}"#,
                "directories[0]",
                r#"unknown key "files": the keys are directory, min, max"#,
            ),
            (
                r#"{"directories": [{"files": [], "min": 2}]}"#,
                "directories[0]",
                r#"unknown key "min": it belongs to an item of directories: {"directory": {...}, "min": 2}"#,
            ),
            (
                r#"{"forbidden_directories": [{"directory": {}}]}"#,
                "forbidden_directories[0]",
                r#"unknown key "directory": it belongs to an item of directories: {"directory": {...}, "min": 2}"#,
            ),
            (
                r#"{"optional_directories": [[{}]]}"#,
                "optional_directories[0]",
                "expected an object, found a list",
            ),
            (r#"{"closed": 1}"#, "closed", "expected true or false, found a number"),
            (r#"{"closed": null}"#, "closed", "expected true or false, found null"),
            (
                r#"{"forbiden_files": []}"#,
                "",
                r#"unknown key "forbiden_files": did you mean "forbidden_files"?"#,
            ),
            (r#"{"directories": {}}"#, "directories", &format!("{patterns} an object")),
            (
                r#"{"optional_directories": ""}"#,
                "optional_directories",
                &format!("{patterns} a string"),
            ),
            (r#"{"directories": [{}, 0]}"#, "directories[1]", "expected an object, found a number"),
            (
                r#"{"directories": [{}, {}, {"files": 1}]}"#,
                "directories[2].files",
                &format!("{list} a number"),
            ),
            (
                r#"{"optional_directories": [{"directories": [{"files": ["", "", null]}]}]}"#,
                "optional_directories[0].directories[0].files[2]",
                &format!("{file} null"),
            ),
            (
                r#"{"directories": ["{\"directories\": [{}, \"{\\\"files\\\": [0]}\"]}"]}"#,
                "directories[0].directories[1].files[0]",
                &format!("{file} a number"),
            ),
            (
                r#"{"files": [], "f\u0069les": []}"#,
                "files",
                "the key stands twice in its object: keep one",
            ),
            (
                r#"{"directories": [{"directory_name": "a", "directory_name": "a"}]}"#,
                "directories[0].directory_name",
                "the key stands twice in its object: keep one",
            ),
            (
                r#"{"$schema": 1, "$schema": 1}"#,
                "$schema",
                "the key stands twice in its object: keep one",
            ),
            (
                r#"{"directories": [{"$schema": ""}]}"#,
                "directories[0]",
                r#"unknown key "$schema": it may stand in the top object only"#,
            ),
            (
                r#"{"directories": ["{\"$schema\": 1}"]}"#,
                "directories[0]",
                r#"unknown key "$schema": it may stand in the top object only"#,
            ),
            (r#"{"fiels": 1}"#, "", r#"unknown key "fiels": did you mean "files"?"#),
            (
                r#"{"directories": [{"DirectoryNames": 1}]}"#,
                "directories[0]",
                r#"unknown key "DirectoryNames": did you mean "directory_name"?"#,
            ),
            (
                r#"{"\ud800\n": 1}"#,
                "",
                "unknown key \"\\ud800\\n\": the keys are directory_name, files, directories, \
                 optional_files, optional_directories, forbidden_files, forbidden_directories, \
                 closed",
            ),
        ];
        for (json, place, message) in cases {
            let error = FileStructurePattern::from_json(json).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::JsonPattern, "{json}");
            assert_eq!((error.place(), error.message().as_str()), (Some(place), message), "{json}");
            let shown = if place.is_empty() { "" } else { &format!("{place}: ") };
            assert_eq!(error.to_string(), format!("{shown}{message}"));
            assert_eq!((error.line(), error.offset()), (None, None));
        }
    }

    #[test]
    fn long_unknown_keys_are_cut() {
        let error = FileStructurePattern::from_json(&format!("{{\"{}\": 1}}", "x".repeat(9999)))
            .unwrap_err();
        assert!(error.message().starts_with(&format!("unknown key \"{}...\": ", "x".repeat(40))));
    }

    #[test]
    fn keys_near_a_known_one_bring_a_hint() {
        let hint = |key: &str| nearest_key(&key.chars().map(u32::from).collect::<Vec<_>>(), &KEYS);
        let cases = [
            ("file", Some("files")),
            ("Files", Some("files")),
            ("directory", None),
            ("directoryName", Some("directory_name")),
            ("directory", None),
            ("directorys", Some("directories")),
            ("optional-files", Some("optional_files")),
            ("optional file", Some("optional_files")),
            ("optionalDirectories", Some("optional_directories")),
            ("directroy_name", Some("directory_name")),
            ("name", None),
            ("", None),
            ("$schema", None),
            ("close", Some("closed")),
            ("forbiddenFile", Some("forbidden_files")),
        ];
        for (key, expected) in cases {
            assert_eq!(hint(key), expected, "{key}");
        }
    }

    #[test]
    fn short_keys_are_near_to_those_that_share_a_letter() {
        let hint =
            |key: &str| nearest_key(&key.chars().map(u32::from).collect::<Vec<_>>(), &FILES_KEYS);
        assert_eq!(
            (hint("Min"), hint("mix"), hint("names")),
            (Some("min"), Some("min"), Some("name"))
        );
        assert_eq!((hint("a"), hint("at"), hint("count"), hint("")), (None, None, None, None));
    }

    #[test]
    fn requirements_that_cannot_be_are_reported_with_their_place() {
        let none = "no alternatives: give at least one";
        let cases = [
            (r#"{"files": ["a", []]}"#, ErrorKind::Requirement, "files[1]", none),
            (r#"{"files": [{"name": []}]}"#, ErrorKind::Requirement, "files[0].name", none),
            (r#"{"directory_name": []}"#, ErrorKind::Requirement, "directory_name", none),
            (r#"{"directories": [[]]}"#, ErrorKind::Requirement, "directories[0]", none),
            (
                r#"{"directories": [{"directory": []}]}"#,
                ErrorKind::Requirement,
                "directories[0].directory",
                none,
            ),
            (
                r#"{"directories": [{"files": ["a", {"max": 1, "name": "b", "min": 2}]}]}"#,
                ErrorKind::Requirement,
                "directories[0].files[1].min",
                "min 2 is above max 1: exchange them",
            ),
            (
                r#"{"files": [{"name": "a", "max": 0}]}"#,
                ErrorKind::Requirement,
                "files[0].min",
                "min 1 is above max 0: let min be 0, or name it among what is forbidden",
            ),
            (
                r#"{"forbidden_files": [["a", {"regex": "a("}]]}"#,
                ErrorKind::Regex,
                "forbidden_files[0][1].regex",
                "unclosed group",
            ),
            (
                r#"{"directory_name": {"regex": "\\w{9999}"}}"#,
                ErrorKind::Regex,
                "directory_name.regex",
                "too large: use smaller counts, or [0-9] in place of \\d",
            ),
        ];
        for (json, kind, place, message) in cases {
            let error = FileStructurePattern::from_json(json).unwrap_err();
            assert_eq!(error.kind(), kind, "{json}");
            assert_eq!((error.place(), error.message().as_str()), (Some(place), message), "{json}");
            assert!(error.to_string().starts_with(&format!("{place}: ")), "{error}");
        }
    }

    #[test]
    fn what_says_nothing_is_the_shorter_form() {
        let cases = [
            (r#"{"files": [["a"]]}"#, r#"{"files": ["a"]}"#),
            (r#"{"files": [{"name": "a"}]}"#, r#"{"files": ["a"]}"#),
            (r#"{"files": [{"min": 1, "name": ["a"]}]}"#, r#"{"files": ["a"]}"#),
            (r#"{"directory_name": [{"regex": "a"}]}"#, r#"{"directory_name": {"regex": "a"}}"#),
            (r#"{"directories": [[{}]]}"#, r#"{"directories": [{}]}"#),
            (r#"{"directories": [{"directory": [{}], "min": 1}]}"#, r#"{"directories": [{}]}"#),
            (r#"{"directories": [{"directory": [{}, "{}"]}]}"#, r#"{"directories": [[{}, {}]]}"#),
            (r#"{"closed": false, "forbidden_files": []}"#, "{}"),
        ];
        for (long, short) in cases {
            let read = |json| FileStructurePattern::from_json(json).unwrap();
            assert_eq!(read(long), read(short), "{long}");
            assert_eq!(read(long).to_json(), read(short).to_json());
        }
    }

    #[test]
    fn the_expressions_of_a_pattern_are_limited_altogether() {
        let file = |n: usize| format!(r#"{{"regex": "x{n}"}}"#);
        let files = |of: std::ops::Range<usize>| of.map(file).collect::<Vec<_>>().join(", ");
        let two = |one: &str, other: &str| {
            format!(r#"{{"directories": [{{"files": [{one}]}}], "forbidden_files": [[{other}]]}}"#)
        };
        let read = |json: &str| FileStructurePattern::from_json(json);
        read(&two(&files(0..600), &files(0..600))).unwrap();
        let error = read(&two(&files(0..600), &files(600..1200))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Regex);
        assert!(error.place().unwrap().starts_with("forbidden_files[0]["), "{error}");
        assert!(error.place().unwrap().ends_with("].regex"), "{error}");
        assert!(error.message().starts_with("too large, with the others"), "{error}");
    }
}
