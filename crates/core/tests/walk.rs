//! Named cases of walks of real trees, by both listers.
#![cfg(unix)]

mod common;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use common::disk::{self, plant};
use common::reference;
use pathvein_core::{ErrorKind, ExcludeRules, Listing, Walk};
use tempfile::TempDir;

fn tree(entries: &[&str]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    plant(&root, entries);
    (dir, root)
}

type Listed = (PathBuf, Vec<OsString>, Vec<OsString>);

/// The listings with their names in order, and the paths of the errors.
fn run(walk: Walk) -> (BTreeSet<Listed>, Vec<PathBuf>) {
    let (mut listings, mut errors) = (BTreeSet::new(), Vec::new());
    for result in walk {
        match result {
            Ok(Listing { path, mut directories, mut files, .. }) => {
                directories.sort();
                files.sort();
                assert!(listings.insert((path, directories, files)), "a listing stands twice");
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Loop, "{error}");
                errors.push(error.path().unwrap().into());
            }
        }
    }
    (listings, errors)
}

#[test]
fn every_directory_is_listed_as_the_reference_says() {
    let (_dir, root) = tree(&[
        "a/b/c/f",
        "a/empty/",
        "a/link -> ../other",
        "a/broken -> nowhere",
        "other/f",
        "other/up -> ..",
        ".hidden/.f",
    ]);
    for portable in [false, true] {
        for follow_links in [false, true] {
            for max_depth in [None, Some(0), Some(1), Some(2)] {
                for exclude in [vec![], vec!["b/"], vec!["*f", "/a/link"]] {
                    let walk = Walk::new(&root)
                        .follow_links(follow_links)
                        .max_depth(max_depth)
                        .exclude(ExcludeRules::new(&exclude).unwrap())
                        .portable_lister(portable);
                    let options = disk::Options { follow_links, exclude, ..Default::default() };
                    let mut loops = Vec::new();
                    let tree = disk::read(&root, &options, &mut loops);
                    let (listings, errors) = run(walk);
                    assert_eq!(listings, reference::walk(&root, &tree, max_depth));
                    if max_depth.is_none() {
                        assert_eq!(
                            errors.into_iter().collect::<BTreeSet<_>>(),
                            loops.into_iter().collect()
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn paths_begin_as_the_source_was_given() {
    let (_dir, root) = tree(&["source/a/f", "link -> source"]);
    for source in ["link", "source/.", "source/a/..", "source/"] {
        let source = root.join(source);
        let (listings, _) = run(Walk::new(&source));
        let paths: Vec<_> = listings.iter().map(|(path, ..)| path.as_os_str()).collect();
        let below = source.join("a");
        assert_eq!(paths, [source.as_os_str(), below.as_os_str()]);
    }
}

#[test]
fn a_source_that_cannot_be_walked() {
    let (_dir, root) = tree(&["file"]);
    for name in ["missing", "file"] {
        for portable in [false, true] {
            let walk = Walk::new(root.join(name)).portable_lister(portable);
            let error = walk.clone().start().unwrap_err();
            assert_eq!(error.path(), Some(&*root.join(name)));
            let results: Vec<_> = walk.into_iter().collect();
            assert!(matches!(&results[..], [Err(_)]), "{results:?}");
        }
    }
}

#[test]
fn stats_of_a_walk() {
    let (_dir, root) = tree(&["a/b/f", "a/link -> b", "g"]);
    let mut walk = Walk::new(&root).start().unwrap();
    assert_eq!(walk.by_ref().count(), 3);
    let stats = walk.stats();
    assert_eq!((stats.directories, stats.entries, stats.matches, stats.errors), (3, 5, 0, 0));
    assert_eq!(stats.links_not_followed, 1);
}
