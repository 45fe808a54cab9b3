//! The kind `subnet`: one zone's part of the VPC.

use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, SubnetState};
use serde::Serialize;

use super::{ec2, occupants, vpc::Vpc};
use crate::{
    aws::{Error, Result, tags},
    engine::{Change, Live, Occupant, Phase, Ref, Resource, Scope, Tags},
};

/// A subnet (EC2 CreateSubnet); CDK's `AWS::EC2::Subnet`. Whether it is public, private or isolated is a
/// matter of its route table.
#[derive(Debug, Clone, Serialize)]
pub struct Subnet {
    /// The VPC that it is part of.
    pub vpc: Ref<Vpc>,
    /// Its IPv4 range, within the VPC's.
    pub cidr: String,
    /// The zone that it lies in, e.g. `us-east-1a`.
    pub availability_zone: String,
    /// Whether what is started in it gets a public address.
    pub public_addresses: bool,
}

impl Resource for Subnet {
    const KIND: &'static str = "subnet";
    const IMMUTABLE: &'static [&'static str] = &["vpc", "cidr", "availability_zone"];

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let pages = scope.aws.ec2.describe_subnets().filters(ec2::filter(scope, "subnet-id")).into_paginator();
        let subnets: Vec<_> = pages.items().send().try_collect().await?;
        Ok(subnets.iter().filter_map(|subnet| live(scope, subnet)).collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let call = scope
            .aws
            .ec2
            .create_subnet()
            .vpc_id(self.vpc.get(scope)?)
            .cidr_block(&self.cidr)
            .availability_zone(&self.availability_zone)
            .tag_specifications(tags::ec2(ResourceType::Subnet, scope.tags()));
        call.send().await.map_err(Error::from).map_err(explain)?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, _changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        let value = AttributeBooleanValue::builder().value(self.public_addresses).build();
        scope.aws.ec2.modify_subnet_attribute().subnet_id(&live.id).map_public_ip_on_launch(value).send().await?;
        Ok(())
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        scope.aws.ec2.delete_subnet().subnet_id(&live.id).send().await?;
        Ok(())
    }

    async fn occupants(live: &Live<Self>, scope: &Scope<'_>) -> Result<Vec<Occupant>> {
        occupants::of_subnet(scope, &live.id).await
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_ec2(scope.aws, &live.id, set, unset).await
    }
}

fn live(scope: &Scope<'_>, subnet: &aws_sdk_ec2::types::Subnet) -> Option<Live<Subnet>> {
    let tags = tags::of_ec2(subnet.tags());
    let address = scope.address::<Subnet>(&tags, subnet.subnet_id()?)?;
    let phase = match subnet.state() {
        Some(SubnetState::Pending) => Phase::Changing("pending".into()),
        Some(state @ (SubnetState::Failed | SubnetState::FailedInsufficientCapacity)) => {
            Phase::Failed(format!("AWS says `{}` of the subnet.", state.as_str()))
        }
        _ => Phase::Ready,
    };
    let spec = Subnet {
        vpc: Ref::value(subnet.vpc_id()?),
        cidr: subnet.cidr_block().unwrap_or_default().to_owned(),
        availability_zone: subnet.availability_zone().unwrap_or_default().to_owned(),
        public_addresses: subnet.map_public_ip_on_launch().unwrap_or_default(),
    };
    Some(Live::new(address, subnet.subnet_id()?, spec).phase(phase).tags(tags))
}

fn explain(error: Error) -> Error {
    if error.is("InvalidSubnet.Conflict") {
        // What uses a subnet must be able to move, so a replacement is made before the old one goes.
        return error.advise(
            "Another subnet of the VPC has addresses of this range (`aws ec2 describe-subnets --filters \
             Name=vpc-id,Values=VPC`). If it is this stack's and has lost its tags, `infra import subnet/NAME ID` takes it in; \
             if it is nobody's, delete it. Where this one is to replace it, give it a range of its own: both exist until \
             everything has moved.",
        );
    }
    error
}
