//! One `WordPressSite`: a file for each step of a pass.
//!
//! dereference → validate → build → observe → decide → apply → status, and finalize. Only `dereference`, `observe`,
//! `apply`, `status`, `finalize`, `probe` and `controller` hold a client; the others are plain functions.

pub mod model;
