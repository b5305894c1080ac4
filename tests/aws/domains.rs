//! Search domains. `MiniStack` makes and changes them at once, knows no stages of a change, and carries a dry run out.

use serde_json::{Value, json};
use tairyo::cloudformation::CloudFormation as _;
use tairyo::cloudformation::port::Error;
use tairyo::cloudformation::sdk::{OpenSearchDomains, Sdk};
use tairyo::cloudformation::search_domain::{DomainChange, SearchDomains as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::harness::{REGION, account, own, plenty, servers, sessions, stack, wait_for_status};

#[tokio::test]
async fn a_domain_at_rest_works_on_nothing() {
    let config = sessions(&servers().await.aws, &account()).config(&own(), REGION).await;
    let aws = Sdk::new(aws_sdk_cloudformation::Client::new(&config), plenty());
    let domains = OpenSearchDomains::new(aws_sdk_opensearch::Client::new(&config));
    let cluster = json!({"InstanceType": "t3.small.search", "InstanceCount": 1});
    let domain = json!({"Type": "AWS::OpenSearchService::Domain", "Properties": {"DomainName": "blog", "ClusterConfig": cluster}});
    aws.create(&stack("search", &json!({"Resources": {"Domain": domain}}))).await.expect("it can be created");
    wait_for_status(&aws, "search", "CREATE_COMPLETE").await;
    assert_eq!(domains.progress("blog").await, Ok(None));
    let none = domains.progress("none").await;
    assert!(matches!(none, Err(Error::NotFound(_))), "{none:?}");
}

/// A request that AWS carried out would start hours of work on a live domain. So the request itself is looked at, by a
/// listener that answers as AWS is documented to:
/// <https://docs.aws.amazon.com/opensearch-service/latest/APIReference/API_UpdateDomainConfig.html>.
#[tokio::test]
async fn a_dry_run_says_that_it_is_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("a listener has an address"));
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("somebody calls");
        let mut request = Vec::new();
        while body(&request).is_none() {
            assert!(stream.read_buf(&mut request).await.expect("the request can be read") > 0, "it ends early");
        }
        let answer = r#"{"DomainConfig":{},"DryRunResults":{"DeploymentType":"Blue/Green","Message":"m"}}"#;
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
        stream.write_all((head + answer).as_bytes()).await.expect("the answer can be written");
        body(&request).expect("the request is whole")
    });
    let config = sessions(&endpoint, &account()).config(&own(), REGION).await;
    let domains = OpenSearchDomains::new(aws_sdk_opensearch::Client::new(&config));
    let change = DomainChange { instance_type: "r7g.large.search".into(), instances: 3, storage_gib: 100 };
    let dear = domains.dry_run("blog", &change).await.expect("it is answered");
    assert!(dear.is_some_and(|dear| dear.contains("moves all data to new nodes")));
    let sent = answering.await.expect("the listener has answered");
    let expected = json!({
        "ClusterConfig": {"InstanceType": "r7g.large.search", "InstanceCount": 3},
        "EBSOptions": {"EBSEnabled": true, "VolumeSize": 100},
        "DryRun": true
    });
    assert_eq!(sent, expected);
}

/// The body of a request, once all of it has come.
fn body(request: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(request).ok()?;
    serde_json::from_str(text.split_once("\r\n\r\n")?.1).ok()
}
