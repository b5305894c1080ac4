//! The AWS units of a site: which there are, in which order, and the pure builders of their templates.
//!
//! One unit is one `CloudFormation` stack of one owner: what lives and dies together. Outputs travel from stack to stack as
//! parameters that the operator passes on; an export would lock the stack that it comes from.

use std::collections::BTreeMap;

mod behaviours;
mod certificate;
pub mod data;
pub mod dns;
pub mod edge;
pub mod graph;
mod identity;
mod media;
mod network;
pub mod owner;
mod policy;
pub mod request;
mod search;

pub use owner::Owner;
pub use request::Request;

/// A unit. The order of the variants is an order in which every unit comes after what it needs.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    strum::IntoStaticStr,
    strum::Display,
    strum::EnumIter,
    strum::EnumString,
)]
#[strum(serialize_all = "lowercase")]
pub enum Unit {
    /// VPC, subnets and routes, where the class brings none.
    Network,
    /// The role of the site's pods, without rights of its own.
    Identity,
    /// The certificate of the site's domains, in us-east-1.
    Certificate,
    /// The Aurora cluster.
    Data,
    /// The bucket of uploads.
    Media,
    /// The `OpenSearch` domain.
    Search,
    /// The `CloudFront` distribution.
    Edge,
}

/// The outputs of the units that have some.
pub type Outputs = BTreeMap<Unit, BTreeMap<String, String>>;

/// Where the certificates of `CloudFront` have to be:
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html>.
pub const CLOUD_FRONT_REGION: &str = "us-east-1";

#[cfg(test)]
mod tests;
