//! Sites on the real cluster of `make cluster-up`, served by the operator that `make install` put there.
//!
//! Each test has a namespace of its own, under the restricted Pod Security Standard, and waits for conditions by
//! watching, with a deadline.

mod alone;
mod aws;
mod deletion;
mod faults;
mod harness;
mod input;
mod life;
mod refusals;
