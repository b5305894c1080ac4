//! What a site in a file refers to, as far as files tell: its class, its namespace, the outputs of its units.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use kube::ResourceExt as _;
use strum::IntoEnumIterator as _;

use super::{Document, Error, LOCAL_CLASS, parse, read};
use crate::api::names::DEFAULT_CLASS_ANNOTATION;
use crate::api::{WordPressClass, WordPressSite};
use crate::site::dereference::Refs;
use crate::site::managed;
use crate::units::{Outputs, Unit, graph};

/// The uid of a site that no API server has seen.
const NO_UID: &str = "00000000-0000-0000-0000-000000000000";

/// What was read of files.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// Every document.
    pub documents: Vec<Document>,
}

impl Manifests {
    /// Reads `files`, and classes of `classes` beside them.
    pub fn read(files: &[PathBuf], classes: &[PathBuf]) -> Result<Self, Error> {
        let mut documents = read(files)?;
        documents.extend(read(classes)?);
        Ok(Self { documents })
    }

    /// Every site.
    pub fn sites(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter().filter(|document| document.is_of("WordPressSite"))
    }

    /// The one site, or that of the name.
    pub fn site(&self, name: Option<&str>) -> Result<WordPressSite, Error> {
        let wanted = |document: &&Document| name.is_none_or(|name| document.name() == name);
        let found: Vec<_> = self.sites().filter(wanted).collect();
        match found.as_slice() {
            [one] => site_of(one),
            [] => {
                let paths: BTreeSet<_> = self.documents.iter().map(|it| it.file.as_str()).collect();
                let paths = paths.into_iter().collect::<Vec<_>>().join(", ");
                Err(Error::NoSite { paths: if paths.is_empty() { "an empty input".into() } else { paths } })
            }
            several => {
                Err(Error::SeveralSites { names: several.iter().map(|it| it.name()).collect::<Vec<_>>().join(", ") })
            }
        }
    }

    /// The class of `site`: by name, or the default one of the files, or the built-in local one.
    pub fn class(&self, site: &WordPressSite) -> Result<WordPressClass, Error> {
        let mut classes = Vec::new();
        for document in self.documents.iter().filter(|document| document.is_of("WordPressClass")) {
            classes.push(class_of(document)?);
        }
        let local = parse("the built-in class", LOCAL_CLASS)?;
        let local = || local.first().map(class_of);
        if let Some(name) = &site.spec.class_name {
            let found = classes.into_iter().find(|class| class.name_any() == *name);
            let built_in = || local().filter(|class| class.as_ref().is_ok_and(|it| it.name_any() == *name));
            return found
                .map(Ok)
                .or_else(built_in)
                .unwrap_or_else(|| Err(Error::NoClass { name: name.clone(), site: site.name_any() }));
        }
        let is_default =
            |class: &&WordPressClass| class.annotations().get(DEFAULT_CLASS_ANNOTATION).is_some_and(|it| it == "true");
        let default = classes.iter().find(is_default).or(if classes.len() == 1 { classes.first() } else { None });
        match default {
            Some(class) => Ok(class.clone()),
            None => local().unwrap_or_else(|| Err(Error::NoClass { name: "local".into(), site: site.name_any() })),
        }
    }

    /// What `site` refers to. Secrets are taken for granted, since files do not hold them. The labels of a namespace are
    /// known where its manifest is among the files.
    #[must_use]
    pub fn refs(&self, site: &WordPressSite, class: WordPressClass) -> Refs {
        let namespace = site.namespace().unwrap_or_default();
        let labels = self.documents.iter().find(|it| it.value["kind"] == "Namespace" && it.name() == namespace);
        let labels = labels.and_then(|it| it.value["metadata"]["labels"].as_object());
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let mut refs = assumed_refs(site, class);
        refs.namespace_labels = labels.into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect();
        // What the API server writes on each namespace.
        refs.namespace_labels.entry("kubernetes.io/metadata.name".into()).or_insert(namespace);
        refs
    }
}

/// What `site` refers to, every Secret with the keys that are needed.
fn assumed_refs(site: &WordPressSite, class: WordPressClass) -> Refs {
    let mut secret_keys = BTreeMap::new();
    if let Some(reference) = &site.spec.admin.password_secret_ref {
        secret_keys.insert(reference.name.clone(), Some(BTreeSet::from([reference.key.clone()])));
    }
    if let Some(reference) = site.spec.database.as_ref().and_then(|it| it.secret_ref.as_ref()) {
        let keys = ["username".to_owned(), "password".to_owned()];
        let known: &mut Option<BTreeSet<String>> = secret_keys.entry(reference.name.clone()).or_default();
        known.get_or_insert_default().extend(keys);
    }
    Refs { classes: vec![class], secret_keys, ..Refs::default() }
}

fn site_of(document: &Document) -> Result<WordPressSite, Error> {
    let site = serde_json::from_value(document.value.clone());
    let failed = |source| Error::NotOfItsKind { kind: "WordPressSite", name: document.name().into(), source };
    site.map(completed_site).map_err(failed)
}

fn class_of(document: &Document) -> Result<WordPressClass, Error> {
    let class = serde_json::from_value(document.value.clone());
    class.map_err(|source| Error::NotOfItsKind { kind: "WordPressClass", name: document.name().into(), source })
}

/// `site` with what the API server would have given it.
#[must_use]
pub fn completed_site(mut site: WordPressSite) -> WordPressSite {
    site.metadata.namespace.get_or_insert_with(|| "default".into());
    site.metadata.uid.get_or_insert_with(|| NO_UID.into());
    site
}

/// The outputs of units: what the status says, and for others a word that says what stands there later.
#[must_use]
pub fn outputs_of(site: &WordPressSite) -> Outputs {
    let mut outputs = managed::outputs(&site.status.clone().unwrap_or_default().outputs);
    for unit in Unit::iter() {
        let known = outputs.entry(unit).or_default();
        for name in graph::outputs(unit) {
            known.entry((*name).to_owned()).or_insert_with(|| match (unit, *name) {
                (Unit::Data, "Port") => "3306".into(),
                (Unit::Network, "SubnetIds") => "NETWORK_SUBNET_ID_1,NETWORK_SUBNET_ID_2".into(),
                (unit, name) => placeholder(unit, name),
            });
        }
    }
    outputs
}

/// Such as `DATA_HOST`.
fn placeholder(unit: Unit, name: &str) -> String {
    let mut words = unit.to_string().to_uppercase();
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            words.push('_');
        }
        words.push(character.to_ascii_uppercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifests(text: &str) -> Manifests {
        Manifests { documents: parse("x.yaml", text).expect("it is YAML") }
    }

    const SITE: &str = "apiVersion: tairyo.dev/v1alpha1\nkind: WordPressSite\nmetadata: {name: a}\nspec: \
                        {domains: [a.example.com], admin: {email: a@example.com}}\n";

    #[test]
    fn a_site_without_a_class_gets_the_built_in_one() {
        let manifests = manifests(SITE);
        let site = manifests.site(None).expect("there is one");
        assert_eq!(manifests.class(&site).expect("the built-in class").name_any(), "local");
        assert_eq!(site.namespace().as_deref(), Some("default"));
    }

    #[test]
    fn several_sites_need_a_name_and_an_unknown_class_is_named() {
        let other = SITE.replace("name: a", "name: b").replace("domains", "className: gold, domains");
        let manifests = manifests(&format!("{SITE}---\n{other}"));
        let message = manifests.site(None).expect_err("two").to_string();
        assert!(message.contains("a, b") && message.contains("--site"), "{message}");
        let site = manifests.site(Some("b")).expect("it is there");
        let message = manifests.class(&site).expect_err("unknown").to_string();
        assert!(message.contains("\"gold\"") && message.contains("--class"), "{message}");
    }

    #[test]
    fn what_is_not_known_yet_has_a_name_that_says_what_it_is() {
        let site = manifests(SITE).site(None).expect("there is one");
        let outputs = outputs_of(&site);
        assert_eq!(outputs[&Unit::Data]["SecretArn"], "DATA_SECRET_ARN");
        assert_eq!(outputs[&Unit::Data]["Port"], "3306");
    }

    #[test]
    fn the_items_of_a_list_are_documents() {
        let list = "kind: List\napiVersion: v1\nitems:\n- kind: A\n- kind: B\n";
        let kinds: Vec<_> = parse("x", list).expect("it is YAML").iter().map(|it| it.value["kind"].clone()).collect();
        assert_eq!(kinds, ["A", "B"]);
    }
}
