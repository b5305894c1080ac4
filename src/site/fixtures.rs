//! Sites for tests: YAML as a user writes it, through the real [`validate`].

use crate::api::{WordPressClass, WordPressSite};

use super::dereference::Refs;
use super::model::Site;
use super::validate::{Images, Invalid, validate};

/// The manifest of the README.
pub(crate) const MINIMAL: &str = "
apiVersion: tairyo.dev/v1alpha1
kind: WordPressSite
metadata: {name: blog, namespace: default, uid: 11111111-2222-3333-4444-555555555555, generation: 1, creationTimestamp: '2026-01-02T03:04:05Z'}
spec:
  domains: [blog.example.com]
  title: My blog
  admin: {email: me@example.com}
";

pub(crate) const LOCAL_CLASS: &str = "
apiVersion: tairyo.dev/v1alpha1
kind: WordPressClass
metadata: {name: local, annotations: {tairyo.dev/is-default-class: 'true'}}
spec: {}
";

pub(crate) fn site(yaml: &str) -> WordPressSite {
    serde_saphyr::from_str(yaml).expect("the fixture is a site")
}

pub(crate) fn class(yaml: &str) -> WordPressClass {
    serde_saphyr::from_str(yaml).expect("the fixture is a class")
}

pub(crate) fn images() -> Images {
    Images { wordpress: "tairyo-wordpress:test".into(), database: "tairyo-mariadb:test".into() }
}

pub(crate) fn refs(class_yaml: &str) -> Refs {
    Refs { classes: vec![class(class_yaml)], ..Refs::default() }
}

/// The validated `site_yaml` of the class `class_yaml`.
pub(crate) fn validated(site_yaml: &str, class_yaml: &str) -> Result<Site, Invalid> {
    validate(&site(site_yaml), &refs(class_yaml), &images())
}

pub(crate) fn minimal() -> Site {
    validated(MINIMAL, LOCAL_CLASS).expect("the minimal site is valid")
}

/// The minimal manifest with `more` lines below `spec`.
pub(crate) fn with_spec(more: &str) -> String {
    format!("{MINIMAL}{more}\n")
}
