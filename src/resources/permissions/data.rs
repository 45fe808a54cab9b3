//! The database's part of the policy.

use serde_json::Value;

use super::{Scope, Statement};
use crate::{
    engine::Resource as _,
    resources::{cluster::Cluster, proxy::Proxy, secret::Secret},
};

const SECRET: &[&str] = &[
    "secretsmanager:CreateSecret",
    "secretsmanager:DeleteSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "secretsmanager:RestoreSecret",
    "secretsmanager:TagResource",
    "secretsmanager:UntagResource",
    "secretsmanager:UpdateSecret",
];

const MAKE: &[&str] = &[
    "rds:AddTagsToResource",
    "rds:CreateDBCluster",
    "rds:CreateDBClusterParameterGroup",
    "rds:CreateDBInstance",
    "rds:CreateDBSubnetGroup",
];

const CHANGE: &[&str] = &[
    "rds:AddTagsToResource",
    "rds:CreateDBClusterSnapshot",
    "rds:CreateDBInstance",
    "rds:DeleteDBCluster",
    "rds:DeleteDBClusterParameterGroup",
    "rds:DeleteDBInstance",
    "rds:DeleteDBSubnetGroup",
    "rds:DisableHttpEndpoint",
    "rds:EnableHttpEndpoint",
    "rds:FailoverDBCluster",
    "rds:ModifyDBCluster",
    "rds:ModifyDBClusterParameterGroup",
    "rds:ModifyDBInstance",
    "rds:ModifyDBSubnetGroup",
    "rds:RemoveTagsFromResource",
    "rds:ResetDBClusterParameterGroup",
    "rds:StartDBCluster",
];

pub(super) fn statements(scope: &Scope<'_>) -> Vec<Statement> {
    let mut statements = Vec::new();
    let secrets = scope.desired.iter().filter_map(|one| one.spec::<Secret>());
    // AWS adds six random characters to a secret's name.
    let secrets: Vec<String> =
        secrets.map(|secret| scope.arn("secretsmanager", &format!("secret:{}-??????", secret.name))).collect();
    if !secrets.is_empty() {
        statements.push(Statement::new("Secret", SECRET).on(secrets));
    }
    if scope.has(Cluster::KIND) {
        let named = |kind: &str| scope.arn("rds", &format!("{kind}:{}-*", scope.name));
        let named = || ["cluster", "db", "cluster-pg", "subgrp"].map(named);
        statements.extend([
            Statement::new("DatabaseMake", MAKE)
                .on(named())
                // The option group that every cluster of an engine has.
                .on([scope.arn("rds", "og:default*")])
                .when(scope.becomes_ours()),
            Statement::new("DatabaseChange", CHANGE).on(named()).when(scope.is_ours()),
            // A final snapshot is tagged by RDS, after its creation was allowed.
            Statement::new("DatabaseSnapshot", &["rds:CreateDBClusterSnapshot", "rds:DeleteDBCluster"])
                .on([scope.arn("rds", &format!("cluster-snapshot:{}-*", scope.name))]),
            scope.service_linked("DatabaseService", &["rds.amazonaws.com"]),
        ]);
    }
    if scope.has(Proxy::KIND) {
        // A proxy's ARN has an id of AWS's in place of its name, so only the tag scopes it.
        statements.extend([
            Statement::new("ProxyMake", &["rds:CreateDBProxy", "rds:AddTagsToResource"])
                .on([scope.arn("rds", "db-proxy:*")])
                .when(scope.becomes_ours()),
            Statement::new(
                "ProxyChange",
                &[
                    "rds:AddTagsToResource",
                    "rds:DeleteDBProxy",
                    "rds:DeregisterDBProxyTargets",
                    "rds:ModifyDBProxy",
                    "rds:RegisterDBProxyTargets",
                    "rds:RemoveTagsFromResource",
                ],
            )
            .on([scope.arn("rds", "db-proxy:*")])
            .when(scope.is_ours()),
            // A target group comes with its proxy and has neither a name of its own nor tags.
            Statement::new(
                "ProxyTargets",
                &["rds:ModifyDBProxyTargetGroup", "rds:RegisterDBProxyTargets", "rds:DeregisterDBProxyTargets"],
            )
            .on([scope.arn("rds", "target-group:*")])
            .on(["cluster", "db"].map(|kind| scope.arn("rds", &format!("{kind}:{}-*", scope.name)))),
        ]);
    }
    statements
}

/// What `iam:PassRole` may be used for.
pub(super) fn passed_to(scope: &Scope<'_>) -> Vec<Value> {
    if scope.has(Proxy::KIND) { vec!["rds.amazonaws.com".into()] } else { Vec::new() }
}
