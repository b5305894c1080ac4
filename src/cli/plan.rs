//! `tairyo plan`: what an edited manifest would change of a live site, and what that costs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use kube::api::{ListParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde::Serialize;
use serde_json::Value;

use super::cluster::{self, Cluster, ClusterOptions, explain};
use super::manifests::{self, Manifests, outputs_of};
use super::output::{self, Output, OutputOptions, Paint, Tone};
use super::render::{self, Images, everything, rendered, stacks};
use super::switches::changes_table;
use crate::api::names::DEFAULT_CLASS_ANNOTATION;
use crate::api::status::Change;
use crate::api::{WordPressClass, WordPressSite};
use crate::cloudformation::guard::HANDLE;
use crate::cloudformation::{DesiredStack, create_only};
use crate::site::model::Site;
use crate::site::validate::{Invalid, validate};

/// What an edited manifest would change.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tairyo plan site.yaml\n  tairyo plan deploy/ --site blog -n shop\n  tairyo plan site.yaml -o json\n\n\
                        The API server judges the manifest without keeping it. Nothing is changed, and AWS is not asked: what is\n\
                        replaced follows from the schemas that AWS publishes."
)]
pub struct Options {
    /// Files or folders with manifests; - is the standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The site, where the files have several
    #[arg(long, value_name = "NAME")]
    site: Option<String>,

    #[command(flatten)]
    images: Images,
    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster gave no answer, or refuses the manifest.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The files.
    #[error(transparent)]
    Manifests(#[from] manifests::Error),
    /// What a site becomes.
    #[error(transparent)]
    Render(#[from] render::Error),
    /// The site and its class do not fit.
    #[error("failed to validate the site ({}): {}", .0.reason, .0.message)]
    Invalid(Invalid),
    /// No class of the cluster is meant.
    #[error("failed to find the class of the site; `kubectl get wordpressclasses` lists those of the cluster")]
    NoClass,
    /// The answer was not written.
    #[error(transparent)]
    Output(#[from] output::Error),
}

/// What would be changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    /// By unit.
    units: BTreeMap<String, Vec<Change>>,
    /// Objects in the cluster, as `Deployment/blog-web`.
    created: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
}

/// Plans.
pub async fn run(options: Options) -> Result<(), Error> {
    let edited = Manifests::read(&options.files, &[])?.site(options.site.as_deref())?;
    let mut flags = options.cluster.clone();
    flags.namespace = flags.namespace.or_else(|| edited.namespace());
    let cluster = Cluster::connect(&flags).await?;
    let live = cluster.site(&edited.name_any()).await?;
    let judged = judged(&cluster, &live, edited).await?;
    let classes = Api::<WordPressClass>::all(cluster.client.clone()).list(&ListParams::default()).await;
    let classes = classes.map_err(|error| explain::<WordPressClass>("list", None, error))?.items;
    let class = class(&live, classes).ok_or(Error::NoClass)?;
    let valid = |site: &WordPressSite| {
        let refs = Manifests::default().refs(site, class.clone());
        validate(site, &refs, &options.images.defaults())
    };
    let plan = plan(&live, &valid(&live).map_err(Error::Invalid)?, &valid(&judged).map_err(Error::Invalid)?)?;
    Ok(Output::new(options.output.output).answer(&plan, |paint| screen(&plan, paint))?)
}

/// The edited site as the API server would keep it.
async fn judged(cluster: &Cluster, live: &WordPressSite, edited: WordPressSite) -> Result<WordPressSite, Error> {
    let site = WordPressSite { spec: edited.spec, ..live.clone() };
    let try_only = PostParams { dry_run: true, ..PostParams::default() };
    let judged = cluster.api::<WordPressSite>().replace(&live.name_any(), &try_only, &site).await;
    Ok(judged.map_err(|error| cluster.error::<WordPressSite>("update", error))?)
}

fn class(site: &WordPressSite, classes: Vec<WordPressClass>) -> Option<WordPressClass> {
    let default =
        |class: &WordPressClass| class.annotations().get(DEFAULT_CLASS_ANNOTATION).is_some_and(|it| it == "true");
    classes.into_iter().find(|class| match &site.spec.class_name {
        Some(name) => class.name_any() == *name,
        None => default(class),
    })
}

fn plan(live: &WordPressSite, before: &Site, after: &Site) -> Result<Plan, Error> {
    // What AWS calls things is the same on both sides, so whatever is not known yet does not count as a change.
    let outputs = outputs_of(live);
    let mut plan = Plan::default();
    let (old, new) = (stacks(before, &outputs)?, stacks(after, &outputs)?);
    let units: BTreeSet<_> = old.iter().chain(&new).map(|(unit, _)| *unit).collect();
    for unit in units {
        let of = |stacks: &[(crate::units::Unit, DesiredStack)]| {
            stacks.iter().find(|(other, _)| *other == unit).map(|(_, stack)| resources(stack)).unwrap_or_default()
        };
        let changes = changes(&of(&old), &of(&new));
        if !changes.is_empty() {
            plan.units.insert(unit.to_string(), changes);
        }
    }
    let objects = |site: &Site| -> Result<BTreeMap<String, Value>, Error> {
        let desired = rendered(site, &outputs, "tairyo")?;
        let name = |value: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!("{}/{}", text(&value["kind"]), text(&value["metadata"]["name"]))
        };
        Ok(everything(&desired).map(|value| (name(value), value.clone())).collect())
    };
    let (old, new) = (objects(before)?, objects(after)?);
    plan.created = new.keys().filter(|name| !old.contains_key(*name)).cloned().collect();
    plan.removed = old.keys().filter(|name| !new.contains_key(*name)).cloned().collect();
    plan.changed = new
        .iter()
        .filter(|(name, it)| old.get(*name).is_some_and(|old| old != *it))
        .map(|(name, _)| name.clone())
        .collect();
    Ok(plan)
}

/// The resources of a stack with the values of its parameters.
fn resources(stack: &DesiredStack) -> BTreeMap<String, Value> {
    let resources = stack.template["Resources"].as_object().into_iter().flatten();
    let resources = resources.filter(|(_, resource)| resource["Type"] != HANDLE);
    resources.map(|(name, resource)| (name.clone(), substituted(resource, &stack.parameters))).collect()
}

fn substituted(value: &Value, parameters: &BTreeMap<String, String>) -> Value {
    match value {
        Value::Object(members) => {
            let parameter = members.get("Ref").and_then(Value::as_str).and_then(|name| parameters.get(name));
            if let Some(parameter) = parameter {
                return Value::String(parameter.clone());
            }
            Value::Object(members.iter().map(|(key, it)| (key.clone(), substituted(it, parameters))).collect())
        }
        Value::Array(items) => items.iter().map(|it| substituted(it, parameters)).collect(),
        other => other.clone(),
    }
}

fn changes(old: &BTreeMap<String, Value>, new: &BTreeMap<String, Value>) -> Vec<Change> {
    let change = |name: &String, resource: &Value, action: &str| Change {
        action: action.into(),
        resource: name.clone(),
        kind: resource["Type"].as_str().unwrap_or_default().into(),
        ..Change::default()
    };
    let added = new.iter().filter(|(name, _)| !old.contains_key(*name)).map(|(name, it)| change(name, it, "Add"));
    let removed = old.iter().filter(|(name, _)| !new.contains_key(*name)).map(|(name, it)| change(name, it, "Remove"));
    let modified = old.iter().filter_map(|(name, before)| {
        let after = new.get(name).filter(|after| *after != before)?;
        let properties = differing(&before["Properties"], &after["Properties"]);
        let change = change(name, after, "Modify");
        let replacement = replacement(&change.kind, before["Type"] != after["Type"], &properties);
        Some(Change { replacement: Some(replacement.into()), properties, ..change })
    });
    added.chain(removed).chain(modified).collect()
}

/// The names of the properties that differ.
fn differing(before: &Value, after: &Value) -> Vec<String> {
    let names =
        |value: &Value| value.as_object().map(|it| it.keys().cloned().collect::<BTreeSet<_>>()).unwrap_or_default();
    names(before).union(&names(after)).filter(|name| before[*name] != after[*name]).cloned().collect()
}

/// Whether a change of these properties replaces the resource, as `CloudFormation` says it.
fn replacement(kind: &str, other_type: bool, properties: &[String]) -> &'static str {
    // What nobody knows to be safe is not.
    let Some(known) = create_only::properties(kind) else { return "Conditional" };
    let among = |list: &[String], exact: bool| {
        let of = |path: &String, name: &String| path == name || (!exact && path.split('.').next() == Some(name));
        list.iter().any(|path| properties.iter().any(|name| of(path, name)))
    };
    if other_type || among(&known.create_only, true) {
        "True"
    } else if among(&known.conditional, false) || among(&known.create_only, false) {
        "Conditional"
    } else {
        "False"
    }
}

fn screen(plan: &Plan, paint: Paint) -> String {
    if *plan == Plan::default() {
        return "Nothing would be changed.\n".into();
    }
    let mut screen = String::new();
    for (unit, changes) in &plan.units {
        screen += &format!("{}\n", paint.paint(&format!("Unit {unit}"), Tone::Strong));
        screen += &changes_table(changes, paint);
        screen += "\n";
    }
    for (word, names, tone) in [
        ("Created", &plan.created, Tone::Good),
        ("Changed", &plan.changed, Tone::Busy),
        ("Removed", &plan.removed, Tone::Bad),
    ] {
        if !names.is_empty() {
            screen += &format!("{} {}\n", paint.paint(&format!("{word}:"), tone), names.join(", "));
        }
    }
    screen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::fixtures::{AWS_CLASS, MINIMAL, site, validated, with_spec};

    fn planned(before: &str, after: &str) -> Plan {
        let valid = |yaml: &str| validated(yaml, AWS_CLASS).expect("valid");
        plan(&site(before), &valid(before), &valid(after)).expect("a plan")
    }

    #[test]
    fn an_unchanged_manifest_changes_nothing() {
        assert_eq!(planned(MINIMAL, MINIMAL), Plan::default());
    }

    #[test]
    fn another_capacity_changes_the_database_in_place() {
        let plan = planned(MINIMAL, &with_spec("  database: {capacity: {min: '1', max: '8'}}"));
        assert_eq!(plan.units.keys().collect::<Vec<_>>(), ["data"]);
        let changes = &plan.units["data"];
        assert!(changes.iter().all(|it| it.replacement.as_deref() == Some("False")), "{changes:?}");
        assert!(plan.changed.is_empty() && plan.created.is_empty(), "{plan:?}");
    }

    #[test]
    fn more_pods_change_objects_and_no_unit() {
        let plan = planned(MINIMAL, &with_spec("  web: {replicas: 3}"));
        assert!(plan.units.is_empty(), "{plan:?}");
        assert_eq!(plan.changed, ["Deployment/blog-web"]);
        assert_eq!(plan.created, ["PodDisruptionBudget/blog-web"]);
    }

    #[test]
    fn what_replaces_a_database_is_told() {
        assert_eq!(replacement("AWS::RDS::DBCluster", false, &["KmsKeyId".into()]), "True");
        assert_eq!(replacement("AWS::RDS::DBCluster", false, &["MasterUsername".into()]), "Conditional");
        assert_eq!(replacement("AWS::RDS::DBCluster", false, &["BackupRetentionPeriod".into()]), "False");
        assert_eq!(replacement("AWS::Lambda::Function", false, &["Code".into()]), "Conditional");
    }
}
