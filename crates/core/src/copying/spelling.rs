//! Names that a file system may take for one though they are spelled differently, such as `A.csv`
//! and `a.csv`, or one name in two normal forms.
//!
//! [`fold`] tells which names are worth asking about; whether two are one is told by the file
//! system. Not by inode numbers: there are file systems that number a file by its spelling, and
//! some that give all files one number. But what is found under a name and is not listed under it
//! is listed under another.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::read_dir;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;
use unicode_normalization::UnicodeNormalization;

use super::entries::{look_at, names, patiently};
use crate::traversal::Stop;

/// The same for names that differ in case or normal form alone.
pub(super) fn fold(name: &OsStr) -> Vec<u8> {
    match name.to_str() {
        Some(text) if !text.is_ascii() => {
            // To upper case first, as of two letters, such as σ and ς, that may be one.
            let upper = text.nfd().flat_map(char::to_uppercase);
            upper.flat_map(char::to_lowercase).nfd().collect::<String>().into_bytes()
        }
        _ => name.as_bytes().to_ascii_lowercase(),
    }
}

/// The same for paths that some file system takes for one, as the names are when folded; some drop
/// dots and blanks at the end of names, too.
fn fold_path(path: &Path) -> Vec<u8> {
    let bytes = path.as_os_str().as_bytes();
    let is_dropped = |byte: &u8| matches!(byte, b'.' | b' ');
    let names = bytes.split(|&byte| byte == b'/');
    if bytes.is_ascii() && !names.clone().any(|name| name.last().is_some_and(is_dropped)) {
        return bytes.to_ascii_lowercase();
    }
    let mut folded = Vec::with_capacity(bytes.len());
    for name in names {
        let name = fold(OsStr::from_bytes(name));
        let kept = name.iter().rposition(|byte| !is_dropped(byte)).map_or(0, |last| last + 1);
        folded.extend_from_slice(&name[..kept]);
        folded.push(b'/');
    }
    folded.pop();
    folded
}

/// The names of one directory, as far as there are others among them that may be the same.
#[derive(Debug, Default)]
pub(super) struct Twins {
    /// For each such name, all that are the same as it when folded, itself included.
    groups: HashMap<OsString, Arc<[OsString]>>,
}

impl Twins {
    /// Those among these names, each of which may come more than once.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a OsStr> + Clone) -> Twins {
        // Hardly any directory has some, so at first no names are kept.
        let hasher = RandomState::new();
        let hash = |name: &OsStr| hasher.hash_one(fold(name));
        let (mut seen, mut again) = (HashSet::new(), HashSet::new());
        for name in names.clone() {
            let hash = hash(name);
            if !seen.insert(hash) {
                again.insert(hash);
            }
        }
        if again.is_empty() {
            return Twins::default();
        }
        let mut by_fold: HashMap<Vec<u8>, Vec<OsString>> = HashMap::new();
        for name in names.filter(|name| again.contains(&hash(name))) {
            let group = by_fold.entry(fold(name)).or_default();
            if !group.iter().any(|other| other == name) {
                group.push(name.into());
            }
        }
        let mut groups = HashMap::new();
        for group in by_fold.into_values().filter(|group| group.len() > 1) {
            let group: Arc<[OsString]> = group.into();
            groups.extend(group.iter().map(|name| (name.clone(), Arc::clone(&group))));
        }
        Twins { groups }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The others that may be the same as this name.
    pub(super) fn others<'a>(&'a self, name: &'a OsStr) -> impl Iterator<Item = &'a OsStr> {
        let group = self.groups.get(name).into_iter().flat_map(|group| group.iter());
        group.map(OsString::as_os_str).filter(move |other| *other != name)
    }

    /// Whether there are others.
    pub(super) fn has(&self, name: &OsStr) -> bool {
        self.groups.contains_key(name)
    }
}

/// What is said of a name that another of the same directory has, for the file system.
pub(super) fn same_name(other: &OsStr) -> String {
    format!(
        "{other:?} has this name there, too, as they differ only in case or normal form: rename one \
         of them"
    )
}

/// Whether two names in an open directory are one entry of it. If that cannot be found out they
/// are taken to be.
pub(super) fn is_one(directory: &OwnedFd, one: &OsStr, other: &OsStr) -> bool {
    let is_absent = |name| matches!(look_at(directory, name), Err(Errno::NOENT));
    if is_absent(one) || is_absent(other) {
        return false;
    }
    // It opens the directory anew.
    let Ok(listed) = patiently(&Stop::new(), || names(directory)) else { return true };
    let is_listed = |name: &OsStr| listed.iter().any(|listed| listed == name);
    !(is_listed(one) && is_listed(other))
}

/// Whether what is at a path is there by this very name.
pub(super) fn is_listed(path: &Path) -> bool {
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return true };
    let mut entries = read_dir(above).into_iter().flatten().flatten();
    entries.any(|entry| entry.file_name() == name)
}

/// Whether two paths that are the same when folded lead to one thing, which is there by now.
pub(super) fn is_one_path(one: &Path, other: &Path) -> bool {
    Asked::default().is_one_path(one, other) == Some(true)
}

/// What file systems were asked for.
#[derive(Default)]
struct Asked {
    /// The names in directories; `None` for those that cannot be listed.
    listed: HashMap<PathBuf, Option<HashSet<OsString>>>,
    /// Whether names that differ in case are one in directories.
    ignores_case: HashMap<PathBuf, bool>,
}

impl Asked {
    /// As [`is_one`], of a directory that is known by its path.
    fn is_one(&mut self, directory: &Path, one: &OsStr, other: &OsStr) -> Option<bool> {
        let is_there = |name| is_there(&directory.join(name));
        match (is_there(one), is_there(other)) {
            (true, true) => {
                let listed = self.listed.entry(directory.into()).or_insert_with(|| {
                    let entries = read_dir(directory).ok()?;
                    entries.map(|entry| Some(entry.ok()?.file_name())).collect()
                });
                // One that may be entered and not listed is most likely as what lies around it.
                Some(match listed {
                    Some(listed) => !(listed.contains(one) && listed.contains(other)),
                    None => self.ignores_case(directory),
                })
            }
            (false, false) => None,
            _ => Some(false),
        }
    }

    /// The same of names that may both not be there yet: then it is as with others.
    fn would_be_one(&mut self, directory: &Path, one: &OsStr, other: &OsStr) -> bool {
        self.is_one(directory, one, other).unwrap_or_else(|| self.ignores_case(directory))
    }

    fn ignores_case(&mut self, directory: &Path) -> bool {
        if let Some(&known) = self.ignores_case.get(directory) {
            return known;
        }
        let ignores = ignores_case(directory);
        self.ignores_case.insert(directory.into(), ignores);
        ignores
    }

    /// Whether two paths that are the same when folded lead to one thing: they do not if that is
    /// so of any of their names. `None` if it is not there yet.
    fn is_one_path(&mut self, one: &Path, other: &Path) -> Option<bool> {
        let mut above = PathBuf::new();
        let mut is_one = Some(true);
        for (a, b) in one.components().zip(other.components()) {
            let (a, b) = (a.as_os_str(), b.as_os_str());
            if a != b {
                match self.is_one(&above, a, b) {
                    Some(false) => return Some(false),
                    told => is_one = is_one.and(told),
                }
            }
            above.push(a);
        }
        is_one
    }
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Whether names that differ in case are one in a directory, or where it would be made. It is told
/// by what is there, and nothing is written.
///
/// Where nothing tells, as on an empty disk, it is taken for what the system's disks usually are.
fn ignores_case(directory: &Path) -> bool {
    let mut device = None;
    for directory in directory.ancestors() {
        let Ok(metadata) = directory.metadata() else { continue };
        if *device.get_or_insert(metadata.dev()) != metadata.dev() {
            break;
        }
        if let Some(told) = told_by_entries(directory) {
            return told;
        }
    }
    cfg!(target_vendor = "apple")
}

/// The same, as one of the entries tells; `None` if none does.
fn told_by_entries(directory: &Path) -> Option<bool> {
    for entry in read_dir(directory).ok()? {
        let Ok(entry) = entry else { continue };
        let name = entry.file_name();
        let other = swap_case(&name);
        if other == name {
            continue;
        }
        if is_there(&directory.join(&other)) {
            let mut entries = read_dir(directory).ok()?;
            return Some(!entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() == other)));
        }
        // Unless it is gone.
        if is_there(&entry.path()) {
            return Some(false);
        }
    }
    None
}

/// A name with its ASCII letters in the other case, which whatever ignores case takes for the same.
fn swap_case(name: &OsStr) -> OsString {
    let swap = |byte: &u8| byte ^ if byte.is_ascii_alphabetic() { 0x20 } else { 0 };
    OsString::from_vec(name.as_bytes().iter().map(swap).collect())
}

/// These paths with one spelling for what is one directory, to be compared; `None` if none is
/// spelled in two ways. They are absolute.
pub(super) fn unified(paths: &[&Path]) -> Option<Vec<PathBuf>> {
    let hasher = RandomState::new();
    // What each path, and each above one, is when folded, and is.
    let mut seen: HashMap<u64, u64> = HashMap::new();
    let mut is_new = |path: &Path| match seen.entry(hasher.hash_one(fold_path(path))) {
        Entry::Vacant(entry) => {
            entry.insert(hasher.hash_one(path));
            Some(true)
        }
        Entry::Occupied(entry) if *entry.get() == hasher.hash_one(path) => Some(false),
        Entry::Occupied(_) => None,
    };
    let are_unlike = paths.iter().all(|path| {
        // Those above one that was seen were seen as well.
        path.ancestors()
            .map(&mut is_new)
            .take_while(|is_new| *is_new != Some(false))
            .all(|is_new| is_new.is_some())
    });
    if are_unlike {
        return None;
    }
    let mut spellings = Spellings::default();
    Some(paths.iter().map(|path| spellings.unify(path)).collect())
}

/// How the names of paths were spelled that were looked at.
#[derive(Default)]
struct Spellings {
    /// For each directory, and each name in it when folded, the spellings.
    seen: HashMap<(PathBuf, Vec<u8>), Vec<Spelling>>,
    asked: Asked,
}

struct Spelling {
    name: OsString,
    /// The first that is the same for the file system.
    first: OsString,
}

impl Spellings {
    /// The path, each of its names spelled as that directory was when it was first seen.
    fn unify(&mut self, path: &Path) -> PathBuf {
        let mut unified = PathBuf::new();
        for component in path.components() {
            let Component::Normal(name) = component else {
                unified.push(component);
                continue;
            };
            let seen = self.seen.entry((unified.clone(), fold(name))).or_default();
            let known = seen.iter().find(|spelling| spelling.name == name);
            let first = known.map(|spelling| spelling.first.clone()).unwrap_or_else(|| {
                let mut others = seen.iter().map(|spelling| &spelling.first);
                let same =
                    others.find(|other| self.asked.would_be_one(&unified, other, name)).cloned();
                let first = same.unwrap_or_else(|| name.into());
                seen.push(Spelling { name: name.into(), first: first.clone() });
                first
            });
            unified.push(first);
        }
        unified
    }
}

/// Paths that are the same when folded, and may be one. Mostly that cannot be told before they are
/// there. Each has a number.
#[derive(Debug, Default)]
pub(super) struct Alike {
    /// For each such path, the others.
    pub(super) same: HashMap<usize, Vec<usize>>,
    /// For each path the others that are so to a directory above it.
    pub(super) above: HashMap<usize, Vec<usize>>,
}

impl Alike {
    /// Those among these paths. If what is there is not changed, others that are there do not
    /// matter.
    pub(super) fn among<'a>(
        paths: impl Iterator<Item = (usize, &'a Path)> + Clone,
        is_changed: bool,
    ) -> Alike {
        let mut by_fold: HashMap<Vec<u8>, Vec<(usize, &Path)>> = HashMap::new();
        for (index, path) in paths.clone() {
            by_fold.entry(fold_path(path)).or_default().push((index, path));
        }
        let (mut alike, mut asked) = (Alike::default(), Asked::default());
        let mut others_of = |path: &Path| -> Vec<usize> {
            let group = by_fold.get(&fold_path(path)).into_iter().flatten();
            let may_be_one = |&&(_, other): &&(usize, &Path)| {
                path != other
                    && asked.is_one_path(path, other).unwrap_or(true)
                    && (is_changed || !is_there(path))
            };
            group.filter(may_be_one).map(|other| other.0).collect()
        };
        for (index, path) in paths {
            let above: Vec<usize> = path.ancestors().skip(1).flat_map(&mut others_of).collect();
            for (map, others) in [(&mut alike.same, others_of(path)), (&mut alike.above, above)] {
                if !others.is_empty() {
                    map.insert(index, others);
                }
            }
        }
        alike
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn os(name: &str) -> &OsStr {
        OsStr::new(name)
    }

    #[test]
    fn what_names_are_when_folded() {
        for (one, other, is_same) in [
            ("A.csv", "a.CSV", true),
            ("\u{c9}", "\u{e9}", true),
            ("\u{e9}", "e\u{301}", true),
            ("STRASSE", "stra\u{df}e", true),
            ("\u{3a3}", "\u{3c2}", true),
            ("\u{212a}", "k", true),
            ("a", "b", false),
            ("a", "a.", false),
            ("e", "\u{e9}", false),
        ] {
            assert_eq!(fold(os(one)) == fold(os(other)), is_same, "{one} {other}");
            let path = |name| fold_path(&Path::new("/top/\u{e9}").join(name).join("x"));
            assert_eq!(path(one) == path(other), is_same || other == "a.", "{one} {other}");
            let path = |name| fold_path(&Path::new("/top").join(name).join("x"));
            assert_eq!(path(one) == path(other), is_same || other == "a.", "{one} {other}");
        }
        for (path, folded) in [
            ("/", "/"),
            ("/A./b", "/a/b"),
            ("/a/b. .", "/a/b"),
            ("/\u{c9}. /...", "/e\u{301}/"),
            ("/.a/b.c", "/.a/b.c"),
        ] {
            assert_eq!(fold_path(Path::new(path)), folded.as_bytes(), "{path}");
        }
        // What is not UTF-8 differs in its letters alone.
        let name = |bytes| OsStr::from_bytes(bytes);
        assert_eq!(fold(name(b"A\xE9")), fold(name(b"a\xE9")));
        assert_ne!(fold(name(b"a\xC9")), fold(name(b"a\xE9")));
    }

    #[test]
    fn names_that_have_twins() {
        let names = ["a", "b", "A", "c", "b", "\u{e9}", "e\u{301}", "d"];
        let twins = Twins::of(names.into_iter().map(os));
        let found = |name| twins.others(os(name)).collect::<Vec<_>>();
        assert_eq!(found("a"), ["A"]);
        assert_eq!(found("A"), ["a"]);
        assert_eq!(found("\u{e9}"), ["e\u{301}"]);
        for name in ["b", "c", "d", "B", ""] {
            assert!(!twins.has(os(name)) && found(name).is_empty(), "{name}");
        }
        // The same name twice is none.
        assert!(Twins::of(["b", "b", "c"].into_iter().map(os)).is_empty());
    }

    /// As this system has it: nearly everywhere but on macOS they are two.
    #[test]
    fn the_file_system_tells() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        fs::create_dir(top.join("Run")).unwrap();
        let is_folding = top.join("rUN").exists();
        let opened = fs::File::open(&top).unwrap().into();
        assert!(!is_one(&opened, os("Run"), os("absent")));
        assert!(!is_one_path(&top.join("Run"), &top.join("absent")));
        assert_eq!(is_one(&opened, os("Run"), os("rUN")), is_folding);
        assert_eq!(is_one_path(&top.join("Run"), &top.join("rUN")), is_folding);
        assert_eq!(ignores_case(&top), is_folding);
        assert_eq!(ignores_case(&top.join("Run/1/2")), is_folding);
        assert!(is_listed(&top.join("Run")) && !is_listed(&top.join("rUN")));

        assert_eq!(unified(&[&top.join("Run/x"), &top.join("Run"), &top.join("y")]), None);
        let paths = ["Run/x", "rUN/X", "new", "New"].map(|name| top.join(name));
        let first = ["Run/x", "Run/x", "new", "new"].map(|name| top.join(name));
        let expected = if is_folding { first } else { paths.clone() };
        assert_eq!(unified(&paths.each_ref().map(|path| &**path)), Some(expected.into()));
        let sorted = |found: HashMap<usize, Vec<usize>>| {
            let mut found: Vec<_> = found.into_iter().collect();
            found.sort();
            found
        };
        let among = |names: &[&str]| {
            let paths: Vec<PathBuf> = names.iter().map(|name| top.join(name)).collect();
            let found = Alike::among(paths.iter().enumerate().map(|(i, path)| (i, &**path)), true);
            (sorted(found.same), sorted(found.above))
        };
        let alike_among = |names: &[&str]| among(names).0;
        assert_eq!(among(&["new/sub", "New", "NEW", "new"]).1, [(0, vec![1, 2])]);
        assert_eq!(among(&["Run/sub", "rUN", "new", "new/sub"]).1, []);
        assert_eq!(alike_among(&["a/new", "A/new", "b"]), [(0, vec![1]), (1, vec![0])]);
        assert_eq!(alike_among(&["a/new", "a/newer"]), []);
        // Those of which one is there are two at once, or one.
        assert_eq!(alike_among(&["Run", "rUN"]), []);
        fs::create_dir_all(top.join("rUN")).unwrap();
        assert_eq!(alike_among(&["Run", "rUN"]), []);
        assert_eq!(is_one(&opened, os("Run"), os("rUN")), is_folding);
        assert_eq!(is_one_path(&top.join("Run"), &top.join("rUN")), is_folding);
        assert_eq!(ignores_case(&top), is_folding);
    }
}
