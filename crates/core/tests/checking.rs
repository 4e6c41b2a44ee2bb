//! Checks and explanations: what is missing, and what came close. Random trees are in
//! `random.rs`.
#![cfg(unix)]

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use pathvein_core::{
    Answer, Check, Checked, Count, DirectoryRequirement, ErrorKind, ExcludeRules, Explain,
    FileRequirement, FileStructurePattern, FileStructurePatternBuilder, Finding, Findings,
    ListingScan, MAX_LEVELS, Name, Place, Reason, Scan,
};
use tempfile::TempDir;

fn pattern(name: &str) -> FileStructurePatternBuilder {
    FileStructurePattern::builder(name)
}

fn leaf(name: &str, file: &str) -> FileStructurePattern {
    pattern(name).file(file).build().unwrap()
}

/// Makes a tree of these entries; those that end in a slash are directories.
fn tree(entries: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in entries {
        let path = dir.path().join(entry);
        if entry.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
    }
    dir
}

/// What became of each candidate, by its path relative to the source.
fn told(check: Check, source: &Path) -> BTreeMap<String, Checked> {
    let source = source.canonicalize().unwrap();
    let results = check.into_iter().map(|checked| {
        let checked = checked.unwrap();
        let path = checked.path().strip_prefix(&source).unwrap();
        (path.to_str().unwrap().to_string(), checked)
    });
    results.collect()
}

/// A finding in a line: the place, what is there, and what came closest.
fn line(finding: &Finding) -> String {
    let mut line = finding.place.to_string();
    match finding.answer {
        Answer::Met => line += " met",
        Answer::Missing => {}
        Answer::Unknown => line += " unknown",
        Answer::Absent => line += " absent",
    }
    if finding.count > 0 {
        let names: Vec<String> = finding.found.iter().map(ToString::to_string).collect();
        line += &format!(" {}: {}", finding.count, names.join(" "));
    }
    if let Some(closest) = &finding.closest {
        line += &format!(" ({} {}", closest.reason.as_str(), closest.path);
        if let Some(inside) = &closest.inside {
            let empty = if inside.is_empty { ", empty" } else { "" };
            line += &format!(" as {}{empty}: [{}]", inside.alternative, lines(&inside.findings));
        }
        line += ")";
    }
    line
}

fn lines(findings: &Findings) -> String {
    findings.iter().map(line).collect::<Vec<_>>().join(", ")
}

/// What is told of one directory of a tree of these entries, a check of which tells of it
/// alone.
#[track_caller]
fn assert_told(entries: &[&str], asked: FileStructurePatternBuilder, expected: &str) {
    let dir = tree(entries);
    let asked = asked.build().unwrap();
    for threads in [1, 4] {
        let told = told(Check::new(dir.path(), &asked).threads(threads), dir.path());
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(lines(told["run"].findings()), expected);
    }
}

#[test]
fn names_that_all_but_pass() {
    let run = || pattern("run");
    assert_told(&["run/Config.json"], run().file("config.json"), "files[0] (case Config.json)");
    assert_told(&["run/é.csv"], run().file("e\u{301}.csv"), "files[0] (normal form é.csv)");
    assert_told(&["run/a.cvs", "run/b.cvs"], run().file("*.csv"), "files[0] (edit a.cvs)");
    // The nearest kind counts, then the first by name.
    assert_told(
        &["run/conig.json", "run/CONFIG.json"],
        run().file("config.json"),
        "files[0] (case CONFIG.json)",
    );
    let data = || run().directory(leaf("data", "*"));
    assert_told(&["run/Data/x"], data(), "directories[0] (case Data)");
    assert_told(&["run/data"], data(), "directories[0] (file data)");
    assert_told(&["run/log/"], run().file("log"), "files[0] (directory log)");
    // What any name passes has no near name.
    assert_told(&["run/"], run().file("*"), "files[0]");
}

#[test]
fn one_level_down_and_up() {
    let run = || pattern("run").file("config.json");
    assert_told(
        &["run/new/config.json", "run/old/config.json"],
        run(),
        "files[0] (below new/config.json)",
    );
    assert_told(&["config.json", "run/"], run(), "files[0] (above ../config.json)");
    // Nearer ones come first: a name, what is below, what is above.
    assert_told(&["config.json", "run/old/config.json"], run(), "files[0] (below old/config.json)");
    assert_told(
        &["config.json", "run/Config.json", "run/old/config.json"],
        run(),
        "files[0] (case Config.json)",
    );
    assert_told(&["config.json", "run/config.json/"], run(), "files[0] (above ../config.json)");
    // A directory is not in itself.
    assert_told(&["run/"], pattern("run").directory(leaf("run", "x")), "directories[0]");
    let data = pattern("run").directory(leaf("data", "x"));
    assert_told(&["run/old/data/x"], data.clone(), "directories[0] (below old/data)");
    assert_told(&["run/", "data/x"], data, "directories[0] (above ../data)");
}

#[test]
fn how_many_there_are() {
    let three = FileRequirement::new("*.csv", Count::new(3, None).unwrap());
    assert_told(
        &["run/b.csv", "run/a.csv", "run/c.CSV"],
        pattern("run").file(three),
        "files[0] 2: a.csv b.csv (case c.CSV)",
    );
    let one = FileRequirement::new("*.csv", Count::new(0, 1).unwrap());
    let files: Vec<String> = (10..30).map(|number| format!("run/{number}.csv")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let ten = "10.csv 11.csv 12.csv 13.csv 14.csv 15.csv 16.csv 17.csv 18.csv 19.csv";
    assert_told(&files, pattern("run").file(one), &format!("files[0] 20: {ten}"));
    assert_told(
        &["run/FAILED", "run/x"],
        pattern("run").file("x").forbidden_file("FAIL*"),
        "forbidden_files[0] 1: FAILED",
    );
    assert_told(
        &["run/x", "run/y", "run/z/"],
        pattern("run").file("x").closed(true),
        "closed 2: y z",
    );
    let scans = || DirectoryRequirement::new([leaf("s*", "x")], Count::new(2, 3).unwrap()).unwrap();
    assert_told(
        &["run/s1/x", "run/s2/other", "run/t/"],
        pattern("run").directory(scans()),
        "directories[0] 1: s1 (name s2 as 0: [files[0]])",
    );
    assert_told(
        &["run/s1/x", "run/s2/x", "run/s3/x", "run/s4/x"],
        pattern("run").directory(scans()),
        "directories[0] 4: s1 s2 s3 s4",
    );
    assert_told(
        &["run/s1/x", "run/s2/y"],
        pattern("run").forbidden_directory(leaf("s*", "x")),
        "forbidden_directories[0] 1: s1",
    );
}

#[test]
fn the_closest_sub_directory() {
    let data = pattern("d*").files(["alpha", "beta", "gamma"]).build().unwrap();
    let run = || pattern("run").directory(data.clone());
    assert_told(
        &["run/d1/alpha", "run/d2/alpha", "run/d2/beta", "run/d3/beta", "run/d3/gamma"],
        run(),
        "directories[0] (name d2 as 0: [files[2]])",
    );
    assert_told(
        &["run/d1/"],
        run(),
        "directories[0] (name d1 as 0, empty: [files[0], files[1], files[2]])",
    );
    // One of the alternatives is nearer.
    let either = DirectoryRequirement::new([data, leaf("d2", "x")], Count::default()).unwrap();
    assert_told(
        &["run/d1/alpha", "run/d2/beta"],
        pattern("run").directory(either),
        "directories[0] (name d2 as 1: [files[0]])",
    );
}

#[test]
fn links_exclusion_and_depth() {
    let dir = tree(&["elsewhere/x", "run_1/", "run_2/x", "run_2/sub/run_3/"]);
    symlink("../elsewhere", dir.path().join("run_1/data")).unwrap();
    fs::write(dir.path().join("run_1/Config.json"), "").unwrap();
    let run = pattern("run_*").directory(leaf("data", "x")).file("config.json").build().unwrap();
    let check = || Check::new(dir.path(), &run);
    let all = told(check(), dir.path());
    let names: Vec<&str> = all.keys().map(String::as_str).collect();
    assert_eq!(names, ["run_1", "run_2", "run_2/sub/run_3"]);
    assert_eq!(
        lines(all["run_1"].findings()),
        "files[0] (case Config.json), directories[0] (link data as 0: [files[0]])"
    );
    let followed = told(check().follow_links(true), dir.path());
    assert_eq!(lines(followed["run_1"].findings()), "files[0] (case Config.json)");
    let rules = ExcludeRules::new(["Config.json", "run_2/"]).unwrap();
    let excluded = told(check().exclude(rules), dir.path());
    assert_eq!(excluded.len(), 1);
    assert!(lines(excluded["run_1"].findings()).starts_with("files[0], "));
    assert_eq!(told(check().max_depth(1), dir.path()).len(), 2);
    assert_eq!(told(check().max_depth(0), dir.path()).len(), 0);
}

#[test]
fn what_is_asked_inside_is_looked_at_below_the_depth() {
    let dir = tree(&["data/deep/", "Config"]);
    let data = pattern("data").directory(leaf("deep", "x")).build().unwrap();
    let asked = pattern("*").file("config").directory(data).build().unwrap();
    let open = pattern("*").file("Config").build().unwrap();
    let checks = Check::new(dir.path(), &[asked, open]).max_depth(0);
    let checked: Vec<Checked> = checks.into_iter().map(Result::unwrap).collect();
    // Any name passes, and nothing that the first asks for holds.
    assert_eq!(checked.len(), 1);
    assert!(checked[0].is_complete() && checked[0].pattern() == 1);
    fs::write(dir.path().join("config"), "").unwrap();
    let data = pattern("data").directory(leaf("deep", "x")).build().unwrap();
    let asked = pattern("*").file("config").directory(data).build().unwrap();
    let told = told(Check::new(dir.path(), &asked).max_depth(0), dir.path());
    assert_eq!(
        lines(told[""].findings()),
        "directories[0] (name data as 0: [directories[0] (name deep as 0, empty: [files[0]])])"
    );
}

#[test]
fn of_those_of_any_name_only_what_has_something_is_told() {
    let dir = tree(&["a/x", "b/y", "c/z", "d/x", "d/y"]);
    let both = pattern("*").files(["x", "y"]).build().unwrap();
    let told_of = |asked: &FileStructurePattern| -> Vec<String> {
        told(Check::new(dir.path(), asked), dir.path()).into_keys().collect()
    };
    assert_eq!(told_of(&both), ["a", "b", "d"]);
    let none = pattern("*").forbidden_file("z").build().unwrap();
    assert_eq!(told_of(&none), ["", "a", "b", "c", "d"]);
}

#[test]
fn below_what_is_complete_nothing_is_told_of_the_outermost() {
    let dir = tree(&["run_1/x", "run_1/run_2/", "run_3/run_4/x", "run_3/run_4/run_5/"]);
    let run = leaf("run_*", "x");
    for threads in [1, 3] {
        let told = told(Check::new(dir.path(), &run).threads(threads).outermost(true), dir.path());
        let names: Vec<(&str, bool)> =
            told.iter().map(|(name, checked)| (&**name, checked.is_complete())).collect();
        assert_eq!(names, [("run_1", true), ("run_3", false), ("run_3/run_4", true)]);
        assert_eq!(lines(told["run_3"].findings()), "files[0] (below run_4/x)");
    }
}

#[test]
fn stats_count_the_complete_ones() {
    let dir = tree(&["run_1/x", "run_2/", "run_3/x"]);
    let mut check = Check::new(dir.path(), &leaf("run_*", "x")).start().unwrap();
    assert_eq!(check.by_ref().count(), 3);
    assert_eq!((check.stats().matches, check.stats().directories), (2, 4));
}

#[test]
fn large_directories_are_looked_at_bit_by_bit() {
    let dir = tree(&["run/sub/"]);
    for number in 0..10_000 {
        fs::write(dir.path().join(format!("run/{number:05}.csv")), "").unwrap();
    }
    fs::write(dir.path().join("run/Config.json"), "").unwrap();
    fs::write(dir.path().join("run/notes.txt"), "").unwrap();
    let few = FileRequirement::new("*.csv", Count::new(1, 3).unwrap());
    let run = pattern("run").file("config.json").file(few).directory(leaf("sub", "notes.txt"));
    let told = told(Check::new(dir.path(), &run.build().unwrap()), dir.path());
    let findings = told["run"].findings();
    assert_eq!(line(&findings[0]), "files[0] (case Config.json)");
    assert_eq!(findings[1].count, 10_000);
    assert_eq!(findings[1].found[9].to_string(), "00009.csv");
    assert_eq!(
        line(&findings[2]),
        "directories[0] (name sub as 0, empty: [files[0] (above ../notes.txt)])"
    );
}

#[test]
fn an_explanation_tells_of_all() {
    let dir = tree(&["Run/a.csv", "Run/b.csv", "Run/data/x", "Run/other/notes.txt", "Run/z"]);
    let path = dir.path().join("Run");
    let asked = pattern("run")
        .file("*.csv")
        .file("notes.txt")
        .directory(leaf("d*", "x"))
        .optional_file("z")
        .optional_file("README")
        .optional_directory(leaf("other", "notes.txt"))
        .forbidden_file("*.tmp")
        .build()
        .unwrap();
    let (explained, errors) = Explain::new(&path, &asked).explain().unwrap();
    assert!(errors.is_empty() && !explained.is_complete());
    let told: Vec<String> = explained.findings().iter().map(line).collect();
    assert_eq!(
        told,
        [
            "directory_name",
            "files[0] met 2: a.csv b.csv",
            "files[1] (below other/notes.txt)",
            "directories[0] met 1: data (name data as 0: [directory_name met 1: data, files[0] met 1: x])",
            "optional_files[0] met 1: z",
            "optional_files[1] absent",
            "optional_directories[0] met 1: other (name other as 0: [directory_name met 1: other, files[0] met 1: notes.txt])",
            "forbidden_files[0] met",
        ]
    );
    assert_eq!(explained.findings()[7].item, 7);
    let missing = Explain::new(dir.path().join("nothing"), &asked).explain().unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Io);
}

#[test]
fn a_directory_of_which_only_the_name_is_asked_is_called_by_its_name() {
    // On disk nobody enters it, and that is not what there is to tell of it.
    let dir = tree(&["run/data/x"]);
    let asked = pattern("run").directory(pattern("data").build().unwrap()).build().unwrap();
    let expected = "directories[0] met 1: data (name data as 0: [directory_name met 1: data])";
    let (explained, _) = Explain::new(dir.path().join("run"), &asked).explain().unwrap();
    assert_eq!(line(&explained.findings()[1]), expected);
    let mut scan = ListingScan::new(&asked, None).explaining();
    let source = scan.source("run");
    scan.listed(source, (), &[("data".into(), true)], []);
    let checked = scan.take_checked();
    assert_eq!(line(&checked[0].2[1]), expected);
}

#[test]
fn an_explanation_is_complete_if_a_scan_matches() {
    let dir = tree(&["a/x", "a/sub/y", "b/x", "c/"]);
    let asked = pattern("[ab]").file("x").directory(leaf("sub", "y")).build().unwrap();
    for name in ["a", "b", "c"] {
        let path = dir.path().join(name);
        let (explained, _) = Explain::new(&path, &asked).explain().unwrap();
        let matches = Scan::new(&path, &asked).max_depth(0).into_iter().count() == 1;
        assert_eq!(explained.is_complete(), matches, "{name}");
    }
}

/// A pattern that asks twice for the next one, so many levels deep: written out, it has no end.
fn doubled(levels: usize) -> FileStructurePattern {
    let mut asked = leaf("d", "x");
    for _ in 1..levels {
        let twice = [asked.clone(), asked];
        asked = pattern("d").directories(twice).build().unwrap();
    }
    asked
}

#[test]
fn what_repeats_is_told_once() {
    let asked = doubled(MAX_LEVELS);
    let mut scan = ListingScan::new(&asked, None).checking();
    let mut next = Some(scan.source("d"));
    let mut level = 0;
    while let Some(id) = next {
        level += 1;
        let directories: &[(Name<'_>, bool)] =
            if level < MAX_LEVELS { &[("d".into(), true)] } else { &[] };
        next = scan.listed(id, level, directories, []).first().map(|&(_, id)| id);
    }
    let told = scan.take_checked();
    assert_eq!(told.len(), MAX_LEVELS);
    let (_, _, findings) = told.into_iter().find(|(level, ..)| *level == 1).unwrap();
    let (mut seen, mut left) = (HashSet::new(), vec![findings]);
    while let Some(findings) = left.pop() {
        for inside in findings.iter().filter_map(|f| f.closest.as_ref()?.inside.as_ref()) {
            if seen.insert(inside.findings.as_ptr()) {
                left.push(inside.findings.clone());
            }
        }
    }
    assert_eq!(seen.len(), MAX_LEVELS - 1);
}

#[test]
fn deep_trees_that_lack_something_everywhere() {
    // Each level asks for the next, and is waited for by the one above.
    let nested = pattern("d").file("x").directory(leaf("d", "y")).build().unwrap();
    let mut scan = ListingScan::new(&nested, None).checking();
    let mut next = Some(scan.source("d"));
    let (mut level, mut count) = (0, 0);
    while let Some(id) = next {
        let directories: &[(Name<'_>, bool)] =
            if level < 50_000 { &[("d".into(), true)] } else { &[] };
        next = scan.listed(id, level, directories, []).first().map(|&(_, id)| id);
        level += 1;
        count += scan.take_checked().len();
    }
    assert!(scan.is_done());
    assert_eq!(count, 50_001);
}

#[test]
fn sub_directories_that_close_at_the_same_time() {
    let entries: Vec<String> =
        (0..400).map(|number| format!("run/s{number:03}/file {}", 10 * (number % 7))).collect();
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let dir = tree(&entries);
    let scan = pattern("s*").files(["file 0", "file 100", "file 200"]).build().unwrap();
    let scans = DirectoryRequirement::new([scan], Count::new(2, None).unwrap()).unwrap();
    let run = pattern("run").directory(scans).build().unwrap();
    for _ in 0..20 {
        let told = told(Check::new(dir.path(), &run).threads(8), dir.path());
        assert_eq!(
            lines(told["run"].findings()),
            "directories[0] (name s000 as 0: [files[1], files[2]])"
        );
    }
}

#[test]
fn a_listing_that_breaks_off_leaves_unknown_what_may_be_there() {
    let asked = pattern("run").file("x").file("y").forbidden_file("z").build().unwrap();
    let mut scan = ListingScan::new(&asked, None).checking();
    let source = scan.source("run");
    scan.listed_in_part(source, "run", &[], ["x".into(), "z".into()]);
    let (_, _, findings) = scan.take_checked().remove(0);
    assert!(!findings.is_complete());
    assert_eq!(lines(&findings), "files[1] unknown (unreadable .), forbidden_files[0] 1: z");
    assert_eq!((findings.missing().count(), findings.unknown().count()), (1, 1));
    assert_eq!(findings[0].place, Place::File(1));
    let reason = findings[0].closest.as_ref().map(|closest| closest.reason);
    assert_eq!(reason, Some(Reason::Unreadable));
}

#[test]
fn what_any_number_satisfies_is_not_counted() {
    for text in ["run/{0+ a/}", "run/{0+ a/, a/}"] {
        let asked = FileStructurePattern::from_text(text).unwrap();
        let mut scan = ListingScan::new(&asked, None).explaining();
        let source = scan.source("run");
        for (_, below) in scan.listed(source, "run", &[("a".into(), true)], []) {
            scan.listed(below, "a", &[], []);
        }
        let (_, _, findings) = scan.take_checked().remove(0);
        assert_eq!((findings[1].answer, findings[1].count), (Answer::Met, 0), "{text}");
    }
}

#[test]
fn links_one_level_up_and_down_are_looked_at() {
    for (at, expected) in [("run/old/x.txt", "below old/x.txt"), ("x.txt", "above ../x.txt")] {
        let dir = tree(&["run/old/", "run/real"]);
        symlink(dir.path().join("run/real"), dir.path().join(at)).unwrap();
        let asked = pattern("run").file("x.txt").build().unwrap();
        let told = told(Check::new(dir.path(), &asked), dir.path());
        assert_eq!(lines(told["run"].findings()), format!("files[0] ({expected})"));
    }
}
