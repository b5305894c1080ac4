//! The life of a site: it comes up, stays as it is, and follows its spec.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, Service};
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use kube::core::ApiResource;
use serde_json::json;
use tairyo::api::WordPressSite;
use tairyo::api::condition::ConditionType;

use super::harness::{World, client, condition, delete, eventually, fetch, kubectl, patch, wait};

#[tokio::test(flavor = "multi_thread")]
async fn one_manifest_becomes_a_served_site_that_is_then_left_alone() {
    let world = World::new("e2e-served").await;
    let manifest = json!({
        "apiVersion": "tairyo.dev/v1alpha1", "kind": "WordPressSite", "metadata": {"name": "blog"},
        "spec": {"className": "local", "domains": ["blog.example.org"], "title": "My blog", "admin": {"email": "me@example.com"}},
    });
    world.apply_object(&manifest).await;
    let site = world.ready("blog").await;
    for kind in [
        ConditionType::DatabaseReady,
        ConditionType::MediaReady,
        ConditionType::Installed,
        ConditionType::WorkloadReady,
        ConditionType::Published,
    ] {
        assert_eq!(condition(&site, kind).0, "True/Ready", "{kind}");
    }
    let status = site.status.clone().expect("a status");
    assert_eq!(status.url.as_deref(), Some("http://blog.example.org"));
    let version = status.version.expect("a version");
    assert!(version.wordpress.as_deref().is_some_and(|it| it.starts_with("7.1")), "{version:?}");

    let page = world.page("blog", "blog.example.org", "/").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<title>My blog"), "{}", page.body);
    let row = kubectl(&["get", "wps", "blog", "--namespace", &world.namespace, "--no-headers"]);
    let columns: Vec<_> = row.split_whitespace().collect();
    assert_eq!(columns[..4], ["blog", "True", "Ready", "http://blog.example.org"], "{row}");
    assert!(kubectl(&["explain", "wordpresssite.spec.domains"]).contains("first is canonical"));

    at_rest_nothing_is_written(&world).await;
    world.end().await;
}

/// Counts the operator's requests for a minute in which nothing happens to this namespace's site.
async fn at_rest_nothing_is_written(world: &World) {
    let before = world.api::<WordPressSite>().get("blog").await.expect("the site").resource_version();
    let versions = resource_versions(world).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let after = world.api::<WordPressSite>().get("blog").await.expect("the site").resource_version();
    assert_eq!(before, after, "the site was written at rest");
    assert_eq!(versions, resource_versions(world).await, "an object was written at rest");
}

async fn resource_versions(world: &World) -> BTreeMap<String, Option<String>> {
    let mut versions = BTreeMap::new();
    for object in world.api::<ConfigMap>().list(&ListParams::default()).await.expect("listed") {
        versions.insert(format!("ConfigMap/{}", object.name_any()), object.resource_version());
    }
    for object in world.api::<Service>().list(&ListParams::default()).await.expect("listed") {
        versions.insert(format!("Service/{}", object.name_any()), object.resource_version());
    }
    for object in world.api::<Deployment>().list(&ListParams::default()).await.expect("listed") {
        versions.insert(format!("Deployment/{}", object.name_any()), object.resource_version());
    }
    for object in world.api::<StatefulSet>().list(&ListParams::default()).await.expect("listed") {
        versions.insert(format!("StatefulSet/{}", object.name_any()), object.resource_version());
    }
    versions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_follows_its_spec_and_heals_what_hands_did() {
    let world = World::new("e2e-follows").await;
    world.apply("blog", &json!({})).await;
    world.ready("blog").await;
    let host = world.domain("blog");

    an_edited_service_and_a_deleted_configuration_come_back(&world).await;
    a_suspended_site_is_not_changed(&world, &host).await;
    another_canonical_domain_redirects_the_old_one(&world, &host).await;
    a_bad_image_leaves_the_old_pods_serving(&world).await;
    world.end().await;
}

async fn an_edited_service_and_a_deleted_configuration_come_back(world: &World) {
    let services = ApiResource::erase::<Service>(&());
    patch(world, &services, "blog-web", &json!({"spec": {"selector": {"tairyo.dev/site": "somebody-else"}}})).await;
    wait(&world.api::<Service>(), "blog-web", "its selector to come back", |service: Option<&Service>| {
        let selector = service.and_then(|it| it.spec.as_ref()?.selector.as_ref());
        selector.is_some_and(|it| it.get("tairyo.dev/site").is_some_and(|site| site == "blog"))
    })
    .await;
    let configuration = world.api::<ConfigMap>();
    let before = configuration.get("blog-config").await.expect("the configuration").uid();
    delete(&configuration, "blog-config").await;
    wait(&configuration, "blog-config", "the configuration to come back", |found: Option<&ConfigMap>| {
        found.is_some_and(|it| it.uid() != before)
    })
    .await;
}

async fn a_suspended_site_is_not_changed(world: &World, host: &str) {
    let domains = json!([host, "second.e2e-follows.example.com"]);
    world.apply("blog", &json!({"suspend": true, "domains": domains})).await;
    world.until("blog", "True", "Suspended").await;
    let configuration = world.api::<ConfigMap>().get("blog-config").await.expect("the configuration");
    assert!(!configuration.data.expect("data")["site.json"].contains("second"), "changed while suspended");
    world.apply("blog", &json!({"suspend": false})).await;
    world.ready("blog").await;
}

async fn another_canonical_domain_redirects_the_old_one(world: &World, old: &str) {
    let new = "new.e2e-follows.example.com";
    world.apply("blog", &json!({"domains": [new, old]})).await;
    world.ready("blog").await;
    let moved =
        eventually("the old domain to redirect", || world.page("blog", old, "/about?x=1"), |it| it.status == 301).await;
    assert_eq!(moved.location.as_deref(), Some("http://new.e2e-follows.example.com/about?x=1"));
    let page = world.page("blog", new, "/").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("http://new.e2e-follows.example.com/"), "links use the new address");
    let foreign = world.page("blog", "not-ours.example.com", "/").await;
    assert_eq!(foreign.status, 421, "a host that is not ours is misdirected");
}

async fn a_bad_image_leaves_the_old_pods_serving(world: &World) {
    let serving = |pods: Vec<Pod>| pods.iter().map(ResourceExt::name_any).collect::<Vec<_>>();
    let web = ListParams::default().labels("app.kubernetes.io/component=web,tairyo.dev/site=blog");
    let before = serving(world.api::<Pod>().list(&web).await.expect("pods").items);
    world
        .apply(
            "blog",
            &json!({"domains": ["new.e2e-follows.example.com"], "wordpress": {"image": "localhost/no-such-image:1"}}),
        )
        .await;
    let site = world.until("blog", "False", "ImagePullFailed").await;
    let (state, message) = condition(&site, ConditionType::WorkloadReady);
    assert_eq!(state, "False/ImagePullFailed");
    assert!(message.contains("localhost/no-such-image:1"), "{message}");
    assert_eq!(condition(&site, ConditionType::Published).0, "True/Ready");
    assert_eq!(world.page("blog", "new.e2e-follows.example.com", "/").await.status, 200);
    let after = serving(world.api::<Pod>().list(&web).await.expect("pods").items);
    assert!(before.iter().any(|pod| after.contains(pod)), "the old pods were replaced: {before:?} {after:?}");
    world.apply("blog", &json!({"domains": ["new.e2e-follows.example.com"], "wordpress": {}})).await;
    world.ready("blog").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_tells_each_change_of_a_site_once() {
    let world = World::new("e2e-events").await;
    world.apply("blog", &json!({"className": "no-such-class-yet"})).await;
    world.until("blog", "False", "ClassNotFound").await;
    let events = eventually(
        "the event of the change",
        || async {
            let all = world.api::<Event>().list(&ListParams::default()).await.expect("events");
            all.items.into_iter().filter(|event| event.reason.as_deref() == Some("ClassNotFound")).collect::<Vec<_>>()
        },
        |events| !events.is_empty(),
    )
    .await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].type_.as_deref(), Some("Warning"));
    assert!(events[0].message.as_deref().is_some_and(|it| it.contains("no-such-class-yet")));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_is_ready_and_shows_its_metrics() {
    let client = client().await;
    let pods = Api::<Pod>::namespaced(client, "tairyo-system");
    let pod = pods.list(&ListParams::default().labels("app.kubernetes.io/name=tairyo")).await.expect("pods").items;
    let address = pod[0].status.as_ref().and_then(|status| status.pod_ip.clone()).expect("the pod has an address");
    let ready = fetch(&address, 8080, "operator", "/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.body);
    let metrics = fetch(&address, 8080, "operator", "/metrics").await.body;
    for name in [
        "controller_runtime_reconcile_total",
        "workqueue_depth",
        "leader_election_master_status",
        "tairyo_sites",
        "process_resident_memory_bytes",
        "rest_client_requests_total",
    ] {
        assert!(metrics.contains(name), "{name} is not among the metrics:\n{metrics}");
    }
}
