//! What the other containers of the pod ask of the gateway, over its unix socket.
//!
//! `GET /livez`: 200. `GET /readyz`: 200 once all credentials were written, else 503 and which are not.
//! `GET /metrics`: for Prometheus. `POST /credentials/database/refresh`: reads the database's login again and answers
//! 200 with `{"result":"Changed"|"Unchanged"|"TooSoon"}`, or 503 with `{"result":"Failed","code":…}`. The routes of uploads
//! are in [`media`].

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use super::keeper::{Keeper, Refreshed};
use super::media::{self, Media};
use super::metrics::Metrics;
use crate::operator::health::Readiness;
use crate::operator::metrics::CONTENT_TYPE;

/// The pod's user and group: every container of the pod, and nobody else on the node.
const SOCKET_MODE: u32 = 0o660;
/// What open requests get after SIGTERM. The kubelet ends sidecars after the containers that use them.
const DRAIN: Duration = Duration::from_secs(5);

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path cannot be had.
    #[error("failed to listen on {path}")]
    Bind {
        /// The one that was asked for.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The server stopped.
    #[error("failed to serve the pod")]
    Serve(#[source] io::Error),
}

/// What the routes need.
#[derive(Clone)]
pub struct Served {
    /// The checks of `/readyz`.
    pub readiness: Readiness,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// The database's login, if it comes from a secret of AWS.
    pub database: Option<Arc<Keeper>>,
    /// The bucket of uploads, if they are in one.
    pub media: Option<Media>,
}

/// Takes the socket, also from a gateway that was killed and left its file.
pub fn bind(path: &Path) -> Result<UnixListener, Error> {
    let failed = |source| Error::Bind { path: path.to_owned(), source };
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE)).map_err(failed)?;
    Ok(listener)
}

/// Serves until `shutdown`; then open requests are finished, within a few seconds.
pub async fn serve(listener: UnixListener, served: Served, shutdown: CancellationToken) -> Result<(), Error> {
    let until = shutdown.clone();
    let serving = axum::serve(listener, router(served)).with_graceful_shutdown(async move { until.cancelled().await });
    let overdue = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ended = serving => ended.map_err(Error::Serve),
        () = overdue => {
            tracing::warn!("Cut off requests that did not end in time");
            Ok(())
        }
    }
}

fn router(served: Served) -> Router {
    let media = served.media.clone().map_or_else(Router::new, media::router);
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/credentials/database/refresh", post(refresh_database))
        .with_state(served.clone())
        .merge(media)
        .layer(middleware::from_fn_with_state(served.metrics, count))
}

async fn count(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().to_string();
    let response = next.run(request).await;
    metrics.request_answered(&route, &method, response.status().as_u16());
    response
}

async fn readyz(State(served): State<Served>) -> Response {
    let (ready, report) = served.readiness.report();
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, report).into_response()
}

async fn metrics(State(served): State<Served>) -> Response {
    match served.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn refresh_database(State(served): State<Served>) -> Response {
    let Some(database) = served.database else {
        let text = "databaseSecretArn is null: the database's login does not come from the gateway\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    };
    let (status, answer) = match database.refresh().await {
        Refreshed::Changed => (StatusCode::OK, json!({"result": "Changed"})),
        Refreshed::Unchanged => (StatusCode::OK, json!({"result": "Unchanged"})),
        Refreshed::TooSoon => (StatusCode::OK, json!({"result": "TooSoon"})),
        Refreshed::Failed(code) => (StatusCode::SERVICE_UNAVAILABLE, json!({"result": "Failed", "code": code})),
    };
    (status, [(header::CONTENT_TYPE, "application/json")], answer.to_string()).into_response()
}

#[cfg(test)]
mod tests;
