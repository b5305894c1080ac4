//! Creating, describing and deleting.

use serde_json::json;
use tairyo::cloudformation::CloudFormation as _;
use tairyo::cloudformation::port::{Drift, Error};

use super::gate::{self, Bolt};
use super::harness::{account, adapter, is_not_found, servers, stack, wait_for, wait_for_status};

#[tokio::test]
async fn a_stack_is_created_protected_and_deleted() {
    let aws = adapter(&servers().await.aws, &account()).await;
    assert!(is_not_found(&aws.describe("blog").await));
    let template = json!({
        "Parameters": {"Delay": {"Type": "String"}},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": {"Ref": "Delay"}}}},
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Queue", "Arn"]}}, "Revision": {"Value": "abc"}}
    });
    let mut request = stack("blog", &template);
    request.parameters = [("Delay".to_owned(), "5".to_owned())].into();
    request.tags = [("tairyo.dev/site".to_owned(), "blog".to_owned())].into();
    request.stack_policy = Some(r#"{"Statement":[]}"#.into());
    let id = aws.create(&request).await.expect("it can be created");

    let created = wait_for_status(&aws, "blog", "CREATE_COMPLETE").await;
    assert_eq!((created.id.as_str(), created.name.as_str()), (id.as_str(), "blog"));
    assert_eq!((&created.parameters, &created.tags), (&request.parameters, &request.tags));
    assert_eq!(created.outputs["Revision"], "abc");
    assert!(created.outputs["Arn"].starts_with("arn:aws:sqs:") && created.termination_protection);
    assert_eq!(aws.describe(&id).await.as_ref(), Ok(&created), "by id it is the same");

    let resources = aws.resources(&id).await.expect("resources can be listed");
    let shown: Vec<_> = resources.iter().map(|it| (&*it.logical_id, &*it.kind, &*it.status)).collect();
    assert_eq!(shown, [("Queue", "AWS::SQS::Queue", "CREATE_COMPLETE")]);
    assert!(resources[0].physical_id.as_deref().is_some_and(|id| id.contains("Queue")));

    assert!(matches!(aws.create(&request).await, Err(Error::AlreadyExists(_))));
    assert!(matches!(aws.delete(&id, &[], "t1").await, Err(Error::Busy(_))), "it is protected");
    aws.set_termination_protection(&id, false).await.expect("the protection can be lifted");
    aws.set_stack_policy(&id, r#"{"Statement":[]}"#).await.expect("a policy can be set");
    aws.delete(&id, &[], "t2").await.expect("it can be deleted");
    wait_for("the name is free", async || is_not_found(&aws.describe("blog").await).then_some(())).await;
    assert_eq!(aws.describe(&id).await.expect("by id it is seen").status, "DELETE_COMPLETE");
}

#[tokio::test]
async fn every_call_about_a_stack_that_is_not_there_says_so() {
    let aws = adapter(&servers().await.aws, &account()).await;
    let template = json!({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}});
    assert!(is_not_found(&aws.resources("none").await));
    assert!(is_not_found(&aws.events("none", None).await));
    assert!(is_not_found(&aws.template("none").await));
    assert!(is_not_found(&aws.create_change_set(&super::harness::change_set("none", "c", &template)).await));
    assert!(is_not_found(&aws.execute_change_set("none", "c", "t").await));
    assert!(is_not_found(&aws.describe_change_set("none", "c").await));
    assert_eq!(aws.delete_change_set("none", "c").await, Ok(()), "that there is none is fine");
    assert!(is_not_found(&aws.continue_rollback("none", "t").await));
    assert!(is_not_found(&aws.set_termination_protection("none", true).await));
    assert!(is_not_found(&aws.detect_drift("none").await));
}

#[tokio::test]
async fn a_list_of_all_stacks_has_every_page() {
    let aws = adapter(&servers().await.aws, &account()).await;
    let template = json!({"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}});
    let names: Vec<String> = (0..130).map(|number| format!("stack-{number:03}")).collect();
    for name in &names {
        aws.create(&stack(name, &template)).await.expect("it can be created");
    }
    let mut found: Vec<String> =
        aws.describe_all().await.expect("all can be described").into_iter().map(|it| it.name).collect();
    found.sort();
    assert_eq!(found, names);
}

#[tokio::test]
async fn what_is_in_progress_is_listed_until_it_is_done() {
    let aws = adapter(&servers().await.aws, &account()).await;
    let function = gate::function(&aws, "slow").await;
    let bolt = Bolt::new("in-progress");
    let template = gate::template(&function, &json!({"ShutBy": bolt.path()}));
    let id = aws.create(&stack("slow", &template)).await.expect("it can be created");
    let listed = wait_for("it is listed", async || {
        aws.list_in_progress().await.expect("stacks can be listed").into_iter().next()
    })
    .await;
    assert_eq!(
        (listed.id.as_str(), listed.name.as_str(), listed.status.as_str()),
        (&*id, "slow", "CREATE_IN_PROGRESS")
    );
    bolt.open();
    wait_for_status(&aws, "slow", "CREATE_COMPLETE").await;
    assert_eq!(aws.list_in_progress().await, Ok(vec![]));
}

#[tokio::test]
async fn a_failed_creation_rolls_back_and_its_events_say_why() {
    let aws = adapter(&servers().await.aws, &account()).await;
    let function = gate::function(&aws, "broken").await;
    let template = gate::template(&function, &json!({"FailOn": "Create"}));
    let request = stack("broken", &template);
    aws.create(&request).await.expect("it can be created");
    wait_for_status(&aws, "broken", "ROLLBACK_COMPLETE").await;
    let events = aws.events("broken", Some(&request.token)).await.expect("events can be listed");
    assert!(events.is_sorted_by_key(|event| event.time), "the oldest is first");
    let failed = events.iter().find(|event| event.status == "CREATE_FAILED").expect("something failed");
    assert_eq!((failed.logical_id.as_str(), failed.kind.as_str()), ("Gate", "Custom::Gate"));
    assert!(failed.reason.as_deref().is_some_and(|reason| reason.contains("the gate is told to fail")));
    assert_eq!(aws.events("broken", Some("another")).await, Ok(vec![]));
}

#[tokio::test]
async fn a_resource_that_cannot_be_deleted_can_be_left_behind() {
    let aws = adapter(&servers().await.aws, &account()).await;
    let function = gate::function(&aws, "sticky").await;
    let template = gate::template(&function, &json!({"FailOn": "Delete"}));
    let id = aws.create(&stack("sticky", &template)).await.expect("it can be created");
    wait_for_status(&aws, "sticky", "CREATE_COMPLETE").await;
    aws.set_termination_protection(&id, false).await.expect("the protection can be lifted");
    aws.delete(&id, &[], "t1").await.expect("it can be deleted");
    wait_for_status(&aws, "sticky", "DELETE_FAILED").await;
    aws.delete(&id, &["Gate".into()], "t2").await.expect("it can be deleted");
    wait_for("the name is free", async || is_not_found(&aws.describe("sticky").await).then_some(())).await;
}

#[tokio::test]
async fn a_wrong_template_is_refused_as_a_wrong_request() {
    let aws = adapter(&servers().await.aws, &account()).await;
    let template = json!({"Resources": {"Queue": {"Type": "AWS::SQS::Cue"}}});
    let refused = aws.create(&stack("wrong", &template)).await;
    assert!(matches!(&refused, Err(Error::Invalid(text)) if text.contains("request id")), "{refused:?}");
}

#[tokio::test]
async fn the_live_template_is_what_was_sent() {
    let aws = adapter(&servers().await.aws, &account()).await;
    let template = json!({"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain"}}});
    aws.create(&stack("live", &template)).await.expect("it can be created");
    assert_eq!(aws.template("live").await, Ok(template));
}

/// `MiniStack` finds no drift, whatever was changed: what is found is tested on the types alone.
#[tokio::test]
async fn a_look_for_drift_ends_with_what_it_found() {
    let aws = adapter(&servers().await.aws, &account()).await;
    let template = json!({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}});
    aws.create(&stack("steady", &template)).await.expect("it can be created");
    wait_for_status(&aws, "steady", "CREATE_COMPLETE").await;
    let detection = aws.detect_drift("steady").await.expect("a look can begin");
    let drift = wait_for("the look has ended", async || {
        let drift = aws.drift("steady", &detection).await.expect("the look can be described");
        (drift != Drift::Detecting).then_some(drift)
    })
    .await;
    assert_eq!(drift, Drift::Found([].into()));
}
