//! The lister for every system: `std::fs::read_dir`, with paths as handles.
//!
//! A directory is opened once, and its entries are held until it is listed. The tests
//! compare it, and the faster lister, with walks of the `walkdir` crate.
//!
//! A path may lead elsewhere at any time. So the identity is asked for before and after the
//! directory is opened, and one that is exchanged for a link meanwhile is not listed.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::iter::Peekable;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::lister::{DISTINCT_ANSWERS, EntryKind, Identity, Lister, Opened, Told, all_differ};
use super::os_errors::{not_a_directory, not_the_same};

/// How often a directory is opened at most, as long as another takes its place each time.
const MAX_OPENINGS: usize = 8;

/// The lister of this module.
#[derive(Debug)]
pub(crate) struct Portable;

/// The path of a directory, with its identity at the time it was opened.
#[derive(Debug)]
pub(crate) struct PathHandle {
    path: PathBuf,
    identity: Identity,
}

/// Opens the directory at `path`. Unless `follow`, a link is refused.
fn open(path: PathBuf, follow: bool) -> io::Result<Opened<Portable>> {
    let identity_now = || match look_at(&path, follow)? {
        (EntryKind::Directory, identity) => Ok(identity),
        _ => Err(not_a_directory()),
    };
    let (entries, identity) = open_same(identity_now, || fs::read_dir(&path))?;
    Ok((PathHandle { path, identity }, entries.peekable()))
}

/// Opens what has one identity before and after.
fn open_same<T>(
    mut identity_now: impl FnMut() -> io::Result<Identity>,
    mut open: impl FnMut() -> io::Result<T>,
) -> io::Result<(T, Identity)> {
    let mut answers = vec![identity_now()?];
    for _ in 0..MAX_OPENINGS {
        let opened = open()?;
        let identity = identity_now()?;
        let is_same = answers.last() == Some(&identity);
        answers.push(identity.clone());
        // Where identities do not last, nothing can be told by them.
        let recent = &answers[answers.len().saturating_sub(DISTINCT_ANSWERS)..];
        if is_same || recent.len() == DISTINCT_ANSWERS && all_differ(recent) {
            return Ok((opened, identity));
        }
    }
    Err(not_the_same())
}

/// A path that goes on leading to where this one leads now.
#[cfg(not(windows))]
fn lasting(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}

/// A path that goes on leading to where this one leads now. It is a verbatim one (`\\?\`): by any
/// other, names that end in a dot or a blank, and those of devices, lead elsewhere.
#[cfg(windows)]
fn lasting(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
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

impl Lister for Portable {
    type Handle = PathHandle;
    /// The first is looked at ahead, of the source.
    type Entries = Peekable<fs::ReadDir>;

    fn handle_budget() -> usize {
        usize::MAX
    }

    fn open_source(path: &Path) -> io::Result<Opened<Self>> {
        // The path must lead there also when the working directory is another. Of one that
        // cannot be reached by its path, there is only the name that was given.
        let absolute = lasting(path).ok();
        let absolute = absolute.filter(|absolute| {
            absolute != path && identity(absolute, true).ok() == identity(path, true).ok()
        });
        let (handle, mut entries) = open(absolute.unwrap_or_else(|| path.into()), true)?;
        match entries.next_if(Result::is_err) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok((handle, entries)),
        }
    }

    fn is_at(handle: &PathHandle, path: &Path) -> io::Result<bool> {
        Ok(Self::handle_identity(handle)? == identity(path, true)?)
    }

    fn open(parent: &PathHandle, name: &OsStr, follow: bool) -> io::Result<Opened<Self>> {
        open(parent.path.join(name), follow)
    }

    fn list(
        _: &PathHandle,
        entries: Peekable<fs::ReadDir>,
        mut tell: impl FnMut(Told<'_>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        for next in entries {
            let next = match next {
                Ok(next) => next,
                // The directory was removed after it was opened, so it is empty.
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                // It ends the listing: there are systems that give it again for ever.
                Err(error) => return Err(error),
            };
            // Why the kind cannot be told is found out by whoever asks for it.
            let kind = next.file_type().map_or(EntryKind::Unknown, kind);
            if tell(Told::Entry(&next.file_name(), kind)).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn kind(parent: &PathHandle, name: &OsStr, follow: bool) -> io::Result<EntryKind> {
        let path = parent.path.join(name);
        let metadata = if follow { fs::metadata(path) } else { fs::symlink_metadata(path) };
        Ok(kind(metadata?.file_type()))
    }

    fn identity(parent: &PathHandle, name: &OsStr, follow: bool) -> io::Result<Identity> {
        identity(&parent.path.join(name), follow)
    }

    fn handle_identity(handle: &PathHandle) -> io::Result<Identity> {
        Ok(handle.identity.clone())
    }
}

fn identity(path: &Path, follow: bool) -> io::Result<Identity> {
    Ok(look_at(path, follow)?.1)
}

/// What is at a path, and its identity.
#[cfg(unix)]
fn look_at(path: &Path, follow: bool) -> io::Result<(EntryKind, Identity)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = if follow { fs::metadata(path) } else { fs::symlink_metadata(path) }?;
    let identity = Identity { device: metadata.dev(), inode: metadata.ino() };
    Ok((kind(metadata.file_type()), identity))
}

/// What is at a path, and its identity.
#[cfg(windows)]
fn look_at(path: &Path, follow: bool) -> io::Result<(EntryKind, Identity)> {
    use std::os::windows::fs::OpenOptionsExt;

    const BACKUP_SEMANTICS: u32 = 0x0200_0000; // without it, no directory is opened
    const OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    let flags = BACKUP_SEMANTICS | if follow { 0 } else { OPEN_REPARSE_POINT };
    // To look at it takes no right to read it.
    let opened = fs::OpenOptions::new().access_mode(0).custom_flags(flags).open(path)?;
    let information = winapi_util::file::information(&opened)?;
    let inode = match information.file_index() {
        // There are file systems that have none.
        0 => hash_of_path(path, follow)?,
        index => index,
    };
    let identity = Identity { device: information.volume_serial_number(), inode };
    Ok((kind(opened.metadata()?.file_type()), identity))
}

/// What is at a path, and its identity.
#[cfg(not(any(unix, windows)))]
fn look_at(path: &Path, follow: bool) -> io::Result<(EntryKind, Identity)> {
    let metadata = if follow { fs::metadata(path) } else { fs::symlink_metadata(path) }?;
    let identity = Identity { device: 0, inode: hash_of_path(path, follow)? };
    Ok((kind(metadata.file_type()), identity))
}

/// The hash of a path with all links resolved, in place of a number that there is none of.
#[cfg(not(unix))]
fn hash_of_path(path: &Path, follow: bool) -> io::Result<u64> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let resolved = if follow {
        path.canonicalize()?
    } else {
        let parent = path.parent().unwrap_or(path).canonicalize()?;
        parent.join(path.file_name().unwrap_or_default())
    };
    let mut hasher = DefaultHasher::new();
    resolved.hash(&mut hasher);
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is opened, and by which identity, where the identity is each of these in turn.
    fn opened(inodes: &[u64]) -> Option<(usize, u64)> {
        let mut inodes = inodes.iter().cycle();
        let identity_now = || Ok(Identity { device: 1, inode: *inodes.next().unwrap() });
        let mut openings = 0;
        let open = || {
            openings += 1;
            Ok(openings)
        };
        open_same(identity_now, open).ok().map(|(opened, identity)| (opened, identity.inode))
    }

    #[test]
    fn what_is_opened_is_what_was_there_before_and_after() {
        assert_eq!(opened(&[7]), Some((1, 7)));
        // Another took its place meanwhile, and then nothing did.
        assert_eq!(opened(&[7, 8, 8]), Some((2, 8)));
        assert_eq!(opened(&[7, 8, 7, 7]), Some((3, 7)));
        // Two that take each other's place all the time.
        assert_eq!(opened(&[7, 8]), None);
        // Identities do not last.
        assert_eq!(opened(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), Some((3, 4)));
    }
}
