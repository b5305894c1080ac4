//! Sites on the real cluster.
