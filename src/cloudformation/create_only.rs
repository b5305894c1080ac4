//! Which properties replace a resource when they change, by the resource schemas that AWS publishes.
//!
//! `create_only.json` is written by `tests/templates/run`, which fails when it is stale.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// Which properties of a type of resource replace it when they change. A nested property has dots in its name, such as
/// `EncryptionAtRestOptions.Enabled`; `*` stands for the items of a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateOnly {
    /// Always replace.
    pub create_only: Vec<String>,
    /// Replace by their values.
    pub conditional: Vec<String>,
}

static TABLE: LazyLock<BTreeMap<String, CreateOnly>> = LazyLock::new(|| {
    // It is part of the binary, and a test reads it.
    serde_json::from_str(include_str!("create_only.json")).expect("the committed table is the JSON that was written")
});

/// The properties of a type such as `AWS::RDS::DBCluster`; `None` for a type that no template of ours has.
#[must_use]
pub fn properties(kind: &str) -> Option<&'static CreateOnly> {
    TABLE.get(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_replace_a_database_is_known() {
        let cluster = properties("AWS::RDS::DBCluster").expect("data has a cluster");
        for name in ["DatabaseName", "DBSubnetGroupName", "KmsKeyId", "SnapshotIdentifier", "StorageEncrypted"] {
            assert!(cluster.create_only.iter().any(|it| it == name), "{name}");
        }
        assert!(cluster.conditional.iter().any(|it| it == "MasterUsername"));
        assert!(!cluster.create_only.iter().any(|it| it == "BackupRetentionPeriod"));
    }

    #[test]
    fn a_nested_property_has_dots() {
        let domain = properties("AWS::OpenSearchService::Domain").expect("search has a domain");
        assert!(domain.conditional.iter().any(|it| it == "EncryptionAtRestOptions.Enabled"), "{domain:?}");
    }

    #[test]
    fn a_type_of_others_is_not_known() {
        assert_eq!(properties("AWS::Lambda::Function"), None);
    }
}
