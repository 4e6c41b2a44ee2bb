//! A set of name globs that are matched together.

use std::fmt;
use std::ops::ControlFlow;

use crate::bits::Bitmask;
use crate::glob::{CompiledGlob, NameGlob, Shape};
use crate::name::{Name, Repr};

mod automaton;
mod index;
#[cfg(test)]
mod tests;
mod words;

use automaton::Automaton;
use index::{Affixes, Buckets, HashBuckets, Probe, mix};
use words::Words;

/// A set of name globs that are matched together, in their order.
///
/// Each glob is known by its index, the position at which it was given. Duplicates are
/// kept. The time per name grows much slower than the number of globs: globs with a literal
/// start or end are looked up by it, and the others are matched side by side in one pass
/// over the name. A name that is given as code points is matched by one glob after another.
///
/// # Example
///
/// ```
/// use pathvein_core::NameSet;
///
/// let set = NameSet::new(["*.csv", "run_*", "notes.txt"]);
/// assert!(set.is_match("run_7.csv"));
/// assert_eq!(set.matching("run_7.csv"), [0, 1]);
/// assert!(!set.is_match("README"));
///
/// // Which of the globs are hit by any name of a listing?
/// let hit = set.matched_globs(["a.csv", "b.csv", "notes.txt"]);
/// assert_eq!(hit.iter().collect::<Vec<_>>(), [0, 2]);
/// ```
#[derive(Clone)]
pub struct NameSet {
    globs: Box<[NameGlob]>,
    /// How many globs can be matched one by one in the time of a search.
    few: usize,
    /// One bit for each glob: whether it can match at all.
    possible: Box<[u64]>,
    /// The globs that match everything.
    everything: Box<[u32]>,
    /// Bit `min(n, 63)` is set if there is a literal of `n` bytes.
    literal_lengths: u64,
    /// The literals by their hash. Each has its full hash with it.
    literals: HashBuckets<(u64, u32)>,
    /// The globs that end in a known extension, by [`Probe::extension`].
    extensions: HashBuckets<Affixes>,
    /// The other globs with a literal start, by its first byte.
    heads: Buckets<Affixes>,
    /// The other globs with a literal end, by its last byte.
    tails: Buckets<Affixes>,
    /// The globs with neither a literal start nor a literal end, if they are many and every
    /// match holds a certain word.
    words: Words,
    /// The others of this kind.
    automaton: Automaton,
    /// Those that are too long for the automaton.
    long: Box<[u32]>,
}

impl NameSet {
    /// A set of these globs. An empty set matches nothing.
    ///
    /// # Panics
    ///
    /// If there are 2<sup>32</sup> globs or more.
    pub fn new<G: Into<NameGlob>>(globs: impl IntoIterator<Item = G>) -> NameSet {
        let globs: Box<[NameGlob]> = globs.into_iter().map(Into::into).collect();
        assert!(u32::try_from(globs.len()).is_ok(), "a set holds less than 2^32 globs");
        let mut possible = vec![0; globs.len().div_ceil(64)];
        let mut everything = Vec::new();
        let mut literal_lengths = 0;
        let mut literals = Vec::new();
        let mut extensions = Vec::new();
        let mut heads = Vec::new();
        let mut tails = Vec::new();
        let mut others: Vec<(u32, &CompiledGlob)> = Vec::new();
        for (id, glob) in (0..).zip(&globs) {
            let compiled = glob.compiled();
            if compiled.shape != Shape::Never {
                possible[id as usize / 64] |= 1 << (id % 64);
            }
            match compiled.shape {
                Shape::Never => {}
                Shape::Everything => everything.push(id),
                Shape::Literal => {
                    literal_lengths |= 1 << compiled.head().len().min(63);
                    let hash = Probe::new(compiled.head()).hash();
                    literals.push((hash, (hash, id)));
                }
                Shape::Affixes | Shape::Other => {
                    let affixes = Affixes::new(id, glob);
                    match (compiled.head().first(), compiled.tail().last()) {
                        (_, Some(_)) if compiled.tail().contains(&b'.') => {
                            let extension = Probe::new(compiled.tail()).extension();
                            extensions.push((mix(extension), affixes));
                        }
                        (Some(&first), _) => heads.push((first.into(), affixes)),
                        (None, Some(&last)) => tails.push((last.into(), affixes)),
                        (None, None) => others.push((id, compiled)),
                    }
                }
            }
        }
        let single = others.len() == 1 && globs.len() == 1;
        // As long as one step is enough for all, the automaton is the fastest.
        let (words, others) = if automaton::fit(others.iter().map(|(_, glob)| *glob)) {
            (Words::default(), others)
        } else {
            Words::new(others)
        };
        let (others, long): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|(_, glob)| automaton::fit([*glob]));
        NameSet {
            // Measured: a search is faster from two globs on, and each hundred globs in the
            // set add the time of about one glob to it.
            few: if single && !globs[0].compiled().is_plain() {
                // The automaton of one glob is faster than the glob itself.
                0
            } else {
                1 + globs.len() / 100
            },
            possible: possible.into(),
            everything: everything.into(),
            literal_lengths,
            literals: HashBuckets::new(literals),
            extensions: HashBuckets::new(extensions),
            heads: Buckets::new(256, heads),
            tails: Buckets::new(256, tails),
            words,
            automaton: Automaton::new(&others),
            long: long.into_iter().map(|(id, _)| id).collect(),
            globs,
        }
    }

    /// How many globs there are, duplicates included.
    pub fn len(&self) -> usize {
        self.globs.len()
    }

    /// Whether there are no globs.
    pub fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    /// The globs in the order given.
    pub fn globs(&self) -> &[NameGlob] {
        &self.globs
    }

    /// Whether any glob matches `name`.
    pub fn is_match<'n>(&self, name: impl Into<Name<'n>>) -> bool {
        let name = name.into();
        match name.0 {
            Repr::Bytes(bytes) if self.globs.len() > self.few => {
                self.search(bytes, &mut Any).is_break()
            }
            _ => self.globs.iter().any(|glob| glob.is_match(name)),
        }
    }

    /// The indices of the globs that match `name`, in rising order.
    pub fn matching<'n>(&self, name: impl Into<Name<'n>>) -> Vec<usize> {
        let mut indices = Vec::new();
        self.matching_into(name, &mut indices);
        indices
    }

    /// Replaces the contents of `indices` by the indices of the globs that match `name`, in
    /// rising order.
    pub fn matching_into<'n>(&self, name: impl Into<Name<'n>>, indices: &mut Vec<usize>) {
        indices.clear();
        let name = name.into();
        match name.0 {
            Repr::Bytes(bytes) if self.globs.len() > self.few => {
                let most = 2 * self.globs.len();
                let _ = self.search(bytes, &mut All { indices, most });
                sort_once(indices);
            }
            _ => {
                let globs = self.globs.iter().enumerate();
                indices.extend(globs.filter(|(_, g)| g.is_match(name)).map(|(i, _)| i));
            }
        }
    }

    /// Whether any glob matches each name: bit `i` of the answer is that of the `i`-th
    /// name.
    pub fn match_many<'n, N>(&self, names: impl IntoIterator<Item = N>) -> Bitmask
    where
        N: Into<Name<'n>>,
    {
        let mut mask = Bitmask::new();
        self.match_many_into(names, &mut mask);
        mask
    }

    /// Like [`match_many`](NameSet::match_many), with a mask of the caller's, whose
    /// contents are replaced.
    pub fn match_many_into<'n, N>(&self, names: impl IntoIterator<Item = N>, mask: &mut Bitmask)
    where
        N: Into<Name<'n>>,
    {
        mask.reset(0);
        for name in names {
            mask.push(self.is_match(name));
        }
    }

    /// Whether each glob matches any of the names: bit `j` of the answer is that of the
    /// `j`-th glob.
    ///
    /// No further name is taken once every glob that can match has matched.
    pub fn matched_globs<'n, N>(&self, names: impl IntoIterator<Item = N>) -> Bitmask
    where
        N: Into<Name<'n>>,
    {
        let mut mask = Bitmask::new();
        self.matched_globs_into(names, &mut mask);
        mask
    }

    /// Like [`matched_globs`](NameSet::matched_globs), with a mask of the caller's, whose
    /// contents are replaced.
    pub fn matched_globs_into<'n, N>(&self, names: impl IntoIterator<Item = N>, mask: &mut Bitmask)
    where
        N: Into<Name<'n>>,
    {
        let hits = mask.reset(self.globs.len());
        let mut names = names.into_iter();
        while *hits != *self.possible {
            let Some(name) = names.next() else { break };
            self.hit(name, &self.possible, hits);
        }
    }

    /// Sets the bit in `hits` of every glob that is wanted and matches `name`.
    ///
    /// Both masks have one bit for each glob, as words in the layout of [`Bitmask`]. Only
    /// globs whose bit is set in `wanted` and not in `hits` are matched, so the cost falls
    /// as bits are set. No bit is cleared. Bits beyond the globs are ignored.
    ///
    /// # Panics
    ///
    /// If either mask has fewer than one bit for each glob.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::NameSet;
    ///
    /// let set = NameSet::new(["*.csv", "*.txt", "a*"]);
    /// let mut hits = [0];
    /// set.hit("a.csv", &[0b011], &mut hits);
    /// assert_eq!(hits, [0b001]);
    /// set.hit("a.txt", &[0b011], &mut hits);
    /// assert_eq!(hits, [0b011]);
    /// ```
    pub fn hit<'n>(&self, name: impl Into<Name<'n>>, wanted: &[u64], hits: &mut [u64]) {
        let words = self.possible.len();
        let (wanted, hits) = (&wanted[..words], &mut hits[..words]);
        let name = name.into();
        match name.0 {
            Repr::Bytes(bytes) if self.more_than_few(wanted, hits) => {
                let _ = self.search(bytes, &mut SetBits { wanted, hits });
            }
            _ => {
                for (i, &possible) in self.possible.iter().enumerate() {
                    let mut left = wanted[i] & possible & !hits[i];
                    while left != 0 {
                        let bit = left.trailing_zeros();
                        left &= left - 1;
                        let matches = self.globs[i * 64 + bit as usize].is_match(name);
                        hits[i] |= u64::from(matches) << bit;
                    }
                }
            }
        }
    }

    /// Whether so many globs are left that matching each of them would take longer than a
    /// search.
    #[inline]
    fn more_than_few(&self, wanted: &[u64], hits: &[u64]) -> bool {
        let mut few = self.few;
        for (i, &possible) in self.possible.iter().enumerate() {
            let mut left = wanted[i] & possible & !hits[i];
            while left != 0 {
                if few == 0 {
                    return true;
                }
                few -= 1;
                left &= left - 1;
            }
        }
        false
    }

    /// Tells the sink which of the globs that it wants match a name that is
    /// [`Repr::Bytes`], in any order. Breaks as soon as the sink does.
    ///
    /// The tables compare bytes, which is right for the head and the tail of a
    /// [`CompiledGlob`](crate::glob::CompiledGlob). The automaton reads code points.
    #[inline]
    fn search<S: Sink>(&self, name: &[u8], sink: &mut S) -> ControlFlow<()> {
        for &id in &self.everything {
            if sink.wants(id) {
                sink.found(id)?;
            }
        }
        let probe = Probe::new(name);
        if self.literal_lengths >> name.len().min(63) & 1 == 1 {
            let hash = probe.hash();
            for &(other, id) in self.literals.get(hash) {
                if hash == other && sink.wants(id) && self.decide(id, name) {
                    sink.found(id)?;
                }
            }
        }
        let mut candidates = [self.extensions.get(mix(probe.extension())), &[], &[]];
        if let (Some(&first), Some(&last)) = (name.first(), name.last()) {
            candidates[1] = self.heads.get(first.into());
            candidates[2] = self.tails.get(last.into());
        }
        for affixes in candidates.into_iter().flatten() {
            let id = affixes.id;
            if affixes.fit(&probe) && sink.wants(id) && (affixes.decides || self.decide(id, name)) {
                sink.found(id)?;
            }
        }
        self.words.search(name, sink, |id| self.decide(id, name))?;
        self.automaton.search(name, sink)?;
        for &id in &self.long {
            if sink.wants(id) && self.decide(id, name) {
                sink.found(id)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn decide(&self, id: u32, name: &[u8]) -> bool {
        self.globs[id as usize].compiled().is_match_bytes(name)
    }
}

/// The empty set.
impl Default for NameSet {
    fn default() -> NameSet {
        NameSet::new(std::iter::empty::<NameGlob>())
    }
}

impl<G: Into<NameGlob>> FromIterator<G> for NameSet {
    fn from_iter<I: IntoIterator<Item = G>>(globs: I) -> NameSet {
        NameSet::new(globs)
    }
}

impl fmt::Debug for NameSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NameSet").field(&self.globs).finish()
    }
}

/// The receiver of a search: it tells which globs it wants, and takes the matches.
trait Sink {
    /// Whether [`wants`](Sink::wants) is true of all globs.
    const WANTS_ALL: bool;

    /// Whether the sink wants to know if the glob matches.
    fn wants(&self, id: u32) -> bool;
    /// Takes a glob that matches, perhaps not for the first time. Breaks if the sink wants no more.
    fn found(&mut self, id: u32) -> ControlFlow<()>;
}

/// The sink that breaks at the first match.
struct Any;

impl Sink for Any {
    const WANTS_ALL: bool = true;

    fn wants(&self, _: u32) -> bool {
        true
    }

    fn found(&mut self, _: u32) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

/// The sink that lists every match.
struct All<'a> {
    indices: &'a mut Vec<usize>,
    /// At this length, of twice the globs, each glob is left in it once. (A word may occur as
    /// often as a name has bytes.)
    most: usize,
}

impl Sink for All<'_> {
    const WANTS_ALL: bool = true;

    fn wants(&self, _: u32) -> bool {
        true
    }

    fn found(&mut self, id: u32) -> ControlFlow<()> {
        if self.indices.len() == self.most {
            sort_once(self.indices);
        }
        self.indices.push(id as usize);
        ControlFlow::Continue(())
    }
}

fn sort_once(indices: &mut Vec<usize>) {
    indices.sort_unstable();
    indices.dedup();
}

/// The sink that sets the bits of [`NameSet::hit`].
struct SetBits<'a> {
    wanted: &'a [u64],
    hits: &'a mut [u64],
}

impl Sink for SetBits<'_> {
    const WANTS_ALL: bool = false;

    #[inline]
    fn wants(&self, id: u32) -> bool {
        let word = id as usize / 64;
        (self.wanted[word] & !self.hits[word]) >> (id % 64) & 1 == 1
    }

    #[inline]
    fn found(&mut self, id: u32) -> ControlFlow<()> {
        self.hits[id as usize / 64] |= 1 << (id % 64);
        ControlFlow::Continue(())
    }
}
