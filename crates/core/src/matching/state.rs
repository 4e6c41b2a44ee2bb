//! What is kept of a listed directory, and what its sub-directories set in it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::early::Early;
use crate::checking::Notes;
use crate::program::{Below, ChildRequirements, CountedAnswer, Evaluation};
use crate::program::{NodeId, Tally, Verdict};

/// What is kept of a listed directory.
#[derive(Debug)]
pub(crate) struct MatchState {
    /// Whether the parent waits for this directory's answer.
    pub(super) feeds_parent: bool,
    /// Whether the parent waited for this directory to be listed, whatever its answer.
    pub(super) is_watched: bool,
    /// What is kept to tell what is missing. `None` unless somebody asks.
    pub(super) notes: Option<Box<Notes>>,
    /// What the undecided candidates ask of the sub-directories; `None`: no candidate is
    /// undecided.
    pub(super) requirements: Option<Arc<ChildRequirements>>,
    /// Which of the required nodes some sub-directory satisfies.
    pub(super) satisfied: NodeBits,
    /// Which of them some sub-directory would satisfy if each link that is not followed led
    /// to what is asked of it.
    pub(super) behind_links: NodeBits,
    /// How many sub-directories have not answered yet.
    pub(super) open_children: AtomicUsize,
    /// What was decided before all have answered. `None` unless the outermost matches are
    /// looked for.
    pub(super) early: Option<Box<Early>>,
    /// What few directories need.
    rare: OnceLock<Box<Rare>>,
}

/// What is kept of a directory in which something is counted or cannot be told.
#[derive(Debug, Default)]
struct Rare {
    /// What was known when the directory was listed, if the parent counts: it is told with
    /// the rest, as one answer.
    own: Option<Arc<Evaluation>>,
    /// Of which of the required nodes it cannot be told of some sub-directory. None as long as
    /// there is nothing of the kind.
    untold: OnceLock<Untold>,
    /// How many sub-directories satisfy what is counted.
    counters: Box<[Counter]>,
    /// Of a stand-in: on which of its candidates an answer depends elsewhere.
    asked: Option<Box<[NodeId]>>,
}

/// Which nodes some sub-directory may satisfy, for all that could be read, as the fields of
/// [`Verdict`] have it.
#[derive(Debug)]
struct Untold {
    cannot_be_told: NodeBits,
    may_be: NodeBits,
    is_sure: NodeBits,
}

/// A bit for each of the nodes that a directory requires, by their index there.
#[derive(Debug, Default)]
pub(super) struct NodeBits {
    /// The first 64.
    first: AtomicU64,
    more: Box<[AtomicU64]>,
}

/// A [`Tally`] that any thread may add to.
#[derive(Debug, Default)]
struct Counter {
    yes: AtomicUsize,
    behind_links: AtomicUsize,
    cannot_be_told: AtomicUsize,
    may_be: AtomicUsize,
    is_sure: AtomicUsize,
}

impl MatchState {
    pub(crate) fn new(feeds_parent: bool) -> MatchState {
        MatchState {
            feeds_parent,
            is_watched: false,
            notes: None,
            requirements: None,
            satisfied: NodeBits::default(),
            behind_links: NodeBits::default(),
            open_children: AtomicUsize::new(0),
            early: None,
            rare: OnceLock::new(),
        }
    }

    /// Makes room for the answers of so many sub-directories. `early` tells whether they may
    /// decide something before all have come.
    pub(super) fn await_answers(&mut self, count: usize, early: bool) {
        let (required, counters) =
            self.requirements.as_ref().map_or((0, 0), |r| (r.nodes.len(), r.counters));
        self.satisfied = NodeBits::new(required);
        self.behind_links = NodeBits::new(required);
        if counters > 0 {
            let counters = (0..counters).map(|_| Counter::default()).collect();
            self.change_rare(|rare| rare.counters = counters);
        }
        *self.open_children.get_mut() = count;
        if early {
            let undecided = self.requirements.as_ref().map_or(0, |r| r.undecided.len());
            self.early = Some(Box::new(Early::new(undecided)));
        }
    }

    /// Whether the answer of the directory's parent depends on this one.
    pub(crate) fn feeds_parent(&self) -> bool {
        self.feeds_parent
    }

    /// Keeps what is known of the directory, for a parent that counts.
    pub(super) fn keep(&mut self, own: Arc<Evaluation>) {
        self.change_rare(|rare| rare.own = Some(own));
    }

    /// What was kept.
    pub(super) fn own(&self) -> Option<&Evaluation> {
        self.rare.get()?.own.as_deref()
    }

    /// Notes on which of its candidates an answer depends that is given elsewhere.
    pub(super) fn set_asked_elsewhere(&mut self, asked: Box<[NodeId]>) {
        self.change_rare(|rare| rare.asked = Some(asked));
    }

    /// On which of the candidates of a stand-in an answer depends that is given elsewhere;
    /// `None`: it is no stand-in.
    pub(super) fn asked_elsewhere(&self) -> Option<&[NodeId]> {
        self.rare.get()?.asked.as_deref()
    }

    fn change_rare(&mut self, change: impl FnOnce(&mut Rare)) {
        let mut rare = self.rare.take().unwrap_or_default();
        change(&mut rare);
        self.rare = rare.into();
    }

    /// Whether the directory's answer depends on any sub-directory at all.
    pub(crate) fn depends_on_any(&self) -> bool {
        self.requirements.is_some() || self.is_watching()
    }

    /// Whether all sub-directories that are visited are waited for, until they are listed.
    pub(crate) fn is_watching(&self) -> bool {
        self.notes.as_ref().is_some_and(|notes| notes.is_watching())
    }

    /// Whether it is counted how many sub-directories there are of a kind.
    #[inline]
    pub(super) fn counts(&self) -> bool {
        self.requirements.as_ref().is_some_and(|requirements| requirements.counters > 0)
    }

    /// The answer of a sub-directory to what is counted, which is empty yet; `None` if
    /// nothing is.
    #[inline]
    pub(super) fn counted_answer(&self) -> Option<CountedAnswer<'_>> {
        CountedAnswer::new(self.requirements.as_deref())
    }

    pub(super) fn count(&self, answer: &CountedAnswer<'_>) {
        for (counter, verdict) in answer.verdicts() {
            let Some(counter) = self.counter(counter) else { continue };
            let Counter { yes, behind_links, cannot_be_told, may_be, is_sure } = counter;
            let add = |to: &AtomicUsize, is: bool| {
                if is {
                    to.fetch_add(1, Ordering::Relaxed);
                }
            };
            add(yes, verdict.yes);
            add(behind_links, verdict.behind_links);
            add(cannot_be_told, verdict.cannot_be_told);
            add(may_be, verdict.may_be);
            add(is_sure, verdict.is_sure);
            self.note_news();
        }
    }

    fn counter(&self, number: usize) -> Option<&Counter> {
        self.rare.get()?.counters.get(number)
    }

    fn untold(&self) -> Option<&Untold> {
        self.rare.get()?.untold.get()
    }

    /// The bits of what cannot be told, in the order of the fields of [`Untold`].
    pub(super) fn untold_words(&self) -> Option<[Box<[u64]>; 3]> {
        let Untold { cannot_be_told, may_be, is_sure } = self.untold()?;
        Some([cannot_be_told.words(), may_be.words(), is_sure.words()])
    }

    /// Adds bits of what cannot be told, as [`untold_words`](Self::untold_words) has them.
    pub(super) fn add_untold(&self, [cannot_be_told, may_be, is_sure]: &[Box<[u64]>; 3]) {
        let untold = self.untold_or_new();
        untold.cannot_be_told.add(cannot_be_told);
        untold.may_be.add(may_be);
        untold.is_sure.add(is_sure);
    }

    fn untold_or_new(&self) -> &Untold {
        let required = self.requirements.as_ref().map_or(0, |r| r.nodes.len());
        let rare = self.rare.get_or_init(Box::default);
        rare.untold.get_or_init(|| Untold {
            cannot_be_told: NodeBits::new(required),
            may_be: NodeBits::new(required),
            is_sure: NodeBits::new(required),
        })
    }

    /// What is counted so far, for each counter.
    pub(super) fn tallies(&self) -> impl Iterator<Item = Tally> {
        let counters = self.rare.get().map_or(0, |rare| rare.counters.len());
        (0..counters).map(|counter| self.tally(counter))
    }

    /// Adds what others have counted.
    pub(super) fn add_tallies(&self, tallies: &[Tally]) {
        for (number, tally) in tallies.iter().enumerate() {
            let Some(counter) = self.counter(number).filter(|_| *tally != Tally::default()) else {
                continue;
            };
            counter.yes.fetch_add(tally.yes, Ordering::Relaxed);
            counter.behind_links.fetch_add(tally.behind_links, Ordering::Relaxed);
            counter.cannot_be_told.fetch_add(tally.cannot_be_told, Ordering::Relaxed);
            counter.may_be.fetch_add(tally.may_be, Ordering::Relaxed);
            counter.is_sure.fetch_add(tally.is_sure, Ordering::Relaxed);
            self.note_news();
        }
    }

    /// Sets what a sub-directory is to a node, if that is asked for.
    #[inline]
    pub(super) fn set(&self, id: NodeId, verdict: Verdict) {
        let Some(index) = self.index_of(id) else { return };
        if verdict.yes && self.satisfied.set(index) {
            self.note_news();
        }
        if verdict.behind_links {
            self.behind_links.set(index);
        }
        if verdict.cannot_be_told {
            self.set_untold(index, verdict);
        }
    }

    #[cold]
    fn set_untold(&self, index: usize, verdict: Verdict) {
        let untold = self.untold_or_new();
        untold.cannot_be_told.set(index);
        if verdict.may_be {
            untold.may_be.set(index);
        }
        if verdict.is_sure {
            untold.is_sure.set(index);
        }
    }

    /// The index of a node among the required ones, if it is one of them.
    fn index_of(&self, id: NodeId) -> Option<usize> {
        self.requirements.as_ref()?.index_of(id)
    }
}

impl Below for MatchState {
    fn is_satisfied(&self, id: NodeId) -> bool {
        self.index_of(id).is_some_and(|index| self.satisfied.get(index))
    }

    fn verdict(&self, id: NodeId) -> Verdict {
        let Some(index) = self.index_of(id) else { return Verdict::default() };
        let yes = self.satisfied.get(index);
        let untold = self.untold().filter(|_| !yes);
        let is_set = |bits: fn(&Untold) -> &NodeBits| untold.is_some_and(|u| bits(u).get(index));
        Verdict {
            yes,
            behind_links: !yes && self.behind_links.get(index),
            cannot_be_told: is_set(|untold| &untold.cannot_be_told),
            may_be: is_set(|untold| &untold.may_be),
            is_sure: is_set(|untold| &untold.is_sure),
        }
    }

    fn tally(&self, counter: usize) -> Tally {
        let Some(counter) = self.counter(counter) else { return Tally::default() };
        let Counter { yes, behind_links, cannot_be_told, may_be, is_sure } = counter;
        Tally {
            yes: yes.load(Ordering::Relaxed),
            behind_links: behind_links.load(Ordering::Relaxed),
            cannot_be_told: cannot_be_told.load(Ordering::Relaxed),
            may_be: may_be.load(Ordering::Relaxed),
            is_sure: is_sure.load(Ordering::Relaxed),
        }
    }

    fn has_links(&self) -> bool {
        !self.behind_links.is_empty()
    }

    fn has_untold(&self) -> bool {
        self.untold().is_some()
    }
}

// The countdown orders all setting of bits and all counting before any reading.
impl NodeBits {
    pub(super) fn new(count: usize) -> NodeBits {
        let more = (1..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        NodeBits { first: AtomicU64::new(0), more }
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        match index / 64 {
            0 => &self.first,
            word => &self.more[word - 1],
        }
    }

    /// Sets a bit. Returns whether it was not set before. One that was is only read, which
    /// workers can do side by side.
    pub(super) fn set(&self, index: usize) -> bool {
        let bit = 1 << (index % 64);
        !self.get(index) && self.word(index).fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    pub(super) fn get(&self, index: usize) -> bool {
        self.word(index).load(Ordering::Relaxed) >> (index % 64) & 1 != 0
    }

    /// The words of the bits, without the last ones that are zero.
    pub(super) fn words(&self) -> Box<[u64]> {
        let words = std::iter::once(&self.first).chain(&self.more);
        let mut words: Vec<u64> = words.map(|word| word.load(Ordering::Relaxed)).collect();
        words.truncate(words.iter().rposition(|&word| word != 0).map_or(0, |last| last + 1));
        words.into()
    }

    /// Sets all bits that are set in these words, of which there may be fewer. Returns whether
    /// one of them was not set before.
    pub(super) fn add(&self, words: &[u64]) -> bool {
        let own = std::iter::once(&self.first).chain(&self.more);
        let add = |(own, &word): (&AtomicU64, &u64)| {
            word != 0 && own.fetch_or(word, Ordering::Relaxed) & word != word
        };
        own.zip(words).map(add).fold(false, |any, is_new| any | is_new)
    }

    fn is_empty(&self) -> bool {
        let mut words = std::iter::once(&self.first).chain(&self.more);
        words.all(|word| word.load(Ordering::Relaxed) == 0)
    }
}
