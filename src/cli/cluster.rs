//! The way of the commands to the cluster: the flags that kubectl has too, and errors that say what to do.

use std::path::PathBuf;

use clap::Args;
use kube::api::{ListParams, ObjectList};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Api, Client, Config, Resource};
use serde::de::DeserializeOwned;

use crate::api::WordPressSite;

/// Which cluster and namespace, as whom.
#[derive(Args, Clone, Debug, Default)]
pub struct ClusterOptions {
    /// The namespace of the site; without it that of the context
    #[arg(short, long, value_name = "NAMESPACE", help_heading = "Cluster")]
    pub namespace: Option<String>,

    /// The context of the kubeconfig
    #[arg(long, value_name = "CONTEXT", help_heading = "Cluster")]
    pub context: Option<String>,

    /// The kubeconfig; without it $KUBECONFIG, ~/.kube/config or the service account of the pod
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,

    /// Ask as this user, who needs the rights then
    #[arg(long = "as", value_name = "USER", help_heading = "Cluster")]
    pub impersonate: Option<String>,
}

/// Why the cluster gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kubeconfig that was named.
    #[error("failed to read the kubeconfig {path}")]
    ReadKubeconfig {
        /// Its path.
        path: String,
        /// The cause.
        source: Box<KubeconfigError>,
    },
    /// No cluster is known, or the context is not.
    #[error("failed to find a cluster; set KUBECONFIG, or name --kubeconfig and --context as for kubectl")]
    FindCluster(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The configuration cannot be used.
    #[error("failed to make a client of the API server")]
    BuildClient(#[source] Box<kube::Error>),
    /// The API server refuses for want of rights.
    #[error(
        "failed to {verb} {resource}{}: you lack the right; ask for the verb {verb} on {resource} ({}), or check with \
         `kubectl auth can-i {verb} {resource}{}`",
        of(namespace.as_ref()),
        "docs/cli.md lists what each command needs",
        flag(namespace.as_ref())
    )]
    Forbidden {
        /// The missing verb.
        verb: &'static str,
        /// The resource with its group.
        resource: String,
        /// Where; `None`: in the whole cluster.
        namespace: Option<String>,
    },
    /// The cluster does not know the kind.
    #[error(
        "failed to find the kind {resource} in the cluster; install the definitions: `tairyo crds | kubectl apply --server-side -f -`"
    )]
    UnknownKind {
        /// The resource with its group.
        resource: String,
    },
    /// There is no such object.
    #[error("failed to find {resource} {name:?}{}{}", of(namespace.as_ref()), others(known))]
    NotFound {
        /// The resource with its group.
        resource: String,
        /// The name that was asked for.
        name: String,
        /// Where.
        namespace: Option<String>,
        /// What there is instead.
        known: Vec<String>,
    },
    /// The API server does not know who asks.
    #[error(
        "failed to log in to the API server; log in again as kubectl needs it, and check with `kubectl auth whoami`"
    )]
    Unauthorized,
    /// The API server says what is wrong with the request.
    #[error("failed to {verb} {resource}{}: {message}", of(namespace.as_ref()))]
    Refused {
        /// What was asked.
        verb: &'static str,
        /// Of what.
        resource: String,
        /// Where.
        namespace: Option<String>,
        /// What the API server says.
        message: String,
    },
    /// Anything else.
    #[error("failed to {verb} {resource}{}", of(namespace.as_ref()))]
    Request {
        /// What was asked.
        verb: &'static str,
        /// Of what.
        resource: String,
        /// Where.
        namespace: Option<String>,
        /// The cause.
        source: Box<kube::Error>,
    },
}

fn of(namespace: Option<&String>) -> String {
    namespace.map(|it| format!(" in the namespace {it:?}")).unwrap_or_default()
}

fn flag(namespace: Option<&String>) -> String {
    namespace.map(|it| format!(" -n {it}")).unwrap_or_default()
}

fn others(known: &[String]) -> String {
    if known.is_empty() {
        return "; look for it with `kubectl get wordpresssites --all-namespaces`".into();
    }
    format!("; there are {}", known.join(", "))
}

/// A client and the namespace that is meant.
#[derive(Clone)]
pub struct Cluster {
    /// The client.
    pub client: Client,
    /// The namespace of the flags or the context.
    pub namespace: String,
}

impl Cluster {
    /// The cluster of `options`.
    pub async fn connect(options: &ClusterOptions) -> Result<Self, Error> {
        crate::operator::client::install_crypto();
        let mut config = config(options).await?;
        if let Some(user) = &options.impersonate {
            config.auth_info.impersonate = Some(user.clone());
        }
        let namespace = options.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(|error| Error::BuildClient(Box::new(error)))?;
        Ok(Self { client, namespace })
    }

    /// The objects of a kind in the namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The site called `name`.
    pub async fn site(&self, name: &str) -> Result<WordPressSite, Error> {
        let api = self.api::<WordPressSite>();
        if let Some(site) = api.get_opt(name).await.map_err(|error| self.error::<WordPressSite>("get", error))? {
            return Ok(site);
        }
        // The list is a courtesy: without the right to list there is the shorter message.
        let known = match api.list_metadata(&ListParams::default()).await {
            Ok(sites) => sites.items.into_iter().filter_map(|site| site.metadata.name).collect(),
            Err(kube::Error::Api(status)) if status.code == 404 => {
                return Err(Error::UnknownKind { resource: resource::<WordPressSite>() });
            }
            Err(_) => Vec::new(),
        };
        let namespace = Some(self.namespace.clone());
        Err(Error::NotFound { resource: resource::<WordPressSite>(), name: name.into(), namespace, known })
    }

    /// What has the labels of `selector`.
    pub async fn list<K>(&self, selector: &str) -> Result<Vec<K>, Error>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        let listed: Result<ObjectList<K>, _> = self.api::<K>().list(&ListParams::default().labels(selector)).await;
        Ok(listed.map_err(|error| self.error::<K>("list", error))?.items)
    }

    /// What `error` of a request in the namespace means.
    pub fn error<K: Resource<DynamicType = ()>>(&self, verb: &'static str, error: kube::Error) -> Error {
        explain::<K>(verb, Some(self.namespace.clone()), error)
    }
}

async fn config(options: &ClusterOptions) -> Result<Config, Error> {
    let selection = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    if let Some(path) = &options.kubeconfig {
        let kubeconfig = Kubeconfig::read_from(path)
            .map_err(|source| Error::ReadKubeconfig { path: path.display().to_string(), source: Box::new(source) })?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &selection).await;
        return config.map_err(|error| Error::FindCluster(error.into()));
    }
    if options.context.is_some() {
        return Config::from_kubeconfig(&selection).await.map_err(|error| Error::FindCluster(error.into()));
    }
    Config::infer().await.map_err(|error| Error::FindCluster(error.into()))
}

fn resource<K: Resource<DynamicType = ()>>() -> String {
    let group = K::group(&());
    if group.is_empty() { K::plural(&()).into_owned() } else { format!("{}.{group}", K::plural(&())) }
}

/// What `error` of `verb` on the kind means to a person.
pub fn explain<K: Resource<DynamicType = ()>>(
    verb: &'static str,
    namespace: Option<String>,
    error: kube::Error,
) -> Error {
    explain_named(verb, resource::<K>(), namespace, error)
}

/// The same of a resource by its name, such as `pods/log`.
pub fn explain_named(verb: &'static str, resource: String, namespace: Option<String>, error: kube::Error) -> Error {
    match &error {
        kube::Error::Api(status)
            if status.code == 403 && status.reason == "Forbidden" && !is_policy(&status.message) =>
        {
            Error::Forbidden { verb, resource, namespace }
        }
        kube::Error::Api(status) if status.code == 401 => Error::Unauthorized,
        kube::Error::Api(status) if status.code == 404 && status.message.contains("the server could not find") => {
            Error::UnknownKind { resource }
        }
        // The cause would be shown with every field of the answer.
        kube::Error::Api(status) => Error::Refused { verb, resource, namespace, message: status.message.clone() },
        _ => Error::Request { verb, resource, namespace, source: Box::new(error) },
    }
}

/// Admission answers 403 too; what it says is better than "you lack the right".
fn is_policy(message: &str) -> bool {
    !message.contains("cannot ")
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use kube::core::Status;

    use super::*;

    fn refused(code: u16, reason: &str, message: &str) -> kube::Error {
        kube::Error::Api(Box::new(Status { code, reason: reason.into(), message: message.into(), ..Status::default() }))
    }

    #[test]
    fn a_missing_right_is_named_with_verb_resource_and_namespace() {
        let error = refused(403, "Forbidden", "pods is forbidden: User \"x\" cannot list resource \"pods\"");
        let message = explain::<Pod>("list", Some("shop".into()), error).to_string();
        assert!(message.contains("ask for the verb list on pods"), "{message}");
        assert!(message.contains("`kubectl auth can-i list pods -n shop`"), "{message}");
    }

    #[test]
    fn a_policy_that_refuses_is_not_taken_for_a_missing_right() {
        let error = refused(403, "Forbidden", "admission webhook denied the request: no");
        let message = explain::<Pod>("create", None, error).to_string();
        assert_eq!(message, "failed to create pods: admission webhook denied the request: no");
    }

    #[test]
    fn a_cluster_without_the_definitions_is_told_apart_from_a_missing_site() {
        let error = refused(404, "NotFound", "the server could not find the requested resource");
        let message = explain::<WordPressSite>("list", None, error).to_string();
        assert!(message.contains("tairyo crds"), "{message}");
    }
}
