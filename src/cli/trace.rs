//! `tairyo trace`: the tree from a site to its stacks and pods.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use serde::Serialize;

use super::cluster::{self, Cluster, ClusterOptions};
use super::output::{self, Format, Paint, Tone};
use crate::api::WordPressSite;
use crate::api::condition::ConditionType;
use crate::api::names::{COMPONENT_LABEL, SITE_LABEL};

/// What a site is made of.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tairyo trace blog\n  tairyo trace blog -o dot | dot -Tsvg > blog.svg\n  tairyo trace blog -o json"
)]
pub struct Options {
    /// The name of the site
    site: String,

    #[command(flatten)]
    cluster: ClusterOptions,

    /// How the tree is written
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = TraceFormat::Text)]
    output: TraceFormat,
}

/// How a tree is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TraceFormat {
    Text,
    Json,
    Yaml,
    Dot,
}

/// Why there is no tree.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster gave no answer.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The answer was not written.
    #[error(transparent)]
    Output(#[from] output::Error),
}

/// A part with what it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    kind: String,
    name: String,
    state: String,
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Node>,
}

/// Shows the tree.
pub async fn run(options: Options) -> Result<(), Error> {
    let cluster = Cluster::connect(&options.cluster).await?;
    let site = cluster.site(&options.site).await?;
    let pods = cluster.list::<Pod>(&format!("{SITE_LABEL}={}", options.site)).await?;
    let tree = tree(&site, &pods);
    let text = match options.output {
        TraceFormat::Text => text(&tree, Paint::of_this_process()),
        TraceFormat::Json => output::serialized(&tree, Format::Json)?,
        TraceFormat::Yaml => output::serialized(&tree, Format::Yaml)?,
        TraceFormat::Dot => dot(&tree),
    };
    Ok(output::text(&text)?)
}

fn tree(site: &WordPressSite, pods: &[Pod]) -> Node {
    let status = site.status.clone().unwrap_or_default();
    let name: &str = ConditionType::Ready.into();
    let ready = status.conditions.iter().find(|condition| condition.type_ == name);
    let mut parts: Vec<_> = status.units.iter().map(unit).collect();
    let mut by_component: BTreeMap<String, Vec<Node>> = BTreeMap::new();
    for it in pods {
        let component = it.labels().get(COMPONENT_LABEL).cloned().unwrap_or_else(|| "other".into());
        by_component.entry(component).or_default().push(pod(it));
    }
    parts.extend(by_component.into_iter().map(|(component, pods)| {
        let running = pods.iter().filter(|pod| pod.healthy).count();
        Node {
            kind: "Pods".into(),
            name: component,
            state: format!("{running}/{}", pods.len()),
            healthy: running == pods.len(),
            message: None,
            parts: pods,
        }
    }));
    let healthy = ready.is_some_and(|it| it.status == "True");
    Node {
        kind: "WordPressSite".into(),
        name: format!("{}/{}", site.namespace().unwrap_or_default(), site.name_any()),
        state: ready.map_or_else(|| "Unknown".into(), |it| it.reason.clone()),
        healthy,
        message: ready.filter(|_| !healthy).map(|it| it.message.clone()),
        parts,
    }
}

fn unit(unit: &crate::api::status::UnitStatus) -> Node {
    let state = unit.status.clone().unwrap_or_else(|| "not begun".into());
    let failed = unit.failure.as_ref().map(|failure| Node {
        kind: failure.kind.clone(),
        name: failure.resource.clone(),
        state: "failed first".into(),
        healthy: false,
        message: Some(failure.reason.clone()),
        parts: Vec::new(),
    });
    let current = unit.progress.as_ref().and_then(|progress| {
        Some(Node {
            kind: progress.current.clone()?,
            name: format!("{}/{}", progress.done, progress.total),
            state: "is being worked on".into(),
            healthy: true,
            message: None,
            parts: Vec::new(),
        })
    });
    Node {
        kind: "Stack".into(),
        name: format!("{} ({}, {})", unit.name, unit.stack_name, unit.region),
        healthy: failed.is_none() && !state.contains("ROLLBACK") && !state.contains("FAILED"),
        state,
        message: None,
        parts: failed.into_iter().chain(current).collect(),
    }
}

fn pod(pod: &Pod) -> Node {
    let status = pod.status.clone().unwrap_or_default();
    let phase = status.phase.unwrap_or_else(|| "Unknown".into());
    let containers = status.container_statuses.unwrap_or_default();
    let waiting = containers.iter().find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        Some((waiting.reason.clone().unwrap_or_default(), waiting.message.clone()))
    });
    let ready = containers.iter().filter(|container| container.ready).count();
    let healthy = phase == "Succeeded" || (phase == "Running" && ready == containers.len());
    let restarts: i32 = containers.iter().map(|container| container.restart_count).sum();
    let restarts = if restarts > 0 { format!(", {restarts} restarts") } else { String::new() };
    let state = match &waiting {
        Some((reason, _)) => reason.clone(),
        None if phase == "Running" => format!("{ready}/{} containers ready{restarts}", containers.len()),
        None => phase,
    };
    let message = waiting.and_then(|(_, message)| message);
    Node { kind: "Pod".into(), name: pod.name_any(), state, healthy, message, parts: Vec::new() }
}

/// The tree as lines.
fn text(tree: &Node, paint: Paint) -> String {
    let mut lines = line(tree, paint);
    branches(tree, "", paint, &mut lines);
    lines
}

fn line(node: &Node, paint: Paint) -> String {
    let tone = if node.healthy { Tone::Good } else { Tone::Bad };
    let message = node.message.as_ref().map(|message| format!(": {}", message.replace('\n', " "))).unwrap_or_default();
    format!("{} {}  {}{message}\n", paint.paint(&node.kind, Tone::Faint), node.name, paint.paint(&node.state, tone))
}

fn branches(node: &Node, indent: &str, paint: Paint, lines: &mut String) {
    for (number, part) in node.parts.iter().enumerate() {
        let is_last = number + 1 == node.parts.len();
        lines.push_str(&format!("{indent}{}", if is_last { "└─ " } else { "├─ " }));
        lines.push_str(&line(part, paint));
        branches(part, &format!("{indent}{}", if is_last { "   " } else { "│  " }), paint, lines);
    }
}

/// The tree in the language of Graphviz: <https://graphviz.org/doc/info/lang.html>.
fn dot(tree: &Node) -> String {
    let mut lines = String::from("digraph site {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
    let mut next = 0;
    dot_of(tree, None, &mut next, &mut lines);
    lines + "}\n"
}

fn dot_of(node: &Node, parent: Option<usize>, next: &mut usize, lines: &mut String) {
    let id = *next;
    *next += 1;
    let colour = if node.healthy { "darkgreen" } else { "red" };
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let label = format!("{}\\n{}\\n{}", quoted(&node.kind), quoted(&node.name), quoted(&node.state));
    lines.push_str(&format!("  n{id} [label=\"{label}\", color={colour}];\n"));
    if let Some(parent) = parent {
        lines.push_str(&format!("  n{parent} -> n{id};\n"));
    }
    for part in &node.parts {
        dot_of(part, Some(id), next, lines);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn example() -> Node {
        let site = json!({
            "apiVersion": "tairyo.dev/v1alpha1", "kind": "WordPressSite",
            "metadata": {"name": "blog", "namespace": "default"},
            "spec": {"domains": ["blog.example.com"], "admin": {"email": "a@example.com"}},
            "status": {
                "conditions": [{"type": "Ready", "status": "False", "reason": "CreateFailed", "message": "data failed",
                                "lastTransitionTime": "2026-01-02T03:04:05Z"}],
                "units": [
                    {"name": "media", "region": "eu-west-1", "stackName": "tairyo-media", "status": "CREATE_COMPLETE", "operations": 1},
                    {"name": "data", "region": "eu-west-1", "stackName": "tairyo-data", "status": "ROLLBACK_COMPLETE", "operations": 1,
                     "failure": {"resource": "Cluster", "type": "AWS::RDS::DBCluster", "reason": "quota \"x\"",
                                 "time": "2026-01-02T03:04:05Z", "attempts": 1}}],
            },
        });
        let pod = json!({
            "metadata": {"name": "blog-web-1", "labels": {"app.kubernetes.io/component": "web"}},
            "status": {"phase": "Running", "containerStatuses": [
                {"name": "php", "image": "x", "imageID": "x", "ready": true, "restartCount": 2},
                {"name": "web", "image": "x", "imageID": "x", "ready": false, "restartCount": 0,
                 "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}}]},
        });
        let site = serde_json::from_value(site).expect("it is a site");
        tree(&site, &[serde_json::from_value(pod).expect("it is a pod")])
    }

    #[test]
    fn the_tree_leads_from_the_site_to_what_failed() {
        insta::assert_snapshot!(text(&example(), Paint::PLAIN), @r#"
        WordPressSite default/blog  CreateFailed: data failed
        ├─ Stack media (tairyo-media, eu-west-1)  CREATE_COMPLETE
        ├─ Stack data (tairyo-data, eu-west-1)  ROLLBACK_COMPLETE
        │  └─ AWS::RDS::DBCluster Cluster  failed first: quota "x"
        └─ Pods web  0/1
           └─ Pod blog-web-1  CrashLoopBackOff: back-off
        "#);
    }

    #[test]
    fn dot_has_a_node_for_each_part_and_an_edge_to_all_but_the_root() {
        let dot = dot(&example());
        assert_eq!(dot.matches("label=").count(), 6);
        assert_eq!(dot.matches(" -> ").count(), 5);
    }
}
