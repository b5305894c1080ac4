//! The credentials of a role that the operator assumes.

use std::fmt;
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, Result as CredentialsResult, future};
use aws_sdk_sts::types::Tag;

use super::config::account_of;
use super::error::from_sdk;
use crate::cloudformation::port::Error;
use crate::cloudformation::stack::CLUSTER_TAG;

/// The longest name of a session: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
const LONGEST_SESSION_NAME: usize = 64;

/// A role to assume. The SDK asks it again shortly before the credentials end.
pub(super) struct AssumedRole {
    sts: aws_sdk_sts::Client,
    role_arn: String,
    external_id: Option<String>,
    session_name: String,
    cluster: String,
}

impl AssumedRole {
    pub(super) fn new(own: &SdkConfig, role_arn: &str, external_id: Option<&str>, cluster: &str) -> Self {
        Self {
            sts: aws_sdk_sts::Client::new(own),
            role_arn: role_arn.into(),
            external_id: external_id.map(Into::into),
            session_name: session_name(cluster),
            cluster: cluster.into(),
        }
    }

    async fn assume(&self) -> Result<Credentials, Error> {
        let tag = Tag::builder().key(CLUSTER_TAG).value(&self.cluster).build();
        let tag = tag.map_err(|error| Error::Invalid(format!("AssumeRole: {error}")))?;
        let call = self.sts.assume_role().role_arn(&self.role_arn).role_session_name(&self.session_name).tags(tag);
        let answer = call.set_external_id(self.external_id.clone()).send().await;
        let answer = answer.map_err(|error| not_assumable(&self.role_arn, from_sdk("AssumeRole", &error)))?;
        let keys =
            answer.credentials.ok_or_else(|| Error::Unknown("AssumeRole: the answer has no credentials".into()))?;
        let ends = SystemTime::try_from(keys.expiration)
            .map_err(|error| Error::Unknown(format!("AssumeRole: the credentials have a strange end: {error}")))?;
        let mut credentials = Credentials::builder()
            .access_key_id(keys.access_key_id)
            .secret_access_key(keys.secret_access_key)
            .session_token(keys.session_token)
            .expiry(ends)
            .provider_name("tairyo");
        // The account speeds up the SDK's choice of endpoints; a role's ARN has it.
        credentials.set_account_id(account_of(&self.role_arn).map(Into::into));
        Ok(credentials.build())
    }
}

/// A refusal by STS is a fault of the class' role or of its trust policy. That STS is throttled or away, or does not know
/// the operator itself, says nothing of the role.
fn not_assumable(role_arn: &str, error: Error) -> Error {
    match error {
        Error::Denied(text) | Error::Invalid(text) | Error::NotFound(text) | Error::Unknown(text) => {
            Error::RoleNotAssumable(format!(
                "{role_arn}: {text}. Its trust policy has to allow sts:AssumeRole and sts:TagSession to the operator, \
                 with the external id of the class"
            ))
        }
        other => other,
    }
}

/// Who acts, as the account's audit log shows it: STS allows letters, digits and `+=,.@-_`.
fn session_name(cluster: &str) -> String {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "+=,.@-_".contains(character);
    let cluster = cluster.chars().map(|character| if allowed(character) { character } else { '-' });
    "tairyo-".chars().chain(cluster).take(LONGEST_SESSION_NAME).collect()
}

impl fmt::Debug for AssumedRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AssumedRole").field("role_arn", &self.role_arn).finish_non_exhaustive()
    }
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let assumed: CredentialsResult = self.assume().await.map_err(CredentialsError::provider_error);
            assumed
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_after_the_cluster_in_letters_that_sts_allows() {
        assert_eq!(session_name("tokyo.prod"), "tairyo-tokyo.prod");
        assert_eq!(session_name("東京/prod"), "tairyo----prod");
        assert_eq!(session_name(&"x".repeat(200)).len(), LONGEST_SESSION_NAME);
    }

    #[test]
    fn a_refusal_blames_the_role_and_an_outage_does_not() {
        let refused = not_assumable("arn:aws:iam::1:role/r", Error::Denied("AssumeRole: AccessDenied".into()));
        assert!(matches!(&refused, Error::RoleNotAssumable(text) if text.starts_with("arn:aws:iam::1:role/r: Assume")));
        for other in [
            Error::Throttled("t".into()),
            Error::Unavailable("u".into()),
            Error::Unauthenticated("the operator has no credentials".into()),
        ] {
            assert_eq!(not_assumable("arn:aws:iam::1:role/r", other.clone()), other);
        }
    }
}
