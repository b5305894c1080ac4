//! Watching the stacks of one account and region, so that what is at rest costs nothing.
//!
//! A walk over everything fills the cache once, and again every ten minutes for what happened behind our back. While one
//! of our stacks moves, a walk over what is in progress, mostly one call, finds those that came or left. What a walk finds
//! wakes the site. So the cost follows what moves, not the number of sites.

mod cache;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use tracing::{info, warn};

use super::port::{CloudFormation, Error, Stack};
use cache::{Cache, Found, name_of};

/// How long a pass waits for the first walk; what waits longer comes back by its back-off.
const PATIENCE: Duration = Duration::from_secs(5);
/// The first wait after a walk that failed; doubled at each failure.
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// The longest wait after a walk that failed.
const LONGEST_RETRY: Duration = Duration::from_mins(5);

/// A site, by what its stacks' tags say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// How often is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Periods {
    /// Between walks over what is in progress, while something is.
    pub in_progress: Duration,
    /// Between walks over everything; each time differs by up to a tenth.
    pub everything: Duration,
}

impl Default for Periods {
    fn default() -> Self {
        Self { in_progress: Duration::from_secs(10), everything: Duration::from_mins(10) }
    }
}

/// How far the first walk is. Until it is done nothing is known, and nothing is answered from the cache.
#[derive(Clone, Debug)]
enum First {
    Pending,
    Failed(Error),
    Done,
}

/// The watcher of one account and region.
pub(super) struct Watcher {
    port: Arc<dyn CloudFormation>,
    cache: Mutex<Cache>,
    first: watch::Sender<First>,
    begun: Notify,
    wake: mpsc::UnboundedSender<SiteKey>,
    periods: Periods,
}

impl Watcher {
    pub(super) fn new(
        port: Arc<dyn CloudFormation>,
        cluster: &str,
        wake: mpsc::UnboundedSender<SiteKey>,
        periods: Periods,
    ) -> Self {
        let (first, _) = watch::channel(First::Pending);
        Self { port, cache: Mutex::new(Cache::new(cluster)), first, begun: Notify::new(), wake, periods }
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Cache) -> T) -> T {
        use_it(&mut self.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wake(&self, sites: impl IntoIterator<Item = SiteKey>) {
        for site in sites {
            if self.wake.send(site).is_err() {
                // Nobody listens any more: the process is ending.
                return;
            }
        }
    }

    /// A stack by name from the cache, which the first caller waits to be filled; else one live call. By id always live.
    pub(super) async fn describe(&self, stack: &str) -> Result<Stack, Error> {
        if name_of(stack) == stack {
            self.filled().await?;
            match self.with(|cache| cache.look(stack)) {
                Found::Stack(known) => return Ok(*known),
                Found::Absent => return Err(Error::NotFound(format!("the stack {stack}"))),
                Found::Unknown => {}
            }
        }
        let ticket = self.with(|cache| cache.ticket());
        let answer = self.port.describe(stack).await;
        self.with(|cache| cache.store(name_of(stack), ticket, &answer));
        if matches!(&answer, Ok(stack) if stack.status.ends_with("_IN_PROGRESS")) {
            self.begun.notify_one();
        }
        answer
    }

    async fn filled(&self) -> Result<(), Error> {
        let mut first = self.first.subscribe();
        let walked = tokio::time::timeout(PATIENCE, first.wait_for(|first| !matches!(first, First::Pending))).await;
        match walked.map(|first| first.map(|first| first.clone())) {
            Ok(Ok(First::Done)) => Ok(()),
            // The walk is tried again by itself. That each caller tried it would be the storm that it spares us.
            Ok(Ok(First::Failed(error))) => Err(error),
            _ => Err(Error::Throttled("the first look at all stacks of the account is still under way".into())),
        }
    }

    /// We have begun an operation on the stack, or tried to.
    pub(super) fn mutated(&self, stack: &str) {
        let now = Instant::now().into_std();
        self.with(|cache| cache.mutated(name_of(stack), now));
        self.begun.notify_one();
    }

    /// We have created the stack, or tried to.
    pub(super) fn created(&self, name: &str, tags: &BTreeMap<String, String>) {
        let now = Instant::now().into_std();
        self.with(|cache| cache.created(name, tags, now));
        self.begun.notify_one();
    }

    /// Somebody says that the stack has changed.
    pub(super) fn hint(&self, stack: &str) {
        self.wake(self.with(|cache| cache.hint(name_of(stack))));
    }

    /// Walks until it is dropped.
    pub(super) async fn run(&self) {
        let mut failures = 0;
        let mut everything = Instant::now();
        let mut in_progress = Instant::now();
        let mut was_moving = false;
        loop {
            let moving = self.with(|cache| cache.is_moving(Instant::now().into_std()));
            if moving && !was_moving {
                in_progress = in_progress.max(Instant::now() + self.periods.in_progress);
            }
            was_moving = moving;
            let due = if moving { everything.min(in_progress) } else { everything };
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = self.begun.notified() => continue,
            }
            let all = due == everything;
            let walked = if all { self.walk().await } else { self.walk_in_progress().await };
            let pause = match walked {
                Ok(moved) => {
                    if failures > 0 {
                        info!("the stacks of the account can be listed again");
                    }
                    failures = 0;
                    self.wake(moved);
                    if all { jittered(self.periods.everything) } else { self.periods.in_progress }
                }
                Err(error) => {
                    // What was known stays: it is the best that is known.
                    if failures == 0 {
                        warn!(%error, "the stacks of the account cannot be listed; trying again until they can");
                    }
                    failures += 1;
                    let retry =
                        jittered(FIRST_RETRY.saturating_mul(2_u32.saturating_pow(failures - 1)).min(LONGEST_RETRY));
                    if all { retry } else { retry.max(self.periods.in_progress) }
                }
            };
            let next = Instant::now() + pause;
            if all {
                everything = next;
            } else {
                in_progress = next;
            }
        }
    }

    async fn walk(&self) -> Result<BTreeSet<SiteKey>, Error> {
        let ticket = self.with(|cache| cache.ticket());
        let stacks = self.port.describe_all().await;
        let before = self.first.borrow().clone();
        match stacks {
            Ok(stacks) => {
                let moved = self.with(|cache| cache.walked(ticket, stacks, Instant::now().into_std()));
                self.first.send_replace(First::Done);
                // At the first walk everything is new, and the sites are being looked at anyway. Where it failed before,
                // they have been sent away, and wait for minutes if nobody wakes them.
                Ok(if matches!(before, First::Pending) { BTreeSet::new() } else { moved })
            }
            Err(error) => {
                if !matches!(before, First::Done) {
                    self.first.send_replace(First::Failed(error.clone()));
                }
                Err(error)
            }
        }
    }

    async fn walk_in_progress(&self) -> Result<BTreeSet<SiteKey>, Error> {
        let ticket = self.with(|cache| cache.ticket());
        let stacks = self.port.list_in_progress().await?;
        Ok(self.with(|cache| cache.walked_in_progress(ticket, stacks)))
    }
}

/// Between nine and eleven tenths, so that accounts that began together do not walk together.
fn jittered(period: Duration) -> Duration {
    period.mul_f64(0.9 + rand::random::<f64>() * 0.2)
}
