//! The kind `vpc`: the network that everything of a stack lives in.

use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, VpcAttributeName, VpcState};
use futures::future::try_join_all;
use serde::Serialize;

use super::{ec2, occupants};
use crate::{
    aws::{Clients, Error, Result, tags, unless_gone},
    engine::{Change, Live, Occupant, Phase, Resource, Scope, Tags, attributes::touches},
};

/// A virtual private cloud (EC2 CreateVpc); CDK's `AWS::EC2::VPC`.
#[derive(Debug, Clone, Serialize)]
pub struct Vpc {
    /// Its IPv4 range, e.g. `10.0.0.0/16`.
    pub cidr: String,
    /// Whether instances in it get DNS names; private names of endpoints need it.
    pub dns_hostnames: bool,
    /// Whether Amazon's resolver answers in it.
    pub dns_support: bool,
}

impl Resource for Vpc {
    const KIND: &'static str = "vpc";
    const IMMUTABLE: &'static [&'static str] = &["cidr"];

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let pages = scope.aws.ec2.describe_vpcs().filters(ec2::filter(scope, "vpc-id")).into_paginator();
        let vpcs: Vec<_> = pages.items().send().try_collect().await?;
        // A VPC's description does not carry its DNS attributes; AWS tells them one at a time. A stack has one VPC.
        let found = try_join_all(vpcs.iter().map(|vpc| live(scope, vpc))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let tags = tags::ec2(ResourceType::Vpc, scope.tags());
        scope.aws.ec2.create_vpc().cidr_block(&self.cidr).tag_specifications(tags).send().await?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        // Host names need the resolver, so it is switched on before them and off after them.
        if touches(changes, "dns_support") && self.dns_support {
            set_dns_support(scope.aws, &live.id, true).await?;
        }
        if touches(changes, "dns_hostnames") {
            let value = AttributeBooleanValue::builder().value(self.dns_hostnames).build();
            scope.aws.ec2.modify_vpc_attribute().vpc_id(&live.id).enable_dns_hostnames(value).send().await?;
        }
        if touches(changes, "dns_support") && !self.dns_support {
            set_dns_support(scope.aws, &live.id, false).await?;
        }
        Ok(())
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        scope.aws.ec2.delete_vpc().vpc_id(&live.id).send().await?;
        Ok(())
    }

    async fn occupants(live: &Live<Self>, scope: &Scope<'_>) -> Result<Vec<Occupant>> {
        occupants::of_vpc(scope, &live.id).await
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_ec2(scope.aws, &live.id, set, unset).await
    }
}

async fn live(scope: &Scope<'_>, vpc: &aws_sdk_ec2::types::Vpc) -> Result<Option<Live<Vpc>>> {
    let tags = tags::of_ec2(vpc.tags());
    let Some(id) = vpc.vpc_id() else { return Ok(None) };
    let Some(address) = scope.address::<Vpc>(&tags, id) else { return Ok(None) };
    let asked = futures::try_join!(
        attribute(scope.aws, id, VpcAttributeName::EnableDnsHostnames),
        attribute(scope.aws, id, VpcAttributeName::EnableDnsSupport),
    );
    // It may have been deleted between the two calls.
    let Some((dns_hostnames, dns_support)) = unless_gone(asked)? else { return Ok(None) };
    let phase = match vpc.state() {
        Some(VpcState::Pending) => Phase::Changing("pending".into()),
        Some(VpcState::Deleting) => Phase::Deleting("deleting".into()),
        _ => Phase::Ready,
    };
    let spec = Vpc { cidr: vpc.cidr_block().unwrap_or_default().to_owned(), dns_hostnames, dns_support };
    Ok(Some(Live::new(address, id, spec).phase(phase).tags(tags)))
}

async fn attribute(aws: &Clients, id: &str, name: VpcAttributeName) -> Result<bool> {
    let answer = aws.ec2.describe_vpc_attribute().vpc_id(id).attribute(name.clone()).send().await?;
    let value = match name {
        VpcAttributeName::EnableDnsHostnames => answer.enable_dns_hostnames(),
        _ => answer.enable_dns_support(),
    };
    value
        .and_then(AttributeBooleanValue::value)
        .ok_or_else(|| Error::other(format!("AWS did not say what `{}` of the VPC {id} is.", name.as_str())))
}

async fn set_dns_support(aws: &Clients, id: &str, on: bool) -> Result<()> {
    let value = AttributeBooleanValue::builder().value(on).build();
    aws.ec2.modify_vpc_attribute().vpc_id(id).enable_dns_support(value).send().await?;
    Ok(())
}
