//! The pods that serve pages.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    Affinity, Container, ContainerPort, PodAffinity, PodAffinityTerm, TopologySpreadConstraint, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::config_map;
use super::metadata::{label_selector, metadata};
use super::pod::{
    CONFIGURATION, CONFIGURATION_PATH, UPLOADS_PATH, WORDPRESS_USER, claimed, configuration, container, exec_probe,
    http_probe, memory_limit_variable, mount, read_only, resources, scratch, template,
};
use crate::api::class::AccessMode;
use crate::api::names::Component;
use crate::site::model::{Scaling, Site};

/// On pods: the digest of what nginx and php-fpm read at their start.
const CONFIG_DIGEST_ANNOTATION: &str = "tairyo.dev/config-digest";

/// The deployment of the web pods.
#[must_use]
pub fn deployment(site: &Site) -> Deployment {
    let volumes = vec![
        configuration(site, Vec::new()),
        claimed(site, "uploads", Component::Uploads),
        scratch("run", "16Mi", true),
        scratch("cache", "1Gi", false),
        scratch("tmp", "2Gi", false),
    ];
    let mut pod = template(site, Component::Web, WORDPRESS_USER, vec![php(site), web(site)], volumes);
    if let Some(metadata) = &mut pod.metadata {
        metadata.annotations = Some([(CONFIG_DIGEST_ANNOTATION.to_owned(), config_map::digest(site))].into());
    }
    if let Some(spec) = &mut pod.spec {
        spec.termination_grace_period_seconds = Some(30);
        spec.node_selector = Some(site.web.node_selector.clone()).filter(|selector| !selector.is_empty());
        spec.tolerations = Some(site.web.tolerations.clone()).filter(|tolerations| !tolerations.is_empty());
        spec.affinity = site.web.affinity.clone().or_else(|| beside_the_volume(site));
        spec.topology_spread_constraints = Some(spread(site));
    }
    Deployment {
        metadata: metadata(site, Component::Web),
        spec: Some(DeploymentSpec {
            replicas: match site.web.scaling {
                Scaling::Fixed(replicas) => Some(replicas),
                // The autoscaler owns the number; to set it here would undo its work at each pass.
                Scaling::Automatic { .. } => None,
            },
            selector: label_selector(site, Component::Web),
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".into()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_unavailable: Some(IntOrString::Int(0)),
                    max_surge: Some(IntOrString::Int(1)),
                }),
            }),
            revision_history_limit: Some(3),
            progress_deadline_seconds: Some(600),
            template: pod,
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

fn php(site: &Site) -> Container {
    let mounts = vec![
        read_only(CONFIGURATION, CONFIGURATION_PATH),
        mount("uploads", UPLOADS_PATH),
        mount("run", "/run/tairyo"),
        mount("cache", "/var/cache/tairyo"),
        mount("tmp", "/tmp"),
    ];
    let mut env = vec![memory_limit_variable()];
    env.extend(site.web.env.iter().cloned());
    // Neither probe touches the database: a restart would not bring it back, and would lose the page cache.
    let ping = ["/usr/local/bin/tairyo-wordpress", "probe", "php"];
    Container {
        env: Some(env),
        resources: Some(site.web.resources.clone()),
        startup_probe: Some(exec_probe(&ping, 1, 60)),
        liveness_probe: Some(exec_probe(&ping, 10, 6)),
        ..container("php", &site.image, &["php"], mounts)
    }
}

fn web(site: &Site) -> Container {
    let mounts = vec![
        read_only(CONFIGURATION, CONFIGURATION_PATH),
        read_only("uploads", UPLOADS_PATH),
        mount("run", "/run/tairyo"),
        mount("cache", "/var/cache/tairyo"),
        mount("tmp", "/tmp"),
    ];
    let port = |name: &str, container_port| ContainerPort {
        name: Some(name.into()),
        container_port,
        protocol: Some("TCP".into()),
        ..ContainerPort::default()
    };
    Container {
        ports: Some(vec![port("http", 8080), port("health", 8081)]),
        resources: Some(resources("20m", "64Mi", "256Mi")),
        startup_probe: Some(http_probe("/livez", 1, 60)),
        liveness_probe: Some(http_probe("/livez", 10, 6)),
        readiness_probe: Some(http_probe("/readyz", 2, 3)),
        ..container("web", &site.image, &["web"], mounts)
    }
}

/// A `ReadWriteOnce` volume can be mounted by several pods of one node, so a new pod should come up beside the old one.
/// Preferred only: were it required, a lost node would leave no place to go.
fn beside_the_volume(site: &Site) -> Option<Affinity> {
    if site.media.access_mode == AccessMode::ReadWriteMany {
        return None;
    }
    Some(Affinity {
        pod_affinity: Some(PodAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![WeightedPodAffinityTerm {
                weight: 100,
                pod_affinity_term: PodAffinityTerm {
                    label_selector: Some(label_selector(site, Component::Web)),
                    topology_key: "kubernetes.io/hostname".into(),
                    ..PodAffinityTerm::default()
                },
            }]),
            ..PodAffinity::default()
        }),
        ..Affinity::default()
    })
}

fn spread(site: &Site) -> Vec<TopologySpreadConstraint> {
    if !site.web.topology_spread_constraints.is_empty() {
        return site.web.topology_spread_constraints.clone();
    }
    ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
        .map(|topology_key| TopologySpreadConstraint {
            max_skew: 1,
            topology_key: topology_key.into(),
            when_unsatisfiable: "ScheduleAnyway".into(),
            label_selector: Some(label_selector(site, Component::Web)),
            ..TopologySpreadConstraint::default()
        })
        .into()
}
