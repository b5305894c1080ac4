//! One pass over one site: the steps in their order, and what is told of them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::controller::Action;
use kube::runtime::events::EventType;
use kube::runtime::reflector::Store;
use kube::{Client, Resource, ResourceExt};
use rand::RngExt as _;

use super::actions::{self, Actions, Reached};
use super::apply::apply;
use super::build::build;
use super::conditions::{self, Findings};
use super::decide::{decide, progress};
use super::dereference::dereference;
use super::diagnosis::Finding;
use super::managed::Managed;
use super::model::{Scaling, Site};
use super::observe::{Caches, Observed, front, observe};
use super::probe::probe;
use super::resolve::resolve;
use super::status::{Written, write, write_changed};
use super::validate::{Defaults, Invalid, validate};
use super::{apply, dereference, finalize, observe, stacks, status};
use crate::api::condition::{ConditionType, Reason};
use crate::api::site::DeletionPolicy;
use crate::api::{WordPressClass, WordPressSite, WordPressSiteStatus};
use crate::cloudformation::accounts::Accounts;
use crate::operator::backoff::Backoff;
use crate::operator::events::Publisher;
use crate::operator::options::OperatorOptions;

/// How soon a site that waits for a person is looked at again: what it refers to is not watched, Secrets above all.
const LOOK_AGAIN_AT_STALLED: Duration = Duration::from_secs(20);
/// How soon a site that comes up is looked at again, where nothing wakes it: why pods are refused is said in Events,
/// which are not watched.
const LOOK_AGAIN_AT_RECONCILING: Duration = Duration::from_secs(5);
/// Passes that may fail one after the other before the status says so.
const FAILURES_BEFORE_A_WORD: u32 = 3;
/// How soon a page that did not answer is asked for again.
const PROBE_AGAIN_AFTER: Duration = Duration::from_secs(3);

/// What every pass needs.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// The caches of the sites' objects.
    pub caches: Caches,
    /// The cache of all classes.
    pub classes: Store<WordPressClass>,
    /// The cache of all sites.
    pub sites: Store<DeserializeGuard<WordPressSite>>,
    /// What the flags say for sites that say nothing.
    pub defaults: Defaults,
    /// The statuses written last.
    pub written: Written,
    /// Where events go.
    pub events: Publisher,
    /// The flags.
    pub options: OperatorOptions,
    /// How long each site that fails waits.
    pub backoff: Backoff,
    /// The AWS accounts and regions that classes name.
    pub accounts: Accounts,
}

/// Why a pass ended early. None of these is for the site's owner to act on; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A reference could not be fetched.
    #[error("failed to dereference the site")]
    Dereference(#[from] dereference::Error),
    /// The state could not be read.
    #[error("failed to observe the site")]
    Observe(#[from] observe::Error),
    /// A step was not carried out.
    #[error("failed to apply the site's objects")]
    Apply(#[from] apply::Error),
    /// The status was not written.
    #[error("failed to report on the site")]
    Status(#[from] status::Error),
    /// The end of the site was not carried out.
    #[error("failed to finalize the site")]
    Finalize(#[from] finalize::Error),
    /// The API server holds a site that this version cannot read.
    #[error("failed to read the site as this version knows it: {0}")]
    Malformed(#[from] Box<InvalidObject>),
}

/// One pass over `guarded`.
pub async fn reconcile(guarded: Arc<DeserializeGuard<WordPressSite>>, context: Arc<Context>) -> Result<Action, Error> {
    let action = match &guarded.0 {
        Err(malformed) if malformed.metadata.deletion_timestamp.is_some() => {
            finalize_malformed(&context, guarded.as_ref()).await
        }
        Err(malformed) => Err(Box::new(malformed.clone()).into()),
        Ok(site) if site.metadata.deletion_timestamp.is_some() => finalize_site(&context, site).await,
        Ok(site) => match Box::pin(pass(&context, site.clone())).await {
            Ok(action) => Ok(action),
            Err(error) => {
                report_failure(&context, site, &error).await;
                Err(error)
            }
        },
    }?;
    context.backoff.success(&guarded.meta().uid.clone().unwrap_or_default());
    Ok(action)
}

/// Says in the status that passes fail, once it is more than a hiccup. That this fails too is no news.
async fn report_failure(context: &Context, site: &WordPressSite, error: &Error) {
    if context.backoff.failures(&site.uid().unwrap_or_default()) < FAILURES_BEFORE_A_WORD {
        return;
    }
    let previous = context.written.previous(site);
    let message = format!("passes over the site fail and are tried again: {}", chain(error));
    let status = conditions::failing(&previous, site.metadata.generation, &message, Timestamp::now());
    if let Err(error) = write(&context.client, &context.written, site, status).await {
        tracing::debug!(error = %chain(&error), "the failure could not be reported");
    }
}

/// An error with all of its causes on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

async fn pass(context: &Context, site: WordPressSite) -> Result<Action, Error> {
    let site = finalize::guard(&context.client, site).await?;
    let classes: Vec<_> = context.classes.state().iter().map(|class| (**class).clone()).collect();
    let sites: Vec<_> = context.sites.state().iter().filter_map(|guarded| guarded.0.as_ref().ok().cloned()).collect();
    let refs = dereference(&context.client, &site, &classes, &sites).await?;
    match validate(&site, &refs, &context.defaults) {
        Ok(valid) => pass_of_valid(context, &site, valid).await,
        Err(invalid) => pass_of_invalid(context, &site, &invalid).await,
    }
}

async fn pass_of_invalid(context: &Context, site: &WordPressSite, invalid: &Invalid) -> Result<Action, Error> {
    let previous = context.written.previous(site);
    let mut status = conditions::invalid(&previous, site.metadata.generation, invalid, Timestamp::now());
    Actions::of(site.annotations(), &previous).acknowledge(&mut status, Reached::Looked);
    report(context, site, &previous, status).await?;
    Ok(Action::requeue(jittered(LOOK_AGAIN_AT_STALLED)))
}

async fn pass_of_valid(context: &Context, site: &WordPressSite, valid: Site) -> Result<Action, Error> {
    let previous = context.written.previous(site);
    let actions = Actions::of(site.annotations(), &previous);
    let suspended = actions::suspended(&site.spec, site.annotations());
    let managed = if suspended.is_some() {
        Managed::remembered(&previous)
    } else {
        let memory = actions.memory(&previous);
        stacks::advance(context, site, &valid, &memory, &front(&context.caches, &valid)).await
    };
    // Where the pods still wait for managed parts, nothing of them is touched: what runs goes on running.
    let resolved = resolve(&valid, &managed.outputs, &context.defaults.gateway);
    let waits_for_aws = resolved.as_ref().err().cloned();
    let valid = resolved.unwrap_or(valid);
    let mut desired = build(&valid);
    actions.mark(&mut desired);
    let observed = observe(&context.client, &context.caches, &valid, &desired).await?;
    let progress = progress(&valid, &desired, &observed);
    let adopts = site.spec.adopt.as_deref();
    let mut look_again_after =
        managed.look_again_after.unwrap_or(context.options.resync()).min(context.options.resync());
    let mut current = true;
    let mut reached = if suspended.is_some() { Reached::Looked } else { Reached::Some };
    let now = actions.time(Timestamp::now());
    let obstacle = match decide(&valid, adopts, &desired, &observed, &progress, now) {
        _ if managed.obstacle.is_some() => managed.obstacle.clone(),
        _ if waits_for_aws.is_some() => None,
        Err(obstacle) => Some(obstacle),
        Ok(_) if suspended.is_some() => None,
        Ok(steps) => {
            look_again_after = steps.look_again_after.map_or(look_again_after, |soon| soon.min(look_again_after));
            current = !steps.apply.iter().any(|prepared| prepared.resource.kind == "Deployment");
            match apply(&context.client, &valid, &desired, steps).await {
                Ok(()) => {
                    // The web pods come last, and only to a database that is theirs.
                    if progress.installed.is_ok() && progress.schema.is_ok() {
                        reached = Reached::WebPods;
                    }
                    None
                }
                Err(error) => Some(error.finding().ok_or(error)?),
            }
        }
    };
    let published = published(&valid, &observed).await;
    if matches!(&published, Some(Err(_))) {
        look_again_after = look_again_after.min(PROBE_AGAIN_AFTER);
    }
    if obstacle.is_some() {
        look_again_after = look_again_after.min(LOOK_AGAIN_AT_STALLED);
    }
    let findings = Findings {
        site: &valid,
        observed: &observed,
        progress: &progress,
        managed: &managed,
        obstacle: obstacle.as_ref(),
        published,
        current,
        suspended,
    };
    let mut status = conditions::status(&previous, site.metadata.generation, &findings, Timestamp::now());
    actions.acknowledge(&mut status, reached);
    if conditions::find(&status, ConditionType::Reconciling).is_some_and(|it| it.status == "True") {
        look_again_after = look_again_after.min(LOOK_AGAIN_AT_RECONCILING);
    }
    report(context, site, &previous, status).await?;
    Ok(Action::requeue(jittered(look_again_after)))
}

/// The page is asked for once a pod can answer.
async fn published(site: &Site, observed: &Observed) -> Option<Result<String, Finding>> {
    let available = observed.deployment.as_ref().and_then(|it| it.status.as_ref()?.available_replicas).unwrap_or(0);
    if available == 0 || site.web.scaling == Scaling::Fixed(0) {
        return None;
    }
    Some(probe(site, observed.service.as_deref()).await)
}

async fn report(
    context: &Context,
    site: &WordPressSite,
    previous: &WordPressSiteStatus,
    status: WordPressSiteStatus,
) -> Result<(), Error> {
    let change = change(previous, &status);
    if write(&context.client, &context.written, site, status).await?
        && let Some((kind, reason, message)) = change
    {
        context.events.publish(&site.object_ref(&()), kind, &reason, "Reconcile", &message).await;
    }
    Ok(())
}

/// What to tell as an event: that the summary has another reason or status than before, not each new wording.
fn change(previous: &WordPressSiteStatus, status: &WordPressSiteStatus) -> Option<(EventType, String, String)> {
    let now = conditions::find(status, ConditionType::Ready)?;
    let before = conditions::find(previous, ConditionType::Ready);
    if before.is_some_and(|before| before.reason == now.reason && before.status == now.status) {
        return None;
    }
    let stalled = conditions::find(status, ConditionType::Stalled).is_some_and(|stalled| stalled.status == "True");
    let kind = if stalled { EventType::Warning } else { EventType::Normal };
    tracing::info!(reason = now.reason, message = now.message, "the site changed its state");
    Some((kind, now.reason.clone(), now.message.clone()))
}

async fn finalize_site(context: &Context, site: &WordPressSite) -> Result<Action, Error> {
    let classes: Vec<_> = context.classes.state().iter().map(|class| (**class).clone()).collect();
    finalize_with(context, site, finalize::policy(site, &classes)).await
}

/// What cannot be read has no policy, and without a policy nothing is deleted.
async fn finalize_malformed(context: &Context, site: &DeserializeGuard<WordPressSite>) -> Result<Action, Error> {
    finalize_with(context, site, DeletionPolicy::Retain).await
}

async fn finalize_with<K>(context: &Context, site: &K, policy: DeletionPolicy) -> Result<Action, Error>
where
    K: Resource<DynamicType = ()>,
{
    let (name, namespace) = (site.name_any(), site.namespace().unwrap_or_default());
    let uid = site.uid().unwrap_or_default();
    if !site.finalizers().iter().any(|finalizer| finalizer == crate::api::names::FINALIZER) {
        return Ok(Action::await_change());
    }
    let live = finalize::units::live(&context.client, site).await?;
    let units = finalize::units::retire(context, site, &live, policy).await?;
    let deleting: &str = Reason::Deleting.into();
    for message in &units.ended {
        tracing::info!(site = name, namespace, message, "a unit ended");
        context.events.publish(&site.object_ref(&()), EventType::Normal, deleting, "Finalize", message).await;
    }
    if let Some(finding) = &units.finding {
        return say_why_it_stays(context, site, &live.status, &units, finding).await;
    }
    let mut outcome = finalize::settle(&context.client, &namespace, &name, &uid, policy).await?;
    let policy: &str = policy.into();
    outcome.kept.extend(units.kept);
    let message = match (outcome.kept.as_slice(), outcome.deleted.as_slice()) {
        ([], []) => format!("the site had no data to keep or delete (deletionPolicy {policy})"),
        ([], deleted) => format!("deleted {} (deletionPolicy {policy})", deleted.join(", ")),
        (kept, _) => format!(
            "kept {} (deletionPolicy {policy}); a new site of this name takes over volumes and stacks with spec.adopt: {}",
            kept.join(", "),
            live.owner_uid
        ),
    };
    tracing::info!(site = name, namespace, message, "the site ends");
    context.events.publish(&site.object_ref(&()), EventType::Normal, deleting, "Finalize", &message).await;
    finalize::release(&context.client, site).await?;
    context.written.forget(&uid);
    context.backoff.forget(&uid);
    Ok(Action::await_change())
}

/// The end takes time, or a person: the status says which, since the finalizer is all that is seen otherwise.
async fn say_why_it_stays<K>(
    context: &Context,
    site: &K,
    before: &WordPressSiteStatus,
    units: &finalize::units::Progress,
    finding: &Finding,
) -> Result<Action, Error>
where
    K: Resource<DynamicType = ()>,
{
    let mut status = conditions::deleting(before, site.meta().generation, finding, Timestamp::now());
    status.units.clone_from(&units.units);
    if status != *before
        && write_changed(&context.client, site, &status).await?
        && conditions::find(before, ConditionType::Ready).is_none_or(|ready| ready.reason != finding.reason.to_string())
    {
        let kind = if finding.needs_a_person() { EventType::Warning } else { EventType::Normal };
        let reason: &str = finding.reason.into();
        context.events.publish(&site.object_ref(&()), kind, reason, "Finalize", &finding.message).await;
    }
    let soon = units.look_again_after.unwrap_or(LOOK_AGAIN_AT_STALLED);
    Ok(Action::requeue(jittered(soon)))
}

/// Up to a tenth more or less, so that sites which started together, for instance at a restart, do not stay together.
fn jittered(after: Duration) -> Duration {
    after.mul_f64(rand::rng().random_range(0.9..1.1))
}
