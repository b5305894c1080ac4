//! Fourth step: what there is, read from the caches of labelled objects and, for Secrets and routes, live.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Event, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Api, DynamicObject, ListParams};
use kube::runtime::reflector::Store;
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde_json::Value;

use super::build::{Desired, ObjectKey};
use super::managed::Front;
use super::model::Site;
use crate::api::names::{SITE_LABEL, SITE_UID_LABEL};
use crate::workload::http_route;

/// The caches of everything that carries our managed-by label.
///
/// Objects that a site's name selects are found by name and namespace, pods by label.
#[derive(Clone)]
pub struct Caches {
    pub(super) service_accounts: Store<ServiceAccount>,
    pub(super) config_maps: Store<ConfigMap>,
    pub(super) claims: Store<PersistentVolumeClaim>,
    pub(super) services: Store<Service>,
    pub(super) stateful_sets: Store<StatefulSet>,
    pub(super) deployments: Store<Deployment>,
    pub(super) ingresses: Store<Ingress>,
    pub(super) network_policies: Store<NetworkPolicy>,
    pub(super) autoscalers: Store<HorizontalPodAutoscaler>,
    pub(super) disruption_budgets: Store<PodDisruptionBudget>,
    pub(super) jobs: Store<Job>,
    pub(super) cron_jobs: Store<CronJob>,
    pub(super) pods: Store<Pod>,
}

/// Why the state of a site could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The presence of one of our Secrets.
    #[error("failed to look for the Secret {name:?}")]
    ReadSecret {
        /// The name of the Secret.
        name: String,
        /// The cause.
        source: kube::Error,
    },
    /// The route of the site.
    #[error("failed to read the HTTPRoute {name:?}")]
    ReadRoute {
        /// The name of the route.
        name: String,
        /// The cause.
        source: kube::Error,
    },
    /// Why pods are refused.
    #[error("failed to list the events of {name:?}")]
    ListEvents {
        /// The object whose events were asked for.
        name: String,
        /// The cause.
        source: kube::Error,
    },
}

/// What there is of a site.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The applied objects as JSON, by kind and name. Whoever they belong to: see `decide`.
    pub objects: BTreeMap<ObjectKey, Value>,
    /// The database's pod set.
    pub stateful_set: Option<Arc<StatefulSet>>,
    /// The web pods' deployment.
    pub deployment: Option<Arc<Deployment>>,
    /// The web Service.
    pub service: Option<Arc<Service>>,
    /// The site's volume claims.
    pub claims: Vec<Arc<PersistentVolumeClaim>>,
    /// The site's Jobs, without those of the `CronJob`.
    pub jobs: Vec<Arc<Job>>,
    /// The site's pods.
    pub pods: Vec<Arc<Pod>>,
    /// For each Secret that we make: the value of its site-uid label, or `None` where there is no such Secret.
    pub secrets: BTreeMap<String, Option<String>>,
    /// Why the pods of a set without pods are refused, by the name of the set.
    pub refusals: BTreeMap<String, String>,
}

/// How often a store is asked again whether it has its first list.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Waits until `store` has its first list. `false`: its watch has ended.
///
/// A store of kube wakes only the one who asked last, and kube's controller asks as well. Whoever asked before it and was
/// not asked again would wait for ever: an operator that is never ready, on a cluster whose definitions are new.
pub(super) async fn first_list<K>(store: &Store<K>) -> bool
where
    K: Resource<DynamicType: Eq + Hash + Clone> + Clone + 'static,
{
    loop {
        if let Ok(ready) = tokio::time::timeout(ASK_AGAIN_AFTER, store.wait_until_ready()).await {
            return ready.is_ok();
        }
    }
}

/// Reads what there is of `site`.
pub async fn observe(client: &Client, caches: &Caches, site: &Site, desired: &Desired) -> Result<Observed, Error> {
    let mut observed = Observed::default();
    let view = View { site };
    view.collect(&mut observed, &caches.service_accounts);
    view.collect(&mut observed, &caches.config_maps);
    view.collect(&mut observed, &caches.network_policies);
    view.collect(&mut observed, &caches.ingresses);
    view.collect(&mut observed, &caches.autoscalers);
    view.collect(&mut observed, &caches.disruption_budgets);
    view.collect(&mut observed, &caches.cron_jobs);
    observed.claims = view.collect(&mut observed, &caches.claims);
    observed.jobs = view.collect(&mut observed, &caches.jobs);
    let web = site.object_name(crate::api::names::Component::Web);
    let database = site.object_name(crate::api::names::Component::Database);
    observed.service = view.collect(&mut observed, &caches.services).into_iter().find(|it| it.name_any() == web);
    observed.deployment = view.collect(&mut observed, &caches.deployments).into_iter().find(|it| it.name_any() == web);
    observed.stateful_set =
        view.collect(&mut observed, &caches.stateful_sets).into_iter().find(|it| it.name_any() == database);
    observed.pods = view.of_site(&caches.pods);

    let secrets = Api::<Secret>::namespaced(client.clone(), &site.namespace);
    for generated in &desired.generated_secrets {
        let name = site.object_name(generated.component);
        let found = secrets
            .get_metadata_opt(&name)
            .await
            .map_err(|source| Error::ReadSecret { name: name.clone(), source })?
            .map(|secret| secret.labels().get(SITE_UID_LABEL).cloned().unwrap_or_default());
        observed.secrets.insert(name, found);
    }

    for route in desired.serving.iter().filter(|prepared| prepared.resource.kind == "HTTPRoute") {
        let routes = Api::<DynamicObject>::namespaced_with(client.clone(), &site.namespace, &http_route::resource());
        let found = match routes.get(&route.name).await {
            Ok(found) => Some(found),
            // Also where the cluster has no such kind: then it is the applying that says so, with what to do.
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(source) => return Err(Error::ReadRoute { name: route.name.clone(), source }),
        };
        if let Some(found) = found {
            observed.objects.insert(route.key(), json(&found));
        }
    }

    if let Some(set) = &observed.stateful_set
        && !observed.pods.iter().any(|pod| pod.name_any().starts_with(&database))
        && let Some(refusal) = refusal(client, &site.namespace, &set.name_any()).await?
    {
        // A StatefulSet, unlike a Deployment, says nothing in its status about pods that it may not create.
        observed.refusals.insert(set.name_any(), refusal);
    }
    Ok(observed)
}

/// What the in-cluster half says to the AWS half, from the caches.
#[must_use]
pub fn front(caches: &Caches, site: &Site) -> Front {
    let view = View { site };
    let web = site.object_name(crate::api::names::Component::Web);
    let ingress = view.of_site(&caches.ingresses).into_iter().find(|it| it.name_any() == web);
    let load_balancer = ingress.and_then(|ingress| {
        let ingresses = ingress.status.as_ref()?.load_balancer.as_ref()?.ingress.as_ref()?;
        ingresses.iter().find_map(|it| it.hostname.clone())
    });
    let deployment = view.of_site(&caches.deployments).into_iter().find(|it| it.name_any() == web);
    let available = deployment.and_then(|it| it.status.as_ref()?.available_replicas).unwrap_or(0);
    Front { load_balancer, serves: available > 0 }
}

async fn refusal(client: &Client, namespace: &str, name: &str) -> Result<Option<String>, Error> {
    let selector = format!("involvedObject.name={name},reason=FailedCreate");
    let events = Api::<Event>::namespaced(client.clone(), namespace)
        .list(&ListParams::default().fields(&selector))
        .await
        .map_err(|source| Error::ListEvents { name: name.into(), source })?;
    Ok(events.items.into_iter().max_by_key(|event| event.last_timestamp.clone()).and_then(|event| event.message))
}

struct View<'a> {
    site: &'a Site,
}

impl View<'_> {
    /// The objects of the site in `store`, also put into `observed.objects`.
    fn collect<K>(&self, observed: &mut Observed, store: &Store<K>) -> Vec<Arc<K>>
    where
        K: Resource<DynamicType = ()> + Serialize + Clone + 'static,
    {
        let found = self.of_site(store);
        for object in &found {
            let key = ObjectKey { kind: K::kind(&()).into_owned(), name: object.name_any() };
            observed.objects.insert(key, json(object.as_ref()));
        }
        found
    }

    fn of_site<K>(&self, store: &Store<K>) -> Vec<Arc<K>>
    where
        K: Resource<DynamicType = ()> + Clone + 'static,
    {
        let mut found: Vec<_> = store
            .state()
            .into_iter()
            .filter(|object| {
                object.namespace().as_ref() == Some(&self.site.namespace)
                    && object.labels().get(SITE_LABEL) == Some(&self.site.name)
            })
            .collect();
        found.sort_by_key(|object| object.name_any());
        found
    }
}

fn json(object: &impl Serialize) -> Value {
    serde_json::to_value(object).expect("Kubernetes objects have string keys and finite numbers")
}

impl Caches {
    /// Waits until every cache has its first list. That a cache ends is the end of the process.
    pub async fn wait_until_ready(&self) {
        // Without `..`: a new cache does not compile until it is waited for.
        let Self {
            service_accounts,
            config_maps,
            claims,
            services,
            stateful_sets,
            deployments,
            ingresses,
            network_policies,
            autoscalers,
            disruption_budgets,
            jobs,
            cron_jobs,
            pods,
        } = self;
        let waits: [futures::future::BoxFuture<'_, _>; 13] = [
            Box::pin(first_list(service_accounts)),
            Box::pin(first_list(config_maps)),
            Box::pin(first_list(claims)),
            Box::pin(first_list(services)),
            Box::pin(first_list(stateful_sets)),
            Box::pin(first_list(deployments)),
            Box::pin(first_list(ingresses)),
            Box::pin(first_list(network_policies)),
            Box::pin(first_list(autoscalers)),
            Box::pin(first_list(disruption_budgets)),
            Box::pin(first_list(jobs)),
            Box::pin(first_list(cron_jobs)),
            Box::pin(first_list(pods)),
        ];
        for outcome in futures::future::join_all(waits).await {
            if !outcome {
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::runtime::reflector;
    use kube::runtime::watcher::Event;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn everybody_who_waits_for_a_first_list_learns_of_it() {
        let (store, mut writer) = reflector::store::<ConfigMap>();
        let waits = |store: Store<ConfigMap>| tokio::spawn(async move { first_list(&store).await });
        let waiting = [waits(store.clone()), waits(store)];
        tokio::task::yield_now().await;
        for event in [Event::Init, Event::InitDone] {
            writer.apply_watcher_event(&event);
        }
        let all = futures::future::join_all(waiting);
        let ready = tokio::time::timeout(Duration::from_secs(5), all).await.expect("nobody waits for ever");
        assert!(ready.into_iter().all(|ready| ready.is_ok_and(|ready| ready)));
    }
}
