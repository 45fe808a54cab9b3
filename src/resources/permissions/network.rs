//! The network's part of the policy.

use serde_json::json;

use super::{Scope, Statement};
use crate::{
    engine::Resource as _,
    resources::{elastic_ip::ElasticIp, nat_gateway::NatGateway, vpc_endpoint::VpcEndpoint},
};

/// What is done to what is there, by the kinds that every network has.
const CHANGE: &[&str] = &[
    "ec2:AssociateRouteTable",
    "ec2:AttachInternetGateway",
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CreateRoute",
    "ec2:CreateRouteTable",
    "ec2:CreateSecurityGroup",
    "ec2:CreateSubnet",
    "ec2:CreateTags",
    "ec2:DeleteInternetGateway",
    "ec2:DeleteRoute",
    "ec2:DeleteRouteTable",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteSubnet",
    "ec2:DeleteTags",
    "ec2:DeleteVpc",
    "ec2:DetachInternetGateway",
    "ec2:DisassociateRouteTable",
    "ec2:ModifySubnetAttribute",
    "ec2:ModifyVpcAttribute",
    "ec2:ReplaceRoute",
    "ec2:ReplaceRouteTableAssociation",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
    "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
];

/// Of these, what also names rules, which carry no tags.
const RULES: &[&str] = &[
    "ec2:AuthorizeSecurityGroupEgress",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
    "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
];

pub(super) fn statements(scope: &Scope<'_>) -> Vec<Statement> {
    let (nat, endpoint) = (scope.has(NatGateway::KIND), scope.has(VpcEndpoint::KIND));
    let mut change = CHANGE.to_vec();
    let mut made =
        vec!["CreateVpc", "CreateInternetGateway", "CreateSubnet", "CreateRouteTable", "CreateSecurityGroup"];
    let mut roots = vec!["ec2:CreateVpc", "ec2:CreateInternetGateway"];
    let mut leaves = Vec::new();
    if scope.has(ElasticIp::KIND) {
        change.push("ec2:ReleaseAddress");
        made.push("AllocateAddress");
        roots.push("ec2:AllocateAddress");
    }
    if nat {
        change.extend(["ec2:CreateNatGateway", "ec2:DeleteNatGateway"]);
        made.push("CreateNatGateway");
        leaves.push("ec2:CreateNatGateway");
    }
    if endpoint {
        change.extend(["ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint", "ec2:DeleteVpcEndpoints"]);
        made.push("CreateVpcEndpoint");
        leaves.push("ec2:CreateVpcEndpoint");
    }
    let mut statements = vec![
        // A creation is asked about twice: about what it makes, below, and here about what it makes it in.
        Statement::new("NetworkChange", &change).on(scope.arns("ec2", ["*/*"])).when(scope.is_ours()),
        Statement::new("NetworkRules", RULES).on(scope.arns("ec2", ["security-group-rule/*"])),
        Statement::new("NetworkMake", &roots)
            .on(scope.arns("ec2", ["vpc/*", "internet-gateway/*", "elastic-ip/*"]))
            .when(scope.becomes_ours()),
        Statement::new("NetworkMakeIn", &["ec2:CreateSubnet", "ec2:CreateRouteTable", "ec2:CreateSecurityGroup"])
            .on(scope.arns("ec2", ["subnet/*", "route-table/*", "security-group/*"]))
            .when(scope.becomes_ours()),
        Statement::new("NetworkTag", &["ec2:CreateTags"])
            .on(scope.arns("ec2", ["*/*"]))
            .when(scope.becomes_ours())
            .when(("ec2:CreateAction".to_owned(), json!(made))),
    ];
    if !leaves.is_empty() {
        let leaves = Statement::new("NetworkMakeAmong", &leaves);
        statements.push(leaves.on(scope.arns("ec2", ["natgateway/*", "vpc-endpoint/*"])).when(scope.becomes_ours()));
    }
    if endpoint {
        // The zone of an endpoint's usual name is AWS's own, and is not known before.
        statements.push(Statement::new("NetworkNames", &["route53:AssociateVPCWithHostedZone"]).on(["*".to_owned()]));
    }
    statements
}
