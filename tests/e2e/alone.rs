//! What shakes the whole cluster: these run one at a time, after the others.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tairyo::api::condition::ConditionType;
use tairyo::api::{WordPressClass, WordPressSite};

use super::harness::{
    World, apply_class, cluster, condition, delete, eventually, fetch, nothing_was_created, stalled, wait,
};

fn operator_pods() -> ListParams {
    ListParams::default().labels("app.kubernetes.io/name=tairyo,app.kubernetes.io/component=operator")
}

/// Kills every operator pod without grace, as a lost node would.
async fn kill_operators(world: &World) {
    let pods = Api::<Pod>::namespaced(world.client.clone(), "tairyo-system");
    for pod in pods.list(&operator_pods()).await.expect("pods") {
        let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        pods.delete(&pod.name_any(), &now).await.expect("the operator is killed");
    }
}

async fn scale_operators(world: &World, replicas: i32) {
    let deployments = Api::<Deployment>::namespaced(world.client.clone(), "tairyo-system");
    let scale = json!({"spec": {"replicas": replicas}});
    deployments.patch_scale("tairyo", &PatchParams::default(), &Patch::Merge(scale)).await.expect("scaled");
    wait(&deployments, "tairyo", "the operators to be ready", |found: Option<&Deployment>| {
        found.and_then(|it| it.status.as_ref()).is_some_and(|it| it.ready_replicas.unwrap_or(0) == replicas)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_comes_up_although_the_operator_is_killed_at_every_step() {
    let world = World::new("e2e-killed").await;
    scale_operators(&world, 2).await;
    world.apply("blog", &json!({})).await;
    let steps = [
        (ConditionType::SpecValid, "True"),
        (ConditionType::DatabaseReady, "True"),
        (ConditionType::Installed, "True"),
    ];
    for (kind, status) in steps {
        world.until_site("blog", &kind.to_string(), |site| condition(site, kind).0.starts_with(status)).await;
        kill_operators(&world).await;
    }
    world.ready("blog").await;
    let jobs = world.api::<Job>().list(&ListParams::default().labels("app.kubernetes.io/component=install")).await;
    assert_eq!(jobs.expect("jobs").items.len(), 1, "one site, one installation");
    assert_eq!(world.query("blog", "SELECT COUNT(*) FROM wp_users"), "1");
    let leases = Api::<Lease>::namespaced(world.client.clone(), "tairyo-system");
    assert!(leases.get("tairyo-operator").await.expect("the Lease").spec.and_then(|it| it.holder_identity).is_some());
    scale_operators(&world, 1).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_api_server_changes_nothing_and_is_survived() {
    let world = World::new("e2e-apiserver").await;
    world.apply("blog", &json!({"web": {"replicas": 0}})).await;
    world.until_site("blog", "its database", |site| condition(site, ConditionType::SpecValid).0 == "True/Valid").await;
    tokio::task::spawn_blocking(|| cluster("restart-apiserver")).await.expect("the API server is back");
    world.ready("blog").await;
    world.apply("blog", &json!({"web": {"replicas": 1}})).await;
    let site: WordPressSite = world.ready("blog").await;
    assert_eq!(condition(&site, ConditionType::Published).0, "True/Ready");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_class_must_be_one() {
    let world = World::new("e2e-default").await;
    let classes = Api::<WordPressClass>::all(world.client.clone());
    let mark = |value: Value| json!({"metadata": {"annotations": {"tairyo.dev/is-default-class": value}}});
    apply_class(&world.client, "e2e-second", &json!({})).await;
    classes.patch("e2e-second", &PatchParams::default(), &Patch::Merge(mark(json!("true")))).await.expect("marked");
    let unclassed = json!({
        "apiVersion": "tairyo.dev/v1alpha1", "kind": "WordPressSite", "metadata": {"name": "blog"},
        "spec": {"domains": ["default.example.org"], "admin": {"email": "me@example.com"}, "web": {"replicas": 0}},
    });
    world.apply_object(&unclassed).await;
    assert!(stalled(&world, "blog", "DefaultClassAmbiguous").await.contains("e2e-second, local"));
    classes.patch("local", &PatchParams::default(), &Patch::Merge(mark(Value::Null))).await.expect("unmarked");
    classes.patch("e2e-second", &PatchParams::default(), &Patch::Merge(mark(Value::Null))).await.expect("unmarked");
    stalled(&world, "blog", "DefaultClassMissing").await;
    nothing_was_created(&world).await;
    classes.patch("local", &PatchParams::default(), &Patch::Merge(mark(json!("true")))).await.expect("marked");
    world
        .until_site("blog", "a class", |site| {
            site.status.as_ref().is_some_and(|status| status.class_name.as_deref() == Some("local"))
        })
        .await;
    delete(&classes, "e2e-second").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_rest_the_operator_asks_nothing_and_writes_nothing_but_its_lease() {
    let world = World::new("e2e-rest").await;
    world.apply("blog", &json!({"cron": {"schedule": "@yearly"}})).await;
    world.ready("blog").await;
    // The last passes of the start, and of whatever ran before, end before the minute begins.
    let mut before = settled_requests(&world).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let mut after = requests(&world).await;
    for counts in [&mut before, &mut after] {
        // The election and the presence of our kinds are looked at on a clock; watches are renewed.
        counts.retain(|(verb, resource), _| {
            verb != "watch" && resource != "leases" && resource != "customresourcedefinitions"
        });
    }
    assert_eq!(before, after, "requests were made for sites at rest");
    world.end().await;
}

/// The operator's requests by verb and resource, from its metrics.
async fn requests(world: &World) -> BTreeMap<(String, String), u64> {
    let pods = Api::<Pod>::namespaced(world.client.clone(), "tairyo-system");
    let pod = pods.list(&operator_pods()).await.expect("pods").items.remove(0);
    let address = pod.status.and_then(|status| status.pod_ip).expect("the operator has an address");
    let metrics = fetch(&address, 8080, "operator", "/metrics").await.body;
    let counted = metrics.lines().filter_map(|line| {
        let (labels, count) = line.strip_prefix("tairyo_api_requests_total{verb=\"")?.split_once("\"} ")?;
        let (verb, resource) = labels.split_once("\",resource=\"")?;
        Some(((verb.to_owned(), resource.to_owned()), count.parse().ok()?))
    });
    let counted: BTreeMap<_, _> = counted.collect();
    assert!(!counted.is_empty(), "the operator counts no requests:\n{metrics}");
    counted
}

/// The requests once two looks five seconds apart agree on everything but the election.
async fn settled_requests(world: &World) -> BTreeMap<(String, String), u64> {
    let writes = |counts: &BTreeMap<(String, String), u64>| {
        counts.iter().filter(|((_, resource), _)| resource != "leases").map(|(_, count)| count).sum::<u64>()
    };
    eventually(
        "the operator to come to rest",
        || async {
            let first = requests(world).await;
            tokio::time::sleep(Duration::from_secs(5)).await;
            (first, requests(world).await)
        },
        |(first, second)| writes(first) == writes(second),
    )
    .await
    .1
}
