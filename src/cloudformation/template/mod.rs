//! A template as typed values: what refers to a parameter, a condition or a resource holds a handle of it, and a handle is
//! had only by adding what it refers to. Text of users travels as parameters, each with the pattern of what may be in it.

mod value;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::stack::REVISION_OUTPUT;
use crate::api::digest::digest;
pub(crate) use value::object;
pub use value::{ConditionHandle, Error, ParameterHandle, Plain, Pseudo, ResourceHandle, Value};

/// The only version of the format: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/format-version-structure.html>.
const FORMAT_VERSION: &str = "2010-09-09";

/// A logical id: letters and digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogicalId(&'static str, Option<u64>);

impl From<&'static str> for LogicalId {
    fn from(name: &'static str) -> Self {
        Self(name, None)
    }
}

impl From<(&'static str, u64)> for LogicalId {
    fn from((name, number): (&'static str, u64)) -> Self {
        Self(name, Some(number))
    }
}

impl LogicalId {
    fn text(self) -> String {
        self.1.map_or_else(|| self.0.to_owned(), |number| format!("{}{number}", self.0))
    }
}

/// What may be in a parameter. `CloudFormation` refuses anything else before it touches a resource, so that not even a
/// value that validation let through is read as a dynamic reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A DNS name.
    Domain,
    /// A name, an id, an ARN, a version, a block of addresses.
    Name,
    /// Like [`Kind::Name`], or empty: not known or not wanted.
    OptionalName,
    /// Names with commas between them.
    Names,
}

impl Kind {
    fn json(self) -> Json {
        match self {
            Self::Domain => json!({"Type": "String", "AllowedPattern": "[a-z0-9.-]+"}),
            Self::Name => json!({"Type": "String", "AllowedPattern": "[A-Za-z0-9+=@._:/-]+"}),
            // The default makes the parameter one that a stack can do without.
            Self::OptionalName => json!({"Type": "String", "AllowedPattern": "[A-Za-z0-9+=@._:/-]*", "Default": ""}),
            Self::Names => json!({"Type": "CommaDelimitedList", "AllowedPattern": "[A-Za-z0-9+=@._:/-]+"}),
        }
    }
}

/// What becomes of a resource that its stack deletes or replaces:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Fate {
    /// It is deleted.
    Delete,
    /// It stays.
    Retain,
    /// A snapshot of it stays.
    Snapshot,
}

/// A resource to add.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    kind: &'static str,
    properties: Value,
    fates: Option<(Fate, Fate)>,
    depends_on: Vec<ResourceHandle>,
    update_policy: Option<Value>,
    protected: bool,
}

impl Resource {
    /// A resource of a type such as `AWS::S3::Bucket`.
    #[must_use]
    pub fn new(kind: &'static str, properties: Value) -> Self {
        Self { kind, properties, fates: None, depends_on: Vec::new(), update_policy: None, protected: false }
    }

    /// What becomes of it when the stack deletes it, and when an update replaces it.
    #[must_use]
    pub fn fates(mut self, deleted: Fate, replaced: Fate) -> Self {
        self.fates = Some((deleted, replaced));
        self
    }

    /// It is made after `resource`, though it does not refer to it.
    #[must_use]
    pub fn after(mut self, resource: &ResourceHandle) -> Self {
        self.depends_on.push(resource.clone());
        self
    }

    /// How it is updated.
    #[must_use]
    pub fn update_policy(mut self, policy: Value) -> Self {
        self.update_policy = Some(policy);
        self
    }

    /// Its loss would be a loss of data: the stack policy lets no update replace or remove it.
    #[must_use]
    pub fn protected(mut self) -> Self {
        self.protected = true;
        self
    }

    fn into_json(self) -> Json {
        let mut json = Map::from_iter([("Type".to_owned(), json!(self.kind))]);
        let properties = self.properties.into_json();
        if properties.as_object().is_some_and(|it| !it.is_empty()) {
            json.insert("Properties".into(), properties);
        }
        if let Some((deleted, replaced)) = self.fates {
            let (deleted, replaced): (&str, &str) = (deleted.into(), replaced.into());
            json.insert("DeletionPolicy".into(), json!(deleted));
            json.insert("UpdateReplacePolicy".into(), json!(replaced));
        }
        if !self.depends_on.is_empty() {
            json.insert("DependsOn".into(), self.depends_on.into_iter().map(|it| it.0).collect());
        }
        if let Some(policy) = self.update_policy {
            json.insert("UpdatePolicy".into(), policy.into_json());
        }
        json.into()
    }
}

/// A template that is being made, with the value of each of its parameters.
#[derive(Clone, Debug)]
pub struct TemplateBuilder {
    description: &'static str,
    parameters: Map<String, Json>,
    values: BTreeMap<String, String>,
    conditions: Map<String, Json>,
    resources: Map<String, Json>,
    outputs: Map<String, Json>,
    protected: Vec<String>,
}

impl TemplateBuilder {
    /// A template without anything in it.
    #[must_use]
    pub fn new(description: &'static str) -> Self {
        Self {
            description,
            parameters: Map::new(),
            values: BTreeMap::new(),
            conditions: Map::new(),
            resources: Map::new(),
            outputs: Map::new(),
            protected: Vec::new(),
        }
    }

    /// Adds a parameter and its value.
    pub fn parameter(&mut self, id: impl Into<LogicalId>, kind: Kind, value: impl Into<String>) -> ParameterHandle {
        let id = id.into().text();
        self.parameters.insert(id.clone(), kind.json());
        self.values.insert(id.clone(), value.into());
        ParameterHandle(id)
    }

    /// Adds the condition that a parameter is not empty.
    pub fn is_set(&mut self, id: &'static str, parameter: &ParameterHandle) -> ConditionHandle {
        let reference = Value::from(parameter).into_json();
        self.conditions.insert(id.into(), json!({"Fn::Not": [{"Fn::Equals": [reference, ""]}]}));
        ConditionHandle(id.into())
    }

    /// Adds a resource.
    pub fn resource(&mut self, id: impl Into<LogicalId>, resource: Resource) -> ResourceHandle {
        let id = id.into().text();
        if resource.protected {
            self.protected.push(id.clone());
        }
        self.resources.insert(id.clone(), resource.into_json());
        ResourceHandle(id)
    }

    /// Adds an output.
    pub fn output(&mut self, id: &'static str, value: impl Into<Value>) {
        self.outputs.insert(id.into(), json!({"Value": value.into().into_json()}));
    }

    /// The finished template.
    #[must_use]
    pub fn finish(self) -> Template {
        let stack_policy = (!self.protected.is_empty()).then(|| stack_policy(&self.protected));
        Template { builder: self, stack_policy }
    }
}

/// Everything may be updated, and nothing that holds data be replaced or removed:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html>.
fn stack_policy(protected: &[String]) -> Json {
    let resources: Vec<_> = protected.iter().map(|id| format!("LogicalResourceId/{id}")).collect();
    json!({"Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"},
        {"Effect": "Deny", "Principal": "*", "Action": ["Update:Replace", "Update:Delete"], "Resource": resources},
    ]})
}

/// A finished template.
#[derive(Clone, Debug)]
pub struct Template {
    builder: TemplateBuilder,
    stack_policy: Option<Json>,
}

/// A template and what belongs to it, ready for a stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Revised {
    /// The template with its digest in it.
    pub template: Json,
    /// The value of every parameter.
    pub parameters: BTreeMap<String, String>,
    /// What updates may do to which resource.
    pub stack_policy: Option<Json>,
    /// The digest.
    pub digest: String,
}

impl Template {
    /// The template as JSON, with `revision` as the output [`REVISION_OUTPUT`] and in the name of a resource that is
    /// nothing: a change of attributes alone, such as `DeletionPolicy`, is no update to `CloudFormation`, but one that
    /// comes with a resource is.
    #[must_use]
    pub fn into_json(self, revision: &str) -> Json {
        let mut builder = self.builder;
        builder.outputs.insert(REVISION_OUTPUT.into(), json!({"Value": revision}));
        let handle = json!({"Type": "AWS::CloudFormation::WaitConditionHandle"});
        builder.resources.insert(format!("{REVISION_OUTPUT}{revision}"), handle);
        let mut json = Map::from_iter([
            ("AWSTemplateFormatVersion".to_owned(), json!(FORMAT_VERSION)),
            ("Description".to_owned(), json!(builder.description)),
            ("Resources".to_owned(), builder.resources.into()),
            ("Outputs".to_owned(), builder.outputs.into()),
        ]);
        for (key, entries) in [("Parameters", builder.parameters), ("Conditions", builder.conditions)] {
            if !entries.is_empty() {
                json.insert(key.into(), entries.into());
            }
        }
        json.into()
    }

    /// Puts the digest of everything that makes the stack what it is into the template.
    #[must_use]
    pub fn revise(self, tags: &BTreeMap<String, String>) -> Revised {
        let parameters = self.builder.values.clone();
        let stack_policy = self.stack_policy.clone();
        let digest = digest(&json!({
            "template": self.clone().into_json(""),
            "parameters": parameters,
            "tags": tags,
            "stackPolicy": stack_policy,
        }));
        Revised { template: self.into_json(&digest), parameters, stack_policy, digest }
    }
}

#[cfg(test)]
mod tests;
