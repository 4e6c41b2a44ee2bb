//! The scan of a local tree: it is walked and matched in one pass.

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::matching::{Candidates, MatchState, Matching, Outcome, Settled, TreeNode};
use crate::program::FileSearch;
use crate::traversal::{Dir, Location, Naming, Options, ResultSender, Results, Visitor};
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
        Scan { source, patterns, options: Options::default(), decoder: None }
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
        let Scan { source, patterns, mut options, decoder } = self;
        options.exclude.decoder.clone_from(&decoder);
        let max_depth = options.max_depth.unwrap_or(usize::MAX);
        let matching = Matching::new(patterns.into_program(), max_depth);
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
    fn send(&self, path: PathBuf, patterns: &[usize], results: &mut ResultSender<Match>) {
        results.stats.matches += patterns.len();
        let Some((&last, others)) = patterns.split_last() else { return };
        let weight = 1 + path.as_os_str().len() / 256;
        for &pattern in others {
            results.send(Match { path: path.clone(), pattern }, weight);
        }
        results.send(Match { path, pattern: last }, weight);
    }

    /// Sends what is settled of one directory.
    #[inline]
    fn send_matched(
        &self,
        location: Location<'_, MatchState>,
        settled: &Settled,
        results: &mut ResultSender<Match>,
    ) {
        if !settled.matched.is_empty() {
            self.send(location.path(), &settled.matched, results);
        }
    }

    /// A function that sends the matches of directories that are closed, and counts those
    /// that links hide.
    fn sending<'a>(
        &'a self,
        results: &'a mut ResultSender<Match>,
    ) -> impl FnMut(&Arc<Dir<MatchState>>, &[usize], Outcome) + 'a {
        |dir, patterns, outcome| match outcome {
            Outcome::Matched => self.send(dir.path(), patterns, results),
            Outcome::HiddenByLinks => results.stats.hidden_by_links += patterns.len(),
            Outcome::CannotBeTold => {}
        }
    }
}

impl TreeNode for Dir<MatchState> {
    fn parent(&self) -> Option<&Arc<Self>> {
        self.parent()
    }

    fn depth(&self) -> usize {
        self.depth
    }

    fn state(&self) -> &MatchState {
        &self.state
    }
}

impl Visitor for ScanVisitor {
    type Item = Match;
    type NameVerdict = Candidates;
    type Accumulator = FileSearch;
    type State = MatchState;

    fn judge(
        &mut self,
        parent: Option<&Dir<MatchState>>,
        name: &OsStr,
        feeds_parent: bool,
    ) -> Candidates {
        let depth = parent.map_or(0, |parent| parent.depth + 1);
        let parent = parent.map(|parent| &parent.state);
        NameDecoder::with(self.decoder.as_ref(), name, |name| {
            self.matching.candidates(parent, depth, name, feeds_parent)
        })
    }

    fn visits_depth(&self, depth: usize) -> bool {
        self.matching.visits_depth(depth)
    }

    fn must_visit(&self, candidates: &Candidates) -> bool {
        self.matching.looks_inside(candidates)
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
        if search.asks_for_directories() {
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
        location: Location<'_, MatchState>,
        candidates: Candidates,
        search: FileSearch,
        is_whole: bool,
        results: &mut ResultSender<Match>,
    ) -> MatchState {
        let Location { parent, depth, .. } = location;
        let ScanVisitor { matching, settled, .. } = self;
        settled.clear();
        let state = matching.listed(parent, depth, candidates, &search, is_whole, settled);
        self.send_matched(location, &self.settled, results);
        state
    }

    fn depends_on_any(&self, state: &MatchState) -> bool {
        state.depends_on_any()
    }

    fn depends_on(&mut self, state: &MatchState, name: &OsStr) -> bool {
        let depends = |name: Name<'_>| self.matching.depends_on(state, name);
        NameDecoder::with(self.decoder.as_ref(), name, depends)
    }

    fn wait_for(
        &self,
        location: Location<'_, MatchState>,
        state: &mut MatchState,
        count: usize,
        results: &mut ResultSender<Match>,
    ) {
        let Location { parent, depth, .. } = location;
        let sending = self.sending(results);
        if let Some(settled) = self.matching.wait_for(parent, depth, state, count, sending) {
            self.send_matched(location, &settled, results);
        }
    }

    fn absent(
        &self,
        parent: &Arc<Dir<MatchState>>,
        candidates: Candidates,
        results: &mut ResultSender<Match>,
    ) {
        self.matching.absent(parent, candidates, self.sending(results));
    }

    fn not_read(
        &self,
        parent: &Arc<Dir<MatchState>>,
        candidates: Candidates,
        results: &mut ResultSender<Match>,
    ) {
        self.matching.not_read(parent, candidates, self.sending(results));
    }

    fn not_entered(
        &self,
        parent: &Arc<Dir<MatchState>>,
        candidates: Candidates,
        results: &mut ResultSender<Match>,
    ) {
        self.matching.not_entered(parent, candidates, self.sending(results));
    }

    fn link_not_followed(
        &self,
        parent: &Arc<Dir<MatchState>>,
        candidates: Candidates,
        results: &mut ResultSender<Match>,
    ) {
        self.matching.link_not_followed(parent, candidates, self.sending(results));
    }
}
