//! Patterns and text, there and back: random patterns, random and changed text, limits.

use super::*;
use crate::pattern::{
    Count, DirectoryRequirement, FileRequirement, FileStructurePatternBuilder, MAX_LEVELS,
    NameAlternative, NameRegex, NameTest, Parts,
};
use crate::{ErrorKind, NameGlob};

/// A generator of random numbers (xorshift), the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % bound
    }

    fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn list<T>(&mut self, most: usize, mut make: impl FnMut(&mut Random) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }
}

/// Pieces of which names are made: all that means something, and all that is hard to write.
const PIECES: [&str; 62] = [
    "a",
    "b",
    "*",
    "?",
    ".",
    "..",
    "/",
    "//",
    "{",
    "}",
    ",",
    "|",
    "[",
    "]",
    "[!",
    "[,]",
    "[/]",
    "[ #]",
    "#",
    " #",
    " ",
    "  ",
    "\t",
    "\u{a0}",
    "\n",
    "\r",
    "\r\n",
    "\"",
    "'",
    "\\",
    "\\u0041",
    "no",
    "no ",
    "optional ",
    "nothing else",
    "nothing",
    " else",
    "3",
    "3 ",
    "3+ ",
    "2-4 ",
    "4-2 ",
    "99999999999 ",
    "regex:",
    "regex: ",
    "│",
    "├── ",
    "`-- ",
    "|-- ",
    "| ",
    "──",
    " -> ",
    "[4.0K]  ",
    "3 directories",
    "\u{feff}",
    "\u{1b}[1m",
    "\0",
    "\u{85}",
    "\u{2028}",
    "\u{3000}",
    "é",
    "😀",
];

const SURROGATES: [u32; 6] = [0xD800, 0xD83D, 0xDBFF, 0xDC00, 0xDC80, 0xDFFF];

const REGEXES: [&str; 18] = [
    "", "a", "v[0-9]+", "v{2}", "a|b", "[^/]+", "a, b", " a", "a ", "'", "\"", "'\"", "#", "a #b",
    "[,]", r"\[", "(?i)no", "\u{a0}",
];

fn glob(random: &mut Random) -> NameGlob {
    let pieces = random.list(4, |random| match random.one_in(8) {
        true => vec![random.pick(&SURROGATES)],
        false => code_points(random.pick(&PIECES)),
    });
    NameGlob::from_code_points(pieces.concat()).unwrap()
}

fn name(random: &mut Random) -> NameAlternative {
    match random.one_in(10) {
        true => NameRegex::new(random.pick(&REGEXES)).unwrap().into(),
        false => glob(random).into(),
    }
}

fn test(random: &mut Random) -> NameTest {
    let mut names = random.list(2, name);
    names.push(name(random));
    let names = if random.one_in(3) { names } else { names.split_off(names.len() - 1) };
    NameTest::any_of(names).unwrap()
}

fn count(random: &mut Random) -> Count {
    let numbers = [0, 1, 2, 3, 10, u32::MAX];
    let (min, max) = (random.pick(&numbers), random.pick(&numbers));
    match random.below(4) {
        0 => Count::new(min.min(max), max.max(min)).unwrap(),
        1 => Count::new(min, None).unwrap(),
        _ => Count::default(),
    }
}

/// A directory's name is never null or empty: both become `*`.
fn pattern(random: &mut Random, levels: usize) -> FileStructurePattern {
    let empty = NameTest::from("");
    let name = Some(test(random)).filter(|test| *test != empty).unwrap_or("*".into());
    let mut parts = Parts { closed: random.one_in(4), ..Parts::default() };
    parts.files = random.list(2, |random| FileRequirement::new(test(random), count(random)));
    parts.optional_files = random.list(1, test);
    parts.forbidden_files = random.list(1, test);
    if levels > 1 {
        parts.directories = random.list(2, |random| {
            let mut alternatives = vec![pattern(random, levels - 1)];
            if random.one_in(3) {
                alternatives.extend(random.list(2, |random| pattern(random, levels - 1)));
            }
            DirectoryRequirement::new(alternatives, count(random)).unwrap()
        });
        parts.optional_directories = random.list(1, |random| pattern(random, levels - 1));
        parts.forbidden_directories = random.list(1, |random| pattern(random, levels - 1));
    }
    FileStructurePatternBuilder { parts }.directory_name(name).build().unwrap()
}

/// Checks that what is written is read back equal, and written again as the same.
fn there_and_back(pattern: &FileStructurePattern) {
    for text in [pattern.to_text(), pattern.to_text_line()] {
        let again = FileStructurePattern::from_text(&text)
            .unwrap_or_else(|error| panic!("{error}\n{text}\n{pattern:?}"));
        assert_eq!(again, *pattern, "{text}");
        assert_eq!(again.to_text(), pattern.to_text());
    }
    let line = pattern.to_text_line();
    assert!(line == pattern.to_text() || !line.contains('\n') && line.chars().count() <= COLUMNS);
    // Only line breaks are written as they are.
    assert!(pattern.to_text().chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn random_patterns_are_read_back_equal() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut on_one_line = 0;
    for _ in 0..500 {
        let levels = 1 + random.below(4);
        let pattern = pattern(&mut random, levels);
        there_and_back(&pattern);
        on_one_line += usize::from(!pattern.to_text_line().contains('\n'));
    }
    assert!(on_one_line > 30, "{on_one_line}");
}

#[test]
fn every_name_of_two_pieces_is_read_back_equal() {
    let pieces: Vec<Vec<u32>> = PIECES.iter().map(|piece| code_points(piece)).collect();
    let surrogates = SURROGATES.iter().map(|&c| vec![c]);
    let pieces: Vec<Vec<u32>> = pieces.into_iter().chain(surrogates).collect();
    for first in &pieces {
        for second in &pieces {
            let glob = NameGlob::from_code_points([&first[..], second].concat()).unwrap();
            let builder = FileStructurePattern::builder(&glob);
            let other = FileStructurePattern::builder("x").build().unwrap();
            let both = NameTest::any_of([&glob, &glob]).unwrap();
            // In front of, between and behind other names.
            let pattern = builder.file(&glob).file("]").file(both).optional_file(&glob);
            let pattern = pattern.forbidden_file(&glob).directory(other).build().unwrap();
            there_and_back(&pattern);
        }
    }
}

#[test]
fn null_and_the_empty_name_become_a_star() {
    let star = FileStructurePattern::builder("*").file("a").build().unwrap();
    for name in [None, Some("".into())] {
        let pattern = star.clone().into_builder().directory_name(name).build().unwrap();
        assert_eq!(FileStructurePattern::from_text(&pattern.to_text()).unwrap(), star);
        assert_eq!(pattern.to_text_line(), "*/{a}");
    }
    // As one of several it is a name, and stays.
    let several = NameTest::any_of(["", "a"]).unwrap();
    there_and_back(&FileStructurePattern::builder(several).build().unwrap());
}

/// All ways to read a text, none of which may panic. What is read is read back from what it is
/// written as.
fn read_all_ways(text: &[u32]) {
    let several = FileStructurePattern::several_from_text_code_points(text);
    let one = FileStructurePattern::from_text_code_points(text);
    let string = FileStructurePattern::from_string(text, "directories[0]");
    for error in [several.as_ref().err(), one.as_ref().err(), string.as_ref().err()] {
        let Some(error) = error.filter(|error| error.kind() == ErrorKind::TextSyntax) else {
            continue;
        };
        let (line, column, offset) = (error.line(), error.column(), error.offset());
        assert!(line >= Some(1) && column >= Some(1) && offset <= Some(text.len()), "{error}");
        assert_eq!(error.to_string().lines().count().max(3), 3, "{error}");
    }
    match (&several, &one) {
        (Ok(several), Ok(one)) => assert_eq!(several[..], *std::slice::from_ref(one)),
        (Ok(several), Err(_)) => assert!(several.len() > 1),
        (Err(several), Err(one)) => assert_eq!(several.to_string(), one.to_string()),
        (Err(error), Ok(_)) => panic!("{error}"),
    }
    for pattern in several.unwrap_or_default() {
        let written = pattern.to_text();
        let again = FileStructurePattern::from_text(&written).unwrap();
        // An empty name at the top of a pattern is any.
        assert_eq!(again.to_text(), written);
        assert!(again == pattern || format!("{pattern:?}").contains("NameGlob(\"\")"), "{written}");
    }
}

#[test]
fn random_text_never_panics() {
    let mut random = Random(0xD1B5_4A32_D192_ED03);
    let more = ["a/", "b/{", "}", "\n", "\n    ", "\n  ", "\n\t", ", ", " | ", "/{x}", "# c"];
    for _ in 0..20_000 {
        let mut text = Vec::new();
        for _ in 0..random.below(12) {
            match random.below(12) {
                0 => text.push(random.pick(&SURROGATES)),
                1..=5 => text.extend(code_points(random.pick(&PIECES))),
                _ => text.extend(code_points(random.pick(&more))),
            }
        }
        read_all_ways(&text);
    }
}

const DRAWING: &str = "# all of it\nrun_*/\n    3+ *.csv | 't'   # tables\n    \
    optional \"a, b\"\n    no FAILED\n    2-4 sub-*/ | ses-*/{x/{y | z, no w},}\n    \
    anat/{*.nii} | func/{\n        b\n    }\n├── data/\n│   └── nothing else\n[,|]/c/'d'\n";

#[test]
fn no_cut_or_changed_character_makes_it_panic() {
    // As it is, so that the changes are changes of something right.
    let text = code_points(DRAWING);
    let good = FileStructurePattern::several_from_text_code_points(&text);
    assert_eq!(good.map(|patterns| patterns.len()).map_err(|e| e.to_string()), Ok(2));
    let others: Vec<u32> = code_points(" \t\n\r,|{}/[]#\"'\\*3+-n:│`\u{a0}\u{feff}\0");
    for at in 0..=text.len() {
        read_all_ways(&text[..at]);
        read_all_ways(&text[at..]);
        for (index, other) in others.iter().copied().chain([0xDC80]).enumerate() {
            // Put in between, or in the place of the next.
            let (before, behind) = text.split_at(at);
            let behind = &behind[((at + index) % 2).min(behind.len())..];
            read_all_ways(&[before, &[other], behind].concat());
        }
        if let Some(behind) = text.get(at + 1..) {
            read_all_ways(&[&text[..at], behind].concat());
        }
    }
}

#[test]
fn level_128_is_the_last() {
    let braces = |levels: usize| format!("{}x{}", "a/{".repeat(levels), "}".repeat(levels));
    let lines = |levels: usize| -> String {
        (0..levels).map(|level| format!("{}a/\n", " ".repeat(level))).collect()
    };
    let path = |levels: usize| "a/".repeat(levels);
    for text in [braces, lines, path] {
        let deepest = FileStructurePattern::from_text(&text(MAX_LEVELS)).unwrap();
        assert_eq!(deepest.levels(), MAX_LEVELS);
        there_and_back(&deepest);
        for levels in [MAX_LEVELS + 1, 20_000] {
            let error = FileStructurePattern::from_text(&text(levels)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TextSyntax);
            assert_eq!(error.message(), "patterns nest at most 128 levels deep");
            let wanted = match text(2).as_str() {
                "a/\n a/\n" => (129, 129),
                "a/a/" => (1, 257),
                _ => (1, 385),
            };
            assert_eq!((error.line().unwrap(), error.column().unwrap()), wanted);
        }
        // A string in a pattern is a level further down.
        let string = |levels| {
            FileStructurePattern::from_string(&code_points(&text(levels)), "directories[0]")
        };
        assert_eq!(string(MAX_LEVELS - 1).unwrap().levels(), MAX_LEVELS - 1);
        assert!(string(MAX_LEVELS).is_err());
    }
}

#[test]
fn the_deepest_pattern_fits_into_a_small_stack() {
    let check = || {
        let mut pattern = FileStructurePattern::builder("a").build().unwrap();
        for level in 1..MAX_LEVELS {
            let other = FileStructurePattern::builder("b").build().unwrap();
            let alternatives = if level % 2 == 0 { vec![pattern] } else { vec![pattern, other] };
            let required = DirectoryRequirement::new(alternatives, Count::default()).unwrap();
            pattern = FileStructurePattern::builder("a").directory(required).build().unwrap();
        }
        there_and_back(&pattern);
        assert!(FileStructurePattern::from_text(&"a/{".repeat(100_000)).is_err());
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(check).unwrap().join().unwrap();
}

/// Each of these takes less than a second, and would take minutes if something was looked for again and
/// again.
#[test]
fn long_text_takes_linear_time() {
    let many = 100_000;
    let texts = [
        format!("a/{{{}b}}", "b,".repeat(many)),
        format!("a/{{{}b}}", "b | ".repeat(many)),
        format!("a/\n{}", "  [b\n".repeat(many)),
        format!("a/\n  {}", "[".repeat(many)),
        format!("a/\n  {}", "[]".repeat(many)),
        format!("a/\n  {}x", "nothing ".repeat(many)),
        format!("a/\n  {} #", " b".repeat(many)),
        format!("a/\n  {}", "│".repeat(many)),
        format!("{}a/", " ".repeat(many)),
        format!("{}a/", "# b\n".repeat(many)),
        format!("{}a/", "1 directory\n".repeat(many)),
        "a/\n".repeat(many),
        format!("a/{{{}}}", "\n".repeat(many)),
        format!("a/{{{}", "b/{},".repeat(many)),
        format!("a/\n  \"{}\"", "\\u0041".repeat(many)),
        "9".repeat(many) + " a/",
        "a/ | ".repeat(many),
    ];
    let count = texts.len();
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for text in texts {
            let _ = FileStructurePattern::several_from_text(&text);
            sender.send(()).unwrap();
        }
    });
    for number in 0..count {
        let in_time = ended.recv_timeout(std::time::Duration::from_secs(30));
        assert!(in_time.is_ok(), "text {number}: {in_time:?}");
    }
}

#[test]
fn what_an_error_shows_fits_in_a_terminal() {
    for before in [0, 30, 69, 70, 71, 300] {
        for after in [0, 30, 300] {
            let text = format!("{}/{{{}", "a".repeat(before + 1), "b".repeat(after));
            let error = FileStructurePattern::from_text(&text).unwrap_err();
            let message = error.to_string();
            let [_, line, caret] = message.lines().collect::<Vec<_>>()[..] else { panic!() };
            assert!(line.len().max(caret.len()) <= 76, "{message}");
            assert_eq!(line.as_bytes()[caret.len() - 1], b'{', "{message}");
        }
    }
}
