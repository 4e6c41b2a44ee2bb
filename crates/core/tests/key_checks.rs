//! Named cases of checks that are fed with keys: their order, ranges, and what is not read.

use pathvein_core::{
    Answer, ExcludeRules, FileStructurePattern, Finding, Findings, KeyScan, RangeId,
};

fn check(text: &str, max_depth: Option<usize>) -> (KeyScan, RangeId) {
    let pattern = FileStructurePattern::from_text(text).unwrap();
    let (scan, range) = KeyScan::new(&[pattern], "top", max_depth, ExcludeRules::default());
    (scan.checking(), range)
}

/// A finding in a word: its place, the answer, the names that count and what came closest.
fn word(finding: &Finding) -> String {
    let answer = match finding.answer {
        Answer::Met => "met",
        Answer::Missing => "missing",
        Answer::Unknown => "unknown",
        Answer::Absent => "absent",
    };
    let mut word = format!("{} {answer}", finding.place);
    for name in &finding.found {
        word += &format!(" {name}");
    }
    if let Some(closest) = &finding.closest {
        word += &format!(" ({} {}", closest.reason.as_str(), closest.path);
        if let Some(inside) = &closest.inside {
            word += &format!(": {}", words(&inside.findings).join(", "));
        }
        word += ")";
    }
    word
}

fn words(findings: &Findings) -> Vec<String> {
    findings.iter().map(word).collect()
}

fn told(scan: &mut KeyScan) -> Vec<(String, Vec<String>)> {
    let checked = scan.take_checked().into_iter();
    checked.map(|(path, _, findings)| (path, words(&findings))).collect()
}

/// What is told of keys that all come in one range.
fn of_keys(text: &str, keys: &[&str]) -> Vec<(String, Vec<String>)> {
    let (mut scan, range) = check(text, None);
    scan.keys(range, keys.iter().copied()).unwrap();
    scan.end(range);
    told(&mut scan)
}

fn row(path: &str, words: &[&str]) -> (String, Vec<String>) {
    (path.to_owned(), words.iter().map(|word| (*word).to_owned()).collect())
}

#[test]
fn files_may_come_after_sub_directories() {
    let text = "run_*/{z.json, data/{*.parquet}, log/{x}}";
    let keys = ["run_1/data/a.txt", "run_1/log/x", "run_1/z.json", "run_2/Z.json"];
    let expected = [
        row("run_1", &["directories[0] missing (name data: files[0] missing)"]),
        row(
            "run_2",
            &["files[0] missing (case Z.json)", "directories[0] missing", "directories[1] missing"],
        ),
    ];
    assert_eq!(of_keys(text, &keys), expected);
    // In ranges side by side, the last one first.
    let (mut scan, first) = check(text, None);
    let rest = scan.split(first, "run_1/m").unwrap();
    scan.keys(rest, ["run_1/z.json", "run_2/Z.json"]).unwrap();
    scan.end(rest);
    scan.keys(first, ["run_1/data/a.txt", "run_1/log/x"]).unwrap();
    let mut found = told(&mut scan);
    scan.end(first);
    found.extend(told(&mut scan));
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn the_closest_sub_directory_lacks_the_fewest() {
    let text = "run/{d*/{a, b, c}}";
    let keys = ["run/d1/a", "run/d2/a", "run/d2/b", "run/d3/b", "run/d3/c", "run/e/a"];
    let closest = "directories[0] missing (name d2: files[2] missing (edit a))";
    assert_eq!(of_keys(text, &keys), [row("run", &[closest])]);
    // How many there are is counted, of which one does not count.
    let keys = ["run/d1/a", "run/d1/b", "run/d2/b"];
    let short = "directories[0] missing d1 (name d2: files[0] missing (edit b))";
    assert_eq!(of_keys("run/{2+ d*/{a}}", &keys), [row("run", &[short])]);
    let many = "forbidden_directories[0] missing d1 d2";
    assert_eq!(of_keys("run/{no d*/{b}}", &keys), [row("run", &[many])]);
}

#[test]
fn the_wrong_directory() {
    let text = "run_*/{config.json}";
    let below = "files[0] missing (below old/config.json)";
    let keys = ["run_1/new/config.json.bak", "run_1/old/config.json"];
    assert_eq!(of_keys(text, &keys), [row("run_1", &[below])]);
    let above = "files[0] missing (above ../config.json)";
    assert_eq!(of_keys(text, &["config.json", "run_1/x"]), [row("run_1", &[above])]);
    // One that comes later is not waited for.
    assert_eq!(
        of_keys("run_*/{z.json}", &["run_1/x", "z.json"]),
        [row("run_1", &["files[0] missing"])]
    );
}

#[test]
fn what_was_not_read_is_unknown() {
    let text = "run_*/{a.csv, 1 bb*, no FAILED, no bad/{x}}";
    let (mut scan, range) = check(text, None);
    scan.keys(range, ["run_1/FAILED", "run_1/a.csv", "run_2/bb1", "run_2/bb2"]).unwrap();
    scan.break_off(range);
    let here = "(unreadable .)";
    let expected = [
        row("run_1", &["files[1] missing", "forbidden_files[0] missing FAILED"]),
        row(
            "run_2",
            &[
                &format!("files[0] unknown {here}"),
                "files[1] missing bb1 bb2",
                "forbidden_files[0] unknown",
                "forbidden_directories[0] unknown",
            ],
        ),
    ];
    assert_eq!(told(&mut scan), expected);
    // Keys may be missing anywhere.
    let (mut scan, range) = check("run_*/{a.csv, no FAILED, no bad/{x}}", None);
    scan.distrust();
    scan.keys(range, ["run_1/a.csv", "run_2/a.csv", "run_2/bad/x"]).unwrap();
    scan.end(range);
    let unknown = "forbidden_files[0] unknown";
    let expected = [
        row("run_1", &[unknown, "forbidden_directories[0] unknown"]),
        row("run_2", &[unknown, "forbidden_directories[0] missing bad"]),
    ];
    assert_eq!(told(&mut scan), expected);
    // A key that is no path.
    let found = of_keys("run_*/{no FAILED}", &["run_1/./x", "run_2/x"]);
    assert_eq!(found, [row("run_1", &[unknown]), row("run_2", &[])]);
}

#[test]
fn prefixes_and_depths() {
    let text = "run_*/{data/{a}, log/}";
    let (mut scan, range) = check(text, Some(1));
    assert!(scan.prefix(range, "run_1/").unwrap());
    assert!(scan.prefix(range, "run_1/data/").unwrap());
    assert!(!scan.prefix(range, "run_1/log/").unwrap());
    assert!(!scan.prefix(range, "run_1/other/").unwrap());
    scan.end(range);
    let empty = "directories[0] missing (name data: files[0] missing)";
    assert_eq!(told(&mut scan), [row("run_1", &[empty])]);
}

#[test]
fn the_outermost() {
    let text = "*/{a}";
    let keys = ["x/a", "x/y/b", "z/a1", "z/y/a"];
    let of_all = |outermost: bool| {
        let (scan, range) = check(text, None);
        let mut scan = scan.outermost(outermost);
        scan.keys(range, keys).unwrap();
        scan.end(range);
        let mut paths: Vec<_> = scan.take_checked();
        paths.sort_by(|one, other| one.0.cmp(&other.0));
        let complete = |findings: &Findings| findings.is_complete();
        paths.into_iter().map(|(path, _, told)| (path, complete(&told))).collect::<Vec<_>>()
    };
    let found = |all: &[(&str, bool)]| -> Vec<(String, bool)> {
        all.iter().map(|(path, is)| ((*path).to_owned(), *is)).collect()
    };
    // Any name will do: only directories at which something holds are told of.
    assert_eq!(of_all(false), found(&[("x", true), ("z/y", true)]));
    assert_eq!(of_all(true), found(&[("x", true), ("z/y", true)]));
    // A candidate below a complete directory is not told of.
    let of_runs = |outermost: bool| {
        let (scan, range) = check("r*/{a}", None);
        let mut scan = scan.outermost(outermost);
        scan.keys(range, ["r1/a", "r1/r2/b", "r3/r4/b"]).unwrap();
        scan.end(range);
        let mut paths: Vec<String> = scan.take_checked().into_iter().map(|told| told.0).collect();
        paths.sort();
        paths
    };
    assert_eq!(of_runs(false), ["r1", "r1/r2", "r3", "r3/r4"]);
    assert_eq!(of_runs(true), ["r1", "r3", "r3/r4"]);
}

#[test]
fn names_of_a_large_directory_are_looked_at_as_they_come() {
    // More than are kept at a time: the nearest is among the first.
    let mut keys = vec!["run/aconfig.json".to_owned(), "run/conf".to_owned()];
    keys.extend((0..10_000).map(|number| format!("run/x{number:05}")));
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let found = of_keys("run/{config.json, no x*}", &keys);
    let [(path, words)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(path, "run");
    assert_eq!(words[0], "files[0] missing (edit aconfig.json)");
    assert!(words[1].starts_with("forbidden_files[0] missing x00000 x00001 x00002"));
    assert_eq!(words[1].split(' ').count(), 12);
}

#[test]
fn what_holds_without_any_key_is_told_once() {
    for text in ["*", "top", "top/{no x}"] {
        let (scan, range) = check(text, Some(0));
        let mut scan = scan.outermost(true).checking();
        scan.end(range);
        assert_eq!(told(&mut scan), [row("", &[])], "{text}");
    }
}
