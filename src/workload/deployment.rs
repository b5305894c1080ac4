//! The pods that serve pages: php-fpm and nginx.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, ExecAction, HTTPGetAction, Lifecycle, LifecycleHandler, PodSpec, PodTemplateSpec, Probe,
    SleepAction,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::config_map::digest_of_site;
use super::metadata::{metadata, pod_metadata, selector};
use super::pod::{
    CONFIG_DIGEST_ANNOTATION, HEALTH_PORT, WEB_PORT, configuration, configuration_mount, php_environment,
    public_configuration, resources, scratch_volumes, uploads, uploads_mount, uploads_mount_to_read,
    wordpress_container, wordpress_pod,
};
use super::scheduling;
use crate::api::names::Component;
use crate::site::model::{Scaling, Site};

/// The Deployment of the web pods.
pub(super) fn deployment(site: &Site) -> Deployment {
    let replicas = match site.web.scaling {
        Scaling::Fixed(replicas) => Some(replicas),
        // The autoscaler's to write.
        Scaling::Automatic { .. } => None,
    };
    Deployment {
        metadata: metadata(site, Component::Web),
        spec: Some(DeploymentSpec {
            replicas,
            selector: selector(site, Component::Web),
            strategy: Some(strategy()),
            revision_history_limit: Some(3),
            progress_deadline_seconds: Some(600),
            template: template(site),
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

/// The old pod serves until the new one does. Also with a volume that one node alone can mount: two pods of that node
/// can, and `scheduling` prefers it. Where it has no room for two, the update waits and the site goes on serving.
fn strategy() -> DeploymentStrategy {
    DeploymentStrategy {
        type_: Some("RollingUpdate".into()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(IntOrString::Int(1)),
            max_unavailable: Some(IntOrString::Int(0)),
        }),
    }
}

fn template(site: &Site) -> PodTemplateSpec {
    let configuration = configuration(site);
    let public_configuration = public_configuration(site);
    let mut php = php(site);
    let php_mounts = php.volume_mounts.get_or_insert_default();
    php_mounts.push(configuration_mount(&configuration));
    php_mounts.extend(uploads_mount(site));
    let mut web = web(site);
    let web_mounts = web.volume_mounts.get_or_insert_default();
    web_mounts.push(configuration_mount(&public_configuration));
    web_mounts.extend(uploads_mount_to_read(site));
    let mut volumes = scratch_volumes();
    volumes.extend([configuration, public_configuration]);
    volumes.extend(uploads(site));
    let annotations = [(CONFIG_DIGEST_ANNOTATION.to_owned(), digest_of_site(site))].into();
    PodTemplateSpec {
        metadata: Some(ObjectMeta { annotations: Some(annotations), ..pod_metadata(site, Component::Web) }),
        spec: Some(PodSpec {
            affinity: scheduling::web_affinity(site),
            topology_spread_constraints: scheduling::spread(site),
            ..wordpress_pod(site, vec![php, web], volumes)
        }),
    }
}

fn php(site: &Site) -> Container {
    let probe = || Probe {
        exec: Some(ExecAction {
            command: Some(["/usr/local/bin/tairyo-wordpress", "probe", "php"].map(str::to_owned).into()),
        }),
        timeout_seconds: Some(5),
        ..Probe::default()
    };
    let resources = &site.web.resources;
    Container {
        env: php_environment(site, resources),
        resources: (resources.requests.is_some() || resources.limits.is_some()).then(|| resources.clone()),
        startup_probe: Some(Probe { period_seconds: Some(2), failure_threshold: Some(60), ..probe() }),
        // The ping waits for a free worker like any request. Workers that all wait for a database that is away must
        // not get the container killed, so it has longer than the longest request has.
        liveness_probe: Some(Probe {
            period_seconds: Some(10),
            failure_threshold: Some((site.web.max_execution_seconds + 60) / 10),
            ..probe()
        }),
        // Longer than nginx, which has to finish its requests first.
        lifecycle: Some(stop_after(10)),
        ..wordpress_container(site, "php", &["php"])
    }
}

fn web(site: &Site) -> Container {
    let probe = |path: &str| Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::Int(HEALTH_PORT),
            ..HTTPGetAction::default()
        }),
        timeout_seconds: Some(5),
        ..Probe::default()
    };
    let port = |name: &str, number| ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        protocol: Some("TCP".into()),
        ..ContainerPort::default()
    };
    Container {
        ports: Some(vec![port("http", WEB_PORT), port("health", HEALTH_PORT)]),
        // nginx needs little, whatever the site.
        resources: Some(resources("10m", "32Mi", "128Mi")),
        startup_probe: Some(Probe { period_seconds: Some(1), failure_threshold: Some(60), ..probe("/livez") }),
        liveness_probe: Some(Probe { period_seconds: Some(10), failure_threshold: Some(6), ..probe("/livez") }),
        readiness_probe: Some(Probe { period_seconds: Some(2), failure_threshold: Some(3), ..probe("/readyz") }),
        // Proxies learn that the pod goes at the same time as the pod does; until they have, requests still come.
        lifecycle: Some(stop_after(5)),
        ..wordpress_container(site, "web", &["web"])
    }
}

fn stop_after(seconds: i64) -> Lifecycle {
    Lifecycle {
        pre_stop: Some(LifecycleHandler { sleep: Some(SleepAction { seconds }), ..LifecycleHandler::default() }),
        ..Lifecycle::default()
    }
}
