//! The Ingress of a site.

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend, IngressSpec,
    IngressTLS, ServiceBackendPort,
};

use super::metadata::metadata;
use crate::api::class::IngressExposure;
use crate::api::names::Component;
use crate::site::model::Site;

/// The Ingress for every domain of `site`; redirects between them are the web pods' work.
#[must_use]
pub fn ingress(site: &Site, exposure: &IngressExposure) -> Ingress {
    let mut metadata = metadata(site, Component::Web);
    let mut annotations = exposure.annotations.clone();
    let tls = exposure.tls.as_ref().map(|tls| {
        if let Some(issuer) = &tls.cluster_issuer {
            annotations.insert("cert-manager.io/cluster-issuer".into(), issuer.clone());
        }
        vec![IngressTLS {
            hosts: Some(site.domains.clone()),
            secret_name: Some(tls.secret_name.clone().unwrap_or_else(|| format!("{}-tls", site.name))),
        }]
    });
    metadata.annotations = Some(annotations).filter(|annotations| !annotations.is_empty());
    let rule = |domain: &String| IngressRule {
        host: Some(domain.clone()),
        http: Some(HTTPIngressRuleValue {
            paths: vec![HTTPIngressPath {
                path: Some("/".into()),
                path_type: "Prefix".into(),
                backend: IngressBackend {
                    service: Some(IngressServiceBackend {
                        name: site.object_name(Component::Web),
                        port: Some(ServiceBackendPort { name: Some("http".into()), ..ServiceBackendPort::default() }),
                    }),
                    ..IngressBackend::default()
                },
            }],
        }),
    };
    Ingress {
        metadata,
        spec: Some(IngressSpec {
            ingress_class_name: exposure.class_name.clone(),
            rules: Some(site.domains.iter().map(rule).collect()),
            tls,
            ..IngressSpec::default()
        }),
        ..Ingress::default()
    }
}
