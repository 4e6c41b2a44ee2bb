//! Atoms: the globs and regular expressions that name tests are made of, matched together.

use std::ops::Range;

use regex::bytes::{RegexSet, RegexSetBuilder};

use crate::pattern::{NameRegex, with_text};
use crate::{Name, NameGlob, NameSet};

/// The number of an atom: the globs come first, then the regular expressions.
pub(crate) type AtomId = u32;

/// How large the expressions of one set may be together, compiled. Each is at most 1 MiB by
/// itself, so there is always a way to divide them.
const SET_SIZE: usize = 8 * 1024 * 1024;

/// Up to this many expressions of a set are matched one by one.
const FEW: usize = 2;

/// The distinct atoms of the names of files, or of directories.
#[derive(Debug)]
pub(crate) struct Atoms {
    globs: NameSet,
    /// `None` if there are no regular expressions.
    regexes: Option<Box<Regexes>>,
}

/// Regular expressions, in sets of consecutive ones. If all of them are too large for one
/// set, there are several.
#[derive(Debug)]
struct Regexes {
    list: Vec<NameRegex>,
    sets: Vec<(Range<usize>, RegexSet)>,
}

impl Atoms {
    pub(crate) fn new(globs: Vec<NameGlob>, regexes: Vec<NameRegex>) -> Atoms {
        let regexes = (!regexes.is_empty()).then(|| Box::new(Regexes::new(regexes)));
        Atoms { globs: NameSet::new(globs), regexes }
    }

    pub(crate) fn len(&self) -> usize {
        self.globs.len() + self.regexes.as_ref().map_or(0, |regexes| regexes.list.len())
    }

    /// Whether a name passes one atom.
    #[inline]
    pub(crate) fn is_match(&self, atom: AtomId, name: Name<'_>) -> bool {
        match self.globs.globs().get(atom as usize) {
            Some(glob) => glob.is_match(name),
            None => self.is_regex_match(atom as usize - self.globs.len(), name),
        }
    }

    #[cold]
    fn is_regex_match(&self, index: usize, name: Name<'_>) -> bool {
        self.regexes.as_ref().is_some_and(|regexes| regexes.list[index].is_match(name))
    }

    /// Sets the bit in `hits` of every atom that is wanted, not set yet, and passed by the
    /// name. Both have a bit for each atom.
    #[inline]
    pub(crate) fn hit(&self, name: Name<'_>, wanted: &[u64], hits: &mut [u64]) {
        self.globs.hit(name, wanted, hits);
        if let Some(regexes) = &self.regexes {
            regexes.hit(self.globs.len(), name, wanted, hits);
        }
    }
}

impl Regexes {
    fn new(list: Vec<NameRegex>) -> Regexes {
        let mut sets = Vec::new();
        // Halves of what is too large, the first one on top.
        let mut left: Vec<Range<usize>> = std::iter::once(0..list.len()).collect();
        while let Some(range) = left.pop() {
            let texts = list[range.clone()].iter().map(NameRegex::anchored);
            match RegexSetBuilder::new(texts).size_limit(SET_SIZE).build() {
                Ok(set) => sets.push((range, set)),
                Err(_) if range.len() > 1 => {
                    let middle = range.start + range.len() / 2;
                    left.extend([middle..range.end, range.start..middle]);
                }
                // It was compiled before, within a smaller limit. If it cannot be a set, it is
                // matched by itself.
                Err(_) => sets.push((range, RegexSet::empty())),
            }
        }
        Regexes { list, sets }
    }

    /// `first` is the number of the first expression among the atoms.
    fn hit(&self, first: usize, name: Name<'_>, wanted: &[u64], hits: &mut [u64]) {
        let is_asked = |hits: &[u64], index: &usize| {
            let atom = first + index;
            (wanted[atom / 64] & !hits[atom / 64]) >> (atom % 64) & 1 != 0
        };
        if !(0..self.list.len()).any(|index| is_asked(hits, &index)) {
            return;
        }
        with_text(name, |text| {
            for (range, set) in &self.sets {
                let asked = range.clone().filter(|index| is_asked(hits, index)).count();
                if asked > FEW && !set.is_empty() {
                    for index in &set.matches(text.as_bytes()) {
                        let index = range.start + index;
                        if is_asked(hits, &index) {
                            crate::bits::set(hits, first + index);
                        }
                    }
                } else if asked > 0 {
                    for index in range.clone() {
                        if is_asked(hits, &index) && self.list[index].is_match(text) {
                            crate::bits::set(hits, first + index);
                        }
                    }
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits;

    fn atoms(globs: &[&str], regexes: &[String]) -> Atoms {
        let regexes = regexes.iter().map(|regex| NameRegex::new(regex).unwrap()).collect();
        Atoms::new(globs.iter().map(|&glob| glob.into()).collect(), regexes)
    }

    fn hits(atoms: &Atoms, name: &str, wanted: impl Fn(usize) -> bool) -> Vec<usize> {
        let (mut asked, mut hits) = (bits::zeroed(atoms.len()), bits::zeroed(atoms.len()));
        (0..atoms.len()).filter(|&atom| wanted(atom)).for_each(|atom| bits::set(&mut asked, atom));
        atoms.hit(Name::from(name), &asked, &mut hits);
        bits::ones(hits.iter().copied()).collect()
    }

    #[test]
    fn globs_and_expressions_are_one_row_of_bits() {
        let regexes: Vec<String> = (0..100).map(|number| format!("{number}|x.*")).collect();
        let atoms = atoms(&["7", "*"], &regexes);
        assert_eq!(hits(&atoms, "7", |_| true), [0, 1, 9]);
        assert_eq!(hits(&atoms, "xy", |atom| atom >= 100), [100, 101]);
        assert_eq!(hits(&atoms, "xy", |atom| atom >= 90), (90..102).collect::<Vec<_>>());
        for (atom, passes) in [(0, true), (2, false), (9, true)] {
            assert_eq!(atoms.is_match(atom, Name::from("7")), passes);
        }
        // A name that is not text passes globs, and no expression.
        let name: &[u32] = &[0x78, 0xDC80];
        let mut found = bits::zeroed(atoms.len());
        atoms.hit(Name::from(name), &vec![u64::MAX; found.len()], &mut found);
        assert_eq!(bits::ones(found.iter().copied()).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn expressions_that_are_too_large_for_one_set_are_in_several() {
        // Each takes some hundred KiB.
        let regexes: Vec<String> = (0..60).map(|number| format!("{number}_\\w{{12}}")).collect();
        let atoms = atoms(&[], &regexes);
        assert!(atoms.regexes.as_ref().unwrap().sets.len() > 1);
        for (number, expected) in [(0, vec![0]), (59, vec![59]), (60, vec![])] {
            assert_eq!(hits(&atoms, &format!("{number}_abcdefghijkl"), |_| true), expected);
        }
    }
}
