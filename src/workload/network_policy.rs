//! What a site's pods may talk to.

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::{label_selector, metadata};
use crate::api::names::{COMPONENT_LABEL, Component, SITE_LABEL};
use crate::site::model::{DatabaseProvider, Site};

/// The policy of web and task pods: visitors in; DNS, the database and the web out.
#[must_use]
pub fn web(site: &Site) -> NetworkPolicy {
    let to_database = match &site.database.provider {
        DatabaseProvider::InCluster { .. } => Some(vec![peer(label_selector(site, Component::Database))]),
        // A server somewhere, perhaps behind a name whose addresses change.
        DatabaseProvider::External => None,
    };
    let egress = vec![
        dns(),
        NetworkPolicyEgressRule { to: to_database, ports: Some(vec![tcp(site.database.port)]) },
        // WordPress embeds other sites' posts, and plugins call APIs. Never link-local addresses: clouds answer there
        // with the credentials of the node.
        NetworkPolicyEgressRule {
            to: Some(vec![anywhere("0.0.0.0/0", "169.254.0.0/16"), anywhere("::/0", "fe80::/10")]),
            ports: Some(vec![tcp(80), tcp(443)]),
        },
    ];
    let ingress = vec![NetworkPolicyIngressRule { ports: Some(vec![tcp(8080)]), from: None }];
    policy(site, Component::Web, all_but_database(site), ingress, egress)
}

/// The policy of the database: the site's own pods in, DNS out.
#[must_use]
pub fn database(site: &Site) -> NetworkPolicy {
    let ingress = vec![NetworkPolicyIngressRule {
        from: Some(vec![peer(all_but_database(site))]),
        ports: Some(vec![tcp(site.database.port)]),
    }];
    policy(site, Component::Database, label_selector(site, Component::Database), ingress, vec![dns()])
}

fn policy(
    site: &Site,
    component: Component,
    pods: LabelSelector,
    ingress: Vec<NetworkPolicyIngressRule>,
    egress: Vec<NetworkPolicyEgressRule>,
) -> NetworkPolicy {
    NetworkPolicy {
        metadata: metadata(site, component),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(pods),
            policy_types: Some(vec!["Ingress".into(), "Egress".into()]),
            ingress: Some(ingress),
            egress: Some(egress),
        }),
    }
}

fn all_but_database(site: &Site) -> LabelSelector {
    let database: &str = Component::Database.into();
    LabelSelector {
        match_labels: Some([(SITE_LABEL.to_owned(), site.name.clone())].into()),
        match_expressions: Some(vec![LabelSelectorRequirement {
            key: COMPONENT_LABEL.into(),
            operator: "NotIn".into(),
            values: Some(vec![database.into()]),
        }]),
    }
}

fn peer(pods: LabelSelector) -> NetworkPolicyPeer {
    NetworkPolicyPeer { pod_selector: Some(pods), ..NetworkPolicyPeer::default() }
}

fn anywhere(cidr: &str, but: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        ip_block: Some(IPBlock { cidr: cidr.into(), except: Some(vec![but.into()]) }),
        ..NetworkPolicyPeer::default()
    }
}

fn dns() -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule { to: None, ports: Some(vec![port("UDP", 53), tcp(53)]) }
}

fn tcp(number: i32) -> NetworkPolicyPort {
    port("TCP", number)
}

fn port(protocol: &str, number: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some(protocol.into()),
        port: Some(IntOrString::Int(number)),
        ..NetworkPolicyPort::default()
    }
}
