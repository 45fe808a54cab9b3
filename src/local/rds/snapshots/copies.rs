//! Copies of snapshots, and clusters made from what another one holds now.

use serde_json::{Value, json};

use super::sharing::Sight;
use crate::local::rds::{
    arn,
    clusters::{self, creation, key},
    engine,
    input::{Filters, Input, combination, identifier, invalid},
    phase::Phase,
    tags, times, watching,
};
use crate::local::{fault::Fault, members::random_uuid, world::Ctx};

/// `CopyDBClusterSnapshot`, also of one of another region or account, by its ARN. The two share the data; it goes with the last
/// one. AWS ignores `PreSignedUrl` in most regions, and SDKs send it nevertheless.
pub(crate) fn copy(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let known = [
        "SourceDBClusterSnapshotIdentifier",
        "TargetDBClusterSnapshotIdentifier",
        "KmsKeyId",
        "CopyTags",
        "Tags",
        "PreSignedUrl",
    ];
    input.only("CopyDBClusterSnapshot", &known)?;
    let source = ctx.snapshot_anywhere(input.required("SourceDBClusterSnapshotIdentifier")?)?;
    source.check_available()?;
    let target = input.required("TargetDBClusterSnapshotIdentifier")?;
    let name = identifier("TargetDBClusterSnapshotIdentifier", target, 255)?;
    super::check_free(&ctx.region.rds, &name)?;
    let mut given = tags::given(&input)?;
    let is_own = source.sight(ctx.account) == Some(Sight::Own);
    if input.flag("CopyTags") == Some(true) && is_own && given.is_empty() {
        given.clone_from(&source.tags);
    }
    let phase = Phase::until("copying", ctx.pace.after(ctx.now, times::SNAPSHOT), "available");
    let mut copy = source.copied_to(&name, ctx.rds_arn("cluster-snapshot", &name), phase, given);
    let is_elsewhere = !ctx.region.rds.snapshots.values().any(|own| own.arn == source.arn);
    if is_elsewhere && source.is_encrypted() && !input.has("KmsKeyId") {
        return Err(combination(
            "KmsKeyId must be given for the copy of an encrypted snapshot of another region or account.",
        ));
    }
    if let Some(kms) = input.text("KmsKeyId") {
        if !source.is_encrypted() {
            let message = "KmsKeyId cannot be given for the copy of an unencrypted snapshot: restore it with a key.";
            return Err(combination(message));
        }
        copy.encrypt(&ctx.key_arn(kms));
    }
    let answer = copy.view();
    ctx.region.rds.note(ctx.now, "db-cluster-snapshot", &copy.arn, "backup", "Copying manual cluster snapshot");
    ctx.region.rds.snapshots.insert(name, copy);
    Ok(json!({"DBClusterSnapshot": answer}))
}

/// `RestoreDBClusterToPointInTime`. What the source holds now is copied; an earlier time cannot be gone back to, for
/// nothing is archived here.
pub(crate) fn restore_to_point_in_time(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let mut known = watching::and_watching(super::RESTORE);
    known.retain(|member| {
        !["SnapshotIdentifier", "DatabaseName", "Engine", "EngineVersion", "AvailabilityZones"].contains(member)
    });
    known.extend(["SourceDBClusterIdentifier", "RestoreToTime", "UseLatestRestorableTime", "RestoreType"]);
    input.only("RestoreDBClusterToPointInTime", &known)?;
    let source = input.required("SourceDBClusterIdentifier")?;
    let source = match ctx.region.rds.cluster(source)? {
        // Its storage is there as well.
        stopped if stopped.status() == "stopped" => stopped.clone(),
        _ => ctx.region.rds.available_cluster(source)?.clone(),
    };
    let latest = input.flag("UseLatestRestorableTime").unwrap_or(false);
    match (latest, input.text("RestoreToTime")) {
        (true, Some(_)) => {
            return Err(combination("Cannot specify both UseLatestRestorableTime and RestoreToTime."));
        }
        (false, None) => return Err(combination("Specify either UseLatestRestorableTime or RestoreToTime.")),
        (false, Some(_)) => {
            return Err(combination(
                "The local cloud archives no changes, so it can restore to the latest time only: give \
                 UseLatestRestorableTime in place of RestoreToTime.",
            ));
        }
        (true, None) => {}
    }
    if let Some(kind) = input.text("RestoreType").filter(|kind| !["full-copy", "copy-on-write"].contains(kind)) {
        return Err(invalid(format!("Invalid restore type: {kind}. Valid values: full-copy, copy-on-write")));
    }
    let mut described = input.0.clone();
    described["Engine"] = json!(engine::ENGINE);
    let mut cluster = creation::draft(ctx, &Input(described), &source.version)?;
    // The data is copied as an automated snapshot is.
    let name = format!("{}-{}", source.identifier, arn::hex_id(""));
    let mut snapshot = super::begin(ctx, &source, &name, tags::Tags::new())?;
    snapshot.automated = true;
    snapshot.identifier = format!("rds:{name}");
    snapshot.hand_to(&mut cluster, &input);
    ctx.region.rds.snapshots.insert(name, snapshot);
    if !input.has("ServerlessV2ScalingConfiguration") {
        cluster.scaling = source.scaling;
    }
    cluster.clone_group = source.clone_group;
    if input.text("RestoreType") == Some("copy-on-write") {
        let group = cluster.clone_group.get_or_insert_with(random_uuid).clone();
        ctx.region.rds.cluster_mut(&source.identifier)?.clone_group = Some(group);
    }
    Ok(creation::admit(ctx, cluster))
}

/// `DescribeDBClusterAutomatedBackups`: what each cluster could be restored from.
pub(crate) fn automated_backups(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let filters = Filters::of(&input, &["status", "db-cluster-id", "db-cluster-resource-id"])?;
    let wanted = |cluster: &&clusters::Cluster| {
        // Of a cluster that is gone nothing is retained.
        filters.pass("status", &["active"])
            && filters.pass("db-cluster-id", &[&cluster.identifier])
            && filters.pass("db-cluster-resource-id", &[&cluster.resource_id])
            && input.text("DBClusterIdentifier").is_none_or(|name| key(name) == cluster.identifier)
            && input.text("DbClusterResourceId").is_none_or(|id| id == cluster.resource_id)
    };
    let view = |cluster: &clusters::Cluster| {
        let shown = cluster.view(&ctx.region.rds, ctx.now);
        let same = |member: &str| shown[member].clone();
        json!({
            "Engine": same("Engine"), "EngineVersion": same("EngineVersion"), "EngineMode": same("EngineMode"),
            "DBClusterIdentifier": same("DBClusterIdentifier"), "DBClusterArn": same("DBClusterArn"),
            "DbClusterResourceId": same("DbClusterResourceId"), "MasterUsername": same("MasterUsername"),
            "ClusterCreateTime": same("ClusterCreateTime"), "StorageEncrypted": same("StorageEncrypted"),
            "KmsKeyId": same("KmsKeyId"), "BackupRetentionPeriod": same("BackupRetentionPeriod"),
            "PreferredBackupWindow": same("PreferredBackupWindow"), "Port": same("Port"), "VpcId": cluster.vpc_id,
            "AvailabilityZones": same("AvailabilityZones"), "Status": "active", "Region": ctx.region_name,
            "AllocatedStorage": same("AllocatedStorage"), "LicenseModel": "postgresql-license",
            "RestoreWindow": {"EarliestTime": same("EarliestRestorableTime"), "LatestTime": same("LatestRestorableTime")},
            "IAMDatabaseAuthenticationEnabled": same("IAMDatabaseAuthenticationEnabled"),
        })
    };
    let backups = ctx.region.rds.clusters.values().filter(wanted).map(view).collect();
    crate::local::rds::input::page(&input, "DBClusterAutomatedBackups", backups)
}
