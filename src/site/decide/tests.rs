use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use serde_json::json;

use super::super::build::build;
use super::super::fixtures::{LOCAL_CLASS, minimal, validated, with_spec};
use super::*;

fn from<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).expect("the fixture is of this kind")
}

/// What there is once everything that `prepared` says was applied.
fn applied(observed: &mut Observed, prepared: &Prepared) {
    let mut live = prepared.value.clone();
    live["metadata"]["uid"] = json!(format!("uid-of-{}", prepared.name));
    match prepared.resource.kind.as_str() {
        "StatefulSet" => observed.stateful_set = Some(Arc::new(from::<StatefulSet>(live.clone()))),
        "Deployment" => observed.deployment = Some(Arc::new(from::<Deployment>(live.clone()))),
        "PersistentVolumeClaim" => observed.claims.push(Arc::new(from(live.clone()))),
        "Job" => {
            observed.jobs.retain(|job| job.name_any() != prepared.name);
            observed.jobs.push(Arc::new(from(live.clone())));
        }
        _ => {}
    }
    observed.objects.insert(prepared.key(), live);
}

fn with_secrets(site: &Site, desired: &Desired) -> Observed {
    let secrets = desired.generated_secrets.iter();
    Observed {
        secrets: secrets.map(|it| (site.object_name(it.component), Some(site.uid.clone()))).collect(),
        ..Observed::default()
    }
}

fn database_ready(observed: &mut Observed) {
    let mut set = observed.stateful_set.as_deref().cloned().expect("the set was applied");
    set.status = Some(from(json!({"replicas": 1, "readyReplicas": 1})));
    observed.stateful_set = Some(Arc::new(set));
}

fn finished(observed: &mut Observed, name: &str, condition: &str, at: &str) {
    for job in &mut observed.jobs {
        if job.name_any() == name {
            let mut done = job.as_ref().clone();
            done.status =
                Some(from(json!({"conditions": [{"type": condition, "status": "True", "lastTransitionTime": at}]})));
            *job = Arc::new(done);
        }
    }
}

fn now() -> Timestamp {
    "2026-05-06T07:08:09Z".parse().expect("a time")
}

fn steps(site: &Site, desired: &Desired, observed: &Observed) -> Steps {
    decide(site, None, desired, observed, &progress(site, desired, observed), now()).expect("nothing is in the way")
}

fn kinds(steps: &Steps) -> Vec<&str> {
    steps.apply.iter().map(|prepared| prepared.resource.kind.as_str()).collect()
}

/// Everything applied, installed with the site's image, and at rest.
fn settled(site: &Site, desired: &Desired) -> Observed {
    let mut observed = with_secrets(site, desired);
    for prepared in desired.foundation.iter().chain([&desired.install]).chain(&desired.serving) {
        applied(&mut observed, prepared);
    }
    database_ready(&mut observed);
    finished(&mut observed, &desired.install.name, "Complete", "2026-05-06T07:00:00Z");
    observed
}

#[test]
fn the_first_pass_makes_secrets_and_the_foundation_but_no_web_pods() {
    let site = minimal();
    let desired = build(&site);
    let steps = steps(&site, &desired, &Observed::default());
    assert_eq!(steps.generate, desired.generated_secrets);
    assert_eq!(steps.apply.len(), desired.foundation.len());
    assert!(!kinds(&steps).contains(&"Deployment") && !kinds(&steps).contains(&"Job"));
}

#[test]
fn the_installation_waits_for_the_database_and_web_pods_for_the_installation() {
    let site = minimal();
    let desired = build(&site);
    let mut observed = with_secrets(&site, &desired);
    for prepared in &desired.foundation {
        applied(&mut observed, prepared);
    }
    assert!(steps(&site, &desired, &observed).apply.is_empty());
    database_ready(&mut observed);
    assert_eq!(steps(&site, &desired, &observed).apply, vec![desired.install.clone()]);
    applied(&mut observed, &desired.install);
    assert!(steps(&site, &desired, &observed).apply.is_empty());
    finished(&mut observed, &desired.install.name, "Complete", "2026-05-06T07:00:00Z");
    assert_eq!(steps(&site, &desired, &observed).apply, desired.serving);
}

#[test]
fn a_settled_site_needs_nothing() {
    let site = minimal();
    let desired = build(&site);
    let steps = steps(&site, &desired, &settled(&site, &desired));
    assert!(steps.apply.is_empty() && steps.delete.is_empty() && steps.generate.is_empty(), "{steps:?}");
}

#[test]
fn a_child_that_was_edited_or_deleted_by_hand_is_applied_again() {
    let site = minimal();
    let desired = build(&site);
    let mut observed = settled(&site, &desired);
    let key = ObjectKey { kind: "Service".into(), name: "blog-web".into() };
    observed.objects.get_mut(&key).expect("the Service")["spec"]["ports"][0]["port"] = json!(81);
    assert_eq!(kinds(&steps(&site, &desired, &observed)), ["Service"]);
    observed.objects.remove(&key);
    assert_eq!(kinds(&steps(&site, &desired, &observed)), ["Service"]);
}

#[test]
fn a_lost_database_does_not_stop_the_web_pods_from_being_kept() {
    let site = minimal();
    let desired = build(&site);
    let mut observed = settled(&site, &desired);
    observed.stateful_set = None;
    observed.objects.retain(|key, _| key.kind != "Deployment");
    assert!(kinds(&steps(&site, &desired, &observed)).contains(&"Deployment"));
}

#[test]
fn a_new_image_upgrades_the_schema_before_it_serves() {
    let before = minimal();
    let observed = settled(&before, &build(&before));
    let after = validated(&with_spec("  wordpress: {image: 'wordpress:next'}"), LOCAL_CLASS).expect("valid");
    let desired = build(&after);
    let mut observed = observed;
    assert_eq!(steps(&after, &desired, &observed).apply.last(), Some(&desired.schema));
    assert!(!kinds(&steps(&after, &desired, &observed)).contains(&"Deployment"));
    applied(&mut observed, &desired.schema);
    finished(&mut observed, &desired.schema.name, "Complete", "2026-05-06T07:00:00Z");
    assert!(kinds(&steps(&after, &desired, &observed)).contains(&"Deployment"));
}

#[test]
fn going_back_from_a_bad_image_removes_its_task() {
    let good = minimal();
    let bad = validated(&with_spec("  wordpress: {image: 'no-such:image'}"), LOCAL_CLASS).expect("valid");
    let mut observed = settled(&good, &build(&good));
    applied(&mut observed, &build(&bad).schema);
    let steps = steps(&good, &build(&good), &observed);
    assert!(steps.apply.is_empty());
    assert_eq!(steps.delete.iter().map(|it| it.key.name.clone()).collect::<Vec<_>>(), [build(&bad).schema.name]);
}

#[test]
fn a_failed_task_is_tried_again_after_a_while_or_when_it_changed() {
    let site = minimal();
    let desired = build(&site);
    let mut observed = with_secrets(&site, &desired);
    for prepared in desired.foundation.iter().chain([&desired.install]) {
        applied(&mut observed, prepared);
    }
    database_ready(&mut observed);
    finished(&mut observed, &desired.install.name, "Failed", "2026-05-06T07:08:00Z");
    let fresh = steps(&site, &desired, &observed);
    assert!(fresh.delete.is_empty());
    assert_eq!(fresh.look_again_after, Some(Duration::from_secs(51)));
    finished(&mut observed, &desired.install.name, "Failed", "2026-05-06T07:00:00Z");
    assert_eq!(steps(&site, &desired, &observed).delete.len(), 1);
    finished(&mut observed, &desired.install.name, "Failed", "2026-05-06T07:08:00Z");
    let changed = validated(&with_spec("  wordpress: {image: 'wordpress:fixed'}"), LOCAL_CLASS).expect("valid");
    assert_eq!(steps(&changed, &build(&changed), &observed).delete.len(), 1);
}

#[test]
fn a_volume_of_an_earlier_site_is_adopted_only_when_asked() {
    let site = minimal();
    let desired = build(&site);
    let mut observed = settled(&site, &desired);
    for (key, live) in &mut observed.objects {
        if key.kind == "PersistentVolumeClaim" {
            live["metadata"]["labels"][SITE_UID_LABEL] = json!("earlier");
        }
    }
    let progress = progress(&site, &desired, &observed);
    let refused = decide(&site, None, &desired, &observed, &progress, now()).expect_err("another site's volume");
    assert_eq!(refused.reason, Reason::VolumeOfAnotherSite);
    assert!(refused.message.contains("spec.adopt: earlier"), "{}", refused.message);
    let adopting = decide(&site, Some("earlier"), &desired, &observed, &progress, now()).expect("adopted");
    assert_eq!(kinds(&adopting), ["PersistentVolumeClaim", "PersistentVolumeClaim"]);
    assert!(decide(&site, Some("somebody else"), &desired, &observed, &progress, now()).is_err());
}

#[test]
fn an_object_that_is_not_ours_is_not_taken_over() {
    let site = minimal();
    let desired = build(&site);
    let mut observed = settled(&site, &desired);
    let key = ObjectKey { kind: "Service".into(), name: "blog-web".into() };
    observed.objects.insert(key, json!({"metadata": {"name": "blog-web", "labels": {}}}));
    let progress = progress(&site, &desired, &observed);
    let refused = decide(&site, None, &desired, &observed, &progress, now()).expect_err("a foreign Service");
    assert_eq!(refused.reason, Reason::NameConflict);
}

#[test]
fn what_the_spec_no_longer_asks_for_is_removed() {
    let shared = LOCAL_CLASS.replace("spec: {}", "spec: {media: {accessMode: ReadWriteMany}}");
    let scaled = validated(&with_spec("  web: {autoscaling: {min: 2, max: 4}}"), &shared).expect("valid");
    let observed = settled(&scaled, &build(&scaled));
    let fixed = validated(&with_spec("  web: {replicas: 1}"), &shared).expect("valid");
    let steps = steps(&fixed, &build(&fixed), &observed);
    let removed: Vec<_> = steps.delete.iter().map(|deletion| deletion.key.kind.as_str()).collect();
    assert_eq!(removed, ["HorizontalPodAutoscaler", "PodDisruptionBudget"]);
}

#[test]
fn handing_the_number_of_pods_to_an_autoscaler_does_not_reset_it() {
    let shared = LOCAL_CLASS.replace("spec: {}", "spec: {media: {accessMode: ReadWriteMany}}");
    let fixed = validated(&with_spec("  web: {replicas: 5}"), &shared).expect("valid");
    let observed = settled(&fixed, &build(&fixed));
    let automatic = validated(&with_spec("  web: {autoscaling: {min: 2, max: 9}}"), &shared).expect("valid");
    let desired = build(&automatic);
    let steps = steps(&automatic, &desired, &observed);
    let deployment = steps.apply.iter().find(|prepared| prepared.resource.kind == "Deployment").expect("applied");
    assert_eq!(deployment.value["spec"]["replicas"], json!(5));
}

#[test]
fn a_claim_that_got_its_class_from_the_cluster_is_left_alone() {
    let site = minimal();
    let desired = build(&site);
    let mut observed = settled(&site, &desired);
    let key = ObjectKey { kind: "PersistentVolumeClaim".into(), name: "blog-uploads".into() };
    let claim = observed.objects.get_mut(&key).expect("the claim");
    claim["spec"]["storageClassName"] = json!("standard");
    claim["spec"]["resources"]["requests"]["storage"] = json!("50Gi");
    assert!(steps(&site, &desired, &observed).apply.is_empty());
}
