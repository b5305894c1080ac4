use std::time::Duration;

use super::*;
use crate::cloudformation::fake::driver::{Driver, NAME, POLL, UID, desired};
use crate::cloudformation::fake::{Fake, Fault, Phase};

mod faults;
mod kills;
mod retry;
mod statuses;

fn reason(outcome: &Outcome) -> Option<Reason> {
    outcome.finding.as_ref().map(|it| it.reason)
}

fn message(outcome: &Outcome) -> String {
    outcome.finding.as_ref().map(|it| it.message.clone()).unwrap_or_default()
}

const CLUSTER: &str = "AWS::RDS::DBCluster";

#[tokio::test]
async fn a_unit_is_recorded_before_aws_is_asked() {
    let fake = Fake::new();
    let mut site = Driver::new(&fake, desired("wordpress", "1"));
    let outcome = site.pass().await.expect("it lives");
    assert_eq!(fake.counts(), (0, 0));
    assert_eq!((outcome.record.stack_name.as_str(), outcome.record.region.as_str()), (NAME, "eu-west-1"));
    assert_eq!(outcome.look_again_after, Some(Duration::ZERO));
    let outcome = site.pass().await.expect("it lives");
    assert_eq!(fake.counts(), (1, 0), "the operation is written down before it is begun");
    assert!(outcome.record.operation.is_some());
}

#[tokio::test]
async fn a_stack_comes_up_and_then_costs_one_look_a_pass() {
    let fake = Fake::new();
    let mut site = Driver::new(&fake, desired("wordpress", "1"));
    let mut said = Vec::new();
    let outcome = loop {
        let outcome = site.pass().await.expect("it lives");
        match outcome.look_again_after {
            None => break outcome,
            Some(after) => fake.pass_time(after),
        }
        assert!(!outcome.current);
        said.push(message(&outcome));
    };
    assert!(
        said.contains(&format!("the stack {NAME} is CREATE_IN_PROGRESS: 1 of 2 resources, now {CLUSTER}")),
        "{said:?}"
    );
    assert!(outcome.current && outcome.finding.is_none() && !outcome.mutated);
    assert_eq!(outcome.outputs.expect("it works")["Endpoint"], "cluster.example");
    assert!(fake.stack(NAME).expect("it exists").protected);
    let (calls, mutations) = fake.counts();
    site.pass().await;
    assert_eq!(fake.counts(), (calls + 1, mutations));
}

#[tokio::test]
async fn an_update_goes_through_a_change_set_and_keeps_the_outputs_meanwhile() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    site.desired = desired("wordpress", "7");
    let before = fake.counts().1;
    loop {
        let outcome = site.pass().await.expect("it lives");
        assert!(outcome.outputs.is_some());
        let Some(after) = outcome.look_again_after else { break };
        fake.pass_time(after);
    }
    assert_eq!(fake.counts().1 - before, 2, "one change set, one execution");
    assert_eq!(fake.stack(NAME).expect("it exists").parameters["Days"], "7");
    site.stays().await;
}

#[tokio::test]
async fn a_protection_that_somebody_lifted_is_set_again_without_a_word_in_the_status() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    fake.world().stacks.iter_mut().for_each(|stack| stack.protected = false);
    let outcome = site.pass().await.expect("it lives");
    assert!(outcome.current && outcome.finding.is_none());
    assert!(fake.stack(NAME).expect("it exists").protected);
    site.stays().await;
}

#[tokio::test]
async fn a_replacement_of_data_waits_for_exactly_its_approval() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    let cluster = fake.of_type(CLUSTER);
    site.desired = desired("another", "1");
    let outcome = site.settle().await;
    assert_eq!(reason(&outcome), Some(Reason::ApprovalRequired));
    assert!(message(&outcome).contains("AWS::RDS::DBCluster Cluster would be replaced"), "{}", message(&outcome));
    assert!(outcome.outputs.is_some() && !outcome.current);
    site.stays().await;
    site.approved = Some("0123456789abcdef".into());
    assert_eq!(reason(&site.settle().await), Some(Reason::ApprovalRequired));
    assert_eq!(fake.of_type(CLUSTER), cluster);

    // The approval of one change is not that of another.
    site.approve(outcome.plan.as_ref());
    site.desired = desired("third", "1");
    assert_eq!(reason(&site.settle().await), Some(Reason::ApprovalRequired));
    site.desired = desired("another", "1");
    let locked = fake.stack(NAME).expect("it exists").policy;
    assert!(site.settle().await.current);
    assert_ne!(fake.of_type(CLUSTER), cluster);
    assert_eq!(fake.stack(NAME).expect("it exists").policy, locked, "the lock is on again");
    site.stays().await;
}

#[tokio::test]
async fn a_replacement_that_the_change_set_denies_is_seen_all_the_same() {
    let fake = Fake::new();
    fake.world().lies = true;
    let mut site = Driver::created(&fake).await;
    site.desired = desired("another", "1");
    let outcome = site.settle().await;
    assert_eq!(reason(&outcome), Some(Reason::ApprovalRequired));
    let plan = outcome.plan.expect("it waits");
    assert_eq!(plan.changes[0].properties, ["DatabaseName"]);
}

#[tokio::test]
async fn a_spec_that_goes_back_takes_its_change_with_it() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    site.desired = desired("another", "1");
    assert_eq!(reason(&site.settle().await), Some(Reason::ApprovalRequired));
    site.desired = desired("wordpress", "1");
    let outcome = site.settle().await;
    assert!(outcome.current && outcome.plan.is_none());
    assert!(fake.stack(NAME).expect("it exists").sets.is_empty());
    site.stays().await;
}

#[tokio::test]
async fn every_change_waits_where_that_was_agreed() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    site.approval = ChangeApproval::Always;
    site.desired = desired("wordpress", "7");
    let outcome = site.settle().await;
    assert_eq!(reason(&outcome), Some(Reason::ApprovalRequired));
    let plan = outcome.plan.clone().expect("it waits");
    assert_eq!(plan.changes.iter().map(|it| it.resource.as_str()).collect::<Vec<_>>(), ["Cluster", "Group"]);
    site.approve(outcome.plan.as_ref());
    assert!(site.settle().await.current);
}

#[tokio::test]
async fn a_stack_of_another_site_is_left_alone() {
    let fake = Fake::new();
    Driver::created(&fake).await;
    let (_, before) = fake.counts();
    let mut other = desired("wordpress", "9");
    other.tags.insert(SITE_UID_TAG.into(), UID.replace('6', "7"));
    let mut site = Driver::new(&fake, other);
    let outcome = site.settle().await;
    assert_eq!(reason(&outcome), Some(Reason::NotOwned));
    assert!(outcome.outputs.is_none() && outcome.record.stack_id.is_none());
    assert_eq!(fake.counts().1, before);
}

#[tokio::test]
async fn changes_by_hand_are_looked_for_on_time_and_not_corrected() {
    use crate::cloudformation::drift;
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    let mutations = fake.counts().1;
    fake.world().drifted.insert("Group".into(), "MODIFIED".into());
    site.drift_check = Some(Duration::from_hours(24));
    let look = |outcome: &Outcome| outcome.look_again_after;
    let begun = site.pass().await.expect("it lives");
    assert!(begun.current && look(&begun) == Some(POLL));
    assert_eq!(look(&site.pass().await.expect("it lives")), Some(POLL));
    fake.pass_time(Duration::from_mins(2));
    let found = site.pass().await.expect("it lives");
    assert_eq!(look(&found), Some(Duration::from_hours(24)));
    let finding = drift::finding(&found.record).expect("it drifted");
    assert!(finding.message.contains("Group MODIFIED"), "{finding:?}");
    fake.world().drifted.clear();
    fake.pass_time(Duration::from_hours(25));
    site.pass().await;
    fake.pass_time(Duration::from_mins(2));
    assert_eq!(drift::finding(&site.pass().await.expect("it lives").record), None);
    assert_eq!(fake.counts().1, mutations);
}

#[tokio::test]
async fn a_thousand_sites_of_six_units_at_rest_ask_for_nothing_but_their_descriptions() {
    let fake = Fake::new();
    let site = Driver::created(&fake).await;
    let (calls, mutations) = fake.counts();
    fake.world().describes = 0;
    let order = Order {
        desired: &site.desired,
        record: site.record.as_ref(),
        uid8: "6b1e3c1e",
        generation: 1,
        approval: ChangeApproval::Replacements,
        approved: None,
        drift_check: None,
        poll: POLL,
        now: fake.now(),
    };
    for _ in 0..6000 {
        let outcome = advance(&fake, &order).await;
        assert!(outcome.current && Some(&outcome.record) == site.record.as_ref());
    }
    // A cache answers descriptions; whatever else there was would go to AWS.
    assert_eq!(fake.counts(), (calls + 6000, mutations));
    assert_eq!(fake.world().describes, 6000);
}
