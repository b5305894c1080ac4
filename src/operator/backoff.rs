//! How long each object that fails waits until it is tried again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The wait after the first failure, before jitter.
const FIRST: Duration = Duration::from_secs(1);
/// No object waits longer.
const LONGEST: Duration = Duration::from_mins(5);

/// The failures in a row of every object, by uid. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Backoff(Arc<Mutex<HashMap<String, u32>>>);

impl Backoff {
    /// No object has failed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes one more failure of the object and answers how long it waits now.
    #[must_use]
    pub fn failure(&self, uid: &str) -> Duration {
        let failures = self.with(|objects| {
            let failures = objects.entry(uid.to_owned()).or_default();
            *failures = failures.saturating_add(1);
            *failures
        });
        wait(failures, rand::random())
    }

    /// The object succeeded: its next failure is its first.
    pub fn success(&self, uid: &str) {
        self.forget(uid);
    }

    /// The object is gone. Without this, objects that failed until they were deleted would stay in memory.
    pub fn forget(&self, uid: &str) {
        self.with(|objects| objects.remove(uid));
    }

    /// How often the object failed since it last succeeded.
    #[must_use]
    pub fn failures(&self, uid: &str) -> u32 {
        self.with(|objects| objects.get(uid).copied().unwrap_or_default())
    }

    /// How many objects failed last time.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.with(|objects| objects.len())
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut HashMap<String, u32>) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Twice as long at each failure; of that, between a half and all (`random` is in 0..1), so that objects which one cause
/// made fail together do not come back together.
fn wait(failures: u32, random: f64) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    doubled.min(LONGEST).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_wait_doubles_until_five_minutes() {
        let seconds: Vec<_> = (1..=11).map(|failures| wait(failures, 1.0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(wait(u32::MAX, 1.0), LONGEST);
    }

    proptest! {
        #[test]
        fn jitter_takes_a_half_at_most(failures in 1_u32.., random in 0.0..1.0_f64) {
            let (longest, jittered) = (wait(failures, 1.0), wait(failures, random));
            prop_assert!(jittered >= longest / 2 && jittered <= longest);
        }
    }

    #[test]
    fn objects_wait_each_on_their_own_and_a_success_starts_anew() {
        let backoff = Backoff::new();
        for _ in 0..5 {
            assert!(backoff.failure("a") <= LONGEST);
        }
        assert!(backoff.failure("b") <= FIRST);
        assert_eq!((backoff.failures("a"), backoff.failures("b"), backoff.objects()), (5, 1, 2));
        backoff.success("a");
        assert!(backoff.clone().failure("a") <= FIRST);
        backoff.forget("a");
        backoff.forget("b");
        assert_eq!(backoff.objects(), 0);
    }
}
