//! The operator dies at any call, and AWS answers as it likes.

use proptest::prelude::*;

use super::*;

/// How many calls each way takes without a fault; more than enough to reach each of them.
const CALLS: usize = 40;

const KILLS: [Fault; 5] = [Fault::KilledBefore, Fault::KilledAfter, Fault::AnswerLost, Fault::Throttled, Fault::Lost];

#[tokio::test]
async fn killed_at_any_call_of_a_creation_it_makes_one_stack() {
    for fault in KILLS {
        for call in 0..CALLS {
            let fake = Fake::new();
            let mut site = Driver::new(&fake, desired("wordpress", "1"));
            fake.fault(call, fault);
            assert!(site.settle().await.current);
            assert_eq!((fake.made(), fake.of_type(CLUSTER).len()), (1, 1), "{fault:?} at {call}");
            assert!(site.record.as_ref().is_some_and(|it| it.stack_id.is_some()));
            site.stays().await;
        }
    }
}

#[tokio::test]
async fn killed_at_any_call_of_an_update_it_updates_once() {
    for fault in KILLS {
        for call in 0..CALLS {
            let fake = Fake::new();
            let mut site = Driver::created(&fake).await;
            let cluster = fake.of_type(CLUSTER);
            site.desired = desired("wordpress", "7");
            fake.fault(call, fault);
            let before = fake.counts().1;
            assert!(site.settle().await.current);
            assert_eq!(fake.of_type(CLUSTER), cluster);
            assert_eq!(fake.counts().1 - before, 2, "{fault:?} at {call}");
            site.stays().await;
        }
    }
}

#[tokio::test]
async fn killed_at_any_call_of_an_approved_replacement_it_replaces_once_and_locks_again() {
    for fault in KILLS {
        for call in 0..CALLS {
            let fake = Fake::new();
            let mut site = Driver::created(&fake).await;
            let (cluster, policy) = (fake.of_type(CLUSTER), fake.stack(NAME).expect("it exists").policy);
            site.desired = desired("another", "1");
            let waits = site.settle().await;
            assert_eq!(fake.of_type(CLUSTER), cluster);
            site.approve(waits.plan.as_ref());
            fake.fault(call, fault);
            assert!(site.settle().await.current);
            let now = fake.of_type(CLUSTER);
            // The old one is kept, by its policy.
            assert_eq!(now.len(), 2, "{fault:?} at {call}: {now:?}");
            assert_eq!(fake.stack(NAME).expect("it exists").policy, policy, "{fault:?} at {call}");
            site.stays().await;
        }
    }
}

fn any_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Throttled),
        Just(Fault::Lost),
        Just(Fault::AnswerLost),
        Just(Fault::Denied),
        Just(Fault::KilledBefore),
        Just(Fault::KilledAfter),
    ]
}

fn any_phase() -> impl Strategy<Value = (Phase, &'static str, usize)> {
    let phase = prop_oneof![Just(Phase::Create), Just(Phase::Update), Just(Phase::Rollback), Just(Phase::Delete)];
    (phase, prop_oneof![Just("Cluster"), Just("Bucket"), Just("Group")], 1_usize..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_goes_wrong_it_comes_to_rest_with_one_stack_and_its_data(
        faults in prop::collection::vec((0_usize..60, any_fault()), 0..8),
        failing in prop::collection::vec(any_phase(), 0..4),
        specs in prop::collection::vec((prop_oneof![Just("wordpress"), Just("another")], 1_u8..4), 1..4),
        unseen in 0_u64..90,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime needs nothing");
        runtime.block_on(async {
            let fake = Fake::new();
            fake.world().unseen = Duration::from_secs(unseen);
            for (call, fault) in faults {
                fake.fault(call, fault);
            }
            for (phase, resource, times) in failing {
                fake.fail(phase, resource, times);
            }
            let mut site = Driver::new(&fake, desired("wordpress", "1"));
            for (database, days) in specs {
                site.desired = desired(database, &days.to_string());
                let clusters = fake.of_type(CLUSTER);
                let had_worked = fake.stacks().first().is_some_and(|it| it.1.contains("COMPLETE") && it.1 != "ROLLBACK_COMPLETE");
                let outcome = site.settle().await;
                let stalled = outcome.finding.as_ref().is_some_and(Finding::needs_a_person);
                assert!(outcome.current || stalled, "{outcome:?}");
                if had_worked {
                    assert!(clusters.iter().all(|it| fake.of_type(CLUSTER).contains(it)), "a cluster is lost");
                }
                site.stays().await;
            }
        });
    }
}
