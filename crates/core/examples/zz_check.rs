//! Throw-away.
use pathvein_core::{NameGlob, NameSet};
use std::io::*;
fn read(p: &str) -> Vec<Vec<u32>> {
    std::fs::read_to_string(p)
        .unwrap()
        .lines()
        .map(|l| l.split_whitespace().map(|t| u32::from_str_radix(t, 16).unwrap()).collect())
        .collect()
}
fn bytes_of(n: &[u32]) -> Option<Vec<u8>> {
    let mut out = vec![];
    for &c in n {
        match char::from_u32(c) {
            Some(ch) => out.extend(ch.to_string().bytes()),
            None if (0xDC80..=0xDCFF).contains(&c) => out.push((c - 0xDC00) as u8),
            None => return None,
        }
    }
    let back: Vec<u32> = {
        use std::os::unix::ffi::OsStrExt;
        pathvein_core::Name::from(std::ffi::OsStr::from_bytes(&out)).code_points().collect()
    };
    (back == n).then_some(out)
}
fn main() {
    use std::os::unix::ffi::OsStrExt;
    let a: Vec<String> = std::env::args().collect();
    let globs: Vec<NameGlob> =
        read(&a[1]).into_iter().map(|g| NameGlob::from_code_points(g).unwrap()).collect();
    let names = read(&a[2]);
    let batch: usize = a[3].parse().unwrap();
    let enc: Vec<_> = names.iter().map(|n| bytes_of(n)).collect();
    let mut out = BufWriter::new(stdout().lock());
    for group in globs.chunks(batch) {
        let set = NameSet::new(group);
        // answers[g][n]
        let mut rows = vec![vec![0u8; names.len()]; group.len()];
        let mut ids = vec![];
        for (i, n) in names.iter().enumerate() {
            for (g, glob) in group.iter().enumerate() {
                let x = glob.is_match(&n[..]);
                if let Some(b) = &enc[i] {
                    assert_eq!(glob.is_match(std::ffi::OsStr::from_bytes(b)), x, "{glob:?} {n:x?}");
                }
                rows[g][i] = x as u8;
            }
            if let Some(b) = &enc[i] {
                set.matching_into(std::ffi::OsStr::from_bytes(b), &mut ids);
                let exp: Vec<usize> = (0..group.len()).filter(|&g| rows[g][i] == 1).collect();
                assert_eq!(ids, exp, "{n:x?} {:?}", group);
            }
        }
        for r in rows {
            out.write_all(&r).unwrap();
        }
    }
}
