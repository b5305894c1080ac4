use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt as _;
use tower::Service as _;

use super::*;

struct Served {
    router: Router,
    heartbeat: Heartbeat,
    readiness: Readiness,
    _subscriber: Box<dyn std::any::Any>,
}

fn served() -> Served {
    let (log_level, subscriber) = telemetry::for_tests("info");
    let (heartbeat, readiness) = (Heartbeat::new(), Readiness::new());
    let state = super::Served {
        heartbeat: heartbeat.clone(),
        readiness: readiness.clone(),
        metrics: Metrics::new(),
        log_level,
    };
    Served { router: router(state), heartbeat, readiness, _subscriber: Box::new(subscriber) }
}

impl Served {
    async fn ask_from(&mut self, peer: &str, method: Method, path: &str, body: &'static str) -> (u16, String) {
        let peer = SocketAddr::new(peer.parse().expect("an address"), 1);
        let request = Request::builder().method(method).uri(path).extension(ConnectInfo(peer));
        let request = request.body(Body::from(body)).expect("a request");
        let answer = self.router.call(request).await.expect("a router always answers");
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8(bytes.to_vec()).expect("text"))
    }

    async fn get(&mut self, path: &str) -> (u16, String) {
        self.ask_from("10.0.0.9", Method::GET, path, "").await
    }
}

#[tokio::test]
async fn readiness_names_every_check_and_why_it_fails() {
    let mut served = served();
    assert_eq!(served.get("/readyz").await, (200, "ready\n".to_owned()));
    served.readiness.ready("custom-resource-definitions");
    served.readiness.failing("caches", "waiting for the sites");
    let told = "[-] caches: waiting for the sites\n[+] custom-resource-definitions: ok\nnot ready\n";
    assert_eq!(served.get("/readyz").await, (503, told.to_owned()));
    served.readiness.remove("caches");
    assert_eq!(served.get("/readyz").await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn liveness_ends_only_with_the_runtime() {
    let mut served = served();
    served.readiness.failing("caches", "waiting");
    assert_eq!(served.get("/livez").await.0, 200);
    tokio::time::advance(SILENCE).await;
    assert_eq!(served.get("/livez").await, (500, "the runtime has run no task for 20 seconds\n".to_owned()));
    served.heartbeat.beat();
    assert_eq!(served.get("/livez").await.0, 200);
    let beating = tokio::spawn(served.heartbeat.clone().run());
    for _ in 0..100 {
        tokio::time::sleep(BEAT).await;
    }
    assert_eq!(served.get("/livez").await.0, 200);
    beating.abort();
}

#[tokio::test]
async fn the_log_level_is_shown_to_all_and_changed_from_this_host_alone() {
    let mut served = served();
    assert_eq!(served.get("/log-level").await, (200, "info\n".to_owned()));
    let refused = served.ask_from("10.0.0.9", Method::PUT, "/log-level", "debug").await;
    assert!(refused.0 == 403 && refused.1.contains("kubectl port-forward"), "{refused:?}");
    assert_eq!(served.get("/log-level").await.1, "info\n");
    for here in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(served.ask_from(here, Method::PUT, "/log-level", "debug\n").await, (200, "debug\n".to_owned()));
    }
    let wrong = served.ask_from("127.0.0.1", Method::PUT, "/log-level", "loud").await;
    assert!(wrong.0 == 400 && wrong.1.contains("off, error, warn, info, debug, trace"), "{wrong:?}");
    assert_eq!(served.get("/log-level").await.1, "debug\n");
}

#[tokio::test]
async fn metrics_are_served_and_other_paths_tell_what_there_is() {
    let mut served = served();
    let (status, told) = served.get("/metrics").await;
    assert!(status == 200 && told.ends_with("# EOF\n"), "{told}");
    assert_eq!(served.get("/").await, (404, "here are /livez, /readyz, /metrics and /log-level\n".to_owned()));
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("any free port");
    let address = taken.local_addr().expect("an address");
    let error = bind(address).await.expect_err("it is taken").to_string();
    assert!(error.contains(&address.to_string()) && error.contains("--address"), "{error}");
}

#[tokio::test]
async fn serving_ends_when_asked_though_a_client_stays_connected() {
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("any free port");
    let address = listener.local_addr().expect("an address");
    let stop = CancellationToken::new();
    let (log_level, _subscriber) = telemetry::for_tests("info");
    let serving = tokio::spawn(serve(listener, Readiness::new(), Metrics::new(), log_level, stop.clone()));
    let client = tokio::net::TcpStream::connect(address).await.expect("it listens");
    stop.cancel();
    let served = tokio::time::timeout(Duration::from_secs(10), serving).await;
    served.expect("it ends in time").expect("without a panic").expect("without an error");
    drop(client);
}
