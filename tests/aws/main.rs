//! Our side of AWS on a real wire: the SDK adapter and the accounts, with `MiniStack` as AWS and microburst for its faults.
//!
//! What `MiniStack` does otherwise than AWS is said where a test meets it.

mod accounts;
mod buckets;
mod domains;
mod faults;
mod gate;
mod harness;
mod rights;
mod stacks;
mod updates;
