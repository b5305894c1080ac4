//! The configuration that the pods read: data, never code. The image refuses an unknown or missing key.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde::Serialize;

use super::gateway::{self, GATEWAY_FILE};
use super::metadata::metadata;
use crate::api::class::DatabaseTls;
use crate::api::digest::digest_of_texts;
use crate::api::names::Component;
use crate::site::model::{Media, Site};

/// The key, and the file in the pods, with everything that serving and tasks need.
pub(super) const SITE_FILE: &str = "site.json";
/// The key, and the file in the install task's pod, with what only the installation needs.
pub(super) const INSTALL_FILE: &str = "install.json";

const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SiteConfiguration<'a> {
    schema_version: u32,
    url: &'a str,
    domains: &'a [String],
    locale: &'a str,
    time_zone: &'a str,
    table_prefix: &'a str,
    database: DatabaseConfiguration<'a>,
    php: PhpConfiguration,
    page_cache: PageCacheConfiguration,
    origin_closed: bool,
    media: MediaConfiguration<'a>,
}

/// Where uploads are kept.
#[derive(Serialize)]
struct MediaConfiguration<'a> {
    store: &'a str,
}

#[derive(Serialize)]
struct DatabaseConfiguration<'a> {
    host: &'a str,
    port: i32,
    name: &'a str,
    tls: DatabaseTls,
    credentials: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhpConfiguration {
    memory_limit_bytes: i64,
    upload_max_size_bytes: i64,
    max_execution_seconds: i32,
    workers: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageCacheConfiguration {
    enabled: bool,
    ttl_seconds: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InstallConfiguration<'a> {
    schema_version: u32,
    title: &'a str,
    admin: AdminConfiguration<'a>,
}

#[derive(Serialize)]
struct AdminConfiguration<'a> {
    username: &'a str,
    email: &'a str,
}

/// The `ConfigMap`.
pub(super) fn config_map(site: &Site) -> ConfigMap {
    let mut data =
        BTreeMap::from([(SITE_FILE.to_owned(), site_file(site)), (INSTALL_FILE.to_owned(), install_file(site))]);
    data.extend(gateway::file(site).map(|file| (GATEWAY_FILE.to_owned(), file)));
    ConfigMap { metadata: metadata(site, Component::Config), data: Some(data), ..ConfigMap::default() }
}

/// The digest of what serving pods read. In their template it restarts them when nginx' or PHP's configuration, which
/// is read at the start, has changed.
pub(super) fn digest_of_site(site: &Site) -> String {
    digest_of_texts(&[&site_file(site), &gateway::file(site).unwrap_or_default()])
}

/// The digest of what the install task reads. In its template it makes a failed try different from the next one.
pub(super) fn digest_of_installation(site: &Site) -> String {
    digest_of_texts(&[&site_file(site), &install_file(site), &gateway::file(site).unwrap_or_default()])
}

fn site_file(site: &Site) -> String {
    json(&SiteConfiguration {
        schema_version: SCHEMA_VERSION,
        url: &site.url,
        domains: &site.domains,
        // What WordPress itself stores for American English.
        locale: if site.locale == "en_US" { "" } else { &site.locale },
        time_zone: &site.time_zone,
        table_prefix: &site.table_prefix,
        database: DatabaseConfiguration {
            host: &site.database.host,
            port: site.database.port,
            name: &site.database.name,
            tls: site.database.tls,
            credentials: if site.database.secret_name.is_some() { "Secret" } else { "Gateway" },
        },
        php: PhpConfiguration {
            memory_limit_bytes: site.web.php_memory_limit_bytes,
            upload_max_size_bytes: site.web.upload_max_size_bytes,
            max_execution_seconds: site.web.max_execution_seconds,
            workers: site.web.workers.unwrap_or(0),
        },
        page_cache: PageCacheConfiguration {
            enabled: site.web.page_cache_ttl_seconds.is_some(),
            ttl_seconds: site.web.page_cache_ttl_seconds.unwrap_or(0),
        },
        origin_closed: site.gateway.as_ref().is_some_and(|gateway| !gateway.origin_secret_arns.is_empty()),
        media: MediaConfiguration {
            store: match site.media {
                Media::Volume(_) => "Volume",
                Media::Bucket => "Gateway",
            },
        },
    })
}

fn install_file(site: &Site) -> String {
    json(&InstallConfiguration {
        schema_version: SCHEMA_VERSION,
        title: &site.title,
        admin: AdminConfiguration { username: &site.admin.username, email: &site.admin.email },
    })
}

/// Indented, since people read it with kubectl.
pub(super) fn json(configuration: &impl Serialize) -> String {
    serde_json::to_string_pretty(configuration).expect("structs of strings and numbers are JSON") + "\n"
}
