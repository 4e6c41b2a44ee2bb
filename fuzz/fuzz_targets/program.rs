//! Scans of listings in any order against the naive reference. Patterns, tree and order are
//! made from the input.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/core/tests/common/mod.rs"]
mod common;

use common::generate::{Bytes, Profile};

fuzz_target!(|input: &[u8]| {
    common::check::listings(&mut Bytes(input), Profile::of(input));
});
