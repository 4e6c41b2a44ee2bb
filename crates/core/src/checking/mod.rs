//! Checking: what is missing of a pattern, and what came close.

mod near;

#[allow(unused_imports)] // until the records ask it
pub(crate) use near::{Near, Nearness};
