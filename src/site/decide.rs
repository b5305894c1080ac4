//! Fifth step: what to do now, as data. A plain function of what should be, what is, and the time.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::Value;

use super::build::{Desired, GeneratedSecret, ObjectKey, Prepared};
use super::covers::covers;
use super::diagnosis::{self, Finding, JobState, TaskReport};
use super::model::{DatabaseProvider, Site};
use super::observe::Observed;
use super::quantity;
use crate::api::condition::Reason;
use crate::api::names::{COMPONENT_LABEL, Component, DIGEST_ANNOTATION, SITE_UID_LABEL};

/// How long a failed task waits before it is tried again, where nothing that it depends on has visibly changed.
pub const RETRY_FAILED_TASK_AFTER: Duration = Duration::from_mins(1);

/// What to do in this pass.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    /// Secrets to make, before anything that mounts them.
    pub generate: Vec<GeneratedSecret>,
    /// Retained Secrets of an adopted site, to be relabelled as ours.
    pub adopt_secrets: Vec<String>,
    /// Objects to apply, in this order.
    pub apply: Vec<Prepared>,
    /// Objects to delete.
    pub delete: Vec<Deletion>,
    /// When to look again although nothing may have happened.
    pub look_again_after: Option<Duration>,
}

/// An object to delete, guarded by its uid: the same name may be another object by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Kind and name.
    pub key: ObjectKey,
    /// Its uid when it was observed.
    pub uid: String,
}

/// How far the parts of a site are, as far as it steers what may be done.
#[derive(Clone, Debug)]
pub struct Progress {
    /// `None`: the database accepts connections, or is not ours to know.
    pub database: Option<Finding>,
    /// What the install Job reported, once it succeeded.
    pub installed: Result<TaskReport, Finding>,
    /// Whether the schema is that of the wanted image.
    pub schema: Result<TaskReport, Finding>,
}

/// An object that stands in the way.
pub type Obstacle = Finding;

/// Looks at what there is.
#[must_use]
pub fn progress(site: &Site, desired: &Desired, observed: &Observed) -> Progress {
    let database = database(site, observed);
    let install = observed.jobs.iter().find(|job| job.name_any() == desired.install.name);
    let installed = task(observed, install.map(AsRef::as_ref), Reason::Installing, Reason::InstallFailed);
    let schema = match (&installed, install) {
        // What the installation used is the schema's image, until an upgrade says otherwise.
        (Ok(report), Some(job)) if image(job) == Some(site.image.as_str()) => Ok(report.clone()),
        _ => {
            let upgrade = observed.jobs.iter().find(|job| job.name_any() == desired.schema.name);
            task(observed, upgrade.map(AsRef::as_ref), Reason::UpgradingSchema, Reason::UpgradeFailed)
        }
    };
    Progress { database, installed, schema }
}

fn database(site: &Site, observed: &Observed) -> Option<Finding> {
    if matches!(site.database.provider, DatabaseProvider::External | DatabaseProvider::Aurora) {
        return None;
    }
    let name = site.object_name(Component::Database);
    let Some(set) = &observed.stateful_set else {
        return Some(Finding::new(Reason::Starting, format!("the StatefulSet {name} is being created")));
    };
    if diagnosis::stateful_set_is_ready(set) {
        return None;
    }
    let component: &str = Component::Database.into();
    let pod = observed.pods.iter().find(|pod| pod.labels().get(COMPONENT_LABEL).is_some_and(|it| it == component));
    let refused = observed.refusals.get(&name).map(|message| diagnosis::refused(&name, message));
    let unbound = || {
        let claim = observed.claims.iter().find(|claim| claim.name_any() == name)?;
        diagnosis::claim(claim)
    };
    let of_pod = pod.and_then(|pod| diagnosis::pod(pod));
    // A pod that waits for its volume is "unschedulable"; the claim knows why.
    let of_pod = match of_pod {
        Some(finding) if finding.reason == Reason::Unschedulable => Some(with_claim(finding, unbound())),
        other => other,
    };
    refused
        .or(of_pod)
        .or_else(|| if pod.is_none() { unbound() } else { None })
        .or_else(|| Some(Finding::new(Reason::Starting, format!("the database pod {name}-0 is starting"))))
}

fn with_claim(of_pod: Finding, of_claim: Option<Finding>) -> Finding {
    match of_claim {
        Some(of_claim) if of_pod.message.contains("PersistentVolumeClaim") => {
            Finding::new(Reason::VolumeNotBound, format!("{}; {}", of_pod.message, of_claim.message))
        }
        _ => of_pod,
    }
}

/// The image of the task container of `job`.
fn image(job: &Job) -> Option<&str> {
    job.spec.as_ref()?.template.spec.as_ref()?.containers.first()?.image.as_deref()
}

fn pods_of<'a>(observed: &'a Observed, job: &Job) -> Vec<&'a Pod> {
    let name = job.name_any();
    let of_job = |pod: &&Pod| pod.labels().get("batch.kubernetes.io/job-name") == Some(&name);
    observed.pods.iter().map(AsRef::as_ref).filter(of_job).collect()
}

fn task(observed: &Observed, job: Option<&Job>, running: Reason, failed: Reason) -> Result<TaskReport, Finding> {
    let Some(job) = job else {
        return Err(Finding::new(running, "the task has not started"));
    };
    let pods = pods_of(observed, job);
    match diagnosis::job(job, &pods) {
        JobState::Succeeded(report) => Ok(report),
        JobState::Failed(_) => Err(diagnosis::task_failure(&pods, &job.name_any(), failed)),
        JobState::Running => Err(pods.iter().find_map(|pod| diagnosis::pod(pod)).unwrap_or_else(|| {
            // A refused login does not get better between the tries of one Job.
            match diagnosis::task_report(&pods) {
                Some(report) if report.reason.is_some() => diagnosis::task_failure(&pods, &job.name_any(), failed),
                _ => Finding::new(running, format!("the Job {} is running", job.name_any())),
            }
        })),
    }
}

/// Decides what to do now.
pub fn decide(
    site: &Site,
    adopts: Option<&str>,
    desired: &Desired,
    observed: &Observed,
    progress: &Progress,
    now: Timestamp,
) -> Result<Steps, Obstacle> {
    let mut steps = Steps::default();
    secrets(site, adopts, desired, observed, &mut steps)?;
    for prepared in &desired.foundation {
        apply_if_different(site, adopts, prepared, observed, &mut steps)?;
    }
    if progress.database.is_none() || progress.installed.is_ok() {
        run_task(site, &desired.install, observed, now, &mut steps)?;
    }
    if progress.installed.is_ok() {
        if progress.schema.is_ok() {
            for prepared in &desired.serving {
                apply_if_different(site, adopts, prepared, observed, &mut steps)?;
            }
            prune(site, desired, observed, &mut steps);
        } else {
            run_task(site, &desired.schema, observed, now, &mut steps)?;
        }
    }
    Ok(steps)
}

fn secrets(
    site: &Site,
    adopts: Option<&str>,
    desired: &Desired,
    observed: &Observed,
    steps: &mut Steps,
) -> Result<(), Obstacle> {
    for generated in &desired.generated_secrets {
        let name = site.object_name(generated.component);
        match observed.secrets.get(&name) {
            None | Some(None) => steps.generate.push(*generated),
            Some(Some(uid)) if *uid == site.uid => {}
            Some(Some(uid)) if generated.retained && adopts == Some(uid.as_str()) => steps.adopt_secrets.push(name),
            Some(Some(uid)) if uid.is_empty() => return Err(conflict("Secret", &name)),
            Some(Some(uid)) if generated.retained => return Err(of_another_site("Secret", &name, uid)),
            Some(Some(_)) => return Err(leftover("Secret", &name)),
        }
    }
    Ok(())
}

fn apply_if_different(
    site: &Site,
    adopts: Option<&str>,
    prepared: &Prepared,
    observed: &Observed,
    steps: &mut Steps,
) -> Result<(), Obstacle> {
    let Some(live) = observed.objects.get(&prepared.key()) else {
        steps.apply.push(prepared.clone());
        return Ok(());
    };
    check_owner(site, adopts, &prepared.key(), live)?;
    let prepared = if prepared.resource.kind == "PersistentVolumeClaim" {
        with_fixed_fields(prepared, live)
    } else {
        prepared.clone()
    };
    let same_digest = live.pointer("/metadata/annotations").and_then(|it| it.get(DIGEST_ANNOTATION))
        == prepared.value.pointer("/metadata/annotations").and_then(|it| it.get(DIGEST_ANNOTATION));
    if !(same_digest && covers(live, &prepared.value)) {
        steps.apply.push(with_live_replicas(prepared, live));
    }
    Ok(())
}

/// Where an autoscaler owns the number of pods, ours says nothing of it. To stop saying it by server-side apply would
/// remove the field, and the API server would default it to 1 in the middle of a busy day: so say what is there.
fn with_live_replicas(mut prepared: Prepared, live: &Value) -> Prepared {
    if prepared.resource.kind == "Deployment"
        && prepared.value.pointer("/spec/replicas").is_none()
        && let Some(replicas) = live.pointer("/spec/replicas")
    {
        prepared.value["spec"]["replicas"] = replicas.clone();
    }
    prepared
}

/// A claim's class and access modes are fixed when it is made; a class that changed them later concerns new sites.
/// Its size never shrinks: an adopted volume may be larger than what the new site asks for.
fn with_fixed_fields(prepared: &Prepared, live: &Value) -> Prepared {
    const SIZE: &str = "/spec/resources/requests/storage";
    let mut value = prepared.value.clone();
    let size = |claim: &Value| claim.pointer(SIZE).and_then(Value::as_str).and_then(quantity::milli);
    if size(live) > size(&value)
        && let (Some(wanted), Some(larger)) = (value.pointer_mut(SIZE), live.pointer(SIZE))
    {
        *wanted = larger.clone();
    }
    for field in ["storageClassName", "accessModes"] {
        if let Some(fixed) = live.pointer(&format!("/spec/{field}")) {
            value["spec"][field] = fixed.clone();
        }
    }
    // The digest stays that of the wish: what the API server filled in is no change of ours.
    Prepared { value, ..prepared.clone() }
}

fn check_owner(site: &Site, adopts: Option<&str>, key: &ObjectKey, live: &Value) -> Result<(), Obstacle> {
    match owner(live) {
        Some(uid) if uid == site.uid => Ok(()),
        Some(uid) if adopts == Some(uid) && key.kind == "PersistentVolumeClaim" => Ok(()),
        Some(uid) if key.kind == "PersistentVolumeClaim" => Err(of_another_site(&key.kind, &key.name, uid)),
        Some(_) => Err(leftover(&key.kind, &key.name)),
        None => Err(conflict(&key.kind, &key.name)),
    }
}

/// The uid of the site that `live` belongs to.
#[must_use]
pub fn owner(live: &Value) -> Option<&str> {
    live.pointer("/metadata/labels")?.get(SITE_UID_LABEL)?.as_str()
}

fn of_another_site(kind: &str, name: &str, uid: &str) -> Obstacle {
    Finding::new(
        Reason::VolumeOfAnotherSite,
        format!(
            "the {kind} {name} was kept from an earlier site with the uid {uid}; take over its data with \
             spec.adopt: {uid} on this site, or delete the {kind}"
        ),
    )
}

fn leftover(kind: &str, name: &str) -> Obstacle {
    Finding::new(Reason::Waiting, format!("the {kind} {name} of an earlier site of this name is still being removed"))
}

/// That an object which nobody of ours made has a name that we need.
#[must_use]
pub fn conflict(kind: &str, name: &str) -> Obstacle {
    Finding::new(
        Reason::NameConflict,
        format!(
            "the {kind} {name} exists and was not made for this site; rename or delete it, or create the site under another name"
        ),
    )
}

/// Starts the task's Job where there is none. A failed one makes room for another try after a while, or at once when
/// what it runs has changed. A Job that succeeded is never run again.
fn run_task(
    site: &Site,
    prepared: &Prepared,
    observed: &Observed,
    now: Timestamp,
    steps: &mut Steps,
) -> Result<(), Obstacle> {
    let Some(job) = observed.jobs.iter().find(|job| job.name_any() == prepared.name) else {
        steps.apply.push(prepared.clone());
        return Ok(());
    };
    if let Some(live) = observed.objects.get(&prepared.key()) {
        check_owner(site, None, &prepared.key(), live)?;
    }
    if job.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    let changed = job.annotations().get(DIGEST_ANNOTATION) != Some(&prepared.digest);
    let delete = match diagnosis::job(job, &pods_of(observed, job)) {
        JobState::Succeeded(_) => false,
        // A running task of an older spec, for instance one whose image cannot be pulled, would keep its mistake.
        JobState::Running => changed,
        JobState::Failed(at) => {
            let age =
                at.map_or(RETRY_FAILED_TASK_AFTER, |at| now.duration_since(at).try_into().unwrap_or(Duration::ZERO));
            if !changed && age < RETRY_FAILED_TASK_AFTER {
                steps.look_again_after = Some(RETRY_FAILED_TASK_AFTER.checked_sub(age).unwrap_or_default());
            }
            changed || age >= RETRY_FAILED_TASK_AFTER
        }
    };
    if delete {
        steps.delete.push(Deletion { key: prepared.key(), uid: job.uid().unwrap_or_default() });
    }
    Ok(())
}

/// Removes what the spec no longer asks for. Never a volume, and never the record of the installation.
fn prune(site: &Site, desired: &Desired, observed: &Observed, steps: &mut Steps) {
    const OPTIONAL: [&str; 5] = ["Ingress", "HTTPRoute", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Job"];
    let wanted = |key: &ObjectKey| {
        desired.serving.iter().any(|prepared| prepared.key() == *key)
            || *key == desired.install.key()
            || *key == desired.schema.key()
    };
    for (key, live) in &observed.objects {
        // The Jobs of the CronJob belong to it, by their owner reference.
        let of_cron = live.pointer("/metadata/ownerReferences/0/kind").is_some_and(|kind| kind == "CronJob");
        if OPTIONAL.contains(&key.kind.as_str()) && !wanted(key) && !of_cron && owner(live) == Some(site.uid.as_str()) {
            let uid = live.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
            steps.delete.push(Deletion { key: key.clone(), uid: uid.into() });
        }
    }
}

#[cfg(test)]
mod tests;
