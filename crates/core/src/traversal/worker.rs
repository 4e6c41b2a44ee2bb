//! The schedule: what a worker visits next, what it shares, how a directory is visited
//! and listed. How a directory is opened is in `opening.rs`.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::classify::{Class, Classifier};
use super::crew::{Roster, start_worker};
use super::dir::Listed;
use super::handles::{self, Allowance, FdBackoff, Shareholder, WorkerSlot};
use super::later::Later;
use super::leaves::{FileSystem, Leaves, Rest};
use super::lister::{EntryKind, Identity, Lister, Told};
use super::meter::Meter;
use super::opening::{DirHandle, EnterError, Entered};
use super::os_errors::{is_gone, is_out_of_handles, not_the_same};
use super::part::{Budget, Part};
use super::pool::Pool;
use super::stop::Stop;
use super::subdirs::{Subdir, SubdirQueue, Subdirs};
use super::width::{MAX_WIDTH, Width};
use super::{Dir, Location, Matters, Naming, Need, Options, ResultSender, Visitor};
use crate::{Error, Operation};

/// How many entries of one directory are listed between two looks at the clock.
const ENTRIES_PER_CHECK: usize = 4096;

/// How long a worker is at work before it starts another: what is done sooner is done by one,
/// since to start a thread takes as long as to visit several directories.
const START_INTERVAL: Duration = Duration::from_micros(200);

/// How long a worker keeps its work to itself after it has handed over some. To hand over what
/// is done sooner costs more than to do it: the other has to be woken. Where there are more
/// workers than processors, some are always idle, and would be woken for ever smaller parts.
const SHARE_INTERVAL: Duration = Duration::from_micros(50);

/// What all the workers of a traversal share.
pub(super) struct Traversal<V: Visitor, L: Lister> {
    pub(super) options: Options,
    /// Open as long as the traversal lasts, since a directory may be opened again from here.
    pub(super) source: L::Handle,
    pub(super) source_identity: Option<Identity>,
    /// What results name the source by.
    source_path: PathBuf,
    /// A directory of each file system on which device and inode do not last.
    pub(super) without_identities: Mutex<Vec<Identity>>,
    pub(super) handle_budget: usize,
    /// Whether the last wait for others to close something was in vain.
    pub(super) has_waited_in_vain: AtomicBool,
    /// When it began, in seconds since the epoch.
    began: i64,
    /// How many workers this process may have.
    max_workers: usize,
    pub(super) pool: Pool<Work<V, L>>,
    /// `None`: it ends when all is visited.
    pub(super) budget: Option<Budget<V::State>>,
    /// `None` if the caller said how many workers there may be.
    pub(super) width: Option<Mutex<Width>>,
    /// Whether the disk was asked if it has an arm.
    pub(super) asked_disk: AtomicBool,
    pub(super) roster: Arc<Roster<V::Item>>,
    /// What each worker gets a copy of.
    begin_with: Mutex<(V, ResultSender<V::Item>)>,
    has_panicked: Arc<AtomicBool>,
    stop: Arc<Stop>,
}

/// What the workers share with the receiver.
pub(super) struct Shared<T> {
    pub(super) results: ResultSender<T>,
    pub(super) roster: Arc<Roster<T>>,
    pub(super) has_panicked: Arc<AtomicBool>,
}

/// What a worker gets to do.
pub(super) enum Work<V: Visitor, L: Lister> {
    Source(L::Entries),
    Frames(Vec<Frame<V, L>>),
}

impl<V: Visitor, L: Lister> Work<V, L> {
    /// Closes the directories that may be opened again; false if there were none.
    pub(super) fn close_handles(&mut self) -> bool {
        let Work::Frames(frames) = self else { return false };
        frames.iter_mut().filter_map(|frame| frame.handle.close().then_some(())).count() > 0
    }
}

/// A directory, and its sub-directories that are left to visit.
pub(super) struct Frame<V: Visitor, L: Lister> {
    pub(super) dir: Arc<Dir<V::State>>,
    pub(super) subdirs: SubdirQueue,
    pub(super) handle: DirHandle<L>,
    /// What is put off until the sub-directories that feed this directory were visited.
    pub(super) later: Later<V, L>,
}

impl<V: Visitor, L: Lister> Traversal<V, L> {
    /// Opens the source, which at most `threads` workers will visit, or as many as are found
    /// to be good for it: all of it, or a part.
    pub(super) fn open(
        options: Options,
        (path, naming): (&Path, Naming),
        threads: Option<usize>,
        visitor: V,
        shared: Shared<V::Item>,
        part: Option<Part<V::State>>,
    ) -> Result<Traversal<V, L>, Error> {
        handles::begin();
        let failed = |e| Error::io(path, Operation::OpenDirectory, e);
        let mut backoff = FdBackoff::new(false, None);
        let (source, entries) = loop {
            match L::open_source(path) {
                Err(error) if is_out_of_handles(&error) && backoff.wait() => {}
                result => break result.map_err(failed)?,
            }
        };
        if part.as_ref().is_some_and(|part| part.is_of_another::<L>(&source, path)) {
            return Err(failed(not_the_same()));
        }
        let source_identity = if options.follow_links || options.one_file_system {
            Some(L::handle_identity(&source).map_err(failed)?)
        } else {
            None
        };
        let max = threads.unwrap_or(MAX_WIDTH);
        let start = threads.unwrap_or_else(|| match &part {
            None => std::thread::available_parallelism().map_or(1, usize::from).min(max),
            // The others are busy with other parts.
            Some(_) => 1,
        });
        let allowance = Allowance::new(start, max, L::handle_budget());
        let source_path = naming.path::<L>(path, &source)?;
        let budget = part.as_ref().map(Budget::new);
        let named = (&*source_path, source_identity.as_ref());
        let first = match part.map(|part| part.begin(&source, named, &mut backoff)).transpose() {
            Err(error) => return Err(failed(error)),
            Ok(None | Some(None)) => Work::Source(entries),
            Ok(Some(Some(frame))) => Work::Frames(vec![frame]),
        };
        Ok(Traversal {
            source_path,
            options,
            source,
            source_identity,
            without_identities: Mutex::default(),
            handle_budget: allowance.budget,
            has_waited_in_vain: AtomicBool::new(false),
            began: seconds_since_epoch(),
            max_workers: allowance.max_workers,
            pool: Pool::new(max, start, first),
            budget,
            width: threads.is_none().then(|| Mutex::new(Width::new(start, start, max))),
            asked_disk: AtomicBool::new(false),
            roster: shared.roster,
            has_panicked: shared.has_panicked,
            stop: Arc::clone(shared.results.stop()),
            begin_with: Mutex::new((visitor, shared.results)),
        })
    }

    /// Starts the first worker.
    pub(super) fn start(self: &Arc<Self>) -> io::Result<()> {
        let (visitor, results) = self.beginning();
        start_worker(self, visitor, results, WorkerSlot::take(None).expect("a place"))
    }

    /// Starts another worker if there is work that nobody waits for. That a thread cannot be
    /// started is no error: the others do the work.
    pub(super) fn start_another(self: &Arc<Self>) {
        if !WorkerSlot::is_free(self.max_workers) || !self.pool.wants_worker() {
            return;
        }
        let Some(slot) = WorkerSlot::take(Some(self.max_workers)) else {
            self.pool.not_started(false);
            return;
        };
        let (visitor, results) = self.beginning();
        if start_worker(self, visitor, results, slot).is_err() {
            let workers = self.pool.not_started(true);
            self.adapt(|width| width.limit(workers));
        }
    }

    fn beginning(&self) -> (V, ResultSender<V::Item>) {
        // Nothing panics while it is locked.
        let begin_with = self.begin_with.lock().unwrap_or_else(PoisonError::into_inner);
        (begin_with.0.clone(), begin_with.1.another())
    }

    /// Ends the traversal: it is stopped, or a worker was lost.
    pub(super) fn abandon(&self) {
        self.pool.abandon();
    }

    /// Ends the traversal, since a worker panicked.
    pub(super) fn note_panic(&self) {
        self.has_panicked.store(true, Ordering::Relaxed);
        self.stop.set();
    }
}

/// A worker: what a thread needs to visit directories.
pub(super) struct Worker<V: Visitor, L: Lister> {
    pub(super) traversal: Arc<Traversal<V, L>>,
    pub(super) visitor: V,
    pub(super) results: ResultSender<V::Item>,
    /// The directory of each frame lies below that of the frame before. The last frame
    /// is the deepest, and the next to be continued.
    pub(super) stack: Vec<Frame<V, L>>,
    /// No frame below this index has an open handle.
    pub(super) first_open: usize,
    /// Whether nothing more can be opened: then no handle is kept that is not needed.
    pub(super) is_out_of_handles: bool,
    pub(super) leaves: Leaves,
    /// How many directories may be visited before leave is asked for more.
    pub(super) allowance: usize,
    /// The sub-directories of the directory that is being listed.
    listed: Subdirs,
    /// How many directories there were in the last one that was listed.
    directories_listed: u64,
    /// A buffer for the hashes of their names.
    hashes: Vec<u64>,
    /// When this worker began, or last started another.
    last_start: Instant,
    pub(super) meter: Meter,
    /// Whether there may be more workers than processors. Then directories take longer than to
    /// start a thread.
    pub(super) is_in_company: bool,
    /// When it last handed over a part of its work to one that waited.
    last_share: Instant,
}

/// Why a directory was not listed: not a single entry could be read. The verdict is as
/// good as before.
struct NotListed<V: Visitor> {
    error: io::Error,
    verdict: V::NameVerdict,
}

impl<V: Visitor, L: Lister> Worker<V, L> {
    pub(super) fn new(
        traversal: Arc<Traversal<V, L>>,
        visitor: V,
        results: ResultSender<V::Item>,
    ) -> Worker<V, L> {
        Worker {
            traversal,
            visitor,
            results,
            stack: Vec::new(),
            first_open: 0,
            is_out_of_handles: false,
            leaves: Leaves::new(),
            allowance: 0,
            directories_listed: 0,
            listed: Subdirs::default(),
            last_start: Instant::now(),
            last_share: Instant::now(),
            hashes: Vec::new(),
            meter: Meter::off(),
            is_in_company: false,
        }
    }

    /// Works until no worker has work.
    pub(super) fn work(&mut self) {
        self.last_start = Instant::now();
        let places = Shareholder::begin(self.traversal.handle_budget);
        let mut next = self.traversal.pool.take_first();
        self.begin_sample();
        while let Some(work) = next {
            self.first_open = 0;
            match work {
                Work::Source(entries) => {
                    self.may_visit();
                    self.allowance -= 1;
                    self.visit_source(entries);
                }
                Work::Frames(frames) => self.stack = frames,
            }
            while let Some(mut frame) = self.stack.pop() {
                if self.results.is_stopped() {
                    self.stack.clear();
                    break;
                }
                if self.allowance == 0 && !self.may_visit() {
                    self.push(frame);
                    self.hand_back();
                    break;
                }
                if self.traversal.pool.wants_work() {
                    if self.traversal.pool.has_too_many() {
                        self.push(frame);
                        let frames = std::mem::take(&mut self.stack);
                        self.traversal.pool.put_back(Work::Frames(frames));
                        break;
                    }
                    self.share(&mut frame);
                    if self.is_in_company && self.traversal.pool.wants_work() {
                        // Who is started shares as well, so there are soon enough.
                        self.share(&mut frame);
                    }
                }
                self.results.directory_done();
                if self.meter.directory_done() {
                    self.tell();
                }
                let (child, is_fed) = self.next_child(&mut frame);
                if frame.subdirs.len() > 0 || !frame.later.is_empty() {
                    self.push(frame);
                }
                match child {
                    Some(child) if is_fed => self.push_fed(child),
                    Some(child) => self.push(child),
                    None => {}
                }
            }
            next = self.traversal.pool.try_take().or_else(|| {
                self.results.flush_if_due();
                places.give_back_all();
                self.wait_for_work()
            });
        }
    }

    pub(super) fn push(&mut self, frame: Frame<V, L>) {
        if frame.handle.is_open() {
            self.first_open = self.first_open.min(self.stack.len());
        }
        self.stack.push(frame);
    }

    /// Hands over a part of the stack, of which `top` is the last frame. If nobody waits for
    /// it, another worker is started, but not before it is worth that.
    fn share(&mut self, top: &mut Frame<V, L>) {
        let traversal = &self.traversal;
        let nobody_waits = !traversal.pool.has_idle_worker();
        if nobody_waits && traversal.pool.has_queued() {
            return self.start_another_if_due();
        }
        let has_one = self.stack.is_empty() && top.subdirs.len() < 2;
        if has_one || nobody_waits && !WorkerSlot::is_free(traversal.max_workers) {
            return;
        }
        if !nobody_waits {
            let now = Instant::now();
            if now.duration_since(self.last_share) < SHARE_INTERVAL {
                return;
            }
            self.last_share = now;
        }
        let bottom = self.stack.first_mut().unwrap_or(top);
        let mut frames = Vec::new();
        if bottom.subdirs.len() > 1 {
            // Half of the undermost frame, which is likely to be the largest.
            frames.push(Frame {
                dir: Dir::twin(&bottom.dir),
                subdirs: bottom.subdirs.split(),
                handle: bottom.handle.clone(),
                later: Later::new(),
            });
        } else {
            // Every other frame, since there may be thousands with one sub-directory left.
            for (index, frame) in std::mem::take(&mut self.stack).into_iter().enumerate() {
                if index % 2 == 0 { &mut frames } else { &mut self.stack }.push(frame);
            }
            self.first_open = 0;
        }
        self.traversal.pool.hand_over(Work::Frames(frames));
        if nobody_waits {
            self.start_another_if_due();
        }
    }

    /// Starts another worker for work that nobody waits for, if this one has worked for long.
    fn start_another_if_due(&mut self) {
        if self.is_in_company || self.last_start.elapsed() >= START_INTERVAL {
            if self.traversal.begins_with_one() {
                self.begin_sample();
            }
            self.last_start = Instant::now();
            self.traversal.start_another();
        }
    }

    fn visit_source(&mut self, entries: L::Entries) {
        let traversal = Arc::clone(&self.traversal);
        let path = &traversal.source_path;
        let verdict = self.visitor.judge(None, path.file_name().unwrap_or_default(), false);
        let location = Location { parent: None, name: path.as_os_str(), depth: 0 };
        let identity = traversal.source_identity.clone();
        match self.list(location, verdict, (&traversal.source, entries), false, identity) {
            Ok(frame) => self.stack.extend(frame),
            Err(NotListed { error, .. }) => {
                let operation = Operation::ReadDirectory;
                self.results.send_io_error(location.path(), operation, error);
            }
        }
    }

    /// Visits the next sub-directory of a frame. Returns a frame for it, if there is
    /// something to visit below.
    fn visit_next(&mut self, frame: &mut Frame<V, L>) -> Option<Frame<V, L>> {
        let Frame { dir, subdirs, handle, .. } = frame;
        let child = self.visit(dir, handle, subdirs.peek()?);
        self.allowance -= 1;
        subdirs.skip();
        child
    }

    /// The frame that comes next above this one, if there is one, and whether it feeds it.
    fn next_child(&mut self, frame: &mut Frame<V, L>) -> (Option<Frame<V, L>>, bool) {
        if !self.visitor.visits_feeding_first() {
            return (self.visit_next(frame), false);
        }
        let is_fed = frame.is_fed();
        match if is_fed { None } else { self.next_put_off(frame) } {
            Some(child) => (Some(child), true),
            None => (self.visit_next(frame), is_fed),
        }
    }

    fn visit(
        &mut self,
        parent: &Arc<Dir<V::State>>,
        parent_handle: &mut DirHandle<L>,
        subdir: Subdir<'_>,
    ) -> Option<Frame<V, L>> {
        let depth = parent.depth + 1;
        let mut verdict = self.visitor.judge(Some(parent), subdir.name, subdir.feeds_parent);
        if subdir.link && !self.traversal.options.follow_links {
            self.visitor.link_not_followed(parent, verdict, &mut self.results);
            return None;
        }
        match self.visitor.need(parent, depth, &verdict) {
            Need::Visit => {}
            Need::Presence => {
                self.visitor.not_entered(parent, verdict, &mut self.results);
                return None;
            }
            Need::Nothing => {
                self.visitor.absent(parent, verdict, &mut self.results);
                return None;
            }
        }
        let location = Location { parent: Some(parent), name: subdir.name, depth };
        let tells_errors = self.visitor.tells_errors(&verdict);
        let matters = match self.may_skip() {
            true => self.visitor.what_matters(&verdict),
            false => Matters::Everything,
        };
        let mut backoff = None;
        loop {
            let entered = self.enter(parent, parent_handle, subdir, matters);
            let (handle, entries, identity) = match entered {
                Ok(Entered::Opened((handle, entries), identity)) => (handle, entries, identity),
                Ok(Entered::Leaf) => {
                    self.leaves.learn(depth, subdir.name, true);
                    self.skip(location, verdict);
                    return None;
                }
                Ok(Entered::MountPoint) => {
                    self.visitor.not_entered(parent, verdict, &mut self.results);
                    return None;
                }
                Ok(Entered::OutOfReach) => {
                    self.visitor.not_read(parent, verdict, &mut self.results);
                    return None;
                }
                Ok(Entered::Absent) => {
                    self.visitor.absent(parent, verdict, &mut self.results);
                    return None;
                }
                Err(EnterError::Loop(ancestor)) => {
                    if tells_errors {
                        self.results.send_error(Error::link_loop(location.path(), ancestor));
                    }
                    self.visitor.not_entered(parent, verdict, &mut self.results);
                    return None;
                }
                Err(EnterError::Parent(error)) => {
                    let (path, operation) = (parent.path(), Operation::OpenDirectory);
                    if tells_errors {
                        self.results.send_io_error(path, operation, error);
                    }
                    self.visitor.not_read(parent, verdict, &mut self.results);
                    return None;
                }
                Err(EnterError::Entry(operation, error)) => {
                    if tells_errors {
                        self.results.send_io_error(location.path(), operation, error);
                    }
                    self.visitor.not_read(parent, verdict, &mut self.results);
                    return None;
                }
            };
            match self.list(location, verdict, (&handle, entries), subdir.link, identity) {
                Ok(frame) => {
                    if matters != Matters::Everything {
                        self.leaves.learn(depth, subdir.name, self.directories_listed == 0);
                    }
                    let mut frame = frame?;
                    frame.handle.open = Some(self.keep_open(handle));
                    frame.handle.file_system = self.inherited_file_system(parent_handle, depth);
                    return Some(frame);
                }
                Err(NotListed { error, verdict }) if is_gone(&error) => {
                    self.visitor.absent(parent, verdict, &mut self.results);
                    return None;
                }
                Err(not_listed)
                    if is_out_of_handles(&not_listed.error)
                        && self.wait_for_handles(&mut backoff) =>
                {
                    verdict = not_listed.verdict;
                }
                Err(NotListed { error, verdict }) => {
                    let operation = Operation::ReadDirectory;
                    if tells_errors {
                        self.results.send_io_error(location.path(), operation, error);
                    }
                    self.visitor.not_read(parent, verdict, &mut self.results);
                    return None;
                }
            }
        }
    }

    /// Whether what does not matter in a directory need not be read. A link that is followed may
    /// matter.
    fn may_skip(&self) -> bool {
        let options = &self.traversal.options;
        options.leaf_skip && !options.follow_links
    }

    /// What is known of the file system of a directory at `depth`, by its parent.
    fn inherited_file_system(
        &mut self,
        parent: &mut DirHandle<L>,
        depth: usize,
    ) -> Option<FileSystem> {
        if !self.may_skip() {
            return None;
        }
        let trusts_all = self.traversal.options.trust_link_counts;
        let handle = parent.open.as_ref().map(|counted| counted.handle());
        let handle = handle.unwrap_or(&self.traversal.source);
        let known = FileSystem::of::<L>(&mut parent.file_system, handle, trusts_all)?;
        Some(self.leaves.inherited(known, depth))
    }

    /// Takes a directory for empty that was not opened, as nothing in it matters.
    fn skip(&mut self, location: Location<'_, V::State>, verdict: V::NameVerdict) {
        let Worker { visitor, results, .. } = self;
        results.stats.skipped += 1;
        let accumulator = visitor.begin(&verdict);
        let mut state = visitor.listed(location, verdict, accumulator, true, results);
        visitor.wait_for(location, &mut state, 0, results);
    }

    /// Lists an open directory and classifies its entries. Returns a frame for it, if
    /// there is something to visit below; its handle is not set yet.
    fn list(
        &mut self,
        location: Location<'_, V::State>,
        verdict: V::NameVerdict,
        (handle, entries): (&L::Handle, L::Entries),
        by_link: bool,
        identity: Option<Identity>,
    ) -> Result<Option<Frame<V, L>>, NotListed<V>> {
        let mut accumulator = self.visitor.begin(&verdict);
        let may_skip = self.may_skip();
        let Worker { traversal, visitor, results, leaves, listed: subdirs, .. } = self;
        subdirs.clear();
        let mut classifier = Classifier::<_, L>::new(&traversal.options, location, handle);
        let keeps_links = visitor.may_depend(&verdict);
        let (mut read, mut count, mut rest) = (0, 0, Rest::default());
        let result = L::list(handle, entries, |told| {
            if results.is_stopped() {
                return ControlFlow::Break(());
            }
            let Told::Entry(name, kind) = told else {
                let is_needed = !may_skip
                    || keeps_links && !leaves.knows_of_no_links()
                    || !visitor.awaits_only_directories(&verdict, &accumulator);
                return match !is_needed && leaves.all_seen::<L>(handle, &mut rest, traversal.began)
                {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                };
            };
            rest.seen += u64::from(kind == EntryKind::Directory);
            read += 1;
            if read % ENTRIES_PER_CHECK == 0 {
                results.flush_if_due();
                traversal.adapt(Width::is_alive);
            }
            let is_asked_for = || visitor.asks_for_link(&accumulator, name);
            match classifier.classify(name, kind, is_asked_for, results) {
                Class::Absent => return ControlFlow::Continue(()),
                Class::File => {
                    if classifier.take_untold() {
                        visitor.untold(&mut accumulator, name);
                    }
                    visitor.add_file(&mut accumulator, name);
                }
                Class::Directory { link } => {
                    rest.seen += u64::from(kind == EntryKind::Unknown && !link);
                    visitor.add_directory(&mut accumulator, name);
                    subdirs.push(Subdir { name, link, unseen: false, feeds_parent: false });
                }
                // Whether it matters is known when all files are. Then it is counted.
                Class::Link if keeps_links => {
                    subdirs.push(Subdir { name, link: true, unseen: true, feeds_parent: false });
                    return ControlFlow::Continue(());
                }
                Class::Link => {}
            }
            count += 1;
            ControlFlow::Continue(())
        });
        let is_whole = result.is_ok();
        if let Err(error) = result {
            if read == 0 {
                return Err(NotListed { error, verdict });
            }
            if visitor.tells_errors(&verdict) {
                results.send_io_error(location.path(), Operation::ReadDirectory, error);
            }
        }
        results.stats.directories += 1;
        results.stats.entries += count;
        self.meter.listed(count);
        if results.is_stopped() {
            return Ok(None);
        }
        let mut state = visitor.listed(location, verdict, accumulator, is_whole, results);
        self.directories_listed = rest.seen;
        if subdirs.has_unseen() {
            look_at_links(subdirs, visitor, &state, &mut classifier, results);
        }
        if keeps_links && visitor.depends_on_any(&state) {
            leaves.learn_of_links(subdirs.has_links());
        }
        let (subdirs, feeding) = self.subdirs_to_visit(&state, location.depth + 1);
        self.visitor.wait_for(location, &mut state, feeding, &mut self.results);
        let Some(subdirs) = subdirs else { return Ok(None) };
        let dir = Arc::new(Dir::from(Listed {
            parent: location.parent.cloned(),
            name: location.name.into(),
            depth: location.depth,
            by_link,
            links: location.parent.map_or(0, |parent| parent.links) + u8::from(by_link),
            identity: identity.clone(),
            state,
        }));
        let handle = DirHandle::closed(identity);
        Ok(Some(Frame { dir, subdirs, handle, later: Later::new() }))
    }

    /// The listed sub-directories that have to be visited, and how many of them feed their
    /// parent. All of them lie at `depth`.
    fn subdirs_to_visit(&mut self, state: &V::State, depth: usize) -> (Option<SubdirQueue>, usize) {
        let Worker { traversal, visitor, listed: subdirs, hashes, .. } = self;
        if subdirs.is_empty() {
            return (None, 0);
        }
        let visits_all = visitor.visits_below(state, depth);
        let depends = visitor.depends_on_any(state);
        let follow = traversal.options.follow_links;
        if !visits_all && !depends {
            return (None, 0);
        }
        subdirs.remove_duplicates(hashes);
        if visits_all && !depends && (follow || !subdirs.has_links()) {
            return (Some(subdirs.to_queue()), 0);
        }
        let feeding_first = visitor.visits_feeding_first();
        let (mut kept, mut rest, mut feeding) = (Subdirs::default(), Subdirs::default(), 0);
        for mut subdir in subdirs.iter() {
            subdir.feeds_parent = depends && visitor.depends_on(state, subdir.name);
            feeding += usize::from(subdir.feeds_parent);
            if subdir.feeds_parent || visits_all && (follow || !subdir.link) {
                let is_put_off = feeding_first && !subdir.feeds_parent;
                if is_put_off { &mut rest } else { &mut kept }.push(subdir);
            }
        }
        kept.append(rest);
        ((!kept.is_empty()).then(|| kept.to_queue()), feeding)
    }
}

fn seconds_since_epoch() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0))
}

/// Looks at the links of a listed directory that its answer depends on, and counts the links
/// that were not looked at before. Those that lead to no directory, and those that nobody
/// asks for, are removed.
fn look_at_links<V: Visitor, L: Lister>(
    subdirs: &mut Subdirs,
    visitor: &mut V,
    state: &V::State,
    classifier: &mut Classifier<'_, V::State, L>,
    results: &mut ResultSender<V::Item>,
) {
    let depends = visitor.depends_on_any(state);
    *subdirs = subdirs.filter_map(|subdir| {
        if !subdir.unseen {
            return Some(subdir);
        }
        let class = if depends && visitor.depends_on(state, subdir.name) {
            classifier.classify(subdir.name, EntryKind::Link, || true, results)
        } else {
            Class::Link
        };
        results.stats.entries += usize::from(!matches!(class, Class::Absent));
        matches!(class, Class::Directory { .. }).then_some(Subdir { unseen: false, ..subdir })
    });
}
