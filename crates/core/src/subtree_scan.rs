//! The scan of a sub-tree of a local tree, for a process that divides the whole.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::checking::Checking;
use crate::matching::MatchState;
use crate::outermost::Standing;
use crate::program::Program;
use crate::scan_visitor::{ScanState, ScanVisitor, Tells};
use crate::subtree::{self, HandedBack, OpenIndex, OutcomeBuilder, Reported};
use crate::subtree::{SiblingKind, Siblings, SiblingsBuilder};
use crate::traversal::{Beginning, Dir, LeftOf, LeftOver, Part, Seen, Step};
use crate::traversal::{Subdir, SubdirQueue, Subdirs, Visitor};
use crate::{Check, Checked, Error, ErrorKind, Match, Name, NameBuf, NameDecoder, Next, Results};
use crate::{Scan, Stats, Subtree, SubtreeOutcome};

/// A scan or a check of a [`Subtree`] that is not started yet.
///
/// [`Scan::subtree`] and [`Check::subtree`] make it. It has the source, the patterns and the
/// options of the whole, so what it finds is what the whole finds there.
///
/// # Example
///
/// A scan that is divided, here by one process:
///
/// ```
/// use std::path::PathBuf;
///
/// use pathvein_core::{FileStructurePattern, ListingScan, Name, NameBuf, Scan};
///
/// # let dir = tempfile::tempdir()?;
/// # std::fs::create_dir_all(dir.path().join("lab/run_1/data"))?;
/// # std::fs::write(dir.path().join("lab/run_1/data/a.parquet"), "")?;
/// # let source = dir.path();
/// let data = FileStructurePattern::builder("data").file("*.parquet").build()?;
/// let run = [FileStructurePattern::builder("run_*").directory(data).build()?];
///
/// let mut whole = ListingScan::new(&run, None);
/// let path = |above: Option<&PathBuf>, name: Name<'_>| match above {
///     Some(above) => above.join(NameBuf::from(name).to_os_string()),
///     None => NameBuf::from(name).to_os_string().into(),
/// };
/// let mut waiting = vec![whole.source("")];
/// while let Some(id) = waiting.pop() {
///     // What any process may do that has the same file system. It visits two directories.
///     let subtree = whole.subtree(id).expect("it is wanted");
///     let scan = Scan::new(source, &run).subtree(subtree).budget(None, 2);
///     let (outcome, _) = scan.run(|error| eprintln!("{error}"))?;
///     // What is left is divided anew.
///     waiting.extend(whole.scanned(id, &outcome, path)?.into_iter().map(|(id, _)| id));
/// }
/// assert_eq!(whole.take_matches(), [(PathBuf::from("lab/run_1"), 0)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a scan does nothing until it is run"]
pub struct SubtreeScan {
    scan: Scan,
    /// For a check: the program that tells what is missing.
    checking: Option<Arc<Program>>,
    subtree: Subtree,
    time: Option<Duration>,
    directories: Option<usize>,
}

impl Scan {
    /// A scan of a part of the tree, for another process that divides the whole: see
    /// [`ListingScan::subtree`](crate::ListingScan::subtree). The source, the patterns and the
    /// options are those of the whole.
    ///
    /// By default it begins with one thread, and others come only where they would wait for the
    /// disk: there are other parts for the other processors.
    pub fn subtree(self, subtree: Subtree) -> SubtreeScan {
        SubtreeScan { scan: self, checking: None, subtree, time: None, directories: None }
    }
}

impl Check {
    /// A check of a part of the tree, as [`Scan::subtree`] tells, for a
    /// [`ListingScan::checking`](crate::ListingScan::checking).
    pub fn subtree(self, subtree: Subtree) -> SubtreeScan {
        let (scan, program) = self.into_parts();
        SubtreeScan { checking: Some(program), ..scan.subtree(subtree) }
    }
}

impl SubtreeScan {
    /// How long it may take, and how many directories it may visit. Default, and with `None`: no
    /// limit.
    ///
    /// What was begun by then is ended, and the rest is handed back in the outcome. One directory
    /// is visited in any case, so that something comes of each part.
    pub fn budget(
        mut self,
        time: impl Into<Option<Duration>>,
        directories: impl Into<Option<usize>>,
    ) -> Self {
        (self.time, self.directories) = (time.into(), directories.into());
        self
    }

    /// Runs it in its threads, to the end of the sub-tree or of its budget. `on_error` is given
    /// what goes wrong below the source.
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start).
    pub fn run(self, mut on_error: impl FnMut(Error)) -> Result<(SubtreeOutcome, Stats), Error> {
        let mut running = self.start()?;
        loop {
            let later = Instant::now() + Duration::from_secs(3600);
            if let Some(ended) = running.outcome_before(later, &mut on_error)? {
                return Ok(ended);
            }
        }
    }

    /// Starts it. The source is opened by this call.
    ///
    /// # Errors
    ///
    /// Those of [`Scan::start`]; [`ErrorKind::Subtree`](crate::ErrorKind::Subtree) if the sub-tree
    /// is none of these patterns.
    pub fn start(self) -> Result<RunningSubtree, Error> {
        Ok(RunningSubtree(match self.checking.clone() {
            None => Box::new(Running::<Match>::start(self.scan.program(), self)?),
            Some(program) => Box::new(Running::<Checked>::start(program, self)?),
        }))
    }
}

/// A running [`SubtreeScan`]. Dropping it stops the workers.
pub struct RunningSubtree(Box<dyn Run>);

impl RunningSubtree {
    /// Waits for the end, no longer than until `deadline`. Returns the outcome and what was
    /// counted, once; `None` if it has not ended, or that was given. `on_error` is given what went
    /// wrong below the source meanwhile.
    ///
    /// # Errors
    ///
    /// Those that no result is right after: it was started in another process, of which this one
    /// is a fork, or a thread panicked.
    pub fn outcome_before(
        &mut self,
        deadline: Instant,
        mut on_error: impl FnMut(Error),
    ) -> Result<Option<(SubtreeOutcome, Stats)>, Error> {
        self.0.outcome_before(deadline, &mut on_error)
    }
}

impl RunningSubtree {
    /// The path of the directory that paths are told from: for the source, its absolute path
    /// without links.
    pub fn base(&self) -> &Path {
        self.0.base()
    }
}

impl std::fmt::Debug for RunningSubtree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningSubtree").finish_non_exhaustive()
    }
}

/// A running scan or check.
trait Run: Send {
    fn base(&self) -> &Path;

    fn outcome_before(
        &mut self,
        deadline: Instant,
        on_error: &mut dyn FnMut(Error),
    ) -> Result<Option<(SubtreeOutcome, Stats)>, Error>;
}

struct Running<T: Tells> {
    results: Results<T>,
    left: Arc<LeftOver<ScanState<T>>>,
    /// What paths are told from.
    base: PathBuf,
    program: Arc<Program>,
    decoder: Option<NameDecoder>,
    /// `None` once the outcome was given.
    outcome: Option<OutcomeBuilder>,
}

impl<T: Tells> Running<T> {
    fn start(program: Arc<Program>, scan: SubtreeScan) -> Result<Running<T>, Error> {
        let SubtreeScan { scan, subtree, time, directories, .. } = scan;
        let outcome = Some(OutcomeBuilder::new(&subtree));
        let left = LeftOver::new();
        let (decoder, own) = (scan.decoder().cloned(), Arc::clone(&program));
        let results = scan.start_part(program, |visitor| {
            let beginning = begin(visitor, &subtree)?;
            Ok(Some(Part { beginning, time, directories, left: Arc::clone(&left) }))
        })?;
        let base = left.base();
        Ok(Running { results, left, base, program: own, decoder, outcome })
    }

    /// What was left, when all workers have ended.
    fn finish(&self, outcome: OutcomeBuilder) -> (SubtreeOutcome, Stats) {
        let stats = self.results.stats();
        let checklists = self.program.checklists();
        let decoder = self.decoder.as_ref();
        let mut outcome =
            outcome.end(checklists.map(|checklists| Checking { checklists, decoder }));
        outcome.hidden_by_links(stats.hidden_by_links);
        let reported = |found: T| reported(&self.base, found);
        let above = self.left.above();
        let (mut ranges, mut directories) = (Vec::new(), Vec::new());
        // What is left of each directory, which several workers may have had.
        let mut left: HashMap<usize, (Vec<SubdirQueue>, Option<Seen>)> = HashMap::new();
        for LeftOf { dir, subdirs, seen } in self.left.take() {
            if above.is_some_and(|above| above.id() == dir.id()) {
                ranges.push((subdirs.index(), subdirs.len()));
                continue;
            }
            let (queues, known) = left.entry(dir.id()).or_default();
            if queues.is_empty() {
                directories.push(dir);
            }
            queues.push(subdirs);
            *known = known.or(seen);
        }
        ranges.sort_unstable();
        ranges.into_iter().for_each(|(start, len)| outcome.left(start..start + len));
        let mut opened: HashMap<usize, OpenIndex> = HashMap::new();
        for dir in &directories {
            let is_open = |dir: &&Dir<_>| {
                above.is_some_and(|above| above.id() == dir.id()) || opened.contains_key(&dir.id())
            };
            let way: Vec<_> = dir.ancestors().take_while(|dir| !is_open(dir)).collect();
            for dir in way.into_iter().rev() {
                let (queues, seen) = left.remove(&dir.id()).unwrap_or_default();
                let index = outcome.open(
                    HandedBack {
                        parent: dir.parent().and_then(|parent| opened.get(&parent.id())).copied(),
                        name: if dir.depth > 0 { Name::from(&*dir.name) } else { "".into() },
                        by_link: dir.by_link,
                        seen,
                        state: dir.state.matching(),
                        standing: dir.state.standing(),
                        left: siblings(&queues),
                    },
                    reported,
                );
                opened.insert(dir.id(), index);
            }
        }
        let above = above.map(|above| (above.state.matching(), above.state.standing()));
        (outcome.finish(above, reported), stats)
    }
}

impl<T: Tells> Run for Running<T> {
    fn base(&self) -> &Path {
        &self.base
    }

    fn outcome_before(
        &mut self,
        deadline: Instant,
        on_error: &mut dyn FnMut(Error),
    ) -> Result<Option<(SubtreeOutcome, Stats)>, Error> {
        loop {
            let Some(outcome) = &mut self.outcome else { return Ok(None) };
            match self.results.next_before(deadline) {
                Next::Item(Ok(found)) => {
                    outcome.report(reported(&self.base, found));
                }
                Next::Item(Err(error)) => match error.kind() {
                    ErrorKind::Internal | ErrorKind::OtherProcess => {
                        self.outcome = None;
                        return Err(error);
                    }
                    _ => on_error(error),
                },
                Next::Timeout => return Ok(None),
                Next::End => break,
            }
        }
        let outcome = self.outcome.take();
        Ok(outcome.map(|outcome| self.finish(outcome)))
    }
}

/// What a scan begins with; `None` if that is the source.
fn begin<T: Tells>(
    visitor: &mut ScanVisitor<T>,
    subtree: &Subtree,
) -> Result<Option<Beginning<ScanState<T>>>, Error> {
    let Some(stand_in) = visitor.stand_in(subtree)? else { return Ok(None) };
    let (mut subdirs, mut rest) = (Subdirs::default(), false);
    for root in subtree.roots().into_iter().flat_map(Siblings::iter) {
        let SiblingKind { link, unseen, feeds_parent } = root.kind();
        let name = &*component(&root.name())?;
        subdirs.push(Subdir { name, link, unseen, feeds_parent });
        if !feeds_parent {
            rest = true;
        } else if rest && visitor.visits_feeding_first() {
            return Err(Error::subtree("a root that comes behind those that come last"));
        }
    }
    let way = subtree.way();
    let mut stand_in = Some(stand_in);
    // Nothing is asked of those above.
    let mut state = |depth| {
        let stand_in = if depth == way.len() { stand_in.take() } else { None };
        stand_in.unwrap_or_else(|| ScanState::new(MatchState::new(false), Standing::default()))
    };
    let source = state(0);
    let step = |(index, step): (usize, &subtree::Step)| {
        let (name, by_link) = (component(&step.name)?.into(), step.by_link);
        Ok(Step { name, by_link, state: state(index + 1) })
    };
    let steps = way.iter().enumerate().map(step).collect::<Result<_, Error>>()?;
    let seen = way.last().and_then(|last| last.seen);
    let source_seen = subtree.source_seen();
    Ok(Some(Beginning { source, source_seen, way: steps, seen, subdirs }))
}

/// The name of a directory in another one.
fn component(name: &NameBuf) -> Result<OsString, Error> {
    let name = name.to_os_string();
    let mut components = Path::new(&name).components();
    let is_one = components.next() == Some(Component::Normal(&name)) && components.next().is_none();
    let bytes = name.as_encoded_bytes();
    match is_one && !bytes.contains(&0) && bytes.len() <= usize::from(u16::MAX) {
        true => Ok(name),
        false => Err(Error::subtree("a name that no directory has")),
    }
}

/// The sub-directories that are left of a directory, those that feed it first: the queues are
/// such, too.
fn siblings(queues: &[SubdirQueue]) -> Siblings {
    let mut siblings = SiblingsBuilder::default();
    for feeding in [true, false] {
        let subdirs = queues.iter().flat_map(SubdirQueue::iter);
        for Subdir { name, link, unseen, feeds_parent } in subdirs {
            if feeds_parent == feeding {
                siblings.push(name.into(), SiblingKind { link, unseen, feeds_parent });
            }
        }
    }
    siblings.finish()
}

/// What was found, by its path relative to the one that paths are told from.
fn reported<T: Tells>(base: &Path, found: T) -> Reported {
    let (path, pattern, findings) = found.into_parts();
    let below = path.strip_prefix(base).unwrap_or(&path);
    let below = below.iter().collect::<Vec<_>>().join(OsStr::new("/"));
    (Name::from(&*below).into(), pattern, findings)
}
