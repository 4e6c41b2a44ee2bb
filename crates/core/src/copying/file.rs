//! The contents of one open file, copied to another.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::Stat;
use rustix::io::{Errno, retry_on_intr};

/// How much is copied between two looks for the sign to stop.
const PIECE: u64 = 16 << 20;

/// The size of a thread's buffer.
const BUFFER: usize = 256 << 10;

/// Up to this size a file is read and written: to have the system copy it takes longer.
const SMALL: u64 = 64 << 10;

/// How much is copied of a file that has more in it than its size says, such as those of
/// `/proc`. One that has no end must not fill the disk.
const BEYOND: u64 = 4 << 30;

/// Why the contents of a file could not be copied.
#[derive(Debug)]
pub(super) enum Failure {
    Read(io::Error),
    Write(io::Error),
    /// It was written to meanwhile.
    Changed,
    /// There is no end of it.
    Endless,
    Stopped,
}

/// Called with how many bytes more were copied. Tells whether to go on.
pub(super) type Advanced<'a> = &'a dyn Fn(u64) -> bool;

fn read_failure(error: Errno) -> Failure {
    Failure::Read(error.into())
}

fn write_failure(error: Errno) -> Failure {
    Failure::Write(error.into())
}

/// Copies the contents of `source` to `target`, which is empty. `before` is what the source was
/// when it was opened. Returns how many bytes it has.
///
/// `by_system` says whether the system can copy between such files by itself, and is cleared
/// when it turns out not to.
pub(super) fn copy_contents(
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    before: &Stat,
    by_system: &AtomicBool,
    advanced: Advanced<'_>,
) -> Result<u64, Failure> {
    let copying = Copying { source, target, by_system, advanced };
    let size = u64::try_from(before.st_size).unwrap_or(0);
    let copied = if is_sparse(before, size) {
        copying.extents(size)?
    } else if size <= SMALL {
        copying.small(size)?
    } else {
        copying.range(0, size)?
    };
    // Whoever writes to a file changes its size or its time.
    let check = || match retry_on_intr(|| rustix::fs::fstat(source)) {
        Ok(after) if same_contents(before, &after) => Ok(()),
        Ok(_) => Err(Failure::Changed),
        Err(error) => Err(read_failure(error)),
    };
    check()?;
    // A file that did not change and has less than its size, as in /sys, is copied as it is.
    if copied <= size {
        return Ok(copied);
    }
    // One that has more, as in /proc, is copied to its end.
    let mut end = copied;
    loop {
        let next = copying.through_buffer(end, end + PIECE)?;
        check()?;
        if next < end + PIECE {
            return Ok(next);
        }
        end = next;
        if end - size >= BEYOND {
            return Err(Failure::Endless);
        }
    }
}

// The types of the fields differ between systems.
#[allow(clippy::unnecessary_cast)]
fn same_contents(before: &Stat, after: &Stat) -> bool {
    let time = |stat: &Stat| (stat.st_mtime as i64, stat.st_mtime_nsec as i64);
    before.st_size == after.st_size && time(before) == time(after)
}

/// Whether a file has holes. (That of a file system that compresses may look so.)
#[allow(clippy::unnecessary_cast)]
fn is_sparse(stat: &Stat, size: u64) -> bool {
    (stat.st_blocks as u64).saturating_mul(512) < size
}

struct Copying<'a> {
    source: BorrowedFd<'a>,
    target: BorrowedFd<'a>,
    by_system: &'a AtomicBool,
    advanced: Advanced<'a>,
}

impl Copying<'_> {
    fn advance(&self, bytes: u64) -> Result<(), Failure> {
        if (self.advanced)(bytes) { Ok(()) } else { Err(Failure::Stopped) }
    }

    /// Copies a small file, and returns how far it goes: by one byte too far if there is more
    /// than its size. That byte costs no call.
    fn small(&self, size: u64) -> Result<u64, Failure> {
        with_buffer(|buffer| {
            let buffer = &mut buffer[..size as usize + 1];
            let mut filled = 0;
            while filled < buffer.len() {
                let read = retry_on_intr(|| {
                    rustix::io::pread(self.source, &mut buffer[filled..], filled as u64)
                });
                let read = read.map_err(read_failure)?;
                filled += read;
                // A file whose size is known is not asked for its end.
                if read == 0 || filled as u64 == size && size > 0 {
                    break;
                }
            }
            self.write(&buffer[..filled], 0)?;
            self.advance(filled as u64)?;
            Ok(filled as u64)
        })
    }

    /// Copies from one offset to another, and returns how far it got: less far if the file
    /// ends.
    fn range(&self, mut from: u64, to: u64) -> Result<u64, Failure> {
        while from < to && self.by_system.load(Ordering::Relaxed) {
            let length = PIECE.min(to - from);
            match copy_by_system(self.source, self.target, from, length) {
                // At the end, or on a file system that says so of what it cannot copy.
                Ok(0) => break,
                Ok(copied) => {
                    from += copied;
                    self.advance(copied)?;
                }
                Err(Errno::INTR) => self.advance(0)?,
                Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => {
                    return Err(write_failure(error));
                }
                // Whatever else it is, reading and writing tells of it, or can do it.
                Err(_) => self.by_system.store(false, Ordering::Relaxed),
            }
        }
        self.through_buffer(from, to)
    }

    /// As [`range`](Self::range), by reading and writing.
    fn through_buffer(&self, mut from: u64, to: u64) -> Result<u64, Failure> {
        if from >= to {
            return Ok(from);
        }
        with_buffer(|buffer| {
            while from < to {
                let length = (to - from).min(BUFFER as u64) as usize;
                let buffer = &mut buffer[..length];
                let read = retry_on_intr(|| rustix::io::pread(self.source, &mut *buffer, from));
                let read = read.map_err(read_failure)?;
                if read == 0 {
                    break;
                }
                self.write(&buffer[..read], from)?;
                from += read as u64;
                self.advance(read as u64)?;
            }
            Ok(from)
        })
    }

    fn write(&self, mut bytes: &[u8], mut at: u64) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let written = retry_on_intr(|| rustix::io::pwrite(self.target, bytes, at));
            match written.map_err(write_failure)? {
                0 => return Err(Failure::Write(io::ErrorKind::WriteZero.into())),
                written => {
                    bytes = &bytes[written..];
                    at += written as u64;
                }
            }
        }
        Ok(())
    }

    /// Copies what is no hole, and leaves the holes.
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    fn extents(&self, size: u64) -> Result<u64, Failure> {
        use rustix::fs::{SeekFrom, seek};

        let mut end = 0;
        while end < size {
            let begin = match retry_on_intr(|| seek(self.source, SeekFrom::Data(end))) {
                Ok(begin) => begin,
                // Nothing but a hole is left.
                Err(Errno::NXIO) => break,
                // A file system that does not tell.
                Err(_) => return self.range(end, size),
            };
            if begin >= size {
                break;
            }
            let hole = retry_on_intr(|| seek(self.source, SeekFrom::Hole(begin)));
            let hole = hole.map_err(read_failure)?.min(size);
            if hole <= begin {
                return self.range(begin, size);
            }
            self.advance(begin.saturating_sub(end))?;
            end = self.range(begin, hole)?;
            if end < hole {
                // It is shorter than it was.
                return Ok(end);
            }
        }
        retry_on_intr(|| rustix::fs::ftruncate(self.target, size)).map_err(write_failure)?;
        self.advance(size.saturating_sub(end))?;
        Ok(size)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    fn extents(&self, size: u64) -> Result<u64, Failure> {
        self.range(0, size)
    }
}

/// Has the system copy at most so many bytes, without their passing through this process. On
/// file systems that can, the copy shares the original's blocks.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn copy_by_system(
    source: impl AsFd,
    target: impl AsFd,
    offset: u64,
    length: u64,
) -> rustix::io::Result<u64> {
    let (mut from, mut to) = (offset, offset);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    rustix::fs::copy_file_range(source, Some(&mut from), target, Some(&mut to), length)
        .map(|copied| copied as u64)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn copy_by_system(_: impl AsFd, _: impl AsFd, _: u64, _: u64) -> rustix::io::Result<u64> {
    Err(Errno::NOSYS)
}

fn with_buffer<R>(act: impl FnOnce(&mut [u8]) -> R) -> R {
    thread_local! {
        static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BYTES.with(|bytes| match bytes.try_borrow_mut() {
        Ok(mut bytes) => {
            bytes.resize(BUFFER, 0);
            act(&mut bytes)
        }
        // Nothing here calls itself.
        Err(_) => act(&mut vec![0; BUFFER]),
    })
}
