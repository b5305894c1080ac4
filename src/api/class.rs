//! `WordPressClass`: what a platform team offers to sites, like a `StorageClass`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::aws::{Aurora, ClassAws, ClassCdn, ClassSearch};
use super::site::DeletionPolicy;
use super::sizes::ChangeApproval;

/// Which provider does each job for the sites of this class, who may use it, and the limits.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "tairyo.dev",
    version = "v1alpha1",
    kind = "WordPressClass",
    plural = "wordpressclasses",
    shortname = "wpc",
    category = "tairyo",
    doc = "A WordPressClass says which provider does each job for the sites that name it, who may use it, and how large they may be. The class with the annotation tairyo.dev/is-default-class: \"true\" serves the sites that name none.",
    printcolumn(name = "Database", type_ = "string", json_path = ".spec.database.provider"),
    printcolumn(name = "Media", type_ = "string", json_path = ".spec.media.provider"),
    printcolumn(name = "Exposure", type_ = "string", json_path = ".spec.exposure.type"),
    printcolumn(name = "Default", type_ = "string", json_path = ".metadata.annotations.tairyo\\.dev/is-default-class"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!((has(self.database) && self.database.provider == 'Aurora') || (has(self.media) && self.media.provider == 'S3') || (has(self.search) && self.search.provider == 'OpenSearch') || (has(self.cdn) && self.cdn.provider == 'CloudFront')) || has(self.aws)")
        .message("aws must be set when a provider is Aurora, S3, OpenSearch or CloudFront"),
    // A class whose last managed provider was switched off keeps it, for the rule below.
    validation = Rule::new("!has(self.aws) || (has(self.database) && self.database.provider == 'Aurora') || (has(self.media) && self.media.provider == 'S3') || (has(self.search) && self.search.provider == 'OpenSearch') || (has(self.cdn) && self.cdn.provider == 'CloudFront') || oldSelf.optMap(old, has(old.aws)).orValue(false)")
        .message("aws may be set only when a provider is Aurora, S3, OpenSearch or CloudFront")
        .optional_old_self(true),
    // What is immutable in it could otherwise be taken out and put in again.
    validation = Rule::new("!has(oldSelf.aws) || has(self.aws)")
        .message("aws cannot be removed, since the sites' data is where it says: make another class"),
    validation = Rule::new("!has(self.cdn) || self.cdn.provider != 'CloudFront' || (has(self.cdn.cloudFront) && has(self.cdn.cloudFront.originHost)) || (has(self.exposure) && self.exposure.type == 'Ingress')")
        .message("CloudFront needs a way into the cluster: set cdn.cloudFront.originHost, or exposure.type to Ingress")
        .field_path(".cdn")
)]
pub struct WordPressClassSpec {
    /// Where the database of a site is.
    #[serde(default)]
    pub database: ClassDatabase,
    /// Where uploads are stored.
    #[serde(default)]
    pub media: ClassMedia,
    /// Who answers searches.
    #[serde(default)]
    pub search: ClassSearch,
    /// What stands between visitors and the way into the cluster.
    #[serde(default)]
    pub cdn: ClassCdn,
    /// How visitors reach the Service of a site.
    #[serde(default)]
    pub exposure: Exposure,
    /// Where and as whom managed parts are made: required with the providers Aurora, S3, OpenSearch and `CloudFront`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<ClassAws>,
    /// Namespaces whose sites may use the class, by their labels. Without it every namespace may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<LabelSelector>,
    /// Domains that sites may have: exact names such as www.example.jp, or *.example.jp for every name below
    /// example.jp. Without it every domain is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), inner(length(max = 253)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new(r"self.all(d, d.matches('^([*][.])?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'))")
            .message("each entry must be a lower-case DNS name such as www.example.jp, or a pattern such as *.example.jp")
    )]
    pub allowed_domains: Option<Vec<String>>,
    /// The deletion policy of sites that name none. Without it: Snapshot.
    // The schema of an optional enum would have the description of the enum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DeletionPolicy")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Which changes of managed parts wait for a person, for sites that do not say. Without it: Replacements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ChangeApproval")]
    pub change_approval: Option<ChangeApproval>,
    /// Upper limits for the sites of the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// Where the database of a site is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.provider == 'External' ? has(self.external) : !has(self.external)")
        .message("external must be set when provider is External, and only then"),
    validation = Rule::new("self.provider == 'Aurora' || !has(self.aurora)")
        .message("aurora may be set only when provider is Aurora"),
    validation = Rule::new("oldSelf.provider != 'Aurora' || self.provider == 'Aurora'")
        .message("provider cannot be changed from Aurora to another, since the sites' data is in their clusters: make another class")
        .field_path(".provider"),
    // Another key is another cluster: KmsKeyId is a create-only property.
    validation = Rule::new("oldSelf.provider != 'Aurora' || (has(self.aurora) && has(self.aurora.kmsKeyARN) ? self.aurora.kmsKeyARN : '') == (has(oldSelf.aurora) && has(oldSelf.aurora.kmsKeyARN) ? oldSelf.aurora.kmsKeyARN : '')")
        .message("aurora.kmsKeyARN is immutable, since the sites' databases are encrypted with it: make another class for another key")
)]
pub struct ClassDatabase {
    /// `InCluster`: a MariaDB of its own for each site, on a volume. `External`: an existing MySQL-compatible server.
    /// `Aurora`: an Aurora cluster for each site.
    #[serde(default)]
    pub provider: DatabaseProvider,
    /// The storage class of database volumes. Without it: the cluster's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
    /// The existing server, for provider External. Each site names its own database and Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalDatabase>,
    /// The clusters, for provider Aurora.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aurora: Option<Aurora>,
}

/// Who provides the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
pub enum DatabaseProvider {
    /// A `MariaDB` of its own for each site, on a volume.
    #[default]
    InCluster,
    /// An existing MySQL-compatible server.
    External,
    /// An Aurora cluster for each site.
    Aurora,
}

/// An existing MySQL-compatible server.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalDatabase {
    /// The host name or IP address of the server.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-zA-Z0-9]([a-zA-Z0-9.:-]*[a-zA-Z0-9])?$')")
        .message("must be a host name or an IP address, without a scheme; the port has its own field"))]
    pub host: String,
    /// The TCP port of the server.
    #[serde(default = "mysql_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// Required: connections are encrypted, or refused. Verified: the certificate has to be of RDS, too. Disabled: they are
    /// not encrypted.
    #[serde(default)]
    pub tls: DatabaseTls,
}

fn mysql_port() -> i32 {
    3306
}

/// Whether connections to the database are encrypted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema, strum::IntoStaticStr,
)]
pub enum DatabaseTls {
    /// Encrypted, or refused.
    #[default]
    Required,
    /// Encrypted with a certificate of an authority that the image knows, those of RDS, or refused.
    Verified,
    /// Not encrypted.
    Disabled,
}

/// Where uploads are stored.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("oldSelf.provider != 'S3' || self.provider == 'S3'")
    .message("provider cannot be changed from S3 to another, since the sites' uploads are in their buckets: make another class")
    .field_path(".provider"))]
pub struct ClassMedia {
    /// Volume: a volume claim for each site. S3: a bucket for each site.
    #[serde(default)]
    pub provider: MediaProvider,
    /// The storage class of uploads volumes. Without it: the cluster's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
    /// The access mode of uploads volumes. More than one web replica needs `ReadWriteMany`.
    #[serde(default)]
    pub access_mode: AccessMode,
}

/// Who stores uploads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
pub enum MediaProvider {
    /// A volume claim for each site.
    #[default]
    Volume,
    /// A bucket for each site.
    S3,
}

/// How many nodes can mount a volume.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema, strum::IntoStaticStr,
)]
pub enum AccessMode {
    /// One node.
    #[default]
    ReadWriteOnce,
    /// Many nodes.
    ReadWriteMany,
}

/// How visitors reach the Service of a site.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.type == 'Gateway' ? has(self.gateway) : !has(self.gateway)")
        .message("gateway must be set when type is Gateway, and only then"),
    validation = Rule::new("self.type == 'Ingress' || !has(self.ingress)")
        .message("ingress may be set only when type is Ingress")
)]
pub struct Exposure {
    /// None: the Service alone. Ingress: an Ingress for each site. Gateway: an `HTTPRoute` on a Gateway for each site.
    #[serde(default, rename = "type")]
    pub kind: ExposureType,
    /// The scheme of the sites' addresses. Without it: Https where a Gateway or an Ingress with TLS stands in front,
    /// Http otherwise. Set it to Https where something that the class does not know terminates TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UrlScheme")]
    pub url_scheme: Option<UrlScheme>,
    /// The port in the sites' addresses, where visitors do not use the scheme's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// The Ingress of each site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<IngressExposure>,
    /// The Gateway that each site's route joins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayExposure>,
}

/// What stands in front of the Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
pub enum ExposureType {
    /// The Service alone.
    #[default]
    None,
    /// An Ingress for each site.
    Ingress,
    /// An `HTTPRoute` for each site.
    Gateway,
}

/// The scheme of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
pub enum UrlScheme {
    /// `http://`
    #[default]
    Http,
    /// `https://`
    Https,
}

/// The Ingress of each site.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressExposure {
    /// The ingress class. Without it: the cluster's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub class_name: Option<String>,
    /// Annotations for the ingress controller.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50))]
    pub annotations: BTreeMap<String, String>,
    /// Where the certificate comes from. Without it the Ingress serves plain HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<IngressTls>,
}

/// Where the certificate of an Ingress comes from.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.secretName) != has(self.clusterIssuer)")
        .message("exactly one of secretName and clusterIssuer must be set")
)]
pub struct IngressTls {
    /// A TLS Secret in each site's namespace, for instance with a wildcard certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: Option<String>,
    /// The cert-manager `ClusterIssuer` that makes a certificate for each site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub cluster_issuer: Option<String>,
}

/// The Gateway that each site's `HTTPRoute` joins.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayExposure {
    /// The name of the Gateway.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The namespace of the Gateway. A class is cluster-scoped, so the namespace has to be said.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// The listener of the Gateway. Without it: all that admit the site's domains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub section_name: Option<String>,
}

/// Upper limits for the sites of a class.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The most web replicas that a site may ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: Option<i32>,
    /// The most storage that a site may ask for, for each of its volumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = Rule::new("isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))")
        .message("must be a quantity above zero such as 10Gi"))]
    pub storage: Option<String>,
    /// The most Aurora capacity units that a site's database may grow to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub database_capacity: Option<i32>,
    /// The most instances that a site's Aurora cluster or `OpenSearch` domain may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 15))]
    pub instances: Option<i32>,
}
