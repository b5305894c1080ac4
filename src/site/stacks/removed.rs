//! Units that stand in the status and that the class no longer provides.

use std::time::Duration;

use kube::ResourceExt;

use super::super::managed::{Managed, UnitState};
use super::super::model::Site;
use super::Pass;
use crate::api::condition::Reason;
use crate::api::finding::Finding;
use crate::api::names::APPROVE_ANNOTATION;
use crate::api::status::{Change, Plan, UnitStatus};
use crate::cloudformation::accounts::Account;
use crate::cloudformation::bucket::Emptying;
use crate::cloudformation::retire::{Retired, Retirement, retire};
use crate::cloudformation::work::finding_of;
use crate::units::{Request, Unit, owner};

impl Pass<'_> {
    /// Units that stand in the status and that the class no longer provides: they stay until a person has decided.
    pub(super) async fn ask_about_the_others(&self, valid: &Site, managed: &mut Managed) {
        let wanted = valid.aws.as_ref().map(Request::units).unwrap_or_default();
        let mut others: Vec<(Unit, UnitStatus)> = self
            .previous
            .units
            .iter()
            .filter_map(|record| Some((record.name.parse::<Unit>().ok()?, record.clone())))
            .filter(|(unit, _)| !wanted.contains(unit))
            .collect();
        // What others need goes last.
        others.sort_by_key(|(unit, _)| std::cmp::Reverse(*unit));
        for (unit, record) in others {
            let token = format!("remove-{unit}-{}", record.stack_id.as_deref().map_or("none", last_part));
            if self.approved() != Some(token.as_str()) {
                let finding = Finding::new(
                    Reason::ApprovalRequired,
                    format!(
                        "the class no longer provides the unit {unit}, whose stack {} stays until a person decides: bring the \
                         provider back to the class, or delete the stack by the site's deletion policy with the annotation \
                         {APPROVE_ANNOTATION}: {token}",
                        record.stack_name
                    ),
                );
                if matches!(unit, Unit::Data | Unit::Media) {
                    managed.obstacle.get_or_insert_with(|| finding.clone());
                }
                let change = Change {
                    action: "Delete".into(),
                    resource: record.stack_name.clone(),
                    kind: "AWS::CloudFormation::Stack".into(),
                    ..Change::default()
                };
                managed.plan.get_or_insert(Plan {
                    unit: unit.to_string(),
                    token,
                    changes: vec![change],
                    ..Plan::default()
                });
                managed.units.push(UnitState { unit, record: Some(record), finding: Some(finding) });
                continue;
            }
            let state = self.retire_unit(valid, unit, record, managed).await;
            managed.units.extend(state);
        }
    }

    async fn retire_unit(
        &self,
        valid: &Site,
        unit: Unit,
        record: UnitStatus,
        managed: &mut Managed,
    ) -> Option<UnitState> {
        let identity = managed.aws.clone().or_else(|| self.previous.aws.clone()).unwrap_or_default();
        let account = match self.context.accounts.account(&identity, &record.region).await {
            Ok(account) => account,
            Err(error) => {
                let finding = finding_of(&error);
                return Some(UnitState { unit, record: Some(record), finding: Some(finding) });
            }
        };
        let own_uid = self.site.uid().unwrap_or_default();
        let uid = self.site.spec.adopt.clone().unwrap_or_else(|| own_uid.clone());
        let retired = retire_with_bucket(
            account.as_ref(),
            &Retirement {
                record: &record,
                owner_uid: &uid,
                uid8: owner::short(&own_uid),
                generation: self.site.metadata.generation.unwrap_or_default(),
                policy: valid.deletion_policy,
                approved: self.approved(),
                emptied: false,
                poll: self.context.options.aws_poll(),
                now: self.now,
            },
        )
        .await;
        managed.look_again(retired.look_again_after);
        if retired.done {
            managed.outputs.remove(&unit);
            return None;
        }
        Some(UnitState { unit, record: Some(retired.record), finding: retired.finding })
    }
}

/// One step of the end of a unit, and of emptying its bucket where that is what it waits for.
pub async fn retire_with_bucket(account: &Account, order: &Retirement<'_>) -> Retired {
    let retired = retire(account, order).await;
    let Some(bucket) = &retired.needs_empty_bucket else {
        return retired;
    };
    match account.buckets().empty(bucket).await {
        Ok(Emptying::Empty) => {
            retire(account, &Retirement { emptied: true, record: &retired.record, ..order.clone() }).await
        }
        Ok(Emptying::More { .. }) => Retired { look_again_after: Some(Duration::ZERO), ..retired },
        Err(error) => Retired { finding: Some(finding_of(&error)), ..retired },
    }
}

fn last_part(id: &str) -> &str {
    let part = id.rsplit('/').next().unwrap_or(id);
    part.get(..8).unwrap_or(part)
}
