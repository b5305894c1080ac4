//! The rights that `deploy/iam/operator.yaml` gives are the calls that the adapter makes: no more, no fewer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{read, root};

/// The sources that call AWS, with the client's name in them and the prefix of the service's actions.
const SOURCES: [(&str, &str, &str); 4] = [
    ("src/cloudformation/sdk.rs", "client", "cloudformation"),
    ("src/cloudformation/sdk/bucket.rs", "client", "s3"),
    ("src/cloudformation/sdk/search_domain.rs", "client", "es"),
    ("src/cloudformation/sdk/role.rs", "sts", "sts"),
];

/// Calls whose right is called otherwise.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>.
const RENAMED: [(&str, &[&str]); 2] = [
    ("s3:DeleteObjects", &["s3:DeleteObject", "s3:DeleteObjectVersion"]),
    ("s3:ListObjectVersions", &["s3:ListBucketVersions"]),
];

/// Rights that a call needs beside its own.
const IMPLIED: [(&str, &[&str]); 3] = [
    // Stacks have tags and a service role.
    ("cloudformation:CreateStack", &["cloudformation:TagResource", "iam:PassRole"]),
    ("cloudformation:CreateChangeSet", &["cloudformation:UntagResource"]),
    ("cloudformation:DetectStackDrift", &["cloudformation:DetectStackResourceDrift"]),
];

/// Rights of the role that the operator has by itself, not of the one in the template.
const OF_THE_POD: [&str; 1] = ["sts:AssumeRole"];

/// Every call of the SDK in `source`, as its fluent method's name in camel case.
fn calls(source: &str, client: &str) -> BTreeSet<String> {
    let text: String = source.split_whitespace().collect();
    let opening = format!("self.{client}.");
    let methods = text.split(&opening).skip(1).map(|rest| rest.split('(').next().unwrap_or_default().to_owned());
    methods.map(|method| method.split('_').map(capitalised).collect()).collect()
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

fn policy(template: &Value, name: &str) -> Vec<Value> {
    let statements = template.pointer(&format!("/Resources/{name}/Properties/PolicyDocument/Statement"));
    statements.and_then(Value::as_array).unwrap_or_else(|| panic!("{name} has no statements")).clone()
}

fn actions(statement: &Value) -> Vec<String> {
    match &statement["Action"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).map(Into::into).collect(),
        other => panic!("no action: {other}"),
    }
}

fn template() -> Value {
    serde_saphyr::from_str(&read(&root().join("deploy/iam/operator.yaml"))).expect("the template is YAML")
}

#[test]
fn the_policy_allows_what_the_adapter_calls_and_nothing_else() {
    let (renamed, implied) = (BTreeMap::from(RENAMED), BTreeMap::from(IMPLIED));
    let mut needed = BTreeSet::new();
    for (source, client, service) in SOURCES {
        let calls = calls(&read(&root().join(source)), client);
        assert!(!calls.is_empty(), "{source} makes no calls");
        for call in calls.iter().map(|call| format!("{service}:{call}")) {
            needed.extend(implied.get(call.as_str()).copied().unwrap_or_default().iter().map(ToString::to_string));
            match renamed.get(call.as_str()) {
                Some(actions) => needed.extend(actions.iter().map(ToString::to_string)),
                None => drop(needed.insert(call)),
            }
        }
    }
    needed.retain(|action| !OF_THE_POD.contains(&action.as_str()));
    let allowed: BTreeSet<String> = policy(&template(), "OperatorPolicy").iter().flat_map(actions).collect();
    assert_eq!(allowed, needed);
}

#[test]
fn no_other_source_calls_aws() {
    let known: Vec<_> = SOURCES.iter().map(|(source, _, _)| root().join(source)).collect();
    let adapter = root().join("src/cloudformation/sdk");
    for source in crate::files(&root().join("src/cloudformation"), "rs") {
        let text: String = read(&source).split_whitespace().collect();
        let called = source.display();
        assert!(known.contains(&source) || !text.contains(".send().await"), "{called} calls AWS");
        let of_adapter = known.contains(&source) || source.starts_with(&adapter);
        assert!(of_adapter || !text.contains("aws_sdk_"), "{called} names types of the SDK outside of the adapter");
    }
}

#[test]
fn everything_but_looking_is_limited_by_name_or_tag() {
    for statement in policy(&template(), "OperatorPolicy") {
        let sid = statement["Sid"].as_str().expect("a statement has a name").to_owned();
        if statement["Resource"] == "*" {
            let looks = actions(&statement).iter().all(|it| it.contains(":Describe") || it.contains(":List"));
            assert!(looks, "{sid} is not limited");
        }
        assert!(actions(&statement).iter().all(|action| !action.contains('*')), "{sid} allows what is not known yet");
    }
}
