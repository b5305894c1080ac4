//! Generated files that are committed are those that the code generates now.

use kube::ResourceExt as _;

use crate::{read, root};

#[test]
fn the_committed_definitions_are_those_of_the_code() {
    for definition in tairyo::api::definitions() {
        let path = root().join("crds").join(format!("{}.yaml", definition.name_any()));
        let generated = serde_saphyr::to_string(&definition).expect("a definition is YAML");
        assert!(read(&path) == generated, "{} is stale; run `make generate`", path.display());
    }
}

#[test]
fn the_committed_reference_of_the_api_is_that_of_the_code() {
    let path = root().join("docs/api.md");
    let generated = tairyo::cli::crds::reference::page(&tairyo::api::definitions());
    assert!(read(&path) == generated, "{} is stale; run `make generate`", path.display());
}
