//! The tree that keys in sorted order make up: its directories open and close as keys come.
//!
//! In sorted order the keys of a directory are contiguous. So only the directories that
//! lead to the last key are kept, not the tree.
//!
//! The keys may be split into ranges that are read side by side. A directory is *open* as
//! long as some range may have more keys of it: it leads to the position of a range, or to
//! the end of one, as the keys on both sides of a split may belong to it. Each of these
//! reasons is a *pin*, and so is each open directory inside. A directory without pins is
//! closed.
//!
//! Keys are bytes: UTF-8 in which any other byte stands for itself, as in names on disk.

mod parts;
mod successive;

use std::collections::HashMap;
use std::path::Path;

use memchr::memchr;

pub(crate) use self::parts::{PackedTree, Span};
pub(crate) use self::successive::Cursor;
use crate::os_name;
use crate::{Error, ExcludeRules};

/// A range of the keys, from one key up to another, which come in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RangeId(u64);

impl RangeId {
    /// The id as a number, for another language.
    pub fn to_raw(self) -> u64 {
        self.0
    }

    /// The id that [`to_raw`](Self::to_raw) gave. Any other number is no range's id.
    pub fn from_raw(id: u64) -> RangeId {
        RangeId(id)
    }
}

/// What the keys so far amount to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyCounts {
    /// Directories that exist and inside which something was wanted. The source is one.
    pub directories: usize,
    /// Entries of these directories. Directories are included, excluded entries are left
    /// out.
    pub entries: usize,
    /// Keys, whether anything about them was wanted or not.
    pub keys: usize,
}

/// What is done with the directories that keys make up.
pub(crate) trait KeyVisitor {
    /// What is kept of an open directory.
    type State;
    /// What a closed directory may give.
    type Found;

    /// Whether what is wanted changes with the keys that come.
    fn decides_early(&self) -> bool {
        false
    }

    /// The source's state.
    fn source(&self) -> Self::State;

    /// The state of a directory that is opened, and whether anything inside it is wanted.
    /// Whether the directory exists is not known yet.
    fn opened(&self, parent: &mut Self::State, depth: usize, name: &[u8]) -> (Self::State, bool);

    /// A sub-directory exists.
    fn directory(&self, state: &mut Self::State, name: &[u8]);

    /// A file exists. Returns whether that may decide anything.
    fn file(&self, state: &mut Self::State, name: &[u8]) -> bool;

    /// Looks at what is decided of an open directory that exists, of which more keys may
    /// come.
    fn advance(
        &self,
        _: &mut Self::State,
        _depth: usize,
        _parent: Option<&mut Self::State>,
    ) -> Advance<Self::Found> {
        Advance { found: None, is_changed: false, feeds_parent: false }
    }

    /// Whether anything inside an open directory is wanted still.
    fn is_wanted(&self, _: &mut Self::State, _depth: usize, _parent: Option<&Self::State>) -> bool {
        true
    }

    /// Takes what was found of a directory: adds to `to` what belongs to the outcome.
    fn take(
        &self,
        _: &Self::State,
        _parent: Option<&Self::State>,
        found: (Vec<u8>, Self::Found),
        to: &mut Vec<(Vec<u8>, Self::Found)>,
    ) {
        to.push(found);
    }

    /// Nothing more will be found of a directory.
    fn ended(&self, _: &Self::State, _to: &mut Vec<(Vec<u8>, Self::Found)>) {}

    /// A directory that exists is closed: no more of its keys come.
    fn closed(
        &self,
        state: &mut Self::State,
        directory: Closed,
        parent: Option<&mut Self::State>,
    ) -> Option<Self::Found>;
}

/// A directory of which no more keys come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed {
    pub(crate) depth: usize,
    /// What [`opened`](KeyVisitor::opened) returned.
    pub(crate) wanted: bool,
    /// Whether all of its keys came.
    pub(crate) is_whole: bool,
}

/// What has become of an open directory.
pub(crate) struct Advance<F> {
    pub(crate) found: Option<F>,
    /// Whether other things may be wanted inside.
    pub(crate) is_changed: bool,
    /// Whether that may decide something of its parent.
    pub(crate) feeds_parent: bool,
}

/// An open directory.
#[derive(Debug)]
struct Node<S> {
    parent: Option<usize>,
    name: Box<[u8]>,
    depth: usize,
    /// How many reasons there are to keep it open: see the module.
    pins: usize,
    /// The open directories inside.
    children: Vec<usize>,
    /// Whether a key in it has come.
    exists: bool,
    /// Whether none of its keys could not be read, as far as is known.
    is_whole: bool,
    excluded: bool,
    /// Whether anything inside is wanted.
    wanted: bool,
    /// Whether it may have keys outside the part that this is the tree of.
    is_outer: bool,
    /// Which bad components were reported.
    reported: [bool; BAD.len()],
    state: S,
}

/// The bad components: no component of a path may be one.
const BAD: [&[u8]; 3] = [b"", b".", b".."];

/// A directory that leads to a key, and the length of its prefix.
#[derive(Clone, Copy, Debug)]
struct Step {
    node: usize,
    length: usize,
}

/// A range whose keys are still coming.
#[derive(Debug)]
struct KeyRange {
    /// The position: no key before it comes any more.
    position: Vec<u8>,
    /// Whether the key at the position itself may still come.
    inclusive: bool,
    /// The first key beyond the range; `None`: the range has no end.
    end: Option<Vec<u8>>,
    /// The prefix of the last open directory that leads to the position.
    prefix: Vec<u8>,
    /// The open directories that lead to the position, from the source down.
    open: Vec<Step>,
    /// How many of these are known to exist.
    existing: usize,
    /// The open directories that lead to the end.
    end_open: Vec<Step>,
}

impl KeyRange {
    /// Whether a key may come next.
    fn admits(&self, key: &[u8]) -> bool {
        let is_ahead = if self.inclusive { key >= &*self.position } else { key > &*self.position };
        is_ahead && self.end.as_deref().is_none_or(|end| key < end)
    }
}

/// The open directories of a tree that is given as keys.
#[derive(Debug)]
pub(crate) struct KeyTree<V: KeyVisitor> {
    pub(crate) visitor: V,
    exclude: ExcludeRules,
    source: usize,
    nodes: Vec<Option<Node<V::State>>>,
    free: Vec<usize>,
    ranges: HashMap<RangeId, KeyRange>,
    next_range: u64,
    /// Whether nothing is known of keys that may be missing anywhere.
    is_trusted: bool,
    /// The keys of the tree, if they are a part of all.
    part: Option<Span>,
    counts: KeyCounts,
    found: Vec<(Vec<u8>, V::Found)>,
    bad: Vec<Vec<u8>>,
}

/// Why a node must exist.
const OPEN: &str = "a directory that leads to a range is open";

impl<V: KeyVisitor> KeyTree<V> {
    /// A tree, and the range of all keys.
    pub(crate) fn new(visitor: V, exclude: ExcludeRules) -> (KeyTree<V>, RangeId) {
        let mut tree = KeyTree {
            visitor,
            exclude,
            source: 0,
            nodes: Vec::new(),
            free: Vec::new(),
            ranges: HashMap::new(),
            next_range: 0,
            is_trusted: true,
            part: None,
            counts: KeyCounts { directories: 1, ..KeyCounts::default() },
            found: Vec::new(),
            bad: Vec::new(),
        };
        let state = tree.visitor.source();
        let source = tree.add(Node {
            parent: None,
            name: Box::default(),
            depth: 0,
            pins: 2,
            children: Vec::new(),
            exists: true,
            is_whole: true,
            excluded: false,
            wanted: true,
            is_outer: false,
            reported: Default::default(),
            state,
        });
        tree.source = source;
        let step = Step { node: source, length: 0 };
        let range = tree.add_range(KeyRange {
            position: Vec::new(),
            inclusive: true,
            end: None,
            prefix: Vec::new(),
            open: vec![step],
            existing: 0,
            end_open: vec![step],
        });
        (tree, range)
    }

    /// Begins again with another visitor, before the first key.
    pub(crate) fn set_visitor(&mut self, visitor: V) {
        match self.part.take() {
            Some(part) => *self = KeyTree::part(visitor, self.exclude.clone(), part).0,
            None => {
                let source = self.source;
                self.node_mut(source).state = visitor.source();
                self.visitor = visitor;
            }
        }
        let source = self.source;
        // What the visitor before found of the source without any key.
        self.found.clear();
        if self.visitor.decides_early() {
            self.advance(source);
            self.look_at_wanted(source);
        }
    }

    pub(crate) fn counts(&self) -> KeyCounts {
        self.counts
    }

    /// What was found since the last call, each with its directory's path.
    pub(crate) fn take_found(&mut self) -> Vec<(Vec<u8>, V::Found)> {
        std::mem::take(&mut self.found)
    }

    /// Adds what was found elsewhere.
    pub(crate) fn add_found(&mut self, found: Vec<(Vec<u8>, V::Found)>) {
        self.found.extend(found);
    }

    pub(crate) fn take_bad(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.bad)
    }

    /// Whether all ranges have ended.
    pub(crate) fn is_done(&self) -> bool {
        self.ranges.is_empty()
    }

    fn add(&mut self, node: Node<V::State>) -> usize {
        match self.free.pop() {
            Some(index) => {
                self.nodes[index] = Some(node);
                index
            }
            None => {
                self.nodes.push(Some(node));
                self.nodes.len() - 1
            }
        }
    }

    fn add_range(&mut self, range: KeyRange) -> RangeId {
        let id = RangeId(self.next_range);
        self.next_range += 1;
        self.ranges.insert(id, range);
        id
    }

    fn node(&self, index: usize) -> &Node<V::State> {
        self.nodes[index].as_ref().expect(OPEN)
    }

    fn node_mut(&mut self, index: usize) -> &mut Node<V::State> {
        self.nodes[index].as_mut().expect(OPEN)
    }

    fn range(&mut self, id: RangeId) -> Result<&mut KeyRange, Error> {
        self.ranges.get_mut(&id).ok_or_else(|| Error::bad_key(b"", "the range has ended"))
    }

    /// Takes the next keys of a range.
    pub(crate) fn keys<'k>(
        &mut self,
        id: RangeId,
        keys: impl Iterator<Item = &'k [u8]> + Clone,
    ) -> Result<(), Error> {
        let range = self.range(id)?;
        let mut last: Option<&[u8]> = None;
        for key in keys.clone() {
            let ascends = last.is_none_or(|last| last < key);
            if !(ascends && range.admits(key)) {
                return Err(Error::bad_key(key, "out of order, or outside its range"));
            }
            last = Some(key);
        }
        let Some(last) = last else { return Ok(()) };
        let mut range = self.ranges.remove(&id).expect("found above");
        for key in keys {
            self.counts.keys += 1;
            self.key(&mut range, key);
        }
        range.position.clear();
        range.position.extend_from_slice(last);
        range.inclusive = false;
        self.ranges.insert(id, range);
        Ok(())
    }

    /// Takes the next directory of a range. Returns whether anything inside is wanted.
    pub(crate) fn prefix(&mut self, id: RangeId, prefix: &[u8]) -> Result<bool, Error> {
        let range = self.range(id)?;
        if !prefix.ends_with(b"/") {
            return Err(Error::bad_key(prefix, "no prefix of a directory, which ends in a slash"));
        }
        if !range.admits(prefix) {
            return Err(Error::bad_key(prefix, "out of order, or outside its range"));
        }
        let mut range = self.ranges.remove(&id).expect("found above");
        self.key(&mut range, prefix);
        let last = range.open.last().expect(OPEN);
        // Otherwise a component is bad, or the directory lies in one that is not wanted.
        let wanted = last.length == prefix.len() && self.node(last.node).wanted;
        range.position = prefix.to_owned();
        range.inclusive = true;
        self.ranges.insert(id, range);
        Ok(wanted)
    }

    fn key(&mut self, range: &mut KeyRange, key: &[u8]) {
        while !key.starts_with(&range.prefix) {
            self.leave(range);
        }
        range.existing = range.existing.min(range.open.len());
        for step in &range.open[range.existing..] {
            self.exists(step.node);
        }
        if let Some((node, from)) = self.descend(range, key) {
            self.file(node, key, from);
        }
    }

    /// Leaves the last open directory that leads to the position of a range.
    fn leave(&mut self, range: &mut KeyRange) {
        let left = range.open.pop().expect(OPEN);
        range.prefix.truncate(range.open.last().expect(OPEN).length);
        self.unpin(left.node);
    }

    /// Opens the directories that lead to a key. Returns the one that the key's last component
    /// is in and where that begins, if it is wanted.
    fn descend(&mut self, range: &mut KeyRange, key: &[u8]) -> Option<(usize, usize)> {
        let mut node = range.open.last().expect(OPEN).node;
        let mut file = None;
        while self.node(node).wanted {
            let from = range.prefix.len();
            let Some(length) = memchr(b'/', &key[from..]) else {
                file = Some((node, from));
                break;
            };
            let end = from + length;
            if self.is_bad(node, key, &key[from..end]) {
                break;
            }
            node = self.child(node, key, from..end);
            self.exists(node);
            range.prefix.extend_from_slice(&key[from..=end]);
            range.open.push(Step { node, length: end + 1 });
        }
        range.existing = range.open.len();
        file
    }

    /// Takes a key whose last component, a file in `node`, begins at `from`.
    fn file(&mut self, node: usize, key: &[u8], from: usize) {
        let name = &key[from..];
        // An empty name is that of a directory's marker, which is no file.
        if name.is_empty() || self.is_bad(node, key, name) {
            return;
        }
        if self.excludes(key, name, false) {
            return;
        }
        self.counts.entries += 1;
        let index = node;
        let node = self.nodes[index].as_mut().expect(OPEN);
        if self.visitor.file(&mut node.state, name) {
            self.advance(index);
        }
    }

    /// Whether a component is bad. The key is reported once for each directory, of which
    /// nobody can tell what else is in it.
    fn is_bad(&mut self, node: usize, key: &[u8], component: &[u8]) -> bool {
        let Some(bad) = BAD.iter().position(|&bad| bad == component) else { return false };
        self.node_mut(node).is_whole = false;
        if !std::mem::replace(&mut self.node_mut(node).reported[bad], true) {
            self.bad.push(key.to_owned());
        }
        true
    }

    /// The directory in `parent` that a component of the key names. It is pinned, and
    /// opened if it is not open.
    fn child(&mut self, parent: usize, key: &[u8], component: std::ops::Range<usize>) -> usize {
        let name = &key[component.clone()];
        let mut children = self.node(parent).children.iter();
        if let Some(&child) = children.find(|&&child| &*self.node(child).name == name) {
            self.node_mut(child).pins += 1;
            return child;
        }
        let excluded = self.excludes(&key[..component.end], name, true);
        let parent_node = self.nodes[parent].as_mut().expect(OPEN);
        parent_node.pins += 1;
        let depth = parent_node.depth + 1;
        let (state, wanted) = self.visitor.opened(&mut parent_node.state, depth, name);
        let child = self.add(Node {
            parent: Some(parent),
            name: name.into(),
            depth,
            pins: 1,
            children: Vec::new(),
            exists: false,
            is_whole: self.is_trusted,
            excluded,
            wanted: wanted && !excluded,
            is_outer: false,
            reported: Default::default(),
            state,
        });
        self.node_mut(parent).children.push(child);
        child
    }

    /// Whether an entry is excluded.
    fn excludes(&self, path: &[u8], name: &[u8], is_directory: bool) -> bool {
        if self.exclude.is_empty() {
            return false;
        }
        let (path, name) = (os_name::of_bytes(path), os_name::of_bytes(name));
        let path = Path::new(&path);
        self.exclude.excludes_any(path, &name)
            || is_directory && self.exclude.excludes_directory(path, &name)
    }

    /// Notes that a directory exists.
    fn exists(&mut self, index: usize) {
        let node = self.node_mut(index);
        if std::mem::replace(&mut node.exists, true) || node.excluded {
            return;
        }
        let Some(parent) = node.parent else { return };
        if node.is_outer {
            return self.advance(index);
        }
        let (wanted, name) = (node.wanted, std::mem::take(&mut node.name));
        let parent_node = self.nodes[parent].as_mut().expect(OPEN);
        self.visitor.directory(&mut parent_node.state, &name);
        self.node_mut(index).name = name;
        self.counts.entries += 1;
        self.counts.directories += usize::from(wanted);
        self.advance(index);
    }

    /// Looks at what is decided of a directory that is open, and of those above it in turn.
    fn advance(&mut self, mut index: usize) {
        if !self.visitor.decides_early() {
            return;
        }
        let mut changed = None;
        loop {
            let mut node = self.nodes[index].take().expect(OPEN);
            let mut parent = node.parent.and_then(|parent| self.nodes[parent].as_mut());
            let above = parent.as_mut().map(|parent| &mut parent.state);
            let advance = self.visitor.advance(&mut node.state, node.depth, above);
            if let Some(found) = advance.found {
                let found = (self.path(node.parent, &node.name), found);
                let parent = node.parent.and_then(|parent| self.nodes[parent].as_ref());
                let above = parent.map(|parent| &parent.state);
                match node.is_outer {
                    // Who has all parts finds the same.
                    true => self.visitor.take(&node.state, None, found, &mut Vec::new()),
                    false => self.visitor.take(&node.state, above, found, &mut self.found),
                }
            }
            let parent = node.parent;
            self.nodes[index] = Some(node);
            if advance.is_changed {
                changed = Some(index);
            }
            match parent {
                Some(parent) if advance.feeds_parent => index = parent,
                _ => break,
            }
        }
        if let Some(topmost) = changed {
            self.look_at_wanted(topmost);
        }
    }

    /// Looks again at what is wanted in a directory and in the open ones below it.
    fn look_at_wanted(&mut self, topmost: usize) {
        let mut left = vec![topmost];
        while let Some(index) = left.pop() {
            let mut node = self.nodes[index].take().expect(OPEN);
            let parent = node.parent.and_then(|parent| self.nodes[parent].as_ref());
            let above = parent.map(|parent| &parent.state);
            let wanted = self.visitor.is_wanted(&mut node.state, node.depth, above);
            node.wanted &= wanted;
            left.extend_from_slice(&node.children);
            self.nodes[index] = Some(node);
        }
    }

    /// Takes one pin off a directory. The last one closes it, which takes one off its
    /// parent, and so on up.
    fn unpin(&mut self, mut index: usize) {
        loop {
            let node = self.node_mut(index);
            node.pins -= 1;
            if node.pins > 0 {
                return;
            }
            let mut node = self.nodes[index].take().expect(OPEN);
            self.free.push(index);
            let mut parent = node.parent.and_then(|parent| self.nodes[parent].as_mut());
            if let Some(parent) = &mut parent {
                parent.children.retain(|&child| child != index);
            }
            if node.exists && !node.excluded {
                let above = parent.map(|parent| &mut parent.state);
                let Node { depth, wanted, is_whole, .. } = node;
                let directory = Closed { depth, wanted, is_whole };
                let found = self.visitor.closed(&mut node.state, directory, above);
                if let Some(found) = found {
                    let found = (self.path(node.parent, &node.name), found);
                    let parent = node.parent.and_then(|parent| self.nodes[parent].as_ref());
                    let above = parent.map(|parent| &parent.state);
                    self.visitor.take(&node.state, above, found, &mut self.found);
                }
                self.visitor.ended(&node.state, &mut self.found);
                if let Some(parent) = node.parent {
                    self.advance(parent);
                }
            }
            match node.parent {
                Some(parent) => index = parent,
                None => return,
            }
        }
    }

    /// Splits a range at a key. Returns the range of the rest.
    pub(crate) fn split(&mut self, id: RangeId, at: &[u8]) -> Result<RangeId, Error> {
        if at.is_empty() || !self.range(id)?.admits(at) {
            return Err(Error::bad_key(at, "no place to cut the range at"));
        }
        let (mut open, mut prefix) = self.open_directories(at);
        let end_open = open.clone();
        for step in &end_open {
            self.node_mut(step.node).pins += 1;
        }
        let range = self.range(id)?;
        // The directory that begins here was given as a prefix: its keys are in the rest.
        if range.prefix == at {
            let step = range.open.pop().expect(OPEN);
            range.prefix.truncate(range.open.last().expect(OPEN).length);
            prefix = at.to_owned();
            open.push(step);
        }
        let rest = KeyRange {
            position: at.to_owned(),
            inclusive: true,
            end: range.end.replace(at.to_owned()),
            prefix,
            open,
            existing: 0,
            end_open: std::mem::replace(&mut range.end_open, end_open),
        };
        Ok(self.add_range(rest))
    }

    /// The directories that may have keys before `at` and after it, all pinned; and the
    /// prefix of the last.
    fn open_directories(&mut self, at: &[u8]) -> (Vec<Step>, Vec<u8>) {
        let source = self.source;
        self.node_mut(source).pins += 1;
        let mut open = vec![Step { node: source, length: 0 }];
        let (mut node, mut from) = (source, 0);
        while let Some(length) = memchr(b'/', &at[from..]) {
            let end = from + length;
            if end + 1 == at.len() || !self.node(node).wanted || BAD.contains(&&at[from..end]) {
                break;
            }
            node = self.child(node, at, from..end);
            from = end + 1;
            open.push(Step { node, length: from });
        }
        (open, at[..from].to_owned())
    }

    /// The prefix of the topmost directory, of those that lead to the position of a range,
    /// inside which nothing more is wanted.
    pub(crate) fn skip(&self, id: RangeId) -> Option<&[u8]> {
        let range = self.ranges.get(&id)?;
        let unwanted = range.open.iter().find(|step| !self.node(step.node).wanted)?;
        Some(&range.prefix[..unwanted.length])
    }

    /// Tells that keys may be missing anywhere: no directory is whole from now on.
    pub(crate) fn distrust(&mut self) {
        self.is_trusted = false;
        self.nodes.iter_mut().flatten().for_each(|node| node.is_whole = false);
    }

    /// Ends a range of which the keys that are left could not be read.
    ///
    /// A directory may have some of these keys if it leads to the position of the range or to
    /// its end. Of one between the two, no key has come.
    pub(crate) fn break_off(&mut self, id: RangeId) {
        let Some(range) = self.ranges.get(&id) else { return };
        let steps = range.open.iter().chain(&range.end_open).copied().collect::<Vec<_>>();
        steps.into_iter().for_each(|step| self.node_mut(step.node).is_whole = false);
        self.end(id);
    }

    /// Ends a range.
    pub(crate) fn end(&mut self, id: RangeId) {
        let Some(range) = self.ranges.remove(&id) else { return };
        for step in range.open.iter().chain(&range.end_open).rev() {
            self.unpin(step.node);
        }
    }

    fn path(&self, parent: Option<usize>, name: &[u8]) -> Vec<u8> {
        let mut names = vec![name];
        let mut next = parent;
        while let Some(index) = next {
            let node = self.node(index);
            names.push(&node.name);
            next = node.parent;
        }
        names.pop(); // the source's, which is empty
        names.reverse();
        names.join(&b'/')
    }
}

/// Paths as text: a byte that is not UTF-8 becomes U+FFFD.
pub(crate) fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
