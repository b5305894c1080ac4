//! What is read from the store, and as which files the other containers find it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::files;
use super::secret::Secret;
use super::store::{self, SecretStore};

/// What a value for the header may have: nothing that means something to nginx, and enough to guess in vain.
const ORIGIN_CHARACTERS: &str = "._+/=-";
const ORIGIN_LENGTH: std::ops::RangeInclusive<usize> = 16..=128;

/// Why the files are not as the store has it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no answer, or a no.
    #[error("failed to read {arn}: {}", source.code)]
    Read {
        /// Which secret.
        arn: String,
        /// The cause.
        source: store::Error,
    },
    /// The secret is of another form. The cause is not kept, since it could quote the secret.
    #[error("failed to find texts username and password, of one line each, in the JSON of {arn}")]
    ParseLogin {
        /// Which secret.
        arn: String,
    },
    /// The value cannot be sent in a header or compared by nginx.
    #[error("failed to take the text of {arn} for a header: allowed are 16 to 128 of A-Z, a-z, 0-9 and ._+/=-")]
    RefuseOrigin {
        /// Which secret.
        arn: String,
    },
    /// The folder cannot be written to.
    #[error("failed to write {path}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl Error {
    /// One word for metrics and answers.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Read { source, .. } => &source.code,
            Self::ParseLogin { .. } => "LoginNotUnderstood",
            Self::RefuseOrigin { .. } => "OriginRefused",
            Self::Write { .. } => "FileNotWritten",
        }
    }
}

/// What is kept up to date.
#[derive(Clone, Debug)]
pub enum Material {
    /// The database's login: the files `username` and `password` in `folder`.
    Database {
        /// The secret.
        arn: String,
        /// Where the files are.
        folder: PathBuf,
    },
    /// What `CloudFront` proves itself with: a file that nginx includes in a `map`.
    Origin {
        /// The secrets; each value is good.
        arns: Vec<String>,
        /// The file.
        map: PathBuf,
    },
}

#[derive(Deserialize)]
struct Login {
    username: Secret,
    password: Secret,
}

impl Material {
    /// For metrics, logs and the list of checks.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Database { .. } => "database",
            Self::Origin { .. } => "origin",
        }
    }

    /// Reads it and writes what differs; answers whether anything did. After an error the files are what they were.
    pub async fn bring(&self, store: &dyn SecretStore) -> Result<bool, Error> {
        match self {
            Self::Database { arn, folder } => {
                let login = login(arn, &read(store, arn).await?)?;
                let username = write(&folder.join("username"), login.username.expose())?;
                let password = write(&folder.join("password"), login.password.expose())?;
                Ok(username || password)
            }
            Self::Origin { arns, map } => {
                let mut values = Vec::with_capacity(arns.len());
                for arn in arns {
                    let value = read(store, arn).await?;
                    if !is_origin(value.expose()) {
                        return Err(Error::RefuseOrigin { arn: arn.clone() });
                    }
                    values.push(value);
                }
                write(map, origin_map(&values).expose())
            }
        }
    }
}

async fn read(store: &dyn SecretStore, arn: &str) -> Result<Secret, Error> {
    store.read(arn).await.map_err(|source| Error::Read { arn: arn.to_owned(), source })
}

fn write(path: &Path, content: &str) -> Result<bool, Error> {
    files::replace(path, content).map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// RDS writes more keys (engine, host, port) for some kinds of secrets; the address comes from the stack instead.
fn login(arn: &str, secret: &Secret) -> Result<Login, Error> {
    let login: Option<Login> = serde_json::from_str(secret.expose()).ok();
    // PHP takes a line end off each file, since editors add one.
    let one_line = |value: &Secret| !value.expose().is_empty() && !value.expose().contains(['\0', '\r', '\n']);
    login
        .filter(|login| one_line(&login.username) && one_line(&login.password))
        .ok_or_else(|| Error::ParseLogin { arn: arn.to_owned() })
}

fn is_origin(value: &str) -> bool {
    ORIGIN_LENGTH.contains(&value.len())
        && value.chars().all(|character| character.is_ascii_alphanumeric() || ORIGIN_CHARACTERS.contains(character))
}

/// The lines of nginx' map. It compares without regard to case, and refuses the same value twice.
fn origin_map(values: &[Secret]) -> Secret {
    let mut lines = String::with_capacity(values.iter().map(|value| value.expose().len() + 8).sum());
    for (index, value) in values.iter().enumerate() {
        let known = |earlier: &Secret| earlier.expose().eq_ignore_ascii_case(value.expose());
        if !values.iter().take(index).any(known) {
            lines.extend(["\"", value.expose(), "\" 1;\n"]);
        }
    }
    Secret::new(lines)
}

#[cfg(test)]
mod tests {
    use super::super::files::for_tests::Folder;
    use super::super::store::for_tests::Scripted;
    use super::*;

    fn database(folder: &Folder) -> Material {
        Material::Database { arn: "a".into(), folder: folder.path().to_owned() }
    }

    fn text(folder: &Folder, name: &str) -> String {
        std::fs::read_to_string(folder.path().join(name)).expect("the file is there")
    }

    #[tokio::test]
    async fn a_login_is_two_files_as_they_stand_in_the_secret() {
        let folder = Folder::new();
        let store =
            Scripted::new([Ok(r#"{"engine":"mysql","username":"admin","password":"p\"a's\\s$ ","port":3306}"#)]);
        assert!(database(&folder).bring(&store).await.expect("it is a login"));
        assert_eq!((text(&folder, "username").as_str(), text(&folder, "password").as_str()), ("admin", "p\"a's\\s$ "));
        assert_eq!(store.asked(), ["a"]);
    }

    #[tokio::test]
    async fn only_a_difference_is_a_change() {
        let folder = Folder::new();
        let login = Ok(r#"{"username":"admin","password":"one"}"#);
        let store = Scripted::new([login, login, Ok(r#"{"username":"admin","password":"two"}"#)]);
        let material = database(&folder);
        for (changed, password) in [(true, "one"), (false, "one"), (true, "two")] {
            assert_eq!(material.bring(&store).await.expect("it is a login"), changed);
            assert_eq!(text(&folder, "password"), password);
        }
    }

    #[tokio::test]
    async fn what_is_no_login_changes_nothing_and_is_not_quoted() {
        let folder = Folder::new();
        let store = Scripted::new([Ok(r#"{"username":"admin","password":"good"}"#)]);
        database(&folder).bring(&store).await.expect("it is a login");
        for bad in [
            "hunter2",
            r#"{"username":"hunter2"}"#,
            r#"{"username":"hunter2","password":""}"#,
            r#"{"username":"u","password":"hunter2\nx"}"#,
            r#"{"username":"u","password":["hunter2"]}"#,
        ] {
            let error = database(&folder).bring(&Scripted::new([Ok(bad)])).await.expect_err(bad);
            assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
            assert_eq!(error.code(), "LoginNotUnderstood");
            assert_eq!(text(&folder, "password"), "good");
        }
    }

    #[tokio::test]
    async fn origins_are_a_map_without_a_value_twice() {
        let folder = Folder::new();
        let map = folder.path().join("origin.map");
        let material = Material::Origin { arns: vec!["a".into(), "b".into(), "c".into()], map };
        let store = Scripted::new([Ok("abcdefghijklmnopqrst"), Ok("ABCDEFGHIJKLMNOPQRST"), Ok("0123456789012345")]);
        assert!(material.bring(&store).await.expect("they are values"));
        assert_eq!(text(&folder, "origin.map"), "\"abcdefghijklmnopqrst\" 1;\n\"0123456789012345\" 1;\n");
    }

    #[tokio::test]
    async fn syntax_of_nginx_is_no_value() {
        for bad in
            ["short", "~^.*aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa\" 1; #", "aaaaaaaaaaaaaaaa\n", "$aaaaaaaaaaaaaaaaaaa"]
        {
            let folder = Folder::new();
            let material = Material::Origin { arns: vec!["a".into()], map: folder.path().join("origin.map") };
            let error = material.bring(&Scripted::new([Ok(bad)])).await.expect_err(bad);
            assert!(matches!(error, Error::RefuseOrigin { .. }) && !error.to_string().contains(bad), "{error:?}");
            assert!(!folder.path().join("origin.map").exists());
        }
    }
}
