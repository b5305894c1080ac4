//! The controller of sites: what is watched, what wakes a pass, and how passes are counted.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use kube::core::DeserializeGuard;
use kube::core::NamespaceResourceScope;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::controller::{self, Action, Controller};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::conditions;
use super::observe::{Caches, first_list};
use super::reconcile::{Context, Error, chain, reconcile};
use super::validate::Defaults;
use crate::api::condition::ConditionType;
use crate::api::names::{MANAGED_BY, MANAGED_BY_LABEL, SITE_LABEL};
use crate::api::{WordPressClass, WordPressSite};
use crate::cloudformation::accounts::{Accounts, Periods, SiteKey};
use crate::operator::namespaces;
use crate::operator::queue::{PassResult, WorkQueue};
use crate::operator::{ControllerError, Runtime};

type GuardedSite = DeserializeGuard<WordPressSite>;

/// The label value of our metrics.
const NAME: &str = "wordpresssite";
/// The name of our readiness check.
const CACHES_CHECK: &str = "caches";
/// Children change in bursts while a site comes up; one pass looks at them all.
const DEBOUNCE: Duration = Duration::from_millis(200);

/// Runs the controller of sites until shutdown is asked for and the running passes have ended.
pub async fn run(runtime: Runtime) -> Result<(), ControllerError> {
    let queue = runtime.metrics.work_queue(NAME, runtime.options.concurrency);
    let sources = Sources { client: runtime.client.clone(), namespaces: runtime.options.watched_namespaces() };
    let (controller, site_store) = watch_sites(&sources, &queue);
    let wake = Wake { queue: queue.clone(), sites: site_store.clone() };
    let (controller, classes) = watch_classes(controller, &runtime.client, wake.clone());
    let (controller, caches) = watch_children(controller, &sources, &wake);
    let periods = Periods { in_progress: runtime.options.aws_poll(), ..Periods::default() };
    let (accounts, changed) = Accounts::new(&runtime.options.cluster_name, periods);
    let controller = controller.reconcile_on(sites_of_changed_stacks(changed, wake));
    report_when_synced(&runtime, &caches, &classes, &site_store);
    if let Some(directory) = runtime.options.class_directory.clone() {
        let (client, readiness) = (runtime.client.clone(), runtime.readiness.clone());
        tokio::spawn(super::classes::follow(client, directory, readiness, runtime.shutdown.clone()));
    }
    let context = Arc::new(Context {
        client: runtime.client.clone(),
        caches,
        classes,
        sites: site_store,
        defaults: Defaults {
            wordpress: runtime.options.wordpress_image.clone(),
            database: runtime.options.database_image.clone(),
            gateway: runtime.options.gateway_image.clone(),
            cluster: runtime.options.cluster_name.clone(),
        },
        written: super::status::Written::default(),
        events: runtime.events.clone(),
        options: runtime.options.clone(),
        backoff: runtime.backoff.clone(),
        accounts,
    });
    let shutdown = runtime.shutdown.clone();
    let metrics = runtime.metrics.clone();
    let config = controller::Config::default().concurrency(runtime.options.concurrency).debounce(DEBOUNCE);
    controller
        .with_config(config)
        .graceful_shutdown_on(async move { shutdown.cancelled().await })
        .run(
            move |site, context| {
                let (queue, metrics) = (queue.clone(), metrics.clone());
                async move { measured(&queue, &metrics, site, context).await }
            },
            error_policy,
            context,
        )
        .for_each(|result| async move {
            match result {
                // The pass has been logged where it ran.
                Ok(_) | Err(controller::Error::ReconcilerFailed(..) | controller::Error::ObjectNotFound(_)) => {}
                Err(error) => tracing::error!(error = %chain(&error), "the controller failed"),
            }
        })
        .await;
    Ok(())
}

async fn measured(
    queue: &WorkQueue,
    metrics: &crate::operator::metrics::Metrics,
    site: Arc<GuardedSite>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let pass = queue.start(&key(&ObjectRef::from_obj(site.as_ref())));
    // A site that is created while the caches fill would look as if it had no children.
    context.caches.wait_until_ready().await;
    let result = reconcile_logged(site, context.clone()).await;
    pass.finish(match &result {
        Ok(action) if *action == Action::await_change() => PassResult::Success,
        Ok(_) => PassResult::RequeueAfter,
        Err(_) => PassResult::Error,
    });
    metrics.set_sites(count_by_condition(&context.sites));
    result
}

#[tracing::instrument(name = "pass", skip_all, fields(namespace = site.meta().namespace, name = site.meta().name))]
async fn reconcile_logged(site: Arc<GuardedSite>, context: Arc<Context>) -> Result<Action, Error> {
    let result = reconcile(site, context).await;
    match &result {
        Ok(action) => tracing::debug!(?action, "the pass ended"),
        Err(error) => tracing::warn!(error = %chain(error), "the pass failed and is tried again"),
    }
    result
}

// The signature is kube's.
#[allow(clippy::needless_pass_by_value)]
fn error_policy(site: Arc<GuardedSite>, _error: &Error, context: Arc<Context>) -> Action {
    Action::requeue(context.backoff.failure(&site.meta().uid.clone().unwrap_or_default()))
}

/// What turns a change of something into a pass of a site.
#[derive(Clone)]
struct Wake {
    queue: WorkQueue,
    sites: Store<GuardedSite>,
}

impl Wake {
    /// Announces the pass of a site that there is; the change of an object whose site is gone wakes nobody.
    fn announce(&self, site: ObjectRef<GuardedSite>) -> Option<ObjectRef<GuardedSite>> {
        self.sites.get(&site)?;
        self.queue.added(&key(&site));
        Some(site)
    }

    fn site_of<K: Resource>(&self, child: &K) -> Option<ObjectRef<GuardedSite>> {
        let site = child.meta().labels.as_ref()?.get(SITE_LABEL)?;
        self.announce(ObjectRef::new(site).within(child.meta().namespace.as_ref()?))
    }
}

fn key(site: &ObjectRef<GuardedSite>) -> String {
    format!("{}/{}", site.namespace.as_deref().unwrap_or_default(), site.name)
}

/// How many sites there are by the status of their summary conditions.
fn count_by_condition(sites: &Store<GuardedSite>) -> Vec<(String, String, i64)> {
    let summaries = [ConditionType::Ready, ConditionType::Reconciling, ConditionType::Stalled];
    let mut counts: BTreeMap<(String, String), i64> = BTreeMap::new();
    for kind in summaries {
        for status in ["True", "False"] {
            counts.insert((kind.to_string(), status.into()), 0);
        }
    }
    for guarded in sites.state() {
        let Some(status) = guarded.0.as_ref().ok().and_then(|site| site.status.clone()) else { continue };
        for condition in summaries.iter().filter_map(|kind| conditions::find(&status, *kind)) {
            *counts.entry((condition.type_.clone(), condition.status.clone())).or_default() += 1;
        }
    }
    counts.into_iter().map(|((kind, status), count)| (kind, status, count)).collect()
}

/// A watch whose errors are told here and go no further: each watch waits and tries again by itself. Were they passed on,
/// kube's controller would hold back all of its watches after each of them, and a restart of the API server, which ends
/// every watch, would leave it blind for minutes.
fn untroubled<K: Send + 'static>(
    watch: impl Stream<Item = Result<K, watcher::Error>> + Send + 'static,
) -> impl Stream<Item = Result<K, watcher::Error>> + Send + 'static {
    watch.filter_map(|item| async move {
        item.inspect_err(|error| tracing::warn!(error = %chain(error), "a watch failed and is tried again"))
            .ok()
            .map(Ok)
    })
}

/// Where sites and their objects are watched.
struct Sources {
    client: Client,
    /// None means all.
    namespaces: Vec<String>,
}

fn watch_sites(sources: &Sources, queue: &WorkQueue) -> (Controller<GuardedSite>, Store<GuardedSite>) {
    let (store, writer) = reflector::store::<GuardedSite>();
    let queue = queue.clone();
    let changes = namespaces::watch(&sources.client, &sources.namespaces, &watcher::Config::default(), store.clone())
        .reflect(writer)
        .inspect_ok(move |event| match event {
            watcher::Event::Apply(site) | watcher::Event::InitApply(site) => {
                queue.added(&key(&ObjectRef::from_obj(site)));
            }
            watcher::Event::Delete(site) => queue.forget(&key(&ObjectRef::from_obj(site))),
            watcher::Event::Init | watcher::Event::InitDone => {}
        })
        .applied_objects();
    (Controller::for_stream(untroubled(changes), store.clone()), store)
}

fn watch_classes(
    controller: Controller<GuardedSite>,
    client: &Client,
    wake: Wake,
) -> (Controller<GuardedSite>, Store<WordPressClass>) {
    let (store, writer) = reflector::store::<WordPressClass>();
    let changes = watcher(Api::<WordPressClass>::all(client.clone()), watcher::Config::default())
        .default_backoff()
        .reflect(writer)
        .touched_objects();
    // A class that appears, changes or loses its mark as the default one concerns the sites that name it or none.
    let concerned = move |class: WordPressClass| {
        let name = class.name_any();
        wake.sites
            .state()
            .into_iter()
            .filter(|guarded| match &guarded.0 {
                Ok(site) => site.spec.class_name.as_ref().is_none_or(|named| *named == name),
                Err(_) => false,
            })
            .filter_map(|guarded| wake.announce(ObjectRef::from_obj(guarded.as_ref())))
            .collect::<Vec<_>>()
    };
    (controller.watches_stream(untroubled(changes), concerned), store)
}

fn watch_children(
    controller: Controller<GuardedSite>,
    sources: &Sources,
    wake: &Wake,
) -> (Controller<GuardedSite>, Caches) {
    let (controller, service_accounts) = child(controller, sources, wake);
    let (controller, config_maps) = child(controller, sources, wake);
    let (controller, claims) = child(controller, sources, wake);
    let (controller, services) = child(controller, sources, wake);
    let (controller, stateful_sets) = child(controller, sources, wake);
    let (controller, deployments) = child(controller, sources, wake);
    let (controller, ingresses) = child(controller, sources, wake);
    let (controller, network_policies) = child(controller, sources, wake);
    let (controller, autoscalers) = child(controller, sources, wake);
    let (controller, disruption_budgets) = child(controller, sources, wake);
    let (controller, jobs) = child(controller, sources, wake);
    let (controller, cron_jobs) = child(controller, sources, wake);
    let (controller, pods) = child(controller, sources, wake);
    let caches = Caches {
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
    };
    (controller, caches)
}

/// A stack that moved wakes its site, as a child object does.
fn sites_of_changed_stacks(
    changed: mpsc::UnboundedReceiver<SiteKey>,
    wake: Wake,
) -> impl Stream<Item = ObjectRef<GuardedSite>> + Send + 'static {
    futures::stream::unfold(changed, |mut changed| async move { Some((changed.recv().await?, changed)) }).filter_map(
        move |site| {
            let reference = wake.announce(ObjectRef::new(&site.name).within(&site.namespace));
            async move { reference }
        },
    )
}

/// Watches the objects of one kind that carry our label. What we do not read of them is not kept in memory.
fn child<K>(controller: Controller<GuardedSite>, sources: &Sources, wake: &Wake) -> (Controller<GuardedSite>, Store<K>)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let (store, writer) = reflector::store::<K>();
    let selector = format!("{MANAGED_BY_LABEL}={MANAGED_BY},{SITE_LABEL}");
    let config = watcher::Config::default().labels(&selector);
    let changes = namespaces::watch(&sources.client, &sources.namespaces, &config, store.clone())
        .modify(|object| object.managed_fields_mut().clear())
        .reflect(writer)
        .touched_objects();
    let wake = wake.clone();
    (controller.watches_stream(untroubled(changes), move |child| wake.site_of(&child)), store)
}

fn report_when_synced(runtime: &Runtime, caches: &Caches, classes: &Store<WordPressClass>, sites: &Store<GuardedSite>) {
    let (readiness, caches, classes, sites) =
        (runtime.readiness.clone(), caches.clone(), classes.clone(), sites.clone());
    readiness.failing(CACHES_CHECK, "the first lists of the watched objects have not all arrived");
    tokio::spawn(async move {
        caches.wait_until_ready().await;
        if first_list(&classes).await && first_list(&sites).await {
            readiness.ready(CACHES_CHECK);
            tracing::info!("the caches are synced");
        }
    });
}
