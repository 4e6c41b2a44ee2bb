//! The sub-directories of a listed directory that are still to be visited.

use std::ffi::OsStr;

/// A list of names, packed: a directory may have millions of sub-directories.
#[derive(Debug, Default)]
pub(crate) struct Subdirs {
    #[cfg(unix)]
    names: Vec<u8>,
    /// Where each name ends.
    #[cfg(unix)]
    ends: Vec<usize>,
    #[cfg(not(unix))]
    names: Vec<Box<OsStr>>,
    links: Vec<bool>,
}

impl Subdirs {
    /// Adds a directory, or a `link` to one.
    pub(crate) fn push(&mut self, name: &OsStr, link: bool) {
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            self.names.extend_from_slice(name.as_bytes());
            self.ends.push(self.names.len());
        }
        #[cfg(not(unix))]
        self.names.push(name.into());
        self.links.push(link);
    }

    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }

    pub(crate) fn name(&self, index: usize) -> &OsStr {
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            let start = if index == 0 { 0 } else { self.ends[index - 1] };
            OsStr::from_bytes(&self.names[start..self.ends[index]])
        }
        #[cfg(not(unix))]
        &self.names[index]
    }

    pub(crate) fn is_link(&self, index: usize) -> bool {
        self.links[index]
    }

    pub(crate) fn has_links(&self) -> bool {
        self.links.contains(&true)
    }

    /// The entries that `keep` keeps, in order.
    pub(crate) fn filtered(&self, mut keep: impl FnMut(usize) -> bool) -> Subdirs {
        let mut kept = Subdirs::default();
        self.append_to(&mut kept, &mut keep);
        kept
    }

    fn append_to(&self, to: &mut Subdirs, keep: &mut dyn FnMut(usize) -> bool) {
        for index in 0..self.len() {
            if keep(index) {
                to.push(self.name(index), self.is_link(index));
            }
        }
    }

    /// Those for which `first` holds, then of the others those that `keep`
    /// keeps; and how many the first are.
    pub(crate) fn partitioned(
        &self,
        first: impl Fn(&OsStr) -> bool,
        keep: impl Fn(usize) -> bool,
    ) -> (Subdirs, usize) {
        let is_first: Vec<bool> = (0..self.len()).map(|index| first(self.name(index))).collect();
        let mut sorted = self.filtered(|index| is_first[index]);
        let count = sorted.len();
        self.append_to(&mut sorted, &mut |index| !is_first[index] && keep(index));
        (sorted, count)
    }

    /// Gives back the memory kept for growth.
    pub(crate) fn shrink(&mut self) {
        self.names.shrink_to_fit();
        #[cfg(unix)]
        self.ends.shrink_to_fit();
        self.links.shrink_to_fit();
    }
}
