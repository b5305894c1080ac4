//! `tairyo events`: the events of a site and of its objects in one list.

use clap::Args;
use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;

use super::cluster::{self, Cluster, ClusterOptions};
use super::output::{self, Cell, Output, OutputOptions, Paint, Tone};
use super::status::duration;
use crate::api::WordPressSite;

/// The events of a site and its objects.
#[derive(Args)]
#[command(after_help = "Examples:\n  tairyo events blog\n  tairyo events blog --warnings\n  \
                        tairyo events blog -o json | jq '.[].note'")]
pub struct Options {
    /// The name of the site
    site: String,

    /// Warnings alone
    #[arg(long)]
    warnings: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// Why the events are not shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster gave no answer.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The answer was not written.
    #[error(transparent)]
    Output(#[from] output::Error),
}

/// Shows the events, the oldest first.
pub async fn run(options: Options) -> Result<(), Error> {
    let cluster = Cluster::connect(&options.cluster).await?;
    cluster.site(&options.site).await?;
    let mut events = of_site(&cluster, &options.site).await?;
    events.retain(|event| !options.warnings || event.type_.as_deref() == Some("Warning"));
    let now = Timestamp::now();
    Output::new(options.output.output).answer(&events, |paint| screen(&events, now, paint))?;
    Ok(())
}

/// The events of the site called `name` and of its objects, the oldest first.
pub async fn of_site(cluster: &Cluster, name: &str) -> Result<Vec<Event>, cluster::Error> {
    let everything = ListParams::default();
    let api = cluster.api::<Event>();
    let events = api.list(&everything).await.map_err(|error| cluster.error::<Event>("list", error))?.items;
    let sites = cluster.api::<WordPressSite>();
    let sites = sites.list_metadata(&everything).await;
    let sites = sites.map_err(|error| cluster.error::<WordPressSite>("list", error))?.items;
    let names: Vec<_> = sites.into_iter().filter_map(|site| site.metadata.name).collect();
    Ok(belonging(events, name, &names))
}

/// The events that are about the site or an object of it. Objects of `a-b` begin with `a-` as well, so each is counted to
/// the longest name of a site that it begins with.
fn belonging(mut events: Vec<Event>, site: &str, names: &[String]) -> Vec<Event> {
    let owner = |object: &str| {
        let begins = |name: &&String| {
            object == **name || object.strip_prefix(name.as_str()).is_some_and(|it| it.starts_with('-'))
        };
        names.iter().filter(begins).max_by_key(|name| name.len())
    };
    events.retain(|event| {
        let regarding = event.regarding.clone().unwrap_or_default();
        let object = regarding.name.unwrap_or_default();
        if regarding.kind.as_deref() == Some("WordPressSite") {
            object == site
        } else {
            owner(&object).is_some_and(|owner| owner == site)
        }
    });
    events.sort_by_key(time);
    events
}

/// When it happened last.
#[must_use]
pub fn time(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().map(|series| series.last_observed_time.0);
    let deprecated = event.deprecated_last_timestamp.as_ref().map(|time| time.0);
    let created = event.metadata.creation_timestamp.as_ref().map(|time| time.0);
    series.or(event.event_time.as_ref().map(|time| time.0)).or(deprecated).or(created)
}

fn screen(events: &[Event], now: Timestamp, paint: Paint) -> String {
    if events.is_empty() {
        return "No events. Kubernetes keeps them for an hour; `tairyo status` says what is true now.\n".into();
    }
    let row = |event: &Event| {
        let regarding = event.regarding.clone().unwrap_or_default();
        let object = format!("{}/{}", regarding.kind.unwrap_or_default(), regarding.name.unwrap_or_default());
        let warning = event.type_.as_deref() == Some("Warning");
        [
            time(event).map(|time| duration(now.duration_since(time).as_secs())).unwrap_or_default().into(),
            object.into(),
            Cell::new(event.reason.clone().unwrap_or_default(), if warning { Tone::Bad } else { Tone::Plain }),
            event.note.clone().unwrap_or_default().into(),
        ]
    };
    let rows: Vec<_> = events.iter().map(row).collect();
    paint.table(["AGO", "OBJECT", "REASON", "NOTE"], &rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, name: &str, time: &str) -> Event {
        let value = json!({
            "eventTime": time, "reason": "R", "note": "n", "type": "Normal", "regarding": {"kind": kind, "name": name},
            "metadata": {},
        });
        serde_json::from_value(value).expect("it is an event")
    }

    #[test]
    fn an_event_is_counted_to_the_site_with_the_longest_name_that_it_begins_with() {
        let names = ["blog".to_owned(), "blog-two".to_owned()];
        let events = vec![
            event("Pod", "blog-two-web-1", "2026-01-02T03:04:05.000000Z"),
            event("Pod", "blog-web-1", "2026-01-02T03:04:06.000000Z"),
            event("WordPressSite", "blog", "2026-01-02T03:04:04.000000Z"),
            event("Pod", "blogger-web-1", "2026-01-02T03:04:05.000000Z"),
        ];
        let found = belonging(events, "blog", &names);
        let objects: Vec<_> = found.iter().filter_map(|it| it.regarding.as_ref()?.name.clone()).collect();
        assert_eq!(objects, ["blog", "blog-web-1"]);
    }
}
