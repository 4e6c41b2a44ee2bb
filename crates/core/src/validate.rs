//! Validation: parts of a pattern that are legal but cannot be meant.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::Hash;

use crate::glob::Token;
use crate::pattern::Place;
use crate::{FileStructurePattern, NameGlob, NameTest};

/// How a [`Problem`] affects what a pattern matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// The part is required, and nothing on disk can satisfy it. The pattern matches no
    /// directory. Shown as `never`.
    Never,
    /// The part changes nothing: the pattern matches the same without it. Shown as `idle`.
    Idle,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Never => "never",
            Severity::Idle => "idle",
        })
    }
}

/// One finding of [`FileStructurePattern::validate`].
///
/// Shown as `never: directories[2].files[0]: ...`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    place: String,
    message: String,
    severity: Severity,
}

impl Problem {
    /// The place of the part, such as `directories[2].files[0]`. Never empty.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is wrong with the part, and what to do about it.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How the problem affects what the pattern matches.
    pub fn severity(&self) -> Severity {
        self.severity
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.severity, self.place, self.message)
    }
}

impl FileStructurePattern {
    /// Finds parts that cannot be meant: they are legal, but can never match, or change
    /// nothing. Only certain problems are reported, so the list is empty for most patterns.
    ///
    /// A name glob *can never match* an entry on disk if
    /// - it holds an empty class, such as `[z-a]`,
    /// - it needs a literal `/`, which no name holds,
    /// - it needs a literal NUL, which no name holds,
    /// - it matches `.` or `..` alone, which no listing holds,
    /// - it is empty and is a file's glob. As a directory's name, an empty glob matches
    ///   every directory.
    ///
    /// [`Severity::Never`]: such a glob is among `files` or is the `directory_name`, in the
    /// pattern itself or in a sub-pattern that is required at all levels. It is reported
    /// once, at its own place.
    ///
    /// [`Severity::Idle`]:
    /// - such a glob is among `optional_files`, or anywhere inside `optional_directories`:
    ///   the part never belongs to a match;
    /// - a glob or a sub-pattern is in one list twice: the second one is reported;
    /// - an optional glob or sub-pattern is required, too;
    /// - a glob of stars alone is among `files`, next to another: the file that the other
    ///   one asks for satisfies both.
    ///
    /// Problems come in the order in which [`to_json`](Self::to_json) writes the parts, at
    /// most one for each glob, and 1,000 altogether. The inside of a sub-pattern that is
    /// reported itself is not looked at.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{FileStructurePattern, Severity};
    ///
    /// let pattern = FileStructurePattern::builder("*")
    ///     .files(["data/*.csv", "*.txt"])
    ///     .optional_file("*.txt")
    ///     .build()?;
    /// let problems = pattern.validate();
    /// assert_eq!(problems[0].place(), "files[0]");
    /// assert_eq!(problems[0].severity(), Severity::Never);
    /// assert_eq!(
    ///     problems[1].to_string(),
    ///     "idle: optional_files[0]: the same as files[1], which is required: remove one of them"
    /// );
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn validate(&self) -> Vec<Problem> {
        let mut validator = Validator {
            place: Place::default(),
            optional: false,
            without_problems: HashSet::new(),
            problems: Vec::new(),
        };
        validator.pattern(self);
        validator.problems
    }
}

struct Validator {
    place: Place,
    /// Whether the pattern at this place, or one around it, is optional.
    optional: bool,
    /// Patterns that were looked at. One may stand in many places.
    without_problems: HashSet<FileStructurePattern>,
    problems: Vec<Problem>,
}

/// How many problems are reported: a pattern that has one may stand in many places, too.
const MAX_PROBLEMS: usize = 1000;

impl Validator {
    fn pattern(&mut self, pattern: &FileStructurePattern) {
        if self.problems.len() >= MAX_PROBLEMS || self.without_problems.contains(pattern) {
            return;
        }
        let before = self.problems.len();
        self.parts(pattern);
        if self.problems.len() == before {
            self.without_problems.insert(pattern.clone());
        }
    }

    fn parts(&mut self, pattern: &FileStructurePattern) {
        if let Some(reason) =
            pattern.directory_name().and_then(NameTest::as_glob).and_then(never_a_name)
        {
            self.place.enter_key("directory_name");
            self.never(&reason);
            self.place.leave();
        }

        // Only plain requirements are looked at.
        let plain: Vec<_> = pattern.files().iter().filter_map(|r| r.as_glob().cloned()).collect();
        let files = First::of("files", &plain);
        self.files(&plain, &files);

        let plain: Vec<_> =
            pattern.directories().iter().filter_map(|r| r.as_pattern().cloned()).collect();
        let directories = First::of("directories", &plain);
        self.each("directories", &plain, |this, index, sub| match directories.before(sub, index) {
            Some(repeated) => this.idle(repeated),
            None => this.pattern(sub),
        });

        let was_optional = std::mem::replace(&mut self.optional, true);
        let plain: Vec<_> =
            pattern.optional_files().iter().filter_map(|t| t.as_glob().cloned()).collect();
        let optional_files = First::of("optional_files", &plain);
        self.each("optional_files", &plain, |this, index, glob| {
            if let Some(reason) = never_a_file(glob) {
                this.never(&reason);
            } else if let Some(repeated) =
                files.required(glob).or_else(|| optional_files.before(glob, index))
            {
                this.idle(repeated);
            }
        });

        let optional_directories =
            First::of("optional_directories", pattern.optional_directories());
        self.each("optional_directories", pattern.optional_directories(), |this, index, sub| {
            match directories.required(sub).or_else(|| optional_directories.before(sub, index)) {
                Some(repeated) => this.idle(repeated),
                None => this.pattern(sub),
            }
        });
        self.optional = was_optional;
    }

    fn files(&mut self, globs: &[NameGlob], first: &First<'_, NameGlob>) {
        // The glob that makes a glob of stars alone idle: one that asks for more, if there
        // is any, otherwise the first one of stars.
        let asks_for_more =
            |glob: &NameGlob| !glob.matches_everything() && never_a_file(glob).is_none();
        let implying = globs
            .iter()
            .position(asks_for_more)
            .or_else(|| globs.iter().position(NameGlob::matches_everything));
        self.each("files", globs, |this, index, glob| {
            if let Some(reason) = never_a_file(glob) {
                this.never(&reason);
            } else if let Some(repeated) = first.before(glob, index) {
                this.idle(repeated);
            } else if glob.matches_everything()
                && let Some(implying) = implying
                && implying != index
            {
                this.idle(format!(
                    "any file that satisfies files[{implying}] satisfies this too: remove it, or \
                     move it to optional_files if all files are to belong to a match"
                ));
            }
        });
    }

    /// Visits each item of a list with its place entered.
    fn each<T>(&mut self, key: &str, items: &[T], mut visit: impl FnMut(&mut Self, usize, &T)) {
        self.place.enter_key(key);
        for (index, item) in items.iter().enumerate() {
            self.place.enter_index(index);
            visit(self, index, item);
            self.place.leave();
        }
        self.place.leave();
    }

    /// Reports a glob that can never match.
    fn never(&mut self, reason: &str) {
        match self.optional {
            true => self.idle(format!("never matches, so it adds nothing: {reason}")),
            false => self.report(Severity::Never, format!("never matches: {reason}")),
        }
    }

    fn idle(&mut self, message: String) {
        self.report(Severity::Idle, message);
    }

    fn report(&mut self, severity: Severity, message: String) {
        if self.problems.len() >= MAX_PROBLEMS {
            return;
        }
        self.problems.push(Problem { place: self.place.as_str().to_owned(), message, severity });
    }
}

/// The first index of each item of a list.
struct First<'p, T> {
    key: &'static str,
    indices: HashMap<&'p T, usize>,
}

impl<'p, T: Eq + Hash> First<'p, T> {
    fn of(key: &'static str, items: &'p [T]) -> Self {
        let mut indices = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            indices.entry(item).or_insert(index);
        }
        First { key, indices }
    }

    /// The message about an item that is in this list at a lower index, too.
    fn before(&self, item: &T, index: usize) -> Option<String> {
        let first = *self.indices.get(item)?;
        (first < index).then(|| format!("the same as {}[{first}]: remove one of them", self.key))
    }

    /// The message about an optional item that is in this list of required items, too.
    fn required(&self, item: &T) -> Option<String> {
        let first = self.indices.get(item)?;
        Some(format!("the same as {}[{first}], which is required: remove one of them", self.key))
    }
}

/// Why no file can have a name that matches, and what to do about it.
fn never_a_file(glob: &NameGlob) -> Option<String> {
    if glob.code_points().next().is_none() {
        return Some("no file has an empty name: name one, or use \"*\" for any file".into());
    }
    never_a_name(glob)
}

/// Why no entry can have a name that matches, and what to do about it. An empty glob is not
/// looked at here: it is wrong for files alone.
fn never_a_name(glob: &NameGlob) -> Option<String> {
    const NUL: Token = Token::Char(0);
    const DOT: Token = Token::Char(b'.' as u32);
    let tokens = &glob.compiled().tokens[..];
    let reason = if glob.never_matches() {
        "it holds a class of no characters: write the ends of its range in ascending order"
    } else if glob.needs_slash() {
        "no name holds a '/': use a nested pattern in directories for what is inside a directory"
    } else if tokens.contains(&NUL) {
        "no name holds a NUL character: remove it"
    } else if matches!(tokens, [DOT] | [DOT, DOT]) {
        "no directory's listing holds this name: use the name that the directory really has"
    } else {
        return None;
    };
    Some(reason.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_LEVELS;

    fn problems(json: &str) -> Vec<String> {
        let problems = FileStructurePattern::from_json(json).unwrap().validate();
        problems.iter().map(Problem::to_string).collect()
    }

    /// Severities and places.
    fn places(json: &str) -> Vec<(String, String)> {
        let problems = FileStructurePattern::from_json(json).unwrap().validate();
        problems.iter().map(|p| (p.severity().to_string(), p.place().to_owned())).collect()
    }

    #[track_caller]
    fn check(json: &str, expected: &[(&str, &str)]) {
        let found = places(json);
        let found: Vec<_> = found.iter().map(|(s, p)| (s.as_str(), p.as_str())).collect();
        assert_eq!(found, expected, "{json}");
    }

    #[test]
    fn clean_patterns_have_no_problems() {
        for json in [
            "{}",
            r#"{"directory_name": ""}"#,
            r#"{"directory_name": null}"#,
            r#"{"directory_name": "...", "files": ["*"]}"#,
            r#"{"files": ["..."], "optional_files": ["*", "a"]}"#,
            r#"{"files": ["*.csv", "a*.csv", "a.csv"], "optional_files": ["a?.csv"]}"#,
            r#"{"files": ["a"], "directories": [{"directory_name": "a", "files": ["a"]}]}"#,
            r#"{"files": ["[z-a"], "directory_name": "[.a]"}"#,
            r#"{"directories": [{}, {"directory_name": ""}, {"directory_name": null}]}"#,
            r#"{"directories": [{"files": ["a"]}], "optional_directories": [{"files": ["a", "b"]}]}"#,
        ] {
            assert_eq!(problems(json), [""; 0], "{json}");
        }
    }

    #[test]
    fn patterns_that_stand_in_many_places() {
        let nested = |bottom: &str| {
            let mut pattern = FileStructurePattern::builder("*").file(bottom).build().unwrap();
            for _ in 1..MAX_LEVELS {
                let sides = ["a", "b"].map(|name| {
                    let side = FileStructurePattern::builder(name);
                    side.directory(pattern.clone()).build()
                });
                let [Ok(a), Ok(b)] = sides else { break };
                match FileStructurePattern::builder("*").directories([a, b]).build() {
                    Ok(outer) => pattern = outer,
                    Err(_) => break,
                }
            }
            assert!(pattern.levels() > MAX_LEVELS - 2);
            pattern.validate()
        };
        // Written out, each would be 2^63 patterns.
        assert_eq!(nested("x"), []);
        assert_eq!(nested("/").len(), MAX_PROBLEMS);
    }

    #[test]
    fn required_globs_that_never_match() {
        for glob in
            ["[z-a]", "x[z-a]*", "a/b", "/", "[/]", r"\u0000", r"a[\u0000]*", ".", "..", ".[.]"]
        {
            check(&format!(r#"{{"directory_name": "{glob}"}}"#), &[("never", "directory_name")]);
            check(&format!(r#"{{"files": ["a", "{glob}"]}}"#), &[("never", "files[1]")]);
        }
        check(r#"{"files": [""]}"#, &[("never", "files[0]")]);
    }

    #[test]
    fn messages_say_what_to_do() {
        let json = r#"{"directory_name": "[z-a]", "files": ["", "a/b", "\u0000", ".", "x", "x", "*"],
            "optional_files": ["x", "a/b"]}"#;
        assert_eq!(
            problems(json),
            [
                "never: directory_name: never matches: it holds a class of no characters: write \
                 the ends of its range in ascending order",
                "never: files[0]: never matches: no file has an empty name: name one, or use \
                 \"*\" for any file",
                "never: files[1]: never matches: no name holds a '/': use a nested pattern in \
                 directories for what is inside a directory",
                "never: files[2]: never matches: no name holds a NUL character: remove it",
                "never: files[3]: never matches: no directory's listing holds this name: use the \
                 name that the directory really has",
                "idle: files[5]: the same as files[4]: remove one of them",
                "idle: files[6]: any file that satisfies files[4] satisfies this too: remove it, \
                 or move it to optional_files if all files are to belong to a match",
                "idle: optional_files[0]: the same as files[4], which is required: remove one of \
                 them",
                "idle: optional_files[1]: never matches, so it adds nothing: no name holds a \
                 '/': use a nested pattern in directories for what is inside a directory",
            ]
        );
    }

    #[test]
    fn culprits_deep_down_are_reported_once_where_they_stand() {
        check(
            r#"{"directories": [{}, {"directories": [{"files": ["a", "a/b"], "directory_name": "."}]}]}"#,
            &[
                ("never", "directories[1].directories[0].directory_name"),
                ("never", "directories[1].directories[0].files[1]"),
            ],
        );
    }

    #[test]
    fn below_an_optional_directory_nothing_is_never() {
        check(
            r#"{"optional_directories": [{"directory_name": "/", "directories": [{"files": [""]}]}],
                "directories": [{"optional_directories": [{"files": ["/"]}], "files": ["/"]}]}"#,
            &[
                ("never", "directories[0].files[0]"),
                ("idle", "directories[0].optional_directories[0].files[0]"),
                ("idle", "optional_directories[0].directory_name"),
                ("idle", "optional_directories[0].directories[0].files[0]"),
            ],
        );
        // And behind it the rest is required again.
        check(
            r#"{"directories": [{"optional_files": ["/"]}, {"files": ["/"]}]}"#,
            &[("idle", "directories[0].optional_files[0]"), ("never", "directories[1].files[0]")],
        );
    }

    #[test]
    fn what_stands_twice_is_idle() {
        check(r#"{"files": ["a", "b", "a", "a"]}"#, &[("idle", "files[2]"), ("idle", "files[3]")]);
        check(r#"{"optional_files": ["a", "a"]}"#, &[("idle", "optional_files[1]")]);
        check(
            r#"{"files": ["a"], "optional_files": ["b", "a"]}"#,
            &[("idle", "optional_files[1]")],
        );
        let sub = r#"{"files": ["a", "a"]}"#;
        check(
            &format!(r#"{{"directories": [{sub}, {{}}, {sub}]}}"#),
            &[("idle", "directories[0].files[1]"), ("idle", "directories[2]")],
        );
        check(
            &format!(r#"{{"optional_directories": [{sub}, {sub}]}}"#),
            &[("idle", "optional_directories[0].files[1]"), ("idle", "optional_directories[1]")],
        );
        check(
            &format!(r#"{{"directories": [{{}}], "optional_directories": [{{}}, {sub}]}}"#),
            &[("idle", "optional_directories[0]"), ("idle", "optional_directories[1].files[1]")],
        );
    }

    #[test]
    fn stars_next_to_another_file_are_idle() {
        check(r#"{"files": ["*"]}"#, &[]);
        check(r#"{"files": ["*", "a"]}"#, &[("idle", "files[0]")]);
        check(r#"{"files": ["a", "*", "**"]}"#, &[("idle", "files[1]"), ("idle", "files[2]")]);
        check(r#"{"files": ["**", "*"]}"#, &[("idle", "files[1]")]);
        check(r#"{"files": ["*", "?*"]}"#, &[("idle", "files[0]")]);
        check(r#"{"files": ["/", "*"]}"#, &[("never", "files[0]")]);
        check(r#"{"optional_files": ["*", "a"]}"#, &[]);
    }

    #[test]
    fn a_class_that_holds_more_than_nul_can_match() {
        check(r#"{"files": ["[\u0000a]"]}"#, &[]);
        check(r#"{"files": ["[!\u0000]"]}"#, &[]);
        check(r#"{"files": ["[\u0000/]"]}"#, &[]);
    }

    #[test]
    fn the_deepest_pattern_is_walked() {
        let mut pattern = FileStructurePattern::builder("").file("/").build().unwrap();
        for _ in 1..MAX_LEVELS {
            // Equal sub-patterns are looked into once, not 2^127 times.
            let builder = FileStructurePattern::builder("");
            let twice = [pattern.clone(), pattern.clone()];
            pattern = builder.directories(twice).optional_directory(pattern).build().unwrap();
        }
        let problems = pattern.validate();
        let nevers: Vec<_> = problems
            .iter()
            .filter(|p| p.severity() == Severity::Never)
            .map(Problem::place)
            .collect();
        assert_eq!(nevers, ["directories[0].".repeat(MAX_LEVELS - 1) + "files[0]"]);
        assert_eq!(problems.len(), 1 + 2 * (MAX_LEVELS - 1));
    }
}
