//! The checklists of a program: the requirements of each pattern, one by one.
//!
//! Matching is a conjunction. So a program that checks has for each distinct pattern, besides
//! its node, one for each requirement alone: an *item*, with the same name of the directory.
//! Wherever a node is sought, so are those of its items, and the engine that tells of nodes
//! tells of them in the same pass.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Answer, Near, Place};
use crate::memo::Kept;
use crate::pattern::Count;
use crate::program::{Compiler, Interner, NodeId};
use crate::{AlternativeSet, FileStructurePattern, Name, NameTest};

/// The number of a checklist.
pub(crate) type ListId = u32;

/// The number of a distinct name test.
pub(crate) type TestId = u32;

/// What a program is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To tell what is missing wherever a pattern may match.
    Check,
    /// To tell what became of each requirement, optional ones too, of one directory, whatever
    /// its name.
    Explain,
}

/// The checklists of a program, one for each distinct pattern. Patterns that require the same
/// are one node, and have a list each, as their requirements may stand in another order.
#[derive(Debug)]
pub(crate) struct Checklists {
    pub(crate) purpose: Purpose,
    lists: Vec<Checklist>,
    by_node: HashMap<NodeId, Box<[ListId]>>,
    by_pattern: HashMap<usize, ListId>,
    pub(crate) file_tests: Tests,
    pub(crate) directory_tests: Tests,
}

#[derive(Debug)]
pub(crate) struct Checklist {
    /// All requirements together.
    pub(crate) node: NodeId,
    /// The position of the pattern, if it is one of those that are sought.
    pub(crate) pattern: Option<usize>,
    /// The test of the directory's name; `None`: any will do.
    pub(crate) name: Option<TestId>,
    pub(crate) items: Box<[Item]>,
    /// Whether only directories are told of at which some item with a `min` holds.
    needs_one: bool,
}

/// One requirement of a pattern's top level.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) place: Place,
    /// Its number, as [`Finding::item`](super::Finding::item) tells it.
    pub(crate) number: usize,
    /// The requirement alone.
    pub(crate) node: NodeId,
    /// How many entries are asked for.
    pub(crate) count: Count,
    pub(crate) asks: Asks,
}

#[derive(Debug)]
pub(crate) enum Asks {
    /// For the directory's name, which it has.
    Name,
    Files(TestId),
    /// For sub-directories: the alternatives.
    Directories(Box<[Alternative]>),
    /// That each file passes one of some tests, and each directory too; `None`: any will do.
    NothingElse {
        files: Box<[TestId]>,
        directories: Option<Box<[TestId]>>,
    },
}

impl Asks {
    pub(crate) fn is_name(&self) -> bool {
        matches!(self, Asks::Name)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Alternative {
    pub(crate) list: ListId,
    pub(crate) node: NodeId,
    /// The test of the sub-directory's name; `None`: any will do.
    pub(crate) name: Option<TestId>,
}

impl Item {
    /// Whether something is asked not to be there.
    pub(crate) fn has_limit(&self) -> bool {
        self.count.max().is_some()
    }

    pub(crate) fn is_optional(&self) -> bool {
        matches!(self.place, Place::OptionalFile(_) | Place::OptionalDirectory(_))
    }

    pub(crate) fn alternatives(&self) -> &[Alternative] {
        match &self.asks {
            Asks::Directories(alternatives) => alternatives,
            _ => &[],
        }
    }

    /// The answer that stands for the lack of the item.
    pub(crate) fn lack(&self) -> Answer {
        if self.is_optional() { Answer::Absent } else { Answer::Missing }
    }

    /// The answer if it cannot be told. What is optional never decides.
    pub(crate) fn doubt(&self) -> Answer {
        if self.is_optional() { Answer::Absent } else { Answer::Unknown }
    }
}

impl Checklist {
    /// Whether a directory is told of, by what is known of each item.
    pub(crate) fn is_candidate(&self, answer: impl Fn(usize) -> Answer) -> bool {
        let holds =
            |(index, item): (usize, &Item)| item.is_wanted() && answer(index) == Answer::Met;
        !self.needs_one || self.items.iter().enumerate().any(holds)
    }
}

impl Item {
    /// Whether some entry has to be there.
    fn is_wanted(&self) -> bool {
        self.count.min() > 0 && matches!(self.place, Place::File(_) | Place::Directory(_))
    }
}

/// The distinct name tests of files, or of directories.
#[derive(Debug)]
pub(crate) struct Tests {
    tests: Vec<Test>,
    /// All alternatives of all tests.
    set: AlternativeSet,
    /// The test that each belongs to.
    owners: Vec<TestId>,
}

#[derive(Debug)]
struct Test {
    test: NameTest,
    near: Near,
}

impl Tests {
    fn new(list: Vec<NameTest>) -> Tests {
        let alternatives = list.iter().flat_map(|test| test.alternatives()).cloned();
        let set = AlternativeSet::new(alternatives);
        let owners = (0..).zip(&list);
        let owners = owners.flat_map(|(id, test)| test.alternatives().iter().map(move |_| id));
        let owners = owners.collect();
        let tests = list.into_iter().map(|test| Test { near: Near::new(&test), test });
        Tests { tests: tests.collect(), set, owners }
    }

    pub(crate) fn is_match(&self, id: TestId, name: Name<'_>) -> bool {
        self.tests[id as usize].test.is_match(name)
    }

    pub(crate) fn near(&self, id: TestId) -> &Near {
        &self.tests[id as usize].near
    }

    /// Whether each entry passes, so that none is telling.
    pub(crate) fn takes_any(&self, id: TestId) -> bool {
        let alternatives = self.tests[id as usize].test.alternatives().iter();
        alternatives.filter_map(|one| one.as_glob()).any(|glob| glob.matches_everything())
    }

    /// Whether a name passes one of the tests that not each entry passes.
    fn ask_for(&self, name: Name<'_>) -> bool {
        self.passed(name).any(|id| !self.takes_any(id))
    }

    /// The tests that a name passes; one may come several times.
    pub(crate) fn passed(&self, name: Name<'_>) -> impl Iterator<Item = TestId> {
        self.set.matching(name).into_iter().map(|index| self.owners[index])
    }
}

impl Checklists {
    pub(crate) fn list(&self, id: ListId) -> &Checklist {
        &self.lists[id as usize]
    }

    /// A list whose number comes from elsewhere.
    pub(crate) fn get(&self, id: ListId) -> Option<&Checklist> {
        self.lists.get(id as usize)
    }

    /// The list of a pattern that is sought, by its position.
    pub(crate) fn of_pattern(&self, pattern: usize) -> Option<ListId> {
        self.by_pattern.get(&pattern).copied()
    }

    pub(crate) fn explains(&self) -> bool {
        self.purpose == Purpose::Explain
    }

    /// Whether it may matter what an entry is in a directory of which nobody asks what is
    /// missing: it may be what is missing in one next to that.
    pub(crate) fn asks_for(&self, name: Name<'_>) -> bool {
        self.file_tests.ask_for(name) || self.directory_tests.ask_for(name)
    }

    /// The lists of a node.
    pub(crate) fn of_node(&self, id: NodeId) -> &[ListId] {
        self.by_node.get(&id).map_or(&[], |lists| lists)
    }

    /// These nodes, and those of their items.
    pub(crate) fn with_items(&self, nodes: &[NodeId]) -> Vec<NodeId> {
        let lists = nodes.iter().flat_map(|&id| self.of_node(id));
        let items = lists.flat_map(|&list| &self.list(list).items).map(|item| item.node);
        nodes.iter().copied().chain(items).collect()
    }

    /// Whether any name will do that passes one of these tests.
    pub(crate) fn passes_any(&self, alternatives: &[Alternative], name: Name<'_>) -> bool {
        let passes = |test| self.directory_tests.is_match(test, name);
        alternatives.iter().any(|alternative| alternative.name.is_none_or(passes))
    }
}

/// What is looked for in a directory, by the nodes that its name leaves possible.
#[derive(Debug)]
pub(crate) struct Checks {
    pub(crate) lists: Box<[ListId]>,
    /// The items that ask for sub-directories, each by the index of its list and its own.
    pub(crate) slots: Box<[(u32, u32)]>,
    /// What these ask for, in the order of the lists of sub-directories.
    asked: Box<[Asked]>,
}

/// That an item asks for sub-directories with a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) list: ListId,
    pub(crate) node: NodeId,
    /// The index of the item in [`Checks::slots`].
    pub(crate) slot: u32,
    pub(crate) alternative: u32,
}

impl Checks {
    /// What is looked for of these nodes; `None`: nothing.
    pub(crate) fn new(checklists: &Checklists, nodes: &[NodeId]) -> Option<Arc<Checks>> {
        let lists = nodes.iter().flat_map(|&id| checklists.of_node(id)).copied();
        let lists: Box<[ListId]> = lists.collect();
        (!lists.is_empty()).then(|| Arc::new(Checks::of_lists(checklists, lists)))
    }

    /// What is looked for with these lists.
    pub(super) fn of_lists(checklists: &Checklists, lists: Box<[ListId]>) -> Checks {
        let (mut slots, mut asked) = (Vec::new(), Vec::new());
        for (index, &list) in (0..).zip(&lists) {
            for (number, item) in (0..).zip(&checklists.list(list).items) {
                let slot = slots.len() as u32;
                let alternatives = (0..).zip(item.alternatives());
                asked.extend(alternatives.map(|(alternative, one)| Asked {
                    list: one.list,
                    node: one.node,
                    slot,
                    alternative,
                }));
                slots.extend((!item.alternatives().is_empty()).then_some((index, number)));
            }
        }
        asked.sort_unstable_by_key(|asked: &Asked| (asked.list, asked.slot, asked.alternative));
        Checks { lists, slots: slots.into(), asked: asked.into() }
    }

    /// Which items ask for a sub-directory with this list.
    pub(crate) fn asking(&self, list: ListId) -> &[Asked] {
        let from = self.asked.partition_point(|asked| asked.list < list);
        let count = self.asked[from..].partition_point(|asked| asked.list == list);
        &self.asked[from..from + count]
    }

    /// Which items ask for a sub-directory.
    pub(crate) fn asked(&self) -> &[Asked] {
        &self.asked
    }
}

impl Kept for Checks {
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + size_of_val(&*self.lists)
            + size_of_val(&*self.slots)
            + size_of_val(&*self.asked)
    }
}

/// What is known of an item once its directory is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Known {
    Is(Answer),
    /// It depends on the sub-directories, by its place among what is undecided.
    Open {
        undecided: u32,
        /// Whether it cannot be told even if they leave it met.
        is_unsure: bool,
    },
}

/// What is known of the lists of a directory once it is listed.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) checks: Arc<Checks>,
    /// For each list, what is known of each of its items.
    pub(crate) known: Box<[Box<[Known]>]>,
}

impl Kept for Listed {
    fn bytes(&self) -> usize {
        let known = self.known.iter().map(|list| size_of_val(&**list) + size_of_val(list));
        size_of::<Self>() + self.checks.bytes() + known.sum::<usize>()
    }
}

/// Makes checklists, and the nodes of their items.
pub(crate) struct Builder<'c> {
    purpose: Purpose,
    compiler: &'c mut Compiler,
    lists: Vec<Checklist>,
    known: HashMap<FileStructurePattern, ListId>,
    file_tests: Interner<NameTest>,
    directory_tests: Interner<NameTest>,
}

impl<'c> Builder<'c> {
    pub(crate) fn new(purpose: Purpose, compiler: &'c mut Compiler) -> Builder<'c> {
        Builder {
            purpose,
            compiler,
            lists: Vec::new(),
            known: HashMap::new(),
            file_tests: Interner::default(),
            directory_tests: Interner::default(),
        }
    }

    /// Adds a pattern that is sought, and returns its node.
    pub(crate) fn add_sought(&mut self, position: usize, pattern: &FileStructurePattern) -> NodeId {
        let list = match self.purpose {
            Purpose::Check => self.list(pattern),
            // The directory is told of whatever its name, so that the nodes have none.
            Purpose::Explain => {
                let nameless = pattern.clone().into_builder().any_name();
                self.make(pattern, &part(nameless), None)
            }
        };
        let list = &mut self.lists[list as usize];
        list.pattern = Some(position);
        list.node
    }

    pub(crate) fn finish(self) -> Checklists {
        let mut by_node: HashMap<NodeId, Vec<ListId>> = HashMap::new();
        for (id, list) in (0..).zip(&self.lists) {
            by_node.entry(list.node).or_default().push(id);
        }
        let lists = (0..).zip(&self.lists);
        let by_pattern = lists.filter_map(|(id, list)| Some((list.pattern?, id))).collect();
        Checklists {
            purpose: self.purpose,
            lists: self.lists,
            by_node: by_node.into_iter().map(|(node, lists)| (node, lists.into())).collect(),
            by_pattern,
            file_tests: Tests::new(self.file_tests.list),
            directory_tests: Tests::new(self.directory_tests.list),
        }
    }

    /// The list of a pattern, which is made once. The recursion is as deep as patterns nest.
    fn list(&mut self, pattern: &FileStructurePattern) -> ListId {
        if let Some(&list) = self.known.get(pattern) {
            return list;
        }
        let list = self.make(pattern, pattern, pattern.directory_name().cloned());
        self.known.insert(pattern.clone(), list);
        list
    }

    /// Makes the list of a pattern. `whole` has all that is required together, `name` is the
    /// name test of the items.
    fn make(
        &mut self,
        pattern: &FileStructurePattern,
        whole: &FileStructurePattern,
        name: Option<NameTest>,
    ) -> ListId {
        let alone = || FileStructurePattern::builder("*").directory_name(name.clone());
        let node = self.compiler.node(whole);
        let mut items = vec![Item {
            place: Place::DirectoryName,
            number: 0,
            node,
            count: Count::default(),
            asks: Asks::Name,
        }];
        for (index, file) in pattern.files().iter().enumerate() {
            let node = self.compiler.node(&part(alone().file(file.clone())));
            let asks = Asks::Files(self.file_tests.number(file.test()));
            items.push(Item {
                place: Place::File(index),
                number: 0,
                node,
                count: file.count(),
                asks,
            });
        }
        for (index, directory) in pattern.directories().iter().enumerate() {
            let node = self.compiler.node(&part(alone().directory(directory.clone())));
            let asks = self.alternatives(directory.alternatives());
            items.push(Item {
                place: Place::Directory(index),
                number: 0,
                node,
                count: directory.count(),
                asks,
            });
        }
        if self.purpose == Purpose::Explain {
            for (index, test) in pattern.optional_files().iter().enumerate() {
                let node = self.compiler.node(&part(alone().file(test)));
                let asks = Asks::Files(self.file_tests.number(test));
                let place = Place::OptionalFile(index);
                items.push(Item { place, number: 0, node, count: Count::default(), asks });
            }
            for (index, sub) in pattern.optional_directories().iter().enumerate() {
                let node = self.compiler.node(&part(alone().directory(sub.clone())));
                let asks = self.alternatives(std::slice::from_ref(sub));
                let place = Place::OptionalDirectory(index);
                items.push(Item { place, number: 0, node, count: Count::default(), asks });
            }
        }
        for (index, test) in pattern.forbidden_files().iter().enumerate() {
            let node = self.compiler.node(&part(alone().forbidden_file(test)));
            let asks = Asks::Files(self.file_tests.number(test));
            items.push(Item {
                place: Place::ForbiddenFile(index),
                number: 0,
                node,
                count: Count::NONE,
                asks,
            });
        }
        for (index, sub) in pattern.forbidden_directories().iter().enumerate() {
            let node = self.compiler.node(&part(alone().forbidden_directory(sub.clone())));
            let asks = self.alternatives(std::slice::from_ref(sub));
            let place = Place::ForbiddenDirectory(index);
            items.push(Item { place, number: 0, node, count: Count::NONE, asks });
        }
        if pattern.closed() {
            items.push(self.nothing_else(pattern, alone()));
        }
        number(pattern, &mut items);
        let name = self.directory_name(pattern);
        let needs_one =
            self.purpose == Purpose::Check && name.is_none() && items.iter().any(Item::is_wanted);
        self.lists.push(Checklist { node, pattern: None, name, items: items.into(), needs_one });
        self.lists.len() as ListId - 1
    }

    /// The item that there is nothing else.
    fn nothing_else(
        &mut self,
        pattern: &FileStructurePattern,
        alone: crate::FileStructurePatternBuilder,
    ) -> Item {
        let files = pattern.files().iter().map(|file| file.test());
        let files: Vec<_> = files.chain(pattern.optional_files()).collect();
        let required = pattern.directories().iter().flat_map(|asked| asked.alternatives());
        let below: Vec<_> = required.chain(pattern.optional_directories()).collect();
        let alone = alone.closed(true).optional_files(files.iter().copied());
        let alone = alone.optional_directories(below.iter().copied().cloned());
        let directories = below.iter().map(|sub| self.directory_name(sub)).collect();
        let files = files.into_iter().map(|test| self.file_tests.number(test)).collect();
        Item {
            place: Place::Closed,
            number: 0,
            node: self.compiler.node(&part(alone)),
            count: Count::NONE,
            asks: Asks::NothingElse { files, directories },
        }
    }

    fn alternatives(&mut self, patterns: &[FileStructurePattern]) -> Asks {
        let alternatives = patterns.iter().map(|pattern| {
            let list = self.list(pattern);
            let Checklist { node, name, .. } = self.lists[list as usize];
            Alternative { list, node, name }
        });
        Asks::Directories(alternatives.collect())
    }

    /// The test of a pattern's name; `None`: any will do.
    fn directory_name(&mut self, pattern: &FileStructurePattern) -> Option<TestId> {
        let test = pattern.directory_name().filter(|test| !test.takes_every_directory())?;
        Some(self.directory_tests.number(test))
    }
}

/// Numbers the items of a pattern, of which the optional ones may be left out.
fn number(pattern: &FileStructurePattern, items: &mut [Item]) {
    let optional = pattern.optional_files().len() + pattern.optional_directories().len();
    let left_out = match items.iter().any(Item::is_optional) {
        true => 0,
        false => optional,
    };
    for (index, item) in items.iter_mut().enumerate() {
        let is_behind = matches!(
            item.place,
            Place::ForbiddenFile(_) | Place::ForbiddenDirectory(_) | Place::Closed
        );
        item.number = index + if is_behind { left_out } else { 0 };
    }
}

/// A part of a pattern as a pattern of its own.
fn part(builder: crate::FileStructurePatternBuilder) -> FileStructurePattern {
    builder.build().expect("what is left of a pattern is one")
}
