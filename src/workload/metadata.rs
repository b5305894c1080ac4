//! Names, labels and owners of a site's objects.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference};
use kube::core::ObjectMeta;

use crate::api::names::{
    COMPONENT_LABEL, Component, GROUP, MANAGED_BY, MANAGED_BY_LABEL, SITE_LABEL, SITE_UID_LABEL, VERSION,
};
use crate::api::site::DeletionPolicy;
use crate::site::model::Site;

/// The metadata of the object of `site` that is its `component`, owned by the site.
#[must_use]
pub fn metadata(site: &Site, component: Component) -> ObjectMeta {
    ObjectMeta {
        name: Some(site.object_name(component)),
        namespace: Some(site.namespace.clone()),
        labels: Some(labels(site, component)),
        owner_references: Some(vec![owner(site)]),
        ..ObjectMeta::default()
    }
}

/// The metadata of an object that outlives the site unless its policy is `Delete`: without an owner, the garbage
/// collector leaves it alone.
#[must_use]
pub fn retained_metadata(site: &Site, component: Component) -> ObjectMeta {
    let metadata = metadata(site, component);
    match site.deletion_policy {
        DeletionPolicy::Delete => metadata,
        DeletionPolicy::Retain | DeletionPolicy::Snapshot => ObjectMeta { owner_references: None, ..metadata },
    }
}

/// The labels of an object and of its pods.
#[must_use]
pub fn labels(site: &Site, component: Component) -> BTreeMap<String, String> {
    let program = match component {
        Component::Database => "mariadb",
        _ => "wordpress",
    };
    [
        ("app.kubernetes.io/name", program),
        ("app.kubernetes.io/instance", &site.name),
        (COMPONENT_LABEL, component.into()),
        (MANAGED_BY_LABEL, MANAGED_BY),
        (SITE_LABEL, &site.name),
        (SITE_UID_LABEL, &site.uid),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

/// What selects the pods of `component`. Without the uid: selectors of Deployments and StatefulSets cannot change.
#[must_use]
pub fn selector(site: &Site, component: Component) -> BTreeMap<String, String> {
    let component: &str = component.into();
    [(SITE_LABEL, site.name.as_str()), (COMPONENT_LABEL, component)]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// [`selector`] as a `LabelSelector`.
#[must_use]
pub fn label_selector(site: &Site, component: Component) -> LabelSelector {
    LabelSelector { match_labels: Some(selector(site, component)), ..LabelSelector::default() }
}

fn owner(site: &Site) -> OwnerReference {
    OwnerReference {
        api_version: format!("{GROUP}/{VERSION}"),
        kind: "WordPressSite".into(),
        name: site.name.clone(),
        uid: site.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
