//! Named cases of counts, alternatives, regular expressions, what is forbidden and `closed`, and
//! of what cannot be told: by listings, by keys and, where there are links, on disk.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use pathvein_core::{ExcludeRules, FileStructurePattern, KeyScan, ListingScan, Name};

type Found = BTreeSet<(String, usize)>;

/// What a name in a listing stands for.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Entered,
    Link,
    NotListed,
    Gone,
}

/// A tree by its entries: `a/b.txt` a file, `a/` a directory. Behind a directory's `/` may
/// stand `->` (a link that is not followed), `!` (it cannot be listed), `?` (its listing broke
/// off) and `-` (it is gone when it is opened).
#[derive(Default)]
struct Tree {
    directories: BTreeMap<String, Vec<(String, Kind)>>,
    files: BTreeMap<String, Vec<String>>,
    broke_off: BTreeSet<String>,
}

impl Tree {
    fn new(entries: &[&str]) -> Tree {
        let mut tree = Tree::default();
        for entry in entries {
            let (path, mark) = match entry.rsplit_once('/') {
                Some((path, mark @ ("->" | "!" | "?" | "-" | ""))) => (path, mark),
                _ => (*entry, "file"),
            };
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            tree.add_parents(parent);
            let kind = match mark {
                "file" => {
                    tree.files.entry(parent.into()).or_default().push(name.into());
                    continue;
                }
                "->" => Kind::Link,
                "!" => Kind::NotListed,
                "-" => Kind::Gone,
                _ => Kind::Entered,
            };
            if mark == "?" {
                tree.broke_off.insert(path.into());
            }
            tree.add(parent, name, kind);
        }
        tree
    }

    fn add_parents(&mut self, path: &str) {
        if !path.is_empty() {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            self.add_parents(parent);
            self.add(parent, name, Kind::Entered);
        }
    }

    fn add(&mut self, parent: &str, name: &str, kind: Kind) {
        let list = self.directories.entry(parent.into()).or_default();
        match list.iter_mut().find(|(other, _)| other == name) {
            Some(known) if kind != Kind::Entered => known.1 = kind,
            Some(_) => {}
            None => list.push((name.into(), kind)),
        }
    }

    /// The scan of it by listings: what matches, what cannot be told, and how many links hide.
    fn scan(&self, patterns: &[FileStructurePattern], max_depth: Option<usize>) -> Answers {
        let mut scan = ListingScan::new(patterns, max_depth).telling_unknown();
        let mut wanted = vec![(scan.source("top"), String::new(), Kind::Entered)];
        let mut listed = BTreeSet::new();
        while let Some((id, path, kind)) = wanted.pop() {
            match kind {
                Kind::NotListed => scan.not_listed(id),
                Kind::Gone => scan.absent(id),
                Kind::Link => scan.not_entered(id),
                Kind::Entered => {
                    listed.insert(path.clone());
                    let below = self.directories.get(&path).cloned().unwrap_or_default();
                    let directories: Vec<(Name<'_>, bool)> = below
                        .iter()
                        .map(|(name, kind)| (Name::from(name), *kind != Kind::Link))
                        .collect();
                    let files = self.files.get(&path).into_iter().flatten().map(Name::from);
                    let found = match self.broke_off.contains(&path) {
                        true => scan.listed_in_part(id, path.clone(), &directories, files),
                        false => scan.listed(id, path.clone(), &directories, files),
                    };
                    for (index, id) in found {
                        let (name, kind) = &below[index];
                        let prefix = if path.is_empty() { "" } else { "/" };
                        wanted.push((id, format!("{path}{prefix}{name}"), *kind));
                    }
                }
            }
        }
        assert!(scan.is_done());
        Answers {
            yes: scan.take_matches().into_iter().collect(),
            unknown: scan.take_unknown().into_iter().collect(),
            hidden_by_links: scan.hidden_by_links(),
            listed,
        }
    }
}

#[derive(Debug, PartialEq)]
struct Answers {
    yes: Found,
    unknown: Found,
    hidden_by_links: usize,
    listed: BTreeSet<String>,
}

fn pattern(text: &str) -> FileStructurePattern {
    FileStructurePattern::from_text(text).unwrap()
}

/// What matches the pattern, and of what that cannot be told.
fn answers(text: &str, entries: &[&str]) -> (Vec<String>, Vec<String>) {
    let Answers { yes, unknown, .. } = Tree::new(entries).scan(&[pattern(text)], None);
    let paths = |found: Found| found.into_iter().map(|(path, _)| path).collect();
    (paths(yes), paths(unknown))
}

/// What matches the pattern, in a tree of which all can be told. Keys say the same, where there
/// are none but files.
fn matching(text: &str, entries: &[&str]) -> Vec<String> {
    let (yes, unknown) = answers(text, entries);
    assert!(unknown.is_empty(), "{unknown:?}");
    if entries.iter().all(|entry| !entry.rsplit('/').next().unwrap().contains(['>', '-', '!'])) {
        assert_eq!(by_keys(text, entries, None), yes, "by keys");
    }
    yes
}

/// What matches the pattern in a tree that is given as keys. It breaks off before a key.
fn by_keys(text: &str, entries: &[&str], broken_at: Option<&str>) -> Vec<String> {
    let mut keys: Vec<&str> = entries.to_vec();
    keys.sort_unstable();
    keys.dedup();
    let (mut scan, range) = KeyScan::new(&[pattern(text)], "top", None, ExcludeRules::default());
    let left = keys.iter().take_while(|key| broken_at.is_none_or(|at| **key < at));
    scan.keys(range, left.copied()).unwrap();
    match broken_at {
        Some(_) => scan.break_off(range),
        None => scan.end(range),
    }
    assert!(scan.is_done());
    let found: BTreeSet<String> = scan.take_matches().into_iter().map(|(path, _)| path).collect();
    found.into_iter().collect()
}

#[test]
fn files_are_counted() {
    let entries = [
        "r0/x", "r1/a.csv", "r2/a.csv", "r2/b.csv", "r3/a.csv", "r3/b.csv", "r3/c.csv", "r4/a.csv",
        "r4/b.csv", "r4/c.csv", "r4/d.csv",
    ];
    assert_eq!(matching("r*/{3+ *.csv}", &entries), ["r3", "r4"]);
    assert_eq!(matching("r*/{2-3 *.csv}", &entries), ["r2", "r3"]);
    assert_eq!(matching("r*/{1 *.csv}", &entries), ["r1"]);
    assert_eq!(matching("r*/{0-1 *.csv}", &entries), ["r0", "r1"]);
    assert_eq!(matching("r*/{no *.csv}", &entries), ["r0"]);
    // One pattern's answer does not depend on what another asks.
    let patterns = ["r*/{3+ *.csv}", "r*/{1 *.csv}", "r*/{2+ *.csv, no d.csv}"].map(pattern);
    let found = Tree::new(&entries).scan(&patterns, None).yes;
    let expected = [("r1", 1), ("r2", 2), ("r3", 0), ("r3", 2), ("r4", 0)];
    assert_eq!(found, expected.map(|(path, number)| (path.to_owned(), number)).into());
}

#[test]
fn alternatives_are_one_test_and_a_file_counts_once() {
    let entries = ["a/x.nii", "b/x.nii.gz", "c/x.txt", "d/x.nii", "d/y.nii.gz"];
    assert_eq!(matching("*/{*.nii | *.nii.gz}", &entries), ["a", "b", "d"]);
    assert_eq!(matching("*/{2 *.nii | *.nii.gz}", &entries), ["d"]);
    // `x.nii` passes both.
    assert_eq!(matching("*/{1 *.nii | x*}", &entries), ["a", "b", "c", "d"]);
    assert_eq!(matching("*/{no *.nii | *.txt}", &entries), ["", "b"]);
}

#[test]
fn a_directory_may_have_one_of_several_names() {
    let entries = ["sub-1/x", "ses-1/x", "run-1/x"];
    assert_eq!(matching("sub-*/ | ses-*/", &entries), ["ses-1", "sub-1"]);
    // And matches once, whatever it passes.
    assert_eq!(matching("sub-*/ | *-1/ | s*/{x}", &entries), ["run-1", "ses-1", "sub-1"]);
    assert_eq!(matching(r"regex:s[eu]\w-\d/", &entries), ["ses-1", "sub-1"]);
}

#[test]
fn regular_expressions_are_held_against_whole_names() {
    let entries = ["a/v1", "b/v1.txt", "c/xv1", "d/V1"];
    assert_eq!(matching(r"*/{regex:v\d}", &entries), ["a"]);
    assert_eq!(matching(r"*/{regex:(?i)v\d}", &entries), ["a", "d"]);
    assert_eq!(matching(r"?/{no regex:.*v.*}", &entries), ["d"]);
    // A name that is not text passes none.
    let mut scan = ListingScan::new(&[pattern("*/{regex:.*}"), pattern("*/{no regex:.*}")], None);
    let source = scan.source("top");
    scan.listed(source, (), &[], [Name::from(&[0x61, 0xDC80][..])]);
    assert_eq!(scan.take_matches(), [((), 1)]);
}

#[test]
fn directories_are_counted_once_for_a_requirement() {
    let entries =
        ["a/s1/x", "a/s2/x", "a/s3/y", "b/s1/x", "b/s2/y", "c/s1/x", "c/s1/y", "d/s1/z", "d/t/x"];
    assert_eq!(matching("[a-d]/{2+ s*/{x}}", &entries), ["a"]);
    assert_eq!(matching("[a-d]/{1 s*/{x}}", &entries), ["b", "c"]);
    assert_eq!(matching("[a-d]/{0-1 s*/{x}}", &entries), ["b", "c", "d"]);
    assert_eq!(matching("[a-d]/{2 s*/{x} | s*/{y}}", &entries), ["b"]);
    // `s1` matches both alternatives, and is one directory.
    assert_eq!(matching("[a-d]/{1 s*/{x} | s*/{y}}", &entries), ["c"]);
    assert_eq!(matching("[a-d]/{t/{} | s*/{y}}", &entries), ["a", "b", "c", "d"]);
}

#[test]
fn more_directories_than_a_word_has_bits_are_asked_for() {
    let texts: Vec<String> = (0..150).map(|number| format!("no d{number}/{{x}}")).collect();
    let text = format!("top/{{2+ d*/{{x}}, {}}}", texts[2..].join(", "));
    assert_eq!(matching(&text, &["d0/x", "d1/x", "d149/y"]), [""]);
    assert!(matching(&text, &["d0/x", "d1/x", "d149/x"]).is_empty());
    assert_eq!(answers(&text, &["d0/x", "d1/x", "d149/!"]), (vec![], vec![String::new()]));
}

#[test]
fn negations_nest() {
    let text = "lab*/{no run_*/{no data/}}";
    let entries = ["lab1/run_1/data/", "lab1/run_2/data/", "lab2/run_1/data/", "lab2/run_2/x"];
    assert_eq!(matching(text, &entries), ["lab1"]);
    assert_eq!(
        matching("lab*/{no run_*/{no data/{no x}}}", &["lab/run_1/data/x"]),
        <[&str; 0]>::default()
    );
    assert_eq!(matching("lab*/{no run_*/{no data/{no x}}}", &["lab/run_1/data/y"]), ["lab"]);
}

#[test]
fn nothing_else_is_allowed_in_a_closed_directory() {
    let text = "r*/{a, optional b*, data/{x}, optional logs/ | tmp*/, nothing else}";
    let entries = [
        "r1/a",
        "r1/data/x",
        "r2/a",
        "r2/bb",
        "r2/data/x",
        "r2/tmp1/",
        "r3/a",
        "r3/c",
        "r3/data/x",
        "r4/a",
        "r4/data/x",
        "r4/other/",
        // By its name `data` is allowed, whatever is in it.
        "r5/a",
        "r5/data/x",
        "r5/logs/x",
        "r6/a",
        "r6/data/y",
    ];
    assert_eq!(matching(text, &entries), ["r1", "r2", "r5"]);
    assert_eq!(matching("r*/{*, optional */, nothing else}", &["r1/x", "r2/d/"]), ["r1"]);
    assert_eq!(matching("r*/{nothing else}", &["r1/", "r2/x", "r3/d/"]), ["r1"]);
    // The names of optional files are part of what it asks: these are two patterns.
    let texts = ["r*/{optional a, nothing else}", "r*/{optional b, nothing else}"].map(pattern);
    let found = Tree::new(&["r1/a", "r2/b"]).scan(&texts, None).yes;
    assert_eq!(found, [("r1".to_owned(), 0), ("r2".to_owned(), 1)].into());
}

#[test]
fn what_is_not_entered_is_certain_and_empty() {
    let text = "r*/{data/{no x}}";
    assert_eq!(answers(text, &["r1/data/->", "r2/data/!", "r3/data/"]).0, ["r1", "r3"]);
    assert_eq!(answers("r*/{data/{nothing else}}", &["r1/data/->"]).0, ["r1"]);
    assert_eq!(answers("r*/{no data/{x}}", &["r1/data/->"]), (vec!["r1".to_owned()], vec![]));
    assert_eq!(matching("r*/{no data/}", &["r1/data/->", "r2/data/-"]), ["r2"]);
    // A name in the listing is there for `nothing else`, whether it is gone later or not.
    assert!(matching("r*/{nothing else}", &["r2/data/-"]).is_empty());
}

#[test]
fn links_count_for_a_minimum_that_they_hide_and_for_no_maximum() {
    let hidden = |text: &str, entries: &[&str]| {
        let Answers { yes, hidden_by_links, .. } = Tree::new(entries).scan(&[pattern(text)], None);
        (yes.len(), hidden_by_links)
    };
    assert_eq!(hidden("r*/{2+ d*/{x}}", &["r1/d1/->", "r1/d2/x"]), (0, 1));
    assert_eq!(hidden("r*/{2+ d*/{x}}", &["r1/d1/->", "r1/e/x"]), (0, 0));
    // Two could be there, and one is certain: that is within the maximum.
    assert_eq!(hidden("r*/{1 d*/{x}}", &["r1/d1/->", "r1/d2/x"]), (1, 0));
    assert_eq!(hidden("r*/{no d*/{x}}", &["r1/d1/->"]), (1, 0));
    assert_eq!(hidden("r*/{d/{x}, no e}", &["r1/d/->", "r2/d/->", "r2/e"]), (0, 1));
    assert_eq!(hidden("r*/{d/{x}, 1 e/}", &["r1/d/->", "r1/e/->"]), (0, 1));
}

#[test]
fn a_listing_that_broke_off_tells_only_what_is_there() {
    let yes = |path: &str| (vec![path.to_owned()], vec![]);
    let unknown = |path: &str| (vec![], vec![path.to_owned()]);
    let no = (vec![], vec![]);
    for (text, entries, expected) in [
        ("r/{a}", &["r/?", "r/a"][..], yes("r")),
        ("r/{2+ a*}", &["r/?", "r/a1", "r/a2"], yes("r")),
        ("r/{2+ a*}", &["r/?", "r/a1"], unknown("r")),
        ("r/{a | b}", &["r/?", "r/b"], yes("r")),
        ("r/{d/{x}}", &["r/?", "r/d/x"], yes("r")),
        ("r/{d/{x}}", &["r/?", "r/d/y"], unknown("r")),
        ("r/{1 a}", &["r/?", "r/a"], unknown("r")),
        ("r/{a, no b}", &["r/?", "r/a"], unknown("r")),
        ("r/{a, no d/}", &["r/?", "r/a"], unknown("r")),
        ("r/{0-2 d*/}", &["r/?"], unknown("r")),
        ("r/{a, nothing else}", &["r/?", "r/a"], unknown("r")),
        // What is there too often is so whatever was not read.
        ("r/{no b}", &["r/?", "r/b"], no.clone()),
        ("r/{1 a*}", &["r/?", "r/a1", "r/a2"], no.clone()),
        ("r/{1 a*, 2+ b*}", &["r/?", "r/a1", "r/b"], unknown("r")),
        ("r/{a, nothing else}", &["r/?", "r/z"], no.clone()),
        ("r/{a, nothing else}", &["r/?", "r/z/"], no.clone()),
        ("r/{no d/}", &["r/?", "r/d/"], no.clone()),
        ("r/{no d/{x}}", &["r/?", "r/d/x"], no.clone()),
        ("r/{no d/{x}}", &["r/?", "r/d/y"], unknown("r")),
        ("r/{no d/{x}}", &["r/?", "r/d/!"], unknown("r")),
        ("r/{1 d*/{x}}", &["r/?", "r/d1/x", "r/d2/x"], no.clone()),
        ("r/{1 d*/{x}}", &["r/?", "r/d1/x", "r/d2/?"], unknown("r")),
        // A directory above counts it for a maximum as if it could not be told, and for no
        // minimum; a third level knows what it would have been.
        ("top/{r/{no b}}", &["r/?", "r/b"], no.clone()),
        ("top/{2+ r*/{no b}}", &["r1/?", "r1/b", "r2/"], no.clone()),
        ("top/{2+ r*/{no b}}", &["r1/?", "r1/a", "r2/"], unknown("")),
        ("top/{no r/{no b}}", &["r/?", "r/b"], unknown("")),
        ("top/{no q/{no r/{no b}}}", &["q/r/?", "q/r/b"], no.clone()),
        ("top/{0-1 q*/{0-1 r*/{no b}}}", &["q1/r1/?", "q1/r1/b", "q1/r2/", "q2/"], no.clone()),
        ("q/{no b}", &["r/?", "r/b"], no.clone()),
        // What is above is whole, and knows that there is a directory of the name.
        ("top/{r/}", &["r/?"], yes("")),
        ("top/{no r/}", &["r/?"], no.clone()),
        ("top/{no r/{a}}", &["r/?", "r/a"], no.clone()),
        ("top/{no r/{a}}", &["r/?"], unknown("")),
        ("top/{1 r*/{a}}", &["r1/?", "r2/a"], unknown("")),
        ("top/{1+ r*/{a}}", &["r1/?", "r2/a"], yes("")),
        ("top/{2+ r*/{a}}", &["r1/?", "r2/a"], unknown("")),
        ("top/{3+ r*/{a}}", &["r1/?", "r2/a"], no.clone()),
        ("top/{0-1 r*/{a}}", &["r1/?", "r2/a", "r3/a"], no.clone()),
        ("top/{0-1 r*/{a} | r*/{b}}", &["r1/?", "r1/b"], yes("")),
        ("top/{no s*/{a}}", &["r1/?"], yes("")),
    ] {
        assert_eq!(answers(text, entries), expected, "{text} {entries:?}");
    }
}

#[test]
fn a_directory_that_cannot_be_listed_decides_what_asks_for_its_inside() {
    // Three levels below what is forbidden.
    let text = "top/{no a/{b/{c/{x}}}}";
    assert_eq!(answers(text, &["a/b/c/!"]), (vec![], vec!["".into()]));
    assert_eq!(answers(text, &["a/b/!"]), (vec![], vec!["".into()]));
    assert_eq!(answers(text, &["a/b/d/!"]), (vec!["".into()], vec![]));
    assert_eq!(answers(text, &["a/b/c/!", "a/b/e/x"]), (vec![], vec!["".into()]));
    // A second negation turns what cannot be told into the same again.
    let text = "top/{no a/{no b/{x}}}";
    assert_eq!(answers(text, &["a/b/!"]), (vec![], vec!["".into()]));
    // What asks for nothing inside is certain.
    assert_eq!(answers("top/{a/}", &["a/!"]), (vec!["".into()], vec![]));
    assert_eq!(answers("top/{0-1 a/}", &["a/!"]), (vec!["".into()], vec![]));
    assert_eq!(answers("top/{a/{no x}}", &["a/!"]), (vec![], vec!["".into()]));
    assert_eq!(answers("top/{a/{nothing else}}", &["a/!"]), (vec![], vec!["".into()]));
    // And so is what holds or fails anyway.
    assert_eq!(answers("top/{1+ a*/{x}}", &["a1/!", "a2/x"]), (vec!["".into()], vec![]));
    assert_eq!(answers("top/{a/{x}, z}", &["a/!"]), (vec![], vec![]));
}

#[test]
fn answers_that_were_kept_are_those_to_the_same_question() {
    // The same names and files, whole or not, one after another.
    let entries = ["r1/a", "r2/?", "r2/a", "r3/a", "r4/?", "r4/a", "r5/!", "r6/a"];
    let (yes, unknown) = answers("r*/{a, no b}", &entries);
    assert_eq!(yes, ["r1", "r3", "r6"]);
    assert_eq!(unknown, ["r2", "r4"]);
    let entries = ["r1/d/x", "r2/?", "r2/d/y", "r3/d/y", "r4/?", "r4/d/x"];
    let (yes, unknown) = answers("r*/{d/{x}}", &entries);
    assert_eq!((yes, unknown), (vec!["r1".into(), "r4".into()], vec!["r2".into()]));
    // Counts that answer the same are one question, those that do not are not.
    let entries = ["r1/a1", "r1/a2", "r2/a1", "r3/a1", "r3/a2", "r3/a3", "r4/"];
    assert_eq!(matching("r*/{2+ a*}", &entries), ["r1", "r3"]);
}

#[test]
fn what_is_below_the_greatest_depth_is_opened_if_it_is_asked_for() {
    let entries = ["r/d/e/x", "r/d/f/g/", "r/h/i/x", "s/d/e/y"];
    let scan = |text: &str| {
        let Answers { yes, listed, .. } = Tree::new(&entries).scan(&[pattern(text)], Some(1));
        let paths: Vec<String> = yes.into_iter().map(|(path, _)| path).collect();
        (paths, listed.into_iter().filter(|path| path.contains('/')).collect::<Vec<_>>())
    };
    let (found, opened) = scan("?/{no d/{e/{x}}}");
    assert_eq!(
        (found, opened),
        (vec!["s".into()], vec!["r/d".into(), "r/d/e".into(), "s/d".into(), "s/d/e".into()])
    );
    let (found, opened) = scan("?/{no h/}");
    assert_eq!((found, opened), (vec!["s".into()], vec![]));
    let (found, opened) = scan("?/{d/{optional e/, nothing else}}");
    assert_eq!((found, opened), (vec!["s".into()], vec!["r/d".into(), "s/d".into()]));
}

#[test]
fn what_is_listed_twice_counts_once() {
    for (text, expected) in [
        ("top/{2+ a*, 1 b}", true),
        ("top/{3+ a*}", false),
        ("top/{1 d*/{x}}", true),
        ("top/{2+ d*/{x}}", false),
    ] {
        let mut scan = ListingScan::new(&[pattern(text)], None);
        let source = scan.source("top");
        let files = ["a1", "b", "a1", "a2", "b", "a2"].map(Name::from);
        let twice = [("d".into(), true), ("d".into(), true)];
        for (_, id) in scan.listed(source, "top", &twice, files) {
            scan.listed(id, "d", &[], ["x".into()]);
        }
        assert!(scan.is_done());
        let found = scan.take_matches().contains(&("top", 0));
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn keys_that_could_not_be_read_are_missing_where_the_range_was_and_where_it_ends() {
    let entries = ["a/x", "b/c/x", "b/d/x", "b/e/x", "f/x"];
    let found = |at| by_keys("*/{x, no y}", &entries, Some(at));
    assert_eq!(found("a/x"), <[&str; 0]>::default());
    assert_eq!(found("b/c/x"), <[&str; 0]>::default());
    assert_eq!(found("b/d/x"), ["a"]);
    assert_eq!(found("b/e/x"), ["a", "b/c"]);
    assert_eq!(found("f/x"), ["a", "b/c", "b/d"]);
    assert_eq!(found("g"), ["a", "b/c", "b/d", "b/e"]);
    // What asks for no more than what is there does not mind.
    assert_eq!(by_keys("*/{x}", &entries, Some("b/d/x")), ["a", "b/c"]);
    // A directory in which a range begins has lost what is before it, too.
    let pattern = [pattern("*/{x, no y}"), pattern("*/{no z/{y}}")];
    let (mut scan, first) = KeyScan::new(&pattern, "top", None, ExcludeRules::default());
    let rest = scan.split(first, "b/d/m").unwrap();
    scan.keys(rest, ["b/d/x", "b/e/x", "f/x"]).unwrap();
    scan.keys(first, ["a/x"]).unwrap();
    scan.break_off(first);
    scan.end(rest);
    let found: Found = scan.take_matches().into_iter().collect();
    let expected = [("b/e", 0), ("b/e", 1), ("f", 0), ("f", 1)];
    assert_eq!(found, expected.map(|(path, number)| (path.to_owned(), number)).into());
    // A range that has ended is not broken off.
    let (mut scan, range) = KeyScan::new(&pattern, "top", None, ExcludeRules::default());
    scan.keys(range, ["a/x"]).unwrap();
    scan.end(range);
    scan.break_off(range);
    assert!(scan.take_matches().contains(&("a".to_owned(), 0)));
}

#[cfg(unix)]
mod on_disk {
    use std::fs;
    use std::path::Path;

    use pathvein_core::{Scan, Stats};

    use super::{common, pattern};

    fn scan(text: &str, entries: &[&str], follow: bool) -> (Vec<String>, Stats) {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().canonicalize().unwrap().join("top");
        fs::create_dir(&source).unwrap();
        common::disk::plant(&source, entries);
        let mut answers = Vec::new();
        for threads in [1, 3] {
            for (portable, untyped) in [(false, false), (true, false), (false, true)] {
                let mut matches = Scan::new(&source, &[pattern(text)])
                    .follow_links(follow)
                    .threads(threads)
                    .leaf_skip(false)
                    .portable_lister(portable)
                    .untyped_lister(untyped)
                    .start()
                    .unwrap();
                let relative = |path: &Path| path.strip_prefix(&source).unwrap().to_owned();
                let found = matches.by_ref().map(|found| relative(found.unwrap().path()));
                let found = found.map(|path| path.to_str().unwrap().to_owned());
                let mut found: Vec<String> = found.collect();
                found.sort();
                let mut stats = matches.stats();
                // How many had something to do is a matter of time.
                stats.threads = 0;
                answers.push((found, stats));
            }
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.pop().unwrap()
    }

    #[test]
    fn links_are_looked_at_where_their_kind_decides() {
        let entries = ["r1/x -> ../z/f", "r2/x -> ../z", "r3/x -> nowhere", "z/f", "r4/y -> ../z"];
        // A broken link is a file, one that leads to a directory is none.
        let (found, stats) = scan("r*/{no x}", &entries, false);
        assert_eq!((&found[..], stats.links_not_followed), (&["r2".into(), "r4".into()][..], 1));
        let (found, stats) = scan("r*/{no x/}", &entries, false);
        assert_eq!(found, ["r1", "r3", "r4"]);
        assert_eq!(stats.links_not_followed, 1);
        let (found, stats) = scan("r*/{0-1 x, nothing else}", &entries, false);
        assert_eq!((&found[..], stats.links_not_followed), (&["r1".into(), "r3".into()][..], 2));
        // Not in the other directories, and not under other names.
        let (found, stats) = scan("r4/{no x}", &entries, false);
        assert_eq!((&found[..], stats.links_not_followed), (&["r4".into()][..], 0));
    }

    #[test]
    fn a_link_that_is_not_followed_is_empty_and_one_that_is_followed_is_not() {
        let entries = ["r1/d -> ../z", "z/x", "r2/d/x", "r3/d/y"];
        let (found, stats) = scan("r*/{no d/{x}}", &entries, false);
        assert_eq!((&found[..], stats.hidden_by_links), (&["r1".into(), "r3".into()][..], 0));
        assert_eq!(scan("r*/{no d/{x}}", &entries, true).0, ["r3"]);
        let (found, stats) = scan("r*/{1 d/{x}}", &entries, false);
        assert_eq!((&found[..], stats.hidden_by_links), (&["r2".into()][..], 1));
        assert_eq!(scan("r*/{1 d/{x}}", &entries, true).0, ["r1", "r2"]);
    }

    #[test]
    fn directories_without_the_ones_that_are_asked_for_are_decided_at_once() {
        let entries = ["r1/a", "r2/d/", "r3/e/x", "r4/e/d/"];
        assert_eq!(scan("r*/{no d/}", &entries, false).0, ["r1", "r3", "r4"]);
        assert_eq!(scan("r*/{no */}", &entries, false).0, ["r1"]);
        // What is decided counts above.
        assert_eq!(scan("top/{3 r*/{no d/}}", &entries, false).0, [""]);
        assert_eq!(scan("top/{no r*/{no d/, no e/}}", &entries, false).0, <[&str; 0]>::default());
        assert_eq!(scan("top/{4 r*/{0-1 d/}}", &entries, false).0, [""]);
        assert_eq!(scan("top/{1 r*/{2+ *}}", &entries, false).0, <[&str; 0]>::default());
    }
}
