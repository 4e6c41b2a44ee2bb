//! Several name tests that are held against a name together.

use crate::{Name, NameAlternative, NameGlob, NameRegex, NameSet, NameTest};

/// Name tests, each known by its position.
#[derive(Default)]
pub(super) struct NameTests {
    globs: NameSet,
    /// For each glob, the position of its test.
    positions: Box<[u32]>,
    regexes: Box<[(u32, NameRegex)]>,
}

impl NameTests {
    pub(super) fn new<'t>(tests: impl IntoIterator<Item = &'t NameTest>) -> NameTests {
        let tests = tests.into_iter().map(|test| test.alternatives().iter().cloned());
        NameTests::of(tests)
    }

    /// The tests of the names of directories: an empty glob means the same as `*`, and so does
    /// no test.
    pub(super) fn of_directories<'t>(
        tests: impl IntoIterator<Item = Option<&'t NameTest>>,
    ) -> NameTests {
        let any = || vec![NameGlob::new("*").into()].into_iter();
        NameTests::of(tests.into_iter().map(|test| match test {
            Some(test) if !test.takes_every_directory() => test.alternatives().to_vec().into_iter(),
            _ => any(),
        }))
    }

    fn of<I: IntoIterator<Item = NameAlternative>>(tests: impl Iterator<Item = I>) -> NameTests {
        let (mut globs, mut positions, mut regexes) = (Vec::new(), Vec::new(), Vec::new());
        for (position, test) in (0..).zip(tests) {
            for alternative in test {
                match alternative {
                    NameAlternative::Glob(glob) => {
                        globs.push(glob);
                        positions.push(position);
                    }
                    NameAlternative::Regex(regex) => regexes.push((position, regex)),
                }
            }
        }
        NameTests {
            globs: NameSet::new(globs),
            positions: positions.into(),
            regexes: regexes.into(),
        }
    }

    /// Whether a name passes any of them.
    pub(super) fn is_match(&self, name: Name<'_>) -> bool {
        self.globs.is_match(name) || self.regexes.iter().any(|(_, regex)| regex.is_match(name))
    }

    /// Calls `passed` with the position of each that a name passes, with some of them more than
    /// once. `buffer` is for the work.
    pub(super) fn matching(
        &self,
        name: Name<'_>,
        buffer: &mut Vec<usize>,
        mut passed: impl FnMut(usize),
    ) {
        self.globs.matching_into(name, buffer);
        buffer.iter().for_each(|&glob| passed(self.positions[glob] as usize));
        for (position, regex) in &self.regexes {
            if regex.is_match(name) {
                passed(*position as usize);
            }
        }
    }
}
