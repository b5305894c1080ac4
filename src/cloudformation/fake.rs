//! An AWS account with `CloudFormation` on a virtual clock, for tests: stacks move through their statuses as time goes by,
//! resources appear in the account and go from it, tokens, protections and policies hold, and calls fail by script.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::port::{ResourceChange, StackEvent, StackResource};

pub(crate) mod driver;
mod operations;
mod serve;

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Too many calls.
    Throttled,
    /// No answer, and nothing was done.
    Lost,
    /// No answer, although it was done.
    AnswerLost,
    /// No right to do it.
    Denied,
    /// A read answers that there is no such thing.
    Stale,
    /// The operator dies before the call.
    KilledBefore,
    /// The operator dies after the call.
    KilledAfter,
}

/// When a resource fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// While it is created.
    Create,
    /// While it is changed.
    Update,
    /// While it is brought back.
    Rollback,
    /// While it is deleted.
    Delete,
}

/// The account.
#[derive(Debug)]
pub struct Fake(Mutex<World>);

#[derive(Debug, Default)]
pub(crate) struct World {
    pub now: Timestamp,
    pub stacks: Vec<FakeStack>,
    /// What exists, by physical id, with its type.
    pub account: BTreeMap<String, String>,
    /// The physical ids of the clusters that a snapshot was made of.
    pub snapshots: BTreeSet<String>,
    /// Buckets that hold something.
    pub filled: BTreeSet<String>,
    pub physical: usize,
    /// The calls so far.
    pub calls: usize,
    /// The mutations that were carried out: a repeated one with the token of another is none.
    pub mutations: usize,
    pub faults: BTreeMap<usize, Fault>,
    pub killed: bool,
    /// How often a resource fails in a phase.
    pub failing: BTreeMap<(Phase, String), usize>,
    /// How long a new stack is not visible.
    pub unseen: Duration,
    /// Whether change sets deny that anything is replaced.
    pub lies: bool,
    /// What a look for changes by hand finds.
    pub drifted: BTreeMap<String, String>,
    /// The descriptions among the calls.
    pub describes: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct FakeStack {
    pub id: String,
    pub name: String,
    pub status: String,
    pub created: Timestamp,
    pub updated: Option<Timestamp>,
    pub template: Value,
    pub parameters: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub policy: Option<String>,
    pub protected: bool,
    pub resources: BTreeMap<String, StackResource>,
    pub events: Vec<StackEvent>,
    pub sets: BTreeMap<String, FakeSet>,
    pub tokens: BTreeSet<String>,
    pub timeline: Vec<(Timestamp, Effect)>,
}

#[derive(Clone, Debug)]
pub(crate) struct FakeSet {
    pub made: Timestamp,
    pub template: Value,
    pub parameters: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub changes: Vec<ResourceChange>,
    /// What really replaces, whatever the change set says.
    pub replaces: BTreeSet<String>,
    /// Why it cannot be made.
    pub failed: Option<String>,
}

/// What happens at a point of time.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Stack { status: &'static str, token: String },
    Resource { resource: StackResource, reason: Option<String>, token: String },
    Appears { physical: String, kind: String },
    Goes { physical: String },
    Snapshot { physical: String },
    Live { template: Value, parameters: BTreeMap<String, String> },
}

impl Fake {
    /// An empty account.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "an account by default is nothing that a test should have")]
    pub fn new() -> Self {
        let now = Timestamp::from_second(1_800_000_000).unwrap_or_default();
        Self(Mutex::new(World { now, ..World::default() }))
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.world().now
    }

    /// Lets time go by.
    pub fn pass_time(&self, time: Duration) {
        let mut world = self.world();
        world.now += time;
        world.settle();
    }

    /// Lets the call of that number, counted from now on and from 0, go wrong.
    pub fn fault(&self, call: usize, fault: Fault) {
        let mut world = self.world();
        let call = world.calls + call;
        world.faults.insert(call, fault);
    }

    /// Lets a resource fail in a phase, that often.
    pub fn fail(&self, phase: Phase, logical_id: &str, times: usize) {
        self.world().failing.insert((phase, logical_id.into()), times);
    }

    /// Whether the operator died since the last question.
    pub fn was_killed(&self) -> bool {
        std::mem::take(&mut self.world().killed)
    }

    /// The calls and the mutations so far.
    pub fn counts(&self) -> (usize, usize) {
        let world = self.world();
        (world.calls, world.mutations)
    }

    /// The stacks that are not deleted, as name and status.
    pub fn stacks(&self) -> Vec<(String, String)> {
        let world = self.world();
        let there = world.stacks.iter().filter(|it| it.status != "DELETE_COMPLETE");
        there.map(|it| (it.name.clone(), it.status.clone())).collect()
    }

    /// How many stacks were ever made.
    pub fn made(&self) -> usize {
        self.world().stacks.len()
    }

    /// The physical ids of what exists of a type.
    pub fn of_type(&self, kind: &str) -> Vec<String> {
        let world = self.world();
        world.account.iter().filter(|(_, it)| *it == kind).map(|(id, _)| id.clone()).collect()
    }

    /// Empties a bucket.
    pub fn empty(&self, bucket: &str) {
        self.world().filled.remove(bucket);
    }

    /// Gives the newest stack of a name another status, as if by hand, and ends what was going on.
    pub fn set_status(&self, name: &str, status: &str) {
        self.edit(name, |stack| {
            stack.timeline.clear();
            stack.status = status.into();
        });
    }

    /// Changes the newest stack of a name, as if by hand.
    pub(crate) fn edit(&self, name: &str, edit: impl FnOnce(&mut FakeStack)) {
        let mut world = self.world();
        if let Some(stack) = world.stacks.iter_mut().rev().find(|it| it.name == name) {
            edit(stack);
        }
    }

    /// The newest stack of a name.
    pub(crate) fn stack(&self, name: &str) -> Option<FakeStack> {
        self.world().stacks.iter().rev().find(|it| it.name == name).cloned()
    }
}

impl World {
    /// Brings about what the clock says has happened.
    pub fn settle(&mut self) {
        let now = self.now;
        for stack in &mut self.stacks {
            while stack.timeline.first().is_some_and(|(time, _)| *time <= now) {
                let (time, effect) = stack.timeline.remove(0);
                match effect {
                    Effect::Stack { status, token } => {
                        stack.status = status.into();
                        let event = StackResource {
                            logical_id: stack.name.clone(),
                            physical_id: Some(stack.id.clone()),
                            kind: super::failure::STACK.into(),
                            status: status.into(),
                        };
                        stack.events.push(happened(time, event, None, token));
                    }
                    Effect::Resource { resource, reason, token } => {
                        stack.events.push(happened(time, resource.clone(), reason, token));
                        stack.resources.insert(resource.logical_id.clone(), resource);
                    }
                    Effect::Appears { physical, kind } => {
                        if kind == "AWS::S3::Bucket" {
                            self.filled.insert(physical.clone());
                        }
                        self.account.insert(physical, kind);
                    }
                    Effect::Goes { physical } => {
                        self.account.remove(&physical);
                        self.filled.remove(&physical);
                    }
                    Effect::Snapshot { physical } => {
                        self.snapshots.insert(physical);
                    }
                    Effect::Live { template, parameters } => {
                        let wanted = |it: &StackResource| template["Resources"].get(&it.logical_id).is_some();
                        stack.resources.retain(|_, it| wanted(it));
                        stack.template = template;
                        stack.parameters = parameters;
                    }
                }
            }
        }
    }

    /// A name in AWS that was never used before.
    pub fn physical_id(&mut self, logical_id: &str) -> String {
        self.physical += 1;
        format!("{}-{}", logical_id.to_lowercase(), self.physical)
    }

    /// Whether a resource fails now, as the script has it.
    pub fn fails(&mut self, phase: Phase, logical_id: &str) -> bool {
        match self.failing.get_mut(&(phase, logical_id.to_owned())) {
            Some(times) if *times > 0 => {
                *times -= 1;
                true
            }
            _ => false,
        }
    }
}

fn happened(time: Timestamp, of: StackResource, reason: Option<String>, token: String) -> StackEvent {
    StackEvent {
        time,
        token: Some(token),
        logical_id: of.logical_id,
        physical_id: of.physical_id,
        kind: of.kind,
        status: of.status,
        reason,
    }
}
