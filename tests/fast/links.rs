//! No link of the documents leads nowhere: neither to a file nor to a heading that is not there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{read, root};

/// The documents that are part of the project.
fn documents() -> Vec<PathBuf> {
    let listed = Command::new("git").args(["ls-files", "*.md"]).current_dir(root()).output().expect("git runs");
    assert!(listed.status.success(), "git does not list the files");
    let names = String::from_utf8(listed.stdout).expect("names are text");
    names.lines().map(|name| root().join(name)).collect()
}

/// The text without code blocks, in which nothing is a link.
fn prose(text: &str) -> String {
    let mut inside = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !inside && !fence && !line.starts_with("    ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The targets of `[text](target)`.
fn targets(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// As GitHub makes them of headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let title = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_');
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

fn broken(document: &Path, target: &str) -> Option<String> {
    if target.starts_with("https://") || target.starts_with("http://") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { document.to_owned() } else { document.parent()?.join(file) };
    if !path.exists() {
        return Some(format!("{}: {target}: no such file", document.display()));
    }
    (!anchor.is_empty() && !anchors(&prose(&read(&path))).contains(anchor))
        .then(|| format!("{}: {target}: no such heading", document.display()))
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let documents = documents();
    assert!(documents.len() > 10, "only {} documents were found", documents.len());
    let broken: Vec<_> = documents
        .iter()
        .flat_map(|document| {
            let text = prose(&read(document));
            targets(&text).into_iter().filter_map(|target| broken(document, target)).collect::<Vec<_>>()
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_page_is_listed_in_the_index() {
    let index = read(&root().join("docs/index.md"));
    let pages = documents().into_iter().filter(|path| path.parent() == Some(&root().join("docs")));
    let missing: Vec<_> = pages
        .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
        .filter(|name| name != "index.md" && !index.contains(&format!("({name})")))
        .collect();
    assert!(missing.is_empty(), "not in docs/index.md: {missing:?}");
}
