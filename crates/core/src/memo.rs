//! What was worked out before for the same question.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// How many answers are kept. When there are more, all are forgotten: what comes
/// up often is soon there again.
const CAPACITY: usize = 1024;

/// How many words they may take together, about: with thousands of patterns, an
/// answer may be a long one.
const WORDS: usize = 256 * 1024;

/// What can be kept.
pub(crate) trait Answer: Clone {
    /// How many words it takes, about.
    fn words(&self) -> usize;
}

/// Answers by what was asked: something of an `A`, with some words.
#[derive(Debug)]
pub(crate) struct Memo<A, V> {
    entries: HashMap<u64, Entry<A, V>, BuildHasherDefault<AsIs>>,
    /// How many words they have taken.
    words: usize,
}

#[derive(Debug)]
struct Entry<A, V> {
    /// Kept, so that no other can have its address.
    about: Arc<A>,
    words: Box<[u64]>,
    answer: V,
}

impl<A, V> Default for Memo<A, V> {
    fn default() -> Self {
        Memo { entries: HashMap::default(), words: 0 }
    }
}

fn hash<A>(about: &Arc<A>, words: &[u64]) -> u64 {
    let mut hash = Arc::as_ptr(about).addr() as u64;
    for &word in words {
        hash = (hash.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    // The map looks at the ends of it.
    hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ hash >> 32
}

impl<A, V: Answer> Memo<A, V> {
    pub(crate) fn get(&mut self, about: &Arc<A>, words: &[u64], work_out: impl FnOnce() -> V) -> V {
        let hash = hash(about, words);
        let entry = self.entries.get(&hash);
        if let Some(entry) = entry.filter(|e| Arc::ptr_eq(&e.about, about) && *e.words == *words) {
            return entry.answer.clone();
        }
        let answer = work_out();
        let takes = words.len() + answer.words();
        if self.entries.len() >= CAPACITY || self.words + takes > WORDS {
            self.entries.clear();
            self.words = 0;
        }
        self.words += takes;
        let (about, words) = (Arc::clone(about), words.into());
        self.entries.insert(hash, Entry { about, words, answer: answer.clone() });
        answer
    }
}

/// Keys that are hashes already.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys are numbers");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Answer for (usize, u64) {
        fn words(&self) -> usize {
            2
        }
    }

    impl Answer for Arc<Vec<u64>> {
        fn words(&self) -> usize {
            self.len()
        }
    }

    #[test]
    fn long_answers_are_few() {
        let (mut memo, about) = (Memo::default(), Arc::new(()));
        let mut answers = Vec::new();
        for word in 0..100 {
            let answer = Arc::new(vec![word; WORDS / 10]);
            answers.push(Arc::downgrade(&answer));
            assert_eq!(memo.get(&about, &[word], || answer)[0], word);
            assert!(answers.iter().filter(|answer| answer.strong_count() > 0).count() <= 10);
        }
        // One that is too long by itself is no harm.
        let answer = Arc::new(vec![7; 2 * WORDS]);
        assert_eq!(memo.get(&about, &[100], || answer).len(), 2 * WORDS);
        assert_eq!(memo.get(&about, &[101], || Arc::new(vec![8]))[0], 8);
        assert_eq!(memo.entries.len(), 1);
    }

    #[test]
    fn answers_are_those_to_the_question() {
        let mut memo = Memo::default();
        let (a, b) = (Arc::new(0), Arc::new(0));
        for round in 0..3 {
            for about in [&a, &b] {
                for word in 0..CAPACITY as u64 {
                    let question = (Arc::as_ptr(about).addr(), word);
                    assert_eq!(memo.get(about, &[word, 7], || question), question, "{round}");
                    assert_eq!(memo.get(about, &[word, 7], || unreachable!()), question);
                }
            }
        }
        assert!(memo.entries.len() <= CAPACITY);
        // It keeps what it knows about, and no more than that.
        assert!(Arc::strong_count(&a) + Arc::strong_count(&b) <= CAPACITY + 2);
    }
}
