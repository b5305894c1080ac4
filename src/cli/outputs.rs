//! `tairyo outputs`: what the managed parts of a site are called.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::cluster::{self, Cluster, ClusterOptions};
use super::output::{self, Format, Output, OutputOptions, Paint};
use crate::api::WordPressSite;
use crate::api::status::DnsRecord;

/// What the parts of a site are called.
#[derive(Args)]
#[command(after_help = "Examples:\n  tairyo outputs blog\n  tairyo outputs blog --name mediaBucketName\n  \
                        tairyo outputs blog -o json")]
pub struct Options {
    /// The name of the site
    site: String,

    /// The value of one output alone
    #[arg(long, value_name = "OUTPUT")]
    name: Option<String>,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// Why the outputs are not shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster gave no answer.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The answer was not written.
    #[error(transparent)]
    Output(#[from] output::Error),
    /// There is no such output.
    #[error("failed to find the output {name:?}; the site has {}", list(known))]
    NoOutput {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
}

fn list(known: &[String]) -> String {
    if known.is_empty() { "none, or none yet".into() } else { known.join(", ") }
}

/// What a site answers to who has to type it somewhere.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outputs {
    outputs: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dns_records: Vec<DnsRecord>,
}

/// Shows the outputs.
pub async fn run(options: Options) -> Result<(), Error> {
    let cluster = Cluster::connect(&options.cluster).await?;
    let outputs = outputs(&cluster.site(&options.site).await?);
    if let Some(name) = options.name {
        let known = || outputs.outputs.keys().cloned().collect();
        let value = outputs.outputs.get(&name).ok_or_else(|| Error::NoOutput { name, known: known() })?;
        let format = options.output.output;
        let text = if format == Format::Text { format!("{value}\n") } else { output::serialized(value, format)? };
        return Ok(output::text(&text)?);
    }
    Ok(Output::new(options.output.output).answer(&outputs, |paint| screen(&outputs, paint))?)
}

fn outputs(site: &WordPressSite) -> Outputs {
    let status = site.status.clone().unwrap_or_default();
    let mut outputs = status.outputs;
    outputs.extend(status.url.map(|url| ("url".to_owned(), url)));
    outputs.extend(status.admin_url.map(|url| ("adminURL".to_owned(), url)));
    Outputs { outputs, dns_records: status.dns_records }
}

fn screen(outputs: &Outputs, paint: Paint) -> String {
    let rows: Vec<_> =
        outputs.outputs.iter().map(|(name, value)| [name.clone().into(), value.clone().into()]).collect();
    let mut screen = paint.table(["OUTPUT", "VALUE"], &rows);
    if !outputs.dns_records.is_empty() {
        let row = |it: &DnsRecord| {
            [it.name.clone().into(), it.kind.clone().into(), it.value.clone().into(), it.purpose.clone().into()]
        };
        let rows: Vec<_> = outputs.dns_records.iter().map(row).collect();
        screen += "\n";
        screen += &paint.table(["DNS RECORD TO CREATE", "TYPE", "VALUE", "FOR"], &rows);
    }
    screen
}
