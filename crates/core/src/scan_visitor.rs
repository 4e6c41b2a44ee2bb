//! The visitor of a local tree that matches what is listed, and tells of it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checking::Findings;
use crate::matching::{Candidates, MatchState, Matching, Outcome, Settled, TreeNode};
use crate::outermost::{Report, Standing};
use crate::program::FileSearch;
use crate::subtree::Subtree;
use crate::traversal::{Dir, Location, Matters, Need, ResultSender, Visitor};
use crate::{Error, Name, NameBuf, NameDecoder};

/// What a traversal tells of a directory and a pattern.
pub(crate) trait Tells: Sized + Send + Sync + 'static {
    /// What is gathered of a directory besides the search for its files.
    type Gathered: Gathers;

    /// That it matches.
    fn matched(path: PathBuf, pattern: usize) -> Self;

    /// What is missing of it; `None`: nobody asks.
    fn checked(_path: PathBuf, _pattern: usize, _: Findings) -> Option<Self> {
        None
    }

    fn path(&self) -> &Path;

    /// Whether the directory matches.
    fn is_complete(&self) -> bool;

    /// The path, the position of the pattern, and what is missing if it does not match, by value.
    fn into_parts(self) -> (PathBuf, usize, Option<Findings>);
}

/// What is gathered while a directory is listed, for those who ask what is missing.
pub(crate) trait Gathers: Clone + Default + Send + 'static {
    /// Begins with another directory.
    fn begin(&mut self, _: &Candidates) {}

    /// Whether the kind of a link has to be known, by its name.
    fn asks_for_link(&self, _: &Matching, _: Name<'_>) -> bool {
        false
    }

    /// Adds an entry.
    fn add(&mut self, _: &Matching, _name: &OsStr, _is_directory: bool) {}

    /// Makes notes of the directory, if any are needed.
    fn note<N: TreeNode>(&mut self, _: &Matching, _: Facts<'_, N>) {}
}

/// A directory that is listed, to make notes of.
pub(crate) struct Facts<'a, N> {
    pub(crate) parent: Option<&'a Arc<N>>,
    pub(crate) depth: usize,
    pub(crate) name: Option<NameBuf>,
    pub(crate) is_whole: bool,
    pub(crate) visits_below: bool,
    pub(crate) state: &'a mut MatchState,
    pub(crate) settled: &'a mut Settled,
}

/// Nobody asks what is missing.
impl Gathers for () {}

/// What is gathered of a directory: the search for what its candidates ask for, and the rest.
pub(crate) struct Gathered<G> {
    search: FileSearch,
    more: G,
}

/// The visitor of a scan, or of a check.
pub(crate) struct ScanVisitor<T: Tells> {
    matching: Matching,
    /// Buffers for what is known of the patterns of one directory, and for what is gathered.
    settled: Settled,
    gathered: T::Gathered,
    decoder: Option<NameDecoder>,
    /// Whether only the source is told of, and whatever becomes of it.
    explains: bool,
}

impl<T: Tells> Clone for ScanVisitor<T> {
    fn clone(&self) -> Self {
        ScanVisitor::new(self.matching.clone(), self.decoder.clone())
    }
}

impl<T: Tells> ScanVisitor<T> {
    pub(crate) fn new(matching: Matching, decoder: Option<NameDecoder>) -> Self {
        let explains = matching.program.checklists().is_some_and(|lists| lists.explains());
        let (settled, gathered) = (Settled::default(), T::Gathered::default());
        ScanVisitor { matching, settled, gathered, decoder, explains }
    }

    /// The state of the stand-in of the directory in which the roots of a sub-tree are; `None` if
    /// it is the source.
    pub(crate) fn stand_in(&mut self, subtree: &Subtree) -> Result<Option<ScanState<T>>, Error> {
        let stand_in = subtree.stand_in(&mut self.matching)?;
        Ok(stand_in.map(|(matching, standing)| ScanState { matching, standing }))
    }

    /// Tells of each pattern that a directory matches.
    fn tell(path: PathBuf, patterns: &[usize], mut tell: impl FnMut(Report<T>)) {
        let Some((&last, others)) = patterns.split_last() else { return };
        for &pattern in others {
            tell(Report::Match(T::matched(path.clone(), pattern)));
        }
        tell(Report::Match(T::matched(path, last)));
    }

    /// Sends what belongs to the outcome.
    fn send(report: Report<T>, results: &mut ResultSender<T>) {
        match report {
            Report::Match(found) | Report::Incomplete(found) => {
                results.stats.matches += usize::from(found.is_complete());
                let weight = 1 + found.path().as_os_str().len() / 256;
                results.send(found, weight);
            }
            Report::HiddenByLinks(count) => results.stats.hidden_by_links += count,
        }
    }

    /// Tells of the patterns that are settled of one directory.
    #[inline]
    fn tell_settled(
        &self,
        location: Location<'_, ScanState<T>>,
        standing: &Standing<T>,
        settled: &Settled,
        results: &mut ResultSender<T>,
    ) {
        if settled.matched.is_empty() && settled.checked.is_empty() {
            return;
        }
        let parent = location.parent.map(|parent| &parent.state.standing);
        let mut send = |report| Self::send(report, results);
        if !self.explains {
            Self::tell(location.path(), &settled.matched, |report| {
                standing.take_own(parent, report, &mut send);
            });
        }
        for (pattern, findings) in &settled.checked {
            if let Some(found) = T::checked(location.path(), *pattern, findings.clone()) {
                standing.take_own(parent, Report::Incomplete(found), &mut send);
            }
        }
    }

    /// A function that takes what is known of directories that are not just listed.
    fn sending(
        &self,
        results: &mut ResultSender<T>,
    ) -> impl FnMut(&Arc<Dir<ScanState<T>>>, &[usize], Outcome) {
        |dir, patterns, outcome| {
            let standing = &dir.state.standing;
            let parent = dir.parent().map(|parent| &parent.state.standing);
            let mut send = |report| Self::send(report, results);
            match outcome {
                Outcome::Matched if self.explains => {}
                Outcome::Matched => Self::tell(dir.path(), patterns, |report| {
                    standing.take_own(parent, report, &mut send);
                }),
                Outcome::HiddenByLinks => {
                    let report = Report::HiddenByLinks(patterns.len());
                    standing.take_own(parent, report, &mut send);
                }
                Outcome::Checked(findings) => {
                    for &pattern in patterns {
                        let found = T::checked(dir.path(), pattern, findings.clone());
                        if let Some(found) = found {
                            standing.take_own(parent, Report::Incomplete(found), &mut send);
                        }
                    }
                }
                Outcome::CannotBeTold => {}
                Outcome::Closed => standing.closed(&mut send),
            }
        }
    }
}

/// What a scan keeps of a listed directory.
#[derive(Debug)]
pub(crate) struct ScanState<T> {
    matching: MatchState,
    standing: Standing<T>,
}

impl<T> ScanState<T> {
    pub(crate) fn new(matching: MatchState, standing: Standing<T>) -> ScanState<T> {
        ScanState { matching, standing }
    }

    pub(crate) fn matching(&self) -> &MatchState {
        &self.matching
    }

    pub(crate) fn standing(&self) -> &Standing<T> {
        &self.standing
    }
}

impl<T> TreeNode for Dir<ScanState<T>> {
    fn parent(&self) -> Option<&Arc<Self>> {
        self.parent()
    }

    fn depth(&self) -> usize {
        self.depth
    }

    fn state(&self) -> &MatchState {
        &self.state.matching
    }

    fn is_covered(&self) -> bool {
        self.state.standing.is_covered()
    }
}

impl<T: Tells> Visitor for ScanVisitor<T> {
    type Item = T;
    type NameVerdict = Candidates;
    type Accumulator = Gathered<T::Gathered>;
    type State = ScanState<T>;

    fn judge(
        &mut self,
        parent: Option<&Dir<ScanState<T>>>,
        name: &OsStr,
        feeds_parent: bool,
    ) -> Candidates {
        let depth = parent.map_or(0, |parent| parent.depth + 1);
        let parent = parent.map(|parent| &parent.state);
        let may_start = self.matching.visits_depth(depth)
            && !parent.is_some_and(|parent| parent.standing.is_covered());
        let parent = parent.map(|parent| &parent.matching);
        NameDecoder::with(self.decoder.as_ref(), name, |name| {
            self.matching.candidates(parent, may_start, name, feeds_parent)
        })
    }

    fn visits_depth(&self, depth: usize) -> bool {
        self.matching.visits_depth(depth)
    }

    fn visits_below(&self, state: &ScanState<T>, depth: usize) -> bool {
        self.visits_depth(depth) && !state.standing.is_covered()
    }

    fn need(&self, parent: &Arc<Dir<ScanState<T>>>, depth: usize, candidates: &Candidates) -> Need {
        let is_watched = self.explains && candidates.is_watched();
        if self.visits_below(&parent.state, depth) || is_watched {
            Need::Visit
        } else if self.matching.outermost && !self.matching.is_asked_for(parent, candidates) {
            Need::Nothing
        } else if self.matching.looks_inside(candidates) {
            Need::Visit
        } else {
            Need::Presence
        }
    }

    /// Who asks what is missing looks at all that is in a candidate.
    fn what_matters(&self, candidates: &Candidates) -> Matters {
        let asks_what_is_missing =
            self.matching.tells_missing() && (candidates.are_any() || candidates.is_watched());
        if asks_what_is_missing || self.matching.asks_for_listing(candidates) {
            Matters::Everything
        } else if self.matching.asks_for_directories(candidates) {
            Matters::DirectoriesOnly
        } else {
            Matters::Nothing
        }
    }

    fn visits_feeding_first(&self) -> bool {
        self.matching.outermost
    }

    fn decides(&self, state: &ScanState<T>) -> bool {
        state.standing.is_undecided() && !state.standing.is_covered()
    }

    fn is_over(&self, state: &ScanState<T>) -> bool {
        state.standing.is_covered()
    }

    fn feeds_parent(&self, state: &ScanState<T>) -> bool {
        state.matching.feeds_parent()
    }

    fn begin(&mut self, candidates: &Candidates) -> Gathered<T::Gathered> {
        let mut more = std::mem::take(&mut self.gathered);
        more.begin(candidates);
        Gathered { search: self.matching.file_search(candidates), more }
    }

    fn asks_for_link(&self, gathered: &Gathered<T::Gathered>, name: &OsStr) -> bool {
        let Gathered { search, more } = gathered;
        let asks = |name: Name<'_>| {
            more.asks_for_link(&self.matching, name)
                || self.matching.program.asks_for_link(search, name)
        };
        NameDecoder::with(self.decoder.as_ref(), name, asks)
    }

    /// What is listed only to tell whether something lies there is of no concern else.
    fn tells_errors(&self, candidates: &Candidates) -> bool {
        !self.explains || candidates.feeds_parent() || !candidates.is_watched()
    }

    fn may_depend(&self, candidates: &Candidates) -> bool {
        self.matching.asks_for_directories(candidates)
    }

    #[inline]
    fn add_file(&self, gathered: &mut Gathered<T::Gathered>, name: &OsStr) {
        let Gathered { search, more } = gathered;
        more.add(&self.matching, name, false);
        let search = |name: Name<'_>| self.matching.program.search_file(search, name);
        NameDecoder::with(self.decoder.as_ref(), name, search);
    }

    #[inline]
    fn add_directory(&self, gathered: &mut Gathered<T::Gathered>, name: &OsStr) {
        let Gathered { search, more } = gathered;
        more.add(&self.matching, name, true);
        if search.has_questions() {
            let search = |name: Name<'_>| self.matching.program.search_directory(search, name);
            NameDecoder::with(self.decoder.as_ref(), name, search);
        }
    }

    /// Who asks what is missing in a directory may ask for the names above it.
    fn awaits_only_directories(
        &self,
        candidates: &Candidates,
        gathered: &Gathered<T::Gathered>,
    ) -> bool {
        let Gathered { search, .. } = gathered;
        !self.matching.tells_missing()
            && search.is_settled()
            && !self.matching.asks_for_names(candidates)
    }

    fn untold(&self, gathered: &mut Gathered<T::Gathered>, name: &OsStr) {
        let note = |name: Name<'_>| self.matching.program.note_untold(&mut gathered.search, name);
        NameDecoder::with(self.decoder.as_ref(), name, note);
    }

    fn listed(
        &mut self,
        location: Location<'_, ScanState<T>>,
        mut candidates: Candidates,
        gathered: Gathered<T::Gathered>,
        is_whole: bool,
        results: &mut ResultSender<T>,
    ) -> ScanState<T> {
        let Location { parent, depth, .. } = location;
        let ScanVisitor { matching, settled, .. } = self;
        let Gathered { search, mut more } = gathered;
        settled.clear();
        let name = candidates.take_name();
        let mut state = matching.listed(parent, depth, candidates, &search, is_whole, settled);
        let standing = if matching.outermost {
            let parent = parent.map(|parent| &parent.state.standing);
            let may_match = depth <= matching.max_depth && state.may_match();
            Standing::new(parent, !settled.matched.is_empty(), may_match)
        } else {
            Standing::default()
        };
        let visits_below = matching.visits_depth(depth + 1) && !standing.is_covered();
        let state_of = &mut state;
        more.note(
            matching,
            Facts { parent, depth, name, is_whole, visits_below, state: state_of, settled },
        );
        self.gathered = more;
        self.tell_settled(location, &standing, &self.settled, results);
        ScanState { matching: state, standing }
    }

    fn depends_on_any(&self, state: &ScanState<T>) -> bool {
        state.matching.depends_on_any()
    }

    fn depends_on(&mut self, state: &ScanState<T>, name: &OsStr) -> bool {
        let depends = |name: Name<'_>| self.matching.depends_on(&state.matching, name);
        NameDecoder::with(self.decoder.as_ref(), name, depends)
    }

    fn wait_for(
        &self,
        location: Location<'_, ScanState<T>>,
        state: &mut ScanState<T>,
        count: usize,
        results: &mut ResultSender<T>,
    ) {
        let Location { parent, depth, .. } = location;
        let sending = self.sending(results);
        let settled = self.matching.wait_for(parent, depth, &mut state.matching, count, sending);
        if let Some(settled) = settled {
            self.tell_settled(location, &state.standing, &settled, results);
        }
        if count == 0 {
            state.standing.closed(&mut |report| Self::send(report, results));
        }
    }

    fn absent(
        &self,
        parent: &Arc<Dir<ScanState<T>>>,
        candidates: Candidates,
        results: &mut ResultSender<T>,
    ) {
        self.matching.absent(parent, candidates, self.sending(results));
    }

    fn not_read(
        &self,
        parent: &Arc<Dir<ScanState<T>>>,
        candidates: Candidates,
        results: &mut ResultSender<T>,
    ) {
        self.matching.not_read(parent, candidates, self.sending(results));
    }

    fn not_entered(
        &self,
        parent: &Arc<Dir<ScanState<T>>>,
        candidates: Candidates,
        results: &mut ResultSender<T>,
    ) {
        self.matching.not_entered(parent, candidates, self.sending(results));
    }

    fn link_not_followed(
        &self,
        parent: &Arc<Dir<ScanState<T>>>,
        candidates: Candidates,
        results: &mut ResultSender<T>,
    ) {
        self.matching.link_not_followed(parent, candidates, self.sending(results));
    }
}
