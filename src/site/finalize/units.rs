//! The end of a site's AWS half. It works from the status and the live stacks alone: the spec may be invalid by now, the
//! class gone, and neither may leak a database or keep the site for ever without a word.

use std::cmp::Reverse;
use std::fmt::Debug;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use kube::api::{Api, DynamicObject};
use kube::core::ApiResource;
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Error;
use crate::api::condition::Reason;
use crate::api::finding::Finding;
use crate::api::names::{APPROVE_ANNOTATION, Component, SITE_UID_LABEL, object_name};
use crate::api::site::DeletionPolicy;
use crate::api::status::UnitStatus;
use crate::api::{WordPressSite, WordPressSiteStatus};
use crate::cloudformation::port;
use crate::cloudformation::retire::{Retired, Retirement};
use crate::cloudformation::work::finding_of;
use crate::site::apply::delete_by_uid;
use crate::site::reconcile::Context;
use crate::site::stacks::retire_with_bucket;
use crate::units::{Unit, graph, owner};

/// How far the end of the AWS half is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// What is left, as it stands in the status.
    pub units: Vec<UnitStatus>,
    /// What stays for good with a stack of its own, for people to read.
    pub kept: Vec<String>,
    /// What has come to its end in this pass, and what is left of it. It is told at once: the status forgets it.
    pub ended: Vec<String>,
    /// Why it is not done; `None` where it is.
    pub finding: Option<Finding>,
    /// When to look again.
    pub look_again_after: Option<Duration>,
}

/// What the end of a site needs of the object, also where this version cannot read the rest of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// The status.
    pub status: WordPressSiteStatus,
    /// The uid that the stacks carry: that of the site, or of the one that it adopted.
    pub owner_uid: String,
}

/// Reads `site` as it is now.
pub async fn live(client: &Client, site: &impl ResourceExt) -> Result<Live, Error> {
    let resource = ApiResource::erase::<WordPressSite>(&());
    let namespace = site.namespace().unwrap_or_default();
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), &namespace, &resource);
    let found = api.get_opt(&site.name_any()).await.map_err(Error::ReadSite)?;
    let data = found.map(|object| object.data).unwrap_or_default();
    let status = match data.get("status") {
        None | Some(Value::Null) => WordPressSiteStatus::default(),
        Some(status) => serde_json::from_value(status.clone()).map_err(Error::ParseStatus)?,
    };
    let adopted = data.pointer("/spec/adopt").and_then(Value::as_str).map(str::to_owned);
    Ok(Live { status, owner_uid: adopted.or_else(|| site.uid()).unwrap_or_default() })
}

/// Brings every unit of the status one step nearer to its end, what others need last.
pub async fn retire<K>(context: &Context, site: &K, live: &Live, policy: DeletionPolicy) -> Result<Progress, Error>
where
    K: Resource<DynamicType = ()>,
{
    let mut progress = Progress::default();
    if live.status.units.is_empty() {
        return Ok(progress);
    }
    let units = match what_others_need_last(&live.status.units) {
        Ok(units) => units,
        Err(unknown) => {
            progress.units.clone_from(&live.status.units);
            progress.finding = Some(unknown);
            return Ok(progress);
        }
    };
    // What writes to the database and the bucket ends before they do.
    stop_the_pods(&context.client, site).await?;
    let (mut going, mut staying) = (Vec::new(), Vec::new());
    for (unit, record) in units {
        if let Some(holder) = graph::needed_by(unit).find(|other| going.contains(other)) {
            going.push(unit);
            progress
                .wait(record, Finding::new(Reason::Deleting, format!("the unit {unit} goes after the unit {holder}")));
            continue;
        }
        if let Some(holder) = graph::needed_by(unit).find(|other| staying.contains(other)) {
            staying.push(unit);
            progress.kept.push(format!("the stack {}, which the unit {holder} needs", record.stack_name));
            progress.units.push(record.clone());
            continue;
        }
        match retire_one(context, site, live, policy, record).await {
            Ok(retired) => {
                progress.look_again(retired.look_again_after);
                let stays = policy == DeletionPolicy::Retain && !retired.kept.is_empty();
                match (retired.done, stays) {
                    (true, true) => {
                        staying.push(unit);
                        progress.kept.extend(retired.kept);
                        progress.units.push(retired.record);
                    }
                    (true, false) => progress.ended.push(ended(&record.stack_name, &retired.kept)),
                    (false, _) => {
                        going.push(unit);
                        let otherwise = || Finding::new(Reason::Deleting, format!("the unit {unit} is being deleted"));
                        progress.wait(&retired.record, retired.finding.unwrap_or_else(otherwise));
                    }
                }
            }
            Err(error) => {
                going.push(unit);
                progress.wait(record, finding_of(&error));
            }
        }
    }
    Ok(progress)
}

fn ended(stack: &str, kept: &[String]) -> String {
    if kept.is_empty() {
        return format!("deleted the stack {stack}");
    }
    format!("deleted the stack {stack}; kept {}", kept.join(", "))
}

async fn retire_one(
    context: &Context,
    site: &impl ResourceExt,
    live: &Live,
    policy: DeletionPolicy,
    record: &UnitStatus,
) -> Result<Retired, port::Error> {
    let identity = live.status.aws.clone().unwrap_or_default();
    let account = context.accounts.account(&identity, &record.region).await?;
    let uid = site.uid().unwrap_or_default();
    let order = Retirement {
        record,
        owner_uid: &live.owner_uid,
        uid8: owner::short(&uid),
        generation: site.meta().generation.unwrap_or_default(),
        policy,
        approved: site.annotations().get(APPROVE_ANNOTATION).map(String::as_str),
        emptied: false,
        poll: context.options.aws_poll(),
        now: Timestamp::now(),
    };
    Ok(retire_with_bucket(account.as_ref(), &order).await)
}

impl Progress {
    fn wait(&mut self, record: &UnitStatus, finding: Finding) {
        self.units.push(record.clone());
        // What needs a person is said before what only takes time.
        if self.finding.as_ref().is_none_or(|known| finding.needs_a_person() && !known.needs_a_person()) {
            self.finding = Some(finding);
        }
    }

    fn look_again(&mut self, wait: Option<Duration>) {
        self.look_again_after = self.look_again_after.into_iter().chain(wait).min();
    }
}

/// The recorded units, those that others need last. A unit that a later version has made may need any of them, and
/// without it in the status its stack would be forgotten: so nothing is deleted until a version comes that knows it.
fn what_others_need_last(units: &[UnitStatus]) -> Result<Vec<(Unit, &UnitStatus)>, Finding> {
    let mut known = Vec::new();
    for record in units {
        let unit: Unit = record.name.parse().map_err(|_| {
            Finding::new(
                Reason::DeleteFailed,
                format!(
                    "the stack {} is of the unit {:?}, which this version of the operator does not know; install the version \
                     that made it, which deletes it",
                    record.stack_name, record.name
                ),
            )
        })?;
        known.push((unit, record));
    }
    known.sort_by_key(|(unit, _)| Reverse(*unit));
    Ok(known)
}

async fn stop_the_pods(client: &Client, site: &impl ResourceExt) -> Result<(), Error> {
    let namespace = site.namespace().unwrap_or_default();
    let name = site.name_any();
    let uid = site.uid().unwrap_or_default();
    let deployments = Api::<Deployment>::namespaced(client.clone(), &namespace);
    stop(&deployments, &object_name(&name, Component::Web), &uid).await?;
    let cron_jobs = Api::<CronJob>::namespaced(client.clone(), &namespace);
    stop(&cron_jobs, &object_name(&name, Component::Cron), &uid).await
}

async fn stop<K>(api: &Api<K>, name: &str, uid: &str) -> Result<(), Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let kind = K::kind(&()).into_owned();
    let failed = |source| Error::Settle { kind: kind.clone(), name: name.to_owned(), source };
    let Some(found) = api.get_metadata_opt(name).await.map_err(failed)? else {
        return Ok(());
    };
    if found.labels().get(SITE_UID_LABEL).is_none_or(|label| label != uid)
        || found.metadata.deletion_timestamp.is_some()
    {
        return Ok(());
    }
    delete_by_uid(api, name, found.metadata.uid).await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;

    #[test]
    fn every_unit_comes_after_those_that_need_it() {
        let records: Vec<_> =
            Unit::iter().map(|unit| UnitStatus { name: unit.to_string(), ..UnitStatus::default() }).collect();
        let order = what_others_need_last(&records).expect("all are known");
        let order: Vec<_> = order.into_iter().map(|(unit, _)| unit).collect();
        for (place, unit) in order.iter().enumerate() {
            for holder in graph::needed_by(*unit) {
                assert!(order[..place].contains(&holder), "{unit} comes before {holder}");
            }
        }
    }

    #[test]
    fn a_unit_of_a_later_version_is_neither_forgotten_nor_deleted_from_under() {
        let unit = |name: &str| UnitStatus {
            name: name.into(),
            stack_name: format!("tairyo-{name}"),
            ..UnitStatus::default()
        };
        let units = [unit("identity"), unit("login")];
        let finding = what_others_need_last(&units).expect_err("nobody knows it");
        assert!(finding.needs_a_person());
        assert!(
            finding.message.contains("tairyo-login") && finding.message.contains("\"login\""),
            "{}",
            finding.message
        );
    }
}
