//! The compiled program, fed with sorted keys in ranges that are cut anywhere and
//! told side by side, against the naive reference; and the walk of the same keys.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/core/tests/common/mod.rs"]
mod common;

fuzz_target!(|input: &[u8]| common::check::keys(&mut common::generate::Bytes(input)));
