//! Each status of a stack, as it may be met without warning.

use super::*;

async fn met(status: &str) -> (Outcome, usize) {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    fake.set_status(NAME, status);
    site.desired = desired("wordpress", "7");
    let before = fake.counts().1;
    let mut outcome = site.pass().await.expect("it lives");
    for _ in 0..20 {
        let Some(after) = outcome.look_again_after else { break };
        fake.pass_time(after);
        outcome = site.pass().await.expect("it lives");
    }
    (outcome, fake.counts().1 - before)
}

#[tokio::test]
async fn a_busy_stack_is_waited_for() {
    for (status, expected) in [
        ("CREATE_IN_PROGRESS", Reason::Creating),
        ("ROLLBACK_IN_PROGRESS", Reason::RollingBack),
        ("DELETE_IN_PROGRESS", Reason::Deleting),
        ("UPDATE_IN_PROGRESS", Reason::Updating),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Reason::Updating),
        ("UPDATE_ROLLBACK_IN_PROGRESS", Reason::RollingBack),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", Reason::RollingBack),
        ("IMPORT_IN_PROGRESS", Reason::Updating),
        ("IMPORT_ROLLBACK_IN_PROGRESS", Reason::RollingBack),
        ("TRANSMOGRIFY_IN_PROGRESS", Reason::Updating),
    ] {
        let (outcome, mutations) = met(status).await;
        assert_eq!((reason(&outcome), mutations), (Some(expected), 0), "{status}");
        assert_eq!(outcome.look_again_after, Some(POLL), "{status}");
        assert!(outcome.record.progress.is_some(), "{status}");
    }
}

#[tokio::test]
async fn a_stack_at_rest_is_updated() {
    for status in [
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "IMPORT_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
        "UPDATE_FAILED",
    ] {
        let (outcome, mutations) = met(status).await;
        assert!(outcome.current, "{status}: {outcome:?}");
        assert_eq!(mutations, 2, "{status}");
    }
}

#[tokio::test]
async fn a_stack_that_a_person_must_see_to_is_not_touched() {
    for (status, expected) in [
        // It has its resources, and so its data.
        ("ROLLBACK_COMPLETE", Reason::CreateFailed),
        ("ROLLBACK_FAILED", Reason::CreateFailed),
        ("CREATE_FAILED", Reason::CreateFailed),
        ("REVIEW_IN_PROGRESS", Reason::CreateFailed),
        ("IMPORT_ROLLBACK_FAILED", Reason::RollbackFailed),
        ("DELETE_FAILED", Reason::DeleteFailed),
        ("DELETE_COMPLETE", Reason::StackDisappeared),
        ("TRANSMOGRIFY_COMPLETE", Reason::UnknownStackStatus),
    ] {
        let (outcome, mutations) = met(status).await;
        assert_eq!((reason(&outcome), mutations), (Some(expected), 0), "{status}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_rollback_that_failed_by_hand_is_gone_on_with() {
    let (outcome, _) = met("UPDATE_ROLLBACK_FAILED").await;
    assert!(outcome.current, "{outcome:?}");
}

#[tokio::test]
async fn a24_an_unknown_status_is_waited_for_until_it_changes() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    fake.set_status(NAME, "TRANSMOGRIFY_COMPLETE");
    site.stays().await;
    assert_eq!(site.pass().await.expect("it lives").look_again_after, Some(POLL));
    fake.set_status(NAME, "UPDATE_COMPLETE");
    assert!(site.settle().await.current);
}

#[tokio::test]
async fn a_shell_without_resources_makes_room() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    fake.edit(NAME, |stack| {
        stack.status = "REVIEW_IN_PROGRESS".into();
        stack.resources.clear();
    });
    assert!(site.settle().await.current);
    assert_eq!(fake.made(), 2);
}
