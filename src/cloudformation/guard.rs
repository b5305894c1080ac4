//! Which changes wait for a person: those that could cost data, always, and those that the site or its class wants to
//! be asked about.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::create_only::CreateOnly;
use super::port::ResourceChange;
use super::resolve::Resolver;
use crate::api::sizes::ChangeApproval;
use crate::api::status::Change;

/// The properties of a type that replace it when they change, such as [`super::create_only::properties`].
pub type Properties = fn(&str) -> Option<&'static CreateOnly>;

/// What holds data. Its replacement or removal is never automatic, and a policy decides what becomes of it at the end.
const DATA: [&str; 6] = [
    "AWS::RDS::DBCluster",
    "AWS::S3::Bucket",
    "AWS::OpenSearchService::Domain",
    "AWS::KMS::Key",
    "AWS::Cognito::UserPool",
    "AWS::SecretsManager::Secret",
];

/// What takes data with it: a new subnet group is a new cluster, a new network is a new everything.
const CARRIES_DATA: [&str; 2] = ["AWS::RDS::DBSubnetGroup", "AWS::EC2::VPC"];

/// Each revision of a template has one of its own, so it comes and goes with every change and means nothing.
pub const HANDLE: &str = "AWS::CloudFormation::WaitConditionHandle";

/// Whether resources of this type hold data.
#[must_use]
pub fn holds_data(kind: &str) -> bool {
    DATA.contains(&kind)
}

/// Whether resources of this type are never replaced or removed without a person's approval.
#[must_use]
pub fn is_protected(kind: &str) -> bool {
    holds_data(kind) || CARRIES_DATA.contains(&kind)
}

/// Whether a change may be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Go,
    /// A person must allow these changes.
    Ask(Vec<Change>),
}

/// Judges a change by what the change set says and by the `hazards` that we found ourselves.
#[must_use]
pub fn verdict(changes: &[ResourceChange], hazards: &[Change], approval: ChangeApproval) -> Verdict {
    let asked = |change: &&ResourceChange| match approval {
        _ if is_protected(&change.kind) && ends(change) => true,
        ChangeApproval::Automatic => false,
        ChangeApproval::Replacements => change.kind != HANDLE && surely_ends(change),
        ChangeApproval::Always => change.kind != HANDLE,
    };
    let mut asks: Vec<Change> = changes.iter().filter(asked).map(change).collect();
    for hazard in hazards {
        // What the change set says is the better account of the two.
        if !asks.iter().any(|it| it.resource == hazard.resource) {
            asks.push(hazard.clone());
        }
    }
    asks.sort_by(|one, other| one.resource.cmp(&other.resource));
    if asks.is_empty() { Verdict::Go } else { Verdict::Ask(asks) }
}

/// Whether the physical resource may be gone afterwards. What is not said to be safe is not.
fn ends(change: &ResourceChange) -> bool {
    match change.action.as_str() {
        "Add" | "Import" => false,
        "Modify" => change.replacement.as_deref() != Some("False"),
        _ => true,
    }
}

/// Whether the physical resource is gone afterwards. What may be replaced, such as a policy whose text refers to another
/// resource, mostly is not: asked about all of that, a person would learn to approve without reading.
fn surely_ends(change: &ResourceChange) -> bool {
    ends(change) && (change.action != "Modify" || change.replacement.as_deref() == Some("True"))
}

/// Whether a stack policy that protects data would refuse one of these changes.
#[must_use]
pub fn needs_lifted_policy(changes: &[Change]) -> bool {
    let ends = |it: &Change| it.action != "Add" && it.replacement.as_deref() != Some("False");
    changes.iter().any(|it| is_protected(&it.kind) && ends(it))
}

fn change(change: &ResourceChange) -> Change {
    let properties: BTreeSet<_> = change.properties.iter().cloned().collect();
    Change {
        action: change.action.clone(),
        resource: change.logical_id.clone(),
        kind: change.kind.clone(),
        replacement: change.replacement.clone(),
        properties: properties.into_iter().collect(),
    }
}

/// A template with the values of its parameters.
#[derive(Clone, Copy, Debug)]
pub struct Revision<'a> {
    /// The template.
    pub template: &'a Value,
    /// The values of its parameters.
    pub parameters: &'a BTreeMap<String, String>,
}

/// Protected resources that the way from `live` to `desired` would remove or replace, whatever a change set says.
#[must_use]
pub fn hazards(live: Revision<'_>, desired: Revision<'_>, properties: Properties) -> Vec<Change> {
    let (live, desired) = (Resolver::new(live), Resolver::new(desired));
    let mut hazards = Vec::new();
    for (logical_id, before) in live.resources() {
        let kind = before["Type"].as_str().unwrap_or_default();
        if !is_protected(kind) || !live.exists(before) {
            continue;
        }
        let hazard = |action: &str, replacement: Option<&str>, properties: Vec<String>| Change {
            action: action.into(),
            resource: logical_id.clone(),
            kind: kind.into(),
            replacement: replacement.map(Into::into),
            properties,
        };
        let Some(after) = desired.resource(logical_id).filter(|after| desired.exists(after)) else {
            hazards.push(hazard("Remove", None, Vec::new()));
            continue;
        };
        if after["Type"].as_str() != Some(kind) {
            hazards.push(hazard("Modify", Some("True"), vec!["Type".into()]));
            continue;
        }
        let Some(known) = properties(kind) else { continue };
        let differs = |path: &&String| live.property(before, path) != desired.property(after, path);
        let always: Vec<String> = known.create_only.iter().filter(differs).cloned().collect();
        let perhaps: Vec<String> = known.conditional.iter().filter(differs).cloned().collect();
        if !always.is_empty() {
            hazards.push(hazard("Modify", Some("True"), [always, perhaps].concat()));
        } else if !perhaps.is_empty() {
            hazards.push(hazard("Modify", Some("Conditional"), perhaps));
        }
    }
    hazards
}

/// The changes in one sentence.
#[must_use]
pub fn sentence(changes: &[Change]) -> String {
    let one = |it: &Change| {
        let what = match (it.action.as_str(), it.replacement.as_deref()) {
            ("Remove" | "Delete", _) => "would be removed",
            ("Add" | "Create", _) => "would be created",
            (_, Some("True")) => "would be replaced",
            (_, Some("False")) => "would be changed",
            (_, Some("Conditional")) => "may be replaced",
            _ => "would be changed, perhaps replaced",
        };
        let properties =
            if it.properties.is_empty() { String::new() } else { format!(" ({})", it.properties.join(", ")) };
        format!("{} {} {what}{properties}", it.kind, it.resource)
    };
    changes.iter().map(one).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
