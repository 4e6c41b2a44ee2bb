//! How a worker opens the directories that it visits, and which of them it keeps open.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::handles::{self, CountedHandle, FdBackoff};
use super::leaves::FileSystem;
use super::lister::{DISTINCT_ANSWERS, Identity, Lister, Opened, all_differ};
use super::os_errors::{is_gone, is_out_of_handles, not_the_same, too_many_links};
use super::subdirs::Subdir;
use super::worker::{Traversal, Worker};
use super::{Dir, Matters, Visitor};
use crate::Operation;

/// While fewer than this many directories of a worker's stack are open, none is closed to
/// stay within the budget.
const MIN_HANDLES: usize = 3;

/// How many links a way may lead through, as in the path of a system call. It ends loops
/// where identities do not last.
const MAX_LINKS: u8 = 40;

/// The handle of a frame's directory, which may be closed and opened again. That of the
/// source is always closed: the traversal keeps the source open.
pub(super) struct DirHandle<L: Lister> {
    pub(super) open: Option<Arc<CountedHandle<L::Handle>>>,
    /// Taken before the handle is closed. A directory that is opened again has to have the
    /// same identity.
    identity: Option<Identity>,
    /// Whether another process took it, on whose device another may be mounted by now.
    is_of_another: bool,
    lost: Option<Lost>,
    /// What is known of the file system it lies on; `None`: nobody has asked.
    pub(super) file_system: Option<FileSystem>,
}

/// What became of a directory that cannot be opened again.
#[derive(Clone, Copy)]
enum Lost {
    /// It does not exist any more.
    Gone,
    /// There is one that cannot be told to be the same. An error says so.
    NotTheSame,
}

impl<L: Lister> Clone for DirHandle<L> {
    fn clone(&self) -> Self {
        DirHandle {
            open: self.open.clone(),
            identity: self.identity.clone(),
            is_of_another: self.is_of_another,
            lost: self.lost,
            file_system: self.file_system.clone(),
        }
    }
}

impl<L: Lister> DirHandle<L> {
    pub(super) fn closed(identity: Option<Identity>) -> DirHandle<L> {
        let (is_of_another, lost, file_system) = (false, None, None);
        DirHandle { open: None, identity, is_of_another, lost, file_system }
    }

    /// The handle of a directory that another process has listed.
    pub(super) fn of_another(identity: Option<Identity>) -> DirHandle<L> {
        DirHandle { is_of_another: true, ..DirHandle::closed(identity) }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Closes the directory, unless another worker keeps it open, too. False if it was
    /// closed already, or must stay open since its identity cannot be had.
    pub(super) fn close(&mut self) -> bool {
        if self.open.is_none() {
            return false;
        }
        if self.identity().is_some() {
            self.open = None;
        }
        self.open.is_none()
    }

    /// The directory's identity, which is asked for if it is not known.
    pub(super) fn identity(&mut self) -> Option<&Identity> {
        if self.identity.is_none() {
            let counted = self.open.as_ref()?;
            self.identity = L::handle_identity(counted.handle()).ok();
        }
        self.identity.as_ref()
    }
}

/// The outcome of entering a sub-directory.
pub(super) enum Entered<L: Lister> {
    Opened(Opened<L>, Option<Identity>),
    /// There is no directory in the sub-directory, and nothing else in it matters. It was not
    /// opened.
    Leaf,
    /// The sub-directory lies on another file system than the source.
    MountPoint,
    /// The parent cannot be opened again, as an error has told.
    OutOfReach,
    /// The sub-directory does not exist any more.
    Absent,
}

/// Why a sub-directory could not be entered.
pub(super) enum EnterError {
    /// The parent could not be opened again.
    Parent(io::Error),
    /// The sub-directory could not be opened or examined.
    Entry(Operation, io::Error),
    /// The sub-directory is a link that leads back to this ancestor.
    Loop(PathBuf),
}

/// Why a directory could not be opened again.
enum ReopenError {
    /// There is one that cannot be told to be the same.
    NotTheSame,
    Io(io::Error),
}

impl From<io::Error> for ReopenError {
    fn from(error: io::Error) -> ReopenError {
        ReopenError::Io(error)
    }
}

impl EnterError {
    fn is_out_of_handles(&self) -> bool {
        match self {
            EnterError::Parent(error) | EnterError::Entry(_, error) => is_out_of_handles(error),
            EnterError::Loop(_) => false,
        }
    }
}

impl<V: Visitor, L: Lister> Worker<V, L> {
    /// Opens a sub-directory of `dir`. If no more can be opened, closes what it can and
    /// waits for others to do so.
    ///
    /// `matters` is what does in the sub-directory. If that is not everything, it is asked
    /// from outside whether there is any of it, where that pays.
    pub(super) fn enter(
        &mut self,
        dir: &Arc<Dir<V::State>>,
        handle: &mut DirHandle<L>,
        subdir: Subdir<'_>,
        matters: Matters,
    ) -> Result<Entered<L>, EnterError> {
        match self.try_to_enter(dir, handle, subdir, matters) {
            Err(error) if error.is_out_of_handles() => {}
            result => return result,
        }
        self.is_out_of_handles = true;
        self.traversal.needs_handles(self.meter.epoch());
        let mut backoff = None;
        let result = loop {
            let mut has_closed = false;
            self.stack.iter_mut().for_each(|frame| has_closed |= frame.handle.close());
            // What is queued, nobody else may close: those that put it there may wait for long.
            self.traversal.pool.change_queued(|work| has_closed |= work.close_handles());
            if has_closed {
                handles::note_advance();
            }
            match self.try_to_enter(dir, handle, subdir, matters) {
                Err(error) if error.is_out_of_handles() => {
                    handle.close();
                    if !self.wait_for_handles(&mut backoff) {
                        break Err(error);
                    }
                }
                result => {
                    self.traversal.has_waited_in_vain.store(false, Ordering::Relaxed);
                    handles::note_advance();
                    break result;
                }
            }
        };
        self.is_out_of_handles = false;
        result
    }

    /// Waits until a directory may perhaps be opened: first for this worker's turn, then for
    /// others to advance. False to give up: that was in vain, or the traversal is stopped.
    pub(super) fn wait_for_handles(&self, backoff: &mut Option<FdBackoff>) -> bool {
        let in_vain = &self.traversal.has_waited_in_vain;
        let is_first = backoff.is_none();
        let stop = self.results.stop();
        let backoff = backoff.get_or_insert_with(|| {
            FdBackoff::new(in_vain.load(Ordering::Relaxed), Some(Arc::clone(stop)))
        });
        if is_first {
            return backoff.take_turn() && !self.results.is_stopped();
        }
        let has_waited = backoff.wait();
        if !has_waited {
            in_vain.store(true, Ordering::Relaxed);
        }
        has_waited && !self.results.is_stopped()
    }

    fn try_to_enter(
        &mut self,
        dir: &Arc<Dir<V::State>>,
        handle: &mut DirHandle<L>,
        subdir: Subdir<'_>,
        matters: Matters,
    ) -> Result<Entered<L>, EnterError> {
        match handle.lost {
            None => {}
            Some(Lost::Gone) => return Ok(Entered::Absent),
            Some(Lost::NotTheSame) => return Ok(Entered::OutOfReach),
        }
        if dir.parent.is_some() && handle.open.is_none() {
            match self.reopen(dir, handle) {
                Ok(counted) => handle.open = Some(counted),
                Err(ReopenError::NotTheSame) => {
                    handle.lost = Some(Lost::NotTheSame);
                    return Err(EnterError::Parent(not_the_same()));
                }
                Err(ReopenError::Io(error)) if is_gone(&error) => {
                    handle.lost = Some(Lost::Gone);
                    return Ok(Entered::Absent);
                }
                Err(ReopenError::Io(error)) => return Err(EnterError::Parent(error)),
            }
        }
        let Worker { traversal, leaves, .. } = self;
        let traversal = &**traversal;
        let parent = handle.open.as_ref().map_or(&traversal.source, |counted| counted.handle());
        let Subdir { name, link, .. } = subdir;
        let is_elsewhere = |identity: &Identity| {
            let source = traversal.source_identity.as_ref();
            traversal.options.one_file_system && source.is_some_and(|s| !s.same_device(identity))
        };
        let failed = |operation, error| Err(EnterError::Entry(operation, error));
        let one_file_system = traversal.options.one_file_system;
        let trusts_all = traversal.options.trust_link_counts;
        let file_system = &mut handle.file_system;
        let asks = matters != Matters::Everything
            && !leaves.is_refused()
            && (one_file_system || leaves.pays(dir.depth + 1, name))
            && FileSystem::counts_links::<L>(file_system, parent, trusts_all);
        let look = asks.then(|| L::look(parent, name.into()));
        match &look {
            Some(Ok(outside)) if one_file_system && is_elsewhere(&outside.identity) => {
                return Ok(Entered::MountPoint);
            }
            Some(Ok(outside)) => {
                let is_leaf = outside.directories() == Some(0)
                    && FileSystem::counts_links_of::<L>(file_system, parent, outside, trusts_all);
                if is_leaf && (matters == Matters::Nothing || leaves.overlooks_links()) {
                    return Ok(Entered::Leaf);
                }
            }
            _ if one_file_system => match L::identity(parent, name, link) {
                Ok(identity) if is_elsewhere(&identity) => return Ok(Entered::MountPoint),
                Ok(_) => {}
                Err(error) if is_gone(&error) => return Ok(Entered::Absent),
                Err(error) => return failed(Operation::ReadMetadata, error),
            },
            _ => {}
        }
        let opened = match L::open(parent, name, link) {
            Ok(opened) => {
                if let Some(Err(error)) = look {
                    leaves.note_refusal(&error);
                }
                opened
            }
            Err(error) if is_gone(&error) => return Ok(Entered::Absent),
            Err(error) => return failed(Operation::OpenDirectory, error),
        };
        if traversal.source_identity.is_none() {
            return Ok(Entered::Opened(opened, None));
        }
        let identity = match L::handle_identity(&opened.0) {
            Ok(identity) if is_elsewhere(&identity) => return Ok(Entered::MountPoint),
            Ok(identity) => identity,
            // Where a handle is a path, it may lead nowhere by now.
            Err(error) if is_gone(&error) => return Ok(Entered::Absent),
            Err(error) => return failed(Operation::ReadMetadata, error),
        };
        if link {
            let mut ancestors = dir.ancestors();
            if let Some(ancestor) = ancestors.find(|dir| dir.identity.as_ref() == Some(&identity)) {
                return Err(EnterError::Loop(ancestor.path()));
            }
            if dir.links >= MAX_LINKS {
                return failed(Operation::FollowLink, too_many_links());
            }
        }
        Ok(Entered::Opened(opened, Some(identity)))
    }

    /// Keeps a directory open. If the budget is spent, the topmost one of the stack is
    /// closed for it, since the nearest is needed first.
    pub(super) fn keep_open(&mut self, mut handle: L::Handle) -> Arc<CountedHandle<L::Handle>> {
        loop {
            match CountedHandle::within(self.traversal.handle_budget, handle) {
                Ok(counted) => return Arc::new(counted),
                Err(refused) => handle = refused,
            }
            let stack = &self.stack[self.first_open.min(self.stack.len())..];
            let open = stack.iter().filter(|frame| frame.handle.is_open());
            if open.take(MIN_HANDLES).count() < MIN_HANDLES || !self.close_topmost() {
                return Arc::new(CountedHandle::beyond_budget(handle));
            }
        }
    }

    /// Closes the topmost open directory of the stack; false if there is none.
    fn close_topmost(&mut self) -> bool {
        while let Some(frame) = self.stack.get_mut(self.first_open) {
            self.first_open += 1;
            if frame.handle.close() {
                return true;
            }
        }
        false
    }

    /// Opens a directory again that was closed, by the names that lead to it from its
    /// nearest open ancestor. No link is followed but those that were followed before.
    ///
    /// On the way other directories of the stack are opened again and kept open: the one
    /// half-way, the one half-way from there, and so on. So the way back up through `n`
    /// levels that are all needed takes the order of `n log n` steps.
    fn reopen(
        &mut self,
        dir: &Dir<V::State>,
        handle: &DirHandle<L>,
    ) -> Result<Arc<CountedHandle<L::Handle>>, ReopenError> {
        let nearest = self.stack.iter().rposition(|frame| frame.handle.is_open());
        let (mut base, depth) = match nearest.map(|index| &self.stack[index]) {
            Some(frame) => (frame.handle.open.clone(), frame.dir.depth),
            None => (None, 0),
        };
        // The frames to be kept open, by their index, the deepest first.
        let mut half_way = Vec::new();
        let mut low = nearest.map_or(0, |index| index + 1);
        while !self.is_out_of_handles && low < self.stack.len() {
            low += (self.stack.len() - low) / 2;
            half_way.push(low);
            low += 1;
        }
        half_way.reverse();
        let steps: Vec<_> = dir.ancestors().take_while(|dir| dir.depth > depth).collect();
        let mut last: Option<L::Handle> = None;
        for step in steps.into_iter().rev() {
            let from = match (&last, &base) {
                (Some(handle), _) => handle,
                (None, Some(counted)) => counted.handle(),
                (None, None) => &self.traversal.source,
            };
            let (opened, _) = L::open(from, &step.name, step.by_link)?;
            let check = |before: &DirHandle<L>| {
                let traversal = &self.traversal;
                traversal.check_same(before, &opened, from, &step.name, step.by_link)
            };
            while half_way.last().is_some_and(|&index| self.stack[index].dir.depth < step.depth) {
                half_way.pop();
            }
            match half_way.last() {
                Some(&index) if self.stack[index].dir.depth == step.depth => {
                    check(&self.stack[index].handle)?;
                    // This may close a directory further up.
                    let counted = self.keep_open(opened);
                    self.stack[index].handle.open = Some(Arc::clone(&counted));
                    self.first_open = self.first_open.min(index);
                    (base, last) = (Some(counted), None);
                }
                _ => {
                    if step.depth == dir.depth {
                        check(handle)?;
                    }
                    last = Some(opened);
                }
            }
        }
        let opened = last.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(self.keep_open(opened))
    }
}

impl<V: Visitor, L: Lister> Traversal<V, L> {
    /// Checks that a directory that was opened again is the one from before: its device
    /// and inode are the same, or they do not last on its file system, as that says by
    /// giving other answers for the same name. Then the names have to do.
    fn check_same(
        &self,
        before: &DirHandle<L>,
        opened: &L::Handle,
        parent: &L::Handle,
        name: &OsStr,
        by_link: bool,
    ) -> Result<(), ReopenError> {
        let DirHandle { identity: Some(before), is_of_another, .. } = before else { return Ok(()) };
        let now = L::handle_identity(opened)?;
        if now == *before || *is_of_another && !now.same_device(before) {
            return Ok(());
        }
        let lock = || self.without_identities.lock().unwrap_or_else(PoisonError::into_inner);
        if lock().iter().any(|known| known.same_device(&now)) {
            return Ok(());
        }
        let mut answers = vec![before.clone(), now.clone()];
        while answers.len() < DISTINCT_ANSWERS {
            answers.push(L::identity(parent, name, by_link)?);
        }
        if !all_differ(&answers) {
            return Err(ReopenError::NotTheSame);
        }
        lock().push(now);
        Ok(())
    }
}
