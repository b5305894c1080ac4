use serde_json::json;

use super::*;
use crate::cloudformation::create_only::properties;

fn modify(kind: &str, replacement: Option<&str>) -> ResourceChange {
    ResourceChange {
        action: "Modify".into(),
        logical_id: "It".into(),
        kind: kind.into(),
        replacement: replacement.map(Into::into),
        policy_action: None,
        properties: vec!["Name".into()],
    }
}

fn asks(changes: &[ResourceChange], approval: ChangeApproval) -> bool {
    verdict(changes, &[], approval) != Verdict::Go
}

#[test]
fn what_could_cost_data_asks_whatever_was_agreed() {
    for kind in DATA.into_iter().chain(CARRIES_DATA) {
        for approval in [ChangeApproval::Automatic, ChangeApproval::Replacements, ChangeApproval::Always] {
            for replacement in [Some("True"), Some("Conditional"), Some("Perhaps"), None] {
                assert!(asks(&[modify(kind, replacement)], approval), "{kind} {replacement:?}");
            }
            for action in ["Remove", "Dynamic", "Transmogrify"] {
                let change = ResourceChange { action: action.into(), ..modify(kind, None) };
                assert!(asks(&[change], approval), "{kind} {action}");
            }
        }
        assert!(!asks(&[modify(kind, Some("False"))], ChangeApproval::Replacements), "{kind}");
        let add = ResourceChange { action: "Add".into(), ..modify(kind, None) };
        assert!(!asks(&[add], ChangeApproval::Replacements), "{kind}");
    }
}

#[test]
fn what_holds_no_data_asks_as_was_agreed() {
    let function = |replacement| [modify("AWS::CloudFront::Function", Some(replacement))];
    assert!(!asks(&function("True"), ChangeApproval::Automatic));
    assert!(asks(&function("True"), ChangeApproval::Replacements));
    assert!(
        !asks(&function("Conditional"), ChangeApproval::Replacements),
        "a policy whose text refers to another resource"
    );
    assert!(!asks(&function("False"), ChangeApproval::Replacements));
    assert!(asks(&function("False"), ChangeApproval::Always));
}

#[test]
fn the_mark_of_a_revision_never_asks() {
    let change = ResourceChange { action: "Remove".into(), ..modify(HANDLE, None) };
    assert!(!asks(&[change], ChangeApproval::Always));
}

fn cluster(properties: &Value) -> Value {
    json!({
        "Conditions": {"Encrypted": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Key"}, ""]}]}},
        "Resources": {
            "Cluster": {"Type": "AWS::RDS::DBCluster", "Properties": properties},
            "Instance": {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "aurora-mysql"}},
        },
    })
}

fn found(live: (&Value, &[(&str, &str)]), desired: (&Value, &[(&str, &str)])) -> Vec<Change> {
    let map =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let (before, after): (BTreeMap<_, _>, BTreeMap<_, _>) = (map(live.1), map(desired.1));
    hazards(
        Revision { template: live.0, parameters: &before },
        Revision { template: desired.0, parameters: &after },
        properties,
    )
}

#[test]
fn a_property_that_replaces_the_database_is_seen_through_its_parameter() {
    let template = cluster(&json!({"DatabaseName": {"Ref": "Name"}, "BackupRetentionPeriod": {"Ref": "Days"}}));
    assert_eq!(found((&template, &[("Name", "a"), ("Days", "1")]), (&template, &[("Name", "a"), ("Days", "9")])), []);
    let hazards = found((&template, &[("Name", "a")]), (&template, &[("Name", "b")]));
    assert_eq!(hazards[0].properties, ["DatabaseName"]);
    assert_eq!(hazards[0].replacement.as_deref(), Some("True"));
    // The change set may say what it wants.
    let Verdict::Ask(asked) =
        verdict(&[modify("AWS::RDS::DBInstance", Some("False"))], &hazards, ChangeApproval::Automatic)
    else {
        panic!("a new empty database needs no approval")
    };
    assert_eq!(asked, hazards);
    assert_eq!(sentence(&asked), "AWS::RDS::DBCluster Cluster would be replaced (DatabaseName)");
    assert!(needs_lifted_policy(&asked));
}

#[test]
fn a_property_that_appears_by_a_condition_is_seen() {
    let key = json!({"KmsKeyId": {"Fn::If": ["Encrypted", {"Ref": "Key"}, {"Ref": "AWS::NoValue"}]}});
    let (template, without) = (cluster(&key), cluster(&json!({})));
    assert_eq!(found((&without, &[]), (&template, &[("Key", "")])), []);
    assert_eq!(found((&without, &[]), (&template, &[("Key", "arn")]))[0].properties, ["KmsKeyId"]);
    assert_eq!(found((&template, &[("Key", "one")]), (&template, &[("Key", "two")])).len(), 1);
}

#[test]
fn a_boolean_and_its_word_are_the_same_and_a_default_that_appears_is_not() {
    let with = |value: Value| cluster(&json!({"StorageEncrypted": value}));
    assert_eq!(found((&with(json!(true)), &[]), (&with(json!("true")), &[])), []);
    // The change that replaced a cluster although nothing changed.
    assert_eq!(found((&cluster(&json!({})), &[]), (&with(json!(false)), &[])).len(), 1);
}

#[test]
fn a_masked_parameter_is_no_difference_by_itself() {
    let template = cluster(&json!({"MasterUsername": {"Ref": "User"}}));
    assert_eq!(found((&template, &[("User", "****")]), (&template, &[("User", "****")])), []);
}

#[test]
fn a_database_that_is_gone_from_the_template_or_has_another_type_or_condition_is_seen() {
    let live = cluster(&json!({}));
    let mut gone = live.clone();
    gone["Resources"].as_object_mut().expect("an object").remove("Cluster");
    assert_eq!(found((&live, &[]), (&gone, &[]))[0].action, "Remove");
    let mut other = live.clone();
    other["Resources"]["Cluster"]["Type"] = json!("AWS::RDS::GlobalCluster");
    assert_eq!(found((&live, &[]), (&other, &[]))[0].properties, ["Type"]);
    let mut unmet = live.clone();
    unmet["Resources"]["Cluster"]["Condition"] = json!("Encrypted");
    assert_eq!(found((&live, &[]), (&unmet, &[("Key", "")]))[0].action, "Remove");
    assert_eq!(found((&live, &[]), (&unmet, &[("Key", "arn")])), []);
}
