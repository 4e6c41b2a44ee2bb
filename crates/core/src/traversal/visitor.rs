//! What a traversal is for.

use std::ffi::OsStr;
use std::sync::Arc;

use super::{Dir, Outlet, Place};

/// Makes something of the directories that a traversal visits. Each worker has
/// a clone of its own, so it may keep what it likes from one to the next.
pub(crate) trait Visitor: Clone + Send + Sized + 'static {
    /// What it finds.
    type Item: Send + 'static;
    /// What is known of a directory from its name alone.
    type Prospect;
    /// What is gathered while a directory is listed.
    type Listing;
    /// What has come of a directory once it is listed.
    type Listed;
    /// What is kept of it while it has sub-directories to be visited.
    type State: Send + Sync + 'static;

    /// What the source's name tells.
    fn source(&mut self, name: &OsStr) -> Self::Prospect;

    /// What the name of a sub-directory tells; `awaited` as
    /// [`awaits`](Self::awaits) said.
    fn prospect(
        &mut self,
        parent: &Dir<Self::State>,
        name: &OsStr,
        awaited: bool,
    ) -> Self::Prospect;

    /// Whether directories at `depth` are visited, whatever their name.
    fn reaches(&self, depth: usize) -> bool;

    /// Whether a directory is to be visited even where the visitor does not
    /// [reach](Self::reaches).
    fn insists(&self, prospect: &Self::Prospect) -> bool;

    /// The start of a directory's listing.
    fn listing(&mut self, prospect: &Self::Prospect) -> Self::Listing;

    /// A listed directory, or a link to one.
    fn directory(&self, listing: &mut Self::Listing, name: &OsStr);

    /// Any other listed entry.
    fn file(&self, listing: &mut Self::Listing, name: &OsStr);

    /// The end of a directory's listing.
    fn listed(
        &mut self,
        place: Place<'_, Self::State>,
        prospect: Self::Prospect,
        listing: Self::Listing,
        out: &mut Outlet<Self::Item>,
    ) -> Self::Listed;

    /// Whether any of its sub-directories is awaited at all.
    fn awaits_any(&self, listed: &Self::Listed) -> bool;

    /// Whether the answer of a sub-directory of this name is awaited. It will be
    /// given once, by what follows here.
    fn awaits(&mut self, listed: &Self::Listed, name: &OsStr) -> bool;

    /// What to keep of a directory that is about to be left for its
    /// sub-directories. So many of them are awaited; if none is, the directory
    /// itself [has ended](Self::ended).
    fn state(&self, listed: Self::Listed, awaited: usize) -> Self::State;

    /// A directory, listed, of whose sub-directories none is awaited.
    fn ended(
        &self,
        parent: Option<&Arc<Dir<Self::State>>>,
        listed: &Self::Listed,
        out: &mut Outlet<Self::Item>,
    );

    /// A sub-directory is no longer there.
    fn absent(
        &self,
        parent: &Arc<Dir<Self::State>>,
        prospect: Self::Prospect,
        out: &mut Outlet<Self::Item>,
    );

    /// A sub-directory is there but its inside is not looked at.
    fn not_entered(
        &self,
        parent: &Arc<Dir<Self::State>>,
        prospect: Self::Prospect,
        out: &mut Outlet<Self::Item>,
    );
}
