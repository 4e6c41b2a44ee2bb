//! Scan and walk of a real tree against the naive reference, by both listers.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/core/tests/common/mod.rs"]
mod common;

use common::generate::{Bytes, Profile};

fuzz_target!(|input: &[u8]| {
    common::check::tree_on_disk(&mut Bytes(input), Profile::of(input));
});
