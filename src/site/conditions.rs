//! Seventh step, the pure half: from what was applied and observed to the status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::decide::Progress;
use super::diagnosis::{self, Finding};
use super::managed::Managed;
use super::model::{DatabaseProvider, Media, Scaling, Site};
use super::observe::Observed;
use super::validate::Invalid;
use crate::api::condition::{ConditionType, Reason};
use crate::api::names::{COMPONENT_LABEL, Component, SITE_LABEL};
use crate::api::status::{Version, WordPressSiteStatus};
use crate::units::Unit;

/// What a pass found out.
pub struct Findings<'a> {
    /// The validated site.
    pub site: &'a Site,
    /// What there is.
    pub observed: &'a Observed,
    /// How far the parts are.
    pub progress: &'a Progress,
    /// The AWS half.
    pub managed: &'a Managed,
    /// What stopped the pass from applying everything.
    pub obstacle: Option<&'a Finding>,
    /// What the page answered, where it was asked for.
    pub published: Option<Result<String, Finding>>,
    /// Whether the deployment on the cluster is the wanted one.
    pub current: bool,
    /// What holds the site still, and how to end that.
    pub suspended: Option<&'static str>,
}

/// One condition before it has times.
struct Part {
    kind: ConditionType,
    state: Result<Finding, Finding>,
}

fn ready(message: impl Into<String>) -> Finding {
    Finding::new(Reason::Ready, message)
}

fn waiting(message: impl Into<String>) -> Finding {
    Finding::new(Reason::Waiting, message)
}

/// The status of a site whose spec cannot be built from: what was known of its parts stays as it was.
#[must_use]
pub fn invalid(
    previous: &WordPressSiteStatus,
    generation: Option<i64>,
    invalid: &Invalid,
    now: Timestamp,
) -> WordPressSiteStatus {
    let mut status = previous.clone();
    status.observed_generation = generation;
    let mut conditions = Conditions { previous, generation, now, list: Vec::new() };
    conditions.set(ConditionType::Ready, "False", invalid.reason, &invalid.message);
    conditions.set(ConditionType::Reconciling, "False", Reason::Settled, "nothing is done until the spec is valid");
    conditions.set(ConditionType::Stalled, "True", invalid.reason, &invalid.message);
    conditions.set(ConditionType::SpecValid, "False", invalid.reason, &invalid.message);
    keep_the_rest(&mut conditions.list, previous);
    status.conditions = conditions.list;
    status
}

/// The status of a site whose passes fail: all that was known stays, and what fails is said.
#[must_use]
pub fn failing(
    previous: &WordPressSiteStatus,
    generation: Option<i64>,
    message: &str,
    now: Timestamp,
) -> WordPressSiteStatus {
    let mut status = previous.clone();
    let mut conditions = Conditions { previous, generation, now, list: Vec::new() };
    if find(previous, ConditionType::Ready).is_none() {
        conditions.set(ConditionType::Ready, "Unknown", Reason::ReconcileFailed, message);
    }
    conditions.set(ConditionType::Reconciling, "True", Reason::ReconcileFailed, message);
    conditions.set(ConditionType::Stalled, "False", Reason::Progressing, "");
    keep_the_rest(&mut conditions.list, previous);
    status.conditions = conditions.list;
    status
}

/// The status of a site that is being deleted and not gone yet.
#[must_use]
pub fn deleting(
    previous: &WordPressSiteStatus,
    generation: Option<i64>,
    finding: &Finding,
    now: Timestamp,
) -> WordPressSiteStatus {
    let mut status = previous.clone();
    status.observed_generation = generation;
    let mut conditions = Conditions { previous, generation, now, list: Vec::new() };
    let needs_a_person = finding.needs_a_person();
    conditions.set(ConditionType::Ready, "False", finding.reason, &finding.message);
    let (reconciling, stalled) = if needs_a_person { ("False", "True") } else { ("True", "False") };
    conditions.set(ConditionType::Reconciling, reconciling, Reason::Deleting, "the site is being deleted");
    conditions.set(ConditionType::Stalled, stalled, finding.reason, if needs_a_person { &finding.message } else { "" });
    keep_the_rest(&mut conditions.list, previous);
    status.conditions = conditions.list;
    status
}

fn keep_the_rest(list: &mut Vec<Condition>, previous: &WordPressSiteStatus) {
    for kept in &previous.conditions {
        if !list.iter().any(|condition| condition.type_ == kept.type_) {
            list.push(kept.clone());
        }
    }
}

/// The status of a valid site.
#[must_use]
pub fn status(
    previous: &WordPressSiteStatus,
    generation: Option<i64>,
    findings: &Findings<'_>,
    now: Timestamp,
) -> WordPressSiteStatus {
    let parts = parts(findings);
    let mut conditions = Conditions { previous, generation, now, list: Vec::new() };
    summarise(&mut conditions, findings, &parts);
    for Part { kind, state } in &parts {
        let (status, finding) = match state {
            Ok(finding) => ("True", finding),
            Err(finding) if finding.reason == Reason::Waiting => ("Unknown", finding),
            Err(finding) => ("False", finding),
        };
        conditions.set(*kind, status, finding.reason, &finding.message);
    }
    let site = findings.site;
    let report = findings.progress.schema.as_ref().or(findings.progress.installed.as_ref()).ok();
    let known = previous.version.clone().unwrap_or_default();
    let version = report.map(|report| Version {
        wordpress: report.wordpress_version.clone().or(known.wordpress),
        database_schema: report.database_version.clone().or(known.database_schema),
        image: if findings.progress.schema.is_ok() { Some(site.image.clone()) } else { known.image },
    });
    let mut status = WordPressSiteStatus {
        observed_generation: generation,
        conditions: conditions.list,
        url: Some(site.url.clone()),
        admin_url: Some(format!("{}/wp-admin/", site.url)),
        class_name: Some(site.class_name.clone()),
        version: version.or_else(|| previous.version.clone()),
        replicas: Some(
            findings.observed.deployment.as_ref().and_then(|it| it.status.as_ref()?.replicas).unwrap_or_default(),
        ),
        selector: Some(format!("{SITE_LABEL}={},{COMPONENT_LABEL}={}", site.name, Component::Web)),
        ..WordPressSiteStatus::default()
    };
    findings.managed.write(&mut status);
    status
}

fn summarise(conditions: &mut Conditions<'_>, findings: &Findings<'_>, parts: &[Part]) {
    // What goes on now says more than what waits for it.
    // A change by hand is told, and does not make a site that is served less ready.
    let counts = |part: &&Part| part.kind != ConditionType::DriftFree;
    let troubles = || parts.iter().filter(counts).filter_map(|part| part.state.as_ref().err());
    let first_trouble = troubles().find(|finding| finding.reason != Reason::Waiting).or_else(|| troubles().next());
    // What needs a person comes before what only takes time, wherever it stands in the order.
    let needs_a_person = findings.obstacle.into_iter().chain(troubles()).find(|finding| finding.needs_a_person());
    let trouble = needs_a_person.or(findings.obstacle).or(first_trouble);
    match trouble {
        _ if let Some(message) = findings.suspended => {
            let served = if trouble.is_none() { "True" } else { "False" };
            conditions.set(ConditionType::Ready, served, Reason::Suspended, message);
            conditions.set(ConditionType::Reconciling, "False", Reason::Suspended, message);
            conditions.set(ConditionType::Stalled, "False", Reason::Suspended, message);
        }
        None => {
            let message = format!("{} is served", findings.site.url);
            conditions.set(ConditionType::Ready, "True", Reason::Ready, &message);
            conditions.set(ConditionType::Reconciling, "False", Reason::Settled, "");
            conditions.set(ConditionType::Stalled, "False", Reason::Progressing, "");
        }
        Some(finding) if finding.needs_a_person() => {
            conditions.set(ConditionType::Ready, "False", finding.reason, &finding.message);
            conditions.set(ConditionType::Reconciling, "False", finding.reason, "");
            conditions.set(ConditionType::Stalled, "True", finding.reason, &finding.message);
        }
        Some(finding) => {
            conditions.set(ConditionType::Ready, "False", finding.reason, &finding.message);
            conditions.set(ConditionType::Reconciling, "True", finding.reason, &finding.message);
            conditions.set(ConditionType::Stalled, "False", Reason::Progressing, "");
        }
    }
}

fn parts(findings: &Findings<'_>) -> Vec<Part> {
    let spec_valid =
        Ok(Finding::new(Reason::Valid, format!("the class {:?} admits the site", findings.site.class_name)));
    let managed = findings.managed;
    let parts = [
        (ConditionType::SpecValid, Some(spec_valid)),
        (ConditionType::NetworkReady, managed.part(Unit::Network, "the network")),
        (ConditionType::IdentityReady, managed.part(Unit::Identity, "the role of the pods")),
        (ConditionType::DatabaseReady, Some(database(findings))),
        (ConditionType::MediaReady, Some(media(findings))),
        (ConditionType::SearchReady, managed.part(Unit::Search, "the search domain")),
        (ConditionType::Installed, Some(installed(findings))),
        (ConditionType::WorkloadReady, Some(workload(findings))),
        (ConditionType::CertificateReady, managed.part(Unit::Certificate, "the certificate")),
        (ConditionType::CdnReady, managed.part(Unit::Edge, "the distribution")),
        (ConditionType::Published, Some(published(findings))),
        (ConditionType::DriftFree, managed.drift()),
    ];
    parts.into_iter().filter_map(|(kind, state)| Some(Part { kind, state: state? })).collect()
}

fn database(findings: &Findings<'_>) -> Result<Finding, Finding> {
    let Progress { database, installed, .. } = findings.progress;
    let location = &findings.site.database;
    if let Some(finding) = findings.managed.unit(Unit::Data).and_then(|state| state.finding.as_ref()) {
        return Err(finding.clone());
    }
    if let Some(finding) = database {
        return Err(finding.clone());
    }
    match (&location.provider, installed) {
        (DatabaseProvider::InCluster { .. }, _) => Ok(ready("the database accepts connections")),
        // Only the pods hold the login, so the installation is the first to know.
        (DatabaseProvider::External | DatabaseProvider::Aurora, Ok(_)) => {
            Ok(ready(format!("{} accepts the login", location.host)))
        }
        (DatabaseProvider::External | DatabaseProvider::Aurora, Err(finding))
            if matches!(
                finding.reason,
                Reason::DatabaseAccessDenied | Reason::DatabaseMissing | Reason::DatabaseUnreachable
            ) =>
        {
            Err(finding.clone())
        }
        (DatabaseProvider::External | DatabaseProvider::Aurora, Err(_)) => {
            Err(waiting(format!("the installation will show whether {} accepts the login", location.host)))
        }
    }
}

fn media(findings: &Findings<'_>) -> Result<Finding, Finding> {
    if findings.site.media == Media::Bucket {
        let of_unit = findings.managed.part(Unit::Media, "the bucket");
        return of_unit.unwrap_or_else(|| Err(waiting("the bucket has not been begun")));
    }
    let name = findings.site.object_name(Component::Uploads);
    let claim = findings.observed.claims.iter().find(|claim| claim.metadata.name.as_deref() == Some(&name));
    match claim {
        None => Err(waiting(format!("the claim {name} is being created"))),
        Some(claim) => match diagnosis::claim(claim) {
            None => Ok(ready(format!("the claim {name} is bound"))),
            // A storage class may bind a volume only once a pod wants it. Pods come after the installation, or never.
            Some(_) if findings.site.web.scaling == Scaling::Fixed(0) => Ok(Finding::new(
                Reason::Settled,
                format!("the claim {name} waits for the first pod; spec.web.replicas is 0"),
            )),
            Some(_) if web_pods(findings).next().is_none() => {
                Err(waiting(format!("the claim {name} waits for the first pod")))
            }
            Some(finding) => Err(finding),
        },
    }
}

fn installed(findings: &Findings<'_>) -> Result<Finding, Finding> {
    let Progress { database, installed, schema } = findings.progress;
    match (installed, schema) {
        (Ok(_), Ok(report)) => Ok(ready(match &report.wordpress_version {
            Some(version) => format!("WordPress {version} is installed"),
            None => "WordPress is installed".into(),
        })),
        (Err(_), _) if database.is_some() => Err(waiting("the installation waits for the database")),
        (Err(finding), _) | (Ok(_), Err(finding)) => Err(finding.clone()),
    }
}

fn workload(findings: &Findings<'_>) -> Result<Finding, Finding> {
    let Progress { installed, schema, .. } = findings.progress;
    let Some(deployment) = &findings.observed.deployment else {
        return Err(waiting(if installed.is_ok() {
            "the web pods are being created"
        } else {
            "the web pods wait for the installation"
        }));
    };
    let name = findings.site.object_name(Component::Web);
    if let (Ok(_), Err(finding)) = (installed, schema) {
        // The task of the new image cannot even start: that is the news of the workload, old pods go on serving.
        return Err(Finding::new(
            finding.reason,
            format!("pods of {name} keep the image they have: {}", finding.message),
        ));
    }
    if let Some(failure) = diagnosis::replica_failure(deployment) {
        return Err(failure);
    }
    let status = deployment.status.clone().unwrap_or_default();
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let observed = status.observed_generation >= deployment.metadata.generation;
    let updated = status.updated_replicas.unwrap_or(0);
    let available = status.available_replicas.unwrap_or(0);
    let total = status.replicas.unwrap_or(0);
    if findings.current && observed && updated >= wanted && available >= wanted && total <= wanted {
        return Ok(ready(if wanted == 0 {
            "scaled to zero".to_owned()
        } else {
            format!("{available} of {wanted} web pods are ready")
        }));
    }
    let trouble = web_pods(findings).filter(|pod| !diagnosis::is_ready(pod)).find_map(diagnosis::pod);
    Err(trouble.unwrap_or_else(|| {
        let reason = if available > 0 { Reason::RollingOut } else { Reason::Starting };
        Finding::new(reason, format!("{updated} of {wanted} web pods have the wanted version, {available} are ready"))
    }))
}

fn web_pods<'a>(findings: &'a Findings<'_>) -> impl Iterator<Item = &'a k8s_openapi::api::core::v1::Pod> {
    let web: &str = Component::Web.into();
    findings.observed.pods.iter().map(AsRef::as_ref).filter(move |pod| {
        pod.metadata.labels.as_ref().and_then(|labels| labels.get(COMPONENT_LABEL)).is_some_and(|it| it == web)
    })
}

fn published(findings: &Findings<'_>) -> Result<Finding, Finding> {
    match &findings.published {
        Some(Ok(message)) => Ok(ready(message.clone())),
        Some(Err(finding)) => Err(finding.clone()),
        None if findings.site.web.scaling == Scaling::Fixed(0) && findings.observed.deployment.is_some() => {
            Ok(Finding::new(Reason::Settled, "nothing is served, since spec.web.replicas is 0"))
        }
        None => Err(waiting("the page is fetched once a web pod is ready")),
    }
}

struct Conditions<'a> {
    previous: &'a WordPressSiteStatus,
    generation: Option<i64>,
    now: Timestamp,
    list: Vec<Condition>,
}

impl Conditions<'_> {
    /// Sets a condition. Its time moves only when its status does.
    fn set(&mut self, kind: ConditionType, status: &str, reason: Reason, message: &str) {
        let type_ = kind.to_string();
        let since = self
            .previous
            .conditions
            .iter()
            .find(|before| before.type_ == type_ && before.status == status)
            .map_or(Time(self.now), |before| before.last_transition_time.clone());
        self.list.push(Condition {
            type_,
            status: status.into(),
            reason: reason.to_string(),
            message: message.into(),
            observed_generation: self.generation,
            last_transition_time: since,
        });
    }
}

/// The condition `kind` of `status`.
#[must_use]
pub fn find(status: &WordPressSiteStatus, kind: ConditionType) -> Option<&Condition> {
    let name: &str = kind.into();
    status.conditions.iter().find(|condition| condition.type_ == name)
}

#[cfg(test)]
mod tests;
