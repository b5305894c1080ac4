//! The bucket of uploads.

use super::policy::{allow, document, grant, optional};
use super::request::Request;
use crate::api::site::DeletionPolicy;
use crate::cloudformation::template::{Fate, Resource, Template, TemplateBuilder, Value, object};

/// Days that an overwritten or deleted upload can be brought back.
const NONCURRENT_DAYS: i32 = 30;
/// Days after which the parts of an upload that was never finished are removed.
const UNFINISHED_DAYS: i32 = 7;

/// What the unit takes from others.
pub(super) struct Inputs {
    /// Of the site's pods.
    pub(super) role_name: String,
    /// The distribution that may read; `None`: there is none yet.
    pub(super) distribution_arn: Option<String>,
}

/// A private bucket: its pods write and read, and the site's distribution reads.
pub(super) fn template(request: &Request, inputs: Inputs) -> Template {
    let mut builder = TemplateBuilder::new("Tairyo: the uploads of a site.");
    let properties = object! {
        // The key of S3 and not one of KMS: CloudFront could not read objects under the account's own KMS key, and a key
        // for each site would cost more than its uploads.
        "BucketEncryption": object! {"ServerSideEncryptionConfiguration": [
            object! {"ServerSideEncryptionByDefault": object! {"SSEAlgorithm": "AES256"}},
        ]},
        "LifecycleConfiguration": object! {"Rules": [
            object! {
                "Id": "RemoveOldVersions", "Status": "Enabled",
                "NoncurrentVersionExpiration": object! {"NoncurrentDays": NONCURRENT_DAYS},
                "ExpiredObjectDeleteMarker": true,
            },
            object! {
                "Id": "RemoveUnfinishedUploads", "Status": "Enabled",
                "AbortIncompleteMultipartUpload": object! {"DaysAfterInitiation": UNFINISHED_DAYS},
            },
        ]},
        "OwnershipControls": object! {"Rules": [object! {"ObjectOwnership": "BucketOwnerEnforced"}]},
        "PublicAccessBlockConfiguration": object! {
            "BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
        },
        "VersioningConfiguration": object! {"Status": "Enabled"},
    };
    let deleted = match request.deletion_policy {
        // A bucket has no snapshot: its content stays as it is.
        DeletionPolicy::Retain | DeletionPolicy::Snapshot => Fate::Retain,
        DeletionPolicy::Delete => Fate::Delete,
    };
    let bucket = Resource::new("AWS::S3::Bucket", properties).fates(deleted, Fate::Retain).protected();
    let bucket = builder.resource("Bucket", bucket);
    let arn = || Value::attribute(&bucket, "Arn");
    let objects = || Value::join("", [arn(), "/*".into()]);

    let distribution = optional(&mut builder, "DistributionArn", inputs.distribution_arn.as_ref());
    let has_distribution = builder.is_set("HasDistribution", &distribution);
    let statements = [
        object! {
            "Sid": "DenyWithoutTls",
            "Effect": "Deny",
            "Principal": object! {"AWS": "*"},
            "Action": "s3:*",
            "Resource": [arn(), objects()],
            "Condition": object! {"Bool": object! {"aws:SecureTransport": "false"}},
        },
        Value::only_if(
            &has_distribution,
            object! {
                "Sid": "ReadByTheDistribution",
                "Effect": "Allow",
                "Principal": object! {"Service": "cloudfront.amazonaws.com"},
                "Action": "s3:GetObject",
                "Resource": objects(),
                "Condition": object! {"StringEquals": object! {"AWS:SourceArn": &distribution}},
            },
        ),
    ];
    let policy = object! {"Bucket": &bucket, "PolicyDocument": document(statements)};
    // It stays where the bucket stays, so that a bucket without a site refuses what one with a site refused.
    builder.resource("BucketPolicy", Resource::new("AWS::S3::BucketPolicy", policy).fates(deleted, Fate::Delete));

    let of_objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"];
    grant(
        &mut builder,
        inputs.role_name,
        "media",
        vec![allow(of_objects, [objects()]), allow(["s3:ListBucket"], [arn()])],
    );
    builder.output("BucketName", &bucket);
    builder.output("BucketArn", arn());
    // The name with the region: the one without answers new buckets with a redirect for hours.
    builder.output("BucketDomainName", Value::attribute(&bucket, "RegionalDomainName"));
    builder.finish()
}
