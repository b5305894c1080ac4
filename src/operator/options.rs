//! What `tairyo operator` can be told, by flag or by environment.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use super::telemetry;

/// The flags of `tairyo operator`. A flag wins over its environment variable.
#[derive(Args, Clone, Debug)]
pub struct OperatorOptions {
    /// Where /livez, /readyz, /metrics and /log-level are served
    #[arg(long, env = "TAIRYO_ADDRESS", value_name = "IP:PORT", default_value = "0.0.0.0:8080")]
    pub address: SocketAddr,

    /// The namespace of the leader election's Lease [default: the one of the service account or kubeconfig]
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE", value_parser = dns_label)]
    pub namespace: Option<String>,

    /// The name of this replica in the Lease and in Events; no two replicas may share it [default: hostname-random]
    #[arg(long, env = "POD_NAME", value_name = "NAME", value_parser = identity)]
    pub identity: Option<String>,

    /// Let only the holder of the Lease reconcile; false is for a single replica only
    #[arg(long, env = "TAIRYO_LEADER_ELECTION", value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    pub leader_election: bool,

    /// Namespaces, separated by commas, of the sites to run [default: all]
    #[arg(long, env = "TAIRYO_WATCH_NAMESPACES", value_name = "NAMESPACES", value_delimiter = ',',
          value_parser = dns_label)]
    pub watch_namespaces: Vec<String>,

    /// A directory of classes as YAML files, which are applied when this replica leads
    #[arg(long, env = "TAIRYO_CLASS_DIRECTORY", value_name = "DIRECTORY")]
    pub class_directory: Option<PathBuf>,

    /// How many sites are reconciled at the same time
    #[arg(long, env = "TAIRYO_CONCURRENCY", value_name = "COUNT", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub concurrency: u16,

    /// Minutes until an unchanged site is looked at again; each time differs by up to a tenth
    #[arg(long, env = "TAIRYO_RESYNC_MINUTES", value_name = "MINUTES", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=1440))]
    pub resync_minutes: u32,

    /// The tairyo-wordpress image of sites that name none
    #[arg(long, env = "TAIRYO_WORDPRESS_IMAGE", value_name = "IMAGE", value_parser = image)]
    pub wordpress_image: String,

    /// The tairyo-mariadb image of sites with an in-cluster database
    #[arg(long, env = "TAIRYO_DATABASE_IMAGE", value_name = "IMAGE", value_parser = image)]
    pub database_image: String,

    /// The tairyo image of the sidecar in pods with AWS work
    #[arg(long, env = "TAIRYO_GATEWAY_IMAGE", value_name = "IMAGE", value_parser = image)]
    pub gateway_image: String,

    /// The name of this cluster, a tag of every stack; two clusters of one AWS account should have two names
    #[arg(long, env = "TAIRYO_CLUSTER_NAME", value_name = "NAME", default_value = "default", value_parser = cluster_name)]
    pub cluster_name: String,

    /// Seconds between two looks at the stacks that something happens to
    #[arg(long, env = "TAIRYO_AWS_POLL_SECONDS", value_name = "SECONDS", default_value_t = 15,
          value_parser = clap::value_parser!(u32).range(1..=600))]
    pub aws_poll_seconds: u32,

    /// How log lines are written
    #[arg(long, env = "TAIRYO_LOG_FORMAT", value_enum, value_name = "FORMAT", default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// Which log lines are written: levels, or target=level, separated by commas; `PUT /log-level` changes it later
    #[arg(long, env = "TAIRYO_LOG_LEVEL", value_name = "FILTER", default_value = "info,kube=warn",
          value_parser = log_level)]
    pub log_level: String,

    /// Seconds that running passes get to finish after SIGTERM; keep it below terminationGracePeriodSeconds
    #[arg(long, env = "TAIRYO_SHUTDOWN_GRACE_SECONDS", value_name = "SECONDS", default_value_t = 25,
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub shutdown_grace_seconds: u32,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line
    Json,
    /// For people
    Text,
}

impl OperatorOptions {
    /// The time between two passes of an unchanged site, without jitter.
    #[must_use]
    pub fn resync(&self) -> Duration {
        Duration::from_secs(u64::from(self.resync_minutes) * 60)
    }

    /// The time between two looks at what AWS works on.
    #[must_use]
    pub fn aws_poll(&self) -> Duration {
        Duration::from_secs(u64::from(self.aws_poll_seconds))
    }

    /// The namespaces of the sites to run, each once; none means all.
    #[must_use]
    pub fn watched_namespaces(&self) -> Vec<String> {
        let each: BTreeSet<_> = self.watch_namespaces.iter().cloned().collect();
        each.into_iter().collect()
    }

    /// What running passes get after the first signal.
    #[must_use]
    pub fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(u64::from(self.shutdown_grace_seconds))
    }

    /// Replaces an identity that was not given. Two replicas with one identity would both believe that they lead, so
    /// the hostname alone, which a host network shares, is not enough.
    pub(super) fn settle_identity(&mut self) -> String {
        self.identity
            .get_or_insert_with(|| {
                let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
                let hostname = match hostname.trim() {
                    "" => "tairyo",
                    hostname => hostname,
                };
                format!("{hostname}-{:08x}", rand::random::<u32>())
            })
            .clone()
    }
}

fn dns_label(value: &str) -> Result<String, String> {
    let allowed = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    let label = !value.is_empty() && value.len() <= 63 && value.chars().all(allowed);
    if label && !value.starts_with('-') && !value.ends_with('-') {
        return Ok(value.to_owned());
    }
    Err("a namespace has 1 to 63 of a-z, 0-9 and -, and neither starts nor ends with -".to_owned())
}

fn identity(value: &str) -> Result<String, String> {
    // The Events API refuses a longer reportingInstance.
    if !value.is_empty() && value.len() <= 128 && value.chars().all(|character| character.is_ascii_graphic()) {
        return Ok(value.to_owned());
    }
    Err("an identity has 1 to 128 visible ASCII characters without spaces; a pod name is one".to_owned())
}

fn cluster_name(value: &str) -> Result<String, String> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if !value.is_empty() && value.len() <= 100 && value.chars().all(allowed) {
        return Ok(value.to_owned());
    }
    Err("a cluster name has 1 to 100 letters, digits, hyphens, underscores and dots".to_owned())
}

fn image(value: &str) -> Result<String, String> {
    if !value.is_empty() && value.chars().all(|character| character.is_ascii_graphic()) {
        return Ok(value.to_owned());
    }
    Err("an image is a reference such as registry.example.com/tairyo-wordpress:1.0".to_owned())
}

fn log_level(value: &str) -> Result<String, String> {
    telemetry::check(value).map(|()| value.to_owned()).map_err(|error| error.to_string())
}

/// The options as `arguments` and the two images make them.
#[cfg(test)]
fn parse(arguments: &[&str]) -> Result<OperatorOptions, String> {
    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        options: OperatorOptions,
    }
    let always = [
        "tairyo",
        "--wordpress-image",
        "localhost/w:dev",
        "--database-image",
        "localhost/d:dev",
        "--gateway-image",
        "localhost/t:dev",
    ];
    <Command as clap::Parser>::try_parse_from(always.iter().chain(arguments))
        .map(|command| command.options)
        .map_err(|error| error.to_string())
}

/// For the tests of others.
#[cfg(test)]
pub(super) fn for_tests(arguments: &[&str]) -> OperatorOptions {
    parse(arguments).expect("the test's options are valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let options = parse(&[]).expect("the images are enough");
        assert_eq!(options.address.to_string(), "0.0.0.0:8080");
        assert!(options.leader_election);
        assert_eq!((options.concurrency, options.resync()), (32, Duration::from_mins(10)));
        assert_eq!(options.shutdown_grace(), Duration::from_secs(25));
        assert!(options.watch_namespaces.is_empty());
        assert_eq!((options.log_format, options.log_level.as_str()), (LogFormat::Json, "info,kube=warn"));
    }

    #[test]
    fn bad_values_are_answered_with_what_is_allowed() {
        for (arguments, allowed) in [
            (["--namespace", "x-"], "1 to 63 of a-z, 0-9 and -"),
            (["--watch-namespaces", "blogs, shops"], "1 to 63 of a-z, 0-9 and -"),
            (["--identity", ""], "1 to 128 visible ASCII characters"),
            (["--concurrency", "0"], "1..=1000"),
            (["--resync-minutes", "0"], "1..=1440"),
            (["--shutdown-grace-seconds", "0"], "1..=3600"),
            (["--log-level", "loud"], "off, error, warn, info, debug, trace"),
            (["--log-format", "xml"], "json, text"),
            (["--leader-election", "maybe"], "true, false"),
            (["--cluster-name", "a b"], "1 to 100 letters, digits"),
            (["--aws-poll-seconds", "0"], "1..=600"),
            (["--address", "8080"], "invalid socket address"),
        ] {
            let error = parse(&arguments).expect_err("the value is bad");
            assert!(error.contains(allowed), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn namespaces_are_watched_once_however_often_they_are_named() {
        let options = parse(&["--watch-namespaces", "shops,blogs,shops"]).expect("valid");
        assert_eq!(options.watched_namespaces(), ["blogs", "shops"]);
    }

    #[test]
    fn an_identity_that_was_not_given_differs_between_replicas_of_one_host() {
        let mut options = parse(&[]).expect("valid");
        options.identity = None;
        let mut other = options.clone();
        assert_ne!(options.settle_identity(), other.settle_identity());
        assert_eq!(options.settle_identity(), options.settle_identity());
    }
}
