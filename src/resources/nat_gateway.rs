//! The kind `nat-gateway`: how private subnets reach the internet.

use aws_sdk_ec2::types::{NatGatewayState, ResourceType};
use serde::Serialize;

use super::{ec2, elastic_ip::ElasticIp, subnet::Subnet};
use crate::{
    aws::{Error, Result, tags},
    engine::{Change, Live, Phase, Ref, Replace, Resource, Scope, Tags, Times},
};

/// A public NAT gateway (EC2 CreateNatGateway); CDK's `AWS::EC2::NatGateway`. Outputs: `id`, `public_ip`.
#[derive(Debug, Clone, Serialize)]
pub struct NatGateway {
    /// The public subnet that it stands in.
    pub subnet: Ref<Subnet>,
    /// The address that the internet sees.
    pub elastic_ip: Ref<ElasticIp>,
}

impl Resource for NatGateway {
    const KIND: &'static str = "nat-gateway";
    const IMMUTABLE: &'static [&'static str] = &["subnet", "elastic_ip"];
    const AFTER: &'static [&'static str] = &["internet-gateway"];
    // Two cannot hold one address.
    const REPLACE: Replace = Replace::DeleteFirst;
    const TIMES: Times = Times::seconds(90, 2, 60);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let pages = scope.aws.ec2.describe_nat_gateways().filter(ec2::filter(scope, "nat-gateway-id")).into_paginator();
        let gateways: Vec<_> = pages.items().send().try_collect().await?;
        Ok(gateways.iter().filter_map(|gateway| live(scope, gateway)).collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let call = scope
            .aws
            .ec2
            .create_nat_gateway()
            .subnet_id(self.subnet.get(scope)?)
            .allocation_id(self.elastic_ip.get(scope)?)
            .client_token(scope.token())
            .tag_specifications(tags::ec2(ResourceType::Natgateway, scope.tags()));
        call.send().await?;
        Ok(())
    }

    async fn update(&self, _live: &Live<Self>, _changes: &[Change], _scope: &Scope<'_>) -> Result<()> {
        Err(Error::internal("A NAT gateway has no attribute that could be changed."))
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        scope.aws.ec2.delete_nat_gateway().nat_gateway_id(&live.id).send().await?;
        Ok(())
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_ec2(scope.aws, &live.id, set, unset).await
    }
}

fn live(scope: &Scope<'_>, gateway: &aws_sdk_ec2::types::NatGateway) -> Option<Live<NatGateway>> {
    let tags = tags::of_ec2(gateway.tags());
    let address = scope.address::<NatGateway>(&tags, gateway.nat_gateway_id()?)?;
    let phase = phase(gateway)?;
    let addresses = gateway.nat_gateway_addresses();
    let primary = addresses.iter().find(|address| address.is_primary() == Some(true)).or(addresses.first());
    let spec = NatGateway {
        subnet: Ref::value(gateway.subnet_id()?),
        elastic_ip: Ref::value(primary.and_then(|address| address.allocation_id()).unwrap_or_default()),
    };
    let live = Live::new(address, gateway.nat_gateway_id()?, spec)
        .phase(phase)
        .output("public_ip", primary.and_then(|address| address.public_ip()))
        .tags(tags)
        .created(gateway.create_time().map(aws_sdk_ec2::primitives::DateTime::secs));
    Some(live)
}

/// `None` for one that is deleted: AWS goes on listing it for an hour.
fn phase(gateway: &aws_sdk_ec2::types::NatGateway) -> Option<Phase> {
    Some(match gateway.state()? {
        NatGatewayState::Deleted => return None,
        NatGatewayState::Pending => Phase::Changing("pending".into()),
        NatGatewayState::Deleting => Phase::Deleting("deleting".into()),
        NatGatewayState::Failed => {
            let code = gateway.failure_code().unwrap_or("no code");
            let message = gateway.failure_message().unwrap_or("AWS gives no reason.");
            Phase::Failed(format!("{message} ({code})"))
        }
        _ => Phase::Ready,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states() {
        let phase = |state| phase(&aws_sdk_ec2::types::NatGateway::builder().state(state).build());
        assert_eq!(phase(NatGatewayState::Deleted), None);
        assert_eq!(phase(NatGatewayState::Available), Some(Phase::Ready));
        assert_eq!(phase(NatGatewayState::Deleting), Some(Phase::Deleting("deleting".into())));
        assert_eq!(phase(NatGatewayState::Pending), Some(Phase::Changing("pending".into())));
    }

    #[test]
    fn a_failure_says_why() {
        let gateway = aws_sdk_ec2::types::NatGateway::builder()
            .state(NatGatewayState::Failed)
            .failure_code("Gateway.NotAttached")
            .failure_message("Network vpc-1 has no Internet gateway attached")
            .build();
        let why = "Network vpc-1 has no Internet gateway attached (Gateway.NotAttached)";
        assert_eq!(super::phase(&gateway), Some(Phase::Failed(why.into())));
    }
}
