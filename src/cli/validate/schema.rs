//! The structure of an object by its definition: what the API server checks before its rules in CEL.
//!
//! It knows the keywords that our definitions have; the fixtures of `tests/fixtures/api` prove it against the same
//! objects as the API server.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Something that is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The field, such as `spec.domains[0]`.
    pub path: String,
    /// What is wrong and what is allowed.
    pub message: String,
    /// Whether it is wrong; otherwise it could not be judged.
    pub is_certain: bool,
}

/// Everything that is wrong with `value` by `schema`.
#[must_use]
pub fn check(schema: &Value, value: &Value) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    check_value(schema, value, "", &mut refusals);
    refusals
}

/// `value` without members that are null, which the API server drops where null is not allowed.
#[must_use]
pub fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members.iter().filter(|(_, it)| !it.is_null()).map(|(key, it)| (key.clone(), without_nulls(it))).collect(),
        ),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

fn refuse(path: &str, message: impl Into<String>, refusals: &mut Vec<Refusal>) {
    let path = if path.is_empty() { "object" } else { path };
    refusals.push(Refusal { path: path.into(), message: message.into(), is_certain: true });
}

fn check_value(schema: &Value, value: &Value, path: &str, refusals: &mut Vec<Refusal>) {
    if !is_of_type(schema, value) {
        let wanted = if schema["x-kubernetes-int-or-string"] == true {
            "integer or string"
        } else {
            schema["type"].as_str().unwrap_or("value")
        };
        refuse(path, format!("must be {}, not {}", article(wanted), shown(value)), refusals);
        return;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let allowed: Vec<_> = allowed.iter().map(shown).collect();
        refuse(path, format!("{} is not supported; allowed are {}", shown(value), allowed.join(", ")), refusals);
    }
    match value {
        Value::Object(members) => check_object(schema, members, path, refusals),
        Value::Array(items) => check_list(schema, items, path, refusals),
        Value::String(text) => check_text(schema, text, path, refusals),
        Value::Number(_) => check_number(schema, value, path, refusals),
        Value::Null | Value::Bool(_) => {}
    }
}

fn is_of_type(schema: &Value, value: &Value) -> bool {
    if schema["x-kubernetes-int-or-string"] == true {
        return value.is_string() || value.is_i64() || value.is_u64();
    }
    match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        // The API server takes 1.0 for an integer, as JSON does not tell them apart.
        Some("integer") => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|it| it.fract() == 0.0),
        Some("number") => value.is_number(),
        _ => true,
    }
}

fn article(word: &str) -> String {
    let vowel = word.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {word}", if vowel { "an" } else { "a" })
}

/// A value as a message shows it: short, and never a whole object.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".into(),
        Value::Array(_) => "a list".into(),
        Value::String(text) if text.chars().count() > 60 => {
            format!("{:?}…", text.chars().take(60).collect::<String>())
        }
        other => other.to_string(),
    }
}

fn check_object(schema: &Value, members: &Map<String, Value>, path: &str, refusals: &mut Vec<Refusal>) {
    let inside = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let present = |name: &str| members.get(name).is_some_and(|value| !value.is_null());
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !present(name) {
            refuse(&inside(name), "is required", refusals);
        }
    }
    let most = schema["maxProperties"].as_u64().unwrap_or(u64::MAX);
    let number = u64::try_from(members.len()).unwrap_or(u64::MAX);
    if number > most {
        refuse(path, format!("has {number} entries; allowed are at most {most}"), refusals);
    }
    if number < schema["minProperties"].as_u64().unwrap_or_default() {
        refuse(path, format!("has {number} entries; {} are needed", schema["minProperties"]), refusals);
    }
    let properties = schema["properties"].as_object();
    let values = &schema["additionalProperties"];
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        if let Some(property) = properties.and_then(|it| it.get(name)) {
            check_value(property, value, &inside(name), refusals);
        } else if values.is_object() {
            check_value(values, value, &key(path, name), refusals);
        } else if let Some(known) = properties
            && schema["x-kubernetes-preserve-unknown-fields"] != true
            && !(path.is_empty() && ["apiVersion", "kind", "metadata", "status"].contains(&name.as_str()))
        {
            refuse(&inside(name), unknown(name, known), refusals);
        }
    }
}

/// The path of an entry of a map.
fn key(path: &str, name: &str) -> String {
    if name.contains(['.', '[', '/']) { format!("{path}[\"{name}\"]") } else { format!("{path}.{name}") }
}

fn unknown(name: &str, known: &Map<String, Value>) -> String {
    let near =
        known.keys().max_by(|one, other| strsim::jaro_winkler(one, name).total_cmp(&strsim::jaro_winkler(other, name)));
    match near.filter(|near| strsim::jaro_winkler(near, name) > 0.8) {
        Some(near) => format!("is not a field; did you mean {near}?"),
        None => format!("is not a field; allowed are {}", known.keys().cloned().collect::<Vec<_>>().join(", ")),
    }
}

fn check_list(schema: &Value, items: &[Value], path: &str, refusals: &mut Vec<Refusal>) {
    let number = u64::try_from(items.len()).unwrap_or(u64::MAX);
    if number > schema["maxItems"].as_u64().unwrap_or(u64::MAX) {
        refuse(path, format!("has {number} items; allowed are at most {}", schema["maxItems"]), refusals);
    }
    if number < schema["minItems"].as_u64().unwrap_or_default() {
        refuse(path, format!("has {number} items; at least {} are needed", schema["minItems"]), refusals);
    }
    for (index, item) in items.iter().enumerate() {
        check_value(&schema["items"], item, &format!("{path}[{index}]"), refusals);
    }
    let keys: Vec<_> = match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => Vec::new(),
        Some("map") => {
            schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
        }
        _ => return,
    };
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let identity = if keys.is_empty() {
            item.to_string()
        } else {
            keys.iter().map(|key| format!("{key}={}", item[*key])).collect::<Vec<_>>().join(",")
        };
        if !seen.insert(identity.clone()) {
            refuse(&format!("{path}[{index}]"), format!("is there twice: {identity}"), refusals);
        }
    }
}

fn check_text(schema: &Value, text: &str, path: &str, refusals: &mut Vec<Refusal>) {
    let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    if length > schema["maxLength"].as_u64().unwrap_or(u64::MAX) {
        refuse(path, format!("has {length} characters; allowed are at most {}", schema["maxLength"]), refusals);
    }
    if length < schema["minLength"].as_u64().unwrap_or_default() {
        refuse(path, format!("has {length} characters; at least {} are needed", schema["minLength"]), refusals);
    }
    if schema["format"] == "date-time" && text.parse::<jiff::Timestamp>().is_err() {
        refuse(path, format!("must be a time such as 2026-01-02T03:04:05Z, not {text:?}"), refusals);
    }
}

fn check_number(schema: &Value, value: &Value, path: &str, refusals: &mut Vec<Refusal>) {
    let Some(number) = value.as_f64() else { return };
    let (least, most) = match schema["format"].as_str() {
        Some("int32") => (f64::from(i32::MIN), f64::from(i32::MAX)),
        _ => (f64::NEG_INFINITY, f64::INFINITY),
    };
    let least = schema["minimum"].as_f64().unwrap_or(least);
    let most = schema["maximum"].as_f64().unwrap_or(most);
    if number < least {
        refuse(path, format!("is {value}; must be {least} or more"), refusals);
    }
    if number > most {
        refuse(path, format!("is {value}; must be {most} or less"), refusals);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_slip_in_a_name_is_answered_with_the_right_one() {
        let schema = json!({"type": "object", "properties": {"replicas": {"type": "integer"}}});
        let refusals = check(&schema, &json!({"replica": 1}));
        let message = "is not a field; did you mean replicas?";
        assert_eq!(refusals, [Refusal { path: "replica".into(), message: message.into(), is_certain: true }]);
    }

    #[test]
    fn null_counts_as_absent() {
        let schema = json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}});
        assert_eq!(check(&schema, &json!({"a": null})).len(), 1);
        assert_eq!(without_nulls(&json!({"a": null, "b": [{"c": null}]})), json!({"b": [{}]}));
    }
}
