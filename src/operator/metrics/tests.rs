use std::collections::BTreeSet;

use super::*;
use crate::operator::queue::PassResult;

/// Every metric once.
async fn busy() -> Metrics {
    let metrics = Metrics::new();
    let queue = metrics.work_queue("wordpresssite", 32);
    queue.added("a");
    queue.added("a");
    queue.added("b");
    let running = queue.start("a");
    tokio::time::advance(Duration::from_secs(3)).await;
    queue.start("c").finish(PassResult::Error);
    metrics.set_leader("tairyo-operator", true);
    metrics.set_crd_missing("wordpresssites.tairyo.dev", true);
    metrics.set_sites([("Ready", "True", 3), ("Ready", "False", 1)]);
    metrics.event_published("Normal", "Available");
    metrics.request_answered("GET", "list", "secrets", Some(200), Duration::from_millis(7));
    let told = metrics.encode().expect("metrics");
    for line in [
        r#"workqueue_depth{name="wordpresssite"} 1"#,
        r#"workqueue_adds_total{name="wordpresssite"} 3"#,
        r#"workqueue_unfinished_work_seconds{name="wordpresssite"} 3.0"#,
        r#"workqueue_longest_running_processor_seconds{name="wordpresssite"} 3.0"#,
        r#"controller_runtime_active_workers{controller="wordpresssite"} 1"#,
    ] {
        assert!(told.lines().any(|told| told == line), "{line} is not in\n{told}");
    }
    running.finish(PassResult::RequeueAfter);
    metrics
}

#[tokio::test(start_paused = true)]
async fn names_and_labels_are_those_of_existing_dashboards() {
    let told = busy().await.encode().expect("metrics");
    for line in [
        r#"controller_runtime_reconcile_total{controller="wordpresssite",result="success"} 0"#,
        r#"controller_runtime_reconcile_total{controller="wordpresssite",result="error"} 1"#,
        r#"controller_runtime_reconcile_total{controller="wordpresssite",result="requeue"} 0"#,
        r#"controller_runtime_reconcile_total{controller="wordpresssite",result="requeue_after"} 1"#,
        r#"controller_runtime_reconcile_errors_total{controller="wordpresssite"} 1"#,
        r#"controller_runtime_reconcile_time_seconds_count{controller="wordpresssite"} 2"#,
        r#"controller_runtime_active_workers{controller="wordpresssite"} 0"#,
        r#"controller_runtime_max_concurrent_reconciles{controller="wordpresssite"} 32"#,
        r#"workqueue_retries_total{name="wordpresssite"} 1"#,
        r#"workqueue_queue_duration_seconds_count{name="wordpresssite"} 1"#,
        r#"workqueue_work_duration_seconds_count{name="wordpresssite"} 2"#,
        r#"workqueue_unfinished_work_seconds{name="wordpresssite"} 0.0"#,
        r#"leader_election_master_status{name="tairyo-operator"} 1"#,
        r#"rest_client_requests_total{code="200",method="GET"} 1"#,
        r#"rest_client_request_duration_seconds_count{verb="list"} 1"#,
        r#"tairyo_api_requests_total{verb="list",resource="secrets"} 1"#,
        r#"tairyo_crd_missing{crd="wordpresssites.tairyo.dev"} 1"#,
        r#"tairyo_sites{condition="Ready",status="True"} 3"#,
        r#"tairyo_events_total{type="Normal",reason="Available"} 1"#,
        "tairyo_event_failures_total 0",
        concat!(r#"tairyo_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""} 1"#),
    ] {
        assert!(told.lines().any(|told| told == line), "{line} is not in\n{told}");
    }
    assert!(told.ends_with("# EOF\n"));
}

#[tokio::test(start_paused = true)]
async fn all_samples_are_known_and_the_process_is_among_them() {
    let told = busy().await.encode().expect("metrics");
    let names: BTreeSet<_> = told
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| line.split(' ').next())
        .collect();
    for name in
        ["process_resident_memory_bytes", "process_cpu_seconds", "process_open_fds", "process_start_time_seconds"]
    {
        assert!(names.contains(name), "{name} is not in {names:?}");
    }
    assert!(told.lines().any(|line| line.starts_with("process_cpu_seconds_total ")), "{told}");
    let prefixes = ["controller_runtime_", "workqueue_", "process_", "leader_election_", "rest_client_", "tairyo_"];
    assert!(names.iter().all(|name| prefixes.iter().any(|prefix| name.starts_with(prefix))), "{names:?}");
}

#[test]
fn conditions_that_no_site_has_any_more_are_gone() {
    let metrics = Metrics::new();
    metrics.set_sites([("Ready", "True", 1), ("Ready", "Unknown", 1)]);
    metrics.set_sites([("Ready", "True", 2)]);
    let told = metrics.encode().expect("metrics");
    assert!(told.contains(r#"tairyo_sites{condition="Ready",status="True"} 2"#), "{told}");
    assert!(!told.contains("Unknown"), "{told}");
}

#[test]
fn a_pass_that_is_dropped_runs_no_more_and_has_no_result() {
    let metrics = Metrics::new();
    let queue = metrics.work_queue("wordpresssite", 1);
    drop(queue.start("a"));
    queue.added("gone");
    queue.forget("gone");
    let told = metrics.encode().expect("metrics");
    assert!(told.contains(r#"controller_runtime_active_workers{controller="wordpresssite"} 0"#), "{told}");
    assert!(told.contains(r#"workqueue_depth{name="wordpresssite"} 0"#), "{told}");
    assert!(
        told.contains(r#"controller_runtime_reconcile_time_seconds_count{controller="wordpresssite"} 0"#),
        "{told}"
    );
}
