//! The caller's side of a scan whose sub-trees are scanned elsewhere.

use std::sync::Arc;

use super::directory::{ListedDirectory, Named, Place, Wanted};
use super::found::{Found, Reported};
use super::{DirectoryId, ListingScan};
use crate::checking::{Below, Unpacked};
use crate::matching::MatchState;
use crate::outermost::{Report, Standing};
use crate::subtree::{
    Inside, OpenDirectory, OpenStanding, Report as Told, Reports, Siblings, SiblingsBuilder, Step,
};
use crate::{Error, Findings, Name, NameDecoder, Subtree, SubtreeOutcome};

/// An outcome that was looked at, and fits.
struct Fitting {
    /// The roots that are left.
    left: Siblings,
    /// The states of the open directories.
    states: Vec<MatchState>,
    findings: Unpacked,
    /// What they tell of what may be missing in the directory above.
    below: Option<Below>,
}

impl<T: Clone> ListingScan<T> {
    /// Makes the scan keep the names of directories, so that what it [lists](Self::listed) can
    /// be divided into sub-trees. It is set before the first source is added. (A scan to which no
    /// listing is given but that of outcomes keeps the names that it needs.)
    pub fn dividing(mut self) -> Self {
        self.keeps_names = true;
        self
    }

    /// How names are read that outcomes bring from a disk, whose bytes are not UTF-8 but text in
    /// another encoding: as [`Scan::decode_names`](crate::Scan::decode_names) has it for the scans
    /// of the sub-trees. `None`, the default: as UTF-8. It is set before the first source is added.
    pub fn decode_names(mut self, decoder: impl Into<Option<NameDecoder>>) -> Self {
        self.matching.decoder = decoder.into();
        self
    }

    /// What is wanted by an id, as a sub-tree that is scanned elsewhere: a source, a directory,
    /// or several sub-directories of one. It stays wanted until [`scanned`](Self::scanned) takes
    /// what became of it.
    ///
    /// `None` if the id is not, or not any more, that of a wanted directory, or if the scan does
    /// not [keep names](Self::dividing).
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{FileStructurePattern, ListingScan, Name, NameBuf};
    ///
    /// let data = FileStructurePattern::builder("data").file("*.parquet").build()?;
    /// let run = FileStructurePattern::builder("run_*").directory(data).build()?;
    ///
    /// // Here, and in another process:
    /// let mut scan = ListingScan::new(&[run.clone()], None);
    /// let mut part = ListingScan::new(&[run], None);
    ///
    /// let source = scan.source("lab");
    /// let subtree = scan.subtree(source).unwrap();
    /// let roots = part.at(&subtree, "lab", NameBuf::from(Name::from("")))?;
    /// let tag = |path: &str| NameBuf::from(Name::from(path));
    /// let wanted = part.listed(roots[0].1, tag(""), &[("run_1".into(), true)], []);
    /// part.listed(wanted[0].1, tag("run_1"), &[("data".into(), true)], []);
    /// // It ends before it has listed run_1/data.
    /// let outcome = part.hand_back(|path| path.clone());
    ///
    /// let path = |above: Option<&String>, name: Name<'_>| match above {
    ///     Some(above) => format!("{above}/{}", NameBuf::from(name)),
    ///     None => format!("lab{}", NameBuf::from(name)),
    /// };
    /// let left = scan.scanned(source, &outcome, path)?;
    /// let (data, count) = left[0];
    /// assert_eq!((left.len(), count), (1, 1));
    /// scan.listed(data, "lab/run_1/data".to_owned(), &[], ["a.parquet".into()]);
    /// assert_eq!(scan.take_matches(), [("lab/run_1".to_owned(), 0)]);
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn subtree(&self, id: DirectoryId) -> Option<Subtree> {
        let (parent, roots) = match self.wanted.get(&id)? {
            Wanted::One(one) => match &one.parent {
                None => return Some(Subtree { id: id.0, inside: None }),
                Some(parent) => (parent, roots_of(one.named.as_deref()?)),
            },
            Wanted::Several { parent, siblings } => (parent, siblings.clone()),
        };
        let mut way = Vec::with_capacity(parent.depth);
        let (mut source, mut next) = (None, Some(parent));
        while let Some(listed) = next {
            let Place { name, by_link, seen } = listed.place.as_deref()?;
            next = listed.parent.as_ref();
            match next {
                Some(_) => way.push(Step { name: name.clone(), by_link: *by_link, seen: *seen }),
                None => source = *seen,
            }
        }
        way.reverse();
        let asking = match roots.feeding() {
            0 => Default::default(),
            _ => self.matching.asking(parent),
        };
        let notes = parent.state.notes().zip(self.matching.checking());
        let notes = notes.map(|(notes, checking)| notes.pack_for_below(checking));
        let standing = parent.standing.asking();
        let inside = Inside { source, way, asking, notes, standing, roots };
        Some(Subtree { id: id.0, inside: Some(inside) })
    }

    /// Takes what became of a [`subtree`](Self::subtree) that was scanned elsewhere, in place of
    /// its listings. The id is not wanted any more. Returns what the other left: each id stands
    /// for sub-directories of one directory, and comes with how many they are.
    ///
    /// `tag` makes the tag of a directory, by that of another and the path relative to that
    /// directory, with `/` between the names. Where there is no other, the path is relative to the
    /// source, and empty for the source itself.
    ///
    /// An id that is not, or not any more, that of a wanted directory is ignored. So an outcome
    /// that comes twice, or too late, counts once.
    ///
    /// # Errors
    ///
    /// The outcome is not of this sub-tree, or not of these patterns, or was damaged
    /// ([`ErrorKind::Subtree`](crate::ErrorKind::Subtree)). Nothing is changed then.
    pub fn scanned(
        &mut self,
        id: DirectoryId,
        outcome: &SubtreeOutcome,
        mut tag: impl FnMut(Option<&T>, Name<'_>) -> T,
    ) -> Result<Vec<(DirectoryId, usize)>, Error> {
        let (parent, roots) = match self.wanted.get(&id) {
            None => return Ok(Vec::new()),
            Some(Wanted::Several { parent, siblings }) => {
                (Some(Arc::clone(parent)), siblings.clone())
            }
            Some(Wanted::One(one)) => match &one.named {
                Some(named) => (one.parent.clone(), roots_of(named)),
                None if one.parent.is_none() => (None, Siblings::default()),
                None => return Err(Error::subtree("no sub-tree was made of it")),
            },
        };
        let Fitting { left, states, findings, below } =
            self.check(id, parent.as_ref(), &roots, outcome)?;
        let wanted = self.wanted.remove(&id);
        if outcome.left() == outcome.roots as usize {
            // Nothing was begun.
            let count = outcome.left();
            return Ok(wanted.map(|wanted| (self.want(wanted), count)).into_iter().collect());
        }
        let mut wanted = Vec::new();
        let mut want = |scan: &mut Self, parent: &Arc<ListedDirectory<T>>, siblings: &Siblings| {
            if !siblings.is_empty() {
                let (parent, siblings) = (Arc::clone(parent), siblings.clone());
                let count = siblings.len();
                wanted.push((scan.want(Wanted::Several { parent, siblings }), count));
            }
        };
        if let Some(parent) = &parent {
            want(self, parent, &left);
        }
        let mut listed: Vec<Arc<ListedDirectory<T>>> = Vec::with_capacity(outcome.open.len());
        for (open, state) in outcome.open.iter().zip(states) {
            let OpenDirectory { name, by_link, seen, left, .. } = open;
            let above = match open.parent {
                0 => parent.as_ref(),
                index => Some(&listed[index as usize - 1]),
            };
            let own_tag = tag(above.map(|above| &above.tag), name.as_name());
            let place = Place { name: name.clone(), by_link: *by_link, seen: *seen };
            let directory = Arc::new(ListedDirectory {
                depth: above.map_or(0, |above| above.depth + 1),
                state,
                standing: self.restore_standing(open, above, &findings, |path| {
                    tag(parent.as_ref().map(|parent| &parent.tag), path)
                }),
                parent: above.cloned(),
                tag: own_tag,
                place: Some(Box::new(place)),
            });
            want(self, &directory, left);
            listed.push(directory);
        }
        if let (Some(parent), Some(answers)) = (&parent, &outcome.answers) {
            if let (Some(notes), Some(below)) = (parent.state.notes(), below) {
                notes.take_below(below);
            }
            let (answered, adding) = (outcome.answered as usize, self.found.adding());
            self.matching.take_answers(parent, answers, answered, adding);
        }
        self.take_reports(parent.as_ref(), outcome, &findings, tag);
        Ok(wanted)
    }

    /// Cuts off the sub-directories for which an id stands all but the first, so many, and returns
    /// an id of the others. `None` if there are no others, or none would be left.
    ///
    /// What became of a [`subtree`](Self::subtree) that was made of all of them is not taken any
    /// more.
    pub fn split(&mut self, id: DirectoryId, count: usize) -> Option<DirectoryId> {
        let Some(Wanted::Several { parent, siblings }) = self.wanted.get_mut(&id) else {
            return None;
        };
        if count == 0 || count >= siblings.len() {
            return None;
        }
        let (parent, siblings) = (Arc::clone(parent), siblings.split_off(count));
        Some(self.want(Wanted::Several { parent, siblings }))
    }

    /// Looks whether an outcome fits, without changing anything but what is remembered.
    fn check(
        &mut self,
        id: DirectoryId,
        parent: Option<&Arc<ListedDirectory<T>>>,
        roots: &Siblings,
        outcome: &SubtreeOutcome,
    ) -> Result<Fitting, Error> {
        let count = if parent.is_some() { roots.len() } else { 1 };
        if outcome.id != id.0 || outcome.roots as usize != count {
            return Err(Error::subtree("the outcome of another sub-tree"));
        }
        let left = left_of(roots, outcome, count)?;
        // How many sub-directories each open directory waits for; the first is that above.
        let mut awaited = vec![0; outcome.open.len() + 1];
        for (index, open) in outcome.open.iter().enumerate() {
            if open.parent as usize > index {
                return Err(Error::subtree("a directory that comes before its parent"));
            }
            awaited[index + 1] += open.left.feeding();
            let feeds = open.state.as_ref().is_some_and(|state| state.feeds_parent());
            awaited[open.parent as usize] += usize::from(feeds);
        }
        let above_awaits = awaited[0] + left.feeding() + outcome.answered as usize;
        let are_all_answered = match parent {
            Some(_) => above_awaits == roots.feeding(),
            // It is the first, and the only one without a parent.
            None => {
                above_awaits == 0
                    && outcome
                        .open
                        .iter()
                        .enumerate()
                        .all(|(at, open)| (open.parent == 0) == (at == 0))
                    && (outcome.open.is_empty() || outcome.left() == 0)
            }
        };
        if !are_all_answered || parent.is_some() != outcome.answers.is_some() {
            return Err(Error::subtree("not as many answers as were asked for"));
        }
        let findings = match self.matching.program.checklists() {
            Some(checklists) => outcome.findings.unpack(checklists),
            None => Some(Unpacked::default()),
        };
        let findings = findings.ok_or_else(|| Error::subtree("findings on what is not there"))?;
        let mut below = None;
        if let (Some(parent), Some(answers)) = (parent, &outcome.answers) {
            self.matching.check_answers(&parent.state, answers, outcome.answered as usize)?;
            let theirs = outcome.below.as_ref();
            below = self.matching.check_below(&parent.state, theirs, &findings)?;
        }
        let mut depths: Vec<usize> = Vec::with_capacity(outcome.open.len());
        let mut states = Vec::with_capacity(outcome.open.len());
        for (open, &awaited) in outcome.open.iter().zip(&awaited[1..]) {
            let depth = match open.parent {
                0 => parent.map_or(0, |parent| parent.depth + 1),
                index => depths[index as usize - 1] + 1,
            };
            depths.push(depth);
            let mut state = match &open.state {
                Some(state) if awaited > 0 => self.matching.restore(state, depth, awaited)?,
                None if awaited == 0 => MatchState::answered(),
                _ => return Err(Error::subtree("a directory that waits for nothing")),
            };
            let (notes, matching) = (open.notes.as_ref(), &self.matching);
            matching.restore_notes(&mut state, notes, &findings, awaited > 0)?;
            states.push(state);
            if let OpenStanding::Undecided(held) = &open.standing {
                self.check_reports(&held.reports, held.hidden_by_links, &findings)?;
            }
        }
        self.check_reports(&outcome.reports, outcome.hidden_by_links, &findings)?;
        self.check_reports(&outcome.unknown, 0, &findings)?;
        Ok(Fitting { left, states, findings, below })
    }

    fn check_reports(
        &self,
        reports: &Reports,
        hidden_by_links: u64,
        findings: &Unpacked,
    ) -> Result<(), Error> {
        let count = self.patterns.patterns().len();
        let is_known = |report: Told<'_>| {
            report.pattern < count
                && (report.findings.is_none() || self.findings_of(report, findings).is_some())
        };
        match reports.iter().all(is_known) && hidden_by_links <= u64::from(u32::MAX) {
            true => Ok(()),
            false => Err(Error::subtree("reports on patterns that there are not")),
        }
    }

    /// What is missing, of a report on what was checked.
    fn findings_of(&self, report: Told<'_>, findings: &Unpacked) -> Option<Findings> {
        let list = self.matching.program.checklists()?.of_pattern(report.pattern)?;
        findings.get(list, u32::try_from(report.findings?).ok()?).cloned()
    }

    fn take_reports(
        &mut self,
        parent: Option<&Arc<ListedDirectory<T>>>,
        outcome: &SubtreeOutcome,
        findings: &Unpacked,
        mut tag: impl FnMut(Option<&T>, Name<'_>) -> T,
    ) {
        let above = parent.map(|parent| &parent.tag);
        let take = |found: &mut Found<T>, report| match parent {
            Some(parent) => parent.standing.take(report, &mut |report| found.add(report)),
            None => found.add(report),
        };
        if !parent.is_some_and(|parent| parent.standing.is_covered()) {
            for report in outcome.reports.iter() {
                let tag = report.with_path(|path| tag(above, path));
                let findings = self.findings_of(report, findings);
                let report = match findings {
                    None => Report::Match((tag, report.pattern, None)),
                    Some(_) => Report::Incomplete((tag, report.pattern, findings)),
                };
                take(&mut self.found, report);
            }
            if outcome.hidden_by_links > 0 {
                let count = outcome.hidden_by_links as usize;
                take(&mut self.found, Report::HiddenByLinks(count));
            }
        }
        if self.found.tells_unknown {
            for report in outcome.unknown.iter() {
                let tag = report.with_path(|path| tag(above, path));
                self.found.unknown.push((tag, report.pattern));
            }
        }
    }

    fn restore_standing(
        &self,
        open: &OpenDirectory,
        above: Option<&Arc<ListedDirectory<T>>>,
        findings: &Unpacked,
        mut tag: impl FnMut(Name<'_>) -> T,
    ) -> Standing<Reported<T>> {
        let parent = above.map(|above| &above.standing);
        let (is_covered, held) = match &open.standing {
            OpenStanding::Covered => (true, None),
            OpenStanding::Free => (false, None),
            OpenStanding::Undecided(held) => {
                let reports = held.reports.iter().map(|report| {
                    let tag = report.with_path(&mut tag);
                    (tag, report.pattern, self.findings_of(report, findings))
                });
                (false, Some((reports.collect(), held.hidden_by_links as usize)))
            }
        };
        Standing::restored(parent, is_covered, held)
    }
}

/// A directory as the only root.
fn roots_of(named: &Named) -> Siblings {
    let mut roots = SiblingsBuilder::default();
    roots.push(named.name.as_name(), named.kind);
    roots.finish()
}

/// The roots that an outcome leaves, of `count`.
fn left_of(roots: &Siblings, outcome: &SubtreeOutcome, count: usize) -> Result<Siblings, Error> {
    let mut ranges = outcome.left.clone();
    ranges.sort_unstable();
    let mut end = 0;
    for &(start, count) in &ranges {
        if u64::from(start) < end || count == 0 {
            return Err(Error::subtree("roots that are left twice"));
        }
        end = u64::from(start) + u64::from(count);
    }
    if end > count as u64 {
        return Err(Error::subtree("more roots than there are"));
    }
    if let [(start, count)] = ranges[..]
        && (start + count) as usize == roots.len()
    {
        return Ok(roots.clone().split_off(start as usize));
    }
    let mut left = SiblingsBuilder::default();
    let mut all = roots.iter();
    let mut next = 0;
    for (start, count) in ranges {
        let skipped = (start - next) as usize;
        all.by_ref()
            .skip(skipped)
            .take(count as usize)
            .for_each(|sibling| left.push_sibling(sibling));
        next = start + count;
    }
    Ok(left.finish())
}
