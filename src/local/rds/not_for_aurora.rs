//! What AWS has for other engines, or for instances outside of clusters, and refuses to clusters of Aurora PostgreSQL.

use serde_json::Value;

use super::{
    engine,
    input::{Input, invalid, missing},
};
use crate::local::{fault::Fault, world::Ctx};

/// `BacktrackDBCluster`, which is for Aurora MySQL.
pub(super) fn backtrack(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = &ctx.region.rds.cluster(input.required("DBClusterIdentifier")?)?.identifier;
    let message =
        format!("Backtrack is not enabled for DB cluster {name}: it applies only to Aurora MySQL DB clusters.");
    Err(Fault::new("InvalidDBClusterStateFault", message))
}

/// `PromoteReadReplica` and `SwitchoverReadReplica`: a reader of a cluster is no read replica.
pub(super) fn promote(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = &ctx.region.rds.instance(input.required("DBInstanceIdentifier")?)?.identifier;
    Err(Fault::new("InvalidDBInstanceState", format!("DB Instance {name} is not a read replica.")))
}

/// `RemoveRoleFromDBInstance`: members of a cluster have none, for a role is its cluster's.
pub(super) fn remove_role(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = &ctx.region.rds.instance(input.required("DBInstanceIdentifier")?)?.identifier;
    let (role, feature) = (input.required("RoleArn")?, input.required("FeatureName")?);
    let message = format!("Role {role} for {feature} is not associated with DB instance {name}.");
    Err(missing("DBInstanceRoleNotFound", message))
}

/// `StopActivityStream`: none is ever started here.
pub(super) fn stop_stream(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let cluster = streamed(ctx, input.required("ResourceArn")?)?;
    let message = format!("The activity stream of DB cluster {cluster} is not started.");
    Err(Fault::new("InvalidDBClusterStateFault", message))
}

/// `ModifyActivityStream`, which is for RDS for Oracle and SQL Server.
pub(super) fn modify_stream(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let arn = input.text("ResourceArn").unwrap_or_default();
    let found = ctx.region.rds.instances.values().find(|one| one.arn == arn);
    let found =
        found.ok_or_else(|| missing("ResourceNotFoundFault", format!("The resource {arn} is not a DB instance.")))?;
    let message =
        format!("DB Instance {} has no activity stream of its own: its engine is aurora-postgresql.", found.identifier);
    Err(Fault::new("InvalidDBInstanceState", message))
}

/// The cluster of an activity stream, by its ARN.
fn streamed(ctx: &Ctx<'_>, arn: &str) -> Result<String, Fault> {
    let found = ctx.region.rds.clusters.values().find(|one| one.arn == arn);
    let absent = || match arn.split(':').nth(5) {
        Some("cluster") => missing("DBClusterNotFoundFault", format!("DBCluster {arn} not found.")),
        _ => missing("ResourceNotFoundFault", format!("The resource {arn} is not a DB cluster.")),
    };
    found.map(|cluster| cluster.identifier.clone()).ok_or_else(absent)
}

/// `RestoreDBClusterFromS3` and `RestoreDBInstanceFromS3`: from MySQL's data alone.
pub(super) fn restore_from_s3(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let engine = input.required("Engine")?;
    engine::check(engine)?;
    Err(invalid(format!("Invalid DB engine: {engine}. Only data of MySQL can be restored from Amazon S3.")))
}
