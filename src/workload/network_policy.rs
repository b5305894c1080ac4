//! Who may talk with whom. Policies add up: a site's owner opens more, such as a mail server, with a policy of their own.

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::{metadata, selector};
use super::pod::WEB_PORT;
use crate::api::names::{COMPONENT_LABEL, Component, SITE_LABEL};
use crate::site::model::{DatabaseProvider, Site};

/// The internet, and what is no part of it: where clouds give out the node's credentials to whoever asks. A plugin that
/// can be talked into fetching an address of the visitor's choice must not reach it.
const INTERNET: [(&str, &[&str]); 2] = [
    // Link-local: the metadata service of AWS, Google Cloud, Azure and others, and the credentials of EKS Pod Identity.
    ("0.0.0.0/0", &["169.254.0.0/16"]),
    // Link-local, and the metadata services that AWS and Google Cloud have at unique local addresses.
    ("::/0", &["fe80::/10", "fd00:ec2::/32", "fd20:ce::/32"]),
];

/// The policy of all pods of the site but the database's.
pub(super) fn of_site(site: &Site) -> NetworkPolicy {
    let database = match site.database.provider {
        DatabaseProvider::InCluster { .. } => Some(vec![of_pods(selector(site, Component::Database))]),
        // A policy knows addresses, not names, and the server's address may change.
        DatabaseProvider::External | DatabaseProvider::Aurora => None,
    };
    let agent =
        site.gateway.as_ref().filter(|gateway| gateway.web_identity_role_arn.is_none()).map(|_| pod_identity_agent());
    policy(
        site,
        Component::Web,
        pods_of_wordpress(site),
        vec![NetworkPolicyIngressRule { ports: Some(vec![tcp(WEB_PORT)]), from: None }],
        [
            dns(),
            NetworkPolicyEgressRule { ports: Some(vec![tcp(site.database.port)]), to: database },
            // Embeds, the APIs of plugins, and the site's own address, which WordPress asks for its health.
            NetworkPolicyEgressRule { ports: Some(vec![tcp(80), tcp(443)]), to: Some(internet()) },
        ]
        .into_iter()
        .chain(agent)
        .collect(),
    )
}

/// The policy of the database's pod: only its site comes in, nothing goes out.
pub(super) fn of_database(site: &Site) -> NetworkPolicy {
    policy(
        site,
        Component::Database,
        selector(site, Component::Database),
        vec![NetworkPolicyIngressRule {
            ports: Some(vec![tcp(site.database.port)]),
            from: Some(vec![of_pods(pods_of_wordpress(site))]),
        }],
        vec![dns()],
    )
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

/// Selects web, task and cron pods.
fn pods_of_wordpress(site: &Site) -> LabelSelector {
    LabelSelector {
        match_labels: Some([(SITE_LABEL.to_owned(), site.name.clone())].into()),
        match_expressions: Some(vec![LabelSelectorRequirement {
            key: COMPONENT_LABEL.to_owned(),
            operator: "NotIn".into(),
            values: Some(vec![Component::Database.to_string()]),
        }]),
    }
}

fn of_pods(pods: LabelSelector) -> NetworkPolicyPeer {
    NetworkPolicyPeer { pod_selector: Some(pods), ..NetworkPolicyPeer::default() }
}

/// Name servers, wherever they are: in the cluster, on the node, or outside.
fn dns() -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule { ports: Some(vec![port("UDP", 53), port("TCP", 53)]), to: None }
}

/// Where the Pod Identity agent of EKS gives the sidecar its role:
/// <https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html>. It asks for a token that PHP does not have.
fn pod_identity_agent() -> NetworkPolicyEgressRule {
    let agents = ["169.254.170.23/32", "fd00:ec2::23/128"].map(|cidr| NetworkPolicyPeer {
        ip_block: Some(IPBlock { cidr: cidr.to_owned(), except: None }),
        ..NetworkPolicyPeer::default()
    });
    NetworkPolicyEgressRule { ports: Some(vec![tcp(80)]), to: Some(agents.into()) }
}

fn internet() -> Vec<NetworkPolicyPeer> {
    let block = |(cidr, except): (&str, &[&str])| NetworkPolicyPeer {
        ip_block: Some(IPBlock {
            cidr: cidr.to_owned(),
            except: Some(except.iter().copied().map(str::to_owned).collect()),
        }),
        ..NetworkPolicyPeer::default()
    };
    INTERNET.map(block).into()
}

fn tcp(number: i32) -> NetworkPolicyPort {
    port("TCP", number)
}

fn port(protocol: &str, number: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some(protocol.to_owned()),
        port: Some(IntOrString::Int(number)),
        ..NetworkPolicyPort::default()
    }
}
