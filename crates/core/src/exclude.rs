//! Exclude rules: path globs of entries that a traversal leaves out.

mod source;
mod syntax;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use globset::{Glob, GlobBuilder, GlobSet};

use self::syntax::Token;
use crate::{Error, NameDecoder};

/// Rules for entries of a tree that are left out, as if they did not exist.
///
/// A rule is a path glob in the syntax of the [`globset`] crate: `*`, `?` and a bracket do
/// not cross a `/`, `**` does, `{a,b}` is either of two. It is matched against the path
/// relative to the source.
///
/// - A trailing `/` restricts the rule to directories and links to directories. It is taken
///   off before anything else.
/// - A rule with no other `/` is matched against the name, at any depth.
/// - A leading `/` anchors the rule at the source.
///
/// An excluded entry is not entered, not listed and satisfies nothing. The
/// source itself is never excluded.
///
/// On Windows a `\` is a `/`, in rules and in paths. Elsewhere it takes a special meaning off the
/// character behind it.
///
/// Rules tell upper and lower case apart. They work on the UTF-8 of a path, so `?` and a
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
    /// The rules for a path, as given and with `/` between their components.
    path_rules: Arc<[(String, String)]>,
    any: Scope,
    directories: Scope,
    /// What reads the names on disk.
    pub(crate) decoder: Option<NameDecoder>,
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

/// Whether a component is a drive of Windows, which no name is.
fn is_drive(component: &str) -> bool {
    matches!(component.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic())
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
    /// one with an empty component or one named `.` or `..`, or with a bracket that holds a
    /// `/` alone. [`Scan::start`](crate::Scan::start) and [`Walk::start`](crate::Walk::start)
    /// fail so for a rule that begins with the path of their source, as long as nothing in the
    /// source has that path.
    pub fn new<I, S>(rules: I) -> Result<ExcludeRules, Error>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        ExcludeRules::compile(rules, std::path::is_separator('\\'))
    }

    /// Compiles rules. `of_windows`: a backslash separates components, and paths have drives.
    fn compile<I, S>(rules: I, of_windows: bool) -> Result<ExcludeRules, Error>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let mut scopes: [Vec<(String, Glob)>; 4] = Default::default();
        let mut path_rules = Vec::new();
        for rule in rules {
            let rule = rule.as_ref();
            let bad = |message: &str| Error::exclude_rule(rule, message);
            let slashed =
                if of_windows { rule.replace('\\', "/").into() } else { Cow::Borrowed(rule) };
            let (body, directories_only) = match slashed.strip_suffix('/') {
                Some(body) => (body, true),
                None => (&*slashed, false),
            };
            let glob = body.strip_prefix('/').unwrap_or(body);
            if glob.is_empty() {
                return Err(bad("an empty rule excludes nothing"));
            }
            let Some(tokens) = syntax::tokens(glob) else {
                return Err(bad("no bracket takes a /: write the / without one"));
            };
            let compiled = GlobBuilder::new(glob)
                .literal_separator(true)
                .empty_alternates(true)
                .build()
                .map_err(|e| bad(&e.kind().to_string()))?;
            // Only now is it known that braces nest no deeper than the stack.
            for alternative in syntax::alternatives(&tokens) {
                let is_of_braces = alternative.len() < tokens.len();
                let text = syntax::text(&alternative);
                if is_of_braces && (text.starts_with('/') || text.ends_with('/')) {
                    let message = "a / at either end of what braces stand for matches nothing: write it \
                         outside of the braces, or several rules";
                    return Err(bad(message));
                }
                let is_idle = |component: &[&Token]| {
                    matches!(syntax::literal(component).as_deref(), Some("" | "." | ".."))
                };
                let first = syntax::components(&alternative).next().and_then(syntax::literal);
                if of_windows && first.is_some_and(|first| is_drive(&first)) {
                    return Err(bad("no rule has a drive: write a path as it is below the source"));
                }
                if syntax::components(&alternative).any(is_idle) {
                    return Err(bad(
                        "no path has an empty component, nor one named . or ..: write a path as \
                         it is below the source",
                    ));
                }
            }
            let by_path = body.starts_with('/') || tokens.iter().any(|token| token.text == "/");
            if by_path {
                path_rules.push((rule.to_owned(), slashed.clone().into_owned()));
            }
            scopes[usize::from(by_path) + 2 * usize::from(directories_only)]
                .push((rule.to_owned(), compiled));
        }
        let [names, paths, directory_names, directory_paths] = scopes;
        Ok(ExcludeRules {
            path_rules: path_rules.into(),
            any: Scope { names: set(names)?, paths: set(paths)? },
            directories: Scope { names: set(directory_names)?, paths: set(directory_paths)? },
            decoder: None,
        })
    }

    /// Whether the entry at `path`, relative to the source, is excluded.
    ///
    /// `is_directory` tells that the entry is a directory or a link to one. The empty path is
    /// the source, which is never excluded. Only the entry itself is looked at, and not the
    /// directories that it is in: an excluded directory is not entered.
    pub fn is_excluded(&self, path: impl AsRef<Path>, is_directory: bool) -> bool {
        // A slash at an end, one too many, or a `.` is no part of the path.
        let is_name = |part: &Component<'_>| matches!(part, Component::Normal(_));
        let path: PathBuf = path.as_ref().components().filter(is_name).collect();
        let path = path.as_path();
        let Some(name) = path.file_name() else { return false };
        self.excludes_any(path, name) || is_directory && self.excludes_directory(path, name)
    }

    /// An error for a rule that begins with the source's own path and can match nothing
    /// below it.
    ///
    /// A rule such as `lab/raw`, for the source `lab`, may be meant: there may be a `lab` in
    /// `lab`. If there is none, the rule says where the source is, too, which rules do not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ExcludeRule`](crate::ErrorKind::ExcludeRule), with what to write instead.
    pub fn check_source(&self, source: &Path) -> Result<(), Error> {
        self.check_with(|rule| {
            source::problem(rule, source, &|name| self.text(name).to_string_lossy().into_owned())
        })
    }

    /// [`check_source`](Self::check_source) for a source that is not on a disk, such as
    /// `bucket/lab`. `holds` is asked whether something is in it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ExcludeRule`](crate::ErrorKind::ExcludeRule), with what to write instead.
    pub fn check_remote_source(
        &self,
        source: &Path,
        holds: impl Fn(&Path) -> bool,
    ) -> Result<(), Error> {
        self.check_with(|rule| source::remote_problem(rule, source, &holds))
    }

    fn check_with(&self, problem: impl Fn(&str) -> Option<String>) -> Result<(), Error> {
        let wrong =
            |(rule, slashed): &(String, String)| Some(Error::exclude_rule(rule, problem(slashed)?));
        self.path_rules.iter().find_map(wrong).map_or(Ok(()), Err)
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
        self.is_match(&self.any, path, name)
    }

    /// Whether a directory is excluded by a rule for directories alone.
    pub(crate) fn excludes_directory(&self, path: &Path, name: &OsStr) -> bool {
        self.is_match(&self.directories, path, name)
    }

    fn is_match(&self, scope: &Scope, path: &Path, name: &OsStr) -> bool {
        scope.is_match(Path::new(&self.text(path.as_os_str())), &self.text(name))
    }

    fn text<'a>(&self, name: &'a OsStr) -> Cow<'a, OsStr> {
        NameDecoder::text(self.decoder.as_ref(), name)
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
        let nested = "{a,".repeat(32) + "b" + &"}".repeat(32);
        assert!(ExcludeRules::new([nested]).unwrap().is_excluded("x/b", false));
        // Those are no braces.
        let escaped = (!std::path::is_separator('\\')).then_some("\\{");
        for brace in escaped.into_iter().chain(["[{]"]) {
            let rules = ExcludeRules::new([brace.repeat(200)]).unwrap();
            assert!(rules.is_excluded("{".repeat(200), false));
        }
    }

    #[track_caller]
    fn check(rule: &str, excluded: &[&str], kept: &[&str]) {
        let rules = ExcludeRules::new([rule]).unwrap();
        let all = excluded.iter().map(|path| (path, true)).chain(kept.iter().map(|p| (p, false)));
        for (path, expected) in all {
            for path in [path.to_string(), format!("{path}/"), path.replace('/', "//") + "//"] {
                assert_eq!(rules.is_excluded(&path, true), expected, "{rule} {path}");
            }
        }
    }

    #[test]
    fn rules_of_windows() {
        let rules = |rules: &[&str]| ExcludeRules::compile(rules, true);
        let given = rules(&["/raw\\old", "*.tmp", "build\\", "a\\**\\b", "\\top"]).unwrap();
        for path in ["raw/old", "x/y.tmp", "a/x/y/b", "top"] {
            assert!(given.is_excluded(path, false), "{path}");
        }
        for path in ["x/raw/old", "raw", "build", "x/top"] {
            assert!(!given.is_excluded(path, false), "{path}");
        }
        assert!(given.is_excluded("x/build", true));
        for rule in ["C:\\lab\\raw", "c:/lab", "C:", "{C:,x}/lab", "\\\\server\\share\\lab"] {
            let error = rules(&[rule]).unwrap_err();
            assert_eq!(error.glob(), Some(rule));
            assert!(error.to_string().ends_with("as it is below the source"), "{error}");
        }
        // Elsewhere these are names.
        assert!(ExcludeRules::compile(["C:", "C:/x"], false).is_ok());
        // A rule is named as it was given.
        let error = rules(&["lab\\raw"]).unwrap().check_source(Path::new("no/lab"));
        assert!(error.is_ok());
        let error = rules(&["no\\lab\\raw"]).unwrap().check_source(Path::new("no/lab"));
        let error = error.unwrap_err();
        assert_eq!(error.glob(), Some("no\\lab\\raw"));
        assert!(error.to_string().ends_with("write \"/raw\""), "{error}");
    }

    #[test]
    fn only_two_stars_take_a_slash() {
        check("/*[!0-9]*", &["old", "2024x", "0-"], &["2024/01", "2024", "old/01"]);
        check("a[!b]c", &["axc", "x/axc"], &["a/c", "abc"]);
        check("/a[!b]c", &["axc"], &["a/c"]);
        check("/a[+-9]c", &["a.c", "a0c", "a+c"], &["a/c"]);
        check("x/a[.-0]c", &["x/a.c", "x/a0c"], &["x/a/c"]);
        check("/a?c", &["abc"], &["a/c"]);
        check("/a*c", &["abc", "ac"], &["a/c", "ab/c"]);
        check("/a**c", &["abc"], &["a/c", "ab/bc"]);
        check("a/{b,[!x],?}", &["a/b", "a/y"], &["a/x/y", "a//y/x"]);
        check("a/**/c", &["a/c", "a/b/c"], &["ac"]);
    }

    #[test]
    fn a_slash_in_a_bracket_separates_nothing() {
        check("[!/]x", &["yx", "a/yx"], &["x", "y/x"]);
        check("a[/b]", &["ab", "x/ab"], &["a"]);
        check("a[b/./c]", &["ab", "x/ac"], &["a"]);
        check("[]/]", &["]", "x/]"], &["a"]);
        check("/[[:digit:]/]", &["7"], &["x/7"]);
        for rule in ["[/]", "a[/]b"] {
            let error = ExcludeRules::new([rule]).unwrap_err();
            assert_eq!(error.glob(), Some(rule));
        }
    }

    #[test]
    fn a_slash_at_the_end_of_a_path_changes_nothing() {
        for rule in ["build", "/build", "build/", "/build/", "bui*d/", "/bui*d"] {
            check(rule, &["build", "/build", "./build", "build/."], &["x/buil"]);
        }
        check("a/build/", &["a/build"], &["build"]);
    }

    #[test]
    fn braces_may_stand_for_nothing() {
        check("foo{,.txt}", &["foo", "foo.txt", "a/foo"], &["foo."]);
        check("a{,/**}", &["a", "a/b", "a/b/c"], &["b", "ab"]);
        check("a/{,b/}c", &["a/c", "a/b/c"], &["a/b", "c"]);
    }

    #[test]
    fn long_rules_are_looked_through_at_once() {
        for rule in ["x".repeat(10_000), "{a,b}".repeat(10) + &"y".repeat(400)] {
            let rules = ExcludeRules::new([&rule, &format!("/{rule}/z")]).unwrap();
            assert!(!rules.is_excluded("x", true));
        }
    }

    #[test]
    fn what_braces_stand_for_is_checked() {
        let message = |rule: &str| ExcludeRules::new([rule]).unwrap_err().to_string();
        for rule in ["{/run_1,/x}", "{x,/y}", "{/x/y,z}", "{build/,x}/", "a{/,b}", "{,a}/b"] {
            assert!(message(rule).contains("outside of the braces"), "{rule}");
        }
        for rule in ["{./raw,x}", "a{/../,b}c", "a/{..,b}", "x{/,}/y"] {
            assert!(message(rule).contains("no path has an empty component"), "{rule}");
        }
        for rule in ["a{,/b}", "{**/,}a", "a{/,.}b", "{a,[{,}]/b}", "{a,{b/,}c}"] {
            assert!(ExcludeRules::new([rule]).is_ok(), "{rule}");
        }
    }

    /// A path as rules have it: without a drive, and with `/`.
    fn slashed(path: &Path) -> String {
        let names = path.components().filter(|part| matches!(part, Component::Normal(_)));
        names.map(|name| format!("/{}", name.as_os_str().to_str().unwrap())).collect()
    }

    #[test]
    fn rules_that_begin_with_the_source() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        let lab = top.join("lab");
        std::fs::create_dir_all(lab.join("raw")).unwrap();
        let check = |source: &Path, rule: &str| {
            let checked = ExcludeRules::new([rule]).unwrap().check_source(source);
            checked.err().map(|error| {
                assert_eq!(error.glob(), Some(rule));
                error.to_string().split(": write ").last().unwrap().to_owned()
            })
        };
        let absolute = slashed(&lab);
        let absolute = &*absolute;
        let wrong = |below: &str| check(&lab, &format!("{absolute}{below}"));
        assert_eq!(wrong("/raw").as_deref(), Some("\"/raw\""));
        assert_eq!(wrong("/raw/*.csv").as_deref(), Some("\"/raw/*.csv\""));
        assert_eq!(wrong("/**/raw/").as_deref(), Some("\"/**/raw/\""));
        assert!(wrong("").unwrap().ends_with("never excluded"));
        for rule in ["/raw", "raw/x", "/lab/raw", "raw/lab", "**/lab/raw", "lab"] {
            assert_eq!(check(&lab, rule), None, "{rule}");
        }
        assert_eq!(wrong("/{raw,x}").as_deref(), Some("\"/raw\""));
        let [first, rest] = absolute[1..].split_once('/').map(|(a, b)| [a, b]).unwrap();
        let stars = rest.split('/').map(|_| "*").collect::<Vec<_>>().join("/");
        assert_eq!(check(&lab, &format!("/{first}/{stars}/raw")).as_deref(), Some("\"/raw\""));
        assert_eq!(check(&lab, &format!("/{first}/**/lab/raw")), None);
        assert_eq!(check(&lab, &format!("/*/{stars}/raw")), None);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&top, top.join("link")).unwrap();
            let linked = top.join("link/lab");
            for rule in [format!("{absolute}/raw"), format!("{}/raw", slashed(&linked))] {
                assert_eq!(check(&linked, &rule).as_deref(), Some("\"/raw\""));
            }
            let escaped = format!("{absolute}/raw").replace("lab", "l\\ab");
            assert_eq!(check(&lab, &escaped).as_deref(), Some("\"/raw\""));
            assert_eq!(check(&lab, &format!("{absolute}\\/raw")).as_deref(), Some("\"/raw\""));
            let around = Path::new("../core/tests/../src");
            assert_eq!(check(around, "core/src/lib.rs").as_deref(), Some("\"/lib.rs\""));
            // Where the process is has no say in what a rule means.
            assert_eq!(check(&lab, "src/lib.rs"), None);
            assert_eq!(check(&Path::new("src").canonicalize().unwrap(), "src/lib.rs"), None);
        }
        // A relative source. There may be one of that name in it.
        let relative = Path::new("no-such-directory/lab");
        let suggestion = check(relative, "no-such-directory/lab/raw/");
        assert_eq!(suggestion.as_deref(), Some("\"/raw/\""));
        assert_eq!(
            check(&Path::new(".").join(relative), "no-such-directory/lab/raw").as_deref(),
            Some("\"/raw\"")
        );
        assert_eq!(check(relative, "no-such-directory/other/raw"), None);
        std::fs::create_dir_all(lab.join(absolute.trim_start_matches('/')).join("raw")).unwrap();
        assert_eq!(wrong("/raw"), None);
    }
}
