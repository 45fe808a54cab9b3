//! The kind `internet-gateway`: the VPC's door to the internet.

use aws_sdk_ec2::types::{AttachmentStatus, Filter, InternetGatewayAttachment, ResourceType};
use serde::Serialize;

use super::{ec2, occupants, vpc::Vpc};
use crate::{
    aws::{Clients, Error, Result, tags},
    engine::{Change, Live, Occupant, Phase, Ref, Resource, Scope, Tags},
};

/// An internet gateway and its attachment (EC2 CreateInternetGateway, AttachInternetGateway); CDK's
/// `AWS::EC2::InternetGateway` and `AWS::EC2::VPCGatewayAttachment`.
#[derive(Debug, Clone, Serialize)]
pub struct InternetGateway {
    /// The VPC that it is attached to. The one of another VPC is another gateway: nothing loses its way out while it is replaced.
    pub vpc: Ref<Vpc>,
    /// Whether it is attached.
    pub attached: bool,
}

impl Resource for InternetGateway {
    const KIND: &'static str = "internet-gateway";
    const IMMUTABLE: &'static [&'static str] = &["vpc"];

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let pages = scope
            .aws
            .ec2
            .describe_internet_gateways()
            .filters(ec2::filter(scope, "internet-gateway-id"))
            .into_paginator();
        let gateways: Vec<_> = pages.items().send().try_collect().await?;
        Ok(gateways.iter().filter_map(|gateway| live(scope, gateway)).collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        // A VPC has one: another could be made, and never attached.
        if let Some(other) = attached(scope.aws, &self.vpc.get(scope)?).await? {
            return Err(Error::other(format!("The VPC has the internet gateway {other} already, without this stack's tags."))
                .advise(format!(
                    "If it is this stack's and has lost its tags, `infra import internet-gateway/main {other}` takes it in. If \
                     nothing needs it, detach and delete it, and run the same command again."
                )));
        }
        let tags = tags::ec2(ResourceType::InternetGateway, scope.tags());
        scope.aws.ec2.create_internet_gateway().tag_specifications(tags).send().await?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, _changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        let vpc = self.vpc.get(scope)?;
        scope.aws.ec2.attach_internet_gateway().internet_gateway_id(&live.id).vpc_id(vpc).send().await?;
        Ok(())
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        detach(live, scope.aws).await?;
        scope.aws.ec2.delete_internet_gateway().internet_gateway_id(&live.id).send().await?;
        Ok(())
    }

    async fn occupants(live: &Live<Self>, scope: &Scope<'_>) -> Result<Vec<Occupant>> {
        match live.spec.vpc.as_value() {
            Some(vpc) => occupants::of_internet_gateway(scope, vpc).await,
            None => Ok(Vec::new()),
        }
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_ec2(scope.aws, &live.id, set, unset).await
    }
}

/// The gateway of a VPC.
async fn attached(aws: &Clients, vpc: &str) -> Result<Option<String>> {
    let of_it = Filter::builder().name("attachment.vpc-id").values(vpc).build();
    let found = aws.ec2.describe_internet_gateways().filters(of_it).send().await?;
    Ok(found.internet_gateways().first().and_then(|gateway| gateway.internet_gateway_id()).map(str::to_owned))
}

fn live(scope: &Scope<'_>, gateway: &aws_sdk_ec2::types::InternetGateway) -> Option<Live<InternetGateway>> {
    let tags = tags::of_ec2(gateway.tags());
    let id = gateway.internet_gateway_id()?;
    let address = scope.address::<InternetGateway>(&tags, id)?;
    // A gateway has at most one attachment.
    let (vpc, phase) = attachment(gateway.attachments().first());
    let spec = InternetGateway { attached: vpc.is_some(), vpc: vpc.map_or_else(Ref::untold, Ref::value) };
    Some(Live::new(address, id, spec).phase(phase).tags(tags))
}

/// The VPC of an attachment, and what AWS is doing with it. An attached gateway's is called `available`,
/// which the SDK does not know.
fn attachment(attachment: Option<&InternetGatewayAttachment>) -> (Option<&str>, Phase) {
    let Some(attachment) = attachment else { return (None, Phase::Ready) };
    let vpc = attachment.vpc_id();
    match attachment.state() {
        Some(AttachmentStatus::Detached) => (None, Phase::Ready),
        Some(state @ (AttachmentStatus::Attaching | AttachmentStatus::Detaching)) => {
            (vpc, Phase::Changing(state.as_str().to_owned()))
        }
        _ => (vpc, Phase::Ready),
    }
}

async fn detach(live: &Live<InternetGateway>, aws: &Clients) -> Result<()> {
    let Some(vpc) = live.spec.vpc.as_value() else { return Ok(()) };
    let call = aws.ec2.detach_internet_gateway().internet_gateway_id(&live.id).vpc_id(vpc).send();
    match call.await.map_err(Error::from) {
        Err(error) if !error.is("Gateway.NotAttached") => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_attached_unless_aws_says_otherwise() {
        let with = |state: &str| InternetGatewayAttachment::builder().vpc_id("vpc-1").state(state.into()).build();
        assert_eq!(attachment(None), (None, Phase::Ready));
        assert_eq!(attachment(Some(&with("available"))), (Some("vpc-1"), Phase::Ready));
        assert_eq!(attachment(Some(&with("detached"))), (None, Phase::Ready));
        assert_eq!(attachment(Some(&with("attaching"))), (Some("vpc-1"), Phase::Changing("attaching".into())));
    }
}
