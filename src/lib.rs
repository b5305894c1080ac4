//! Tairyo: an operator that turns a `WordPressSite` into a served WordPress site.
//!
//! The rooms are described in `docs/design.md`; `tests/fast/rooms.rs` keeps the rule of which may depend on which.

pub mod api;
pub mod cli;
pub mod cloudformation;
pub mod gateway;
pub mod operator;
pub mod site;
pub mod units;
pub mod workload;
