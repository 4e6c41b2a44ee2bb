//! Exclude rules: path globs of entries that a traversal leaves out.

use std::ffi::OsStr;
use std::path::Path;

use globset::{Glob, GlobBuilder, GlobSet};

use crate::Error;

/// Rules for entries of a tree that are left out, as if they did not exist.
///
/// A rule is a path glob in the syntax of the [`globset`] crate: `*` and `?` do not cross a
/// `/`, `**` does, `{a,b}` is either of two. It is matched against the path relative to the
/// source.
///
/// - A trailing `/` restricts the rule to directories and links to directories. It is taken
///   off before anything else.
/// - A rule with no other `/` is matched against the name, at any depth.
/// - A leading `/` anchors the rule at the source.
///
/// An excluded entry is not entered, not listed and satisfies nothing. The
/// source itself is never excluded.
///
/// Rules tell upper and lower case apart. They work on the bytes of a path, so `?` and a
/// class stand for one byte: use `*` for characters outside of ASCII. The default rules
/// exclude nothing.
///
/// # Example
///
/// ```
/// use pathvein_core::ExcludeRules;
///
/// let rules = ExcludeRules::new(["*.tmp", ".git/", "/raw/**/old"])?;
/// assert!(rules.is_excluded("a/b/c.tmp", false));
/// assert!(rules.is_excluded("sub/.git", true));
/// assert!(!rules.is_excluded("sub/.git", false));
/// assert!(rules.is_excluded("raw/x/y/old", true));
/// assert!(!rules.is_excluded("sub/raw/old", true));
/// # Ok::<(), pathvein_core::Error>(())
/// ```
///
/// [`globset`]: https://docs.rs/globset/latest/globset/#syntax
#[derive(Clone, Debug, Default)]
pub struct ExcludeRules {
    any: Scope,
    directories: Scope,
}

/// The rules for entries of one kind.
#[derive(Clone, Debug, Default)]
struct Scope {
    /// Rules for the name alone.
    names: Option<GlobSet>,
    /// Rules for the path relative to the source.
    paths: Option<GlobSet>,
}

impl Scope {
    fn is_match(&self, path: &Path, name: &OsStr) -> bool {
        self.names.as_ref().is_some_and(|set| set.is_match(name))
            || self.paths.as_ref().is_some_and(|set| set.is_match(path))
    }
}

/// How deep alternatives in braces may nest.
const MAX_NESTING: usize = 32;

/// The largest number of braces that are open at once.
fn nesting(glob: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for c in glob.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// A set of globs, which are given with their rules. `None` if there are none.
fn set(globs: Vec<(String, Glob)>) -> Result<Option<GlobSet>, Error> {
    let build = |globs: &[(String, Glob)]| {
        let mut builder = GlobSet::builder();
        for (_, glob) in globs {
            builder.add(glob.clone());
        }
        builder.build()
    };
    if globs.is_empty() {
        return Ok(None);
    }
    build(&globs).map(Some).map_err(|error| {
        // The set does not tell which glob is wrong, so each is tried alone.
        let mut alone = globs.iter().map(|glob| (&glob.0, build(std::slice::from_ref(glob))));
        match alone.find_map(|(rule, built)| built.err().map(|error| (rule, error))) {
            Some((rule, error)) => Error::exclude_rule(rule, error.kind().to_string()),
            None => {
                let rules: Vec<&str> = globs.iter().map(|(rule, _)| rule.as_str()).collect();
                Error::exclude_rule(rules.join(" "), error.kind().to_string())
            }
        }
    })
}

impl ExcludeRules {
    /// Rules from their texts. No rules exclude nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ExcludeRule`](crate::ErrorKind::ExcludeRule) for a rule
    /// that is no valid path glob, or that no path can match: an empty one, or
    /// one with an empty component or one named `.` or `..`.
    pub fn new<I, S>(rules: I) -> Result<ExcludeRules, Error>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let mut scopes: [Vec<(String, Glob)>; 4] = Default::default();
        for rule in rules {
            let rule = rule.as_ref();
            let bad = |message: &str| Error::exclude_rule(rule, message);
            let (body, directories_only) = match rule.strip_suffix('/') {
                Some(body) => (body, true),
                None => (rule, false),
            };
            let by_path = body.contains('/');
            let glob = body.strip_prefix('/').unwrap_or(body);
            if glob.is_empty() {
                return Err(bad("an empty rule excludes nothing"));
            }
            if glob.split('/').any(|component| matches!(component, "" | "." | "..")) {
                return Err(bad("no path has an empty component, nor one named . or .."));
            }
            // globset recurses on nested braces.
            if nesting(glob) > MAX_NESTING {
                return Err(bad("alternatives in braces nest too deep"));
            }
            let glob = GlobBuilder::new(glob)
                .literal_separator(true)
                .build()
                .map_err(|e| bad(&e.kind().to_string()))?;
            scopes[usize::from(by_path) + 2 * usize::from(directories_only)]
                .push((rule.to_owned(), glob));
        }
        let [names, paths, directory_names, directory_paths] = scopes;
        Ok(ExcludeRules {
            any: Scope { names: set(names)?, paths: set(paths)? },
            directories: Scope { names: set(directory_names)?, paths: set(directory_paths)? },
        })
    }

    /// Whether the entry at `path`, relative to the source, is excluded.
    ///
    /// `is_directory` tells that the entry is a directory or a link to one. The empty path is
    /// the source, which is never excluded. Only the entry itself is looked at, and not the
    /// directories that it is in: an excluded directory is not entered.
    pub fn is_excluded(&self, path: impl AsRef<Path>, is_directory: bool) -> bool {
        let path = path.as_ref();
        let Some(name) = path.file_name() else { return false };
        self.excludes_any(path, name) || is_directory && self.excludes_directory(path, name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        let empty = |scope: &Scope| scope.names.is_none() && scope.paths.is_none();
        empty(&self.any) && empty(&self.directories)
    }

    /// Whether a rule needs the path of an entry, and not only the name.
    pub(crate) fn needs_path(&self) -> bool {
        self.any.paths.is_some() || self.directories.paths.is_some()
    }

    /// Whether an entry of any kind is excluded. `path` is not looked at unless the rules
    /// [need it](Self::needs_path).
    pub(crate) fn excludes_any(&self, path: &Path, name: &OsStr) -> bool {
        self.any.is_match(path, name)
    }

    /// Whether a directory is excluded by a rule for directories alone.
    pub(crate) fn excludes_directory(&self, path: &Path, name: &OsStr) -> bool {
        self.directories.is_match(path, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_rules_are_named() {
        let deep = "{".repeat(200_000) + &"}".repeat(200_000);
        for rule in ["", "/", "a//", "a//b", "./a", "a/../b", "..", "[", "{a", &deep] {
            let error = ExcludeRules::new(["fine", rule, "*.tmp"]).unwrap_err();
            assert_eq!(error.glob(), Some(rule));
        }
    }

    #[test]
    fn braces_may_nest() {
        let nested = "{a,".repeat(MAX_NESTING) + "b" + &"}".repeat(MAX_NESTING);
        assert!(ExcludeRules::new([nested]).unwrap().is_excluded("x/b", false));
    }
}
