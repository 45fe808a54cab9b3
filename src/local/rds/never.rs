//! What cannot be made here and so never is: other tools ask for it all the same, and get AWS's answer to who has none.

use serde_json::{Value, json};

use super::input::{Input, invalid, missing, page};
use crate::local::{ec2, fault::Fault, world::Ctx};

/// An action that lists nothing, under the member's name.
macro_rules! none {
    ($($name:ident: $member:literal;)*) => {
        $(pub(super) fn $name(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
            page(&Input(input), $member, Vec::new())
        })*
    };
}

none! {
    snapshots: "DBSnapshots";
    instance_backups: "DBInstanceAutomatedBackups";
    global_clusters: "GlobalClusters";
    security_groups: "DBSecurityGroups";
    backtracks: "DBClusterBacktracks";
    exports: "ExportTasks";
    deployments: "BlueGreenDeployments";
    integrations: "Integrations";
    reserved: "ReservedDBInstances";
    shards: "DBShardGroups";
    recommendations: "DBRecommendations";
    tenants: "TenantDatabases";
}

/// `RebootDBCluster` is for Multi-AZ DB clusters, which Aurora's are not.
pub(super) fn reboot_cluster(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = &ctx.region.rds.cluster(input.required("DBClusterIdentifier")?)?.identifier;
    let message = format!("DB cluster {name} is an Aurora DB cluster: reboot its instances.");
    Err(Fault::new("InvalidDBClusterStateFault", message))
}

/// `DescribeSourceRegions`: every region but this one.
pub(super) fn source_regions(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let wanted = |name: &&str| *name != ctx.region_name && input.text("RegionName").is_none_or(|given| given == *name);
    let view = |name: &str| {
        json!({"RegionName": name, "Endpoint": format!("https://rds.{name}.amazonaws.com"), "Status": "available",
            "SupportsDBInstanceAutomatedBackupsReplication": false})
    };
    page(&input, "SourceRegions", ec2::region_names().filter(wanted).map(view).collect())
}

/// `DescribeAccountAttributes`: the quotas that are kept here, and how much of them is used.
pub(super) fn account_attributes(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    drop(input);
    let store = &ctx.region.rds;
    let manual = store.snapshots.values().filter(|snapshot| !snapshot.automated).count();
    let quotas = [
        ("DBClusters", store.clusters.len(), 40),
        ("DBInstances", store.instances.len(), 40),
        ("DBClusterParameterGroups", store.cluster_parameter_groups.len(), 50),
        ("DBParameterGroups", store.parameter_groups.len(), 50),
        ("DBSubnetGroups", store.subnet_groups.len(), 50),
        ("ManualClusterSnapshots", manual, 100),
        ("CustomEndpointsPerDBCluster", store.custom_endpoints.len(), 5),
    ];
    let view = |(name, used, most): (&str, usize, usize)| json!({"AccountQuotaName": name, "Used": used, "Max": most});
    Ok(json!({"AccountQuotas": quotas.map(view)}))
}

/// `CreateDBSnapshot`: every instance here is a member of a cluster.
pub(super) fn create_snapshot(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    ctx.region.rds.instance(input.required("DBInstanceIdentifier")?)?;
    Err(invalid(
        "The specified instance is a member of a cluster and a snapshot cannot be created directly. Please use the \
         CreateDBClusterSnapshot API instead.",
    ))
}

/// What is done to a snapshot of an instance.
pub(super) fn snapshot(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = input.text("DBSnapshotIdentifier").or(input.text("SourceDBSnapshotIdentifier")).unwrap_or_default();
    Err(missing("DBSnapshotNotFound", format!("DBSnapshot {name} not found.")))
}

/// `DeleteDBClusterAutomatedBackup`: those of clusters that exist cannot be deleted, and go with them.
pub(super) fn delete_backup(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let id = input.required("DbClusterResourceId")?;
    let message = format!("No retained automated backup of the cluster {id} exists.");
    Err(missing("DBClusterAutomatedBackupNotFoundFault", message))
}

/// `PromoteReadReplicaDBCluster`: no cluster here replicates another one.
pub(super) fn promote(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = &ctx.region.rds.cluster(input.required("DBClusterIdentifier")?)?.identifier;
    let message = format!("DB cluster {name} is not a read replica cluster.");
    Err(Fault::new("InvalidDBClusterStateFault", message))
}

/// `ModifyCurrentDBClusterCapacity` is for Aurora Serverless v1.
pub(super) fn modify_capacity(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = &ctx.region.rds.cluster(input.required("DBClusterIdentifier")?)?.identifier;
    let message = format!("DB cluster {name} is not a serverless cluster of engine mode serverless.");
    Err(Fault::new("InvalidDBClusterStateFault", message))
}

/// `ApplyPendingMaintenanceAction`: nothing is ever pending here.
pub(super) fn apply_maintenance(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let resource = input.required("ResourceIdentifier")?;
    Err(missing("ResourceNotFoundFault", format!("No maintenance action is pending for {resource}.")))
}

/// `DescribeValidDBInstanceModifications`: Aurora's storage has nothing to choose.
pub(super) fn valid_modifications(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    ctx.region.rds.instance(input.required("DBInstanceIdentifier")?)?;
    Ok(json!({"ValidDBInstanceModificationsMessage": {"Storage": [], "ValidProcessorFeatures": []}}))
}

/// `CreateEventSubscription`: SNS does not run here, so no topic exists.
pub(super) fn subscribe(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let topic = input.required("SnsTopicArn")?;
    if !topic.starts_with("arn:") || topic.split(':').nth(2) != Some("sns") {
        return Err(Fault::new("SNSInvalidTopic", format!("SNS topic ARN is invalid: {topic}")));
    }
    Err(missing("SNSTopicArnNotFound", format!("SNS topic not found: {topic}. The local cloud does not run SNS.")))
}

/// What is done to an event subscription, or asked about one.
pub(super) fn subscription(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = input.required("SubscriptionName")?;
    Err(missing("SubscriptionNotFound", format!("Event Subscription {name} not found.")))
}

/// `StartExportTask`: S3 does not run here, so no bucket exists.
pub(super) fn export(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let (arn, bucket, store) = (input.required("SourceArn")?, input.required("S3BucketName")?, &ctx.region.rds);
    let exists =
        store.clusters.values().any(|one| one.arn == arn) || store.snapshots.values().any(|one| one.arn == arn);
    if !exists {
        let (kind, code) = match arn.split(':').nth(5) {
            Some("cluster") => ("DBCluster", "DBClusterNotFoundFault"),
            Some("cluster-snapshot") => ("DBClusterSnapshot", "DBClusterSnapshotNotFoundFault"),
            _ => ("DBSnapshot", "DBSnapshotNotFound"),
        };
        return Err(missing(code, format!("{kind} {arn} not found.")));
    }
    let message = format!("The specified Amazon S3 bucket does not exist: {bucket}. The local cloud does not run S3.");
    Err(Fault::new("InvalidS3BucketFault", message))
}

/// `CancelExportTask`
pub(super) fn cancel_export(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = input.required("ExportTaskIdentifier")?;
    Err(missing("ExportTaskNotFound", format!("Export task {name} not found.")))
}

/// `DescribeEventSubscriptions`
pub(super) fn subscriptions(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    if input["SubscriptionName"].is_string() {
        return subscription(ctx, input);
    }
    page(&Input(input), "EventSubscriptionsList", Vec::new())
}
