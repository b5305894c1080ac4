use super::*;

fn live() -> Value {
    json!({
        "Resources": {
            "Cluster": {"Type": "AWS::RDS::DBCluster", "DeletionPolicy": "Retain", "Properties": {"DeletionProtection": true}},
            "Writer": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBClusterIdentifier": {"Ref": "Cluster"}}},
            "Bucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"},
            "Key": {"Type": "AWS::KMS::Key"},
            "Users": {"Type": "AWS::Cognito::UserPool", "Properties": {"DeletionProtection": "ACTIVE"}},
            "Logs": {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Retain"},
            "Revision0123": {"Type": HANDLE},
        },
        "Outputs": {"Revision": {"Value": "0123"}},
    })
}

fn policies(template: &Value) -> Vec<&str> {
    ["Cluster", "Writer", "Bucket", "Key", "Users", "Logs"].map(|id| effective(&template["Resources"][id])).into()
}

#[test]
fn a_snapshot_of_the_cluster_the_bucket_and_the_key_stay() {
    let fitting = prepare_for_deletion(&live(), DeletionPolicy::Snapshot).expect("it does not fit");
    assert_eq!(policies(&fitting), ["Snapshot", "Delete", "Retain", "Retain", "Delete", "Delete"]);
}

#[test]
fn nothing_stays() {
    let fitting = prepare_for_deletion(&live(), DeletionPolicy::Delete).expect("it does not fit");
    assert_eq!(policies(&fitting), ["Delete"; 6]);
    assert_eq!(fitting["Resources"]["Cluster"]["Properties"]["DeletionProtection"], false);
    assert_eq!(fitting["Resources"]["Users"]["Properties"]["DeletionProtection"], "INACTIVE");
}

#[test]
fn what_fits_is_left_as_it_is() {
    for policy in [DeletionPolicy::Snapshot, DeletionPolicy::Delete] {
        let fitting = prepare_for_deletion(&live(), policy).expect("it does not fit");
        assert_eq!(prepare_for_deletion(&fitting, policy), None, "{policy:?}");
    }
}

#[test]
fn the_mark_of_the_revision_changes_and_one_that_is_referred_to_stays() {
    let fitting = prepare_for_deletion(&live(), DeletionPolicy::Delete).expect("it does not fit");
    let revision = fitting["Outputs"]["Revision"]["Value"].as_str().expect("it has one");
    assert_ne!(revision, "0123");
    assert!(fitting["Resources"].get("Revision0123").is_none());
    assert_eq!(fitting["Resources"][format!("Retire{revision}")]["Type"], HANDLE);

    let mut referred = live();
    referred["Outputs"]["Handle"] = json!({"Value": {"Ref": "Revision0123"}});
    let fitting = prepare_for_deletion(&referred, DeletionPolicy::Delete).expect("it does not fit");
    assert!(fitting["Resources"].get("Revision0123").is_some());
}

#[test]
fn what_an_unfit_template_would_lose_is_told() {
    let resource = |logical_id: &str, kind: &str| StackResource {
        logical_id: logical_id.into(),
        physical_id: Some("p".into()),
        kind: kind.into(),
        status: "UPDATE_COMPLETE".into(),
    };
    let kept =
        |template: &Value, id: &str, kind: &str| is_kept(template, &resource(id, kind), DeletionPolicy::Snapshot);
    assert!(kept(&live(), "Cluster", "AWS::RDS::DBCluster"));
    assert!(kept(&live(), "Bucket", "AWS::S3::Bucket"));
    assert!(!kept(&live(), "Key", "AWS::KMS::Key"));
    let mut unfit = live();
    unfit["Resources"]["Cluster"]["DeletionPolicy"] = json!("Delete");
    assert!(!kept(&unfit, "Cluster", "AWS::RDS::DBCluster"));
}

#[test]
fn the_lock_names_what_holds_data() {
    let policy = protective_policy(&live());
    let denied = policy["Statement"][1]["Resource"].to_string();
    assert!(denied.contains("LogicalResourceId/Cluster") && !denied.contains("Logs"), "{denied}");
}
