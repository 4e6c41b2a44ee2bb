//! Trees in which something goes wrong, for whoever is given them.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};

use pathvein_core::{MadeUp, MadeUpEntry};

use super::generate::Choices;
use super::reference::{Sub, Tree};

/// The tree as one for a scan to be given: with the same that can be told and cannot. Its link
/// counts are right, where they can be.
pub(crate) fn made_up(choices: &mut impl Choices, tree: &Tree) -> MadeUp {
    let mut entries: Vec<(OsString, MadeUpEntry)> = Vec::new();
    for name in &tree.files {
        let entry =
            if tree.untold.contains(name) { MadeUpEntry::UntoldLink } else { MadeUpEntry::File };
        entries.push((name.clone(), entry));
    }
    for (name, sub) in &tree.directories {
        // What is in it, nobody knows.
        let unlisted = || MadeUp { links: Some(1), counts_links: true, ..MadeUp::default() };
        let closed = |kind| MadeUp { closed: Some(kind), ..unlisted() };
        let directory = match sub {
            Sub::Entered(below) => made_up(choices, below),
            Sub::NotEntered => MadeUp { is_mount_point: true, ..MadeUp::default() },
            Sub::Gone => {
                MadeUp { unseen: Some(ErrorKind::NotFound), ..closed(ErrorKind::NotFound) }
            }
            // It cannot be opened, or not be read.
            Sub::Unlisted if choices.once_in(2) => closed(ErrorKind::PermissionDenied),
            Sub::Unlisted => MadeUp { broken: Some(ErrorKind::Other), ..unlisted() },
            Sub::Link => {
                entries.push((name.clone(), MadeUpEntry::Link));
                continue;
            }
        };
        let at = choices.below(entries.len() + 1);
        entries.insert(at, (name.clone(), MadeUpEntry::Directory(directory.into())));
    }
    let broken = tree.broke_off.then_some(ErrorKind::Other);
    let links = tree.broke_off.then_some(1);
    MadeUp { entries, broken, links, counts_links: true, pause: 2, ..MadeUp::default() }
}

/// The tree without files that have the name of a directory or of another file: a file system
/// has none such.
pub(crate) fn without_twins(mut tree: Tree) -> Tree {
    tree.files.sort();
    tree.files.dedup();
    for (name, sub) in &mut tree.directories {
        tree.files.retain(|file| file != name);
        if let Sub::Entered(below) = sub {
            *below = without_twins(std::mem::take(below));
        }
    }
    tree
}

/// Takes directories of which no entry could be read for such as cannot be listed: scans do.
pub(crate) fn nothing_read_is_unlisted(tree: &mut Tree) {
    for (_, sub) in &mut tree.directories {
        if let Sub::Entered(below) = sub {
            nothing_read_is_unlisted(below);
            if below.broke_off && below.files.is_empty() && below.directories.is_empty() {
                *sub = Sub::Unlisted;
            }
        }
    }
}

/// Whether something is gone is found out by opening it, which the depth may forbid.
pub(crate) fn nothing_is_gone(tree: &mut Tree) {
    for (_, sub) in &mut tree.directories {
        match sub {
            Sub::Entered(below) => nothing_is_gone(below),
            Sub::Gone => *sub = Sub::NotEntered,
            _ => {}
        }
    }
}

/// Takes a directory in which anything is not told for one whose listing broke off: who gives
/// listings says no more of it.
pub(crate) fn tell_of_whole_directories(tree: &mut Tree) {
    tree.broke_off |= !std::mem::take(&mut tree.untold).is_empty();
    for (_, sub) in &mut tree.directories {
        if let Sub::Entered(below) = sub {
            tell_of_whole_directories(below);
        }
    }
}

/// A name that no other source has.
pub(crate) fn number() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}
