//! Waits for our two CRDs, and notices when one goes away.
//!
//! A chart, Argo CD or Flux may start the operator before its CRDs. It waits instead of crashing: a crash loop would be
//! slower to recover and say less. Each CRD is asked for by name, so a role that allows `get` on the two is enough.

use std::fmt;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client};
use rand::RngExt as _;
use tokio_util::sync::CancellationToken;

use super::health::Readiness;
use super::metrics::Metrics;

/// The CRDs without which nothing runs.
pub const REQUIRED: [&str; 2] = ["wordpressclasses.tairyo.dev", "wordpresssites.tairyo.dev"];

/// The name of the check in [`Readiness`].
pub const CHECK: &str = "custom-resource-definitions";

/// How soon a missing CRD is asked for again, at first and at most. Who installs it waits for us.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// How often it is asked whether they are still there.
const STILL_THERE: Duration = Duration::from_mins(1);

/// Where a CRD stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Presence {
    Established,
    NotEstablished,
    Missing,
    /// The API server gave no answer from which it can be told.
    Unknown(String),
}

impl fmt::Display for Presence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Established => formatter.write_str("is established"),
            Self::NotEstablished => formatter.write_str("is installed but not yet established"),
            Self::Missing => formatter.write_str("is not installed; `tairyo crds | kubectl apply -f -` installs it"),
            Self::Unknown(reason) => write!(formatter, "cannot be read: {reason}"),
        }
    }
}

/// The watch over the CRDs.
#[derive(Debug)]
pub struct Crds {
    api: Api<CustomResourceDefinition>,
    readiness: Readiness,
    metrics: Metrics,
    known: [Option<Presence>; REQUIRED.len()],
}

impl Crds {
    /// Nothing is asked yet; until then the operator is not ready.
    #[must_use]
    pub fn new(client: Client, readiness: Readiness, metrics: Metrics) -> Self {
        readiness.failing(CHECK, "not looked for yet");
        Self { api: Api::all(client), readiness, metrics, known: [const { None }; REQUIRED.len()] }
    }

    /// Returns once both are established.
    pub async fn wait(&mut self) {
        let (mut pause, longest) = ASK_AGAIN;
        while !self.look().await {
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Keeps readiness, metric and log true until `stop`.
    pub async fn follow(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(jittered(STILL_THERE)) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wait() => {}
            }
        }
    }

    /// Asks once for each, tells what changed, and answers whether all are established.
    async fn look(&mut self) -> bool {
        for (name, known) in REQUIRED.iter().zip(&mut self.known) {
            let now = presence(self.api.get_opt(name).await);
            // A server that is away for a moment does not take the CRDs with it: what was known stays true. A replica
            // that became unready for that would only add to the trouble.
            let settles = !matches!(now, Presence::Unknown(_)) || !matches!(known, Some(Presence::Established));
            if !settles {
                tracing::debug!(crd = name, presence = %now, "Failed to look after a CRD");
                continue;
            }
            if known.as_ref() != Some(&now) {
                if now == Presence::Established {
                    tracing::info!(crd = name, "CRD is established");
                } else {
                    tracing::warn!(crd = name, presence = %now, "Waiting for a CRD");
                }
            }
            self.metrics.set_crd_missing(name, now != Presence::Established);
            *known = Some(now);
        }
        let reasons: Vec<String> = REQUIRED
            .iter()
            .zip(&self.known)
            .filter_map(|(name, known)| known.as_ref().map(|known| (name, known)))
            .filter(|(_, known)| **known != Presence::Established)
            .map(|(name, known)| format!("{name} {known}"))
            .collect();
        if reasons.is_empty() {
            self.readiness.ready(CHECK);
        } else {
            self.readiness.failing(CHECK, reasons.join("; "));
        }
        reasons.is_empty()
    }
}

fn presence(answer: Result<Option<CustomResourceDefinition>, kube::Error>) -> Presence {
    match answer {
        Ok(None) => Presence::Missing,
        // One that is being deleted still says that it is established, and takes all its objects with it.
        Ok(Some(crd)) if crd.metadata.deletion_timestamp.is_some() => Presence::Missing,
        Ok(Some(crd)) if is_established(&crd) => Presence::Established,
        Ok(Some(_)) => Presence::NotEstablished,
        Err(error) => Presence::Unknown(chain(&error)),
    }
}

fn is_established(crd: &CustomResourceDefinition) -> bool {
    let conditions = crd.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Established" && condition.status == "True")
}

/// A fifth more or less, so that replicas which started together do not ask together.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.8..1.2))
}

/// The error with its causes: "client error (Connect)" alone tells nobody what to do.
fn chain(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    for cause in std::iter::successors(error.source(), |error| error.source()).map(ToString::to_string) {
        // Some errors already tell their cause themselves.
        if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

#[cfg(test)]
mod tests;
