//! Rows of bits: a growable one, and functions on words.

use std::fmt;

/// A row of bits, one for each item of a sequence.
///
/// It is what [`NameSet`](crate::NameSet) returns for many names at once. Bit `i` is bit
/// `i % 64`, counted from the lowest, of word `i / 64`. The bits of the last word beyond the
/// length are zero.
///
/// # Example
///
/// ```
/// use pathvein_core::NameSet;
///
/// let images = NameSet::new(["*.png", "*.jpg"]);
/// let mask = images.match_many(["a.png", "notes.txt", "b.jpg"]);
/// assert_eq!(mask.len(), 3);
/// assert!(mask.contains(0));
/// assert!(!mask.contains(1));
/// assert_eq!(mask.iter().collect::<Vec<_>>(), [0, 2]);
/// assert_eq!(mask.as_words(), [0b101]);
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Bitmask {
    words: Vec<u64>,
    len: usize,
}

impl Bitmask {
    /// A mask without bits, for a method such as
    /// [`NameSet::match_many_into`](crate::NameSet::match_many_into) to fill.
    pub fn new() -> Bitmask {
        Bitmask::default()
    }

    /// The number of bits, set or not.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bits at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether bit `index` is set. False beyond the length.
    pub fn contains(&self, index: usize) -> bool {
        self.words.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// How many bits are set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The indices of the bits that are set, in rising order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        ones(self.words.iter().copied())
    }

    /// The bits as words.
    pub fn as_words(&self) -> &[u64] {
        &self.words
    }

    /// Makes this a mask of `len` bits, none of them set, and returns its words.
    pub(crate) fn reset(&mut self, len: usize) -> &mut [u64] {
        self.words.clear();
        self.words.resize(len.div_ceil(64), 0);
        self.len = len;
        &mut self.words
    }

    /// Adds one bit at the end.
    pub fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(64) {
            self.words.push(0);
        }
        self.words[self.len / 64] |= u64::from(bit) << (self.len % 64);
        self.len += 1;
    }
}

impl fmt::Debug for Bitmask {
    /// The bits as a string of zeros and ones, bit 0 first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bitmask(")?;
        for index in 0..self.len {
            f.write_str(if self.contains(index) { "1" } else { "0" })?;
        }
        f.write_str(")")
    }
}

/// The indices of the set bits of a row of words, in rising order.
pub(crate) fn ones(words: impl Iterator<Item = u64>) -> impl Iterator<Item = usize> {
    words.enumerate().flat_map(|(index, mut word)| {
        std::iter::from_fn(move || {
            if word == 0 {
                return None;
            }
            let bit = word.trailing_zeros() as usize;
            word &= word - 1;
            Some(index * 64 + bit)
        })
    })
}

/// As many words of zeros as hold `count` bits.
pub(crate) fn zeroed(count: usize) -> Box<[u64]> {
    vec![0; count.div_ceil(64)].into()
}

/// Whether a bit of a row of words is set.
pub(crate) fn get(words: &[u64], index: usize) -> bool {
    words[index / 64] >> (index % 64) & 1 == 1
}

/// Whether two rows have a set bit in common.
pub(crate) fn overlap(one: &[u64], other: &[u64]) -> bool {
    one.iter().zip(other).any(|(one, other)| one & other != 0)
}

/// Clears a bit of a row of words.
pub(crate) fn clear(words: &mut [u64], index: usize) {
    words[index / 64] &= !(1 << (index % 64));
}

/// Sets a bit of a row of words.
pub(crate) fn set(words: &mut [u64], index: usize) {
    words[index / 64] |= 1 << (index % 64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_cross_words() {
        let mut mask = Bitmask::new();
        assert!(mask.is_empty() && !mask.contains(0));
        for i in 0..130 {
            mask.push(i % 64 == 0 || i == 129);
        }
        assert_eq!((mask.len(), mask.count(), mask.as_words().len()), (130, 4, 3));
        assert_eq!(mask.iter().collect::<Vec<_>>(), [0, 64, 128, 129]);
        assert!(mask.contains(129) && !mask.contains(130) && !mask.contains(9999));
        mask.reset(64);
        assert_eq!((mask.len(), mask.count(), mask.as_words().len()), (64, 0, 1));
        let mut few = Bitmask::new();
        few.push(true);
        few.push(false);
        assert_eq!(format!("{few:?}"), "Bitmask(10)");
    }
}
