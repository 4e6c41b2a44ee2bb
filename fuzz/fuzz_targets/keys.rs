//! Scans and walks of sorted keys against the naive reference. The keys come in ranges that
//! are split anywhere and given side by side.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/core/tests/common/mod.rs"]
mod common;

use common::generate::{Bytes, Profile};

fuzz_target!(|input: &[u8]| {
    common::keys::keys(&mut Bytes(input), Profile::of(input));
});
