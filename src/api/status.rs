//! The status of a site: the contract with everything that reads it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What is true of the site, as last seen. Nothing in it ticks: an unchanged site has an unchanged status.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WordPressSiteStatus {
    /// The `metadata.generation` that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling, Stalled, and one condition for each part of the site. `tairyo.dev` documents the reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The canonical address, without a trailing slash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where an administrator logs in.
    #[serde(default, rename = "adminURL", skip_serializing_if = "Option::is_none")]
    pub admin_url: Option<String>,
    /// The class that serves the site, also where the spec names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
    /// The versions that serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The number of web pods, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// The label selector of the web pods, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
}

/// The versions of what serves.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// WordPress' version, such as `7.1.3`, as the installed site reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wordpress: Option<String>,
    /// The version of WordPress' database schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_schema: Option<String>,
    /// The image whose schema the database has and whose pods serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}
