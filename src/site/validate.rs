//! Second step: from the spec and what it refers to, to a [`Site`]. A plain function.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::core::{Selector, SelectorExt as _};

use super::dereference::{Refs, age};
use super::model::{Admin, Database, DatabaseProvider, Exposure, Media, Scaling, SecretKey, Site, Volume, Web};
use super::quantity;
use crate::api::aws::CdnProvider;
use crate::api::class::{self, AccessMode, ExposureType, MediaProvider, UrlScheme, WordPressClassSpec};
use crate::api::condition::Reason;
use crate::api::names::{Component, object_name};
use crate::api::site::{ResourceAmounts, Resources, SecretKeyReference, default_schedule, default_table_prefix};
use crate::api::{WordPressClass, WordPressSite};

/// What the operator's flags say for sites that say nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// tairyo-wordpress.
    pub wordpress: String,
    /// tairyo-mariadb.
    pub database: String,
    /// tairyo itself, for the sidecar of pods with AWS work.
    pub gateway: String,
    /// The name of this cluster, which the stacks of its sites carry as a tag.
    pub cluster: String,
}

/// Why a site cannot be built: a person must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// The reason in the conditions.
    pub reason: Reason,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl Invalid {
    fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

const DEFAULT_STORAGE: &str = "10Gi";
const DEFAULT_PHP_MEMORY_LIMIT: &str = "128Mi";
const DEFAULT_UPLOAD_MAX_SIZE: &str = "64Mi";
const DEFAULT_MAX_EXECUTION_SECONDS: i32 = 60;

/// Checks and completes `site`.
pub fn validate(site: &WordPressSite, refs: &Refs, defaults: &Defaults) -> Result<Site, Invalid> {
    let class = class(site, refs)?;
    let name = site.name_any();
    let spec = &site.spec;
    admit(site, refs, &class)?;
    let class_name = class.name_any();
    let class = class.spec;
    let web = web(site, &class)?;
    let exposure = exposure(&class.exposure, spec.domains.len())?;
    check_time_zone(&spec.time_zone)?;
    Ok(Site {
        namespace: site.namespace().unwrap_or_default(),
        uid: site.uid().unwrap_or_default(),
        class_name,
        domains: spec.domains.clone(),
        url: url(&spec.domains[0], &class),
        title: spec.title.clone().unwrap_or_else(|| spec.domains[0].clone()),
        locale: spec.locale.clone(),
        time_zone: spec.time_zone.clone(),
        admin: admin(site, refs)?,
        image: spec.wordpress.as_ref().and_then(|it| it.image.clone()).unwrap_or_else(|| defaults.wordpress.clone()),
        table_prefix: spec.wordpress.as_ref().map_or_else(default_table_prefix, |it| it.table_prefix.clone()),
        web,
        database: database(site, refs, &class, defaults)?,
        media: media(site, &class)?,
        exposure,
        cron_schedule: spec.cron.as_ref().map_or_else(default_schedule, |it| it.schedule.clone()),
        deletion_policy: spec.deletion_policy.or(class.deletion_policy).unwrap_or_default(),
        aws: managed::request(site, &class, &defaults.cluster)?,
        gateway: None,
        name,
    })
}

fn media(site: &WordPressSite, class: &WordPressClassSpec) -> Result<Media, Invalid> {
    let wanted = site.spec.media.as_ref().and_then(|it| it.storage.as_deref());
    if class.media.provider == MediaProvider::S3 {
        return match wanted {
            None => Ok(Media::Bucket),
            Some(_) => Err(Invalid::new(
                Reason::SpecInvalid,
                "spec.media.storage has no effect where the class keeps uploads in a bucket; remove it",
            )),
        };
    }
    Ok(Media::Volume(Volume {
        storage: storage("spec.media.storage", wanted, class.limits.as_ref())?,
        storage_class_name: class.media.storage_class_name.clone(),
        access_mode: class.media.access_mode,
    }))
}

fn class(site: &WordPressSite, refs: &Refs) -> Result<WordPressClass, Invalid> {
    match (&site.spec.class_name, refs.classes.as_slice()) {
        (_, [class]) => Ok(class.clone()),
        (Some(name), _) => Err(Invalid::new(
            Reason::ClassNotFound,
            format!(
                "there is no WordPressClass {name:?}; create it, or delete the site and create it with one of those \
                 that `kubectl get wordpressclasses` lists"
            ),
        )),
        (None, []) => Err(Invalid::new(
            Reason::DefaultClassMissing,
            "the site names no class and no WordPressClass is the default; annotate one with \
             tairyo.dev/is-default-class: \"true\"",
        )),
        (None, several) => Err(Invalid::new(
            Reason::DefaultClassAmbiguous,
            format!(
                "the site names no class and several are the default: {}; leave the annotation \
                 tairyo.dev/is-default-class on one of them",
                several.iter().map(ResourceExt::name_any).collect::<Vec<_>>().join(", ")
            ),
        )),
    }
}

fn admit(site: &WordPressSite, refs: &Refs, class: &WordPressClass) -> Result<(), Invalid> {
    let class_name = class.name_any();
    let namespace = site.namespace().unwrap_or_default();
    if let Some(selector) = &class.spec.allowed_namespaces
        && !selects(selector, &refs.namespace_labels)?
    {
        return Err(Invalid::new(
            Reason::NamespaceNotAllowed,
            format!(
                "the class {class_name:?} does not admit sites in the namespace {namespace:?}; its allowedNamespaces select others"
            ),
        ));
    }
    if let Some(patterns) = &class.spec.allowed_domains
        && let Some(domain) =
            site.spec.domains.iter().find(|domain| !patterns.iter().any(|pattern| domain_matches(pattern, domain)))
    {
        return Err(Invalid::new(
            Reason::DomainNotAllowed,
            format!("the class {class_name:?} does not admit the domain {domain:?}; it allows {}", patterns.join(", ")),
        ));
    }
    if let Some(rival) = refs.rivals.iter().find(|rival| rival.age < age(site)) {
        let holder = if rival.namespace == namespace {
            format!("the site {:?}", rival.name)
        } else {
            // Its name and namespace belong to another tenant.
            "a site in another namespace".into()
        };
        return Err(Invalid::new(
            Reason::DomainTaken,
            format!("the domain {:?} belongs to {holder}, which is older; remove it from one of the two", rival.domain),
        ));
    }
    Ok(())
}

fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> Result<bool, Invalid> {
    let selector: Selector = selector.clone().try_into().map_err(|error| {
        Invalid::new(Reason::SpecInvalid, format!("allowedNamespaces of the class is not a label selector: {error}"))
    })?;
    Ok(selector.matches(labels))
}

fn domain_matches(pattern: &str, domain: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => domain.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        None => pattern == domain,
    }
}

fn admin(site: &WordPressSite, refs: &Refs) -> Result<Admin, Invalid> {
    let admin = &site.spec.admin;
    if let Some(SecretKeyReference { name, key }) = &admin.password_secret_ref {
        require_keys(refs, "spec.admin.passwordSecretRef", name, &[key])?;
    }
    let password = admin.password_secret_ref.as_ref().map_or_else(
        || SecretKey { name: object_name(&site.name_any(), Component::Admin), key: "password".into() },
        |reference| SecretKey { name: reference.name.clone(), key: reference.key.clone() },
    );
    Ok(Admin {
        username: admin.username.clone(),
        email: admin.email.clone(),
        password,
        password_is_generated: admin.password_secret_ref.is_none(),
    })
}

fn require_keys(refs: &Refs, field: &str, name: &str, keys: &[&str]) -> Result<(), Invalid> {
    let Some(Some(found)) = refs.secret_keys.get(name) else {
        return Err(Invalid::new(
            Reason::SecretNotFound,
            format!(
                "{field} names the Secret {name:?}, which is not in the site's namespace; create it with the key {}",
                keys.join(" and ")
            ),
        ));
    };
    match keys.iter().find(|key| !found.contains(**key)) {
        None => Ok(()),
        Some(key) => Err(Invalid::new(
            Reason::SecretKeyMissing,
            format!("the Secret {name:?} that {field} names has no key {key:?}; add it"),
        )),
    }
}

fn database(
    site: &WordPressSite,
    refs: &Refs,
    class: &WordPressClassSpec,
    defaults: &Defaults,
) -> Result<Database, Invalid> {
    let wanted = site.spec.database.clone().unwrap_or_default();
    let name = managed::database_name(&wanted);
    if let (class::DatabaseProvider::External, Some(server)) = (class.database.provider, &class.database.external) {
        let Some(secret) = wanted.secret_ref else {
            return Err(Invalid::new(
                Reason::SpecInvalid,
                "the class has an external database, so spec.database.secretRef must name a Secret with the keys username and password",
            ));
        };
        if wanted.storage.is_some() || wanted.resources.is_some() {
            return Err(Invalid::new(
                Reason::SpecInvalid,
                "spec.database.storage and spec.database.resources have no effect on an external database; remove them",
            ));
        }
        require_keys(refs, "spec.database.secretRef", &secret.name, &["username", "password"])?;
        return Ok(Database {
            host: server.host.clone(),
            port: server.port,
            name,
            tls: server.tls,
            secret_name: Some(secret.name),
            provider: DatabaseProvider::External,
        });
    }
    if class.database.provider == class::DatabaseProvider::Aurora {
        if wanted.storage.is_some() || wanted.resources.is_some() || wanted.secret_ref.is_some() {
            return Err(Invalid::new(
                Reason::SpecInvalid,
                "spec.database.storage, resources and secretRef have no effect on Aurora, whose storage grows by itself; \
                 remove them, and set capacity or instanceClass instead",
            ));
        }
        return Ok(Database {
            host: String::new(),
            port: 3306,
            name,
            tls: managed::aurora_tls(class),
            secret_name: None,
            provider: DatabaseProvider::Aurora,
        });
    }
    if let Some(field) = managed::aurora_field(&wanted) {
        return Err(Invalid::new(
            Reason::SpecInvalid,
            format!("spec.database.{field} is for classes with Aurora; remove it"),
        ));
    }
    if wanted.secret_ref.is_some() {
        return Err(Invalid::new(
            Reason::SpecInvalid,
            "spec.database.secretRef is for classes with an external database; remove it, the operator makes the login itself",
        ));
    }
    let own = object_name(&site.name_any(), Component::Database);
    Ok(Database {
        host: own.clone(),
        port: 3306,
        name,
        tls: class::DatabaseTls::Required,
        secret_name: Some(own),
        provider: DatabaseProvider::InCluster {
            image: defaults.database.clone(),
            volume: Volume {
                storage: storage("spec.database.storage", wanted.storage.as_deref(), class.limits.as_ref())?,
                storage_class_name: class.database.storage_class_name.clone(),
                access_mode: AccessMode::ReadWriteOnce,
            },
            resources: resources(
                "spec.database.resources",
                wanted.resources.as_ref(),
                &Amounts { request: ("100m", "256Mi"), memory_limit: "512Mi" },
            )?,
        },
    })
}

fn storage(field: &str, wanted: Option<&str>, limits: Option<&class::Limits>) -> Result<String, Invalid> {
    let limit = limits.and_then(|limits| limits.storage.as_deref());
    let storage = match (wanted, limit) {
        (Some(wanted), _) => wanted,
        // A default above the limit would make every site of the class invalid for a value that nobody wrote.
        (None, Some(limit)) if quantity::milli(limit) < quantity::milli(DEFAULT_STORAGE) => limit,
        (None, _) => DEFAULT_STORAGE,
    };
    if let Some(limit) = limit
        && quantity::milli(storage) > quantity::milli(limit)
    {
        return Err(Invalid::new(
            Reason::LimitExceeded,
            format!("{field} is {storage}; the class allows at most {limit}"),
        ));
    }
    Ok(storage.into())
}

fn web(site: &WordPressSite, class: &WordPressClassSpec) -> Result<Web, Invalid> {
    let wanted = site.spec.web.clone().unwrap_or_default();
    let scaling = match &wanted.autoscaling {
        Some(it) => Scaling::Automatic { min: it.min, max: it.max, target_cpu: it.target_cpu_utilization },
        None => Scaling::Fixed(wanted.replicas.unwrap_or(1)),
    };
    let (field, most) = match scaling {
        Scaling::Fixed(replicas) => ("spec.web.replicas", replicas),
        Scaling::Automatic { max, .. } => ("spec.web.autoscaling.max", max),
    };
    if let Some(limit) = class.limits.as_ref().and_then(|limits| limits.replicas)
        && most > limit
    {
        return Err(Invalid::new(
            Reason::LimitExceeded,
            format!("{field} is {most}; the class allows at most {limit}"),
        ));
    }
    if most > 1 && class.media.provider == MediaProvider::Volume && class.media.access_mode == AccessMode::ReadWriteOnce
    {
        return Err(Invalid::new(
            Reason::VolumeNotShareable,
            format!(
                "{field} is {most}, but the class keeps uploads on a ReadWriteOnce volume, which one node alone can mount; \
                 use 1, or a class whose media.accessMode is ReadWriteMany"
            ),
        ));
    }
    let php = wanted.php.unwrap_or_default();
    let php_memory_limit_bytes =
        bytes("spec.web.php.memoryLimit", php.memory_limit.as_deref(), DEFAULT_PHP_MEMORY_LIMIT, (32 << 20, 8 << 30))?;
    let upload_max_size_bytes = bytes(
        "spec.web.php.uploadMaxSize",
        php.upload_max_size.as_deref(),
        DEFAULT_UPLOAD_MAX_SIZE,
        (1 << 20, 8 << 30),
    )?;
    let page_cache = wanted.page_cache.unwrap_or_default();
    Ok(Web {
        scaling,
        resources: resources(
            "spec.web.resources",
            wanted.resources.as_ref(),
            &Amounts { request: ("100m", "256Mi"), memory_limit: "512Mi" },
        )?,
        php_memory_limit_bytes,
        upload_max_size_bytes,
        max_execution_seconds: php.max_execution_time_seconds.unwrap_or(DEFAULT_MAX_EXECUTION_SECONDS),
        workers: php.workers,
        page_cache_ttl_seconds: page_cache.enabled.then_some(page_cache.ttl_seconds),
        node_selector: wanted.node_selector,
        tolerations: wanted.tolerations,
        affinity: wanted.affinity,
        topology_spread_constraints: wanted.topology_spread_constraints,
        env: wanted.env,
    })
}

fn bytes(field: &str, wanted: Option<&str>, default: &str, (least, most): (i64, i64)) -> Result<i64, Invalid> {
    let text = wanted.unwrap_or(default);
    match quantity::units(text) {
        Some(bytes) if (least..=most).contains(&bytes) => Ok(bytes),
        _ => Err(Invalid::new(
            Reason::SpecInvalid,
            format!("{field} is {text:?}; it must be a size from {}Mi to {}Gi", least >> 20, most >> 30),
        )),
    }
}

struct Amounts {
    request: (&'static str, &'static str),
    memory_limit: &'static str,
}

/// The wanted amounts, completed. A memory limit is always set: the number of PHP workers and the size of the buffer
/// pool follow from it, and a site without one could take its node's memory. A CPU limit only where it is asked for.
fn resources(field: &str, wanted: Option<&Resources>, default: &Amounts) -> Result<ResourceRequirements, Invalid> {
    let requests = wanted.and_then(|it| it.requests.clone()).unwrap_or_default();
    let limits = wanted.and_then(|it| it.limits.clone()).unwrap_or_default();
    let memory_limit = limits.memory.clone().unwrap_or_else(|| {
        // A request above the default limit means a limit of the same size.
        let request = requests.memory.clone().unwrap_or_default();
        if quantity::milli(&request) > quantity::milli(default.memory_limit) {
            request
        } else {
            default.memory_limit.into()
        }
    });
    let memory_request = requests.memory.clone().unwrap_or_else(|| {
        if quantity::milli(default.request.1) > quantity::milli(&memory_limit) {
            memory_limit.clone()
        } else {
            default.request.1.into()
        }
    });
    let cpu_request = requests.cpu.clone().or_else(|| limits.cpu.clone()).unwrap_or_else(|| default.request.0.into());
    let completed = [
        ResourceAmounts { cpu: Some(cpu_request), memory: Some(memory_request) },
        ResourceAmounts { cpu: limits.cpu, memory: Some(memory_limit) },
    ];
    for (name, request, limit) in
        [("cpu", &completed[0].cpu, &completed[1].cpu), ("memory", &completed[0].memory, &completed[1].memory)]
    {
        if let (Some(request), Some(limit)) = (request, limit)
            && quantity::milli(request) > quantity::milli(limit)
        {
            return Err(Invalid::new(
                Reason::SpecInvalid,
                format!(
                    "{field}: the {name} request {request} is above the limit {limit}; a request may be at most the limit"
                ),
            ));
        }
    }
    let [requests, limits] = completed.map(|amounts| {
        let pairs = [("cpu", amounts.cpu), ("memory", amounts.memory)];
        pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Quantity(value?)))).collect()
    });
    Ok(ResourceRequirements { requests: Some(requests), limits: Some(limits), ..ResourceRequirements::default() })
}

/// The API server refuses a route with more: <https://gateway-api.sigs.k8s.io/reference/spec/#httproutespec>.
const MOST_HOSTNAMES_OF_A_ROUTE: usize = 16;

fn exposure(class: &class::Exposure, domains: usize) -> Result<Exposure, Invalid> {
    if class.kind == ExposureType::Gateway && domains > MOST_HOSTNAMES_OF_A_ROUTE {
        return Err(Invalid::new(
            Reason::SpecInvalid,
            format!(
                "spec.domains has {domains} entries; the class exposes sites by an HTTPRoute, which takes at most {MOST_HOSTNAMES_OF_A_ROUTE}"
            ),
        ));
    }
    Ok(match class.kind {
        ExposureType::None => Exposure::None,
        ExposureType::Ingress => Exposure::Ingress(class.ingress.clone().unwrap_or_default()),
        ExposureType::Gateway => Exposure::Gateway(class.gateway.clone().ok_or_else(|| {
            Invalid::new(Reason::SpecInvalid, "the class has exposure.type Gateway without exposure.gateway")
        })?),
    })
}

fn url(host: &str, class: &WordPressClassSpec) -> String {
    let exposure = &class.exposure;
    let in_front = match exposure.kind {
        // Visitors meet the distribution, whatever is behind it.
        _ if class.cdn.provider == CdnProvider::CloudFront => return format!("https://{host}"),
        ExposureType::Gateway => UrlScheme::Https,
        ExposureType::Ingress if exposure.ingress.as_ref().is_some_and(|it| it.tls.is_some()) => UrlScheme::Https,
        ExposureType::Ingress | ExposureType::None => UrlScheme::Http,
    };
    let (scheme, own_port) = match exposure.url_scheme.unwrap_or(in_front) {
        UrlScheme::Http => ("http", 80),
        UrlScheme::Https => ("https", 443),
    };
    match exposure.port {
        Some(port) if port != own_port => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    }
}

fn check_time_zone(name: &str) -> Result<(), Invalid> {
    jiff::tz::TimeZone::get(name).map(drop).map_err(|_| {
        Invalid::new(
            Reason::SpecInvalid,
            format!(
                "spec.timeZone {name:?} is not in the IANA time zone database; use a name such as Asia/Tokyo or UTC"
            ),
        )
    })
}

mod managed;
#[cfg(test)]
mod tests;
