//! What is kept of a listed directory to tell what is missing in it, and how that is told.
//!
//! When a directory is closed, all of its items are known. What is missing is told of it if it
//! is a candidate, and to the directory above if that asks for it: there only the closest
//! sub-directory is kept for each item. So what is in memory are the directories that are open.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::checklist::{Asks, Checklist, Checklists, Item, Known, ListId, Listed};
use super::notes::{FirstNames, Gathering, ItemNotes, decoded, is_telling};
use super::record::{Answer, Closest, Finding, Findings, Inside, Reason};
use crate::program::{NodeId, Verdict};
use crate::{Name, NameBuf, NameDecoder};

mod open;
mod travel;

pub(crate) use open::Opened;
pub(crate) use travel::{PackedBelow, PackedNotes, PackedOpened};

/// What all directories of a check have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checking<'a> {
    pub(crate) checklists: &'a Checklists,
    pub(crate) decoder: Option<&'a NameDecoder>,
}

/// What is kept of a listed directory.
#[derive(Debug)]
pub(crate) struct Notes {
    /// The directory's name.
    name: NameBuf,
    /// What was known of the items when it was listed; `None`: nothing is missing.
    listed: Option<Arc<Listed>>,
    /// For each list, what becomes of it.
    uses: Box<[Use]>,
    /// For each list that is of use and each item, what the names tell.
    items: Box<[Box<[ItemNotes]>]>,
    /// The names, for what is missing in sub-directories. Empty if there are none.
    names: Gathering,
    /// Whether it was read to its end, and whether it has no entries.
    is_whole: bool,
    is_empty: bool,
    /// The items that may be one level down, by the indices of their lists and their own.
    wants: Box<[(u32, u32)]>,
    below: Mutex<Below>,
}

/// Who wants to know what is missing.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Use {
    /// The caller, if the directory is a candidate.
    is_told: bool,
    /// The directory above.
    is_asked: bool,
}

/// What the sub-directories tell.
#[derive(Debug, Default)]
pub(crate) struct Below {
    /// For each item that asks for sub-directories.
    slots: Box<[Slot]>,
    /// For each item of `wants`, the path of the first entry that it asks for.
    paths: Box<[Option<NameBuf>]>,
}

/// The sub-directories that an item asks for.
#[derive(Clone, Debug, Default)]
struct Slot {
    /// Those that match.
    found: FirstNames,
    /// The closest of those that do not.
    closest: Option<Sub>,
    /// The first of those that do, if everything is told.
    matching: Option<Sub>,
}

/// A sub-directory that has the name.
#[derive(Clone, Debug)]
struct Sub {
    missing: usize,
    name: NameBuf,
    reason: Reason,
    inside: Arc<Inside>,
}

impl Sub {
    fn is_closer(&self, missing: usize, name: &NameBuf, alternative: usize) -> bool {
        let ours = (self.missing, &self.name, self.inside.alternative);
        ours <= (missing, name, alternative)
    }
}

/// What became of a sub-directory by a list.
struct Record<'a> {
    list: ListId,
    name: &'a NameBuf,
    reason: Reason,
    is_empty: bool,
    answers: &'a [Answer],
    /// Whether it satisfies a node.
    satisfied: &'a dyn Fn(NodeId) -> bool,
}

/// What is told of a directory that is closed: the patterns, with what is missing of each.
pub(crate) type Told = Vec<(usize, Findings)>;

/// What is known of a directory that is listed, in order to make notes of it.
pub(crate) struct Facts<'a> {
    pub(crate) name: NameBuf,
    pub(crate) listed: Option<Arc<Listed>>,
    pub(crate) gathering: &'a mut Gathering,
    pub(crate) is_whole: bool,
    /// Whether a match may start here.
    pub(crate) match_here: bool,
    /// Whether sub-directories that nobody asks for are listed.
    pub(crate) visits_below: bool,
    /// Whether anything is sought in sub-directories.
    pub(crate) seeks_below: bool,
    /// What is kept of the directory above.
    pub(crate) above: Option<&'a Notes>,
    /// Whether that one asks for this one.
    pub(crate) feeds_parent: bool,
    /// Whether some node that is asked for above may be satisfied.
    pub(crate) may_count: bool,
}

impl<'a> Checking<'a> {
    /// Makes the notes of a listed directory; `None` if none are needed.
    pub(crate) fn note(self, facts: Facts<'_>) -> Option<Box<Notes>> {
        let Facts { name, listed, gathering, is_whole, above, feeds_parent, .. } = facts;
        let above = above.filter(|_| feeds_parent);
        let mut uses = Vec::new();
        let mut items: Vec<Box<[ItemNotes]>> = Vec::new();
        let mut wants = Vec::new();
        if let Some(listed) = &listed {
            for (index, (&id, known)) in listed.checks.lists.iter().zip(&listed.known).enumerate() {
                let is_told = facts.match_here && self.checklists.list(id).pattern.is_some();
                let is_asked = above.is_some_and(|above| above.asks_for(self, id));
                let (found, wanted) =
                    self.note_list(id, known, gathering, index, is_asked || is_told, is_asked);
                let is_of_use = found.is_some();
                uses.push(Use { is_told: is_told && is_of_use, is_asked });
                items.push(found.unwrap_or_default());
                wants.extend(wanted.into_iter().map(|item| (index as u32, item)));
            }
        }
        if !(facts.visits_below && gathering.has_directories) {
            wants.clear();
        }
        let is_of_use = items.iter().any(|items| !items.is_empty());
        let keeps_names = facts.seeks_below && gathering.has_directories;
        let may_count = facts.may_count && above.is_some_and(|above| above.counts_any(self));
        if !(is_of_use || keeps_names || may_count) {
            return None;
        }
        let slots = listed.as_ref().map_or(0, |listed| listed.checks.slots.len());
        let below = Below {
            slots: vec![Slot::default(); slots].into(),
            paths: vec![None; wants.len()].into(),
        };
        Some(Box::new(Notes {
            name,
            listed,
            uses: uses.into(),
            items: items.into(),
            is_whole,
            is_empty: is_whole && gathering.is_empty(),
            names: if keeps_names { gathering.take() } else { Gathering::default() },
            wants: wants.into(),
            below: Mutex::new(below),
        }))
    }

    /// What the names tell of the items of a list, and the items that are looked for one level
    /// down. `None`: the list is of no use.
    fn note_list(
        self,
        id: ListId,
        known: &[Known],
        gathering: &Gathering,
        index: usize,
        is_of_use: bool,
        is_asked: bool,
    ) -> (Option<Box<[ItemNotes]>>, Vec<u32>) {
        let list = self.checklists.list(id);
        let explains = self.checklists.explains();
        let is_met = |known: &Known| *known == Known::Is(Answer::Met);
        if !is_of_use || !explains && known.iter().all(is_met) {
            return (None, Vec::new());
        }
        let notes = |number: usize| {
            gathering.item(self.checklists, &list.items[number], (index, number), self.decoder)
        };
        // Where any name will do, most directories are no candidates.
        let may_be = |number: usize| match known[number] {
            Known::Is(answer) => answer,
            Known::Open { .. } if notes(number).has_directory => Answer::Met,
            Known::Open { .. } => Answer::Missing,
        };
        if !is_asked && !list.is_candidate(may_be) {
            return (None, Vec::new());
        }
        let mut wanted = Vec::new();
        let of_item = |(number, known): (usize, &Known)| {
            if is_met(known) && !explains {
                return ItemNotes::default();
            }
            let (item, notes) = (&list.items[number], notes(number));
            // A sub-directory that has the name is closer than anything else.
            let has_candidate = matches!(known, Known::Open { .. }) && notes.has_directory;
            let is_settled = is_met(known) || item.is_optional() || has_candidate;
            let is_wanted =
                !is_settled && notes.near().is_none() && is_telling(self.checklists, item);
            wanted.extend(is_wanted.then_some(number as u32));
            notes
        };
        let items = known.iter().enumerate().map(of_item).collect();
        (Some(items), wanted)
    }

    /// What becomes of a directory that is not listed: what is missing of each list that the
    /// directory above asks for. `verdict` tells of the nodes of items.
    pub(crate) fn not_listed(
        self,
        above: &Notes,
        name: &NameBuf,
        reason: Reason,
        (lists, nodes): (&[ListId], &[NodeId]),
        verdict: impl Fn(NodeId) -> Verdict,
    ) {
        let satisfied = |id| nodes.contains(&id) && verdict(id).yes;
        above.take_found(self, name, satisfied);
        for &id in lists {
            if !above.asks_for(self, id) {
                continue;
            }
            let items = &self.checklists.list(id).items;
            let answer = |item: &Item| match (&item.asks, verdict(item.node)) {
                (Asks::Name, _) | (_, Verdict { yes: true, .. }) => Answer::Met,
                (_, Verdict { may_be: true, .. }) => item.doubt(),
                _ => item.lack(),
            };
            let answers: Vec<Answer> = items.iter().map(answer).collect();
            let lacks =
                answers.iter().any(|answer| matches!(answer, Answer::Missing | Answer::Unknown));
            // Where nothing is asked for inside, nobody looks there, and that is no news.
            let reason = match reason {
                Reason::NotEntered if !lacks => Reason::Name,
                _ => reason,
            };
            let findings = || {
                let told = items.iter().zip(&answers);
                let told = told.filter(|(_, answer)| self.tells(**answer));
                let found = |item: &Item| match item.asks {
                    Asks::Name => [name.clone()].into(),
                    _ => Box::default(),
                };
                let findings = told.map(|(item, &answer)| Finding {
                    place: item.place,
                    item: item.number,
                    answer,
                    count: usize::from(item.asks.is_name()),
                    found: found(item),
                    closest: None,
                });
                findings.collect()
            };
            let (is_empty, answers, satisfied) = (false, &answers[..], &satisfied);
            let record = Record { list: id, name, reason, is_empty, answers, satisfied };
            above.take_record(self, record, findings);
        }
    }

    fn tells(self, answer: Answer) -> bool {
        self.checklists.explains() || matches!(answer, Answer::Missing | Answer::Unknown)
    }
}

impl Notes {
    fn lock(&self) -> MutexGuard<'_, Below> {
        // Nothing panics while it is locked.
        self.below.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the listings of sub-directories that nobody asks for are waited for.
    pub(crate) fn is_watching(&self) -> bool {
        !self.wants.is_empty()
    }

    /// The item of a slot.
    fn item_of<'c>(&self, checking: Checking<'c>, slot: u32) -> Option<&'c Item> {
        let checks = &self.listed.as_ref()?.checks;
        let (list, item) = checks.slots[slot as usize];
        Some(&checking.checklists.list(checks.lists[list as usize]).items[item as usize])
    }

    /// Whether an item asks for a sub-directory with this list.
    fn asks_for(&self, checking: Checking<'_>, list: ListId) -> bool {
        let Some(listed) = &self.listed else { return false };
        listed.checks.asking(list).iter().any(|asked| self.is_open(checking, asked.slot))
    }

    /// Whether the closest sub-directory may have to be told of an item.
    fn is_open(&self, checking: Checking<'_>, slot: u32) -> bool {
        let Some(listed) = &self.listed else { return false };
        let (list, item) = listed.checks.slots[slot as usize];
        let (list, item) = (list as usize, item as usize);
        let is_met = listed.known[list][item] == Known::Is(Answer::Met);
        // What any number satisfies is not looked for, unless something else asks for it.
        let asks = |item: &Item| item.count.min() > 0 || item.has_limit();
        !self.items[list].is_empty()
            && (!is_met || checking.checklists.explains())
            && self.item_of(checking, slot).is_some_and(asks)
    }

    /// Whether sub-directories that match are counted for an item: of the others it is known
    /// that there are none, if they are not met.
    fn is_counted(&self, checking: Checking<'_>, slot: u32) -> bool {
        let is_counted = |item: &Item| checking.checklists.explains() || !item.count.is_default();
        self.is_open(checking, slot) && self.item_of(checking, slot).is_some_and(is_counted)
    }

    /// Whether any sub-directories that match are counted.
    fn counts_any(&self, checking: Checking<'_>) -> bool {
        let Some(listed) = &self.listed else { return false };
        (0..listed.checks.slots.len() as u32).any(|slot| self.is_counted(checking, slot))
    }

    /// Takes what a sub-directory lists, if items may be one level down.
    pub(crate) fn take_listing(
        &self,
        checking: Checking<'_>,
        name: &NameBuf,
        gathering: &Gathering,
    ) {
        let Some(listed) = &self.listed else { return };
        for (index, &(list, item)) in self.wants.iter().enumerate() {
            // The path would come later than one that is known.
            let is_known = |first: &Option<NameBuf>| first.as_ref().is_some_and(|f| f <= name);
            if is_known(&self.lock().paths[index]) {
                continue;
            }
            let list = checking.checklists.list(listed.checks.lists[list as usize]);
            let item = &list.items[item as usize];
            let found = gathering.first(checking.checklists, item, None, checking.decoder);
            let Some(found) = found else { continue };
            let path = name.join(found.as_name());
            let mut below = self.lock();
            let first = &mut below.paths[index];
            if first.as_ref().is_none_or(|first| path < *first) {
                *first = Some(path);
            }
        }
    }

    /// Takes the name of a sub-directory that satisfies these nodes.
    pub(crate) fn take_found(
        &self,
        checking: Checking<'_>,
        name: &NameBuf,
        satisfied: impl Fn(NodeId) -> bool,
    ) {
        let Some(listed) = &self.listed else { return };
        let asked = listed.checks.asked().iter();
        let asked = asked.filter(|asked| self.is_counted(checking, asked.slot));
        let mut slots: Vec<u32> =
            asked.filter(|asked| satisfied(asked.node)).map(|asked| asked.slot).collect();
        slots.sort_unstable();
        slots.dedup();
        if slots.is_empty() {
            return;
        }
        let mut below = self.lock();
        slots.iter().for_each(|&slot| below.slots[slot as usize].found.add(name.as_name()));
    }

    /// Takes what became of a sub-directory by a list, if it is the closest so far.
    fn take_record(
        &self,
        checking: Checking<'_>,
        record: Record<'_>,
        findings: impl FnOnce() -> Findings,
    ) {
        let Record { list, name, reason, is_empty, answers, satisfied } = record;
        let Some(listed) = &self.listed else { return };
        let missing = answers.iter().filter(|answer| **answer == Answer::Missing).count();
        let matches = missing == 0 && !answers.contains(&Answer::Unknown);
        if matches && !checking.checklists.explains() {
            return;
        }
        // What counts by another alternative is not close, but there.
        let counts = |slot| {
            let item = self.item_of(checking, slot);
            item.is_some_and(|item| item.alternatives().iter().any(|one| satisfied(one.node)))
        };
        let mut findings = Some(findings);
        let mut known: Option<Findings> = None;
        for asked in listed.checks.asking(list) {
            if !self.is_open(checking, asked.slot) || !matches && counts(asked.slot) {
                continue;
            }
            let alternative = asked.alternative as usize;
            let is_known = |slot: &Slot| {
                let sub = if matches { &slot.matching } else { &slot.closest };
                sub.as_ref().is_some_and(|sub| sub.is_closer(missing, name, alternative))
            };
            if is_known(&self.lock().slots[asked.slot as usize]) {
                continue;
            }
            if let Some(findings) = findings.take() {
                known = Some(findings());
            }
            let Some(findings) = known.clone() else { return };
            let inside = Arc::new(Inside { alternative, is_empty, findings });
            let mut below = self.lock();
            let slot = &mut below.slots[asked.slot as usize];
            if !is_known(slot) {
                let sub = Sub { missing, name: name.clone(), reason, inside };
                *(if matches { &mut slot.matching } else { &mut slot.closest }) = Some(sub);
            }
        }
    }

    /// Closes the directory, whose sub-directories have answered. `verdict` tells of the
    /// undecided nodes, by their place among them, `satisfied` of all nodes. `parent` is what
    /// is kept of the directory above, if there is one, and whether that asks for this one.
    pub(crate) fn close(
        &self,
        checking: Checking<'_>,
        parent: Option<(&Notes, bool)>,
        verdict: impl Fn(u32) -> Verdict,
        satisfied: impl Fn(NodeId) -> bool,
    ) -> Told {
        let above = parent.map(|(notes, _)| notes);
        let asking = parent.filter(|&(_, feeds)| feeds).map(|(notes, _)| notes);
        if let Some(asking) = asking {
            asking.take_found(checking, &self.name, &satisfied);
        }
        let mut told = Vec::new();
        let Some(listed) = &self.listed else { return told };
        for (index, (&id, known)) in listed.checks.lists.iter().zip(&listed.known).enumerate() {
            let used = self.uses[index];
            if self.items[index].is_empty() {
                continue;
            }
            let list = checking.checklists.list(id);
            let answers: Vec<Answer> = known
                .iter()
                .zip(&list.items)
                .map(|(known, item)| self.answer(checking, list, *known, item, &verdict))
                .collect();
            let is_complete =
                !answers.iter().any(|answer| matches!(answer, Answer::Missing | Answer::Unknown));
            if is_complete && !checking.checklists.explains() {
                continue;
            }
            let mut known = None;
            let mut findings = || {
                let findings = || self.findings(checking, above, index, &answers);
                known.get_or_insert_with(findings).clone()
            };
            if let Some(pattern) = list.pattern.filter(|_| used.is_told)
                && list.is_candidate(|number| answers[number])
            {
                told.push((pattern, findings()));
            }
            if let Some(asking) = asking.filter(|_| used.is_asked) {
                let record = Record {
                    list: id,
                    name: &self.name,
                    reason: Reason::Name,
                    is_empty: self.is_empty,
                    answers: &answers,
                    satisfied: &satisfied,
                };
                asking.take_record(checking, record, findings);
            }
        }
        told
    }

    fn answer(
        &self,
        checking: Checking<'_>,
        list: &Checklist,
        known: Known,
        item: &Item,
        verdict: impl Fn(u32) -> Verdict,
    ) -> Answer {
        match known {
            // Only what is explained is looked at whatever its name.
            Known::Is(_) if item.asks.is_name() && checking.checklists.explains() => {
                let passes = |test| {
                    let tests = &checking.checklists.directory_tests;
                    let name = self.name.as_name();
                    decoded(checking.decoder, name, |name| tests.is_match(test, name))
                };
                if list.name.is_none_or(passes) { Answer::Met } else { Answer::Missing }
            }
            Known::Is(answer) => answer,
            Known::Open { undecided, is_unsure } => match verdict(undecided) {
                Verdict { yes: true, .. } if !is_unsure => Answer::Met,
                Verdict { yes: false, may_be: false, .. } => item.lack(),
                _ => item.doubt(),
            },
        }
    }

    fn findings(
        &self,
        checking: Checking<'_>,
        above: Option<&Notes>,
        list: usize,
        answers: &[Answer],
    ) -> Findings {
        let Some(listed) = &self.listed else { return Findings::default() };
        let items = &checking.checklists.list(listed.checks.lists[list]).items;
        let below = self.lock();
        let told = items.iter().zip(answers).enumerate();
        let told = told.filter(|(_, (_, answer))| checking.tells(**answer));
        let finding = |(number, (item, &answer)): (usize, (&Item, &Answer))| {
            let notes = &self.items[list][number];
            let slot = listed.checks.slots.binary_search(&(list as u32, number as u32));
            let slot = slot.ok().map(|slot| &below.slots[slot]);
            let (found, count) = match (&item.asks, slot) {
                (Asks::Name, _) if answer == Answer::Met => ([self.name.clone()].into(), 1),
                (_, Some(slot)) => (slot.found.names().into(), slot.found.count()),
                _ => (notes.found.names().into(), notes.found.count()),
            };
            let closest = if answer == Answer::Met {
                slot.and_then(|slot| slot.matching.as_ref()).map(closest_sub)
            } else if count >= item.count.min() as usize {
                None
            } else {
                let sub = slot.and_then(|slot| slot.closest.as_ref()).map(closest_sub);
                sub.or_else(|| self.closest_name(checking, above, item, (list, number), &below))
            };
            Finding { place: item.place, item: item.number, answer, found, count, closest }
        };
        told.map(finding).collect()
    }

    /// The closest entry, if it is no sub-directory that has the name.
    fn closest_name(
        &self,
        checking: Checking<'_>,
        above: Option<&Notes>,
        item: &Item,
        (list, number): (usize, usize),
        below: &Below,
    ) -> Option<Closest> {
        let notes = &self.items[list][number];
        let at =
            |reason, path: &NameBuf| Some(Closest { reason, path: path.clone(), inside: None });
        if let Some((reason, name)) = notes.near() {
            return at(reason, name);
        }
        let is_of_files = matches!(item.asks, Asks::Files(_));
        if let Some(name) = notes.other_kind().filter(|_| !is_of_files) {
            return at(Reason::File, name);
        }
        let wanted = self.wants.binary_search(&(list as u32, number as u32));
        if let Some(path) = wanted.ok().and_then(|index| below.paths[index].as_ref()) {
            return at(Reason::Below, path);
        }
        if let Some(above) = above.filter(|_| is_telling(checking.checklists, item)) {
            let (but, decoder) = (Some(&self.name), checking.decoder);
            let name = above.names.first(checking.checklists, item, but, decoder);
            if let Some(name) = name {
                let path = NameBuf::from(Name::from("..")).join(name.as_name());
                return at(Reason::Above, &path);
            }
        }
        if let Some(name) = notes.other_kind() {
            return at(Reason::Directory, name);
        }
        let is_sought = matches!(item.asks, Asks::Files(_) | Asks::Directories(_));
        let here = NameBuf::from(Name::from("."));
        (is_sought && !self.is_whole).then_some(()).and_then(|()| at(Reason::Unreadable, &here))
    }
}

fn closest_sub(sub: &Sub) -> Closest {
    let Sub { name, reason, inside, .. } = sub;
    Closest { reason: *reason, path: name.clone(), inside: Some(Arc::clone(inside)) }
}
