//! The way in by a Gateway.

use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Map, Value, json};

use super::metadata::metadata;
use super::service;
use crate::api::names::Component;
use crate::site::model::{Exposure, Site};

/// The kind `HTTPRoute` of the Gateway API. A cluster need not have it: its types are no part of Kubernetes.
#[must_use]
pub fn resource() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "HTTPRoute"))
}

/// The route, where the class exposes sites by a Gateway.
pub(super) fn http_route(site: &Site) -> Option<DynamicObject> {
    let Exposure::Gateway(gateway) = &site.exposure else {
        return None;
    };
    let mut parent = Map::from_iter([
        ("group".to_owned(), json!("gateway.networking.k8s.io")),
        ("kind".to_owned(), json!("Gateway")),
        ("name".to_owned(), json!(gateway.name)),
        ("namespace".to_owned(), json!(gateway.namespace)),
    ]);
    if let Some(section) = &gateway.section_name {
        parent.insert("sectionName".to_owned(), json!(section));
    }
    let data = json!({
        "spec": {
            "parentRefs": [Value::Object(parent)],
            "hostnames": site.domains,
            "rules": [{
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [{
                    "kind": "Service",
                    "name": site.object_name(Component::Web),
                    "port": service::PORT,
                    "weight": 1,
                }],
            }],
        },
    });
    let mut route = DynamicObject::new(&site.object_name(Component::Web), &resource()).data(data);
    route.metadata = metadata(site, Component::Web);
    Some(route)
}
