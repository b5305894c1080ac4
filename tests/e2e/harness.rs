//! What every test needs: a namespace, a site from YAML, a wait with a deadline, a page.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::ApiResource;
use kube::runtime::wait::await_condition;
use kube::{Client, Config, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tairyo::api::condition::ConditionType;
use tairyo::api::{WordPressClass, WordPressSite};
use tairyo::site::conditions::find;

/// Longer than any part of a site takes on two busy cores.
pub(crate) const DEADLINE: Duration = Duration::from_mins(5);

/// A namespace on the cluster.
pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

/// What a page answered.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) cache: Option<String>,
    pub(crate) body: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) async fn client() -> Client {
    tairyo::operator::client::install_crypto();
    let path = root().join(".cluster/kubeconfig");
    let kubeconfig =
        Kubeconfig::read_from(&path).unwrap_or_else(|error| panic!("no cluster: {error}; run `make install` first"));
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .expect("the cluster's kubeconfig is complete");
    Client::try_from(config).expect("the configuration makes a client")
}

/// Runs kubectl and returns what it printed.
pub(crate) fn kubectl(arguments: &[&str]) -> String {
    let output = Command::new(root().join(".cluster/bin/kubectl"))
        .arg("--kubeconfig")
        .arg(root().join(".cluster/kubeconfig"))
        .args(arguments)
        .output()
        .expect("kubectl starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "kubectl {arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Runs a command of the cluster harness.
pub(crate) fn cluster(command: &str) {
    let status = Command::new(root().join("tests/cluster/cluster")).arg(command).status().expect("the harness starts");
    assert!(status.success(), "tests/cluster/cluster {command} failed");
}

impl World {
    /// A fresh namespace for the test `name`; what an earlier run left of it is removed first.
    pub(crate) async fn new(name: &str) -> Self {
        let client = client().await;
        let namespaces = Api::<Namespace>::all(client.clone());
        if namespaces.get_opt(name).await.expect("namespaces can be read").is_some() {
            namespaces.delete(name, &kube::api::DeleteParams::default()).await.expect("the old namespace goes");
            wait(&namespaces, name, "the old namespace to go", |found| found.is_none()).await;
        }
        let labels = json!({"pod-security.kubernetes.io/enforce": "restricted", "tairyo.dev/test": name});
        let namespace = from(&json!({"metadata": {"name": name, "labels": labels}}));
        namespaces.create(&PostParams::default(), &namespace).await.expect("the namespace is created");
        Self { client, namespace: name.into() }
    }

    /// Removes the namespace and all that is in it, without waiting for the end of it.
    pub(crate) async fn end(self) {
        let sites = self.api::<WordPressSite>();
        for site in sites.list(&kube::api::ListParams::default()).await.expect("sites can be listed") {
            delete(&sites, &site.name_any()).await;
        }
        Api::<Namespace>::all(self.client.clone())
            .delete(&self.namespace, &kube::api::DeleteParams::default())
            .await
            .expect("the namespace goes");
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Applies a site of the class `local` with the domain `NAME.NAMESPACE.example.com` and `spec` on top.
    pub(crate) async fn apply(&self, name: &str, spec: &Value) -> WordPressSite {
        let mut full = json!({
            "className": "local",
            "domains": [self.domain(name)],
            "title": "A test",
            "admin": {"email": "me@example.com"},
            "database": {"storage": "1Gi"},
            "media": {"storage": "1Gi"},
        });
        merge(&mut full, spec);
        self.apply_object(&json!({
            "apiVersion": "tairyo.dev/v1alpha1", "kind": "WordPressSite", "metadata": {"name": name}, "spec": full,
        }))
        .await
    }

    pub(crate) async fn apply_object(&self, object: &Value) -> WordPressSite {
        let name = object["metadata"]["name"].as_str().expect("a name");
        self.api::<WordPressSite>()
            .patch(name, &PatchParams::apply("test").force(), &Patch::Apply(object))
            .await
            .expect("the API server takes the site")
    }

    pub(crate) fn domain(&self, name: &str) -> String {
        format!("{name}.{}.example.com", self.namespace)
    }

    /// Waits until the summary condition `Ready` has this status and reason.
    pub(crate) async fn until(&self, name: &str, status: &str, reason: &str) -> WordPressSite {
        let what = format!("Ready={status}/{reason}");
        self.until_site(name, &what, |site| {
            let ready = site.status.as_ref().and_then(|it| find(it, ConditionType::Ready));
            ready.is_some_and(|it| {
                it.status == status && it.reason == reason && it.observed_generation == site.metadata.generation
            })
        })
        .await
    }

    pub(crate) async fn ready(&self, name: &str) -> WordPressSite {
        self.until(name, "True", "Ready").await
    }

    pub(crate) async fn until_site(
        &self,
        name: &str,
        what: &str,
        condition: impl Fn(&WordPressSite) -> bool,
    ) -> WordPressSite {
        wait(&self.api(), name, what, |site: Option<&WordPressSite>| site.is_some_and(&condition))
            .await
            .expect("the condition asks for a site")
    }

    /// A page of the site through its Service, as a proxy would ask for it.
    pub(crate) async fn page(&self, site: &str, host: &str, path: &str) -> Page {
        let service = self.api::<Service>().get(&format!("{site}-web")).await.expect("the site has a Service");
        let address = service.spec.and_then(|spec| spec.cluster_ip).expect("the Service has an address");
        fetch(&address, 80, host, path).await
    }

    /// The rows of a query on the site's database.
    pub(crate) fn query(&self, site: &str, sql: &str) -> String {
        let pod = format!("{site}-database-0");
        let sql = format!("--execute={sql}");
        let command = [
            "mariadb",
            "--socket=/run/mysqld/mysqld.sock",
            "--default-character-set=utf8mb4",
            "--batch",
            "--raw",
            "--skip-column-names",
        ];
        let mut arguments = vec!["exec", "--namespace", &self.namespace, &pod, "--"];
        arguments.extend(command);
        arguments.extend([sql.as_str(), "wordpress"]);
        kubectl(&arguments).trim_end_matches('\n').to_owned()
    }
}

/// Deletes an object, where it is still there.
pub(crate) async fn delete<K>(api: &Api<K>, name: &str)
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned,
{
    match api.delete(name, &kube::api::DeleteParams::default()).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        Err(error) => panic!("failed to delete {name}: {error}"),
    }
}

/// Waits by watching until `condition` holds, and fails with what was seen last.
pub(crate) async fn wait<K>(api: &Api<K>, name: &str, what: &str, condition: impl Fn(Option<&K>) -> bool) -> Option<K>
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned + Send + serde::Serialize + 'static,
    K::DynamicType: Default,
{
    match tokio::time::timeout(DEADLINE, await_condition(api.clone(), name, condition)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => panic!("failed to watch {name} for {what}: {error}"),
        Err(_) => {
            let last = api.get_opt(name).await.ok().flatten().map(|it| json!(it)["status"].to_string());
            panic!("waited {} s for {what} of {name}; its status: {last:?}", DEADLINE.as_secs())
        }
    }
}

/// Asks again and again, as fast as the answers come, until `condition` holds.
pub(crate) async fn eventually<T, Fut>(what: &str, ask: impl Fn() -> Fut, condition: impl Fn(&T) -> bool) -> T
where
    Fut: Future<Output = T>,
{
    let mut pace = tokio::time::interval(Duration::from_millis(250));
    let asking = async {
        loop {
            pace.tick().await;
            let answer = ask().await;
            if condition(&answer) {
                return answer;
            }
        }
    };
    tokio::time::timeout(DEADLINE, asking)
        .await
        .unwrap_or_else(|_| panic!("waited {} s for {what}", DEADLINE.as_secs()))
}

/// The condition `kind` of a site as `Status/Reason`, and its message.
pub(crate) fn condition(site: &WordPressSite, kind: ConditionType) -> (String, String) {
    let found = site.status.as_ref().and_then(|status| find(status, kind));
    found.map_or_else(
        || ("absent".into(), String::new()),
        |it| (format!("{}/{}", it.status, it.reason), it.message.clone()),
    )
}

/// Applies a class; it is cluster-scoped, so its name should carry the test's.
pub(crate) async fn apply_class(client: &Client, name: &str, spec: &Value) {
    let class = json!({"apiVersion": "tairyo.dev/v1alpha1", "kind": "WordPressClass", "metadata": {"name": name}, "spec": spec});
    Api::<WordPressClass>::all(client.clone())
        .patch(name, &PatchParams::apply("test").force(), &Patch::Apply(&class))
        .await
        .expect("the API server takes the class");
}

/// An object of a kind without a type, by merge patch.
pub(crate) async fn patch(world: &World, resource: &ApiResource, name: &str, change: &Value) {
    Api::<DynamicObject>::namespaced_with(world.client.clone(), &world.namespace, resource)
        .patch(name, &PatchParams::default(), &Patch::Merge(change))
        .await
        .unwrap_or_else(|error| panic!("failed to change {name}: {error}"));
}

/// Waits until the site is stalled for this reason, and returns the message.
pub(crate) async fn stalled(world: &World, name: &str, reason: &str) -> String {
    let site = world.until(name, "False", reason).await;
    assert_eq!(condition(&site, ConditionType::Stalled).0, format!("True/{reason}"));
    assert_eq!(condition(&site, ConditionType::Reconciling).0.split('/').next(), Some("False"));
    condition(&site, ConditionType::Ready).1
}

/// Fails where a refused site has got a part all the same.
pub(crate) async fn nothing_was_created(world: &World) {
    let sets = world.api::<StatefulSet>().list(&kube::api::ListParams::default()).await.expect("sets can be listed");
    assert!(sets.items.is_empty(), "a database was created for a site that is refused");
}

pub(crate) async fn fetch(address: &str, port: u16, host: &str, path: &str) -> Page {
    fetch_with(address, port, host, path, &[]).await
}

/// A page asked for with these headers.
pub(crate) async fn fetch_with(address: &str, port: u16, host: &str, path: &str, headers: &[(&str, &str)]) -> Page {
    try_fetch(address, port, host, path, headers).await.unwrap_or_else(|error| Page {
        status: 0,
        location: None,
        cache: None,
        body: error.to_string(),
    })
}

async fn try_fetch(
    address: &str,
    port: u16,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Page, Box<dyn std::error::Error>> {
    let exchange = async {
        let stream = tokio::net::TcpStream::connect((address, port)).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let request = headers
            .iter()
            .fold(Request::get(path).header("host", host), |request, (name, value)| request.header(*name, *value));
        let request = request.body(Empty::<Bytes>::new())?;
        let response = sender.send_request(request).await?;
        let header = |name: &str| response.headers().get(name).and_then(|it| it.to_str().ok()).map(str::to_owned);
        let (status, location, cache) = (response.status().as_u16(), header("location"), header("x-cache"));
        let body = response.into_body().collect().await?.to_bytes();
        connection.abort();
        Ok(Page { status, location, cache, body: String::from_utf8_lossy(&body).into_owned() })
    };
    tokio::time::timeout(Duration::from_secs(20), exchange).await?
}

pub(crate) fn from<K: DeserializeOwned>(value: &Value) -> K {
    serde_json::from_value(value.clone()).expect("the value is of this kind")
}

fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}
