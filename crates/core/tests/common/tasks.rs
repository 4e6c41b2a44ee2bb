//! Scans that are done by tasks: sub-trees are scanned by others, to the end or for a while,
//! and what becomes of them comes in any order, twice, late, or damaged.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use pathvein_core::{DirectoryId, ErrorKind, ListingScan, Name, NameBuf};
use pathvein_core::{PatternSet, Subtree, SubtreeOutcome};

use super::check::{ROOT, close_unasked};
use super::generate::{self, Choices, Profile};
use super::reference::{self, Question, Sub, Tree};
use super::{faults, shown};

/// A tree that is scanned by tasks.
pub(crate) struct Tasks<'a> {
    pub(crate) name: &'a OsStr,
    pub(crate) tree: &'a Tree,
    /// Makes a scan with all options.
    pub(crate) make: &'a dyn Fn() -> ListingScan<PathBuf>,
    /// The paths of the directories that were visited by anyone.
    pub(crate) asked: BTreeSet<PathBuf>,
}

/// Answers for a wanted directory. Returns those that are wanted in it.
fn answer(
    scan: &mut ListingScan<PathBuf>,
    id: DirectoryId,
    tag: &Path,
    sub: &Sub,
) -> Vec<(DirectoryId, OsString)> {
    match sub {
        Sub::NotEntered => scan.not_entered(id),
        Sub::Unlisted => scan.not_listed(id),
        Sub::Link => unreachable!("may not be entered"),
        Sub::Gone => scan.absent(id),
        Sub::Entered(Tree { directories, files, broke_off, untold }) => {
            let names: Vec<(Name, bool)> = directories
                .iter()
                .map(|(name, sub)| (Name::from(&**name), !matches!(sub, Sub::Link)))
                .collect();
            let files = files.iter().map(|name| Name::from(&**name));
            let wanted = if *broke_off || !untold.is_empty() {
                scan.listed_in_part(id, tag.into(), &names, files)
            } else {
                scan.listed(id, tag.into(), &names, files)
            };
            return wanted.into_iter().map(|(at, id)| (id, directories[at].0.clone())).collect();
        }
    }
    Vec::new()
}

fn join(above: &Path, below: &Path) -> PathBuf {
    // Nothing would become a separator at the end.
    if below.as_os_str().is_empty() { above.into() } else { above.join(below) }
}

/// As it is on the way to another process and back.
#[cfg(feature = "serde")]
fn sent<T: serde::Serialize + serde::de::DeserializeOwned>(what: &T) -> T {
    postcard::from_bytes(&postcard::to_allocvec(what).unwrap()).unwrap()
}

#[cfg(not(feature = "serde"))]
fn sent<T: Clone>(what: &T) -> T {
    what.clone()
}

impl Tasks<'_> {
    /// The directory at a path below the source.
    fn sub(&self, path: &Path) -> Sub {
        let mut sub = Sub::Entered(self.tree.clone());
        for name in path {
            let Sub::Entered(tree) = sub else { return Sub::Gone };
            let below = tree.directories.into_iter().find(|(other, _)| other == name);
            sub = below.map_or(Sub::Gone, |(_, sub)| sub);
        }
        sub
    }

    /// Scans a sub-tree, up to so many directories.
    fn scan(
        &mut self,
        choices: &mut impl Choices,
        task: &Subtree,
        budget: usize,
    ) -> SubtreeOutcome {
        let mut scan = (self.make)();
        let above = PathBuf::from(task.path().to_os_string());
        let mut names: Vec<OsString> = task.names().map(|name| name.to_os_string()).collect();
        if names.is_empty() {
            names.push(OsString::new());
        }
        let roots = scan.at(task, self.name, PathBuf::new()).unwrap();
        let roots = roots.into_iter().map(|(at, id)| (id, PathBuf::from(&names[at])));
        let mut wanted: Vec<(DirectoryId, PathBuf)> = roots.collect();
        for _ in 0..budget {
            if wanted.is_empty() {
                break;
            }
            let (id, path) = wanted.swap_remove(choices.below(wanted.len()));
            if choices.once_in(2) && !scan.is_wanted(id) {
                continue;
            }
            let at = join(&above, &path);
            self.asked.insert(join(Path::new(ROOT), &at));
            let below = answer(&mut scan, id, &path, &self.sub(&at));
            wanted.extend(below.into_iter().map(|(id, name)| (id, path.join(name))));
        }
        let left = scan.hand_back(|path| NameBuf::from(Name::from(path.as_os_str())));
        sent(&left)
    }

    /// Scans all. Returns the caller's scan, which is done.
    pub(crate) fn run(&mut self, choices: &mut impl Choices) -> ListingScan<PathBuf> {
        let mut scan = (self.make)().dividing();
        let mut wanted = vec![(scan.source(self.name), 1)];
        let mut late: Vec<(DirectoryId, SubtreeOutcome)> = Vec::new();
        let tag = |above: Option<&PathBuf>, name: Name<'_>| {
            let name = NameBuf::from(name).to_os_string();
            join(above.map_or(Path::new(ROOT), |above| above), Path::new(&name))
        };
        loop {
            // Some time, one that has come is taken.
            while !late.is_empty() && (wanted.is_empty() || choices.once_in(2)) {
                let (id, outcome) = late.swap_remove(choices.below(late.len()));
                wanted.extend(scan.scanned(id, &outcome, tag).unwrap());
            }
            if wanted.is_empty() {
                break;
            }
            assert!(!scan.is_done());
            let at = choices.below(wanted.len());
            let (id, count) = wanted[at];
            if choices.once_in(3) && !scan.is_wanted(id) {
                wanted.swap_remove(at);
                continue;
            }
            if count > 1 && choices.once_in(3) {
                let first = 1 + choices.below(count - 1);
                let others = scan.split(id, first).unwrap();
                wanted[at].1 = first;
                wanted.push((others, count - first));
                continue;
            }
            let task = scan.subtree(id).unwrap();
            assert_eq!(task.len(), count);
            wanted.swap_remove(at);
            if count == 1 && choices.once_in(4) {
                // The caller does it.
                let name = task.names().next().unwrap_or(Name::from("").into());
                let above = PathBuf::from(task.path().to_os_string());
                let path = join(&above, Path::new(&name.to_os_string()));
                let path_and_root = join(Path::new(ROOT), &path);
                self.asked.insert(path_and_root.clone());
                let below = answer(&mut scan, id, &path_and_root, &self.sub(&path));
                wanted.extend(below.into_iter().map(|(id, _)| (id, 1)));
                continue;
            }
            let task = sent(&task);
            let budget = [usize::MAX, 1, 1, 2, 3, 5, 0][choices.below(7)];
            let outcome = self.scan(choices, &task, budget);
            if choices.once_in(3) {
                // Another does it again, and comes first or last.
                let budget = [usize::MAX, 1, 2][choices.below(3)];
                let again = self.scan(choices, &task, budget);
                late.push((id, again));
            }
            if let Some(&(other, _)) = wanted.get(at) {
                let error = scan.scanned(other, &outcome, tag).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Subtree);
            }
            late.push((id, outcome));
        }
        assert!(scan.is_done());
        scan
    }
}

/// A scan by tasks, held against the reference.
pub(crate) fn scans(choices: &mut impl Choices, profile: Profile) {
    let max_depth = [None, None, Some(0), Some(1), Some(2), Some(3)][choices.below(6)];
    let patterns = generate::patterns(choices, profile);
    let shown = shown::Patterns(&patterns);
    let outermost = choices.once_in(3);
    let mut whole = generate::tree(choices);
    if outermost {
        faults::nothing_is_gone(&mut whole);
    }
    let mut tree = if choices.once_in(4) { whole } else { generate::damaged(choices, &whole) };
    let name = if choices.once_in(8) { OsString::new() } else { generate::name(choices) };
    let tells_unknown = !outermost && choices.once_in(2);
    let compiled = PatternSet::new(&patterns);
    let make = || {
        let scan = ListingScan::new(&compiled, max_depth).outermost(outermost);
        if tells_unknown { scan.telling_unknown() } else { scan }
    };
    let mut tasks = Tasks { name: &name, tree: &tree, make: &make, asked: BTreeSet::new() };
    let mut scan = tasks.run(choices);
    let asked = tasks.asked;

    let root = Path::new(ROOT);
    faults::tell_of_whole_directories(&mut tree);
    if !outermost {
        close_unasked(&mut tree, root, &asked);
    }
    let ask = |question| reference::ask(question, root, &name, &tree, &patterns, max_depth);
    let all = ask(Question::Certain);
    let expected = if outermost { reference::outermost(&all) } else { all };
    let found = scan.take_matches();
    let count = found.len();
    let found: reference::Matches = found.into_iter().collect();
    assert_eq!(found, expected, "{} {shown} {tree}", shown.difference(&found, &expected));
    assert_eq!(count, found.len(), "a match stands twice");
    let unknown: Vec<(PathBuf, usize)> = scan.take_unknown();
    if tells_unknown {
        let count = unknown.len();
        let unknown: reference::Matches = unknown.into_iter().collect();
        assert_eq!(unknown, &ask(Question::Might) - &expected, "{shown} {tree}");
        assert_eq!(count, unknown.len(), "what is unknown stands twice");
    }
    if !outermost {
        let hidden = reference::hidden_by_links(&name, &tree, &patterns, max_depth);
        assert_eq!(scan.hidden_by_links(), hidden, "{shown} {tree} {max_depth:?}");
    }
}
