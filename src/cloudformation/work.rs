//! What the way to a unit and its end have in common: one stack, its record, and at most one mutation.

use std::time::Duration;

use jiff::Timestamp;

use super::failure::{self, Ran};
use super::guard;
use super::port::{ChangeSet, ChangeSetStatus, CloudFormation, Error, Stack, StackEvent, StackResource};
use super::state::{State, fold};
use super::token;
use crate::api::condition::Reason;
use crate::api::finding::Finding;
use crate::api::status::{Change, OperationKind, Plan, Progress, UnitFailure, UnitOperation, UnitStatus};

/// A pass over one unit.
pub(super) struct Work<'a> {
    /// AWS.
    pub port: &'a dyn CloudFormation,
    /// What is remembered, as it is to be persisted.
    pub record: UnitStatus,
    /// The first characters of the site's uid.
    pub uid8: &'a str,
    /// The generation of the site.
    pub generation: i64,
    /// The token that a person has allowed.
    pub approved: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
    /// When to look again at what moves.
    pub poll: Duration,
    /// Whether a mutation was, or may have been, carried out.
    pub mutated: bool,
    /// Whether a stack that was seen is looked for by its id.
    pub live: bool,
}

/// How a pass ended.
#[derive(Debug, Default)]
pub(super) struct End {
    /// `None`: done.
    pub finding: Option<Finding>,
    /// What waits for a person.
    pub plan: Option<Plan>,
    /// When to look again.
    pub after: Option<Duration>,
    /// Whether what is live is what is desired.
    pub current: bool,
}

impl End {
    /// Something is under way.
    pub fn wait(reason: Reason, message: impl Into<String>, after: Duration) -> Self {
        Self { finding: Some(Finding::new(reason, message)), after: Some(after), ..Self::default() }
    }

    /// A person must act; nothing is done before.
    pub fn stalled(reason: Reason, message: impl Into<String>) -> Self {
        Self { finding: Some(Finding::new(reason, message)), ..Self::default() }
    }
}

/// How far a change set is.
#[derive(Debug)]
pub(super) enum Step {
    /// It is to be made.
    Absent,
    /// It is being made.
    Making,
    /// It would change nothing.
    Empty,
    /// It cannot be made, for this reason.
    Unusable(String),
    /// The stack has changed since.
    Obsolete,
    /// It can be carried out.
    Ready(ChangeSet),
    /// It was carried out, with these events.
    Ran(Ran, Vec<StackEvent>),
}

impl Work<'_> {
    /// The stack by its name, which a cache may know; at the end of a unit by its id, which is always asked of AWS.
    /// `None` where there is none, never for another reason.
    pub async fn describe(&mut self) -> Result<Option<Stack>, Error> {
        let id = self.record.stack_id.as_ref().filter(|_| self.live);
        let stack = id.unwrap_or(&self.record.stack_name);
        self.record.progress = None;
        match self.port.describe(stack).await {
            Ok(stack) if fold(&stack.status) == State::Absent => {
                self.record.status = None;
                Ok(None)
            }
            Ok(stack) => {
                self.record.status = Some(stack.status.clone());
                Ok(Some(stack))
            }
            Err(Error::NotFound(_)) => {
                self.record.status = None;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The name of the stack.
    pub fn name(&self) -> String {
        self.record.stack_name.clone()
    }

    /// The kind of the operation that was last written down.
    pub fn kind(&self) -> Option<OperationKind> {
        self.record.operation.as_ref().map(|it| it.kind)
    }

    /// The operation that was last written down, if it is of that kind.
    pub fn operation(&self, kind: OperationKind) -> Option<UnitOperation> {
        self.record.operation.clone().filter(|it| it.kind == kind)
    }

    /// The failure of the operation that was last written down, if it is known to have failed.
    pub fn known_failure(&self) -> Option<UnitFailure> {
        let token = &self.record.operation.as_ref()?.token;
        self.record.failure.clone().filter(|it| it.token == *token)
    }

    /// Writes the next operation down. The next pass begins it.
    pub fn begin(&mut self, kind: OperationKind, reason: Reason, message: impl Into<String>) -> End {
        token::write_down(&mut self.record, kind, self.uid8, self.generation, self.now);
        End::wait(reason, message, Duration::ZERO)
    }

    /// Whether a person has allowed what `token` stands for.
    pub fn is_approved(&self, token: &str) -> bool {
        self.approved == Some(token)
    }

    /// A change that waits for a person.
    pub fn plan(&self, token: &str, change_set_id: Option<String>, changes: Vec<Change>) -> Plan {
        Plan { unit: self.record.name.clone(), change_set_id, token: token.into(), changes }
    }

    /// Takes note of how far a busy stack is, and says so.
    pub async fn busy(&mut self, stack: &Stack) -> String {
        let said = format!("the stack {} is {}", stack.name, stack.status);
        // Progress is news, not knowledge: the pass is as good without it.
        let Ok(resources) = self.port.resources(&stack.id).await else { return said };
        let count = |wanted: fn(&StackResource) -> bool| {
            i32::try_from(resources.iter().filter(|it| wanted(it)).count()).unwrap_or(i32::MAX)
        };
        let progress = Progress {
            done: count(|it| it.status.ends_with("_COMPLETE")),
            total: count(|_| true),
            current: resources.iter().find(|it| it.status.ends_with("_IN_PROGRESS")).map(|it| it.kind.clone()),
        };
        let now = progress.current.as_ref().map(|kind| format!(", now {kind}")).unwrap_or_default();
        let said = format!("{said}: {} of {} resources{now}", progress.done, progress.total);
        self.record.progress = Some(progress);
        said
    }

    /// Looks at the change set of `operation`, or at what became of it.
    pub async fn look(&self, stack: &Stack, operation: &UnitOperation) -> Result<Step, Error> {
        let set = match self.port.describe_change_set(&stack.id, &token::change_set_name(operation)).await {
            Ok(set) => set,
            // It was carried out, or was never made: its events tell.
            Err(Error::NotFound(_)) => {
                let events = self.port.events(&stack.id, Some(&operation.token)).await?;
                return Ok(match failure::ran(&events, &stack.id) {
                    Ran::Not => Step::Absent,
                    ran => Step::Ran(ran, events),
                });
            }
            Err(error) => return Err(error),
        };
        Ok(match &set.status {
            ChangeSetStatus::Creating | ChangeSetStatus::Other(_) => Step::Making,
            ChangeSetStatus::Empty => Step::Empty,
            ChangeSetStatus::Failed(reason) => Step::Unusable(reason.clone()),
            ChangeSetStatus::Complete => match set.execution_status.as_str() {
                "AVAILABLE" => Step::Ready(set),
                "OBSOLETE" => Step::Obsolete,
                status if status.starts_with("EXECUTE_") => {
                    let events = self.port.events(&stack.id, Some(&operation.token)).await?;
                    Step::Ran(failure::ran(&events, &stack.id), events)
                }
                _ => Step::Making,
            },
        })
    }

    /// Deletes the change set of `operation`, which is then no more.
    pub async fn discard(&mut self, stack: &Stack, operation: &UnitOperation) -> Result<(), Error> {
        self.mutated = true;
        match self.port.delete_change_set(&stack.id, &token::change_set_name(operation)).await {
            Ok(()) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes the failure of `operation` down, once, from its own events.
    pub fn failed(&mut self, stack: &Stack, operation: &str, events: &[StackEvent]) -> UnitFailure {
        let of_stack = stack.status_reason.as_deref().unwrap_or(&stack.status);
        let cause = failure::first(events, &stack.id).unwrap_or((&stack.name, failure::STACK, of_stack));
        failure::write_down(&mut self.record, operation, cause, self.now)
    }

    /// The events of `operation`; without one, or where it has none, those of the last operation on the stack.
    pub async fn events(&self, stack: &Stack, operation: Option<&UnitOperation>) -> Result<Vec<StackEvent>, Error> {
        if let Some(operation) = operation {
            let events = self.port.events(&stack.id, Some(&operation.token)).await?;
            if !events.is_empty() {
                return Ok(events);
            }
        }
        let mut events = self.port.events(&stack.id, None).await?;
        events.sort_by_key(|it| it.time);
        let of_stack = |it: &StackEvent| it.kind == failure::STACK && it.physical_id.as_ref() == Some(&stack.id);
        let is_start = |it: &StackEvent| {
            ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"].contains(&it.status.as_str())
        };
        let start = events.iter().rposition(|it| of_stack(it) && is_start(it)).unwrap_or(0);
        Ok(events.split_off(start))
    }

    /// One step of the deletion that was written down: first the protection, then the stack.
    pub async fn delete(&mut self, stack: &Stack, operation: &UnitOperation, retain: &[String]) -> Result<(), Error> {
        self.mutated = true;
        if stack.termination_protection {
            return self.port.set_termination_protection(&stack.id, false).await;
        }
        self.port.delete(&stack.id, retain, &operation.token).await
    }

    /// What a call that failed means for this stack.
    pub fn refused(&self, error: &Error) -> End {
        let (reason, after) = meaning(error, self.poll);
        End::wait(reason, format!("the stack {}: {error}", self.record.stack_name), after)
    }
}

/// What a call that failed means, whatever it was about.
#[must_use]
pub fn finding_of(error: &Error) -> Finding {
    Finding::new(meaning(error, RARELY).0, error.to_string())
}

/// The reason that an error is, and when to try again.
fn meaning(error: &Error, poll: Duration) -> (Reason, Duration) {
    match error {
        // The last three: AWS is of two minds for a while, and what it just showed is not there, or the other way round.
        Error::Throttled(_)
        | Error::Unavailable(_)
        | Error::Unknown(_)
        | Error::NotFound(_)
        | Error::AlreadyExists(_)
        | Error::NoChange(_) => (Reason::AwsUnavailable, poll),
        Error::Busy(_) => (Reason::Updating, poll),
        Error::Denied(_) => (Reason::AwsAccessDenied, RARELY),
        Error::Unauthenticated(_) => (Reason::AwsCredentialsUnavailable, poll),
        Error::RoleNotAssumable(_) => (Reason::AwsRoleNotAssumable, RARELY),
        Error::Invalid(_) => (Reason::AwsRequestInvalid, RARELY),
        Error::Limit(_) => (Reason::AwsQuotaExceeded, RARELY),
    }
}

/// When to look again at what a person has to put right outside of the cluster, of which no event tells.
const RARELY: Duration = Duration::from_mins(2);

/// What is left of a stack's resources and holds data, or carries what does.
pub(super) fn left(resources: &[StackResource]) -> Vec<StackResource> {
    let is_left = |it: &&StackResource| {
        it.status == "DELETE_SKIPPED"
            || (guard::is_protected(&it.kind) && it.physical_id.is_some() && it.status != "DELETE_COMPLETE")
    };
    resources.iter().filter(is_left).cloned().collect()
}

/// The removal of these resources, as changes.
pub(super) fn removals(resources: &[StackResource]) -> Vec<Change> {
    let removal = |it: &StackResource| Change {
        action: "Delete".into(),
        resource: it.logical_id.clone(),
        kind: it.kind.clone(),
        ..Change::default()
    };
    resources.iter().map(removal).collect()
}

/// What to do with a token.
pub(super) fn by_annotation(token: &str) -> String {
    format!("the annotation {}: {token}", crate::api::names::APPROVE_ANNOTATION)
}
