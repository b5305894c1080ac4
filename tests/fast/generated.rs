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
