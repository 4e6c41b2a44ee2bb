//! Rules that begin with the path of the source, and so can match nothing below it.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use globset::GlobBuilder;

use super::syntax::{self, Token};

/// The text of a name on disk.
type Decode<'a> = &'a dyn Fn(&OsStr) -> String;

/// What is wrong with a rule that begins with the path of a source on a disk, however that is
/// written. Nothing is, if the source holds something of that path.
pub(super) fn problem(rule: &str, source: &Path, decode: Decode<'_>) -> Option<String> {
    let holds = |names: &[String]| {
        let path = names.iter().fold(source.to_path_buf(), |path, name| path.join(name));
        path.symlink_metadata().is_ok()
    };
    let spellings = |is_anchored: bool| {
        if !is_anchored {
            return vec![source.to_path_buf()];
        }
        let ways = [std::path::absolute(source), source.canonicalize()];
        ways.into_iter().flatten().collect()
    };
    find(rule, |parts, is_anchored| {
        let names = literal_start(parts);
        if names.is_empty() {
            return None;
        }
        let by_text =
            spellings(is_anchored).into_iter().find_map(|path| begins(parts, &path, decode));
        let length = by_text.or_else(|| leads_to(&names, is_anchored, source))?;
        (!holds(&names[..length.min(names.len())])).then_some(length)
    })
}

/// The same of a source that is not on a disk. It is not asked what it holds.
pub(super) fn remote_problem(rule: &str, source: &Path) -> Option<String> {
    let decode = |name: &OsStr| name.to_string_lossy().into_owned();
    find(rule, |parts, _| {
        syntax::literal(parts[0])?;
        begins(parts, source, &decode)
    })
}

/// Looks for an alternative of a rule that begins with the source: `length` tells how many of
/// its components are the source's, given all of them and whether they are anchored.
fn find(rule: &str, length: impl Fn(&[&[Token]], bool) -> Option<usize>) -> Option<String> {
    let glob = rule.strip_suffix('/').unwrap_or(rule);
    let is_anchored = glob.starts_with('/');
    let tokens = syntax::tokens(glob.strip_prefix('/').unwrap_or(glob))?;
    syntax::alternatives(&tokens).iter().find_map(|alternative| {
        let parts: Vec<&[Token]> = syntax::components(alternative).collect();
        let length = length(&parts, is_anchored)?;
        let below: Vec<String> = parts[length..].iter().map(|part| syntax::text(part)).collect();
        let message = "a rule is a path below the source, and may not begin with the source itself";
        Some(match &below[..] {
            [] => format!("{message}, which is never excluded"),
            below => {
                let end = if rule.ends_with('/') { "/" } else { "" };
                format!("{message}: write \"/{}{end}\"", below.join("/"))
            }
        })
    })
}

/// The names that a rule begins with, as far as each is only one.
fn literal_start(parts: &[&[Token]]) -> Vec<String> {
    parts.iter().map_while(|part| syntax::literal(part)).collect()
}

/// How many components a path has, if a rule begins with what matches them. Of a relative path,
/// what is before its first name stands in no rule.
fn begins(parts: &[&[Token]], path: &Path, decode: Decode<'_>) -> Option<usize> {
    let names: Vec<_> =
        path.components().skip_while(|part| !matches!(part, Component::Normal(_))).collect();
    let matches = |part: &[Token], name: &Component<'_>| {
        let glob = syntax::text(part);
        // `**` may stand for any number of components, those below the source, too.
        !glob.contains("**")
            && GlobBuilder::new(&glob)
                .literal_separator(true)
                .build()
                .is_ok_and(|glob| glob.compile_matcher().is_match(decode(name.as_os_str())))
    };
    let is_start = !names.is_empty()
        && names.len() <= parts.len()
        && parts.iter().zip(&names).all(|(part, name)| matches(part, name));
    is_start.then_some(names.len())
}

/// How many of the names make a path that leads to the source, by links for example.
fn leads_to(names: &[String], is_anchored: bool, source: &Path) -> Option<usize> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |path: &Path| path.metadata().map(|data| (data.dev(), data.ino()));
        let this = identity(source).ok()?;
        let mut path = PathBuf::from(if is_anchored { "/" } else { "" });
        for (at, name) in names.iter().enumerate() {
            path.push(name);
            // What does not exist leads nowhere.
            if identity(&path).ok()? == this {
                return Some(at + 1);
            }
        }
    }
    let _ = (names, is_anchored, source);
    None
}
