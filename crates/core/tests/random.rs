//! Random cases against the naive reference; the fuzz targets run more of them.

mod common;

use common::check;
use common::generate::Random;

#[test]
#[cfg(unix)]
fn trees_on_disk() {
    for seed in 0..150 {
        check::tree_on_disk(&mut Random(seed));
    }
}

#[test]
fn listings_in_any_order() {
    for seed in 0..6_000 {
        check::listings(&mut Random(seed));
    }
}

#[test]
fn sorted_keys_in_ranges() {
    for seed in 0..4_000 {
        check::keys(&mut Random(seed));
    }
}
