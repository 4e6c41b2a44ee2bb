//! What a listed entry counts as.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::lister::{EntryKind, Lister, is_gone};
use super::{Options, Outlet, Place};
use crate::Operation;

/// What an entry counts as.
pub(super) enum Class {
    Directory { link: bool },
    File,
    Absent,
}

/// Tells what the entries of one directory count as.
pub(super) struct Classifier<'a, S, L: Lister> {
    options: &'a Options,
    place: Place<'a, S>,
    handle: &'a L::Handle,
    excluding: bool,
    /// The directory relative to the source, where a rule looks at it.
    relative: PathBuf,
}

impl<'a, S, L: Lister> Classifier<'a, S, L> {
    pub(super) fn new(
        options: &'a Options,
        place: Place<'a, S>,
        handle: &'a L::Handle,
    ) -> Classifier<'a, S, L> {
        let rules = &options.exclude;
        let relative = if rules.needs_path() { place.relative_path() } else { PathBuf::new() };
        Classifier { options, place, handle, excluding: !rules.is_empty(), relative }
    }

    #[inline]
    pub(super) fn classify<T>(
        &mut self,
        name: &OsStr,
        kind: EntryKind,
        out: &mut Outlet<T>,
    ) -> Class {
        let class = if self.excluding {
            self.relative.push(name);
            let class = self.classify_unless_excluded(name, kind, out);
            self.relative.pop();
            class
        } else {
            self.classify_included(name, kind, out)
        };
        if matches!(class, Class::Directory { link: true }) && !self.options.follow_links {
            out.stats.links_not_followed += 1;
        }
        class
    }

    fn classify_unless_excluded<T>(
        &self,
        name: &OsStr,
        kind: EntryKind,
        out: &mut Outlet<T>,
    ) -> Class {
        let rules = &self.options.exclude;
        // A link that is excluded whatever it leads to is not even followed.
        if rules.excludes_any(&self.relative, name) {
            return Class::Absent;
        }
        match self.classify_included(name, kind, out) {
            Class::Directory { .. } if rules.excludes_directory(&self.relative, name) => {
                Class::Absent
            }
            class => class,
        }
    }

    #[inline]
    fn classify_included<T>(&self, name: &OsStr, kind: EntryKind, out: &mut Outlet<T>) -> Class {
        match kind {
            EntryKind::File => Class::File,
            EntryKind::Directory => Class::Directory { link: false },
            EntryKind::Link => self.classify_link(name, out),
            EntryKind::Unknown => match L::kind(self.handle, name, false) {
                Ok(EntryKind::Directory) => Class::Directory { link: false },
                Ok(EntryKind::Link) => self.classify_link(name, out),
                Ok(_) => Class::File,
                Err(error) if is_gone(&error) => Class::Absent,
                Err(error) => {
                    let path = self.place.path().join(name);
                    out.failed(path, Operation::ReadMetadata, error);
                    Class::File
                }
            },
        }
    }

    fn classify_link<T>(&self, name: &OsStr, out: &mut Outlet<T>) -> Class {
        match L::kind(self.handle, name, true) {
            Ok(EntryKind::Directory) => Class::Directory { link: true },
            Ok(_) => Class::File,
            Err(error) => {
                // ENOENT, ENOTDIR and ELOOP make it a broken link; with any
                // other failure there is no telling what it leads to.
                if !is_gone(&error) {
                    let path = self.place.path().join(name);
                    out.failed(path, Operation::FollowLink, error);
                }
                Class::File
            }
        }
    }
}
