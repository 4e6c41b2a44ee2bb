//! Traversals of a made-up tree whose devices and inodes are not what they should be.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::super::handles::FdBackoff;
use super::super::lister::{EntryKind, Identity, Lister, Opened, Told};
use super::super::os_errors::{gone, not_the_same, out_of_handles, too_many_links};
use super::super::part::{Beginning, LeftOver, Part, Step};
use super::super::subdirs::Subdirs;
use super::super::{Dir, Location, Naming, Options, ResultSender, Results, Visitor};
use crate::walk::{Listing, WalkVisitor};
use crate::{Error, Operation};

/// The lister of a tree in which each directory lists `a` and `b`, down to [`LEVELS`]. The
/// first component of a path tells how its identities are made.
struct Odd;

const LEVELS: usize = 7;

/// The directories of the tree.
const ALL: usize = (1 << (LEVELS + 1)) - 1;

/// The number of the next identity that is like no other.
static NEXT: AtomicU64 = AtomicU64::new(1_000_000);

/// How often the identity of a path was asked for.
static ASKED: Mutex<Option<HashMap<PathBuf, u64>>> = Mutex::new(None);

/// How many directories of the source `nameless` were opened.
static OPENED: AtomicUsize = AtomicUsize::new(0);

/// The directories of the source `crowded` that it was tried to open: the first time it fails.
static CROWDED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn identity_of(path: &Path, is_open: bool) -> Identity {
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    let asked = asked.get_or_insert_default().entry(path.into()).or_default();
    *asked += 1;
    // A number of its own for each path, with a last digit to play with.
    let number = path.as_os_str().as_encoded_bytes();
    let number = number.iter().fold(7, |sum: u64, &b| (sum * 31 + u64::from(b)) % 99_991) * 10;
    let inode = match path.components().next().and_then(|first| first.as_os_str().to_str()) {
        Some("fresh" | "endless") => NEXT.fetch_add(1, Ordering::Relaxed),
        // Another directory takes its place once, or all the time.
        Some("replaced" | "replaced too") if path.ends_with("b/b") => {
            number + u64::from(*asked > 1)
        }
        Some("swapped") if path.ends_with("b/b") => number + *asked % 2,
        _ => number,
    };
    let device = 1 + u64::from(is_open && path.starts_with("mounted") && path.ends_with("b"));
    Identity { device, inode }
}

impl Lister for Odd {
    type Handle = PathBuf;
    type Entries = ();

    fn handle_budget() -> usize {
        0
    }

    fn open_source(path: &Path) -> io::Result<Opened<Self>> {
        Ok((path.into(), ()))
    }

    fn is_at(handle: &PathBuf, path: &Path) -> io::Result<bool> {
        Ok(handle == path)
    }

    fn open(parent: &PathBuf, name: &OsStr, _: bool) -> io::Result<Opened<Self>> {
        if parent.starts_with("ended") && name == "b" {
            return Err(gone());
        }
        if parent.starts_with("nameless") {
            OPENED.fetch_add(1, Ordering::Relaxed);
        }
        if parent.starts_with("crowded") || parent.starts_with("full") {
            let is_first = CROWDED.lock().unwrap().insert(parent.join(name));
            if is_first || parent.starts_with("full") {
                return Err(out_of_handles());
            }
        }
        Ok((parent.join(name), ()))
    }

    fn list(
        handle: &PathBuf,
        (): (),
        mut tell: impl FnMut(Told<'_>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        if handle.starts_with("ending") && handle.ends_with("b") {
            return Err(gone());
        }
        let names: &[&str] = match handle.iter().next().and_then(OsStr::to_str) {
            Some("endless") => &["up"],
            _ if handle.iter().count() > LEVELS => &[],
            Some("replaced too") => &["a", "b", "c"],
            Some("twice") => &["a", "b", "a", "b"],
            Some("many") => &["a", "b", "c", "d", "e", "f", "a", "g", "b", "e", "a"],
            _ => &["a", "b"],
        };
        let is_link = names == ["up"];
        let kind = if is_link { EntryKind::Link } else { EntryKind::Directory };
        for name in names {
            if tell(Told::Entry(OsStr::new(name), kind)).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn kind(_: &PathBuf, _: &OsStr, _: bool) -> io::Result<EntryKind> {
        Ok(EntryKind::Directory)
    }

    fn identity(parent: &PathBuf, name: &OsStr, _: bool) -> io::Result<Identity> {
        Ok(identity_of(&parent.join(name), false))
    }

    fn handle_identity(handle: &PathBuf) -> io::Result<Identity> {
        if handle.starts_with("nameless") {
            return Err(io::Error::other("unknown"));
        }
        Ok(identity_of(handle, true))
    }
}

fn walk(source: &str, options: Options) -> (Vec<Listing>, Vec<Error>) {
    let max_depth = options.max_depth.unwrap_or(usize::MAX);
    let visitor = WalkVisitor { max_depth };
    let source = Path::new(source);
    let results =
        Results::start_with::<_, Odd>(visitor, options, source, Naming::AsGiven, None).unwrap();
    let (listings, errors): (Vec<_>, Vec<_>) = results.partition(Result::is_ok);
    (
        listings.into_iter().map(Result::unwrap).collect(),
        errors.into_iter().map(Result::unwrap_err).collect(),
    )
}

/// Tells what becomes of the directories that are not listed.
#[derive(Clone)]
struct Unlisted;

impl Unlisted {
    fn of(source: &str) -> (Vec<&'static str>, Vec<Error>) {
        let source = Path::new(source);
        let options = with_threads(1);
        let results =
            Results::start_with::<_, Odd>(Unlisted, options, source, Naming::AsGiven, None)
                .unwrap();
        let (told, errors): (Vec<_>, Vec<_>) = results.partition(Result::is_ok);
        (
            told.into_iter().map(Result::unwrap).collect(),
            errors.into_iter().map(Result::unwrap_err).collect(),
        )
    }
}

impl Visitor for Unlisted {
    type Item = &'static str;
    type NameVerdict = ();
    type Accumulator = ();
    type State = ();

    fn judge(&mut self, _: Option<&Dir<()>>, _: &OsStr, _: bool) {}

    fn visits_depth(&self, _: usize) -> bool {
        true
    }

    fn begin(&mut self, (): &()) {}

    fn add_file(&self, (): &mut (), _: &OsStr) {}

    fn listed(
        &mut self,
        _: Location<'_, ()>,
        (): (),
        (): (),
        _: bool,
        _: &mut ResultSender<Self::Item>,
    ) {
    }

    fn absent(&self, _: &Arc<Dir<()>>, (): (), results: &mut ResultSender<Self::Item>) {
        results.send("absent", 1);
    }

    fn not_entered(&self, _: &Arc<Dir<()>>, (): (), results: &mut ResultSender<Self::Item>) {
        results.send("not entered", 1);
    }

    fn not_read(&self, _: &Arc<Dir<()>>, (): (), results: &mut ResultSender<Self::Item>) {
        results.send("not read", 1);
    }
}

fn with_threads(threads: usize) -> Options {
    Options { threads: NonZeroUsize::new(threads), ..Default::default() }
}

#[test]
fn where_identities_do_not_last_names_do() {
    for threads in [1, 2, 5] {
        for follow_links in [false, true] {
            let options = Options { follow_links, ..with_threads(threads) };
            for source in ["fresh", "lasting"] {
                let (listings, errors) = walk(source, options.clone());
                assert!(errors.is_empty(), "{source}: {errors:?}");
                assert_eq!(listings.len(), ALL, "{source}");
            }
        }
    }
}

#[test]
fn where_identities_do_not_last_links_end_at_the_41st() {
    for threads in [1, 3] {
        let options = Options { follow_links: true, ..with_threads(threads) };
        let (listings, errors) = walk("endless", options);
        assert_eq!(listings.len(), 1 + 40);
        let [error] = &errors[..] else { panic!("{errors:?}") };
        assert_eq!(error.path().unwrap().iter().count(), 1 + 41);
        assert_eq!(error.operation(), Some(Operation::FollowLink));
        let number = error.io_error().unwrap().raw_os_error();
        assert_eq!(number, too_many_links().raw_os_error());
    }
}

#[test]
fn a_directory_whose_identity_cannot_be_had_stays_open() {
    let (listings, errors) = walk("nameless", with_threads(1));
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(listings.len(), ALL);
    assert_eq!(OPENED.load(Ordering::Relaxed), ALL - 1);
}

#[test]
fn a_directory_in_anothers_place_is_an_error() {
    for source in ["replaced", "swapped"] {
        let (listings, errors) = walk(source, with_threads(1));
        assert!(listings.len() < ALL);
        assert!(!errors.is_empty(), "{source}: {} listings and no error", listings.len());
        for error in &errors {
            assert_eq!(error.operation(), Some(Operation::OpenDirectory));
            let number = error.io_error().unwrap().raw_os_error();
            assert_eq!(number, not_the_same().raw_os_error());
        }
        let paths: HashSet<_> = errors.iter().map(Error::path).collect();
        assert_eq!(paths.len(), errors.len(), "told once for each");
    }
}

#[test]
fn a_mount_point_that_only_the_open_directory_shows() {
    let options = Options { one_file_system: true, ..with_threads(2) };
    let (listings, errors) = walk("mounted", options);
    assert!(errors.is_empty(), "{errors:?}");
    // Each `b` turned out to be one: `a`, `a/a`, `a/a/a` and so on are left.
    assert_eq!(listings.len(), 1 + LEVELS);
    assert!(listings.iter().all(|listing| listing.path.iter().all(|name| name != "b")));
}

#[test]
fn what_belongs_to_a_process_that_has_ended_is_absent() {
    let (listings, errors) = walk("ended", with_threads(2));
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(listings.len(), 1 + LEVELS);
}

#[test]
fn what_cannot_be_listed_is_absent_or_not_read() {
    for source in ["ended", "ending"] {
        // The `b` in the source, in `a`, in `a/a` and so on.
        let (told, errors) = Unlisted::of(source);
        assert!(errors.is_empty(), "{source}: {errors:?}");
        assert_eq!(told, ["absent"; LEVELS], "{source}");
    }
    let (told, errors) = Unlisted::of("replaced too");
    // Of several in one that was lost, the first tells the error.
    assert!(!errors.is_empty() && told.len() > errors.len());
    assert!(told.iter().all(|&told| told == "not read"), "{told:?}");
}

#[test]
fn an_entry_that_is_listed_twice_is_visited_once() {
    for threads in [1, 4] {
        let (listings, errors) = walk("twice", with_threads(threads));
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(listings.len(), ALL);
        let options = Options { max_depth: Some(2), ..with_threads(threads) };
        let (listings, _) = walk("many", options);
        assert_eq!(listings.len(), 1 + 7 + 49);
    }
}

/// What the directories from that in which a part begins up to the source are known to be.
fn known_on_the_way(source: &str) -> io::Result<Vec<Option<Identity>>> {
    let step = |name: &str| Step { name: OsStr::new(name).into(), by_link: false, state: () };
    let part = Part {
        beginning: Some(Beginning {
            source_seen: None,
            source: (),
            way: vec![step("a"), step("b")],
            seen: None,
            subdirs: Subdirs::default(),
        }),
        time: None,
        directories: None,
        left: LeftOver::new(),
    };
    let (source, backoff) = (PathBuf::from(source), &mut FdBackoff::new(true, None));
    let identity = identity_of(&source, true);
    let frame = part.begin::<Unlisted, Odd>(&source, (&source, Some(&identity)), backoff)?;
    let dir = frame.unwrap().dir;
    Ok(dir.ancestors().map(|dir| dir.identity.clone()).collect())
}

#[test]
fn a_part_does_not_begin_without_what_loops_are_told_by() {
    // A file that can be opened a little later is waited for.
    let known = known_on_the_way("crowded").unwrap();
    assert_eq!(known.len(), 3);
    assert!(known.iter().all(Option::is_some), "{known:?}");
    let error = known_on_the_way("full").unwrap_err();
    assert_eq!(error.raw_os_error(), out_of_handles().raw_os_error());
    // One that is not there has no identity, and those below it have none.
    let known = known_on_the_way("ended").unwrap();
    assert_eq!(known.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, true]);
}
