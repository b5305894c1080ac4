use std::sync::{Arc, Mutex};

use axum::http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use k8s_openapi::api::coordination::v1::Lease;
use kube::client::Body;
use serde_json::json;
use tower_test::mock;

use super::*;

/// An API server that knows one Lease, and that nobody may write over what he has not read.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Option<Lease>>>);

impl Server {
    fn held_by(holder: &str) -> Self {
        let lease = json!({
            "metadata": {"name": LEASE, "resourceVersion": "1"},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15},
        });
        Self(Arc::new(Mutex::new(serde_json::from_value(lease).expect("a Lease"))))
    }

    fn holder(&self) -> Option<String> {
        let lease = self.0.lock().expect("no panic").clone()?;
        lease.spec?.holder_identity.filter(|holder| !holder.is_empty())
    }

    fn answer(&self, method: &Method, sent: &[u8]) -> (u16, Vec<u8>) {
        let mut held = self.0.lock().expect("no panic");
        let refuse = |code: u16| {
            let reason = if code == 404 { "NotFound" } else { "Conflict" };
            let refusal = json!({"status": "Failure", "code": code, "message": reason, "reason": reason});
            (code, serde_json::to_vec(&refusal).expect("JSON"))
        };
        if *method != Method::GET {
            let mut lease: Lease = serde_json::from_slice(sent).expect("a Lease");
            let read = held.as_ref().and_then(|held| held.metadata.resource_version.clone());
            if lease.metadata.resource_version != read {
                return refuse(409);
            }
            let next = read.map_or(1, |read| read.parse::<u64>().expect("a number") + 1);
            lease.metadata.resource_version = Some(next.to_string());
            *held = Some(lease);
        }
        held.as_ref().map_or_else(|| refuse(404), |lease| (200, serde_json::to_vec(lease).expect("JSON")))
    }

    fn client(&self) -> Client {
        let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
        let server = self.clone();
        tokio::spawn(async move {
            while let Some((request, respond)) = handle.next_request().await {
                let method = request.method().clone();
                let sent = request.into_body().collect().await.expect("a body").to_bytes();
                let (status, body) = server.answer(&method, &sent);
                respond.send_response(Response::builder().status(status).body(Body::from(body)).expect("a response"));
            }
        });
        Client::new(service, "tairyo")
    }
}

fn runtime(client: &Client) -> Runtime {
    let metrics = Metrics::new();
    Runtime {
        client: client.clone(),
        events: Publisher::new(client.clone(), "us", metrics.clone()),
        metrics,
        readiness: Readiness::new(),
        shutdown: CancellationToken::new(),
        options: options::for_tests(&["--shutdown-grace-seconds", "20"]),
        backoff: Backoff::new(),
    }
}

fn election(client: &Client) -> LeaderElection {
    LeaderElection::new(client.clone(), "tairyo", LEASE, "us")
}

fn leads(metrics: &Metrics) -> bool {
    metrics.encode().expect("metrics").contains("leader_election_master_status{name=\"tairyo-operator\"} 1")
}

#[tokio::test(start_paused = true)]
async fn running_passes_are_finished_under_the_lease_and_then_it_is_given_back() {
    let server = Server::default();
    let client = server.client();
    let runtime = runtime(&client);
    let (shutdown, metrics) = (runtime.shutdown.clone(), runtime.metrics.clone());
    let seen = Mutex::new(Vec::new());
    let controllers = async |runtime: Runtime| {
        seen.lock().expect("no panic").push((server.holder(), leads(&runtime.metrics)));
        runtime.shutdown.cancelled().await;
        tokio::time::sleep(Duration::from_secs(15)).await;
        seen.lock().expect("no panic").push((server.holder(), leads(&runtime.metrics)));
        Ok(())
    };
    let stopping = async {
        tokio::time::sleep(Duration::from_mins(5)).await;
        shutdown.cancel();
    };
    let election = election(&client);
    let (ended, ()) = tokio::join!(elected(&election, runtime, controllers), stopping);
    ended.expect("a graceful end");
    let held = (Some("us".to_owned()), true);
    assert_eq!(*seen.lock().expect("no panic"), [held.clone(), held]);
    assert_eq!((server.holder(), leads(&metrics)), (None, false));
}

#[tokio::test(start_paused = true)]
async fn passes_that_outlast_the_grace_are_cut_off_and_the_lease_is_given_back() {
    let server = Server::default();
    let client = server.client();
    let runtime = runtime(&client);
    runtime.shutdown.cancel();
    let started = tokio::time::Instant::now();
    let ended = within_grace(&runtime.shutdown, Duration::from_secs(20), std::future::pending()).await;
    assert!(matches!(ended, Err(Error::FinishPasses { .. })), "{ended:?}");
    assert_eq!(started.elapsed().as_secs(), 20);

    let runtime = self::runtime(&client);
    let shutdown = runtime.shutdown.clone();
    let controllers = async |_: Runtime| {
        shutdown.cancel();
        std::future::pending().await
    };
    let ended = elected(&election(&client), runtime, controllers).await;
    assert!(matches!(ended, Err(Error::FinishPasses { .. })), "{ended:?}");
    assert_eq!(server.holder(), None);
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_ends_the_work_with_an_error() {
    let server = Server::default();
    let client = server.client();
    let runtime = runtime(&client);
    let metrics = runtime.metrics.clone();
    let controllers = async |_: Runtime| {
        *server.0.lock().expect("no panic") = Server::held_by("them").0.lock().expect("no panic").clone();
        std::future::pending().await
    };
    let ended = elected(&election(&client), runtime, controllers).await;
    assert!(matches!(ended, Err(Error::KeepLease)), "{ended:?}");
    assert_eq!((server.holder().as_deref(), leads(&metrics)), (Some("them"), false));
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_waits_for_the_lease_ends_at_once_and_leaves_it_alone() {
    let server = Server::held_by("them");
    let client = server.client();
    let runtime = runtime(&client);
    let shutdown = runtime.shutdown.clone();
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        shutdown.cancel();
    };
    let controllers = async |_: Runtime| panic!("it does not lead");
    let election = election(&client);
    let (ended, ()) = tokio::join!(elected(&election, runtime, controllers), stopping);
    ended.expect("a graceful end");
    assert_eq!(server.holder().as_deref(), Some("them"));
}

#[tokio::test]
async fn controllers_that_end_by_themselves_are_a_failure() {
    let shutdown = CancellationToken::new();
    let grace = Duration::from_secs(1);
    let ended = within_grace(&shutdown, grace, async { Ok(()) }).await;
    assert!(matches!(ended, Err(Error::KeepControllers)), "{ended:?}");
    let ended = within_grace(&shutdown, grace, async { Err("no cache".into()) }).await;
    assert!(matches!(&ended, Err(Error::RunControllers(cause)) if cause.to_string() == "no cache"), "{ended:?}");
    shutdown.cancel();
    within_grace(&shutdown, grace, async { Ok(()) }).await.expect("it was asked to end");
}
