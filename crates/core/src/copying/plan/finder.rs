//! The reading of the tree of a match, by `walkdir`, and what belongs of it.
//!
//! What cannot belong by its name is left out at once (`filter_entry`), by the sets of patterns
//! of the match's [`Selection`]. What was found is then given to that, which decides, and what
//! does not belong after all is dropped.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::FileType;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use walkdir::{DirEntry, WalkDir};

use super::{
    Entries, Entry, EntryKind, MatchPlan, PlanOptions, PlannedDirectory, SkipReason, Skipped,
    path_of,
};
use crate::copying::selection::{Selection, SelectionProgram, TakerSets, Takers};
use crate::{Error, Name, NameDecoder, Operation, Selected};

/// What belongs of the tree at `source`, without sizes, and no link kept. `None` if `is_stopped`
/// said so meanwhile.
pub(super) fn find(
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
    Ok(Some(finder.into_inner().select(program)))
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
    /// The patterns of the directory that the filter let through.
    takers: Takers,
}

/// A directory that may belong, or decide what does.
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
            if !self.sets.are_inside(self.takers) {
                if self.asks_for_directory(above, name) {
                    self.add_to_parent(entry, EntryKind::NotEntered);
                }
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
        NameDecoder::with(decoder, name, |name| self.sets.asks_for_file(above, name))
    }

    fn asks_for_directory(&self, above: Takers, name: &OsStr) -> bool {
        let decoder = self.options.decoder.as_ref();
        NameDecoder::with(decoder, name, |name| self.sets.asks_for_directory(above, name))
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
                    EntryKind::NotEntered => false,
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
        let mut closed: Vec<&OsStr> = closed.map(|entry| entry.name).collect();
        closed.sort_unstable();
        closed.dedup();
        let files = entries.iter().filter(|entry| !entry.kind.is_closed_directory());
        let directories = children.iter().map(|child| (name(child), true));
        let directories = directories.chain(closed.into_iter().map(|name| (name, false)));
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
