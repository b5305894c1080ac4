//! Third step: the objects that the site should have, as values that can be compared and applied. A plain function.

use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use kube::core::ApiResource;
use serde::Serialize;
use serde_json::{Value, json};

use super::model::Site;
use crate::api::digest::digest;
use crate::api::names::{Component, DIGEST_ANNOTATION};
use crate::workload::{self, secrets};

/// An object as it should be, not yet applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// Its kind.
    pub resource: ApiResource,
    /// Its name, in the site's namespace.
    pub name: String,
    /// What we set of it, with [`DIGEST_ANNOTATION`].
    pub value: Value,
    /// The digest of `value` without the annotation.
    pub digest: String,
}

/// Kind and name of an object of the site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKey {
    /// The kind, such as `Deployment`.
    pub kind: String,
    /// The name.
    pub name: String,
}

/// The objects that the site should have, by the step at which they may be applied.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Needs nothing: identity, configuration, volumes, the database, the Service.
    pub foundation: Vec<Prepared>,
    /// The Job that installs WordPress; needs the database.
    pub install: Prepared,
    /// The Job that brings the schema to the image's version; needs the installation.
    pub schema: Prepared,
    /// What serves pages with the wanted image; needs the schema of that image.
    pub serving: Vec<Prepared>,
    /// Secrets made once and never changed, by their names.
    pub generated_secrets: Vec<GeneratedSecret>,
}

/// A Secret that is made once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneratedSecret {
    /// Which one.
    pub component: Component,
    /// Whether it outlives the site together with the database volume.
    pub retained: bool,
}

impl GeneratedSecret {
    /// A fresh Secret with random values.
    #[must_use]
    pub fn generate(self, site: &Site) -> Secret {
        match self.component {
            Component::Admin => secrets::admin(site).into_inner(),
            Component::Database => secrets::database(site).into_inner(),
            _ => secrets::salts(site).into_inner(),
        }
    }
}

impl Prepared {
    /// Prepares `object`: its kind is written into it, and the digest of everything as an annotation.
    ///
    /// # Panics
    ///
    /// Where an object is not JSON, which a Kubernetes object always is.
    pub fn new<K>(object: &K) -> Self
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let mut value = serde_json::to_value(object).expect("Kubernetes objects have string keys and finite numbers");
        let resource = ApiResource::erase::<K>(&());
        value["apiVersion"] = json!(resource.api_version);
        value["kind"] = json!(resource.kind);
        Self::from_value(resource, value)
    }

    /// Prepares an object whose kind stands in `value` already.
    pub fn from_value(resource: ApiResource, mut value: Value) -> Self {
        // A value that was prepared before gets the digest that it would have got then.
        if let Some(metadata) = value["metadata"].as_object_mut()
            && let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut)
        {
            annotations.remove(DIGEST_ANNOTATION);
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
        let digest = digest(&value);
        value["metadata"]["annotations"][DIGEST_ANNOTATION] = json!(digest);
        let name = value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        Self { resource, name, value, digest }
    }

    /// Kind and name.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        ObjectKey { kind: self.resource.kind.clone(), name: self.name.clone() }
    }
}

/// Builds everything that `site` should have.
///
/// # Panics
///
/// Where an object is not JSON, which a Kubernetes object always is.
#[must_use]
pub fn build(site: &Site) -> Desired {
    // Without `..`: a new kind of object does not compile until it has its place here.
    let workload::Objects {
        service_account,
        config_map,
        uploads,
        database,
        deployment,
        service,
        ingress,
        http_route,
        horizontal_pod_autoscaler,
        pod_disruption_budget,
        network_policy,
        install_job,
        schema_job,
        cron_job,
    } = workload::objects(site);

    let mut foundation = vec![
        Prepared::new(&service_account),
        Prepared::new(&config_map),
        Prepared::new(&network_policy),
        Prepared::new(&service),
    ];
    foundation.extend(uploads.as_ref().map(Prepared::new));
    let mut generated_secrets = vec![GeneratedSecret { component: Component::Salts, retained: false }];
    if site.admin.password_is_generated {
        generated_secrets.push(GeneratedSecret { component: Component::Admin, retained: false });
    }
    if let Some(workload::DatabaseObjects { claim, service, stateful_set, network_policy }) = database {
        generated_secrets.push(GeneratedSecret { component: Component::Database, retained: true });
        foundation.extend([
            Prepared::new(&network_policy),
            Prepared::new(&claim),
            Prepared::new(&service),
            Prepared::new(&stateful_set),
        ]);
    }

    let mut serving = vec![Prepared::new(&deployment)];
    serving.extend(horizontal_pod_autoscaler.as_ref().map(Prepared::new));
    serving.extend(pod_disruption_budget.as_ref().map(Prepared::new));
    serving.extend(ingress.as_ref().map(Prepared::new));
    serving.extend(http_route.map(|route| {
        let resource = workload::http_route::resource();
        let mut value = serde_json::to_value(&route).expect("a dynamic object is JSON already");
        value["apiVersion"] = json!(resource.api_version);
        value["kind"] = json!(resource.kind);
        Prepared::from_value(resource, value)
    }));
    serving.push(Prepared::new(&cron_job));

    Desired {
        foundation,
        install: Prepared::new(&install_job),
        schema: Prepared::new(&schema_job),
        serving,
        generated_secrets,
    }
}
