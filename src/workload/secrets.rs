//! Secrets with random values. They are created once and never applied: a second call makes other values.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rand::distr::{Alphanumeric, SampleString as _};
use rand::seq::IndexedRandom as _;

use super::metadata::{metadata, metadata_of_data};
use crate::api::names::Component;
use crate::site::model::Site;

/// The keys of the salts Secret: the constants of wp-config.php.
pub(super) const SALTS: [&str; 8] = [
    "AUTH_KEY",
    "SECURE_AUTH_KEY",
    "LOGGED_IN_KEY",
    "NONCE_KEY",
    "AUTH_SALT",
    "SECURE_AUTH_SALT",
    "LOGGED_IN_SALT",
    "NONCE_SALT",
];

/// The key of a login name.
pub(super) const USERNAME: &str = "username";
/// The key of a password.
pub(super) const PASSWORD: &str = "password";

/// The database login. It has rights on the site's database alone, so it needs no name of its own.
const DATABASE_USERNAME: &str = "wordpress";

const SALT_LENGTH: usize = 64;
/// About 190 bits.
const PASSWORD_LENGTH: usize = 32;

/// Letters, digits and punctuation without quotes, backslash, dollar and space, which shells and PHP read specially.
const SALT_ALPHABET: &[u8] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#%&()*+,-./:;<=>?@[]^_{|}~";

/// A Secret with fresh values. Not `Debug`, since that of a Secret prints them.
#[derive(Clone)]
pub struct GeneratedSecret(Secret);

impl GeneratedSecret {
    /// The name of the Secret.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.metadata.name.as_deref().unwrap_or_default()
    }

    /// The Secret, to be created.
    #[must_use]
    pub fn into_inner(self) -> Secret {
        self.0
    }
}

/// `WordPress`' authentication keys and salts. Others would log out everybody.
#[must_use]
pub fn salts(site: &Site) -> GeneratedSecret {
    secret(metadata(site, Component::Salts), SALTS.map(|key| (key, salt())))
}

/// The first administrator's login, for the installation and for people to read.
#[must_use]
pub fn admin(site: &Site) -> GeneratedSecret {
    let values = [(USERNAME, site.admin.username.clone()), (PASSWORD, password())];
    secret(metadata(site, Component::Admin), values)
}

/// The login of the in-cluster database. It stays with the database's volume.
#[must_use]
pub fn database(site: &Site) -> GeneratedSecret {
    let values = [(USERNAME, DATABASE_USERNAME.to_owned()), (PASSWORD, password())];
    secret(metadata_of_data(site, Component::Database), values)
}

fn secret<const N: usize>(metadata: ObjectMeta, values: [(&str, String); N]) -> GeneratedSecret {
    GeneratedSecret(Secret {
        metadata,
        type_: Some("Opaque".into()),
        immutable: Some(false),
        string_data: Some(BTreeMap::from(values.map(|(key, value)| (key.to_owned(), value)))),
        ..Secret::default()
    })
}

fn salt() -> String {
    let mut random = rand::rng();
    (0..SALT_LENGTH).filter_map(|_| SALT_ALPHABET.choose(&mut random)).copied().map(char::from).collect()
}

fn password() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LENGTH)
}
