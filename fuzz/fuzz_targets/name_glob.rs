//! Any text is a glob, and keeps its code points.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pathvein_core::NameGlob;

fuzz_target!(|text: &str| {
    let glob = NameGlob::new(text);
    assert!(glob.code_points().eq(text.chars().map(u32::from)));
    assert_eq!(NameGlob::from_code_points(glob.code_points()).unwrap(), glob);
});
