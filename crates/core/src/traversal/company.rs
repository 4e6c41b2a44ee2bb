//! What the workers tell the controller of their [width](super::width), and what comes of it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::lister::Lister;
use super::width::Width;
use super::worker::{Traversal, Work, Worker};
use super::{Visitor, disk};

impl<V: Visitor, L: Lister> Traversal<V, L> {
    /// Changes the width, if it is this traversal's to find.
    pub(super) fn adapt<T>(&self, change: impl FnOnce(&mut Width) -> T) -> Option<T> {
        // Nothing panics while it is locked.
        let mut width = self.width.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let before = width.now();
        let result = change(&mut width);
        if width.now() != before {
            // Under the lock, so that the last change comes last.
            self.pool.set_width(width.now());
        }
        Some(result)
    }

    /// Sets how many workers may be at work, where the caller said how many there may be.
    #[cfg(test)]
    pub(super) fn set_width(&self, width: usize) {
        self.pool.set_width(width);
    }

    /// Has fewer workers at work, as no more files can be opened. Of workers that all see that
    /// in one epoch, the first counts.
    pub(super) fn needs_handles(&self, epoch: u32) {
        self.adapt(|width| {
            if width.epoch() == epoch {
                width.limit(width.now() / 2);
            }
        });
    }

    /// For the receiver, now and then: starts another worker if there is work that nobody waits
    /// for, or lets one more to work if none of them gets on.
    pub(super) fn look_after(self: &Arc<Self>) {
        if self.pool.has_queued() {
            self.adapt(Width::look);
        }
        self.start_another();
    }

    /// Asks the disk, once, whether it has an arm; if so, the traversal begins again with one
    /// worker, and this is true. (A worker asks, and not the receiver, as it may take long.)
    pub(super) fn begins_with_one(&self) -> bool {
        if self.width.is_some() && !self.asked_disk.swap(true, Ordering::Relaxed) {
            let identity = self.source_identity.clone();
            let identity = identity.or_else(|| L::handle_identity(&self.source).ok());
            if identity.is_some_and(|identity| disk::rotates(&identity)) {
                return self.adapt(Width::begin_with_one).is_some();
            }
        }
        false
    }
}

impl<V: Visitor, L: Lister> Worker<V, L> {
    /// Waits for work, and counts that as no wait for the disk.
    pub(super) fn wait_for_work(&mut self) -> Option<Work<V, L>> {
        if self.traversal.width.is_none() {
            return self.traversal.pool.take();
        }
        let begun = Instant::now();
        let work = self.traversal.pool.take();
        self.meter.waited(begun.elapsed());
        if self.traversal.adapt(|width| width.epoch()) != Some(self.meter.epoch()) {
            self.begin_sample();
        }
        work
    }

    /// Begins to measure what this worker does, for the width.
    pub(super) fn begin_sample(&mut self) {
        let is_full = !self.traversal.pool.wants_work();
        let begun = self.traversal.adapt(|width| {
            if is_full {
                width.is_full();
            }
            (width.epoch(), width.now(), width.is_wide())
        });
        if let Some((epoch, width, is_wide)) = begun {
            self.results.take_held_up();
            self.meter.begin(epoch, width);
            self.is_in_company = is_wide;
        }
    }

    /// Tells the controller what this worker did, if it is time for it.
    #[cold]
    pub(super) fn tell(&mut self) {
        let Worker { traversal, results, meter, .. } = self;
        if let Some(sample) = meter.sample(|| results.take_held_up()) {
            traversal.adapt(|width| width.add(sample));
            self.begin_sample();
        }
    }
}
