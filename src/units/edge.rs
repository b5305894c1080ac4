//! The `CloudFront` distribution of a site, and the records of its domains.

use super::behaviours;
use super::certificate::Domains;
use super::policy::{allow, grant, optional};
use super::request::Edge;
use crate::cloudformation::template::{
    Kind, ParameterHandle, Pseudo, Resource, ResourceHandle, Template, TemplateBuilder, Value, object,
};

/// With this header `CloudFront` proves itself to the site's pods, which serve nobody else.
pub const ORIGIN_HEADER: &str = "X-Tairyo-Origin";
/// The zone of every distribution: <https://docs.aws.amazon.com/general/latest/gr/cf_region.html>.
const DISTRIBUTIONS_ZONE: &str = "Z2FDTNDATAQYW2";
/// Up to so many domains each has records for IPv6 too.
const MOST_DOMAINS_WITH_IPV6: usize = 40;
/// Seconds that an error of the application is kept. CloudFront's 10 would show a site as down that is up again.
const ERROR_SECONDS: i32 = 1;

/// What the unit takes from others.
pub(super) struct Inputs {
    /// Of the site's pods.
    pub(super) role_name: String,
    /// Of the site's domains, in us-east-1.
    pub(super) certificate_arn: String,
    /// The way into the cluster.
    pub(super) origin_host: String,
    /// The bucket of uploads, where there is one.
    pub(super) bucket_domain_name: Option<String>,
}

/// A name that no other stack has: names of policies, functions and access controls are the account's.
fn unique_name(kind: &'static str) -> Value {
    let id = Value::select(2, Value::split("/", Pseudo::StackId.into()));
    Value::join("-", ["tairyo".into(), kind.into(), id])
}

/// The distribution with everything in front of it and behind it.
pub(super) fn template(edge: &Edge, inputs: Inputs) -> Template {
    let mut builder = TemplateBuilder::new("Tairyo: the distribution of a site.");
    let domains = Domains::new(&mut builder, &edge.domains);
    let secrets = origin_secrets(&mut builder, edge.origin_secret_generation);
    let function = domains.all.first().map(|(canonical, _)| canonical_host(&mut builder, canonical));
    let policies = behaviours::policies(&mut builder, unique_name);

    let certificate = builder.parameter("CertificateArn", Kind::Name, inputs.certificate_arn);
    let price_class = builder.parameter("PriceClass", Kind::Name, &edge.price_class);
    let web_acl = optional(&mut builder, "WebAclArn", edge.web_acl_arn.as_ref());
    let has_web_acl = builder.is_set("HasWebAcl", &web_acl);
    let log_bucket = optional(&mut builder, "LogBucket", edge.log_bucket.as_ref());
    let has_log_bucket = builder.is_set("HasLogBucket", &log_bucket);
    let logging = object! {
        "Bucket": &log_bucket,
        // Cookies are what a visitor is known by.
        "IncludeCookies": false,
        "Prefix": Value::join("", [Pseudo::StackName.into(), "/".into()]),
    };

    let mut origins = vec![application(&mut builder, inputs.origin_host, &secrets.current)];
    let media = inputs.bucket_domain_name.is_some();
    origins.extend(inputs.bucket_domain_name.map(|name| bucket(&mut builder, name)));
    let errors = [500, 502, 503, 504].map(|code: i32| object! {"ErrorCode": code, "ErrorCachingMinTTL": ERROR_SECONDS});
    let configuration = object! {
        "Enabled": true,
        "Comment": "A WordPress site of Tairyo",
        "Aliases": Value::list(domains.all.iter().map(|(name, _)| Value::from(name))),
        "HttpVersion": "http2and3",
        "IPV6Enabled": true,
        "PriceClass": &price_class,
        "WebACLId": Value::only_if(&has_web_acl, Value::from(&web_acl)),
        "Logging": Value::only_if(&has_log_bucket, logging),
        "ViewerCertificate": object! {
            "AcmCertificateArn": &certificate,
            "MinimumProtocolVersion": "TLSv1.2_2021",
            "SslSupportMethod": "sni-only",
        },
        "Origins": origins,
        "DefaultCacheBehavior": behaviours::default(&policies, function.as_ref()),
        "CacheBehaviors": behaviours::by_path(&policies, function.as_ref(), media),
        "CustomErrorResponses": errors,
    };
    let distribution = Resource::new("AWS::CloudFront::Distribution", object! {"DistributionConfig": configuration});
    let distribution = builder.resource("Distribution", distribution);
    records(&mut builder, &domains, &distribution);

    let arn = || {
        let head = ["arn:".into(), Pseudo::Partition.into(), ":cloudfront::".into(), Pseudo::AccountId.into()];
        Value::join("", head.into_iter().chain([":distribution/".into(), Value::from(&distribution)]))
    };
    let secret_arns = || [&secrets.current, &secrets.next].map(|secret| Value::attribute(secret, "Id"));
    let statements = vec![
        allow(["cloudfront:CreateInvalidation", "cloudfront:GetInvalidation"], [arn()]),
        allow(["secretsmanager:GetSecretValue"], secret_arns()),
    ];
    grant(&mut builder, inputs.role_name, "edge", statements);
    builder.output("DistributionId", &distribution);
    builder.output("DistributionArn", arn());
    builder.output("DomainName", Value::attribute(&distribution, "DomainName"));
    builder.output("OriginSecretArns", Value::join(",", secret_arns()));
    builder.finish()
}

/// The secret that is sent, and the one that is sent next. Both are there and accepted before the second is ever sent.
struct OriginSecrets {
    current: ResourceHandle,
    next: ResourceHandle,
}

fn origin_secrets(builder: &mut TemplateBuilder, generation: u32) -> OriginSecrets {
    let mut secret = |generation: u64| {
        let random = object! {"PasswordLength": 40, "ExcludePunctuation": true};
        let properties = object! {"GenerateSecretString": random};
        builder.resource(("OriginSecret", generation), Resource::new("AWS::SecretsManager::Secret", properties))
    };
    let generation = u64::from(generation);
    OriginSecrets { current: secret(generation), next: secret(generation + 1) }
}

/// Redirects every other name of the site to its canonical one, before the cache is asked.
///
/// The name stands within a JavaScript string. That is safe since [`Kind::Domain`] lets nothing but `[a-z0-9.-]` in,
/// none of which ends a string, and `CloudFormation` refuses the stack otherwise.
const CANONICAL_HOST: &str = r"function handler(event) {
  var request = event.request;
  var host = request.headers.host ? request.headers.host.value.toLowerCase() : '';
  if (host === '${Canonical}') { return request; }
  var query = [];
  Object.keys(request.querystring).forEach(function (name) {
    var given = request.querystring[name];
    (given.multiValue || [given]).forEach(function (one) {
      query.push(one.value === '' ? name : name + '=' + one.value);
    });
  });
  var reads = request.method === 'GET' || request.method === 'HEAD';
  return {
    statusCode: reads ? 301 : 308,
    statusDescription: reads ? 'Moved Permanently' : 'Permanent Redirect',
    headers: { location: { value: 'https://${Canonical}' + request.uri + (query.length ? '?' + query.join('&') : '') } }
  };
}
";

fn canonical_host(builder: &mut TemplateBuilder, canonical: &ParameterHandle) -> ResourceHandle {
    let properties = object! {
        "Name": unique_name("host"),
        "AutoPublish": true,
        "FunctionCode": Value::substitute(CANONICAL_HOST, [("Canonical", Value::from(canonical))]),
        "FunctionConfig": object! {"Comment": "Redirects to the canonical domain", "Runtime": "cloudfront-js-2.0"},
    };
    builder.resource("CanonicalHost", Resource::new("AWS::CloudFront::Function", properties))
}

/// The way into the cluster.
fn application(builder: &mut TemplateBuilder, host: String, secret: &ResourceHandle) -> Value {
    let host = builder.parameter("OriginHost", Kind::Domain, host);
    object! {
        "Id": behaviours::APPLICATION,
        "DomainName": &host,
        "CustomOriginConfig": object! {
            "OriginProtocolPolicy": "https-only",
            "OriginSSLProtocols": ["TLSv1.2"],
            "HTTPSPort": 443,
            // The longest that needs no request to AWS: imports and updates of plugins take their time.
            "OriginReadTimeout": 60,
        },
        "OriginCustomHeaders": [object! {"HeaderName": ORIGIN_HEADER, "HeaderValue": Value::secret(secret)}],
    }
}

/// The bucket of uploads, read with a signature of this distribution.
fn bucket(builder: &mut TemplateBuilder, domain_name: String) -> Value {
    let domain_name = builder.parameter("BucketDomainName", Kind::Domain, domain_name);
    let control = object! {"OriginAccessControlConfig": object! {
        "Name": unique_name("media"),
        "OriginAccessControlOriginType": "s3",
        "SigningBehavior": "always",
        "SigningProtocol": "sigv4",
    }};
    let control = Resource::new("AWS::CloudFront::OriginAccessControl", control);
    let control = builder.resource("OriginAccessControl", control);
    object! {
        "Id": behaviours::MEDIA,
        "DomainName": &domain_name,
        "OriginAccessControlId": &control,
        // The older way of access, which an origin with an access control has to name as empty.
        "S3OriginConfig": object! {"OriginAccessIdentity": ""},
    }
}

/// One group of records for each zone, with IPv4 and IPv6 for each domain in it. Of very many domains the canonical one
/// alone has IPv6, since the template would be too long for `CloudFormation`; the others redirect to it.
fn records(builder: &mut TemplateBuilder, domains: &Domains, distribution: &ResourceHandle) {
    let mut zones: Vec<(&ParameterHandle, Vec<Value>)> = Vec::new();
    for (place, (name, zone)) in domains.all.iter().enumerate() {
        let Some(zone) = zone else { continue };
        let kinds: &[_] =
            if place == 0 || domains.all.len() <= MOST_DOMAINS_WITH_IPV6 { &["A", "AAAA"] } else { &["A"] };
        let records = kinds.iter().map(|kind| {
            let target = object! {
                "HostedZoneId": DISTRIBUTIONS_ZONE, "DNSName": Value::attribute(distribution, "DomainName"),
            };
            object! {"Name": name, "Type": *kind, "AliasTarget": target}
        });
        match zones.iter_mut().find(|(known, _)| *known == zone) {
            Some((_, all)) => all.extend(records),
            None => zones.push((zone, records.collect())),
        }
    }
    for (number, (zone, records)) in (1..).zip(zones) {
        let properties = object! {"HostedZoneId": zone, "RecordSets": records};
        builder.resource(("Records", number), Resource::new("AWS::Route53::RecordSetGroup", properties));
    }
}
