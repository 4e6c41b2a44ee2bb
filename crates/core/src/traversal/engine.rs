//! Visiting directories: open, list, classify, hand on.

use std::ffi::OsStr;
use std::io;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::Sender;

use super::lister::{EntryKind, Identity, Lister, is_gone};
use super::stream::Counters;
use super::{Options, Subdirs};
use crate::{Error, Operation};

/// What a traversal is for.
pub(crate) trait Visitor: Send + Sync + Sized + 'static {
    /// What it finds.
    type Item: Send + 'static;
    /// What is known of a directory from its name alone.
    type Prospect;
    /// What is gathered while a directory is listed.
    type Listing;
    /// What is kept of a listed directory while it has sub-directories to be
    /// visited.
    type State: Send + Sync + 'static;

    /// What the source's name tells.
    fn source(&self, name: &OsStr) -> Self::Prospect;

    /// What the name of a sub-directory tells; `awaited` as
    /// [`listed`](Self::listed) sorted it.
    fn prospect(&self, parent: &Dir<Self::State>, name: &OsStr, awaited: bool) -> Self::Prospect;

    /// Whether directories at `depth` are visited, whatever their name.
    fn reaches(&self, depth: usize) -> bool;

    /// Whether a directory is to be visited even where the visitor does not
    /// [reach](Self::reaches).
    fn insists(&self, prospect: &Self::Prospect) -> bool;

    /// The start of a directory's listing.
    fn listing(&self, prospect: &Self::Prospect) -> Self::Listing;

    /// A listed directory, or a link to one.
    fn directory(&self, listing: &mut Self::Listing, name: &OsStr);

    /// Any other listed entry.
    fn file(&self, listing: &mut Self::Listing, name: &OsStr);

    /// The end of a directory's listing. The state comes with a test for the
    /// names of those sub-directories whose answer is awaited, if any.
    fn listed(
        &self,
        place: Place<'_, Self::State>,
        prospect: Self::Prospect,
        listing: Self::Listing,
        out: &Outlet<Self::Item>,
    ) -> (Self::State, Option<impl Fn(&OsStr) -> bool>);

    /// The directory is about to be left; `awaited` of its sub-directories
    /// will be answered for, each once, by what follows here or by
    /// [`absent`](Self::absent) or [`not_entered`](Self::not_entered).
    fn awaits(&self, dir: &Arc<Dir<Self::State>>, awaited: usize, out: &Outlet<Self::Item>);

    /// A sub-directory is no longer there.
    fn absent(
        &self,
        parent: &Arc<Dir<Self::State>>,
        prospect: Self::Prospect,
        out: &Outlet<Self::Item>,
    );

    /// A sub-directory is there but its inside is not looked at.
    fn not_entered(
        &self,
        parent: &Arc<Dir<Self::State>>,
        prospect: Self::Prospect,
        out: &Outlet<Self::Item>,
    );
}

/// A directory that has been listed.
#[derive(Debug)]
pub(crate) struct Dir<S> {
    parent: Option<Arc<Dir<S>>>,
    /// The source's is its path.
    name: Box<OsStr>,
    pub(crate) depth: usize,
    by_link: bool,
    /// Known where links are followed.
    identity: Option<Identity>,
    pub(crate) state: S,
}

impl<S> Dir<S> {
    pub(crate) fn parent(&self) -> Option<&Arc<Dir<S>>> {
        self.parent.as_ref()
    }

    /// This directory, its parent, and so on up to the source.
    fn ancestors(&self) -> impl Iterator<Item = &Dir<S>> {
        std::iter::successors(Some(self), |dir| dir.parent.as_deref())
    }

    pub(crate) fn path(&self) -> PathBuf {
        join(self.ancestors(), 0)
    }

    /// The path relative to the source.
    fn relative_path(&self) -> PathBuf {
        join(self.ancestors(), 1)
    }
}

/// The path that the names of a directory's `ancestors`, itself first, make up;
/// without the topmost `skip`.
fn join<'d, S: 'd>(ancestors: impl Iterator<Item = &'d Dir<S>>, skip: usize) -> PathBuf {
    let names: Vec<&OsStr> = ancestors.map(|dir| &*dir.name).collect();
    let length = names.iter().map(|name| name.len() + 1).sum();
    let mut path = PathBuf::with_capacity(length);
    path.extend(names.iter().rev().skip(skip));
    path
}

impl<S> Drop for Dir<S> {
    fn drop(&mut self) {
        // A loop, since recursion as deep as the tree would overflow the stack.
        let mut parent = self.parent.take();
        while let Some(mut dir) = parent.and_then(Arc::into_inner) {
            parent = dir.parent.take();
        }
    }
}

/// Where a directory lies that is being visited.
pub(crate) struct Place<'a, S> {
    /// `None` for the source.
    pub(crate) parent: Option<&'a Arc<Dir<S>>>,
    pub(crate) name: &'a OsStr,
    pub(crate) depth: usize,
}

impl<S> Clone for Place<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Place<'_, S> {}

impl<S> Place<'_, S> {
    pub(crate) fn path(&self) -> PathBuf {
        match self.parent {
            Some(parent) => parent.path().join(self.name),
            None => self.name.into(),
        }
    }

    fn relative_path(&self) -> PathBuf {
        match self.parent {
            Some(parent) => parent.relative_path().join(self.name),
            None => PathBuf::new(),
        }
    }
}

/// Where results and errors go, and the sign to stop.
#[derive(Debug)]
pub(crate) struct Outlet<T> {
    sender: Sender<Result<T, Error>>,
    stop: Arc<AtomicBool>,
    pub(crate) counters: Arc<Counters>,
}

impl<T> Outlet<T> {
    pub(crate) fn new(
        sender: Sender<Result<T, Error>>,
        stop: Arc<AtomicBool>,
        counters: Arc<Counters>,
    ) -> Outlet<T> {
        Outlet { sender, stop, counters }
    }

    pub(crate) fn found(&self, item: T) {
        self.send(Ok(item));
    }

    fn failed(&self, path: PathBuf, operation: Operation, error: io::Error) {
        self.send_error(Error::io(path, operation, error));
    }

    fn send_error(&self, error: Error) {
        self.counters.errors.fetch_add(1, Ordering::Relaxed);
        self.send(Err(error));
    }

    fn send(&self, result: Result<T, Error>) {
        if self.sender.send(result).is_err() {
            // Nobody listens any more.
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// How many directories all traversals of the process hold open: what may be
/// open is limited for the process, not for a traversal.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// A directory held open, and counted while it is.
struct Held<H> {
    handle: H,
}

impl<H> Held<H> {
    /// `None`, and the directory closed, if as many as may be are held already.
    fn new(handle: H, at_most: usize) -> Option<Held<H>> {
        if HELD.fetch_add(1, Ordering::Relaxed) < at_most {
            return Some(Held { handle });
        }
        HELD.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl<H> Drop for Held<H> {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What all the workers of a traversal share.
pub(crate) struct Traversal<V: Visitor, L: Lister> {
    visitor: V,
    options: Options,
    out: Outlet<V::Item>,
    /// Open as long as the traversal lasts, to open from it what is not held.
    source: L::Handle,
    source_identity: Option<Identity>,
    held_at_most: usize,
}

/// The sub-directories of a directory, to be visited.
pub(crate) struct Batch<V: Visitor, L: Lister> {
    traversal: Arc<Traversal<V, L>>,
    dir: Arc<Dir<V::State>>,
    /// The directory itself, if it is still open.
    held: Option<Held<L::Handle>>,
    subdirs: Subdirs,
    /// How many of them, the first ones, are awaited by the directory.
    awaited: usize,
}

/// The source's path, absolute and without links.
pub(crate) fn resolve(source: &Path) -> Result<PathBuf, Error> {
    source.canonicalize().map_err(|e| Error::io(source, Operation::ResolveSource, e))
}

impl<V: Visitor, L: Lister> Traversal<V, L> {
    /// Opens the source. `name` is the source's for the visitor.
    pub(crate) fn open(
        visitor: V,
        options: Options,
        path: &Path,
        out: Outlet<V::Item>,
    ) -> Result<Arc<Traversal<V, L>>, Error> {
        let failed = |e| Error::io(path, Operation::OpenDirectory, e);
        let source = L::open_source(path).map_err(failed)?;
        let source_identity = if options.follow_links || options.one_file_system {
            Some(L::handle_identity(&source).map_err(failed)?)
        } else {
            None
        };
        Ok(Arc::new(Traversal {
            visitor,
            options,
            out,
            source,
            source_identity,
            held_at_most: L::handles(),
        }))
    }

    /// Visits the source and, in jobs of the thread pool that this runs in,
    /// everything below.
    pub(crate) fn run(self: &Arc<Self>, path: &Path, name: &OsStr) {
        let prospect = self.visitor.source(name);
        let place = Place { parent: None, name: path.as_os_str(), depth: 0 };
        let identity = self.source_identity.clone();
        match self.list(place, prospect, &self.source, false, identity) {
            Ok(Some(batch)) => visit_all(Arc::new(batch)),
            Ok(None) => {}
            Err((error, _)) => self.out.send_error(error),
        }
    }

    /// Visits one sub-directory; gives its own ones, if any are to be visited.
    fn visit(self: &Arc<Self>, batch: &Batch<V, L>, index: usize) -> Option<Batch<V, L>> {
        if self.out.stopped() {
            return None;
        }
        let parent = &batch.dir;
        let name = batch.subdirs.name(index);
        let depth = parent.depth + 1;
        let prospect = self.visitor.prospect(parent, name, index < batch.awaited);
        let not_entered = |prospect| self.visitor.not_entered(parent, prospect, &self.out);
        let is_link = batch.subdirs.is_link(index);
        if is_link && !self.options.follow_links
            || !(self.visitor.reaches(depth) || self.visitor.insists(&prospect))
        {
            not_entered(prospect);
            return None;
        }
        let place = Place { parent: Some(parent), name, depth };
        match self.enter(batch, place, is_link) {
            Ok(Entered::Opened(handle, identity)) => {
                match self.list(place, prospect, &handle, is_link, identity) {
                    Ok(below) => {
                        let mut below = below?;
                        below.held = Held::new(handle, self.held_at_most);
                        Some(below)
                    }
                    Err((error, prospect)) => {
                        self.out.send_error(error);
                        not_entered(prospect);
                        None
                    }
                }
            }
            Ok(Entered::MountPoint) => {
                not_entered(prospect);
                None
            }
            Ok(Entered::Gone) => {
                self.visitor.absent(parent, prospect, &self.out);
                None
            }
            Err(error) => {
                self.out.send_error(error);
                not_entered(prospect);
                None
            }
        }
    }

    fn enter(
        &self,
        batch: &Batch<V, L>,
        place: Place<'_, V::State>,
        is_link: bool,
    ) -> Result<Entered<L::Handle>, Error> {
        let reopened;
        let parent = match &batch.held {
            Some(held) => &held.handle,
            None if batch.dir.parent.is_none() => &self.source,
            None => match self.reopen(&batch.dir) {
                Ok(handle) => {
                    reopened = handle;
                    &reopened
                }
                Err(error) if is_gone(&error) => return Ok(Entered::Gone),
                Err(error) => {
                    return Err(Error::io(batch.dir.path(), Operation::OpenDirectory, error));
                }
            },
        };
        let failed = |operation, error| Err(Error::io(place.path(), operation, error));
        if self.options.one_file_system {
            match L::identity(parent, place.name, is_link) {
                Ok(identity) => {
                    if self.source_identity.as_ref().is_some_and(|s| !s.same_device(&identity)) {
                        return Ok(Entered::MountPoint);
                    }
                }
                Err(error) if is_gone(&error) => return Ok(Entered::Gone),
                Err(error) => return failed(Operation::ReadMetadata, error),
            }
        }
        let handle = match L::open(parent, place.name, is_link) {
            Ok(handle) => handle,
            Err(error) if is_gone(&error) => return Ok(Entered::Gone),
            Err(error) => return failed(Operation::OpenDirectory, error),
        };
        if !self.options.follow_links {
            return Ok(Entered::Opened(handle, None));
        }
        let identity = match L::handle_identity(&handle) {
            Ok(identity) => identity,
            // (Where a handle is a path, it can lead nowhere any more.)
            Err(error) if is_gone(&error) => return Ok(Entered::Gone),
            Err(error) => return failed(Operation::ReadMetadata, error),
        };
        if is_link {
            let mut ancestors = batch.dir.ancestors();
            if let Some(ancestor) = ancestors.find(|dir| dir.identity.as_ref() == Some(&identity)) {
                return Err(Error::link_loop(place.path(), ancestor.path()));
            }
        }
        Ok(Entered::Opened(handle, Some(identity)))
    }

    /// Opens a directory again that was not held, by its names from the source
    /// down, following no link but those that it was entered by.
    fn reopen(&self, dir: &Dir<V::State>) -> io::Result<L::Handle> {
        let mut way: Vec<_> = dir.ancestors().map(|dir| (&*dir.name, dir.by_link)).collect();
        way.pop(); // the source
        let mut handle: Option<L::Handle> = None;
        for (name, by_link) in way.into_iter().rev() {
            handle = Some(L::open(handle.as_ref().unwrap_or(&self.source), name, by_link)?);
        }
        handle.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Lists an open directory and classifies its entries. If not a single one
    /// could be read, gives the error, and the prospect back.
    #[allow(clippy::type_complexity)]
    fn list(
        self: &Arc<Self>,
        place: Place<'_, V::State>,
        prospect: V::Prospect,
        handle: &L::Handle,
        by_link: bool,
        identity: Option<Identity>,
    ) -> Result<Option<Batch<V, L>>, (Error, V::Prospect)> {
        let mut listing = self.visitor.listing(&prospect);
        let mut subdirs = Subdirs::default();
        let mut classifier = Classifier::new(self, place, handle);
        let (mut read, mut entries) = (false, 0);
        let result = L::list(handle, &mut |name, kind| {
            if self.out.stopped() {
                return ControlFlow::Break(());
            }
            read = true;
            match classifier.classify(name, kind) {
                Class::Absent => return ControlFlow::Continue(()),
                Class::File => self.visitor.file(&mut listing, name),
                Class::Directory { link } => {
                    self.visitor.directory(&mut listing, name);
                    subdirs.push(name, link);
                }
            }
            entries += 1;
            ControlFlow::Continue(())
        });
        let unfollowed = classifier.unfollowed;
        if let Err(error) = result {
            let error = Error::io(place.path(), Operation::ReadDirectory, error);
            if !read {
                return Err((error, prospect));
            }
            self.out.send_error(error);
        }
        self.out.counters.listed(entries, unfollowed);
        if self.out.stopped() {
            return Ok(None);
        }
        let (state, awaited) = self.visitor.listed(place, prospect, listing, &self.out);
        let (subdirs, awaited) = self.to_visit(place.depth + 1, subdirs, awaited);
        let dir = Arc::new(Dir {
            parent: place.parent.cloned(),
            name: place.name.into(),
            depth: place.depth,
            by_link,
            identity,
            state,
        });
        self.visitor.awaits(&dir, awaited, &self.out);
        if subdirs.len() == 0 {
            return Ok(None);
        }
        Ok(Some(Batch { traversal: Arc::clone(self), dir, held: None, subdirs, awaited }))
    }

    /// Those sub-directories that have to be visited, the awaited ones first;
    /// and how many these are.
    fn to_visit(
        &self,
        depth: usize,
        mut subdirs: Subdirs,
        awaited: Option<impl Fn(&OsStr) -> bool>,
    ) -> (Subdirs, usize) {
        let reaches = self.visitor.reaches(depth);
        let all = reaches && (self.options.follow_links || !subdirs.has_links());
        let entered = |index| reaches && (self.options.follow_links || !subdirs.is_link(index));
        match awaited {
            Some(awaited) => subdirs.partitioned(awaited, entered),
            None if all => {
                subdirs.shrink();
                (subdirs, 0)
            }
            None => (subdirs.filtered(entered), 0),
        }
    }
}

enum Entered<H> {
    Opened(H, Option<Identity>),
    /// There, but not to be entered.
    MountPoint,
    Gone,
}

/// Visits the sub-directories of a batch and all below them.
pub(crate) fn visit_all<V: Visitor, L: Lister>(batch: Arc<Batch<V, L>>) {
    let range = 0..batch.subdirs.len();
    visit_range(batch, range);
}

fn visit_range<V: Visitor, L: Lister>(mut batch: Arc<Batch<V, L>>, mut range: Range<usize>) {
    loop {
        // Leave the second half to whoever is idle; if nobody is, it comes
        // back here, the nearest part first.
        while range.len() > 1 {
            let middle = range.start + range.len() / 2;
            let rest = middle..range.end;
            range.end = middle;
            let batch = Arc::clone(&batch);
            rayon::spawn(move || visit_range(batch, rest));
        }
        let Some(below) = batch.traversal.visit(&batch, range.start) else { return };
        range = 0..below.subdirs.len();
        batch = Arc::new(below);
    }
}

/// What an entry counts as.
enum Class {
    Directory { link: bool },
    File,
    Absent,
}

/// Tells what the entries of one directory count as.
struct Classifier<'a, V: Visitor, L: Lister> {
    traversal: &'a Traversal<V, L>,
    place: Place<'a, V::State>,
    handle: &'a L::Handle,
    excluding: bool,
    /// The directory relative to the source, where a rule looks at it.
    relative: PathBuf,
    /// Links to directories that are not followed.
    unfollowed: usize,
}

impl<'a, V: Visitor, L: Lister> Classifier<'a, V, L> {
    fn new(
        traversal: &'a Traversal<V, L>,
        place: Place<'a, V::State>,
        handle: &'a L::Handle,
    ) -> Classifier<'a, V, L> {
        let rules = &traversal.options.exclude;
        let relative = if rules.needs_path() { place.relative_path() } else { PathBuf::new() };
        let excluding = !rules.is_empty();
        Classifier { traversal, place, handle, excluding, relative, unfollowed: 0 }
    }

    fn classify(&mut self, name: &OsStr, kind: EntryKind) -> Class {
        let class = if self.excluding {
            self.relative.push(name);
            let class = self.classify_unless_excluded(name, kind);
            self.relative.pop();
            class
        } else {
            self.classify_included(name, kind)
        };
        if matches!(class, Class::Directory { link: true }) && !self.traversal.options.follow_links
        {
            self.unfollowed += 1;
        }
        class
    }

    fn classify_unless_excluded(&self, name: &OsStr, kind: EntryKind) -> Class {
        let rules = &self.traversal.options.exclude;
        // A link that is excluded whatever it leads to is not even followed.
        if rules.excludes_any(&self.relative, name) {
            return Class::Absent;
        }
        match self.classify_included(name, kind) {
            Class::Directory { .. } if rules.excludes_directory(&self.relative, name) => {
                Class::Absent
            }
            class => class,
        }
    }

    fn classify_included(&self, name: &OsStr, kind: EntryKind) -> Class {
        match kind {
            EntryKind::File => Class::File,
            EntryKind::Directory => Class::Directory { link: false },
            EntryKind::Link => self.classify_link(name),
            EntryKind::Unknown => match L::kind(self.handle, name, false) {
                Ok(EntryKind::Directory) => Class::Directory { link: false },
                Ok(EntryKind::Link) => self.classify_link(name),
                Ok(_) => Class::File,
                Err(error) if is_gone(&error) => Class::Absent,
                Err(error) => {
                    let path = self.place.path().join(name);
                    self.traversal.out.failed(path, Operation::ReadMetadata, error);
                    Class::File
                }
            },
        }
    }

    fn classify_link(&self, name: &OsStr) -> Class {
        match L::kind(self.handle, name, true) {
            Ok(EntryKind::Directory) => Class::Directory { link: true },
            Ok(_) => Class::File,
            Err(error) => {
                // ENOENT, ENOTDIR and ELOOP make it a broken link; with any
                // other failure there is no telling what it leads to.
                if !is_gone(&error) {
                    let path = self.place.path().join(name);
                    self.traversal.out.failed(path, Operation::FollowLink, error);
                }
                Class::File
            }
        }
    }
}
