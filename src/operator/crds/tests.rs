use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::http::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tower_test::mock;

use super::*;

const CLASSES: &str = REQUIRED[0];
const SITES: &str = REQUIRED[1];

/// An API server that knows CRDs alone; each has a status code and a body.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<BTreeMap<String, (u16, Value)>>>);

impl Server {
    fn has(&self, name: &str, established: &str) {
        self.answers(name, 200, crd(name, established));
    }

    fn answers(&self, name: &str, status: u16, body: Value) {
        self.0.lock().expect("no panic").insert(name.to_owned(), (status, body));
    }

    fn client(&self) -> Client {
        let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
        let server = self.clone();
        tokio::spawn(async move {
            while let Some((request, respond)) = handle.next_request().await {
                let name = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
                let missing = || (404, status(404, "NotFound"));
                let (status, body) = server.0.lock().expect("no panic").get(&name).cloned().unwrap_or_else(missing);
                let body = Body::from(serde_json::to_vec(&body).expect("JSON"));
                respond.send_response(Response::builder().status(status).body(body).expect("a response"));
            }
        });
        Client::new(service, "default")
    }
}

fn status(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": reason})
}

fn crd(name: &str, established: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {"group": "tairyo.dev", "scope": "Namespaced", "names": {"kind": "X", "plural": "x"}, "versions": []},
        "status": {"conditions": [{"type": "Established", "status": established}]},
    })
}

fn crds(server: &Server) -> (Crds, Readiness, Metrics) {
    let (readiness, metrics) = (Readiness::new(), Metrics::new());
    (Crds::new(server.client(), readiness.clone(), metrics.clone()), readiness, metrics)
}

fn missing(metrics: &Metrics, crd: &str) -> bool {
    metrics.encode().expect("metrics").contains(&format!("tairyo_crd_missing{{crd=\"{crd}\"}} 1"))
}

#[tokio::test]
async fn a_missing_crd_is_named_in_readiness_and_metric() {
    let server = Server::default();
    server.has(SITES, "True");
    let (mut crds, readiness, metrics) = crds(&server);
    assert!(!readiness.report().0, "nothing was looked for");
    assert!(!crds.look().await);
    let (ready, told) = readiness.report();
    assert!(!ready && told.contains(&format!("{CLASSES} is not installed; `tairyo crds")), "{told}");
    assert!(!told.contains(SITES), "{told}");
    assert!(missing(&metrics, CLASSES) && !missing(&metrics, SITES));
}

#[tokio::test(start_paused = true)]
async fn waiting_goes_on_when_both_are_established() {
    let server = Server::default();
    let (mut crds, readiness, metrics) = crds(&server);
    let installing = async {
        tokio::time::sleep(Duration::from_mins(10)).await;
        server.has(CLASSES, "True");
        server.has(SITES, "False");
        tokio::time::sleep(Duration::from_secs(30)).await;
        let (ready, told) = readiness.report();
        assert!(!ready && told.contains("installed but not yet established"), "{told}");
        server.has(SITES, "True");
    };
    let ((), ()) = tokio::join!(crds.wait(), installing);
    assert!(readiness.report().0);
    assert!(!missing(&metrics, CLASSES) && !missing(&metrics, SITES));
}

#[tokio::test(start_paused = true)]
async fn a_crd_that_goes_away_later_is_noticed_and_so_is_its_return() {
    let server = Server::default();
    server.has(CLASSES, "True");
    server.has(SITES, "True");
    let (mut crds, readiness, metrics) = crds(&server);
    crds.wait().await;
    let stop = CancellationToken::new();
    let following = tokio::spawn(crds.follow(stop.clone()));
    let mut deleted = crd(SITES, "True");
    deleted["metadata"]["deletionTimestamp"] = json!("2026-11-24T00:00:00Z");
    server.answers(SITES, 200, deleted);
    tokio::time::sleep(Duration::from_mins(3)).await;
    assert!(!readiness.report().0 && missing(&metrics, SITES));
    server.has(SITES, "True");
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(readiness.report().0 && !missing(&metrics, SITES));
    stop.cancel();
    following.await.expect("no panic");
}

#[tokio::test]
async fn a_server_that_refuses_is_told_at_the_start_and_changes_nothing_later() {
    let server = Server::default();
    server.answers(CLASSES, 403, status(403, "Forbidden"));
    server.has(SITES, "True");
    let (mut crds, readiness, _metrics) = crds(&server);
    assert!(!crds.look().await);
    let told = readiness.report().1;
    assert!(told.contains(&format!("{CLASSES} cannot be read: ")) && told.contains("Forbidden"), "{told}");
    server.has(CLASSES, "True");
    assert!(crds.look().await);
    server.answers(CLASSES, 500, status(500, "InternalError"));
    assert!(crds.look().await, "a server that fails for a moment does not take the CRDs with it");
    assert!(readiness.report().0);
}

#[test]
fn causes_are_told_once_each() {
    let cause = std::io::Error::other("refused");
    let error = kube::Error::Service(Box::new(std::io::Error::other(cause)));
    assert_eq!(chain(&error).matches("refused").count(), 1, "{}", chain(&error));
}
