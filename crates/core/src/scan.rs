//! The scan of a local tree: walking and matching in one pass.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::matching::{Candidates, Linked, MatchState, Matching, Progress};
use crate::program::{FileSearch, Program};
use crate::traversal::{
    Dir, Options, Outlet, Place, Stream, Visitor, option_methods, resolve, stream_iterator,
};
use crate::{Error, FileStructurePattern, Name};

/// A directory that matches a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Match {
    path: PathBuf,
    pattern: usize,
}

impl Match {
    /// The directory: absolute, the source's links resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory, by value.
    pub fn into_path(self) -> PathBuf {
        self.path
    }

    /// The position of the pattern in the slice given to [`Scan::new`]: of equal
    /// ones that of the first.
    pub fn pattern(&self) -> usize {
        self.pattern
    }
}

/// A scan to be: a source, patterns and options.
///
/// It finds all directories at and below the source that match a pattern, in
/// one parallel pass in which each directory is opened once. Matches are handed
/// out as they are found, in no particular order, each once. The source itself
/// is a candidate.
///
/// What goes wrong below the source is an error in place of a result, after
/// which the iteration goes on; a match that is reported is true whatever went
/// wrong elsewhere.
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
    patterns: Vec<FileStructurePattern>,
    options: Options,
}

impl Scan {
    /// A scan of `source` for `patterns`, with default options: no exclude
    /// rules, no depth limit, links not followed, file systems crossed, as many
    /// threads as there are processors.
    ///
    /// Patterns that are equal are one: the first stands for all.
    pub fn new(source: impl Into<PathBuf>, patterns: &[FileStructurePattern]) -> Scan {
        Scan { source: source.into(), patterns: patterns.to_vec(), options: Options::default() }
    }

    option_methods!();

    /// How deep a match may start: 0 is the source alone. Default, and with
    /// `None`: no limit.
    ///
    /// Below that depth, a directory is opened only if a match that starts
    /// above asks for something inside it.
    pub fn max_depth(mut self, depth: Option<usize>) -> Self {
        self.options.max_depth = depth;
        self
    }

    /// Starts the scan.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the source does not exist, is
    /// no directory or cannot be read, with the path as it was given; or if the
    /// worker threads cannot be started.
    pub fn start(self) -> Result<Matches, Error> {
        let Scan { source, patterns, options } = self;
        let path = resolve(&source)?;
        let visitor = Matcher::new(patterns, options.max_depth);
        let name = path.file_name().unwrap_or_default();
        let stream = Stream::start(visitor, options, &path, name)
            .map_err(|error| error.with_path(source))?;
        Ok(Matches { stream })
    }
}

impl IntoIterator for Scan {
    type Item = Result<Match, Error>;
    type IntoIter = Matches;

    /// [Starts](Scan::start) the scan; an error in that is the only result.
    fn into_iter(self) -> Matches {
        self.start().unwrap_or_else(|error| Matches { stream: Stream::failed(error) })
    }
}

/// A running scan: an iterator over the matches. Dropping it stops the workers.
pub struct Matches {
    stream: Stream<Match>,
}

stream_iterator!(Matches, Match);

/// The visitor that matches.
#[derive(Clone)]
struct Matcher {
    matching: Matching,
    /// For each distinct pattern its position in what was given.
    originals: Arc<[usize]>,
    /// The patterns that the last directory matched.
    matched: Vec<usize>,
}

impl Matcher {
    fn new(patterns: Vec<FileStructurePattern>, max_depth: Option<usize>) -> Matcher {
        let mut seen = HashSet::new();
        let (originals, distinct): (Vec<_>, Vec<_>) = patterns
            .into_iter()
            .enumerate()
            .filter(|(_, pattern)| seen.insert(pattern.clone()))
            .unzip();
        let program = Arc::new(Program::new(&distinct));
        let matching = Matching::new(program, max_depth.unwrap_or(usize::MAX));
        Matcher { matching, originals: originals.into(), matched: Vec::new() }
    }

    fn found(&self, path: PathBuf, patterns: &[usize], out: &mut Outlet<Match>) {
        out.stats.matches += patterns.len();
        let Some((&last, others)) = patterns.split_last() else { return };
        let weight = 1 + path.as_os_str().len() / 256;
        for &pattern in others {
            out.found(Match { path: path.clone(), pattern: self.originals[pattern] }, weight);
        }
        out.found(Match { path, pattern: self.originals[last] }, weight);
    }
}

impl Linked for Dir<MatchState> {
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

impl Visitor for Matcher {
    type Item = Match;
    type Prospect = Candidates;
    type Listing = FileSearch;
    type Listed = Progress;
    type State = MatchState;

    fn source(&mut self, name: &OsStr) -> Candidates {
        self.matching.source(Name::from(name))
    }

    fn prospect(&mut self, parent: &Dir<MatchState>, name: &OsStr, awaited: bool) -> Candidates {
        self.matching.candidates(&parent.state, parent.depth + 1, Name::from(name), awaited)
    }

    fn reaches(&self, depth: usize) -> bool {
        depth <= self.matching.max_depth && !self.matching.program.is_empty()
    }

    fn insists(&self, candidates: &Candidates) -> bool {
        self.matching.look_inside(candidates)
    }

    fn listing(&mut self, candidates: &Candidates) -> FileSearch {
        self.matching.file_search(candidates)
    }

    fn directory(&self, _: &mut FileSearch, _: &OsStr) {}

    #[inline]
    fn file(&self, search: &mut FileSearch, name: &OsStr) {
        self.matching.program.search_file(search, name);
    }

    fn listed(
        &mut self,
        place: Place<'_, MatchState>,
        candidates: Candidates,
        search: FileSearch,
        out: &mut Outlet<Match>,
    ) -> Progress {
        let Matcher { matching, matched, .. } = self;
        matched.clear();
        let progress = matching.listed(place.parent, place.depth, candidates, &search, matched);
        if !matched.is_empty() {
            self.found(place.path(), &self.matched, out);
        }
        progress
    }

    fn awaits_any(&self, progress: &Progress) -> bool {
        progress.awaited().is_some()
    }

    fn awaits(&mut self, progress: &Progress, name: &OsStr) -> bool {
        progress.awaited().is_some_and(|awaited| self.matching.may_report(awaited, name.into()))
    }

    fn state(&self, progress: Progress, awaited: usize) -> MatchState {
        self.matching.state(progress, awaited)
    }

    fn ended(
        &self,
        parent: Option<&Arc<Dir<MatchState>>>,
        progress: &Progress,
        out: &mut Outlet<Match>,
    ) {
        self.matching.ended(parent, progress, |dir, matched| self.found(dir.path(), matched, out));
    }

    fn absent(
        &self,
        parent: &Arc<Dir<MatchState>>,
        candidates: Candidates,
        out: &mut Outlet<Match>,
    ) {
        self.matching
            .absent(parent, candidates, |dir, matched| self.found(dir.path(), matched, out));
    }

    fn not_entered(
        &self,
        parent: &Arc<Dir<MatchState>>,
        candidates: Candidates,
        out: &mut Outlet<Match>,
    ) {
        self.matching
            .not_entered(parent, candidates, |dir, matched| self.found(dir.path(), matched, out));
    }
}
