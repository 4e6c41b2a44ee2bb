//! Where the parts of patterns stand in the text that they were read from.

use std::collections::HashMap;

use super::names::Word;
use super::reader::{Asks, Entry};
use crate::pattern::{Count, Place};

/// An entry that the reader has added to its block, after all that is in it.
pub(super) struct Added {
    level: usize,
    at: usize,
    list: &'static str,
    /// How many directories of a path are in front of it.
    path: usize,
    /// Where the directories begin, of which one is enough.
    directories: Vec<usize>,
    counted: bool,
    inside: Vec<Added>,
}

impl Added {
    /// An entry of a block whose patterns are of a level.
    pub(super) fn new(entry: &Entry, level: usize) -> Added {
        let (list, directories) = match (&entry.asks, &entry.word) {
            (Asks::NothingElse, _) => ("closed", Vec::new()),
            (Asks::Files(..), Some(Word::No)) => ("forbidden_files", Vec::new()),
            (Asks::Files(..), Some(Word::Optional)) => ("optional_files", Vec::new()),
            (Asks::Files(..), _) => ("files", Vec::new()),
            (Asks::Directories(directories), word) => {
                let list = match word {
                    Some(Word::No) => "forbidden_directories",
                    Some(Word::Optional) => "optional_directories",
                    _ => "directories",
                };
                (list, directories.iter().map(|directory| directory.at).collect())
            }
        };
        let counted = matches!(entry.word, Some(Word::Count(count)) if count != Count::default());
        let (at, path) = (entry.at, entry.path.len());
        Added { level, at, list, path, directories, counted, inside: Vec::new() }
    }
}

/// The places in each pattern, and the offsets at which these parts begin. `added` are all
/// entries in the order in which they were added, and `top` is the level of the patterns.
pub(super) fn places(added: Vec<Added>, top: usize) -> Vec<Vec<(String, usize)>> {
    // By level: the entries of the block that is not yet known whose it is.
    let mut waiting: Vec<Vec<Added>> = Vec::new();
    for mut entry in added {
        let below = entry.level + entry.path + 1;
        if waiting.len() <= below {
            waiting.resize_with(below + 1, Vec::new);
        }
        entry.inside = std::mem::take(&mut waiting[below]);
        let level = entry.level;
        waiting[level].push(entry);
    }
    let patterns = waiting.into_iter().nth(top).unwrap_or_default();
    patterns.into_iter().map(|pattern| Found::default().of_pattern(&pattern)).collect()
}

#[derive(Default)]
struct Found {
    place: Place,
    found: Vec<(String, usize)>,
}

impl Found {
    fn of_pattern(mut self, pattern: &Added) -> Vec<(String, usize)> {
        self.entry(pattern);
        self.found
    }

    fn add(&mut self, at: usize) {
        self.found.push((self.place.as_str().to_owned(), at));
    }

    /// The parts of an entry. The place is that of the first directory of its path.
    fn entry(&mut self, entry: &Added) {
        self.add(entry.at);
        for step in 1..=entry.path {
            let list = if step == entry.path { entry.list } else { "directories" };
            self.place.enter_key(list);
            if list != "closed" {
                self.place.enter_index(0);
            }
            self.add(entry.at);
        }
        match &entry.directories[..] {
            [] => {}
            [_] if !entry.counted => self.block(&entry.inside),
            [_] => {
                self.place.enter_key("directory");
                self.block(&entry.inside);
                self.place.leave();
            }
            several => {
                if entry.counted {
                    self.place.enter_key("directory");
                }
                let mut inside = &entry.inside[..];
                for (index, &at) in several.iter().enumerate() {
                    let next = several.get(index + 1).copied().unwrap_or(usize::MAX);
                    let (here, rest) = inside.split_at(inside.partition_point(|e| e.at < next));
                    self.place.enter_index(index);
                    self.add(at);
                    self.block(here);
                    self.place.leave();
                    inside = rest;
                }
                if entry.counted {
                    self.place.leave();
                }
            }
        }
        for step in 1..=entry.path {
            if step < entry.path || entry.list != "closed" {
                self.place.leave();
            }
            self.place.leave();
        }
    }

    /// The entries of a block.
    fn block(&mut self, entries: &[Added]) {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for entry in entries {
            let list = if entry.path > 0 { "directories" } else { entry.list };
            self.place.enter_key(list);
            if list == "closed" {
                self.add(entry.at);
            } else {
                let index = counts.entry(list).or_default();
                self.place.enter_index(*index);
                *index += 1;
                self.entry(entry);
                self.place.leave();
            }
            self.place.leave();
        }
    }
}
