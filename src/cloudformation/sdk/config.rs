//! How clients of AWS are made: whose identity they have, how long they wait and how often they try.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_cloudformation::config::{IdentityCache, SharedIdentityCache};
use tokio::sync::OnceCell;

use super::role::AssumedRole;
use super::{OpenSearchDomains, S3Buckets, Sdk};
use crate::api::status::AwsIdentity;
use crate::cloudformation::accounts::{Clients, Factory};
use crate::cloudformation::budget::Budget;
use crate::cloudformation::port::Error;

/// Eight tries and a short first wait: measured, 20 calls of which 30 % were throttled all succeeded in under a second.
/// Adaptive retries are slower and without a limit: they took up to 55 seconds for one call.
const ATTEMPTS: u32 = 8;
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);
/// Of one try. The slowest answers, of `DescribeStacks` with a full page, take a second or two.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Of a call with all its tries: so long is a worker held at most.
const OPERATION_TIMEOUT: Duration = Duration::from_mins(1);
/// Of getting credentials, tries of STS included. The SDK's own limit would hide what STS says.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(40);
/// Credentials are renewed this long before they end, so that no call begins with some that end while it is tried again.
const RENEW_BEFORE: Duration = Duration::from_mins(5);

/// Account and region; no account: the operator's own.
type Place = (Option<String>, String);

/// The operator's own identity, by the SDK's default chain (environment, web identity, Pod Identity, instance), and the
/// roles that it assumes.
///
/// Sessions are tagged with the cluster, not with the site: session tags per site would make a session, a set of clients
/// and a walk for each site. Which site a stack belongs to is on the stack.
pub struct Sessions {
    cluster: String,
    elsewhere: Option<(String, Credentials)>,
    own: OnceCell<SdkConfig>,
    /// AWS counts calls so, and two roles of one account share its count. The operator's own
    /// account is not known without a call, so a role in it has a budget beside its own.
    budgets: Mutex<HashMap<Place, Arc<Budget>>>,
}

impl Sessions {
    /// Sessions of the operator of this cluster. Nothing is looked for yet. `AWS_ENDPOINT_URL` and its relatives count.
    #[must_use]
    pub fn new(cluster: impl Into<String>) -> Self {
        Self { cluster: cluster.into(), elsewhere: None, own: OnceCell::new(), budgets: Mutex::default() }
    }

    /// Sessions with an AWS at this address, by these credentials, whatever the environment says.
    #[must_use]
    pub fn elsewhere(cluster: impl Into<String>, endpoint_url: impl Into<String>, credentials: Credentials) -> Self {
        Self { elsewhere: Some((endpoint_url.into(), credentials)), ..Self::new(cluster) }
    }

    fn budget(&self, identity: &AwsIdentity, region: &str) -> Arc<Budget> {
        let account = identity.role_arn.as_deref().and_then(account_of);
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(budgets.entry((account.map(Into::into), region.into())).or_default())
    }

    /// The configuration of clients that act as this identity in `region`. Credentials are got at the first call, so that
    /// a role which cannot be assumed is an error of that call.
    pub async fn config(&self, identity: &AwsIdentity, region: &str) -> SdkConfig {
        // With a region given, the SDK does not ask the instance for one, which takes seconds where there is no instance.
        let own = self.own.get_or_init(|| self.own_identity(&identity.region)).await;
        let mut own = own.to_builder();
        if identity.endpoint_url.is_some() {
            own.set_endpoint_url(identity.endpoint_url.clone());
        }
        let own = own.build();
        let Some(role_arn) = &identity.role_arn else {
            return own.to_builder().region(Region::new(region.to_owned())).build();
        };
        // STS is asked in the class' own region, for every region: that of us-east-1 may be closed to the account.
        let sts = own.to_builder().region(Region::new(identity.region.clone())).build();
        let role = AssumedRole::new(&sts, role_arn, identity.external_id.as_deref(), &self.cluster);
        own.to_builder()
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(role))
            .identity_cache(identity_cache())
            .build()
    }

    async fn own_identity(&self, region: &str) -> SdkConfig {
        let retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(FIRST_BACKOFF)
            .with_max_backoff(LONGEST_BACKOFF);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .retry_config(retries)
            .timeout_config(timeouts)
            .identity_cache(identity_cache());
        match &self.elsewhere {
            None => loader.load().await,
            Some((endpoint_url, credentials)) => {
                loader.endpoint_url(endpoint_url).credentials_provider(credentials.clone()).load().await
            }
        }
    }
}

#[async_trait]
impl Factory for Sessions {
    async fn clients(&self, identity: &AwsIdentity, region: &str) -> Result<Clients, Error> {
        let config = self.config(identity, region).await;
        let cloud_formation = aws_sdk_cloudformation::Client::new(&config);
        Ok(Clients {
            cloud_formation: Arc::new(Sdk::new(cloud_formation, self.budget(identity, region))),
            buckets: Arc::new(S3Buckets::new(buckets(&config, identity))),
            search_domains: Arc::new(OpenSearchDomains::new(aws_sdk_opensearch::Client::new(&config))),
        })
    }
}

/// An endpoint that is not AWS' own has no names of buckets below its own name.
fn buckets(config: &SdkConfig, identity: &AwsIdentity) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(config).force_path_style(identity.endpoint_url.is_some()).build();
    aws_sdk_s3::Client::from_conf(config)
}

/// The account in the ARN of a role.
pub(super) fn account_of(role_arn: &str) -> Option<&str> {
    role_arn.split(':').nth(4)
}

fn identity_cache() -> SharedIdentityCache {
    IdentityCache::lazy().load_timeout(CREDENTIALS_TIMEOUT).buffer_time(RENEW_BEFORE).build()
}
