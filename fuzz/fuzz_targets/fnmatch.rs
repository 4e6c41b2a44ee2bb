//! Name globs, one by one and as a set, against CPython's own `fnmatch`.
//!
//! The input is a byte of flags, and then globs and names: see `texts`.

#![no_main]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use libfuzzer_sys::fuzz_target;
use pathvein_core::{Name, NameGlob, NameSet};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyModule};

/// The code points of the bytes from 0x80 on, in texts that are not bytes.
const HARD: [u32; 16] = [
    0xE9, 0x7FF, 0x800, 0x20AC, 0xD800, 0xDBFF, 0xDC00, 0xDC80, 0xDCA9, 0xDCC3, 0xDCFF, 0xFFFD,
    0x1F600, 0x10FFFF, 0x0A, 0x00,
];
const MAX_CODE_POINTS: usize = 96;

/// A name, with its code points for Python.
struct Text {
    code_points: Vec<u32>,
    /// The name in the operating system's form, if it has one.
    bytes: Option<Vec<u8>>,
}

impl Text {
    /// Reads bytes as they are after a leading 0x02, else code points.
    fn new(input: &[u8]) -> Text {
        if let Some(bytes) = input.strip_prefix(b"\x02") {
            let mut code_points = Vec::new();
            for chunk in bytes.utf8_chunks() {
                code_points.extend(chunk.valid().chars().map(u32::from));
                code_points.extend(chunk.invalid().iter().map(|&b| 0xDC00 + u32::from(b)));
            }
            return Text { code_points, bytes: Some(bytes.to_vec()) };
        }
        let code_points: Vec<u32> = input
            .iter()
            .map(|&b| if b < 0x80 { u32::from(b) } else { HARD[usize::from(b) % HARD.len()] })
            .collect();
        let text: Option<String> = code_points.iter().map(|&c| char::from_u32(c)).collect();
        Text { code_points, bytes: text.map(String::into_bytes) }
    }

    fn glob(&self) -> NameGlob {
        let glob = NameGlob::from_code_points(self.code_points.iter().copied()).unwrap();
        assert!(glob.code_points().eq(self.code_points.iter().copied()));
        assert_eq!(NameGlob::from_code_points(glob.code_points()).unwrap(), glob);
        if let Some(text) = glob.as_str() {
            assert_eq!(NameGlob::new(text), glob);
        }
        glob
    }

    /// The name in every form that it can be given in.
    fn names(&self) -> impl Iterator<Item = Name<'_>> {
        let bytes = self.bytes.as_deref();
        [
            Some(Name::from(&*self.code_points)),
            bytes.map(|bytes| Name::from(OsStr::from_bytes(bytes))),
            bytes.and_then(|bytes| str::from_utf8(bytes).ok()).map(Name::from),
        ]
        .into_iter()
        .flatten()
    }

    fn utf32(&self) -> Vec<u8> {
        self.code_points.iter().flat_map(|c| c.to_le_bytes()).collect()
    }
}

/// The texts of the input, which end in 0x03 or with the input. Globs come before the first
/// 0x04, names after it.
fn texts(input: &[u8]) -> (Vec<Text>, Vec<Text>) {
    let mut halves = input.splitn(2, |&b| b == 4).map(|half| {
        half.split(|&b| b == 3).take(8).map(|t| Text::new(&t[..t.len().min(MAX_CODE_POINTS)]))
    });
    (halves.next().into_iter().flatten().collect(), halves.next().into_iter().flatten().collect())
}

static TABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// For each glob, one byte for each name: whether it matches.
fn python(globs: &[Text], names: &[Text]) -> Vec<Vec<u8>> {
    Python::attach(|py| {
        let table = TABLE.get_or_init(py, || {
            let code = c"
import fnmatch, re, warnings
warnings.simplefilter('ignore')
calls = 0
def table(globs, names):
    global calls
    calls += 1
    if calls % 1000 == 0:
        fnmatch._compile_pattern.cache_clear()
        re.purge()
    names = [n.decode('utf-32-le', 'surrogatepass') for n in names]
    globs = [g.decode('utf-32-le', 'surrogatepass') for g in globs]
    return [bytes(fnmatch.fnmatchcase(n, g) for n in names) for g in globs]
";
            PyModule::from_code(py, code, c"table.py", c"table")
                .unwrap()
                .getattr("table")
                .unwrap()
                .unbind()
        });
        let pack = |texts: &[Text]| -> Vec<Py<PyBytes>> {
            texts.iter().map(|t| PyBytes::new(py, &t.utf32()).unbind()).collect()
        };
        table.call1(py, (pack(globs), pack(names))).unwrap().extract(py).unwrap()
    })
}

fuzz_target!(|input: &[u8]| {
    let Some((&flags, input)) = input.split_first() else { return };
    let (globs, names) = texts(input);
    if globs.is_empty() || names.is_empty() {
        return;
    }
    let table = python(&globs, &names);
    let mut list: Vec<NameGlob> = globs.iter().map(Text::glob).collect();
    for (glob, row) in list.iter().zip(&table) {
        for (text, &expected) in names.iter().zip(row) {
            for name in text.names() {
                assert_eq!(glob.is_match(name), expected != 0, "{glob:?} {name:?}");
            }
        }
        if glob.never_matches() {
            assert!(row.iter().all(|&matched| matched == 0), "{glob:?} never matches");
        }
        if glob.matches_everything() {
            assert!(row.iter().all(|&matched| matched != 0), "{glob:?} matches everything");
        }
    }
    // Sets of every size: few globs are matched one by one, many by tables, and masks have
    // more than one word.
    let repeat = [1, 1, 2, 5, 9, 17][usize::from(flags) % 6];
    list = std::iter::repeat_n(list, repeat).flatten().collect();
    let matches = |glob: usize, name: usize| table[glob % globs.len()][name] != 0;
    let set = NameSet::new(&list);
    assert_eq!(set.globs(), list);
    for (index, text) in names.iter().enumerate() {
        let matching: Vec<usize> = (0..list.len()).filter(|&g| matches(g, index)).collect();
        for name in text.names() {
            assert_eq!(set.is_match(name), !matching.is_empty(), "{set:?} {name:?}");
            assert_eq!(set.matching(name), matching, "{set:?} {name:?}");
            check_hit(&set, name, &matching, flags);
        }
    }
    for pick in 0..3 {
        let names: Vec<Name> =
            names.iter().map(|t| t.names().nth(pick).or(t.names().next()).unwrap()).collect();
        let any = |n: &usize| (0..list.len()).any(|g| matches(g, *n));
        let hits: Vec<usize> = (0..names.len()).filter(any).collect();
        let mask = set.match_many(names.iter().copied());
        assert_eq!((mask.len(), mask.iter().collect::<Vec<_>>()), (names.len(), hits));
        let any = |g: &usize| (0..names.len()).any(|n| matches(*g, n));
        let hit: Vec<usize> = (0..list.len()).filter(any).collect();
        let mask = set.matched_globs(names.iter().copied());
        assert_eq!((mask.len(), mask.iter().collect::<Vec<_>>()), (list.len(), hit));
    }
});

/// Checks `hit` with masks that the flags choose.
fn check_hit(set: &NameSet, name: Name<'_>, matching: &[usize], flags: u8) {
    let words = set.len().div_ceil(64);
    let mut state = u64::from(flags) << 32 | set.len() as u64;
    let mut random = || {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        state ^ state >> 29
    };
    let full = vec![!0; words];
    let some: Vec<u64> = (0..words).map(|_| random()).collect();
    let few: Vec<u64> = (0..words).map(|_| random() & random() & random() & random()).collect();
    for wanted in [&full, &some, &few] {
        for before in [vec![0; words], (0..words).map(|_| random() & random()).collect()] {
            let mut hits = before.clone();
            set.hit(name, wanted, &mut hits);
            let mut expected = before;
            for glob in matching {
                expected[glob / 64] |= wanted[glob / 64] & 1 << (glob % 64);
            }
            assert_eq!(hits, expected, "{set:?} {name:?} {wanted:x?}");
        }
    }
}
