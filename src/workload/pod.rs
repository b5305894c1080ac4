//! What all pods of a site share: the security of the restricted Pod Security Standard, volumes and probes.

use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapProjection, Container, EmptyDirVolumeSource, EnvVar, EnvVarSource, ExecAction,
    HTTPGetAction, KeyToPath, PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec, PodTemplateSpec, Probe,
    ProjectedVolumeSource, ResourceFieldSelector, ResourceRequirements, SeccompProfile, SecretProjection,
    SecurityContext, Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::core::ObjectMeta;

use super::config_map::SITE_FILE;
use super::metadata::labels;
use crate::api::names::{Component, object_name};
use crate::site::model::Site;

/// www-data of Debian, the user of the tairyo-wordpress image.
pub const WORDPRESS_USER: i64 = 33;
/// The user of the tairyo-mariadb image.
pub const MARIADB_USER: i64 = 999;

/// The volume of configuration and secrets, mounted at [`CONFIGURATION_PATH`].
pub const CONFIGURATION: &str = "configuration";
/// Where the image reads its configuration.
pub const CONFIGURATION_PATH: &str = "/etc/tairyo";
/// Where WordPress keeps uploads.
pub const UPLOADS_PATH: &str = "/srv/wordpress/wp-content/uploads";

/// A pod template with the labels of `component` and everything that its containers have in common.
#[must_use]
pub fn template(
    site: &Site,
    component: Component,
    user: i64,
    containers: Vec<Container>,
    volumes: Vec<Volume>,
) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels(site, component)), ..ObjectMeta::default() }),
        spec: Some(PodSpec {
            service_account_name: Some(object_name(&site.name, Component::Web)),
            automount_service_account_token: Some(false),
            // Links would put the address of every Service of the namespace into PHP's environment.
            enable_service_links: Some(false),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(user),
                run_as_group: Some(user),
                fs_group: Some(user),
                // Without it the kubelet walks every upload at each start of a pod.
                fs_group_change_policy: Some("OnRootMismatch".into()),
                seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), ..SeccompProfile::default() }),
                ..PodSecurityContext::default()
            }),
            containers,
            volumes: Some(volumes),
            ..PodSpec::default()
        }),
    }
}

/// A container of the restricted Pod Security Standard with a read-only root.
#[must_use]
pub fn container(name: &str, image: &str, arguments: &[&str], mounts: Vec<VolumeMount>) -> Container {
    Container {
        name: name.into(),
        image: Some(image.into()),
        image_pull_policy: Some("IfNotPresent".into()),
        args: Some(arguments.iter().map(|&argument| argument.into()).collect()),
        volume_mounts: Some(mounts),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), ..Capabilities::default() }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

/// Small fixed resources, for helpers whose need does not depend on the site.
#[must_use]
pub fn resources(cpu_request: &str, memory_request: &str, memory_limit: &str) -> ResourceRequirements {
    let quantity = |text: &str| Quantity(text.into());
    ResourceRequirements {
        requests: Some(
            [("cpu".to_owned(), quantity(cpu_request)), ("memory".to_owned(), quantity(memory_request))].into(),
        ),
        limits: Some([("memory".to_owned(), quantity(memory_limit))].into()),
        ..ResourceRequirements::default()
    }
}

/// The memory limit of the container itself, for programs that size themselves by it.
#[must_use]
pub fn memory_limit_variable() -> EnvVar {
    EnvVar {
        name: "TAIRYO_MEMORY_LIMIT_BYTES".into(),
        value_from: Some(EnvVarSource {
            resource_field_ref: Some(ResourceFieldSelector {
                resource: "limits.memory".into(),
                ..ResourceFieldSelector::default()
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

/// A mount of a volume that may be written.
#[must_use]
pub fn mount(volume: &str, path: &str) -> VolumeMount {
    VolumeMount { name: volume.into(), mount_path: path.into(), ..VolumeMount::default() }
}

/// A mount of a volume that may be read only.
#[must_use]
pub fn read_only(volume: &str, path: &str) -> VolumeMount {
    VolumeMount { read_only: Some(true), ..mount(volume, path) }
}

/// A volume that lives as long as its pod, on disk or in memory.
#[must_use]
pub fn scratch(name: &str, size_limit: &str, in_memory: bool) -> Volume {
    Volume {
        name: name.into(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: in_memory.then(|| "Memory".into()),
            size_limit: Some(Quantity(size_limit.into())),
        }),
        ..Volume::default()
    }
}

/// A volume of a claim of the site.
#[must_use]
pub fn claimed(site: &Site, name: &str, component: Component) -> Volume {
    Volume {
        name: name.into(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: site.object_name(component),
            ..PersistentVolumeClaimVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// Configuration and secrets as one tree of files. One projected volume, since a mount inside a mount would have to
/// be made in a read-only directory; no sub-paths, so that changed Secrets arrive without a restart.
#[must_use]
pub fn configuration(site: &Site, more: Vec<VolumeProjection>) -> Volume {
    let mut sources = vec![
        from_config_map(site, SITE_FILE),
        from_secret(
            &site.object_name(Component::Salts),
            SALT_KEYS.iter().map(|&key| (key, format!("secrets/salts/{key}"))),
        ),
        database_login(site),
    ];
    sources.extend(more);
    projected(sources)
}

/// The database's login alone, for the database itself.
#[must_use]
pub fn login_only(site: &Site) -> Volume {
    projected(vec![database_login(site)])
}

fn projected(sources: Vec<VolumeProjection>) -> Volume {
    Volume {
        name: CONFIGURATION.into(),
        projected: Some(ProjectedVolumeSource { sources: Some(sources), default_mode: Some(0o440) }),
        ..Volume::default()
    }
}

/// A key of the site's `ConfigMap` as a file of the same name.
#[must_use]
pub fn from_config_map(site: &Site, key: &str) -> VolumeProjection {
    VolumeProjection {
        config_map: Some(ConfigMapProjection {
            name: site.object_name(Component::Config),
            items: Some(vec![item(key, key.into())]),
            ..ConfigMapProjection::default()
        }),
        ..VolumeProjection::default()
    }
}

/// Keys of a Secret as files at the given paths.
#[must_use]
pub fn from_secret<'a>(name: &str, items: impl Iterator<Item = (&'a str, String)>) -> VolumeProjection {
    VolumeProjection {
        secret: Some(SecretProjection {
            name: name.into(),
            items: Some(items.map(|(key, path)| item(key, path)).collect()),
            ..SecretProjection::default()
        }),
        ..VolumeProjection::default()
    }
}

fn database_login(site: &Site) -> VolumeProjection {
    let keys = ["username", "password"].into_iter();
    from_secret(&site.database.secret_name, keys.map(|key| (key, format!("secrets/database/{key}"))))
}

fn item(key: &str, path: String) -> KeyToPath {
    KeyToPath { key: key.into(), path, ..KeyToPath::default() }
}

/// WordPress' names of its keys and salts: <https://developer.wordpress.org/advanced-administration/wordpress/wp-config/#security-keys>.
pub const SALT_KEYS: [&str; 8] = [
    "AUTH_KEY",
    "SECURE_AUTH_KEY",
    "LOGGED_IN_KEY",
    "NONCE_KEY",
    "AUTH_SALT",
    "SECURE_AUTH_SALT",
    "LOGGED_IN_SALT",
    "NONCE_SALT",
];

/// A probe that runs a command in the container.
#[must_use]
pub fn exec_probe(command: &[&str], period_seconds: i32, failure_threshold: i32) -> Probe {
    Probe {
        exec: Some(ExecAction { command: Some(command.iter().map(|&word| word.into()).collect()) }),
        period_seconds: Some(period_seconds),
        failure_threshold: Some(failure_threshold),
        timeout_seconds: Some(5),
        ..Probe::default()
    }
}

/// A probe of a path on the health port.
#[must_use]
pub fn http_probe(path: &str, period_seconds: i32, failure_threshold: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.into()),
            port: IntOrString::String("health".into()),
            scheme: Some("HTTP".into()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        failure_threshold: Some(failure_threshold),
        timeout_seconds: Some(5),
        ..Probe::default()
    }
}
