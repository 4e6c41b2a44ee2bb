//! A scan of a tree that is handed in, one listing at a time.

use std::collections::HashMap;
use std::sync::Arc;

use crate::matching::{Candidates, Linked, MatchState, Matching};
use crate::program::Program;
use crate::{FileStructurePattern, Name};

/// A directory that a [`ListingScan`] wants to be told about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DirectoryId(u64);

impl DirectoryId {
    /// The id as a number, to be handed to another language.
    pub fn to_raw(self) -> u64 {
        self.0
    }

    /// The id that [`to_raw`](Self::to_raw) gave. Any other number is the id of
    /// no directory.
    pub fn from_raw(id: u64) -> DirectoryId {
        DirectoryId(id)
    }
}

/// A scan whose listings come from the caller: of a remote store, an archive, a
/// tree in memory.
///
/// It says which directories it needs; the caller tells for each what it lists,
/// in any order, or why it cannot. Its answers are those of [`Scan`](crate::Scan)
/// on the same tree. Each directory carries a `T` of the caller's, such as its
/// path, that comes back with a match.
///
/// Links, mount points and exclude rules are the caller's business: it leaves out
/// what is excluded, and says of each directory whether it may be entered. What is
/// kept is what is wanted and the ways down to it, not the tree.
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
    /// The directories that are wanted and not told about yet.
    wanted: HashMap<DirectoryId, Prospect<T>>,
    next_id: u64,
    matches: Vec<(T, usize)>,
}

#[derive(Debug)]
struct Prospect<T> {
    parent: Option<Arc<Listed<T>>>,
    candidates: Candidates,
}

#[derive(Debug)]
struct Listed<T> {
    parent: Option<Arc<Listed<T>>>,
    depth: usize,
    state: MatchState,
    tag: T,
}

impl<T> Linked for Listed<T> {
    fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.as_ref()
    }

    fn depth(&self) -> usize {
        self.depth
    }

    fn state(&self) -> &MatchState {
        &self.state
    }
}

impl<T> Drop for Listed<T> {
    fn drop(&mut self) {
        // A loop, since recursion as deep as the tree would overflow the stack.
        let mut parent = self.parent.take();
        while let Some(mut listed) = parent.and_then(Arc::into_inner) {
            parent = listed.parent.take();
        }
    }
}

impl<T: Clone> ListingScan<T> {
    /// A scan for `patterns`; `max_depth` as in
    /// [`Scan::max_depth`](crate::Scan::max_depth).
    ///
    /// Matches name a pattern by its position. Patterns that are equal are not
    /// made one here: each is reported.
    pub fn new(patterns: &[FileStructurePattern], max_depth: Option<usize>) -> ListingScan<T> {
        let program = Program::new(patterns);
        let max_depth = max_depth.unwrap_or(usize::MAX);
        ListingScan {
            matching: Matching::new(Arc::new(program), max_depth),
            wanted: HashMap::new(),
            next_id: 0,
            matches: Vec::new(),
        }
    }

    /// Begins with a source of this name, the last component of its path, empty
    /// for the root of a store; gives the id to list it under.
    ///
    /// The source is wanted whatever its name. A scan may have several sources.
    pub fn source<'n>(&mut self, name: impl Into<Name<'n>>) -> DirectoryId {
        let candidates = self.matching.source(name.into());
        self.want(Prospect { parent: None, candidates })
    }

    fn want(&mut self, prospect: Prospect<T>) -> DirectoryId {
        let id = DirectoryId(self.next_id);
        self.next_id += 1;
        self.wanted.insert(id, prospect);
        id
    }

    /// Tells what a wanted directory lists: its sub-directories, each with
    /// whether it may be entered, and its other entries. Gives the
    /// sub-directories that are wanted: their index and id.
    ///
    /// A directory that may not be entered is present by its name, with nothing in
    /// it. A name may be among the directories and the files: it is then both. A
    /// listing that failed part-way is told as far as it goes.
    ///
    /// An id that is not wanted (any more) is ignored.
    pub fn listed<'n>(
        &mut self,
        id: DirectoryId,
        tag: T,
        directories: &[(Name<'_>, bool)],
        files: impl IntoIterator<Item = Name<'n>>,
    ) -> Vec<(usize, DirectoryId)> {
        let Some(Prospect { parent, candidates }) = self.wanted.remove(&id) else {
            return Vec::new();
        };
        let depth = parent.as_ref().map_or(0, |parent| parent.depth + 1);
        let matching = &mut self.matching;
        let mut search = matching.file_search(&candidates);
        for name in files {
            matching.program.search_file(&mut search, name);
        }
        let mut matched = Vec::new();
        let progress = matching.listed(parent.as_ref(), depth, candidates, &search, &mut matched);
        self.matches.extend(matched.into_iter().map(|pattern| (tag.clone(), pattern)));

        let is_awaited: Vec<bool> = directories
            .iter()
            .map(|&(name, _)| progress.awaited().is_some_and(|a| matching.may_report(a, name)))
            .collect();
        let count = is_awaited.iter().filter(|&&awaited| awaited).count();
        if count == 0 {
            matching.ended(parent.as_ref(), &progress, found(&mut self.matches));
        }
        let state = matching.state(progress, count);
        let listed = Arc::new(Listed { parent, depth, state, tag });
        let reaches = depth < matching.max_depth && !matching.program.is_empty();
        let mut wanted = Vec::new();
        for (index, (&(name, enterable), awaited)) in directories.iter().zip(is_awaited).enumerate()
        {
            if !(awaited || reaches && enterable) {
                continue;
            }
            let candidates = self.matching.candidates(&listed.state, depth + 1, name, awaited);
            if enterable && (reaches || self.matching.look_inside(&candidates)) {
                let parent = Some(Arc::clone(&listed));
                wanted.push((index, self.want(Prospect { parent, candidates })));
            } else {
                self.matching.not_entered(&listed, candidates, found(&mut self.matches));
            }
        }
        wanted
    }

    /// Tells that a wanted directory cannot be listed: it is present by name,
    /// with nothing in it to be seen. Of a source that means no matches.
    ///
    /// An id that is not wanted (any more) is ignored, here as below.
    pub fn not_listed(&mut self, id: DirectoryId) {
        if let Some(Prospect { parent: Some(parent), candidates }) = self.wanted.remove(&id) {
            self.matching.not_entered(&parent, candidates, found(&mut self.matches));
        }
    }

    /// Tells that a wanted directory is no longer there: it satisfies nothing.
    pub fn absent(&mut self, id: DirectoryId) {
        if let Some(Prospect { parent: Some(parent), candidates }) = self.wanted.remove(&id) {
            self.matching.absent(&parent, candidates, found(&mut self.matches));
        }
    }

    /// Takes a wanted directory to hold whatever may be asked of it on behalf of
    /// the directories above: for telling whether a directory that cannot be
    /// listed decides an answer. It is no match itself.
    pub fn assumed(&mut self, id: DirectoryId) {
        if let Some(Prospect { parent: Some(parent), candidates }) = self.wanted.remove(&id) {
            self.matching.assumed(&parent, candidates, found(&mut self.matches));
        }
    }

    /// The matches since the last call: the directory's tag and the position of
    /// the pattern.
    pub fn take_matches(&mut self) -> Vec<(T, usize)> {
        std::mem::take(&mut self.matches)
    }

    /// Whether no directory is wanted any more.
    pub fn is_done(&self) -> bool {
        self.wanted.is_empty()
    }
}

fn found<T: Clone>(matches: &mut Vec<(T, usize)>) -> impl FnMut(&Arc<Listed<T>>, &[usize]) {
    |listed, patterns| {
        matches.extend(patterns.iter().map(|&pattern| (listed.tag.clone(), pattern)));
    }
}
