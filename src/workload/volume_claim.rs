//! The claims for what has to outlive pods.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::metadata::metadata_of_data;
use crate::api::names::Component;
use crate::site::model::{Media, Site, Volume};

/// The claim for uploads, where they are on a volume.
pub(super) fn uploads(site: &Site) -> Option<PersistentVolumeClaim> {
    match &site.media {
        Media::Volume(volume) => Some(claim(site, Component::Uploads, volume)),
        Media::Bucket => None,
    }
}

/// A claim for `volume`, named after `component`.
pub(super) fn claim(site: &Site, component: Component, volume: &Volume) -> PersistentVolumeClaim {
    PersistentVolumeClaim {
        metadata: metadata_of_data(site, component),
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec![<&str>::from(volume.access_mode).to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([("storage".to_owned(), Quantity(volume.storage.clone()))])),
                ..VolumeResourceRequirements::default()
            }),
            storage_class_name: volume.storage_class_name.clone(),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}
