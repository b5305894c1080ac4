//! Stacks at their end that take no update, so that their template cannot be made to fit the policy any more. They are
//! deleted where the data fares as the policy says all the same; where it would not, a person decides.

use super::{End, Ended, Pass, keep, prepare};
use crate::api::condition::Reason;
use crate::api::site::DeletionPolicy;
use crate::api::status::{OperationKind, UnitFailure};
use crate::cloudformation::failure::{self, Ran};
use crate::cloudformation::port::{Error, Stack, StackResource};
use crate::cloudformation::token;
use crate::cloudformation::work::{by_annotation, removals};

impl Pass<'_> {
    /// `None`: the stack may be deleted.
    async fn obstacle(&self, stack: &Stack, data: &[StackResource]) -> Result<Option<Ended>, Error> {
        let policy = self.retirement.policy;
        if data.is_empty() || policy == DeletionPolicy::Delete {
            return Ok(None);
        }
        if policy == DeletionPolicy::Retain {
            return Ok(Some(keep(stack, data)));
        }
        let live = self.work.port.template(&stack.id).await?;
        let lost: Vec<_> = data.iter().filter(|it| !prepare::is_kept(&live, it, policy)).cloned().collect();
        let token = token::approval(&self.work.record.name, &format!("lose {}", stack.id), &removals(&lost));
        if lost.is_empty() || self.work.is_approved(&token) {
            return Ok(None);
        }
        let what = format!(
            "the stack {} is {} and takes no update, so its policies cannot be set, and with it {} would be lost. Save \
             what is needed and delete it with {}",
            stack.name,
            stack.status,
            names(&lost),
            by_annotation(&token)
        );
        Ok(Some(End::stalled(Reason::DeleteFailed, what).into()))
    }

    pub(super) async fn dead(&mut self, stack: &Stack) -> Result<Ended, Error> {
        let data = self.data(stack).await?;
        match self.obstacle(stack, &data).await? {
            Some(ended) => Ok(ended),
            None => self.delete(stack, &data, &[]).await,
        }
    }

    /// The rollback is gone on with once, since a stack at rest can be made to fit. If that fails it is deleted as it is.
    pub(super) async fn stuck(&mut self, stack: &Stack) -> Result<Ended, Error> {
        let data = self.data(stack).await?;
        if self.retirement.policy == DeletionPolicy::Retain && !data.is_empty() {
            return Ok(keep(stack, &data));
        }
        let operation = match self.work.record.operation.clone() {
            Some(operation) if operation.kind == OperationKind::Delete => {
                return match self.obstacle(stack, &data).await? {
                    Some(ended) => Ok(ended),
                    None => self.delete(stack, &data, &[]).await,
                };
            }
            Some(operation) if operation.kind == OperationKind::ContinueRollback => operation,
            _ if stack.status == "UPDATE_ROLLBACK_FAILED" => return Ok(self.begin(OperationKind::ContinueRollback)),
            _ => return Ok(self.begin(OperationKind::Delete)),
        };
        let message = format!("the stack {} could not be rolled back; it is gone on with", stack.name);
        let wait = End::wait(Reason::Deleting, message, self.work.poll);
        if self.work.known_failure().is_none() {
            let events = self.work.port.events(&stack.id, Some(&operation.token)).await?;
            match failure::ran(&events, &stack.id) {
                Ran::Not => {
                    self.work.mutated = true;
                    self.work.port.continue_rollback(&stack.id, &operation.token).await?;
                    return Ok(wait.into());
                }
                Ran::Badly if failure::end(&events, &stack.id) == Some("UPDATE_ROLLBACK_FAILED") => {
                    self.work.failed(stack, &operation.token, &events);
                }
                Ran::Badly | Ran::Well | Ran::Running => return Ok(wait.into()),
            }
        }
        match self.obstacle(stack, &data).await? {
            Some(ended) => Ok(ended),
            None => Ok(self.begin(OperationKind::Delete)),
        }
    }

    pub(super) async fn undeletable(&mut self, stack: &Stack) -> Result<Ended, Error> {
        let data = self.data(stack).await?;
        if let Some(ended) = self.obstacle(stack, &data).await? {
            return Ok(ended);
        }
        let Some(operation) = self.work.operation(OperationKind::Delete) else {
            return Ok(self.begin(OperationKind::Delete));
        };
        let resources = self.work.port.resources(&stack.id).await?;
        let failed: Vec<_> = resources.into_iter().filter(|it| it.status == "DELETE_FAILED").collect();
        let approval_of = |failure: &UnitFailure, unit: &str| {
            let subject = format!("give up {}", failure.token);
            token::approval(unit, &subject, &removals(&failed))
        };
        let unit = self.work.record.name.clone();
        let failure = if let Some(failure) = self.work.known_failure() {
            failure
        } else {
            let events = self.work.port.events(&stack.id, Some(&operation.token)).await?;
            match failure::ran(&events, &stack.id) {
                Ran::Badly => self.work.failed(stack, &operation.token, &events),
                Ran::Running | Ran::Well => {
                    return Ok(End::wait(Reason::Deleting, self.deleting(), self.work.poll).into());
                }
                // The next try. What failed last is given up where a person has said so.
                Ran::Not => {
                    let before = self.work.record.failure.clone();
                    let given_up = before.is_some_and(|it| self.work.is_approved(&approval_of(&it, &unit)));
                    let ids: Vec<_> = failed.iter().map(|it| it.logical_id.clone()).collect();
                    return self.delete(stack, &data, if given_up { &ids } else { &[] }).await;
                }
            }
        };
        let token = approval_of(&failure, &unit);
        let retry = token::approval(&unit, &format!("delete {}", failure.token), &[]);
        let what = format!("the stack {} cannot be deleted: {}", stack.name, failure::sentence(&failure));
        let advice = format!("Give up {}, which then stay in AWS, with {}", names(&failed), by_annotation(&token));
        if self.work.is_approved(&token) || self.work.is_approved(&retry) {
            return Ok(self.begin(OperationKind::Delete));
        }
        if failure.attempts >= failure::MOST_DELETES {
            let message = format!("{what}. Put that right and try again with {}. {advice}", by_annotation(&retry));
            return Ok(End::stalled(Reason::DeleteFailed, message).into());
        }
        Ok(match failure::delay(&failure, self.work.now) {
            None => self.begin(OperationKind::Delete),
            Some(delay) => {
                End::wait(Reason::DeleteFailed, format!("{what}. It is tried again. {advice}"), delay).into()
            }
        })
    }
}

fn names(resources: &[StackResource]) -> String {
    resources.iter().map(|it| format!("{} {}", it.kind, it.logical_id)).collect::<Vec<_>>().join(", ")
}
