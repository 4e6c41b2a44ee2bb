//! A bounded memo: answers that were computed before, by their question.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// How many answers are kept. When there would be more, all are dropped: the frequent
/// ones are soon there again.
const CAPACITY: usize = 1024;

/// How many bytes a memo may keep alive, roughly. With thousands of patterns, a question and
/// its answer may be long.
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// What an entry takes besides its subject, its words and its answer.
const ENTRY_BYTES: usize = 64;

/// A subject or an answer that a memo can keep.
pub(crate) trait Kept {
    /// How many bytes it takes, with what it keeps alive, roughly.
    fn bytes(&self) -> usize;
}

/// The answers `A` to questions. A question is a subject, known by its address, and some
/// words.
#[derive(Debug)]
pub(crate) struct Memo<S, A> {
    entries: HashMap<u64, Entry<A>, BuildHasherDefault<IdentityHasher>>,
    /// The subjects by their address. They are kept alive, so that no other can have the
    /// address of one. Many entries may be about one.
    subjects: HashMap<u64, Arc<S>, BuildHasherDefault<IdentityHasher>>,
    /// How many bytes all this takes, roughly.
    bytes: usize,
}

#[derive(Debug)]
struct Entry<A> {
    /// The address of the subject.
    subject: u64,
    words: Box<[u64]>,
    answer: Arc<A>,
}

impl<S, A> Default for Memo<S, A> {
    fn default() -> Self {
        Memo { entries: HashMap::default(), subjects: HashMap::default(), bytes: 0 }
    }
}

fn address<S>(subject: &Arc<S>) -> u64 {
    Arc::as_ptr(subject).addr() as u64
}

fn hash<S>(subject: &Arc<S>, words: &[u64]) -> u64 {
    let mut hash = Arc::as_ptr(subject).addr() as u64;
    for &word in words {
        hash = (hash.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    // The map uses the highest and the lowest bits.
    hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ hash >> 32
}

impl<S: Kept, A: Kept> Memo<S, A> {
    /// The answer to a question, computed if it is not kept.
    pub(crate) fn get_or_compute(
        &mut self,
        subject: &Arc<S>,
        words: &[u64],
        compute: impl FnOnce() -> A,
    ) -> Arc<A> {
        let hash = hash(subject, words);
        if let Some(entry) = self.entries.get(&hash)
            && entry.subject == address(subject)
            && *entry.words == *words
        {
            return Arc::clone(&entry.answer);
        }
        let answer = Arc::new(compute());
        self.keep(hash, subject, words, &answer);
        answer
    }

    fn keep(&mut self, hash: u64, subject: &Arc<S>, words: &[u64], answer: &Arc<A>) {
        let size = ENTRY_BYTES + size_of_val(words) + answer.bytes();
        let subject_size = subject.bytes();
        if size + subject_size > MAX_BYTES {
            return;
        }
        let is_new = !self.subjects.contains_key(&address(subject));
        let more = size + if is_new { subject_size } else { 0 };
        if self.entries.len() >= CAPACITY || self.bytes + more > MAX_BYTES {
            self.entries.clear();
            self.subjects.clear();
            self.bytes = 0;
        }
        if self.subjects.insert(address(subject), Arc::clone(subject)).is_none() {
            self.bytes += subject_size;
        }
        self.bytes += size;
        let (subject, words, answer) = (address(subject), words.into(), Arc::clone(answer));
        self.entries.insert(hash, Entry { subject, words, answer });
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
    use std::sync::Weak;

    use super::*;

    impl Kept for (usize, u64) {
        fn bytes(&self) -> usize {
            16
        }
    }

    impl Kept for Vec<u64> {
        fn bytes(&self) -> usize {
            self.len() * 8
        }
    }

    impl Kept for usize {
        fn bytes(&self) -> usize {
            8
        }
    }

    /// How many bytes of these are alive.
    fn alive(all: &[Weak<Vec<u64>>]) -> usize {
        all.iter().filter_map(Weak::upgrade).map(|kept| kept.bytes()).sum()
    }

    #[test]
    fn what_is_kept_alive_is_bounded() {
        // Long answers to questions about one subject, and long subjects of short answers.
        let (mut memo, subject) = (Memo::default(), Arc::new(0));
        let mut answers = Vec::new();
        for word in 0..100 {
            let answer = memo.get_or_compute(&subject, &[word], || vec![word; MAX_BYTES / 80]);
            assert_eq!(answer[0], word);
            answers.push(Arc::downgrade(&answer));
            drop(answer);
            assert!(alive(&answers) <= MAX_BYTES);
        }
        let (mut memo, mut subjects) = (Memo::default(), Vec::new());
        for word in 0..100 {
            let subject = Arc::new(vec![word; MAX_BYTES / 80]);
            subjects.push(Arc::downgrade(&subject));
            for question in 0..3 {
                let answer = memo.get_or_compute(&subject, &[question], || (0, word));
                assert_eq!(*answer, (0, word));
                let answer = memo.get_or_compute(&subject, &[question], || unreachable!());
                assert_eq!(*answer, (0, word));
            }
            drop(subject);
            assert!(alive(&subjects) <= MAX_BYTES);
        }
    }

    #[test]
    fn no_other_subject_gets_the_address_of_one() {
        let mut memo = Memo::default();
        let subject = Arc::new(0);
        let weak = Arc::downgrade(&subject);
        memo.get_or_compute(&subject, &[1], || 7);
        drop(subject);
        assert!(weak.upgrade().is_some());
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let (mut memo, subject) = (Memo::default(), Arc::new(0));
        memo.get_or_compute(&subject, &[1], || vec![7]);
        let answer = memo.get_or_compute(&subject, &[2], || vec![8; MAX_BYTES / 8]);
        assert_eq!(Arc::strong_count(&answer), 1);
        // And nothing makes way for it.
        assert_eq!(memo.get_or_compute(&subject, &[1], || unreachable!())[0], 7);
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
                        *memo.get_or_compute(subject, &[word, 7], || question),
                        question,
                        "{round}"
                    );
                    assert_eq!(
                        *memo.get_or_compute(subject, &[word, 7], || unreachable!()),
                        question
                    );
                }
            }
        }
        assert!(memo.entries.len() <= CAPACITY);
        // The memo keeps the subjects of its answers alive, and no others.
        assert!(Arc::strong_count(&a) + Arc::strong_count(&b) <= 4);
    }
}
