//! The kind `instance`: a cluster's writer or reader.

use aws_sdk_rds::types::{DbInstance, SourceType};
use futures::future::join_all;
use serde::Serialize;

use super::{
    cluster::{Cluster, ENGINE},
    rds,
};
use crate::{
    aws::{Result, tags},
    engine::{Change, Live, Ref, Replace, Resource, Scope, Tags, Times, attributes::touches},
};

/// One instance of an Aurora cluster. Which of them writes is the cluster's affair; the promotion tier only says which is preferred.
///
/// As CDK's `AWS::RDS::DBInstance`. APIs: DescribeDBInstances, CreateDBInstance, ModifyDBInstance, DeleteDBInstance. Its id
/// is its identifier.
#[derive(Debug, Clone, Serialize)]
pub struct Instance {
    /// The identifier, unique in account and region.
    pub identifier: String,
    /// The cluster, by identifier.
    pub cluster: Ref<Cluster>,
    /// `db.serverless`.
    pub class: String,
    /// 0 is promoted first when a failover has to choose, 15 last.
    pub promotion_tier: i32,
    /// Whether it has a public address.
    pub publicly_accessible: bool,
}

impl Resource for Instance {
    const KIND: &'static str = "instance";
    const IMMUTABLE: &'static [&'static str] = &["identifier", "cluster"];
    const REPLACE: Replace = Replace::DeleteFirst;
    const TIMES: Times = Times::seconds(360, 60, 360);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let instances = scope.aws.rds.describe_db_instances().into_paginator().items().send().try_collect().await?;
        let found = join_all(instances.iter().map(|instance| observe_one(instance, scope))).await;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let call = scope.aws.rds.create_db_instance().db_instance_identifier(&self.identifier).engine(ENGINE);
        let call = call.db_cluster_identifier(self.cluster.get(scope)?).db_instance_class(&self.class);
        let call = call.promotion_tier(self.promotion_tier).publicly_accessible(self.publicly_accessible);
        call.set_tags(Some(tags::rds(scope.tags()))).send().await?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        let mut call = scope.aws.rds.modify_db_instance().db_instance_identifier(&live.id).apply_immediately(true);
        if touches(changes, "class") {
            call = call.db_instance_class(&self.class);
        }
        if touches(changes, "promotion_tier") {
            call = call.promotion_tier(self.promotion_tier);
        }
        if touches(changes, "publicly_accessible") {
            call = call.publicly_accessible(self.publicly_accessible);
        }
        call.send().await?;
        Ok(())
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        // The final snapshot is the cluster's.
        scope.aws.rds.delete_db_instance().db_instance_identifier(&live.id).skip_final_snapshot(true).send().await?;
        Ok(())
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_rds(scope.aws, live.told("arn")?, set, unset).await
    }
}

async fn observe_one(instance: &DbInstance, scope: &Scope<'_>) -> Option<Live<Instance>> {
    let tags = tags::collect(instance.tag_list(), |tag| (tag.key(), tag.value()));
    let identifier = instance.db_instance_identifier()?;
    let address = scope.address::<Instance>(&tags, identifier)?;
    let spec = Instance {
        identifier: identifier.to_owned(),
        cluster: Ref::value(instance.db_cluster_identifier().unwrap_or_default()),
        class: instance.db_instance_class().unwrap_or_default().to_owned(),
        promotion_tier: instance.promotion_tier().unwrap_or_default(),
        publicly_accessible: instance.publicly_accessible().unwrap_or_default(),
    };
    let status = instance.db_instance_status().unwrap_or_default();
    let live = Live::new(address, identifier, spec)
        .output("arn", instance.db_instance_arn())
        .output("endpoint", instance.endpoint().and_then(|endpoint| endpoint.address()))
        .tags(tags)
        .created(instance.instance_create_time().map(aws_smithy_types::DateTime::secs))
        .phase(rds::explained(scope.aws, SourceType::DbInstance, identifier, status).await);
    Some(live)
}
