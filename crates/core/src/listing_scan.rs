//! A scan of a tree whose listings come from the caller, one at a time.

use std::collections::HashMap;
use std::sync::Arc;

use crate::checking::{Findings, Gathering, ListId, Purpose, decoded};
use crate::matching::{Candidates, Matching, Noted, Settled};
use crate::outermost::Standing;
use crate::program::Program;
use crate::subtree::{Sibling, SiblingKind};
use crate::{Name, PatternSet};

mod directory;
mod division;
mod found;
mod part;

use directory::{ListedDirectory, Named, Place, Wanted, WantedDirectory};
use found::Found;
use part::Part;

/// A directory whose listing a [`ListingScan`] wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DirectoryId(u64);

impl DirectoryId {
    /// The id as a number, for another language.
    pub fn to_raw(self) -> u64 {
        self.0
    }

    /// The id that [`to_raw`](Self::to_raw) gave. Any other number is no directory's id.
    pub fn from_raw(id: u64) -> DirectoryId {
        DirectoryId(id)
    }
}

/// A scan whose listings come from the caller: those of a remote store, an archive, a tree
/// in memory.
///
/// The scan names the directories whose listings it wants. The caller gives them in any
/// order, or says why it cannot. The matches are those of [`Scan`](crate::Scan) on the
/// same tree. Each directory carries a tag of the caller's, such as its path, which comes
/// back with a match.
///
/// Links, mount points and exclude rules are the caller's business: it leaves out entries
/// that are excluded, and tells of each directory whether it may be entered. The scan keeps
/// the wanted directories and their ancestors, not the tree.
///
/// # Example
///
/// ```
/// use pathvein_core::{FileStructurePattern, ListingScan};
///
/// let data = FileStructurePattern::builder("data").file("*.parquet").build()?;
/// let run = FileStructurePattern::builder("run_*").directory(data).build()?;
///
/// let mut scan = ListingScan::new(&[run], None);
/// let source = scan.source("lab");
/// let wanted = scan.listed(source, "lab", &[("run_1".into(), true)], ["notes.txt".into()]);
/// let (index, run_1) = wanted[0];
/// assert_eq!(index, 0);
/// let wanted = scan.listed(run_1, "lab/run_1", &[("data".into(), true)], []);
/// let (_, data) = wanted[0];
/// scan.listed(data, "lab/run_1/data", &[], ["a.parquet".into()]);
/// assert_eq!(scan.take_matches(), [("lab/run_1", 0)]);
/// assert!(scan.is_done());
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Debug)]
pub struct ListingScan<T> {
    matching: Matching,
    /// The directories that are wanted and not listed yet.
    wanted: HashMap<DirectoryId, Wanted<T>>,
    next_id: u64,
    found: Found<T>,
    patterns: PatternSet,
    gathering: Gathering,
    /// Whether names are kept, of which sub-trees are made.
    keeps_names: bool,
    /// `None` unless the scan began with a sub-tree.
    part: Option<Part<T>>,
}

impl<T: Clone> ListingScan<T> {
    /// A scan for `patterns`. `max_depth` is that of
    /// [`Scan::max_depth`](crate::Scan::max_depth).
    ///
    /// A match names its pattern by the position. Of equal patterns, it is that of the
    /// first.
    pub fn new(
        patterns: impl Into<PatternSet>,
        max_depth: impl Into<Option<usize>>,
    ) -> ListingScan<T> {
        let max_depth = max_depth.into().unwrap_or(usize::MAX);
        let patterns = patterns.into();
        ListingScan {
            matching: Matching::new(patterns.clone().into_program(), max_depth, false),
            patterns,
            gathering: Gathering::default(),
            wanted: HashMap::new(),
            next_id: 0,
            found: Found::default(),
            keeps_names: false,
            part: None,
        }
    }

    /// Makes the scan tell what cannot be told: [`take_unknown`](Self::take_unknown).
    pub fn telling_unknown(mut self) -> Self {
        (self.found.tells_unknown, self.matching.tells_unknown) = (true, true);
        self
    }

    /// Makes the scan a check: it tells of each candidate what is missing, as
    /// [`Check`](crate::Check) does: [`take_checked`](Self::take_checked). It is set before the
    /// first source is added, and there are no matches then but in what that tells.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{FileStructurePattern, ListingScan, Name, Place, Reason};
    ///
    /// let data = FileStructurePattern::builder("data").file("*.parquet").build()?;
    /// let run = FileStructurePattern::builder("run_*").file("config.json").directory(data).build()?;
    ///
    /// let mut scan = ListingScan::new(&[run], None).checking();
    /// let source = scan.source("run_1");
    /// let files = [Name::from("Config.json")];
    /// let wanted = scan.listed(source, "run_1", &[("data".into(), true)], files);
    /// scan.listed(wanted[0].1, "run_1/data", &[], []);
    ///
    /// let (tag, pattern, findings) = scan.take_checked().remove(0);
    /// assert_eq!((tag, pattern, findings.is_complete()), ("run_1", 0, false));
    /// assert_eq!(findings[0].place, Place::File(0));
    /// assert_eq!(findings[0].closest.as_ref().unwrap().reason, Reason::Case);
    /// assert_eq!(findings[1].place, Place::Directory(0));
    /// let inside = findings[1].closest.as_ref().unwrap().inside.as_ref().unwrap();
    /// assert!(inside.is_empty && inside.findings[0].place == Place::File(0));
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn checking(mut self) -> Self {
        self.matching.program = self.patterns.checking_program();
        self.found.checks = true;
        self
    }

    /// Makes the scan an explanation of each source, as [`Explain`](crate::Explain) gives it:
    /// [`take_checked`](Self::take_checked) tells of each source and each pattern what became
    /// of all requirements. It is set before the first source is added.
    ///
    /// Then sub-directories of a source that nobody asks for may be wanted, to tell whether
    /// what is missing lies there. What they list decides nothing.
    pub fn explaining(mut self) -> Self {
        let program = Program::checking(self.patterns.patterns(), Purpose::Explain);
        self.matching.program = Arc::new(program);
        (self.matching.max_depth, self.found.explains) = (0, true);
        self
    }

    /// Whether to find only the outermost matches, as
    /// [`Scan::outermost`](crate::Scan::outermost) tells. It is set before the first source
    /// is added. Default: no.
    ///
    /// Then a directory may cease to be wanted, which [`is_wanted`](Self::is_wanted) tells.
    pub fn outermost(mut self, yes: bool) -> Self {
        self.matching.outermost = yes;
        self
    }

    /// Adds a source, and returns its id. `name` is the last component of its path, empty
    /// for the root of a store.
    ///
    /// A source is wanted whatever its name. A scan may have several sources.
    pub fn source<'n>(&mut self, name: impl Into<Name<'n>>) -> DirectoryId {
        let candidates = self.matching.candidates(None, true, name.into(), false);
        self.want(Wanted::One(WantedDirectory { parent: None, candidates, named: None }))
    }

    fn want(&mut self, wanted: Wanted<T>) -> DirectoryId {
        let id = DirectoryId(self.next_id);
        self.next_id += 1;
        self.wanted.insert(id, wanted);
        id
    }

    /// Takes a wanted directory off those that are wanted. Several are not one.
    fn take_one(&mut self, id: DirectoryId) -> Option<WantedDirectory<T>> {
        let is_one = |wanted: &Wanted<T>| match wanted {
            Wanted::One(_) => true,
            Wanted::Several { siblings, .. } => siblings.len() == 1,
        };
        self.wanted.get(&id).filter(|wanted| is_one(wanted))?;
        match self.wanted.remove(&id)? {
            Wanted::One(directory) => Some(directory),
            Wanted::Several { parent, siblings } => {
                let sibling = siblings.iter().next()?;
                Some(self.directory_of(&parent, sibling))
            }
        }
    }

    fn directory_of(
        &mut self,
        parent: &Arc<ListedDirectory<T>>,
        sibling: Sibling<'_>,
    ) -> WantedDirectory<T> {
        let (visits_all, kind) = (self.visits_below(parent), sibling.kind());
        sibling.with_name(|name| {
            let (state, feeds) = (Some(&parent.state), kind.feeds_parent);
            let decoder = self.matching.decoder.clone();
            let candidates = decoded(decoder.as_ref(), name, |name| {
                self.matching.candidates(state, visits_all, name, feeds)
            });
            let named = Some(Box::new(Named { name: name.into(), kind, root: None }));
            WantedDirectory { parent: Some(Arc::clone(parent)), candidates, named }
        })
    }

    /// Gives the listing of a wanted directory: its sub-directories, each with whether it
    /// may be entered, and its other entries. Returns the sub-directories that are wanted
    /// in turn, each as its index in `directories` and its id.
    ///
    /// A directory that may not be entered, such as a link that is not followed, is present
    /// by its name, with nothing inside. A name may be among the directories and among the
    /// files: it is then both. A name that stands twice in one of the lists counts once.
    ///
    /// An id that is not, or not any more, that of a wanted directory is ignored.
    pub fn listed<'n>(
        &mut self,
        id: DirectoryId,
        tag: T,
        directories: &[(Name<'_>, bool)],
        files: impl IntoIterator<Item = Name<'n>>,
    ) -> Vec<(usize, DirectoryId)> {
        self.list(id, tag, directories, files, true)
    }

    /// Gives the listing of a wanted directory that failed part-way, or in which it could not
    /// be told of an entry which kind it is, as [`listed`](Self::listed) does. What was read
    /// counts, and an entry of unknown kind is a file. But of such a directory nothing is
    /// certain that is asked not to be there.
    ///
    /// An id that is not, or not any more, that of a wanted directory is ignored.
    pub fn listed_in_part<'n>(
        &mut self,
        id: DirectoryId,
        tag: T,
        directories: &[(Name<'_>, bool)],
        files: impl IntoIterator<Item = Name<'n>>,
    ) -> Vec<(usize, DirectoryId)> {
        self.list(id, tag, directories, files, false)
    }

    fn list<'n>(
        &mut self,
        id: DirectoryId,
        tag: T,
        directories: &[(Name<'_>, bool)],
        files: impl IntoIterator<Item = Name<'n>>,
        is_whole: bool,
    ) -> Vec<(usize, DirectoryId)> {
        let Some(WantedDirectory { parent, mut candidates, named }) = self.take_one(id) else {
            return Vec::new();
        };
        let checklists = self.matching.program.clone();
        let checklists = checklists.checklists();
        let mut note = |name: Name<'_>, is_directory, lists: &[ListId]| {
            if let Some(checklists) = checklists {
                self.gathering.add(checklists, lists, None, name, is_directory);
            }
        };
        let depth = parent.as_ref().map_or(0, |parent| parent.depth + 1);
        let matching = &mut self.matching;
        let mut search = matching.file_search(&candidates);
        for name in files {
            matching.program.search_file(&mut search, name);
            note(name, false, candidates.lists());
        }
        for &(name, _) in directories {
            note(name, true, candidates.lists());
        }
        if search.has_questions() {
            for &(name, _) in directories {
                matching.program.search_directory(&mut search, name);
            }
        }
        let (above, mut settled) = (parent.as_ref(), Settled::default());
        let name = candidates.take_name();
        let mut state = matching.listed(above, depth, candidates, &search, is_whole, &mut settled);
        let above_standing = parent.as_ref().map(|parent| &parent.standing);
        let standing = if matching.outermost {
            let may_match = depth <= matching.max_depth && state.may_match();
            Standing::new(above_standing, !settled.matched.is_empty(), may_match)
        } else {
            Standing::default()
        };
        if checklists.is_some() {
            let visits_below = matching.visits_depth(depth + 1) && !standing.is_covered();
            let gathering = &mut self.gathering;
            let noted = Noted { name, gathering, is_whole, visits_below };
            matching.note(above, depth, &mut state, &mut settled, noted);
            self.gathering.clear();
        }
        let feeds = matching.feeding(&state, directories);
        let count = feeds.iter().filter(|&&feeds| feeds).count();
        let adding = self.found.adding();
        let closed = matching.wait_for(above, depth, &mut state, count, adding);
        self.found.add_settled(&tag, settled, &standing, above_standing);
        if let Some(settled) = closed {
            self.found.add_settled(&tag, settled, &standing, above_standing);
        }
        if count == 0 {
            standing.closed(&mut |report| self.found.add(report));
        }
        let place = self.keeps_names.then(|| Box::new(Place::of(named)));
        let listed = Arc::new(ListedDirectory { parent, depth, state, standing, tag, place });
        let visits_all = self.visits_below(&listed);
        let mut wanted = Vec::new();
        for (index, (&(name, enterable), feeds)) in directories.iter().zip(feeds).enumerate() {
            let kind = SiblingKind { feeds_parent: feeds, ..SiblingKind::default() };
            let id = self.want_in(&listed, visits_all, (name, kind, None), enterable);
            wanted.extend(id.map(|id| (index, id)));
        }
        wanted
    }

    /// Wants a sub-directory of a listed one, or answers for it if nothing is to be known of it
    /// but that it is there.
    fn want_in(
        &mut self,
        parent: &Arc<ListedDirectory<T>>,
        visits_all: bool,
        (name, kind, root): (Name<'_>, SiblingKind, Option<u32>),
        enterable: bool,
    ) -> Option<DirectoryId> {
        let feeds = kind.feeds_parent;
        if !(feeds || visits_all && enterable) {
            return None;
        }
        let candidates = self.matching.candidates(Some(&parent.state), visits_all, name, feeds);
        let is_looked_into = visits_all
            || self.matching.looks_inside(&candidates)
            || self.found.explains && candidates.is_watched();
        if enterable && is_looked_into {
            let named = || Box::new(Named { name: name.into(), kind, root });
            let named = self.keeps_names.then(named);
            let parent = Some(Arc::clone(parent));
            return Some(self.want(Wanted::One(WantedDirectory { parent, candidates, named })));
        }
        if enterable {
            self.matching.not_entered(parent, candidates, self.found.adding());
        } else {
            self.matching.link_not_followed(parent, candidates, self.found.adding());
        }
        None
    }

    /// Whether the sub-directories of a listed directory are wanted, whatever is asked of
    /// them.
    fn visits_below(&self, listed: &ListedDirectory<T>) -> bool {
        self.matching.visits_depth(listed.depth + 1) && !listed.standing.is_covered()
    }

    /// Whether a directory is wanted still. One may cease to be if only the outermost matches
    /// are looked for: it must not be listed any more then, and this has answered for it.
    pub fn is_wanted(&mut self, id: DirectoryId) -> bool {
        let Some(wanted) = self.wanted.get(&id) else { return false };
        let Some(parent) = wanted.parent() else { return true };
        if !self.matching.outermost || self.visits_below(parent) {
            return true;
        }
        let is_asked_for = match wanted {
            Wanted::One(one) => self.matching.is_asked_for(parent, &one.candidates),
            Wanted::Several { parent, siblings } => {
                let (parent, siblings) = (Arc::clone(parent), siblings.clone());
                siblings.iter().any(|sibling| {
                    let one = self.directory_of(&parent, sibling);
                    self.matching.is_asked_for(&parent, &one.candidates)
                })
            }
        };
        if !is_asked_for {
            self.absent(id);
        }
        is_asked_for
    }

    /// Whether the answer of a directory above depends on that of a wanted one. If only the
    /// outermost matches are looked for, those are best listed first.
    pub fn feeds_another(&self, id: DirectoryId) -> bool {
        self.wanted.get(&id).is_some_and(|wanted| match wanted {
            Wanted::One(one) => one.candidates.feeds_parent(),
            Wanted::Several { siblings, .. } => siblings.iter().any(Sibling::feeds_parent),
        })
    }

    /// Tells that a wanted directory exists and could not be listed: it is present by its
    /// name, and what is inside cannot be told. A source has no matches then.
    ///
    /// An id that is not, or not any more, that of a wanted directory is ignored.
    pub fn not_listed(&mut self, id: DirectoryId) {
        self.answer_for(id, |scan, parent, candidates| {
            scan.matching.not_read(parent, candidates, scan.found.adding());
        });
    }

    /// Tells that a wanted directory exists and may not be entered, such as a link that turns
    /// out to be a loop: it is present by its name, with nothing inside.
    ///
    /// An id that is not, or not any more, that of a wanted directory is ignored.
    pub fn not_entered(&mut self, id: DirectoryId) {
        self.answer_for(id, |scan, parent, candidates| {
            scan.matching.not_entered(parent, candidates, scan.found.adding());
        });
    }

    /// Tells that a wanted directory does not exist any more: it satisfies nothing.
    ///
    /// An id that is not, or not any more, that of a wanted directory is ignored.
    pub fn absent(&mut self, id: DirectoryId) {
        self.answer_for(id, |scan, parent, candidates| {
            scan.matching.absent(parent, candidates, scan.found.adding());
        });
    }

    /// Answers for a wanted directory, or for each of several.
    fn answer_for(
        &mut self,
        id: DirectoryId,
        mut answer: impl FnMut(&mut Self, &Arc<ListedDirectory<T>>, Candidates),
    ) {
        match self.wanted.remove(&id) {
            Some(Wanted::One(WantedDirectory { parent: Some(parent), candidates, .. })) => {
                answer(self, &parent, candidates);
            }
            Some(Wanted::Several { parent, siblings }) => {
                for sibling in siblings.iter().filter(|sibling| sibling.feeds_parent()) {
                    let one = self.directory_of(&parent, sibling);
                    answer(self, &parent, one.candidates);
                }
            }
            _ => {}
        }
    }

    /// The matches since the last call, each as the directory's tag and the position of the
    /// pattern.
    pub fn take_matches(&mut self) -> Vec<(T, usize)> {
        std::mem::take(&mut self.found.matches)
    }

    /// What was checked since the last call: each candidate as the directory's tag and the
    /// position of the pattern, with what does not hold, which is nothing if it matches. Empty
    /// unless the scan is [`checking`](Self::checking) or [`explaining`](Self::explaining).
    pub fn take_checked(&mut self) -> Vec<(T, usize, Findings)> {
        std::mem::take(&mut self.found.checked)
    }

    /// The listed directories and patterns since the last call of which it cannot be told
    /// whether they match, since something could not be listed. Empty unless the scan is
    /// [`telling_unknown`](Self::telling_unknown).
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::{FileStructurePattern, ListingScan};
    ///
    /// let failed = FileStructurePattern::builder("logs").file("FAILED").build()?;
    /// let run = FileStructurePattern::builder("run_*").forbidden_directory(failed).build()?;
    ///
    /// let mut scan = ListingScan::new(&[run], None).telling_unknown();
    /// let source = scan.source("run_1");
    /// let wanted = scan.listed(source, "run_1", &[("logs".into(), true)], []);
    /// scan.not_listed(wanted[0].1);
    /// assert_eq!(scan.take_matches(), []);
    /// assert_eq!(scan.take_unknown(), [("run_1", 0)]);
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn take_unknown(&mut self) -> Vec<(T, usize)> {
        std::mem::take(&mut self.found.unknown)
    }

    /// How many matches failed so far for nothing but directories that may not be entered,
    /// as [`Stats::hidden_by_links`](crate::Stats::hidden_by_links) counts them.
    pub fn hidden_by_links(&self) -> usize {
        self.found.hidden_by_links
    }

    /// Whether no more directory is wanted.
    pub fn is_done(&self) -> bool {
        self.wanted.is_empty()
    }
}
