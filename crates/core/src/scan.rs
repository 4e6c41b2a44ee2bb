//! The scan of a local tree: it is walked and matched in one pass.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checking::Findings;
use crate::matching::Matching;
use crate::program::Program;
use crate::scan_visitor::{ScanState, ScanVisitor, Tells};
use crate::traversal::{Naming, Options, Part, Results};
use crate::{Error, ExcludeRules, NameDecoder, PatternSet};

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
    /// limit, links are not followed, file systems are crossed, as many threads as the disk
    /// wants.
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

    /// Whether a directory that nothing asks to look into is left unopened where its link
    /// count says that there is no directory in it. Default: yes.
    ///
    /// What matches is the same either way. A directory left unopened is
    /// [skipped](crate::Stats::skipped), not listed: its entries are not counted, and that it
    /// cannot be read is no error. Only file systems are taken at their word that are known to
    /// keep that count, which the system tells: ext2, ext3, ext4, XFS, tmpfs, F2FS. If links
    /// are followed, no directory is skipped, since a link in it might matter.
    pub fn leaf_skip(mut self, yes: bool) -> Self {
        self.options.leaf_skip = yes;
        self
    }

    /// Whether the link counts of directories are trusted on all file systems, also where
    /// nothing is known of them: as 2 and the number of sub-directories. Default: no.
    ///
    /// That is for mounts whose server keeps such counts, as some network file systems do. On
    /// one that says 2 of a directory that has sub-directories, what is below it is not found.
    pub fn trust_link_counts(mut self, yes: bool) -> Self {
        self.options.trust_link_counts = yes;
        self
    }

    /// How many threads to use at most, up to 1,024. Default, and with `None` or 0: found
    /// while it runs. It begins with as many as there are processors, or one if the disk says
    /// that it rotates. Threads that wait more than they compute get company, up to 64, as
    /// long as more directories a second come of it, and lose it again if not.
    /// [`Stats::threads`](crate::Stats::threads) tells how many there were.
    ///
    /// Threads are started when there is work for them, no more than the limit of open files
    /// allows, and end with this one traversal.
    pub fn threads(mut self, threads: impl Into<Option<usize>>) -> Self {
        self.options.threads = threads.into().and_then(NonZeroUsize::new);
        self
    }

    /// How to read names on disk that are not UTF-8. Default, and with `None`: as
    /// [`Name`](crate::Name) says.
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
    #[cfg(feature = "test-hooks")]
    #[doc(hidden)]
    pub fn made_up(mut self, tree: impl Into<Arc<crate::MadeUp>>) -> Self {
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
        let program = self.program();
        self.start_with::<Match>(program)
    }

    /// How names on disk are read, if not as UTF-8.
    pub(crate) fn decoder(&self) -> Option<&NameDecoder> {
        self.decoder.as_ref()
    }

    /// The program for the patterns.
    pub(crate) fn program(&self) -> Arc<Program> {
        self.patterns.clone().into_program()
    }

    /// Starts to traverse the source with a program for the patterns.
    pub(crate) fn start_with<T: Tells>(self, program: Arc<Program>) -> Result<Results<T>, Error> {
        self.start_part(program, |_| Ok(None))
    }

    /// The same, or a part of it that is made for the program.
    pub(crate) fn start_part<T: Tells>(
        self,
        program: Arc<Program>,
        part: impl FnOnce(&mut ScanVisitor<T>) -> Result<Option<Part<ScanState<T>>>, Error>,
    ) -> Result<Results<T>, Error> {
        let Scan { source, mut options, outermost, decoder, .. } = self;
        options.exclude.decoder.clone_from(&decoder);
        let max_depth = options.max_depth.unwrap_or(usize::MAX);
        let mut matching = Matching::new(program, max_depth, outermost);
        matching.decoder.clone_from(&decoder);
        let mut visitor = ScanVisitor::<T>::new(matching, decoder);
        let part = part(&mut visitor)?;
        let exclude = options.exclude.clone();
        let results = Results::start(visitor, options, &source, Naming::Resolved, part)?;
        exclude.check_source(&source)?;
        Ok(results)
    }
}

impl Tells for Match {
    type Gathered = ();

    fn matched(path: PathBuf, pattern: usize) -> Match {
        Match { path, pattern }
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn is_complete(&self) -> bool {
        true
    }

    fn into_parts(self) -> (PathBuf, usize, Option<Findings>) {
        (self.path, self.pattern, None)
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
