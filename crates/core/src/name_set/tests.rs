//! Tests of the set against its globs one by one, and of these against the reference.

use super::*;
use crate::glob::cases::{self, Text, encode};

/// A small generator of pseudo-random numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }

    fn one_in(&mut self, chance: usize) -> bool {
        self.below(chance) == 0
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    fn mask(&mut self, words: usize, share: usize) -> Vec<u64> {
        let bits = |random: &mut Random| {
            (0..64).fold(0, |word, bit| word | u64::from(random.one_in(share)) << bit)
        };
        (0..words).map(|_| bits(self)).collect()
    }

    /// Text whose ends and lengths coincide often. Lengths are around 8, 16 and 63 bytes,
    /// where the tables take other branches.
    fn literal(&mut self) -> Text {
        let parts = [
            "",
            "a",
            "b",
            ".",
            "..",
            "a.b",
            ".csv",
            "é",
            "\u{1F600}",
            "\0",
            "\n",
            "/",
            "-",
            "]",
            "1234567",
            "12345678",
            "123456789",
            ".parquet",
            ".parquetx",
            "0123456789abcdef",
            "0123456789abcdeX",
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
        ];
        let surrogates = [0xDC80, 0xDCC3, 0xDCA9, 0xDCFF, 0xD83D, 0xDE00, 0xD800];
        let mut text = Text::new();
        for _ in 0..self.below(4) {
            if self.one_in(12) {
                text.push(self.of(&surrogates));
            } else {
                text.extend(self.of(&parts).chars().map(u32::from));
            }
        }
        text
    }

    fn glob(&mut self) -> Text {
        let wild = [
            "*",
            "*",
            "*",
            "**",
            "?",
            "??",
            "[ab]",
            "[!a]",
            "[a-c.]",
            "[!z-a]",
            "[]a]",
            "[é]",
            "[!é]",
            "[^a]",
            "[",
            "[!\u{1F600}-\u{10FFFF}]",
            "?*",
            "[[]",
        ];
        if self.one_in(40) {
            return vec![u32::from('['), u32::from('z'), u32::from('-'), u32::from('a'), 0x5D];
        }
        let mut text = self.literal();
        for _ in 0..self.of(&[0, 0, 1, 1, 1, 2, 3]) {
            text.extend(self.of(&wild).chars().map(u32::from));
            text.extend(self.literal());
        }
        text
    }

    /// A name that the glob is likely to match, or nearly.
    fn name(&mut self, glob: &[u32]) -> Text {
        let mut name = Text::new();
        for &c in glob {
            match char::from_u32(c) {
                Some('*') => name.extend(self.literal()),
                Some('?') => name.push(self.of(&[0x61, 0x2E, 0xE9, 0x1F600, 0xDCA9])),
                Some('[' | '!' | ']') if !self.one_in(4) => {}
                _ => name.push(c),
            }
        }
        if !name.is_empty() && self.one_in(3) {
            let place = self.below(name.len());
            match self.below(3) {
                0 => name[place] = self.of(&[0x61, 0x2E, 0xE9, 0xDCC3]),
                1 => _ = name.remove(place),
                _ => name.insert(place, self.of(&[0x61, 0x2E, 0xE9, 0xDCA9])),
            }
        }
        name
    }
}

/// Checks every method of a set, with one name.
fn check(set: &NameSet, name: Name<'_>, random: &mut Random) {
    let count = set.len();
    let expected: Vec<usize> = (0..count).filter(|&j| set.globs()[j].is_match(name)).collect();
    assert_eq!(set.matching(name), expected, "{set:?} {name:x?}");
    assert_eq!(set.is_match(name), !expected.is_empty(), "{set:?} {name:x?}");

    // Masks that are longer than necessary, and bits of no glob.
    let words = count.div_ceil(64) + random.below(2);
    let share = random.of(&[1, 2, 10, count + 1]);
    let wanted = random.mask(words, share);
    let share = random.of(&[2, 10, 1000]);
    let before = random.mask(words, share);
    let mut hits = before.clone();
    set.hit(name, &wanted, &mut hits);
    let is_set = |mask: &[u64], j: usize| mask[j / 64] >> (j % 64) & 1 == 1;
    for j in 0..words * 64 {
        let matches = is_set(&wanted, j) && expected.binary_search(&j).is_ok();
        let what = set.globs().get(j);
        assert_eq!(is_set(&hits, j), is_set(&before, j) || matches, "{what:?} {name:x?}");
    }
}

fn set_of(globs: &[Text]) -> NameSet {
    globs.iter().map(|glob| NameGlob::from_code_points(glob.iter().copied()).unwrap()).collect()
}

#[test]
fn shared_table() {
    let table = cases::table();
    let mut random = Random(1);
    let globs: Vec<Text> = table.iter().map(|case| case.glob.clone()).collect();
    let whole = set_of(&globs);
    for case in &table {
        let alone = set_of(&[case.glob.clone(), case.glob.clone()]);
        for (texts, expected) in [(&case.matches, true), (&case.rejects, false)] {
            for text in texts {
                for name in cases::names(text, &encode(text)) {
                    assert_eq!(alone.is_match(name), expected, "{}: {name:x?}", case.what);
                    check(&alone, name, &mut random);
                    check(&whole, name, &mut random);
                }
            }
        }
    }
}

#[test]
fn random_sets() {
    let mut random = Random(20_240_229);
    for round in 0..400 {
        let count = random.of(&[0, 1, 2, 3, 4, 5, 20, 63, 64, 65, 130, 300]);
        let globs: Vec<Text> = (0..count).map(|_| random.glob()).collect();
        let set = set_of(&globs);
        for _ in 0..40 {
            let glob = if count == 0 { Text::new() } else { random.of(&globs) };
            let name = random.name(&glob);
            for name in cases::names(&name, &encode(&name)) {
                check(&set, name, &mut random);
            }
            if round % 4 == 0 {
                let single = NameGlob::from_code_points(glob.iter().copied()).unwrap();
                let expected = cases::reference(&glob, &name);
                assert_eq!(single.is_match(&name[..]), expected, "{single:?} {name:x?}");
            }
        }
    }
}

/// Sets that fill one word of the automaton, four, and more than four. The names have a
/// character outside of ASCII at every position of the blocks of 16 bytes.
#[test]
fn automata_of_every_size() {
    let mut random = Random(11);
    let telling: Vec<Text> =
        ["*[ab]", "?*1[!z]", "*c*?", "*é[a-é]*", "[!é]*?b?*", "*[\u{1F600}c]*a?", "*b*b*a*"]
            .map(|glob| glob.chars().map(u32::from).collect())
            .into();
    for count in [1, 2, 7, 9, 30, 60, 100] {
        // The last globs are in the last word.
        let filler: Vec<Text> = (0..count)
            .map(|i| format!("*[01]{i:05}[ab]*").chars().map(u32::from).collect())
            .collect();
        for glob in &telling {
            let mut globs = [&filler[1..], std::slice::from_ref(glob)].concat();
            globs.extend((count > 2).then(|| telling[random.below(telling.len())].clone()));
            let set = set_of(&globs);
            for length in 0..40 {
                let mut name: Text = (0..length).map(|_| random.of(&[0x61, 0x62, 0x63])).collect();
                if length > 0 {
                    for _ in 0..random.below(3) {
                        let place = random.below(length);
                        name[place] = random.of(&[0xE9, 0x1F600, 0xDCC3, 0x31]);
                    }
                }
                for name in cases::names(&name, &encode(&name)) {
                    check(&set, name, &mut random);
                }
                let single = NameGlob::from_code_points(glob.iter().copied()).unwrap();
                assert_eq!(single.is_match(&name[..]), cases::reference(glob, &name));
            }
        }
    }
}

/// Sets that are searched by words, in a table and in a sparse automaton, with words that hold
/// and overlap each other, that occur twice, and bytes that are not UTF-8 beside them.
#[test]
fn words_of_every_number() {
    let mut random = Random(13);
    let telling = ["*ab*", "*b*", "*abab*", "*ab*", "*bab*?", "*aba*[!b]*", "*é*", "*bé*a*bé*"];
    let telling: Vec<String> = [&telling[..], &["*\u{1F600}*", "*a\u{1F600}b*?"]]
        .concat()
        .iter()
        .map(|glob| glob.to_string())
        .collect();
    // 20 need two words of the automaton, 3,000 are more than a table takes, and 600 of those
    // that have to be matched are more than are noted.
    for (count, filler) in [(20, "*q{}*"), (3_000, "*q{}_klmnop{}*"), (600, "*q{}*r*"), (0, "")] {
        let mut globs: Vec<String> =
            (0..count).map(|i| filler.replace("{}", &i.to_string())).collect();
        globs.extend(telling.iter().cloned());
        globs.push(format!("*{}?", "x".repeat(64)));
        let set = NameSet::new(&globs);
        for length in 0..60 {
            let letters = [0x61, 0x62, 0x62, 0xE9, 0x1F600, 0xDCC3, 0xDCA9, 0xDC80, 0xD83D, 0xDE00];
            let mut name: Text = (0..length % 12).map(|_| random.of(&letters)).collect();
            if length % 3 == 0 && count > 0 {
                let number = random.below(count).to_string();
                name.extend(filler.replace("{}", &number).replace('*', "").chars().map(u32::from));
            }
            for name in cases::names(&name, &encode(&name)) {
                check(&set, name, &mut random);
            }
            for glob in &telling {
                let glob: Text = glob.chars().map(u32::from).collect();
                let single = NameGlob::from_code_points(glob.iter().copied()).unwrap();
                assert_eq!(single.is_match(&name[..]), cases::reference(&glob, &name));
            }
        }
    }
}

#[test]
fn words_that_occur_often_take_no_memory() {
    let globs = (1..=20).map(|length| format!("*{}*", "a".repeat(length)));
    let set = NameSet::new(globs.collect::<Vec<_>>());
    let mut indices = Vec::new();
    set.matching_into("a".repeat(10_000).as_str(), &mut indices);
    assert!(indices.iter().copied().eq(0..20));
    assert!(indices.capacity() < 100, "{}", indices.capacity());
}

#[test]
fn listings() {
    let mut random = Random(7);
    let (mut many, mut matched) = (Bitmask::new(), Bitmask::new());
    for _ in 0..100 {
        let count = random.of(&[0, 1, 5, 70, 200]);
        let globs: Vec<Text> = (0..count).map(|_| random.glob()).collect();
        let set = set_of(&globs);
        let count = random.of(&[0, 1, 64, 150]);
        let names: Vec<Text> = (0..count).map(|_| random.glob()).collect();
        let names: Vec<Option<Vec<u8>>> = names.iter().map(|name| encode(name)).collect();
        let names = || names.iter().flatten().map(|bytes| Name(Repr::Bytes(bytes)));
        set.match_many_into(names(), &mut many);
        assert_eq!(many.len(), names().count());
        for (i, name) in names().enumerate() {
            assert_eq!(many.contains(i), set.is_match(name));
        }
        set.matched_globs_into(names(), &mut matched);
        assert_eq!(matched.len(), set.len());
        for (j, glob) in set.globs().iter().enumerate() {
            assert_eq!(matched.contains(j), names().any(|name| glob.is_match(name)));
        }
        assert_eq!(set.match_many(names()), many);
        assert_eq!(set.matched_globs(names()), matched);
    }
}

#[test]
fn stops_when_every_glob_was_hit() {
    let set = NameSet::new(["a*", "*b", "[z-a]", "a*"]);
    let mut names = ["x", "a", "b", "never taken"].iter();
    let hit = set.matched_globs(names.by_ref().copied());
    assert_eq!(hit.iter().collect::<Vec<_>>(), [0, 1, 3]);
    assert_eq!(names.len(), 1);
    // If no glob can match, no name is taken.
    let set = NameSet::new(["[z-a]"]);
    let mut names = ["x"].iter();
    assert_eq!(set.matched_globs(names.by_ref().copied()).count(), 0);
    assert_eq!(names.len(), 1);
}

#[test]
fn what_is_a_set() {
    let set = NameSet::default();
    assert!(set.is_empty() && !set.is_match("") && set.matching("a").is_empty());
    set.hit("a", &[], &mut []);
    let set = NameSet::new(["b", "a", "b"]);
    assert_eq!((set.len(), set.is_empty()), (3, false));
    assert_eq!(set.globs()[2].as_str(), Some("b"));
    assert_eq!(set.matching("b"), [0, 2]);
    assert_eq!(format!("{set:?}"), r#"NameSet([NameGlob("b"), NameGlob("a"), NameGlob("b")])"#);
    let mut kept = vec![9];
    set.matching_into("a", &mut kept);
    assert_eq!(kept, [1]);
}

#[test]
#[should_panic]
fn short_masks_panic() {
    NameSet::new(vec!["a"; 65]).hit("b", &[1], &mut [0, 0]);
}

/// A name that a glob of each kind matches, and every other kind's table sees.
#[test]
fn kinds_do_not_hide_each_other() {
    let globs = [
        "*",
        "a.csv",
        "*.csv",
        "a*",
        "*v",
        "a*v",
        "?.csv",
        "*.*",
        "[a-c]*",
        "*csv",
        "a*.csv",
        "a.cs[v]",
        "**",
        "a.c??",
        "*a*.*c*s*v*",
    ];
    let set = NameSet::new(globs);
    assert_eq!(set.matching("a.csv"), (0..globs.len()).collect::<Vec<_>>());
    let long = format!("*{}", "?".repeat(70));
    let set = NameSet::new(["x", "y", "z", &long]);
    assert_eq!(set.matching(&"é".repeat(70)), [3]);
    assert!(set.matching(&"é".repeat(69)).is_empty());
}

#[test]
fn large_sets() {
    let mut globs: Vec<String> = Vec::new();
    for i in 0..1250 {
        globs.push(format!("literal_with_a_long_name_{i:05}_and_end"));
        globs.push(format!("*_{i}.csv"));
        globs.push(format!("prefix_{i}*"));
        globs.push(format!("*[x]{i}?*"));
    }
    let set = NameSet::new(&globs);
    assert_eq!(set.len(), 5000);
    assert_eq!(set.matching("literal_with_a_long_name_01249_and_end"), [4996]);
    assert_eq!(set.matching("prefix_1249_777.csv"), [6, 50, 498, 777 * 4 + 1, 4998]);
    assert_eq!(set.matching("ax1249é"), [7, 51, 499, 4999]);
    let names: Vec<String> = globs.iter().map(|glob| glob.replace(['*', '[', ']'], "")).collect();
    assert_eq!(set.matched_globs(&names).count(), 5000);
    let wanted = [vec![0; 78], vec![1 << 7]].concat();
    let mut hits = vec![0; 79];
    set.hit("ax1249é", &wanted, &mut hits);
    assert_eq!(hits, wanted);
}

#[test]
fn long_and_hostile() {
    let a = "a".repeat(100_000);
    let exact = format!("{a}*");
    let set = NameSet::new(["*a*a*a*b", "*a?a*", "*b*", &exact, &a, "*a", "a*a", "[!b]*[!b]"]);
    assert_eq!(set.matching(&a), [1, 3, 4, 5, 6, 7]);
    assert_eq!(set.matching(&format!("{a}b")), [0, 1, 2, 3]);
}
