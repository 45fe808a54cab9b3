//! What the credentials of a deploy have to be allowed: the least that diffs, deploys and destroys one stack.
//!
//! Three rules scope it. What is made must be tagged with the stack in the call that makes it; what is changed or
//! deleted must carry that tag; and where AWS wants names or paths, they begin with the stack's. What AWS can scope by
//! none of these (lists, a proxy's target group, a rule of a security group) is told so below.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/>

mod data;
mod network;
mod service;

use serde_json::{Map, Value, json};

use crate::{
    engine::{Desired, identity},
    resources::facts::Facts,
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
    statements.extend(service::statements(&scope));
    let statements: Vec<Value> = statements.into_iter().map(Statement::json).collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Every list and description. AWS scopes few of them, and each run looks at every kind: what is there and not asked
/// for any more is found by that.
const READS: &[&str] = &[
    "sts:GetCallerIdentity",
    "ec2:DescribeAddresses",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeNatGateways",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcs",
    "rds:DescribeDBClusterParameterGroups",
    "rds:DescribeDBClusterParameters",
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

impl Statement {
    fn new(sid: &'static str, actions: &[&'static str]) -> Self {
        Self { sid, actions: actions.to_vec(), resources: Vec::new(), conditions: Map::new() }
    }

    fn on(mut self, resources: impl IntoIterator<Item = String>) -> Self {
        self.resources.extend(resources);
        self
    }

    fn when(mut self, (key, value): (String, Value)) -> Self {
        self.conditions.insert(key, value);
        self
    }

    fn json(self) -> Value {
        let mut statement =
            json!({"Sid": self.sid, "Effect": "Allow", "Action": self.actions, "Resource": self.resources});
        if !self.conditions.is_empty() {
            statement["Condition"] = json!({"StringEquals": self.conditions});
        }
        statement
    }
}
