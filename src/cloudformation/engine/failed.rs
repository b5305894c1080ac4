//! Stacks that an operation left in a state in which they take no update.

use super::{End, Pass};
use crate::api::condition::Reason;
use crate::api::status::{OperationKind, UnitFailure};
use crate::cloudformation::failure::{self, Ran};
use crate::cloudformation::port::{Error, Stack};
use crate::cloudformation::token;
use crate::cloudformation::work::{by_annotation, left, removals};

impl Pass<'_> {
    /// A creation failed: the rest is deleted and created again, where nothing of it holds data; not too often, and
    /// ever more seldom.
    pub(super) async fn dead(&mut self, stack: &Stack) -> Result<End, Error> {
        if self.work.kind() == Some(OperationKind::Delete) {
            return self.delete(stack).await;
        }
        let operation = self.work.record.operation.clone();
        let failure = if let Some(failure) = self.work.known_failure() {
            failure
        } else {
            let events = self.work.events(stack, operation.as_ref()).await?;
            let token = operation.map(|it| it.token).unwrap_or_default();
            self.work.failed(stack, &token, &events)
        };
        let left = left(&self.work.port.resources(&stack.id).await?);
        let changes = removals(&left);
        let token = token::approval(&self.work.record.name, &format!("create {}", failure.token), &changes);
        let approved = self.work.is_approved(&token);
        let what = format!("the stack {} could not be created: {}", stack.name, failure::sentence(&failure));
        if !left.is_empty() && !approved {
            let names: Vec<_> = left.iter().map(|it| format!("{} {}", it.kind, it.logical_id)).collect();
            let message = format!(
                "{what}. It is not deleted and created again, since something of it is left: {}. Look whether it is \
                 needed; to go on set {}",
                names.join(", "),
                by_annotation(&token)
            );
            let plan = Some(self.work.plan(&token, None, changes));
            return Ok(End { plan, ..End::stalled(Reason::CreateFailed, message) });
        }
        if self.is_for_desired() && !approved {
            if failure.attempts >= failure::MOST_CREATES {
                let message = format!(
                    "{what}. It was tried {} times: change the spec, or try once more with {}",
                    failure.attempts,
                    by_annotation(&token)
                );
                return Ok(End::stalled(Reason::CreateFailed, message));
            }
            if let Some(delay) = failure::delay(&failure, self.work.now) {
                let message =
                    format!("{what}. It is tried again, {} of {}", failure.attempts + 1, failure::MOST_CREATES);
                return Ok(End::wait(Reason::Creating, message, delay));
            }
        }
        Ok(self.work.begin(OperationKind::Delete, Reason::Creating, format!("{what}. It is deleted and created again")))
    }

    /// Goes on with the deletion that makes room for another creation.
    async fn delete(&mut self, stack: &Stack) -> Result<End, Error> {
        if let Some(operation) = self.work.operation(OperationKind::Delete) {
            self.work.delete(stack, &operation, &[]).await?;
        }
        let message = format!("what is left of the stack {} is being deleted, to create it again", stack.name);
        Ok(End::wait(Reason::Creating, message, self.work.poll))
    }

    /// A shell without resources takes neither a creation nor an update.
    pub(super) async fn review(&mut self, stack: &Stack) -> Result<End, Error> {
        if self.work.kind() == Some(OperationKind::Delete) {
            return self.delete(stack).await;
        }
        if let Some(resource) = self.work.port.resources(&stack.id).await?.first() {
            let message =
                format!("the stack {} is {} and has a resource {}", stack.name, stack.status, resource.logical_id);
            return Ok(End::stalled(Reason::CreateFailed, message));
        }
        let message = format!("the stack {} is a shell without resources; it makes room for a real one", stack.name);
        Ok(self.work.begin(OperationKind::Delete, Reason::Creating, message))
    }

    /// An update failed, and so did the way back, which is gone on with once.
    pub(super) async fn stuck(&mut self, stack: &Stack) -> Result<End, Error> {
        if stack.status != "UPDATE_ROLLBACK_FAILED" {
            let message = format!("the stack {} is {}; bring it to an end by hand", stack.name, stack.status);
            return Ok(End::stalled(Reason::RollbackFailed, message));
        }
        if let Some(failure) = self.work.known_failure().filter(|_| self.is_continuing()) {
            return Ok(self.rollback_failed(stack, &failure));
        }
        let Some(operation) = self.work.operation(OperationKind::ContinueRollback) else {
            let operation = self.work.record.operation.clone();
            if self.work.known_failure().is_none() {
                let events = self.work.events(stack, operation.as_ref()).await?;
                let token = operation.map(|it| it.token).unwrap_or_default();
                self.work.failed(stack, &token, &events);
            }
            return Ok(self.begin_continuing(stack));
        };
        let events = self.work.port.events(&stack.id, Some(&operation.token)).await?;
        let end = failure::end(&events, &stack.id);
        match failure::ran(&events, &stack.id) {
            Ran::Not => {
                self.work.mutated = true;
                self.work.port.continue_rollback(&stack.id, &operation.token).await?;
                Ok(End::wait(Reason::RollingBack, rolling_back(stack), self.work.poll))
            }
            Ran::Badly if end == Some("UPDATE_ROLLBACK_FAILED") => {
                let failure = self.work.failed(stack, &operation.token, &events);
                Ok(self.rollback_failed(stack, &failure))
            }
            Ran::Badly | Ran::Well | Ran::Running => {
                Ok(End::wait(Reason::RollingBack, rolling_back(stack), self.work.poll))
            }
        }
    }

    fn is_continuing(&self) -> bool {
        self.work.kind() == Some(OperationKind::ContinueRollback)
    }

    fn begin_continuing(&mut self, stack: &Stack) -> End {
        self.work.begin(OperationKind::ContinueRollback, Reason::RollingBack, rolling_back(stack))
    }

    fn rollback_failed(&mut self, stack: &Stack, failure: &UnitFailure) -> End {
        let token = token::approval(&self.work.record.name, &format!("continue {}", failure.token), &[]);
        if self.work.is_approved(&token) {
            return self.begin_continuing(stack);
        }
        let message = format!(
            "a change of the stack {0} failed, and so did the way back: {1}. Put that right and go on with {2}, or give the \
             resource up with: aws cloudformation continue-update-rollback --stack-name {0} --resources-to-skip {3}",
            stack.name,
            failure::sentence(failure),
            by_annotation(&token),
            failure.resource
        );
        End::stalled(Reason::RollbackFailed, message)
    }

    /// A deletion failed: ours, of what a failed creation left, or one by hand.
    pub(super) async fn undeletable(&mut self, stack: &Stack) -> Result<End, Error> {
        let Some(operation) = self.work.operation(OperationKind::Delete) else {
            let events = self.work.events(stack, None).await?;
            let cause = failure::first(&events, &stack.id)
                .map(|(resource, kind, reason)| format!("{kind} {resource} failed: {reason}"))
                .unwrap_or_default();
            let message = format!(
                "somebody tried to delete the stack {}, which failed: {cause}. A stack in this state takes no change: delete \
                 it to its end, and see what is kept",
                stack.name
            );
            return Ok(End::stalled(Reason::DeleteFailed, message));
        };
        let failure = if let Some(failure) = self.work.known_failure() {
            failure
        } else {
            let events = self.work.port.events(&stack.id, Some(&operation.token)).await?;
            match failure::ran(&events, &stack.id) {
                Ran::Badly => self.work.failed(stack, &operation.token, &events),
                Ran::Not => return self.delete(stack).await,
                Ran::Running | Ran::Well => {
                    let message = format!("the stack {} is being deleted, to create it again", stack.name);
                    return Ok(End::wait(Reason::Creating, message, self.work.poll));
                }
            }
        };
        let left = left(&self.work.port.resources(&stack.id).await?);
        let token = token::approval(&self.work.record.name, &format!("delete {}", failure.token), &removals(&left));
        let what = format!(
            "what is left of the stack {}, which could not be created, cannot be deleted: {}",
            stack.name,
            failure::sentence(&failure)
        );
        if !self.work.is_approved(&token) {
            if failure.attempts >= failure::MOST_DELETES || !left.is_empty() {
                let message = format!("{what}. Put that right and go on with {}", by_annotation(&token));
                return Ok(End::stalled(Reason::DeleteFailed, message));
            }
            if let Some(delay) = failure::delay(&failure, self.work.now) {
                return Ok(End::wait(Reason::Creating, format!("{what}. It is tried again"), delay));
            }
        }
        Ok(self.work.begin(OperationKind::Delete, Reason::Creating, format!("{what}. It is tried again")))
    }
}

fn rolling_back(stack: &Stack) -> String {
    format!("a change of the stack {} failed, and so did the way back; it is gone on with", stack.name)
}
