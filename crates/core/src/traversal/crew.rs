//! The workers' threads: how they are started, and what the receiver knows of them.
//!
//! A traversal begins with one worker. A worker that has work to share and finds nobody
//! who waits for it starts another, so threads come where they have something to do, and a
//! small tree is done by one.
//!
//! # Invariant
//!
//! A worker is in the [roster](Roster) before its thread runs, and its thread is there
//! before the worker that started it ends. So when the results' channel has ended, which it
//! does with the last worker, the roster holds all threads.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::Visitor;
use super::handles::WorkerSlot;
use super::lister::Lister;
use super::sender::{Batch, Outbox, ResultSender};
use super::worker::{Traversal, Worker};

/// The size of a worker's stack, whatever the default is: room for the buffer of a
/// listing and for the regular expressions of exclude rules. Nothing recurses on the
/// depth of the tree.
const STACK_SIZE: usize = 512 * 1024;

/// The workers that were started.
pub(super) struct Roster<T>(Mutex<Members<T>>);

struct Members<T> {
    outboxes: Vec<Arc<Outbox<T>>>,
    /// The traversal's own threads: those of a shared pool might wait for its results.
    threads: Vec<JoinHandle<()>>,
}

impl<T> Roster<T> {
    pub(super) fn new() -> Roster<T> {
        Roster(Mutex::new(Members { outboxes: Vec::new(), threads: Vec::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, Members<T>> {
        // Nothing panics while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what waits in the outboxes.
    pub(super) fn take_results(&self) -> Batch<T> {
        let mut batch = Batch::new();
        self.lock().outboxes.iter().for_each(|outbox| batch.append(&mut outbox.take()));
        batch
    }

    /// Takes the threads. What is still in the outboxes is dropped.
    pub(super) fn take_threads(&self) -> Vec<JoinHandle<()>> {
        let mut members = self.lock();
        members.outboxes.clear();
        std::mem::take(&mut members.threads)
    }

    /// How many workers were started.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.lock().outboxes.len()
    }
}

/// Starts a worker, which the pool knows of already.
pub(super) fn start_worker<V: Visitor, L: Lister>(
    traversal: &Arc<Traversal<V, L>>,
    visitor: V,
    results: ResultSender<V::Item>,
    slot: WorkerSlot,
) -> io::Result<()> {
    let roster = &traversal.roster;
    let outbox = Arc::clone(results.outbox());
    roster.lock().outboxes.push(Arc::clone(&outbox));
    let mut worker = Worker::new(Arc::clone(traversal), visitor, results);
    let thread = std::thread::Builder::new().name("pathvein".into()).stack_size(STACK_SIZE);
    let started = thread.spawn(move || {
        let (traversal, channel) = (Arc::clone(&worker.traversal), worker.results.channel());
        if catch_unwind(AssertUnwindSafe(|| worker.work())).is_err() {
            traversal.note_panic();
        }
        drop((worker, traversal, slot));
        // Dropped last: the end of the channel tells that all workers have ended.
        drop(channel);
    });
    let mut members = roster.lock();
    match started {
        Ok(thread) => {
            members.threads.push(thread);
            outbox.note_threads(members.threads.len());
        }
        Err(error) => {
            members.outboxes.retain(|other| !Arc::ptr_eq(other, &outbox));
            return Err(error);
        }
    }
    Ok(())
}
