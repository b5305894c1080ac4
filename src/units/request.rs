//! What a validated site asks of AWS. No `Option` is left that is not a choice.

use std::collections::BTreeMap;

use super::{Owner, Unit};
use crate::api::aws::AuroraCredentials;
use crate::api::site::DeletionPolicy;
use crate::api::sizes::ChangeApproval;

/// What a validated site asks of AWS.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Whom the stacks belong to.
    pub owner: Owner,
    /// The name of this cluster, for the tag.
    pub cluster: String,
    /// The region of all units but the certificate.
    pub region: String,
    /// The role that the operator works as; `None`: its own identity.
    pub role_arn: Option<String>,
    /// The external id for that role.
    pub external_id: Option<String>,
    /// The endpoint instead of AWS' own.
    pub endpoint_url: Option<String>,
    /// The service role of the stacks.
    pub service_role_arn: Option<String>,
    /// The boundary of the pods' role.
    pub permissions_boundary_arn: Option<String>,
    /// The class' tags.
    pub tags: BTreeMap<String, String>,
    /// Where databases and search domains stand.
    pub network: Network,
    /// How pods become their role.
    pub pod_identity: PodIdentity,
    /// The name of the service account of the site's pods, in the site's namespace.
    pub service_account: String,
    /// What happens to data when a stack is deleted.
    pub deletion_policy: DeletionPolicy,
    /// Which changes wait for a person.
    pub change_approval: ChangeApproval,
    /// Hours between looks for changes by hand.
    pub drift_check_hours: Option<i32>,
    /// The Aurora cluster, where the class has one.
    pub data: Option<Data>,
    /// Whether uploads are in a bucket.
    pub media: bool,
    /// The search domain, where the class has one.
    pub search: Option<Search>,
    /// The distribution, where the class has one.
    pub edge: Option<Edge>,
}

/// Where databases and search domains stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// In a VPC that exists.
    Existing {
        /// Its id.
        vpc_id: String,
        /// At least two, in different zones.
        subnet_ids: Vec<String>,
        /// Of what connects.
        client_security_group_ids: Vec<String>,
    },
    /// In one of the unit `network`.
    Dedicated {
        /// Its addresses, such as `10.20.0.0/20`.
        cidr: String,
    },
}

/// How pods become their role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodIdentity {
    /// By the token of their service account.
    WebIdentity {
        /// The IAM provider of the cluster's issuer.
        provider_arn: String,
    },
    /// By the Pod Identity agent of EKS.
    Eks {
        /// The EKS cluster.
        cluster_name: String,
    },
}

/// An Aurora `MySQL` cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// Such as `8.0.mysql_aurora.3.10.1`.
    pub engine_version: String,
    /// Its instances.
    pub size: DataSize,
    /// How many, over zones; at least 1.
    pub instances: i32,
    /// Days that backups are kept.
    pub backup_retention_days: i32,
    /// The name of the database in it.
    pub database_name: String,
    /// Who makes the password.
    pub credentials: AuroraCredentials,
    /// `None`: the account's key for RDS.
    pub kms_key_arn: Option<String>,
}

/// The size of an Aurora instance.
#[derive(Clone, Debug, PartialEq)]
pub enum DataSize {
    /// Serverless v2.
    Serverless {
        /// Aurora capacity units in steps of 0.5; 0 pauses.
        min: f64,
        /// Aurora capacity units in steps of 0.5.
        max: f64,
        /// Seconds without a connection until the pause; only with a `min` of 0.
        auto_pause_seconds: Option<i32>,
    },
    /// Instances of one class, such as `db.r7g.large`.
    Provisioned {
        /// The class.
        instance_class: String,
    },
}

/// An `OpenSearch` domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Such as `t3.small.search`.
    pub instance_type: String,
    /// Data nodes; over two or three zones from 2 on.
    pub instances: i32,
    /// The volume of each node.
    pub storage_gib: i32,
}

/// A distribution and its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The site's domains; the first is canonical.
    pub domains: Vec<Domain>,
    /// Such as `PriceClass_All`.
    pub price_class: String,
    /// The WAF of the class.
    pub web_acl_arn: Option<String>,
    /// Where access logs go, as the domain name of a bucket.
    pub log_bucket: Option<String>,
    /// Where `CloudFront` finds the way into the cluster; `None`: not known yet.
    pub origin_host: Option<String>,
    /// Which secret `CloudFront` proves itself with. Pods accept that of this generation and of the next, so that one more
    /// changes the secret without a refused request.
    pub origin_secret_generation: u32,
}

/// A domain of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name.
    pub name: String,
    /// The id of the hosted zone that it is in; `None`: its records are made by hand.
    pub hosted_zone_id: Option<String>,
}

impl Request {
    /// The units that the site asks for, each after what it needs.
    #[must_use]
    pub fn units(&self) -> Vec<Unit> {
        let in_vpc = self.data.is_some() || self.search.is_some();
        let wanted = [
            (Unit::Network, in_vpc && matches!(self.network, Network::Dedicated { .. })),
            (Unit::Identity, self.data.is_some() || self.media || self.search.is_some() || self.edge.is_some()),
            (Unit::Certificate, self.edge.is_some()),
            (Unit::Data, self.data.is_some()),
            (Unit::Media, self.media),
            (Unit::Search, self.search.is_some()),
            (Unit::Edge, self.edge.is_some()),
        ];
        wanted.into_iter().filter_map(|(unit, wanted)| wanted.then_some(unit)).collect()
    }
}
