//! The sidecar of pods with AWS work: it alone holds AWS credentials, and gives PHP files and a socket.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, Container, EnvVar, ExecAction, PodSpec, Probe, ProjectedVolumeSource,
    ServiceAccountTokenProjection, Volume, VolumeProjection,
};
use serde::Serialize;

use super::pod::{SECRET_FILE_MODE, container, item, mount, mount_to_read, resources};
use crate::api::names::Component;
use crate::site::model::{Gateway, Site};

/// The key, and the file in the sidecar, with what it works on. No secret: names of secrets.
pub(super) const GATEWAY_FILE: &str = "gateway.json";

/// On the volume that all containers of the pod share, in memory.
const SOCKET: &str = "/run/tairyo/gateway.sock";
const CONFIGURATION_FOLDER: &str = "/etc/tairyo-gateway";
const CONFIGURATION_VOLUME: &str = "gateway-configuration";
const TOKEN_FOLDER: &str = "/var/run/secrets/tairyo.dev/aws";
const TOKEN_VOLUME: &str = "aws-token";
/// What STS asks of a token: <https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html>.
const TOKEN_AUDIENCE: &str = "sts.amazonaws.com";
const TOKEN_SECONDS: i64 = 3600;
/// Uploads are named below this in the bucket as they are below the site.
const MEDIA_PREFIX: &str = "wp-content/uploads/";

const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GatewayConfiguration<'a> {
    schema_version: u32,
    socket: &'a str,
    region: &'a str,
    database_secret_arn: Option<&'a str>,
    origin_secret_arns: &'a [String],
    media: Option<MediaConfiguration<'a>>,
}

#[derive(Serialize)]
struct MediaConfiguration<'a> {
    bucket: &'a str,
    prefix: &'a str,
    region: &'a str,
    endpoint: Option<&'a str>,
}

/// [`GATEWAY_FILE`], where the site has a sidecar.
pub(super) fn file(site: &Site) -> Option<String> {
    let gateway = site.gateway.as_ref()?;
    let media = gateway.bucket.as_deref().map(|bucket| MediaConfiguration {
        bucket,
        prefix: MEDIA_PREFIX,
        region: &gateway.region,
        endpoint: gateway.endpoint_url.as_deref(),
    });
    Some(super::config_map::json(&GatewayConfiguration {
        schema_version: SCHEMA_VERSION,
        socket: SOCKET,
        region: &gateway.region,
        database_secret_arn: gateway.database_secret_arn.as_deref(),
        origin_secret_arns: &gateway.origin_secret_arns,
        media,
    }))
}

/// `pod` with the sidecar, where the site has one.
///
/// An init container that is restarted: it is ready before the others start, ends after them, and does not keep a Job
/// from ending: <https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/>.
pub(super) fn with_sidecar(site: &Site, mut pod: PodSpec) -> PodSpec {
    let Some(gateway) = &site.gateway else {
        return pod;
    };
    pod.init_containers.get_or_insert_default().push(sidecar(gateway));
    pod.volumes.get_or_insert_default().extend(volumes(site, gateway));
    pod
}

fn sidecar(gateway: &Gateway) -> Container {
    let arguments = ["gateway", "--configuration", &format!("{CONFIGURATION_FOLDER}/{GATEWAY_FILE}")];
    let mut mounts = vec![mount("run", "/run/tairyo"), mount_to_read(CONFIGURATION_VOLUME, CONFIGURATION_FOLDER)];
    if gateway.web_identity_role_arn.is_some() {
        mounts.push(mount_to_read(TOKEN_VOLUME, TOKEN_FOLDER));
    }
    let probe = || Probe {
        exec: Some(ExecAction {
            command: Some(["/tairyo", "gateway", "ready", "--socket", SOCKET].map(str::to_owned).into()),
        }),
        timeout_seconds: Some(5),
        ..Probe::default()
    };
    Container {
        restart_policy: Some("Always".into()),
        env: Some(environment(gateway)),
        resources: Some(resources("10m", "24Mi", "96Mi")),
        volume_mounts: Some(mounts),
        // The others start once the login is there: five minutes for a role that is new and not everywhere known.
        startup_probe: Some(Probe { period_seconds: Some(1), failure_threshold: Some(300), ..probe() }),
        ..container("gateway", &gateway.image, &arguments)
    }
}

/// What the AWS SDK reads. Only in this container: PHP has no AWS credentials.
fn environment(gateway: &Gateway) -> Vec<EnvVar> {
    let mut variables = BTreeMap::from([("AWS_REGION", gateway.region.clone())]);
    if let Some(role) = &gateway.web_identity_role_arn {
        variables.insert("AWS_ROLE_ARN", role.clone());
        variables.insert("AWS_WEB_IDENTITY_TOKEN_FILE", format!("{TOKEN_FOLDER}/token"));
        // The node's own identity must not be the way out where the role's does not work.
        variables.insert("AWS_EC2_METADATA_DISABLED", "true".into());
    }
    if let Some(endpoint) = &gateway.endpoint_url {
        variables.insert("AWS_ENDPOINT_URL", endpoint.clone());
    }
    variables
        .into_iter()
        .map(|(name, value)| EnvVar { name: name.to_owned(), value: Some(value), ..EnvVar::default() })
        .collect()
}

fn volumes(site: &Site, gateway: &Gateway) -> Vec<Volume> {
    let configuration = Volume {
        name: CONFIGURATION_VOLUME.into(),
        config_map: Some(ConfigMapVolumeSource {
            name: site.object_name(Component::Config),
            items: Some(vec![item(GATEWAY_FILE, GATEWAY_FILE)]),
            default_mode: Some(SECRET_FILE_MODE),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    };
    let token = gateway.web_identity_role_arn.is_some().then(|| Volume {
        name: TOKEN_VOLUME.into(),
        projected: Some(ProjectedVolumeSource {
            sources: Some(vec![VolumeProjection {
                service_account_token: Some(ServiceAccountTokenProjection {
                    audience: Some(TOKEN_AUDIENCE.into()),
                    expiration_seconds: Some(TOKEN_SECONDS),
                    path: "token".into(),
                }),
                ..VolumeProjection::default()
            }]),
            default_mode: Some(SECRET_FILE_MODE),
        }),
        ..Volume::default()
    });
    [Some(configuration), token].into_iter().flatten().collect()
}
