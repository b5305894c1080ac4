//! The values that a template has with its parameters: enough of the intrinsic functions to tell two revisions apart.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::guard::Revision;

/// What AWS shows instead of the value of a secret parameter.
const MASKED: &str = "****";
/// Conditions name each other; a circle among them is not a template, and must not be an endless loop either.
const DEEPEST: usize = 32;

/// Reads a template with the values of its parameters.
pub struct Resolver<'a> {
    template: &'a Value,
    parameters: &'a BTreeMap<String, String>,
}

impl<'a> Resolver<'a> {
    /// Of one revision.
    pub fn new(revision: Revision<'a>) -> Self {
        Self { template: revision.template, parameters: revision.parameters }
    }

    /// The resources by logical id.
    pub fn resources(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.template["Resources"].as_object().into_iter().flatten()
    }

    /// The resource of that logical id.
    pub fn resource(&self, logical_id: &str) -> Option<&'a Value> {
        self.template["Resources"].get(logical_id)
    }

    /// Whether the condition of a resource, if it has one, is met. One that cannot be told counts as met.
    pub fn exists(&self, resource: &Value) -> bool {
        resource["Condition"].as_str().is_none_or(|name| self.condition(name, 0).unwrap_or(true))
    }

    /// The value of a property by its path with dots; `Null` where it is not set.
    pub fn property(&self, resource: &Value, path: &str) -> Value {
        let mut value = self.resolve(&resource["Properties"], 0);
        for step in path.split('.') {
            // Of the items of a list the whole list is compared.
            if step == "*" {
                break;
            }
            value = value.get_mut(step).map(Value::take).unwrap_or_default();
        }
        value
    }

    fn resolve(&self, value: &Value, depth: usize) -> Value {
        if depth > DEEPEST {
            return value.clone();
        }
        match value {
            Value::Object(map) => self.function(map, depth).unwrap_or_else(|| {
                let members = map.iter().map(|(key, value)| (key.clone(), self.resolve(value, depth + 1)));
                // A property that is "no value" is one that is not set.
                Value::Object(members.filter(|(_, value)| !value.is_null()).collect())
            }),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.resolve(item, depth + 1)).collect()),
            Value::String(_) | Value::Null => value.clone(),
            // CloudFormation takes `true` and "true" alike.
            Value::Bool(_) | Value::Number(_) => Value::String(value.to_string()),
        }
    }

    fn function(&self, map: &Map<String, Value>, depth: usize) -> Option<Value> {
        let (name, argument) = map.iter().next().filter(|_| map.len() == 1)?;
        match (name.as_str(), argument) {
            ("Ref", Value::String(name)) if name == "AWS::NoValue" => Some(Value::Null),
            ("Ref", Value::String(name)) => {
                self.parameters.get(name).filter(|value| *value != MASKED).map(|value| Value::String(value.clone()))
            }
            ("Fn::If", Value::Array(parts)) => {
                let [condition, then, otherwise] = parts.as_slice() else { return None };
                let met = self.condition(condition.as_str()?, depth + 1)?;
                Some(self.resolve(if met { then } else { otherwise }, depth + 1))
            }
            _ => None,
        }
    }

    /// `None`: it cannot be told.
    fn condition(&self, name: &str, depth: usize) -> Option<bool> {
        self.is_met(self.template["Conditions"].get(name)?, depth + 1)
    }

    fn is_met(&self, condition: &Value, depth: usize) -> Option<bool> {
        if depth > DEEPEST {
            return None;
        }
        let (name, argument) = condition.as_object()?.iter().next()?;
        let each = || argument.as_array().into_iter().flatten().map(|part| self.is_met(part, depth + 1));
        match name.as_str() {
            "Condition" => self.condition(argument.as_str()?, depth + 1),
            "Fn::Not" => each().next()?.map(|met| !met),
            "Fn::And" => each().try_fold(true, |all, met| Some(all && met?)),
            "Fn::Or" => each().try_fold(false, |any, met| Some(any || met?)),
            "Fn::Equals" => {
                let [one, other] = argument.as_array()?.as_slice() else { return None };
                let (one, other) = (self.resolve(one, depth + 1), self.resolve(other, depth + 1));
                (one.is_string() && other.is_string()).then_some(one == other)
            }
            _ => None,
        }
    }
}
