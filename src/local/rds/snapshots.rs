//! Cluster snapshots, and clusters made from them.

pub(super) mod copies;
pub(super) mod copying;
pub(super) mod sharing;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Store, arn,
    clusters::{self, Cluster, creation, key},
    engine,
    events::time,
    input::{Filters, Input, combination, identifier, invalid, missing, page},
    phase::{Password, Phase},
    tags::{self, Tags},
    times, watching,
};
use crate::local::{fault::Fault, pace::Millis, world::Ctx};
use sharing::Sight;

/// A snapshot of a cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(super) identifier: String,
    pub(super) arn: String,
    /// The name of its data in the data plane.
    pub(super) data: String,
    pub(super) phase: Phase,
    /// Whether the data plane has copied the data.
    pub(super) copied: bool,
    /// Why it cannot.
    #[serde(default)]
    pub(super) fault: Option<String>,
    /// How often it has tried to in vain.
    #[serde(default)]
    pub(super) attempts: u32,
    /// The cluster's resource id and identifier at that time.
    pub(super) source: String,
    pub(super) cluster: String,
    version: String,
    port: u16,
    vpc_id: String,
    zones: Value,
    username: String,
    password: Password,
    #[serde(default)]
    passwords: u64,
    database: Option<String>,
    created: Millis,
    cluster_created: Value,
    kept: Map<String, Value>,
    pub(super) tags: Tags,
    /// Whether the cloud made it for itself; its identifier then begins with `rds:`, which its key here does not.
    #[serde(default)]
    pub(super) automated: bool,
    /// The ARN of the snapshot that it is a copy of.
    #[serde(default)]
    pub(super) copied_from: Option<String>,
    /// The accounts that may restore it, too.
    #[serde(default)]
    pub(super) shared: Vec<String>,
}

impl Snapshot {
    fn kind(&self) -> &'static str {
        if self.automated { "automated" } else { "manual" }
    }

    /// Refuses unless it is `available`.
    pub(super) fn check_available(&self) -> Result<(), Fault> {
        if self.phase.is("available") {
            return Ok(());
        }
        let message = format!("The snapshot {} is in the state {}.", self.identifier, self.phase.status);
        Err(Fault::new("InvalidDBClusterSnapshotStateFault", message))
    }

    /// The same data under another name.
    pub(super) fn copied_to(&self, name: &str, arn: String, phase: Phase, tags: Tags) -> Self {
        Self {
            identifier: name.to_owned(),
            copied_from: Some(self.arn.clone()),
            automated: false,
            shared: Vec::new(),
            arn,
            phase,
            tags,
            ..self.clone()
        }
    }

    /// The key that it is encrypted with, if it is.
    pub(super) fn kms_key(&self) -> Option<&str> {
        self.kept.get("KmsKeyId").and_then(Value::as_str).filter(|_| self.is_encrypted())
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.kept.get("StorageEncrypted") == Some(&Value::Bool(true))
    }

    /// Has it encrypted with another key.
    pub(super) fn encrypt(&mut self, key: &str) {
        self.kept.insert("KmsKeyId".to_owned(), json!(key));
    }

    /// With whom it is shared.
    pub(super) fn attributes(&self) -> Value {
        let attributes = json!([{"AttributeName": "restore", "AttributeValues": self.shared}]);
        json!({"DBClusterSnapshotAttributesResult":
            {"DBClusterSnapshotIdentifier": self.identifier, "DBClusterSnapshotAttributes": attributes}})
    }

    /// Gives a cluster that is restored what it held.
    pub(super) fn hand_to(&self, cluster: &mut Cluster, input: &Input) {
        if !input.has("Port") {
            cluster.take_port(self.port);
        }
        // What else a call leaves out has the default of a new cluster, tags and CopyTagsToSnapshot among it.
        // A key encrypts what was not encrypted.
        let with_key = input.has("KmsKeyId");
        for (member, given) in [
            ("StorageEncrypted", with_key),
            ("KmsKeyId", with_key),
            ("BackupRetentionPeriod", input.has("BackupRetentionPeriod")),
        ] {
            if let Some(value) = self.kept.get(member).filter(|_| !given) {
                cluster.kept.insert(member.to_owned(), value.clone());
            }
        }
        cluster.username.clone_from(&self.username);
        cluster.password.clone_from(&self.password);
        cluster.passwords = self.passwords;
        cluster.database.clone_from(&self.database);
        cluster.origin = Some(self.data.clone());
    }

    pub(super) fn view(&self) -> Value {
        let kept = |member: &str| self.kept.get(member).cloned();
        json!({
            "DBClusterSnapshotIdentifier": self.identifier, "DBClusterSnapshotArn": self.arn,
            "DBClusterIdentifier": self.cluster, "DbClusterResourceId": self.source, "Status": self.phase.status,
            "SnapshotCreateTime": time(self.created), "ClusterCreateTime": self.cluster_created, "SnapshotType": self.kind(),
            "Engine": engine::ENGINE, "EngineMode": "provisioned", "EngineVersion": self.version, "Port": self.port,
            "AllocatedStorage": 1, "VpcId": self.vpc_id, "AvailabilityZones": self.zones, "MasterUsername": self.username,
            "LicenseModel": "postgresql-license", "PercentProgress": if self.phase.is("available") { 100 } else { 0 },
            "StorageEncryptionType": clusters::encryption(&self.kept),
            "StorageEncrypted": kept("StorageEncrypted"), "KmsKeyId": kept("KmsKeyId"), "StorageType": kept("StorageType"),
            "BackupRetentionPeriod": kept("BackupRetentionPeriod"),
            "PreferredBackupWindow": kept("PreferredBackupWindow"),
            "IAMDatabaseAuthenticationEnabled": kept("IAMDatabaseAuthenticationEnabled"),
            "TagList": tags::listed(&self.tags), "SourceDBClusterSnapshotArn": self.copied_from,
        })
    }
}

pub(super) fn absent(name: &str) -> Fault {
    missing("DBClusterSnapshotNotFoundFault", format!("DBClusterSnapshot not found: {name}"))
}

impl Store {
    pub(super) fn snapshot(&self, name: &str) -> Result<&Snapshot, Fault> {
        let is_meant = |snapshot: &&Snapshot| !name.starts_with("arn:") || snapshot.arn == name;
        self.snapshots.get(&key(name)).filter(is_meant).ok_or_else(|| absent(name))
    }

    /// Whether a copy of this cluster's data is still to be made.
    pub(super) fn is_being_copied(&self, resource_id: &str) -> bool {
        self.snapshots.values().any(|snapshot| snapshot.source == resource_id && snapshot.awaits_copy())
    }
}

/// Refuses a name that is taken.
pub(super) fn check_free(store: &Store, name: &str) -> Result<(), Fault> {
    if !store.snapshots.contains_key(name) {
        return Ok(());
    }
    let message = format!("Cannot create the snapshot because a snapshot with the identifier {name} already exists.");
    Err(Fault::new("DBClusterSnapshotAlreadyExistsFault", message))
}

/// Begins a snapshot of a cluster.
pub(super) fn take(ctx: &mut Ctx<'_>, cluster: &Cluster, name: String, tags: Tags) -> Result<Value, Fault> {
    let snapshot = begin(ctx, cluster, &name, tags)?;
    let answer = snapshot.view();
    ctx.region.rds.note(ctx.now, "db-cluster-snapshot", &snapshot.arn, "backup", "Creating manual cluster snapshot");
    ctx.region.rds.snapshots.insert(name, snapshot);
    Ok(answer)
}

/// A snapshot whose data is to be copied.
fn begin(ctx: &Ctx<'_>, cluster: &Cluster, name: &str, mut tags: Tags) -> Result<Snapshot, Fault> {
    check_free(&ctx.region.rds, name)?;
    if cluster.kept.get("CopyTagsToSnapshot") == Some(&json!(true)) {
        for (tag, value) in &cluster.tags {
            tags.entry(tag.clone()).or_insert_with(|| value.clone());
        }
    }
    let shown = cluster.view(&ctx.region.rds, ctx.now);
    Ok(Snapshot {
        arn: ctx.rds_arn("cluster-snapshot", name),
        data: arn::hex_id("snapshot-"),
        phase: Phase::until("creating", ctx.pace.after(ctx.now, times::SNAPSHOT), "available"),
        copied: false,
        fault: None,
        attempts: 0,
        source: cluster.resource_id.clone(),
        cluster: cluster.identifier.clone(),
        version: cluster.version.clone(),
        port: cluster.port,
        vpc_id: cluster.vpc_id.clone(),
        zones: shown["AvailabilityZones"].clone(),
        username: cluster.username.clone(),
        password: cluster.password.clone(),
        passwords: cluster.passwords,
        database: cluster.database.clone(),
        created: ctx.now,
        cluster_created: shown["ClusterCreateTime"].clone(),
        kept: cluster.kept.clone(),
        tags,
        automated: false,
        copied_from: None,
        shared: Vec::new(),
        identifier: name.to_owned(),
    })
}

pub(super) fn create(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let cluster = ctx.region.rds.available_cluster(input.required("DBClusterIdentifier")?)?.clone();
    let name = identifier("DBClusterSnapshotIdentifier", input.required("DBClusterSnapshotIdentifier")?, 255)?;
    let tags = tags::given(&input)?;
    Ok(json!({"DBClusterSnapshot": take(ctx, &cluster, name, tags)?}))
}

pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let known = ["db-cluster-id", "db-cluster-snapshot-id", "db-cluster-resource-id", "snapshot-type", "engine"];
    let filters = Filters::of(&input, &known)?;
    let kinds = ["automated", "manual", "shared", "public", "awsbackup"];
    if let Some(kind) = input.text("SnapshotType").filter(|kind| !kinds.contains(kind)) {
        return Err(invalid(format!("Invalid snapshot type: {kind}. Valid values: {}", kinds.join(", "))));
    }
    let kind = |snapshot: &Snapshot, sight: &Sight| match sight {
        Sight::Own => snapshot.kind(),
        Sight::Shared => "shared",
        Sight::Public => "public",
    };
    let wanted = |(snapshot, sight): &(&Snapshot, Sight)| {
        let kind = kind(snapshot, sight);
        input.text("DBClusterIdentifier").is_none_or(|cluster| key(cluster) == snapshot.cluster)
            && input.text("DbClusterResourceId").is_none_or(|source| source == snapshot.source)
            && input.text("SnapshotType").is_none_or(|wanted| wanted == kind)
            && filters.pass("db-cluster-id", &[&snapshot.cluster])
            && filters.pass("db-cluster-snapshot-id", &[&snapshot.identifier])
            && filters.pass("db-cluster-resource-id", &[&snapshot.source])
            && filters.pass("snapshot-type", &[kind])
            && filters.pass("engine", &[engine::ENGINE])
    };
    let asks = |member: &str, kind: &str| match input.text("SnapshotType") {
        Some(given) => given == kind,
        None => input.flag(member) == Some(true),
    };
    let (shared, public) = (asks("IncludeShared", "shared"), asks("IncludePublic", "public"));
    let named;
    let snapshots: Vec<(&Snapshot, Sight)> = match input.text("DBClusterSnapshotIdentifier") {
        Some(name) => {
            named = ctx.snapshot_here(name)?;
            let sight = named.sight(ctx.account).unwrap_or(Sight::Own);
            vec![(&named, sight)]
        }
        None => {
            let is_asked = |(_, sight): &(&Snapshot, Sight)| if *sight == Sight::Public { public } else { shared };
            // What a restore copies the data by is no snapshot of anybody's.
            let own = ctx.region.rds.snapshots.values().filter(|own| !own.automated).map(|own| (own, Sight::Own));
            // One's own that is public stands among one's own already.
            let offered = ctx
                .offered_snapshots()
                .filter(is_asked)
                .filter(|(offered, _)| input.has("SnapshotType") || offered.sight(ctx.account) != Some(Sight::Own));
            own.chain(offered).collect()
        }
    };
    let view = |(snapshot, sight): (&Snapshot, Sight)| snapshot.view_for(ctx.account, kind(snapshot, &sight));
    page(&input, "DBClusterSnapshots", snapshots.into_iter().filter(wanted).map(view).collect())
}

pub(super) fn delete(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = input.required("DBClusterSnapshotIdentifier")?;
    let snapshot = ctx.region.rds.snapshot(name)?;
    let name = key(name);
    if snapshot.automated {
        return Err(Fault::new("InvalidDBClusterSnapshotStateFault", "Only manual snapshots may be deleted."));
    }
    if !["available", "failed"].contains(&snapshot.phase.status.as_str()) {
        let message =
            format!("Cannot delete the snapshot {name} because it is in the state {}.", snapshot.phase.status);
        return Err(Fault::new("InvalidDBClusterSnapshotStateFault", message));
    }
    let data = &snapshot.data;
    if let Some(cluster) =
        ctx.region.rds.clusters.values().find(|one| one.origin.as_ref() == Some(data) && one.phase.is("creating"))
    {
        let message =
            format!("The snapshot {name} is in use: the cluster {} is being restored from it.", cluster.identifier);
        return Err(Fault::new("InvalidDBClusterSnapshotStateFault", message));
    }
    let mut answer = snapshot.view();
    answer["Status"] = json!("deleted");
    let store = &mut ctx.region.rds;
    store.discarded.extend(store.snapshots.remove(&name).map(|snapshot| snapshot.data));
    Ok(json!({"DBClusterSnapshot": answer}))
}

/// What a restore takes.
pub(super) const RESTORE: &[&str] = &[
    "AvailabilityZones",
    "DBClusterIdentifier",
    "DatabaseName",
    "SnapshotIdentifier",
    "Engine",
    "EngineVersion",
    "Port",
    "DBSubnetGroupName",
    "VpcSecurityGroupIds",
    "Tags",
    "KmsKeyId",
    "EnableIAMDatabaseAuthentication",
    "EnableCloudwatchLogsExports",
    "EngineMode",
    "DBClusterParameterGroupName",
    "DeletionProtection",
    "CopyTagsToSnapshot",
    "StorageType",
    "NetworkType",
    "ServerlessV2ScalingConfiguration",
    "BackupRetentionPeriod",
    "PreferredBackupWindow",
    "EngineLifecycleSupport",
];

pub(super) fn restore(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    input.only("RestoreDBClusterFromSnapshot", &watching::and_watching(RESTORE))?;
    let snapshot = ctx.snapshot_here(input.required("SnapshotIdentifier")?)?;
    snapshot.check_available()?;
    let version = engine::choose(Some(input.text("EngineVersion").unwrap_or(&snapshot.version)))?;
    if version != snapshot.version {
        engine::check_upgrade(&snapshot.version, version, false).map_err(|_| {
            combination(format!("Cannot restore a snapshot of version {} with version {version}.", snapshot.version))
        })?;
    }
    if let Some(other) = input.text("DatabaseName").filter(|name| snapshot.database.as_deref() != Some(name)) {
        return Err(combination(format!(
            "DatabaseName {other} is not the name of the snapshot's database; another one is not supported by the local cloud"
        )));
    }
    let mut cluster = creation::draft(ctx, &input, version)?;
    snapshot.hand_to(&mut cluster, &input);
    Ok(creation::admit(ctx, cluster))
}
