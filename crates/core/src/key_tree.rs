//! The directories that keys in sorted order open and close.
//!
//! In sorted order the keys of a directory are contiguous, so what is kept is
//! the way down to the last key and not the tree. Several ranges of the keys may
//! be read side by side: a directory is open as long as some range may still
//! have keys of it. That is so for the directories on the way to what a range
//! was told last, and for those that the cut between two ranges lies in.

use std::collections::HashMap;
use std::path::Path;

use crate::{Error, ExcludeRules};

/// A part of the keys, from one key up to another, that is told in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RangeId(u64);

impl RangeId {
    /// The id as a number, to be handed to another language.
    pub fn to_raw(self) -> u64 {
        self.0
    }

    /// The id that [`to_raw`](Self::to_raw) gave. Any other number is the id of
    /// no range.
    pub fn from_raw(id: u64) -> RangeId {
        RangeId(id)
    }
}

/// How much the keys told so far have come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyCounts {
    /// Directories that exist and inside which something was wanted, the source
    /// among them.
    pub directories: usize,
    /// Entries of these, directories included, excluded ones left out.
    pub entries: usize,
    /// Keys, wanted or not.
    pub keys: usize,
}

/// What keys are read for.
pub(crate) trait KeyVisitor {
    /// What is kept of an open directory.
    type State;
    /// What is found of a directory that is closed.
    type Found;

    /// The source's state.
    fn source(&self) -> Self::State;

    /// A directory's state, and whether anything inside it is wanted. It is not
    /// known yet whether the directory exists.
    fn opened(&self, parent: &mut Self::State, depth: usize, name: &str) -> (Self::State, bool);

    /// A sub-directory exists.
    fn directory(&self, state: &mut Self::State, name: &str);

    /// A file exists.
    fn file(&self, state: &mut Self::State, name: &str);

    /// A directory that exists has no more keys; `wanted` as
    /// [`opened`](Self::opened) said.
    fn closed(
        &self,
        state: Self::State,
        depth: usize,
        wanted: bool,
        parent: Option<&mut Self::State>,
    ) -> Option<Self::Found>;
}

/// A directory that is open.
#[derive(Debug)]
struct Node<S> {
    parent: Option<usize>,
    name: Box<str>,
    depth: usize,
    /// The ways of ranges that it is on, and the open directories in it.
    pins: usize,
    /// The open directories in it.
    children: Vec<usize>,
    /// Whether there was a key in it.
    exists: bool,
    excluded: bool,
    /// Whether anything inside is wanted.
    wanted: bool,
    /// Which names that are none have been reported.
    reported: [bool; BAD.len()],
    state: S,
}

/// What no component of a path may be.
const BAD: [&str; 3] = ["", ".", ".."];

/// A directory on the way to a key, and the length of its prefix.
#[derive(Clone, Copy, Debug)]
struct Step {
    node: usize,
    length: usize,
}

#[derive(Debug)]
struct Range {
    /// All keys before this have been told.
    told: String,
    /// Whether this very key may still come.
    inclusive: bool,
    /// The first key that is beyond; `None`: there is none.
    end: Option<String>,
    /// The prefix of the last directory of the way.
    prefix: String,
    /// The way from the source to where the range is.
    way: Vec<Step>,
    /// How many directories of the way are known to exist.
    existing: usize,
    /// The way to its end.
    end_way: Vec<Step>,
}

impl Range {
    fn may_tell(&self, key: &str) -> bool {
        let begins = if self.inclusive { key >= &*self.told } else { key > &*self.told };
        begins && self.end.as_deref().is_none_or(|end| key < end)
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct KeyTree<V: KeyVisitor> {
    pub(crate) visitor: V,
    exclude: ExcludeRules,
    source: usize,
    nodes: Vec<Option<Node<V::State>>>,
    free: Vec<usize>,
    ranges: HashMap<RangeId, Range>,
    next_range: u64,
    counts: KeyCounts,
    found: Vec<(String, V::Found)>,
    bad: Vec<String>,
}

/// A node that is on some way, and so is open.
const OPEN: &str = "a directory on the way of a range is open";

impl<V: KeyVisitor> KeyTree<V> {
    /// With one range, of all the keys.
    pub(crate) fn new(visitor: V, exclude: ExcludeRules) -> (KeyTree<V>, RangeId) {
        let mut tree = KeyTree {
            visitor,
            exclude,
            source: 0,
            nodes: Vec::new(),
            free: Vec::new(),
            ranges: HashMap::new(),
            next_range: 0,
            counts: KeyCounts { directories: 1, ..KeyCounts::default() },
            found: Vec::new(),
            bad: Vec::new(),
        };
        let state = tree.visitor.source();
        let source = tree.add(Node {
            parent: None,
            name: "".into(),
            depth: 0,
            pins: 2,
            children: Vec::new(),
            exists: true,
            excluded: false,
            wanted: true,
            reported: Default::default(),
            state,
        });
        tree.source = source;
        let step = Step { node: source, length: 0 };
        let range = tree.add_range(Range {
            told: String::new(),
            inclusive: true,
            end: None,
            prefix: String::new(),
            way: vec![step],
            existing: 0,
            end_way: vec![step],
        });
        (tree, range)
    }

    pub(crate) fn counts(&self) -> KeyCounts {
        self.counts
    }

    /// What was found since the last call, each with its directory's path.
    pub(crate) fn take_found(&mut self) -> Vec<(String, V::Found)> {
        std::mem::take(&mut self.found)
    }

    pub(crate) fn take_bad(&mut self) -> Vec<String> {
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

    fn add_range(&mut self, range: Range) -> RangeId {
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

    fn range(&mut self, id: RangeId) -> Result<&mut Range, Error> {
        self.ranges.get_mut(&id).ok_or_else(|| Error::bad_key("", "the range has ended"))
    }

    /// Takes the next keys of a range.
    pub(crate) fn keys<'k>(
        &mut self,
        id: RangeId,
        keys: impl Iterator<Item = &'k str> + Clone,
    ) -> Result<(), Error> {
        let range = self.range(id)?;
        let mut last: Option<&str> = None;
        for key in keys.clone() {
            let ascends = last.is_none_or(|last| last < key);
            if !(ascends && range.may_tell(key)) {
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
        range.told.clear();
        range.told.push_str(last);
        range.inclusive = false;
        self.ranges.insert(id, range);
        Ok(())
    }

    /// Takes the next directory of a range; tells whether anything inside it is
    /// wanted.
    pub(crate) fn prefix(&mut self, id: RangeId, prefix: &str) -> Result<bool, Error> {
        let range = self.range(id)?;
        if !prefix.ends_with('/') {
            return Err(Error::bad_key(prefix, "no prefix of a directory, which ends in a slash"));
        }
        if !range.may_tell(prefix) {
            return Err(Error::bad_key(prefix, "out of order, or outside its range"));
        }
        let mut range = self.ranges.remove(&id).expect("found above");
        self.key(&mut range, prefix);
        let last = range.way.last().expect(OPEN);
        // Anything else: a component is none, or it lies in what is not wanted.
        let wanted = last.length == prefix.len() && self.node(last.node).wanted;
        range.told = prefix.to_owned();
        range.inclusive = true;
        self.ranges.insert(id, range);
        Ok(wanted)
    }

    fn key(&mut self, range: &mut Range, key: &str) {
        while !key.starts_with(&range.prefix) {
            let left = range.way.pop().expect(OPEN);
            range.prefix.truncate(range.way.last().expect(OPEN).length);
            self.unpin(left.node);
        }
        range.existing = range.existing.min(range.way.len());
        for step in &range.way[range.existing..] {
            self.exists(step.node);
        }
        let mut node = range.way.last().expect(OPEN).node;
        while self.node(node).wanted {
            let from = range.prefix.len();
            let Some(length) = key[from..].find('/') else {
                self.file(node, key, from);
                break;
            };
            let end = from + length;
            if self.is_bad(node, key, &key[from..end]) {
                break;
            }
            node = self.child(node, key, from..end);
            self.exists(node);
            range.prefix.push_str(&key[from..=end]);
            range.way.push(Step { node, length: end + 1 });
        }
        range.existing = range.way.len();
    }

    /// A key whose last component begins at `from`.
    fn file(&mut self, node: usize, key: &str, from: usize) {
        let name = &key[from..];
        // A directory's marker, which is no file.
        if name.is_empty() || self.is_bad(node, key, name) {
            return;
        }
        if self.exclude.excludes_any(Path::new(key), name.as_ref()) {
            return;
        }
        self.counts.entries += 1;
        let node = self.nodes[node].as_mut().expect(OPEN);
        self.visitor.file(&mut node.state, name);
    }

    /// Whether a component is none; reported once for each directory.
    fn is_bad(&mut self, node: usize, key: &str, component: &str) -> bool {
        let Some(bad) = BAD.iter().position(|&bad| bad == component) else { return false };
        if !std::mem::replace(&mut self.node_mut(node).reported[bad], true) {
            self.bad.push(key.to_owned());
        }
        true
    }

    /// The open directory in `parent` that the `component` of the key names,
    /// opened if it is not, and pinned.
    fn child(&mut self, parent: usize, key: &str, component: std::ops::Range<usize>) -> usize {
        let name = &key[component.clone()];
        let mut children = self.node(parent).children.iter();
        if let Some(&child) = children.find(|&&child| &*self.node(child).name == name) {
            self.node_mut(child).pins += 1;
            return child;
        }
        let path = Path::new(&key[..component.end]);
        let excluded = self.exclude.excludes_any(path, name.as_ref())
            || self.exclude.excludes_directory(path, name.as_ref());
        let above = self.nodes[parent].as_mut().expect(OPEN);
        above.pins += 1;
        let depth = above.depth + 1;
        let (state, wanted) = self.visitor.opened(&mut above.state, depth, name);
        let child = self.add(Node {
            parent: Some(parent),
            name: name.into(),
            depth,
            pins: 1,
            children: Vec::new(),
            exists: false,
            excluded,
            wanted: wanted && !excluded,
            reported: Default::default(),
            state,
        });
        self.node_mut(parent).children.push(child);
        child
    }

    fn exists(&mut self, index: usize) {
        let node = self.node_mut(index);
        if std::mem::replace(&mut node.exists, true) || node.excluded {
            return;
        }
        let Some(parent) = node.parent else { return };
        let (wanted, name) = (node.wanted, std::mem::take(&mut node.name));
        let above = self.nodes[parent].as_mut().expect(OPEN);
        self.visitor.directory(&mut above.state, &name);
        self.node_mut(index).name = name;
        self.counts.entries += 1;
        self.counts.directories += usize::from(wanted);
    }

    /// A way no longer leads to the directory, or one in it was closed.
    fn unpin(&mut self, mut index: usize) {
        loop {
            let node = self.node_mut(index);
            node.pins -= 1;
            if node.pins > 0 {
                return;
            }
            let node = self.nodes[index].take().expect(OPEN);
            self.free.push(index);
            let mut above = node.parent.and_then(|parent| self.nodes[parent].as_mut());
            if let Some(above) = &mut above {
                above.children.retain(|&child| child != index);
            }
            if node.exists && !node.excluded {
                let above = above.map(|above| &mut above.state);
                let found = self.visitor.closed(node.state, node.depth, node.wanted, above);
                if let Some(found) = found {
                    self.found.push((self.path(node.parent, &node.name), found));
                }
            }
            match node.parent {
                Some(parent) => index = parent,
                None => return,
            }
        }
    }

    /// Cuts a range at a key.
    pub(crate) fn split(&mut self, id: RangeId, at: &str) -> Result<RangeId, Error> {
        if at.is_empty() || !self.range(id)?.may_tell(at) {
            return Err(Error::bad_key(at, "no place to cut the range at"));
        }
        let (mut way, mut prefix) = self.way(at);
        let end_way = way.clone();
        for step in &end_way {
            self.node_mut(step.node).pins += 1;
        }
        let range = self.range(id)?;
        // It was told of the directory that begins here: the rest has its keys.
        if range.prefix == at {
            let step = range.way.pop().expect(OPEN);
            range.prefix.truncate(range.way.last().expect(OPEN).length);
            prefix = at.to_owned();
            way.push(step);
        }
        let rest = Range {
            told: at.to_owned(),
            inclusive: true,
            end: range.end.replace(at.to_owned()),
            prefix,
            way,
            existing: 0,
            end_way: std::mem::replace(&mut range.end_way, end_way),
        };
        Ok(self.add_range(rest))
    }

    /// The directories that begin before `at` and may go on after it, pinned;
    /// and the prefix of the last.
    fn way(&mut self, at: &str) -> (Vec<Step>, String) {
        let source = self.source;
        self.node_mut(source).pins += 1;
        let mut way = vec![Step { node: source, length: 0 }];
        let (mut node, mut from) = (source, 0);
        while let Some(length) = at[from..].find('/') {
            let end = from + length;
            if end + 1 == at.len() || !self.node(node).wanted || BAD.contains(&&at[from..end]) {
                break;
            }
            node = self.child(node, at, from..end);
            from = end + 1;
            way.push(Step { node, length: from });
        }
        (way, at[..from].to_owned())
    }

    /// The topmost directory's prefix, on the way to where the range is, of
    /// which nothing more is wanted.
    pub(crate) fn skip(&self, id: RangeId) -> Option<&str> {
        let range = self.ranges.get(&id)?;
        let last = range.way.last()?;
        // Nothing is opened in what is not wanted.
        (!self.node(last.node).wanted).then_some(&*range.prefix)
    }

    /// The range has no more keys.
    pub(crate) fn end(&mut self, id: RangeId) {
        let Some(range) = self.ranges.remove(&id) else { return };
        for step in range.way.iter().chain(&range.end_way).rev() {
            self.unpin(step.node);
        }
    }

    fn path(&self, parent: Option<usize>, name: &str) -> String {
        let mut names = vec![name];
        let mut next = parent;
        while let Some(index) = next {
            let node = self.node(index);
            names.push(&node.name);
            next = node.parent;
        }
        names.pop(); // the source's, which is none
        names.reverse();
        names.join("/")
    }
}

/// The methods on `self.tree` that [`KeyScan`](crate::KeyScan) and
/// [`KeyWalk`](crate::KeyWalk) share.
macro_rules! key_methods {
    () => {
        /// Takes the next keys of a range.
        ///
        /// # Errors
        ///
        /// [`ErrorKind::Key`](crate::ErrorKind::Key) for a key that does not come
        /// after all that the range was told before, or that lies outside it; or if
        /// the range has ended. Then none of the keys has been taken.
        pub fn keys<'k, K>(&mut self, range: RangeId, keys: K) -> Result<(), Error>
        where
            K: IntoIterator<Item = &'k str>,
            K::IntoIter: Clone,
        {
            self.tree.keys(range, keys.into_iter())
        }

        /// Takes a directory that a store lists in the place of its keys, by its
        /// prefix, which ends in a slash: it exists. Tells whether anything inside it
        /// is wanted. If so its keys must follow, in this range or one that is split
        /// off at the prefix; if not, they may be left out.
        ///
        /// # Errors
        ///
        /// As for [`keys`](Self::keys).
        pub fn prefix(&mut self, range: RangeId, prefix: &str) -> Result<bool, Error> {
            self.tree.prefix(range, prefix)
        }

        /// Cuts a range at a key, which must come after all that it was told: it
        /// keeps what comes before `at`. Gives the range of the rest, up to the old
        /// end, `at` included.
        ///
        /// # Errors
        ///
        /// [`ErrorKind::Key`](crate::ErrorKind::Key) if `at` is not within what is left
        /// of the range, or the range has ended.
        pub fn split(&mut self, range: RangeId, at: &str) -> Result<RangeId, Error> {
            self.tree.split(range, at)
        }

        /// The topmost directory's prefix at the place where the range is inside
        /// which nothing more is wanted, be it that it is excluded or too deep: all
        /// keys that begin with it may be left out.
        pub fn skip(&self, range: RangeId) -> Option<&str> {
            self.tree.skip(range)
        }

        /// Tells that a range has no more keys. What cannot be read is ended, too:
        /// what was told of it counts. A range that has ended is ignored.
        pub fn end(&mut self, range: RangeId) {
            self.tree.end(range);
        }

        /// The keys since the last call that are no path, one for each directory and
        /// kind of component.
        pub fn take_bad(&mut self) -> Vec<String> {
            self.tree.take_bad()
        }

        /// How much the keys so far have come to.
        pub fn counts(&self) -> KeyCounts {
            self.tree.counts()
        }

        /// Whether all ranges have ended.
        pub fn is_done(&self) -> bool {
            self.tree.is_done()
        }
    };
}
pub(crate) use key_methods;
