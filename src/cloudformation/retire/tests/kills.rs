//! The operator dies at any call of the end.

use proptest::prelude::*;

use super::*;

const KILLS: [Fault; 5] = [Fault::KilledBefore, Fault::KilledAfter, Fault::AnswerLost, Fault::Throttled, Fault::Lost];

#[tokio::test]
async fn killed_at_any_call_the_end_is_that_of_the_policy() {
    for policy in POLICIES {
        for fault in KILLS {
            for call in 0..60 {
                let fake = Fake::new();
                let mut site = Driver::created(&fake).await;
                let (clusters, buckets) = (fake.of_type(CLUSTER), fake.of_type(BUCKET));
                fake.fault(call, fault);
                assert!(site.retire(policy).await.done, "{policy:?} {fault:?} at {call}");
                assert_kept(&fake, policy, &clusters, &buckets);
            }
        }
    }
}

#[tokio::test]
async fn killed_at_any_call_of_the_creation_no_stack_is_left_behind() {
    for fault in [Fault::KilledBefore, Fault::KilledAfter, Fault::AnswerLost] {
        for call in 0..6 {
            for passes in 1..8 {
                let fake = Fake::new();
                fake.world().unseen = Duration::from_secs(30);
                let mut site = Driver::new(&fake, desired("wordpress", "1"));
                fake.fault(call, fault);
                for _ in 0..passes {
                    site.pass().await;
                }
                assert!(site.retire(DeletionPolicy::Delete).await.done);
                assert_eq!(fake.stacks(), [], "{fault:?} at {call} after {passes}");
                assert_eq!(fake.of_type(CLUSTER), Vec::<String>::new());
            }
        }
    }
}

fn any_policy() -> impl Strategy<Value = DeletionPolicy> {
    prop::sample::select(POLICIES.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_goes_wrong_the_data_fares_as_the_policy_says(
        policy in any_policy(),
        passes in 0_usize..30,
        faults in prop::collection::vec((0_usize..60, prop::sample::select(KILLS.to_vec())), 0..6),
        failing in prop::collection::vec(
            (
                prop::sample::select(vec![Phase::Update, Phase::Rollback, Phase::Delete]),
                prop::sample::select(vec!["Cluster", "Bucket", "Group"]),
                1_usize..4,
            ),
            0..3,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime needs nothing");
        runtime.block_on(async {
            let fake = Fake::new();
            let mut site = Driver::created(&fake).await;
            let (clusters, buckets) = (fake.of_type(CLUSTER), fake.of_type(BUCKET));
            for (phase, resource, times) in failing {
                fake.fail(phase, resource, times);
            }
            for (call, fault) in faults {
                fake.fault(call, fault);
            }
            // The end overtakes an update anywhere.
            site.desired = desired("wordpress", "7");
            for _ in 0..passes {
                if site.pass().await.is_some_and(|it| it.look_again_after.is_none()) {
                    break;
                }
                fake.pass_time(Duration::from_secs(15));
            }
            let retired = site.retire(policy).await;
            if retired.done {
                assert_kept(&fake, policy, &clusters, &buckets);
            } else {
                assert!(retired.finding.as_ref().is_some_and(Finding::needs_a_person), "{retired:?}");
                let before = fake.counts().1;
                site.retire(policy).await;
                assert_eq!(fake.counts().1, before, "a stalled end goes on");
                if policy == DeletionPolicy::Snapshot {
                    assert_eq!(fake.of_type(BUCKET), buckets);
                    let snapshots: Vec<_> = fake.world().snapshots.iter().cloned().collect();
                    assert!(fake.of_type(CLUSTER) == clusters || snapshots == clusters);
                }
                if policy == DeletionPolicy::Retain {
                    assert_eq!(fake.of_type(CLUSTER), clusters);
                }
            }
        });
    }
}
