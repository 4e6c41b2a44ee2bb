//! Traversals of a made-up tree in which workers are parked, with work that others wait for.

use std::ffi::OsStr;
use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::super::lister::{EntryKind, Identity, Lister, Opened, Told};
use super::super::os_errors::out_of_handles;
use super::super::{Naming, Next, Options, Results};
use super::{Gate, settles};
use crate::walk::{Listing, WalkVisitor};

/// The lister of a tree in which each directory lists three, down to [`LEVELS`].
struct Slow;

const LEVELS: usize = 6;

/// The directories of the tree.
const ALL: usize = (3_usize.pow(LEVELS as u32 + 1) - 1) / 2;

/// How many directories of the source `short` are open, and how many may be.
static OPEN: AtomicUsize = AtomicUsize::new(0);
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Whether the next directory of the source `stuck` that is listed hangs, and until when.
static HANGS: AtomicBool = AtomicBool::new(false);
static STUCK: Gate = Gate::closed();

struct Open(PathBuf);

impl Open {
    fn counts(&self) -> bool {
        self.0.starts_with("short") && self.0 != Path::new("short")
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.counts() {
            OPEN.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Lister for Slow {
    type Handle = Open;
    type Entries = ();

    fn handle_budget() -> usize {
        1024
    }

    fn open_source(path: &Path) -> io::Result<Opened<Self>> {
        Ok((Open(path.into()), ()))
    }

    fn is_at(handle: &Open, path: &Path) -> io::Result<bool> {
        Ok(handle.0 == path)
    }

    fn open(parent: &Open, name: &OsStr, _: bool) -> io::Result<Opened<Self>> {
        let opened = Open(parent.0.join(name));
        if opened.counts() && OPEN.fetch_add(1, Ordering::Relaxed) >= LIMIT.load(Ordering::Relaxed)
        {
            return Err(out_of_handles());
        }
        Ok((opened, ()))
    }

    fn list(
        handle: &Open,
        (): (),
        mut tell: impl FnMut(Told<'_>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        std::thread::sleep(Duration::from_micros(500));
        if handle.0.starts_with("stuck") && HANGS.swap(false, Ordering::Relaxed) {
            STUCK.pass();
        }
        if handle.0.components().count() <= LEVELS {
            for name in ["a", "b", "c"] {
                let _ = tell(Told::Entry(OsStr::new(name), EntryKind::Directory));
            }
        }
        Ok(())
    }

    fn kind(_: &Open, _: &OsStr, _: bool) -> io::Result<EntryKind> {
        Ok(EntryKind::Directory)
    }

    fn identity(parent: &Open, name: &OsStr, _: bool) -> io::Result<Identity> {
        Self::handle_identity(&Open(Path::new("of").join(parent.0.join(name))))
    }

    fn handle_identity(handle: &Open) -> io::Result<Identity> {
        Ok(Identity { device: 1, inode: handle.0.components().count() as u64 })
    }
}

/// Starts a traversal, and waits until there are two workers.
fn start(source: &str, threads: usize) -> Results<Listing> {
    let options = Options { threads: NonZeroUsize::new(threads), ..Default::default() };
    let visitor = WalkVisitor { max_depth: usize::MAX };
    let source = Path::new(source);
    let results = Results::start_with::<_, Slow>(visitor, options, source, Naming::AsGiven, None);
    let results = results.unwrap();
    settles(|| results.started() > 1);
    results
}

#[test]
fn what_a_parked_worker_had_open_is_closed_if_no_more_can_be_opened() {
    let results = start("short", 2);
    std::thread::sleep(Duration::from_millis(20));
    (results.set_width)(1);
    // The other is parked soon. Then what it had open is too much.
    std::thread::sleep(Duration::from_millis(20));
    LIMIT.store(4, Ordering::Relaxed);
    let errors: Vec<_> = results.filter_map(Result::err).collect();
    assert!(errors.is_empty(), "{} errors, {}", errors.len(), errors[0]);
}

#[test]
fn where_all_that_may_work_hang_another_may_work() {
    if std::thread::available_parallelism().map_or(1, usize::from) == 1 {
        return;
    }
    let mut results = start("stuck", 0);
    HANGS.store(true, Ordering::Relaxed);
    settles(|| !HANGS.load(Ordering::Relaxed));
    // As for a trial.
    (results.set_width)(1);
    let begun = Instant::now();
    let mut late = 0;
    while late < 3 {
        match results.next_before(Instant::now() + Duration::from_secs(30)) {
            Next::Item(_) => late += usize::from(begun.elapsed() > Duration::from_secs(1)),
            Next::Timeout | Next::End => panic!("the others wait for one that hangs"),
        }
    }
    STUCK.open();
    assert!(results.by_ref().all(|listing| listing.is_ok()));
    assert_eq!(results.stats().directories, ALL);
}
