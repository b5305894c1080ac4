//! Sixth step: carry out what was decided. The only writer of a site's objects.

use std::fmt::Debug;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use kube::core::ApiResource;
use kube::{Client, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::build::{Desired, ObjectKey, Prepared};
use super::decide::{self, Deletion, Steps};
use super::diagnosis::Finding;
use super::model::Site;
use crate::api::condition::Reason;
use crate::api::names::{FIELD_MANAGER, SITE_UID_LABEL};

/// Why a step was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A Secret could not be made.
    #[error("failed to create the Secret {name:?}")]
    CreateSecret {
        /// The name of the Secret.
        name: String,
        /// The cause.
        source: kube::Error,
    },
    /// An object could not be applied.
    #[error("failed to apply the {kind} {name:?}")]
    Apply {
        /// The kind of the object.
        kind: String,
        /// The name of the object.
        name: String,
        /// The cause.
        source: kube::Error,
    },
    /// An object could not be deleted.
    #[error("failed to delete the {kind} {name:?}")]
    Delete {
        /// The kind of the object.
        kind: String,
        /// The name of the object.
        name: String,
        /// The cause.
        source: kube::Error,
    },
    /// An object that is not ours has the name of one of ours.
    #[error("{}", .0.message)]
    Obstacle(Finding),
}

impl Error {
    /// What to tell the site's owner, where it is for a person to act; `None` where trying again is all there is to do.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        match self {
            Self::Obstacle(finding) => Some(finding.clone()),
            Self::CreateSecret { source, .. } | Self::Apply { source, .. } | Self::Delete { source, .. } => {
                match source {
                    // To apply an object that is not there creates it, so this is about its kind.
                    kube::Error::Api(status) if status.code == 404 && !status.message.contains("namespaces") => {
                        Some(Finding::new(
                            Reason::ApplyFailed,
                            format!(
                                "{self}: the cluster has no such kind; install what defines it, for an HTTPRoute the Gateway API"
                            ),
                        ))
                    }
                    // The API server understood and says no: an admission rule, a quota, a value that it does not accept.
                    kube::Error::Api(status) if matches!(status.code, 400 | 403 | 422) => {
                        Some(Finding::new(Reason::ApplyFailed, format!("{self}: {}", status.message)))
                    }
                    _ => None,
                }
            }
        }
    }
}

/// Carries out `steps` in order, and stops at the first that fails: the next pass goes on from what it finds.
pub async fn apply(client: &Client, site: &Site, desired: &Desired, steps: Steps) -> Result<(), Error> {
    // Without `..`: a new kind of step does not compile until it is carried out here.
    let Steps { generate, adopt_secrets, apply, delete, look_again_after: _ } = steps;
    let secrets = Api::<Secret>::namespaced(client.clone(), &site.namespace);
    for generated in generate {
        let name = site.object_name(generated.component);
        match secrets
            .create(
                &PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() },
                &generated.generate(site),
            )
            .await
        {
            Ok(_) => {}
            // Another pass or another operator was first; its value is the one that counts.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(source) => return Err(Error::CreateSecret { name, source }),
        }
    }
    for name in adopt_secrets {
        let patch = json!({"metadata": {"labels": {SITE_UID_LABEL: site.uid}}});
        secrets
            .patch_metadata(&name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .map_err(|source| Error::Apply { kind: "Secret".into(), name, source })?;
    }
    for prepared in apply {
        apply_one(client, site, &prepared).await?;
    }
    for deletion in delete {
        delete_one(client, site, desired, &deletion).await?;
    }
    Ok(())
}

async fn apply_one(client: &Client, site: &Site, prepared: &Prepared) -> Result<(), Error> {
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), &site.namespace, &prepared.resource);
    let failed = |source| Error::Apply { kind: prepared.resource.kind.clone(), name: prepared.name.clone(), source };
    // The caches know only what carries our labels. Whatever else has the name is somebody's, and is not taken over.
    if let Some(found) = api.get_metadata_opt(&prepared.name).await.map_err(failed)? {
        let ours = found.labels().get(SITE_UID_LABEL).is_some();
        if !ours {
            return Err(Error::Obstacle(decide::conflict(&prepared.resource.kind, &prepared.name)));
        }
    }
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(&prepared.name, &parameters, &Patch::Apply(&prepared.value)).await.map_err(failed)?;
    Ok(())
}

async fn delete_one(client: &Client, site: &Site, desired: &Desired, deletion: &Deletion) -> Result<(), Error> {
    let Deletion { key: ObjectKey { kind, name }, uid } = deletion;
    let resource = resource(desired, kind);
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), &site.namespace, &resource);
    delete_by_uid(&api, name, Some(uid.clone())).await.map_err(|source| Error::Delete {
        kind: kind.clone(),
        name: name.clone(),
        source,
    })
}

/// Deletes the object `name`, if it is the one with this `uid`.
pub(super) async fn delete_by_uid<K>(api: &Api<K>, name: &str, uid: Option<String>) -> Result<(), kube::Error>
where
    K: Clone + Debug + DeserializeOwned,
{
    let guard = Preconditions { uid, resource_version: None };
    match api.delete(name, &DeleteParams::background().preconditions(guard)).await {
        Ok(_) => Ok(()),
        // Gone, or another object by now: what was to be deleted is not there any more.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        Err(source) => Err(source),
    }
}

fn resource(desired: &Desired, kind: &str) -> ApiResource {
    let known = desired.serving.iter().chain([&desired.install, &desired.schema]).chain(&desired.foundation);
    known.map(|prepared| &prepared.resource).find(|resource| resource.kind == kind).cloned().unwrap_or_else(|| {
        use k8s_openapi::api::{
            autoscaling::v2::HorizontalPodAutoscaler, networking::v1::Ingress, policy::v1::PodDisruptionBudget,
        };
        match kind {
            "Ingress" => ApiResource::erase::<Ingress>(&()),
            "HorizontalPodAutoscaler" => ApiResource::erase::<HorizontalPodAutoscaler>(&()),
            "PodDisruptionBudget" => ApiResource::erase::<PodDisruptionBudget>(&()),
            _ => crate::workload::http_route::resource(),
        }
    })
}
