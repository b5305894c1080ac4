//! Pure builders of the in-cluster objects, one file per object. No client, no I/O.
//!
//! Every function takes a validated site and returns what we set of an object, nothing more: a field that is left out
//! belongs to the API server's defaults or to another manager. Values are written as the API server writes them back,
//! since the caller compares field by field and would otherwise write in every pass.

mod config_map;
mod cron_job;
mod database;
mod deployment;
mod gateway;
mod horizontal_pod_autoscaler;
pub mod http_route;
mod ingress;
mod job;
mod metadata;
mod network_policy;
mod pod;
mod pod_disruption_budget;
mod scheduling;
pub mod secrets;
mod service;
mod service_account;
mod volume_claim;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::DynamicObject;

use crate::site::model::Site;

pub use metadata::selector;

/// Everything of a site that is applied. Secrets are not: they are made once, see [`secrets`].
#[derive(Clone, Debug, PartialEq)]
pub struct Objects {
    /// Who the pods are: nobody, for now.
    pub service_account: ServiceAccount,
    /// What the pods read.
    pub config_map: ConfigMap,
    /// The claim for uploads.
    pub uploads: Option<PersistentVolumeClaim>,
    /// The in-cluster database; `None` where somebody else runs it.
    pub database: Option<DatabaseObjects>,
    /// The pods that serve pages.
    pub deployment: Deployment,
    /// The address of the web pods in the cluster.
    pub service: Service,
    /// The way in, where the class exposes sites by an Ingress.
    pub ingress: Option<Ingress>,
    /// The way in, where the class exposes sites by a Gateway. Its kind is [`http_route::resource`].
    pub http_route: Option<DynamicObject>,
    /// The owner of the number of web pods, where the site asks for one.
    pub horizontal_pod_autoscaler: Option<HorizontalPodAutoscaler>,
    /// Keeps node drains from stopping all web pods at once; from two replicas.
    pub pod_disruption_budget: Option<PodDisruptionBudget>,
    /// Who may talk with the site's pods, except the database's.
    pub network_policy: NetworkPolicy,
    /// Installs `WordPress`, once.
    pub install_job: Job,
    /// Brings the schema to the image's version, once for each image.
    pub schema_job: Job,
    /// Runs `WordPress`' scheduled events.
    pub cron_job: CronJob,
}

/// The in-cluster database.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseObjects {
    /// The claim for its data.
    pub claim: PersistentVolumeClaim,
    /// Its address in the cluster.
    pub service: Service,
    /// Its pod.
    pub stateful_set: StatefulSet,
    /// Who may talk with it.
    pub network_policy: NetworkPolicy,
}

/// Builds everything of `site`.
#[must_use]
pub fn objects(site: &Site) -> Objects {
    Objects {
        service_account: service_account::service_account(site),
        config_map: config_map::config_map(site),
        uploads: volume_claim::uploads(site),
        database: database::objects(site),
        deployment: deployment::deployment(site),
        service: service::service(site),
        ingress: ingress::ingress(site),
        http_route: http_route::http_route(site),
        horizontal_pod_autoscaler: horizontal_pod_autoscaler::horizontal_pod_autoscaler(site),
        pod_disruption_budget: pod_disruption_budget::pod_disruption_budget(site),
        network_policy: network_policy::of_site(site),
        install_job: job::install(site),
        schema_job: job::schema(site),
        cron_job: cron_job::cron_job(site),
    }
}

#[cfg(test)]
mod tests;
