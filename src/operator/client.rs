//! The way to the API server: in the cluster or by kubeconfig, bounded in time, counted.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::header::{HeaderValue, USER_AGENT};
use axum::http::{Method, Request, Response};
use kube::Client;
use kube::client::{Body, ClientBuilder};
use kube::config::{Config, InferConfigError};
use tokio::time::Instant;
use tower::{BoxError, Layer, Service};

use super::metrics::Metrics;

/// How we are named in the API server's audit log.
const AGENT: &str = concat!("tairyo/", env!("CARGO_PKG_VERSION"));
/// A server that takes longer to accept a connection is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What a request may take until its answer begins, with all its repetitions. The client repeats what a server that is
/// overloaded refused up to 15 times, for many minutes; a pass would hold one of the places of the pool for so long.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Longer than the longest watch (290 seconds), so that it ends only connections which are dead.
const READ_TIMEOUT: Duration = Duration::from_secs(295);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a kubeconfig nor a service account was found.
    #[error("failed to find the API server: run in a pod with a service account, or set KUBECONFIG")]
    InferConfiguration(#[source] Box<InferConfigError>),
    /// The configuration cannot be used.
    #[error("failed to build the client of the API server")]
    BuildClient(#[source] Box<kube::Error>),
    /// A request had no answer in time.
    #[error("failed to get an answer of the API server to {verb} {resource} within {} seconds", REQUEST_TIMEOUT.as_secs())]
    AwaitAnswer {
        /// What was asked, such as `get`.
        verb: &'static str,
        /// Of what, such as `deployments`.
        resource: String,
    },
}

/// The client for where this process runs.
pub async fn connect(metrics: &Metrics) -> Result<Client, Error> {
    install_crypto();
    let mut config = Config::infer().await.map_err(|error| Error::InferConfiguration(Box::new(error)))?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.write_timeout = Some(REQUEST_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    // Without it the time that a pooled connection was idle counts against the next answer.
    config.reset_reader_on_write = true;
    config.headers.push((USER_AGENT, HeaderValue::from_static(AGENT)));
    let builder = ClientBuilder::try_from(config).map_err(|error| Error::BuildClient(Box::new(error)))?;
    Ok(builder.with_layer(&ObserveLayer::new(metrics.clone())).build())
}

/// Makes aws-lc-rs the provider of TLS for the whole process; more than one call does no harm.
pub fn install_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_some() {
        return;
    }
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("Another thread installed the TLS provider first");
    }
}

/// Counts requests to the API server and gives each a deadline.
#[derive(Clone, Debug)]
pub struct ObserveLayer {
    metrics: Metrics,
}

impl ObserveLayer {
    /// Counts in `metrics`.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics }
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Observe { inner, metrics: self.metrics.clone() }
    }
}

/// What [`ObserveLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct Observe<S> {
    inner: S,
    metrics: Metrics,
}

impl<S, B> Service<Request<Body>> for Observe<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = request.method().clone();
        let Asked { verb, resource } = asked(&method, request.uri().path(), request.uri().query().unwrap_or_default());
        let metrics = self.metrics.clone();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let started = Instant::now();
            // A watch ends by itself, and kube judges on its own whether it is idle for too long.
            let answer = if verb == "watch" {
                answer.await.map_err(Into::into)
            } else {
                match tokio::time::timeout(REQUEST_TIMEOUT, answer).await {
                    Ok(answer) => answer.map_err(Into::into),
                    Err(_) => Err(Error::AwaitAnswer { verb, resource: resource.clone() }.into()),
                }
            };
            let status = answer.as_ref().ok().map(|response| response.status().as_u16());
            metrics.request_answered(method.as_str(), verb, &resource, status, started.elapsed());
            answer
        })
    }
}

/// A request in the words of Kubernetes' own audit log and roles.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    verb: &'static str,
    resource: String,
}

/// Only the plural of a kind and its subresource are kept of a path, never a name: there are as many resources as
/// kinds that we touch, but as many names as objects, and each would be a time series of its own.
fn asked(method: &Method, path: &str, query: &str) -> Asked {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let in_group = match segments.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
        _ => &[],
    };
    let (resource, named) = match in_group {
        [] => ("nonresource".to_owned(), false),
        // A namespace itself, or its status: what follows is no plural of a kind.
        ["namespaces"] => ("namespaces".to_owned(), false),
        ["namespaces", _] => ("namespaces".to_owned(), true),
        ["namespaces", _, part @ ("status" | "finalize")] => (format!("namespaces/{part}"), true),
        ["namespaces", _, plural] | [plural] => ((*plural).to_owned(), false),
        ["namespaces", _, plural, _] | [plural, _] => ((*plural).to_owned(), true),
        ["namespaces", _, plural, _, part, ..] | [plural, _, part, ..] => (format!("{plural}/{part}"), true),
    };
    let watches = query.split('&').any(|parameter| matches!(parameter, "watch=true" | "watch=1" | "watch"));
    let verb = match *method {
        Method::GET if watches => "watch",
        Method::GET if named || in_group.is_empty() => "get",
        Method::GET => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if named => "delete",
        Method::DELETE => "deletecollection",
        _ => "other",
    };
    Asked { verb, resource }
}

#[cfg(test)]
mod tests;
