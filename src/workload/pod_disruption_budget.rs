//! How many web pods a node drain may stop at once.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::{metadata, selector};
use crate::api::names::Component;
use crate::site::model::{Scaling, Site};

/// The budget, from two replicas. With one it would only keep its node from ever being drained.
pub(super) fn pod_disruption_budget(site: &Site) -> Option<PodDisruptionBudget> {
    let fewest = match site.web.scaling {
        Scaling::Fixed(replicas) => replicas,
        Scaling::Automatic { min, .. } => min,
    };
    (fewest >= 2).then(|| PodDisruptionBudget {
        metadata: metadata(site, Component::Web),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(selector(site, Component::Web)),
            // A pod that does not serve anyway must not hold up the drain of its node.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".into()),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    })
}
