//! The address of the web pods in the cluster.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::{metadata, selector_labels};
use super::pod::WEB_PORT;
use crate::api::names::Component;
use crate::site::model::Site;

/// The port of the Service.
pub(super) const PORT: i32 = 80;

/// The Service of the web pods.
pub(super) fn service(site: &Site) -> Service {
    Service {
        metadata: metadata(site, Component::Web),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            selector: Some(selector_labels(site, Component::Web)),
            ports: Some(vec![ServicePort {
                name: Some("http".into()),
                port: PORT,
                target_port: Some(IntOrString::Int(WEB_PORT)),
                protocol: Some("TCP".into()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
