//! What operations, change sets and approvals are called. Every name follows from what is recorded, so that a crash and
//! a second try, or two leaders, make one operation.

use jiff::Timestamp;
use serde_json::json;

use crate::api::digest::digest;
use crate::api::status::{Change, OperationKind, UnitOperation, UnitStatus};

/// Writes down the next operation. The token fits `[a-zA-Z0-9][-a-zA-Z0-9]*` of at most 128 characters:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html>.
pub fn write_down(record: &mut UnitStatus, kind: OperationKind, uid8: &str, generation: i64, now: Timestamp) {
    record.operations += 1;
    let digest8 = record.digest.as_deref().and_then(|it| it.get(..8)).unwrap_or("none");
    let token = format!("{uid8}-g{generation}-{digest8}-{}", record.operations);
    record.operation = Some(UnitOperation { kind, token, time: now.to_string() });
}

/// The change set of an operation. A name begins with a letter, a uid may begin with a digit.
#[must_use]
pub fn change_set_name(operation: &UnitOperation) -> String {
    format!("tairyo-{}", operation.token)
}

/// The token of a person's approval: of exactly these changes of this unit, brought about by exactly this `subject`,
/// such as a digest or the token of an operation that failed.
#[must_use]
pub fn approval(unit: &str, subject: &str, changes: &[Change]) -> String {
    let mut changes: Vec<_> = changes
        .iter()
        .map(|it| json!([it.resource, it.kind, it.action, it.replacement, it.properties]).to_string())
        .collect();
    changes.sort();
    digest(&json!([unit, subject, changes]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_the_pattern_of_cloudformation_and_no_two_are_alike() {
        let mut record = UnitStatus { digest: Some("0123456789abcdef".into()), ..UnitStatus::default() };
        write_down(&mut record, OperationKind::Create, "6b1e3c1e", 7, Timestamp::UNIX_EPOCH);
        let first = record.operation.clone().expect("it was written down");
        write_down(&mut record, OperationKind::Create, "6b1e3c1e", 7, Timestamp::UNIX_EPOCH);
        let second = record.operation.expect("it was written down");
        assert_eq!(first.token, "6b1e3c1e-g7-01234567-1");
        assert_eq!(second.token, "6b1e3c1e-g7-01234567-2");
        let longest = format!("ffffffff-g{}-01234567-{}", i64::MAX, i32::MAX);
        assert!(change_set_name(&UnitOperation { token: longest, ..first }).len() <= 128);
    }

    #[test]
    fn an_approval_is_of_one_unit_one_digest_and_these_changes_in_any_order() {
        let change =
            |resource: &str| Change { action: "Remove".into(), resource: resource.into(), ..Change::default() };
        let token = approval("data", "d1", &[change("A"), change("B")]);
        assert_eq!(token, approval("data", "d1", &[change("B"), change("A")]));
        assert_ne!(token, approval("data", "d2", &[change("A"), change("B")]));
        assert_ne!(token, approval("media", "d1", &[change("A"), change("B")]));
        assert_ne!(token, approval("data", "d1", &[change("A")]));
    }
}
