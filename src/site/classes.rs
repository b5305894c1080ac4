//! The classes that an installation brings along: files of a mounted `ConfigMap`, applied by the operator that leads.
//!
//! Helm cannot install a kind and an object of that kind at once, so the chart leaves the objects to the operator. A class
//! that is taken out of the files stays: sites may use it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::api::WordPressClass;
use crate::operator::health::Readiness;

use super::reconcile::chain;

/// Another manager than that of the sites' objects: these fields are those of whoever wrote the files.
const FIELD_MANAGER: &str = "tairyo-classes";
/// The name of our readiness check.
const CHECK: &str = "classes";
/// What was refused may be accepted later, for instance once the new definitions are there.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// Why a class of the files is not in the cluster.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory or a file of it.
    #[error("failed to read {}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is no YAML.
    #[error("failed to read {} as YAML", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Box<serde_saphyr::Error>,
    },
    /// The file is no object.
    #[error("failed to find metadata.name in {}", path.display())]
    FindName {
        /// The file.
        path: PathBuf,
    },
    /// The API server refused it, or did not answer.
    #[error("failed to apply the class {name:?}")]
    Apply {
        /// Its name.
        name: String,
        /// The cause.
        source: kube::Error,
    },
}

/// Applies the classes of `directory`, and tries again until that has worked. Until then the operator is not ready and
/// says why.
pub async fn follow(client: Client, directory: PathBuf, readiness: Readiness, stop: CancellationToken) {
    readiness.failing(CHECK, "the classes of the installation have not been applied yet");
    while let Err(error) = apply(&client, &directory).await {
        let error = chain(&error);
        tracing::error!(%error, "the classes of the installation could not be applied; this is tried again");
        readiness.failing(CHECK, error);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(ASK_AGAIN) => {}
        }
    }
    readiness.ready(CHECK);
}

async fn apply(client: &Client, directory: &Path) -> Result<(), Error> {
    let api = Api::<WordPressClass>::all(client.clone());
    let parameters = PatchParams::apply(FIELD_MANAGER).force().validation_strict();
    for (name, class) in read(directory)? {
        let applied = api.patch(&name, &parameters, &Patch::Apply(&class)).await;
        applied.map_err(|source| Error::Apply { name: name.clone(), source })?;
        tracing::info!(class = name, "a class of the installation is applied");
    }
    Ok(())
}

/// The classes of all `.yaml` files with their names, in the order of the files. A mounted `ConfigMap` has other entries of
/// its own. What is in a class, the API server judges: it knows the fields of its version, and names the one that is wrong.
fn read(directory: &Path) -> Result<Vec<(String, Value)>, Error> {
    let unreadable = |source| Error::Read { path: directory.to_owned(), source };
    let entries = std::fs::read_dir(directory).map_err(unreadable)?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
            let class: Value = serde_saphyr::from_str(&text)
                .map_err(|source| Error::Parse { path: path.clone(), source: Box::new(source) })?;
            let name = class.pointer("/metadata/name").and_then(Value::as_str).map(str::to_owned);
            name.map(|name| (name, class)).ok_or(Error::FindName { path })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classes_of_a_directory_are_those_of_its_yaml_files() {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/samples");
        let names: Vec<_> = read(&samples).expect("readable").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["blog-aws", "blog", "aws-tokyo", "local"]);
    }

    #[test]
    fn a_file_that_is_no_object_is_named() {
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/classes");
        let error = chain(&read(&base).expect_err("it is no object"));
        assert!(error.contains("nameless.yaml"), "{error}");
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        let error = read(Path::new("/nowhere")).expect_err("it is not there").to_string();
        assert!(error.contains("/nowhere"), "{error}");
    }
}
