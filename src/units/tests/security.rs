//! Security, property by property, on what is rendered.
//!
//! The list is the union of what cfn-lint, checkov and the Control Tower rules ask, and of what the systems before this one
//! got wrong.

use serde_json::{Value, json};

use super::requests::{all, scale, small, stack, stacks, standard};
use super::walk::holds;
use crate::units::Unit;

pub(super) fn properties(request: &crate::units::Request, unit: Unit, id: &str) -> Value {
    let properties = stack(request, unit).template["Resources"][id]["Properties"].clone();
    assert!(properties.is_object(), "{unit} has no {id}");
    properties
}

pub(super) fn of_kind(kind: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (tier, request) in all() {
        for stack in stacks(&request) {
            for (id, resource) in stack.template["Resources"].as_object().into_iter().flatten() {
                if resource["Type"] == json!(kind) {
                    found.push((format!("{tier} {} {id}", stack.unit), resource["Properties"].clone()));
                }
            }
        }
    }
    assert!(!found.is_empty(), "no template has {kind}");
    found
}

pub(super) fn expect(place: &str, properties: &Value, expected: &[(&str, Value)]) {
    for (pointer, value) in expected {
        assert_eq!(properties.pointer(pointer), Some(value), "{place}: {pointer}");
    }
}

#[test]
fn a_database_is_encrypted_backed_up_and_protected() {
    for (place, cluster) in of_kind("AWS::RDS::DBCluster") {
        expect(
            &place,
            &cluster,
            &[
                ("/StorageEncrypted", json!(true)),
                ("/EnableIAMDatabaseAuthentication", json!(true)),
                ("/DeletionProtection", json!(true)),
                ("/CopyTagsToSnapshot", json!(true)),
                ("/EnableCloudwatchLogsExports", json!(["error", "slowquery"])),
                ("/KmsKeyId", json!({"Fn::If": ["HasKmsKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]})),
            ],
        );
        assert!(cluster["BackupRetentionPeriod"].as_i64().is_some_and(|days| days >= 7), "{place}");
        assert!(!["admin", "root"].map(Value::from).contains(&cluster["MasterUsername"]), "{place}");
    }
}

#[test]
fn a_database_takes_connections_over_tls_alone() {
    for (place, group) in of_kind("AWS::RDS::DBClusterParameterGroup") {
        expect(&place, &group, &[("/Parameters/require_secure_transport", json!("ON"))]);
    }
}

#[test]
fn no_template_holds_a_password() {
    let managed = properties(&standard(), Unit::Data, "Cluster");
    assert_eq!(managed["ManageMasterUserPassword"], json!(true));
    assert_eq!(managed.get("MasterUserPassword"), None);
    let generated = properties(&small(), Unit::Data, "Cluster");
    assert_eq!(generated.get("ManageMasterUserPassword"), None);
    assert_eq!(
        generated["MasterUserPassword"],
        json!({"Fn::Join": ["", ["{{resolve:secretsmanager:", {"Ref": "Secret"}, ":SecretString:", "password", "}}"]]})
    );
}

#[test]
fn no_instance_is_public_and_all_are_watched() {
    for (place, instance) in of_kind("AWS::RDS::DBInstance") {
        expect(&place, &instance, &[("/PubliclyAccessible", json!(false)), ("/MonitoringInterval", json!(60))]);
    }
}

#[test]
fn only_the_pods_reach_a_database_or_a_search_domain() {
    for (unit, port) in [(Unit::Data, 3306), (Unit::Search, 443)] {
        let group = properties(&standard(), unit, "SecurityGroup");
        let rules = group["SecurityGroupIngress"].as_array().expect("somebody connects");
        assert_eq!(rules.len(), 2, "{unit}");
        for rule in rules {
            let sources = ["CidrIp", "CidrIpv6", "SourcePrefixListId"].map(|source| rule.get(source));
            assert_eq!(sources, [None; 3], "{unit}");
            assert!(holds(&rule["SourceSecurityGroupId"], "ClientSecurityGroupId"), "{unit}");
            assert_eq!((&rule["FromPort"], &rule["ToPort"]), (&json!(port), &json!(port)), "{unit}");
        }
    }
}

#[test]
fn no_rule_of_a_security_group_is_open_or_without_a_description() {
    for (place, group) in of_kind("AWS::EC2::SecurityGroup") {
        let rules = ["SecurityGroupIngress", "SecurityGroupEgress"].map(|way| group[way].as_array());
        let rules: Vec<_> = rules.into_iter().flatten().flatten().collect();
        assert!(!rules.is_empty(), "{place}");
        for rule in rules {
            assert!(rule["Description"].is_string(), "{place}: {rule}");
            assert!(!holds(rule, "0.0.0.0/0") && !holds(rule, "::/0"), "{place}: {rule}");
            // The systems before this one let 22 and 2049 in from everywhere.
            for port in [22, 2049] {
                assert_ne!(rule["FromPort"], json!(port), "{place}");
            }
        }
        // Without a rule everything may go out.
        assert!(group["SecurityGroupEgress"].is_array(), "{place}");
    }
}

#[test]
fn nothing_of_a_network_is_public() {
    let template = stack(&scale(), Unit::Network).template;
    let resources = template["Resources"].as_object().expect("there are some");
    let mut subnets = 0;
    for (id, resource) in resources {
        let kind = resource["Type"].as_str().unwrap_or_default();
        for public in ["InternetGateway", "NatGateway", "EIP", "::Route\0"] {
            assert!(!format!("{kind}\0").contains(public), "{id} is a {kind}");
        }
        if kind == "AWS::EC2::Subnet" {
            subnets += 1;
            assert_eq!(resource["Properties"]["MapPublicIpOnLaunch"], json!(false), "{id}");
        }
    }
    // The systems before this one had everything in one zone.
    assert_eq!(subnets, 3);
}

#[test]
fn a_bucket_is_private_encrypted_and_versioned() {
    for (place, bucket) in of_kind("AWS::S3::Bucket") {
        expect(
            &place,
            &bucket,
            &[
                ("/PublicAccessBlockConfiguration/BlockPublicAcls", json!(true)),
                ("/PublicAccessBlockConfiguration/BlockPublicPolicy", json!(true)),
                ("/PublicAccessBlockConfiguration/IgnorePublicAcls", json!(true)),
                ("/PublicAccessBlockConfiguration/RestrictPublicBuckets", json!(true)),
                ("/OwnershipControls/Rules/0/ObjectOwnership", json!("BucketOwnerEnforced")),
                ("/VersioningConfiguration/Status", json!("Enabled")),
                (
                    "/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault/SSEAlgorithm",
                    json!("AES256"),
                ),
                ("/LifecycleConfiguration/Rules/0/NoncurrentVersionExpiration/NoncurrentDays", json!(30)),
                ("/LifecycleConfiguration/Rules/1/AbortIncompleteMultipartUpload/DaysAfterInitiation", json!(7)),
            ],
        );
    }
}

#[test]
fn a_bucket_answers_over_tls_and_the_sites_own_distribution_alone() {
    let policy = properties(&standard(), Unit::Media, "BucketPolicy");
    let statements = policy["PolicyDocument"]["Statement"].as_array().expect("there are some");
    assert_eq!(statements.len(), 2);
    assert_eq!(statements[0]["Effect"], json!("Deny"));
    assert_eq!(statements[0]["Action"], json!("s3:*"));
    assert_eq!(statements[0]["Condition"], json!({"Bool": {"aws:SecureTransport": "false"}}));
    assert_eq!(statements[0]["Resource"].as_array().map(Vec::len), Some(2));
    let [condition, read, otherwise] = statements[1]["Fn::If"].as_array().map(Vec::as_slice).unwrap_or_default() else {
        panic!("no condition")
    };
    assert_eq!((condition, otherwise), (&json!("HasDistribution"), &json!({"Ref": "AWS::NoValue"})));
    assert_eq!(read["Principal"], json!({"Service": "cloudfront.amazonaws.com"}));
    assert_eq!(read["Action"], json!("s3:GetObject"));
    assert_eq!(read["Condition"], json!({"StringEquals": {"AWS:SourceArn": {"Ref": "DistributionArn"}}}));
}

#[test]
fn a_search_domain_is_encrypted_private_and_the_pods_alone() {
    for (place, domain) in of_kind("AWS::OpenSearchService::Domain") {
        expect(
            &place,
            &domain,
            &[
                ("/EncryptionAtRestOptions/Enabled", json!(true)),
                ("/NodeToNodeEncryptionOptions/Enabled", json!(true)),
                ("/DomainEndpointOptions/EnforceHTTPS", json!(true)),
                ("/DomainEndpointOptions/TLSSecurityPolicy", json!("Policy-Min-TLS-1-2-PFS-2023-10")),
                ("/AdvancedSecurityOptions/Enabled", json!(true)),
                ("/AdvancedSecurityOptions/InternalUserDatabaseEnabled", json!(false)),
                ("/AdvancedSecurityOptions/MasterUserOptions/MasterUserARN", json!({"Ref": "RoleArn"})),
                ("/AccessPolicies/Statement/0/Principal", json!({"AWS": {"Ref": "RoleArn"}})),
                ("/LogPublishingOptions/AUDIT_LOGS/Enabled", json!(true)),
                ("/LogPublishingOptions/ES_APPLICATION_LOGS/Enabled", json!(true)),
            ],
        );
        assert_eq!(domain["AccessPolicies"]["Statement"].as_array().map(Vec::len), Some(1), "{place}");
        let subnets = domain["VPCOptions"]["SubnetIds"].as_array().map(Vec::len);
        let zones = &domain["ClusterConfig"]["ZoneAwarenessConfig"]["AvailabilityZoneCount"];
        assert_eq!(subnets.map(|it| json!(it)).as_ref(), Some(zones), "{place}");
    }
    let template = stack(&scale(), Unit::Search).template;
    assert_eq!(template["Resources"]["Domain"]["UpdatePolicy"], json!({"EnableVersionUpgrade": true}));
}

#[test]
fn a_single_node_has_one_subnet_and_no_zones() {
    let mut request = standard();
    request.search.as_mut().expect("there is one").instances = 1;
    let domain = properties(&request, Unit::Search, "Domain");
    assert_eq!(domain["VPCOptions"]["SubnetIds"].as_array().map(Vec::len), Some(1));
    assert_eq!(domain["ClusterConfig"]["ZoneAwarenessEnabled"], json!(false));
    assert_eq!(domain["ClusterConfig"].get("ZoneAwarenessConfig"), None);
}

#[test]
fn logs_are_not_kept_for_ever() {
    for (place, group) in of_kind("AWS::Logs::LogGroup") {
        expect(&place, &group, &[("/RetentionInDays", json!(30))]);
    }
}

#[test]
fn the_rights_of_the_pods_are_on_what_the_site_owns() {
    for (place, policy) in of_kind("AWS::IAM::Policy") {
        let statements = policy["PolicyDocument"]["Statement"].as_array().expect("there are some");
        for statement in statements {
            assert_eq!(statement["Effect"], json!("Allow"), "{place}");
            for action in statement["Action"].as_array().expect("a list") {
                let action = action.as_str().unwrap_or_default();
                assert!(action.contains(':') && !action.contains('*'), "{place}: {action}");
            }
            for resource in statement["Resource"].as_array().expect("a list") {
                assert!(resource.is_object(), "{place}: {resource} names no resource of the stack");
                assert!(super::walk::references(resource).names.iter().any(|it| !it.starts_with("AWS::")), "{place}");
            }
        }
    }
}

#[test]
fn the_role_of_the_pods_has_no_rights_of_its_own() {
    for request in [standard(), scale()] {
        let role = properties(&request, Unit::Identity, "Role");
        assert_eq!(["Policies", "ManagedPolicyArns"].map(|key| role.get(key)), [None; 2]);
    }
}

#[test]
fn the_token_of_one_service_account_alone_becomes_the_role() {
    let role = properties(&standard(), Unit::Identity, "Role");
    let statement = &role["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(statement["Action"], json!("sts:AssumeRoleWithWebIdentity"));
    assert_eq!(statement["Principal"], json!({"Federated": {"Ref": "ProviderArn"}}));
    assert_eq!(
        statement["Condition"],
        json!({"StringEquals": {
            "issuer.example.com/id:aud": "sts.amazonaws.com",
            "issuer.example.com/id:sub":
                {"Fn::Join": [":", ["system:serviceaccount", {"Ref": "Namespace"}, {"Ref": "ServiceAccount"}]]},
        }})
    );
}

#[test]
fn the_pod_identity_of_one_service_account_alone_becomes_the_role() {
    let role = properties(&scale(), Unit::Identity, "Role");
    let statement = &role["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(statement["Principal"], json!({"Service": "pods.eks.amazonaws.com"}));
    assert_eq!(statement["Action"], json!(["sts:AssumeRole", "sts:TagSession"]));
    let equals = &statement["Condition"]["StringEquals"];
    assert_eq!(equals["aws:RequestTag/eks-cluster-name"], json!({"Ref": "ClusterName"}));
    assert_eq!(equals["aws:RequestTag/kubernetes-namespace"], json!({"Ref": "Namespace"}));
    assert_eq!(equals["aws:RequestTag/kubernetes-service-account"], json!({"Ref": "ServiceAccount"}));
    let association = properties(&scale(), Unit::Identity, "Association");
    assert_eq!(association["Namespace"], json!({"Ref": "Namespace"}));
    assert_eq!(association["ServiceAccount"], json!({"Ref": "ServiceAccount"}));
}

#[test]
fn every_role_has_the_boundary_of_the_class_and_lets_no_other_account_in() {
    for (place, role) in of_kind("AWS::IAM::Role") {
        let boundary = json!({"Fn::If": [
            "HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"},
        ]});
        assert_eq!(role["PermissionsBoundary"], boundary, "{place}");
        let statement = &role["AssumeRolePolicyDocument"]["Statement"][0];
        if statement["Principal"].get("Service").is_some() {
            let account = &statement["Condition"]["StringEquals"]["aws:SourceAccount"];
            assert_eq!(account, &json!({"Ref": "AWS::AccountId"}), "{place}");
        }
    }
}

#[test]
fn the_certificate_is_of_all_domains_and_validated_where_the_zone_is_ours() {
    let certificate = properties(&standard(), Unit::Certificate, "Certificate");
    assert_eq!(certificate["ValidationMethod"], json!("DNS"));
    assert_eq!(certificate["DomainName"], json!({"Ref": "Domain1"}));
    assert_eq!(certificate["SubjectAlternativeNames"], json!([{"Ref": "Domain2"}, {"Ref": "Domain3"}]));
    assert_eq!(
        certificate["DomainValidationOptions"],
        json!([
            {"DomainName": {"Ref": "Domain1"}, "HostedZoneId": {"Ref": "HostedZone1"}},
            {"DomainName": {"Ref": "Domain2"}, "HostedZoneId": {"Ref": "HostedZone1"}},
        ])
    );
}

#[test]
fn a_database_pauses_scales_or_stands_as_it_is_asked_to() {
    let cluster = properties(&standard(), Unit::Data, "Cluster");
    let scaling = json!({"MinCapacity": 0.0, "MaxCapacity": 8.0, "SecondsUntilAutoPause": 600});
    assert_eq!(cluster["ServerlessV2ScalingConfiguration"], scaling);
    assert_eq!(properties(&standard(), Unit::Data, "Instance2")["DBInstanceClass"], json!("db.serverless"));
    let cluster = properties(&scale(), Unit::Data, "Cluster");
    assert_eq!(cluster.get("ServerlessV2ScalingConfiguration"), None);
    assert_eq!(properties(&scale(), Unit::Data, "Instance3")["DBInstanceClass"], json!({"Ref": "InstanceClass"}));
}
