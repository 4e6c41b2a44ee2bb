//! The name set against globset's `GlobSet` and regex's `RegexSet`, on the same
//! globs and names: mix / globs / names in a batch. Each result is of one batch.
//!
//!     cargo bench --manifest-path bench/Cargo.toml -- lab/20/

#[path = "../src/mixes.rs"]
mod mixes;

use std::cell::LazyCell;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use globset::{Glob, GlobSet, GlobSetBuilder};
use pathvein_core::{Bitmask, NameSet};
use regex::RegexSet;

fn glob_set(globs: &[String]) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        builder.add(Glob::new(glob).expect("a glob for globset, too"));
    }
    builder.build().expect("not too large")
}

/// Only for what the mixes hold: no class has a `]` or a `\` in it.
fn regex_set(globs: &[String]) -> RegexSet {
    let regexes = globs.iter().map(|glob| {
        let (mut regex, mut in_class) = (String::from(r"(?s)\A"), false);
        for c in glob.chars() {
            match c {
                ']' => in_class = false,
                _ if in_class && c == '!' => regex.push('^'),
                _ if in_class => {}
                '[' => in_class = true,
                '*' => regex.push_str(".*"),
                '?' => regex.push('.'),
                _ => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            }
            if c == ']' || c == '[' || in_class && c != '!' {
                regex.push(c);
            }
        }
        regex + r"\z"
    });
    regex::RegexSetBuilder::new(regexes).size_limit(1 << 30).build().expect("not too large")
}

/// One cell: the three on the same globs and names.
fn cell(criterion: &mut Criterion, mix: &str, globs: usize, names: usize) {
    // Made only if something of the cell was asked for.
    let made = LazyCell::new(|| {
        let (globs, names) = mixes::make(mix, globs, names);
        let ours = NameSet::new(globs.iter().map(String::as_str));
        let (globset, regex) = (glob_set(&globs), regex_set(&globs));
        for name in &names {
            let expected = ours.is_match(name.as_str());
            assert_eq!(globset.is_match(name), expected, "{name:?} and {globs:?}");
            assert_eq!(regex.is_match(name), expected, "{name:?} and {globs:?}");
        }
        (names, ours, globset, regex)
    });

    let mut group = criterion.benchmark_group(format!("{mix}/{globs}/{names}"));
    group.throughput(Throughput::Elements(names as u64));
    let mut mask = Bitmask::default();
    group.bench_function(BenchmarkId::from_parameter("NameSet"), |bencher| {
        let (names, ours, ..) = &*made;
        bencher.iter(|| ours.match_many_into(names.iter().map(String::as_str), &mut mask))
    });
    group.bench_function(BenchmarkId::from_parameter("GlobSet"), |bencher| {
        let (names, _, globset, _) = &*made;
        bencher.iter(|| names.iter().filter(|name| globset.is_match(name)).count())
    });
    group.bench_function(BenchmarkId::from_parameter("RegexSet"), |bencher| {
        let (names, .., regex) = &*made;
        bencher.iter(|| names.iter().filter(|name| regex.is_match(name)).count())
    });
    group.finish();
}

fn names(criterion: &mut Criterion) {
    for mix in ["lab", "source", "photos"] {
        for globs in [1, 4, 20, 100, 200, 1_000] {
            for names in [1, 10, 100, 1_000, 10_000] {
                cell(criterion, mix, globs, names);
            }
        }
    }
    for globs in [1, 4, 20, 50, 200] {
        cell(criterion, "words", globs, 1_000);
    }
    for mix in ["stars", "questions", "classes", "backtracking", "similar"] {
        for globs in [1, 20, 200] {
            for names in [1, 1_000] {
                cell(criterion, mix, globs, names);
            }
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300))
        .without_plots();
    targets = names
}
criterion_main!(benches);
