//! What stalls, says why, creates nothing half, and goes on once it is put right.

use k8s_openapi::api::core::v1::{ResourceQuota, Secret};
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tairyo::api::WordPressClass;

use super::harness::{World, apply_class, condition, delete, from, nothing_was_created, stalled};
use tairyo::api::condition::ConditionType;

async fn secret(world: &World, name: &str, data: &Value) {
    let secret: Secret = from(&json!({"metadata": {"name": name}, "stringData": data}));
    world.api::<Secret>().create(&PostParams::default(), &secret).await.expect("the Secret is created");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_class_stalls_until_it_appears() {
    let world = World::new("e2e-class").await;
    world.apply("blog", &json!({"className": "e2e-appears"})).await;
    assert!(stalled(&world, "blog", "ClassNotFound").await.contains("\"e2e-appears\""));
    nothing_was_created(&world).await;
    apply_class(&world.client, "e2e-appears", &json!({})).await;
    world.ready("blog").await;
    world.end().await;
    delete(
        &Api::<WordPressClass>::all(Api::<Secret>::all(super::harness::client().await).into_client()),
        "e2e-appears",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_admits_namespaces_and_domains() {
    let world = World::new("e2e-admits").await;
    let gold = json!({"allowedNamespaces": {"matchLabels": {"tier": "gold"}}});
    apply_class(&world.client, "e2e-gold", &gold).await;
    apply_class(&world.client, "e2e-jp", &json!({"allowedDomains": ["*.example.jp"]})).await;
    world.apply("gold", &json!({"className": "e2e-gold"})).await;
    world.apply("jp", &json!({"className": "e2e-jp"})).await;
    stalled(&world, "gold", "NamespaceNotAllowed").await;
    assert!(stalled(&world, "jp", "DomainNotAllowed").await.contains("*.example.jp"));
    nothing_was_created(&world).await;
    let classes = Api::<WordPressClass>::all(world.client.clone());
    delete(&classes, "e2e-gold").await;
    delete(&classes, "e2e-jp").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_belongs_to_the_older_site_and_a_foreign_one_is_not_named() {
    let owner = World::new("e2e-owner").await;
    let other = World::new("e2e-other").await;
    let shared = json!({"domains": ["shared.example.org"], "className": "never-made"});
    owner.apply("first-come", &shared).await;
    owner.until("first-come", "False", "ClassNotFound").await;
    // Creation times have seconds: the second site must be younger by one.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let taken = json!({"domains": ["shared.example.org"], "web": {"replicas": 0}});
    other.apply("late", &taken).await;
    let message = stalled(&other, "late", "DomainTaken").await;
    assert!(
        message.contains("shared.example.org") && !message.contains("first-come") && !message.contains("e2e-owner"),
        "{message}"
    );
    nothing_was_created(&other).await;
    owner.end().await;
    other
        .until_site("late", "the domain to be free", |site| condition(site, ConditionType::SpecValid).0 == "True/Valid")
        .await;
    other.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_or_key_stalls_until_it_appears() {
    let world = World::new("e2e-secret").await;
    let admin = json!({"email": "me@example.com", "passwordSecretRef": {"name": "chosen", "key": "login"}});
    world.apply("blog", &json!({"admin": admin})).await;
    assert!(stalled(&world, "blog", "SecretNotFound").await.contains("\"chosen\""));
    secret(&world, "chosen", &json!({"other": "x"})).await;
    assert!(stalled(&world, "blog", "SecretKeyMissing").await.contains("\"login\""));
    nothing_was_created(&world).await;
    let key = json!({"stringData": {"login": "correct horse battery staple"}});
    world.api::<Secret>().patch("chosen", &PatchParams::default(), &Patch::Merge(key)).await.expect("the key is added");
    world.ready("blog").await;
    assert!(world.api::<Secret>().get_opt("blog-admin").await.expect("readable").is_none(), "no password was made");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_replicas_on_a_volume_for_one_node_stall() {
    let world = World::new("e2e-replicas").await;
    world.apply("blog", &json!({"web": {"replicas": 2}})).await;
    assert!(stalled(&world, "blog", "VolumeNotShareable").await.contains("ReadWriteMany"));
    nothing_was_created(&world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_database_that_refuses_the_login_stalls_with_its_words_and_without_the_password() {
    let world = World::new("e2e-external").await;
    // Another site's database stands for the existing server.
    world.apply("server", &json!({"web": {"replicas": 0}})).await;
    world
        .until_site("server", "its database", |site| condition(site, ConditionType::DatabaseReady).0 == "True/Ready")
        .await;
    let host = format!("server-database.{}.svc.cluster.local", world.namespace);
    apply_class(
        &world.client,
        "e2e-external",
        &json!({"database": {"provider": "External", "external": {"host": host}}}),
    )
    .await;
    secret(&world, "login", &json!({"username": "wordpress", "password": "the-wrong-one-4711"})).await;
    let blog = json!({
        "apiVersion": "tairyo.dev/v1alpha1", "kind": "WordPressSite", "metadata": {"name": "blog"},
        "spec": {
            "className": "e2e-external", "domains": [world.domain("blog")], "admin": {"email": "me@example.com"},
            "database": {"secretRef": {"name": "login"}}, "wordpress": {"tablePrefix": "second_"},
        },
    });
    world.apply_object(&blog).await;
    let message = stalled(&world, "blog", "DatabaseAccessDenied").await;
    assert!(message.contains(&host) && message.contains("1045"), "{message}");
    assert!(!message.contains("the-wrong-one-4711"));

    let right = world.api::<Secret>().get("server-database").await.expect("the server's login");
    let data: Value = json!({"data": {"password": right.data.expect("data")["password"].clone()}});
    world.api::<Secret>().patch("login", &PatchParams::default(), &Patch::Merge(data)).await.expect("put right");
    world.ready("blog").await;
    delete(&Api::<WordPressClass>::all(world.client.clone()), "e2e-external").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_scheduler_and_quota_say_is_read_up_into_the_status() {
    let world = World::new("e2e-children").await;
    let huge = json!({"database": {"resources": {"requests": {"memory": "9000Gi"}}}});
    world.apply("huge", &huge).await;
    let site = world.until("huge", "False", "Unschedulable").await;
    let (state, message) = condition(&site, ConditionType::DatabaseReady);
    assert_eq!(state, "False/Unschedulable");
    assert!(message.contains("huge-database-0") && message.contains("Insufficient memory"), "{message}");
    assert_eq!(condition(&site, ConditionType::Reconciling).0, "True/Unschedulable", "a larger node may come");

    let quota: ResourceQuota = from(&json!({"metadata": {"name": "full"}, "spec": {"hard": {"pods": "0"}}}));
    world.api::<ResourceQuota>().create(&PostParams::default(), &quota).await.expect("the quota is created");
    world.apply("refused", &json!({})).await;
    let message = stalled(&world, "refused", "PodsRefused").await;
    assert!(message.contains("refused-database") && message.contains("exceeded quota: full"), "{message}");
    delete(&world.api::<ResourceQuota>(), "full").await;
    world.ready("refused").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_class_without_the_gateway_api_stalls_and_says_what_is_missing() {
    let world = World::new("e2e-gateway").await;
    let exposure = json!({"exposure": {"type": "Gateway", "gateway": {"name": "public", "namespace": "gateways"}}});
    apply_class(&world.client, "e2e-gateway", &exposure).await;
    world.apply("blog", &json!({"className": "e2e-gateway"})).await;
    assert!(stalled(&world, "blog", "ApplyFailed").await.contains("Gateway API"));
    delete(&Api::<WordPressClass>::all(world.client.clone()), "e2e-gateway").await;
    world.end().await;
}
