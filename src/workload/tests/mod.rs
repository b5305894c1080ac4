//! Golden files of whole sites, and what must hold for every object whatever the site.

mod sites;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{PodTemplateSpec, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::secrets::{self, SALTS};
use super::{DatabaseObjects, Objects, objects};
use crate::api::names::{COMPONENT_LABEL, SITE_LABEL, SITE_UID_LABEL};
use crate::api::site::DeletionPolicy;
use crate::site::model::{Media, Site};

/// All objects as JSON, in the order of the fields.
fn all_objects(site: &Site) -> Vec<Value> {
    let Objects {
        service_account,
        config_map,
        uploads,
        database,
        deployment,
        service,
        ingress,
        http_route,
        horizontal_pod_autoscaler,
        pod_disruption_budget,
        network_policy,
        install_job,
        schema_job,
        cron_job,
    } = objects(site);
    let mut all = vec![json!(service_account), json!(config_map)];
    all.extend(uploads.map(|it| json!(it)));
    if let Some(DatabaseObjects { claim, service, stateful_set, network_policy }) = database {
        all.extend([json!(claim), json!(service), json!(stateful_set), json!(network_policy)]);
    }
    all.extend([json!(deployment), json!(service)]);
    all.extend(ingress.map(|it| json!(it)));
    all.extend(http_route.map(|it| json!(it)));
    all.extend(horizontal_pod_autoscaler.map(|it| json!(it)));
    all.extend(pod_disruption_budget.map(|it| json!(it)));
    all.extend([json!(network_policy), json!(install_job), json!(schema_job), json!(cron_job)]);
    all
}

fn templates(site: &Site) -> Vec<PodTemplateSpec> {
    let all = objects(site);
    let jobs = [all.install_job.spec, all.schema_job.spec, all.cron_job.spec.and_then(|it| it.job_template.spec)];
    let mut templates: Vec<_> = jobs.into_iter().flatten().map(|job| job.template).collect();
    templates.extend(all.deployment.spec.map(|it| it.template));
    templates.extend(all.database.and_then(|it| it.stateful_set.spec).map(|it| it.template));
    templates
}

#[test]
fn golden() {
    for (name, site) in sites::all() {
        let documents: Vec<_> = all_objects(&site)
            .iter()
            .map(|object| serde_saphyr::to_string(object).expect("objects are JSON, which is YAML"))
            .collect();
        insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(name, documents.join("---\n"));
        });
    }
}

/// The rules of <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>, and more.
#[test]
fn every_pod_is_restricted() {
    for (name, site) in sites::all() {
        let templates = templates(&site);
        assert!(templates.len() >= 4, "{name}");
        for template in templates {
            let pod = json!(template.spec);
            let security = &pod["securityContext"];
            assert_eq!(security["runAsNonRoot"], json!(true), "{name}");
            assert_eq!(security["seccompProfile"], json!({"type": "RuntimeDefault"}), "{name}");
            for field in ["runAsUser", "runAsGroup", "fsGroup"] {
                assert!(security[field].as_i64().is_some_and(|id| id > 0), "{name}: {field}");
            }
            for field in ["hostNetwork", "hostPID", "hostIPC", "hostUsers"] {
                assert_eq!(pod.get(field), None, "{name}: {field}");
            }
            assert_eq!(pod["automountServiceAccountToken"], json!(false), "{name}");
            assert_eq!(pod["enableServiceLinks"], json!(false), "{name}");
            for volume in pod["volumes"].as_array().into_iter().flatten() {
                let kinds: BTreeSet<_> = volume.as_object().into_iter().flat_map(|it| it.keys()).collect();
                let allowed = ["name", "configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"];
                assert!(kinds.iter().all(|kind| allowed.contains(&kind.as_str())), "{name}: {kinds:?}");
            }
            let containers = ["containers", "initContainers"].map(|kind| pod[kind].as_array().into_iter().flatten());
            for container in containers.into_iter().flatten() {
                assert_eq!(
                    container["securityContext"],
                    json!({
                        "allowPrivilegeEscalation": false,
                        "readOnlyRootFilesystem": true,
                        "capabilities": {"drop": ["ALL"]},
                    }),
                    "{name}"
                );
                let ports = container["ports"].as_array().into_iter().flatten();
                assert!(ports.into_iter().all(|port| port.get("hostPort").is_none()), "{name}");
            }
        }
    }
}

#[test]
fn only_the_sidecar_has_anything_of_aws() {
    for (name, site) in sites::all() {
        for template in templates(&site) {
            let pod = json!(template.spec);
            for container in pod["containers"].as_array().into_iter().flatten() {
                let text = container.to_string();
                assert!(!text.contains("AWS_") && !text.contains("aws-token"), "{name}: {}", container["name"]);
            }
        }
    }
}

#[test]
fn nginx_gets_no_secret() {
    for (name, site) in sites::all() {
        let pod = json!(objects(&site).deployment)["spec"]["template"]["spec"].take();
        let web = pod["containers"].as_array().into_iter().flatten().find(|it| it["name"] == "web");
        let mounts = web.into_iter().filter_map(|it| it["volumeMounts"].as_array()).flatten();
        let mounted: BTreeSet<_> = mounts.filter_map(|it| it["name"].as_str()).collect();
        assert!(mounted.contains("public-configuration"), "{name}");
        for volume in pod["volumes"].as_array().into_iter().flatten() {
            if volume.to_string().contains("secret") {
                assert!(!mounted.contains(volume["name"].as_str().unwrap_or_default()), "{name}: {volume}");
            }
        }
    }
}

#[test]
fn selectors_select_the_pods_of_their_template_and_survive_a_new_uid() {
    let select = |selector: &LabelSelector, template: &PodTemplateSpec| {
        let labels = template.metadata.as_ref().and_then(|it| it.labels.clone()).unwrap_or_default();
        selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
    };
    for (name, site) in sites::all() {
        let later = Site { uid: "another".into(), ..site.clone() };
        let (all, later) = (objects(&site), objects(&later));
        let deployment = all.deployment.spec.expect("a Deployment has a spec");
        assert!(select(&deployment.selector, &deployment.template), "{name}");
        assert_eq!(Some(deployment.selector), later.deployment.spec.map(|it| it.selector), "{name}");
        assert_eq!(all.service.spec, later.service.spec, "{name}");
        if let (Some(database), Some(later)) = (all.database, later.database) {
            let set = database.stateful_set.spec.expect("a StatefulSet has a spec");
            assert!(select(&set.selector, &set.template), "{name}");
            assert_eq!(Some(set.selector), later.stateful_set.spec.map(|it| it.selector), "{name}");
        }
    }
}

/// What the API server drops or writes otherwise would be a difference, and a write, in every pass.
#[test]
fn nothing_is_null_or_empty() {
    fn check(path: &str, value: &Value) {
        match value {
            Value::Null => panic!("{path} is null"),
            Value::String(text) => assert!(!text.is_empty(), "{path} is an empty string"),
            Value::Array(list) => {
                assert!(!list.is_empty(), "{path} is an empty list");
                list.iter().enumerate().for_each(|(index, it)| check(&format!("{path}[{index}]"), it));
            }
            Value::Object(map) => {
                // An empty directory of the default kind says nothing more.
                assert!(!map.is_empty() || path.ends_with(".emptyDir"), "{path} is an empty map");
                map.iter().for_each(|(key, it)| check(&format!("{path}.{key}"), it));
            }
            Value::Bool(_) | Value::Number(_) => {}
        }
    }
    for (name, site) in sites::all() {
        for object in all_objects(&site) {
            check(&format!("{name} {}", object["kind"]), &object);
        }
    }
}

#[test]
fn names_of_the_longest_site_are_dns_labels() {
    let longest = sites::minimal(&"a".repeat(40));
    for mut site in [longest.clone(), sites::gateway(), sites::rich()] {
        site.name.clone_from(&longest.name);
        let mut names: Vec<_> = all_objects(&site).iter().map(|it| it["metadata"]["name"].clone()).collect();
        names.extend(generated(&site).iter().map(|it| json!(it.metadata.name)));
        for name in names {
            let name = name.as_str().expect("every object has a name");
            assert!(name.len() <= 63, "{name}");
            assert!(name.starts_with(|first: char| first.is_ascii_lowercase()), "{name}");
            assert!(name.ends_with(|last: char| last.is_ascii_lowercase() || last.is_ascii_digit()), "{name}");
            assert!(name.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-'), "{name}");
        }
        let cron_job = objects(&site).cron_job.metadata.name.unwrap_or_default();
        // The controller adds eleven characters for each Job.
        assert!(cron_job.len() <= 52, "{cron_job}");
    }
}

#[test]
fn no_two_objects_of_a_kind_share_a_name() {
    for (name, site) in sites::all() {
        let all = all_objects(&site);
        let keys: BTreeSet<_> =
            all.iter().map(|it| (it["kind"].to_string(), it["metadata"]["name"].to_string())).collect();
        assert_eq!(keys.len(), all.len(), "{name}");
    }
}

#[test]
fn everything_is_labelled_and_owned_but_data_only_where_it_is_deleted() {
    for policy in [DeletionPolicy::Delete, DeletionPolicy::Retain, DeletionPolicy::Snapshot] {
        for (name, site) in sites::all() {
            let site = Site { deletion_policy: policy, ..site };
            let mut all = all_objects(&site);
            all.extend(generated(&site).iter().map(|it| json!(it)));
            for object in all {
                let metadata = &object["metadata"];
                let labels = &metadata["labels"];
                assert_eq!(metadata["namespace"], json!(site.namespace), "{name}");
                assert_eq!(labels[SITE_LABEL], json!(site.name), "{name}");
                assert_eq!(labels[SITE_UID_LABEL], json!(site.uid), "{name}");
                let is_login = object["kind"] == "Secret" && labels[COMPONENT_LABEL] == "database";
                let is_data = object["kind"] == "PersistentVolumeClaim" || is_login;
                if is_data && policy != DeletionPolicy::Delete {
                    assert_eq!(metadata.get("ownerReferences"), None, "{name}: {}", object["kind"]);
                } else {
                    let owner = json!([{
                        "apiVersion": "tairyo.dev/v1alpha1",
                        "kind": "WordPressSite",
                        "name": site.name,
                        "uid": site.uid,
                        "controller": true,
                        "blockOwnerDeletion": true,
                    }]);
                    assert_eq!(metadata["ownerReferences"], owner, "{name}: {}", object["kind"]);
                }
            }
        }
    }
}

#[test]
fn web_pods_restart_for_their_configuration_and_for_nothing_else() {
    let template = |site: &Site| json!(objects(site).deployment)["spec"]["template"].take();
    let site = sites::minimal("blog");
    let mut other = site.clone();
    other.title = "Other".into();
    other.cron_schedule = "@hourly".into();
    other.admin.email = "other@example.com".into();
    if let Media::Volume(volume) = &mut other.media {
        volume.storage = "20Gi".into();
    }
    assert_eq!(template(&site), template(&other));
    other.web.upload_max_size_bytes += 1;
    assert_ne!(template(&site), template(&other));
}

#[test]
fn each_image_has_a_schema_job_of_its_own() {
    let site = sites::minimal("blog");
    let next = Site { image: "localhost/tairyo-wordpress:next".into(), ..site.clone() };
    let name = |site: &Site| objects(site).schema_job.metadata.name;
    assert_eq!(name(&site), name(&site));
    assert_ne!(name(&site), name(&next));
}

#[test]
fn a_task_may_use_what_one_request_may() {
    let mut site = sites::minimal("blog");
    for (mebibytes, limit) in [(32, "256Mi"), (128, "256Mi"), (200, "328Mi"), (896, "1Gi"), (8192, "8320Mi")] {
        site.web.php_memory_limit_bytes = mebibytes << 20;
        let job = json!(objects(&site).install_job);
        assert_eq!(job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"], json!(limit));
    }
}

fn generated(site: &Site) -> [Secret; 3] {
    [secrets::salts(site), secrets::admin(site), secrets::database(site)].map(secrets::GeneratedSecret::into_inner)
}

#[test]
fn secrets_have_their_keys_and_are_different_each_time() {
    let site = sites::minimal("blog");
    let keys =
        |secret: &Secret| -> Vec<String> { secret.string_data.iter().flatten().map(|(key, _)| key.clone()).collect() };
    let (first, second) = (generated(&site), generated(&site));
    let mut salts = SALTS.map(str::to_owned).to_vec();
    salts.sort();
    assert_eq!(
        first.each_ref().map(keys),
        [salts, vec!["password".into(), "username".into()], vec!["password".into(), "username".into()]]
    );
    let mut values = BTreeSet::new();
    for secret in first.iter().chain(&second) {
        assert_eq!(secret.type_.as_deref(), Some("Opaque"));
        for (key, value) in secret.string_data.iter().flatten().filter(|(key, _)| *key != "username") {
            assert_eq!(value.len(), if key == "password" { 32 } else { 64 }, "{key}");
            assert!(value.chars().all(|it| it.is_ascii_graphic() && !"'\"\\$`".contains(it)), "{key}");
            assert!(values.insert(value.clone()), "{key} came twice");
        }
    }
    assert_eq!(values.len(), 2 * (8 + 1 + 1));
    assert_eq!(secrets::salts(&site).name(), "blog-salts");
}

proptest! {
    /// What a site's owner types freely is data in one file: it changes nothing else that we make.
    #[test]
    fn free_text_stays_inside_the_strings_of_install_json(
        title in any::<String>(),
        username in any::<String>(),
        email in any::<String>(),
    ) {
        let plain = sites::minimal("blog");
        let mut site = plain.clone();
        site.title.clone_from(&title);
        site.admin.username.clone_from(&username);
        site.admin.email.clone_from(&email);

        let config = objects(&site).config_map.data.unwrap_or_default();
        let install: Value = serde_json::from_str(&config["install.json"]).expect("install.json is JSON");
        prop_assert_eq!(
            install,
            json!({"schemaVersion": 1, "title": title, "admin": {"username": username, "email": email}})
        );

        let mut rest = [all_objects(&plain), all_objects(&site)];
        for object in rest.iter_mut().flatten() {
            if object["kind"] == "ConfigMap" {
                object["data"]["install.json"].take();
            }
            if object["metadata"]["name"] == "blog-install" {
                // The digest of the file: 16 hexadecimal digits.
                let digest = object["spec"]["template"]["metadata"]["annotations"]["tairyo.dev/config-digest"].take();
                prop_assert!(digest.as_str().is_some_and(|it| it.len() == 16 && it.chars().all(|it| it.is_ascii_hexdigit())));
            }
        }
        let [expected, found] = rest;
        prop_assert_eq!(expected, found);
    }
}
