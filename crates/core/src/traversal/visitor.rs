//! What a traversal is for.

use std::ffi::OsStr;
use std::sync::Arc;

use super::{Dir, Location, ResultSender};

/// What has to be known of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// What is in it.
    Visit,
    /// That it exists, which its parent's listing tells.
    Presence,
    /// Nothing: no answer depends on it any more.
    Nothing,
}

/// What matters in a directory, as far as is known before it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matters {
    /// No answer depends on it. There may be directories to visit.
    Nothing,
    /// The directories in it. Links to directories that are not followed can change no answer,
    /// but how many matches they hide.
    DirectoriesOnly,
    Everything,
}

/// What is done with the directories that a traversal visits.
///
/// Each worker has a clone of its own, which may keep what it likes from one directory
/// to the next. [The life of one directory](super) tells in which order the methods are
/// called. The default methods are those of a visitor whose directories do not depend on
/// each other.
pub(crate) trait Visitor: Clone + Send + Sized + 'static {
    /// What it finds.
    type Item: Send + 'static;
    /// What a directory's name alone tells.
    type NameVerdict;
    /// What is gathered while a directory is listed.
    type Accumulator;
    /// What is kept of a listed directory.
    type State: Send + Sync + 'static;

    /// Judges a directory by its name. The source has no parent. `feeds_parent` is what
    /// [`depends_on`](Self::depends_on) said.
    fn judge(
        &mut self,
        parent: Option<&Dir<Self::State>>,
        name: &OsStr,
        feeds_parent: bool,
    ) -> Self::NameVerdict;

    /// Whether all directories at `depth` are visited.
    fn visits_depth(&self, depth: usize) -> bool;

    /// Whether all directories at `depth` in a listed directory are visited.
    fn visits_below(&self, _: &Self::State, depth: usize) -> bool {
        self.visits_depth(depth)
    }

    /// What has to be known of a directory at `depth`.
    fn need(&self, _parent: &Arc<Dir<Self::State>>, depth: usize, _: &Self::NameVerdict) -> Need {
        if self.visits_depth(depth) { Need::Visit } else { Need::Presence }
    }

    /// What matters in a directory, where no link is followed. One in which there is no
    /// directory may then be taken for empty without being opened.
    fn what_matters(&self, _: &Self::NameVerdict) -> Matters {
        Matters::Everything
    }

    /// Whether the sub-directories that feed their parent are visited before others.
    fn visits_feeding_first(&self) -> bool {
        false
    }

    /// If so: whether what feeds a listed directory may save it the rest of its tree.
    fn decides(&self, _: &Self::State) -> bool {
        false
    }

    /// Whether what feeds no one in a listed directory need not be visited any more.
    fn is_over(&self, _: &Self::State) -> bool {
        false
    }

    /// Whether a listed directory feeds its parent.
    fn feeds_parent(&self, _: &Self::State) -> bool {
        false
    }

    /// Whether it is told what goes wrong when such a directory is opened or read.
    fn tells_errors(&self, _: &Self::NameVerdict) -> bool {
        true
    }

    /// Begins a directory's listing.
    fn begin(&mut self, verdict: &Self::NameVerdict) -> Self::Accumulator;

    /// Whether the answer depends on what a link of this name leads to, as soon as it is
    /// listed. If so, that is found out at once, even if links are not followed.
    fn asks_for_link(&self, _: &Self::Accumulator, _name: &OsStr) -> bool {
        true
    }

    /// Whether the answer may depend on sub-directories, as far as the name alone tells.
    fn may_depend(&self, _: &Self::NameVerdict) -> bool {
        false
    }

    /// Adds a directory, or a link to one, to the listing.
    fn add_directory(&self, _: &mut Self::Accumulator, _name: &OsStr) {}

    /// Adds any other entry to the listing.
    fn add_file(&self, accumulator: &mut Self::Accumulator, name: &OsStr);

    /// Whether nothing that may still be listed matters but directories. Links to directories
    /// can change no answer, but how many matches they hide.
    fn awaits_only_directories(&self, _: &Self::NameVerdict, _: &Self::Accumulator) -> bool {
        false
    }

    /// Notes that it could not be told of an entry of this name which kind it is. It was
    /// added as a file.
    fn untold(&self, _: &mut Self::Accumulator, _name: &OsStr) {}

    /// Ends a directory's listing. `is_whole` tells whether it was read to its end.
    fn listed(
        &mut self,
        location: Location<'_, Self::State>,
        verdict: Self::NameVerdict,
        accumulator: Self::Accumulator,
        is_whole: bool,
        results: &mut ResultSender<Self::Item>,
    ) -> Self::State;

    /// Whether a listed directory's answer depends on any sub-directory at all.
    fn depends_on_any(&self, _: &Self::State) -> bool {
        false
    }

    /// Whether a listed directory's answer depends on a sub-directory of this name. Such
    /// a sub-directory answers exactly once.
    fn depends_on(&mut self, _: &Self::State, _name: &OsStr) -> bool {
        false
    }

    /// Makes a listed directory wait for the answers of so many sub-directories. If there
    /// are none, it is closed.
    fn wait_for(
        &self,
        _: Location<'_, Self::State>,
        _: &mut Self::State,
        _count: usize,
        _: &mut ResultSender<Self::Item>,
    ) {
    }

    /// A sub-directory does not exist any more.
    fn absent(
        &self,
        _parent: &Arc<Dir<Self::State>>,
        _: Self::NameVerdict,
        _: &mut ResultSender<Self::Item>,
    ) {
    }

    /// A sub-directory exists, and its inside could not be read, as an error has told.
    fn not_read(
        &self,
        _parent: &Arc<Dir<Self::State>>,
        _: Self::NameVerdict,
        _: &mut ResultSender<Self::Item>,
    ) {
    }

    /// A sub-directory exists, and its inside is not looked at: it lies too deep, or is a
    /// mount point or a loop.
    fn not_entered(
        &self,
        _parent: &Arc<Dir<Self::State>>,
        _: Self::NameVerdict,
        _: &mut ResultSender<Self::Item>,
    ) {
    }

    /// A sub-directory exists as a link, and links are not followed.
    fn link_not_followed(
        &self,
        _parent: &Arc<Dir<Self::State>>,
        _: Self::NameVerdict,
        _: &mut ResultSender<Self::Item>,
    ) {
    }
}
