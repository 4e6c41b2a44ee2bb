//! Cases of sorted keys: they are made from choices, given in ranges, and compared with the
//! reference.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use pathvein_core::{ExcludeRules, Findings, KeyOutcome, KeyScan, KeyWalk, RangeId};

use super::check::ROOT;
use super::check_cases;
use super::generate::{self, Choices, Profile};
use super::reference::{self, Sub, Tree};
use super::shown;

/// The compiled program, fed with sorted keys in ranges, and the walk of them.
pub(crate) fn keys(choices: &mut impl Choices, profile: Profile) {
    scan(choices, profile, None);
}

/// The same, parts of the keys being scanned elsewhere. `travel` is what happens to outcomes on
/// the way.
pub(crate) fn parts(choices: &mut impl Choices, profile: Profile, travel: Travel) {
    scan(choices, profile, Some(travel));
}

pub(crate) type Travel = fn(KeyOutcome) -> KeyOutcome;

fn scan(choices: &mut impl Choices, profile: Profile, travel: Option<Travel>) {
    let max_depth = [None, None, Some(0), Some(1), Some(2), Some(3)][choices.below(6)];
    let patterns = generate::patterns(choices, profile);
    let shown = shown::Patterns(&patterns);
    let mut tree = generate::tree(choices);
    let rules = ["a/", "b*", "/ab/*", "**/a/b", "*.x"];
    let rules = (0..choices.below(3)).map(|_| choices.pick(&rules)).collect::<Vec<_>>();
    let exclude = ExcludeRules::new(rules).unwrap();
    let mut keys = BTreeSet::new();
    let mut bad = 0;
    make_keys(choices, &mut tree, "", &exclude, (0, max_depth), &mut keys, &mut bad);
    let keys: Vec<String> = keys.into_iter().collect();
    let name = generate::name(choices);
    let Some(name) = name.to_str() else { return };

    let outermost = travel.is_some() && choices.once_in(3);
    let wanted = |matches| if outermost { reference::outermost(&matches) } else { matches };
    let (scan, all) = KeyScan::new(&patterns, name, max_depth, exclude.clone());
    let part = |start: &[u8], end: Option<&[u8]>| {
        let (part, range) = KeyScan::part(&patterns, name, max_depth, exclude.clone(), start, end);
        (part.outermost(outermost), range)
    };
    let parts = travel.map(|travel| Parts { part: &part, travel });
    let mut scan = Parted { scan: scan.outermost(outermost), parts };
    let mut found = Vec::new();
    let mut feed = Feed::new(&keys, all);
    feed.breaks = [0, 0, 1, 3][choices.below(4)];
    feed.parts = if travel.is_some() { 12 } else { 0 };
    while feed.step(choices, &mut scan) {
        found.append(&mut scan.scan.take_matches());
    }
    let Feed { told, broken, .. } = feed;
    let mut scan = scan.scan;
    assert!(scan.is_done());
    let count = found.len();
    let root = Path::new(ROOT);
    let found: reference::Matches = found
        .into_iter()
        .map(|(path, pattern)| {
            (if path.is_empty() { root.into() } else { root.join(path) }, pattern)
        })
        .collect();
    let case = || format!("{shown} {keys:?} {max_depth:?} {broken:?}");
    let all = reference::scan(root, name.as_ref(), &tree, &patterns, max_depth);
    assert!(found.is_subset(&all), "{} {}", shown.difference(&found, &all), case());
    let all = wanted(all);
    assert!(!broken.is_empty() || found == all, "{} {}", shown.difference(&found, &all), case());
    let read = tree_of_keys(&told, &broken, &exclude);
    let expected = wanted(reference::scan(root, name.as_ref(), &read, &patterns, max_depth));
    assert_eq!(found, expected, "{} {}", shown.difference(&found, &expected), case());
    assert_eq!(count, found.len(), "a match stands twice");

    if travel.is_some() && !outermost && broken.is_empty() {
        // What is counted, and what is no path, is the same in one part.
        let (mut one, range) = KeyScan::new(&patterns, name, max_depth, exclude.clone());
        one.keys(range, keys.iter().map(String::as_str)).unwrap();
        one.end(range);
        let counts = |scan: &KeyScan| (scan.counts().directories, scan.counts().entries);
        assert_eq!(counts(&scan), counts(&one), "{}", case());
        assert_eq!(scan.take_bad().len(), one.take_bad().len(), "{}", case());
    }

    let (walk, all) = KeyWalk::new(max_depth, exclude.clone());
    let mut walk = Walked(walk);
    let mut feed = Feed::new(&keys, all);
    let mut listings = Vec::new();
    while feed.step(choices, &mut walk) {
        listings.append(&mut walk.0.take_directories());
    }
    assert_eq!(walk.0.take_bad().len(), bad, "{keys:?}");
    let (count, walked) = (listings.len(), reference::walk(root, &tree, max_depth));
    let sorted = |names: Vec<String>| {
        let mut names: Vec<OsString> = names.into_iter().map(OsString::from).collect();
        names.sort();
        names
    };
    let listings: BTreeSet<_> = listings
        .into_iter()
        .map(|l| {
            let path = if l.path.is_empty() { root.into() } else { root.join(l.path) };
            (path, sorted(l.directories), sorted(l.files))
        })
        .collect();
    assert_eq!(listings, walked, "{keys:?} {max_depth:?}");
    assert_eq!(count, listings.len(), "a directory stands twice");
    let counts = walk.0.counts();
    let entries = walked.iter().map(|(_, dirs, files)| dirs.len() + files.len()).sum::<usize>();
    assert_eq!((counts.directories, counts.entries), (walked.len(), entries), "{keys:?}");
}

/// A check that is fed with sorted keys in ranges.
pub(crate) fn checks(choices: &mut impl Choices, profile: Profile) {
    check(choices, profile, None);
}

/// The same, parts of the keys being checked elsewhere.
pub(crate) fn check_parts(choices: &mut impl Choices, profile: Profile, travel: Travel) {
    check(choices, profile, Some(travel));
}

fn check(choices: &mut impl Choices, profile: Profile, travel: Option<Travel>) {
    let max_depth = [None, None, Some(0), Some(1), Some(2), Some(3)][choices.below(6)];
    let outermost = choices.once_in(4);
    let patterns = generate::patterns(choices, profile);
    let mut tree = generate::tree(choices);
    let rules = ["a/", "b*", "/ab/*", "**/a/b", "*.x"];
    let rules = (0..choices.below(2)).map(|_| choices.pick(&rules)).collect::<Vec<_>>();
    let exclude = ExcludeRules::new(rules).unwrap();
    let mut keys = BTreeSet::new();
    make_keys(choices, &mut tree, "", &exclude, (0, max_depth), &mut keys, &mut 0);
    let keys: Vec<String> = keys.into_iter().collect();
    let name = generate::name(choices);
    let Some(name) = name.to_str() else { return };

    let (scan, all) = KeyScan::new(&patterns, name, max_depth, exclude.clone());
    let part = |start: &[u8], end: Option<&[u8]>| {
        let (part, range) = KeyScan::part(&patterns, name, max_depth, exclude.clone(), start, end);
        (part.outermost(outermost).checking(), range)
    };
    let parts = travel.map(|travel| Parts { part: &part, travel });
    let mut scan = Parted { scan: scan.checking().outermost(outermost), parts };
    let mut found = Vec::new();
    let mut feed = Feed::new(&keys, all);
    feed.breaks = [0, 0, 1, 3][choices.below(4)];
    feed.parts = if travel.is_some() { 12 } else { 0 };
    while feed.step(choices, &mut scan) {
        found.append(&mut scan.scan.take_checked());
    }
    let Feed { told, broken, .. } = feed;
    let mut scan = scan.scan;
    assert!(scan.is_done() && scan.take_matches().is_empty());
    let root = Path::new(ROOT);
    let path_of = |path: String| if path.is_empty() { root.into() } else { root.join(path) };
    let found = found.into_iter().map(|(path, pattern, told)| (path_of(path), pattern, told));
    let found: check_cases::Told = found.collect();
    let read = tree_of_keys(&told, &broken, &exclude);
    if !outermost {
        check_cases::compare_keys(name.as_ref(), &read, &patterns, max_depth, found);
        return;
    }
    let case = || format!("{} {keys:?} {max_depth:?} {broken:?}", shown::Patterns(&patterns));
    let certain = reference::scan(root, name.as_ref(), &read, &patterns, max_depth);
    let certain = reference::outermost(&certain);
    let complete = found.iter().filter(|(_, _, findings)| findings.is_complete());
    let complete: reference::Matches =
        complete.map(|(path, pattern, _)| (path.clone(), *pattern)).collect();
    assert_eq!(complete, certain, "{}", case());
    // What is told besides is what is told of all, but below a match.
    let (all, id) = KeyScan::new(&patterns, name, max_depth, exclude.clone());
    let mut all = all.checking();
    all.keys(id, keys.iter().map(String::as_str)).unwrap();
    all.end(id);
    let below = |path: &Path| {
        path.ancestors().skip(1).any(|above| certain.iter().any(|(path, _)| path == above))
    };
    if broken.is_empty() {
        let all = all.take_checked().into_iter();
        let all = all.map(|(path, pattern, told)| (path_of(path), pattern, told));
        let all: check_cases::Told = all.filter(|(path, _, _)| !below(path)).collect();
        let places = |told: check_cases::Told| -> BTreeMap<_, Vec<_>> {
            let count = told.len();
            let places = |findings: Findings| {
                findings.iter().map(|finding| (finding.place, finding.answer)).collect()
            };
            let told =
                told.into_iter().map(|(path, pattern, told)| ((path, pattern), places(told)));
            let told: BTreeMap<_, _> = told.collect();
            assert_eq!(count, told.len(), "something is told twice: {}", case());
            told
        };
        assert_eq!(places(found), places(all), "{}", case());
    }
}

/// Changes a tree to one that keys can represent, without excluded entries. Returns its
/// keys, and the number of bad keys to be reported for the visited directories.
fn make_keys(
    choices: &mut impl Choices,
    tree: &mut Tree,
    prefix: &str,
    exclude: &ExcludeRules,
    (depth, max_depth): (usize, Option<usize>),
    keys: &mut BTreeSet<String>,
    bad: &mut usize,
) {
    tree.files.retain(|name| name.to_str().is_some());
    tree.files.sort();
    tree.files.dedup();
    tree.files.retain(|name| {
        let key = format!("{prefix}{}", name.to_str().unwrap());
        let excluded = exclude.is_excluded(&key, false);
        keys.insert(key);
        !excluded
    });
    for component in ["", ".", ".."] {
        if choices.once_in(24) {
            *bad += usize::from(max_depth.is_none_or(|max| depth <= max));
            tree.broke_off = true;
            keys.insert(format!("{prefix}{component}/{}", choices.pick(&["", "x", "a/b"])));
        }
    }
    tree.directories.retain_mut(|(name, sub)| {
        let Some(name) = name.to_str() else { return false };
        let mut below = match std::mem::replace(sub, Sub::Gone) {
            Sub::Entered(below) => below,
            _ => Tree::default(),
        };
        let path = format!("{prefix}{name}");
        let excluded = exclude.is_excluded(&path, true);
        let (before, bad_before) = (keys.len(), *bad);
        let depth = (depth + 1, max_depth);
        make_keys(choices, &mut below, &format!("{path}/"), exclude, depth, keys, bad);
        if excluded {
            *bad = bad_before;
        }
        if keys.len() == before || choices.once_in(4) {
            keys.insert(format!("{path}/"));
        }
        *sub = Sub::Entered(below);
        !excluded
    });
}

/// The tree of those keys that were read. A directory is whole unless one of the ranges whose
/// keys could not be read to their end might have held keys of it, or a key in it is no path.
fn tree_of_keys(told: &BTreeSet<String>, broken: &[Broken], exclude: &ExcludeRules) -> Tree {
    let mut top = Tree::default();
    for key in told {
        let mut here = &mut top;
        let mut path = String::new();
        let mut components = key.split('/').peekable();
        while let Some(component) = components.next() {
            let is_last = components.peek().is_none();
            if ["", ".", ".."].contains(&component) {
                // Unless it is the end of a directory's marker.
                here.broke_off |= !(is_last && component.is_empty());
                break;
            }
            path += component;
            if exclude.is_excluded(&path, !is_last) {
                break;
            }
            if is_last {
                here.files.push(component.into());
                break;
            }
            let index = here.directories.iter().position(|(name, _)| name == component);
            let index = index.unwrap_or_else(|| {
                here.directories.push((component.into(), Sub::Entered(Tree::default())));
                here.directories.len() - 1
            });
            let Sub::Entered(below) = &mut here.directories[index].1 else { unreachable!() };
            here = below;
            path.push('/');
        }
    }
    break_off(&mut top, "", broken);
    top
}

fn break_off(tree: &mut Tree, prefix: &str, broken: &[Broken]) {
    tree.broke_off |= broken.iter().any(|Broken { position, end }| {
        // The keys of a directory at whose prefix the range ends are not in the range.
        end.as_deref() != Some(prefix)
            && [Some(position), end.as_ref()].into_iter().flatten().any(|at| at.starts_with(prefix))
    });
    for (name, sub) in &mut tree.directories {
        let Sub::Entered(below) = sub else { unreachable!() };
        break_off(below, &format!("{prefix}{}/", name.to_str().unwrap()), broken);
    }
}

/// A range whose keys could be read to a position only.
#[derive(Debug)]
struct Broken {
    /// The last key, the last prefix, or the beginning of the range.
    position: String,
    end: Option<String>,
}

/// Sorted keys that are given in ranges. A range is the positions of its keys.
struct Feed<'a> {
    keys: &'a [String],
    ranges: Vec<Range>,
    /// What was given, prefixes of directories included.
    told: BTreeSet<String>,
    /// How many ranges may break off, and those that did.
    breaks: usize,
    broken: Vec<Broken>,
    /// How many splits and prefixes are left: a fuzzer without further choices would split
    /// for ever.
    tricks: usize,
    /// How many parts may be done elsewhere.
    parts: usize,
    /// Those that were done elsewhere and are not taken yet: the range that they are, and what
    /// was given there.
    away: Vec<(Range, KeyOutcome, Feed<'a>)>,
}

/// A range, and which of the keys are left of it.
#[derive(Clone)]
struct Range {
    id: RangeId,
    from: usize,
    end: usize,
    /// The last key or prefix that was given, or where the range begins.
    position: String,
    /// The key that the range ends before.
    bound: Option<String>,
}

trait Keyed {
    fn keys(&mut self, range: RangeId, keys: &[String]);
    fn prefix(&mut self, range: RangeId, prefix: &str) -> Option<bool>;
    fn split(&mut self, range: RangeId, at: &str) -> Option<RangeId>;
    fn skip(&self, range: RangeId) -> Option<String>;
    fn end(&mut self, range: RangeId);
    fn break_off(&mut self, range: RangeId);

    /// A scan elsewhere of what is left of a range. `None`: there are no parts.
    fn part(&self, _: RangeId) -> Option<(Self, RangeId)>
    where
        Self: Sized,
    {
        None
    }

    fn hand_back(self) -> KeyOutcome
    where
        Self: Sized,
    {
        unreachable!("there are no parts")
    }

    fn take_part(&mut self, _: RangeId, _: &KeyOutcome) -> Vec<RangeId> {
        unreachable!("there are no parts")
    }
}

/// Begins the scan of a part, which is given by its start and its end.
type BeginPart<'p> = &'p dyn Fn(&[u8], Option<&[u8]>) -> (KeyScan, RangeId);

/// How parts are scanned elsewhere.
#[derive(Clone, Copy)]
struct Parts<'p> {
    part: BeginPart<'p>,
    travel: Travel,
}

struct Parted<'p> {
    scan: KeyScan,
    parts: Option<Parts<'p>>,
}

macro_rules! keyed {
    ($self:ident, $keyed:expr, $break_off:ident) => {
        fn keys(&mut $self, range: RangeId, keys: &[String]) {
            $keyed.keys(range, keys.iter().map(String::as_str)).unwrap();
        }
        fn prefix(&mut $self, range: RangeId, prefix: &str) -> Option<bool> {
            $keyed.prefix(range, prefix).ok()
        }
        fn split(&mut $self, range: RangeId, at: &str) -> Option<RangeId> {
            $keyed.split(range, at).ok()
        }
        fn skip(&$self, range: RangeId) -> Option<String> {
            $keyed.skip(range).map(str::to_owned)
        }
        fn end(&mut $self, range: RangeId) {
            $keyed.end(range);
        }
        fn break_off(&mut $self, range: RangeId) {
            $keyed.$break_off(range);
        }
    };
}

struct Walked(KeyWalk);

impl Keyed for Walked {
    keyed!(self, self.0, end);
}

impl Keyed for Parted<'_> {
    keyed!(self, self.scan, break_off);

    fn part(&self, range: RangeId) -> Option<(Self, RangeId)> {
        let parts = self.parts?;
        let (start, end) = self.scan.left(range)?;
        let (scan, range) = (parts.part)(&start, end.as_deref());
        Some((Parted { scan, parts: Some(parts) }, range))
    }

    fn hand_back(self) -> KeyOutcome {
        let outcome = self.scan.hand_back();
        self.parts.map_or(outcome.clone(), |parts| (parts.travel)(outcome))
    }

    fn take_part(&mut self, range: RangeId, outcome: &KeyOutcome) -> Vec<RangeId> {
        self.scan.take_part(range, outcome).unwrap()
    }
}

impl<'a> Feed<'a> {
    fn new(keys: &'a [String], all: RangeId) -> Feed<'a> {
        let position = String::new();
        let range = Range { id: all, from: 0, end: keys.len(), position, bound: None };
        let (told, broken) = (BTreeSet::new(), Vec::new());
        let (ranges, away) = (vec![range], Vec::new());
        Feed { keys, ranges, told, breaks: 0, broken, tricks: 30, parts: 0, away }
    }

    /// Gives some more keys. False when all were given.
    fn step(&mut self, choices: &mut impl Choices, to: &mut impl Keyed) -> bool {
        if !self.away.is_empty() && (self.ranges.is_empty() || choices.once_in(3)) {
            self.come_back(choices, to);
            return true;
        }
        if self.ranges.is_empty() {
            return false;
        }
        if self.parts > 0 && choices.once_in(3) {
            self.parts -= 1;
            self.hand_out(choices, to);
            return true;
        }
        let chosen = choices.below(self.ranges.len());
        let Range { id, from, end, .. } = self.ranges[chosen];
        if self.breaks > 0 && choices.once_in(6) {
            self.breaks -= 1;
            to.break_off(id);
            let Range { position, bound, .. } = self.ranges.swap_remove(chosen);
            self.broken.push(Broken { position, end: bound });
            return true;
        }
        if from == end {
            to.end(id);
            self.ranges.swap_remove(chosen);
            return true;
        }
        let trick = if self.tricks == 0 { 3 } else { choices.below(4) };
        self.tricks -= usize::from(trick < 2);
        match trick {
            0 => self.split(choices, to, chosen),
            1 => self.prefix(choices, to, chosen),
            _ => {
                let count = 1 + choices.below((end - from).min(5));
                self.give(to, chosen, count);
            }
        }
        true
    }

    /// Some of what is left of a range is done elsewhere.
    fn hand_out(&mut self, choices: &mut impl Choices, to: &mut impl Keyed) {
        let chosen = choices.below(self.ranges.len());
        let Some((mut part, id)) = to.part(self.ranges[chosen].id) else { return };
        let range = self.ranges.swap_remove(chosen);
        let mut feed = Feed::new(self.keys, id);
        feed.ranges = vec![Range { id, ..range.clone() }];
        (feed.breaks, feed.tricks, feed.parts) = (self.breaks, choices.below(8), self.parts / 2);
        for _ in 0..choices.below(15) {
            if !feed.step(choices, &mut part) {
                break;
            }
        }
        // Those that have not come back are lost.
        feed.ranges.extend(feed.away.drain(..).map(|(range, _, _)| range));
        self.away.push((range, part.hand_back(), feed));
    }

    /// What was done elsewhere is taken, or lost.
    fn come_back(&mut self, choices: &mut impl Choices, to: &mut impl Keyed) {
        let (range, outcome, feed) = self.away.swap_remove(choices.below(self.away.len()));
        if self.parts > 0 && choices.once_in(6) {
            self.parts -= 1;
            return self.ranges.push(range);
        }
        let left = to.take_part(range.id, &outcome);
        assert_eq!(to.take_part(range.id, &outcome), [], "it counts once");
        let Feed { mut ranges, told, broken, .. } = feed;
        for (id, (start, end)) in left.into_iter().zip(outcome.left()) {
            let is_it = |range: &Range| {
                let position = start.strip_prefix(range.position.as_bytes());
                position.is_some_and(|rest| [&b""[..], b"\0"].contains(&rest))
                    && range.bound.as_ref().map(String::as_bytes) == end
            };
            let index = ranges.iter().position(is_it).expect("it was a range there");
            self.ranges.push(Range { id, ..ranges.swap_remove(index) });
        }
        assert!(ranges.iter().all(|range| range.from == range.end), "keys are left out");
        self.breaks = self.breaks.saturating_sub(broken.len());
        self.told.extend(told);
        self.broken.extend(broken);
    }

    /// The range is split at a key, at a directory, or anywhere.
    fn split(&mut self, choices: &mut impl Choices, to: &mut impl Keyed, chosen: usize) {
        let Range { from, end, .. } = self.ranges[chosen];
        let key = &self.keys[from + choices.below(end - from)];
        let at = match choices.below(3) {
            0 => key.clone(),
            1 => match key.match_indices('/').map(|(i, _)| i).nth(choices.below(3)) {
                Some(slash) => key[..=slash].to_owned(),
                None => format!("{key}/"),
            },
            _ => {
                format!("{key}{}", choices.pick(&["0", "/a/b", "/", "\u{10FFFF}", ".", "//x"]))
            }
        };
        self.split_at(to, chosen, &at);
    }

    /// Whether the range could be split there.
    fn split_at(&mut self, to: &mut impl Keyed, chosen: usize, at: &str) -> bool {
        let range = &mut self.ranges[chosen];
        let Some(id) = to.split(range.id, at) else { return false };
        let keys = &self.keys[range.from..range.end];
        let middle = range.from + keys.partition_point(|key| &**key < at);
        let bound = range.bound.replace(at.to_owned());
        let rest = Range { id, from: middle, end: range.end, position: at.to_owned(), bound };
        range.end = middle;
        self.ranges.push(rest);
        true
    }

    /// As in a listing with a delimiter: the directory comes first, then its keys.
    fn prefix(&mut self, choices: &mut impl Choices, to: &mut impl Keyed, chosen: usize) {
        let Range { id, from, end, .. } = self.ranges[chosen];
        let key = &self.keys[from];
        let slash = key.match_indices('/').map(|(i, _)| i).nth(choices.below(2));
        let Some(prefix) = slash.map(|slash| &key[..=slash]) else { return };
        // The range may begin, or be, further inside.
        let Some(wanted) = to.prefix(id, prefix) else { return };
        self.told.insert(prefix.to_owned());
        self.ranges[chosen].position = prefix.to_owned();
        let after = from + self.keys[from..end].partition_point(|key| key.starts_with(prefix));
        if !wanted {
            assert!(to.skip(id).is_none_or(|skip| prefix.starts_with(&skip)));
            self.ranges[chosen].from = after;
        } else if choices.once_in(2) {
            assert!(self.split_at(to, chosen, prefix), "the prefix was just given");
            to.end(id);
            // What is inside takes its place. The rest may be given side by side with it.
            self.ranges.swap_remove(chosen);
            self.split_at(to, chosen, &format!("{}0", &prefix[..prefix.len() - 1]));
        }
    }

    fn give(&mut self, to: &mut impl Keyed, chosen: usize, count: usize) {
        let range = &mut self.ranges[chosen];
        let keys = &self.keys[range.from..range.from + count];
        to.keys(range.id, keys);
        self.told.extend(keys.iter().cloned());
        range.position.clone_from(keys.last().expect("one at least"));
        range.from += count;
        if let Some(skip) = to.skip(range.id) {
            let left = &self.keys[range.from..range.end];
            range.from += left.partition_point(|key| key.starts_with(&skip));
        }
    }
}
