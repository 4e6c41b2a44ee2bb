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
            let is_at = |path: &Path| L::is_at(handle, path).unwrap_or(false);
            // Where the source itself does not seem to be where it was opened, nothing can
            // be told: its identity does not last, or it was moved.
            if is_at(&path) || !is_at(source) {
                let usual = path.to_str().and_then(usual).map(PathBuf::from);
                return Ok(usual.filter(|usual| is_at(usual)).unwrap_or(path));
            }
        }
        absolute(source).map_err(|error| Error::io(source, Operation::ResolveSource, error))
    }
}

/// How Windows limits a path that is not verbatim, in UTF-16 and with a zero at the end, for those
/// who ask for no more.
const MAX_PATH: usize = 260;

/// A verbatim path of Windows (`\\?\C:\lab`), which is what its resolved paths are, as it is written
/// and shown elsewhere (`C:\lab`). `None` if it is none, or there is no other way to write it.
fn usual(verbatim: &str) -> Option<String> {
    let path = verbatim.strip_prefix(r"\\?\")?;
    let usual = match (path.strip_prefix(r"UNC\"), path.as_bytes()) {
        (Some(share), _) => format!(r"\\{share}"),
        (None, [_, b':', b'\\', ..]) => path.to_owned(),
        // A volume by its number.
        _ => return None,
    };
    (usual.encode_utf16().count() < MAX_PATH).then_some(usual)
}

/// The absolute path, without empty and `.` components.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    // What begins with a drive is relative to that drive's own working directory.
    if path.has_root() || matches!(path.components().next(), Some(Component::Prefix(_))) {
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
    fn usual_paths_of_windows() {
        for (verbatim, expected) in [
            (r"\\?\C:\", Some(r"C:\")),
            (r"\\?\C:\lab\run 1", Some(r"C:\lab\run 1")),
            (r"\\?\UNC\server\share\lab", Some(r"\\server\share\lab")),
            (r"\\?\Volume{b75e2c83-0000-0000-0000-602f00000000}\lab", None),
            (r"C:\lab", None),
            ("/lab", None),
        ] {
            assert_eq!(usual(verbatim).as_deref(), expected, "{verbatim}");
        }
        let path = |length: usize| format!(r"C:\{}", "ä".repeat(length - 3));
        assert_eq!(usual(&format!(r"\\?\{}", path(259))), Some(path(259)));
        assert_eq!(usual(&format!(r"\\?\{}", path(260))), None);
    }

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
