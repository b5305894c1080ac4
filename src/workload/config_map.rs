//! What the pods read as configuration: data, never code. The readers are in `runtime/wordpress`.

use k8s_openapi::api::core::v1::ConfigMap;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::metadata::metadata;
use crate::api::names::Component;
use crate::site::model::Site;

/// The key of what every container of the site reads.
pub const SITE_FILE: &str = "site.json";
/// The key of what the installation reads besides.
pub const INSTALL_FILE: &str = "install.json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SiteFile<'a> {
    schema_version: i32,
    url: &'a str,
    domains: &'a [String],
    locale: &'a str,
    time_zone: &'a str,
    table_prefix: &'a str,
    database: DatabaseFile<'a>,
    php: PhpFile,
    page_cache: PageCacheFile,
}

#[derive(Serialize)]
struct DatabaseFile<'a> {
    host: &'a str,
    port: i32,
    name: &'a str,
    tls: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhpFile {
    memory_limit_bytes: i64,
    upload_max_size_bytes: i64,
    max_execution_seconds: i32,
    workers: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageCacheFile {
    enabled: bool,
    ttl_seconds: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InstallFile<'a> {
    schema_version: i32,
    title: &'a str,
    admin: AdminFile<'a>,
}

#[derive(Serialize)]
struct AdminFile<'a> {
    username: &'a str,
    email: &'a str,
}

/// The configuration of `site`.
#[must_use]
pub fn config_map(site: &Site) -> ConfigMap {
    let install = InstallFile {
        schema_version: 1,
        title: &site.title,
        admin: AdminFile { username: &site.admin.username, email: &site.admin.email },
    };
    ConfigMap {
        metadata: metadata(site, Component::Config),
        data: Some([(SITE_FILE.to_owned(), site_file(site)), (INSTALL_FILE.to_owned(), json(&install))].into()),
        ..ConfigMap::default()
    }
}

/// The digest that makes pods restart when what nginx and php-fpm read at their start has changed.
#[must_use]
pub fn digest(site: &Site) -> String {
    Sha256::digest(site_file(site)).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn site_file(site: &Site) -> String {
    json(&SiteFile {
        schema_version: 1,
        url: &site.url,
        domains: &site.domains,
        locale: &site.locale,
        time_zone: &site.time_zone,
        table_prefix: &site.table_prefix,
        database: DatabaseFile {
            host: &site.database.host,
            port: site.database.port,
            name: &site.database.name,
            tls: site.database.tls.into(),
        },
        php: PhpFile {
            memory_limit_bytes: site.web.php_memory_limit_bytes,
            upload_max_size_bytes: site.web.upload_max_size_bytes,
            max_execution_seconds: site.web.max_execution_seconds,
            workers: site.web.workers.unwrap_or(0),
        },
        page_cache: PageCacheFile {
            enabled: site.web.page_cache_ttl_seconds.is_some(),
            ttl_seconds: site.web.page_cache_ttl_seconds.unwrap_or(0),
        },
    })
}

fn json(file: &impl Serialize) -> String {
    serde_json::to_string_pretty(file).expect("these structs hold strings and numbers only")
}
