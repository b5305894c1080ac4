//! From the SDK's types to ours, where nothing that we need is optional, and back.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::operation::describe_stack_drift_detection_status::DescribeStackDriftDetectionStatusOutput;
use aws_sdk_cloudformation::primitives::DateTime;
use aws_sdk_cloudformation::types as aws;
use jiff::Timestamp;

use crate::cloudformation::port::{
    ChangeSet, ChangeSetStatus, Drift, Error, ResourceChange, Stack, StackEvent, StackResource, StackSummary,
};

/// Every status in which AWS works. Not `REVIEW_IN_PROGRESS`: such a stack waits for a person.
pub(super) const IN_PROGRESS: [aws::StackStatus; 9] = [
    aws::StackStatus::CreateInProgress,
    aws::StackStatus::DeleteInProgress,
    aws::StackStatus::ImportInProgress,
    aws::StackStatus::ImportRollbackInProgress,
    aws::StackStatus::RollbackInProgress,
    aws::StackStatus::UpdateCompleteCleanupInProgress,
    aws::StackStatus::UpdateInProgress,
    aws::StackStatus::UpdateRollbackCompleteCleanupInProgress,
    aws::StackStatus::UpdateRollbackInProgress,
];

/// The type of the events of a stack itself.
const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// A part of an answer without which the rest means nothing.
fn required<T: Clone>(value: Option<&T>, name: &str) -> Result<T, Error> {
    value.cloned().ok_or_else(|| Error::Unknown(format!("the answer of CloudFormation has no {name}")))
}

fn time(value: &DateTime) -> Result<Timestamp, Error> {
    let nanoseconds = i32::try_from(value.subsec_nanos()).unwrap_or_default();
    Timestamp::new(value.secs(), nanoseconds)
        .map_err(|error| Error::Unknown(format!("the answer of CloudFormation has a strange time: {error}")))
}

pub(super) fn stack(stack: &aws::Stack) -> Result<Stack, Error> {
    let outputs = stack.outputs().iter();
    let parameters = stack.parameters().iter();
    let tags = stack.tags().iter();
    Ok(Stack {
        id: required(stack.stack_id.as_ref(), "StackId")?,
        name: required(stack.stack_name.as_ref(), "StackName")?,
        status: required(stack.stack_status.as_ref(), "StackStatus")?.as_str().to_owned(),
        status_reason: stack.stack_status_reason.clone(),
        created: time(&required(stack.creation_time.as_ref(), "CreationTime")?)?,
        updated: stack.last_updated_time.as_ref().map(time).transpose()?,
        outputs: outputs.filter_map(|it| Some((it.output_key.clone()?, it.output_value.clone()?))).collect(),
        parameters: parameters
            .filter_map(|it| Some((it.parameter_key.clone()?, it.parameter_value.clone()?)))
            .collect(),
        tags: tags.filter_map(|it| Some((it.key.clone()?, it.value.clone()?))).collect(),
        termination_protection: stack.enable_termination_protection.unwrap_or_default(),
    })
}

pub(super) fn summary(summary: &aws::StackSummary) -> Result<StackSummary, Error> {
    Ok(StackSummary {
        id: required(summary.stack_id.as_ref(), "StackId")?,
        name: required(summary.stack_name.as_ref(), "StackName")?,
        status: required(summary.stack_status.as_ref(), "StackStatus")?.as_str().to_owned(),
    })
}

/// `CloudFormation` writes an empty id while there is none.
fn physical_id(id: Option<&String>) -> Option<String> {
    id.filter(|id| !id.is_empty()).cloned()
}

pub(super) fn resource(resource: &aws::StackResourceSummary) -> StackResource {
    StackResource {
        logical_id: resource.logical_resource_id.clone().unwrap_or_default(),
        physical_id: physical_id(resource.physical_resource_id.as_ref()),
        kind: resource.resource_type.clone().unwrap_or_default(),
        status: resource.resource_status.as_ref().map(|it| it.as_str().to_owned()).unwrap_or_default(),
    }
}

pub(super) fn event(event: &aws::StackEvent) -> Result<StackEvent, Error> {
    Ok(StackEvent {
        time: time(&required(event.timestamp.as_ref(), "Timestamp")?)?,
        token: event.client_request_token.clone(),
        logical_id: event.logical_resource_id.clone().unwrap_or_default(),
        physical_id: physical_id(event.physical_resource_id.as_ref()),
        kind: event.resource_type.clone().unwrap_or_default(),
        status: event.resource_status.as_ref().map(|it| it.as_str().to_owned()).unwrap_or_default(),
        reason: event.resource_status_reason.clone(),
    })
}

/// Whether the events, the newest first, hold the begin of the operation of `token`. A stack has one operation at a time:
/// once a stack's own event of another one follows ours, ours are complete. Pages of years need not be read then.
pub(super) fn begins_within(newest_first: &[StackEvent], token: Option<&str>) -> bool {
    let Some(token) = token else { return false };
    let of_it = |event: &StackEvent| event.token.as_deref() == Some(token);
    let Some(oldest) = newest_first.iter().rposition(of_it) else { return false };
    newest_first[oldest..].iter().any(|event| event.kind == STACK_TYPE && !of_it(event))
}

/// The events of the operation of `token`, or all of them, the oldest first.
pub(super) fn of_operation(newest_first: Vec<StackEvent>, token: Option<&str>) -> Vec<StackEvent> {
    let of_it = |event: &StackEvent| token.is_none_or(|token| event.token.as_deref() == Some(token));
    newest_first.into_iter().rev().filter(of_it).collect()
}

pub(super) fn change_set(answer: DescribeChangeSetOutput, changes: Vec<ResourceChange>) -> Result<ChangeSet, Error> {
    let status = required(answer.status.as_ref(), "Status")?;
    Ok(ChangeSet {
        id: required(answer.change_set_id.as_ref(), "ChangeSetId")?,
        status: change_set_status(&status, answer.status_reason.unwrap_or_default()),
        execution_status: answer.execution_status.map(|it| it.as_str().to_owned()).unwrap_or_default(),
        changes,
    })
}

/// That nothing would change is a failure to AWS, told apart by its text alone.
fn change_set_status(status: &aws::ChangeSetStatus, reason: String) -> ChangeSetStatus {
    match status {
        aws::ChangeSetStatus::CreatePending | aws::ChangeSetStatus::CreateInProgress => ChangeSetStatus::Creating,
        aws::ChangeSetStatus::CreateComplete => ChangeSetStatus::Complete,
        aws::ChangeSetStatus::Failed
            if reason.contains("didn't contain changes") || reason.contains("No updates are to be performed") =>
        {
            ChangeSetStatus::Empty
        }
        aws::ChangeSetStatus::Failed => ChangeSetStatus::Failed(reason),
        other => ChangeSetStatus::Other(other.as_str().to_owned()),
    }
}

pub(super) fn change(change: &aws::Change) -> Option<ResourceChange> {
    let change = change.resource_change()?;
    let targets = change.details().iter().filter_map(aws::ResourceChangeDetail::target);
    let properties = targets.filter(|target| target.attribute() == Some(&aws::ResourceAttribute::Properties));
    // One property stands there once for each cause of its change.
    let properties: BTreeSet<String> = properties.filter_map(|target| target.name.clone()).collect();
    Some(ResourceChange {
        action: change.action.as_ref().map(|it| it.as_str().to_owned()).unwrap_or_default(),
        logical_id: change.logical_resource_id.clone().unwrap_or_default(),
        kind: change.resource_type.clone().unwrap_or_default(),
        replacement: change.replacement.as_ref().map(|it| it.as_str().to_owned()),
        policy_action: change.policy_action.as_ref().map(|it| it.as_str().to_owned()),
        properties: properties.into_iter().collect(),
    })
}

/// How far the look for drift is; the resources of a finished one are pages of their own.
pub(super) fn drift(answer: &DescribeStackDriftDetectionStatusOutput) -> Drift {
    match answer.detection_status() {
        Some(aws::StackDriftDetectionStatus::DetectionComplete) => Drift::Found(BTreeMap::new()),
        Some(aws::StackDriftDetectionStatus::DetectionInProgress) => Drift::Detecting,
        // A look that failed has looked at some resources; what it says of the others is not known.
        _ => Drift::Failed(answer.detection_status_reason().unwrap_or("CloudFormation gives no reason").to_owned()),
    }
}

pub(super) fn resource_drift(drift: &aws::StackResourceDrift) -> Option<(String, String)> {
    let status = drift.stack_resource_drift_status()?;
    Some((drift.logical_resource_id()?.to_owned(), status.as_str().to_owned()))
}

pub(super) fn parameters(values: &BTreeMap<String, String>, previous: &[String]) -> Vec<aws::Parameter> {
    let new =
        values.iter().map(|(key, value)| aws::Parameter::builder().parameter_key(key).parameter_value(value).build());
    let kept = previous.iter().map(|key| aws::Parameter::builder().parameter_key(key).use_previous_value(true).build());
    new.chain(kept).collect()
}

pub(super) fn tags(tags: &BTreeMap<String, String>) -> Vec<aws::Tag> {
    tags.iter().map(|(key, value)| aws::Tag::builder().key(key).value(value).build()).collect()
}

#[cfg(test)]
mod tests;
