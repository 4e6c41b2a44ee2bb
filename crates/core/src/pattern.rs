//! The pattern: the name of a directory and what it holds.

mod alternative_set;
mod json;
mod json_reader;
mod json_text;
mod name_regex;
mod name_test;
mod place;
mod regex_budget;
mod requirement;
#[cfg(feature = "serde")]
mod serde_impls;
mod text;

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

pub use self::alternative_set::AlternativeSet;
pub use self::name_regex::NameRegex;
pub(crate) use self::name_regex::with_text;
pub use self::name_test::{NameAlternative, NameTest};
pub(crate) use self::place::Place;
use self::regex_budget::Regexes;
pub use self::requirement::{Count, DirectoryRequirement, FileRequirement};
use crate::Error;

/// How many levels a pattern may nest; the root is level 1.
pub const MAX_LEVELS: usize = 128;

/// A pattern of directories: their name, and the files and directories that they hold.
///
/// A directory matches if
/// - its name passes [`directory_name`](Self::directory_name),
/// - for each requirement of [`files`](Self::files) as many of its files pass the test as it
///   asks for, at least one where it says no number,
/// - for each requirement of [`directories`](Self::directories) as many of its sub-directories
///   match one of the patterns, wholly and by these same rules,
/// - nothing passes [`forbidden_files`](Self::forbidden_files) or matches
///   [`forbidden_directories`](Self::forbidden_directories),
/// - and, if the pattern is [`closed`](Self::closed), there is nothing else in it.
///
/// One entry may count for several requirements. The optional lists never decide a match: they
/// say what belongs to it.
///
/// A pattern cannot be changed; [`into_builder`](Self::into_builder) leads to a changed
/// one. Clones share the contents, so cloning is cheap, and the hash is kept with them.
/// Patterns are equal if they hold the same in the same order. The default pattern is named
/// `*` and requires nothing, so every directory matches it.
///
/// # Example
///
/// ```
/// use pathvein_core::FileStructurePattern;
///
/// let raw = FileStructurePattern::builder("raw").file("*.csv").build()?;
/// let run = FileStructurePattern::builder("run_*")
///     .file("settings.json")
///     .optional_file("notes.txt")
///     .directory(raw)
///     .build()?;
///
/// assert_eq!(run.levels(), 2);
/// assert_eq!(FileStructurePattern::from_json(&run.to_json())?, run);
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Clone)]
pub struct FileStructurePattern {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    parts: Parts,
    levels: usize,
    hash: u64,
    regexes: Regexes,
}

/// The contents of a pattern, which decide equality and hash.
#[derive(Clone, Debug, Default, Hash)]
struct Parts {
    directory_name: Option<NameTest>,
    files: Vec<FileRequirement>,
    directories: Vec<DirectoryRequirement>,
    optional_files: Vec<NameTest>,
    optional_directories: Vec<FileStructurePattern>,
    forbidden_files: Vec<NameTest>,
    forbidden_directories: Vec<FileStructurePattern>,
    closed: bool,
}

impl FileStructurePattern {
    /// A builder of a pattern for directories whose name passes `directory_name`. Nothing
    /// inside is required yet.
    ///
    /// An empty glob matches every directory, as `*` does.
    pub fn builder(directory_name: impl Into<NameTest>) -> FileStructurePatternBuilder {
        let directory_name = Some(directory_name.into());
        FileStructurePatternBuilder { parts: Parts { directory_name, ..Parts::default() } }
    }

    /// A builder that starts from this pattern.
    ///
    /// # Example
    ///
    /// ```
    /// use pathvein_core::FileStructurePattern;
    ///
    /// let plain = FileStructurePattern::builder("data").build()?;
    /// let with_readme = plain.clone().into_builder().file("README*").build()?;
    /// assert!(plain.files().is_empty());
    /// assert_eq!(with_readme.files(), ["README*".into()]);
    /// # Ok::<(), pathvein_core::Error>(())
    /// ```
    pub fn into_builder(self) -> FileStructurePatternBuilder {
        FileStructurePatternBuilder { parts: Arc::unwrap_or_clone(self.inner).parts }
    }

    /// The test of the directory's own name.
    ///
    /// `None` is the `null` of pattern JSON. Like an empty glob and `*`, it means every name.
    /// The three are unequal nevertheless, so that a pattern is written as it was read.
    pub fn directory_name(&self) -> Option<&NameTest> {
        self.inner.parts.directory_name.as_ref()
    }

    /// What is required of the files. Each requirement must hold.
    pub fn files(&self) -> &[FileRequirement] {
        &self.inner.parts.files
    }

    /// The tests of files that belong to a match but are not required.
    pub fn optional_files(&self) -> &[NameTest] {
        &self.inner.parts.optional_files
    }

    /// What is required of the sub-directories. Each requirement must hold.
    pub fn directories(&self) -> &[DirectoryRequirement] {
        &self.inner.parts.directories
    }

    /// The patterns of sub-directories that belong to a match but are not
    /// required.
    pub fn optional_directories(&self) -> &[FileStructurePattern] {
        &self.inner.parts.optional_directories
    }

    /// The tests of which no file may pass any.
    pub fn forbidden_files(&self) -> &[NameTest] {
        &self.inner.parts.forbidden_files
    }

    /// The patterns of which no sub-directory may match any.
    pub fn forbidden_directories(&self) -> &[FileStructurePattern] {
        &self.inner.parts.forbidden_directories
    }

    /// Whether the directory may hold nothing else: no file but those that pass a test of
    /// [`files`](Self::files) or [`optional_files`](Self::optional_files), no sub-directory but
    /// those whose *name* passes that of a pattern in [`directories`](Self::directories) or
    /// [`optional_directories`](Self::optional_directories). Default: no.
    pub fn closed(&self) -> bool {
        self.inner.parts.closed
    }

    /// How many levels the pattern has, optional and forbidden directories included: 1 if it
    /// has no sub-patterns, at most [`MAX_LEVELS`].
    pub fn levels(&self) -> usize {
        self.inner.levels
    }

    /// A pattern of these parts. The caller makes sure that it has at most [`MAX_LEVELS`]
    /// levels.
    ///
    /// # Errors
    ///
    /// If its regular expressions are too large together.
    fn from_parts(parts: Parts) -> Result<FileStructurePattern, Error> {
        let regexes = regex_budget::regexes(&parts)?;
        Ok(FileStructurePattern::with_regexes(parts, regexes))
    }

    /// A pattern of these parts, which have these regular expressions.
    fn with_regexes(parts: Parts, regexes: Regexes) -> FileStructurePattern {
        let levels = 1 + parts.sub_patterns().map(|sub| sub.levels()).max().unwrap_or(0);
        let mut hasher = DefaultHasher::new();
        parts.hash(&mut hasher);
        let hash = hasher.finish();
        FileStructurePattern { inner: Arc::new(Inner { parts, levels, hash, regexes }) }
    }
}

impl Parts {
    fn sub_patterns(&self) -> impl Iterator<Item = &FileStructurePattern> {
        let required = self.directories.iter().flat_map(DirectoryRequirement::alternatives);
        required.chain(&self.optional_directories).chain(&self.forbidden_directories)
    }

    /// The name tests, without those of the sub-patterns.
    fn tests(&self) -> impl Iterator<Item = &NameTest> {
        let required = self.files.iter().map(FileRequirement::test);
        let required = self.directory_name.iter().chain(required);
        required.chain(&self.optional_files).chain(&self.forbidden_files)
    }

    /// How many patterns each directory requirement has, and how many of them are asked for.
    fn shape(&self) -> impl Iterator<Item = (usize, Count)> {
        self.directories.iter().map(|required| (required.alternatives().len(), required.count()))
    }

    /// Whether the two are equal, apart from the contents of their sub-patterns.
    fn is_same_outside_sub_patterns(&self, other: &Parts) -> bool {
        self.directory_name == other.directory_name
            && self.files == other.files
            && self.optional_files == other.optional_files
            && self.forbidden_files == other.forbidden_files
            && self.closed == other.closed
            && self.shape().eq(other.shape())
            && self.optional_directories.len() == other.optional_directories.len()
            && self.forbidden_directories.len() == other.forbidden_directories.len()
    }
}

impl Default for FileStructurePattern {
    fn default() -> Self {
        FileStructurePattern::with_regexes(FileStructurePatternBuilder::default().parts, None)
    }
}

impl PartialEq for FileStructurePattern {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other, &mut HashSet::new())
    }
}

impl FileStructurePattern {
    /// Whether the two are equal. `known` holds pairs that are known to be equal, by
    /// address: a pattern may hold another in many places, which hold another in many
    /// places.
    fn is_same(&self, other: &Self, known: &mut HashSet<(*const Inner, *const Inner)>) -> bool {
        if Arc::ptr_eq(&self.inner, &other.inner) {
            return true;
        }
        if self.inner.hash != other.inner.hash {
            return false;
        }
        let (one, two) = (&self.inner.parts, &other.inner.parts);
        if one.sub_patterns().next().is_none() && two.sub_patterns().next().is_none() {
            return one.is_same_outside_sub_patterns(two);
        }
        let pair = (Arc::as_ptr(&self.inner), Arc::as_ptr(&other.inner));
        known.contains(&pair)
            || one.is_same_outside_sub_patterns(two)
                && one.sub_patterns().zip(two.sub_patterns()).all(|(a, b)| a.is_same(b, known))
                && known.insert(pair)
    }
}

impl Eq for FileStructurePattern {}

impl Hash for FileStructurePattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.inner.hash);
    }
}

impl fmt::Debug for FileStructurePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStructurePattern")
            .field("directory_name", &self.directory_name())
            .field("files", &self.files())
            .field("directories", &self.directories())
            .field("optional_files", &self.optional_files())
            .field("optional_directories", &self.optional_directories())
            .field("forbidden_files", &self.forbidden_files())
            .field("forbidden_directories", &self.forbidden_directories())
            .field("closed", &self.closed())
            .finish()
    }
}

/// A builder of [`FileStructurePattern`]s, made by [`FileStructurePattern::builder`].
///
/// The default builder has the name `*`. Every method but
/// [`directory_name`](Self::directory_name), [`any_name`](Self::any_name) and
/// [`build`](Self::build) adds to a list.
///
/// # Example
///
/// ```
/// use pathvein_core::FileStructurePattern;
///
/// let pattern = FileStructurePattern::builder("*")
///     .files(["Cargo.toml", "README*"])
///     .directories(["src", "tests"].map(|name| {
///         FileStructurePattern::builder(name).file("*.rs").build().unwrap()
///     }))
///     .build()?;
/// assert_eq!(pattern.directories().len(), 2);
/// # Ok::<(), pathvein_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct FileStructurePatternBuilder {
    parts: Parts,
}

impl FileStructurePatternBuilder {
    /// Sets the test of the directory's own name. `None` is written as `null`, and matches
    /// every name.
    pub fn directory_name(mut self, name: impl Into<Option<NameTest>>) -> Self {
        self.parts.directory_name = name.into();
        self
    }

    /// Allows any name: the same as `directory_name(None)`.
    pub fn any_name(self) -> Self {
        self.directory_name(None)
    }

    /// Requires a file: a glob, another name test, or a requirement with a number.
    pub fn file(self, file: impl Into<FileRequirement>) -> Self {
        self.files([file])
    }

    /// Requires all of `files`.
    pub fn files<I>(mut self, files: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<FileRequirement>,
    {
        self.parts.files.extend(files.into_iter().map(Into::into));
        self
    }

    /// Makes files that pass `test` belong to a match.
    pub fn optional_file(self, test: impl Into<NameTest>) -> Self {
        self.optional_files([test])
    }

    /// Makes files that pass any of `tests` belong to a match.
    pub fn optional_files<I>(mut self, tests: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<NameTest>,
    {
        self.parts.optional_files.extend(tests.into_iter().map(Into::into));
        self
    }

    /// Forbids files that pass `test`.
    pub fn forbidden_file(self, test: impl Into<NameTest>) -> Self {
        self.forbidden_files([test])
    }

    /// Forbids files that pass any of `tests`.
    pub fn forbidden_files<I>(mut self, tests: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<NameTest>,
    {
        self.parts.forbidden_files.extend(tests.into_iter().map(Into::into));
        self
    }

    /// Requires a sub-directory: one that matches a pattern, or a requirement with
    /// alternatives or a number.
    pub fn directory(self, directory: impl Into<DirectoryRequirement>) -> Self {
        self.directories([directory])
    }

    /// Requires all of `directories`.
    pub fn directories<I>(mut self, directories: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<DirectoryRequirement>,
    {
        self.parts.directories.extend(directories.into_iter().map(Into::into));
        self
    }

    /// Makes sub-directories that match `pattern` belong to a match.
    pub fn optional_directory(self, pattern: FileStructurePattern) -> Self {
        self.optional_directories([pattern])
    }

    /// Makes sub-directories that match any of `patterns` belong to a match.
    pub fn optional_directories<I>(mut self, patterns: I) -> Self
    where
        I: IntoIterator<Item = FileStructurePattern>,
    {
        self.parts.optional_directories.extend(patterns);
        self
    }

    /// Forbids sub-directories that match `pattern`.
    pub fn forbidden_directory(self, pattern: FileStructurePattern) -> Self {
        self.forbidden_directories([pattern])
    }

    /// Forbids sub-directories that match any of `patterns`.
    pub fn forbidden_directories<I>(mut self, patterns: I) -> Self
    where
        I: IntoIterator<Item = FileStructurePattern>,
    {
        self.parts.forbidden_directories.extend(patterns);
        self
    }

    /// Whether the directory may hold nothing else.
    pub fn closed(mut self, yes: bool) -> Self {
        self.parts.closed = yes;
        self
    }

    /// Builds the pattern.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooDeep`](crate::ErrorKind::TooDeep) if the pattern would have more than
    /// [`MAX_LEVELS`] levels. The error's place is the first requirement that has too many,
    /// for instance `directories[3]`.
    ///
    /// [`ErrorKind::Regex`](crate::ErrorKind::Regex), with a place, if the distinct regular
    /// expressions of the pattern, nested ones included, take more than 16 MiB together. That
    /// is estimated: even a short one counts 16 KiB.
    pub fn build(self) -> Result<FileStructurePattern, Error> {
        let Parts { directories, optional_directories, forbidden_directories, .. } = &self.parts;
        let is_full = |pattern: &FileStructurePattern| pattern.levels() >= MAX_LEVELS;
        let full = [
            ("directories", directories.iter().position(|r| r.alternatives().iter().any(is_full))),
            ("optional_directories", optional_directories.iter().position(is_full)),
            ("forbidden_directories", forbidden_directories.iter().position(is_full)),
        ];
        if let Some((key, index)) = full.iter().find_map(|&(key, at)| Some((key, at?))) {
            return Err(Error::too_deep(format!("{key}[{index}]")));
        }
        FileStructurePattern::from_parts(self.parts)
    }
}

impl Default for FileStructurePatternBuilder {
    fn default() -> Self {
        FileStructurePattern::builder("*")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, NameGlob};

    fn leaf(name: &str) -> FileStructurePattern {
        FileStructurePattern::builder(name).build().unwrap()
    }

    fn hash(pattern: &FileStructurePattern) -> u64 {
        let mut hasher = DefaultHasher::new();
        pattern.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn equality_does_not_write_out_shared_patterns() {
        let deep = |bottom: &str| {
            let mut pattern = FileStructurePattern::builder(bottom).build().unwrap();
            for _ in 1..MAX_LEVELS {
                let both = [pattern.clone(), pattern];
                pattern = FileStructurePattern::builder("a").directories(both).build().unwrap();
            }
            pattern
        };
        // Written out, each would be 2^127 patterns.
        assert_eq!(deep("x"), deep("x"));
        assert_ne!(deep("x"), deep("y"));
    }

    #[test]
    fn holds_what_it_was_given_in_order() {
        let pattern = FileStructurePattern::builder("d")
            .file("a")
            .files(["b", "c"])
            .optional_file("e")
            .optional_files(vec![NameGlob::new("f")])
            .directory(leaf("g"))
            .directories([leaf("h")])
            .optional_directory(leaf("i"))
            .optional_directories(vec![leaf("j")])
            .build()
            .unwrap();
        assert_eq!(pattern.directory_name(), Some(&"d".into()));
        assert_eq!(pattern.files(), ["a".into(), "b".into(), "c".into()]);
        assert_eq!(pattern.optional_files(), ["e".into(), "f".into()]);
        assert_eq!(pattern.directories(), [leaf("g"), leaf("h")]);
        assert_eq!(pattern.optional_directories(), [leaf("i"), leaf("j")]);
        assert_eq!(pattern.levels(), 2);
        assert_eq!(pattern.clone().into_builder().build().unwrap(), pattern);
        assert_eq!(
            pattern.clone().into_builder().any_name().build().unwrap().directory_name(),
            None
        );
    }

    #[test]
    fn the_default_is_any_directory() {
        let default = FileStructurePattern::default();
        assert_eq!(default, leaf("*"));
        assert_eq!(default.levels(), 1);
        assert_eq!(FileStructurePatternBuilder::default().build().unwrap(), default);
    }

    #[test]
    fn the_three_spellings_of_any_name_are_unequal() {
        let null = FileStructurePattern::builder("").any_name().build().unwrap();
        let all = [null, leaf(""), leaf("*")];
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate() {
                assert_eq!(a == b, i == j);
                assert_eq!(hash(a) == hash(b), i == j);
            }
        }
    }

    #[test]
    fn every_part_counts_for_equality_and_equal_patterns_hash_alike() {
        let variants = |name: &str| {
            let builder = || FileStructurePattern::builder(name);
            [
                builder(),
                builder().file("a"),
                builder().file("b"),
                builder().files(["a", "b"]),
                builder().files(["b", "a"]),
                builder().optional_file("a"),
                builder().directory(leaf("a")),
                builder().directory(leaf("a").into_builder().file("x").build().unwrap()),
                builder().optional_directory(leaf("a")),
            ]
            .map(|builder| builder.build().unwrap())
        };
        for (i, a) in variants("d").iter().enumerate() {
            for (j, b) in variants("d").iter().enumerate() {
                assert_eq!(a == b, i == j, "{a:?} {b:?}");
                assert_eq!(hash(a) == hash(b), i == j);
            }
            assert!(variants("e").iter().all(|b| a != b));
        }
    }

    #[test]
    fn nests_128_levels_and_no_more() {
        for optional in [false, true] {
            let wrap = |sub: FileStructurePattern| {
                let builder = FileStructurePattern::builder("*");
                match optional {
                    false => builder.directories([leaf("other"), sub]).build(),
                    true => builder.optional_directories([leaf("other"), sub]).build(),
                }
            };
            let mut pattern = leaf("deepest");
            for levels in 2..=MAX_LEVELS {
                pattern = wrap(pattern).unwrap();
                assert_eq!(pattern.levels(), levels);
            }
            let error = wrap(pattern).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TooDeep);
            let place = if optional { "optional_directories[1]" } else { "directories[1]" };
            assert_eq!(error.place(), Some(place));
            assert_eq!(
                error.to_string(),
                format!("{place}: patterns nest at most 128 levels deep")
            );
        }
    }

    #[test]
    fn shared_sub_patterns_cost_nothing() {
        // As a tree this has 2^127 leaves.
        let mut pattern = leaf("x");
        for _ in 1..MAX_LEVELS {
            let builder = FileStructurePattern::builder("x");
            pattern = builder.directories([pattern.clone(), pattern]).build().unwrap();
        }
        assert_eq!(pattern, pattern.clone());
        assert_eq!(hash(&pattern), hash(&pattern.clone()));
    }

    #[test]
    fn is_send_and_sync() {
        fn check<T: Send + Sync + 'static>() {}
        check::<FileStructurePattern>();
        check::<FileStructurePatternBuilder>();
    }
}
