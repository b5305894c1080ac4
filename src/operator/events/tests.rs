use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};
use tower_test::mock::{self, Handle};

use super::*;

type Api = Handle<Request<Body>, Response<Body>>;

fn publisher() -> (Publisher, Metrics, Api) {
    let (service, api) = mock::pair();
    let metrics = Metrics::new();
    (Publisher::new(Client::new(service, "default"), "pod-1", metrics.clone()), metrics, api)
}

fn blog() -> ObjectReference {
    ObjectReference {
        name: Some("blog".to_owned()),
        namespace: Some("blogs".to_owned()),
        uid: Some("7".to_owned()),
        ..ObjectReference::default()
    }
}

/// Answers one request with `status` and, if it is taken, what was sent.
async fn answer(api: &mut Api, status: StatusCode) -> (String, Value) {
    let (request, respond) = api.next_request().await.expect("a request");
    let asked = format!("{} {}", request.method(), request.uri().path());
    let bytes = request.into_body().collect().await.expect("a body").to_bytes();
    let sent: Value = serde_json::from_slice(&bytes).expect("JSON");
    let told = if status.is_success() {
        sent.clone()
    } else {
        json!({"code": status.as_u16(), "message": "no", "reason": "Forbidden"})
    };
    let body = Body::from(serde_json::to_vec(&told).expect("JSON"));
    respond.send_response(Response::builder().status(status).body(body).expect("a response"));
    (asked, sent)
}

#[tokio::test]
async fn an_event_tells_who_what_and_why() {
    let (publisher, metrics, mut api) = publisher();
    let object = blog();
    let publishing = publisher.publish(&object, EventType::Normal, "Available", "Reconcile", "the site answers");
    let ((), (asked, sent)) = tokio::join!(publishing, answer(&mut api, StatusCode::CREATED));
    assert_eq!(asked, "POST /apis/events.k8s.io/v1/namespaces/blogs/events");
    assert_eq!(
        (&sent["type"], &sent["reason"], &sent["action"]),
        (&json!("Normal"), &json!("Available"), &json!("Reconcile"))
    );
    assert_eq!(sent["note"], "the site answers");
    assert_eq!(sent["regarding"]["uid"], "7");
    assert_eq!((&sent["reportingController"], &sent["reportingInstance"]), (&json!("tairyo"), &json!("pod-1")));
    let told = metrics.encode().expect("metrics");
    assert!(told.contains(r#"tairyo_events_total{type="Normal",reason="Available"} 1"#), "{told}");
}

#[tokio::test]
async fn the_same_said_again_is_counted_and_other_words_are_another_event() {
    let (publisher, _, mut api) = publisher();
    let object = blog();
    for (note, method) in [("a", "POST"), ("b", "POST"), ("a", "PATCH")] {
        let publishing = publisher.publish(&object, EventType::Warning, "Invalid", "Reconcile", note);
        let ((), (asked, sent)) = tokio::join!(publishing, answer(&mut api, StatusCode::OK));
        assert!(asked.starts_with(method), "{asked}");
        assert_eq!(sent["note"], note);
    }
}

#[tokio::test]
async fn an_event_that_is_refused_is_counted_and_harms_nothing() {
    let (publisher, metrics, mut api) = publisher();
    let object = blog();
    let publishing = publisher.publish(&object, EventType::Normal, "Available", "Reconcile", "note");
    tokio::join!(publishing, answer(&mut api, StatusCode::FORBIDDEN));
    let told = metrics.encode().expect("metrics");
    assert!(told.contains("tairyo_event_failures_total 1"), "{told}");
}

#[test]
fn what_is_too_long_is_cut_between_characters() {
    let event = event(EventType::Normal, &"R".repeat(200), &"A".repeat(200), &"大漁".repeat(1000));
    assert_eq!((event.reason.chars().count(), event.reason.len()), (126, LONGEST_REASON));
    assert!(event.action.len() <= LONGEST_REASON);
    let note = event.note.expect("a note");
    assert!(note.len() <= LONGEST_NOTE && note.len() > LONGEST_NOTE - 4 && note.ends_with('…'), "{}", note.len());
    assert_eq!(cut("short", 5), "short");
    assert!(super::event(EventType::Normal, "R", "A", "").note.is_none());
}
