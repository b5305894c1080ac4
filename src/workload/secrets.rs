//! Secrets that are made once. Nothing changes them afterwards: salts keep people logged in, and the database knows
//! its password.

use k8s_openapi::api::core::v1::Secret;
use rand::RngExt as _;
use rand::distr::{Alphanumeric, SampleString as _};

use super::metadata::{metadata, retained_metadata};
use super::pod::SALT_KEYS;
use crate::api::names::Component;
use crate::site::model::Site;

/// A Secret with random values. It has no `Debug`, so that no log and no error can show it.
pub struct GeneratedSecret(Secret);

impl GeneratedSecret {
    /// The Secret, to be sent to the API server.
    #[must_use]
    pub fn into_inner(self) -> Secret {
        self.0
    }
}

/// 190 bits: nobody types it, so it may be long.
const PASSWORD_LENGTH: usize = 32;
/// As long as those that WordPress makes for itself.
const SALT_LENGTH: usize = 64;
/// Printable, and harmless in every file format on the way.
const SALT_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ []{}<>~+=,.;:/?|";

/// WordPress' authentication keys and salts.
#[must_use]
pub fn salts(site: &Site) -> GeneratedSecret {
    let values = SALT_KEYS.map(|key| (key.to_owned(), salt()));
    GeneratedSecret(Secret {
        metadata: metadata(site, Component::Salts),
        type_: Some("Opaque".into()),
        string_data: Some(values.into()),
        ..Secret::default()
    })
}

/// The first administrator's password, with the login name beside it for whoever looks it up.
#[must_use]
pub fn admin(site: &Site) -> GeneratedSecret {
    let values = [("username", site.admin.username.clone()), ("password", password())];
    GeneratedSecret(Secret {
        metadata: metadata(site, Component::Admin),
        type_: Some("kubernetes.io/basic-auth".into()),
        string_data: Some(values.map(|(key, value)| (key.to_owned(), value)).into()),
        ..Secret::default()
    })
}

/// The login of the in-cluster database. It stays with the volume, since the volume is of no use without it.
#[must_use]
pub fn database(site: &Site) -> GeneratedSecret {
    let values = [("username", "wordpress".to_owned()), ("password", password())];
    GeneratedSecret(Secret {
        metadata: retained_metadata(site, Component::Database),
        type_: Some("kubernetes.io/basic-auth".into()),
        string_data: Some(values.map(|(key, value)| (key.to_owned(), value)).into()),
        ..Secret::default()
    })
}

fn password() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_LENGTH)
}

fn salt() -> String {
    let mut rng = rand::rng();
    (0..SALT_LENGTH).map(|_| char::from(SALT_ALPHABET[rng.random_range(0..SALT_ALPHABET.len())])).collect()
}
