//! The default chain of AWS, as `object_store` asks for credentials.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::Mutex;

/// New ones are fetched so long before the old ones end: longer than any request waits to be sent.
const AHEAD: Duration = Duration::from_mins(5);

/// The chain, with what it answered last: it would ask STS for each request.
#[derive(Debug)]
pub(super) struct Chain {
    chain: SharedCredentialsProvider,
    last: Mutex<Option<Fetched>>,
}

#[derive(Clone, Debug)]
struct Fetched {
    credential: Arc<AwsCredential>,
    expiry: Option<SystemTime>,
}

impl Fetched {
    fn is_good_for(&self, time: Duration) -> bool {
        self.expiry.is_none_or(|expiry| expiry > SystemTime::now() + time)
    }
}

impl Chain {
    pub(super) fn new(chain: SharedCredentialsProvider) -> Self {
        Self { chain, last: Mutex::default() }
    }
}

#[async_trait]
impl CredentialProvider for Chain {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut last = self.last.lock().await;
        if let Some(good) = last.as_ref().filter(|last| last.is_good_for(AHEAD)) {
            return Ok(good.credential.clone());
        }
        match self.chain.provide_credentials().await {
            Ok(given) => {
                let credential = Arc::new(AwsCredential {
                    key_id: given.access_key_id().to_owned(),
                    secret_key: given.secret_access_key().to_owned(),
                    token: given.session_token().map(str::to_owned),
                });
                *last = Some(Fetched { credential: credential.clone(), expiry: given.expiry() });
                Ok(credential)
            }
            Err(error) => match last.as_ref().filter(|last| last.is_good_for(Duration::ZERO)) {
                Some(still) => Ok(still.credential.clone()),
                None => Err(object_store::Error::Generic { store: "S3", source: Box::new(error) }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use aws_credential_types::Credentials;
    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::{ProvideCredentials, future};

    use super::*;

    /// Good for `minutes`; fails from the second time on if `minutes` is that of the first.
    #[derive(Debug)]
    struct Counting {
        asked: Arc<AtomicU64>,
        minutes: u64,
        times: u64,
    }

    impl ProvideCredentials for Counting {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
            let expiry = SystemTime::now() + Duration::from_mins(self.minutes);
            future::ProvideCredentials::ready(if asked <= self.times {
                Ok(Credentials::new(format!("key-{asked}"), "secret", None, Some(expiry), "test"))
            } else {
                Err(CredentialsError::not_loaded("the service is away"))
            })
        }
    }

    fn chain(minutes: u64, times: u64) -> (Chain, Arc<AtomicU64>) {
        let asked = Arc::new(AtomicU64::new(0));
        let counting = Counting { asked: asked.clone(), minutes, times };
        (Chain::new(SharedCredentialsProvider::new(counting)), asked)
    }

    #[tokio::test]
    async fn good_credentials_are_asked_for_once() {
        let (chain, asked) = chain(60, 9);
        for _ in 0..5 {
            assert_eq!(chain.get_credential().await.expect("given").key_id, "key-1");
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn they_are_replaced_before_they_end_and_kept_while_the_service_is_away() {
        let (chain, _) = chain(3, 2);
        for key in ["key-1", "key-2", "key-2"] {
            assert_eq!(chain.get_credential().await.expect("given").key_id, key);
        }
    }

    #[tokio::test]
    async fn none_is_an_error() {
        let (chain, _) = chain(60, 0);
        chain.get_credential().await.expect_err("there is none");
    }
}
