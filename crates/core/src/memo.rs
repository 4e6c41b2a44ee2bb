//! A bounded memo: answers that were computed before, by their question.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// How many answers are kept. When there would be more, all are dropped: the frequent
/// ones are soon there again.
const CAPACITY: usize = 1024;

/// How many words the answers may take together, roughly. With thousands of patterns, an
/// answer may be long.
const MAX_WORDS: usize = 256 * 1024;

/// An answer that a memo can keep.
pub(crate) trait Answer: Clone {
    /// How many words it takes, roughly.
    fn words(&self) -> usize;
}

/// The answers `A` to questions. A question is a subject, known by its address, and some
/// words.
#[derive(Debug)]
pub(crate) struct Memo<S, A> {
    entries: HashMap<u64, Entry<S, A>, BuildHasherDefault<IdentityHasher>>,
    /// How many words the entries take, roughly.
    words: usize,
}

#[derive(Debug)]
struct Entry<S, A> {
    /// Kept alive, so that no other subject can have its address.
    subject: Arc<S>,
    words: Box<[u64]>,
    answer: A,
}

impl<S, A> Default for Memo<S, A> {
    fn default() -> Self {
        Memo { entries: HashMap::default(), words: 0 }
    }
}

fn hash<S>(subject: &Arc<S>, words: &[u64]) -> u64 {
    let mut hash = Arc::as_ptr(subject).addr() as u64;
    for &word in words {
        hash = (hash.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    // The map uses the highest and the lowest bits.
    hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ hash >> 32
}

impl<S, A: Answer> Memo<S, A> {
    /// The answer to a question, computed if it is not kept.
    pub(crate) fn get_or_compute(
        &mut self,
        subject: &Arc<S>,
        words: &[u64],
        compute: impl FnOnce() -> A,
    ) -> A {
        let hash = hash(subject, words);
        if let Some(entry) = self.entries.get(&hash)
            && Arc::ptr_eq(&entry.subject, subject)
            && *entry.words == *words
        {
            return entry.answer.clone();
        }
        let answer = compute();
        let size = words.len() + answer.words();
        if self.entries.len() >= CAPACITY || self.words + size > MAX_WORDS {
            self.entries.clear();
            self.words = 0;
        }
        self.words += size;
        let (subject, words) = (Arc::clone(subject), words.into());
        self.entries.insert(hash, Entry { subject, words, answer: answer.clone() });
        answer
    }
}

/// The hasher for keys that are hashes already.
#[derive(Debug, Default)]
struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
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
        let (mut memo, subject) = (Memo::default(), Arc::new(()));
        let mut answers = Vec::new();
        for word in 0..100 {
            let answer = Arc::new(vec![word; MAX_WORDS / 10]);
            answers.push(Arc::downgrade(&answer));
            assert_eq!(memo.get_or_compute(&subject, &[word], || answer)[0], word);
            assert!(answers.iter().filter(|answer| answer.strong_count() > 0).count() <= 10);
        }
        // An answer that is too long by itself does no harm.
        let answer = Arc::new(vec![7; 2 * MAX_WORDS]);
        assert_eq!(memo.get_or_compute(&subject, &[100], || answer).len(), 2 * MAX_WORDS);
        assert_eq!(memo.get_or_compute(&subject, &[101], || Arc::new(vec![8]))[0], 8);
        assert_eq!(memo.entries.len(), 1);
    }

    #[test]
    fn answers_are_those_to_the_question() {
        let mut memo = Memo::default();
        let (a, b) = (Arc::new(0), Arc::new(0));
        for round in 0..3 {
            for subject in [&a, &b] {
                for word in 0..CAPACITY as u64 {
                    let question = (Arc::as_ptr(subject).addr(), word);
                    assert_eq!(
                        memo.get_or_compute(subject, &[word, 7], || question),
                        question,
                        "{round}"
                    );
                    assert_eq!(
                        memo.get_or_compute(subject, &[word, 7], || unreachable!()),
                        question
                    );
                }
            }
        }
        assert!(memo.entries.len() <= CAPACITY);
        // The memo keeps the subjects of its answers alive, and no others.
        assert!(Arc::strong_count(&a) + Arc::strong_count(&b) <= CAPACITY + 2);
    }
}
