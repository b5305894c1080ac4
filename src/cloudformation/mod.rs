//! What `CloudFormation` is to us: template values, the state of a stack, what to do next, and the port to AWS.

pub mod accounts;
pub mod bucket;
pub mod budget;
pub mod create_only;
pub mod drift;
pub mod engine;
pub mod failure;
#[cfg(test)]
pub mod fake;
pub mod guard;
pub mod port;
mod resolve;
pub mod retire;
pub mod sdk;
pub mod search_domain;
pub mod stack;
pub mod state;
pub mod template;
pub mod token;
mod watcher;
pub mod work;

pub use accounts::Accounts;
pub use engine::{Order, Outcome, advance};
pub use port::CloudFormation;
pub use retire::{Retired, Retirement, retire};
pub use stack::DesiredStack;
