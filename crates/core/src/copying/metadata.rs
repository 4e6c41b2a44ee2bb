//! What a copy has of its original besides the contents: owner, mode, times, extended
//! attributes.
//!
//! As with `cp -a`, what the file system of the copy or the rights of the process do not
//! allow is left out.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Gid, Mode, Stat, Timespec, Timestamps, Uid};
use rustix::io::{Errno, retry_on_intr};

use super::entries::is_unsupported;

/// Gives `target` the metadata of `source`, which `stat` tells.
///
/// `has_attributes` says whether the source's file system has extended attributes, and is
/// cleared when it turns out not to.
pub(super) fn copy_metadata(
    source: BorrowedFd<'_>,
    stat: &Stat,
    target: BorrowedFd<'_>,
    has_attributes: &AtomicBool,
) -> rustix::io::Result<()> {
    // To look at what it has takes less time than to set what it has already.
    let now = retry_on_intr(|| rustix::fs::fstat(target))?;
    let mut mode = Mode::from_raw_mode(stat.st_mode);
    let mut has_mode = Mode::from_raw_mode(now.st_mode) == mode;
    // The owner first: a change of it takes set-id bits and capabilities away.
    if (now.st_uid, now.st_gid) != (stat.st_uid, stat.st_gid) {
        has_mode = false;
        if !change_owner(target, stat) {
            // A program must not run as somebody whom its original does not belong to.
            mode.remove(Mode::SUID | Mode::SGID);
        }
    }
    // Some may be set only while the file may be written, so before the mode; and those that
    // are access lists change it.
    if has_attributes.load(Ordering::Relaxed) {
        match attributes::copy(source, target)? {
            Attributes::None => {}
            Attributes::Some => has_mode = false,
            Attributes::Unknown => has_attributes.store(false, Ordering::Relaxed),
        }
    }
    if !has_mode {
        if_possible(retry_on_intr(|| rustix::fs::fchmod(target, mode)))?;
    }
    if_possible(retry_on_intr(|| rustix::fs::futimens(target, &times(stat))))
}

/// What extended attributes a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attributes {
    None,
    Some,
    /// Its file system has none at all.
    Unknown,
}

/// Changes the owner, as far as that is allowed. Whether it then has the owner and the group
/// of its original.
fn change_owner(target: BorrowedFd<'_>, stat: &Stat) -> bool {
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    let change = |uid| retry_on_intr(|| rustix::fs::fchown(target, uid, Some(gid))).is_ok();
    if change(Some(uid)) {
        return true;
    }
    change(None);
    rustix::fs::fstat(target)
        .is_ok_and(|now| (now.st_uid, now.st_gid) == (stat.st_uid, stat.st_gid))
}

// The types of the fields differ between systems.
#[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
pub(super) fn times(stat: &Stat) -> Timestamps {
    let time = |seconds, nanoseconds| Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    Timestamps {
        last_access: time(stat.st_atime as _, stat.st_atime_nsec as _),
        last_modification: time(stat.st_mtime as _, stat.st_mtime_nsec as _),
    }
}

/// An error says only that this file system has no such thing.
fn if_possible(result: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match result {
        Err(error) if error == Errno::PERM || is_unsupported(error) => Ok(()),
        result => result,
    }
}

/// Takes off what a new file or directory has got from the default access list of the
/// directory that it was made in: the copy's access list is its original's. With it, what is
/// made inside would get the same.
pub(super) fn drop_inherited(target: BorrowedFd<'_>) {
    attributes::drop_access_lists(target);
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
mod attributes {
    use std::os::fd::BorrowedFd;

    use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
    use rustix::io::{Errno, Result, retry_on_intr};

    /// Most files have no more than this.
    const USUAL: usize = 512;

    use super::super::entries::is_unsupported;
    use super::Attributes;

    /// Copies the extended attributes, those of access lists among them. Which the source has.
    pub(super) fn copy(source: BorrowedFd<'_>, target: BorrowedFd<'_>) -> Result<Attributes> {
        let mut usual = [0; USUAL];
        let more;
        let names = match retry_on_intr(|| flistxattr(source, &mut usual[..])) {
            Ok(0) => return Ok(Attributes::None),
            Ok(length) => &usual[..length],
            Err(Errno::RANGE) => {
                more = whole(|buffer| flistxattr(source, buffer))?;
                &more[..]
            }
            Err(error) if is_unsupported(error) => return Ok(Attributes::Unknown),
            Err(Errno::PERM | Errno::ACCESS) => return Ok(Attributes::None),
            Err(error) => return Err(error),
        };
        for name in names.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
            match whole(|buffer| fgetxattr(source, name, buffer)) {
                // Whatever is against it, the copy's file system or the rights of the
                // process, it cannot have this one.
                Ok(value) => {
                    let set = || fsetxattr(target, name, &value, XattrFlags::empty());
                    let _ = retry_on_intr(set);
                }
                Err(Errno::IO) => return Err(Errno::IO),
                // Gone, or not to be read by everybody.
                Err(_) => {}
            }
        }
        Ok(Attributes::Some)
    }

    /// Calls `read` with a buffer that is large enough.
    fn whole(read: impl Fn(&mut [u8]) -> Result<usize>) -> Result<Vec<u8>> {
        let mut buffer = vec![0; USUAL];
        loop {
            match retry_on_intr(|| read(&mut buffer)) {
                Ok(length) if length < buffer.len() => {
                    buffer.truncate(length);
                    return Ok(buffer);
                }
                // No list and no value is longer than 64 KiB on Linux. A resource fork of macOS
                // may be, and is cut where the buffer ends, without an error.
                Ok(_) | Err(Errno::RANGE) if buffer.len() < 1 << 28 => {
                    buffer.resize(buffer.len() * 4, 0);
                }
                Ok(_) => return Err(Errno::RANGE),
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn drop_access_lists(target: BorrowedFd<'_>) {
        let mut names = [0; USUAL];
        // Most have nothing, so that one call is enough.
        if !matches!(retry_on_intr(|| flistxattr(target, &mut names[..])), Ok(0)) {
            for name in ["system.posix_acl_default", "system.posix_acl_access"] {
                let _ = retry_on_intr(|| fremovexattr(target, name));
            }
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
mod attributes {
    use std::os::fd::BorrowedFd;

    use super::Attributes;

    pub(super) fn copy(_: BorrowedFd<'_>, _: BorrowedFd<'_>) -> rustix::io::Result<Attributes> {
        Ok(Attributes::Unknown)
    }

    pub(super) fn drop_access_lists(_: BorrowedFd<'_>) {}
}
