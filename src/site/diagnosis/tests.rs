use serde_json::json;

use super::*;

fn pod_with(status: &serde_json::Value) -> Pod {
    serde_json::from_value(json!({"metadata": {"name": "blog-database-0"}, "status": status})).expect("a pod")
}

#[test]
fn an_unscheduled_pod_says_what_the_scheduler_says() {
    let message = "0/1 nodes are available: 1 Insufficient memory.";
    let status = json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]});
    let finding = pod(&pod_with(&status)).expect("a finding");
    assert_eq!(finding.reason, Reason::Unschedulable);
    assert_eq!(finding.message, format!("pod blog-database-0 is not scheduled: {message}"));
    assert!(!finding.needs_a_person());
}

#[test]
fn a_container_that_waits_says_what_the_kubelet_says() {
    for (kubelet, reason) in [
        ("ImagePullBackOff", Reason::ImagePullFailed),
        ("ErrImagePull", Reason::ImagePullFailed),
        ("CreateContainerConfigError", Reason::ContainerFailed),
        ("CrashLoopBackOff", Reason::CrashLooping),
    ] {
        let status = json!({"containerStatuses": [{
            "name": "php", "image": "x:1", "imageID": "", "ready": false, "restartCount": 3,
            "state": {"waiting": {"reason": kubelet, "message": "the detail"}},
            "lastState": {"terminated": {"exitCode": 78, "message": "bad configuration"}},
        }]});
        let finding = pod(&pod_with(&status)).expect("a finding");
        assert_eq!(finding.reason, reason, "{kubelet}");
        assert!(finding.needs_a_person());
    }
    let starting = json!({"containerStatuses": [{
        "name": "php", "image": "x:1", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ContainerCreating"}},
    }]});
    assert_eq!(pod(&pod_with(&starting)), None);
}

fn ended(message: &str, at: &str) -> Pod {
    pod_with(&json!({"containerStatuses": [{
        "name": "task", "image": "x:1", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": 1, "finishedAt": at, "message": message}},
    }]}))
}

#[test]
fn the_newest_report_of_a_task_counts() {
    let old = ended(r#"{"reason":"DatabaseUnreachable","message":"old"}"#, "2026-01-01T00:00:00Z");
    let new = ended(
        r#"{"reason":"DatabaseAccessDenied","message":"db.example.com:3306 refuses the login (1045)"}"#,
        "2026-01-01T00:01:00Z",
    );
    let finding = task_failure(&[&old, &new], "blog-install", Reason::InstallFailed);
    assert_eq!(finding.reason, Reason::DatabaseAccessDenied);
    assert_eq!(finding.message, "db.example.com:3306 refuses the login (1045)");
}

#[test]
fn a_task_without_a_report_is_a_failure_all_the_same() {
    let finding = task_failure(&[&ended("Killed", "2026-01-01T00:00:00Z")], "blog-install", Reason::InstallFailed);
    assert_eq!(finding.reason, Reason::InstallFailed);
    assert!(finding.message.contains("kubectl logs job/blog-install"));
}

#[test]
fn a_pending_claim_without_a_storage_class_says_what_is_missing() {
    let pending: PersistentVolumeClaim = serde_json::from_value(
        json!({"metadata": {"name": "blog-uploads"}, "spec": {}, "status": {"phase": "Pending"}}),
    )
    .expect("a claim");
    assert!(claim(&pending).expect("a finding").message.contains("no default StorageClass"));
}

#[test]
fn long_messages_are_cut_between_characters() {
    let text = "日".repeat(1000);
    assert_eq!(shortened(&text).chars().count(), LONGEST_MESSAGE + 1);
}
