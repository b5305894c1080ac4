//! How the template of a stack has to be, so that the data fares as the policy says when the stack is deleted.

use serde_json::{Map, Value, json};

use crate::api::digest::digest;
use crate::api::site::DeletionPolicy;
use crate::cloudformation::guard::{self, HANDLE};
use crate::cloudformation::port::StackResource;
use crate::cloudformation::stack::REVISION_OUTPUT;

/// What becomes of a resource of a type when its stack is deleted; `None`: what its template says, or the default.
fn wanted(kind: &str, policy: DeletionPolicy) -> Option<&'static str> {
    match (policy, kind) {
        (DeletionPolicy::Retain, _) => guard::holds_data(kind).then_some("Retain"),
        (DeletionPolicy::Snapshot, "AWS::RDS::DBCluster") => Some("Snapshot"),
        // A snapshot without its key is noise.
        (DeletionPolicy::Snapshot, "AWS::S3::Bucket" | "AWS::KMS::Key") => Some("Retain"),
        (DeletionPolicy::Snapshot | DeletionPolicy::Delete, _) => Some("Delete"),
    }
}

/// What AWS does without the attribute:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>.
fn default(resource: &Value) -> &'static str {
    match resource["Type"].as_str() {
        Some("AWS::RDS::DBCluster") => "Snapshot",
        Some("AWS::RDS::DBInstance") if resource["Properties"]["DBClusterIdentifier"].is_null() => "Snapshot",
        _ => "Delete",
    }
}

fn effective(resource: &Value) -> &str {
    resource["DeletionPolicy"].as_str().unwrap_or_else(|| default(resource))
}

/// Whether a resource that holds data would be kept as the policy asks by the live template as it is.
#[must_use]
pub fn is_kept(live: &Value, resource: &StackResource, policy: DeletionPolicy) -> bool {
    let stands = effective(&live["Resources"][&resource.logical_id]);
    match wanted(&resource.kind, policy) {
        Some("Retain") => stands.starts_with("Retain"),
        Some("Snapshot") => stands == "Snapshot" || stands.starts_with("Retain"),
        _ => true,
    }
}

/// The template that fits the policy; `None`: the live one does. Policies of deletion are changed by a real update alone,
/// so the handle that marks the revision gives way to another:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>.
#[must_use]
pub fn prepare_for_deletion(live: &Value, policy: DeletionPolicy) -> Option<Value> {
    let mut fitting = live.clone();
    let resources = fitting["Resources"].as_object_mut()?;
    for resource in resources.values_mut() {
        let Some(wanted) = wanted(resource["Type"].as_str().unwrap_or_default(), policy) else { continue };
        if effective(resource) != wanted {
            resource["DeletionPolicy"] = json!(wanted);
        }
        let off = if resource["Type"] == "AWS::Cognito::UserPool" { json!("INACTIVE") } else { json!(false) };
        // Whatever it is now, a reference included.
        if let Some(protection) = resource.pointer_mut("/Properties/DeletionProtection") {
            *protection = off;
        }
    }
    if fitting == *live {
        return None;
    }
    mark(&mut fitting);
    Some(fitting)
}

/// Gives the template its own revision, so that it is a real update and what is live says so.
fn mark(template: &mut Value) {
    let revision = digest(template);
    let text = template.to_string();
    if let Some(resources) = template["Resources"].as_object_mut() {
        // A handle that something refers to stays: its name as a value of its own would be left dangling.
        let is_spare = |id: &str, it: &Value| it["Type"] == HANDLE && !text.contains(&format!(":\"{id}\""));
        let kept: Map<_, _> =
            resources.iter().filter(|(id, it)| !is_spare(id, it)).map(|(id, it)| (id.clone(), it.clone())).collect();
        *resources = kept;
        resources.insert(format!("Retire{revision}"), json!({"Type": HANDLE}));
    }
    if let Some(output) = template["Outputs"].get_mut(REVISION_OUTPUT) {
        output["Value"] = json!(revision);
    }
}

/// The stack policy that refuses to replace or delete what holds data.
#[must_use]
pub fn protective_policy(template: &Value) -> Value {
    let resources = template["Resources"].as_object().into_iter().flatten();
    let protected: Vec<_> = resources
        .filter(|(_, it)| guard::is_protected(it["Type"].as_str().unwrap_or_default()))
        .map(|(id, _)| format!("LogicalResourceId/{id}"))
        .collect();
    let mut statements = vec![json!({"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"})];
    if !protected.is_empty() {
        statements.push(json!({
            "Effect": "Deny",
            "Action": ["Update:Replace", "Update:Delete"],
            "Principal": "*",
            "Resource": protected,
        }));
    }
    json!({ "Statement": statements })
}

#[cfg(test)]
mod tests;
