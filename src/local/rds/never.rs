//! What cannot be made here and so never is: other tools ask for it all the same, and get AWS's answer to who has none.

use serde_json::{Value, json};

use super::input::{Input, missing, page};
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
    option_groups: "OptionGroupsList";
    security_groups: "DBSecurityGroups";
    backtracks: "DBClusterBacktracks";
    exports: "ExportTasks";
    deployments: "BlueGreenDeployments";
    integrations: "Integrations";
    reserved: "ReservedDBInstances";
    shards: "DBShardGroups";
    subscriptions: "EventSubscriptionsList";
}

/// A snapshot of an instance: members of clusters have none.
pub(super) fn snapshot_attributes(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = input.required("DBSnapshotIdentifier")?;
    Err(missing("DBSnapshotNotFound", format!("DBSnapshot {name} not found.")))
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
