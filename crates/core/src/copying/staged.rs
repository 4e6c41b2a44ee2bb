//! A copy whose contents come from the caller, such as one from a remote store.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, Timespec, Timestamps};
use rustix::io::{Errno, retry_on_intr};

use super::destinations::resolve_destination;
use super::engine::{Identity, identity};
use super::entries::{create_file, look_at, names, open_directory, remove_file, sync};
use super::spelling::{fold, is_one, same_name};
use super::staging::{
    Begun, Beside, Committed, Kind, Leftovers, Staging, create_beside, place_beside,
    remove_leftovers_in,
};
use crate::traversal::Stop;
use crate::{Error, Operation};

/// A directory that is built from what the caller puts into it, as [`Copy`](crate::Copy) builds
/// its own: it appears whole or not at all; with `overwrite`, what is there is merged into, file
/// by file. Dropping it before [`commit`](StagedCopy::commit) removes what was built.
///
/// Paths are relative, with `/` between the components. One with a component that is empty, `.`
/// or `..`, or that holds a NUL, is refused, and no link is followed: nothing outside the
/// destination is ever written.
///
/// # Example
///
/// ```
/// use pathvein_core::StagedCopy;
/// use std::{fs::File, io::Write};
///
/// # let dir = tempfile::tempdir()?;
/// let destination = dir.path().join("run_1");
/// let mut staged = StagedCopy::begin(&destination, false, false)?;
/// staged.make_directory("data")?;
/// let mut file = File::from(staged.create("data/a.csv")?);
/// file.write_all(b"1,2")?;
/// drop(file);
/// staged.finish("data/a.csv", None)?;
/// assert!(!destination.exists());
/// staged.commit()?;
/// assert_eq!(std::fs::read(destination.join("data/a.csv"))?, b"1,2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StagedCopy {
    destination: PathBuf,
    /// `None` at the end.
    staging: Option<Staging>,
    /// Files that are being written.
    unfinished: HashMap<OsString, Unfinished>,
    /// Directories that something was put into: with `fsync` these are flushed.
    touched: BTreeSet<PathBuf>,
    /// Directories of a destination that is merged into in which leftovers were looked for, and
    /// the names that were in them.
    cleaned: HashMap<PathBuf, HashSet<OsString>>,
    /// The files that were put into them.
    placed: HashSet<Identity>,
    /// The names that were put into each directory, by what they are when folded.
    seen: HashMap<Key, Vec<OsString>>,
    replaced: Vec<PathBuf>,
    fsync: bool,
    stop: Stop,
}

/// A directory of the copy, and a name in it when folded.
type Key = (PathBuf, Vec<u8>);

fn key(above: &[&OsStr], name: &OsStr) -> Key {
    (above.iter().collect(), fold(name))
}

/// A file that is being written.
#[derive(Debug)]
struct Unfinished {
    directory: OwnedFd,
    /// Keeps the lock, whatever the caller does with its own.
    file: OwnedFd,
    temporary: Option<OsString>,
}

/// Without the mask of the process, which the system applies.
const DIRECTORY_MODE: Mode = Mode::RWXU.union(Mode::RWXG).union(Mode::RWXO);
const FILE_MODE: Mode = Mode::from_raw_mode(0o666);

impl StagedCopy {
    /// Begins to build what will be at `destination`. Missing directories above it are made.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) of kind
    /// [`AlreadyExists`](std::io::ErrorKind::AlreadyExists) if something is there and `overwrite`
    /// is not given, and others if nothing can be made there.
    pub fn begin(
        destination: impl AsRef<Path>,
        overwrite: bool,
        fsync: bool,
    ) -> Result<StagedCopy, Error> {
        if destination.as_ref().as_os_str().is_empty() {
            return Err(Error::refused("", "the path of the destination is empty"));
        }
        let destination = resolve_destination(destination.as_ref());
        let stop = Stop::new();
        let kind = Kind { overwrite, fsync, mode: DIRECTORY_MODE, inherits: true };
        match Staging::begin(&destination, kind, &Leftovers::default(), &stop)? {
            Begun::Staging(staging) => Ok(StagedCopy {
                destination,
                staging: Some(staging),
                unfinished: HashMap::new(),
                touched: BTreeSet::new(),
                cleaned: HashMap::new(),
                placed: HashSet::new(),
                seen: HashMap::new(),
                replaced: Vec::new(),
                fsync,
                stop,
            }),
            Begun::Exists => Err(exists(&destination)),
        }
    }

    fn staging(&self) -> Result<&Staging, Error> {
        let ended = || Error::refused(&self.destination, "this copy has ended");
        self.staging.as_ref().ok_or_else(ended)
    }

    /// Opens the directory of these components, and makes what is missing of it.
    fn directory(&mut self, components: &[&OsStr]) -> Result<OwnedFd, Error> {
        let root = self.staging()?.root();
        let mut path = self.destination.clone();
        let mut opened =
            root.try_clone().map_err(|error| Error::io(&path, Operation::OpenDirectory, error))?;
        for (depth, name) in components.iter().enumerate() {
            path.push(name);
            let fails = |operation| {
                move |error: Errno, path: &Path| Error::io(path, operation, error.into())
            };
            let key = key(&components[..depth], name);
            match retry_on_intr(|| rustix::fs::mkdirat(&opened, *name, DIRECTORY_MODE)) {
                Err(Errno::EXIST) if self.is_noted(&key, name) => {}
                Err(Errno::EXIST) => self.check_name(&opened, &key, name)?,
                Err(error) => return Err(fails(Operation::CreateDirectory)(error, &path)),
                Ok(()) => {}
            }
            self.note(key, name);
            opened = open_directory(&opened, name, &self.stop)
                .map_err(|error| fails(Operation::OpenDirectory)(error, &path))?;
        }
        Ok(opened)
    }

    /// Takes a note of a name that is put into a directory.
    fn note(&mut self, key: Key, name: &OsStr) {
        if !self.is_noted(&key, name) {
            self.seen.entry(key).or_default().push(name.into());
        }
    }

    fn is_noted(&self, key: &Key, name: &OsStr) -> bool {
        self.seen.get(key).is_some_and(|names| names.iter().any(|noted| noted == name))
    }

    /// The error for a name that is there, if it is another of this copy for the file system.
    fn check_name(&self, directory: &OwnedFd, key: &Key, name: &OsStr) -> Result<(), Error> {
        let mut others = self.seen.get(key).into_iter().flatten().filter(|other| *other != name);
        match others.find(|other| is_one(directory, name, other)) {
            Some(other) => {
                let path = self.destination.join(&key.0).join(name);
                Err(Error::refused(path, same_name(other)))
            }
            None => Ok(()),
        }
    }

    /// The error for a file that would take the place of another of this copy. What was there
    /// before by this very name is none.
    fn check_place(&self, directory: &OwnedFd, above: &Path, name: &OsStr) -> Result<(), Error> {
        if self.cleaned.get(above).is_some_and(|there| there.contains(name)) {
            return Ok(());
        }
        self.check_name(directory, &(above.into(), fold(name)), name)?;
        // Names that nobody here knows to be the same.
        let is_placed =
            look_at(directory, name).is_ok_and(|there| self.placed.contains(&identity(&there)));
        if is_placed && !names(directory).is_ok_and(|names| names.iter().any(|n| n == name)) {
            let message = "something else of this copy has this name there: rename one of them";
            return Err(Error::refused(self.destination.join(above).join(name), message));
        }
        Ok(())
    }

    /// Makes a directory, and those above it. One that is there is left as it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) for a path that is not allowed, or that is
    /// another of this copy for the file system, such as `data` and `Data` on some;
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if it cannot be made.
    pub fn make_directory(&mut self, path: impl AsRef<OsStr>) -> Result<(), Error> {
        let components = self.components(path.as_ref())?;
        self.directory(&components)?;
        if self.fsync {
            let ancestors = (0..=components.len()).map(|n| components[..n].iter().collect());
            self.touched.extend(ancestors);
        }
        Ok(())
    }

    /// Makes a file, and directories above it that are missing, and opens it for writing. It
    /// has its final name once it is [finished](StagedCopy::finish) and the copy committed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) for a path that is not allowed, or that is
    /// another of this copy for the file system; [`ErrorKind::Io`](crate::ErrorKind::Io) if it
    /// cannot be made, or was made already.
    pub fn create(&mut self, path: impl AsRef<OsStr>) -> Result<OwnedFd, Error> {
        let path = path.as_ref();
        let components = self.components(path)?;
        let (name, above) = components.split_last().ok_or_else(|| self.bad_path(path))?;
        if self.unfinished.contains_key(path) {
            return Err(self.cannot_create(path, Errno::EXIST.into()));
        }
        let directory = self.directory(above)?;
        let key = key(above, name);
        let made = if self.staging()?.is_merged() {
            self.cleaned
                .entry(above.iter().collect())
                .or_insert_with(|| remove_leftovers_in(&directory).into_iter().collect());
            create_beside(&directory, name, FILE_MODE, &self.stop)
                .map(|Beside { file, temporary }| (file, Some(temporary)))
        } else {
            create_file(&directory, name, FILE_MODE, &self.stop).map(|file| (file, None))
        };
        let (file, temporary) = match made {
            Ok(made) => made,
            Err(error) => {
                if error == Errno::EXIST {
                    self.check_name(&directory, &key, name)?;
                }
                return Err(self.cannot_create(path, error.into()));
            }
        };
        let given = file.try_clone().map_err(|error| self.cannot_create(path, error))?;
        self.note(key, name);
        if self.fsync {
            let ancestors = (0..=above.len()).map(|n| above[..n].iter().collect());
            self.touched.extend(ancestors);
        }
        self.unfinished.insert(path.into(), Unfinished { directory, file, temporary });
        Ok(given)
    }

    fn cannot_create(&self, path: &OsStr, error: std::io::Error) -> Error {
        Error::io(self.destination.join(path), Operation::CreateFile, error)
    }

    /// Tells that a file is written. It gets its modification time, in nanoseconds since 1970,
    /// and where the destination is merged into, it takes its place.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if no such file is being written, or if it
    /// would take the place of another of this copy; [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// something fails; the file is then removed.
    pub fn finish(&mut self, path: impl AsRef<OsStr>, modified: Option<i128>) -> Result<(), Error> {
        let path = path.as_ref();
        let whole = self.destination.join(path);
        let Some(unfinished) = self.unfinished.remove(path) else {
            return Err(Error::refused(whole, "no such file is being written"));
        };
        let Unfinished { directory, file, temporary } = unfinished;
        let fails = |operation| {
            let whole = &whole;
            move |error: Errno| Error::io(whole, operation, error.into())
        };
        let name = Path::new(path).file_name().unwrap_or(path);
        let result = (|| {
            if let Some(time) = modified.and_then(timespec) {
                let times = Timestamps { last_access: time, last_modification: time };
                retry_on_intr(|| rustix::fs::futimens(&file, &times))
                    .map_err(fails(Operation::SetMetadata))?;
            }
            if self.fsync {
                sync(file.as_fd()).map_err(fails(Operation::Sync))?;
            }
            match &temporary {
                Some(temporary) => {
                    let above = Path::new(path).parent().unwrap_or("".as_ref());
                    self.check_place(&directory, above, name)?;
                    place_beside(&directory, temporary, name).map_err(fails(Operation::Rename))
                }
                None => Ok(false),
            }
        })();
        match result {
            Ok(was_there) => {
                if temporary.is_some()
                    && let Ok(stat) = retry_on_intr(|| rustix::fs::fstat(&file))
                {
                    self.placed.insert(identity(&stat));
                }
                if was_there {
                    self.replaced.push(whole);
                }
                Ok(())
            }
            Err(error) => {
                let _ = remove_file(&directory, temporary.as_deref().unwrap_or(name));
                Err(error)
            }
        }
    }

    /// The files of the destination that were replaced so far.
    pub fn replaced(&self) -> &[PathBuf] {
        &self.replaced
    }

    /// Gives the directory its final name, without replacing anything.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if a file is not finished;
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) of kind
    /// [`AlreadyExists`](std::io::ErrorKind::AlreadyExists) if something came to the
    /// destination meanwhile, or others. What was built is then removed.
    pub fn commit(&mut self) -> Result<(), Error> {
        self.staging()?;
        if !self.unfinished.is_empty() {
            self.abandon();
            return Err(Error::refused(&self.destination, "a file of this copy is not finished"));
        }
        if self.fsync
            && let Err(error) = self.sync_directories()
        {
            self.abandon();
            return Err(error);
        }
        let Some(staging) = self.staging.take() else { return Ok(()) };
        match staging.commit()? {
            Committed::Done => Ok(()),
            Committed::Exists => Err(exists(&self.destination)),
        }
    }

    fn sync_directories(&mut self) -> Result<(), Error> {
        for path in std::mem::take(&mut self.touched) {
            let components: Vec<&OsStr> = path.iter().collect();
            let whole = self.destination.join(&path);
            sync(self.directory(&components)?.as_fd())
                .map_err(|error| Error::io(whole, Operation::Sync, error.into()))?;
        }
        sync(self.staging()?.root().as_fd())
            .map_err(|error| Error::io(&self.destination, Operation::Sync, error.into()))
    }

    /// Removes what was built so far. What was replaced stays.
    pub fn abandon(&mut self) {
        for (path, Unfinished { directory, temporary, .. }) in self.unfinished.drain() {
            let name = Path::new(&path).file_name().unwrap_or(&path);
            let _ = remove_file(&directory, temporary.as_deref().unwrap_or(name));
        }
        if let Some(staging) = self.staging.take() {
            staging.abandon(&|| {});
        }
    }

    /// The components of a path.
    fn components<'p>(&self, path: &'p OsStr) -> Result<Vec<&'p OsStr>, Error> {
        let components: Vec<_> =
            path.as_bytes().split(|&byte| byte == b'/').map(OsStr::from_bytes).collect();
        let is_bad = |name: &&OsStr| {
            matches!(name.as_bytes(), b"" | b"." | b"..") || name.as_bytes().contains(&0)
        };
        if components.iter().any(is_bad) {
            return Err(self.bad_path(path));
        }
        Ok(components)
    }

    fn bad_path(&self, path: &OsStr) -> Error {
        let message = "a path of a copy must be relative, without empty components, `.`, `..` \
                       and NUL";
        Error::refused(path, message)
    }
}

impl Drop for StagedCopy {
    fn drop(&mut self) {
        // What a fork has inherited is its parent's.
        if !self.stop.is_inherited() {
            self.abandon();
        }
    }
}

fn exists(destination: &Path) -> Error {
    Error::io(destination, Operation::CreateDirectory, Errno::EXIST.into())
}

/// Nanoseconds since 1970, rounded down. `None` if no system has such a time.
fn timespec(nanoseconds: i128) -> Option<Timespec> {
    let seconds = nanoseconds.div_euclid(1_000_000_000).try_into().ok()?;
    Some(Timespec { tv_sec: seconds, tv_nsec: nanoseconds.rem_euclid(1_000_000_000) as _ })
}
