//! The outermost matches: against the naive reference, and what is not entered for them.

mod common;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use common::generate::{self, Choices, Profile, Random};
use common::long;
use common::reference::{self, Matches, Sub, Tree};
use pathvein_core::{ExcludeRules, FileStructurePattern, KeyScan, ListingScan, Name};

const ROOT: &str = "/root";

fn max_depth(choices: &mut impl Choices) -> Option<usize> {
    [None, None, Some(0), Some(1), Some(2), Some(3)][choices.below(6)]
}

#[cfg(unix)]
fn on_disk(choices: &mut impl Choices, profile: Profile) {
    use common::disk;
    use pathvein_core::Scan;

    let options = disk::Options { follow_links: choices.once_in(2), ..Default::default() };
    let (max_depth, threads) = (max_depth(choices), [1, 2, 8][choices.below(3)]);
    let patterns = generate::patterns(choices, profile);
    let shm = Path::new("/dev/shm");
    let dir = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
    let root = dir.path().canonicalize().unwrap().join("a");
    std::fs::create_dir(&root).unwrap();
    disk::build(choices, &root);
    let tree = disk::read(&root, &options, &mut Vec::new());
    let all = reference::scan(&root, "a".as_ref(), &tree, &patterns, max_depth);
    let visited = reference::walk(&root, &tree, None).len();

    for portable in [false, true] {
        let mut scan = Scan::new(&root, &patterns)
            .outermost(true)
            .follow_links(options.follow_links)
            .max_depth(max_depth)
            .threads(threads)
            .portable_lister(portable)
            .start()
            .unwrap();
        // Only loops are errors here.
        let found: Vec<_> = scan.by_ref().filter_map(Result::ok).collect();
        let stats = scan.stats();
        assert_eq!(stats.matches, found.len());
        let count = found.len();
        let found: Matches =
            found.into_iter().map(|one| (one.path().to_path_buf(), one.pattern())).collect();
        assert_eq!(found, reference::outermost(&all), "{patterns:?} {tree:#?} {max_depth:?}");
        assert_eq!(count, found.len(), "a match stands twice");
        assert!(stats.directories <= visited);
    }
}

/// The listings in any order.
fn listings(choices: &mut impl Choices, profile: Profile) {
    let max_depth = max_depth(choices);
    let patterns = generate::patterns(choices, profile);
    let whole = generate::tree(choices);
    let mut tree = if choices.once_in(3) { generate::damaged(choices, &whole) } else { whole };
    let name = generate::name(choices);
    plain(&mut tree);
    let all = reference::scan(Path::new(ROOT), &name, &tree, &patterns, max_depth);

    let mut scan = ListingScan::new(&patterns, max_depth).outermost(true);
    let source = scan.source(&*name);
    let mut wanted = vec![(source, PathBuf::from(ROOT), Sub::Entered(tree.clone()))];
    let mut found = Vec::new();
    while !wanted.is_empty() {
        assert!(!scan.is_done());
        let (id, path, sub) = wanted.swap_remove(choices.below(wanted.len()));
        // Who does not ask is told of the same matches.
        if choices.once_in(2) && !scan.is_wanted(id) {
            continue;
        }
        match sub {
            Sub::NotEntered => scan.not_entered(id),
            Sub::Unlisted => scan.not_listed(id),
            Sub::Entered(Tree { directories, files, broke_off, .. }) => {
                let names: Vec<(Name, bool)> = directories
                    .iter()
                    .map(|(name, sub)| (Name::from(&**name), !matches!(sub, Sub::Link)))
                    .collect();
                let files = files.iter().map(|name| Name::from(&**name));
                let below = if broke_off {
                    scan.listed_in_part(id, path.clone(), &names, files)
                } else {
                    scan.listed(id, path.clone(), &names, files)
                };
                for (index, id) in below {
                    let (name, sub) = directories[index].clone();
                    wanted.push((id, path.join(name), sub));
                }
            }
            other => unreachable!("{other:?}"),
        }
        found.append(&mut scan.take_matches());
    }
    assert!(scan.is_done());
    found.append(&mut scan.take_matches());
    let count = found.len();
    let found: Matches = found.into_iter().collect();
    assert_eq!(found, reference::outermost(&all), "{patterns:?} {tree:#?} {max_depth:?}");
    assert_eq!(count, found.len(), "a match stands twice");
}

/// Leaves nothing that depends on whether it is opened, nor files of unknown kind.
fn plain(tree: &mut Tree) {
    tree.broke_off |= !tree.untold.is_empty();
    for (_, sub) in &mut tree.directories {
        match sub {
            Sub::Entered(below) => plain(below),
            Sub::Gone => *sub = Sub::NotEntered,
            Sub::Link | Sub::NotEntered | Sub::Unlisted => {}
        }
    }
}

/// The keys in ranges, without those that are skipped.
fn keys(choices: &mut impl Choices, profile: Profile) {
    let max_depth = max_depth(choices);
    let patterns = generate::patterns(choices, profile);
    let mut tree = generate::tree(choices);
    let name = generate::name(choices);
    let Some(source) = name.to_str() else { return };
    let mut keys = BTreeSet::new();
    add_keys(&mut tree, "", &mut keys);
    let keys: Vec<String> = keys.into_iter().collect();
    let root = Path::new(ROOT);
    let all = reference::scan(root, &name, &tree, &patterns, max_depth);

    let (scan, whole) = KeyScan::new(&patterns, source, max_depth, ExcludeRules::default());
    let mut scan = scan.outermost(true);
    let mut ranges = vec![(whole, 0, keys.len())];
    let mut found = Vec::new();
    while !ranges.is_empty() {
        let chosen = choices.below(ranges.len());
        let (range, from, end) = ranges[chosen];
        if from == end {
            scan.end(range);
            ranges.swap_remove(chosen);
        } else if choices.once_in(4) && ranges.len() < 5 {
            let middle = from + choices.below(end - from);
            if let Ok(rest) = scan.split(range, &keys[middle]) {
                ranges[chosen].2 = middle;
                ranges.push((rest, middle, end));
            }
        } else {
            let count = 1 + choices.below((end - from).min(5));
            scan.keys(range, keys[from..from + count].iter().map(String::as_str)).unwrap();
            ranges[chosen].1 += count;
            if let Some(skip) = scan.skip(range)
                && choices.below(4) > 0
            {
                let left = &keys[ranges[chosen].1..end];
                ranges[chosen].1 += left.partition_point(|key| key.starts_with(skip));
            }
        }
        found.append(&mut scan.take_matches());
    }
    let count = found.len();
    let path = |path: String| if path.is_empty() { root.into() } else { root.join(path) };
    let found: Matches = found.into_iter().map(|(one, pattern)| (path(one), pattern)).collect();
    assert_eq!(found, reference::outermost(&all), "{patterns:?} {keys:?} {max_depth:?}");
    assert_eq!(count, found.len(), "a match stands twice");
}

/// Makes a tree one that keys can represent, and its keys.
fn add_keys(tree: &mut Tree, prefix: &str, keys: &mut BTreeSet<String>) {
    tree.files.retain(|name| name.to_str().is_some());
    keys.extend(tree.files.iter().map(|name| format!("{prefix}{}", name.to_str().unwrap())));
    tree.directories.retain_mut(|(name, sub): &mut (OsString, Sub)| {
        let Some(name) = name.to_str() else { return false };
        let mut below = match std::mem::replace(sub, Sub::Gone) {
            Sub::Entered(below) => below,
            _ => Tree::default(),
        };
        keys.insert(format!("{prefix}{name}/"));
        add_keys(&mut below, &format!("{prefix}{name}/"), keys);
        *sub = Sub::Entered(below);
        true
    });
}

#[test]
#[cfg(unix)]
fn trees_on_disk() {
    for seed in long::seeds(120) {
        on_disk(&mut Random(seed), Profile::Small);
    }
    for seed in long::seeds(6) {
        on_disk(&mut Random(seed), Profile::Large);
    }
}

#[test]
fn listings_in_any_order() {
    for seed in long::seeds(500) {
        listings(&mut Random(seed), Profile::Small);
    }
    for seed in long::seeds(25) {
        listings(&mut Random(seed), Profile::Large);
    }
}

#[test]
fn sorted_keys_in_ranges() {
    for seed in long::seeds(500) {
        keys(&mut Random(seed), Profile::Small);
    }
    for seed in long::seeds(25) {
        keys(&mut Random(seed), Profile::Large);
    }
}

#[cfg(unix)]
fn project() -> FileStructurePattern {
    let src = FileStructurePattern::builder("src").build().unwrap();
    FileStructurePattern::builder("*").file("pyproject.toml").directory(src).build().unwrap()
}

#[test]
fn a_match_comes_as_soon_as_nothing_above_it_may_match() {
    let done = FileStructurePattern::builder("done").file("ok").build().unwrap();
    let outer = FileStructurePattern::builder("*").directory(done).build().unwrap();
    let inner = FileStructurePattern::builder("run").file("x").build().unwrap();
    let mut scan = ListingScan::new(&[outer, inner], None).outermost(true);
    let source = scan.source("lab");
    let names = [("run".into(), true), ("done".into(), true), ("other".into(), true)];
    let wanted = scan.listed(source, "lab", &names, []);
    let [run, done, other] = [wanted[0].1, wanted[1].1, wanted[2].1];
    assert!(scan.feeds_another(done) && !scan.feeds_another(run));
    scan.listed(run, "lab/run", &[], ["x".into()]);
    assert_eq!(scan.take_matches(), []);
    scan.listed(done, "lab/done", &[], ["ok".into()]);
    // The source matches, which drops what it held.
    assert_eq!(scan.take_matches(), [("lab", 0)]);
    assert!(!scan.is_wanted(other) && scan.is_done());

    let source = scan.source("lab");
    let wanted = scan.listed(source, "lab", &names, []);
    let [run, done, other] = [wanted[0].1, wanted[1].1, wanted[2].1];
    scan.listed(run, "lab/run", &[], ["x".into()]);
    assert_eq!(scan.take_matches(), []);
    scan.not_listed(done);
    // It does not match as far as can be told, so what is below counts, though more is wanted.
    assert_eq!(scan.take_matches(), [("lab/run", 1)]);
    assert!(scan.is_wanted(other));
}

#[cfg(unix)]
mod entered {
    use common::disk::plant;
    use pathvein_core::{Scan, Stats};

    use super::*;

    /// What one thread finds and looks at, with the option and without.
    fn scan(root: &Path, patterns: &[FileStructurePattern]) -> (Vec<String>, Stats, Stats) {
        let all = Scan::new(root, patterns).threads(1).start().unwrap();
        let mut matches = Scan::new(root, patterns).threads(1).outermost(true).start().unwrap();
        let mut found: Vec<String> = matches
            .by_ref()
            .map(|one| {
                let one = one.unwrap();
                let path = one.path().strip_prefix(root.canonicalize().unwrap()).unwrap();
                format!("{} {}", path.display(), one.pattern())
            })
            .collect();
        found.sort();
        let mut all = all;
        all.by_ref().for_each(|one| drop(one.unwrap()));
        (found, matches.stats(), all.stats())
    }

    #[test]
    fn below_a_known_match_nothing_is_entered() {
        let dir = tempfile::tempdir().unwrap();
        let mut entries = vec!["p/pyproject.toml".to_string(), "p/src/pkg/x.py".to_string()];
        entries.extend((0..50).map(|n| format!("p/d{n}/e/pyproject.toml")));
        entries.extend((0..50).map(|n| format!("p/d{n}/e/src/")));
        plant(dir.path(), &entries.iter().map(String::as_str).collect::<Vec<_>>());
        // By a file: the source and the project.
        let by_file = FileStructurePattern::builder("*").file("pyproject.toml").build().unwrap();
        let (found, stats, all) = scan(dir.path(), &[by_file]);
        assert_eq!((found, stats.directories), (vec!["p 0".into()], 2));
        assert_eq!(all.directories, 154);
        // By a sub-directory, which is looked at first.
        let (found, stats, _) = scan(dir.path(), &[project()]);
        assert_eq!((found, stats.directories), (vec!["p 0".into()], 3));
    }

    #[test]
    fn what_decides_comes_first_on_all_levels() {
        let dir = tempfile::tempdir().unwrap();
        let mut entries = vec!["r/.git/HEAD".to_string(), "r/.git/refs/".to_string()];
        entries.extend((0..50).map(|n| format!("r/.git/objects/{n:02x}/pack")));
        entries.extend((0..50).map(|n| format!("r/d{n}/e/")));
        plant(dir.path(), &entries.iter().map(String::as_str).collect::<Vec<_>>());
        let git = FileStructurePattern::builder(".git")
            .file("HEAD")
            .directory(FileStructurePattern::builder("objects").build().unwrap())
            .directory(FileStructurePattern::builder("refs").build().unwrap());
        let tree = FileStructurePattern::builder("*").directory(git.build().unwrap());
        let (found, stats, _) = scan(dir.path(), &[tree.build().unwrap()]);
        assert_eq!((found, stats.directories), (vec!["r 0".into()], 5));
        // What was put off for nothing is visited all the same.
        std::fs::remove_dir(dir.path().join("r/.git/refs")).unwrap();
        let pack = FileStructurePattern::builder("*").file("pack").build().unwrap();
        let git = FileStructurePattern::builder(".git")
            .directory(FileStructurePattern::builder("objects").build().unwrap())
            .directory(FileStructurePattern::builder("refs").build().unwrap());
        let tree = FileStructurePattern::builder("*").directory(git.build().unwrap());
        let (found, stats, all) = scan(dir.path(), &[tree.build().unwrap(), pack]);
        assert_eq!((found.len(), stats.directories), (50, all.directories));
    }

    #[test]
    fn what_is_there_already_is_not_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let entries: Vec<String> = (0..100).map(|n| format!("p/d{n}/x.py")).collect();
        plant(dir.path(), &entries.iter().map(String::as_str).collect::<Vec<_>>());
        let package = FileStructurePattern::builder("*").file("*.py").build().unwrap();
        let pattern = FileStructurePattern::builder("p").directory(package).build().unwrap();
        let (found, stats, _) = scan(dir.path(), &[pattern]);
        assert_eq!((found, stats.directories), (vec!["p 0".into()], 3));
    }

    #[test]
    fn patterns_above_still_ask() {
        // `p` is known to match, and another pattern of it, and one of the source, ask for
        // what lies below.
        let dir = tempfile::tempdir().unwrap();
        plant(dir.path(), &["s/p/x", "s/p/a/b/c/x", "s/p/a/b/d/x", "s/p/e/x"]);
        let nested = |names: &[&str], file: &str| {
            let (last, above) = names.split_last().unwrap();
            let last = FileStructurePattern::builder(*last).file(file).build().unwrap();
            above.iter().rev().fold(last, |inner, name| {
                FileStructurePattern::builder(*name).directory(inner).build().unwrap()
            })
        };
        let any = FileStructurePattern::builder("*").file("x").build().unwrap();
        let source = dir.path().join("s");
        let patterns = [any.clone(), nested(&["p", "a", "b", "c"], "x")];
        let (found, stats, _) = scan(&source, &patterns);
        assert_eq!((found, stats.directories), (vec!["p 0".into(), "p 1".into()], 5));
        let patterns = [any.clone(), nested(&["s", "p", "a", "b", "c"], "x")];
        let (found, stats, _) = scan(&source, &patterns);
        assert_eq!((found, stats.directories), (vec![" 1".into()], 5));
        let patterns = [any, nested(&["s", "p", "a", "b", "c"], "y")];
        let (found, stats, _) = scan(&source, &patterns);
        assert_eq!((found, stats.directories), (vec!["p 0".into()], 5));
    }

    #[test]
    fn links_that_hide_matches_count_where_no_match_is_above() {
        let dir = tempfile::tempdir().unwrap();
        let entries = ["p/x", "p/q/src -> ../..", "p/q/pyproject.toml", "r/pyproject.toml"];
        plant(dir.path(), &entries);
        std::os::unix::fs::symlink("..", dir.path().join("r/src")).unwrap();
        let any = FileStructurePattern::builder("p").file("x").build().unwrap();
        let src = FileStructurePattern::builder("src").file("x").build().unwrap();
        let project = FileStructurePattern::builder("*").file("pyproject.toml").directory(src);
        let (_, stats, all) = scan(dir.path(), &[any, project.build().unwrap()]);
        assert_eq!((stats.hidden_by_links, all.hidden_by_links), (1, 2));
    }
}
