//! `tairyo validate`: everything that is wrong with manifests, each with its line, without a cluster.

mod schema;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt as _;
use kube::core::cel::{CompiledSchema, ErrorKind, ValidationError, Validator, compile_schema};
use serde::Serialize;
use serde_json::Value;

use super::manifests::{self, Document, Manifests, completed_site, outputs_of};
use super::output::{self, Cell, Output, OutputOptions, Paint, Tone};
use super::render::{Images, rendered, stacks};
use crate::api::{WordPressClass, WordPressSite, definitions};
use crate::site::validate as site;

/// Whether manifests are right.
#[derive(Args)]
#[command(after_help = "Examples:\n  tairyo validate site.yaml\n  tairyo validate deploy/ --class class-aws.yaml\n  \
                        helm template shop | tairyo validate - -o json\n\n\
                        Checked are the schema, the rules of the API (CEL), what the class admits, and the templates of managed parts.\n\
                        What only a cluster knows is not: Secrets, other sites, and rules about changes; `tairyo plan` asks it.\n\n\
                        Exit status: 0 nothing is wrong, 1 something is wrong, 2 something could not be read.")]
pub struct Options {
    /// Files or folders with manifests; - is the standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Files with classes that are not validated themselves
    #[arg(long, value_name = "FILE")]
    class: Vec<PathBuf>,

    #[command(flatten)]
    images: Images,
    #[command(flatten)]
    output: OutputOptions,
}

/// Why nothing is validated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The files.
    #[error(transparent)]
    Manifests(#[from] manifests::Error),
    /// The answer was not written.
    #[error(transparent)]
    Output(#[from] output::Error),
}

/// Something that is wrong, or that could not be checked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The file as it was named.
    pub file: String,
    /// The line of the field.
    pub line: u64,
    /// Kind and name, such as `WordPressSite/blog`.
    pub object: String,
    /// The field.
    pub field: String,
    /// What is wrong and what is allowed.
    pub message: String,
    /// Whether it is wrong; otherwise it could not be checked.
    pub wrong: bool,
}

/// Validates, and says so by the exit status.
pub fn run(options: &Options) -> Result<ExitCode, Error> {
    let validated = manifests::read(&options.files)?;
    let number = validated.iter().filter(|it| it.is_of("WordPressSite") || it.is_of("WordPressClass")).count();
    let mut manifests = Manifests { documents: validated.clone() };
    manifests.documents.extend(manifests::read(&options.class)?);
    let findings = findings(&validated, &manifests, &options.images);
    let wrong = findings.iter().any(|finding| finding.wrong);
    let output = Output::new(options.output.output);
    output.answer(&findings, |paint| screen(&findings, number, paint))?;
    Ok(if wrong { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn screen(findings: &[Finding], number: usize, paint: Paint) -> String {
    let mut screen = String::new();
    for finding in findings {
        let (word, tone) = if finding.wrong { ("wrong", Tone::Bad) } else { ("note", Tone::Busy) };
        let place = format!("{}:{}", finding.file, finding.line);
        screen += &format!(
            "{}: {}: {} {}\n",
            paint.paint(&place, Tone::Strong),
            paint.paint(word, tone),
            finding.object,
            finding.field
        );
        screen += &paint.paragraph(&finding.message, 4);
    }
    let wrong = findings.iter().filter(|finding| finding.wrong).count();
    let summary = format!("{number} objects, {wrong} findings");
    let cell = Cell::new(summary, if wrong > 0 { Tone::Bad } else { Tone::Good });
    screen + &cell.painted(paint) + "\n"
}

/// Everything that is wrong with `validated`, in the order of files and lines.
#[must_use]
pub fn findings(validated: &[Document], manifests: &Manifests, images: &Images) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut domains: BTreeMap<String, String> = BTreeMap::new();
    let rules = Rules::of_all_kinds();
    for document in validated {
        let Some(rules) = rules.iter().find(|rules| document.is_of(&rules.kind)) else { continue };
        let kind = rules.kind.as_str();
        let mut add = |field: &str, message: String, wrong: bool| {
            let finding = Finding {
                file: document.file.clone(),
                line: document.line(field),
                object: format!("{kind}/{}", document.name()),
                field: field.into(),
                message,
                wrong,
            };
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        };
        if document.value["apiVersion"] != "tairyo.dev/v1alpha1" {
            add("apiVersion", format!("must be tairyo.dev/v1alpha1, not {}", document.value["apiVersion"]), true);
            continue;
        }
        if document.name().is_empty() && document.value["metadata"]["generateName"].is_null() {
            add("metadata.name", "is required".into(), true);
        }
        let refusals = rules.refusals(&document.value);
        let is_sound = !refusals.iter().any(|refusal| refusal.is_certain);
        for refusal in refusals {
            add(&refusal.path, refusal.message, refusal.is_certain);
        }
        if !is_sound || kind != "WordPressSite" {
            continue;
        }
        let site = match serde_json::from_value::<WordPressSite>(schema::without_nulls(&document.value)) {
            Ok(site) => completed_site(site),
            Err(error) => {
                add("spec", error.to_string(), true);
                continue;
            }
        };
        for (index, domain) in site.spec.domains.iter().enumerate() {
            let name = format!("{}/{}", site.namespace().unwrap_or_default(), site.name_any());
            if let Some(other) = domains.insert(domain.clone(), name) {
                add(
                    &format!("spec.domains[{index}]"),
                    format!("{domain} is a domain of the site {other} as well; remove it from one of the two"),
                    true,
                );
            }
        }
        let class = match manifests.class(&site) {
            Ok(class) => class,
            Err(error) => {
                add("spec.className", format!("{error}; what the class admits was not checked"), false);
                continue;
            }
        };
        if let Err((field, message)) = with_class(&site, class, manifests, images) {
            add(&field, message, true);
        }
    }
    findings.sort();
    findings
}

/// What the API server checks of a kind by itself. Rules are compiled once, which takes longer than to evaluate them.
struct Rules {
    kind: String,
    schema: Value,
    compiled: CompiledSchema,
}

impl Rules {
    /// Of every kind.
    fn of_all_kinds() -> Vec<Self> {
        let rules = |definition: CustomResourceDefinition| {
            let schema = definition.spec.versions.first()?.schema.as_ref()?.open_api_v3_schema.as_ref()?;
            let schema = serde_json::to_value(schema).ok()?;
            Some(Self { kind: definition.spec.names.kind, compiled: compile_schema(&schema), schema })
        };
        definitions().into_iter().filter_map(rules).collect()
    }

    /// What would be refused of `value`: by the schema first, and by rules only where the schema holds.
    fn refusals(&self, value: &Value) -> Vec<schema::Refusal> {
        let value = schema::without_nulls(value);
        let refusals = schema::check(&self.schema, &value);
        if !refusals.is_empty() {
            return refusals;
        }
        let Err(errors) = Validator::new().validate_compiled(&self.compiled, &value, None) else { return Vec::new() };
        let path = |error: &ValidationError| match error.field_path.as_str() {
            "" => "object".to_owned(),
            path => path.to_owned(),
        };
        let refusal = |error: ValidationError| match error.kind {
            ErrorKind::ValidationFailure => {
                schema::Refusal { path: path(&error), message: error.message, is_certain: true }
            }
            // Functions of optional values, for instance, which rules about changes use.
            _ => schema::Refusal {
                path: path(&error),
                message: format!("a rule can be judged by an API server alone: {}", error.rule),
                is_certain: false,
            },
        };
        errors.into_iter().map(refusal).collect()
    }
}

/// What the class says to the site, and whether its templates hold together.
fn with_class(
    site: &WordPressSite,
    class: WordPressClass,
    manifests: &Manifests,
    images: &Images,
) -> Result<(), (String, String)> {
    let refs = manifests.refs(site, class);
    let valid = site::validate(site, &refs, &images.defaults()).map_err(|invalid| {
        // Messages begin with the field or hold it.
        let field = invalid.message.split([' ', ',']).find(|word| word.starts_with("spec.")).unwrap_or("spec");
        let field = if invalid.message.contains("domain ") && field == "spec" { "spec.domains" } else { field };
        (field.to_owned(), format!("{} ({})", invalid.message, invalid.reason))
    })?;
    let outputs = outputs_of(site);
    let whole = |message: String| ("spec".to_owned(), message);
    rendered(&valid, &outputs, &images.gateway_image).map_err(|error| whole(error.to_string()))?;
    let stacks = stacks(&valid, &outputs).map_err(|error| whole(error.to_string()))?;
    for (unit, stack) in stacks {
        if let Some(wrong) = template::check(&stack).into_iter().next() {
            return Err(whole(format!("the unit {unit}: {wrong}")));
        }
    }
    Ok(())
}
