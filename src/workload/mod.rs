//! Pure builders of the in-cluster objects, one file per object.

pub mod claim;
pub mod config_map;
pub mod database;
pub mod deployment;
pub mod http_route;
pub mod ingress;
pub mod metadata;
pub mod network_policy;
pub mod pod;
pub mod scaling;
pub mod secrets;
pub mod service;
pub mod tasks;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::DynamicObject;

use crate::api::names::Component;
use crate::site::model::{DatabaseProvider, Exposure, Site};

/// Everything that a site has in the cluster, but for the Secrets, which are made once: see [`secrets`].
#[derive(Clone, Debug)]
pub struct Objects {
    /// The identity of the site's pods. It has no rights.
    pub service_account: ServiceAccount,
    /// What pods read as configuration.
    pub config_map: ConfigMap,
    /// The volume of uploads.
    pub uploads: PersistentVolumeClaim,
    /// The in-cluster database.
    pub database: Option<DatabaseObjects>,
    /// The pods that serve pages.
    pub deployment: Deployment,
    /// The address of those pods.
    pub service: Service,
    /// Where the class exposes sites by Ingress.
    pub ingress: Option<Ingress>,
    /// Where the class exposes sites by a Gateway.
    pub http_route: Option<DynamicObject>,
    /// Where the number of pods follows the load.
    pub horizontal_pod_autoscaler: Option<HorizontalPodAutoscaler>,
    /// From two pods on.
    pub pod_disruption_budget: Option<PodDisruptionBudget>,
    /// What the site's pods may talk to.
    pub network_policy: NetworkPolicy,
    /// Installs WordPress.
    pub install_job: Job,
    /// Brings the schema to the image's version.
    pub schema_job: Job,
    /// Runs scheduled events.
    pub cron_job: CronJob,
}

/// The in-cluster database of a site.
#[derive(Clone, Debug)]
pub struct DatabaseObjects {
    /// Its volume.
    pub claim: PersistentVolumeClaim,
    /// Its address.
    pub service: Service,
    /// Its pod.
    pub stateful_set: StatefulSet,
    /// Who may connect.
    pub network_policy: NetworkPolicy,
}

/// Builds everything that `site` has in the cluster.
#[must_use]
pub fn objects(site: &Site) -> Objects {
    let database = match &site.database.provider {
        DatabaseProvider::External => None,
        DatabaseProvider::InCluster { image, volume, resources } => Some(DatabaseObjects {
            claim: claim::claim(site, Component::Database, volume),
            service: service::database(site),
            stateful_set: database::stateful_set(site, image, resources),
            network_policy: network_policy::database(site),
        }),
    };
    Objects {
        service_account: ServiceAccount {
            metadata: metadata::metadata(site, Component::Web),
            automount_service_account_token: Some(false),
            ..ServiceAccount::default()
        },
        config_map: config_map::config_map(site),
        uploads: claim::claim(site, Component::Uploads, &site.media),
        database,
        deployment: deployment::deployment(site),
        service: service::web(site),
        ingress: match &site.exposure {
            Exposure::Ingress(exposure) => Some(ingress::ingress(site, exposure)),
            Exposure::None | Exposure::Gateway(_) => None,
        },
        http_route: match &site.exposure {
            Exposure::Gateway(gateway) => Some(http_route::http_route(site, gateway)),
            Exposure::None | Exposure::Ingress(_) => None,
        },
        horizontal_pod_autoscaler: scaling::horizontal_pod_autoscaler(site),
        pod_disruption_budget: scaling::pod_disruption_budget(site),
        network_policy: network_policy::web(site),
        install_job: tasks::install(site),
        schema_job: tasks::schema(site),
        cron_job: tasks::cron(site),
    }
}

#[cfg(test)]
mod tests;
