//! The search for the files that a directory's candidates ask for, while it is listed.

use std::collections::HashSet;
use std::sync::Arc;

use super::compiler::Interner;
use super::special::{Closed, FileCount};
use super::{AtomId, CandidateSet, NodeId, Program, SearchSet};
use crate::name::Repr;
use crate::{Name, bits};

mod travel;

pub(crate) use travel::PackedFiles;

/// Up to this many atoms are matched one by one, and not as part of the whole set.
const FEW: usize = 8;

/// Which of the atoms that a directory's candidates ask for no file has passed yet, and what
/// they want to know besides.
#[derive(Debug, Default)]
pub(crate) struct FileSearch {
    /// Whether a file can change anything.
    is_active: bool,
    /// `None` if no file is asked for.
    set: Option<Arc<CandidateSet>>,
    /// If few atoms are asked for: a bit for each file atom of the candidates.
    missing_few: u64,
    /// If many atoms are asked for: a bit for each file atom of the program.
    missing: Box<[u64]>,
    hits: Box<[u64]>,
    /// `None` if the candidates ask for nothing of the kind.
    counting: Option<Box<Counting>>,
    /// The names of entries whose kind could not be told, as code points.
    untold: Vec<Box<[u32]>>,
}

/// What the candidates with a name in common ask of entries beyond at least one file for each
/// of some atoms.
#[derive(Debug)]
pub(super) struct Questions {
    /// The distinct tests of files that are counted.
    counts: Box<[CountQuestion]>,
    /// Pairs of an atom and the number of a test that it is part of, in rising order.
    by_atom: Box<[(AtomId, usize)]>,
    /// The distinct sets of names that closed candidates allow.
    closed: Box<[ClosedQuestion]>,
    /// The candidates that have such questions, in rising order.
    nodes: Box<[NodeQuestions]>,
    /// The links whose kind has to be known; `None`: what is asked for and not there yet.
    links: Option<LinkQuestions>,
}

/// How many files pass one of some atoms.
#[derive(Debug)]
struct CountQuestion {
    atoms: Box<[AtomId]>,
    /// How far has to be counted.
    cap: u32,
}

/// Whether there is any other entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ClosedQuestion {
    files: Box<[u64]>,
    /// `None`: every name is allowed.
    directories: Option<Box<[u64]>>,
}

#[derive(Debug)]
struct NodeQuestions {
    id: NodeId,
    /// The number of each question, and the answer that is wanted.
    counts: Box<[(usize, FileCount)]>,
    closed: Option<usize>,
}

/// Candidates of which a limit depends: they have one, or something above them has. For these
/// the kind of each link with a name that they ask for has to be known, in whatever order the
/// entries are listed.
#[derive(Debug)]
struct LinkQuestions {
    files: Box<[u64]>,
    directories: SearchSet,
    /// Whether one of them is closed.
    all: bool,
}

/// The answers so far.
#[derive(Debug)]
struct Counting {
    /// For each question, how many files there are, up to its cap.
    counts: Box<[u32]>,
    /// For each question, how many of these may be no files.
    doubtful: Box<[u32]>,
    /// A bit for each set of allowed names: whether there is another entry.
    has_others: Box<[u64]>,
    /// A bit for each of them: whether the others so far may be allowed ones.
    doubtful_others: Box<[u64]>,
    /// The atoms that still matter.
    wanted: Box<[u64]>,
    hits: Box<[u64]>,
    directory_hits: Box<[u64]>,
    /// A buffer for the questions that a file answers.
    passed: Vec<usize>,
    /// The files that were counted, if more than one is: there are file systems that list an
    /// entry twice.
    counted: HashSet<Box<[u8]>>,
    is_active: bool,
}

impl Questions {
    /// The questions of these nodes, if they have any.
    pub(super) fn new(program: &Program, nodes: &[NodeId]) -> Option<Box<Questions>> {
        let (mut counts, mut closed_numbers) = (Interner::default(), Interner::default());
        let mut asking = Vec::new();
        for &id in nodes {
            let Some(special) = program.special(id) else { continue };
            if special.files.is_empty() && special.closed.is_none() {
                continue;
            }
            let files = special.files.iter().map(|file| {
                let number = counts.number(&file.atoms) as usize;
                (number, file.clone())
            });
            let files = files.collect();
            let closed = special.closed.as_ref();
            let closed =
                closed.map(|allowed| closed_numbers.number(&program.question(allowed)) as usize);
            asking.push(NodeQuestions { id, counts: files, closed });
        }
        let links = LinkQuestions::new(program, nodes);
        if asking.is_empty() && links.is_none() {
            return None;
        }
        asking.sort_unstable_by_key(|node| node.id);
        let questions = counts.list.into_iter().map(|atoms| CountQuestion { atoms, cap: 0 });
        let mut counts: Box<[_]> = questions.collect();
        for (number, file) in asking.iter().flat_map(|node| &node.counts) {
            counts[*number].cap = counts[*number].cap.max(file.cap());
        }
        let by_atom = counts.iter().enumerate();
        let by_atom = by_atom
            .flat_map(|(number, question)| question.atoms.iter().map(move |&atom| (atom, number)));
        let mut by_atom: Box<[_]> = by_atom.collect();
        by_atom.sort_unstable();
        let (closed, nodes) = (closed_numbers.list.into(), asking.into());
        Some(Box::new(Questions { counts, by_atom, closed, nodes, links }))
    }

    pub(super) fn bytes(&self) -> usize {
        let counts = self.counts.iter().map(|question| size_of_val(&*question.atoms));
        let closed = self.closed.iter().map(|question| {
            let directories = question.directories.as_deref();
            size_of_val(&*question.files) + directories.map_or(0, size_of_val)
        });
        let nodes = self.nodes.iter().map(|node| {
            let atoms = node.counts.iter().map(|(_, count)| size_of_val(&*count.atoms));
            size_of_val(&*node.counts) + atoms.sum::<usize>()
        });
        let links = self.links.as_ref().map_or(0, |links| {
            size_of_val(&*links.files) + crate::memo::Kept::bytes(&links.directories)
        });
        size_of::<Self>()
            + size_of_val(&*self.counts)
            + size_of_val(&*self.by_atom)
            + size_of_val(&*self.closed)
            + size_of_val(&*self.nodes)
            + links
            + counts.chain(closed).chain(nodes).sum::<usize>()
    }

    fn begin(&self, program: &Program) -> Box<Counting> {
        let files = bits::zeroed(program.file_atoms.len());
        let mut counting = Counting {
            counts: vec![0; self.counts.len()].into(),
            doubtful: vec![0; self.counts.len()].into(),
            has_others: bits::zeroed(self.closed.len()),
            doubtful_others: bits::zeroed(self.closed.len()),
            wanted: files.clone(),
            hits: files,
            directory_hits: bits::zeroed(program.directory_atoms.len()),
            passed: Vec::new(),
            counted: HashSet::new(),
            is_active: false,
        };
        counting.update(self);
        Box::new(counting)
    }
}

impl LinkQuestions {
    fn new(program: &Program, nodes: &[NodeId]) -> Option<LinkQuestions> {
        let deciding = nodes.iter().copied().filter(|&id| program.decides_limit(id));
        let deciding: Vec<NodeId> = deciding.collect();
        if deciding.is_empty() {
            return None;
        }
        let mut files = bits::zeroed(program.file_atoms.len());
        let (mut below, mut all) = (Vec::new(), false);
        for id in deciding {
            all |= program.special(id).is_some_and(|special| special.closed.is_some());
            program.file_atoms_of(id).for_each(|atom| bits::set(&mut files, atom as usize));
            below.extend_from_slice(program.directories(id));
        }
        Some(LinkQuestions { files, directories: program.search_set(&below), all })
    }
}

impl Counting {
    /// Finds out which atoms still matter.
    fn update(&mut self, questions: &Questions) {
        self.wanted.fill(0);
        self.is_active = false;
        for (number, question) in questions.counts.iter().enumerate() {
            if self.counts[number] < question.cap + self.doubtful[number] {
                self.is_active = true;
                question.atoms.iter().for_each(|&atom| bits::set(&mut self.wanted, atom as usize));
            }
        }
        for (number, closed) in questions.closed.iter().enumerate() {
            if self.asks_for_others(number) {
                self.is_active = true;
                self.wanted.iter_mut().zip(&closed.files).for_each(|(word, bits)| *word |= bits);
            }
        }
    }

    /// Whether there are no others yet that are certain.
    fn asks_for_others(&self, number: usize) -> bool {
        !bits::get(&self.has_others, number) || bits::get(&self.doubtful_others, number)
    }

    /// Counts a file. `is_doubtful`: it may be a directory.
    fn file(
        &mut self,
        program: &Program,
        questions: &Questions,
        name: Name<'_>,
        is_doubtful: bool,
    ) {
        self.hits.fill(0);
        program.file_atoms.hit(name, &self.wanted, &mut self.hits);
        let mut has_changed = false;
        self.passed.clear();
        for atom in bits::ones(self.hits.iter().copied()) {
            let asking = |&&(asked, _): &&(AtomId, usize)| asked as usize == atom;
            let from = questions.by_atom.partition_point(|&(asked, _)| (asked as usize) < atom);
            let asking = questions.by_atom[from..].iter().take_while(asking);
            self.passed.extend(asking.map(|&(_, number)| number));
        }
        self.passed.sort_unstable();
        self.passed.dedup();
        let mut is_new = None;
        for &number in &self.passed {
            let cap = questions.counts[number].cap;
            let (count, doubtful) = (&mut self.counts[number], &mut self.doubtful[number]);
            if *count >= cap + *doubtful {
                continue;
            }
            if cap > 1 && !*is_new.get_or_insert_with(|| self.counted.insert(name_bytes(name))) {
                continue;
            }
            *count += 1;
            *doubtful += u32::from(is_doubtful);
            has_changed |= *count == cap + *doubtful;
        }
        for (number, closed) in questions.closed.iter().enumerate() {
            if self.asks_for_others(number) && !bits::overlap(&self.hits, &closed.files) {
                let is_allowed = || match &closed.directories {
                    Some(allowed) => passes_any(&program.directory_atoms, allowed, name),
                    None => true,
                };
                has_changed |= self.add_other(number, is_doubtful && is_allowed());
            }
        }
        if has_changed {
            self.update(questions);
        }
    }

    fn directory(&mut self, program: &Program, questions: &Questions, name: Name<'_>) {
        let mut has_changed = false;
        for (number, closed) in questions.closed.iter().enumerate() {
            let Some(allowed) = &closed.directories else { continue };
            if !self.asks_for_others(number) {
                continue;
            }
            self.directory_hits.fill(0);
            program.directory_atoms.hit(name, allowed, &mut self.directory_hits);
            if self.directory_hits.iter().all(|&word| word == 0) {
                has_changed |= self.add_other(number, false);
            }
        }
        if has_changed {
            self.update(questions);
        }
    }

    /// Takes an entry that is not allowed, or, if it is doubtful, may be. Returns whether less
    /// is asked for by that.
    fn add_other(&mut self, number: usize, is_doubtful: bool) -> bool {
        let is_first = !bits::get(&self.has_others, number);
        bits::set(&mut self.has_others, number);
        if is_doubtful && is_first {
            bits::set(&mut self.doubtful_others, number);
        } else if !is_doubtful {
            bits::clear(&mut self.doubtful_others, number);
        }
        !is_doubtful
    }
}

fn name_bytes(name: Name<'_>) -> Box<[u8]> {
    match name.0 {
        Repr::Bytes(bytes) => bytes.into(),
        Repr::CodePoints(code_points) => code_points.iter().flat_map(|c| c.to_ne_bytes()).collect(),
    }
}

impl FileSearch {
    #[inline]
    pub(super) fn is_missing(&self, atom: AtomId) -> bool {
        if !self.missing.is_empty() {
            return bits::get(&self.missing, atom as usize);
        }
        let index = self.set.as_ref().and_then(|set| set.files.binary_search(&atom).ok());
        index.is_some_and(|index| self.missing_few >> index & 1 != 0)
    }

    fn questions(&self) -> Option<(&Questions, &Counting)> {
        Some((self.set.as_ref()?.questions.as_deref()?, self.counting.as_deref()?))
    }

    /// Whether the files are there, and no others, that a node with such questions asks for.
    pub(super) fn answers(&self, id: NodeId) -> bool {
        let Some((questions, counting)) = self.questions() else { return true };
        let node = questions.nodes.binary_search_by_key(&id, |node| node.id);
        node.map_or(true, |index| counting.satisfies(&questions.nodes[index]))
    }

    /// Whether what was read is too much for a node, or, if all was read, too little.
    pub(super) fn denies(&self, id: NodeId, was_read: bool) -> bool {
        let Some((questions, counting)) = self.questions() else { return false };
        let node = questions.nodes.binary_search_by_key(&id, |node| node.id);
        node.is_ok_and(|index| counting.denies(&questions.nodes[index], was_read))
    }

    /// Whether no entry whose kind could not be told is one that a node asks for.
    pub(super) fn knows_kinds(&self, program: &Program, id: NodeId) -> bool {
        !self.untold.iter().any(|name| program.asks_for(id, Name::from(&**name)))
    }

    /// How many of the entries whose kind could not be told may be one of what a node asks of
    /// sub-directories, for each of these requirements; `None`: as the listing was not read to
    /// its end, there may be any number.
    pub(super) fn more(
        &self,
        program: &Program,
        id: NodeId,
        was_read: bool,
    ) -> Option<Box<[usize]>> {
        let names: HashSet<&[u32]> = self.untold.iter().map(|name| &**name).collect();
        let count = |alternatives: &[NodeId]| {
            let may_be =
                names.iter().filter(|name| program.has_name(alternatives, Name::from(**name)));
            may_be.count()
        };
        was_read.then(|| match program.special(id) {
            Some(special) => {
                special.directories.iter().map(|asked| count(&asked.alternatives)).collect()
            }
            None => {
                program.directories(id).iter().map(|one| count(std::slice::from_ref(one))).collect()
            }
        })
    }

    /// Whether no more files can change anything, nor links, whatever they lead to.
    pub(crate) fn is_settled(&self) -> bool {
        let has_missing = self.missing_few != 0 || self.missing.iter().any(|&word| word != 0);
        let asks = |(questions, counting): (&Questions, &Counting)| {
            counting.is_active || questions.links.is_some()
        };
        !has_missing && !self.questions().is_some_and(asks)
    }

    /// Whether more is asked than which atoms are passed by a file.
    #[inline]
    pub(crate) fn has_questions(&self) -> bool {
        self.counting.is_some() || self.has_untold()
    }

    /// Whether there are entries whose kind could not be told: then [`words`](Self::words) is
    /// not all that [`evaluate`](Program::evaluate) depends on.
    pub(crate) fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// A number that rises whenever a file brings a candidate nearer to being satisfied.
    pub(crate) fn progress(&self) -> usize {
        let missing = self.missing.iter().chain([&self.missing_few]);
        let missing: usize = missing.map(|word| word.count_ones() as usize).sum();
        let counts = self.counting.iter().flat_map(|counting| &counting.counts);
        counts.map(|&count| count as usize).sum::<usize>().wrapping_sub(missing)
    }

    /// Adds all that [`evaluate`](Program::evaluate) depends on.
    pub(crate) fn add_words(&self, words: &mut Vec<u64>) {
        if self.missing.is_empty() {
            words.push(self.missing_few);
        } else {
            words.extend_from_slice(&self.missing);
        }
        // Not the counts: there would be ever new ones.
        if let Some((questions, counting)) = self.questions() {
            for nodes in questions.nodes.chunks(64) {
                let bits = nodes.iter().enumerate();
                let bits = bits.map(|(bit, node)| u64::from(counting.satisfies(node)) << bit);
                words.push(bits.sum());
            }
        }
    }
}

impl Counting {
    fn satisfies(&self, node: &NodeQuestions) -> bool {
        let holds =
            |(number, file): &(usize, FileCount)| file.count.holds(self.counts[*number].into());
        node.counts.iter().all(holds)
            && !node.closed.is_some_and(|number| bits::get(&self.has_others, number))
    }

    fn denies(&self, node: &NodeQuestions, was_read: bool) -> bool {
        let has_other = |number| {
            bits::get(&self.has_others, number) && !bits::get(&self.doubtful_others, number)
        };
        let denies = |(number, file): &(usize, FileCount)| {
            let (count, doubtful) = (self.counts[*number], self.doubtful[*number]);
            file.count.max().is_some_and(|max| count - doubtful > max)
                || was_read && count < file.count.min()
        };
        node.closed.is_some_and(has_other) || node.counts.iter().any(denies)
    }
}

impl Program {
    /// The question of whether there is anything else.
    fn question(&self, allowed: &Closed) -> ClosedQuestion {
        let row = |atoms: &[AtomId], count| {
            let mut row = bits::zeroed(count);
            atoms.iter().for_each(|&atom| bits::set(&mut row, atom as usize));
            row
        };
        let directories = allowed.directories.as_ref();
        ClosedQuestion {
            files: row(&allowed.files, self.file_atoms.len()),
            directories: directories.map(|atoms| row(atoms, self.directory_atoms.len())),
        }
    }

    /// A search for the files that the candidates ask for.
    pub(crate) fn file_search(&self, candidates: Option<&Arc<CandidateSet>>) -> FileSearch {
        let Some(set) = candidates.filter(|set| set.asks_for_entries) else {
            return FileSearch::default();
        };
        let mut search = FileSearch {
            is_active: !set.files.is_empty(),
            set: Some(Arc::clone(set)),
            ..Default::default()
        };
        if set.files.len() <= FEW {
            search.missing_few = (1 << set.files.len()) - 1;
        } else {
            search.missing = bits::zeroed(self.file_atoms.len());
            search.hits = search.missing.clone();
            set.files.iter().for_each(|&atom| bits::set(&mut search.missing, atom as usize));
        }
        if let Some(questions) = &set.questions {
            let counting = questions.begin(self);
            search.is_active |= counting.is_active;
            search.counting = Some(counting);
        }
        search
    }

    /// Adds a file of the directory.
    #[inline]
    pub(crate) fn search_file<'n>(&self, search: &mut FileSearch, name: impl Into<Name<'n>>) {
        if search.is_active {
            self.search_active(search, name.into());
        }
    }

    fn search_active(&self, search: &mut FileSearch, name: Name<'_>) {
        search.is_active = self.search_missing(search, name);
        if search.counting.is_some() {
            self.count_file(search, name);
        }
    }

    fn count_file(&self, search: &mut FileSearch, name: Name<'_>) {
        if let (Some(counting), Some(set)) = (&mut search.counting, &search.set)
            && let Some(questions) = &set.questions
        {
            if counting.is_active {
                let last = search.untold.last();
                let is_doubtful =
                    last.is_some_and(|last| name.code_points().eq(last.iter().copied()));
                counting.file(self, questions, name, is_doubtful);
            }
            search.is_active |= counting.is_active;
        }
    }

    /// Holds a file against the atoms that no file has passed yet. Returns whether any is
    /// left.
    #[inline]
    fn search_missing(&self, search: &mut FileSearch, name: Name<'_>) -> bool {
        if search.missing.is_empty() {
            let Some(set) = &search.set else { return false };
            let mut left = search.missing_few;
            while left != 0 {
                let index = left.trailing_zeros() as usize;
                left &= left - 1;
                if self.file_atoms.is_match(set.files[index], name) {
                    search.missing_few &= !(1 << index);
                }
            }
            return search.missing_few != 0;
        }
        self.file_atoms.hit(name, &search.missing, &mut search.hits);
        let mut is_any_left = false;
        for (missing, hit) in search.missing.iter_mut().zip(&search.hits) {
            *missing &= !hit;
            is_any_left |= *missing != 0;
        }
        is_any_left
    }

    /// Adds a sub-directory, or a link to one.
    #[inline]
    pub(crate) fn search_directory<'n>(&self, search: &mut FileSearch, name: impl Into<Name<'n>>) {
        if let (Some(counting), Some(set)) = (&mut search.counting, &search.set)
            && let Some(questions) = &set.questions
        {
            counting.directory(self, questions, name.into());
        }
    }

    /// Notes that it could not be told of an entry which kind it is, before that is added as a
    /// file.
    pub(crate) fn note_untold(&self, search: &mut FileSearch, name: Name<'_>) {
        let questions = search.set.as_ref().and_then(|set| set.questions.as_ref());
        if self.checklists.is_some() || questions.is_some_and(|asked| asked.links.is_some()) {
            search.untold.push(name.code_points().collect());
        }
    }

    /// Whether it has to be known which kind a link of this name leads to, as soon as it is
    /// listed.
    pub(crate) fn asks_for_link(&self, search: &FileSearch, name: Name<'_>) -> bool {
        search.is_active && self.asks_for_missing(search, name)
            || search.counting.is_some() && self.asks_for_counting(search, name)
    }

    /// Whether a file of this name would pass an atom that no file has passed yet.
    fn asks_for_missing(&self, search: &FileSearch, name: Name<'_>) -> bool {
        if let (1.., Some(set)) = (search.missing_few, &search.set) {
            let files = set.files.iter().enumerate();
            let mut missing = files.filter(|(index, _)| search.missing_few >> index & 1 != 0);
            return missing.any(|(_, &atom)| self.file_atoms.is_match(atom, name));
        }
        !search.missing.is_empty() && passes_any(&self.file_atoms, &search.missing, name)
    }

    fn asks_for_counting(&self, search: &FileSearch, name: Name<'_>) -> bool {
        let Some((questions, counting)) = search.questions() else { return false };
        if counting.is_active && passes_any(&self.file_atoms, &counting.wanted, name) {
            return true;
        }
        questions.links.as_ref().is_some_and(|links| {
            links.all
                || passes_any(&self.file_atoms, &links.files, name)
                || self.match_name(&links.directories, name, &mut Vec::new())
        })
    }
}

fn passes_any(atoms: &super::Atoms, wanted: &[u64], name: Name<'_>) -> bool {
    let mut hits = bits::zeroed(atoms.len());
    atoms.hit(name, wanted, &mut hits);
    hits.iter().any(|&word| word != 0)
}
