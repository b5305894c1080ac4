//! Jobs: each runs one task of the WordPress image.

use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, Job, JobSpec, JobTemplateSpec};
use k8s_openapi::api::core::v1::{PodTemplateSpec, Volume, VolumeMount, VolumeProjection};
use kube::core::ObjectMeta;
use sha2::{Digest as _, Sha256};

use super::config_map::INSTALL_FILE;
use super::metadata::{labels, metadata};
use super::pod::{
    CONFIGURATION, CONFIGURATION_PATH, UPLOADS_PATH, WORDPRESS_USER, claimed, configuration, container,
    from_config_map, from_secret, memory_limit_variable, mount, read_only, resources, scratch, template,
};
use crate::api::names::Component;
use crate::site::model::Site;

/// The Job that installs WordPress. It is kept: that it succeeded is the record of the installation.
#[must_use]
pub fn install(site: &Site) -> Job {
    let password = from_secret(
        &site.admin.password.name,
        [(site.admin.password.key.as_str(), "secrets/admin/password".to_owned())].into_iter(),
    );
    let more = vec![from_config_map(site, INSTALL_FILE), password];
    job(metadata(site, Component::Install), task(site, Component::Install, "install", more, false))
}

/// The Job that brings the database schema to the image's version, one for each image.
#[must_use]
pub fn schema(site: &Site) -> Job {
    let digest: String = Sha256::digest(&site.image).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let metadata = metadata(site, Component::Schema);
    let name = format!("{}-{digest}", site.object_name(Component::Schema));
    let metadata = ObjectMeta { name: Some(name), ..metadata };
    job(metadata, task(site, Component::Schema, "upgrade-database", Vec::new(), false))
}

fn job(metadata: ObjectMeta, template: PodTemplateSpec) -> Job {
    Job {
        metadata,
        spec: Some(JobSpec {
            backoff_limit: Some(2),
            active_deadline_seconds: Some(900),
            template,
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}

/// The `CronJob` that runs WordPress' scheduled events, so that no visitor waits for them.
#[must_use]
pub fn cron(site: &Site) -> CronJob {
    CronJob {
        metadata: metadata(site, Component::Cron),
        spec: Some(CronJobSpec {
            schedule: site.cron_schedule.clone(),
            time_zone: Some(site.time_zone.clone()),
            concurrency_policy: Some("Forbid".into()),
            // A controller that was away does not make up for every missed run.
            starting_deadline_seconds: Some(200),
            successful_jobs_history_limit: Some(1),
            failed_jobs_history_limit: Some(1),
            job_template: JobTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(labels(site, Component::Cron)), ..ObjectMeta::default() }),
                spec: Some(JobSpec {
                    backoff_limit: Some(0),
                    active_deadline_seconds: Some(600),
                    template: task(site, Component::Cron, "run-cron", Vec::new(), true),
                    ..JobSpec::default()
                }),
            },
            ..CronJobSpec::default()
        }),
        ..CronJob::default()
    }
}

fn task(
    site: &Site,
    component: Component,
    name: &str,
    more: Vec<VolumeProjection>,
    with_uploads: bool,
) -> PodTemplateSpec {
    let mut mounts: Vec<VolumeMount> =
        vec![read_only(CONFIGURATION, CONFIGURATION_PATH), mount("run", "/run/tairyo"), mount("tmp", "/tmp")];
    let mut volumes: Vec<Volume> =
        vec![configuration(site, more), scratch("run", "16Mi", true), scratch("tmp", "1Gi", false)];
    if with_uploads {
        mounts.push(mount("uploads", UPLOADS_PATH));
        volumes.push(claimed(site, "uploads", Component::Uploads));
    }
    let mut container = container("task", &site.image, &["task", name], mounts);
    container.env = Some(vec![memory_limit_variable()]);
    container.resources = Some(resources("50m", "128Mi", "512Mi"));
    let mut pod = template(site, component, WORDPRESS_USER, vec![container], volumes);
    if let Some(spec) = &mut pod.spec {
        spec.restart_policy = Some("Never".into());
        spec.node_selector = Some(site.web.node_selector.clone()).filter(|selector| !selector.is_empty());
        spec.tolerations = Some(site.web.tolerations.clone()).filter(|tolerations| !tolerations.is_empty());
    }
    pod
}
