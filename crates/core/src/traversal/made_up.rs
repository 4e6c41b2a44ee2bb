//! The lister of a tree that is made up: for tests of what a real file system does not do on
//! demand, such as a listing that breaks off after its third entry.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::lister::{EntryKind, Identity, Lister, Opened, Outside, Told};

/// A directory that exists in memory alone.
#[derive(Clone, Debug, Default)]
pub struct MadeUp {
    /// What it lists, in this order.
    pub entries: Vec<(OsString, MadeUpEntry)>,
    /// The error that ends its listing behind these.
    pub broken: Option<io::ErrorKind>,
    /// The error that opening it gives.
    pub closed: Option<io::ErrorKind>,
    /// Whether another file system is mounted here.
    pub is_mount_point: bool,
    /// Whether its file system is one that keeps link counts of directories.
    pub counts_links: bool,
    /// Whether on its file system others are mounted where directories are opened.
    pub mounts_on_demand: bool,
    /// How many links lead to it; `None`: 2, and one for each directory in it.
    pub links: Option<u64>,
    /// The error that a look at it from outside gives.
    pub unseen: Option<io::ErrorKind>,
    /// When it was last changed, in seconds since the epoch.
    pub changed: i64,
    /// After how many entries each its listing pauses; 0: never.
    pub pause: usize,
    /// How often somebody looked at it from outside, or by its handle.
    pub looks: Arc<AtomicUsize>,
}

/// An entry of such a directory.
#[derive(Clone, Debug)]
pub enum MadeUpEntry {
    /// A directory.
    Directory(Arc<MadeUp>),
    /// A link that leads to a directory.
    Link,
    /// Anything else.
    File,
    /// A link of which nobody can tell what it leads to.
    UntoldLink,
    /// An entry of which nobody can tell what it is.
    Untold,
}

/// The trees of scans that did not begin yet, by their sources.
static SOURCES: Mutex<Option<HashMap<PathBuf, Arc<MadeUp>>>> = Mutex::new(None);

/// Makes this the tree of the next scan of a source.
pub(crate) fn plant(source: PathBuf, tree: Arc<MadeUp>) {
    let mut sources = SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
    sources.get_or_insert_default().insert(source, tree);
}

/// The entry of a directory that has this name; of several, the directory.
fn entry<'a>(parent: &'a MadeUp, name: &OsStr) -> io::Result<&'a MadeUpEntry> {
    let mut named = parent.entries.iter().filter(|(other, _)| other == name).map(|(_, it)| it);
    let first = named.next();
    let directory = named.find(|it| matches!(it, MadeUpEntry::Directory(_)));
    directory.or(first).ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn directory(parent: &MadeUp, name: &OsStr) -> io::Result<Arc<MadeUp>> {
    match entry(parent, name)? {
        MadeUpEntry::Directory(below) => Ok(Arc::clone(below)),
        _ => Err(io::ErrorKind::NotADirectory.into()),
    }
}

fn identity(directory: &Arc<MadeUp>) -> Identity {
    let device = u64::from(directory.is_mount_point) + 2 * u64::from(directory.counts_links);
    Identity { device, inode: Arc::as_ptr(directory).addr() as u64 }
}

/// See the module.
pub(super) struct MadeUpLister;

impl Lister for MadeUpLister {
    type Handle = Arc<MadeUp>;
    type Entries = ();

    fn handle_budget() -> usize {
        1
    }

    fn open_source(path: &Path) -> io::Result<Opened<Self>> {
        let mut sources = SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
        let planted = sources.as_mut().and_then(|sources| sources.remove(path));
        Ok((planted.ok_or(io::ErrorKind::NotFound)?, ()))
    }

    fn is_at(_: &Arc<MadeUp>, _: &Path) -> io::Result<bool> {
        Ok(true)
    }

    fn open(parent: &Arc<MadeUp>, name: &OsStr, _: bool) -> io::Result<Opened<Self>> {
        let below = directory(parent, name)?;
        below.closed.map_or(Ok((below, ())), |kind| Err(kind.into()))
    }

    fn list(
        handle: &Arc<MadeUp>,
        (): (),
        mut tell: impl FnMut(Told<'_>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        for (index, (name, entry)) in handle.entries.iter().enumerate() {
            let pauses = index > 0 && handle.pause > 0 && index.is_multiple_of(handle.pause);
            if pauses && tell(Told::Pause).is_break() {
                return Ok(());
            }
            let kind = match entry {
                MadeUpEntry::Directory(_) => EntryKind::Directory,
                MadeUpEntry::Link | MadeUpEntry::UntoldLink => EntryKind::Link,
                MadeUpEntry::File => EntryKind::File,
                MadeUpEntry::Untold => EntryKind::Unknown,
            };
            if tell(Told::Entry(name, kind)).is_break() {
                return Ok(());
            }
        }
        handle.broken.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn kind(parent: &Arc<MadeUp>, name: &OsStr, follow: bool) -> io::Result<EntryKind> {
        match entry(parent, name)? {
            MadeUpEntry::Directory(_) => Ok(EntryKind::Directory),
            MadeUpEntry::Link if follow => Ok(EntryKind::Directory),
            MadeUpEntry::UntoldLink if !follow => Ok(EntryKind::Link),
            MadeUpEntry::Link => Ok(EntryKind::Link),
            MadeUpEntry::File => Ok(EntryKind::File),
            MadeUpEntry::UntoldLink | MadeUpEntry::Untold => {
                Err(io::ErrorKind::PermissionDenied.into())
            }
        }
    }

    fn identity(parent: &Arc<MadeUp>, name: &OsStr, _: bool) -> io::Result<Identity> {
        directory(parent, name).map(|below| identity(&below))
    }

    fn handle_identity(handle: &Arc<MadeUp>) -> io::Result<Identity> {
        Ok(identity(handle))
    }

    fn look(at: &Arc<MadeUp>, name: Option<&OsStr>) -> io::Result<Outside> {
        let seen = match name {
            Some(name) => directory(at, name)?,
            None => Arc::clone(at),
        };
        seen.looks.fetch_add(1, Ordering::Relaxed);
        if let Some(kind) = seen.unseen {
            return Err(kind.into());
        }
        let is_directory = |(_, entry): &&(_, _)| matches!(entry, MadeUpEntry::Directory(_));
        let directories = seen.entries.iter().filter(is_directory).count();
        Ok(Outside {
            identity: identity(&seen),
            is_directory: true,
            links: seen.links.unwrap_or(2 + directories as u64),
            changed: Some(seen.changed),
        })
    }

    fn counts_links(directory: &Arc<MadeUp>) -> io::Result<bool> {
        Ok(directory.counts_links)
    }

    fn mounts_on_demand(directory: &Arc<MadeUp>) -> io::Result<bool> {
        Ok(directory.mounts_on_demand)
    }
}
