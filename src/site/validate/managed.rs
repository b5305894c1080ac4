//! What a site and its class ask of AWS, checked and completed.

use kube::ResourceExt;

use super::Invalid;
use crate::api::WordPressSite;
use crate::api::aws::{
    AuroraTls, CdnProvider, ClassAws, ClassNetwork, ClassPodIdentity, HostedZone, NetworkType, PodIdentityType,
    SearchProvider,
};
use crate::api::class::{DatabaseProvider, DatabaseTls, Limits, MediaProvider, WordPressClassSpec};
use crate::api::condition::Reason;
use crate::api::names::{Component, object_name};
use crate::api::site::Database;
use crate::units::request::{Data, DataSize, Domain, Edge, Network, PodIdentity, Request, Search};
use crate::units::{Owner, Unit};

/// The version that the tests render and lint: <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraMySQLReleaseNotes/Welcome.html>.
const ENGINE_VERSION: &str = "8.0.mysql_aurora.3.10.1";
const DEFAULT_CAPACITY: (f64, f64) = (0.5, 4.0);
const DEFAULT_AUTO_PAUSE_SECONDS: i32 = 300;
const DEFAULT_BACKUP_RETENTION_DAYS: i32 = 7;
/// An ACM certificate has at most so many names without a raised quota:
/// <https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html>.
const MOST_DOMAINS_OF_A_CERTIFICATE: usize = 10;

/// The request, where the class has managed providers.
pub(super) fn request(
    site: &WordPressSite,
    class: &WordPressClassSpec,
    cluster: &str,
) -> Result<Option<Request>, Invalid> {
    refuse_what_nobody_provides(site, class)?;
    let Some(aws) = &class.aws else {
        return Ok(None);
    };
    let name = site.name_any();
    let uid = site.uid().unwrap_or_default();
    let owner = Owner::Site {
        namespace: site.namespace().unwrap_or_default(),
        name: name.clone(),
        uid: site.spec.adopt.clone().unwrap_or(uid),
    };
    check_lineage(site, &owner)?;
    Ok(Some(Request {
        owner,
        cluster: cluster.to_owned(),
        region: aws.region.clone(),
        role_arn: aws.role_arn.clone(),
        external_id: aws.external_id.clone(),
        endpoint_url: aws.endpoint_url.clone(),
        service_role_arn: aws.service_role_arn.clone(),
        permissions_boundary_arn: aws.permissions_boundary_arn.clone(),
        tags: aws.tags.clone(),
        network: network(&aws.network)?,
        pod_identity: pod_identity(&aws.pod_identity)?,
        service_account: object_name(&name, Component::Web),
        deletion_policy: site.spec.deletion_policy.or(class.deletion_policy).unwrap_or_default(),
        change_approval: site.spec.change_approval.or(class.change_approval).unwrap_or_default(),
        drift_check_hours: aws.drift_check_hours,
        data: data(site, class)?,
        media: class.media.provider == MediaProvider::S3,
        search: search(site, class)?,
        edge: edge(site, class, aws)?,
    }))
}

/// The name of the site's database on its server.
pub(super) fn database_name(wanted: &Database) -> String {
    wanted.name.clone().unwrap_or_else(|| "wordpress".into())
}

/// How the site's pods talk with Aurora.
pub(super) fn aurora_tls(class: &WordPressClassSpec) -> DatabaseTls {
    match class.database.aurora.as_ref().map(|aurora| aurora.tls).unwrap_or_default() {
        AuroraTls::Verified => DatabaseTls::Verified,
        AuroraTls::Required => DatabaseTls::Required,
    }
}

/// The first field of `wanted` that only Aurora has.
pub(super) fn aurora_field(wanted: &Database) -> Option<&'static str> {
    let fields = [
        ("capacity", wanted.capacity.is_some()),
        ("instanceClass", wanted.instance_class.is_some()),
        ("instances", wanted.instances.is_some()),
        ("autoPauseSeconds", wanted.auto_pause_seconds.is_some()),
        ("backupRetentionDays", wanted.backup_retention_days.is_some()),
    ];
    fields.into_iter().find_map(|(field, set)| set.then_some(field))
}

/// A size that nobody reads would be a wish that silently does not come true.
fn refuse_what_nobody_provides(site: &WordPressSite, class: &WordPressClassSpec) -> Result<(), Invalid> {
    let spec = &site.spec;
    let unread = [
        ("spec.search", spec.search.is_some() && class.search.provider == SearchProvider::None, "OpenSearch"),
        ("spec.cdn", spec.cdn.is_some() && class.cdn.provider == CdnProvider::None, "CloudFront"),
    ];
    match unread.into_iter().find(|(_, set, _)| *set) {
        None => Ok(()),
        Some((field, _, provider)) => Err(Invalid::new(
            Reason::SpecInvalid,
            format!("{field} is for classes with {provider}; remove it, or use such a class"),
        )),
    }
}

/// Once stacks stand, the uid in their names is that of the data. Another one would begin a second set beside it.
fn check_lineage(site: &WordPressSite, owner: &Owner) -> Result<(), Invalid> {
    let recorded = site
        .status
        .iter()
        .flat_map(|status| &status.units)
        .find(|unit| unit.name.parse::<Unit>().is_ok_and(|known| owner.stack_name(known) != unit.stack_name));
    match recorded {
        None => Ok(()),
        Some(unit) => Err(Invalid::new(
            Reason::SpecInvalid,
            format!(
                "spec.adopt was set after the site's own stacks were begun ({}); remove it, or delete the site and create \
                 it with spec.adopt from the beginning",
                unit.stack_name
            ),
        )),
    }
}

fn network(wanted: &ClassNetwork) -> Result<Network, Invalid> {
    match (wanted.kind, &wanted.existing) {
        (NetworkType::Dedicated, _) => Ok(Network::Dedicated { cidr: wanted.cidr.clone() }),
        (NetworkType::Existing, Some(existing)) => Ok(Network::Existing {
            vpc_id: existing.vpc_id.clone(),
            subnet_ids: existing.subnet_ids.clone(),
            client_security_group_ids: existing.client_security_group_ids.clone(),
        }),
        (NetworkType::Existing, None) => Err(Invalid::new(
            Reason::SpecInvalid,
            "the class has aws.network.type Existing without aws.network.existing",
        )),
    }
}

fn pod_identity(wanted: &ClassPodIdentity) -> Result<PodIdentity, Invalid> {
    match (wanted.kind, &wanted.oidc_provider_arn, &wanted.cluster_name) {
        (PodIdentityType::WebIdentity, Some(provider_arn), _) => {
            Ok(PodIdentity::WebIdentity { provider_arn: provider_arn.clone() })
        }
        (PodIdentityType::EksPodIdentity, _, Some(cluster_name)) => {
            Ok(PodIdentity::Eks { cluster_name: cluster_name.clone() })
        }
        _ => Err(Invalid::new(
            Reason::SpecInvalid,
            "aws.podIdentity of the class needs oidcProviderARN for type WebIdentity and clusterName for type EKSPodIdentity",
        )),
    }
}

fn data(site: &WordPressSite, class: &WordPressClassSpec) -> Result<Option<Data>, Invalid> {
    if class.database.provider != DatabaseProvider::Aurora {
        return Ok(None);
    }
    let wanted = site.spec.database.clone().unwrap_or_default();
    let offered = class.database.aurora.clone().unwrap_or_default();
    let limits = class.limits.clone().unwrap_or_default();
    let instances = wanted.instances.unwrap_or(1);
    limit_instances("spec.database.instances", instances, &limits)?;
    Ok(Some(Data {
        engine_version: offered.engine_version.unwrap_or_else(|| ENGINE_VERSION.into()),
        size: match wanted.instance_class.clone() {
            Some(instance_class) => DataSize::Provisioned { instance_class },
            None => serverless(&wanted, &limits)?,
        },
        instances,
        backup_retention_days: wanted.backup_retention_days.unwrap_or(DEFAULT_BACKUP_RETENTION_DAYS),
        database_name: database_name(&wanted),
        credentials: offered.credentials,
        kms_key_arn: offered.kms_key_arn,
    }))
}

fn serverless(wanted: &Database, limits: &Limits) -> Result<DataSize, Invalid> {
    let most = limits.database_capacity.map_or(f64::INFINITY, f64::from);
    let (min, max) = match &wanted.capacity {
        Some(capacity) => {
            (units("spec.database.capacity.min", &capacity.min)?, units("spec.database.capacity.max", &capacity.max)?)
        }
        // A default above the limit would make every site of the class invalid for a value that nobody wrote.
        None => (DEFAULT_CAPACITY.0, DEFAULT_CAPACITY.1.min(most)),
    };
    if max > most {
        return Err(Invalid::new(
            Reason::LimitExceeded,
            format!("spec.database.capacity.max is {max}; the class allows at most {most}"),
        ));
    }
    let pauses = min <= 0.0;
    let auto_pause_seconds = pauses.then(|| wanted.auto_pause_seconds.unwrap_or(DEFAULT_AUTO_PAUSE_SECONDS));
    Ok(DataSize::Serverless { min, max, auto_pause_seconds })
}

fn units(field: &str, text: &str) -> Result<f64, Invalid> {
    text.parse().map_err(|_| {
        Invalid::new(
            Reason::SpecInvalid,
            format!("{field} is {text:?}; it must be a number in steps of 0.5 such as \"0.5\""),
        )
    })
}

fn limit_instances(field: &str, instances: i32, limits: &Limits) -> Result<(), Invalid> {
    match limits.instances {
        Some(most) if instances > most => {
            Err(Invalid::new(Reason::LimitExceeded, format!("{field} is {instances}; the class allows at most {most}")))
        }
        _ => Ok(()),
    }
}

fn search(site: &WordPressSite, class: &WordPressClassSpec) -> Result<Option<Search>, Invalid> {
    if class.search.provider != SearchProvider::OpenSearch {
        return Ok(None);
    }
    let wanted = site.spec.search.as_ref().and_then(|search| search.capacity.clone()).unwrap_or_default();
    limit_instances("spec.search.capacity.instances", wanted.instances, &class.limits.clone().unwrap_or_default())?;
    Ok(Some(Search {
        instance_type: wanted.instance_type,
        instances: wanted.instances,
        storage_gib: wanted.storage_gib,
    }))
}

fn edge(site: &WordPressSite, class: &WordPressClassSpec, aws: &ClassAws) -> Result<Option<Edge>, Invalid> {
    if class.cdn.provider != CdnProvider::CloudFront {
        return Ok(None);
    }
    let domains = &site.spec.domains;
    if domains.len() > MOST_DOMAINS_OF_A_CERTIFICATE {
        return Err(Invalid::new(
            Reason::SpecInvalid,
            format!(
                "spec.domains has {} entries; a certificate of AWS has at most {MOST_DOMAINS_OF_A_CERTIFICATE}",
                domains.len()
            ),
        ));
    }
    let offered = class.cdn.cloud_front.clone().unwrap_or_default();
    let wanted = site.spec.cdn.clone().unwrap_or_default();
    let price_class: &str = wanted.price_class.into();
    Ok(Some(Edge {
        domains: domains
            .iter()
            .map(|name| Domain { name: name.clone(), hosted_zone_id: hosted_zone(name, &aws.hosted_zones) })
            .collect(),
        price_class: price_class.to_owned(),
        web_acl_arn: offered.web_acl_arn,
        log_bucket: offered.log_bucket,
        origin_host: offered.origin_host,
        origin_secret_generation: wanted.origin_secret_generation.unsigned_abs(),
    }))
}

/// The zone with the longest name that `domain` is in.
fn hosted_zone(domain: &str, zones: &[HostedZone]) -> Option<String> {
    let serves = |zone: &&HostedZone| {
        domain.strip_suffix(&zone.domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    zones.iter().filter(serves).max_by_key(|zone| zone.domain.len()).map(|zone| zone.id.clone())
}
