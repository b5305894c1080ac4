//! The addresses of a site's pods.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::{metadata, selector};
use crate::api::names::Component;
use crate::site::model::Site;

/// The Service of the web pods.
#[must_use]
pub fn web(site: &Site) -> Service {
    service(site, Component::Web, "http", 80, None)
}

/// The headless Service of the database: one pod, so nothing to balance, and DNS names the pod itself.
#[must_use]
pub fn database(site: &Site) -> Service {
    service(site, Component::Database, "mysql", site.database.port, Some("None"))
}

fn service(site: &Site, component: Component, port_name: &str, port: i32, cluster_ip: Option<&str>) -> Service {
    Service {
        metadata: metadata(site, component),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            cluster_ip: cluster_ip.map(Into::into),
            selector: Some(selector(site, component)),
            ports: Some(vec![ServicePort {
                name: Some(port_name.into()),
                port,
                protocol: Some("TCP".into()),
                target_port: Some(IntOrString::String(port_name.into())),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
