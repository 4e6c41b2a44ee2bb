//! Traversals of a made-up tree, for what a real file system does not do on demand:
//! entries of no type, directories that open and cannot be read, a server that does not
//! answer.

mod identities;
mod parked;

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::lister::{EntryKind, Identity, Lister, Opened, Told};
use super::width::MAX_WIDTH;
use super::{Naming, Next, Options, Results};
use crate::walk::{Listing, WalkVisitor};
use crate::{Error, ErrorKind, ExcludeRules, Operation};

/// The lister of a tree that exists in its names only. What is called `dir...` lists
/// what the source lists, down to three levels.
struct MadeUp;

const ENTRIES: [(&str, EntryKind); 6] = [
    ("dir", EntryKind::Directory),
    ("dir_unreadable", EntryKind::Directory),
    ("dir_broken", EntryKind::Unknown),
    ("unknown", EntryKind::Unknown),
    ("gone", EntryKind::Unknown),
    ("link_unknown", EntryKind::Link),
];

/// A gate that a listing has to pass.
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    const fn closed() -> Gate {
        Gate(Mutex::new(false), Condvar::new())
    }

    fn pass(&self) {
        let mut is_open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_open {
            is_open = self.1.wait(is_open).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_open(&self) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.1.notify_all();
    }
}

/// The gates before the source `hanging`, before the bottom of the source `stalling`, and
/// before the end of the source `streaming`.
static HANGING: Gate = Gate::closed();
static STALLING: Gate = Gate::closed();
static STREAMING: Gate = Gate::closed();

/// How many directories of the source `crowded` are listed at once before any is done.
const CROWD: usize = 5;
static CROWDED: Gate = Gate::closed();
static ARRIVED: AtomicUsize = AtomicUsize::new(0);

/// The lists of those sources that do not list what the others do.
fn list_special(path: &Path, mut directory: impl FnMut(&str)) -> bool {
    let mut names = path.iter().map(|name| name.to_str().unwrap());
    let (source, below) = (names.next().unwrap(), names.collect::<Vec<_>>());
    match (source, &below[..]) {
        ("small", []) => directory("one"),
        ("cut", []) => directory("off"),
        ("crowded", []) => (0..20).for_each(|number| directory(&number.to_string())),
        ("crowded", _) => {
            if ARRIVED.fetch_add(1, Ordering::Relaxed) + 1 == CROWD {
                CROWDED.open();
            }
            CROWDED.pass();
        }
        // Each takes longer than anything that is computed.
        ("far", []) => (0..20).for_each(|number| directory(&number.to_string())),
        ("far", [_]) => {
            std::thread::sleep(Duration::from_millis(5));
            (0..20).for_each(|number| directory(&number.to_string()));
        }
        ("far", _) => std::thread::sleep(Duration::from_millis(5)),
        ("wide", below) if below.len() < 3 => {
            (0..8).for_each(|number| directory(&number.to_string()));
        }
        ("streaming", []) => ["stream", "stuck"].into_iter().for_each(directory),
        ("streaming", ["stuck"]) => directory("a"),
        ("streaming", ["stuck", "a"]) => directory("b"),
        ("streaming", ["stuck", ..]) => STREAMING.pass(),
        // Hundreds in hundreds, as long as the gate is closed.
        ("streaming", ["stream", ..]) if below.len() < 6 && !STREAMING.is_open() => {
            (0..300).for_each(|number| directory(&number.to_string()));
        }
        ("small" | "streaming" | "wide", _) => {}
        _ => return false,
    }
    true
}

impl Lister for MadeUp {
    type Handle = PathBuf;
    type Entries = ();

    fn handle_budget() -> usize {
        1
    }

    fn open_source(path: &Path) -> io::Result<Opened<Self>> {
        Ok((path.into(), ()))
    }

    fn is_at(handle: &PathBuf, path: &Path) -> io::Result<bool> {
        Ok(handle == path)
    }

    fn open(parent: &PathBuf, name: &OsStr, _: bool) -> io::Result<Opened<Self>> {
        Ok((parent.join(name), ()))
    }

    fn list(
        handle: &PathBuf,
        (): (),
        mut tell: impl FnMut(Told<'_>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        if list_special(handle, |name| {
            _ = tell(Told::Entry(OsStr::new(name), EntryKind::Directory))
        }) {
            return Ok(());
        }
        let name = handle.file_name().unwrap();
        if handle == Path::new("cut/off") {
            let _ = tell(Told::Entry(OsStr::new("excluded"), EntryKind::File));
            return Err(io::Error::other("broken"));
        }
        if name == "dir_unreadable" {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        if name == "hanging" {
            HANGING.pass();
        }
        if handle.starts_with("stalling") && handle.components().count() > 3 {
            STALLING.pass();
        }
        assert!(name != "panicking", "as the test wants it");
        if handle.components().count() > 3 {
            return Ok(());
        }
        for (name, kind) in ENTRIES {
            if tell(Told::Entry(OsStr::new(name), kind)).is_break() {
                return Ok(());
            }
        }
        // Its entries were read, and then the listing fails.
        if name == "dir_broken" { Err(io::Error::other("broken")) } else { Ok(()) }
    }

    fn kind(_: &PathBuf, name: &OsStr, _: bool) -> io::Result<EntryKind> {
        match name.to_str().unwrap() {
            "gone" => Err(io::ErrorKind::NotFound.into()),
            "unknown" | "link_unknown" => Err(io::ErrorKind::PermissionDenied.into()),
            _ => Ok(EntryKind::Directory),
        }
    }

    fn identity(parent: &PathBuf, name: &OsStr, _: bool) -> io::Result<Identity> {
        Self::handle_identity(&parent.join(name))
    }

    fn handle_identity(handle: &PathBuf) -> io::Result<Identity> {
        Ok(Identity { device: 1, inode: handle.components().count() as u64 })
    }
}

fn start(source: &str, threads: usize) -> Results<Listing> {
    let options = Options { threads: NonZeroUsize::new(threads), ..Default::default() };
    let visitor = WalkVisitor { max_depth: usize::MAX };
    let source = Path::new(source);
    Results::start_with::<_, MadeUp>(visitor, options, source, Naming::AsGiven, None).unwrap()
}

#[test]
fn failures_are_reported_and_lose_nothing_else() {
    for threads in [1, 2, 5] {
        let mut results = start("source", threads);
        let (mut listings, mut errors) = (Vec::new(), Vec::new());
        for result in results.by_ref() {
            match result {
                Ok(listing) => listings.push(listing),
                Err(error) => errors.push(error),
            }
        }
        // Of the three directories in each, two are listed and one cannot be read.
        assert_eq!(listings.len(), 1 + 2 + 4 + 8);
        assert_eq!(results.progress().stats().directories, listings.len());
        for Listing { path, directories, files } in &listings {
            let is_bottom = path.components().count() > 3;
            let names = |names: &[&str]| names.iter().map(OsString::from).collect::<Vec<_>>();
            let all = names(&["dir", "dir_unreadable", "dir_broken"]);
            assert_eq!(*directories, if is_bottom { vec![] } else { all });
            let all = names(&["unknown", "link_unknown"]);
            assert_eq!(*files, if is_bottom { vec![] } else { all });
        }
        let count = |operation, name: &str| {
            let is = |error: &&Error| {
                error.operation() == Some(operation) && error.path().unwrap().ends_with(name)
            };
            errors.iter().filter(is).count()
        };
        assert_eq!(count(Operation::ReadMetadata, "unknown"), 7);
        assert_eq!(count(Operation::FollowLink, "link_unknown"), 7);
        assert_eq!(count(Operation::ReadDirectory, "dir_unreadable"), 7);
        assert_eq!(count(Operation::ReadDirectory, "dir_broken"), 1 + 2);
        assert_eq!(errors.len(), 7 + 7 + 7 + 3);
    }
}

#[test]
fn what_was_read_counts_if_all_of_it_is_excluded() {
    let exclude = ExcludeRules::new(["excluded"]).unwrap();
    let options = Options { exclude, ..Default::default() };
    let visitor = WalkVisitor { max_depth: usize::MAX };
    let source = Path::new("cut");
    let results =
        Results::start_with::<_, MadeUp>(visitor, options, source, Naming::AsGiven, None).unwrap();
    let (listings, errors): (Vec<_>, Vec<_>) = results.partition(Result::is_ok);
    assert_eq!((listings.len(), errors.len()), (2, 1));
}

#[test]
fn results_that_hang_can_be_closed() {
    let mut results = start("hanging", 2);
    assert!(matches!(results.next_before(Instant::now()), Next::Timeout));
    let begin = Instant::now();
    results.close();
    // Without the time limit, closing would hang for ever.
    assert!(begin.elapsed() < Duration::from_secs(60));
    assert!(results.next().is_none());
    drop(results);
    HANGING.open();
}

#[test]
fn a_worker_that_is_held_up_holds_back_no_result() {
    let mut results = start("stalling", 1);
    let mut listings = 0;
    // The source, the first directory in it, and the first in that one. The worker hangs
    // below.
    while listings < 3 {
        match results.next_before(Instant::now() + Duration::from_secs(30)) {
            Next::Item(item) => listings += usize::from(item.is_ok()),
            Next::Timeout | Next::End => panic!("{listings} listings"),
        }
    }
    STALLING.open();
    for item in results {
        listings += usize::from(item.is_ok());
    }
    assert_eq!(listings, 1 + 2 + 4 + 8);
}

#[test]
fn what_was_found_waits_for_nobody() {
    let mut results = start("streaming", 2);
    let deadline = Instant::now() + Duration::from_secs(20);
    // One worker sends without end. The other hangs, and has not sent its second listing.
    let mut others = 0;
    while !results.next().unwrap().unwrap().path.ends_with("stuck/a") {
        others += 1;
        assert!(Instant::now() < deadline, "{others} others came, and it did not");
    }
    // The worker that can run ends, though the one that hangs cannot.
    let begin = Instant::now();
    results.close();
    assert!(begin.elapsed() < Duration::from_millis(1500));
    settles(|| results.running() == 1 + 1);
    STREAMING.open();
    settles(|| results.running() == 0);
}

#[track_caller]
fn settles(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
}

#[test]
fn threads_start_when_there_is_work() {
    for threads in [0, 64] {
        let mut results = start("small", threads);
        // The source, and the one directory in it.
        assert!(results.next().is_some() && results.next().is_some());
        assert_eq!(results.started(), 1);
        assert!(results.next().is_none());
        assert_eq!(results.stats().threads, 1);
    }

    // Each worker hangs in the first directory that it gets, and keeps half of what there is.
    let results = start("crowded", 64);
    assert_eq!(results.count(), 1 + 20);
}

#[test]
#[cfg_attr(miri, ignore = "no processor time is told there")]
fn workers_that_wait_for_the_disk_get_company() {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let of = |results: &mut Results<Listing>| {
        assert_eq!(results.count(), 1 + 20 + 400);
        results.stats().threads
    };
    // (A machine that has much else to do may look like one that computes.)
    settles(|| of(&mut start("far", 0)) > processors.min(MAX_WIDTH - 1));
    assert!(of(&mut start("far", 2)) <= 2, "no more than the caller says");
}

#[test]
fn the_width_may_change_at_any_time() {
    let mut results = start("wide", 8);
    let (set_width, stop) = (Arc::clone(&results.set_width), AtomicBool::new(false));
    let count = std::thread::scope(|scope| {
        scope.spawn(|| {
            let widths = [1, 8, 2, 5, 1, 3].into_iter().cycle();
            widths.take_while(|_| !stop.load(Ordering::Relaxed)).for_each(|width| {
                set_width(width);
                std::thread::sleep(Duration::from_micros(300));
            });
        });
        let paths: HashSet<_> = results.by_ref().map(|listing| listing.unwrap().path).collect();
        stop.store(true, Ordering::Relaxed);
        paths.len()
    });
    let all = 1 + 8 + 64 + 512;
    assert_eq!((count, results.stats().directories), (all, all));
    assert!(results.stats().threads <= 8);

    // Closing does not wait for workers that may not work.
    let results = start("wide", 8);
    (results.set_width)(1);
    drop(results);
}

#[test]
fn no_worker_takes_places_for_handles_with_it() {
    for threads in [1, 5] {
        assert!(start("source", threads).count() > 0);
    }
    // Those of other tests end as well.
    settles(|| super::handles::places_taken() == 0);
}

#[test]
fn a_stopper_ends_the_wait_of_another_thread() {
    let mut results = start("hanging", 2);
    let stopper = results.stopper();
    let waiting = std::thread::spawn(move || {
        let next = results.next();
        (next.is_none(), results.next().is_none(), results)
    });
    stopper.clone().stop();
    let (is_end, is_still_end, results) = waiting.join().unwrap();
    assert!(is_end && is_still_end);
    stopper.stop();
    drop(results);
    stopper.stop();
}

#[test]
fn what_is_stopped_gives_no_more() {
    let mut results = start("source", 1);
    assert!(results.next().is_some());
    results.stopper().stop();
    assert!(matches!(results.next_before(Instant::now()), Next::End));
    assert_eq!(results.running(), 0);
}

#[test]
fn a_panic_ends_the_results_and_is_reported() {
    for threads in [1, 3] {
        let mut results = start("panicking", threads);
        let error = results.next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(results.next().is_none());
    }
}
