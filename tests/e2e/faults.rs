//! What breaks and heals by itself.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use tairyo::api::WordPressSite;
use tairyo::api::condition::ConditionType;

use super::harness::{World, cluster, condition, eventually, wait};

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
async fn pages_stay_served_without_the_database_and_the_site_heals() {
    let world = World::new("e2e-database").await;
    // A cache that expires at once: what is served afterwards can only be stale.
    world.apply("blog", &json!({"web": {"pageCache": {"ttlSeconds": 1}}})).await;
    world.ready("blog").await;
    let host = world.domain("blog");
    let cached = eventually(
        "the page to be cached",
        || world.page("blog", &host, "/"),
        |page| page.cache.as_deref() == Some("HIT"),
    )
    .await;
    assert_eq!(cached.status, 200);

    let pods = world.api::<Pod>();
    let before = pods.get("blog-database-0").await.expect("the database pod").uid();
    let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
    pods.delete("blog-database-0", &now).await.expect("the database pod is deleted");
    let mut served = 0;
    loop {
        let page = world.page("blog", &host, "/").await;
        assert_eq!(page.status, 200, "{:?} {}", page.cache, page.body);
        served += 1;
        let back = pods.get_opt("blog-database-0").await.expect("readable").is_some_and(|pod| {
            let ready = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
            pod.uid() != before
                && ready.is_some_and(|it| it.iter().any(|it| it.type_ == "Ready" && it.status == "True"))
        });
        if back {
            break;
        }
    }
    assert!(served > 3, "the database was back before it was missed");
    world.ready("blog").await;
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
