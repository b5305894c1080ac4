//! Names, labels and owners of the objects.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use kube::Resource as _;

use crate::api::WordPressSite;
use crate::api::names::{COMPONENT_LABEL, Component, MANAGED_BY, MANAGED_BY_LABEL, SITE_LABEL, SITE_UID_LABEL};
use crate::api::site::DeletionPolicy;
use crate::site::model::Site;

/// The metadata of an object that goes with the site.
pub(super) fn metadata(site: &Site, component: Component) -> ObjectMeta {
    ObjectMeta {
        name: Some(site.object_name(component)),
        namespace: Some(site.namespace.clone()),
        labels: Some(labels(site, component)),
        owner_references: Some(vec![owner(site)]),
        ..ObjectMeta::default()
    }
}

/// The metadata of an object that holds the site's content or the only key to it.
///
/// Without an owner unless the policy is to delete: the garbage collector would take it with the site, and a finalizer
/// that comes too late cannot bring it back.
pub(super) fn metadata_of_data(site: &Site, component: Component) -> ObjectMeta {
    let metadata = metadata(site, component);
    match site.deletion_policy {
        DeletionPolicy::Delete => metadata,
        DeletionPolicy::Retain | DeletionPolicy::Snapshot => ObjectMeta { owner_references: None, ..metadata },
    }
}

/// The metadata of the pods of `component`.
pub(super) fn pod_metadata(site: &Site, component: Component) -> ObjectMeta {
    ObjectMeta { labels: Some(labels(site, component)), ..ObjectMeta::default() }
}

/// The labels of every object and pod of `component`.
fn labels(site: &Site, component: Component) -> BTreeMap<String, String> {
    let software = match component {
        Component::Database => "mariadb",
        _ => "wordpress",
    };
    BTreeMap::from(
        [
            ("app.kubernetes.io/name", software),
            ("app.kubernetes.io/instance", &site.name),
            (COMPONENT_LABEL, component.into()),
            (MANAGED_BY_LABEL, MANAGED_BY),
            (SITE_LABEL, &site.name),
            (SITE_UID_LABEL, &site.uid),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned())),
    )
}

/// The labels that select the pods of `component`.
///
/// Without the site's uid: selectors are immutable, and a re-created site has to be able to own the objects that its
/// predecessor left.
pub(super) fn selector_labels(site: &Site, component: Component) -> BTreeMap<String, String> {
    BTreeMap::from([(SITE_LABEL.to_owned(), site.name.clone()), (COMPONENT_LABEL.to_owned(), component.to_string())])
}

/// Selects the pods of `component`.
#[must_use]
pub fn selector(site: &Site, component: Component) -> LabelSelector {
    LabelSelector { match_labels: Some(selector_labels(site, component)), ..LabelSelector::default() }
}

fn owner(site: &Site) -> OwnerReference {
    OwnerReference {
        api_version: WordPressSite::api_version(&()).into_owned(),
        kind: WordPressSite::kind(&()).into_owned(),
        name: site.name.clone(),
        uid: site.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
