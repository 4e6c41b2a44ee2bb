//! Checks: what is missing by the naive reference, and whole cases that are compared with it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

#[cfg(unix)]
use pathvein_core::Check;
use pathvein_core::{
    Answer, Count, FileStructurePattern, Finding, Findings, ListingScan, Name, NameTest, Place,
    Reason,
};

use super::check::{ROOT, close_unasked};
use super::faults;
use super::generate::{self, Choices, Profile};
use super::reference::{
    Question, Sub, Tree, has_nothing_else, is_whole, matches, name_matches, passes, sub_matches,
};
use super::shown;

/// One requirement of a pattern's top level.
enum Asked<'p> {
    Name,
    Files(&'p NameTest, Count),
    Directories(Vec<&'p FileStructurePattern>, Count),
    NothingElse,
}

/// What is known of a directory and a pattern: for each item that does not hold, whether it
/// cannot be told.
type Lacks = BTreeMap<usize, bool>;

/// A directory, its name, and the one above.
#[derive(Clone, Copy)]
struct At<'t> {
    name: &'t OsStr,
    tree: &'t Tree,
    above: Option<&'t Tree>,
    /// Whether the sub-directories are visited.
    visits_below: bool,
    /// Whether sub-directories are closed before all of a directory is known.
    by_keys: bool,
}

fn items(pattern: &FileStructurePattern) -> Vec<(Place, Asked<'_>)> {
    let none = Count::new(0, 0).unwrap();
    let mut items = vec![(Place::DirectoryName, Asked::Name)];
    for (index, file) in pattern.files().iter().enumerate() {
        items.push((Place::File(index), Asked::Files(file.test(), file.count())));
    }
    for (index, asked) in pattern.directories().iter().enumerate() {
        let alternatives = asked.alternatives().iter().collect();
        items.push((Place::Directory(index), Asked::Directories(alternatives, asked.count())));
    }
    for (index, test) in pattern.forbidden_files().iter().enumerate() {
        items.push((Place::ForbiddenFile(index), Asked::Files(test, none)));
    }
    for (index, sub) in pattern.forbidden_directories().iter().enumerate() {
        items.push((Place::ForbiddenDirectory(index), Asked::Directories(vec![sub], none)));
    }
    if pattern.closed() {
        items.push((Place::Closed, Asked::NothingElse));
    }
    items
}

/// The number of an item in the order of JSON, in which the optional ones count.
fn number(pattern: &FileStructurePattern, place: Place) -> usize {
    let lists = [
        pattern.files().len(),
        pattern.directories().len(),
        pattern.optional_files().len(),
        pattern.optional_directories().len(),
        pattern.forbidden_files().len(),
        pattern.forbidden_directories().len(),
    ];
    let (list, index) = match place {
        Place::DirectoryName => return 0,
        Place::File(index) => (0, index),
        Place::Directory(index) => (1, index),
        Place::ForbiddenFile(index) => (4, index),
        Place::ForbiddenDirectory(index) => (5, index),
        Place::Closed => (6, 0),
        _ => panic!("never decides"),
    };
    1 + lists[..list].iter().sum::<usize>() + index
}

/// The names of what counts for an item.
fn counting(tree: &Tree, asked: &Asked<'_>) -> BTreeSet<OsString> {
    match asked {
        Asked::Files(test, _) => {
            tree.files.iter().filter(|name| passes(test, name)).cloned().collect()
        }
        Asked::Directories(alternatives, _) => {
            let counts = |(name, sub): &&(OsString, Sub)| {
                alternatives.iter().any(|one| sub_matches(Question::Certain, name, sub, one))
            };
            tree.directories.iter().filter(counts).map(|(name, _)| name.clone()).collect()
        }
        Asked::Name | Asked::NothingElse => BTreeSet::new(),
    }
}

fn holds(at: At<'_>, pattern: &FileStructurePattern, asked: &Asked<'_>) -> bool {
    let whole = is_whole(at.tree, pattern);
    let found = counting(at.tree, asked).len();
    match asked {
        Asked::Name => name_matches(at.name, pattern),
        Asked::NothingElse => whole && has_nothing_else(at.tree, pattern),
        Asked::Files(_, count) => {
            found >= count.min() as usize
                && count.max().is_none_or(|max| whole && found <= max as usize)
        }
        Asked::Directories(alternatives, count) => {
            let may_count = |(name, sub): &&(OsString, Sub)| {
                alternatives.iter().any(|one| sub_matches(Question::Possible, name, sub, one))
            };
            let most = at.tree.directories.iter().filter(may_count).count();
            found >= count.min() as usize
                && count.max().is_none_or(|max| whole && most <= max as usize)
        }
    }
}

fn is_any_name(pattern: &FileStructurePattern) -> bool {
    pattern.directory_name().is_none_or(|test| takes_all(test, true))
}

fn takes_all(test: &NameTest, is_directory: bool) -> bool {
    test.alternatives()
        .iter()
        .filter_map(|alternative| alternative.as_glob())
        .any(|glob| glob.as_str() == Some("*") || is_directory && glob.as_str() == Some(""))
}

fn is_candidate(at: At<'_>, pattern: &FileStructurePattern) -> bool {
    if !is_any_name(pattern) {
        return name_matches(at.name, pattern);
    }
    let wanted: Vec<_> = items(pattern)
        .into_iter()
        .filter(|(place, asked)| match asked {
            Asked::Files(_, count) | Asked::Directories(_, count) => {
                count.min() > 0 && matches!(place, Place::File(_) | Place::Directory(_))
            }
            _ => false,
        })
        .collect();
    wanted.is_empty() || wanted.iter().any(|(_, asked)| holds(at, pattern, asked))
}

/// Whether an item that does not hold is missing, whatever was not read.
fn is_missing(at: At<'_>, pattern: &FileStructurePattern, place: Place) -> bool {
    let alone =
        FileStructurePattern::builder("*").directory_name(pattern.directory_name().cloned());
    let alone = match place {
        Place::DirectoryName => alone,
        Place::File(index) => alone.file(pattern.files()[index].clone()),
        Place::Directory(index) => alone.directory(pattern.directories()[index].clone()),
        Place::ForbiddenFile(index) => alone.forbidden_file(&pattern.forbidden_files()[index]),
        Place::ForbiddenDirectory(index) => {
            alone.forbidden_directory(pattern.forbidden_directories()[index].clone())
        }
        Place::Closed => {
            let files = pattern.files().iter().map(|file| file.test());
            let below = pattern.directories().iter().flat_map(|asked| asked.alternatives());
            let below = below.chain(pattern.optional_directories()).cloned();
            let files = files.chain(pattern.optional_files());
            alone.closed(true).optional_files(files).optional_directories(below)
        }
        _ => panic!("never decides"),
    };
    !matches(Question::Might, at.name, at.tree, &alone.build().unwrap())
}

/// The items that do not hold.
fn lacks<'p>(at: At<'_>, pattern: &'p FileStructurePattern) -> Vec<(Place, Asked<'p>)> {
    items(pattern).into_iter().filter(|(_, asked)| !holds(at, pattern, asked)).collect()
}

static NOTHING: Tree =
    Tree { directories: Vec::new(), files: Vec::new(), broke_off: false, untold: Vec::new() };
static UNREAD: Tree =
    Tree { directories: Vec::new(), files: Vec::new(), broke_off: true, untold: Vec::new() };

/// What is known of the inside of a sub-directory, and what it is called if it does not match.
fn inside(sub: &Sub) -> Option<(&Tree, Reason)> {
    match sub {
        Sub::Entered(tree) => Some((tree, Reason::Name)),
        Sub::NotEntered => Some((&NOTHING, Reason::NotEntered)),
        Sub::Link => Some((&NOTHING, Reason::Link)),
        Sub::Unlisted => Some((&UNREAD, Reason::Unreadable)),
        Sub::Gone => None,
    }
}

/// Compares what was told of a directory and a pattern with the reference.
fn compare(at: At<'_>, pattern: &FileStructurePattern, findings: &[Finding], is_damaged: bool) {
    let answer = |place| match is_missing(at, pattern, place) {
        true => Answer::Missing,
        false => Answer::Unknown,
    };
    let expected = lacks(at, pattern);
    let places = |all: &[(Place, Asked<'_>)]| all.iter().map(|(place, _)| *place).collect();
    let expected_places: Vec<Place> = places(&expected);
    let told: Vec<Place> = findings.iter().map(|finding| finding.place).collect();
    assert_eq!(told, expected_places, "of {:?}: {findings:#?}", at.name);
    for (finding, (place, asked)) in findings.iter().zip(&expected) {
        assert_eq!(finding.item, number(pattern, *place));
        assert_eq!(finding.answer, answer(*place), "{finding:?}");
        assert!(is_damaged || finding.answer == Answer::Missing, "{finding:?}");
        let found = match asked {
            Asked::NothingElse => None,
            _ => Some(counting(at.tree, asked)),
        };
        if let Some(found) = found {
            let mut sorted: Vec<Vec<u32>> = found.iter().map(|name| code_points(name)).collect();
            sorted.sort();
            assert_eq!(finding.count, sorted.len(), "{finding:?}");
            let told: Vec<Vec<u32>> =
                finding.found.iter().map(|name| name.as_name().code_points().collect()).collect();
            assert_eq!(told, sorted[..sorted.len().min(10)], "{finding:?}");
        }
        compare_closest(at, asked, finding, is_damaged);
    }
}

fn code_points(name: &OsStr) -> Vec<u32> {
    Name::from(name).code_points().collect()
}

/// The sub-directory that lacks the fewest, of equal ones the first by name.
fn closest_directory<'t>(
    at: At<'t>,
    alternatives: &[&FileStructurePattern],
) -> Option<(usize, &'t OsStr, &'t Tree, Reason)> {
    let mut found = Vec::new();
    for (name, sub) in &at.tree.directories {
        let Some((tree, reason)) = inside(sub) else { continue };
        if alternatives.iter().any(|one| sub_matches(Question::Certain, name, sub, one)) {
            continue;
        }
        for (alternative, pattern) in alternatives.iter().enumerate() {
            if name_matches(name, pattern) {
                let below = At { name, tree, above: None, visits_below: false, ..at };
                let lacking = lacks(below, pattern);
                let missing =
                    lacking.iter().filter(|(place, _)| is_missing(below, pattern, *place));
                let missing = missing.count();
                found.push((missing, code_points(name), alternative, &**name, tree, reason));
            }
        }
    }
    let closest = found.into_iter().min_by(|a, b| (a.0, &a.1, a.2).cmp(&(b.0, &b.1, b.2)))?;
    Some((closest.2, closest.3, closest.4, closest.5))
}

fn compare_closest(at: At<'_>, asked: &Asked<'_>, finding: &Finding, is_damaged: bool) {
    let (min, names): (usize, Vec<&NameTest>) = match asked {
        Asked::Files(test, count) => (count.min() as usize, vec![test]),
        Asked::Directories(alternatives, count) => {
            let tests = alternatives.iter().filter(|pattern| !is_any_name(pattern));
            let tests: Vec<_> = tests.filter_map(|pattern| pattern.directory_name()).collect();
            let is_telling = tests.len() == alternatives.len();
            (count.min() as usize, if is_telling { tests } else { Vec::new() })
        }
        Asked::Name | Asked::NothingElse => return assert_eq!(finding.closest, None),
    };
    if finding.count >= min {
        return assert_eq!(finding.closest, None, "{finding:?}");
    }
    let is_of_files = matches!(asked, Asked::Files(..));
    let closest = finding.closest.as_ref();
    if let Asked::Directories(alternatives, _) = asked
        && let Some((alternative, name, tree, reason)) = closest_directory(at, alternatives)
    {
        let closest = closest.expect("a sub-directory has the name");
        let told = closest.inside.as_ref().expect("it was held against");
        assert_eq!((closest.reason, told.alternative), (reason, alternative), "{finding:?}");
        assert_eq!(code_points(name), closest.path.as_name().code_points().collect::<Vec<_>>());
        let is_empty = tree.files.is_empty() && tree.directories.is_empty() && !tree.broke_off;
        assert_eq!(told.is_empty, reason == Reason::Name && is_empty);
        if reason == Reason::Name {
            // What is below these is another matter.
            let below = At { name, tree, above: Some(at.tree), ..at };
            let places: Vec<Place> = told.findings.iter().map(|finding| finding.place).collect();
            let expected = lacks(below, alternatives[alternative]);
            assert!(places.iter().eq(expected.iter().map(|(place, _)| place)), "{finding:?}");
        }
        return;
    }
    // What is near is true, and if nothing is told there is nothing.
    let passing = |tree: &Tree, files: bool| -> BTreeSet<Vec<u32>> {
        let passes = |name: &OsString| names.iter().any(|test| passes(test, name));
        let of_files = tree.files.iter().filter(|_| files);
        let directories = tree.directories.iter().filter(|_| !files).map(|(name, _)| name);
        of_files.chain(directories).filter(|name| passes(name)).map(|n| code_points(n)).collect()
    };
    let takes_any = names.iter().any(|test| takes_all(test, false));
    let path = closest.map(|closest| closest.path.as_name().code_points().collect::<Vec<u32>>());
    let join = |one: &[u32], other: &[u32]| [one, &[u32::from('/')], other].concat();
    let mut below = BTreeSet::new();
    for (name, sub) in &at.tree.directories {
        if let Sub::Entered(tree) = sub {
            let found = passing(tree, is_of_files);
            below.extend(found.iter().map(|found| join(&code_points(name), found)));
        }
    }
    let own = code_points(at.name);
    let above = at.above.map(|above| passing(above, is_of_files)).unwrap_or_default();
    let above: BTreeSet<_> = above
        .iter()
        .filter(|name| **name != own)
        .map(|name| join(&code_points(OsStr::new("..")), name))
        .collect();
    match closest.map(|closest| closest.reason) {
        Some(Reason::Below) => assert!(below.contains(&path.unwrap()), "{finding:?}"),
        Some(Reason::Above) if at.by_keys => assert!(above.contains(&path.unwrap()), "{finding:?}"),
        Some(Reason::Above) => assert_eq!(above.first(), path.as_ref(), "{finding:?}"),
        Some(reason @ (Reason::File | Reason::Directory)) => {
            assert_eq!(reason == Reason::Directory, is_of_files);
            assert_eq!(passing(at.tree, !is_of_files).first(), path.as_ref(), "{finding:?}");
        }
        Some(Reason::Case | Reason::NormalForm | Reason::Edit) => {
            let names = at.tree.files.iter().filter(|_| is_of_files);
            let subs = at.tree.directories.iter().filter(|_| !is_of_files).map(|(name, _)| name);
            assert!(names.chain(subs).any(|name| Some(code_points(name)) == path));
        }
        Some(Reason::Unreadable) => {
            assert!(is_damaged && (at.tree.broke_off || !at.tree.untold.is_empty()));
        }
        Some(reason) => panic!("{reason:?} of {finding:?}"),
        None if takes_any || names.is_empty() => {}
        None => {
            assert_eq!(passing(at.tree, !is_of_files), BTreeSet::new(), "{finding:?}");
            assert!(at.by_keys || above.is_empty(), "{finding:?} {above:?}");
            // What is gone was there when it was decided what to wait for.
            let may_be_gone = |(_, sub): &(OsString, Sub)| matches!(sub, Sub::Gone);
            let is_sure = at.visits_below && !at.tree.directories.iter().any(may_be_gone);
            assert!(!is_sure || below.is_empty(), "{finding:?} {below:?}");
        }
    }
}

/// The same for a check that is fed with keys.
pub(crate) fn compare_keys(
    source: &Path,
    name: &OsStr,
    tree: &Tree,
    patterns: &[FileStructurePattern],
    max_depth: Option<usize>,
    told: Told,
) {
    let at = At { name, tree, above: None, visits_below: true, by_keys: true };
    compare_all(source, at, patterns, max_depth, told, true);
}

pub(crate) type Told = BTreeMap<(PathBuf, usize), Findings>;

/// Compares all that was told with the reference.
fn compare_all(
    source: &Path,
    at: At<'_>,
    patterns: &[FileStructurePattern],
    max_depth: Option<usize>,
    mut told: Told,
    is_damaged: bool,
) {
    let mut left = vec![(source.to_path_buf(), at, 0)];
    while let Some((path, at, depth)) = left.pop() {
        if max_depth.is_some_and(|max| depth > max) {
            continue;
        }
        let visits_below = max_depth.is_none_or(|max| depth < max);
        let at = At { visits_below, ..at };
        for (index, pattern) in patterns.iter().enumerate() {
            let is_first = patterns.iter().position(|other| other == pattern) == Some(index);
            let findings = told.remove(&(path.clone(), index));
            let is_told = is_first && is_candidate(at, pattern);
            assert_eq!(findings.is_some(), is_told, "{} {index} {findings:?}", path.display());
            if let Some(findings) = findings {
                compare(at, pattern, &findings, is_damaged);
            }
        }
        for (name, sub) in &at.tree.directories {
            if let Sub::Entered(tree) = sub {
                let below = At { name, tree, above: Some(at.tree), visits_below, ..at };
                left.push((path.join(name), below, depth + 1));
            }
        }
    }
    assert!(told.is_empty(), "{told:?}");
}

/// A check that is fed with listings in any order.
pub(crate) fn listings(choices: &mut impl Choices, profile: Profile) {
    let max_depth = [None, None, Some(0), Some(1), Some(2), Some(3)][choices.below(6)];
    let patterns = generate::patterns(choices, profile);
    let whole = generate::tree(choices);
    let is_damaged = choices.once_in(2);
    let mut tree = if is_damaged { generate::damaged(choices, &whole) } else { whole };
    let name = if choices.once_in(8) { OsString::new() } else { generate::name(choices) };

    let mut scan = ListingScan::new(&patterns, max_depth).checking();
    let source = scan.source(&*name);
    let mut wanted = vec![(source, PathBuf::from(ROOT), Sub::Entered(tree.clone()))];
    let mut asked = BTreeSet::new();
    let (mut told, mut count) = (Told::new(), 0);
    while !wanted.is_empty() {
        assert!(!scan.is_done());
        let (id, path, sub) = wanted.swap_remove(choices.below(wanted.len()));
        assert!(asked.insert(path.clone()), "asked twice for {}", path.display());
        match sub {
            Sub::NotEntered => scan.not_entered(id),
            Sub::Unlisted => scan.not_listed(id),
            Sub::Link => unreachable!("may not be entered"),
            Sub::Gone => scan.absent(id),
            Sub::Entered(Tree { directories, files, broke_off, untold }) => {
                let names: Vec<(Name<'_>, bool)> = directories
                    .iter()
                    .map(|(name, sub)| (Name::from(&**name), !matches!(sub, Sub::Link)))
                    .collect();
                let files = files.iter().map(|name| Name::from(&**name));
                let below = if broke_off || !untold.is_empty() {
                    scan.listed_in_part(id, path.clone(), &names, files)
                } else {
                    scan.listed(id, path.clone(), &names, files)
                };
                for (index, id) in below {
                    let (name, sub) = directories[index].clone();
                    wanted.push((id, path.join(name), sub));
                }
            }
        }
        for (path, pattern, findings) in scan.take_checked() {
            told.insert((path, pattern), findings);
            count += 1;
        }
    }
    assert!(scan.is_done() && scan.take_checked().is_empty() && scan.take_matches().is_empty());
    assert_eq!(told.len(), count, "something is told twice");
    faults::tell_of_whole_directories(&mut tree);
    close_unasked(&mut tree, Path::new(ROOT), &asked);
    let at = At { name: &name, tree: &tree, above: None, visits_below: true, by_keys: false };
    let shown = shown::Patterns(&patterns);
    with_case(&|| format!("{shown}\n{tree} {max_depth:?} {name:?}"), || {
        compare_all(Path::new(ROOT), at, &patterns, max_depth, told, is_damaged);
    });
}

/// Shows the case if something is wrong with it.
pub(crate) fn with_case(case: &dyn Fn() -> String, run: impl FnOnce()) {
    struct Shown<'a>(&'a dyn Fn() -> String);
    impl Drop for Shown<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() && std::env::var_os("PATHVEIN_SHOW").is_some() {
                #[allow(clippy::print_stderr)]
                {
                    eprintln!("{}", (self.0)());
                }
            }
        }
    }
    let shown = Shown(case);
    run();
    drop(shown);
}

/// A check of a tree that is made up, in which much goes wrong.
#[cfg(unix)]
pub(crate) fn made_up(choices: &mut impl Choices, profile: Profile) {
    let max_depth = [None, None, Some(0), Some(1), Some(2), Some(3)][choices.below(6)];
    let threads = [1, 1, 2, 4][choices.below(4)];
    let patterns = generate::patterns(choices, profile);
    let mut whole = faults::without_twins(generate::tree(choices));
    if max_depth.is_some() {
        faults::nothing_is_gone(&mut whole);
    }
    let is_damaged = choices.once_in(2);
    let mut tree = if is_damaged { generate::damaged(choices, &whole) } else { whole.clone() };
    faults::nothing_read_is_unlisted(&mut tree);
    if tree.broke_off && tree.files.is_empty() && tree.directories.is_empty() {
        tree = whole;
    }
    let name = generate::name(choices);
    let source = Path::new("/made-up").join(faults::number()).join(&name);
    let made_up = faults::made_up(choices, &tree);
    let mut check = Check::new(&source, &patterns)
        .with(|scan| scan.made_up(made_up))
        .one_file_system(true)
        .max_depth(max_depth)
        .threads(threads)
        .start()
        .unwrap();
    let (mut told, mut count) = (Told::new(), 0);
    for checked in (&mut check).flatten() {
        let (path, pattern, findings) = checked.into_parts();
        told.insert((path, pattern), findings);
        count += 1;
    }
    assert_eq!(told.len(), count, "something is told twice");
    let complete = told.values().filter(|findings| findings.is_complete()).count();
    assert_eq!(check.stats().matches, complete);
    let at = At { name: &name, tree: &tree, above: None, visits_below: true, by_keys: false };
    let shown = shown::Patterns(&patterns);
    with_case(&|| format!("{shown}\n{tree} {max_depth:?} {name:?}"), || {
        compare_all(&source, at, &patterns, max_depth, told, is_damaged);
    });
}
