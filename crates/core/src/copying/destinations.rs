//! Where matches are to be copied, and what stands in the way of that. It is known before
//! anything is written.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use super::running::Outcome;
use super::spelling::{Alike, is_one_path, unified};
use crate::Error;

/// What becomes of one match, as far as the paths decide.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is copied.
    Copy,
    /// Another match, of this index, is copied to the same destination.
    SameDestination(usize),
    /// It cannot be copied without harm.
    Refused(PathBuf, &'static str),
}

impl Verdict {
    /// What becomes of a match that is not copied.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        match self {
            Verdict::Copy => None,
            Verdict::SameDestination(first) => Some(Outcome::SameDestination { first: *first }),
            Verdict::Refused(path, message) => {
                Some(Outcome::failed(Error::refused(path, *message)))
            }
        }
    }
}

/// What is known of all matches before the first is copied.
#[derive(Debug)]
pub(super) struct Destinations {
    /// For each match, its destination: absolute, without links above it.
    pub(super) paths: Vec<PathBuf>,
    pub(super) verdicts: Vec<Verdict>,
    /// The matches that are copied. Those of one group are copied one after the other: a
    /// destination before one that lies in it, and a source before what is written into it.
    pub(super) groups: Vec<Vec<usize>>,
    /// Of the matches that are copied, those whose destinations are spelled alike, each with those
    /// that are copied before it.
    alike: Alike,
}

impl Destinations {
    /// Looks at all pairs of a source and a destination.
    pub(super) fn of<T>(matches: &[(PathBuf, PathBuf, T)], overwrite: bool) -> Destinations {
        let mut resolved = Resolved::default();
        let mut sources: Vec<PathBuf> =
            matches.iter().map(|(source, ..)| resolved.source(source)).collect();
        let mut lost = Vec::new();
        let mut paths: Vec<PathBuf> = Vec::with_capacity(matches.len());
        for (index, (_, destination, _)) in matches.iter().enumerate() {
            let place = resolved.place(destination);
            paths.push(place.path);
            if place.is_behind_broken_link {
                lost.push(index);
            }
        }
        // Of the destinations, what they are compared by. It is what they are, unless some are
        // spelled in several ways.
        let all: Vec<&Path> = sources.iter().chain(&paths).map(PathBuf::as_path).collect();
        let unified = unified(&all).map(|mut all| {
            let places = all.split_off(matches.len());
            sources = all;
            places
        });
        let places = unified.as_deref().unwrap_or(&paths);

        // What is there is not changed then, so it harms nothing.
        let is_kept = |index: usize| !overwrite && paths[index].symlink_metadata().is_ok();
        // Of an empty source, opening it tells.
        let is_in_itself = |&index: &usize| {
            !sources[index].as_os_str().is_empty() && places[index].starts_with(&sources[index])
        };
        let mut verdicts: Vec<Verdict> = matches.iter().map(|_| Verdict::Copy).collect();
        let mut refuse = |index: usize, message| {
            if !is_kept(index) {
                verdicts[index] = Verdict::Refused(paths[index].clone(), message);
            }
        };
        // These are not copied in any case, so they stand in nobody's way.
        let (in_themselves, rest): (Vec<usize>, Vec<usize>) =
            (0..matches.len()).partition(is_in_itself);
        for index in in_themselves {
            refuse(
                index,
                "a directory cannot be copied into itself: give a destination outside of the source",
            );
        }
        // Nothing is to be had from what is its own destination, so that may be written over.
        let mut sorted_sources: Vec<&Path> = (0..matches.len())
            .filter(|&index| sources[index] != places[index])
            .map(|index| sources[index].as_path())
            .collect();
        sorted_sources.sort_unstable();
        for &index in &rest {
            if paths[index].as_os_str().is_empty() {
                refuse(index, "the path of the destination is empty");
                continue;
            }
            // Paths in this order have those below one right behind it.
            let next = sorted_sources.partition_point(|source| *source < places[index].as_path());
            if sorted_sources.get(next).is_some_and(|source| source.starts_with(&places[index])) {
                refuse(
                    index,
                    "a directory that is to be copied lies in this destination: give another \
                     destination",
                );
            }
        }

        for index in lost {
            verdicts[index] = Verdict::Refused(
                matches[index].1.clone(),
                "a link above the destination leads to nothing: mount or make what it leads to",
            );
        }

        let mut first: HashMap<&Path, usize> = HashMap::new();
        let mut order: Vec<usize> =
            rest.into_iter().filter(|&i| matches!(verdicts[i], Verdict::Copy)).collect();
        // By the source as it was given: it is what whoever gave it knows.
        order.sort_by(|&a, &b| matches[a].0.cmp(&matches[b].0).then(a.cmp(&b)));
        for index in order {
            let &mut holder = first.entry(&places[index]).or_insert(index);
            if holder != index {
                verdicts[index] = Verdict::SameDestination(holder);
            }
        }

        let is_copied = |&index: &usize| matches!(verdicts[index], Verdict::Copy);
        let copied = (0..matches.len()).filter(is_copied).map(|i| (i, &*paths[i]));
        let mut alike = match &unified {
            Some(_) => Alike::among(copied, overwrite),
            None => Alike::default(),
        };
        let before = comes_before(&sources, places, &verdicts, &alike, overwrite);
        let (groups, circular) = in_order(&verdicts, &before, &alike);
        for index in circular {
            let message = "directories are to be copied into each other: copy one after the other";
            verdicts[index] = Verdict::Refused(paths[index].clone(), message);
        }
        for group in &groups {
            for (position, index) in group.iter().enumerate() {
                if let Some(others) = alike.same.get_mut(index) {
                    others.retain(|other| group[..position].contains(other));
                }
            }
        }
        Destinations { paths, verdicts, groups, alike }
    }

    /// Another match that was copied to this one's destination, by a path that is spelled
    /// differently: that is known once it is there.
    pub(super) fn twin(&self, index: usize) -> Option<usize> {
        let mut others = self.alike.same.get(&index)?.iter().copied();
        others.find(|&other| is_one_path(&self.paths[index], &self.paths[other]))
    }

    /// The matches that are skipped, each with the one that is copied to the same destination.
    pub(super) fn conflicts(&self) -> Vec<(usize, usize)> {
        let conflict = |(index, verdict): (usize, &Verdict)| match verdict {
            Verdict::SameDestination(first) => Some((index, *first)),
            _ => None,
        };
        self.verdicts.iter().enumerate().filter_map(conflict).collect()
    }
}

/// For each match, those that are copied before it: what lies in the destination of another
/// comes after that, and what is written into the source of another after that was read.
fn comes_before(
    sources: &[PathBuf],
    paths: &[PathBuf],
    verdicts: &[Verdict],
    alike: &Alike,
    overwrite: bool,
) -> Vec<Vec<usize>> {
    let is_copied = |&index: &usize| matches!(verdicts[index], Verdict::Copy);
    let copied = || (0..paths.len()).filter(is_copied);
    let mut places: HashMap<&Path, Vec<usize>> = HashMap::new();
    for index in copied() {
        places.entry(&paths[index]).or_default().push(index);
        places.entry(&sources[index]).or_default().push(index);
    }
    let mut before = vec![Vec::new(); paths.len()];
    for index in copied() {
        let above = paths[index].ancestors().skip(1).filter_map(|above| places.get(above));
        let alike = alike.above.get(&index).into_iter();
        let mut earlier: Vec<usize> = above.chain(alike).flatten().copied().collect();
        earlier.sort_unstable();
        earlier.dedup();
        // What is there, and is not changed, can be looked at at any time.
        if !earlier.is_empty() && (overwrite || paths[index].symlink_metadata().is_err()) {
            before[index] = earlier;
        }
    }
    before
}

/// The groups of matches that are copied one after the other, and those for which there is no
/// order, as each of them would have to come after itself. Those that are `alike` are in one group
/// in any order.
fn in_order(
    verdicts: &[Verdict],
    before: &[Vec<usize>],
    alike: &Alike,
) -> (Vec<Vec<usize>>, Vec<usize>) {
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); verdicts.len()];
    for (index, earlier) in before.iter().enumerate() {
        earlier.iter().for_each(|&earlier| after[earlier].push(index));
    }
    let mut waits_for: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut is_known: Vec<bool> =
        verdicts.iter().map(|verdict| !matches!(verdict, Verdict::Copy)).collect();
    let (mut groups, mut circular) = (Vec::new(), Vec::new());
    for start in 0..verdicts.len() {
        if std::mem::replace(&mut is_known[start], true) {
            continue;
        }
        let mut group = vec![start];
        let mut next = 0;
        while let Some(&index) = group.get(next) {
            next += 1;
            let alike = alike.same.get(&index).into_iter().flatten();
            for &other in before[index].iter().chain(&after[index]).chain(alike) {
                if !std::mem::replace(&mut is_known[other], true) {
                    group.push(other);
                }
            }
        }
        group.sort_unstable();
        let mut ordered: Vec<usize> =
            group.iter().copied().filter(|&index| waits_for[index] == 0).collect();
        let mut next = 0;
        while let Some(&index) = ordered.get(next) {
            next += 1;
            for &later in &after[index] {
                waits_for[later] -= 1;
                if waits_for[later] == 0 {
                    ordered.push(later);
                }
            }
        }
        circular.extend(group.into_iter().filter(|&index| waits_for[index] > 0));
        if !ordered.is_empty() {
            groups.push(ordered);
        }
    }
    (groups, circular)
}

/// A destination as an absolute path, without links above its last component and without `..`.
pub(super) fn resolve_destination(path: &Path) -> PathBuf {
    Resolved::default().destination(path)
}

/// Directories whose links are resolved, so that none is asked for twice.
#[derive(Default)]
struct Resolved {
    known: HashMap<PathBuf, Directory>,
}

/// A directory without links, which need not exist.
#[derive(Clone)]
struct Directory {
    path: PathBuf,
    /// Whether it, or what lies above it, is a link that leads to nothing, so that nobody knows
    /// where it is: what is not mounted, say, or was moved.
    is_behind_broken_link: bool,
}

impl Resolved {
    /// A source without links; as it was given, if it cannot be had.
    fn source(&mut self, path: &Path) -> PathBuf {
        match path.symlink_metadata() {
            // Most are no links themselves, and lie side by side.
            Ok(metadata) if !metadata.file_type().is_symlink() => self.destination(path),
            _ => path.canonicalize().unwrap_or_else(|_| self.destination(path)),
        }
    }

    /// A path without links above its last component. That may itself be a link, which is not
    /// followed.
    fn destination(&mut self, path: &Path) -> PathBuf {
        self.place(path).path
    }

    /// The same, and whether it lies behind a broken link.
    fn place(&mut self, path: &Path) -> Directory {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
        // Without trailing slashes and `.`.
        let absolute: PathBuf = absolute.components().collect();
        match (absolute.parent(), absolute.file_name()) {
            (Some(parent), Some(name)) => {
                let mut place = self.directory(parent);
                place.path.push(name);
                place
            }
            _ => self.directory(&absolute),
        }
    }

    /// A directory without links. What does not exist has none.
    fn directory(&mut self, path: &Path) -> Directory {
        if let Some(known) = self.known.get(path) {
            return known.clone();
        }
        let resolved = resolve(path);
        self.known.insert(path.into(), resolved.clone());
        resolved
    }
}

/// The path without links, as far as it exists; what is behind that is appended.
fn resolve(path: &Path) -> Directory {
    let mut missing: Vec<OsString> = Vec::new();
    let mut existing = path.to_path_buf();
    let mut is_behind_broken_link = false;
    let mut resolved = loop {
        if let Ok(resolved) = existing.canonicalize() {
            break resolved;
        }
        is_behind_broken_link |= existing.is_symlink();
        let last = existing.components().next_back();
        match last {
            Some(Component::Normal(name)) => missing.push(name.into()),
            Some(Component::ParentDir) => missing.push("..".into()),
            _ => break existing,
        }
        existing.pop();
    };
    while let Some(name) = missing.pop() {
        // But for broken links, nothing that does not exist is a link, so `..` leads back.
        if name == ".." {
            resolved.pop();
        } else {
            resolved.push(name);
        }
    }
    Directory { path: resolved, is_behind_broken_link }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(
        pairs: &[(&str, &str)],
        overwrite: bool,
        base: &Path,
    ) -> (Vec<String>, Vec<Vec<usize>>) {
        let matches: Vec<_> = pairs.iter().map(|(s, d)| (base.join(s), base.join(d), ())).collect();
        let destinations = Destinations::of(&matches, overwrite);
        let word = |verdict: &Verdict| match verdict {
            Verdict::Copy => "copy".into(),
            Verdict::SameDestination(first) => format!("as {first}"),
            Verdict::Refused(..) => "refused".into(),
        };
        (destinations.verdicts.iter().map(word).collect(), destinations.groups)
    }

    #[test]
    fn what_stands_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        for made in ["s/a/inner", "s/b", "s/ab", "d/there"] {
            std::fs::create_dir_all(base.join(made)).unwrap();
        }
        std::os::unix::fs::symlink(base.join("s"), base.join("link")).unwrap();
        std::os::unix::fs::symlink(base.join("d"), base.join("to_d")).unwrap();
        // To nothing, and in a circle.
        std::os::unix::fs::symlink("./d/none", base.join("broken")).unwrap();
        std::os::unix::fs::symlink(base.join("broken/deep"), base.join("to_broken")).unwrap();
        std::os::unix::fs::symlink("circle", base.join("circle")).unwrap();
        for (pairs, expected) in [
            (&[("s/a", "d/a"), ("s/b", "d/b")][..], &["copy", "copy"][..]),
            // The first by its source.
            (&[("s/b", "d/x"), ("s/a", "d/x")], &["as 1", "copy"]),
            (&[("s/b", "to_d/x"), ("s/a", "d/./x")], &["as 1", "copy"]),
            (&[("s/b", "new/../d/x"), ("s/a", "d/x/")], &["as 1", "copy"]),
            (&[("s/b", "broken/../x"), ("s/a", "x")], &["refused", "copy"]),
            (&[("s/b", "broken/../d/there"), ("s/a", "d/x")], &["refused", "copy"]),
            (&[("s/b", "broken/x"), ("s/a", "d/none/x")], &["refused", "copy"]),
            (&[("s/b", "to_broken/../../x"), ("s/a", "d/x")], &["refused", "copy"]),
            (&[("s/b", "circle/x"), ("s/a", "d/x")], &["refused", "copy"]),
            (&[("s/a", "d/x"), ("s/a", "d/x")], &["copy", "as 0"]),
            (&[("s/a", "s/a/new")], &["refused"]),
            (&[("link/a", "s/a/inner/new")], &["refused"]),
            (&[("s/a", "link/a/new")], &["refused"]),
            // A name that begins like it is another.
            (&[("s/a", "s/abc")], &["copy"]),
            (&[("s/ab", "s/a.new")], &["copy"]),
        ] {
            assert_eq!(verdicts(pairs, false, &base).0, expected, "{pairs:?}");
            assert_eq!(verdicts(pairs, true, &base).0, expected, "{pairs:?}");
        }
        let matches: Vec<_> = [("", "d"), ("s", ""), ("", "")]
            .map(|(s, d)| (PathBuf::from(s), PathBuf::from(d), ()))
            .into();
        let message = |verdict: &Verdict| match verdict {
            Verdict::Refused(_, message) => Some(*message),
            _ => None,
        };
        let messages = Destinations::of(&matches, false).verdicts;
        let empty = Some("the path of the destination is empty");
        assert_eq!(messages.iter().map(message).collect::<Vec<_>>(), [None, empty, empty]);
        // What is there is in nobody's way unless it may be changed.
        for (pairs, expected) in [
            (&[("s/a", "s/a")][..], &["refused"][..]),
            (&[("s/a", "link/a")], &["refused"]),
            (&[("s/a/inner", "s/a")], &["refused"]),
            (&[("s/a", "s/a/inner")], &["refused"]),
            (&[("s/a", "d/a"), ("s/b", "s/a")], &["copy", "refused"]),
            (&[("s/a/inner", "d/a"), ("s/b", "s/a")], &["copy", "refused"]),
            (&[("s/a/inner", "s/a"), ("s/b", "s/a")], &["refused", "refused"]),
            // What is refused anyway stands in nobody's way.
            (&[("s/a", "s/a"), ("s/b", "s/a")], &["refused", "copy"]),
            (&[("s/a", "s/a/inner"), ("s/b", "s/a/inner")], &["refused", "copy"]),
            (&[("s/a", "s/a/inner"), ("s/b", "s/a")], &["refused", "refused"]),
            (&[("s/a", "s/a"), ("s/ab", "s/a"), ("s/b", "s/a")], &["refused", "copy", "as 1"]),
        ] {
            assert_eq!(verdicts(pairs, true, &base).0, expected, "{pairs:?}");
            let kept = verdicts(pairs, false, &base).0;
            assert!(!kept.iter().any(|v| v == "refused"), "{pairs:?}");
        }
    }

    #[test]
    fn destinations_that_may_be_one_are_one_group() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(base.join("d")).unwrap();
        if base.join("D").exists() {
            let told = verdicts(&[("s/b", "d/Run"), ("s/a", "d/rUN")], false, &base).0;
            assert_eq!(told, ["as 1", "copy"]);
            return;
        }
        let pairs = [("s/a", "d/Run"), ("s/b", "d/x"), ("s/c", "d/rUN"), ("s/d", "D/x")];
        let (told, groups) = verdicts(&pairs, false, &base);
        assert_eq!(told, ["copy"; 4]);
        assert_eq!(groups, [vec![0, 2], vec![1], vec![3]]);
        // What may lie in another comes after it, and of two that may be one either can be first.
        let nested =
            [("s/a", "d/rUN/x"), ("s/b", "d/Run"), ("s/c", "d/run/x/y"), ("s/d", "d/ruN/X")];
        assert_eq!(verdicts(&nested, false, &base).1, [[1, 0, 3, 2]]);
        // As soon as one is there it is known.
        std::fs::create_dir(base.join("d/Run")).unwrap();
        assert_eq!(verdicts(&pairs, true, &base).1, [[0], [1], [2], [3]]);
    }

    #[test]
    fn what_is_written_into_the_source_of_another_comes_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        for made in ["a", "b/there", "c", "x"] {
            std::fs::create_dir_all(base.join(made)).unwrap();
        }
        let copied = |count| vec!["copy".to_owned(); count];
        for (pairs, expected) in [
            (&[("x", "a/new"), ("a", "d")][..], &[&[1, 0][..]][..]),
            (&[("b", "a/new"), ("x", "y"), ("a", "d")], &[&[2, 0], &[1]]),
            (&[("x", "b/new/x"), ("b", "a/new"), ("a", "d")], &[&[2, 1, 0]]),
        ] {
            assert_eq!(verdicts(pairs, false, &base).0, copied(pairs.len()), "{pairs:?}");
            assert_eq!(verdicts(pairs, true, &base).1, expected, "{pairs:?}");
        }
        let circle = [("a", "b/new"), ("x", "y"), ("b", "c/new"), ("c", "a/new"), ("x", "c/x")];
        let (told, groups) = verdicts(&circle, false, &base);
        assert_eq!(told, ["refused", "copy", "refused", "refused", "refused"]);
        assert_eq!(groups, [[1]]);
        // One that is there is only told of.
        let there = [("x", "b/there"), ("b", "x/new")];
        assert_eq!(verdicts(&there, false, &base), (copied(2), vec![vec![0, 1]]));
        assert_eq!(verdicts(&there, true, &base).0, ["refused", "refused"]);
    }

    #[test]
    fn destinations_in_each_other_are_one_group_from_the_outside_in() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        let pairs = [
            ("s/0", "d/x/y/z"),
            ("s/1", "d/x.y"),
            ("s/2", "d/x"),
            ("s/3", "d/x/y"),
            ("s/4", "d/x/a"),
            ("s/5", "d/w"),
        ];
        let (_, groups) = verdicts(&pairs, false, &base);
        assert_eq!(groups, [vec![2, 3, 4, 0], vec![1], vec![5]]);
    }
}
