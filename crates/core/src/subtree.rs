//! Parts of a scan that another process does: sub-trees, and what becomes of them.
//!
//! A *sub-tree* is some of the sub-directories of one open directory, or the source. Who scans
//! it gets the way to that directory and what its undecided candidates ask of sub-directories,
//! and makes a *stand-in* of it, which gathers what the roots answer: so what comes back of the
//! directory is one set of bits and counts, however many roots there are. A scan of a sub-tree
//! may end at any time: what it leaves open comes back as it is, and is divided anew.

mod outcome;
mod packing;
mod reports;
mod siblings;

pub use outcome::SubtreeOutcome;
pub(crate) use outcome::{
    HandedBack, OpenDirectory, OpenIndex, OpenStanding, OutcomeBuilder, Reported,
};
pub(crate) use reports::{Report, Reports};
pub(crate) use siblings::{Sibling, SiblingKind, Siblings, SiblingsBuilder};

use crate::checking::{PackedNotes, Unpacked};
use crate::matching::{Asking, MatchState, Matching};
use crate::outermost::Standing;
use crate::traversal::Seen;
use crate::{Error, Name, NameBuf};

/// Some sub-directories of an open directory, or the source, to be scanned elsewhere.
///
/// [`ListingScan::subtree`](crate::ListingScan::subtree) gives it. With the feature `serde` it can
/// be written in any format of [serde](https://serde.rs). It is meaningful to the same version of
/// this crate, with the same patterns.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Subtree {
    /// The caller's number for it.
    pub(crate) id: u64,
    /// `None`: it is the source.
    pub(crate) inside: Option<Inside>,
}

/// The directory in which the roots of a sub-tree are.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Inside {
    /// The identity of the source, if it is known.
    pub(crate) source: Option<Seen>,
    /// The directories from the source, which is not among them, to this one, which is the last.
    pub(crate) way: Vec<Step>,
    /// What it asks of the roots.
    pub(crate) asking: Asking,
    /// What may be missing there; `None` unless somebody asks.
    pub(crate) notes: Option<PackedNotes>,
    pub(crate) standing: StandIn,
    pub(crate) roots: Siblings,
}

/// A directory on the way from the source to the roots of a sub-tree.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Step {
    pub(crate) name: NameBuf,
    /// Whether it was entered through a link.
    pub(crate) by_link: bool,
    /// Its identity, if that was asked for.
    pub(crate) seen: Option<Seen>,
}

/// How a directory stands to the outermost matches whose stand-in is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum StandIn {
    /// Neither it nor a directory above it matches, or may match.
    Free,
    /// It, or one above it, matches.
    Covered,
    /// One above it may match.
    UndecidedAbove,
    /// It may match itself.
    Undecided,
}

impl Subtree {
    /// The source.
    pub fn source() -> Subtree {
        Subtree { id: 0, inside: None }
    }

    /// The directory in which the roots are, relative to the source: empty for the source, and
    /// where the roots are in it.
    pub fn path(&self) -> NameBuf {
        let source = NameBuf::from(Name::from(""));
        self.way().iter().fold(source, |path, step| path.join(step.name.as_name()))
    }

    /// How many roots it has: 1 for the source.
    #[allow(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.roots().map_or(1, Siblings::len)
    }

    /// The names of the roots, none for the source.
    pub fn names(&self) -> impl Iterator<Item = NameBuf> {
        self.roots().into_iter().flat_map(|roots| roots.iter().map(Sibling::name))
    }

    /// The identity of the source, if it is known.
    pub(crate) fn source_seen(&self) -> Option<Seen> {
        self.inside.as_ref()?.source
    }

    /// The directories from the source, which is not among them, to that in which the roots are.
    pub(crate) fn way(&self) -> &[Step] {
        self.inside.as_ref().map_or(&[], |inside| &inside.way)
    }

    /// The state and the standing of the stand-in of the directory in which the roots are; `None`
    /// if it is the source.
    pub(crate) fn stand_in<T>(
        &self,
        matching: &mut Matching,
    ) -> Result<Option<(MatchState, Standing<T>)>, Error> {
        let Some(Inside { way, asking, notes, standing, roots, .. }) = &self.inside else {
            return Ok(None);
        };
        if roots.is_empty() {
            return Err(Error::subtree("a sub-tree without roots"));
        }
        let mut state = matching.stand_in(asking, way.len(), roots.feeding())?;
        matching.restore_notes(&mut state, notes.as_ref(), &Unpacked::default(), false)?;
        Ok(Some((state, Standing::stand_in(*standing))))
    }

    pub(crate) fn roots(&self) -> Option<&Siblings> {
        self.inside.as_ref().map(|inside| &inside.roots)
    }
}
