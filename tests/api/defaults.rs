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

/// Whole manifests of our kinds: those of `deploy/samples`, and those that stand in the documents.
fn manifests() -> Vec<(String, Value)> {
    let files = |directory: &str, ends: &str| -> Vec<_> {
        let entries = root().join(directory).read_dir().expect("the folder can be listed");
        let paths = entries.map(|entry| entry.expect("the folder can be listed").path());
        paths.filter(|path| path.to_string_lossy().ends_with(ends)).collect()
    };
    let read = |path: &std::path::Path| std::fs::read_to_string(path).expect("the file can be read");
    let mut texts: Vec<_> =
        files("deploy/samples", ".yaml").iter().map(|path| (path.display().to_string(), read(path))).collect();
    for document in files("docs", ".md").into_iter().chain([root().join("README.md")]) {
        let text = read(&document);
        let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
        // A part of a manifest is no manifest.
        let whole = blocks.filter(|block| block.starts_with("apiVersion: tairyo.dev/"));
        texts.extend(whole.map(|block| (document.display().to_string(), block.to_owned())));
    }
    let parsed = texts.into_iter().flat_map(|(name, text)| {
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{name}: not YAML: {error}"));
        documents.into_iter().map(move |document| (name.clone(), document))
    });
    parsed.filter(|(_, document)| document["kind"].as_str().is_some_and(|it| it.starts_with("WordPress"))).collect()
}

#[test]
fn the_server_takes_the_samples_and_the_manifests_of_the_documents() {
    server::with(async |server| {
        let manifests = manifests();
        for place in ["samples", "classes.md", "README.md"] {
            assert!(manifests.iter().any(|(name, _)| name.contains(place)), "there is no manifest in {place}");
        }
        for (name, mut manifest) in manifests {
            let definition = definition(manifest["kind"].as_str().expect("it has a kind"));
            // The test has a namespace of its own.
            if let Some(metadata) = manifest["metadata"].as_object_mut() {
                metadata.remove("namespace");
            }
            let stored = taken(server, &definition, &manifest).await;
            // The server drops a field that the schema does not have, and takes the rest.
            assert!(holds(&stored, &manifest["spec"]), "{name}: a field of {manifest} is dropped: {stored}");
        }
    });
}
