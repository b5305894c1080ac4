//! What an `OpenSearch` domain is busy with, and what a change of it would mean. Creating one takes up to 40 minutes, a
//! change hours, and `CloudFormation` says nothing of either meanwhile.

use async_trait::async_trait;

use super::port::Error;

/// A change of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainChange {
    /// Such as `t3.small.search`.
    pub instance_type: String,
    /// Data nodes.
    pub instances: i32,
    /// The volume of each node in GiB.
    pub storage_gib: i32,
}

/// The search domains of one account and region.
#[async_trait]
pub trait SearchDomains: Send + Sync {
    /// What the domain works on, as a sentence without a full stop. `None`: nothing.
    async fn progress(&self, domain: &str) -> Result<Option<String>, Error>;
    /// What is dear about the change, as a sentence without a full stop: that all data move to new nodes. `None`: nothing.
    async fn dry_run(&self, domain: &str, change: &DomainChange) -> Result<Option<String>, Error>;
}
