//! How many calls we make in an account and region, whatever the number of sites.
//!
//! `CloudFormation` counts calls per account and region, and does not publish how many it takes. Reports of pollers that
//! were refused begin at some tens of stacks looked at every few seconds, that is at about 10 calls in a second
//! (<https://github.com/aws/aws-cli/issues/2948>), and others in the account share that number: people at the console,
//! pipelines. So the operator takes a fifth of it for reads. What is at rest costs next to nothing (see `accounts`), so
//! 2 in a second are looks at 120 moving stacks in a minute. Mutations are rarer and dearer: one in two seconds starts a
//! thousand sites of six stacks in about three hours, and that many Aurora clusters need longer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::port::Error;

/// The longest that a pass of a site waits for its turn. Longer waits are for the queue, which holds no worker meanwhile.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Calls that may be made: a store of `burst`, filled up by `per_second`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Calls in a second, in the long run.
    pub per_second: f64,
    /// Calls at once after a rest.
    pub burst: f64,
}

/// The rate of reads.
pub const READS: Rate = Rate { per_second: 2.0, burst: 20.0 };
/// The rate of mutations.
pub const MUTATIONS: Rate = Rate { per_second: 0.5, burst: 5.0 };

/// A token bucket. A taker that has to wait has its token already: the next one waits behind it, so waits are in order.
#[derive(Clone, Debug)]
struct Bucket {
    rate: Rate,
    /// Below zero: tokens that are promised to those who wait.
    level: f64,
    at: Instant,
}

impl Bucket {
    fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, level: rate.burst, at: now }
    }

    /// Takes a token and answers how long to wait for it; or, where that is more than `patience`, takes none and answers
    /// how long it would have been.
    fn take(&mut self, now: Instant, patience: Duration) -> Result<Duration, Duration> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.level = (self.level + passed * self.rate.per_second).min(self.rate.burst);
        let missing = (1.0 - self.level).max(0.0);
        let wait = Duration::try_from_secs_f64(missing / self.rate.per_second).unwrap_or(Duration::MAX);
        if wait > patience {
            return Err(wait);
        }
        self.level -= 1.0;
        Ok(wait)
    }
}

/// The calls of all clients of one account and region.
#[derive(Debug)]
pub struct Budget {
    reads: Mutex<Bucket>,
    mutations: Mutex<Bucket>,
}

impl Budget {
    /// A budget of [`READS`] and [`MUTATIONS`].
    #[must_use]
    pub fn new() -> Self {
        Self::with(READS, MUTATIONS)
    }

    /// A budget of these rates.
    #[must_use]
    pub fn with(reads: Rate, mutations: Rate) -> Self {
        let now = tokio::time::Instant::now().into_std();
        Self { reads: Mutex::new(Bucket::new(reads, now)), mutations: Mutex::new(Bucket::new(mutations, now)) }
    }

    /// Waits for a read to be allowed, or says that it would take longer than [`PATIENCE`].
    pub async fn read(&self) -> Result<(), Error> {
        turn(&self.reads, PATIENCE, "reads").await
    }

    /// Waits for a read of a walk to be allowed, however long: a walk holds no worker.
    pub async fn walk(&self) -> Result<(), Error> {
        turn(&self.reads, Duration::MAX, "reads").await
    }

    /// Waits for a mutation to be allowed, or says that it would take longer than [`PATIENCE`].
    pub async fn mutate(&self) -> Result<(), Error> {
        turn(&self.mutations, PATIENCE, "mutations").await
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

async fn turn(bucket: &Mutex<Bucket>, patience: Duration, of: &str) -> Result<(), Error> {
    let now = tokio::time::Instant::now().into_std();
    let taken = bucket.lock().unwrap_or_else(PoisonError::into_inner).take(now, patience);
    match taken {
        Ok(wait) => {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            Ok(())
        }
        Err(wait) => Err(Error::Throttled(format!(
            "the operator's own budget of {of} in this account is used up for the next {} seconds",
            wait.as_secs()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: Rate = Rate { per_second: 2.0, burst: 3.0 };

    #[test]
    fn a_burst_is_free_and_what_comes_after_it_waits_in_order() {
        let now = Instant::now();
        let mut bucket = Bucket::new(RATE, now);
        let waits: Vec<u128> =
            (0..6).map(|_| bucket.take(now, PATIENCE).expect("the wait is short").as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 500, 1000, 1500]);
    }

    #[test]
    fn a_wait_that_is_too_long_is_refused_and_takes_nothing() {
        let now = Instant::now();
        let mut bucket = Bucket::new(RATE, now);
        while bucket.take(now, PATIENCE).is_ok() {}
        let refused = bucket.take(now, PATIENCE).expect_err("the bucket is used up");
        assert_eq!(refused, Duration::from_millis(5500));
        assert_eq!(bucket.take(now, PATIENCE), Err(refused), "a refusal makes the next wait no longer");
        let later = now + Duration::from_millis(500);
        assert_eq!(bucket.take(later, PATIENCE), Ok(Duration::from_secs(5)));
    }

    #[test]
    fn a_rest_fills_no_more_than_the_burst() {
        let now = Instant::now();
        let mut bucket = Bucket::new(RATE, now);
        let later = now + Duration::from_hours(1);
        let free = (0..10).filter(|_| bucket.take(later, PATIENCE) == Ok(Duration::ZERO)).count();
        assert_eq!(free, 3);
    }

    proptest! {
        #[test]
        fn no_sequence_of_calls_gets_more_than_burst_and_rate(pauses in proptest::collection::vec(0_u64..2_000, 1..200)) {
            let start = Instant::now();
            let mut bucket = Bucket::new(RATE, start);
            let mut now = start;
            let mut begins = Vec::new();
            for pause in pauses {
                now += Duration::from_millis(pause);
                if let Ok(wait) = bucket.take(now, PATIENCE) {
                    begins.push(now + wait);
                }
            }
            for (index, begin) in begins.iter().enumerate() {
                let allowed = RATE.burst + (*begin - start).as_secs_f64() * RATE.per_second;
                prop_assert!(f64::from(u32::try_from(index + 1).expect("it is a small number")) <= allowed + 1e-6);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_walk_waits_for_its_turn_where_a_pass_is_sent_away() {
        let budget = Budget::with(Rate { per_second: 1.0, burst: 1.0 }, MUTATIONS);
        let begin = tokio::time::Instant::now();
        for _ in 0..20 {
            budget.walk().await.expect("a walk is never sent away");
        }
        assert_eq!(begin.elapsed().as_secs(), 19);
        let walks = futures::future::join_all((0..8).map(|_| budget.walk()));
        let pass = async {
            tokio::task::yield_now().await;
            budget.read().await
        };
        let (walks, pass) = futures::join!(walks, pass);
        assert!(walks.into_iter().all(|walk| walk.is_ok()));
        assert!(matches!(pass, Err(Error::Throttled(_))), "{pass:?}");
        budget.mutate().await.expect("mutations have a budget of their own");
    }
}
