//! The plan of a copy: what is copied of one match, found out before anything is written.
//!
//! [`finder`] reads the tree of the match, and says what belongs of it; [`links`] finds the links
//! that are kept; [`packed`] has the entries of a directory.
//!
//! Only names are read, and for links what they lead to. With sizes, each file is looked at.

mod finder;
mod links;
mod packed;
#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::{Errno, retry_on_intr};

use self::packed::Entries;
pub(crate) use self::packed::{Entry, EntryIter, EntryKind};
use super::entries::{PATIENCE, open_path};
use super::selection::SelectionProgram;
use super::tree::SourceTree;
use crate::traversal::Stop;
use crate::{Error, ExcludeRules, NameDecoder, Operation};

/// What becomes of links to files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Links {
    /// The content of the file is copied.
    #[default]
    Follow,
    /// The link is copied as it is if what it says is relative and leads to a file that is
    /// copied with it. Of other links the content is copied.
    Keep,
}

/// An entry that would belong to a match by its name, and is not copied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Skipped {
    /// Its path, relative to the match.
    pub path: PathBuf,
    /// Why it is not copied.
    pub reason: SkipReason,
}

/// Why an entry is not copied. `Display` says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SkipReason {
    /// It is a link to a directory.
    LinkToDirectory,
    /// It is a link that leads nowhere.
    BrokenLink,
    /// It is a fifo, or a link to one.
    Fifo,
    /// It is a socket, or a link to one.
    Socket,
    /// It is a device, or a link to one.
    Device,
    /// It is a directory on another file system.
    MountPoint,
}

impl SkipReason {
    /// The reason for entries of this kind, if they are not copied.
    fn of(kind: EntryKind) -> Option<SkipReason> {
        match kind {
            EntryKind::File | EntryKind::LinkToFile | EntryKind::KeptLink => None,
            // It does not belong.
            EntryKind::NotEntered => None,
            EntryKind::LinkToDirectory => Some(SkipReason::LinkToDirectory),
            EntryKind::BrokenLink => Some(SkipReason::BrokenLink),
            EntryKind::Fifo => Some(SkipReason::Fifo),
            EntryKind::Socket => Some(SkipReason::Socket),
            EntryKind::Device => Some(SkipReason::Device),
            EntryKind::MountPoint => Some(SkipReason::MountPoint),
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SkipReason::LinkToDirectory => "link to a directory",
            SkipReason::BrokenLink => "broken link",
            SkipReason::Fifo => "fifo",
            SkipReason::Socket => "socket",
            SkipReason::Device => "device",
            SkipReason::MountPoint => "mount point",
        })
    }
}

/// The plan of a copy of one match, that is not made yet: a source, a pattern and options.
///
/// # Example
///
/// ```
/// use pathvein_core::{FileStructurePattern, Plan};
/// use std::path::PathBuf;
///
/// # let dir = tempfile::tempdir()?;
/// # let source = dir.path().join("run_1");
/// # std::fs::create_dir_all(source.join("data"))?;
/// # for name in ["config.json", "notes.txt", "data/a.parquet"] {
/// #     std::fs::write(source.join(name), "{}")?;
/// # }
/// let data = FileStructurePattern::builder("data").file("*.parquet").build()?;
/// let run =
///     FileStructurePattern::builder("run_*").file("config.json").directory(data).build()?;
///
/// let plan = Plan::new(&source, &run).make()?;
/// let files: Vec<(PathBuf, u64)> = plan.files().collect();
/// assert_eq!(files, [("config.json".into(), 2), ("data/a.parquet".into(), 2)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a plan says nothing until it is made"]
pub struct Plan {
    source: PathBuf,
    program: SelectionProgram,
    links: Links,
    exclude: Option<(ExcludeRules, Option<PathBuf>)>,
    one_file_system: bool,
    decoder: Option<NameDecoder>,
}

impl Plan {
    /// A plan for the match at `source`, which is followed if it is a link. That the pattern
    /// takes it is not asked.
    pub fn new(source: impl Into<PathBuf>, program: impl Into<SelectionProgram>) -> Plan {
        Plan {
            source: source.into(),
            program: program.into(),
            links: Links::Follow,
            exclude: None,
            one_file_system: false,
            decoder: None,
        }
    }

    /// What becomes of links to files. Default: [`Links::Follow`].
    pub fn links(mut self, links: Links) -> Plan {
        self.links = links;
        self
    }

    /// Leaves out what these rules exclude. They are relative to `base`, at or above the
    /// source, such as the source of the scan that found the match; with `None`, to the source
    /// itself. Default: nothing.
    pub fn exclude(mut self, rules: ExcludeRules, base: impl Into<Option<PathBuf>>) -> Plan {
        self.exclude = Some((rules, base.into()));
        self
    }

    /// Whether to stay on the file system of the source. Mount points in it are then skipped
    /// ([`SkipReason::MountPoint`]). Default: no.
    pub fn one_file_system(mut self, yes: bool) -> Plan {
        self.one_file_system = yes;
        self
    }

    /// The decoder for names on disk that are not UTF-8. Default, and with `None`: as
    /// [`Name`](crate::Name) says.
    pub fn decode_names(mut self, decoder: impl Into<Option<NameDecoder>>) -> Plan {
        self.decoder = decoder.into();
        self
    }

    /// Reads the tree of the match, and asks for the sizes of its files.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the source is no directory or cannot be
    /// read, and if anything in it that may belong cannot be looked at: a plan is never
    /// silently smaller.
    pub fn make(&self) -> Result<MatchPlan, Error> {
        let opened = open_path(&self.source, &Stop::new());
        let opened =
            opened.map_err(|e| Error::io(&self.source, Operation::OpenDirectory, e.into()))?;
        self.make_of(opened.as_fd())
    }

    /// The same of a tree that is held open, and was opened by the path of the source: whatever
    /// is exchanged for that meanwhile, the plan is one of this tree.
    ///
    /// # Errors
    ///
    /// As for [`make`](Plan::make).
    pub fn make_in(&self, tree: &SourceTree) -> Result<MatchPlan, Error> {
        self.make_of(tree.root())
    }

    fn make_of(&self, opened: BorrowedFd<'_>) -> Result<MatchPlan, Error> {
        let exclude = self.exclude.clone().map(|(mut rules, base)| {
            rules.decoder.clone_from(&self.decoder);
            (rules, base.map(|base| path_below(&self.source, &base)).unwrap_or_default())
        });
        let (links, one_file_system) = (self.links, self.one_file_system);
        let decoder = self.decoder.clone();
        let options = PlanOptions { links, exclude, sizes: true, one_file_system, decoder };
        let plan = plan_match(&self.source, opened, &self.program, &options, &|| false)?;
        plan.ok_or_else(|| Error::internal("a plan was stopped that nobody stops"))
    }
}

/// The path of a source below a directory, empty if it is not below it.
pub(crate) fn path_below(source: &Path, base: &Path) -> PathBuf {
    let is_plain = |path: &&Path| path.components().all(|part| part != Component::ParentDir);
    if let Some(path) = source.strip_prefix(base).ok().filter(is_plain) {
        return path.into();
    }
    match (source.canonicalize(), base.canonicalize()) {
        (Ok(source), Ok(base)) => source.strip_prefix(base).map(Path::to_path_buf),
        _ => return PathBuf::new(),
    }
    .unwrap_or_default()
}

/// How a match is planned.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlanOptions {
    pub(crate) links: Links,
    /// Rules for what is left out, and the path of the source below the directory that they
    /// are relative to.
    pub(crate) exclude: Option<(ExcludeRules, PathBuf)>,
    /// Whether the sizes of the files are asked for.
    pub(crate) sizes: bool,
    pub(crate) one_file_system: bool,
    pub(crate) decoder: Option<NameDecoder>,
}

/// What is copied of a match: directories, files, and what is skipped of what would belong.
#[derive(Debug, Default)]
pub struct MatchPlan {
    /// Each after its parent. The first is the match itself.
    pub(crate) directories: Vec<PlannedDirectory>,
    /// How many files there are, links included.
    pub(crate) files: u64,
    /// How large they are together; 0 if sizes were not asked for.
    pub(crate) bytes: u64,
    pub(crate) skipped: Vec<Skipped>,
}

/// A directory of the plan.
#[derive(Debug)]
pub(crate) struct PlannedDirectory {
    /// The index of its parent; of the match itself, its own.
    pub(crate) parent: u32,
    /// Its name; of the match itself, empty.
    pub(crate) name: OsString,
    /// All are of a kind that is copied.
    entries: Entries,
    /// How many files there are.
    len: usize,
}

impl PlannedDirectory {
    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The file at an offset, and the offset of the next. The first is at 0.
    pub(crate) fn entry_at(&self, offset: usize) -> Option<(Entry<'_>, usize)> {
        let mut entries = self.entries.iter_from(offset);
        let entry = entries.next()?;
        Some((entry, self.entries.end_of(&entries)))
    }

    /// The files with all that is known of them.
    pub(crate) fn entries(&self) -> EntryIter<'_> {
        self.entries.iter()
    }
}

impl MatchPlan {
    /// The paths of the directories, relative to the match, each after its parent. The first
    /// is that of the match itself, which is empty.
    pub fn directories(&self) -> impl Iterator<Item = PathBuf> {
        (0..self.directories.len()).map(|directory| self.path(directory))
    }

    /// The paths of the files, relative to the match, with their sizes. That of a link which
    /// is kept is 0.
    pub fn files(&self) -> impl Iterator<Item = (PathBuf, u64)> {
        self.directories.iter().enumerate().flat_map(|(index, directory)| {
            let above = self.path(index);
            directory
                .entries()
                .map(move |entry| (above.join(entry.name), entry.size.unwrap_or_default()))
        })
    }

    /// How many files there are, links included.
    pub fn file_count(&self) -> u64 {
        self.files
    }

    /// How large the files are together.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What would belong by its name, and is not copied.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The paths of the links, relative to the match: of those to files whose content is
    /// copied, with `None`, and of those that are kept, with what they say.
    pub fn links(&self) -> impl Iterator<Item = (PathBuf, Option<&OsStr>)> {
        self.directories.iter().enumerate().flat_map(|(index, directory)| {
            let above = self.path(index);
            let links = directory.entries().filter(|entry| entry.kind != EntryKind::File);
            links.map(move |entry| {
                let is_kept = entry.kind == EntryKind::KeptLink;
                (above.join(entry.name), is_kept.then_some(entry.text))
            })
        })
    }

    /// The path of a directory, relative to the match.
    pub(crate) fn path(&self, directory: usize) -> PathBuf {
        path_of(&self.directories, directory, |directory| (directory.parent, &directory.name))
    }
}

/// The path of a directory among others that know their parents.
fn path_of<'a, D>(
    directories: &'a [D],
    directory: usize,
    parent_and_name: impl Fn(&'a D) -> (u32, &'a OsString),
) -> PathBuf {
    let (mut names, mut at) = (Vec::new(), directory);
    while at > 0 {
        let (parent, name) = parent_and_name(&directories[at]);
        names.push(name);
        at = parent as usize;
    }
    names.into_iter().rev().collect()
}

/// Plans the copy of the match at `source`, which was opened as `opened` and is read there,
/// whatever is exchanged for it meanwhile. `None` if `is_stopped` said so meanwhile.
///
/// # Errors
///
/// If the source cannot be read, and if anything in it that may belong cannot be looked at: a
/// copy is never silently smaller.
pub(crate) fn plan_match(
    source: &Path,
    opened: BorrowedFd<'_>,
    program: &SelectionProgram,
    options: &PlanOptions,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Option<MatchPlan>, Error> {
    let path = path_of_opened(opened);
    let mut end = None;
    loop {
        let planned = try_to_plan(path.as_deref().unwrap_or(source), program, options, is_stopped);
        match planned {
            Err(error)
                if needs_files(&error)
                    && !is_stopped()
                    && Instant::now() < *end.get_or_insert_with(|| Instant::now() + PATIENCE) =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(_) if path.is_none() && !is_same(source, opened) => {
                let changed = io::Error::new(io::ErrorKind::ResourceBusy, "it was exchanged");
                return Err(Error::io(source, Operation::ReadDirectory, changed));
            }
            result => {
                return match &path {
                    Some(path) => result.map_err(|error| error.moved(path, source)),
                    None => result,
                };
            }
        }
    }
}

/// A path that leads to an open directory, wherever it is by now. `None` if this system has none.
fn path_of_opened(opened: BorrowedFd<'_>) -> Option<PathBuf> {
    if !cfg!(any(target_os = "linux", target_os = "android")) {
        return None;
    }
    let path = PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd()));
    is_same(&path, opened).then_some(path)
}

/// Whether a path leads to this open directory.
fn is_same(path: &Path, opened: BorrowedFd<'_>) -> bool {
    let opened = retry_on_intr(|| rustix::fs::fstat(opened));
    match (retry_on_intr(|| rustix::fs::stat(path)), opened) {
        (Ok(there), Ok(here)) => (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino),
        _ => false,
    }
}

/// Whether no more files could be opened, which other work may change.
fn needs_files(error: &Error) -> bool {
    let errno = error.io_error().and_then(Errno::from_io_error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE))
}

fn try_to_plan(
    source: &Path,
    program: &SelectionProgram,
    options: &PlanOptions,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Option<MatchPlan>, Error> {
    let Some(mut plan) = finder::find(source, program, options, is_stopped)? else {
        return Ok(None);
    };
    if options.links == Links::Keep {
        links::keep(&mut plan, source)?;
    }
    if options.sizes {
        plan.measure(source, is_stopped)?;
    }
    Ok((!is_stopped()).then_some(plan))
}

impl MatchPlan {
    /// Asks for the sizes of the files.
    fn measure(&mut self, source: &Path, is_stopped: &dyn Fn() -> bool) -> Result<(), Error> {
        for directory in 0..self.directories.len() {
            let mut path = source.join(self.path(directory));
            let mut measured = Entries::default();
            for mut entry in self.directories[directory].entries() {
                if is_stopped() {
                    return Ok(());
                }
                path.push(entry.name);
                let size = size(&path, entry.kind)
                    .map_err(|error| Error::io(&path, Operation::ReadMetadata, error))?;
                path.pop();
                self.bytes += size;
                entry.size = Some(size);
                measured.push(entry);
            }
            self.directories[directory].entries = measured;
        }
        Ok(())
    }
}

/// The size of what is copied: of a link that is kept, nothing.
fn size(path: &Path, kind: EntryKind) -> io::Result<u64> {
    match kind {
        EntryKind::KeptLink => Ok(0),
        EntryKind::LinkToFile => path.metadata().map(|metadata| metadata.len()),
        _ => path.symlink_metadata().map(|metadata| metadata.len()),
    }
}
