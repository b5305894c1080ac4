//! Sites to build objects from.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, EnvVar, EnvVarSource, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm,
    ResourceRequirements, SecretKeySelector, Toleration, TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::api::class::{AccessMode, DatabaseTls, GatewayExposure, IngressExposure, IngressTls};
use crate::api::site::DeletionPolicy;
use crate::site::model::{
    Admin, Database, DatabaseProvider, Exposure, Gateway, Media, Scaling, SecretKey, Site, Volume, Web,
};

/// What validation makes of a manifest with only the required fields.
pub fn minimal(name: &str) -> Site {
    Site {
        name: name.into(),
        namespace: "default".into(),
        uid: "5f0c1e9a-7a53-4c8e-9d59-0b8a3c1d2e4f".into(),
        class_name: "local".into(),
        domains: vec!["blog.example.com".into()],
        url: "http://blog.example.com".into(),
        title: "blog.example.com".into(),
        locale: "en_US".into(),
        time_zone: "UTC".into(),
        admin: Admin {
            username: "admin".into(),
            email: "me@example.com".into(),
            password: SecretKey { name: format!("{name}-admin"), key: "password".into() },
            password_is_generated: true,
        },
        image: "localhost/tairyo-wordpress:dev".into(),
        table_prefix: "wp_".into(),
        web: Web {
            scaling: Scaling::Fixed(1),
            resources: resources(&[("cpu", "100m"), ("memory", "256Mi")], &[("memory", "512Mi")]),
            php_memory_limit_bytes: 128 << 20,
            upload_max_size_bytes: 64 << 20,
            max_execution_seconds: 60,
            workers: None,
            page_cache_ttl_seconds: Some(60),
            node_selector: BTreeMap::new(),
            tolerations: vec![],
            affinity: None,
            topology_spread_constraints: vec![],
            env: vec![],
        },
        database: Database {
            host: format!("{name}-database"),
            port: 3306,
            name: "wordpress".into(),
            tls: DatabaseTls::Required,
            secret_name: Some(format!("{name}-database")),
            provider: DatabaseProvider::InCluster {
                image: "localhost/tairyo-mariadb:dev".into(),
                volume: volume("10Gi", None, AccessMode::ReadWriteOnce),
                resources: resources(&[("cpu", "100m"), ("memory", "256Mi")], &[("memory", "512Mi")]),
            },
        },
        media: Media::Volume(volume("10Gi", None, AccessMode::ReadWriteOnce)),
        exposure: Exposure::None,
        cron_schedule: "*/5 * * * *".into(),
        deletion_policy: DeletionPolicy::Snapshot,
        aws: None,
        gateway: None,
    }
}

/// Every field set.
pub fn rich() -> Site {
    let plain = minimal("magazine");
    Site {
        namespace: "editors".into(),
        class_name: "shared".into(),
        domains: vec!["magazine.example.jp".into(), "www.magazine.example.jp".into()],
        url: "https://magazine.example.jp:8443".into(),
        title: "雑誌 \"quoted\" <b>".into(),
        locale: "ja".into(),
        time_zone: "Asia/Tokyo".into(),
        admin: Admin {
            username: "editor in chief".into(),
            email: "editor@example.jp".into(),
            password: SecretKey { name: "editor".into(), key: "initial-password".into() },
            password_is_generated: false,
        },
        image: "registry.example.jp/wordpress:7.1.3".into(),
        table_prefix: "mag_".into(),
        web: Web {
            scaling: Scaling::Fixed(3),
            resources: resources(&[("cpu", "500m"), ("memory", "1Gi")], &[("cpu", "2"), ("memory", "2Gi")]),
            php_memory_limit_bytes: 896 << 20,
            upload_max_size_bytes: 256 << 20,
            max_execution_seconds: 300,
            workers: Some(12),
            page_cache_ttl_seconds: None,
            node_selector: BTreeMap::from([("kubernetes.io/arch".into(), "arm64".into())]),
            tolerations: vec![Toleration {
                key: Some("dedicated".into()),
                operator: Some("Exists".into()),
                effect: Some(String::new()),
                ..Toleration::default()
            }],
            affinity: Some(Affinity { node_affinity: Some(of_nodes()), ..Affinity::default() }),
            topology_spread_constraints: vec![TopologySpreadConstraint {
                max_skew: 1,
                topology_key: "topology.kubernetes.io/zone".into(),
                when_unsatisfiable: "DoNotSchedule".into(),
                ..TopologySpreadConstraint::default()
            }],
            env: vec![
                EnvVar { name: "MAIL_HOST".into(), value: Some("mail.example.jp".into()), ..EnvVar::default() },
                EnvVar { name: "EMPTY".into(), value: Some(String::new()), ..EnvVar::default() },
                EnvVar { name: "MAIL_PASSWORD".into(), value_from: Some(of_secret("mail")), ..EnvVar::default() },
            ],
        },
        database: Database {
            name: "magazine".into(),
            provider: DatabaseProvider::InCluster {
                image: "registry.example.jp/mariadb:12".into(),
                volume: volume("50Gi", Some("fast"), AccessMode::ReadWriteOnce),
                resources: resources(&[("cpu", "1"), ("memory", "2Gi")], &[("memory", "2Gi")]),
            },
            ..plain.database
        },
        media: Media::Volume(volume("100Gi", Some("shared"), AccessMode::ReadWriteMany)),
        exposure: Exposure::Ingress(IngressExposure {
            class_name: Some("nginx".into()),
            annotations: BTreeMap::from([("example.jp/body-size".into(), "256m".into())]),
            tls: Some(IngressTls { secret_name: None, cluster_issuer: Some("letsencrypt".into()) }),
        }),
        cron_schedule: "*/2 * * * *".into(),
        deletion_policy: DeletionPolicy::Retain,
        ..plain
    }
}

/// With a database that somebody else runs.
pub fn external_database() -> Site {
    let plain = minimal("blog");
    Site {
        database: Database {
            host: "mysql.example.net".into(),
            port: 3307,
            name: "blog".into(),
            tls: DatabaseTls::Disabled,
            secret_name: Some("mysql-login".into()),
            provider: DatabaseProvider::External,
        },
        ..plain
    }
}

/// On a Gateway, autoscaled, and deleted with everything.
pub fn gateway() -> Site {
    let mut site = minimal("shop");
    site.web.scaling = Scaling::Automatic { min: 2, max: 8, target_cpu: 70 };
    site.media = Media::Volume(volume("10Gi", None, AccessMode::ReadWriteMany));
    site.exposure = Exposure::Gateway(GatewayExposure {
        name: "public".into(),
        namespace: "gateways".into(),
        section_name: Some("https".into()),
    });
    site.deletion_policy = DeletionPolicy::Delete;
    site
}

/// An Ingress that asks for nothing special, and containers without limits.
pub fn plain_ingress() -> Site {
    let mut site = minimal("plain");
    site.exposure = Exposure::Ingress(IngressExposure::default());
    site.web.resources = ResourceRequirements::default();
    site.web.affinity = Some(Affinity { node_affinity: Some(of_nodes()), ..Affinity::default() });
    site
}

/// Aurora, a bucket and a distribution, as the pods of a cluster with a registered issuer meet them.
pub fn aws() -> Site {
    let mut site = minimal("blog");
    site.url = "https://blog.example.com".into();
    site.web.scaling = Scaling::Fixed(2);
    site.database = Database {
        host: "cluster.cluster-abc.ap-northeast-1.rds.amazonaws.com".into(),
        tls: DatabaseTls::Verified,
        secret_name: None,
        provider: DatabaseProvider::Aurora,
        ..site.database
    };
    site.media = Media::Bucket;
    site.gateway = Some(Gateway {
        image: "localhost/tairyo:dev".into(),
        region: "ap-northeast-1".into(),
        endpoint_url: None,
        web_identity_role_arn: Some("arn:aws:iam::123456789012:role/blog".into()),
        database_secret_arn: Some("arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:login".into()),
        origin_secret_arns: vec!["arn:one".into(), "arn:two".into()],
        bucket: Some("blog-uploads".into()),
    });
    site
}

/// A bucket beside a database of the cluster, where EKS gives the pods their role.
pub fn mixed() -> Site {
    let mut site = minimal("mixed");
    site.media = Media::Bucket;
    site.gateway = Some(Gateway {
        image: "localhost/tairyo:dev".into(),
        region: "eu-west-1".into(),
        endpoint_url: None,
        web_identity_role_arn: None,
        database_secret_arn: None,
        origin_secret_arns: vec![],
        bucket: Some("mixed-uploads".into()),
    });
    site
}

/// All of them, by the names of their golden files.
pub fn all() -> Vec<(&'static str, Site)> {
    vec![
        ("minimal", minimal("blog")),
        ("rich", rich()),
        ("external_database", external_database()),
        ("gateway", gateway()),
        ("plain_ingress", plain_ingress()),
        ("aws", aws()),
        ("mixed", mixed()),
    ]
}

fn volume(storage: &str, class: Option<&str>, access_mode: AccessMode) -> Volume {
    Volume { storage: storage.into(), storage_class_name: class.map(Into::into), access_mode }
}

fn resources(requests: &[(&str, &str)], limits: &[(&str, &str)]) -> ResourceRequirements {
    let amounts =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(name, it)| ((*name).into(), Quantity((*it).into()))).collect();
    ResourceRequirements {
        requests: Some(amounts(requests)),
        limits: Some(amounts(limits)),
        ..ResourceRequirements::default()
    }
}

fn of_nodes() -> NodeAffinity {
    NodeAffinity {
        required_during_scheduling_ignored_during_execution: Some(NodeSelector {
            node_selector_terms: vec![NodeSelectorTerm {
                match_expressions: Some(vec![NodeSelectorRequirement {
                    key: "example.jp/pool".into(),
                    operator: "In".into(),
                    values: Some(vec!["web".into()]),
                }]),
                ..NodeSelectorTerm::default()
            }],
        }),
        ..NodeAffinity::default()
    }
}

fn of_secret(name: &str) -> EnvVarSource {
    EnvVarSource {
        secret_key_ref: Some(SecretKeySelector { name: name.into(), key: "password".into(), optional: None }),
        ..EnvVarSource::default()
    }
}
