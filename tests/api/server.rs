//! An API server for the tests of this program: etcd and the API server alone, with our definitions.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use super::schema::{Definition, definitions, root};

/// A developer's own API server, instead of one that is started and stopped: the path of a kubeconfig.
const KUBECONFIG: &str = "TAIRYO_API_KUBECONFIG";
/// What may take this long at most. Nothing here takes more than a second on an idle machine.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// A client, and a namespace of the test's own.
pub struct Server {
    pub client: Client,
    pub namespace: String,
}

impl Server {
    /// The objects of the kind, in the test's namespace where they have one.
    pub fn api(&self, definition: &Definition) -> Api<DynamicObject> {
        api(&self.client, &self.namespace, definition)
    }
}

fn api(client: &Client, namespace: &str, definition: &Definition) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk(&definition.group, &definition.version, &definition.kind);
    let resource = ApiResource::from_gvk_with_plural(&kind, &definition.plural);
    if definition.namespaced {
        Api::namespaced_with(client.clone(), namespace, &resource)
    } else {
        Api::all_with(client.clone(), &resource)
    }
}

/// Runs `test` on the API server, which the first test starts.
pub fn with(test: impl AsyncFnOnce(&Server)) {
    let kubeconfig = &control_plane().kubeconfig;
    block_on(async {
        let client = connect(kubeconfig).await;
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let namespace =
            serde_json::from_value(json!({"metadata": {"generateName": "api-"}})).expect("it is a namespace");
        let namespace = namespaces.create(&PostParams::default(), &namespace).await.expect("a namespace can be made");
        let server = Server { client, namespace: namespace.name_any() };
        test(&server).await;
        namespaces.delete(&server.namespace, &DeleteParams::default()).await.expect("a namespace can be deleted");
    });
}

/// How programs reach the API server.
pub fn kubeconfig() -> &'static Path {
    &control_plane().kubeconfig
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(work)
}

async fn connect(kubeconfig: &Path) -> Client {
    tairyo::operator::client::install_crypto();
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("the kubeconfig can be read");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.expect("the kubeconfig can be used")).expect("a client can be made")
}

struct ControlPlane {
    kubeconfig: PathBuf,
    /// Ends the control plane when its standard input does, which is when this process ends.
    _stopper: Option<Child>,
}

fn control_plane() -> &'static ControlPlane {
    static CONTROL_PLANE: OnceLock<ControlPlane> = OnceLock::new();
    CONTROL_PLANE.get_or_init(|| {
        let control_plane = match std::env::var_os(KUBECONFIG) {
            Some(path) => ControlPlane { kubeconfig: path.into(), _stopper: None },
            None => start(),
        };
        block_on(install_definitions(&control_plane.kubeconfig));
        control_plane
    })
}

/// The harness of tests runs no code after the last test, and none at all when it is killed. So a program that outlives
/// this one stops the control plane, however this one ends: passed, failed, interrupted or killed.
fn start() -> ControlPlane {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("api-{}", std::process::id()));
    let program = root().join("tests/cluster/cluster");
    let stopper = Command::new("sh")
        .args(["-c", r#"cat && exec "$0" down"#])
        .arg(&program)
        .env("TAIRYO_CLUSTER_DIR", &directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        // Ctrl-C goes to the whole group of a terminal's foreground job.
        .process_group(0)
        .spawn()
        .expect("sh can be started");
    let up = Command::new(&program)
        .arg("up")
        .env("CONTROL_PLANE_ONLY", "1")
        .env("TAIRYO_CLUSTER_DIR", &directory)
        .status()
        .expect("tests/cluster/cluster can be started");
    assert!(up.success(), "tests/cluster/cluster up failed; what it printed says why");
    ControlPlane { kubeconfig: directory.join("kubeconfig"), _stopper: Some(stopper) }
}

async fn install_definitions(kubeconfig: &Path) {
    let client = connect(kubeconfig).await;
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in definitions() {
        let name = format!("{}.{}", definition.plural, definition.group);
        let parameters = PatchParams::apply("tairyo-tests").force();
        let applied = api.patch(&name, &parameters, &Patch::Apply(&definition.value)).await;
        applied.unwrap_or_else(|error| panic!("the API server refuses crds/{name}.yaml: {error}"));
        let established = await_condition(api.clone(), &name, conditions::is_crd_established());
        let established = tokio::time::timeout(DEADLINE, established).await.expect("a definition is soon established");
        established.expect("the definition can be watched");
        // Established means that the server will serve the kind, some moments later.
        let objects = self::api(&client, "default", &definition);
        wait_until("the kind is served", async || objects.list(&ListParams::default()).await.is_ok()).await;
    }
}

/// Waits for what the server does on its own.
pub async fn wait_until(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "not within {} seconds: {what}", DEADLINE.as_secs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
