//! The plan of a copy: what is copied of one match, found out before anything is written.
//!
//! The tree of the match is read by `walkdir`. What cannot belong by its name is left out at
//! once (`filter_entry`), by the sets of patterns of the match's [`Selection`]. What was
//! found is then given to that, which decides, and what does not belong after all is dropped.
//!
//! Only names are read, and for links what they lead to. With sizes, each file is looked at.

mod links;
mod packed;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::FileType;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::{Errno, retry_on_intr};
use walkdir::{DirEntry, WalkDir};

use self::packed::Entries;
pub(crate) use self::packed::{Entry, EntryIter, EntryKind};
use super::entries::{PATIENCE, open_path};
use super::selection::{Selection, SelectionProgram, TakerSets, Takers};
use super::tree::SourceTree;
use crate::traversal::Stop;
use crate::{Error, ExcludeRules, Name, NameDecoder, Operation, Selected};

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
    let mut finder = Finder::new(source, program, options);
    if options.one_file_system {
        let metadata = source.metadata();
        let metadata = metadata.map_err(|e| Error::io(source, Operation::ReadMetadata, e))?;
        finder.device = Some(metadata.dev());
    }
    let finder = RefCell::new(finder);
    // walkdir follows the source itself if it is a link, as in /proc. It keeps ten directories
    // open; of others it reads on the rest into memory.
    let walk = WalkDir::new(source).into_iter();
    for entry in walk.filter_entry(|entry| finder.borrow_mut().may_belong(entry)) {
        if is_stopped() {
            return Ok(None);
        }
        let mut finder = finder.borrow_mut();
        match entry {
            Ok(entry) => finder.add(&entry)?,
            Err(error) => finder.failed(error)?,
        }
    }
    let mut plan = finder.into_inner().select(program);
    if options.links == Links::Keep {
        links::keep(&mut plan, source)?;
    }
    if options.sizes {
        plan.measure(source, is_stopped)?;
    }
    Ok((!is_stopped()).then_some(plan))
}

/// What may belong, as it is found.
struct Finder<'a> {
    source: &'a Path,
    options: &'a PlanOptions,
    /// The device that is not left, if there is one.
    device: Option<u64>,
    sets: TakerSets,
    /// Each after its parent.
    directories: Vec<Found>,
    /// The directory that is read, and those above it: at each depth its index.
    stack: Vec<u32>,
    /// The patterns that may take the directory that the filter let through.
    takers: Takers,
}

/// A directory that may belong.
struct Found {
    parent: u32,
    name: OsString,
    takers: Takers,
    entries: Entries,
}

impl<'a> Finder<'a> {
    fn new(source: &'a Path, program: &SelectionProgram, options: &'a PlanOptions) -> Self {
        Finder {
            source,
            options,
            device: None,
            sets: TakerSets::new(program.clone()),
            directories: Vec::new(),
            stack: Vec::new(),
            takers: Takers::TOP,
        }
    }

    /// Whether an entry may belong by its name, or decide what belongs.
    fn may_belong(&mut self, entry: &DirEntry) -> bool {
        let Some(above) = self.above(entry.depth()) else { return true };
        let (name, kind) = (entry.file_name(), entry.file_type());
        if self.is_excluded(entry.path(), name, false) {
            return false;
        }
        if kind.is_dir() {
            if self.is_excluded(entry.path(), name, true) {
                return false;
            }
            let decoder = self.options.decoder.as_ref();
            self.takers = NameDecoder::with(decoder, name, |name| self.sets.below(above, name));
            if self.takers.is_none() {
                return false;
            }
            if self.is_mount_point(entry) {
                // Not by walkdir's `same_file_system`: with a filter that leaves out a mount point,
                // that skips what follows it in its parent.
                self.add_to_parent(entry, EntryKind::MountPoint);
                return false;
            }
            return true;
        }
        self.asks_for_file(above, name) || kind.is_symlink() && self.asks_for_directory(above, name)
    }

    /// Whether a directory is on another device than the source, if that matters. One that is
    /// gone is told when it is read.
    fn is_mount_point(&self, entry: &DirEntry) -> bool {
        self.device.is_some_and(|device| entry.metadata().is_ok_and(|data| data.dev() != device))
    }

    /// The directory in which an entry of this depth is; `None` for the source.
    fn parent(&self, depth: usize) -> Option<u32> {
        self.stack[..depth.min(self.stack.len())].last().copied()
    }

    fn add_to_parent(&mut self, entry: &DirEntry, kind: EntryKind) {
        if let Some(parent) = self.parent(entry.depth()) {
            let entries = &mut self.directories[parent as usize].entries;
            entries.push(Entry::new(entry.file_name(), kind));
        }
    }

    /// The patterns that may take the directory in which an entry of this depth is; `None`
    /// for the source.
    fn above(&self, depth: usize) -> Option<Takers> {
        self.parent(depth).map(|directory| self.directories[directory as usize].takers)
    }

    fn asks_for_file(&self, above: Takers, name: &OsStr) -> bool {
        let decoder = self.options.decoder.as_ref();
        NameDecoder::with(decoder, name, |name| self.sets.has_file(above, name))
    }

    fn asks_for_directory(&self, above: Takers, name: &OsStr) -> bool {
        let decoder = self.options.decoder.as_ref();
        NameDecoder::with(decoder, name, |name| self.sets.names_directory(above, name))
    }

    /// Whether a rule for directories excludes an entry, or else one for any entry.
    fn is_excluded(&self, path: &Path, name: &OsStr, as_directory: bool) -> bool {
        let Some((rules, prefix)) = &self.options.exclude else { return false };
        let relative = match rules.needs_path() {
            true => prefix.join(path.strip_prefix(self.source).unwrap_or(path)),
            false => PathBuf::new(),
        };
        match as_directory {
            true => rules.excludes_directory(&relative, name),
            false => rules.excludes_any(&relative, name),
        }
    }

    /// Adds an entry that the filter let through.
    fn add(&mut self, entry: &DirEntry) -> Result<(), Error> {
        let (path, kind) = (entry.path(), entry.file_type());
        for directory in self.stack.drain(entry.depth().min(self.stack.len())..) {
            // All of it is read.
            self.directories[directory as usize].entries.shrink();
        }
        let Some(&parent) = self.stack.last() else {
            let is_directory = match kind.is_symlink() {
                true => {
                    path.metadata().map_err(|e| Error::io(path, Operation::FollowLink, e))?.is_dir()
                }
                false => kind.is_dir(),
            };
            if !is_directory {
                let error = Errno::NOTDIR.into();
                return Err(Error::io(self.source, Operation::OpenDirectory, error));
            }
            self.add_directory(0, OsString::new(), Takers::TOP);
            return Ok(());
        };
        let name = entry.file_name();
        if kind.is_dir() {
            self.add_directory(parent, name.into(), self.takers);
            return Ok(());
        }
        let kind = match kind.is_symlink() {
            true => kind_of_link(path)?,
            false => kind_of(kind),
        };
        if kind == EntryKind::LinkToDirectory && self.is_excluded(path, name, true) {
            return Ok(());
        }
        self.add_to_parent(entry, kind);
        Ok(())
    }

    fn add_directory(&mut self, parent: u32, name: OsString, takers: Takers) {
        self.stack.push(self.directories.len() as u32);
        self.directories.push(Found { parent, name, takers, entries: Entries::default() });
    }

    /// An error of `walkdir`. It is one of the match, unless it is about an entry that is not
    /// asked for.
    fn failed(&mut self, error: walkdir::Error) -> Result<(), Error> {
        let depth = error.depth();
        let path = error.path().map(Path::to_path_buf);
        // There is always one, as no links are followed.
        let error = error.into_io_error().unwrap_or_else(|| Errno::LOOP.into());
        let Some(path) = path else {
            // The entries of a directory could not be read.
            let path = self.full_path(self.parent(depth).unwrap_or(0));
            return Err(Error::io(path, Operation::ReadDirectory, error));
        };
        if depth == 0 {
            return Err(Error::io(self.source, Operation::OpenDirectory, error));
        }
        if self.stack.get(depth).is_some_and(|&directory| self.full_path(directory) == path) {
            return Err(Error::io(path, Operation::OpenDirectory, error));
        }
        // An entry whose kind the listing did not tell.
        let (Some(above), Some(name)) = (self.above(depth), path.file_name()) else {
            return Err(Error::io(path, Operation::ReadMetadata, error));
        };
        let is_asked_for = self.asks_for_file(above, name) || self.asks_for_directory(above, name);
        match is_asked_for && !self.is_excluded(&path, name, false) {
            true => Err(Error::io(path, Operation::ReadMetadata, error)),
            false => Ok(()),
        }
    }

    fn full_path(&self, directory: u32) -> PathBuf {
        match directory {
            0 => self.source.into(),
            _ => self
                .source
                .join(path_of(&self.directories, directory as usize, |d| (d.parent, &d.name))),
        }
    }

    /// What belongs of what was found.
    fn select(self, program: &SelectionProgram) -> MatchPlan {
        let Finder { directories: mut found, options, .. } = self;
        let decoder = options.decoder.as_ref();
        let (selected, numbers) = decide(&found, program, decoder);
        let mut plan = MatchPlan::default();
        // For each directory that was found, its index in the plan.
        let mut indices = vec![0; found.len()];
        for (index, number) in numbers.into_iter().enumerate() {
            let Some(number) = number.filter(|&number| selected.has_directory(number)) else {
                continue;
            };
            let Found { parent, name, mut entries, .. } = Found {
                name: std::mem::take(&mut found[index].name),
                entries: std::mem::take(&mut found[index].entries),
                ..found[index]
            };
            indices[index] = plan.directories.len() as u32;
            let parent = indices[parent as usize];
            let (no_entries, len) = (Entries::default(), 0);
            plan.directories.push(PlannedDirectory { parent, name, entries: no_entries, len });
            let mut path = None;
            let mut twice = Twice::of(&entries);
            let (directories, skipped) = (&plan.directories, &mut plan.skipped);
            let mut len = 0;
            entries.retain(|entry| {
                let belongs = NameDecoder::with(decoder, entry.name, |name| match entry.kind {
                    kind if kind.is_closed_directory() => selected.names_directory(number, name),
                    _ => selected.has_file(number, name),
                });
                if !belongs || !twice.is_first(entry.name) {
                    return false;
                }
                let Some(reason) = SkipReason::of(entry.kind) else {
                    len += 1;
                    return true;
                };
                let path = path.get_or_insert_with(|| {
                    path_of(directories, directories.len() - 1, |d| (d.parent, &d.name))
                });
                skipped.push(Skipped { path: path.join(entry.name), reason });
                false
            });
            let planned = &mut plan.directories[indices[index] as usize];
            (planned.entries, planned.len) = (entries, len);
            plan.files += len as u64;
        }
        plan
    }
}

/// Names of one directory that may be there twice: there are file systems that list an entry
/// twice.
struct Twice {
    hasher: RandomState,
    /// The hashes that two entries have.
    hashes: Vec<u32>,
    seen: HashSet<OsString>,
}

impl Twice {
    fn of(entries: &Entries) -> Twice {
        let hasher = RandomState::new();
        let (mut hashes, mut repeated) = (Vec::new(), Vec::new());
        // A part of them at a time, to save memory.
        let rounds = (entries.iter().count() / 65_536 + 1).min(16) as u32;
        for round in 0..rounds {
            hashes.clear();
            let all = entries.iter().map(|entry| hasher.hash_one(entry.name) as u32);
            hashes.extend(all.filter(|hash| hash % rounds == round));
            hashes.sort_unstable();
            let pairs = hashes.windows(2).filter(|pair| pair[0] == pair[1]);
            repeated.extend(pairs.map(|pair| pair[0]));
        }
        repeated.sort_unstable();
        Twice { hasher, hashes: repeated, seen: HashSet::new() }
    }

    fn is_first(&mut self, name: &OsStr) -> bool {
        self.hashes.is_empty()
            || self.hashes.binary_search(&(self.hasher.hash_one(name) as u32)).is_err()
            || self.seen.insert(name.into())
    }
}

/// Lets a selection decide what belongs of the directories that were found. Returns the
/// number that it gave to each.
fn decide(
    found: &[Found],
    program: &SelectionProgram,
    decoder: Option<&NameDecoder>,
) -> (Selected, Vec<Option<usize>>) {
    let mut children: Vec<Vec<u32>> = Vec::new();
    children.resize_with(found.len(), Vec::new);
    for (index, directory) in found.iter().enumerate().skip(1) {
        children[directory.parent as usize].push(index as u32);
    }
    let mut selection = Selection::new(program);
    let mut numbers = vec![None; found.len()];
    if let Some(first) = numbers.first_mut() {
        *first = Some(0);
    }
    for index in 0..found.len() {
        let Some(number) = numbers[index] else { continue };
        let mut children = std::mem::take(&mut children[index]);
        let name = |child: &u32| found[*child as usize].name.as_os_str();
        // A directory that was listed twice is one.
        children.sort_by(|a, b| name(a).cmp(name(b)));
        children.dedup_by(|a, b| name(a) == name(b));
        let entries = &found[index].entries;
        let closed = entries.iter().filter(|entry| entry.kind.is_closed_directory());
        let files = entries.iter().filter(|entry| !entry.kind.is_closed_directory());
        let directories = children.iter().map(|child| (name(child), true));
        let directories = directories.chain(closed.map(|entry| (entry.name, false)));
        let wanted = match decoder {
            None => {
                let directories: Vec<(Name<'_>, bool)> =
                    directories.map(|(name, enterable)| (Name::from(name), enterable)).collect();
                let files = files.map(|entry| Name::from(entry.name));
                selection.listed(number, &directories, files)
            }
            Some(_) => {
                let decoded = |name: &OsStr| {
                    NameDecoder::with(decoder, name, |name| name.code_points().collect::<Vec<_>>())
                };
                let directories: Vec<(Vec<u32>, bool)> =
                    directories.map(|(name, enterable)| (decoded(name), enterable)).collect();
                let directories: Vec<(Name<'_>, bool)> = directories
                    .iter()
                    .map(|(name, enterable)| (Name::from(&name[..]), *enterable))
                    .collect();
                let files: Vec<Vec<u32>> = files.map(|entry| decoded(entry.name)).collect();
                let files = files.iter().map(|name| Name::from(&name[..]));
                selection.listed(number, &directories, files)
            }
        };
        for (child, number) in wanted {
            numbers[children[child] as usize] = Some(number);
        }
    }
    (selection.finish(), numbers)
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

/// What an entry is that is neither directory nor link.
fn kind_of(kind: FileType) -> EntryKind {
    match kind {
        _ if kind.is_fifo() => EntryKind::Fifo,
        _ if kind.is_socket() => EntryKind::Socket,
        _ if kind.is_block_device() || kind.is_char_device() => EntryKind::Device,
        _ => EntryKind::File,
    }
}

/// What a link leads to.
fn kind_of_link(path: &Path) -> Result<EntryKind, Error> {
    let leads_nowhere = |error: &io::Error| {
        let nowhere = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP];
        Errno::from_io_error(error).is_some_and(|errno| nowhere.contains(&errno))
    };
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(EntryKind::LinkToDirectory),
        Ok(metadata) => Ok(match kind_of(metadata.file_type()) {
            EntryKind::File => EntryKind::LinkToFile,
            special => special,
        }),
        Err(error) if leads_nowhere(&error) => match path.symlink_metadata() {
            Ok(_) => Ok(EntryKind::BrokenLink),
            // The link itself is gone.
            Err(error) => Err(Error::io(path, Operation::ReadMetadata, error)),
        },
        Err(error) => Err(Error::io(path, Operation::FollowLink, error)),
    }
}
