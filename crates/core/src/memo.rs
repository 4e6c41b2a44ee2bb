//! What was worked out before for the same question.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// How many answers are kept. When there are more, all are forgotten: what comes
/// up often is soon there again.
const CAPACITY: usize = 1024;

/// Answers by what was asked: something of an `A`, with some words.
#[derive(Debug)]
pub(crate) struct Memo<A, V> {
    entries: HashMap<u64, Entry<A, V>, BuildHasherDefault<AsIs>>,
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
        Memo { entries: HashMap::default() }
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

impl<A, V: Clone> Memo<A, V> {
    pub(crate) fn get(&mut self, about: &Arc<A>, words: &[u64], work_out: impl FnOnce() -> V) -> V {
        let hash = hash(about, words);
        let entry = self.entries.get(&hash);
        if let Some(entry) = entry.filter(|e| Arc::ptr_eq(&e.about, about) && *e.words == *words) {
            return entry.answer.clone();
        }
        let answer = work_out();
        if self.entries.len() >= CAPACITY {
            self.entries.clear();
        }
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
