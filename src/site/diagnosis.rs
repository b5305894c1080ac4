//! What the children say about themselves, read up into one finding that a person understands. Plain functions.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStatus, PersistentVolumeClaim, Pod};
use kube::ResourceExt;
use serde::Deserialize;

use crate::api::condition::Reason;
pub use crate::api::finding::Finding;

/// The messages of the kubelet and of programs can be long; a condition is read on one screen.
const LONGEST_MESSAGE: usize = 400;

fn shortened(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(LONGEST_MESSAGE) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.into(),
    }
}

/// What is wrong with `pod`, or `None` where it is ready, finished, or only starting without trouble.
#[must_use]
pub fn pod(pod: &Pod) -> Option<Finding> {
    let name = pod.name_any();
    let status = pod.status.as_ref()?;
    let containers =
        || status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    if let Some(finding) = containers().find_map(|container| waiting(&name, container)) {
        return Some(finding);
    }
    let unscheduled =
        status.conditions.iter().flatten().find(|it| it.type_ == "PodScheduled" && it.status == "False")?;
    Some(Finding::new(
        Reason::Unschedulable,
        format!(
            "pod {name} is not scheduled: {}",
            shortened(unscheduled.message.as_deref().unwrap_or("the scheduler gave no message"))
        ),
    ))
}

fn waiting(pod: &str, container: &ContainerStatus) -> Option<Finding> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let detail = shortened(waiting.message.as_deref().unwrap_or_default());
    let container_name = &container.name;
    match waiting.reason.as_deref()? {
        kubelet @ ("ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "RegistryUnavailable"
        | "ImageInspectError"
        | "SignatureValidationFailed") => Some(Finding::new(
            Reason::ImagePullFailed,
            format!("pod {pod} cannot pull the image {:?} ({kubelet}): {detail}", container.image),
        )),
        kubelet @ ("CreateContainerConfigError" | "CreateContainerError" | "RunContainerError") => Some(Finding::new(
            Reason::ContainerFailed,
            format!("container {container_name} of pod {pod} cannot start ({kubelet}): {detail}"),
        )),
        "CrashLoopBackOff" => {
            let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
            let ending = last.map_or_else(String::new, |ended| {
                let said = ended.message.as_deref().unwrap_or_default();
                format!("; it last ended with exit code {} {}", ended.exit_code, shortened(said))
            });
            Some(Finding::new(
                Reason::CrashLooping,
                format!(
                    "container {container_name} of pod {pod} has ended {} times{}; see `kubectl logs {pod} -c {container_name} --previous`",
                    container.restart_count,
                    ending.trim_end()
                ),
            ))
        }
        _ => None,
    }
}

/// Whether `pod` passes its readiness probes.
#[must_use]
pub fn is_ready(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none()
        && pod
            .status
            .iter()
            .flat_map(|status| status.conditions.iter().flatten())
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Why `claim` is not bound, where it is not. A claim that waits for its first consumer is fine.
#[must_use]
pub fn claim(claim: &PersistentVolumeClaim) -> Option<Finding> {
    let name = claim.name_any();
    let phase = claim.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending");
    if phase == "Bound" {
        return None;
    }
    let class = claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_deref());
    Some(Finding::new(
        Reason::VolumeNotBound,
        match (phase, class) {
            ("Lost", _) => format!("the volume of the claim {name} is gone; restore it from a backup"),
            (_, Some(class)) => {
                format!("the claim {name} is {phase}: it waits for a volume of the storage class {class:?}")
            }
            (_, None) => format!(
                "the claim {name} is {phase}: the cluster has no default StorageClass; make one the default, or name one in the WordPressClass"
            ),
        },
    ))
}

/// Whether the one pod of `set` is ready.
#[must_use]
pub fn stateful_set_is_ready(set: &StatefulSet) -> bool {
    set.status.as_ref().is_some_and(|status| status.ready_replicas.unwrap_or(0) > 0)
}

/// Why a deployment's pods cannot be created, for instance by a quota.
#[must_use]
pub fn replica_failure(deployment: &Deployment) -> Option<Finding> {
    let failure = deployment
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten())
        .find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True")?;
    Some(refused(&deployment.name_any(), failure.message.as_deref().unwrap_or_default()))
}

/// That the pods of the set `name` are refused.
#[must_use]
pub fn refused(name: &str, message: &str) -> Finding {
    Finding::new(Reason::PodsRefused, format!("pods of {name} cannot be created: {}", shortened(message)))
}

/// How a Job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It has not ended.
    Running,
    /// It succeeded; what its task reported.
    Succeeded(TaskReport),
    /// It failed for good, at this time.
    Failed(Option<jiff::Timestamp>),
}

/// What a task leaves in its termination message: the contract with `runtime/wordpress/tasks`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskReport {
    /// On failure: one of [`Reason`]'s names.
    pub reason: Option<String>,
    /// On failure: what happened.
    pub message: Option<String>,
    /// The version of the installed WordPress.
    pub wordpress_version: Option<String>,
    /// The version of its database schema.
    pub database_version: Option<String>,
}

/// How `job` stands. Its report comes from the newest of its `pods` that has ended.
#[must_use]
pub fn job(job: &Job, pods: &[&Pod]) -> JobState {
    let condition = |kind: &str| {
        job.status
            .iter()
            .flat_map(|status| status.conditions.iter().flatten())
            .find(|condition| condition.type_ == kind && condition.status == "True")
    };
    if condition("Complete").is_some() {
        JobState::Succeeded(task_report(pods).unwrap_or_default())
    } else if let Some(failed) = condition("Failed") {
        JobState::Failed(failed.last_transition_time.as_ref().map(|time| time.0))
    } else {
        JobState::Running
    }
}

/// The report of the newest ended pod of a task.
#[must_use]
pub fn task_report(pods: &[&Pod]) -> Option<TaskReport> {
    let ended = |pod: &&Pod| {
        pod.status.as_ref()?.container_statuses.as_ref()?.iter().find_map(|container| {
            let ended = container.state.as_ref()?.terminated.as_ref()?;
            Some((ended.finished_at.as_ref().map(|time| time.0), ended.message.clone()?))
        })
    };
    let (_, message) = pods.iter().filter_map(ended).max_by_key(|(finished, _)| *finished)?;
    serde_json::from_str(&message).ok()
}

/// What a failed task says, as a finding of ours; `otherwise` where it said nothing that we know.
#[must_use]
pub fn task_failure(pods: &[&Pod], job: &str, otherwise: Reason) -> Finding {
    let report = task_report(pods).unwrap_or_default();
    let reason = report.reason.and_then(|reason| reason.parse().ok()).unwrap_or(otherwise);
    let message = report.message.map_or_else(
        || format!("the Job {job} failed without a report; see `kubectl logs job/{job}`"),
        |message| shortened(&message),
    );
    Finding::new(reason, message)
}

#[cfg(test)]
mod tests;
