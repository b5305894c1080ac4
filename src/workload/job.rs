//! The tasks that are done once: the installation, and the schema of each image.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::config_map::{digest_of_installation, digest_of_site};
use super::metadata::metadata;
use super::pod::{CONFIG_DIGEST_ANNOTATION, Task, configuration, installation, task_template};
use crate::api::digest::digest_of_texts;
use crate::api::names::Component;
use crate::site::model::Site;

/// The Job that installs `WordPress`. Its success is the record that it is installed, so nothing removes it.
pub(super) fn install(site: &Site) -> Job {
    let task =
        Task { component: Component::Install, name: "install", configuration: installation(site), uploads: false };
    let template = with_digest(task_template(site, task), digest_of_installation(site));
    job(metadata(site, Component::Install), template)
}

/// The Job that brings the database schema to the version of the site's image; another image is another Job.
pub(super) fn schema(site: &Site) -> Job {
    let task = Task {
        component: Component::Schema,
        name: "upgrade-database",
        configuration: configuration(site),
        uploads: false,
    };
    let template = with_digest(task_template(site, task), digest_of_site(site));
    let metadata = metadata(site, Component::Schema);
    let name = metadata.name.as_ref().map(|name| format!("{name}-{}", &digest_of_texts(&[&site.image])[..8]));
    job(ObjectMeta { name, ..metadata }, template)
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

/// A task that failed for its configuration is another one after a change of it.
fn with_digest(mut template: PodTemplateSpec, digest: String) -> PodTemplateSpec {
    let annotations = [(CONFIG_DIGEST_ANNOTATION.to_owned(), digest)].into();
    template.metadata.get_or_insert_default().annotations = Some(annotations);
    template
}
