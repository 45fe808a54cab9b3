//! What the credentials of a deploy have to be allowed: the least that diffs, deploys and destroys one stack.
//!
//! Three rules scope it. What is made must be tagged with the stack in the call that makes it, and only what carries no
//! stack's tag can be given it; what is changed or deleted must carry that tag; and where names or paths are known before,
//! they are the stack's own, in full. What AWS can scope by none of these (lists, a proxy's target group, a rule of a
//! security group) is told so below.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/>

mod data;
mod function;
mod network;
mod service;

use serde_json::{Map, Value, json};

use crate::{
    engine::{Desired, Resource, identity},
    resources::{facts::Facts, role::Role},
};

/// The policy for the stack `name`, which asks for `desired`.
pub fn policy(name: &str, desired: &[Desired], facts: &Facts) -> Value {
    let scope = Scope { name, desired, facts };
    let mut statements = vec![
        Statement::new("Look", READS).on(["*".to_owned()]),
        // One deploy at a time.
        Statement::new("Lock", &["ssm:PutParameter", "ssm:GetParameter", "ssm:DeleteParameter"])
            .on(["lock", "lock/*"].map(|end| scope.arn("ssm", &format!("parameter/infra/{name}/{end}")))),
    ];
    statements.extend(network::statements(&scope));
    statements.extend(data::statements(&scope));
    statements.extend(function::statements(&scope));
    statements.extend(service::statements(&scope));
    let statements: Vec<Value> = statements.into_iter().map(Statement::json).collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Whether the policy's holder can give himself any right: he makes roles, and nothing bounds what they may do.
pub fn makes_administrators(desired: &[Desired]) -> bool {
    desired.iter().filter_map(|one| one.spec::<Role>()).any(|role| role.permissions_boundary.is_none())
}

/// Every list and description. AWS scopes few of them, and each run looks at every kind: what is there and not asked
/// for any more is found by that.
const READS: &[&str] = &[
    "sts:GetCallerIdentity",
    "ec2:DescribeAddresses",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeNatGateways",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcs",
    "rds:DescribeDBClusterParameterGroups",
    "rds:DescribeDBClusterParameters",
    "rds:DescribeDBClusterSnapshots",
    "rds:DescribeDBClusters",
    "rds:DescribeDBEngineVersions",
    "rds:DescribeDBInstances",
    "rds:DescribeDBProxies",
    "rds:DescribeDBProxyTargetGroups",
    "rds:DescribeDBProxyTargets",
    "rds:DescribeDBSubnetGroups",
    "rds:DescribeEvents",
    "rds:ListTagsForResource",
    "apprunner:DescribeAutoScalingConfiguration",
    "apprunner:DescribeService",
    "apprunner:ListAutoScalingConfigurations",
    "apprunner:ListOperations",
    "apprunner:ListServices",
    "apprunner:ListTagsForResource",
    "apprunner:ListVpcConnectors",
    "secretsmanager:DescribeSecret",
    "secretsmanager:ListSecrets",
    "iam:ListRoles",
];

/// Whose policy it is.
struct Scope<'a> {
    name: &'a str,
    desired: &'a [Desired],
    facts: &'a Facts,
}

impl Scope<'_> {
    /// Whether the stack asks for anything of a kind.
    fn has(&self, kind: &str) -> bool {
        self.desired.iter().any(|one| one.kind == kind)
    }

    /// What the stack asks for of one kind.
    fn all<R: Resource>(&self) -> impl Iterator<Item = &R> {
        self.desired.iter().filter_map(|one| one.spec())
    }

    /// The ARN of something in the stack's account and region.
    fn arn(&self, service: &str, resource: &str) -> String {
        let Facts { partition, region, account, .. } = self.facts;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    fn arns<const N: usize>(&self, service: &str, resources: [&str; N]) -> [String; N] {
        resources.map(|resource| self.arn(service, resource))
    }

    /// Holds of what carries the stack's tag.
    fn is_ours(&self) -> (String, Value) {
        (format!("aws:ResourceTag/{}", identity::STACK), self.name.into())
    }

    /// Holds of what carries no stack's tag: what is just being made, in a call that tags it.
    fn is_nobodys(&self) -> (String, Value) {
        (format!("aws:ResourceTag/{}", identity::STACK), "true".into())
    }

    /// Holds of a call that gives the stack's tag.
    fn becomes_ours(&self) -> (String, Value) {
        (format!("aws:RequestTag/{}", identity::STACK), self.name.into())
    }

    /// A service-linked role, which AWS wants made once an account, by whoever comes first.
    fn service_linked(&self, sid: &'static str, services: &[&str]) -> Statement {
        let Facts { partition, account, .. } = self.facts;
        let roles =
            services.iter().map(|name| format!("arn:{partition}:iam::{account}:role/aws-service-role/{name}/*"));
        Statement::new(sid, &["iam:CreateServiceLinkedRole"])
            .on(roles)
            .when(("iam:AWSServiceName".to_owned(), json!(services)))
    }
}

/// One statement.
struct Statement {
    sid: &'static str,
    actions: Vec<&'static str>,
    resources: Vec<String>,
    conditions: Map<String, Value>,
}

/// How a condition compares, in IAM's words.
const EQUALS: &str = "StringEquals";
const EQUALS_IF_EXISTS: &str = "StringEqualsIfExists";
const ABSENT: &str = "Null";

impl Statement {
    fn new(sid: &'static str, actions: &[&'static str]) -> Self {
        Self { sid, actions: actions.to_vec(), resources: Vec::new(), conditions: Map::new() }
    }

    fn also(mut self, action: &'static str) -> Self {
        self.actions.push(action);
        self
    }

    fn on(mut self, resources: impl IntoIterator<Item = String>) -> Self {
        self.resources.extend(resources);
        self
    }

    fn when(self, condition: (String, Value)) -> Self {
        self.compared(EQUALS, condition)
    }

    fn compared(mut self, how: &str, (key, value): (String, Value)) -> Self {
        self.conditions.entry(how).or_insert_with(|| json!({}))[key] = value;
        self
    }

    fn json(self) -> Value {
        let mut statement =
            json!({"Sid": self.sid, "Effect": "Allow", "Action": self.actions, "Resource": self.resources});
        if !self.conditions.is_empty() {
            statement["Condition"] = self.conditions.into();
        }
        statement
    }
}
