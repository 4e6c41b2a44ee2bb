//! Parts of the keys that other processes read.
//!
//! A part is the keys from one up to another. Directories that lead to its beginning or to its
//! end may have keys outside of it: they are *outer* ones. Whoever reads the part opens them
//! first, and never closes them. What is known of these, and of the directories that lead to the
//! ranges that are left, goes back and is added to what others know of them. Whether an outer
//! directory exists is told to the directory above by who has all parts, once.

use memchr::memchr;

use super::{BAD, KeyRange, KeyTree, KeyVisitor, RangeId, Step};
use crate::{Error, ExcludeRules};

/// The keys from one, which is among them, up to another; `None`: up to the last.
pub(crate) type Span = (Vec<u8>, Option<Vec<u8>>);

/// What became of a part. `S` is the state of an open directory as it travels.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct PackedTree<S> {
    span: Span,
    /// What was not read, in order.
    pub(crate) left: Vec<Span>,
    /// The source, and behind it the open directories, each behind that in which it is.
    nodes: Vec<PackedNode<S>>,
    bad: Vec<Vec<u8>>,
    is_trusted: bool,
    directories: usize,
    entries: usize,
    keys: usize,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct PackedNode<S> {
    parent: u32,
    name: Box<[u8]>,
    exists: bool,
    is_whole: bool,
    reported: [bool; BAD.len()],
    state: S,
}

/// More than this is not counted.
const MOST: usize = usize::MAX / 4;

impl KeyRange {
    /// The first key that may come.
    fn start(&self) -> Vec<u8> {
        let mut start = self.position.clone();
        // What follows a key next is the same with a NUL behind it.
        start.extend((!self.inclusive).then_some(0));
        start
    }

    fn span(&self) -> Span {
        (self.start(), self.end.clone())
    }
}

impl<V: KeyVisitor> KeyTree<V> {
    /// A tree of a part of the keys, and the range of all of these.
    pub(crate) fn part(visitor: V, exclude: ExcludeRules, span: Span) -> (KeyTree<V>, RangeId) {
        let (mut tree, all) = KeyTree::new(visitor, exclude);
        tree.counts.directories = 0;
        if tree.visitor.decides_early() {
            // What is asked of the directories that are opened below.
            tree.look_at_wanted(tree.source);
        }
        let (start, end) = &span;
        let (open, prefix) = tree.way(start, true);
        let (end_open, _) = tree.open_directories(end.as_deref().unwrap_or_default());
        for step in open.iter().chain(&end_open) {
            let node = tree.node_mut(step.node);
            node.is_outer = true;
            node.pins += 1;
        }
        let range = tree.add_range(KeyRange {
            position: start.clone(),
            inclusive: true,
            end: end.clone(),
            prefix,
            open,
            existing: 0,
            end_open,
        });
        tree.end(all);
        tree.part = Some(span);
        (tree, range)
    }

    /// The keys that a range has left; `None`: it has ended.
    pub(crate) fn span(&self, id: RangeId) -> Option<Span> {
        self.ranges.get(&id).map(KeyRange::span)
    }

    /// The directories that lead to a key, all pinned, and the prefix of the last. That of
    /// which the key is the prefix is one if it is open already, or to be opened.
    fn way(&mut self, at: &[u8], opens: bool) -> (Vec<Step>, Vec<u8>) {
        let (mut open, mut prefix) = self.open_directories(at);
        if let (Some(&Step { node, length }), Some((b'/', name))) =
            (open.last(), at[prefix.len()..].split_last())
            && memchr(b'/', name).is_none()
            && self.node(node).wanted
            && !BAD.contains(&name)
            && (opens || self.open_child(node, name).is_some())
        {
            let node = self.child(node, at, length..at.len() - 1);
            open.push(Step { node, length: at.len() });
            prefix = at.to_owned();
        }
        (open, prefix)
    }

    /// The open directory of a name.
    fn open_child(&self, parent: usize, name: &[u8]) -> Option<usize> {
        let mut children = self.node(parent).children.iter().copied();
        children.find(|&child| &*self.node(child).name == name)
    }

    /// Ends a part. `pack` makes a state travel; it is told whether it is that of an outer
    /// directory.
    pub(crate) fn hand_back<S>(
        &mut self,
        mut pack: impl FnMut(&V, &V::State, bool) -> S,
    ) -> PackedTree<S> {
        let mut left: Vec<Span> = self.ranges.values().map(KeyRange::span).collect();
        left.retain(|(start, end)| end.as_ref().is_none_or(|end| start < end));
        left.sort_unstable();
        let mut order = vec![(self.source, 0)];
        let mut next = 0;
        while let Some(&(index, _)) = order.get(next) {
            let children = self.node(index).children.iter();
            order.extend(children.map(|&child| (child, next as u32)));
            next += 1;
        }
        let nodes = order.into_iter().map(|(index, parent)| {
            let node = self.node(index);
            PackedNode {
                parent,
                name: node.name.clone(),
                exists: node.exists,
                is_whole: node.is_whole,
                reported: node.reported,
                state: pack(&self.visitor, &node.state, node.is_outer),
            }
        });
        PackedTree {
            span: self.part.clone().unwrap_or_default(),
            left,
            nodes: nodes.collect(),
            bad: self.bad.clone(),
            is_trusted: self.is_trusted,
            directories: self.counts.directories,
            entries: self.counts.entries,
            keys: self.counts.keys,
        }
    }

    /// Takes what became of a part, in place of the keys that a range has left. Returns the
    /// ranges that are left of it. `fits` gives what is added to a state if that is of the same
    /// directory, and `merge` adds it. If something does not fit, nothing is changed.
    pub(crate) fn take_part<'p, S, T>(
        &mut self,
        id: RangeId,
        packed: &'p PackedTree<S>,
        fits: impl Fn(&V, &V::State, &'p S) -> Option<T>,
        merge: impl Fn(&V, &mut V::State, T, &mut Vec<(Vec<u8>, V::Found)>),
    ) -> Result<Vec<RangeId>, Error> {
        let Some(range) = self.ranges.get(&id) else { return Ok(Vec::new()) };
        if range.span() != packed.span {
            return Err(Error::subtree("these are other keys than the range has left"));
        }
        if !packed.is_in_order() {
            return Err(Error::subtree("what is left is not in order"));
        }
        let mut open = Vec::with_capacity(packed.nodes.len());
        let mut theirs = Vec::with_capacity(packed.nodes.len());
        for node in &packed.nodes {
            let added = self.open_packed(packed, node, &open).and_then(|opened| {
                open.push(opened);
                fits(&self.visitor, &self.node(opened.node).state, &node.state)
            });
            let Some(added) = added else {
                // None of those that were opened here exists yet.
                open.into_iter().rev().for_each(|opened| self.unpin(opened.node));
                return Err(Error::subtree("an open directory does not fit"));
            };
            theirs.push(added);
        }
        if !packed.is_trusted {
            self.distrust();
        }
        for (ours, theirs) in [
            (&mut self.counts.directories, packed.directories),
            (&mut self.counts.entries, packed.entries),
            (&mut self.counts.keys, packed.keys),
        ] {
            *ours = ours.saturating_add(theirs).min(MOST);
        }
        packed.bad.iter().for_each(|key| self.take_bad_key(key));
        for ((packed, theirs), opened) in packed.nodes.iter().zip(theirs).zip(&open) {
            let node = self.nodes[opened.node].as_mut().expect(super::OPEN);
            node.is_whole &= packed.is_whole;
            node.reported.iter_mut().zip(packed.reported).for_each(|(ours, is)| *ours |= is);
            merge(&self.visitor, &mut node.state, theirs, &mut self.found);
            match opened.is_outer() {
                true if packed.exists => self.exists(opened.node),
                true => {}
                // The directory above has been told of it.
                false => node.exists = packed.exists,
            }
        }
        for opened in open.iter().rev() {
            let node = self.node(opened.node);
            if node.exists && !node.excluded {
                self.advance(opened.node);
            }
        }
        if self.visitor.decides_early() {
            self.look_at_wanted(self.source);
        }
        let left = packed.left.iter().map(|(start, end)| {
            let (open, prefix) = self.way(start, false);
            let (end_open, _) = self.open_directories(end.as_deref().unwrap_or_default());
            self.add_range(KeyRange {
                position: start.clone(),
                inclusive: true,
                end: end.clone(),
                prefix,
                open,
                existing: 0,
                end_open,
            })
        });
        let left = left.collect();
        open.into_iter().rev().for_each(|opened| self.unpin(opened.node));
        self.end(id);
        Ok(left)
    }

    /// Opens a directory that was open in a part, and pins it; `None`: it does not fit.
    fn open_packed<S>(
        &mut self,
        packed: &PackedTree<S>,
        PackedNode { parent, name, .. }: &PackedNode<S>,
        before: &[OpenedNode],
    ) -> Option<OpenedNode> {
        let Some(above) = before.get(*parent as usize) else {
            // Only the source has none above it.
            if !(before.is_empty() && name.is_empty()) {
                return None;
            }
            self.node_mut(self.source).pins += 1;
            let to_end = packed.span.1.as_ref().map(|_| 0);
            return Some(OpenedNode { node: self.source, to_start: Some(0), to_end });
        };
        if BAD.contains(&&**name) || memchr(b'/', name).is_some() {
            return None;
        }
        let leads = |key: &[u8], length: usize| {
            let is_next = key[length..].strip_prefix(&**name)?.first() == Some(&b'/');
            is_next.then_some(length + name.len() + 1)
        };
        let (start, end) = (&packed.span.0, packed.span.1.as_deref().unwrap_or_default());
        let to_start = above.to_start.and_then(|length| leads(start, length));
        let to_end = above.to_end.and_then(|length| leads(end, length));
        let (above, child) = (above.node, self.open_child(above.node, name));
        // All keys of one that is no outer one are in the part.
        let is_outer = to_start.is_some() || to_end.is_some();
        let is_twice = child.is_some_and(|child| before.iter().any(|one| one.node == child));
        if is_twice || child.is_some() && !is_outer {
            return None;
        }
        let path = self.path(Some(above), name);
        let node = self.child(above, &path, path.len() - name.len()..path.len());
        Some(OpenedNode { node, to_start, to_end })
    }

    /// Takes a key that is no path, unless one was reported of its directory already.
    fn take_bad_key(&mut self, key: &[u8]) {
        let (mut node, mut from) = (Some(self.source), 0);
        while let Some(index) = node {
            let length = memchr(b'/', &key[from..]);
            let end = length.map_or(key.len(), |length| from + length);
            let component = &key[from..end];
            if let Some(bad) = BAD.iter().position(|&bad| bad == component) {
                if std::mem::replace(&mut self.node_mut(index).reported[bad], true) {
                    return;
                }
                break;
            }
            if length.is_none() {
                break;
            }
            node = self.open_child(index, component);
            from = end + 1;
        }
        self.bad.push(key.to_owned());
    }
}

/// A directory that was open in a part, and is here.
#[derive(Clone, Copy, Debug)]
struct OpenedNode {
    node: usize,
    /// The length of its prefix, if it leads to the beginning of the part, or to its end.
    to_start: Option<usize>,
    to_end: Option<usize>,
}

impl OpenedNode {
    fn is_outer(self) -> bool {
        self.to_start.is_some() || self.to_end.is_some()
    }
}

impl<S> PackedTree<S> {
    /// Whether what is left lies in the part, one range behind the other.
    fn is_in_order(&self) -> bool {
        let (start, end) = &self.span;
        let mut from = Some(start);
        self.left.iter().all(|(start, up_to)| {
            let is_behind = from.is_some_and(|from| from <= start);
            let is_within = match (up_to, end) {
                (_, None) => true,
                (Some(up_to), Some(end)) => up_to <= end,
                (None, Some(_)) => false,
            };
            from = up_to.as_ref();
            is_behind && is_within && up_to.as_ref().is_none_or(|up_to| start < up_to)
        })
    }
}
