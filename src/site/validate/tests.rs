use std::collections::BTreeSet;

use super::super::dereference::Rival;
use super::super::fixtures::{AWS_CLASS, LOCAL_CLASS, MINIMAL, class, defaults, refs, site, validated, with_spec};
use super::*;

fn refused(site_yaml: &str, class_yaml: &str) -> (Reason, String) {
    let invalid = validated(site_yaml, class_yaml).expect_err("the site is refused");
    (invalid.reason, invalid.message)
}

fn local_with(spec: &str) -> String {
    LOCAL_CLASS.replace("spec: {}", &format!("spec:\n{spec}"))
}

fn uploads_volume(site: &Site) -> &Volume {
    match &site.media {
        Media::Volume(volume) => volume,
        Media::Bucket => panic!("the class keeps uploads on a volume"),
    }
}

#[test]
fn the_minimal_site_gets_every_default() {
    let site = validated(MINIMAL, LOCAL_CLASS).expect("valid");
    assert_eq!(site.url, "http://blog.example.com");
    assert_eq!(site.admin.username, "admin");
    assert_eq!(site.admin.password, SecretKey { name: "blog-admin".into(), key: "password".into() });
    assert_eq!(site.web.scaling, Scaling::Fixed(1));
    assert_eq!(site.web.page_cache_ttl_seconds, Some(60));
    assert_eq!(uploads_volume(&site).storage, "10Gi");
    assert_eq!(site.database.host, "blog-database");
    assert_eq!(site.deletion_policy, crate::api::site::DeletionPolicy::Snapshot);
}

#[test]
fn a_missing_class_is_named() {
    let refs = Refs::default();
    let named = site(&with_spec("  className: gold"));
    let invalid = validate(&named, &refs, &defaults()).expect_err("no such class");
    assert_eq!(invalid.reason, Reason::ClassNotFound);
    assert!(invalid.message.contains("\"gold\""), "{}", invalid.message);
}

#[test]
fn no_default_class_and_two_default_classes_stall() {
    let blog = site(MINIMAL);
    let none = validate(&blog, &Refs::default(), &defaults()).expect_err("no default class");
    assert_eq!(none.reason, Reason::DefaultClassMissing);
    let other = class(&LOCAL_CLASS.replace("name: local", "name: other"));
    let refs = Refs { classes: vec![class(LOCAL_CLASS), other], ..Refs::default() };
    let two = validate(&blog, &refs, &defaults()).expect_err("two default classes");
    assert_eq!(two.reason, Reason::DefaultClassAmbiguous);
    assert!(two.message.contains("local, other"), "{}", two.message);
}

#[test]
fn a_namespace_outside_the_class_is_refused() {
    let gold = local_with("  allowedNamespaces: {matchLabels: {tier: gold}}");
    let blog = site(MINIMAL);
    let mut refs = refs(&gold);
    assert_eq!(validate(&blog, &refs, &defaults()).expect_err("unlabelled").reason, Reason::NamespaceNotAllowed);
    refs.namespace_labels.insert("tier".into(), "gold".into());
    assert!(validate(&blog, &refs, &defaults()).is_ok());
}

#[test]
fn a_domain_outside_the_class_is_refused_with_what_is_allowed() {
    let class = local_with("  allowedDomains: ['*.example.jp', www.example.com]");
    let (reason, message) = refused(MINIMAL, &class);
    assert_eq!(reason, Reason::DomainNotAllowed);
    assert!(message.contains("*.example.jp, www.example.com"), "{message}");
    assert!(validated(&MINIMAL.replace("blog.example.com", "a.b.example.jp"), &class).is_ok());
    assert!(validated(&MINIMAL.replace("blog.example.com", "example.jp"), &class).is_err(), "the parent itself");
    assert!(validated(&MINIMAL.replace("blog.example.com", "badexample.jp"), &class).is_err(), "another name");
}

#[test]
fn the_older_site_keeps_a_domain_and_a_foreign_one_is_not_named() {
    let blog = site(MINIMAL);
    let rival = |namespace: &str, at: &str| Rival {
        domain: "blog.example.com".into(),
        namespace: namespace.into(),
        name: "secret-project".into(),
        age: (at.into(), "uid".into()),
    };
    let with = |rival: Rival| validate(&blog, &Refs { rivals: vec![rival], ..refs(LOCAL_CLASS) }, &defaults());
    assert!(with(rival("other", "2027-01-01T00:00:00Z")).is_ok(), "a younger rival changes nothing");
    let foreign = with(rival("other", "2025-01-01T00:00:00Z")).expect_err("an older rival");
    assert_eq!(foreign.reason, Reason::DomainTaken);
    assert!(!foreign.message.contains("secret-project") && !foreign.message.contains("\"other\""), "{foreign}");
    let own = with(rival("default", "2025-01-01T00:00:00Z")).expect_err("an older rival");
    assert!(own.message.contains("secret-project"), "{own}");
}

#[test]
fn secrets_and_their_keys_must_exist() {
    let blog =
        site(&MINIMAL.replace("email: me@example.com", "email: me@example.com, passwordSecretRef: {name: chosen}"));
    let mut refs = refs(LOCAL_CLASS);
    refs.secret_keys.insert("chosen".into(), None);
    assert_eq!(validate(&blog, &refs, &defaults()).expect_err("missing").reason, Reason::SecretNotFound);
    refs.secret_keys.insert("chosen".into(), Some(BTreeSet::from(["other".into()])));
    let missing_key = validate(&blog, &refs, &defaults()).expect_err("missing key");
    assert_eq!(missing_key.reason, Reason::SecretKeyMissing);
    assert!(missing_key.message.contains("\"password\""), "{missing_key}");
    refs.secret_keys.insert("chosen".into(), Some(BTreeSet::from(["password".into()])));
    let valid = validate(&blog, &refs, &defaults()).expect("valid");
    assert!(!valid.admin.password_is_generated);
}

#[test]
fn several_replicas_need_a_volume_that_many_nodes_can_mount() {
    let (reason, message) = refused(&with_spec("  web: {replicas: 2}"), LOCAL_CLASS);
    assert_eq!(reason, Reason::VolumeNotShareable);
    assert!(message.contains("ReadWriteMany"), "{message}");
    let shared = local_with("  media: {accessMode: ReadWriteMany}");
    assert!(validated(&with_spec("  web: {replicas: 2}"), &shared).is_ok());
    let (reason, _) = refused(&with_spec("  web: {autoscaling: {min: 1, max: 3}}"), LOCAL_CLASS);
    assert_eq!(reason, Reason::VolumeNotShareable);
}

#[test]
fn the_limits_of_the_class_hold() {
    let class = local_with("  media: {accessMode: ReadWriteMany}\n  limits: {replicas: 3, storage: 5Gi}");
    assert_eq!(refused(&with_spec("  web: {replicas: 4}"), &class).0, Reason::LimitExceeded);
    assert_eq!(refused(&with_spec("  media: {storage: 6Gi}"), &class).0, Reason::LimitExceeded);
    let site = validated(MINIMAL, &class).expect("the default shrinks to the limit");
    assert_eq!(uploads_volume(&site).storage, "5Gi");
}

#[test]
fn an_external_database_needs_a_secret_and_nothing_else() {
    let class = local_with("  database: {provider: External, external: {host: db.example.com}}");
    assert!(refused(MINIMAL, &class).1.contains("spec.database.secretRef"));
    let blog = site(&with_spec("  database: {name: blog, secretRef: {name: login}}"));
    let mut refs = refs(&class);
    refs.secret_keys.insert("login".into(), Some(BTreeSet::from(["username".into(), "password".into()])));
    let valid = validate(&blog, &refs, &defaults()).expect("valid");
    assert_eq!((valid.database.host.as_str(), valid.database.port), ("db.example.com", 3306));
    assert_eq!(valid.database.provider, DatabaseProvider::External);
    let (reason, _) = refused(&with_spec("  database: {secretRef: {name: login}}"), LOCAL_CLASS);
    assert_eq!(reason, Reason::SpecInvalid, "an in-cluster database makes its own login");
}

#[test]
fn the_address_follows_what_stands_in_front() {
    for (exposure, url) in [
        ("{type: None}", "http://blog.example.com"),
        ("{type: None, urlScheme: Https}", "https://blog.example.com"),
        ("{type: None, port: 8080}", "http://blog.example.com:8080"),
        ("{type: None, port: 80}", "http://blog.example.com"),
        ("{type: Ingress}", "http://blog.example.com"),
        ("{type: Ingress, ingress: {tls: {clusterIssuer: le}}}", "https://blog.example.com"),
        ("{type: Gateway, gateway: {name: g, namespace: n}}", "https://blog.example.com"),
    ] {
        let site = validated(MINIMAL, &local_with(&format!("  exposure: {exposure}"))).expect("valid");
        assert_eq!(site.url, url, "{exposure}");
    }
}

#[test]
fn a_request_above_the_limit_and_sizes_out_of_range_are_refused() {
    let resources = "  web: {resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}}";
    assert!(refused(&with_spec(resources), LOCAL_CLASS).1.contains("at most the limit"));
    assert!(refused(&with_spec("  web: {php: {memoryLimit: 1Mi}}"), LOCAL_CLASS).1.contains("32Mi"));
    let large_request = "  web: {resources: {requests: {memory: 2Gi}}}";
    let site = validated(&with_spec(large_request), LOCAL_CLASS).expect("the limit follows a large request");
    assert_eq!(site.web.resources.limits.expect("limits")["memory"].0, "2Gi");
}

#[test]
fn a_time_zone_must_exist() {
    assert!(refused(&with_spec("  timeZone: Mars/Olympus"), LOCAL_CLASS).1.contains("Asia/Tokyo"));
    assert!(validated(&with_spec("  timeZone: Asia/Tokyo"), LOCAL_CLASS).is_ok());
}

#[test]
fn a_site_of_an_aws_class_asks_for_every_unit_with_its_defaults() {
    use crate::units::Unit;
    use crate::units::request::DataSize;
    let site = validated(MINIMAL, AWS_CLASS).expect("valid");
    assert_eq!(site.url, "https://blog.example.com", "visitors meet the distribution");
    let request = site.aws.expect("a request");
    assert_eq!(
        request.units(),
        [Unit::Network, Unit::Identity, Unit::Certificate, Unit::Data, Unit::Media, Unit::Search, Unit::Edge]
    );
    let data = request.data.expect("a database");
    assert_eq!(data.size, DataSize::Serverless { min: 0.5, max: 4.0, auto_pause_seconds: None });
    let edge = request.edge.expect("a distribution");
    assert_eq!(edge.domains[0].hosted_zone_id.as_deref(), Some("Z0123456789"), "the domain is in the class' zone");
}

#[test]
fn sizes_that_nobody_reads_are_refused() {
    for (field, yaml) in [
        ("spec.search", "  search: {capacity: {}}"),
        ("spec.cdn", "  cdn: {}"),
        ("spec.database.instances", "  database: {instances: 2}"),
    ] {
        let invalid = validated(&with_spec(yaml), LOCAL_CLASS).expect_err(field);
        assert_eq!(invalid.reason, Reason::SpecInvalid, "{field}");
        assert!(invalid.message.contains(field), "{}", invalid.message);
    }
    for yaml in ["  database: {storage: 1Gi}", "  media: {storage: 1Gi}"] {
        assert_eq!(validated(&with_spec(yaml), AWS_CLASS).expect_err(yaml).reason, Reason::SpecInvalid, "{yaml}");
    }
}

#[test]
fn limits_of_the_class_hold_for_capacity_and_instances() {
    let class = format!("{AWS_CLASS}  limits: {{databaseCapacity: 2, instances: 1}}\n");
    let site = validated(MINIMAL, &class).expect("a default stays below the limit");
    let small = site.aws.and_then(|aws| aws.data).expect("a database").size;
    assert_eq!(small, crate::units::request::DataSize::Serverless { min: 0.5, max: 2.0, auto_pause_seconds: None });
    for yaml in [
        "  database: {capacity: {min: '1', max: '3'}}",
        "  database: {instances: 2}",
        "  search: {capacity: {instances: 2}}",
    ] {
        assert_eq!(validated(&with_spec(yaml), &class).expect_err(yaml).reason, Reason::LimitExceeded, "{yaml}");
    }
}

#[test]
fn a_site_cannot_adopt_once_stacks_of_its_own_are_begun() {
    let adopting = with_spec("  adopt: 99999999-2222-3333-4444-555555555555");
    let mut blog = site(&adopting);
    assert!(validate(&blog, &refs(AWS_CLASS), &defaults()).is_ok(), "from the beginning it can");
    let own = crate::api::status::UnitStatus {
        name: "data".into(),
        stack_name: "tairyo-default-blog-11111111-data".into(),
        ..crate::api::status::UnitStatus::default()
    };
    blog.status = Some(crate::api::WordPressSiteStatus { units: vec![own], ..Default::default() });
    let invalid = validate(&blog, &refs(AWS_CLASS), &defaults()).expect_err("too late");
    assert!(invalid.message.contains("spec.adopt"), "{}", invalid.message);
}
