//! Links that are copied as links: those whose text leads to a file that is copied, too.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use super::{Entries, Entry, EntryKind, MatchPlan};
use crate::{Error, Operation};

/// Names of files in a directory of the plan, each with whether it is there.
type Sought = HashMap<OsString, bool>;

/// A link that leads to a directory of the plan.
struct Link {
    /// The directory that it is in, by its index.
    directory: usize,
    name: OsString,
    text: OsString,
    /// What it leads to.
    target: (usize, OsString),
}

/// Finds the links that are kept.
///
/// What a link says is followed through the directories of the plan alone. So no other link is
/// on the way, neither at the source nor at the destination, and it leads to the same file in
/// both.
pub(super) fn keep(plan: &mut MatchPlan, source: &Path) -> Result<(), Error> {
    let links = inner_links(plan, source)?;
    if links.is_empty() {
        return Ok(());
    }
    let mut sought: HashMap<usize, Sought> = HashMap::new();
    for Link { target: (directory, name), .. } in &links {
        sought.entry(*directory).or_default().insert(name.clone(), false);
    }
    for (directory, names) in &mut sought {
        for entry in plan.directories[*directory].entries() {
            if let Some(is_there) = names.get_mut(entry.name) {
                *is_there = true;
            }
        }
    }
    let mut texts: HashMap<usize, HashMap<OsString, OsString>> = HashMap::new();
    for Link { directory, name, text, target } in links {
        if sought[&target.0][&target.1] {
            texts.entry(directory).or_default().insert(name, text);
        }
    }
    for (directory, texts) in texts {
        let mut entries = Entries::default();
        for entry in plan.directories[directory].entries() {
            match texts.get(entry.name) {
                Some(text) => entries.push(Entry { kind: EntryKind::KeptLink, text, ..entry }),
                None => entries.push(entry),
            }
        }
        plan.directories[directory].entries = entries;
    }
    Ok(())
}

/// The links to files whose text is relative and leads to a directory of the plan.
fn inner_links(plan: &MatchPlan, source: &Path) -> Result<Vec<Link>, Error> {
    let mut children: Option<HashMap<(usize, &OsStr), usize>> = None;
    let mut links = Vec::new();
    for (directory, planned) in plan.directories.iter().enumerate() {
        let mut path: Option<PathBuf> = None;
        for entry in planned.entries().filter(|entry| entry.kind == EntryKind::LinkToFile) {
            let path = path.get_or_insert_with(|| source.join(plan.path(directory)));
            let link = path.join(entry.name);
            let text =
                link.read_link().map_err(|error| Error::io(&link, Operation::FollowLink, error))?;
            let children = children.get_or_insert_with(|| {
                let children = plan.directories.iter().enumerate().skip(1);
                children.map(|(i, child)| ((child.parent as usize, &*child.name), i)).collect()
            });
            if let Some(target) = target(plan, children, directory, &text) {
                let (name, text) = (entry.name.into(), text.into_os_string());
                links.push(Link { directory, name, text, target });
            }
        }
    }
    Ok(links)
}

/// The directory of the plan to which a link's text leads, and the name in it.
fn target(
    plan: &MatchPlan,
    children: &HashMap<(usize, &OsStr), usize>,
    mut directory: usize,
    text: &Path,
) -> Option<(usize, OsString)> {
    let mut components = text.components().peekable();
    while let Some(component) = components.next() {
        match component {
            Component::CurDir => {}
            // Outside of the match.
            Component::ParentDir if directory == 0 => return None,
            Component::ParentDir => directory = plan.directories[directory].parent as usize,
            Component::Normal(name) if components.peek().is_none() => {
                return Some((directory, name.into()));
            }
            Component::Normal(name) => directory = *children.get(&(directory, name))?,
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    None
}
