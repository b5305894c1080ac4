//! Sites of three sizes, and the outputs that their stacks would have.

use std::collections::BTreeMap;

use crate::api::aws::AuroraCredentials;
use crate::api::site::DeletionPolicy;
use crate::api::sizes::ChangeApproval;
use crate::cloudformation::DesiredStack;
use crate::units::request::{Data, DataSize, Domain, Edge, Network, PodIdentity, Request, Search};
use crate::units::{Owner, Unit, graph};

/// A site with a small database, in a network of its own, with nothing else.
pub(super) fn small() -> Request {
    Request {
        owner: Owner::Site {
            namespace: "shop".into(),
            name: "blog".into(),
            uid: "6b1e3c1e-6f0a-4f5e-9a53-0d8d2a7c5b11".into(),
        },
        cluster: "tokyo".into(),
        region: "ap-northeast-1".into(),
        role_arn: None,
        external_id: None,
        endpoint_url: None,
        service_role_arn: None,
        permissions_boundary_arn: None,
        tags: BTreeMap::new(),
        network: Network::Dedicated { cidr: "10.20.0.0/20".into() },
        pod_identity: PodIdentity::WebIdentity {
            provider_arn: "arn:aws:iam::123456789012:oidc-provider/issuer.example.com/id".into(),
        },
        service_account: "blog".into(),
        deletion_policy: DeletionPolicy::Snapshot,
        change_approval: ChangeApproval::Replacements,
        drift_check_hours: None,
        data: Some(Data {
            engine_version: "8.0.mysql_aurora.3.10.1".into(),
            size: DataSize::Serverless { min: 0.5, max: 1.0, auto_pause_seconds: None },
            instances: 1,
            backup_retention_days: 7,
            database_name: "wordpress".into(),
            credentials: AuroraCredentials::Generated,
            kms_key_arn: None,
        }),
        media: false,
        search: None,
        edge: None,
    }
}

/// A site with every unit, in a network that exists.
pub(super) fn standard() -> Request {
    let domain = |name: &str, zone: Option<&str>| Domain { name: name.into(), hosted_zone_id: zone.map(Into::into) };
    Request {
        network: Network::Existing {
            vpc_id: "vpc-0123456789abcdef0".into(),
            subnet_ids: vec!["subnet-0123456789abcdef0".into(), "subnet-0123456789abcdef1".into()],
            client_security_group_ids: vec!["sg-0123456789abcdef0".into(), "sg-0123456789abcdef1".into()],
        },
        data: Some(Data {
            size: DataSize::Serverless { min: 0.0, max: 8.0, auto_pause_seconds: Some(600) },
            instances: 2,
            credentials: AuroraCredentials::Managed,
            ..small().data.expect("a small site has a database")
        }),
        media: true,
        search: Some(Search { instance_type: "t3.small.search".into(), instances: 2, storage_gib: 10 }),
        edge: Some(Edge {
            domains: vec![
                domain("blog.example.com", Some("Z0123456789ABCDEFGHIJ")),
                domain("www.blog.example.com", Some("Z0123456789ABCDEFGHIJ")),
                domain("blog.example.jp", None),
            ],
            price_class: "PriceClass_200".into(),
            web_acl_arn: None,
            log_bucket: None,
            origin_host: Some("origin.example.com".into()),
            origin_secret_generation: 0,
        }),
        ..small()
    }
}

/// A large site whose class uses every choice that the others leave.
pub(super) fn scale() -> Request {
    let standard = standard();
    Request {
        role_arn: Some("arn:aws:iam::123456789012:role/tairyo".into()),
        external_id: Some("external".into()),
        service_role_arn: Some("arn:aws:iam::123456789012:role/tairyo-cloudformation".into()),
        permissions_boundary_arn: Some("arn:aws:iam::123456789012:policy/boundary".into()),
        tags: BTreeMap::from([("team".to_owned(), "web".to_owned())]),
        network: small().network,
        pod_identity: PodIdentity::Eks { cluster_name: "production".into() },
        media: true,
        deletion_policy: DeletionPolicy::Retain,
        data: Some(Data {
            size: DataSize::Provisioned { instance_class: "db.r7g.large".into() },
            instances: 3,
            backup_retention_days: 35,
            kms_key_arn: Some("arn:aws:kms:ap-northeast-1:123456789012:key/0123abcd".into()),
            ..standard.data.expect("a standard site has a database")
        }),
        search: Some(Search { instance_type: "r7g.large.search".into(), instances: 3, storage_gib: 100 }),
        edge: standard.edge.map(|edge| Edge {
            web_acl_arn: Some("arn:aws:wafv2:us-east-1:123456789012:global/webacl/sites/0123abcd".into()),
            log_bucket: Some("logs.s3.amazonaws.com".into()),
            origin_secret_generation: 4,
            ..edge
        }),
        ..small()
    }
}

/// All of them with their names.
pub(super) fn all() -> [(&'static str, Request); 3] {
    [("small", small()), ("standard", standard()), ("scale", scale())]
}

/// Outputs of every unit, in the form that AWS gives them.
pub(super) fn outputs() -> BTreeMap<Unit, BTreeMap<String, String>> {
    let of = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    BTreeMap::from([
        (
            Unit::Network,
            of(&[
                ("VpcId", "vpc-0aa"),
                ("SubnetIds", "subnet-0a1,subnet-0a2,subnet-0a3"),
                ("ClientSecurityGroupId", "sg-0aa"),
            ]),
        ),
        (
            Unit::Identity,
            of(&[
                ("RoleArn", "arn:aws:iam::123456789012:role/tairyo-shop-blog-Role-1"),
                ("RoleName", "tairyo-shop-blog-Role-1"),
            ]),
        ),
        (Unit::Certificate, of(&[("CertificateArn", "arn:aws:acm:us-east-1:123456789012:certificate/0aa")])),
        (
            Unit::Data,
            of(&[
                ("Host", "c.cluster-0aa.ap-northeast-1.rds.amazonaws.com"),
                ("Port", "3306"),
                ("SecretArn", "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:rds!cluster-0aa"),
                ("ClusterIdentifier", "tairyo-shop-blog-cluster-0aa"),
                ("SecurityGroupId", "sg-0ab"),
            ]),
        ),
        (
            Unit::Media,
            of(&[
                ("BucketName", "tairyo-shop-blog-bucket-0aa"),
                ("BucketArn", "arn:aws:s3:::tairyo-shop-blog-bucket-0aa"),
                ("BucketDomainName", "tairyo-shop-blog-bucket-0aa.s3.ap-northeast-1.amazonaws.com"),
            ]),
        ),
        (
            Unit::Search,
            of(&[
                ("Endpoint", "vpc-domain-0aa.ap-northeast-1.es.amazonaws.com"),
                ("DomainArn", "arn:aws:es:ap-northeast-1:123456789012:domain/domain-0aa"),
                ("DomainName", "domain-0aa"),
            ]),
        ),
        (
            Unit::Edge,
            of(&[
                ("DistributionId", "E0AA"),
                ("DistributionArn", "arn:aws:cloudfront::123456789012:distribution/E0AA"),
                ("DomainName", "d0aa.cloudfront.net"),
                ("OriginSecretArns", "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:OriginSecret0-1"),
            ]),
        ),
    ])
}

/// The stacks of a site all of whose units have outputs.
pub(super) fn stacks(request: &Request) -> Vec<DesiredStack> {
    let desired = graph::desired(request, &outputs());
    desired.into_iter().map(|(unit, stack)| stack.unwrap_or_else(|missing| panic!("{unit}: {missing}"))).collect()
}

/// The stack of one unit.
pub(super) fn stack(request: &Request, unit: Unit) -> DesiredStack {
    let name = unit.to_string();
    stacks(request).into_iter().find(|stack| stack.unit == name).unwrap_or_else(|| panic!("{unit} is not asked for"))
}
