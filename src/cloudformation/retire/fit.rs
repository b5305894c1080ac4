//! A stack at rest at its end: first its live template is made to fit the policy, then it is deleted.

use std::time::Duration;

use serde_json::Value;

use super::{End, Ended, Pass, keep, prepare};
use crate::api::condition::Reason;
use crate::api::site::DeletionPolicy;
use crate::api::sizes::ChangeApproval;
use crate::api::status::{OperationKind, UnitFailure, UnitOperation};
use crate::cloudformation::failure::{self, Ran};
use crate::cloudformation::guard::{self, Verdict};
use crate::cloudformation::port::{ChangeSet, CreateChangeSet, Error, Stack};
use crate::cloudformation::token;
use crate::cloudformation::work::{Step, by_annotation};

impl Pass<'_> {
    pub(super) async fn at_rest(&mut self, stack: &Stack) -> Result<Ended, Error> {
        let live = self.work.port.template(&stack.id).await?;
        let data = self.data(stack).await?;
        let policy = self.retirement.policy;
        if policy == DeletionPolicy::Retain {
            if data.is_empty() {
                return self.delete(stack, &[], &[]).await;
            }
            if let Some(ended) = self.restore_policy(stack, &live).await? {
                return Ok(ended);
            }
            return Ok(keep(stack, &data));
        }
        // The template was just read back from AWS: it is what the deletion will go by.
        match prepare::prepare_for_deletion(&live, policy) {
            None => self.delete(stack, &data, &[]).await,
            Some(fitting) => self.prepare(stack, &live, &fitting).await,
        }
    }

    /// A stack that stays keeps its lock: an approved change that the deletion overtook may have lifted it.
    async fn restore_policy(&mut self, stack: &Stack, live: &Value) -> Result<Option<Ended>, Error> {
        if self.work.record.lifted_policy.is_none() {
            return Ok(None);
        }
        self.work.mutated = true;
        let policy = prepare::protective_policy(live);
        self.work.port.set_stack_policy(&stack.id, &policy.to_string()).await?;
        self.work.record.lifted_policy = None;
        let message = format!("the stack policy of {} is set again", stack.name);
        Ok(Some(End::wait(Reason::Deleting, message, Duration::ZERO).into()))
    }

    async fn prepare(&mut self, stack: &Stack, live: &Value, fitting: &Value) -> Result<Ended, Error> {
        let Some(operation) = self.work.operation(OperationKind::Prepare) else {
            return Ok(self.begin(OperationKind::Prepare));
        };
        if let Some(failure) = self.work.known_failure() {
            return Ok(self.not_prepared(stack, &failure));
        }
        match self.work.look(stack, &operation).await? {
            Step::Absent => self.make(stack, live, fitting, &operation).await,
            Step::Making | Step::Ran(Ran::Running | Ran::Not, _) => Ok(preparing(stack, self.work.poll)),
            Step::Empty => self.unusable(stack, &operation, "the change set is empty").await,
            Step::Unusable(reason) => self.unusable(stack, &operation, &reason).await,
            Step::Obsolete => {
                self.work.discard(stack, &operation).await?;
                Ok(self.begin(OperationKind::Prepare))
            }
            Step::Ready(set) => self.execute(stack, &operation, &set).await,
            Step::Ran(Ran::Badly, events) => {
                let failure = self.work.failed(stack, &operation.token, &events);
                Ok(self.not_prepared(stack, &failure))
            }
            Step::Ran(Ran::Well, events) => {
                let end = events.iter().map(|it| it.time).max();
                let age = end.and_then(|end| Duration::try_from(self.work.now.duration_since(end)).ok());
                if age.is_none_or(|age| age < super::SETTLING) {
                    return Ok(preparing(stack, self.work.poll));
                }
                let cause = (stack.name.as_str(), failure::STACK, "the policy does not stand in the live template");
                let failure = failure::write_down(&mut self.work.record, &operation.token, cause, self.work.now);
                Ok(self.not_prepared(stack, &failure))
            }
        }
    }

    async fn make(
        &mut self,
        stack: &Stack,
        live: &Value,
        fitting: &Value,
        operation: &UnitOperation,
    ) -> Result<Ended, Error> {
        let parameters = live["Parameters"].as_object().into_iter().flatten();
        let request = CreateChangeSet {
            stack: stack.id.clone(),
            name: token::change_set_name(operation),
            template: fitting.to_string(),
            parameters: [].into(),
            previous_parameters: parameters.map(|(name, _)| name.clone()).collect(),
            tags: stack.tags.clone(),
            // AWS goes on with the role that the stack has.
            service_role_arn: None,
            token: operation.token.clone(),
        };
        self.work.mutated = true;
        match self.work.port.create_change_set(&request).await {
            Ok(_) | Err(Error::AlreadyExists(_)) => Ok(preparing(stack, self.work.poll)),
            Err(error) => Err(error),
        }
    }

    async fn unusable(&mut self, stack: &Stack, operation: &UnitOperation, reason: &str) -> Result<Ended, Error> {
        self.work.discard(stack, operation).await?;
        let cause = (stack.name.as_str(), failure::CHANGE_SET, reason);
        failure::write_down(&mut self.work.record, &operation.token, cause, self.work.now);
        Ok(preparing(stack, Duration::ZERO))
    }

    async fn execute(&mut self, stack: &Stack, operation: &UnitOperation, set: &ChangeSet) -> Result<Ended, Error> {
        // Attributes alone change. What would replace data on the way to its snapshot would leave nothing to keep.
        if let Verdict::Ask(changes) = guard::verdict(&set.changes, &[], ChangeApproval::Automatic) {
            let token = token::approval(&self.work.record.name, &operation.token, &changes);
            if !self.work.is_approved(&token) {
                let what = format!(
                    "before the stack {} is deleted its policies are set, and that would do more: {}. Allow it with {}",
                    stack.name,
                    guard::sentence(&changes),
                    by_annotation(&token)
                );
                return Ok(End::stalled(Reason::ApprovalRequired, what).into());
            }
        }
        self.work.mutated = true;
        self.work.port.execute_change_set(&stack.id, &token::change_set_name(operation), &operation.token).await?;
        Ok(preparing(stack, self.work.poll))
    }

    fn not_prepared(&mut self, stack: &Stack, failure: &UnitFailure) -> Ended {
        let token = token::approval(&self.work.record.name, &format!("prepare {}", failure.token), &[]);
        let what = format!("the policies of the stack {} cannot be set, so it is not deleted", stack.name);
        if self.work.is_approved(&token) {
            return self.begin(OperationKind::Prepare);
        }
        if failure.attempts >= failure::MOST_DELETES {
            return stalled(&what, failure, &token);
        }
        match failure::delay(failure, self.work.now) {
            None => self.begin(OperationKind::Prepare),
            Some(delay) => {
                let message = format!("{what}: {}. It is tried again", failure::sentence(failure));
                End::wait(Reason::DeleteFailed, message, delay).into()
            }
        }
    }
}

fn preparing(stack: &Stack, after: Duration) -> Ended {
    let message = format!("the stack {} is made fit to be deleted by the policy", stack.name);
    End::wait(Reason::Deleting, message, after).into()
}

fn stalled(what: &str, failure: &UnitFailure, token: &str) -> Ended {
    let message =
        format!("{what}: {}. Put that right and try again with {}", failure::sentence(failure), by_annotation(token));
    End::stalled(Reason::DeleteFailed, message).into()
}
