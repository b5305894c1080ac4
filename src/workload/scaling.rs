//! The number of web pods under load and under disruption.

use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec, MetricTarget,
    ResourceMetricSource,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::{label_selector, metadata};
use crate::api::names::Component;
use crate::site::model::{Scaling, Site};

/// The autoscaler, where the site asks for one.
#[must_use]
pub fn horizontal_pod_autoscaler(site: &Site) -> Option<HorizontalPodAutoscaler> {
    let Scaling::Automatic { min, max, target_cpu } = site.web.scaling else { return None };
    Some(HorizontalPodAutoscaler {
        metadata: metadata(site, Component::Web),
        spec: Some(HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some("apps/v1".into()),
                kind: "Deployment".into(),
                name: site.object_name(Component::Web),
            },
            min_replicas: Some(min),
            max_replicas: max,
            metrics: Some(vec![MetricSpec {
                type_: "Resource".into(),
                resource: Some(ResourceMetricSource {
                    name: "cpu".into(),
                    target: MetricTarget {
                        type_: "Utilization".into(),
                        average_utilization: Some(target_cpu),
                        ..MetricTarget::default()
                    },
                }),
                ..MetricSpec::default()
            }]),
            ..HorizontalPodAutoscalerSpec::default()
        }),
        ..HorizontalPodAutoscaler::default()
    })
}

/// The disruption budget, from two pods on: with a single pod it would block every drain of its node.
#[must_use]
pub fn pod_disruption_budget(site: &Site) -> Option<PodDisruptionBudget> {
    let fewest = match site.web.scaling {
        Scaling::Fixed(replicas) => replicas,
        Scaling::Automatic { min, .. } => min,
    };
    (fewest >= 2).then(|| PodDisruptionBudget {
        metadata: metadata(site, Component::Web),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(label_selector(site, Component::Web)),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    })
}
