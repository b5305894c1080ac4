//! Log lines, and the filter that can be changed while the operator runs.

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

use super::options::LogFormat;

/// The names of levels, as they are told to who gave another one.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Why logging is not as it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter is not one.
    #[error(
        "failed to read {directive:?} in the log filter: allowed is a list, separated by commas, of LEVEL or TARGET=LEVEL, \
         where LEVEL is one of {} and TARGET has letters, digits, _ and ::, such as `info,kube=warn`", LEVELS.join(", ")
    )]
    ParseFilter {
        /// The part of the filter that is wrong.
        directive: String,
    },
    /// Another subscriber was installed before.
    #[error("failed to install the log subscriber")]
    InstallSubscriber(#[source] tracing_subscriber::util::TryInitError),
    /// The subscriber is gone.
    #[error("failed to change the log filter")]
    ReloadFilter(#[source] reload::Error),
}

/// The filter that is in force.
#[derive(Clone, Debug)]
pub struct LogLevel(reload::Handle<EnvFilter, Registry>);

impl LogLevel {
    /// The filter as text.
    pub fn current(&self) -> Result<String, Error> {
        self.0.with_current(ToString::to_string).map_err(Error::ReloadFilter)
    }

    /// Puts another filter in force.
    pub fn set(&self, filter: &str) -> Result<(), Error> {
        self.0.reload(parse(filter)?).map_err(Error::ReloadFilter)
    }
}

/// Starts logging to standard error for the whole process.
pub fn start(format: LogFormat, filter: &str) -> Result<LogLevel, Error> {
    let (filter, handle) = reload::Layer::new(parse(filter)?);
    let lines = match format {
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(std::io::stderr).boxed(),
        LogFormat::Text => fmt::layer().with_writer(std::io::stderr).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init().map_err(Error::InstallSubscriber)?;
    Ok(LogLevel(handle))
}

/// Whether `filter` is one that [`start`] and [`LogLevel::set`] take.
pub fn check(filter: &str) -> Result<(), Error> {
    parse(filter).map(drop)
}

/// `EnvFilter` takes an unknown level for a target and shows all its lines, so `debgu` would silently switch everything
/// else off. We take the two plain forms alone and leave its span filters out.
fn parse(filter: &str) -> Result<EnvFilter, Error> {
    for directive in filter.split(',') {
        let (target, level) =
            directive.split_once('=').map_or((None, directive), |(target, level)| (Some(target), level));
        let named = |character: char| character.is_ascii_alphanumeric() || "_:".contains(character);
        let target_is_fine = target.is_none_or(|target| !target.is_empty() && target.chars().all(named));
        if !target_is_fine || !LEVELS.iter().any(|known| level.eq_ignore_ascii_case(known)) {
            return Err(Error::ParseFilter { directive: directive.to_owned() });
        }
    }
    EnvFilter::builder().parse(filter).map_err(|_| Error::ParseFilter { directive: filter.to_owned() })
}

/// A filter whose subscriber belongs to a test instead of the process.
#[cfg(test)]
pub(crate) fn for_tests(filter: &str) -> (LogLevel, impl tracing::Subscriber + Send + Sync + use<>) {
    let (layer, handle) = reload::Layer::new(parse(filter).expect("the test's filter is valid"));
    (LogLevel(handle), tracing_subscriber::registry().with(layer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_of_levels_and_targets_are_taken() {
        for filter in ["info", "INFO", "info,kube=warn", "off", "warn,tairyo::site=debug,kube_client=trace"] {
            check(filter).expect(filter);
        }
    }

    #[test]
    fn other_filters_are_answered_with_what_is_allowed() {
        for filter in ["", "debgu", "info,", "kube=loud", "=info", "[span]=info", "info, kube=warn", "kube"] {
            let error = check(filter).expect_err(filter).to_string();
            assert!(error.contains("one of off, error, warn, info, debug, trace"), "{error}");
        }
    }

    #[test]
    fn a_filter_is_changed_while_the_subscriber_lives() {
        let (level, subscriber) = for_tests("info");
        level.set("debug,kube=warn").expect("a valid filter");
        let current = level.current().expect("the subscriber lives");
        assert!(current.contains("debug") && current.contains("kube=warn"), "{current}");
        level.set("nonsense").expect_err("not a level");
        assert_eq!(level.current().expect("the subscriber lives"), current);
        drop(subscriber);
        assert!(matches!(level.set("info"), Err(Error::ReloadFilter(_))));
    }
}
