//! The commands that people and pods run.
#![allow(clippy::format_push_string, reason = "screens are short, and `write!` would have an error that cannot happen")]

mod check_installation;
mod cluster;
mod completion;
pub mod crds;
mod events;
mod explain;
mod gateway;
mod logs;
mod manifests;
mod output;
mod outputs;
mod parameters;
mod plan;
mod render;
pub mod rights;
mod status;
mod switches;
mod trace;
mod validate;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use switches::Switch;

use crate::operator::options::OperatorOptions;
use crate::{operator, site};

/// The name under which kubectl runs us: `kubectl tairyo`.
/// <https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/>
const PLUGIN: &str = "kubectl-tairyo";

/// WordPress sites as Kubernetes resources.
#[derive(Parser)]
#[command(
    name = "tairyo",
    version,
    about,
    arg_required_else_help = true,
    after_help = "Examples:\n  tairyo status blog\n  tairyo validate site.yaml\n  tairyo explain ApprovalRequired\n  \
                  tairyo crds | kubectl apply --server-side -f -\n\n\
                  As kubectl-tairyo on the PATH it is `kubectl tairyo`. docs/cli.md lists the rights that each command needs."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show how a site is, why, and what to do next.
    Status(Box<status::Options>),
    /// Show the tree of a site: stacks, pods, and what failed.
    Trace(Box<trace::Options>),
    /// List the events of a site and its objects.
    Events(Box<events::Options>),
    /// Show the lines of a site's pods and of the operator, merged by time.
    Logs(Box<logs::Options>),
    /// Show what the managed parts are called, and the DNS records to create.
    Outputs(Box<outputs::Options>),
    /// Show what an edited manifest would change, and what that costs; nothing is changed.
    Plan(Box<plan::Options>),
    /// Allow the plan that waits for a person, after showing it.
    Approve(Box<switches::ApproveOptions>),
    /// Change nothing of a site from now on; what runs goes on running.
    #[command(
        after_help = "Examples:\n  tairyo suspend blog\n\nWhere the manifest is kept in Git, set spec.suspend there, or the annotation tairyo.dev/suspend to \"true\", which a sync leaves alone."
    )]
    Suspend(Box<switches::Options>),
    /// Let changes of a suspended site go on.
    #[command(after_help = "Examples:\n  tairyo resume blog")]
    Resume(Box<switches::Options>),
    /// Look at a site now instead of at the next event.
    #[command(after_help = "Examples:\n  tairyo reconcile blog")]
    Reconcile(Box<switches::Options>),
    /// Explain a reason, without a cluster.
    Explain(explain::Options),
    /// Check manifests, without a cluster; every finding has its line.
    Validate(Box<validate::Options>),
    /// Print the objects or templates that a site becomes, without a cluster.
    Render(Box<render::Options>),
    /// Make a manifest of the parameters of a JIN-KEI or kumogata stack.
    Import(Box<parameters::ImportOptions>),
    /// Make such parameters of a manifest.
    Export(parameters::ExportOptions),
    /// Print the completion of a shell.
    Completion(completion::Options),
    /// Print the custom resource definitions as YAML.
    Crds(crds::Options),
    /// Run the operator: watch `WordPressSite` objects and make them true.
    Operator(Box<OperatorOptions>),
    /// Run the sidecar of a WordPress pod, or ask whether it is ready.
    Gateway(gateway::Options),
    /// Ask the operator whether it is ready, as `helm test` does.
    CheckInstallation(check_installation::Options),
}

/// Runs the command line of this process.
pub async fn run() -> ExitCode {
    match execute(parse()).await {
        Ok(code) => code,
        Err((error, code)) => {
            complain(error.as_ref());
            code
        }
    }
}

/// The command line, with examples in the words by which we were called.
fn parse() -> Command {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let called = arguments.first().and_then(|path| Path::new(path).file_stem()?.to_str().map(str::to_owned));
    let command =
        if called.as_deref() == Some(PLUGIN) { as_plugin(CommandLine::command()) } else { CommandLine::command() };
    let matches = command.get_matches_from(arguments);
    CommandLine::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).command
}

/// The same command line in the words of a kubectl plugin.
fn as_plugin(command: clap::Command) -> clap::Command {
    let help = command.get_after_help().map(|help| help.to_string().replace("  tairyo ", "  kubectl tairyo "));
    let command = match help {
        Some(help) => command.after_help(help),
        None => command,
    };
    let names: Vec<_> = command.get_subcommands().map(|it| it.get_name().to_owned()).collect();
    let command = names.into_iter().fold(command, |command, name| command.mut_subcommand(name, as_plugin));
    if command.get_name() == "tairyo" { command.bin_name("kubectl tairyo") } else { command }
}

type Failure = (Box<dyn std::error::Error>, ExitCode);

async fn execute(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Status(options) => done(Box::pin(status::run(*options)).await),
        Command::Events(options) => done(Box::pin(events::run(*options)).await),
        Command::Trace(options) => done(Box::pin(trace::run(*options)).await),
        Command::Logs(options) => done(Box::pin(logs::run(*options)).await),
        Command::Import(options) => done(parameters::import(&options)),
        Command::Export(options) => done(parameters::export(&options)),
        Command::Outputs(options) => done(Box::pin(outputs::run(*options)).await),
        Command::Plan(options) => done(Box::pin(plan::run(*options)).await),
        Command::Approve(options) => done(Box::pin(switches::approve(*options)).await),
        Command::Suspend(options) => done(Box::pin(switches::run(Switch::Suspend, *options)).await),
        Command::Resume(options) => done(Box::pin(switches::run(Switch::Resume, *options)).await),
        Command::Reconcile(options) => done(Box::pin(switches::run(Switch::Reconcile, *options)).await),
        Command::Explain(options) => done(explain::run(&options)),
        // 1 is the answer that something is wrong.
        Command::Validate(options) => validate::run(&options).map_err(|error| (error.into(), ExitCode::from(2))),
        Command::Render(options) => done(render::run(&options)),
        Command::Completion(options) => done(completion::run(&options)),
        Command::Crds(options) => done(crds::run(&options)),
        Command::Operator(options) => done(Box::pin(operator::run(*options, site::controller::run)).await),
        Command::Gateway(options) => done(gateway::run(options).await),
        Command::CheckInstallation(options) => done(check_installation::run(&options).await),
    }
}

fn done<E: std::error::Error + 'static>(result: Result<(), E>) -> Result<ExitCode, Failure> {
    result.map(|()| ExitCode::SUCCESS).map_err(|error| (error.into(), ExitCode::FAILURE))
}

/// The error and its causes, for a person at a terminal or reading the log of a pod that ended.
fn complain(error: &dyn std::error::Error) {
    output::note(&format!("tairyo: {error}"));
    let mut cause = error.source();
    while let Some(error) = cause {
        output::note(&format!("  caused by: {error}"));
        cause = error.source();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(command: &mut clap::Command, all: &mut String) {
        all.push_str(&format!("{}\n\n", command.render_long_help()));
        for command in command.get_subcommands_mut() {
            help(command, all);
        }
    }

    #[test]
    fn the_help_of_the_whole_tree_is_that_of_the_golden_file() {
        let mut command = CommandLine::command().term_width(100);
        command.build();
        let mut all = String::new();
        help(&mut command, &mut all);
        insta::assert_snapshot!(all);
    }

    #[test]
    fn every_command_for_people_teaches_by_examples() {
        for command in
            CommandLine::command().get_subcommands().filter(|it| !["operator", "crds"].contains(&it.get_name()))
        {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Examples:\n  "), "{} has no examples", command.get_name());
        }
    }

    #[test]
    fn a_plugin_of_kubectl_speaks_of_itself_as_one() {
        let mut command = as_plugin(CommandLine::command());
        command.build();
        let status = command.find_subcommand_mut("status").expect("there is one");
        let help = status.render_long_help().to_string();
        assert!(help.contains("Usage: kubectl tairyo status"), "{help}");
        assert!(help.contains("\n  kubectl tairyo status blog\n"), "{help}");
    }
}
