//! Opening, making and removing entries of directories that are held open. No link is
//! followed, but where that is asked for.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::{Errno, Result, retry_on_intr};

use crate::traversal::Stop;

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// How long is waited for what others hold: open files, a lease.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Tries again for a while where other work may make room: no more files can be opened, or
/// somebody has a lease on this one.
pub(super) fn patiently<R>(stop: &Stop, mut act: impl FnMut() -> Result<R>) -> Result<R> {
    let mut end = None;
    let mut pause = Duration::from_millis(1);
    loop {
        match act() {
            Err(Errno::INTR) => {}
            Err(Errno::MFILE | Errno::NFILE | Errno::AGAIN)
                if !stop.is_set()
                    && Instant::now() < *end.get_or_insert_with(|| Instant::now() + PATIENCE) =>
            {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(50));
            }
            result => return result,
        }
    }
}

/// Opens a sub-directory.
pub(super) fn open_directory(parent: impl AsFd, name: &OsStr, stop: &Stop) -> Result<OwnedFd> {
    patiently(stop, || rustix::fs::openat(parent.as_fd(), name, DIRECTORY, Mode::empty()))
}

/// Opens a regular file for reading, and tells what it is. With `follow`, the name may be that
/// of a link to one.
///
/// Whatever may have taken its place, this does not wait: a fifo is opened and refused.
pub(super) fn open_file(
    parent: impl AsFd,
    name: &OsStr,
    follow: bool,
    stop: &Stop,
) -> Result<(OwnedFd, Stat)> {
    let parent = parent.as_fd();
    let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    if follow {
        // A device may do something when it is opened.
        let leads_to = retry_on_intr(|| rustix::fs::statat(parent, name, AtFlags::empty()))?;
        check_regular(&leads_to)?;
    } else {
        flags |= OFlags::NOFOLLOW;
    }
    let file = patiently(stop, || rustix::fs::openat(parent, name, flags, Mode::empty()))?;
    let stat = retry_on_intr(|| rustix::fs::fstat(&file))?;
    check_regular(&stat)?;
    Ok((file, stat))
}

fn check_regular(stat: &Stat) -> Result<()> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(Errno::ISDIR),
        // As of a socket that is opened.
        _ => Err(Errno::NXIO),
    }
}

/// The mode of a file of a copy as long as it does not have its original's: nobody else may read
/// it.
pub(super) const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Makes a new file.
pub(super) fn create_file(
    parent: impl AsFd,
    name: &OsStr,
    mode: Mode,
    stop: &Stop,
) -> Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    patiently(stop, || rustix::fs::openat(parent.as_fd(), name, flags, mode))
}

/// Makes a directory, which only its owner may enter so far.
pub(super) fn make_directory(parent: impl AsFd, name: &OsStr) -> Result<()> {
    retry_on_intr(|| rustix::fs::mkdirat(parent.as_fd(), name, Mode::RWXU))
}

/// What an entry is, which may be a link.
pub(super) fn look_at(parent: impl AsFd, name: &OsStr) -> Result<Stat> {
    retry_on_intr(|| rustix::fs::statat(parent.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW))
}

pub(super) fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

pub(super) fn is_link(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Symlink
}

/// Whether a name leads to this open file or directory.
pub(super) fn is_at(parent: impl AsFd, name: &OsStr, opened: impl AsFd) -> bool {
    match (look_at(parent, name), retry_on_intr(|| rustix::fs::fstat(opened.as_fd()))) {
        (Ok(there), Ok(here)) => (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino),
        _ => false,
    }
}

/// Takes the lock that says that a process is at work on this. `Some(false)` if another has
/// it; `None` if there are no locks on this file system.
pub(super) fn lock(opened: impl AsFd) -> Option<bool> {
    // Not there on every system.
    #[cfg(not(any(target_os = "solaris", target_os = "espidf", target_os = "wasi")))]
    let result = retry_on_intr(|| {
        rustix::fs::flock(opened.as_fd(), FlockOperation::NonBlockingLockExclusive)
    });
    #[cfg(any(target_os = "solaris", target_os = "espidf", target_os = "wasi"))]
    let result: Result<()> = Err(Errno::NOSYS);
    match result {
        Ok(()) => Some(true),
        Err(Errno::WOULDBLOCK) => Some(false),
        Err(_) => None,
    }
}

/// The names of a directory's entries.
pub(super) fn names(directory: impl AsFd) -> Result<Vec<OsString>> {
    let mut names = Vec::new();
    let mut entries = rustix::fs::Dir::read_from(directory)?;
    while let Some(entry) = entries.read() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).into());
        }
    }
    Ok(names)
}

pub(super) fn remove_file(parent: impl AsFd, name: &OsStr) -> Result<()> {
    retry_on_intr(|| rustix::fs::unlinkat(parent.as_fd(), name, AtFlags::empty()))
}

pub(super) fn remove_directory(parent: impl AsFd, name: &OsStr) -> Result<()> {
    retry_on_intr(|| rustix::fs::unlinkat(parent.as_fd(), name, AtFlags::REMOVEDIR))
}

/// How many directories are held open at most while others are emptied that lie in them.
const HELD: usize = 8;

/// Removes all that is in an open directory, as far as it goes, and nothing on other file
/// systems. Calls `removed` for each entry. Waits for a file that may be opened until `stop`
/// says not to.
pub(super) fn clear(directory: &OwnedFd, stop: &Stop, removed: &dyn Fn()) -> Result<()> {
    let top = identity(directory)?;
    // A loop, since what lies there may be deeper than the stack of a thread.
    let names = listed(directory, stop)?;
    let mut frames = vec![Frame { name: OsString::new(), handle: None, identity: top, names }];
    let mut failure = None;
    while let Some(frame) = frames.last_mut() {
        let next = frame.names.pop();
        let current = frame.handle.as_ref().unwrap_or(directory);
        let Some(name) = next else {
            let Some(emptied) = frames.pop() else { break };
            let is_top = frames.len() == 1;
            if let Some(parent) = frames.last_mut() {
                if !is_top && parent.handle.is_none() {
                    parent.handle = Some(parent.reopened(&emptied, stop)?);
                }
                let parent = parent.handle.as_ref().unwrap_or(directory);
                failure = remove_directory(parent, &emptied.name).err().or(failure);
                removed();
            }
            continue;
        };
        match remove_file(current, &name) {
            Ok(()) => removed(),
            Err(Errno::NOENT) => {}
            // Some systems say EPERM of a directory, which it then is to be found out.
            Err(error @ (Errno::ISDIR | Errno::PERM)) => {
                match enter(current, &name, top, stop) {
                    Ok(Some((handle, identity, names))) => {
                        frames.push(Frame { name, handle: Some(handle), identity, names });
                        if let Some(above) = frames.len().checked_sub(HELD + 1) {
                            frames[above].handle = None;
                        }
                    }
                    Ok(None) => failure = Some(error),
                    Err(error @ (Errno::MFILE | Errno::NFILE)) => {
                        // There was enough waiting.
                        stop.set();
                        failure = Some(error);
                    }
                    Err(error) => failure = Some(error),
                }
            }
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(()), Err)
}

/// A directory that is being emptied.
struct Frame {
    name: OsString,
    /// `None` for the one that was given, and for those of which too many would be open.
    handle: Option<OwnedFd>,
    identity: Identity,
    names: Vec<OsString>,
}

impl Frame {
    /// Opens it again, from a directory that was in it.
    fn reopened(&self, below: &Frame, stop: &Stop) -> Result<OwnedFd> {
        let handle = below.handle.as_ref().ok_or(Errno::BADF)?;
        let above = open_directory(handle, "..".as_ref(), stop)?;
        // It may have been moved elsewhere.
        if identity(&above)? == self.identity { Ok(above) } else { Err(Errno::STALE) }
    }
}

/// The device and the number of a directory.
type Identity = (rustix::fs::Dev, u64);

// The types of the fields differ between systems.
#[allow(clippy::unnecessary_cast)]
fn identity(directory: &OwnedFd) -> Result<Identity> {
    let stat = retry_on_intr(|| rustix::fs::fstat(directory))?;
    Ok((stat.st_dev as rustix::fs::Dev, stat.st_ino as u64))
}

/// Opens and lists a directory that is to be emptied. `None` for what is none, or is on another
/// device than `top`.
fn enter(
    parent: &OwnedFd,
    name: &OsStr,
    top: Identity,
    stop: &Stop,
) -> Result<Option<(OwnedFd, Identity, Vec<OsString>)>> {
    let handle = match open_directory(parent, name, stop) {
        Err(Errno::NOTDIR | Errno::LOOP) => return Ok(None),
        result => result?,
    };
    let identity = identity(&handle)?;
    if identity.0 != top.0 {
        return Ok(None);
    }
    let names = listed(&handle, stop)?;
    Ok(Some((handle, identity, names)))
}

/// The names in a directory that is to be emptied, which its mode may not allow so far.
fn listed(directory: &OwnedFd, stop: &Stop) -> Result<Vec<OsString>> {
    // Not its owner; then the listing tells whether that matters.
    let _ = rustix::fs::fchmod(directory, Mode::RWXU);
    patiently(stop, || names(directory))
}

/// The directory that a path leads to, in order to make something in it. Links are followed, as
/// above a destination they may be.
pub(super) fn open_path(path: &std::path::Path, stop: &Stop) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match patiently(stop, || rustix::fs::open(path, flags, Mode::empty())) {
        // Who may not read a directory may still be allowed to make something in it.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Err(Errno::ACCESS) => {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            patiently(stop, || rustix::fs::open(path, flags, Mode::empty()))
        }
        result => result,
    }
}

/// Whether an error says that a system, or a file system, has no such call. ENOTSUP and EOPNOTSUPP
/// are two errors on some systems, such as macOS.
pub(super) fn is_unsupported(error: Errno) -> bool {
    [Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP].contains(&error)
}

/// Flushes a file, or a directory's entries, to the disk.
pub(super) fn sync(opened: BorrowedFd<'_>) -> Result<()> {
    // There fsync leaves it to the disk when to write.
    #[cfg(target_vendor = "apple")]
    if retry_on_intr(|| rustix::fs::fcntl_fullfsync(opened)).is_ok() {
        return Ok(());
    }
    match retry_on_intr(|| rustix::fs::fsync(opened)) {
        // A file system that cannot be asked to, for directories.
        Err(error) if error == Errno::INVAL || is_unsupported(error) => Ok(()),
        result => result,
    }
}
