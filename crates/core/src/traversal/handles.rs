//! How many directories are kept open, and what happens when no more can be opened.
//!
//! The limit of open files is the process's, not a traversal's, and most of it is the
//! caller's. All traversals together keep a share of it: the *handle budget*.
//!
//! # Invariant
//!
//! Each [`CountedHandle`] has a *place*. [`PLACES`] is the number of those that are taken in this
//! process. It stays within the budget, but for a few that each worker may always have: two on
//! its stack, the parent that it works in, and the directory that it has just listed. (A handle
//! whose identity cannot be had is kept in any case, and so are those in frames that are handed
//! over.) Not counted are the source, and at most two directories for each worker: those that it
//! lists, or passes on its way to another.
//!
//! All workers of all traversals would write to that number for each directory that has
//! sub-directories, twice. So a worker takes some places at once, and keeps a few that become
//! free, for its next handles ([`Share`]): fewer as the budget goes to its end, and none while it
//! waits for work. What is in the hand of a worker is taken as well, so the budget is never
//! exceeded for that; another worker may only close a directory a little early.
//!
//! A worker that cannot open anything (EMFILE, ENFILE) first closes what it keeps open,
//! then tries again. One at a time holds [`TURN`] while it tries: if all tried at once,
//! each might open one of the two directories that it needs, and none the second. Who
//! waits goes on only as long as others advance ([`ADVANCES`]), so the wait ends.
//!
//! [`WORKERS`] is the number of [`WorkerSlot`]s of this process. It stays within what the
//! limit allows, but for the first worker of each traversal, and so does the budget, so that
//! workers that all use the handles they may always have leave a few to the process: its own,
//! and those that it opens while they are at work ([`Allowance`]).

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use super::os_errors::is_out_of_handles;
use super::stop::Stop;

/// How many places for counted handles are taken. (Below zero in a fork, should a handle be
/// closed in it that is not counted there.)
static PLACES: AtomicIsize = AtomicIsize::new(0);

/// The process that [`PLACES`] counts for.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// Whether one of the workers that can open nothing has its turn to try.
static TURN: AtomicBool = AtomicBool::new(false);

/// How often a worker that could open nothing has closed something, or has got through.
static ADVANCES: AtomicUsize = AtomicUsize::new(0);

/// How many workers there are, counted as the places are.
static WORKERS: AtomicIsize = AtomicIsize::new(0);

/// How many directories a worker may have open at once: those that it may always keep, the
/// one whose sub-directories it visits, and the two that are not counted.
const HANDLES_PER_WORKER: usize = 6;

/// How many workers all traversals together have at most, but for those that they begin with.
/// Each that waits for a disk would have its 64: many scans side by side would take all the
/// threads that a process, or a container, may have.
const MAX_COMPANY: usize = 256;

/// Called before a traversal starts. A fork begins to count afresh, since it has none of
/// the workers whose handles were counted.
pub(super) fn begin() {
    let process = std::process::id();
    if PROCESS.swap(process, Ordering::Relaxed) != process {
        PLACES.store(0, Ordering::Relaxed);
        WORKERS.store(0, Ordering::Relaxed);
        TURN.store(false, Ordering::Relaxed);
    }
}

/// What a traversal may use of the process's limit of open files.
pub(super) struct Allowance {
    /// How many workers there may be, those of other traversals included.
    pub(super) max_workers: usize,
    /// How many directories may be kept open, see [`CountedHandle`].
    pub(super) budget: usize,
}

impl Allowance {
    /// The allowance of a traversal that starts now, with so many workers and kept directories,
    /// and up to `max` workers if the limit allows them beside those directories, so that this
    /// process can still open files while they are at work.
    pub(super) fn new(threads: usize, max: usize, budget: usize) -> Allowance {
        let running = workers();
        let company = match max > threads {
            true => MAX_COMPANY.max(running.saturating_add(threads)),
            // The caller said how many.
            false => usize::MAX,
        };
        let limit = handle_limit();
        let most = max.saturating_add(running).saturating_mul(HANDLES_PER_WORKER);
        let most = most.saturating_add(budget);
        // Far from a high limit, which files are open need not be asked for.
        if most <= limit / 4 {
            return Allowance { max_workers: company, budget };
        }
        let open = std::fs::read_dir("/dev/fd").map(Iterator::count);
        let open =
            open.unwrap_or_else(|error| if is_out_of_handles(&error) { limit } else { limit / 4 });
        // What is left to the process: its share of the limit, or a few. Fewer for the budget:
        // a deep tree costs much more without one.
        let left = (limit / 8).clamp(16, 64);
        // (What other workers have open is counted twice.)
        let free = limit.saturating_sub(open + running * HANDLES_PER_WORKER);
        let workers = free.saturating_sub(left) / HANDLES_PER_WORKER;
        let for_workers = workers.clamp(1, threads.max(1)) * HANDLES_PER_WORKER;
        let kept = free.saturating_sub(for_workers + 8);
        // Of the places that are taken, workers may yet fill those that they have in hand.
        let taken = usize::try_from(PLACES.load(Ordering::Relaxed)).unwrap_or(0);
        let filled = taken.saturating_sub(running.saturating_mul(2 * MAX_BATCH));
        let budget = budget.min(filled.saturating_add(kept));
        let beside = free.saturating_sub(budget + 8) / HANDLES_PER_WORKER;
        let max_workers = running.saturating_add(workers.min(beside.max(threads))).min(company);
        Allowance { max_workers, budget }
    }
}

/// How many files this process may have open.
fn handle_limit() -> usize {
    #[cfg(unix)]
    {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
    }
    #[cfg(not(unix))]
    return usize::MAX;
}

/// How many workers there are.
fn workers() -> usize {
    usize::try_from(WORKERS.load(Ordering::Relaxed)).unwrap_or(0)
}

/// A worker's slot among those that there may be.
pub(super) struct WorkerSlot(());

impl WorkerSlot {
    /// The slot of one more worker, if there may be so many; without a maximum, in any case.
    pub(super) fn take(max_workers: Option<usize>) -> Option<WorkerSlot> {
        let slot = WorkerSlot(());
        let before = usize::try_from(WORKERS.fetch_add(1, Ordering::Relaxed)).unwrap_or(0);
        max_workers.is_none_or(|max| before < max).then_some(slot)
    }

    /// Whether there may be one more worker.
    pub(super) fn is_free(max_workers: usize) -> bool {
        workers() < max_workers
    }
}

impl Drop for WorkerSlot {
    fn drop(&mut self) {
        WORKERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many places a worker takes at once, at most. It keeps no more than twice as many.
const MAX_BATCH: usize = 8;

/// A worker takes no more at once than this part of what is left of the budget.
const BATCH_DIVISOR: usize = 16;

thread_local! {
    /// The places that the worker which this thread is has in hand.
    static SHARE: Share = const { Share::none() };
}

/// The places that are taken and have no handle at present, those of one thread.
#[derive(Debug)]
struct Share {
    /// The budget of the worker's traversal; `None`: the thread is no worker, and has none.
    budget: Cell<Option<usize>>,
    free: Cell<usize>,
}

impl Share {
    const fn none() -> Share {
        Share { budget: Cell::new(None), free: Cell::new(0) }
    }

    /// How many places are taken at once: the fewer are left, the fewer.
    fn batch(left: usize) -> usize {
        (left / BATCH_DIVISOR).clamp(1, MAX_BATCH)
    }

    /// Takes a place, if the budget is not spent.
    fn take(&self, places: &AtomicIsize, budget: usize) -> bool {
        let free = match self.free.get() {
            0 => self.take_batch(places, budget),
            free => free,
        };
        self.free.set(free.saturating_sub(1));
        free > 0
    }

    fn take_batch(&self, places: &AtomicIsize, budget: usize) -> usize {
        let left = left(places.load(Ordering::Relaxed), budget);
        if left == 0 {
            return 0;
        }
        let wanted = if self.budget.get().is_some() { Share::batch(left) } else { 1 };
        let before = places.fetch_add(wanted as isize, Ordering::Relaxed);
        let got = wanted.min(self::left(before, budget));
        if got < wanted {
            places.fetch_sub((wanted - got) as isize, Ordering::Relaxed);
        }
        got
    }

    /// Takes a place, whether or not the budget is spent.
    fn take_in_any_case(&self, places: &AtomicIsize) {
        match self.free.get() {
            0 => _ = places.fetch_add(1, Ordering::Relaxed),
            free => self.free.set(free - 1),
        }
    }

    /// Gives a place back, which the worker keeps in hand unless it has many.
    fn give_back(&self, places: &AtomicIsize) {
        let free = self.free.get() + 1;
        let taken = places.load(Ordering::Relaxed);
        let kept = match self.budget.get() {
            Some(budget) if taken <= budget as isize => {
                let batch = Share::batch(left(taken, budget));
                if free > 2 * batch { batch } else { free }
            }
            // It was taken beyond the budget.
            Some(_) => free - 1,
            None => 0,
        };
        self.free.set(kept);
        if kept < free {
            places.fetch_sub((free - kept) as isize, Ordering::Relaxed);
        }
    }

    /// Gives back all that are in hand.
    fn give_back_all(&self, places: &AtomicIsize) {
        let free = self.free.take();
        if free > 0 {
            places.fetch_sub(free as isize, Ordering::Relaxed);
        }
    }
}

/// How many places are left of a budget.
fn left(taken: isize, budget: usize) -> usize {
    budget.saturating_sub(usize::try_from(taken).unwrap_or(0))
}

/// As long as this lives, the thread is a worker, which may keep some places in hand.
pub(super) struct Shareholder(());

impl Shareholder {
    pub(super) fn begin(budget: usize) -> Shareholder {
        SHARE.with(|share| share.budget.set(Some(budget)));
        Shareholder(())
    }

    /// Gives back what is in hand, before the worker waits.
    pub(super) fn give_back_all(&self) {
        SHARE.with(|share| share.give_back_all(&PLACES));
    }
}

impl Drop for Shareholder {
    fn drop(&mut self) {
        self.give_back_all();
        SHARE.with(|share| share.budget.set(None));
    }
}

/// A directory that is kept open, and has a place until it is closed.
pub(super) struct CountedHandle<H> {
    handle: H,
}

impl<H> CountedHandle<H> {
    /// Keeps a handle, or gives it back if the budget is spent.
    pub(super) fn within(budget: usize, handle: H) -> Result<CountedHandle<H>, H> {
        match SHARE.with(|share| share.take(&PLACES, budget)) {
            true => Ok(CountedHandle { handle }),
            false => Err(handle),
        }
    }

    /// Keeps a handle, whether or not the budget is spent.
    pub(super) fn beyond_budget(handle: H) -> CountedHandle<H> {
        SHARE.with(|share| share.take_in_any_case(&PLACES));
        CountedHandle { handle }
    }

    pub(super) fn handle(&self) -> &H {
        &self.handle
    }
}

impl<H> Drop for CountedHandle<H> {
    fn drop(&mut self) {
        SHARE.with(|share| share.give_back(&PLACES));
    }
}

/// Tells the workers that wait that another has advanced.
pub(super) fn note_advance() {
    ADVANCES.fetch_add(1, Ordering::Relaxed);
}

/// How long a worker sleeps at most between two looks for the sign to stop.
const MAX_SLEEP: Duration = Duration::from_millis(8);

/// The exponential backoff of a worker that cannot open anything.
///
/// Each wait is twice as long as the one before, up to 64 ms. It gives up after half a second
/// in which no other worker advanced (an eighth was once too short for a busy machine, where the
/// others may have to wait for a processor), or when the traversal is to stop.
pub(super) struct FdBackoff {
    /// `None` before the traversal has begun.
    stop: Option<Arc<Stop>>,
    waits: u32,
    max_waits: u32,
    /// The number of advances that was seen last.
    advances: usize,
    has_turn: bool,
}

impl FdBackoff {
    /// `is_brief`: a wait of this traversal was in vain before, so this one gives up
    /// sooner.
    pub(super) fn new(is_brief: bool, stop: Option<Arc<Stop>>) -> FdBackoff {
        let max_waits = if is_brief { 2 } else { 13 };
        let advances = ADVANCES.load(Ordering::Relaxed);
        FdBackoff { stop, waits: 0, max_waits, advances, has_turn: false }
    }

    /// Waits once; false if it is time to give up.
    pub(super) fn wait(&mut self) -> bool {
        let advances = ADVANCES.load(Ordering::Relaxed);
        if advances != self.advances {
            (self.advances, self.waits) = (advances, 0);
        }
        if self.waits == self.max_waits {
            return false;
        }
        let mut left = Duration::from_millis(1 << self.waits.min(6));
        self.waits += 1;
        // In slices, as the traversal may be stopped meanwhile.
        while !left.is_zero() {
            if self.stop.as_ref().is_some_and(|stop| stop.is_set()) {
                return false;
            }
            let slice = left.min(MAX_SLEEP);
            std::thread::sleep(slice);
            left -= slice;
        }
        true
    }

    /// Waits for this worker's turn to try, which it has until this is dropped; false if
    /// it is time to give up.
    pub(super) fn take_turn(&mut self) -> bool {
        while TURN.swap(true, Ordering::Acquire) {
            if !self.wait() {
                return false;
            }
        }
        self.has_turn = true;
        true
    }
}

impl Drop for FdBackoff {
    fn drop(&mut self) {
        if self.has_turn {
            TURN.store(false, Ordering::Release);
        }
    }
}

/// How many places are taken, by all traversals of this process.
#[cfg(test)]
pub(super) fn places_taken() -> isize {
    PLACES.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(budget: usize) -> Share {
        Share { budget: Cell::new(Some(budget)), free: Cell::new(0) }
    }

    /// Some workers go up and down in a tree, in turns. Returns how many turns there were, and
    /// after how many the number of places was another.
    fn wander(budget: usize, workers: usize) -> (usize, usize) {
        let places = AtomicIsize::new(0);
        let now = || places.load(Ordering::Relaxed) as usize;
        let mut shares: Vec<_> = (0..workers).map(|_| (worker(budget), 0)).collect();
        let (mut random, mut writes, turns) = (1_u64, 0, 20_000);
        for _ in 0..turns {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (share, open) = &mut shares[(random >> 33) as usize % workers];
            let before = now();
            if random >> 62 & 1 == 0 && *open > 0 {
                share.give_back(&places);
                *open -= 1;
            } else if share.take(&places, budget) {
                *open += 1;
            } else {
                assert_eq!(before, budget, "places were left");
                if *open > 0 {
                    // The topmost is closed for it.
                    share.give_back(&places);
                    assert!(share.take(&places, budget));
                }
            }
            writes += usize::from(now() != before);
            let in_use: usize = shares.iter().map(|(_, open)| open).sum();
            let in_hand: usize = shares.iter().map(|(share, _)| share.free.get()).sum();
            assert_eq!(now(), in_use + in_hand);
            assert!(now() <= budget && in_hand <= workers * 2 * MAX_BATCH);
        }
        for (share, open) in shares {
            (0..open).for_each(|_| share.give_back(&places));
            share.give_back_all(&places);
        }
        assert_eq!(now(), 0);
        (turns, writes)
    }

    #[test]
    fn many_traversals_side_by_side_share_the_company_that_they_may_have() {
        let most = |threads, max| Allowance::new(threads, max, 16).max_workers;
        // (Where the limit of open files is low, there may be fewer.)
        assert!(most(2, 64) <= MAX_COMPANY.max(2 + workers()));
        let slots: Vec<_> = (0..MAX_COMPANY).map(|_| WorkerSlot::take(None)).collect();
        let allowed = most(2, 64);
        assert!(allowed <= workers() + 64, "{allowed}");
        assert!(
            WorkerSlot::is_free(allowed) || handle_limit() < 4096,
            "each has what it begins with"
        );
        drop(slots);
        assert!(most(512, 512) >= MAX_COMPANY + 256 || handle_limit() < 16_384);
    }

    #[test]
    fn a_budget_is_never_exceeded_and_never_left_unused() {
        for (budget, workers) in [(1, 1), (1, 3), (16, 4), (256, 8)] {
            wander(budget, workers);
        }
    }

    #[test]
    fn workers_take_places_in_batches() {
        let (turns, writes) = wander(1024, 2);
        assert!(writes * MAX_BATCH < turns, "{writes} of {turns}");
    }

    #[test]
    fn what_is_beyond_the_budget_is_given_back_at_once() {
        let (places, share) = (AtomicIsize::new(0), worker(1));
        assert!(share.take(&places, 1) && !share.take(&places, 1));
        share.take_in_any_case(&places);
        assert_eq!(places.load(Ordering::Relaxed), 2);
        share.give_back(&places);
        assert_eq!(places.load(Ordering::Relaxed), 1);
        assert!(!share.take(&places, 1));
        // A thread that is no worker has none in hand.
        let (places, other) = (AtomicIsize::new(0), Share::none());
        assert!(other.take(&places, 1024));
        assert_eq!(places.load(Ordering::Relaxed), 1);
        other.give_back(&places);
        assert_eq!(places.load(Ordering::Relaxed), 0);
    }
}
