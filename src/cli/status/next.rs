//! What a person should do next, as far as the status tells.

use kube::ResourceExt as _;

use super::screen::find;
use crate::api::condition::{ConditionType, Reason};
use crate::api::{WordPressSite, WordPressSiteStatus};
use crate::site::actions::suspended;

/// What to do next: a sentence, and commands where there are some.
pub(super) fn next_action(site: &WordPressSite, status: &WordPressSiteStatus) -> Vec<String> {
    let (name, namespace) = (site.name_any(), site.namespace().unwrap_or_default());
    let command = |verb: &str| format!("tairyo {verb} {name} -n {namespace}");
    if site.metadata.deletion_timestamp.is_some() {
        return vec!["Wait: the site is being deleted, the managed parts one after the other.".into()];
    }
    if status.conditions.is_empty() {
        return vec![
            "Wait some seconds. If nothing happens, look whether the operator runs:".into(),
            "kubectl get pods --all-namespaces -l app.kubernetes.io/name=tairyo".into(),
        ];
    }
    if suspended(&site.spec, site.annotations()).is_some() {
        return vec!["Nothing is changed while the site is suspended. To go on:".into(), command("resume")];
    }
    if status.plan.is_some() {
        return vec!["Read the plan, make a backup where data is at stake, then allow it:".into(), command("approve")];
    }
    let is_true = |kind| find(status, kind).filter(|condition| condition.status == "True");
    if let Some(stalled) = is_true(ConditionType::Stalled) {
        return vec![stalled.message.clone(), format!("tairyo explain {}", stalled.reason)];
    }
    let waits_for_records =
        status.conditions.iter().any(|condition| condition.reason == Reason::WaitingForValidation.to_string());
    if waits_for_records && !status.dns_records.is_empty() {
        return vec![
            "Create the DNS records above where the domain is managed; the certificate waits for them.".into(),
        ];
    }
    if is_true(ConditionType::Ready).is_some() {
        let address = status.admin_url.clone().unwrap_or_default();
        return vec![format!("Nothing. Log in at {address}")];
    }
    // The first part that is not there is what the others wait for.
    let busy = status.conditions.iter().find(|condition| {
        condition.status == "False"
            && ![ConditionType::Ready, ConditionType::Stalled, ConditionType::Reconciling]
                .iter()
                .any(|kind| <&str>::from(*kind) == condition.type_)
    });
    let reason = busy.map(|condition| condition.reason.clone());
    let mut lines = vec!["Wait; nobody has to act. To look on:".into(), format!("{} --watch", command("status"))];
    lines.extend(reason.map(|reason| format!("tairyo explain {reason}")));
    lines
}
