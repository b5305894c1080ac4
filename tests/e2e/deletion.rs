//! What stays of a deleted site, and who may take it over.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Secret};
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;
use tairyo::api::WordPressSite;

use super::harness::{World, delete, eventually, wait};

async fn gone<K>(world: &World, name: &str)
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + serde::Serialize
        + Send
        + 'static,
{
    wait(&world.api::<K>(), name, "it to be gone", |found| found.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retained_volumes_outlive_the_site_and_are_adopted_only_when_asked() {
    let world = World::new("e2e-retain").await;
    world.apply("blog", &json!({"deletionPolicy": "Retain", "title": "Kept for later"})).await;
    let first = world.ready("blog").await;
    let uid = first.uid().expect("a uid");
    delete(&world.api::<WordPressSite>(), "blog").await;
    gone::<WordPressSite>(&world, "blog").await;
    gone::<Deployment>(&world, "blog-web").await;
    gone::<StatefulSet>(&world, "blog-database").await;
    for claim in ["blog-database", "blog-uploads"] {
        let claim = world.api::<PersistentVolumeClaim>().get(claim).await.expect("the claim stays");
        assert_eq!(claim.labels().get("tairyo.dev/site-uid"), Some(&uid));
        assert!(claim.metadata.deletion_timestamp.is_none());
    }
    let told = eventually(
        "the event that names what stays",
        || async { world.api::<Event>().list(&ListParams::default()).await.expect("events").items },
        |events| {
            events.iter().any(|it| {
                it.message.as_deref().is_some_and(|note| note.contains("PersistentVolumeClaim/blog-database"))
            })
        },
    );
    told.await;

    world.apply("blog", &json!({"deletionPolicy": "Delete", "title": "Another site"})).await;
    let stalled = world.until("blog", "False", "VolumeOfAnotherSite").await;
    let ready = stalled.status.expect("a status").conditions.into_iter().find(|it| it.type_ == "Stalled");
    assert!(ready.expect("Stalled").message.contains(&format!("spec.adopt: {uid}")));

    let mut adopting = json!({
        "apiVersion": "tairyo.dev/v1alpha1", "kind": "WordPressSite",
        "metadata": {"name": "blog"},
    });
    adopting["spec"] = json!({
        "className": "local", "domains": [world.domain("blog")], "title": "Another site", "deletionPolicy": "Delete",
        "admin": {"email": "me@example.com"}, "database": {"storage": "1Gi"}, "media": {"storage": "1Gi"}, "adopt": uid,
    });
    world.apply_object(&adopting).await;
    world.ready("blog").await;
    let page = world.page("blog", &world.domain("blog"), "/").await;
    assert!(page.body.contains("<title>Kept for later"), "the content is that of the first site");

    // The second site was told to delete: the volumes that it adopted go with it.
    delete(&world.api::<WordPressSite>(), "blog").await;
    gone::<WordPressSite>(&world, "blog").await;
    gone::<PersistentVolumeClaim>(&world, "blog-database").await;
    gone::<PersistentVolumeClaim>(&world, "blog-uploads").await;
    gone::<Secret>(&world, "blog-database").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_never_got_a_class_is_deleted_at_once() {
    let world = World::new("e2e-classless").await;
    world.apply("blog", &json!({"className": "never-made"})).await;
    world.until("blog", "False", "ClassNotFound").await;
    delete(&world.api::<WordPressSite>(), "blog").await;
    gone::<WordPressSite>(&world, "blog").await;
    world.end().await;
}
