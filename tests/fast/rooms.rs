//! The dependency rule of docs/design.md: rooms of plain functions name no client, no runtime, no SDK.

use crate::{files, read, root};

/// Files and directories of plain functions.
const PURE: [&str; 25] = [
    "src/api",
    "src/cloudformation/create_only.rs",
    "src/cloudformation/failure.rs",
    "src/cloudformation/guard",
    "src/cloudformation/guard.rs",
    "src/cloudformation/resolve.rs",
    "src/cloudformation/retire/prepare.rs",
    "src/cloudformation/stack.rs",
    "src/cloudformation/state.rs",
    "src/cloudformation/template",
    "src/cloudformation/token.rs",
    "src/units",
    "src/workload",
    "src/site/actions.rs",
    "src/site/build.rs",
    "src/site/conditions.rs",
    "src/site/covers.rs",
    "src/site/decide.rs",
    "src/site/diagnosis.rs",
    "src/site/managed.rs",
    "src/site/model.rs",
    "src/site/quantity.rs",
    "src/site/resolve.rs",
    "src/site/validate.rs",
    "src/site/validate",
];

/// What would make them something else.
const IMPURE: [&str; 5] = ["kube::Client", "kube::{Client", "tokio", "aws_sdk_", "std::fs"];

#[test]
fn plain_rooms_hold_no_client_no_runtime_and_no_sdk() {
    for room in PURE {
        let path = root().join(room);
        let sources = if path.is_dir() { files(&path, "rs") } else { vec![path] };
        assert!(!sources.is_empty(), "{room} has no sources");
        for source in sources {
            let text = read(&source);
            for word in IMPURE {
                let place = text.lines().position(|line| !line.trim_start().starts_with("//") && line.contains(word));
                assert_eq!(place, None, "{}: a plain room names {word}", source.display());
            }
        }
    }
}

#[test]
fn no_room_has_grown_into_a_hall() {
    for source in files(&root().join("src"), "rs") {
        let lines = read(&source).lines().count();
        assert!(lines <= 500, "{} has {lines} lines; split it by question", source.display());
    }
}
