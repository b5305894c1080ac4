//! Between the AWS half and the in-cluster half: what the pods need of the units' outputs. A plain function.

use super::model::{DatabaseProvider, Gateway, Media, Site};
use crate::api::condition::Reason;
use crate::api::finding::Finding;
use crate::units::request::PodIdentity;
use crate::units::{Outputs, Unit};

/// `site` with all that its pods need to know of the managed parts, or what they wait for.
///
/// Pods wait for the parts that they cannot start without: the role, the database and the bucket. The search domain and
/// the distribution come later, and roll the pods when they are there.
pub fn resolve(site: &Site, outputs: &Outputs, gateway_image: &str) -> Result<Site, Finding> {
    let Some(request) = &site.aws else {
        return Ok(site.clone());
    };
    let output = |unit: Unit, name: &str| outputs.get(&unit).and_then(|outputs| outputs.get(name)).cloned();
    let needed = |unit: Unit, name: &str| output(unit, name).ok_or_else(|| waits_for(unit));
    let mut resolved = site.clone();
    let mut database_secret_arn = None;
    if site.database.provider == DatabaseProvider::Aurora {
        resolved.database.host = needed(Unit::Data, "Host")?;
        resolved.database.port = needed(Unit::Data, "Port")?.parse().map_err(|_| waits_for(Unit::Data))?;
        database_secret_arn = Some(needed(Unit::Data, "SecretArn")?);
    }
    let bucket = match site.media {
        Media::Bucket => Some(needed(Unit::Media, "BucketName")?),
        Media::Volume(_) => None,
    };
    let origin_secret_arns: Vec<_> = output(Unit::Edge, "OriginSecretArns")
        .map(|list| list.split(',').filter(|arn| !arn.is_empty()).map(str::to_owned).collect())
        .unwrap_or_default();
    if database_secret_arn.is_none() && bucket.is_none() && origin_secret_arns.is_empty() {
        return Ok(resolved);
    }
    let web_identity_role_arn = match request.pod_identity {
        PodIdentity::WebIdentity { .. } => Some(needed(Unit::Identity, "RoleArn")?),
        PodIdentity::Eks { .. } => None,
    };
    resolved.gateway = Some(Gateway {
        image: gateway_image.to_owned(),
        region: request.region.clone(),
        endpoint_url: request.endpoint_url.clone(),
        web_identity_role_arn,
        database_secret_arn,
        origin_secret_arns,
        bucket,
    });
    Ok(resolved)
}

fn waits_for(unit: Unit) -> Finding {
    Finding::new(Reason::Waiting, format!("the pods wait for the unit {unit}"))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{AWS_CLASS, MINIMAL, validated};
    use super::*;

    fn outputs(known: &[(Unit, &str, &str)]) -> Outputs {
        let mut outputs = Outputs::new();
        for (unit, name, value) in known {
            outputs.entry(*unit).or_default().insert((*name).to_owned(), (*value).to_owned());
        }
        outputs
    }

    #[test]
    fn pods_wait_for_database_bucket_and_role_and_for_nothing_else() {
        let site = validated(MINIMAL, AWS_CLASS).expect("valid");
        let mut known = vec![
            (Unit::Data, "Host", "cluster.example"),
            (Unit::Data, "Port", "3306"),
            (Unit::Data, "SecretArn", "arn:secret"),
            (Unit::Media, "BucketName", "bucket"),
            (Unit::Identity, "RoleArn", "arn:role"),
        ];
        let resolved = resolve(&site, &outputs(&known), "tairyo").expect("all that is needed is there");
        assert_eq!((resolved.database.host.as_str(), resolved.database.port), ("cluster.example", 3306));
        let gateway = resolved.gateway.expect("pods with AWS work have a sidecar");
        assert_eq!(gateway.bucket.as_deref(), Some("bucket"));
        assert!(gateway.origin_secret_arns.is_empty(), "the origin is open until the distribution is there");
        for missing in (0..5).rev() {
            let name = known[missing].1;
            let removed = known.remove(missing);
            let waits = resolve(&site, &outputs(&known), "tairyo").expect_err(name);
            assert_eq!(waits.reason, Reason::Waiting, "{name}");
            known.insert(missing, removed);
        }
    }

    #[test]
    fn the_origin_closes_once_the_distribution_has_its_secrets() {
        let site = validated(MINIMAL, AWS_CLASS).expect("valid");
        let known = [
            (Unit::Data, "Host", "cluster.example"),
            (Unit::Data, "Port", "3306"),
            (Unit::Data, "SecretArn", "arn:secret"),
            (Unit::Media, "BucketName", "bucket"),
            (Unit::Identity, "RoleArn", "arn:role"),
            (Unit::Edge, "OriginSecretArns", "arn:one,arn:two"),
        ];
        let gateway = resolve(&site, &outputs(&known), "tairyo").expect("resolved").gateway.expect("a sidecar");
        assert_eq!(gateway.origin_secret_arns, ["arn:one", "arn:two"]);
    }
}
