//! An independent reading of a template: what it defines, and what it refers to.

use std::collections::BTreeSet;

use serde_json::Value;

/// Everything that a `Ref`, `Fn::GetAtt`, `Fn::If`, `Fn::Sub` or `DependsOn` names.
#[derive(Debug, Default)]
pub(super) struct References {
    pub(super) names: BTreeSet<String>,
    pub(super) conditions: BTreeSet<String>,
}

/// The keys of a section of the template.
pub(super) fn section(template: &Value, name: &str) -> BTreeSet<String> {
    template[name].as_object().into_iter().flat_map(|section| section.keys().cloned()).collect()
}

pub(super) fn references(value: &Value) -> References {
    let mut found = References::default();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut References) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                match (key.as_str(), inner) {
                    ("Ref", Value::String(name)) => drop(found.names.insert(name.clone())),
                    ("Fn::GetAtt", Value::Array(path)) => {
                        found.names.extend(path.first().and_then(Value::as_str).map(str::to_owned));
                    }
                    ("Fn::If", Value::Array(parts)) => {
                        found.conditions.extend(parts.first().and_then(Value::as_str).map(str::to_owned));
                    }
                    ("Fn::Sub", Value::Array(parts)) => {
                        let text = parts.first().and_then(Value::as_str).unwrap_or_default();
                        let own: BTreeSet<_> = parts[1].as_object().into_iter().flat_map(|it| it.keys()).collect();
                        let named = text.split("${").skip(1).filter_map(|rest| rest.split('}').next());
                        found.names.extend(named.filter(|name| !own.contains(&(*name).to_owned())).map(str::to_owned));
                    }
                    ("Fn::Sub", _) => panic!("a substitution without variables: {inner}"),
                    ("DependsOn", Value::Array(names)) => {
                        found.names.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    _ => {}
                }
                collect(inner, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// Whether any text of the document, keys among it, holds `needle`.
pub(super) fn holds(value: &Value, needle: &str) -> bool {
    match value {
        Value::String(text) => text.contains(needle),
        Value::Array(items) => items.iter().any(|item| holds(item, needle)),
        Value::Object(object) => object.iter().any(|(key, inner)| key.contains(needle) || holds(inner, needle)),
        _ => false,
    }
}
