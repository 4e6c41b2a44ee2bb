//! Trees and patterns made from choices. The choices are a fuzzer's bytes, or random
//! numbers.

use std::ffi::OsString;

use pathvein_core::{Count, DirectoryRequirement, FileRequirement, FileStructurePattern};
use pathvein_core::{NameAlternative, NameRegex, NameTest};

use super::reference::{Sub, Tree};

/// A source of choices.
pub(crate) trait Choices {
    /// A number below `bound`, which is at least 1.
    fn below(&mut self, bound: usize) -> usize;

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// True in one of `times` cases.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }
}

/// One byte for each choice, and zeros after the last byte.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Choices for Bytes<'_> {
    fn below(&mut self, bound: usize) -> usize {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                usize::from(first) % bound
            }
            None => 0,
        }
    }
}

/// SplitMix64, so that the same seed is the same case everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Choices for Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

/// Choices that were made before, and zeros after the last one: to make a case smaller.
pub(crate) struct Again<'a>(pub(crate) &'a [u64]);

impl Choices for Again<'_> {
    fn below(&mut self, bound: usize) -> usize {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                (first % bound as u64) as usize
            }
            None => 0,
        }
    }
}

/// Random choices, which are written down.
pub(crate) struct Recorded(pub(crate) Random, pub(crate) Vec<u64>);

impl Choices for Recorded {
    fn below(&mut self, bound: usize) -> usize {
        let chosen = self.0.below(bound);
        self.1.push(chosen as u64);
        chosen
    }
}

const NAMES: [&str; 8] = ["a", "b", "ab", "a.x", "b.x", "c", "é", ".a"];

/// Globs that the reference can read.
const GLOBS: [&str; 14] =
    ["a", "*", "b", "*.x", "a*", "?", "c", "[ab]", "[!a]", "*b", "é", "?.x", "a*x", "nothing"];

/// A regular expression, and whether a name that is UTF-8 passes it.
type Expression = (&'static str, fn(&str) -> bool);

/// Expressions, each beside what it means by a second implementation.
pub(crate) const REGEXES: [Expression; 8] = [
    ("a", |name| name == "a"),
    ("[ab]+", |name| !name.is_empty() && name.chars().all(|c| "ab".contains(c))),
    (".", |name| name.chars().count() == 1),
    (r"\..*", |name| name.starts_with('.')),
    (r".*\.x|c", |name| name.ends_with(".x") || name == "c"),
    ("[^a]*", |name| !name.contains('a')),
    ("(?i)A.?", |name| name.starts_with('a') && name.chars().count() < 3),
    ("b(?x) # comment", |name| name == "b"),
];

pub(crate) fn name(choices: &mut impl Choices) -> OsString {
    if choices.once_in(16) { undecodable() } else { choices.pick(&NAMES).into() }
}

/// A name that is no text.
fn undecodable() -> OsString {
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(b"a\xff".into());
    #[cfg(windows)]
    return std::os::windows::ffi::OsStringExt::from_wide(&[0x61, 0xD800]);
}

/// How many patterns a case has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// A few, which are made from the choices one by one.
    Small,
    /// So many that bits for nodes and globs take several words: 150 that hold 100
    /// others, with about 90 globs for files and as many for directories.
    Large,
}

impl Profile {
    /// That of a fuzzer's input: one in four is large.
    #[allow(dead_code)] // Only fuzz targets ask for it.
    pub(crate) fn of(input: &[u8]) -> Profile {
        if input.first().is_some_and(|&first| first >= 192) {
            Profile::Large
        } else {
            Profile::Small
        }
    }
}

pub(crate) fn patterns(choices: &mut impl Choices, profile: Profile) -> Vec<FileStructurePattern> {
    if profile == Profile::Large {
        // A fuzzer would have to find a thousand bytes.
        let seed = choices.below(256) * 256 + choices.below(256);
        return many_patterns(&mut Random(seed as u64));
    }
    let count = 1 + choices.below(4);
    (0..count).map(|_| pattern(choices, 1)).collect()
}

fn many_patterns(choices: &mut Random) -> Vec<FileStructurePattern> {
    let mut globs: Vec<String> = GLOBS.iter().map(|&glob| glob.to_owned()).collect();
    for name in NAMES {
        globs.extend([format!("{name}*"), format!("*{name}"), format!("?{name}")]);
        globs.extend([format!("{name}?*"), format!("[!c]*{name}"), format!("[ab]*{name}")]);
    }
    // Most of the globs match something, and most of the patterns ask for little.
    globs.extend((0..30).map(|number| format!("no{number}*")));
    let glob = |choices: &mut Random| globs[choices.below(globs.len())].clone();
    let mut parts: Vec<FileStructurePattern> = Vec::new();
    let make = |choices: &mut Random, parts: &[FileStructurePattern]| {
        let says_more = choices.once_in(2);
        let name = if choices.once_in(3) { "*".into() } else { glob(choices) };
        let mut builder = FileStructurePattern::builder(&*name);
        for _ in 0..choices.below(3) {
            let mut alternatives = vec![NameAlternative::from(&*glob(choices))];
            if says_more && choices.once_in(3) {
                let (regex, _) = choices.pick(&REGEXES);
                alternatives.push(NameRegex::new(regex).expect("an expression").into());
            }
            let test = NameTest::any_of(alternatives).expect("one at least");
            builder = match says_more && choices.once_in(6) {
                true => builder.forbidden_file(test),
                false => builder.file(FileRequirement::new(test, count(choices, says_more))),
            };
        }
        for _ in 0..choices.below(3) {
            let few_levels = |part: &&FileStructurePattern| part.levels() < 4;
            let part = parts.get(choices.below(parts.len() + 1)).filter(few_levels);
            let Some(part) = part.cloned() else { continue };
            builder = if says_more && choices.once_in(6) {
                builder.forbidden_directory(part)
            } else {
                let count = count(choices, says_more);
                builder.directory(DirectoryRequirement::new([part], count).expect("one"))
            };
        }
        builder.closed(says_more && choices.once_in(12))
    };
    while parts.len() < 100 {
        let part = make(choices, &parts).build().expect("few levels");
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    // Each part is asked for.
    let asked = parts.iter().map(Some).chain([None; 50]);
    asked
        .map(|part| make(choices, &parts).directories(part.cloned()).build().expect("few levels"))
        .collect()
}

fn pattern(choices: &mut impl Choices, level: usize) -> FileStructurePattern {
    // Half of the patterns say only what could be said before there were counts and the like.
    let says_more = choices.once_in(2);
    let mut builder = FileStructurePattern::builder(name_test(choices, says_more));
    if choices.once_in(8) {
        builder = if choices.once_in(2) { builder.any_name() } else { Default::default() };
    } else if choices.once_in(12) {
        builder = FileStructurePattern::builder("");
    }
    for _ in 0..choices.below(3) {
        let test = name_test(choices, says_more);
        builder = builder.file(FileRequirement::new(test, count(choices, says_more)));
    }
    if choices.once_in(8) {
        builder = builder.optional_file(name_test(choices, says_more));
    }
    if level < 4 {
        for _ in 0..choices.below(3) {
            let mut alternatives = vec![pattern(choices, level + 1)];
            if says_more && choices.once_in(3) {
                alternatives.push(pattern(choices, level + 1));
            }
            let count = count(choices, says_more);
            builder = builder.directory(DirectoryRequirement::new(alternatives, count).unwrap());
        }
        if choices.once_in(8) {
            builder = builder.optional_directory(pattern(choices, level + 1));
        }
        if says_more && choices.once_in(3) {
            builder = builder.forbidden_directory(pattern(choices, level + 1));
        }
    }
    if says_more && choices.once_in(3) {
        builder = builder.forbidden_file(name_test(choices, true));
    }
    if says_more && choices.once_in(4) {
        // Without more that is allowed, nothing much would match.
        if choices.once_in(2) {
            builder = builder.optional_file("*");
        }
        if choices.once_in(2) {
            let any = FileStructurePattern::builder("*").build().expect("one level");
            builder = builder.optional_directory(any);
        }
        builder = builder.closed(true);
    }
    builder.build().expect("few levels")
}

fn name_test(choices: &mut impl Choices, says_more: bool) -> NameTest {
    if !(says_more && choices.once_in(3)) {
        return choices.pick(&GLOBS).into();
    }
    let mut alternative = || -> NameAlternative {
        if choices.once_in(2) {
            choices.pick(&GLOBS).into()
        } else {
            let (regex, _) = choices.pick(&REGEXES);
            NameRegex::new(regex).expect("an expression").into()
        }
    };
    let first = alternative();
    let second = alternative();
    let several = if choices.once_in(2) { vec![first, second] } else { vec![first] };
    NameTest::any_of(several).expect("one at least")
}

fn count(choices: &mut impl Choices, says_more: bool) -> Count {
    if !(says_more && choices.once_in(2)) {
        return Count::default();
    }
    let min = [0, 1, 1, 2, 3][choices.below(5)];
    let max = [None, Some(0), Some(1), Some(2)][choices.below(4)];
    Count::new(min, max.map(|max| max.max(min))).expect("in order")
}

/// A tree in memory.
pub(crate) fn tree(choices: &mut impl Choices) -> Tree {
    let mut left = 40;
    tree_below(choices, 0, &mut left)
}

fn tree_below(choices: &mut impl Choices, depth: usize, left: &mut usize) -> Tree {
    let mut tree = Tree::default();
    for _ in 0..choices.below(4) {
        tree.files.push(name(choices));
    }
    for _ in 0..choices.below(4) {
        if *left == 0 || depth == 6 {
            break;
        }
        *left -= 1;
        let name = name(choices);
        // A name may be file and directory at once.
        if tree.directories.iter().any(|(other, _)| *other == name) {
            continue;
        }
        let sub = match choices.below(10) {
            7 => Sub::Link,
            8 => Sub::NotEntered,
            9 => Sub::Gone,
            _ => Sub::Entered(tree_below(choices, depth + 1, left)),
        };
        tree.directories.push((name, sub));
    }
    tree
}

/// What is left of a tree where much goes wrong: directories that cannot be listed, listings
/// that break off after any number of entries, files of which nobody can tell what they are.
pub(crate) fn damaged(choices: &mut impl Choices, tree: &Tree) -> Tree {
    let mut left = tree.clone();
    for (_, sub) in &mut left.directories {
        if let Sub::Entered(below) = sub {
            *sub = match choices.once_in(8) {
                true => Sub::Unlisted,
                false => Sub::Entered(damaged(choices, below)),
            };
        }
    }
    if choices.once_in(4) {
        left.broke_off = true;
        left.files.truncate(choices.below(left.files.len() + 1));
        left.directories.truncate(choices.below(left.directories.len() + 1));
    }
    if !left.files.is_empty() && choices.once_in(6) {
        left.untold.push(left.files[choices.below(left.files.len())].clone());
    }
    left
}
