//! Kubernetes Events. That there is one per change is up to the caller: it publishes at a transition and only there.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use super::metrics::Metrics;

/// The controller that Events name.
const CONTROLLER: &str = "tairyo";
/// The API server refuses an Event with a longer note; this many bytes.
const LONGEST_NOTE: usize = 1024;
/// Likewise for reason and action.
const LONGEST_REASON: usize = 128;
/// So many notes are remembered to count their repetitions. Each holds what the last six minutes brought of it.
const REMEMBERED_NOTES: usize = 512;

/// Publishes Events. Clones share what was published lately.
#[derive(Clone)]
pub struct Publisher {
    client: Client,
    reporter: Reporter,
    metrics: Metrics,
    /// `Recorder` takes two Events that differ in their note alone for one, and shows the note of the first. A recorder
    /// for each note keeps the words true and still counts what is said again.
    recorders: Arc<Mutex<HashMap<u64, Recorder>>>,
}

impl Publisher {
    /// Publishes as the replica `identity`.
    #[must_use]
    pub fn new(client: Client, identity: &str, metrics: Metrics) -> Self {
        let reporter = Reporter { controller: CONTROLLER.to_owned(), instance: Some(cut(identity, LONGEST_REASON)) };
        Self { client, reporter, metrics, recorders: Arc::default() }
    }

    /// Tells of a change of `object`: why it came (`reason`), what was done (`action`), and in words (`note`). What
    /// is too long is cut. A failure is logged and nothing else: a site must not fail for lack of an Event.
    pub async fn publish(&self, object: &ObjectReference, type_: EventType, reason: &str, action: &str, note: &str) {
        let event = event(type_, reason, action, note);
        let published = self.recorder(event.note.as_deref().unwrap_or_default()).publish(&event, object).await;
        let kind = match type_ {
            EventType::Normal => "Normal",
            EventType::Warning => "Warning",
        };
        match published {
            Ok(()) => self.metrics.event_published(kind, &event.reason),
            Err(error) => {
                self.metrics.event_failed();
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    namespace = object.namespace,
                    name = object.name,
                    reason,
                    note,
                    "Failed to publish an Event"
                );
            }
        }
    }

    fn recorder(&self, note: &str) -> Recorder {
        let mut hasher = DefaultHasher::new();
        note.hash(&mut hasher);
        let mut recorders = self.recorders.lock().unwrap_or_else(PoisonError::into_inner);
        if recorders.len() >= REMEMBERED_NOTES {
            recorders.clear();
        }
        let new = || Recorder::new(self.client.clone(), self.reporter.clone());
        recorders.entry(hasher.finish()).or_insert_with(new).clone()
    }
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Publisher").field("reporter", &self.reporter).finish_non_exhaustive()
    }
}

fn event(type_: EventType, reason: &str, action: &str, note: &str) -> Event {
    Event {
        type_,
        reason: cut(reason, LONGEST_REASON),
        action: cut(action, LONGEST_REASON),
        note: (!note.is_empty()).then(|| cut(note, LONGEST_NOTE)),
        secondary: None,
    }
}

/// At most `longest` bytes of `text`, never half a character, and an ellipsis where something is missing.
fn cut(text: &str, longest: usize) -> String {
    const ELLIPSIS: char = '…';
    if text.len() <= longest {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(longest - ELLIPSIS.len_utf8());
    format!("{}{ELLIPSIS}", &text[..end])
}

#[cfg(test)]
mod tests;
