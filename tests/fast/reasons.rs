//! docs/reasons.md explains every reason that a condition can have, and no other.

use std::collections::BTreeSet;

use strum::IntoEnumIterator as _;
use tairyo::api::condition::Reason;

use crate::{read, root};

#[test]
fn every_reason_is_explained_and_nothing_else() {
    let text = read(&root().join("docs/reasons.md"));
    let explained: BTreeSet<String> =
        text.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned).collect();
    let reasons: BTreeSet<String> = Reason::iter().map(|reason| reason.to_string()).collect();
    let missing: Vec<_> = reasons.difference(&explained).collect();
    let unknown: Vec<_> = explained.difference(&reasons).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing: {missing:?}; unknown: {unknown:?}");
}
