//! Scan and walk of a real tree against the naive reference, by both listers.

#![no_main]

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use libfuzzer_sys::fuzz_target;
use pathvein_core::{ErrorKind, ExcludeRules, Scan, Walk};

#[path = "../../crates/core/tests/common/mod.rs"]
mod common;

use common::generate::{self, Bytes, Choices};
use common::{disk, reference};

fuzz_target!(|input: &[u8]| {
    let mut choices = Bytes(input);
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
    let threads = NonZeroUsize::new(1 + (flags >> 4) % 2);
    let patterns = generate::patterns(&mut choices);

    // In memory, where there is such a place.
    let shm = Path::new("/dev/shm");
    let dir = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
    let root = dir.path().canonicalize().unwrap().join("a");
    std::fs::create_dir(&root).unwrap();
    disk::build(&mut choices, &root);

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
});
