//! Uploads in a bucket, for a PHP that holds no rights in AWS.
//!
//! `GET`, `HEAD`, `PUT` and `DELETE /media/<path>`: one file. A range, validators and dates are answered as RFC 9110 says.
//! `PUT /media/<path>?from=<path>`: a copy of a file that is in the bucket already.
//! `GET /media-list?prefix=<folder>/<start of a name>`: `{"files":[{name,size,modified,etag}],"folders":[…],"truncated":…}`,
//! with times in seconds since the epoch.
//!
//! A path is what follows `wp-content/uploads/` in an address. Files go through in pieces; none is ever whole in memory
//! unless it is small.

mod credentials;
mod path;
mod range;
mod routes;

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use object_store::aws::{AmazonS3Builder, Checksum};
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use self::credentials::Chain;
pub use self::routes::router;
use super::configuration;

/// Until a connection stands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Between two pieces of an answer. There is no limit for the whole: files are of any size.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// All tries of one request; PHP waits.
const RETRY_TIMEOUT: Duration = Duration::from_secs(15);

/// Why there is no bucket to speak to.
#[derive(Debug, thiserror::Error)]
#[error("failed to make a client of bucket {bucket}")]
pub struct Error {
    bucket: String,
    source: object_store::Error,
}

/// The bucket, and where in it the uploads are.
#[derive(Clone, Debug)]
pub struct Media {
    store: Arc<dyn ObjectStore>,
    prefix: Arc<str>,
}

impl Media {
    /// The bucket of `configuration`, with the credentials of `aws`.
    pub fn new(configuration: &configuration::Media, aws: &SdkConfig) -> Result<Self, Error> {
        let client = ClientOptions::new().with_connect_timeout(CONNECT_TIMEOUT).with_timeout_disabled();
        let client = client.with_read_timeout(READ_TIMEOUT);
        let retry = RetryConfig { max_retries: 3, retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&configuration.bucket)
            .with_region(&configuration.region)
            .with_checksum_algorithm(Checksum::SHA256)
            .with_retry(retry);
        if let Some(chain) = aws.credentials_provider() {
            builder = builder.with_credentials(Arc::new(Chain::new(chain)));
        }
        // Other services have no host name for each bucket.
        builder = match &configuration.endpoint {
            Some(url) => builder.with_endpoint(url).with_virtual_hosted_style_request(false),
            None => builder.with_virtual_hosted_style_request(!configuration.bucket.contains('.')),
        };
        let plain = configuration.endpoint.as_ref().is_some_and(|url| url.starts_with("http://"));
        let store = builder.with_client_options(client.with_allow_http(plain)).build();
        let store = store.map_err(|source| Error { bucket: configuration.bucket.clone(), source })?;
        Ok(Self::of(Arc::new(store), &configuration.prefix))
    }

    fn of(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self { store, prefix: prefix.into() }
    }
}

#[cfg(test)]
mod tests;
