//! Which requests `CloudFront` answers from its cache, by what, and for how long.
//!
//! `CloudFront` takes the first behaviour whose path matches, so that narrow paths stand before wide ones.
//!
//! What is not in the key of the cache does not reach the application where answers are cached: a page that depended on a
//! cookie which is not in the key would be shown to visitors without that cookie.

use crate::cloudformation::template::{Resource, ResourceHandle, TemplateBuilder, Value, object};

/// The origin that is the way into the cluster.
pub(super) const APPLICATION: &str = "Application";
/// The origin that is the bucket of uploads.
pub(super) const MEDIA: &str = "Media";

// What AWS manages is not counted against the account, which may have twenty policies of its own of each sort:
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-response-headers-policies.html
const CACHING_DISABLED: &str = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";
const CACHING_OPTIMIZED: &str = "658327ea-f89d-4fab-a63d-7e88639e58f6";
const ALL_VIEWER: &str = "216adef6-5c7f-47e4-b989-5492eafa07d3";
/// HSTS of a year, `nosniff`, frames of the same origin, and no referrer path for other origins.
const SECURITY_HEADERS: &str = "67f7725c-6f97-4210-82d7-5512b31e9d03";

/// Cookies by which `WordPress` and its shops know somebody, and so the only ones that pages may depend on. A visitor with
/// one of them has pages of his own, and `WordPress` has those of who is logged in not cached at all.
const PAGE_COOKIES: [&str; 7] = [
    "wordpress_logged_in_*",
    "wordpress_sec_*",
    "wp-postpass_*",
    "comment_author_*",
    "wp_woocommerce_session_*",
    "woocommerce_*",
    "PHPSESSID",
];
/// Headers that change what `WordPress` answers. `X-HTTP-Method-Override` is one: a read with it can be made to delete.
const PAGE_HEADERS: [&str; 5] = ["Authorization", "Host", "Origin", "X-HTTP-Method-Override", "X-WP-Nonce"];

/// Seconds that a page without a word about caching is kept. `WordPress` says nothing on the pages of anonymous visitors:
/// ten seconds carry a rush of them, and are as long as a change may go unseen when a purge is lost.
const PAGE_DEFAULT_SECONDS: i32 = 10;
/// A page that says more than a day is one that nobody would see change when a purge is lost.
const PAGE_LONGEST_SECONDS: i32 = 86_400;
/// Scripts, styles and fonts carry their version in the query.
const ASSET_DEFAULT_SECONDS: i32 = 86_400;
const ASSET_LONGEST_SECONDS: i32 = 31_536_000;

const READS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];
const EVERYTHING: [&str; 7] = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"];

/// The site's own cache policies.
pub(super) struct Policies {
    pages: ResourceHandle,
    assets: ResourceHandle,
}

/// Adds the cache policies. The shortest time is 0 in both: a longer one would cache what says `no-store`.
pub(super) fn policies(builder: &mut TemplateBuilder, name: fn(&'static str) -> Value) -> Policies {
    let mut policy = |id: &'static str, kind, seconds: (i32, i32), headers: Value, cookies: Value| {
        let key = object! {
            "CookiesConfig": cookies,
            "HeadersConfig": object! {"HeaderBehavior": "whitelist", "Headers": headers},
            "QueryStringsConfig": object! {"QueryStringBehavior": "all"},
            "EnableAcceptEncodingBrotli": true,
            "EnableAcceptEncodingGzip": true,
        };
        let configuration = object! {
            "Name": name(kind),
            "MinTTL": 0, "DefaultTTL": seconds.0, "MaxTTL": seconds.1,
            "ParametersInCacheKeyAndForwardedToOrigin": key,
        };
        let properties = object! {"CachePolicyConfig": configuration};
        builder.resource(id, Resource::new("AWS::CloudFront::CachePolicy", properties))
    };
    let page_cookies = object! {"CookieBehavior": "whitelist", "Cookies": PAGE_COOKIES};
    let no_cookies = object! {"CookieBehavior": "none"};
    let page_seconds = (PAGE_DEFAULT_SECONDS, PAGE_LONGEST_SECONDS);
    let asset_seconds = (ASSET_DEFAULT_SECONDS, ASSET_LONGEST_SECONDS);
    Policies {
        pages: policy("PageCachePolicy", "pages", page_seconds, PAGE_HEADERS.into(), page_cookies),
        assets: policy("AssetCachePolicy", "assets", asset_seconds, ["Host", "Origin"].into(), no_cookies),
    }
}

/// How requests of a path are answered.
#[derive(Clone, Copy)]
enum Answer {
    /// By the application, always, with everything that the viewer sent.
    Dynamic,
    /// As the application says in its headers.
    Page,
    /// From the cache for long.
    Asset,
    /// From the bucket.
    Upload,
}

/// What is not a page, narrow paths first.
const BY_PATH: [(&str, Answer); 9] = [
    ("wp-content/uploads/*", Answer::Upload),
    // Scripts and styles of the dashboard, put together and the same for everybody.
    ("wp-admin/load-*.php", Answer::Asset),
    ("wp-admin/admin-ajax.php", Answer::Dynamic),
    ("wp-admin/*", Answer::Dynamic),
    ("wp-login.php", Answer::Dynamic),
    // A script that is named directly does something: comments, sign-ups, cron, scripts of plugins.
    ("*.php", Answer::Dynamic),
    ("wp-json/*", Answer::Page),
    ("wp-content/*", Answer::Asset),
    ("wp-includes/*", Answer::Asset),
];

/// Everything else. Previews are among it, since they are told by their query: who may see one is logged in, by a cookie
/// that is in the key.
pub(super) fn default(policies: &Policies, function: Option<&ResourceHandle>) -> Value {
    Value::object(behaviour(Answer::Page, policies, function))
}

/// The behaviours of paths, in the order in which they are matched.
pub(super) fn by_path(policies: &Policies, function: Option<&ResourceHandle>, media: bool) -> Value {
    let paths = BY_PATH.into_iter().filter(|(_, answer)| media || !matches!(answer, Answer::Upload));
    Value::list(paths.map(|(path, answer)| {
        let path = ("PathPattern", Value::from(path));
        Value::object([path].into_iter().chain(behaviour(answer, policies, function)))
    }))
}

fn behaviour(answer: Answer, policies: &Policies, function: Option<&ResourceHandle>) -> Vec<(&'static str, Value)> {
    let (origin, methods, cache): (_, Value, _) = match answer {
        Answer::Dynamic => (APPLICATION, EVERYTHING.into(), CACHING_DISABLED.into()),
        Answer::Page => (APPLICATION, EVERYTHING.into(), Value::from(&policies.pages)),
        Answer::Asset => (APPLICATION, READS.into(), Value::from(&policies.assets)),
        Answer::Upload => (MEDIA, READS.into(), CACHING_OPTIMIZED.into()),
    };
    let mut properties = vec![
        ("TargetOriginId", origin.into()),
        ("ViewerProtocolPolicy", "redirect-to-https".into()),
        ("AllowedMethods", methods),
        ("CachedMethods", ["GET", "HEAD"].into()),
        ("Compress", true.into()),
        ("CachePolicyId", cache),
        ("ResponseHeadersPolicyId", SECURITY_HEADERS.into()),
    ];
    if matches!(answer, Answer::Dynamic) {
        properties.push(("OriginRequestPolicyId", ALL_VIEWER.into()));
    }
    properties.extend(function.map(|function| {
        let association = object! {
            "EventType": "viewer-request", "FunctionARN": Value::attribute(function, "FunctionARN"),
        };
        ("FunctionAssociations", [association].into())
    }));
    properties
}
