//! The DNS records that a person creates, for domains outside of the class' hosted zones.

use super::{Outputs, Request, Unit};
use crate::api::status::DnsRecord;
use crate::cloudformation::port::StackEvent;

/// What comes before the record in the event of a certificate that waits for it:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-certificatemanager-certificate.html>.
const ANNOUNCEMENT: &str = "Content of DNS Record is: {";

/// The records that prove the domains of a certificate, from the events of its stack.
#[must_use]
pub fn validation_records(events: &[StackEvent]) -> Vec<DnsRecord> {
    let mut records: Vec<_> =
        events.iter().filter_map(|event| event.reason.as_deref()).filter_map(validation_record).collect();
    records.sort();
    records.dedup();
    records
}

fn validation_record(reason: &str) -> Option<DnsRecord> {
    let (_, rest) = reason.split_once(ANNOUNCEMENT)?;
    let (content, _) = rest.split_once('}')?;
    let field = |name: &str| {
        let found = content.split(',').find_map(|field| field.trim().strip_prefix(name))?;
        Some(found.trim_start_matches(':').trim().to_owned()).filter(|value| !value.is_empty())
    };
    Some(DnsRecord {
        name: field("Name")?,
        kind: field("Type")?,
        value: field("Value")?,
        purpose: "proves to Certificate Manager that the domain is yours".into(),
    })
}

/// The records that lead the domains without a hosted zone to the distribution, once it is there.
#[must_use]
pub fn alias_records(request: &Request, outputs: &Outputs) -> Vec<DnsRecord> {
    let Some(target) = outputs.get(&Unit::Edge).and_then(|outputs| outputs.get("DomainName")) else {
        return Vec::new();
    };
    let by_hand = request.edge.iter().flat_map(|edge| &edge.domains).filter(|domain| domain.hosted_zone_id.is_none());
    by_hand
        .map(|domain| DnsRecord {
            name: format!("{}.", domain.name),
            kind: "CNAME".into(),
            value: format!("{target}."),
            purpose: "leads visitors to the distribution; at the top of a zone use an alias record instead".into(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(reason: &str) -> StackEvent {
        StackEvent {
            time: jiff::Timestamp::UNIX_EPOCH,
            token: None,
            logical_id: "Certificate".into(),
            physical_id: None,
            kind: "AWS::CertificateManager::Certificate".into(),
            status: "CREATE_IN_PROGRESS".into(),
            reason: Some(reason.into()),
        }
    }

    #[test]
    fn the_records_of_a_certificate_are_read_from_its_events_once_each() {
        let one = "Content of DNS Record is: {Name: _a1.blog.example.com.,Type: CNAME,Value: _b2.acm-validations.aws.}";
        let events = [event("Resource creation Initiated"), event(one), event(one)];
        let records = validation_records(&events);
        assert_eq!(records.len(), 1);
        assert_eq!(
            (records[0].name.as_str(), records[0].kind.as_str(), records[0].value.as_str()),
            ("_a1.blog.example.com.", "CNAME", "_b2.acm-validations.aws.")
        );
    }

    #[test]
    fn an_event_of_another_form_is_no_record() {
        assert!(validation_records(&[event("Content of DNS Record is: {Name: x")]).is_empty());
        assert!(validation_records(&[event("Content of DNS Record is: {Name: ,Type: CNAME,Value: v}")]).is_empty());
    }
}
