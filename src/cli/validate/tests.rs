//! The fixtures of the API: what the API server refuses is found here, and what it takes is not.

use std::path::{Path, PathBuf};

use clap::Parser as _;

use super::*;

#[derive(clap::Parser)]
struct Flags {
    #[command(flatten)]
    images: Images,
}

fn images() -> Images {
    Flags::parse_from(["test"]).images
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/api")
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a fixture can be read");
    serde_saphyr::from_str(&text).expect("a fixture is YAML")
}

fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(serde_json::Map::new());
    }
    for (name, value) in patch {
        if value.is_null() {
            object.as_object_mut().expect("it is an object").remove(name);
        } else {
            merge(&mut object[name.as_str()], value);
        }
    }
}

/// Every fixture of the kind that is about one object: its path, the object, and whether it must be refused.
fn cases(kind: &str) -> Vec<(String, Value, bool)> {
    let folder = fixtures().join(kind);
    let minimal = read(&folder.join("minimal.yaml"));
    let mut cases = Vec::new();
    let entries = folder.read_dir().expect("fixtures can be listed").map(|it| it.expect("an entry").path());
    for rule in entries.filter(|path| path.is_dir() && !path.join("before.yaml").exists()) {
        for file in rule.read_dir().expect("a rule has files").map(|it| it.expect("an entry").path()) {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&file).expect("a fixture can be read");
            // The status is the operator's.
            if text.contains("# rule: status") || read(&file).get("status").is_some() {
                continue;
            }
            let mut object = minimal.clone();
            merge(&mut object, &read(&file));
            cases.push((file.display().to_string(), object, name.starts_with("fail")));
        }
    }
    cases.sort_by(|one, other| one.0.cmp(&other.0));
    cases
}

/// What the evaluator of the rules does not refuse although the API server does: it reads numbers of addresses with zeros
/// before them, and does not know `optMap`.
const TAKEN: [&str; 3] = [
    "spec.aws.network.cidr.block/fail-zero.yaml",
    "spec.aws.only-by-provider/fail-provider-null.yaml",
    "spec.aws.only-by-provider/fail.yaml",
];

#[test]
fn what_the_api_server_refuses_is_found_without_one_and_what_it_takes_is_not() {
    let rules = Rules::of_all_kinds();
    let mut wrong = Vec::new();
    for (folder, kind) in [("wordpresssites", "WordPressSite"), ("wordpressclasses", "WordPressClass")] {
        let rules = rules.iter().find(|rules| rules.kind == kind).expect("it is one of ours");
        let cases = cases(folder);
        assert!(cases.iter().filter(|(_, _, refused)| *refused).count() > 50, "{folder}: {}", cases.len());
        for (path, object, refused) in cases {
            let refusals = rules.refusals(&object);
            let expected = refused && !TAKEN.iter().any(|taken| path.ends_with(taken));
            if refusals.iter().any(|refusal| refusal.is_certain) != expected {
                wrong.push(format!("{path}: {refusals:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn of(text: &str) -> Vec<Finding> {
    let documents = manifests::parse("site.yaml", text).expect("it is YAML");
    findings(&documents, &Manifests { documents: documents.clone() }, &images())
}

const SITE: &str = "apiVersion: tairyo.dev/v1alpha1
kind: WordPressSite
metadata:
  name: blog
spec:
  domains:
    - blog.example.com
  admin:
    email: me@example.com
";

#[test]
fn a_right_manifest_has_no_finding() {
    assert_eq!(of(SITE), []);
}

#[test]
fn every_finding_has_the_line_of_its_field() {
    let text = format!("{SITE}  web:\n    replicas: many\n    pods: 2\n  timezone: UTC\n");
    let findings = of(&text);
    let places: Vec<_> = findings.iter().map(|it| (it.line, it.field.as_str())).collect();
    assert_eq!(places, [(11, "spec.web.replicas"), (12, "spec.web.pods"), (13, "spec.timezone")]);
    assert!(findings[2].message.contains("did you mean timeZone?"), "{}", findings[2].message);
}

#[test]
fn rules_in_cel_are_found_with_their_line() {
    let text = SITE.replace("blog.example.com", "https://blog.example.com");
    let findings = of(&text);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((findings[0].line, findings[0].field.as_str()), (6, "spec.domains"));
    assert!(findings[0].message.contains("lower-case DNS name"), "{}", findings[0].message);
}

#[test]
fn what_the_class_does_not_admit_is_found_with_its_reason() {
    let class = "---\napiVersion: tairyo.dev/v1alpha1\nkind: WordPressClass\nmetadata: {name: small}\n\
                 spec: {limits: {storage: 5Gi}, allowedDomains: ['*.example.com']}\n";
    let text = format!("{SITE}  database:\n    storage: 20Gi\n{class}");
    let findings = of(&text);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((findings[0].line, findings[0].field.as_str()), (11, "spec.database.storage"));
    assert!(findings[0].message.contains("LimitExceeded"), "{}", findings[0].message);
}

#[test]
fn two_sites_with_one_domain_are_found_and_an_unknown_class_is_a_note() {
    let other = SITE.replace("name: blog", "name: shop").replace("spec:\n", "spec:\n  className: gold\n");
    let findings = of(&format!("{SITE}---\n{other}"));
    let kinds: Vec<_> = findings.iter().map(|it| (it.field.as_str(), it.wrong)).collect();
    assert_eq!(kinds, [("spec.className", false), ("spec.domains[0]", true)]);
}

#[test]
fn every_sample_is_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/samples");
    let documents = manifests::read(&[folder]).expect("the samples can be read");
    let findings = findings(&documents, &Manifests { documents: documents.clone() }, &images());
    // blog-aws names the class of the emulated account, which is not among the samples.
    assert!(findings.iter().all(|it| !it.wrong), "{findings:?}");
}
