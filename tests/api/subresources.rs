//! The subresources of a site, and what the server does with fields that say nothing.

use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::fixture::{merge, minimal};
use super::schema::{Definition, definitions};
use super::server::{self, Server};

const NAME: &str = "blog";

fn sites() -> Definition {
    definitions().into_iter().find(|it| it.kind == "WordPressSite").expect("there is a WordPressSite")
}

/// A minimal site with `patch`, created.
async fn create(server: &Server, patch: Value) -> Api<DynamicObject> {
    let api = server.api(&sites());
    let site = serde_json::from_value(merge(minimal(&sites()), &patch)).expect("it is a site");
    api.create(&PostParams::default(), &site).await.expect("the site is taken");
    api
}

async fn get(api: &Api<DynamicObject>) -> Value {
    api.get(NAME).await.expect("the site is there").data
}

#[test]
fn a_write_of_the_status_leaves_the_spec_alone() {
    server::with(async |server| {
        let api = create(server, json!({"spec": {"title": "Before"}})).await;
        let patch = json!({"spec": {"title": "After"}, "status": {"url": "https://blog.example.com"}});
        api.patch_status(NAME, &PatchParams::default(), &Patch::Merge(patch)).await.expect("the status is taken");
        let site = get(&api).await;
        assert_eq!(site["spec"]["title"], "Before");
        assert_eq!(site["status"]["url"], "https://blog.example.com");
    });
}

#[test]
fn a_write_of_the_spec_leaves_the_status_alone() {
    server::with(async |server| {
        let api = create(server, json!({"status": {"url": "https://forged.example.com"}})).await;
        assert_eq!(get(&api).await["status"], Value::Null);
        let patch = json!({"spec": {"title": "After"}, "status": {"url": "https://forged.example.com"}});
        api.patch(NAME, &PatchParams::default(), &Patch::Merge(patch)).await.expect("the spec is taken");
        let site = get(&api).await;
        assert_eq!(site["spec"]["title"], "After");
        assert_eq!(site["status"], Value::Null);
    });
}

#[test]
fn the_scale_of_a_site_is_its_number_of_web_replicas() {
    server::with(async |server| {
        let api = create(server, json!({"spec": {"web": {"replicas": 2}}})).await;
        let status = json!({"status": {"replicas": 1, "selector": "tairyo.dev/site=blog"}});
        api.patch_status(NAME, &PatchParams::default(), &Patch::Merge(status)).await.expect("the status is taken");

        let scale = api.get_scale(NAME).await.expect("a site has a scale");
        assert_eq!(scale.spec.and_then(|it| it.replicas), Some(2));
        let status = scale.status.expect("a scale has a status");
        assert_eq!((status.replicas, status.selector.as_deref()), (1, Some("tairyo.dev/site=blog")));

        let three = json!({"spec": {"replicas": 3}});
        api.patch_scale(NAME, &PatchParams::default(), &Patch::Merge(three)).await.expect("a site can be scaled");
        assert_eq!(get(&api).await["spec"]["web"]["replicas"], 3);
    });
}

#[test]
fn a_site_cannot_be_scaled_past_the_bounds_of_its_replicas() {
    server::with(async |server| {
        let api = create(server, json!({"spec": {"web": {"replicas": 2}}})).await;
        for (replicas, allowed) in [(1001, "less than or equal to 1000"), (-1, "greater than or equal to 0")] {
            let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
            let refused = api.patch_scale(NAME, &PatchParams::default(), &patch).await;
            let message = refused.expect_err("the server refuses").to_string();
            assert!(message.contains(allowed), "{replicas} is refused with: {message}");
        }
    });
}

#[test]
fn a_site_that_an_autoscaler_scales_is_not_scaled_by_hand() {
    server::with(async |server| {
        let api = create(server, json!({"spec": {"web": {"autoscaling": {"min": 1, "max": 2}}}})).await;
        let patch = Patch::Merge(json!({"spec": {"replicas": 3}}));
        let refused = api.patch_scale(NAME, &PatchParams::default(), &patch).await;
        let message = refused.expect_err("the server refuses").to_string();
        assert!(message.contains("replicas and autoscaling cannot both be set"), "it is refused with: {message}");
        assert_eq!(get(&api).await["spec"]["web"]["replicas"], Value::Null);
    });
}

/// Templates write `field: null` for a value that nobody gave.
#[test]
fn a_field_that_is_null_counts_as_absent() {
    server::with(async |server| {
        let mut site = minimal(&sites());
        site["spec"]["className"] = Value::Null;
        site["spec"]["database"] = Value::Null;
        site["spec"]["wordpress"] = Value::Null;
        site["spec"]["web"] = json!({"replicas": null, "autoscaling": {"min": 1, "max": 2}});
        let api = server.api(&sites());
        let site = serde_json::from_value(site).expect("it is a site");
        api.create(&PostParams::default(), &site).await.expect("the site is taken");
        // Rules about changes look at both sides.
        let patch = Patch::Merge(json!({"spec": {"title": "Another"}}));
        api.patch(NAME, &PatchParams::default(), &patch).await.expect("the site can be changed");
        let spec = get(&api).await["spec"].take();
        for field in ["className", "database", "wordpress"] {
            assert_eq!(spec.get(field), None, "{field} was not dropped");
        }
    });
}
