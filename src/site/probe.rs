//! Whether the site is served: its front page is fetched through the Service, as a visitor's proxy would.

use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Service;
use tokio::net::TcpStream;

use super::diagnosis::Finding;
use super::model::Site;
use crate::api::condition::Reason;

/// A page that takes longer is not one that a visitor waits for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the page could not be fetched.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("failed to connect: {0}")]
    Connect(std::io::Error),
    #[error("failed to ask for the page: {0}")]
    Request(#[from] hyper::Error),
    #[error("failed to name the host: {0}")]
    Build(#[from] hyper::http::Error),
}

/// Fetches the front page of `site` through `service`, with the canonical host. `Ok` says what came.
pub async fn probe(site: &Site, service: Option<&Service>) -> Result<String, Finding> {
    let address = service.and_then(|service| service.spec.as_ref()?.cluster_ip.clone());
    let Some(address) = address.filter(|address| address != "None") else {
        return Err(Finding::new(Reason::Waiting, "the Service has no address yet"));
    };
    let name = format!("the page {}/ through the Service", site.url);
    match tokio::time::timeout(PATIENCE, fetch(site, &address)).await {
        Err(_) => Err(unavailable(format!("{name} did not answer within {} s", PATIENCE.as_secs()))),
        Ok(Err(error)) => Err(unavailable(format!("{name} does not answer: {error}"))),
        Ok(Ok(status)) if status.is_success() => Ok(format!("{name} answers with {}", status.as_u16())),
        // For instance a site that shows its pages to members only.
        Ok(Ok(status)) if status.is_redirection() => {
            Ok(format!("{name} answers with the redirect {}", status.as_u16()))
        }
        // The operator does not know what the distribution sends, and must not: that the door is shut is the right answer.
        Ok(Ok(StatusCode::FORBIDDEN)) if is_closed(site) => {
            Ok(format!("{name} is refused to all but the distribution, as it should be"))
        }
        Ok(Ok(status)) => Err(unavailable(format!(
            "{name} answers with {}; see `kubectl logs deployment/{}-web -c php`",
            status.as_u16(),
            site.name
        ))),
    }
}

fn is_closed(site: &Site) -> bool {
    site.gateway.as_ref().is_some_and(|gateway| !gateway.origin_secret_arns.is_empty())
}

fn unavailable(message: String) -> Finding {
    Finding::new(Reason::PageUnavailable, message)
}

async fn fetch(site: &Site, address: &str) -> Result<StatusCode, Error> {
    let stream = TcpStream::connect((address, 80)).await.map_err(Error::Connect)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let scheme = if site.url.starts_with("https:") { "https" } else { "http" };
    let request = Request::get("/")
        .header(HOST, site.canonical_host())
        .header("x-forwarded-proto", scheme)
        .header(USER_AGENT, concat!("tairyo/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        Ok::<_, Error>(response.status())
    };
    // The connection has to be driven while the answer is awaited, and ends with it.
    tokio::select! {
        answer = exchange => answer,
        ended = connection => match ended {
            Err(error) => Err(error.into()),
            Ok(()) => Err(Error::Connect(std::io::ErrorKind::ConnectionReset.into())),
        },
    }
}
