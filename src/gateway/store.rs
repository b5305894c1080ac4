//! Where secrets come from: Secrets Manager, with the rights of the pod's own role.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata as _, SdkError};

use super::secret::Secret;

/// Why a secret was not read. Nothing of the answer is kept but its code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to read the secret: {code}")]
pub struct Error {
    /// The code of AWS, such as `AccessDeniedException`, or what failed before there was an answer.
    pub code: String,
}

/// A store of secrets.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// The present text of the secret `arn`.
    async fn read(&self, arn: &str) -> Result<Secret, Error>;
}

/// AWS Secrets Manager.
pub struct SecretsManager(aws_sdk_secretsmanager::Client);

impl SecretsManager {
    /// With the credentials, region and time limits of `configuration`.
    #[must_use]
    pub fn new(configuration: &SdkConfig) -> Self {
        Self(aws_sdk_secretsmanager::Client::new(configuration))
    }
}

#[async_trait]
impl SecretStore for SecretsManager {
    async fn read(&self, arn: &str) -> Result<Secret, Error> {
        let answer = self.0.get_secret_value().secret_id(arn).send().await.map_err(|error| {
            let without_answer = match &error {
                SdkError::ConstructionFailure(_) => "RequestNotMade",
                SdkError::TimeoutError(_) => "TimedOut",
                SdkError::DispatchFailure(failure) if failure.as_connector_error().is_none() => "NotSent",
                SdkError::DispatchFailure(_) => "NotConnected",
                _ => "AnswerNotUnderstood",
            };
            if error.code().is_none() {
                // Of a request that got no answer: it says which credentials or which address failed, and no secret.
                tracing::debug!(arn, error = %DisplayErrorContext(&error), "Failed to ask Secrets Manager");
            }
            Error { code: error.code().unwrap_or(without_answer).to_owned() }
        })?;
        let text = answer.secret_string.map(Secret::new);
        text.ok_or_else(|| Error { code: "SecretIsBinary".to_owned() })
    }
}

/// A store that answers what a test tells it to.
#[cfg(test)]
pub(super) mod for_tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use super::{Error, Secret, SecretStore, async_trait};

    /// See the module. The last answer is repeated.
    pub(in crate::gateway) struct Scripted {
        answers: Mutex<VecDeque<Result<&'static str, &'static str>>>,
        asked: Mutex<Vec<String>>,
    }

    impl Scripted {
        pub(in crate::gateway) fn new<const N: usize>(answers: [Result<&'static str, &'static str>; N]) -> Self {
            Self { answers: Mutex::new(answers.into()), asked: Mutex::default() }
        }

        /// The secrets that were asked for, in order.
        pub(in crate::gateway) fn asked(&self) -> Vec<String> {
            self.asked.lock().expect("no test panics inside").clone()
        }
    }

    #[async_trait]
    impl SecretStore for Scripted {
        async fn read(&self, arn: &str) -> Result<Secret, Error> {
            self.asked.lock().expect("no test panics inside").push(arn.to_owned());
            let mut answers = self.answers.lock().expect("no test panics inside");
            let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().copied() };
            match answer.expect("a test has at least one answer") {
                Ok(text) => Ok(Secret::new(text.to_owned())),
                Err(code) => Err(Error { code: code.to_owned() }),
            }
        }
    }
}
