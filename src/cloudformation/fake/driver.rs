//! The rest of an operator: it persists what a pass returned, lets time go by, and calls again. What it does not persist,
//! because the operator died, is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::Fake;
use crate::api::digest::digest;
use crate::api::finding::Finding;
use crate::api::site::DeletionPolicy;
use crate::api::sizes::ChangeApproval;
use crate::api::status::{Plan, UnitStatus};
use crate::cloudformation::retire::prepare::protective_policy;
use crate::cloudformation::stack::{SITE_UID_TAG, UNIT_TAG};
use crate::cloudformation::{DesiredStack, Order, Outcome, Retired, Retirement, advance, retire};

pub(crate) const UID: &str = "6b1e3c1e-6f0a-4f5e-9a53-0d8d2a7c5b11";
pub(crate) const NAME: &str = "tairyo-shop-blog-6b1e3c1e-data";
pub(crate) const POLL: Duration = Duration::from_secs(15);

/// A stack with a cluster and a bucket.
pub(crate) fn desired(database: &str, days: &str) -> DesiredStack {
    let parameters =
        BTreeMap::from([("Database".to_owned(), database.to_owned()), ("Days".to_owned(), days.to_owned())]);
    let digest = digest(&json!(parameters));
    let template = json!({
        "Parameters": {"Database": {"Type": "String"}, "Days": {"Type": "String"}},
        "Resources": {
            "Bucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Delete"},
            "Cluster": {
                "Type": "AWS::RDS::DBCluster",
                "DeletionPolicy": "Snapshot",
                "Properties": {
                    "DatabaseName": {"Ref": "Database"},
                    "BackupRetentionPeriod": {"Ref": "Days"},
                    "DeletionProtection": true,
                },
            },
            "Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"Days": {"Ref": "Days"}}},
            format!("Revision{digest}"): {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        },
        "Outputs": {"Revision": {"Value": digest}, "Endpoint": {"Value": "cluster.example"}},
    });
    DesiredStack {
        unit: "data".into(),
        region: "eu-west-1".into(),
        name: NAME.into(),
        stack_policy: Some(protective_policy(&template)),
        template,
        parameters,
        tags: BTreeMap::from([(SITE_UID_TAG.to_owned(), UID.to_owned()), (UNIT_TAG.to_owned(), "data".to_owned())]),
        service_role_arn: None,
        digest,
    }
}

/// A stack that holds no data.
pub(crate) fn desired_without_data() -> DesiredStack {
    let mut desired = desired("wordpress", "1");
    if let Some(resources) = desired.template["Resources"].as_object_mut() {
        resources.retain(|_, it: &mut Value| it["Type"] != "AWS::RDS::DBCluster" && it["Type"] != "AWS::S3::Bucket");
    }
    desired
}

/// One site with one unit.
pub(crate) struct Driver<'a> {
    pub fake: &'a Fake,
    pub desired: DesiredStack,
    pub record: Option<UnitStatus>,
    pub approval: ChangeApproval,
    pub approved: Option<String>,
    pub drift_check: Option<Duration>,
    /// Whether the site has emptied the bucket that it was asked to empty.
    pub emptied: bool,
    pub passes: usize,
}

impl<'a> Driver<'a> {
    pub fn new(fake: &'a Fake, desired: DesiredStack) -> Self {
        Self {
            fake,
            desired,
            record: None,
            approval: ChangeApproval::Automatic,
            approved: None,
            drift_check: None,
            emptied: false,
            passes: 0,
        }
    }

    /// One with its stack made.
    pub async fn created(fake: &'a Fake) -> Self {
        let mut driver = Self::new(fake, desired("wordpress", "1"));
        assert!(driver.settle().await.current);
        driver
    }

    /// One pass; `None`: the operator died in it.
    pub async fn pass(&mut self) -> Option<Outcome> {
        let before = self.fake.counts().1;
        let order = Order {
            desired: &self.desired,
            record: self.record.as_ref(),
            uid8: &UID[..8],
            generation: 1,
            approval: self.approval,
            approved: self.approved.as_deref(),
            drift_check: self.drift_check,
            poll: POLL,
            now: self.fake.now(),
        };
        let outcome = advance(self.fake, &order).await;
        self.after_pass(before, outcome.mutated);
        if self.fake.was_killed() {
            return None;
        }
        self.record = Some(outcome.record.clone());
        Some(outcome)
    }

    fn after_pass(&mut self, before: usize, mutated: bool) {
        self.passes += 1;
        let mutations = self.fake.counts().1 - before;
        assert!(mutations <= 1, "a pass made {mutations} mutations");
        assert!(mutated || mutations == 0, "a pass hid a mutation");
        // Two stacks for one unit would be two databases.
        assert!(self.fake.stacks().len() <= 1, "{:?}", self.fake.stacks());
    }

    /// Passes until nothing moves any more.
    pub async fn settle(&mut self) -> Outcome {
        for _ in 0..400 {
            let Some(outcome) = self.pass().await else { continue };
            match outcome.look_again_after {
                None => return outcome,
                Some(after) => self.fake.pass_time(after),
            }
        }
        panic!("nothing comes to rest: {:?} {:?}", self.record, self.fake.stacks())
    }

    /// Passes, and time, change nothing.
    pub async fn stays(&mut self) {
        let before = self.fake.counts().1;
        for _ in 0..4 {
            self.pass().await;
            self.fake.pass_time(Duration::from_hours(2));
        }
        assert_eq!(self.fake.counts().1, before, "what is at rest was changed");
    }

    /// One pass of the end.
    pub async fn retire_once(&mut self, policy: DeletionPolicy) -> Option<Retired> {
        let record = self.record.clone()?;
        let before = self.fake.counts().1;
        let retirement = Retirement {
            record: &record,
            owner_uid: UID,
            uid8: &UID[..8],
            generation: 2,
            policy,
            emptied: self.emptied,
            approved: self.approved.as_deref(),
            poll: POLL,
            now: self.fake.now(),
        };
        let retired = retire(self.fake, &retirement).await;
        self.after_pass(before, retired.mutated);
        if self.fake.was_killed() {
            return None;
        }
        if let Some(bucket) = &retired.needs_empty_bucket {
            self.fake.empty(bucket);
            self.emptied = true;
        }
        self.record = Some(retired.record.clone());
        Some(retired)
    }

    /// Passes until the unit is at its end or a person must act.
    pub async fn retire(&mut self, policy: DeletionPolicy) -> Retired {
        for _ in 0..400 {
            let Some(retired) = self.retire_once(policy).await else { continue };
            match retired.look_again_after {
                None => return retired,
                Some(after) => self.fake.pass_time(after),
            }
        }
        panic!("no end: {:?} {:?}", self.record, self.fake.stacks())
    }

    /// Allows what waits.
    pub fn approve(&mut self, plan: Option<&Plan>) {
        self.approved = plan.map(|it| it.token.clone());
        assert!(self.approved.is_some(), "there is nothing to approve");
    }

    /// Allows what the message names.
    pub fn approve_message(&mut self, finding: Option<&Finding>) {
        let message = &finding.expect("it says what is the matter").message;
        let token = message.rsplit("tairyo.dev/approve: ").next().expect("a split has a last part");
        self.approved = Some(token.into());
        assert_eq!(token.len(), 16, "{message}");
    }
}
