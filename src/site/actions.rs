//! What people ask of a site by annotations: what syncs from Git keeps an annotation that is not in Git, and takes back a
//! change of the spec. Plain functions.
//!
//! A request is a value that differs from the one that `status.handledRequests` has; a timestamp is usual and any text will
//! do. So it is carried out once, whatever restarts in between, and an annotation that stays, goes or comes back asks
//! nothing anew.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::build::{Desired, Prepared};
use super::decide::RETRY_FAILED_TASK_AFTER;
use crate::api::names::{
    CLEAR_CACHE_ANNOTATION, RECONCILE_ANNOTATION, RESTART_ANNOTATION, RETRY_ANNOTATION, SUSPEND_ANNOTATION,
};
use crate::api::status::HandledRequests;
use crate::api::{WordPressSiteSpec, WordPressSiteStatus};
use crate::cloudformation::failure;

/// Characters of a value that count. The status has room for so many.
const LONGEST_VALUE: usize = 64;
/// When a look for changes by hand was made that shall be made again: long ago.
const LONG_AGO: &str = "1970-01-01T00:00:00Z";

/// What a site's annotations ask for, beside what was done before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    requested: HandledRequests,
    handled: HandledRequests,
}

/// How far a pass came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// It looked, and was not to change anything: the site is suspended or invalid.
    Looked,
    /// It changed what could be changed, and did not come to the web pods.
    Some,
    /// It applied everything, the web pods, too.
    WebPods,
}

impl Actions {
    /// Reads the `annotations` of a site that had the status `previous`.
    #[must_use]
    pub fn of(annotations: &BTreeMap<String, String>, previous: &WordPressSiteStatus) -> Self {
        let value = |name: &str| {
            let text: String = annotations.get(name)?.chars().take(LONGEST_VALUE).collect();
            (!text.is_empty()).then_some(text)
        };
        let requested = HandledRequests {
            reconcile: value(RECONCILE_ANNOTATION),
            restart: value(RESTART_ANNOTATION),
            clear_cache: value(CLEAR_CACHE_ANNOTATION),
            retry: value(RETRY_ANNOTATION),
        };
        Self { requested, handled: previous.handled_requests.clone().unwrap_or_default() }
    }

    /// What the AWS half shall take for its memory: failures that are forgiven, looks for changes by hand that are due.
    #[must_use]
    pub fn memory(&self, previous: &WordPressSiteStatus) -> WordPressSiteStatus {
        let mut memory = previous.clone();
        for record in &mut memory.units {
            if is_new(self.requested.retry.as_ref(), self.handled.retry.as_ref()) {
                failure::try_again(record);
            }
            if is_new(self.requested.reconcile.as_ref(), self.handled.reconcile.as_ref())
                && let Some(drift) = record.drift.as_mut().filter(|drift| drift.detection_id.is_none())
            {
                drift.time = LONG_AGO.into();
            }
        }
        memory
    }

    /// Writes into the template of the web pods what makes them new ones. It stays there when the annotation has gone: to
    /// take it out would be another restart.
    pub fn mark(&self, desired: &mut Desired) {
        let marks = [
            (RESTART_ANNOTATION, latest(self.requested.restart.as_ref(), self.handled.restart.as_ref())),
            (CLEAR_CACHE_ANNOTATION, latest(self.requested.clear_cache.as_ref(), self.handled.clear_cache.as_ref())),
        ];
        let marks: Vec<_> = marks.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        if marks.is_empty() {
            return;
        }
        for prepared in desired.serving.iter_mut().filter(|prepared| prepared.resource.kind == "Deployment") {
            let mut value = prepared.value.clone();
            let metadata = &mut value["spec"]["template"]["metadata"];
            if !metadata["annotations"].is_object() {
                metadata["annotations"] = json!({});
            }
            for (name, mark) in &marks {
                metadata["annotations"][*name] = Value::String(mark.clone());
            }
            *prepared = Prepared::from_value(prepared.resource.clone(), value);
        }
    }

    /// The time that counts for the wait of a failed task: with a request to try again the wait is over.
    #[must_use]
    pub fn time(&self, now: Timestamp) -> Timestamp {
        if is_new(self.requested.retry.as_ref(), self.handled.retry.as_ref()) {
            now.saturating_add(RETRY_FAILED_TASK_AFTER).unwrap_or(now)
        } else {
            now
        }
    }

    /// Writes down in `status` which requests are done.
    pub fn acknowledge(&self, status: &mut WordPressSiteStatus, reached: Reached) {
        let Self { requested, handled } = self;
        let pick = |done: bool, requested: &Option<String>, handled: &Option<String>| {
            requested.clone().filter(|_| done).or_else(|| handled.clone())
        };
        let served = reached == Reached::WebPods;
        let now = HandledRequests {
            reconcile: pick(true, &requested.reconcile, &handled.reconcile),
            restart: pick(served, &requested.restart, &handled.restart),
            clear_cache: pick(served, &requested.clear_cache, &handled.clear_cache),
            retry: pick(reached > Reached::Looked, &requested.retry, &handled.retry),
        };
        status.handled_requests = (now != HandledRequests::default()).then_some(now);
    }
}

/// What holds the site still, and how to end that; `None`: nothing does. Of the annotation's values only `"true"` counts, so
/// that any other ends it.
#[must_use]
pub fn suspended(spec: &WordPressSiteSpec, annotations: &BTreeMap<String, String>) -> Option<&'static str> {
    if spec.suspend {
        return Some("spec.suspend is true: nothing is changed; set it to false to go on");
    }
    annotations
        .get(SUSPEND_ANNOTATION)
        .is_some_and(|value| value == "true")
        .then_some("the annotation tairyo.dev/suspend is true: nothing is changed; remove it to go on")
}

fn is_new(requested: Option<&String>, handled: Option<&String>) -> bool {
    requested.is_some() && requested != handled
}

fn latest(requested: Option<&String>, handled: Option<&String>) -> Option<String> {
    requested.or(handled).cloned()
}

#[cfg(test)]
mod tests;
