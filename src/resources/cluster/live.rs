//! A cluster as RDS describes it, in the terms of the spec.

use aws_sdk_rds::types::{DbCluster, SourceType};
use futures::future::join_all;

use super::{Bonds, Cluster};
use crate::{
    aws::{Result, tags},
    engine::{Live, Ref, Scope},
    resources::rds,
    stack::OnDestroyDatabase,
};

pub(super) async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Cluster>>> {
    let clusters = super::listed(scope).await?;
    let found = join_all(clusters.iter().map(|cluster| one(cluster, scope))).await;
    Ok(found.into_iter().flatten().collect())
}

async fn one(cluster: &DbCluster, scope: &Scope<'_>) -> Option<Live<Cluster>> {
    let tags = tags::listed_by_rds(cluster.tag_list());
    let identifier = cluster.db_cluster_identifier()?;
    let address = scope.address::<Cluster>(&tags, identifier)?;
    let status = cluster.status().unwrap_or_default();
    // Until then the endpoints may still change.
    let made = status != "creating";
    let live = Live::new(address, identifier, spec(identifier, cluster))
        .output("arn", cluster.db_cluster_arn())
        .output("endpoint", cluster.endpoint().filter(|_| made))
        .output("reader_endpoint", cluster.reader_endpoint().filter(|_| made))
        .output("port", cluster.port().map(|port| port.to_string()).filter(|_| made))
        .tags(tags)
        .created(cluster.cluster_create_time().map(aws_smithy_types::DateTime::secs))
        .notice(pending(cluster))
        .phase(rds::explained(scope.aws, SourceType::DbCluster, identifier, status).await);
    Some(live)
}

/// Static parameters wait for a reboot of each instance, which is somebody's to choose the time of.
fn pending(cluster: &DbCluster) -> Option<String> {
    let waiting = cluster
        .db_cluster_members()
        .iter()
        .filter(|member| member.db_cluster_parameter_group_status() == Some("pending-reboot"));
    let names: Vec<&str> = waiting.filter_map(|member| member.db_instance_identifier()).collect();
    let first = names.first()?;
    Some(format!(
        "Changed parameters wait for a reboot of {}: `aws rds reboot-db-instance --db-instance-identifier {first}`.",
        names.join(", ")
    ))
}

fn spec(identifier: &str, cluster: &DbCluster) -> Cluster {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let scaling = cluster.serverless_v2_scaling_configuration();
    let groups = cluster.vpc_security_groups().iter().filter_map(|group| group.vpc_security_group_id());
    Cluster {
        identifier: identifier.to_owned(),
        engine_version: text(cluster.engine_version()),
        database_name: cluster.database_name().filter(|name| !name.is_empty()).map(str::to_owned),
        master_username: text(cluster.master_username()),
        // AWS never tells which secret a password came from.
        master_secret: Ref::untold(),
        port: cluster.port().and_then(|port| port.try_into().ok()).unwrap_or_default(),
        subnet_group: Ref::value(text(cluster.db_subnet_group())),
        parameter_group: Ref::value(text(cluster.db_cluster_parameter_group())),
        security_groups: groups.map(Ref::value).collect(),
        min_capacity: scaling.and_then(|scaling| scaling.min_capacity()).unwrap_or_default(),
        max_capacity: scaling.and_then(|scaling| scaling.max_capacity()).unwrap_or_default(),
        seconds_until_auto_pause: scaling.and_then(|scaling| scaling.seconds_until_auto_pause()),
        backup_retention_days: cluster.backup_retention_period().unwrap_or_default(),
        backup_window: cluster.preferred_backup_window().map(str::to_owned),
        deletion_protection: cluster.deletion_protection().unwrap_or_default(),
        storage_encrypted: cluster.storage_encrypted().unwrap_or_default(),
        kms_key: cluster.kms_key_id().map(str::to_owned),
        copy_tags_to_snapshot: cluster.copy_tags_to_snapshot().unwrap_or_default(),
        log_exports: cluster.enabled_cloudwatch_logs_exports().to_vec(),
        data_api: cluster.http_endpoint_enabled().unwrap_or_default(),
        iam_authentication: cluster.iam_database_authentication_enabled().unwrap_or_default(),
        engine_lifecycle_support: text(cluster.engine_lifecycle_support()),
        running: !matches!(cluster.status(), Some("stopping" | "stopped")),
        on_destroy: OnDestroyDatabase::default(),
        bonds: bonds(cluster),
    }
}

fn bonds(cluster: &DbCluster) -> Bonds {
    let instances = cluster.db_cluster_members().iter().filter_map(|member| member.db_instance_identifier());
    let global = cluster.global_cluster_identifier().filter(|identifier| !identifier.is_empty());
    Bonds { instances: instances.map(str::to_owned).collect(), global_cluster: global.map(str::to_owned) }
}
