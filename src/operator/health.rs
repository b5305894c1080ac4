//! The one port for probes, Prometheus and the log level.
//!
//! `GET /livez`: 200 while the runtime runs its tasks; nothing outside can make it fail, since a restart would not help.
//! `GET /readyz`: 200 while every check of [`Readiness`] holds, else 503; the answer names each check and its reason.
//! `GET /metrics`: for Prometheus. `GET` and `PUT /log-level`: the log filter; it is changed only from this host, which
//! `kubectl port-forward` and `kubectl exec` are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::metrics::{CONTENT_TYPE, Metrics};
use super::telemetry::{self, LogLevel};

/// How often the runtime shows that it runs tasks.
const BEAT: Duration = Duration::from_secs(1);
/// A runtime that has not run a task for so long is stuck.
const SILENCE: Duration = Duration::from_secs(20);
/// More than any filter.
const LONGEST_BODY: usize = 4096;

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be had.
    #[error("failed to listen on {address} for probes and metrics; choose another with --address")]
    BindAddress {
        /// The one that was asked for.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The server stopped.
    #[error("failed to serve probes and metrics")]
    Serve(#[source] std::io::Error),
}

/// Named checks that must all hold for the replica to be ready. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<String, Check>>>);

/// Whether a check holds; if not, why.
type Check = Result<(), String>;

impl Readiness {
    /// No checks yet, which is ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The check holds.
    pub fn ready(&self, check: &str) {
        self.set(check, Ok(()));
    }

    /// The check does not hold, for the reason. This also adds a check that is not known yet.
    pub fn failing(&self, check: &str, reason: impl Into<String>) {
        self.set(check, Err(reason.into()));
    }

    /// The check does not matter any more.
    pub fn remove(&self, check: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(check);
    }

    /// Whether all hold, and a line for each.
    #[must_use]
    pub fn report(&self) -> (bool, String) {
        let checks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = String::new();
        for (name, check) in checks.iter() {
            let written = match check {
                Ok(()) => writeln!(lines, "[+] {name}: ok"),
                Err(reason) => writeln!(lines, "[-] {name}: {reason}"),
            };
            debug_assert!(written.is_ok(), "a String takes everything");
        }
        let ready = checks.values().all(Result::is_ok);
        lines.push_str(if ready { "ready\n" } else { "not ready\n" });
        (ready, lines)
    }

    fn set(&self, name: &str, check: Check) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), check);
    }
}

/// When the runtime last ran a task of ours.
#[derive(Clone, Debug)]
struct Heartbeat {
    epoch: Instant,
    last: Arc<AtomicU64>,
}

impl Heartbeat {
    fn new() -> Self {
        Self { epoch: Instant::now(), last: Arc::default() }
    }

    fn beat(&self) {
        let since = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(since, Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        self.epoch.elapsed().saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }

    async fn run(self) {
        let mut interval = tokio::time::interval(BEAT);
        loop {
            interval.tick().await;
            self.beat();
        }
    }
}

#[derive(Clone)]
struct Served {
    heartbeat: Heartbeat,
    readiness: Readiness,
    metrics: Metrics,
    log_level: LogLevel,
}

/// Takes the address, so that an address which cannot be had is told before anything else starts.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::BindAddress { address, source })
}

/// Serves until `stop`. This must outlast the shutdown: a replica that finishes its passes is still alive.
pub async fn serve(
    listener: TcpListener,
    readiness: Readiness,
    metrics: Metrics,
    log_level: LogLevel,
    stop: CancellationToken,
) -> Result<(), Error> {
    let heartbeat = Heartbeat::new();
    let state = Served { heartbeat: heartbeat.clone(), readiness, metrics, log_level };
    let app = router(state).into_make_service_with_connect_info::<SocketAddr>();
    let until = stop.clone();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move { until.cancelled().await });
    // A task of its own: on the server's task it would show no more than that an answer is being written.
    let beating = tokio::spawn(heartbeat.run());
    // A scraper may keep its connection open for ever, so the graceful end is only what it gets for its answer.
    let ended = tokio::select! {
        ended = server => ended,
        () = async { stop.cancelled().await; tokio::time::sleep(BEAT).await } => Ok(()),
    };
    beating.abort();
    ended.map_err(Error::Serve)
}

fn router(served: Served) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/log-level", get(log_level).put(set_log_level))
        .fallback(|| async { (StatusCode::NOT_FOUND, "here are /livez, /readyz, /metrics and /log-level\n") })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(served)
}

async fn livez(State(served): State<Served>) -> Response {
    let silence = served.heartbeat.silence();
    if silence < SILENCE {
        return "alive\n".into_response();
    }
    let told = format!("the runtime has run no task for {} seconds\n", silence.as_secs());
    (StatusCode::INTERNAL_SERVER_ERROR, told).into_response()
}

async fn readyz(State(served): State<Served>) -> Response {
    let (ready, report) = served.readiness.report();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, report).into_response()
}

async fn metrics(State(served): State<Served>) -> Response {
    match served.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be encoded\n").into_response(),
    }
}

async fn log_level(State(served): State<Served>) -> Response {
    match served.log_level.current() {
        Ok(filter) => format!("{filter}\n").into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// More log lines cost money and may show more than one would tell everybody in the cluster network.
async fn set_log_level(
    State(served): State<Served>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    body: String,
) -> Response {
    if !from_this_host(peer.ip()) {
        let told = "the log level is changed only from the operator's own host: use kubectl port-forward\n";
        return (StatusCode::FORBIDDEN, told).into_response();
    }
    let filter = body.trim();
    match served.log_level.set(filter) {
        Ok(()) => {
            tracing::info!(filter, "Changed the log filter");
            log_level(State(served)).await
        }
        Err(error @ telemetry::Error::ParseFilter { .. }) => {
            (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// A listener for both families shows the peer 127.0.0.1 as `::ffff:127.0.0.1`.
fn from_this_host(peer: IpAddr) -> bool {
    peer.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests;
