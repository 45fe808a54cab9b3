//! The kind `db-subnet-group`: where the cluster's instances may stand.

use aws_sdk_rds::types::DbSubnetGroup as Found;
use serde::Serialize;

use super::{subnet::Subnet, vpc::Vpc};
use crate::{
    aws::{Result, each, tags},
    engine::{Change, Live, Ref, Replace, Resource, Scope, Tags, Times},
};

/// The subnets of a cluster, in at least two zones.
///
/// As CDK's `AWS::RDS::DBSubnetGroup`. APIs: DescribeDBSubnetGroups, CreateDBSubnetGroup, ModifyDBSubnetGroup,
/// DeleteDBSubnetGroup. Its id is its name.
#[derive(Debug, Clone, Serialize)]
pub struct DbSubnetGroup {
    /// The group's name, unique in account and region.
    pub name: String,
    /// What the console shows beside the name.
    pub description: String,
    /// The VPC of the subnets.
    pub vpc: Ref<Vpc>,
    /// The subnets.
    pub subnets: Vec<Ref<Subnet>>,
}

impl Resource for DbSubnetGroup {
    const KIND: &'static str = "db-subnet-group";
    const IMMUTABLE: &'static [&'static str] = &["name", "vpc"];
    const REPLACE: Replace = Replace::DeleteFirst;

    const TIMES: Times = Times::seconds(2, 2, 2);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let groups = scope.aws.rds.describe_db_subnet_groups().into_paginator().items().send().try_collect().await?;
        let named = groups.iter().filter(|group| scope.is_named(group.db_subnet_group_name()));
        // The list has neither a filter nor tags.
        let found = each(named.map(|group| observe_one(group, scope))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let call = scope.aws.rds.create_db_subnet_group();
        let call = call.db_subnet_group_name(&self.name).db_subnet_group_description(&self.description);
        let call = call.set_subnet_ids(Some(Ref::get_all(&self.subnets, scope)?));
        call.set_tags(Some(tags::rds(scope.tags()))).send().await?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, _changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        // The subnets are required, even where only the description changes.
        let call = scope.aws.rds.modify_db_subnet_group().db_subnet_group_name(&live.id);
        let call = call.db_subnet_group_description(&self.description);
        call.set_subnet_ids(Some(Ref::get_all(&self.subnets, scope)?)).send().await?;
        Ok(())
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        scope.aws.rds.delete_db_subnet_group().db_subnet_group_name(&live.id).send().await?;
        Ok(())
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_rds(scope.aws, live.told("arn")?, set, unset).await
    }
}

async fn observe_one(group: &Found, scope: &Scope<'_>) -> Result<Option<Live<DbSubnetGroup>>> {
    let (Some(name), Some(arn)) = (group.db_subnet_group_name(), group.db_subnet_group_arn()) else { return Ok(None) };
    let tags = tags::of_rds(scope.aws, arn).await?;
    let Some(address) = scope.address::<DbSubnetGroup>(&tags, name) else { return Ok(None) };
    let spec = DbSubnetGroup {
        name: name.to_owned(),
        description: group.db_subnet_group_description().unwrap_or_default().to_owned(),
        vpc: group.vpc_id().map_or_else(Ref::untold, Ref::value),
        subnets: group.subnets().iter().filter_map(|subnet| subnet.subnet_identifier()).map(Ref::value).collect(),
    };
    Ok(Some(Live::new(address, name, spec).output("arn", Some(arn)).tags(tags)))
}
