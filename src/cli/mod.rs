//! The commands that people and pods run.

mod check_installation;
pub mod crds;
mod gateway;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::operator::options::OperatorOptions;
use crate::{operator, site};

/// WordPress sites as Kubernetes resources.
#[derive(Parser)]
#[command(
    version,
    about,
    arg_required_else_help = true,
    after_help = "Examples:\n  tairyo crds | kubectl apply --server-side -f -\n  tairyo operator --log-format text"
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the operator: watch `WordPressSite` objects and make them true.
    Operator(Box<OperatorOptions>),
    /// Print the custom resource definitions as YAML.
    Crds(crds::Options),
    /// Run the sidecar of a WordPress pod, or ask whether it is ready.
    Gateway(gateway::Options),
    /// Ask the operator whether it is ready, as `helm test` does.
    CheckInstallation(check_installation::Options),
}

/// Runs the command line of this process.
pub async fn run() -> ExitCode {
    let result: Result<(), Box<dyn std::error::Error>> = match CommandLine::parse().command {
        Command::Operator(options) => {
            Box::pin(operator::run(*options, site::controller::run)).await.map_err(Into::into)
        }
        Command::Crds(options) => crds::run(&options).map_err(Into::into),
        Command::Gateway(options) => gateway::run(options).await.map_err(Into::into),
        Command::CheckInstallation(options) => check_installation::run(&options).await.map_err(Into::into),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes, for a person at a terminal or reading the log of a pod that ended.
#[allow(clippy::print_stderr, reason = "there may be no log yet, and this is the last thing the process says")]
fn complain(error: &dyn std::error::Error) {
    eprintln!("tairyo: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  caused by: {error}");
        cause = error.source();
    }
}
