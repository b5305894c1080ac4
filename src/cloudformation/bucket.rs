//! Emptying a bucket. `CloudFormation` refuses to delete one that holds anything, old versions included.

use async_trait::async_trait;

use super::port::Error;

/// How far the emptying of a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptying {
    /// Nothing is left, or there is no such bucket.
    Empty,
    /// There is more to delete than one call does.
    More {
        /// The versions and delete markers that this call deleted.
        deleted: usize,
    },
}

/// The buckets of one account and region.
#[async_trait]
pub trait Buckets: Send + Sync {
    /// Deletes versions and delete markers for good, at most some ten thousand in a call, so that a large bucket holds no
    /// worker for hours. To be called only where the site's deletion policy says `Delete`.
    async fn empty(&self, bucket: &str) -> Result<Emptying, Error>;
}
