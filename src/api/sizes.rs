//! What a site asks of managed parts: sizes, and which changes wait for a person.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Which changes of managed parts wait for a person.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema, strum::IntoStaticStr,
)]
pub enum ChangeApproval {
    /// Only those that would replace or remove what holds data.
    Automatic,
    /// Those that would replace or remove any resource.
    #[default]
    Replacements,
    /// All.
    Always,
}

/// The capacity range of an Aurora Serverless v2 cluster.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!isQuantity(self.min) || !isQuantity(self.max) || quantity(self.min).compareTo(quantity(self.max)) <= 0").message("min must not be larger than max"))]
pub struct Capacity {
    /// The fewest Aurora capacity units, in steps of 0.5. 0 pauses the cluster while nobody uses it; the first visitor
    /// afterwards waits about 15 seconds.
    #[schemars(length(min = 1, max = 5))]
    #[x_kube(validation = Rule::new("self.matches('^(([0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])([.][05])?|256([.]0)?)$')")
        .message("must be a number from 0 to 256 in steps of 0.5, such as \"0.5\""))]
    pub min: String,
    /// The most Aurora capacity units, in steps of 0.5, at least 1.
    #[schemars(length(min = 1, max = 5))]
    #[x_kube(validation = Rule::new("self.matches('^(([1-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])([.][05])?|256([.]0)?)$')")
        .message("must be a number from 1 to 256 in steps of 0.5, such as \"4\""))]
    pub max: String,
}

/// The search of a site.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Search {
    /// The size of an `OpenSearch` domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<SearchCapacity>,
}

/// The size of an `OpenSearch` domain.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchCapacity {
    /// The type of the data nodes.
    #[serde(default = "default_search_instance_type")]
    #[schemars(length(min = 10, max = 40))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]+[.][a-z0-9]+[.]search$')")
        .message("must be an instance type of OpenSearch such as t3.small.search"))]
    pub instance_type: String,
    /// The number of data nodes; from 2 on they are spread over zones.
    #[serde(default = "default_search_instances")]
    #[schemars(range(min = 1, max = 15))]
    pub instances: i32,
    /// The volume of each data node in GiB.
    #[serde(default = "default_search_storage", rename = "storageGiB")]
    #[schemars(range(min = 10, max = 3072))]
    pub storage_gib: i32,
}

impl Default for SearchCapacity {
    fn default() -> Self {
        Self {
            instance_type: default_search_instance_type(),
            instances: default_search_instances(),
            storage_gib: default_search_storage(),
        }
    }
}

fn default_search_instance_type() -> String {
    "t3.small.search".into()
}

fn default_search_instances() -> i32 {
    1
}

fn default_search_storage() -> i32 {
    10
}

/// The distribution of a site.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cdn {
    /// From which of `CloudFront`'s places pages are served: all, without the dearest, or North America and Europe alone.
    #[serde(default)]
    pub price_class: PriceClass,
    /// Which secret `CloudFront` proves itself with to the way into the cluster. One more rotates it: the pods accept the old
    /// and the new one meanwhile.
    #[serde(default = "first_generation")]
    #[schemars(range(min = 1, max = 1_000_000))]
    #[x_kube(validation = Rule::new("self == oldSelf || self == oldSelf + 1")
        .message("originSecretGeneration can be raised by one at a time, since pods know the secret in use and the next one"))]
    pub origin_secret_generation: i32,
}

impl Default for Cdn {
    fn default() -> Self {
        Self { price_class: PriceClass::default(), origin_secret_generation: first_generation() }
    }
}

fn first_generation() -> i32 {
    1
}

/// From which of `CloudFront`'s places pages are served.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema, strum::IntoStaticStr,
)]
pub enum PriceClass {
    /// From all of them.
    #[default]
    #[serde(rename = "All")]
    #[strum(serialize = "PriceClass_All")]
    All,
    /// Without South America and Oceania.
    #[serde(rename = "200")]
    #[strum(serialize = "PriceClass_200")]
    TwoHundred,
    /// From North America and Europe.
    #[serde(rename = "100")]
    #[strum(serialize = "PriceClass_100")]
    OneHundred,
}
