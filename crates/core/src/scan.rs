//! The scan of a local tree: it is walked and matched in one pass.

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::matching::{Candidates, MatchState, Matching, Outcome, Settled, TreeNode};
use crate::outermost::{Report, Standing};
use crate::program::FileSearch;
use crate::traversal::{Dir, Location, Naming, Need, Options, ResultSender, Results, Visitor};
use crate::{Error, ExcludeRules, Name, NameDecoder, PatternSet};

/// A directory that matches a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Match {
    path: PathBuf,
    pattern: usize,
}

impl Match {
    /// The directory's path: absolute, with the source's links resolved. If the source's
    /// path without links does not lead to it, as for `/proc/PID/root/...`, the absolute
    /// path as it was given takes its place.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory's path, by value.
    pub fn into_path(self) -> PathBuf {
        self.path
    }

    /// The position of the pattern among those given to [`Scan::new`]. Of equal patterns, it
    /// is that of the first.
    pub fn pattern(&self) -> usize {
        self.pattern
    }
}

/// A scan that is not started yet: a source, patterns and options.
///
/// A scan finds all directories at and below the source that match a pattern, in one
/// parallel pass in which each directory is opened once. Matches come as they are found,
/// in no particular order, each once. The source itself is a candidate.
///
/// Whatever goes wrong below the source is an error in the place of a result, and the
/// iteration goes on after it. A match that is reported is true whatever went wrong
/// elsewhere.
///
/// # Example
///
/// ```
/// use pathvein_core::{FileStructurePattern, Scan};
///
/// # let dir = tempfile::tempdir()?;
/// # std::fs::create_dir_all(dir.path().join("lab/run_1/data"))?;
/// # std::fs::write(dir.path().join("lab/run_1/config.json"), "")?;
/// # std::fs::write(dir.path().join("lab/run_1/data/a.parquet"), "")?;
/// # let source = dir.path();
/// let data = FileStructurePattern::builder("data").file("*.parquet").build()?;
/// let run = FileStructurePattern::builder("run_*").file("config.json").directory(data).build()?;
///
/// for found in Scan::new(source, &[run]) {
///     match found {
///         Ok(found) => println!("{}", found.path().display()),
///         Err(error) => eprintln!("{error}"),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a scan does nothing until it is iterated over"]
pub struct Scan {
    source: PathBuf,
    patterns: PatternSet,
    options: Options,
    outermost: bool,
    decoder: Option<NameDecoder>,
}

impl Scan {
    /// A scan of `source` for `patterns`, with default options: no exclude rules, no depth
    /// limit, links are not followed, file systems are crossed, as many threads as there
    /// are processors.
    ///
    /// The patterns are a [`PatternSet`], or one or more
    /// [`FileStructurePattern`](crate::FileStructurePattern)s, of which one is made. Equal
    /// patterns are one: the first stands for all.
    pub fn new(source: impl Into<PathBuf>, patterns: impl Into<PatternSet>) -> Scan {
        let (source, patterns) = (source.into(), patterns.into());
        Scan { source, patterns, options: Options::default(), outermost: false, decoder: None }
    }

    /// Leaves out what the rules exclude. Earlier rules are replaced. Default: nothing is
    /// excluded.
    pub fn exclude(mut self, rules: ExcludeRules) -> Self {
        self.options.exclude = rules;
        self
    }

    /// Whether to enter links to directories. Default: no.
    ///
    /// A link that leads back to an ancestor is not entered; it gives a
    /// [`Loop`](crate::ErrorKind::Loop) error. Two links to one directory are two visits,
    /// with two paths. A way leads through 40 links at most; the next is an
    /// [`Io`](crate::ErrorKind::Io) error (`ELOOP`). Links that are not entered are still listed, among the
    /// directories.
    pub fn follow_links(mut self, yes: bool) -> Self {
        self.options.follow_links = yes;
        self
    }

    /// Whether to stay on the file system of the source. Mount points are then listed but
    /// not entered. Default: no.
    pub fn one_file_system(mut self, yes: bool) -> Self {
        self.options.one_file_system = yes;
        self
    }

    /// How many threads to use at most, up to 1,024. Default, and with `None` or 0: as many
    /// as there are processors. They are started when there is work for them, no more than
    /// the limit of open files allows, and end with this one traversal.
    pub fn threads(mut self, threads: impl Into<Option<usize>>) -> Self {
        self.options.threads = threads.into().and_then(NonZeroUsize::new);
        self
    }

    /// How to read names on disk that are not UTF-8. Default, and with `None`: as [`Name`]
    /// says.
    ///
    /// Globs and exclude rules then match the text that it makes of them; results name the
    /// bytes as before.
    pub fn decode_names(mut self, decoder: impl Into<Option<NameDecoder>>) -> Self {
        self.decoder = decoder.into();
        self
    }

    /// Whether to use the portable lister.
    #[cfg(feature = "test-hooks")]
    #[doc(hidden)]
    pub fn portable_lister(mut self, yes: bool) -> Self {
        self.options.portable = yes;
        self
    }

    /// Whether to ignore the types that listings tell.
    #[cfg(feature = "test-hooks")]
    #[doc(hidden)]
    pub fn untyped_lister(mut self, yes: bool) -> Self {
        self.options.untyped = yes;
        self
    }

    /// Scans this tree, whatever is at the path of the source.
    #[cfg(all(feature = "test-hooks", unix))]
    #[doc(hidden)]
    pub fn made_up(mut self, tree: crate::MadeUp) -> Self {
        crate::traversal::made_up::plant(self.source.clone(), tree.into());
        self.options.made_up = true;
        self
    }

    /// The depth of the deepest matches; 0 is the source alone. Default, and with `None`:
    /// no limit.
    ///
    /// Below that depth, a directory is opened only if a match above it asks for
    /// something inside.
    pub fn max_depth(mut self, depth: impl Into<Option<usize>>) -> Self {
        self.options.max_depth = depth.into();
        self
    }

    /// Whether to find only the outermost matches: those above which, up to the source, no
    /// directory matches any of the patterns. Default: no.
    ///
    /// Below a directory that is known to match, only what its other patterns or those above
    /// still ask for is entered. A match comes when nothing above it may match any more, so
    /// it may wait for others. An error that hides a match shows those below it, which are
    /// true as well.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{FileStructurePattern, Scan};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # std::fs::create_dir_all(dir.path().join("project/vendor/other"))?;
    /// # std::fs::write(dir.path().join("project/pyproject.toml"), "")?;
    /// # std::fs::write(dir.path().join("project/vendor/other/pyproject.toml"), "")?;
    /// # let source = dir.path();
    /// let project = FileStructurePattern::builder("*").file("pyproject.toml").build()?;
    /// let found: Vec<_> =
    ///     Scan::new(source, &[project]).outermost(true).into_iter().collect::<Result<_, _>>()?;
    /// assert_eq!(found.len(), 1);
    /// assert!(found[0].path().ends_with("project"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn outermost(mut self, yes: bool) -> Self {
        self.outermost = yes;
        self
    }

    /// Starts the scan. The source is opened by this call, which waits as
    /// long as that takes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the source does not exist, is
    /// no directory or cannot be read, with the path as it was given; or if the
    /// first worker thread cannot be started.
    /// [`ErrorKind::ExcludeRule`](crate::ErrorKind::ExcludeRule) for an exclude rule that
    /// begins with the path of the source and so can match nothing.
    pub fn start(self) -> Result<Matches, Error> {
        let Scan { source, patterns, mut options, outermost, decoder } = self;
        options.exclude.decoder.clone_from(&decoder);
        let max_depth = options.max_depth.unwrap_or(usize::MAX);
        let matching = Matching::new(patterns.into_program(), max_depth, outermost);
        let visitor = ScanVisitor { matching, settled: Settled::default(), decoder };
        let exclude = options.exclude.clone();
        let matches = Results::start(visitor, options, &source, Naming::Resolved)?;
        exclude.check_source(&source)?;
        Ok(matches)
    }
}

/// A running scan: an iterator over the matches. Dropping it stops the workers.
pub type Matches = Results<Match>;

impl IntoIterator for Scan {
    type Item = Result<Match, Error>;
    type IntoIter = Matches;

    /// [Starts](Scan::start) the scan. If that fails, the error is the only result.
    fn into_iter(self) -> Matches {
        self.start().unwrap_or_else(Results::only_error)
    }
}

/// The visitor of a scan.
#[derive(Clone)]
struct ScanVisitor {
    matching: Matching,
    /// A buffer for what is known of the patterns of one directory.
    settled: Settled,
    decoder: Option<NameDecoder>,
}

impl ScanVisitor {
    /// Tells of each pattern that a directory matches.
    fn tell(path: PathBuf, patterns: &[usize], mut tell: impl FnMut(Report<Match>)) {
        let Some((&last, others)) = patterns.split_last() else { return };
        for &pattern in others {
            tell(Report::Match(Match { path: path.clone(), pattern }));
        }
        tell(Report::Match(Match { path, pattern: last }));
    }

    /// Sends what belongs to the outcome.
    fn send(report: Report<Match>, results: &mut ResultSender<Match>) {
        match report {
            Report::Match(found) => {
                results.stats.matches += 1;
                let weight = 1 + found.path.as_os_str().len() / 256;
                results.send(found, weight);
            }
            Report::HiddenByLinks(count) => results.stats.hidden_by_links += count,
        }
    }

    /// Tells of the patterns that are settled of one directory.
    #[inline]
    fn tell_settled(
        location: Location<'_, ScanState>,
        standing: &Standing<Match>,
        settled: &Settled,
        results: &mut ResultSender<Match>,
    ) {
        if settled.matched.is_empty() {
            return;
        }
        let parent = location.parent.map(|parent| &parent.state.standing);
        let mut send = |report| Self::send(report, results);
        Self::tell(location.path(), &settled.matched, |report| {
            standing.take_own(parent, report, &mut send);
        });
    }

    /// A function that takes what is known of directories that are not just listed.
    fn sending(
        results: &mut ResultSender<Match>,
    ) -> impl FnMut(&Arc<Dir<ScanState>>, &[usize], Outcome) {
        |dir, patterns, outcome| {
            let standing = &dir.state.standing;
            let parent = dir.parent().map(|parent| &parent.state.standing);
            let mut send = |report| Self::send(report, results);
            match outcome {
                Outcome::Matched => Self::tell(dir.path(), patterns, |report| {
                    standing.take_own(parent, report, &mut send);
                }),
                Outcome::HiddenByLinks => {
                    let report = Report::HiddenByLinks(patterns.len());
                    standing.take_own(parent, report, &mut send);
                }
                Outcome::CannotBeTold => {}
                Outcome::Closed => standing.closed(&mut send),
            }
        }
    }
}

/// What a scan keeps of a listed directory.
#[derive(Debug)]
struct ScanState {
    matching: MatchState,
    standing: Standing<Match>,
}

impl TreeNode for Dir<ScanState> {
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

impl Visitor for ScanVisitor {
    type Item = Match;
    type NameVerdict = Candidates;
    type Accumulator = FileSearch;
    type State = ScanState;

    fn judge(
        &mut self,
        parent: Option<&Dir<ScanState>>,
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

    fn visits_below(&self, state: &ScanState, depth: usize) -> bool {
        self.visits_depth(depth) && !state.standing.is_covered()
    }

    fn need(&self, parent: &Arc<Dir<ScanState>>, depth: usize, candidates: &Candidates) -> Need {
        if self.visits_below(&parent.state, depth) {
            Need::Visit
        } else if self.matching.outermost && !self.matching.is_asked_for(parent, candidates) {
            Need::Nothing
        } else if self.matching.looks_inside(candidates) {
            Need::Visit
        } else {
            Need::Presence
        }
    }

    fn visits_feeding_first(&self) -> bool {
        self.matching.outermost
    }

    fn decides(&self, state: &ScanState) -> bool {
        state.standing.is_undecided() && !state.standing.is_covered()
    }

    fn is_over(&self, state: &ScanState) -> bool {
        state.standing.is_covered()
    }

    fn feeds_parent(&self, state: &ScanState) -> bool {
        state.matching.feeds_parent()
    }

    fn begin(&mut self, candidates: &Candidates) -> FileSearch {
        self.matching.file_search(candidates)
    }

    fn asks_for_link(&self, search: &FileSearch, name: &OsStr) -> bool {
        let asks = |name: Name<'_>| self.matching.program.asks_for_link(search, name);
        NameDecoder::with(self.decoder.as_ref(), name, asks)
    }

    fn may_depend(&self, candidates: &Candidates) -> bool {
        self.matching.asks_for_directories(candidates)
    }

    #[inline]
    fn add_file(&self, search: &mut FileSearch, name: &OsStr) {
        let search = |name: Name<'_>| self.matching.program.search_file(search, name);
        NameDecoder::with(self.decoder.as_ref(), name, search);
    }

    #[inline]
    fn add_directory(&self, search: &mut FileSearch, name: &OsStr) {
        if search.has_questions() {
            let search = |name: Name<'_>| self.matching.program.search_directory(search, name);
            NameDecoder::with(self.decoder.as_ref(), name, search);
        }
    }

    fn untold(&self, search: &mut FileSearch, name: &OsStr) {
        let note = |name: Name<'_>| self.matching.program.note_untold(search, name);
        NameDecoder::with(self.decoder.as_ref(), name, note);
    }

    fn listed(
        &mut self,
        location: Location<'_, ScanState>,
        candidates: Candidates,
        search: FileSearch,
        is_whole: bool,
        results: &mut ResultSender<Match>,
    ) -> ScanState {
        let Location { parent, depth, .. } = location;
        let ScanVisitor { matching, settled, .. } = self;
        settled.clear();
        let state = matching.listed(parent, depth, candidates, &search, is_whole, settled);
        let standing = if matching.outermost {
            let parent = parent.map(|parent| &parent.state.standing);
            let may_match = depth <= matching.max_depth && state.may_match();
            Standing::new(parent, !settled.matched.is_empty(), may_match)
        } else {
            Standing::default()
        };
        Self::tell_settled(location, &standing, &self.settled, results);
        ScanState { matching: state, standing }
    }

    fn depends_on_any(&self, state: &ScanState) -> bool {
        state.matching.depends_on_any()
    }

    fn depends_on(&mut self, state: &ScanState, name: &OsStr) -> bool {
        let depends = |name: Name<'_>| self.matching.depends_on(&state.matching, name);
        NameDecoder::with(self.decoder.as_ref(), name, depends)
    }

    fn wait_for(
        &self,
        location: Location<'_, ScanState>,
        state: &mut ScanState,
        count: usize,
        results: &mut ResultSender<Match>,
    ) {
        let Location { parent, depth, .. } = location;
        let sending = Self::sending(results);
        let settled = self.matching.wait_for(parent, depth, &mut state.matching, count, sending);
        if let Some(settled) = settled {
            Self::tell_settled(location, &state.standing, &settled, results);
        }
        if count == 0 {
            state.standing.closed(&mut |report| Self::send(report, results));
        }
    }

    fn absent(
        &self,
        parent: &Arc<Dir<ScanState>>,
        candidates: Candidates,
        results: &mut ResultSender<Match>,
    ) {
        self.matching.absent(parent, candidates, Self::sending(results));
    }

    fn not_read(
        &self,
        parent: &Arc<Dir<ScanState>>,
        candidates: Candidates,
        results: &mut ResultSender<Match>,
    ) {
        self.matching.not_read(parent, candidates, Self::sending(results));
    }

    fn not_entered(
        &self,
        parent: &Arc<Dir<ScanState>>,
        candidates: Candidates,
        results: &mut ResultSender<Match>,
    ) {
        self.matching.not_entered(parent, candidates, Self::sending(results));
    }

    fn link_not_followed(
        &self,
        parent: &Arc<Dir<ScanState>>,
        candidates: Candidates,
        results: &mut ResultSender<Match>,
    ) {
        self.matching.link_not_followed(parent, candidates, Self::sending(results));
    }
}
