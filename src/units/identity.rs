//! The role of the site's pods. It has no rights of its own: each unit gives it those on what the unit owns.

use super::policy::{boundary, document};
use super::request::{PodIdentity, Request};
use super::{Owner, graph::Missing};
use crate::cloudformation::template::{Kind, Plain, Pseudo, Resource, Template, TemplateBuilder, Value, object};

/// What stands before the issuer in the ARN of its provider.
const PROVIDER: &str = ":oidc-provider/";

/// The role, and for the Pod Identity agent what ties it to the service account.
pub(super) fn template(request: &Request) -> Result<Template, Missing> {
    let mut builder = TemplateBuilder::new("Tairyo: the role of a site's pods.");
    let Owner::Site { namespace, .. } = &request.owner;
    let namespace = builder.parameter("Namespace", Kind::Name, namespace);
    let account = builder.parameter("ServiceAccount", Kind::Name, &request.service_account);
    let mut association = None;
    let trust = match &request.pod_identity {
        PodIdentity::WebIdentity { provider_arn } => {
            let provider = builder.parameter("ProviderArn", Kind::Name, provider_arn);
            // The issuer is part of the keys of the conditions, and no key can be a parameter.
            let issuer = provider_arn.split_once(PROVIDER).map(|(_, issuer)| issuer).ok_or(Missing::Issuer)?;
            let key = |claim: &str| Plain::new(format!("{issuer}:{claim}")).map_err(|_| Missing::Issuer);
            let subject = ["system:serviceaccount".into(), Value::from(&namespace), Value::from(&account)];
            let claims = [(key("aud")?, "sts.amazonaws.com".into()), (key("sub")?, Value::join(":", subject))];
            object! {
                "Effect": "Allow",
                "Principal": object! {"Federated": &provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": object! {"StringEquals": Value::object_of_plain_keys(claims)},
            }
        }
        // The agent sends whom it works for as tags of the session:
        // https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html
        PodIdentity::Eks { cluster_name } => {
            let cluster = builder.parameter("ClusterName", Kind::Name, cluster_name);
            let tags = object! {
                "aws:SourceAccount": Pseudo::AccountId,
                "aws:RequestTag/eks-cluster-name": &cluster,
                "aws:RequestTag/kubernetes-namespace": &namespace,
                "aws:RequestTag/kubernetes-service-account": &account,
            };
            association = Some(cluster);
            object! {
                "Effect": "Allow",
                "Principal": object! {"Service": "pods.eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": object! {"StringEquals": tags},
            }
        }
    };
    let boundary = boundary(&mut builder, request.permissions_boundary_arn.as_ref());
    let role = object! {"AssumeRolePolicyDocument": document([trust]), "PermissionsBoundary": boundary};
    let role = builder.resource("Role", Resource::new("AWS::IAM::Role", role));
    if let Some(cluster) = association {
        let association = object! {
            "ClusterName": &cluster,
            "Namespace": &namespace,
            "ServiceAccount": &account,
            "RoleArn": Value::attribute(&role, "Arn"),
        };
        builder.resource("Association", Resource::new("AWS::EKS::PodIdentityAssociation", association));
    }
    builder.output("RoleArn", Value::attribute(&role, "Arn"));
    builder.output("RoleName", &role);
    Ok(builder.finish())
}
