//! The way of one unit: from what is desired and what is there to the next step. One call of [`advance`] is one pass and
//! makes at most one mutation. Waits of hours are passes that find the stack still busy.
//!
//! What is to be done is written down in the record before it is done: [`advance`] returns the record and asks for
//! another pass, and begins only what stands in the record that it is given. So whatever pass dies, the next one knows
//! which stack may exist and which operation may have been begun.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::port::{CloudFormation, CreateStack, Error, Stack};
use super::stack::{DesiredStack, SITE_UID_TAG, UNIT_TAG};
use super::state::{State, fold, has_outputs};
use super::token;
use super::work::{End, Work, by_annotation};
use crate::api::condition::Reason;
use crate::api::finding::Finding;
use crate::api::sizes::ChangeApproval;
use crate::api::status::{Change, OperationKind, Plan, UnitStatus};

mod failed;
mod rest;

/// What a unit should be, and what is known of it.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The stack as it should be.
    pub desired: &'a DesiredStack,
    /// What the last pass returned, as it was persisted. `None`: this unit has no record yet.
    pub record: Option<&'a UnitStatus>,
    /// The first eight characters of the site's uid.
    pub uid8: &'a str,
    /// The generation of the site.
    pub generation: i64,
    /// Which changes wait for a person.
    pub approval: ChangeApproval,
    /// The value of the annotation tairyo.dev/approve.
    pub approved: Option<&'a str>,
    /// How often to look for changes by hand; `None`: never.
    pub drift_check: Option<Duration>,
    /// When to look again at a stack that is busy.
    pub poll: Duration,
    /// The time.
    pub now: Timestamp,
}

/// What a pass found and did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What to remember. It must be persisted before the next pass.
    pub record: UnitStatus,
    /// The outputs of a stack that can be used: also of one that is being changed, was rolled back or waits for approval.
    pub outputs: Option<BTreeMap<String, String>>,
    /// Whether what is live is what is desired.
    pub current: bool,
    /// What is the matter; `None`: nothing is left to do.
    pub finding: Option<Finding>,
    /// What waits for a person's approval.
    pub plan: Option<Plan>,
    /// When to look again although nothing may have happened.
    pub look_again_after: Option<Duration>,
    /// Whether a mutation was carried out, or may have been.
    pub mutated: bool,
}

/// Makes the next step of a unit. An error of AWS is a finding.
pub async fn advance(port: &dyn CloudFormation, order: &Order<'_>) -> Outcome {
    let Some(record) = order.record else {
        return first(order);
    };
    let mut pass = Pass {
        work: Work {
            port,
            record: record.clone(),
            uid8: order.uid8,
            generation: order.generation,
            approved: order.approved,
            now: order.now,
            poll: order.poll,
            mutated: false,
            live: false,
        },
        order,
        stack: None,
    };
    let end = match pass.run().await {
        Ok(end) => end,
        Err(error) => pass.work.refused(&error),
    };
    let Pass { work, stack, .. } = pass;
    Outcome {
        record: work.record,
        outputs: stack.filter(|it| has_outputs(&it.status)).map(|it| it.outputs),
        current: end.current,
        finding: end.finding,
        plan: end.plan,
        look_again_after: end.after,
        mutated: work.mutated,
    }
}

/// The record of a unit that has none. AWS is not asked: whatever happens next, the finalizer knows where to look.
fn first(order: &Order<'_>) -> Outcome {
    let desired = order.desired;
    Outcome {
        record: UnitStatus {
            name: desired.unit.clone(),
            region: desired.region.clone(),
            stack_name: desired.name.clone(),
            ..UnitStatus::default()
        },
        outputs: None,
        current: false,
        finding: Some(Finding::new(Reason::Creating, format!("the stack {} is created next", desired.name))),
        plan: None,
        look_again_after: Some(Duration::ZERO),
        mutated: false,
    }
}

/// One pass over one unit.
struct Pass<'a> {
    work: Work<'a>,
    order: &'a Order<'a>,
    /// The stack, once it is known to be ours.
    stack: Option<Stack>,
}

impl Pass<'_> {
    async fn run(&mut self) -> Result<End, Error> {
        let Some(stack) = self.work.describe().await? else {
            return self.absent().await;
        };
        if !self.is_ours(&stack) {
            self.work.record.status = None;
            return Ok(End::stalled(
                Reason::NotOwned,
                format!(
                    "a stack of the name {} exists and is not of this site, by its tag {SITE_UID_TAG}; it is left alone. \
                     Delete it, or create the site under another name",
                    stack.name
                ),
            ));
        }
        self.work.record.stack_id = Some(stack.id.clone());
        self.stack = Some(stack.clone());
        match fold(&stack.status) {
            // `describe` has told that there is one.
            State::Absent => self.absent().await,
            State::Busy => Ok(self.busy(&stack).await),
            State::Stable | State::RolledBack => self.at_rest(&stack).await,
            State::Dead => self.dead(&stack).await,
            State::Stuck => self.stuck(&stack).await,
            State::Undeletable => self.undeletable(&stack).await,
            State::Review => self.review(&stack).await,
            State::Unknown => Ok(End::wait(
                Reason::UnknownStackStatus,
                format!(
                    "the stack {} is {}, a status that this version of the operator does not know; nothing is done until \
                     it changes",
                    stack.name, stack.status
                ),
                self.work.poll,
            )),
        }
    }

    fn is_ours(&self, stack: &Stack) -> bool {
        let ours = &self.order.desired.tags;
        [SITE_UID_TAG, UNIT_TAG].iter().all(|tag| ours.contains_key(*tag) && stack.tags.get(*tag) == ours.get(*tag))
    }

    /// Writes an operation down that is to bring about what is desired. What failed for another digest is forgotten.
    fn begin_desired(&mut self, kind: OperationKind, reason: Reason, message: impl Into<String>) -> End {
        let digest = &self.order.desired.digest;
        if self.work.record.digest.as_ref() != Some(digest) {
            self.work.record.digest = Some(digest.clone());
            self.work.record.failure = None;
        }
        self.work.begin(kind, reason, message)
    }

    fn is_for_desired(&self) -> bool {
        self.work.record.digest.as_ref() == Some(&self.order.desired.digest)
    }

    async fn absent(&mut self) -> Result<End, Error> {
        let name = self.work.name();
        if let Some(id) = self.work.record.stack_id.clone() {
            if self.work.kind() != Some(OperationKind::Delete) {
                let changes = vec![Change { action: "Create".into(), resource: name.clone(), ..stack_change() }];
                let token = token::approval(&self.work.record.name, &id, &changes);
                if !self.work.is_approved(&token) {
                    return Ok(self.disappeared(&name, &token, changes));
                }
            }
            self.work.record.stack_id = None;
            self.work.record.lifted_policy = None;
            self.work.record.drift = None;
            return Ok(self.begin_desired(OperationKind::Create, Reason::Creating, creating(&name)));
        }
        match self.work.operation(OperationKind::Create) {
            Some(operation) if self.is_for_desired() => self.create(&operation.token).await,
            _ => Ok(self.begin_desired(OperationKind::Create, Reason::Creating, creating(&name))),
        }
    }

    fn disappeared(&self, name: &str, token: &str, changes: Vec<Change>) -> End {
        let message = format!(
            "the stack {name} is gone, and this operator did not delete it. What it kept may still be there: look for it \
             before an empty one takes its place. To create the stack anew set {}",
            by_annotation(token)
        );
        End { plan: Some(self.work.plan(token, None, changes)), ..End::stalled(Reason::StackDisappeared, message) }
    }

    async fn create(&mut self, token: &str) -> Result<End, Error> {
        let desired = self.order.desired;
        let request = CreateStack {
            name: self.work.name(),
            template: desired.template.to_string(),
            parameters: desired.parameters.clone(),
            tags: desired.tags.clone(),
            stack_policy: desired.stack_policy.as_ref().map(ToString::to_string),
            service_role_arn: desired.service_role_arn.clone(),
            token: token.into(),
        };
        self.work.mutated = true;
        match self.work.port.create(&request).await {
            // An earlier call was carried out, and its stack is not visible yet.
            Ok(_) | Err(Error::AlreadyExists(_)) => {
                Ok(End::wait(Reason::Creating, creating(&request.name), self.work.poll))
            }
            Err(error) => Err(error),
        }
    }

    async fn busy(&mut self, stack: &Stack) -> End {
        let said = self.work.busy(stack).await;
        let current = stack.outputs.get(super::stack::REVISION_OUTPUT) == Some(&self.order.desired.digest);
        let reason = match stack.status.as_str() {
            // It works as desired; AWS clears away what was replaced.
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" if current => {
                return End { after: Some(self.work.poll), current, ..End::default() };
            }
            "CREATE_IN_PROGRESS" => Reason::Creating,
            "DELETE_IN_PROGRESS" if self.work.kind() == Some(OperationKind::Delete) => Reason::Creating,
            "DELETE_IN_PROGRESS" => Reason::Deleting,
            status if status.contains("ROLLBACK") => Reason::RollingBack,
            _ => Reason::Updating,
        };
        End::wait(reason, said, self.work.poll)
    }
}

fn creating(name: &str) -> String {
    format!("the stack {name} is being created")
}

/// A change of a stack as a whole.
fn stack_change() -> Change {
    Change { kind: super::failure::STACK.into(), ..Change::default() }
}

#[cfg(test)]
mod tests;
