//! What is noted of one directory, in order to tell later what is missing in it, or in those
//! next to it.
//!
//! Names are kept as they are listed, and looked at when the listing leaves something unmet.
//! Of a large directory that is done after each [`MOST_NAMES`] of them, so that no more are in
//! memory, and what is left are the first names for each test.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

use super::Nearness;
use super::checklist::{Asks, Checklists, Item, ListId, TestId, Tests};
use super::record::Reason;
use crate::name::Repr;
use crate::name_buf::compare;
use crate::os_name;
use crate::{Name, NameBuf, NameDecoder};

mod travel;

pub(crate) use travel::PackedGathering;

/// How many names of one directory are kept.
const MOST_NAMES: usize = 4096;

/// How many of the names that count are told.
const MOST_TOLD: usize = 10;

/// Names of entries, with whether they are directories.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    bytes: Vec<u8>,
    /// Where each ends, whether it is a directory, and whether it is code points.
    ends: Vec<(u32, bool, bool)>,
}

impl Names {
    fn push(&mut self, name: Name<'_>, is_directory: bool) {
        let is_code_points = match name.0 {
            Repr::Bytes(bytes) => {
                self.bytes.extend_from_slice(bytes);
                false
            }
            Repr::CodePoints(code_points) => {
                let bytes = code_points.iter().flat_map(|code_point| code_point.to_ne_bytes());
                self.bytes.extend(bytes);
                true
            }
        };
        self.ends.push((self.bytes.len() as u32, is_directory, is_code_points));
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn for_each(&self, mut take: impl FnMut(Name<'_>, bool)) {
        let mut start = 0;
        for &(end, is_directory, is_code_points) in &self.ends {
            let bytes = &self.bytes[start..end as usize];
            start = end as usize;
            if is_code_points {
                let code_points = bytes.chunks_exact(4);
                let code_points = code_points
                    .map(|four| u32::from_ne_bytes([four[0], four[1], four[2], four[3]]));
                take(Name(Repr::CodePoints(&code_points.collect::<Vec<_>>())), is_directory);
            } else {
                take(Name(Repr::Bytes(bytes)), is_directory);
            }
        }
    }
}

/// A name as tests see it.
pub(crate) fn decoded<R>(
    decoder: Option<&NameDecoder>,
    name: Name<'_>,
    take: impl FnOnce(Name<'_>) -> R,
) -> R {
    match (decoder, name.0) {
        (Some(_), Repr::Bytes(bytes)) => {
            NameDecoder::with(decoder, &os_name::of_bytes(bytes), take)
        }
        _ => take(name),
    }
}

/// The first names by their code points, and how many there are.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "travel::PackedNames", into = "travel::PackedNames"))]
pub(crate) struct FirstNames {
    names: Vec<NameBuf>,
    count: usize,
    /// The hashes of those that were added, up to so many: there are file systems that list an
    /// entry twice, and it counts once.
    known: HashSet<u64>,
    state: RandomState,
}

/// Of how many names it is known whether they came before.
const MOST_KNOWN: usize = 65_536;

impl FirstNames {
    /// Adds a name.
    pub(crate) fn add(&mut self, name: Name<'_>) {
        let place = self.place(name);
        if place.is_ok() {
            return;
        }
        let mut hasher = self.state.build_hasher();
        name.code_points().for_each(|code_point| hasher.write_u32(code_point));
        let hash = hasher.finish();
        if self.known.len() < MOST_KNOWN && !self.known.insert(hash) {
            return;
        }
        self.count = self.count.saturating_add(1);
        self.keep(place, name);
    }

    /// Where a name is among those that are kept, or belongs.
    fn place(&self, name: Name<'_>) -> Result<usize, usize> {
        self.names.binary_search_by(|known| compare(known.as_name(), name))
    }

    fn keep(&mut self, place: Result<usize, usize>, name: Name<'_>) {
        if let Err(index) = place
            && index < MOST_TOLD
        {
            self.names.truncate(MOST_TOLD - 1);
            self.names.insert(index, name.into());
        }
    }

    /// No more names come.
    fn end(&mut self) {
        self.known = HashSet::new();
    }

    pub(crate) fn names(&self) -> &[NameBuf] {
        &self.names
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

/// Keeps the name that comes first.
fn keep_first(first: &mut Option<NameBuf>, name: Name<'_>) {
    if first.as_ref().is_none_or(|first| compare(name, first.as_name()).is_lt()) {
        *first = Some(name.into());
    }
}

/// What a directory's own names tell of one item.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct ItemNotes {
    /// The files that count, or what should not be there.
    pub(crate) found: FirstNames,
    /// The nearest name of the kind that is asked for.
    near: Option<(Nearness, NameBuf)>,
    /// The first entry of the other kind that passes.
    other_kind: Option<NameBuf>,
    /// Whether some sub-directory has the name.
    pub(crate) has_directory: bool,
}

impl ItemNotes {
    /// Takes an entry. `name` is as it was listed, `text` as tests see it.
    fn add(
        &mut self,
        checklists: &Checklists,
        item: &Item,
        name: Name<'_>,
        text: Name<'_>,
        is_directory: bool,
    ) {
        let is_sought = item.count.min() > 0;
        match &item.asks {
            Asks::Name => {}
            Asks::Files(test) => {
                let tests = &checklists.file_tests;
                match (tests.is_match(*test, text), is_directory) {
                    (true, false) => self.found.add(name),
                    (true, true) if is_sought && !tests.takes_any(*test) => {
                        keep_first(&mut self.other_kind, name);
                    }
                    (false, false) if is_sought => self.add_near(tests, *test, name, text),
                    _ => {}
                }
            }
            Asks::Directories(alternatives) if is_sought => {
                let tests = &checklists.directory_tests;
                let passes = |name| checklists.passes_any(alternatives, name);
                let is_telling = alternatives.iter().all(|one| one.name.is_some());
                match (is_directory, passes(text)) {
                    (true, true) => self.has_directory = true,
                    (false, true) if is_telling => keep_first(&mut self.other_kind, name),
                    (true, false) => {
                        for test in alternatives.iter().filter_map(|one| one.name) {
                            self.add_near(tests, test, name, text);
                        }
                    }
                    _ => {}
                }
            }
            Asks::Directories(_) => {}
            Asks::NothingElse { files, directories } => {
                let is_allowed = if is_directory {
                    let tests = &checklists.directory_tests;
                    let allowed = directories.as_ref();
                    allowed.is_none_or(|ids| ids.iter().any(|&id| tests.is_match(id, text)))
                } else {
                    files.iter().any(|&id| checklists.file_tests.is_match(id, text))
                };
                if !is_allowed {
                    self.found.add(name);
                }
            }
        }
    }

    fn add_near(&mut self, tests: &Tests, test: TestId, name: Name<'_>, text: Name<'_>) {
        let Some(nearness) = tests.near(test).nearness(text) else { return };
        let is_nearer = self.near.as_ref().is_none_or(|(known, first)| {
            nearness.cmp(known).then_with(|| compare(name, first.as_name())).is_lt()
        });
        if is_nearer {
            self.near = Some((nearness, name.into()));
        }
    }

    /// The nearest name, and in which way.
    pub(crate) fn near(&self) -> Option<(Reason, &NameBuf)> {
        self.near.as_ref().map(|(nearness, name)| {
            let reason = match nearness {
                Nearness::Case => Reason::Case,
                Nearness::NormalForm => Reason::NormalForm,
                Nearness::Edit => Reason::Edit,
            };
            (reason, name)
        })
    }

    /// The first entry of the other kind.
    pub(crate) fn other_kind(&self) -> Option<&NameBuf> {
        self.other_kind.as_ref()
    }
}

/// The first two names, so that there is another beside one that is left out.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct FirstTwo {
    first: NameBuf,
    second: Option<NameBuf>,
}

impl FirstTwo {
    fn add(&mut self, name: Name<'_>) {
        match compare(name, self.first.as_name()) {
            Ordering::Less => self.second = Some(std::mem::replace(&mut self.first, name.into())),
            Ordering::Equal => {}
            Ordering::Greater => keep_first(&mut self.second, name),
        }
    }

    /// The first that is another than this.
    fn but(&self, but: Option<&NameBuf>) -> Option<&NameBuf> {
        let is_left_out = |but: &NameBuf| compare(but.as_name(), self.first.as_name()).is_eq();
        if but.is_some_and(is_left_out) { self.second.as_ref() } else { Some(&self.first) }
    }
}

/// The first names that pass each of the tests.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct FirstByTest {
    files: BTreeMap<TestId, FirstTwo>,
    directories: BTreeMap<TestId, FirstTwo>,
}

impl FirstByTest {
    fn add(
        &mut self,
        checklists: &Checklists,
        decoder: Option<&NameDecoder>,
        name: Name<'_>,
        is_directory: bool,
    ) {
        let (tests, firsts) = match is_directory {
            true => (&checklists.directory_tests, &mut self.directories),
            false => (&checklists.file_tests, &mut self.files),
        };
        decoded(decoder, name, |text| {
            for test in tests.passed(text) {
                let only = || FirstTwo { first: name.into(), second: None };
                firsts.entry(test).or_insert_with(only).add(name);
            }
        });
    }
}

/// What is gathered of a directory while it is listed.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    /// What is not folded.
    names: Names,
    /// Whether there are directories among them.
    pub(crate) has_directories: bool,
    /// Of a large directory: what its names tell of the items of the candidates' lists.
    folded: Option<Vec<Vec<ItemNotes>>>,
    /// What is known of all names, once it is asked for: each of many sub-directories may ask.
    firsts: OnceLock<FirstByTest>,
}

impl Gathering {
    /// Begins again.
    pub(crate) fn clear(&mut self) {
        self.names.clear();
        self.has_directories = false;
        self.folded = None;
        self.firsts.take();
    }

    /// All that was gathered, in no more memory than that takes. The memory of this one serves
    /// for the next directory.
    pub(crate) fn take(&mut self) -> Gathering {
        let (names, has_directories) = (self.names.clone(), self.has_directories);
        let (folded, firsts) = (self.folded.take(), std::mem::take(&mut self.firsts));
        Gathering { names, has_directories, folded, firsts }
    }

    /// Adds an entry. `lists` are those of the candidates, the same each time.
    #[inline]
    pub(crate) fn add(
        &mut self,
        checklists: &Checklists,
        lists: &[ListId],
        decoder: Option<&NameDecoder>,
        name: Name<'_>,
        is_directory: bool,
    ) {
        if self.names.ends.len() == MOST_NAMES {
            self.fold(checklists, lists, decoder);
        }
        if let Some(firsts) = self.firsts.get_mut() {
            firsts.add(checklists, decoder, name, is_directory);
        }
        self.has_directories |= is_directory;
        self.names.push(name, is_directory);
    }

    /// Looks at the names that are kept, and drops them.
    #[cold]
    fn fold(&mut self, checklists: &Checklists, lists: &[ListId], decoder: Option<&NameDecoder>) {
        self.firsts(checklists, decoder);
        let folded = self.folded.get_or_insert_with(|| {
            let items = lists.iter().map(|&list| checklists.list(list).items.len());
            items.map(|count| vec![ItemNotes::default(); count]).collect()
        });
        self.names.for_each(|name, is_directory| {
            decoded(decoder, name, |text| {
                for (&list, notes) in lists.iter().zip(&mut *folded) {
                    for (item, notes) in checklists.list(list).items.iter().zip(notes) {
                        notes.add(checklists, item, name, text, is_directory);
                    }
                }
            });
        });
        self.names.clear();
    }

    /// Whether there are no entries.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.ends.is_empty() && self.folded.is_none()
    }

    /// What the names tell of the item of a list, by their indices.
    pub(crate) fn item(
        &self,
        checklists: &Checklists,
        item: &Item,
        (list, index): (usize, usize),
        decoder: Option<&NameDecoder>,
    ) -> ItemNotes {
        let folded = self.folded.as_ref().map(|folded| &folded[list][index]);
        let mut notes = folded.cloned().unwrap_or_default();
        self.names.for_each(|name, is_directory| {
            decoded(decoder, name, |text| {
                notes.add(checklists, item, name, text, is_directory);
            });
        });
        notes.found.end();
        notes
    }

    /// The first entry by name, but one, that passes what an item asks for, and is of the kind.
    pub(crate) fn first(
        &self,
        checklists: &Checklists,
        item: &Item,
        but: Option<&NameBuf>,
        decoder: Option<&NameDecoder>,
    ) -> Option<NameBuf> {
        let firsts = self.firsts(checklists, decoder);
        match &item.asks {
            Asks::Files(test) => firsts.files.get(test)?.but(but).cloned(),
            Asks::Directories(alternatives) => alternatives
                .iter()
                .filter_map(|one| firsts.directories.get(&one.name?)?.but(but))
                .min_by(|a, b| compare(a.as_name(), b.as_name()))
                .cloned(),
            Asks::Name | Asks::NothingElse { .. } => None,
        }
    }

    fn firsts(&self, checklists: &Checklists, decoder: Option<&NameDecoder>) -> &FirstByTest {
        self.firsts.get_or_init(|| {
            let mut firsts = FirstByTest::default();
            self.names.for_each(|name, is_directory| {
                firsts.add(checklists, decoder, name, is_directory);
            });
            firsts
        })
    }
}

/// Whether an entry with another name, or in another place, tells anything of an item.
pub(crate) fn is_telling(checklists: &Checklists, item: &Item) -> bool {
    item.count.min() > 0
        && match &item.asks {
            Asks::Files(test) => !checklists.file_tests.takes_any(*test),
            Asks::Directories(alternatives) => alternatives.iter().all(|one| one.name.is_some()),
            Asks::Name | Asks::NothingElse { .. } => false,
        }
}
