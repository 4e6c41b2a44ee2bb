//! The lister for every system: one `walkdir` per directory, paths for handles.
//!
//! It is also the reference that a faster lister is compared with.
//!
//! A path may come to lead elsewhere at any time. Where there are inode numbers,
//! a directory is the one that was found to be no link as long as its number is the
//! same, before its listing is begun and after that.

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

/// A directory as it was when it was opened.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    #[cfg(unix)]
    identity: Identity,
}

impl Place {
    /// The directory at `path`. Unless `follow`, a link is refused.
    fn new(path: PathBuf, follow: bool) -> io::Result<Place> {
        let metadata = metadata(&path, follow)?;
        if !metadata.is_dir() {
            return Err(not_a_directory());
        }
        // Whether it can be read is told when it is opened.
        fs::read_dir(&path)?;
        Ok(Place {
            path,
            #[cfg(unix)]
            identity: identity_of(&metadata),
        })
    }

    /// An error if the path leads elsewhere now.
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
    type Handle = Place;

    fn handles() -> usize {
        usize::MAX
    }

    fn open_source(path: &Path) -> io::Result<Place> {
        let source = Place::new(path.to_path_buf(), true)?;
        // Some file systems open what they cannot read.
        fs::read_dir(path)?.next().transpose()?;
        Ok(source)
    }

    fn open(parent: &Place, name: &OsStr, follow: bool) -> io::Result<Place> {
        Place::new(parent.path.join(name), follow)
    }

    fn list(
        handle: &Place,
        mut entry: impl FnMut(&OsStr, EntryKind) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let mut first_error = None;
        let mut is_checked = false;
        for next in WalkDir::new(&handle.path).min_depth(1).max_depth(1) {
            if !is_checked {
                // It is open now. (If it is empty, nobody can tell which one it is.)
                handle.check()?;
                is_checked = true;
            }
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

    fn kind(parent: &Place, name: &OsStr, follow: bool) -> io::Result<EntryKind> {
        Ok(kind(metadata(&parent.path.join(name), follow)?.file_type()))
    }

    fn identity(parent: &Place, name: &OsStr, follow: bool) -> io::Result<Identity> {
        identity(&parent.path.join(name), follow)
    }

    fn handle_identity(handle: &Place) -> io::Result<Identity> {
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
