//! How a cluster is made: what a call asks for, checked as RDS does, and taken into the store.

use serde_json::{Map, Value, json};

use super::{Cluster, KEPT, master_secret::Change};
use crate::local::rds::{
    arn, engine,
    events::time,
    input::{Input, combination, identifier, invalid},
    phase::{Password, Phase, Progress},
    rules::{self, Scaling},
    subnet_groups, tags, times, watching, windows,
};
use crate::local::{fault::Fault, iam::service_linked, world::Ctx};

const CREATE: &[&str] = &[
    "AvailabilityZones",
    "BackupRetentionPeriod",
    "DatabaseName",
    "DBClusterIdentifier",
    "DBClusterParameterGroupName",
    "VpcSecurityGroupIds",
    "DBSubnetGroupName",
    "Engine",
    "EngineVersion",
    "Port",
    "MasterUsername",
    "MasterUserPassword",
    "ManageMasterUserPassword",
    "MasterUserSecretKmsKeyId",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "Tags",
    "StorageEncrypted",
    "KmsKeyId",
    "EnableIAMDatabaseAuthentication",
    "EnableCloudwatchLogsExports",
    "EngineMode",
    "StorageType",
    "AutoMinorVersionUpgrade",
    "DeletionProtection",
    "EnableHttpEndpoint",
    "CopyTagsToSnapshot",
    "NetworkType",
    "ServerlessV2ScalingConfiguration",
    "EngineLifecycleSupport",
];

/// The defaults that AWS answers for what a call left out.
fn defaults(ctx: &Ctx<'_>, encrypted: bool) -> Map<String, Value> {
    let kept = json!({
        "BackupRetentionPeriod": 1, "PreferredBackupWindow": "03:12-03:42",
        "PreferredMaintenanceWindow": "sun:05:20-sun:05:50", "CopyTagsToSnapshot": false, "DeletionProtection": false,
        "HttpEndpointEnabled": false, "IAMDatabaseAuthenticationEnabled": false, "NetworkType": "IPV4", "AutoMinorVersionUpgrade": true,
        "EngineLifecycleSupport": "open-source-rds-extended-support",
        "StorageEncrypted": encrypted, "KmsKeyId": encrypted.then(|| ctx.default_key()),
    });
    let mut kept = kept.as_object().cloned().unwrap_or_default();
    kept.extend(watching::defaults());
    kept
}

/// Checks the members that creating, restoring and modifying share.
pub(super) fn check_common(ctx: &Ctx<'_>, input: &Input, version: &str) -> Result<(), Fault> {
    if let Some(days) = input.number("BackupRetentionPeriod") {
        rules::retention(days)?;
    }
    if let Some(support) = input.text("EngineLifecycleSupport") {
        rules::lifecycle(support)?;
    }
    if let Some(kind) = input.text("StorageType").filter(|kind| !["aurora", "aurora-iopt1"].contains(kind)) {
        return Err(invalid(format!("Invalid storage type: {kind}. Valid values: aurora, aurora-iopt1")));
    }
    if let Some(other) = input.text("NetworkType").filter(|kind| *kind != "IPV4") {
        let message = format!("The network type {other} isn't supported: the subnets have IPv4 addresses only.");
        return Err(Fault::new("NetworkTypeNotSupported", message));
    }
    watching::check(ctx, input)?;
    rules::keys(input)?;
    rules::logs(&input.texts("EnableCloudwatchLogsExports").unwrap_or_default(), version)?;
    windows::check(input.text("PreferredBackupWindow"), input.text("PreferredMaintenanceWindow"))
}

/// Notes when storage may be optimized for I/O again: thirty days after it was.
pub(super) fn note_optimized(ctx: &Ctx<'_>, input: &Input, kept: &mut Map<String, Value>) {
    const MONTH: u64 = 30 * 24 * 60 * 60 * 1000;
    if input.text("StorageType") == Some("aurora-iopt1") {
        kept.insert("IOOptimizedNextAllowedModificationTime".to_owned(), json!(time(ctx.now + MONTH)));
    }
}

/// A cluster as the call describes it, checked; without the master user, which a restore takes from elsewhere.
pub(crate) fn draft(ctx: &mut Ctx<'_>, input: &Input, version: &str) -> Result<Cluster, Fault> {
    let identifier = identifier("DBClusterIdentifier", input.required("DBClusterIdentifier")?, 63)?;
    ctx.region.rds.check_cluster_name(&identifier)?;
    engine::check(input.required("Engine")?)?;
    if let Some(mode) = input.text("EngineMode").filter(|mode| *mode != "provisioned") {
        return Err(combination(format!("The engine mode {mode} you requested is currently unavailable.")));
    }
    check_common(ctx, input, version)?;
    let scaling = Scaling::given(input, None)?;
    let port = input.number("Port").map_or(Ok(5432), rules::port)?;
    let family = engine::family(version);
    let parameter_group = input.text("DBClusterParameterGroupName").map(str::to_ascii_lowercase);
    let parameter_group = parameter_group.unwrap_or_else(|| format!("default.{family}"));
    ctx.region.rds.check_cluster_group(&parameter_group, version)?;
    subnet_groups::make_default(ctx)?;
    let group = ctx.region.rds.subnet_group(input.text("DBSubnetGroupName").unwrap_or(subnet_groups::DEFAULT))?;
    subnet_groups::present(ctx, group)?;
    let (subnet_group, vpc_id, zones) = (group.name.clone(), group.vpc_id.clone(), group.zones());
    let security_groups = rules::security_groups(ctx, input.texts("VpcSecurityGroupIds"), &vpc_id)?;
    let zones = rules::three_zones(rules::zones(input, ctx.region_name)?.unwrap_or(zones), ctx.region_name);
    let encrypted = input.flag("StorageEncrypted").unwrap_or(input.has("KmsKeyId"));
    if input.has("KmsKeyId") && !encrypted {
        return Err(combination("KmsKeyId cannot be given for a cluster whose storage is not encrypted."));
    }
    let mut kept = defaults(ctx, encrypted);
    input.keep(KEPT, &mut kept);
    windows::normalize(&mut kept);
    input.keep(&[("KmsKeyId", "KmsKeyId")], &mut kept);
    watching::keep(ctx, input, &mut kept);
    note_optimized(ctx, input, &mut kept);
    let backup = kept.get("PreferredBackupWindow").and_then(Value::as_str);
    windows::check(backup, kept.get("PreferredMaintenanceWindow").and_then(Value::as_str))?;
    Ok(Cluster {
        arn: ctx.rds_arn("cluster", &identifier),
        resource_id: arn::resource_id("cluster-"),
        phase: Phase::until("creating", ctx.pace.after(ctx.now, times::CLUSTER), ctx.ending("failed")),
        progress: Progress::begun(),
        version: version.to_owned(),
        listener: ctx.region.rds.listener(port),
        reader: cfg!(target_os = "linux").then(|| ctx.region.rds.listener(port)),
        port,
        username: String::new(),
        password: Password::default(),
        passwords: 0,
        database: input.text("DatabaseName").map(str::to_owned),
        parameter_group,
        subnet_group,
        vpc_id,
        security_groups,
        zones,
        logs: input.texts("EnableCloudwatchLogsExports").unwrap_or_default(),
        scaling,
        created: ctx.now,
        kept,
        pending: Map::new(),
        tags: tags::given(input)?,
        restarts: 0,
        origin: None,
        final_snapshot: None,
        master_secret: None,
        roles: Vec::new(),
        clone_group: None,
        restarts_at: None,
        identifier,
    })
}

pub(crate) fn create(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    input.only("CreateDBCluster", &watching::and_watching(CREATE))?;
    let secret = Change::of(&input, false)?;
    let version = engine::choose(input.text("EngineVersion"))?;
    let mut cluster = draft(ctx, &input, version)?;
    let given = |member: &str| {
        let blank = || invalid(format!("The parameter {member} must be provided and must not be blank."));
        input.text(member).filter(|text| !text.is_empty()).ok_or_else(blank)
    };
    let username = given("MasterUsername")?;
    rules::username(username)?;
    if secret == Change::None {
        let password = given("MasterUserPassword")?;
        rules::password(password)?;
        cluster.password = Password(password.to_owned());
    }
    if let Some(name) = &cluster.database {
        rules::database(name)?;
    }
    cluster.username = username.to_owned();
    secret.apply(ctx, &mut cluster, &input)?;
    Ok(admit(ctx, cluster))
}

/// Takes a new cluster into the store.
pub(crate) fn admit(ctx: &mut Ctx<'_>, cluster: Cluster) -> Value {
    service_linked::provide(ctx, service_linked::OF_RDS);
    let answer = json!({"DBCluster": cluster.view(&ctx.region.rds, ctx.now)});
    ctx.note_doom("db-cluster", &cluster.arn);
    ctx.region.rds.clusters.insert(cluster.identifier.clone(), cluster);
    answer
}
