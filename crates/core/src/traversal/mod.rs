//! The parallel traversal of a local tree: every directory is opened once.
//!
//! # Glossary
//!
//! | word | meaning |
//! |---|---|
//! | *source* | the directory that the traversal starts at |
//! | *entry* | what a listing names: a directory, a link, a file |
//! | *visitor* | what the traversal is for: it matches patterns or collects listings ([`Visitor`]) |
//! | *lister* | the system calls behind it: open, list, stat ([`Lister`](lister::Lister)) |
//! | *worker* | a thread that visits directories, with a stack and a visitor of its own ([`Worker`](worker::Worker)) |
//! | *frame* | an element of the stack: a directory and its sub-directories that are left to visit |
//! | *work* | what a worker with nothing to do gets from the pool: the source, or some frames of another worker |
//! | *idle* | without work, and waiting for it ([`Pool`](pool::Pool)) |
//! | *handle* | an open directory; a *counted* handle is kept open and charged to the budget of the process ([`handles`]) |
//! | *identity* | device and inode, which tell whether two handles are one directory |
//! | *verdict* | what a directory's name alone tells the visitor |
//! | *accumulator* | what the visitor gathers while a directory is listed |
//! | *state* | what the visitor keeps of a listed directory |
//! | *feeds its parent* | said of a sub-directory whose answer the parent's own answer depends on |
//! | *closed* | said of a directory whose answer is final |
//! | *batch* | results that are sent together |
//! | *outbox* | a worker's results that are not sent yet ([`Outbox`](sender::Outbox)) |
//!
//! # The life of one directory
//!
//! 1. **Named.** It stands in the listing of its parent, among the sub-directories of a
//!    frame. When its turn comes, the visitor gives a verdict on its name.
//! 2. **Not entered.** A link that is not followed, a mount point, a loop, one too deep,
//!    or one that cannot be opened or read: the visitor hears that it is there, and
//!    nothing about its inside. That is its end.
//! 3. **Absent.** It was removed since, or something else took its place: the visitor
//!    hears that it does not exist. That is its end, too.
//! 4. **Opened**, by its name relative to its parent, which is opened again first if its
//!    handle was given up.
//! 5. **Listed.** Each entry is classified and goes into the accumulator; at the end the
//!    visitor makes a state of it.
//! 6. **Waits for n.** Of its sub-directories, `n` feed it. If `n` is 0, it is closed at
//!    once.
//! 7. **On the stack.** If sub-directories are left to visit, a frame keeps it, with its
//!    handle as long as the budget allows. Each of them goes through the same steps.
//! 8. **Closed.** Each of the `n` answers exactly once, by its own end in step 2, 3, 6 or
//!    8. The last answer closes the directory, and that may close its parent, and so on
//!    up. It does not matter whether the frame is still there.
//!
//! # Protocols
//!
//! Workers share four things. Each has its invariant where it is implemented: the end of
//! the work in [`pool`], the countdown of answers in `matching.rs`, results in
//! [`channel`] and [`sender`], the budget of open directories in [`handles`].

mod channel;
mod classify;
mod dir;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod getdents;
mod handles;
mod lister;
mod opening;
mod options;
mod pool;
mod portable;
mod results;
mod sender;
mod subdirs;
#[cfg(test)]
mod tests;
mod visitor;
mod worker;

pub(crate) use dir::{Dir, Location};
pub(crate) use options::Options;
pub(crate) use results::resolve;
pub use results::{Next, Results};
pub(crate) use sender::ResultSender;
pub(crate) use visitor::Visitor;
