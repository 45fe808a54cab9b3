//! The kind `vpc-connector`: the service's way into the VPC.

use aws_sdk_apprunner::types::{VpcConnector as Found, VpcConnectorStatus};
use futures::future::try_join_all;
use serde::Serialize;

use super::{security_group::SecurityGroup, subnet::Subnet};
use crate::{
    aws::{Error, Result, tags},
    engine::{Change, Live, Ref, Resource, Scope, Tags, Times},
};

/// Attaches services to subnets. Nothing about it can be changed: a change makes another one, to which the service is
/// switched before the old one goes.
///
/// As CDK's `AWS::AppRunner::VpcConnector`. APIs: ListVpcConnectors, CreateVpcConnector, DeleteVpcConnector. Its id is its ARN.
#[derive(Debug, Clone, Serialize)]
pub struct VpcConnector {
    /// The name, of 4 to 40 characters. Another connector of this name is its next revision.
    pub name: String,
    /// Where its network interfaces stand.
    pub subnets: Vec<Ref<Subnet>>,
    /// What they belong to.
    pub security_groups: Vec<Ref<SecurityGroup>>,
}

impl Resource for VpcConnector {
    const KIND: &'static str = "vpc-connector";
    const IMMUTABLE: &'static [&'static str] = &["name", "subnets", "security_groups"];

    const TIMES: Times = Times::seconds(5, 5, 5);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let pages = scope.aws.apprunner.list_vpc_connectors().into_paginator().send().try_collect().await?;
        let connectors: Vec<Found> = pages.into_iter().flat_map(|page| page.vpc_connectors).collect();
        let ours = connectors.iter().filter(|connector| scope.is_named(connector.vpc_connector_name()));
        let active = ours.filter(|connector| connector.status() != Some(&VpcConnectorStatus::Inactive));
        // The list has neither a filter nor tags.
        let found = try_join_all(active.map(|connector| observe_one(connector, scope))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let call = scope.aws.apprunner.create_vpc_connector().vpc_connector_name(&self.name);
        let call = call.set_subnets(Some(Ref::get_all(&self.subnets, scope)?));
        let call = call.set_security_groups(Some(Ref::get_all(&self.security_groups, scope)?));
        call.set_tags(Some(tags::apprunner(scope.tags()))).send().await?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, _changes: &[Change], _scope: &Scope<'_>) -> Result<()> {
        Err(Error::internal(format!("{} has nothing that can be updated.", live.address)))
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        scope.aws.apprunner.delete_vpc_connector().vpc_connector_arn(&live.id).send().await?;
        Ok(())
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_apprunner(scope.aws, &live.id, set, unset).await
    }
}

async fn observe_one(connector: &Found, scope: &Scope<'_>) -> Result<Option<Live<VpcConnector>>> {
    let Some(arn) = connector.vpc_connector_arn() else { return Ok(None) };
    let tags = tags::of_apprunner(scope.aws, arn).await?;
    let Some(address) = scope.address::<VpcConnector>(&tags) else { return Ok(None) };
    let spec = VpcConnector {
        name: connector.vpc_connector_name().unwrap_or_default().to_owned(),
        subnets: connector.subnets().iter().map(Ref::value).collect(),
        security_groups: connector.security_groups().iter().map(Ref::value).collect(),
    };
    let created = connector.created_at().map(aws_smithy_types::DateTime::secs);
    Ok(Some(Live::new(address, arn, spec).output("arn", Some(arn)).tags(tags).created(created)))
}
