//! The part of the policy for the service, and for the roles that service and proxy are given.

use serde_json::Value;

use super::{ABSENT, Scope, Statement, data};
use crate::{
    engine::Resource as _,
    resources::{
        auto_scaling::AutoScaling,
        facts::Facts,
        function::{self, Function},
        role::Role,
        service::Service,
        vpc_connector::VpcConnector,
    },
};

const MAKE: &[&str] =
    &["apprunner:CreateAutoScalingConfiguration", "apprunner:CreateService", "apprunner:CreateVpcConnector"];

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

/// What gives a role rights.
const GRANT: &[&str] = &["iam:CreateRole", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"];

/// What gives it none. Nothing of infra attaches a policy; one that somebody has attached is detached.
const ROLE: &[&str] = &[
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:TagRole",
    "iam:UntagRole",
];

pub(super) fn statements(scope: &Scope<'_>) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut passed_to = data::passed_to(scope);
    if scope.has(Service::KIND) {
        passed_to.push("apprunner.amazonaws.com".into());
        statements.extend(service(scope));
    }
    if scope.has(Function::KIND) {
        passed_to.push(function::PRINCIPAL.into());
    }
    let Some(role) = scope.all::<Role>().next() else { return statements };
    let Facts { partition, account, .. } = scope.facts;
    let ours = || [format!("arn:{partition}:iam::{account}:role{}*", role.path)];
    let mut grant = Statement::new("RolesGrant", GRANT).on(ours());
    if let Some(boundary) = &role.permissions_boundary {
        grant = grant.also("iam:PutRolePermissionsBoundary");
        grant = grant.when(("iam:PermissionsBoundary".to_owned(), boundary.as_str().into()));
    }
    statements.extend([
        grant,
        Statement::new("Roles", ROLE).on(ours()),
        Statement::new("RolesPass", &["iam:PassRole"])
            .on(ours())
            .when(("iam:PassedToService".to_owned(), Value::Array(passed_to))),
    ]);
    statements
}

fn service(scope: &Scope<'_>) -> Vec<Statement> {
    let services: Vec<&str> = scope.all().map(|service: &Service| service.name.as_str()).collect();
    // Each has eight digits of its own after its name.
    let connectors = scope.all().map(|connector: &VpcConnector| format!("vpcconnector/{}-????????/*", connector.name));
    let scalings = scope.all().map(|scaling: &AutoScaling| format!("autoscalingconfiguration/{}/*", scaling.name));
    let named = services.iter().map(|name| format!("service/{name}/*")).chain(connectors).chain(scalings);
    let named: Vec<String> = named.map(|name| scope.arn("apprunner", &name)).collect();
    let logs = services.iter().map(|name| scope.arn("logs", &format!("log-group:/aws/apprunner/{name}/*")));
    let names_parameters = |service: &Service| {
        service.secrets.values().any(|secret| secret.as_value().is_some_and(|arn| arn.contains(":ssm:")))
    };
    // AWS scopes this list by no resource.
    let parameters = scope.all().any(names_parameters);
    let parameters =
        parameters.then(|| Statement::new("ServiceParameters", &["ssm:DescribeParameters"]).on(["*".to_owned()]));
    let mut statements = vec![
        Statement::new("ServiceMake", MAKE).on(named.clone()).when(scope.becomes_ours()),
        Statement::new("ServiceTag", &["apprunner:TagResource"])
            .on(named.clone())
            .when(scope.becomes_ours())
            .compared(ABSENT, scope.is_nobodys()),
        Statement::new("ServiceChange", CHANGE).on(named).when(scope.is_ours()),
        Statement::new("ServiceLogs", &["logs:DescribeLogStreams", "logs:GetLogEvents"]).on(logs),
        scope.service_linked("ServiceService", &["apprunner.amazonaws.com", "networking.apprunner.amazonaws.com"]),
    ];
    statements.extend(parameters);
    statements
}
