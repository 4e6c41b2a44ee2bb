//! What is put off until a directory above may be decided.
//!
//! If what feeds a directory may save it the rest of its tree, that comes first, and on all
//! levels: of `.git`, which has to hold `objects` and `refs`, `refs` comes before what lies in
//! `objects`. So the sub-directories that feed no one are taken out of a frame that is pushed,
//! and go to the frame above that may be decided soonest. They are pushed when nothing is left
//! there that feeds it, or dropped if it is over by then.

use std::sync::Arc;

use super::Visitor;
use super::lister::Lister;
use super::worker::{Frame, Worker};
use crate::pattern::MAX_LEVELS;

/// How many frames one frame puts off. A pattern may ask something of all the directories that
/// there are.
const MAX_PUT_OFF: usize = 1024;

/// The frames that a frame puts off.
pub(super) type Later<V, L> = Vec<Frame<V, L>>;

impl<V: Visitor, L: Lister> Frame<V, L> {
    /// Whether the next sub-directory feeds this directory.
    pub(super) fn is_fed(&self) -> bool {
        self.subdirs.peek().is_some_and(|subdir| subdir.feeds_parent)
    }
}

impl<V: Visitor, L: Lister> Worker<V, L> {
    /// Pushes a frame of a directory that feeds that of the last frame, or was put off.
    pub(super) fn push_fed(&mut self, mut child: Frame<V, L>) {
        if let Some(index) = self.undecided_frame()
            && let later = &mut self.stack[index].later
            && later.len() < MAX_PUT_OFF
        {
            let feeding = child.subdirs.count_feeding();
            if feeding < child.subdirs.len() {
                let (dir, subdirs) = (Arc::clone(&child.dir), child.subdirs.split_at(feeding));
                let mut handle = child.handle.clone();
                handle.close();
                later.push(Frame { dir, subdirs, handle, later: Later::new() });
            }
            if feeding == 0 {
                return;
            }
        }
        self.push(child);
    }

    /// The topmost frame, of those that the next one feeds, that may be decided by what it
    /// has left. None of those that lie further up than patterns are deep: each directory of a
    /// deep tree may feed the one above.
    fn undecided_frame(&self) -> Option<usize> {
        let mut found = None;
        for (index, frame) in self.stack.iter().enumerate().rev().take(MAX_LEVELS) {
            if frame.is_fed() && self.visitor.decides(&frame.dir.state) {
                found = Some(index);
            }
            if !self.visitor.feeds_parent(&frame.dir.state) {
                break;
            }
        }
        found
    }

    /// The next frame that was put off, once nothing feeds this one any more. If the
    /// directory is decided, what feeds no one is not visited at all.
    pub(super) fn next_put_off(&self, frame: &mut Frame<V, L>) -> Option<Frame<V, L>> {
        if self.visitor.is_over(&frame.dir.state) {
            frame.subdirs.clear();
            frame.later.clear();
        }
        frame.later.pop()
    }
}
