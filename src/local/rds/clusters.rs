//! Aurora clusters: what they are, how they are shown, and how one is made.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Store, arn, engine,
    events::time,
    input::{Filters, Input, combination, identifier, invalid, missing, page},
    listener::Listener,
    phase::{Password, Phase, Progress},
    rules::{self, Scaling},
    subnet_groups,
    tags::{self, Tags},
    times, windows,
};
use crate::local::{fault::Fault, pace::Millis, world::Ctx};

/// An Aurora PostgreSQL cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cluster {
    pub(super) identifier: String,
    pub(super) arn: String,
    pub(super) resource_id: String,
    pub(super) phase: Phase,
    pub(super) progress: Progress,
    pub(super) version: String,
    /// The port that the API shows; the listener's is the real one.
    pub(super) port: u16,
    pub(super) listener: Listener,
    /// Where the readers' endpoint is; elsewhere than on Linux, with its many loopback addresses, there is none of its own.
    #[serde(default)]
    pub(super) reader: Option<Listener>,
    pub(super) username: String,
    pub(super) password: Password,
    pub(super) database: Option<String>,
    pub(super) parameter_group: String,
    pub(super) subnet_group: String,
    pub(super) vpc_id: String,
    pub(super) security_groups: Vec<String>,
    zones: Vec<String>,
    pub(super) logs: Vec<String>,
    pub(super) scaling: Option<Scaling>,
    created: Millis,
    /// Members that are stored and answered as they were given.
    pub(super) kept: Map<String, Value>,
    /// Changes that wait for the maintenance window.
    pub(super) pending: Map<String, Value>,
    pub(super) tags: Tags,
    /// How often its server was told to restart.
    pub(super) restarts: u64,
    /// The resource id of the snapshot that its data comes from.
    pub(super) origin: Option<String>,
    /// Roles by ARN, each with the feature that it is for.
    #[serde(default)]
    pub(super) roles: Vec<(String, String)>,
}

/// Members that pass through: as a call names them, as an answer does.
pub(super) const KEPT: &[(&str, &str)] = &[
    ("BackupRetentionPeriod", "BackupRetentionPeriod"),
    ("PreferredBackupWindow", "PreferredBackupWindow"),
    ("PreferredMaintenanceWindow", "PreferredMaintenanceWindow"),
    ("CopyTagsToSnapshot", "CopyTagsToSnapshot"),
    ("DeletionProtection", "DeletionProtection"),
    ("EnableHttpEndpoint", "HttpEndpointEnabled"),
    ("EnableIAMDatabaseAuthentication", "IAMDatabaseAuthenticationEnabled"),
    ("EnablePerformanceInsights", "PerformanceInsightsEnabled"),
    ("PerformanceInsightsKMSKeyId", "PerformanceInsightsKMSKeyId"),
    ("PerformanceInsightsRetentionPeriod", "PerformanceInsightsRetentionPeriod"),
    ("DatabaseInsightsMode", "DatabaseInsightsMode"),
    ("MonitoringInterval", "MonitoringInterval"),
    ("MonitoringRoleArn", "MonitoringRoleArn"),
    ("NetworkType", "NetworkType"),
    ("StorageType", "StorageType"),
    ("EngineLifecycleSupport", "EngineLifecycleSupport"),
    ("AutoMinorVersionUpgrade", "AutoMinorVersionUpgrade"),
];

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
    "MonitoringInterval",
    "MonitoringRoleArn",
    "DatabaseInsightsMode",
    "EnablePerformanceInsights",
    "PerformanceInsightsKMSKeyId",
    "PerformanceInsightsRetentionPeriod",
    "EngineLifecycleSupport",
];

impl Cluster {
    /// The status that a describe shows; a server that cannot start makes it `failed`.
    pub(super) fn status(&self) -> &str {
        let making = self.phase.is("creating") || self.phase.is("starting");
        if making && self.progress.fault.is_some() { "failed" } else { &self.phase.status }
    }

    /// Whether its server is to run.
    pub(super) fn runs(&self) -> bool {
        !["stopping", "stopped", "deleting"].contains(&self.phase.status.as_str())
    }

    /// Whether its endpoint answers: from when it is available, through whatever its server still has to catch up with (a
    /// reader that leaves), until it is stopped or deleted.
    pub(super) fn is_reachable(&self) -> bool {
        self.runs() && (self.progress.complete() || self.phase.is("available"))
    }

    /// Has it listen on another port; elsewhere than on Linux the API shows it, and the servers keep theirs.
    pub(super) fn take_port(&mut self, port: u16) {
        self.port = port;
        if cfg!(target_os = "linux") {
            self.listener.port = port;
            if let Some(reader) = &mut self.reader {
                reader.port = port;
            }
        }
    }

    /// Where the writer answers, or the readers.
    pub(super) fn endpoint(&self, writer: bool) -> &Listener {
        self.reader.as_ref().filter(|_| !writer).unwrap_or(&self.listener)
    }

    /// The database to connect to when none is named.
    pub(super) fn default_database(&self) -> &str {
        self.database.as_deref().unwrap_or("postgres")
    }

    pub(super) fn view(&self, store: &Store, now: Millis) -> Value {
        let group = |id: &String| json!({"VpcSecurityGroupId": id, "Status": "active"});
        let role =
            |(arn, feature): &(String, String)| json!({"RoleArn": arn, "FeatureName": feature, "Status": "ACTIVE"});
        let member = |instance: &super::instances::Instance| {
            json!({"DBInstanceIdentifier": instance.identifier, "IsClusterWriter": instance.writer,
                "DBClusterParameterGroupStatus": "in-sync", "PromotionTier": instance.promotion_tier()})
        };
        let mut view = self.kept.clone();
        let shown = json!({
            "DBClusterIdentifier": self.identifier, "DBClusterArn": self.arn, "DbClusterResourceId": self.resource_id,
            "Status": self.status(), "Engine": engine::ENGINE, "EngineMode": "provisioned", "EngineVersion": self.version,
            "AllocatedStorage": 1, "AvailabilityZones": self.zones, "DatabaseName": self.database,
            "DBClusterParameterGroup": self.parameter_group, "DBSubnetGroup": self.subnet_group,
            "Endpoint": self.listener.address, "ReaderEndpoint": self.endpoint(false).address, "Port": self.port,
            "HostedZoneId": "Z2R2ITUGPM61AM", "MultiAZ": store.members(&self.identifier).count() > 1,
            "MasterUsername": self.username, "ReadReplicaIdentifiers": [], "AssociatedRoles": self.roles.iter().map(role).collect::<Vec<_>>(),
            "DBClusterMembers": store.members(&self.identifier).map(member).collect::<Vec<_>>(),
            "VpcSecurityGroups": self.security_groups.iter().map(group).collect::<Vec<_>>(),
            "ClusterCreateTime": time(self.created), "EarliestRestorableTime": time(self.created),
            "LatestRestorableTime": time(now), "CrossAccountClone": false, "DomainMemberships": [],
            "EnabledCloudwatchLogsExports": Some(&self.logs).filter(|logs| !logs.is_empty()),
            "ServerlessV2ScalingConfiguration": self.scaling.as_ref().map(Scaling::view),
            "PendingModifiedValues": Some(&self.pending).filter(|pending| !pending.is_empty()),
            "TagList": tags::listed(&self.tags), "ActivityStreamStatus": "stopped",
            "LocalWriteForwardingStatus": "disabled",
        });
        view.extend(shown.as_object().cloned().unwrap_or_default());
        Value::Object(view)
    }
}

/// `DBClusterNotFoundFault`.
pub(super) fn absent(name: &str) -> Fault {
    missing("DBClusterNotFoundFault", format!("DBCluster {name} not found."))
}

/// An identifier, or the last part of an ARN, in lower case.
pub(super) fn key(given: &str) -> String {
    given.rsplit(':').next().unwrap_or_default().to_ascii_lowercase()
}

impl Store {
    pub(super) fn cluster(&self, name: &str) -> Result<&Cluster, Fault> {
        self.clusters.get(&key(name)).ok_or_else(|| absent(name))
    }

    pub(super) fn cluster_mut(&mut self, name: &str) -> Result<&mut Cluster, Fault> {
        self.clusters.get_mut(&key(name)).ok_or_else(|| absent(name))
    }

    /// Refuses unless the cluster is `available`.
    pub(super) fn available_cluster(&self, name: &str) -> Result<&Cluster, Fault> {
        let cluster = self.cluster(name)?;
        if cluster.status() == "available" {
            return Ok(cluster);
        }
        Err(Fault::new(
            "InvalidDBClusterStateFault",
            format!("DB cluster {} is not in the available state: it is {}.", cluster.identifier, cluster.status()),
        ))
    }
}

/// The defaults that AWS answers for what a call left out.
fn defaults(ctx: &Ctx<'_>, encrypted: bool) -> Map<String, Value> {
    let kept = json!({
        "BackupRetentionPeriod": 1, "PreferredBackupWindow": "03:12-03:42",
        "PreferredMaintenanceWindow": "sun:05:20-sun:05:50", "CopyTagsToSnapshot": false, "DeletionProtection": false,
        "HttpEndpointEnabled": false, "IAMDatabaseAuthenticationEnabled": false, "PerformanceInsightsEnabled": false,
        "DatabaseInsightsMode": "standard", "NetworkType": "IPV4", "AutoMinorVersionUpgrade": true,
        "MonitoringInterval": 0, "EngineLifecycleSupport": "open-source-rds-extended-support",
        "StorageEncrypted": encrypted, "KmsKeyId": encrypted.then(|| ctx.default_key()),
    });
    kept.as_object().cloned().unwrap_or_default()
}

/// Checks the members that creating, restoring and modifying share.
pub(super) fn check_common(input: &Input, version: &str) -> Result<(), Fault> {
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
    rules::monitoring(input)?;
    rules::logs(&input.texts("EnableCloudwatchLogsExports").unwrap_or_default(), version)?;
    windows::check(input.text("PreferredBackupWindow"), input.text("PreferredMaintenanceWindow"))
}

/// A cluster as the call describes it, checked; without the master user, which a restore takes from elsewhere.
pub(super) fn draft(ctx: &mut Ctx<'_>, input: &Input, version: &str) -> Result<Cluster, Fault> {
    let identifier = identifier("DBClusterIdentifier", input.required("DBClusterIdentifier")?, 63)?;
    if ctx.region.rds.clusters.contains_key(&identifier) {
        return Err(Fault::new("DBClusterAlreadyExistsFault", format!("DB Cluster already exists: {identifier}")));
    }
    engine::check(input.required("Engine")?)?;
    if let Some(mode) = input.text("EngineMode").filter(|mode| *mode != "provisioned") {
        return Err(combination(format!("The engine mode {mode} you requested is currently unavailable.")));
    }
    check_common(input, version)?;
    let scaling = Scaling::given(input, None)?;
    let port = input.number("Port").map_or(Ok(5432), rules::port)?;
    let family = engine::family(version);
    let parameter_group = input.text("DBClusterParameterGroupName").map(str::to_ascii_lowercase);
    let parameter_group = parameter_group.unwrap_or_else(|| format!("default.{family}"));
    ctx.region.rds.check_cluster_group(&parameter_group, version)?;
    subnet_groups::make_default(ctx)?;
    let group = ctx.region.rds.subnet_group(input.text("DBSubnetGroupName").unwrap_or(subnet_groups::DEFAULT))?;
    let (subnet_group, vpc_id, zones) = (group.name.clone(), group.vpc_id.clone(), group.zones());
    let security_groups = rules::security_groups(&ctx.region.ec2, input.texts("VpcSecurityGroupIds"), &vpc_id)?;
    let zones = rules::zones(input, ctx.region_name)?.unwrap_or(zones);
    let encrypted = input.flag("StorageEncrypted").unwrap_or(input.has("KmsKeyId"));
    if input.has("KmsKeyId") && !encrypted {
        return Err(combination("KmsKeyId cannot be given for a cluster whose storage is not encrypted."));
    }
    let mut kept = defaults(ctx, encrypted);
    input.keep(KEPT, &mut kept);
    input.keep(&[("KmsKeyId", "KmsKeyId")], &mut kept);
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
        roles: Vec::new(),
        identifier,
    })
}

pub(super) fn create(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    if input.flag("ManageMasterUserPassword") == Some(true) && input.has("MasterUserPassword") {
        return Err(combination("You can't specify MasterUserPassword when ManageMasterUserPassword is enabled."));
    }
    input.only("CreateDBCluster", CREATE)?;
    let version = engine::choose(input.text("EngineVersion"))?;
    let mut cluster = draft(ctx, &input, version)?;
    let given = |member: &str| {
        let blank = || invalid(format!("The parameter {member} must be provided and must not be blank."));
        input.text(member).filter(|text| !text.is_empty()).ok_or_else(blank)
    };
    let (username, password) = (given("MasterUsername")?, given("MasterUserPassword")?);
    rules::username(username)?;
    rules::password(password)?;
    if let Some(name) = &cluster.database {
        rules::database(name)?;
    }
    cluster.username = username.to_owned();
    cluster.password = Password(password.to_owned());
    Ok(admit(ctx, cluster, "DB cluster created"))
}

/// Takes a new cluster into the store.
pub(super) fn admit(ctx: &mut Ctx<'_>, cluster: Cluster, message: &str) -> Value {
    let answer = json!({"DBCluster": cluster.view(&ctx.region.rds, ctx.now)});
    ctx.region.rds.note(ctx.now, "db-cluster", &cluster.arn, "creation", message);
    ctx.note_doom("db-cluster", &cluster.arn);
    ctx.region.rds.clusters.insert(cluster.identifier.clone(), cluster);
    answer
}

pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let filters =
        Filters::of(&input, &["clone-group-id", "db-cluster-id", "db-cluster-resource-id", "domain", "engine"])?;
    let store = &ctx.region.rds;
    let wanted = |cluster: &&Cluster| {
        filters.pass("db-cluster-id", &[&cluster.identifier])
            && filters.pass("db-cluster-resource-id", &[&cluster.resource_id])
            && filters.pass("engine", &[engine::ENGINE])
            && filters.pass("clone-group-id", &[])
            && filters.pass("domain", &[])
    };
    let clusters: Vec<&Cluster> = match input.text("DBClusterIdentifier") {
        Some(name) => vec![store.cluster(name)?],
        None => store.clusters.values().collect(),
    };
    page(
        &input,
        "DBClusters",
        clusters.into_iter().filter(wanted).map(|cluster| cluster.view(store, ctx.now)).collect(),
    )
}

/// `DescribeDBClusterEndpoints`: the writer's, the readers', and custom ones.
pub(super) fn endpoints(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let known = [
        "db-cluster-endpoint-type",
        "db-cluster-endpoint-custom-type",
        "db-cluster-endpoint-id",
        "db-cluster-endpoint-status",
    ];
    let filters = Filters::of(&input, &known)?;
    let store = &ctx.region.rds;
    let clusters: Vec<&Cluster> = match input.text("DBClusterIdentifier") {
        Some(name) => vec![store.cluster(name)?],
        None => store.clusters.values().collect(),
    };
    let view = |cluster: &Cluster, kind: &str| {
        json!({"DBClusterIdentifier": cluster.identifier, "Endpoint": cluster.endpoint(kind == "WRITER").address, "Status": cluster.status(),
            "EndpointType": kind})
    };
    let id = input.text("DBClusterEndpointIdentifier").map(str::to_ascii_lowercase);
    let mut views = Vec::new();
    for cluster in clusters {
        let built_in = ["WRITER", "READER"].into_iter().filter(|kind| {
            id.is_none()
                && filters.pass("db-cluster-endpoint-type", &[kind, &kind.to_lowercase()])
                && filters.pass("db-cluster-endpoint-status", &[cluster.status()])
                && filters.pass("db-cluster-endpoint-custom-type", &[])
                && filters.pass("db-cluster-endpoint-id", &[])
        });
        views.extend(built_in.map(|kind| view(cluster, kind)));
        let custom = store.custom_endpoints.values().filter(|one| {
            one.cluster == cluster.identifier
                && id.as_ref().is_none_or(|id| *id == one.name)
                && filters.pass("db-cluster-endpoint-type", &["CUSTOM", "custom"])
                && filters.pass("db-cluster-endpoint-status", &[&one.phase.status])
                && filters.pass("db-cluster-endpoint-custom-type", &[one.kind(), &one.kind().to_lowercase()])
                && filters.pass("db-cluster-endpoint-id", &[&one.name])
        });
        views.extend(custom.map(|one| one.view(cluster)));
    }
    page(&input, "DBClusterEndpoints", views)
}
