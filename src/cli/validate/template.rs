//! What can be said of a template without AWS: limits, and that whatever it refers to is in it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cloudformation::DesiredStack;

// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const MOST_BYTES: usize = 51_200;
const MOST_RESOURCES: usize = 500;
const MOST_PARAMETERS: usize = 200;
const MOST_OUTPUTS: usize = 200;

/// What is wrong with the template of `stack`.
#[must_use]
pub fn check(stack: &DesiredStack) -> Vec<String> {
    let template = &stack.template;
    let mut wrong = Vec::new();
    let bytes = template.to_string().len();
    if bytes > MOST_BYTES {
        wrong.push(format!("the template has {bytes} bytes; allowed are at most {MOST_BYTES}"));
    }
    for (section, most) in [("Resources", MOST_RESOURCES), ("Parameters", MOST_PARAMETERS), ("Outputs", MOST_OUTPUTS)] {
        let number = template[section].as_object().map_or(0, serde_json::Map::len);
        if number > most {
            wrong.push(format!("the template has {number} {section}; allowed are at most {most}"));
        }
    }
    let names = |section: &str| template[section].as_object().into_iter().flatten().map(|(name, _)| name.clone());
    let resources: BTreeSet<_> = names("Resources").collect();
    let known: BTreeSet<_> = resources.iter().cloned().chain(names("Parameters")).collect();
    let conditions: BTreeSet<_> = names("Conditions").collect();
    references(template, &mut |kind, name| {
        let found = match kind {
            "Ref" => name.starts_with("AWS::") || known.contains(name),
            "Condition" => conditions.contains(name),
            _ => resources.contains(name),
        };
        if !found {
            wrong.push(format!("{kind} names {name}, which is not in the template"));
        }
    });
    wrong
}

/// Calls `see` for each reference with its kind and the name that it refers to.
fn references(value: &Value, see: &mut impl FnMut(&'static str, &str)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, see)),
        Value::Object(members) => {
            for (key, value) in members {
                match (key.as_str(), value) {
                    ("Ref", Value::String(name)) => see("Ref", name),
                    ("Fn::GetAtt", Value::Array(parts)) => see("Fn::GetAtt", parts[0].as_str().unwrap_or_default()),
                    ("DependsOn", Value::String(name)) => see("DependsOn", name),
                    ("DependsOn", Value::Array(names)) => {
                        names.iter().filter_map(Value::as_str).for_each(|name| see("DependsOn", name));
                    }
                    ("Condition", Value::String(name)) => see("Condition", name),
                    _ => references(value, see),
                }
            }
        }
        _ => {}
    }
}
