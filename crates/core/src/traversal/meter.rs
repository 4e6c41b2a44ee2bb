//! What a worker did, and whether it waited: its samples for the [controller](super::width).
//!
//! A worker waits if its own processor time is less than what passed on the clock. Time for
//! which it had to wait for a processor is no wait for a disk, though, or it would get company
//! for nothing but that the machine has other work; nor is the time for which the receiver did
//! not take its results.

use std::time::{Duration, Instant};

use super::width::Sample;

/// How many entries of a listing count like a directory.
const ENTRIES_LIKE_A_DIRECTORY: usize = 64;

/// The most directories between two looks at the clock.
const MAX_STEP: usize = 32;

/// How long a worker is at work between two samples at least: for itself, and for each that
/// is at work, since all tell the same controller.
const INTERVAL: Duration = Duration::from_micros(600);
const INTERVAL_EACH: Duration = Duration::from_micros(200);

/// A worker's meter.
pub(super) struct Meter {
    /// How many directories are left until the next look at the clock, of how many.
    left: usize,
    step: usize,
    interval: Duration,
    /// What the next sample will tell.
    done: usize,
    idle: Duration,
    epoch: u32,
    /// When it began, and the thread's processor time then.
    began: Instant,
    cpu: Duration,
    /// How long the thread had waited for a processor when that was last asked.
    delay: Duration,
}

impl Meter {
    /// A meter that never comes to look at the clock.
    pub(super) fn off() -> Meter {
        Meter {
            left: usize::MAX,
            step: 1,
            interval: INTERVAL,
            done: 0,
            idle: Duration::ZERO,
            epoch: 0,
            began: Instant::now(),
            cpu: Duration::ZERO,
            delay: Duration::ZERO,
        }
    }

    /// Begins a sample.
    pub(super) fn begin(&mut self, epoch: u32, width: usize) {
        (self.done, self.idle, self.epoch) = (0, Duration::ZERO, epoch);
        (self.began, self.cpu) = (Instant::now(), cpu_time());
        self.interval = INTERVAL + INTERVAL_EACH * width as u32;
        self.left = self.step;
    }

    /// The epoch of the sample.
    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Notes a listing of so many entries.
    #[inline]
    pub(super) fn listed(&mut self, entries: usize) {
        self.done += entries / ENTRIES_LIKE_A_DIRECTORY;
    }

    /// Notes a wait for work.
    pub(super) fn waited(&mut self, idle: Duration) {
        self.idle += idle;
    }

    /// Notes a directory; true if it is time to look at the clock.
    #[inline]
    pub(super) fn directory_done(&mut self) -> bool {
        self.left -= 1;
        self.left == 0
    }

    /// The sample, if it is time for it. After it, another is to be begun.
    pub(super) fn sample(&mut self, held_up: impl FnOnce() -> Duration) -> Option<Sample> {
        self.done += self.step;
        let passed = self.began.elapsed();
        let each = passed.saturating_sub(self.idle) / u32::try_from(self.done).unwrap_or(u32::MAX);
        let step = self.interval.as_nanos() / 4 / each.as_nanos().max(1);
        self.step = (step as usize).clamp(1, MAX_STEP);
        self.left = self.step;
        if passed < self.interval {
            return None;
        }
        let busy = passed.saturating_sub(self.idle + held_up());
        let computed = cpu_time().saturating_sub(self.cpu);
        let mut delayed = Duration::ZERO;
        // It costs more to ask for that, so it is asked only where it makes a difference.
        if computed * 2 < busy {
            let before = std::mem::replace(&mut self.delay, run_delay());
            delayed = self.delay.saturating_sub(before).min(busy - computed);
        }
        let Meter { epoch, done, idle, .. } = *self;
        Some(Sample { epoch, done, busy, computed, delayed, idle })
    }
}

/// The processor time of this thread.
#[cfg(all(
    any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_vendor = "apple"
    ),
    not(miri)
))]
fn cpu_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

/// Where the processor time is not told, the time on the clock: a worker of which nobody knows
/// whether it waits is taken for one that computes.
#[cfg(not(all(
    any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_vendor = "apple"
    ),
    not(miri)
)))]
fn cpu_time() -> Duration {
    static BEGIN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    BEGIN.elapsed()
}

/// How long this thread has waited for a processor, where the system tells.
fn run_delay() -> Duration {
    #[cfg(target_os = "linux")]
    if let Ok(text) = std::fs::read_to_string("/proc/thread-self/schedstat") {
        let nanos = text.split(' ').nth(1).and_then(|nanos| nanos.parse().ok());
        return Duration::from_nanos(nanos.unwrap_or(0));
    }
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_waits_for_its_results_to_be_taken_does_not_wait_for_a_disk() {
        let mut meter = Meter::off();
        meter.begin(7, 2);
        assert!(meter.directory_done(), "the first time the clock is looked at");
        std::thread::sleep(INTERVAL + 2 * INTERVAL_EACH);
        let passed = meter.began.elapsed();
        let sample = meter.sample(|| passed).unwrap();
        assert_eq!((sample.epoch, sample.done), (7, 1));
        assert!(sample.busy <= meter.began.elapsed() - passed);

        // What does not say so, slept.
        meter.begin(8, 2);
        let passed = Duration::from_millis(20);
        std::thread::sleep(passed);
        meter.listed(10 * ENTRIES_LIKE_A_DIRECTORY);
        let sample = meter.sample(|| Duration::ZERO).unwrap();
        assert!(sample.busy >= passed && sample.done > 10);
    }
}
