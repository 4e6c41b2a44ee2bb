//! The lister for every system: one `walkdir` per directory, paths for handles.
//!
//! It is also the reference that a faster lister is compared with.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::lister::{EntryKind, Identity, Lister, is_gone};

/// See the module.
#[derive(Debug)]
pub(crate) struct Portable;

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
    type Handle = PathBuf;

    fn handles() -> usize {
        usize::MAX
    }

    fn open_source(path: &Path) -> io::Result<PathBuf> {
        if !fs::metadata(path)?.is_dir() {
            return Err(not_a_directory());
        }
        // Whether it can be read is told when it is opened.
        // Some file systems open what they cannot read.
        fs::read_dir(path)?.next().transpose()?;
        Ok(path.to_path_buf())
    }

    fn open(parent: &PathBuf, name: &OsStr, follow: bool) -> io::Result<PathBuf> {
        let path = parent.join(name);
        if !metadata(&path, follow)?.is_dir() {
            return Err(not_a_directory());
        }
        fs::read_dir(&path)?;
        Ok(path)
    }

    fn list(
        handle: &PathBuf,
        mut entry: impl FnMut(&OsStr, EntryKind) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let mut first_error = None;
        for next in WalkDir::new(handle).min_depth(1).max_depth(1) {
            match next {
                Ok(next) => {
                    if entry(next.file_name(), kind(next.file_type())).is_break() {
                        break;
                    }
                }
                // An error about an entry does not end the listing, and one that
                // is gone is none. (`io::Error::from` would lose the number.)
                Err(error) => {
                    if let Some(error) = error.into_io_error().filter(|error| !is_gone(error)) {
                        first_error.get_or_insert(error);
                    }
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    fn kind(parent: &PathBuf, name: &OsStr, follow: bool) -> io::Result<EntryKind> {
        Ok(kind(metadata(&parent.join(name), follow)?.file_type()))
    }

    fn identity(parent: &PathBuf, name: &OsStr, follow: bool) -> io::Result<Identity> {
        identity(&parent.join(name), follow)
    }

    fn handle_identity(handle: &PathBuf) -> io::Result<Identity> {
        identity(handle, true)
    }
}

#[cfg(unix)]
fn identity(path: &Path, follow: bool) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;
    let metadata = metadata(path, follow)?;
    Ok(Identity { device: metadata.dev(), inode: metadata.ino() })
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
