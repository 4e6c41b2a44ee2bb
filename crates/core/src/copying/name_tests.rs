//! Several name tests that are held against a name together.

use crate::{AlternativeSet, Name, NameAlternative, NameTest};

/// Name tests, each known by its position.
pub(super) struct NameTests {
    alternatives: AlternativeSet,
    /// For each alternative, the position of its test.
    positions: Box<[u32]>,
}

impl NameTests {
    pub(super) fn new<'t>(tests: impl IntoIterator<Item = &'t NameTest>) -> NameTests {
        NameTests::of(tests.into_iter().map(|test| test.alternatives().to_vec()))
    }

    /// The tests of the names of directories: an empty glob means the same as `*`, and so does
    /// no test.
    pub(super) fn of_directories<'t>(
        tests: impl IntoIterator<Item = Option<&'t NameTest>>,
    ) -> NameTests {
        NameTests::of(tests.into_iter().map(|test| match test {
            Some(test) if !test.takes_every_directory() => test.alternatives().to_vec(),
            _ => vec!["*".into()],
        }))
    }

    fn of(tests: impl Iterator<Item = Vec<NameAlternative>>) -> NameTests {
        let (mut alternatives, mut positions) = (Vec::new(), Vec::new());
        for (position, test) in (0..).zip(tests) {
            positions.extend(test.iter().map(|_| position));
            alternatives.extend(test);
        }
        NameTests { alternatives: AlternativeSet::new(alternatives), positions: positions.into() }
    }

    /// Whether a name passes any of them.
    pub(super) fn is_match(&self, name: Name<'_>) -> bool {
        self.alternatives.is_match(name)
    }

    /// The positions of those that a name passes, some perhaps more than once.
    pub(super) fn matching(&self, name: Name<'_>) -> impl Iterator<Item = usize> {
        let passed = self.alternatives.matching(name).into_iter();
        passed.map(|alternative| self.positions[alternative] as usize)
    }
}

impl Default for NameTests {
    fn default() -> NameTests {
        NameTests::new([])
    }
}
