//! Trees that are deeper than a path may be long, scanned with few file handles or none.
#![cfg(any(target_os = "linux", target_os = "android"))]

#[path = "common/child.rs"]
mod child;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pathvein_core::{Error, FileStructurePattern, Match, Operation, Scan};
use rustix::fs::{Mode, OFlags, mkdirat, openat};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

const LEVELS: usize = 10_000;

fn temp() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let root = dir.path().canonicalize().unwrap();
    (dir, root)
}

/// Removes a tree even if its paths are longer than a path may be.
fn remove(dir: TempDir) {
    assert!(Command::new("rm").arg("-rf").arg(dir.path()).status().unwrap().success());
}

fn pattern(name: &str) -> FileStructurePattern {
    FileStructurePattern::builder(name).build().unwrap()
}

fn enter(parent: &OwnedFd, name: &str) -> OwnedFd {
    mkdirat(parent, name, Mode::RWXU).unwrap();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty()).unwrap()
}

/// Makes a comb: each level has leaves beside the next level, before and after it in any
/// order of the listing, so all levels wait at the same time. The leaves of every `step`-th
/// level have a file.
fn comb(root: &Path, levels: usize, step: usize) {
    let mut handle: OwnedFd = File::open(root).unwrap().into();
    for level in 0..levels {
        handle = enter(&handle, "n");
        for leaf in ["a", "z"] {
            let leaf = enter(&handle, leaf);
            if level % step > 0 {
                continue;
            }
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
            openat(leaf, "f", flags, Mode::RWXU).unwrap();
        }
    }
}

fn run(scan: Scan) -> (Vec<Match>, Vec<Error>) {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for result in scan {
        match result {
            Ok(found_one) => found.push(found_one),
            Err(error) => errors.push(error),
        }
    }
    (found, errors)
}

/// If each level were a match, most of the time would be spent on paths.
fn a_comb(levels: usize, step: usize, counts: &[usize]) {
    let (dir, root) = temp();
    comb(&root, levels, step);
    let leaf = FileStructurePattern::builder("[az]").file("f").build().unwrap();
    let tooth = FileStructurePattern::builder("n").directory(leaf.clone()).build().unwrap();
    for &count in counts {
        let mut scan = Scan::new(&root, &[leaf.clone(), tooth.clone()])
            .threads(count)
            .follow_links(count == 2)
            .start()
            .unwrap();
        let found: Vec<Match> = scan.by_ref().map(Result::unwrap).collect();
        let of = |pattern| found.iter().filter(|found| found.pattern() == pattern).count();
        assert_eq!((of(0), of(1)), (2 * levels / step, levels / step), "{count} threads");
        let longest = found.iter().map(|found| found.path().as_os_str().len()).max();
        assert_eq!(longest, Some(root.as_os_str().len() + 2 * (levels - step + 2)));
        assert_eq!(scan.stats().directories, 3 * levels + 1);
    }
    remove(dir);
}

#[test]
fn combs() {
    a_comb(LEVELS, 100, &[1, 2, 8]);
}

#[test]
fn that_each_directory_asks_something_of_the_next_costs_no_more_in_a_deep_tree() {
    const LEVELS: usize = 3_000;
    let (dir, root) = temp();
    comb(&root, LEVELS, LEVELS / 10);
    // None of the levels matches, and none is known not to before the last one is listed.
    let nested = |inner| FileStructurePattern::builder("[naz]").directory(inner).build().unwrap();
    let outer = nested(nested(nested(pattern("none"))));
    let leaf = FileStructurePattern::builder("[az]").file("f").build().unwrap();
    let begin = Instant::now();
    for threads in [1, 2] {
        let patterns = [outer.clone(), leaf.clone()];
        let (found, errors) = run(Scan::new(&root, &patterns).threads(threads).outermost(true));
        assert_eq!((found.len(), errors.len()), (20, 0));
    }
    // Each level was compared with all above it, and that for all above it: it took minutes.
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    remove(dir);
}

/// Runs the test of this name alone, with few file handles and a small default stack for
/// threads.
fn run_with_few_handles(test: &str, handles: usize) {
    child::run(test, |test| {
        let mut command = Command::new("sh");
        let limited = format!(r#"ulimit -n {handles} && exec "$0" "$@""#);
        command.args(["-c", &limited]).arg(test.get_program()).env("RUST_MIN_STACK", "200000");
        command
    });
}

#[test]
fn combs_with_few_handles_and_a_small_stack() {
    if !child::is_child() {
        return run_with_few_handles("combs_with_few_handles_and_a_small_stack", 64);
    }
    a_comb(LEVELS, 100, &[1, 8]);
}

#[test]
fn more_threads_than_handles() {
    if !child::is_child() {
        return run_with_few_handles("more_threads_than_handles", 24);
    }
    a_comb(300, 1, &[30]);
}

/// Takes all file handles but so many.
fn use_up(but: usize) -> Vec<File> {
    let mut used: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    used.truncate(used.len() - but);
    used
}

#[test]
fn the_last_handles_of_a_process() {
    if !child::is_child() {
        return run_with_few_handles("the_last_handles_of_a_process", 256);
    }
    let (dir, root) = temp();
    comb(&root, 40, 1);
    for i in 0..40 {
        fs::create_dir_all(root.join(format!("wide{i}/x/y"))).unwrap();
    }
    let all = 1 + 3 * 40 + 3 * 40;
    for (left, count) in [(3, 1), (3, 2), (3, 8), (4, 2), (5, 4), (8, 8)] {
        let used = use_up(left);
        let (found, errors) = run(Scan::new(&root, &[pattern("*")]).threads(count));
        drop(used);
        // Three handles are enough: the source, a directory and one inside it.
        let first = errors.first().map(ToString::to_string);
        assert_eq!((found.len(), first), (all, None), "{left} handles, {count} threads");
    }
    // The portable lister opens as many as there are threads, for a moment.
    let used = use_up(2);
    let (found, errors) = run(Scan::new(&root, &[pattern("*")]).threads(2).portable_lister(true));
    drop(used);
    assert_eq!((found.len(), errors.len()), (all, 0));
    // With fewer, directories that cannot be opened are errors, and the scan ends.
    let used = use_up(1);
    let (found, errors) = run(Scan::new(&root, &[pattern("*")]).threads(2));
    drop(used);
    assert_eq!(found.len(), 1);
    assert_eq!(errors.len(), 41);
    for error in errors {
        assert_eq!(error.path().unwrap().parent(), Some(&*root));
        let number = error.io_error().unwrap().raw_os_error();
        assert_eq!(number, Some(rustix::io::Errno::MFILE.raw_os_error()), "{error}");
    }
    // Handles of others, which are closed in time.
    let used = use_up(1);
    let (found, errors) = std::thread::scope(|scope| {
        let mut matches = Scan::new(&root, &[pattern("*")]).start().unwrap();
        scope.spawn(move || drop(used));
        (matches.by_ref().filter(Result::is_ok).count(), matches.stats().errors)
    });
    assert_eq!((found, errors), (all, 0));
    // Without any handle, the source is an error.
    let used = use_up(0);
    let error = Scan::new(&root, &[pattern("*")]).start().unwrap_err();
    drop(used);
    assert_eq!(
        error.io_error().unwrap().raw_os_error(),
        Some(rustix::io::Errno::MFILE.raw_os_error())
    );
    assert_eq!(error.path(), Some(&*root));
    remove(dir);
}

#[test]
fn a_caller_whose_limit_sinks_meanwhile() {
    if !child::is_child() {
        return child::run("a_caller_whose_limit_sinks_meanwhile", |command| command);
    }
    let (dir, root) = temp();
    comb(&root, 2_000, 1);
    let mut matches = Scan::new(&root, &[pattern("[az]")]).threads(2).start().unwrap();
    assert!(matches.next().unwrap().is_ok());
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(32), maximum }).unwrap();
    let mut found = 1;
    for result in matches {
        result.unwrap();
        found += 1;
    }
    assert_eq!(found, 4_000);
    remove(dir);
}

#[test]
fn what_is_opened_again_is_the_same() {
    if !child::is_child() {
        return run_with_few_handles("what_is_opened_again_is_the_same", 64);
    }
    let (dir, root) = temp();
    comb(&root, 100, 1);
    // The bottom has more matches than may wait in the channel, so some leaves are not
    // visited yet when the first match is received.
    let mut bottom = root.clone();
    bottom.extend(["n"; 100]);
    fs::create_dir(bottom.join("bottom")).unwrap();
    let same = |i: usize| {
        let builder = pattern("bottom").into_builder();
        builder.optional_file(i.to_string()).build().unwrap()
    };
    let mut patterns: Vec<_> = (0..5_000).map(same).collect();
    patterns.push(pattern("decoy"));
    let mut matches = Scan::new(&root, &patterns).threads(1).start().unwrap();
    matches.next().unwrap().unwrap();
    // Another tree takes its place, with the same names and one more.
    fs::rename(root.join("n"), root.join("m")).unwrap();
    comb(&root, 100, 1);
    let mut path = root.clone();
    for _ in 0..100 {
        path.push("n");
        fs::create_dir(path.join("a/decoy")).unwrap();
        fs::create_dir(path.join("z/decoy")).unwrap();
    }
    let (mut decoys, mut errors) = (0, Vec::new());
    for result in matches {
        match result {
            Ok(found) => decoys += usize::from(found.pattern() == 5_000),
            Err(error) => errors.push(error),
        }
    }
    assert_eq!(decoys, 0, "found that were never there");
    // What is there is not what was there, as is told once for each directory.
    assert!(!errors.is_empty());
    let mut paths = HashSet::new();
    for error in &errors {
        assert_eq!(error.operation(), Some(Operation::OpenDirectory));
        assert_eq!(error.io_error().unwrap().kind(), ErrorKind::StaleNetworkFileHandle);
        assert!(paths.insert(error.path()), "told twice: {error}");
    }
    remove(dir);
}

/// Says that something is over when it is dropped.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Directories are exchanged for links to elsewhere, again and again, at every level and at
/// every point of the scan.
#[test]
fn no_step_outside() {
    let (dir, root) = temp();
    let (inside, outside) = (root.join("in"), root.join("out"));
    for i in 0..20 {
        fs::create_dir_all(inside.join(format!("d{i}/e/f"))).unwrap();
    }
    fs::create_dir_all(outside.join("e/f/stolen")).unwrap();
    fs::create_dir_all(outside.join("f/stolen")).unwrap();
    fs::create_dir_all(outside.join("stolen")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // However this ends.
        let _ending = Ending(&stop);
        scope.spawn(|| {
            let spare = root.join("spare");
            while !stop.load(Ordering::Relaxed) {
                for i in 0..20 {
                    let at = inside.join(format!("d{i}{}", ["", "/e", "/e/f"][i % 3]));
                    fs::rename(&at, &spare).unwrap();
                    std::os::unix::fs::symlink(&outside, &at).unwrap();
                    std::thread::yield_now();
                    fs::remove_file(&at).unwrap();
                    fs::rename(&spare, &at).unwrap();
                }
            }
        });
        let stolen =
            FileStructurePattern::builder("*").directory(pattern("stolen")).build().unwrap();
        for round in 0..200 {
            let scan = Scan::new(&inside, &[pattern("stolen"), stolen.clone()])
                .threads(1 + round % 3)
                .portable_lister(round % 5 == 4)
                .untyped_lister(round % 2 == 1);
            let (found, errors) = run(scan);
            // The portable lister does not notice a path that leads elsewhere for a moment.
            let found = found.iter().filter(|_| round % 5 != 4).collect::<Vec<_>>();
            assert!(found.is_empty(), "{found:?}");
            assert!(errors.is_empty(), "{errors:?}");
        }
    });
    remove(dir);
}
