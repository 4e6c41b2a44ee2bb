//! Globs and regular expressions compiled together, in the order given.

use super::{NameAlternative, NameRegex};
use crate::{Bitmask, Name, NameSet};

/// Globs and regular expressions that are asked together which of them a name passes.
///
/// Of globs alone it is as fast as a [`NameSet`]. Regular expressions are held against the name
/// one by one.
///
/// # Example
///
/// ```
/// use pathvein_core::{AlternativeSet, NameAlternative, NameRegex};
///
/// let set = AlternativeSet::new([
///     NameAlternative::from("*.csv"),
///     NameRegex::new(r"v\d+\.csv")?.into(),
///     "v*".into(),
/// ]);
/// assert_eq!(set.matching("v1.csv"), [0, 1, 2]);
/// assert!(!set.is_match("a.txt"));
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Debug)]
pub struct AlternativeSet {
    items: Box<[NameAlternative]>,
    globs: NameSet,
    /// A set bit for each item.
    all: Box<[u64]>,
    /// `None` if there are globs only.
    mixed: Option<Mixed>,
}

/// Where the items of a set stand that has regular expressions.
#[derive(Debug)]
struct Mixed {
    globs: Box<[usize]>,
    regexes: Box<[(usize, NameRegex)]>,
}

impl Mixed {
    fn passed<'s>(&'s self, name: Name<'s>) -> impl Iterator<Item = usize> + 's {
        let passed = self.regexes.iter().filter(move |(_, regex)| regex.is_match(name));
        passed.map(|&(index, _)| index)
    }
}

impl AlternativeSet {
    /// Compiles the items.
    pub fn new(items: impl IntoIterator<Item = NameAlternative>) -> AlternativeSet {
        let items: Box<[_]> = items.into_iter().collect();
        let (mut globs, mut places, mut regexes) = (Vec::new(), Vec::new(), Vec::new());
        for (index, item) in items.iter().enumerate() {
            match item {
                NameAlternative::Glob(glob) => {
                    globs.push(glob.clone());
                    places.push(index);
                }
                NameAlternative::Regex(regex) => regexes.push((index, regex.clone())),
            }
        }
        let mixed = Mixed { globs: places.into(), regexes: regexes.into() };
        let mixed = (!mixed.regexes.is_empty()).then_some(mixed);
        let all = vec![u64::MAX; items.len().div_ceil(64)].into();
        AlternativeSet { items, globs: NameSet::new(globs), all, mixed }
    }

    /// The items, in the order given.
    pub fn items(&self) -> &[NameAlternative] {
        &self.items
    }

    /// Whether a name passes any.
    pub fn is_match<'n>(&self, name: impl Into<Name<'n>>) -> bool {
        let name = name.into();
        self.globs.is_match(name)
            || self.mixed.as_ref().is_some_and(|mixed| mixed.passed(name).next().is_some())
    }

    /// The indices of those that a name passes, in ascending order.
    pub fn matching<'n>(&self, name: impl Into<Name<'n>>) -> Vec<usize> {
        let name = name.into();
        let mut indices = self.globs.matching(name);
        if let Some(mixed) = &self.mixed {
            indices.iter_mut().for_each(|index| *index = mixed.globs[*index]);
            indices.extend(mixed.passed(name));
            indices.sort_unstable();
        }
        indices
    }

    /// For each of many names, whether it passes any.
    pub fn match_many_into<'n, N>(&self, names: impl IntoIterator<Item = N>, mask: &mut Bitmask)
    where
        N: Into<Name<'n>>,
    {
        match &self.mixed {
            None => self.globs.match_many_into(names, mask),
            Some(_) => {
                mask.reset(0);
                names.into_iter().for_each(|name| mask.push(self.is_match(name)));
            }
        }
    }

    /// Sets the bits in `hits` of those that a name passes. It has a bit for each item, in
    /// words of 64.
    pub fn hit<'n>(&self, name: impl Into<Name<'n>>, hits: &mut [u64]) {
        let name = name.into();
        match &self.mixed {
            None => self.globs.hit(name, &self.all, hits),
            Some(_) => {
                for index in self.matching(name) {
                    hits[index / 64] |= 1 << (index % 64);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_globs_and_expressions() {
        let items = || {
            (0..200).map(|n| match n % 3 {
                0 => NameAlternative::Regex(NameRegex::new(&format!("[{}]", n % 10)).unwrap()),
                1 => (n % 10).to_string().into(),
                _ => "?".into(),
            })
        };
        let (mixed, globs) = (
            AlternativeSet::new(items()),
            AlternativeSet::new(items().filter(|item| item.as_glob().is_some())),
        );
        assert!(globs.mixed.is_none());
        for set in [mixed, globs] {
            for name in (0..10).map(|n| n.to_string()).chain(["x".into(), "xx".into()]) {
                let passed =
                    set.items().iter().enumerate().filter(|(_, item)| item.is_match(&*name));
                let passed: Vec<usize> = passed.map(|(index, _)| index).collect();
                assert_eq!(set.matching(&*name), passed);
                assert_eq!(set.is_match(&*name), !passed.is_empty());
                let mut hits = vec![0; set.items().len().div_ceil(64)];
                set.hit(&*name, &mut hits);
                assert_eq!(crate::bits::ones(hits.into_iter()).collect::<Vec<_>>(), passed);
            }
        }
    }
}
