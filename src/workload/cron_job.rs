//! `WordPress`' scheduled events, outside page requests.

use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, JobSpec, JobTemplateSpec};

use super::metadata::{metadata, pod_metadata};
use super::pod::{Task, configuration, task_template};
use crate::api::names::Component;
use crate::site::model::Site;

/// The `CronJob`. Each run reads the configuration afresh, so its template carries no digest of it.
pub(super) fn cron_job(site: &Site) -> CronJob {
    let task = Task { component: Component::Cron, name: "run-cron", configuration: configuration(site), uploads: true };
    CronJob {
        metadata: metadata(site, Component::Cron),
        spec: Some(CronJobSpec {
            schedule: site.cron_schedule.clone(),
            time_zone: Some(site.time_zone.clone()),
            concurrency_policy: Some("Forbid".into()),
            starting_deadline_seconds: Some(200),
            successful_jobs_history_limit: Some(1),
            failed_jobs_history_limit: Some(1),
            job_template: JobTemplateSpec {
                metadata: Some(pod_metadata(site, Component::Cron)),
                spec: Some(JobSpec {
                    // The next run is the retry.
                    backoff_limit: Some(0),
                    active_deadline_seconds: Some(600),
                    template: task_template(site, task),
                    ..JobSpec::default()
                }),
            },
            ..CronJobSpec::default()
        }),
        ..CronJob::default()
    }
}
