//! The status of a site: the contract with everything that reads it.

use std::collections::BTreeMap;

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
    /// The site's `CloudFormation` stacks, one for each unit. It is also the operator's memory: a unit that stands here is
    /// looked for when the site is deleted, whatever the spec and the class say by then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub units: Vec<UnitStatus>,
    /// The change that waits for the annotation tairyo.dev/approve with its token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// The DNS records to create by hand, for domains outside of the class' hosted zones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub dns_records: Vec<DnsRecord>,
    /// What the managed parts are called: bucket, distribution, endpoints. Never a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
    /// Where and as whom the units were made, so that they can be deleted when the class is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsIdentity>,
    /// The requests by annotation that have been carried out. A request is done once its value stands here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled_requests: Option<HandledRequests>,
}

/// For each request the value of its annotation that was carried out last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HandledRequests {
    /// Of tairyo.dev/reconcile-requested-at: everything was looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub reconcile: Option<String>,
    /// Of tairyo.dev/restart-requested-at: the web pods are replaced, or begin with it where there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub restart: Option<String>,
    /// Of tairyo.dev/clear-cache-requested-at: the web pods, and their page caches with them, are replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub clear_cache: Option<String>,
    /// Of tairyo.dev/retry-requested-at: what had failed by then is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub retry: Option<String>,
}

/// Where and as whom the units of a site were made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsIdentity {
    /// The class' region.
    pub region: String,
    /// The role that the operator assumes; without it its own identity.
    #[serde(default, rename = "roleARN", skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The external id for that role.
    #[serde(default, rename = "externalID", skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The endpoint instead of AWS' own.
    #[serde(default, rename = "endpointURL", skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
}

/// One unit: a `CloudFormation` stack with the parts that live and die together.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnitStatus {
    /// The unit: network, identity, data, media, search, certificate or edge.
    pub name: String,
    /// The region of the stack.
    pub region: String,
    /// The name of the stack.
    pub stack_name: String,
    /// The id (ARN) of the stack, once it exists.
    #[serde(default, rename = "stackID", skip_serializing_if = "Option::is_none")]
    pub stack_id: Option<String>,
    /// `CloudFormation`'s status of the stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The digest of template, parameters and tags that the last operation was started for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How far an operation is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Why the last operation failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<UnitFailure>,
    /// The last look for changes by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftStatus>,
    /// The operation on the stack that was last written down. It is written down before it is begun, so that a crash
    /// and a second try make one operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<UnitOperation>,
    /// How many operations have been written down. It makes each token a new one.
    #[serde(default)]
    pub operations: i32,
    /// Whether the stack policy is, or may be, lifted for an approved change. It is set again once the stack is at rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LiftedPolicy")]
    pub lifted_policy: Option<LiftedPolicy>,
}

/// An operation on a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnitOperation {
    /// What is done.
    pub kind: OperationKind,
    /// The token that `CloudFormation` knows the operation by.
    pub token: String,
    /// When it was written down, as RFC 3339.
    pub time: String,
}

/// What an operation on a stack does.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema, strum::IntoStaticStr,
)]
pub enum OperationKind {
    /// The stack is created.
    #[default]
    Create,
    /// A change set is made and carried out.
    Update,
    /// Nothing: the change set would have changed nothing.
    Settle,
    /// A rollback that failed is continued.
    ContinueRollback,
    /// A change set makes the stack fit to be deleted.
    Prepare,
    /// The stack is deleted.
    Delete,
}

/// How far the stack policy is lifted for an approved change.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema, strum::IntoStaticStr,
)]
pub enum LiftedPolicy {
    /// It is to be lifted next, and may be already.
    #[default]
    Lifting,
    /// It is lifted.
    Lifted,
}

/// How far an operation on a stack is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The resources that are done.
    pub done: i32,
    /// All of them.
    pub total: i32,
    /// The type of one that is being worked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
}

/// Why an operation on a stack failed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnitFailure {
    /// The logical id of the resource that failed first.
    pub resource: String,
    /// Its type, such as `AWS::RDS::DBCluster`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What `CloudFormation` says.
    pub reason: String,
    /// When it failed, as RFC 3339.
    pub time: String,
    /// How many operations for this digest have failed.
    pub attempts: i32,
    /// The token of the operation that failed last.
    #[serde(default)]
    pub token: String,
}

/// What was found out of changes by hand.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftStatus {
    /// When it was looked for, as RFC 3339.
    pub time: String,
    /// The id of the detection while it runs.
    #[serde(default, rename = "detectionID", skip_serializing_if = "Option::is_none")]
    pub detection_id: Option<String>,
    /// The resources that differ from the template, as logical ids, with what was done to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub resources: Vec<String>,
}

/// A change that waits for a person.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The unit that would be changed.
    pub unit: String,
    /// The change set, where `CloudFormation` has made one.
    #[serde(default, rename = "changeSetID", skip_serializing_if = "Option::is_none")]
    pub change_set_id: Option<String>,
    /// The value of the annotation tairyo.dev/approve that allows exactly this change.
    pub token: String,
    /// What would be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub changes: Vec<Change>,
}

/// One resource's part in a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Add, Modify, Remove, Import or Dynamic, as `CloudFormation` says; Create and Delete of a whole stack.
    pub action: String,
    /// The logical id of the resource.
    pub resource: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it would be replaced: True, False or Conditional.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// The properties that would change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub properties: Vec<String>,
}

/// A DNS record to create by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DnsRecord {
    /// The name of the record.
    pub name: String,
    /// Its type, such as CNAME.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its value.
    pub value: String,
    /// What it is for.
    pub purpose: String,
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
