//! The stacks of a site in the order in which they are made, each as soon as what it needs is known.

use strum::IntoEnumIterator as _;

use super::network::Place;
use super::request::{Network, Request};
use super::{CLOUD_FRONT_REGION, Outputs, Unit, certificate, data, edge, identity, media, network, search};
use crate::cloudformation::stack::DesiredStack;
use crate::cloudformation::template::Template;

/// Why a stack cannot be said yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// Units that it needs have no outputs.
    #[error("failed to find the outputs of {}", list(.0))]
    Units(Vec<Unit>),
    /// Nothing says where the way into the cluster is.
    #[error("failed to find a host name of the way into the cluster")]
    OriginHost,
    /// The ARN of the class' IAM provider names no issuer.
    #[error("failed to find an issuer in the ARN of the IAM provider")]
    Issuer,
}

fn list(units: &[Unit]) -> String {
    units.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What a stack of `unit` refers to, where its site has it.
fn refers_to(unit: Unit) -> &'static [Unit] {
    match unit {
        Unit::Network | Unit::Identity | Unit::Certificate => &[],
        Unit::Data | Unit::Search => &[Unit::Network, Unit::Identity],
        Unit::Media => &[Unit::Identity],
        Unit::Edge => &[Unit::Identity, Unit::Certificate, Unit::Media],
    }
}

/// What `unit` of this site needs first.
#[must_use]
pub fn needs(unit: Unit, request: &Request) -> Vec<Unit> {
    let wanted = request.units();
    refers_to(unit).iter().copied().filter(|unit| wanted.contains(unit)).collect()
}

/// The units whose stacks may refer to that of `unit`, which is deleted after them therefore.
pub fn needed_by(unit: Unit) -> impl Iterator<Item = Unit> {
    Unit::iter().filter(move |other| refers_to(*other).contains(&unit))
}

/// The outputs that others take of a unit, or that the site's pods do. A stack without one of them is not there yet.
#[must_use]
pub fn outputs(unit: Unit) -> &'static [&'static str] {
    match unit {
        Unit::Network => &["VpcId", "SubnetIds", "ClientSecurityGroupId"],
        Unit::Identity => &["RoleArn", "RoleName"],
        Unit::Certificate => &["CertificateArn"],
        Unit::Data => &["Host", "Port", "SecretArn", "ClusterIdentifier", "SecurityGroupId"],
        Unit::Media => &["BucketName", "BucketArn", "BucketDomainName"],
        Unit::Search => &["Endpoint", "DomainArn", "DomainName"],
        Unit::Edge => &["DistributionId", "DistributionArn", "DomainName", "OriginSecretArns"],
    }
}

/// Every stack that the site asks for, in an order in which each comes after what it needs.
///
/// `outputs` are those of every stack that exists, in whatever state it is: media takes the distribution as soon as it is
/// known and gives up its right to read when it is not.
#[must_use]
pub fn desired(request: &Request, outputs: &Outputs) -> Vec<(Unit, Result<DesiredStack, Missing>)> {
    request.units().into_iter().map(|unit| (unit, stack(unit, request, outputs))).collect()
}

/// The stack of `unit`, once what it needs is known.
pub fn stack(unit: Unit, request: &Request, outputs: &Outputs) -> Result<DesiredStack, Missing> {
    template(unit, request, outputs).map(|template| revised(unit, request, template))
}

fn revised(unit: Unit, request: &Request, template: Template) -> DesiredStack {
    let mut tags = request.tags.clone();
    tags.extend(request.owner.tags(unit, &request.cluster));
    let revised = template.revise(&tags);
    let region = if unit == Unit::Certificate { CLOUD_FRONT_REGION } else { &request.region };
    DesiredStack {
        unit: unit.to_string(),
        region: region.into(),
        name: request.owner.stack_name(unit),
        template: revised.template,
        parameters: revised.parameters,
        tags,
        stack_policy: revised.stack_policy,
        service_role_arn: request.service_role_arn.clone(),
        digest: revised.digest,
    }
}

fn template(unit: Unit, request: &Request, outputs: &Outputs) -> Result<Template, Missing> {
    let known = Known { outputs };
    let missing: Vec<_> = needs(unit, request).into_iter().filter(|needed| !known.complete(*needed)).collect();
    if !missing.is_empty() {
        return Err(Missing::Units(missing));
    }
    let role_name = || known.get(Unit::Identity, "RoleName");
    // A unit that the site does not ask for is never asked about.
    let unasked = || Missing::Units(Vec::new());
    Ok(match unit {
        Unit::Network => {
            let Network::Dedicated { cidr } = &request.network else { return Err(unasked()) };
            network::template(request, cidr)
        }
        Unit::Identity => identity::template(request)?,
        Unit::Certificate => certificate::template(request.edge.as_ref().ok_or_else(unasked)?),
        Unit::Data => {
            let data = request.data.as_ref().ok_or_else(unasked)?;
            let inputs = data::Inputs { place: known.place(request)?, role_name: role_name()? };
            data::template(request, data, inputs)
        }
        Unit::Media => {
            let distribution = request.edge.as_ref().and_then(|_| known.get(Unit::Edge, "DistributionArn").ok());
            media::template(request, media::Inputs { role_name: role_name()?, distribution_arn: distribution })
        }
        Unit::Search => {
            let search = request.search.as_ref().ok_or_else(unasked)?;
            let role_arn = known.get(Unit::Identity, "RoleArn")?;
            let inputs = search::Inputs { place: known.place(request)?, role_arn, role_name: role_name()? };
            search::template(request, search, inputs)
        }
        Unit::Edge => {
            let wanted = request.edge.as_ref().ok_or_else(unasked)?;
            let bucket = request.media.then(|| known.get(Unit::Media, "BucketDomainName")).transpose()?;
            let inputs = edge::Inputs {
                role_name: role_name()?,
                certificate_arn: known.get(Unit::Certificate, "CertificateArn")?,
                origin_host: wanted.origin_host.clone().ok_or(Missing::OriginHost)?,
                bucket_domain_name: bucket,
            };
            edge::template(wanted, inputs)
        }
    })
}

struct Known<'a> {
    outputs: &'a Outputs,
}

impl Known<'_> {
    fn complete(&self, unit: Unit) -> bool {
        outputs(unit).iter().all(|name| self.get(unit, name).is_ok())
    }

    fn get(&self, unit: Unit, name: &str) -> Result<String, Missing> {
        let value = self.outputs.get(&unit).and_then(|outputs| outputs.get(name)).filter(|it| !it.is_empty());
        value.cloned().ok_or_else(|| Missing::Units(vec![unit]))
    }

    fn place(&self, request: &Request) -> Result<Place, Missing> {
        Ok(match &request.network {
            Network::Existing { vpc_id, subnet_ids, client_security_group_ids } => Place {
                vpc_id: vpc_id.clone(),
                subnet_ids: subnet_ids.clone(),
                client_security_group_ids: client_security_group_ids.clone(),
            },
            Network::Dedicated { .. } => Place {
                vpc_id: self.get(Unit::Network, "VpcId")?,
                subnet_ids: self.get(Unit::Network, "SubnetIds")?.split(',').map(str::to_owned).collect(),
                client_security_group_ids: vec![self.get(Unit::Network, "ClientSecurityGroupId")?],
            },
        })
    }
}
