//! The kind `instance`: a cluster's writer or reader.

use aws_sdk_rds::types::{DbClusterMember, DbInstance, Filter, SourceType};
use futures::future::join_all;
use serde::Serialize;

use super::{
    cluster::{self, Cluster, ENGINE},
    rds,
};
use crate::{
    aws::{Result, tags, unless_gone},
    engine::{Change, Live, Phase, Ref, Replace, Resource, Scope, Tags, Times, attributes::touches},
};

/// One instance of an Aurora cluster. Which of them writes is the cluster's affair; the promotion tier only says which is preferred.
///
/// As CDK's `AWS::RDS::DBInstance`. APIs: DescribeDBInstances, CreateDBInstance, ModifyDBInstance,
/// FailoverDBCluster, DeleteDBInstance. Its id
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
        let cluster = live.spec.cluster.get(scope)?;
        if let Phase::Stopped(_) = live.phase {
            // RDS deletes no instance of a cluster that is stopped; the next round does.
            scope.tell(format!("starting {cluster}, since RDS deletes nothing that is stopped"));
            return cluster::start(scope.aws, &cluster).await;
        }
        if let Some(heir) = heir(live, &cluster, scope).await? {
            // A failover that was asked for takes seconds; the next round deletes.
            scope.tell(format!("it writes, so {heir} becomes the writer first"));
            let call = scope.aws.rds.failover_db_cluster().db_cluster_identifier(cluster);
            call.target_db_instance_identifier(heir).send().await?;
            return Ok(());
        }
        // The final snapshot is the cluster's.
        scope.aws.rds.delete_db_instance().db_instance_identifier(&live.id).skip_final_snapshot(true).send().await?;
        Ok(())
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_rds(scope.aws, live.told("arn")?, set, unset).await
    }
}

/// Which instance has to become the writer before this one goes: one that stays, where this one writes. Where the whole
/// cluster goes, none stays.
async fn heir(live: &Live<Instance>, cluster: &str, scope: &Scope<'_>) -> Result<Option<String>> {
    if scope.described::<Instance>(&live.address).is_some() {
        return Ok(None);
    }
    // As of now: a failover may have come since this was planned.
    let answer = unless_gone(scope.aws.rds.describe_db_clusters().db_cluster_identifier(cluster).send().await)?;
    let found = answer.and_then(|answer| answer.db_clusters?.into_iter().next());
    let members = found.as_ref().map(|cluster| cluster.db_cluster_members()).unwrap_or_default();
    let writes = |member: &&DbClusterMember| member.is_cluster_writer() == Some(true);
    if !members.iter().filter(writes).any(|member| member.db_instance_identifier() == Some(&live.id)) {
        return Ok(None);
    }
    let of_cluster = Filter::builder().name("db-cluster-id").values(cluster).build();
    let instances = scope.aws.rds.describe_db_instances().filters(of_cluster).send().await?;
    let ready = instances.db_instances().iter().filter(|one| one.db_instance_status() == Some("available"));
    let stays = |identifier: &str| {
        scope.described.iter().filter_map(|one| one.spec::<Instance>()).any(|one| one.identifier == identifier)
    };
    let heirs = ready.filter(|one| one.db_instance_identifier().is_some_and(stays));
    let heir = heirs.min_by_key(|one| one.promotion_tier());
    Ok(heir.and_then(|one| one.db_instance_identifier().map(str::to_owned)))
}

async fn observe_one(instance: &DbInstance, scope: &Scope<'_>) -> Option<Live<Instance>> {
    let tags = tags::listed_by_rds(instance.tag_list());
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
        .output("zone", instance.availability_zone())
        .output("endpoint", instance.endpoint().and_then(|endpoint| endpoint.address()))
        .tags(tags)
        .created(instance.instance_create_time().map(aws_smithy_types::DateTime::secs))
        .phase(rds::explained(scope.aws, SourceType::DbInstance, identifier, status).await);
    Some(live)
}
