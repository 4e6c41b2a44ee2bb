//! Named cases of scans of keys of which other processes do parts, and outcomes that do not fit.

mod common;

#[cfg(feature = "serde")]
use common::generate::{Choices, Random};
use pathvein_core::{ErrorKind, ExcludeRules, FileStructurePattern, Findings, PatternSet};
use pathvein_core::{KeyOutcome, KeyScan, RangeId};

const KEYS: [&str; 14] = [
    "..//x",
    "a/run_1/data/1.csv",
    "a/run_1/data/2.csv",
    "a/run_1/data/x.txt",
    "a/run_1/log/",
    "a/run_2/Notes.md",
    "a/run_2/data/1.csv",
    "a/run_2/data/sub/3.csv",
    "a/run_2/notes.md",
    "a/run_2/old/notes.md",
    "a/run_3/data/1.csv",
    "a/run_3/notes.md",
    "a/run_3/run_4/x",
    "b/run_5/notes.md",
];

/// The keys of the part are those from this one on, before the other.
const PART: [&str; 2] = ["a/run_1/data/2.csv", "a/run_3/notes.md"];

fn patterns(text: &str) -> PatternSet {
    PatternSet::new(&[FileStructurePattern::from_text(text).unwrap()])
}

const TEXT: &str =
    "run_*/{notes.md, 2+ data/{2+ *.csv, no x*}, no FAILED, optional */, nothing else}";

/// A scan, with its options set.
fn with_options(scan: KeyScan, (checks, outermost): (bool, bool)) -> KeyScan {
    let scan = scan.outermost(outermost);
    if checks { scan.checking() } else { scan }
}

fn whole(text: &str, options: (bool, bool)) -> (KeyScan, RangeId) {
    let (scan, range) = KeyScan::new(patterns(text), "top", None, ExcludeRules::default());
    (with_options(scan, options), range)
}

fn part(text: &str, options: (bool, bool)) -> (KeyScan, RangeId) {
    let [start, end] = PART;
    let (scan, range) =
        KeyScan::part(patterns(text), "top", None, ExcludeRules::default(), start, Some(end));
    (with_options(scan, options), range)
}

/// The outcome of the part, of which all but the last two keys were read.
fn outcome(text: &str, options: (bool, bool)) -> KeyOutcome {
    let (mut scan, range) = part(text, options);
    let keys = KEYS.iter().copied().filter(|key| (PART[0]..PART[1]).contains(key));
    scan.keys(range, keys.collect::<Vec<_>>()[..7].iter().copied()).unwrap();
    scan.hand_back()
}

/// A scan of which the part is to be taken.
struct Waiting {
    scan: KeyScan,
    first: RangeId,
    part: RangeId,
    last: RangeId,
}

impl Waiting {
    fn new(text: &str, options: (bool, bool)) -> Waiting {
        let (mut scan, first) = whole(text, options);
        let part = scan.split(first, PART[0]).unwrap();
        let last = scan.split(part, PART[1]).unwrap();
        Waiting { scan, first, part, last }
    }

    /// All that is told, in order, once all other keys came.
    fn told(&mut self, left: &[RangeId]) -> Vec<(String, usize, Findings)> {
        let at = |key: &str| KEYS.iter().position(|&one| one == key).unwrap();
        let [start, end] = PART.map(at);
        let scan = &mut self.scan;
        scan.keys(self.first, KEYS[..start].iter().copied()).unwrap();
        for &range in left {
            let (start, end) = scan.left(range).unwrap();
            let is_left = |key: &&&str| {
                key.as_bytes() >= &*start && end.as_deref().is_none_or(|end| key.as_bytes() < end)
            };
            let keys: Vec<&str> = KEYS.iter().filter(is_left).copied().collect();
            scan.keys(range, keys).unwrap();
            scan.end(range);
        }
        scan.keys(self.last, KEYS[end..].iter().copied()).unwrap();
        scan.end(self.last);
        scan.end(self.first);
        let matches = self.scan.take_matches().into_iter();
        let matches = matches.map(|(path, pattern)| (path, pattern, Findings::default()));
        let mut told: Vec<_> = matches.chain(self.scan.take_checked()).collect();
        told.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
        told
    }
}

const OPTIONS: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

#[test]
fn a_part_is_taken_in_place_of_its_keys() {
    for options in OPTIONS {
        let (mut one, range) = whole(TEXT, options);
        one.keys(range, KEYS).unwrap();
        one.end(range);
        let counts = one.counts();
        let bad = one.take_bad();
        assert_eq!(bad, ["..//x"]);

        let mut waiting = Waiting::new(TEXT, options);
        let outcome = outcome(TEXT, options);
        assert_eq!(outcome.left().len(), 1);
        let left = waiting.scan.take_part(waiting.part, &outcome).unwrap();
        assert_eq!(waiting.scan.take_part(waiting.part, &outcome).unwrap(), []);
        assert_eq!(waiting.scan.take_bad(), [""; 0]);
        let told = waiting.told(&left);
        let matches = one.take_matches().into_iter();
        let matches = matches.map(|(path, pattern)| (path, pattern, Findings::default()));
        let mut expected: Vec<_> = matches.chain(one.take_checked()).collect();
        expected.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
        assert!(!options.0 || expected.len() >= 5);
        assert_eq!(told, expected, "{options:?}");
        assert_eq!(waiting.scan.counts(), counts, "{options:?}");
    }
}

#[test]
fn what_does_not_fit_is_an_error_and_changes_nothing() {
    let error = |scan: &mut KeyScan, range, outcome: &KeyOutcome| {
        scan.take_part(range, outcome).unwrap_err().kind()
    };
    for options in OPTIONS {
        let mut waiting = Waiting::new(TEXT, options);
        let Waiting { scan, part, last, .. } = &mut waiting;
        let right = outcome(TEXT, options);
        assert_eq!(error(scan, *last, &right), ErrorKind::Subtree);
        for other in OPTIONS.into_iter().filter(|&other| other != options) {
            assert_eq!(error(scan, *part, &outcome(TEXT, other)), ErrorKind::Subtree);
        }
        let other = "run_*/{a*, b*, 2+ c*, 2+ d*, 2+ e*, 3+ x/, 4+ y/, z/}";
        assert_eq!(error(scan, *part, &outcome(other, options)), ErrorKind::Subtree);
        let left = scan.take_part(*part, &right).unwrap();
        let told = waiting.told(&left);
        let mut waiting = Waiting::new(TEXT, options);
        let left = waiting.scan.take_part(waiting.part, &right).unwrap();
        assert_eq!(waiting.told(&left), told);
    }
}

#[test]
fn what_is_not_whole_there_is_not_whole_here() {
    let text = "run_*/{no x*}";
    let new = || KeyScan::new(patterns(text), "top", None, ExcludeRules::default());
    let new_part = || {
        let exclude = ExcludeRules::default();
        KeyScan::part(patterns(text), "top", None, exclude, "run_1/b", None::<&str>)
    };
    // Its last keys could not be read.
    let (mut scan, first) = new();
    let rest = scan.split(first, "run_1/b").unwrap();
    scan.keys(first, ["run_0/a", "run_1/a"]).unwrap();
    scan.end(first);
    assert_eq!(scan.take_matches(), [("run_0".to_owned(), 0)]);
    let (mut part, range) = new_part();
    part.break_off(range);
    assert_eq!(scan.take_part(rest, &part.hand_back()).unwrap(), []);
    assert_eq!(scan.take_matches(), []);
    assert!(scan.is_done());
    // Keys may be missing anywhere.
    let (mut scan, first) = new();
    let rest = scan.split(first, "run_1/b").unwrap();
    let (mut part, range) = new_part();
    part.distrust();
    part.end(range);
    scan.take_part(rest, &part.hand_back()).unwrap();
    scan.keys(first, ["run_0/a", "run_1/a"]).unwrap();
    scan.end(first);
    assert_eq!(scan.take_matches(), []);
    // A key that is no path is reported once of each directory, wherever it is.
    let (mut scan, first) = new();
    let rest = scan.split(first, "run_1//b").unwrap();
    scan.keys(first, ["run_1//a"]).unwrap();
    let exclude = ExcludeRules::default();
    let (mut part, range) =
        KeyScan::part(patterns(text), "top", None, exclude, "run_1//b", None::<&str>);
    part.keys(range, ["run_1//c", "run_2//d"]).unwrap();
    part.end(range);
    scan.take_part(rest, &part.hand_back()).unwrap();
    scan.end(first);
    assert_eq!(scan.take_bad(), ["run_1//a", "run_2//d"]);
    assert_eq!(scan.take_matches(), []);
}

/// What a match covers is dropped though the directory is open when the part is handed back, and
/// it is told once.
#[test]
fn the_outermost_of_open_directories() {
    let text = "r*/{a}";
    let exclude = ExcludeRules::default;
    let (scan, first) = KeyScan::new(patterns(text), "top", None, exclude());
    let mut scan = scan.outermost(true);
    let rest = scan.split(first, "q").unwrap();
    scan.end(first);
    let (part, range) = KeyScan::part(patterns(text), "top", None, exclude(), "q", None::<&str>);
    let mut part = part.outermost(true);
    let inner = part.split(range, "r1/s/").unwrap();
    part.keys(inner, ["r1/s/r2/a", "r1/s/r3/b"]).unwrap();
    part.keys(range, ["r1/a"]).unwrap();
    let outcome = part.hand_back();
    assert_eq!(outcome.left().len(), 2);
    let left = scan.take_part(rest, &outcome).unwrap();
    assert_eq!(scan.take_matches(), [("r1".to_owned(), 0)]);
    assert_eq!(scan.skip(left[1]), Some("r1/"));
    left.into_iter().for_each(|range| scan.end(range));
    assert_eq!(scan.take_matches(), []);
    assert!(scan.is_done());
    // One that may have keys elsewhere is told by who has all parts.
    let (scan, first) = KeyScan::new(patterns(text), "top", None, exclude());
    let mut scan = scan.outermost(true);
    let rest = scan.split(first, "r1/a").unwrap();
    let (part, range) = KeyScan::part(patterns(text), "top", None, exclude(), "r1/a", None::<&str>);
    let mut part = part.outermost(true);
    part.keys(range, ["r1/a"]).unwrap();
    assert_eq!(part.skip(range), Some("r1/"));
    let outcome = part.hand_back();
    assert_eq!(outcome.found(), 0);
    scan.take_part(rest, &outcome).unwrap();
    assert_eq!(scan.take_matches(), [("r1".to_owned(), 0)]);
}

#[test]
fn what_is_asked_of_the_directory_in_which_a_part_begins() {
    // A match may start at the source alone, so nothing else makes what is in `a` wanted.
    for checks in [false, true] {
        let new = |scan: KeyScan| with_options(scan, (checks, true));
        let (text, exclude) = ("*/{*/{no x}}", ExcludeRules::default);
        let (scan, range) = KeyScan::new(patterns(text), "top", 0, exclude());
        let mut scan = new(scan);
        let rest = scan.split(range, "a/").unwrap();
        let (part, all) = KeyScan::part(patterns(text), "top", 0, exclude(), "a/", None::<&str>);
        let mut part = new(part);
        part.keys(all, ["a/x"]).unwrap();
        part.end(all);
        assert_eq!(scan.take_part(rest, &part.hand_back()).unwrap(), []);
        scan.end(range);
        assert!(scan.is_done());
        assert_eq!(scan.take_matches(), []);
        assert!(scan.take_checked().iter().all(|(_, _, findings)| !findings.is_complete()));
    }
}

/// Changes something in a value.
#[cfg(feature = "serde")]
fn change(value: &mut serde_json::Value, choices: &mut Random) {
    use serde_json::Value;
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let chosen = choices.below(fields.len());
            change(fields.values_mut().nth(chosen).unwrap(), choices);
        }
        Value::Array(items) if items.is_empty() => items.push(0.into()),
        Value::Array(items) => {
            let chosen = choices.below(items.len());
            match choices.below(12) {
                0 => drop(items.remove(chosen)),
                1 => items.push(items[chosen].clone()),
                2 => items.swap(0, chosen),
                3 => items.clear(),
                _ => change(&mut items[chosen], choices),
            }
        }
        Value::Number(number) => {
            let number = number.as_u64().unwrap();
            let others =
                [0, 1, 47, number.wrapping_add(1), number << 1, 255, u32::MAX.into(), u64::MAX];
            *value = choices.pick(&others).into();
        }
        Value::Bool(is) => *is = !*is,
        Value::String(text) => *text = choices.pick(&["Met", "Missing", "Case", "Name"]).into(),
        _ => *value = choices.pick(&[0u64, 3]).into(),
    }
}

#[test]
#[cfg(feature = "serde")]
fn outcomes_that_were_changed_do_no_harm() {
    let (mut taken, mut refused) = (0, 0);
    for seed in common::long::seeds(500) {
        let choices = &mut Random(seed);
        let options = choices.pick(&OPTIONS);
        let right = outcome(TEXT, options);
        let mut value = serde_json::to_value(&right).unwrap();
        for _ in 0..=choices.below(3) {
            change(&mut value, choices);
        }
        let Ok(wrong) = serde_json::from_value::<KeyOutcome>(value) else { continue };
        let mut waiting = Waiting::new(TEXT, options);
        let Ok(left) = waiting.scan.take_part(waiting.part, &wrong) else {
            refused += 1;
            let left = waiting.scan.take_part(waiting.part, &right).unwrap();
            let mut expected = Waiting::new(TEXT, options);
            let expected_left = expected.scan.take_part(expected.part, &right).unwrap();
            assert_eq!(waiting.told(&left), expected.told(&expected_left), "seed {seed}");
            continue;
        };
        taken += 1;
        waiting.told(&left);
    }
    assert!(taken > 30 && refused > 30, "{taken} {refused}");
}

/// What is told of nested patterns is shared. Written out, it would be there a million times.
#[test]
#[cfg(feature = "serde")]
fn findings_are_shared_when_they_travel() {
    use pathvein_core::{Count, DirectoryRequirement};
    let mut pattern = FileStructurePattern::builder("a").file("f").build().unwrap();
    for _ in 0..20 {
        let twice =
            DirectoryRequirement::new([pattern.clone()], Count::new(2, None).unwrap()).unwrap();
        let builder = FileStructurePattern::builder("a").directory(pattern).directory(twice);
        pattern = builder.build().unwrap();
    }
    let new = || {
        let exclude = ExcludeRules::default();
        let patterns = PatternSet::new(&[pattern.clone()]);
        let (part, range) = KeyScan::part(patterns, "top", None, exclude, "a/", None::<&str>);
        (part.checking(), range)
    };
    let (mut part, range) = new();
    part.keys(range, [&*format!("{}x", "a/".repeat(22))]).unwrap();
    part.end(range);
    let first = part.hand_back();
    let (mut part, range) = new();
    part.take_part(range, &first).unwrap();
    let second = part.hand_back();
    let length = |outcome: &KeyOutcome| serde_json::to_string(outcome).unwrap().len();
    assert!(length(&first) < 100_000, "{}", length(&first));
    assert_eq!(length(&second), length(&first));
}
