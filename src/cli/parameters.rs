//! `tairyo import` and `export`: the parameters of JIN-KEI's CloudFormation templates, as kumogata knows them, to a site
//! and back. <https://github.com/amimoto-ami/jin-kei>

mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::manifests::{self, Manifests};
use super::output::{self, Format, OutputOptions};

pub use table::{Fate, PARAMETERS};

/// Parameters to a manifest.
#[derive(Args)]
#[command(after_help = "Examples:\n  tairyo import parameters.json > site.yaml\n  \
                        aws cloudformation describe-stacks --stack-name blog --query 'Stacks[0].Parameters' | tairyo import - --name blog\n  \
                        tairyo import template.json --name blog --domain blog.example.com -o json\n\n\
                        Each parameter is told in a comment: what it becomes, or why it is not needed. Passwords are never copied.")]
pub struct ImportOptions {
    /// A list of parameters as AWS writes it, a map of names and values, or a template with defaults; - is the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The name of the site
    #[arg(long, value_name = "NAME", default_value = "blog")]
    name: String,

    /// The class of the site; without it the default one
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,

    /// The domain, where no parameter has one
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,

    /// The administrator's address, where no parameter has one
    #[arg(long, value_name = "EMAIL")]
    email: Option<String>,

    #[command(flatten)]
    output: OutputOptions,
}

/// A manifest to parameters.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tairyo export site.yaml > parameters.json\n  tairyo export site.yaml --site blog\n\n\
                        Written are the parameters that the site says something about."
)]
pub struct ExportOptions {
    /// Files or folders with manifests; - is the standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The site, where the files have several
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
}

/// Why nothing was taken over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The files.
    #[error(transparent)]
    Manifests(#[from] manifests::Error),
    /// The answer was not written.
    #[error(transparent)]
    Output(#[from] output::Error),
    /// The file has no parameters.
    #[error(
        "failed to find parameters; allowed are a list of ParameterKey and ParameterValue, a map of names and values, or a template with Parameters that have defaults"
    )]
    NoParameters,
    /// What every site needs is missing.
    #[error("failed to find {what}; name it with {flag}")]
    Missing {
        /// What.
        what: &'static str,
        /// The flag that gives it.
        flag: &'static str,
    },
}

/// What became of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    parameter: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    note: String,
}

/// Writes the manifest.
pub fn import(options: &ImportOptions) -> Result<(), Error> {
    let documents = manifests::read(std::slice::from_ref(&options.file))?;
    let given = documents.first().map(|document| read(&document.value)).unwrap_or_default();
    if given.is_empty() {
        return Err(Error::NoParameters);
    }
    let (mut site, told) = taken_over(&given);
    site["metadata"]["name"] = json!(options.name);
    if let Some(class) = &options.class {
        site["spec"]["className"] = json!(class);
    }
    let fill = |at: &mut Value, flag: &Option<String>, what, name| match flag {
        Some(value) => {
            *at = json!(value);
            Ok(())
        }
        None if at.is_null() => Err(Error::Missing { what, flag: name }),
        None => Ok(()),
    };
    let domain = options.domain.clone();
    fill(&mut site["spec"]["domains"][0], &domain, "a domain", "--domain")?;
    fill(&mut site["spec"]["admin"]["email"], &options.email, "the administrator's address", "--email")?;
    let text = match options.output.output {
        Format::Text | Format::Yaml => {
            let line = |it: &Told| {
                let field = it.field.map(|field| format!("{field}; ")).unwrap_or_default();
                format!("# {}: {field}{}\n", it.parameter, it.note)
            };
            told.iter().map(line).collect::<String>() + &output::serialized(&site, Format::Yaml)?
        }
        Format::Json => output::serialized(&json!({"site": site, "parameters": told}), Format::Json)?,
    };
    Ok(output::text(&text)?)
}

/// The names and values in any of the forms that tools write them in.
fn read(value: &Value) -> BTreeMap<String, String> {
    let plain = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    match value {
        Value::Array(list) => {
            let pair = |it: &Value| Some((it["ParameterKey"].as_str()?.to_owned(), plain(&it["ParameterValue"])?));
            list.iter().filter_map(pair).collect()
        }
        Value::Object(members) => {
            if let Some(Value::Object(parameters)) = members.get("Parameters") {
                let value = |it: &Value| plain(it).or_else(|| plain(&it["Default"]));
                return parameters.iter().filter_map(|(name, it)| Some((name.clone(), value(it)?))).collect();
            }
            members.iter().filter_map(|(name, it)| Some((name.clone(), plain(it)?))).collect()
        }
        _ => BTreeMap::new(),
    }
}

/// The manifest, without what no parameter says, and what became of every parameter.
fn taken_over(given: &BTreeMap<String, String>) -> (Value, Vec<Told>) {
    // A map that is indexed by a list's place would become no list by itself.
    let mut site = json!({
        "apiVersion": "tairyo.dev/v1alpha1", "kind": "WordPressSite", "metadata": {},
        "spec": {"domains": [null], "admin": {"email": null}},
    });
    let told = given
        .iter()
        .map(|(name, value)| {
            let known = PARAMETERS.iter().find(|it| it.names.contains(&name.as_str()));
            let (field, note) = match known.map(|it| &it.fate) {
                Some(Fate::Field { path, convert, note, .. }) => match convert(value) {
                    Some(value) => {
                        set(&mut site["spec"], path, value);
                        (Some(*path), (*note).to_owned())
                    }
                    None => (None, format!("{value:?} says nothing to a site; {note}")),
                },
                Some(Fate::Nothing(why)) => (None, (*why).to_owned()),
                None => (None, "is not a parameter of JIN-KEI; look whether the site needs it".into()),
            };
            Told { parameter: name.clone(), field, note }
        })
        .collect();
    // Bounds of an autoscaler come as a pair.
    let autoscaling = &mut site["spec"]["web"]["autoscaling"];
    if autoscaling.is_object() {
        let bound = |name: &str| autoscaling[name].as_i64();
        let (least, most) = (bound("min").or(bound("max")), bound("max").or(bound("min")));
        *autoscaling = json!({"min": least, "max": most});
        if let Some(web) = site["spec"]["web"].as_object_mut() {
            web.remove("replicas");
        }
    }
    prune(&mut site["spec"]);
    (site, told)
}

/// Removes maps that only asking made.
fn prune(spec: &mut Value) {
    let empty = |value: &Value| value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
    if let Some(spec) = spec.as_object_mut() {
        if let Some(web) = spec.get_mut("web").and_then(Value::as_object_mut) {
            web.retain(|_, value| !empty(value));
        }
        spec.retain(|_, value| !empty(value));
    }
}

fn set(spec: &mut Value, path: &str, value: Value) {
    let mut at = spec;
    for step in path.trim_start_matches("spec.").split('.') {
        at = match step.strip_suffix("[0]") {
            Some(list) => &mut at[list][0],
            None => &mut at[step],
        };
    }
    *at = value;
}

/// Writes the parameters.
pub fn export(options: &ExportOptions) -> Result<(), Error> {
    let site = Manifests::read(&options.files, &[])?.site(options.site.as_deref())?;
    let spec = serde_json::to_value(&site.spec).map_err(output::Error::from)?;
    Ok(output::text(&output::serialized(&given_back(&spec), Format::Json)?)?)
}

/// The parameters that `spec` says something about.
fn given_back(spec: &Value) -> Vec<Value> {
    let value = |path: &str| {
        let pointer = path.trim_start_matches("spec").replace('.', "/").replace("[0]", "/0");
        spec.pointer(&pointer).filter(|value| !value.is_null())
    };
    let pair = |it: &table::Parameter| {
        let Fate::Field { path, back, .. } = &it.fate else { return None };
        Some(json!({"ParameterKey": it.names[0], "ParameterValue": back(value(path)?)}))
    };
    PARAMETERS.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every parameter of JIN-KEI's templates, with a value as its users gave it.
    const EVERY: [(&str, &str); 26] = [
        ("KeyName", "key"),
        ("SSHLocation", "0.0.0.0/0"),
        ("AvailabilityZone", "ap-northeast-1a"),
        ("SecondaryAvailabilityZone", "ap-northeast-1c"),
        ("InstanceType", "t2.small"),
        ("MySQLPassword", "secret-of-mysql"),
        ("MulitiAZDatabase", "true"),
        ("RDSInstanceType", "db.r5.large"),
        ("DBAllocatedStorage", "20"),
        ("WebSiteDomain", "blog.example.com"),
        ("SiteDomain", "blog.example.com"),
        ("WPUserName", "editor"),
        ("WPUserEmail", "me@example.com"),
        ("WPPassword", "secret-of-wordpress"),
        ("WPCoreVersion", "4.2.2"),
        ("WPIsMultiSite", "false"),
        ("IsMobileDetect", "true"),
        ("PHPmyAdmin", "false"),
        ("NginxClientMaxBodySite", "32M"),
        ("PHPMemoryLimit", "256M"),
        ("AutoScalingMax", "4"),
        ("AutoScalingMin", "2"),
        ("AutoScalingDesired", "3"),
        ("LogRetentionInDays", "7"),
        ("CDNPriceClass", "PriceClass_200"),
        ("CDNCertificationARN", "arn:aws:acm:us-east-1:123456789012:certificate/x"),
    ];

    fn every() -> BTreeMap<String, String> {
        EVERY.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn no_parameter_is_lost() {
        let (_, told) = taken_over(&every());
        assert_eq!(told.len(), EVERY.len());
        for it in told {
            assert!(it.note.len() > 10, "{it:?}");
            assert!(!it.note.contains("is not a parameter"), "{it:?}");
        }
    }

    #[test]
    fn passwords_are_never_copied() {
        let (site, told) = taken_over(&every());
        let all = format!("{site}{told:?}");
        assert!(!all.contains("secret-of"), "{all}");
    }

    #[test]
    fn the_manifest_is_a_right_one() {
        let (site, _) = taken_over(&every());
        insta::assert_snapshot!(serde_saphyr::to_string(&site["spec"]).expect("it is YAML"));
        serde_json::from_value::<crate::api::site::WordPressSiteSpec>(site["spec"].clone()).expect("it is a spec");
    }

    #[test]
    fn what_has_a_field_comes_back() {
        let (site, _) = taken_over(&every());
        let back = Value::from(given_back(&site["spec"]));
        let back = read(&back);
        for name in [
            "WebSiteDomain",
            "WPUserName",
            "WPUserEmail",
            "NginxClientMaxBodySite",
            "PHPMemoryLimit",
            "AutoScalingMax",
            "CDNPriceClass",
            "RDSInstanceType",
        ] {
            assert_eq!(back.get(name), every().get(name), "{name}");
        }
    }

    #[test]
    fn every_form_of_parameters_is_read() {
        for form in [
            json!([{"ParameterKey": "WPUserName", "ParameterValue": "a"}]),
            json!({"WPUserName": "a"}),
            json!({"Parameters": {"WPUserName": "a"}}),
            json!({"Parameters": {"WPUserName": {"Type": "String", "Default": "a"}, "KeyName": {"Type": "String"}}}),
        ] {
            assert_eq!(read(&form), BTreeMap::from([("WPUserName".to_owned(), "a".to_owned())]), "{form}");
        }
    }
}
