//! Golden files of the stacks of whole sites, and what must hold for every template whatever the site.

mod edge;
mod everywhere;
mod graph;
mod requests;
mod security;
mod walk;

use serde_json::json;

#[test]
fn golden() {
    for (tier, request) in requests::all() {
        for stack in requests::stacks(&request) {
            let text = serde_json::to_string_pretty(&json!({
                "name": stack.name,
                "region": stack.region,
                "tags": stack.tags,
                "parameters": stack.parameters,
                "stackPolicy": stack.stack_policy,
                "template": stack.template,
            }))
            .expect("JSON can be written");
            insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false}, {
                insta::assert_snapshot!(format!("{tier}_{}", stack.unit), text);
            });
        }
    }
}
