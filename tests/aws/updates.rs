//! Change sets, and updates that fail. Change sets go by their id: `MiniStack` does not find the pair of a stack's id and a
//! change set's name, which AWS takes as well. It also makes change sets for stacks that move, which AWS refuses.

use serde_json::{Value, json};
use tairyo::cloudformation::CloudFormation as _;
use tairyo::cloudformation::port::{ChangeSetStatus, Error};
use tairyo::cloudformation::sdk::Sdk;

use super::gate::{self, Bolt};
use super::harness::{account, adapter, change_set, is_not_found, made, servers, stack, wait_for_status};

fn queue(properties: &Value) -> Value {
    json!({"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": properties}}})
}

async fn created(aws: &Sdk, name: &str, template: &Value) -> String {
    let id = aws.create(&stack(name, template)).await.expect("it can be created");
    wait_for_status(aws, name, "CREATE_COMPLETE").await;
    id
}

#[tokio::test]
async fn a_change_set_without_a_difference_is_empty() {
    let aws = adapter(&servers().await.aws, &account()).await;
    let template = queue(&json!({"DelaySeconds": 5}));
    let id = created(&aws, "same", &template).await;
    let nothing = aws.create_change_set(&change_set(&id, "nothing", &template)).await.expect("it can be created");
    assert_eq!(made(&aws, &id, &nothing).await.status, ChangeSetStatus::Empty);
    assert_eq!(made(&aws, "same", "nothing").await.id, nothing, "it is found by names too");
    aws.delete_change_set(&id, &nothing).await.expect("it can be deleted");
    assert!(is_not_found(&aws.describe_change_set(&id, &nothing).await));
}

#[tokio::test]
async fn a_change_set_shows_what_it_would_do_before_it_is_executed() {
    let aws = adapter(&servers().await.aws, &account()).await;
    let id = created(&aws, "change", &queue(&json!({"DelaySeconds": 5}))).await;
    let wanted = queue(&json!({"DelaySeconds": 6, "QueueName": "another"}));
    let replace = aws.create_change_set(&change_set(&id, "replace", &wanted)).await.expect("it can be created");
    let change_set = made(&aws, &id, &replace).await;
    assert_eq!((&change_set.status, change_set.execution_status.as_str()), (&ChangeSetStatus::Complete, "AVAILABLE"));
    let [change] = change_set.changes.as_slice() else { panic!("one resource changes: {:?}", change_set.changes) };
    assert_eq!(
        (change.action.as_str(), change.logical_id.as_str(), change.kind.as_str()),
        ("Modify", "Queue", "AWS::SQS::Queue")
    );
    assert_eq!(change.replacement.as_deref(), Some("True"));
    assert_eq!(change.properties, ["DelaySeconds", "QueueName"]);
    aws.execute_change_set(&id, &change_set.id, "execute").await.expect("it can be executed");
    wait_for_status(&aws, &id, "UPDATE_COMPLETE").await;
    assert_eq!(aws.template(&id).await, Ok(wanted));
}

#[tokio::test]
async fn a_parameter_keeps_its_value_where_that_is_asked_for() {
    let aws = adapter(&servers().await.aws, &account()).await;
    let template = |outputs: &Value| {
        json!({
            "Parameters": {"Delay": {"Type": "String"}},
            "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": {"Ref": "Delay"}}}},
            "Outputs": outputs
        })
    };
    let mut request = stack("keeps", &template(&json!({"A": {"Value": "a"}})));
    request.parameters = [("Delay".to_owned(), "7".to_owned())].into();
    let id = aws.create(&request).await.expect("it can be created");
    wait_for_status(&aws, "keeps", "CREATE_COMPLETE").await;
    let mut update = template(&json!({"A": {"Value": "b"}}));
    update["Resources"]["Handle"] = json!({"Type": "AWS::CloudFormation::WaitConditionHandle"});
    let mut update = change_set(&id, "keep", &update);
    update.previous_parameters = vec!["Delay".into()];
    let keep = aws.create_change_set(&update).await.expect("a change set can be created");
    assert_eq!(made(&aws, &id, &keep).await.status, ChangeSetStatus::Complete);
    aws.execute_change_set(&id, &keep, "execute").await.expect("it can be executed");
    let updated = wait_for_status(&aws, &id, "UPDATE_COMPLETE").await;
    assert_eq!((updated.parameters["Delay"].as_str(), updated.outputs["A"].as_str()), ("7", "b"));
    assert!(updated.updated.is_some());
}

/// Executes an update from one gate to another and returns the token of the update.
async fn update(aws: &Sdk, id: &str, template: &Value) -> String {
    let update = aws.create_change_set(&change_set(id, "update", template)).await.expect("a change set can be created");
    assert_eq!(made(aws, id, &update).await.status, ChangeSetStatus::Complete);
    aws.execute_change_set(id, &update, "execute").await.expect("it can be executed");
    "execute".to_owned()
}

#[tokio::test]
async fn a_failed_update_rolls_back_and_only_its_own_events_count() {
    let aws = adapter(&servers().await.aws, &account()).await;
    let function = gate::function(&aws, "fails").await;
    let id = created(&aws, "fails", &gate::template(&function, &json!({}))).await;
    // The rollback updates the gate to its old properties, which do not fail.
    let token = update(&aws, &id, &gate::template(&function, &json!({"FailOn": "Update"}))).await;
    wait_for_status(&aws, &id, "UPDATE_ROLLBACK_COMPLETE").await;
    let events = aws.events(&id, Some(&token)).await.expect("events can be listed");
    assert!(events.iter().all(|event| event.token.as_ref() == Some(&token)));
    assert!(events.iter().any(|event| event.status == "UPDATE_FAILED" && event.logical_id == "Gate"));
    assert_eq!(events[0].status, "UPDATE_IN_PROGRESS", "the begin of the operation is the oldest: {events:?}");
    let all = aws.events(&id, None).await.expect("events can be listed");
    assert_eq!(all[0].status, "CREATE_IN_PROGRESS");
    assert!(all.len() > events.len());
}

#[tokio::test]
async fn a_stuck_rollback_goes_on_when_told_and_no_other_stack_does() {
    let aws = adapter(&servers().await.aws, &account()).await;
    let function = gate::function(&aws, "stuck").await;
    let bolt = Bolt::new("stuck");
    let properties = json!({"FailOn": "Update,Delete", "FailsBy": bolt.path()});
    let id = created(&aws, "stuck", &gate::template(&function, &properties)).await;
    let mut wanted = properties.clone();
    wanted["More"] = json!("a difference");
    let wanted = gate::template(&function, &wanted);
    update(&aws, &id, &wanted).await;
    wait_for_status(&aws, &id, "UPDATE_ROLLBACK_FAILED").await;
    bolt.open();
    aws.continue_rollback(&id, "continue").await.expect("it goes on");
    wait_for_status(&aws, &id, "UPDATE_ROLLBACK_COMPLETE").await;
    let refused = aws.continue_rollback(&id, "again").await;
    assert!(matches!(refused, Err(Error::Busy(_))), "{refused:?}");
}
