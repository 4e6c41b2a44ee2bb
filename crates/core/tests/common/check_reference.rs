//! The naive reference of checks: each requirement of each candidate is held against a tree in
//! memory, from scratch.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use pathvein_core::{Answer, Closest, Count, FileStructurePattern, Finding, Findings, Name};
use pathvein_core::{NameBuf, NameTest, Place, Reason};

use super::reference::{self, Matches, Question, Sub, Tree, name_matches, passes};

/// What a check has to tell: directories and the numbers of the patterns, each with what does
/// not hold.
pub(crate) type Lacks = BTreeMap<(PathBuf, usize), Vec<Lack>>;

/// A requirement, and what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct Lack {
    pub(crate) place: Place,
    pub(crate) answer: Answer,
    found: BTreeSet<NameBuf>,
    /// The closest sub-directory that has the name.
    closest: Option<ClosestSub>,
}

#[derive(Clone, Debug)]
struct ClosestSub {
    reason: Reason,
    name: NameBuf,
    alternative: usize,
    is_empty: bool,
    lacks: Vec<Lack>,
}

/// A requirement of a pattern's top level.
struct Item<'p> {
    place: Place,
    asks: Asks<'p>,
}

enum Asks<'p> {
    Name,
    Files(&'p NameTest, Count),
    Directories(Vec<&'p FileStructurePattern>, Count),
    NothingElse,
}

impl Item<'_> {
    fn is_optional(&self) -> bool {
        matches!(self.place, Place::OptionalFile(_) | Place::OptionalDirectory(_))
    }

    fn asks_for_any_number(&self) -> bool {
        match self.asks {
            Asks::Directories(_, count) => count.min() == 0 && count.max().is_none(),
            _ => false,
        }
    }

    fn min(&self) -> usize {
        match self.asks {
            Asks::Files(_, count) | Asks::Directories(_, count) => count.min() as usize,
            Asks::Name | Asks::NothingElse => 0,
        }
    }
}

/// All that a pattern says of a directory, in the order of pattern JSON.
fn items(pattern: &FileStructurePattern) -> Vec<Item<'_>> {
    let mut found = vec![Item { place: Place::DirectoryName, asks: Asks::Name }];
    let mut add = |place, asks| found.push(Item { place, asks });
    for (index, file) in pattern.files().iter().enumerate() {
        add(Place::File(index), Asks::Files(file.test(), file.count()));
    }
    for (index, asked) in pattern.directories().iter().enumerate() {
        let alternatives = asked.alternatives().iter().collect();
        add(Place::Directory(index), Asks::Directories(alternatives, asked.count()));
    }
    for (index, test) in pattern.optional_files().iter().enumerate() {
        add(Place::OptionalFile(index), Asks::Files(test, Count::default()));
    }
    for (index, sub) in pattern.optional_directories().iter().enumerate() {
        let asks = Asks::Directories(vec![sub], Count::default());
        add(Place::OptionalDirectory(index), asks);
    }
    for (index, test) in pattern.forbidden_files().iter().enumerate() {
        add(Place::ForbiddenFile(index), Asks::Files(test, reference::none()));
    }
    for (index, sub) in pattern.forbidden_directories().iter().enumerate() {
        let asks = Asks::Directories(vec![sub], reference::none());
        add(Place::ForbiddenDirectory(index), asks);
    }
    if pattern.closed() {
        add(Place::Closed, Asks::NothingElse);
    }
    found
}

/// What a check tells of the directory at `path`, whose name is `name`, and of all below.
pub(crate) fn check(
    path: &Path,
    name: &OsStr,
    tree: &Tree,
    patterns: &[FileStructurePattern],
    max_depth: Option<usize>,
) -> Lacks {
    let mut found = Lacks::new();
    let mut seen = HashSet::new();
    for (index, pattern) in patterns.iter().enumerate() {
        if seen.insert(pattern) && is_candidate(name, tree, pattern) {
            found.insert((path.into(), index), lacks(name, tree, pattern));
        }
    }
    if max_depth == Some(0) {
        return found;
    }
    for (name, sub) in &tree.directories {
        if let Sub::Entered(below) = sub {
            let max_depth = max_depth.map(|depth| depth - 1);
            found.append(&mut check(&path.join(name), name, below, patterns, max_depth));
        }
    }
    found
}

/// Those above which nothing is complete.
pub(crate) fn outermost(found: Lacks) -> Lacks {
    let complete =
        |(key, lacks): (&(PathBuf, usize), &Vec<Lack>)| lacks.is_empty().then(|| key.clone());
    let complete: Matches = found.iter().filter_map(complete).collect();
    let paths: HashSet<PathBuf> = complete.into_iter().map(|(path, _)| path).collect();
    let is_outermost = |path: &Path| !path.ancestors().skip(1).any(|above| paths.contains(above));
    found.into_iter().filter(|((path, _), _)| is_outermost(path)).collect()
}

fn is_candidate(name: &OsStr, tree: &Tree, pattern: &FileStructurePattern) -> bool {
    if !takes_any_name(pattern) {
        return name_matches(name, pattern);
    }
    let items = items(pattern);
    let asked = || {
        items.iter().filter(|item| {
            item.min() > 0 && matches!(item.place, Place::File(_) | Place::Directory(_))
        })
    };
    asked().next().is_none() || asked().any(|item| answer(name, tree, pattern, item) == Answer::Met)
}

fn takes_any_name(pattern: &FileStructurePattern) -> bool {
    let is_stars = |test: &NameTest| {
        test.alternatives().iter().any(|alternative| {
            let text = alternative.as_glob().and_then(|glob| glob.as_str());
            text.is_some_and(|text| text.chars().all(|c| c == '*'))
        })
    };
    pattern.directory_name().is_none_or(is_stars)
}

/// What does not hold in a directory.
fn lacks(name: &OsStr, tree: &Tree, pattern: &FileStructurePattern) -> Vec<Lack> {
    let all = explained(name, tree, pattern).into_iter();
    all.filter(|lack| matches!(lack.answer, Answer::Missing | Answer::Unknown)).collect()
}

/// What becomes of all requirements, optional ones too.
pub(crate) fn explained(name: &OsStr, tree: &Tree, pattern: &FileStructurePattern) -> Vec<Lack> {
    let lack = |item: Item<'_>| {
        let answer = answer(name, tree, pattern, &item);
        let found = match item.asks_for_any_number() {
            // Nothing is asked, and nobody counts.
            true => BTreeSet::new(),
            false => found(name, tree, pattern, &item, answer),
        };
        let is_enough = answer == Answer::Met || found.len() >= item.min();
        let closest = if is_enough { None } else { closest_sub(tree, &item) };
        Lack { place: item.place, answer, found, closest }
    };
    items(pattern).into_iter().map(lack).collect()
}

// What holds ---------------------------------------------------------------------------------

fn answer(name: &OsStr, tree: &Tree, pattern: &FileStructurePattern, item: &Item<'_>) -> Answer {
    match (holds(name, tree, pattern, item), might_hold(name, tree, pattern, item)) {
        (true, _) => Answer::Met,
        _ if item.is_optional() => Answer::Absent,
        (false, true) => Answer::Unknown,
        (false, false) => Answer::Missing,
    }
}

/// Whether it holds by the rules of a scan.
fn holds(name: &OsStr, tree: &Tree, pattern: &FileStructurePattern, item: &Item<'_>) -> bool {
    let whole = reference::is_whole(tree, pattern);
    let enough = |certain: usize, possible: usize, count: Count| {
        certain >= count.min() as usize
            && count.max().is_none_or(|max| whole && possible <= max as usize)
    };
    match &item.asks {
        Asks::Name => name_matches(name, pattern),
        Asks::Files(test, count) => {
            let passing = passing(tree, test).len();
            enough(passing, passing, *count)
        }
        Asks::Directories(subs, count) => {
            let number = |question| matching(question, tree, subs).count();
            enough(number(Question::Certain), number(Question::Possible), *count)
        }
        Asks::NothingElse => whole && reference::has_nothing_else(tree, pattern),
    }
}

/// Whether it would hold if what was not read were as it would have to be.
fn might_hold(name: &OsStr, tree: &Tree, pattern: &FileStructurePattern, item: &Item<'_>) -> bool {
    let in_range = |least: usize, most: usize, count: Count| {
        (tree.broke_off || most >= count.min() as usize)
            && count.max().is_none_or(|max| least <= max as usize)
    };
    match &item.asks {
        Asks::Name => name_matches(name, pattern),
        Asks::Files(test, count) => {
            let passing = passing(tree, test);
            let told = passing.iter().filter(|name| !tree.untold.contains(**name)).count();
            in_range(told, passing.len(), *count)
        }
        Asks::Directories(subs, count) => {
            let possible = tree.directories.iter().filter(|(name, sub)| {
                subs.iter().any(|pattern| sub_might_match(name, sub, pattern))
            });
            let mut possible: HashSet<&OsStr> = possible.map(|(name, _)| &**name).collect();
            let untold = tree.untold.iter().map(|name| &**name);
            possible.extend(untold.filter(|name| subs.iter().any(|sub| name_matches(name, sub))));
            let least = matching(Question::Surely, tree, subs).count();
            let most = possible.len();
            in_range(least, most, *count)
        }
        Asks::NothingElse => offenders(tree, pattern).is_empty(),
    }
}

fn sub_might_match(name: &OsStr, sub: &Sub, pattern: &FileStructurePattern) -> bool {
    let might = |tree: &Tree| {
        let items = items(pattern);
        let asked = items.iter().filter(|item| !item.is_optional());
        asked.into_iter().all(|item| might_hold(name, tree, pattern, item))
    };
    with_tree(sub, might)
}

/// The tree that stands for a sub-directory; one that is gone is none.
fn with_tree(sub: &Sub, answer: impl Fn(&Tree) -> bool) -> bool {
    match sub {
        Sub::Entered(tree) => answer(tree),
        Sub::NotEntered | Sub::Link => answer(&Tree::default()),
        Sub::Unlisted => answer(&Tree { broke_off: true, ..Tree::default() }),
        Sub::Gone => false,
    }
}

/// The files that pass.
fn passing<'t>(tree: &'t Tree, test: &NameTest) -> HashSet<&'t OsString> {
    tree.files.iter().filter(|file| passes(test, file)).collect()
}

/// The sub-directories that match one of the patterns.
fn matching<'t>(
    question: Question,
    tree: &'t Tree,
    subs: &[&FileStructurePattern],
) -> impl Iterator<Item = &'t OsString> {
    let is_match = move |(name, sub): &&(OsString, Sub)| {
        subs.iter().any(|pattern| reference::sub_matches(question, name, sub, pattern))
    };
    tree.directories.iter().filter(is_match).map(|(name, _)| name)
}

/// What should not be in a closed directory, whatever it turns out to be.
fn offenders<'t>(tree: &'t Tree, pattern: &FileStructurePattern) -> HashSet<&'t OsString> {
    let is_file = |name: &OsStr| reference::tests_of_files(pattern).any(|test| passes(test, name));
    let is_directory =
        |name: &OsStr| reference::patterns_below(pattern).any(|sub| name_matches(name, sub));
    let names = || tree.directories.iter().map(|(name, _)| name);
    let may_be_directory = |name: &OsString| {
        tree.untold.contains(name) && !names().any(|other| other == name) && is_directory(name)
    };
    let files = tree.files.iter().filter(|name| !is_file(name) && !may_be_directory(name));
    // Who lists a directory tells of it, be it gone when it is opened.
    files.chain(names().filter(|name| !is_directory(name))).collect()
}

// What is there, and what came closest -------------------------------------------------------

fn found(
    name: &OsStr,
    tree: &Tree,
    pattern: &FileStructurePattern,
    item: &Item<'_>,
    answer: Answer,
) -> BTreeSet<NameBuf> {
    let buf = |name: &OsString| NameBuf::from(Name::from(&**name));
    match &item.asks {
        Asks::Name if answer == Answer::Met => [Name::from(name).into()].into(),
        Asks::Name => BTreeSet::new(),
        Asks::Files(test, _) => passing(tree, test).into_iter().map(buf).collect(),
        Asks::Directories(subs, _) => matching(Question::Certain, tree, subs).map(buf).collect(),
        Asks::NothingElse => offenders(tree, pattern).into_iter().map(buf).collect(),
    }
}

/// The sub-directory that has the name, does not match, and lacks the fewest; of equal ones the
/// first by name.
fn closest_sub(tree: &Tree, item: &Item<'_>) -> Option<ClosestSub> {
    let Asks::Directories(subs, _) = &item.asks else { return None };
    let counted: HashSet<&OsString> = matching(Question::Certain, tree, subs).collect();
    let mut found = Vec::new();
    for (name, sub) in tree.directories.iter().filter(|(name, _)| !counted.contains(name)) {
        for (alternative, pattern) in subs.iter().enumerate() {
            if matches!(sub, Sub::Gone) || !name_matches(name, pattern) {
                continue;
            }
            let unlisted = Tree { broke_off: true, ..Tree::default() };
            let nothing = Tree::default();
            let (reason, below) = match sub {
                Sub::Entered(below) => (Reason::Name, below),
                Sub::NotEntered => (Reason::NotEntered, &nothing),
                Sub::Link => (Reason::Link, &nothing),
                Sub::Unlisted => (Reason::Unreadable, &unlisted),
                Sub::Gone => unreachable!(),
            };
            let is_read = reason == Reason::Name && !below.broke_off && below.untold.is_empty();
            found.push(ClosestSub {
                reason,
                name: Name::from(&**name).into(),
                alternative,
                is_empty: is_read && below.files.is_empty() && below.directories.is_empty(),
                lacks: lacks(name, below, pattern),
            });
        }
    }
    let missing = |lacks: &[Lack]| lacks.iter().filter(|l| l.answer == Answer::Missing).count();
    found.into_iter().min_by_key(|sub| (missing(&sub.lacks), sub.name.clone(), sub.alternative))
}

// Comparing ----------------------------------------------------------------------------------

/// The tree of the directory at a path.
pub(crate) fn tree_at<'t>(tree: &'t Tree, relative: &Path) -> &'t Tree {
    relative.iter().fold(tree, |tree, name| match sub_of(tree, name) {
        Some(Sub::Entered(below)) => below,
        _ => panic!("{} was not entered", relative.display()),
    })
}

fn sub_of<'t>(tree: &'t Tree, name: &OsStr) -> Option<&'t Sub> {
    tree.directories.iter().find(|(other, _)| other == name).map(|(_, sub)| sub)
}

/// A directory of which something is told.
#[derive(Clone, Copy)]
pub(crate) struct At<'t> {
    pub(crate) name: &'t OsStr,
    pub(crate) tree: &'t Tree,
    /// The directory that it is in.
    pub(crate) above: Option<&'t Tree>,
    /// What all of is told that came close.
    pub(crate) seen: Seen,
}

/// Where all is seen that comes close by its name alone, but for near names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Perhaps nowhere.
    Nothing,
    /// In the directory.
    Here,
    /// There, and one level up.
    Above,
    /// There, and one level down.
    Everywhere,
    /// In the directory, and one level down, as keys tell.
    Below,
}

impl At<'_> {
    fn sees_above(&self) -> bool {
        matches!(self.seen, Seen::Above | Seen::Everywhere)
    }

    fn sees_below(&self) -> bool {
        // What is gone was there when it was decided what to wait for.
        let mut subs = self.tree.directories.iter();
        matches!(self.seen, Seen::Below | Seen::Everywhere)
            && !subs.any(|(_, sub)| matches!(sub, Sub::Gone))
    }
}

/// Why what was told of a directory is not what is so.
pub(crate) fn difference(
    expected: &[Lack],
    told: &Findings,
    at: At<'_>,
    pattern: &FileStructurePattern,
) -> Option<String> {
    let answers = |lack: &Lack| (lack.place, lack.answer);
    let expected_answers: Vec<_> = expected.iter().map(answers).collect();
    let told_answers: Vec<_> = told.iter().map(|found| (found.place, found.answer)).collect();
    if expected_answers != told_answers {
        return Some(format!("{told_answers:?}, expected {expected_answers:?}"));
    }
    let items = items(pattern);
    expected.iter().zip(told.iter()).find_map(|(lack, finding)| {
        let number = items.iter().position(|item| item.place == lack.place).expect("its own");
        if finding.item != number {
            return Some(format!("{} is {number}, not {}", lack.place, finding.item));
        }
        let why = difference_of_item(lack, finding, at, &items[number])?;
        Some(format!("{}: {why}", lack.place))
    })
}

fn difference_of_item(
    lack: &Lack,
    finding: &Finding,
    at: At<'_>,
    item: &Item<'_>,
) -> Option<String> {
    let first: Vec<&NameBuf> = lack.found.iter().take(10).collect();
    if finding.found.iter().collect::<Vec<_>>() != first || finding.count != lack.found.len() {
        let (found, count) = (&finding.found, finding.count);
        return Some(format!("{count} of {found:?}, expected {:?}", lack.found));
    }
    match (&lack.closest, &finding.closest) {
        _ if finding.answer == Answer::Met => None,
        (None, None) if lack.found.len() >= item.min() => None,
        (None, None) => overlooked(at, item),
        (None, Some(_)) if lack.found.len() >= item.min() => Some("enough is there".into()),
        (None, Some(closest)) => {
            let is_true = closest.inside.is_none()
                && is_there(closest, at.tree, at.above, item)
                && is_first(closest, at, item);
            (!is_true).then(|| format!("{closest:?} is not true"))
        }
        (Some(expected), closest) => {
            let told =
                closest.as_ref().and_then(|closest| Some((closest, closest.inside.as_ref()?)));
            let Some((closest, inside)) = told else {
                return Some(format!("{closest:?}, expected {expected:?}"));
            };
            let one = (closest.reason, &closest.path, inside.alternative, inside.is_empty);
            let other = (expected.reason, &expected.name, expected.alternative, expected.is_empty);
            if one != other {
                return Some(format!("{one:?}, expected {other:?}"));
            }
            let Asks::Directories(subs, _) = &item.asks else { unreachable!() };
            let name = expected.name.to_os_string();
            let nothing = Tree::default();
            let tree = match sub_of(at.tree, &name) {
                Some(Sub::Entered(below)) => below,
                _ => &nothing,
            };
            // An explanation tells of what holds, too.
            let told = inside.findings.iter();
            let told = told.filter(|f| matches!(f.answer, Answer::Missing | Answer::Unknown));
            let told: Findings = told.cloned().collect();
            let below = At { name: &name, tree, above: Some(at.tree), seen: Seen::Nothing };
            difference(&expected.lacks, &told, below, subs[expected.alternative])
        }
    }
}

/// The names of files, or of directories, that pass what an item asks for by its name.
fn passing_names(tree: &Tree, item: &Item<'_>, directories: bool) -> BTreeSet<NameBuf> {
    let passes = |name: &OsString| match &item.asks {
        Asks::Files(test, _) => passes(test, name),
        Asks::Directories(subs, _) => subs.iter().any(|sub| name_matches(name, sub)),
        Asks::Name | Asks::NothingElse => false,
    };
    let names: Vec<&OsString> = match directories {
        true => tree.directories.iter().map(|(name, _)| name).collect(),
        false => tree.files.iter().collect(),
    };
    names.into_iter().filter(|name| passes(name)).map(|name| Name::from(&**name).into()).collect()
}

/// The names one level up that pass.
fn names_above(at: At<'_>, item: &Item<'_>) -> BTreeSet<NameBuf> {
    let directories = matches!(item.asks, Asks::Directories(..));
    let own = NameBuf::from(Name::from(at.name));
    let names = at.above.map(|above| passing_names(above, item, directories)).unwrap_or_default();
    names.into_iter().filter(|name| *name != own).collect()
}

/// Whether every name passes, so that none tells anything.
fn takes_any(item: &Item<'_>) -> bool {
    match &item.asks {
        Asks::Files(test, _) => test.alternatives().iter().any(|alternative| {
            let text = alternative.as_glob().and_then(|glob| glob.as_str());
            text.is_some_and(|text| !text.is_empty() && text.chars().all(|c| c == '*'))
        }),
        Asks::Directories(subs, _) => subs.iter().any(|sub| takes_any_name(sub)),
        Asks::Name | Asks::NothingElse => true,
    }
}

/// What should have been told of an item of which nothing is.
fn overlooked(at: At<'_>, item: &Item<'_>) -> Option<String> {
    if at.seen == Seen::Nothing || takes_any(item) {
        return None;
    }
    let directories = matches!(item.asks, Asks::Directories(..));
    let other_kind = passing_names(at.tree, item, !directories);
    if !other_kind.is_empty() {
        return Some(format!("{other_kind:?} is of the other kind"));
    }
    let above = names_above(at, item);
    if at.sees_above() && !above.is_empty() {
        return Some(format!("{above:?} is above"));
    }
    let below = at.tree.directories.iter().find(|(_, sub)| match sub {
        Sub::Entered(below) => !passing_names(below, item, directories).is_empty(),
        _ => false,
    });
    let below = below.filter(|_| at.sees_below() && !item.is_optional());
    below.map(|(name, _)| format!("something is in {name:?}"))
}

/// Whether what came close is the first of its kind.
fn is_first(closest: &Closest, at: At<'_>, item: &Item<'_>) -> bool {
    let directories = matches!(item.asks, Asks::Directories(..));
    match closest.reason {
        Reason::File | Reason::Directory => {
            let reason = if directories { Reason::File } else { Reason::Directory };
            let first = passing_names(at.tree, item, !directories).into_iter().next();
            closest.reason == reason && first.as_ref() == Some(&closest.path)
        }
        Reason::Above if at.sees_above() => {
            let first = names_above(at, item).into_iter().next();
            first.is_some_and(|name| closest.path.to_string() == format!("../{name}"))
        }
        _ => true,
    }
}

/// Whether what came close is there, and of the kind that the reason says. Whether its name is
/// near is tested where names are compared.
fn is_there(closest: &Closest, tree: &Tree, above: Option<&Tree>, item: &Item<'_>) -> bool {
    let is_of_directories = matches!(item.asks, Asks::Directories(..));
    let passes = |name: &OsStr| match &item.asks {
        Asks::Files(test, _) => passes(test, name),
        Asks::Directories(subs, _) => subs.iter().any(|sub| name_matches(name, sub)),
        Asks::Name | Asks::NothingElse => false,
    };
    let has = |tree: &Tree, name: &OsStr, directory: bool| match directory {
        true => sub_of(tree, name).is_some(),
        false => tree.files.iter().any(|file| file == name),
    };
    let path = PathBuf::from(closest.path.to_os_string());
    let (parent, name) = (path.parent().unwrap_or(Path::new("")), path.file_name());
    match (closest.reason, name) {
        (Reason::Unreadable, _) => {
            path.as_os_str() == "." && (tree.broke_off || !tree.untold.is_empty())
        }
        (Reason::Case | Reason::NormalForm | Reason::Edit, Some(name)) => {
            parent.as_os_str().is_empty() && has(tree, name, is_of_directories) && !passes(name)
        }
        (Reason::Directory, Some(name)) => has(tree, name, true) && passes(name),
        (Reason::File, Some(name)) => has(tree, name, false) && passes(name),
        (Reason::Below, Some(name)) => match sub_of(tree, parent.as_os_str()) {
            Some(Sub::Entered(below)) => has(below, name, is_of_directories) && passes(name),
            _ => false,
        },
        (Reason::Above, Some(name)) => {
            let above = above.filter(|_| parent.as_os_str() == "..");
            above.is_some_and(|above| has(above, name, is_of_directories) && passes(name))
        }
        _ => false,
    }
}
