//! The route of a site on a Gateway of the Gateway API, which has no types in k8s-openapi.

use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::json;

use super::metadata::metadata;
use crate::api::class::GatewayExposure;
use crate::api::names::Component;
use crate::site::model::Site;

/// `HTTPRoute` of `gateway.networking.k8s.io/v1`.
#[must_use]
pub fn resource() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "HTTPRoute"))
}

/// The route for every domain of `site`.
#[must_use]
pub fn http_route(site: &Site, gateway: &GatewayExposure) -> DynamicObject {
    let mut parent = json!({"name": gateway.name, "namespace": gateway.namespace});
    if let Some(section) = &gateway.section_name {
        parent["sectionName"] = json!(section);
    }
    let spec = json!({
        "parentRefs": [parent],
        "hostnames": site.domains,
        "rules": [{"backendRefs": [{"name": site.object_name(Component::Web), "port": 80}]}],
    });
    let mut route = DynamicObject::new(&site.object_name(Component::Web), &resource()).data(json!({"spec": spec}));
    route.metadata = metadata(site, Component::Web);
    route
}
