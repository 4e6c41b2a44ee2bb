//! Random cases against the naive reference; the fuzz targets and `scripts/differential` run
//! more of them.

mod common;

use std::collections::HashSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use common::generate::{Again, Choices, Profile, Random, Recorded, patterns};
use common::{check, check_cases, keys, tasks};
use pathvein_core::{FileStructurePattern, KeyOutcome};

/// The ways to run a case.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Answers,
    Listings,
    Keys,
    CheckKeys,
    KeyParts,
    CheckKeyParts,
    MadeUp,
    #[cfg(unix)]
    OnDisk,
    Checks,
    Tasks,
    CheckTasks,
}

impl Kind {
    fn check(self, choices: &mut impl Choices, profile: Profile) {
        match self {
            Kind::Answers => check::answers(choices, profile),
            Kind::Listings => check::listings(choices, profile),
            Kind::Keys => keys::keys(choices, profile),
            Kind::CheckKeys => keys::checks(choices, profile),
            Kind::KeyParts => keys::parts(choices, profile, written_and_read),
            Kind::CheckKeyParts => keys::check_parts(choices, profile, written_and_read),
            Kind::MadeUp => check::made_up(choices, profile),
            #[cfg(unix)]
            Kind::OnDisk => check::tree_on_disk(choices, profile),
            Kind::Checks => check_cases::checks(choices, profile),
            Kind::Tasks => tasks::scans(choices, profile),
            Kind::CheckTasks => check_cases::by_tasks(choices, profile),
        }
    }
}

/// What comes from another process.
fn written_and_read(outcome: KeyOutcome) -> KeyOutcome {
    #[cfg(feature = "serde")]
    let outcome = serde_json::from_str(&serde_json::to_string(&outcome).unwrap()).unwrap();
    outcome
}

/// Runs the cases of these seeds. One that fails is made smaller first.
#[track_caller]
fn run(kind: Kind, profile: Profile, seeds: Range<u64>) {
    for seed in seeds {
        let mut recorded = Recorded(Random(seed), Vec::new());
        let check = AssertUnwindSafe(|| kind.check(&mut recorded, profile));
        if catch_unwind(check).is_err() {
            // The message of a test that fails.
            #[allow(clippy::print_stderr)]
            {
                eprintln!("{kind:?}, {profile:?}, seed {seed} fails. A smaller case:");
            }
            kind.check(&mut Again(&smaller(kind, profile, recorded.1)), profile);
            unreachable!("the smaller case fails, too");
        }
    }
}

/// Fewer and smaller choices that fail.
fn smaller(kind: Kind, profile: Profile, mut choices: Vec<u64>) -> Vec<u64> {
    let fails = |choices: &[u64]| {
        catch_unwind(AssertUnwindSafe(|| kind.check(&mut Again(choices), profile))).is_err()
    };
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut tries = 0;
    let mut width = choices.len();
    while width > 0 && tries < 5_000 {
        let mut from = 0;
        while from < choices.len() {
            let end = choices.len().min(from + width);
            let without = [&choices[..from], &choices[end..]].concat();
            let mut zeroed = choices.clone();
            zeroed[from..end].fill(0);
            tries += 2;
            if fails(&without) {
                choices = without;
            } else if zeroed != choices && fails(&zeroed) {
                choices = zeroed;
            } else {
                from = end;
            }
        }
        width /= 2;
    }
    std::panic::set_hook(hook);
    choices
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
    run(Kind::Answers, Profile::Small, 0..700);
    run(Kind::Answers, Profile::Large, 0..30);
}

#[test]
#[cfg(unix)]
fn trees_on_disk() {
    run(Kind::OnDisk, Profile::Small, 0..90);
    run(Kind::OnDisk, Profile::Large, 0..18);
}

#[test]
fn made_up_trees_in_which_much_goes_wrong() {
    run(Kind::MadeUp, Profile::Small, 0..450);
    run(Kind::MadeUp, Profile::Large, 0..30);
}

#[test]
fn listings_in_any_order() {
    run(Kind::Listings, Profile::Small, 0..700);
    run(Kind::Listings, Profile::Large, 0..60);
}

#[test]
fn sorted_keys_in_ranges() {
    run(Kind::Keys, Profile::Small, 0..450);
    run(Kind::Keys, Profile::Large, 0..45);
}

#[test]
fn checks_and_explanations() {
    run(Kind::Checks, Profile::Small, 0..150);
    run(Kind::Checks, Profile::Large, 0..2);
}

#[test]
fn checks_of_sorted_keys_in_ranges() {
    run(Kind::CheckKeys, Profile::Small, 0..180);
    run(Kind::CheckKeys, Profile::Large, 0..1);
}

#[test]
fn sorted_keys_in_parts() {
    run(Kind::KeyParts, Profile::Small, 0..180);
    run(Kind::KeyParts, Profile::Large, 0..3);
    run(Kind::CheckKeyParts, Profile::Small, 0..90);
}

#[test]
fn tasks_in_any_order() {
    run(Kind::Tasks, Profile::Small, 0..120);
    run(Kind::Tasks, Profile::Large, 0..5);
    run(Kind::CheckTasks, Profile::Small, 0..120);
    run(Kind::CheckTasks, Profile::Large, 0..1);
}

/// So many cases as the variable says, of all kinds.
#[test]
#[ignore = "scripts/differential runs it"]
fn any_number_of_cases() {
    const AT_ONCE: u64 = 100;
    let number = |name| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let (cases, first) = (number("PATHVEIN_CASES"), number("PATHVEIN_FIRST_SEED"));
    // The number in the match below of the only kind that is wanted, if any.
    let only = std::env::var("PATHVEIN_KIND").ok().map(|kind| match &*kind {
        "Listings" => 0,
        "Keys" => 60,
        "KeyParts" => 80,
        "CheckKeys" => 100,
        "CheckKeyParts" => 105,
        "Checks" => 110,
        "Tasks" => 50,
        "CheckTasks" => 140,
        "MadeUp" => 150,
        "OnDisk" => 199,
        _ => panic!("no kind {kind}"),
    });
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let batch = next.fetch_add(1, Ordering::Relaxed);
            let done = batch * AT_ONCE;
            if done >= cases {
                return;
            }
            let kind = match only.unwrap_or(batch % 200) {
                0..50 => Kind::Listings,
                50..60 => Kind::Tasks,
                60..80 => Kind::Keys,
                80..100 => Kind::KeyParts,
                100..105 => Kind::CheckKeys,
                105..110 => Kind::CheckKeyParts,
                110..140 => Kind::Checks,
                140..150 => Kind::CheckTasks,
                150..199 => Kind::MadeUp,
                #[cfg(unix)]
                199 => Kind::OnDisk,
                _ => Kind::Listings,
            };
            // These take a hundred times as long.
            let is_large = [49, 59, 79, 99, 139, 149, 198].contains(&(batch % 200))
                && (batch / 200).is_multiple_of(2);
            let profile = if is_large { Profile::Large } else { Profile::Small };
            run(kind, profile, first + done..first + cases.min(done + AT_ONCE));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
}
