//! What happens to an instance after it was made.

use serde_json::{Value, json};

use super::{
    Instance,
    settings::{KEPT, OF_THE_CLUSTER, check_kept},
};
use crate::local::rds::{
    classes,
    input::{Input, combination},
    phase::Phase,
    renaming, times, watching, windows,
};
use crate::local::{fault::Fault, world::Ctx};

const MODIFY: &[&str] = &[
    "DBInstanceIdentifier",
    "NewDBInstanceIdentifier",
    "DBInstanceClass",
    "ApplyImmediately",
    "DBParameterGroupName",
    "PromotionTier",
    "PubliclyAccessible",
    "AutoMinorVersionUpgrade",
    "PreferredMaintenanceWindow",
    "CACertificateIdentifier",
    "CertificateRotationRestart",
    "CopyTagsToSnapshot",
];

/// What waits for the maintenance window or a reboot unless a call says `ApplyImmediately`; everything else that the local
/// cloud takes AWS applies at once in any case. The windows of a local cloud never come: that is a matter of days.
const DEFERRED: &[&str] = &["DBInstanceClass", "CACertificateIdentifier"];

pub(crate) fn modify(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    if let Some((_, what)) = OF_THE_CLUSTER.iter().find(|(member, _)| input.has(member)) {
        return Err(combination(format!(
            "The DB instance is a member of a DB cluster. Set {what} for the DB cluster."
        )));
    }
    let members = watching::and_watching(MODIFY);
    input.only("ModifyDBInstance", &members)?;
    let store = &ctx.region.rds;
    let before = store.available_instance(input.required("DBInstanceIdentifier")?)?.clone();
    let applies = input.flag("ApplyImmediately") == Some(true) && !before.pending.is_empty();
    let asks = |member: &&str| !["DBInstanceIdentifier", "ApplyImmediately"].contains(member) && input.has(member);
    if !applies && !members.iter().any(asks) {
        return Err(combination("No modifications were requested"));
    }
    let cluster = store.cluster(&before.cluster)?;
    let mut instance = before.clone();
    check_kept(ctx, &input)?;
    if let Some(class) = input.text("DBInstanceClass") {
        classes::check(class, "modifying", cluster)?;
    }
    if let Some(group) = input.text("DBParameterGroupName").map(str::to_ascii_lowercase) {
        store.check_instance_group(&group, &cluster.version)?;
        instance.parameter_group = group;
    }
    let members = KEPT.iter().copied().chain([("DBInstanceClass", "DBInstanceClass")]);
    let (deferred, at_once): (Vec<_>, Vec<_>) = members.partition(|(member, _)| DEFERRED.contains(member));
    input.keep(&at_once, &mut instance.kept);
    watching::keep(ctx, &input, &mut instance.kept);
    windows::normalize(&mut instance.kept);
    input.keep(&deferred, &mut instance.pending);
    let (class, authority) = (json!(before.class), before.kept.get("CACertificateIdentifier"));
    // What is as it is to be waits for nothing, and ends the waiting of something else.
    instance.pending.retain(|member, value| match member.as_str() {
        "DBInstanceClass" => *value != class,
        renaming::INSTANCE => true,
        _ => Some(&*value) != authority,
    });
    let check_name = |name: &str| store.check_instance_name(name);
    let identifiers = ("NewDBInstanceIdentifier", renaming::INSTANCE);
    let renamed = renaming::plan(&input, identifiers, &before.identifier, &mut instance.pending, check_name)?;
    if input.flag("ApplyImmediately") == Some(true) {
        instance.apply_pending();
    }
    if instance.class != before.class || instance.kept != before.kept {
        instance.phase = Phase::until("modifying", ctx.pace.after(ctx.now, times::MODIFICATION), "available");
    }
    if renamed {
        // It reboots, too.
        instance.boot = Some(store.boot(&instance));
        instance.phase = Phase::until(renaming::RENAMING, ctx.pace.after(ctx.now, times::RENAMING), "available");
    }
    instance.resizing = instance.class != before.class;
    let answer = json!({"DBInstance": instance.view(store, ctx.now)});
    if renamed && instance.writer {
        let cluster = ctx.region.rds.cluster_mut(&instance.cluster)?;
        cluster.restarts += 1;
        cluster.progress.want();
    }
    for change in told(&before, &instance) {
        ctx.region.rds.note(ctx.now, "db-instance", &instance.arn, "configuration change", change);
    }
    ctx.region.rds.instances.insert(instance.identifier.clone(), instance);
    Ok(answer)
}

/// What RDS tells of changes when they are called for.
fn told(before: &Instance, after: &Instance) -> Vec<String> {
    let interval = |one: &Instance| one.kept.get("MonitoringInterval").and_then(Value::as_i64).unwrap_or_default();
    let mut told = Vec::new();
    if after.resizing {
        told.push("Applying modification to database instance class".to_owned());
    }
    if before.parameter_group != after.parameter_group {
        told.push(format!("Updated to use DBParameterGroup {}", after.parameter_group));
    }
    if interval(before) != interval(after) {
        told.push(format!("Monitoring Interval changed to {}", interval(after)));
    }
    told
}

pub(crate) fn delete(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let mut instance = ctx.region.rds.instance(input.required("DBInstanceIdentifier")?)?.clone();
    if input.has("FinalDBSnapshotIdentifier") {
        return Err(combination("FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance"));
    }
    if instance.phase.is("deleting") {
        let message = format!("Instance {} is already being deleted.", instance.identifier);
        return Err(Fault::new("InvalidDBInstanceState", message));
    }
    let cluster = ctx.region.rds.cluster(&instance.cluster)?;
    let ready = cluster.status() == "available" || cluster.status() == "failed";
    if !ready {
        let message =
            format!("DB cluster {} is not in the available state: it is {}.", cluster.identifier, cluster.status());
        return Err(Fault::new("InvalidDBClusterStateFault", message));
    }
    instance.phase = Phase::until("deleting", ctx.pace.after(ctx.now, times::INSTANCE_DELETION), "deleted");
    let answer = json!({"DBInstance": instance.view(&ctx.region.rds, ctx.now)});
    let (name, cluster, writer) = (instance.identifier.clone(), instance.cluster.clone(), instance.writer);
    let store = &mut ctx.region.rds;
    store.instances.insert(name.clone(), instance);
    let heir = store.members(&cluster).filter(|member| member.is_sound()).min_by_key(|member| member.promotion_tier());
    if let (true, Some(heir)) = (writer, heir.map(|heir| heir.identifier.clone())) {
        store.promote(&cluster, &heir);
    }
    if let Some(cluster) = store.clusters.get_mut(&cluster) {
        cluster.progress.want();
    }
    Ok(answer)
}

pub(crate) fn reboot(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    if input.flag("ForceFailover") == Some(true) {
        return Err(combination("Cannot force failover since the instance is not configured for MultiAZ."));
    }
    let mut instance = ctx.region.rds.available_instance(input.required("DBInstanceIdentifier")?)?.clone();
    instance.phase = Phase::until("rebooting", ctx.pace.after(ctx.now, times::REBOOT), "available");
    instance.apply_pending();
    instance.boot = Some(ctx.region.rds.boot(&instance));
    // The readers' server starts anew only where one of its parameters waits for that.
    let cluster = ctx.region.rds.cluster_mut(&instance.cluster)?;
    cluster.restarts += u64::from(instance.writer);
    cluster.progress.want();
    let answer = json!({"DBInstance": instance.view(&ctx.region.rds, ctx.now)});
    ctx.region.rds.note(ctx.now, "db-instance", &instance.arn, "availability", "DB instance shutdown");
    ctx.region.rds.instances.insert(instance.identifier.clone(), instance);
    Ok(answer)
}

/// `StartDBInstance` and `StopDBInstance`: a member starts and stops with its cluster.
pub(crate) fn refuse_alone(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let instance = ctx.region.rds.instance(input.required("DBInstanceIdentifier")?)?;
    let message = format!(
        "DB instance {} is a member of the DB cluster {}: start or stop the cluster.",
        instance.identifier, instance.cluster
    );
    Err(Fault::new("InvalidDBClusterStateFault", message))
}
