//! The `OpenSearch` domain.

use super::network::{Place, stand};
use super::policy::{LOG_RETENTION_DAYS, allow, arn, document, grant, log_group};
use super::request::{Request, Search};
use crate::api::site::DeletionPolicy;
use crate::cloudformation::template::{Fate, Kind, Pseudo, Resource, Template, TemplateBuilder, Value, object};

/// The version that the gateway's queries were written for.
const ENGINE_VERSION: &str = "OpenSearch_3.1";
const PORT: i32 = 443;
/// What a client may ask of the domain, all of it over HTTP.
const ACTIONS: [&str; 6] =
    ["es:ESHttpDelete", "es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPatch", "es:ESHttpPost", "es:ESHttpPut"];
/// The logs that are kept.
const LOGS: [(&str, &str); 2] = [("ErrorLogs", "ES_APPLICATION_LOGS"), ("AuditLogs", "AUDIT_LOGS")];

/// What the unit takes from others.
pub(super) struct Inputs {
    /// Where it stands.
    pub(super) place: Place,
    /// The ARN of the role of the site's pods.
    pub(super) role_arn: String,
    /// Its name.
    pub(super) role_name: String,
}

/// A domain in the VPC that answers the site's pods alone.
pub(super) fn template(request: &Request, search: &Search, inputs: Inputs) -> Template {
    let mut builder = TemplateBuilder::new("Tairyo: the search of a site.");
    let policy = request.deletion_policy;
    let standing = stand(&mut builder, request, &inputs.place, PORT, "The search domain of the site");
    let role = builder.parameter("RoleArn", Kind::Name, inputs.role_arn);
    let instance_type = builder.parameter("InstanceType", Kind::Name, &search.instance_type);
    let zones = zones(search.instances, inputs.place.subnet_ids.len());

    let mut publishing = Vec::new();
    for (id, log) in LOGS {
        let group = log_group(
            object! {"RetentionInDays": LOG_RETENTION_DAYS, "ResourcePolicyDocument": may_write_logs()},
            policy,
        );
        let group = builder.resource(id, group);
        publishing.push((log, object! {"CloudWatchLogsLogGroupArn": Value::attribute(&group, "Arn"), "Enabled": true}));
    }
    let mut nodes = vec![
        ("InstanceType", Value::from(&instance_type)),
        ("InstanceCount", search.instances.into()),
        ("ZoneAwarenessEnabled", (zones > 1).into()),
    ];
    if zones > 1 {
        let count = if zones == 2 { 2 } else { 3 };
        nodes.push(("ZoneAwarenessConfig", object! {"AvailabilityZoneCount": count}));
    }
    let subnets = (0..zones).map(|index| Value::select(index, Value::from(&standing.subnet_ids)));
    // The domain's own ARN is not known before the domain. A policy of a domain is about that domain, whatever it names.
    let anyone = arn("es", vec!["domain/*".into()]);
    let access = object! {
        "Effect": "Allow",
        "Principal": object! {"AWS": &role},
        "Action": ACTIONS,
        "Resource": anyone,
    };
    let properties = object! {
        "EngineVersion": ENGINE_VERSION,
        "ClusterConfig": Value::object(nodes),
        "EBSOptions": object! {"EBSEnabled": true, "VolumeType": "gp3", "VolumeSize": search.storage_gib},
        "VPCOptions": object! {
            "SubnetIds": Value::list(subnets),
            "SecurityGroupIds": [Value::attribute(&standing.security_group, "GroupId")],
        },
        "EncryptionAtRestOptions": object! {"Enabled": true},
        "NodeToNodeEncryptionOptions": object! {"Enabled": true},
        "DomainEndpointOptions": object! {
            "EnforceHTTPS": true, "TLSSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10",
        },
        "AdvancedSecurityOptions": object! {
            "Enabled": true,
            "InternalUserDatabaseEnabled": false,
            "MasterUserOptions": object! {"MasterUserARN": &role},
        },
        "AccessPolicies": document([access]),
        "LogPublishingOptions": Value::object(publishing),
        "SoftwareUpdateOptions": object! {"AutoSoftwareUpdateEnabled": true},
    };
    let deleted = match policy {
        DeletionPolicy::Retain => Fate::Retain,
        // There is no snapshot of a domain, and the index is made again from the database.
        DeletionPolicy::Snapshot | DeletionPolicy::Delete => Fate::Delete,
    };
    let domain = Resource::new("AWS::OpenSearchService::Domain", properties)
        .fates(deleted, Fate::Retain)
        // A new version is put in place; without this the domain would be replaced by an empty one.
        .update_policy(object! {"EnableVersionUpgrade": true})
        .protected();
    let domain = builder.resource("Domain", domain);

    let indices = Value::join("", [Value::attribute(&domain, "Arn"), "/*".into()]);
    grant(&mut builder, inputs.role_name, "search", vec![allow(ACTIONS, [indices])]);
    builder.output("Endpoint", Value::attribute(&domain, "DomainEndpoint"));
    builder.output("DomainArn", Value::attribute(&domain, "Arn"));
    builder.output("DomainName", &domain);
    builder.finish()
}

/// Over how many zones, each with a subnet, the nodes are spread. Nodes over two zones have to be an even number:
/// <https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-multiaz.html>.
fn zones(instances: i32, subnets: usize) -> usize {
    match instances {
        ..=1 => 1,
        2 => 2,
        _ if instances % 3 == 0 || instances % 2 == 1 => subnets.clamp(2, 3),
        _ => 2,
    }
}

/// Lets domains of this account write into a group of logs. The policy is the group's own: an account may have ten policies
/// of logs in a region, and a site that took one of them would leave room for nine others.
fn may_write_logs() -> Value {
    document([object! {
        "Effect": "Allow",
        "Principal": object! {"Service": "es.amazonaws.com"},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": arn("logs", vec!["log-group:*".into()]),
        "Condition": object! {
            "StringEquals": object! {"aws:SourceAccount": Pseudo::AccountId},
            "ArnLike": object! {"aws:SourceArn": arn("es", vec!["domain/*".into()])},
        },
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_spread_over_zones_from_two_on() {
        let over_three_subnets = [1, 2, 3, 4, 5, 6, 7].map(|instances| zones(instances, 3));
        assert_eq!(over_three_subnets, [1, 2, 3, 2, 3, 3, 3]);
        assert_eq!([1, 2, 3, 4, 5].map(|instances| zones(instances, 2)), [1, 2, 2, 2, 2]);
    }
}
