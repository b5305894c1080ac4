//! The commands against a real API server, each as a user who has the rights that docs/cli.md lists, and no others.

use std::process::Output;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tairyo::api::{WordPressClass, WordPressSite};
use tairyo::cli::rights::{RIGHTS, Right};

use super::server::{self, Server, wait_until};

const CLASS: &str = "cluster-of-commands";

/// What is typed after the command for each that asks the cluster.
fn arguments<'a>(command: &str, manifest: &'a str) -> Option<Vec<&'a str>> {
    match command {
        "status" | "trace" | "events" | "logs" | "outputs" | "suspend" | "resume" | "reconcile" => Some(vec!["blog"]),
        "approve" => Some(vec!["blog", "--yes", "--token", "1f2e"]),
        "plan" => Some(vec![manifest]),
        _ => None,
    }
}

/// Runs the real program as `user`.
fn run(server: &Server, user: Option<&str>, command: &str, arguments: &[&str]) -> Output {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_tairyo"));
    program.arg(command).args(arguments).args(["--namespace", &server.namespace]);
    program.arg("--kubeconfig").arg(server::kubeconfig());
    if let Some(user) = user {
        program.args(["--as", user]);
    }
    program.output().expect("tairyo can be started")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn site() -> Value {
    json!({
        "apiVersion": "tairyo.dev/v1alpha1", "kind": "WordPressSite", "metadata": {"name": "blog"},
        "spec": {"className": CLASS, "domains": ["blog.example.com"], "admin": {"email": "me@example.com"}},
    })
}

fn status() -> Value {
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({"type": kind, "status": status, "reason": reason, "message": "the database would be replaced",
               "lastTransitionTime": "2026-01-02T03:04:05Z"})
    };
    json!({
        "observedGeneration": 1, "url": "http://blog.example.com",
        "conditions": [condition("Ready", "False", "ApprovalRequired"), condition("Stalled", "True", "ApprovalRequired"),
                       condition("DatabaseReady", "False", "ApprovalRequired")],
        "outputs": {"mediaBucketName": "tairyo-media"},
        "plan": {"unit": "data", "token": "1f2e", "changes": [
            {"action": "Modify", "resource": "Cluster", "type": "AWS::RDS::DBCluster", "replacement": "True", "properties": ["KmsKeyId"]}]},
    })
}

/// Makes the site with its status, and its class.
async fn prepare(server: &Server) {
    let class =
        json!({"apiVersion": "tairyo.dev/v1alpha1", "kind": "WordPressClass", "metadata": {"name": CLASS}, "spec": {}});
    let parameters = PatchParams::apply("tairyo-tests").force();
    let classes: Api<WordPressClass> = Api::all(server.client.clone());
    classes.patch(CLASS, &parameters, &Patch::Apply(&class)).await.expect("a class can be made");
    let sites: Api<WordPressSite> = Api::namespaced(server.client.clone(), &server.namespace);
    let site = serde_json::from_value(site()).expect("it is a site");
    sites.create(&PostParams::default(), &site).await.expect("a site can be made");
    let status = json!({"status": status()});
    sites.patch_status("blog", &PatchParams::default(), &Patch::Merge(&status)).await.expect("a status can be written");
}

fn rules(rights: &[&Right]) -> Value {
    let rule = |it: &&Right| json!({"apiGroups": [it.group], "resources": [it.resource], "verbs": it.verbs});
    rights.iter().map(rule).collect()
}

/// Gives `user` these rights and waits until the API server knows.
async fn grant(server: &Server, user: &str, rights: &[&Right]) {
    let subjects = json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]);
    let reference = |kind: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": user});
    let is_of_cluster = |right: &&&Right| right.resource == "wordpressclasses";
    let of_cluster: Vec<_> = rights.iter().filter(is_of_cluster).copied().collect();
    let of_namespace: Vec<_> = rights.iter().filter(|it| !is_of_cluster(it)).copied().collect();
    let create = PostParams::default();
    let metadata = json!({"name": user});
    let object = |more: Value| {
        let mut object = json!({"metadata": metadata});
        object.as_object_mut().expect("it is an object").extend(more.as_object().cloned().unwrap_or_default());
        object
    };
    let namespace = &server.namespace;
    let role: Role = serde_json::from_value(object(json!({"rules": rules(&of_namespace)}))).expect("it is a role");
    Api::namespaced(server.client.clone(), namespace).create(&create, &role).await.expect("a role can be made");
    let binding = object(json!({"subjects": subjects, "roleRef": reference("Role")}));
    let binding: RoleBinding = serde_json::from_value(binding).expect("it is a binding");
    Api::namespaced(server.client.clone(), namespace).create(&create, &binding).await.expect("it can be bound");
    if !of_cluster.is_empty() {
        let role: ClusterRole =
            serde_json::from_value(object(json!({"rules": rules(&of_cluster)}))).expect("it is a role");
        Api::all(server.client.clone()).create(&create, &role).await.expect("a role can be made");
        let binding = object(json!({"subjects": subjects, "roleRef": reference("ClusterRole")}));
        let binding: ClusterRoleBinding = serde_json::from_value(binding).expect("it is a binding");
        Api::all(server.client.clone()).create(&create, &binding).await.expect("it can be bound");
    }
}

#[test]
fn every_command_works_with_the_rights_that_are_listed() {
    server::with(async |server| {
        prepare(server).await;
        let manifest = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.yaml", server.namespace));
        std::fs::write(&manifest, site().to_string()).expect("a file can be written");
        let manifest = manifest.display().to_string();
        for (command, rights) in RIGHTS {
            let Some(arguments) = arguments(command, &manifest) else { continue };
            let user = format!("{}-{command}", server.namespace);
            // Of the operator's namespace nothing is given: its lines are left out then.
            let needed: Vec<_> = rights.iter().filter(|right| right.without.is_none()).collect();
            grant(server, &user, &needed).await;
            // The API server learns of a new role some moments later.
            let works = async || run(server, Some(&user), command, &arguments).status.success();
            wait_until(&format!("{command} works with its rights"), works).await;
            let stranger = run(server, Some("nobody-in-particular"), command, &arguments);
            let said = text(&stranger);
            assert!(!stranger.status.success() && said.contains("you lack the right"), "{command}: {said}");
        }
        let classes: Api<WordPressClass> = Api::all(server.client.clone());
        classes.delete(CLASS, &DeleteParams::default()).await.expect("a class can be deleted");
        for name in ["plan"].map(|command| format!("{}-{command}", server.namespace)) {
            let roles: Api<ClusterRole> = Api::all(server.client.clone());
            roles.delete(&name, &DeleteParams::default()).await.expect("a role can be deleted");
            let bindings: Api<ClusterRoleBinding> = Api::all(server.client.clone());
            bindings.delete(&name, &DeleteParams::default()).await.expect("a binding can be deleted");
        }
    });
}

#[test]
fn what_is_said_of_a_site_is_what_its_status_says() {
    server::with(async |server| {
        let sites: Api<WordPressSite> = Api::namespaced(server.client.clone(), &server.namespace);
        let site = serde_json::from_value(site()).expect("it is a site");
        sites.create(&PostParams::default(), &site).await.expect("a site can be made");
        let merged = json!({"status": status()});
        sites.patch_status("blog", &PatchParams::default(), &Patch::Merge(&merged)).await.expect("it can be written");

        let screen = text(&run(server, None, "status", &["blog"]));
        for part in ["Stalled: ApprovalRequired", "would be replaced (KmsKeyId)", "tairyo approve blog -n"] {
            assert!(screen.contains(part), "{part} is not in:\n{screen}");
        }
        assert!(!screen.contains('\u{1b}'), "a pipe gets no colours");
        let json: Value = serde_json::from_slice(&run(server, None, "status", &["blog", "-o", "json"]).stdout)
            .expect("-o json is JSON");
        assert_eq!(json["status"]["plan"]["token"], "1f2e");
        let bucket = run(server, None, "outputs", &["blog", "--name", "mediaBucketName"]);
        assert_eq!(String::from_utf8_lossy(&bucket.stdout), "tairyo-media\n");

        let refused = text(&run(server, None, "approve", &["blog", "--yes", "--token", "0000"]));
        assert!(refused.contains("the plan has the token \"1f2e\""), "{refused}");
        let asked = text(&run(server, None, "approve", &["blog"]));
        assert!(asked.contains("add --yes"), "without a terminal nobody can be asked: {asked}");
        assert!(run(server, None, "approve", &["blog", "--yes"]).status.success());
        assert!(run(server, None, "suspend", &["blog"]).status.success());
        let site = sites.get("blog").await.expect("it is there");
        let approved = site.metadata.annotations.as_ref().and_then(|it| it.get("tairyo.dev/approve"));
        assert_eq!(approved.map(String::as_str), Some("1f2e"));
        assert!(site.spec.suspend);
        let missing = text(&run(server, None, "status", &["blg"]));
        assert!(missing.contains("there are blog"), "{missing}");
    });
}
