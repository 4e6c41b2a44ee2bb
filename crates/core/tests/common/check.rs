//! Whole cases: made from choices, run, and compared with the reference.

use std::collections::BTreeSet;
use std::ffi::OsString;
#[cfg(unix)]
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

#[cfg(unix)]
use pathvein_core::{ErrorKind, ExcludeRules, Scan, Walk};
use pathvein_core::{ListingScan, Name};

#[cfg(unix)]
use super::disk;
use super::generate::{self, Choices};
use super::reference::{self, Sub, Tree};

/// Scan and walk of a real tree, by both listers.
#[cfg(unix)]
pub(crate) fn tree_on_disk(choices: &mut impl Choices) {
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
    let threads = NonZeroUsize::new([1, 2, 8][(flags >> 4) % 3]);
    let patterns = generate::patterns(choices);

    // In memory, where there is such a place.
    let shm = Path::new("/dev/shm");
    let dir = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
    let root = dir.path().canonicalize().unwrap().join("a");
    std::fs::create_dir(&root).unwrap();
    disk::build(choices, &root);

    let mut loops = Vec::new();
    let tree = disk::read(&root, &options, &mut loops);
    let expected = reference::scan(&root, "a".as_ref(), &tree, &patterns, max_depth);
    let all = reference::walk(&root, &tree, None);
    let walked = reference::walk(&root, &tree, max_depth);
    let loops: BTreeSet<PathBuf> = loops.into_iter().collect();
    let depth = |path: &PathBuf| path.components().count() - root.components().count();
    let within = |path: &&PathBuf| max_depth.is_none_or(|max| depth(path) <= max);
    let loops_within: BTreeSet<PathBuf> = loops.iter().filter(within).cloned().collect();

    for portable in [false, true] {
        let mut scan = Scan::new(&root, &patterns)
            .exclude(ExcludeRules::new(&options.exclude).unwrap())
            .follow_links(options.follow_links)
            .one_file_system(options.one_file_system)
            .max_depth(max_depth)
            .threads(threads)
            .portable_lister(portable)
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
        // Of equal patterns the first stands for all.
        let expected: reference::Matches = expected
            .iter()
            .filter(|(_, index)| !patterns[..*index].contains(&patterns[*index]))
            .cloned()
            .collect();
        assert_eq!(found, expected, "{patterns:?} {options:?} portable {portable}");
        assert_eq!((count, error_count), (found.len(), errors.len()), "something stands twice");
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
            .portable_lister(portable);
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
        assert_eq!(listings, walked, "{options:?} portable {portable}");
        assert_eq!((count, errors), (walked.len(), loops_within.clone()));
    }
}

const ROOT: &str = "/root";

/// The compiled program, fed with listings in any order.
pub(crate) fn listings(choices: &mut impl Choices) {
    let max_depth = [None, None, Some(0), Some(1), Some(2), Some(3)][choices.below(6)];
    let patterns = generate::patterns(choices);
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
            Sub::Gone => scan.absent(id),
            Sub::Assumed => scan.assumed(id),
            Sub::Entered(Tree { directories, files }) => {
                // Some that are present by name are known to be so beforehand.
                let names: Vec<(Name, bool)> = directories
                    .iter()
                    .map(|(name, sub)| {
                        let enterable = !matches!(sub, Sub::NotEntered) || !choices.once_in(2);
                        (Name::from(&**name), enterable)
                    })
                    .collect();
                let files = files.iter().map(|name| Name::from(&**name));
                for (index, id) in scan.listed(id, path.clone(), &names, files) {
                    assert!(names[index].1, "asked for what cannot be entered");
                    let (name, sub) = directories[index].clone();
                    wanted.push((id, path.join(name), sub));
                }
            }
        }
        // A known id is told about once; a second time changes nothing.
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

    // Below the depth only what has to be, at it and above everything.
    if let Some(max_depth) = max_depth {
        let root = Path::new(ROOT);
        let inside = reference::asked_inside(root, &name, &tree, &patterns, max_depth);
        for path in &asked {
            let depth = path.components().count() - root.components().count();
            assert!(depth <= max_depth || inside.contains(path), "{} asked for", path.display());
        }
    }
}

/// What nobody asked for is present by name, whatever it would turn out to be.
fn close_unasked(tree: &mut Tree, path: &Path, asked: &BTreeSet<PathBuf>) {
    for (name, sub) in &mut tree.directories {
        let path = path.join(name);
        if !asked.contains(&path) && !matches!(sub, Sub::Entered(_)) {
            *sub = Sub::NotEntered;
        }
        if let Sub::Entered(below) = sub {
            close_unasked(below, &path, asked);
        }
    }
}
