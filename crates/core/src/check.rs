//! The check of a local tree: which directories are complete, and what the others lack.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checking::{Checklists, Findings, Gathering, Purpose};
use crate::matching::{Candidates, Matching, Noted, TreeNode};
use crate::program::Program;
use crate::scan_visitor::{Facts, Gathers, Tells};
use crate::traversal::Results;
use crate::{
    Error, ExcludeRules, FileStructurePattern, Finding, Name, NameDecoder, PatternSet, Scan,
};

/// A directory that was held against a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    path: PathBuf,
    pattern: usize,
    findings: Findings,
}

impl Checked {
    /// The directory's path, as [`Match::path`](crate::Match::path) tells it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The position of the pattern among those given. Of equal patterns, it is that of the
    /// first.
    pub fn pattern(&self) -> usize {
        self.pattern
    }

    /// Whether the directory matches: nothing is missing, and nothing is unknown.
    pub fn is_complete(&self) -> bool {
        self.findings.is_complete()
    }

    /// What became of the requirements, in the order of the pattern: of a check, of those that
    /// do not hold; of an explanation, of all.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// The requirements that do not hold.
    pub fn missing(&self) -> impl Iterator<Item = &Finding> {
        self.findings.missing()
    }

    /// The requirements of which it cannot be told, as something could not be read.
    pub fn unknown(&self) -> impl Iterator<Item = &Finding> {
        self.findings.unknown()
    }

    /// The path, the position of the pattern and the findings, by value.
    pub fn into_parts(self) -> (PathBuf, usize, Findings) {
        (self.path, self.pattern, self.findings)
    }
}

impl Tells for Checked {
    type Gathered = Gathered;

    fn matched(path: PathBuf, pattern: usize) -> Checked {
        Checked { path, pattern, findings: Findings::default() }
    }

    fn checked(path: PathBuf, pattern: usize, findings: Findings) -> Option<Checked> {
        Some(Checked { path, pattern, findings })
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn is_complete(&self) -> bool {
        self.findings.is_complete()
    }

    fn into_parts(self) -> (PathBuf, usize, Option<Findings>) {
        let findings = (!self.is_complete()).then_some(self.findings);
        (self.path, self.pattern, findings)
    }
}

/// The names that were listed, and what they are looked at for.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    names: Gathering,
    lists: Box<[u32]>,
}

impl Clone for Gathered {
    /// Each worker gathers for itself.
    fn clone(&self) -> Gathered {
        Gathered::default()
    }
}

impl Gathers for Gathered {
    fn begin(&mut self, candidates: &Candidates) {
        self.names.clear();
        self.lists = candidates.lists().into();
    }

    /// Where nothing is missing, a link may be what is missing one level up or down.
    fn asks_for_link(&self, matching: &Matching, name: Name<'_>) -> bool {
        let is_telling = |checklists: &Checklists| checklists.asks_for(name);
        !self.lists.is_empty() || matching.program.checklists().is_some_and(is_telling)
    }

    #[inline]
    fn add(&mut self, matching: &Matching, name: &OsStr, is_directory: bool) {
        if let Some(checklists) = matching.program.checklists() {
            let (decoder, name) = (matching.decoder.as_ref(), Name::from(name));
            self.names.add(checklists, &self.lists, decoder, name, is_directory);
        }
    }

    fn note<N: TreeNode>(&mut self, matching: &Matching, facts: Facts<'_, N>) {
        let Facts { parent, depth, name, is_whole, visits_below, state, settled } = facts;
        let noted = Noted { name, gathering: &mut self.names, is_whole, visits_below };
        matching.note(parent, depth, state, settled, noted);
    }
}

/// A check that is not started yet: a source, patterns and options.
///
/// A check is a scan that also tells of the directories that do not match, and what they lack,
/// in the same single pass. It tells of each *candidate*: a directory whose name passes that of
/// a pattern; where any name would, one at which some requirement with a `min` above 0 holds
/// (every directory, if there is none such). What it tells comes in no particular order, each
/// once.
///
/// Whatever goes wrong below the source is an error in the place of a result. A requirement
/// whose answer depends on what could not be read is *unknown*.
///
/// # Example
///
/// ```
/// use pathvein_core::{Check, FileStructurePattern};
///
/// # let dir = tempfile::tempdir()?;
/// # std::fs::create_dir_all(dir.path().join("lab/run_1/data"))?;
/// # std::fs::write(dir.path().join("lab/run_1/Config.json"), "")?;
/// # std::fs::write(dir.path().join("lab/run_1/data/a.parquet"), "")?;
/// # let source = dir.path();
/// let data = FileStructurePattern::builder("data").file("*.parquet").build()?;
/// let run = FileStructurePattern::builder("run_*").file("config.json").directory(data).build()?;
///
/// for checked in Check::new(source, &[run]) {
///     let checked = checked?;
///     assert!(!checked.is_complete());
///     let missing: Vec<_> = checked.missing().collect();
///     assert_eq!(missing.len(), 1);
///     assert_eq!(missing[0].place.to_string(), "files[0]");
///     let closest = missing[0].closest.as_ref().unwrap();
///     assert_eq!((closest.reason.as_str(), closest.path.to_string()), ("case", "Config.json".into()));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a check does nothing until it is iterated over"]
pub struct Check {
    scan: Scan,
    patterns: PatternSet,
}

/// A running check: an iterator over what it tells. Dropping it stops the workers. Its stats
/// count the complete ones as matches.
pub type Checks = Results<Checked>;

impl Check {
    /// A check of `source` for `patterns`, with the default options of
    /// [`Scan::new`](crate::Scan::new).
    pub fn new(source: impl Into<PathBuf>, patterns: impl Into<PatternSet>) -> Check {
        let patterns = patterns.into();
        Check { scan: Scan::new(source, &patterns), patterns }
    }

    /// Leaves out what the rules exclude, as [`Scan::exclude`](crate::Scan::exclude) does.
    pub fn exclude(self, rules: ExcludeRules) -> Self {
        Check { scan: self.scan.exclude(rules), ..self }
    }

    /// Whether to enter links to directories, as
    /// [`Scan::follow_links`](crate::Scan::follow_links) tells. Default: no.
    pub fn follow_links(self, yes: bool) -> Self {
        Check { scan: self.scan.follow_links(yes), ..self }
    }

    /// Whether to stay on the file system of the source. Default: no.
    pub fn one_file_system(self, yes: bool) -> Self {
        Check { scan: self.scan.one_file_system(yes), ..self }
    }

    /// Whether a directory that nothing asks to look into may be left unopened, as
    /// [`Scan::leaf_skip`](crate::Scan::leaf_skip) tells. Default: yes.
    pub fn leaf_skip(self, yes: bool) -> Self {
        Check { scan: self.scan.leaf_skip(yes), ..self }
    }

    /// Whether the link counts of directories are trusted on all file systems, as
    /// [`Scan::trust_link_counts`](crate::Scan::trust_link_counts) tells. Default: no.
    pub fn trust_link_counts(self, yes: bool) -> Self {
        Check { scan: self.scan.trust_link_counts(yes), ..self }
    }

    /// How many threads to use at most, as [`Scan::threads`](crate::Scan::threads) tells.
    pub fn threads(self, threads: impl Into<Option<usize>>) -> Self {
        Check { scan: self.scan.threads(threads), ..self }
    }

    /// How to read names on disk that are not UTF-8, as
    /// [`Scan::decode_names`](crate::Scan::decode_names) tells.
    pub fn decode_names(self, decoder: impl Into<Option<NameDecoder>>) -> Self {
        Check { scan: self.scan.decode_names(decoder), ..self }
    }

    /// The depth of the deepest candidates; 0 is the source alone. Default, and with `None`:
    /// no limit.
    pub fn max_depth(self, depth: impl Into<Option<usize>>) -> Self {
        Check { scan: self.scan.max_depth(depth), ..self }
    }

    /// Whether to tell only of directories above which, up to the source, none is complete.
    /// Default: no.
    pub fn outermost(self, yes: bool) -> Self {
        Check { scan: self.scan.outermost(yes), ..self }
    }

    /// Changes the options that only tests have.
    #[cfg(feature = "test-hooks")]
    #[doc(hidden)]
    pub fn with(self, change: impl FnOnce(Scan) -> Scan) -> Self {
        Check { scan: change(self.scan), ..self }
    }

    /// The scan that it is, and the program that tells what is missing.
    pub(crate) fn into_parts(self) -> (Scan, Arc<Program>) {
        (self.scan, self.patterns.checking_program())
    }

    /// Starts the check. The source is opened by this call, which waits as long as that takes.
    ///
    /// # Errors
    ///
    /// Those of [`Scan::start`](crate::Scan::start).
    pub fn start(self) -> Result<Checks, Error> {
        let (scan, program) = self.into_parts();
        scan.start_with(program)
    }
}

impl IntoIterator for Check {
    type Item = Result<Checked, Error>;
    type IntoIter = Checks;

    /// [Starts](Check::start) the check. If that fails, the error is the only result.
    fn into_iter(self) -> Checks {
        self.start().unwrap_or_else(Results::only_error)
    }
}

/// An explanation of one directory that is not begun yet: what becomes of each requirement of
/// a pattern there.
///
/// It tells of the directory whatever its name, of all requirements, what meets them, and of
/// optional ones too. The directory matches if and only if
/// [nothing is missing or unknown](Checked::is_complete).
///
/// # Example
///
/// ```
/// use pathvein_core::{Answer, Explain, FileStructurePattern};
///
/// # let dir = tempfile::tempdir()?;
/// # let run_1 = dir.path().join("run_1");
/// # std::fs::create_dir_all(run_1.join("old"))?;
/// # std::fs::write(run_1.join("a.csv"), "")?;
/// # std::fs::write(run_1.join("old/config.json"), "")?;
/// let run = FileStructurePattern::builder("run_*").file("config.json").file("*.csv").build()?;
///
/// let (explained, errors) = Explain::new(&run_1, &run).explain()?;
/// assert!(errors.is_empty() && !explained.is_complete());
/// let [name, config, table] = &explained.findings()[..] else { panic!() };
/// assert_eq!((name.answer, table.answer), (Answer::Met, Answer::Met));
/// assert_eq!(table.found[0].to_string(), "a.csv");
/// assert_eq!(config.closest.as_ref().unwrap().path.to_string(), "old/config.json");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "an explanation is nothing until it is asked for"]
pub struct Explain {
    scan: Scan,
    pattern: FileStructurePattern,
}

impl Explain {
    /// An explanation of the directory at `path` by a pattern, with the default options of
    /// [`Scan::new`](crate::Scan::new).
    pub fn new(path: impl Into<PathBuf>, pattern: &FileStructurePattern) -> Explain {
        let scan = Scan::new(path, pattern).max_depth(0);
        Explain { scan, pattern: pattern.clone() }
    }

    /// Leaves out what the rules exclude, as [`Scan::exclude`](crate::Scan::exclude) does.
    pub fn exclude(self, rules: ExcludeRules) -> Self {
        Explain { scan: self.scan.exclude(rules), ..self }
    }

    /// Whether to enter links to directories, as
    /// [`Scan::follow_links`](crate::Scan::follow_links) tells. Default: no.
    pub fn follow_links(self, yes: bool) -> Self {
        Explain { scan: self.scan.follow_links(yes), ..self }
    }

    /// Whether to stay on the file system of the directory. Default: no.
    pub fn one_file_system(self, yes: bool) -> Self {
        Explain { scan: self.scan.one_file_system(yes), ..self }
    }

    /// How many threads to use at most, as [`Scan::threads`](crate::Scan::threads) tells.
    pub fn threads(self, threads: impl Into<Option<usize>>) -> Self {
        Explain { scan: self.scan.threads(threads), ..self }
    }

    /// How to read names on disk that are not UTF-8, as
    /// [`Scan::decode_names`](crate::Scan::decode_names) tells.
    pub fn decode_names(self, decoder: impl Into<Option<NameDecoder>>) -> Self {
        Explain { scan: self.scan.decode_names(decoder), ..self }
    }

    /// Changes the options that only tests have.
    #[cfg(feature = "test-hooks")]
    #[doc(hidden)]
    pub fn with(self, change: impl FnOnce(Scan) -> Scan) -> Self {
        Explain { scan: change(self.scan), ..self }
    }

    /// Begins the explanation, which is the one result besides errors.
    ///
    /// # Errors
    ///
    /// Those of [`Scan::start`](crate::Scan::start).
    pub fn start(self) -> Result<Checks, Error> {
        let patterns = std::slice::from_ref(&self.pattern);
        self.scan.start_with(Arc::new(Program::checking(patterns, Purpose::Explain)))
    }

    /// Explains. Returns what became of the requirements, and the errors below the directory.
    ///
    /// # Errors
    ///
    /// Those of [`Scan::start`](crate::Scan::start), and what kept the directory from being
    /// listed.
    pub fn explain(self) -> Result<(Checked, Vec<Error>), Error> {
        let (mut explained, mut errors) = (None, Vec::new());
        for result in self.start()? {
            match result {
                Ok(checked) => explained = Some(checked),
                Err(error) => errors.push(error),
            }
        }
        match (explained, errors.is_empty()) {
            (Some(explained), _) => Ok((explained, errors)),
            (None, false) => Err(errors.swap_remove(0)),
            (None, true) => Err(Error::internal("nothing came of an explanation")),
        }
    }
}
