//! How a scan runs: threads, deadlines, an early end, and large trees.
#![cfg(unix)]

#[path = "common/child.rs"]
mod child;
mod common;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use pathvein_core::{FileStructurePattern, Match, Next, Operation, Scan, Walk};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, mkdirat, openat, unlinkat};
use tempfile::TempDir;

/// A temporary directory, in memory where that is possible: a busy disk takes a minute to
/// make these trees.
fn temp() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let root = dir.path().canonicalize().unwrap();
    (dir, root)
}

fn pattern(name: &str) -> FileStructurePattern {
    FileStructurePattern::builder(name).build().unwrap()
}

/// Many directories side by side: more matches than may wait in the channel.
fn wide(root: &Path, count: usize) {
    for i in 0..count {
        fs::create_dir(root.join(format!("d{i}"))).unwrap();
    }
}

fn all(scan: Scan) -> Vec<Match> {
    let mut found: Vec<Match> = scan.into_iter().map(Result::unwrap).collect();
    found.sort_by(|a, b| a.path().cmp(b.path()));
    found
}

#[test]
fn a_directory_with_many_sub_directories() {
    const COUNT: usize = 20_000;
    let (_dir, root) = temp();
    wide(&root, COUNT);
    fs::write(root.join("d777/f"), "").unwrap();
    let has_f = FileStructurePattern::builder("d*").file("f").build().unwrap();
    let outer = FileStructurePattern::builder("*").directory(has_f.clone()).build().unwrap();
    for count in [1, 2, 8] {
        let scan = Scan::new(&root, &[has_f.clone(), outer.clone()]).threads(count);
        let found = all(scan);
        let found: Vec<_> = found.iter().map(|found| (found.path(), found.pattern())).collect();
        assert_eq!(found, [(&*root, 1), (&root.join("d777"), 0)]);
        assert_eq!(all(Scan::new(&root, &[pattern("d*")]).threads(count)).len(), COUNT);
    }
    let walk = Walk::new(&root).portable_lister(true);
    assert_eq!(walk.into_iter().filter(Result::is_ok).count(), COUNT + 1);
}

#[test]
fn chains_longer_than_a_path_may_be() {
    chain(3_000, true);
    // Deep enough to overflow a thread's stack with any recursion.
    chain(30_000, false);
}

fn chain(depth: usize, every_match: bool) {
    let (_dir, root) = temp();
    let mode = Mode::RWXU;
    let open = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut handle = openat(CWD, &root, open, Mode::empty()).unwrap();
    for _ in 0..depth {
        mkdirat(&handle, "dd", mode).unwrap();
        handle = openat(&handle, "dd", open, Mode::empty()).unwrap();
    }
    mkdirat(&handle, "leaf", mode).unwrap();
    drop(handle);

    let bottom = FileStructurePattern::builder("dd").directory(pattern("leaf")).build().unwrap();
    let mut nested = pattern("leaf");
    for _ in 0..120 {
        nested = FileStructurePattern::builder("dd").directory(nested).build().unwrap();
    }
    for count in [1, 8] {
        let scan = Scan::new(&root, &[bottom.clone(), nested.clone()]).threads(count);
        let found = all(scan);
        assert_eq!(found.len(), 2);
        for found in found {
            let levels = if found.pattern() == 0 { 0 } else { 119 };
            let length = root.as_os_str().len() + (depth - levels) * 3;
            assert_eq!(found.path().as_os_str().as_bytes().len(), length);
        }
    }
    if every_match {
        assert_eq!(all(Scan::new(&root, &[pattern("*")])).len(), depth + 2);
    }
    // The portable lister uses paths, which may not be as long: that is an error.
    if cfg!(any(target_os = "linux", target_os = "android")) {
        let scan = Scan::new(&root, &[bottom]).portable_lister(true);
        let results: Vec<_> = scan.into_iter().collect();
        let [Err(error)] = &results[..] else { panic!("{results:?}") };
        assert_eq!(error.operation(), Some(Operation::OpenDirectory));
        assert!(error.io_error().unwrap().raw_os_error().is_some());
    }

    // The function that removes a tree opens a handle for each level, so the chain is taken
    // apart from its top first.
    let (top, next) = (root.join("dd"), root.join("next"));
    for _ in 1..depth {
        fs::rename(top.join("dd"), &next).unwrap();
        fs::remove_dir(&top).unwrap();
        fs::rename(&next, &top).unwrap();
    }
    unlinkat(CWD, top.join("leaf"), AtFlags::REMOVEDIR).unwrap();
}

/// Runs the test of this name alone, with 64 file handles.
fn with_few_handles(test: &str) {
    child::run(test, |test| {
        let mut command = Command::new("sh");
        command.args(["-c", r#"ulimit -n 64 && exec "$0" "$@""#]).arg(test.get_program());
        command
    });
}

#[test]
fn few_file_handles() {
    const LEVELS: usize = 300;
    if !child::is_child() {
        return with_few_handles("few_file_handles");
    }
    // A comb: each level has a leaf beside the next level, so all of them wait.
    let (_dir, root) = temp();
    let mut path = root.clone();
    for _ in 0..LEVELS {
        path.push("n");
        fs::create_dir(&path).unwrap();
        fs::create_dir(path.join("leaf")).unwrap();
        fs::write(path.join("leaf/f"), "").unwrap();
    }
    let leaf = FileStructurePattern::builder("leaf").file("f").build().unwrap();
    let outer = FileStructurePattern::builder("n").directory(leaf.clone()).build().unwrap();
    for portable in [false, true] {
        for follow in [false, true] {
            for count in [1, 2, 8] {
                let scan = Scan::new(&root, &[leaf.clone(), outer.clone()])
                    .threads(count)
                    .follow_links(follow)
                    .portable_lister(portable);
                assert_eq!(all(scan).len(), 2 * LEVELS, "{count} threads, portable {portable}");
            }
        }
    }
    // Scans at the same time share the handles.
    let scans: Vec<_> = (0..4)
        .map(|_| Scan::new(&root, std::slice::from_ref(&leaf)).threads(2).start().unwrap())
        .collect();
    for scan in scans {
        let results: Vec<_> = scan.collect();
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), LEVELS);
        assert_eq!(results.len(), LEVELS, "no errors");
    }
    // With a relative path as the source, as few are open.
    std::env::set_current_dir(&root).unwrap();
    let listings = Walk::new("n").into_iter().filter(Result::is_ok).count();
    assert_eq!(listings, 2 * LEVELS);
    // The function that removes a tree needs a handle for each level.
    assert!(Command::new("rm").arg("-rf").arg(root.join("n")).status().unwrap().success());
}

#[test]
fn threads_near_the_limit_leave_some_handles() {
    if !child::is_child() {
        return with_few_handles("threads_near_the_limit_leave_some_handles");
    }
    const RUNS: usize = 1500;
    let (_dir, root) = temp();
    for number in 0..RUNS {
        fs::create_dir_all(root.join(format!("{number}/ses/anat"))).unwrap();
    }
    // What the process itself opens meanwhile: it never fails.
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let opening = scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let opened: Result<Vec<_>, _> =
                    (0..8).map(|_| fs::File::open("/dev/null")).collect();
                opened.unwrap();
                std::thread::yield_now();
            }
        });
        for round in 0..6 {
            let scan = Scan::new(&root, &[pattern("anat")]).threads(64);
            let results: Vec<_> = match round {
                0..3 => scan.into_iter().collect(),
                // Two at once share what there is.
                _ => {
                    let (mut one, two) = (scan.clone().start().unwrap(), scan.start().unwrap());
                    let first: Vec<_> = one.by_ref().collect();
                    assert_eq!(two.count(), RUNS);
                    first
                }
            };
            assert_eq!(results.iter().filter(|result| result.is_ok()).count(), RUNS);
            assert_eq!(results.len(), RUNS, "{:?}", results.iter().find(|result| result.is_err()));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        opening.join().unwrap();
    });
}

#[test]
fn a_directory_that_is_gone_when_it_is_opened_again() {
    const LEVELS: usize = 100;
    if !child::is_child() {
        return with_few_handles("a_directory_that_is_gone_when_it_is_opened_again");
    }
    for by_link in [false, true] {
        let (_dir, root) = temp();
        let mut path = root.clone();
        for _ in 0..LEVELS {
            path.push("n");
            // In any order of the listing, one leaf is before the next level, one after it.
            fs::create_dir_all(path.with_file_name("leaf1")).unwrap();
            fs::create_dir(&path).unwrap();
            fs::create_dir(path.with_file_name("leaf2")).unwrap();
        }
        // The bottom has more matches than may wait in the channel, so some leaves are not
        // visited yet when the first match is received.
        fs::create_dir(path.join("bottom")).unwrap();
        let bottom = pattern("bottom").into_builder();
        let same = |i: usize| bottom.clone().optional_file(i.to_string()).build().unwrap();
        let mut patterns: Vec<_> = (0..5_000).map(same).collect();
        patterns.push(pattern("leaf?"));
        let mut matches = Scan::new(&root, &patterns).threads(1).start().unwrap();
        let is_leaf = |found: &Match| found.pattern() == 5_000;
        let mut leaves = 0;
        while is_leaf(&matches.next().unwrap().unwrap()) {
            leaves += 1;
        }
        fs::rename(root.join("n"), root.join("m")).unwrap();
        if by_link {
            // It is gone no less if a link leads to where it is now.
            std::os::unix::fs::symlink("m", root.join("n")).unwrap();
        }
        let (found, errors): (Vec<_>, Vec<_>) = matches.partition(Result::is_ok);
        assert!(errors.is_empty(), "{} errors, {:?}", errors.len(), errors[0]);
        leaves += found.iter().filter(|found| is_leaf(found.as_ref().unwrap())).count();
        assert!((1..2 * LEVELS).contains(&leaves), "{leaves}");
        assert!(Command::new("rm").arg("-rf").arg(root.join("m")).status().unwrap().success());
    }
}

#[test]
fn dropping_a_scan_ends_its_threads() {
    if !child::is_child() {
        return child::run("dropping_a_scan_ends_its_threads", |command| command);
    }
    let workers = || {
        let Ok(tasks) = fs::read_dir("/proc/self/task") else { return 0 };
        let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
        tasks.flatten().filter_map(name).filter(|name| name == "pathvein\n").count()
    };
    let settled = || {
        // The system may list a thread a little longer than it runs.
        let deadline = Instant::now() + Duration::from_secs(5);
        while workers() > 0 {
            assert!(Instant::now() < deadline, "{} threads are left", workers());
            std::thread::yield_now();
        }
    };
    let (_dir, root) = temp();
    wide(&root, 10_000);
    let scan = Scan::new(&root, &[pattern("*")]).threads(4);
    // How many are taken: none, one, more than may wait in the channel, all.
    for count in [0, 1, 5_000, 10_001] {
        let mut matches = scan.clone().start().unwrap();
        assert_eq!(matches.by_ref().take(count).count(), count);
        // The workers wait for results to be taken. A thread gets its name a little after it
        // has started.
        while cfg!(target_os = "linux") && count < 1_000 && workers() < 4 {
            std::thread::yield_now();
        }
        drop(matches);
        settled();
    }
    // An iterator that has ended or is closed has no workers, even before it is dropped.
    let mut matches = scan.clone().start().unwrap();
    assert_eq!(matches.by_ref().count(), 10_001);
    settled();
    assert!(matches.next().is_none());
    let mut matches = scan.clone().start().unwrap();
    assert!(matches.next().is_some());
    matches.close();
    settled();
    assert!(matches.next().is_none());
    assert!(matches!(matches.next_before(Instant::now()), Next::End));
    let stats = matches.stats();
    assert!(stats.directories > 0 && stats.directories < 10_001);
    matches.close();
    assert_eq!(matches.stats(), stats);
    // A scan that finds nothing stops half-way, too, unless it was quick.
    let stopped = (0..20).any(|_| {
        let mut matches = Scan::new(&root, &[pattern("none")]).start().unwrap();
        matches.close();
        matches.stats().directories < 10_001
    });
    assert!(stopped);
    // A scan or a walk that cannot start leaves no workers.
    assert!(Scan::new(root.join("missing"), &[]).start().is_err());
    drop(Walk::new(&root).threads(3).start().unwrap());
    settled();
}

#[test]
fn deadlines() {
    let (_dir, root) = temp();
    wide(&root, 2_000);
    let mut matches = Scan::new(&root, &[pattern("d*")]).threads(2).start().unwrap();
    let (mut found, start) = (0, Instant::now());
    loop {
        let before = Instant::now();
        let next = matches.next_before(before + Duration::from_millis(1));
        assert!(before.elapsed() < Duration::from_secs(5));
        match next {
            Next::Item(result) => {
                result.unwrap();
                found += 1;
            }
            Next::Timeout => assert!(start.elapsed() < Duration::from_secs(60)),
            Next::End => break,
        }
    }
    assert_eq!(found, 2_000);
    assert!(matches!(matches.next_before(Instant::now()), Next::End));

    // A deadline that has passed does not wait, and loses nothing.
    let mut matches = Scan::new(&root, &[pattern("d*")]).start().unwrap();
    let past = Instant::now();
    let mut found = 0;
    loop {
        match matches.next_before(past) {
            Next::Item(result) => found += usize::from(result.is_ok()),
            Next::Timeout => std::thread::yield_now(),
            Next::End => break,
        }
    }
    assert_eq!(found, 2_000);
}

#[test]
fn inside_the_thread_pools_of_others() {
    let (_dir, root) = temp();
    wide(&root, 1_500);
    let scan = Scan::new(&root, &[pattern("d*")]);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| all(scan.clone()).len()), 1_500);
    // A scan from every thread of the global pool at once.
    rayon::scope(|scope| {
        for _ in 0..2 * rayon::current_num_threads() {
            scope.spawn(|_| assert_eq!(all(scan.clone()).len(), 1_500));
        }
    });
    // A scan inside another.
    let nested = scan.clone().into_iter().take(3).map(|_| all(scan.clone()).len());
    assert_eq!(nested.collect::<Vec<_>>(), [1_500; 3]);
}

#[test]
fn any_number_of_threads_gives_the_same() {
    let (_dir, root) = temp();
    let mut seed = common::generate::Random(7);
    for _ in 0..40 {
        let sub = root.join(format!("t{}", fs::read_dir(&root).unwrap().count()));
        fs::create_dir(&sub).unwrap();
        common::disk::build(&mut seed, &sub);
    }
    let patterns = common::generate::patterns(&mut seed, common::generate::Profile::Small);
    let patterns = [&patterns[..], &[pattern("*")]].concat();
    let scan = Scan::new(&root, &patterns);
    let one = all(scan.clone().threads(1));
    assert!(one.len() > 100);
    let sorted = |mut found: Vec<Match>| {
        found.sort_by_key(|found| (found.path().to_path_buf(), found.pattern()));
        found
    };
    let one = sorted(one);
    for count in [2, 3, 8, 40] {
        assert_eq!(sorted(all(scan.clone().threads(count))), one);
    }
    assert_eq!(sorted(all(scan.threads(None))), one);
}

/// Large listings take memory, so only few of them wait in the channel.
#[test]
fn few_large_listings_wait() {
    let (_dir, root) = temp();
    wide(&root, 64);
    for i in 0..64 {
        for j in 0..2_000 {
            fs::File::create(root.join(format!("d{i}/{j}"))).unwrap();
        }
    }
    let mut listings = Walk::new(&root).threads(1).start().unwrap();
    let progress = listings.progress();
    // A shorter time would make the test weaker, not wrong.
    std::thread::sleep(Duration::from_millis(500));
    assert!(progress.stats().directories < 40, "{:?}", progress.stats());
    assert_eq!(
        listings.by_ref().map(|listing| listing.unwrap().files.len()).sum::<usize>(),
        128_000
    );
    assert_eq!(progress.stats().directories, 65);
}

#[test]
fn fewer_threads_than_asked_for() {
    const NAME: &str = "fewer_threads_than_asked_for";
    // Other users' processes do not count for this limit.
    if !rustix::process::geteuid().is_root() && !child::is_child() {
        return;
    }
    if !child::is_child() {
        return child::run_as(NAME, 61_417);
    }
    let (_dir, root) = temp();
    wide(&root, 1_000);
    let limit = rustix::process::Rlimit { current: Some(20), maximum: Some(20) };
    rustix::process::setrlimit(rustix::process::Resource::Nproc, limit).unwrap();
    let builder = || std::thread::Builder::new();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let started = std::thread::scope(|scope| {
        let wait = || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                std::thread::yield_now();
            }
        };
        let started = (0..30).filter(|_| builder().spawn_scoped(scope, wait).is_ok()).count();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        started
    });
    assert!((1..20).contains(&started), "the limit does not hold: {started}");
    for _ in 0..20 {
        assert_eq!(all(Scan::new(&root, &[pattern("*")]).threads(30)).len(), 1_001);
    }
}
