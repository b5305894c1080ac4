//! Golden screens.

use serde_json::{Value, json};

use super::*;
use crate::cli::output::Paint;

fn view(status: &Value, events: &Value) -> View {
    let site = json!({
        "apiVersion": "tairyo.dev/v1alpha1", "kind": "WordPressSite",
        "metadata": {"name": "blog", "namespace": "default", "generation": 2},
        "spec": {"domains": ["blog.example.com"], "admin": {"email": "me@example.com"}},
        "status": status,
    });
    View {
        site: serde_json::from_value(site).expect("it is a site"),
        events: serde_json::from_value(events.clone()).expect("they are events"),
        now: "2026-01-02T04:00:00Z".parse().expect("it is a time"),
    }
}

fn condition(kind: &str, status: &str, reason: &str, message: &str, time: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": time})
}

const WIDE: Paint = Paint { colours: false, width: Some(110) };

#[test]
fn a_site_that_is_served() {
    let time = "2026-01-02T03:59:00Z";
    let status = json!({
        "observedGeneration": 2, "url": "http://blog.example.com", "adminURL": "http://blog.example.com/wp-admin/",
        "className": "local", "replicas": 1, "version": {"wordpress": "7.1.4", "image": "tairyo-wordpress:0.1.0"},
        "conditions": [
            condition("Ready", "True", "Ready", "the site is served", time),
            condition("Reconciling", "False", "Settled", "nothing is left to do", time),
            condition("Stalled", "False", "Progressing", "nobody needs to act", time),
            condition("Published", "True", "Ready", "the front page answers", time),
            condition("SpecValid", "True", "Valid", "the class \"local\" admits the site", "2026-01-02T01:00:00Z"),
            condition("DatabaseReady", "True", "Ready", "the database accepts connections", time),
        ],
    });
    insta::assert_snapshot!(screen(&view(&status, &json!([])), WIDE), @r#"
    default/blog  Ready
    http://blog.example.com, class local, WordPress 7.1.4, 1 pod
    image tairyo-wordpress:0.1.0

    PART       STATE  REASON  SINCE  MESSAGE
    SpecValid  ok     Valid   3h     the class "local" admits the site
    Database   ok     Ready   1m     the database accepts connections
    Published  ok     Ready   1m     the front page answers

    Next
      Nothing. Log in at http://blog.example.com/wp-admin/
    "#);
}

#[test]
fn a_site_whose_managed_parts_are_being_made() {
    let status = json!({
        "observedGeneration": 1, "className": "aws",
        "conditions": [
            condition("Ready", "False", "Creating", "the database is being created", "2026-01-02T03:50:00Z"),
            condition("Reconciling", "True", "Creating", "the database is being created", "2026-01-02T03:50:00Z"),
            condition("Stalled", "False", "Progressing", "nobody needs to act", "2026-01-02T03:50:00Z"),
            condition("IdentityReady", "True", "Ready", "the role is there", "2026-01-02T03:51:12Z"),
            condition("DatabaseReady", "False", "Creating",
                      "tairyo-default-blog-6b1e3c1e-data is being created: AWS::RDS::DBCluster is being worked on, 7 of 23 resources are there",
                      "2026-01-02T03:50:00Z"),
            condition("Installed", "Unknown", "Waiting", "the installation waits for the database", "2026-01-02T03:50:00Z"),
        ],
        "units": [
            {"name": "identity", "region": "ap-northeast-1", "stackName": "i", "status": "CREATE_COMPLETE", "operations": 1,
             "operation": {"kind": "Create", "token": "t", "time": "2026-01-02T03:50:00Z"}},
            {"name": "data", "region": "ap-northeast-1", "stackName": "d", "status": "CREATE_IN_PROGRESS", "operations": 1,
             "progress": {"done": 7, "total": 23, "current": "AWS::RDS::DBCluster"},
             "operation": {"kind": "Create", "token": "t", "time": "2026-01-02T03:51:30Z"}},
        ],
    });
    insta::assert_snapshot!(screen(&view(&status, &json!([])), WIDE));
}

#[test]
fn a_site_that_needs_a_person() {
    let message = "the schema upgrade would replace the database; read the plan";
    let status = json!({
        "observedGeneration": 2,
        "conditions": [
            condition("Ready", "False", "ApprovalRequired", message, "2026-01-02T03:50:00Z"),
            condition("Reconciling", "False", "Settled", "nothing is done", "2026-01-02T03:50:00Z"),
            condition("Stalled", "True", "ApprovalRequired", message, "2026-01-02T03:50:00Z"),
            condition("DatabaseReady", "False", "ApprovalRequired", message, "2026-01-02T03:50:00Z"),
        ],
        "units": [{"name": "data", "region": "ap-northeast-1", "stackName": "d", "status": "UPDATE_ROLLBACK_COMPLETE", "operations": 3,
                   "operation": {"kind": "Update", "token": "t", "time": "2026-01-02T03:00:00Z"},
                   "failure": {"resource": "Cluster", "type": "AWS::RDS::DBCluster", "reason": "no capacity",
                               "time": "2026-01-02T03:12:30Z", "attempts": 1}}],
        "plan": {"unit": "data", "token": "1f2e", "changes": [
            {"action": "Modify", "resource": "Cluster", "type": "AWS::RDS::DBCluster", "replacement": "True", "properties": ["KmsKeyId"]}]},
        "dnsRecords": [{"name": "_x.blog.example.com", "type": "CNAME", "value": "_y.acm-validations.aws", "purpose": "certificate"}],
    });
    let events = json!([
        {"metadata": {}, "eventTime": "2026-01-02T03:12:31.000000Z", "type": "Warning", "reason": "UpdateFailed", "note": "no capacity"}]);
    insta::assert_snapshot!(screen(&view(&status, &events), WIDE));
}

#[test]
fn a_site_that_no_operator_has_seen() {
    let view = view(&json!(null), &json!([]));
    let screen = screen(&view, WIDE);
    assert!(screen.contains("Not seen by the operator yet"), "{screen}");
    assert!(screen.contains("kubectl get pods --all-namespaces"), "{screen}");
}

#[test]
fn durations_have_two_units_at_most() {
    for (seconds, text) in [
        (-3, "0s"),
        (0, "0s"),
        (45, "45s"),
        (60, "1m"),
        (725, "12m5s"),
        (10_800, "3h"),
        (187_200, "2d4h"),
        (86_401, "1d"),
    ] {
        assert_eq!(duration(seconds), text, "{seconds}");
    }
}
