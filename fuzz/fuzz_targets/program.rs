//! The compiled program, fed with listings in any order, against the naive
//! reference: patterns, a tree and an order, all made from the input.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use libfuzzer_sys::fuzz_target;
use pathvein_core::{ListingScan, Name};

#[path = "../../crates/core/tests/common/mod.rs"]
mod common;

use common::generate::{self, Bytes, Choices};
use common::reference::{self, Sub, Tree};

const ROOT: &str = "/root";

fuzz_target!(|input: &[u8]| {
    let mut choices = Bytes(input);
    let max_depth = [None, None, Some(0), Some(1), Some(2), Some(3)][choices.below(6)];
    let patterns = generate::patterns(&mut choices);
    let mut tree = generate::tree(&mut choices);
    let name = if choices.once_in(8) { OsString::new() } else { generate::name(&mut choices) };

    let mut scan = ListingScan::new(&patterns, max_depth);
    let source = scan.source(&*name);
    let mut wanted = vec![(source, PathBuf::from(ROOT), Sub::Entered(tree.clone()))];
    let mut asked = BTreeMap::new();
    let mut found = Vec::new();
    while !wanted.is_empty() {
        assert!(!scan.is_done());
        let (id, path, sub) = wanted.swap_remove(choices.below(wanted.len()));
        let before = asked.insert(path.clone(), ());
        assert!(before.is_none(), "asked twice for {}", path.display());
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

    let asked: BTreeSet<PathBuf> = asked.into_keys().collect();
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
});

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
