//! Manifests in files, without a cluster: documents with the line of every field, and what a site of them refers to.

mod node;
mod reference;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use serde_saphyr::Spanned;

pub use node::Node;
pub use reference::{Manifests, completed_site, outputs_of};

/// The class that is meant where no class is given: that of deploy/samples, which needs nothing but a cluster.
pub const LOCAL_CLASS: &str = include_str!("../../deploy/samples/class-local.yaml");

/// Why files were not read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or the standard input.
    #[error("failed to read {path}")]
    Read {
        /// Which.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// A file is not YAML or JSON.
    #[error("failed to read {path}{} as YAML: {message}", at(*line))]
    Parse {
        /// Which.
        path: String,
        /// Where, as far as it is known.
        line: Option<u64>,
        /// What is wrong.
        message: String,
    },
    /// There is no manifest of ours in the files.
    #[error("failed to find a WordPressSite in {paths}; name files with manifests, or - for the standard input")]
    NoSite {
        /// What was read.
        paths: String,
    },
    /// Several sites where one is meant.
    #[error("failed to choose among the sites {names}; name one with --site")]
    SeveralSites {
        /// Their names.
        names: String,
    },
    /// A manifest is not what its kind says.
    #[error("failed to read the {kind} {name:?}; `tairyo validate` says what is wrong in which line")]
    NotOfItsKind {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The cause.
        source: serde_json::Error,
    },
    /// A class that a site names is not there.
    #[error("failed to find the WordPressClass {name:?} of the site {site:?}; add its file with --class")]
    NoClass {
        /// The class.
        name: String,
        /// The site.
        site: String,
    },
}

fn at(line: Option<u64>) -> String {
    line.map(|line| format!(", line {line},")).unwrap_or_default()
}

/// One document of a file.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file as it was named.
    pub file: String,
    /// Its content with the line of every field.
    pub node: Spanned<Node>,
    /// Its content.
    pub value: Value,
}

impl Document {
    /// Whether it is of our group and of `kind`.
    #[must_use]
    pub fn is_of(&self, kind: &str) -> bool {
        let group = self.value["apiVersion"].as_str().and_then(|version| version.split('/').next());
        group == Some(crate::api::names::GROUP) && self.value["kind"] == kind
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.value["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// The line of the field, or of what it would stand in.
    #[must_use]
    pub fn line(&self, path: &str) -> u64 {
        node::line(&self.node, path)
    }
}

/// Reads every document of `paths`: files, folders with YAML and JSON files, or `-` for the standard input.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Document>, Error> {
    let mut documents = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|source| Error::Read { path: "the standard input".into(), source })?;
            documents.extend(parse("-", &text)?);
            continue;
        }
        for file in files(path)? {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(&file).map_err(|source| Error::Read { path: name.clone(), source })?;
            documents.extend(parse(&name, &text)?);
        }
    }
    Ok(documents)
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |source| Error::Read { path: path.display().to_string(), source };
    let mut files = Vec::new();
    for entry in path.read_dir().map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.is_file() && file.extension().is_some_and(|it| it == "yaml" || it == "yml" || it == "json") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// The documents of `text`, those in a `List` one by one.
pub fn parse(file: &str, text: &str) -> Result<Vec<Document>, Error> {
    let nodes: Vec<Spanned<Node>> = serde_saphyr::from_multiple(text).map_err(|error| Error::Parse {
        path: file.into(),
        line: error.location().map(|location| location.line()),
        message: error.to_string().lines().next().unwrap_or_default().to_owned(),
    })?;
    let mut documents = Vec::new();
    for node in nodes {
        let value = node.value.json();
        let items = (value["kind"] == "List").then(|| node.value.member("items").cloned()).flatten();
        let nodes = match items.map(|items| items.value) {
            Some(Node::List(items)) => items,
            _ => vec![node],
        };
        documents.extend(nodes.into_iter().map(|node| {
            let value = node.value.json();
            Document { file: file.into(), node, value }
        }));
    }
    Ok(documents)
}
