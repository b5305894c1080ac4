//! What the status of a stack means to us. Total: also a status that AWS adds tomorrow has a meaning.

/// What a stack is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::EnumIter)]
pub enum State {
    /// There is none, or there was one.
    Absent,
    /// Something is in progress. No operation is taken.
    Busy,
    /// It is as its template says.
    Stable,
    /// It works, as before a change that failed.
    RolledBack,
    /// Its creation failed. It can only be deleted.
    Dead,
    /// A change failed, and so did the way back.
    Stuck,
    /// Its deletion failed. It can only be deleted again.
    Undeletable,
    /// A shell that a change set made: no resources yet.
    Review,
    /// A status that this version does not know. It is waited for, and never deleted.
    Unknown,
}

/// Folds a status of `CloudFormation`:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Stack.html>.
#[must_use]
pub fn fold(status: &str) -> State {
    match status {
        "DELETE_COMPLETE" => State::Absent,
        "REVIEW_IN_PROGRESS" => State::Review,
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => State::Stable,
        // An update without rollback that failed takes another update, as one that was rolled back does.
        "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE" | "UPDATE_FAILED" => State::RolledBack,
        "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" => State::Dead,
        "UPDATE_ROLLBACK_FAILED" | "IMPORT_ROLLBACK_FAILED" => State::Stuck,
        "DELETE_FAILED" => State::Undeletable,
        busy if busy.ends_with("_IN_PROGRESS") => State::Busy,
        _ => State::Unknown,
    }
}

/// Whether the outputs of a stack of this status are those of something that works: not while it is created or deleted.
#[must_use]
pub fn has_outputs(status: &str) -> bool {
    match fold(status) {
        State::Stable | State::RolledBack | State::Stuck => true,
        State::Busy => status.starts_with("UPDATE_") || status.starts_with("IMPORT_"),
        State::Absent | State::Dead | State::Undeletable | State::Review | State::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The statuses of the service model of 2026-11.
    const STATUSES: [(&str, State); 23] = [
        ("CREATE_COMPLETE", State::Stable),
        ("CREATE_FAILED", State::Dead),
        ("CREATE_IN_PROGRESS", State::Busy),
        ("DELETE_COMPLETE", State::Absent),
        ("DELETE_FAILED", State::Undeletable),
        ("DELETE_IN_PROGRESS", State::Busy),
        ("IMPORT_COMPLETE", State::Stable),
        ("IMPORT_IN_PROGRESS", State::Busy),
        ("IMPORT_ROLLBACK_COMPLETE", State::RolledBack),
        ("IMPORT_ROLLBACK_FAILED", State::Stuck),
        ("IMPORT_ROLLBACK_IN_PROGRESS", State::Busy),
        ("REVIEW_IN_PROGRESS", State::Review),
        ("ROLLBACK_COMPLETE", State::Dead),
        ("ROLLBACK_FAILED", State::Dead),
        ("ROLLBACK_IN_PROGRESS", State::Busy),
        ("UPDATE_COMPLETE", State::Stable),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", State::Busy),
        ("UPDATE_FAILED", State::RolledBack),
        ("UPDATE_IN_PROGRESS", State::Busy),
        ("UPDATE_ROLLBACK_COMPLETE", State::RolledBack),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", State::Busy),
        ("UPDATE_ROLLBACK_FAILED", State::Stuck),
        ("UPDATE_ROLLBACK_IN_PROGRESS", State::Busy),
    ];

    #[test]
    fn every_status_of_cloudformation_has_a_meaning() {
        for (status, state) in STATUSES {
            assert_eq!(fold(status), state, "{status}");
        }
    }

    #[test]
    fn a24_an_unknown_status_is_waited_for_and_one_in_progress_is_busy() {
        assert_eq!(fold("TRANSMOGRIFY_IN_PROGRESS"), State::Busy);
        assert_eq!(fold("TRANSMOGRIFY_COMPLETE"), State::Unknown);
        assert_eq!(fold("DELETE_COMPLETELY"), State::Unknown);
        assert_eq!(fold(""), State::Unknown);
    }

    #[test]
    fn outputs_are_read_of_what_works() {
        for status in ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS"] {
            assert!(has_outputs(status), "{status}");
        }
        for status in ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS", "ROLLBACK_COMPLETE", "ODD"] {
            assert!(!has_outputs(status), "{status}");
        }
    }
}
