//! The function that applies the migrations from inside the VPC, and what it needs.

use std::{collections::BTreeMap, sync::Arc};

use super::Expansion;
use crate::{
    engine::{Anything, Ref},
    resources::{
        function::{self, Function, PRINCIPAL},
        proxy::{PROXY_PORT, Proxy},
        role::{Role, Statement},
        secret::Secret,
        subnet::Subnet,
    },
    runner::bound,
    stack::Runner,
};

/// The name of the function, its role and its security group.
pub(super) const NAME: &str = function::NAME;

/// Enough for a connection and the largest folder; processor time goes with it.
const MEMORY_MB: i32 = 512;
/// The most that Lambda takes.
const TIMEOUT_SECONDS: i32 = 15 * 60;

/// What a function in a VPC has to be allowed, as AWS's own AWSLambdaVPCAccessExecutionRole; EC2 scopes none of it.
const INTERFACES: &[&str] = &[
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
];

impl Expansion<'_> {
    /// Whether the migrations are applied by a function.
    pub(super) fn has_runner(&self) -> bool {
        self.description.migrations.as_ref().is_some_and(|migrations| migrations.runner == Runner::Lambda)
            && self.description.proxy.is_some()
    }

    pub(super) fn runner(&mut self, subnets: Vec<Ref<Subnet>>, dbname: &str) {
        if !self.has_runner() {
            return;
        }
        let name = self.named(NAME);
        let mut statements = self.reading(vec![Ref::<Secret>::to(super::data::NAME).erase()], &[], &["secretsmanager"]);
        let facts = self.facts;
        let group =
            format!("arn:{}:logs:{}:{}:log-group:/aws/lambda/{name}", facts.partition, facts.region, facts.account);
        let logs: Vec<Ref<Anything>> = vec![Ref::value(&group), Ref::value(format!("{group}:*"))];
        statements.push(Statement::new(&["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], logs));
        statements.push(Statement::new(INTERFACES, vec![Ref::value("*")]));
        let role = Role {
            name: self.role_name(NAME),
            path: self.role_path(),
            trusts: vec![PRINCIPAL.to_owned()],
            statements,
            managed_policies: vec![],
            permissions_boundary: self.permissions_boundary(),
        };
        self.add(NAME, role);
        let package = self.facts.package.as_ref();
        let function = Function {
            name,
            role: Ref::to(NAME).output("arn"),
            runtime: "provided.al2023".to_owned(),
            architecture: package.map_or("", |package| package.architecture).to_owned(),
            handler: "bootstrap".to_owned(),
            memory_mb: MEMORY_MB,
            timeout_seconds: TIMEOUT_SECONDS,
            subnets,
            security_groups: vec![Ref::to(NAME)],
            environment: self.bound(dbname),
            kms_key_arn: String::new(),
            layers: vec![],
            code: package.map_or_else(String::new, |package| package.sha256.clone()),
            package: package.map(Arc::clone),
        };
        self.add(NAME, function);
    }

    /// What the function works on.
    fn bound(&self, dbname: &str) -> BTreeMap<String, Ref<Anything>> {
        let mut all = BTreeMap::from([
            (bound::HOST, Ref::<Proxy>::to(super::data::NAME).output("endpoint").erase()),
            (bound::PORT, Ref::value(PROXY_PORT.to_string())),
            (bound::DBNAME, Ref::value(dbname)),
            (bound::SECRET, Ref::<Secret>::to(super::data::NAME).erase()),
        ]);
        all.extend(self.facts.authorities.as_ref().map(|pem| (bound::CA, Ref::value(pem))));
        all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
