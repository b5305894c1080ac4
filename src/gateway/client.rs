//! One request to a gateway, for probes: the kubelet reaches no unix socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// Shorter than the second that a probe gets by default would be too short on a busy node.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Why there is no answer, or not the wanted one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens.
    #[error("failed to connect to {socket}")]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The gateway does not speak.
    #[error("failed to ask the gateway")]
    Ask(#[source] hyper::Error),
    /// The request cannot be made.
    #[error("failed to make the request")]
    Make(#[source] hyper::http::Error),
    /// The gateway takes too long.
    #[error("failed to get an answer within {} seconds", TIMEOUT.as_secs())]
    Wait,
    /// The gateway says no.
    #[error("failed to find the gateway ready: {0}")]
    NotReady(String),
}

/// Whether the gateway of `socket` is ready; if not, the error says why.
pub async fn ready(socket: &Path) -> Result<(), Error> {
    let (status, text) =
        tokio::time::timeout(TIMEOUT, ask(socket, Method::GET, "/readyz")).await.map_err(|_| Error::Wait)??;
    if status.is_success() { Ok(()) } else { Err(Error::NotReady(text.trim().replace('\n', "; "))) }
}

/// The status and the text of an answer.
pub(super) async fn ask(socket: &Path, method: Method, path: &str) -> Result<(StatusCode, String), Error> {
    let stream = UnixStream::connect(socket);
    let stream = stream.await.map_err(|source| Error::Connect { socket: socket.to_owned(), source })?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(Error::Ask)?;
    // The connection has to be driven beside the request; its error is the request's, too.
    tokio::spawn(async move { drop(connection.await) });
    let request = Request::builder().method(method).uri(path).header("Host", "gateway");
    let request = request.body(Empty::<Bytes>::new()).map_err(Error::Make)?;
    let answer = sender.send_request(request).await.map_err(Error::Ask)?;
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(Error::Ask)?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
