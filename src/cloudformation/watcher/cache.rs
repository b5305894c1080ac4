//! What was last read of the stacks of one account and region, and what a walk over them changes. Data alone: who reads
//! and when is the watcher's.
//!
//! Reads overlap. Each is begun with a ticket, and its answer is only taken for a stack of which nothing newer was learnt
//! or done since: else a walk that took half a minute would put back what a mutation of ours has changed meanwhile.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use super::SiteKey;
use crate::cloudformation::port::{Error, Stack, StackSummary};
use crate::cloudformation::stack::{CLUSTER_TAG, NAME_TAG, NAMESPACE_TAG};

/// How long after a mutation of ours the stack counts as moving, whatever is read of it: AWS shows it with a delay.
const SETTLES_AFTER: Duration = Duration::from_mins(1);

/// When a read began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket(u64);

/// What is known of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is so.
    Stack(Box<Stack>),
    /// There is none.
    Absent,
    /// Nothing that may be relied on.
    Unknown,
}

#[derive(Debug)]
struct Entry {
    found: Found,
    /// When it was last changed, on the clock of the cache.
    changed: u64,
    site: Option<SiteKey>,
    /// When we last began an operation on it.
    mutated: Option<Instant>,
    /// We have created it and not seen it since: AWS may still say that there is none.
    unseen: bool,
    /// The site was told of its last change.
    announced: bool,
}

/// The stacks, by name.
#[derive(Debug)]
pub(super) struct Cache {
    cluster: String,
    clock: u64,
    entries: HashMap<String, Entry>,
}

/// The name in the id of a stack, or the name that it is already.
pub(super) fn name_of(stack: &str) -> &str {
    stack.strip_prefix("arn:").map_or(stack, |id| id.split('/').nth(1).unwrap_or(stack))
}

/// Whether AWS works on a stack of this status.
fn in_progress(status: &str) -> bool {
    status.ends_with("_IN_PROGRESS") && status != "REVIEW_IN_PROGRESS"
}

fn site_of(tags: &BTreeMap<String, String>) -> Option<SiteKey> {
    Some(SiteKey { namespace: tags.get(NAMESPACE_TAG)?.clone(), name: tags.get(NAME_TAG)?.clone() })
}

impl Cache {
    /// Of the stacks of this cluster nothing is known yet.
    pub(super) fn new(cluster: &str) -> Self {
        Self { cluster: cluster.into(), clock: 0, entries: HashMap::new() }
    }

    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.clock)
    }

    pub(super) fn look(&self, name: &str) -> Found {
        self.entries.get(name).map_or(Found::Unknown, |entry| entry.found.clone())
    }

    fn entry(&mut self, name: &str) -> &mut Entry {
        self.entries.entry(name.to_owned()).or_insert_with(|| Entry {
            found: Found::Unknown,
            changed: 0,
            site: None,
            mutated: None,
            unseen: false,
            announced: false,
        })
    }

    /// Sets what is known, and answers whose stack it is.
    fn set(&mut self, name: &str, found: Found) -> Option<SiteKey> {
        self.clock += 1;
        let clock = self.clock;
        let entry = self.entry(name);
        entry.changed = clock;
        if let Found::Stack(stack) = &found {
            entry.site = site_of(&stack.tags);
            entry.unseen = false;
        }
        entry.announced = true;
        entry.found = found;
        entry.site.clone()
    }

    fn newer(&self, name: &str, ticket: Ticket) -> bool {
        self.entries.get(name).is_some_and(|entry| entry.changed > ticket.0)
    }

    /// Takes the answer to a read of one stack, by `name` or by an id with that name.
    pub(super) fn store(&mut self, name: &str, ticket: Ticket, answer: &Result<Stack, Error>) {
        if self.newer(name, ticket) {
            return;
        }
        match answer {
            // A deleted stack is seen by its id alone; there may be another one of its name.
            Ok(stack) if stack.status == "DELETE_COMPLETE" => drop(self.set(name, Found::Unknown)),
            Ok(stack) => drop(self.set(name, Found::Stack(Box::new(stack.clone())))),
            Err(Error::NotFound(_)) if self.entries.get(name).is_none_or(|entry| !entry.unseen) => {
                self.set(name, Found::Absent);
            }
            Err(_) => {}
        }
    }

    /// We have begun an operation on the stack, or tried to.
    pub(super) fn mutated(&mut self, name: &str, now: Instant) {
        self.set(name, Found::Unknown);
        let entry = self.entry(name);
        entry.mutated = Some(now);
        entry.announced = false;
    }

    /// We have created the stack, or tried to.
    pub(super) fn created(&mut self, name: &str, tags: &BTreeMap<String, String>, now: Instant) {
        self.mutated(name, now);
        let entry = self.entry(name);
        entry.site = site_of(tags);
        entry.unseen = true;
    }

    /// Somebody says that the stack has changed: forgets what was known, and answers whose it is.
    pub(super) fn hint(&mut self, name: &str) -> Option<SiteKey> {
        self.entries.contains_key(name).then(|| self.set(name, Found::Unknown)).flatten()
    }

    /// Takes the answer of a walk over all stacks, and answers the sites of those that are not what was known.
    pub(super) fn walked(&mut self, ticket: Ticket, stacks: Vec<Stack>, now: Instant) -> BTreeSet<SiteKey> {
        let mut moved = BTreeSet::new();
        let mut seen = HashSet::new();
        for stack in stacks {
            let name = stack.name.clone();
            let ours = stack.tags.get(CLUSTER_TAG) == Some(&self.cluster);
            seen.insert(name.clone());
            if !(ours || self.entries.contains_key(&name)) || self.newer(&name, ticket) {
                continue;
            }
            let found = Found::Stack(Box::new(stack));
            if self.look(&name) != found {
                moved.extend(self.set(&name, found));
            }
        }
        // That a list does not show a stack is no proof that it is gone: the next look at it is a live one.
        let missing = |cache: &Self, name: &String| !seen.contains(name) && !cache.newer(name, ticket);
        let names: Vec<String> = self.entries.keys().filter(|name| missing(self, name)).cloned().collect();
        for name in names {
            if matches!(self.look(&name), Found::Stack(_)) {
                moved.extend(self.set(&name, Found::Unknown));
            } else if !self.entries.get(&name).is_some_and(|entry| entry.unseen && recent(entry, now)) {
                self.entries.remove(&name);
            }
        }
        moved
    }

    /// Takes the answer of a walk over what is in progress, and answers the sites of the stacks that came or left.
    pub(super) fn walked_in_progress(&mut self, ticket: Ticket, stacks: Vec<StackSummary>) -> BTreeSet<SiteKey> {
        let listed: HashMap<String, StackSummary> = stacks.into_iter().map(|it| (it.name.clone(), it)).collect();
        let mut changed = Vec::new();
        let mut absent = Vec::new();
        for (name, entry) in self.entries.iter().filter(|(_, entry)| entry.changed <= ticket.0) {
            match (&entry.found, listed.get(name)) {
                (Found::Stack(known), Some(listed)) if known.id == listed.id && known.status == listed.status => {}
                (Found::Stack(_), Some(_)) => changed.push(name.clone()),
                (Found::Stack(known), None) if in_progress(&known.status) => changed.push(name.clone()),
                (Found::Absent, _) => absent.push(name.clone()),
                // An operation of ours whose outcome nobody has looked at yet.
                (Found::Unknown, _) if !entry.announced => changed.push(name.clone()),
                _ => {}
            }
        }
        for name in absent {
            self.entries.remove(&name);
        }
        changed.iter().filter_map(|name| self.set(name, Found::Unknown)).collect()
    }

    /// Whether a stack is in progress or will soon be.
    pub(super) fn is_moving(&self, now: Instant) -> bool {
        self.entries.values().any(|entry| {
            recent(entry, now) || matches!(&entry.found, Found::Stack(stack) if in_progress(&stack.status))
        })
    }
}

fn recent(entry: &Entry, now: Instant) -> bool {
    entry.mutated.is_some_and(|mutated| now.saturating_duration_since(mutated) < SETTLES_AFTER)
}

#[cfg(test)]
mod tests;
