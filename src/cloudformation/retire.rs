//! The end of a unit, by policy. It works from the record and the live stack alone: by now the spec may be invalid and the
//! class gone. One call of [`retire`] is one pass and makes at most one mutation.

use std::time::Duration;

use jiff::Timestamp;

use super::guard;
use super::port::{CloudFormation, Error, Stack, StackResource};
use super::stack::{SITE_UID_TAG, UNIT_TAG};
use super::state::{State, fold};
use super::work::{End, Work};
use crate::api::condition::Reason;
use crate::api::finding::Finding;
use crate::api::site::DeletionPolicy;
use crate::api::status::{OperationKind, UnitStatus};

mod failed;
mod fit;
pub mod prepare;

/// How long a stack that was never seen is looked for before it is taken for one that was never made: a creation that
/// was accepted may not be visible yet.
const SETTLING: Duration = Duration::from_mins(1);

/// A unit to bring to its end.
#[derive(Clone, Debug)]
pub struct Retirement<'a> {
    /// What the last pass over the unit returned, as it was persisted.
    pub record: &'a UnitStatus,
    /// The uid of the site whose data the stack holds, as its tag says.
    pub owner_uid: &'a str,
    /// The first eight characters of the site's uid.
    pub uid8: &'a str,
    /// The generation of the site.
    pub generation: i64,
    /// What becomes of the data.
    pub policy: DeletionPolicy,
    /// Whether the bucket that [`Retired::needs_empty_bucket`] named is empty by now.
    pub emptied: bool,
    /// The value of the annotation tairyo.dev/approve.
    pub approved: Option<&'a str>,
    /// When to look again at a stack that is busy.
    pub poll: Duration,
    /// The time.
    pub now: Timestamp,
}

/// What a pass over a unit at its end found and did.
#[derive(Clone, Debug)]
pub struct Retired {
    /// What to remember. It must be persisted before the next pass.
    pub record: UnitStatus,
    /// Whether nothing is left to do.
    pub done: bool,
    /// What stays in AWS, in words; complete once `done` is true.
    pub kept: Vec<String>,
    /// What the matter is, while `done` is false.
    pub finding: Option<Finding>,
    /// The bucket to empty before the next pass.
    pub needs_empty_bucket: Option<String>,
    /// When to look again although nothing may have happened.
    pub look_again_after: Option<Duration>,
    /// Whether a mutation was carried out, or may have been.
    pub mutated: bool,
}

/// Makes the next step towards the end of a unit. An error of AWS is a finding.
pub async fn retire(port: &dyn CloudFormation, retirement: &Retirement<'_>) -> Retired {
    let mut pass = Pass {
        work: Work {
            port,
            record: retirement.record.clone(),
            uid8: retirement.uid8,
            generation: retirement.generation,
            approved: retirement.approved,
            now: retirement.now,
            poll: retirement.poll,
            mutated: false,
            live: true,
        },
        retirement,
        bucket: None,
    };
    let ended = match pass.run().await {
        Ok(ended) => ended,
        Err(error) => Ended::NotYet(pass.work.refused(&error)),
    };
    let (done, kept, end) = match ended {
        Ended::Done(kept) => (true, kept, End::default()),
        Ended::NotYet(end) => (false, Vec::new(), end),
    };
    Retired {
        record: pass.work.record,
        done,
        kept,
        finding: end.finding,
        needs_empty_bucket: pass.bucket,
        look_again_after: end.after,
        mutated: pass.work.mutated,
    }
}

/// How a pass ended.
enum Ended {
    /// Nothing is left to do; this stays.
    Done(Vec<String>),
    /// There is more to do.
    NotYet(End),
}

impl From<End> for Ended {
    fn from(end: End) -> Self {
        Self::NotYet(end)
    }
}

struct Pass<'a> {
    work: Work<'a>,
    retirement: &'a Retirement<'a>,
    bucket: Option<String>,
}

impl Pass<'_> {
    async fn run(&mut self) -> Result<Ended, Error> {
        // Nothing is begun that does not stand in the record: a site whose role never worked need not wait for it to.
        if self.work.record.operation.is_none() && self.work.record.stack_id.is_none() {
            return Ok(Ended::Done(Vec::new()));
        }
        let Some(stack) = self.work.describe().await? else {
            return self.absent().await;
        };
        let tag = |name: &str, value: &str| stack.tags.get(name).is_some_and(|it| it == value);
        if !tag(SITE_UID_TAG, self.retirement.owner_uid) || !tag(UNIT_TAG, &self.work.record.name) {
            return Ok(Ended::Done(vec![format!("the stack {}, which is not of this site", stack.name)]));
        }
        self.work.record.stack_id = Some(stack.id.clone());
        match fold(&stack.status) {
            // `describe` has told that there is one.
            State::Absent => self.absent().await,
            State::Busy => {
                let said = self.work.busy(&stack).await;
                Ok(End::wait(Reason::Deleting, said, self.work.poll).into())
            }
            State::Stable | State::RolledBack => self.at_rest(&stack).await,
            State::Dead => self.dead(&stack).await,
            State::Stuck => self.stuck(&stack).await,
            State::Undeletable => self.undeletable(&stack).await,
            // A shell has no resources.
            State::Review => self.delete(&stack, &[], &[]).await,
            State::Unknown => {
                let message = format!(
                    "the stack {} is {}, a status that this version of the operator does not know; nothing is deleted \
                     until it changes",
                    stack.name, stack.status
                );
                Ok(End::wait(Reason::UnknownStackStatus, message, self.work.poll).into())
            }
        }
    }

    fn deleting(&self) -> String {
        format!("the stack {} is being deleted", self.work.record.stack_name)
    }

    /// Writes a step of the end down. What failed on the way to what was desired does not count towards the end.
    fn begin(&mut self, kind: OperationKind) -> Ended {
        use OperationKind::{ContinueRollback, Delete, Prepare};
        if !matches!(self.work.kind(), Some(Delete | Prepare | ContinueRollback)) {
            self.work.record.failure = None;
        }
        let message = self.deleting();
        self.work.begin(kind, Reason::Deleting, message).into()
    }

    async fn absent(&mut self) -> Result<Ended, Error> {
        let Some(id) = self.work.record.stack_id.clone() else {
            return Ok(self.never_seen());
        };
        // A deleted stack is still known by its id, and with it what it left behind.
        let resources = match self.work.port.resources(&id).await {
            Ok(resources) => resources,
            Err(Error::NotFound(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        let snapshots = self.retirement.policy == DeletionPolicy::Snapshot;
        let kept = |it: &StackResource| match (&it.physical_id, it.status.as_str(), it.kind.as_str()) {
            (Some(id), "DELETE_SKIPPED", kind) => Some(format!("{kind} {id}")),
            (Some(id), _, "AWS::RDS::DBCluster") if snapshots => Some(format!("a final snapshot of the cluster {id}")),
            _ => None,
        };
        Ok(Ended::Done(resources.iter().filter_map(kept).collect()))
    }

    /// No stack was ever seen. One that was just created may not be visible yet.
    fn never_seen(&mut self) -> Ended {
        let Some(operation) = self.work.record.operation.clone() else {
            return Ended::Done(Vec::new());
        };
        if operation.kind != OperationKind::Delete {
            return self.begin(OperationKind::Delete);
        }
        let since = operation.time.parse::<Timestamp>().ok().map(|since| self.work.now.duration_since(since));
        let age = since.map_or(SETTLING, |age| age.try_into().unwrap_or_default());
        match SETTLING.checked_sub(age).filter(|it| !it.is_zero()) {
            None => Ended::Done(Vec::new()),
            Some(rest) => End::wait(Reason::Deleting, self.deleting(), rest).into(),
        }
    }

    /// One step of the deletion itself. Whoever calls has made sure that the data fares as the policy says.
    async fn delete(&mut self, stack: &Stack, data: &[StackResource], retain: &[String]) -> Result<Ended, Error> {
        let Some(operation) = self.work.operation(OperationKind::Delete) else {
            return Ok(self.begin(OperationKind::Delete));
        };
        let bucket = data.iter().find(|it| it.kind == "AWS::S3::Bucket" && !retain.contains(&it.logical_id));
        if let Some(name) = bucket.and_then(|it| it.physical_id.clone())
            && self.retirement.policy == DeletionPolicy::Delete
            && !self.retirement.emptied
        {
            let message = format!("the bucket {name} of the stack {} is emptied before it is deleted", stack.name);
            self.bucket = Some(name);
            return Ok(End::wait(Reason::Deleting, message, self.work.poll).into());
        }
        self.work.delete(stack, &operation, retain).await?;
        // The lifted protection is followed by the deletion at once.
        let after = if stack.termination_protection { Duration::ZERO } else { self.work.poll };
        Ok(End::wait(Reason::Deleting, self.deleting(), after).into())
    }

    /// What of the stack holds data and is still there.
    async fn data(&self, stack: &Stack) -> Result<Vec<StackResource>, Error> {
        let resources = self.work.port.resources(&stack.id).await?;
        let holds = |it: &StackResource| {
            guard::holds_data(&it.kind)
                && it.physical_id.is_some()
                && !["DELETE_COMPLETE", "DELETE_SKIPPED"].contains(&it.status.as_str())
        };
        Ok(resources.into_iter().filter(holds).collect())
    }
}

/// Keeps the stack as it is, since it holds data.
fn keep(stack: &Stack, data: &[StackResource]) -> Ended {
    let data = data.iter().map(|it| {
        let id = it.physical_id.as_ref().unwrap_or(&it.logical_id);
        format!("{} {id}", it.kind)
    });
    let data: Vec<_> = data.collect();
    Ended::Done(vec![format!("the stack {} with {}", stack.name, data.join(", "))])
}

#[cfg(test)]
mod tests;
