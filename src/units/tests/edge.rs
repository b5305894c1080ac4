//! What `CloudFront` answers, to whom, and from where.

use serde_json::json;

use super::requests::{stack, standard};
use super::security::{expect, of_kind, properties};
use super::walk::holds;
use crate::units::Unit;

#[test]
fn a_distribution_speaks_current_tls_on_both_sides() {
    for (place, distribution) in of_kind("AWS::CloudFront::Distribution") {
        let configuration = &distribution["DistributionConfig"];
        expect(
            &place,
            configuration,
            &[
                ("/ViewerCertificate/MinimumProtocolVersion", json!("TLSv1.2_2021")),
                ("/ViewerCertificate/SslSupportMethod", json!("sni-only")),
                ("/ViewerCertificate/AcmCertificateArn", json!({"Ref": "CertificateArn"})),
                ("/HttpVersion", json!("http2and3")),
                ("/IPV6Enabled", json!(true)),
                ("/WebACLId", json!({"Fn::If": ["HasWebAcl", {"Ref": "WebAclArn"}, {"Ref": "AWS::NoValue"}]})),
                ("/Logging/Fn::If/0", json!("HasLogBucket")),
                ("/Logging/Fn::If/1/IncludeCookies", json!(false)),
                ("/Origins/0/CustomOriginConfig/OriginProtocolPolicy", json!("https-only")),
                ("/Origins/0/CustomOriginConfig/OriginSSLProtocols", json!(["TLSv1.2"])),
                ("/Origins/0/OriginCustomHeaders/0/HeaderName", json!("X-Tairyo-Origin")),
                ("/Origins/1/OriginAccessControlId", json!({"Ref": "OriginAccessControl"})),
                ("/Origins/1/S3OriginConfig/OriginAccessIdentity", json!("")),
            ],
        );
        let behaviours = configuration["CacheBehaviors"].as_array().expect("there are some");
        for behaviour in behaviours.iter().chain([&configuration["DefaultCacheBehavior"]]) {
            expect(
                &place,
                behaviour,
                &[
                    ("/ViewerProtocolPolicy", json!("redirect-to-https")),
                    ("/Compress", json!(true)),
                    // HSTS, nosniff, frames and referrers, as AWS manages them.
                    ("/ResponseHeadersPolicyId", json!("67f7725c-6f97-4210-82d7-5512b31e9d03")),
                    ("/FunctionAssociations/0/EventType", json!("viewer-request")),
                ],
            );
        }
    }
    for (place, control) in of_kind("AWS::CloudFront::OriginAccessControl") {
        expect(
            &place,
            &control,
            &[
                ("/OriginAccessControlConfig/SigningBehavior", json!("always")),
                ("/OriginAccessControlConfig/SigningProtocol", json!("sigv4")),
            ],
        );
    }
}

/// The origin of the requests that reach the application can be closed to everybody else.
#[test]
fn the_secret_of_the_origin_is_in_no_template() {
    let distribution = properties(&standard(), Unit::Edge, "Distribution");
    assert_eq!(
        distribution["DistributionConfig"]["Origins"][0]["OriginCustomHeaders"][0]["HeaderValue"],
        json!({"Fn::Join": ["", ["{{resolve:secretsmanager:", {"Ref": "OriginSecret0"}, ":SecretString}}"]]})
    );
}

#[test]
fn behaviours_are_matched_narrow_paths_first() {
    let distribution = properties(&standard(), Unit::Edge, "Distribution");
    let paths: Vec<_> = distribution["DistributionConfig"]["CacheBehaviors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|behaviour| behaviour["PathPattern"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(
        paths,
        [
            "wp-content/uploads/*",
            "wp-admin/load-*.php",
            "wp-admin/admin-ajax.php",
            "wp-admin/*",
            "wp-login.php",
            "*.php",
            "wp-json/*",
            "wp-content/*",
            "wp-includes/*",
        ]
    );
    // The system before this one had two that never applied, since a wider one stood before them.
    for (place, path) in paths.iter().enumerate() {
        let shadow = paths[..place].iter().find(|earlier| matches(earlier, path));
        assert_eq!(shadow, None, "{path} never applies");
    }
}

/// Whether everything that `path` matches is matched by `pattern` too, for patterns with one star.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((head, tail)) => path.len() >= head.len() + tail.len() && path.starts_with(head) && path.ends_with(tail),
    }
}

#[test]
fn only_a_site_with_a_bucket_has_uploads_from_it() {
    let mut request = standard();
    request.media = false;
    let configuration = properties(&request, Unit::Edge, "Distribution")["DistributionConfig"].clone();
    assert_eq!(configuration["Origins"].as_array().map(Vec::len), Some(1));
    assert!(!holds(&configuration, "wp-content/uploads/*"));
}

#[test]
fn no_behaviour_caches_what_says_that_it_is_not_to_be_cached() {
    for (place, policy) in of_kind("AWS::CloudFront::CachePolicy") {
        expect(&place, &policy, &[("/CachePolicyConfig/MinTTL", json!(0))]);
    }
}

#[test]
fn who_is_logged_in_never_gets_the_page_of_somebody_else() {
    let template = stack(&standard(), Unit::Edge).template;
    let key = &template["Resources"]["PageCachePolicy"]["Properties"]["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"];
    let cookies = key["CookiesConfig"]["Cookies"].as_array().cloned().unwrap_or_default();
    for cookie in ["wordpress_logged_in_*", "wordpress_sec_*", "wp-postpass_*", "comment_author_*"] {
        assert!(cookies.contains(&json!(cookie)), "{cookie}");
    }
    let headers = key["HeadersConfig"]["Headers"].as_array().cloned().unwrap_or_default();
    for header in ["Authorization", "Host", "X-HTTP-Method-Override"] {
        assert!(headers.contains(&json!(header)), "{header}");
    }
    // Each would split the cache into one for each browser.
    for header in ["Accept", "User-Agent", "Cookie"] {
        assert!(!headers.contains(&json!(header)), "{header}");
    }
    assert_eq!(key["QueryStringsConfig"]["QueryStringBehavior"], json!("all"));
    // A behaviour that caches forwards nothing that is not in its key.
    let configuration = &template["Resources"]["Distribution"]["Properties"]["DistributionConfig"];
    let behaviours = configuration["CacheBehaviors"].as_array().into_iter().flatten();
    let disabled = json!("4135ea2d-6df8-44a3-9df3-4b5a84be39ad");
    for behaviour in behaviours.chain([&configuration["DefaultCacheBehavior"]]) {
        let forwards = behaviour.get("OriginRequestPolicyId").is_some();
        assert_eq!(forwards, behaviour["CachePolicyId"] == disabled, "{behaviour}");
    }
}

#[test]
fn the_dashboard_and_the_login_are_never_cached() {
    let configuration = properties(&standard(), Unit::Edge, "Distribution")["DistributionConfig"].clone();
    let dynamic = ["wp-admin/admin-ajax.php", "wp-admin/*", "wp-login.php", "*.php"];
    for path in dynamic {
        let behaviours = configuration["CacheBehaviors"].as_array().into_iter().flatten();
        let found = behaviours.into_iter().find(|it| it["PathPattern"] == json!(path)).expect("it is there");
        assert_eq!(found["CachePolicyId"], json!("4135ea2d-6df8-44a3-9df3-4b5a84be39ad"), "{path}");
        assert_eq!(found["AllowedMethods"].as_array().map(Vec::len), Some(7), "{path}");
    }
}

#[test]
fn the_domains_of_our_zones_lead_to_the_distribution() {
    let template = stack(&standard(), Unit::Edge).template;
    let records = &template["Resources"]["Records1"]["Properties"];
    assert_eq!(records["HostedZoneId"], json!({"Ref": "HostedZone1"}));
    let told: Vec<_> = records["RecordSets"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|record| (record["Name"]["Ref"].clone(), record["Type"].clone()))
        .collect();
    assert_eq!(
        told,
        [("Domain1", "A"), ("Domain1", "AAAA"), ("Domain2", "A"), ("Domain2", "AAAA")]
            .map(|(n, t)| (json!(n), json!(t)))
    );
    assert_eq!(records["RecordSets"][0]["AliasTarget"]["HostedZoneId"], json!("Z2FDTNDATAQYW2"));
    assert_eq!(template["Resources"].get("Records2"), None);
}
