use hyper::Method;

use super::super::client::{self, ask};
use super::super::files::for_tests::Folder;
use super::super::material::Material;
use super::super::store::for_tests::Scripted;
use super::*;

struct Running {
    folder: Folder,
    socket: PathBuf,
    keeper: Arc<Keeper>,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Running {
    fn new<const N: usize>(answers: [Result<&'static str, &'static str>; N], with_database: bool) -> Self {
        let folder = Folder::new();
        let socket = folder.path().join("gateway.sock");
        let (readiness, metrics) = (Readiness::new(), Metrics::new());
        let material = Material::Database { arn: "a".into(), folder: folder.path().join("credentials") };
        let keeper = Keeper::new(material, Arc::new(Scripted::new(answers)), readiness.clone(), metrics.clone());
        let keeper = Arc::new(keeper);
        let served = Served { readiness, metrics, database: with_database.then(|| keeper.clone()), media: None };
        let shutdown = CancellationToken::new();
        let listener = bind(&socket).expect("the folder is ours");
        let serving = tokio::spawn(serve(listener, served, shutdown.clone()));
        Self { folder, socket, keeper, shutdown, serving }
    }

    async fn ask(&self, method: Method, path: &str) -> (u16, String) {
        let (status, text) = ask(&self.socket, method, path).await.expect("it answers");
        (status.as_u16(), text)
    }

    async fn end(self) {
        self.shutdown.cancel();
        self.serving.await.expect("it does not panic").expect("it ends well");
    }
}

#[tokio::test]
async fn ready_is_what_was_written() {
    let running = Running::new([Ok(r#"{"username":"u","password":"p"}"#)], true);
    assert_eq!(running.ask(Method::GET, "/livez").await, (200, "alive\n".into()));
    let (status, text) = running.ask(Method::GET, "/readyz").await;
    assert_eq!(status, 503);
    assert!(text.contains("[-] database: not read yet"), "{text}");
    let error = client::ready(&running.socket).await.expect_err("nothing is read");
    assert!(error.to_string().contains("[-] database: not read yet"), "{error}");

    assert_eq!(running.keeper.refresh().await, Refreshed::Changed);
    assert!(running.folder.path().join("credentials/password").exists());
    client::ready(&running.socket).await.expect("all is read");
    running.end().await;
}

#[tokio::test]
async fn a_refresh_answers_what_it_did() {
    let running = Running::new([Ok(r#"{"username":"u","password":"p"}"#)], true);
    let path = "/credentials/database/refresh";
    assert_eq!(running.ask(Method::POST, path).await, (200, r#"{"result":"Changed"}"#.into()));
    assert_eq!(running.ask(Method::POST, path).await, (200, r#"{"result":"TooSoon"}"#.into()));
    assert_eq!(running.ask(Method::GET, path).await.0, 405);
    let (_, text) = running.ask(Method::GET, "/metrics").await;
    let line = r#"tairyo_gateway_requests_total{route="/credentials/database/refresh",method="POST",code="200"} 2"#;
    assert!(text.contains(line), "{text}");
    running.end().await;
}

#[tokio::test]
async fn a_refresh_that_fails_says_the_code() {
    let running = Running::new([Err("AccessDeniedException")], true);
    let (status, text) = running.ask(Method::POST, "/credentials/database/refresh").await;
    assert_eq!((status, text.as_str()), (503, r#"{"code":"AccessDeniedException","result":"Failed"}"#));
    running.end().await;
}

#[tokio::test]
async fn without_a_secret_there_is_nothing_to_refresh() {
    let running = Running::new([Err("unused")], false);
    assert_eq!(running.ask(Method::POST, "/credentials/database/refresh").await.0, 404);
    assert_eq!(running.ask(Method::GET, "/nothing").await.0, 404);
    running.end().await;
}

#[tokio::test]
async fn the_socket_is_for_the_pods_group_and_taken_from_a_dead_gateway() {
    let folder = Folder::new();
    let socket = folder.path().join("gateway.sock");
    drop(bind(&socket).expect("the folder is ours"));
    assert!(socket.exists(), "a closed listener leaves its file");
    let error = client::ready(&socket).await.expect_err("nobody listens");
    assert!(matches!(error, client::Error::Connect { .. }), "{error:?}");
    let _listener = bind(&socket).expect("the old file is no obstacle");
    let mode = std::fs::metadata(&socket).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
}
