//! The certificate of the site's domains, and domains as parameters.

use std::collections::BTreeMap;

use super::request::{Domain, Edge};
use crate::cloudformation::template::{Kind, ParameterHandle, Resource, Template, TemplateBuilder, Value, object};

/// Domains as parameters, one each: a hundred of them are longer than one parameter may be (4,096 bytes).
pub(super) struct Domains {
    /// In the order of the site; the zone where the domain's records are written.
    pub(super) all: Vec<(ParameterHandle, Option<ParameterHandle>)>,
}

impl Domains {
    /// Adds the parameters. A zone is one however many of the domains are in it.
    pub(super) fn new(builder: &mut TemplateBuilder, domains: &[Domain]) -> Self {
        let mut zones: BTreeMap<&str, ParameterHandle> = BTreeMap::new();
        let mut all = Vec::new();
        let mut zone_numbers = 1..;
        for (number, domain) in (1..).zip(domains) {
            let name = builder.parameter(("Domain", number), Kind::Domain, &domain.name);
            let zone = domain.hosted_zone_id.as_deref().map(|id| {
                let add = || {
                    let number = zone_numbers.next().unwrap_or_default();
                    builder.parameter(("HostedZone", number), Kind::Name, id)
                };
                zones.entry(id).or_insert_with(add).clone()
            });
            all.push((name, zone));
        }
        Self { all }
    }
}

/// A certificate that is validated by DNS: where the zone is ours `CloudFormation` writes the record, elsewhere the stack
/// waits until its owner has.
pub(super) fn template(edge: &Edge) -> Template {
    let mut builder = TemplateBuilder::new("Tairyo: the certificate of a site.");
    let domains = Domains::new(&mut builder, &edge.domains);
    let names: Vec<_> = domains.all.iter().map(|(name, _)| Value::from(name)).collect();
    let records = domains
        .all
        .iter()
        .filter_map(|(name, zone)| zone.as_ref().map(|zone| object! {"DomainName": name, "HostedZoneId": zone}));
    let mut properties = vec![("ValidationMethod", Value::from("DNS"))];
    properties.extend(names.first().cloned().map(|name| ("DomainName", name)));
    if names.len() > 1 {
        properties.push(("SubjectAlternativeNames", Value::list(names.into_iter().skip(1))));
    }
    let records: Vec<_> = records.collect();
    if !records.is_empty() {
        properties.push(("DomainValidationOptions", records.into()));
    }
    let certificate = Resource::new("AWS::CertificateManager::Certificate", Value::object(properties));
    let certificate = builder.resource("Certificate", certificate);
    builder.output("CertificateArn", &certificate);
    builder.finish()
}
