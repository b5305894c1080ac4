//! Sites for tests: YAML as a user writes it, through the real [`validate`].

use crate::api::{WordPressClass, WordPressSite};

use super::dereference::Refs;
use super::model::Site;
use super::validate::{Defaults, Invalid, validate};

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

/// A class with every managed provider.
pub(crate) const AWS_CLASS: &str = "
apiVersion: tairyo.dev/v1alpha1
kind: WordPressClass
metadata: {name: aws, annotations: {tairyo.dev/is-default-class: 'true'}}
spec:
  database: {provider: Aurora}
  media: {provider: S3}
  search: {provider: OpenSearch}
  cdn: {provider: CloudFront, cloudFront: {originHost: origin.example.com}}
  aws:
    region: ap-northeast-1
    podIdentity: {oidcProviderARN: 'arn:aws:iam::123456789012:oidc-provider/issuer.example.com/id'}
    hostedZones: [{id: Z0123456789, domain: example.com}]
";

pub(crate) fn site(yaml: &str) -> WordPressSite {
    serde_saphyr::from_str(yaml).expect("the fixture is a site")
}

pub(crate) fn class(yaml: &str) -> WordPressClass {
    serde_saphyr::from_str(yaml).expect("the fixture is a class")
}

pub(crate) fn defaults() -> Defaults {
    Defaults {
        wordpress: "tairyo-wordpress:test".into(),
        database: "tairyo-mariadb:test".into(),
        gateway: "tairyo:test".into(),
        cluster: "test".into(),
    }
}

pub(crate) fn refs(class_yaml: &str) -> Refs {
    Refs { classes: vec![class(class_yaml)], ..Refs::default() }
}

/// The validated `site_yaml` of the class `class_yaml`.
pub(crate) fn validated(site_yaml: &str, class_yaml: &str) -> Result<Site, Invalid> {
    validate(&site(site_yaml), &refs(class_yaml), &defaults())
}

pub(crate) fn minimal() -> Site {
    validated(MINIMAL, LOCAL_CLASS).expect("the minimal site is valid")
}

/// The minimal manifest with `more` lines below `spec`.
pub(crate) fn with_spec(more: &str) -> String {
    format!("{MINIMAL}{more}\n")
}
