//! The lister of a tree that is made up: for tests of what a real file system does not do on
//! demand, such as a listing that breaks off after its third entry.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::lister::{EntryKind, Identity, Lister, Opened};

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
    let device = u64::from(directory.is_mount_point);
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
        mut each: impl FnMut(&OsStr, EntryKind) -> ControlFlow<()>,
    ) -> io::Result<()> {
        for (name, entry) in &handle.entries {
            let kind = match entry {
                MadeUpEntry::Directory(_) => EntryKind::Directory,
                MadeUpEntry::Link | MadeUpEntry::UntoldLink => EntryKind::Link,
                MadeUpEntry::File => EntryKind::File,
                MadeUpEntry::Untold => EntryKind::Unknown,
            };
            if each(name, kind).is_break() {
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
}
