//! The lister for Linux and Android: getdents64 into a buffer on the stack, and
//! directories opened relative to their parents.

use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, SeekFrom, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::lister::{EntryKind, Identity, Lister};

/// As large as the C library's own buffer, so that few directories take two calls.
const BUFFER: usize = 32 * 1024;

/// Room for one entry, however long its name.
const ONE_ENTRY: usize = 2048;

const OPEN: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The lister of this module.
#[derive(Debug)]
pub(crate) struct Getdents;

fn stat(parent: &OwnedFd, name: &OsStr, follow: bool) -> io::Result<Stat> {
    let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
    Ok(retry_on_intr(|| rustix::fs::statat(parent, name, flags))?)
}

// The types of the fields differ between architectures.
#[allow(clippy::unnecessary_cast)]
fn identity(stat: &Stat) -> Identity {
    Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
}

fn kind(file_type: FileType) -> EntryKind {
    match file_type {
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Link,
        FileType::Unknown => EntryKind::Unknown,
        _ => EntryKind::File,
    }
}

impl Lister for Getdents {
    type Handle = OwnedFd;

    fn handle_budget() -> usize {
        // A quarter of what the process may open. The rest is the caller's; directories
        // that are being listed are not part of the budget.
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        limit.map_or(1024, |limit| usize::try_from(limit / 4).unwrap_or(1024).min(1024))
    }

    fn open_source(path: &Path) -> io::Result<OwnedFd> {
        let source = retry_on_intr(|| rustix::fs::open(path, OPEN, Mode::empty()))?;
        // Some file systems open what they cannot read, so some entries are read at
        // once. The buffer is small, since the caller's stack may be.
        let mut buffer = [MaybeUninit::uninit(); ONE_ENTRY];
        let mut entries = RawDir::new(&source, &mut buffer);
        while let Some(Err(error)) = entries.next() {
            match error {
                Errno::INTR => {}
                Errno::NOENT => break,
                error => return Err(error.into()),
            }
        }
        rustix::fs::seek(&source, SeekFrom::Start(0))?;
        Ok(source)
    }

    fn open(parent: &OwnedFd, name: &OsStr, follow: bool) -> io::Result<OwnedFd> {
        let flags = if follow { OPEN } else { OPEN | OFlags::NOFOLLOW };
        match retry_on_intr(|| rustix::fs::openat(parent, name, flags, Mode::empty())) {
            Err(Errno::LOOP) if !follow => Err(Errno::NOTDIR.into()),
            result => Ok(result?),
        }
    }

    fn list(
        handle: &OwnedFd,
        mut entry: impl FnMut(&OsStr, EntryKind) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut entries = RawDir::new(handle, &mut buffer);
        while let Some(next) = entries.next() {
            let next = match next {
                Ok(next) => next,
                Err(Errno::INTR) => continue,
                // The directory was removed after it was opened, so it is empty.
                Err(Errno::NOENT) => break,
                Err(error) => return Err(error.into()),
            };
            let name = next.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if entry(OsStr::from_bytes(name), kind(next.file_type())).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn kind(parent: &OwnedFd, name: &OsStr, follow: bool) -> io::Result<EntryKind> {
        Ok(kind(FileType::from_raw_mode(stat(parent, name, follow)?.st_mode)))
    }

    fn identity(parent: &OwnedFd, name: &OsStr, follow: bool) -> io::Result<Identity> {
        Ok(identity(&stat(parent, name, follow)?))
    }

    fn handle_identity(handle: &OwnedFd) -> io::Result<Identity> {
        Ok(identity(&retry_on_intr(|| rustix::fs::fstat(handle))?))
    }
}
