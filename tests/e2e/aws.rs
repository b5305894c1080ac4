//! Sites with managed parts, in the emulated account of `tests/emulator`.

use std::collections::BTreeMap;
use std::process::Command;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tairyo::api::condition::ConditionType;
use tairyo::api::status::UnitStatus;
use tairyo::api::{WordPressClass, WordPressSite};

use super::harness::{World, apply_class, condition, delete, eventually, fetch, fetch_with, kubectl, wait};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "ap-northeast-1";
const CLASS: &str = include_str!("../emulator/class.yaml");

/// The emulated account, as its owner sees it.
struct Account {
    config: SdkConfig,
}

impl Account {
    /// Starts the emulator where it is not running; `make test-e2e` stops it.
    async fn new() -> Self {
        let emulator = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/emulator/emulator");
        let status = Command::new(emulator).arg("up").status().expect("the emulator's script starts");
        assert!(status.success(), "the emulator does not start");
        let credentials = aws_sdk_s3::config::Credentials::new(ACCOUNT, "emulator", None, None, "test");
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url("http://198.18.0.1:4566")
            .credentials_provider(credentials)
            .load()
            .await;
        Self { config }
    }

    /// The status of every stack whose name has `part` in it, but the deleted ones.
    async fn stacks(&self, part: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for region in [REGION, "us-east-1"] {
            let config =
                aws_sdk_cloudformation::config::Builder::from(&self.config).region(Region::new(region)).build();
            let client = aws_sdk_cloudformation::Client::from_conf(config);
            let mut pages = client.describe_stacks().into_paginator().items().send();
            while let Some(stack) = pages.next().await {
                let stack = stack.expect("stacks can be described");
                let name = stack.stack_name().unwrap_or_default();
                if name.contains(part) {
                    let status = stack.stack_status().map(|it| it.as_str().to_owned()).unwrap_or_default();
                    found.insert(name.to_owned(), status);
                }
            }
        }
        found
    }

    async fn origin_secret(&self, site: &WordPressSite) -> String {
        let secret = output(site, "edgeOriginSecretArns").split(',').next().map(str::to_owned).unwrap_or_default();
        let client = aws_sdk_secretsmanager::Client::new(&self.config);
        let value = client.get_secret_value().secret_id(secret).send().await.expect("the secret can be read");
        value.secret_string().unwrap_or_default().to_owned()
    }

    fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(true).build();
        aws_sdk_s3::Client::from_conf(config)
    }

    async fn has_bucket(&self, bucket: &str) -> bool {
        self.s3().head_bucket().bucket(bucket).send().await.is_ok()
    }
}

/// Stacks whose name has `part` in it take their time, or fail, from now on; `None`: no longer.
fn gate(part: &str, gate: Option<Value>) {
    let path = format!("http://198.18.0.1:4566/_profile/gates/{part}");
    let (method, body) = gate.map_or(("DELETE", String::new()), |gate| ("PUT", gate.to_string()));
    let arguments = ["--silent", "--fail", "--request", method, "--data", &body, &path];
    let status = Command::new("curl").args(arguments).output().expect("curl starts").status;
    assert!(status.success(), "the gate of {part} cannot be set");
}

/// The snapshots of clusters, as the emulator's answer has them.
fn snapshots() -> String {
    let scope = "Credential=123456789012/20260102/ap-northeast-1/rds/aws4_request";
    let authorization = format!("Authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none");
    let query = "Action=DescribeDBClusterSnapshots&Version=2014-10-31";
    let arguments = ["--silent", "--fail", "--header", &authorization, "--data", query, "http://198.18.0.1:4566/"];
    let output = Command::new("curl").args(arguments).output().expect("curl starts");
    assert!(output.status.success(), "the snapshots cannot be listed");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn unit<'a>(site: &'a WordPressSite, name: &str) -> Option<&'a UnitStatus> {
    site.status.as_ref()?.units.iter().find(|unit| unit.name == name)
}

fn output(site: &WordPressSite, name: &str) -> String {
    site.status.as_ref().and_then(|status| status.outputs.get(name)).cloned().unwrap_or_default()
}

async fn apply(world: &World, name: &str, class: &str, more: &Value) -> WordPressSite {
    let mut spec = json!({
        "className": class, "domains": [world.domain(name)], "title": "Managed", "admin": {"email": "me@example.com"},
    });
    for (key, value) in more.as_object().expect("fields of a spec") {
        spec[key] = value.clone();
    }
    let object =
        json!({"apiVersion": "tairyo.dev/v1alpha1", "kind": "WordPressSite", "metadata": {"name": name}, "spec": spec});
    world.apply_object(&object).await
}

async fn approve(world: &World, name: &str) {
    let site = world.api::<WordPressSite>().get(name).await.expect("the site");
    let token = site.status.and_then(|status| status.plan).expect("a plan waits").token;
    let patch = json!({"metadata": {"annotations": {"tairyo.dev/approve": token}}});
    world
        .api::<WordPressSite>()
        .patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .expect("the plan is approved");
}

async fn gone(world: &World, name: &str) {
    wait(&world.api::<WordPressSite>(), name, "the site to be gone", |found: Option<&WordPressSite>| found.is_none())
        .await;
}

/// The class of the sample, under a name of the test's own, with `change` made to its spec.
async fn class(world: &World, name: &str, change: impl FnOnce(&mut Value)) {
    let class: WordPressClass = serde_saphyr::from_str(CLASS).expect("the sample is a class");
    let mut spec = serde_json::to_value(&class.spec).expect("a spec is JSON");
    change(&mut spec);
    apply_class(&world.client, name, &spec).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_on_aws_lives_from_its_manifest_to_its_final_snapshot() {
    let account = Account::new().await;
    let world = World::new("e2e-aws").await;
    class(&world, "e2e-aws", |_| {}).await;
    gate("e2e-aws-blog-", Some(json!({"sleep": 1})));
    // Long enough to be seen.
    gate("-data", Some(json!({"sleep": 8})));
    apply(&world, "blog", "e2e-aws", &json!({})).await;
    it_tells_how_far_each_part_is(&world).await;
    gate("-data", None);
    let site = world.ready("blog").await;
    let uid = site.uid().expect("a uid");
    it_is_served_to_the_distribution_alone(&account, &world, &site).await;
    its_stacks_are_these(&account, &uid).await;
    php_has_no_credentials(&world);

    it_follows_its_spec(&account, &world, &uid).await;
    a_replacement_waits_for_a_person(&account, &world, &uid).await;
    a_change_that_fails_is_rolled_back_and_explained(&account, &world, &uid).await;

    let site = world.api::<WordPressSite>().get("blog").await.expect("the site");
    let (bucket, cluster) = (output(&site, "mediaBucketName"), output(&site, "dataClusterIdentifier"));
    gate("e2e-aws-blog-", None);
    delete(&world.api::<WordPressSite>(), "blog").await;
    gone(&world, "blog").await;
    assert_eq!(account.stacks(&uid[..8]).await, BTreeMap::new(), "a stack was left behind");
    assert!(account.has_bucket(&bucket).await, "Snapshot keeps the bucket, which no snapshot can be made of");
    // What AWS tells of a deleted stack's resources, from which the event names the snapshot, the emulator has forgotten.
    assert!(snapshots().contains(&cluster), "the database left no final snapshot");
    let told = world.api::<Event>().list(&ListParams::default()).await.expect("events").items;
    let of_data =
        |it: &Event| it.message.as_deref().is_some_and(|it| it.contains("deleted the stack") && it.contains("-data"));
    assert!(told.iter().any(of_data), "nobody was told that the stack of the database is gone");
    world.end().await;
}

async fn it_tells_how_far_each_part_is(world: &World) {
    let site = world.until_site("blog", "the database to be made", |site| {
        unit(site, "data").is_some_and(|unit| unit.progress.is_some())
    });
    let site = site.await;
    let (state, message) = condition(&site, ConditionType::DatabaseReady);
    assert_eq!(state, "False/Creating");
    assert!(message.contains("CREATE_IN_PROGRESS"), "{message}");
    assert_eq!(condition(&site, ConditionType::Reconciling).0.split('/').next(), Some("True"));
}

async fn it_is_served_to_the_distribution_alone(account: &Account, world: &World, site: &WordPressSite) {
    let host = world.domain("blog");
    assert_eq!(site.status.as_ref().and_then(|it| it.url.clone()), Some(format!("https://{host}")));
    let service = world.api::<k8s_openapi::api::core::v1::Service>().get("blog-web").await.expect("a Service");
    let address = service.spec.and_then(|spec| spec.cluster_ip).expect("an address");
    let secret = account.origin_secret(site).await;
    let headers = [("x-tairyo-origin", secret.as_str()), ("x-forwarded-proto", "https")];
    let page =
        eventually("the page", || fetch_with(&address, 80, &host, "/", &headers), |page| page.status == 200).await;
    assert!(page.body.contains("<title>Managed"), "{}", page.body);
    let closed = eventually("the origin to close", || fetch(&address, 80, &host, "/"), |page| page.status == 403).await;
    assert!(!closed.body.contains("Managed"));
}

async fn its_stacks_are_these(account: &Account, uid: &str) {
    let stacks = account.stacks(&uid[..8]).await;
    let units: Vec<_> = stacks.keys().filter_map(|name| name.rsplit('-').next()).collect();
    assert_eq!(units, ["certificate", "data", "edge", "identity", "media", "network", "search"]);
    for (name, status) in &stacks {
        assert!(["CREATE_COMPLETE", "UPDATE_COMPLETE"].contains(&status.as_str()), "{name} is {status}");
    }
}

/// What a process of PHP has in its environment, and what its files say.
fn php_has_no_credentials(world: &World) {
    let environments = "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'";
    let said = kubectl(&[
        "exec",
        "--namespace",
        &world.namespace,
        "deployment/blog-web",
        "--container",
        "php",
        "--",
        "sh",
        "-c",
        environments,
    ]);
    assert!(said.contains("PATH="), "the environments were read");
    assert!(!said.contains("AWS_"), "PHP has AWS credentials or is told where they are");
}

async fn it_follows_its_spec(account: &Account, world: &World, uid: &str) {
    apply(world, "blog", "e2e-aws", &json!({"database": {"capacity": {"min": "1", "max": "8"}}})).await;
    world.ready("blog").await;
    let data = account.stacks(&uid[..8]).await.into_iter().find(|(name, _)| name.ends_with("-data")).expect("a stack");
    assert_eq!(data.1, "UPDATE_COMPLETE");
}

async fn a_replacement_waits_for_a_person(account: &Account, world: &World, uid: &str) {
    let other = world.domain("other");
    let spec = json!({
        "domains": [world.domain("blog"), other], "database": {"capacity": {"min": "1", "max": "8"}},
    });
    apply(world, "blog", "e2e-aws", &spec).await;
    let site = world.until("blog", "False", "ApprovalRequired").await;
    assert_eq!(condition(&site, ConditionType::Stalled).0, "True/ApprovalRequired");
    let plan = site.status.and_then(|status| status.plan).expect("a plan");
    assert_eq!(plan.unit, "certificate");
    assert!(plan.changes.iter().any(|change| change.kind == "AWS::CertificateManager::Certificate"), "{plan:?}");
    let before = account.stacks(&uid[..8]).await;
    let certificate = before.iter().find(|(name, _)| name.ends_with("-certificate")).expect("a stack");
    assert_eq!(certificate.1, "CREATE_COMPLETE", "nothing was done before the approval");
    approve(world, "blog").await;
    world.ready("blog").await;
}

async fn a_change_that_fails_is_rolled_back_and_explained(account: &Account, world: &World, uid: &str) {
    let spec = |price_class: &str| {
        json!({
            "domains": [world.domain("blog"), world.domain("other")],
            "database": {"capacity": {"min": "1", "max": "8"}},
            "cdn": {"priceClass": price_class},
        })
    };
    gate("e2e-aws-blog-", Some(json!({"failOn": "Update"})));
    apply(world, "blog", "e2e-aws", &spec("100")).await;
    let site = world.until("blog", "False", "UpdateFailed").await;
    let (state, message) = condition(&site, ConditionType::CdnReady);
    assert_eq!(state, "False/UpdateFailed");
    assert!(message.contains("EmulatorGate"), "the first resource that failed is named: {message}");
    assert_eq!(condition(&site, ConditionType::Published).0, "True/Ready", "it goes on being served");
    let edge = account.stacks(&uid[..8]).await.into_iter().find(|(name, _)| name.ends_with("-edge")).expect("a stack");
    assert_eq!(edge.1, "UPDATE_ROLLBACK_COMPLETE");
    gate("e2e-aws-blog-", Some(json!({"sleep": 0})));
    apply(world, "blog", "e2e-aws", &spec("200")).await;
    world.ready("blog").await;
}

/// A bucket beside a database of the cluster.
fn bucket_alone(spec: &mut Value) {
    for field in ["database", "search", "cdn"] {
        spec.as_object_mut().expect("a spec").remove(field);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_site_is_found_again_by_the_site_that_names_it_and_deleted_with_it() {
    let account = Account::new().await;
    let world = World::new("e2e-aws-retain").await;
    class(&world, "e2e-aws-retain", bucket_alone).await;
    let site = apply(&world, "blog", "e2e-aws-retain", &json!({"deletionPolicy": "Retain"})).await;
    let uid = site.uid().expect("a uid");
    let bucket = output(&world.ready("blog").await, "mediaBucketName");
    let put = account.s3().put_object().bucket(&bucket).key("wp-content/uploads/kept.txt");
    put.body(b"kept".to_vec().into()).send().await.expect("an object is put");
    delete(&world.api::<WordPressSite>(), "blog").await;
    gone(&world, "blog").await;
    let left: Vec<_> = account.stacks(&uid[..8]).await.into_keys().collect();
    assert_eq!(left.len(), 2, "the bucket's stack and that of the role which it names: {left:?}");

    // The class is gone when the second site is deleted.
    let again = apply(&world, "blog", "e2e-aws-retain", &json!({"deletionPolicy": "Delete", "adopt": uid})).await;
    let adopted = world.ready("blog").await;
    assert_eq!(output(&adopted, "mediaBucketName"), bucket, "the data are the old ones");
    assert_eq!(account.stacks(&again.uid().expect("a uid")[..8]).await, BTreeMap::new(), "no second set of stacks");
    delete(&Api::<WordPressClass>::all(world.client.clone()), "e2e-aws-retain").await;
    delete(&world.api::<WordPressSite>(), "blog").await;
    gone(&world, "blog").await;
    assert_eq!(account.stacks(&uid[..8]).await, BTreeMap::new());
    assert!(!account.has_bucket(&bucket).await, "Delete empties the bucket and deletes it");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_whose_role_cannot_be_assumed_stalls_its_sites_and_no_other() {
    let _account = Account::new().await;
    let world = World::new("e2e-aws-role").await;
    class(&world, "e2e-aws-role", |spec| {
        bucket_alone(spec);
        spec["aws"]["roleARN"] = json!("arn:aws:iam::999999999999:role/no-such-role");
    })
    .await;
    class(&world, "e2e-aws-role-good", bucket_alone).await;
    apply(&world, "bad", "e2e-aws-role", &json!({})).await;
    apply(&world, "good", "e2e-aws-role-good", &json!({})).await;
    let site = world.until_site("bad", "a reason", |site| {
        condition(site, ConditionType::IdentityReady).0 == "False/AwsRoleNotAssumable"
    });
    let site = site.await;
    let (state, message) = condition(&site, ConditionType::Stalled);
    assert_eq!(state, "True/AwsRoleNotAssumable");
    assert!(message.contains("role/no-such-role") && message.contains("not authorized"), "{message}");
    world.ready("good").await;
    let pods = world.api::<Pod>().list(&ListParams::default().labels("tairyo.dev/site=bad")).await.expect("pods");
    assert!(pods.items.is_empty(), "nothing was started for a site without its parts");
    for name in ["bad", "good"] {
        delete(&world.api::<WordPressSite>(), name).await;
    }
    gone(&world, "good").await;
    world.end().await;
}
