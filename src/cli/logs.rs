//! `tairyo logs`: the lines of a site's pods and of the operator, merged by time and readable.

mod line;

use clap::Args;
use futures::stream::{self, StreamExt as _};
use futures::{AsyncBufReadExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, LogParams};
use kube::{Api, ResourceExt as _};

use super::cluster::{self, Cluster, ClusterOptions, explain_named};
use super::output::{self, Format, OutputOptions, Paint, note};
use crate::api::names::{COMPONENT_LABEL, SITE_LABEL};

use line::Line;

/// The lines of a site.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tairyo logs blog\n  tairyo logs blog --component web --since 10m\n  tairyo logs blog --follow\n  \
                        tairyo logs blog -o json | jq 'select(.level == \"ERROR\")'"
)]
pub struct Options {
    /// The name of the site
    site: String,

    /// Pods of this component alone: web, database, install, schema, cron
    #[arg(long, value_name = "COMPONENT")]
    component: Option<String>,

    /// Go on with new lines, until Ctrl-C
    #[arg(short, long)]
    follow: bool,

    /// Lines of each container that are shown at most
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    tail: i64,

    /// Lines that are not older than this, such as 90s, 10m or 2h
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    since: Option<i64>,

    /// The namespace of the operator, whose lines about the site are shown, too
    #[arg(long, value_name = "NAMESPACE", default_value = "tairyo-system")]
    operator_namespace: String,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// `90s`, `10m`, `2h` or `1d` in seconds.
fn seconds(text: &str) -> Result<i64, String> {
    let allowed = || "allowed is a number with s, m, h or d, such as 90s, 10m or 2h".to_owned();
    let unit = text.chars().last().ok_or_else(allowed)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(allowed()),
    };
    let number: i64 = text[..text.len() - 1].parse().map_err(|_| allowed())?;
    number.checked_mul(factor).filter(|seconds| *seconds > 0).ok_or_else(allowed)
}

/// Why there are no lines.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster gave no answer.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The answer was not written.
    #[error(transparent)]
    Output(#[from] output::Error),
    /// The stream of lines broke.
    #[error("failed to read lines")]
    Read(#[from] std::io::Error),
}

/// A container whose lines are read.
struct Source {
    api: Api<Pod>,
    pod: String,
    container: String,
    /// Of the operator only what speaks of the site of this namespace and name.
    about: Option<(String, String)>,
}

/// Shows the lines.
pub async fn run(options: Options) -> Result<(), Error> {
    let cluster = Cluster::connect(&options.cluster).await?;
    cluster.site(&options.site).await?;
    let sources = sources(&cluster, &options).await?;
    let paint = Paint::of_this_process();
    let format = options.output.output;
    if options.follow {
        return follow(&cluster, sources, &options, |line| show(&line, format, paint)).await;
    }
    let mut lines = Vec::new();
    for source in &sources {
        match source.api.logs(&source.pod, &parameters(source, &options)).await {
            Ok(text) => lines.extend(text.lines().filter_map(|line| read(source, line))),
            // A container that has not started has no lines.
            Err(kube::Error::Api(status)) if status.code == 400 => {}
            Err(error) => return Err(log_error(&cluster, error).into()),
        }
    }
    lines.sort_by_key(|line| line.time);
    lines.iter().try_for_each(|line| show(line, format, paint))
}

fn log_error(cluster: &Cluster, error: kube::Error) -> cluster::Error {
    explain_named("get", "pods/log".into(), Some(cluster.namespace.clone()), error)
}

async fn follow(
    cluster: &Cluster,
    sources: Vec<Source>,
    options: &Options,
    show: impl Fn(Line) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut streams = Vec::new();
    for source in sources {
        match source.api.log_stream(&source.pod, &parameters(&source, options)).await {
            Ok(lines) => {
                let lines = lines.lines().try_filter_map(move |line| std::future::ready(Ok(read(&source, &line))));
                streams.push(Box::pin(lines));
            }
            Err(kube::Error::Api(status)) if status.code == 400 => {}
            Err(error) => return Err(log_error(cluster, error).into()),
        }
    }
    let mut lines = stream::select_all(streams);
    while let Some(line) = lines.next().await.transpose()? {
        show(line)?;
    }
    Ok(())
}

fn parameters(source: &Source, options: &Options) -> LogParams {
    LogParams {
        container: Some(source.container.clone()),
        follow: options.follow,
        tail_lines: Some(options.tail),
        since_seconds: options.since,
        timestamps: true,
        ..LogParams::default()
    }
}

fn read(source: &Source, text: &str) -> Option<Line> {
    if source.about.as_ref().is_some_and(|(namespace, name)| !line::is_about(text, namespace, name)) {
        return None;
    }
    Line::read(&source.pod, &source.container, text)
}

fn show(line: &Line, format: Format, paint: Paint) -> Result<(), Error> {
    let text = match format {
        Format::Text => line.text(paint),
        // One line for each, so that programs can read along.
        Format::Json => serde_json::to_string(line).map_err(output::Error::from)? + "\n",
        Format::Yaml => format!("---\n{}", output::serialized(line, Format::Yaml)?),
    };
    Ok(output::text(&text)?)
}

async fn sources(cluster: &Cluster, options: &Options) -> Result<Vec<Source>, Error> {
    let component = options.component.as_ref().map(|it| format!(",{COMPONENT_LABEL}={it}")).unwrap_or_default();
    let pods = cluster.list::<Pod>(&format!("{SITE_LABEL}={}{component}", options.site)).await?;
    let api = cluster.api::<Pod>();
    let mut sources: Vec<_> = pods.iter().flat_map(|pod| containers(&api, pod, None)).collect();
    if options.component.is_none() {
        let api = Api::<Pod>::namespaced(cluster.client.clone(), &options.operator_namespace);
        let operator =
            ListParams::default().labels("app.kubernetes.io/name=tairyo,app.kubernetes.io/component=operator");
        match api.list(&operator).await {
            Ok(pods) => {
                let about = (cluster.namespace.clone(), options.site.clone());
                sources.extend(pods.iter().flat_map(|pod| containers(&api, pod, Some(&about))));
            }
            Err(error) => note(&format!("Lines of the operator are not shown: {error}")),
        }
    }
    Ok(sources)
}

fn containers(api: &Api<Pod>, pod: &Pod, about: Option<&(String, String)>) -> Vec<Source> {
    let spec = pod.spec.clone().unwrap_or_default();
    let all = spec.init_containers.unwrap_or_default().into_iter().chain(spec.containers);
    all.map(|container| Source {
        api: api.clone(),
        pod: pod.name_any(),
        container: container.name,
        about: about.cloned(),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_with_its_unit() {
        assert_eq!(
            (seconds("90s"), seconds("10m"), seconds("2h"), seconds("1d")),
            (Ok(90), Ok(600), Ok(7200), Ok(86_400))
        );
        for wrong in ["", "10", "m", "-1s", "0s", "1w", "1.5h"] {
            assert!(seconds(wrong).expect_err(wrong).contains("90s, 10m or 2h"), "{wrong}");
        }
    }
}
