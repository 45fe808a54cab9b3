//! What happens to a cluster after it was made: changes, stops and starts, failover, deletion.

use serde_json::{Value, json};

use super::{
    Cluster, KEPT,
    creation::{check_common, note_optimized},
    master_secret::Change,
};
use crate::local::rds::{
    Store, engine,
    input::{Input, combination, identifier, invalid},
    instances,
    phase::{Password, Phase},
    renaming,
    rules::{self, Scaling},
    snapshots, times, watching, windows,
};
use crate::local::{fault::Fault, pace::Millis, world::Ctx};

const MODIFY: &[&str] = &[
    "DBClusterIdentifier",
    "NewDBClusterIdentifier",
    "ApplyImmediately",
    "BackupRetentionPeriod",
    "DBClusterParameterGroupName",
    "VpcSecurityGroupIds",
    "Port",
    "MasterUserPassword",
    "ManageMasterUserPassword",
    "MasterUserSecretKmsKeyId",
    "RotateMasterUserPassword",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "EnableIAMDatabaseAuthentication",
    "CloudwatchLogsExportConfiguration",
    "EngineVersion",
    "AllowMajorVersionUpgrade",
    "DeletionProtection",
    "EnableHttpEndpoint",
    "CopyTagsToSnapshot",
    "StorageType",
    "AutoMinorVersionUpgrade",
    "NetworkType",
    "ServerlessV2ScalingConfiguration",
    "EngineLifecycleSupport",
];

/// The state of a cluster and its instances that are given another version, which they have when that is over.
pub(in crate::local::rds) const UPGRADING: &str = "upgrading";

/// The member of `PendingModifiedValues` that holds a version that is to come.
const VERSION: &str = "EngineVersion";

/// How long a cluster may be stopped in AWS, which then starts it: seven days, in milliseconds.
const LONGEST_STOP: Millis = 7 * 24 * 60 * 60 * 1000;

fn answer(store: &Store, name: &str, now: u64) -> Result<Value, Fault> {
    Ok(json!({"DBCluster": store.cluster(name)?.view(store, now)}))
}

/// Turns logs on and off.
fn change_logs(cluster: &mut Cluster, input: &Input) -> Result<(), Fault> {
    let Some(change) = input.part("CloudwatchLogsExportConfiguration") else { return Ok(()) };
    let on = change.texts("EnableLogTypes").unwrap_or_default();
    let off = change.texts("DisableLogTypes").unwrap_or_default();
    rules::logs(&on, &cluster.version)?;
    rules::logs(&off, &cluster.version)?;
    cluster.logs.retain(|kind| !off.contains(kind) && !on.contains(kind));
    cluster.logs.extend(on);
    Ok(())
}

/// Takes the new version down among what waits: for the upgrade, which begins at once or in the maintenance window. What waits
/// for the window is applied with whatever is applied immediately.
fn change_version(cluster: &mut Cluster, input: &Input) -> Result<bool, Fault> {
    let now = input.flag("ApplyImmediately").unwrap_or(false);
    let waiting = cluster.pending.get(VERSION).filter(|_| now).and_then(|version| Some(version.as_str()?.to_owned()));
    let given = input.text("EngineVersion").map(str::to_owned);
    if given.as_ref() == Some(&cluster.version) {
        cluster.pending.remove(VERSION);
        return Ok(false);
    }
    let Some(to) = given.or(waiting) else { return Ok(false) };
    let to = to.as_str();
    engine::check_upgrade(&cluster.version, to, input.flag("AllowMajorVersionUpgrade").unwrap_or(false))?;
    let to = engine::choose(Some(to))?;
    if engine::family(to) != engine::family(&cluster.version) {
        return Err(combination(format!(
            "The local cloud cannot upgrade {} from {} to {to}: its server's data would have to be converted.",
            cluster.identifier, cluster.version
        )));
    }
    cluster.pending.insert(VERSION.to_owned(), json!(to));
    Ok(now)
}

pub(crate) fn modify(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    input.only("ModifyDBCluster", &watching::and_watching(MODIFY))?;
    let before = ctx.region.rds.available_cluster(input.required("DBClusterIdentifier")?)?.clone();
    let mut cluster = before.clone();
    check_common(ctx, &input, &cluster.version)?;
    let secret = Change::of(&input, cluster.master_secret.is_some())?;
    let upgraded = change_version(&mut cluster, &input)?;
    if let Some(password) = input.text("MasterUserPassword") {
        rules::password(password)?;
        cluster.password = Password(password.to_owned());
        cluster.passwords += 1;
    }
    if let Some(group) = input.text("DBClusterParameterGroupName").map(str::to_ascii_lowercase) {
        ctx.region.rds.check_cluster_group(&group, &cluster.version)?;
        cluster.parameter_group = group;
    }
    if let Some(groups) = input.texts("VpcSecurityGroupIds") {
        cluster.security_groups = rules::security_groups(ctx, Some(groups), &cluster.vpc_id)?;
    }
    if let Some(port) = input.number("Port") {
        cluster.take_port(rules::port(port)?);
    }
    cluster.scaling = Scaling::given(&input, cluster.scaling.as_ref())?;
    change_logs(&mut cluster, &input)?;
    input.keep(KEPT, &mut cluster.kept);
    watching::keep(ctx, &input, &mut cluster.kept);
    if cluster.kept.get("StorageType") != before.kept.get("StorageType") {
        note_optimized(ctx, &input, &mut cluster.kept);
    }
    windows::normalize(&mut cluster.kept);
    let window = |member: &str| cluster.kept.get(member).and_then(Value::as_str);
    windows::check(window("PreferredBackupWindow"), window("PreferredMaintenanceWindow"))?;
    let check_name = |name: &str| ctx.region.rds.check_cluster_name(name);
    let identifiers = ("NewDBClusterIdentifier", renaming::CLUSTER);
    let renamed = renaming::plan(&input, identifiers, &before.identifier, &mut cluster.pending, check_name)?;
    secret.apply(ctx, &mut cluster, &input)?;
    let (status, duration) = match () {
        () if renamed => (renaming::RENAMING, if upgraded { times::UPGRADE } else { times::RENAMING }),
        () if upgraded => (UPGRADING, times::UPGRADE),
        () if cluster.renews_password(&before) => ("resetting-master-credentials", times::PASSWORD),
        () => ("modifying", times::MODIFICATION),
    };
    let until = ctx.pace.after(ctx.now, duration);
    if renamed || upgraded || is_visible(&before, &cluster) {
        cluster.phase = Phase::until(status, until, "available");
        cluster.progress.want();
    }
    if upgraded {
        let all = ctx.region.rds.instances.values_mut();
        for member in all.filter(|one| one.cluster == before.identifier && one.phase.is("available")) {
            member.phase = Phase::until(UPGRADING, until, "available");
        }
    }
    let (watched, name) = (watching::of_all(&cluster.kept), cluster.identifier.clone());
    if watched != watching::of_all(&before.kept) {
        watching::hand_on(ctx, &name, &watched);
    }
    let regrouped = before.security_groups != cluster.security_groups;
    let restarted = before.listener != cluster.listener;
    ctx.region.rds.clusters.insert(name.clone(), cluster);
    if restarted {
        ctx.region.rds.boot_members(&name);
    }
    if regrouped {
        instances::regroup(ctx, &name);
    }
    answer(&ctx.region.rds, &name, ctx.now)
}

/// Whether a change is one that the cluster is busy with for a while; switches are not.
fn is_visible(before: &Cluster, after: &Cluster) -> bool {
    after.renews_password(before)
        || before.parameter_group != after.parameter_group
        || before.security_groups != after.security_groups
        || before.listener != after.listener
        || before.scaling != after.scaling
        || before.logs != after.logs
}

impl Cluster {
    /// Takes the version over for which it has waited; answers whether there was one.
    pub(in crate::local::rds) fn take_version(&mut self) -> bool {
        let Some(Value::String(version)) = self.pending.remove(VERSION) else { return false };
        self.version = version;
        true
    }

    fn renews_password(&self, before: &Self) -> bool {
        (self.passwords, &self.password) != (before.passwords, &before.password)
    }
}

pub(crate) fn delete(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    input.only(
        "DeleteDBCluster",
        &["DBClusterIdentifier", "SkipFinalSnapshot", "FinalDBSnapshotIdentifier", "DeleteAutomatedBackups"],
    )?;
    let cluster = ctx.region.rds.cluster(input.required("DBClusterIdentifier")?)?.clone();
    let name = cluster.identifier.clone();
    if input.flag("DeleteAutomatedBackups") == Some(false) {
        return Err(combination(
            "The local cloud has no backups to keep of a cluster that is deleted: DeleteAutomatedBackups has to be true, \
             and FinalDBSnapshotIdentifier keeps its data.",
        ));
    }
    if cluster.kept.get("DeletionProtection") == Some(&json!(true)) {
        return Err(combination("Cannot delete protected Cluster, please disable deletion protection and try again."));
    }
    if cluster.phase.is("deleting") {
        return Err(Fault::new("InvalidDBClusterStateFault", format!("DB cluster {name} is already being deleted.")));
    }
    let failed = cluster.status() == "failed";
    if !failed {
        ctx.region.rds.available_cluster(&name)?;
    }
    if ctx.region.rds.members(&name).any(|instance| !instance.phase.is("deleting")) {
        let message = "Cluster cannot be deleted, it still contains DB instances in non-deleting state.";
        return Err(Fault::new("InvalidDBClusterStateFault", message));
    }
    let mut final_snapshot = None;
    match (input.flag("SkipFinalSnapshot").unwrap_or(false), input.text("FinalDBSnapshotIdentifier")) {
        (true, Some(_)) => {
            let message =
                "FinalDBSnapshotIdentifier can not be specified when deleting a cluster with skipFinalSnapshot = true";
            return Err(combination(message));
        }
        (false, None) => {
            return Err(combination("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."));
        }
        (false, Some(_)) if failed => {
            let message =
                format!("DB cluster {name} has failed: it has no data that a final snapshot could be taken of.");
            return Err(Fault::new("InvalidDBClusterStateFault", message));
        }
        (false, Some(snapshot)) => {
            let snapshot = identifier("FinalDBSnapshotIdentifier", snapshot, 255)?;
            snapshots::take(ctx, &cluster, snapshot.clone(), Default::default())?;
            final_snapshot = Some(snapshot);
        }
        (true, None) => {}
    }
    let until = ctx.pace.after(ctx.now, times::CLUSTER_DELETION);
    let doomed = ctx.region.rds.cluster_mut(&name)?;
    doomed.phase = Phase::until("deleting", until, "deleted");
    doomed.final_snapshot = final_snapshot;
    doomed.progress.want();
    answer(&ctx.region.rds, &name, ctx.now)
}

pub(crate) fn stop(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let cluster = ctx.region.rds.cluster(input.required("DBClusterIdentifier")?)?;
    let name = cluster.identifier.clone();
    if cluster.status() != "available" {
        let message =
            format!("DbCluster {name} is in {} state but expected it to be one of available.", cluster.status());
        return Err(Fault::new("InvalidDBClusterStateFault", message));
    }
    if let Some(busy) = ctx.region.rds.members(&name).find(|instance| !instance.phase.is("available")) {
        let message =
            format!("DB instance {} is not in the available state: it is {}.", busy.identifier, busy.phase.status);
        return Err(Fault::new("InvalidDBClusterStateFault", message));
    }
    change_all(ctx, &name, ("stopping", "stopped"), times::CLUSTER_STOP)?;
    let cluster = ctx.region.rds.cluster_mut(&name)?;
    cluster.restarts_at = cluster.phase.end().map(|stopped| stopped + LONGEST_STOP);
    answer(&ctx.region.rds, &name, ctx.now)
}

pub(crate) fn start(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let cluster = ctx.region.rds.cluster(input.required("DBClusterIdentifier")?)?;
    let name = cluster.identifier.clone();
    if !cluster.phase.is("stopped") {
        let message =
            format!("DbCluster {name} is in {} state but expected it to be one of stopped.", cluster.status());
        return Err(Fault::new("InvalidDBClusterStateFault", message));
    }
    ctx.region.rds.boot_members(&name);
    change_all(ctx, &name, ("starting", "available"), times::CLUSTER_START)?;
    answer(&ctx.region.rds, &name, ctx.now)
}

/// Moves a cluster and its members together.
fn change_all(
    ctx: &mut Ctx<'_>,
    name: &str,
    (status, then): (&str, &str),
    time: std::time::Duration,
) -> Result<(), Fault> {
    let phase = Phase::until(status, ctx.pace.after(ctx.now, time), then);
    for instance in ctx.region.rds.instances.values_mut().filter(|instance| instance.cluster == name) {
        instance.phase = phase.clone();
    }
    let cluster = ctx.region.rds.cluster_mut(name)?;
    cluster.phase = phase;
    cluster.progress.want();
    Ok(())
}

pub(crate) fn failover(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let cluster = ctx.region.rds.available_cluster(input.required("DBClusterIdentifier")?)?;
    let name = cluster.identifier.clone();
    let arn = cluster.arn.clone();
    let wanted = input.text("TargetDBInstanceIdentifier").map(super::key);
    let mut readers: Vec<_> =
        ctx.region.rds.members(&name).filter(|one| !one.writer && one.phase.is("available")).collect();
    readers.sort_by_key(|reader| reader.promotion_tier());
    let target = match &wanted {
        Some(id) => readers.into_iter().find(|reader| reader.identifier == *id),
        None => readers.into_iter().next(),
    };
    let Some(target) = target.map(|target| target.identifier.clone()) else {
        let is_reader = |id: &String| ctx.region.rds.members(&name).any(|one| !one.writer && one.identifier == *id);
        return Err(match wanted {
            Some(id) if is_reader(&id) => {
                Fault::new("InvalidDBInstanceState", format!("DB instance {id} is not in the available state."))
            }
            Some(id) => invalid(format!("DB instance {id} is not a reader of DB cluster {name}.")),
            None => {
                Fault::new("InvalidDBClusterStateFault", format!("DB cluster {name} has no reader to fail over to."))
            }
        });
    };
    let zone = |instance: &instances::Instance| instance.zone.clone();
    let from = ctx.region.rds.members(&name).find(|one| one.writer).map(zone);
    let is_near = from == ctx.region.rds.instances.get(&target).map(zone);
    ctx.region.rds.promote(&name, &target);
    // Its servers start anew.
    ctx.region.rds.boot_members(&name);
    let until = ctx.pace.after(ctx.now, times::FAILOVER);
    let cluster = ctx.region.rds.cluster_mut(&name)?;
    cluster.phase = Phase::until("failing-over", until, "available");
    // Every connection is lost, as in AWS.
    cluster.restarts += 1;
    cluster.progress.want();
    ctx.region.rds.note(
        ctx.now,
        "db-cluster",
        &arn,
        "failover",
        format!("Started {} AZ failover to DB instance: {target}", if is_near { "same" } else { "cross" }),
    );
    answer(&ctx.region.rds, &name, ctx.now)
}

/// The Data API's switch.
fn switch_http(ctx: &mut Ctx<'_>, input: Value, on: bool) -> Result<Value, Fault> {
    let input = Input(input);
    let arn = input.required("ResourceArn")?;
    let absent =
        || crate::local::rds::input::missing("ResourceNotFoundFault", format!("The resource {arn} does not exist."));
    let cluster = ctx.region.rds.clusters.values_mut().find(|cluster| cluster.arn == arn).ok_or_else(absent)?;
    if cluster.status() != "available" {
        let message =
            format!("DB cluster {} is not in the available state: it is {}.", cluster.identifier, cluster.status());
        return Err(Fault::new("InvalidResourceStateFault", message));
    }
    cluster.kept.insert("HttpEndpointEnabled".to_owned(), json!(on));
    Ok(json!({"ResourceArn": arn, "HttpEndpointEnabled": on}))
}

pub(crate) fn enable_http(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    switch_http(ctx, input, true)
}

pub(crate) fn disable_http(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    switch_http(ctx, input, false)
}
