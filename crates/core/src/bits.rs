//! Sets of small numbers as words of bits: number `i` is bit `i % 64` of word
//! `i / 64`.

pub(crate) type Word = u64;

/// How many words hold `count` bits.
pub(crate) fn words(count: usize) -> usize {
    count.div_ceil(64)
}

/// An empty set for the numbers below `count`.
pub(crate) fn zeroed(count: usize) -> Box<[Word]> {
    vec![0; words(count)].into()
}

pub(crate) fn get(set: &[Word], number: usize) -> bool {
    set[number / 64] >> (number % 64) & 1 != 0
}

pub(crate) fn set(set: &mut [Word], number: usize) {
    set[number / 64] |= 1 << (number % 64);
}

/// The numbers in the set, ascending.
pub(crate) fn iter(set: &[Word]) -> impl Iterator<Item = usize> + '_ {
    set.iter().enumerate().flat_map(|(index, &word)| {
        std::iter::successors(Some(word), |rest| Some(rest & rest.wrapping_sub(1)))
            .take_while(|&rest| rest != 0)
            .map(move |rest| index * 64 + rest.trailing_zeros() as usize)
    })
}
