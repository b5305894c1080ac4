//! The AWS half of a pass: each unit is brought one step further. Holds the only calls of `CloudFormation` for a living site.

mod removed;

pub(super) use removed::retire_with_bucket;

use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;

use super::managed::{Front, Managed, UnitState};
use super::model::Site;
use super::reconcile::Context;
use crate::api::condition::Reason;
use crate::api::finding::Finding;
use crate::api::names::APPROVE_ANNOTATION;
use crate::api::status::{AwsIdentity, DnsRecord, UnitStatus};
use crate::api::{WordPressSite, WordPressSiteStatus};
use crate::cloudformation::accounts::Account;
use crate::cloudformation::engine::{self, Order};
use crate::cloudformation::port::{CloudFormation, Error};
use crate::cloudformation::search_domain::DomainChange;
use crate::cloudformation::stack::DesiredStack;
use crate::cloudformation::work::finding_of;
use crate::units::graph::{self, Missing};
use crate::units::{Request, Unit, dns, owner};

/// How long a certificate may wait for its records before a person is asked to look.
const VALIDATION_PATIENCE: Duration = Duration::from_hours(12);

/// What all units of a pass share.
struct Pass<'a> {
    context: &'a Context,
    site: &'a WordPressSite,
    previous: &'a WordPressSiteStatus,
    now: Timestamp,
}

/// Brings every unit of `valid` one step further, and asks about those that its class no longer provides.
pub async fn advance(
    context: &Context,
    site: &WordPressSite,
    valid: &Site,
    previous: &WordPressSiteStatus,
    front: &Front,
) -> Managed {
    let mut managed = Managed::remembered(previous);
    managed.units.clear();
    managed.plan = None;
    let pass = Pass { context, site, previous, now: Timestamp::now() };
    if let Some(request) = &valid.aws {
        let mut request = request.clone();
        if let Some(edge) = &mut request.edge
            && edge.origin_host.is_none()
        {
            edge.origin_host.clone_from(&front.load_balancer);
        }
        managed.aws = Some(identity(&request));
        managed.looks_for_drift = request.drift_check_hours.is_some();
        managed.dns_records.clear();
        for unit in request.units() {
            let state = pass.advance_unit(&request, unit, front, &mut managed).await;
            managed.units.push(state);
        }
        managed.dns_records.extend(dns::alias_records(&request, &managed.outputs));
        managed.dns_records.sort();
        managed.dns_records.dedup();
    }
    pass.ask_about_the_others(valid, &mut managed).await;
    managed
}

/// Where and as whom the units of `request` are made.
fn identity(request: &Request) -> AwsIdentity {
    AwsIdentity {
        region: request.region.clone(),
        role_arn: request.role_arn.clone(),
        external_id: request.external_id.clone(),
        endpoint_url: request.endpoint_url.clone(),
    }
}

fn waiting(message: impl Into<String>) -> Finding {
    Finding::new(Reason::Waiting, message)
}

impl Pass<'_> {
    fn record(&self, unit: Unit) -> Option<&UnitStatus> {
        let name: &str = unit.into();
        self.previous.units.iter().find(|record| record.name == name)
    }

    fn approved(&self) -> Option<&str> {
        self.site.annotations().get(APPROVE_ANNOTATION).map(String::as_str)
    }

    async fn advance_unit(&self, request: &Request, unit: Unit, front: &Front, managed: &mut Managed) -> UnitState {
        let record = self.record(unit).cloned();
        let held = |record, finding| UnitState { unit, record, finding: Some(finding) };
        let desired = match graph::stack(unit, request, &managed.outputs) {
            Ok(desired) => desired,
            Err(missing) => return held(record, missing_inputs(unit, &missing)),
        };
        // Aliases lead visitors to the distribution as soon as it stands.
        if unit == Unit::Edge && record.is_none() && !front.serves {
            return held(record, waiting("the distribution waits for the first web pod that serves"));
        }
        let account = match self.context.accounts.account(&identity(request), &desired.region).await {
            Ok(account) => account,
            Err(error) => {
                let finding = finding_of(&error);
                let finding = (!is_hiccup(&finding, record.as_ref(), &desired)).then_some(finding);
                managed.look_again(Some(self.context.options.aws_poll()));
                return UnitState { unit, record, finding };
            }
        };
        if record.is_none()
            && let Some(adopted) = &self.site.spec.adopt
            && matches!(unit, Unit::Data | Unit::Media)
            && let Err(finding) = self.adoptable(account.as_ref(), &desired, adopted).await
        {
            return held(record, finding);
        }
        let uid = self.site.uid().unwrap_or_default();
        let order = Order {
            desired: &desired,
            record: record.as_ref(),
            uid8: owner::short(&uid),
            generation: self.site.metadata.generation.unwrap_or_default(),
            approval: request.change_approval,
            approved: self.approved(),
            drift_check: request
                .drift_check_hours
                .and_then(|hours| u64::try_from(hours).ok())
                .map(Duration::from_hours),
            poll: self.context.options.aws_poll(),
            now: self.now,
        };
        let outcome = engine::advance(account.as_ref(), &order).await;
        managed.look_again(outcome.look_again_after);
        if let Some(outputs) = outcome.outputs {
            managed.outputs.insert(unit, outputs);
        }
        let mut finding = outcome.finding.filter(|finding| !is_hiccup(finding, record.as_ref(), &desired));
        if let Some(plan) = outcome.plan {
            if let Some(finding) = &mut finding {
                self.say_what_a_search_change_means(account.as_ref(), request, unit, managed, finding).await;
            }
            managed.plan.get_or_insert(plan);
        }
        if let Some(known) = &finding {
            finding = Some(self.more_about(account.as_ref(), request, unit, known, &outcome.record, managed).await);
        }
        UnitState { unit, record: Some(outcome.record), finding }
    }

    /// What `CloudFormation` does not say of a unit that it works on.
    async fn more_about(
        &self,
        account: &Account,
        request: &Request,
        unit: Unit,
        finding: &Finding,
        record: &UnitStatus,
        managed: &mut Managed,
    ) -> Finding {
        let works = matches!(finding.reason, Reason::Creating | Reason::Updating);
        match unit {
            Unit::Certificate if works => self.validation(account, request, finding, record, managed).await,
            Unit::Search if works => match self.domain_progress(account, managed).await {
                Some(progress) => Finding::new(finding.reason, format!("{}; {progress}", finding.message)),
                None => finding.clone(),
            },
            _ => finding.clone(),
        }
    }

    async fn domain_progress(&self, account: &Account, managed: &Managed) -> Option<String> {
        let domain = managed.search_domain()?;
        match account.search_domains().progress(domain).await {
            Ok(progress) => progress,
            Err(error) => {
                tracing::debug!(%error, "the progress of the search domain is not known");
                None
            }
        }
    }

    /// The records that a certificate waits for, where nobody of ours writes them.
    async fn validation(
        &self,
        account: &Account,
        request: &Request,
        finding: &Finding,
        record: &UnitStatus,
        managed: &mut Managed,
    ) -> Finding {
        let by_hand = request.edge.iter().flat_map(|edge| &edge.domains).any(|domain| domain.hosted_zone_id.is_none());
        let Some(stack) = record.stack_id.as_deref().filter(|_| by_hand) else {
            return finding.clone();
        };
        let events = match account.events(stack, None).await {
            Ok(events) => events,
            Err(error) => return finding_of(&error),
        };
        let records = dns::validation_records(&events);
        let since = events.first().map_or(self.now, |first| first.time);
        managed.dns_records.extend(records.iter().cloned());
        let waited = self.now.duration_since(since).unsigned_abs();
        waits_for_records(&records, waited).unwrap_or_else(|| finding.clone())
    }

    /// Nothing is begun under the name of a site of which nothing is left: that would be an empty site.
    async fn adoptable(&self, account: &Account, desired: &DesiredStack, adopted: &str) -> Result<(), Finding> {
        match account.describe(&desired.name).await {
            Ok(_) => Ok(()),
            Err(Error::NotFound(_)) => Err(Finding::new(
                Reason::AdoptedDataNotFound,
                format!(
                    "spec.adopt names the site with the uid {adopted}, but there is no stack {}; delete this site, and create \
                     it without spec.adopt to begin anew, or with the uid that the last event of the deleted site told",
                    desired.name
                ),
            )),
            Err(error) => Err(finding_of(&error)),
        }
    }

    /// A change of a search domain may move all of its data, which a change set does not tell.
    async fn say_what_a_search_change_means(
        &self,
        account: &Account,
        request: &Request,
        unit: Unit,
        managed: &Managed,
        finding: &mut Finding,
    ) {
        if unit != Unit::Search {
            return;
        }
        let domain = managed.search_domain();
        if let (Some(domain), Some(search)) = (domain, &request.search) {
            let change = DomainChange {
                instance_type: search.instance_type.clone(),
                instances: search.instances,
                storage_gib: search.storage_gib,
            };
            match account.search_domains().dry_run(domain, &change).await {
                Ok(Some(meaning)) => finding.message = format!("{}; {meaning}", finding.message),
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "what the change of the search domain means is not known"),
            }
        }
    }
}

/// A call that AWS did not answer says nothing of a unit that was as it should be when last seen: the site is served as
/// before, and an hour without AWS' control plane is no reason to alarm its owner.
fn is_hiccup(finding: &Finding, record: Option<&UnitStatus>, desired: &DesiredStack) -> bool {
    let settled = |record: &UnitStatus| {
        record.digest.as_ref() == Some(&desired.digest)
            && record.failure.is_none()
            && record.status.as_ref().is_some_and(|status| status.ends_with("_COMPLETE"))
    };
    matches!(finding.reason, Reason::AwsUnavailable | Reason::AwsCredentialsUnavailable) && record.is_some_and(settled)
}

fn missing_inputs(unit: Unit, missing: &Missing) -> Finding {
    match missing {
        Missing::Issuer => Finding::new(
            Reason::SpecInvalid,
            "aws.podIdentity.oidcProviderARN of the class names no issuer after oidc-provider/",
        ),
        Missing::OriginHost => Finding::new(
            Reason::WaitingForOrigin,
            "the distribution waits for the host name of the load balancer in the status of the site's Ingress; an ingress \
             controller writes it, or the class names one in cdn.cloudFront.originHost",
        ),
        Missing::Units(units) => waiting(format!(
            "the unit {unit} waits for {}",
            units.iter().map(|unit| format!("the unit {unit}")).collect::<Vec<_>>().join(" and ")
        )),
    }
}

/// What is told of a certificate that has waited so long for `records`; `None` where it names none yet.
fn waits_for_records(records: &[DnsRecord], waited: Duration) -> Option<Finding> {
    if records.is_empty() {
        return None;
    }
    let list = records.iter().map(sentence).collect::<Vec<_>>().join("; ");
    Some(if waited > VALIDATION_PATIENCE {
        Finding::new(
            Reason::CertificateNotValidated,
            format!(
                "the certificate has waited for its DNS records for more than {} hours; create them, and remove others of \
                 these names: {list}",
                VALIDATION_PATIENCE.as_secs() / 3600
            ),
        )
    } else {
        Finding::new(
            Reason::WaitingForValidation,
            format!("the certificate waits for DNS records, which status.dnsRecords lists; create {list}"),
        )
    })
}

fn sentence(record: &DnsRecord) -> String {
    format!("{} {} {}", record.name, record.kind, record.value)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{AWS_CLASS, MINIMAL, validated};
    use super::*;
    use crate::units::Outputs;

    #[test]
    fn a15_a_certificate_tells_its_records_and_asks_a_person_after_a_while() {
        let record = DnsRecord {
            name: "_a1.blog.example.com.".into(),
            kind: "CNAME".into(),
            value: "_b2.acm-validations.aws.".into(),
            purpose: "proof".into(),
        };
        assert_eq!(waits_for_records(&[], VALIDATION_PATIENCE * 2), None);
        for (waited, reason) in [
            (Duration::from_mins(5), Reason::WaitingForValidation),
            (VALIDATION_PATIENCE + Duration::from_secs(1), Reason::CertificateNotValidated),
        ] {
            let finding = waits_for_records(std::slice::from_ref(&record), waited).expect("there are records");
            assert_eq!(finding.reason, reason);
            assert!(
                finding.message.contains("_a1.blog.example.com. CNAME _b2.acm-validations.aws."),
                "{}",
                finding.message
            );
        }
    }

    #[test]
    fn a13_an_hour_without_an_answer_of_aws_leaves_a_settled_unit_ready() {
        let request = validated(MINIMAL, AWS_CLASS).expect("valid").aws.expect("a request");
        let desired = graph::stack(Unit::Identity, &request, &Outputs::new()).expect("it needs nothing");
        let settled = UnitStatus {
            digest: Some(desired.digest.clone()),
            status: Some("UPDATE_COMPLETE".into()),
            ..UnitStatus::default()
        };
        let hiccups = [
            Error::Unavailable("no answer".into()),
            Error::Throttled("rate".into()),
            Error::Unauthenticated("expired".into()),
        ];
        for error in hiccups {
            let finding = finding_of(&error);
            assert!(is_hiccup(&finding, Some(&settled), &desired), "{error}");
            assert!(!is_hiccup(&finding, None, &desired), "a unit that was never seen is not ready: {error}");
            let other = UnitStatus { digest: Some("another".into()), ..settled.clone() };
            assert!(!is_hiccup(&finding, Some(&other), &desired), "a change that waits is told: {error}");
            let busy = UnitStatus { status: Some("UPDATE_IN_PROGRESS".into()), ..settled.clone() };
            assert!(!is_hiccup(&finding, Some(&busy), &desired), "{error}");
        }
        let denied = finding_of(&Error::Denied("no right".into()));
        assert!(!is_hiccup(&denied, Some(&settled), &desired), "what needs a person is always told");
    }
}
