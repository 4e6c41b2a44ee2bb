//! The directories of a scan of listings: those that are wanted, and those above them.

use std::sync::Arc;

use super::found::Reported;
use crate::matching::{Candidates, MatchState, TreeNode};
use crate::outermost::Standing;
use crate::subtree::{SiblingKind, Siblings};
use crate::{Name, NameBuf};

/// What waits to be scanned.
#[derive(Debug)]
pub(super) enum Wanted<T> {
    One(WantedDirectory<T>),
    Several { parent: Arc<ListedDirectory<T>>, siblings: Siblings },
}

/// A directory that is not listed yet.
#[derive(Debug)]
pub(super) struct WantedDirectory<T> {
    /// `None` for a source.
    pub(super) parent: Option<Arc<ListedDirectory<T>>>,
    pub(super) candidates: Candidates,
    /// `None` unless the scan keeps names, and for a source.
    pub(super) named: Option<Box<Named>>,
}

/// A listed directory in which others are wanted.
#[derive(Debug)]
pub(super) struct ListedDirectory<T> {
    pub(super) parent: Option<Arc<ListedDirectory<T>>>,
    pub(super) depth: usize,
    pub(super) state: MatchState,
    pub(super) standing: Standing<Reported<T>>,
    pub(super) tag: T,
    /// `None` unless the scan keeps names.
    pub(super) place: Option<Box<Place>>,
}

/// What a wanted directory is called, for who may have to hand it on.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: NameBuf,
    pub(super) kind: SiblingKind,
    /// Its index among the roots of the sub-tree with which the scan began, if it is one.
    pub(super) root: Option<u32>,
}

/// Where a listed directory lies in the one above.
#[derive(Debug)]
pub(super) struct Place {
    /// Empty for a source.
    pub(super) name: NameBuf,
    pub(super) by_link: bool,
    pub(super) seen: Option<crate::traversal::Seen>,
}

impl<T> TreeNode for ListedDirectory<T> {
    fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.as_ref()
    }

    fn depth(&self) -> usize {
        self.depth
    }

    fn state(&self) -> &MatchState {
        &self.state
    }

    fn is_covered(&self) -> bool {
        self.standing.is_covered()
    }
}

impl<T> Drop for ListedDirectory<T> {
    fn drop(&mut self) {
        // A loop, since recursion as deep as the tree would overflow the stack.
        let mut parent = self.parent.take();
        while let Some(mut listed) = parent.and_then(Arc::into_inner) {
            parent = listed.parent.take();
        }
    }
}

impl<T> Wanted<T> {
    /// The directory above; `None` for a source.
    pub(super) fn parent(&self) -> Option<&Arc<ListedDirectory<T>>> {
        match self {
            Wanted::One(one) => one.parent.as_ref(),
            Wanted::Several { parent, .. } => Some(parent),
        }
    }
}

impl Place {
    /// That of a directory that was wanted by a name; of a source, that has none.
    pub(super) fn of(named: Option<Box<Named>>) -> Place {
        let name = named.map_or_else(|| Name::from("").into(), |named| named.name);
        Place { name, by_link: false, seen: None }
    }
}
