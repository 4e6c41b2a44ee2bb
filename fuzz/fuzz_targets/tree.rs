//! Scan and walk of a real tree against the naive reference, by both listers.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/core/tests/common/mod.rs"]
mod common;

fuzz_target!(|input: &[u8]| common::check::tree_on_disk(&mut common::generate::Bytes(input)));
