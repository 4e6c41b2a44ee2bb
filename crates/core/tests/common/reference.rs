//! The naive reference: the whole tree is in memory, and every directory is matched against
//! every pattern, from scratch.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use pathvein_core::{Count, FileStructurePattern, Name, NameAlternative, NameGlob, NameTest};

use super::generate::REGEXES;

/// What a directory lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    pub(crate) directories: Vec<(OsString, Sub)>,
    pub(crate) files: Vec<OsString>,
    /// Whether its listing broke off behind these.
    pub(crate) broke_off: bool,
    /// Those of the files of which it cannot be told whether they are any.
    pub(crate) untold: Vec<OsString>,
}

/// What happens when a listed directory is visited.
#[derive(Clone, Debug)]
pub(crate) enum Sub {
    /// It is entered.
    Entered(Tree),
    /// It is present by name, with nothing inside.
    NotEntered,
    /// The same, for it is a link that is not followed.
    Link,
    /// It is there, and nobody can tell what is in it.
    Unlisted,
    /// It does not exist any more.
    Gone,
}

/// The results of a scan: directories, and the numbers of the patterns.
pub(crate) type Matches = BTreeSet<(PathBuf, usize)>;

/// What is asked about a directory and a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether it matches for certain.
    Certain,
    /// Whether it matches, or is not denied: whatever was not read might be as asked.
    Possible,
    /// Whether it matches, or might if all of it had been read: what is there too often already
    /// is so whatever else there is.
    Might,
    /// Whether it would match, whatever had been read. More than certain, where a maximum has
    /// to count what is not certain.
    Surely,
    /// Whether it matches if each link that is not followed has what a minimum asks of it.
    WithLinks,
}

/// All matches at and below the directory at `path`, whose name is `name`. Of equal patterns
/// the first stands for all.
pub(crate) fn scan(
    path: &Path,
    name: &OsStr,
    tree: &Tree,
    patterns: &[FileStructurePattern],
    max_depth: Option<usize>,
) -> Matches {
    ask(Question::Certain, path, name, tree, patterns, max_depth)
}

/// The same for any question.
pub(crate) fn ask(
    question: Question,
    path: &Path,
    name: &OsStr,
    tree: &Tree,
    patterns: &[FileStructurePattern],
    max_depth: Option<usize>,
) -> Matches {
    let mut found = Matches::new();
    let mut seen = HashSet::new();
    for (index, pattern) in patterns.iter().enumerate() {
        if seen.insert(pattern) && matches(question, name, tree, pattern) {
            found.insert((path.into(), index));
        }
    }
    if max_depth == Some(0) {
        return found;
    }
    for (name, sub) in &tree.directories {
        if let Sub::Entered(below) = sub {
            let max_depth = max_depth.map(|depth| depth - 1);
            found.append(&mut ask(question, &path.join(name), name, below, patterns, max_depth));
        }
    }
    found
}

/// How many matches there would be besides, if each link that is not followed led to whatever
/// is asked of it. Of equal patterns the first stands for all.
pub(crate) fn hidden_by_links(
    name: &OsStr,
    tree: &Tree,
    patterns: &[FileStructurePattern],
    max_depth: Option<usize>,
) -> usize {
    let count = |question| ask(question, Path::new(""), name, tree, patterns, max_depth).len();
    count(Question::WithLinks) - count(Question::Certain)
}

/// Those matches above which nothing matches.
pub(crate) fn outermost(found: &Matches) -> Matches {
    let paths: HashSet<&Path> = found.iter().map(|(path, _)| &**path).collect();
    let is_outermost = |path: &Path| !path.ancestors().skip(1).any(|above| paths.contains(above));
    found.iter().filter(|(path, _)| is_outermost(path)).cloned().collect()
}

/// Every directory that a walk visits, with what it lists in sorted order.
pub(crate) fn walk(
    path: &Path,
    tree: &Tree,
    max_depth: Option<usize>,
) -> BTreeSet<(PathBuf, Vec<OsString>, Vec<OsString>)> {
    let mut directories: Vec<_> = tree.directories.iter().map(|(name, _)| name.clone()).collect();
    let mut files = tree.files.clone();
    directories.sort();
    files.sort();
    let mut found = BTreeSet::from([(path.to_path_buf(), directories, files)]);
    if max_depth == Some(0) {
        return found;
    }
    for (name, sub) in &tree.directories {
        if let Sub::Entered(below) = sub {
            found.append(&mut walk(&path.join(name), below, max_depth.map(|depth| depth - 1)));
        }
    }
    found
}

pub(crate) fn matches(
    question: Question,
    name: &OsStr,
    tree: &Tree,
    pattern: &FileStructurePattern,
) -> bool {
    if !name_matches(name, pattern) {
        return false;
    }
    let whole = is_whole(tree, pattern);
    if question == Question::Possible && !whole {
        return true;
    }
    if question == Question::Might && !whole {
        return might_match(tree, pattern);
    }
    // Only what was read to its end tells that something is not there.
    let no_more = |count: usize, most: u32| whole && count <= most as usize;
    let files_hold = file_requirements(pattern).iter().all(|&(test, count)| {
        let passing = tree.files.iter().filter(|file| passes(test, file));
        let number = passing.collect::<HashSet<_>>().len();
        number >= count.min() as usize && count.max().is_none_or(|most| no_more(number, most))
    });
    let count_subs = |question, alternatives: &[&FileStructurePattern]| {
        let counts = |(name, sub): &&(OsString, Sub)| {
            alternatives.iter().any(|pattern| sub_matches(question, name, sub, pattern))
        };
        tree.directories.iter().filter(counts).count()
    };
    // A maximum counts those that the answer must not rest on.
    let against = match question {
        Question::Possible => Question::Certain,
        Question::Might => Question::Surely,
        Question::Surely => Question::Might,
        Question::Certain | Question::WithLinks => Question::Possible,
    };
    files_hold
        && directory_requirements(pattern).iter().all(|(alternatives, count)| {
            count_subs(question, alternatives) >= count.min() as usize
                && count.max().is_none_or(|most| no_more(count_subs(against, alternatives), most))
        })
        && (!pattern.closed() || whole && has_nothing_else(tree, pattern))
}

/// Whether a directory might match of which not all that the pattern asks for is known.
fn might_match(tree: &Tree, pattern: &FileStructurePattern) -> bool {
    // What is not told may be a directory.
    let is_told = |name: &&OsString| !tree.untold.contains(name);
    let files_hold = file_requirements(pattern).iter().all(|&(test, count)| {
        let passing = tree.files.iter().filter(|file| passes(test, file));
        let all: HashSet<_> = passing.collect();
        let told = all.iter().copied().filter(is_told).count();
        (tree.broke_off || all.len() >= count.min() as usize)
            && count.max().is_none_or(|most| told <= most as usize)
    });
    let surely = |(name, sub): &&(OsString, Sub), alternatives: &[&FileStructurePattern]| {
        alternatives.iter().any(|pattern| sub_matches(Question::Surely, name, sub, pattern))
    };
    let directories_hold = directory_requirements(pattern).iter().all(|(alternatives, count)| {
        let there = tree.directories.iter().filter(|sub| surely(sub, alternatives)).count();
        let might = |(name, sub): &&(OsString, Sub)| {
            alternatives.iter().any(|pattern| sub_matches(Question::Might, name, sub, pattern))
        };
        let has_name = |name: &&OsString| alternatives.iter().any(|sub| name_matches(name, sub));
        let more = tree.untold.iter().filter(has_name).collect::<HashSet<_>>().len();
        let most = tree.directories.iter().filter(might).count() + more;
        (tree.broke_off || most >= count.min() as usize)
            && count.max().is_none_or(|most| there <= most as usize)
    });
    let told = Tree { files: tree.files.iter().filter(is_told).cloned().collect(), ..tree.clone() };
    let might_be = |name: &OsString| {
        tests_of_files(pattern).any(|test| passes(test, name))
            || patterns_below(pattern).any(|sub| name_matches(name, sub))
    };
    files_hold
        && directories_hold
        && (!pattern.closed()
            || has_nothing_else(&told, pattern) && tree.untold.iter().all(might_be))
}

pub(crate) fn sub_matches(
    question: Question,
    name: &OsStr,
    sub: &Sub,
    pattern: &FileStructurePattern,
) -> bool {
    match sub {
        Sub::Entered(tree) => matches(question, name, tree, pattern),
        Sub::Link if question == Question::WithLinks => name_matches(name, pattern),
        Sub::NotEntered | Sub::Link => matches(question, name, &Tree::default(), pattern),
        Sub::Unlisted => {
            let tree = Tree { broke_off: true, ..Tree::default() };
            matches(question, name, &tree, pattern)
        }
        Sub::Gone => false,
    }
}

/// What is asked of files; a forbidden one is one of which there may be none. What any number
/// of files satisfies is not asked.
fn file_requirements(pattern: &FileStructurePattern) -> Vec<(&NameTest, Count)> {
    let asked = pattern.files().iter().map(|file| (file.test(), file.count()));
    let asked = asked.filter(|&(_, count)| says_something(count));
    asked.chain(pattern.forbidden_files().iter().map(|test| (test, none()))).collect()
}

/// What is asked of sub-directories; a forbidden one is one of which there may be none. What
/// any number of them satisfies is not asked.
fn directory_requirements(
    pattern: &FileStructurePattern,
) -> Vec<(Vec<&FileStructurePattern>, Count)> {
    let asked = pattern.directories().iter().filter(|asked| says_something(asked.count()));
    let asked = asked.map(|asked| (asked.alternatives().iter().collect(), asked.count()));
    let forbidden = pattern.forbidden_directories().iter();
    asked.chain(forbidden.map(|pattern| (vec![pattern], none()))).collect()
}

fn says_something(count: Count) -> bool {
    count.min() > 0 || count.max().is_some()
}

pub(crate) fn none() -> Count {
    Count::new(0, 0).unwrap()
}

/// Whether all of a listing is known that the pattern asks for.
pub(crate) fn is_whole(tree: &Tree, pattern: &FileStructurePattern) -> bool {
    let asks_for = |name: &OsString| {
        let mut below = directory_requirements(pattern).into_iter().flat_map(|(subs, _)| subs);
        pattern.closed()
            || file_requirements(pattern).iter().any(|(test, _)| passes(test, name))
            || below.any(|sub| name_matches(name, sub))
    };
    !tree.broke_off && !tree.untold.iter().any(asks_for)
}

pub(crate) fn has_nothing_else(tree: &Tree, pattern: &FileStructurePattern) -> bool {
    let tests: Vec<_> = tests_of_files(pattern).collect();
    let subs: Vec<_> = patterns_below(pattern).collect();
    tree.files.iter().all(|file| tests.iter().any(|test| passes(test, file)))
        && tree.directories.iter().all(|(name, _)| subs.iter().any(|sub| name_matches(name, sub)))
}

/// The tests of what belongs to a match: required and optional ones.
pub(crate) fn tests_of_files(pattern: &FileStructurePattern) -> impl Iterator<Item = &NameTest> {
    pattern.files().iter().map(|file| file.test()).chain(pattern.optional_files())
}

/// The patterns of sub-directories that belong to a match: required and optional ones.
pub(crate) fn patterns_below(
    pattern: &FileStructurePattern,
) -> impl Iterator<Item = &FileStructurePattern> {
    let asked = pattern.directories().iter().flat_map(|asked| asked.alternatives());
    asked.chain(pattern.optional_directories())
}

pub(crate) fn name_matches(name: &OsStr, pattern: &FileStructurePattern) -> bool {
    let takes_all = |alternative: &NameAlternative| {
        alternative.as_glob().is_some_and(|glob| glob.as_str() == Some(""))
    };
    match pattern.directory_name() {
        None => true,
        Some(test) => test.alternatives().iter().any(takes_all) || passes(test, name),
    }
}

pub(crate) fn passes(test: &NameTest, name: &OsStr) -> bool {
    test.alternatives().iter().any(|alternative| match alternative {
        NameAlternative::Glob(glob) => fnmatch(glob, name),
        // By what was written down by hand beside the expression.
        NameAlternative::Regex(regex) => {
            let known = REGEXES.iter().find(|(text, _)| *text == regex.as_str());
            let (_, is_match) = known.expect("one of those that are generated");
            name.to_str().is_some_and(is_match)
        }
    })
}

/// Whether the glob matches, by a second implementation that knows `*`, `?`, and classes of
/// single characters.
fn fnmatch(glob: &NameGlob, name: &OsStr) -> bool {
    fn go(glob: &[u32], name: &[u32]) -> bool {
        let is = |c: char| glob.first() == Some(&c.into());
        if glob.is_empty() {
            return name.is_empty();
        }
        if is('*') {
            return (0..=name.len()).any(|skipped| go(&glob[1..], &name[skipped..]));
        }
        let Some((first, rest)) = name.split_first() else { return false };
        if is('?') {
            return go(&glob[1..], rest);
        }
        if is('[') {
            let end = glob.iter().position(|&c| c == u32::from(']')).expect("a closed class");
            let class = &glob[1..end];
            let negated = class[0] == u32::from('!');
            return class[usize::from(negated)..].contains(first) != negated
                && go(&glob[end + 1..], rest);
        }
        glob[0] == *first && go(&glob[1..], rest)
    }
    let glob: Vec<u32> = glob.code_points().collect();
    let name: Vec<u32> = Name::from(name).code_points().collect();
    go(&glob, &name)
}

/// What belongs to a match, by paths relative to it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Belonging {
    /// Without the match itself.
    pub(crate) directories: BTreeSet<PathBuf>,
    pub(crate) files: BTreeSet<PathBuf>,
    /// Links to directories whose name is that of a sub-pattern.
    pub(crate) links: BTreeSet<PathBuf>,
}

/// Adds what belongs to the directory at `path` by `pattern`, which it matches.
pub(crate) fn belonging(
    path: &Path,
    tree: &Tree,
    pattern: &FileStructurePattern,
    found: &mut Belonging,
) {
    for name in &tree.files {
        if tests_of_files(pattern).any(|test| passes(test, name)) {
            found.files.insert(path.join(name));
        }
    }
    for (name, sub) in &tree.directories {
        for nested in patterns_below(pattern) {
            match sub {
                Sub::Entered(below) if matches(Question::Certain, name, below, nested) => {
                    found.directories.insert(path.join(name));
                    belonging(&path.join(name), below, nested, found);
                }
                Sub::Link if name_matches(name, nested) => {
                    found.links.insert(path.join(name));
                }
                _ => {}
            }
        }
    }
}

/// The directories that have to be opened below `max_depth`: by the names alone, some
/// pattern that began above asks for something inside them.
pub(crate) fn asked_inside(
    path: &Path,
    name: &OsStr,
    tree: &Tree,
    patterns: &[FileStructurePattern],
    max_depth: usize,
) -> BTreeSet<PathBuf> {
    let (mut found, nothing) = (BTreeSet::new(), Tree::default());
    let mut open = vec![(path.to_path_buf(), name, tree, 0, patterns.iter().collect::<Vec<_>>())];
    while let Some((path, name, tree, depth, wanted)) = open.pop() {
        let candidates: Vec<_> =
            wanted.into_iter().filter(|pattern| name_matches(name, pattern)).collect();
        if candidates.iter().any(|pattern| asks_inside(pattern)) {
            found.insert(path.clone());
        }
        for (name, sub) in &tree.directories {
            let asked = candidates.iter().flat_map(|pattern| directory_requirements(pattern));
            let mut wanted: Vec<_> = asked.flat_map(|(patterns, _)| patterns).collect();
            if depth < max_depth {
                wanted.extend(patterns);
            }
            let below = if let Sub::Entered(tree) = sub { tree } else { &nothing };
            open.push((path.join(name), name, below, depth + 1, wanted));
        }
    }
    found
}

/// Whether anything but the name decides.
fn asks_inside(pattern: &FileStructurePattern) -> bool {
    pattern.closed()
        || !file_requirements(pattern).is_empty()
        || !directory_requirements(pattern).is_empty()
}
