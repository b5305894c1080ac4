//! Roles, and the cache in front of the wire.

use std::time::Duration;

use serde_json::json;
use tairyo::api::status::AwsIdentity;
use tairyo::cloudformation::CloudFormation as _;
use tairyo::cloudformation::accounts::{Accounts, Periods, SiteKey};

use super::harness::{CLUSTER, REGION, account, adapter, is_not_found, own, servers, sessions, stack, wait_for};

fn periods() -> Periods {
    Periods { in_progress: Duration::from_millis(100), everything: Duration::from_secs(1) }
}

fn role(account: &str) -> AwsIdentity {
    AwsIdentity {
        region: REGION.into(),
        role_arn: Some(format!("arn:aws:iam::{account}:role/tairyo")),
        external_id: Some("external".into()),
        endpoint_url: None,
    }
}

#[tokio::test]
async fn a_role_of_another_account_sees_the_stacks_of_that_account_alone() {
    let (home, tenant) = (account(), account());
    let servers = servers().await;
    let (accounts, _woken) = Accounts::with_factory(Box::new(sessions(&servers.aws, &home)), CLUSTER, periods());
    let at_home = accounts.account(&own(), REGION).await.expect("there are clients");
    let away = accounts.account(&role(&tenant), REGION).await.expect("there are clients");
    let template = json!({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}});
    let id = away.create(&stack("blog", &template)).await.expect("it can be created");
    assert!(id.contains(&format!(":{tenant}:")), "{id}");
    assert!(is_not_found(&at_home.describe("blog").await));
    assert_eq!(away.describe("blog").await.expect("it is there").id, id);
    // Another region of the same role is another place.
    let elsewhere = accounts.account(&role(&tenant), "us-east-1").await.expect("there are clients");
    assert!(is_not_found(&elsewhere.describe("blog").await));
}

#[tokio::test]
async fn what_others_do_to_a_stack_wakes_its_site() {
    let home = account();
    let servers = servers().await;
    let (accounts, mut woken) = Accounts::with_factory(Box::new(sessions(&servers.aws, &home)), CLUSTER, periods());
    let cached = accounts.account(&own(), REGION).await.expect("there are clients");
    let mut request = stack("blog", &json!({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}));
    request.tags = [("tairyo.dev/cluster", CLUSTER), ("tairyo.dev/namespace", "shop"), ("tairyo.dev/site", "blog")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let id = cached.create(&request).await.expect("it can be created");
    wait_for("it is complete", async || {
        cached.describe(&id).await.ok().filter(|stack| stack.status == "CREATE_COMPLETE")
    })
    .await;
    while woken.try_recv().is_ok() {}

    let by_hand = adapter(&servers.aws, &home).await;
    by_hand.set_termination_protection("blog", false).await.expect("the protection can be lifted");
    by_hand.delete("blog", &[], "by-hand").await.expect("it can be deleted");
    let site = tokio::time::timeout(super::harness::DEADLINE, woken.recv()).await.expect("a site is soon woken");
    assert_eq!(site, Some(SiteKey { namespace: "shop".into(), name: "blog".into() }));
    wait_for("the deletion shows", async || is_not_found(&cached.describe("blog").await).then_some(())).await;
}
