use super::walk::MAX_PROBLEMS;
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
    for glob in ["[z-a]", "x[z-a]*", "a/b", "/", "[/]", r"\u0000", r"a[\u0000]*", ".", "..", ".[.]"]
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
    check(r#"{"files": ["a"], "optional_files": ["b", "a"]}"#, &[("idle", "optional_files[1]")]);
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
    let nevers: Vec<_> =
        problems.iter().filter(|p| p.severity() == Severity::Never).map(Problem::place).collect();
    assert_eq!(nevers, ["directories[0].".repeat(MAX_LEVELS - 1) + "files[0]"]);
    assert_eq!(problems.len(), 1 + 2 * (MAX_LEVELS - 1));
}

/// The messages, with what stands in front.
#[track_caller]
fn check_messages(json: &str, expected: &[&str]) {
    assert_eq!(problems(json), expected, "{json}");
}

#[test]
fn what_people_mean_has_no_problems() {
    for json in [
        r#"{"files": ["a", {"name": "*.csv", "min": 3}, {"name": "README*", "max": 1}]}"#,
        r#"{"files": [["*.nii", "*.nii.gz"], {"regex": "v\\d+\\.txt"}], "forbidden_files": ["FAILED"]}"#,
        r#"{"files": [{"name": "README", "max": 1}], "closed": true}"#,
        r#"{"files": ["*"], "closed": true, "forbidden_files": ["*.tmp"]}"#,
        r#"{"forbidden_files": ["*"], "forbidden_directories": ["*"]}"#,
        r#"{"forbidden_directories": ["run_*/{no data/}"]}"#,
        r#"{"directories": ["data/*.csv"], "forbidden_directories": ["data/{*.csv, FAILED}"]}"#,
        r#"{"directories": [["anat/*.nii", "func/*.tsv"], {"directory": "run_*", "min": 2, "max": 9}]}"#,
        r#"{"files": ["*.csv"], "forbidden_files": ["data_*.csv", "?.csv"]}"#,
        r#"{"files": ["{a}", "a,b", "[{,}]", ",{", "}{"]}"#,
        r#"{"files": [{"regex": "a.c"}, {"regex": "README\\.md"}, {"regex": "(?m)^a"}, {"regex": "\\ba"}]}"#,
        r#"{"files": [{"name": "*.csv", "max": 3}, {"name": "a*.csv", "min": 3}]}"#,
        r#"{"directory_name": ["a", "b*"], "files": [["a*", "*b"], "*.csv"]}"#,
        r#"{"files": [{"name": "a", "min": 0, "max": 0}]}"#,
        r#"{"directories": [["a/optional x", "a/"], ["a/{b, optional x}", "a/"]]}"#,
        r#"{"files": ["*.csv"], "optional_files": ["a*.csv"], "closed": true}"#,
    ] {
        check_messages(json, &[]);
    }
}

#[test]
fn a_min_that_can_never_be() {
    check_messages(
        r#"{"files": [{"name": "README", "min": 2}, {"name": ["a", "b", "a"], "min": 3}, {"name": ["a", "b"], "min": 2}]}"#,
        &[
            "never: files[0]: never matches: only 1 name passes, without a wildcard, and min is 2",
            "never: files[1]: never matches: only 2 names pass, without a wildcard, and min is 3",
        ],
    );
    check(
        r#"{"files": [{"name": ["a", {"regex": "b\\.c"}], "min": 3}]}"#,
        &[("never", "files[0]")],
    );
    check(
        r#"{"files": [{"name": ["a", "b?"], "min": 3}, {"name": ["a", "/"], "min": 1}]}"#,
        &[("idle", "files[1][1]")],
    );
    check(
        r#"{"directories": [{"directory": "data", "min": 2}, {"directory": ["a/x", "a/y"], "min": 2}, {"directory": [{"directory_name": ""}, "a"], "min": 2}]}"#,
        &[
            ("never", "directories[0]"),
            ("never", "directories[1]"),
            ("idle", "directories[2].directory[1]"),
        ],
    );
    check(r#"{"directories": [{"directory": {"directory_name": null}, "min": 2}]}"#, &[]);
    check(
        r#"{"optional_directories": [{"files": [{"name": "a", "min": 2}]}]}"#,
        &[("idle", "optional_directories[0].files[0]")],
    );
}

#[test]
fn what_is_required_and_forbidden() {
    for (required, forbidden) in [
        (r#""a.csv""#, r#""*.csv""#),
        (r#""a*.csv""#, r#""*.csv""#),
        (r#""a_*_b.csv""#, r#""a*b.csv""#),
        (r#""?b""#, r#""?*""#),
        (r#""[ab]c""#, r#""?c""#),
        (r#""[ab]c""#, r#""[ab]*""#),
        (r#""v12""#, r#"{"regex": "v\\d+"}"#),
        (r#"{"regex": "v\\d+"}"#, r#"{"regex": "v\\d+"}"#),
        (r#"{"regex": "v\\d+"}"#, r#""*""#),
        (r#"["a", "b"]"#, r#""a", "b""#),
        (r#"["a", "b"]"#, r#"["a", "b", "c"]"#),
        (r#"["a", "/"]"#, r#""a""#),
        (r#"{"name": "*.csv", "min": 3}"#, r#""*.csv""#),
    ] {
        let json = format!(r#"{{"files": [{required}], "forbidden_files": [{forbidden}]}}"#);
        assert_eq!(places(&json)[0], ("never".into(), "files[0]".into()), "{json}");
    }
    for (required, forbidden) in [
        (r#""*.csv""#, r#""a*.csv""#),
        (r#""ab*b""#, r#""ab*bb""#),
        (r#""a*a""#, r#""aa*aa""#),
        (r#""*a*""#, r#""*a""#),
        (r#""?""#, r#""[ab]""#),
        (r#""[ab]c""#, r#""[abd]c""#),
        (r#"["a", "b"]"#, r#""a""#),
        (r#"{"regex": "v\\d"}"#, r#"{"regex": "v\\d+"}"#),
        (r#"{"name": "*.csv", "min": 0, "max": 3}"#, r#""*.csv""#),
    ] {
        let json = format!(r#"{{"files": [{required}], "forbidden_files": [{forbidden}]}}"#);
        assert_eq!(problems(&json), [""; 0], "{json}");
    }
    check_messages(
        r#"{"files": ["a", {"name": "*.csv", "min": 3}, {"name": "*", "max": 2}], "forbidden_files": ["a"]}"#,
        &[
            "never: files[0]: never matches: every file that passes is forbidden by forbidden_files: remove one of them",
            "never: files[1]: never matches: files[2] has a max below this min, and all that passes here passes there",
        ],
    );
    check(
        r#"{"optional_files": ["a.csv", "b"], "forbidden_files": ["*.csv"], "optional_directories": ["x/*.csv"], "forbidden_directories": ["x"]}"#,
        &[("idle", "optional_files[0]"), ("idle", "optional_directories[0]")],
    );
}

#[test]
fn directories_that_are_required_and_forbidden() {
    for (required, forbidden) in [
        ("data", "data"),
        ("data/*.csv", "data"),
        ("data/*.csv", "*"),
        ("data/3+ *.csv", "data/*.csv"),
        ("data/{a, b}", "d*/b"),
        ("data/{no a*}", "data/{no ab}"),
        ("data/{x/y.csv}", "data/{x/*.csv}"),
        ("data/{x/{y, z}}", "data/{optional q, x/z}"),
        ("data/{1-2 *.csv}", "data/{1-3 *.csv}"),
        ("data/{a, nothing else}", "data/{a, optional b, nothing else}"),
        ("data/{no x/}", "data/{no x/{a}}"),
        ("a/x | b/x", "a | b"),
    ] {
        let json = format!(
            r#"{{"directories": ["{required}"], "forbidden_directories": ["{forbidden}"]}}"#
        );
        let json = match required {
            "a/x | b/x" => {
                r#"{"directories": [["a/x", "b/x"]], "forbidden_directories": ["a | b"]}"#.into()
            }
            _ => json,
        };
        assert_eq!(places(&json)[0], ("never".into(), "directories[0]".into()), "{json}");
    }
    for (required, forbidden) in [
        ("data", "data/*.csv"),
        ("*", "data"),
        ("data/*.csv", "data/2+ *.csv"),
        ("data/{no ab}", "data/{no a*}"),
        ("data/{1-3 *.csv}", "data/{1-2 *.csv}"),
        ("data/{1-3 a*.csv}", "data/{1-3 *.csv}"),
        ("data/{x/a}", "data/{x/b}"),
        ("data/{2-3 x*/{a}}", "data/{2-3 x*/}"),
        ("data/{a, optional b, nothing else}", "data/{a, nothing else}"),
        ("data/a", "data/{a, nothing else}"),
        ("data/{no x/{a}}", "data/{no x/}"),
    ] {
        let json = format!(
            r#"{{"directories": ["{required}"], "forbidden_directories": ["{forbidden}"]}}"#
        );
        assert_eq!(problems(&json), [""; 0], "{json}");
    }
    check(
        r#"{"directories": [{"directory": "data/x", "min": 1}, {"directory": "run_*", "min": 3}, {"directory": "*", "min": 0, "max": 2}], "forbidden_directories": ["data"]}"#,
        &[("never", "directories[0]"), ("never", "directories[1]")],
    );
}

#[test]
fn what_is_forbidden_to_no_purpose() {
    check_messages(
        r#"{"forbidden_files": ["a/b", "", "*.csv", "*.csv", "a.csv", {"regex": "[a&&b]"}], "forbidden_directories": ["x", "x/y", {"directory_name": "."}, "q/{a, no a}"]}"#,
        &[
            "idle: forbidden_files[0]: never matches, so it forbids nothing: no name holds a '/': \
             use a nested pattern in directories for what is inside a directory",
            "idle: forbidden_files[1]: never matches, so it forbids nothing: no file has an empty \
             name: name one, or use \"*\" for any file",
            "idle: forbidden_files[3]: forbidden_files[2] forbids all that this does: remove this",
            "idle: forbidden_files[4]: forbidden_files[2] forbids all that this does: remove this",
            "idle: forbidden_files[5]: never matches, so it forbids nothing: it matches nothing",
            "idle: forbidden_directories[1]: forbidden_directories[0] forbids all that this does: \
             remove this",
            "idle: forbidden_directories[2].directory_name: never matches, so it forbids nothing: \
             no directory's listing holds this name: use the name that the directory really has",
            "idle: forbidden_directories[3].files[0]: never matches, so it forbids nothing: every \
             file that passes is forbidden by forbidden_files: remove one of them",
        ],
    );
    // A pattern that forbids what its forbidden one does not is not the same.
    check(r#"{"forbidden_directories": ["x/{no a}", "x/{no b}"]}"#, &[]);
}

#[test]
fn counts_that_ask_for_nothing() {
    check_messages(
        r#"{"files": [{"name": "a", "min": 0}, {"name": "*.csv", "min": 2}, "*.csv", {"name": "/", "min": 0, "max": 3}],
            "directories": [{"directory": "a", "min": 0}]}"#,
        &[
            "idle: files[0]: min is 0 and there is no max, so this asks for nothing: put it into optional_files",
            "idle: files[2]: files[1] asks for the same and for more of it: remove this",
            "idle: files[3].name: never matches, so it forbids nothing: no name holds a '/': use a \
             nested pattern in directories for what is inside a directory",
            "idle: directories[0]: min is 0 and there is no max, so this asks for nothing: put it into optional_directories",
        ],
    );
    check(r#"{"files": [{"name": "*.csv", "max": 9}, {"name": "*.csv", "min": 2}]}"#, &[]);
}

#[test]
fn alternatives() {
    check_messages(
        r#"{"files": [["a/b", "a"], ["a/b", ""], ["*.gz", "*.nii.gz", "a", "*.gz"]]}"#,
        &[
            "idle: files[0][0]: never matches, so it adds nothing: no name holds a '/': use a \
             nested pattern in directories for what is inside a directory",
            "never: files[1][0]: never matches: no name holds a '/': use a nested pattern in \
             directories for what is inside a directory",
            "never: files[1][1]: never matches: no file has an empty name: name one, or use \"*\" \
             for any file",
            "idle: files[2][1]: the alternative 0 passes every name that this one does: remove this one",
            "idle: files[2][3]: the alternative 0 passes every name that this one does: remove this one",
        ],
    );
    check(
        r#"{"directory_name": ["a", "", "*"]}"#,
        &[("idle", "directory_name[0]"), ("idle", "directory_name[2]")],
    );
    check(
        r#"{"directories": [["a", "a/x"], ["a/{no x}", "a"], ["a", "b", "a"],
            [{"directory_name": ".", "files": ["x"]}, "b"],
            [{"directory_name": "."}, {"directory_name": ".."}]]}"#,
        &[
            ("idle", "directories[1][0]"),
            ("idle", "directories[2][2]"),
            ("idle", "directories[3][0].directory_name"),
            ("never", "directories[4][0].directory_name"),
            ("never", "directories[4][1].directory_name"),
        ],
    );
    check(
        r#"{"directories": [{"directory": ["a", "a"], "min": 0, "max": 2}]}"#,
        &[("idle", "directories[0].directory[1]")],
    );
}

#[test]
fn closed_to_no_purpose() {
    check_messages(
        r#"{"closed": true, "files": ["*.csv"], "optional_files": ["*"], "optional_directories": ["*/x"]}"#,
        &["idle: closed: every file and every directory has a name that is allowed: remove it"],
    );
    check(r#"{"closed": true, "optional_files": ["*"]}"#, &[]);
    check_messages(
        r#"{"closed": true, "files": ["*.csv"], "forbidden_files": ["FAILED", "a.csv", "*.tmp"]}"#,
        &[
            "idle: forbidden_files[0]: the pattern is closed, so this may not be there anyway: remove it",
        ],
    );
}

#[test]
fn what_a_closed_directory_allows_is_not_removed() {
    check_messages(
        r#"{"closed": true, "files": ["a", "*"]}"#,
        &[
            "idle: files[1]: any file that satisfies files[0] satisfies this too: move it to optional_files",
        ],
    );
    let twice = r#""optional_directories": ["d/x"], "forbidden_directories": ["d/x"]"#;
    check(&format!("{{{twice}}}"), &[("idle", "optional_directories[0]")]);
    // It allows a directory without the file.
    check(&format!(r#"{{"closed": true, {twice}}}"#), &[]);
}

#[test]
fn what_is_optional_in_something_forbidden_forbids_nothing_anyway() {
    check_messages(
        r#"{"forbidden_directories": [{"directory_name": "a", "optional_files": [""]}], "optional_directories": [{"directory_name": "b", "forbidden_files": [""]}]}"#,
        &[
            "idle: optional_directories[0].forbidden_files[0]: never matches, so it forbids nothing: no \
             file has an empty name: name one, or use \"*\" for any file",
            "idle: forbidden_directories[0].optional_files[0]: never matches, so it adds nothing: no \
             file has an empty name: name one, or use \"*\" for any file",
        ],
    );
}

#[test]
fn braces_are_literal() {
    check_messages(
        r#"{"files": ["*.{json,yaml}", "{a,b", "x[0-9].{a,b}"], "directory_name": "{a,b,c,d,e}_*"}"#,
        &[
            "idle: directory_name: braces and commas in a glob are literal: for alternatives write \
             [\"a_*\", \"b_*\", \"c_*\", \"d_*\"] in JSON, (\"a_*\", \"b_*\", \"c_*\", \"d_*\") in Python, \
             and a_* | b_* | c_* | d_* in pattern text",
            "idle: files[0]: braces and commas in a glob are literal: for alternatives write \
             [\"*.json\", \"*.yaml\"] in JSON, (\"*.json\", \"*.yaml\") in Python, and *.json | *.yaml in \
             pattern text",
            "idle: files[1]: braces and commas in a glob are literal: for alternatives write [\"a\", \"b\"] \
             in JSON, (\"a\", \"b\") in Python, and a | b in pattern text",
            "idle: files[2]: braces and commas in a glob are literal: for alternatives write [\"a\", \"b\"] \
             in JSON, (\"a\", \"b\") in Python, and a | b in pattern text",
        ],
    );
    check(
        r#"{"optional_files": ["{a,b}"], "forbidden_files": ["{a,b}.c", "d"]}"#,
        &[("idle", "optional_files[0]"), ("idle", "forbidden_files[0]")],
    );
}

#[test]
fn expressions() {
    for regex in [
        "[a&&b]",
        "a[a&&b]?b^",
        "x^a",
        "a$b",
        r"a\\zb",
        "(x^a|[a&&b])",
        "a/b",
        "a|b/",
        r"a\\x00+",
        "(a/)+",
        r"\\.",
        "",
        "()*",
        "^",
        r"\\.\\.",
    ] {
        let json = format!(r#"{{"files": [{{"regex": "{regex}"}}]}}"#);
        let never = !regex.starts_with("a|b");
        assert_eq!(
            places(&json).first().is_some_and(|(severity, _)| severity == "never"),
            never,
            "{regex}"
        );
    }
    for regex in
        [".*", "a^?b", "(^a|b)c", "a(/b)?", "[/a]", r"\\.+", "a*$", r"(?m)a\\n^b", "(a$)?b"]
    {
        let json = format!(r#"{{"files": [{{"regex": "{regex}"}}]}}"#);
        assert!(places(&json).iter().all(|(severity, _)| severity == "idle"), "{json}");
    }
    // The root of a file system has no name.
    check(r#"{"directory_name": {"regex": ".?"}}"#, &[]);
    check_messages(
        r#"{"files": [{"regex": "README"}, {"regex": "^a.*"}, {"regex": ".*b$"}, {"name": {"regex": "[a&&b]"}, "min": 2}]}"#,
        &[
            "idle: files[0]: the expression is a plain name: write it without \"regex\"",
            "idle: files[1]: an expression is held against the whole name: leave out the ^ in front and the $ at the end",
            "idle: files[2]: an expression is held against the whole name: leave out the ^ in front and the $ at the end",
            "never: files[3].name: never matches: it matches nothing",
        ],
    );
}

#[test]
fn hostile_patterns_are_looked_at_soon() {
    let files = |count: usize| (0..count).map(|n| format!("{n}*{n}")).collect::<Vec<_>>();
    let many = FileStructurePattern::builder("*")
        .files(files(5_000))
        .forbidden_files(files(5_001).into_iter().map(|glob| glob + "x"))
        .directory(
            crate::DirectoryRequirement::new(
                files(3000).iter().map(|name| {
                    FileStructurePattern::builder(name).files(files(100)).build().unwrap()
                }),
                crate::Count::new(1, 9).unwrap(),
            )
            .unwrap(),
        )
        .build()
        .unwrap();
    assert_eq!(many.validate(), []);
}
