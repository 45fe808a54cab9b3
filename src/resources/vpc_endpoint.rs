//! The kind `vpc-endpoint`: an AWS service inside the VPC, without a way over the internet.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{self, ResourceType, VpcEndpointType};
use serde::Serialize;
use serde_json::{Value, json};

use super::{ec2, route_table::RouteTable, security_group::SecurityGroup, subnet::Subnet, vpc::Vpc};
use crate::{
    aws::{Error, Result, tags},
    engine::{Change, Live, Phase, Ref, Resource, Scope, Tags, Times, attributes::touches},
};

/// A VPC endpoint (EC2 CreateVpcEndpoint); CDK's `AWS::EC2::VPCEndpoint`.
#[derive(Debug, Clone, Serialize)]
pub struct VpcEndpoint {
    /// The VPC that it serves.
    pub vpc: Ref<Vpc>,
    /// The service, e.g. `secretsmanager`; a name that begins with `com.` or `aws.` is taken as AWS's full one.
    pub service: String,
    /// How the service is reached.
    pub endpoint_type: EndpointType,
    /// Where an interface endpoint has its network interfaces.
    pub subnets: Vec<Ref<Subnet>>,
    /// Who may reach an interface endpoint.
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// The tables that lead to a gateway endpoint.
    pub route_tables: Vec<Ref<RouteTable>>,
    /// Whether the service's usual name leads to an interface endpoint.
    pub private_dns: bool,
    /// What may be done through it: nothing here is AWS's own policy, which leaves that to everybody's permissions.
    pub policy: String,
}

/// How an endpoint's service is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointType {
    /// By a network interface in each subnet; costs by the hour.
    Interface,
    /// By a route; costs nothing; S3 and DynamoDB only.
    Gateway,
}

impl Resource for VpcEndpoint {
    const KIND: &'static str = "vpc-endpoint";
    const IMMUTABLE: &'static [&'static str] = &["vpc", "service", "endpoint_type"];
    const TIMES: Times = Times::seconds(60, 30, 60);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let pages =
            scope.aws.ec2.describe_vpc_endpoints().filters(ec2::filter(scope, "vpc-endpoint-id")).into_paginator();
        let endpoints: Vec<_> = pages.items().send().try_collect().await?;
        Ok(endpoints.iter().filter_map(|endpoint| live(scope, endpoint)).collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let call = scope
            .aws
            .ec2
            .create_vpc_endpoint()
            .vpc_id(self.vpc.get(scope)?)
            .service_name(full_name(&self.service, &scope.aws.region))
            .client_token(scope.token())
            .tag_specifications(tags::ec2(ResourceType::VpcEndpoint, scope.tags()));
        let call = match self.endpoint_type {
            EndpointType::Interface => call
                .vpc_endpoint_type(VpcEndpointType::Interface)
                .set_subnet_ids(Some(Ref::get_all(&self.subnets, scope)?))
                .set_security_group_ids(Some(Ref::get_all(&self.security_groups, scope)?))
                .private_dns_enabled(self.private_dns),
            EndpointType::Gateway => call
                .vpc_endpoint_type(VpcEndpointType::Gateway)
                .set_route_table_ids(Some(Ref::get_all(&self.route_tables, scope)?)),
        };
        call.send().await?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        let subnets = Difference::of(&live.spec.subnets, Ref::get_all(&self.subnets, scope)?);
        let groups = Difference::of(&live.spec.security_groups, Ref::get_all(&self.security_groups, scope)?);
        let tables = Difference::of(&live.spec.route_tables, Ref::get_all(&self.route_tables, scope)?);
        let private_dns = touches(changes, "private_dns").then_some(self.private_dns);
        // One call: a zone has at most one subnet, so a subnet that takes another's place comes as that one goes.
        let call = scope
            .aws
            .ec2
            .modify_vpc_endpoint()
            .vpc_endpoint_id(&live.id)
            .set_add_subnet_ids(subnets.add)
            .set_remove_subnet_ids(subnets.remove)
            .set_add_security_group_ids(groups.add)
            .set_remove_security_group_ids(groups.remove)
            .set_add_route_table_ids(tables.add)
            .set_remove_route_table_ids(tables.remove)
            .set_private_dns_enabled(private_dns)
            .set_reset_policy(touches(changes, "policy").then_some(true));
        call.send().await?;
        Ok(())
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        let answer = scope.aws.ec2.delete_vpc_endpoints().vpc_endpoint_ids(&live.id).send().await?;
        // This call succeeds as a whole and lists what it did not do.
        match answer.unsuccessful().first().and_then(|item| item.error()) {
            Some(error) => Err(Error::refusal(
                "DeleteVpcEndpoints",
                error.code().unwrap_or_default(),
                error.message().unwrap_or("AWS gives no reason."),
            )),
            None => Ok(()),
        }
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_ec2(scope.aws, &live.id, set, unset).await
    }
}

/// What is to be added to a list and what is to be taken from it; `None` where nothing is.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    add: Option<Vec<String>>,
    remove: Option<Vec<String>>,
}

impl Difference {
    fn of<R>(there: &[Ref<R>], wanted: Vec<String>) -> Self {
        let there: BTreeSet<String> = there.iter().filter_map(|one| one.as_value().map(str::to_owned)).collect();
        let wanted: BTreeSet<String> = wanted.into_iter().collect();
        let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
            Some(one.difference(other).cloned().collect::<Vec<_>>()).filter(|list| !list.is_empty())
        };
        Self { add: only(&wanted, &there), remove: only(&there, &wanted) }
    }
}

fn live(scope: &Scope<'_>, endpoint: &types::VpcEndpoint) -> Option<Live<VpcEndpoint>> {
    let tags = tags::of_ec2(endpoint.tags());
    let address = scope.address::<VpcEndpoint>(&tags, endpoint.vpc_endpoint_id()?)?;
    let phase = phase(endpoint)?;
    let groups = endpoint.groups().iter().filter_map(|group| group.group_id());
    let spec = VpcEndpoint {
        vpc: Ref::value(endpoint.vpc_id()?),
        service: short_name(endpoint.service_name().unwrap_or_default(), &scope.aws.region).to_owned(),
        endpoint_type: match endpoint.vpc_endpoint_type() {
            Some(VpcEndpointType::Gateway) => EndpointType::Gateway,
            _ => EndpointType::Interface,
        },
        subnets: endpoint.subnet_ids().iter().map(Ref::value).collect(),
        security_groups: groups.map(Ref::value).collect(),
        route_tables: endpoint.route_table_ids().iter().map(Ref::value).collect(),
        private_dns: endpoint.private_dns_enabled().unwrap_or_default(),
        policy: endpoint.policy_document().filter(|policy| !lets_all_through(policy)).unwrap_or_default().to_owned(),
    };
    let created = endpoint.creation_timestamp().map(aws_sdk_ec2::primitives::DateTime::secs);
    Some(Live::new(address, endpoint.vpc_endpoint_id()?, spec).phase(phase).tags(tags).created(created))
}

/// `None` for one that is deleted. AWS's documentation writes the states with a capital, its answers without.
fn phase(endpoint: &types::VpcEndpoint) -> Option<Phase> {
    let state = endpoint.state()?.as_str();
    Some(match state.to_ascii_lowercase().as_str() {
        "deleted" => return None,
        "deleting" => Phase::Deleting(state.to_owned()),
        "pending" | "pendingacceptance" | "partial" => Phase::Changing(state.to_owned()),
        "failed" | "rejected" | "expired" => {
            let reason = endpoint.failure_reason().or(endpoint.last_error().and_then(|error| error.message()));
            Phase::Failed(format!("{} (state `{state}`)", reason.unwrap_or("AWS gives no reason.")))
        }
        _ => Phase::Ready,
    })
}

/// Whether a policy is the one that AWS gives an endpoint: one statement, and everything in it.
fn lets_all_through(policy: &str) -> bool {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let all = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"});
    matches!(policy["Statement"].as_array().map(Vec::as_slice), Some([one]) if *one == all)
}

fn full_name(service: &str, region: &str) -> String {
    if service.starts_with("com.") || service.starts_with("aws.") || service.starts_with("cn.com.") {
        service.to_owned()
    } else {
        format!("com.amazonaws.{region}.{service}")
    }
}

fn short_name<'a>(service: &'a str, region: &str) -> &'a str {
    service.strip_prefix(&format!("com.amazonaws.{region}.")).unwrap_or(service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (short, full) in [
            ("secretsmanager", "com.amazonaws.eu-west-1.secretsmanager"),
            ("ecr.api", "com.amazonaws.eu-west-1.ecr.api"),
            ("com.amazonaws.vpce.eu-west-1.vpce-svc-1", "com.amazonaws.vpce.eu-west-1.vpce-svc-1"),
        ] {
            assert_eq!(full_name(short, "eu-west-1"), full);
            assert_eq!(short_name(full, "eu-west-1"), short);
        }
    }

    #[test]
    fn states_in_either_writing() {
        let phase = |state: &str| phase(&types::VpcEndpoint::builder().state(state.into()).build());
        assert_eq!(phase("available"), Some(Phase::Ready));
        assert_eq!(phase("Available"), Some(Phase::Ready));
        assert_eq!(phase("deleted"), None);
        assert_eq!(phase("pending"), Some(Phase::Changing("pending".into())));
        assert_eq!(phase("failed"), Some(Phase::Failed("AWS gives no reason. (state `failed`)".into())));
    }

    #[test]
    fn awss_own_policy_is_none() {
        let gateway =
            r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
        let interface = r#"{"Statement": [{"Action": "*", "Effect": "Allow", "Principal": "*", "Resource": "*"}]}"#;
        assert!(lets_all_through(gateway) && lets_all_through(interface));
        assert!(!lets_all_through(&gateway.replace("Allow", "Deny")) && !lets_all_through("{"));
    }

    #[test]
    fn a_difference_names_only_what_differs() {
        let list = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let there = [Ref::<Subnet>::value("a"), Ref::value("b")];
        let moved = Difference::of(&there, list(&["b", "c"]));
        assert_eq!(moved, Difference { add: Some(list(&["c"])), remove: Some(list(&["a"])) });
        assert_eq!(Difference::of(&there, list(&["b", "a"])), Difference { add: None, remove: None });
    }
}
