//! The naive reference: the whole tree is in memory, and every directory is matched against
//! every pattern, from scratch.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use pathvein_core::{FileStructurePattern, Name, NameGlob};

/// What a directory lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    pub(crate) directories: Vec<(OsString, Sub)>,
    pub(crate) files: Vec<OsString>,
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
    /// It does not exist any more.
    Gone,
    /// It is assumed to satisfy whatever is asked of it.
    Assumed,
}

/// The results of a scan: directories, and the numbers of the patterns.
pub(crate) type Matches = BTreeSet<(PathBuf, usize)>;

/// All matches at and below the directory at `path`, whose name is `name`. Of equal patterns
/// the first stands for all.
pub(crate) fn scan(
    path: &Path,
    name: &OsStr,
    tree: &Tree,
    patterns: &[FileStructurePattern],
    max_depth: Option<usize>,
) -> Matches {
    let mut found = Matches::new();
    for (index, pattern) in patterns.iter().enumerate() {
        if matches(name, tree, pattern, false) && !patterns[..index].contains(pattern) {
            found.insert((path.into(), index));
        }
    }
    if max_depth == Some(0) {
        return found;
    }
    for (name, sub) in &tree.directories {
        if let Sub::Entered(below) = sub {
            let max_depth = max_depth.map(|depth| depth - 1);
            found.append(&mut scan(&path.join(name), name, below, patterns, max_depth));
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
    let distinct: HashSet<_> = patterns.iter().collect();
    let hidden = |pattern: &&&FileStructurePattern| {
        !matches(name, tree, pattern, false) && matches(name, tree, pattern, true)
    };
    let mut count = distinct.iter().filter(hidden).count();
    if max_depth != Some(0) {
        for (name, sub) in &tree.directories {
            if let Sub::Entered(below) = sub {
                let max_depth = max_depth.map(|depth| depth - 1);
                count += hidden_by_links(name, below, patterns, max_depth);
            }
        }
    }
    count
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

/// `links_satisfy`: whether links that are not followed satisfy whatever is asked of them.
fn matches(name: &OsStr, tree: &Tree, pattern: &FileStructurePattern, links_satisfy: bool) -> bool {
    name_matches(name, pattern)
        && pattern.files().iter().all(|glob| tree.files.iter().any(|file| fnmatch(glob, file)))
        && pattern.directories().iter().all(|wanted| {
            tree.directories.iter().any(|(name, sub)| match sub {
                Sub::Entered(tree) => matches(name, tree, wanted, links_satisfy),
                Sub::Link if links_satisfy => name_matches(name, wanted),
                Sub::NotEntered | Sub::Link => {
                    matches(name, &Tree::default(), wanted, links_satisfy)
                }
                Sub::Gone => false,
                Sub::Assumed => name_matches(name, wanted),
            })
        })
}

fn name_matches(name: &OsStr, pattern: &FileStructurePattern) -> bool {
    match pattern.directory_name() {
        None => true,
        Some(glob) => glob.as_str() == Some("") || fnmatch(glob, name),
    }
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
    let globs: Vec<_> = pattern.files().iter().chain(pattern.optional_files()).collect();
    for name in &tree.files {
        if globs.iter().any(|glob| fnmatch(glob, name)) {
            found.files.insert(path.join(name));
        }
    }
    for (name, sub) in &tree.directories {
        for nested in pattern.directories().iter().chain(pattern.optional_directories()) {
            match sub {
                Sub::Entered(below) if matches(name, below, nested, false) => {
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
    let mut found = BTreeSet::new();
    let mut open = vec![(path.to_path_buf(), name, tree, 0, patterns.iter().collect::<Vec<_>>())];
    while let Some((path, name, tree, depth, wanted)) = open.pop() {
        let candidates: Vec<_> =
            wanted.into_iter().filter(|pattern| name_matches(name, pattern)).collect();
        if candidates.iter().any(|p| !(p.files().is_empty() && p.directories().is_empty())) {
            found.insert(path.clone());
        }
        for (name, sub) in &tree.directories {
            let mut wanted: Vec<_> = candidates.iter().flat_map(|p| p.directories()).collect();
            if depth < max_depth {
                wanted.extend(patterns);
            }
            let nothing = const { &Tree { directories: Vec::new(), files: Vec::new() } };
            let below = if let Sub::Entered(tree) = sub { tree } else { nothing };
            open.push((path.join(name), name, below, depth + 1, wanted));
        }
    }
    found
}
