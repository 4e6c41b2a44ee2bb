//! What belongs to a match: which directories and files a copy of it has.
//!
//! Going down, a directory *may* belong if its name passes that of a sub-pattern, required
//! or optional, of a pattern that may take its parent. A directory may also have to be known
//! without belonging: a pattern that may take its parent forbids it. Only directories of these
//! two kinds are listed, the latter only if something inside is asked for.
//! Which of its patterns a directory really matches is found by a [`ListingScan`] for all
//! nested patterns, so that the matcher itself decides. When everything is listed, the
//! directories that belong follow from the top down.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

#[cfg(test)]
mod tests;

use super::name_tests::NameTests;
use crate::{
    DirectoryId, DirectoryRequirement, FileRequirement, FileStructurePattern, ListingScan,
};
use crate::{Name, PatternSet};

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
    /// First the patterns that may take a directory, each after those that are nested in it,
    /// so that the last of these is the pattern itself. Then those that are only asked about.
    parts: Vec<Part>,
    /// The number of the pattern itself.
    top: u32,
    /// The patterns before it.
    nested: PatternSet,
}

/// What one pattern says of the entries of its directory. A pattern that takes directories in
/// one place, and is asked about in another, is two parts.
struct Part {
    /// The names of the files that belong.
    files: NameTests,
    /// The names of its sub-patterns that take a directory, required and optional.
    names: NameTests,
    /// For each of these names, the number of the sub-pattern, in rising order.
    directories: Box<[u32]>,
    /// What is asked about besides, to know if the directory matches.
    asked: Asked,
}

/// What has to be known of a directory besides what may belong.
#[derive(Default)]
struct Asked {
    files: NameTests,
    /// The names of sub-patterns that take no directory, and their numbers.
    names: NameTests,
    directories: Box<[u32]>,
    /// Whether each of its entries matters, as nothing else may be there.
    is_closed: bool,
    /// Whether it depends on anything inside the directory.
    is_inside: bool,
}

impl SelectionProgram {
    /// Compiles a pattern.
    pub fn new(pattern: &FileStructurePattern) -> SelectionProgram {
        let mut taking = Numbered::default();
        taking.number(pattern, &|pattern, number| {
            sub_patterns(pattern).for_each(number);
        });
        let patterns = taking.patterns;
        let top = patterns.len() - 1;
        // Whether the pattern itself matches is not asked.
        let mut asked = Numbered { first: patterns.len() as u32, ..Numbered::default() };
        for forbidden in patterns[..top].iter().flat_map(|sub| sub.forbidden_directories()) {
            asked.number(forbidden, &|pattern, number| {
                required(pattern).chain(pattern.forbidden_directories()).for_each(number);
            });
        }
        let mut parts = Vec::with_capacity(patterns.len() + asked.patterns.len());
        for (number, pattern) in patterns.iter().enumerate() {
            let (names, directories) = names_of(sub_patterns(pattern), &taking.numbers);
            let required = pattern.files().iter().map(FileRequirement::test);
            let files = NameTests::new(required.chain(pattern.optional_files()));
            let asked = match number == top {
                true => Asked::default(),
                false => {
                    let files = NameTests::new(pattern.forbidden_files());
                    let directories = pattern.forbidden_directories().iter();
                    Asked::new(pattern, files, directories, &asked.numbers)
                }
            };
            parts.push(Part { files, names, directories, asked });
        }
        for pattern in &asked.patterns {
            let files = pattern.files().iter().map(FileRequirement::test);
            let files = NameTests::new(files.chain(pattern.forbidden_files()));
            let directories = required(pattern).chain(pattern.forbidden_directories());
            let asked = Asked::new(pattern, files, directories, &asked.numbers);
            let (names, files) = (NameTests::default(), NameTests::default());
            parts.push(Part { files, names, directories: Box::default(), asked });
        }
        let nested = PatternSet::new(&patterns[..top]);
        SelectionProgram { inner: Arc::new(Inner { parts, top: top as u32, nested }) }
    }
}

/// The patterns of which a sub-directory that matches one is asked for.
fn required(pattern: &FileStructurePattern) -> impl Iterator<Item = &FileStructurePattern> {
    pattern.directories().iter().flat_map(DirectoryRequirement::alternatives)
}

/// The patterns of the sub-directories that belong.
fn sub_patterns(pattern: &FileStructurePattern) -> impl Iterator<Item = &FileStructurePattern> {
    required(pattern).chain(pattern.optional_directories())
}

impl Asked {
    fn new<'p>(
        pattern: &FileStructurePattern,
        files: NameTests,
        directories: impl Iterator<Item = &'p FileStructurePattern>,
        numbers: &HashMap<FileStructurePattern, u32>,
    ) -> Asked {
        let (names, directories) = names_of(directories, numbers);
        let mut counts = pattern.files().iter().map(FileRequirement::count);
        let is_inside = pattern.closed()
            || counts.any(|count| !count.asks_for_nothing())
            || pattern.directories().iter().any(|asked| !asked.count().asks_for_nothing())
            || !pattern.forbidden_files().is_empty()
            || !pattern.forbidden_directories().is_empty();
        Asked { files, names, directories, is_closed: pattern.closed(), is_inside }
    }
}

/// The names of patterns and their numbers, each once and in rising order.
fn names_of<'p>(
    patterns: impl Iterator<Item = &'p FileStructurePattern>,
    numbers: &HashMap<FileStructurePattern, u32>,
) -> (NameTests, Box<[u32]>) {
    let mut numbered: Vec<_> = patterns.map(|pattern| (numbers[pattern], pattern)).collect();
    numbered.sort_unstable_by_key(|&(number, _)| number);
    numbered.dedup_by_key(|&mut (number, _)| number);
    let names = numbered.iter().map(|(_, pattern)| pattern.directory_name());
    (NameTests::of_directories(names), numbered.iter().map(|&(number, _)| number).collect())
}

/// Patterns by numbers, each after those that are nested in it.
///
/// By equality, since a pattern may hold another in many places, which holds another in many
/// places.
#[derive(Default)]
struct Numbered {
    /// The number of the first.
    first: u32,
    patterns: Vec<FileStructurePattern>,
    numbers: HashMap<FileStructurePattern, u32>,
}

/// Calls a function with each of the patterns that a pattern leads to.
type Nested = dyn Fn(&FileStructurePattern, &mut dyn FnMut(&FileStructurePattern));

impl Numbered {
    /// Numbers a pattern, after those to which `nested` leads.
    fn number(&mut self, pattern: &FileStructurePattern, nested: &Nested) {
        if self.numbers.contains_key(pattern) {
            return;
        }
        nested(pattern, &mut |sub| self.number(sub, nested));
        self.numbers.insert(pattern.clone(), self.first + self.patterns.len() as u32);
        self.patterns.push(pattern.clone());
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

/// A set of patterns that take a directory, or are asked about it, as a small number. Equal sets
/// have equal numbers.
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
    /// The sets, each in rising order, with whether their directory has to be listed.
    sets: Vec<(Arc<[u32]>, bool)>,
    numbers: HashMap<Arc<[u32]>, Takers>,
    /// A buffer.
    found: Vec<u32>,
}

impl TakerSets {
    pub(super) fn new(program: SelectionProgram) -> TakerSets {
        let top = program.inner.top;
        let (sets, numbers) = (Vec::new(), HashMap::new());
        let mut made = TakerSets { program, sets, numbers, found: Vec::new() };
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
        let Inner { parts, top, .. } = &*self.program.inner;
        let takes = |&part: &u32| part <= *top || parts[part as usize].asked.is_inside;
        self.sets.push((Arc::clone(&set), set.iter().any(takes)));
        self.numbers.insert(set, takers);
        takers
    }

    fn parts(&self, takers: Takers) -> impl Iterator<Item = &Part> {
        let (set, _) = &self.sets[takers.0 as usize];
        set.iter().map(|&part| &self.program.inner.parts[part as usize])
    }

    /// Whether a directory of these patterns has to be listed. What is inside does not matter
    /// where only its name is asked about.
    pub(super) fn are_inside(&self, takers: Takers) -> bool {
        self.sets[takers.0 as usize].1
    }

    /// The sub-patterns of these patterns whose name takes a directory of this name.
    pub(super) fn below(&mut self, takers: Takers, name: Name<'_>) -> Takers {
        let TakerSets { program, sets, found, .. } = self;
        found.clear();
        for &part in &*sets[takers.0 as usize].0 {
            let Part { names, directories, asked, .. } = &program.inner.parts[part as usize];
            found.extend(names.matching(name).map(|position| directories[position]));
            found.extend(asked.names.matching(name).map(|position| asked.directories[position]));
        }
        self.number_of_found()
    }

    /// The sub-patterns of these patterns that are among the given ones.
    fn below_of(&mut self, takers: Takers, patterns: &[u32]) -> Takers {
        let TakerSets { program, sets, found, .. } = self;
        found.clear();
        for &part in &*sets[takers.0 as usize].0 {
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

    /// Whether a file of this name belongs to what one of these patterns takes.
    pub(super) fn has_file(&self, takers: Takers, name: Name<'_>) -> bool {
        self.parts(takers).any(|part| part.files.is_match(name))
    }

    /// Whether one of these patterns has a sub-pattern whose name takes this one.
    pub(super) fn names_directory(&self, takers: Takers, name: Name<'_>) -> bool {
        self.parts(takers).any(|part| part.names.is_match(name))
    }

    /// Whether it matters if there is a file of this name: it belongs, or decides what does.
    pub(super) fn asks_for_file(&self, takers: Takers, name: Name<'_>) -> bool {
        self.parts(takers).any(|Part { files, asked, .. }| {
            asked.is_closed || files.is_match(name) || asked.files.is_match(name)
        })
    }

    /// Whether it matters if there is a directory of this name.
    pub(super) fn asks_for_directory(&self, takers: Takers, name: Name<'_>) -> bool {
        self.parts(takers).any(|Part { names, asked, .. }| {
            asked.is_closed || names.is_match(name) || asked.names.is_match(name)
        })
    }
}

impl fmt::Debug for TakerSets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TakerSets").field("sets", &self.sets).finish_non_exhaustive()
    }
}

/// What belongs to one match, asked of a tree whose listings come from the caller.
///
/// To a match of a pattern belong the files in it whose name passes a test of
/// [`files`](FileStructurePattern::files) or
/// [`optional_files`](FileStructurePattern::optional_files), and each sub-directory that
/// matches a pattern of [`directories`](FileStructurePattern::directories) or
/// [`optional_directories`](FileStructurePattern::optional_directories), with what belongs
/// to it by that pattern. If it matches several of them, the union belongs. Nothing else does:
/// numbers, what is forbidden and `closed` only decide if a sub-directory matches.
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
    /// entered, and its other entries. Returns the sub-directories that may belong, or decide
    /// what does, each as its index in `directories` and the number that it has from now on:
    /// these are to be listed next.
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
            if !self.sets.are_inside(takers) {
                // What may belong does not ask for anything inside, or its name would do.
                self.scan.not_entered(id);
            } else {
                wanted.push((index, self.directories.len()));
                self.directories.push(Directory { id, parent, takers });
            }
        }
        self.take_matches();
        wanted
    }

    /// Tells that a directory exists and cannot be listed. It does not belong, nor does its
    /// parent if a pattern asks for it not to be there. By its name, it can be what a pattern
    /// asks of its parent.
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
            if self.sets.sets[takers.0 as usize].0.binary_search(&(pattern as u32)).is_ok() {
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
