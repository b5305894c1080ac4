//! The port to the account.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::{Fake, FakeStack, Fault, World, operations};
use crate::cloudformation::port::{
    ChangeSet, ChangeSetStatus, CloudFormation, CreateChangeSet, CreateStack, Drift, Error, Stack, StackEvent,
    StackResource, StackSummary,
};

/// How long a change set is being made.
const MAKING: Duration = Duration::from_secs(5);
/// How long a look for changes by hand takes.
const LOOKING: i64 = 60;

impl Fake {
    fn read<T>(&self, read: impl FnOnce(&World) -> Result<T, Error>) -> Result<T, Error> {
        let mut world = self.world();
        match world.fault() {
            Some(Fault::KilledBefore | Fault::KilledAfter) => Err(world.kill()),
            Some(Fault::Stale) => Err(Error::NotFound("stale".into())),
            Some(fault) => Err(error(fault)),
            None => {
                world.settle();
                read(&world)
            }
        }
    }

    fn write<T>(&self, write: impl FnOnce(&mut World) -> Result<T, Error>) -> Result<T, Error> {
        let mut world = self.world();
        world.settle();
        match world.fault() {
            Some(Fault::KilledBefore) => Err(world.kill()),
            Some(Fault::KilledAfter) => {
                let done = write(&mut world);
                drop(done);
                Err(world.kill())
            }
            Some(Fault::AnswerLost) => {
                let done = write(&mut world);
                drop(done);
                Err(error(Fault::AnswerLost))
            }
            // There is nothing stale about a mutation.
            None | Some(Fault::Stale) => {
                let done = write(&mut world);
                world.settle();
                done
            }
            Some(fault) => Err(error(fault)),
        }
    }
}

fn error(fault: Fault) -> Error {
    match fault {
        Fault::Throttled => Error::Throttled("Rate exceeded".into()),
        Fault::Denied => Error::Denied("cloudformation:Any by arn:aws:iam::1:role/tairyo".into()),
        _ => Error::Unavailable("no answer".into()),
    }
}

impl World {
    fn fault(&mut self) -> Option<Fault> {
        self.calls += 1;
        self.faults.remove(&(self.calls - 1))
    }

    fn kill(&mut self) -> Error {
        self.killed = true;
        Error::Unknown("killed".into())
    }

    /// By id any stack, by name one that is not deleted; a new one only once it is visible.
    fn find(&self, stack: &str) -> Result<&FakeStack, Error> {
        let is_it = |it: &&FakeStack| it.id == stack || (it.name == stack && it.status != "DELETE_COMPLETE");
        let found = self.stacks.iter().rev().find(is_it);
        found
            .filter(|it| it.created + self.unseen <= self.now)
            .ok_or_else(|| Error::NotFound(format!("Stack with id {stack} does not exist")))
    }

    fn find_mut(&mut self, stack: &str) -> Result<&mut FakeStack, Error> {
        let id = self.find(stack)?.id.clone();
        self.stacks.iter_mut().find(|it| it.id == id).ok_or(Error::NotFound(id))
    }

    /// Begins an operation, once for each token.
    fn begin(
        &mut self,
        stack: &str,
        token: &str,
        statuses: fn(&str) -> bool,
        plan: impl FnOnce(&mut Self, &FakeStack) -> Result<operations::Plan, Error>,
    ) -> Result<(), Error> {
        let before = self.find(stack)?.clone();
        if before.tokens.contains(token) {
            return Ok(());
        }
        if !statuses(&before.status) {
            return Err(Error::Busy(format!("{} is in {} state", before.name, before.status)));
        }
        let timeline = plan(self, &before)?.into_timeline();
        self.mutations += 1;
        let now = self.now;
        let after = self.find_mut(&before.id)?;
        after.tokens.insert(token.into());
        after.updated = Some(now);
        after.timeline = timeline;
        Ok(())
    }
}

fn shown(stack: &FakeStack) -> Stack {
    let outputs = if stack.status.starts_with("CREATE_IN") || stack.status.starts_with("ROLLBACK") {
        BTreeMap::new()
    } else {
        operations::outputs(stack)
    };
    Stack {
        id: stack.id.clone(),
        name: stack.name.clone(),
        status: stack.status.clone(),
        status_reason: None,
        created: stack.created,
        updated: stack.updated,
        outputs,
        parameters: stack.parameters.clone(),
        tags: stack.tags.clone(),
        termination_protection: stack.protected,
    }
}

fn takes_update(status: &str) -> bool {
    [
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
        "UPDATE_FAILED",
    ]
    .contains(&status)
}

#[async_trait]
impl CloudFormation for Fake {
    async fn describe(&self, stack: &str) -> Result<Stack, Error> {
        self.world().describes += 1;
        self.read(|world| world.find(stack).map(shown))
    }

    async fn describe_all(&self) -> Result<Vec<Stack>, Error> {
        let there = |it: &&FakeStack| it.status != "DELETE_COMPLETE";
        self.read(|world| Ok(world.stacks.iter().filter(there).map(shown).collect()))
    }

    async fn list_in_progress(&self) -> Result<Vec<StackSummary>, Error> {
        let summary =
            |it: &FakeStack| StackSummary { id: it.id.clone(), name: it.name.clone(), status: it.status.clone() };
        let busy = |it: &&FakeStack| it.status.ends_with("_IN_PROGRESS");
        self.read(|world| Ok(world.stacks.iter().filter(busy).map(summary).collect()))
    }

    async fn resources(&self, stack: &str) -> Result<Vec<StackResource>, Error> {
        self.read(|world| Ok(world.find(stack)?.resources.values().cloned().collect()))
    }

    async fn events(&self, stack: &str, token: Option<&str>) -> Result<Vec<StackEvent>, Error> {
        let of_token = |it: &&StackEvent| token.is_none() || it.token.as_deref() == token;
        self.read(|world| {
            let mut events: Vec<_> = world.find(stack)?.events.iter().filter(of_token).cloned().collect();
            // AWS promises an order that it does not always keep within a second.
            events.reverse();
            Ok(events)
        })
    }

    async fn template(&self, stack: &str) -> Result<Value, Error> {
        self.read(|world| Ok(world.find(stack)?.template.clone()))
    }

    async fn create(&self, request: &CreateStack) -> Result<String, Error> {
        self.write(|world| {
            let namesake = world.stacks.iter().find(|it| it.name == request.name && it.status != "DELETE_COMPLETE");
            if let Some(stack) = namesake {
                if stack.tokens.contains(&request.token) {
                    return Ok(stack.id.clone());
                }
                return Err(Error::AlreadyExists(request.name.clone()));
            }
            let template: Value =
                serde_json::from_str(&request.template).map_err(|error| Error::Invalid(error.to_string()))?;
            let id = format!("arn:aws:cloudformation:eu-west-1:1:stack/{}/{}", request.name, world.stacks.len());
            let timeline = world.plan_create(&template, &request.token).into_timeline();
            world.mutations += 1;
            world.stacks.push(FakeStack {
                id: id.clone(),
                name: request.name.clone(),
                status: "CREATE_IN_PROGRESS".into(),
                created: world.now,
                updated: None,
                template,
                parameters: request.parameters.clone(),
                tags: request.tags.clone(),
                policy: request.stack_policy.clone(),
                protected: true,
                resources: BTreeMap::new(),
                events: Vec::new(),
                sets: BTreeMap::new(),
                tokens: BTreeSet::from([request.token.clone()]),
                timeline,
            });
            Ok(id)
        })
    }

    async fn create_change_set(&self, request: &CreateChangeSet) -> Result<String, Error> {
        self.write(|world| {
            let stack = world.find(&request.stack)?.clone();
            if stack.sets.contains_key(&request.name) {
                return Err(Error::AlreadyExists(request.name.clone()));
            }
            if !takes_update(&stack.status) {
                return Err(Error::Busy(stack.status));
            }
            let template: Value =
                serde_json::from_str(&request.template).map_err(|error| Error::Invalid(error.to_string()))?;
            let mut parameters = request.parameters.clone();
            for name in &request.previous_parameters {
                let value = stack.parameters.get(name).cloned();
                parameters.insert(name.clone(), value.ok_or_else(|| Error::Invalid(format!("no parameter {name}")))?);
            }
            let mut set = world.compare(&stack, &template, &parameters);
            set.tags.clone_from(&request.tags);
            set.failed = world.fails(super::Phase::Update, "the change set").then(|| "scripted".into());
            world.mutations += 1;
            world.find_mut(&stack.id)?.sets.insert(request.name.clone(), set);
            Ok(request.name.clone())
        })
    }

    async fn describe_change_set(&self, stack: &str, change_set: &str) -> Result<ChangeSet, Error> {
        self.read(|world| {
            let set = world.find(stack)?.sets.get(change_set).ok_or_else(|| Error::NotFound(change_set.into()))?;
            let (status, execution_status) = match &set.failed {
                _ if set.made + MAKING > world.now => (ChangeSetStatus::Creating, "UNAVAILABLE"),
                Some(reason) => (ChangeSetStatus::Failed(reason.clone()), "UNAVAILABLE"),
                None if set.changes.is_empty() => (ChangeSetStatus::Empty, "UNAVAILABLE"),
                None => (ChangeSetStatus::Complete, "AVAILABLE"),
            };
            let (id, changes) = (change_set.to_owned(), set.changes.clone());
            Ok(ChangeSet { id, status, execution_status: execution_status.into(), changes })
        })
    }

    async fn execute_change_set(&self, stack: &str, change_set: &str, token: &str) -> Result<(), Error> {
        self.write(|world| {
            let set = world.find(stack)?.sets.get(change_set).cloned();
            world.begin(stack, token, takes_update, |world, before| {
                let set = set.clone().ok_or_else(|| Error::NotFound(change_set.into()))?;
                Ok(world.plan_update(before, &set, token))
            })?;
            // AWS removes every change set of the stack.
            let after = world.find_mut(stack)?;
            if let Some(set) = set {
                after.tags = set.tags;
            }
            after.sets.clear();
            Ok(())
        })
    }

    async fn delete_change_set(&self, stack: &str, change_set: &str) -> Result<(), Error> {
        self.write(|world| {
            if world.find_mut(stack)?.sets.remove(change_set).is_some() {
                world.mutations += 1;
            }
            Ok(())
        })
    }

    async fn delete(&self, stack: &str, retain: &[String], token: &str) -> Result<(), Error> {
        self.write(|world| {
            let before = world.find(stack)?;
            if before.protected {
                return Err(Error::Invalid("termination protection is on".into()));
            }
            if !retain.is_empty() && before.status != "DELETE_FAILED" {
                return Err(Error::Invalid("RetainResources needs DELETE_FAILED".into()));
            }
            let takes_delete = |status: &str| !status.ends_with("_IN_PROGRESS") || status == "REVIEW_IN_PROGRESS";
            world.begin(stack, token, takes_delete, |world, before| Ok(world.plan_delete(before, retain, token)))
        })
    }

    async fn continue_rollback(&self, stack: &str, token: &str) -> Result<(), Error> {
        self.write(|world| {
            let is_stuck = |status: &str| status == "UPDATE_ROLLBACK_FAILED";
            world.begin(stack, token, is_stuck, |world, before| Ok(world.plan_continue(before, token)))
        })
    }

    async fn set_termination_protection(&self, stack: &str, on: bool) -> Result<(), Error> {
        self.write(|world| {
            world.find_mut(stack)?.protected = on;
            world.mutations += 1;
            Ok(())
        })
    }

    async fn set_stack_policy(&self, stack: &str, policy: &str) -> Result<(), Error> {
        self.write(|world| {
            world.find_mut(stack)?.policy = Some(policy.into());
            world.mutations += 1;
            Ok(())
        })
    }

    async fn detect_drift(&self, stack: &str) -> Result<String, Error> {
        self.read(|world| world.find(stack).map(|_| world.now.as_second().to_string()))
    }

    async fn drift(&self, stack: &str, detection: &str) -> Result<Drift, Error> {
        self.read(|world| {
            world.find(stack)?;
            let begun: i64 = detection.parse().map_err(|_| Error::NotFound(detection.into()))?;
            let found = || Drift::Found(world.drifted.clone());
            Ok(if world.now.as_second() < begun + LOOKING { Drift::Detecting } else { found() })
        })
    }
}
