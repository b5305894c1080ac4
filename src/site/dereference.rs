//! First step: fetch what the site refers to. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::Api;
use kube::{Client, ResourceExt};

use crate::api::names::DEFAULT_CLASS_ANNOTATION;
use crate::api::{WordPressClass, WordPressSite};

/// Why a reference could not be fetched. "Not there" is not among them: that is an answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The labels of the site's namespace.
    #[error("failed to read the namespace {name:?}")]
    ReadNamespace {
        /// The namespace.
        name: String,
        /// The cause.
        source: kube::Error,
    },
    /// A Secret of the site's namespace.
    #[error("failed to read the Secret {name:?}")]
    ReadSecret {
        /// The name of the Secret.
        name: String,
        /// The cause.
        source: kube::Error,
    },
}

/// What the site refers to, as far as it exists.
#[derive(Clone, Debug, Default)]
pub struct Refs {
    /// The class named by the site, or every default class where it names none.
    pub classes: Vec<WordPressClass>,
    /// The labels of the site's namespace, where a class selects by them.
    pub namespace_labels: BTreeMap<String, String>,
    /// The keys of each Secret that the spec refers to; `None` where there is no such Secret. Never a value.
    pub secret_keys: BTreeMap<String, Option<BTreeSet<String>>>,
    /// The other sites that have one of the domains.
    pub rivals: Vec<Rival>,
}

/// Another site that has one of the domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// The shared domain.
    pub domain: String,
    /// Its namespace; shown only where it is the site's own.
    pub namespace: String,
    /// Its name; shown only within the same namespace.
    pub name: String,
    /// When it was created, and its uid for equal times: the older site keeps the domain.
    pub age: (String, String),
}

/// Fetches what `site` refers to. `classes` and `sites` are the caches of all classes and sites.
pub async fn dereference(
    client: &Client,
    site: &WordPressSite,
    classes: &[WordPressClass],
    sites: &[WordPressSite],
) -> Result<Refs, Error> {
    let namespace = site.namespace().unwrap_or_default();
    let classes = candidate_classes(site, classes);
    let mut refs = Refs { rivals: rivals(site, sites), ..Refs::default() };
    if classes.iter().any(|class| class.spec.allowed_namespaces.is_some()) {
        refs.namespace_labels = Api::<Namespace>::all(client.clone())
            .get_metadata(&namespace)
            .await
            .map_err(|source| Error::ReadNamespace { name: namespace.clone(), source })?
            .metadata
            .labels
            .unwrap_or_default();
    }
    refs.classes = classes;
    let secrets = Api::<Secret>::namespaced(client.clone(), &namespace);
    let admin = site.spec.admin.password_secret_ref.as_ref().map(|reference| &reference.name);
    let database = site.spec.database.as_ref().and_then(|it| it.secret_ref.as_ref()).map(|reference| &reference.name);
    for name in admin.into_iter().chain(database) {
        let found = secrets
            .get_opt(name)
            .await
            .map_err(|source| Error::ReadSecret { name: name.clone(), source })?
            .map(|secret| secret.data.unwrap_or_default().into_keys().collect());
        refs.secret_keys.insert(name.clone(), found);
    }
    Ok(refs)
}

fn candidate_classes(site: &WordPressSite, classes: &[WordPressClass]) -> Vec<WordPressClass> {
    let is_candidate = |class: &&WordPressClass| match &site.spec.class_name {
        Some(name) => class.name_any() == *name,
        None => class.annotations().get(DEFAULT_CLASS_ANNOTATION).is_some_and(|value| value == "true"),
    };
    let mut candidates: Vec<_> = classes.iter().filter(is_candidate).cloned().collect();
    candidates.sort_by_key(ResourceExt::name_any);
    candidates
}

fn rivals(site: &WordPressSite, sites: &[WordPressSite]) -> Vec<Rival> {
    let mut rivals: Vec<_> = sites
        .iter()
        .filter(|other| other.uid() != site.uid() && other.metadata.deletion_timestamp.is_none())
        .filter_map(|other| {
            let domain = other.spec.domains.iter().find(|domain| site.spec.domains.contains(domain))?;
            Some(Rival {
                domain: domain.clone(),
                namespace: other.namespace().unwrap_or_default(),
                name: other.name_any(),
                age: age(other),
            })
        })
        .collect();
    rivals.sort_by(|left, right| left.age.cmp(&right.age));
    rivals
}

/// What decides between two sites that want one domain.
#[must_use]
pub fn age(site: &WordPressSite) -> (String, String) {
    (site.creation_timestamp().map(|time| time.0.to_string()).unwrap_or_default(), site.uid().unwrap_or_default())
}
