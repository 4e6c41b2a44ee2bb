//! The lister for Linux and Android: getdents64 into a buffer on the stack, and
//! directories opened relative to their parents.

use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, PROC_SUPER_MAGIC, RawDir, RawDirEntry, Stat,
    StatxAttributes, StatxFlags,
};
use rustix::io::{Errno, retry_on_intr};

use super::lister::{EntryKind, Identity, Lister, Opened, Outside, Told};

/// As large as the C library's own buffer, so that few directories take two calls.
const BUFFER: usize = 32 * 1024;

/// The largest record of an entry: a name has 255 bytes at most. With less left in the buffer
/// there may be more to come.
const LARGEST_RECORD: usize = record_size(255);

/// The file systems that keep link counts of directories: ext2, ext3 and ext4, XFS, tmpfs, F2FS.
/// ext4 says 1 where there are too many. Others say 1 (btrfs, overlayfs), what a server says, or
/// what the maker of an image wrote.
const COUNTING_LINKS: [u32; 4] = [0xef53, 0x5846_5342, 0x0102_1994, 0xf2f5_2010];

/// The file system of which each directory may be one that another is mounted on, as soon as it is
/// opened.
const AUTOFS: u32 = 0x0187;

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

/// The kind of the file system that a directory lies on.
// The type of the field differs between architectures.
#[allow(clippy::unnecessary_cast)]
fn magic(directory: &OwnedFd) -> io::Result<u32> {
    Ok(retry_on_intr(|| rustix::fs::fstatfs(directory))?.f_type as u32)
}

/// The entries of a directory that was opened: those that were read already, which are
/// the first of the source and none of any other. The system reads on from there. No
/// directory is rewound, since there are file systems that then list nothing, or all
/// entries twice, or fail.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    read: Vec<(OsString, EntryKind)>,
    /// Of their records.
    size: usize,
    has_ended: bool,
}

/// The size of an entry's record in the buffer: 19 bytes, the name and its end, aligned.
const fn record_size(name_length: usize) -> usize {
    (19 + name_length + 1).next_multiple_of(8)
}

/// The same, of an entry that was read.
fn size_of(entry: &RawDirEntry<'_>) -> usize {
    record_size(entry.file_name().to_bytes().len())
}

/// An entry's name and kind; `None` for `.` and `..`.
#[inline]
fn entry_of<'a>(entry: &'a RawDirEntry<'_>) -> Option<(&'a OsStr, EntryKind)> {
    let name = entry.file_name().to_bytes();
    (name != b"." && name != b"..").then(|| (OsStr::from_bytes(name), kind(entry.file_type())))
}

/// What the mounts below a path depend on: which directory it leads to, and by which
/// mount, where the system tells that.
fn place(directory: impl AsFd, path: &Path, flags: AtFlags) -> io::Result<(u32, u32, u64, u64)> {
    let mask = StatxFlags::INO | StatxFlags::MNT_ID;
    let stat = retry_on_intr(|| rustix::fs::statx(directory.as_fd(), path, flags, mask))?;
    let has_mount = stat.stx_mask & StatxFlags::MNT_ID.bits() != 0;
    let mount = if has_mount { stat.stx_mnt_id } else { 0 };
    Ok((stat.stx_dev_major, stat.stx_dev_minor, stat.stx_ino, mount))
}

/// The error of a directory whose entries could not be read; `None` if there are no more,
/// since it was removed. (A server may say ENOENT of one that is there.)
///
/// What belongs to a process that has ended, such as `/proc/PID/net`, gives EINVAL, ENOENT or
/// ESRCH on Linux. It is as if the process were not there.
fn listing_error(handle: &OwnedFd, error: Errno, has_read: bool) -> Option<io::Error> {
    let is_proc = || rustix::fs::fstatfs(handle).is_ok_and(|stat| stat.f_type == PROC_SUPER_MAGIC);
    let is_removed = || rustix::fs::fstat(handle).is_ok_and(|stat| stat.st_nlink == 0);
    match error {
        Errno::INVAL | Errno::NOENT | Errno::SRCH if is_proc() => {
            (!has_read).then(|| Errno::SRCH.into())
        }
        Errno::NOENT if is_removed() => None,
        error => Some(error.into()),
    }
}

impl Lister for Getdents {
    type Handle = OwnedFd;
    type Entries = Entries;

    fn handle_budget() -> usize {
        // A quarter of what the process may open. The rest is the caller's; directories
        // that are being listed are not part of the budget.
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        limit.map_or(1024, |limit| usize::try_from(limit / 4).unwrap_or(1024).min(1024))
    }

    fn open_source(path: &Path) -> io::Result<Opened<Self>> {
        let source = retry_on_intr(|| rustix::fs::open(path, OPEN, Mode::empty()))?;
        let mut first = Entries::default();
        // Not on the stack, since the caller's may be small.
        let mut buffer = Vec::with_capacity(BUFFER);
        let mut entries = RawDir::new(&source, buffer.spare_capacity_mut());
        loop {
            match entries.next() {
                Some(Ok(entry)) => {
                    first.size += size_of(&entry);
                    first.read.extend(entry_of(&entry).map(|(name, kind)| (name.into(), kind)));
                }
                Some(Err(Errno::INTR)) => continue,
                None => first.has_ended = true,
                Some(Err(error)) => match listing_error(&source, error, !first.read.is_empty()) {
                    Some(error) => return Err(error),
                    None => first.has_ended = true,
                },
            }
            if first.has_ended || entries.is_buffer_empty() {
                break;
            }
        }
        Ok((source, first))
    }

    fn is_at(handle: &OwnedFd, path: &Path) -> io::Result<bool> {
        match (
            place(handle, Path::new(""), AtFlags::EMPTY_PATH),
            place(CWD, path, AtFlags::empty()),
        ) {
            (Ok(here), Ok(there)) => Ok(here == there),
            // Where `statx` is not there, or not allowed.
            _ => {
                let there = retry_on_intr(|| rustix::fs::stat(path))?;
                Ok(Self::handle_identity(handle)? == identity(&there))
            }
        }
    }

    fn open(parent: &OwnedFd, name: &OsStr, follow: bool) -> io::Result<Opened<Self>> {
        let flags = if follow { OPEN } else { OPEN | OFlags::NOFOLLOW };
        match retry_on_intr(|| rustix::fs::openat(parent, name, flags, Mode::empty())) {
            Err(Errno::LOOP) if !follow => Err(Errno::NOTDIR.into()),
            result => Ok((result?, Entries::default())),
        }
    }

    fn list(
        handle: &OwnedFd,
        entries: Entries,
        mut tell: impl FnMut(Told<'_>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        for (name, kind) in &entries.read {
            if tell(Told::Entry(name, *kind)).is_break() {
                return Ok(());
            }
        }
        if entries.has_ended {
            return Ok(());
        }
        let is_full = |size| size + LARGEST_RECORD > BUFFER;
        if is_full(entries.size) && tell(Told::Pause).is_break() {
            return Ok(());
        }
        let mut has_read = !entries.read.is_empty();
        // Since the last pause.
        let mut size = 0;
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut entries = RawDir::new(handle, &mut buffer);
        while let Some(next) = entries.next() {
            let next = match next {
                Ok(next) => next,
                Err(Errno::INTR) => continue,
                Err(error) => match listing_error(handle, error, has_read) {
                    Some(error) => return Err(error),
                    None => break,
                },
            };
            size += size_of(&next);
            let Some((name, kind)) = entry_of(&next) else { continue };
            has_read = true;
            if tell(Told::Entry(name, kind)).is_break() {
                break;
            }
            if is_full(size) && entries.is_buffer_empty() {
                size = 0;
                if tell(Told::Pause).is_break() {
                    break;
                }
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

    fn look(directory: &OwnedFd, name: Option<&OsStr>) -> io::Result<Outside> {
        let told = StatxFlags::TYPE | StatxFlags::NLINK | StatxFlags::INO;
        let (path, flags) = match name {
            Some(name) => (name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT),
            None => (OsStr::new(""), AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC),
        };
        let mask = told | StatxFlags::CTIME;
        let stat = retry_on_intr(|| rustix::fs::statx(directory, path, flags, mask))?;
        let mask = StatxFlags::from_bits_retain(stat.stx_mask);
        if !mask.contains(told) {
            return Err(Errno::OPNOTSUPP.into());
        }
        let is_mounted_on = stat.stx_attributes.contains(StatxAttributes::AUTOMOUNT);
        Ok(Outside {
            identity: Identity {
                device: rustix::fs::makedev(stat.stx_dev_major, stat.stx_dev_minor),
                inode: stat.stx_ino,
            },
            is_directory: FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Directory,
            // What will be mounted there, as by NFS or CIFS, has a count of its own.
            links: if is_mounted_on { 1 } else { stat.stx_nlink.into() },
            changed: mask.contains(StatxFlags::CTIME).then_some(stat.stx_ctime.tv_sec),
        })
    }

    fn counts_links(directory: &OwnedFd) -> io::Result<bool> {
        Ok(COUNTING_LINKS.contains(&magic(directory)?))
    }

    fn mounts_on_demand(directory: &OwnedFd) -> io::Result<bool> {
        Ok(magic(directory)? == AUTOFS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pauses there are in listing a directory of files with names of this length, by its
    /// handle alone and as a source.
    fn pauses(files: usize, name_length: usize) -> [usize; 2] {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..files {
            std::fs::write(dir.path().join(format!("{number:0name_length$}")), "").unwrap();
        }
        [false, true].map(|is_source| {
            let (handle, entries) = match is_source {
                true => Getdents::open_source(dir.path()).unwrap(),
                false => {
                    let handle = rustix::fs::open(dir.path(), OPEN, Mode::empty()).unwrap();
                    (handle, Entries::default())
                }
            };
            let (mut pauses, mut read) = (0, 0);
            let tell = |told: Told<'_>| {
                match told {
                    Told::Pause => pauses += 1,
                    Told::Entry(..) => read += 1,
                }
                ControlFlow::Continue(())
            };
            Getdents::list(&handle, entries, tell).unwrap();
            assert_eq!(read, files);
            pauses
        })
    }

    #[test]
    fn a_listing_pauses_where_the_buffer_was_too_small() {
        assert_eq!(pauses(200, 4), [0, 0]);
        assert_eq!(pauses(110, 240), [0, 0]);
        assert_eq!(pauses(130, 240), [1, 1]);
    }
}
