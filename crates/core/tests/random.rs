//! Random cases against the naive reference; the fuzz targets and `scripts/differential` run
//! more of them.

mod common;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use common::generate::{Profile, Random, patterns};
use common::{check, keys};
use pathvein_core::FileStructurePattern;

/// A way to run a case.
type Check = fn(&mut Random, Profile);

const ANSWERS: (&str, Check) = ("answers", check::answers);
const LISTINGS: (&str, Check) = ("listings", check::listings);
const KEYS: (&str, Check) = ("keys", keys::keys);
#[cfg(unix)]
const MADE_UP: (&str, Check) = ("made-up trees", check::made_up);
#[cfg(unix)]
const ON_DISK: (&str, Check) = ("trees on disk", check::tree_on_disk);

/// Runs the cases of these seeds. Tells the seed of one that fails.
fn run((name, check): (&str, Check), profile: Profile, seeds: Range<u64>) {
    struct Seed<'a>(&'a str, Profile, u64);
    impl Drop for Seed<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("in {}, {:?}, seed {}", self.0, self.1, self.2);
            }
        }
    }
    for seed in seeds {
        let told = Seed(name, profile, seed);
        check(&mut Random(seed), profile);
        drop(told);
    }
}

fn below(pattern: &FileStructurePattern) -> Vec<&FileStructurePattern> {
    let asked = pattern.directories().iter().flat_map(|asked| asked.alternatives());
    asked.chain(pattern.forbidden_directories()).collect()
}

#[test]
fn the_large_profile_is_large() {
    for seed in 0..20 {
        let patterns = patterns(&mut Random(seed), Profile::Large);
        assert_eq!(patterns.len(), 150);
        let mut parts: HashSet<&FileStructurePattern> = HashSet::new();
        let mut left: Vec<_> = patterns.iter().flat_map(below).collect();
        while let Some(part) = left.pop() {
            if parts.insert(part) {
                left.extend(below(part));
            }
        }
        let all = || patterns.iter().chain(parts.iter().copied());
        let files: HashSet<_> = all().flat_map(|pattern| pattern.files().iter()).collect();
        let names: HashSet<_> = all().filter_map(|pattern| pattern.directory_name()).collect();
        let sizes = (parts.len(), files.len(), names.len());
        assert!(parts.len() >= 100 && files.len() > 64 && names.len() > 64, "{sizes:?}");
    }
}

#[test]
fn answers_of_the_reference() {
    run(ANSWERS, Profile::Small, 0..6_000);
    run(ANSWERS, Profile::Large, 0..50);
}

#[test]
#[cfg(unix)]
fn trees_on_disk() {
    run(ON_DISK, Profile::Small, 0..150);
    run(ON_DISK, Profile::Large, 0..30);
}

#[test]
#[cfg(unix)]
fn made_up_trees_in_which_much_goes_wrong() {
    run(MADE_UP, Profile::Small, 0..4_000);
    run(MADE_UP, Profile::Large, 0..100);
}

#[test]
fn listings_in_any_order() {
    run(LISTINGS, Profile::Small, 0..6_000);
    run(LISTINGS, Profile::Large, 0..200);
}

#[test]
fn sorted_keys_in_ranges() {
    run(KEYS, Profile::Small, 0..4_000);
    run(KEYS, Profile::Large, 0..150);
}

/// So many cases as the variable says, of all kinds.
#[test]
#[ignore = "scripts/differential runs it"]
fn any_number_of_cases() {
    const AT_ONCE: u64 = 100;
    let number = |name| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let (cases, first) = (number("PATHVEIN_CASES"), number("PATHVEIN_FIRST_SEED"));
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let batch = next.fetch_add(1, Ordering::Relaxed);
            let done = batch * AT_ONCE;
            if done >= cases {
                return;
            }
            let kind = match batch % 100 {
                0..40 => LISTINGS,
                40..70 => KEYS,
                #[cfg(unix)]
                70..99 => MADE_UP,
                #[cfg(unix)]
                99 => ON_DISK,
                _ => LISTINGS,
            };
            let profile = if batch / 100 % 20 == 0 { Profile::Large } else { Profile::Small };
            run(kind, profile, first + done..first + cases.min(done + AT_ONCE));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
}
