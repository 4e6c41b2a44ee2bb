//! Keys that come one after another, each compared with the one before.
//!
//! One comparison tells how much two keys share, and with that whether they are in order,
//! which directories are left, and what became of names that may be those of directories.
//!
//! A program such as `find` prints a directory without a slash. Whether `a` is a file is known
//! when a key comes that cannot be followed by one in `a/`. In sorted order only keys that begin
//! with `a` and a byte below `/` come in between. So all names that wait to be told are at the
//! beginning of the last key: each is a length.

use std::cmp::Ordering;

use super::{KeyRange, KeyTree, KeyVisitor, RangeId};
use crate::Error;

/// What is kept between the keys.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    /// Whether a key in which others lie is a directory.
    pub(crate) implied: bool,
    /// How many keys have come.
    number: u64,
    last: Vec<u8>,
    /// The names that may be those of directories, the shortest first.
    waiting: Vec<Waiting>,
}

impl Cursor {
    /// How many keys have come.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

/// The beginning of the last key that is a key itself.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    length: usize,
    /// Where its last component begins.
    from: usize,
}

impl<V: KeyVisitor> KeyTree<V> {
    /// Takes the next keys of the only range. Of equal ones that follow each other the first
    /// counts. Those before one that is out of order are taken.
    pub(crate) fn successive<'k>(
        &mut self,
        id: RangeId,
        cursor: &mut Cursor,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> Result<(), Error> {
        let Some(mut range) = self.ranges.remove(&id) else {
            return Err(Error::bad_key(b"", "the keys have ended"));
        };
        let mut first = std::mem::take(&mut cursor.last);
        let mut last: &[u8] = &first;
        let mut result = Ok(());
        for key in keys {
            result = self.next(&mut range, cursor, last, key);
            if result.is_err() {
                break;
            }
            last = key;
        }
        if last != first {
            first = last.to_vec();
        }
        range.position.clone_from(&first);
        range.inclusive = false;
        cursor.last = first;
        self.ranges.insert(id, range);
        result
    }

    #[inline]
    fn next(
        &mut self,
        range: &mut KeyRange,
        cursor: &mut Cursor,
        last: &[u8],
        key: &[u8],
    ) -> Result<(), Error> {
        let shared = shared_length(last, key);
        let order = key.get(shared).cmp(&last.get(shared));
        let is_first = cursor.number == 0;
        if order == Ordering::Less {
            return Err(out_of_order(last, key, cursor.number + 1));
        }
        cursor.number += 1;
        self.counts.keys += 1;
        // The empty key is the source's, which is there.
        if order == Ordering::Equal || is_first && key.is_empty() {
            return Ok(());
        }
        while let Some(&waiting) = cursor.waiting.last() {
            match waiting.length.cmp(&shared) {
                Ordering::Less => break,
                Ordering::Equal if key[shared] < b'/' => break,
                Ordering::Equal if key[shared] == b'/' => {
                    cursor.waiting.pop();
                    break;
                }
                _ => {
                    cursor.waiting.pop();
                    self.is_file(range, last, waiting);
                }
            }
        }
        while range.open.last().is_some_and(|step| step.length > shared) {
            self.leave(range);
        }
        range.existing = range.existing.min(range.open.len());
        if let Some((node, from)) = self.descend(range, key) {
            if cursor.implied && from < key.len() {
                cursor.waiting.push(Waiting { length: key.len(), from });
            } else {
                self.file(node, key, from);
            }
        }
        Ok(())
    }

    /// Takes a name in which no key lies, at the beginning of the last key.
    fn is_file(&mut self, range: &KeyRange, last: &[u8], Waiting { length, from }: Waiting) {
        // Its directory is still open, since all keys after it lie there.
        let mut open = range.open.iter().rev();
        if let Some(step) = open.find(|step| step.length == from)
            && self.node(step.node).wanted
        {
            self.file(step.node, &last[..length], from);
        }
    }

    /// Ends the only range, after the last key.
    pub(crate) fn end_successive(&mut self, id: RangeId, cursor: &mut Cursor) {
        if let Some(range) = self.ranges.remove(&id) {
            while let Some(waiting) = cursor.waiting.pop() {
                self.is_file(&range, &cursor.last, waiting);
            }
            self.ranges.insert(id, range);
            self.end(id);
        }
    }
}

fn out_of_order(last: &[u8], key: &[u8], number: u64) -> Error {
    let last = String::from_utf8_lossy(last);
    let before = number - 1;
    let message =
        format!("out of order: it is number {number}, and comes behind {last:?}, number {before}");
    Error::bad_key(key, message)
}

/// How many bytes are the same at the beginning of both.
#[inline]
fn shared_length(one: &[u8], other: &[u8]) -> usize {
    let most = one.len().min(other.len());
    let (ones, one_rest) = one[..most].as_chunks::<8>();
    let (others, other_rest) = other[..most].as_chunks::<8>();
    for (index, (&one, &other)) in ones.iter().zip(others).enumerate() {
        let difference = u64::from_le_bytes(one) ^ u64::from_le_bytes(other);
        if difference != 0 {
            return index * 8 + difference.trailing_zeros() as usize / 8;
        }
    }
    let rest = one_rest.iter().zip(other_rest);
    ones.len() * 8 + rest.take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::shared_length;

    #[test]
    fn what_two_keys_share() {
        let long: Vec<u8> = (0..40).collect();
        for length in 0..40 {
            for other in 0..=length {
                assert_eq!(shared_length(&long[..length], &long[..other]), other);
                let mut changed = long[..length].to_vec();
                if let Some(byte) = changed.get_mut(other) {
                    *byte ^= 0x80;
                }
                assert_eq!(shared_length(&changed, &long), other);
            }
        }
    }
}
