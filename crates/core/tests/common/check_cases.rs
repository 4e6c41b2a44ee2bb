//! Whole cases of checks and explanations: they are made from choices, run, and compared with
//! the reference.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

#[cfg(unix)]
use pathvein_core::ExcludeRules;
use pathvein_core::{
    Check, Explain, FileStructurePattern, Findings, ListingScan, Name, PatternSet,
};

use super::check::ROOT;
use super::check_reference::{self, At, Lacks, Seen};
#[cfg(unix)]
use super::disk;
use super::generate::{self, Choices, Profile};
use super::reference::{Sub, Tree};
use super::tasks::Tasks;
use super::{faults, shown};

/// What was told, in the order told.
pub(crate) type Told = Vec<(PathBuf, usize, Findings)>;

/// A check of any kind, and now and then an explanation.
pub(crate) fn checks(choices: &mut impl Choices, profile: Profile) {
    match choices.below(16) {
        #[cfg(unix)]
        0 => on_disk(choices, profile),
        1..6 => made_up(choices, profile),
        6..13 => listings(choices, profile, false, false),
        _ => listings(choices, profile, true, false),
    }
}

/// A check that is done by tasks, and now and then an explanation.
pub(crate) fn by_tasks(choices: &mut impl Choices, profile: Profile) {
    let explains = choices.once_in(4);
    listings(choices, profile, explains, true);
}

/// What a case is, for the message of one that fails.
struct Case<'a> {
    name: &'a OsStr,
    tree: &'a Tree,
    patterns: &'a [FileStructurePattern],
    max_depth: Option<usize>,
    outermost: bool,
    explains: bool,
    /// Whether keys are given, so that sub-directories are closed before all of the directory
    /// above is known.
    by_keys: bool,
}

impl Case<'_> {
    /// What is seen that comes close to what is missing in a directory at this depth.
    fn seen(&self, depth: usize) -> Seen {
        // What is below a match, and how deep is looked, depends on what is closed first.
        let visits_below = !self.outermost && self.max_depth.is_none_or(|max| depth < max);
        match (self.by_keys, visits_below || self.explains) {
            (true, true) => Seen::Below,
            (true, false) => Seen::Here,
            (false, true) => Seen::Everywhere,
            (false, false) => Seen::Above,
        }
    }

    /// Holds what was told of the tree at `root` against the reference.
    #[track_caller]
    fn compare(&self, root: &Path, told: Told) {
        let Case { name, tree, patterns, max_depth, outermost, .. } = *self;
        let all = check_reference::check(root, name, tree, patterns, max_depth);
        let expected = if outermost { check_reference::outermost(all) } else { all };
        self.compare_with(root, told, &expected);
    }

    #[track_caller]
    fn compare_with(&self, root: &Path, told: Told, expected: &Lacks) {
        let Case { name, tree, patterns, max_depth, outermost, .. } = *self;
        let case = || {
            let shown = shown::Patterns(patterns);
            let name = name.display();
            format!("{shown}\n{name}/{tree}\ndepth {max_depth:?}, outermost {outermost}")
        };
        let count = told.len();
        let told: BTreeMap<_, _> =
            told.into_iter().map(|(path, pattern, findings)| ((path, pattern), findings)).collect();
        assert_eq!(count, told.len(), "something is told twice{}", case());
        let more: Vec<_> = told.keys().filter(|key| !expected.contains_key(key)).collect();
        let less: Vec<_> = expected.keys().filter(|key| !told.contains_key(key)).collect();
        assert!(more.is_empty() && less.is_empty(), "more {more:?} less {less:?}{}", case());
        for ((path, index), findings) in &told {
            let at = path.strip_prefix(root).expect("below the source");
            let above = at.parent().map(|above| check_reference::tree_at(tree, above));
            let name = at.file_name().unwrap_or(name);
            let tree = check_reference::tree_at(tree, at);
            let at = At { name, tree, above, seen: self.seen(at.iter().count()) };
            let lacks = &expected[&(path.clone(), *index)];
            let why = check_reference::difference(lacks, findings, at, &patterns[*index]);
            if let Some(why) = why {
                panic!("{}, pattern {index}: {why}\n{findings:?}{}", path.display(), case());
            }
        }
    }
}

fn max_depth(choices: &mut impl Choices) -> Option<usize> {
    [None, None, Some(0), Some(1), Some(2), Some(3)][choices.below(6)]
}

/// A real tree, by both listers.
#[cfg(unix)]
fn on_disk(choices: &mut impl Choices, profile: Profile) {
    let options = disk::Options {
        follow_links: choices.once_in(2),
        one_file_system: choices.once_in(2),
        exclude: (0..choices.below(3)).map(|_| choices.pick(&disk::RULES)).collect(),
    };
    let (max_depth, threads) = (max_depth(choices), [1, 2, 8][choices.below(3)]);
    let outermost = choices.once_in(4);
    let patterns = generate::patterns(choices, profile);
    let shm = Path::new("/dev/shm");
    let dir = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
    let root = dir.path().canonicalize().unwrap().join("a");
    std::fs::create_dir(&root).unwrap();
    disk::build(choices, &root);
    let tree = disk::read(&root, &options, &mut Vec::new());
    for (portable, untyped) in [(false, false), (false, true), (true, false)] {
        let check = Check::new(&root, &patterns)
            .exclude(ExcludeRules::new(&options.exclude).unwrap())
            .follow_links(options.follow_links)
            .one_file_system(options.one_file_system)
            .max_depth(max_depth)
            .outermost(outermost)
            .threads(threads)
            .with(|scan| scan.portable_lister(portable).untyped_lister(untyped));
        // Only loops are errors here.
        let told = check.into_iter().filter_map(Result::ok).map(|checked| checked.into_parts());
        let name = OsStr::new("a");
        let (tree, patterns) = (&tree, &*patterns);
        let case =
            Case { name, tree, patterns, max_depth, outermost, explains: false, by_keys: false };
        case.compare(&root, told.collect());
    }
}

/// A tree that is made up, in which much goes wrong.
fn made_up(choices: &mut impl Choices, profile: Profile) {
    let (max_depth, threads) = (max_depth(choices), [1, 1, 2, 4][choices.below(4)]);
    let (outermost, explains) = (choices.once_in(4), choices.once_in(4));
    let patterns = generate::patterns(choices, profile);
    let mut whole = faults::without_twins(generate::tree(choices));
    if max_depth.is_some() || outermost || explains {
        faults::nothing_is_gone(&mut whole);
    }
    let mut tree =
        if choices.once_in(3) { whole.clone() } else { generate::damaged(choices, &whole) };
    faults::nothing_read_is_unlisted(&mut tree);
    if tree.broke_off && tree.files.is_empty() && tree.directories.is_empty() {
        // A source of which nothing can be read is no candidate.
        tree = whole;
    }
    let name = generate::name(choices);
    let source = Path::new("/made-up").join(faults::number()).join(&name);
    let given = faults::made_up(choices, &tree);
    if explains {
        let pattern = &patterns[choices.below(patterns.len())];
        let explain = Explain::new(&source, pattern).threads(threads);
        let explain = explain.with(|scan| scan.made_up(given).one_file_system(true));
        let (checked, _) = explain.explain().unwrap();
        let patterns = std::slice::from_ref(pattern);
        explained(&source, &name, &tree, patterns, vec![checked.into_parts()]);
        return;
    }
    let checks = Check::new(&source, &patterns)
        .one_file_system(true)
        .max_depth(max_depth)
        .outermost(outermost)
        .threads(threads)
        .with(|scan| scan.made_up(given))
        .start()
        .unwrap();
    let told = checks.filter_map(Result::ok).map(|checked| checked.into_parts()).collect();
    let (name, tree) = (&*name, &tree);
    let patterns = &patterns;
    let case = Case { name, tree, patterns, max_depth, outermost, explains: false, by_keys: false };
    case.compare(&source, told);
}

/// All that an explanation of a directory has to tell.
fn explained(
    root: &Path,
    name: &OsStr,
    tree: &Tree,
    patterns: &[FileStructurePattern],
    told: Told,
) {
    let all = (0..).zip(patterns).filter(|(i, p)| !patterns[..*i].contains(p));
    let expected = all.map(|(index, pattern)| {
        ((root.into(), index), check_reference::explained(name, tree, pattern))
    });
    let expected: Lacks = expected.collect();
    for (_, index, findings) in &told {
        let is_match =
            super::reference::scan(root, name, tree, &patterns[*index..=*index], Some(0));
        assert_eq!(findings.is_complete(), !is_match.is_empty());
    }
    let (max_depth, outermost) = (Some(0), false);
    let case = Case { name, tree, patterns, max_depth, outermost, explains: true, by_keys: false };
    case.compare_with(root, told, &expected);
}

/// Listings in any order.
fn listings(choices: &mut impl Choices, profile: Profile, explains: bool, by_tasks: bool) {
    let max_depth = if explains { Some(0) } else { max_depth(choices) };
    let outermost = !explains && choices.once_in(4);
    let patterns = generate::patterns(choices, profile);
    let mut whole = generate::tree(choices);
    if max_depth.is_some() || outermost {
        faults::nothing_is_gone(&mut whole);
    }
    let mut tree = if choices.once_in(3) { whole } else { generate::damaged(choices, &whole) };
    faults::tell_of_whole_directories(&mut tree);
    let name = if choices.once_in(8) { OsString::new() } else { generate::name(choices) };

    let compiled = PatternSet::new(&patterns);
    let make = || {
        let scan = ListingScan::new(&compiled, max_depth).outermost(outermost);
        if explains { scan.explaining() } else { scan.checking() }
    };
    let told = if by_tasks {
        let mut tasks = Tasks { name: &name, tree: &tree, make: &make, asked: BTreeSet::new() };
        tasks.run(choices).take_checked()
    } else {
        listed(choices, make(), &name, &tree)
    };
    if explains {
        explained(Path::new(ROOT), &name, &tree, &patterns, told);
    } else {
        let (name, tree, patterns) = (&*name, &tree, &*patterns);
        let case =
            Case { name, tree, patterns, max_depth, outermost, explains: false, by_keys: false };
        case.compare(Path::new(ROOT), told);
    }
}

/// Gives the listings. Returns what is told.
fn listed(
    choices: &mut impl Choices,
    mut scan: ListingScan<PathBuf>,
    name: &OsStr,
    tree: &Tree,
) -> Told {
    let source = scan.source(name);
    let mut wanted = vec![(source, PathBuf::from(ROOT), Sub::Entered(tree.clone()))];
    let mut told = Vec::new();
    while !wanted.is_empty() {
        assert!(!scan.is_done());
        let (id, path, sub) = wanted.swap_remove(choices.below(wanted.len()));
        if choices.once_in(2) && !scan.is_wanted(id) {
            continue;
        }
        match sub {
            Sub::NotEntered => scan.not_entered(id),
            Sub::Unlisted => scan.not_listed(id),
            Sub::Link => unreachable!("may not be entered"),
            Sub::Gone => scan.absent(id),
            Sub::Entered(Tree { directories, files, broke_off, .. }) => {
                let names: Vec<(Name, bool)> = directories
                    .iter()
                    .map(|(name, sub)| (Name::from(&**name), !matches!(sub, Sub::Link)))
                    .collect();
                let files = files.iter().map(|name| Name::from(&**name));
                let below = if broke_off {
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
        if choices.once_in(2) {
            told.append(&mut scan.take_checked());
        }
    }
    assert!(scan.is_done());
    told.append(&mut scan.take_checked());
    told
}

/// Holds what a check of a tree at `root` tells against the reference.
#[track_caller]
pub(crate) fn compare(
    (root, tree): (&Path, &Tree),
    patterns: &[FileStructurePattern],
    (max_depth, outermost): (Option<usize>, bool),
    told: Told,
) {
    let name = root.file_name().expect("a name");
    let case = Case { name, tree, patterns, max_depth, outermost, explains: false, by_keys: false };
    case.compare(root, told);
}

/// Holds what a check tells that was fed with keys against the reference.
#[track_caller]
pub(crate) fn compare_keys(
    name: &OsStr,
    tree: &Tree,
    patterns: &[FileStructurePattern],
    max_depth: Option<usize>,
    told: Told,
) {
    let outermost = false;
    let case = Case { name, tree, patterns, max_depth, outermost, explains: false, by_keys: true };
    case.compare(Path::new(ROOT), told);
}
