//! Volume claims. They are plain objects, not templates of a set, so that keeping and adopting them is ours to decide.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::metadata::retained_metadata;
use crate::api::names::Component;
use crate::site::model::{Site, Volume};

/// The claim for the `volume` of `component`.
#[must_use]
pub fn claim(site: &Site, component: Component, volume: &Volume) -> PersistentVolumeClaim {
    let access_mode: &str = volume.access_mode.into();
    PersistentVolumeClaim {
        metadata: retained_metadata(site, component),
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec![access_mode.into()]),
            storage_class_name: volume.storage_class_name.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), Quantity(volume.storage.clone()))].into()),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}
