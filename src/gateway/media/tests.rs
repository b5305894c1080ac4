use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, header};
use axum::response::Response;
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;
use object_store::path::Path;
use serde_json::{Value, json};
use tower::Service as _;

use super::*;

const PREFIX: &str = "wp-content/uploads/";

struct Bench {
    store: Arc<InMemory>,
    router: axum::Router,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("headers are text"))
    }
}

impl Bench {
    fn new() -> Self {
        let store = Arc::new(InMemory::new());
        Self { router: router(Media::of(store.clone(), PREFIX)), store }
    }

    async fn ask(&mut self, method: &str, url: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response: Response =
            self.router.call(request.body(body.into()).expect("a request")).await.expect("it always answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the body is whole").to_bytes();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn get(&mut self, url: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", url, headers, "").await
    }

    async fn stored(&self, key: &str) -> Option<Bytes> {
        self.store.get(&Path::parse(key).expect("a key")).await.ok()?.bytes().await.ok()
    }
}

#[tokio::test]
async fn a_file_comes_back_as_it_was_put() {
    let mut bench = Bench::new();
    let url = "/media/2026/11/%E7%B4%85%E8%91%89%20%231.jpg";
    assert_eq!(bench.ask("PUT", url, &[("Content-Type", "image/jpeg")], "0123456789").await.status, 204);
    assert_eq!(bench.stored("wp-content/uploads/2026/11/紅葉 #1.jpg").await.as_deref(), Some(&b"0123456789"[..]));
    let answer = bench.get(url, &[]).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"0123456789"[..]));
    assert_eq!(answer.header("content-type"), Some("image/jpeg"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=2592000"));
    assert_eq!((answer.header("content-length"), answer.header("accept-ranges")), (Some("10"), Some("bytes")));
    let head = bench.ask("HEAD", url, &[], "").await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("10"), 0));
    assert_eq!(bench.ask("DELETE", url, &[], "").await.status, 204);
    assert_eq!(bench.ask("DELETE", url, &[], "").await.status, 204);
    assert_eq!((bench.get(url, &[]).await.status, bench.ask("HEAD", url, &[], "").await.status), (404, 404));
}

#[tokio::test]
async fn ranges_are_parts() {
    let mut bench = Bench::new();
    bench.ask("PUT", "/media/a.bin", &[], "0123456789").await;
    for (range, status, content_range, body) in [
        ("bytes=2-4", 206, Some("bytes 2-4/10"), "234"),
        ("bytes=7-", 206, Some("bytes 7-9/10"), "789"),
        ("bytes=-2", 206, Some("bytes 8-9/10"), "89"),
        ("bytes=5-99", 206, Some("bytes 5-9/10"), "56789"),
        ("bytes=0-1,3-4", 200, None, "0123456789"),
        ("bytes=10-", 416, Some("bytes */10"), "failed to find a part of the file in that range\n"),
    ] {
        let answer = bench.get("/media/a.bin", &[("Range", range)]).await;
        assert_eq!((answer.status, answer.header("content-range")), (status, content_range), "{range}");
        assert_eq!(answer.body, body, "{range}");
    }
}

#[tokio::test]
async fn what_did_not_change_is_not_sent() {
    let mut bench = Bench::new();
    bench.ask("PUT", "/media/a.txt", &[], "one").await;
    let first = bench.get("/media/a.txt", &[]).await;
    let (tag, date) = (first.header("etag").expect("a tag"), first.header("last-modified").expect("a date"));
    assert_eq!(bench.get("/media/a.txt", &[("If-None-Match", tag)]).await.status, 304);
    assert_eq!(bench.get("/media/a.txt", &[("If-Match", "\"other\"")]).await.status, 412);
    assert_eq!(bench.get("/media/a.txt", &[("If-None-Match", "\"other\"")]).await.status, 200);
    let late = "Fri, 01 Jan 2100 00:00:00 GMT";
    assert_eq!(bench.get("/media/a.txt", &[("If-Modified-Since", late)]).await.status, 304);
    assert!(date.ends_with("GMT"), "{date}");
}

#[tokio::test]
async fn a_large_file_goes_in_parts() {
    let mut bench = Bench::new();
    let large: Vec<u8> = (0..(20 << 20) + 123u32).map(|index| u8::try_from(index % 251).expect("below 251")).collect();
    let pieces: Vec<Result<Bytes, std::io::Error>> =
        large.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let body = Body::from_stream(futures::stream::iter(pieces));
    assert_eq!(bench.ask("PUT", "/media/film.mp4", &[("Content-Type", "video/mp4")], body).await.status, 204);
    assert!(bench.stored("wp-content/uploads/film.mp4").await.expect("it is there") == large);
    assert_eq!(bench.ask("HEAD", "/media/film.mp4", &[], "").await.header("content-type"), Some("video/mp4"));
}

#[tokio::test]
async fn a_file_that_is_cut_off_is_not_there() {
    for length in [100, 9 << 20] {
        let mut bench = Bench::new();
        let pieces = [Ok(Bytes::from(vec![0; length])), Err(std::io::Error::other("the line is cut"))];
        let body = Body::from_stream(futures::stream::iter(pieces));
        assert_eq!(bench.ask("PUT", "/media/a.bin", &[], body).await.status, 400);
        assert!(bench.stored("wp-content/uploads/a.bin").await.is_none());
    }
}

#[tokio::test]
async fn paths_that_lead_elsewhere_are_refused() {
    let mut bench = Bench::new();
    for url in
        ["/media/../x", "/media/a/%2e%2e/x", "/media/%2Fx", "/media/a%00b", "/media/a//b", "/media/a/", "/media/a%5Cb"]
    {
        for method in ["GET", "PUT", "DELETE"] {
            let answer = bench.ask(method, url, &[], "x").await;
            assert!(matches!(answer.status, 400 | 404), "{method} {url}: {}", answer.status);
        }
    }
    assert_eq!(bench.ask("PUT", "/media/a?from=../secret", &[], "").await.status, 400);
    assert_eq!(bench.get("/media-list?prefix=../", &[]).await.status, 400);
    assert_eq!(bench.store.list(None).count().await, 0);
}

#[tokio::test]
async fn a_copy_stays_in_the_bucket() {
    let mut bench = Bench::new();
    bench.ask("PUT", "/media/a.txt", &[("Content-Type", "text/plain")], "one").await;
    assert_eq!(bench.ask("PUT", "/media/%E5%86%99.txt?from=a.txt", &[], "").await.status, 204);
    let answer = bench.get("/media/%E5%86%99.txt", &[]).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"one"[..]));
    assert_eq!(bench.ask("PUT", "/media/b.txt?from=absent.txt", &[], "").await.status, 404);
}

#[tokio::test]
async fn listings_are_of_one_folder() {
    let mut bench = Bench::new();
    for path in [
        "2026/11/photo.jpg",
        "2026/11/photo-1.jpg",
        "2026/11/photograph/x.jpg",
        "2026/11/phlox.jpg",
        "2026/11/z.jpg",
        "2026/12/photo.jpg",
    ] {
        bench.ask("PUT", &format!("/media/{path}"), &[], "x").await;
    }
    let names = |answer: Answer| {
        let listing: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let names: Vec<Value> =
            listing["files"].as_array().expect("a list").iter().map(|file| file["name"].clone()).collect();
        (json!(names), listing["folders"].clone())
    };
    let month = names(bench.get("/media-list?prefix=2026/11/", &[]).await);
    assert_eq!(month, (json!(["phlox.jpg", "photo-1.jpg", "photo.jpg", "z.jpg"]), json!(["photograph"])));
    assert_eq!(names(bench.get("/media-list?prefix=2026/11/photo", &[]).await).0, json!(["photo-1.jpg", "photo.jpg"]));
    assert_eq!(names(bench.get("/media-list?prefix=2026/11/z", &[]).await).0, json!(["z.jpg"]));
    assert_eq!(names(bench.get("/media-list?prefix=2026/11/q", &[]).await).0, json!([]));
    assert_eq!(names(bench.get("/media-list", &[]).await), (json!([]), json!(["2026"])));
}
