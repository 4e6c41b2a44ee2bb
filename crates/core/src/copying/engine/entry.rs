//! The copying of one file or link of a directory.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, Mode, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::{Directory, identity};
use crate::copying::entries::{
    PRIVATE_FILE, create_file, look_at, open_file, remove_directory, remove_file, sync,
};
use crate::copying::file::{Failure, copy_contents};
use crate::copying::metadata::{copy_metadata, drop_inherited, times};
use crate::copying::plan::{Entry, EntryKind};
use crate::copying::staging::{Beside, create_beside, make_room};
use crate::{Error, Operation};

/// Copies one file or link. Whether it took the place of another; `None` if the run was
/// stopped.
pub(super) fn copy_entry(directory: &Directory, entry: Entry<'_>) -> Result<Option<bool>, Error> {
    match entry.kind {
        EntryKind::KeptLink => copy_link(directory, entry.name, entry.text).map(Some),
        kind => copy_file(directory, entry.name, kind == EntryKind::LinkToFile),
    }
}

fn copy_file(directory: &Directory, name: &OsStr, follow: bool) -> Result<Option<bool>, Error> {
    let (job, run) = (&directory.job, &directory.job.run);
    let source_error = |operation, error: io::Error| {
        Error::io(directory.source_path().join(name), operation, error)
    };
    let target_error = |operation, error: io::Error| {
        Error::io(directory.target_path().join(name), operation, error)
    };
    let (source, stat) = open_file(&directory.source, name, follow, &run.stop)
        .map_err(|error| source_error(Operation::OpenFile, error.into()))?;
    let made = if job.is_merged {
        create_beside(&directory.target, name, PRIVATE_FILE, &run.stop).map(
            |Beside { file, temporary }| {
                drop_inherited(file.as_fd());
                (file, Some(temporary))
            },
        )
    } else {
        create_file(&directory.target, name, hidden_mode(&stat), &run.stop).map(|file| (file, None))
    };
    let (target, temporary) = made.map_err(|error| match error {
        // Nobody else makes anything where it is built.
        Errno::EXIST if !job.is_merged => directory.same_name(name, None),
        error => target_error(Operation::CreateFile, error.into()),
    })?;

    let advanced = |bytes| {
        run.counters.add_bytes(bytes);
        !job.has_ended()
    };
    let write = || {
        let copied =
            copy_contents(source.as_fd(), target.as_fd(), &stat, &job.by_system, &advanced);
        let bytes = match copied {
            Ok(bytes) => bytes,
            Err(Failure::Stopped) => return Ok(None),
            Err(Failure::Read(error)) => return Err(source_error(Operation::ReadFile, error)),
            Err(Failure::Write(error)) => return Err(target_error(Operation::WriteFile, error)),
            Err(Failure::Changed) => return Err(directory.changed(name)),
            Err(Failure::Ended(copied, size)) => {
                let message = format!("it ended after {copied} of {size} bytes");
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, message);
                return Err(source_error(Operation::ReadFile, error));
            }
            Err(Failure::Endless) => {
                let error = io::Error::new(io::ErrorKind::FileTooLarge, "the file has no end");
                return Err(source_error(Operation::ReadFile, error));
            }
        };
        // What a link leads to may lie on any file system.
        let has_attributes =
            if follow { &AtomicBool::new(true) } else { &directory.has_attributes };
        copy_metadata(source.as_fd(), &stat, target.as_fd(), has_attributes)
            .map_err(|error| target_error(Operation::SetMetadata, error.into()))?;
        if run.fsync && !job.syncs_all {
            sync(target.as_fd()).map_err(|error| target_error(Operation::Sync, error.into()))?;
        }
        Ok(Some(bytes))
    };
    let written = write();
    let Some(temporary) = temporary else {
        let Some(bytes) = written? else { return Ok(None) };
        job.bytes.fetch_add(bytes, Ordering::Relaxed);
        return Ok(Some(false));
    };
    let placed = written.and_then(|bytes| match bytes {
        Some(bytes) => directory
            .place(&directory.target, &temporary, name)
            .map(|was_there| Some((bytes, was_there))),
        None => Ok(None),
    });
    match placed {
        Ok(Some((bytes, was_there))) => {
            job.bytes.fetch_add(bytes, Ordering::Relaxed);
            Ok(Some(was_there))
        }
        other => {
            let _ = remove_file(&directory.target, &temporary);
            other.map(|_| None)
        }
    }
}

/// The mode of a new file in a directory that nobody else may enter: its own as far as that can be
/// had at once, and writable so far.
fn hidden_mode(stat: &Stat) -> Mode {
    (Mode::from_raw_mode(stat.st_mode) & Mode::from_raw_mode(0o777)) | Mode::WUSR
}

/// Copies a link as a link. Whether it took the place of something.
fn copy_link(directory: &Directory, name: &OsStr, planned: &OsStr) -> Result<bool, Error> {
    let (source, target) = (&directory.source, &directory.target);
    let source_error = |operation, error: Errno| {
        Error::io(directory.source_path().join(name), operation, error.into())
    };
    let target_error = |operation, error: Errno| {
        Error::io(directory.target_path().join(name), operation, error.into())
    };
    let text = rustix::fs::readlinkat(source, name, Vec::new())
        .map_err(|error| source_error(Operation::ReadFile, error))?;
    // What it says now may lead out of the match.
    if text.to_bytes() != planned.as_bytes() {
        return Err(directory.changed(name));
    }
    let stat =
        look_at(source, name).map_err(|error| source_error(Operation::ReadMetadata, error))?;
    let create = |directory: &OwnedFd| {
        retry_on_intr(|| rustix::fs::symlinkat(&text, directory, name))?;
        // As far as the system allows.
        let (uid, gid) =
            (rustix::fs::Uid::from_raw(stat.st_uid), rustix::fs::Gid::from_raw(stat.st_gid));
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let _ = rustix::fs::chownat(directory, name, Some(uid), Some(gid), flags);
        let _ = rustix::fs::utimensat(directory, name, &times(&stat), flags);
        Ok(())
    };
    let failed = |error| target_error(Operation::CreateLink, error);
    if !directory.job.is_merged {
        return create(target).map(|()| false).map_err(|error| match error {
            Errno::EXIST => directory.same_name(name, None),
            error => failed(error),
        });
    }
    // A link cannot be locked, so it is made in a directory that is.
    let stop = &directory.job.run.stop;
    let (temporary, room) = make_room(target, name, stop).map_err(failed)?;
    let placed = create(&room).map_err(failed).and_then(|()| {
        directory.place(&room, name, name).inspect_err(|_| {
            let _ = remove_file(&room, name);
        })
    });
    // If it cannot be removed it is left over, and empty.
    let _ = remove_directory(target, &temporary);
    placed
}

impl Directory {
    /// Gives a file or link its final name in a directory that was there. Whether it took the place
    /// of another, which must not be one of this match: there are file systems on which two names
    /// are one, such as `A.csv` and `a.csv`.
    fn place(&self, from: &OwnedFd, temporary: &OsStr, name: &OsStr) -> Result<bool, Error> {
        let fails = |error: Errno| {
            Error::io(self.target_path().join(name), Operation::Rename, error.into())
        };
        let stat = look_at(from, temporary).map_err(fails)?;
        // Held until it has its name: whoever else has that may be about to get it.
        let mut placed = self.job.placed.lock().unwrap_or_else(PoisonError::into_inner);
        let there = look_at(&self.target, name);
        if let Ok(there) = &there {
            self.check_name(name)?;
            // Names that nobody here knows to be the same.
            // But where all have one number, it tells nothing.
            let is_told = || {
                retry_on_intr(|| rustix::fs::fstat(&self.target))
                    .is_ok_and(|above| identity(&above) != identity(there))
            };
            if placed.contains(&identity(there)) && is_told() {
                return Err(self.same_name(name, None));
            }
        }
        retry_on_intr(|| rustix::fs::renameat(from, temporary, &self.target, name))
            .map_err(fails)?;
        placed.insert(identity(&stat));
        Ok(there.is_ok())
    }

    /// The error for a file that is not any more what it was.
    fn changed(&self, name: &OsStr) -> Error {
        let busy = io::ErrorKind::ResourceBusy;
        let error = io::Error::new(busy, "it changed while it was copied");
        Error::io(self.source_path().join(name), Operation::ReadFile, error)
    }
}
