//! Seventh step, the writing half: the status goes to the API server only when it says something new.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kube::Client;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::ApiResource;
use serde_json::json;

use crate::api::names::{FIELD_MANAGER, GROUP, VERSION};
use crate::api::{WordPressSite, WordPressSiteStatus};

/// The status could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the status")]
pub struct Error(#[from] kube::Error);

/// The statuses that this process wrote last, by uid.
///
/// The cache that feeds a pass may lag behind the pass before it. Judged by the cache alone, the same change would be
/// made twice, the second time with another transition time.
#[derive(Default)]
pub struct Written(Mutex<HashMap<String, WordPressSiteStatus>>);

impl Written {
    /// The newest status known of `site`.
    #[must_use]
    pub fn previous(&self, site: &WordPressSite) -> WordPressSiteStatus {
        let statuses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = site.uid().and_then(|uid| statuses.get(&uid).cloned());
        known.or_else(|| site.status.clone()).unwrap_or_default()
    }

    /// Forgets a site that is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    fn remember(&self, uid: String, status: WordPressSiteStatus) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(uid, status);
    }
}

/// Writes `status` where it differs from what `site` has. Returns whether it did.
pub async fn write(
    client: &Client,
    written: &Written,
    site: &WordPressSite,
    status: WordPressSiteStatus,
) -> Result<bool, Error> {
    let uid = site.uid().unwrap_or_default();
    if site.status.as_ref() == Some(&status) {
        written.remember(uid, status);
        return Ok(false);
    }
    let changed = write_changed(client, site, &status).await?;
    if changed {
        written.remember(uid, status);
    }
    Ok(changed)
}

/// Writes `status`, which is known to differ. Returns whether the site is still there to have it.
pub async fn write_changed(
    client: &Client,
    site: &impl ResourceExt,
    status: &WordPressSiteStatus,
) -> Result<bool, Error> {
    let resource = ApiResource::erase::<WordPressSite>(&());
    let namespace = site.namespace().unwrap_or_default();
    // The answer is not read as a site: one that this version cannot read has a status all the same.
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), &namespace, &resource);
    let patch = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "WordPressSite",
        // The uid keeps a late write from landing on a site that was created again under the same name.
        "metadata": {"name": site.name_any(), "uid": site.uid()},
        "status": status,
    });
    match api.patch_status(&site.name_any(), &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(&patch)).await {
        Ok(_) => Ok(true),
        // The site went away, or is another one by now.
        Err(kube::Error::Api(answer)) if matches!(answer.code, 404 | 409) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
