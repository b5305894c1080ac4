//! What operations do, planned when they begin: which effect at which time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{Effect, FakeSet, FakeStack, Phase, World};
use crate::cloudformation::port::{ResourceChange, StackResource};

/// How long one step of an operation takes.
const STEP: Duration = Duration::from_secs(20);

/// Which properties replace, in this account.
const REPLACES: [(&str, &str); 2] = [("AWS::RDS::DBCluster", "DatabaseName"), ("AWS::S3::Bucket", "BucketName")];

pub(super) struct Plan {
    at: Timestamp,
    token: String,
    effects: Vec<(Timestamp, Effect)>,
}

impl Plan {
    pub fn new(now: Timestamp, token: &str) -> Self {
        Self { at: now, token: token.into(), effects: Vec::new() }
    }

    pub fn into_timeline(self) -> Vec<(Timestamp, Effect)> {
        self.effects
    }

    fn add(&mut self, effect: Effect) {
        self.effects.push((self.at, effect));
    }

    fn stack(&mut self, status: &'static str) {
        let token = self.token.clone();
        self.add(Effect::Stack { status, token });
    }

    fn resource(&mut self, resource: &StackResource, status: &str, reason: Option<&str>) {
        let resource = StackResource { status: status.into(), ..resource.clone() };
        let (reason, token) = (reason.map(Into::into), self.token.clone());
        self.add(Effect::Resource { resource, reason, token });
        self.at += STEP;
    }

    fn appears(&mut self, resource: &StackResource) {
        if let Some(physical) = resource.physical_id.clone() {
            self.add(Effect::Appears { physical, kind: resource.kind.clone() });
        }
    }

    fn goes(&mut self, physical: Option<String>) {
        if let Some(physical) = physical {
            self.add(Effect::Goes { physical });
        }
    }
}

/// The properties with the values of the parameters.
pub(super) fn resolve(value: &Value, parameters: &BTreeMap<String, String>) -> Value {
    match value {
        Value::Object(map) => match map.get("Ref").and_then(Value::as_str).and_then(|name| parameters.get(name)) {
            Some(value) => Value::String(value.clone()),
            None => Value::Object(map.iter().map(|(key, it)| (key.clone(), resolve(it, parameters))).collect()),
        },
        Value::Array(items) => items.iter().map(|it| resolve(it, parameters)).collect(),
        _ => value.clone(),
    }
}

pub(super) fn outputs(stack: &FakeStack) -> BTreeMap<String, String> {
    let outputs = stack.template["Outputs"].as_object().into_iter().flatten();
    let text = |value: &Value| resolve(value, &stack.parameters).as_str().unwrap_or_default().to_owned();
    outputs.map(|(name, output)| (name.clone(), text(&output["Value"]))).collect()
}

fn kind(template: &Value, logical_id: &str) -> String {
    template["Resources"][logical_id]["Type"].as_str().unwrap_or_default().into()
}

fn logical_ids(template: &Value) -> Vec<String> {
    template["Resources"].as_object().into_iter().flatten().map(|(id, _)| id.clone()).collect()
}

/// What AWS does with a resource when it is deleted.
fn deletion_policy(template: &Value, logical_id: &str) -> String {
    let default = if kind(template, logical_id) == "AWS::RDS::DBCluster" { "Snapshot" } else { "Delete" };
    template["Resources"][logical_id]["DeletionPolicy"].as_str().unwrap_or(default).into()
}

impl World {
    pub(super) fn plan_create(&mut self, template: &Value, token: &str) -> Plan {
        let mut plan = Plan::new(self.now, token);
        plan.stack("CREATE_IN_PROGRESS");
        let mut made = Vec::new();
        for logical_id in logical_ids(template) {
            let physical_id = Some(self.physical_id(&logical_id));
            let resource =
                StackResource { kind: kind(template, &logical_id), physical_id, logical_id, status: String::new() };
            plan.resource(&resource, "CREATE_IN_PROGRESS", None);
            if self.fails(Phase::Create, &resource.logical_id) {
                let nothing = StackResource { physical_id: None, ..resource.clone() };
                plan.resource(&nothing, "CREATE_FAILED", Some("scripted"));
                self.plan_rollback_of_create(template, &made, &mut plan);
                return plan;
            }
            plan.appears(&resource);
            plan.resource(&resource, "CREATE_COMPLETE", None);
            made.push(resource);
        }
        plan.stack("CREATE_COMPLETE");
        plan
    }

    fn plan_rollback_of_create(&mut self, template: &Value, made: &[StackResource], plan: &mut Plan) {
        plan.stack("ROLLBACK_IN_PROGRESS");
        let mut end = "ROLLBACK_COMPLETE";
        for resource in made.iter().rev() {
            if deletion_policy(template, &resource.logical_id) == "Retain" {
                plan.resource(resource, "DELETE_SKIPPED", None);
            } else if self.fails(Phase::Rollback, &resource.logical_id) {
                plan.resource(resource, "DELETE_FAILED", Some("scripted"));
                end = "ROLLBACK_FAILED";
            } else {
                plan.goes(resource.physical_id.clone());
                plan.resource(resource, "DELETE_COMPLETE", None);
            }
        }
        plan.stack(end);
    }

    pub(super) fn plan_update(&mut self, stack: &FakeStack, set: &FakeSet, token: &str) -> Plan {
        let mut plan = Plan::new(self.now, token);
        plan.stack("UPDATE_IN_PROGRESS");
        let mut cleanup = Vec::new();
        for change in &set.changes {
            let id = &change.logical_id;
            let before = stack.resources.get(id).cloned();
            let replaces = set.replaces.contains(id);
            let denied = (replaces || change.action == "Remove") && denies(stack.policy.as_deref(), id);
            let new = StackResource {
                logical_id: id.clone(),
                physical_id: Some(self.physical_id(id)),
                kind: change.kind.clone(),
                status: String::new(),
            };
            let subject = before.clone().filter(|_| change.action != "Add").unwrap_or_else(|| new.clone());
            if denied || self.fails(Phase::Update, id) {
                let why = if denied { "Action denied by stack policy" } else { "scripted" };
                plan.resource(&subject, "UPDATE_FAILED", Some(why));
                self.plan_rollback_of_update(stack, set, &mut plan);
                return plan;
            }
            match (change.action.as_str(), replaces) {
                ("Add", _) => {
                    plan.appears(&new);
                    plan.resource(&new, "CREATE_COMPLETE", None);
                }
                ("Remove", _) => cleanup.extend(before.clone()),
                (_, true) => {
                    plan.appears(&new);
                    plan.resource(&new, "UPDATE_COMPLETE", None);
                    cleanup.extend(before.clone());
                }
                _ => plan.resource(&subject, "UPDATE_COMPLETE", None),
            }
        }
        plan.add(Effect::Live { template: set.template.clone(), parameters: set.parameters.clone() });
        plan.stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS");
        plan.at += STEP;
        for resource in cleanup {
            if deletion_policy(&stack.template, &resource.logical_id) == "Delete" {
                plan.goes(resource.physical_id);
            }
        }
        plan.stack("UPDATE_COMPLETE");
        plan
    }

    fn plan_rollback_of_update(&mut self, stack: &FakeStack, set: &FakeSet, plan: &mut Plan) {
        plan.stack("UPDATE_ROLLBACK_IN_PROGRESS");
        plan.at += STEP;
        for change in &set.changes {
            let Some(before) = stack.resources.get(&change.logical_id) else { continue };
            if self.fails(Phase::Rollback, &change.logical_id) {
                plan.resource(before, "UPDATE_FAILED", Some("scripted"));
                plan.stack("UPDATE_ROLLBACK_FAILED");
                return;
            }
            plan.resource(before, "UPDATE_COMPLETE", None);
        }
        // What was made on the way is cleared away again.
        let appeared: Vec<_> = plan.effects.iter().filter_map(|(_, it)| appeared(it)).collect();
        plan.add(Effect::Live { template: stack.template.clone(), parameters: stack.parameters.clone() });
        plan.stack("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS");
        plan.at += STEP;
        for physical in appeared {
            plan.goes(Some(physical));
        }
        plan.stack("UPDATE_ROLLBACK_COMPLETE");
    }

    pub(super) fn plan_continue(&mut self, stack: &FakeStack, token: &str) -> Plan {
        let mut plan = Plan::new(self.now, token);
        plan.stack("UPDATE_ROLLBACK_IN_PROGRESS");
        plan.at += STEP;
        for resource in stack.resources.values() {
            if self.fails(Phase::Rollback, &resource.logical_id) {
                plan.resource(resource, "UPDATE_FAILED", Some("scripted"));
                plan.stack("UPDATE_ROLLBACK_FAILED");
                return plan;
            }
        }
        plan.add(Effect::Live { template: stack.template.clone(), parameters: stack.parameters.clone() });
        plan.stack("UPDATE_ROLLBACK_COMPLETE");
        plan
    }

    pub(super) fn plan_delete(&mut self, stack: &FakeStack, retain: &[String], token: &str) -> Plan {
        let mut plan = Plan::new(self.now, token);
        plan.stack("DELETE_IN_PROGRESS");
        plan.at += STEP;
        let mut end = "DELETE_COMPLETE";
        for resource in stack.resources.values().rev() {
            if ["DELETE_COMPLETE", "DELETE_SKIPPED", "CREATE_FAILED"].contains(&resource.status.as_str()) {
                continue;
            }
            let id = &resource.logical_id;
            let policy = deletion_policy(&stack.template, id);
            let physical = resource.physical_id.clone().unwrap_or_default();
            let failure = if self.filled.contains(&physical) {
                Some("The bucket you tried to delete is not empty")
            } else if stack.template["Resources"][id]["Properties"]["DeletionProtection"] == true {
                Some("Cannot delete protected Cluster, please disable deletion protection and try again")
            } else if self.fails(Phase::Delete, id) {
                Some("has dependencies and cannot be deleted: network interface in use")
            } else {
                None
            };
            if retain.contains(id) || policy.starts_with("Retain") {
                plan.resource(resource, "DELETE_SKIPPED", None);
            } else if failure.is_some() {
                plan.resource(resource, "DELETE_FAILED", failure);
                end = "DELETE_FAILED";
            } else {
                if policy == "Snapshot" && resource.kind == "AWS::RDS::DBCluster" {
                    plan.add(Effect::Snapshot { physical: physical.clone() });
                }
                plan.goes(Some(physical));
                plan.resource(resource, "DELETE_COMPLETE", None);
            }
        }
        plan.stack(end);
        plan
    }

    pub(super) fn compare(
        &self,
        stack: &FakeStack,
        template: &Value,
        parameters: &BTreeMap<String, String>,
    ) -> FakeSet {
        let (mut changes, mut replaces) = (Vec::new(), BTreeSet::new());
        let ids: BTreeSet<_> = logical_ids(&stack.template).into_iter().chain(logical_ids(template)).collect();
        for logical_id in ids {
            let (before, after) = (&stack.template["Resources"][&logical_id], &template["Resources"][&logical_id]);
            let old = resolve(&before["Properties"], &stack.parameters);
            let new = resolve(&after["Properties"], parameters);
            let (action, kind) = match (before.is_null(), after.is_null()) {
                (true, _) => ("Add", kind(template, &logical_id)),
                (_, true) => ("Remove", kind(&stack.template, &logical_id)),
                _ if old != new => ("Modify", kind(template, &logical_id)),
                _ => continue,
            };
            let differs = |(of, property): &(&str, &str)| *of == kind && old[*property] != new[*property];
            let replacement = action == "Modify" && REPLACES.iter().any(differs);
            if replacement {
                replaces.insert(logical_id.clone());
            }
            let said = if replacement && !self.lies { "True" } else { "False" };
            changes.push(ResourceChange {
                action: action.into(),
                replacement: (action == "Modify").then(|| said.into()),
                policy_action: None,
                properties: Vec::new(),
                logical_id,
                kind,
            });
        }
        let (tags, template, parameters) = (stack.tags.clone(), template.clone(), parameters.clone());
        FakeSet { made: self.now, template, parameters, tags, changes, replaces, failed: None }
    }
}

fn appeared(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Appears { physical, .. } => Some(physical.clone()),
        _ => None,
    }
}

/// Whether a stack policy refuses to replace or remove a resource.
fn denies(policy: Option<&str>, logical_id: &str) -> bool {
    let policy: Value = policy.and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
    let statements = policy["Statement"].as_array().into_iter().flatten();
    let resource = format!("LogicalResourceId/{logical_id}");
    statements.filter(|it| it["Effect"] == "Deny").any(|it| it["Resource"].to_string().contains(&resource))
}
