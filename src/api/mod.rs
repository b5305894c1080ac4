//! The API: the two kinds, their conditions and reasons, and the names and labels derived from them.
//!
//! Nothing here holds a client or does I/O. The documentation of each field is what `kubectl explain` prints.

pub mod aws;
pub mod class;
pub mod condition;
pub mod digest;
pub mod finding;
pub mod names;
pub mod site;
pub mod sizes;
pub mod status;

pub use class::{WordPressClass, WordPressClassSpec};
pub use site::{WordPressSite, WordPressSiteSpec};
pub use status::WordPressSiteStatus;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

/// Both definitions, in the order in which they are written to `crds/`.
#[must_use]
pub fn definitions() -> [CustomResourceDefinition; 2] {
    let mut definitions = [WordPressClass::crd(), WordPressSite::crd()];
    for version in definitions.iter_mut().flat_map(|definition| &mut definition.spec.versions) {
        if let Some(schema) = version.schema.as_mut().and_then(|it| it.open_api_v3_schema.as_mut()) {
            forbid_null(schema);
        }
    }
    definitions
}

/// Where null is not allowed, the API server drops a field that is null, as templates write them. Where it is allowed,
/// such a field counts as set: `has(self.field)` is true of it, and `replicas: null` is an error of the scale subresource.
fn forbid_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.properties.iter_mut().flat_map(|it| it.values_mut()).for_each(forbid_null);
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => forbid_null(items),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(forbid_null),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        forbid_null(values);
    }
}
