//! The in-cluster database: `MariaDB` in one pod, on a volume of its own.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, ExecAction, PodSpec, PodTemplateSpec, Probe, ResourceRequirements,
    SecretVolumeSource, Service, ServicePort, ServiceSpec, Volume,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::{metadata, pod_metadata, selector, selector_labels};
use super::pod::{
    SECRET_FILE_MODE, claimed, container, database_items, memory_limit_environment, mount, mount_to_read, pod_security,
    scratch,
};
use super::{DatabaseObjects, network_policy, volume_claim};
use crate::api::names::Component;
use crate::site::model::{DatabaseProvider, Site};

/// mysql in the tairyo-mariadb image.
const USER: i64 = 999;

/// Everything of the database, where we run it.
pub(super) fn objects(site: &Site) -> Option<DatabaseObjects> {
    let DatabaseProvider::InCluster { image, volume, resources } = &site.database.provider else {
        return None;
    };
    Some(DatabaseObjects {
        claim: volume_claim::claim(site, Component::Database, volume),
        service: service(site),
        stateful_set: stateful_set(site, image, resources),
        network_policy: network_policy::of_database(site),
    })
}

/// Headless: the name is the pod's address. Only a ready pod is behind it, so that a task that finds none waits.
fn service(site: &Site) -> Service {
    Service {
        metadata: metadata(site, Component::Database),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            cluster_ip: Some("None".into()),
            selector: Some(selector_labels(site, Component::Database)),
            ports: Some(vec![ServicePort {
                name: Some("mysql".into()),
                port: site.database.port,
                target_port: Some(IntOrString::Int(site.database.port)),
                protocol: Some("TCP".into()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// A set of one pod, since a set never runs two of the same name: two servers on one data directory would destroy it.
fn stateful_set(site: &Site, image: &str, resources: &ResourceRequirements) -> StatefulSet {
    StatefulSet {
        metadata: metadata(site, Component::Database),
        spec: Some(StatefulSetSpec {
            replicas: Some(1),
            service_name: Some(site.object_name(Component::Database)),
            selector: selector(site, Component::Database),
            // With the other policy a pod that never got ready, for instance for an image that does not exist, would
            // not be replaced after the mistake is corrected.
            pod_management_policy: Some("Parallel".into()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("RollingUpdate".into()),
                ..StatefulSetUpdateStrategy::default()
            }),
            revision_history_limit: Some(3),
            template: PodTemplateSpec {
                metadata: Some(pod_metadata(site, Component::Database)),
                spec: Some(pod(site, image, resources)),
            },
            // No claim templates: the claim is ours to keep, to grow and to adopt.
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}

fn pod(site: &Site, image: &str, resources: &ResourceRequirements) -> PodSpec {
    PodSpec {
        containers: vec![server(site, image, resources)],
        volumes: Some(vec![
            claimed("data", &site.object_name(Component::Database)),
            scratch("run", Some("Memory"), Some("16Mi")),
            scratch("tmp", None, None),
            Volume {
                name: "login".into(),
                secret: Some(SecretVolumeSource {
                    secret_name: site.database.secret_name.clone(),
                    items: Some(database_items("")),
                    default_mode: Some(SECRET_FILE_MODE),
                    ..SecretVolumeSource::default()
                }),
                ..Volume::default()
            },
        ]),
        security_context: Some(pod_security(USER)),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        // A clean shutdown writes out the buffer pool; a killed server has to recover at its next start.
        termination_grace_period_seconds: Some(120),
        ..PodSpec::default()
    }
}

fn server(site: &Site, image: &str, resources: &ResourceRequirements) -> Container {
    let probe = |question: &str| Probe {
        exec: Some(ExecAction {
            command: Some(["/usr/local/bin/tairyo-mariadb", "probe", question].map(str::to_owned).into()),
        }),
        timeout_seconds: Some(10),
        ..Probe::default()
    };
    let name =
        EnvVar { name: "TAIRYO_DATABASE_NAME".into(), value: Some(site.database.name.clone()), ..EnvVar::default() };
    Container {
        env: Some([name].into_iter().chain(memory_limit_environment(resources)).collect()),
        resources: (resources.requests.is_some() || resources.limits.is_some()).then(|| resources.clone()),
        ports: Some(vec![ContainerPort {
            name: Some("mysql".into()),
            container_port: site.database.port,
            protocol: Some("TCP".into()),
            ..ContainerPort::default()
        }]),
        volume_mounts: Some(vec![
            mount("data", "/var/lib/mysql"),
            mount("run", "/run/mysqld"),
            mount("tmp", "/tmp"),
            mount_to_read("login", "/etc/tairyo/secrets/database"),
        ]),
        // Half an hour: the recovery of a large database after a crash must not be cut off, or it never ends.
        startup_probe: Some(Probe { period_seconds: Some(2), failure_threshold: Some(900), ..probe("live") }),
        liveness_probe: Some(Probe { period_seconds: Some(10), failure_threshold: Some(6), ..probe("live") }),
        readiness_probe: Some(Probe { period_seconds: Some(5), failure_threshold: Some(3), ..probe("ready") }),
        ..container("mariadb", image, &["server"])
    }
}
