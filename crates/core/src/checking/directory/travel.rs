//! Notes that travel to another process: those of an open directory, and what its
//! sub-directories, which are listed elsewhere, ask of it and tell it.

use std::sync::{Arc, Mutex};

use super::{Below, Checking, Notes, Slot, Sub, Use};
use crate::NameBuf;
use crate::checking::checklist::{Checklists, Checks, Item, Known, ListId, Listed};
use crate::checking::notes::{FirstNames, Gathering, ItemNotes, PackedGathering};
use crate::checking::record::Reason;
use crate::checking::travel::{PackedInside, Packer, Unpacked};

/// The notes of a directory that was listed.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct PackedNotes {
    name: NameBuf,
    /// Each list, and what was known of its items.
    listed: Option<Vec<(ListId, Box<[Known]>)>>,
    uses: Box<[Use]>,
    items: Box<[Box<[ItemNotes]>]>,
    names: PackedGathering,
    is_whole: bool,
    is_empty: bool,
    wants: Box<[(u32, u32)]>,
    below: PackedBelow,
}

/// What sub-directories told.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct PackedBelow {
    slots: Box<[PackedSlot]>,
    paths: Box<[Option<NameBuf>]>,
}

#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct PackedSlot {
    found: FirstNames,
    closest: Option<PackedSub>,
    matching: Option<PackedSub>,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct PackedSub {
    missing: usize,
    name: NameBuf,
    reason: Reason,
    inside: PackedInside,
}

/// What was noted so far of a directory whose entries come one by one.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct PackedOpened {
    names: PackedGathering,
    below: PackedBelow,
}

impl Notes {
    /// All of the notes of a directory that was listed.
    pub(crate) fn pack(&self, checking: Checking<'_>, packer: &mut Packer<'_>) -> PackedNotes {
        PackedNotes {
            uses: self.uses.clone(),
            items: self.items.clone(),
            below: self.pack_below(checking, packer),
            ..self.pack_for_below(checking)
        }
    }

    /// What sub-directories that are listed elsewhere ask of a directory that was listed. The
    /// notes that are made of it there hold what these tell, and nothing else.
    pub(crate) fn pack_for_below(&self, checking: Checking<'_>) -> PackedNotes {
        let known = |listed: &Arc<Listed>| {
            let lists = listed.checks.lists.iter().copied();
            lists.zip(listed.known.iter().cloned()).collect()
        };
        // Whether there are items tells whether their list is of use.
        let items = self.items.iter().map(|list| vec![ItemNotes::default(); list.len()].into());
        PackedNotes {
            name: self.name.clone(),
            listed: self.listed.as_ref().map(known),
            uses: vec![Use::default(); self.uses.len()].into(),
            items: items.collect(),
            names: self.names.pack_firsts(checking.checklists, checking.decoder),
            is_whole: self.is_whole,
            is_empty: self.is_empty,
            wants: self.wants.clone(),
            below: PackedBelow {
                slots: vec![PackedSlot::default(); self.lock().slots.len()].into(),
                paths: vec![None; self.wants.len()].into(),
            },
        }
    }

    /// The notes of a directory that was listed elsewhere, if they fit. So many nodes are
    /// undecided there.
    pub(crate) fn unpack(
        packed: &PackedNotes,
        checking: Checking<'_>,
        findings: &Unpacked,
        undecided: usize,
    ) -> Option<Notes> {
        let Checking { checklists, decoder } = checking;
        let PackedNotes { listed: lists, items, uses, wants, .. } = packed;
        let listed = lists.as_ref().map(|lists| unpack_listed(lists, checklists, undecided));
        let listed = match listed {
            Some(listed) => Some(listed?),
            None => None,
        };
        let lists = listed.as_ref().map_or(&[][..], |listed| &listed.checks.lists);
        let count = |&list: &ListId| checklists.list(list).items.len();
        let has_items = |(items, list): (usize, &ListId)| items == 0 || items == count(list);
        let is_item = |&(list, item): &(u32, u32)| {
            lists.get(list as usize).is_some_and(|list| (item as usize) < count(list))
        };
        let fits = (lists.len(), lists.len()) == (uses.len(), items.len())
            && items.iter().map(|items| items.len()).zip(lists).all(has_items)
            && wants.iter().all(is_item)
            && packed.names.fits(checklists, lists);
        if !fits {
            return None;
        }
        let mut names = Gathering::default();
        names.merge(checklists, lists, decoder, &packed.names);
        let mut notes = Notes {
            name: packed.name.clone(),
            listed,
            uses: uses.clone(),
            items: items.clone(),
            names,
            is_whole: packed.is_whole,
            is_empty: packed.is_empty,
            wants: wants.clone(),
            below: Mutex::default(),
        };
        let below = notes.unpack_below(&packed.below, checking, findings)?;
        notes.below = Mutex::new(below);
        Some(notes)
    }

    /// What sub-directories told so far.
    pub(crate) fn pack_below(
        &self,
        checking: Checking<'_>,
        packer: &mut Packer<'_>,
    ) -> PackedBelow {
        let below = self.lock();
        let slots = (0..).zip(&below.slots).map(|(number, slot)| {
            let mut sub = |sub: &Option<Sub>| {
                let (sub, item) = (sub.as_ref()?, self.item_of(checking, number)?);
                Some(PackedSub {
                    missing: sub.missing,
                    name: sub.name.clone(),
                    reason: sub.reason,
                    inside: packer.inside(item, &sub.inside)?,
                })
            };
            let (closest, matching) = (sub(&slot.closest), sub(&slot.matching));
            PackedSlot { found: slot.found.clone(), closest, matching }
        });
        PackedBelow { slots: slots.collect(), paths: below.paths.clone() }
    }

    /// What sub-directories told elsewhere, if it fits.
    pub(crate) fn unpack_below(
        &self,
        packed: &PackedBelow,
        checking: Checking<'_>,
        findings: &Unpacked,
    ) -> Option<Below> {
        let slots = self.listed.as_ref().map_or(0, |listed| listed.checks.slots.len());
        if (packed.slots.len(), packed.paths.len()) != (slots, self.wants.len()) {
            return None;
        }
        let slots = (0..).zip(&packed.slots).map(|(number, slot)| {
            let item = self.item_of(checking, number)?;
            Some(Slot {
                found: slot.found.clone(),
                closest: unpack_sub(&slot.closest, item, findings)?,
                matching: unpack_sub(&slot.matching, item, findings)?,
            })
        });
        let slots = slots.collect::<Option<_>>()?;
        Some(Below { slots, paths: packed.paths.clone() })
    }

    /// Takes what sub-directories told elsewhere.
    pub(crate) fn take_below(&self, theirs: Below) {
        let mut ours = self.lock();
        for (ours, theirs) in ours.slots.iter_mut().zip(theirs.slots) {
            ours.found.merge(&theirs.found);
            keep_closer(&mut ours.closest, theirs.closest);
            keep_closer(&mut ours.matching, theirs.matching);
        }
        for (ours, theirs) in ours.paths.iter_mut().zip(theirs.paths) {
            if let Some(path) = theirs
                && ours.as_ref().is_none_or(|ours| path < *ours)
            {
                *ours = Some(path);
            }
        }
    }

    /// What was noted so far of a directory whose entries come one by one.
    pub(crate) fn pack_opened(
        &self,
        checking: Checking<'_>,
        packer: &mut Packer<'_>,
    ) -> PackedOpened {
        PackedOpened { names: self.names.pack(), below: self.pack_below(checking, packer) }
    }

    /// What was noted elsewhere of the same directory, which must not be closed, if it fits.
    pub(crate) fn unpack_opened<'p>(
        &self,
        packed: &'p PackedOpened,
        checking: Checking<'_>,
        findings: &Unpacked,
    ) -> Option<(&'p PackedGathering, Below)> {
        let below = self.unpack_below(&packed.below, checking, findings)?;
        let fits = packed.names.fits(checking.checklists, self.lists());
        fits.then_some((&packed.names, below))
    }

    /// Adds what was noted elsewhere of other entries of the same directory.
    pub(crate) fn take_opened(
        &mut self,
        checking: Checking<'_>,
        (names, below): (&PackedGathering, Below),
    ) {
        let lists = self.listed.as_ref().map_or(&[][..], |listed| &listed.checks.lists);
        self.names.merge(checking.checklists, lists, checking.decoder, names);
        self.take_below(below);
    }

    fn lists(&self) -> &[ListId] {
        self.listed.as_ref().map_or(&[], |listed| &listed.checks.lists)
    }
}

fn unpack_listed(
    lists: &[(ListId, Box<[Known]>)],
    checklists: &Checklists,
    undecided: usize,
) -> Option<Arc<Listed>> {
    let is_known = |known: &Known| match known {
        Known::Is(_) => true,
        Known::Open { undecided: index, .. } => (*index as usize) < undecided,
    };
    let fits = lists.iter().all(|(list, known)| {
        checklists.get(*list).is_some_and(|list| list.items.len() == known.len())
            && known.iter().all(is_known)
    });
    fits.then(|| {
        let ids = lists.iter().map(|(list, _)| *list).collect();
        let known = lists.iter().map(|(_, known)| known.clone()).collect();
        Arc::new(Listed { checks: Arc::new(Checks::of_lists(checklists, ids)), known })
    })
}

/// A sub-directory, if there is one; `None`: it does not fit.
fn unpack_sub(packed: &Option<PackedSub>, item: &Item, findings: &Unpacked) -> Option<Option<Sub>> {
    let Some(PackedSub { missing, name, reason, inside }) = packed else { return Some(None) };
    let inside = findings.inside(item, inside)?;
    Some(Some(Sub { missing: *missing, name: name.clone(), reason: *reason, inside }))
}

fn keep_closer(ours: &mut Option<Sub>, theirs: Option<Sub>) {
    if let Some(theirs) = theirs {
        let is_closer =
            |ours: &Sub| ours.is_closer(theirs.missing, &theirs.name, theirs.inside.alternative);
        if !ours.as_ref().is_some_and(is_closer) {
            *ours = Some(theirs);
        }
    }
}
