//! Whom a stack belongs to, and what it is called therefore.

use std::collections::BTreeMap;

use super::Unit;
use crate::api::digest::digest_of_texts;
use crate::cloudformation::stack::{CLUSTER_TAG, NAME_TAG, NAMESPACE_TAG, SITE_UID_TAG, UNIT_TAG};

/// The longest name of a stack: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html>.
const LONGEST_NAME: usize = 128;

/// Whom a stack belongs to. A value, since units that many sites share will belong to their class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// One site.
    Site {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The uid of the site whose data the stacks hold: after an adoption that of the deleted site.
        uid: String,
    },
}

impl Owner {
    /// The name of this owner's stack of `unit`: the same in every pass and in every replica, so that two of them cannot
    /// make two stacks. Where it would be too long its middle gives way to a hash.
    #[must_use]
    pub fn stack_name(&self, unit: Unit) -> String {
        let Self::Site { namespace, name, uid } = self;
        let suffix = format!("-{}-{unit}", short(uid));
        let whole = format!("tairyo-{namespace}-{name}");
        if whole.len() + suffix.len() <= LONGEST_NAME {
            return whole + &suffix;
        }
        let digest = digest_of_texts(&[&whole]);
        let hash = &digest[..8];
        // Names of Kubernetes are ASCII, so every place is the start of a character.
        let head = &whole[..LONGEST_NAME - suffix.len() - hash.len() - 1];
        format!("{}-{hash}{suffix}", head.trim_end_matches('-'))
    }

    /// The tags by which a stack is known as this owner's.
    #[must_use]
    pub fn tags(&self, unit: Unit, cluster: &str) -> BTreeMap<String, String> {
        let Self::Site { namespace, name, uid } = self;
        BTreeMap::from([
            (SITE_UID_TAG.to_owned(), uid.clone()),
            (UNIT_TAG.to_owned(), unit.to_string()),
            (CLUSTER_TAG.to_owned(), cluster.to_owned()),
            (NAMESPACE_TAG.to_owned(), namespace.clone()),
            (NAME_TAG.to_owned(), name.clone()),
        ])
    }

    /// The uid that [`SITE_UID_TAG`] carries.
    #[must_use]
    pub fn uid(&self) -> &str {
        let Self::Site { uid, .. } = self;
        uid
    }
}

/// The first eight characters of a uid.
#[must_use]
pub fn short(uid: &str) -> &str {
    uid.get(..8).unwrap_or(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(namespace: &str, name: &str) -> Owner {
        let uid = "6b1e3c1e-6f0a-4f5e-9a53-0d8d2a7c5b11";
        Owner::Site { namespace: namespace.into(), name: name.into(), uid: uid.into() }
    }

    #[test]
    fn a_stack_name_tells_namespace_site_uid_and_unit() {
        assert_eq!(owner("shop", "blog").stack_name(Unit::Data), "tairyo-shop-blog-6b1e3c1e-data");
    }

    #[test]
    fn a_long_stack_name_is_cut_and_stays_unlike_its_neighbours() {
        let (namespace, name) = ("n".repeat(63), "s".repeat(60));
        let long = owner(&namespace, &name).stack_name(Unit::Certificate);
        let neighbour = owner(&namespace, &format!("{name}x")).stack_name(Unit::Certificate);
        assert!(long.len() <= LONGEST_NAME && long.ends_with("-6b1e3c1e-certificate"), "{long}");
        assert_ne!(long, neighbour);
    }
}
