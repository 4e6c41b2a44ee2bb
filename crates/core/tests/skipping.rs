//! What need not be read: directories that need not be opened, and the rest of large ones.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pathvein_core::{Check, ExcludeRules, FileStructurePattern, MadeUp, MadeUpEntry, Scan, Stats};

fn pattern(text: &str) -> FileStructurePattern {
    FileStructurePattern::from_text(text).unwrap()
}

fn source() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("/skipping/{}", NEXT.fetch_add(1, Ordering::Relaxed)).into()
}

fn directory(of: MadeUp) -> MadeUpEntry {
    MadeUpEntry::Directory(Arc::new(of))
}

/// A directory of these entries on a file system that keeps link counts.
fn made_up<N: Into<std::ffi::OsString>>(
    entries: impl IntoIterator<Item = (N, MadeUpEntry)>,
) -> MadeUp {
    let entries = entries.into_iter().map(|(name, entry)| (name.into(), entry)).collect();
    MadeUp { entries, counts_links: true, ..MadeUp::default() }
}

fn leaf() -> MadeUp {
    made_up([("file", MadeUpEntry::File)])
}

/// A directory of so many.
fn of_many(count: usize, one: impl Fn(usize) -> MadeUp) -> MadeUp {
    made_up((0..count).map(|number| (format!("d{number}"), directory(one(number)))))
}

/// What is found, by the last component, and the stats.
fn found(scan: Scan) -> (BTreeSet<String>, Stats) {
    let mut scan = scan.start().unwrap();
    let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_string();
    let found = scan.by_ref().map(|found| name(found.unwrap().path())).collect();
    (found, scan.stats())
}

fn scan(tree: MadeUp, text: &str) -> Scan {
    Scan::new(source(), &pattern(text)).made_up(tree).threads(1)
}

/// How many were listed and skipped.
fn counts(scan: Scan) -> (usize, usize) {
    let stats = found(scan).1;
    (stats.directories, stats.skipped)
}

#[test]
fn leaves_are_told_by_their_link_counts() {
    let tree = || of_many(3, |_| leaf());
    assert_eq!(counts(scan(tree(), "run/{a.csv}")), (1, 3));
    assert_eq!(counts(scan(tree(), "run/{a.csv}").leaf_skip(false)), (4, 0));
    // A link that is followed might lead anywhere.
    assert_eq!(counts(scan(tree(), "run/{a.csv}").follow_links(true)), (4, 0));
    // Candidates are opened, and so are those that match by their name: they have to be readable.
    assert_eq!(counts(scan(tree(), "d1/{a.csv}")), (2, 2));
    assert_eq!(counts(scan(tree(), "d1/")), (2, 2));
    // One that has to be there and need hold nothing is not.
    let (names, stats) = found(scan(tree(), "*/{d1/}"));
    assert_eq!((names.len(), stats.directories, stats.skipped), (1, 4, 0));
    let top = made_up([("top", directory(of_many(3, |_| leaf())))]);
    let (names, stats) = found(scan(top, "top/{d1/}"));
    assert_eq!((names, stats.directories, stats.skipped), (["top".into()].into(), 2, 3));
    // What is excluded is not asked for, and a directory of excluded ones is none without any.
    let excluded = made_up([("a", directory(of_many(2, |_| leaf())))]);
    let rules = ExcludeRules::new(["d*"]).unwrap();
    assert_eq!(counts(scan(excluded, "run/{a.csv}").exclude(rules)), (2, 0));
}

#[test]
fn only_some_file_systems_are_trusted() {
    let tree = |counts_links, links| {
        let entries = of_many(3, |_| MadeUp { counts_links, links, ..leaf() });
        MadeUp { counts_links, ..entries }
    };
    let count = |tree, trusts| counts(scan(tree, "run/{a.csv}").trust_link_counts(trusts));
    assert_eq!(count(tree(true, None), false), (1, 3));
    assert_eq!(count(tree(false, None), false), (4, 0));
    assert_eq!(count(tree(false, None), true), (1, 3));
    // What is mounted when it is opened, nobody has seen yet.
    let on_demand = |is_mount_point| {
        let of =
            |tree| MadeUp { counts_links: false, mounts_on_demand: true, is_mount_point, ..tree };
        of(of_many(3, |_| of(leaf())))
    };
    assert_eq!(count(on_demand(false), true), (4, 0));
    let within = made_up([("net", directory(on_demand(true)))]);
    assert_eq!(count(MadeUp { counts_links: false, ..within }, true), (5, 0));
    // btrfs says 1 of each, and other counts tell nothing either.
    for links in [0, 1, 3] {
        assert_eq!(count(tree(true, Some(links)), true), (4, 0));
    }
    // One file system in another, either way: the answer is that of what is mounted.
    for (outer, inner) in [(true, false), (false, true)] {
        for depth in 1..8 {
            let of = |counts_links, inside: MadeUp| {
                let entries = [("a", directory(inside)), ("run", directory(leaf()))];
                MadeUp { counts_links, ..made_up(entries) }
            };
            let mut tree = MadeUp { counts_links: inner, ..leaf() };
            tree = of(inner, of(inner, tree));
            // The directories named "run" are of the other kind: never trusted by the parent.
            for _ in 0..depth {
                tree = of(outer, tree);
            }
            let (skips, plain) = (
                found(scan(tree.clone(), "run/{file}")),
                found(scan(tree, "run/{file}").leaf_skip(false)),
            );
            assert_eq!(skips.0, plain.0);
            assert_eq!(skips.1.directories + skips.1.skipped, plain.1.directories);
        }
    }
    let mounted = |outer, inner, links| {
        let leaf = || directory(MadeUp { counts_links: inner, links, ..leaf() });
        let inside = made_up([("a", leaf()), ("b", leaf())]);
        let inside = directory(MadeUp { counts_links: inner, ..inside });
        MadeUp { counts_links: outer, ..made_up([("mount", inside)]) }
    };
    assert_eq!(counts(scan(mounted(false, true, None), "run/{file}")), (2, 2));
    assert_eq!(counts(scan(mounted(true, false, None), "run/{file}")), (4, 0));
    // With a count of 2 that is wrong, where it is not to be trusted.
    let wrong =
        MadeUp { counts_links: false, links: Some(2), ..made_up([("run", directory(leaf()))]) };
    let wrong = MadeUp { counts_links: true, ..made_up([("mount", directory(wrong))]) };
    assert_eq!(found(scan(wrong, "run/{file}")).0.len(), 1);
}

#[test]
fn mount_points_are_listed_on_one_file_system() {
    let mount = || directory(MadeUp { is_mount_point: true, ..leaf() });
    let tree = || made_up([("a", directory(leaf())), ("mount", mount())]);
    assert_eq!(counts(scan(tree(), "run/{file}").one_file_system(true)), (1, 1));
    let all = scan(tree(), "run/{file}").one_file_system(true).trust_link_counts(true);
    assert_eq!(counts(all), (1, 1));
    // What is mounted is of another file system, of which nothing is known.
    assert_eq!(counts(scan(tree(), "run/{file}")), (2, 1));
    assert_eq!(counts(scan(tree(), "run/{file}").trust_link_counts(true)), (2, 1));
}

#[test]
fn what_cannot_be_asked_is_opened() {
    let looks = Arc::new(AtomicUsize::new(0));
    for (unseen, asked) in [
        // A sandbox forbids it: it is not asked again.
        (ErrorKind::PermissionDenied, 1),
        (ErrorKind::Unsupported, 1),
        // Anything else may have been of this one.
        (ErrorKind::Other, 3),
    ] {
        looks.store(0, Ordering::Relaxed);
        let one = |_| MadeUp { unseen: Some(unseen), looks: Arc::clone(&looks), ..leaf() };
        assert_eq!(counts(scan(of_many(3, one), "run/{a.csv}")), (4, 0));
        assert_eq!(looks.load(Ordering::Relaxed), asked, "{unseen}");
    }
    // Where the directory cannot be opened either, that says nothing of the question.
    let closed = MadeUp {
        unseen: Some(ErrorKind::PermissionDenied),
        closed: Some(ErrorKind::PermissionDenied),
        ..leaf()
    };
    let tree = made_up([("a", directory(closed)), ("b", directory(leaf()))]);
    let mut results = scan(tree, "run/{a.csv}").start().unwrap();
    assert_eq!(results.by_ref().filter(Result::is_err).count(), 1);
    assert_eq!((results.stats().directories, results.stats().skipped), (1, 1));
    // Nobody looks into one that could not be read.
    let closed = MadeUp { closed: Some(ErrorKind::PermissionDenied), ..leaf() };
    let tree = made_up([("a", directory(closed))]);
    assert_eq!(counts(scan(tree, "run/{a.csv}")), (1, 1));
}

#[test]
fn where_there_are_no_leaves_it_is_not_asked() {
    let looks = Arc::new(AtomicUsize::new(0));
    // Each holds a candidate, which is opened anyway.
    let run = || ("run", directory(leaf()));
    let one = |_| MadeUp { looks: Arc::clone(&looks), ..made_up([run()]) };
    assert_eq!(counts(scan(of_many(500, one), "run/{a.csv}")), (1001, 0));
    let in_vain = looks.load(Ordering::Relaxed);
    assert!((1..15).contains(&in_vain), "{in_vain}");
    // As soon as there are some, it is asked again.
    let one = |number| if number < 500 { made_up([run()]) } else { leaf() };
    let (listed, skipped) = counts(scan(of_many(1000, one), "run/{a.csv}"));
    assert!(listed + skipped == 1501 && skipped > 490, "{skipped}");
}

#[test]
fn names_tell_where_it_pays_to_ask() {
    // At each depth there are as many leaves as others.
    let letters = |number: usize| {
        let letter = |digit: usize| char::from(b"abcdefghijklmnopqrst"[number / digit % 20]);
        [8000, 400, 20, 1].map(letter).iter().collect::<String>()
    };
    let names: [(&str, &dyn Fn(usize) -> String); 3] = [
        ("one name", &|_| "package".into()),
        ("numbered names", &|number| format!("package-{number}.{number}")),
        ("names without end", &letters),
    ];
    for (what, name) in names {
        let looks = Arc::new(AtomicUsize::new(0));
        let module = |number| {
            let below = made_up([("run", directory(leaf()))]);
            let package = MadeUp { looks: Arc::clone(&looks), ..below };
            made_up([("cache".into(), directory(leaf())), (name(number), directory(package))])
        };
        let (listed, skipped) = counts(scan(of_many(500, module), "run/{a.csv}"));
        assert_eq!(listed + skipped, 1 + 4 * 500);
        assert_eq!(skipped, 500, "{what}");
        // Those of the depth above tell nothing of these.
        let in_vain = looks.load(Ordering::Relaxed);
        assert!((1..30).contains(&in_vain), "{what}: {in_vain}");
    }
}

#[test]
fn matches_that_links_hide_are_told_of_as_long_as_there_may_be_any() {
    // Of these only the directories matter, and there are none in them.
    let run = |has_link| match has_link {
        true => made_up([("data", MadeUpEntry::Link), ("file", MadeUpEntry::File)]),
        false => leaf(),
    };
    let scan = |linked: usize| scan(of_many(100, |number| run(number == linked)), "d*/{data/{a}}");
    let (_, stats) = found(scan(1000));
    assert_eq!((stats.hidden_by_links, stats.directories + stats.skipped), (0, 101));
    assert!(stats.skipped > 70 && stats.directories > 17, "{stats:?}");
    // With one among the first, none is left out.
    let (_, stats) = found(scan(7));
    assert_eq!((stats.hidden_by_links, stats.directories, stats.skipped), (1, 101, 0));
    // Where a link would do, all are listed, and so are those of which it has to be certain.
    for text in ["d*/{data/}", "d*/{no data/{a}}", "d*/{data/{a}, nothing else}", "d*/{0-1 x/{a}}"]
    {
        let tree = of_many(100, |number| run(number == 99));
        let both = [true, false].map(|skips| {
            let (names, stats) = found(self::scan(tree.clone(), text).leaf_skip(skips));
            (names, stats.skipped)
        });
        assert_eq!(both[0], both[1], "{text}");
        assert_eq!(both[0].1, 0, "{text}");
    }
}

/// A large directory: a file that is asked for and a directory come early, and at the end a
/// directory that the count does not know of.
fn large(changed: i64, links: u64) -> MadeUp {
    let file = |number| (format!("f{number}"), MadeUpEntry::File);
    let mut entries = vec![
        ("asked.csv".into(), MadeUpEntry::File),
        ("first".into(), directory(made_up([("a", MadeUpEntry::File)]))),
    ];
    entries.extend((0..200).map(file));
    entries.push(("last".into(), directory(made_up([("a", MadeUpEntry::File)]))));
    MadeUp { changed, links: Some(links), pause: 10, ..made_up(entries) }
}

#[test]
fn a_large_directory_is_read_until_nothing_more_can_come_of_it() {
    let scan = |tree: MadeUp, text: &str| found(scan(made_up([("large", directory(tree))]), text));
    let both = BTreeSet::from(["first".to_string(), "last".into()]);
    let first = BTreeSet::from(["first".to_string()]);
    // The count says that there is one.
    let (names, stats) = scan(large(0, 3), "*/{a}");
    assert_eq!(names, both, "asked for a file that is not there, it is read to its end");
    assert_eq!(stats.entries, 1 + 203 + 2);
    let (names, stats) = scan(large(0, 3), "first/ | last/{a}");
    assert_eq!((names, stats.entries), (first.clone(), 1 + 10 + 1));
    // There are two, or it does not tell.
    for links in [4, 1] {
        let (names, stats) = scan(large(0, links), "first/ | last/{a}");
        assert_eq!((names, stats.entries), (both.clone(), 1 + 203 + 2), "{links}");
    }
    // It was changed since the scan began, or not long before: then the one may have taken the
    // other's place while it was read.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    for changed in [now - 1, now, now + 9] {
        let (names, _) = scan(large(changed, 3), "first/ | last/{a}");
        assert_eq!(names, both, "{}", changed - now);
    }
    assert_eq!(scan(large(now - 9, 3), "first/ | last/{a}").0, first);
    // A file system that does not keep such counts.
    let tree = MadeUp { counts_links: false, ..large(0, 3) };
    assert_eq!(scan(tree, "first/ | last/{a}").0, both);

    // What a candidate asks for.
    let entries = |text| scan(large(0, 3), text).1.entries;
    let (some, all) = (1 + 10, 1 + 203);
    for (text, expected) in [
        ("large/{asked.csv}", some),
        ("large/{f7}", some),
        ("large/{f12}", 1 + 20),
        ("large/{3+ f*}", some),
        ("large/{30+ f*}", 1 + 40),
        ("large/{f12 | f3}", some),
        ("large/{asked.csv, f199}", all),
        ("large/{none}", all),
        ("large/{0-1 g*}", all),
        ("large/{no g*}", all),
        ("large/{asked.csv, f*, first/, last/, nothing else}", all),
        // Links might hide it.
        ("large/{asked.csv, first/{b}}", all),
        ("large/{asked.csv, first/}", all),
    ] {
        let below = if expected == all { 2 } else { 1 };
        let opens_first = usize::from(text.contains("first/{"));
        let listed = entries(text);
        assert!((expected..=expected + below).contains(&listed), "{text}: {listed} {opens_first}");
    }
}

#[test]
fn checks_look_at_all_that_comes_close() {
    let tree = || {
        let run = made_up([("unlike", MadeUpEntry::File)]);
        let other = made_up([("a.csv", MadeUpEntry::File)]);
        let run = MadeUp {
            entries: [run.entries, vec![("old".into(), directory(other))]].concat(),
            ..run
        };
        made_up([("run", directory(run)), ("other", directory(leaf()))])
    };
    let check = |skips| {
        let check = Check::new(source(), &pattern("run/{a.csv}")).threads(1).leaf_skip(skips);
        let mut check = check.with(|scan| scan.made_up(tree())).start().unwrap();
        let findings: Vec<_> = check.by_ref().map(|it| it.unwrap().into_parts().2).collect();
        (findings, check.stats().skipped)
    };
    let ((with, skipped), (without, none)) = (check(true), check(false));
    assert_eq!((&with, none), (&without, 0));
    // That which is no candidate, nor below one.
    assert_eq!(skipped, 1);
}

#[cfg(target_os = "linux")]
mod on_disk {
    use super::*;
    use std::fs;

    /// In memory, where link counts are kept.
    fn temporary() -> Option<tempfile::TempDir> {
        tempfile::tempdir_in("/dev/shm").ok()
    }

    #[test]
    fn in_memory_link_counts_are_kept() {
        let Some(dir) = temporary() else { return };
        for path in ["a/b", "a/c", "d/run", "e"] {
            fs::create_dir_all(dir.path().join(path)).unwrap();
        }
        fs::write(dir.path().join("d/run/x"), "").unwrap();
        let scan = || Scan::new(dir.path(), &pattern("run/{x}")).threads(1);
        let (names, stats) = found(scan());
        assert_eq!((names.len(), stats.directories, stats.skipped), (1, 4, 3));
        let (names, stats) = found(scan().leaf_skip(false));
        assert_eq!((names.len(), stats.directories, stats.skipped), (1, 7, 0));
    }

    #[test]
    fn a_large_directory_on_disk() {
        let Some(dir) = temporary() else { return };
        let large = dir.path().join("run");
        fs::create_dir(&large).unwrap();
        for number in 0..3000 {
            fs::write(large.join(format!("a file of some length {number}")), "").unwrap();
        }
        let scan = || Scan::new(dir.path(), &pattern("run/{a*}")).threads(1);
        // It was just changed.
        assert_eq!(found(scan()).1.entries, 3001);
        // Not longer than it takes to be sure of the clock.
        std::thread::sleep(std::time::Duration::from_millis(3100));
        let (names, stats) = found(scan());
        assert!(names.len() == 1 && stats.entries < 2000, "{stats:?}");
        assert_eq!(found(scan().leaf_skip(false)).1.entries, 3001);
    }
}
