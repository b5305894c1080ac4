//! The network of a site whose class brings none, and how a unit stands in a network.

use super::policy::companion;
use super::request::Request;
use crate::cloudformation::template::{
    Kind, ParameterHandle, Pseudo, Resource, ResourceHandle, Template, TemplateBuilder, Value, object,
};

/// The block of a class that names none, `10.20.0.0/20`, has this many bits.
const DEFAULT_PREFIX: u8 = 20;
/// Regions that offer two zones to an account: <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html>.
const REGIONS_OF_TWO_ZONES: [&str; 1] = ["us-west-1"];

/// Where a database or a search domain stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The VPC.
    pub(super) vpc_id: String,
    /// Private subnets, at least two, in different zones.
    pub(super) subnet_ids: Vec<String>,
    /// Of what connects.
    pub(super) client_security_group_ids: Vec<String>,
}

/// Private subnets without a way to or from the internet. Nothing in them needs one: they hold databases and search
/// domains, which answer those who connect.
pub(super) fn template(request: &Request, cidr: &str) -> Template {
    let mut builder = TemplateBuilder::new("Tairyo: the network of a site.");
    let keep = |resource| companion(resource, request.deletion_policy);
    let block = builder.parameter("Cidr", Kind::Name, cidr);
    let vpc = object! {"CidrBlock": &block, "EnableDnsSupport": true, "EnableDnsHostnames": true};
    let vpc = builder.resource("Vpc", keep(Resource::new("AWS::EC2::VPC", vpc)));
    let routes = keep(Resource::new("AWS::EC2::RouteTable", object! {"VpcId": &vpc}));
    let routes = builder.resource("RouteTable", routes);

    let prefix = cidr.rsplit_once('/').and_then(|(_, bits)| bits.parse().ok()).unwrap_or(DEFAULT_PREFIX);
    // A quarter of the block each; the last quarter is free for what comes later.
    let bits = 30_u8.saturating_sub(prefix);
    let zones = if REGIONS_OF_TWO_ZONES.contains(&request.region.as_str()) { 2 } else { 3 };
    let mut subnets = Vec::new();
    for (index, number) in (0..zones).zip(1_u64..) {
        let properties = object! {
            "VpcId": &vpc,
            "AvailabilityZone": Value::select(index, Value::zones()),
            "CidrBlock": Value::select(index, Value::cidr(Value::from(&block), 4, bits)),
            "MapPublicIpOnLaunch": false,
        };
        let subnet = builder.resource(("Subnet", number), keep(Resource::new("AWS::EC2::Subnet", properties)));
        let properties = object! {"SubnetId": &subnet, "RouteTableId": &routes};
        let association = keep(Resource::new("AWS::EC2::SubnetRouteTableAssociation", properties));
        builder.resource(("SubnetRoutes", number), association);
        subnets.push(subnet);
    }

    let service = ["com.amazonaws.".into(), Pseudo::Region.into(), ".s3".into()];
    let endpoint = object! {
        "VpcId": &vpc,
        "VpcEndpointType": "Gateway",
        "ServiceName": Value::join("", service),
        "RouteTableIds": [&routes],
    };
    builder.resource("BucketEndpoint", keep(Resource::new("AWS::EC2::VPCEndpoint", endpoint)));

    let reach = |port: i32, description: &'static str| {
        object! {
            "IpProtocol": "tcp", "FromPort": port, "ToPort": port,
            "CidrIp": &block, "Description": description,
        }
    };
    let clients = object! {
        "GroupDescription": "What connects to the database and the search domain of the site",
        "VpcId": &vpc,
        "SecurityGroupEgress": [reach(3306, "To the database"), reach(443, "To the search domain")],
    };
    let clients = builder.resource("ClientSecurityGroup", keep(Resource::new("AWS::EC2::SecurityGroup", clients)));

    builder.output("VpcId", &vpc);
    builder.output("SubnetIds", Value::join(",", subnets.iter().map(Value::from)));
    builder.output("ClientSecurityGroupId", Value::attribute(&clients, "GroupId"));
    builder.finish()
}

/// The parameters of a unit that stands in a network.
pub(super) struct Standing {
    /// The list of subnets.
    pub(super) subnet_ids: ParameterHandle,
    /// Lets the clients in, and nobody else.
    pub(super) security_group: ResourceHandle,
}

/// Puts a unit into a network, where its clients reach it on `port`.
pub(super) fn stand(
    builder: &mut TemplateBuilder,
    request: &Request,
    place: &Place,
    port: i32,
    description: &'static str,
) -> Standing {
    let vpc = builder.parameter("VpcId", Kind::Name, &place.vpc_id);
    let subnet_ids = builder.parameter("SubnetIds", Kind::Names, place.subnet_ids.join(","));
    let ingress: Vec<_> = (1..)
        .zip(&place.client_security_group_ids)
        .map(|(number, id)| {
            let client = builder.parameter(("ClientSecurityGroupId", number), Kind::Name, id);
            object! {
                "IpProtocol": "tcp", "FromPort": port, "ToPort": port,
                "SourceSecurityGroupId": &client, "Description": "From the pods of the site",
            }
        })
        .collect();
    // A group without a rule for what goes out would let everything out.
    let nowhere = object! {"IpProtocol": "-1", "CidrIp": "127.0.0.1/32", "Description": "To nowhere"};
    let group = object! {
        "GroupDescription": description,
        "VpcId": &vpc,
        "SecurityGroupIngress": ingress,
        "SecurityGroupEgress": [nowhere],
    };
    let group = companion(Resource::new("AWS::EC2::SecurityGroup", group), request.deletion_policy);
    Standing { subnet_ids, security_group: builder.resource("SecurityGroup", group) }
}
