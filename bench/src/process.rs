//! Running a command and measuring what it uses.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The resources that a process has used.
pub struct Used {
    /// The time from before its start to its end.
    pub seconds: f64,
    /// The processor time of it and its children.
    pub cpu: f64,
    /// Its largest resident size, in bytes.
    pub peak: i64,
}

/// Runs a command to its end. Any exit status but success is an error.
pub fn run(command: &[OsString], output: File) -> io::Result<Used> {
    let start = Instant::now();
    let child = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(output)
        .spawn()?;
    let mut status = 0;
    // SAFETY: all-zero bytes are a valid value of this struct of integers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to locals that outlive the call, and nothing else waits
    // for this child.
    let ended = unsafe { libc::wait4(child.id() as libc::pid_t, &mut status, 0, &mut usage) };
    let seconds = start.elapsed().as_secs_f64();
    if ended < 0 {
        return Err(io::Error::last_os_error());
    }
    if status != 0 {
        return Err(io::Error::other(format!("{command:?} failed: wait status {status}")));
    }
    let time = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(Used {
        seconds,
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        peak: usage.ru_maxrss * 1024,
    })
}
