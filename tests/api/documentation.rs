//! What `kubectl explain` says, and the form of the definitions.

use std::collections::BTreeMap;

use axum::http::Request;
use serde_json::Value;

use super::schema::{Definition, definitions, visit};
use super::server::{self, wait_until};

/// An object in etcd may have 1.5 MiB, and a client-side `kubectl apply` writes the whole definition into an annotation
/// of at most 256 KiB.
const MOST_BYTES: usize = 200 * 1024;

#[test]
fn every_definition_is_small_enough_for_kubectl_apply() {
    for definition in definitions() {
        let bytes = definition.text.len();
        assert!(bytes < MOST_BYTES, "{} has {bytes} bytes; allowed are fewer than {MOST_BYTES}", definition.plural);
    }
}

/// The API server leaves an empty list out when it answers, so tools that compare would see a difference for ever.
#[test]
fn no_definition_holds_an_empty_list() {
    for definition in definitions() {
        assert_no_empty_list(&definition.value, &definition.plural);
    }
}

fn assert_no_empty_list(value: &Value, path: &str) {
    match value {
        Value::Array(items) => {
            assert!(!items.is_empty(), "{path} is an empty list");
            for item in items {
                assert_no_empty_list(item, path);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                assert_no_empty_list(field, &format!("{path}.{name}"));
            }
        }
        _ => {}
    }
}

#[test]
fn every_field_has_a_description() {
    for definition in definitions() {
        for (path, description) in descriptions(definition.schema()) {
            assert!(!description.is_empty(), "{} {path} has no description", definition.kind);
        }
    }
}

#[test]
fn no_field_allows_null() {
    for definition in definitions() {
        visit(definition.schema(), "", &mut |path, schema| {
            assert!(!schema.contains_key("nullable"), "{} {path} allows null", definition.kind);
        });
    }
}

/// `kubectl explain` reads what the server publishes here.
#[test]
fn the_server_explains_every_field() {
    server::with(async |server| {
        for definition in definitions() {
            let expected = descriptions(definition.schema());
            let explained = async || {
                let path = format!("/openapi/v3/apis/{}/{}", definition.group, definition.version);
                let request = Request::get(path).body(Vec::new()).expect("it is a request");
                let published: Result<Value, _> = server.client.request(request).await;
                published
                    .is_ok_and(|it| published_schema(&it, &definition).is_some_and(|it| descriptions(it) == expected))
            };
            wait_until(&format!("the server explains each field of {}", definition.kind), explained).await;
        }
    });
}

fn published_schema<'a>(document: &'a Value, definition: &Definition) -> Option<&'a Value> {
    let group: Vec<_> = definition.group.rsplit('.').collect();
    document["components"]["schemas"].get(format!("{}.{}.{}", group.join("."), definition.version, definition.kind))
}

/// The description of the kind and of each field of ours in `spec` and `status`.
fn descriptions(schema: &Value) -> BTreeMap<String, String> {
    let mut descriptions = BTreeMap::new();
    let mut add = |path: &str, schema: &serde_json::Map<String, Value>| {
        // A description of the values of a list or a map is shown by nobody.
        if !path.ends_with("[]") && !path.ends_with("{}") {
            let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
            descriptions.insert(path.to_owned(), description.to_owned());
        }
    };
    add("object", schema.as_object().expect("a schema is an object"));
    for part in ["spec", "status"] {
        if let Some(part_schema) = schema["properties"].get(part) {
            visit(part_schema, part, &mut add);
        }
    }
    descriptions
}
