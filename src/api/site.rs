//! `WordPressSite`: what a site's owner writes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, EnvVar, Toleration, TopologySpreadConstraint};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::sizes::{Capacity, Cdn, ChangeApproval, Search};
use super::status::WordPressSiteStatus;

/// One WordPress site: its domains, its size, and what happens to its data.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "tairyo.dev",
    version = "v1alpha1",
    kind = "WordPressSite",
    plural = "wordpresssites",
    shortname = "wps",
    category = "tairyo",
    namespaced,
    status = "WordPressSiteStatus",
    doc = "A WordPressSite is one WordPress site: its domains, its size, and what happens to its data. Its WordPressClass says what runs where.",
    scale(
        spec_replicas_path = ".spec.web.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    validation = Rule::new("self.metadata.name.size() <= 40")
        .message("metadata.name must have at most 40 characters, since the names of the site's objects are made from it"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')")
        .message("metadata.name must start with a lower-case letter and hold lower-case letters, digits and hyphens only, since Services are named after it"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.url"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version.wordpress"),
    printcolumn(name = "Class", type_ = "string", json_path = ".status.className"),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".status.replicas", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(has(self.className) ? self.className : '') == (has(oldSelf.className) ? oldSelf.className : '')")
        .message("className is immutable: create another site and move the content to change the class")
        .field_path(".className"),
    validation = Rule::new("(has(self.wordpress) ? self.wordpress.tablePrefix : 'wp_') == (has(oldSelf.wordpress) ? oldSelf.wordpress.tablePrefix : 'wp_')")
        .message("wordpress.tablePrefix is immutable: the tables carry it in their names"),
    validation = Rule::new("(has(self.database) && has(self.database.name) ? self.database.name : 'wordpress') == (has(oldSelf.database) && has(oldSelf.database.name) ? oldSelf.database.name : 'wordpress')")
        .message("database.name is immutable: the site's content is in that database"),
    // A volume that could be left out and named again could shrink. With a secretRef the database is not on a volume.
    validation = Rule::new("!has(oldSelf.database) || !has(oldSelf.database.storage) || (has(self.database) && (has(self.database.storage) || has(self.database.secretRef)))")
        .message("database.storage cannot be removed: a volume can grow, not shrink")
        .field_path(".database"),
    validation = Rule::new("!has(oldSelf.media) || !has(oldSelf.media.storage) || (has(self.media) && has(self.media.storage))")
        .message("media.storage cannot be removed: a volume can grow, not shrink")
        .field_path(".media"),
    validation = Rule::new("!has(oldSelf.adopt) || (has(self.adopt) && self.adopt == oldSelf.adopt)")
        .message("adopt cannot be changed or removed once it is set: the site's data is that of the named one")
        .field_path(".adopt"),
    // Without it the generation would be the first again: a secret that pods no longer know.
    validation = Rule::new("!has(oldSelf.cdn) || oldSelf.cdn.originSecretGeneration == 1 || has(self.cdn)")
        .message("cdn cannot be removed once its originSecretGeneration was raised: it would go back to the first secret")
        .field_path(".cdn")
)]
pub struct WordPressSiteSpec {
    /// The `WordPressClass` that serves the site. Without it: the default class. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,
    /// The site's domains. The first is canonical; requests for the others are redirected to it.
    #[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 253)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new(r"self.all(d, d.matches('^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'))")
            .message(::kube::core::cel::Message::Expression(r"'each domain must be a lower-case DNS name such as blog.example.com, with at least one dot, no IP address, without scheme, port, path, wildcard or trailing dot; not: ' + self.filter(d, !d.matches('^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'))[0]".into()))
    )]
    pub domains: Vec<String>,
    /// The site's title, used when WordPress is installed. Later it is changed in WordPress. Without it: the first domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub title: Option<String>,
    /// The language of the site as a WordPress locale such as ja or `pt_BR`.
    #[serde(default = "default_locale")]
    #[schemars(length(min = 2, max = 20))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z]{2,3}(_[A-Z]{2})?(_[a-z0-9]+)?$')")
        .message("must be a WordPress locale such as en_US, ja or pt_BR"))]
    pub locale: String,
    /// The time zone of the site by its IANA name such as Asia/Tokyo.
    #[serde(default = "default_time_zone")]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$')")
        .message("must be an IANA time zone name such as Asia/Tokyo or UTC"))]
    pub time_zone: String,
    /// The first administrator, made when WordPress is installed.
    pub admin: Admin,
    /// WordPress itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wordpress: Option<WordPress>,
    /// The pods that serve pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<Web>,
    /// The database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
    /// The store of uploads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
    /// The search, for a class with `OpenSearch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// The distribution, for a class with `CloudFront`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdn: Option<Cdn>,
    /// WordPress' scheduled events, which run outside page requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<Cron>,
    /// While true, nothing of the site is changed; what runs goes on running.
    #[serde(default)]
    pub suspend: bool,
    /// What happens to the site's data when the site is deleted. Without it: the class' policy.
    // The schema of an optional enum would have the description of the enum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DeletionPolicy")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Which changes of managed parts wait for a person, who allows one with the annotation tairyo.dev/approve and the
    /// token in status.plan. Without it: the class' choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ChangeApproval")]
    pub change_approval: Option<ChangeApproval>,
    /// The uid of a deleted site of the same name and namespace, whose retained data this site takes over. It has to be
    /// set before managed parts are made, and cannot be changed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 36, max = 36))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')")
        .message("must be the uid of a deleted site such as 6b1e3c1e-6f0a-4f5e-9a53-0d8d2a7c5b11, as its last event says"))]
    pub adopt: Option<String>,
}

fn default_locale() -> String {
    "en_US".into()
}

fn default_time_zone() -> String {
    "UTC".into()
}

/// What happens to a site's data when the site is deleted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema, strum::IntoStaticStr,
)]
pub enum DeletionPolicy {
    /// Database and uploads stay as they are.
    Retain,
    /// A snapshot is kept where the provider can make one; volumes in the cluster stay as they are.
    #[default]
    Snapshot,
    /// Database and uploads are deleted.
    Delete,
}

/// The first administrator.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Admin {
    /// The login name, used when WordPress is installed. Immutable.
    #[serde(default = "default_username")]
    #[schemars(length(min = 1, max = 60))]
    #[x_kube(
        validation = Rule::new("self.matches('^[A-Za-z0-9_.@-]([A-Za-z0-9 _.@-]*[A-Za-z0-9_.@-])?$')")
            .message("must hold only what WordPress allows in a login name: letters and digits of ASCII, space inside, and _ . @ -"),
        validation = Rule::new("self == oldSelf").message("admin.username is immutable: manage users in WordPress after the installation")
    )]
    pub username: String,
    /// The e-mail address, used when WordPress is installed. Later it is changed in WordPress.
    #[schemars(length(min = 6, max = 100))]
    #[x_kube(validation = Rule::new("self.matches('^[^@ ]+@[^@ ]+[.][^@ ]+$')")
        .message("must be an e-mail address such as me@example.com"))]
    pub email: String,
    /// A Secret with the password, used when WordPress is installed. Without it a password is made and stored in the
    /// Secret NAME-admin under the key password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret_ref: Option<SecretKeyReference>,
}

fn default_username() -> String {
    "admin".into()
}

/// A key of a Secret in the site's namespace.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyReference {
    /// The name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')")
        .message("must be the name of a Secret in the site's namespace: lower-case letters, digits, hyphens and dots"))]
    pub name: String,
    /// The key in the Secret.
    #[serde(default = "default_password_key")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9._-]+$')")
        .message("must be a key of a Secret: letters, digits, hyphens, underscores and dots"))]
    pub key: String,
}

fn default_password_key() -> String {
    "password".into()
}

/// A Secret in the site's namespace.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretReference {
    /// The name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')")
        .message("must be the name of a Secret in the site's namespace: lower-case letters, digits, hyphens and dots"))]
    pub name: String,
}

/// WordPress itself.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WordPress {
    /// The image of the pods: tairyo-wordpress or one built from it. Without it: the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    #[x_kube(validation = Rule::new("self.matches('^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$')")
        .message("must be an image reference such as registry.example.com/wordpress:7.1.3"))]
    pub image: Option<String>,
    /// The prefix of table names. Immutable.
    #[serde(default = "default_table_prefix")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_]+$')")
        .message("must hold letters, digits and underscores only"))]
    pub table_prefix: String,
}

pub(crate) fn default_table_prefix() -> String {
    "wp_".into()
}

/// The pods that serve pages.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.replicas) && has(self.autoscaling))")
    .message("replicas and autoscaling cannot both be set: leave replicas out where an autoscaler owns the number"))]
pub struct Web {
    /// The number of pods. Without it, and without autoscaling: 1. 0 stops serving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: Option<i32>,
    /// A number of pods that follows the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,
    /// What the php container of each pod may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// PHP's limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub php: Option<Php>,
    /// The cache of whole pages in each pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_cache: Option<PageCache>,
    /// Labels that a node must have to run the pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50))]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that the pods tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tolerations: Vec<Toleration>,
    /// Rules for the choice of nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// How pods are spread. Without it: over nodes and zones, where possible.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// Environment variables of the php container, for plugins that read them. Names that start with TAIRYO_ are ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]),
        validation = Rule::new("self.all(e, !e.name.startsWith('TAIRYO_'))")
            .message("names that start with TAIRYO_ are set by the operator; use another name"))]
    pub env: Vec<EnvVar>,
}

/// A number of pods that follows the load.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.min <= self.max").message("min must not be larger than max"))]
pub struct Autoscaling {
    /// The fewest pods.
    #[schemars(range(min = 1, max = 1000))]
    pub min: i32,
    /// The most pods.
    #[schemars(range(min = 1, max = 1000))]
    pub max: i32,
    /// The average use of the requested CPU, in percent, that the autoscaler aims at.
    #[serde(default = "default_target_cpu", rename = "targetCPUUtilization")]
    #[schemars(range(min = 1, max = 100))]
    pub target_cpu_utilization: i32,
}

fn default_target_cpu() -> i32 {
    70
}

/// What a container may use.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What is reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<ResourceAmounts>,
    /// What is never exceeded. The number of PHP workers follows from the memory limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ResourceAmounts>,
}

/// Amounts of CPU and memory.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceAmounts {
    /// CPU such as 500m or 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = Rule::new("isQuantity(self) && quantity(self).compareTo(quantity('0')) >= 0")
        .message("must be a quantity such as 500m or 2, not below zero"))]
    pub cpu: Option<String>,
    /// Memory such as 512Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = Rule::new("isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))")
        .message("must be a quantity above zero such as 512Mi"))]
    pub memory: Option<String>,
}

/// PHP's limits.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Php {
    /// The memory that one request may use. Without it: 128Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = Rule::new("isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))")
        .message("must be a quantity above zero such as 256Mi"))]
    pub memory_limit: Option<String>,
    /// The largest upload. Without it: 64Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = Rule::new("isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))")
        .message("must be a quantity above zero such as 64Mi"))]
    pub upload_max_size: Option<String>,
    /// The seconds after which a request is ended. Without it: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub max_execution_time_seconds: Option<i32>,
    /// The number of PHP workers in each pod. Without it: as many as fit into the memory limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 500))]
    pub workers: Option<i32>,
}

/// The cache of whole pages in each pod.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageCache {
    /// Whether pages for visitors who are not logged in are cached.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// The seconds for which a page is served from the cache.
    #[serde(default = "default_ttl")]
    #[schemars(range(min = 1, max = 86400))]
    pub ttl_seconds: i32,
}

impl Default for PageCache {
    fn default() -> Self {
        Self { enabled: true, ttl_seconds: default_ttl() }
    }
}

fn enabled() -> bool {
    true
}

fn default_ttl() -> i32 {
    60
}

/// The database.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(has(self.capacity) && has(self.instanceClass))")
        .message("capacity and instanceClass cannot both be set: a cluster scales by itself, or has instances of one class"),
    validation = Rule::new("!has(self.autoPauseSeconds) || (has(self.capacity) && self.capacity.min.matches('^0([.]0)?$'))")
        .message("autoPauseSeconds needs a capacity.min of \"0\"")
)]
pub struct Database {
    /// The size of the volume of an in-cluster database. Without it: 10Gi. It can grow where the storage class allows it, never shrink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(
        validation = Rule::new("isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))").message("must be a quantity above zero such as 10Gi"),
        validation = Rule::new("!isQuantity(self) || !isQuantity(oldSelf) || quantity(self).compareTo(quantity(oldSelf)) >= 0").message("a volume can grow, not shrink")
    )]
    pub storage: Option<String>,
    /// What the container of an in-cluster database may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// The name of the database on the server. Without it: wordpress. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_]+$')").message("must hold letters, digits and underscores only"))]
    pub name: Option<String>,
    /// The capacity of an Aurora cluster. Without it: 0.5 to 4, or `instanceClass`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// The instance class of an Aurora cluster that does not scale by itself, such as db.r7g.large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 5, max = 40))]
    #[x_kube(validation = Rule::new("self.matches('^db[.][a-z0-9]+[.][a-z0-9]+$') && self != 'db.serverless'")
        .message("must be an instance class such as db.r7g.large; leave it out for Serverless v2"))]
    pub instance_class: Option<String>,
    /// The instances of an Aurora cluster, spread over zones. Without it: 1. From 2 on it survives the loss of a zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 15))]
    pub instances: Option<i32>,
    /// The seconds without a connection after which an Aurora cluster whose capacity.min is 0 pauses. Without it: 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 300, max = 86400))]
    pub auto_pause_seconds: Option<i32>,
    /// The days for which Aurora keeps backups. Without it: 7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 7, max = 35))]
    pub backup_retention_days: Option<i32>,
    /// A Secret in the site's namespace with the keys username and password, for a class with an External database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
}

/// The store of uploads.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// The size of the uploads volume. Without it: 10Gi. It can grow where the storage class allows it, never shrink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(
        validation = Rule::new("isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))").message("must be a quantity above zero such as 10Gi"),
        validation = Rule::new("!isQuantity(self) || !isQuantity(oldSelf) || quantity(self).compareTo(quantity(oldSelf)) >= 0").message("a volume can grow, not shrink")
    )]
    pub storage: Option<String>,
}

/// WordPress' scheduled events.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cron {
    /// When due events are run, in cron's five fields.
    #[serde(default = "default_schedule")]
    #[schemars(length(min = 1, max = 100))]
    #[x_kube(validation = Rule::new(r"self.matches('^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[0-9A-Za-z*,/?-]+( +[0-9A-Za-z*,/?-]+){4})$')")
        .message("must be a cron schedule of five fields such as */5 * * * *, or @hourly, @daily, @weekly, @monthly, @yearly"))]
    pub schedule: String,
}

pub(crate) fn default_schedule() -> String {
    "*/5 * * * *".into()
}
