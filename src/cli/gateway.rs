//! `tairyo gateway`: the sidecar of a pod, and the probe of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::gateway::{self, client};
use crate::operator::{LogFormat, telemetry};

/// What to do.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  tairyo gateway --configuration /etc/tairyo/gateway.json\n  \
                  tairyo gateway ready --socket /run/tairyo/gateway.sock"
)]
pub struct Options {
    #[command(subcommand)]
    command: Option<Command>,

    /// The JSON file that says where to listen and which secrets to read
    #[arg(long, env = "TAIRYO_GATEWAY_CONFIGURATION", value_name = "FILE", default_value = "/etc/tairyo/gateway.json")]
    configuration: PathBuf,

    /// Seconds between two reads of a secret; each time differs by up to a tenth
    #[arg(long, env = "TAIRYO_GATEWAY_REFRESH_SECONDS", value_name = "SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    refresh_seconds: u32,

    /// How log lines are written
    #[arg(long, env = "TAIRYO_LOG_FORMAT", value_enum, value_name = "FORMAT", default_value_t = LogFormat::Json)]
    log_format: LogFormat,

    /// Which log lines are written: levels, or target=level, separated by commas
    #[arg(long, env = "TAIRYO_LOG_LEVEL", value_name = "FILTER", default_value = "info", value_parser = log_level)]
    log_level: String,
}

#[derive(Subcommand)]
enum Command {
    /// End with status 0 if the gateway of this pod has written all credentials; for the kubelet's probes.
    #[command(after_help = "Examples:\n  tairyo gateway ready --socket /run/tairyo/gateway.sock")]
    Ready {
        /// The socket of the gateway
        #[arg(long, value_name = "FILE", default_value = "/run/tairyo/gateway.sock")]
        socket: PathBuf,
    },
}

/// Why it ended otherwise than it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The gateway.
    #[error("failed to run the gateway")]
    Run(#[from] gateway::Error),
    /// The probe.
    #[error("failed to find a gateway that is ready")]
    Ready(#[from] client::Error),
}

/// Runs the gateway, or asks one.
pub async fn run(options: Options) -> Result<(), Error> {
    if let Some(Command::Ready { socket }) = options.command {
        return Ok(client::ready(&socket).await?);
    }
    let options = gateway::Options {
        configuration: options.configuration,
        refresh: Duration::from_secs(options.refresh_seconds.into()),
        log_format: options.log_format,
        log_level: options.log_level,
    };
    Ok(gateway::run(&options).await?)
}

fn log_level(value: &str) -> Result<String, String> {
    telemetry::check(value).map(|()| value.to_owned()).map_err(|error| error.to_string())
}
