//! The controller with disks that are made up, in a time of their own.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;

/// What a directory costs.
#[derive(Clone, Copy)]
struct Disk {
    /// How long it is computed on.
    compute: u64,
    /// How many requests to the disk follow, and how long each takes.
    requests: u64,
    time: u64,
    /// How many requests the disk serves at a time.
    served: usize,
    /// How much longer one takes if the one before was of another worker.
    seek: u64,
    /// Whether one request in eight takes four times as long, and the others a half.
    varies: bool,
}

/// So many things that serve one at a time, in the order of arrival: when each is free.
struct Servers(Vec<u64>);

impl Servers {
    /// When a request that arrives at `now` begins to be served, for so long.
    fn serve(&mut self, now: u64, time: u64) -> u64 {
        let free = self.0.iter_mut().min().unwrap();
        let begins = now.max(*free);
        *free = begins + time;
        begins
    }
}

#[derive(Clone, Default)]
struct Worker {
    requests: u64,
    is_parked: bool,
    epoch: u32,
    began: u64,
    done: usize,
    computed: u64,
    delayed: u64,
}

/// How long, in microseconds, so many directories take for each of these disks, in turn; and
/// how many workers there were at the end of each.
fn run(
    width: &mut Width,
    adapts: bool,
    processors: usize,
    disks: &[(usize, Disk)],
) -> Vec<(u64, usize)> {
    let mut now = 0;
    let mut random = 1_u64;
    let mut processors = Servers(vec![0; processors]);
    let mut workers: Vec<Worker> = Vec::new();
    let mut events = BinaryHeap::new();
    let mut ends = Vec::new();
    for &(directories, disk) in disks {
        let mut arms = Servers(vec![now; disk.served]);
        let (mut last, mut done, started) = (0, 0, now);
        while done < directories {
            let active = workers.iter().filter(|worker| !worker.is_parked).count();
            for number in 0..width.now().saturating_sub(active) {
                let parked = workers.iter().position(|worker| worker.is_parked);
                let index = parked.unwrap_or(workers.len());
                workers.resize(workers.len().max(index + 1), Worker::default());
                let starts = now + 100 * number as u64;
                let (epoch, began) = (width.epoch(), starts);
                workers[index] = Worker { epoch, began, ..Worker::default() };
                events.push(Reverse((starts, index, false)));
            }
            let Reverse((time, index, has_computed)) = events.pop().unwrap();
            now = time;
            let worker = &mut workers[index];
            if worker.requests > 0 {
                worker.requests -= 1;
                let mut takes = disk.time + if last == index { 0 } else { disk.seek };
                last = index;
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if disk.varies {
                    takes = if random >> 61 == 0 { takes * 4 } else { takes / 2 };
                }
                events.push(Reverse((arms.serve(now, takes) + takes, index, true)));
                continue;
            }
            if has_computed {
                done += 1;
                worker.done += 1;
                if adapts && now - worker.began >= 500 {
                    let sample = Sample {
                        epoch: worker.epoch,
                        done: worker.done,
                        busy: Duration::from_micros(now - worker.began),
                        computed: Duration::from_micros(worker.computed),
                        delayed: Duration::from_micros(worker.delayed),
                        idle: Duration::ZERO,
                    };
                    if active == width.now() {
                        width.is_full();
                    }
                    width.add(sample);
                    *worker = Worker { epoch: width.epoch(), began: now, ..Worker::default() };
                }
                if active > width.now() {
                    worker.is_parked = true;
                    continue;
                }
            }
            let begins = processors.serve(now, disk.compute);
            worker.computed += disk.compute;
            worker.delayed += begins - now;
            worker.requests = disk.requests;
            events.push(Reverse((begins + disk.compute, index, true)));
        }
        ends.push((now - started, width.now()));
    }
    ends
}

/// The best time of any fixed number of workers.
fn best(processors: usize, directories: usize, disk: Disk) -> (u64, usize) {
    let ends = |width| {
        let mut fixed = Width::new(width, processors, MAX_WIDTH);
        run(&mut fixed, false, processors, &[(directories, disk)])[0]
    };
    [1, 2, 4, 8, 16, 32, 64].into_iter().map(ends).min().unwrap()
}

const WARM: Disk = Disk { compute: 8, requests: 0, time: 0, served: 1, seek: 0, varies: false };
const COLD: Disk = Disk { compute: 33, requests: 1, time: 100, served: 12, ..WARM };
const FAR: Disk = Disk { compute: 30, requests: 4, time: 1000, served: 64, ..WARM };
const ONE_AT_A_TIME: Disk = Disk { served: 1, ..FAR };
const ARM: Disk = Disk { served: 1, seek: 4000, ..FAR };

#[test]
#[cfg_attr(miri, ignore = "takes long, and has nothing unsafe")]
fn a_disk_gets_as_many_requests_as_it_wants() {
    for (name, processors, start, directories, disk, bar) in [
        ("warm", 2, 2, 20_000, WARM, 1.01),
        ("warm, says that it rotates", 2, 1, 20_000, WARM, 1.01),
        ("warm, many processors", 32, 32, 20_000, WARM, 1.01),
        ("cold", 2, 2, 20_000, COLD, 1.15),
        ("cold, varies", 2, 2, 20_000, Disk { varies: true, ..COLD }, 1.15),
        ("cold, says that it rotates", 2, 1, 20_000, COLD, 1.15),
        ("far", 2, 2, 8_000, FAR, 1.15),
        ("far, small tree", 2, 2, 4_000, FAR, 1.25),
        ("far, varies", 2, 2, 8_000, Disk { varies: true, ..FAR }, 1.15),
        ("far, many processors", 32, 32, 8_000, FAR, 1.15),
        ("one at a time", 2, 2, 1_000, ONE_AT_A_TIME, 1.15),
        ("arm", 2, 2, 1_000, ARM, 1.2),
        ("arm, small tree", 2, 2, 400, Disk { seek: 700, ..ARM }, 1.2),
        ("arm, varies", 2, 2, 1_000, Disk { varies: true, ..ARM }, 1.2),
        ("arm that says that it rotates", 2, 1, 1_000, ARM, 1.1),
        ("arm, many processors", 32, 32, 10_000, ARM, 1.25),
    ] {
        let (best, of) = best(processors, directories, disk);
        let mut width = Width::new(start, processors, MAX_WIDTH);
        let (time, end) = run(&mut width, true, processors, &[(directories, disk)])[0];
        let ratio = time as f64 / best as f64;
        assert!(ratio <= bar, "{name}: {ratio:.3} of {best} with {of}; ends with {end}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes long, and has nothing unsafe")]
fn fewer_are_at_work_if_something_else_runs_out() {
    let mut width = Width::new(2, 2, MAX_WIDTH);
    run(&mut width, true, 2, &[(10_000, FAR)]);
    assert_eq!(width.now(), MAX_WIDTH);
    width.limit(MAX_WIDTH / 2);
    run(&mut width, true, 2, &[(10_000, FAR)]);
    assert_eq!(width.now(), MAX_WIDTH / 2);
    width.limit(0);
    assert_eq!(run(&mut width, true, 2, &[(1_000, WARM)])[0].1, 1);
}

#[test]
#[cfg_attr(miri, ignore = "takes long, and has nothing unsafe")]
fn a_disk_that_becomes_another_gets_what_that_wants() {
    let disks = [(20_000, WARM), (10_000, FAR), (20_000, WARM), (9_000, ARM), (40_000, FAR)];
    let mut width = Width::new(2, 2, MAX_WIDTH);
    let ends = run(&mut width, true, 2, &disks);
    let widths: Vec<_> = ends.into_iter().map(|(_, width)| width).collect();
    assert_eq!(widths, [2, 64, 2, 1, 64]);
}

#[test]
fn one_that_computes_is_not_tried_again_and_again() {
    let mut width = Width::new(2, 2, 4);
    width.begin(4, Phase::Steady);
    let (done, busy) = (40, WINDOW * 5);
    width.add(Sample { epoch: width.epoch(), done, busy, ..Sample::default() });
    assert_eq!((width.now(), width.phase), (1, Phase::Filling { from: 4, rate: 8_000.0 }));
    width.is_full();
    width.add(Sample { epoch: width.epoch(), done, busy, computed: busy, ..Sample::default() });
    assert_eq!((width.now(), width.phase), (4, Phase::Steady));
}

#[test]
fn where_workers_hang_others_are_let_in_and_the_trials_leave_room_for_them() {
    let mut width = Width::new(2, 2, 4);
    let looks = |width: &mut Width, looks| (0..looks).for_each(|_| width.look());
    looks(&mut width, LOOKS_UNTIL_STALLED - 1);
    width.is_alive();
    looks(&mut width, LOOKS_UNTIL_STALLED - 1);
    width.add(Sample::default());
    looks(&mut width, LOOKS_UNTIL_STALLED - 1);
    assert_eq!(width.now(), 2);
    width.look();
    assert_eq!(width.now(), 3);

    // One works, and waits. Two hang, so three are the fewest.
    let work = |width: &mut Width| {
        let done = Sample { done: 20, busy: WINDOW * 8, ..Sample::default() };
        width.add(Sample { epoch: width.epoch(), ..done });
        width.is_full();
        assert!((3..=4).contains(&width.now()));
    };
    (0..200).for_each(|_| work(&mut width));
    // They come back.
    for _ in 0..2 {
        width.add(Sample { busy: STALL, ..Sample::default() });
    }
    let mut fewest = usize::MAX;
    for _ in 0..200 {
        let done = Sample { done: 20, busy: WINDOW * 8, ..Sample::default() };
        width.add(Sample { epoch: width.epoch(), ..done });
        width.is_full();
        fewest = fewest.min(width.now());
    }
    assert_eq!(fewest, 1);

    let (max, mut width) = (4, Width::new(4, 4, 4));
    looks(&mut width, 10 * LOOKS_UNTIL_STALLED);
    assert_eq!(width.now(), max);
}
