//! One answer to "what is the matter": a reason and a sentence.

use super::condition::Reason;

/// Why a part is not ready, or that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The reason of the condition.
    pub reason: Reason,
    /// What is the matter and, where somebody must act, what to do.
    pub message: String,
}

impl Finding {
    /// A finding.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// Whether waiting does not help: a person must act.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        self.reason.needs_a_person()
    }
}
