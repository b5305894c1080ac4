//! What the pods have in common: security, volumes, environment, and the tasks' template.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapProjection, ConfigMapVolumeSource, Container, EmptyDirVolumeSource, EnvVar, EnvVarSource,
    KeyToPath, PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec, PodTemplateSpec, ProjectedVolumeSource,
    ResourceFieldSelector, ResourceRequirements, SeccompProfile, SecretProjection, SecurityContext, Volume,
    VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::config_map::{INSTALL_FILE, SITE_FILE};
use super::metadata::pod_metadata;
use super::secrets::{PASSWORD, SALTS, USERNAME};
use super::{gateway, scheduling};
use crate::api::names::Component;
use crate::site::model::{Media, Site};

/// Where nginx serves pages.
pub(super) const WEB_PORT: i32 = 8080;
/// Where nginx answers the kubelet.
pub(super) const HEALTH_PORT: i32 = 8081;

/// www-data in the tairyo-wordpress image.
pub(super) const WORDPRESS_USER: i64 = 33;

/// Where the site's files and those of its secrets are, in every image.
const CONFIGURATION_FOLDER: &str = "/etc/tairyo";
const UPLOADS_FOLDER: &str = "/srv/wordpress/wp-content/uploads";

const CONFIGURATION_VOLUME: &str = "configuration";
const UPLOADS_VOLUME: &str = "uploads";

/// On a pod template: the digest of the configuration that its pods read at their start.
pub(super) const CONFIG_DIGEST_ANNOTATION: &str = "tairyo.dev/config-digest";

/// Read by the pod's user, through the group that `fsGroup` gives the files, and by nobody else.
pub(super) const SECRET_FILE_MODE: i32 = 0o440;

/// What Pod Security "restricted" asks of a pod, for the user of its image.
pub(super) fn pod_security(user: i64) -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(user),
        run_as_group: Some(user),
        fs_group: Some(user),
        // A volume with many uploads would otherwise be walked file by file at each start.
        fs_group_change_policy: Some("OnRootMismatch".into()),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), ..SeccompProfile::default() }),
        ..PodSecurityContext::default()
    }
}

/// What Pod Security "restricted" asks of a container, and a root file system that nobody writes to.
pub(super) fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), ..Capabilities::default() }),
        ..SecurityContext::default()
    }
}

/// A container of `image` with what all containers have.
pub(super) fn container(name: &str, image: &str, args: &[&str]) -> Container {
    Container {
        name: name.to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some("IfNotPresent".into()),
        args: Some(args.iter().copied().map(str::to_owned).collect()),
        security_context: Some(container_security()),
        ..Container::default()
    }
}

/// A container of the site's `WordPress` image with the folders that `WordPress` writes to.
pub(super) fn wordpress_container(site: &Site, name: &str, args: &[&str]) -> Container {
    Container {
        volume_mounts: Some(vec![
            mount("run", "/run/tairyo"),
            mount("cache", "/var/cache/tairyo"),
            mount("tmp", "/tmp"),
        ]),
        ..container(name, &site.image, args)
    }
}

/// The volumes of [`wordpress_container`].
pub(super) fn scratch_volumes() -> Vec<Volume> {
    vec![
        // Sockets, rendered configuration and latch files. Memory, so that nothing of it survives on a node's disk.
        scratch("run", Some("Memory"), Some("16Mi")),
        // The page cache bounds itself below this; more would take the node's disk from its neighbours.
        scratch("cache", None, Some("1Gi")),
        // Uploads pass through here. Without a limit: above one the kubelet evicts the whole pod, and how many large
        // files come at once is the visitors' choice.
        scratch("tmp", None, None),
    ]
}

/// An empty folder that goes with the pod.
pub(super) fn scratch(name: &str, medium: Option<&str>, limit: Option<&str>) -> Volume {
    Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: medium.map(str::to_owned),
            size_limit: limit.map(|limit| Quantity(limit.to_owned())),
        }),
        ..Volume::default()
    }
}

/// A mount at `path` that can be written to, if the volume can.
pub(super) fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount { name: name.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}

/// A mount at `path` that is only read.
pub(super) fn mount_to_read(name: &str, path: &str) -> VolumeMount {
    VolumeMount { read_only: Some(true), ..mount(name, path) }
}

/// The mount of `volume`, made by [`public_configuration`] or [`configuration`].
pub(super) fn configuration_mount(volume: &Volume) -> VolumeMount {
    mount_to_read(&volume.name, CONFIGURATION_FOLDER)
}

/// What nginx needs of the configuration: no secret. What faces visitors first has none to lose.
pub(super) fn public_configuration(site: &Site) -> Volume {
    Volume {
        name: "public-configuration".into(),
        config_map: Some(ConfigMapVolumeSource {
            name: site.object_name(Component::Config),
            items: Some(vec![item(SITE_FILE, SITE_FILE)]),
            default_mode: Some(SECRET_FILE_MODE),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// What PHP needs: configuration and secrets in one folder.
///
/// One projected volume, since a volume cannot be mounted inside a read-only one; without `subPath`, since files mounted
/// by it never change again.
pub(super) fn configuration(site: &Site) -> Volume {
    let mut sources = vec![
        of_config_map(site, &[SITE_FILE]),
        of_secret(
            &site.object_name(Component::Salts),
            SALTS.iter().map(|key| item(key, &format!("secrets/salts/{key}"))).collect(),
        ),
    ];
    sources.extend(site.database.secret_name.as_ref().map(|name| of_secret(name, database_items("secrets/database/"))));
    projected(sources)
}

/// What the installation needs: all that, and the first administrator.
pub(super) fn installation(site: &Site) -> Volume {
    let mut volume = configuration(site);
    if let Some(projected) = &mut volume.projected {
        projected.sources.get_or_insert_default().extend([
            of_config_map(site, &[INSTALL_FILE]),
            of_secret(&site.admin.password.name, vec![item(&site.admin.password.key, "secrets/admin/password")]),
        ]);
    }
    volume
}

fn projected(sources: Vec<VolumeProjection>) -> Volume {
    Volume {
        name: CONFIGURATION_VOLUME.to_owned(),
        projected: Some(ProjectedVolumeSource { sources: Some(sources), default_mode: Some(SECRET_FILE_MODE) }),
        ..Volume::default()
    }
}

fn of_config_map(site: &Site, files: &[&str]) -> VolumeProjection {
    VolumeProjection {
        config_map: Some(ConfigMapProjection {
            name: site.object_name(Component::Config),
            items: Some(files.iter().map(|file| item(file, file)).collect()),
            ..ConfigMapProjection::default()
        }),
        ..VolumeProjection::default()
    }
}

fn of_secret(name: &str, items: Vec<KeyToPath>) -> VolumeProjection {
    VolumeProjection {
        secret: Some(SecretProjection { name: name.to_owned(), items: Some(items), ..SecretProjection::default() }),
        ..VolumeProjection::default()
    }
}

/// The database login as files below `folder`.
pub(super) fn database_items(folder: &str) -> Vec<KeyToPath> {
    [USERNAME, PASSWORD].map(|key| item(key, &format!("{folder}{key}"))).into()
}

pub(super) fn item(key: &str, path: &str) -> KeyToPath {
    KeyToPath { key: key.to_owned(), path: path.to_owned(), ..KeyToPath::default() }
}

/// The uploads volume, where uploads are on one.
pub(super) fn uploads(site: &Site) -> Option<Volume> {
    match site.media {
        Media::Volume(_) => Some(claimed(UPLOADS_VOLUME, &site.object_name(Component::Uploads))),
        Media::Bucket => None,
    }
}

/// The mount of [`uploads`] where files are written.
pub(super) fn uploads_mount(site: &Site) -> Option<VolumeMount> {
    uploads(site).map(|volume| mount(&volume.name, UPLOADS_FOLDER))
}

/// The mount of [`uploads`] where files are served.
pub(super) fn uploads_mount_to_read(site: &Site) -> Option<VolumeMount> {
    uploads(site).map(|volume| mount_to_read(&volume.name, UPLOADS_FOLDER))
}

/// The volume of the claim `claim`.
pub(super) fn claimed(name: &str, claim: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: claim.to_owned(),
            ..PersistentVolumeClaimVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// The container's memory limit as `TAIRYO_MEMORY_LIMIT_BYTES`, from which the images size their worker and buffer
/// pools. Only where there is a limit: without one, Kubernetes would say how large the node is.
pub(super) fn memory_limit_environment(resources: &ResourceRequirements) -> Option<EnvVar> {
    resources.limits.as_ref()?.get("memory")?;
    Some(EnvVar {
        name: "TAIRYO_MEMORY_LIMIT_BYTES".into(),
        value_from: Some(EnvVarSource {
            resource_field_ref: Some(ResourceFieldSelector {
                resource: "limits.memory".into(),
                ..ResourceFieldSelector::default()
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    })
}

/// The environment of every container that runs the site's PHP: plugins need theirs in tasks as well.
pub(super) fn php_environment(site: &Site, resources: &ResourceRequirements) -> Option<Vec<EnvVar>> {
    let users = site.web.env.iter().cloned().map(|variable| EnvVar {
        // The API server drops an empty value; setting it again would be a difference for ever.
        value: variable.value.filter(|value| !value.is_empty()),
        ..variable
    });
    let environment: Vec<_> = memory_limit_environment(resources).into_iter().chain(users).collect();
    (!environment.is_empty()).then_some(environment)
}

/// Requests and limits from amounts of memory and CPU.
pub(super) fn resources(cpu: &str, memory: &str, memory_limit: &str) -> ResourceRequirements {
    let amount = |name: &str, quantity: &str| (name.to_owned(), Quantity(quantity.to_owned()));
    ResourceRequirements {
        requests: Some(BTreeMap::from([amount("cpu", cpu), amount("memory", memory)])),
        limits: Some(BTreeMap::from([amount("memory", memory_limit)])),
        ..ResourceRequirements::default()
    }
}

/// A pod of the site that runs `WordPress`.
pub(super) fn wordpress_pod(site: &Site, containers: Vec<Container>, volumes: Vec<Volume>) -> PodSpec {
    let pod = PodSpec {
        containers,
        volumes: Some(volumes),
        security_context: Some(pod_security(WORDPRESS_USER)),
        service_account_name: Some(site.object_name(Component::Web)),
        automount_service_account_token: Some(false),
        // Variables for each Service of the namespace would reach PHP.
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(30),
        node_selector: scheduling::node_selector(site),
        tolerations: scheduling::tolerations(site),
        ..PodSpec::default()
    };
    gateway::with_sidecar(site, pod)
}

/// The template of a task: `WordPress` on the command line, once.
pub(super) struct Task<'a> {
    /// Whose pod it is.
    pub component: Component,
    /// The name of the task.
    pub name: &'a str,
    /// The volume at /etc/tairyo.
    pub configuration: Volume,
    /// Whether it handles uploads.
    pub uploads: bool,
}

/// The pod template of `task`.
pub(super) fn task_template(site: &Site, task: Task<'_>) -> PodTemplateSpec {
    let resources = task_resources(site);
    let mut container = wordpress_container(site, "task", &["task", task.name]);
    container.env = php_environment(site, &resources);
    container.resources = Some(resources);
    let mounts = container.volume_mounts.get_or_insert_default();
    mounts.push(configuration_mount(&task.configuration));
    let mut volumes = scratch_volumes();
    volumes.push(task.configuration);
    if task.uploads {
        mounts.extend(uploads_mount(site));
        volumes.extend(uploads(site));
    }
    PodTemplateSpec {
        metadata: Some(pod_metadata(site, task.component)),
        spec: Some(PodSpec {
            restart_policy: Some("Never".into()),
            affinity: scheduling::task_affinity(site, task.uploads),
            ..wordpress_pod(site, vec![container], volumes)
        }),
    }
}

/// One PHP process, whatever the size of the web pods: what one request may use, and room for PHP itself.
fn task_resources(site: &Site) -> ResourceRequirements {
    const MEBIBYTE: i64 = 1 << 20;
    const OF_PHP_ITSELF: i64 = 128;
    const LEAST: i64 = 256;
    let limit = ((site.web.php_memory_limit_bytes + MEBIBYTE - 1) / MEBIBYTE + OF_PHP_ITSELF).max(LEAST);
    resources("50m", "128Mi", &mebibytes(limit))
}

/// As the API server writes it: 1Gi, not 1024Mi.
fn mebibytes(number: i64) -> String {
    if number % 1024 == 0 { format!("{}Gi", number / 1024) } else { format!("{number}Mi") }
}
