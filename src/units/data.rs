//! The Aurora `MySQL` cluster.

use super::network::{Place, Standing, stand};
use super::policy::{LOG_RETENTION_DAYS, allow, boundary, companion, document, grant, log_group, optional};
use super::request::{Data, DataSize, Request};
use crate::api::aws::AuroraCredentials;
use crate::api::site::DeletionPolicy;
use crate::cloudformation::template::{
    Fate, Kind, Pseudo, Resource, ResourceHandle, Template, TemplateBuilder, Value, object,
};

const PORT: i32 = 3306;
const ENGINE: &str = "aurora-mysql";
/// Of every Aurora `MySQL` 3: <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Updates.30Updates.html>.
const FAMILY: &str = "aurora-mysql8.0";
/// Not `admin` or `root`, which are what is tried first.
const USER_NAME: &str = "wordpress";
/// Lets RDS write the figures of the operating system:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Monitoring.OS.Enabling.html>.
const MONITORING_POLICY: &str = ":iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole";
/// The logs that are kept: what went wrong, and which statements are slow.
const LOGS: [(&str, &str); 2] = [("ErrorLogs", "error"), ("SlowQueryLogs", "slowquery")];

/// What the unit takes from others.
pub(super) struct Inputs {
    /// Where it stands.
    pub(super) place: Place,
    /// Of the site's pods.
    pub(super) role_name: String,
}

/// The cluster, encrypted, reached over TLS by the site's pods alone.
pub(super) fn template(request: &Request, data: &Data, inputs: Inputs) -> Template {
    let mut builder = TemplateBuilder::new("Tairyo: the database of a site.");
    let policy = request.deletion_policy;
    let standing = stand(&mut builder, request, &inputs.place, PORT, "The database of the site");
    let secret = match data.credentials {
        AuroraCredentials::Managed => None,
        AuroraCredentials::Generated => Some(generated_secret(&mut builder, policy)),
    };
    let cluster = cluster(&mut builder, data, policy, &standing, secret.as_ref());
    let secret_arn = if let Some(secret) = &secret {
        let attachment = object! {"SecretId": secret, "TargetId": &cluster, "TargetType": "AWS::RDS::DBCluster"};
        let attachment = Resource::new("AWS::SecretsManager::SecretTargetAttachment", attachment);
        builder.resource("SecretAttachment", companion(attachment, policy));
        Value::attribute(secret, "Id")
    } else {
        Value::attribute(&cluster, "MasterUserSecret.SecretArn")
    };

    let logs = LOGS.map(|(id, log)| {
        let name = Value::join("", ["/aws/rds/cluster/".into(), Value::from(&cluster), "/".into(), log.into()]);
        let properties = object! {"LogGroupName": name, "RetentionInDays": LOG_RETENTION_DAYS};
        builder.resource(id, log_group(properties, policy))
    });
    instances(&mut builder, request, data, &cluster, &logs);

    grant(&mut builder, inputs.role_name, "data", vec![allow(["secretsmanager:GetSecretValue"], [secret_arn.clone()])]);
    builder.output("Host", Value::attribute(&cluster, "Endpoint.Address"));
    builder.output("Port", Value::attribute(&cluster, "Endpoint.Port"));
    builder.output("SecretArn", secret_arn);
    builder.output("ClusterIdentifier", &cluster);
    builder.output("SecurityGroupId", Value::attribute(&standing.security_group, "GroupId"));
    builder.finish()
}

/// A secret whose password is made once. It is under the account's own key of Secrets Manager: a key of the class would
/// need rights of the pods on it, and who may read the secret is already said by its ARN.
fn generated_secret(builder: &mut TemplateBuilder, policy: DeletionPolicy) -> ResourceHandle {
    let properties = object! {"GenerateSecretString": object! {
        "SecretStringTemplate": r#"{"username":"wordpress"}"#,
        "GenerateStringKey": "password",
        "PasswordLength": 40,
        "ExcludePunctuation": true,
    }};
    let deleted = match policy {
        DeletionPolicy::Retain => Fate::Retain,
        // What restores the snapshot sets a new password.
        DeletionPolicy::Snapshot | DeletionPolicy::Delete => Fate::Delete,
    };
    let secret = Resource::new("AWS::SecretsManager::Secret", properties).fates(deleted, Fate::Retain).protected();
    builder.resource("Secret", secret)
}

fn cluster(
    builder: &mut TemplateBuilder,
    data: &Data,
    policy: DeletionPolicy,
    standing: &Standing,
    secret: Option<&ResourceHandle>,
) -> ResourceHandle {
    let subnets = object! {
        "DBSubnetGroupDescription": "The subnets of the database of the site",
        "SubnetIds": &standing.subnet_ids,
    };
    let subnets = builder.resource("SubnetGroup", companion(Resource::new("AWS::RDS::DBSubnetGroup", subnets), policy));
    let parameters = object! {
        "Description": "The settings of the database of the site",
        "Family": FAMILY,
        "Parameters": object! {
            "require_secure_transport": "ON",
            "character_set_server": "utf8mb4",
            "collation_server": "utf8mb4_unicode_520_ci",
            "slow_query_log": "1",
            "long_query_time": "1",
        },
    };
    let parameters = Resource::new("AWS::RDS::DBClusterParameterGroup", parameters);
    let parameters = builder.resource("ParameterGroup", companion(parameters, policy));

    let version = builder.parameter("EngineVersion", Kind::Name, &data.engine_version);
    let name = builder.parameter("DatabaseName", Kind::Name, &data.database_name);
    let key = optional(builder, "KmsKeyArn", data.kms_key_arn.as_ref());
    let has_key = builder.is_set("HasKmsKey", &key);
    let mut properties = vec![
        ("Engine", Value::from(ENGINE)),
        ("EngineVersion", Value::from(&version)),
        ("DatabaseName", Value::from(&name)),
        ("DBSubnetGroupName", Value::from(&subnets)),
        ("DBClusterParameterGroupName", Value::from(&parameters)),
        ("VpcSecurityGroupIds", [Value::attribute(&standing.security_group, "GroupId")].into()),
        ("StorageEncrypted", true.into()),
        ("KmsKeyId", Value::only_if(&has_key, Value::from(&key))),
        ("EnableIAMDatabaseAuthentication", true.into()),
        ("DeletionProtection", true.into()),
        ("CopyTagsToSnapshot", true.into()),
        ("BackupRetentionPeriod", data.backup_retention_days.into()),
        ("EnableCloudwatchLogsExports", LOGS.map(|(_, log)| log).into()),
        ("MasterUsername", USER_NAME.into()),
    ];
    properties.push(match secret {
        None => ("ManageMasterUserPassword", true.into()),
        Some(secret) => ("MasterUserPassword", Value::secret_field(secret, "password")),
    });
    if let DataSize::Serverless { min, max, auto_pause_seconds } = &data.size {
        let mut scaling = vec![("MinCapacity", Value::from(*min)), ("MaxCapacity", Value::from(*max))];
        scaling.extend(auto_pause_seconds.map(|seconds| ("SecondsUntilAutoPause", seconds.into())));
        properties.push(("ServerlessV2ScalingConfiguration", Value::object(scaling)));
    }
    let (deleted, replaced) = match policy {
        DeletionPolicy::Retain => (Fate::Retain, Fate::Retain),
        DeletionPolicy::Snapshot => (Fate::Snapshot, Fate::Snapshot),
        // Who asks for deletion asks for that of the site, not for that of a database which an update replaces.
        DeletionPolicy::Delete => (Fate::Delete, Fate::Snapshot),
    };
    let cluster = Resource::new("AWS::RDS::DBCluster", Value::object(properties));
    builder.resource("Cluster", cluster.fates(deleted, replaced).protected())
}

/// The instances hold no data: they are deleted also where the cluster stays, which then costs its storage alone.
fn instances(
    builder: &mut TemplateBuilder,
    request: &Request,
    data: &Data,
    cluster: &ResourceHandle,
    logs: &[ResourceHandle],
) {
    let class = match &data.size {
        DataSize::Serverless { .. } => "db.serverless".into(),
        DataSize::Provisioned { instance_class } => {
            Value::from(&builder.parameter("InstanceClass", Kind::Name, instance_class))
        }
    };
    let trust = object! {
        "Effect": "Allow",
        "Principal": object! {"Service": "monitoring.rds.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": object! {"StringEquals": object! {"aws:SourceAccount": Pseudo::AccountId}},
    };
    let managed = ["arn:".into(), Pseudo::Partition.into(), MONITORING_POLICY.into()];
    let boundary = boundary(builder, request.permissions_boundary_arn.as_ref());
    let role = object! {
        "AssumeRolePolicyDocument": document([trust]),
        "ManagedPolicyArns": [Value::join("", managed)],
        "PermissionsBoundary": boundary,
    };
    let role = builder.resource("MonitoringRole", Resource::new("AWS::IAM::Role", role));
    for number in 1..=u64::try_from(data.instances).unwrap_or(1) {
        let properties = object! {
            "DBClusterIdentifier": cluster,
            "Engine": ENGINE,
            "DBInstanceClass": class.clone(),
            "PubliclyAccessible": false,
            // The version is the template's: one that moved by itself would be set back by the next update, which RDS refuses.
            "AutoMinorVersionUpgrade": false,
            "MonitoringInterval": 60,
            "MonitoringRoleArn": Value::attribute(&role, "Arn"),
        };
        let instance = Resource::new("AWS::RDS::DBInstance", properties).fates(Fate::Delete, Fate::Delete);
        // RDS makes the groups of logs itself as soon as an instance writes, and then CloudFormation could not.
        let instance = logs.iter().fold(instance, Resource::after);
        builder.resource(("Instance", number), instance);
    }
}
