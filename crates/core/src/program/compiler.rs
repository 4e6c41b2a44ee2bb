//! The compiler: patterns become nodes, and the tests of their names atoms.

use std::collections::HashMap;
use std::hash::Hash;

use super::special::{Closed, DirectoryCount, FileCount, Special};
use super::{AtomId, Atoms, NodeId};
use crate::pattern::{Count, NameAlternative, NameRegex, NameTest};
use crate::{FileStructurePattern, NameGlob};

/// What two nodes have in common that are one node.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Empty: any name will do.
    pub(super) names: Box<[AtomId]>,
    pub(super) files: Box<[AtomId]>,
    pub(super) directories: Box<[NodeId]>,
    pub(super) special: Option<Box<Special>>,
}

#[derive(Default)]
pub(crate) struct Compiler {
    /// The nodes of the patterns that were compiled. A pattern may hold another in many
    /// places, which hold another in many places: each is compiled once.
    compiled: HashMap<FileStructurePattern, NodeId>,
    ids: HashMap<Key, NodeId>,
    keys: Vec<Key>,
    directory_atoms: AtomTable,
    file_atoms: AtomTable,
}

/// What was compiled.
pub(super) struct Compiled {
    pub(super) keys: Vec<Key>,
    pub(super) directory_atoms: Atoms,
    pub(super) file_atoms: Atoms,
}

/// Gives each distinct atom a number. Those of regular expressions have a bit of their own,
/// as long as it is not known how many globs come before them.
#[derive(Default)]
struct AtomTable {
    globs: Interner<NameGlob>,
    regexes: Interner<NameRegex>,
}

const REGEX: AtomId = 1 << 31;

/// Gives each distinct item a number.
pub(crate) struct Interner<T> {
    numbers: HashMap<T, u32>,
    pub(crate) list: Vec<T>,
}

impl<T> Default for Interner<T> {
    fn default() -> Interner<T> {
        Interner { numbers: HashMap::new(), list: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    pub(crate) fn number(&mut self, item: &T) -> u32 {
        *self.numbers.entry(item.clone()).or_insert_with(|| {
            self.list.push(item.clone());
            self.list.len() as u32 - 1
        })
    }
}

impl AtomTable {
    fn add<'t>(
        &mut self,
        alternatives: impl IntoIterator<Item = &'t NameAlternative>,
    ) -> Vec<AtomId> {
        let number = |alternative: &NameAlternative| match alternative {
            NameAlternative::Glob(glob) => self.globs.number(glob),
            NameAlternative::Regex(regex) => REGEX | self.regexes.number(regex),
        };
        sorted(alternatives.into_iter().map(number).collect())
    }

    /// Gives the regular expressions the numbers that follow those of the globs. The order
    /// stays as it is.
    fn renumber(&self, atoms: &mut [AtomId]) {
        for atom in atoms.iter_mut().filter(|atom| **atom & REGEX != 0) {
            *atom = (*atom & !REGEX) + self.globs.list.len() as u32;
        }
    }

    fn finish(self) -> Atoms {
        Atoms::new(self.globs.list, self.regexes.list)
    }
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

impl Compiler {
    pub(super) fn finish(self) -> Compiled {
        let Compiler { mut keys, directory_atoms, file_atoms, .. } = self;
        for key in &mut keys {
            directory_atoms.renumber(&mut key.names);
            file_atoms.renumber(&mut key.files);
            let Some(special) = &mut key.special else { continue };
            special.files.iter_mut().for_each(|file| file_atoms.renumber(&mut file.atoms));
            if let Some(closed) = &mut special.closed {
                file_atoms.renumber(&mut closed.files);
                directory_atoms.renumber(closed.directories.as_deref_mut().unwrap_or_default());
            }
        }
        let (directory_atoms, file_atoms) = (directory_atoms.finish(), file_atoms.finish());
        Compiled { keys, directory_atoms, file_atoms }
    }

    /// The node of a pattern. The recursion is as deep as patterns may nest.
    pub(crate) fn node(&mut self, pattern: &FileStructurePattern) -> NodeId {
        if let Some(&id) = self.compiled.get(pattern) {
            return id;
        }
        let key = self.key(pattern);
        let id = *self.ids.entry(key).or_insert_with_key(|key| {
            self.keys.push(key.clone());
            self.keys.len() as NodeId - 1
        });
        self.compiled.insert(pattern.clone(), id);
        id
    }

    fn key(&mut self, pattern: &FileStructurePattern) -> Key {
        let names = match pattern.directory_name() {
            Some(test) if !test.takes_every_directory() => {
                self.directory_atoms.add(test.alternatives())
            }
            _ => Vec::new(),
        };

        let (mut files, mut file_counts) = (Vec::new(), Vec::new());
        let required = pattern.files().iter().map(|file| (file.test(), file.count()));
        let forbidden = pattern.forbidden_files().iter().map(|test| (test, Count::NONE));
        for (test, count) in required.chain(forbidden) {
            if count.asks_for_nothing() {
                continue;
            }
            let atoms = self.file_atoms.add(test.alternatives());
            match *atoms {
                [atom] if count.is_default() => files.push(atom),
                _ => file_counts.push(FileCount { atoms: atoms.into(), count }),
            }
        }

        let mut counts = Vec::new();
        for required in pattern.directories() {
            if !required.count().asks_for_nothing() {
                let alternatives = self.nodes(required.alternatives());
                counts.push(DirectoryCount { alternatives, count: required.count() });
            }
        }
        for forbidden in pattern.forbidden_directories() {
            let alternatives = [self.node(forbidden)].into();
            counts.push(DirectoryCount { alternatives, count: Count::NONE });
        }
        counts.sort_unstable_by(|a, b| a.key().cmp(&b.key()));
        counts.dedup();
        let directories = counts.iter().flat_map(|count| &count.alternatives).copied();
        let directories = sorted(directories.collect());

        let closed = pattern.closed().then(|| self.closed(pattern));
        let is_plain =
            |count: &DirectoryCount| count.count.is_default() && count.alternatives.len() == 1;
        let is_special =
            closed.is_some() || !file_counts.is_empty() || !counts.iter().all(is_plain);
        file_counts.sort_unstable_by(|a, b| a.key().cmp(&b.key()));
        file_counts.dedup();
        let (file_counts, counts) = (file_counts.into(), counts.into());
        let special = is_special
            .then(|| Box::new(Special { files: file_counts, directories: counts, closed }));
        Key {
            names: names.into(),
            files: sorted(files).into(),
            directories: directories.into(),
            special,
        }
    }

    fn nodes(&mut self, patterns: &[FileStructurePattern]) -> Box<[NodeId]> {
        sorted(patterns.iter().map(|pattern| self.node(pattern)).collect()).into()
    }

    /// The names that a closed pattern allows.
    fn closed(&mut self, pattern: &FileStructurePattern) -> Closed {
        let files = pattern.files().iter().map(|file| file.test());
        let files = files.chain(pattern.optional_files()).flat_map(NameTest::alternatives);
        let required = pattern.directories().iter().flat_map(|item| item.alternatives());
        let below: Vec<_> = required.chain(pattern.optional_directories()).collect();
        let names: Option<Vec<&NameTest>> = below
            .iter()
            .map(|sub| sub.directory_name().filter(|test| !test.takes_every_directory()))
            .collect();
        let directories = names.map(|names| {
            let names = names.into_iter().flat_map(NameTest::alternatives);
            self.directory_atoms.add(names).into()
        });
        Closed { files: self.file_atoms.add(files).into(), directories }
    }
}
