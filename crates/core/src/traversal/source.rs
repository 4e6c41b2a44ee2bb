//! The path that results name the source by.
//!
//! The source is opened as it was given, since what is opened need not be what its
//! resolved path leads to: that may not be reachable, be longer than the system takes, or
//! name something in this process's tree that another process's tree has, too.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::lister::Lister;
use crate::{Error, Operation};

/// What results name the source by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// Its absolute path without links, if that leads to it; else its absolute path.
    Resolved,
    /// The path that was given.
    AsGiven,
}

impl Naming {
    /// The path of an open source.
    pub(super) fn path<L: Lister>(
        self,
        source: &Path,
        handle: &L::Handle,
    ) -> Result<PathBuf, Error> {
        if self == Naming::AsGiven {
            return Ok(source.into());
        }
        if let Ok(path) = source.canonicalize() {
            let is_at = |path| L::is_at(handle, path).unwrap_or(false);
            // Where the source itself does not seem to be where it was opened, nothing can
            // be told: its identity does not last, or it was moved.
            if is_at(&path) || !is_at(source) {
                return Ok(path);
            }
        }
        absolute(source).map_err(|error| Error::io(source, Operation::ResolveSource, error))
    }
}

/// The absolute path, without empty and `.` components.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    if path.has_root() {
        return Ok(std::path::absolute(path)?.components().collect());
    }
    // The path of the working directory leads through no links, so that `..` may be taken
    // off it.
    let mut absolute = std::path::absolute(".")?;
    let mut components = path.components().peekable();
    while let Some(component @ (Component::CurDir | Component::ParentDir)) = components.peek() {
        if *component == Component::ParentDir {
            absolute.pop();
        }
        components.next();
    }
    absolute.extend(components);
    Ok(absolute.components().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths() {
        let here = std::env::current_dir().unwrap();
        let above = here.parent().unwrap();
        for (path, expected) in [
            (".", here.clone()),
            ("./a//./b/", here.join("a/b")),
            ("..", above.into()),
            ("./../a/../b", above.join("a/../b")),
            ("a/..", here.join("a/..")),
        ] {
            assert_eq!(absolute(Path::new(path)).unwrap().as_os_str(), expected.as_os_str());
        }
        #[cfg(unix)]
        for (path, expected) in [("/", "/"), ("//a/", "/a"), ("/a/./../b", "/a/../b")] {
            assert_eq!(absolute(Path::new(path)).unwrap().as_os_str(), expected);
        }
    }
}
