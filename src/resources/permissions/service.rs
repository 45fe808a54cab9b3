//! The part of the policy for the service, and for the roles that service and proxy are given.

use serde_json::{Value, json};

use super::{Scope, Statement, data};
use crate::{
    engine::Resource as _,
    resources::{facts::Facts, role::Role, service::Service},
};

const MAKE: &[&str] = &[
    "apprunner:CreateAutoScalingConfiguration",
    "apprunner:CreateService",
    "apprunner:CreateVpcConnector",
    "apprunner:TagResource",
];

const CHANGE: &[&str] = &[
    "apprunner:CreateService",
    "apprunner:DeleteAutoScalingConfiguration",
    "apprunner:DeleteService",
    "apprunner:DeleteVpcConnector",
    "apprunner:ResumeService",
    "apprunner:TagResource",
    "apprunner:UntagResource",
    "apprunner:UpdateService",
];

const ROLE: &[&str] = &[
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:ListRoleTags",
    "iam:PutRolePolicy",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
];

pub(super) fn statements(scope: &Scope<'_>) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut passed_to = data::passed_to(scope);
    if scope.has(Service::KIND) {
        passed_to.push("apprunner.amazonaws.com".into());
        let kinds = ["service", "vpcconnector", "autoscalingconfiguration"];
        let named = || kinds.map(|kind| scope.arn("apprunner", &format!("{kind}/{}-*/*", scope.name)));
        statements.extend([
            Statement::new("ServiceMake", MAKE).on(named()).when(scope.becomes_ours()),
            Statement::new("ServiceChange", CHANGE).on(named()).when(scope.is_ours()),
            Statement::new("ServiceLogs", &["logs:DescribeLogStreams", "logs:GetLogEvents"])
                .on([scope.arn("logs", &format!("log-group:/aws/apprunner/{}-*", scope.name))]),
            scope.service_linked("ServiceService", &["apprunner.amazonaws.com", "networking.apprunner.amazonaws.com"]),
        ]);
    }
    let roles = || scope.desired.iter().filter_map(|one| one.spec::<Role>());
    let Some(path) = roles().next().map(|role| role.path.clone()) else { return statements };
    let Facts { partition, account, .. } = scope.facts;
    let ours = format!("arn:{partition}:iam::{account}:role{path}*");
    statements.extend([
        Statement::new("Roles", ROLE).on([ours.clone()]),
        Statement::new("RolesPass", &["iam:PassRole"])
            .on([ours.clone()])
            .when(("iam:PassedToService".to_owned(), Value::Array(passed_to))),
    ]);
    let managed: Vec<&String> = roles().flat_map(|role| &role.managed_policies).collect();
    if !managed.is_empty() {
        let attach = Statement::new("RolesAttach", &["iam:AttachRolePolicy", "iam:DetachRolePolicy"]);
        statements.push(attach.on([ours]).when(("iam:PolicyARN".to_owned(), json!(managed))));
    }
    statements
}
