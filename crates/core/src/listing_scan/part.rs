//! The other side: a scan of a sub-tree, whose outcome is handed back.

use std::collections::HashMap;
use std::sync::Arc;

use super::directory::{ListedDirectory, Wanted, WantedDirectory};
use super::found::Found;
use super::{DirectoryId, ListingScan};
use crate::subtree::{HandedBack, OpenIndex, OutcomeBuilder, Reported, SiblingsBuilder};
use crate::{Error, Name, NameBuf, Subtree, SubtreeOutcome};

/// What a scan began with that scans a sub-tree.
#[derive(Debug)]
pub(super) struct Part<T> {
    outcome: OutcomeBuilder,
    /// What stands for the directory in which the roots are; `None`: the source is scanned.
    stand_in: Option<Arc<ListedDirectory<T>>>,
}

impl<T: Clone> ListingScan<T> {
    /// Begins with a sub-tree of another process's scan, in place of a source. The options of the
    /// two have to be the same. `name` is the last component of the source's path, as
    /// [`source`](Self::source) takes it. `tag` is that of the directory in which the roots are,
    /// which lists nothing here.
    ///
    /// Returns the roots that are wanted, each as its index among the
    /// [names](Subtree::names) and its id. Of the source, the index is 0.
    ///
    /// What is found is not taken, but [handed back](Self::hand_back).
    ///
    /// # Errors
    ///
    /// The sub-tree is not one of these patterns, or was damaged
    /// ([`ErrorKind::Subtree`](crate::ErrorKind::Subtree)); or the scan has begun already.
    pub fn at<'n>(
        &mut self,
        subtree: &Subtree,
        name: impl Into<Name<'n>>,
        tag: T,
    ) -> Result<Vec<(usize, DirectoryId)>, Error> {
        if self.next_id > 0 || self.part.is_some() {
            return Err(Error::subtree("the scan has begun already"));
        }
        let stand_in = subtree.stand_in(&mut self.matching)?;
        let outcome = OutcomeBuilder::new(subtree);
        self.keeps_names = true;
        let (Some(roots), Some((state, standing))) = (subtree.roots(), stand_in) else {
            self.part = Some(Part { outcome, stand_in: None });
            return Ok(vec![(0, self.source(name))]);
        };
        let depth = subtree.way().len();
        let (parent, place) = (None, None);
        let stand_in = Arc::new(ListedDirectory { parent, depth, state, standing, tag, place });
        self.part = Some(Part { outcome, stand_in: Some(Arc::clone(&stand_in)) });
        let visits_all = self.visits_below(&stand_in);
        let mut wanted = Vec::new();
        for (index, root) in roots.iter().enumerate() {
            let (kind, number) = (root.kind(), Some(index as u32));
            let want =
                |name: Name<'_>| self.want_in(&stand_in, visits_all, (name, kind, number), true);
            wanted.extend(root.with_name(want).map(|id| (index, id)));
        }
        Ok(wanted)
    }

    /// Ends a scan that [began](Self::at) with a sub-tree. What is wanted still is left: it is in
    /// the outcome, with all that is known of the directories above. `path` gives the path of a
    /// directory by its tag, relative to that in which the roots are (or to the source, where
    /// that is the root), with `/` between the names.
    ///
    /// An example is at [`subtree`](Self::subtree).
    pub fn hand_back(mut self, mut path: impl FnMut(&T) -> NameBuf) -> SubtreeOutcome {
        let Some(Part { mut outcome, stand_in }) = self.part.take() else {
            return SubtreeOutcome::default();
        };
        let mut reported = |(tag, pattern, findings): super::found::Reported<T>| -> Reported {
            (path(&tag), pattern, findings)
        };
        let Found { matches, checked, unknown, hidden_by_links, explains, .. } = self.found;
        let matches = matches.into_iter().map(|(tag, pattern)| (tag, pattern, None));
        let checked = checked.into_iter().map(|(tag, pattern, findings)| {
            (tag, pattern, Some(findings).filter(|findings| explains || !findings.is_empty()))
        });
        matches.chain(checked).for_each(|report| outcome.report(reported(report)));
        for (tag, pattern) in unknown {
            let (path, pattern, _) = reported((tag, pattern, None));
            outcome.unknown(path.as_name(), pattern);
        }
        let mut outcome = outcome.end(self.matching.checking());
        outcome.hidden_by_links(hidden_by_links);
        let mut wanted: Vec<(DirectoryId, Wanted<T>)> = self.wanted.drain().collect();
        wanted.sort_unstable_by_key(|&(DirectoryId(id), _)| id);
        let mut directories = Vec::new();
        let mut left: HashMap<*const ListedDirectory<T>, SiblingsBuilder> = HashMap::new();
        for (_, wanted) in &wanted {
            let Some(directory) = wanted.parent() else {
                // The source.
                outcome.left(0..1);
                continue;
            };
            if let Wanted::One(WantedDirectory { named: Some(named), .. }) = wanted
                && let Some(root) = named.root
            {
                outcome.left(root as usize..root as usize + 1);
                continue;
            }
            let siblings = left.entry(Arc::as_ptr(directory)).or_insert_with(|| {
                directories.push(directory);
                SiblingsBuilder::default()
            });
            match wanted {
                Wanted::One(one) => {
                    one.named
                        .iter()
                        .for_each(|named| siblings.push(named.name.as_name(), named.kind));
                }
                Wanted::Several { siblings: several, .. } => {
                    several.iter().for_each(|sibling| siblings.push_sibling(sibling));
                }
            }
        }
        let is_stand_in = |directory: &Arc<ListedDirectory<T>>| {
            stand_in.as_ref().is_some_and(|stand_in| Arc::ptr_eq(stand_in, directory))
        };
        let mut opened: HashMap<*const ListedDirectory<T>, OpenIndex> = HashMap::new();
        for directory in directories {
            // Those above come first, up to one that is there already.
            let mut way = Vec::new();
            let mut next = Some(directory);
            while let Some(directory) = next.filter(|directory| !is_stand_in(directory))
                && !opened.contains_key(&Arc::as_ptr(directory))
            {
                way.push(directory);
                next = directory.parent.as_ref();
            }
            for directory in way.into_iter().rev() {
                let parent = directory.parent.as_ref().map(Arc::as_ptr);
                let left = left.remove(&Arc::as_ptr(directory)).unwrap_or_default();
                let name = directory.place.as_ref().map(|place| place.name.as_name());
                let handed_back = HandedBack {
                    parent: parent.and_then(|parent| opened.get(&parent).copied()),
                    name: name.unwrap_or(Name::from("")),
                    by_link: false,
                    seen: None,
                    state: &directory.state,
                    standing: &directory.standing,
                    left: left.finish(),
                };
                let index = outcome.open(handed_back, &mut reported);
                opened.insert(Arc::as_ptr(directory), index);
            }
        }
        let above = stand_in.as_ref().map(|stand_in| (&stand_in.state, &stand_in.standing));
        outcome.finish(above, reported)
    }
}
