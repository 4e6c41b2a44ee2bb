//! Notes of a directory whose entries come one by one, sub-directories closed before the last
//! of its files: the keys of a store.
//!
//! While it is open nothing is known of its items, so all that sub-directories tell is taken.
//! When it is closed, the notes become those of a directory that was listed.

use std::sync::{Arc, Mutex};

use super::{Below, Checking, Gathering, ItemNotes, Notes, Slot, Use, is_telling};
use crate::checking::{Answer, Checks, Known, Listed};
use crate::{Name, NameBuf};

/// A directory that is opened.
pub(crate) struct Opened<'a> {
    pub(crate) name: Name<'a>,
    /// What is looked for in it.
    pub(crate) checks: Option<&'a Arc<Checks>>,
    /// Whether a match may start here.
    pub(crate) match_here: bool,
    /// Whether sub-directories that nobody asks for are visited.
    pub(crate) visits_below: bool,
    /// Whether anything is sought in sub-directories.
    pub(crate) seeks_below: bool,
    /// What is kept of the directory above.
    pub(crate) above: Option<&'a Notes>,
}

impl Checking<'_> {
    /// Begins the notes of a directory that is opened; `None` if none are needed.
    pub(crate) fn open(self, opened: Opened<'_>) -> Option<Box<Notes>> {
        let Opened { name, checks, match_here, visits_below, seeks_below, above } = opened;
        let (mut uses, mut known) = (Vec::new(), Vec::new());
        let mut items: Vec<Box<[ItemNotes]>> = Vec::new();
        let mut wants = Vec::new();
        for (index, &id) in (0..).zip(checks.iter().flat_map(|checks| &checks.lists)) {
            let list = self.checklists.list(id);
            let is_told = match_here && list.pattern.is_some();
            let is_asked = above.is_some_and(|above| above.asks_for(self, id));
            let count = if is_told || is_asked { list.items.len() } else { 0 };
            uses.push(Use { is_told, is_asked });
            items.push(vec![ItemNotes::default(); count].into());
            known.push(list.items.iter().map(|item| match item.asks.is_name() {
                true => Known::Is(Answer::Met),
                false => Known::Open { undecided: 0, is_unsure: false },
            }));
            if visits_below {
                let items = (0..).zip(&list.items[..count]);
                let telling = items
                    .filter(|(_, item)| !item.is_optional() && is_telling(self.checklists, item));
                wants.extend(telling.map(|(number, _)| (index, number)));
            }
        }
        let is_of_use = items.iter().any(|items| !items.is_empty());
        let is_watched = above.is_some_and(Notes::is_watching);
        if !(is_of_use || seeks_below || is_watched) {
            return None;
        }
        let slots = checks.map_or(0, |checks| checks.slots.len());
        let below = Below {
            slots: vec![Slot::default(); slots].into(),
            paths: vec![None; wants.len()].into(),
        };
        let listed = checks.map(|checks| {
            let known = known.into_iter().map(|list| list.collect()).collect();
            Arc::new(Listed { checks: Arc::clone(checks), known })
        });
        Some(Box::new(Notes {
            name: NameBuf::from(name),
            listed,
            uses: uses.into(),
            items: items.into(),
            names: Gathering::default(),
            is_whole: true,
            is_empty: true,
            wants: wants.into(),
            below: Mutex::new(below),
        }))
    }
}

impl Notes {
    /// Adds an entry of the open directory.
    pub(crate) fn add(&mut self, checking: Checking<'_>, name: Name<'_>, is_directory: bool) {
        let lists = self.listed.as_ref().map_or(&[][..], |listed| &listed.checks.lists);
        self.names.add(checking.checklists, lists, checking.decoder, name, is_directory);
    }

    /// No more entries come. `listed` is what is known of the items but for what is asked of
    /// sub-directories; `None`: nothing is missing.
    pub(crate) fn end(
        &mut self,
        checking: Checking<'_>,
        listed: Option<Arc<Listed>>,
        is_whole: bool,
    ) {
        (self.is_whole, self.is_empty) = (is_whole, is_whole && self.names.is_empty());
        self.listed = listed;
        let Some(listed) = &self.listed else { return };
        for (index, (&id, known)) in listed.checks.lists.iter().zip(&listed.known).enumerate() {
            let is_of_use = !self.items[index].is_empty();
            let is_asked = self.uses[index].is_asked;
            let (found, _) = checking.note_list(id, known, &self.names, index, is_of_use, is_asked);
            self.items[index] = found.unwrap_or_default();
        }
    }

    /// Tells the directory above what is here, as it may miss that.
    pub(crate) fn tell_listing(&self, checking: Checking<'_>, above: &Notes) {
        if above.is_watching() {
            above.take_listing(checking, &self.name, &self.names);
        }
    }
}
