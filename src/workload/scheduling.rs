//! On which nodes the pods of a site run.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, PodAffinity, PodAffinityTerm, Toleration, TopologySpreadConstraint, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use super::metadata::selector;
use crate::api::class::AccessMode;
use crate::api::names::{COMPONENT_LABEL, Component, SITE_LABEL};
use crate::site::model::{Media, Site};

const HOSTNAME: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

/// Labels that a node must have.
pub(super) fn node_selector(site: &Site) -> Option<BTreeMap<String, String>> {
    (!site.web.node_selector.is_empty()).then(|| site.web.node_selector.clone())
}

/// Taints that are tolerated. The API server drops empty strings; setting them again would be a difference for ever.
pub(super) fn tolerations(site: &Site) -> Option<Vec<Toleration>> {
    fn said(text: Option<String>) -> Option<String> {
        text.filter(|text| !text.is_empty())
    }
    let tolerations = site.web.tolerations.iter().cloned().map(|it| Toleration {
        effect: said(it.effect),
        key: said(it.key),
        operator: said(it.operator),
        toleration_seconds: it.toleration_seconds,
        value: said(it.value),
    });
    (!site.web.tolerations.is_empty()).then(|| tolerations.collect())
}

/// The affinity of web pods: the user's, and to the volume's node.
pub(super) fn web_affinity(site: &Site) -> Option<Affinity> {
    with_volume_node(site, site.web.affinity.clone())
}

/// The affinity of a task's pod. Of the user's only that to nodes: where web pods stand to each other is no matter of
/// a task.
pub(super) fn task_affinity(site: &Site, uploads: bool) -> Option<Affinity> {
    let of_nodes = site.web.affinity.as_ref().and_then(|affinity| affinity.node_affinity.clone());
    let affinity = of_nodes.map(|of_nodes| Affinity { node_affinity: Some(of_nodes), ..Affinity::default() });
    if uploads { with_volume_node(site, affinity) } else { affinity }
}

/// Adds a preference for the node that has the uploads volume mounted, where one node alone can mount it.
///
/// Elsewhere a new pod waits for the old one to let go of the volume, which in a rolling update it does not do before
/// the new one is ready. Preferred, not required: after the loss of the node the pods have to start on another, while
/// the lost ones still count.
fn with_volume_node(site: &Site, affinity: Option<Affinity>) -> Option<Affinity> {
    if !on_one_node(site) {
        return affinity;
    }
    let mut affinity = affinity.unwrap_or_default();
    let of_pods: &mut PodAffinity = affinity.pod_affinity.get_or_insert_default();
    of_pods.preferred_during_scheduling_ignored_during_execution.get_or_insert_default().push(
        WeightedPodAffinityTerm {
            weight: 100,
            pod_affinity_term: PodAffinityTerm {
                label_selector: Some(LabelSelector {
                    match_labels: Some(BTreeMap::from([(SITE_LABEL.to_owned(), site.name.clone())])),
                    match_expressions: Some(vec![LabelSelectorRequirement {
                        key: COMPONENT_LABEL.to_owned(),
                        operator: "In".into(),
                        values: Some(vec![Component::Cron.to_string(), Component::Web.to_string()]),
                    }]),
                }),
                topology_key: HOSTNAME.to_owned(),
                ..PodAffinityTerm::default()
            },
        },
    );
    Some(affinity)
}

/// Whether uploads are on a volume that one node alone can mount.
fn on_one_node(site: &Site) -> bool {
    matches!(&site.media, Media::Volume(volume) if volume.access_mode == AccessMode::ReadWriteOnce)
}

/// How web pods are spread: as the user says, else over nodes and zones, where possible.
pub(super) fn spread(site: &Site) -> Option<Vec<TopologySpreadConstraint>> {
    if !site.web.topology_spread_constraints.is_empty() {
        let constraints = site.web.topology_spread_constraints.iter().cloned().map(|it| TopologySpreadConstraint {
            // Without a selector no pod counts and the constraint would do nothing.
            label_selector: it.label_selector.or_else(|| Some(selector(site, Component::Web))),
            ..it
        });
        return Some(constraints.collect());
    }
    if on_one_node(site) {
        // It would pull the new pod of a rolling update away from the volume's node.
        return None;
    }
    let over = |topology_key: &str| TopologySpreadConstraint {
        max_skew: 1,
        topology_key: topology_key.to_owned(),
        when_unsatisfiable: "ScheduleAnyway".into(),
        label_selector: Some(selector(site, Component::Web)),
        ..TopologySpreadConstraint::default()
    };
    Some(vec![over(HOSTNAME), over(ZONE)])
}
