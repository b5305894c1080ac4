//! Who the pods are.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::metadata::metadata;
use crate::api::names::Component;
use crate::site::model::Site;

/// An account of the site's own without a token: `WordPress` has no business with the Kubernetes API.
pub(super) fn service_account(site: &Site) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata(site, Component::Web),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
