//! Random cases against the naive reference; the fuzz targets run more of them.

mod common;

use std::collections::HashSet;

use common::check;
use common::generate::{Profile, Random, patterns};
use pathvein_core::FileStructurePattern;

#[test]
fn the_large_profile_is_large() {
    for seed in 0..20 {
        let patterns = patterns(&mut Random(seed), Profile::Large);
        assert_eq!(patterns.len(), 150);
        let mut parts: HashSet<FileStructurePattern> = HashSet::new();
        let mut left: Vec<_> = patterns.iter().flat_map(|p| p.directories().to_vec()).collect();
        while let Some(part) = left.pop() {
            left.extend(part.directories().iter().cloned());
            parts.insert(part);
        }
        let all = || patterns.iter().chain(&parts);
        let files: HashSet<_> = all().flat_map(|pattern| pattern.files().iter()).collect();
        let names: HashSet<_> = all().filter_map(|pattern| pattern.directory_name()).collect();
        let sizes = (parts.len(), files.len(), names.len());
        assert!(parts.len() >= 100 && files.len() > 64 && names.len() > 64, "{sizes:?}");
    }
}

#[test]
#[cfg(unix)]
fn trees_on_disk() {
    for seed in 0..150 {
        check::tree_on_disk(&mut Random(seed), Profile::Small);
    }
    for seed in 0..30 {
        check::tree_on_disk(&mut Random(seed), Profile::Large);
    }
}

#[test]
fn listings_in_any_order() {
    for seed in 0..6_000 {
        check::listings(&mut Random(seed), Profile::Small);
    }
    for seed in 0..200 {
        check::listings(&mut Random(seed), Profile::Large);
    }
}

#[test]
fn sorted_keys_in_ranges() {
    for seed in 0..4_000 {
        check::keys(&mut Random(seed), Profile::Small);
    }
    for seed in 0..150 {
        check::keys(&mut Random(seed), Profile::Large);
    }
}
