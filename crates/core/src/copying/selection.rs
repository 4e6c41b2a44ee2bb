//! What belongs to a match: which directories and files a copy of it has.
//!
//! Going down, a directory *may* belong if its name passes that of a sub-pattern, required
//! or optional, of a pattern that may take its parent. Only such directories are listed.
//! Which of its patterns a directory really matches is found by a [`ListingScan`] for all
//! nested patterns, so that the matcher itself decides. When everything is listed, the
//! directories that belong follow from the top down.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

#[cfg(test)]
mod tests;

use crate::{DirectoryId, FileStructurePattern, ListingScan, Name, NameGlob, NameSet, PatternSet};
use crate::{DirectoryRequirement, FileRequirement, NameTest};

/// A pattern that is compiled for [`Selection`]s. Clones share the contents.
///
/// Who copies many matches of one pattern makes it once.
///
/// # Example
///
/// ```
/// use pathvein_core::{FileStructurePattern, Selection, SelectionProgram};
///
/// let pattern = FileStructurePattern::builder("run_*").file("*.csv").build()?;
/// let program = SelectionProgram::new(&pattern);
/// for _ in ["run_1", "run_2"] {
///     let mut selection = Selection::new(&program);
///     selection.listed(0, &[], ["a.csv".into()]);
///     assert!(selection.finish().has_file(0, "a.csv"));
/// }
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Clone)]
pub struct SelectionProgram {
    inner: Arc<Inner>,
}

struct Inner {
    /// The distinct patterns, each after those that are nested in it: the last is the pattern
    /// itself.
    parts: Vec<Part>,
    /// All but the last.
    nested: PatternSet,
}

/// What one pattern says of the entries of its directory.
struct Part {
    /// The globs of its files, required and optional.
    files: NameSet,
    /// The names of its sub-patterns, required and optional.
    names: NameSet,
    /// For each of these names, the number of the sub-pattern, in rising order.
    directories: Box<[u32]>,
}

impl SelectionProgram {
    /// Compiles a pattern.
    pub fn new(pattern: &FileStructurePattern) -> SelectionProgram {
        let mut compiler = Compiler::default();
        compiler.number(pattern);
        let Compiler { parts, patterns, .. } = compiler;
        let nested = PatternSet::new(&patterns[..patterns.len() - 1]);
        SelectionProgram { inner: Arc::new(Inner { parts, nested }) }
    }
}

/// By equality, since a pattern may hold another in many places, which holds another in many
/// places.
#[derive(Default)]
struct Compiler {
    parts: Vec<Part>,
    patterns: Vec<FileStructurePattern>,
    numbers: HashMap<FileStructurePattern, u32>,
}

impl Compiler {
    fn number(&mut self, pattern: &FileStructurePattern) -> u32 {
        if let Some(&number) = self.numbers.get(pattern) {
            return number;
        }
        let required = pattern.directories().iter().flat_map(DirectoryRequirement::alternatives);
        let directories = required.chain(pattern.optional_directories());
        let mut directories: Vec<_> = directories.map(|sub| (self.number(sub), sub)).collect();
        directories.sort_unstable_by_key(|&(number, _)| number);
        directories.dedup_by_key(|&mut (number, _)| number);
        let name = |sub: &FileStructurePattern| match sub.directory_name().map(NameTest::as_glob) {
            Some(Some(name)) if name.as_str() != Some("") => name.clone(),
            _ => NameGlob::new("*"),
        };
        let required = pattern.files().iter().map(FileRequirement::test);
        let files = required.chain(pattern.optional_files());
        let part = Part {
            files: files.filter_map(NameTest::as_glob).cloned().collect(),
            names: directories.iter().map(|&(_, sub)| name(sub)).collect(),
            directories: directories.iter().map(|&(number, _)| number).collect(),
        };
        let number = self.parts.len() as u32;
        self.parts.push(part);
        self.patterns.push(pattern.clone());
        self.numbers.insert(pattern.clone(), number);
        number
    }
}

impl From<&SelectionProgram> for SelectionProgram {
    fn from(program: &SelectionProgram) -> SelectionProgram {
        program.clone()
    }
}

impl From<&FileStructurePattern> for SelectionProgram {
    fn from(pattern: &FileStructurePattern) -> SelectionProgram {
        SelectionProgram::new(pattern)
    }
}

impl fmt::Debug for SelectionProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectionProgram").field("nested", &self.inner.nested).finish()
    }
}

/// A set of patterns that take a directory, as a small number. Equal sets have equal numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Takers(u32);

impl Takers {
    /// No pattern.
    pub(super) const NONE: Takers = Takers(0);
    /// The whole pattern, which takes the match itself.
    pub(super) const TOP: Takers = Takers(1);

    pub(super) fn is_none(self) -> bool {
        self == Takers::NONE
    }
}

/// The sets of patterns that occur in one tree, and what they say of names.
pub(super) struct TakerSets {
    program: SelectionProgram,
    /// The sets, each in rising order.
    sets: Vec<Arc<[u32]>>,
    numbers: HashMap<Arc<[u32]>, Takers>,
    /// Buffers.
    found: Vec<u32>,
    indices: Vec<usize>,
}

impl TakerSets {
    pub(super) fn new(program: SelectionProgram) -> TakerSets {
        let top = program.inner.parts.len() as u32 - 1;
        let (sets, numbers) = (Vec::new(), HashMap::new());
        let mut made = TakerSets { program, sets, numbers, found: Vec::new(), indices: Vec::new() };
        made.number(&[]);
        made.number(&[top]);
        made
    }

    /// The number of a set, which is in rising order.
    fn number(&mut self, set: &[u32]) -> Takers {
        if let Some(&takers) = self.numbers.get(set) {
            return takers;
        }
        let takers = Takers(self.sets.len() as u32);
        let set: Arc<[u32]> = set.into();
        self.sets.push(Arc::clone(&set));
        self.numbers.insert(set, takers);
        takers
    }

    fn parts(&self, takers: Takers) -> impl Iterator<Item = &Part> {
        self.sets[takers.0 as usize].iter().map(|&part| &self.program.inner.parts[part as usize])
    }

    /// The sub-patterns of these patterns whose name takes a directory of this name.
    pub(super) fn below(&mut self, takers: Takers, name: Name<'_>) -> Takers {
        let TakerSets { program, sets, found, indices, .. } = self;
        found.clear();
        for &part in &*sets[takers.0 as usize] {
            let part = &program.inner.parts[part as usize];
            part.names.matching_into(name, indices);
            found.extend(indices.iter().map(|&index| part.directories[index]));
        }
        self.number_of_found()
    }

    /// The sub-patterns of these patterns that are among the given ones.
    fn below_of(&mut self, takers: Takers, patterns: &[u32]) -> Takers {
        let TakerSets { program, sets, found, .. } = self;
        found.clear();
        for &part in &*sets[takers.0 as usize] {
            let directories = &program.inner.parts[part as usize].directories;
            let is_below = |number: &&u32| directories.binary_search(number).is_ok();
            found.extend(patterns.iter().filter(is_below));
        }
        self.number_of_found()
    }

    /// The number of the set of what was found.
    fn number_of_found(&mut self) -> Takers {
        let mut found = std::mem::take(&mut self.found);
        found.sort_unstable();
        found.dedup();
        let takers = self.number(&found);
        self.found = found;
        takers
    }

    /// Whether one of these patterns takes a file of this name.
    pub(super) fn has_file(&self, takers: Takers, name: Name<'_>) -> bool {
        self.parts(takers).any(|part| part.files.is_match(name))
    }

    /// Whether one of these patterns has a sub-pattern whose name takes this one.
    pub(super) fn names_directory(&self, takers: Takers, name: Name<'_>) -> bool {
        self.parts(takers).any(|part| part.names.is_match(name))
    }
}

impl fmt::Debug for TakerSets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TakerSets").field("sets", &self.sets).finish_non_exhaustive()
    }
}

/// What belongs to one match, asked of a tree whose listings come from the caller.
///
/// To a match of a pattern belong the files in it whose name passes a glob of
/// [`files`](FileStructurePattern::files) or
/// [`optional_files`](FileStructurePattern::optional_files), and each sub-directory that
/// matches a pattern of [`directories`](FileStructurePattern::directories) or
/// [`optional_directories`](FileStructurePattern::optional_directories), with what belongs
/// to it by that pattern. If it matches several of them, the union belongs. Nothing else does.
///
/// The match itself is directory 0. The caller lists it, then each directory that
/// [`listed`](Self::listed) names, in any order, and then asks what was
/// [selected](Self::finish). Whether the match itself matches the pattern is not asked.
///
/// # Example
///
/// ```
/// use pathvein_core::{FileStructurePattern, Selection};
///
/// let data = FileStructurePattern::builder("data").file("*.parquet").build()?;
/// let run = FileStructurePattern::builder("run_*")
///     .file("config.json")
///     .optional_directory(data)
///     .build()?;
///
/// let mut selection = Selection::new(&run);
/// let directories = [("data".into(), true), ("cache".into(), true)];
/// let files = ["config.json".into(), "notes.txt".into()];
/// // Of the directory `cache` it is known by the name that it does not belong.
/// assert_eq!(selection.listed(0, &directories, files), [(0, 1)]);
/// selection.listed(1, &[], ["a.parquet".into(), "a.tmp".into()]);
///
/// let selected = selection.finish();
/// assert!(selected.has_file(0, "config.json") && !selected.has_file(0, "notes.txt"));
/// assert!(selected.has_directory(1));
/// assert!(selected.has_file(1, "a.parquet") && !selected.has_file(1, "a.tmp"));
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Selection {
    scan: ListingScan<u32>,
    sets: TakerSets,
    directories: Vec<Directory>,
    /// Directories with patterns that they match, by their numbers.
    matched: Vec<(u32, u32)>,
}

/// A directory that may belong.
#[derive(Debug)]
struct Directory {
    id: DirectoryId,
    parent: u32,
    /// The patterns that may take it, by its name and the names above it.
    takers: Takers,
}

impl Selection {
    /// A selection for one match of a pattern.
    pub fn new(program: impl Into<SelectionProgram>) -> Selection {
        let program = program.into();
        let mut scan = ListingScan::new(&program.inner.nested, None);
        // Its name is of no interest: it is known that the pattern takes it, and no other may.
        let top = Directory { id: scan.source(""), parent: 0, takers: Takers::TOP };
        let sets = TakerSets::new(program);
        Selection { scan, sets, directories: vec![top], matched: Vec::new() }
    }

    /// Gives the listing of a directory: its sub-directories, each with whether it may be
    /// entered, and its other entries. Returns the sub-directories that may belong, each as
    /// its index in `directories` and the number that it has from now on: these are to be
    /// listed next.
    ///
    /// A directory that may not be entered, such as a link to one, never belongs. By its
    /// name, it can be what a pattern asks of its parent. A name may be among the directories
    /// and among the files: it is then both.
    ///
    /// A number that was given to no directory, or whose listing was given already, is
    /// ignored.
    pub fn listed<'n>(
        &mut self,
        directory: usize,
        directories: &[(Name<'_>, bool)],
        files: impl IntoIterator<Item = Name<'n>>,
    ) -> Vec<(usize, usize)> {
        let Some(&Directory { id, takers, .. }) = self.directories.get(directory) else {
            return Vec::new();
        };
        let parent = directory as u32;
        let mut wanted = Vec::new();
        for (index, id) in self.scan.listed(id, parent, directories, files) {
            let takers = self.sets.below(takers, directories[index].0);
            if takers.is_none() {
                // What may belong does not ask for it either, or its name would do.
                self.scan.not_entered(id);
            } else {
                wanted.push((index, self.directories.len()));
                self.directories.push(Directory { id, parent, takers });
            }
        }
        self.take_matches();
        wanted
    }

    /// Tells that a directory exists and cannot be listed. It does not belong. By its name,
    /// it can be what a pattern asks of its parent.
    ///
    /// A number that was given to no directory, or whose listing was given already, is
    /// ignored.
    pub fn not_listed(&mut self, directory: usize) {
        if let Some(directory) = self.directories.get(directory) {
            self.scan.not_listed(directory.id);
            self.take_matches();
        }
    }

    /// Tells that a directory does not exist any more.
    ///
    /// A number that was given to no directory, or whose listing was given already, is
    /// ignored.
    pub fn absent(&mut self, directory: usize) {
        if let Some(directory) = self.directories.get(directory) {
            self.scan.absent(directory.id);
            self.take_matches();
        }
    }

    fn take_matches(&mut self) {
        for (directory, pattern) in self.scan.take_matches() {
            let takers = self.directories[directory as usize].takers;
            // The scan looks for every pattern everywhere.
            if self.sets.sets[takers.0 as usize].binary_search(&(pattern as u32)).is_ok() {
                self.matched.push((directory, pattern as u32));
            }
        }
    }

    /// What belongs, once all directories are listed. One that is not listed yet does not
    /// belong, nor does what depends on it.
    pub fn finish(self) -> Selected {
        let Selection { mut sets, directories, mut matched, .. } = self;
        matched.sort_unstable();
        let mut matched = matched.into_iter().peekable();
        let mut patterns = Vec::new();
        let mut belongs: Vec<Takers> = Vec::with_capacity(directories.len());
        belongs.push(Takers::TOP);
        for (number, directory) in directories.iter().enumerate().skip(1) {
            patterns.clear();
            while let Some((_, pattern)) = matched.next_if(|&(of, _)| of as usize == number) {
                patterns.push(pattern);
            }
            // A directory's number is greater than its parent's.
            belongs.push(sets.below_of(belongs[directory.parent as usize], &patterns));
        }
        Selected { sets, belongs }
    }
}

/// What belongs to a match: the answer of a [`Selection`].
#[derive(Debug)]
pub struct Selected {
    sets: TakerSets,
    /// For each directory, the patterns by which it belongs.
    belongs: Vec<Takers>,
}

impl Selected {
    /// Whether a directory belongs, by its number. The match itself, 0, does. A number that
    /// was given to no directory is none.
    pub fn has_directory(&self, directory: usize) -> bool {
        !self.takers(directory).is_none()
    }

    /// Whether a file of this name, in a directory, belongs.
    pub fn has_file<'n>(&self, directory: usize, name: impl Into<Name<'n>>) -> bool {
        self.sets.has_file(self.takers(directory), name.into())
    }

    /// Whether a sub-directory of this name, in a directory, would belong if it matched one
    /// of the patterns that have this name: what is told of a link to a directory.
    pub fn names_directory<'n>(&self, directory: usize, name: impl Into<Name<'n>>) -> bool {
        self.sets.names_directory(self.takers(directory), name.into())
    }

    fn takers(&self, directory: usize) -> Takers {
        self.belongs.get(directory).copied().unwrap_or(Takers::NONE)
    }
}
