//! The AWS half of a class: which account and region, in which network, as whom, and what the managed providers offer.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Where and as whom the managed parts of the class' sites are made. All of them are made by `CloudFormation`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    // Without roleARN the account is that of the operator, which nobody knows here.
    validation = Rule::new("(has(self.roleARN) ? self.roleARN.find(':[0-9]{12}:') : '') == (has(oldSelf.roleARN) ? oldSelf.roleARN.find(':[0-9]{12}:') : '')")
        .message("roleARN can be changed within its account, but neither added nor removed, since the sites' data is in the account: make another class for another account"),
    validation = Rule::new("!has(self.externalID) || has(self.roleARN)")
        .message("externalID may be set only with roleARN")
)]
pub struct ClassAws {
    /// The region of the sites' parts, such as ap-northeast-1. Certificates of CloudFront are made in us-east-1, as AWS
    /// demands. Immutable.
    #[schemars(length(min = 9, max = 25))]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z]{2,4}(-[a-z]+)+-[0-9]$')").message("must be an AWS region such as ap-northeast-1"),
        validation = Rule::new("self == oldSelf").message("region is immutable, since the sites' data is there: make another class for another region")
    )]
    pub region: String,
    /// The role that the operator assumes to work on the class' sites. Without it: the operator's own identity.
    #[serde(default, rename = "roleARN", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 20, max = 2048))]
    #[x_kube(validation = Rule::new("self.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$')")
        .message("must be the ARN of a role such as arn:aws:iam::123456789012:role/tairyo"))]
    pub role_arn: Option<String>,
    /// The external id that the role's trust policy asks for.
    #[serde(default, rename = "externalID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 1224))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9+=,.@:/_-]+$')")
        .message("must hold what STS allows in an external id: letters, digits and + = , . @ : / _ -"))]
    pub external_id: Option<String>,
    /// The service role that `CloudFormation` makes the resources with. Without it: with the operator's rights.
    #[serde(default, rename = "serviceRoleARN", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 20, max = 2048))]
    #[x_kube(validation = Rule::new("self.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$')")
        .message("must be the ARN of a role such as arn:aws:iam::123456789012:role/tairyo-cloudformation"))]
    pub service_role_arn: Option<String>,
    /// The permissions boundary of every role that is made for a site.
    #[serde(default, rename = "permissionsBoundaryARN", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 20, max = 2048))]
    #[x_kube(validation = Rule::new("self.matches('^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$')")
        .message("must be the ARN of a managed policy such as arn:aws:iam::123456789012:policy/boundary"))]
    pub permissions_boundary_arn: Option<String>,
    /// The network of databases and search domains.
    #[serde(default)]
    pub network: ClassNetwork,
    /// How the sites' pods become their role.
    pub pod_identity: ClassPodIdentity,
    /// The Route 53 zones in which the operator writes the records of certificates and of the sites' domains. A domain
    /// outside of them shows its records in status.dnsRecords instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".into()]))]
    pub hosted_zones: Vec<HostedZone>,
    /// Tags of every stack and so of every resource. Keys that start with tairyo.dev/ are ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 40, "additionalProperties" = {"type": "string", "maxLength": 256}))]
    #[x_kube(validation = Rule::new(r"self.all(k, k.matches('^[A-Za-z0-9 +=._:/@-]{1,128}$') && !k.matches('^([Aa][Ww][Ss]:|tairyo[.]dev/)') && self[k].matches('^[A-Za-z0-9 +=._:/@-]*$'))")
        .message("keys (of 1 to 128 characters) and values must hold only letters, digits, space and + = . _ : / @ -, and keys must not start with tairyo.dev/ or aws:"))]
    pub tags: BTreeMap<String, String>,
    /// The URL of an endpoint that speaks AWS' protocols, instead of AWS' own: for trying a class against an emulator.
    #[serde(default, rename = "endpointURL", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 8, max = 300))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$')")
        .message("must be http:// or https://, a host and at most a port, such as http://198.18.0.1:4566"))]
    pub endpoint_url: Option<String>,
    /// Hours between two looks for changes that were made to the sites' resources by hand. Without it: none is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub drift_check_hours: Option<i32>,
}

/// The network of databases and search domains: one that exists, or one for each site.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.type == 'Existing' ? has(self.existing) : !has(self.existing)")
        .message("existing must be set when type is Existing, and only then"),
    validation = Rule::new("self.type == oldSelf.type").message("type is immutable: make another class for another network")
)]
pub struct ClassNetwork {
    /// Existing: a VPC that the cluster's pods reach. Dedicated: a VPC of its own for each site, which has to be
    /// connected with the cluster's by hand.
    #[serde(default, rename = "type")]
    pub kind: NetworkType,
    /// The VPC, for type Existing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<ExistingNetwork>,
    /// The addresses of a dedicated VPC, a block of 16 to 24 bits such as 10.20.0.0/20. Immutable.
    #[serde(default = "default_cidr")]
    #[schemars(length(min = 9, max = 18))]
    #[x_kube(
        // A block with bits of hosts, such as 10.20.0.5/20, is cut by AWS, and would differ from the template for ever.
        validation = Rule::new("isCIDR(self) && cidr(self).ip().family() == 4 && cidr(self) == cidr(self).masked() && cidr(self).prefixLength() >= 16 && cidr(self).prefixLength() <= 24")
            .message("must be an IPv4 block of 16 to 24 bits such as 10.20.0.0/20, by its first address"),
        validation = Rule::new("self == oldSelf").message("cidr is immutable, since the sites' networks have these addresses: make another class for others")
    )]
    pub cidr: String,
}

impl Default for ClassNetwork {
    fn default() -> Self {
        Self { kind: NetworkType::default(), existing: None, cidr: default_cidr() }
    }
}

fn default_cidr() -> String {
    "10.20.0.0/20".into()
}

/// Where the network of a site comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
pub enum NetworkType {
    /// A VPC that exists.
    Existing,
    /// A VPC of its own for each site.
    #[default]
    Dedicated,
}

/// A VPC that the cluster's pods reach.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExistingNetwork {
    /// The VPC. Immutable.
    #[serde(rename = "vpcID")]
    #[schemars(length(min = 5, max = 30))]
    #[x_kube(
        validation = Rule::new("self.matches('^vpc-[0-9a-f]+$')").message("must be the id of a VPC such as vpc-0123456789abcdef0"),
        validation = Rule::new("self == oldSelf").message("vpcID is immutable, since the sites' databases are in it: make another class for another VPC")
    )]
    pub vpc_id: String,
    /// Private subnets for databases and search domains, in at least two zones.
    #[serde(rename = "subnetIDs")]
    #[schemars(length(min = 2, max = 20), inner(length(min = 8, max = 30)))]
    #[x_kube(merge_strategy = ListMerge::Set,
        validation = Rule::new("self.all(s, s.matches('^subnet-[0-9a-f]+$'))").message("each must be the id of a subnet such as subnet-0123456789abcdef0"))]
    pub subnet_ids: Vec<String>,
    /// The security groups of what connects to databases and search domains: the cluster's nodes or pods.
    #[serde(rename = "clientSecurityGroupIDs")]
    #[schemars(length(min = 1, max = 5), inner(length(min = 4, max = 30)))]
    #[x_kube(merge_strategy = ListMerge::Set,
        validation = Rule::new("self.all(s, s.matches('^sg-[0-9a-f]+$'))").message("each must be the id of a security group such as sg-0123456789abcdef0"))]
    pub client_security_group_ids: Vec<String>,
}

/// How the sites' pods become their role.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.type == 'WebIdentity' ? has(self.oidcProviderARN) : !has(self.oidcProviderARN)")
        .message("oidcProviderARN must be set when type is WebIdentity, and only then"),
    validation = Rule::new("self.type == 'EKSPodIdentity' ? has(self.clusterName) : !has(self.clusterName)")
        .message("clusterName must be set when type is EKSPodIdentity, and only then")
)]
pub struct ClassPodIdentity {
    /// `WebIdentity`: the token of a service account is exchanged for the role, on any cluster whose issuer is registered in
    /// IAM (IRSA). `EKSPodIdentity`: by the Pod Identity agent of EKS.
    #[serde(default, rename = "type")]
    pub kind: PodIdentityType,
    /// The IAM provider of the cluster's issuer, for type `WebIdentity`.
    #[serde(default, rename = "oidcProviderARN", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 20, max = 500))]
    #[x_kube(validation = Rule::new("self.matches('^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/[A-Za-z0-9._/-]+$')")
        .message("must be the ARN of an OIDC provider such as arn:aws:iam::123456789012:oidc-provider/issuer.example.com/id"))]
    pub oidc_provider_arn: Option<String>,
    /// The name of the EKS cluster, for type `EKSPodIdentity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9][A-Za-z0-9_-]*$')")
        .message("must be the name of an EKS cluster: letters, digits, hyphens and underscores"))]
    pub cluster_name: Option<String>,
}

/// How pods become their role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
pub enum PodIdentityType {
    /// By the token of a service account.
    #[default]
    WebIdentity,
    /// By the Pod Identity agent of EKS.
    #[serde(rename = "EKSPodIdentity")]
    EksPodIdentity,
}

/// A public Route 53 zone.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostedZone {
    /// The id of the zone.
    #[schemars(length(min = 2, max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^Z[A-Z0-9]+$')").message("must be the id of a hosted zone such as Z0123456789ABCDEFGHIJ"))]
    pub id: String,
    /// The domain of the zone: it serves that name and every name below it.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$')")
        .message("must be a lower-case DNS name such as example.jp, without a trailing dot"))]
    pub domain: String,
}

/// What Aurora offers to the sites of a class.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Aurora {
    /// The version of Aurora `MySQL`, such as `8.0.mysql_aurora.3.10.1`. Without it: the one that this operator was tested with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 10, max = 40))]
    #[x_kube(validation = Rule::new(r"self.matches('^8[.][0-9]+[.]mysql_aurora[.][0-9]+[.][0-9]+[.][0-9]+$')")
        .message("must be a version of Aurora MySQL 8 such as 8.0.mysql_aurora.3.10.1"))]
    pub engine_version: Option<String>,
    /// Managed: RDS makes and rotates the password. Generated: Secrets Manager makes it once, for clusters that Blue/Green
    /// deployments or replicas in other regions are made of, which a managed one excludes.
    #[serde(default)]
    pub credentials: AuroraCredentials,
    /// Verified: connections are encrypted, with a certificate of RDS. Required: with whatever certificate, for emulators.
    #[serde(default)]
    pub tls: AuroraTls,
    /// The KMS key that databases are encrypted with. Without it: the account's key for RDS. Immutable.
    #[serde(default, rename = "kmsKeyARN", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 20, max = 2048))]
    #[x_kube(validation = Rule::new("self.matches('^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]+$')")
        .message("must be the ARN of a KMS key such as arn:aws:kms:ap-northeast-1:123456789012:key/ID"))]
    pub kms_key_arn: Option<String>,
}

/// How connections to Aurora are encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
pub enum AuroraTls {
    /// With a certificate of RDS.
    #[default]
    Verified,
    /// With whatever certificate.
    Required,
}

/// Who makes the database password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
pub enum AuroraCredentials {
    /// RDS, which rotates it.
    #[default]
    Managed,
    /// Secrets Manager, once.
    Generated,
}

/// Who answers searches.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClassSearch {
    /// `None`: `WordPress`' own search in the database. `OpenSearch`: a domain for each site.
    #[serde(default)]
    pub provider: SearchProvider,
}

/// Who answers searches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
pub enum SearchProvider {
    /// `WordPress` itself.
    #[default]
    None,
    /// An OpenSearch domain for each site.
    OpenSearch,
}

/// What stands between visitors and the way into the cluster.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.provider == 'CloudFront' || !has(self.cloudFront)")
    .message("cloudFront may be set only when provider is CloudFront"))]
pub struct ClassCdn {
    /// `None`: visitors reach the cluster directly. `CloudFront`: a distribution for each site.
    #[serde(default)]
    pub provider: CdnProvider,
    /// The distributions, for provider `CloudFront`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_front: Option<CloudFront>,
}

/// What stands between visitors and the way into the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
pub enum CdnProvider {
    /// Nothing.
    #[default]
    None,
    /// A distribution for each site.
    CloudFront,
}

/// The distributions of a class.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloudFront {
    /// The name by which `CloudFront` reaches the cluster's way in. Without it: the load balancer of each site's Ingress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$')")
        .message("must be a lower-case DNS name such as origin.example.com, without scheme or port"))]
    pub origin_host: Option<String>,
    /// The WAF web ACL (of scope CLOUDFRONT) that protects every distribution.
    #[serde(default, rename = "webACLARN", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 20, max = 2048))]
    #[x_kube(validation = Rule::new("self.matches('^arn:aws[a-z-]*:wafv2:us-east-1:[0-9]{12}:global/webacl/[A-Za-z0-9_/-]+$')")
        .message("must be the ARN of a web ACL of scope CLOUDFRONT such as arn:aws:wafv2:us-east-1:123456789012:global/webacl/NAME/ID"))]
    pub web_acl_arn: Option<String>,
    /// The bucket that access logs go to, by its domain name such as logs.s3.amazonaws.com.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 10, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9][a-z0-9.-]+[.]s3([.-][a-z0-9-]+)?[.]amazonaws[.]com([.]cn)?$')")
        .message("must be the domain name of a bucket such as logs.s3.amazonaws.com"))]
    pub log_bucket: Option<String>,
}
