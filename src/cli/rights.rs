//! The rights that each command needs, as `docs/cli.md` lists them and a test gives them to a user.

/// Verbs on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// The API group; empty: the core.
    pub group: &'static str,
    /// The resource, such as `pods/log`.
    pub resource: &'static str,
    /// The verbs.
    pub verbs: &'static [&'static str],
    /// What is missing without it; `None`: the command fails.
    pub without: Option<&'static str>,
}

const fn needed(group: &'static str, resource: &'static str, verbs: &'static [&'static str]) -> Right {
    Right { group, resource, verbs, without: None }
}

const fn wanted(
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    without: &'static str,
) -> Right {
    Right { group, resource, verbs, without: Some(without) }
}

const SITES: &str = "wordpresssites";
const OURS: &str = "tairyo.dev";
const READ_SITE: Right = needed(OURS, SITES, &["get"]);
const LIST_SITES: Right =
    wanted(OURS, SITES, &["list"], "a name that does not exist is answered without those that do");
const LIST_EVENTS: Right = wanted("events.k8s.io", "events", &["list"], "events are not shown");
const PATCH_SITE: Right = needed(OURS, SITES, &["patch"]);

/// Every command and its rights in the site's namespace; classes have none.
pub const RIGHTS: &[(&str, &[Right])] = &[
    ("status", &[READ_SITE, LIST_SITES, LIST_EVENTS, wanted(OURS, SITES, &["watch"], "--watch fails")]),
    ("trace", &[READ_SITE, LIST_SITES, needed("", "pods", &["list"])]),
    ("events", &[READ_SITE, needed(OURS, SITES, &["list"]), needed("events.k8s.io", "events", &["list"])]),
    (
        "logs",
        &[
            READ_SITE,
            LIST_SITES,
            needed("", "pods", &["list"]),
            needed("", "pods/log", &["get"]),
            wanted("", "pods", &["list in tairyo-system"], "lines of the operator are not shown"),
        ],
    ),
    ("outputs", &[READ_SITE, LIST_SITES]),
    ("plan", &[READ_SITE, LIST_SITES, needed(OURS, SITES, &["update"]), needed(OURS, "wordpressclasses", &["list"])]),
    ("approve", &[READ_SITE, LIST_SITES, PATCH_SITE]),
    ("suspend", &[READ_SITE, LIST_SITES, PATCH_SITE]),
    ("resume", &[READ_SITE, LIST_SITES, PATCH_SITE]),
    ("reconcile", &[READ_SITE, LIST_SITES, PATCH_SITE]),
    ("explain", &[]),
    ("validate", &[]),
    ("render", &[]),
    ("import", &[]),
    ("export", &[]),
    ("completion", &[]),
    ("crds", &[]),
];

/// The table of `docs/cli.md`.
#[must_use]
pub fn table() -> String {
    let mut table = String::from("| Command | Needs | Without it |\n|---|---|---|\n");
    for (command, rights) in RIGHTS {
        if rights.is_empty() {
            table += &format!("| `{command}` | nothing: no cluster is asked | |\n");
        }
        for right in *rights {
            let group = if right.group.is_empty() { String::new() } else { format!(" ({})", right.group) };
            let without = right.without.unwrap_or("the command fails");
            table += &format!("| `{command}` | {} `{}`{group} | {without} |\n", right.verbs.join(", "), right.resource);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::CommandLine;

    #[test]
    fn every_command_for_people_has_its_rights_listed() {
        // These run in pods, with the rights that deploy/ gives them.
        let ours = ["operator", "gateway", "check-installation"];
        let command = CommandLine::command();
        let names = command.get_subcommands().map(|it| it.get_name().to_owned());
        let known: BTreeSet<_> = names.filter(|name| !ours.contains(&name.as_str())).collect();
        let listed: BTreeSet<_> = RIGHTS.iter().map(|(command, _)| (*command).to_owned()).collect();
        assert_eq!(known, listed);
    }

    #[test]
    fn the_documentation_has_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md");
        let page = std::fs::read_to_string(path).expect("docs/cli.md can be read");
        assert!(page.contains(&table()), "docs/cli.md lacks this table:\n{}", table());
    }
}
