//! Emptying a bucket by the AWS SDK.

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::error::{Refusal, classify, from_sdk};
use crate::cloudformation::bucket::{Buckets, Emptying};
use crate::cloudformation::port::Error;

/// Batches of a call. A batch of a thousand takes about a second.
const BATCHES: usize = 10;
/// The most that `DeleteObjects` takes: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>.
const BATCH: i32 = 1_000;

/// The buckets of one account and region by the SDK.
#[derive(Clone)]
pub struct S3Buckets {
    client: Client,
}

impl S3Buckets {
    /// Wraps a client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    async fn delete(&self, bucket: &str, objects: Vec<ObjectIdentifier>) -> Result<(), Error> {
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
        let delete = delete.map_err(|error| Error::Invalid(format!("DeleteObjects: {error}")))?;
        let answer = self.client.delete_objects().bucket(bucket).delete(delete).send().await;
        let answer = answer.map_err(|error| from_sdk("DeleteObjects", &error))?;
        // The call succeeds also where it deleted nothing; to go on would be to list the same objects for ever.
        match answer.errors().first() {
            None => Ok(()),
            Some(refused) => {
                let message = format!(
                    "{} for {} and {} others",
                    refused.message().unwrap_or_default(),
                    refused.key().unwrap_or_default(),
                    answer.errors().len() - 1
                );
                Err(classify(&Refusal {
                    call: "DeleteObjects",
                    code: refused.code(),
                    message: Some(&message),
                    status: 200,
                    request_id: None,
                }))
            }
        }
    }
}

fn identifiers(page: &ListObjectVersionsOutput) -> Result<Vec<ObjectIdentifier>, Error> {
    let versions = page.versions().iter().map(|it| (it.key(), it.version_id()));
    let markers = page.delete_markers().iter().map(|it| (it.key(), it.version_id()));
    let identify = |(key, version): (Option<&str>, Option<&str>)| {
        ObjectIdentifier::builder().key(key.unwrap_or_default()).set_version_id(version.map(Into::into)).build()
    };
    let identifiers: Result<Vec<_>, _> = versions.chain(markers).map(identify).collect();
    identifiers.map_err(|error| Error::Unknown(format!("ListObjectVersions: {error}")))
}

#[async_trait]
impl Buckets for S3Buckets {
    async fn empty(&self, bucket: &str) -> Result<Emptying, Error> {
        let mut deleted = 0;
        for _ in 0..BATCHES {
            // Always the first page: what it showed before is gone.
            let page = self.client.list_object_versions().bucket(bucket).max_keys(BATCH).send().await;
            let page = match page.map_err(|error| from_sdk("ListObjectVersions", &error)) {
                Err(Error::NotFound(_)) => return Ok(Emptying::Empty),
                page => page?,
            };
            let objects = identifiers(&page)?;
            if objects.is_empty() {
                return Ok(Emptying::Empty);
            }
            deleted += objects.len();
            self.delete(bucket, objects).await?;
        }
        Ok(Emptying::More { deleted })
    }
}
