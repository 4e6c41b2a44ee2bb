//! Parts of a scan of keys that other processes do, and what becomes of them.

use super::{Found, KeyScan, KeyScanState, KeyScanVisitor, Untold, sending};
use crate::checking::{
    Below as BelowNotes, FindingsTable, PackedGathering, PackedOpened, Packer, Unpacked,
};
use crate::key_tree::{KeyTree, PackedTree, RangeId, Span};
use crate::outermost::Report;
use crate::program::{PackedFiles, Program, Tally};
use crate::{Error, ExcludeRules, PatternSet};

/// What became of a part of a [`KeyScan`], which another process did.
///
/// It holds what was found, and what is known of the directories that may have more keys: those
/// in which the part begins and ends, and those that lead to what is [left](Self::left). With
/// the feature `serde` it can be written in any format of [serde](https://serde.rs), for the same
/// version of this crate.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct KeyOutcome {
    tree: PackedTree<PackedState>,
    found: Vec<PackedFound>,
    findings: FindingsTable,
    /// What kind of scan it was.
    checks: bool,
    outermost: bool,
}

impl KeyOutcome {
    /// The ranges of the part that had not ended when it was handed back, in order: the first
    /// key that may come, and the first key beyond; `None`: there is no end.
    pub fn left(&self) -> impl ExactSizeIterator<Item = (&[u8], Option<&[u8]>)> {
        self.tree.left.iter().map(|(start, end)| (&**start, end.as_deref()))
    }

    /// How many directories were found that match, or were checked. Some of them may be below
    /// an outer match, and be dropped.
    pub fn found(&self) -> usize {
        self.found.len()
    }
}

/// What is told of a directory.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct PackedFound {
    path: Vec<u8>,
    matched: Vec<usize>,
    /// The patterns that were checked, and the index of what is told of each.
    checked: Vec<(usize, u32)>,
}

/// What is known of an open directory.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct PackedState {
    files: PackedFiles,
    satisfied: Box<[u64]>,
    /// The rows of [`Untold`].
    untold: Option<[Box<[u64]>; 3]>,
    tallies: Box<[Tally]>,
    /// Which of the candidates were told to be satisfied. `None` of an outer directory, as who
    /// has all parts finds the same.
    told: Option<Box<[u64]>>,
    /// What is told below it and belongs to the outcome unless it, or one above it, matches.
    held: Vec<PackedFound>,
    notes: Option<PackedOpened>,
}

/// A state that fits one that is here.
struct Theirs<'p> {
    packed: &'p PackedState,
    held: Vec<(Vec<u8>, Found)>,
    notes: Option<(&'p PackedGathering, BelowNotes)>,
}

fn pack_found(
    program: &Program,
    packer: &mut Option<Packer<'_>>,
    (path, Found { matched, checked }): (Vec<u8>, Found),
) -> PackedFound {
    let checked = checked.into_iter().filter_map(|(pattern, findings)| {
        let list = program.checklists()?.of_pattern(pattern)?;
        Some((pattern, packer.as_mut()?.findings(list, &findings)))
    });
    PackedFound { path, matched, checked: checked.collect() }
}

/// What is told of a directory elsewhere, if it fits.
fn unpack_found(
    program: &Program,
    patterns: usize,
    findings: &Unpacked,
    PackedFound { path, matched, checked }: &PackedFound,
) -> Option<(Vec<u8>, Found)> {
    let checked = checked.iter().map(|&(pattern, index)| {
        let list = program.checklists()?.of_pattern(pattern)?;
        Some((pattern, findings.get(list, index)?.clone()))
    });
    let checked = checked.collect::<Option<_>>()?;
    let is_known = matched.iter().all(|&pattern| pattern < patterns);
    is_known.then(|| (path.clone(), Found { matched: matched.clone(), checked }))
}

impl KeyScanVisitor {
    fn pack(
        &self,
        state: &KeyScanState,
        is_outer: bool,
        packer: &mut Option<Packer<'_>>,
    ) -> PackedState {
        let KeyScanState { files, satisfied, untold, tallies, standing, notes, .. } = state;
        let untold = untold.as_ref().map(|untold| {
            [&untold.cannot_be_told, &untold.may_be, &untold.is_sure].map(Clone::clone)
        });
        let (held, _) = standing.leave().unwrap_or_default();
        let held = held.into_iter().map(|found| pack_found(&self.program, packer, found)).collect();
        let notes = notes
            .as_ref()
            .and_then(|notes| Some(notes.pack_opened(self.checking()?, packer.as_mut()?)));
        PackedState {
            files: files.pack(),
            satisfied: satisfied.clone(),
            untold,
            tallies: tallies.clone(),
            told: state.told().filter(|_| !is_outer).map(Box::from),
            held,
            notes,
        }
    }

    /// What is added to a state, if it is of the same directory.
    fn fits<'p>(
        &self,
        state: &KeyScanState,
        packed: &'p PackedState,
        patterns: usize,
        findings: &Unpacked,
    ) -> Option<Theirs<'p>> {
        let words = state.satisfied.len();
        let has_rows = |rows: &[Box<[u64]>; 3]| rows.iter().all(|row| row.len() == words);
        let fits = state.files.fits(&packed.files)
            && packed.satisfied.len() == words
            && packed.untold.as_ref().is_none_or(has_rows)
            && packed.tallies.len() == state.tallies.len()
            && packed
                .told
                .as_ref()
                .is_none_or(|told| Some(told.len()) == state.told().map(<[_]>::len));
        let notes = match (&state.notes, &packed.notes) {
            (None, None) => None,
            (Some(notes), Some(packed)) => {
                Some(notes.unpack_opened(packed, self.checking()?, findings)?)
            }
            _ => return None,
        };
        let held = packed.held.iter();
        let held = held.map(|found| unpack_found(&self.program, patterns, findings, found));
        let held = held.collect::<Option<_>>()?;
        fits.then_some(Theirs { packed, held, notes })
    }

    /// Adds to a state what is known elsewhere of other keys in the same directory.
    fn merge(&self, state: &mut KeyScanState, theirs: Theirs<'_>, to: &mut Vec<(Vec<u8>, Found)>) {
        let Theirs { packed, held, notes } = theirs;
        state.files.merge(&packed.files);
        add_bits(&mut state.satisfied, &packed.satisfied);
        if let Some([cannot_be_told, may_be, is_sure]) = &packed.untold {
            let nodes = state.requirements.as_ref().map_or(0, |required| required.nodes.len());
            let untold = state.untold.get_or_insert_with(|| Untold::new(nodes));
            add_bits(&mut untold.cannot_be_told, cannot_be_told);
            add_bits(&mut untold.may_be, may_be);
            add_bits(&mut untold.is_sure, is_sure);
        }
        for (ours, theirs) in state.tallies.iter_mut().zip(&packed.tallies) {
            ours.merge(theirs);
        }
        if let (Some(checking), Some(ours), Some(theirs)) =
            (self.checking(), &mut state.notes, notes)
        {
            ours.take_opened(checking, theirs);
        }
        if let Some(told) = &packed.told {
            self.take_told(state, told);
        }
        for found in held {
            let report = match found.1.matched.is_empty() {
                true => Report::Incomplete(found),
                false => Report::Match(found),
            };
            state.standing.take(report, &mut sending(to));
        }
    }
}

fn add_bits(ours: &mut [u64], theirs: &[u64]) {
    ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| *ours |= theirs);
}

impl KeyScan {
    /// A scan of a part of the keys, and the range of these: from `start`, which is among them,
    /// up to `end`, which is not; `None`: up to the last. Another `KeyScan`, in another process
    /// maybe, takes what becomes of it: see [`hand_back`](Self::hand_back). All else is that of
    /// [`new`](Self::new), and must be the same there, as must be
    /// [`checking`](Self::checking) and [`outermost`](Self::outermost).
    ///
    /// What is found of directories of which all keys are in the part can be taken at once, and
    /// is not handed back then.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{ExcludeRules, FileStructurePattern, KeyScan};
    ///
    /// let run = FileStructurePattern::builder("run_*").file("a.csv").file("b.csv").build()?;
    /// let new = || KeyScan::new([run.clone()].as_slice(), "lab", None, ExcludeRules::default());
    /// let (mut scan, first) = new();
    /// let second = scan.split(first, "run_1/b")?;
    ///
    /// // In another process.
    /// let (mut part, range) = KeyScan::part(
    ///     [run.clone()].as_slice(), "lab", None, ExcludeRules::default(), "run_1/b", None::<&str>,
    /// );
    /// part.keys(range, ["run_1/b.csv", "run_2/a.csv"])?;
    /// let outcome = part.hand_back();
    ///
    /// // What it did not read is a range again.
    /// assert_eq!(outcome.left().collect::<Vec<_>>(), [(&b"run_2/a.csv\0"[..], None)]);
    /// let left = scan.take_part(second, &outcome)?;
    /// scan.keys(first, ["run_1/a.csv"])?;
    /// scan.end(first);
    /// assert_eq!(scan.take_matches(), [("run_1".to_string(), 0)]);
    /// scan.keys(left[0], ["run_2/b.csv"])?;
    /// scan.end(left[0]);
    /// assert_eq!(scan.take_matches(), [("run_2".to_string(), 0)]);
    /// assert!(scan.is_done());
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn part(
        patterns: impl Into<PatternSet>,
        source: &str,
        max_depth: impl Into<Option<usize>>,
        exclude: ExcludeRules,
        start: impl AsRef<[u8]>,
        end: Option<impl AsRef<[u8]>>,
    ) -> (KeyScan, RangeId) {
        let patterns = patterns.into();
        let visitor = KeyScanVisitor::new(&patterns, source.as_bytes(), max_depth.into());
        let span: Span = (start.as_ref().to_owned(), end.map(|end| end.as_ref().to_owned()));
        let (tree, range) = KeyTree::part(visitor, exclude, span);
        (KeyScan { tree, patterns }, range)
    }

    /// The keys that a range has left: the first that may come, and the first beyond, `None` if
    /// there is no end. `None` if it has ended.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{ExcludeRules, KeyScan, PatternSet};
    ///
    /// let (mut scan, range) =
    ///     KeyScan::new(PatternSet::new(&[]), "lab", None, ExcludeRules::default());
    /// scan.split(range, "m")?;
    /// assert_eq!(scan.left(range), Some((b"".to_vec(), Some(b"m".to_vec()))));
    /// scan.keys(range, ["a"])?;
    /// assert_eq!(scan.left(range), Some((b"a\0".to_vec(), Some(b"m".to_vec()))));
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn left(&self, range: RangeId) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        self.tree.span(range)
    }

    /// Ends a [part](Self::part). Ranges that have not ended are [left](KeyOutcome::left).
    pub fn hand_back(mut self) -> KeyOutcome {
        let visitor = self.tree.visitor.clone();
        let program = &*visitor.program;
        let mut packer = program.checklists().map(Packer::new);
        let found = self.tree.take_found().into_iter();
        let found = found.map(|found| pack_found(program, &mut packer, found)).collect();
        let tree =
            self.tree.hand_back(|_, state, is_outer| visitor.pack(state, is_outer, &mut packer));
        KeyOutcome {
            tree,
            found,
            findings: packer.map(Packer::finish).unwrap_or_default(),
            checks: program.checklists().is_some(),
            outermost: visitor.outermost,
        }
    }

    /// Takes what became of a [part](Self::part), in place of the keys that a range has left:
    /// these must be the keys of the part, see [`left`](Self::left). Returns the ranges of what
    /// was not read, in the order of [`KeyOutcome::left`]. The range itself has ended. One that
    /// had ended before, as another outcome of the same part was taken, is ignored: there are
    /// no ranges then.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Subtree`](crate::ErrorKind::Subtree) if the outcome is not one of these
    /// keys, patterns and options. Nothing is changed then.
    pub fn take_part(
        &mut self,
        range: RangeId,
        outcome: &KeyOutcome,
    ) -> Result<Vec<RangeId>, Error> {
        if self.tree.span(range).is_none() {
            return Ok(Vec::new());
        }
        let KeyOutcome { tree, found, findings, checks, outermost } = outcome;
        let visitor = self.tree.visitor.clone();
        let checklists = visitor.program.checklists();
        if (*checks, *outermost) != (checklists.is_some(), visitor.outermost) {
            return Err(Error::subtree("it is one of another kind of scan"));
        }
        let unpacked = match checklists {
            Some(checklists) => findings.unpack(checklists),
            None => Some(Unpacked::default()),
        };
        let findings = unpacked.ok_or_else(|| Error::subtree("findings do not fit"))?;
        let patterns = self.patterns.patterns().len();
        let found = found.iter();
        let found = found.map(|found| unpack_found(&visitor.program, patterns, &findings, found));
        let found = found.collect::<Option<Vec<_>>>();
        let found = found.ok_or_else(|| Error::subtree("what was found does not fit"))?;
        let left = self.tree.take_part(
            range,
            tree,
            |visitor, state, packed| visitor.fits(state, packed, patterns, &findings),
            KeyScanVisitor::merge,
        )?;
        self.tree.add_found(found);
        Ok(left)
    }
}
