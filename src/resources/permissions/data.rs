//! The database's part of the policy.

use serde_json::Value;

use super::{ABSENT, EQUALS_IF_EXISTS, Scope, Statement};
use crate::{
    engine::Resource as _,
    resources::{
        cluster::Cluster, cluster_parameter_group::ClusterParameterGroup, db_subnet_group::DbSubnetGroup, proxy::Proxy,
        secret::Secret,
    },
};

const SECRET: &[&str] = &[
    "secretsmanager:CreateSecret",
    "secretsmanager:DeleteResourcePolicy",
    "secretsmanager:DeleteSecret",
    "secretsmanager:GetResourcePolicy",
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "secretsmanager:RestoreSecret",
    "secretsmanager:TagResource",
    "secretsmanager:UntagResource",
    "secretsmanager:UpdateSecret",
    "secretsmanager:UpdateSecretVersionStage",
];

const MAKE: &[&str] =
    &["rds:CreateDBCluster", "rds:CreateDBClusterParameterGroup", "rds:CreateDBInstance", "rds:CreateDBSubnetGroup"];

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
    // AWS adds six random characters to a secret's name.
    let secrets: Vec<String> = scope
        .all()
        .map(|secret: &Secret| scope.arn("secretsmanager", &format!("secret:{}-??????", secret.name)))
        .collect();
    if !secrets.is_empty() {
        statements.push(Statement::new("Secret", SECRET).on(secrets));
    }
    statements.extend(keys(scope));
    if scope.has(Cluster::KIND) {
        statements.extend(database(scope));
    }
    if scope.has(Proxy::KIND) {
        statements.extend(proxy(scope));
    }
    statements
}

/// What the two services do in the caller's name with the keys of the description.
fn keys(scope: &Scope<'_>) -> Vec<Statement> {
    let of_secrets = scope.all().map(|secret: &Secret| secret.kms_key.clone()).filter(|key| !key.is_empty()).collect();
    let of_clusters = scope.all().filter_map(|cluster: &Cluster| cluster.kms_key.clone()).collect();
    let uses: [(_, &[_], _, Vec<String>); 2] = [
        ("SecretKey", &["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], "secretsmanager", of_secrets),
        ("DatabaseKey", &["kms:CreateGrant", "kms:DescribeKey"], "rds", of_clusters),
    ];
    let used = uses.into_iter().filter(|(.., keys)| !keys.is_empty());
    used.map(|(sid, actions, service, keys)| {
        Statement::new(sid, actions)
            .on(keys)
            .when(("kms:ViaService".to_owned(), scope.facts.endpoint_of(service).into()))
    })
    .collect()
}

fn database(scope: &Scope<'_>) -> Vec<Statement> {
    let mut named: Vec<String> = servers(scope).collect();
    // A group is named by its family, and that by the engine's major version, which AWS raises at the end of its support.
    let of_any_major = |group: &ClusterParameterGroup| {
        format!("cluster-pg:{}??", group.name.trim_end_matches(|c: char| c.is_ascii_digit()))
    };
    named.extend(scope.all().map(of_any_major).map(|name| scope.arn("rds", &name)));
    named.extend(scope.all().map(|group: &DbSubnetGroup| scope.arn("rds", &format!("subgrp:{}", group.name))));
    // Named by the time of its making.
    let snapshots = scope.all().map(|cluster: &Cluster| format!("cluster-snapshot:{}-final-*", cluster.identifier));
    let snapshots = snapshots.map(|name| scope.arn("rds", &name));
    let sets_parameters = |group: &ClusterParameterGroup| group.parameters.len() > 1;
    // AWS scopes this list by no resource.
    let families = scope.all().any(sets_parameters).then(|| {
        Statement::new("DatabaseFamilies", &["rds:DescribeEngineDefaultClusterParameters"]).on(["*".to_owned()])
    });
    let mut statements = vec![
        Statement::new("DatabaseMake", MAKE).on(named.clone()).when(scope.becomes_ours()),
        // Whatever has an engine has its default groups, which belong to AWS and carry no tags.
        Statement::new(
            "DatabaseDefaults",
            &["rds:CreateDBCluster", "rds:CreateDBInstance", "rds:ModifyDBCluster", "rds:ModifyDBInstance"],
        )
        .on(scope.arns("rds", ["og:default*", "pg:default*"])),
        Statement::new("DatabaseTag", &["rds:AddTagsToResource"])
            .on(named.clone())
            .when(scope.becomes_ours())
            .compared(ABSENT, scope.is_nobodys()),
        Statement::new("DatabaseChange", CHANGE).on(named).when(scope.is_ours()),
        // RDS gives a final snapshot its cluster's tags, after its creation was allowed.
        Statement::new(
            "DatabaseSnapshot",
            &["rds:CreateDBClusterSnapshot", "rds:DeleteDBCluster", "rds:AddTagsToResource"],
        )
        .on(snapshots),
        scope.service_linked("DatabaseService", &["rds.amazonaws.com"]),
    ];
    statements.extend(families);
    statements
}

/// Cluster and instances. Readers come and go by their number, of which AWS allows two digits.
fn servers<'a>(scope: &'a Scope<'_>) -> impl Iterator<Item = String> + 'a {
    let names = scope.all().flat_map(|cluster: &Cluster| {
        let name = &cluster.identifier;
        [format!("cluster:{name}"), format!("db:{name}-?"), format!("db:{name}-??")]
    });
    names.map(|name| scope.arn("rds", &name))
}

/// A proxy's ARN has an id of AWS's in place of its name, so only tags scope it: what no stack has tagged can be taken
/// for one that is just being made.
fn proxy(scope: &Scope<'_>) -> Vec<Statement> {
    let proxies = || scope.arns("rds", ["db-proxy:*"]);
    let region = ("aws:RequestedRegion".to_owned(), scope.facts.region.as_str().into());
    vec![
        // AWS scopes the making of a proxy by no resource.
        Statement::new("ProxyMake", &["rds:CreateDBProxy"])
            .on(["*".to_owned()])
            .when(scope.becomes_ours())
            .when(region),
        Statement::new("ProxyTag", &["rds:AddTagsToResource"])
            .on(proxies())
            .when(scope.becomes_ours())
            .compared(ABSENT, scope.is_nobodys()),
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
        .on(proxies())
        .when(scope.is_ours()),
        // A target group comes with its proxy, and has an id of AWS's. Nothing says that it gets the proxy's tags, so
        // only what carries another stack's can be left out.
        Statement::new(
            "ProxyTargets",
            &["rds:ModifyDBProxyTargetGroup", "rds:RegisterDBProxyTargets", "rds:DeregisterDBProxyTargets"],
        )
        .on([scope.arn("rds", "target-group:*")])
        .on(servers(scope))
        .compared(EQUALS_IF_EXISTS, scope.is_ours()),
    ]
}

/// What `iam:PassRole` may be used for.
pub(super) fn passed_to(scope: &Scope<'_>) -> Vec<Value> {
    if scope.has(Proxy::KIND) { vec!["rds.amazonaws.com".into()] } else { Vec::new() }
}
