//! The kind `elastic-ip`: a public address that stays.

use aws_sdk_ec2::types::{DomainType, ResourceType};
use serde::Serialize;

use super::{ec2, occupants};
use crate::{
    aws::{Class, Error, Result, tags},
    engine::{Change, Live, Occupant, Resource, Scope, Tags},
};

/// An elastic IP address (EC2 AllocateAddress); CDK's `AWS::EC2::EIP`. Outputs: `id`, `public_ip`.
#[derive(Debug, Clone, Serialize)]
pub struct ElasticIp {}

impl Resource for ElasticIp {
    const KIND: &'static str = "elastic-ip";

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        // DescribeAddresses has no pages.
        let answer = scope.aws.ec2.describe_addresses().filters(ec2::filter(scope, "allocation-id")).send().await?;
        Ok(answer.addresses().iter().filter_map(|address| live(scope, address)).collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let tags = tags::ec2(ResourceType::ElasticIp, scope.tags());
        let call = scope.aws.ec2.allocate_address().domain(DomainType::Vpc).tag_specifications(tags);
        call.send().await.map_err(Error::from).map_err(|error| match error.is("AddressLimitExceeded") {
            true => error.advise(
                "Release an address that nothing uses, or ask AWS for more (Service Quotas, EC2-VPC Elastic IPs); \
                 `nat: one` needs one, `nat: per-zone` one a zone.",
            ),
            false => error,
        })?;
        Ok(())
    }

    async fn update(&self, _live: &Live<Self>, _changes: &[Change], _scope: &Scope<'_>) -> Result<()> {
        Err(Error::internal("An elastic IP address has no attribute that could be changed."))
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        let call = scope.aws.ec2.release_address().allocation_id(&live.id).send();
        call.await.map_err(Error::from).map_err(still_held)?;
        Ok(())
    }

    async fn occupants(live: &Live<Self>, scope: &Scope<'_>) -> Result<Vec<Occupant>> {
        occupants::of_elastic_ip(scope, &live.id).await
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_ec2(scope.aws, &live.id, set, unset).await
    }
}

fn live(scope: &Scope<'_>, address: &aws_sdk_ec2::types::Address) -> Option<Live<ElasticIp>> {
    let tags = tags::of_ec2(address.tags());
    let place = scope.address::<ElasticIp>(&tags, address.allocation_id()?)?;
    Some(Live::new(place, address.allocation_id()?, ElasticIp {}).output("public_ip", address.public_ip()).tags(tags))
}

/// While a NAT gateway has not let go of an address, AWS refuses its release as if it were not ours.
fn still_held(mut error: Error) -> Error {
    if error.is("AuthFailure") && error.message.contains("permission to access the specified resource") {
        error.class = Class::Busy;
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_a_nat_gateway_holds_is_busy_and_wrong_credentials_are_not() {
        let refused = |message: &str| {
            let error = Error { code: Some("AuthFailure".into()), ..Error::new(Class::Unauthenticated, message) };
            still_held(error).class
        };
        assert_eq!(refused("You do not have permission to access the specified resource."), Class::Busy);
        assert_eq!(refused("AWS was not able to validate the provided access credentials"), Class::Unauthenticated);
    }
}
