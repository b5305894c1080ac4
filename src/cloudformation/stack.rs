//! A stack as it should be: what the unit builders make and the engine brings about.

use std::collections::BTreeMap;

use serde_json::Value;

/// The output with the digest of what is live: what is live is what the stack says, also after a rollback.
pub const REVISION_OUTPUT: &str = "Revision";
/// On every stack: the uid of the site whose data it holds. After an adoption that of the deleted site.
pub const SITE_UID_TAG: &str = "tairyo.dev/site-uid";
/// On every stack: the unit.
pub const UNIT_TAG: &str = "tairyo.dev/unit";
/// On every stack: which cluster's operator made it.
pub const CLUSTER_TAG: &str = "tairyo.dev/cluster";
/// On every stack: the namespace of the site.
pub const NAMESPACE_TAG: &str = "tairyo.dev/namespace";
/// On every stack: the name of the site.
pub const NAME_TAG: &str = "tairyo.dev/site";

/// A stack as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredStack {
    /// The unit, such as `data`.
    pub unit: String,
    /// Where it stands.
    pub region: String,
    /// Its deterministic name, at most 128 characters.
    pub name: String,
    /// The template. It has the output [`REVISION_OUTPUT`] with [`DesiredStack::digest`] as its value.
    pub template: Value,
    /// The value of every parameter.
    pub parameters: BTreeMap<String, String>,
    /// Every tag, those of the owner among them.
    pub tags: BTreeMap<String, String>,
    /// What updates may do to which resource; for units that hold data.
    pub stack_policy: Option<Value>,
    /// The service role.
    pub service_role_arn: Option<String>,
    /// The digest of template, parameters and tags: 16 hexadecimal digits.
    pub digest: String,
}
