//! What is opened and looked at, and by which way: on real trees, by both listers.
#![cfg(any(target_os = "linux", target_os = "android"))]

#[path = "common/child.rs"]
mod child;
mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::disk::plant;
use pathvein_core::{Error, ExcludeRules, FileStructurePattern, Operation, Scan, Stats, Walk};
use rustix::fs::inotify;
use tempfile::TempDir;
use walkdir::WalkDir;

fn tree(entries: &[&str]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("source");
    fs::create_dir(&root).unwrap();
    plant(&root, entries);
    (dir, root)
}

fn pattern(
    name: &str,
    files: &[&str],
    directories: &[FileStructurePattern],
) -> FileStructurePattern {
    let builder = FileStructurePattern::builder(name).files(files.iter().copied());
    builder.directories(directories.iter().cloned()).build().unwrap()
}

fn named(name: &str) -> FileStructurePattern {
    pattern(name, &[], &[])
}

/// The paths found, the errors and the counts.
fn run(scan: Scan) -> (BTreeSet<PathBuf>, Vec<Error>, Stats) {
    let mut matches = scan.start().unwrap();
    let (mut found, mut errors) = (BTreeSet::new(), Vec::new());
    for result in &mut matches {
        match result {
            Ok(one) => assert!(found.insert(one.into_path()), "found twice"),
            Err(error) => errors.push(error),
        }
    }
    (found, errors, matches.stats())
}

/// Counts how often each directory is opened.
struct Openings {
    watch: OwnedFd,
    directories: BTreeMap<i32, PathBuf>,
}

impl Openings {
    fn of(root: &Path) -> Openings {
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
        let entries = WalkDir::new(root).into_iter().map(Result::unwrap);
        let directories: Vec<PathBuf> = entries
            .filter(|entry| entry.file_type().is_dir())
            .map(walkdir::DirEntry::into_path)
            .collect();
        let add = |path: PathBuf| {
            (inotify::add_watch(&watch, &path, inotify::WatchFlags::OPEN).unwrap(), path)
        };
        let directories = directories.into_iter().map(add).collect();
        Openings { watch, directories }
    }

    fn take(&self, root: &Path) -> BTreeMap<String, usize> {
        let mut buffer = [MaybeUninit::uninit(); 64 * 1024];
        let mut events = inotify::Reader::new(&self.watch, &mut buffer);
        let mut openings = BTreeMap::new();
        while let Ok(event) = events.next() {
            // One with a name is about an entry of the directory.
            if event.file_name().is_none() {
                let path = self.directories[&event.wd()].strip_prefix(root).unwrap();
                *openings.entry(path.to_str().unwrap().to_owned()).or_default() += 1;
            }
        }
        openings
    }
}

#[test]
fn each_directory_is_opened_once_and_others_are_not() {
    let (_dir, root) = tree(&[
        "a/b/c/f",
        "a/empty/",
        "skipped/inner/f",
        "deep/er/and/deeper/f",
        "link -> a",
        "run/data/x.csv",
    ]);
    let run_with_data = pattern("run", &[], &[pattern("data", &["*.csv"], &[])]);
    let cases: [(Option<usize>, &[FileStructurePattern], &[&str]); 4] = [
        (
            None,
            &[named("c")],
            &["", "a", "a/b", "a/b/c", "a/empty", "deep", "deep/er", "deep/er/and"],
        ),
        (Some(0), &[named("*")], &[""]),
        (Some(1), &[named("*")], &["", "a", "deep", "run"]),
        (Some(1), &[run_with_data], &["", "a", "deep", "run", "run/data"]),
    ];
    let openings = Openings::of(&root);
    for (max_depth, patterns, expected) in cases {
        for portable in [false, true] {
            openings.take(&root);
            let scan = Scan::new(&root, patterns)
                .exclude(ExcludeRules::new(["skipped/"]).unwrap())
                .max_depth(max_depth)
                .leaf_skip(false)
                .portable_lister(portable);
            let (_, errors, _) = run(scan);
            assert!(errors.is_empty(), "{errors:?}");
            let mut expected: BTreeMap<String, usize> =
                expected.iter().map(|path| ((*path).to_owned(), 1)).collect();
            if max_depth.is_none() {
                expected.extend(["deep/er/and/deeper", "run", "run/data"].map(|p| (p.into(), 1)));
            }
            assert_eq!(openings.take(&root), expected, "portable {portable}, {max_depth:?}");
        }
    }
}

#[test]
fn a_mount_point_is_not_opened() {
    let (_dir, root) = tree(&["a/mounted/", "b/f"]);
    let point = root.join("a/mounted");
    let mount = Command::new("mount").args(["-t", "tmpfs", "none"]).arg(&point).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        let _ = writeln!(std::io::stderr(), "skipped: a tmpfs cannot be mounted here");
        return;
    }
    let openings = Openings::of(&root);
    let counts = [false, true].map(|portable| {
        openings.take(&root);
        let scan = Scan::new(&root, &[named("*")]).one_file_system(true);
        let (found, errors, _) = run(scan.portable_lister(portable));
        (openings.take(&root), found, errors.len())
    });
    drop(openings);
    assert!(Command::new("umount").arg(&point).status().unwrap().success());
    for (opened, found, errors) in counts {
        assert_eq!(opened, BTreeMap::from(["", "a", "b"].map(|path| (path.to_owned(), 1))));
        assert_eq!((found.len(), errors), (3, 0));
    }
}

#[test]
fn links_are_looked_at_only_where_it_matters() {
    if !child::is_child() {
        return child::run_without_rights("links_are_looked_at_only_where_it_matters");
    }
    // To ask what the links lead to is an error.
    let (_dir, root) = tree(&[
        "closed/inner/f",
        "lab/away -> ../closed/inner",
        "lab/run_1/config.json",
        "lab/run_1/data -> ../../closed/inner",
        "lab/run_2/data -> ../run_1",
    ]);
    fs::set_permissions(root.join("closed"), Permissions::from_mode(0o000)).unwrap();
    let outer = ExcludeRules::new(["/closed"]).unwrap();
    let with_rule = ExcludeRules::new(["/closed", "away/"]).unwrap();
    let data = || named("data");
    let run_name = pattern("run_*", &[], &[]);
    let with_config = pattern("run_*", &["config.json"], &[]);
    let with_data = pattern("run_*", &["config.json"], &[data()]);
    let with_other = pattern("run_*", &["other.json"], &[data()]);
    let data_file = pattern("run_*", &["config.json", "da*"], &[]);
    let any_data = pattern("run_*", &[], &[data()]);
    let many: Vec<String> = (0..20).map(|number| format!("f{number}")).collect();
    let many = many.iter().map(String::as_str).chain(["dat?"]).collect::<Vec<_>>();
    let many_files = pattern("run_1", &many, &[]);
    let at_data = &["lab/run_1/data"][..];
    // The pattern; what is found; the links that could not be followed; links counted.
    let cases: [(&FileStructurePattern, &[&str], &[&str], usize); 7] = [
        (&run_name, &["lab/run_1", "lab/run_2"], &[], 0),
        (&with_config, &["lab/run_1"], &[], 0),
        // A link that cannot be followed is a file.
        (&with_data, &[], at_data, 0),
        (&with_other, &[], &[], 0),
        (&data_file, &["lab/run_1"], at_data, 1),
        (&any_data, &["lab/run_2"], at_data, 1),
        (&many_files, &[], at_data, 0),
    ];
    for portable in [false, true] {
        for untyped in [false, true] {
            for (number, (pattern, expected, at, links)) in cases.iter().enumerate() {
                for rules in [&outer, &with_rule] {
                    let scan = Scan::new(&root, &[(*pattern).clone()])
                        .exclude(rules.clone())
                        .leaf_skip(false)
                        .portable_lister(portable)
                        .untyped_lister(untyped);
                    let (found, errors, stats) = run(scan);
                    let paths = |paths: &[&str]| paths.iter().map(|p| root.join(p)).collect();
                    assert_eq!(found, paths(expected), "case {number}");
                    let failed: BTreeSet<PathBuf> =
                        errors.iter().map(|error| error.path().unwrap().into()).collect();
                    assert_eq!(failed, paths(at), "case {number}, portable {portable}");
                    assert!(errors.iter().all(|e| e.operation() == Some(Operation::FollowLink)));
                    assert_eq!(stats.links_not_followed, *links, "case {number}");
                    assert_eq!(stats.entries, 7, "case {number}");
                }
            }
        }
    }
    // A walk tells of each whether it is a directory.
    let walk = Walk::new(&root).exclude(outer);
    assert_eq!(walk.into_iter().filter(Result::is_err).count(), 2);
    fs::set_permissions(root.join("closed"), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_rule_for_directories_takes_a_link_that_is_asked_for() {
    let (_dir, root) = tree(&["run/data -> ../other", "other/f", "run/f"]);
    let patterns = [pattern("run", &["f"], &[named("data")])];
    for (rules, expected) in [(&["data/"][..], 0), (&[], 1)] {
        for portable in [false, true] {
            let scan = Scan::new(&root, &patterns).exclude(ExcludeRules::new(rules).unwrap());
            let scan = scan.leaf_skip(false).portable_lister(portable);
            let (found, errors, stats) = run(scan);
            assert_eq!((found.len(), errors.len()), (expected, 0));
            assert_eq!((stats.links_not_followed, stats.entries), (expected, 4 + expected));
        }
    }
}

/// A match is sent before the links are looked at, and the counts with it.
#[test]
fn a_link_that_is_excluded_after_a_match() {
    let (_dir, root) = tree(&["run/data -> ../other", "other/f", "run/f"]);
    let patterns = [named("run"), pattern("run", &[], &[named("data")])];
    for portable in [false, true] {
        let scan = Scan::new(&root, &patterns).exclude(ExcludeRules::new(["data/"]).unwrap());
        let (found, errors, stats) = run(scan.leaf_skip(false).portable_lister(portable));
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!((found.len(), stats.entries), (1, 4));
    }
}

#[test]
fn the_working_directory_need_not_be_within_reach() {
    if !child::is_child() {
        return child::run_without_rights("the_working_directory_need_not_be_within_reach");
    }
    let (_dir, root) = tree(&["closed/lab/run_1/data/f", "closed/lab/run_2/f"]);
    std::env::set_current_dir(root.join("closed/lab")).unwrap();
    fs::set_permissions(root.join("closed"), Permissions::from_mode(0o000)).unwrap();
    let lab = root.join("closed/lab");
    for portable in [false, true] {
        let scan = |source: &str| {
            let patterns = [pattern("*", &["f"], &[]), named("lab"), named("run_1")];
            let (found, errors, _) = run(Scan::new(source, &patterns).portable_lister(portable));
            assert!(errors.is_empty(), "{errors:?}");
            found
        };
        let at = |paths: &[&str]| paths.iter().map(|path| lab.join(path)).collect();
        assert_eq!(scan("."), at(&["", "run_1", "run_1/data", "run_2"]));
        assert_eq!(scan("./run_1/"), at(&["run_1", "run_1/data"]));
        // Nobody can tell what the source is called here.
        let below = at(&["run_1/../run_1", "run_1/../run_1/data", "run_1/../run_2"]);
        assert_eq!(scan("run_1/.."), below);
        let walk = Walk::new(".").portable_lister(portable);
        let paths: BTreeSet<PathBuf> = walk.into_iter().map(|l| l.unwrap().path).collect();
        let expected = [".", "./run_1", "./run_1/data", "./run_2"].map(PathBuf::from);
        assert_eq!(paths, BTreeSet::from(expected));
    }
    fs::set_permissions(root.join("closed"), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn an_open_directory_is_scanned_whatever_lies_at_its_path() {
    let (_dir, root) = tree(&["lab/run_1/f", "other/run_2/f"]);
    let lab = File::open(root.join("lab")).unwrap();
    let source = PathBuf::from(format!("/proc/self/fd/{}", lab.as_raw_fd()));
    let scan = |portable| {
        let scan = Scan::new(&source, &[pattern("run_*", &["f"], &[])]).portable_lister(portable);
        let (found, errors, _) = run(scan);
        assert!(errors.is_empty(), "{errors:?}");
        found
    };
    for portable in [false, true] {
        assert_eq!(scan(portable), BTreeSet::from([root.join("lab/run_1")]));
    }
    // It follows the directory where it goes.
    fs::rename(root.join("lab"), root.join("moved")).unwrap();
    fs::rename(root.join("other"), root.join("lab")).unwrap();
    for portable in [false, true] {
        assert_eq!(scan(portable), BTreeSet::from([root.join("moved/run_1")]));
    }
    // What its path leads to by name is another directory: its path ends in ` (deleted)`.
    fs::remove_dir_all(root.join("moved")).unwrap();
    plant(&root, &["moved (deleted)/run_3/f"]);
    for portable in [false, true] {
        assert_eq!(scan(portable), BTreeSet::new());
    }
}

/// The listings of a tree, read by `walkdir`.
/// A directory that opens and cannot be read: of a process of one's own user, but of another
/// group.
#[test]
fn what_opens_and_cannot_be_read_is_an_error() {
    const TEST: &str = "what_opens_and_cannot_be_read_is_an_error";
    const OF_PROCESS: &str = "PATHVEIN_TEST_PROCESS";
    if !child::is_child() {
        if !rustix::process::geteuid().is_root() {
            let why = "only the superuser can start a process of another group";
            let _ = writeln!(std::io::stderr(), "skipped: {why}");
            return;
        }
        let mut process = Command::new("sleep").arg("60").uid(65534).gid(65533).spawn().unwrap();
        let source = format!("/proc/{}", process.id());
        let result = std::panic::catch_unwind(|| {
            child::run_as_with(TEST, 65534, &[(OF_PROCESS, &source)]);
        });
        process.kill().unwrap();
        process.wait().unwrap();
        return result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
    let source = PathBuf::from(std::env::var_os(OF_PROCESS).unwrap());
    let entries = fs::read_dir(source.join("map_files"));
    if !entries.is_ok_and(|mut entries| matches!(entries.next(), Some(Err(_)))) {
        let _ = writeln!(std::io::stderr(), "skipped: this /proc has no such directory");
        return;
    }
    for portable in [false, true] {
        let walk = Walk::new(&source).max_depth(Some(1)).portable_lister(portable);
        let (listings, errors): (Vec<_>, Vec<_>) = walk.into_iter().partition(Result::is_ok);
        let told = |operation, path: &Path| {
            errors
                .iter()
                .map(|error| error.as_ref().unwrap_err())
                .any(|error| error.operation() == Some(operation) && error.path() == Some(path))
        };
        let path = source.join("map_files");
        assert!(told(Operation::ReadDirectory, &path), "portable {portable}: {errors:?}");
        assert!(listings.iter().all(|listing| listing.as_ref().unwrap().path != path));
    }
}

fn listings(root: &Path) -> BTreeSet<(PathBuf, BTreeSet<PathBuf>)> {
    let entries: Vec<_> = WalkDir::new(root).into_iter().map(Result::unwrap).collect();
    let directories = entries.iter().filter(|entry| entry.file_type().is_dir());
    let names_in = |path: &Path| {
        let inside = entries.iter().filter(|entry| entry.path().parent() == Some(path));
        inside.map(|entry| entry.file_name().into()).collect()
    };
    directories.map(|entry| (entry.path().into(), names_in(entry.path()))).collect()
}

#[test]
fn both_listers_list_what_walkdir_lists() {
    let (_dir, root) = tree(&["a/b/c/f", "a/empty/", "a/to -> b", "broken -> x", ".h/.f"]);
    // More than fit into one buffer, and names of every length.
    for number in 0..3_000 {
        fs::write(root.join(format!("a/b/{number:0$}", 1 + number % 255)), "").unwrap();
    }
    let expected = listings(&root);
    for portable in [false, true] {
        for untyped in [false, true] {
            let walk = Walk::new(&root).portable_lister(portable).untyped_lister(untyped);
            let listed = walk.into_iter().map(|listing| {
                let listing = listing.unwrap();
                let names = listing.directories.into_iter().chain(listing.files);
                let names: Vec<PathBuf> = names.map(PathBuf::from).collect();
                let count = names.len();
                let names = BTreeSet::from_iter(names);
                assert_eq!(names.len(), count, "a name stands twice");
                (listing.path, names)
            });
            assert_eq!(listed.collect::<BTreeSet<_>>(), expected, "portable {portable}");
            // The source has more entries than fit into one buffer, too.
            let walk = Walk::new(root.join("a/b")).portable_lister(portable).max_depth(0);
            let listing = walk.into_iter().next().unwrap().unwrap();
            assert_eq!(listing.files.len() + listing.directories.len(), 3_001);
        }
    }
}
