//! `tairyo render`: what a site becomes, without a cluster and without AWS.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::manifests::{self, Manifests, completed_site, outputs_of};
use super::output::{self, Format, note};
use crate::api::WordPressSite;
use crate::api::names::object_name;
use crate::cloudformation::DesiredStack;
use crate::site::build::{Desired, build};
use crate::site::model::Site;
use crate::site::resolve::resolve;
use crate::site::validate::{Defaults, Invalid, validate};
use crate::units::{Outputs, Unit, graph};

/// The objects and templates that a site becomes.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tairyo render site.yaml\n  tairyo render site.yaml --class class-aws.yaml --unit data -o json\n  \
                        kubectl get wordpresssite blog -o yaml | tairyo render - --class class.yaml --unit all\n\n\
                        What AWS names later stands as a word such as DATA_HOST, unless the manifest has a status with outputs.\n\
                        Passwords and salts are made once, at random, in the cluster; they are not part of the answer."
)]
pub struct Options {
    /// Files or folders with manifests; - is the standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The site, where the files have several
    #[arg(long, value_name = "NAME")]
    site: Option<String>,

    /// Files with classes; without one a site gets the built-in class `local`
    #[arg(long, value_name = "FILE")]
    class: Vec<PathBuf>,

    /// The CloudFormation template of a unit, or of `all`, instead of the objects in the cluster
    #[arg(long, value_name = "UNIT", value_parser = unit)]
    unit: Option<Units>,

    #[command(flatten)]
    images: Images,

    /// How the answer is written
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = RenderFormat::Yaml)]
    output: RenderFormat,
}

/// How manifests are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum RenderFormat {
    Yaml,
    Json,
}

/// The images of sites that name none, as the operator has them.
#[derive(Args, Clone, Debug)]
pub struct Images {
    /// The tairyo-wordpress image of sites that name none
    #[arg(long, env = "TAIRYO_WORDPRESS_IMAGE", value_name = "IMAGE", default_value = "tairyo-wordpress:latest")]
    pub wordpress_image: String,

    /// The tairyo-mariadb image
    #[arg(long, env = "TAIRYO_DATABASE_IMAGE", value_name = "IMAGE", default_value = "tairyo-mariadb:latest")]
    pub database_image: String,

    /// The tairyo image of the sidecar
    #[arg(long, env = "TAIRYO_GATEWAY_IMAGE", value_name = "IMAGE", default_value = "tairyo:latest")]
    pub gateway_image: String,

    /// The name of the cluster in tags
    #[arg(long, env = "TAIRYO_CLUSTER_NAME", value_name = "NAME", default_value = "default")]
    pub cluster_name: String,
}

impl Images {
    /// What sites get that say nothing.
    #[must_use]
    pub fn defaults(&self) -> Defaults {
        Defaults {
            wordpress: self.wordpress_image.clone(),
            database: self.database_image.clone(),
            gateway: self.gateway_image.clone(),
            cluster: self.cluster_name.clone(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Units {
    All,
    One(Unit),
}

fn unit(name: &str) -> Result<Units, String> {
    use strum::IntoEnumIterator as _;
    if name == "all" {
        return Ok(Units::All);
    }
    let allowed = || Unit::iter().map(|unit| unit.to_string()).collect::<Vec<_>>().join(", ");
    name.parse().map(Units::One).map_err(|_| format!("allowed are {} and all", allowed()))
}

/// Why nothing is rendered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The files.
    #[error(transparent)]
    Manifests(#[from] manifests::Error),
    /// The site and its class do not fit.
    #[error("failed to validate the site ({}): {}; `tairyo explain {}` says more", .0.reason, .0.message, .0.reason)]
    Invalid(Invalid),
    /// The site has no such unit.
    #[error("failed to find the unit {unit}: the class {class:?} gives the site {}", units(has))]
    NoUnit {
        /// What was asked for.
        unit: Unit,
        /// The class.
        class: String,
        /// What there is.
        has: Vec<Unit>,
    },
    /// The pods wait for something that no placeholder stands for.
    #[error("failed to build the objects: {0}")]
    Unresolved(String),
    /// The template of a unit cannot be made.
    #[error("failed to build the template of the unit {unit}")]
    Template {
        /// Which.
        unit: Unit,
        /// The cause.
        source: graph::Missing,
    },
    /// The answer was not written.
    #[error(transparent)]
    Output(#[from] output::Error),
}

fn units(units: &[Unit]) -> String {
    if units.is_empty() {
        return "no units at all; name a class with managed providers with --class".into();
    }
    units.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Renders.
pub fn run(options: &Options) -> Result<(), Error> {
    let manifests = Manifests::read(&options.files, &options.class)?;
    let site = completed_site(manifests.site(options.site.as_deref())?);
    let class = manifests.class(&site)?;
    let valid = validate(&site, &manifests.refs(&site, class), &options.images.defaults()).map_err(Error::Invalid)?;
    let outputs = outputs_of(&site);
    match options.unit {
        None => objects(&site, &valid, &outputs, options),
        Some(units) => templates(&valid, &outputs, units, options.output),
    }
}

fn objects(site: &WordPressSite, valid: &Site, outputs: &Outputs, options: &Options) -> Result<(), Error> {
    let rendered = rendered(valid, outputs, &options.images.gateway_image)?;
    let values: Vec<&Value> = everything(&rendered).collect();
    let secrets: Vec<_> =
        rendered.generated_secrets.iter().map(|secret| object_name(&valid.name, secret.component)).collect();
    match options.output {
        RenderFormat::Yaml => {
            for value in values {
                output::text(&format!("---\n{}", output::serialized(value, Format::Yaml)?))?;
            }
        }
        RenderFormat::Json => {
            let list = json!({"apiVersion": "v1", "kind": "List", "items": values});
            output::text(&output::serialized(&list, Format::Json)?)?;
        }
    }
    if site.status.is_none() && valid.aws.is_some() {
        note("What AWS names later stands as a word in capitals, such as DATA_HOST.");
    }
    note(&format!("Not shown: the Secrets {}, which the operator makes once, at random.", secrets.join(", ")));
    Ok(())
}

/// The objects of `valid` with these outputs of its units.
pub fn rendered(valid: &Site, outputs: &Outputs, gateway_image: &str) -> Result<Desired, Error> {
    let resolved = resolve(valid, outputs, gateway_image).map_err(|finding| Error::Unresolved(finding.message))?;
    Ok(build(&resolved))
}

/// Every object, in the order in which they are applied.
pub fn everything(desired: &Desired) -> impl Iterator<Item = &Value> {
    let tasks = [&desired.install, &desired.schema];
    desired.foundation.iter().chain(tasks).chain(&desired.serving).map(|prepared| &prepared.value)
}

fn templates(valid: &Site, outputs: &Outputs, units: Units, format: RenderFormat) -> Result<(), Error> {
    let stacks = stacks(valid, outputs)?;
    match units {
        Units::One(unit) => {
            let has = || stacks.iter().map(|(unit, _)| *unit).collect();
            let class = || valid.class_name.clone();
            let found = stacks.iter().find(|(other, _)| *other == unit);
            let (_, stack) = found.ok_or_else(|| Error::NoUnit { unit, class: class(), has: has() })?;
            let format = if format == RenderFormat::Json { Format::Json } else { Format::Yaml };
            output::text(&output::serialized(&stack.template, format)?)?;
        }
        Units::All if format == RenderFormat::Json => {
            let all: Vec<_> = stacks.iter().map(|(_, stack)| described(stack)).collect();
            output::text(&output::serialized(&all, Format::Json)?)?;
        }
        Units::All => {
            for (unit, stack) in &stacks {
                let head = format!("---\n# {unit}: the stack {} in {}\n", stack.name, stack.region);
                output::text(&(head + &output::serialized(&stack.template, Format::Yaml)?))?;
            }
        }
    }
    Ok(())
}

/// A stack as programs read it.
fn described(stack: &DesiredStack) -> Value {
    json!({
        "unit": stack.unit, "region": stack.region, "stackName": stack.name, "digest": stack.digest,
        "parameters": stack.parameters, "tags": stack.tags, "stackPolicy": stack.stack_policy,
        "template": stack.template,
    })
}

/// Every stack of `valid`.
pub fn stacks(valid: &Site, outputs: &Outputs) -> Result<Vec<(Unit, DesiredStack)>, Error> {
    let Some(request) = &valid.aws else { return Ok(Vec::new()) };
    let mut request = request.clone();
    if let Some(edge) = &mut request.edge {
        // The load balancer of the site's Ingress, which nobody knows before it is there.
        edge.origin_host.get_or_insert_with(|| "EDGE_ORIGIN_HOST".into());
    }
    let built = graph::desired(&request, outputs).into_iter();
    built.map(|(unit, stack)| Ok((unit, stack.map_err(|source| Error::Template { unit, source })?))).collect()
}
