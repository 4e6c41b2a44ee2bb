//! The classification of the entries of a listing: directory, file, or absent.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::lister::{EntryKind, Lister};
use super::os_errors::{is_gone, leads_nowhere};
use super::{Location, Options, ResultSender};
use crate::Operation;

/// What an entry is taken for.
pub(super) enum Class {
    /// A directory, or a link to one.
    Directory { link: bool },
    /// A link that was not looked at, since nobody asks for it.
    Link,
    /// Anything else.
    File,
    /// An entry that is excluded, or does not exist any more.
    Absent,
}

/// Classifies the entries of one directory.
pub(super) struct Classifier<'a, S, L: Lister> {
    options: &'a Options,
    location: Location<'a, S>,
    handle: &'a L::Handle,
    excluding: bool,
    /// The directory's path relative to the source, if a rule needs it.
    relative: PathBuf,
    /// Whether it could not be told of the last entry which kind it is.
    is_untold: bool,
}

impl<'a, S, L: Lister> Classifier<'a, S, L> {
    pub(super) fn new(
        options: &'a Options,
        location: Location<'a, S>,
        handle: &'a L::Handle,
    ) -> Classifier<'a, S, L> {
        let rules = &options.exclude;
        let relative = if rules.needs_path() { location.relative_path() } else { PathBuf::new() };
        let excluding = !rules.is_empty();
        Classifier { options, location, handle, excluding, relative, is_untold: false }
    }

    /// Whether it could not be told of the last entry which kind it is. It is taken for a
    /// file then.
    pub(super) fn take_untold(&mut self) -> bool {
        std::mem::take(&mut self.is_untold)
    }

    /// What an entry is. A link that is not followed anyway is looked at if `is_asked_for`:
    /// what it leads to may be far away, and never answer.
    #[inline]
    pub(super) fn classify<T>(
        &mut self,
        name: &OsStr,
        kind: EntryKind,
        is_asked_for: impl FnOnce() -> bool,
        results: &mut ResultSender<T>,
    ) -> Class {
        let class = if self.excluding {
            self.relative.push(name);
            let class = self.classify_unless_excluded(name, kind, is_asked_for, results);
            self.relative.pop();
            class
        } else {
            self.classify_included(name, kind, is_asked_for, results)
        };
        if matches!(class, Class::Directory { link: true }) && !self.options.follow_links {
            results.stats.links_not_followed += 1;
        }
        class
    }

    fn classify_unless_excluded<T>(
        &mut self,
        name: &OsStr,
        kind: EntryKind,
        is_asked_for: impl FnOnce() -> bool,
        results: &mut ResultSender<T>,
    ) -> Class {
        let rules = &self.options.exclude;
        // A link that is excluded whatever it leads to is not followed.
        if rules.excludes_any(&self.relative, name) {
            return Class::Absent;
        }
        match self.classify_included(name, kind, is_asked_for, results) {
            Class::Directory { .. } if rules.excludes_directory(&self.relative, name) => {
                Class::Absent
            }
            class => class,
        }
    }

    #[inline]
    fn classify_included<T>(
        &mut self,
        name: &OsStr,
        kind: EntryKind,
        is_asked_for: impl FnOnce() -> bool,
        results: &mut ResultSender<T>,
    ) -> Class {
        match kind {
            EntryKind::File => Class::File,
            EntryKind::Directory => Class::Directory { link: false },
            EntryKind::Link => self.classify_link(name, is_asked_for, results),
            EntryKind::Unknown => match L::kind(self.handle, name, false) {
                Ok(EntryKind::Directory) => Class::Directory { link: false },
                Ok(EntryKind::Link) => self.classify_link(name, is_asked_for, results),
                Ok(_) => Class::File,
                Err(error) if is_gone(&error) => Class::Absent,
                Err(error) => {
                    let path = self.location.path().join(name);
                    results.send_io_error(path, Operation::ReadMetadata, error);
                    self.is_untold = true;
                    Class::File
                }
            },
        }
    }

    fn classify_link<T>(
        &mut self,
        name: &OsStr,
        is_asked_for: impl FnOnce() -> bool,
        results: &mut ResultSender<T>,
    ) -> Class {
        if !self.options.follow_links && !is_asked_for() {
            return Class::Link;
        }
        match L::kind(self.handle, name, true) {
            Ok(EntryKind::Directory) => Class::Directory { link: true },
            Ok(_) => Class::File,
            // A broken link.
            Err(error) if leads_nowhere(&error) => Class::File,
            // The links of a process that ends in the meantime are denied before they vanish.
            Err(_) if matches!(L::kind(self.handle, name, false), Err(error) if is_gone(&error)) => {
                Class::Absent
            }
            // Nobody knows what it leads to.
            Err(error) => {
                let path = self.location.path().join(name);
                results.send_io_error(path, Operation::FollowLink, error);
                self.is_untold = true;
                Class::File
            }
        }
    }
}
