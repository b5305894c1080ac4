//! The rules of the API, on a real API server.
//!
//! `tests/fixtures/api/README.md` says how a rule is tested; a rule without a fixture that it refuses fails a test.

mod command_line;
mod defaults;
mod documentation;
mod fixture;
mod refusals;
mod schema;
mod server;
mod subresources;
