//! A stack at rest: it is current, or a change set leads to what is desired.

use std::time::Duration;

use super::{End, Pass};
use crate::api::condition::Reason;
use crate::api::status::{LiftedPolicy, OperationKind, UnitOperation};
use crate::cloudformation::create_only;
use crate::cloudformation::drift;
use crate::cloudformation::failure::{self, Ran};
use crate::cloudformation::guard::{self, Revision, Verdict};
use crate::cloudformation::port::{ChangeSet, CreateChangeSet, Error, Stack, StackEvent};
use crate::cloudformation::stack::REVISION_OUTPUT;
use crate::cloudformation::token;
use crate::cloudformation::work::{Step, by_annotation};

/// A policy that refuses nothing, for the time of an approved change.
const LIFTED: &str = r#"{"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}]}"#;
/// How long what a stack shows may be older than its events.
const SETTLING: Duration = Duration::from_mins(1);

impl Pass<'_> {
    pub(super) async fn at_rest(&mut self, stack: &Stack) -> Result<End, Error> {
        let settled = self.work.kind() == Some(OperationKind::Settle) && self.is_for_desired();
        if settled || stack.outputs.get(REVISION_OUTPUT) == Some(&self.order.desired.digest) {
            return self.current(stack).await;
        }
        let failure = self.work.known_failure();
        match self.work.record.operation.clone() {
            Some(operation) if self.is_for_desired() => match operation.kind {
                _ if failure.is_some() => self.update_failed(stack).await,
                OperationKind::Update => self.follow(stack, &operation).await,
                // The way back was long; what it led away from has failed all the same.
                OperationKind::ContinueRollback if self.work.record.failure.is_some() => {
                    self.update_failed(stack).await
                }
                _ => self.begin_update(stack).await,
            },
            Some(operation) if operation.kind == OperationKind::Update && failure.is_none() => {
                self.abandon(stack, &operation).await
            }
            _ => self.begin_update(stack).await,
        }
    }

    async fn current(&mut self, stack: &Stack) -> Result<End, Error> {
        if let Some(end) = self.restore_policy(stack).await? {
            return Ok(End { current: true, ..end });
        }
        if !stack.termination_protection {
            return self.restore_protection(stack).await;
        }
        if self.is_for_desired() {
            self.work.record.failure = None;
        } else if let Some(operation) = self.work.operation(OperationKind::Update)
            && self.work.known_failure().is_none()
        {
            // The spec went back to what is live before its change was carried out.
            return Ok(End { current: true, ..self.abandon(stack, &operation).await? });
        }
        let after = match self.order.drift_check {
            Some(every) => drift::step(&mut self.work, stack, every).await?,
            None => None,
        };
        Ok(End { current: true, after, ..End::default() })
    }

    async fn begin_update(&mut self, stack: &Stack) -> Result<End, Error> {
        if let Some(end) = self.restore_policy(stack).await? {
            return Ok(end);
        }
        let message = format!("a change of the stack {} is being prepared", stack.name);
        Ok(self.begin_desired(OperationKind::Update, Reason::Updating, message))
    }

    /// Removes the change set of a change that is no longer wanted.
    async fn abandon(&mut self, stack: &Stack, operation: &UnitOperation) -> Result<End, Error> {
        match self.work.discard(stack, operation).await {
            // It has been carried out, so there is nothing to remove.
            Ok(()) | Err(Error::Invalid(_)) => {
                self.work.record.operation = None;
                let message = format!("an older change of the stack {} is set aside", stack.name);
                Ok(End::wait(Reason::Updating, message, Duration::ZERO))
            }
            Err(error) => Err(error),
        }
    }

    /// The next step of an update that was written down for what is desired.
    async fn follow(&mut self, stack: &Stack, operation: &UnitOperation) -> Result<End, Error> {
        let preparing = format!("a change of the stack {} is being prepared", stack.name);
        match self.work.look(stack, operation).await? {
            Step::Absent => self.make(stack, operation).await,
            Step::Making => Ok(End::wait(Reason::Updating, preparing, self.work.poll)),
            Step::Empty => {
                self.work.discard(stack, operation).await?;
                self.settle(stack);
                Ok(End::wait(Reason::Updating, preparing, Duration::ZERO))
            }
            Step::Unusable(reason) => {
                self.work.discard(stack, operation).await?;
                let cause = (stack.name.as_str(), failure::CHANGE_SET, reason.as_str());
                failure::write_down(&mut self.work.record, &operation.token, cause, self.work.now);
                Ok(End::wait(Reason::Updating, preparing, Duration::ZERO))
            }
            Step::Obsolete => {
                self.work.discard(stack, operation).await?;
                self.work.record.operation = None;
                Ok(End::wait(Reason::Updating, preparing, Duration::ZERO))
            }
            Step::Ready(set) => self.judge(stack, operation, &set).await,
            Step::Ran(ran, events) => self.after(stack, operation, ran, &events).await,
        }
    }

    async fn make(&mut self, stack: &Stack, operation: &UnitOperation) -> Result<End, Error> {
        let desired = self.order.desired;
        let request = CreateChangeSet {
            stack: stack.id.clone(),
            name: token::change_set_name(operation),
            template: desired.template.to_string(),
            parameters: desired.parameters.clone(),
            previous_parameters: Vec::new(),
            tags: desired.tags.clone(),
            service_role_arn: desired.service_role_arn.clone(),
            token: operation.token.clone(),
        };
        self.work.mutated = true;
        let message = format!("a change of the stack {} is being prepared", stack.name);
        match self.work.port.create_change_set(&request).await {
            Ok(_) | Err(Error::AlreadyExists(_)) => Ok(End::wait(Reason::Updating, message, self.work.poll)),
            Err(Error::NoChange(_)) => {
                self.settle(stack);
                Ok(End::wait(Reason::Updating, message, Duration::ZERO))
            }
            Err(error) => Err(error),
        }
    }

    /// What is desired is there although its mark is not: nothing would change.
    fn settle(&mut self, stack: &Stack) {
        if let Some(operation) = &mut self.work.record.operation {
            operation.kind = OperationKind::Settle;
        }
        tracing::info!(stack = stack.name, "the change set is empty");
    }

    async fn judge(&mut self, stack: &Stack, operation: &UnitOperation, set: &ChangeSet) -> Result<End, Error> {
        let desired = self.order.desired;
        let live = self.work.port.template(&stack.id).await?;
        let hazards = guard::hazards(
            Revision { template: &live, parameters: &stack.parameters },
            Revision { template: &desired.template, parameters: &desired.parameters },
            create_only::properties,
        );
        let asked = match guard::verdict(&set.changes, &hazards, self.order.approval) {
            Verdict::Go => Vec::new(),
            Verdict::Ask(changes) => changes,
        };
        if !asked.is_empty() {
            let token = token::approval(&self.work.record.name, &desired.digest, &asked);
            if !self.work.is_approved(&token) {
                if let Some(end) = self.restore_policy(stack).await? {
                    return Ok(end);
                }
                let message = format!(
                    "a change of the stack {} waits for approval: {}. status.plan has all of it; allow it with {}",
                    stack.name,
                    guard::sentence(&asked),
                    by_annotation(&token)
                );
                let plan = Some(self.work.plan(&token, Some(set.id.clone()), asked));
                return Ok(End { plan, ..End::stalled(Reason::ApprovalRequired, message) });
            }
        }
        if guard::needs_lifted_policy(&asked) && desired.stack_policy.is_some() {
            if let Some(end) = self.lift_policy(stack).await? {
                return Ok(end);
            }
        } else if let Some(end) = self.restore_policy(stack).await? {
            return Ok(end);
        }
        self.work.mutated = true;
        self.work.port.execute_change_set(&stack.id, &token::change_set_name(operation), &operation.token).await?;
        Ok(End::wait(Reason::Updating, format!("the stack {} is being changed", stack.name), self.work.poll))
    }

    /// After a change set was carried out: what is live is not what is desired, or it would be current.
    async fn after(
        &mut self,
        stack: &Stack,
        operation: &UnitOperation,
        ran: Ran,
        events: &[StackEvent],
    ) -> Result<End, Error> {
        match ran {
            Ran::Badly => {
                self.work.failed(stack, &operation.token, events);
                self.update_failed(stack).await
            }
            Ran::Well if self.is_long_ago(events) => self.begin_update(stack).await,
            // The stack shows older things than its events do.
            Ran::Well | Ran::Running | Ran::Not => {
                Ok(End::wait(Reason::Updating, format!("the stack {} is being changed", stack.name), self.work.poll))
            }
        }
    }

    fn is_long_ago(&self, events: &[StackEvent]) -> bool {
        let end = events.iter().map(|it| it.time).max();
        let age = end.and_then(|end| Duration::try_from(self.work.now.duration_since(end)).ok());
        age.is_some_and(|age| age >= SETTLING)
    }

    /// The update to what is desired is known to have failed. It is not tried again by itself: what failed once fails
    /// again, and each time it takes the site through a rollback.
    async fn update_failed(&mut self, stack: &Stack) -> Result<End, Error> {
        if let Some(end) = self.restore_policy(stack).await? {
            return Ok(end);
        }
        let Some(failure) = self.work.record.failure.clone() else {
            return self.begin_update(stack).await;
        };
        let token = token::approval(&self.work.record.name, &format!("update {}", failure.token), &[]);
        if self.work.is_approved(&token) {
            return self.begin_update(stack).await;
        }
        if failure.kind == failure::CHANGE_SET && failure.attempts < failure::MOST_CHANGE_SETS {
            return match failure::delay(&failure, self.work.now) {
                None => self.begin_update(stack).await,
                Some(delay) => Ok(End::wait(Reason::Updating, failure::sentence(&failure), delay)),
            };
        }
        let message = format!(
            "the change of the stack {} failed, and what was there before is there again: {}. The same change is not tried \
             again by itself: change the spec, or try once more with {}",
            stack.name,
            failure::sentence(&failure),
            by_annotation(&token)
        );
        Ok(End::stalled(Reason::UpdateFailed, message))
    }

    /// Protects a stack at rest again: only a deletion of the site, which does not come this way, may go without. A person
    /// who lifted it by hand, or a deletion that was taken back before, would leave the data one click from its end.
    async fn restore_protection(&mut self, stack: &Stack) -> Result<End, Error> {
        tracing::warn!(stack = stack.name, "the termination protection was lifted by someone else; it is set again");
        self.work.mutated = true;
        self.work.port.set_termination_protection(&stack.id, true).await?;
        Ok(End { current: true, after: Some(Duration::ZERO), ..End::default() })
    }

    /// Lifts the stack policy for an approved change; `None`: it is lifted. That it may be lifted is written down before.
    async fn lift_policy(&mut self, stack: &Stack) -> Result<Option<End>, Error> {
        let message = format!("the stack policy of {} is lifted for the approved change", stack.name);
        match self.work.record.lifted_policy {
            Some(LiftedPolicy::Lifted) => return Ok(None),
            Some(LiftedPolicy::Lifting) => {
                self.work.mutated = true;
                self.work.port.set_stack_policy(&stack.id, LIFTED).await?;
                self.work.record.lifted_policy = Some(LiftedPolicy::Lifted);
            }
            None => self.work.record.lifted_policy = Some(LiftedPolicy::Lifting),
        }
        Ok(Some(End::wait(Reason::Updating, message, Duration::ZERO)))
    }

    /// Sets the stack policy again that was lifted, or may have been; `None`: it stands.
    async fn restore_policy(&mut self, stack: &Stack) -> Result<Option<End>, Error> {
        let Some(policy) = self.work.record.lifted_policy.and(self.order.desired.stack_policy.as_ref()) else {
            self.work.record.lifted_policy = None;
            return Ok(None);
        };
        self.work.mutated = true;
        self.work.port.set_stack_policy(&stack.id, &policy.to_string()).await?;
        self.work.record.lifted_policy = None;
        let message = format!("the stack policy of {} is set again", stack.name);
        Ok(Some(End::wait(Reason::Updating, message, Duration::ZERO)))
    }
}
