//! The end of a site: its deletion policy is carried out, then the finalizer goes.
//!
//! kube's `finalizer()` lets go on any `Ok` of the cleanup, also on "look again later"; this step lets go only when it
//! is done. It never depends on the spec being valid or on the class being there.

pub mod units;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret};
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::{Client, Resource, ResourceExt};
use serde_json::json;

use super::apply::delete_by_uid;
use crate::api::names::{Component, FINALIZER, SITE_UID_LABEL, object_name};
use crate::api::site::DeletionPolicy;
use crate::api::{WordPressClass, WordPressSite};

/// Why a site could not be finalized or guarded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The finalizer could not be added.
    #[error("failed to add the finalizer")]
    AddFinalizer(#[source] kube::Error),
    /// The finalizer could not be removed.
    #[error("failed to remove the finalizer")]
    RemoveFinalizer(#[source] kube::Error),
    /// The site could not be read as it is now.
    #[error("failed to read the site")]
    ReadSite(#[source] kube::Error),
    /// The status is not what this version writes, and it is the only record of what stands in AWS.
    #[error("failed to read the units in the status of the site")]
    ParseStatus(#[source] serde_json::Error),
    /// The site's volumes could not be listed.
    #[error("failed to list the volumes of the site")]
    ListVolumes(#[source] kube::Error),
    /// A volume could not be kept or deleted.
    #[error("failed to settle the {kind} {name:?}")]
    Settle {
        /// The kind of the object.
        kind: String,
        /// The name of the object.
        name: String,
        /// The cause.
        source: kube::Error,
    },
}

/// What became of a site's data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Claims and Secrets that stay, as `Kind/name`.
    pub kept: Vec<String>,
    /// Claims and Secrets that were deleted.
    pub deleted: Vec<String>,
}

/// Adds the finalizer where it is missing and returns the site as it is then.
///
/// The patch tests the list it replaces, since Kubernetes does not keep finalizers unique: two operators that add it
/// at once would add it twice.
pub async fn guard(client: &Client, site: WordPressSite) -> Result<WordPressSite, Error> {
    if site.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(site);
    }
    let api = Api::<WordPressSite>::namespaced(client.clone(), &site.namespace().unwrap_or_default());
    let mut finalizers = site.finalizers().to_vec();
    finalizers.push(FINALIZER.into());
    let patch = finalizers_patch(&site, &finalizers);
    api.patch(&site.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await.map_err(Error::AddFinalizer)
}

/// Removes the finalizer. That the site is gone already is fine.
pub async fn release(client: &Client, site: &impl ResourceExt) -> Result<(), Error> {
    let Some(at) = site.finalizers().iter().position(|finalizer| finalizer == FINALIZER) else {
        return Ok(());
    };
    let mut finalizers = site.finalizers().to_vec();
    finalizers.remove(at);
    let api = Api::<WordPressSite>::namespaced(client.clone(), &site.namespace().unwrap_or_default());
    let patch = finalizers_patch(site, &finalizers);
    match api.patch_metadata(&site.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(source) => Err(Error::RemoveFinalizer(source)),
    }
}

/// The resourceVersion makes the API server refuse the patch where the list has changed since it was read.
fn finalizers_patch(site: &impl ResourceExt, finalizers: &[String]) -> serde_json::Value {
    json!({"metadata": {"resourceVersion": site.resource_version(), "finalizers": finalizers}})
}

/// The policy of a site that is being deleted: its own, else its class', else the default.
#[must_use]
pub fn policy(site: &WordPressSite, classes: &[WordPressClass]) -> DeletionPolicy {
    let class_name =
        site.spec.class_name.as_ref().or_else(|| site.status.as_ref().and_then(|status| status.class_name.as_ref()));
    let of_class = || {
        let class = classes.iter().find(|class| Some(&class.name_any()) == class_name)?;
        class.spec.deletion_policy
    };
    site.spec.deletion_policy.or_else(of_class).unwrap_or_default()
}

/// Keeps or deletes the claims and the database login of the site with this `uid`.
///
/// Both are read live and carry the uid as a label, so that a cache that lags cannot spare or hit another site's.
pub async fn settle(
    client: &Client,
    namespace: &str,
    site: &str,
    uid: &str,
    policy: DeletionPolicy,
) -> Result<Outcome, Error> {
    let mut outcome = Outcome::default();
    let claims = Api::<PersistentVolumeClaim>::namespaced(client.clone(), namespace);
    let found = claims
        .list_metadata(&ListParams::default().labels(&format!("{SITE_UID_LABEL}={uid}")))
        .await
        .map_err(Error::ListVolumes)?;
    for claim in found.items {
        settle_one(&claims, &claim.metadata, policy, &mut outcome).await?;
    }
    let secrets = Api::<Secret>::namespaced(client.clone(), namespace);
    let login = object_name(site, Component::Database);
    let settled = |source| Error::Settle { kind: "Secret".into(), name: login.clone(), source };
    if let Some(secret) = secrets.get_metadata_opt(&login).await.map_err(settled)?
        && secret.labels().get(SITE_UID_LABEL).is_some_and(|label| label == uid)
    {
        settle_one(&secrets, &secret.metadata, policy, &mut outcome).await?;
    }
    Ok(outcome)
}

async fn settle_one<K>(
    api: &Api<K>,
    metadata: &kube::core::ObjectMeta,
    policy: DeletionPolicy,
    outcome: &mut Outcome,
) -> Result<(), Error>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let kind = K::kind(&()).into_owned();
    let name = metadata.name.clone().unwrap_or_default();
    let failed = |source| Error::Settle { kind: kind.clone(), name: name.clone(), source };
    match policy {
        DeletionPolicy::Delete => {
            delete_by_uid(api, &name, metadata.uid.clone()).await.map_err(failed)?;
            outcome.deleted.push(format!("{kind}/{name}"));
        }
        DeletionPolicy::Retain | DeletionPolicy::Snapshot => {
            // The policy may have been Delete until a moment ago: what has an owner would go with it.
            if metadata.owner_references.as_ref().is_some_and(|owners| !owners.is_empty()) {
                let patch = json!({"metadata": {"ownerReferences": null}});
                api.patch_metadata(&name, &PatchParams::default(), &Patch::Merge(patch)).await.map_err(failed)?;
            }
            outcome.kept.push(format!("{kind}/{name}"));
        }
    }
    Ok(())
}
