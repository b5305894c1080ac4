//! What the server fills in is what this program fills in, and the samples are taken.

use kube::Api;
use kube::api::{DynamicObject, PostParams};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tairyo::api::{WordPressClassSpec, WordPressSiteSpec};

use super::fixture::{holds, merge, minimal};
use super::schema::{Definition, definitions, root};
use super::server::{self, Server};

fn definition(kind: &str) -> Definition {
    let found = definitions().into_iter().find(|it| it.kind == kind);
    found.unwrap_or_else(|| panic!("there is no {kind}"))
}

/// The spec that the server makes of `manifest`.
async fn taken(server: &Server, definition: &Definition, manifest: &Value) -> Value {
    let api: Api<DynamicObject> = server.api(definition);
    let object: DynamicObject = serde_json::from_value(manifest.clone()).expect("it is an object");
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let taken = api.create(&dry_run, &object).await;
    taken.unwrap_or_else(|error| panic!("{manifest} is refused: {error}")).data["spec"].take()
}

/// A default that the two sides do not share would make a site of a stored object another than that of the same manifest.
async fn assert_same_defaults<Spec>(server: &Server, kind: &str, patch: Value)
where
    Spec: DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let definition = definition(kind);
    let manifest = merge(minimal(&definition), &patch);
    let stored: Spec = serde_json::from_value(taken(server, &definition, &manifest).await).expect("it is a spec");
    let written: Spec = serde_json::from_value(manifest["spec"].clone()).expect("it is a spec");
    assert_eq!(stored, written, "{kind} with {patch}");
}

#[test]
fn the_server_has_the_defaults_that_this_program_has() {
    server::with(async |server| {
        let provider = "arn:aws:iam::123456789012:oidc-provider/issuer.example.com/id";
        let managed = json!({"spec": {
            "database": {"provider": "Aurora", "aurora": {}},
            "search": {"provider": "OpenSearch"},
            "cdn": {"provider": "CloudFront", "cloudFront": {"originHost": "origin.example.com"}},
            "aws": {"region": "ap-northeast-1", "network": {}, "podIdentity": {"oidcProviderARN": provider}},
        }});
        assert_same_defaults::<WordPressClassSpec>(server, "WordPressClass", json!({})).await;
        assert_same_defaults::<WordPressClassSpec>(server, "WordPressClass", managed.clone()).await;
        let without_network = merge(managed, &json!({"spec": {"aws": {"network": null}}}));
        assert_same_defaults::<WordPressClassSpec>(server, "WordPressClass", without_network).await;

        let sized = json!({"spec": {"search": {"capacity": {}}, "cdn": {}, "database": {}}});
        assert_same_defaults::<WordPressSiteSpec>(server, "WordPressSite", json!({})).await;
        assert_same_defaults::<WordPressSiteSpec>(server, "WordPressSite", sized).await;
    });
}

#[test]
fn the_server_takes_the_samples() {
    server::with(async |server| {
        let directory = root().join("deploy/samples").read_dir().expect("the samples can be listed");
        let mut samples = 0;
        for entry in directory {
            let text = std::fs::read_to_string(entry.expect("the samples can be listed").path());
            let text = text.expect("a sample can be read");
            let documents: Vec<Value> = serde_saphyr::from_multiple(&text).expect("a sample is YAML");
            for mut sample in documents {
                let Some(kind) = sample["kind"].as_str().filter(|it| it.starts_with("WordPress")) else { continue };
                let definition = definition(kind);
                // The test has a namespace of its own.
                if let Some(metadata) = sample["metadata"].as_object_mut() {
                    metadata.remove("namespace");
                }
                let stored = taken(server, &definition, &sample).await;
                // The server drops a field that the schema does not have, and takes the rest.
                assert!(holds(&stored, &sample["spec"]), "a field of {sample} is dropped: {stored}");
                samples += 1;
            }
        }
        assert!(samples > 0, "deploy/samples holds no site and no class");
    });
}
