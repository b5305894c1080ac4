//! The passes of a controller and what waits for one, as metrics.
//!
//! kube keeps its queue to itself. We count beside it: what a watch announces waits until its pass starts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use strum::IntoStaticStr;
use tokio::time::Instant;

use super::metrics::{ControllerLabels, Families, Metrics, NameLabels, PassLabels};

/// How a pass ended, in the words of controller-runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum PassResult {
    /// Nothing more to do until something changes.
    Success,
    /// It failed.
    Error,
    /// To be repeated at once.
    Requeue,
    /// To be repeated after a time.
    RequeueAfter,
}

/// What waits and what runs of one controller. Clones share it.
#[derive(Clone, Debug)]
pub struct WorkQueue(Arc<Tracked>);

#[derive(Debug)]
pub(super) struct Tracked {
    controller: String,
    metrics: Metrics,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<String, Instant>,
    running: HashMap<u64, Instant>,
    next: u64,
}

impl WorkQueue {
    pub(super) fn new(metrics: Metrics, controller: &str, concurrency: u16) -> (Self, Weak<Tracked>) {
        let tracked = Tracked { controller: controller.to_owned(), metrics, state: Mutex::default() };
        let (families, by_controller, by_name) =
            (tracked.metrics.families(), tracked.by_controller(), tracked.by_name());
        families.max_concurrent.get_or_create(&by_controller).set(concurrency.into());
        // A series that only appears with its first error hides that error from rate() and increase().
        for result in [PassResult::Success, PassResult::Error, PassResult::Requeue, PassResult::RequeueAfter] {
            drop(families.passes.get_or_create(&tracked.by_result(result)));
        }
        drop(families.pass_errors.get_or_create(&by_controller));
        drop(families.pass_seconds.get_or_create(&by_controller));
        drop(families.active_workers.get_or_create(&by_controller));
        drop(families.queue_adds.get_or_create(&by_name));
        drop(families.queue_retries.get_or_create(&by_name));
        drop(families.queue_seconds.get_or_create(&by_name));
        drop(families.work_seconds.get_or_create(&by_name));
        let queue = Arc::new(tracked);
        let weak = Arc::downgrade(&queue);
        (Self(queue), weak)
    }

    /// A watch announced the object. Tell only what kube queues too, so after predicates: what never starts would be
    /// counted as waiting for ever. While it waits, further changes of it are one.
    pub fn added(&self, object: &str) {
        let families = self.0.metrics.families();
        families.queue_adds.get_or_create(&self.0.by_name()).inc();
        self.0.state().waiting.entry(object.to_owned()).or_insert_with(Instant::now);
    }

    /// The object is gone and will have no pass.
    pub fn forget(&self, object: &str) {
        self.0.state().waiting.remove(object);
    }

    /// A pass over the object starts. It runs until the [`Pass`] is finished or dropped.
    pub fn start(&self, object: &str) -> Pass {
        let started = Instant::now();
        let mut state = self.0.state();
        let waited = state.waiting.remove(object);
        let id = state.next;
        state.next = state.next.wrapping_add(1);
        state.running.insert(id, started);
        drop(state);
        let families = self.0.metrics.families();
        families.active_workers.get_or_create(&self.0.by_controller()).inc();
        if let Some(since) = waited {
            let waited = started.duration_since(since).as_secs_f64();
            families.queue_seconds.get_or_create(&self.0.by_name()).observe(waited);
        }
        Pass { queue: Arc::clone(&self.0), id, started }
    }
}

impl Tracked {
    /// Sets what is true only at the moment of a scrape.
    pub(super) fn refresh(&self, families: &Families) {
        let now = Instant::now();
        let state = self.state();
        let depth = i64::try_from(state.waiting.len()).unwrap_or(i64::MAX);
        let seconds = || state.running.values().map(|started| now.duration_since(*started).as_secs_f64());
        let by_name = self.by_name();
        families.queue_depth.get_or_create(&by_name).set(depth);
        families.unfinished_seconds.get_or_create(&by_name).set(seconds().fold(0.0, |sum, one| sum + one));
        families.longest_seconds.get_or_create(&by_name).set(seconds().fold(0.0, f64::max));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn by_name(&self) -> NameLabels {
        NameLabels { name: self.controller.clone() }
    }

    fn by_controller(&self) -> ControllerLabels {
        ControllerLabels { controller: self.controller.clone() }
    }

    fn by_result(&self, result: PassResult) -> PassLabels {
        PassLabels { controller: self.controller.clone(), result: result.into() }
    }
}

impl Drop for Tracked {
    /// Nobody refreshes what is set at a scrape any more, so it would stay as it was last.
    fn drop(&mut self) {
        self.state().waiting.clear();
        self.refresh(self.metrics.families());
    }
}

/// A pass that runs. Dropped unfinished (a panic, a lost lease) it has no result, yet runs no more.
#[derive(Debug)]
#[must_use = "the pass ends when this is dropped"]
pub struct Pass {
    queue: Arc<Tracked>,
    id: u64,
    started: Instant,
}

impl Pass {
    /// The pass is over.
    pub fn finish(self, result: PassResult) {
        let families = self.queue.metrics.families();
        let (by_controller, by_name) = (self.queue.by_controller(), self.queue.by_name());
        let took = self.started.elapsed().as_secs_f64();
        families.passes.get_or_create(&self.queue.by_result(result)).inc();
        families.pass_seconds.get_or_create(&by_controller).observe(took);
        families.work_seconds.get_or_create(&by_name).observe(took);
        if result == PassResult::Error {
            families.pass_errors.get_or_create(&by_controller).inc();
            // A failure is always tried again, after its backoff.
            families.queue_retries.get_or_create(&by_name).inc();
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.queue.state().running.remove(&self.id);
        let families = self.queue.metrics.families();
        families.active_workers.get_or_create(&self.queue.by_controller()).dec();
    }
}
