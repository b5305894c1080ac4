//! The clients of AWS, one set for each identity and region, with the cache of the watcher in front.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::bucket::Buckets;
use super::port::{
    ChangeSet, CloudFormation, CreateChangeSet, CreateStack, Drift, Error, Stack, StackEvent, StackResource,
    StackSummary,
};
use super::search_domain::SearchDomains;
use super::watcher::Watcher;
use crate::api::status::AwsIdentity;

pub use super::watcher::{Periods, SiteKey};

/// What acts in one account and region.
#[derive(Clone)]
pub struct Clients {
    /// Stacks, without a cache.
    pub cloud_formation: Arc<dyn CloudFormation>,
    /// Buckets.
    pub buckets: Arc<dyn Buckets>,
    /// Search domains.
    pub search_domains: Arc<dyn SearchDomains>,
}

/// Makes clients: the SDK's [`Sessions`](super::sdk::Sessions), or the fake of a test.
#[async_trait]
pub trait Factory: Send + Sync {
    /// Clients that act as `identity` in `region`.
    async fn clients(&self, identity: &AwsIdentity, region: &str) -> Result<Clients, Error>;
}

/// Which clients: whose, and in which region.
type Key = (Option<String>, Option<String>, Option<String>, String);

/// Every account and region that sites stand in.
pub struct Accounts {
    factory: Box<dyn Factory>,
    cluster: String,
    periods: Periods,
    wake: mpsc::UnboundedSender<SiteKey>,
    known: tokio::sync::Mutex<HashMap<Key, Arc<Account>>>,
}

impl Accounts {
    /// The accounts that the operator of `cluster` reaches by its own identity and the roles of classes. The receiver gives
    /// the sites whose stacks have changed.
    #[must_use]
    pub fn new(cluster: &str, periods: Periods) -> (Self, mpsc::UnboundedReceiver<SiteKey>) {
        Self::with_factory(Box::new(super::sdk::Sessions::new(cluster)), cluster, periods)
    }

    /// Accounts whose clients come from `factory`.
    #[must_use]
    pub fn with_factory(
        factory: Box<dyn Factory>,
        cluster: &str,
        periods: Periods,
    ) -> (Self, mpsc::UnboundedReceiver<SiteKey>) {
        let (wake, woken) = mpsc::unbounded_channel();
        (Self { factory, cluster: cluster.into(), periods, wake, known: tokio::sync::Mutex::default() }, woken)
    }

    /// The account of `identity` in `region`. Whether the role can be assumed shows at the first call: it is then an error
    /// of the sites of that class alone.
    pub async fn account(&self, identity: &AwsIdentity, region: &str) -> Result<Arc<Account>, Error> {
        let key =
            (identity.role_arn.clone(), identity.external_id.clone(), identity.endpoint_url.clone(), region.to_owned());
        // Making clients asks nobody, so the others do not wait long.
        let mut accounts = self.known.lock().await;
        if let Some(account) = accounts.get(&key) {
            return Ok(Arc::clone(account));
        }
        let clients = self.factory.clients(identity, region).await?;
        let account = Arc::new(Account::new(clients, &self.cluster, self.wake.clone(), self.periods));
        accounts.insert(key, Arc::clone(&account));
        Ok(account)
    }
}

/// One account and region. As [`CloudFormation`] it answers `describe` **by name** from the cache: for what is at rest.
/// `describe` **by id** is always live: for what has to be right, such as the look before a deletion. Everything else
/// goes through, and a mutation makes the next `describe` of its stack a live one.
pub struct Account {
    clients: Clients,
    watcher: Arc<Watcher>,
    walks: JoinHandle<()>,
}

impl Account {
    fn new(clients: Clients, cluster: &str, wake: mpsc::UnboundedSender<SiteKey>, periods: Periods) -> Self {
        let watcher = Arc::new(Watcher::new(Arc::clone(&clients.cloud_formation), cluster, wake, periods));
        let walking = Arc::clone(&watcher);
        let walks = tokio::spawn(async move { walking.run().await });
        Self { clients, watcher, walks }
    }

    /// The buckets of the account.
    #[must_use]
    pub fn buckets(&self) -> &dyn Buckets {
        self.clients.buckets.as_ref()
    }

    /// The search domains of the account.
    #[must_use]
    pub fn search_domains(&self) -> &dyn SearchDomains {
        self.clients.search_domains.as_ref()
    }

    /// Somebody, such as an event of AWS, says that the stack of this id has changed: the next look at it is live, and its
    /// site is woken. A wrong hint costs one call.
    pub fn hint(&self, stack_id: &str) {
        self.watcher.hint(stack_id);
    }

    /// Carries out a mutation of `stack`. Also after an error it may have been carried out.
    async fn mutate<T>(&self, stack: &str, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let answer = call.await;
        self.watcher.mutated(stack);
        answer
    }

    fn live(&self) -> &dyn CloudFormation {
        self.clients.cloud_formation.as_ref()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.walks.abort();
    }
}

#[async_trait]
impl CloudFormation for Account {
    async fn describe(&self, stack: &str) -> Result<Stack, Error> {
        self.watcher.describe(stack).await
    }

    async fn describe_all(&self) -> Result<Vec<Stack>, Error> {
        self.live().describe_all().await
    }

    async fn list_in_progress(&self) -> Result<Vec<StackSummary>, Error> {
        self.live().list_in_progress().await
    }

    async fn resources(&self, stack: &str) -> Result<Vec<StackResource>, Error> {
        self.live().resources(stack).await
    }

    async fn events(&self, stack: &str, token: Option<&str>) -> Result<Vec<StackEvent>, Error> {
        self.live().events(stack, token).await
    }

    async fn template(&self, stack: &str) -> Result<Value, Error> {
        self.live().template(stack).await
    }

    async fn create(&self, request: &CreateStack) -> Result<String, Error> {
        let answer = self.live().create(request).await;
        match &answer {
            // Not made: there is nothing to wait for, and nothing to look for after a call that was never sent.
            Err(Error::Throttled(_) | Error::Denied(_) | Error::Invalid(_) | Error::Limit(_)) => {}
            _ => self.watcher.created(&request.name, &request.tags),
        }
        answer
    }

    async fn create_change_set(&self, request: &CreateChangeSet) -> Result<String, Error> {
        self.live().create_change_set(request).await
    }

    async fn describe_change_set(&self, stack: &str, change_set: &str) -> Result<ChangeSet, Error> {
        self.live().describe_change_set(stack, change_set).await
    }

    async fn execute_change_set(&self, stack: &str, change_set: &str, token: &str) -> Result<(), Error> {
        self.mutate(stack, self.live().execute_change_set(stack, change_set, token)).await
    }

    async fn delete_change_set(&self, stack: &str, change_set: &str) -> Result<(), Error> {
        self.live().delete_change_set(stack, change_set).await
    }

    async fn delete(&self, stack: &str, retain: &[String], token: &str) -> Result<(), Error> {
        self.mutate(stack, self.live().delete(stack, retain, token)).await
    }

    async fn continue_rollback(&self, stack: &str, token: &str) -> Result<(), Error> {
        self.mutate(stack, self.live().continue_rollback(stack, token)).await
    }

    async fn set_termination_protection(&self, stack: &str, on: bool) -> Result<(), Error> {
        self.mutate(stack, self.live().set_termination_protection(stack, on)).await
    }

    async fn set_stack_policy(&self, stack: &str, policy: &str) -> Result<(), Error> {
        self.live().set_stack_policy(stack, policy).await
    }

    async fn detect_drift(&self, stack: &str) -> Result<String, Error> {
        self.live().detect_drift(stack).await
    }

    async fn drift(&self, stack: &str, detection: &str) -> Result<Drift, Error> {
        self.live().drift(stack, detection).await
    }
}

#[cfg(test)]
mod tests;
