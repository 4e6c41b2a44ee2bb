//! What a node asks for beyond at least one file for each of some atoms, and at least one
//! sub-directory for each of some nodes: counts, alternatives, what is forbidden, `closed`.

use super::{AtomId, NodeId};
use crate::pattern::Count;

/// What only some nodes ask for. Plain files are not repeated here; directory requirements
/// are here all of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Special {
    pub(super) files: Box<[FileCount]>,
    pub(super) directories: Box<[DirectoryCount]>,
    pub(super) closed: Option<Closed>,
}

/// How many files must pass one of some atoms. What is forbidden is a count of none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileCount {
    /// In rising order.
    pub(super) atoms: Box<[AtomId]>,
    pub(super) count: Count,
}

/// How many sub-directories must satisfy one of some nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct DirectoryCount {
    /// In rising order.
    pub(super) alternatives: Box<[NodeId]>,
    pub(super) count: Count,
}

/// The names that a closed directory may hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Closed {
    /// Each file must pass one of these.
    pub(super) files: Box<[AtomId]>,
    /// Each directory must pass one of these; `None`: any name will do.
    pub(super) directories: Option<Box<[AtomId]>>,
}

/// Whether a number is not too large.
fn allows(count: Count, number: usize) -> bool {
    count.max().is_none_or(|max| number <= max as usize)
}

impl FileCount {
    /// What it is known by, in an order.
    pub(super) fn key(&self) -> (&[AtomId], u32, Option<u32>) {
        (&self.atoms, self.count.min(), self.count.max())
    }

    /// How far has to be counted to know whether it holds.
    pub(super) fn cap(&self) -> u32 {
        self.count.max().map_or(self.count.min(), |max| max.saturating_add(1))
    }
}

impl DirectoryCount {
    /// What it is known by, in an order.
    pub(super) fn key(&self) -> (&[NodeId], u32, Option<u32>) {
        (&self.alternatives, self.count.min(), self.count.max())
    }

    /// Whether it takes a counter. For what asks whether there is one at all, bits will do.
    pub(super) fn is_counted(&self) -> bool {
        self.count.min() > 1 || self.count.max().is_some_and(|max| max > 0)
    }
}

impl Special {
    /// Whether something is asked not to be there: that only a whole listing tells.
    pub(super) fn has_limit(&self) -> bool {
        self.closed.is_some()
            || self.files.iter().any(|file| file.count.max().is_some())
            || self.limits_directories()
    }

    /// Whether there may be too many sub-directories.
    pub(super) fn limits_directories(&self) -> bool {
        self.directories.iter().any(|directory| directory.count.max().is_some())
    }

    /// Whether it asks for more than sub-directories.
    pub(super) fn asks_for_entries(&self) -> bool {
        self.closed.is_some() || !self.files.is_empty()
    }

    /// Whether it holds of a directory with nothing in it.
    pub(super) fn holds_of_nothing(&self) -> bool {
        self.files.iter().all(|file| file.count.min() == 0)
            && self.directories.iter().all(|directory| directory.count.min() == 0)
    }
}

/// What is known of a node, or of one requirement, from the sub-directories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// It is satisfied.
    pub(crate) yes: bool,
    /// It is not satisfied, and would be if each link that is not followed led to what is
    /// asked of it.
    pub(crate) behind_links: bool,
    /// It is not satisfied as far as could be read, and is not denied: a `max` counts it.
    pub(crate) cannot_be_told: bool,
    /// That, and more precisely: it might be satisfied if everything had been read. Who asks
    /// neither what is missing nor what is unknown need not tell the two apart.
    pub(crate) may_be: bool,
    /// Even more precisely: it would be satisfied, whatever had been read.
    pub(crate) is_sure: bool,
}

/// How many sub-directories gave which answer to a requirement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Tally {
    pub(crate) yes: usize,
    pub(crate) behind_links: usize,
    pub(crate) cannot_be_told: usize,
    pub(crate) may_be: usize,
    pub(crate) is_sure: usize,
}

impl Tally {
    /// That of one answer.
    pub(crate) fn of(verdict: Verdict) -> Tally {
        let mut tally = Tally::default();
        tally.add(verdict);
        tally
    }

    /// Adds what was counted elsewhere.
    pub(crate) fn merge(&mut self, other: &Tally) {
        // It may come from anywhere, and no counter may overflow.
        let add = |to: &mut usize, more: usize| *to = to.saturating_add(more).min(usize::MAX / 4);
        add(&mut self.yes, other.yes);
        add(&mut self.behind_links, other.behind_links);
        add(&mut self.cannot_be_told, other.cannot_be_told);
        add(&mut self.may_be, other.may_be);
        add(&mut self.is_sure, other.is_sure);
    }

    pub(crate) fn add(&mut self, verdict: Verdict) {
        self.yes += usize::from(verdict.yes);
        self.behind_links += usize::from(verdict.behind_links);
        self.cannot_be_told += usize::from(verdict.cannot_be_told);
        self.may_be += usize::from(verdict.may_be);
        self.is_sure += usize::from(verdict.is_sure);
    }
}

impl Verdict {
    const NO: Verdict = Verdict {
        yes: false,
        behind_links: false,
        cannot_be_told: false,
        may_be: false,
        is_sure: false,
    };
    pub(crate) const YES: Verdict = Verdict { yes: true, ..Verdict::NO };
    pub(crate) const BEHIND_LINKS: Verdict = Verdict { behind_links: true, ..Verdict::NO };
    pub(crate) const CANNOT_BE_TOLD: Verdict = Verdict::untold(true);

    /// That on what cannot be told, and may be satisfied or not.
    pub(crate) const fn untold(may_be: bool) -> Verdict {
        Verdict { cannot_be_told: true, may_be, ..Verdict::NO }
    }

    /// That of one of several alternatives, by those of each.
    pub(crate) fn or(self, other: Verdict) -> Verdict {
        let yes = self.yes || other.yes;
        Verdict {
            yes,
            behind_links: !yes && (self.behind_links || other.behind_links),
            cannot_be_told: !yes && (self.cannot_be_told || other.cannot_be_told),
            may_be: !yes && (self.may_be || other.may_be),
            is_sure: !yes && (self.is_sure || other.is_sure),
        }
    }

    /// That of all of several requirements, by how many sub-directories satisfy each. A `min`
    /// counts what is certain, a `max` also what cannot be told; links that are not followed
    /// may be what a `min` asks for, and count for no `max`.
    pub(super) fn of_all(requirements: impl Iterator<Item = (Count, Tally)>) -> Verdict {
        let (mut yes, mut with_links, mut maybe) = (true, true, true);
        let (mut may_be, mut is_sure) = (true, true);
        for (count, tally) in requirements {
            let most = tally.yes + tally.cannot_be_told;
            let min = count.min() as usize;
            let is_within = allows(count, most);
            yes &= is_within && tally.yes >= min;
            with_links &= is_within && tally.yes + tally.behind_links >= min;
            maybe &= most >= min && allows(count, tally.yes);
            let (least, most) = (tally.yes + tally.is_sure, tally.yes + tally.may_be);
            may_be &= most >= min && allows(count, least);
            is_sure &= least >= min && allows(count, most);
        }
        Verdict {
            yes,
            behind_links: with_links && !yes,
            cannot_be_told: maybe && !yes,
            may_be: may_be && !yes,
            is_sure: is_sure && !yes,
        }
    }

    /// That on what cannot be told of all of several requirements, where some of the listing is
    /// missing, but not more sub-directories than `more` has for each; `None`: any number.
    pub(super) fn of_part(requirements: &[(Count, Tally)], more: Option<&[usize]>) -> Verdict {
        let may_be = requirements.iter().enumerate().all(|(index, &(count, tally))| {
            let (least, most) = (tally.yes + tally.is_sure, tally.yes + tally.may_be);
            let is_enough = |more: &[usize]| most + more[index] >= count.min() as usize;
            more.is_none_or(is_enough) && allows(count, least)
        });
        Verdict::untold(may_be)
    }
}
