//! What holds for any site.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::requests::{all, outputs, scale, stacks, standard};
use super::walk::{holds, references, section};
use crate::api::aws::AuroraCredentials;
use crate::api::site::DeletionPolicy;
use crate::cloudformation::create_only;
use crate::units::graph::desired;
use crate::units::request::{Data, DataSize, Domain, Edge, Network, PodIdentity, Request, Search};
use crate::units::{Owner, Unit};

/// What `CloudFormation` takes without a bucket is 51,200 bytes; the rest is room for what later versions add.
const LARGEST: usize = 45_000;
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const MOST_PARAMETERS: usize = 200;
const LONGEST_PARAMETER: usize = 4_096;

/// Sites whose classes and specifications are as the API lets them be, to its bounds.
fn requests() -> impl Strategy<Value = Request> {
    let data = (0..2_i32, 1..=15_i32, 1..=35_i32, any::<bool>(), any::<bool>(), 0..=512_u16).prop_map(
        |(size, instances, days, managed, key, half_units)| Data {
            size: if size == 0 {
                let max = f64::from(half_units.max(2)) / 2.0;
                DataSize::Serverless { min: 0.0, max, auto_pause_seconds: Some(300) }
            } else {
                DataSize::Provisioned { instance_class: "db.r7g.large".into() }
            },
            instances,
            backup_retention_days: days,
            credentials: if managed { AuroraCredentials::Managed } else { AuroraCredentials::Generated },
            kms_key_arn: key.then(|| "arn:aws:kms:ap-northeast-1:123456789012:alias/sites".into()),
            ..standard().data.expect("a standard site has a database")
        },
    );
    let search = (1..=15_i32, 10..=3072_i32).prop_map(|(instances, storage_gib)| Search {
        instance_type: "t3.small.search".into(),
        instances,
        storage_gib,
    });
    let domain = ("[a-z]{1,40}[.]example[.]jp", proptest::option::of("Z[A-Z0-9]{1,3}"))
        .prop_map(|(name, hosted_zone_id)| Domain { name, hosted_zone_id });
    let edge = (proptest::collection::vec(domain, 1..=100), any::<bool>(), any::<u32>()).prop_map(
        |(domains, class, generation)| Edge {
            domains,
            web_acl_arn: class.then(|| "arn:aws:wafv2:us-east-1:123456789012:global/webacl/sites/0123abcd".into()),
            origin_secret_generation: generation,
            ..standard().edge.expect("a standard site has a distribution")
        },
    );
    let network = prop_oneof![
        (16..=24_u8).prop_map(|bits| Network::Dedicated { cidr: format!("10.20.0.0/{bits}") }),
        (2..=20_usize, 1..=5_usize).prop_map(|(subnets, groups)| Network::Existing {
            vpc_id: "vpc-0123456789abcdef0".into(),
            subnet_ids: (0..subnets).map(|number| format!("subnet-0123456789abcdef{number}")).collect(),
            client_security_group_ids: (0..groups).map(|number| format!("sg-0123456789abcdef{number}")).collect(),
        }),
    ];
    let identity = prop_oneof![Just(standard().pod_identity), Just(scale().pod_identity)];
    let policy =
        prop_oneof![Just(DeletionPolicy::Retain), Just(DeletionPolicy::Snapshot), Just(DeletionPolicy::Delete)];
    let parts = (
        proptest::option::of(data),
        any::<bool>(),
        proptest::option::of(search),
        proptest::option::of(edge),
        network,
        identity,
        policy,
        any::<bool>(),
    );
    parts.prop_map(|(data, media, search, edge, network, pod_identity, deletion_policy, boundary)| Request {
        data,
        media,
        search,
        edge,
        network,
        pod_identity,
        deletion_policy,
        permissions_boundary_arn: boundary.then(|| "arn:aws:iam::123456789012:policy/boundary".into()),
        ..standard()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_site_has_templates_without_a_loose_end(request in requests()) {
        for stack in stacks(&request) {
            let template = &stack.template;
            let unit = &stack.unit;
            let parameters = section(template, "Parameters");
            let resources = section(template, "Resources");
            let found = references(template);
            for name in &found.names {
                let known = name.starts_with("AWS::") || parameters.contains(name) || resources.contains(name);
                prop_assert!(known, "{unit}: {name} is not defined");
            }
            prop_assert_eq!(&found.conditions, &section(template, "Conditions"), "{}", unit);
            // A parameter that nobody reads is a change that does nothing.
            let read: Vec<_> = parameters.iter().filter(|name| !found.names.contains(*name)).collect();
            prop_assert!(read.is_empty(), "{unit}: nobody reads {read:?}");
            let given = stack.parameters.keys().cloned().collect();
            prop_assert_eq!(&parameters, &given, "{}", unit);
            prop_assert!(parameters.len() <= MOST_PARAMETERS, "{unit}: {} parameters", parameters.len());
            prop_assert!(stack.parameters.values().all(|value| value.len() <= LONGEST_PARAMETER), "{}", unit);
            let size = template.to_string().len();
            prop_assert!(size < LARGEST, "{unit}: {size} bytes");
        }
    }
}

/// As many domains and zones as the API lets a site and its class have.
#[test]
fn the_largest_site_fits_into_a_template() {
    let mut request = scale();
    let edge = request.edge.as_mut().expect("there is one");
    let domain = |number: usize| Domain {
        name: format!("{}.{number}.example.jp", "a".repeat(63)),
        hosted_zone_id: Some(format!("Z0123456789ABCDEFGHIJ{:02}", number % 50)),
    };
    edge.domains = (0..100).map(domain).collect();
    edge.origin_secret_generation = u32::MAX;
    request.data.as_mut().expect("there is one").instances = 15;
    for stack in stacks(&request) {
        let size = stack.template.to_string().len();
        assert!(size < LARGEST, "{}: {size} bytes", stack.unit);
        assert!(stack.parameters.len() <= MOST_PARAMETERS, "{}", stack.unit);
    }
}

/// What `CloudFormation` would read as a command.
const POISON: [&str; 2] = ["${AWS::AccountId}", "{{resolve:secretsmanager:x}}"];

/// A site all of whose texts are the poison, but for the issuer, which is told apart by its own test.
fn poisoned(poison: &str, eks: bool) -> Request {
    let text = || format!("x{poison}");
    Request {
        owner: Owner::Site { namespace: text(), name: text(), uid: text() },
        cluster: text(),
        region: text(),
        role_arn: Some(text()),
        external_id: Some(text()),
        service_role_arn: Some(text()),
        permissions_boundary_arn: Some(text()),
        tags: [(text(), text())].into(),
        network: Network::Existing {
            vpc_id: text(),
            subnet_ids: vec![text(), text()],
            client_security_group_ids: vec![text()],
        },
        pod_identity: if eks {
            PodIdentity::Eks { cluster_name: text() }
        } else {
            PodIdentity::WebIdentity { provider_arn: format!("{}:oidc-provider/issuer.example.com", text()) }
        },
        service_account: text(),
        data: Some(Data {
            engine_version: text(),
            size: DataSize::Provisioned { instance_class: text() },
            database_name: text(),
            kms_key_arn: Some(text()),
            ..standard().data.expect("a standard site has a database")
        }),
        search: Some(Search { instance_type: text(), instances: 2, storage_gib: 10 }),
        edge: Some(Edge {
            domains: vec![Domain { name: text(), hosted_zone_id: Some(text()) }],
            price_class: text(),
            web_acl_arn: Some(text()),
            log_bucket: Some(text()),
            origin_host: Some(text()),
            origin_secret_generation: 0,
        }),
        ..standard()
    }
}

#[test]
fn no_text_of_a_user_is_in_a_template() {
    for poison in POISON {
        for eks in [true, false] {
            let mut request = poisoned(poison, eks);
            let dedicated = Request { network: Network::Dedicated { cidr: format!("x{poison}") }, ..request.clone() };
            let mut outputs = outputs();
            for value in outputs.values_mut().flat_map(|outputs| outputs.values_mut()) {
                value.push_str(poison);
            }
            for request in [&mut request, &mut dedicated.clone()] {
                for (unit, stack) in desired(request, &outputs) {
                    let stack = stack.unwrap_or_else(|missing| panic!("{unit}: {missing}"));
                    assert!(!holds(&stack.template, poison), "{unit}: {}", stack.template);
                    assert!(!holds(&json!(stack.stack_policy), poison), "{unit}");
                }
            }
        }
    }
}

/// Validation keeps such text out before; this lock holds where it fails.
#[test]
fn no_parameter_would_take_a_command() {
    for (tier, request) in all() {
        for stack in stacks(&request) {
            for (name, parameter) in stack.template["Parameters"].as_object().into_iter().flatten() {
                let pattern = parameter["AllowedPattern"].as_str();
                let closed = pattern.is_some_and(|it| {
                    !it.contains(['$', '{', '}', '!', '^', '\\'])
                        && it.starts_with('[')
                        && it.ends_with(['+', '*'])
                        && it.matches('[').count() == 1
                });
                assert!(closed || parameter["AllowedValues"].is_array(), "{tier} {}: {name}", stack.unit);
            }
        }
    }
}

/// What a parameter holds in these sites is what `CloudFormation` would accept.
#[test]
fn every_value_is_of_its_kind() {
    for (tier, request) in all() {
        for stack in stacks(&request) {
            for (name, value) in &stack.parameters {
                let parameter = &stack.template["Parameters"][name];
                let Some(pattern) = parameter["AllowedPattern"].as_str() else { continue };
                let class = pattern.trim_end_matches(['+', '*']).trim_matches(['[', ']']);
                let list = parameter["Type"] == json!("CommaDelimitedList");
                let allowed = |character: char| {
                    (list && character == ',')
                        || (class.contains("a-z") && character.is_ascii_lowercase())
                        || (class.contains("A-Z") && character.is_ascii_uppercase())
                        || (class.contains("0-9") && character.is_ascii_digit())
                        || class.contains(character)
                };
                assert!(value.chars().all(allowed), "{tier} {}: {name} is {value}", stack.unit);
                assert!(!value.is_empty() || pattern.ends_with('*'), "{tier} {}: {name} is empty", stack.unit);
            }
        }
    }
}

#[test]
fn every_type_of_resource_is_in_the_table_of_what_replaces() {
    for (_, request) in all() {
        for stack in stacks(&request) {
            for resource in stack.template["Resources"].as_object().into_iter().flat_map(|it| it.values()) {
                let kind = resource["Type"].as_str().unwrap_or_default();
                assert!(create_only::properties(kind).is_some(), "{kind}: run tests/templates/run --write");
            }
        }
    }
}

/// A name that is fixed stands in the way of its own replacement. Names here are made of the stack's id, or name what is
/// inside of something that has no fixed name.
#[test]
fn nothing_that_could_be_replaced_has_a_fixed_name() {
    let names = [
        "BucketName",
        "DBClusterIdentifier",
        "DBClusterParameterGroupName",
        "DBInstanceIdentifier",
        "DBSubnetGroupName",
        "DomainName",
        "FunctionName",
        "GroupName",
        "LogGroupName",
        "Name",
        "RoleName",
        "TopicName",
    ];
    for (tier, request) in all() {
        for stack in stacks(&request) {
            for (id, resource) in stack.template["Resources"].as_object().into_iter().flatten() {
                for name in names {
                    let value = &resource["Properties"][name];
                    assert!(!value.is_string(), "{tier} {}: {id} is named {value}", stack.unit);
                }
            }
        }
    }
}

#[test]
fn every_policy_of_deletion_comes_with_one_of_replacement_and_the_other_way_round() {
    for (tier, request) in all() {
        for stack in stacks(&request) {
            for (id, resource) in stack.template["Resources"].as_object().into_iter().flatten() {
                let both = [&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]].map(Value::is_string);
                assert_eq!(both[0], both[1], "{tier} {}: {id}", stack.unit);
            }
        }
    }
}

#[test]
fn what_holds_data_is_kept_as_the_site_says() {
    // Unit, resource, and for Retain, Snapshot and Delete what becomes of it when the stack is deleted and when replaced.
    let expected = [
        (Unit::Data, "Cluster", [("Retain", "Retain"), ("Snapshot", "Snapshot"), ("Delete", "Snapshot")]),
        (Unit::Media, "Bucket", [("Retain", "Retain"), ("Retain", "Retain"), ("Delete", "Retain")]),
        (Unit::Search, "Domain", [("Retain", "Retain"), ("Delete", "Retain"), ("Delete", "Retain")]),
        (Unit::Data, "Secret", [("Retain", "Retain"), ("Delete", "Retain"), ("Delete", "Retain")]),
        (Unit::Data, "Instance1", [("Delete", "Delete"), ("Delete", "Delete"), ("Delete", "Delete")]),
        // What a retained cluster stands on cannot go either.
        (Unit::Data, "SubnetGroup", [("Retain", "Delete"), ("Delete", "Delete"), ("Delete", "Delete")]),
        (Unit::Network, "Vpc", [("Retain", "Delete"), ("Delete", "Delete"), ("Delete", "Delete")]),
    ];
    let policies = [DeletionPolicy::Retain, DeletionPolicy::Snapshot, DeletionPolicy::Delete];
    for (unit, id, fates) in expected {
        for (policy, (deleted, replaced)) in policies.into_iter().zip(fates) {
            let mut request = Request { deletion_policy: policy, ..scale() };
            request.data.as_mut().expect("there is one").credentials = AuroraCredentials::Generated;
            let stack = super::requests::stack(&request, unit);
            let resource = &stack.template["Resources"][id];
            assert_eq!(resource["DeletionPolicy"], json!(deleted), "{id} with {policy:?}");
            assert_eq!(resource["UpdateReplacePolicy"], json!(replaced), "{id} with {policy:?}");
        }
    }
}
