//! The rows A2 to A24 of what goes wrong with AWS.

use super::*;

#[tokio::test]
async fn a2_a_call_without_rights_says_which() {
    let fake = Fake::new();
    let mut site = Driver::new(&fake, desired("wordpress", "1"));
    fake.fault(2, Fault::Denied);
    for _ in 0..2 {
        site.pass().await;
    }
    let outcome = site.pass().await.expect("it lives");
    assert_eq!(reason(&outcome), Some(Reason::AwsAccessDenied));
    assert!(message(&outcome).contains("role/tairyo") && message(&outcome).contains(NAME), "{}", message(&outcome));
    assert!(site.settle().await.current, "it goes on once the right is there");
}

#[tokio::test]
async fn a3_a_throttle_is_never_an_absent_stack() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    let mutations = fake.counts().1;
    for fault in [Fault::Throttled, Fault::Lost] {
        fake.fault(0, fault);
        let outcome = site.pass().await.expect("it lives");
        assert_eq!(reason(&outcome), Some(Reason::AwsUnavailable));
        assert_eq!(outcome.look_again_after, Some(POLL));
    }
    assert!(site.settle().await.current);
    assert_eq!(fake.counts().1, mutations);
}

#[tokio::test]
async fn a4_a_create_that_timed_out_after_it_was_accepted_makes_one_stack() {
    let fake = Fake::new();
    fake.world().unseen = Duration::from_secs(40);
    let mut site = Driver::new(&fake, desired("wordpress", "1"));
    fake.fault(2, Fault::AnswerLost);
    assert!(site.settle().await.current);
    assert_eq!(fake.made(), 1);
    assert_eq!(fake.of_type(CLUSTER).len(), 1);
    assert_eq!(fake.counts().1, 1);
}

#[tokio::test]
async fn a5_a_failed_creation_is_tried_again_ever_more_seldom_and_not_for_ever() {
    let fake = Fake::new();
    fake.fail(Phase::Create, "Cluster", 6);
    let mut site = Driver::new(&fake, desired("wordpress", "1"));
    let begun = fake.now();
    let outcome = site.settle().await;
    assert_eq!(reason(&outcome), Some(Reason::CreateFailed));
    assert!(message(&outcome).contains("AWS::RDS::DBCluster Cluster failed: scripted"), "{}", message(&outcome));
    assert!(message(&outcome).contains("tried 5 times"), "{}", message(&outcome));
    assert_eq!(fake.made(), 5);
    // 1 + 4 + 16 + 60 minutes.
    assert!(fake.now().duration_since(begun).as_mins() >= 81);
    site.stays().await;

    site.approve_message(outcome.finding.as_ref());
    assert_eq!(reason(&site.settle().await), Some(Reason::CreateFailed));
    assert_eq!(fake.made(), 6, "one approval is one try");
    site.stays().await;

    site.desired = desired("wordpress", "3");
    assert!(site.settle().await.current, "another spec is another try");
    assert_eq!(fake.of_type("AWS::S3::Bucket").len(), 1);
}

#[tokio::test]
async fn a5_what_was_retained_of_a_failed_creation_is_not_thrown_away() {
    let fake = Fake::new();
    fake.fail(Phase::Create, "Cluster", 1);
    let mut wanted = desired("wordpress", "1");
    wanted.template["Resources"]["Bucket"]["DeletionPolicy"] = "Retain".into();
    let mut site = Driver::new(&fake, wanted);
    let outcome = site.settle().await;
    assert_eq!(reason(&outcome), Some(Reason::CreateFailed));
    assert_eq!(outcome.plan.as_ref().expect("a person decides").changes[0].resource, "Bucket");
    site.stays().await;
    site.approve(outcome.plan.as_ref());
    assert!(site.settle().await.current);
    assert_eq!(fake.of_type("AWS::S3::Bucket").len(), 2, "the old bucket is still there");
}

#[tokio::test]
async fn a6_a_failed_update_is_not_repeated_and_what_was_there_goes_on() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    fake.fail(Phase::Update, "Cluster", 2);
    site.desired = desired("wordpress", "7");
    let outcome = site.settle().await;
    assert_eq!(reason(&outcome), Some(Reason::UpdateFailed));
    assert!(message(&outcome).contains("AWS::RDS::DBCluster Cluster failed: scripted"), "{}", message(&outcome));
    assert!(outcome.outputs.is_some());
    site.stays().await;
    // Once more, by a person's word: it fails again, and the word is spent.
    site.approve_message(outcome.finding.as_ref());
    let again = site.settle().await;
    assert_eq!(again.record.failure.as_ref().map(|it| it.attempts), Some(2));
    site.stays().await;
    // Back to what is live, and to the same again: it is still the change that failed.
    site.desired = desired("wordpress", "1");
    assert!(site.settle().await.current);
    site.desired = desired("wordpress", "7");
    assert_eq!(reason(&site.settle().await), Some(Reason::UpdateFailed));
    // Another change is another matter.
    site.desired = desired("wordpress", "8");
    let outcome = site.settle().await;
    assert!(outcome.current && outcome.record.failure.is_none());
}

#[tokio::test]
async fn a6_a_refused_approval_by_the_stack_policy_is_shown_as_any_failure() {
    let fake = Fake::new();
    fake.world().lies = true;
    let mut site = Driver::created(&fake).await;
    site.desired = desired("another", "1");
    // Somebody set another policy that protects the cluster although ours would have been lifted.
    site.desired.stack_policy = None;
    let outcome = site.settle().await;
    site.approve(outcome.plan.as_ref());
    let outcome = site.settle().await;
    assert_eq!(reason(&outcome), Some(Reason::UpdateFailed));
    assert!(message(&outcome).contains("denied by stack policy"), "{}", message(&outcome));
}

#[tokio::test]
async fn a7_a_failed_way_back_is_gone_on_with_once() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    fake.fail(Phase::Update, "Group", 1);
    fake.fail(Phase::Rollback, "Cluster", 1);
    site.desired = desired("wordpress", "7");
    assert_eq!(reason(&site.settle().await), Some(Reason::UpdateFailed));
    assert_eq!(fake.stacks()[0].1, "UPDATE_ROLLBACK_COMPLETE");
    site.stays().await;
}

#[tokio::test]
async fn a7_a_way_back_that_fails_again_waits_for_a_person() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    fake.fail(Phase::Update, "Group", 1);
    fake.fail(Phase::Rollback, "Cluster", 2);
    site.desired = desired("wordpress", "7");
    let outcome = site.settle().await;
    assert_eq!(reason(&outcome), Some(Reason::RollbackFailed));
    assert!(message(&outcome).contains("--resources-to-skip Cluster"), "{}", message(&outcome));
    assert!(outcome.outputs.is_some());
    site.stays().await;
    let token = message(&outcome);
    let token = token.split("approve: ").nth(1).and_then(|it| it.get(..16)).expect("the message has a token");
    site.approved = Some(token.into());
    assert_eq!(reason(&site.settle().await), Some(Reason::UpdateFailed));
}

#[tokio::test]
async fn a10_a_stack_that_is_gone_is_not_replaced_by_an_empty_one() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    fake.set_status(NAME, "DELETE_COMPLETE");
    let outcome = site.settle().await;
    assert_eq!(reason(&outcome), Some(Reason::StackDisappeared));
    assert!(outcome.outputs.is_none());
    site.stays().await;
    site.approve(outcome.plan.as_ref());
    assert!(site.settle().await.current);
    assert_eq!(fake.made(), 2);
    // The word was for that stack alone.
    fake.set_status(NAME, "DELETE_COMPLETE");
    assert_eq!(reason(&site.settle().await), Some(Reason::StackDisappeared));
}

#[tokio::test]
async fn a14_a_stack_that_is_not_visible_yet_is_waited_for() {
    let fake = Fake::new();
    fake.world().unseen = Duration::from_mins(2);
    let mut site = Driver::new(&fake, desired("wordpress", "1"));
    assert!(site.settle().await.current);
    assert_eq!((fake.made(), fake.counts().1), (1, 1));
}

#[tokio::test]
async fn a22_a_change_set_that_changes_nothing_is_a_success() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    site.desired.digest = "feedfeedfeedfeed".into();
    let outcome = site.settle().await;
    assert!(outcome.current && outcome.finding.is_none());
    assert!(fake.stack(NAME).expect("it exists").sets.is_empty());
    site.stays().await;
}

#[tokio::test]
async fn a_change_set_that_cannot_be_made_is_made_anew_and_not_for_ever() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    fake.fail(Phase::Update, "the change set", 1);
    site.desired = desired("wordpress", "7");
    assert!(site.settle().await.current);
    fake.fail(Phase::Update, "the change set", 9);
    site.desired = desired("wordpress", "8");
    let outcome = site.settle().await;
    assert_eq!(reason(&outcome), Some(Reason::UpdateFailed));
    assert_eq!(outcome.record.failure.as_ref().map(|it| it.attempts), Some(3));
    site.stays().await;
}
