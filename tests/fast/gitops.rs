//! Flux, Helm and `kubectl wait` read a site by kstatus, Argo CD by its own rules: all of them over the same objects.

use serde_json::{Value, json};

use crate::{read, root};

/// The manifests that Argo CD's rules are tested with, and what they say of each.
fn cases() -> Vec<(String, Value, String)> {
    let folder = root().join("deploy/argocd/resource_customizations/tairyo.dev/WordPressSite");
    let tests: Value = serde_saphyr::from_str(&read(&folder.join("health_test.yaml"))).expect("YAML");
    let tests = tests["tests"].as_array().expect("a list of tests").clone();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let case = |test: &Value| {
        let path = text(&test["inputPath"]);
        let object = serde_saphyr::from_str(&read(&folder.join(&path))).expect("YAML");
        (path, object, text(&test["healthStatus"]["status"]))
    };
    let cases: Vec<_> = tests.iter().map(case).collect();
    assert!(cases.len() > 10, "the fixtures are there");
    cases
}

/// What Argo CD calls what kstatus says. Where a person has to decide, or holds the site still, Argo CD has a word more.
fn fits(argo: &str, kstatus: &str) -> bool {
    matches!(
        (argo, kstatus),
        ("Healthy" | "Suspended", "Current") | ("Progressing", "InProgress") | ("Degraded" | "Suspended", "Failed")
    )
}

fn conditions(object: &Value) -> Vec<Value> {
    object["status"]["conditions"].as_array().cloned().unwrap_or_default()
}

/// The rules, after that of deletion, in the order of
/// <https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md> and its `generic.go`.
fn kstatus(object: &Value) -> &'static str {
    let observed = &object["status"]["observedGeneration"];
    if !observed.is_null() && *observed != object["metadata"]["generation"] {
        return "InProgress";
    }
    for condition in conditions(object) {
        match (condition["type"].as_str(), condition["status"].as_str()) {
            (Some("Reconciling"), Some("True")) => return "InProgress",
            (Some("Stalled"), Some("True")) => return "Failed",
            _ => {}
        }
    }
    match conditions(object).iter().find(|condition| condition["type"] == "Ready") {
        Some(ready) if ready["status"] == "True" => "Current",
        Some(_) => "InProgress",
        None => "Current",
    }
}

/// What the expressions of the Flux sample say of `object`. Flux asks for the failure first.
fn flux(checks: &Value, object: &Value) -> &'static str {
    let of_kind = |check: &&Value| check["kind"] == object["kind"];
    let check = checks.as_array().expect("a list").iter().find(of_kind).expect("the sample knows the kind");
    let holds = |name: &str| {
        let Some(expression) = check[name].as_str() else { return false };
        let mut context = cel::Context::default();
        for field in ["metadata", "spec", "status"] {
            // What the object lacks is empty, as an object of the API server without a status is.
            let value = if object[field].is_null() { json!({}) } else { object[field].clone() };
            context.add_variable(field, value).expect("JSON");
        }
        let program = cel::Program::compile(expression).expect("an expression");
        match program.execute(&context).expect("every missing field is guarded") {
            cel::Value::Bool(holds) => holds,
            other => panic!("{name} of {} is not a condition: {other:?}", check["kind"]),
        }
    };
    match (holds("failed"), holds("current")) {
        (true, _) => "Failed",
        (_, true) => "Current",
        _ => "InProgress",
    }
}

fn checks() -> Value {
    let sample: Value = serde_saphyr::from_str(&read(&root().join("deploy/flux/sites.yaml"))).expect("YAML");
    sample["spec"]["healthCheckExprs"].clone()
}

/// Objects that kstatus takes for ready, or for not ready, where the site's own rules know better.
const UNLIKE_KSTATUS: [&str; 3] = [
    // Nothing stands in its status yet. The first pass writes all of the conditions at once.
    "testdata/new.yaml",
    // The annotation has been set or taken away, and no pass has come by: no generation tells.
    "testdata/suspended_not_yet_seen.yaml",
    "testdata/resumed_not_yet_seen.yaml",
];

#[test]
fn kstatus_and_argo_cd_say_the_same_of_a_site() {
    for (path, object, argo) in cases() {
        if UNLIKE_KSTATUS.contains(&path.as_str()) {
            continue;
        }
        assert!(fits(&argo, kstatus(&object)), "{path}: Argo CD {argo}, kstatus {}", kstatus(&object));
    }
}

#[test]
fn the_expressions_for_flux_say_the_same_of_a_site() {
    let checks = checks();
    for (path, object, argo) in cases() {
        let said = flux(&checks, &object);
        let expected = match path.as_str() {
            "testdata/suspended_not_yet_seen.yaml" | "testdata/resumed_not_yet_seen.yaml" => "Current",
            _ => match argo.as_str() {
                "Degraded" => "Failed",
                "Suspended" if path.contains("approval") => "Failed",
                "Healthy" | "Suspended" => "Current",
                _ => "InProgress",
            },
        };
        assert_eq!(said, expected, "{path}: Argo CD says {argo}");
    }
}

#[test]
fn a_class_is_ready_as_soon_as_it_is_there() {
    let path = root().join("deploy/argocd/resource_customizations/tairyo.dev/WordPressClass/testdata/class.yaml");
    let class: Value = serde_saphyr::from_str(&read(&path)).expect("YAML");
    assert_eq!((flux(&checks(), &class), kstatus(&class)), ("Current", "Current"));
}
