//! Rights and fates that units share.

use crate::api::site::DeletionPolicy;
use crate::cloudformation::template::{Fate, Kind, ParameterHandle, Pseudo, Resource, TemplateBuilder, Value, object};

/// The version of the policy language: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html>.
const LANGUAGE: &str = "2012-10-17";

/// A policy of these statements.
pub(super) fn document(statements: impl IntoIterator<Item = Value>) -> Value {
    object! {"Version": LANGUAGE, "Statement": Value::list(statements)}
}

/// A statement that allows `actions` on `resources`, and nothing else.
pub(super) fn allow<const N: usize>(actions: [&'static str; N], resources: impl IntoIterator<Item = Value>) -> Value {
    object! {"Effect": "Allow", "Action": actions, "Resource": Value::list(resources)}
}

/// Gives the role of the site's pods rights on what this unit owns. They live and die with it.
pub(super) fn grant(builder: &mut TemplateBuilder, role_name: String, policy: &'static str, statements: Vec<Value>) {
    let role = builder.parameter("RoleName", Kind::Name, role_name);
    let properties = object! {"Roles": [&role], "PolicyName": policy, "PolicyDocument": document(statements)};
    builder.resource("Rights", Resource::new("AWS::IAM::Policy", properties));
}

/// An ARN of the stack's own account and region, such as that of `es` and `domain/*`.
pub(super) fn arn(service: &'static str, resource: Vec<Value>) -> Value {
    let head = ["arn:".into(), Pseudo::Partition.into(), ":".into(), service.into(), ":".into()];
    let place = [Pseudo::Region.into(), ":".into(), Pseudo::AccountId.into(), ":".into()];
    Value::join("", head.into_iter().chain(place).chain(resource))
}

/// The boundary of a role, where the class has one.
pub(super) fn boundary(builder: &mut TemplateBuilder, arn: Option<&String>) -> Value {
    let parameter = optional(builder, "PermissionsBoundaryArn", arn);
    let is_set = builder.is_set("HasPermissionsBoundary", &parameter);
    Value::only_if(&is_set, Value::from(&parameter))
}

/// A parameter for what may not be there.
pub(super) fn optional(builder: &mut TemplateBuilder, id: &'static str, value: Option<&String>) -> ParameterHandle {
    builder.parameter(id, Kind::OptionalName, value.cloned().unwrap_or_default())
}

/// A group of logs that `CloudWatch` keeps for 30 days. It stays with the data that it tells of.
pub(super) fn log_group(properties: Value, policy: DeletionPolicy) -> Resource {
    companion(Resource::new("AWS::Logs::LogGroup", properties), policy)
}

/// How long logs are kept.
pub(super) const LOG_RETENTION_DAYS: i32 = 30;

/// What a resource with data needs to stand: it stays where the data stays. A group of subnets that were deleted under a
/// retained cluster would stop the deletion of the stack half-way.
pub(super) fn companion(resource: Resource, policy: DeletionPolicy) -> Resource {
    let deleted = match policy {
        DeletionPolicy::Retain => Fate::Retain,
        DeletionPolicy::Snapshot | DeletionPolicy::Delete => Fate::Delete,
    };
    resource.fates(deleted, Fate::Delete)
}
