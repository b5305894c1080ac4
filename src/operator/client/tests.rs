use axum::http::StatusCode;
use tower_test::mock;

use super::*;

fn asked_of(method: &Method, path_and_query: &str) -> (&'static str, String) {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let Asked { verb, resource } = asked(method, path, query);
    (verb, resource)
}

#[test]
fn requests_are_named_as_in_roles_without_names_of_objects() {
    let sites = "/apis/tairyo.dev/v1alpha1/namespaces/blogs/wordpresssites";
    for (method, path, verb, resource) in [
        (Method::GET, format!("{sites}?&limit=500"), "list", "wordpresssites"),
        (Method::GET, format!("{sites}?&watch=true&timeoutSeconds=290"), "watch", "wordpresssites"),
        (Method::GET, format!("{sites}/blog"), "get", "wordpresssites"),
        (Method::PATCH, format!("{sites}/blog/status?&fieldManager=tairyo"), "patch", "wordpresssites/status"),
        (Method::POST, sites.to_owned(), "create", "wordpresssites"),
        (
            Method::PUT,
            "/apis/coordination.k8s.io/v1/namespaces/t/leases/tairyo-operator".to_owned(),
            "update",
            "leases",
        ),
        (Method::DELETE, "/api/v1/namespaces/blogs/secrets/blog".to_owned(), "delete", "secrets"),
        (Method::DELETE, "/api/v1/namespaces/blogs/pods".to_owned(), "deletecollection", "pods"),
        (Method::GET, "/api/v1/namespaces".to_owned(), "list", "namespaces"),
        (Method::GET, "/api/v1/namespaces/blogs".to_owned(), "get", "namespaces"),
        (Method::PATCH, "/api/v1/namespaces/blogs/status".to_owned(), "patch", "namespaces/status"),
        (
            Method::GET,
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x".to_owned(),
            "get",
            "customresourcedefinitions",
        ),
        (Method::GET, "/api/v1/namespaces/blogs/pods/blog-1/log".to_owned(), "get", "pods/log"),
        (Method::GET, "/version".to_owned(), "get", "nonresource"),
    ] {
        assert_eq!(asked_of(&method, &path), (verb, resource.to_owned()), "{method} {path}");
    }
}

fn request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn answers_are_counted_by_status() {
    let (service, mut api) = mock::pair::<Request<Body>, Response<Body>>();
    let metrics = Metrics::new();
    let mut observed = ObserveLayer::new(metrics.clone()).layer(service);
    std::future::poll_fn(|context| observed.poll_ready(context)).await.expect("ready");
    let answering = async {
        let (_, respond) = api.next_request().await.expect("a request");
        let refused = Response::builder().status(StatusCode::FORBIDDEN).body(Body::empty());
        respond.send_response(refused.expect("a response"));
    };
    let (answer, ()) = tokio::join!(observed.call(request("/api/v1/namespaces/blogs/secrets/x")), answering);
    assert_eq!(answer.expect("an answer").status(), StatusCode::FORBIDDEN);
    let told = metrics.encode().expect("metrics");
    assert!(told.contains(r#"rest_client_requests_total{code="403",method="GET"} 1"#), "{told}");
    assert!(told.contains(r#"tairyo_api_requests_total{verb="get",resource="secrets"} 1"#), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_ends_and_says_which_it_was() {
    let (service, _silent) = mock::pair::<Request<Body>, Response<Body>>();
    let metrics = Metrics::new();
    let mut observed = ObserveLayer::new(metrics.clone()).layer(service);
    std::future::poll_fn(|context| observed.poll_ready(context)).await.expect("ready");
    let started = Instant::now();
    let error = observed.call(request("/apis/apps/v1/namespaces/blogs/deployments/blog")).await.expect_err("no answer");
    assert_eq!(started.elapsed().as_secs(), 30);
    assert!(error.to_string().contains("get deployments within 30 seconds"), "{error}");
    let told = metrics.encode().expect("metrics");
    assert!(told.contains(r#"rest_client_requests_total{code="<error>",method="GET"} 1"#), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_may_be_silent_for_longer() {
    let (service, _silent) = mock::pair::<Request<Body>, Response<Body>>();
    let mut observed = ObserveLayer::new(Metrics::new()).layer(service);
    std::future::poll_fn(|context| observed.poll_ready(context)).await.expect("ready");
    let watching = observed.call(request("/api/v1/pods?watch=true"));
    tokio::time::timeout(REQUEST_TIMEOUT * 3, watching).await.expect_err("it is still watching");
}

#[test]
fn crypto_is_installed_once_and_asked_for_often() {
    install_crypto();
    install_crypto();
    assert!(rustls::crypto::CryptoProvider::get_default().is_some());
}
