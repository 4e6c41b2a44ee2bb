//! Scans of made-up trees in which much goes wrong, against the naive reference.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/core/tests/common/mod.rs"]
mod common;

use common::generate::{Bytes, Profile};

fuzz_target!(|input: &[u8]| {
    common::check::made_up(&mut Bytes(input), Profile::of(input));
});
