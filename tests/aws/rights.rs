//! The roles of `deploy/iam/operator.yaml`, with an AWS that checks rights.
//!
//! `MiniStack` knows no tags of stacks when it checks, so what asks for them is refused here: changes of stacks that exist.

use aws_credential_types::Credentials;
use aws_sdk_cloudformation::types::{Capability, Parameter};
use serde_json::{Value, json};
use tairyo::api::status::AwsIdentity;
use tairyo::cloudformation::CloudFormation as _;
use tairyo::cloudformation::port::Error;
use tairyo::cloudformation::sdk::{Sdk, Sessions};

use super::harness::{
    CLUSTER, REGION, account, adapter, guarded_servers, own, plenty, sessions, stack, wait_for_status,
};

/// An account with a role for the operator's pod and the roles of the template.
struct Account {
    endpoint: &'static str,
    id: String,
    /// What the pod has by itself.
    pod: Credentials,
}

async fn account_with_roles() -> Account {
    let (endpoint, id) = (guarded_servers().await.aws.as_str(), account());
    let config = sessions(endpoint, &id).config(&own(), REGION).await;
    let client = aws_sdk_cloudformation::Client::new(&config);
    let root = json!({"AWS": format!("arn:aws:iam::{id}:root")});
    let allow = |mut statement: Value| {
        statement["Effect"] = json!("Allow");
        json!({"Version": "2012-10-17", "Statement": [statement]})
    };
    let become_roles = allow(json!({"Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": "*"}));
    let pod = json!({"Resources": {"Pod": {"Type": "AWS::IAM::Role", "Properties": {
        "RoleName": "pod",
        "AssumeRolePolicyDocument": allow(json!({"Principal": root, "Action": "sts:AssumeRole"})),
        "Policies": [{"PolicyName": "roles", "PolicyDocument": become_roles}]
    }}}});
    let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/iam/operator.yaml"));
    let template: Value = serde_saphyr::from_str(&template.expect("the template can be read")).expect("it is YAML");
    let parameters = [
        ("Cluster", CLUSTER.to_owned()),
        ("OperatorPrincipalARN", format!("arn:aws:iam::{id}:role/pod")),
        ("ExternalID", "agreed".to_owned()),
    ];
    let parameters =
        parameters.map(|(key, value)| Parameter::builder().parameter_key(key).parameter_value(value).build());
    let by_root = adapter(endpoint, &id).await;
    for (name, template, parameters) in [("pod", pod, vec![]), ("operator", template, parameters.into())] {
        let call = client.create_stack().stack_name(name).template_body(template.to_string());
        let call = call.set_parameters(Some(parameters)).capabilities(Capability::CapabilityNamedIam);
        call.send().await.expect("it can be created");
        wait_for_status(&by_root, name, "CREATE_COMPLETE").await;
    }
    let sts = aws_sdk_sts::Client::new(&config);
    let pod = sts.assume_role().role_arn(format!("arn:aws:iam::{id}:role/pod")).role_session_name("pod").send().await;
    let pod = pod.expect("the root becomes the pod").credentials.expect("there are credentials");
    let token = Some(pod.session_token);
    let pod = Credentials::new(pod.access_key_id, pod.secret_access_key, token, None, "tests");
    Account { endpoint, id, pod }
}

impl Account {
    /// The adapter as the operator of `cluster` with this external id.
    async fn operator(&self, cluster: &str, external_id: Option<&str>) -> Sdk {
        let identity = AwsIdentity {
            region: REGION.into(),
            role_arn: Some(format!("arn:aws:iam::{}:role/tairyo-operator-{CLUSTER}", self.id)),
            external_id: external_id.map(Into::into),
            endpoint_url: None,
        };
        let sessions = Sessions::elsewhere(cluster, self.endpoint, self.pod.clone());
        Sdk::new(aws_sdk_cloudformation::Client::new(&sessions.config(&identity, REGION).await), plenty())
    }
}

#[tokio::test]
async fn the_role_is_given_for_the_external_id_and_the_cluster_alone() {
    let account = account_with_roles().await;
    for (cluster, external_id) in [(CLUSTER, None), (CLUSTER, Some("guessed")), ("another", Some("agreed"))] {
        let refused = account.operator(cluster, external_id).await.describe_all().await;
        assert!(matches!(refused, Err(Error::RoleNotAssumable(_))), "{cluster} {external_id:?}: {refused:?}");
    }
    let stacks = account.operator(CLUSTER, Some("agreed")).await.describe_all().await.expect("the role can look");
    assert_eq!(stacks.len(), 2);
}

#[tokio::test]
async fn the_operator_makes_stacks_of_its_name_and_cluster_alone() {
    let account = account_with_roles().await;
    let operator = account.operator(CLUSTER, Some("agreed")).await;
    let template = json!({"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}});
    let request = |name: &str, cluster: &str| {
        let mut request = stack(name, &template);
        request.tags = [("tairyo.dev/cluster".to_owned(), cluster.to_owned())].into();
        request.service_role_arn = Some(format!("arn:aws:iam::{}:role/tairyo-service-{CLUSTER}", account.id));
        request
    };
    for (name, cluster) in [("other", CLUSTER), ("tairyo-shop-blog", "another")] {
        let refused = operator.create(&request(name, cluster)).await;
        assert!(matches!(refused, Err(Error::Denied(_))), "{name} of {cluster}: {refused:?}");
    }
    operator.create(&request("tairyo-shop-blog", CLUSTER)).await.expect("it can be created");
    wait_for_status(&operator, "tairyo-shop-blog", "CREATE_COMPLETE").await;
    operator.events("tairyo-shop-blog", None).await.expect("its own events can be seen");
    operator.resources("tairyo-shop-blog").await.expect("its own resources can be seen");
    for refused in [operator.events("operator", None).await.err(), operator.delete("operator", &[], "t").await.err()] {
        assert!(matches!(refused, Some(Error::Denied(_))), "{refused:?}");
    }
}
