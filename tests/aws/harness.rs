//! An AWS for the tests of this program: one for all of them, since each test has an account of its own in it.

use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tairyo::api::status::AwsIdentity;
use tairyo::cloudformation::budget::{Budget, Rate};
use tairyo::cloudformation::port::{Error, Stack};
use tairyo::cloudformation::sdk::{Sdk, Sessions};
use tairyo::cloudformation::{CloudFormation, port};

/// What may take this long at most, the installation of the servers at the first run included.
pub const DEADLINE: Duration = Duration::from_mins(3);
/// The region of the tests.
pub const REGION: &str = "ap-northeast-1";
/// The name of the cluster, as the tag on stacks has it.
pub const CLUSTER: &str = "tests";

/// The servers.
pub struct Servers {
    /// The address of AWS.
    pub aws: String,
    /// The address of AWS behind the faults.
    pub faults: String,
    /// Stops the servers when its standard input ends, which is when this process does.
    _stopper: Child,
}

/// The servers, which the first caller starts. They ask nobody for rights.
pub async fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    ready(SERVERS.get_or_init(|| start(false))).await
}

/// Servers that carry out what the policies of IAM allow, and nothing else. The root of an account may do everything.
pub async fn guarded_servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    ready(SERVERS.get_or_init(|| start(true))).await
}

async fn ready(servers: &'static Servers) -> &'static Servers {
    let health = format!("{}/_ministack/health", servers.aws);
    wait_for("MiniStack answers", async || http(Method::GET, &health, "").await.ok()).await;
    let rules = format!("{}/_microburst/rules", servers.faults);
    wait_for("microburst answers", async || http(Method::GET, &rules, "").await.ok()).await;
    servers
}

/// The harness of tests runs no code after the last test, and none at all when it is killed. So a program that outlives
/// this one stops the servers, however this one ends: passed, failed, interrupted or killed.
fn start(guarded: bool) -> Servers {
    let (aws, faults) = (free_port(), free_port());
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("aws-{}-{aws}.log", std::process::id()));
    let log = std::fs::File::create(log).expect("the log can be written");
    let stopper = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws/servers"))
        .args([aws.to_string(), faults.to_string()])
        .env("AUTH", guarded.to_string())
        .stdin(Stdio::piped())
        .stdout(log.try_clone().expect("a file can be shared"))
        .stderr(log)
        // Ctrl-C goes to the whole group of a terminal's foreground job.
        .process_group(0)
        .spawn()
        .expect("tests/aws/servers can be started");
    let address = |port| format!("http://127.0.0.1:{port}");
    Servers { aws: address(aws), faults: address(faults), _stopper: stopper }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("a listener has an address").port()
}

/// An account that no other test has: `MiniStack` takes an access key of twelve digits for one.
pub fn account() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(100_000_000_001);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

/// The operator's own identity.
pub fn own() -> AwsIdentity {
    AwsIdentity { region: REGION.into(), ..AwsIdentity::default() }
}

/// Sessions whose own identity is the root of `account`.
pub fn sessions(endpoint: &str, account: &str) -> Sessions {
    Sessions::elsewhere(CLUSTER, endpoint, Credentials::new(account, "secret", None, None, "tests"))
}

/// The adapter, without a budget that would slow a test down.
pub async fn adapter(endpoint: &str, account: &str) -> Sdk {
    let config = sessions(endpoint, account).config(&own(), REGION).await;
    Sdk::new(aws_sdk_cloudformation::Client::new(&config), plenty())
}

/// A budget that no test uses up.
pub fn plenty() -> Arc<Budget> {
    let rate = Rate { per_second: 10_000.0, burst: 10_000.0 };
    Arc::new(Budget::with(rate, rate))
}

/// Waits until `look` finds something.
pub async fn wait_for<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "not within {} seconds: {what}", DEADLINE.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the stack has this status. A status that no longer moves and is another one fails at once.
pub async fn wait_for_status(adapter: &dyn CloudFormation, stack: &str, status: &str) -> Stack {
    wait_for(&format!("{stack} is {status}"), async || {
        let found = adapter.describe(stack).await.expect("the stack can be described");
        let moving = found.status.ends_with("_IN_PROGRESS");
        assert!(moving || found.status == status, "{stack} is {}: {:?}", found.status, found.status_reason);
        (found.status == status).then_some(found)
    })
    .await
}

/// A stack to create.
pub fn stack(name: &str, template: &serde_json::Value) -> port::CreateStack {
    port::CreateStack {
        name: name.into(),
        template: template.to_string(),
        parameters: [].into(),
        tags: [].into(),
        stack_policy: None,
        service_role_arn: None,
        token: format!("{name}-create"),
    }
}

/// A change set for a stack.
pub fn change_set(stack: &str, name: &str, template: &serde_json::Value) -> port::CreateChangeSet {
    port::CreateChangeSet {
        stack: stack.into(),
        name: name.into(),
        template: template.to_string(),
        parameters: [].into(),
        previous_parameters: vec![],
        tags: [].into(),
        service_role_arn: None,
        token: format!("{name}-token"),
    }
}

/// Waits until the change set is made.
pub async fn made(adapter: &Sdk, stack: &str, change_set: &str) -> port::ChangeSet {
    wait_for(&format!("{change_set} is made"), async || {
        let found = adapter.describe_change_set(stack, change_set).await.expect("the change set can be described");
        (found.status != port::ChangeSetStatus::Creating).then_some(found)
    })
    .await
}

/// Whether the answer says that there is none.
pub fn is_not_found<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::NotFound(_)))
}

/// One request to one of the servers' own addresses, such as `http://127.0.0.1:4570/path`.
pub async fn http(method: Method, url: &str, body: &str) -> Result<String, Box<dyn std::error::Error>> {
    let url: hyper::Uri = url.parse()?;
    let authority = url.authority().ok_or("the address has no host")?.as_str();
    let stream = tokio::net::TcpStream::connect(authority).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::builder().method(method).uri(url.path()).header("host", authority);
    let request = request.header("content-type", "application/json").body(Full::new(Bytes::from(body.to_owned())))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let text = String::from_utf8(response.into_body().collect().await?.to_bytes().into())?;
    connection.abort();
    if status.is_success() { Ok(text) } else { Err(format!("{status}: {text}").into()) }
}
