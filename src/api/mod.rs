//! The API: the two kinds, their conditions and reasons, and the names and labels derived from them.
//!
//! Nothing here holds a client or does I/O. The documentation of each field is what `kubectl explain` prints.

pub mod class;
pub mod condition;
pub mod names;
pub mod site;
pub mod status;

pub use class::{WordPressClass, WordPressClassSpec};
pub use site::{WordPressSite, WordPressSiteSpec};
pub use status::WordPressSiteStatus;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// Both definitions, in the order in which they are written to `crds/`.
#[must_use]
pub fn definitions() -> [CustomResourceDefinition; 2] {
    [WordPressClass::crd(), WordPressSite::crd()]
}
