//! The one binary: `tairyo operator`, `tairyo crds`.

fn main() {}
