//! Tables that find the few globs of a set whose ends fit those of a name.

use crate::glob::{NameGlob, Shape};

/// A name with its two ends as numbers, so that a short literal is compared in one step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe<'n> {
    pub(super) bytes: &'n [u8],
    /// The first eight bytes, the first one lowest; zeros beyond the end.
    head: u64,
    /// The last eight bytes, the last one lowest; zeros beyond the start.
    tail: u64,
}

impl<'n> Probe<'n> {
    #[inline]
    pub(super) fn new(bytes: &'n [u8]) -> Probe<'n> {
        let (head, tail) = match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_be_bytes(*last)),
            _ => {
                let tail = bytes.iter().fold(0, |tail, &byte| tail << 8 | u64::from(byte));
                // The same bytes in the other order, shifted down to the first.
                (tail.swap_bytes().unbounded_shr(64 - 8 * bytes.len() as u32), tail)
            }
        };
        Probe { bytes, head, tail }
    }

    /// The suffix that begins at the last dot, but at most the last eight bytes. If these
    /// hold no dot, all of them.
    #[inline]
    pub(super) fn extension(&self) -> u64 {
        const ONES: u64 = 0x0101_0101_0101_0101;
        // The lowest byte that is a dot becomes the lowest byte with its top bit set. Above
        // it, other bytes may have it set, too.
        let dots = self.tail ^ (ONES * u64::from(b'.'));
        let found = dots.wrapping_sub(ONES) & !dots & (ONES << 7);
        self.tail & low_bytes(found.trailing_zeros() as usize / 8 + 1)
    }

    /// A hash of the name.
    #[inline]
    pub(super) fn hash(&self) -> u64 {
        let len = self.bytes.len();
        let mut hash = mix(self.head ^ mix(self.tail ^ len as u64));
        if len > 16 {
            for part in self.bytes[8..len - 8].chunks(8) {
                let part = part.iter().fold(0, |all, &byte| all << 8 | u64::from(byte));
                hash = mix(hash ^ part);
            }
        }
        hash
    }
}

/// A mask of the lowest `count` bytes, at most eight.
fn low_bytes(count: usize) -> u64 {
    u64::MAX.unbounded_shr(64_u32.saturating_sub(8 * count as u32))
}

/// Mixes the bits of a number: each is spread over the upper bits, and these over the
/// lower.
#[inline]
pub(super) fn mix(number: u64) -> u64 {
    let spread = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    spread ^ spread >> 32
}

/// A glob whose matches begin and end with known characters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affixes {
    head: u64,
    head_mask: u64,
    tail: u64,
    tail_mask: u64,
    least: usize,
    /// The index in the set.
    pub(super) id: u32,
    /// Whether [`Affixes::fit`] decides alone. If not, the glob has to be matched, too.
    pub(super) decides: bool,
}

impl Affixes {
    pub(super) fn new(id: u32, glob: &NameGlob) -> Affixes {
        let compiled = glob.compiled();
        let (head, tail) = (Probe::new(compiled.head()), Probe::new(compiled.tail()));
        let (head_len, tail_len) = (compiled.head().len(), compiled.tail().len());
        Affixes {
            head: head.head,
            head_mask: low_bytes(head_len),
            tail: tail.tail,
            tail_mask: low_bytes(tail_len),
            least: head_len + tail_len,
            id,
            decides: compiled.shape == Shape::Affixes && head_len <= 8 && tail_len <= 8,
        }
    }

    /// Whether the name is long enough, and fits in up to eight bytes at each end.
    #[inline]
    pub(super) fn fit(&self, name: &Probe<'_>) -> bool {
        name.head & self.head_mask == self.head
            && name.tail & self.tail_mask == self.tail
            && name.bytes.len() >= self.least
    }
}

/// Items in numbered buckets, all in one piece of memory.
#[derive(Clone, Debug)]
pub(super) struct Buckets<T> {
    /// The index at which each bucket begins, and at which the last one ends.
    begins: Box<[u32]>,
    items: Box<[T]>,
}

impl<T> Buckets<T> {
    /// Sorts items, each given with the number of its bucket.
    pub(super) fn new(count: usize, mut items: Vec<(usize, T)>) -> Buckets<T> {
        if items.is_empty() {
            // No buckets: a look-up costs next to nothing then.
            return Buckets { begins: [].into(), items: [].into() };
        }
        items.sort_by_key(|&(bucket, _)| bucket);
        let begin = |bucket| items.partition_point(|&(b, _)| b < bucket) as u32;
        Buckets {
            begins: (0..=count).map(begin).collect(),
            items: items.into_iter().map(|(_, item)| item).collect(),
        }
    }

    /// The items in a bucket.
    #[inline]
    pub(super) fn get(&self, bucket: usize) -> &[T] {
        match self.begins.get(bucket..bucket + 2) {
            Some(&[begin, end]) => &self.items[begin as usize..end as usize],
            _ => &[],
        }
    }
}

/// Items in buckets by a hash.
#[derive(Clone, Debug)]
pub(super) struct HashBuckets<T> {
    buckets: Buckets<T>,
    mask: usize,
}

impl<T> HashBuckets<T> {
    /// Sorts items, each given with its hash.
    pub(super) fn new(items: Vec<(u64, T)>) -> HashBuckets<T> {
        let count = (2 * items.len()).next_power_of_two();
        let mask = count - 1;
        let items = items.into_iter().map(|(hash, item)| (hash as usize & mask, item)).collect();
        HashBuckets { buckets: Buckets::new(count, items), mask }
    }

    /// The items with this hash, and perhaps some others.
    #[inline]
    pub(super) fn get(&self, hash: u64) -> &[T] {
        self.buckets.get(hash as usize & self.mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_names() {
        let probe = Probe::new(b"");
        assert_eq!((probe.head, probe.tail), (0, 0));
        let probe = Probe::new(b"abc");
        assert_eq!((probe.head, probe.tail), (0x63_6261, 0x61_6263));
        let probe = Probe::new(b"abcdefghij");
        assert_eq!(probe.head.to_le_bytes(), *b"abcdefgh");
        assert_eq!(probe.tail.to_be_bytes(), *b"cdefghij");
        assert_eq!([0, 1, 8, 9].map(low_bytes), [0, 0xFF, u64::MAX, u64::MAX]);
    }

    #[test]
    fn extensions() {
        let extension = |name: &str| {
            let bytes = Probe::new(name.as_bytes()).extension().to_be_bytes();
            String::from_utf8(bytes.to_vec()).unwrap().trim_start_matches('\0').to_owned()
        };
        assert_eq!(extension("a.csv"), ".csv");
        assert_eq!(extension("archive.tar.gz"), ".gz");
        assert_eq!(extension("ends."), ".");
        assert_eq!(extension("a../"), "./");
        assert_eq!(extension("a.b/-."), ".");
        assert_eq!(extension("."), ".");
        assert_eq!(extension(""), "");
        assert_eq!(extension("README"), "README");
        assert_eq!(extension("a.seven77"), ".seven77");
        assert_eq!(extension("a.eleven1111"), "even1111");
    }

    #[test]
    fn buckets_hold_what_was_put_in() {
        let buckets = Buckets::new(4, vec![(3, 'a'), (0, 'b'), (3, 'c')]);
        assert_eq!(
            [0, 1, 2, 3, 4].map(|b| buckets.get(b)),
            [&['b'][..], &[], &[], &['a', 'c'], &[]]
        );
        let none: Buckets<u8> = Buckets::new(4, vec![]);
        assert!(none.get(0).is_empty());
    }
}
