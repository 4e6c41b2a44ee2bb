//! Local scans that are made of tasks, against scans that are not.

#![cfg(unix)]

mod common;

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use common::generate::{self, Choices, Profile, Random};
use common::reference::{self, Matches, Sub, Tree};
use common::{check_cases, disk, faults, long, shown};
use pathvein_core::{
    Check, DirectoryId, ErrorKind, ExcludeRules, FileStructurePattern, ListingScan, MadeUp, Name,
    NameBuf, Scan,
};
use pathvein_core::{Stats, Subtree, SubtreeOutcome, SubtreeScan};

/// What came of tasks.
#[derive(Debug, Default)]
struct Done {
    /// What was counted, each task once.
    directories: usize,
    skipped: usize,
    entries: usize,
    links_not_followed: usize,
    tasks: usize,
    /// What went wrong, as text, in order.
    errors: Vec<String>,
}

/// Has `whole` done by tasks, each of which `scan` makes. Its tags are paths below `root`.
fn by_tasks(
    choices: &mut impl Choices,
    whole: &mut ListingScan<PathBuf>,
    (root, name): (&Path, &OsStr),
    scan: impl Fn(Subtree) -> SubtreeScan,
) -> Done {
    let mut done = Done::default();
    let mut waiting = vec![(whole.source(name), 1)];
    // What has ended and was not taken yet.
    let mut taken = HashSet::new();
    let mut ended: Vec<(_, SubtreeOutcome, Stats, Vec<String>)> = Vec::new();
    let most_directories = [1, 1, 3, 10, 50][choices.below(5)];
    while !waiting.is_empty() || !ended.is_empty() {
        assert!(waiting.is_empty() || !whole.is_done());
        if waiting.is_empty() || choices.once_in(2) && !ended.is_empty() {
            let (id, outcome, stats, errors) = ended.swap_remove(choices.below(ended.len()));
            let tag = |above: Option<&PathBuf>, name: Name<'_>| below(above, root, name);
            let left = whole.scanned(id, &outcome, tag).unwrap();
            if !taken.insert(id) {
                assert_eq!(left, [], "an outcome that comes twice");
                continue;
            }
            waiting.extend(left);
            done.directories += stats.directories;
            done.skipped += stats.skipped;
            done.entries += stats.entries;
            done.links_not_followed += stats.links_not_followed;
            done.tasks += 1;
            done.errors.extend(errors);
            continue;
        }
        let chosen = choices.below(waiting.len());
        let (id, count) = waiting[chosen];
        if count > 1 && choices.once_in(3) {
            let kept = 1 + choices.below(count - 1);
            waiting[chosen].1 = kept;
            let rest = whole.split(id, kept).unwrap();
            waiting.push((rest, count - kept));
            continue;
        }
        waiting.swap_remove(chosen);
        // Who does not ask is told of the same.
        if choices.once_in(2) && !whole.is_wanted(id) {
            continue;
        }
        let subtree = sent(whole.subtree(id).unwrap());
        assert_eq!(subtree.len(), count);
        for _ in 0..1 + usize::from(choices.once_in(8)) {
            let directories =
                choices.below(8).checked_sub(1).map(|_| 1 + choices.below(most_directories));
            let mut errors = Vec::new();
            let running = scan(subtree.clone()).budget(None, directories);
            let (outcome, stats) = running.run(|error| errors.push(error.to_string())).unwrap();
            let visited = stats.directories + stats.skipped;
            assert!(directories.is_none_or(|most| visited <= most), "{visited} of {directories:?}");
            assert!(outcome.left() < count, "nothing came of it");
            assert!(directories.is_some() || outcome.left() + outcome.open() == 0);
            ended.push((id, sent(outcome), stats, errors));
        }
    }
    assert!(whole.is_done());
    done.errors.sort();
    done
}

fn below(above: Option<&PathBuf>, root: &Path, name: Name<'_>) -> PathBuf {
    let mut path = above.map_or(root, |above| above).to_path_buf();
    let name = NameBuf::from(name).to_os_string();
    if !name.is_empty() {
        path.push(name);
    }
    path
}

/// What arrives at another process.
fn sent<T: serde::Serialize + serde::de::DeserializeOwned>(it: T) -> T {
    postcard::from_bytes(&postcard::to_stdvec(&it).unwrap()).unwrap()
}

/// What is scanned, and how.
struct Case {
    root: PathBuf,
    patterns: Vec<FileStructurePattern>,
    options: disk::Options,
    max_depth: Option<usize>,
    threads: usize,
    outermost: bool,
    leaf_skip: bool,
    /// The same for all tasks, as the source is.
    made_up: Option<Arc<MadeUp>>,
}

impl Case {
    fn scan(&self) -> Scan {
        let scan = Scan::new(&self.root, &self.patterns)
            .exclude(ExcludeRules::new(&self.options.exclude).unwrap())
            .follow_links(self.options.follow_links)
            .one_file_system(self.options.one_file_system)
            .max_depth(self.max_depth)
            .threads(self.threads)
            .outermost(self.outermost)
            .leaf_skip(self.leaf_skip);
        match &self.made_up {
            Some(tree) => scan.made_up(Arc::clone(tree)),
            None => scan,
        }
    }

    /// A check by tasks, against the reference for what is in the source.
    fn compare_check(&self, choices: &mut impl Choices, tree: &Tree) {
        let whole = ListingScan::new(&self.patterns, self.max_depth).outermost(self.outermost);
        let mut whole = whole.checking();
        let at = (&*self.root, self.root.file_name().unwrap());
        by_tasks(choices, &mut whole, at, |subtree| {
            Check::new(&self.root, &self.patterns).with(|_| self.scan()).subtree(subtree)
        });
        let asked = (self.max_depth, self.outermost);
        check_cases::compare((&self.root, tree), &self.patterns, asked, whole.take_checked());
    }

    /// By one scan, and by tasks: the same.
    fn compare(&self, choices: &mut impl Choices) {
        let mut one = self.scan().start().unwrap();
        let (found, errors): (Vec<_>, Vec<_>) = one.by_ref().partition(Result::is_ok);
        let found: Matches = found
            .into_iter()
            .map(|found| found.map(|found| (found.path().to_path_buf(), found.pattern())).unwrap())
            .collect();
        let mut errors: Vec<String> =
            errors.into_iter().map(|error| error.unwrap_err().to_string()).collect();
        errors.sort();

        let mut whole = ListingScan::new(&self.patterns, self.max_depth).outermost(self.outermost);
        let at = (&*self.root, self.root.file_name().unwrap());
        let done = by_tasks(choices, &mut whole, at, |subtree| self.scan().subtree(subtree));
        let told = whole.take_matches();
        let case = || format!("{} {:?} {done:?}", shown::Patterns(&self.patterns), self.options);
        let count = told.len();
        let told: Matches = told.into_iter().collect();
        assert_eq!(
            told,
            found,
            "{} {}",
            shown::Patterns(&self.patterns).difference(&told, &found),
            case()
        );
        assert_eq!(count, told.len(), "a match stands twice {}", case());
        if self.outermost {
            // What is visited depends on what is found first.
            return;
        }
        let Stats { directories, skipped, entries, links_not_followed, hidden_by_links, .. } =
            one.stats();
        assert_eq!(whole.hidden_by_links(), hidden_by_links, "{}", case());
        assert_eq!(done.errors, errors, "{}", case());
        assert_eq!(done.directories + done.skipped, directories + skipped, "{}", case());
        if skipped == 0 {
            assert_eq!(
                (done.entries, done.links_not_followed),
                (entries, links_not_followed),
                "{}",
                case()
            );
        }
    }
}

fn case(choices: &mut impl Choices, profile: Profile) -> Case {
    Case {
        root: PathBuf::new(),
        patterns: generate::patterns(choices, profile),
        options: disk::Options::default(),
        max_depth: [None, None, None, Some(0), Some(1), Some(2)][choices.below(6)],
        threads: [1, 1, 2, 8][choices.below(4)],
        outermost: choices.once_in(4),
        leaf_skip: choices.once_in(2),
        made_up: None,
    }
}

fn on_disk(choices: &mut impl Choices, profile: Profile) {
    let mut case = case(choices, profile);
    case.options = disk::Options {
        follow_links: choices.once_in(2),
        one_file_system: choices.once_in(2),
        exclude: (0..choices.below(3)).map(|_| choices.pick(&disk::RULES)).collect(),
    };
    let shm = Path::new("/dev/shm");
    let dir = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
    case.root = dir.path().canonicalize().unwrap().join("a");
    std::fs::create_dir(&case.root).unwrap();
    disk::build(choices, &case.root);
    if choices.once_in(3) {
        let tree = disk::read(&case.root, &case.options, &mut Vec::new());
        return case.compare_check(choices, &tree);
    }
    case.compare(choices);
}

/// Adds what a pattern asks for. There is little of it where all is chance.
fn plant(choices: &mut impl Choices, tree: &mut Tree, pattern: &FileStructurePattern) {
    let name = |passes: &dyn Fn(&OsStr) -> bool| {
        let names = ["a", "b", "ab", "a.x", "b.x", "c", ".a"].map(OsStr::new);
        names.into_iter().find(|name| passes(name))
    };
    for file in pattern.files() {
        tree.files.extend(name(&|name| reference::passes(file.test(), name)).map(OsString::from));
    }
    for directory in pattern.directories() {
        let alternatives = directory.alternatives();
        let below = &alternatives[choices.below(alternatives.len())];
        let Some(name) = name(&|name| reference::name_matches(name, below)) else { continue };
        if !tree.directories.iter().any(|(other, _)| other == name) {
            tree.directories.push((name.into(), Sub::Entered(Tree::default())));
        }
        let planted = tree.directories.iter_mut().find(|(other, _)| other == name);
        if let Some((_, Sub::Entered(tree))) = planted {
            plant(choices, tree, below);
        }
    }
}

/// In which much goes wrong.
fn made_up(choices: &mut impl Choices, profile: Profile) {
    let mut case = case(choices, profile);
    let mut tree = generate::tree(choices);
    for _ in 0..choices.below(4) {
        let pattern = &case.patterns[choices.below(case.patterns.len())];
        let mut place = &mut tree;
        while choices.once_in(2) && !place.directories.is_empty() {
            let chosen = choices.below(place.directories.len());
            match place.directories[chosen].1 {
                Sub::Entered(_) => {}
                _ => break,
            }
            let Sub::Entered(below) = &mut place.directories[chosen].1 else { unreachable!() };
            place = below;
        }
        plant(choices, place, pattern);
    }
    let mut tree = faults::without_twins(tree);
    if choices.once_in(2) {
        tree = generate::damaged(choices, &tree);
    }
    if case.outermost || case.max_depth.is_some() {
        faults::nothing_is_gone(&mut tree);
    }
    faults::nothing_read_is_unlisted(&mut tree);
    if tree.broke_off && tree.files.is_empty() && tree.directories.is_empty() {
        tree = Tree::default();
    }
    case.root = Path::new("/made-up").join(faults::number()).join(generate::name(choices));
    case.options.one_file_system = true;
    case.made_up = Some(faults::made_up(choices, &tree).into());
    if choices.once_in(3) {
        return case.compare_check(choices, &tree);
    }
    case.compare(choices);
}

#[test]
fn trees_on_disk_by_tasks() {
    for seed in long::seeds(60) {
        on_disk(&mut Random(seed), Profile::Small);
    }
}

#[test]
fn trees_in_which_much_goes_wrong_by_tasks() {
    for seed in long::seeds(100) {
        made_up(&mut Random(seed), Profile::Small);
    }
    for seed in long::seeds(3) {
        made_up(&mut Random(seed), Profile::Large);
    }
}

#[test]
fn what_is_asked_for_above_the_stand_in_is_visited() {
    use pathvein_core::FileStructurePattern as P;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("a");
    disk::plant(&root, &["x/y/z/f"]);
    let z = P::builder("z").file("f").build().unwrap();
    let y = P::builder("y").directory(z).build().unwrap();
    let x = P::builder("x").directory(y).build().unwrap();
    let top = P::builder("a").directory(x).build().unwrap();
    for seed in long::seeds(20) {
        let case = Case {
            root: root.clone(),
            patterns: vec![top.clone()],
            options: disk::Options::default(),
            max_depth: Some(0),
            threads: 1,
            outermost: true,
            leaf_skip: false,
            made_up: None,
        };
        case.compare(&mut Random(seed));
    }
}

/// A scan of a tree of which `p`, in the source, was listed by one task, and what is in it is left
/// to the next.
fn with_p_listed(root: &Path) -> (ListingScan<PathBuf>, Subtree, DirectoryId, Scan) {
    disk::plant(root, &["p/a/f", "p/b/f"]);
    let below = FileStructurePattern::builder("*").file("f").build().unwrap();
    let scan = Scan::new(root, &below);
    let mut whole = ListingScan::new(&below, None);
    let mut id = whole.source("");
    for _ in 0..2 {
        let subtree = whole.subtree(id).unwrap();
        let one = scan.clone().subtree(subtree).budget(None, 1);
        let (outcome, stats) = one.run(|error| panic!("{error}")).unwrap();
        assert_eq!(stats.directories, 1);
        let waiting = whole.scanned(id, &outcome, below_tag).unwrap();
        assert_eq!(waiting.len(), 1);
        id = waiting[0].0;
    }
    let subtree = whole.subtree(id).unwrap();
    assert_eq!((subtree.path(), subtree.len()), (Name::from("p").into(), 2));
    (whole, subtree, id, scan)
}

fn below_tag(above: Option<&PathBuf>, name: Name<'_>) -> PathBuf {
    below(above, Path::new(""), name)
}

#[test]
fn a_directory_that_is_gone_when_its_task_begins() {
    let dir = tempfile::tempdir().unwrap();
    let (mut whole, subtree, id, scan) = with_p_listed(dir.path());
    fs::rename(dir.path().join("p"), dir.path().join("q")).unwrap();
    let (outcome, _) = scan.subtree(subtree).run(|error| panic!("{error}")).unwrap();
    assert_eq!(whole.scanned(id, &outcome, below_tag).unwrap(), []);
    assert_eq!((whole.take_matches(), whole.is_done()), (vec![], true));
}

#[test]
fn another_directory_in_the_place_of_that_of_a_task() {
    let dir = tempfile::tempdir().unwrap();
    let (mut whole, subtree, id, scan) = with_p_listed(dir.path());
    fs::rename(dir.path().join("p"), dir.path().join("q")).unwrap();
    disk::plant(dir.path(), &["p/a/f", "p/b/f"]);
    let mut errors = Vec::new();
    let (outcome, _) = scan.subtree(subtree).run(|error| errors.push(error)).unwrap();
    let [error] = &errors[..] else { panic!("{errors:?}") };
    assert_eq!(error.path(), Some(&*dir.path().canonicalize().unwrap().join("p")));
    assert_eq!(whole.scanned(id, &outcome, below_tag).unwrap(), []);
    assert_eq!((whole.take_matches(), whole.is_done()), (vec![], true));
}

#[test]
fn another_directory_in_the_place_of_the_source() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("lab");
    let (_, subtree, _, scan) = with_p_listed(&root);
    fs::rename(&root, dir.path().join("old")).unwrap();
    fs::create_dir(&root).unwrap();
    // Without an error what was listed would count as removed.
    let error = scan.subtree(subtree).run(|error| panic!("{error}")).unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::Io, Some(&*root)));
}

#[test]
fn a_budget_of_no_time_visits_one_directory_each() {
    let dir = tempfile::tempdir().unwrap();
    let (mut whole, _, mut id, scan) = with_p_listed(dir.path());
    for left in [1, 0] {
        let subtree = whole.subtree(id).unwrap();
        let none = scan.clone().subtree(subtree).budget(Duration::ZERO, None);
        let (outcome, stats) = none.run(|error| panic!("{error}")).unwrap();
        assert_eq!((stats.directories, outcome.left()), (1, left));
        let waiting = whole.scanned(id, &outcome, below_tag).unwrap();
        assert_eq!(waiting.len(), left);
        id = waiting.first().map_or(id, |&(id, _)| id);
    }
    assert_eq!((whole.take_matches().len(), whole.is_done()), (2, true));
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (_, subtree, _, scan) = with_p_listed(dir.path());
    let written = postcard::to_stdvec(&subtree).unwrap();
    let name_of_p = written.iter().position(|&byte| byte == b'p').unwrap();
    for byte in [b'/', b'.', 0] {
        let mut changed = written.clone();
        changed[name_of_p] = byte;
        let subtree: Subtree = postcard::from_bytes(&changed).unwrap();
        let result = scan.clone().subtree(subtree).run(|error| panic!("{error}"));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Subtree);
    }
}
