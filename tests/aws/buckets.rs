//! Emptying buckets.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, VersioningConfiguration,
};
use tairyo::cloudformation::bucket::{Buckets as _, Emptying};
use tairyo::cloudformation::sdk::S3Buckets;

use super::harness::{REGION, account, own, servers, sessions};

async fn bucket(name: &str) -> (aws_sdk_s3::Client, S3Buckets) {
    let config = sessions(&servers().await.aws, &account()).config(&own(), REGION).await;
    let client = aws_sdk_s3::Client::new(&config);
    let place =
        CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(REGION)).build();
    let made = client.create_bucket().bucket(name).create_bucket_configuration(place).send().await;
    made.expect("a bucket can be made");
    let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let versioned = client.put_bucket_versioning().bucket(name).versioning_configuration(versioning).send().await;
    versioned.expect("versions can be kept");
    (client.clone(), S3Buckets::new(client))
}

async fn put(client: &aws_sdk_s3::Client, bucket: &str, key: &str) {
    let put = client.put_object().bucket(bucket).key(key).body(ByteStream::from_static(b"x")).send().await;
    put.expect("an object can be put");
}

/// `MiniStack` deletes a bucket that is not empty, AWS does not: so that nothing is left is read from the list.
#[tokio::test]
async fn a_bucket_is_emptied_of_old_versions_and_delete_markers_too() {
    let (client, buckets) = bucket("tairyo-emptied").await;
    for key in ["a.jpg", "a.jpg", "2026/11/写真.jpg"] {
        put(&client, "tairyo-emptied", key).await;
    }
    client.delete_object().bucket("tairyo-emptied").key("a.jpg").send().await.expect("it can be deleted");
    let before = client.list_object_versions().bucket("tairyo-emptied").send().await.expect("it can be listed");
    assert_eq!((before.versions().len(), before.delete_markers().len()), (3, 1));

    assert_eq!(buckets.empty("tairyo-emptied").await, Ok(Emptying::Empty));
    let after = client.list_object_versions().bucket("tairyo-emptied").send().await.expect("it can be listed");
    assert_eq!((after.versions().len(), after.delete_markers().len()), (0, 0));
}

#[tokio::test]
async fn more_than_one_batch_is_emptied() {
    let (client, buckets) = bucket("tairyo-large").await;
    let keys: Vec<String> = (0..1_030).map(|number| format!("{number}.jpg")).collect();
    for some in keys.chunks(32) {
        futures::future::join_all(some.iter().map(|key| put(&client, "tairyo-large", key))).await;
    }
    assert_eq!(buckets.empty("tairyo-large").await, Ok(Emptying::Empty));
}

#[tokio::test]
async fn a_bucket_that_is_gone_is_empty() {
    let (_, buckets) = bucket("tairyo-other").await;
    assert_eq!(buckets.empty("tairyo-never-made").await, Ok(Emptying::Empty));
}
