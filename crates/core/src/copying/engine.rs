//! The work: matches are copied side by side, and so are the files of one match, by the tasks
//! of a rayon pool.
//!
//! A task never waits for another, so none sits on the stack of a thread that does other work
//! meanwhile. Whoever finishes what was left of a directory completes it, and so on up, and in
//! the end the match. [`entry`] copies one file or link.
//!
//! # Invariant
//!
//! [`Directory::pending`] counts the tasks that may still put something into a directory: its
//! own, those that help it, and its sub-directories that are not complete. Each of them gives
//! its share back exactly once, also when it panics. The last one completes the directory, and
//! gives back the share that it has of its parent.

mod entry;

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::fs::{Mode, Stat};
use rustix::io::{Errno, retry_on_intr};

use self::entry::copy_entry;
use super::destinations::Destinations;
use super::entries::{is_link, look_at, make_directory, open_directory, open_path, sync};
use super::metadata::{copy_metadata, drop_inherited};
use super::plan::{MatchPlan, PlanOptions, plan_match};
use super::running::{Copied, Counters, Outcome};
use super::selection::SelectionProgram;
use super::spelling::{Twins, fold, is_listed, is_one, same_name};
use super::staging::{Begun, Committed, Kind, Leftovers, Staging, remove_leftovers_in};
use crate::traversal::Stop;
use crate::traversal::channel::Sender;
use crate::{Error, Operation};

/// What is said of a link at the destination.
const LINK_IN_THE_WAY: &str = "a link is where a directory goes, and no link is followed: remove \
                               it, or give what it leads to as the destination";

/// How many files a task takes at a time.
const CLAIM: usize = 4;

/// From so many files and directories on, the whole file system is flushed at once and not each
/// of them.
const SYNC_ALL: u64 = 32;

/// One match to copy.
#[derive(Debug)]
pub(super) struct Match {
    pub(super) source: PathBuf,
    pub(super) program: SelectionProgram,
    pub(super) options: PlanOptions,
}

impl Match {
    /// Opens its source. `stop` ends the waiting for what others hold.
    pub(super) fn open(&self, stop: &Stop) -> Result<OwnedFd, Error> {
        open_path(&self.source, stop)
            .map_err(|error| Error::io(&self.source, Operation::OpenDirectory, error.into()))
    }

    /// Its plan, by what its source was opened as; `None` if `is_stopped` said so meanwhile.
    pub(super) fn plan(
        &self,
        opened: &OwnedFd,
        sizes: bool,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Option<MatchPlan>, Error> {
        let options = PlanOptions { sizes, ..self.options.clone() };
        plan_match(&self.source, opened.as_fd(), &self.program, &options, is_stopped)
    }
}

/// Whatever is common to all matches of a run.
pub(super) struct Run {
    pub(super) matches: Vec<Match>,
    pub(super) destinations: Destinations,
    pub(super) threads: usize,
    pub(super) overwrite: bool,
    pub(super) fsync: bool,
    pub(super) dry_run: bool,
    pub(super) stop: Arc<Stop>,
    pub(super) counters: Arc<Counters>,
    pub(super) leftovers: Leftovers,
    /// Gone with the last task, by which the receiver learns of the end.
    pub(super) sender: Sender<Result<Copied, Error>>,
    /// The next group of matches that no task has begun.
    pub(super) next_group: AtomicUsize,
    /// All matches that are copied; the next of them that is to be planned for the totals; and
    /// how many are planned.
    pub(super) order: Vec<usize>,
    pub(super) next_total: AtomicUsize,
    pub(super) totals_done: AtomicUsize,
    pub(super) totals: bool,
    /// The directories that are the destinations of matches, by their identities.
    pub(super) taken: Mutex<HashMap<Identity, usize>>,
}

/// The device of a file or directory, and its number there.
pub(super) type Identity = (u64, u64);

// The types of the fields differ between systems.
#[allow(clippy::unnecessary_cast)]
pub(super) fn identity(stat: &Stat) -> Identity {
    (stat.st_dev as u64, stat.st_ino as u64)
}

impl Run {
    /// Starts as many tasks as may be at work, in the pool.
    pub(super) fn start(self: &Arc<Self>, pool: &rayon::ThreadPool) {
        for task in 0..self.threads {
            let run = Arc::clone(self);
            pool.spawn(move || {
                if task == 0 {
                    run.send_refused();
                }
                if run.totals { run.add_totals() } else { run.copy_groups() }
            });
        }
    }

    /// The matches that are not copied come first.
    fn send_refused(&self) {
        for (index, verdict) in self.destinations.verdicts.iter().enumerate() {
            if let Some(outcome) = verdict.outcome() {
                self.send(index, outcome);
            }
        }
    }

    fn send(&self, index: usize, outcome: Outcome) {
        let (source, destination) = (&self.matches[index].source, &self.destinations.paths[index]);
        self.send_whole(Copied::new(index, source, destination, outcome));
    }

    fn send_whole(&self, copied: Copied) {
        // Nobody waits for it any more if that fails.
        let _ = self.sender.send(Ok(copied), &self.stop);
    }

    /// The source of a match, held open, and its plan; `None` if the run was stopped meanwhile.
    fn plan(&self, index: usize, sizes: bool) -> Result<Option<(OwnedFd, MatchPlan)>, Error> {
        let opened = self.matches[index].open(&self.stop)?;
        let plan = self.matches[index].plan(&opened, sizes, &|| self.stop.is_set())?;
        Ok(plan.map(|plan| (opened, plan)))
    }

    /// Plans all matches, each by one task, before the first is copied.
    fn add_totals(self: &Arc<Self>) {
        loop {
            let next = self.next_total.fetch_add(1, Ordering::Relaxed);
            let Some(&index) = self.order.get(next) else { return };
            if self.stop.is_set() {
                return;
            }
            // What goes wrong is told when it is copied.
            if !self.is_kept(index)
                && let Ok(Ok(Some((_, plan)))) =
                    catch_unwind(AssertUnwindSafe(|| self.plan(index, true)))
            {
                self.counters.add_planned(plan.files, plan.bytes);
            }
            if self.totals_done.fetch_add(1, Ordering::AcqRel) + 1 == self.order.len() {
                for _ in 0..self.threads {
                    let run = Arc::clone(self);
                    rayon::spawn(move || run.copy_groups());
                }
                return;
            }
        }
    }

    /// Takes a directory for a match. The other match of this run that has it already, if there is
    /// one: paths that differ may lead to one directory.
    fn take(&self, index: usize, directory: &OwnedFd) -> Option<usize> {
        let stat = retry_on_intr(|| rustix::fs::fstat(directory)).ok()?;
        let above = look_at(directory, "..".as_ref()).ok()?;
        // There all have one number, which tells nothing.
        if identity(&above) == identity(&stat) {
            return None;
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let &mut holder = taken.entry(identity(&stat)).or_insert(index);
        (holder != index).then_some(holder)
    }

    /// Gives back what was taken for a match that is not there in the end.
    fn give_back(&self, index: usize, directory: &OwnedFd) {
        if let Ok(stat) = retry_on_intr(|| rustix::fs::fstat(directory)) {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            if taken.get(&identity(&stat)) == Some(&index) {
                taken.remove(&identity(&stat));
            }
        }
    }

    /// What becomes of a match whose destination is there and is not changed. If another match of
    /// this run was copied there, by a name that is the same there, that is an error.
    fn exists(&self, index: usize) -> Outcome {
        match self.destinations.twin(index).or_else(|| self.holder(index)) {
            Some(other) => Outcome::failed(self.same_directory(index, other)),
            None => Outcome::Exists,
        }
    }

    /// The other match that has taken what is at a destination, if that is not there by its own
    /// name: all may have one number.
    fn holder(&self, index: usize) -> Option<usize> {
        let path = &self.destinations.paths[index];
        let stat = retry_on_intr(|| rustix::fs::lstat(path)).ok()?;
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = taken.get(&identity(&stat)).copied()?;
        drop(taken);
        (holder != index && !is_listed(path)).then_some(holder)
    }

    /// The error for a destination that is that of another match.
    fn same_directory(&self, index: usize, other: usize) -> Error {
        let (paths, sources) = (&self.destinations.paths, &self.matches);
        let message = format!(
            "this directory is {:?} as well, to which {:?} was copied: give another destination",
            paths[other], sources[other].source
        );
        Error::refused(&paths[index], message)
    }

    /// Whether the destination is there, and is not to be changed.
    fn is_kept(&self, index: usize) -> bool {
        !self.overwrite && self.destinations.paths[index].symlink_metadata().is_ok()
    }

    /// Copies the next group, and leaves the others to a task of their own: it is the first
    /// that another thread takes, and the last that this one takes.
    fn copy_groups(self: &Arc<Self>) {
        let next = self.next_group.fetch_add(1, Ordering::Relaxed);
        if self.stop.is_set() || next >= self.destinations.groups.len() {
            return;
        }
        let run = Arc::clone(self);
        rayon::spawn(move || run.copy_groups());
        self.copy_next(Place { group: next, position: 0 });
    }

    /// Copies the match at a place, or the next behind it for which there is something to do.
    fn copy_next(self: &Arc<Self>, mut place: Place) {
        while let Some(&index) = self.destinations.groups[place.group].get(place.position) {
            if self.stop.is_set() {
                return;
            }
            let begun = catch_unwind(AssertUnwindSafe(|| self.begin(index, place)));
            match begun.unwrap_or_else(|_| Err(panicked())) {
                // What is behind it is copied when this is complete.
                Ok(Some(root)) => return copy_directory(root),
                Ok(None) => {}
                Err(error) => self.send(index, Outcome::failed(error)),
            }
            place.position += 1;
        }
    }

    /// Begins to copy a match. `None` if that was the end of it.
    fn begin(
        self: &Arc<Self>,
        index: usize,
        place: Place,
    ) -> Result<Option<Arc<Directory>>, Error> {
        let destination = &self.destinations.paths[index];
        if self.is_kept(index) {
            if !self.dry_run {
                self.leftovers.remove_beside(destination, &self.stop);
            }
            self.send(index, self.exists(index));
            return Ok(None);
        }
        let Some((opened, plan)) = self.plan(index, self.dry_run)? else { return Ok(None) };
        if !self.totals {
            self.counters.add_planned(plan.files, plan.bytes);
        }
        if self.dry_run {
            let source = &self.matches[index].source;
            let mut copied = Copied::new(index, source, destination, Outcome::Copied);
            (copied.files, copied.bytes, copied.skipped) = (plan.files, plan.bytes, plan.skipped);
            self.send_whole(copied);
            return Ok(None);
        }
        let source = &self.matches[index].source;
        let fails = |operation| move |error: Errno| Error::io(source, operation, error.into());
        let stat =
            retry_on_intr(|| rustix::fs::fstat(&opened)).map_err(fails(Operation::ReadMetadata))?;
        let (overwrite, fsync) = (self.overwrite, self.fsync);
        let kind = Kind { overwrite, fsync, mode: Mode::RWXU, inherits: false };
        let staging = match Staging::begin(destination, kind, &self.leftovers, &self.stop)? {
            Begun::Staging(staging) => staging,
            Begun::Exists => {
                self.send(index, self.exists(index));
                return Ok(None);
            }
        };
        let target = Arc::clone(staging.root());
        let is_merged = staging.is_merged();
        if is_merged
            && let Some(other) = self.destinations.twin(index).or_else(|| self.take(index, &target))
        {
            staging.abandon(&|| {});
            return Err(self.same_directory(index, other));
        }
        let entries = plan.files + plan.directories.len() as u64;
        let job = Arc::new(Job {
            run: Arc::clone(self),
            index,
            place,
            below: Below::of(&plan),
            plan,
            is_merged,
            syncs_all: !is_merged && cfg!(target_os = "linux") && entries >= SYNC_ALL,
            staging: Mutex::new(Some(staging)),
            has_failed: AtomicBool::new(false),
            failure: Mutex::default(),
            placed: Mutex::default(),
            by_system: AtomicBool::new(true),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        });
        Ok(Some(Directory::new(job, 0, None, (opened, stat), target, !is_merged)))
    }
}

/// What a task says that ran into a defect.
fn panicked() -> Error {
    Error::internal("a task of a copy panicked")
}

/// Where a match stands: the group, and its place in the group.
#[derive(Clone, Copy, Debug)]
struct Place {
    group: usize,
    position: usize,
}

/// For each planned directory, the first that lies in it and the next that lies beside it. 0
/// stands for none, as that is the match itself.
#[derive(Debug)]
struct Below {
    first: Vec<u32>,
    next: Vec<u32>,
}

impl Below {
    fn of(plan: &MatchPlan) -> Below {
        let count = plan.directories.len();
        let (mut first, mut next) = (vec![0; count], vec![0; count]);
        for (number, directory) in plan.directories.iter().enumerate().skip(1).rev() {
            let parent = directory.parent as usize;
            next[number] = first[parent];
            first[parent] = number as u32;
        }
        Below { first, next }
    }

    fn of_directory(&self, number: u32) -> impl Iterator<Item = u32> + Clone + '_ {
        let some = |number: u32| (number != 0).then_some(number);
        std::iter::successors(some(self.first[number as usize]), move |&number| {
            some(self.next[number as usize])
        })
    }
}

/// A match that is being copied.
struct Job {
    run: Arc<Run>,
    index: usize,
    place: Place,
    plan: MatchPlan,
    below: Below,
    is_merged: bool,
    /// Whether the file system is flushed at the end, instead of each file.
    syncs_all: bool,
    staging: Mutex<Option<Staging>>,
    has_failed: AtomicBool,
    failure: Mutex<JobFailure>,
    /// The files and links that were put into a directory that was there, by their identities.
    placed: Mutex<HashSet<Identity>>,
    /// Whether the system can copy between these files.
    by_system: AtomicBool,
    files: AtomicU64,
    bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct JobFailure {
    errors: Vec<Error>,
    /// The files that took another's place, by directory and offset in its plan: told only if
    /// the match fails.
    replaced: Vec<(u32, usize)>,
}

impl Job {
    fn lock(&self) -> MutexGuard<'_, JobFailure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, error: Error) {
        self.has_failed.store(true, Ordering::Relaxed);
        self.lock().errors.push(error);
    }

    /// Whether there is no use in going on.
    fn has_ended(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed) || self.run.stop.is_set()
    }

    /// The path of a directory below the match.
    fn relative(&self, number: u32) -> PathBuf {
        self.plan.path(number as usize)
    }

    fn source(&self) -> &Path {
        &self.run.matches[self.index].source
    }

    fn destination(&self) -> &Path {
        &self.run.destinations.paths[self.index]
    }

    /// All is done that will be.
    fn finish(&self) {
        let run = &self.run;
        let staging = self.staging.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(staging) = staging else { return };
        let removed = || run.counters.advance();
        if run.stop.is_set() {
            return staging.abandon(&removed);
        }
        let mut outcome = Outcome::Copied;
        let root = (!self.is_merged).then(|| Arc::clone(staging.root()));
        if self.has_failed.load(Ordering::Relaxed) {
            staging.abandon(&removed);
        } else {
            let synced = if run.fsync && self.syncs_all { staging.sync_all() } else { Ok(()) };
            // Before it has its name: whoever finds it there must find that it is taken.
            if let Some(root) = &root {
                run.take(self.index, root);
            }
            let committed = synced.and_then(|()| staging.commit());
            if let Some(root) = root.filter(|_| !matches!(committed, Ok(Committed::Done))) {
                run.give_back(self.index, &root);
            }
            match committed {
                Ok(Committed::Done) => {}
                Ok(Committed::Exists) => outcome = run.exists(self.index),
                Err(error) => self.fail(error),
            }
        }
        let JobFailure { errors, replaced } = std::mem::take(&mut *self.lock());
        if !errors.is_empty() {
            let replaced = replaced.into_iter().filter_map(|(directory, file)| {
                let (entry, _) = self.plan.directories[directory as usize].entry_at(file)?;
                Some(self.destination().join(self.relative(directory)).join(entry.name))
            });
            outcome = Outcome::Failed { errors, replaced: replaced.collect() };
        }
        let mut copied = Copied::new(self.index, self.source(), self.destination(), outcome);
        if matches!(copied.outcome, Outcome::Copied) {
            copied.files = self.files.load(Ordering::Relaxed);
            copied.bytes = self.bytes.load(Ordering::Relaxed);
        }
        copied.skipped.clone_from(&self.plan.skipped);
        run.send_whole(copied);
        // What lies in it is copied now.
        let (run, place) = (Arc::clone(run), self.place);
        if run.destinations.groups[place.group].len() > place.position + 1 {
            let place = Place { position: place.position + 1, ..place };
            rayon::spawn(move || run.copy_next(place));
        }
    }
}

/// The names that are planned for a directory that is merged into, as far as there are others among
/// them that may be the same.
struct Planned {
    twins: Twins,
    /// Those of them that were there before, and listed so.
    listed: HashSet<OsString>,
}

/// A directory of a match that is being copied.
struct Directory {
    job: Arc<Job>,
    number: u32,
    parent: Option<Arc<Directory>>,
    source: OwnedFd,
    stat: Stat,
    target: Arc<OwnedFd>,
    /// Whether it was made for this copy.
    is_new: bool,
    /// Whether the source's file system has extended attributes.
    has_attributes: AtomicBool,
    /// Of a match that is merged, the names in it that may be one for the file system. Set before
    /// anything is put into it.
    twins: OnceLock<Planned>,
    /// The offset, in the plan, of the next file that no task has taken.
    next_file: Mutex<usize>,
    pending: AtomicUsize,
}

impl Directory {
    fn new(
        job: Arc<Job>,
        number: u32,
        parent: Option<Arc<Directory>>,
        (source, stat): (OwnedFd, Stat),
        target: Arc<OwnedFd>,
        is_new: bool,
    ) -> Arc<Directory> {
        Arc::new(Directory {
            job,
            number,
            parent,
            source,
            stat,
            target,
            is_new,
            has_attributes: AtomicBool::new(true),
            twins: OnceLock::new(),
            next_file: Mutex::new(0),
            pending: AtomicUsize::new(1),
        })
    }

    fn source_path(&self) -> PathBuf {
        self.job.source().join(self.job.relative(self.number))
    }

    fn target_path(&self) -> PathBuf {
        self.job.destination().join(self.job.relative(self.number))
    }

    /// The names that are planned for it.
    fn names(&self) -> impl Iterator<Item = &OsStr> + Clone {
        let Job { plan, below, .. } = &*self.job;
        let files = plan.directories[self.number as usize].entries().map(|entry| entry.name);
        let directories = below.of_directory(self.number);
        files.chain(directories.map(|number| &*plan.directories[number as usize].name))
    }

    /// Finds out which of the names that are planned for it may be one there.
    fn look_for_twins(&self, there: Vec<OsString>) {
        let twins = Twins::of(self.names());
        if !twins.is_empty() {
            let listed = there.into_iter().filter(|name| twins.has(name)).collect();
            let _ = self.twins.set(Planned { twins, listed });
        }
    }

    /// The error for a name that is there, and is that of something else that is planned for the
    /// directory. It is not if it was there before by this very name, or if it is listed beside
    /// that now.
    fn check_name(&self, name: &OsStr) -> Result<(), Error> {
        let Some(Planned { twins, listed }) = self.twins.get() else { return Ok(()) };
        if listed.contains(name) {
            return Ok(());
        }
        match twins.others(name).find(|other| is_one(&self.target, name, other)) {
            Some(other) => Err(self.same_name(name, Some(other))),
            None => Ok(()),
        }
    }

    /// The error for a name that something else in the directory has, for the file system.
    fn same_name(&self, name: &OsStr, other: Option<&OsStr>) -> Error {
        let mut names = self.names();
        let other = other.or_else(|| {
            let folded = fold(name);
            names.find(|other| *other != name && fold(other) == folded)
        });
        let unknown = "something else in this match has this name there: rename one of them";
        let message = other.map_or_else(|| unknown.into(), same_name);
        Error::refused(self.target_path().join(name), message)
    }

    /// Starts a task that may put something into it.
    fn spawn(self: &Arc<Self>, act: impl FnOnce(&Arc<Directory>) + Send + 'static) {
        self.pending.fetch_add(1, Ordering::Relaxed);
        let directory = Arc::clone(self);
        rayon::spawn(move || directory.run(act));
    }

    /// Runs such a task, and gives its share back.
    fn run(self: Arc<Self>, act: impl FnOnce(&Arc<Directory>)) {
        if catch_unwind(AssertUnwindSafe(|| act(&self))).is_err() {
            self.job.fail(panicked());
        }
        // What is complete is not held open any longer than that.
        let mut current = self;
        while current.pending.fetch_sub(1, Ordering::AcqRel) == 1 {
            if catch_unwind(AssertUnwindSafe(|| current.complete())).is_err() {
                current.job.fail(panicked());
            }
            match current.parent.clone() {
                Some(parent) => current = parent,
                None => {
                    if catch_unwind(AssertUnwindSafe(|| current.job.finish())).is_err() {
                        current.job.run.send(current.job.index, Outcome::failed(panicked()));
                    }
                    return;
                }
            }
        }
    }

    /// Everything is in it.
    fn complete(&self) {
        let job = &self.job;
        // A directory that was made in one that is merged into stays, and so needs its mode.
        if job.has_ended() && !(job.is_merged && self.is_new) {
            return;
        }
        let (source, target) = (self.source.as_fd(), self.target.as_fd());
        let fails = |operation| {
            move |error: Errno| job.fail(Error::io(self.target_path(), operation, error.into()))
        };
        copy_metadata(source, &self.stat, target, &self.has_attributes)
            .unwrap_or_else(fails(Operation::SetMetadata));
        if job.run.fsync && !job.syncs_all {
            sync(target).unwrap_or_else(fails(Operation::Sync));
        }
    }
}

/// Copies all that is in a directory that was made already.
fn copy_directory(directory: Arc<Directory>) {
    directory.run(|directory| {
        let job = &directory.job;
        let there = match directory.is_new {
            true => Vec::new(),
            false => remove_leftovers_in(&directory.target),
        };
        if job.is_merged {
            directory.look_for_twins(there);
        }
        for number in job.below.of_directory(directory.number) {
            directory.spawn(move |parent| copy_subdirectory(parent, number));
        }
        let claims = job.plan.directories[directory.number as usize].len().div_ceil(CLAIM);
        for _ in 1..claims.min(job.run.threads) {
            directory.spawn(copy_files);
        }
        copy_files(directory);
    });
}

/// Makes a sub-directory, and copies all that is in it.
fn copy_subdirectory(parent: &Arc<Directory>, number: u32) {
    let job = &parent.job;
    if job.has_ended() {
        return;
    }
    match begin_subdirectory(parent, number) {
        Ok(directory) => copy_directory(directory),
        Err(error) => job.fail(error),
    }
}

fn begin_subdirectory(parent: &Arc<Directory>, number: u32) -> Result<Arc<Directory>, Error> {
    let (job, stop) = (&parent.job, &parent.job.run.stop);
    let name = &job.plan.directories[number as usize].name;
    let fails = |operation, is_source: bool| {
        move |error: Errno| {
            let above = if is_source { parent.source_path() } else { parent.target_path() };
            Error::io(above.join(name), operation, error.into())
        }
    };
    let source = open_directory(&parent.source, name, stop)
        .map_err(fails(Operation::OpenDirectory, true))?;
    let stat = retry_on_intr(|| rustix::fs::fstat(&source))
        .map_err(fails(Operation::ReadMetadata, true))?;
    let is_new = match make_directory(&parent.target, name) {
        Ok(()) => true,
        Err(Errno::EXIST) if job.is_merged => {
            parent.check_name(name)?;
            false
        }
        Err(Errno::EXIST) => return Err(parent.same_name(name, None)),
        Err(error) => return Err(fails(Operation::CreateDirectory, false)(error)),
    };
    let target = open_directory(&parent.target, name, stop).map_err(|error| {
        if look_at(&parent.target, name).is_ok_and(|stat| is_link(&stat)) {
            return Error::refused(parent.target_path().join(name), LINK_IN_THE_WAY);
        }
        fails(Operation::OpenDirectory, false)(error)
    })?;
    if job.is_merged && is_new {
        drop_inherited(target.as_fd());
    }
    // Its share of the parent.
    parent.pending.fetch_add(1, Ordering::Relaxed);
    let above = Some(Arc::clone(parent));
    Ok(Directory::new(Arc::clone(job), number, above, (source, stat), Arc::new(target), is_new))
}

/// Copies files of a directory until none is left.
fn copy_files(directory: &Arc<Directory>) {
    let job = &directory.job;
    let planned = &job.plan.directories[directory.number as usize];
    loop {
        let mut claimed = [None; CLAIM];
        {
            let next = &directory.next_file;
            let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
            for claim in &mut claimed {
                let Some((entry, end)) = planned.entry_at(*next) else { break };
                *claim = Some((entry, std::mem::replace(&mut *next, end)));
            }
        }
        for claim in claimed {
            let Some((entry, offset)) = claim else { return };
            if job.has_ended() {
                return;
            }
            match copy_entry(directory, entry) {
                Ok(Some(was_replaced)) => {
                    job.files.fetch_add(1, Ordering::Relaxed);
                    job.run.counters.add_file();
                    if was_replaced {
                        job.lock().replaced.push((directory.number, offset));
                    }
                }
                Ok(None) => return,
                Err(error) => job.fail(error),
            }
        }
    }
}
