//! What the gateway of a pod is told: one JSON file of a `ConfigMap`, without any secret.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

/// The version of the file that this gateway reads.
const SCHEMA_VERSION: u32 = 1;
/// What a bucket's keys of uploads begin with has to end with, or the prefix of one site would begin another's.
const SEPARATOR: char = '/';

/// Why the file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there, or not for us.
    #[error("failed to read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// It is not the JSON that is needed.
    #[error(
        "failed to understand {path}; every key of the following is needed and no other is allowed: schemaVersion, socket, \
         region, databaseSecretArn, originSecretArns, media (null, or bucket, prefix, region, endpoint)"
    )]
    Parse {
        /// Which file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// A value that cannot be.
    #[error("failed to take {key}: {allowed}")]
    Refuse {
        /// Whose value.
        key: &'static str,
        /// What it may be.
        allowed: &'static str,
    },
}

/// The file. Every key is needed, so that a gateway and an operator of different versions notice it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Configuration {
    schema_version: u32,
    /// The unix socket that is listened on; the credentials are written into the folder `credentials` beside it.
    pub socket: PathBuf,
    /// The region of the secrets.
    pub region: String,
    /// The secret with the keys `username` and `password` of the database's login, as RDS writes it.
    #[serde(deserialize_with = "needed")]
    pub database_secret_arn: Option<String>,
    /// The secrets whose text `CloudFront` sends with each request; two while one is replaced by the next.
    pub origin_secret_arns: Vec<String>,
    /// Where uploads are kept, if in a bucket.
    #[serde(deserialize_with = "needed")]
    pub media: Option<Media>,
}

/// The bucket of uploads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Media {
    /// Its name.
    pub bucket: String,
    /// What every key begins with; it ends with a slash.
    pub prefix: String,
    /// Its region.
    pub region: String,
    /// The URL of a service that speaks as S3 does; null for S3 itself.
    #[serde(deserialize_with = "needed")]
    pub endpoint: Option<String>,
}

/// Null is a value; serde would take a key that is not there for it.
fn needed<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

impl Configuration {
    /// Reads and checks the file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let read: Self =
            serde_json::from_slice(&text).map_err(|source| Error::Parse { path: path.to_owned(), source })?;
        read.checked()
    }

    /// The folder of what is written for the other containers of the pod.
    #[must_use]
    pub fn credentials_folder(&self) -> PathBuf {
        self.socket.with_file_name("credentials")
    }

    fn checked(self) -> Result<Self, Error> {
        let refuse = |key, allowed| Err(Error::Refuse { key, allowed });
        if self.schema_version != SCHEMA_VERSION {
            return refuse("schemaVersion", "this gateway reads version 1");
        }
        if !self.socket.is_absolute() || self.socket.file_name().is_none() {
            return refuse("socket", "it must be an absolute path of a file");
        }
        if !is_region(&self.region) {
            return refuse("region", "it must be a region such as ap-northeast-1");
        }
        if self.database_secret_arn.iter().chain(&self.origin_secret_arns).any(|arn| !is_secret(arn)) {
            return refuse("databaseSecretArn or originSecretArns", "they must be ARNs of Secrets Manager's secrets");
        }
        if let Some(media) = &self.media {
            if media.bucket.is_empty() || !media.bucket.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
            {
                return refuse("media.bucket", "it must be the name of a bucket");
            }
            let parts: Vec<_> = media.prefix.strip_suffix(SEPARATOR).unwrap_or_default().split(SEPARATOR).collect();
            if parts.iter().any(|part| part.is_empty() || *part == "." || *part == "..") {
                return refuse("media.prefix", "it must be a path such as wp-content/uploads/ that ends with a slash");
            }
            if !is_region(&media.region) {
                return refuse("media.region", "it must be a region such as ap-northeast-1");
            }
            if media.endpoint.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
                return refuse("media.endpoint", "it must be null or a URL of http:// or https://");
            }
        }
        Ok(self)
    }
}

fn is_region(value: &str) -> bool {
    !value.is_empty()
        && value
            .chars()
            .all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-')
}

fn is_secret(arn: &str) -> bool {
    arn.starts_with("arn:") && arn.split(':').nth(2) == Some("secretsmanager")
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:rds!cluster-1-AbCdEf";

    fn whole() -> Value {
        json!({
            "schemaVersion": 1,
            "socket": "/run/tairyo/gateway.sock",
            "region": "ap-northeast-1",
            "databaseSecretArn": SECRET,
            "originSecretArns": [SECRET],
            "media": {"bucket": "b", "prefix": "wp-content/uploads/", "region": "ap-northeast-1", "endpoint": null},
        })
    }

    fn read(value: &Value) -> Result<Configuration, Error> {
        let parsed: Configuration = serde_json::from_value(value.clone())
            .map_err(|source| Error::Parse { path: "gateway.json".into(), source })?;
        parsed.checked()
    }

    #[test]
    fn the_whole_file_is_read() {
        let configuration = read(&whole()).expect("it is whole");
        assert_eq!(configuration.database_secret_arn.as_deref(), Some(SECRET));
        assert_eq!(configuration.credentials_folder(), Path::new("/run/tairyo/credentials"));
        assert_eq!(configuration.media.expect("it is there").prefix, "wp-content/uploads/");
    }

    #[test]
    fn null_is_nothing() {
        let mut value = whole();
        value["databaseSecretArn"] = Value::Null;
        value["originSecretArns"] = json!([]);
        value["media"] = Value::Null;
        let configuration = read(&value).expect("all may be absent");
        assert_eq!((configuration.database_secret_arn, configuration.media), (None, None));
    }

    #[test]
    fn missing_and_unknown_keys_are_answered_with_the_allowed_ones() {
        let keys: Vec<_> = whole().as_object().expect("an object").keys().cloned().collect();
        for key in keys {
            let mut value = whole();
            value.as_object_mut().expect("an object").remove(&key);
            let error = read(&value).expect_err("a key is missing");
            assert!(error.to_string().contains("databaseSecretArn, originSecretArns, media"), "{error}");
            assert!(error.source().expect("serde says which").to_string().contains(&key), "{key}");
        }
        let mut value = whole();
        value["media"]["acl"] = json!("public-read");
        let error = read(&value).expect_err("a key is unknown");
        assert!(error.source().expect("serde says which").to_string().contains("unknown field `acl`"));
    }

    #[test]
    fn each_bad_value_is_named() {
        for (pointer, bad, key) in [
            ("/schemaVersion", json!(2), "schemaVersion"),
            ("/socket", json!("gateway.sock"), "socket"),
            ("/region", json!("Tokyo"), "region"),
            ("/databaseSecretArn", json!("arn:aws:s3:::b"), "databaseSecretArn"),
            ("/originSecretArns", json!(["secret"]), "originSecretArns"),
            ("/media/bucket", json!("a/b"), "media.bucket"),
            ("/media/prefix", json!("wp-content/uploads"), "media.prefix"),
            ("/media/prefix", json!("../"), "media.prefix"),
            ("/media/prefix", json!("/"), "media.prefix"),
            ("/media/endpoint", json!("localhost:4566"), "media.endpoint"),
        ] {
            let mut value = whole();
            *value.pointer_mut(pointer).expect("the key is there") = bad;
            let error = read(&value).expect_err(pointer).to_string();
            assert!(error.contains(key), "{pointer}: {error}");
        }
    }
}
