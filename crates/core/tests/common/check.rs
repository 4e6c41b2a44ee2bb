//! Whole cases: they are made from choices, run, and compared with the reference.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

#[cfg(unix)]
use pathvein_core::{ErrorKind, Scan, Walk};
use pathvein_core::{ExcludeRules, KeyScan, KeyWalk, ListingScan, Name, RangeId};

#[cfg(unix)]
use super::disk;
use super::generate::{self, Choices, Profile};
use super::reference::{self, Sub, Tree};

/// Scan and walk of a real tree, by both listers, with and without types.
#[cfg(unix)]
pub(crate) fn tree_on_disk(choices: &mut impl Choices, profile: Profile) {
    let flags = choices.below(256);
    let options = disk::Options {
        follow_links: flags & 1 != 0,
        one_file_system: flags & 2 != 0,
        exclude: if flags & 4 == 0 {
            Vec::new()
        } else {
            (0..=choices.below(2)).map(|_| choices.pick(&disk::RULES)).collect()
        },
    };
    let max_depth = [None, None, None, Some(0), Some(1), Some(2)][choices.below(6)];
    let threads = [1, 2, 8][(flags >> 4) % 3];
    let patterns = generate::patterns(choices, profile);

    // In memory, where that is possible.
    let shm = Path::new("/dev/shm");
    let dir = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
    let root = dir.path().canonicalize().unwrap().join("a");
    std::fs::create_dir(&root).unwrap();
    disk::build(choices, &root);

    let mut loops = Vec::new();
    let tree = disk::read(&root, &options, &mut loops);
    let expected = reference::scan(&root, "a".as_ref(), &tree, &patterns, max_depth);
    let hidden = reference::hidden_by_links("a".as_ref(), &tree, &patterns, max_depth);
    let all = reference::walk(&root, &tree, None);
    let walked = reference::walk(&root, &tree, max_depth);
    let loops: BTreeSet<PathBuf> = loops.into_iter().collect();
    let depth = |path: &PathBuf| path.components().count() - root.components().count();
    let within = |path: &&PathBuf| max_depth.is_none_or(|max| depth(path) <= max);
    let loops_within: BTreeSet<PathBuf> = loops.iter().filter(within).cloned().collect();

    for (portable, untyped) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut scan = Scan::new(&root, &patterns)
            .exclude(ExcludeRules::new(&options.exclude).unwrap())
            .follow_links(options.follow_links)
            .one_file_system(options.one_file_system)
            .max_depth(max_depth)
            .threads(threads)
            .portable_lister(portable)
            .untyped_lister(untyped)
            .start()
            .unwrap();
        let (mut found, mut errors) = (Vec::new(), Vec::new());
        for result in &mut scan {
            match result {
                Ok(found_one) => {
                    found.push((found_one.path().to_path_buf(), found_one.pattern()));
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Loop, "{error}");
                    let path = error.path().unwrap();
                    assert!(path.starts_with(error.loop_ancestor().unwrap()));
                    errors.push(path.to_path_buf());
                }
            }
        }
        let stats = scan.stats();
        assert_eq!((stats.matches, stats.errors), (found.len(), errors.len()));
        let (count, error_count) = (found.len(), errors.len());
        let found: reference::Matches = found.into_iter().collect();
        let errors: BTreeSet<PathBuf> = errors.into_iter().collect();
        assert_eq!(
            found, expected,
            "{patterns:?} {options:?} portable {portable} untyped {untyped}"
        );
        assert_eq!((count, error_count), (found.len(), errors.len()), "something stands twice");
        assert_eq!(stats.hidden_by_links, hidden, "{patterns:?} {tree:#?} {max_depth:?}");
        assert!(loops_within.is_subset(&errors) && errors.is_subset(&loops));
        if max_depth.is_none() {
            let entries = all.iter().map(|(_, dirs, files)| dirs.len() + files.len()).sum();
            assert_eq!((stats.directories, stats.entries), (all.len(), entries));
        } else {
            assert!(walked.len() <= stats.directories && stats.directories <= all.len());
        }

        let walk = Walk::new(&root)
            .exclude(ExcludeRules::new(&options.exclude).unwrap())
            .follow_links(options.follow_links)
            .one_file_system(options.one_file_system)
            .max_depth(max_depth)
            .threads(threads)
            .portable_lister(portable)
            .untyped_lister(untyped);
        let (mut listings, mut errors, mut count) = (BTreeSet::new(), BTreeSet::new(), 0);
        for result in walk {
            match result {
                Ok(mut listing) => {
                    listing.directories.sort();
                    listing.files.sort();
                    listings.insert((listing.path, listing.directories, listing.files));
                    count += 1;
                }
                Err(error) => {
                    errors.insert(error.path().unwrap().to_path_buf());
                }
            }
        }
        assert_eq!(listings, walked, "{options:?} portable {portable} untyped {untyped}");
        assert_eq!((count, errors), (walked.len(), loops_within.clone()));
    }
}

const ROOT: &str = "/root";

/// The compiled program, fed with listings in any order.
pub(crate) fn listings(choices: &mut impl Choices, profile: Profile) {
    let max_depth = [None, None, Some(0), Some(1), Some(2), Some(3)][choices.below(6)];
    let patterns = generate::patterns(choices, profile);
    let mut tree = generate::tree(choices);
    let name = if choices.once_in(8) { OsString::new() } else { generate::name(choices) };

    let mut scan = ListingScan::new(&patterns, max_depth);
    let source = scan.source(&*name);
    let mut wanted = vec![(source, PathBuf::from(ROOT), Sub::Entered(tree.clone()))];
    let mut asked = BTreeSet::new();
    let mut found = Vec::new();
    while !wanted.is_empty() {
        assert!(!scan.is_done());
        let (id, path, sub) = wanted.swap_remove(choices.below(wanted.len()));
        let first = asked.insert(path.clone());
        assert!(first, "asked twice for {}", path.display());
        match sub {
            Sub::NotEntered => scan.not_listed(id),
            Sub::Link => unreachable!("may not be entered"),
            Sub::Gone => scan.absent(id),
            Sub::Assumed => scan.assumed(id),
            Sub::Entered(Tree { directories, files }) => {
                let names: Vec<(Name, bool)> = directories
                    .iter()
                    .map(|(name, sub)| (Name::from(&**name), !matches!(sub, Sub::Link)))
                    .collect();
                let files = files.iter().map(|name| Name::from(&**name));
                for (index, id) in scan.listed(id, path.clone(), &names, files) {
                    assert!(names[index].1, "asked for what cannot be entered");
                    let (name, sub) = directories[index].clone();
                    wanted.push((id, path.join(name), sub));
                }
            }
        }
        // Each id is answered once. A second answer changes nothing.
        scan.absent(id);
        assert!(scan.listed(id, PathBuf::new(), &[("a".into(), true)], []).is_empty());
        if choices.once_in(2) {
            found.append(&mut scan.take_matches());
        }
    }
    assert!(scan.is_done());
    found.append(&mut scan.take_matches());

    close_unasked(&mut tree, Path::new(ROOT), &asked);
    let expected = reference::scan(Path::new(ROOT), &name, &tree, &patterns, max_depth);
    let count = found.len();
    let found: reference::Matches = found.into_iter().collect();
    assert_eq!(found, expected, "{patterns:?} {tree:#?}");
    assert_eq!(count, found.len(), "a match stands twice");
    let hidden = reference::hidden_by_links(&name, &tree, &patterns, max_depth);
    assert_eq!(scan.hidden_by_links(), hidden, "{patterns:?} {tree:#?} {max_depth:?}");

    // Down to the depth all directories are opened, below it only those that have to be.
    if let Some(max_depth) = max_depth {
        let root = Path::new(ROOT);
        let inside = reference::asked_inside(root, &name, &tree, &patterns, max_depth);
        for path in &asked {
            let depth = path.components().count() - root.components().count();
            assert!(depth <= max_depth || inside.contains(path), "{} asked for", path.display());
        }
    }
}

/// Directories that were not wanted are present by name, whatever they are on disk.
fn close_unasked(tree: &mut Tree, path: &Path, asked: &BTreeSet<PathBuf>) {
    for (name, sub) in &mut tree.directories {
        let path = path.join(name);
        if !asked.contains(&path) && !matches!(sub, Sub::Entered(_) | Sub::Link) {
            *sub = Sub::NotEntered;
        }
        if let Sub::Entered(below) = sub {
            close_unasked(below, &path, asked);
        }
    }
}

/// The compiled program, fed with sorted keys in ranges, and the walk of them.
pub(crate) fn keys(choices: &mut impl Choices, profile: Profile) {
    let max_depth = [None, None, Some(0), Some(1), Some(2), Some(3)][choices.below(6)];
    let patterns = generate::patterns(choices, profile);
    let mut tree = generate::tree(choices);
    let rules = ["a/", "b*", "/ab/*", "**/a/b", "*.x"];
    let rules = (0..choices.below(3)).map(|_| choices.pick(&rules)).collect::<Vec<_>>();
    let exclude = ExcludeRules::new(rules).unwrap();
    let mut keys = BTreeSet::new();
    let mut bad = 0;
    make_keys(choices, &mut tree, "", &exclude, (0, max_depth), &mut keys, &mut bad);
    let keys: Vec<String> = keys.into_iter().collect();
    let name = generate::name(choices);
    let Some(name) = name.to_str() else { return };

    let (mut scan, all) = KeyScan::new(&patterns, name, max_depth, exclude.clone());
    let mut found = Vec::new();
    let mut feed = Feed { keys: &keys, ranges: vec![(all, 0, keys.len())], tricks: 30 };
    while feed.step(choices, &mut scan) {
        found.append(&mut scan.take_matches());
    }
    assert!(scan.is_done());
    let count = found.len();
    let root = Path::new(ROOT);
    let found: reference::Matches = found
        .into_iter()
        .map(|(path, pattern)| {
            (if path.is_empty() { root.into() } else { root.join(path) }, pattern)
        })
        .collect();
    let expected = reference::scan(root, name.as_ref(), &tree, &patterns, max_depth);
    assert_eq!(found, expected, "{patterns:?} {keys:?} {max_depth:?}");
    assert_eq!(count, found.len(), "a match stands twice");

    let (mut walk, all) = KeyWalk::new(max_depth, exclude);
    let mut feed = Feed { keys: &keys, ranges: vec![(all, 0, keys.len())], tricks: 30 };
    let mut listings = Vec::new();
    while feed.step(choices, &mut walk) {
        listings.append(&mut walk.take_directories());
    }
    assert_eq!(walk.take_bad().len(), bad, "{keys:?}");
    let (count, walked) = (listings.len(), reference::walk(root, &tree, max_depth));
    let sorted = |names: Vec<String>| {
        let mut names: Vec<OsString> = names.into_iter().map(OsString::from).collect();
        names.sort();
        names
    };
    let listings: BTreeSet<_> = listings
        .into_iter()
        .map(|l| {
            let path = if l.path.is_empty() { root.into() } else { root.join(l.path) };
            (path, sorted(l.directories), sorted(l.files))
        })
        .collect();
    assert_eq!(listings, walked, "{keys:?} {max_depth:?}");
    assert_eq!(count, listings.len(), "a directory stands twice");
    let counts = walk.counts();
    let entries = walked.iter().map(|(_, dirs, files)| dirs.len() + files.len()).sum::<usize>();
    assert_eq!((counts.directories, counts.entries), (walked.len(), entries), "{keys:?}");
}

/// Changes a tree to one that keys can represent, without excluded entries. Returns its
/// keys, and the number of bad keys to be reported for the visited directories.
fn make_keys(
    choices: &mut impl Choices,
    tree: &mut Tree,
    prefix: &str,
    exclude: &ExcludeRules,
    (depth, max_depth): (usize, Option<usize>),
    keys: &mut BTreeSet<String>,
    bad: &mut usize,
) {
    tree.files.retain(|name| name.to_str().is_some());
    tree.files.sort();
    tree.files.dedup();
    tree.files.retain(|name| {
        let key = format!("{prefix}{}", name.to_str().unwrap());
        let excluded = exclude.is_excluded(&key, false);
        keys.insert(key);
        !excluded
    });
    for component in ["", ".", ".."] {
        if choices.once_in(24) {
            *bad += usize::from(max_depth.is_none_or(|max| depth <= max));
            keys.insert(format!("{prefix}{component}/{}", choices.pick(&["", "x", "a/b"])));
        }
    }
    tree.directories.retain_mut(|(name, sub)| {
        let Some(name) = name.to_str() else { return false };
        let mut below = match std::mem::replace(sub, Sub::Gone) {
            Sub::Entered(below) => below,
            _ => Tree::default(),
        };
        let path = format!("{prefix}{name}");
        let excluded = exclude.is_excluded(&path, true);
        let (before, bad_before) = (keys.len(), *bad);
        let depth = (depth + 1, max_depth);
        make_keys(choices, &mut below, &format!("{path}/"), exclude, depth, keys, bad);
        if excluded {
            *bad = bad_before;
        }
        if keys.len() == before || choices.once_in(4) {
            keys.insert(format!("{path}/"));
        }
        *sub = Sub::Entered(below);
        !excluded
    });
}

/// Sorted keys that are given in ranges. A range is the positions of its keys.
struct Feed<'a> {
    keys: &'a [String],
    ranges: Vec<(RangeId, usize, usize)>,
    /// How many splits and prefixes are left: a fuzzer without further choices would split
    /// for ever.
    tricks: usize,
}

trait Keyed {
    fn keys(&mut self, range: RangeId, keys: &[String]);
    fn prefix(&mut self, range: RangeId, prefix: &str) -> Option<bool>;
    fn split(&mut self, range: RangeId, at: &str) -> Option<RangeId>;
    fn skip(&self, range: RangeId) -> Option<String>;
    fn end(&mut self, range: RangeId);
}

macro_rules! keyed {
    ($type:ty) => {
        impl Keyed for $type {
            fn keys(&mut self, range: RangeId, keys: &[String]) {
                <$type>::keys(self, range, keys.iter().map(String::as_str)).unwrap();
            }
            fn prefix(&mut self, range: RangeId, prefix: &str) -> Option<bool> {
                <$type>::prefix(self, range, prefix).ok()
            }
            fn split(&mut self, range: RangeId, at: &str) -> Option<RangeId> {
                <$type>::split(self, range, at).ok()
            }
            fn skip(&self, range: RangeId) -> Option<String> {
                <$type>::skip(self, range).map(str::to_owned)
            }
            fn end(&mut self, range: RangeId) {
                <$type>::end(self, range);
            }
        }
    };
}

keyed!(KeyScan);
keyed!(KeyWalk);

impl Feed<'_> {
    /// Gives some more keys. False when all were given.
    fn step(&mut self, choices: &mut impl Choices, to: &mut impl Keyed) -> bool {
        if self.ranges.is_empty() {
            return false;
        }
        let chosen = choices.below(self.ranges.len());
        let (range, from, end) = self.ranges[chosen];
        if from == end {
            to.end(range);
            self.ranges.swap_remove(chosen);
            return true;
        }
        let trick = if self.tricks == 0 { 3 } else { choices.below(4) };
        self.tricks -= usize::from(trick < 2);
        match trick {
            // The range is split at a key, at a directory, or anywhere.
            0 => {
                let key = &self.keys[from + choices.below(end - from)];
                let at = match choices.below(3) {
                    0 => key.clone(),
                    1 => match key.match_indices('/').map(|(i, _)| i).nth(choices.below(3)) {
                        Some(slash) => key[..=slash].to_owned(),
                        None => format!("{key}/"),
                    },
                    _ => format!(
                        "{key}{}",
                        choices.pick(&["0", "/a/b", "/", "\u{10FFFF}", ".", "//x"])
                    ),
                };
                if let Some(rest) = to.split(range, &at) {
                    let middle = from + self.keys[from..end].partition_point(|key| *key < at);
                    self.ranges[chosen].2 = middle;
                    self.ranges.push((rest, middle, end));
                }
            }
            // As in a listing with a delimiter: the directory comes first, then its keys.
            1 => {
                let key = &self.keys[from];
                let slash = key.match_indices('/').map(|(i, _)| i).nth(choices.below(2));
                let Some(prefix) = slash.map(|slash| &key[..=slash]) else { return true };
                // The range may begin, or be, further inside.
                let Some(wanted) = to.prefix(range, prefix) else { return true };
                let after =
                    from + self.keys[from..end].partition_point(|key| key.starts_with(prefix));
                if !wanted {
                    assert!(to.skip(range).is_none_or(|skip| prefix.starts_with(&skip)));
                    self.ranges[chosen].1 = after;
                } else if choices.once_in(2) {
                    let inside = to.split(range, prefix).expect("the prefix was just given");
                    to.end(range);
                    self.ranges[chosen] = (inside, from, after);
                    if let Some(rest) =
                        to.split(inside, &format!("{}0", &prefix[..prefix.len() - 1]))
                    {
                        self.ranges.push((rest, after, end));
                    } else {
                        self.ranges[chosen].2 = end;
                    }
                }
            }
            _ => {
                let count = 1 + choices.below((end - from).min(5));
                to.keys(range, &self.keys[from..from + count]);
                self.ranges[chosen].1 += count;
                if let Some(skip) = to.skip(range) {
                    let (_, from, end) = self.ranges[chosen];
                    let left = &self.keys[from..end];
                    self.ranges[chosen].1 += left.partition_point(|key| key.starts_with(&skip));
                }
            }
        }
        true
    }
}
