//! Another try that a person asked for: as if the failure had been the first, and without a word more than that.

use super::*;
use crate::cloudformation::failure::try_again;

fn try_it_again(site: &mut Driver<'_>) {
    try_again(site.record.as_mut().expect("the unit has a record"));
}

#[tokio::test]
async fn a_creation_that_was_given_up_is_tried_again_at_once_and_as_often_as_a_new_one() {
    let fake = Fake::new();
    fake.fail(Phase::Create, "Cluster", 10);
    let mut site = Driver::new(&fake, desired("wordpress", "1"));
    assert_eq!(reason(&site.settle().await), Some(Reason::CreateFailed));
    assert_eq!(fake.made(), 5);
    try_it_again(&mut site);
    let outcome = site.pass().await.expect("it lives");
    assert_eq!(outcome.look_again_after, Some(Duration::ZERO), "the wait is over: {}", message(&outcome));
    assert_eq!(outcome.record.operation.map(|it| it.kind), Some(OperationKind::Delete));
    assert_eq!(reason(&site.settle().await), Some(Reason::CreateFailed));
    assert_eq!(fake.made(), 10);
    try_it_again(&mut site);
    assert!(site.settle().await.current);
    assert_eq!(site.record.expect("a record").failure, None);
}

#[tokio::test]
async fn a_change_that_failed_is_tried_again_with_the_same_digest() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    fake.fail(Phase::Update, "Cluster", 1);
    site.desired = desired("wordpress", "7");
    assert_eq!(reason(&site.settle().await), Some(Reason::UpdateFailed));
    site.stays().await;
    try_it_again(&mut site);
    assert!(site.settle().await.current);
    assert_eq!(fake.stack(NAME).expect("it exists").parameters["Days"], "7");
    site.stays().await;
}

#[tokio::test]
async fn a_way_back_that_failed_is_gone_on_with() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    fake.fail(Phase::Update, "Group", 1);
    fake.fail(Phase::Rollback, "Cluster", 2);
    site.desired = desired("wordpress", "7");
    assert_eq!(reason(&site.settle().await), Some(Reason::RollbackFailed));
    try_it_again(&mut site);
    assert_eq!(reason(&site.settle().await), Some(Reason::UpdateFailed));
    try_it_again(&mut site);
    assert!(site.settle().await.current);
}

#[tokio::test]
async fn another_try_is_no_approval() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    let cluster = fake.of_type(CLUSTER);
    site.desired = desired("another", "1");
    assert_eq!(reason(&site.settle().await), Some(Reason::ApprovalRequired));
    let mutations = fake.counts().1;
    try_it_again(&mut site);
    assert_eq!(reason(&site.settle().await), Some(Reason::ApprovalRequired));
    assert_eq!((fake.of_type(CLUSTER), fake.counts().1), (cluster, mutations));

    fake.set_status(NAME, "DELETE_COMPLETE");
    let mut gone = Driver { record: site.record.clone(), ..Driver::new(&fake, desired("wordpress", "1")) };
    assert_eq!(reason(&gone.settle().await), Some(Reason::StackDisappeared));
    try_it_again(&mut gone);
    assert_eq!(reason(&gone.settle().await), Some(Reason::StackDisappeared));
}
