//! Keeps what was read up to date: by the clock, and at once when it was refused.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::material::Material;
use super::metrics::Metrics;
use super::store::SecretStore;
use crate::operator::health::Readiness;

/// However many ask, the store is asked no more often: a database that refuses everybody must not become a bill.
const LEAST_TIME_BETWEEN_REFRESHES: Duration = Duration::from_secs(5);
/// The wait after the first failure, doubled with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Each wait differs by up to this part, so that the pods of a site do not ask together.
const JITTER: f64 = 0.1;

/// What became of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The store was asked, and the files differ now.
    Changed,
    /// The store was asked; the files are what they were.
    Unchanged,
    /// The store was asked a moment ago.
    TooSoon,
    /// The store could not be asked, for the reason of this code; the files are what they were.
    Failed(String),
}

/// Keeps one [`Material`].
pub struct Keeper {
    material: Material,
    store: Arc<dyn SecretStore>,
    readiness: Readiness,
    metrics: Metrics,
    /// When the store was last asked. Held while it is: who asks meanwhile finds the answer written.
    last: Mutex<Option<Instant>>,
}

impl Keeper {
    /// Nothing is read yet, so the check of this material fails until it is.
    #[must_use]
    pub fn new(material: Material, store: Arc<dyn SecretStore>, readiness: Readiness, metrics: Metrics) -> Self {
        readiness.failing(material.name(), "not read yet");
        Self { material, store, readiness, metrics, last: Mutex::default() }
    }

    /// Reads again because a reader was refused with what is there.
    pub async fn refresh(&self) -> Refreshed {
        let mut last = self.last.lock().await;
        if last.is_some_and(|last| last.elapsed() < LEAST_TIME_BETWEEN_REFRESHES) {
            return Refreshed::TooSoon;
        }
        self.read(&mut last).await
    }

    /// Reads now and then again after each `interval`, until `shutdown`; after a failure sooner.
    pub async fn follow(&self, interval: Duration, shutdown: CancellationToken) {
        let mut failures = 0;
        loop {
            let wait = tokio::select! {
                () = shutdown.cancelled() => return,
                refreshed = async { self.read(&mut *self.last.lock().await).await } => {
                    let failed = matches!(refreshed, Refreshed::Failed(_));
                    failures = if failed { failures + 1 } else { 0 };
                    if failed { retry(failures).min(interval) } else { interval }
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = sleep(jittered(wait, rand::random())) => {}
            }
        }
    }

    async fn read(&self, last: &mut Option<Instant>) -> Refreshed {
        let name = self.material.name();
        let result = self.material.bring(self.store.as_ref()).await;
        *last = Some(Instant::now());
        self.metrics.material_read(name, result.as_ref().err().map_or("OK", |error| error.code()));
        match result {
            Ok(changed) => {
                self.readiness.ready(name);
                if changed {
                    tracing::info!(material = name, "Written");
                }
                if changed { Refreshed::Changed } else { Refreshed::Unchanged }
            }
            // Ready stays ready: what was written last may well be good still.
            Err(error) => {
                tracing::warn!(material = name, %error, code = error.code(), "Failed to read; the files stay as they are");
                Refreshed::Failed(error.code().to_owned())
            }
        }
    }
}

fn retry(failures: u32) -> Duration {
    FIRST_RETRY.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1)))
}

/// `random` is from 0 to 1.
fn jittered(wait: Duration, random: f64) -> Duration {
    wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * random)
}

#[cfg(test)]
mod tests {
    use super::super::files::for_tests::Folder;
    use super::super::store::for_tests::Scripted;
    use super::*;

    const ONE: Result<&str, &str> = Ok(r#"{"username":"u","password":"one"}"#);
    const TWO: Result<&str, &str> = Ok(r#"{"username":"u","password":"two"}"#);
    const DENIED: Result<&str, &str> = Err("AccessDeniedException");
    const MINUTE: Duration = Duration::from_mins(1);

    struct Bench {
        keeper: Arc<Keeper>,
        store: Arc<Scripted>,
        readiness: Readiness,
        folder: Folder,
    }

    impl Bench {
        fn new<const N: usize>(answers: [Result<&'static str, &'static str>; N]) -> Self {
            let folder = Folder::new();
            let store = Arc::new(Scripted::new(answers));
            let readiness = Readiness::new();
            let material = Material::Database { arn: "a".into(), folder: folder.path().to_owned() };
            let keeper = Arc::new(Keeper::new(material, store.clone(), readiness.clone(), Metrics::new()));
            Self { keeper, store, readiness, folder }
        }

        fn password(&self) -> Option<String> {
            std::fs::read_to_string(self.folder.path().join("password")).ok()
        }

        fn is_ready(&self) -> bool {
            self.readiness.report().0
        }

        async fn follow_for(&self, time: Duration) {
            let shutdown = CancellationToken::new();
            let (keeper, until) = (self.keeper.clone(), shutdown.clone());
            let following = tokio::spawn(async move { keeper.follow(MINUTE, until).await });
            sleep(time).await;
            shutdown.cancel();
            following.await.expect("it ends when it is told to");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotation_is_followed_within_the_interval() {
        let bench = Bench::new([ONE, TWO]);
        assert!(!bench.is_ready());
        bench.follow_for(Duration::from_secs(50)).await;
        assert_eq!((bench.password().as_deref(), bench.is_ready()), (Some("one"), true));
        bench.follow_for(Duration::from_secs(70)).await;
        assert_eq!(bench.password().as_deref(), Some("two"));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_tried_again_ever_later_and_leave_ready_what_was_ready() {
        let bench = Bench::new([DENIED]);
        bench.follow_for(Duration::from_mins(10)).await;
        let asked = bench.store.asked().len();
        // 1, 2, 4 ... 32 seconds, then each minute.
        assert!((12..=18).contains(&asked), "{asked}");
        assert!(!bench.is_ready() && bench.password().is_none());

        let bench = Bench::new([ONE, DENIED]);
        bench.follow_for(Duration::from_mins(5)).await;
        assert_eq!((bench.password().as_deref(), bench.is_ready()), (Some("one"), true));
    }

    #[tokio::test(start_paused = true)]
    async fn refreshes_ask_at_most_once_in_five_seconds() {
        let bench = Bench::new([ONE, TWO, DENIED]);
        assert_eq!(bench.keeper.refresh().await, Refreshed::Changed);
        for _ in 0..100 {
            assert_eq!(bench.keeper.refresh().await, Refreshed::TooSoon);
        }
        sleep(LEAST_TIME_BETWEEN_REFRESHES).await;
        assert_eq!(bench.keeper.refresh().await, Refreshed::Changed);
        sleep(LEAST_TIME_BETWEEN_REFRESHES).await;
        assert_eq!(bench.keeper.refresh().await, Refreshed::Failed("AccessDeniedException".into()));
        assert_eq!((bench.store.asked().len(), bench.password().as_deref()), (3, Some("two")));
    }

    #[test]
    fn waits_differ_by_a_tenth_at_most() {
        assert_eq!(jittered(MINUTE, 0.0), Duration::from_secs(54));
        assert_eq!(jittered(MINUTE, 1.0), Duration::from_secs(66));
        assert_eq!((retry(1), retry(3)), (FIRST_RETRY, FIRST_RETRY * 4));
        assert!(retry(u32::MAX) > MINUTE);
    }
}
