//! A scan of a tree that is given as keys in sorted order.

mod early;
mod parts;

use std::sync::Arc;

use self::early::Early;
pub use self::parts::KeyOutcome;
use crate::bits;
use crate::checking::{Checking, Notes, Opened, Told};
use crate::key_tree::{
    Advance, Closed, Cursor, KeyCounts, KeyTree, KeyVisitor, RangeId, into_text,
};
use crate::name::Repr;
use crate::outermost::{Report, Standing};
use crate::program::{Below, ByFiles, CandidateSet, ChildRequirements, CountedAnswer, Evaluation};
use crate::program::{FileSearch, NodeId, NotWhole, Program, Tally, Verdict};
use crate::{Error, ExcludeRules, Findings, Name, PatternSet};

/// A scan of the keys of an object store, an archive or an inventory, which come in sorted
/// order.
///
/// Keys are paths relative to the source, with `/` between components, in the order of
/// their bytes, each once. They are text, or any bytes, which are read as names on disk are:
/// see [`Name`]. A key that ends in `/` is a directory's marker: the
/// directory exists, and the key is no file. The matches are those of
/// [`Scan`](crate::Scan) on the same tree.
///
/// The keys may be split into ranges. Each range comes in sorted order within itself, and
/// the ranges side by side in any order. A match is found as soon as no range can have more
/// keys of its directory. The scan keeps the directories that lead to the positions of the
/// ranges, not the tree.
///
/// A key with a component that is empty, `.` or `..` is no path. The components before that
/// one exist; the key is among those that [`take_bad`](Self::take_bad) returns. Of the directory
/// in which it is nothing is certain that is asked not to be there.
///
/// # Example
///
/// ```
/// use pathvein_core::{ExcludeRules, FileStructurePattern, KeyScan};
///
/// let data = FileStructurePattern::builder("data").file("*.parquet").build()?;
/// let run = FileStructurePattern::builder("run_*").directory(data).build()?;
///
/// let (mut scan, range) = KeyScan::new(&[run], "lab", None, ExcludeRules::default());
/// let rest = scan.split(range, "run_2/")?;
/// scan.keys(rest, ["run_2/notes.txt"])?;
/// scan.keys(range, ["run_1/config.json", "run_1/data/a.parquet"])?;
/// scan.end(range);
/// assert_eq!(scan.take_matches(), [("run_1".to_string(), 0)]);
/// scan.end(rest);
/// assert!(scan.is_done());
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Debug)]
pub struct KeyScan {
    tree: KeyTree<KeyScanVisitor>,
    patterns: PatternSet,
}

/// What is told of a directory.
#[derive(Debug, Default)]
struct Found {
    /// The patterns that it matches.
    matched: Vec<usize>,
    /// What is missing of others.
    checked: Told,
}

impl Found {
    fn is_empty(&self) -> bool {
        self.matched.is_empty() && self.checked.is_empty()
    }
}

#[derive(Clone, Debug)]
struct KeyScanVisitor {
    program: Arc<Program>,
    max_depth: usize,
    source: Box<[u8]>,
    /// Whether only the outermost matches are looked for.
    outermost: bool,
}

/// What is known of an open directory.
#[derive(Debug)]
struct KeyScanState {
    /// What the directory's name leaves possible; `None`: nothing.
    candidates: Option<Arc<CandidateSet>>,
    files: FileSearch,
    /// What the candidates ask of the sub-directories. Files may come later here, so these
    /// are the requirements of all candidates.
    requirements: Option<ChildRequirements>,
    /// Which of the required nodes some sub-directory satisfies, by their index there.
    satisfied: Box<[u64]>,
    /// Of which of them it cannot be told of some sub-directory. `None` as long as there is
    /// nothing of the kind.
    untold: Option<Box<Untold>>,
    /// How many sub-directories satisfy what is counted.
    tallies: Box<[Tally]>,
    standing: Standing<(Vec<u8>, Found)>,
    /// What is kept to tell what is missing. `None` if nobody asks.
    notes: Option<Box<Notes>>,
    /// What is decided while keys may come. `None` unless the outermost matches are looked
    /// for.
    early: Option<Box<Early>>,
}

/// Which nodes some sub-directory may satisfy, for all that could be read, as the fields of
/// [`Verdict`] have it.
#[derive(Debug)]
struct Untold {
    cannot_be_told: Box<[u64]>,
    may_be: Box<[u64]>,
    is_sure: Box<[u64]>,
}

impl Untold {
    fn new(nodes: usize) -> Box<Untold> {
        let [cannot_be_told, may_be, is_sure] = std::array::from_fn(|_| bits::zeroed(nodes));
        Box::new(Untold { cannot_be_told, may_be, is_sure })
    }

    fn set(&mut self, index: usize, verdict: Verdict) {
        bits::set(&mut self.cannot_be_told, index);
        if verdict.may_be {
            bits::set(&mut self.may_be, index);
        }
        if verdict.is_sure {
            bits::set(&mut self.is_sure, index);
        }
    }
}

impl KeyScanState {
    fn index_of(&self, id: NodeId) -> Option<usize> {
        self.requirements.as_ref()?.index_of(id)
    }
}

/// There are no links among keys.
impl Below for KeyScanState {
    fn is_satisfied(&self, id: NodeId) -> bool {
        self.index_of(id).is_some_and(|index| bits::get(&self.satisfied, index))
    }

    fn verdict(&self, id: NodeId) -> Verdict {
        if self.is_satisfied(id) {
            return Verdict::YES;
        }
        let untold = self.untold.as_ref().zip(self.index_of(id));
        untold.map_or(Verdict::default(), |(untold, index)| Verdict {
            cannot_be_told: bits::get(&untold.cannot_be_told, index),
            may_be: bits::get(&untold.may_be, index),
            is_sure: bits::get(&untold.is_sure, index),
            ..Verdict::default()
        })
    }

    fn tally(&self, counter: usize) -> Tally {
        self.tallies[counter]
    }

    fn has_links(&self) -> bool {
        false
    }

    fn has_untold(&self) -> bool {
        self.untold.is_some()
    }
}

impl KeyScanVisitor {
    fn new(patterns: &PatternSet, source: &[u8], max_depth: Option<usize>) -> KeyScanVisitor {
        KeyScanVisitor {
            program: patterns.clone().into_program(),
            max_depth: max_depth.unwrap_or(usize::MAX),
            source: source.into(),
            outermost: false,
        }
    }

    fn state(&self, parent: Option<&KeyScanState>, depth: usize, name: Name<'_>) -> KeyScanState {
        let above = parent.map(|parent| &parent.standing);
        // Whatever is covered, so that parts of the keys of a directory agree on its state.
        let may_start = depth <= self.max_depth;
        let sought = match parent.and_then(|parent| parent.requirements.as_ref()) {
            Some(requirements) if may_start => &requirements.sought,
            Some(requirements) => &requirements.required,
            None => self.program.sought_for_roots(may_start),
        };
        let mut hits = Vec::new();
        let is_possible = self.program.match_name(sought, name, &mut hits);
        let candidates = is_possible.then(|| Arc::new(self.program.candidates(sought, &hits)));
        let files = self.program.file_search(candidates.as_ref());
        let match_below = depth < self.max_depth;
        let requirements = candidates
            .as_ref()
            .and_then(|set| self.program.child_requirements(&set.nodes, &[], match_below));
        let (nodes, counters) =
            requirements.as_ref().map_or((0, 0), |r| (r.nodes.len(), r.counters));
        let satisfied = bits::zeroed(nodes);
        let tallies = vec![Tally::default(); counters].into();
        let standing = Standing::default();
        let mut state = KeyScanState {
            candidates,
            files,
            requirements,
            satisfied,
            untold: None,
            tallies,
            standing,
            notes: None,
            early: None,
        };
        if let Some(checking) = self.checking() {
            let visits_below = depth < self.max_depth;
            state.notes = checking.open(Opened {
                name,
                checks: state.candidates.as_ref().and_then(|set| set.checks.as_ref()),
                match_here: may_start,
                visits_below,
                seeks_below: visits_below || state.requirements.is_some(),
                above: parent.and_then(|parent| parent.notes.as_deref()),
            });
        }
        if self.outermost {
            self.begin_early(&mut state, may_start, above);
        }
        state
    }
}

impl KeyScanVisitor {
    fn checking(&self) -> Option<Checking<'_>> {
        let checklists = self.program.checklists()?;
        Some(Checking { checklists, decoder: None })
    }

    /// Notes an entry, for those who ask what is missing.
    fn note(&self, state: &mut KeyScanState, name: Name<'_>, is_directory: bool) {
        if let (Some(checking), Some(notes)) = (self.checking(), &mut state.notes) {
            notes.add(checking, name, is_directory);
        }
    }

    /// What is missing in a directory that is closed. `evaluation` has the verdicts on all its
    /// candidates.
    fn check(
        &self,
        state: &mut KeyScanState,
        evaluation: &Evaluation,
        is_whole: bool,
        above: Option<&Notes>,
    ) -> Told {
        let (Some(checking), Some(notes)) = (self.checking(), &mut state.notes) else {
            return Told::new();
        };
        let listed = state.candidates.as_ref().and_then(|candidates| {
            self.program.listed(candidates, evaluation, &state.files, is_whole)
        });
        notes.end(checking, listed, is_whole);
        above.iter().for_each(|above| notes.tell_listing(checking, above));
        let satisfied = |id| evaluation.satisfied.contains(&id);
        // Nothing is undecided any more.
        let verdict = |_| Verdict::default();
        notes.close(checking, above.map(|above| (above, true)), verdict, satisfied)
    }

    /// The verdict on a candidate of a directory that is closed. `counter` is the number of the
    /// next counter.
    fn verdict(
        &self,
        state: &KeyScanState,
        id: NodeId,
        is_whole: bool,
        counter: &mut usize,
    ) -> Verdict {
        let program = &self.program;
        let by_files = program.by_files(id, &state.files, is_whole);
        let not_whole = match by_files {
            ByFiles::Open { is_whole: false } => Some(NotWhole { is_untold: false, more: None }),
            ByFiles::Open { is_whole: true } => None,
            ByFiles::CannotBeTold => program.by_part(id, &state.files, is_whole),
            ByFiles::No => None,
        };
        let counters = state.requirements.as_ref().map_or(0, |required| required.counters);
        match (by_files, &not_whole) {
            (ByFiles::Open { .. }, _) if program.directories(id).is_empty() => Verdict::YES,
            (ByFiles::Open { .. }, _) | (_, Some(_)) => {
                program.decide_part(id, not_whole.as_ref(), state, counter)
            }
            _ => {
                if counters > 0 {
                    program.pass_over(id, counter);
                }
                match by_files {
                    ByFiles::No => Verdict::default(),
                    _ => Verdict::untold(!program.is_denied(id, &state.files, is_whole)),
                }
            }
        }
    }
}

impl KeyVisitor for KeyScanVisitor {
    type State = KeyScanState;
    type Found = Found;

    fn decides_early(&self) -> bool {
        self.outermost
    }

    fn source(&self) -> KeyScanState {
        self.state(None, 0, as_name(&self.source))
    }

    fn opened(&self, parent: &mut KeyScanState, depth: usize, name: &[u8]) -> (KeyScanState, bool) {
        let mut state = self.state(Some(parent), depth, as_name(name));
        if self.outermost {
            let wanted = self.is_wanted(&mut state, depth, Some(parent));
            return (state, wanted);
        }
        let visits_all = depth <= self.max_depth && !self.program.is_empty();
        let looks_inside = state.candidates.as_ref().is_some_and(|set| set.looks_inside);
        (state, visits_all || looks_inside)
    }

    fn directory(&self, state: &mut KeyScanState, name: &[u8]) {
        let name = as_name(name);
        self.note(state, name, true);
        self.program.search_directory(&mut state.files, name);
    }

    fn file(&self, state: &mut KeyScanState, name: &[u8]) -> bool {
        let name = as_name(name);
        self.note(state, name, false);
        let progress = if self.outermost { state.files.progress() } else { 0 };
        self.program.search_file(&mut state.files, name);
        self.outermost && state.files.progress() != progress
    }

    fn advance(
        &self,
        state: &mut KeyScanState,
        depth: usize,
        parent: Option<&mut KeyScanState>,
    ) -> Advance<Found> {
        self.decide_early(state, depth, parent)
    }

    fn is_wanted(
        &self,
        state: &mut KeyScanState,
        depth: usize,
        parent: Option<&KeyScanState>,
    ) -> bool {
        self.is_wanted_still(state, depth, parent)
    }

    fn take(
        &self,
        state: &KeyScanState,
        parent: Option<&KeyScanState>,
        (path, Found { matched, checked }): (Vec<u8>, Found),
        to: &mut Vec<(Vec<u8>, Found)>,
    ) {
        let above = parent.map(|parent| &parent.standing);
        let mut tell = |report| state.standing.take_own(above, report, &mut sending(to));
        if !matched.is_empty() {
            let found = Found { matched, ..Found::default() };
            tell(Report::Match((path.clone(), found)));
        }
        if !checked.is_empty() {
            tell(Report::Incomplete((path, Found { checked, ..Found::default() })));
        }
    }

    fn ended(&self, state: &KeyScanState, to: &mut Vec<(Vec<u8>, Found)>) {
        state.standing.closed(&mut sending(to));
    }

    fn closed(
        &self,
        state: &mut KeyScanState,
        Closed { depth, is_whole, .. }: Closed,
        parent: Option<&mut KeyScanState>,
    ) -> Option<Found> {
        let mut found = Found::default();
        let (mut all_satisfied, mut all_untold) = (Vec::new(), Vec::new());
        let checks = self.program.checklists().is_some();
        let mut counter = 0;
        let mut parent = parent;
        let mut above = parent.as_deref_mut().and_then(|parent| {
            let KeyScanState { requirements, satisfied, untold, tallies, .. } = parent;
            let requirements = requirements.as_ref()?;
            let answer = CountedAnswer::new(Some(requirements));
            Some((requirements, satisfied, untold, tallies, answer))
        });
        for (position, &id) in state.candidates.iter().flat_map(|set| &set.nodes).enumerate() {
            let verdict = self.verdict(state, id, is_whole, &mut counter);
            if checks {
                all_satisfied.extend(verdict.yes.then_some(id));
                all_untold.extend(verdict.cannot_be_told.then_some((id, verdict.may_be)));
            }
            if verdict.yes && depth <= self.max_depth && !state.is_told(position) {
                found.matched.extend_from_slice(self.program.patterns(id));
            }
            if let Some((requirements, satisfied, untold, _, answer)) = &mut above
                && let Some(index) = requirements.index_of(id)
            {
                if verdict.yes {
                    bits::set(satisfied, index);
                }
                if verdict.cannot_be_told {
                    let nodes = requirements.nodes.len();
                    untold.get_or_insert_with(|| Untold::new(nodes)).set(index, verdict);
                }
                answer.iter_mut().for_each(|answer| answer.add(id, verdict));
            }
        }
        if let Some((_, _, _, tallies, Some(answer))) = above {
            answer.verdicts().for_each(|(counter, verdict)| tallies[counter].add(verdict));
        }
        if checks {
            let (satisfied, cannot_be_told) = (all_satisfied.into(), all_untold.into());
            let evaluation = Evaluation { satisfied, cannot_be_told, ..Evaluation::default() };
            let above = parent.as_ref().and_then(|parent| parent.notes.as_deref());
            found.checked = self.check(state, &evaluation, is_whole, above);
        }
        (!found.is_empty()).then_some(found)
    }
}

fn as_name(name: &[u8]) -> Name<'_> {
    Name(Repr::Bytes(name))
}

/// A function that adds what belongs to the outcome. There are no links among keys.
fn sending(to: &mut Vec<(Vec<u8>, Found)>) -> impl FnMut(Report<(Vec<u8>, Found)>) {
    |report| match report {
        Report::Match(found) | Report::Incomplete(found) => to.push(found),
        Report::HiddenByLinks(_) => {}
    }
}

impl KeyScan {
    /// A scan for `patterns`, and the range of all keys. `source` is the source's name,
    /// empty for the root of a store. `max_depth` is that of
    /// [`Scan::max_depth`](crate::Scan::max_depth).
    ///
    /// A match names its pattern by the position. Of equal patterns, it is that of the
    /// first.
    pub fn new(
        patterns: impl Into<PatternSet>,
        source: impl AsRef<[u8]>,
        max_depth: impl Into<Option<usize>>,
        exclude: ExcludeRules,
    ) -> (KeyScan, RangeId) {
        let patterns = patterns.into();
        let visitor = KeyScanVisitor::new(&patterns, source.as_ref(), max_depth.into());
        let (tree, range) = KeyTree::new(visitor, exclude);
        (KeyScan { tree, patterns }, range)
    }

    /// Makes the scan a check: it tells of each candidate what is missing, as
    /// [`Check`](crate::Check) does: [`take_checked`](Self::take_checked). It is set before the
    /// first key is given, and there are no matches then but in what that tells.
    ///
    /// What is in the directory above is told as what came closest only if its key came before
    /// those of the directory.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{ExcludeRules, FileStructurePattern, KeyScan, Reason};
    ///
    /// let run = FileStructurePattern::builder("run_*").file("config.json").build()?;
    /// let (scan, range) = KeyScan::new(&[run], "lab", None, ExcludeRules::default());
    /// let mut scan = scan.checking();
    /// scan.keys(range, ["run_1/Config.json", "run_2/config.json"])?;
    /// scan.end(range);
    ///
    /// let checked = scan.take_checked();
    /// let [(first, _, findings), (second, _, none)] = &checked[..] else { panic!() };
    /// assert_eq!((&**first, &**second), ("run_1", "run_2"));
    /// assert_eq!(findings[0].closest.as_ref().unwrap().reason, Reason::Case);
    /// assert!(!findings.is_complete() && none.is_complete());
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn checking(mut self) -> Self {
        let program = self.patterns.checking_program();
        let visitor = KeyScanVisitor { program, ..self.tree.visitor.clone() };
        self.tree.set_visitor(visitor);
        self
    }

    /// Whether to find only the outermost matches, as
    /// [`Scan::outermost`](crate::Scan::outermost) tells. It is set before the first key is
    /// given. Default: no.
    ///
    /// Then the keys of a directory that is known to match cease to be wanted, but for those
    /// that other patterns ask for, which [`skip`](Self::skip) tells. A file that a directory
    /// needs may have a key behind all others, so the matches below come when that is certain.
    pub fn outermost(mut self, yes: bool) -> Self {
        let visitor = KeyScanVisitor { outermost: yes, ..self.tree.visitor.clone() };
        self.tree.set_visitor(visitor);
        self
    }

    /// Takes the next keys of a range.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) if a key does not come after all earlier
    /// keys of the range, or lies outside it, or if the range has ended. None of the keys
    /// has been taken then.
    pub fn keys<'k, K>(&mut self, range: RangeId, keys: K) -> Result<(), Error>
    where
        K: IntoIterator<Item = &'k str>,
        K::IntoIter: Clone,
    {
        self.tree.keys(range, keys.into_iter().map(str::as_bytes))
    }

    /// [`keys`](Self::keys) of any bytes.
    ///
    /// # Errors
    ///
    /// As for [`keys`](Self::keys).
    pub fn keys_bytes<'k, K>(&mut self, range: RangeId, keys: K) -> Result<(), Error>
    where
        K: IntoIterator<Item = &'k [u8]>,
        K::IntoIter: Clone,
    {
        self.tree.keys(range, keys.into_iter())
    }

    /// Takes a directory that a store lists in the place of the keys in it, by its prefix,
    /// which ends in a slash. The directory exists. Returns whether anything inside is
    /// wanted. If so its keys must follow, in this range or in one that is split off at the
    /// prefix; if not, they may be left out.
    ///
    /// # Errors
    ///
    /// As for [`keys`](Self::keys).
    pub fn prefix(&mut self, range: RangeId, prefix: impl AsRef<[u8]>) -> Result<bool, Error> {
        self.tree.prefix(range, prefix.as_ref())
    }

    /// Splits a range at a key, which must come after all keys that the range was given. The
    /// range keeps the keys before `at`. Returns the range of the rest, `at` included, up to
    /// the old end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) if `at` does not lie in what is left of the
    /// range, or if the range has ended.
    pub fn split(&mut self, range: RangeId, at: impl AsRef<[u8]>) -> Result<RangeId, Error> {
        self.tree.split(range, at.as_ref())
    }

    /// Takes the next keys of the only range one after another.
    pub(crate) fn successive<'k>(
        &mut self,
        range: RangeId,
        cursor: &mut Cursor,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> Result<(), Error> {
        self.tree.successive(range, cursor, keys)
    }

    /// Ends the only range, after its last key.
    pub(crate) fn end_successive(&mut self, range: RangeId, cursor: &mut Cursor) {
        self.tree.end_successive(range, cursor);
    }

    /// The prefix of the topmost directory, at the position of the range, inside which
    /// nothing more is wanted: it is excluded, or too deep. All keys with this prefix may be
    /// left out.
    pub fn skip(&self, range: RangeId) -> Option<&str> {
        self.skip_bytes(range).and_then(|prefix| str::from_utf8(prefix).ok())
    }

    /// [`skip`](Self::skip) of keys that may be any bytes.
    pub fn skip_bytes(&self, range: RangeId) -> Option<&[u8]> {
        self.tree.skip(range)
    }

    /// Tells that a range was read to its end: no more of its keys come. A range that has
    /// ended is ignored.
    pub fn end(&mut self, range: RangeId) {
        self.tree.end(range);
    }

    /// Tells that the keys that are left of a range could not be read. Those that it was
    /// given count. But of the directories that lead to its position or to its end, which may
    /// have more keys, nothing is certain that is asked not to be there. A range that has
    /// ended is ignored.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{ExcludeRules, FileStructurePattern, KeyScan};
    ///
    /// let run = FileStructurePattern::builder("run_*").forbidden_file("FAILED").build()?;
    /// let (mut scan, range) = KeyScan::new(&[run], "lab", None, ExcludeRules::default());
    /// scan.keys(range, ["run_1/a.csv", "run_2/a.csv"])?;
    /// scan.break_off(range);
    /// // There may be a `run_2/FAILED`.
    /// assert_eq!(scan.take_matches(), [("run_1".to_string(), 0)]);
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn break_off(&mut self, range: RangeId) {
        self.tree.break_off(range);
    }

    /// Tells that keys may be missing anywhere, as of a store that does not list them in order:
    /// from now on nothing is certain that is asked not to be there.
    pub fn distrust(&mut self) {
        self.tree.distrust();
    }

    /// The keys since the last call that are no path, one for each directory and kind of
    /// bad component.
    pub fn take_bad(&mut self) -> Vec<String> {
        self.take_bad_bytes().into_iter().map(into_text).collect()
    }

    /// [`take_bad`](Self::take_bad) as the keys are, byte for byte.
    pub fn take_bad_bytes(&mut self) -> Vec<Vec<u8>> {
        self.tree.take_bad()
    }

    /// What the keys so far amount to.
    pub fn counts(&self) -> KeyCounts {
        self.tree.counts()
    }

    /// Whether all ranges have ended.
    pub fn is_done(&self) -> bool {
        self.tree.is_done()
    }

    /// The matches since the last call, each as the directory's path relative to the source,
    /// empty for the source itself, and the position of the pattern. In a path that is not
    /// UTF-8, U+FFFD stands for what is not.
    pub fn take_matches(&mut self) -> Vec<(String, usize)> {
        let matches = self.take_matches_bytes().into_iter();
        matches.map(|(path, pattern)| (into_text(path), pattern)).collect()
    }

    /// [`take_matches`](Self::take_matches) with the paths byte for byte.
    pub fn take_matches_bytes(&mut self) -> Vec<(Vec<u8>, usize)> {
        let mut matches = Vec::new();
        if self.tree.visitor.program.checklists().is_none() {
            for (path, found) in self.tree.take_found() {
                matches.extend(found.matched.into_iter().map(|pattern| (path.clone(), pattern)));
            }
        }
        matches
    }

    /// What was checked since the last call: each candidate as the directory's path relative to
    /// the source and the position of the pattern, with what does not hold, which is nothing
    /// if it matches. Empty unless the scan is [`checking`](Self::checking).
    pub fn take_checked(&mut self) -> Vec<(String, usize, Findings)> {
        let checked = self.take_checked_bytes().into_iter();
        checked.map(|(path, pattern, findings)| (into_text(path), pattern, findings)).collect()
    }

    /// [`take_checked`](Self::take_checked) with the paths byte for byte.
    pub fn take_checked_bytes(&mut self) -> Vec<(Vec<u8>, usize, Findings)> {
        let mut checked = Vec::new();
        if self.tree.visitor.program.checklists().is_some() {
            for (path, found) in self.tree.take_found() {
                let matched =
                    found.matched.into_iter().map(|pattern| (pattern, Findings::default()));
                let told = matched.chain(found.checked);
                checked.extend(told.map(|(pattern, findings)| (path.clone(), pattern, findings)));
            }
        }
        checked
    }
}
