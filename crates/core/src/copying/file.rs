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
    /// It ended after so many of so many bytes.
    Ended(u64, u64),
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
    // One that did not change and has less than its size: of a network file system that fails, a
    // part would be lost. (That /sys is like that, too, is no reason to take it for granted.)
    if copied < size {
        return Err(Failure::Ended(copied, size));
    }
    if copied == size {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::fs::File;
    use std::io::Write;
    use std::os::unix::fs::{FileExt, MetadataExt};

    /// Copies a file of these contents. `meanwhile` is called with each piece, and tells whether
    /// to go on.
    fn copied(
        contents: &[u8],
        by_system: bool,
        meanwhile: impl Fn(&File) -> bool,
    ) -> Result<Vec<u8>, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let path = |name| dir.path().join(name);
        let mut source =
            File::options().read(true).write(true).create_new(true).open(path("source")).unwrap();
        source.write_all(contents).unwrap();
        // Long ago, so that a change of it has another time.
        source.set_modified(std::time::UNIX_EPOCH).unwrap();
        let target = File::create_new(path("target")).unwrap();
        let before = rustix::fs::fstat(&source).unwrap();
        let by_system = AtomicBool::new(by_system);
        let told = Cell::new(0);
        let advanced = |bytes| {
            told.set(told.get() + bytes);
            meanwhile(&source)
        };
        let bytes = copy_contents(source.as_fd(), target.as_fd(), &before, &by_system, &advanced)?;
        let copy = std::fs::read(path("target")).unwrap();
        assert_eq!((bytes, told.get()), (copy.len() as u64, bytes));
        Ok(copy)
    }

    const SIZES: [usize; 8] = [
        0,
        1,
        4096,
        SMALL as usize - 1,
        SMALL as usize,
        SMALL as usize + 1,
        BUFFER + 1,
        PIECE as usize + 4097,
    ];

    #[test]
    fn every_size_is_copied_in_both_ways() {
        for size in SIZES {
            let contents: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            for by_system in [true, false] {
                assert!(copied(&contents, by_system, |_| true).unwrap() == contents, "{size}");
            }
        }
    }

    #[test]
    fn a_file_that_changes_meanwhile_is_not_copied() {
        for size in SIZES.into_iter().filter(|&size| size > 0) {
            let contents = vec![7; size];
            let grows = |source: &File| source.write_all_at(b"x", size as u64 + 9).is_ok();
            let shrinks = |source: &File| source.set_len(size as u64 / 2).is_ok();
            let is_rewritten = |source: &File| source.write_all_at(b"x", 0).is_ok();
            for by_system in [true, false] {
                for change in [&grows as &dyn Fn(&File) -> bool, &shrinks, &is_rewritten] {
                    let result = copied(&contents, by_system, change);
                    assert!(matches!(result, Err(Failure::Changed)), "{size} {result:?}");
                }
            }
        }
    }

    #[test]
    fn a_file_that_grows_all_the_time_has_an_end() {
        // More comes with each piece than was copied.
        let pieces = Cell::new(0);
        let result = copied(&vec![7; 3 * PIECE as usize], true, |source| {
            pieces.set(pieces.get() + 1);
            let end = source.metadata().unwrap().len();
            source.set_len(end + 2 * PIECE).is_ok()
        });
        assert!(matches!(result, Err(Failure::Changed)), "{result:?}");
        assert!(pieces.get() <= 4);
    }

    #[test]
    fn the_sign_to_stop_is_seen_between_two_pieces() {
        for by_system in [true, false] {
            let pieces = Cell::new(0);
            let result = copied(&vec![7; 5 * PIECE as usize], by_system, |_| {
                pieces.set(pieces.get() + 1);
                pieces.get() < 2
            });
            assert!(matches!(result, Err(Failure::Stopped)), "{result:?}");
            assert_eq!(pieces.get(), 2);
        }
    }

    /// As `/proc` and `/sys` have them: the size is not that of the contents.
    #[test]
    fn sizes_that_are_not_true() {
        let dir = tempfile::tempdir().unwrap();
        let source = File::create_new(dir.path().join("source")).unwrap();
        source.write_all_at(&[7; 5000], 0).unwrap();
        let source = File::open(dir.path().join("source")).unwrap();
        let truth = rustix::fs::fstat(&source).unwrap();
        // What is told before and after is the same on such a file system. Here it is not, so
        // only what does not depend on that is looked at: how far the reading goes.
        let target = File::create_new(dir.path().join("target")).unwrap();
        let copying = Copying {
            source: source.as_fd(),
            target: target.as_fd(),
            by_system: &AtomicBool::new(true),
            advanced: &|_| true,
        };
        assert!(matches!(copying.small(0), Ok(1)));
        assert!(matches!(copying.small(4096), Ok(4097)));
        assert!(matches!(copying.small(5000), Ok(5000)));
        assert!(matches!(copying.small(6000), Ok(5000)));
        assert!(matches!(copying.range(0, 300_000), Ok(5000)));
        assert!(matches!(copying.through_buffer(1, 300_000), Ok(5000)));
        assert!(!is_sparse(&truth, 5000));
    }

    #[test]
    fn holes_between_data() {
        let dir = tempfile::tempdir().unwrap();
        let source = File::create_new(dir.path().join("source")).unwrap();
        let mut expected = vec![0; 3 << 20];
        for at in [1 << 20, (1 << 20) + (512 << 10), (3 << 20) - 4] {
            source.write_all_at(b"data", at as u64).unwrap();
            expected[at..at + 4].copy_from_slice(b"data");
        }
        source.set_len(expected.len() as u64 + (1 << 20)).unwrap();
        expected.resize(4 << 20, 0);
        let source = File::open(dir.path().join("source")).unwrap();
        let before = rustix::fs::fstat(&source).unwrap();
        let target = File::create_new(dir.path().join("target")).unwrap();
        let by_system = AtomicBool::new(true);
        copy_contents(source.as_fd(), target.as_fd(), &before, &by_system, &|_| true).unwrap();
        assert!(std::fs::read(dir.path().join("target")).unwrap() == expected);
        let blocks = |file: &File| file.metadata().unwrap().blocks();
        assert!(blocks(&target) <= blocks(&source) + 8);
    }
}
