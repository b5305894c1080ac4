//! Why an operation failed, read from its own events, and when it may be tried again.

use std::time::Duration;

use jiff::Timestamp;

use super::port::StackEvent;
use crate::api::status::{OperationKind, UnitFailure, UnitOperation, UnitStatus};

/// The type of the stack itself among its events.
pub const STACK: &str = "AWS::CloudFormation::Stack";
/// The type under which a change set that could not be made is recorded.
pub const CHANGE_SET: &str = "AWS::CloudFormation::ChangeSet";
/// How often a creation is tried with one digest before a person must look.
pub const MOST_CREATES: i32 = 5;
/// How often a change set that cannot be made is made anew.
pub const MOST_CHANGE_SETS: i32 = 3;
/// How often a deletion is tried. With the delays below that is about five hours, more than AWS takes to let go of the
/// network interfaces of what is deleted.
pub const MOST_DELETES: i32 = 8;

const LONGEST_DELAY: Duration = Duration::from_hours(1);

/// How far an operation is, as its own events say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// It has no events: it was not begun.
    Not,
    /// It goes on, or its end is not visible yet.
    Running,
    /// It ended well.
    Well,
    /// It failed.
    Badly,
}

/// How far the operation is that `events` belong to.
#[must_use]
pub fn ran(events: &[StackEvent], stack_id: &str) -> Ran {
    if events.is_empty() {
        return Ran::Not;
    }
    match end(events, stack_id) {
        None => Ran::Running,
        // A rollback ends in ..._ROLLBACK_COMPLETE, which is the end of an operation that failed.
        Some(status) if status.ends_with("_FAILED") || status.ends_with("ROLLBACK_COMPLETE") => Ran::Badly,
        Some(_) => Ran::Well,
    }
}

/// The last status of the stack that is an end.
#[must_use]
pub fn end<'a>(events: &'a [StackEvent], stack_id: &str) -> Option<&'a str> {
    let of_stack = events.iter().filter(|it| it.kind == STACK && it.physical_id.as_deref() == Some(stack_id));
    let ends = of_stack.filter(|it| !it.status.ends_with("_IN_PROGRESS"));
    ends.max_by_key(|it| it.time).map(|it| it.status.as_str())
}

/// The resource that failed first, as `(logical id, type, reason)`. What was cancelled because another failed is not
/// the cause.
#[must_use]
pub fn first<'a>(events: &'a [StackEvent], stack_id: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let mut failed: Vec<_> = events.iter().filter(|it| it.status.ends_with("_FAILED")).collect();
    failed.sort_by_key(|it| it.time);
    let reason = |it: &'a StackEvent| it.reason.as_deref().unwrap_or_default();
    let of_resource = |it: &&&StackEvent| it.physical_id.as_deref() != Some(stack_id);
    failed
        .iter()
        .filter(of_resource)
        .find(|it| !reason(it).contains("cancelled"))
        .or_else(|| failed.iter().find(of_resource))
        .or_else(|| failed.first())
        .map(|it| (it.logical_id.as_str(), it.kind.as_str(), reason(it)))
}

/// Adds a failed operation to the record, once: the token tells whether it stands there.
pub fn write_down(
    record: &mut UnitStatus,
    token: &str,
    (resource, kind, reason): (&str, &str, &str),
    now: Timestamp,
) -> UnitFailure {
    let attempts = match &record.failure {
        Some(before) if before.token == token => return before.clone(),
        Some(before) => before.attempts,
        None => 0,
    };
    let failure = UnitFailure {
        resource: resource.into(),
        kind: kind.into(),
        reason: reason.into(),
        time: now.to_string(),
        attempts: attempts.saturating_add(1),
        token: token.into(),
    };
    record.failure = Some(failure.clone());
    failure
}

/// Makes what has failed due for another try, as a person asked. What waits for an approval goes on waiting for it.
pub fn try_again(record: &mut UnitStatus) {
    let Some(failure) = &mut record.failure else { return };
    failure.attempts = 0;
    // A change that failed is not repeated for the same digest while it is remembered, nor after the way back from it. A
    // creation or a deletion is, and has to stay known: the next step follows from it.
    let is_in_the_way = |operation: &UnitOperation| match operation.kind {
        OperationKind::Update => operation.token == failure.token,
        OperationKind::ContinueRollback => true,
        _ => false,
    };
    if record.operation.as_ref().is_some_and(is_in_the_way) {
        record.operation = None;
    }
}

/// How long to wait before the next try; `None`: it is due. It follows from what is recorded, so that a restart neither
/// forgets nor repeats it: 1, 4, 16 minutes, then every hour.
#[must_use]
pub fn delay(failure: &UnitFailure, now: Timestamp) -> Option<Duration> {
    if failure.attempts == 0 {
        return None;
    }
    let exponent = u32::try_from(failure.attempts.saturating_sub(1)).unwrap_or(0).min(8);
    let delay = Duration::from_mins(1).saturating_mul(4_u32.pow(exponent)).min(LONGEST_DELAY);
    // A time that cannot be read is not one to wait for.
    let failed: Timestamp = failure.time.parse().ok()?;
    let age = Duration::try_from(now.duration_since(failed)).unwrap_or_default();
    delay.checked_sub(age).filter(|it| !it.is_zero())
}

/// One sentence of a failure.
#[must_use]
pub fn sentence(failure: &UnitFailure) -> String {
    format!("{} {} failed: {}", failure.kind, failure.resource, failure.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(second: i64, logical_id: &str, kind: &str, status: &str, reason: &str) -> StackEvent {
        StackEvent {
            time: Timestamp::from_second(second).expect("a small number"),
            token: None,
            logical_id: logical_id.into(),
            physical_id: Some(if kind == STACK { "arn".into() } else { format!("p-{logical_id}") }),
            kind: kind.into(),
            status: status.into(),
            reason: Some(reason.into()),
        }
    }

    #[test]
    fn a5_the_cause_is_the_first_failure_also_among_events_out_of_order() {
        let events = [
            event(9, "stack", STACK, "ROLLBACK_COMPLETE", ""),
            event(4, "Other", "AWS::EC2::VPC", "CREATE_FAILED", "Resource creation cancelled"),
            event(5, "Later", "AWS::S3::Bucket", "CREATE_FAILED", "late"),
            event(4, "Cause", "AWS::RDS::DBCluster", "CREATE_FAILED", "no capacity"),
            event(1, "stack", STACK, "CREATE_IN_PROGRESS", "User Initiated"),
        ];
        assert_eq!(first(&events, "arn"), Some(("Cause", "AWS::RDS::DBCluster", "no capacity")));
        assert_eq!(ran(&events, "arn"), Ran::Badly);
    }

    #[test]
    fn an_operation_is_told_from_one_that_was_never_begun() {
        assert_eq!(ran(&[], "arn"), Ran::Not);
        assert_eq!(ran(&[event(1, "stack", STACK, "UPDATE_IN_PROGRESS", "")], "arn"), Ran::Running);
        assert_eq!(ran(&[event(1, "stack", STACK, "UPDATE_COMPLETE", "")], "arn"), Ran::Well);
        assert_eq!(ran(&[event(1, "stack", STACK, "UPDATE_ROLLBACK_FAILED", "")], "arn"), Ran::Badly);
        // A nested stack's end is not the end of ours.
        let nested = StackEvent { physical_id: Some("other".into()), ..event(1, "n", STACK, "UPDATE_COMPLETE", "") };
        assert_eq!(ran(&[nested], "arn"), Ran::Running);
    }

    #[test]
    fn delays_grow_to_an_hour_and_follow_from_the_record() {
        let now = Timestamp::from_second(1_000_000).expect("a small number");
        let failure = |attempts| UnitFailure { attempts, time: now.to_string(), ..UnitFailure::default() };
        let minutes = |attempts| delay(&failure(attempts), now).map(|it| it.as_secs() / 60);
        assert_eq!([1, 2, 3, 4, 40].map(minutes), [1, 4, 16, 60, 60].map(Some));
        assert_eq!(delay(&failure(1), now + Duration::from_mins(1)), None);
    }

    #[test]
    fn one_failed_operation_counts_once() {
        let mut record = UnitStatus::default();
        for (token, attempts) in [("a", 1), ("a", 1), ("b", 2), ("b", 2)] {
            write_down(&mut record, token, ("R", "K", "why"), Timestamp::UNIX_EPOCH);
            assert_eq!(record.failure.as_ref().map(|it| it.attempts), Some(attempts));
        }
    }
}
