//! The way in by an ingress controller.

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend, IngressSpec,
    IngressTLS, ServiceBackendPort,
};

use super::metadata::metadata;
use super::service;
use crate::api::names::Component;
use crate::site::model::{Exposure, Site};

/// Tells cert-manager which issuer makes the certificate.
const CLUSTER_ISSUER_ANNOTATION: &str = "cert-manager.io/cluster-issuer";

/// The Ingress, where the class exposes sites by one. Every domain leads to the pods: they redirect to the canonical one.
pub(super) fn ingress(site: &Site) -> Option<Ingress> {
    let Exposure::Ingress(exposure) = &site.exposure else {
        return None;
    };
    let mut annotations = exposure.annotations.clone();
    let mut tls = None;
    if let Some(wanted) = &exposure.tls {
        if let Some(issuer) = &wanted.cluster_issuer {
            annotations.insert(CLUSTER_ISSUER_ANNOTATION.to_owned(), issuer.clone());
        }
        let secret_name = wanted.secret_name.clone().unwrap_or_else(|| format!("{}-tls", site.name));
        tls = Some(vec![IngressTLS { hosts: Some(site.domains.clone()), secret_name: Some(secret_name) }]);
    }
    let mut metadata = metadata(site, Component::Web);
    metadata.annotations = (!annotations.is_empty()).then_some(annotations);
    Some(Ingress {
        metadata,
        spec: Some(IngressSpec {
            ingress_class_name: exposure.class_name.clone(),
            rules: Some(site.domains.iter().map(|domain| rule(site, domain)).collect()),
            tls,
            ..IngressSpec::default()
        }),
        ..Ingress::default()
    })
}

fn rule(site: &Site, domain: &str) -> IngressRule {
    let backend = IngressServiceBackend {
        name: site.object_name(Component::Web),
        port: Some(ServiceBackendPort { number: Some(service::PORT), ..ServiceBackendPort::default() }),
    };
    IngressRule {
        host: Some(domain.to_owned()),
        http: Some(HTTPIngressRuleValue {
            paths: vec![HTTPIngressPath {
                path: Some("/".into()),
                path_type: "Prefix".into(),
                backend: IngressBackend { service: Some(backend), ..IngressBackend::default() },
            }],
        }),
    }
}
