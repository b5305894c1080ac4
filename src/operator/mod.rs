//! The life of the operator's process: from flags to a graceful end.
//!
//! [`run`] starts logging, the port for probes and metrics, and the client; waits for the CRDs; waits for the Lease; and
//! then runs the controllers it is given. On SIGTERM or SIGINT the controllers take no new passes and finish those that
//! run, within the grace; then the Lease is given back, so that another replica leads at once.
//!
//! # Readiness
//! Readiness is not leadership: a replica that waits for the Lease is ready once the CRDs are there, or a rolling update
//! would wait for ever for a new replica that waits for the old one's Lease. Controllers that lead add their own checks
//! to [`Runtime::readiness`], such as caches that are synced, and take them back when they hold.
//!
//! # Losing the Lease
//! The Lease is renewed every two seconds; a replica that could not for ten ends with [`Error::KeepLease`] and is
//! restarted, because passes that still run cannot be told that they may no longer write. No lease can fence the outside
//! world, so this makes double work rare. It is made harmless by deterministic names, not by the Lease.

pub mod backoff;
pub mod client;
pub mod crds;
pub mod events;
pub mod health;
pub mod metrics;
pub mod namespaces;
pub mod options;
pub(crate) mod process;
pub mod queue;
pub mod shutdown;
pub mod telemetry;

use std::time::Duration;

use k8s_controller::LeaderElection;
use kube::Client;
use tokio_util::sync::CancellationToken;

use self::backoff::Backoff;
use self::crds::Crds;
use self::events::Publisher;
use self::health::Readiness;
use self::metrics::Metrics;
pub use self::options::{LogFormat, OperatorOptions};

/// The name of the Lease.
pub const LEASE: &str = "tairyo-operator";

/// The check that fails from the first signal on.
const SHUTDOWN_CHECK: &str = "shutdown";
/// What giving back the Lease may take; after it the Lease runs out by itself, within 15 seconds.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(3);

/// What a controller ends with when it cannot go on.
pub type ControllerError = Box<dyn std::error::Error + Send + Sync>;

/// Why the operator ended otherwise than it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Logging did not start.
    #[error("failed to start logging")]
    StartTelemetry(#[from] telemetry::Error),
    /// Signals are not heard.
    #[error("failed to prepare the shutdown")]
    PrepareShutdown(#[from] shutdown::Error),
    /// Probes and metrics are not served.
    #[error("failed to serve probes and metrics")]
    ServeHealth(#[from] health::Error),
    /// There is no API server.
    #[error("failed to connect to Kubernetes")]
    Connect(#[from] client::Error),
    /// The server of probes ended by a panic.
    #[error("failed to keep serving probes and metrics")]
    KeepServing(#[source] tokio::task::JoinError),
    /// A controller gave up.
    #[error("failed to run the controllers")]
    RunControllers(#[source] ControllerError),
    /// The controllers ended although nobody asked.
    #[error("failed to keep the controllers running: they ended without a signal")]
    KeepControllers,
    /// Another replica leads now, or the API server could not be reached for too long.
    #[error("failed to keep the Lease {LEASE}; the process ends so that nothing is written without it")]
    KeepLease,
    /// Passes ran longer than the grace.
    #[error("failed to finish the running passes within {} seconds; they are cut off", grace.as_secs())]
    FinishPasses {
        /// What they were given.
        grace: Duration,
    },
}

/// What the controllers are given.
#[derive(Clone)]
pub struct Runtime {
    /// The API server.
    pub client: Client,
    /// Where to count.
    pub metrics: Metrics,
    /// Where to tell what is not ready.
    pub readiness: Readiness,
    /// Where to tell users of changes.
    pub events: Publisher,
    /// Cancelled when no new pass may start.
    pub shutdown: CancellationToken,
    /// The flags, with the identity filled in.
    pub options: OperatorOptions,
    /// How long objects that fail wait.
    pub backoff: Backoff,
}

/// Runs the operator until a signal, or until it cannot go on. `controllers` is called once this replica leads (never,
/// if it is ended before); its future must end by itself soon after [`Runtime::shutdown`] is cancelled.
pub async fn run<F, Fut>(mut options: OperatorOptions, controllers: F) -> Result<(), Error>
where
    F: FnOnce(Runtime) -> Fut,
    Fut: Future<Output = Result<(), ControllerError>>,
{
    let log_level = telemetry::start(options.log_format, &options.log_level)?;
    let shutdown = shutdown::listen()?;
    let identity = options.settle_identity();
    let (metrics, readiness) = (Metrics::new(), Readiness::new());
    tracing::info!(version = env!("CARGO_PKG_VERSION"), identity, "Starting");

    let listener = health::bind(options.address).await?;
    let client = client::connect(&metrics).await?;
    let crds = Crds::new(client.clone(), readiness.clone(), metrics.clone());
    let stop_serving = CancellationToken::new();
    let serving = health::serve(listener, readiness.clone(), metrics.clone(), log_level, stop_serving.clone());
    let mut serving = tokio::spawn(serving);

    let runtime = Runtime {
        events: Publisher::new(client.clone(), &identity, metrics.clone()),
        client,
        metrics,
        readiness,
        shutdown,
        options,
        backoff: Backoff::new(),
    };
    let ended = tokio::select! {
        ended = lead(runtime, crds, &identity, controllers) => ended,
        // Without probes the kubelet would kill us in a moment, and less clearly.
        served = &mut serving => return served.map_err(Error::KeepServing)?.map_err(Error::from),
    };
    stop_serving.cancel();
    serving.await.map_err(Error::KeepServing)??;
    match &ended {
        Ok(()) => tracing::info!("Ended"),
        Err(error) => tracing::error!(error = error as &dyn std::error::Error, "Ended by a failure"),
    }
    ended
}

/// Waits for what must be there, then runs the controllers, as a leader if asked to.
async fn lead<F, Fut>(runtime: Runtime, mut crds: Crds, identity: &str, controllers: F) -> Result<(), Error>
where
    F: FnOnce(Runtime) -> Fut,
    Fut: Future<Output = Result<(), ControllerError>>,
{
    let shutdown = runtime.shutdown.clone();
    tokio::select! {
        () = shutdown.cancelled() => return Ok(()),
        () = crds.wait() => {}
    }
    tokio::spawn(crds.follow(shutdown.clone()));
    let readiness = runtime.readiness.clone();
    let ending = shutdown.clone();
    tokio::spawn(async move {
        ending.cancelled().await;
        readiness.failing(SHUTDOWN_CHECK, "shutting down");
    });

    let grace = runtime.options.shutdown_grace();
    if !runtime.options.leader_election {
        return within_grace(&shutdown, grace, controllers(runtime)).await;
    }
    let namespace = runtime.options.namespace.clone();
    let namespace = namespace.unwrap_or_else(|| runtime.client.default_namespace().to_owned());
    let election = LeaderElection::new(runtime.client.clone(), &namespace, LEASE, identity);
    elected(&election, runtime, controllers).await
}

/// Runs the controllers while the Lease is held.
async fn elected<F, Fut>(election: &LeaderElection, runtime: Runtime, controllers: F) -> Result<(), Error>
where
    F: FnOnce(Runtime) -> Fut,
    Fut: Future<Output = Result<(), ControllerError>>,
{
    let (shutdown, metrics) = (runtime.shutdown.clone(), runtime.metrics.clone());
    let grace = runtime.options.shutdown_grace();
    metrics.set_leader(LEASE, false);
    let leading = CancellationToken::new();
    let work = async {
        leading.cancel();
        metrics.set_leader(LEASE, true);
        within_grace(&shutdown, grace, controllers(runtime)).await
    };
    let under_lease = election.with_lease(work);
    // A replica that does not lead has nothing to finish. One that leads is ended by its own work, under the Lease.
    let ended_before_leading = async {
        shutdown.cancelled().await;
        if leading.is_cancelled() {
            std::future::pending::<()>().await;
        }
    };
    // After the grace, only the giving back of the Lease is left to wait for.
    let overdue = async {
        shutdown.cancelled().await;
        tokio::time::sleep(grace + RELEASE_TIMEOUT).await;
    };
    let ended = tokio::select! {
        biased;
        ended = under_lease => ended.unwrap_or(Err(Error::KeepLease)),
        () = ended_before_leading => {
            // The Lease may have been taken by the very request that was cut off here.
            if tokio::time::timeout(RELEASE_TIMEOUT, election.release()).await.is_err() {
                tracing::debug!("Failed to give back the Lease in time");
            }
            Ok(())
        }
        () = overdue => Err(Error::FinishPasses { grace }),
    };
    metrics.set_leader(LEASE, false);
    ended
}

/// Runs `work` until it ends by itself; from the first signal on it has the grace left.
async fn within_grace<Fut>(shutdown: &CancellationToken, grace: Duration, work: Fut) -> Result<(), Error>
where
    Fut: Future<Output = Result<(), ControllerError>>,
{
    let overdue = async {
        shutdown.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        biased;
        ended = work => match ended {
            Err(error) => Err(Error::RunControllers(error)),
            Ok(()) if shutdown.is_cancelled() => Ok(()),
            Ok(()) => Err(Error::KeepControllers),
        },
        () = overdue => Err(Error::FinishPasses { grace }),
    }
}

#[cfg(test)]
mod tests;
