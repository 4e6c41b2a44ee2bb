//! Visiting directories: open, list, classify, hand on.

use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::classify::{Class, Classifier};
use super::handles::{self, Held, Patience, is_scarce};
use super::lister::{Identity, Lister, is_gone};
use super::pool::Pool;
use super::subdirs::{Subdir, Subdirs, ToVisit};
use super::{Dir, Options, Outlet, Place, Visitor};
use crate::{Error, Operation};

/// How many entries are listed between two looks at the clock.
const ENTRIES: usize = 4096;

/// How many directories each worker may hold, however many are held already.
const HELD_AT_LEAST: usize = 3;

/// What all the workers of a traversal share.
pub(super) struct Traversal<V: Visitor, L: Lister> {
    options: Options,
    /// Open as long as the traversal lasts, to open from it what is not held.
    source: L::Handle,
    source_identity: Option<Identity>,
    source_path: Box<OsStr>,
    /// The source's name for the visitor.
    source_name: Box<OsStr>,
    held_at_most: usize,
    /// Waiting for something to be closed has been in vain.
    hopeless: AtomicBool,
    pool: Pool<Gift<V, L>>,
}

/// What a worker may get to do.
enum Gift<V: Visitor, L: Lister> {
    Source,
    Stack(Vec<Frame<V, L>>),
}

/// A directory, and what is still to be visited of its sub-directories.
struct Frame<V: Visitor, L: Lister> {
    dir: Arc<Dir<V::State>>,
    subdirs: ToVisit,
    grip: Grip<L>,
}

/// A hold on a directory. (The source is always open, and needs none.)
struct Grip<L: Lister> {
    held: Option<Arc<Held<L::Handle>>>,
    /// Known of a directory that was held and is not any more: what is opened
    /// again has to be the same.
    identity: Option<Identity>,
    /// It could not be found again.
    lost: bool,
}

impl<L: Lister> Clone for Grip<L> {
    fn clone(&self) -> Self {
        Grip { held: self.held.clone(), identity: self.identity.clone(), lost: self.lost }
    }
}

impl<L: Lister> Grip<L> {
    /// Closes the directory, unless others hold it, too. False if there was
    /// nothing to be closed, or it could not be told what to look for later.
    fn let_go(&mut self) -> bool {
        let Some(held) = &self.held else { return false };
        if self.identity.is_none() {
            self.identity = L::handle_identity(held.handle()).ok();
        }
        if self.identity.is_some() {
            self.held = None;
        }
        self.held.is_none()
    }

    /// Takes a directory that has been opened again, if it is the same.
    fn is_same(&self, handle: &L::Handle) -> io::Result<bool> {
        match &self.identity {
            Some(identity) => Ok(*identity == L::handle_identity(handle)?),
            None => Ok(true),
        }
    }
}

impl<V: Visitor, L: Lister> Traversal<V, L> {
    /// Opens the source, to be visited by so many workers. `name` is the
    /// source's for the visitor.
    pub(super) fn open(
        options: Options,
        path: &Path,
        name: &OsStr,
        workers: usize,
    ) -> Result<Traversal<V, L>, Error> {
        handles::begin();
        let failed = |e| Error::io(path, Operation::OpenDirectory, e);
        let mut patience = Patience::new(false);
        let source = loop {
            match L::open_source(path) {
                Err(error) if is_scarce(&error) && patience.wait() => {}
                result => break result.map_err(failed)?,
            }
        };
        let source_identity = if options.follow_links || options.one_file_system {
            Some(L::handle_identity(&source).map_err(failed)?)
        } else {
            None
        };
        Ok(Traversal {
            options,
            source,
            source_identity,
            source_path: path.as_os_str().into(),
            source_name: name.into(),
            held_at_most: L::handles(),
            hopeless: AtomicBool::new(false),
            pool: Pool::new(workers, Gift::Source),
        })
    }

    /// There are only so many workers.
    pub(super) fn reduce_workers(&self, workers: usize) {
        self.pool.reduce(workers);
    }

    /// Ends it: a worker was lost.
    pub(super) fn abandon(&self) {
        self.pool.abandon();
    }
}

/// One of those who visit directories.
pub(super) struct Worker<V: Visitor, L: Lister> {
    traversal: Arc<Traversal<V, L>>,
    visitor: V,
    out: Outlet<V::Item>,
    /// Each one's directory lies below that of the one before: the last is the
    /// deepest, and the next to be gone on with.
    stack: Vec<Frame<V, L>>,
    /// No directory of the stack is held below this index.
    first_held: usize,
    /// No more files can be opened: nothing is held that is not needed.
    in_need: bool,
    /// The sub-directories of what is being listed.
    listed: Subdirs,
}

enum Entered<H> {
    Opened(H, Option<Identity>),
    /// There, but not to be entered.
    MountPoint,
    Gone,
}

/// Why a sub-directory could not be entered.
enum Refused {
    /// The directory that it is in could not be opened again.
    Above(io::Error),
    Itself(Operation, io::Error),
    Loop(PathBuf),
}

impl Refused {
    fn is_scarce(&self) -> bool {
        match self {
            Refused::Above(error) | Refused::Itself(_, error) => is_scarce(error),
            Refused::Loop(_) => false,
        }
    }
}

impl<V: Visitor, L: Lister> Worker<V, L> {
    pub(super) fn new(
        traversal: Arc<Traversal<V, L>>,
        visitor: V,
        out: Outlet<V::Item>,
    ) -> Worker<V, L> {
        Worker {
            traversal,
            visitor,
            out,
            stack: Vec::new(),
            first_held: 0,
            in_need: false,
            listed: Subdirs::default(),
        }
    }

    /// Works until there is nothing left to do for anybody.
    pub(super) fn work(&mut self) {
        while let Some(gift) = self.traversal.pool.take() {
            self.first_held = 0;
            match gift {
                Gift::Source => self.visit_source(),
                Gift::Stack(stack) => self.stack = stack,
            }
            while let Some(mut frame) = self.stack.pop() {
                if self.out.stopped() {
                    self.stack.clear();
                    break;
                }
                if self.traversal.pool.is_hungry() {
                    self.share(&mut frame);
                }
                self.out.tick();
                let below = self.visit(&mut frame);
                if frame.subdirs.left() > 0 {
                    self.push(frame);
                }
                if let Some(below) = below {
                    self.push(below);
                }
            }
            self.out.flush();
        }
    }

    fn push(&mut self, frame: Frame<V, L>) {
        if frame.grip.held.is_some() {
            self.first_held = self.first_held.min(self.stack.len());
        }
        self.stack.push(frame);
    }

    /// Gives a part of what there is to do, of which `top` is the end, to a
    /// worker that has nothing to do.
    fn share(&mut self, top: &mut Frame<V, L>) {
        let bottom = self.stack.first_mut().unwrap_or(top);
        let mut gift = Vec::new();
        if bottom.subdirs.left() > 1 {
            // Half of the largest part, as far as one can tell.
            gift.push(Frame {
                dir: Arc::clone(&bottom.dir),
                subdirs: bottom.subdirs.split(),
                grip: bottom.grip.clone(),
            });
        } else {
            // It may be all that there is, or one of thousands of levels that
            // have one left each.
            for (index, frame) in std::mem::take(&mut self.stack).into_iter().enumerate() {
                if index % 2 == 0 { &mut gift } else { &mut self.stack }.push(frame);
            }
            self.first_held = 0;
        }
        if !gift.is_empty() {
            self.traversal.pool.give(Gift::Stack(gift));
        }
    }

    fn visit_source(&mut self) {
        let traversal = Arc::clone(&self.traversal);
        let prospect = self.visitor.source(&traversal.source_name);
        let place = Place { parent: None, name: &traversal.source_path, depth: 0 };
        let identity = traversal.source_identity.clone();
        match self.list(place, prospect, &traversal.source, false, identity) {
            Ok(below) => self.stack.extend(below),
            Err((error, _)) => self.out.failed(place.path(), Operation::ReadDirectory, error),
        }
    }

    /// Visits the next sub-directory of a frame; gives its own ones, if any are
    /// to be visited.
    fn visit(&mut self, frame: &mut Frame<V, L>) -> Option<Frame<V, L>> {
        let Frame { dir, subdirs, grip } = frame;
        let below = subdirs.peek().and_then(|subdir| self.visit_one(dir, grip, subdir));
        subdirs.skip();
        below
    }

    fn visit_one(
        &mut self,
        parent: &Arc<Dir<V::State>>,
        grip: &mut Grip<L>,
        subdir: Subdir<'_>,
    ) -> Option<Frame<V, L>> {
        let depth = parent.depth + 1;
        let mut prospect = self.visitor.prospect(parent, subdir.name, subdir.awaited);
        if subdir.link && !self.traversal.options.follow_links
            || !(self.visitor.reaches(depth) || self.visitor.insists(&prospect))
        {
            self.visitor.not_entered(parent, prospect, &mut self.out);
            return None;
        }
        let place = Place { parent: Some(parent), name: subdir.name, depth };
        let (handle, identity) = match self.enter(parent, grip, subdir) {
            Ok(Entered::Opened(handle, identity)) => (handle, identity),
            Ok(Entered::MountPoint) => {
                self.visitor.not_entered(parent, prospect, &mut self.out);
                return None;
            }
            Ok(Entered::Gone) => {
                self.visitor.absent(parent, prospect, &mut self.out);
                return None;
            }
            Err(refused) => {
                self.out.send_error(match refused {
                    Refused::Above(error) => {
                        Error::io(parent.path(), Operation::OpenDirectory, error)
                    }
                    Refused::Itself(operation, error) => Error::io(place.path(), operation, error),
                    Refused::Loop(ancestor) => Error::link_loop(place.path(), ancestor),
                });
                self.visitor.not_entered(parent, prospect, &mut self.out);
                return None;
            }
        };
        let mut patience = None;
        loop {
            match self.list(place, prospect, &handle, subdir.link, identity.clone()) {
                Ok(below) => {
                    let mut below = below?;
                    below.grip.held = Some(self.hold(handle));
                    return Some(below);
                }
                // Some other place took this one's meanwhile.
                Err((error, prospect)) if is_gone(&error) => {
                    self.visitor.absent(parent, prospect, &mut self.out);
                    return None;
                }
                Err((error, again)) if is_scarce(&error) && self.wait(&mut patience) => {
                    prospect = again;
                }
                Err((error, prospect)) => {
                    self.out.failed(place.path(), Operation::ReadDirectory, error);
                    self.visitor.not_entered(parent, prospect, &mut self.out);
                    return None;
                }
            }
        }
    }

    fn enter(
        &mut self,
        dir: &Arc<Dir<V::State>>,
        grip: &mut Grip<L>,
        subdir: Subdir<'_>,
    ) -> Result<Entered<L::Handle>, Refused> {
        match self.try_to_enter(dir, grip, subdir) {
            Err(refused) if refused.is_scarce() => {}
            result => return result,
        }
        // Nothing more can be opened: do with the least, and wait for others
        // to do the same.
        self.in_need = true;
        let mut patience = None;
        let result = loop {
            let given_back = self.stack.iter_mut().filter_map(|f| f.grip.let_go().then_some(()));
            if given_back.count() > 0 {
                handles::note_progress();
            }
            match self.try_to_enter(dir, grip, subdir) {
                Err(refused) if refused.is_scarce() => {
                    grip.let_go();
                    if !self.wait(&mut patience) {
                        break Err(refused);
                    }
                }
                result => {
                    self.traversal.hopeless.store(false, Ordering::Relaxed);
                    handles::note_progress();
                    break result;
                }
            }
        };
        self.in_need = false;
        result
    }

    /// Waits for others to close something; false if that is in vain.
    fn wait(&self, patience: &mut Option<Patience>) -> bool {
        let hopeless = &self.traversal.hopeless;
        let had_turn = patience.is_some();
        let patience =
            patience.get_or_insert_with(|| Patience::new(hopeless.load(Ordering::Relaxed)));
        if !had_turn {
            return patience.take_turn() && !self.out.stopped();
        }
        let waited = patience.wait();
        if !waited {
            hopeless.store(true, Ordering::Relaxed);
        }
        waited && !self.out.stopped()
    }

    fn try_to_enter(
        &mut self,
        dir: &Arc<Dir<V::State>>,
        grip: &mut Grip<L>,
        subdir: Subdir<'_>,
    ) -> Result<Entered<L::Handle>, Refused> {
        if grip.lost {
            return Ok(Entered::Gone);
        }
        if dir.parent.is_some() && grip.held.is_none() {
            match self.reopen(dir, grip) {
                Ok(held) => grip.held = Some(held),
                Err(error) if is_gone(&error) => {
                    grip.lost = true;
                    return Ok(Entered::Gone);
                }
                Err(error) => return Err(Refused::Above(error)),
            }
        }
        let traversal = &*self.traversal;
        let parent = grip.held.as_ref().map_or(&traversal.source, |held| held.handle());
        let Subdir { name, link, .. } = subdir;
        let is_elsewhere = |identity: &Identity| {
            let source = traversal.source_identity.as_ref();
            traversal.options.one_file_system && source.is_some_and(|s| !s.same_device(identity))
        };
        let failed = |operation, error| Err(Refused::Itself(operation, error));
        if traversal.options.one_file_system {
            match L::identity(parent, name, link) {
                Ok(identity) if is_elsewhere(&identity) => return Ok(Entered::MountPoint),
                Ok(_) => {}
                Err(error) if is_gone(&error) => return Ok(Entered::Gone),
                Err(error) => return failed(Operation::ReadMetadata, error),
            }
        }
        let handle = match L::open(parent, name, link) {
            Ok(handle) => handle,
            Err(error) if is_gone(&error) => return Ok(Entered::Gone),
            Err(error) => return failed(Operation::OpenDirectory, error),
        };
        if traversal.source_identity.is_none() {
            return Ok(Entered::Opened(handle, None));
        }
        let identity = match L::handle_identity(&handle) {
            Ok(identity) if is_elsewhere(&identity) => return Ok(Entered::MountPoint),
            Ok(identity) => identity,
            // (Where a handle is a path, it can lead nowhere any more.)
            Err(error) if is_gone(&error) => return Ok(Entered::Gone),
            Err(error) => return failed(Operation::ReadMetadata, error),
        };
        if link {
            let mut ancestors = dir.ancestors();
            if let Some(ancestor) = ancestors.find(|dir| dir.identity.as_ref() == Some(&identity)) {
                return Err(Refused::Loop(ancestor.path()));
            }
        }
        Ok(Entered::Opened(handle, Some(identity)))
    }

    /// Holds a directory open. If as many as may be are, one further up is let
    /// go: what lies nearest is needed first.
    fn hold(&mut self, mut handle: L::Handle) -> Arc<Held<L::Handle>> {
        loop {
            match Held::new(handle, self.traversal.held_at_most) {
                Ok(held) => return Arc::new(held),
                Err(refused) => handle = refused,
            }
            let stack = &self.stack[self.first_held.min(self.stack.len())..];
            let held = stack.iter().filter(|frame| frame.grip.held.is_some());
            if held.take(HELD_AT_LEAST).count() < HELD_AT_LEAST || !self.let_go_of_one() {
                return Arc::new(Held::anyway(handle));
            }
        }
    }

    fn let_go_of_one(&mut self) -> bool {
        while let Some(frame) = self.stack.get_mut(self.first_held) {
            self.first_held += 1;
            if frame.grip.let_go() {
                return true;
            }
        }
        false
    }

    /// Opens a directory again that is not held any more, by its names from the
    /// nearest one above that is, following no link but those that it was entered
    /// by.
    ///
    /// On the way others of the stack are opened again and held: the one
    /// half-way, the one half-way from there, and so on. So to go back up through
    /// `n` levels that are all needed takes the order of `n log n` steps.
    fn reopen(&mut self, dir: &Dir<V::State>, grip: &Grip<L>) -> io::Result<Arc<Held<L::Handle>>> {
        let traversal = Arc::clone(&self.traversal);
        let nearest = self.stack.iter().rposition(|frame| frame.grip.held.is_some());
        let (mut base, depth) = match nearest.map(|index| &self.stack[index]) {
            Some(frame) => (frame.grip.held.clone(), frame.dir.depth),
            None => (None, 0),
        };
        // The places on the stack to be filled, the deepest first.
        let mut between = Vec::new();
        let mut low = nearest.map_or(0, |index| index + 1);
        while !self.in_need && low < self.stack.len() {
            low += (self.stack.len() - low) / 2;
            between.push(low);
            low += 1;
        }
        between.reverse();
        let way: Vec<_> = dir.ancestors().take_while(|dir| dir.depth > depth).collect();
        let mut last: Option<L::Handle> = None;
        for step in way.into_iter().rev() {
            let from = match (&last, &base) {
                (Some(handle), _) => handle,
                (None, Some(held)) => held.handle(),
                (None, None) => &traversal.source,
            };
            let handle = L::open(from, &step.name, step.by_link)?;
            while between.last().is_some_and(|&index| self.stack[index].dir.depth < step.depth) {
                between.pop();
            }
            match between.last() {
                Some(&index) if self.stack[index].dir.depth == step.depth => {
                    if !self.stack[index].grip.is_same(&handle)? {
                        return Err(io::ErrorKind::NotFound.into());
                    }
                    // (This may let go of one above.)
                    let held = self.hold(handle);
                    self.stack[index].grip.held = Some(Arc::clone(&held));
                    self.first_held = self.first_held.min(index);
                    (base, last) = (Some(held), None);
                }
                _ => last = Some(handle),
            }
        }
        let handle = last.ok_or(io::ErrorKind::NotFound)?;
        if !grip.is_same(&handle)? {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(self.hold(handle))
    }

    /// Lists an open directory and classifies its entries; gives what is to be
    /// visited below. If not a single entry could be read, gives the error, and
    /// the prospect back.
    #[allow(clippy::type_complexity)]
    fn list(
        &mut self,
        place: Place<'_, V::State>,
        prospect: V::Prospect,
        handle: &L::Handle,
        by_link: bool,
        identity: Option<Identity>,
    ) -> Result<Option<Frame<V, L>>, (io::Error, V::Prospect)> {
        let mut listing = self.visitor.listing(&prospect);
        let Worker { traversal, visitor, out, listed: subdirs, .. } = self;
        subdirs.clear();
        let mut classifier = Classifier::<_, L>::new(&traversal.options, place, handle);
        let (mut read, mut entries) = (0, 0);
        let result = L::list(handle, |name, kind| {
            if out.stopped() {
                return ControlFlow::Break(());
            }
            read += 1;
            if read % ENTRIES == 0 {
                out.tock();
            }
            match classifier.classify(name, kind, out) {
                Class::Absent => return ControlFlow::Continue(()),
                Class::File => visitor.file(&mut listing, name),
                Class::Directory { link } => {
                    visitor.directory(&mut listing, name);
                    subdirs.push(Subdir { name, link, awaited: false });
                }
            }
            entries += 1;
            ControlFlow::Continue(())
        });
        if let Err(error) = result {
            if read == 0 {
                return Err((error, prospect));
            }
            out.failed(place.path(), Operation::ReadDirectory, error);
        }
        out.stats.directories += 1;
        out.stats.entries += entries;
        if out.stopped() {
            return Ok(None);
        }
        let listed = visitor.listed(place, prospect, listing, out);
        let (subdirs, awaited) = self.left_to_visit(&listed, place.depth + 1);
        if awaited == 0 {
            self.visitor.ended(place.parent, &listed, &mut self.out);
        }
        let Some(subdirs) = subdirs else { return Ok(None) };
        let dir = Arc::new(Dir {
            parent: place.parent.cloned(),
            name: place.name.into(),
            depth: place.depth,
            by_link,
            identity: identity.clone(),
            state: self.visitor.state(listed, awaited),
        });
        let grip = Grip { held: None, identity, lost: false };
        Ok(Some(Frame { dir, subdirs, grip }))
    }

    /// Those of the listed sub-directories, at `depth`, that have to be visited;
    /// and how many of them are awaited.
    fn left_to_visit(&mut self, listed: &V::Listed, depth: usize) -> (Option<ToVisit>, usize) {
        let Worker { traversal, visitor, listed: subdirs, .. } = self;
        if subdirs.is_empty() {
            return (None, 0);
        }
        let reaches = visitor.reaches(depth);
        let awaits = visitor.awaits_any(listed);
        let follow = traversal.options.follow_links;
        if reaches && !awaits && (follow || !subdirs.has_links()) {
            return (Some(subdirs.to_visit()), 0);
        }
        let (mut kept, mut awaited) = (Subdirs::default(), 0);
        for mut subdir in subdirs.iter() {
            subdir.awaited = awaits && visitor.awaits(listed, subdir.name);
            awaited += usize::from(subdir.awaited);
            if subdir.awaited || reaches && (follow || !subdir.link) {
                kept.push(subdir);
            }
        }
        ((!kept.is_empty()).then(|| kept.to_visit()), awaited)
    }
}
