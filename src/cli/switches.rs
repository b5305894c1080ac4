//! `tairyo suspend`, `resume`, `reconcile` and `approve`: the little that a person says to a site by hand.

use clap::Args;
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::cluster::{self, Cluster, ClusterOptions};
use super::output::{self, Cell, Output, OutputOptions, Paint, Tone, note};
use crate::api::names::{APPROVE_ANNOTATION, RECONCILE_ANNOTATION, SUSPEND_ANNOTATION};
use crate::api::status::{Change, Plan};
use crate::api::{WordPressSite, WordPressSiteStatus};
use crate::site::actions::suspended;

/// Who writes, so that `kubectl apply` of the manifest and the operator keep what is theirs.
const FIELD_MANAGER: &str = "tairyo-cli";

/// A site.
#[derive(Args)]
pub struct Options {
    /// The name of the site
    site: String,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// Which plan is allowed.
#[derive(Args)]
#[command(after_help = "Examples:\n  tairyo approve blog\n  tairyo approve blog --yes\n  \
                        tairyo approve blog --token 1f2e3d4c --yes\n\n\
                        The token allows exactly the plan that is shown. Another change makes another plan with another token.")]
pub struct ApproveOptions {
    /// The name of the site
    site: String,

    /// Approve only if the plan has this token
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Nothing is changed from now on.
    Suspend,
    /// Changes go on.
    Resume,
    /// A pass is made now.
    Reconcile,
}

/// Why nothing was said to the site.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster gave no answer.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The answer was not written.
    #[error(transparent)]
    Output(#[from] output::Error),
    /// Nothing waits for approval.
    #[error("failed to find a plan that waits for approval; `tairyo status {0}` says what the site waits for")]
    NoPlan(String),
    /// The plan is another one.
    #[error("failed to approve the token {asked:?}: the plan has the token {found:?}; read it with `tairyo status`")]
    OtherToken {
        /// The token of the command line.
        asked: String,
        /// The token of the plan.
        found: String,
    },
    /// Nobody can be asked.
    #[error("failed to ask, since this is no terminal; add --yes, and --token {0} to allow exactly this plan")]
    CannotAsk(String),
    /// The answer was no.
    #[error("failed to get a yes; nothing was approved")]
    Declined,
}

/// Carries `switch` out.
pub async fn run(switch: Switch, options: Options) -> Result<(), Error> {
    let cluster = Cluster::connect(&options.cluster).await?;
    let site = cluster.site(&options.site).await?;
    let is_suspended = suspended(&site.spec, site.annotations()).is_some();
    let done = match switch {
        Switch::Suspend if is_suspended => "is suspended already",
        Switch::Resume if !is_suspended => "is not suspended",
        Switch::Suspend => "is suspended; what runs goes on running, and nothing is changed",
        Switch::Resume => "goes on",
        Switch::Reconcile => "is looked at now",
    };
    let already = switch != Switch::Reconcile && is_suspended == (switch == Switch::Suspend);
    let site = if already { site } else { patch(&cluster, &options.site, &change(switch, Timestamp::now())).await? };
    Output::new(options.output.output).answer(&site, |_| format!("{}/{} {done}\n", cluster.namespace, options.site))?;
    Ok(())
}

/// What is merged into the site.
fn change(switch: Switch, now: Timestamp) -> Value {
    match switch {
        Switch::Suspend => json!({"spec": {"suspend": true}}),
        // Whichever of the two held it still.
        Switch::Resume => json!({"spec": {"suspend": false}, "metadata": {"annotations": {SUSPEND_ANNOTATION: null}}}),
        Switch::Reconcile => json!({"metadata": {"annotations": {RECONCILE_ANNOTATION: now.to_string()}}}),
    }
}

async fn patch(cluster: &Cluster, site: &str, change: &Value) -> Result<WordPressSite, cluster::Error> {
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    let patched = cluster.api::<WordPressSite>().patch(site, &parameters, &Patch::Merge(change)).await;
    patched.map_err(|error| cluster.error::<WordPressSite>("patch", error))
}

/// Shows the plan that waits, asks, and allows it.
pub async fn approve(options: ApproveOptions) -> Result<(), Error> {
    let cluster = Cluster::connect(&options.cluster).await?;
    let site = cluster.site(&options.site).await?;
    let status = site.status.clone().unwrap_or_default();
    let plan = plan(&status, &options.site, options.token.as_deref())?;
    let output = Output::new(options.output.output);
    if site.annotations().get(APPROVE_ANNOTATION) == Some(&plan.token) {
        note("The plan is approved already; the operator carries it out.");
        output.answer(plan, |paint| screen(plan, paint))?;
        return Ok(());
    }
    if !options.yes {
        if !Output::can_ask() {
            note(&screen(plan, Paint::PLAIN));
            return Err(Error::CannotAsk(plan.token.clone()));
        }
        note(&screen(plan, output.paint));
        if !output::confirm("Allow exactly this?")? {
            return Err(Error::Declined);
        }
    }
    // The version guards against a plan that was made while the person was reading.
    let version = site.resource_version();
    let change = json!({"metadata": {"resourceVersion": version, "annotations": {APPROVE_ANNOTATION: plan.token}}});
    patch(&cluster, &options.site, &change).await?;
    output.answer(plan, |paint| {
        let seen = if options.yes { screen(plan, paint) } else { String::new() };
        format!("{seen}Approved. To look on: tairyo status {} -n {} --watch\n", options.site, cluster.namespace)
    })?;
    Ok(())
}

/// The plan that waits, if it is the one that is meant.
fn plan<'a>(status: &'a WordPressSiteStatus, site: &str, token: Option<&str>) -> Result<&'a Plan, Error> {
    let plan = status.plan.as_ref().ok_or_else(|| Error::NoPlan(site.into()))?;
    match token {
        Some(token) if token != plan.token => Err(Error::OtherToken { asked: token.into(), found: plan.token.clone() }),
        _ => Ok(plan),
    }
}

/// A plan as a person reads it.
fn screen(plan: &Plan, paint: Paint) -> String {
    let head = format!("The unit {}, token {}\n\n", plan.unit, plan.token);
    paint.paint(&head, Tone::Strong) + &changes_table(&plan.changes, paint)
}

/// Changes of resources, with what they cost.
pub fn changes_table(changes: &[Change], paint: Paint) -> String {
    let rows: Vec<_> = changes
        .iter()
        .map(|it| {
            let (word, tone) = match (it.action.as_str(), it.replacement.as_deref()) {
                ("Remove" | "Delete", _) => ("is removed", Tone::Bad),
                ("Add" | "Create" | "Import", _) => ("is created", Tone::Good),
                (_, Some("True")) => ("is replaced", Tone::Bad),
                (_, Some("False")) => ("is changed", Tone::Busy),
                _ => ("may be replaced", Tone::Bad),
            };
            let danger = crate::cloudformation::guard::holds_data(&it.kind) && tone == Tone::Bad;
            let danger = if danger { Cell::new("ITS DATA IS LOST", Tone::Bad) } else { Cell::from("") };
            [
                it.resource.clone().into(),
                it.kind.clone().into(),
                Cell::new(word, tone),
                danger,
                it.properties.join(", ").into(),
            ]
        })
        .collect();
    paint.table(["RESOURCE", "TYPE", "WHAT", "DANGER", "PROPERTIES"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> WordPressSiteStatus {
        let change = Change {
            action: "Modify".into(),
            resource: "Cluster".into(),
            kind: "AWS::RDS::DBCluster".into(),
            replacement: Some("True".into()),
            properties: vec!["KmsKeyId".into()],
        };
        let plan = Plan { unit: "data".into(), token: "1f2e".into(), changes: vec![change], ..Plan::default() };
        WordPressSiteStatus { plan: Some(plan), ..WordPressSiteStatus::default() }
    }

    #[test]
    fn a_plan_with_another_token_is_not_approved() {
        let status = waiting();
        assert!(plan(&status, "blog", None).is_ok());
        assert!(plan(&status, "blog", Some("1f2e")).is_ok());
        let message = plan(&status, "blog", Some("0000")).expect_err("another").to_string();
        assert!(message.contains("1f2e"), "{message}");
        let message = plan(&WordPressSiteStatus::default(), "blog", None).expect_err("none").to_string();
        assert!(message.contains("tairyo status blog"), "{message}");
    }

    #[test]
    fn a_plan_that_loses_data_says_so() {
        let screen = screen(waiting().plan.as_ref().expect("there is one"), Paint::PLAIN);
        insta::assert_snapshot!(screen, @r"
        The unit data, token 1f2e

        RESOURCE  TYPE                 WHAT         DANGER            PROPERTIES
        Cluster   AWS::RDS::DBCluster  is replaced  ITS DATA IS LOST  KmsKeyId
        ");
    }

    #[test]
    fn a_switch_changes_what_it_is_about_and_nothing_else() {
        let now = "2026-01-02T03:04:05Z".parse().expect("a time");
        assert_eq!(change(Switch::Suspend, now), json!({"spec": {"suspend": true}}));
        let resumed = json!({"spec": {"suspend": false}, "metadata": {"annotations": {"tairyo.dev/suspend": null}}});
        assert_eq!(change(Switch::Resume, now), resumed);
        let asked = json!({"metadata": {"annotations": {"tairyo.dev/reconcile-requested-at": "2026-01-02T03:04:05Z"}}});
        assert_eq!(change(Switch::Reconcile, now), asked);
    }
}
