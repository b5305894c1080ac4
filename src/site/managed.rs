//! The AWS half of a site as data: what its units were found to be, and what the conditions say of it.

use std::collections::BTreeMap;
use std::time::Duration;

use strum::IntoEnumIterator as _;

use crate::api::WordPressSiteStatus;
use crate::api::condition::{ConditionType, Reason};
use crate::api::finding::Finding;
use crate::api::status::{AwsIdentity, DnsRecord, Plan, UnitStatus};
use crate::cloudformation::drift;
use crate::units::{Outputs, Unit};

/// What a pass found of the AWS half.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Managed {
    /// The units, those that the class provides and those that it provided once.
    pub units: Vec<UnitState>,
    /// What a later version remembers of units that this one does not know. It is kept as it is, or their stacks would
    /// be forgotten.
    pub unknown: Vec<UnitStatus>,
    /// What is known of their outputs, from their stacks or from the last status.
    pub outputs: Outputs,
    /// The first change that waits for a person.
    pub plan: Option<Plan>,
    /// The records to create by hand.
    pub dns_records: Vec<DnsRecord>,
    /// Where and as whom the units are made.
    pub aws: Option<AwsIdentity>,
    /// Whether changes by hand are looked for.
    pub looks_for_drift: bool,
    /// That a unit with data is no longer provided: nothing of the site is changed until a person has decided.
    pub obstacle: Option<Finding>,
    /// When to look again although nothing may have happened.
    pub look_again_after: Option<Duration>,
}

/// What the in-cluster half says to the AWS half.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Front {
    /// The host name of the load balancer in front of the site's Ingress.
    pub load_balancer: Option<String>,
    /// Whether a web pod serves.
    pub serves: bool,
}

/// How one unit is.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitState {
    /// Which.
    pub unit: Unit,
    /// What is remembered of it; `None` before anything was begun.
    pub record: Option<UnitStatus>,
    /// Why it is not as it should be; `None` where it is.
    pub finding: Option<Finding>,
}

impl Managed {
    /// What the last status says, for passes that look at nothing.
    #[must_use]
    pub fn remembered(previous: &WordPressSiteStatus) -> Self {
        let known = |record: &&UnitStatus| record.name.parse::<Unit>().is_ok();
        let state = |record: &UnitStatus| {
            let unit = record.name.parse().ok()?;
            Some(UnitState { unit, record: Some(record.clone()), finding: last_finding(previous, unit) })
        };
        Self {
            units: previous.units.iter().filter_map(state).collect(),
            unknown: previous.units.iter().filter(|record| !known(record)).cloned().collect(),
            outputs: outputs(&previous.outputs),
            plan: previous.plan.clone(),
            dns_records: previous.dns_records.clone(),
            aws: previous.aws.clone(),
            ..Self::default()
        }
    }

    /// What is known of `unit`.
    #[must_use]
    pub fn unit(&self, unit: Unit) -> Option<&UnitState> {
        self.units.iter().find(|state| state.unit == unit)
    }

    /// The name of the search domain, once it is known.
    #[must_use]
    pub fn search_domain(&self) -> Option<&str> {
        self.outputs.get(&Unit::Search)?.get("DomainName").map(String::as_str)
    }

    /// Looks again no later than after `wait`.
    pub fn look_again(&mut self, wait: Option<Duration>) {
        self.look_again_after = self.look_again_after.into_iter().chain(wait).min();
    }

    /// Writes what is remembered into `status`. Whatever is not here is no longer true.
    pub fn write(&self, status: &mut WordPressSiteStatus) {
        let known = self.units.iter().filter_map(|state| state.record.as_ref());
        status.units = known.chain(&self.unknown).cloned().collect();
        status.plan.clone_from(&self.plan);
        status.dns_records.clone_from(&self.dns_records);
        status.outputs = flat(&self.outputs);
        status.aws.clone_from(&self.aws);
    }

    /// The condition of `unit`, which has `name` in messages. `None` where the site has no such unit.
    #[must_use]
    pub fn part(&self, unit: Unit, name: &str) -> Option<Result<Finding, Finding>> {
        let state = self.unit(unit)?;
        Some(match &state.finding {
            Some(finding) => Err(finding.clone()),
            None => Ok(Finding::new(Reason::Ready, format!("{name} is there"))),
        })
    }

    /// Whether somebody changed a unit by hand, as far as it was looked for.
    #[must_use]
    pub fn drift(&self) -> Option<Result<Finding, Finding>> {
        if !self.looks_for_drift {
            return None;
        }
        let records = || self.units.iter().filter_map(|state| state.record.as_ref());
        let changed: Vec<_> = records().filter_map(drift::finding).map(|finding| finding.message).collect();
        let looked = records().any(|record| record.drift.as_ref().is_some_and(|drift| drift.detection_id.is_none()));
        Some(if !changed.is_empty() {
            Err(Finding::new(Reason::Drifted, changed.join("; ")))
        } else if looked {
            Ok(Finding::new(Reason::Settled, "no change by hand was found at the last look"))
        } else {
            Err(Finding::new(Reason::Waiting, "changes by hand have not been looked for yet"))
        })
    }
}

/// Why `unit` was not as it should be when it was last looked at.
fn last_finding(previous: &WordPressSiteStatus, unit: Unit) -> Option<Finding> {
    let kind: &str = condition(unit).into();
    let last = previous.conditions.iter().find(|condition| condition.type_ == kind && condition.status != "True")?;
    Some(Finding::new(last.reason.parse().ok()?, last.message.clone()))
}

/// The condition that tells of `unit`.
#[must_use]
pub fn condition(unit: Unit) -> ConditionType {
    match unit {
        Unit::Network => ConditionType::NetworkReady,
        Unit::Identity => ConditionType::IdentityReady,
        Unit::Certificate => ConditionType::CertificateReady,
        Unit::Data => ConditionType::DatabaseReady,
        Unit::Media => ConditionType::MediaReady,
        Unit::Search => ConditionType::SearchReady,
        Unit::Edge => ConditionType::CdnReady,
    }
}

/// `status.outputs` from what is known: the output `Host` of the unit `data` is `dataHost`.
#[must_use]
pub fn flat(outputs: &Outputs) -> BTreeMap<String, String> {
    let named = |(unit, outputs): (&Unit, &BTreeMap<String, String>)| {
        let unit = unit.to_string();
        outputs.clone().into_iter().map(move |(name, value)| (format!("{unit}{name}"), value)).collect::<Vec<_>>()
    };
    outputs.iter().flat_map(named).collect()
}

/// What [`flat`] was made from.
#[must_use]
pub fn outputs(flat: &BTreeMap<String, String>) -> Outputs {
    let mut outputs = Outputs::new();
    for (key, value) in flat {
        let of_unit = |unit: Unit| {
            let name = key.strip_prefix(<&str>::from(unit))?;
            // Output names begin with a capital, so `dataHost` is of no unit that is called `datahouse`.
            name.starts_with(|first: char| first.is_ascii_uppercase()).then(|| (unit, name.to_owned()))
        };
        if let Some((unit, name)) = Unit::iter().find_map(of_unit) {
            outputs.entry(unit).or_default().insert(name, value.clone());
        }
    }
    outputs
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

    use super::*;

    #[test]
    fn outputs_survive_the_way_through_the_status() {
        let mut known = Outputs::new();
        known.entry(Unit::Data).or_default().insert("Host".into(), "cluster.example".into());
        known.entry(Unit::Edge).or_default().insert("DomainName".into(), "d1.cloudfront.net".into());
        let flat = flat(&known);
        assert_eq!(flat.keys().collect::<Vec<_>>(), ["dataHost", "edgeDomainName"]);
        assert_eq!(outputs(&flat), known);
    }

    fn unit(unit: Unit, finding: Option<Finding>, drift: Option<&[&str]>) -> UnitState {
        let drift = drift.map(|resources| crate::api::status::DriftStatus {
            time: "2026-01-02T03:04:05Z".into(),
            detection_id: None,
            resources: resources.iter().map(|&it| it.to_owned()).collect(),
        });
        let record =
            UnitStatus { name: unit.to_string(), stack_name: format!("tairyo-{unit}"), drift, ..UnitStatus::default() };
        UnitState { unit, record: Some(record), finding }
    }

    #[test]
    fn a_site_that_is_suspended_says_of_its_parts_what_was_last_true() {
        let mut status = WordPressSiteStatus {
            units: ["search", "media"].map(|name| UnitStatus { name: name.into(), ..UnitStatus::default() }).into(),
            ..WordPressSiteStatus::default()
        };
        let condition = |kind: &str, status: &str, reason: &str| Condition {
            type_: kind.into(),
            status: status.into(),
            reason: reason.into(),
            message: "what was told".into(),
            observed_generation: None,
            last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
        };
        status.conditions =
            vec![condition("SearchReady", "False", "CreateFailed"), condition("MediaReady", "True", "Ready")];
        let managed = Managed::remembered(&status);
        let search = managed.part(Unit::Search, "the search domain").expect("the unit is remembered");
        assert_eq!(search, Err(Finding::new(Reason::CreateFailed, "what was told")));
        assert!(managed.part(Unit::Media, "the bucket").is_some_and(|part| part.is_ok()));
    }

    #[test]
    fn what_a_later_version_remembers_is_kept() {
        let later = UnitStatus { name: "login".into(), ..UnitStatus::default() };
        let before = WordPressSiteStatus { units: vec![later.clone()], ..WordPressSiteStatus::default() };
        let mut managed = Managed::remembered(&before);
        managed.units.clear();
        let mut after = WordPressSiteStatus::default();
        managed.write(&mut after);
        assert_eq!(after.units, [later]);
    }

    #[test]
    fn a_part_is_told_only_where_the_site_has_the_unit() {
        let busy = Finding::new(Reason::Creating, "it is being created");
        let managed = Managed { units: vec![unit(Unit::Search, Some(busy.clone()), None)], ..Managed::default() };
        assert_eq!(managed.part(Unit::Search, "the search domain"), Some(Err(busy)));
        assert_eq!(managed.part(Unit::Edge, "the distribution"), None);
    }

    #[test]
    fn a_change_by_hand_is_told_with_its_stack_and_what_was_not_looked_for_is_not_called_clean() {
        let of =
            |units| Managed { units, looks_for_drift: true, ..Managed::default() }.drift().expect("it is looked for");
        assert_eq!(of(vec![unit(Unit::Data, None, None)]).expect_err("not looked for").reason, Reason::Waiting);
        assert_eq!(of(vec![unit(Unit::Data, None, Some(&[]))]).expect("clean").reason, Reason::Settled);
        let drifted = of(vec![unit(Unit::Data, None, Some(&["Cluster MODIFIED"]))]).expect_err("changed by hand");
        assert_eq!(drifted.reason, Reason::Drifted);
        assert!(
            drifted.message.contains("tairyo-data") && drifted.message.contains("Cluster MODIFIED"),
            "{}",
            drifted.message
        );
        assert_eq!(Managed::default().drift(), None, "the class asks for no look");
    }

    #[test]
    fn the_status_forgets_what_is_no_longer_true() {
        let known = Managed {
            units: vec![unit(Unit::Edge, None, None)],
            outputs: outputs(&BTreeMap::from([("edgeDomainName".into(), "d1.cloudfront.net".into())])),
            plan: Some(Plan { unit: "edge".into(), ..Plan::default() }),
            ..Managed::default()
        };
        let mut status = WordPressSiteStatus::default();
        known.write(&mut status);
        assert_eq!(Managed::remembered(&status).units, known.units);
        Managed::default().write(&mut status);
        assert_eq!(status, WordPressSiteStatus::default());
    }
}
