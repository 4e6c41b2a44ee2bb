//! `Copy`: a copy that is not started yet.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::destinations::Destinations;
use super::engine::{Match, Run};
use super::plan::{Links, MatchPlan, PlanOptions, path_below};
use super::running::{Copied, Copies, Counters, MAX_RESULTS, Outcome};
use super::selection::SelectionProgram;
use super::staging::Leftovers;
use crate::traversal::Stop;
use crate::traversal::channel::bounded;
use crate::{Error, ExcludeRules, FileStructurePattern, NameDecoder, Operation};

/// How many threads a copy uses at most, whatever it is asked for.
const MAX_THREADS: usize = 1024;

/// A copy that is not started yet: matches, their destinations, and options.
///
/// A match is a directory that matches a pattern, such as those that a
/// [`Scan`](crate::Scan) finds; whether it does is not looked at again. What *belongs* to it is
/// copied: the files that pass a glob of `files` or `optional_files`, and, for each
/// sub-directory and each required or optional sub-pattern that it matches, what belongs to
/// that. It is copied to the destination itself, not into it.
///
/// A destination appears whole or not at all: the copy is built beside it, as
/// `.NAME.pathvein-RANDOM`, and renamed when it is complete. Nothing that exists is changed,
/// unless [`overwrite`](Copy::overwrite) says so. What killed processes have left behind is
/// removed when the same destination is copied to again.
///
/// One match that fails does not touch the others: what became of each is told by the
/// [iterator](Copies).
///
/// # Example
///
/// ```
/// use pathvein_core::{Copy, FileStructurePattern, Outcome};
///
/// # let dir = tempfile::tempdir()?;
/// # let (lab, archive) = (dir.path().join("lab"), dir.path().join("archive"));
/// # std::fs::create_dir_all(lab.join("run_1"))?;
/// # std::fs::write(lab.join("run_1/a.csv"), "1,2")?;
/// # std::fs::write(lab.join("run_1/a.tmp"), "")?;
/// let run = FileStructurePattern::builder("run_*").file("*.csv").build()?;
/// for copied in Copy::new(lab.join("run_1"), archive.join("run_1"), &run) {
///     let copied = copied?;
///     assert!(matches!(copied.outcome, Outcome::Copied));
///     assert_eq!((copied.files, copied.bytes), (1, 3));
/// }
/// assert!(archive.join("run_1/a.csv").exists());
/// assert!(!archive.join("run_1/a.tmp").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a copy does nothing until it is started"]
pub struct Copy {
    matches: Vec<(PathBuf, PathBuf, FileStructurePattern)>,
    exclude: Option<(ExcludeRules, Option<PathBuf>)>,
    one_file_system: bool,
    decoder: Option<NameDecoder>,
    links: Links,
    threads: Option<NonZeroUsize>,
    overwrite: bool,
    fsync: bool,
    dry_run: bool,
    totals: bool,
}

impl Copy {
    /// A copy of one match, with default options: nothing that exists is changed, links to files
    /// are copied as what they lead to, as many threads as there are processors.
    pub fn new(
        source: impl Into<PathBuf>,
        destination: impl Into<PathBuf>,
        pattern: &FileStructurePattern,
    ) -> Copy {
        Copy::of_none().add(source, destination, pattern)
    }

    /// A copy of nothing, to [add](Copy::add) matches to.
    pub fn of_none() -> Copy {
        Copy {
            matches: Vec::new(),
            exclude: None,
            one_file_system: false,
            decoder: None,
            links: Links::Follow,
            threads: None,
            overwrite: false,
            fsync: false,
            dry_run: false,
            totals: false,
        }
    }

    /// Adds another match. They are copied side by side.
    ///
    /// Of several with one destination, the first by its source is copied. A destination that
    /// lies in another's is copied after that.
    pub fn add(
        mut self,
        source: impl Into<PathBuf>,
        destination: impl Into<PathBuf>,
        pattern: &FileStructurePattern,
    ) -> Self {
        self.matches.push((source.into(), destination.into(), pattern.clone()));
        self
    }

    /// Whether a destination that is a directory is merged into, file by file: each is written
    /// beside its place, and then takes the place of what was there. What else is in the
    /// directory stays. Default: no, such a match is not copied
    /// ([`Outcome::Exists`](crate::Outcome::Exists)).
    ///
    /// No link is followed: where one is in the way, the match fails.
    pub fn overwrite(mut self, yes: bool) -> Self {
        self.overwrite = yes;
        self
    }

    /// Whether everything is flushed to the disk before it gets its final name. Default: no.
    /// Without it, a file may be empty after a power loss.
    pub fn fsync(mut self, yes: bool) -> Self {
        self.fsync = yes;
        self
    }

    /// Whether to find out only what would be copied. Default: no.
    pub fn dry_run(mut self, yes: bool) -> Self {
        self.dry_run = yes;
        self
    }

    /// Whether to look at all matches before the first is copied, so that
    /// [progress](crate::CopyStats) can tell how much there is. Default: no.
    pub fn totals(mut self, yes: bool) -> Self {
        self.totals = yes;
        self
    }

    /// What is done with links to files. Default: [`Links::Follow`].
    pub fn links(mut self, links: Links) -> Self {
        self.links = links;
        self
    }

    /// Leaves out what the rules exclude. They are relative to `base`, the source of the scan;
    /// without one, or for a match that does not lie in it, to the match. Earlier rules are
    /// replaced. Default: nothing is excluded.
    pub fn exclude(mut self, rules: ExcludeRules, base: impl Into<Option<PathBuf>>) -> Self {
        self.exclude = Some((rules, base.into()));
        self
    }

    /// Whether to stay on the file system of each source. Mount points in it are then skipped
    /// ([`SkipReason::MountPoint`](crate::SkipReason::MountPoint)). Default: no.
    pub fn one_file_system(mut self, yes: bool) -> Self {
        self.one_file_system = yes;
        self
    }

    /// How many threads to use at most, up to 1,024. Default, and with `None` or 0: as many as
    /// there are processors.
    pub fn threads(mut self, threads: impl Into<Option<usize>>) -> Self {
        self.threads = threads.into().and_then(NonZeroUsize::new);
        self
    }

    /// How to read names on disk that are not UTF-8, as
    /// [`Scan::decode_names`](crate::Scan::decode_names).
    pub fn decode_names(mut self, decoder: impl Into<Option<NameDecoder>>) -> Self {
        self.decoder = decoder.into();
        self
    }

    /// The matches that are not copied since another has the same destination, each with that
    /// other, by their indices. Nothing is written to find out.
    pub fn conflicts(&self) -> Vec<(usize, usize)> {
        self.destinations().conflicts()
    }

    /// Divides it into copies that can be made apart, by other processes too: groups of matches,
    /// by their indices. Those of one group have to do with each other, and are copied by one
    /// copy that has them in this order. The others are not copied: what is to be told of them.
    /// Nothing is written to find out.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{Copy, FileStructurePattern};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let lab = dir.path().join("lab");
    /// let run = FileStructurePattern::builder("run_*").file("*.csv").build()?;
    /// let copy = Copy::new(lab.join("run_1"), lab.join("old/1"), &run)
    ///     .add(lab.join("run_2"), lab.join("old/2"), &run)
    ///     .add(lab.join("run_3"), lab.join("old/1/extra"), &run)
    ///     .add(lab.join("run_4"), lab.join("old/2"), &run);
    /// let (groups, left_out) = copy.divide();
    /// assert_eq!(groups, [vec![0, 2], vec![1]]);
    /// assert_eq!(left_out[0].index, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn divide(&self) -> (Vec<Vec<usize>>, Vec<Copied>) {
        let Destinations { paths, verdicts, groups, .. } = self.destinations();
        let left_out = verdicts.iter().enumerate().filter_map(|(index, verdict)| {
            let outcome = verdict.outcome()?;
            Some(Copied::new(index, &self.matches[index].0, &paths[index], outcome))
        });
        (groups, left_out.collect())
    }

    fn destinations(&self) -> Destinations {
        Destinations::of(&self.matches, self.overwrite)
    }

    /// Finds out what [`start`](Copy::start) would do, and writes nothing: for each match, in
    /// the order given, what would be copied of it, or why nothing would. The matches are looked
    /// at side by side.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if no thread can be started. What goes wrong with
    /// a match is told with it.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{Copy, FileStructurePattern};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let (lab, archive) = (dir.path().join("lab"), dir.path().join("archive"));
    /// # std::fs::create_dir_all(lab.join("run_1"))?;
    /// # std::fs::write(lab.join("run_1/a.csv"), "1,2")?;
    /// let run = FileStructurePattern::builder("run_*").file("*.csv").build()?;
    /// for planned in Copy::new(lab.join("run_1"), archive.join("run_1"), &run).plan()? {
    ///     match planned.result {
    ///         Ok(plan) => {
    ///             for (path, size) in plan.files() {
    ///                 println!("{} ({size} bytes)", planned.source.join(path).display());
    ///             }
    ///             # assert_eq!(plan.bytes(), 3);
    ///         }
    ///         Err(outcome) => println!("{}: {outcome:?}", planned.destination.display()),
    ///     }
    /// }
    /// assert!(!archive.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn plan(&self) -> Result<Vec<PlannedCopy>, Error> {
        let (destinations, matches) = (self.destinations(), self.compiled());
        let plan_of = |one: &Match| one.plan(&one.open(&Stop::new())?, true, &|| false);
        let plan = |(index, one): (usize, Match)| {
            let destination = &destinations.paths[index];
            let result = match destinations.verdicts[index].outcome() {
                Some(outcome) => Err(outcome),
                None if !self.overwrite && destination.symlink_metadata().is_ok() => {
                    Err(Outcome::Exists)
                }
                None => plan_of(&one).map_err(Outcome::failed).and_then(|plan| {
                    let stopped = || Outcome::failed(Error::internal("nobody stops a plan"));
                    plan.ok_or_else(stopped)
                }),
            };
            PlannedCopy { index, source: one.source, destination: destination.clone(), result }
        };
        let pool = self.pool(self.thread_count())?;
        Ok(pool.install(|| matches.into_par_iter().enumerate().map(plan).collect()))
    }

    fn thread_count(&self) -> usize {
        let threads = self.threads.map_or_else(
            || std::thread::available_parallelism().map_or(1, usize::from),
            |threads| usize::from(threads).min(MAX_THREADS),
        );
        // A match needs some threads no more than it has something to do, and more than the
        // process may open files for would only wait.
        threads.min(open_files_limit() / FILES_PER_THREAD).max(1)
    }

    fn pool(&self, threads: usize) -> Result<rayon::ThreadPool, Error> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|_| "pathvein-copy".into())
            // A panic is told as the failure of its match.
            .panic_handler(|_| {})
            .build()
            .map_err(|error| {
                let source = self.matches.first().map(|(source, ..)| source.clone());
                let error = std::io::Error::other(error);
                Error::io(source.unwrap_or_default(), Operation::StartThreads, error)
            })
    }

    /// The matches, ready to be planned. Those of one pattern share what it is compiled to.
    fn compiled(&self) -> Vec<Match> {
        let mut programs: HashMap<&FileStructurePattern, SelectionProgram> = HashMap::new();
        let matches = self.matches.iter().map(|(source, _, pattern)| {
            let exclude = self.exclude.as_ref().map(|(rules, base)| {
                let mut rules = rules.clone();
                rules.decoder.clone_from(&self.decoder);
                let below = base.as_ref().map(|base| path_below(source, base));
                (rules, below.unwrap_or_default())
            });
            let program = programs.entry(pattern).or_insert_with(|| SelectionProgram::new(pattern));
            let decoder = self.decoder.clone();
            let (links, one_file_system) = (self.links, self.one_file_system);
            let options = PlanOptions { links, exclude, sizes: false, one_file_system, decoder };
            Match { source: source.clone(), program: program.clone(), options }
        });
        matches.collect()
    }

    /// Starts to copy. All destinations are looked at by this call, and nothing is written
    /// before it is known which are in the way of others.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if no thread can be started.
    pub fn start(self) -> Result<Copies, Error> {
        let (destinations, threads, count) =
            (self.destinations(), self.thread_count(), self.matches.len());
        let pool = self.pool(threads)?;
        let (sender, receiver) = bounded(MAX_RESULTS);
        let (stop, counters) = (Arc::new(Stop::new()), Arc::new(Counters::default()));
        let run = Arc::new(Run {
            matches: self.compiled(),
            order: destinations.groups.iter().flatten().copied().collect(),
            destinations,
            threads,
            overwrite: self.overwrite,
            fsync: self.fsync,
            dry_run: self.dry_run,
            stop: Arc::clone(&stop),
            counters: Arc::clone(&counters),
            leftovers: Leftovers::default(),
            sender,
            next_group: AtomicUsize::new(0),
            next_total: AtomicUsize::new(0),
            totals_done: AtomicUsize::new(0),
            taken: Mutex::default(),
            totals: self.totals,
        });
        run.start(&pool);
        Ok(Copies::new(receiver, pool, count, stop, counters))
    }
}

/// What a [`Copy`](struct@Copy) would do with a match.
#[derive(Debug)]
#[non_exhaustive]
pub struct PlannedCopy {
    /// The match: its place among those given.
    pub index: usize,
    /// The source, as it was given.
    pub source: PathBuf,
    /// The destination: absolute, and without links above it.
    pub destination: PathBuf,
    /// What would be copied, or why nothing would.
    pub result: Result<MatchPlan, Outcome>,
}

/// How many files and directories a thread has open at once, of trees that are not very deep.
const FILES_PER_THREAD: usize = 16;

/// How many files this process may open.
fn open_files_limit() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

impl IntoIterator for Copy {
    type Item = Result<Copied, Error>;
    type IntoIter = Copies;

    /// [Starts](Copy::start) the copy. If that fails, the error is the only result.
    fn into_iter(self) -> Copies {
        self.start().unwrap_or_else(Copies::only_error)
    }
}
