use k8s_openapi::api::core::v1::PodTemplateSpec;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::site::build::build;
use crate::site::fixtures::{LOCAL_CLASS, MINIMAL, minimal, refs, site, validated, with_spec};
use crate::site::validate::validate;

/// Every object of `site` as the YAML that is applied, in the order of the steps.
fn golden(site: &Site) -> String {
    let desired = build(site);
    let all = desired.foundation.iter().chain([&desired.install, &desired.schema]).chain(&desired.serving);
    let documents = all.map(|prepared| {
        let mut value = prepared.value.clone();
        if let Some(metadata) = value["metadata"].as_object_mut() {
            // The digest would change with every field and hide which one did.
            metadata.remove("annotations");
        }
        serde_saphyr::to_string(&value).expect("JSON is YAML")
    });
    documents.collect::<Vec<_>>().join("---\n")
}

const RICH: &str = "  locale: ja
  timeZone: Asia/Tokyo
  wordpress: {image: 'registry.example.com/wordpress:7.1.3', tablePrefix: blog_}
  web:
    replicas: 3
    resources: {requests: {cpu: 500m, memory: 512Mi}, limits: {cpu: '2', memory: 1Gi}}
    php: {memoryLimit: 256Mi, uploadMaxSize: 1Gi, maxExecutionTimeSeconds: 120, workers: 12}
    pageCache: {enabled: false}
    nodeSelector: {disk: ssd}
    tolerations: [{key: dedicated, operator: Equal, value: web, effect: NoSchedule}]
    env: [{name: WP_ENVIRONMENT_TYPE, value: staging}]
  database: {storage: 20Gi, resources: {limits: {memory: 2Gi}}}
  media: {storage: 50Gi}
  cron: {schedule: '@hourly'}
  deletionPolicy: Delete";

const RICH_CLASS: &str = "
apiVersion: tairyo.dev/v1alpha1
kind: WordPressClass
metadata: {name: rich}
spec:
  database: {storageClassName: fast}
  media: {storageClassName: shared, accessMode: ReadWriteMany}
  exposure: {type: Ingress, ingress: {className: nginx, annotations: {example.com/a: b}, tls: {clusterIssuer: letsencrypt}}}
";

fn external() -> Site {
    let class = "
apiVersion: tairyo.dev/v1alpha1
kind: WordPressClass
metadata: {name: external}
spec:
  database: {provider: External, external: {host: db.example.com, tls: Disabled}}
  media: {accessMode: ReadWriteMany}
  exposure: {type: Gateway, gateway: {name: public, namespace: gateways, sectionName: https}}
";
    let spec = "  web: {autoscaling: {min: 2, max: 6}}\n  database: {name: blog, secretRef: {name: login}}";
    let mut refs = refs(class);
    refs.secret_keys.insert("login".into(), Some(["username".to_owned(), "password".to_owned()].into()));
    validate(&site(&with_spec(spec)), &refs, &crate::site::fixtures::images()).expect("valid")
}

#[test]
fn the_minimal_site_has_these_objects() {
    insta::assert_snapshot!(golden(&minimal()));
}

#[test]
fn a_site_with_every_field_has_these_objects() {
    insta::assert_snapshot!(golden(&validated(&with_spec(RICH), RICH_CLASS).expect("valid")));
}

#[test]
fn a_site_with_an_external_database_behind_a_gateway_has_these_objects() {
    insta::assert_snapshot!(golden(&external()));
}

fn pod_templates(site: &Site) -> Vec<PodTemplateSpec> {
    let Objects { database, deployment, install_job, schema_job, cron_job, .. } = objects(site);
    let cron = cron_job.spec.and_then(|spec| spec.job_template.spec).map(|job| job.template);
    let jobs = [install_job, schema_job].into_iter().filter_map(|job| job.spec).map(|spec| spec.template);
    let database = database.and_then(|it| it.stateful_set.spec).map(|spec| spec.template);
    deployment.spec.map(|spec| spec.template).into_iter().chain(database).chain(jobs).chain(cron).collect()
}

#[test]
fn every_pod_meets_the_restricted_pod_security_standard() {
    for template in [minimal(), external()].iter().flat_map(pod_templates) {
        let pod = template.spec.expect("a pod has a spec");
        let security = pod.security_context.expect("a pod has a security context");
        assert_eq!(security.run_as_non_root, Some(true));
        assert_eq!(security.seccomp_profile.expect("a profile").type_, "RuntimeDefault");
        assert_eq!(pod.automount_service_account_token, Some(false));
        assert!(pod.host_network.is_none() && pod.host_pid.is_none() && pod.host_ipc.is_none());
        for container in pod.containers {
            let security = container.security_context.expect("a container has a security context");
            assert_eq!(security.allow_privilege_escalation, Some(false));
            assert_eq!(security.read_only_root_filesystem, Some(true));
            assert_eq!(security.capabilities.and_then(|it| it.drop), Some(vec!["ALL".to_owned()]));
            assert!(container.resources.and_then(|it| it.limits).is_some_and(|it| it.contains_key("memory")));
        }
    }
}

#[test]
fn names_stay_valid_for_the_longest_site_name() {
    let name = "a".repeat(40);
    let site = validated(&MINIMAL.replace("name: blog", &format!("name: {name}")), LOCAL_CLASS).expect("valid");
    let desired = build(&site);
    for prepared in desired.foundation.iter().chain([&desired.install, &desired.schema]).chain(&desired.serving) {
        // The name of a CronJob's Jobs gets eleven characters more: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
        let longest = if prepared.resource.kind == "CronJob" { 52 } else { 63 };
        assert!(prepared.name.len() <= longest, "{} {}", prepared.resource.kind, prepared.name);
    }
}

#[test]
fn nothing_of_the_pods_depends_on_when_it_is_built() {
    assert_eq!(golden(&minimal()), golden(&minimal()));
}

#[test]
fn generated_values_are_never_the_same() {
    let site = minimal();
    let values = |secret: secrets::GeneratedSecret| secret.into_inner().string_data.expect("values");
    assert_ne!(values(secrets::salts(&site)), values(secrets::salts(&site)));
    assert_ne!(values(secrets::database(&site))["password"], values(secrets::admin(&site))["password"]);
    let salts: std::collections::BTreeSet<_> = values(secrets::salts(&site)).into_values().collect();
    assert_eq!(salts.len(), 8);
}

#[test]
fn retained_data_has_no_owner_and_deleted_data_has() {
    let kept = objects(&minimal());
    assert_eq!(kept.uploads.metadata.owner_references, None);
    assert_eq!(secrets::database(&minimal()).into_inner().metadata.owner_references, None);
    let deleted = objects(&validated(&with_spec("  deletionPolicy: Delete"), LOCAL_CLASS).expect("valid"));
    assert!(deleted.uploads.metadata.owner_references.is_some());
}

proptest! {
    #[test]
    fn what_people_type_arrives_as_data_and_nowhere_else(title in any::<String>(), email in any::<String>()) {
        let mut site = minimal();
        site.title.clone_from(&title);
        site.admin.email.clone_from(&email);
        let data = config_map::config_map(&site).data.expect("data");
        let install: Value = serde_json::from_str(&data["install.json"]).expect("JSON");
        prop_assert_eq!(&install["title"], &Value::String(title));
        prop_assert_eq!(&install["admin"]["email"], &Value::String(email));
        prop_assert_eq!(&data["site.json"], &config_map::config_map(&minimal()).data.expect("data")["site.json"]);
    }
}
