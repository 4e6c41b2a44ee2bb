//! The parts of the benchmark that are Rust: the floor, the core's scan, and the
//! trees. `bench/driver` runs it.
//!
//! ```text
//! pathvein-bench floor [--serve] [--threads N] PATH
//! pathvein-bench scan [--serve] [--threads N] [--outermost] [--no-leaf-skip]
//!                     [--trust-link-counts] --patterns FILE PATH
//! pathvein-bench check (the same, without --outermost)
//! pathvein-bench run [--serve] --output FILE -- COMMAND [ARGUMENT...]
//! pathvein-bench names MIX GLOBS NAMES
//! pathvein-bench tree KIND PATH SIZE
//! pathvein-bench mount MODE KIND SIZE PATH [--delay MICROSECONDS] [--links true|one]
//! ```
//!
//! Without `--threads`, the floor is one thread, and the core decides for itself.
//! `floor`, `scan`, `check` and `run` do one round and print a line of JSON. With `--serve` they
//! do one for each line on stdin, so that the rounds of several can be interleaved.
//! `run` measures whole processes. It is done here since this process is small: until a new
//! process executes its program, the memory of the process that started it counts as its own.
//! `names` prints globs and names to match, as JSON. `mount`, for root, mounts a file system in
//! which an operation takes time (1,000 µs): its modes are `parallel`, `single` and `head`; see
//! `mount.rs`. The tree is in PATH/tree. For each line on stdin it prints how many operations
//! there were since the last, and makes the kernel forget the tree; it unmounts at the end of stdin.

mod floor;
mod mixes;
mod mount;
mod process;
mod tree;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pathvein_core::{Check, Error as PathveinError, FileStructurePattern, Results, Scan, Stats};
use rustix::time::{ClockId, clock_gettime};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let mut serve = false;
    let mut outermost = false;
    let mut leaf_skip = true;
    let mut trust_link_counts = false;
    let mut threads = None;
    let mut patterns = Vec::new();
    let mut delay = Duration::from_millis(1);
    let mut links = mount::Links::One;
    let mut output = PathBuf::from("/dev/null");
    let mut rest = Vec::new();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or("an option without its value");
        match argument.to_str() {
            Some("--serve") => serve = true,
            Some("--outermost") => outermost = true,
            Some("--no-leaf-skip") => leaf_skip = false,
            Some("--trust-link-counts") => trust_link_counts = true,
            Some("--threads") => threads = Some(value()?.to_str().ok_or("no number")?.parse()?),
            Some("--patterns") => patterns = read_patterns(Path::new(&value()?))?,
            Some("--delay") => {
                delay = Duration::from_micros(value()?.to_str().ok_or("no number")?.parse()?);
            }
            Some("--links") => {
                let name = value()?;
                links = name.to_str().and_then(mount::Links::of).ok_or("true or one")?;
            }
            Some("--output") => output = value()?.into(),
            Some("--") => rest.extend(arguments.by_ref()),
            _ => rest.push(argument),
        }
    }
    let words: Vec<&str> = rest.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    match words[..] {
        ["floor", _] => rounds(serve, || floor_round(Path::new(&rest[1]), threads.unwrap_or(1))),
        ["scan", _] => rounds(serve, || {
            let scan = Scan::new(&rest[1], &patterns).outermost(outermost).threads(threads);
            let scan = scan.leaf_skip(leaf_skip).trust_link_counts(trust_link_counts);
            results_round(|| scan.start(), |_| true)
        }),
        ["check", _] => rounds(serve, || {
            let check = Check::new(&rest[1], &patterns).threads(threads);
            let check = check.leaf_skip(leaf_skip).trust_link_counts(trust_link_counts);
            results_round(|| check.start(), |checked| checked.is_complete())
        }),
        ["run", _, ..] => rounds(serve, || process_round(&rest[1..], &output)),
        ["names", mix, globs, names] => {
            let (globs, names) = mixes::make(mix, globs.parse()?, names.parse()?);
            // No mix has a control character in it, so this is JSON.
            Ok(writeln!(io::stdout(), r#"{{"globs": {globs:?}, "names": {names:?}}}"#)?)
        }
        ["tree", kind, _, size] => Ok(tree::make(kind, Path::new(&rest[2]), size.parse()?)?),
        ["mount", mode, kind, size, _] => {
            let mode = mount::Mode::of(mode).ok_or("no such mode")?;
            let path = Path::new(&rest[4]);
            let mounted = mount::Mounted::new(kind, size.parse()?, path, mode, links, delay)?;
            rounds(true, || {
                mounted.cold()?;
                Ok(mounted.counts())
            })
        }
        _ => Err("see the first lines of bench/src/main.rs".into()),
    }
}

/// The patterns in a file, one on each line.
fn read_patterns(path: &Path) -> Result<Vec<FileStructurePattern>, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.lines().map(FileStructurePattern::from_json).collect::<Result<_, _>>()?)
}

/// Runs one round, or one for each line on stdin, and prints the result of each.
fn rounds(
    serve: bool,
    mut round: impl FnMut() -> Result<String, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout();
    if !serve {
        writeln!(out, "{}", round()?)?;
        return Ok(());
    }
    writeln!(out, "ready")?;
    for line in io::stdin().lines() {
        line?;
        writeln!(out, "{}", round()?)?;
        out.flush()?;
    }
    Ok(())
}

/// The start of a round, on the clock and in processor time.
struct Round {
    start: Instant,
    cpu: Duration,
}

impl Round {
    fn start() -> Round {
        Round { start: Instant::now(), cpu: cpu_time() }
    }

    /// The result as a line of JSON: the seconds, the processor seconds, and `more`.
    fn end(self, more: &str) -> String {
        let seconds = self.start.elapsed().as_secs_f64();
        let cpu = (cpu_time() - self.cpu).as_secs_f64();
        format!(r#"{{"seconds": {seconds}, "cpu": {cpu}, {more}}}"#)
    }
}

/// The processor time of all threads of this process, including those that have ended.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().expect("not negative")
}

fn floor_round(path: &Path, threads: usize) -> Result<String, Box<dyn Error>> {
    let round = Round::start();
    let listed = floor::list(path, threads)?;
    let floor::Listed { directories, entries } = listed;
    Ok(round.end(&format!(r#""directories": {directories}, "entries": {entries}"#)))
}

/// Takes all results, and counts some as matches.
fn results_round<T>(
    start: impl FnOnce() -> Result<Results<T>, PathveinError>,
    is_match: impl Fn(&T) -> bool,
) -> Result<String, Box<dyn Error>> {
    let round = Round::start();
    let mut first = None;
    let mut matches = 0;
    let mut results = start()?;
    for found in results.by_ref() {
        let found = found?;
        first.get_or_insert_with(|| round.start.elapsed().as_secs_f64());
        matches += usize::from(is_match(&found));
    }
    let first = first.map_or("null".to_string(), |first| first.to_string());
    let Stats { threads, skipped, .. } = results.progress().stats();
    Ok(round.end(&format!(
        r#""first": {first}, "matches": {matches}, "threads": {threads}, "skipped": {skipped}"#
    )))
}

fn process_round(command: &[OsString], output: &Path) -> Result<String, Box<dyn Error>> {
    let output = std::fs::File::create(output)?;
    let process::Used { seconds, cpu, peak } = process::run(command, output)?;
    Ok(format!(r#"{{"seconds": {seconds}, "cpu": {cpu}, "peak": {peak}}}"#))
}
