//! What breaks and heals by itself.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::DeleteParams;
use serde_json::json;

use super::harness::{World, eventually};

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
