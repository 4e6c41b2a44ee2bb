//! Rules that begin with the path of the source, and so can match nothing below it.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use globset::GlobBuilder;

use super::syntax::{self, Token};

/// The text of a name on disk.
type Decode<'a> = &'a dyn Fn(&OsStr) -> String;

/// What is wrong with a rule that begins with the path of a source on a disk: as it is given,
/// or, if the rule is anchored, absolute, as the shell has it, or without links. Nothing is, if
/// the source holds something of that path.
///
/// No path is asked for but the source's. (Which other ways lead there, only the file systems
/// on these ways could tell, and their servers may not answer.)
pub(super) fn problem(rule: &str, source: &Path, decode: Decode<'_>) -> Option<String> {
    let spellings = |is_anchored: bool| {
        if !is_anchored {
            return vec![source.to_path_buf()];
        }
        // Where the shell says that it is, there may be links on the way.
        let by_shell = std::env::var_os("PWD").map(|here| Path::new(&here).join(source));
        let ways = [by_shell, std::path::absolute(source).ok(), source.canonicalize().ok()];
        ways.into_iter().flatten().collect()
    };
    let holds = |path: &Path| source.join(path).symlink_metadata().is_ok();
    find(rule, spellings, decode, holds)
}

/// The same of a source that is not on a disk. `holds` tells whether it holds something.
pub(super) fn remote_problem(
    rule: &str,
    source: &Path,
    holds: impl Fn(&Path) -> bool,
) -> Option<String> {
    let decode = |name: &OsStr| name.to_string_lossy().into_owned();
    find(rule, |_| vec![source.to_path_buf()], &decode, holds)
}

/// Looks for an alternative of a rule that begins with one of the source's spellings, which the
/// source does not hold.
fn find(
    rule: &str,
    spellings: impl Fn(bool) -> Vec<PathBuf>,
    decode: Decode<'_>,
    holds: impl Fn(&Path) -> bool,
) -> Option<String> {
    let glob = rule.strip_suffix('/').unwrap_or(rule);
    let is_anchored = glob.starts_with('/');
    let tokens = syntax::tokens(glob.strip_prefix('/').unwrap_or(glob))?;
    let alternatives = syntax::alternatives(&tokens);
    let mut paths = None;
    for alternative in &alternatives {
        let parts: Vec<&[&Token]> = syntax::components(alternative).collect();
        // Others may match something.
        let Some(first) = syntax::literal(parts[0]) else { continue };
        let paths = paths.get_or_insert_with(|| spellings(is_anchored));
        let length = paths.iter().find_map(|path| begins(&parts, path, decode));
        let Some(length) = length else { continue };
        let names = parts[1..length].iter().map_while(|part| syntax::literal(part));
        if holds(&names.fold(PathBuf::from(first), |path, name| path.join(name))) {
            continue;
        }
        let below: Vec<String> = parts[length..].iter().map(|part| syntax::text(part)).collect();
        let message = "a rule is a path below the source, and may not begin with the source itself";
        return Some(match &below[..] {
            [] => format!("{message}, which is never excluded"),
            below => {
                let end = if rule.ends_with('/') { "/" } else { "" };
                format!("{message}: write \"/{}{end}\"", below.join("/"))
            }
        });
    }
    None
}

/// How many components a path has, if a rule begins with what matches them. Of a relative path,
/// what is before its first name stands in no rule.
fn begins(parts: &[&[&Token]], path: &Path, decode: Decode<'_>) -> Option<usize> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::ParentDir => drop(names.pop()),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    let matches = |part: &[&Token], name: &OsStr| {
        let glob = syntax::text(part);
        // `**` may stand for any number of components, those below the source, too.
        !glob.contains("**")
            && GlobBuilder::new(&glob)
                .literal_separator(true)
                .build()
                .is_ok_and(|glob| glob.compile_matcher().is_match(decode(name)))
    };
    let is_start = !names.is_empty()
        && names.len() <= parts.len()
        && parts.iter().zip(&names).all(|(part, name)| matches(part, name));
    is_start.then_some(names.len())
}
