//! `tairyo status`: one screen that says how a site is, why, and what to do next.

mod next;
mod screen;
#[cfg(test)]
mod tests;

use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt as _;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};

use super::cluster::{self, Cluster, ClusterOptions};
use super::events;
use super::output::{self, Output, OutputOptions};
use crate::api::WordPressSite;

pub use screen::{duration, screen};

/// How a site is.
#[derive(Args)]
#[command(after_help = "Examples:\n  tairyo status blog\n  tairyo status blog -n shop --watch\n  \
                        tairyo status blog -o json | jq .status.units")]
pub struct Options {
    /// The name of the site
    site: String,

    /// Draw the screen again whenever something changes, until Ctrl-C
    #[arg(short, long)]
    watch: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// Why the status is not shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster gave no answer.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The answer was not written.
    #[error(transparent)]
    Output(#[from] output::Error),
    /// The site cannot be watched.
    #[error("failed to watch the site")]
    Watch(#[from] Box<watcher::Error>),
}

/// What the screen is made from.
#[derive(Clone, Debug)]
pub struct View {
    /// The site.
    pub site: WordPressSite,
    /// Its events, the oldest first.
    pub events: Vec<Event>,
    /// When it was looked at.
    pub now: Timestamp,
}

/// Shows the status once, or whenever it changes.
pub async fn run(options: Options) -> Result<(), Error> {
    let cluster = Cluster::connect(&options.cluster).await?;
    let output = Output::new(options.output.output);
    let site = cluster.site(&options.site).await?;
    if !options.watch {
        return show(&cluster, &output, site).await;
    }
    let only = watcher::Config::default().fields(&format!("metadata.name={}", options.site));
    let changes = watcher(cluster.api::<WordPressSite>(), only).default_backoff().applied_objects();
    let mut changes = Box::pin(changes);
    while let Some(site) = changes.next().await.transpose().map_err(Box::new)? {
        output.clear()?;
        show(&cluster, &output, site).await?;
    }
    drop(changes.try_next());
    Ok(())
}

async fn show(cluster: &Cluster, output: &Output, site: WordPressSite) -> Result<(), Error> {
    // Events are a courtesy: who may not list them still sees the status.
    let events = events::of_site(cluster, &site.name_any()).await.unwrap_or_default();
    let view = View { site, events, now: Timestamp::now() };
    output.answer(&view.site, |paint| screen(&view, paint))?;
    Ok(())
}
