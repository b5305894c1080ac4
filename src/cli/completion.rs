//! `tairyo completion`: the completion of a shell.

use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::Shell;

use super::CommandLine;
use super::output;

/// The completion of a shell.
#[derive(Args)]
#[command(after_help = "Examples:\n  source <(tairyo completion bash)\n  \
                        tairyo completion zsh > \"${fpath[1]}/_tairyo\"\n  \
                        tairyo completion fish > ~/.config/fish/completions/tairyo.fish")]
pub struct Options {
    /// Which shell
    shell: Kind,
}

/// The shells whose completion is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Bash,
    Zsh,
    Fish,
}

/// Writes the completion.
pub fn run(options: &Options) -> Result<(), output::Error> {
    output::text(&script(options.shell))
}

fn script(shell: Kind) -> String {
    let shell = match shell {
        Kind::Bash => Shell::Bash,
        Kind::Zsh => Shell::Zsh,
        Kind::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "tairyo", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_completes_the_commands() {
        for shell in [Kind::Bash, Kind::Zsh, Kind::Fish] {
            let script = script(shell);
            for command in ["status", "validate", "approve"] {
                assert!(script.contains(command), "{shell:?} does not know {command}");
            }
        }
    }
}
