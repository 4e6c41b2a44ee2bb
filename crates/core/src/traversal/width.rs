//! How many workers a traversal has at work, where nobody said it: the *width*.
//!
//! No number is right. A disk that waits for nothing but its own arm is slower with two
//! requests in flight than with one; a server at the other end of a network takes 64. So
//! the width is found while the traversal runs, by what comes of it.
//!
//! Each worker tells now and then what it did since it last told: a [`Sample`]. Enough of
//! them at one width are a *window*, which says how much got done, and whether the workers
//! waited. Workers that wait more than they compute get company: a *trial* of twice as many, or
//! more. If more is done by it, they keep it, and try again; if not, they lose it, and a trial of
//! fewer follows, who stay if as much is done by them. Between trials that brought
//! nothing, there are more and more windows without any. Workers that compute are as many as
//! there are processors.
//!
//! Nothing here looks at a clock or starts a thread, so that the tests can make up any disk.

use std::time::Duration;

/// The most workers at work, where nobody said how many.
pub(super) const MAX_WIDTH: usize = 64;

/// How much is done in a window at least: for each worker, and in all. With fewer directories
/// it would be chance what came of them.
const DONE_BY_EACH: usize = 3;
const DONE_IN_ALL: usize = 6;

/// How long a window is at least. Some, as a disk is not asked the same all the time; and
/// little, as a traversal may take no more than a second.
const WINDOW: Duration = Duration::from_millis(4);

/// How much more has to be done by more workers to keep them: of this power of how many times
/// as many they are. For twice as many it is a seventh, for four times as many a third.
const GAIN: f64 = 0.2;

fn wanted(factor: f64) -> f64 {
    factor.max(1.0).powf(GAIN)
}

/// How many times as many are tried first. There is no time to be lost, and later there is.
const FIRST_FACTOR: usize = 4;

/// What part of their own rate workers still have in larger company, if the disk could do with
/// many more.
const NEARLY: f64 = 0.8;

/// How much has to be left of what is done, to keep fewer.
const NO_LOSS: f64 = 0.94;

/// A trial that gets less done than that is not carried on for long.
const BAD: f64 = 0.5;

/// How many of the processors are busy if they are what the workers wait for.
const BUSY: f64 = 0.9;

/// How many windows there are without a trial, after one that brought nothing: at first, and
/// at most. More, in proportion, after one that cost much.
const FIRST_REST: u32 = 8;
const MAX_REST: u32 = 64;

/// After how many looks of the receiver, in which no worker told anything though there is work,
/// they are taken to hang: about two seconds. A worker that was at work for so long, did.
const LOOKS_UNTIL_STALLED: u32 = 128;
const STALL: Duration = Duration::from_secs(2);

/// What a worker did since it last told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    /// The [`Width::epoch`] when this began.
    pub(super) epoch: u32,
    /// How much it got done: directories, and what counts like some.
    pub(super) done: usize,
    /// How long it was at work.
    pub(super) busy: Duration,
    /// How much of that it computed, and for how much it waited for a processor.
    pub(super) computed: Duration,
    pub(super) delayed: Duration,
    /// How long it waited for work.
    pub(super) idle: Duration,
}

/// The controller. See the module.
#[derive(Debug)]
pub(super) struct Width {
    processors: usize,
    max: usize,
    now: usize,
    epoch: u32,
    phase: Phase,
    /// What was told in this window.
    window: Sample,
    samples: usize,
    /// Whether more workers were once found to get more done: then company that neither helps
    /// nor harms may stay.
    is_parallel: bool,
    /// Whether to try more, one alone, or fewer, before the next rest.
    try_more: bool,
    try_one: bool,
    try_fewer: bool,
    /// How many windows are left without a trial, and how many the next rest takes.
    resting: u32,
    rest: u32,
    /// How many times as many are tried next.
    factor: usize,
    /// The worst that came of a trial since the last rest.
    worst: f64,
    /// How much got done a second when the last rest began, and whether the workers waited;
    /// and how many windows in a row were other than that.
    usual: (f64, bool),
    others: u32,
    /// How many looks of the receiver there were since a worker last told anything.
    looks: u32,
    /// How many workers hang, as far as is known. Fewer than one more are never tried.
    hanging: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// The workers are as many as they were.
    Steady,
    /// They are to become more or fewer, for a trial.
    Filling { from: usize, rate: f64 },
    /// Others than `from`, which got so much done a second, are tried.
    Trial { from: usize, rate: f64 },
}

impl Width {
    /// A controller that begins with so many workers at work, and allows up to `max`.
    pub(super) fn new(start: usize, processors: usize, max: usize) -> Width {
        Width {
            processors: processors.clamp(1, max),
            max,
            now: start.clamp(1, max),
            epoch: 0,
            phase: Phase::Steady,
            window: Sample::default(),
            samples: 0,
            is_parallel: false,
            try_more: true,
            try_one: true,
            try_fewer: true,
            resting: 0,
            rest: FIRST_REST,
            factor: FIRST_FACTOR,
            worst: 1.0,
            usual: (0.0, false),
            others: 0,
            looks: 0,
            hanging: 0,
        }
    }

    /// How many workers are to be at work.
    pub(super) fn now(&self) -> usize {
        self.now
    }

    /// The number of the window. Samples that began in another one say nothing about this.
    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Begins again with one worker, as the disk has an arm.
    pub(super) fn begin_with_one(&mut self) {
        self.begin(1, Phase::Steady);
    }

    /// Allows no more than so many workers: more are too many for something else than the disk.
    pub(super) fn limit(&mut self, max: usize) {
        self.max = self.max.min(max.max(1));
        self.processors = self.processors.min(self.max);
        self.begin(self.now.min(self.max), Phase::Steady);
    }

    /// Notes that as many workers are at work as may be. What they do since they were to become
    /// more counts for the trial: the last come within a millisecond. What they do while others
    /// still have to end does not.
    pub(super) fn is_full(&mut self) {
        if let Phase::Filling { from, rate } = self.phase {
            self.phase = Phase::Trial { from, rate };
            if self.now < from {
                self.begin(self.now, self.phase);
            }
        }
    }

    /// Whether there are more workers than processors, as they wait.
    pub(super) fn is_wide(&self) -> bool {
        self.now > self.processors
    }

    /// Notes that a worker is in a directory that takes long, and does not hang.
    pub(super) fn is_alive(&mut self) {
        self.looks = 0;
    }

    /// Notes that the receiver looks, while there is work that nobody waits for. Where all that
    /// may be at work hang, as on a server that does not answer, one more is let in.
    pub(super) fn look(&mut self) {
        self.looks += 1;
        if self.looks >= LOOKS_UNTIL_STALLED && self.now < self.max {
            self.looks = 0;
            self.hanging = self.now;
            self.begin(self.now + 1, Phase::Steady);
        }
    }

    /// Takes a sample. Afterwards the width may be another.
    pub(super) fn add(&mut self, sample: Sample) {
        self.looks = 0;
        if sample.busy >= STALL {
            self.hanging = self.hanging.saturating_sub(1);
        }
        if sample.epoch != self.epoch {
            return;
        }
        self.samples += 1;
        self.window.done += sample.done;
        self.window.busy += sample.busy;
        self.window.computed += sample.computed;
        self.window.delayed += sample.delayed;
        self.window.idle += sample.idle;
        if let Phase::Filling { from, .. } = self.phase {
            if self.samples >= DONE_BY_EACH * self.now.max(from) {
                // There is no work for so many, or others do not end.
                self.give_up(from);
            }
            return;
        }
        let spent = self.window.busy + self.window.idle;
        if self.now < self.processors && !self.waits() && spent >= WINDOW / 4 {
            match self.phase {
                // One that computes cannot do more than many that waited.
                Phase::Trial { from, rate } if from > self.processors => {
                    (self.now, self.try_one, self.try_fewer) = (from, false, false);
                    self.next(rate, true);
                }
                // No trial is needed, and no time to be lost.
                _ => self.begin(self.processors, Phase::Steady),
            }
            return;
        }
        let enough = (DONE_BY_EACH * self.now).max(DONE_IN_ALL);
        let share = match self.phase {
            Phase::Trial { rate, .. } if self.rate() < rate * BAD => 4,
            Phase::Trial { from, rate } if from < self.now => {
                let (gain, factor) = (self.rate() / rate, self.now as f64 / from as f64);
                if gain < wanted(factor) || gain > NEARLY * factor { 2 } else { 1 }
            }
            _ => 1,
        };
        if self.window.done >= (enough / share).max(2) && spent >= WINDOW * self.now as u32 {
            self.end_window();
        }
    }

    /// Whether the workers waited more than they computed, for something else than processors.
    fn waits(&self) -> bool {
        let Sample { busy, computed, delayed, .. } = self.window;
        let at_a_time = self.now as f64 * computed.as_secs_f64() / busy.as_secs_f64();
        computed * 2 + delayed < busy && at_a_time < BUSY * self.processors as f64
    }

    /// How much got done a second.
    fn rate(&self) -> f64 {
        let spent = self.window.busy + self.window.idle;
        self.now as f64 * self.window.done as f64 / spent.as_secs_f64()
    }

    fn end_window(&mut self) {
        let rate = self.rate();
        let waits = self.waits();
        match self.phase {
            Phase::Trial { from, rate: before } => {
                let gain = rate / before;
                let factor = self.now as f64 / from as f64;
                let is_gain = gain >= wanted(factor);
                let is_fewer = self.now < from;
                let may_stay = is_fewer || self.is_parallel;
                let is_kept = is_gain || may_stay && gain >= NO_LOSS;
                if !is_kept {
                    if !is_fewer {
                        self.try_more = false;
                    } else if self.now == 1 {
                        self.try_one = false;
                    } else {
                        self.try_fewer = false;
                    }
                    self.now = from;
                    self.worst = self.worst.min(gain);
                    return self.next(before, waits);
                }
                if is_fewer {
                    self.try_more = false;
                } else {
                    self.try_fewer = false;
                    // An arm may be a little less slow with very many than with few.
                    self.try_one &= gain < factor.sqrt();
                    self.try_more = is_gain;
                    self.is_parallel |= is_gain;
                    // Each did as much as before, so there is room for many more.
                    self.factor = if gain >= factor * NEARLY { self.factor.pow(2) } else { 2 };
                }
                if is_gain && !is_fewer {
                    self.rest = FIRST_REST;
                }
                self.next(rate, waits);
            }
            _ if self.resting > 0 => {
                self.resting -= 1;
                let is_other = rate < self.usual.0 * BAD || waits != self.usual.1;
                self.others = if is_other { self.others + 1 } else { 0 };
                // Once may be chance.
                if self.others == 2 {
                    (self.resting, self.is_parallel) = (0, false);
                }
                self.begin(self.now, Phase::Steady);
            }
            _ => {
                (self.try_more, self.try_one, self.try_fewer) = (true, true, true);
                self.next(rate, waits);
            }
        }
    }

    /// What comes after a window in which so much was done a second, by as many as there now
    /// are.
    fn next(&mut self, rate: f64, waits: bool) {
        let from = self.now;
        // Fewer than there are processors are of use to a disk alone.
        let fewest = if waits { 1 + self.hanging } else { self.processors };
        if waits && self.try_more && from < self.max {
            self.begin((from * self.factor).min(self.max), Phase::Filling { from, rate });
        } else if self.try_one && from > fewest && fewest == 1 {
            // An arm is slow with any number but one.
            self.begin(1, Phase::Filling { from, rate });
        } else if self.try_fewer && from / 4 > 0 && from > fewest {
            // In large steps, as with too many all seem alike.
            self.begin((from / 4).max(fewest), Phase::Filling { from, rate });
        } else if waits || from > fewest {
            (self.usual, self.others) = ((rate, waits), 0);
            self.give_up(from);
        } else {
            // There is nothing to try before they wait.
            self.begin(self.processors, Phase::Steady);
        }
    }

    /// Stays with so many workers for a while.
    fn give_up(&mut self, width: usize) {
        let worst = std::mem::replace(&mut self.worst, 1.0);
        self.factor = 2;
        self.resting = (f64::from(self.rest) / worst.max(0.25)) as u32;
        self.rest = (self.rest * 2).min(MAX_REST);
        self.begin(width, Phase::Steady);
    }

    fn begin(&mut self, width: usize, phase: Phase) {
        self.now = width;
        self.phase = phase;
        self.epoch = self.epoch.wrapping_add(1);
        (self.window, self.samples) = (Sample::default(), 0);
    }
}

#[cfg(test)]
mod tests;
