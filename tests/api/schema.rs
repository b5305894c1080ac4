//! The committed definitions, and every rule and bound in them.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// Properties with types of Kubernetes. What is in them follows Kubernetes; what is on them is ours.
const FOREIGN: [&str; 6] =
    ["affinity", "allowedNamespaces", "conditions", "env", "tolerations", "topologySpreadConstraints"];

/// Keywords that allow or describe, so that no value is refused by them alone.
const NOT_RULES: [&str; 10] = [
    "additionalProperties",
    "default",
    "description",
    "format",
    "items",
    "properties",
    "title",
    "type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
];

/// Keywords that refuse values.
const RULES: [&str; 10] = [
    "enum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "pattern",
];

/// One committed definition.
pub struct Definition {
    pub plural: String,
    pub kind: String,
    pub group: String,
    pub version: String,
    pub namespaced: bool,
    pub text: String,
    pub value: Value,
}

impl Definition {
    /// The schema of the one version.
    pub fn schema(&self) -> &Value {
        &self.value["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    }
}

/// Something that refuses values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Where, such as `spec.domains[]`, or `object` for the whole.
    pub path: String,
    /// What, such as `maxLength`.
    pub keyword: String,
    /// For a CEL rule: its message, up to what depends on the value.
    pub message: Option<String>,
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.path, self.keyword)?;
        self.message.iter().try_for_each(|message| write!(formatter, ": {message}"))
    }
}

/// The directory of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// Both definitions as they are committed.
pub fn definitions() -> Vec<Definition> {
    let directory = root().join("crds");
    let entries = directory.read_dir().expect("crds/ can be listed");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("crds/ can be listed").path()).collect();
    paths.sort();
    paths.iter().filter(|path| path.extension().is_some_and(|it| it == "yaml")).map(|path| definition(path)).collect()
}

fn definition(path: &Path) -> Definition {
    let text = std::fs::read_to_string(path).expect("a definition can be read");
    let value: Value = serde_saphyr::from_str(&text).expect("a definition is YAML");
    let text_at = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).expect(pointer).to_owned();
    Definition {
        plural: text_at("/spec/names/plural"),
        kind: text_at("/spec/names/kind"),
        group: text_at("/spec/group"),
        version: text_at("/spec/versions/0/name"),
        namespaced: text_at("/spec/scope") == "Namespaced",
        text,
        value,
    }
}

/// Every rule of `definition`.
pub fn rules(definition: &Definition) -> Vec<Rule> {
    let mut rules = Vec::new();
    visit(definition.schema(), "", &mut |path, schema| rules_of(path, schema, &mut rules));
    rules.sort();
    rules
}

/// Calls `see` for the schema and each schema inside it that is ours, with its path.
pub fn visit(schema: &Value, path: &str, see: &mut impl FnMut(&str, &Map<String, Value>)) {
    let schema = schema.as_object().expect("a schema is an object");
    see(if path.is_empty() { "object" } else { path }, schema);
    if path.rsplit('.').next().is_some_and(|name| FOREIGN.contains(&name)) {
        return;
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let separator = if path.is_empty() { "" } else { "." };
        visit(property, &format!("{path}{separator}{name}"), see);
    }
    if let Some(items) = schema.get("items") {
        visit(items, &format!("{path}[]"), see);
    }
    if let Some(values) = schema.get("additionalProperties").filter(|it| it.is_object()) {
        visit(values, &format!("{path}{{}}"), see);
    }
}

fn rules_of(path: &str, schema: &Map<String, Value>, rules: &mut Vec<Rule>) {
    let mut add = |path: &str, keyword: &str, message: Option<String>| {
        rules.push(Rule { path: path.into(), keyword: keyword.into(), message });
    };
    for (keyword, value) in schema {
        match keyword.as_str() {
            "required" => {
                for name in value.as_array().into_iter().flatten().filter_map(Value::as_str) {
                    let path = if path == "object" { name.to_owned() } else { format!("{path}.{name}") };
                    add(&path, keyword, None);
                }
            }
            "x-kubernetes-validations" => {
                for validation in value.as_array().into_iter().flatten() {
                    add(path, keyword, Some(message(validation)));
                }
            }
            "x-kubernetes-list-type" if value == "atomic" => {}
            "x-kubernetes-list-type" => add(path, keyword, None),
            _ if RULES.contains(&keyword.as_str()) => add(path, keyword, None),
            _ if NOT_RULES.contains(&keyword.as_str()) => {}
            // A keyword that is in neither list would be a rule that nobody tests.
            _ => {
                panic!("{path}: the keyword {keyword} is unknown to tests/api/schema.rs; add it to RULES or NOT_RULES")
            }
        }
    }
}

fn message(validation: &Value) -> String {
    if let Some(message) = validation["message"].as_str() {
        return message.into();
    }
    let expression = validation["messageExpression"].as_str().expect("a rule has a message");
    expression.split('\'').nth(1).expect("a message expression starts with what does not depend on the value").into()
}
