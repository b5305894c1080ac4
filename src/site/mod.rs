//! One `WordPressSite`: a file for each step of a pass.
//!
//! dereference → validate → build → observe → decide → apply → status, and finalize. Only `dereference`, `observe`,
//! `apply`, `status`, `finalize`, `probe`, `classes`, `reconcile` and `controller` do I/O; the others are plain functions.

pub mod actions;
pub mod apply;
pub mod build;
pub mod classes;
pub mod conditions;
pub mod controller;
pub mod covers;
pub mod decide;
pub mod dereference;
pub mod diagnosis;
pub mod finalize;
pub mod managed;
pub mod model;
pub mod observe;
pub mod probe;
pub mod quantity;
pub mod reconcile;
pub mod resolve;
pub mod stacks;
pub mod status;
pub mod validate;

#[cfg(test)]
pub(crate) mod fixtures;
