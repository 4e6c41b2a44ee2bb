//! The parallel traversal of a local tree: every directory is opened once.
//!
//! A listed directory's sub-directories are one batch; a batch is cut in halves
//! for idle workers, and each worker goes depth first, so that what is under
//! way stays small. What is found is the business of a [`Visitor`].

mod engine;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod getdents;
mod lister;
mod options;
mod portable;
mod stream;
mod subdirs;

pub(crate) use engine::{Dir, Outlet, Place, Visitor, resolve};
pub(crate) use options::{Options, option_methods, stream_iterator};
pub(crate) use stream::Stream;
pub use stream::{Next, Progress, Stats};
use subdirs::Subdirs;
