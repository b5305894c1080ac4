//! The number of web pods by the load.

use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec, MetricTarget,
    ResourceMetricSource,
};

use super::metadata::metadata;
use crate::api::names::Component;
use crate::site::model::{Scaling, Site};

/// The autoscaler, where the site asks for one.
pub(super) fn horizontal_pod_autoscaler(site: &Site) -> Option<HorizontalPodAutoscaler> {
    let Scaling::Automatic { min, max, target_cpu } = site.web.scaling else {
        return None;
    };
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
