//! Keys that are sorted in memory.

use std::ops::Range;

use crate::key_front::Stripped;
use crate::{Error, KeyFront};

/// Sorts keys in memory, for a [`KeyStream`](crate::KeyStream).
///
/// A key takes its bytes and twelve more.
///
/// # Example
///
/// ```
/// use pathvein_core::{KeyFront, KeySorter};
///
/// let mut sorter = KeySorter::new(KeyFront::Dots);
/// sorter.keys(["./b", "./a", "./b"].map(str::as_bytes))?;
/// sorter.sort();
/// assert_eq!(sorter.range(0..2).collect::<Vec<_>>(), [b"a", b"b"]);
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeySorter {
    stripped: Stripped,
    /// How many keys have come, those that were cleared included.
    number: u64,
    bytes: Vec<u8>,
    /// Where each key ends.
    ends: Vec<usize>,
    /// Whether the keys are in order as they came.
    is_sorted: bool,
    /// Which key is at which place. Empty if they are in order as they came.
    order: Vec<u32>,
}

impl KeySorter {
    /// No keys. `front` is what is taken off the front of those that come.
    pub fn new(front: KeyFront) -> KeySorter {
        KeySorter {
            stripped: Stripped::new(front),
            number: 0,
            bytes: Vec::new(),
            ends: Vec::new(),
            is_sorted: true,
            order: Vec::new(),
        }
    }

    /// Adds keys.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) for a key that has a slash in front where those
    /// before it have none, or the other way round, and for one above 4,294,967,295.
    pub fn keys<'k>(&mut self, keys: impl IntoIterator<Item = &'k [u8]>) -> Result<(), Error> {
        self.order.clear();
        for key in keys {
            self.number += 1;
            let key = self.stripped.strip(key, self.number)?;
            if u32::try_from(self.ends.len()).is_err() {
                return Err(Error::bad_key(key, "too many keys to be sorted in memory"));
            }
            self.is_sorted = self.is_sorted && self.last() <= key;
            self.bytes.extend_from_slice(key);
            self.ends.push(self.bytes.len());
        }
        Ok(())
    }

    fn last(&self) -> &[u8] {
        self.ends.len().checked_sub(1).map_or(&[], |index| key(&self.bytes, &self.ends, index))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many bytes the keys take.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.ends.len() * (size_of::<usize>() + size_of::<u32>())
    }

    /// Puts the keys in the order of their bytes.
    pub fn sort(&mut self) {
        if self.is_sorted {
            return;
        }
        let KeySorter { bytes, ends, order, .. } = self;
        *order = (0..ends.len() as u32).collect();
        // Programs that walk a tree print the keys of a directory together: long runs are in
        // order already, which a stable sort makes use of.
        order.sort_by(|&one, &other| {
            key(bytes, ends, one as usize).cmp(key(bytes, ends, other as usize))
        });
    }

    /// The keys at some places: in order after [`sort`](Self::sort), before it as they came.
    pub fn range(&self, places: Range<usize>) -> impl Iterator<Item = &[u8]> {
        places.map_while(move |place| {
            let index = match self.order.get(place) {
                Some(&index) => index as usize,
                None => place,
            };
            (index < self.ends.len()).then(|| key(&self.bytes, &self.ends, index))
        })
    }

    /// Removes all keys. What stood in front of them is known still.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.order.clear();
        self.is_sorted = true;
    }

    /// The source as the keys have it, as [`KeyStream::source`](crate::KeyStream::source) tells.
    pub fn source(&self) -> &'static str {
        self.stripped.source()
    }
}

fn key<'k>(bytes: &'k [u8], ends: &[usize], index: usize) -> &'k [u8] {
    let begin = index.checked_sub(1).map_or(0, |before| ends[before]);
    &bytes[begin..ends[index]]
}
