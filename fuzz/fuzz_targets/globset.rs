//! The name set against `globset`, for the globs that mean the same to both.
//!
//! Such a glob is made of pieces: characters other than `*?[]{}`,
//! which are themselves; `*`, never two in a row; `?`; and classes of single
//! ASCII letters and of ranges that are not reversed. To `globset`, `?` and a
//! class are one byte, so names are ASCII where a glob has one. A set of
//! `globset`'s leaves out names that end in a dot.

#![no_main]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use globset::{GlobBuilder, GlobSetBuilder};
use libfuzzer_sys::fuzz_target;
use pathvein_core::NameSet;

const LITERALS: [char; 24] = [
    'a',
    'b',
    'c',
    'x',
    'y',
    '.',
    '-',
    '!',
    '^',
    '\\',
    ',',
    '/',
    '\n',
    ' ',
    'é',
    '\u{A9}',
    '€',
    '\u{1F600}',
    'Z',
    '0',
    '9',
    '_',
    '+',
    '|',
];
const CLASSED: [char; 8] = ['a', 'b', 'c', 'd', 'x', 'y', 'z', '0'];

/// A glob, and whether a piece of it is one byte to `globset`.
fn glob(input: &mut impl Iterator<Item = u8>) -> (String, bool) {
    let mut glob = String::new();
    let mut one_byte = false;
    let mut next = || usize::from(input.next().unwrap_or_default());
    for _ in 0..next() % 12 {
        match next() % 8 {
            0 | 1 if !glob.ends_with('*') => glob.push('*'),
            2 => {
                glob.push('?');
                one_byte = true;
            }
            3 => {
                one_byte = true;
                let start = next();
                glob.push_str(if start & 1 == 0 { "[" } else { "[!" });
                if start & 2 != 0 {
                    glob.push(']');
                }
                for _ in 0..=start / 4 % 3 {
                    let (a, b) = (CLASSED[next() % 8], CLASSED[next() % 8]);
                    if a < b {
                        glob.extend([a, '-', b]);
                    } else {
                        glob.push(a);
                    }
                }
                glob.push_str(if start & 64 != 0 { "-]" } else { "]" });
            }
            _ => glob.push(LITERALS[next() % LITERALS.len()]),
        }
    }
    (glob, one_byte)
}

fuzz_target!(|input: &[u8]| {
    let mut input = input.iter().copied();
    let count = 1 + input.next().unwrap_or_default() % 12;
    let globs: Vec<(String, bool)> = (0..count).map(|_| glob(&mut input)).collect();
    let ours = NameSet::new(globs.iter().map(|(glob, _)| glob.as_str()));
    let mut builder = GlobSetBuilder::new();
    let mut theirs = Vec::new();
    for (glob, _) in &globs {
        let glob = GlobBuilder::new(glob).backslash_escape(false).build().unwrap();
        theirs.push(glob.compile_matcher());
        builder.add(glob);
    }
    let set = builder.build().unwrap();

    // The rest is names. A byte from 0xF8 on ends a name.
    let rest: Vec<u8> = input.collect();
    for name in rest.split(|&b| b >= 0xF8).take(8) {
        let mut bytes = Vec::new();
        for &b in name.iter().take(64) {
            match b {
                0..0x20 => {
                    let c = LITERALS[usize::from(b) % LITERALS.len()];
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => bytes.push(b),
            }
        }
        let name = OsStr::from_bytes(&bytes);
        let matching = ours.matching(name);
        for (index, (glob, one_byte)) in globs.iter().enumerate() {
            let comparable = !one_byte || name.is_ascii();
            // globset is not meant for the empty path.
            if comparable && !bytes.is_empty() {
                let expected = theirs[index].is_match(name);
                assert_eq!(matching.contains(&index), expected, "{glob:?} {name:?}");
            }
        }
        if name.is_ascii() && !bytes.is_empty() && !bytes.ends_with(b".") {
            assert_eq!(matching, set.matches(name), "{globs:?} {name:?}");
        }
    }
});
