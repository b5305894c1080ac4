//! `tairyo crds`: the definitions that are committed in `crds/`, and their reference in `docs/api.md`.

pub mod reference;

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use kube::ResourceExt as _;

use crate::api::definitions;

/// What to do with the definitions.
#[derive(Args)]
pub struct Options {
    /// Write one file for each definition into this directory instead of printing them.
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
    /// Print the reference of every field as Markdown instead
    #[arg(long, conflicts_with = "directory")]
    reference: bool,
}

/// Why the definitions were not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A definition could not be made into YAML.
    #[error("failed to write the definition as YAML")]
    Serialize(#[from] serde_saphyr::ser::Error),
    /// A file or the output could not be written.
    #[error("failed to write {path}")]
    Write {
        /// What was written to.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
}

/// Prints or writes the definitions.
pub fn run(options: &Options) -> Result<(), Error> {
    if options.reference {
        let page = reference::page(&definitions());
        return write!(std::io::stdout(), "{page}")
            .map_err(|source| Error::Write { path: "the output".into(), source });
    }
    for definition in definitions() {
        let yaml = serde_saphyr::to_string(&definition)?;
        match &options.directory {
            Some(directory) => {
                let path = directory.join(format!("{}.yaml", definition.name_any()));
                std::fs::write(&path, yaml)
                    .map_err(|source| Error::Write { path: path.display().to_string(), source })?;
            }
            None => write!(std::io::stdout(), "---\n{yaml}")
                .map_err(|source| Error::Write { path: "the output".into(), source })?,
        }
    }
    Ok(())
}
