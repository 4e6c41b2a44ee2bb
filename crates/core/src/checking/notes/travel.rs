//! What is gathered of a directory, as it travels to another process, and how what was gathered
//! in several is put together.

use super::{FirstByTest, FirstNames, FirstTwo, Gathering, ItemNotes, MOST_TOLD, keep_first};
use crate::checking::checklist::{Checklists, ListId};
use crate::name_buf::compare;
use crate::{Name, NameBuf, NameDecoder};

/// [`FirstNames`] that travel. Which names came before is not told: only those that are kept are
/// known then.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct PackedNames {
    names: Vec<NameBuf>,
    count: usize,
}

impl From<FirstNames> for PackedNames {
    fn from(FirstNames { names, count, .. }: FirstNames) -> PackedNames {
        PackedNames { names, count }
    }
}

/// They may come from anywhere, so they are put in order.
impl From<PackedNames> for FirstNames {
    fn from(PackedNames { mut names, count }: PackedNames) -> FirstNames {
        names.sort_unstable();
        names.dedup();
        names.truncate(MOST_TOLD);
        let count = count.max(names.len());
        FirstNames { names, count, ..FirstNames::default() }
    }
}

impl FirstNames {
    /// Adds those that another has. Names that both keep are counted once.
    pub(crate) fn merge(&mut self, other: &FirstNames) {
        self.count = self.count.saturating_add(other.count);
        for name in &other.names {
            let place = self.place(name.as_name());
            self.count -= usize::from(place.is_ok());
            self.keep(place, name.as_name());
        }
    }
}

impl ItemNotes {
    fn merge(&mut self, other: &ItemNotes) {
        self.found.merge(&other.found);
        let is_nearer = match (&self.near, &other.near) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(ours), Some(theirs)) => theirs < ours,
        };
        if is_nearer {
            self.near.clone_from(&other.near);
        }
        if let Some(name) = &other.other_kind {
            keep_first(&mut self.other_kind, name.as_name());
        }
        self.has_directory |= other.has_directory;
    }
}

impl FirstTwo {
    fn merge(&mut self, other: &FirstTwo) {
        self.add(other.first.as_name());
        if let Some(second) = &other.second {
            self.add(second.as_name());
        }
    }

    fn is_sorted(&self) -> bool {
        let first = self.first.as_name();
        self.second.as_ref().is_none_or(|second| compare(first, second.as_name()).is_lt())
    }
}

impl FirstByTest {
    fn merge(&mut self, other: &FirstByTest) {
        let FirstByTest { files, directories } = other;
        for (ours, theirs) in [(&mut self.files, files), (&mut self.directories, directories)] {
            for (test, two) in theirs {
                ours.entry(*test).or_insert_with(|| two.clone()).merge(two);
            }
        }
    }

    fn is_sorted(&self) -> bool {
        self.files.values().chain(self.directories.values()).all(FirstTwo::is_sorted)
    }
}

/// What was gathered of a directory, or what is asked of that.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct PackedGathering {
    names: Vec<(NameBuf, bool)>,
    has_directories: bool,
    folded: Option<Vec<Vec<ItemNotes>>>,
    firsts: Option<FirstByTest>,
}

impl Gathering {
    /// All that was gathered.
    pub(crate) fn pack(&self) -> PackedGathering {
        let mut names = Vec::new();
        self.names.for_each(|name, is_directory| names.push((name.into(), is_directory)));
        let folded = self.folded.clone();
        // As long as nothing is folded, the names tell which are the first.
        let firsts = self.firsts.get().filter(|_| folded.is_some()).cloned();
        PackedGathering { names, has_directories: self.has_directories, folded, firsts }
    }

    /// What is asked of the names once the directory is listed: which are the first.
    pub(crate) fn pack_firsts(
        &self,
        checklists: &Checklists,
        decoder: Option<&NameDecoder>,
    ) -> PackedGathering {
        let firsts = self.firsts(checklists, decoder).clone();
        let has_directories = self.has_directories;
        PackedGathering { has_directories, firsts: Some(firsts), ..PackedGathering::default() }
    }

    /// Adds what was gathered of other entries of the same directory, which
    /// [fits](PackedGathering::fits).
    pub(crate) fn merge(
        &mut self,
        checklists: &Checklists,
        lists: &[ListId],
        decoder: Option<&NameDecoder>,
        packed: &PackedGathering,
    ) {
        if let Some(theirs) = &packed.folded {
            self.fold(checklists, lists, decoder);
            let lists = self.folded.iter_mut().flatten().zip(theirs);
            for (ours, theirs) in lists.flat_map(|(ours, theirs)| ours.iter_mut().zip(theirs)) {
                ours.merge(theirs);
            }
        }
        if let Some(theirs) = &packed.firsts {
            self.firsts(checklists, decoder);
            if let Some(ours) = self.firsts.get_mut() {
                ours.merge(theirs);
            }
        }
        for (name, is_directory) in &packed.names {
            self.add(checklists, lists, decoder, Name::from(name), *is_directory);
        }
        self.has_directories |= packed.has_directories;
    }
}

impl PackedGathering {
    /// Whether it may be of a directory in which these lists are looked for.
    pub(crate) fn fits(&self, checklists: &Checklists, lists: &[ListId]) -> bool {
        let has_items = |(notes, &list): (&Vec<ItemNotes>, &ListId)| {
            checklists.get(list).is_some_and(|list| list.items.len() == notes.len())
        };
        let folded_fits = |folded: &Vec<Vec<ItemNotes>>| {
            folded.len() == lists.len() && folded.iter().zip(lists).all(has_items)
        };
        self.folded.as_ref().is_none_or(folded_fits)
            && self.firsts.as_ref().is_none_or(FirstByTest::is_sorted)
    }
}
