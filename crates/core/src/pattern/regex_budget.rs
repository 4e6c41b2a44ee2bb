//! What the regular expressions of one pattern may take altogether.
//!
//! A pattern file may be hostile, and each expression of a few bytes takes thousands. So the
//! distinct ones of a pattern, nested ones included, are counted while it is made.

use std::collections::HashSet;
use std::sync::Arc;

use super::{FileStructurePattern, NameAlternative, NameRegex, NameTest, Parts};
use crate::Error;

/// How many bytes the distinct expressions of one pattern may take, by
/// [`cost`](NameRegex::cost).
const LIMIT: usize = 16 * 1024 * 1024;

/// The distinct expressions of a pattern that is being made.
#[derive(Debug, Default)]
pub(super) struct RegexBudget {
    list: Vec<NameRegex>,
    known: HashSet<NameRegex>,
    taken: usize,
}

impl RegexBudget {
    /// Compiles an expression, if it is not among them.
    pub(super) fn compile(&mut self, text: &str) -> Result<NameRegex, Error> {
        if let Some(known) = self.known.get(text) {
            return Ok(known.clone());
        }
        let regex = NameRegex::new(text)?;
        self.add(&regex)?;
        Ok(regex)
    }

    fn add(&mut self, regex: &NameRegex) -> Result<(), Error> {
        if !self.known.contains(regex) {
            self.taken += regex.cost();
            if self.taken > LIMIT {
                let message = "too large, with the others of the pattern: together they may \
                     take 16 MiB, of which even a short one takes 16 KiB";
                return Err(Error::bad_regex(regex.as_str(), message));
            }
            self.known.insert(regex.clone());
            self.list.push(regex.clone());
        }
        Ok(())
    }

    fn add_tests<'p>(
        &mut self,
        tests: impl IntoIterator<Item = &'p NameTest>,
    ) -> Result<(), Error> {
        for alternative in tests.into_iter().flat_map(NameTest::alternatives) {
            if let NameAlternative::Regex(regex) = alternative {
                self.add(regex)?;
            }
        }
        Ok(())
    }

    fn add_patterns<'p>(
        &mut self,
        patterns: impl IntoIterator<Item = &'p FileStructurePattern>,
    ) -> Result<(), Error> {
        let regexes = patterns.into_iter().filter_map(|pattern| pattern.inner.regexes.as_deref());
        regexes.flatten().try_for_each(|regex| self.add(regex))
    }
}

/// The distinct expressions of a pattern, nested ones included. `None` if there are none.
pub(super) type Regexes = Option<Arc<[NameRegex]>>;

/// The distinct expressions of a pattern of these parts.
///
/// # Errors
///
/// If they are too large together. The place is the first that is too much.
pub(super) fn regexes(parts: &Parts) -> Result<Regexes, Error> {
    let mut nested = parts.sub_patterns().filter_map(|sub| sub.inner.regexes.as_ref());
    let first = nested.next();
    let own = parts.tests().any(|test| test.alternatives().iter().any(|a| a.as_glob().is_none()));
    if !own && first.is_none_or(|first| nested.all(|other| Arc::ptr_eq(first, other))) {
        return Ok(first.cloned());
    }
    let mut budget = RegexBudget::default();
    budget.add_tests(&parts.directory_name).map_err(|error| error.at("directory_name"))?;
    each(&parts.files, "files", |file| budget.add_tests([file.test()]))?;
    each(&parts.directories, "directories", |directory| {
        budget.add_patterns(directory.alternatives())
    })?;
    each(&parts.optional_files, "optional_files", |test| budget.add_tests([test]))?;
    each(&parts.optional_directories, "optional_directories", |sub| budget.add_patterns([sub]))?;
    each(&parts.forbidden_files, "forbidden_files", |test| budget.add_tests([test]))?;
    each(&parts.forbidden_directories, "forbidden_directories", |sub| budget.add_patterns([sub]))?;
    Ok(Some(budget.list.into()))
}

/// Acts on each item of a list; an error is given its place.
fn each<T>(
    items: &[T],
    key: &str,
    mut act: impl FnMut(&T) -> Result<(), Error>,
) -> Result<(), Error> {
    for (index, item) in items.iter().enumerate() {
        act(item).map_err(|error| error.at(format!("{key}[{index}]")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    /// `count` expressions of 16 KiB and some, which begin with `prefix`.
    fn small(prefix: &str, count: usize) -> Vec<NameRegex> {
        (0..count).map(|n| NameRegex::new(&format!("{prefix}{n}")).unwrap()).collect()
    }

    fn with(regexes: &[NameRegex]) -> FileStructurePattern {
        FileStructurePattern::builder("*").files(regexes.to_vec()).build().unwrap()
    }

    #[test]
    fn the_first_that_is_too_much_is_named() {
        let many = small("x", 1024);
        let error = FileStructurePattern::builder("*").files(many.clone()).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Regex);
        let place = error.place().unwrap();
        let index: usize = place["files[".len()..place.len() - 1].parse().unwrap();
        assert_eq!(error.regex(), Some(format!("x{index}").as_str()));
        assert!((900..1024).contains(&index), "{error}");
        assert!(
            error.to_string().starts_with(&format!("{place}: regular expression \"x{index}\""))
        );
        // Of equal ones one counts.
        with(&[&many[..500], &many[..500], &many[..500]].concat());
    }

    #[test]
    fn nested_ones_count_wherever_they_stand() {
        let (one, two) = (small("a", 600), small("b", 600));
        let builder = || FileStructurePattern::builder("*").directory(with(&one));
        let outer = |sub: FileStructurePattern| FileStructurePattern::builder("*").directory(sub);
        for (builder, place) in [
            (builder().directory(with(&two)), "directories[1]"),
            (builder().optional_directory(with(&two)), "optional_directories[0]"),
            (builder().forbidden_directories([with(&two)]), "forbidden_directories[0]"),
            (builder().forbidden_files(two.clone()), "forbidden_files["),
            (builder().optional_files(two.clone()), "optional_files["),
            (outer(builder().build().unwrap()).directory(with(&two)), "directories[1]"),
            (
                outer(with(&one)).directory_name(Some(NameTest::any_of(two.clone()).unwrap())),
                "directories[0]",
            ),
        ] {
            let error = builder.build().unwrap_err();
            assert!(error.place().unwrap().starts_with(place), "{error}");
        }
        // The same ones in many places are no more.
        let twice = builder().directory(with(&one)).build().unwrap();
        outer(twice.clone()).optional_directory(twice).files(one.clone()).build().unwrap();
    }
}
