use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{Count, NameAlternative, NameRegex, NameTest};

/// A directory of a tree in memory.
#[derive(Debug, Default)]
struct Tree {
    /// Each with whether it may be entered.
    directories: BTreeMap<String, (bool, Tree)>,
    files: BTreeSet<String>,
}

/// The paths of the directories and of the files that belong.
type Belonging = (BTreeSet<String>, BTreeSet<String>);

/// What belongs by the definition, read word by word.
fn reference(tree: &Tree, pattern: &FileStructurePattern, path: &str, found: &mut Belonging) {
    let required = pattern.files().iter().map(FileRequirement::test);
    let tests: Vec<_> = required.chain(pattern.optional_files()).collect();
    let files = tree.files.iter().filter(|name| tests.iter().any(|test| test.is_match(*name)));
    found.1.extend(files.map(|name| format!("{path}/{name}")));
    for (name, (enterable, sub)) in &tree.directories {
        for nested in belonging_directories(pattern) {
            if *enterable && matches(name, sub, nested) {
                let path = format!("{path}/{name}");
                found.0.insert(path.clone());
                reference(sub, nested, &path, found);
            }
        }
    }
}

fn belonging_directories(
    pattern: &FileStructurePattern,
) -> impl Iterator<Item = &FileStructurePattern> {
    let required = pattern.directories().iter().flat_map(|required| required.alternatives());
    required.chain(pattern.optional_directories())
}

fn name_matches(name: &str, pattern: &FileStructurePattern) -> bool {
    let Some(test) = pattern.directory_name() else { return true };
    let is_empty = |one: &NameAlternative| one.as_glob().is_some_and(|g| g.as_str() == Some(""));
    test.is_match(name) || test.alternatives().iter().any(is_empty)
}

fn matches(name: &str, tree: &Tree, pattern: &FileStructurePattern) -> bool {
    let files = |test: &NameTest| tree.files.iter().filter(|name| test.is_match(*name)).count();
    let directories = |patterns: &[FileStructurePattern]| {
        let empty = Tree::default();
        let matching = tree.directories.iter().filter(|(name, (enterable, sub))| {
            let sub = if *enterable { sub } else { &empty };
            patterns.iter().any(|pattern| matches(name, sub, pattern))
        });
        matching.count()
    };
    let is_allowed_file = |name: &String| {
        pattern.files().iter().any(|file| file.test().is_match(name))
            || pattern.optional_files().iter().any(|test| test.is_match(name))
    };
    let is_allowed_directory =
        |name: &String| belonging_directories(pattern).any(|nested| name_matches(name, nested));
    name_matches(name, pattern)
        && pattern.files().iter().all(|file| file.count().holds(files(file.test()) as u64))
        && pattern
            .directories()
            .iter()
            .all(|directory| directory.count().holds(directories(directory.alternatives()) as u64))
        && pattern.forbidden_files().iter().all(|test| files(test) == 0)
        && directories(pattern.forbidden_directories()) == 0
        && (!pattern.closed()
            || tree.files.iter().all(is_allowed_file)
                && tree.directories.keys().all(is_allowed_directory))
}

/// What belongs by a selection. The directories are listed in the order that `next` chooses.
fn selected(
    tree: &Tree,
    program: &SelectionProgram,
    mut next: impl FnMut(usize) -> usize,
) -> Belonging {
    let mut selection = Selection::new(program);
    let mut to_list = vec![(0, String::new(), tree)];
    let mut listed = Vec::new();
    while !to_list.is_empty() {
        let (number, path, tree) = to_list.swap_remove(next(to_list.len()));
        let directories: Vec<(Name<'_>, bool)> = tree
            .directories
            .iter()
            .map(|(name, (enterable, _))| (Name::from(name), *enterable))
            .collect();
        for (index, number) in
            selection.listed(number, &directories, tree.files.iter().map(Name::from))
        {
            let (name, (enterable, sub)) = tree.directories.iter().nth(index).unwrap();
            assert!(enterable, "{name} may not be entered");
            to_list.push((number, format!("{path}/{name}"), sub));
        }
        listed.push((number, path, tree));
    }
    let selected = selection.finish();
    let mut found = Belonging::default();
    for (number, path, tree) in listed {
        if number > 0 && selected.has_directory(number) {
            found.0.insert(path.clone());
        }
        let files = tree.files.iter().filter(|name| selected.has_file(number, *name));
        found.1.extend(files.map(|name| format!("{path}/{name}")));
    }
    found
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

const NAMES: [&str; 6] = ["a", "b", "ab", "a.x", "é", ".a"];
const GLOBS: [&str; 9] = ["a", "b", "a*", "*", "", "*.x", "[!a]", "?", "nothing"];

fn random_tree(random: &mut Random, levels: usize) -> Tree {
    let mut tree = Tree::default();
    for _ in 0..random.below(4) {
        tree.files.insert(NAMES[random.below(NAMES.len())].into());
    }
    for _ in 0..if levels == 0 { 0 } else { random.below(4) } {
        let (enterable, sub) = (random.below(6) > 0, random_tree(random, levels - 1));
        tree.directories.insert(NAMES[random.below(NAMES.len())].into(), (enterable, sub));
    }
    tree
}

fn random_test(random: &mut Random) -> NameTest {
    let mut one = || match random.below(8) {
        0 => NameAlternative::from(NameRegex::new("[ab]+|.a").unwrap()),
        _ => GLOBS[random.below(GLOBS.len())].into(),
    };
    let alternatives = [one(), one()];
    match random.below(4) {
        0 => NameTest::any_of(alternatives).unwrap(),
        _ => alternatives[0].clone().into(),
    }
}

fn random_count(random: &mut Random) -> Count {
    match random.below(3) {
        0 => Count::new(random.below(3) as u32, 2 + random.below(2) as u32).unwrap(),
        1 => Count::new(0, random.below(2) as u32).unwrap(),
        _ => Count::default(),
    }
}

/// A pattern, some of whose parts occur in several places. `is_new`: whether it asks for more
/// than that something is there.
fn random_pattern(random: &mut Random, is_new: bool) -> FileStructurePattern {
    let mut made: Vec<FileStructurePattern> = Vec::new();
    for _ in 0..1 + random.below(7) {
        let mut builder = match random.below(8) {
            0 => FileStructurePattern::builder("").any_name(),
            1 if is_new => FileStructurePattern::builder(random_test(random)),
            _ => FileStructurePattern::builder(GLOBS[random.below(GLOBS.len())]),
        };
        for _ in 0..random.below(2) {
            builder = match is_new {
                true => {
                    builder.file(FileRequirement::new(random_test(random), random_count(random)))
                }
                false => builder.file(GLOBS[random.below(GLOBS.len())]),
            };
        }
        for _ in 0..random.below(2) {
            builder = builder.optional_file(GLOBS[random.below(GLOBS.len())]);
        }
        for _ in 0..if made.is_empty() { 0 } else { random.below(4) } {
            // Preferably the last ones, so that they nest.
            let mut nested = || {
                let back = 1 + random.below(made.len()).min(random.below(made.len()));
                made[made.len() - back].clone()
            };
            let (nested, other) = (nested(), nested());
            builder = match random.below(if is_new { 5 } else { 2 }) {
                0 => builder.directory(nested),
                1 => builder.optional_directory(nested),
                2 => {
                    let count = random_count(random);
                    builder.directory(DirectoryRequirement::new([nested, other], count).unwrap())
                }
                _ => builder.forbidden_directory(nested),
            };
        }
        if is_new {
            builder = match random.below(6) {
                0 => builder.closed(true),
                1 => builder.forbidden_file(random_test(random)),
                _ => builder,
            };
        }
        made.push(builder.build().unwrap());
    }
    made.pop().unwrap()
}

#[test]
fn random_trees_as_the_reference_says() {
    for is_new in [false, true] {
        let (mut directories, mut files) = (0, 0);
        for seed in 0..1_500 {
            let mut random = Random(seed);
            let tree = random_tree(&mut random, 4);
            let pattern = random_pattern(&mut random, is_new);
            let mut expected = Belonging::default();
            reference(&tree, &pattern, "", &mut expected);
            let found = selected(&tree, &SelectionProgram::new(&pattern), |n| random.below(n));
            assert_eq!(found, expected, "seed {seed}: {pattern:?} {tree:#?}");
            directories += expected.0.len();
            files += expected.1.len();
        }
        // So that it is known to compare something.
        assert!(directories > 200 && files > 500, "{directories} {files}");
    }
}

fn leaf(name: &str) -> FileStructurePattern {
    FileStructurePattern::builder(name).build().unwrap()
}

#[test]
fn several_patterns_of_one_directory_add_up() {
    let data = FileStructurePattern::builder("d*").file("*.csv").build().unwrap();
    let docs = FileStructurePattern::builder("*s").optional_file("*.md").build().unwrap();
    let none = FileStructurePattern::builder("docs").file("absent").file("*.x").build().unwrap();
    let run = FileStructurePattern::builder("run")
        .directory(data)
        .optional_directories([docs, none])
        .build()
        .unwrap();
    let mut selection = Selection::new(&run);
    let wanted = selection.listed(0, &[("docs".into(), true), ("dat".into(), true)], []);
    assert_eq!(wanted, [(0, 1), (1, 2)]);
    selection.listed(1, &[], ["a.csv", "b.md", "c.x", "d.txt"].map(Name::from));
    selection.listed(2, &[], ["a.csv", "b.md"].map(Name::from));
    let selected = selection.finish();
    let has = |number, names: &[&str]| {
        names.iter().map(|name| selected.has_file(number, *name)).collect::<Vec<_>>()
    };
    assert_eq!(has(1, &["a.csv", "b.md", "c.x", "d.txt"]), [true, true, false, false]);
    assert_eq!(has(2, &["a.csv", "b.md"]), [true, false]);
}

#[test]
fn a_link_counts_by_its_name_and_is_not_copied() {
    // `inner` takes a directory only if there is a `mark` in it.
    let mark = leaf("mark");
    let inner = FileStructurePattern::builder("inner").directory(mark).build().unwrap();
    let run = FileStructurePattern::builder("run").directory(inner).build().unwrap();
    let mut selection = Selection::new(&run);
    assert_eq!(selection.listed(0, &[("inner".into(), true)], []), [(0, 1)]);
    assert_eq!(selection.listed(1, &[("mark".into(), false)], []), []);
    let selected = selection.finish();
    assert!(selected.has_directory(1));
    assert!(selected.names_directory(1, "mark") && !selected.names_directory(1, "other"));
}

#[test]
fn directories_that_cannot_be_listed_or_are_gone() {
    let run = FileStructurePattern::builder("run")
        .directory(FileStructurePattern::builder("inner").directory(leaf("mark")).build().unwrap())
        .build()
        .unwrap();
    for (tell, belongs) in [
        (Selection::not_listed as fn(&mut Selection, usize), true),
        (Selection::absent as fn(&mut Selection, usize), false),
        (|_, _| (), false),
    ] {
        let mut selection = Selection::new(&run);
        selection.listed(0, &[("inner".into(), true)], []);
        selection.listed(1, &[("mark".into(), true)], []);
        tell(&mut selection, 2);
        let selected = selection.finish();
        assert_eq!(selected.has_directory(1), belongs);
        assert!(!selected.has_directory(2));
    }
}

#[test]
fn numbers_that_are_not_known_are_ignored() {
    let pattern = FileStructurePattern::builder("run").directory(leaf("a")).build().unwrap();
    let mut selection = Selection::new(&pattern);
    assert_eq!(selection.listed(7, &[("a".into(), true)], []), []);
    selection.not_listed(7);
    selection.absent(7);
    assert_eq!(selection.listed(0, &[("a".into(), true)], []), [(0, 1)]);
    assert_eq!(selection.listed(0, &[("a".into(), true)], []), []);
    selection.listed(1, &[], []);
    let selected = selection.finish();
    assert!(selected.has_directory(0) && selected.has_directory(1));
    assert!(!selected.has_directory(2) && !selected.has_file(2, "a"));
}

#[test]
fn shared_patterns_are_not_written_out() {
    // As a tree it has 2^127 leaves.
    let mut pattern = FileStructurePattern::builder("a").file("x").build().unwrap();
    for _ in 1..crate::MAX_LEVELS {
        let two = [pattern.clone(), pattern.into_builder().optional_file("y").build().unwrap()];
        pattern = FileStructurePattern::builder("a").optional_directories(two).build().unwrap();
    }
    let mut selection = Selection::new(&pattern);
    for number in 0..crate::MAX_LEVELS - 1 {
        assert_eq!(selection.listed(number, &[("a".into(), true)], []), [(0, number + 1)]);
    }
    let last = crate::MAX_LEVELS - 1;
    selection.listed(last, &[("a".into(), true)], ["x".into()]);
    let selected = selection.finish();
    assert!(selected.has_file(last, "x") && selected.has_file(last, "y"));
}

/// `run/{optional clean/{no old/{*.log}, no bad/}}`
fn with_forbidden() -> FileStructurePattern {
    let old = FileStructurePattern::builder("old").file("*.log").build().unwrap();
    let clean = FileStructurePattern::builder("clean")
        .forbidden_directories([old, leaf("bad")])
        .build()
        .unwrap();
    FileStructurePattern::builder("run").optional_directory(clean).build().unwrap()
}

#[test]
fn what_a_forbidden_pattern_asks_for_is_listed_and_does_not_belong() {
    for (files, belongs) in [(vec![], true), (vec!["x.log"], false)] {
        let mut selection = Selection::new(&with_forbidden());
        assert_eq!(selection.listed(0, &[("clean".into(), true)], []), [(0, 1)]);
        let below = [("other".into(), true), ("old".into(), true)];
        assert_eq!(selection.listed(1, &below, []), [(1, 2)]);
        selection.listed(2, &[("deeper".into(), true)], files.into_iter().map(Name::from));
        let selected = selection.finish();
        assert_eq!(selected.has_directory(1), belongs);
        assert!(!selected.has_directory(2) && !selected.has_file(2, "x.log"));
        assert!(!selected.names_directory(1, "old"));
    }
}

#[test]
fn of_what_is_forbidden_by_its_name_nothing_is_listed() {
    for enterable in [true, false] {
        let mut selection = Selection::new(&with_forbidden());
        selection.listed(0, &[("clean".into(), true)], []);
        assert_eq!(selection.listed(1, &[("bad".into(), enterable)], []), []);
        assert!(!selection.finish().has_directory(1));
    }
}

#[test]
fn what_cannot_be_listed_may_be_what_is_forbidden() {
    let mut selection = Selection::new(&with_forbidden());
    selection.listed(0, &[("clean".into(), true)], []);
    selection.listed(1, &[("old".into(), true)], []);
    selection.not_listed(2);
    assert!(!selection.finish().has_directory(1));
}

#[test]
fn that_the_match_itself_matches_is_not_asked() {
    let forbidden = FileStructurePattern::builder("old").file("x").build().unwrap();
    let run = FileStructurePattern::builder("run")
        .file("*.csv")
        .forbidden_file("FAILED")
        .forbidden_directory(forbidden)
        .closed(true)
        .build()
        .unwrap();
    let mut selection = Selection::new(&run);
    let files = ["FAILED", "a.csv", "else"].map(Name::from);
    assert_eq!(selection.listed(0, &[("old".into(), true)], files), []);
    let selected = selection.finish();
    assert!(selected.has_file(0, "a.csv"));
    assert!(!selected.has_file(0, "FAILED") && !selected.has_file(0, "else"));
}
