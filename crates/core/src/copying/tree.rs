//! The tree of a source that is held open: its files are opened without leaving it.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::{Errno, Result as SystemResult};

use super::entries;
use crate::traversal::Stop;
use crate::{Error, Operation};

/// A directory that is held open, below which files are opened by their relative paths.
///
/// Each component of a path is opened by itself, relative to the one before it, and never
/// through a link. So whatever is exchanged for a link meanwhile, nothing outside of the
/// directory is opened. It may be used from any number of threads.
///
/// # Example
///
/// ```
/// use pathvein_core::SourceTree;
/// use std::io::Read;
///
/// # let dir = tempfile::tempdir()?;
/// # let run = dir.path().join("run_1");
/// # std::fs::create_dir_all(run.join("data"))?;
/// # std::fs::write(run.join("data/a.csv"), "1,2")?;
/// let tree = SourceTree::open(&run)?;
/// let mut text = String::new();
/// tree.open_file("data/a.csv", false)?.read_to_string(&mut text)?;
/// assert_eq!(text, "1,2");
/// assert!(tree.open_file("../run_1/data/a.csv", false).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SourceTree {
    path: PathBuf,
    root: Arc<OwnedFd>,
    /// The directory that was opened last, by its relative path: the next file is likely to
    /// be in it.
    last: Mutex<Option<(PathBuf, Arc<OwnedFd>)>>,
    /// Nobody gives the sign.
    stop: Stop,
}

impl SourceTree {
    /// Opens a directory. The path may lead through links.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if there is none, or if it cannot be opened.
    pub fn open(source: impl Into<PathBuf>) -> Result<SourceTree, Error> {
        let (path, stop) = (source.into(), Stop::new());
        match entries::open_path(&path, &stop) {
            Ok(root) => Ok(SourceTree { path, root: Arc::new(root), last: Mutex::new(None), stop }),
            Err(error) => Err(Error::io(path, Operation::OpenDirectory, error.into())),
        }
    }

    /// Opens a regular file for reading. With `follow`, the path may be that of a link to
    /// one, wherever that leads.
    ///
    /// Anything else that is there is refused, and not waited for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if it cannot be opened, is no regular file, or
    /// if a component of the path is a link, or empty, `.` or `..`.
    pub fn open_file(&self, relative: impl AsRef<Path>, follow: bool) -> Result<File, Error> {
        let relative = relative.as_ref();
        let failed = |path: &Path, operation, error: Errno| {
            Error::io(self.path.join(path), operation, error.into())
        };
        let bytes = relative.as_os_str().as_bytes();
        if bytes.split(|&byte| byte == b'/').any(|name| matches!(name, b"" | b"." | b"..")) {
            return Err(failed(relative, Operation::OpenFile, Errno::INVAL));
        }
        let (above, name) = match bytes.iter().rposition(|&byte| byte == b'/') {
            Some(at) => (&bytes[..at], &bytes[at + 1..]),
            None => (&b""[..], bytes),
        };
        let (above, name) = (Path::new(OsStr::from_bytes(above)), OsStr::from_bytes(name));
        let directory = self
            .open_directory(above)
            .map_err(|error| failed(above, Operation::OpenDirectory, error))?;
        let (file, _) = entries::open_file(&directory, name, follow, &self.stop)
            .map_err(|error| failed(relative, Operation::OpenFile, error))?;
        Ok(file.into())
    }

    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    fn open_directory(&self, relative: &Path) -> SystemResult<Arc<OwnedFd>> {
        if relative.as_os_str().is_empty() {
            return Ok(Arc::clone(&self.root));
        }
        if let Some((path, directory)) = &*self.last()
            && path == relative
        {
            return Ok(Arc::clone(directory));
        }
        let mut directory = Arc::clone(&self.root);
        for name in relative {
            directory = Arc::new(entries::open_directory(&directory, name, &self.stop)?);
        }
        *self.last() = Some((relative.into(), Arc::clone(&directory)));
        Ok(directory)
    }

    fn last(&self) -> MutexGuard<'_, Option<(PathBuf, Arc<OwnedFd>)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SourceTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceTree").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    fn number(result: Result<File, Error>) -> Option<i32> {
        result.unwrap_err().io_error().unwrap().raw_os_error()
    }

    fn text(tree: &SourceTree, path: &str, follow: bool) -> String {
        let mut text = String::new();
        tree.open_file(path, follow).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn files_are_opened_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("top");
        std::fs::create_dir_all(top.join("a/b")).unwrap();
        std::fs::write(dir.path().join("secret"), "secret").unwrap();
        std::fs::write(top.join("f"), "f").unwrap();
        std::fs::write(top.join("a/b/g"), "g").unwrap();
        symlink("../../f", top.join("a/b/link")).unwrap();
        symlink("b", top.join("a/c")).unwrap();
        symlink("fifo", top.join("to_fifo")).unwrap();
        let mkfifo = std::process::Command::new("mkfifo").arg(top.join("fifo")).status();
        assert!(mkfifo.unwrap().success());

        symlink("top", dir.path().join("link")).unwrap();
        let tree = SourceTree::open(dir.path().join("link")).unwrap();
        assert_eq!((text(&tree, "f", false), text(&tree, "a/b/g", true)), ("f".into(), "g".into()));
        // Twice in one directory.
        assert_eq!(
            (text(&tree, "a/b/g", false), text(&tree, "a/b/link", true)),
            ("g".into(), "f".into())
        );
        for (path, follow, expected) in [
            ("a/b/link", false, Errno::LOOP),
            ("a/c/g", true, Errno::NOTDIR),
            ("absent", false, Errno::NOENT),
            ("absent", true, Errno::NOENT),
            ("a/absent/f", false, Errno::NOENT),
            ("f/f", false, Errno::NOTDIR),
            ("a", false, Errno::ISDIR),
            ("a", true, Errno::ISDIR),
            ("fifo", false, Errno::NXIO),
            ("to_fifo", true, Errno::NXIO),
            ("../secret", false, Errno::INVAL),
            ("a/../f", false, Errno::INVAL),
            ("./f", false, Errno::INVAL),
            ("a//b/g", false, Errno::INVAL),
            ("/f", false, Errno::INVAL),
            ("f/", false, Errno::INVAL),
            ("", false, Errno::INVAL),
            ("f\0", false, Errno::INVAL),
        ] {
            let error = number(tree.open_file(path, follow));
            assert_eq!(error, Some(expected.raw_os_error()), "{path} {follow}");
        }
    }

    #[test]
    fn a_directory_that_is_exchanged_for_a_link_leads_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let (top, other) = (dir.path().join("top"), dir.path().join("other"));
        for directory in [top.join("a"), top.join("b"), other.clone()] {
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(directory.join("f"), directory.file_name().unwrap().as_bytes()).unwrap();
        }
        let tree = SourceTree::open(&top).unwrap();
        assert_eq!(text(&tree, "a/f", false), "a");
        for name in ["a", "b"] {
            std::fs::rename(top.join(name), dir.path().join(name)).unwrap();
            symlink(&other, top.join(name)).unwrap();
        }
        // What is held open is read on.
        assert_eq!(text(&tree, "a/f", false), "a");
        assert_eq!(number(tree.open_file("b/f", true)), Some(Errno::NOTDIR.raw_os_error()));
        std::fs::rename(&top, dir.path().join("moved")).unwrap();
        assert_eq!(text(&tree, "a/f", false), "a");
        assert!(SourceTree::open(&top).is_err());
    }
}
