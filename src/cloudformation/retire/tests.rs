use super::*;
use crate::cloudformation::fake::driver::{Driver, NAME, UID, desired, desired_without_data};
use crate::cloudformation::fake::{Fake, Fault, Phase};

mod kills;

const BUCKET: &str = "AWS::S3::Bucket";
const CLUSTER: &str = "AWS::RDS::DBCluster";
const POLICIES: [DeletionPolicy; 3] = [DeletionPolicy::Retain, DeletionPolicy::Snapshot, DeletionPolicy::Delete];

/// What the policy promises, as the account has it.
fn assert_kept(fake: &Fake, policy: DeletionPolicy, clusters: &[String], buckets: &[String]) {
    let snapshots: Vec<_> = fake.world().snapshots.iter().cloned().collect();
    match policy {
        DeletionPolicy::Retain => {
            assert_eq!(fake.of_type(CLUSTER), clusters);
            assert_eq!(fake.of_type(BUCKET), buckets);
            assert_eq!(fake.stacks().len(), 1);
            assert!(fake.stack(NAME).expect("it exists").protected);
        }
        DeletionPolicy::Snapshot => {
            assert_eq!(fake.of_type(BUCKET), buckets);
            assert_eq!(snapshots, clusters);
            assert_eq!(fake.of_type(CLUSTER), Vec::<String>::new());
        }
        DeletionPolicy::Delete => {
            assert_eq!(fake.of_type(BUCKET), Vec::<String>::new());
            assert_eq!(fake.of_type(CLUSTER), Vec::<String>::new());
            assert_eq!(snapshots, Vec::<String>::new());
        }
    }
    if policy != DeletionPolicy::Retain {
        assert_eq!(fake.stacks(), []);
        assert_eq!(fake.of_type("AWS::EC2::SecurityGroup"), Vec::<String>::new());
    }
}

fn message(retired: &Retired) -> String {
    retired.finding.as_ref().map(|it| it.message.clone()).unwrap_or_default()
}

#[tokio::test]
async fn each_policy_keeps_what_it_promises_and_says_what() {
    for policy in POLICIES {
        let fake = Fake::new();
        let mut site = Driver::created(&fake).await;
        let (clusters, buckets) = (fake.of_type(CLUSTER), fake.of_type(BUCKET));
        let retired = site.retire(policy).await;
        assert!(retired.done, "{policy:?}: {retired:?}");
        assert_kept(&fake, policy, &clusters, &buckets);
        let (cluster, bucket) = (&clusters[0], &buckets[0]);
        assert_eq!(
            retired.kept,
            match policy {
                DeletionPolicy::Retain => vec![format!("the stack {NAME} with {BUCKET} {bucket}, {CLUSTER} {cluster}")],
                DeletionPolicy::Snapshot =>
                    vec![format!("{BUCKET} {bucket}"), format!("a final snapshot of the cluster {cluster}")],
                DeletionPolicy::Delete => Vec::new(),
            }
        );
        assert_eq!(site.emptied, policy == DeletionPolicy::Delete, "{policy:?}");
    }
}

#[tokio::test]
async fn nothing_is_deleted_before_the_policy_stands_in_the_live_template() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    // The update that would set the policies fails, for ever.
    fake.fail(Phase::Update, "Cluster", 99);
    let retired = site.retire(DeletionPolicy::Snapshot).await;
    assert!(!retired.done && message(&retired).contains("cannot be set"), "{retired:?}");
    assert_eq!((fake.of_type(CLUSTER).len(), fake.of_type(BUCKET).len()), (1, 1));
    assert!(fake.stack(NAME).expect("it exists").protected);
    let before = fake.counts().1;
    site.retire(DeletionPolicy::Snapshot).await;
    assert_eq!(fake.counts().1, before);
}

#[tokio::test]
async fn a_policy_that_changes_on_the_way_is_the_one_that_counts() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    let (clusters, buckets) = (fake.of_type(CLUSTER), fake.of_type(BUCKET));
    // Up to the point where all is ready to be deleted.
    while site.retire_once(DeletionPolicy::Delete).await.expect("it lives").needs_empty_bucket.is_none() {
        fake.pass_time(Duration::from_secs(15));
    }
    assert!(site.retire(DeletionPolicy::Snapshot).await.done);
    assert_kept(&fake, DeletionPolicy::Snapshot, &clusters, &buckets);
}

#[tokio::test]
async fn a_stack_without_data_goes_whatever_the_policy() {
    for policy in POLICIES {
        let fake = Fake::new();
        let mut site = Driver::new(&fake, desired_without_data());
        site.settle().await;
        let retired = site.retire(policy).await;
        assert!(retired.done && retired.kept.is_empty(), "{policy:?}: {retired:?}");
        assert_eq!(fake.stacks(), []);
    }
}

#[tokio::test]
async fn a_unit_that_was_never_begun_is_done_at_once() {
    let fake = Fake::new();
    let mut site = Driver::new(&fake, desired("wordpress", "1"));
    site.pass().await;
    assert!(site.retire(DeletionPolicy::Delete).await.done);
    assert_eq!(fake.counts().1, 0);
}

#[tokio::test]
async fn a14_a_stack_that_is_not_visible_yet_is_not_left_behind() {
    let fake = Fake::new();
    fake.world().unseen = Duration::from_secs(40);
    let mut site = Driver::new(&fake, desired("wordpress", "1"));
    for _ in 0..3 {
        site.pass().await;
    }
    assert_eq!(fake.made(), 1);
    assert!(site.record.as_ref().is_some_and(|it| it.stack_id.is_none()));
    assert!(site.retire(DeletionPolicy::Delete).await.done);
    assert_eq!(fake.stacks(), []);
}

#[tokio::test]
async fn a3_a_throttle_is_never_the_end_of_a_stack() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    fake.fault(0, Fault::Throttled);
    let retired = site.retire_once(DeletionPolicy::Delete).await.expect("it lives");
    assert!(!retired.done);
    assert_eq!(retired.finding.map(|it| it.reason), Some(Reason::AwsUnavailable));
}

#[tokio::test]
async fn a_stack_of_another_site_is_left_alone() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    fake.edit(NAME, |stack| drop(stack.tags.insert(SITE_UID_TAG.into(), UID.replace('6', "7"))));
    let before = fake.counts().1;
    let retired = site.retire(DeletionPolicy::Delete).await;
    assert!(retired.done && retired.kept[0].contains("not of this site"), "{retired:?}");
    assert_eq!(fake.counts().1, before);
}

#[tokio::test]
async fn a8_a_deletion_that_fails_is_tried_again() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    fake.fail(Phase::Delete, "Group", 3);
    assert!(site.retire(DeletionPolicy::Delete).await.done);
    assert_eq!(fake.stacks(), []);
}

#[tokio::test]
async fn a8_a_deletion_that_fails_for_ever_waits_for_a_person_who_may_give_the_rest_up() {
    let fake = Fake::new();
    let mut site = Driver::created(&fake).await;
    fake.fail(Phase::Delete, "Group", 99);
    let retired = site.retire(DeletionPolicy::Delete).await;
    assert_eq!(retired.finding.as_ref().map(|it| it.reason), Some(Reason::DeleteFailed));
    assert!(message(&retired).contains("AWS::EC2::SecurityGroup Group failed: has dependencies"), "{retired:?}");
    let before = fake.counts().1;
    site.retire(DeletionPolicy::Delete).await;
    assert_eq!(fake.counts().1, before);
    site.approve_message(retired.finding.as_ref());
    let retired = site.retire(DeletionPolicy::Delete).await;
    assert!(retired.done && retired.kept[0].starts_with("AWS::EC2::SecurityGroup"), "{retired:?}");
}

#[tokio::test]
async fn a_failed_creation_is_cleared_away() {
    for policy in POLICIES {
        let fake = Fake::new();
        fake.fail(Phase::Create, "Group", 9);
        let mut site = Driver::new(&fake, desired("wordpress", "1"));
        site.settle().await;
        let retired = site.retire(policy).await;
        assert!(retired.done && fake.stacks().is_empty(), "{policy:?}: {retired:?}");
    }
}

async fn stuck(fake: &Fake, rollbacks: usize) -> Driver<'_> {
    let mut site = Driver::created(fake).await;
    fake.fail(Phase::Update, "Group", 1);
    fake.fail(Phase::Rollback, "Cluster", rollbacks);
    site.desired = desired("wordpress", "7");
    site.settle().await;
    site
}

#[tokio::test]
async fn a7_a_stuck_stack_comes_to_its_end_by_the_policy() {
    for policy in POLICIES {
        let fake = Fake::new();
        let mut site = stuck(&fake, 2).await;
        let (clusters, buckets) = (fake.of_type(CLUSTER), fake.of_type(BUCKET));
        let retired = site.retire(policy).await;
        // The bucket's policy in the template is `Delete`, and a stuck stack takes no update.
        if policy == DeletionPolicy::Snapshot {
            assert!(!retired.done && message(&retired).contains("AWS::S3::Bucket Bucket would be lost"), "{retired:?}");
            assert_eq!((fake.of_type(CLUSTER), fake.of_type(BUCKET)), (clusters, buckets));
        } else if policy == DeletionPolicy::Delete {
            // Its cluster refuses to be deleted, which nothing but an update could change.
            assert!(!retired.done && message(&retired).contains("deletion protection"), "{retired:?}");
        } else {
            assert!(retired.done, "{retired:?}");
            assert_kept(&fake, policy, &clusters, &buckets);
        }
    }
}

#[tokio::test]
async fn every_status_ends_waits_or_names_a_person() {
    for status in [
        "CREATE_COMPLETE",
        "CREATE_FAILED",
        "CREATE_IN_PROGRESS",
        "DELETE_COMPLETE",
        "DELETE_FAILED",
        "DELETE_IN_PROGRESS",
        "IMPORT_COMPLETE",
        "IMPORT_IN_PROGRESS",
        "IMPORT_ROLLBACK_COMPLETE",
        "IMPORT_ROLLBACK_FAILED",
        "IMPORT_ROLLBACK_IN_PROGRESS",
        "REVIEW_IN_PROGRESS",
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "ROLLBACK_IN_PROGRESS",
        "UPDATE_COMPLETE",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_FAILED",
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_FAILED",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "TRANSMOGRIFY_COMPLETE",
        "TRANSMOGRIFY_IN_PROGRESS",
    ] {
        for policy in POLICIES {
            let fake = Fake::new();
            let mut site = Driver::created(&fake).await;
            let data = (fake.of_type(CLUSTER), fake.of_type(BUCKET));
            fake.set_status(NAME, status);
            let before = fake.counts().1;
            for _ in 0..100 {
                let retired = site.retire_once(policy).await.expect("it lives");
                let Some(after) = retired.look_again_after else {
                    assert!(
                        retired.done || retired.finding.is_some_and(|it| it.needs_a_person()),
                        "{status} {policy:?}"
                    );
                    break;
                };
                fake.pass_time(after);
            }
            let waits =
                status.contains("TRANSMOGRIFY") || (status.ends_with("IN_PROGRESS") && !status.starts_with("REVIEW"));
            assert!(!waits || fake.counts().1 == before, "{status} {policy:?} was touched");
            // What a policy keeps stays, or has its snapshot, whatever state the stack was found in.
            if policy == DeletionPolicy::Retain && status != "REVIEW_IN_PROGRESS" {
                assert_eq!((fake.of_type(CLUSTER), fake.of_type(BUCKET)), data, "{status}");
            }
            if policy == DeletionPolicy::Snapshot && status != "REVIEW_IN_PROGRESS" {
                assert_eq!(fake.of_type(BUCKET), data.1, "{status}");
                let snapshots: Vec<_> = fake.world().snapshots.iter().cloned().collect();
                assert!(fake.of_type(CLUSTER) == data.0 || snapshots == data.0, "{status}");
            }
        }
    }
}
