//! A site after validation: everything parsed, defaulted and checked. No `Option` is left that is not a choice.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, EnvVar, ResourceRequirements, Toleration, TopologySpreadConstraint};

use crate::api::class::{AccessMode, DatabaseTls, GatewayExposure, IngressExposure};
use crate::api::names::{Component, object_name};
use crate::api::site::DeletionPolicy;
use crate::units::Request;

/// A validated site.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// `metadata.name`, at most 40 characters.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.uid`.
    pub uid: String,
    /// The class that serves the site.
    pub class_name: String,
    /// At least one; the first is canonical.
    pub domains: Vec<String>,
    /// The canonical address: scheme, host and perhaps port, without a trailing slash.
    pub url: String,
    /// The title at the installation.
    pub title: String,
    /// A WordPress locale such as `ja`.
    pub locale: String,
    /// An IANA time zone name.
    pub time_zone: String,
    /// The first administrator.
    pub admin: Admin,
    /// The image of web, php and task containers.
    pub image: String,
    /// The prefix of table names.
    pub table_prefix: String,
    /// The pods that serve pages.
    pub web: Web,
    /// The database.
    pub database: Database,
    /// Where uploads are.
    pub media: Media,
    /// What stands in front of the Service.
    pub exposure: Exposure,
    /// A cron schedule.
    pub cron_schedule: String,
    /// What happens to data at deletion.
    pub deletion_policy: DeletionPolicy,
    /// What is asked of AWS, where the class has managed providers.
    pub aws: Option<Request>,
    /// The sidecar that does the AWS work of the pods; set by [`super::resolve`], where there is such work.
    pub gateway: Option<Gateway>,
}

/// Where uploads are.
#[derive(Clone, Debug, PartialEq)]
pub enum Media {
    /// On a volume.
    Volume(Volume),
    /// In a bucket of the unit `media`.
    Bucket,
}

/// The sidecar that does the AWS work of the pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// The tairyo image.
    pub image: String,
    /// The region of what it talks with.
    pub region: String,
    /// An endpoint instead of AWS' own.
    pub endpoint_url: Option<String>,
    /// The role that it becomes by the token of its service account; `None`: the Pod Identity agent of EKS gives it one.
    pub web_identity_role_arn: Option<String>,
    /// The secret with the database login; `None`: the login is a Secret of the cluster.
    pub database_secret_arn: Option<String>,
    /// The secrets whose values `CloudFront` may send; empty: the origin is open.
    pub origin_secret_arns: Vec<String>,
    /// The bucket of uploads.
    pub bucket: Option<String>,
}

/// The first administrator.
#[derive(Clone, Debug, PartialEq)]
pub struct Admin {
    /// The login name.
    pub username: String,
    /// The e-mail address.
    pub email: String,
    /// Where the password is.
    pub password: SecretKey,
    /// Whether that Secret is ours to make.
    pub password_is_generated: bool,
}

/// A key of a Secret in the site's namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretKey {
    /// The name of the Secret.
    pub name: String,
    /// The key in it.
    pub key: String,
}

/// The pods that serve pages.
#[derive(Clone, Debug, PartialEq)]
pub struct Web {
    /// How many.
    pub scaling: Scaling,
    /// Of the php container.
    pub resources: ResourceRequirements,
    /// Bytes one request may use.
    pub php_memory_limit_bytes: i64,
    /// Bytes of the largest upload.
    pub upload_max_size_bytes: i64,
    /// Seconds after which a request is ended.
    pub max_execution_seconds: i32,
    /// PHP workers in each pod; `None`: from the memory limit.
    pub workers: Option<i32>,
    /// Seconds for which a page is cached; `None`: no page cache.
    pub page_cache_ttl_seconds: Option<i32>,
    /// Labels that a node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that are tolerated.
    pub tolerations: Vec<Toleration>,
    /// Rules for the choice of nodes.
    pub affinity: Option<Affinity>,
    /// Empty: over nodes and zones, where possible.
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// More environment of the php container.
    pub env: Vec<EnvVar>,
}

/// The number of web pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// This many.
    Fixed(i32),
    /// A `HorizontalPodAutoscaler` owns the number.
    Automatic {
        /// The fewest.
        min: i32,
        /// The most.
        max: i32,
        /// The average CPU use in percent of the request.
        target_cpu: i32,
    },
}

/// The database of a site.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: i32,
    /// The name of the database on the server.
    pub name: String,
    /// Whether connections are encrypted.
    pub tls: DatabaseTls,
    /// The Secret with the keys `username` and `password`. With Aurora there is none: the sidecar reads the login.
    pub secret_name: Option<String>,
    /// Who runs it.
    pub provider: DatabaseProvider,
}

/// Who runs the database.
#[derive(Clone, Debug, PartialEq)]
pub enum DatabaseProvider {
    /// We do, in a `StatefulSet` of one pod.
    InCluster {
        /// The tairyo-mariadb image.
        image: String,
        /// Its volume.
        volume: Volume,
        /// Of its container.
        resources: ResourceRequirements,
    },
    /// Somebody else does.
    External,
    /// Aurora does, in the unit `data`. Host and port are known once that is there.
    Aurora,
}

/// A volume claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// The requested size as a quantity.
    pub storage: String,
    /// `None`: the cluster's default.
    pub storage_class_name: Option<String>,
    /// How many nodes can mount it.
    pub access_mode: AccessMode,
}

/// What stands in front of the Service.
#[derive(Clone, Debug, PartialEq)]
pub enum Exposure {
    /// Nothing of ours.
    None,
    /// An Ingress.
    Ingress(IngressExposure),
    /// An `HTTPRoute`.
    Gateway(GatewayExposure),
}

impl Site {
    /// The canonical host.
    #[must_use]
    pub fn canonical_host(&self) -> &str {
        &self.domains[0]
    }

    /// The name of the site's object that is its `component`.
    #[must_use]
    pub fn object_name(&self, component: Component) -> String {
        object_name(&self.name, component)
    }
}
