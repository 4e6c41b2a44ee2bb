//! Where a copy is built: beside its destination, to be renamed when it is whole; or, where the
//! destination is a directory that may be changed, in it, file by file.
//!
//! # Invariant
//!
//! What is being built has a name of [`names`](super::names), and is locked by the process that
//! builds it until it has its final name or is removed. So what has such a name and is not
//! locked is left over from a process that is gone. Between making something and locking it
//! there is a moment in which another process may take it for that; so the maker looks, once it
//! has the lock, whether the name still leads to what it has made. Whoever removes a leftover
//! has its lock and has looked in the same way, since it may have got its final name meanwhile.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::Mode;
use rustix::io::{Errno, retry_on_intr};

use super::entries::{
    clear, create_file, is_at, is_directory, is_link, is_unsupported, lock, look_at,
    make_directory, names, open_directory, open_file, open_path, remove_directory, remove_file,
    sync,
};
use super::metadata::drop_inherited;
use super::names::{MAX_NAME, SHORT_NAME, is_temporary_name, temporary_name};
use crate::traversal::Stop;
use crate::{Error, Operation};

/// How often a name is tried, or a parent made again that somebody removed.
const ATTEMPTS: usize = 100;

/// What is common to the copies of one run.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    /// The names in each parent of a destination that look like leftovers. It is listed once,
    /// however many destinations it has.
    seen: Mutex<HashMap<PathBuf, Vec<OsString>>>,
}

impl Leftovers {
    /// Removes what processes that are gone have left of a copy to `name`.
    fn remove(&self, path: &Path, parent: &OwnedFd, name: &OsStr) {
        for leftover in self.take(path, parent, name) {
            remove_leftover(parent, &leftover);
        }
    }

    /// The same for a destination that is not copied to, since it is there: whoever was killed may
    /// have lost it to another process.
    pub(super) fn remove_beside(&self, destination: &Path, stop: &Stop) {
        if let (Some(above), Some(name)) = (destination.parent(), destination.file_name())
            && let Ok(parent) = open_path(above, stop)
        {
            self.remove(above, &parent, name);
        }
    }

    /// The names of what may have been left of a copy to `name`, each once.
    fn take(&self, path: &Path, parent: &OwnedFd, name: &OsStr) -> Vec<OsString> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.entry(path.into()).or_insert_with(|| {
            let mut names = names(parent).unwrap_or_default();
            names.retain(|name| is_temporary_name(name, None));
            names
        });
        let is_of_name = |candidate: &mut OsString| is_temporary_name(candidate, Some(name));
        seen.extract_if(.., is_of_name).collect()
    }
}

/// Removes what processes that are gone have left in a directory that is merged into. Returns the
/// names in it, as far as it can be listed.
pub(super) fn remove_leftovers_in(directory: &OwnedFd) -> Vec<OsString> {
    let names = names(directory).unwrap_or_default();
    for name in names.iter().filter(|name| is_temporary_name(name, None)) {
        remove_leftover(directory, name);
    }
    names
}

/// Removes what was being built under a name, unless a process is still at it. What cannot be
/// removed stays: it is in nobody's way.
fn remove_leftover(parent: &OwnedFd, name: &OsStr) {
    // Nothing here is worth waiting for.
    let stop = Stop::new();
    stop.set();
    if let Ok(opened) = open_directory(parent, name, &stop) {
        if lock(&opened) == Some(true) && is_at(parent, name, &opened) {
            let _ = clear(&opened, &stop, &|| {});
            let _ = remove_directory(parent, name);
        }
    } else if let Ok((opened, _)) = open_file(parent, name, false, &stop)
        && lock(&opened) == Some(true)
        && is_at(parent, name, &opened)
    {
        let _ = remove_file(parent, name);
    }
}

/// What is done with new things.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// Whether what is at the destination may be changed.
    pub(super) overwrite: bool,
    /// Whether all is flushed to the disk before it gets its final name.
    pub(super) fsync: bool,
    /// The mode of the new directory while it is being filled.
    pub(super) mode: Mode,
    /// Whether it keeps what it gets from the default access list of its parent. A copy that gets
    /// the access lists of an original does not.
    pub(super) inherits: bool,
}

/// A place at which a copy is built.
#[derive(Debug)]
pub(super) struct Staging {
    destination: PathBuf,
    /// `None` if the destination is the root of the file system.
    parent: Option<OwnedFd>,
    name: OsString,
    /// The name of the directory while it is built. `None` if the destination is merged into.
    temporary: Option<OsString>,
    root: Arc<OwnedFd>,
    /// The parents that were made for it, by their own parents and their names.
    made: Vec<(OwnedFd, OsString)>,
    fsync: bool,
}

/// How a staging began.
#[derive(Debug)]
pub(super) enum Begun {
    Staging(Staging),
    /// The destination is there, and is not to be changed.
    Exists,
}

/// How a staging ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Committed {
    Done,
    /// Something came to the destination meanwhile. Nothing was changed.
    Exists,
}

impl Staging {
    /// Begins to build what will be at `destination`, an absolute path without `..`.
    pub(super) fn begin(
        destination: &Path,
        kind: Kind,
        leftovers: &Leftovers,
        stop: &Stop,
    ) -> Result<Begun, Error> {
        let fails = |operation| {
            move |error: Errno| Error::io(destination, operation, io::Error::from(error))
        };
        let Kind { overwrite, fsync, .. } = kind;
        let (Some(above), Some(name)) = (destination.parent(), destination.file_name()) else {
            // The root of the file system is always there.
            if !overwrite {
                return Ok(Begun::Exists);
            }
            let root = open_path(destination, stop).map_err(fails(Operation::OpenDirectory))?;
            let (destination, name) = (destination.into(), OsString::new());
            let root = Arc::new(root);
            let (parent, temporary, made) = (None, None, Vec::new());
            let staging = Staging { destination, parent, name, temporary, root, made, fsync };
            return Ok(Begun::Staging(staging));
        };
        let mut made = Vec::new();
        let (mut longest, mut left) = (MAX_NAME, ATTEMPTS);
        let result = loop {
            left -= 1;
            let parent = match open_parent(above, &mut made, stop) {
                Ok(parent) => parent,
                Err(error) => break Err(error),
            };
            match look_at(&parent, name) {
                Ok(_) if !overwrite => break Ok(Begun::Exists),
                Ok(stat) if is_link(&stat) => {
                    let message = "the destination is a link, and no link is followed: \
                                   give what it leads to";
                    break Err(Error::refused(destination, message));
                }
                Ok(stat) if !is_directory(&stat) => {
                    break Err(fails(Operation::OpenDirectory)(Errno::NOTDIR));
                }
                Ok(_) => {
                    let opened = open_directory(&parent, name, stop);
                    let root = match opened {
                        Ok(root) => root,
                        Err(error) => break Err(fails(Operation::OpenDirectory)(error)),
                    };
                    leftovers.remove(above, &parent, name);
                    break Ok(Begun::Staging(Staging {
                        destination: destination.into(),
                        parent: Some(parent),
                        name: name.into(),
                        temporary: None,
                        root: Arc::new(root),
                        made: std::mem::take(&mut made),
                        fsync,
                    }));
                }
                // Making the directory tells what else is wrong.
                Err(_) => {}
            }
            leftovers.remove(above, &parent, name);
            match make_staging(&parent, name, longest, kind, stop) {
                Ok((temporary, root)) => {
                    break Ok(Begun::Staging(Staging {
                        destination: destination.into(),
                        parent: Some(parent),
                        name: name.into(),
                        temporary: Some(temporary),
                        root: Arc::new(root),
                        made: std::mem::take(&mut made),
                        fsync,
                    }));
                }
                // The name itself may be too long, which is found out now and not in the end.
                Err(Errno::NAMETOOLONG)
                    if longest > SHORT_NAME
                        && !matches!(look_at(&parent, name), Err(Errno::NAMETOOLONG)) =>
                {
                    longest = SHORT_NAME;
                }
                // Another match may have made that parent, and removed it when it failed.
                Err(Errno::NOENT) if left > 0 && !stop.is_set() => {}
                Err(error) => break Err(fails(Operation::CreateDirectory)(error)),
            }
        };
        if !matches!(result, Ok(Begun::Staging(_))) {
            remove_made(made);
        }
        result
    }

    /// The directory that is being built, or merged into.
    pub(super) fn root(&self) -> &Arc<OwnedFd> {
        &self.root
    }

    /// Whether the destination was there, and is merged into.
    pub(super) fn is_merged(&self) -> bool {
        self.temporary.is_none()
    }

    /// Flushes all that was built to the disk, and with it all else on the file system: for many
    /// files that takes less time than to flush each.
    pub(super) fn sync_all(&self) -> Result<(), Error> {
        self.sync_file_system()
            .map_err(|error| Error::io(&self.destination, Operation::Sync, error.into()))
    }

    /// Gives it its final name, without replacing anything.
    pub(super) fn commit(mut self) -> Result<Committed, Error> {
        let result = self.place();
        if !matches!(result, Ok(Committed::Done)) {
            self.abandon(&|| {});
        }
        result
    }

    fn place(&mut self) -> Result<Committed, Error> {
        let fails = |operation| {
            let path = &self.destination;
            move |error: Errno| Error::io(path, operation, io::Error::from(error))
        };
        let Some(parent) = &self.parent else { return Ok(Committed::Done) };
        if let Some(temporary) = &self.temporary {
            // Somebody may have put something else into its place.
            if !is_at(parent, temporary, &*self.root) {
                return Err(fails(Operation::Rename)(Errno::STALE));
            }
            match rename_without_replacing(parent, temporary, &self.name) {
                Ok(()) => {}
                Err(Errno::EXIST | Errno::NOTEMPTY) => return Ok(Committed::Exists),
                Err(error) => return Err(fails(Operation::Rename)(error)),
            }
            if !is_at(parent, &self.name, &*self.root) {
                self.temporary = None;
                return Err(fails(Operation::Rename)(Errno::STALE));
            }
        }
        if let Err(error) = self.sync_parents(parent) {
            // What is not safe is not there: it gets back the name of what is being built.
            if let Some(temporary) = &self.temporary
                && is_at(parent, &self.name, &*self.root)
            {
                let _ = rename_without_replacing(parent, &self.name, temporary);
            }
            return Err(fails(Operation::Sync)(error));
        }
        Ok(Committed::Done)
    }

    /// Flushes the final name, and those of the parents that were made for it.
    fn sync_parents(&self, parent: &OwnedFd) -> rustix::io::Result<()> {
        if !self.fsync {
            return Ok(());
        }
        let made = self.made.iter().map(|(above, _)| above);
        made.chain([parent]).try_for_each(|directory| match sync(directory.as_fd()) {
            // One that may not be read cannot be flushed by itself.
            Err(Errno::BADF) => self.sync_file_system(),
            result => result,
        })
    }

    fn sync_file_system(&self) -> rustix::io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        return retry_on_intr(|| rustix::fs::syncfs(&*self.root));
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        return sync(self.root.as_fd());
    }

    /// Removes what was built so far; what was merged stays. Calls `removed` for each entry.
    pub(super) fn abandon(self, removed: &dyn Fn()) {
        let Staging { parent, temporary, root, made, .. } = self;
        if let (Some(parent), Some(temporary)) = (&parent, &temporary) {
            let _ = clear(&root, &Stop::new(), removed);
            if is_at(parent, temporary, &*root) {
                let _ = remove_directory(parent, temporary);
            }
        }
        remove_made(made);
    }
}

/// Opens the parent of a destination, and makes what is missing above it. Adds to `made` what
/// it makes.
fn open_parent(
    path: &Path,
    made: &mut Vec<(OwnedFd, OsString)>,
    stop: &Stop,
) -> Result<OwnedFd, Error> {
    let mut missing = Vec::new();
    let mut existing = path;
    let mut opened = loop {
        match open_path(existing, stop) {
            Ok(opened) => break opened,
            Err(Errno::NOENT) if existing.parent().is_some() => {
                missing.push(existing);
                existing = existing.parent().unwrap_or(existing);
            }
            Err(error) => {
                return Err(Error::io(existing, Operation::OpenDirectory, error.into()));
            }
        }
    };
    while let Some(path) = missing.pop() {
        let Some(name) = path.file_name() else { continue };
        let fails = |operation| move |error: Errno| Error::io(path, operation, error.into());
        match retry_on_intr(|| rustix::fs::mkdirat(&opened, name, Mode::from_raw_mode(0o777))) {
            Ok(()) => {
                let above = opened.try_clone();
                let above = above.map_err(|e| Error::io(path, Operation::CreateDirectory, e))?;
                made.push((above, name.into()));
            }
            // Somebody else has made it.
            Err(Errno::EXIST) => {}
            Err(error) => return Err(fails(Operation::CreateDirectory)(error)),
        }
        opened = open_directory(&opened, name, stop).map_err(fails(Operation::OpenDirectory))?;
    }
    Ok(opened)
}

/// Removes parents that were made, if there is nothing else in them.
fn remove_made(made: Vec<(OwnedFd, OsString)>) {
    for (above, name) in made.iter().rev() {
        if remove_directory(above, name).is_err() {
            break;
        }
    }
}

/// Makes a directory under a temporary name, and locks it.
fn make_staging(
    parent: &OwnedFd,
    name: &OsStr,
    longest: usize,
    kind: Kind,
    stop: &Stop,
) -> rustix::io::Result<(OsString, OwnedFd)> {
    for _ in 0..ATTEMPTS {
        let temporary = temporary_name(name, longest);
        match retry_on_intr(|| rustix::fs::mkdirat(parent, &*temporary, kind.mode)) {
            Err(Errno::EXIST) => continue,
            result => result?,
        }
        let opened = match open_directory(parent, &temporary, stop) {
            Ok(opened) => opened,
            // Taken for a leftover.
            Err(Errno::NOENT) => continue,
            Err(error) => {
                let _ = remove_directory(parent, &temporary);
                return Err(error);
            }
        };
        if lock(&opened) != Some(false) && is_at(parent, &temporary, &opened) {
            if !kind.inherits {
                drop_inherited(opened.as_fd());
            }
            return Ok((temporary, opened));
        }
    }
    Err(Errno::EXIST)
}

/// Makes a directory, and locks it, in which to make something that cannot be locked itself, and
/// will then be called `name` in the parent.
pub(super) fn make_room(
    parent: &OwnedFd,
    name: &OsStr,
    stop: &Stop,
) -> rustix::io::Result<(OsString, OwnedFd)> {
    let kind = Kind { overwrite: false, fsync: false, mode: Mode::RWXU, inherits: true };
    match make_staging(parent, name, MAX_NAME, kind, stop) {
        Err(Errno::NAMETOOLONG) => make_staging(parent, name, SHORT_NAME, kind, stop),
        result => result,
    }
}

/// A file that is written beside its final place.
#[derive(Debug)]
pub(super) struct Beside {
    pub(super) file: OwnedFd,
    pub(super) temporary: OsString,
}

/// Makes a file under a temporary name, and locks it.
pub(super) fn create_beside(
    directory: &OwnedFd,
    name: &OsStr,
    mode: Mode,
    stop: &Stop,
) -> rustix::io::Result<Beside> {
    let mut longest = MAX_NAME;
    for _ in 0..ATTEMPTS {
        let temporary = temporary_name(name, longest);
        let file = match create_file(directory, &temporary, mode, stop) {
            Ok(file) => file,
            Err(Errno::EXIST) => continue,
            Err(Errno::NAMETOOLONG) if longest > SHORT_NAME => {
                longest = SHORT_NAME;
                continue;
            }
            Err(error) => return Err(error),
        };
        if lock(&file) != Some(false) && is_at(directory, &temporary, &file) {
            return Ok(Beside { file, temporary });
        }
    }
    Err(Errno::EXIST)
}

/// Gives a file its final name, in place of one that may be there. Whether one was.
pub(super) fn place_beside(
    directory: &OwnedFd,
    temporary: &OsStr,
    name: &OsStr,
) -> rustix::io::Result<bool> {
    // A link is replaced, not followed.
    let was_there = look_at(directory, name).is_ok();
    retry_on_intr(|| rustix::fs::renameat(directory, temporary, directory, name))?;
    Ok(was_there)
}

/// Renames a directory to a name that nothing has.
fn rename_without_replacing(parent: &OwnedFd, from: &OsStr, to: &OsStr) -> rustix::io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    match retry_on_intr(|| {
        rustix::fs::renameat_with(parent, from, parent, to, rustix::fs::RenameFlags::NOREPLACE)
    }) {
        // Not known to this kernel, or to this file system.
        Err(error) if error == Errno::INVAL || is_unsupported(error) => {}
        result => return result,
    }
    rename_to_empty(parent, from, to)
}

/// Renames a directory to a name that nothing has, where the system has no call for that: one
/// that is empty may be replaced, so one is made.
fn rename_to_empty(parent: &OwnedFd, from: &OsStr, to: &OsStr) -> rustix::io::Result<()> {
    make_directory(parent, to)?;
    match retry_on_intr(|| rustix::fs::renameat(parent, from, parent, to)) {
        Ok(()) => Ok(()),
        Err(error) => {
            // If somebody has put something into it, that stays.
            let _ = remove_directory(parent, to);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const KIND: Kind = Kind { overwrite: false, fsync: false, mode: Mode::RWXU, inherits: false };

    fn begin(destination: &Path, kind: Kind) -> Staging {
        match Staging::begin(destination, kind, &Leftovers::default(), &Stop::new()).unwrap() {
            Begun::Staging(staging) => staging,
            Begun::Exists => panic!("{destination:?} is there"),
        }
    }

    fn count(path: &Path) -> usize {
        fs::read_dir(path).unwrap().count()
    }

    fn opened(path: &Path) -> OwnedFd {
        fs::File::open(path).unwrap().into()
    }

    #[test]
    fn both_ways_to_rename_replace_nothing() {
        for rename in [rename_without_replacing, rename_to_empty] {
            let dir = tempfile::tempdir().unwrap();
            let (base, parent) = (dir.path(), opened(dir.path()));
            for name in ["from", "full", "empty"] {
                fs::create_dir(base.join(name)).unwrap();
            }
            fs::write(base.join("from/new"), "").unwrap();
            fs::write(base.join("full/old"), "").unwrap();
            fs::write(base.join("file"), "").unwrap();
            std::os::unix::fs::symlink("empty", base.join("link")).unwrap();
            for name in ["full", "empty", "file", "link"] {
                assert_eq!(rename(&parent, "from".as_ref(), name.as_ref()), Err(Errno::EXIST));
            }
            assert_eq!((count(base), count(&base.join("empty"))), (5, 0));
            rename(&parent, "from".as_ref(), "to".as_ref()).unwrap();
            assert!(base.join("to/new").exists() && !base.join("from").exists());
            // What it made for that does not stay when it fails.
            assert_eq!(rename(&parent, "gone".as_ref(), "other".as_ref()), Err(Errno::NOENT));
            assert!(!base.join("other").exists());
        }
    }

    #[test]
    fn what_is_being_built_is_no_leftover_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let destination = dir.path().join("new/d");
        let first = begin(&destination, KIND);
        let second = begin(&destination, KIND);
        assert_eq!(count(&dir.path().join("new")), 2);
        assert_eq!(first.commit().unwrap(), Committed::Done);
        assert_eq!(second.commit().unwrap(), Committed::Exists);
        assert_eq!(count(&dir.path().join("new")), 1);
        // A process that is gone holds no lock.
        fs::remove_dir(&destination).unwrap();
        drop(begin(&destination, KIND));
        assert_eq!(count(&dir.path().join("new")), 1);
        assert_eq!(begin(&destination, KIND).commit().unwrap(), Committed::Done);
        assert_eq!(fs::read_dir(dir.path().join("new")).unwrap().count(), 1);
    }

    #[test]
    fn what_somebody_put_into_its_place_is_neither_renamed_nor_removed() {
        let dir = tempfile::tempdir().unwrap();
        let destination = dir.path().join("d");
        let staging = begin(&destination, KIND);
        let temporary = dir.path().join(staging.temporary.clone().unwrap());
        fs::rename(&temporary, dir.path().join("moved")).unwrap();
        fs::create_dir(&temporary).unwrap();
        fs::write(temporary.join("other"), "").unwrap();
        let error = staging.commit().unwrap_err();
        assert_eq!(error.operation(), Some(Operation::Rename));
        assert!(temporary.join("other").exists() && !destination.exists());
    }

    #[test]
    fn parents_that_were_made_go_with_it_unless_they_are_used() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("a/b/c/one"), dir.path().join("a/b/two"));
        let staging = begin(&one, KIND);
        let other = begin(&two, KIND);
        staging.abandon(&|| {});
        assert!(!dir.path().join("a/b/c").exists());
        // This one made none of its parents, and so removes none.
        other.abandon(&|| {});
        assert_eq!(count(&dir.path().join("a/b")), 0);

        // A parent that was removed meanwhile is made again.
        let staging = begin(&one, KIND);
        assert_eq!(staging.commit().unwrap(), Committed::Done);
        assert!(one.is_dir());
    }

    #[test]
    fn nothing_behind_a_link_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("top/a/b")).unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        fs::write(dir.path().join("outside/kept"), "").unwrap();
        for link in ["top/l", "top/a/b/l"] {
            std::os::unix::fs::symlink(dir.path().join("outside"), dir.path().join(link)).unwrap();
        }
        clear(&opened(&dir.path().join("top")), &Stop::new(), &|| {}).unwrap();
        assert_eq!(count(&dir.path().join("top")), 0);
        assert_eq!(count(&dir.path().join("outside")), 1);
    }

    #[test]
    fn a_file_beside_its_place_takes_it() {
        let dir = tempfile::tempdir().unwrap();
        let directory = opened(dir.path());
        let stop = Stop::new();
        for was_there in [false, true] {
            let mode = Mode::from_raw_mode(0o600);
            let Beside { file: _file, temporary } =
                create_beside(&directory, "a".as_ref(), mode, &stop).unwrap();
            // It is locked.
            remove_leftovers_in(&directory);
            let placed = place_beside(&directory, &temporary, "a".as_ref());
            assert_eq!(placed, Ok(was_there));
            assert_eq!(count(dir.path()), 1);
        }
        // A link is replaced, and not followed.
        std::os::unix::fs::symlink("a", dir.path().join("l")).unwrap();
        let beside = create_beside(&directory, "l".as_ref(), Mode::RUSR, &stop).unwrap();
        let placed = place_beside(&directory, &beside.temporary, "l".as_ref());
        assert_eq!(placed, Ok(true));
        assert!(dir.path().join("l").symlink_metadata().unwrap().is_file());
        assert_eq!(count(dir.path()), 2);
    }
}
