use serde_json::json;

use super::super::decide::Progress;
use super::super::diagnosis::TaskReport;
use super::super::fixtures::{LOCAL_CLASS, minimal, validated, with_spec};
use super::super::managed::Managed;
use super::*;

fn now() -> Timestamp {
    "2026-05-06T07:08:09Z".parse().expect("a time")
}

fn later() -> Timestamp {
    "2026-05-06T08:00:00Z".parse().expect("a time")
}

fn done() -> Progress {
    let report = TaskReport { wordpress_version: Some("7.1.3".into()), ..TaskReport::default() };
    Progress { database: None, installed: Ok(report.clone()), schema: Ok(report) }
}

fn serving() -> Observed {
    let deployment = json!({
        "metadata": {"name": "blog-web", "generation": 1},
        "spec": {"replicas": 1, "selector": {}, "template": {}},
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    });
    let claim = json!({"metadata": {"name": "blog-uploads"}, "status": {"phase": "Bound"}});
    Observed {
        deployment: Some(std::sync::Arc::new(serde_json::from_value(deployment).expect("a deployment"))),
        claims: vec![std::sync::Arc::new(serde_json::from_value(claim).expect("a claim"))],
        ..Observed::default()
    }
}

struct Case {
    observed: Observed,
    progress: Progress,
    obstacle: Option<Finding>,
    published: Option<Result<String, Finding>>,
    suspended: Option<&'static str>,
    managed: Managed,
}

impl Case {
    fn served() -> Self {
        let published = Some(Ok("answers with 200".to_owned()));
        Self {
            observed: serving(),
            progress: done(),
            obstacle: None,
            published,
            suspended: None,
            managed: Managed::default(),
        }
    }

    fn status(&self, previous: &WordPressSiteStatus, now: Timestamp) -> WordPressSiteStatus {
        self.status_of(&minimal(), previous, now)
    }

    fn status_of(&self, site: &Site, previous: &WordPressSiteStatus, now: Timestamp) -> WordPressSiteStatus {
        let findings = Findings {
            site,
            observed: &self.observed,
            progress: &self.progress,
            managed: &self.managed,
            obstacle: self.obstacle.as_ref(),
            published: self.published.clone(),
            current: true,
            suspended: self.suspended,
        };
        status(previous, Some(3), &findings, now)
    }
}

fn summary(status: &WordPressSiteStatus) -> [String; 3] {
    [ConditionType::Ready, ConditionType::Reconciling, ConditionType::Stalled].map(|kind| {
        let condition = find(status, kind).expect("always present");
        format!("{}/{}", condition.status, condition.reason)
    })
}

#[test]
fn a_served_site_is_ready_and_nothing_else() {
    let status = Case::served().status(&WordPressSiteStatus::default(), now());
    assert_eq!(summary(&status), ["True/Ready", "False/Settled", "False/Progressing"]);
    assert_eq!(status.version.and_then(|version| version.wordpress).as_deref(), Some("7.1.3"));
    assert!(status.conditions.iter().all(|condition| condition.observed_generation == Some(3)));
}

#[test]
fn the_same_findings_give_the_same_bytes_at_another_time() {
    let case = Case::served();
    let first = case.status(&WordPressSiteStatus::default(), now());
    assert_eq!(case.status(&first, later()), first);
}

#[test]
fn the_time_of_a_condition_moves_only_with_its_status() {
    let mut case = Case::served();
    let first = case.status(&WordPressSiteStatus::default(), now());
    case.published = Some(Err(Finding::new(Reason::PageUnavailable, "500")));
    let second = case.status(&first, later());
    assert_eq!(find(&second, ConditionType::Ready).expect("Ready").last_transition_time.0, later());
    assert_eq!(find(&second, ConditionType::WorkloadReady).expect("present").last_transition_time.0, now());
}

#[test]
fn what_takes_time_is_reconciling_and_what_needs_a_person_is_stalled() {
    let mut case = Case::served();
    case.progress.database = Some(Finding::new(Reason::Unschedulable, "no node has enough memory"));
    let waiting = case.status(&WordPressSiteStatus::default(), now());
    assert_eq!(summary(&waiting), ["False/Unschedulable", "True/Unschedulable", "False/Progressing"]);
    case.progress.database = Some(Finding::new(Reason::ImagePullFailed, "not found"));
    let stalled = case.status(&waiting, now());
    assert_eq!(summary(&stalled), ["False/ImagePullFailed", "False/ImagePullFailed", "True/ImagePullFailed"]);
}

#[test]
fn what_needs_a_person_comes_before_what_only_waits() {
    let mut case = Case::served();
    case.progress.installed = Err(Finding::new(Reason::DatabaseAccessDenied, "1045"));
    case.observed = Observed::default();
    case.published = None;
    let status = case.status(&WordPressSiteStatus::default(), now());
    assert_eq!(summary(&status)[2], "True/DatabaseAccessDenied");
}

#[test]
fn a_bad_new_image_is_news_of_the_workload_while_old_pods_serve() {
    let mut case = Case::served();
    case.progress.schema = Err(Finding::new(Reason::ImagePullFailed, "cannot pull the image \"no-such\""));
    let status = case.status(&WordPressSiteStatus::default(), now());
    let workload = find(&status, ConditionType::WorkloadReady).expect("present");
    assert_eq!((workload.status.as_str(), workload.reason.as_str()), ("False", "ImagePullFailed"));
    assert_eq!(find(&status, ConditionType::Published).expect("present").status, "True");
}

#[test]
fn a_suspended_site_is_neither_reconciling_nor_stalled() {
    let mut case = Case::served();
    case.suspended = Some("suspended");
    let status = case.status(&WordPressSiteStatus::default(), now());
    assert_eq!(summary(&status), ["True/Suspended", "False/Suspended", "False/Suspended"]);
}

#[test]
fn an_invalid_spec_keeps_what_was_known_of_the_parts() {
    let served = Case::served().status(&WordPressSiteStatus::default(), now());
    let problem = Invalid { reason: Reason::ClassNotFound, message: "no class".into() };
    let status = invalid(&served, Some(4), &problem, later());
    assert_eq!(summary(&status), ["False/ClassNotFound", "False/Settled", "True/ClassNotFound"]);
    assert_eq!(find(&status, ConditionType::Published).expect("kept").status, "True");
    assert_eq!(status.observed_generation, Some(4));
}

#[test]
fn a_site_scaled_to_zero_is_ready_although_no_pod_claims_its_volume() {
    let mut case = Case::served();
    let pending = json!({"metadata": {"name": "blog-uploads"}, "status": {"phase": "Pending"}});
    case.observed.claims = vec![std::sync::Arc::new(serde_json::from_value(pending).expect("a claim"))];
    let deployment = json!({
        "metadata": {"name": "blog-web", "generation": 1},
        "spec": {"replicas": 0, "selector": {}, "template": {}},
        "status": {"observedGeneration": 1},
    });
    case.observed.deployment = Some(std::sync::Arc::new(serde_json::from_value(deployment).expect("a deployment")));
    case.published = None;
    let asleep = validated(&with_spec("  web: {replicas: 0}"), LOCAL_CLASS).expect("valid");
    let status = case.status_of(&asleep, &WordPressSiteStatus::default(), now());
    assert_eq!(summary(&status), ["True/Ready", "False/Settled", "False/Progressing"]);
}

#[test]
fn a_failing_pass_is_said_without_taking_back_what_is_known() {
    let served = Case::served().status(&WordPressSiteStatus::default(), now());
    let status = failing(&served, Some(3), "failed to observe the site: forbidden", later());
    assert_eq!(summary(&status), ["True/Ready", "True/ReconcileFailed", "False/Progressing"]);
    assert_eq!(status.conditions.len(), served.conditions.len());
    let unknown = failing(&WordPressSiteStatus::default(), Some(1), "failed to observe the site", now());
    assert_eq!(summary(&unknown)[0], "Unknown/ReconcileFailed");
}
