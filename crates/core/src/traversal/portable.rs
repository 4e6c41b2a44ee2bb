//! The lister for every system: one `walkdir` per directory, with paths as handles.
//!
//! It is also the reference that the faster lister is compared with.
//!
//! A path may lead elsewhere at any time. Where there are inode numbers, the number is
//! taken when the directory is opened, and compared when its listing has begun. So a
//! directory that was exchanged for a link meanwhile is not listed.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::lister::{EntryKind, Identity, Lister, is_gone};

/// The lister of this module.
#[derive(Debug)]
pub(crate) struct Portable;

/// The path of a directory, with its identity at the time it was opened.
#[derive(Debug)]
pub(crate) struct PathHandle {
    path: PathBuf,
    #[cfg(unix)]
    identity: Identity,
}

impl PathHandle {
    /// The directory at `path`. Unless `follow`, a link is refused.
    fn new(path: PathBuf, follow: bool) -> io::Result<PathHandle> {
        let metadata = metadata(&path, follow)?;
        if !metadata.is_dir() {
            return Err(not_a_directory());
        }
        // Whether it can be read is told now, as by a lister that opens it.
        fs::read_dir(&path)?;
        Ok(PathHandle {
            path,
            #[cfg(unix)]
            identity: identity_of(&metadata),
        })
    }

    /// Fails if the path leads elsewhere now.
    fn check(&self) -> io::Result<()> {
        #[cfg(unix)]
        if identity(&self.path, true)? != self.identity {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(())
    }
}

fn metadata(path: &Path, follow: bool) -> io::Result<fs::Metadata> {
    if follow { fs::metadata(path) } else { fs::symlink_metadata(path) }
}

fn kind(file_type: fs::FileType) -> EntryKind {
    if file_type.is_symlink() {
        EntryKind::Link
    } else if file_type.is_dir() {
        EntryKind::Directory
    } else {
        EntryKind::File
    }
}

fn not_a_directory() -> io::Error {
    #[cfg(unix)]
    return rustix::io::Errno::NOTDIR.into();
    #[cfg(not(unix))]
    return io::ErrorKind::NotADirectory.into();
}

impl Lister for Portable {
    type Handle = PathHandle;

    fn handle_budget() -> usize {
        usize::MAX
    }

    fn open_source(path: &Path) -> io::Result<PathHandle> {
        let source = PathHandle::new(path.to_path_buf(), true)?;
        // Some file systems open what they cannot read.
        fs::read_dir(path)?.next().transpose()?;
        Ok(source)
    }

    fn open(parent: &PathHandle, name: &OsStr, follow: bool) -> io::Result<PathHandle> {
        PathHandle::new(parent.path.join(name), follow)
    }

    fn list(
        handle: &PathHandle,
        mut entry: impl FnMut(&OsStr, EntryKind) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let mut first_error = None;
        let mut is_checked = false;
        for next in WalkDir::new(&handle.path).min_depth(1).max_depth(1) {
            if !is_checked {
                // walkdir has opened it by now. An empty directory is not checked: it
                // makes no difference which one it is.
                handle.check()?;
                is_checked = true;
            }
            match next {
                Ok(next) => {
                    if entry(next.file_name(), kind(next.file_type())).is_break() {
                        break;
                    }
                }
                // An error about one entry does not end the listing, and an entry that
                // is gone is no error. `io::Error::from` would lose the error's number.
                Err(error) => {
                    if let Some(error) = error.into_io_error().filter(|error| !is_gone(error)) {
                        first_error.get_or_insert(error);
                    }
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    fn kind(parent: &PathHandle, name: &OsStr, follow: bool) -> io::Result<EntryKind> {
        Ok(kind(metadata(&parent.path.join(name), follow)?.file_type()))
    }

    fn identity(parent: &PathHandle, name: &OsStr, follow: bool) -> io::Result<Identity> {
        identity(&parent.path.join(name), follow)
    }

    fn handle_identity(handle: &PathHandle) -> io::Result<Identity> {
        #[cfg(unix)]
        return Ok(handle.identity.clone());
        #[cfg(not(unix))]
        return identity(&handle.path, true);
    }
}

#[cfg(unix)]
fn identity_of(metadata: &fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    Identity { device: metadata.dev(), inode: metadata.ino() }
}

#[cfg(unix)]
fn identity(path: &Path, follow: bool) -> io::Result<Identity> {
    Ok(identity_of(&metadata(path, follow)?))
}

#[cfg(not(unix))]
fn identity(path: &Path, follow: bool) -> io::Result<Identity> {
    let path = if follow {
        path.canonicalize()?
    } else {
        let parent = path.parent().unwrap_or(path).canonicalize()?;
        parent.join(path.file_name().unwrap_or_default())
    };
    Ok(Identity { resolved: path })
}
