//! Directories that were listed, their ancestors, and their paths.

use std::ffi::OsStr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use super::lister::Identity;

/// A directory that was listed and has sub-directories to visit.
///
/// Each of these that is kept counts a reference to it. Where its sub-directories are visited by
/// several workers, they would all write to one count, so each worker has a *twin* of its own,
/// which stands for the directory.
#[derive(Debug)]
pub(crate) struct Dir<S>(Kind<S>);

#[derive(Debug)]
enum Kind<S> {
    Listed(Listed<S>),
    /// `None` only while it is dropped.
    Twin(Option<Arc<Dir<S>>>),
}

/// What is known of a directory that was listed.
#[derive(Debug)]
pub(crate) struct Listed<S> {
    pub(super) parent: Option<Arc<Dir<S>>>,
    /// One path component; of the source, its whole path.
    pub(crate) name: Box<OsStr>,
    pub(crate) depth: usize,
    /// Whether it was entered through a link.
    pub(crate) by_link: bool,
    /// How many links the way to it leads through.
    pub(super) links: u8,
    /// Known if the traversal follows links or stays on one file system.
    pub(super) identity: Option<Identity>,
    pub(crate) state: S,
}

impl<S> From<Listed<S>> for Dir<S> {
    fn from(listed: Listed<S>) -> Dir<S> {
        Dir(Kind::Listed(listed))
    }
}

impl<S> Deref for Dir<S> {
    type Target = Listed<S>;

    #[inline]
    fn deref(&self) -> &Listed<S> {
        let mut dir = self;
        loop {
            match &dir.0 {
                Kind::Listed(listed) => return listed,
                Kind::Twin(of) => dir = of.as_ref().expect("it is not being dropped"),
            }
        }
    }
}

impl<S> Dir<S> {
    /// A twin of a directory, for another worker.
    pub(super) fn twin(dir: &Arc<Dir<S>>) -> Arc<Dir<S>> {
        let of = match &dir.0 {
            Kind::Twin(Some(of)) => of,
            _ => dir,
        };
        Arc::new(Dir(Kind::Twin(Some(Arc::clone(of)))))
    }

    /// The directory that this one keeps.
    fn take_kept(&mut self) -> Option<Arc<Dir<S>>> {
        match &mut self.0 {
            Kind::Listed(listed) => listed.parent.take(),
            Kind::Twin(of) => of.take(),
        }
    }

    /// A number that a directory has in common with its twins, and with no other that there is.
    pub(crate) fn id(&self) -> usize {
        let listed: &Listed<S> = self;
        std::ptr::from_ref(listed).addr()
    }

    pub(crate) fn parent(&self) -> Option<&Arc<Dir<S>>> {
        self.parent.as_ref()
    }

    /// This directory, its parent, and so on up to the source.
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = &Dir<S>> + Clone {
        std::iter::successors(Some(self), |dir| dir.parent.as_deref())
    }

    fn names(&self) -> impl Iterator<Item = &OsStr> + Clone {
        self.ancestors().map(|dir| &*dir.name)
    }

    pub(crate) fn path(&self) -> PathBuf {
        join(self.names())
    }
}

/// Joins the names of a directory and its ancestors to a path. The directory's own name
/// comes first, the topmost last.
#[cfg(unix)]
fn join<'d>(names: impl Iterator<Item = &'d OsStr> + Clone) -> PathBuf {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};

    let length: usize = names.clone().map(|name| name.len() + 1).sum();
    let mut path = vec![b'/'; length];
    // Written from the end to the start.
    let mut start = length;
    let mut names = names.peekable();
    while let Some(name) = names.next() {
        let name = name.as_bytes();
        let is_last = start == length;
        // The topmost may be a path that ends in a separator.
        let is_separated = names.peek().is_none() && name.ends_with(b"/");
        start -= name.len() + usize::from(!is_last && !is_separated);
        path[start..start + name.len()].copy_from_slice(name);
    }
    path.drain(..start);
    std::ffi::OsString::from_vec(path).into()
}

#[cfg(not(unix))]
fn join<'d>(names: impl Iterator<Item = &'d OsStr> + Clone) -> PathBuf {
    let names: Vec<&OsStr> = names.collect();
    names.iter().rev().collect()
}

impl<S> Drop for Dir<S> {
    fn drop(&mut self) {
        // A loop, since recursion as deep as the tree would overflow the stack.
        let mut kept = self.take_kept();
        while let Some(mut dir) = kept.and_then(Arc::into_inner) {
            kept = dir.take_kept();
        }
    }
}

/// Where the directory that is being visited lies in the tree.
#[derive(Debug)]
pub(crate) struct Location<'a, S> {
    /// `None` for the source.
    pub(crate) parent: Option<&'a Arc<Dir<S>>>,
    pub(crate) name: &'a OsStr,
    pub(crate) depth: usize,
}

impl<S> Clone for Location<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Location<'_, S> {}

impl<'a, S> Location<'a, S> {
    fn names(self) -> impl Iterator<Item = &'a OsStr> + Clone {
        let ancestors = self.parent.into_iter().flat_map(|parent| parent.names());
        std::iter::once(self.name).chain(ancestors)
    }

    pub(crate) fn path(self) -> PathBuf {
        join(self.names())
    }

    /// The path relative to the source.
    pub(super) fn relative_path(self) -> PathBuf {
        join(self.names().take(self.depth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn path(source: &str, below: &[&str]) -> (PathBuf, PathBuf) {
        let mut parent = None;
        let (names, last) = match below.split_last() {
            Some((last, between)) => ([&[source], between].concat(), *last),
            None => (vec![], source),
        };
        for (depth, name) in names.into_iter().enumerate() {
            let (name, by_link, links) = (OsStr::new(name).into(), false, 0);
            let dir = Listed { parent, name, depth, by_link, links, identity: None, state: () };
            let dir = Arc::new(Dir::from(dir));
            // Every other one as another worker has it.
            parent = Some(if depth % 2 == 1 { Dir::twin(&Dir::twin(&dir)) } else { dir });
        }
        let name = OsStr::new(last);
        let location = Location { parent: parent.as_ref(), name, depth: below.len() };
        if let Some(parent) = &parent {
            assert_eq!(parent.path().join(name), location.path());
        }
        (location.path(), location.relative_path())
    }

    #[test]
    fn paths_of_locations() {
        for source in ["/", "/s", "s", "s/", "./s//", "../t/s"] {
            for below in [&[][..], &["a"], &["a", "b"], &["a", "é", "c"]] {
                let (path, relative) = path(source, below);
                assert_eq!(
                    path.as_os_str(),
                    below.iter().fold(PathBuf::from(source), |p, n| p.join(n))
                );
                assert_eq!(relative.as_os_str(), below.iter().collect::<PathBuf>());
                assert!(path.starts_with(Path::new(source)));
            }
        }
    }

    fn child(parent: Option<Arc<Dir<()>>>) -> Arc<Dir<()>> {
        let (name, identity) = (OsStr::new("d").into(), None);
        let listed =
            Listed { parent, name, depth: 0, by_link: false, links: 0, identity, state: () };
        Arc::new(Dir::from(listed))
    }

    #[test]
    fn what_is_below_a_twin_counts_no_reference_to_the_directory() {
        let dir = child(None);
        let (twin, count) = (Dir::twin(&dir), Arc::strong_count(&dir));
        let children = [(); 3].map(|()| child(Some(Arc::clone(&twin))));
        assert_eq!((Arc::strong_count(&dir), Arc::strong_count(&twin)), (count, 1 + 3));
        assert!(std::ptr::eq(&raw const **children[0].parent().unwrap(), &raw const *twin));
        assert!(std::ptr::eq(&raw const twin.state, &raw const dir.state));
        drop((dir, twin));
        assert_eq!(children[2].path(), Path::new("d/d"));
    }

    #[test]
    fn twins_are_dropped_without_recursion() {
        let mut dir = child(None);
        for _ in 0..if cfg!(miri) { 100 } else { 100_000 } {
            dir = child(Some(Dir::twin(&dir)));
        }
    }
}
