//! What is done to a resource of a kind that cannot be made here: none has the name, in AWS's words.

use serde_json::Value;

use super::input::{Input, missing};
use crate::local::{fault::Fault, world::Ctx};

/// Calls about one that exists: what names it, how AWS calls it, and the code with which it refuses the name of none.
macro_rules! unknown {
    ($($name:ident: $member:literal, $noun:literal => $code:literal;)*) => {
        $(pub(super) fn $name(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
            let input = Input(input);
            let given = input.required($member)?;
            Err(missing($code, format!("{} {given} not found.", $noun)))
        })*
    };
}

unknown! {
    deployment: "BlueGreenDeploymentIdentifier", "BlueGreenDeployment" => "BlueGreenDeploymentNotFoundFault";
    global_cluster: "GlobalClusterIdentifier", "Global cluster" => "GlobalClusterNotFoundFault";
    integration: "IntegrationIdentifier", "Integration" => "IntegrationNotFoundFault";
    security_group: "DBSecurityGroupName", "DBSecurityGroup" => "DBSecurityGroupNotFound";
    shard_group: "DBShardGroupIdentifier", "DBShardGroup" => "DBShardGroupNotFound";
    engine_version: "EngineVersion", "Custom DB engine version" => "CustomDBEngineVersionNotFoundFault";
}

/// `CreateDBSecurityGroup`: they are of EC2-Classic, which AWS has ended.
pub(super) fn create_security_group(_: &mut Ctx<'_>, _: Value) -> Result<Value, Fault> {
    Err(Fault::new("DBSecurityGroupNotSupported", "DBSecurityGroup is not supported in this account."))
}

/// `DeleteDBInstanceAutomatedBackup`: Aurora's backups are its clusters'.
pub(super) fn instance_backup(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let given = input.text("DBInstanceAutomatedBackupsArn").or(input.text("DbiResourceId"));
    let given = given.ok_or_else(|| {
        super::input::combination("Either DbiResourceId or DBInstanceAutomatedBackupsArn has to be given.")
    })?;
    let message = format!("No retained automated backup of the DB instance {given} exists.");
    Err(missing("DBInstanceAutomatedBackupNotFound", message))
}

/// What is done to a tenant database: an instance that there is has none.
pub(super) fn tenant(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = &ctx.region.rds.instance(input.required("DBInstanceIdentifier")?)?.identifier;
    let tenant = input.required("TenantDBName")?;
    Err(missing("TenantDatabaseNotFound", format!("Tenant database {tenant} not found for DB instance {name}.")))
}

/// `DescribeDBSnapshotTenantDatabases`: of a snapshot of an instance, of which there are none.
pub(super) fn snapshot_tenants(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    if input["DBSnapshotIdentifier"].is_string() {
        return super::never::snapshot(ctx, input);
    }
    super::input::page(&Input(input), "DBSnapshotTenantDatabases", Vec::new())
}
