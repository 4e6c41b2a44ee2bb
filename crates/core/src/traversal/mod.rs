//! The parallel traversal of a local tree: every directory is opened once.
//!
//! Each worker goes depth first with a stack of its own, of which it gives parts
//! to workers that have nothing to do; so what is under way stays small. What is
//! found is the business of a [`Visitor`].

mod channel;
mod classify;
mod dir;
mod engine;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod getdents;
mod handles;
mod lister;
mod options;
mod outlet;
mod pool;
mod portable;
mod stream;
mod subdirs;
#[cfg(test)]
mod tests;
mod visitor;

pub(crate) use dir::{Dir, Place};
pub(crate) use options::{Options, option_methods, stream_iterator};
pub(crate) use outlet::Outlet;
pub use outlet::Stats;
pub use stream::{Next, Progress};
pub(crate) use stream::{Stream, resolve};
pub(crate) use visitor::Visitor;
