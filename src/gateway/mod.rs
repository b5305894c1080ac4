//! The sidecar of a pod that runs WordPress: it holds the pod's rights in AWS, so that PHP holds none.
//!
//! It reads the database's login and the values that `CloudFront` proves itself with, writes them into files on a volume in
//! memory, and keeps them as they are in AWS; and it passes uploads to and from a bucket. The other containers reach it over a unix socket; see [`server`].
//!
//! Rights come from the default chain of AWS alone: the web identity of `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`,
//! or EKS Pod Identity's `AWS_CONTAINER_CREDENTIALS_FULL_URI`.

pub mod client;
pub mod configuration;
mod files;
pub mod keeper;
pub mod material;
pub mod media;
pub mod metrics;
pub mod secret;
pub mod server;
pub mod store;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

use self::configuration::Configuration;
use self::keeper::Keeper;
use self::material::Material;
use self::media::Media;
use self::metrics::Metrics;
use self::server::Served;
use self::store::{SecretStore, SecretsManager};
use crate::operator::health::Readiness;
use crate::operator::{LogFormat, shutdown, telemetry};

/// One try of a call to AWS. PHP waits for some of them.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// All tries of one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// What the gateway is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The path of the [`Configuration`].
    pub configuration: PathBuf,
    /// The time between two reads of the same secret, before jitter.
    pub refresh: Duration,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Which log lines are written.
    pub log_level: String,
}

/// Why the gateway ended otherwise than it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Logging did not start.
    #[error("failed to start logging")]
    StartTelemetry(#[from] telemetry::Error),
    /// The configuration is not one.
    #[error("failed to read the configuration")]
    Configure(#[from] configuration::Error),
    /// There is no client of the bucket.
    #[error("failed to prepare the bucket of uploads")]
    PrepareMedia(#[from] media::Error),
    /// Signals are not heard.
    #[error("failed to prepare the shutdown")]
    PrepareShutdown(#[from] shutdown::Error),
    /// The socket is not served.
    #[error("failed to serve the socket")]
    Serve(#[from] server::Error),
}

/// Runs until a signal, or until it cannot go on.
pub async fn run(options: &Options) -> Result<(), Error> {
    telemetry::start(options.log_format, &options.log_level)?;
    let configuration = Configuration::read(&options.configuration)?;
    let shutdown = shutdown::listen()?;
    let listener = server::bind(&configuration.socket)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), socket = %configuration.socket.display(), "Starting");

    let aws = aws(&configuration).await;
    let store: Arc<dyn SecretStore> = Arc::new(SecretsManager::new(&aws));
    let media = configuration.media.as_ref().map(|media| Media::new(media, &aws)).transpose()?;
    let (readiness, metrics) = (Readiness::new(), Metrics::new());
    let keep = |material| {
        let keeper = Keeper::new(material, store.clone(), readiness.clone(), metrics.clone());
        let keeper = Arc::new(keeper);
        let (following, until, interval) = (keeper.clone(), shutdown.clone(), options.refresh);
        tokio::spawn(async move { following.follow(interval, until).await });
        keeper
    };
    let database = database(&configuration).map(&keep);
    origin(&configuration).map(&keep);
    server::serve(listener, Served { readiness, metrics, database, media }, shutdown).await?;
    tracing::info!("Ended");
    Ok(())
}

async fn aws(configuration: &Configuration) -> SdkConfig {
    let timeouts =
        TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).operation_timeout(CALL_TIMEOUT).build();
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(configuration.region.clone()))
        .timeout_config(timeouts)
        .load()
        .await
}

fn database(configuration: &Configuration) -> Option<Material> {
    let arn = configuration.database_secret_arn.clone()?;
    Some(Material::Database { arn, folder: configuration.credentials_folder().join("database") })
}

fn origin(configuration: &Configuration) -> Option<Material> {
    let arns = configuration.origin_secret_arns.clone();
    (!arns.is_empty()).then(|| Material::Origin { arns, map: configuration.credentials_folder().join("origin.map") })
}
