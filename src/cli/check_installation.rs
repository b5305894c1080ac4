//! `tairyo check-installation`: what `helm test` runs, in a pod of its own. The image has no shell.

use std::io::Write as _;
use std::time::Duration;

use clap::Args;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// What one question may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Between two questions.
const PAUSE: Duration = Duration::from_secs(1);

/// Whom to ask, and for how long.
#[derive(Args)]
#[command(after_help = "Examples:\n  tairyo check-installation --operator tairyo.tairyo-system.svc:8080")]
pub struct Options {
    /// Where the operator serves /readyz, such as tairyo.tairyo-system.svc:8080
    #[arg(long, env = "TAIRYO_OPERATOR", value_name = "HOST:PORT")]
    operator: String,

    /// Seconds until the operator has to be ready
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3600))]
    timeout_seconds: u32,
}

/// Why the installation does not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens, or a policy forbids to ask.
    #[error("failed to connect to the operator at {operator}; it listens once one of its pods is ready")]
    Connect {
        /// Who was asked.
        operator: String,
        /// The cause.
        source: std::io::Error,
    },
    /// No answer of HTTP.
    #[error("failed to ask the operator whether it is ready")]
    Ask(#[from] hyper::Error),
    /// The host cannot stand in a request.
    #[error("failed to make the request")]
    Make(#[from] hyper::http::Error),
    /// No answer in time.
    #[error("failed to get an answer within {} seconds", TIMEOUT.as_secs())]
    Wait,
    /// The answer is no: it names each check and its reason.
    #[error("failed to find the operator ready: {0}")]
    NotReady(String),
    /// The answer cannot be told.
    #[error("failed to write to the output")]
    Write(#[source] std::io::Error),
}

/// Asks until the operator is ready, and tells what it said. It is ready once it has seen its definitions established.
pub async fn run(options: &Options) -> Result<(), Error> {
    let deadline = Instant::now() + Duration::from_secs(options.timeout_seconds.into());
    loop {
        let answer = tokio::time::timeout(TIMEOUT, ask(&options.operator)).await.unwrap_or(Err(Error::Wait));
        match answer {
            Ok(checks) => return writeln!(std::io::stdout(), "{}", checks.trim_end()).map_err(Error::Write),
            Err(error) if Instant::now() + PAUSE > deadline => return Err(error),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn ask(operator: &str) -> Result<String, Error> {
    let stream = TcpStream::connect(operator).await;
    let stream = stream.map_err(|source| Error::Connect { operator: operator.to_owned(), source })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // The connection has to be driven beside the request; its error is the request's, too.
    tokio::spawn(async move { drop(connection.await) });
    let request = Request::get("/readyz").header("Host", operator).body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let text = answer.into_body().collect().await?.to_bytes();
    let text = String::from_utf8_lossy(&text).into_owned();
    if status == StatusCode::OK { Ok(text) } else { Err(Error::NotReady(text.trim().replace('\n', "; "))) }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::operator::health::{self, Readiness};
    use crate::operator::metrics::Metrics;
    use crate::operator::telemetry;

    /// Asks a real server of probes with these checks.
    async fn answer(readiness: Readiness) -> Result<(), Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let operator = listener.local_addr().expect("it has an address").to_string();
        let stop = CancellationToken::new();
        let (level, _subscriber) = telemetry::for_tests("info");
        let serving = tokio::spawn(health::serve(listener, readiness, Metrics::new(), level, stop.clone()));
        let answer = run(&Options { operator, timeout_seconds: 1 }).await;
        stop.cancel();
        serving.await.expect("no panic").expect("it served");
        answer
    }

    #[tokio::test]
    async fn an_operator_that_is_ready_is_a_working_installation() {
        let readiness = Readiness::new();
        readiness.ready("definitions");
        answer(readiness).await.expect("it is ready");
    }

    #[tokio::test]
    async fn an_operator_that_is_not_ready_says_why() {
        let readiness = Readiness::new();
        readiness.failing("definitions", "wordpresssites.tairyo.dev is missing");
        let error = answer(readiness).await.expect_err("it is not ready").to_string();
        assert!(error.contains("wordpresssites.tairyo.dev is missing"), "{error}");
    }

    #[tokio::test]
    async fn nobody_at_all_is_an_error_that_names_the_address() {
        let options = Options { operator: "127.0.0.1:1".into(), timeout_seconds: 1 };
        let error = run(&options).await.expect_err("nobody listens").to_string();
        assert!(error.contains("127.0.0.1:1"), "{error}");
    }
}
