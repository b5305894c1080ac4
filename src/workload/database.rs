//! The in-cluster database: one MariaDB pod on a volume of its own.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{Container, ContainerPort, EnvVar, ResourceRequirements};

use super::metadata::{label_selector, metadata};
use super::pod::{
    CONFIGURATION, CONFIGURATION_PATH, MARIADB_USER, claimed, container, exec_probe, login_only, memory_limit_variable,
    mount, read_only, scratch, template,
};
use crate::api::names::Component;
use crate::site::model::Site;

/// The set of the one database pod.
#[must_use]
pub fn stateful_set(site: &Site, image: &str, resources: &ResourceRequirements) -> StatefulSet {
    let mounts = vec![
        read_only(CONFIGURATION, CONFIGURATION_PATH),
        mount("data", "/var/lib/mysql"),
        mount("run", "/run/mysqld"),
        mount("tmp", "/tmp"),
    ];
    let program = "/usr/local/bin/tairyo-mariadb";
    let server = Container {
        env: Some(vec![
            memory_limit_variable(),
            EnvVar {
                name: "TAIRYO_DATABASE_NAME".into(),
                value: Some(site.database.name.clone()),
                ..EnvVar::default()
            },
        ]),
        ports: Some(vec![ContainerPort {
            name: Some("mysql".into()),
            container_port: site.database.port,
            protocol: Some("TCP".into()),
            ..ContainerPort::default()
        }]),
        resources: Some(resources.clone()),
        // Crash recovery of a large database takes minutes; a restart in its midst would begin it again.
        startup_probe: Some(exec_probe(&[program, "probe", "live"], 1, 1800)),
        liveness_probe: Some(exec_probe(&[program, "probe", "live"], 10, 6)),
        readiness_probe: Some(exec_probe(&[program, "probe", "ready"], 2, 3)),
        ..container("mariadb", image, &["server"], mounts)
    };
    let volumes = vec![
        login_only(site),
        claimed(site, "data", Component::Database),
        scratch("run", "16Mi", true),
        scratch("tmp", "2Gi", false),
    ];
    let mut pod = template(site, Component::Database, MARIADB_USER, vec![server], volumes);
    if let Some(spec) = &mut pod.spec {
        // A clean shutdown writes the buffer pool; cut short, the next start has to recover.
        spec.termination_grace_period_seconds = Some(120);
    }
    StatefulSet {
        metadata: metadata(site, Component::Database),
        spec: Some(StatefulSetSpec {
            replicas: Some(1),
            service_name: Some(site.object_name(Component::Database)),
            selector: label_selector(site, Component::Database),
            revision_history_limit: Some(3),
            template: pod,
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}
