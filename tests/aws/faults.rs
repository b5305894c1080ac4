//! What AWS says when it does not answer. `microburst` has one set of rules, so these tests take turns.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_cloudformation::config::IdentityCache;
use hyper::Method;
use serde_json::{Value, json};
use tairyo::api::status::AwsIdentity;
use tairyo::cloudformation::CloudFormation as _;
use tairyo::cloudformation::port::Error;
use tairyo::cloudformation::sdk::Sdk;
use tokio::sync::{Mutex, MutexGuard};

use super::harness::{REGION, Servers, account, adapter, http, own, plenty, servers, sessions, stack, wait_for_status};

/// The rules, for one test.
struct Faults {
    servers: &'static Servers,
    _turn: MutexGuard<'static, ()>,
}

async fn faults() -> Faults {
    static TURN: Mutex<()> = Mutex::const_new(());
    let faults = Faults { servers: servers().await, _turn: TURN.lock().await };
    // Those of a test that failed may be left.
    faults.set(Method::DELETE, &json!([])).await;
    faults
}

impl Faults {
    async fn set(&self, method: Method, rules: &Value) {
        let url = format!("{}/_microburst/rules", self.servers.faults);
        http(method, &url, &rules.to_string()).await.expect("the rules can be set");
    }

    /// Answers this share of the calls with an error.
    async fn answer(&self, service: &str, operation: &str, probability: f64, code: &str, message: &str, status: u16) {
        let error = json!({"code": code, "message": message, "status": status});
        let rule = json!({"service": service, "operation": operation, "probability": probability, "error": error});
        self.set(Method::PATCH, &json!([rule])).await;
    }
}

#[tokio::test]
async fn calls_survive_that_three_in_ten_are_throttled() {
    let faults = faults().await;
    let account = account();
    let direct = adapter(&faults.servers.aws, &account).await;
    let template = json!({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}});
    direct.create(&stack("blog", &template)).await.expect("it can be created");
    wait_for_status(&direct, "blog", "CREATE_COMPLETE").await;
    faults.answer("cloudformation", "DescribeStacks", 0.3, "Throttling", "Rate exceeded", 400).await;
    let throttled = adapter(&faults.servers.faults, &account).await;
    for _ in 0..20 {
        assert_eq!(throttled.describe("blog").await.map(|stack| stack.status), Ok("CREATE_COMPLETE".to_owned()));
    }
}

#[tokio::test]
async fn a_throttle_never_reads_as_there_is_no_stack() {
    let faults = faults().await;
    let aws = adapter(&faults.servers.faults, &account()).await;
    faults.answer("cloudformation", "DescribeStacks", 1.0, "Throttling", "Rate exceeded", 400).await;
    let (one, all) = tokio::join!(aws.describe("blog"), aws.describe_all());
    assert!(matches!(one, Err(Error::Throttled(_))), "{one:?}");
    assert!(matches!(all, Err(Error::Throttled(_))), "{all:?}");
}

/// An adapter that tries once and waits a moment.
async fn impatient(endpoint: &str) -> Sdk {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(300)).build();
    let config = sessions(endpoint, &account()).config(&own(), REGION).await;
    let config = config.to_builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts).build();
    Sdk::new(aws_sdk_cloudformation::Client::new(&config), plenty())
}

#[tokio::test]
async fn no_answer_and_a_broken_one_read_as_unavailable() {
    let faults = faults().await;
    let aws = impatient(&faults.servers.faults).await;
    faults.answer("cloudformation", "DescribeStacks", 1.0, "InternalFailure", "", 500).await;
    let broken = aws.describe("blog").await;
    assert!(matches!(broken, Err(Error::Unavailable(_))), "{broken:?}");
    faults.set(Method::DELETE, &json!([])).await;
    // A listener that accepts and says nothing, and a port that nobody listens on.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let address = format!("http://{}", silent.local_addr().expect("a listener has an address"));
    let timed_out = impatient(&address).await.describe("blog").await;
    assert!(matches!(timed_out, Err(Error::Unavailable(_))), "{timed_out:?}");
    drop(silent);
    let refused = impatient(&address).await.describe("blog").await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
}

/// An identity that gives no credentials: at once, or never.
#[derive(Debug)]
struct Nobody {
    answers: bool,
}

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            if !self.answers {
                std::future::pending::<()>().await;
            }
            Err(CredentialsError::not_loaded("no providers in chain provided credentials"))
        })
    }
}

#[tokio::test]
async fn no_credentials_read_as_unauthenticated() {
    let aws = &servers().await.aws;
    for answers in [true, false] {
        let cache = IdentityCache::lazy().load_timeout(Duration::from_millis(100)).build();
        let config = sessions(aws, &account()).config(&own(), REGION).await.to_builder();
        let config = config.credentials_provider(SharedCredentialsProvider::new(Nobody { answers }));
        let client = aws_sdk_cloudformation::Client::new(&config.identity_cache(cache).build());
        let refused = Sdk::new(client, plenty()).describe("blog").await;
        assert!(matches!(refused, Err(Error::Unauthenticated(_))), "{refused:?}");
    }
}

/// What a call answers as a role, and what it takes to become it.
async fn as_role(endpoint: &str) -> Error {
    let role_arn = "arn:aws:iam::210987654321:role/tairyo".to_owned();
    let identity = AwsIdentity {
        region: REGION.into(),
        role_arn: Some(role_arn),
        external_id: Some("secret-id".into()),
        endpoint_url: None,
    };
    let config = sessions(endpoint, &account()).config(&identity, REGION).await;
    let aws = Sdk::new(aws_sdk_cloudformation::Client::new(&config), plenty());
    aws.describe("blog").await.expect_err("there is no such stack, or no way to know")
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_told_from_an_outage_of_sts() {
    let faults = faults().await;
    let endpoint = &faults.servers.faults;
    assert!(matches!(as_role(endpoint).await, Error::NotFound(_)), "without a fault the role is assumed");
    let refusal = "User: u is not authorized to perform: sts:AssumeRole on resource: r";
    faults.answer("sts", "AssumeRole", 1.0, "AccessDenied", refusal, 403).await;
    let refused = as_role(endpoint).await;
    let Error::RoleNotAssumable(text) = &refused else { panic!("{refused:?}") };
    assert!(text.contains("arn:aws:iam::210987654321:role/tairyo") && text.contains(refusal), "{text}");
    assert!(!text.contains("secret-id"), "{text}");
    faults.set(Method::DELETE, &json!([])).await;
    faults.answer("sts", "AssumeRole", 1.0, "ExpiredToken", "The security token is expired", 403).await;
    let expired = as_role(endpoint).await;
    assert!(matches!(expired, Error::Unauthenticated(_)), "{expired:?}");
    faults.set(Method::DELETE, &json!([])).await;
}
