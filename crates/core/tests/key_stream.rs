//! Keys that come one after another: against the same keys told to a `KeyScan`.

use std::collections::BTreeSet;

use pathvein_core::{
    ErrorKind, ExcludeRules, FileStructurePattern, KeyFront, KeyScan, KeySorter, KeyStream,
    PatternSet,
};

type Keys = BTreeSet<Vec<u8>>;

/// Patterns that tell of each entry whether it is a file, a directory or both.
fn patterns() -> Vec<FileStructurePattern> {
    let texts =
        ["a/{a}", "*/{a/}", "*/{no a, 1+ *}", "*/{a, a/}", "*-/{nothing else}", "*/{2+ */{*}}"];
    texts.map(|text| FileStructurePattern::from_text(text).unwrap()).to_vec()
}

fn compiled() -> PatternSet {
    PatternSet::new(&patterns())
}

fn by_scan(patterns: &PatternSet, keys: &Keys, outermost: bool) -> BTreeSet<(Vec<u8>, usize)> {
    let (scan, range) = KeyScan::new(patterns, "a", None, ExcludeRules::default());
    let mut scan = scan.outermost(outermost);
    scan.keys_bytes(range, keys.iter().map(Vec::as_slice)).unwrap();
    scan.end(range);
    scan.take_matches_bytes().into_iter().collect()
}

fn stream(patterns: &PatternSet) -> KeyStream {
    KeyStream::new(patterns, "a", None, ExcludeRules::default())
}

/// Numbers that look like chance.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % end
    }
}

/// Paths of few names, of which many are beginnings of others.
fn random_keys(dice: &mut Dice) -> Keys {
    let names: [&[u8]; 6] = [b"a", b"a-", b"a-\xE9", b"a0", b"-", b"aa"];
    let mut keys = Keys::new();
    for _ in 0..dice.below(12) {
        let mut key = names[dice.below(6)].to_vec();
        for _ in 0..dice.below(4) {
            key.push(b'/');
            key.extend_from_slice(names[dice.below(6)]);
        }
        if dice.below(8) == 0 {
            key.push(b'/');
        }
        keys.insert(key);
    }
    keys
}

#[test]
fn what_is_implied() {
    let (mut dice, patterns) = (Dice(7), compiled());
    for _ in 0..2_000 {
        let keys = random_keys(&mut dice);
        let outermost = dice.below(3) == 0;
        let has_below = |key: &[u8]| {
            let prefix = [key, b"/"].concat();
            keys.range(prefix.clone()..).next().is_some_and(|next| next.starts_with(&prefix))
        };
        for implied in [false, true] {
            let meant = keys.iter().filter(|key| !implied || !has_below(key)).cloned().collect();
            let mut stream = stream(&patterns).implied(implied).outermost(outermost);
            let mut found = Vec::new();
            // Several times, and cut anywhere.
            let given: Vec<&[u8]> =
                keys.iter().flat_map(|key| vec![&key[..]; 1 + dice.below(2)]).collect();
            let mut rest = &given[..];
            while !rest.is_empty() {
                let (some, others) = rest.split_at(1 + dice.below(rest.len()));
                stream.keys(some.iter().copied()).unwrap();
                found.append(&mut stream.take_matches());
                rest = others;
            }
            stream.end();
            found.append(&mut stream.take_matches());
            let count = found.len();
            let found: BTreeSet<_> = found.into_iter().collect();
            assert_eq!(count, found.len(), "a match comes twice");
            let keys: Vec<_> = keys.iter().map(|key| String::from_utf8_lossy(key)).collect();
            assert_eq!(
                found,
                by_scan(&patterns, &meant, outermost),
                "{keys:?} {implied} {outermost}"
            );
            assert_eq!(stream.counts().keys, given.len());
        }
    }
}

#[test]
fn the_first_key_out_of_order_is_told() {
    let mut stream = stream(&compiled());
    let keys = ["a/a", "b", "b", "a/b", "c"].map(str::as_bytes);
    let error = stream.keys(keys).unwrap_err();
    assert_eq!((error.kind(), error.key()), (ErrorKind::Key, Some("a/b")));
    let message = error.to_string();
    assert!(message.contains("number 4, and comes behind \"b\", number 3"), "{message}");
    // Those before it were taken.
    stream.end();
    assert!(stream.take_matches().contains(&(b"a".to_vec(), 0)));
    assert_eq!(stream.keys([&b"d"[..]]).unwrap_err().kind(), ErrorKind::Key);
}

#[test]
fn what_stands_in_front_is_taken_off() {
    let told = |front: KeyFront, keys: &[&str]| {
        let mut sorter = KeySorter::new(front);
        let sorted = sorter.keys(keys.iter().map(|key| key.as_bytes())).map(|()| {
            sorter.sort();
            let keys = sorter.range(0..sorter.len());
            keys.map(|key| String::from_utf8_lossy(key).into_owned()).collect::<Vec<_>>()
        });
        sorted.map(|keys| (keys.join(" "), sorter.source())).map_err(|error| error.to_string())
    };
    let fine = |keys: &str, source| Ok((keys.to_owned(), source));
    assert_eq!(told(KeyFront::Nothing, &["./b", "/a"]), fine("./b /a", ""));
    assert_eq!(told(KeyFront::Dots, &["./b", "a", "././c", "."]), fine(" a b c", "."));
    assert_eq!(told(KeyFront::Dots, &["c", "./b", "/a", ".."]), fine(".. /a b c", ""));
    assert_eq!(told(KeyFront::DotsOrRoot, &["/b", "//", "/./a"]), fine(" a b", "/"));
    assert_eq!(told(KeyFront::DotsOrRoot, &[".//", "./a//", "b/"]), fine(" a/ b/", "."));
    assert_eq!(told(KeyFront::DotsOrRoot, &["", "./.b", "..a", "./"]), fine("  ..a .b", "."));
    for (keys, wrong) in [(["a", "/b"], "a"), (["/a", "./b"], "no"), (["./a", "/b"], "a")] {
        let message = told(KeyFront::DotsOrRoot, &keys).unwrap_err();
        assert!(message.contains(&format!("number 2 has {wrong} / in front")), "{message}");
    }
}

#[test]
fn what_may_be_a_directory_does_not_count_if_keys_break_off() {
    let mut stream = stream(&compiled()).implied(true);
    stream.keys(["a", "a/a", "a/b"].map(str::as_bytes)).unwrap();
    stream.break_off();
    assert!(stream.take_matches().contains(&(b"a".to_vec(), 0)));
    let pattern = FileStructurePattern::from_text("a/{b}").unwrap();
    let mut stream = KeyStream::new(&[pattern], "", None, ExcludeRules::default()).implied(true);
    stream.keys(["a", "a/b"].map(str::as_bytes)).unwrap();
    stream.break_off();
    assert_eq!(stream.take_matches(), []);
}
