use super::super::build::build;
use super::super::fixtures::{MINIMAL, minimal, site, with_spec};
use super::*;
use crate::api::names::DIGEST_ANNOTATION;
use crate::api::status::{DriftStatus, OperationKind, UnitFailure, UnitOperation, UnitStatus};

const EVERY: [&str; 4] = [RECONCILE_ANNOTATION, RESTART_ANNOTATION, CLEAR_CACHE_ANNOTATION, RETRY_ANNOTATION];

fn annotations(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn all(value: &str) -> BTreeMap<String, String> {
    annotations(&EVERY.map(|name| (name, value)))
}

fn acknowledged(
    annotations: &BTreeMap<String, String>,
    previous: &WordPressSiteStatus,
    reached: Reached,
) -> WordPressSiteStatus {
    let mut status = WordPressSiteStatus::default();
    Actions::of(annotations, previous).acknowledge(&mut status, reached);
    status
}

fn handled(status: &WordPressSiteStatus) -> [Option<&str>; 4] {
    let Some(handled) = &status.handled_requests else { return [None; 4] };
    [&handled.reconcile, &handled.restart, &handled.clear_cache, &handled.retry].map(Option::as_deref)
}

/// The annotations of the web pods' template, without those that they have anyway.
fn marks(actions: &Actions) -> BTreeMap<String, String> {
    let mut desired = build(&minimal());
    actions.mark(&mut desired);
    let deployment = desired.serving.iter().find(|it| it.resource.kind == "Deployment").expect("there is one");
    let found = deployment.value.pointer("/spec/template/metadata/annotations").cloned().expect("a digest at least");
    let found: BTreeMap<String, String> = serde_json::from_value(found).expect("text");
    found.into_iter().filter(|(name, _)| EVERY.contains(&name.as_str())).collect()
}

#[test]
fn a_site_that_nobody_asked_anything_of_has_neither_marks_nor_a_word_in_its_status() {
    let none = WordPressSiteStatus::default();
    assert_eq!(acknowledged(&BTreeMap::new(), &none, Reached::WebPods), none);
    assert_eq!(build(&minimal()).serving, {
        let mut desired = build(&minimal());
        Actions::of(&BTreeMap::new(), &none).mark(&mut desired);
        desired.serving
    });
}

#[test]
fn a_request_is_done_when_the_pass_came_as_far_as_it_takes() {
    let none = WordPressSiteStatus::default();
    for (reached, expected) in [
        (Reached::Looked, [Some("1"), None, None, None]),
        (Reached::Some, [Some("1"), None, None, Some("1")]),
        (Reached::WebPods, [Some("1"); 4]),
    ] {
        assert_eq!(handled(&acknowledged(&all("1"), &none, reached)), expected, "{reached:?}");
    }
}

#[test]
fn what_was_done_stays_written_when_the_annotation_goes_or_the_site_is_held() {
    let done = acknowledged(&all("1"), &WordPressSiteStatus::default(), Reached::WebPods);
    assert_eq!(acknowledged(&BTreeMap::new(), &done, Reached::WebPods), done);
    assert_eq!(acknowledged(&all(""), &done, Reached::WebPods), done, "an empty value asks nothing");
    let held = acknowledged(&all("2"), &done, Reached::Looked);
    assert_eq!(handled(&held), [Some("2"), Some("1"), Some("1"), Some("1")]);
}

#[test]
fn a_restart_changes_the_web_pods_once_and_survives_its_annotation() {
    let none = WordPressSiteStatus::default();
    let asked = annotations(&[(RESTART_ANNOTATION, "1")]);
    let first = Actions::of(&asked, &none);
    assert_eq!(marks(&first), asked);
    let done = acknowledged(&asked, &none, Reached::WebPods);
    assert_eq!(marks(&Actions::of(&asked, &done)), asked);
    assert_eq!(marks(&Actions::of(&BTreeMap::new(), &done)), asked);
    let both = annotations(&[(RESTART_ANNOTATION, "2"), (CLEAR_CACHE_ANNOTATION, "1")]);
    assert_eq!(marks(&Actions::of(&both, &done)), both);
    // Neither a look nor another try is a reason for new pods.
    assert_eq!(
        marks(&Actions::of(&annotations(&[(RECONCILE_ANNOTATION, "1"), (RETRY_ANNOTATION, "1")]), &none)),
        [].into()
    );
}

#[test]
fn a_mark_is_part_of_the_digest_so_that_it_is_applied() {
    let digest = |actions: &Actions| {
        let mut desired = build(&minimal());
        actions.mark(&mut desired);
        let deployment = desired.serving.into_iter().find(|it| it.resource.kind == "Deployment").expect("there is one");
        assert_eq!(deployment.value["metadata"]["annotations"][DIGEST_ANNOTATION], deployment.digest.as_str());
        deployment.digest
    };
    let none = WordPressSiteStatus::default();
    let of = |value| digest(&Actions::of(&annotations(&[(RESTART_ANNOTATION, value)]), &none));
    assert_ne!(of("1"), of("2"));
    assert_eq!(of("1"), of("1"));
}

#[test]
fn a_value_counts_by_its_first_64_characters() {
    let long = "字".repeat(100);
    let done = acknowledged(&annotations(&[(RETRY_ANNOTATION, &long)]), &WordPressSiteStatus::default(), Reached::Some);
    assert_eq!(handled(&done)[3].map(|it| it.chars().count()), Some(64));
    let again = Actions::of(&annotations(&[(RETRY_ANNOTATION, &long)]), &done);
    assert_eq!(again.time(Timestamp::UNIX_EPOCH), Timestamp::UNIX_EPOCH, "it is not new for ever");
}

fn remembered() -> WordPressSiteStatus {
    let failed = |kind| UnitStatus {
        name: "data".into(),
        operation: Some(UnitOperation { kind, token: "t3".into(), time: String::new() }),
        failure: Some(UnitFailure { token: "t3".into(), attempts: 5, ..UnitFailure::default() }),
        drift: Some(DriftStatus { time: "2026-05-06T07:00:00Z".into(), ..DriftStatus::default() }),
        ..UnitStatus::default()
    };
    let looking =
        DriftStatus { time: "2026-05-06T07:00:00Z".into(), detection_id: Some("d1".into()), ..DriftStatus::default() };
    WordPressSiteStatus {
        units: vec![
            failed(OperationKind::Create),
            UnitStatus { drift: Some(looking), ..failed(OperationKind::Update) },
            UnitStatus::default(),
        ],
        ..WordPressSiteStatus::default()
    }
}

#[test]
fn another_try_forgives_the_failures_once() {
    let before = remembered();
    let asked = annotations(&[(RETRY_ANNOTATION, "1")]);
    let memory = Actions::of(&asked, &before).memory(&before);
    let attempts: Vec<_> =
        memory.units.iter().map(|unit| unit.failure.as_ref().map(|failure| failure.attempts)).collect();
    assert_eq!(attempts, [Some(0), Some(0), None]);
    let operations: Vec<_> = memory.units.iter().map(|unit| unit.operation.is_some()).collect();
    assert_eq!(operations, [true, false, false], "a creation is gone on with, a change is begun anew");
    let done = WordPressSiteStatus {
        handled_requests: acknowledged(&asked, &before, Reached::Some).handled_requests,
        ..before.clone()
    };
    assert_eq!(Actions::of(&asked, &done).memory(&done), done);
}

#[test]
fn a_look_at_everything_is_one_at_changes_by_hand_too() {
    let before = remembered();
    let memory = Actions::of(&annotations(&[(RECONCILE_ANNOTATION, "1")]), &before).memory(&before);
    let times: Vec<_> = memory.units.iter().map(|unit| unit.drift.as_ref().map(|drift| drift.time.as_str())).collect();
    assert_eq!(times, [Some(LONG_AGO), Some("2026-05-06T07:00:00Z"), None], "a look that goes on is not begun again");
    assert_eq!(memory.units[0].failure, before.units[0].failure);
}

#[test]
fn a_failed_task_is_due_at_once_when_another_try_is_asked_for() {
    let now: Timestamp = "2026-05-06T07:08:09Z".parse().expect("a time");
    let none = WordPressSiteStatus::default();
    let asked = annotations(&[(RETRY_ANNOTATION, "1")]);
    let actions = Actions::of(&asked, &none);
    assert_eq!(actions.time(now).duration_since(now), RETRY_FAILED_TASK_AFTER.try_into().expect("a minute"));
    let done = acknowledged(&asked, &none, Reached::Some);
    assert_eq!(Actions::of(&asked, &done).time(now), now);
}

#[test]
fn a_site_is_held_by_its_spec_or_by_the_word_true() {
    let by = |yaml: &str, value: Option<&str>| {
        let held = value.map(|value| annotations(&[(SUSPEND_ANNOTATION, value)])).unwrap_or_default();
        suspended(&site(yaml).spec, &held)
    };
    let held = with_spec("  suspend: true");
    assert!(by(&held, None).is_some_and(|it| it.starts_with("spec.suspend")));
    assert!(by(&held, Some("false")).is_some(), "Git's word stands");
    assert!(by(MINIMAL, Some("true")).is_some_and(|it| it.contains("tairyo.dev/suspend is true")));
    for value in [None, Some("false"), Some(""), Some("True")] {
        assert_eq!(by(MINIMAL, value), None, "{value:?}");
    }
}
