//! What the traversal asks of the operating system.

use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Directory,
    Link,
    /// Anything else: a file, a fifo, a socket, a device.
    File,
    /// The listing does not tell. [`Lister::kind`] does.
    Unknown,
}

/// What two handles of the same directory have in common, whatever its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// On Windows, the serial number of the volume.
    pub(crate) device: u64,
    /// On Windows, the index of the file.
    pub(crate) inode: u64,
}

impl Identity {
    /// Whether the two lie on one file system.
    pub(crate) fn same_device(&self, other: &Identity) -> bool {
        self.device == other.device
    }
}

/// What is told of a directory without listing it. The portable lister tells nothing.
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), allow(dead_code))]
#[derive(Clone, Debug)]
pub(crate) struct Outside {
    pub(crate) identity: Identity,
    pub(crate) is_directory: bool,
    pub(crate) links: u64,
    /// When it was last changed, in seconds since the epoch, if that is told.
    pub(crate) changed: Option<i64>,
}

impl Outside {
    /// How many directories there are in it, by its link count; `None`: that does not tell.
    pub(crate) fn directories(&self) -> Option<u64> {
        if self.is_directory { self.links.checked_sub(2) } else { None }
    }
}

/// What a listing tells. That of the portable lister does not pause.
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), allow(dead_code))]
#[derive(Debug)]
pub(crate) enum Told<'a> {
    Entry(&'a OsStr, EntryKind),
    /// All that was read so far was told, and to read on may take long.
    Pause,
}

/// A directory that was opened, and its entries.
pub(crate) type Opened<L> = (<L as Lister>::Handle, <L as Lister>::Entries);

/// The system calls of a traversal: it opens and lists directories.
///
/// Errors are those of the operating system. The caller adds the path.
pub(crate) trait Lister: Send + Sync + Sized + 'static {
    /// An open directory.
    type Handle: Send + Sync + 'static;

    /// The entries of a directory that was opened and not listed yet. They are read once.
    type Entries: Send + 'static;

    /// How many directories all traversals together may keep open while their
    /// sub-directories wait to be visited. Others are opened again when that is needed,
    /// by their names and from an ancestor that is open.
    fn handle_budget() -> usize;

    /// Opens the source, links followed, and reads its first entries: some file systems
    /// open what they cannot read.
    fn open_source(path: &Path) -> io::Result<Opened<Self>>;

    /// Whether a path leads to this open directory, by the same mounts.
    fn is_at(handle: &Self::Handle, path: &Path) -> io::Result<bool>;

    /// Opens a sub-directory. Unless `follow`, a link is refused as
    /// `NotADirectory`.
    fn open(parent: &Self::Handle, name: &OsStr, follow: bool) -> io::Result<Opened<Self>>;

    /// Tells each entry but `.` and `..`, until `tell` breaks.
    fn list(
        handle: &Self::Handle,
        entries: Self::Entries,
        tell: impl FnMut(Told<'_>) -> ControlFlow<()>,
    ) -> io::Result<()>;

    /// What an entry is. Of a link: the link itself, or with `follow` what it leads to.
    fn kind(parent: &Self::Handle, name: &OsStr, follow: bool) -> io::Result<EntryKind>;

    /// The identity of a sub-directory, which need not be open.
    fn identity(parent: &Self::Handle, name: &OsStr, follow: bool) -> io::Result<Identity>;

    /// The identity of an open directory.
    fn handle_identity(handle: &Self::Handle) -> io::Result<Identity>;

    /// What is told of a sub-directory, which is not opened, nor is anything mounted for it, and
    /// a link is not followed; or of the open directory itself, without asking a server.
    fn look(_directory: &Self::Handle, _name: Option<&OsStr>) -> io::Result<Outside> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Whether an open directory lies on a file system that is known to keep link counts of
    /// directories: 2, and one for each directory in it.
    fn counts_links(_directory: &Self::Handle) -> io::Result<bool> {
        Ok(false)
    }

    /// Whether an open directory lies on a file system on which others are mounted when what is
    /// in it is opened, as by autofs. What is seen of that from outside is nothing of them.
    fn mounts_on_demand(_directory: &Self::Handle) -> io::Result<bool> {
        Ok(false)
    }
}

/// The lister `L` as on a file system that does not tell types: for tests.
#[cfg(feature = "test-hooks")]
pub(crate) struct Untyped<L>(std::marker::PhantomData<L>);

#[cfg(feature = "test-hooks")]
impl<L: Lister> Lister for Untyped<L> {
    type Handle = L::Handle;
    type Entries = L::Entries;

    fn handle_budget() -> usize {
        L::handle_budget()
    }

    fn open_source(path: &Path) -> io::Result<Opened<Self>> {
        L::open_source(path)
    }

    fn is_at(handle: &L::Handle, path: &Path) -> io::Result<bool> {
        L::is_at(handle, path)
    }

    fn open(parent: &L::Handle, name: &OsStr, follow: bool) -> io::Result<Opened<Self>> {
        L::open(parent, name, follow)
    }

    fn list(
        handle: &L::Handle,
        entries: L::Entries,
        mut tell: impl FnMut(Told<'_>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        L::list(handle, entries, |told| match told {
            Told::Entry(name, _) => tell(Told::Entry(name, EntryKind::Unknown)),
            Told::Pause => tell(Told::Pause),
        })
    }

    fn kind(parent: &L::Handle, name: &OsStr, follow: bool) -> io::Result<EntryKind> {
        L::kind(parent, name, follow)
    }

    fn identity(parent: &L::Handle, name: &OsStr, follow: bool) -> io::Result<Identity> {
        L::identity(parent, name, follow)
    }

    fn handle_identity(handle: &L::Handle) -> io::Result<Identity> {
        L::handle_identity(handle)
    }

    fn look(directory: &L::Handle, name: Option<&OsStr>) -> io::Result<Outside> {
        L::look(directory, name)
    }

    fn counts_links(directory: &L::Handle) -> io::Result<bool> {
        L::counts_links(directory)
    }

    fn mounts_on_demand(directory: &L::Handle) -> io::Result<bool> {
        L::mounts_on_demand(directory)
    }
}

/// How often an identity is asked for before it is known not to last: so many answers,
/// each other than all the rest. Two directories that take each other's place all the
/// time give two, again and again.
pub(super) const DISTINCT_ANSWERS: usize = 4;

/// Whether these answers to one question say that identities do not last.
pub(super) fn all_differ(answers: &[Identity]) -> bool {
    answers.iter().enumerate().all(|(index, answer)| !answers[..index].contains(answer))
}
