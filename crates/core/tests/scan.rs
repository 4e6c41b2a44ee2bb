//! Named cases of scans of real trees, by both listers.
#![cfg(unix)]

#[path = "common/child.rs"]
mod child;
mod common;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{ErrorKind as IoErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use common::disk::plant;
use common::reference;
use pathvein_core::{
    Error, ErrorKind, ExcludeRules, FileStructurePattern, KeyScan, ListingScan, Match, NameDecoder,
    NameGlob, Operation, PatternSet, Scan, Stats, Walk,
};
use tempfile::TempDir;

type Pattern = FileStructurePattern;

/// A pattern with a name, files and sub-patterns.
fn pattern<const F: usize, const D: usize>(
    name: &str,
    files: [&str; F],
    directories: [Pattern; D],
) -> Pattern {
    Pattern::builder(name).files(files).directories(directories).build().unwrap()
}

fn named(name: &str) -> Pattern {
    pattern(name, [], [])
}

/// A tree whose source is called `source`, and is alone in its directory.
fn tree(entries: &[&str]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().canonicalize().unwrap().join("source");
    fs::create_dir(&source).unwrap();
    plant(&source, entries);
    (dir, source)
}

/// The results of a scan, with paths relative to `root`, in order.
fn run(scan: Scan, root: &Path) -> (Vec<(String, usize)>, Vec<Error>, Stats) {
    let mut matches = scan.start().unwrap();
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for result in &mut matches {
        match result {
            Ok(found_one) => {
                let path = found_one.path().strip_prefix(root).unwrap();
                found.push((path.to_str().unwrap().to_owned(), found_one.pattern()));
            }
            Err(error) => errors.push(error),
        }
    }
    found.sort();
    errors.sort_by_key(|error| error.path().map(Path::to_path_buf));
    (found, errors, matches.stats())
}

/// Checks that both listers find this, without errors, and list so many directories, or tell
/// from outside that it need not be.
#[track_caller]
fn check(scan: &Scan, root: &Path, expected: &[(&str, usize)], directories: usize) {
    for portable in [false, true] {
        let (found, errors, stats) = run(scan.clone().portable_lister(portable), root);
        let found: Vec<(&str, usize)> = found.iter().map(|(path, i)| (&**path, *i)).collect();
        assert!(errors.is_empty(), "portable {portable}: {errors:?}");
        assert_eq!(found, expected, "portable {portable}");
        let visited = stats.directories + stats.skipped;
        assert_eq!(visited, directories, "portable {portable}: directories visited");
        assert_eq!((stats.matches, stats.errors), (found.len(), 0));
    }
}

/// Checks that both listers give errors for these paths.
#[track_caller]
fn check_errors(scan: &Scan, root: &Path, expected: &[(&str, ErrorKind, Operation)]) {
    for portable in [false, true] {
        let (_, errors, stats) = run(scan.clone().portable_lister(portable), root);
        let paths: Vec<_> = errors
            .iter()
            .map(|error| {
                let path = error.path().unwrap().strip_prefix(root).unwrap().to_str().unwrap();
                (path, error.kind(), error.operation().unwrap())
            })
            .collect();
        assert_eq!(paths, expected, "portable {portable}");
        assert_eq!(stats.errors, expected.len());
        for error in &errors {
            if let Some(error) = error.io_error() {
                assert!(error.raw_os_error().is_some(), "{error:?} has lost its number");
            }
        }
    }
}

fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

#[test]
fn requirements_look_inside() {
    let (_dir, root) = tree(&[
        "run_1/config.json",
        "run_1/data/a.parquet",
        "run_2/config.json",
        "run_2/data/raw/b.parquet",
        "run_3/data/c.parquet",
        "run_4/config.json",
        "run_4/data",
        "deep/er/run_5/config.json",
        "deep/er/run_5/data/d.parquet",
    ]);
    let data = pattern("data", ["*.parquet"], []);
    let run = pattern("run_*", ["config.json"], [data.clone()]);
    let scan = Scan::new(&root, &[run, data]);
    let expected = [
        ("deep/er/run_5", 0),
        ("deep/er/run_5/data", 1),
        ("run_1", 0),
        ("run_1/data", 1),
        ("run_3/data", 1),
    ];
    check(&scan, &root, &expected, 13);
}

#[test]
fn each_requirement_has_to_be_met_and_one_entry_may_meet_several() {
    let (_dir, root) = tree(&["a/x/f", "a/y/g", "b/x/f", "b/x/g", "c/x/f"]);
    let both = pattern("?", [], [pattern("*", ["f"], []), pattern("*", ["g"], []), named("[xy]")]);
    check(&Scan::new(&root, &[both]), &root, &[("a", 0), ("b", 0)], 8);
    let twice = pattern("?", [], [pattern("x", ["f", "?"], []), pattern("x", ["?", "f"], [])]);
    check(&Scan::new(&root, &[twice]), &root, &[("a", 0), ("b", 0), ("c", 0)], 8);
}

#[test]
fn a_requirement_is_met_by_one_directory_wholly() {
    // One child has the file, another the sub-directory.
    let (_dir, root) = tree(&["a/x1/f", "a/x2/d/", "b/x/f", "b/x/d/"]);
    let whole = pattern("?", [], [pattern("x*", ["f"], [named("d")])]);
    check(&Scan::new(&root, &[whole]), &root, &[("b", 0)], 8);
}

#[test]
fn requirements_reach_through_levels_but_do_not_skip_any() {
    let (_dir, root) = tree(&["a/b/c/d/f", "x/a/c/d/f", "y/a/b/q/c/d/f"]);
    let d = pattern("d", ["f"], []);
    let chain = pattern("a", [], [pattern("b", [], [pattern("c", [], [d])])]);
    check(&Scan::new(&root, &[chain]), &root, &[("a", 0)], 15);
}

#[test]
fn the_same_pattern_at_every_level() {
    let (_dir, root) = tree(&["a/a/a/a/", "a/b/a/"]);
    let one = named("a");
    let two = pattern("a", [], [one.clone()]);
    let three = pattern("a", [], [two.clone()]);
    let scan = Scan::new(&root, &[three, two, one]);
    let expected = [
        ("a", 0),
        ("a", 1),
        ("a", 2),
        ("a/a", 0),
        ("a/a", 1),
        ("a/a", 2),
        ("a/a/a", 1),
        ("a/a/a", 2),
        ("a/a/a/a", 2),
        ("a/b/a", 2),
    ];
    check(&scan, &root, &expected, 7);
}

#[test]
fn an_empty_directory_can_match_and_satisfy() {
    let (_dir, root) = tree(&["a/empty/", "b/", "c/empty"]);
    let outer = pattern("?", [], [named("empty")]);
    let scan = Scan::new(&root, &[named("empty"), outer, Pattern::default()]);
    let expected =
        [("", 2), ("a", 1), ("a", 2), ("a/empty", 0), ("a/empty", 2), ("b", 2), ("c", 2)];
    check(&scan, &root, &expected, 5);
}

#[test]
fn the_source_is_a_candidate() {
    let (_dir, root) = tree(&["f", "source/g"]);
    let scan = Scan::new(&root, &[pattern("source", ["f"], []), named("s*"), named("S*")]);
    check(&scan, &root, &[("", 0), ("", 1), ("source", 1)], 2);
}

#[test]
fn files_are_no_directories_and_the_other_way_round() {
    let (_dir, root) = tree(&["a/x/", "b/x", "c/.hidden"]);
    let file = pattern("?", ["x"], []);
    let directory = pattern("?", [], [named("x")]);
    let hidden = pattern("*", ["*dden"], []);
    let scan = Scan::new(&root, &[file, directory, hidden]);
    check(&scan, &root, &[("a", 1), ("b", 0), ("c", 2)], 5);
}

#[test]
fn sockets_and_broken_links_are_files() {
    let (_dir, root) = tree(&[
        "a/file",
        "a/nowhere -> missing",
        "a/circle -> circle",
        "a/through -> file/x",
        "a/to_file -> file",
        "a/inner/",
        "a/to_directory -> inner",
        "a/twice -> to_directory",
    ]);
    let _socket = std::os::unix::net::UnixListener::bind(root.join("a/socket")).unwrap();
    let files = ["nowhere", "circle", "through", "to_file", "socket"];
    let directories = ["to_directory", "twice"].map(named);
    let all = pattern("a", files, directories);
    let not = ["to_directory", "twice"].map(|name| pattern("a", [name], []));
    check(&Scan::new(&root, &[&[all][..], &not].concat()), &root, &[("a", 0)], 3);
}

/// A number, `None`, or 0 where that is the default.
#[test]
fn options_are_said_plainly() {
    let (_dir, root) = tree(&["a/b/"]);
    let all = [("", 0), ("a", 0), ("a/b", 0)];
    let scan = Scan::new(&root, &Pattern::default());
    check(&scan.clone().threads(2).max_depth(1), &root, &all[..2], 2);
    check(&scan.clone().threads(0).max_depth(0), &root, &all[..1], 1);
    let (threads, depth) = (Some(3), Some(2));
    check(&scan.clone().threads(threads).max_depth(depth), &root, &all, 3);
    check(&scan.threads(None).max_depth(None).decode_names(None), &root, &all, 3);
    let walked = |walk: Walk| walk.into_iter().filter(Result::is_ok).count();
    assert_eq!(walked(Walk::new(&root).threads(0).max_depth(1)), 2);
    assert_eq!(walked(Walk::new(&root).threads(None).max_depth(None).decode_names(None)), 3);
    let any_name = Pattern::builder("a").directory_name(None).build().unwrap();
    assert_eq!(any_name, Pattern::builder("a").any_name().build().unwrap());
}

#[test]
fn a_set_of_patterns_serves_many_scans() {
    let (_dir, root) = tree(&["a/f", "b/"]);
    let (_other_dir, other) = tree(&["b/f"]);
    let patterns = vec![named("b"), pattern("*", ["f"], []), named("b")];
    let set = PatternSet::new(&patterns);
    assert_eq!(set.patterns(), patterns);
    for _ in 0..2 {
        check(&Scan::new(&root, &set), &root, &[("a", 1), ("b", 0)], 3);
        check(&Scan::new(&other, &set), &other, &[("b", 0), ("b", 1)], 2);
    }
    // The same at the same time; and each way to give patterns.
    let scans: Vec<_> = (0..4).map(|_| Scan::new(&root, &set).start().unwrap()).collect();
    assert!(scans.into_iter().all(|scan| scan.count() == 2));
    for scan in [
        Scan::new(&root, set.clone()),
        Scan::new(&root, &patterns),
        Scan::new(&root, &patterns[..]),
        Scan::new(&root, &[named("b"), pattern("*", ["f"], [])]),
    ] {
        check(&scan, &root, &[("a", 1), ("b", 0)], 3);
    }
    let mut listing: ListingScan<()> = ListingScan::new(&set, None);
    let source = listing.source("b");
    listing.listed(source, (), &[], ["f".into()]);
    let found: BTreeSet<_> = listing.take_matches().into_iter().map(|(_, index)| index).collect();
    assert_eq!(found, BTreeSet::from([0, 1]));
    let (mut keys, range) = KeyScan::new(set, "b", None, ExcludeRules::default());
    keys.keys(range, ["f"]).unwrap();
    keys.end(range);
    let found: BTreeSet<_> = keys.take_matches().into_iter().map(|(_, index)| index).collect();
    assert_eq!(found, BTreeSet::from([0, 1]));
}

/// What a scan says of matches that links hide: by both listers, and not if they are followed.
#[track_caller]
fn check_hidden(scan: &Scan, root: &Path, expected: usize) {
    for portable in [false, true] {
        let (_, _, stats) = run(scan.clone().portable_lister(portable), root);
        assert_eq!(stats.hidden_by_links, expected, "portable {portable}");
        let (_, _, stats) = run(scan.clone().portable_lister(portable).follow_links(true), root);
        assert_eq!(stats.hidden_by_links, 0, "portable {portable}, followed");
    }
}

#[test]
fn matches_that_links_hide_are_counted() {
    let (_dir, root) = tree(&[
        "real/t1.nii",
        "sub-1/ses-1/anat -> ../../real",
        "sub-2/ses-1/anat/t1.nii",
        "sub-2/ses-2/anat/t2.txt",
        "sub-2/ses-2/anat2 -> ../../real",
        "sub-3/ses-1/anat -> nowhere",
        "sub-3/ses-1/anat3 -> ../../real/t1.nii",
        "sub-4/ses-1/anat/t1.nii",
        "sub-4/ses-1/anat4 -> ../../real",
    ]);
    let anat = pattern("anat*", ["*.nii"], []);
    let ses = pattern("ses-*", [], [anat.clone()]);
    let scan = |patterns: &[Pattern]| Scan::new(&root, patterns);
    // sub-1/ses-1 and sub-2/ses-2; in sub-4 the link is not needed.
    check_hidden(&scan(std::slice::from_ref(&ses)), &root, 2);
    // Through a level that is there: only sub-1, as sub-2 has another session.
    let sub = pattern("sub-*", [], [ses.clone()]);
    check_hidden(&scan(&[sub.clone(), sub, ses.clone()]), &root, 3);
    // Patterns that require the same, and are two all the same.
    let other = ses.clone().into_builder().optional_file("notes.txt").build().unwrap();
    check_hidden(&scan(&[ses.clone(), other]), &root, 4);
    // Something else is missing, too.
    let with_file = pattern("ses-*", ["README"], [anat.clone()]);
    let with_other = pattern("ses-*", [], [anat.clone(), named("func")]);
    check_hidden(&scan(&[with_file, with_other]), &root, 0);
    // The name of the link is enough, or is another.
    let by_name = pattern("ses-*", [], [named("anat*")]);
    let other = pattern("ses-*", [], [pattern("func", ["*"], [])]);
    check_hidden(&scan(&[by_name, other]), &root, 0);
    // The link is no match itself. A match may not start so deep, or the link is excluded.
    check_hidden(&scan(std::slice::from_ref(&anat)), &root, 0);
    check_hidden(&scan(std::slice::from_ref(&ses)).max_depth(1), &root, 0);
    let rules = ExcludeRules::new(["sub-1/*/anat/"]).unwrap();
    check_hidden(&scan(&[ses]).exclude(rules), &root, 1);
}

#[test]
fn what_many_requirements_find_behind_links() {
    // More than the bits of one word.
    let names: Vec<String> = (0..150).map(|number| format!("d{number}")).collect();
    let (_dir, root) = tree(&["real/f", "a/", "b/"]);
    for (index, name) in names.iter().enumerate() {
        plant(&root, &[&format!("a/{name} -> ../real")]);
        match index {
            70 => plant(&root, &[&format!("b/{name} -> ../real")]),
            _ => plant(&root, &[&format!("b/{name}/f")]),
        }
    }
    let all = names.iter().map(|name| pattern(name, ["f"], []));
    let all = Pattern::builder("[abc]").directories(all).build().unwrap();
    let one = pattern("b", [], [pattern("d70", ["f"], [])]);
    check_hidden(&Scan::new(&root, &[all, one]), &root, 3);
    let missing = names.iter().map(|name| pattern(name, ["f"], [])).chain([named("missing")]);
    let missing = Pattern::builder("[abc]").directories(missing).build().unwrap();
    check_hidden(&Scan::new(&root, &[missing]), &root, 0);
}

#[test]
fn links_are_there_by_name_unless_followed() {
    let (_dir, root) = tree(&["real/f", "a/link -> ../real", "link2 -> a/link"]);
    let by_name = pattern("*", [], [named("link*")]);
    let inside = pattern("*", [], [pattern("link*", ["f"], [])]);
    let scan = Scan::new(&root, &[by_name, inside, pattern("*", ["f"], []), named("link*")]);
    check(&scan, &root, &[("", 0), ("a", 0), ("real", 2)], 3);
    let (_, _, stats) = run(scan.clone(), &root);
    assert_eq!((stats.links_not_followed, stats.entries), (2, 5));
    let expected = [
        ("", 0),
        ("", 1),
        ("a", 0),
        ("a", 1),
        ("a/link", 2),
        ("a/link", 3),
        ("link2", 2),
        ("link2", 3),
        ("real", 2),
    ];
    let scan = scan.follow_links(true);
    check(&scan, &root, &expected, 5);
    assert_eq!(run(scan, &root).2.links_not_followed, 0);
}

#[test]
fn loops_of_every_length() {
    let (_dir, root) = tree(&[
        "a/b/c/self -> .",
        "a/b/c/parent -> ..",
        "a/b/c/above -> ../..",
        "a/b/c/source -> ../../..",
        "a/b/c/leaf/",
    ]);
    // A loop is present by name, with nothing inside.
    let four = ["self", "parent", "above", "source"];
    let by_name = pattern("c", [], four.map(named));
    let inside = four.map(|name| pattern("c", [], [pattern(name, [], [named("*")])]));
    let whatever = four.map(named);
    let patterns = [&[by_name.clone()][..], &inside, &whatever].concat();
    let scan = Scan::new(&root, &patterns).follow_links(true);
    let at = |name| (name, ErrorKind::Loop, Operation::FollowLink);
    let loops = [at("a/b/c/above"), at("a/b/c/parent"), at("a/b/c/self"), at("a/b/c/source")];
    check_errors(&scan, &root, &loops);
    for portable in [false, true] {
        let (found, errors, stats) = run(scan.clone().portable_lister(portable), &root);
        // The source is called `source`.
        assert_eq!(found, [("".into(), 8), ("a/b/c".into(), 0)]);
        let ancestors: Vec<_> = errors.iter().map(|e| e.loop_ancestor().unwrap()).collect();
        let a = root.join("a");
        assert_eq!(ancestors, [&*a, &a.join("b"), &a.join("b/c"), &*root]);
        assert_eq!(stats.directories, 5);
    }
    // A loop is not opened if no pattern asks for its inside.
    let scan = Scan::new(&root, &[by_name]).follow_links(true).max_depth(3);
    check(&scan, &root, &[("a/b/c", 0)], 4);
}

#[test]
fn links_between_two_directories() {
    let (_dir, root) = tree(&["a/to_b -> ../b", "b/to_a -> ../a", "a/f"]);
    let scan = Scan::new(&root, &[named("to_*"), pattern("*", ["f"], [])]).follow_links(true);
    let at = |name| (name, ErrorKind::Loop, Operation::FollowLink);
    check_errors(&scan, &root, &[at("a/to_b/to_a"), at("b/to_a/to_b")]);
    let (found, _, _) = run(scan, &root);
    let expected = [("a", 1), ("a/to_b", 0), ("b/to_a", 0), ("b/to_a", 1)];
    assert_eq!(found, expected.map(|(path, index)| (path.to_owned(), index)));
}

#[test]
fn a_link_to_above_the_source_ends() {
    // The source is visited again below the link, as a plain directory. The link in it is
    // the loop.
    let (_dir, root) = tree(&["x/up -> ../.."]);
    let scan = Scan::new(&root, &[named("x"), named("up")]).follow_links(true);
    let error = ("x/up/source/x/up", ErrorKind::Loop, Operation::FollowLink);
    check_errors(&scan, &root, &[error]);
    let expected = [("x", 0), ("x/up", 1), ("x/up/source/x", 0)];
    assert_eq!(run(scan, &root).0, expected.map(|(path, index)| (path.to_owned(), index)));
}

#[test]
fn two_links_to_one_directory_are_two_visits() {
    let (dir, root) = tree(&["l1 -> ../outside", "l2 -> ../outside"]);
    plant(dir.path(), &["outside/in/f"]);
    let scan = Scan::new(&root, &[pattern("in", ["f"], [])]);
    check(&scan, &root, &[], 1);
    check(&scan.follow_links(true), &root, &[("l1/in", 0), ("l2/in", 0)], 5);
}

#[test]
fn excluded_entries_are_absent() {
    let (_dir, root) =
        tree(&["a/.git/f", "a/keep/f", "b/f.tmp", "b/g", "c/sub/x/f", "sub/x/f", "d/.git"]);
    let has_git = pattern("*", [], [named(".git")]);
    let git_file = pattern("*", [".git"], []);
    let has_tmp = pattern("*", ["*.tmp"], []);
    let with_f = pattern("*", ["f"], []);
    let patterns = [has_git, git_file, has_tmp, with_f];
    let scan =
        |rules: &[&str]| Scan::new(&root, &patterns).exclude(ExcludeRules::new(rules).unwrap());
    let all =
        [("a", 0), ("a/.git", 3), ("a/keep", 3), ("b", 2), ("c/sub/x", 3), ("d", 1), ("sub/x", 3)];
    check(&scan(&[]), &root, &all, 11);
    let without = |left_out: &[(&str, usize)]| {
        all.into_iter().filter(|found| !left_out.contains(found)).collect::<Vec<_>>()
    };
    let git = [("a", 0), ("a/.git", 3)];
    check(&scan(&[".git/"]), &root, &without(&git), 10);
    check(&scan(&[".git"]), &root, &without(&[git[0], git[1], ("d", 1)]), 10);
    check(&scan(&["*.tmp"]), &root, &without(&[("b", 2)]), 11);
    check(&scan(&["/sub"]), &root, &without(&[("sub/x", 3)]), 9);
    check(&scan(&["sub/"]), &root, &without(&[("sub/x", 3), ("c/sub/x", 3)]), 7);
    check(&scan(&["**/x"]), &root, &without(&[("sub/x", 3), ("c/sub/x", 3)]), 9);
    check(&scan(&["*/x/"]), &root, &without(&[("sub/x", 3)]), 10);
    check(&scan(&["/{a,c}", "b/f.tmp"]), &root, &[("d", 1), ("sub/x", 3)], 5);
    // The source is never excluded, by name or by path.
    check(&scan(&["source", "/source/", "**"]), &root, &[], 1);
}

#[test]
fn rules_for_directories_hold_for_links_to_them() {
    let (_dir, root) = tree(&["real/f", "a/link -> ../real", "b/link -> ../real/f", "c/link"]);
    let file = pattern("*", ["link"], []);
    let directory = pattern("*", [], [named("link")]);
    let scan = Scan::new(&root, &[file, directory]);
    check(&scan, &root, &[("a", 1), ("b", 0), ("c", 0)], 5);
    let scan = scan.exclude(ExcludeRules::new(["link/"]).unwrap());
    check(&scan, &root, &[("b", 0), ("c", 0)], 5);
    check(&scan.follow_links(true), &root, &[("b", 0), ("c", 0)], 5);
}

#[test]
fn rules_see_paths_through_links_and_raw_bytes() {
    let (_dir, root) = tree(&["real/x/f", "link -> real"]);
    let raw = OsStr::from_bytes(b"caf\xe9.tmp");
    fs::create_dir(root.join(raw)).unwrap();
    let scan = Scan::new(&root, &[named("x"), named("caf*")]).follow_links(true);
    let scan = scan.exclude(ExcludeRules::new(["/real/x", "*.tmp"]).unwrap());
    check(&scan, &root, &[("link/x", 0)], 4);
}

#[test]
fn excluded_entries_give_no_errors() {
    let (_dir, root) = tree(&["a/self -> .", "a/b/"]);
    let scan = Scan::new(&root, &[named("b")]).follow_links(true);
    assert_eq!(run(scan.clone(), &root).1.len(), 1);
    check(&scan.exclude(ExcludeRules::new(["self/"]).unwrap()), &root, &[("a/b", 0)], 3);
}

#[test]
fn max_depth_bounds_where_a_match_starts() {
    let (_dir, root) = tree(&["a/f", "a/a/f", "a/a/a/f"]);
    let scan = Scan::new(&root, &[pattern("a", ["f"], []), named("source")]);
    let all = [("", 1), ("a", 0), ("a/a", 0), ("a/a/a", 0)];
    for depth in 0..4 {
        let scan = scan.clone().max_depth(depth);
        check(&scan, &root, &all[..=depth], depth + 1);
    }
    check(&scan.max_depth(usize::MAX), &root, &all, 4);
}

#[test]
fn below_max_depth_a_match_still_looks_as_deep_as_it_asks() {
    let (_dir, root) = tree(&[
        "f",
        "a/b/c/f",
        "a/b/c/d/e/",
        "a/b/other/f",
        "a/x/c/f",
        "other/b/c/f",
        "a/b/c/d/c/f",
    ]);
    let c = pattern("c", ["f"], [named("d")]);
    let deep = pattern("*", ["f"], [pattern("a", [], [pattern("b", [], [c.clone()])])]);
    let scan = Scan::new(&root, &[deep.clone(), c]).max_depth(0);
    // `d` is not opened: nothing is asked of its inside.
    check(&scan, &root, &[("", 0)], 4);
    check(&scan.max_depth(1), &root, &[("", 0)], 5);
    // Without the file, the directory is no candidate any more, and nothing is opened.
    fs::remove_file(root.join("f")).unwrap();
    let scan = Scan::new(&root, &[deep]).max_depth(0);
    check(&scan, &root, &[], 1);
}

#[test]
fn nested_patterns_do_not_match_below_max_depth() {
    let (_dir, root) = tree(&["a/b/f"]);
    let b = pattern("b", ["f"], []);
    let a = pattern("a", [], [b.clone()]);
    // `b` is a pattern by itself, and is found while `a` looks for it.
    let scan = Scan::new(&root, &[a, b]).max_depth(1);
    check(&scan, &root, &[("a", 0)], 3);
    check(&scan.max_depth(2), &root, &[("a", 0), ("a/b", 1)], 3);
}

#[test]
fn links_below_max_depth() {
    let (_dir, root) = tree(&["real/f", "a/link -> ../real", "a/more/"]);
    let by_name = pattern("a", [], [named("link"), named("more")]);
    let inside = pattern("a", [], [pattern("link", ["f"], [])]);
    let scan = Scan::new(&root, &[by_name, inside]).max_depth(1);
    check(&scan, &root, &[("a", 0)], 3);
    check(&scan.follow_links(true), &root, &[("a", 0), ("a", 1)], 4);
}

#[test]
fn many_patterns_and_globs() {
    // More bits than a word has, and files on either side that no pattern asks for.
    let names: Vec<String> = (0..200)
        .flat_map(|i| ["a", "z", &*format!("f{i}")].map(|file| format!("d{i}/x{i}/{file}")))
        .collect();
    let (_dir, root) = tree(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let patterns: Vec<Pattern> = (0..200)
        .map(|i| {
            let inner = pattern(&format!("x{i}"), [&*format!("f{i}")], []);
            pattern(&format!("d{i}"), [], [inner])
        })
        .collect();
    let (found, errors, _) = run(Scan::new(&root, &patterns), &root);
    let expected: BTreeSet<_> = (0..200).map(|i| (format!("d{i}"), i)).collect();
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    assert!(errors.is_empty());
}

#[test]
fn thousands_of_patterns_and_the_deepest() {
    let (_dir, root) = tree(&["run_7/f7", "run_4999/f", "run_12/f12.x", "other/f7"]);
    let mut patterns: Vec<Pattern> = (0..5_000)
        .map(|i| pattern(&format!("run_{i}"), [&*format!("f{i}"), &*format!("f{}*", i % 10)], []))
        .collect();
    let one = [("run_7", 7)];
    check(&Scan::new(&root, &patterns), &root, &one, 5);
    // As many nodes that any directory may satisfy.
    patterns.extend((0..5_000).map(|i| pattern("*", [&*format!("*{i}"), &*format!("f{i}*")], [])));
    let all = [("other", 5_007), ("run_7", 7), ("run_7", 5_007)];
    check(&Scan::new(&root, &patterns), &root, &all, 5);

    let (_dir, root) = tree(&[&*format!("{}f", "d/".repeat(130))]);
    let mut deepest = pattern("d", ["f"], []);
    for _ in 1..pathvein_core::MAX_LEVELS {
        deepest = pattern("d", [], [deepest]);
    }
    check(&Scan::new(&root, &[deepest]), &root, &[("d/d/d", 0)], 131);
}

#[test]
fn names_of_every_byte_and_of_every_length() {
    let (_dir, root) = tree(&[]);
    let bytes = (1..=255).filter(|&byte| byte != b'/');
    let mut names: Vec<Vec<u8>> = bytes.map(|byte| vec![b'd', byte, b'd']).collect();
    names.extend((1..=255).map(|length| vec![b'n'; length]));
    for name in &names {
        let path = root.join(OsStr::from_bytes(name));
        fs::create_dir(&path).unwrap();
        fs::write(path.join(OsStr::from_bytes(name)), "").unwrap();
    }
    let exact = |name: &Vec<u8>| {
        // Brackets, stars and question marks that stand for themselves.
        let glob = NameGlob::from(OsStr::from_bytes(name));
        let glob: Vec<u32> = glob.code_points().flat_map(|c| [0x5b, c, 0x5d]).collect();
        let glob = if name.contains(&b'!') || name.contains(&b']') {
            NameGlob::from(OsStr::from_bytes(name))
        } else {
            NameGlob::from_code_points(glob).unwrap()
        };
        Pattern::builder(glob.clone()).file(glob).build().unwrap()
    };
    let patterns: Vec<Pattern> = names.iter().map(exact).collect();
    for (portable, untyped) in [(false, false), (true, false), (false, true)] {
        let scan = Scan::new(&root, &patterns).portable_lister(portable).untyped_lister(untyped);
        let found: BTreeSet<(PathBuf, usize)> = scan
            .into_iter()
            .map(Result::unwrap)
            .map(|found| (found.path().to_path_buf(), found.pattern()))
            .collect();
        let expected = names.iter().enumerate();
        let expected = expected.map(|(i, name)| (root.join(OsStr::from_bytes(name)), i));
        assert_eq!(found, expected.collect());
    }
}

#[test]
fn names_that_are_no_text() {
    let (_dir, root) = tree(&[]);
    let name = OsStr::from_bytes(b"caf\xe9");
    let path = root.join(name);
    fs::create_dir(&path).unwrap();
    fs::write(path.join(OsStr::from_bytes(b"\xff\xfe")), "").unwrap();
    let exact = NameGlob::from(name);
    let exact = Pattern::builder(exact).file("??").build().unwrap();
    let patterns = [exact, named("caf?"), named("café"), pattern("*", ["?"], [])];
    for portable in [false, true] {
        let scan = Scan::new(&root, &patterns).portable_lister(portable);
        let mut found: Vec<Match> = scan.into_iter().map(Result::unwrap).collect();
        found.sort_by_key(Match::pattern);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].path(), found[0].pattern()), (&*path, 0));
        assert_eq!((found[1].path(), found[1].pattern()), (&*path, 1));
        assert_ne!(found[0], found[1]);
        assert_eq!(found[0].clone(), found[0]);
        assert_eq!(found.remove(0).into_path(), path);
    }
}

#[test]
fn names_in_another_encoding() {
    let (_dir, root) = tree(&["out/f"]);
    let name = |bytes| OsStr::from_bytes(bytes);
    fs::create_dir_all(root.join(name(b"caf\xe9/\xe8"))).unwrap();
    symlink("../out/f", root.join(name(b"caf\xe9/\xe7"))).unwrap();
    let latin_1 = NameDecoder::new(|name| name.as_bytes().iter().map(|&b| b.into()).collect());
    let patterns = [
        named("café"),
        pattern("*", [], [pattern("café", [], [named("è")])]),
        pattern("*", [], [pattern("caf?", ["ç"], [])]),
    ];
    let found = |scan: Scan| {
        let mut found: Vec<_> = scan.into_iter().map(|one| one.unwrap().pattern()).collect();
        found.sort_unstable();
        found
    };
    for portable in [false, true] {
        let scan = Scan::new(&root, &patterns).portable_lister(portable);
        assert_eq!(found(scan.clone()), []);
        let scan = scan.decode_names(Some(latin_1.clone()));
        assert_eq!(found(scan.clone()), [0, 1, 2]);
        for (rule, left) in [("è", &[0, 2][..]), ("café/è", &[0, 2]), ("ç", &[0, 1])] {
            let scan = scan.clone().exclude(ExcludeRules::new([rule]).unwrap());
            assert_eq!(found(scan), left, "{rule}");
        }
    }
}

#[test]
fn a_link_that_one_of_many_globs_asks_for() {
    let (_dir, root) = tree(&["out", "src/", "src/f69 -> ../out"]);
    let patterns: Vec<_> = (0..100).map(|i| pattern("*", [&*format!("f{i}")], [])).collect();
    let scan = Scan::new(root.join("src"), &patterns);
    check(&scan, &root.join("src"), &[("", 69)], 1);
}

#[test]
fn the_source_is_resolved_first() {
    let (dir, root) = tree(&["in/f"]);
    let link = dir.path().join("link");
    symlink("source/in", &link).unwrap();
    let scan = Scan::new(&link, &[named("in"), named("link")]);
    check(&scan, &root, &[("in", 0)], 1);
    let scan = Scan::new(root.join("in/.././in/.."), &[named("source")]);
    check(&scan, &root, &[("", 0)], 2);
}

#[test]
fn the_root_has_no_name() {
    let patterns =
        [named("*"), named(""), Pattern::builder("x").any_name().build().unwrap(), named("?*")];
    for source in ["/", "//", "/."] {
        let scan = Scan::new(source, &patterns).max_depth(0);
        check(&scan, Path::new("/"), &[("", 0), ("", 1), ("", 2)], 1);
    }
}

#[test]
fn a_source_that_cannot_be_scanned() {
    let (_dir, root) = tree(&["file", "broken -> nowhere", "circle -> circle"]);
    let cases = [
        ("missing", IoErrorKind::NotFound),
        ("file", IoErrorKind::NotADirectory),
        ("file/x", IoErrorKind::NotADirectory),
        ("broken", IoErrorKind::NotFound),
    ];
    for (name, kind) in cases {
        let path = root.join(name);
        for patterns in [&[named("*")][..], &[]] {
            for portable in [false, true] {
                let scan = Scan::new(&path, patterns).portable_lister(portable);
                let error = scan.clone().start().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Io);
                assert_eq!(error.path(), Some(&*path), "as it was given");
                let io = error.io_error().unwrap();
                assert_eq!(io.kind(), kind, "{name}");
                assert!(io.raw_os_error().is_some());
                assert_eq!(std::io::Error::from(error).kind(), kind);

                let mut results = scan.into_iter();
                assert!(results.next().unwrap().is_err());
                assert!(results.next().is_none() && results.next().is_none());
            }
        }
    }
    assert!(Scan::new(root.join("circle"), &[]).start().is_err());
    assert!(Scan::new("", &[]).start().is_err());
}

#[test]
fn equal_patterns_are_one() {
    let (_dir, root) = tree(&["a/f"]);
    let one = pattern("a", ["f"], []);
    let optional = one.clone().into_builder().optional_file("g").build().unwrap();
    // The patterns are the same to the program, but not equal.
    let any = Pattern::builder("*").any_name().file("f").build().unwrap();
    let patterns = [named("none"), one.clone(), optional, one, any, pattern("*", ["f"], [])];
    check(&Scan::new(&root, &patterns), &root, &[("a", 1), ("a", 2), ("a", 4), ("a", 5)], 2);
}

#[test]
fn no_patterns_no_matches() {
    let (_dir, root) = tree(&["a/f"]);
    check(&Scan::new(&root, &[]), &root, &[], 1);
}

#[test]
fn a_changed_tree_gives_a_changed_answer() {
    let (_dir, root) = tree(&["a/"]);
    let scan = Scan::new(&root, &[pattern("a", ["f"], [])]);
    check(&scan, &root, &[], 2);
    fs::write(root.join("a/f"), "").unwrap();
    check(&scan, &root, &[("a", 0)], 2);
    fs::remove_file(root.join("a/f")).unwrap();
    check(&scan, &root, &[], 2);
}

#[test]
fn directories_that_come_and_go() {
    let (_dir, root) = tree(&["stay/d/f", "swap/d/f", "elsewhere/f"]);
    let scan = Scan::new(&root, &[pattern("*", [], [pattern("d", ["f"], [])]), named("d")]);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let scanning = scope.spawn(|| {
            // This is set even if the scans fail, so that the other loop ends.
            struct Done<'a>(&'a AtomicBool);
            impl Drop for Done<'_> {
                fn drop(&mut self) {
                    self.0.store(true, Ordering::Relaxed);
                }
            }
            let _done = Done(&done);
            for round in 0..300 {
                let scan = scan.clone().portable_lister(round % 2 == 1);
                let (mut found, errors, _) = run(scan.follow_links(round % 4 > 1), &root);
                assert!(errors.is_empty(), "round {round}: {errors:?}");
                found.retain(|(path, _)| !path.starts_with("swap"));
                assert_eq!(found, [("stay".into(), 0), ("stay/d".into(), 1)], "round {round}");
            }
        });
        let d = root.join("swap/d");
        while !done.load(Ordering::Relaxed) {
            fs::rename(&d, root.join("swap/e")).unwrap();
            fs::write(&d, "").unwrap();
            fs::remove_file(&d).unwrap();
            symlink("../elsewhere", &d).unwrap();
            fs::remove_file(&d).unwrap();
            fs::rename(root.join("swap/e"), &d).unwrap();
        }
        scanning.join().unwrap();
    });
}

#[test]
fn a_directory_that_is_gone_when_it_is_opened_is_absent() {
    // The worker has listed `w` and cannot go on before its matches are taken, as there are
    // more than may wait in the channel.
    const MANY: usize = 5_000;
    let one = named("w").into_builder();
    let same = |i: usize| one.clone().optional_file(i.to_string()).build().unwrap();
    let mut patterns: Vec<Pattern> = (0..MANY).map(same).collect();
    patterns.extend(["gone", "file", "link", "stays"].map(|x| pattern("w", [], [named(x)])));
    for portable in [false, true] {
        for follow in [false, true] {
            let (_dir, root) = tree(&["w/gone/", "w/file/", "w/link/", "w/stays/", "other/"]);
            let scan = Scan::new(&root, &patterns).follow_links(follow).portable_lister(portable);
            let mut matches = scan.start().unwrap();
            assert!(matches.next().unwrap().unwrap().pattern() < MANY);
            for name in ["gone", "file", "link"] {
                fs::remove_dir(root.join("w").join(name)).unwrap();
            }
            fs::write(root.join("w/file"), "").unwrap();
            symlink("../other", root.join("w/link")).unwrap();
            let rest: Vec<usize> = matches.map(|found| found.unwrap().pattern()).collect();
            assert_eq!(rest.len(), MANY);
            assert_eq!(rest.into_iter().filter(|&i| i >= MANY).collect::<Vec<_>>(), [MANY + 3]);
        }
    }
}

#[test]
fn what_cannot_be_read_is_an_error_item() {
    if !child::is_child() {
        return child::run_without_rights("what_cannot_be_read_is_an_error_item");
    }
    let (_dir, root) = tree(&[
        "a/closed/inner/f",
        "a/open/f",
        "b/into -> ../a/closed/inner",
        "searchable/inner/f",
        "searchable/link -> inner",
        "readable/inner/f",
        "readable/f",
    ]);
    let mode = |name: &str, mode| {
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("a/closed", 0o000);
    mode("searchable", 0o111);
    mode("readable", 0o444);
    let by_name = pattern("a", [], [named("closed"), named("open")]);
    let inside = pattern("a", [], [pattern("closed", [], [named("*")])]);
    let link_is_file = pattern("b", ["into"], []);
    let readable = pattern("readable", ["f"], [named("inner")]);
    let patterns = [by_name, inside, named("closed"), link_is_file, readable, named("searchable")];
    let scan = Scan::new(&root, &patterns);
    let open = |path| (path, ErrorKind::Io, Operation::OpenDirectory);
    let errors = [
        open("a/closed"),
        ("b/into", ErrorKind::Io, Operation::FollowLink),
        open("readable/inner"),
        open("searchable"),
    ];
    for follow in [false, true] {
        let scan = scan.clone().follow_links(follow);
        check_errors(&scan, &root, &errors);
        let (found, errors, _) = run(scan, &root);
        let expected = [("a", 0), ("b", 3), ("readable", 4)];
        assert_eq!(found, expected.map(|(path, index)| (path.to_owned(), index)));
        for error in errors {
            assert_eq!(error.io_error().unwrap().kind(), IoErrorKind::PermissionDenied);
        }
    }
    // Excluded entries are not looked at, and directories that are not opened give no error.
    let rules = ["closed", "into", "/readable", "searchable/"];
    let excluded = scan.clone().exclude(ExcludeRules::new(rules).unwrap());
    check(&excluded, &root, &[], 4);
    check_errors(&scan.max_depth(0), &root, &[]);
    // The same directory as the source.
    for name in ["a/closed", "searchable"] {
        for portable in [false, true] {
            let path = root.join(name);
            let error = Scan::new(&path, &[]).portable_lister(portable).start().unwrap_err();
            assert_eq!(error.io_error().unwrap().kind(), IoErrorKind::PermissionDenied);
            assert_eq!(error.path(), Some(&*path));
        }
    }
    mode("a/closed", 0o755);
    mode("searchable", 0o755);
    mode("readable", 0o755);
}

#[test]
fn a_mount_point_is_listed_and_not_entered() {
    let (_dir, root) = tree(&["a/mounted/", "b/f"]);
    let point = root.join("a/mounted");
    let mount = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "none"])
        .arg(&point)
        .output();
    if !mount.is_ok_and(|output| output.status.success()) {
        return skipped("a tmpfs cannot be mounted here");
    }
    fs::create_dir(point.join("in")).unwrap();
    fs::write(point.join("f"), "").unwrap();
    let result = std::panic::catch_unwind(|| {
        let by_name = pattern("*", [], [named("mounted")]);
        let inside = pattern("*", [], [pattern("mounted", ["f"], [])]);
        let patterns = [by_name, inside, named("in"), named("mounted"), pattern("*", ["f"], [])];
        let scan = Scan::new(&root, &patterns);
        let all =
            [("a", 0), ("a", 1), ("a/mounted", 3), ("a/mounted", 4), ("a/mounted/in", 2), ("b", 4)];
        check(&scan, &root, &all, 5);
        check(&scan.one_file_system(true), &root, &[("a", 0), ("b", 4)], 3);
        // With it as the source, the scan stays on its file system.
        let scan = Scan::new(&point, &patterns).one_file_system(true);
        check(&scan, &root, &[("a/mounted", 3), ("a/mounted", 4), ("a/mounted/in", 2)], 2);
    });
    let unmounted = std::process::Command::new("umount").arg(&point).status().unwrap();
    assert!(unmounted.success());
    result.unwrap();
}

#[test]
fn links_to_another_file_system() {
    let (_dir, root) = tree(&["a/f"]);
    let other = tempfile::tempdir_in("/dev/shm").ok().filter(|dir| {
        fs::metadata(dir.path()).unwrap().dev() != fs::metadata(&root).unwrap().dev()
    });
    let Some(other) = other else { return skipped("/dev/shm is no other file system") };
    fs::write(other.path().join("f"), "").unwrap();
    symlink(other.path(), root.join("link")).unwrap();
    let patterns = [pattern("*", ["f"], []), pattern("*", [], [named("link")])];
    let scan = Scan::new(&root, &patterns).follow_links(true);
    check(&scan, &root, &[("", 1), ("a", 0), ("link", 0)], 3);
    check(&scan.one_file_system(true), &root, &[("", 1), ("a", 0)], 2);
}

#[test]
fn hits_of_the_reference_are_hits() {
    // A case worked out by hand, as a check of the reference itself.
    let (_dir, root) = tree(&["a/b/f", "a/l -> b"]);
    let options = common::disk::Options { follow_links: true, ..Default::default() };
    let tree = common::disk::read(&root, &options, &mut Vec::new());
    let patterns = [pattern("a", [], [pattern("[!b]", ["?"], [])])];
    let found = reference::scan(&root, &OsString::from("source"), &tree, &patterns, None);
    assert_eq!(found, BTreeSet::from([(root.join("a"), 0)]));
}
