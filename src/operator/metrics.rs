//! What is told to Prometheus: the names that dashboards for controller-runtime know, and our own.
//!
//! No label holds the name of an object: there are as many as sites. Names are in logs and Events.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use super::process::Process;
use super::queue::{Tracked, WorkQueue};

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From controller-runtime, with the steps between that nobody needs left out: each is a series per controller.
const PASS_SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0];
/// From client-go, likewise.
const REQUEST_SECONDS: [f64; 10] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 15.0, 30.0];
/// From client-go's workqueue, which counts down to microseconds; kube's own debounce alone takes longer.
const QUEUE_SECONDS: [f64; 8] = [0.001, 0.01, 0.1, 0.5, 1.0, 10.0, 100.0, 1000.0];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;
type Seconds = Gauge<f64, AtomicU64>;

/// All metrics of the process. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    families: Families,
    queues: Mutex<Vec<Weak<Tracked>>>,
    /// Held for writing while the sites' gauges are replaced, so that no scrape sees half of them.
    sites: RwLock<()>,
}

pub(super) struct Families {
    pub(super) passes: Family<PassLabels, Counter>,
    pub(super) pass_errors: Family<ControllerLabels, Counter>,
    pub(super) pass_seconds: Histograms<ControllerLabels>,
    pub(super) active_workers: Family<ControllerLabels, Gauge>,
    pub(super) max_concurrent: Family<ControllerLabels, Gauge>,
    pub(super) queue_depth: Family<NameLabels, Gauge>,
    pub(super) queue_adds: Family<NameLabels, Counter>,
    pub(super) queue_retries: Family<NameLabels, Counter>,
    pub(super) queue_seconds: Histograms<NameLabels>,
    pub(super) work_seconds: Histograms<NameLabels>,
    pub(super) unfinished_seconds: Family<NameLabels, Seconds>,
    pub(super) longest_seconds: Family<NameLabels, Seconds>,
    leader: Family<NameLabels, Gauge>,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Histograms<VerbLabels>,
    api_requests: Family<ResourceLabels, Counter>,
    crd_missing: Family<CrdLabels, Gauge>,
    sites: Family<ConditionLabels, Gauge>,
    events: Family<EventLabels, Counter>,
    event_failures: Counter,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct PassLabels {
    pub(super) controller: String,
    pub(super) result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct ControllerLabels {
    pub(super) controller: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct NameLabels {
    pub(super) name: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    code: String,
    method: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct VerbLabels {
    verb: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResourceLabels {
    verb: &'static str,
    resource: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CrdLabels {
    crd: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ConditionLabels {
    condition: String,
    status: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EventLabels {
    r#type: &'static str,
    reason: String,
}

impl Metrics {
    /// All metrics, at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let families = Families::register(&mut registry);
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("tairyo_build", "The version that runs", version);
        registry.register_collector(Box::new(Process));
        Self(Arc::new(Inner { registry, families, queues: Mutex::default(), sites: RwLock::default() }))
    }

    /// The text that Prometheus reads, in the format of [`CONTENT_TYPE`].
    pub fn encode(&self) -> Result<String, fmt::Error> {
        self.queues().retain(|queue| {
            queue.upgrade().is_some_and(|queue| {
                queue.refresh(&self.0.families);
                true
            })
        });
        let mut written = String::new();
        let _whole = self.0.sites.read().unwrap_or_else(PoisonError::into_inner);
        text::encode(&mut written, &self.0.registry)?;
        Ok(written)
    }

    /// The queue and the passes of one controller. Ask once for each controller.
    #[must_use]
    pub fn work_queue(&self, controller: &str, concurrency: u16) -> WorkQueue {
        let (queue, tracked) = WorkQueue::new(self.clone(), controller, concurrency);
        self.queues().push(tracked);
        queue
    }

    /// Whether this replica leads in the election over the Lease `name`.
    pub fn set_leader(&self, name: &str, leads: bool) {
        self.0.families.leader.get_or_create(&NameLabels { name: name.to_owned() }).set(leads.into());
    }

    /// Whether the CRD is missing.
    pub fn set_crd_missing(&self, crd: &str, missing: bool) {
        self.0.families.crd_missing.get_or_create(&CrdLabels { crd: crd.to_owned() }).set(missing.into());
    }

    /// Replaces how many sites there are by condition (such as `Ready`) and its status (`True`, `False`, `Unknown`).
    pub fn set_sites<C, S>(&self, counts: impl IntoIterator<Item = (C, S, i64)>)
    where
        C: Into<String>,
        S: Into<String>,
    {
        let _whole = self.0.sites.write().unwrap_or_else(PoisonError::into_inner);
        let sites = &self.0.families.sites;
        sites.clear();
        for (condition, status, count) in counts {
            let labels = ConditionLabels { condition: condition.into(), status: status.into() };
            sites.get_or_create(&labels).set(count);
        }
    }

    pub(super) fn event_published(&self, r#type: &'static str, reason: &str) {
        self.0.families.events.get_or_create(&EventLabels { r#type, reason: reason.to_owned() }).inc();
    }

    pub(super) fn event_failed(&self) {
        self.0.families.event_failures.inc();
    }

    /// Counts a request; without `status` it had no answer.
    pub(super) fn request_answered(
        &self,
        method: &str,
        verb: &'static str,
        resource: &str,
        status: Option<u16>,
        took: Duration,
    ) {
        let families = &self.0.families;
        // client-go's word for it.
        let code = status.map_or_else(|| "<error>".to_owned(), |status| status.to_string());
        families.requests.get_or_create(&RequestLabels { code, method: method.to_owned() }).inc();
        families.api_requests.get_or_create(&ResourceLabels { verb, resource: resource.to_owned() }).inc();
        families.request_seconds.get_or_create(&VerbLabels { verb }).observe(took.as_secs_f64());
    }

    pub(super) fn families(&self) -> &Families {
        &self.0.families
    }

    fn queues(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Tracked>>> {
        self.0.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Families {
    /// `prometheus-client` adds `_total` to counters and `_info` to informations, so it is left out of their names here.
    fn register(registry: &mut Registry) -> Self {
        let pass_seconds = || Histogram::new(PASS_SECONDS);
        let queue_seconds = || Histogram::new(QUEUE_SECONDS);
        let request_seconds = || Histogram::new(REQUEST_SECONDS);
        let r = registry;
        Self {
            passes: add(r, "controller_runtime_reconcile", "Passes by their result", Family::default()),
            pass_errors: add(r, "controller_runtime_reconcile_errors", "Passes that failed", Family::default()),
            pass_seconds: add(
                r,
                "controller_runtime_reconcile_time_seconds",
                "How long passes took",
                times(pass_seconds),
            ),
            active_workers: add(r, "controller_runtime_active_workers", "Passes that run now", Family::default()),
            max_concurrent: add(
                r,
                "controller_runtime_max_concurrent_reconciles",
                "How many passes may run at the same time",
                Family::default(),
            ),
            queue_depth: add(r, "workqueue_depth", "Objects that changed and wait for their pass", Family::default()),
            queue_adds: add(r, "workqueue_adds", "Changes that queued an object", Family::default()),
            queue_retries: add(r, "workqueue_retries", "Passes put off after a failure", Family::default()),
            queue_seconds: add(r, "workqueue_queue_duration_seconds", "How long objects waited", times(queue_seconds)),
            work_seconds: add(r, "workqueue_work_duration_seconds", "How long passes took", times(pass_seconds)),
            unfinished_seconds: add(
                r,
                "workqueue_unfinished_work_seconds",
                "The time that all running passes have taken so far",
                Family::default(),
            ),
            longest_seconds: add(
                r,
                "workqueue_longest_running_processor_seconds",
                "The time that the longest running pass has taken so far",
                Family::default(),
            ),
            leader: add(r, "leader_election_master_status", "1 while this replica leads", Family::default()),
            requests: add(
                r,
                "rest_client_requests",
                "Requests to the API server by method and status, or <error> without an answer; repetitions count once",
                Family::default(),
            ),
            request_seconds: add(
                r,
                "rest_client_request_duration_seconds",
                "Until an answer of the API server began",
                times(request_seconds),
            ),
            api_requests: add(
                r,
                "tairyo_api_requests",
                "Requests to the API server by what they ask",
                Family::default(),
            ),
            crd_missing: add(
                r,
                "tairyo_crd_missing",
                "1 while the CRD is not known to be established",
                Family::default(),
            ),
            sites: add(r, "tairyo_sites", "Sites by condition and its status", Family::default()),
            events: add(r, "tairyo_events", "Events that were published", Family::default()),
            event_failures: add(
                r,
                "tairyo_event_failures",
                "Events that the API server did not take",
                Counter::default(),
            ),
        }
    }
}

fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

fn times<L: Clone + std::hash::Hash + Eq>(histogram: fn() -> Histogram) -> Histograms<L> {
    Family::new_with_constructor(histogram)
}

#[cfg(test)]
mod tests;
