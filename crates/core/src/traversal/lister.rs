//! What the traversal asks of the operating system.

use std::ffi::OsStr;
use std::io;
use std::marker::PhantomData;
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
    #[cfg(unix)]
    pub(crate) device: u64,
    #[cfg(unix)]
    pub(crate) inode: u64,
    /// Without inode numbers, the path with all links resolved.
    #[cfg(not(unix))]
    pub(crate) resolved: std::path::PathBuf,
}

impl Identity {
    /// Whether the two lie on one file system.
    pub(crate) fn same_device(&self, other: &Identity) -> bool {
        #[cfg(unix)]
        return self.device == other.device;
        #[cfg(not(unix))]
        return self.resolved.components().next() == other.resolved.components().next();
    }
}

/// The system calls of a traversal: it opens and lists directories.
///
/// Errors are those of the operating system. The caller adds the path.
pub(crate) trait Lister: Send + Sync + Sized + 'static {
    /// An open directory.
    type Handle: Send + Sync + 'static;

    /// How many directories all traversals together may keep open while their
    /// sub-directories wait to be visited. Others are opened again when that is needed,
    /// by their names and from an ancestor that is open.
    fn handle_budget() -> usize;

    /// Opens the source, links followed.
    fn open_source(path: &Path) -> io::Result<Self::Handle>;

    /// Opens a sub-directory. Unless `follow`, a link is refused as
    /// `NotADirectory`.
    fn open(parent: &Self::Handle, name: &OsStr, follow: bool) -> io::Result<Self::Handle>;

    /// Calls `entry` for each entry but `.` and `..`, until `entry` breaks.
    fn list(
        handle: &Self::Handle,
        entry: impl FnMut(&OsStr, EntryKind) -> ControlFlow<()>,
    ) -> io::Result<()>;

    /// What an entry is. Of a link: the link itself, or with `follow` what it leads to.
    fn kind(parent: &Self::Handle, name: &OsStr, follow: bool) -> io::Result<EntryKind>;

    /// The identity of a sub-directory, which need not be open.
    fn identity(parent: &Self::Handle, name: &OsStr, follow: bool) -> io::Result<Identity>;

    /// The identity of an open directory.
    fn handle_identity(handle: &Self::Handle) -> io::Result<Identity>;
}

/// The lister `L` as on a file system that does not tell types: for tests.
pub(crate) struct Untyped<L>(PhantomData<L>);

impl<L: Lister> Lister for Untyped<L> {
    type Handle = L::Handle;

    fn handle_budget() -> usize {
        L::handle_budget()
    }

    fn open_source(path: &Path) -> io::Result<L::Handle> {
        L::open_source(path)
    }

    fn open(parent: &L::Handle, name: &OsStr, follow: bool) -> io::Result<L::Handle> {
        L::open(parent, name, follow)
    }

    fn list(
        handle: &L::Handle,
        mut entry: impl FnMut(&OsStr, EntryKind) -> ControlFlow<()>,
    ) -> io::Result<()> {
        L::list(handle, |name, _| entry(name, EntryKind::Unknown))
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
}

/// Whether an error says that a path leads nowhere: ENOENT, ENOTDIR or ELOOP. An entry
/// that was listed does not exist any more then, or something else took its place.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    #[cfg(unix)]
    let is_link_cycle = error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    #[cfg(not(unix))]
    let is_link_cycle = error.raw_os_error() == Some(1921); // ERROR_CANT_RESOLVE_FILENAME
    is_link_cycle || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
