//! `CloudFormation` by the AWS SDK. Pages, retries and error texts end here: what comes out is whole, or an [`Error`].

mod bucket;
mod config;
mod convert;
mod error;
mod role;
mod search_domain;

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{Capability, ChangeSetType, OnFailure, StackResourceDriftStatus, TemplateStage};
use serde_json::Value;

pub use bucket::S3Buckets;
pub use config::Sessions;
pub use search_domain::OpenSearchDomains;

use super::budget::Budget;
use super::port::{
    ChangeSet, CloudFormation, CreateChangeSet, CreateStack, Drift, Error, Stack, StackEvent, StackResource,
    StackSummary,
};
use error::from_sdk;

/// The largest template that goes in a request:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>.
const LARGEST_TEMPLATE: usize = 51_200;

/// `CloudFormation` in one account and region by the SDK. Every page is a call of its own for the budget.
#[derive(Clone)]
pub struct Sdk {
    client: Client,
    budget: Arc<Budget>,
}

impl Sdk {
    /// Wraps a client.
    #[must_use]
    pub fn new(client: Client, budget: Arc<Budget>) -> Self {
        Self { client, budget }
    }
}

/// The template without white space, if a request can carry it.
fn template_body(template: &str) -> Result<String, Error> {
    let value: Value =
        serde_json::from_str(template).map_err(|error| Error::Invalid(format!("the template is not JSON: {error}")))?;
    let body = value.to_string();
    if body.len() > LARGEST_TEMPLATE {
        return Err(Error::Invalid(format!(
            "the template has {} bytes; a request carries at most {LARGEST_TEMPLATE}",
            body.len()
        )));
    }
    Ok(body)
}

#[async_trait]
impl CloudFormation for Sdk {
    async fn describe(&self, stack: &str) -> Result<Stack, Error> {
        self.budget.read().await?;
        let answer = self.client.describe_stacks().stack_name(stack).send().await;
        let answer = answer.map_err(|error| from_sdk("DescribeStacks", &error))?;
        match answer.stacks() {
            [one] => convert::stack(one),
            others => Err(Error::Unknown(format!("DescribeStacks: {} stacks are called {stack}", others.len()))),
        }
    }

    async fn describe_all(&self) -> Result<Vec<Stack>, Error> {
        let (mut stacks, mut page) = (Vec::new(), None);
        loop {
            self.budget.walk().await?;
            let answer = self.client.describe_stacks().set_next_token(page).send().await;
            let answer = answer.map_err(|error| from_sdk("DescribeStacks", &error))?;
            for stack in answer.stacks() {
                stacks.push(convert::stack(stack)?);
            }
            page = answer.next_token;
            if page.is_none() {
                return Ok(stacks);
            }
        }
    }

    async fn list_in_progress(&self) -> Result<Vec<StackSummary>, Error> {
        let (mut stacks, mut page) = (Vec::new(), None);
        loop {
            self.budget.walk().await?;
            let request = self.client.list_stacks().set_stack_status_filter(Some(convert::IN_PROGRESS.to_vec()));
            let answer = request.set_next_token(page).send().await;
            let answer = answer.map_err(|error| from_sdk("ListStacks", &error))?;
            for summary in answer.stack_summaries() {
                stacks.push(convert::summary(summary)?);
            }
            page = answer.next_token;
            if page.is_none() {
                return Ok(stacks);
            }
        }
    }

    async fn resources(&self, stack: &str) -> Result<Vec<StackResource>, Error> {
        let (mut resources, mut page) = (Vec::new(), None);
        loop {
            self.budget.read().await?;
            let answer = self.client.list_stack_resources().stack_name(stack).set_next_token(page).send().await;
            let answer = answer.map_err(|error| from_sdk("ListStackResources", &error))?;
            resources.extend(answer.stack_resource_summaries().iter().map(convert::resource));
            page = answer.next_token;
            if page.is_none() {
                return Ok(resources);
            }
        }
    }

    async fn events(&self, stack: &str, token: Option<&str>) -> Result<Vec<StackEvent>, Error> {
        let (mut newest_first, mut page) = (Vec::new(), None);
        loop {
            self.budget.read().await?;
            let answer = self.client.describe_stack_events().stack_name(stack).set_next_token(page).send().await;
            let answer = answer.map_err(|error| from_sdk("DescribeStackEvents", &error))?;
            for event in answer.stack_events() {
                newest_first.push(convert::event(event)?);
            }
            page = answer.next_token;
            if page.is_none() || convert::begins_within(&newest_first, token) {
                return Ok(convert::of_operation(newest_first, token));
            }
        }
    }

    async fn template(&self, stack: &str) -> Result<Value, Error> {
        self.budget.read().await?;
        let request = self.client.get_template().stack_name(stack).template_stage(TemplateStage::Original);
        let answer = request.send().await.map_err(|error| from_sdk("GetTemplate", &error))?;
        let body = answer.template_body.unwrap_or_default();
        serde_json::from_str(&body).map_err(|error| {
            Error::Unknown(format!(
                "GetTemplate: the template of {stack}, which was made by others, is not JSON: {error}"
            ))
        })
    }

    async fn create(&self, request: &CreateStack) -> Result<String, Error> {
        let body = template_body(&request.template)?;
        self.budget.mutate().await?;
        let call = self
            .client
            .create_stack()
            .stack_name(&request.name)
            .template_body(body)
            .set_parameters(Some(convert::parameters(&request.parameters, &[])))
            .set_tags(Some(convert::tags(&request.tags)))
            .set_stack_policy_body(request.stack_policy.clone())
            .set_role_arn(request.service_role_arn.clone())
            .client_request_token(&request.token)
            .capabilities(Capability::CapabilityIam)
            .on_failure(OnFailure::Rollback)
            // A creation that fails leaves nothing behind, whatever the deletion policies say of later.
            .retain_except_on_create(true)
            .enable_termination_protection(true);
        let answer = call.send().await.map_err(|error| from_sdk("CreateStack", &error))?;
        answer.stack_id.ok_or_else(|| Error::Unknown("CreateStack: the answer has no stack id".into()))
    }

    async fn create_change_set(&self, request: &CreateChangeSet) -> Result<String, Error> {
        let body = template_body(&request.template)?;
        self.budget.mutate().await?;
        let call = self
            .client
            .create_change_set()
            .change_set_type(ChangeSetType::Update)
            .stack_name(&request.stack)
            .change_set_name(&request.name)
            .template_body(body)
            .set_parameters(Some(convert::parameters(&request.parameters, &request.previous_parameters)))
            .set_tags(Some(convert::tags(&request.tags)))
            .set_role_arn(request.service_role_arn.clone())
            .client_token(&request.token)
            .capabilities(Capability::CapabilityIam);
        let answer = call.send().await.map_err(|error| from_sdk("CreateChangeSet", &error))?;
        answer.id.ok_or_else(|| Error::Unknown("CreateChangeSet: the answer has no id".into()))
    }

    async fn describe_change_set(&self, stack: &str, change_set: &str) -> Result<ChangeSet, Error> {
        let (mut changes, mut page) = (Vec::new(), None);
        loop {
            self.budget.read().await?;
            let call = self.client.describe_change_set().stack_name(stack).change_set_name(change_set);
            let answer = call.set_next_token(page).send().await;
            let mut answer = answer.map_err(|error| from_sdk("DescribeChangeSet", &error))?;
            changes.extend(answer.changes().iter().filter_map(convert::change));
            page = answer.next_token.take();
            if page.is_none() {
                return convert::change_set(answer, changes);
            }
        }
    }

    async fn execute_change_set(&self, stack: &str, change_set: &str, token: &str) -> Result<(), Error> {
        self.budget.mutate().await?;
        let call = self.client.execute_change_set().stack_name(stack).change_set_name(change_set);
        let answer = call.client_request_token(token).send().await;
        answer.map(drop).map_err(|error| from_sdk("ExecuteChangeSet", &error))
    }

    async fn delete_change_set(&self, stack: &str, change_set: &str) -> Result<(), Error> {
        self.budget.mutate().await?;
        let answer = self.client.delete_change_set().stack_name(stack).change_set_name(change_set).send().await;
        match answer.map_err(|error| from_sdk("DeleteChangeSet", &error)) {
            Ok(_) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, stack: &str, retain: &[String], token: &str) -> Result<(), Error> {
        self.budget.mutate().await?;
        // An empty list is refused as well: it must not be there in any other status than DELETE_FAILED.
        let retain = (!retain.is_empty()).then(|| retain.to_vec());
        let call = self.client.delete_stack().stack_name(stack).set_retain_resources(retain);
        let answer = call.client_request_token(token).send().await;
        answer.map(drop).map_err(|error| from_sdk("DeleteStack", &error))
    }

    async fn continue_rollback(&self, stack: &str, token: &str) -> Result<(), Error> {
        self.budget.mutate().await?;
        let call = self.client.continue_update_rollback().stack_name(stack).client_request_token(token);
        call.send().await.map(drop).map_err(|error| from_sdk("ContinueUpdateRollback", &error))
    }

    async fn set_termination_protection(&self, stack: &str, on: bool) -> Result<(), Error> {
        self.budget.mutate().await?;
        let call = self.client.update_termination_protection().stack_name(stack).enable_termination_protection(on);
        call.send().await.map(drop).map_err(|error| from_sdk("UpdateTerminationProtection", &error))
    }

    async fn set_stack_policy(&self, stack: &str, policy: &str) -> Result<(), Error> {
        self.budget.mutate().await?;
        let call = self.client.set_stack_policy().stack_name(stack).stack_policy_body(policy);
        call.send().await.map(drop).map_err(|error| from_sdk("SetStackPolicy", &error))
    }

    async fn detect_drift(&self, stack: &str) -> Result<String, Error> {
        self.budget.mutate().await?;
        let answer = self.client.detect_stack_drift().stack_name(stack).send().await;
        let answer = answer.map_err(|error| from_sdk("DetectStackDrift", &error))?;
        answer.stack_drift_detection_id.ok_or_else(|| Error::Unknown("DetectStackDrift: the answer has no id".into()))
    }

    async fn drift(&self, stack: &str, detection: &str) -> Result<Drift, Error> {
        self.budget.read().await?;
        let call = self.client.describe_stack_drift_detection_status().stack_drift_detection_id(detection);
        let answer = call.send().await.map_err(|error| from_sdk("DescribeStackDriftDetectionStatus", &error))?;
        let (mut drift, mut page) = (convert::drift(&answer), None);
        let Drift::Found(resources) = &mut drift else { return Ok(drift) };
        loop {
            self.budget.read().await?;
            let call = self.client.describe_stack_resource_drifts().stack_name(stack).set_next_token(page);
            let filter = vec![StackResourceDriftStatus::Modified, StackResourceDriftStatus::Deleted];
            let answer = call.set_stack_resource_drift_status_filters(Some(filter)).send().await;
            let answer = answer.map_err(|error| from_sdk("DescribeStackResourceDrifts", &error))?;
            resources.extend(answer.stack_resource_drifts().iter().filter_map(convert::resource_drift));
            page = answer.next_token;
            if page.is_none() {
                return Ok(drift);
            }
        }
    }
}

#[cfg(test)]
mod tests;
