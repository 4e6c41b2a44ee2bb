//! The parallel traversal of a local tree: every directory is opened once.
//!
//! # Glossary
//!
//! Of the tree:
//!
//! - *source*: the directory that the traversal starts at.
//! - *entry*: what a listing names: a directory, a link, a file.
//! - *identity*: device and inode. They tell whether two open directories are the same.
//! - *handle*: an open directory. A *counted* handle is kept open, and counts against the
//!   *budget* of the process ([`handles`]).
//!
//! Of the work:
//!
//! - *entries*: what is left to read of a directory that was opened. They are read once.
//! - [*lister*](lister::Lister): the system calls: open, list, stat.
//! - [*worker*](worker::Worker): a thread that visits directories. It has a stack of its own.
//! - *frame*: an element of the stack: a directory and its sub-directories that are left to
//!   visit.
//! - *work*: what a worker gets to do from the [pool](pool::Pool): the source, or frames of
//!   another worker. A worker that waits for work is *idle*.
//! - *width*: how many workers may be at work. Where nobody said it, it is
//!   [found](width::Width) while the traversal runs.
//!
//! Of the purpose:
//!
//! - [*visitor*](Visitor): what the traversal is for. It matches patterns, or collects
//!   listings. Each worker has a clone of it.
//! - *verdict*: what a directory's name alone tells the visitor.
//! - *accumulator*: what the visitor gathers while a directory is listed.
//! - *state*: what the visitor keeps of a directory that was listed.
//! - *answer*: what a directory contributes to its parent, such as the patterns that it
//!   satisfies. A directory *feeds its parent* if the parent waits for its answer. It is
//!   *closed* when its answer is final.
//!
//! Of the results:
//!
//! - *batch*: results that are sent together.
//! - [*outbox*](sender::Outbox): the results of a worker that are not sent yet.
//!
//! # The life of one directory
//!
//! 1. **Named.** The directory is in the listing of its parent. It waits in a frame, among
//!    the sub-directories that are left to visit. When its turn comes, the visitor gives its
//!    verdict on the name.
//! 2. **Not entered.** The directory may not be entered (a link that is not followed, a mount
//!    point, a loop), or need not be (it lies too deep): it is taken for an empty one. Or it is
//!    **not read**, since it cannot be: nothing is known of its inside. This is its answer, and
//!    its end.
//! 3. **Absent.** The directory was removed after it was listed, or something else took its
//!    place. This is its answer, and its end.
//!    Or nothing in it matters but directories, and its link count says that there are none
//!    ([`leaves`]): then it goes on as an empty one that was listed.
//! 4. **Opened.** The directory is opened by its name, relative to the handle of its parent.
//!    If the parent's handle was closed to save handles, the parent is opened again first.
//! 5. **Listed.** Each entry is classified and added to the accumulator. At the end, the
//!    visitor makes the state of it.
//! 6. **Waits for n.** The visitor tells which of the sub-directories feed the directory:
//!    `n` of them. If `n` is 0, the directory is closed at once.
//! 7. **On the stack.** If sub-directories are left to visit, the directory is in a frame,
//!    with its handle as long as the budget allows. They go through the same steps.
//! 8. **Closed.** Unless the traversal is stopped, each of the `n` sub-directories answers
//!    exactly once: when it is not entered, absent, or closed. The last answer closes the
//!    directory. That is an answer to its own parent, which may be closed by it, and so on up.
//!    The frame may be gone by then.
//!
//! # Protocols
//!
//! Workers and the receiver share four things, and the workers the [`width`], whose lock is taken
//! before the pool's and held by nobody who waits. The invariant of each is written where it is
//! implemented: the end of the work in [`pool`], the countdown of answers in `matching.rs`,
//! the results in [`channel`] and [`sender`], the budget of open directories in [`handles`].

pub(crate) mod channel;
mod classify;
mod company;
mod crew;
mod dir;
mod disk;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod getdents;
mod handles;
mod later;
mod leaves;
mod lister;
#[cfg(feature = "test-hooks")]
pub(crate) mod made_up;
mod meter;
mod opening;
mod options;
mod os_errors;
mod part;
mod pool;
#[cfg(any(feature = "test-hooks", not(any(target_os = "linux", target_os = "android"))))]
mod portable;
mod results;
mod sender;
mod source;
mod stop;
mod subdirs;
#[cfg(test)]
mod tests;
mod visitor;
mod width;
mod worker;

pub(crate) use dir::{Dir, Location};
pub(crate) use options::Options;
pub(crate) use part::{Beginning, LeftOf, LeftOver, Part, Seen, Step};
pub use results::{Next, Results};
pub(crate) use sender::ResultSender;
pub(crate) use source::Naming;
#[cfg(unix)]
pub(crate) use stop::Stop;
pub use stop::Stopper;
pub(crate) use subdirs::{Subdir, SubdirQueue, Subdirs};
pub(crate) use visitor::{Matters, Need, Visitor};
